"""What alerts ask for beside words is loaded, and what older versions published stays readable."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from config.configuration import Configuration
from config.loader import load
from config.wording import DEFAULTS
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
