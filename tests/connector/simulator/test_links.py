from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, CUSTOMER, DUELINE, JiraError, Simulator

Ask = Callable[..., requests.Response]
URL = "https://dueline.example.com/webhook"
LINKS = ["issuelink_created", "issuelink_deleted"]


@pytest.fixture(autouse=True)
def issues(sim: Simulator) -> None:
    """BOT-1 and BTL-1, of which nothing is linked yet."""
    sim.create_issue(project="BOT", summary="Engine stalls", priority="High")
    sim.create_issue(project="BTL", summary="Telemetry is silent", issuetype="Outage")


def blocks(source: str, destination: str, **more: Any) -> dict[str, Any]:
    ends = {"inwardIssue": {"key": source}, "outwardIssue": {"key": destination}}
    return {"type": {"name": "Blocks"}, **ends, **more}


def ends(ask: Ask, key: str) -> list[tuple[str, str, str]]:
    shown = ask("GET", f"/issue/{key}?fields=issuelinks").json()["fields"]["issuelinks"]
    return [
        (link["type"]["name"], end, link[end]["key"])
        for link in shown
        for end in ("inwardIssue", "outwardIssue")
        if end in link
    ]


def changes(sim: Simulator, key: str) -> list[tuple[str | None, ...]]:
    return [
        (change.old, change.old_text, change.new, change.new_text)
        for entry in sim.issue(key).history
        for change in entry.changes
        if change.field == "Link"
    ]


def test_the_kinds_of_links(ask: Ask, sim: Simulator) -> None:
    kinds = ask("GET", "/issueLinkType").json()["issueLinkTypes"]
    assert [(k["name"], k["outward"], k["inward"]) for k in kinds][:3] == [
        ("Blocks", "blocks", "is blocked by"),
        ("Cloners", "clones", "is cloned by"),
        ("Duplicate", "duplicates", "is duplicated by"),
    ]
    version = 3 if sim.cloud else 2
    assert kinds[0]["self"] == f"{sim.base_url}/rest/api/{version}/issueLinkType/10000"
    assert ask("GET", "/issueLinkType/10000").json() == kinds[0]
    assert ask("GET", "/issueLinkType/9").status_code == 404


def test_a_link_is_shown_at_both_ends(ask: Ask) -> None:
    answer = ask("POST", "/issueLink", json=blocks("BOT-1", "BTL-1"), account=AGENT)
    assert (answer.status_code, answer.content) == (201, b"")
    assert ends(ask, "BOT-1") == [("Blocks", "outwardIssue", "BTL-1")]
    assert ends(ask, "BTL-1") == [("Blocks", "inwardIssue", "BOT-1")]
    (inside,) = ask("GET", "/issue/BTL-1").json()["fields"]["issuelinks"]
    assert set(inside) == {"id", "self", "type", "inwardIssue"}
    other = inside["inwardIssue"]
    assert (other["id"], other["self"].rpartition("/")[2]) == ("10000", "10000")
    assert set(other["fields"]) == {"summary", "status", "priority", "issuetype"}
    assert other["fields"]["priority"]["name"] == "High"
    whole = ask("GET", f"/issueLink/{inside['id']}").json()
    assert (whole["inwardIssue"]["key"], whole["outwardIssue"]["key"]) == ("BOT-1", "BTL-1")
    assert whole["self"] == inside["self"]


def test_both_histories_tell_of_a_link(ask: Ask, sim: Simulator, wait: Callable[..., None]) -> None:
    wait(minutes=1)
    link = sim.link("BOT-1", "BTL-1", "Blocks")
    assert changes(sim, "BOT-1") == [(None, None, "BTL-1", "This issue blocks BTL-1")]
    assert changes(sim, "BTL-1") == [(None, None, "BOT-1", "This issue is blocked by BOT-1")]
    assert sim.issue("BOT-1").updated == sim.issue("BTL-1").updated == sim.now()
    wait(minutes=1)
    assert ask("DELETE", f"/issueLink/{link.id}", account=AGENT).status_code == 204
    assert changes(sim, "BTL-1")[-1] == ("BOT-1", "This issue is blocked by BOT-1", None, None)
    assert sim.issue("BOT-1").updated == sim.issue("BTL-1").updated == sim.now()
    assert ends(ask, "BOT-1") == ends(ask, "BTL-1") == []
    answer = ask("GET", f"/issueLink/{link.id}")
    assert answer.status_code == 404
    assert answer.json()["errorMessages"] == [f"No issue link with id '{link.id}' exists."]
    history = ask("GET", "/issue/BOT-1?expand=changelog").json()["changelog"]["histories"]
    # A link is no field: not even Cloud has an id for it.
    told = [item for entry in history for item in entry["items"] if item["field"] == "Link"]
    assert len(told) == 2
    assert all("fieldId" not in item and item["fieldtype"] == "jira" for item in told)


