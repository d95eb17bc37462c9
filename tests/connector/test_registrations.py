"""Administrators' webhooks: read in every form, and mended where they would not do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import responses
from atlassian.jira import Jira

from connector.datacenter import DataCenterClient
from connector.errors import JiraRefused
from connector.registrations import ISSUE_FILTER, Webhook, hidden_by, only, webhook_of
from connector.rest import Rest
from connector.setup import EVENTS, set_up_webhook, webhook_faults

SITE = "https://jira.example"
PATH = f"{SITE}/rest/jira-webhook/1.0/webhooks"
HOOK = "https://dueline.example/webhooks/jira"
PROJECTS = ("BOT", "BTL")
WANTED = EVENTS["datacenter"]


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as web:
        web.get(f"{SITE}/rest/api/2/serverInfo", json={"version": "10.3.4"})
        yield web


def client() -> DataCenterClient:
    return DataCenterClient(Rest(lambda: Jira(SITE, token="t", advanced_mode=True)))


def shown(number: int = 1, **parts: Any) -> dict[str, Any]:
    return {
        "id": number, "name": "Dueline", "url": HOOK, "events": list(WANTED), "active": True,
        "configuration": {"EXCLUDE_BODY": "false", "FILTERS": ""}, "isSigned": True, **parts,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (shown(), {}),
        (shown(isSigned=False), {"signed": False}),
        (shown(isSigned=None), {"signed": None}),
        (shown(active=False), {"enabled": False}),
        (shown(active="false"), {"enabled": False}),
        (shown(configuration={"EXCLUDE_BODY": "true"}), {"bodiless": True}),
        (shown(configuration={"EXCLUDE_BODY": True}), {"bodiless": True}),
        (shown(configuration={"FILTERS": "project = A"}), {"jql": "project = A"}),
        (shown(configuration=None, excludeBody=True), {"bodiless": True}),
        (shown(configuration=None, filters={ISSUE_FILTER: "x = 1"}), {"jql": "x = 1"}),
        (shown(events=None), {"events": ()}),
        (shown(active=None, enabled=False), {"enabled": False}),
    ],
)  # fmt: skip
def test_each_form_is_read(answer: dict[str, Any], known: dict[str, Any]) -> None:
    usual = {
        "id": "1", "name": "Dueline", "url": HOOK, "events": WANTED, "enabled": True,
        "jql": "", "bodiless": False, "signed": True,
    }  # fmt: skip
    assert webhook_of(answer) == Webhook(**{**usual, **known})


@pytest.mark.parametrize("answer", [{}, None, [], "x", 7, {"self": f"{PATH}/9"}])
def test_what_a_server_leaves_out_is_no_fault_but_the_events(answer: Any) -> None:
    assert webhook_faults(webhook_of(answer), (), PROJECTS) == ()


@pytest.mark.parametrize(
    ("jql", "hidden"),
    [
        ("", ()),
        ("  ", ()),
        ("project in (BOT, BTL)", ()),
        ("PROJECT IN (\"bot\" , 'BTL', HLP)", ()),
        ("project = BOT", ("BTL",)),
        ('project = "BOT"', ("BTL",)),
        ("project in (HLP)", ("BOT", "BTL")),
        # More than a list of projects: nobody can tell.
        ("project in (BOT, BTL) and issuetype = Bug", ("BOT", "BTL")),
        ("project != HLP", ("BOT", "BTL")),
        ("project not in (HLP)", ("BOT", "BTL")),
        ("labels = sla", ("BOT", "BTL")),
        ("project in (BOT, BTL", ("BOT", "BTL")),
    ],
)
def test_what_a_filter_hides(jql: str, hidden: tuple[str, ...]) -> None:
    assert hidden_by(jql, PROJECTS) == hidden


def test_our_own_filter_hides_nothing_of_what_it_is_for() -> None:
    assert hidden_by(only(PROJECTS), PROJECTS) == ()
    assert hidden_by(only(PROJECTS), ["HLP"]) == ("HLP",)


@pytest.mark.parametrize(
    "wrapped", [{"isLast": False}, {"total": 3}, {"isLast": False, "total": 3}]
)
def test_a_listing_may_be_wrapped_and_paged(
    jira: responses.RequestsMock, wrapped: dict[str, Any]
) -> None:
    first, last = [shown(1), shown(2)], [shown(3)]
    jira.get(PATH, json={"values": first, **wrapped})
    matched = [responses.matchers.query_param_matcher({"startAt": "2"})]
    jira.get(PATH, json={"values": last, "isLast": True}, match=matched)
    assert [each.id for each in client().webhooks()] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "answer",
    [[shown()], {"values": [shown()]}, {"values": [shown()], "total": 1},
     # Whoever takes no notice of where a page is to start gives the first one for ever.
     {"values": [shown()], "isLast": False}],
)  # fmt: skip
def test_a_listing_ends(jira: responses.RequestsMock, answer: Any) -> None:
    jira.get(PATH, json=answer)
    assert [each.id for each in client().webhooks()] == ["1"]


def test_an_answer_that_lists_nothing_is_not_taken_for_an_empty_list(
    jira: responses.RequestsMock,
) -> None:
    jira.get(PATH, json={"message": "hello"})
    with pytest.raises(JiraRefused, match="lists no webhooks"):
        client().webhooks()


@pytest.mark.parametrize(
    ("parts", "fault"),
    [
        ({"active": False}, "it is disabled"),
        ({"isSigned": False}, "it is not signed"),
        ({"configuration": {"EXCLUDE_BODY": "true"}}, "it leaves out the body"),
        ({"configuration": {"FILTERS": "project = BOT"}}, "its filter may hide BTL"),
        ({"events": list(WANTED[1:])}, f"it does not tell {WANTED[0]}"),
    ],
)
def test_each_fault_is_named_and_mended(
    jira: responses.RequestsMock, parts: dict[str, Any], fault: str
) -> None:
    faulty = shown(**parts)
    assert webhook_faults(webhook_of(faulty), WANTED, PROJECTS) == (fault,)
    jira.get(PATH, json=[shown(5, url="https://other.example"), faulty])
    matched = [responses.matchers.json_params_matcher({
        "id": 1, "name": "Dueline", "url": HOOK, "active": True, "scopeType": "global",
        "events": [*faulty["events"], *(e for e in WANTED if e not in faulty["events"])],
        "configuration": {"SECRET": "hush", "EXCLUDE_BODY": "false", "FILTERS": ""},
    })]  # fmt: skip
    jira.put(f"{PATH}/1", json=shown(), match=matched)
    assert set_up_webhook(client(), HOOK, "hush", projects=PROJECTS) == "mended"


def test_one_without_a_fault_is_left_alone(jira: responses.RequestsMock) -> None:
    jira.get(PATH, json=[shown(configuration={"FILTERS": only(PROJECTS)})])
    assert set_up_webhook(client(), HOOK, "hush", projects=PROJECTS) == "there already"
