from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, JiraError, Simulator

Ask = Callable[..., requests.Response]
URL = "https://dueline.example.com/webhook"


@pytest.fixture(autouse=True)
def issue(sim: Simulator) -> None:
    """BOT-1, and BTL-1 which takes the first key of its project."""
    sim.create_issue({"Channel": "Phone"}, project="BOT", summary="x")
    sim.create_issue(project="BTL", summary="y")


def test_a_moved_issue_keeps_all_but_its_key(
    ask: Ask, sim: Simulator, wait: Callable[..., None]
) -> None:
    sim.transition("BOT-1", "In Progress")
    comment = sim.add_comment("BOT-1", "on it")
    wait(hours=1)
    sim.move_issue("BOT-1", project="BTL")
    shown = ask("GET", "/issue/BTL-2").json()
    assert (shown["id"], shown["key"]) == ("10000", "BTL-2")
    fields = shown["fields"]
    assert (fields["project"]["key"], fields["status"]["name"]) == ("BTL", "In Progress")
    assert fields["customfield_10103"]["value"] == "Phone"
    assert fields["created"] == "2026-11-21T10:00:00.123+0000"
    assert fields["updated"] == "2026-11-21T11:00:00.123+0000"
    assert fields["comment"]["comments"][0]["id"] == comment.id


def test_the_old_key_goes_on_to_find_the_issue(ask: Ask, sim: Simulator) -> None:
    sim.move_issue("BOT-1", project="BTL")
    sim.move_issue("BOT-1", project="BAL")
    for key in ("BOT-1", "bot-1", "BTL-2", "BAL-1", "10000"):
        assert ask("GET", f"/issue/{key}").json()["key"] == "BAL-1"
    assert ask("PUT", "/issue/BOT-1", json={"fields": {"summary": "z"}}).status_code == 204
    assert sim.issue("BAL-1").values["summary"] == "z"
    assert [issue.key for issue in sim.search("key = BOT-1")] == ["BAL-1"]
    assert sim.search("project = BOT") == []
    # Nobody else ever gets the old key.
    assert sim.create_issue(project="BOT", summary="new").key == "BOT-2"
    sim.delete_issue("BOT-1")
    for key in ("BOT-1", "BTL-2", "BAL-1", "10000"):
        assert ask("GET", f"/issue/{key}").status_code == 404


def test_a_move_is_in_the_history_as_captured(ask: Ask, sim: Simulator) -> None:
    history = sim.move_issue("BOT-1", project="BTL", issuetype="Outage")
    assert history.author == AGENT
    shown = ask("GET", "/issue/BTL-2?expand=changelog").json()["changelog"]["histories"]
    (moved,) = [entry for entry in shown if entry["id"] == history.id]
    by_name = {item["field"]: item for item in moved["items"]}
    assert list(by_name) == ["issuetype", "project", "Workflow", "Key"]
    told = {
        name: tuple(item[part] for part in ("from", "fromString", "to", "toString"))
        for name, item in by_name.items()
    }
    assert told["issuetype"] == ("10001", "Bug", "10007", "Outage")
    assert told["project"] == ("10000", "Botron", "10003", "BTL")
    assert told["Key"] == (None, "BOT-1", None, "BTL-2")
    ids = {name: item.get("fieldId") for name, item in by_name.items()}
    own = {"issuetype": "issuetype", "project": "project"} if sim.cloud else {}
    assert ids == {**dict.fromkeys(by_name), **own}


def test_a_move_is_told(sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL)
    sim.register_webhook(URL, jql="project = BOT")
    history = sim.move_issue("BOT-1", project="BTL")
    sim.deliver()
    # The filter is asked after the move.
    ((_, body, _),) = receiver.received
    assert body["webhookEvent"] == "jira:issue_updated"
    assert body["issue_event_type_name"] == "issue_moved"
    assert (body["issue"]["id"], body["issue"]["key"]) == ("10000", "BTL-2")
    assert body["issue"]["fields"]["project"]["key"] == "BTL"
    assert body["changelog"]["id"] == history.id
    assert body["changelog"]["items"][-1]["toString"] == "BTL-2"
    assert body["user"]["displayName"] == "Ada Agent"


def test_links_follow_a_moved_issue(ask: Ask, sim: Simulator) -> None:
    sim.link("BOT-1", "BTL-1", "Blocks")
    sim.move_issue("BOT-1", project="BAL")
    (link,) = ask("GET", "/issue/BTL-1").json()["fields"]["issuelinks"]
    assert link["inwardIssue"]["key"] == "BAL-1"


def test_who_moves_to_where_it_is_or_nowhere_is_refused(sim: Simulator) -> None:
    with pytest.raises(JiraError, match="in this project already"):
        sim.move_issue("BOT-1", project="BOT")
    with pytest.raises(JiraError, match="valid project is required"):
        sim.move_issue("BOT-1", project="NOPE")
    with pytest.raises(JiraError, match="issue type selected is invalid"):
        sim.move_issue("BOT-1", project="BTL", issuetype="Epic")
    sim.deny(AGENT, "MOVE_ISSUES")
    with pytest.raises(JiraError, match="permission to move"):
        sim.move_issue("BOT-1", project="BTL")
    assert sim.issue("BOT-1").key == "BOT-1"
