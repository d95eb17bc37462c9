"""Every exchange with a simulator is heard, and what breaks the contract is told with its words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import requests

from connector.simulator import DUELINE, Simulator, running
from tests.contract import documents
from tests.contract.exchange import Exchange
from tests.contract.verdict import verdict
from tests.contract.watch import Ear

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not documents.here(), reason="the reference material is not here"),
]

UNKNOWN = Exchange("cloud", "GET", "/rest/api/3/nope", status=404)


@pytest.fixture
def asks_what_jira_refuses() -> bool:
    """What breaks the contract here is looked at, and then forgotten."""
    return True


@pytest.fixture
def base() -> Iterator[str]:
    now = datetime(2026, 11, 21, 10, tzinfo=UTC)
    with running(Simulator(now=lambda: now)) as url:
        yield url


def test_what_a_simulator_is_asked_is_heard(base: str, ear: Ear) -> None:
    requests.get(f"{base}/rest/api/3/nope", auth=(DUELINE, "simulator"), timeout=10)
    requests.get(f"{base}/simulator/requests", timeout=10)
    requests.get(base, timeout=10)
    told = verdict(ear.judge())
    assert told == "GET /rest/api/3/nope: request, path (unknown): no document has it"


def test_a_fault_of_the_simulator_is_nobodys_breach(base: str, ear: Ear) -> None:
    fault = {"status": 418, "body": "teapot"}
    requests.post(f"{base}/simulator/faults", json=fault, timeout=10)
    answer = requests.get(f"{base}/rest/api/3/nope", timeout=10)
    assert answer.status_code == 418
    assert ear.judge() == []


def test_likes_are_judged_once_and_told_each_time() -> None:
    ear = Ear()
    for path in ("/rest/api/3/nope/1", "/rest/api/3/nope/22"):
        ear.hear(Exchange("cloud", "GET", path))
    assert len(ear.judge()) == 1
    assert ear.judge() == []
    ear.hear(Exchange("cloud", "GET", "/rest/api/3/nope/333"))
    assert len(ear.judge()) == 1


def test_a_faulty_request_may_be_made_where_it_is_refused() -> None:
    ear = Ear()
    ear.hear(UNKNOWN)
    (broken,) = ear.judge()
    assert verdict([broken])
    assert not verdict([broken], lenient=True)
    taken = Exchange("cloud", "GET", "/rest/api/3/nope", status=200)
    assert verdict([(taken, broken[1])], lenient=True)


def test_what_is_waived_is_not_told() -> None:
    ear = Ear()
    ear.hear(Exchange("datacenter", "GET", "/rest/api/2/field", answer=b"[]"))
    judged = ear.judge()
    assert judged
    assert verdict(judged) == ""
