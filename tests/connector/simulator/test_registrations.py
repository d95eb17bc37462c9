from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, Simulator

Ask = Callable[..., requests.Response]
OLD = "/rest/webhooks/1.0/webhook"
NEW = "/rest/jira-webhook/1.0/webhooks"
CLASSIC: dict[str, Any] = {
    "name": "Dueline",
    "url": "https://dueline.example.com/webhook",
    "events": ["jira:issue_created", "comment_created"],
    "filters": {"issue-related-events-section": "project = BOT"},
    "excludeBody": False,
    "secret": "s3cret",
}
CONFIGURED: dict[str, Any] = {
    "name": "Dueline",
    "url": "https://dueline.example.com/webhook",
    "events": ["jira:issue_created"],
    "active": True,
    "scopeType": "global",
    "configuration": {"SECRET": "s3cret", "EXCLUDE_BODY": "false", "FILTERS": "project = BOT"},
}


def test_the_old_form(ask: Ask, sim: Simulator) -> None:
    made = ask("POST", OLD, json=CLASSIC)
    assert made.status_code == 201
    shown = made.json()
    assert shown["isSigned"] is True
    assert "secret" not in made.text.lower().replace("s3cret", "secret")
    assert shown["self"].endswith("/rest/webhooks/1.0/webhook/1")
    assert ask("GET", OLD).json() == [shown]
    assert ask("GET", f"{OLD}/1").json() == shown
    changed = ask("PUT", f"{OLD}/1", json={"name": "Renamed", "enabled": False}).json()
    assert changed["name"] == "Renamed"
    assert changed["enabled"] is False
    assert changed["filters"] == CLASSIC["filters"]
    assert changed["isSigned"] is True
    assert sim.webhooks["1"].secret == "s3cret"
    assert ask("DELETE", f"{OLD}/1").status_code == 204
    assert ask("DELETE", f"{OLD}/1").status_code == 404
    assert ask("GET", OLD).json() == []


def test_the_new_form_of_data_center(datacenter: Simulator, serve: Callable[..., Ask]) -> None:
    ask = serve(datacenter)
    made = ask("POST", NEW, json=CONFIGURED)
    assert made.status_code == 201
    assert "s3cret" not in made.text
    assert made.json()["configuration"] == {"EXCLUDE_BODY": "false", "FILTERS": "project = BOT"}
    assert datacenter.webhooks["1"].secret == "s3cret"
    changed = ask("PUT", f"{NEW}/1", json={**CONFIGURED, "id": 1, "active": False}).json()
    assert changed["active"] is False
    assert ask("GET", NEW).json() == [changed]
    assert ask("DELETE", f"{NEW}/1").status_code == 204


def test_the_new_form_ignores_what_stands_at_the_top(
    datacenter: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(datacenter)
    made = ask("POST", NEW, json=CLASSIC).json()
    assert made["isSigned"] is False
    assert made["configuration"]["FILTERS"] == ""
    assert datacenter.webhooks["1"].secret is None


def test_the_new_form_is_unknown_to_cloud(cloud: Simulator, serve: Callable[..., Ask]) -> None:
    assert serve(cloud)("GET", NEW).status_code == 404


def test_only_administrators_register(ask: Ask) -> None:
    assert ask("POST", OLD, json=CLASSIC, account=AGENT).status_code == 403
    assert ask("GET", OLD, account=None).status_code == 401


@pytest.mark.parametrize(
    "faulty",
    [{"name": ""}, {"url": "dueline"}, {"events": ["issue_exploded"]}],
)
def test_a_faulty_registration_is_refused(ask: Ask, faulty: dict[str, Any]) -> None:
    answer = ask("POST", OLD, json={**CLASSIC, **faulty})
    assert answer.status_code == 400
    assert answer.json()["messages"]


def test_a_filter_must_be_jql(ask: Ask) -> None:
    filters = {"issue-related-events-section": "colour = red"}
    assert ask("POST", OLD, json={**CLASSIC, "filters": filters}).status_code == 400


def test_a_disabled_webhook_is_silent(ask: Ask, sim: Simulator) -> None:
    ask("POST", OLD, json={**CLASSIC, "enabled": False})
    sim.create_issue(project="BOT", summary="x")
    assert sim.pending_deliveries() == []
