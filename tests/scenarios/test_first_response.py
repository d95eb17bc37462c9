"""A new issue shows its promise at once; an answer stops the clock."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.simulator import AGENT, CUSTOMER
from tests.scenarios.world import World, jira_time, utc, world
from webhooks.explaining import explain_issue

pytestmark = pytest.mark.one_database("sqlite")

MINUTE = timedelta(minutes=1)


def test_a_new_issue_shows_severity_deadline_and_state(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="Highest")
    assert anywhere.fields(key) == {
        "SLA policy": "bitumio",
        "SLA severity": "Severity 1",
        "First response due": jira_time("2024-07-10 21:00"),
        "First responded": None,
        "SLA state": "running",
        "SLA escalation level": 0.0,
        "SLA next due": jira_time("2024-07-10 21:00"),
        "SLA next metric": "first response",
    }


def test_an_agents_reply_stops_the_clock(anywhere: World) -> None:
    key = anywhere.report("HLP")
    anywhere.advance(30 * MINUTE)
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.settle()
    fields = anywhere.fields(key)
    assert (fields["SLA state"], fields["First responded"]) == (
        "met",
        jira_time("2024-07-10 19:30"),
    )
    assert (fields["SLA next due"], fields["SLA next metric"]) == (None, None)
    anywhere.advance(timedelta(days=7))
    assert anywhere.said(key) == []


def test_the_customers_own_comment_does_not(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="Highest")
    anywhere.jira.add_comment(key, "Hello?", account=CUSTOMER)
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "running"


def test_an_internal_comment_does_not(anywhere: World) -> None:
    """Data Center does not say in its webhook that it is internal: its mark is read."""
    key = anywhere.report("HLP")
    anywhere.jira.add_comment(key, "Hm.", account=AGENT, internal=True)
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "running"
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "met"


@pytest.mark.parametrize(
    ("issue", "policy", "severity", "due"),
    [
        ({"project": "BOT"}, "botron", "All", "2024-07-11 19:00"),
        ({"project": "BIT", "priority": "High"}, "bitumio", "Severity 2", "2024-07-11 19:00"),
        ({"project": "BIT", "issuetype": "Question", "priority": "Highest"}, "bitumio",
         "Severity 3", "2024-07-11 19:00"),
        ({"project": "HLP", "priority": "Lowest"}, "standard", "Low", "2024-07-11 19:00"),
        ({"project": "HLP", "priority": "High", "fields": {"Support plan": "Enterprise"}},
         "enterprise", "High", "2024-07-10 19:30"),
    ],
)  # fmt: skip
def test_every_project_has_its_own_promise(
    cloud: World, issue: dict[str, Any], policy: str, severity: str, due: str
) -> None:
    key = cloud.report(**issue)
    fields = cloud.fields(key)
    assert (fields["SLA policy"], fields["SLA severity"]) == (policy, severity)
    assert fields["First response due"] == jira_time(due)


def test_an_issue_that_no_rule_covers_is_left_alone(tmp_path: Path) -> None:
    site = tmp_path / "site"
    site.mkdir()
    rules = "projects: {BOT: {contracts: [{contract: botron}], severities: [{severity: All}]}}"
    (site / "projects.yaml").write_text(rules, encoding="utf-8")
    with world(tmp_path, utc("2024-07-10 19:00"), config=site) as small:
        before = len(small.jira.requests)
        key = small.report("BIT", priority="Highest")
        assert len(small.jira.requests) == before
        assert set(small.fields(key).values()) == {None}
        assert "project BIT is in no mapping" in "\n".join(explain_issue(small.settings, key))


def test_a_change_of_severity_moves_the_deadline_and_used_time_stays_used(anywhere: World) -> None:
    key = anywhere.report("BIT", priority="High")
    anywhere.advance(60 * MINUTE)
    anywhere.jira.edit(key, priority="Highest", account=AGENT)
    anywhere.settle()
    fields = anywhere.fields(key)
    assert (fields["SLA severity"], fields["First response due"]) == (
        "Severity 1",
        jira_time("2024-07-10 21:00"),
    )


def test_an_issue_typed_in_after_a_call_counts_from_the_call(cloud: World) -> None:
    called_at = cloud.clock.at - 20 * MINUTE
    key = cloud.report("HLP", {"Support plan": "Enterprise", "Reported at": called_at})
    assert cloud.fields(key)["First response due"] == jira_time("2024-07-10 19:10")


def test_one_write_a_change_and_no_read_in_the_steady_state(cloud: World) -> None:
    before = len(cloud.jira.requests)
    cloud.report("HLP")
    asked = [(request.method, request.path) for request in list(cloud.jira.requests)[before:]]
    assert asked == [("PUT", "/rest/api/3/issue/10000")]
