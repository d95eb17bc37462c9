"""One delivery's name runs through the logs, from the receiver to the call that changes Jira."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog

from connector.simulator import AGENT, CUSTOMER
from sla import steps
from tests.scenarios.world import World
from webhooks import logs
from webhooks.logs import EVENTS, set_up_logs

HOUR = timedelta(hours=1)
pytestmark = pytest.mark.one_database("sqlite")
WORDS = "Nobody but us is to read this: Hildegard"


class Lines:
    """What a service writes to standard error, as it writes it."""

    def __init__(self, written: pytest.CaptureFixture[str]) -> None:
        self._written = written

    def take(self) -> list[dict[str, Any]]:
        """The lines since the last time; a line that is no JSON fails."""
        return [json.loads(line) for line in self._written.readouterr().err.splitlines()]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    monkeypatch.setenv("DUELINE_LOG", "json")
    monkeypatch.delenv("DUELINE_LOG_LEVEL", raising=False)
    set_up_logs()
    # Kept loggers would write into this for the rest of the process.
    structlog.configure(cache_logger_on_first_use=False)
    yield Lines(capsys)
    steps.unwatch(logs._STEPS)
    structlog.reset_defaults()


def of(lines: list[dict[str, Any]], delivery: str) -> list[str]:
    """The events that carry the name of a delivery, in order, each once."""
    return list(dict.fromkeys(each["event"] for each in lines if each.get("delivery") == delivery))


def test_from_the_receiver_to_the_put(lines: Lines, anywhere: World) -> None:
    lines.take()
    key = anywhere.report("BIT", {"summary": WORDS, "description": WORDS}, priority="Highest")
    written = lines.take()
    first = written[0]
    assert first["event"] == "delivery received"
    assert first["outcome"] == "kept"
    assert of(written, first["delivery"]) == [
        *list(EVENTS.values())[:3], "jira called", "jira written",
    ]  # fmt: skip
    issue_id = anywhere.jira.issue(key).id
    (put,) = [each for each in written if each.get("kind") == "fields"]
    assert {name: put[name] for name in ("kind", "issue_id", "outcome", "level")} == {
        "kind": "fields", "issue_id": issue_id, "outcome": "done", "level": "info",
    }  # fmt: skip
    (call,) = [each for each in written if each.get("what") == "writing fields"]
    assert (call["method"], call["outcome"]) == ("PUT", "204")
    # An echo of our own write is a delivery with a name of its own, from which nothing follows.
    others = {each["delivery"] for each in written if each.get("delivery")} - {first["delivery"]}
    assert all("jira called" not in of(written, name) for name in others)


def test_what_time_brings_follows_from_no_delivery(lines: Lines, cloud: World) -> None:
    key = cloud.report("BIT", priority="Highest")
    lines.take()
    cloud.advance(3 * HOUR)
    assert cloud.said(key)
    written = lines.take()
    decided = [each for each in written if each.get("why") == "time"]
    said = [each for each in written if each.get("kind") == "comment"]
    assert decided
    assert said
    assert all("delivery" not in each for each in [*decided, *said])
    assert any(each["key"].startswith("breach") or "breach" in each["key"] for each in said)


def test_through_a_history_that_has_to_be_read(lines: Lines, cloud: World) -> None:
    """An issue that is first heard of in mid-life: its history is read, and then it is decided."""
    cloud.deaf = True
    key = cloud.jira.create_issue({"summary": WORDS}, project="BIT").key
    cloud.settle()
    cloud.deaf = False
    lines.take()
    cloud.jira.add_comment(key, WORDS, account=AGENT)
    cloud.settle()
    written = lines.take()
    name = written[0]["delivery"]
    histories = [each for each in written if each.get("why") == "history"]
    assert [each["delivery"] for each in histories] == [name]
    calls = {each["what"] for each in written if each.get("delivery") == name and "what" in each}
    assert {"reading the issue", "writing fields"} <= calls


def test_no_line_holds_what_a_person_wrote(lines: Lines, cloud: World) -> None:
    key = cloud.report("BIT", {"summary": WORDS, "description": WORDS})
    cloud.jira.add_comment(key, WORDS, account=CUSTOMER)
    cloud.advance(24 * HOUR)
    text = json.dumps(lines.take())
    assert "jira written" in text
    assert [each for each in ("Hildegard", CUSTOMER, AGENT, "simulator") if each in text] == []
