"""One request of every kind, for the contract to judge: what is answered, and to what is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator
from connector.simulator.adf import from_wiki

Ask = Callable[..., requests.Response]
DUE = {
    "name": "SLA due",
    "type": "com.atlassian.jira.plugin.system.customfieldtypes:datetime",
}


@pytest.fixture
def lived(sim: Simulator, wait: Callable[..., None]) -> Simulator:
    """A site on which something happened to BOT-1."""
    sim.create_issue(
        {"Support plan": "Enterprise", "Reported at": sim.now()},
        project="BOT",
        summary="x",
        description="why",
        labels=["a"],
        account=CUSTOMER,
    )
    wait(minutes=1)
    sim.assign("BOT-1", AGENT)
    sim.add_comment("BOT-1", "due", account=DUELINE, properties={"dueline": {"effect": "w-1"}})
    sim.add_comment("BOT-1", "hush", visibility={"type": "group", "value": "support"})
    sim.transition("BOT-1", "Done")
    sim.add_comment("BOT-1", "who am I?", account=None)
    sim.create_issue(
        {"Affected customers": ["Acme"], "Assessment": "long", "Confirmed at": sim.now()},
        project="BTL",
        summary="z",
        issuetype="Outage",
    )
    sim.link("BOT-1", "BTL-1", "Blocks")
    sim.move_issue("BTL-1", project="BAL")
    return sim


LINK = {"globalId": "g", "object": {"url": "https://example.com", "title": "t"}}
NEW = {"project": {"key": "BOT"}, "issuetype": {"name": "Bug"}, "summary": "y"}
RELATED = {
    "type": {"name": "Relates"},
    "inwardIssue": {"key": "BAL-1"},
    "outwardIssue": {"key": "BOT-1"},
}
BOTH: list[tuple[str, str, Any]] = [
    ("GET", "/issue/BOT-1", None),
    ("GET", "/issue/BOT-1?expand=changelog", None),
    ("GET", "/issue/NOPE-1", None),
    ("PUT", "/issue/BOT-1", {"fields": {"summary": "z"}}),
    ("PUT", "/issue/BOT-1", {"fields": {"nope": "z"}}),
    ("DELETE", "/issue/BOT-1", None),
    ("POST", "/issue", {"fields": NEW}),
    ("POST", "/issue", {"fields": {}}),
    ("GET", "/issue/BOT-1/transitions", None),
    ("POST", "/issue/BOT-1/transitions", {}),
    ("GET", "/issue/BOT-1/comment", None),
    ("GET", "/issue/BOT-1/comment/10000", None),
    ("GET", "/issue/BOT-1/comment/9", None),
    ("DELETE", "/issue/BOT-1/comment/10000", None),
    (
        "GET",
        "/comment/10000/properties/dueline",
        None,
    ),
    (
        "GET",
        "/comment/10000/properties/nope",
        None,
    ),
    ("PUT", "/comment/10000/properties/more", [1]),
    ("GET", "/field", None),
    ("POST", "/field", DUE),
    ("POST", "/field", {}),
    ("GET", "/screens/1/tabs", None),
    ("GET", "/screens/1/tabs/10000/fields", None),
    ("GET", "/issue/BAL-1?expand=changelog", None),
    ("GET", "/issue/BOT-1/comment/10002", None),
    ("GET", "/issueLinkType", None),
    ("GET", "/issueLinkType/10000", None),
    ("GET", "/issueLinkType/9", None),
    ("POST", "/issueLink", RELATED),
    ("POST", "/issueLink", {}),
    ("GET", "/issueLink/10000", None),
    ("GET", "/issueLink/9", None),
    ("GET", "/issueLink/nine", None),
    ("DELETE", "/issueLink/10000", None),
    ("POST", "/issue", {"fields": NEW, "update": {"issuelinks": [{"add": RELATED}]}}),
    ("GET", "/myself", None),
    ("GET", "/serverInfo", None),
    ("GET", "/groups/picker?query=sup", None),
    ("GET", "/project", None),
    ("GET", "/project/BOT", None),
    ("GET", "/project/BOT/statuses", None),
    ("GET", "/issuetype", None),
    ("GET", "/priority", None),
    ("GET", "/status", None),
    ("GET", "/resolution", None),
]
CLOUD_ONLY: list[tuple[str, str, Any]] = [
    ("GET", "/mypermissions?permissions=ADMINISTER", None),
    ("GET", "/field/customfield_10100/screens", None),
    ("POST", "/issue/BOT-1/comment", {"body": from_wiki("x")}),
    (
        "PUT",
        "/issue/BOT-1/comment/10000",
        {"body": from_wiki("y")},
    ),
    ("POST", "/issue/BOT-1/remotelink", LINK),
    ("GET", "/issue/BOT-1/remotelink", None),
    ("GET", "/issue/BOT-1/changelog", None),
    ("GET", "/issue/BOT-1/changelog?maxResults=1", None),
    ("GET", "/issue/BOT-1/properties", None),
    (
        "PUT",
        "/issue/BOT-1/assignee",
        {"accountId": "712020:agent-0000-4000-8000-000000000001"},
    ),
    ("PUT", "/issue/BOT-1/assignee", {"accountId": "nobody"}),
    ("GET", "/issue/BAL-1/changelog", None),
    ("POST", "/comment/list", {"ids": [10000]}),
    ("GET", "/comment/10000/properties", None),
    ("GET", "/search/jql?jql=key=BOT-1", None),
    ("GET", "/search/jql?jql=order by key", None),
    ("POST", "/search/jql", {"jql": "project = BOT", "fields": ["*all"]}),
    ("GET", "/field/search?type=custom", None),
    ("GET", "/field/customfield_10100/context", None),
    ("POST", "/field/customfield_10100/context", {"name": "x"}),
    (
        "GET",
        "/field/customfield_10100/context/10200/option",
        None,
    ),
    ("POST", "/screens/addToDefault/creator", None),
    (
        "POST",
        "/screens/1/tabs/10000/fields",
        {"fieldId": "status"},
    ),
    ("GET", "/screens", None),
    ("GET", "/group/member?groupname=support", None),
    ("GET", "/group/bulk", None),
    ("GET", "/group?groupname=support", None),
    ("GET", "/user/search?query=ada", None),
    ("GET", "/user?accountId=nobody", None),
    ("GET", "/users/search", None),
    ("GET", "/user/assignable/search?project=BOT", None),
    ("GET", "/project/search", None),
    ("GET", "/priority/search", None),
    ("GET", "/issue/BOT-1/editmeta", None),
]
DATACENTER_ONLY: list[tuple[str, str, Any]] = [
    ("GET", "/mypermissions", None),
    ("POST", "/issue/BOT-1/comment", {"body": "x"}),
    ("PUT", "/issue/BOT-1/comment/10000", {"body": "y"}),
    ("PUT", "/issue/BOT-1/assignee", {"name": "agent"}),
    ("PUT", "/issue/BOT-1/assignee", {"name": "nobody"}),
    ("GET", "/search?jql=project=BOT", None),
    ("POST", "/search", {"jql": "project = BOT", "fields": ["summary"]}),
    ("GET", "/search?jql=nope", None),
    ("POST", "/screens/addToDefault/creator", None),
    ("GET", "/user/search?username=ada", None),
]


@pytest.mark.parametrize(("method", "path", "body"), BOTH)
def test_both_flavours_answer_as_documented(
    lived: Simulator, serve: Callable[..., Ask], method: str, path: str, body: Any
) -> None:
    assert serve(lived)(method, path, json=body).status_code < 500


@pytest.mark.parametrize("sim", ["cloud"], indirect=True)
@pytest.mark.parametrize(("method", "path", "body"), CLOUD_ONLY)
def test_cloud_answers_as_documented(
    lived: Simulator, serve: Callable[..., Ask], method: str, path: str, body: Any
) -> None:
    assert serve(lived)(method, path, json=body).status_code < 500


@pytest.mark.parametrize("sim", ["datacenter"], indirect=True)
@pytest.mark.parametrize(("method", "path", "body"), DATACENTER_ONLY)
def test_data_center_answers_as_documented(
    lived: Simulator, serve: Callable[..., Ask], method: str, path: str, body: Any
) -> None:
    assert serve(lived)(method, path, json=body).status_code < 500
