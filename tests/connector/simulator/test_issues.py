from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, CUSTOMER, DUELINE, JiraError, Simulator

Ask = Callable[..., requests.Response]
BUG: dict[str, Any] = {
    "project": {"key": "BOT"},
    "issuetype": {"name": "Bug"},
    "summary": "Broken",
}


def new_issue(ask: Ask, **fields: Any) -> str:
    answer = ask("POST", "/issue", json={"fields": {**BUG, **fields}}, account=CUSTOMER)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["key"])


def changes(sim: Simulator, key: str) -> list[tuple[str, str | None, str | None]]:
    return [
        (change.field, change.old_text, change.new_text)
        for entry in sim.issue(key).history
        for change in entry.changes
    ]


def test_an_issue_is_created_and_read(ask: Ask) -> None:
    key = new_issue(ask, customfield_10100={"value": "Enterprise"})
    assert key == "BOT-1"
    fields = ask("GET", f"/issue/{key}").json()["fields"]
    assert fields["summary"] == "Broken"
    assert fields["status"]["name"] == "To Do"
    assert fields["priority"]["name"] == "Medium"
    assert fields["reporter"]["displayName"] == "Carl Customer"
    assert fields["customfield_10100"]["value"] == "Enterprise"
    assert fields["created"] == fields["updated"] == "2026-11-21T10:00:00.123+0000"
    assert fields["resolution"] is None


def test_an_agent_can_report_for_a_customer(ask: Ask, sim: Simulator) -> None:
    carl = sim.account(CUSTOMER)
    reporter = {"accountId": carl.account_id} if sim.cloud else {"name": carl.name}
    answer = ask("POST", "/issue", json={"fields": {**BUG, "reporter": reporter}}, account=AGENT)
    issue = sim.issue(answer.json()["key"])
    assert (issue.values["reporter"], issue.creator) == (CUSTOMER, AGENT)


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"project": {"key": "NOPE"}}, {"project": "valid project is required"}),
        ({"issuetype": {"name": "Epic"}}, {"issuetype": "The issue type selected is invalid."}),
        ({"summary": ""}, {"summary": "You must specify a summary of the issue."}),
        ({"summary": "x" * 256}, {"summary": "Summary can't exceed 255 characters."}),
        ({"priority": {"name": "Huge"}}, {"priority": "The priority selected is invalid."}),
        ({"priority": "High"}, {"priority": "data was not an object"}),
        ({"labels": ["a b"]}, {"labels": "The label 'a b' contains spaces which is invalid."}),
        ({"customfield_10100": {"value": "Gold"}}, {"customfield_10100": "Option value"}),
        ({"customfield_10101": "yesterday"}, {"customfield_10101": "Error parsing time:"}),
        ({"customfield_10101": "2026-11-21T10:00:00Z"}, {"customfield_10101": "Error parsing"}),
        ({"duedate": "soon"}, {"duedate": "Error parsing date string: soon."}),
        (
            {"status": {"name": "Done"}},
            {
                "status": "Field 'status' cannot be set. It is not on the appropriate screen, "
                "or unknown."
            },
        ),
        (
            {"customfield_99": 1, "summary": None},
            {"customfield_99": "Field 'customfield_99'", "summary": "You must specify"},
        ),
    ],
)
def test_faulty_fields_are_named_all_at_once(
    ask: Ask, sim: Simulator, fields: dict[str, Any], errors: dict[str, str]
) -> None:
    answer = ask("POST", "/issue", json={"fields": {**BUG, **fields}})
    assert answer.status_code == 400
    assert answer.json()["errorMessages"] == []
    told = answer.json()["errors"]
    assert set(told) == set(errors)
    assert all(told[name].startswith(words) for name, words in errors.items())
    assert not sim.issues


