"""A worker answers monitoring, and nobody else."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.webhooks.test_app import serving
from webhooks.service import Service
from webhooks.telling import TellingError, telling

TOKEN = "only-prometheus-knows-it"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    made = serving(tmp_path, DUELINE_METRICS_TOKEN=TOKEN)
    yield made
    made.close()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_it_tells_how_it_is(service: Service) -> None:
    with telling(service, "127.0.0.1", 0) as port:
        assert ask(port, "/healthz") == (200, '{"status":"ok"}\n')
        # Jira was never reached.
        status, text = ask(port, "/readyz")
        assert (status, json.loads(text)["troubles"]) == (503, {"jira": "not reached yet"})
        assert ask(port, "/metrics")[0] == 401
        status, text = ask(port, "/metrics", Authorization=f"Bearer {TOKEN}")
        assert status == 200
        assert "dueline_ready 0.0" in text
        assert ask(port, "/webhooks/jira", "POST")[0] == 404
        assert ask(port, "/readyz", "POST")[0] == 405
    with pytest.raises(ConnectionRefusedError):
        ask(port, "/healthz")


def test_a_port_that_is_taken_is_named(service: Service) -> None:
    with (
        telling(service, "127.0.0.1", 0) as port,
        pytest.raises(TellingError, match=f"cannot listen on 127.0.0.1:{port}.*DUELINE_WORKER"),
        telling(service, "127.0.0.1", port),
    ):
        pass
