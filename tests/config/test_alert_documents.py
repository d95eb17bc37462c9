"""What alerts ask for beside words is loaded, and what older versions published stays readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.configuration import Configuration
from config.errors import ConfigError
from config.loader import load
from config.wording import DEFAULTS
from sla.channels import Channel, Waking
from sla.contract import NO_ACTIONS, Actions

PROJECTS = """\
projects:
  BOT:
    contracts: [{ contract: botron }]
    severities: [{ severity: All }]
alerts:
  default:
    warnings:
      - { used: 75%, public: true, actions: { labels: look } }
    breach: { public: true, actions: { assign: "557058:somebody", priority: Highest } }
    levels:
      - level: 1
        name: Lead
        after: 30m
        audience: { groups: [leads] }
        actions: { assign: true, labels: [a, b], transition: Escalate }
      - { level: 2, name: Head, after: 1h }
"""


@pytest.fixture
def site(tmp_path: Path) -> Configuration:
    (tmp_path / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
    return load(tmp_path)


def test_actions_and_who_reads_are_loaded(site: Configuration) -> None:
    alerts = site.policy.projects["BOT"].alerts
    (warning,) = alerts.warnings
    lead, head = alerts.levels
    assert (warning.public, warning.actions) == (True, Actions(labels=("look",)))
    assert alerts.breach_public
    assert alerts.breach_actions == Actions(assignee="557058:somebody", priority="Highest")
    assert lead.actions == Actions(assign=True, labels=("a", "b"), transition="Escalate")
    assert (lead.public, head.public, head.actions) == (False, False, NO_ACTIONS)
    assert Configuration.from_text(site.text) == site


def test_what_was_published_before_there_were_any_stays_readable(site: Configuration) -> None:
    plain = json.loads(site.text)
    del plain["site"]["remote_link"], plain["site"]["wording"]["public"]
    default = plain["alerts"]["default"]
    for step in (*default["warnings"], default["breach"], *default["levels"]):
        step.pop("actions", None)
        del step["public"]
    older = Configuration.from_text(json.dumps(plain))
    alerts = older.policy.projects["BOT"].alerts
    assert {alerts.breach_actions, *(each.actions for each in alerts.levels)} == {NO_ACTIONS}
    assert not any(each.public for each in alerts.warnings)
    assert older.site.remote_link
    assert older.site.wording["public"] == DEFAULTS["public"]


CHANNELS = """\
channels:
  on-call: { hours: enterprise, at_any_hour: { severity: High }, in_doubt: drop }
  managers: {}
"""
TOLD = PROJECTS.replace(
    "- { level: 2, name: Head, after: 1h }",
    "- { level: 2, name: Head, after: 1h, actions: { notify: [on-call, managers] } }",
).replace("{ contract: botron }", "{ contract: enterprise, tier: Enterprise }")
TOLD = TOLD.replace("severity: All", "severity: High")


def test_channels_are_loaded_and_no_version_changes_where_there_are_none(
    site: Configuration, tmp_path: Path
) -> None:
    assert "channels" not in json.loads(site.text)["site"]
    (tmp_path / "projects.yaml").write_text(TOLD, encoding="utf-8")
    (tmp_path / "site.yaml").write_text(CHANNELS, encoding="utf-8")
    made = load(tmp_path)
    assert made.policy.projects["BOT"].alerts.levels[1].actions.notify == ("on-call", "managers")
    on_call = made.site.channels["on-call"]
    assert on_call.hours == made.calendars["enterprise"]
    assert on_call.at_any_hour == Waking(severities=frozenset({"High"}))
    assert (on_call.in_doubt, made.site.channels["managers"]) == ("drop", Channel("managers"))
    assert Configuration.from_text(made.text) == made


@pytest.mark.parametrize(
    ("right", "wrong", "why"),
    [
        ("hours: enterprise", "hours: entreprise", "no calendar has that name; did you mean"),
        ("severity: High", "severity: Hihg", "no contract of a project has it"),
        ("hours: enterprise, ", "", "has no `hours`; give a calendar"),
        ("at_any_hour: { severity: High }", "at_any_hour: {}", "names nothing"),
        ("managers: {}", "manager: {}", "is no channel of site.yaml; did you mean"),
    ],
)
def test_channels_that_nobody_would_be_told_by_are_refused(
    tmp_path: Path, right: str, wrong: str, why: str
) -> None:
    (tmp_path / "projects.yaml").write_text(TOLD, encoding="utf-8")
    (tmp_path / "site.yaml").write_text(CHANNELS.replace(right, wrong), encoding="utf-8")
    with pytest.raises(ConfigError, match=why):
        load(tmp_path)