def test_an_edit_is_written_into_the_history(
    ask: Ask, sim: Simulator, wait: Callable[..., None]
) -> None:
    key = new_issue(ask)
    sim.issue(key).history.clear()
    wait(minutes=5)
    answer = ask(
        "PUT",
        f"/issue/{key}?notifyUsers=false",
        json={
            "fields": {"priority": {"name": "High"}, "customfield_10100": {"id": "10020"}},
            "update": {"labels": [{"add": "vip"}], "summary": [{"set": "Worse"}]},
        },
    )
    assert (answer.status_code, answer.content) == (204, b"")
    assert changes(sim, key) == [
        ("Support plan", None, "Standard"),
        ("labels", "", "vip"),
        ("priority", "Medium", "High"),
        ("summary", "Broken", "Worse"),
    ]
    fields = ask("GET", f"/issue/{key}?fields=updated,labels").json()["fields"]
    assert fields == {"updated": "2026-11-21T10:05:00.123+0000", "labels": ["vip"]}


def test_an_edit_that_changes_nothing_leaves_no_trace(
    ask: Ask, sim: Simulator, wait: Callable[..., None]
) -> None:
    key = new_issue(ask)
    before = list(sim.issue(key).history)
    wait(minutes=5)
    assert ask("PUT", f"/issue/{key}", json={"fields": {"summary": "Broken"}}).status_code == 204
    assert sim.issue(key).history == before
    assert sim.issue(key).updated == sim.issue(key).created


def test_a_faulty_edit_changes_nothing(ask: Ask, sim: Simulator) -> None:
    key = new_issue(ask)
    fields = {"summary": "Worse", "customfield_10101": 5}
    answer = ask("PUT", f"/issue/{key}", json={"fields": fields})
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"customfield_10101": "Operation value must be a string"}
    assert sim.issue(key).values["summary"] == "Broken"


def test_labels_are_added_and_removed(sim: Simulator) -> None:
    key = sim.create_issue(project="BOT", summary="x", labels=["a", "b"]).key
    sim.edit(key, update={"labels": [{"remove": "a"}, {"add": "c"}]})
    assert sim.issue(key).values["labels"] == ("b", "c")


def test_custom_values_come_out_in_jiras_form(ask: Ask) -> None:
    key = new_issue(ask, customfield_10101="2026-09-23T00:18:35.652+0530")
    fields = ask("GET", f"/issue/{key}?fields=customfield_10101").json()["fields"]
    assert fields == {"customfield_10101": "2026-09-22T18:48:35.652+0000"}
    ask("PUT", f"/issue/{key}", json={"fields": {"customfield_10101": None}})
    fields = ask("GET", f"/issue/{key}?fields=customfield_10101").json()["fields"]
    assert fields == {"customfield_10101": None}


def test_cloud_checks_no_screen_but_data_center_does(ask: Ask, sim: Simulator) -> None:
    field = sim.create_field("SLA due", "datetime", on_screens=False)
    key = new_issue(ask)
    fields = {field.id: "2026-11-21T12:00:00.000+0000"}
    answer = ask("PUT", f"/issue/{key}", json={"fields": fields})
    if sim.cloud:
        assert answer.status_code == 204
    else:
        assert answer.status_code == 400
        assert answer.json() == {
            "errorMessages": [],
            "errors": {
                field.id: f"Field '{field.id}' cannot be set. "
                "It is not on the appropriate screen, or unknown."
            },
        }


def test_without_permission_the_screen_is_blamed(ask: Ask, sim: Simulator) -> None:
    key = new_issue(ask)
    sim.deny(AGENT, "EDIT_ISSUES")
    answer = ask("PUT", f"/issue/{key}", json={"fields": {"summary": "x"}}, account=AGENT)
    assert answer.status_code == 400
    assert answer.json() == {
        "errorMessages": [],
        "errors": {
            "summary": "Field 'summary' cannot be set. "
            "It is not on the appropriate screen, or unknown."
        },
    }


