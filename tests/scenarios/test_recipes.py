"""Each query of the page for support teams finds what its heading says, on what Dueline wrote."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from connector.simulator import AGENT, DUELINE
from tests.scenarios.world import World, utc

pytestmark = pytest.mark.one_database("sqlite")

PAGE = Path(__file__).parents[2] / "docs" / "in-jira.md"
EXPECTED = {
    "Answer within two hours": {"soon", "overdue"},
    "Due soon, and not late yet": {"soon"},
    "Overdue now": {"overdue"},
    "First answer overdue": {"overdue"},
    "Due today": {"soon", "overdue"},
    "Due soon, and nobody has it": {"overdue"},
    "Mine, what is due first on top": {"soon", "later"},
    "Answered late": {"late"},
    "Answered in time during the last seven days": {"kept"},
    "Escalated, and still open": {"overdue", "late"},
    "The clock rests": {"paused"},
    "A resolution is what is due next": {"solving"},
    "Enterprise customers, high severity": {"soon", "overdue", "late", "kept", "paused"},
    "Nothing is promised, and somebody should know why": {"nothing"},
}


def recipes() -> dict[str, str]:
    """By its heading each query of the page."""
    found = re.findall(
        r"^### (.*)\n(?:(?!^#).*\n)*?```jql\n(.*)\n```", PAGE.read_text("utf-8"), re.MULTILINE
    )
    return dict(found)


@pytest.fixture
def desk(anywhere: World) -> tuple[World, dict[str, str]]:
    """Wednesday, 20:10 UTC: issues in every situation, by the key what each is."""
    place, jira = anywhere, anywhere.jira
    enterprise = {"Support plan": "Enterprise"}
    kinds = {place.report("HLP", enterprise, priority="High"): "overdue"}
    late = place.report("HLP", enterprise, priority="High")
    kept = place.report("HLP", enterprise, priority="High")
    paused = place.report("HLP", enterprise, priority="High", assignee=AGENT)
    kinds |= {late: "late", kept: "kept", paused: "paused"}
    jira.add_comment(kept, "We are on it.")
    place.advance(utc("2024-07-10 20:05"))
    jira.add_comment(late, "Sorry, we are on it.")
    place.settle()
    # As Dueline leaves an issue whose clock rests.
    rests = {"SLA state": "paused", "First response due": None, "SLA next due": None}
    jira.edit(paused, {**rests, "SLA escalation level": 0}, account=DUELINE)
    kinds[place.report("HLP", enterprise, priority="High", assignee=AGENT)] = "soon"
    kinds[place.report("HLP", priority="Low", assignee=AGENT)] = "later"
    solving = place.report("HLP", priority="Low")
    jira.edit(
        solving,
        {
            "SLA next metric": "resolution", "SLA next due": "2024-07-11T15:00:00.000+0000",
            "First responded": "2024-07-10T20:06:00.000+0000", "SLA state": "cancelled",
        },
        account=DUELINE,
    )  # fmt: skip
    kinds[solving] = "solving"
    nothing = place.report("HLP", issuetype="Bug")
    empty = ["policy", "severity", "state", "escalation level", "next due", "next metric"]
    jira.edit(
        nothing, {**{f"SLA {n}": None for n in empty}, "First response due": None}, account=DUELINE
    )
    kinds[nothing] = "nothing"
    place.advance(utc("2024-07-10 20:10"))
    return place, kinds


def test_each_recipe_finds_what_its_heading_says(desk: tuple[World, dict[str, str]]) -> None:
    place, kinds = desk
    assert len(recipes()) == PAGE.read_text("utf-8").count("```jql") == len(EXPECTED)
    found = {
        heading: {kinds[issue.key] for issue in place.jira.search(query, account=AGENT)}
        for heading, query in recipes().items()
    }
    assert found == EXPECTED


def test_what_is_due_first_comes_first(desk: tuple[World, dict[str, str]]) -> None:
    place, kinds = desk
    query = recipes()["Mine, what is due first on top"]
    assert [kinds[each.key] for each in place.jira.search(query, account=AGENT)] == [
        "soon",
        "later",
    ]
