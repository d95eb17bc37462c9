"""A team's own directory: what it has wins, what it lacks is shipped, what is open it sets."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

from config.configuration import Configuration
from config.errors import ConfigError
from config.loader import load
from sla.condition import Condition
from sla.contract import Audience, BusinessDays, Goal, OpenTime, Refusal, Scope
from sla.mapping import cover

CONTRACT = """\
contract: acme
title: Acme Support
source: { publisher: Acme, title: Support }
severities:
  1: Down
  2:
parameters:
  urgent: { kind: target, clause: "2", what: the time for severity 1 }
  hours: { kind: calendar, clause: "3", what: the support hours of the order form }
metrics:
  first_response:
    clause: "2"
    goals:
      - severity: 1
        tier: Gold
        target: { parameter: urgent }
        calendar: { parameter: hours }
        clause: "2"
      - severity: [1, 2]
        tier: [Gold, Silver]
        target: 3 business days
        calendar: botron
        clause: "2"
    pause_statuses: [Waiting for customer]
clauses:
  - { id: "2", gist: Times as the order form has them., became: open parameter }
  - { id: "3", gist: Hours as the order form has them., became: open parameter }
"""

PROJECTS = """\
projects:
  ACM:
    contracts:
      - { contract: acme, tier: Gold, type: Bug, status: [Open, New], fields: { Plan: [1, Two] } }
      - { contract: acme, tier: Silver }
    severities:
      - { priority: High, severity: 1 }
      - { severity: 2 }
    alerts: loud
parameters:
  acme: { urgent: 1h 30m, hours: standard, holidays: [2026-12-24] }