def test_who_may_not_edit_may_still_create_and_move(sim: Simulator) -> None:
    sim.deny(AGENT, "EDIT_ISSUES")
    sim.deny(AGENT, "ASSIGN_ISSUES")
    key = sim.create_issue(project="BOT", summary="x", account=AGENT).key
    sim.transition(key, "Done")
    with pytest.raises(JiraError, match="permission to assign"):
        sim.assign(key, AGENT)
    sim.deny(AGENT, "TRANSITION_ISSUES")
    sim.deny(AGENT, "DELETE_ISSUES")
    sim.deny(AGENT, "CREATE_ISSUES")
    with pytest.raises(JiraError, match="not valid for the current state"):
        sim.transition(key, "To Do")
    with pytest.raises(JiraError, match="permission to delete"):
        sim.delete_issue(key, account=AGENT)
    with pytest.raises(JiraError, match="You cannot create issues"):
        sim.create_issue(project="BOT", summary="y", account=AGENT)


def test_a_done_issue_is_resolved_and_a_reopened_one_is_not(
    ask: Ask, sim: Simulator, wait: Callable[..., None]
) -> None:
    key = new_issue(ask)
    offered = ask("GET", f"/issue/{key}/transitions").json()["transitions"]
    ids = {t["to"]["name"]: t["id"] for t in offered}
    assert set(ids) == {"In Progress", "Waiting for customer", "Done"}
    sim.issue(key).history.clear()
    wait(hours=1)
    move = {"transition": {"id": ids["Done"]}, "fields": {"resolution": {"name": "Won't Do"}}}
    assert ask("POST", f"/issue/{key}/transitions", json=move).status_code == 204
    fields = ask("GET", f"/issue/{key}").json()["fields"]
    assert fields["resolution"]["name"] == "Won't Do"
    assert fields["resolutiondate"] == "2026-11-21T11:00:00.123+0000"
    sim.transition(key, "To Do")
    fields = ask("GET", f"/issue/{key}").json()["fields"]
    assert fields["resolution"] is fields["resolutiondate"] is None
    assert changes(sim, key) == [
        ("resolution", None, "Won't Do"),
        ("status", "To Do", "Done"),
        ("resolution", "Won't Do", None),
        ("status", "Done", "To Do"),
    ]


def test_a_transition_that_is_not_open_is_refused(ask: Ask) -> None:
    key = new_issue(ask)
    answer = ask("POST", f"/issue/{key}/transitions", json={"transition": {"id": "11"}})
    assert answer.status_code == 400
    assert "not valid for the current state" in answer.json()["errorMessages"][0]
    assert ask("POST", f"/issue/{key}/transitions", json={}).status_code == 400


def test_an_issue_is_assigned_and_unassigned(ask: Ask, sim: Simulator) -> None:
    key = new_issue(ask)
    ada = sim.account(AGENT)
    who: dict[str, Any] = {"accountId": ada.account_id} if sim.cloud else {"name": ada.name}
    assert ask("PUT", f"/issue/{key}/assignee", json=who).status_code == 204
    assert sim.issue(key).values["assignee"] == AGENT
    assert sim.issue(key).history[-1].changes[0].new == sim.user_id(AGENT)
    nobody = dict.fromkeys(who)
    assert ask("PUT", f"/issue/{key}/assignee", json=nobody).status_code == 204
    assert sim.issue(key).values["assignee"] is None
    stranger = dict.fromkeys(who, "stranger")
    answer = ask("PUT", f"/issue/{key}/assignee", json=stranger)
    assert answer.status_code == 400
    assert answer.json()["errors"] == {"assignee": "User 'stranger' does not exist."}
    assert ask("PUT", f"/issue/{key}/assignee", json={}).status_code == 400
    assert ask("PUT", "/issue/BOT-9/assignee", json=who).status_code == 404
    sim.deny(CUSTOMER, "ASSIGN_ISSUES")
    answer = ask("PUT", f"/issue/{key}/assignee", json=who, account=CUSTOMER)
    assert answer.status_code == (403 if sim.cloud else 401)
    assert sim.issue(key).values["assignee"] is None


