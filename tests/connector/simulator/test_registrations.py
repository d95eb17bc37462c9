from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, DUELINE, Simulator

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


# --- apps' own ---------------------------------------------------------------------------------

MINE = "/rest/api/3/webhook"
APP = AGENT
URL = "https://dueline.example.com/token"
ISSUES_OF_BOT: dict[str, Any] = {"events": ["jira:issue_created"], "jqlFilter": "project = BOT"}


@pytest.fixture
def ask_as_app(cloud: Simulator, serve: Callable[..., Ask]) -> Ask:
    known = cloud.account(APP)
    cloud.site.accounts[known.email] = replace(known, account_type="app")
    return partial(serve(cloud), account=APP)


def registered(ask_as_app: Ask, *webhooks: dict[str, Any], url: str = URL) -> list[dict[str, Any]]:
    answer = ask_as_app("POST", MINE, json={"url": url, "webhooks": list(webhooks)})
    assert answer.status_code == 200
    results: list[dict[str, Any]] = answer.json()["webhookRegistrationResult"]
    return results


def test_an_app_registers_for_itself(ask_as_app: Ask, cloud: Simulator) -> None:
    assert registered(ask_as_app, ISSUES_OF_BOT) == [{"createdWebhookId": 1}]
    (shown,) = ask_as_app("GET", MINE).json()["values"]
    expires_at = cloud.now() + timedelta(days=30)
    assert shown == {
        **ISSUES_OF_BOT, "id": 1, "url": URL,
        "expirationDate": int(expires_at.timestamp() * 1000),
    }  # fmt: skip
    assert ask_as_app("GET", OLD, account=DUELINE).json() == []
    assert ask_as_app("DELETE", MINE, json={"webhookIds": [1, 7]}).status_code == 202
    assert ask_as_app("GET", MINE).json()["values"] == []


def test_only_apps_do(cloud: Simulator, serve: Callable[..., Ask]) -> None:
    ask = serve(cloud)
    calls = [("GET", MINE), ("POST", MINE), ("DELETE", MINE), ("PUT", f"{MINE}/refresh")]
    for method, path in [*calls, ("GET", f"{MINE}/failed")]:
        answer = ask(method, path, json={"webhookIds": [1]})
        assert answer.status_code == 403
        assert "app" in answer.json()["errorMessages"][0]


def test_data_center_has_none(datacenter: Simulator, serve: Callable[..., Ask]) -> None:
    assert serve(datacenter)("GET", "/rest/api/2/webhook").status_code == 404


@pytest.mark.parametrize(
    ("jql", "problem"),
    [
        ("", "must be a condition"),
        ("order by key", "must be a condition"),
        ("project = BOT order by key", "must be a condition"),
        ("watchCount > 3", "The clause watchCount is unsupported"),
        ("project = BOT and labels in (a)", "The clause labels is unsupported"),
        ("status ~ Open", "The operator ~ is unsupported"),
        ("assignee is empty", "The operator is is unsupported"),
    ],
)
def test_a_filter_beyond_the_part_of_jql_is_refused(
    ask_as_app: Ask, jql: str, problem: str
) -> None:
    refused, made = registered(ask_as_app, {**ISSUES_OF_BOT, "jqlFilter": jql}, ISSUES_OF_BOT)
    assert problem in refused["errors"][0]
    assert made == {"createdWebhookId": 1}


def test_an_app_has_one_address_and_few_webhooks(ask_as_app: Ask) -> None:
    six = registered(ask_as_app, *[ISSUES_OF_BOT] * 6)
    assert ["createdWebhookId" in each for each in six] == [True] * 5 + [False]
    ask_as_app("DELETE", MINE, json={"webhookIds": [2, 3]})
    (refused,) = registered(ask_as_app, ISSUES_OF_BOT, url="https://other.example.com/")
    assert "Only a single URL per app" in refused["errors"][0]


@pytest.mark.parametrize(
    "faulty",
    [
        {"url": "http://plain.example"},
        {"webhooks": []},
        {"webhooks": [{"events": ["worklog_created"]}]},
    ],
)
def test_what_makes_no_sense_is_refused(ask_as_app: Ask, faulty: dict[str, Any]) -> None:
    body = {"url": URL, "webhooks": [ISSUES_OF_BOT], **faulty}
    assert ask_as_app("POST", MINE, json=body).status_code == 400


def test_they_are_unsigned_name_themselves_and_end(
    ask_as_app: Ask, cloud: Simulator, clock: Any, receiver: Any
) -> None:
    of_bit = {**ISSUES_OF_BOT, "jqlFilter": "project = BIT"}
    registered(ask_as_app, ISSUES_OF_BOT, ISSUES_OF_BOT, of_bit)
    cloud.create_issue(project="BOT", summary="x")
    cloud.deliver()
    ((url, body, headers),) = receiver.received
    assert (url, body["matchedWebhookIds"]) == (URL, [1, 2])
    assert "X-Hub-Signature" not in headers
    clock.instant += timedelta(days=20)
    refreshed = ask_as_app("PUT", f"{MINE}/refresh", json={"webhookIds": [2, 99]}).json()
    assert refreshed["expirationDate"] == int(
        (clock.instant + timedelta(days=30)).timestamp() * 1000
    )
    clock.instant += timedelta(days=10)
    cloud.create_issue(project="BOT", summary="y")
    cloud.deliver()
    assert receiver.received[-1][1]["matchedWebhookIds"] == [2]
    clock.instant += timedelta(days=20)
    cloud.create_issue(project="BOT", summary="z")
    assert cloud.pending_deliveries() == []
    assert ask_as_app("GET", MINE).json()["values"] == []
