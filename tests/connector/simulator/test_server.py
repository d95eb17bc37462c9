from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest
import requests

from connector.simulator import DUELINE, Simulator, create_app, running
from connector.simulator.deliveries import post

Ask = Callable[..., requests.Response]


def test_connections_stay_open(cloud: Simulator) -> None:
    with running(cloud) as base:
        host = base.removeprefix("http://")
        connection = HTTPConnection(host, timeout=10)
        connection.connect()
        socket = connection.sock
        for method, body in (("GET", None), ("POST", b"{}"), ("GET", None)):
            connection.request(method, "/rest/api/3/serverInfo", body)
            answer = connection.getresponse()
            answer.read()
            assert connection.sock is socket
        connection.close()


def test_links_point_at_the_running_server(cloud: Simulator) -> None:
    with running(cloud) as base:
        issue = cloud.create_issue(project="BOT", summary="x")
        link = f"{base}/rest/api/3/issue/{issue.id}"
        answer = requests.get(link, auth=(DUELINE, "simulator"), timeout=10)
        assert answer.json()["self"] == link
    with pytest.raises(requests.ConnectionError):
        requests.get(link, timeout=10)


def test_webhooks_go_by_themselves(cloud: Simulator, receiver: Any) -> None:
    arrived = threading.Event()

    def tell(url: str, body: bytes, headers: Any) -> int:
        status: int = receiver(url, body, headers)
        arrived.set()
        return status

    cloud._post = tell
    cloud.register_webhook("https://dueline.example.com/webhook")
    with running(cloud, deliver_in_background=True):
        cloud.create_issue(project="BOT", summary="x")
        assert arrived.wait(10)
    assert receiver.events == ["jira:issue_created"]


def test_retries_go_by_themselves_when_the_clock_says(
    cloud: Simulator, receiver: Any, wait: Callable[..., None]
) -> None:
    tried, arrived = threading.Event(), threading.Event()
    receiver.answers.append(503)

    def tell(url: str, body: bytes, headers: Any) -> int:
        status: int = receiver(url, body, headers)
        (arrived if status == 202 else tried).set()
        return status

    cloud._post = tell
    cloud.register_webhook("https://dueline.example.com/webhook")
    with running(cloud, deliver_in_background=True):
        cloud.create_issue(project="BOT", summary="x")
        assert tried.wait(10)
        with cloud.something_pending:
            assert cloud.something_pending.wait_for(cloud.pending_deliveries, timeout=10)
        wait(seconds=10)
        assert arrived.wait(10)
    assert receiver.received[1][2]["X-Atlassian-Webhook-Retry"] == "1"


def test_the_own_way_of_posting_speaks_http(cloud: Simulator) -> None:
    with running(cloud) as base:
        assert post(f"{base}/rest/api/3/nope", b"{}", {"Content-Type": "application/json"}) == 404
    with pytest.raises(OSError, match="refused"):
        post(f"{base}/rest/api/3/nope", b"{}", {})


def test_many_at_once_lose_nothing(cloud: Simulator) -> None:
    def create(number: int) -> str:
        return cloud.create_issue(project="BOT", summary=f"s{number}").key

    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(create, range(80)))
    assert len(keys) == len(cloud.issues) == 80


def test_unknown_paths_are_answered_like_jira(ask: Ask, sim: Simulator) -> None:
    answer = ask("GET", "/nope")
    assert answer.status_code == 404
    if sim.cloud:
        assert answer.json() == {"errorMessage": "No endpoint GET /rest/api/3/nope."}
    else:
        assert answer.json() == {
            "message": f"null for uri: {sim.base_url}/rest/api/2/nope",
            "status-code": 404,
        }
    assert ask("DELETE", "/myself").status_code == 404
    assert ask("GET", "/rest/api/3/myself").status_code == (200 if sim.cloud else 404)


def test_bodies_that_are_not_json_objects_are_refused(ask: Ask) -> None:
    headers = {"Content-Type": "application/json"}
    assert ask("POST", "/issue", data="{", headers=headers).status_code == 400
    assert ask("POST", "/issue", json=[]).status_code == 400
    assert ask("POST", "/issue", json={"fields": []}).status_code == 400
    assert ask("POST", "/issue", data="x", headers={"Content-Type": "text/x"}).status_code == 415
    assert ask("GET", "/group/bulk?startAt=x").status_code in {400, 404}


def test_the_application_needs_no_socket(cloud: Simulator) -> None:
    client = create_app(cloud).test_client()
    answer = client.get("/rest/api/3/serverInfo")
    assert json.loads(answer.data)["deploymentType"] == "Cloud"