def test_a_deleted_issue_is_gone_and_its_key_is_not_given_again(ask: Ask) -> None:
    key = new_issue(ask)
    assert ask("DELETE", f"/issue/{key}").status_code == 204
    answer = ask("GET", f"/issue/{key}")
    assert answer.status_code == 404
    assert answer.json() == {
        "errorMessages": ["Issue does not exist or you do not have permission to see it."],
        "errors": {},
    }
    assert new_issue(ask) == "BOT-2"


def test_an_issue_is_found_by_id_too(ask: Ask) -> None:
    new_issue(ask)
    assert ask("GET", "/issue/10000").json()["key"] == "BOT-1"


def test_cloud_pages_through_the_changelog(
    cloud: Simulator, serve: Callable[..., Ask], wait: Callable[..., None]
) -> None:
    ask = serve(cloud)
    key = cloud.create_issue(project="BOT", summary="x").key
    for status in ("In Progress", "Waiting for customer", "Done"):
        wait(minutes=1)
        cloud.transition(key, status)
    page = ask("GET", f"/issue/{key}/changelog?maxResults=3").json()
    assert [page["total"], page["isLast"], len(page["values"])] == [4, False, 3]
    rest = ask("GET", page["nextPage"].partition("rest/api/3")[2]).json()
    assert rest["isLast"]
    entries = page["values"] + rest["values"]
    assert [entry["id"] for entry in entries] == ["10000", "10001", "10002", "10003"]
    assert entries[1]["items"] == [
        {
            "field": "status",
            "fieldtype": "jira",
            "fieldId": "status",
            "from": "10000",
            "fromString": "To Do",
            "to": "3",
            "toString": "In Progress",
        }
    ]
    inside = ask("GET", f"/issue/{key}?expand=changelog").json()["changelog"]
    assert [entry["id"] for entry in inside["histories"]] == ["10003", "10002", "10001", "10000"]


