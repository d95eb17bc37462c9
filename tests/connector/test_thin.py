"""Notices of Forge and of automation: which issue, and whether it is worth a look."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connector.subject import subject_of
from connector.translate import Translation, translate

NAMED = {"id": "10001", "key": "DEMO-1"}
LINK = {"id": "5", "sourceIssueId": "10001", "destinationIssueId": 10002}
OWN = frozenset({"customfield_1", "SLA state"})


def read(payload: dict[str, Any]) -> Translation:
    return translate(json.dumps(payload).encode(), ignored_fields=OWN)


def looked_up(event: str, **more: Any) -> Translation:
    return Translation("10001", "DEMO-1", event, unclear=True, **more)


def changed(*fields: dict[str, str]) -> dict[str, Any]:
    return {"eventType": "avi:jira:updated:issue", "issue": NAMED, "changelog": {"items": fields}}


@pytest.mark.parametrize(
    "event",
    [
        "avi:jira:created:issue",
        "avi:jira:updated:issue",
        "avi:jira:deleted:issue",
        "avi:jira:assigned:issue",
        "avi:jira:commented:issue",
        "avi:jira:mentioned:comment",
        "avi:jira:deleted:comment",
    ],
)
def test_what_forge_tells_of_an_issue_is_looked_up(event: str) -> None:
    payload = {
        "eventType": event,
        "issue": {**NAMED, "fields": {"updated": "2026-11-20T10:00:00Z"}},
    }
    assert read(payload) == looked_up(event)


@pytest.mark.parametrize(
    "event",
    [
        "avi:jira:viewed:issue",
        "avi:jira:created:worklog",
        "avi:jira:updated:issuetype",
        "avi:jira:deleted:issuelink",
        "avi:jira:updated:field:context:configuration",
    ],
)
def test_what_else_forge_tells_says_nothing(event: str) -> None:
    found = read({"eventType": event, "issue": NAMED, **LINK})
    assert (found.events, found.unclear, found.not_understood) == ((), False, None)


@pytest.mark.parametrize(
    ("fields", "looks"),
    [
        ([{"field": "SLA state"}], False),
        ([{"field": "x", "fieldId": "customfield_1"}, {"field": "SLA state"}], False),
        ([{"field": "SLA state"}, {"field": "status", "fieldId": "status"}], True),
        ([{"field": "status"}], True),
        ([{}], True),
        ([], True),
    ],
)
def test_what_dueline_wrote_itself_is_not_looked_up(
    fields: list[dict[str, str]], looks: bool
) -> None:
    assert read(changed(*fields)).unclear is looks


def test_a_new_link_has_both_its_issues_looked_up() -> None:
    payload = {"eventType": "avi:jira:created:issuelink", **LINK}
    assert read(payload) == Translation(
        "10001", None, "avi:jira:created:issuelink", unclear=True, also={"10002": ()}
    )
    subtask = {**payload, "issueLinkType": {"isSubTaskLinkType": True}}
    assert not read(subtask).unclear


@pytest.mark.parametrize(
    "payload",
    [
        {"issue": NAMED},
        {"issue": {"id": 10001, "key": "DEMO-1"}},
        # Whatever else a rule's author finds worth saying.
        {"issue": NAMED, "event": "deleted", "timestamp": "2026-11-20T10:00:00.0+0000"},
        # "Issue data", in either format.
        {"self": "https://x/rest/api/2/issue/10001", "id": 10001, "key": "DEMO-1",
         "changelog": {"histories": None}, "fields": {"created": "2026-11-20T10:00:00.0+0000"}},
        {"id": "10001", "key": "DEMO-1", "fields": {"issuetype": {"name": "Bug"}}},
    ],
)  # fmt: skip
def test_what_a_rule_sends_is_looked_up(payload: dict[str, Any]) -> None:
    assert read(payload) == looked_up("automation")
    assert subject_of(json.dumps(payload).encode()) == "10001"


@pytest.mark.parametrize("payload", [{"issue": {"key": "DEMO-1"}}, {"id": "x", "key": "DEMO-1"}])
def test_a_rule_that_sends_the_key_alone_is_told_to_send_the_id(payload: dict[str, Any]) -> None:
    found = read(payload)
    assert (found.issue_key, found.unclear) == ("DEMO-1", False)
    assert found.not_understood
    assert "let the rule send the id too" in found.not_understood


@pytest.mark.parametrize(
    "payload",
    [
        {"issue": {"id": "", "key": ""}},
        {"issue": {"id": "{{issue.id}}"}},
        {"eventType": "avi:jira:updated:issue"},
        {"eventType": "avi:jira:updated:issue", "issue": "DEMO-1"},
        {"eventType": "avi:jira:created:issuelink"},
    ],
)
def test_what_names_no_issue_says_why_nothing_comes_of_it(payload: dict[str, Any]) -> None:
    assert read(payload).not_understood == "It names no issue by its id."
    assert subject_of(json.dumps(payload).encode()) is None


def test_a_webhook_is_none_of_them() -> None:
    """One has an id of its own at the top, and an issue beside it."""
    fields = {"updated": "2026-11-20T10:00:00Z", "status": {"name": "Open"}}
    issue = {**NAMED, "fields": fields}
    payload = {"id": 2, "key": "DEMO-9", "webhookEvent": "jira:issue_updated", "issue": issue}
    assert read(payload).events
    assert subject_of(json.dumps(payload).encode()) == "10001"
    # As Jira 5 sent it, without its event's name.
    del payload["webhookEvent"]
    assert read(payload).events
