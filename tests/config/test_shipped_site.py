"""The shipped directory loads, maps issues as its table says, and its deadlines come out right."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from config.configuration import Configuration
from config.errors import ConfigurationError
from config.summary import summary
from config.wording import DEFAULTS
from sla.contract import Audience, BusinessDays, Goal
from sla.mapping import Coverage, cover

TYPES = ("Question", "Bug", "Task", "Story")
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
PLANS = (None, "Standard", "Enterprise", "enterprise")

BY_PRIORITY = {
    "BIT": {
        "Highest": "Severity 1",
        "High": "Severity 2",
        "Medium": "Severity 2",
        "Low": "Severity 3",
        "Lowest": "Severity 3",
    },
    "HLP": {"Highest": "High", "High": "High", "Medium": "Medium", "Low": "Low", "Lowest": "Low"},
}


def covered(site: Configuration, project: str, **fields: str | None) -> Coverage:
    return cover(site.policy, {"project": project, **fields})


def goal_of(coverage: Coverage) -> Goal:
    goal = coverage.goal("first_response")
    assert goal is not None
    return goal


def due(coverage: Coverage, start: datetime) -> datetime:
    goal = goal_of(coverage)
    if isinstance(goal.target, BusinessDays):
        return goal.calendar.business_days(start, goal.target.days, goal.target.reading)
    return goal.calendar.due(start, goal.target.amount)


# --- the mapping ------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "priority", "plan"), list(product(TYPES, PRIORITIES, PLANS)))
def test_every_issue_finds_its_promise(
    shipped: Configuration, kind: str, priority: str, plan: str | None
) -> None:
    fields: Mapping[str, str | None] = {
        "issuetype": kind,
        "priority": priority,
        "Support plan": plan,
    }
    promises = {
        project: (found.contract.id if found.contract else None, found.tier, found.severity)
        for project in ("BOT", "BIT", "HLP")
        for found in [covered(shipped, project, **fields)]
    }

    severity = "Severity 3" if kind == "Question" else BY_PRIORITY["BIT"][priority]
    enterprise = (plan or "").casefold() == "enterprise"
    assert promises == {
        "BOT": ("botron", None, "All"),
        "BIT": ("bitumio", None, severity),
        "HLP": (
            "enterprise" if enterprise else "standard",
            "Enterprise" if enterprise else "Standard",
            BY_PRIORITY["HLP"][priority],
        ),
    }


def test_other_projects_have_no_promise(shipped: Configuration) -> None:
    assert not covered(shipped, "XYZ", issuetype="Bug", priority="High").covered


def test_every_goal_is_as_written(shipped: Configuration) -> None:
    goals = [
        (contract.id, metric.name, goal.scope.severities, goal.target.text, goal.binding)
        for contract in shipped.policy.contracts.values()
        for metric in contract.metrics
        for goal in metric.goals
        if isinstance(goal, Goal)
    ]
    assert goals == [
        ("bitumio", "first_response", ("Severity 1",), "2h", "commitment"),
        ("bitumio", "first_response", ("Severity 2",), "1 business day", "commitment"),
        ("bitumio", "first_response", ("Severity 3",), "1 business day", "commitment"),
        ("bitumio", "periodic_update", ("Severity 1",), "1h", "commitment"),
        ("bitumio", "substantive_response", ("Severity 3",), "3 business days", "commitment"),
        ("botron", "first_response", (), "1 business day", "commitment"),
        ("enterprise", "first_response", (), "30m", "goal"),
        ("standard", "first_response", (), "1 business day", "goal"),
    ]


# --- the deadlines, worked out by hand ----------------------------------------------------------

NEW_YORK, CHICAGO = ZoneInfo("America/New_York"), ZoneInfo("America/Chicago")


def at(text: str, zone: ZoneInfo | None = None) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone or UTC)


@pytest.mark.parametrize(
    ("priority", "kind", "reported", "expected"),
    [
        # Wednesday 19:00: an hour is left until 20:00, the other runs from Thursday 08:00.
        ("Highest", "Bug", "2024-07-10 19:00", "2024-07-11 13:00"),
        # Friday 19:30, then Monday from 08:00.
        ("Highest", "Bug", "2024-07-05 19:30", "2024-07-08 13:30"),
        # The 4th of July lies between.
        ("Highest", "Bug", "2024-07-03 19:00", "2024-07-05 13:00"),
        # Over the weekend the clocks go back, later forward, on both coasts.
        ("Highest", "Bug", "2024-11-01 19:00", "2024-11-04 14:00"),
        ("Highest", "Bug", "2024-03-08 19:00", "2024-03-11 13:00"),
        # 12 hours of open time: 6 on Friday, 6 on Monday.
        ("Medium", "Bug", "2024-07-05 14:00", "2024-07-08 18:00"),
        # A question is Severity 3 whatever its priority; Saturday counts from Monday 08:00.
        ("Highest", "Question", "2024-07-13 12:00", "2024-07-16 00:00"),
        # Friday 3 July 2026 is Independence Day as observed.
        ("Low", "Bug", "2026-07-02 10:00", "2026-07-06 14:00"),
    ],
)
def test_bitumio(
    shipped: Configuration, priority: str, kind: str, reported: str, expected: str
) -> None:
    coverage = covered(shipped, "BIT", priority=priority, issuetype=kind)
    assert due(coverage, at(reported, NEW_YORK)) == at(expected)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2024-07-09 10:00", "2024-07-10 10:00"),
        ("2024-07-13 09:00", "2024-07-15 22:00"),
        # Thanksgiving as written, the last Thursday: 30 November 2023, not the 23rd.
        ("2023-11-29 20:00", "2023-12-01 20:00"),
        ("2023-11-22 20:00", "2023-11-23 20:00"),
        # 3 March 2025 is a Monday, Christmas 2024 a Wednesday.
        ("2025-02-28 21:00", "2025-03-04 21:00"),
        ("2024-12-24 12:00", "2024-12-26 12:00"),
        # New Year 2023 is a Sunday, and there is no substitute day.
        ("2022-12-30 12:00", "2023-01-02 12:00"),
    ],
)
def test_botron(shipped: Configuration, reported: str, expected: str) -> None:
    assert due(covered(shipped, "BOT"), at(reported)) == at(expected)


@pytest.mark.parametrize(
    ("reported", "expected"),
    [
        ("2024-07-09 10:00", "2024-07-10 15:00"),
        ("2024-07-13 10:00", "2024-07-15 22:00"),
        # Memorial Day on Monday 27 May 2024.
        ("2024-05-24 16:00", "2024-05-28 21:00"),
        # The clocks go back between Friday and Monday.
        ("2024-11-01 16:00", "2024-11-04 22:00"),
    ],
)
def test_standard(shipped: Configuration, reported: str, expected: str) -> None:
    coverage = covered(shipped, "HLP", priority="Low")
    assert due(coverage, at(reported, CHICAGO)) == at(expected)


def test_enterprise(shipped: Configuration) -> None:
    coverage = covered(shipped, "HLP", priority="Low", **{"Support plan": "Enterprise"})
    assert due(coverage, at("2024-12-25 03:10")) == at("2024-12-25 03:40")


# --- what goes with it --------------------------------------------------------------------------


def test_who_is_meant_by_the_roles_of_the_contracts(shipped: Configuration) -> None:
    contracts = shipped.policy.contracts.values()
    addressed = {
        *(
            step.audience
            for each in contracts
            for request in each.requests
            for step in request.steps
        ),
        *(notice.audience for each in contracts for notice in each.notices if not notice.public),
    }
    assert Audience() not in addressed
    assert {group for audience in addressed for group in audience.groups} == {
        "support", "support-leads", "managers",
    }  # fmt: skip


def test_balto_is_escalated_proactively(shipped: Configuration) -> None:
    alerts = shipped.policy.projects["BAL"].alerts
    assert [(level.number, level.used) for level in alerts.levels] == [(1, 0.9), (2, None)]


def test_alerts_are_the_house_practice(shipped: Configuration) -> None:
    alerts = shipped.policy.projects["BIT"].alerts
    assert [(warning.id, warning.used) for warning in alerts.warnings] == [("warning-75%", 0.75)]
    # A new issue has no assignee as a rule: somebody else must hear too.
    assert alerts.breach == Audience(assignee=True, groups=("support",))
    assert [(level.number, level.after, level.audience.groups) for level in alerts.levels] == [
        (1, timedelta(minutes=30), ("support-leads",)),
        (2, timedelta(hours=2), ("managers",)),
        (3, timedelta(hours=4), ("managers",)),
    ]


def test_the_site_names_its_fields(shipped: Configuration) -> None:
    assert shipped.site.fields == {
        "policy": "SLA policy",
        "severity": "SLA severity",
        "due": "First response due",
        "responded": "First responded",
        "state": "SLA state",
        "level": "SLA escalation level",
        "next_due": "SLA next due",
        "next_metric": "SLA next metric",
    }
    assert shipped.policy.customer_field == "Customer"
    assert shipped.site.reported_at == shipped.policy.reported_at_field == "Reported at"
    assert shipped.site.comments.internal
    assert set(shipped.site.wording) == set(DEFAULTS)
    assert shipped.policy.responders.only is None


def test_every_promise_cites_a_clause_and_every_reading_is_a_choice(
    shipped: Configuration,
) -> None:
    for contract in shipped.policy.contracts.values():
        clauses = {clause.id: clause.kinds for clause in contract.clauses}
        for metric in contract.metrics:
            for goal in metric.goals:
                assert "rule" in clauses[goal.clause]
                if isinstance(goal, Goal) and isinstance(goal.target, BusinessDays):
                    choices = {choice.id: choice for choice in contract.choices}
                    assert choices["business-day"].chosen == goal.target.reading
                    assert choices["business-day"].example


@pytest.mark.parametrize("contract", ["botron", "bitumio", "standard"])
def test_the_example_of_the_business_day_is_true(shipped: Configuration, contract: str) -> None:
    """Tuesday 2024-07-09 at 10:00: Wednesday at 10:00 by two readings, at closing by the third."""
    goal = shipped.policy.contracts[contract].metrics[0].goals[-1]
    assert isinstance(goal, Goal)
    zone = ZoneInfo(goal.calendar.time_zone)
    closing = goal.calendar.weekly[2][0].closes.minute // 60
    start = at("2024-07-09 10:00", zone)
    assert goal.calendar.business_days(start, 1, "open_hours") == at("2024-07-10 10:00", zone)
    assert goal.calendar.business_days(start, 1, "same_clock") == at("2024-07-10 10:00", zone)
    assert goal.calendar.business_days(start, 1, "end_of_day") == at(
        f"2024-07-10 {closing}:00", zone
    )


# --- a published version --------------------------------------------------------------------------


def test_the_text_rebuilds_the_same(shipped: Configuration) -> None:
    assert Configuration.from_text(shipped.text) == shipped
    assert len(shipped.policy.version) == 12


def test_another_text_is_another_version(shipped: Configuration) -> None:
    other = Configuration.from_text(shipped.text.replace("SLA state", "SLA status"))
    assert other.policy.version != shipped.policy.version
    assert replace(other.policy, version="") == replace(shipped.policy, version="")


@pytest.mark.parametrize("text", ["", "[]", "{}", "null"])
def test_a_text_that_is_no_configuration(text: str) -> None:
    with pytest.raises(ConfigurationError, match="no published configuration"):
        Configuration.from_text(text)


def test_a_text_of_a_later_release() -> None:
    with pytest.raises(ConfigurationError, match="format 3, newer than 2"):
        Configuration.from_text('{"format": 3}')


def test_the_text_keeps_where_holidays_came_from(shipped: Configuration) -> None:
    assert '"holiday_source":"holidays ' in shipped.text
    assert '"2026-07-03":"Independence Day (observed)"' in shipped.text


def test_the_summary_names_every_part(shipped: Configuration) -> None:
    lines = "\n".join(summary(shipped))
    for part in (
        "project BIT",
        "  severity 1: Severity 3 (type Question)",
        "contract enterprise: Enterprise Support",
        "  first response: Severity 1: 2h on bitumio-severity-1, commitment, clause 4.1:",
        "calendar enterprise: America/Chicago, always open",
        "calendar standard/standard: America/Chicago, 1548 holidays (holidays ",
    ):
        assert part in lines