def test_data_center_has_the_changelog_inside_the_issue_only(
    datacenter: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(datacenter)
    key = datacenter.create_issue(project="BOT", summary="x").key
    datacenter.transition(key, "Done")
    answer = ask("GET", f"/issue/{key}/changelog")
    assert answer.status_code == 404
    assert answer.json()["message"].startswith("null for uri: http")
    inside = ask("GET", f"/issue/{key}?expand=changelog").json()["changelog"]
    assert inside["total"] == 1
    assert "fieldId" not in inside["histories"][0]["items"][0]


def test_creation_is_in_clouds_history_as_captured(cloud: Simulator) -> None:
    cloud.create_issue(project="BOT", summary="x", description="why", assignee=AGENT)
    assert [(c.field, c.field_id) for c in cloud.issue("BOT-1").history[0].changes] == [
        ("assignee", "assignee"),
        ("description", "description"),
        ("priority", "priority"),
        ("reporter", "reporter"),
        ("Status", "status"),
        ("summary", "summary"),
    ]


def test_time_never_runs_backwards_in_an_issue(sim: Simulator, wait: Callable[..., None]) -> None:
    key = sim.create_issue(project="BOT", summary="x").key
    wait(hours=-1)
    sim.transition(key, "Done")
    assert sim.issue(key).history[-1].created == sim.issue(key).created


def test_descriptions_are_documents_in_v3_and_wiki_text_in_v2(
    cloud: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(cloud)
    document = {
        "type": "doc",
        "version": 1,
        "content": [{"type": "paragraph", "content": [{"type": "text", "text": "why"}]}],
    }
    key = new_issue(ask, description=document)
    assert ask("GET", f"/issue/{key}").json()["fields"]["description"] == document
    plain = ask("GET", f"/rest/api/2/issue/{key}").json()["fields"]["description"]
    assert plain == "why"
    answer = ask("PUT", f"/issue/{key}", json={"fields": {"description": "plain"}})
    assert answer.json()["errors"]["description"].startswith("Operation value must be an Atlassian")
    ask("PUT", f"/rest/api/2/issue/{key}", json={"fields": {"description": "h1. Head"}})
    shown = ask("GET", f"/issue/{key}").json()["fields"]["description"]
    assert shown["content"][0]["type"] == "heading"


def test_remote_links_are_updated_by_their_global_id(ask: Ask) -> None:
    key = new_issue(ask)
    link = {"globalId": "dueline-1", "object": {"url": "https://example.com", "title": "SLA"}}
    first = ask("POST", f"/issue/{key}/remotelink", json=link)
    link["object"] = {"url": "https://example.com", "title": "SLA, renewed"}
    second = ask("POST", f"/issue/{key}/remotelink", json=link)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    (kept,) = ask("GET", f"/issue/{key}/remotelink").json()
    assert kept["object"]["title"] == "SLA, renewed"
    assert ask("POST", f"/issue/{key}/remotelink", json={"object": {}}).status_code == 400


def test_issue_properties_are_kept(ask: Ask) -> None:
    key = new_issue(ask)
    path = f"/issue/{key}/properties/dueline"
    assert ask("GET", path).status_code == 404
    assert ask("PUT", path, json={"v": 1}).status_code == 201
    assert ask("PUT", path, json={"v": 2}).status_code == 200
    assert ask("GET", path).json() == {"key": "dueline", "value": {"v": 2}}
    assert ask("DELETE", path).status_code == 204
    assert ask("GET", f"/issue/{key}/properties").json() == {"keys": []}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        ("summary,status", {"summary", "status"}),
        ("*all,-comment,-worklog", None),
        ("Support plan", {"customfield_10100"}),
    ],
)
def test_fields_are_chosen(ask: Ask, wanted: str, names: set[str] | None) -> None:
    key = new_issue(ask)
    fields = ask("GET", f"/issue/{key}", params={"fields": wanted}).json()["fields"]
    if names is None:
        assert "summary" in fields
        assert not {"comment", "worklog"} & set(fields)
    else:
        assert set(fields) == names


def test_names_schema_and_editmeta_are_expanded(ask: Ask) -> None:
    key = new_issue(ask)
    shown = ask(
        "GET", f"/issue/{key}?fields=customfield_10101&expand=names,schema,editmeta,transitions"
    ).json()
    assert shown["names"] == {"customfield_10101": "Reported at"}
    assert shown["schema"]["customfield_10101"]["type"] == "datetime"
    assert "summary" in shown["editmeta"]["fields"]
    assert len(shown["transitions"]) == 3
    assert ask("GET", f"/issue/{key}/editmeta").json() == shown["editmeta"]


def test_a_comment_can_come_with_an_edit(ask: Ask, sim: Simulator) -> None:
    key = new_issue(ask)
    body = {"fields": {"summary": "y"}, "update": {"comment": [{"add": {"body": "why"}}]}}
    path = f"/rest/api/2/issue/{key}"
    assert ask("PUT", path, json=body, account=AGENT).status_code == 204
    assert [(c.author, c.body.wiki) for c in sim.issue(key).comments] == [(AGENT, "why")]


def test_python_speaks_plain_words(sim: Simulator) -> None:
    issue = sim.create_issue(
        {"Reported at": sim.now(), "Support plan": "Enterprise"},
        project="HLP",
        summary="x",
        priority="Highest",
        assignee=AGENT,
        account=DUELINE,
    )
    assert issue.key == "HLP-1"
    assert issue.values["customfield_10101"] == sim.now()
    assert issue.values["customfield_10100"].value == "Enterprise"
    sim.assign("HLP-1", None)
    assert issue.values["assignee"] is None
    sim.delete_issue("HLP-1")
    with pytest.raises(JiraError, match="404"):
        sim.issue("HLP-1")
    with pytest.raises(KeyError, match="nobody here is called"):
        sim.create_issue(project="HLP", summary="x", account="stranger")
