"""Facts from the test suites of seven other products, which this engine has to reproduce.

A case is asserted when an engine written independently found the same value (`verified: match`).
The others differ by a rule that products decide differently; each is named below with the rule
decided here, and where that engine says so, its value is asserted instead.
"""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sla.calendar import Calendar, Opening, WallTime

VECTORS = Path(__file__).parents[3] / "shared" / "peers" / "vectors"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DECIDED_DIFFERENTLY = {
    "glpi-008": "elapsed is signed: a start after the end is no zero",
    "zammad-033": "an amount used up at closing time is due then, not at the next opening",
    "zammad-067": "23:59 is a minute before midnight, so a day until 23:59 lacks a minute",
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not VECTORS.is_dir(), reason=f"no vectors at {VECTORS}"),
]


def cases() -> list[Any]:
    found = []
    for path in sorted(VECTORS.glob("*.json")):
        document = json.loads(path.read_text())
        for case in document["cases"]:
            calendar = document["calendars"][case["calendar"]]
            found.append(pytest.param(case, calendar, id=case["id"]))
    return found


def calendar_from(document: dict[str, Any]) -> Calendar:
    unknown = document.keys() - {"tz", "weekly", "holidays"}
    assert not unknown, f"these vectors use {unknown}, which this test does not convert yet"
    return Calendar(
        "peer",
        document["tz"],
        {
            WEEKDAYS.index(day): tuple(
                Opening(WallTime.parse(opens), WallTime.parse(closes)) for opens, closes in hours
            )
            for day, hours in document["weekly"].items()
        },
        {date.fromisoformat(day): "Holiday" for day in document.get("holidays", [])},
    )


def answer(calendar: Calendar, case: dict[str, Any]) -> datetime | float | bool:
    start = datetime.fromisoformat(case["start"])
    pauses = [
        (datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in case.get("pauses", [])
    ]
    match case["op"]:
        case "add":
            return calendar.due(start, timedelta(seconds=case["amount_seconds"]), pauses)
        case "add_days":
            return calendar.business_days(start, case["amount_days"], "same_clock", pauses)
        case "elapsed":
            end = datetime.fromisoformat(case["end"])
            return calendar.elapsed(start, end, pauses).total_seconds()
        case "next_open":
            return calendar.next_opening(start)
        case "is_open":
            return calendar.is_open(start)
    raise AssertionError(f"{case['id']}: no such operation: {case['op']}")


def value(text: object) -> object:
    return datetime.fromisoformat(text) if isinstance(text, str) else text


@pytest.mark.parametrize(("case", "document"), cases())
def test_peers_say_the_same(case: dict[str, Any], document: dict[str, Any]) -> None:
    found = answer(calendar_from(document), case)
    if case["id"] not in DECIDED_DIFFERENTLY:
        assert case["verified"] == "match"
        assert found == value(case.get("expected", case.get("expected_seconds")))
    elif "engine_says" in case:
        assert found == value(case["engine_says"])
    else:
        assert found != value(case["expected"]), DECIDED_DIFFERENTLY[case["id"]]


def test_every_exception_is_still_a_case() -> None:
    assert DECIDED_DIFFERENTLY.keys() <= {param.id for param in cases()}