alerts:
  loud:
    warnings:
      - { left: 90m, audience: { groups: [support] }, wording: "{{ issue }}: {{ left }} left" }
      - { used: 50% }
    breach: { audience: { users: [u-1] }, wording: "{{ issue }} is late" }
    levels:
      - { level: 1, name: Lead, after: 0m, audience: { assignee: true, groups: [leads] } }
      - { level: 2, name: Head, after: 1h, hours: enterprise, wording: "{{ level_name }}!" }
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "contracts").mkdir()
    text = CONTRACT.replace(
        "metrics:", "  holidays: { kind: holidays, clause: '3', what: x }\nmetrics:", 1
    )
    (tmp_path / "contracts" / "acme.yaml").write_text(text, encoding="utf-8")
    (tmp_path / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
    return tmp_path


def test_parameters_fill_in_what_the_text_leaves_open(own: Path) -> None:
    site = load(own)
    first, second = site.policy.contracts["acme"].metrics[0].goals
    assert isinstance(first, Goal)
    assert isinstance(second, Goal)
    assert first.target == OpenTime(timedelta(minutes=90), "1h 30m")
    assert (first.calendar.id, first.scope) == ("standard", Scope(("1",), ("Gold",)))
    assert dict(first.calendar.holidays) == {date(2026, 12, 24): "Holiday"}
    assert second.target == BusinessDays(3, "open_hours")
    assert second.calendar == site.calendars["botron"]
    assert site.policy.contracts["acme"].severities == {"1": "Down", "2": ""}
    waiting = Condition({"status": ("Waiting for customer",)})
    assert site.policy.contracts["acme"].metrics[0].clock.pauses == (waiting,)
    assert Configuration.from_text(site.text) == site


def test_a_promise_whose_parameters_are_not_set_is_refused_by_name(own: Path) -> None:
    start, end = PROJECTS.index("parameters:"), PROJECTS.index("alerts:\n  loud")
    (own / "projects.yaml").write_text(PROJECTS[:start] + PROJECTS[end:], encoding="utf-8")
    first, second = load(own).policy.contracts["acme"].metrics[0].goals
    assert isinstance(first, Refusal)
    assert [sentence.partition("; set ")[0] for sentence in first.missing] == [
        f"the parameter `{name}` of acme is not set: {what}"
        for name, what in (
            ("urgent", "the time for severity 1 (clause 2)"),
            ("hours", "the support hours of the order form (clause 3)"),
        )
    ]
    # What needs no figure is promised all the same.
    assert isinstance(second, Goal)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("urgent: soon", "parameters.acme.urgent: is `soon`, which is no target"),
        (
            "urgent: [2026-12-24]",
            "urgent: is of another kind than the contract asks for; write one",
        ),
        ("urgent: 1h 30m, hours: standart", "hours: is `standart`, and no calendar has that name"),
    ],
)
def test_parameters_of_the_wrong_kind(own: Path, given: str, said: str) -> None:
    text = PROJECTS.replace("urgent: 1h 30m, hours: standard", given)
    (own / "projects.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(own)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("tier: Glod", "tier: is `Glod`, for which acme has no goal; did you mean `Gold`?"),
        (
            "type: Story",
            "names no tier, and every goal of acme is for one; there are: Gold, Silver",
        ),
    ],
)
def test_tiers(own: Path, written: str, said: str) -> None:
    (own / "projects.yaml").write_text(PROJECTS.replace("tier: Gold", written), encoding="utf-8")
    if written.startswith("type"):
        text = PROJECTS.replace("tier: Gold, ", "")
        (own / "projects.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(own)
    assert said in str(raised.value)


def test_conditions_use_the_names_of_the_timeline(own: Path) -> None:
    policy = load(own).policy
    fields = {"project": "ACM", "issuetype": "bug", "status": "new", "Plan": "1"}
    assert cover(policy, fields | {"priority": "High"}).tier == "Gold"
    assert cover(policy, fields | {"Plan": "Three"}).tier == "Silver"
    assert cover(policy, fields | {"status": "Closed"}).severity == "2"


def test_alerts(own: Path) -> None:
    alerts = load(own).policy.projects["ACM"].alerts
    first, second = alerts.warnings
    assert (first.id, first.left) == ("warning-1h30m-left", timedelta(minutes=90))
    assert first.audience == Audience(groups=("support",))
    assert first.wording == "{{ issue }}: {{ left }} left"
    assert (second.id, second.used, second.audience) == (
        "warning-50%",
        0.5,
        Audience(assignee=True),
    )
    assert (alerts.breach, alerts.breach_wording) == (
        Audience(users=("u-1",)),
        "{{ issue }} is late",
    )
    lead, head = alerts.levels
    assert (lead.after, lead.hours) == (timedelta(0), None)
    assert lead.audience == Audience(assignee=True, groups=("leads",))
    assert head.hours is not None
    assert head.hours.id == "enterprise"
    assert head.wording == "{{ level_name }}!"


def test_the_directory_wins_over_what_is_shipped(site: Path) -> None:
    (site / "calendars").mkdir()
    text = 'time_zone: Europe/Berlin\nweekly:\n  mon: [["09:00", "17:00"]]\n'
    (site / "calendars" / "botron.yaml").write_text(text, encoding="utf-8")
    (goal,) = load(site).policy.contracts["botron"].metrics[0].goals
    assert isinstance(goal, Goal)
    assert goal.calendar.time_zone == "Europe/Berlin"
    assert not goal.calendar.holidays


def test_only_what_is_used_is_published(site: Path) -> None:
    found = load(site)
    assert list(found.policy.contracts) == ["botron"]
    assert list(found.calendars) == ["botron"]


def test_without_site_yaml_everything_has_its_default(site: Path) -> None:
    found = load(site)
    assert found.site.fields["due"] == "First response due"
    assert found.site.reported_at is None
    assert found.policy.responders.only is None


def test_a_site(site: Path) -> None:
    text = """\
fields: { due: customfield_10050 }
reported_at: Called in
responders: { only: [a, b], never: [c], groups: { First line: [a], Second line: [b, d] } }
comments: { internal: false, role: Service Desk Team }
wording: { breach: "{{ issue }}" }
"""
    (site / "site.yaml").write_text(text, encoding="utf-8")
    found = load(site)
    assert found.site.fields["due"] == "customfield_10050"
    assert found.policy.reported_at_field == "Called in"
    assert found.policy.responders.only == frozenset({"a", "b"})
    assert found.policy.responders.never == {"c"}
    teams = {"First line": frozenset({"a"}), "Second line": frozenset({"b", "d"})}
    assert found.policy.responders.groups == teams
    twice = text.replace("[b, d]", "[b, a]")
    (site / "site.yaml").write_text(twice, encoding="utf-8")
    with pytest.raises(ConfigError, match="has a in First line and in Second line"):
        load(site)
    (site / "site.yaml").write_text(text, encoding="utf-8")
    assert (found.site.comments.internal, found.site.comments.role) == (False, "Service Desk Team")
    assert found.site.wording["breach"] == "{{ issue }}"
    assert "still missing" in found.site.wording["escalation"]


def test_the_same_documents_give_the_same_version(site: Path) -> None:
    assert load(site).policy.version == load(site).policy.version
