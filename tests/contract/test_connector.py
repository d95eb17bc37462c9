"""Every call of the connector, made once against each flavour: what it sends keeps the contract."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

import pytest

from connector.client import ApiToken, JiraClient, connect
from connector.cloud import CloudClient
from connector.datacenter import DataCenterClient
from connector.simulator import AGENT, DUELINE, ROBOT, Simulator, running
from tests.contract import documents

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not documents.here(), reason="the reference material is not here"),
]

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
HOOK = "https://dueline.example.com/webhooks/jira"
EVENTS = ("jira:issue_created",)
Call = Callable[[JiraClient, Simulator], object]


@pytest.fixture(params=["cloud", "datacenter"])
def sim(request: pytest.FixtureRequest) -> Simulator:
    made = Simulator(now=lambda: NOW, flavour=request.param)
    made.create_issue(project="HLP", summary="Broken", description="why")
    made.transition("HLP-1", "In Progress")
    made.add_comment("HLP-1", "Hush", internal=True)
    return made


@pytest.fixture
def client(sim: Simulator) -> Iterator[JiraClient]:
    with running(sim) as url:
        yield connect(url, ApiToken(DUELINE, "simulator"))


def comment(client: JiraClient, *, internal: bool = True, role: str | None = None) -> str:
    return client.add_comment("HLP-1", "**Late**", key="a/1", internal=internal, role=role)


def edited(client: JiraClient, sim: Simulator) -> None:
    field = sim.create_field("Due", "datetime")
    client.edit_fields("HLP-1", {field.id: "2026-11-21T12:00:00.000+0000", "summary": "x"})


def shown(client: JiraClient, _sim: Simulator) -> None:
    field = client.create_field("Left", "float")
    client.show_field(field.id)
    client.show_field(field.id)


def renewed(client: JiraClient, _sim: Simulator) -> None:
    made = client.register_webhook("Dueline", HOOK, EVENTS, "hush-hush-hush-hush", "project = HLP")
    client.renew_webhook(made, EVENTS, "hush-hush-hush-hush")
    client.webhooks()


def assigned(client: JiraClient, sim: Simulator) -> None:
    agent = sim.account(AGENT)
    client.assign("HLP-1", agent.account_id if sim.cloud else agent.key)


def commented(client: JiraClient, _sim: Simulator) -> None:
    made = comment(client)
    client.edit_comment("HLP-1", made, "**Later**", internal=True, role="Service Desk Team")
    comment(client, internal=False, role="Service Desk Team")


def moved(client: JiraClient, _sim: Simulator) -> None:
    _status, open_to = client.transitions("HLP-1")
    client.transition("HLP-1", open_to[0].id)


def linked(client: JiraClient, _sim: Simulator) -> None:
    link = {"globalId": "dueline", "object": {"url": "https://dueline.example.com", "title": "SLA"}}
    client.set_remote_link("HLP-1", link)
    client.set_remote_link("HLP-1", link)


CALLS: Mapping[str, Call] = {
    "server_info": lambda client, _: client.server_info(),
    "myself": lambda client, _: client.myself(),
    "fields": lambda client, _: client.fields(),
    "create_field": shown,
    "show_field": shown,
    "holds_in": lambda client, _: client.holds_in("customfield_10100"),
    "latest": lambda client, _: client.latest("HLP"),
    "rights": lambda client, _: (
        client.rights(["EDIT_ISSUES"], "HLP"),
        client.rights(["ADMINISTER"]),
    ),
    "edit_fields": edited,
    "add_comment": commented,
    "edit_comment": commented,
    "find_comment": lambda client, _: (comment(client), client.find_comment("HLP-1", "a/1")),
    "is_internal": lambda client, _: client.is_internal("HLP-1", comment(client)),
    "assign": assigned,
    "add_labels": lambda client, _: client.add_labels("HLP-1", ["late"]),
    "transitions": moved,
    "transition": moved,
    "set_remote_link": linked,
    "read_history": lambda client, _: client.read_history("HLP-1"),
    "updated_since": lambda client, _: [*client.updated_since(NOW - timedelta(hours=1))],
    "updates_since": lambda client, _: [*client.updates_since(NOW - timedelta(hours=1))],
    "open_issues": lambda client, _: [*client.open_issues(["HLP", "NOPE"])],
    "group_members": lambda client, _: client.group_members("support"),
    "has_project": lambda client, _: client.has_project("HLP"),
    "webhooks": renewed,
    "register_webhook": renewed,
    "renew_webhook": renewed,
}
"""Each call; what is wrong with its requests fails the test that makes it."""
OF_APPS = {
    "dynamic_webhooks",
    "register_dynamic_webhook",
    "refresh_dynamic_webhooks",
    "delete_dynamic_webhooks",
}
"""Those that only an app on Cloud may make."""
ELSEWHERE = {"ask", "ask_pages", "issues_of", "look", "only_rights"}
"""What others ask with, in tests of their own."""


@pytest.mark.parametrize("name", CALLS)
def test_what_a_call_sends_keeps_the_contract(
    name: str, client: JiraClient, sim: Simulator
) -> None:
    CALLS[name](client, sim)
    assert sim.requests


@pytest.mark.parametrize("sim", ["cloud"], indirect=True)
def test_what_an_app_sends_keeps_the_contract(sim: Simulator) -> None:
    with running(sim) as url:
        client = connect(url, ApiToken(ROBOT, "simulator"))
        assert isinstance(client, CloudClient)
        made = client.register_dynamic_webhook(HOOK, EVENTS, "project = HLP")
        assert [webhook.id for webhook in client.dynamic_webhooks()] == [made]
        client.refresh_dynamic_webhooks([made])
        client.delete_dynamic_webhooks([made])
        assert client.dynamic_webhooks() == ()


def test_no_call_is_forgotten() -> None:
    calls = {
        name
        for kind in (CloudClient, DataCenterClient)
        for name, _ in inspect.getmembers(kind, inspect.isfunction)
        if not name.startswith("_")
    }
    assert calls == set(CALLS) | OF_APPS | ELSEWHERE
