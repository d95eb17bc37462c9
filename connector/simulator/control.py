"""The simulator's own switchboard: faults to set and requests to count, for people and scripts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from flask import Flask, Response, jsonify, request

from connector.simulator.faults import read_rule
from connector.simulator.simulator import Simulator


def mount(app: Flask, sim: Simulator) -> None:
    """Add /simulator/faults, /simulator/requests and /simulator/deliveries."""

    @app.get("/simulator/faults")
    def get_faults() -> Response:
        return jsonify(sim.faults.rules())

    @app.post("/simulator/faults")
    def add_faults() -> tuple[Response, int]:
        try:
            given = json.loads(request.data or b"null")
            rules = [read_rule(part) for part in (given if isinstance(given, list) else [given])]
        except (ValueError, TypeError) as error:
            return jsonify({"error": str(error)}), 400
        for rule in rules:
            sim.faults.add(rule)
        return jsonify(sim.faults.rules()), 201

    @app.delete("/simulator/faults")
    def clear_faults() -> tuple[str, int]:
        sim.faults.clear()
        return "", 204

    @app.get("/simulator/requests")
    def get_requests() -> Response:
        shown: list[dict[str, Any]] = []
        for recorded in list(sim.requests):
            text = recorded.body.decode("utf-8", "replace")
            shown.append({**asdict(recorded), "body": text})
        return jsonify(shown)

    @app.delete("/simulator/requests")
    def clear_requests() -> tuple[str, int]:
        sim.requests.clear()
        return "", 204

    @app.get("/simulator/deliveries")
    def get_deliveries() -> Response:
        with sim.lock:
            waiting = [
                {"identifier": d.identifier, "event": d.event, "issue": d.issue_key, "url": d.url}
                for d in sim.pending_deliveries()
            ]
            tried = [{**asdict(attempt), "at": attempt.at.isoformat()} for attempt in sim.attempts]
        return jsonify({"pending": waiting, "attempts": tried})