def test_a_link_is_told_as_captured_and_by_nothing_else(sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL)
    link = sim.link("BTL-1", "BOT-1", "Relates")
    sim.unlink(link.id)
    sim.deliver()
    assert receiver.events == LINKS
    for _, body, _ in receiver.received:
        assert set(body) == {"timestamp", "webhookEvent", "issueLink"}
        assert body["issueLink"] == {
            "id": int(link.id),
            "sourceIssueId": 10001,
            "destinationIssueId": 10000,
            "issueLinkType": {
                "id": 10003,
                "name": "Relates",
                "outwardName": "relates to",
                "inwardName": "relates to",
                "isSubTaskLinkType": False,
                "isSystemLinkType": False,
            },
            "systemLink": False,
        }


def test_links_can_be_all_that_is_heard_and_no_filter_holds_them_back(
    sim: Simulator, receiver: Any
) -> None:
    sim.register_webhook(URL, events=LINKS, jql="project = BIT")
    sim.edit("BOT-1", summary="x")
    sim.link("BOT-1", "BTL-1")
    sim.deliver()
    assert receiver.events == ["issuelink_created"]


def test_the_same_link_is_made_once(ask: Ask, sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL)
    for _ in range(2):
        assert ask("POST", "/issueLink", json=blocks("BOT-1", "BTL-1")).status_code == 201
    assert ends(ask, "BOT-1") == [("Blocks", "outwardIssue", "BTL-1")]
    sim.deliver()
    assert receiver.events == ["issuelink_created"]
    # The other way round, and of another kind, are other links.
    sim.link("BTL-1", "BOT-1", "Blocks")
    sim.link("BOT-1", "BTL-1", "Duplicate")
    assert len(sim.issue("BOT-1").links) == len(sim.links) == 3


def test_a_comment_comes_with_a_link_to_its_source(ask: Ask, sim: Simulator) -> None:
    said = blocks("BOT-1", "BTL-1", comment={"body": "see there"})
    assert ask("POST", "/rest/api/2/issueLink", json=said).status_code == 201
    assert [c.body.wiki for c in sim.issue("BOT-1").comments] == ["see there"]
    assert sim.issue("BTL-1").comments == []
    mute = blocks("BTL-1", "BOT-1", comment={"body": " "})
    assert ask("POST", "/rest/api/2/issueLink", json=mute).status_code == 400
    assert len(sim.links) == 1


@pytest.mark.parametrize(
    ("given", "status", "words"),
    [
        ({"type": {"name": "Eats"}}, 404, "No issue link type with name 'Eats' found."),
        ({"type": {"id": "9"}}, 404, "No issue link type with id '9' found."),
        ({"outwardIssue": {"key": "BOT-9"}}, 404, "Issue does not exist or you do not have"),
        ({"outwardIssue": {"id": "10000"}}, 400, "You cannot link an issue to itself."),
    ],
)
def test_a_faulty_link_is_refused(
    ask: Ask, sim: Simulator, given: dict[str, Any], status: int, words: str
) -> None:
    answer = ask("POST", "/issueLink", json={**blocks("BOT-1", "BTL-1"), **given})
    assert answer.status_code == status
    assert answer.json()["errorMessages"][0].startswith(words)
    assert not sim.links


def test_linking_needs_its_permission(ask: Ask, sim: Simulator) -> None:
    link = sim.link("BOT-1", "BTL-1")
    sim.deny(CUSTOMER, "LINK_ISSUES")
    refused = [
        ask("POST", "/issueLink", json=blocks("BOT-1", "BTL-1"), account=CUSTOMER),
        ask("DELETE", f"/issueLink/{link.id}", account=CUSTOMER),
    ]
    for answer in refused:
        assert answer.status_code == 401
        assert answer.json()["errorMessages"] == ["No Link Issue Permission for issue 'BOT-1'"]
    update = {"issuelinks": [{"add": blocks("BOT-1", "BTL-1")}]}
    answer = ask("PUT", "/issue/BOT-1", json={"update": update}, account=CUSTOMER)
    assert answer.json()["errors"]["issuelinks"].startswith("Field 'issuelinks' cannot be set.")
    sim.deny(CUSTOMER, "BROWSE_PROJECTS")
    assert ask("GET", f"/issueLink/{link.id}", account=CUSTOMER).status_code == 404
    answer = ask("POST", "/issueLink", json=blocks("BOT-1", "BTL-1"), account=CUSTOMER)
    assert answer.status_code == 404


def test_a_links_id_is_a_number(ask: Ask) -> None:
    assert ask("GET", "/issueLink/first").status_code == 400
    assert ask("DELETE", "/issueLink/99999").status_code == 404


def test_links_are_made_with_their_issue(ask: Ask, sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL)
    new = {"project": {"key": "BAL"}, "issuetype": {"name": "Escalation"}, "summary": "y"}
    update = {
        "issuelinks": [
            {"add": {"type": {"name": "Blocks"}, "outwardIssue": {"key": "BOT-1"}}},
            {"add": {"type": {"id": "10004"}, "inwardIssue": {"id": "10001"}}},
        ]
    }
    answer = ask("POST", "/issue", json={"fields": new, "update": update})
    assert answer.status_code == 201, answer.text
    assert ends(ask, "BAL-1") == [
        ("Blocks", "outwardIssue", "BOT-1"),
        ("Problem/Incident", "inwardIssue", "BTL-1"),
    ]
    assert changes(sim, "BTL-1") == [(None, None, "BAL-1", "This issue causes BAL-1")]
    sim.deliver()
    assert receiver.events == ["jira:issue_created", "issuelink_created", "issuelink_created"]


def test_links_are_made_with_an_edit(ask: Ask, sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL)
    add = {"add": {"type": {"name": "Relates"}, "outwardIssue": {"key": "BTL-1"}}}
    answer = ask("PUT", "/issue/BOT-1", json={"update": {"issuelinks": [add]}})
    assert answer.status_code == 204
    body = {"fields": {"summary": "y"}, "update": {"issuelinks": [add]}}
    assert ask("PUT", "/issue/BOT-1", json=body).status_code == 204
    assert ends(ask, "BTL-1") == [("Relates", "inwardIssue", "BOT-1")]
    sim.deliver()
    assert receiver.events == ["issuelink_created", "jira:issue_updated"]
    (shown,) = receiver.received[-1][1]["issue"]["fields"]["issuelinks"]
    assert shown["outwardIssue"]["key"] == "BTL-1"


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ({"set": []}, "Field 'issuelinks' does not support operation 'set'"),
        ({"add": "BTL-1"}, "data was not an object"),
        ({"add": {"type": {"name": "Eats"}}}, "No issue link type with name 'Eats' found."),
        (
            {"add": {"type": {"name": "Blocks"}, "outwardIssue": {"key": "BOT-1"}}},
            "You cannot link an issue to itself.",
        ),
        ({"add": {"type": {"name": "Blocks"}}}, "Issue does not exist"),
    ],
)
def test_a_faulty_link_spoils_the_edit(
    ask: Ask, sim: Simulator, operation: dict[str, Any], words: str
) -> None:
    body = {"fields": {"summary": "y"}, "update": {"issuelinks": [operation]}}
    answer = ask("PUT", "/issue/BOT-1", json=body)
    assert answer.status_code == 400
    assert answer.json()["errors"]["issuelinks"].startswith(words)
    assert sim.issue("BOT-1").values["summary"] == "Engine stalls"


def test_links_are_no_value_of_a_field(ask: Ask) -> None:
    answer = ask("PUT", "/issue/BOT-1", json={"fields": {"issuelinks": []}})
    words = "Field does not support update 'issuelinks'"
    assert answer.json() == {"errorMessages": [], "errors": {"issuelinks": words}}
    (field,) = [f for f in ask("GET", "/field").json() if f["id"] == "issuelinks"]
    assert field["schema"] == {"type": "array", "items": "issuelinks", "system": "issuelinks"}
    meta = ask("GET", "/issue/BOT-1/editmeta").json()["fields"]["issuelinks"]
    assert meta["operations"] == ["add"]


def test_a_deleted_issue_takes_its_links_along(ask: Ask, sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL)
    sim.link("BOT-1", "BTL-1")
    sim.delete_issue("BOT-1")
    sim.deliver()
    assert receiver.events == ["issuelink_created", "issuelink_deleted", "jira:issue_deleted"]
    assert ends(ask, "BTL-1") == []
    assert len(changes(sim, "BTL-1")) == 1
    assert not sim.links


def test_python_links_and_unlinks(sim: Simulator) -> None:
    link = sim.link("BOT-1", "BTL-1", account=DUELINE)
    assert link.link_type.name == "Relates"
    assert sim.issue("BOT-1").history[-1].author == DUELINE
    sim.unlink(link.id)
    with pytest.raises(JiraError, match="No issue link with id"):
        sim.unlink(link.id)
    with pytest.raises(JiraError, match="No issue link type"):
        sim.link("BOT-1", "BTL-1", "Eats")
