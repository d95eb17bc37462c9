"""Answers held against the OpenAPI documents of Cloud and Data Center, where these are at hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import requests

from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator
from connector.simulator.adf import from_wiki

Ask = Callable[..., requests.Response]
SHARED = Path(__file__).parents[4] / "shared" / "jira" / "openapi"
CLOUD = SHARED / "jira-cloud-platform-v3.2026-07-21.json"
DATACENTER = SHARED / "jira-software-dc-10.3.24.openapi.json"
DUE = {
    "name": "SLA due",
    "type": "com.atlassian.jira.plugin.system.customfieldtypes:datetime",
}

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SHARED.is_dir(), reason="the reference material is not here"),
]


@cache
def specification(path: Path) -> Any:
    whole = translated(json.loads(path.read_text(encoding="utf-8")))
    schemas = whole["components"]["schemas"]
    # Where the documents are wrong: a change has nulls (all captures), a field can be anything
    # but an object, and a property holds any JSON.
    for name in {"ChangeDetails", "ChangeItemBean"} & set(schemas):
        for part in ("from", "fromString", "to", "toString"):
            schemas[name]["properties"][part]["type"] = ["string", "null"]
    schemas["IssueBean"]["properties"]["fields"]["additionalProperties"] = {}
    if "EntityPropertyBean" in schemas:
        schemas["EntityPropertyBean"]["properties"]["value"] = {}
    return whole


def translated(part: Any) -> Any:
    """Return OpenAPI 3.0 as JSON Schema: `nullable` becomes a type of its own."""
    if isinstance(part, list):
        return [translated(item) for item in part]
    if not isinstance(part, dict):
        return part
    result = {name: translated(value) for name, value in part.items() if name != "nullable"}
    if part.get("nullable") and isinstance(part.get("type"), str):
        result["type"] = [part["type"], "null"]
    return result


def check(path: Path, method: str, template: str, answer: requests.Response) -> None:
    whole = specification(path)
    responses = whole["paths"][template][method.lower()]["responses"]
    assert str(answer.status_code) in responses, answer.text
    content = responses[str(answer.status_code)].get("content", {})
    schema = content.get("application/json", {}).get("schema")
    # The schema of a new link says nothing at all, and so does the answer.
    if not schema or answer.status_code == 204:
        return
    body = answer.json()
    # The document of Data Center names the item where the answer is a list of them.
    listed = isinstance(body, list) and schema.get("type") != "array" and "oneOf" not in schema
    validator = jsonschema.Draft4Validator({**schema, "components": whole["components"]})
    for part in body if listed else [body]:
        validator.validate(part)


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
BOTH: list[tuple[str, str, str, Any]] = [
    ("GET", "/issue/BOT-1", "/issue/{issueIdOrKey}", None),
    ("GET", "/issue/BOT-1?expand=changelog", "/issue/{issueIdOrKey}", None),
    ("GET", "/issue/NOPE-1", "/issue/{issueIdOrKey}", None),
    ("PUT", "/issue/BOT-1", "/issue/{issueIdOrKey}", {"fields": {"summary": "z"}}),
    ("PUT", "/issue/BOT-1", "/issue/{issueIdOrKey}", {"fields": {"nope": "z"}}),
    ("DELETE", "/issue/BOT-1", "/issue/{issueIdOrKey}", None),
    ("POST", "/issue", "/issue", {"fields": NEW}),
    ("POST", "/issue", "/issue", {"fields": {}}),
    ("GET", "/issue/BOT-1/transitions", "/issue/{issueIdOrKey}/transitions", None),
    ("POST", "/issue/BOT-1/transitions", "/issue/{issueIdOrKey}/transitions", {}),
    ("GET", "/issue/BOT-1/comment", "/issue/{issueIdOrKey}/comment", None),
    ("GET", "/issue/BOT-1/comment/10000", "/issue/{issueIdOrKey}/comment/{id}", None),
    ("GET", "/issue/BOT-1/comment/9", "/issue/{issueIdOrKey}/comment/{id}", None),
    ("DELETE", "/issue/BOT-1/comment/10000", "/issue/{issueIdOrKey}/comment/{id}", None),
    (
        "GET",
        "/comment/10000/properties/dueline",
        "/comment/{commentId}/properties/{propertyKey}",
        None,
    ),
    (
        "GET",
        "/comment/10000/properties/nope",
        "/comment/{commentId}/properties/{propertyKey}",
        None,
    ),
    ("PUT", "/comment/10000/properties/more", "/comment/{commentId}/properties/{propertyKey}", [1]),
    ("GET", "/field", "/field", None),
    ("POST", "/field", "/field", DUE),
    ("POST", "/field", "/field", {}),
    ("GET", "/screens/1/tabs", "/screens/{screenId}/tabs", None),
    ("GET", "/screens/1/tabs/10000/fields", "/screens/{screenId}/tabs/{tabId}/fields", None),
    ("GET", "/issue/BAL-1?expand=changelog", "/issue/{issueIdOrKey}", None),
    ("GET", "/issue/BOT-1/comment/10002", "/issue/{issueIdOrKey}/comment/{id}", None),
    ("GET", "/issueLinkType", "/issueLinkType", None),
    ("GET", "/issueLinkType/10000", "/issueLinkType/{issueLinkTypeId}", None),
    ("GET", "/issueLinkType/9", "/issueLinkType/{issueLinkTypeId}", None),
    ("POST", "/issueLink", "/issueLink", RELATED),
    ("POST", "/issueLink", "/issueLink", {}),
    ("GET", "/issueLink/10000", "/issueLink/{linkId}", None),
    ("GET", "/issueLink/9", "/issueLink/{linkId}", None),
    ("GET", "/issueLink/nine", "/issueLink/{linkId}", None),
    ("DELETE", "/issueLink/10000", "/issueLink/{linkId}", None),
    ("POST", "/issue", "/issue", {"fields": NEW, "update": {"issuelinks": [{"add": RELATED}]}}),
    ("GET", "/myself", "/myself", None),
    ("GET", "/serverInfo", "/serverInfo", None),
    ("GET", "/groups/picker?query=sup", "/groups/picker", None),
    ("GET", "/project", "/project", None),
    ("GET", "/project/BOT", "/project/{projectIdOrKey}", None),
    ("GET", "/project/BOT/statuses", "/project/{projectIdOrKey}/statuses", None),
    ("GET", "/issuetype", "/issuetype", None),
    ("GET", "/priority", "/priority", None),
    ("GET", "/status", "/status", None),
    ("GET", "/resolution", "/resolution", None),
    ("GET", "/mypermissions?permissions=ADMINISTER", "/mypermissions", None),
]
CLOUD_ONLY: list[tuple[str, str, str, Any]] = [
    ("POST", "/issue/BOT-1/comment", "/issue/{issueIdOrKey}/comment", {"body": from_wiki("x")}),
    (
        "PUT",
        "/issue/BOT-1/comment/10000",
        "/issue/{issueIdOrKey}/comment/{id}",
        {"body": from_wiki("y")},
    ),
    ("POST", "/issue/BOT-1/remotelink", "/issue/{issueIdOrKey}/remotelink", LINK),
    ("GET", "/issue/BOT-1/remotelink", "/issue/{issueIdOrKey}/remotelink", None),
    ("GET", "/issue/BOT-1/changelog", "/issue/{issueIdOrKey}/changelog", None),
    ("GET", "/issue/BOT-1/changelog?maxResults=1", "/issue/{issueIdOrKey}/changelog", None),
    ("GET", "/issue/BOT-1/properties", "/issue/{issueIdOrKey}/properties", None),
    (
        "PUT",
        "/issue/BOT-1/assignee",
        "/issue/{issueIdOrKey}/assignee",
        {"accountId": "712020:agent-0000-4000-8000-000000000001"},
    ),
    ("PUT", "/issue/BOT-1/assignee", "/issue/{issueIdOrKey}/assignee", {"accountId": "nobody"}),
    ("GET", "/issue/BAL-1/changelog", "/issue/{issueIdOrKey}/changelog", None),
    ("POST", "/comment/list", "/comment/list", {"ids": [10000]}),
    ("GET", "/comment/10000/properties", "/comment/{commentId}/properties", None),
    ("GET", "/search/jql?jql=key=BOT-1", "/search/jql", None),
    ("GET", "/search/jql?jql=order by key", "/search/jql", None),
    ("POST", "/search/jql", "/search/jql", {"jql": "project = BOT", "fields": ["*all"]}),
    ("GET", "/field/search?type=custom", "/field/search", None),
    ("GET", "/field/customfield_10100/context", "/field/{fieldId}/context", None),
    ("POST", "/field/customfield_10100/context", "/field/{fieldId}/context", {"name": "x"}),
    (
        "GET",
        "/field/customfield_10100/context/10200/option",
        "/field/{fieldId}/context/{contextId}/option",
        None,
    ),
    ("POST", "/screens/addToDefault/creator", "/screens/addToDefault/{fieldId}", None),
    (
        "POST",
        "/screens/1/tabs/10000/fields",
        "/screens/{screenId}/tabs/{tabId}/fields",
        {"fieldId": "status"},
    ),
    ("GET", "/screens", "/screens", None),
    ("GET", "/group/member?groupname=support", "/group/member", None),
    ("GET", "/group/bulk", "/group/bulk", None),
    ("GET", "/group?groupname=support", "/group", None),
    ("GET", "/user/search?query=ada", "/user/search", None),
    ("GET", "/user?accountId=nobody", "/user", None),
    ("GET", "/users/search", "/users/search", None),
    ("GET", "/user/assignable/search?project=BOT", "/user/assignable/search", None),
    ("GET", "/project/search", "/project/search", None),
    ("GET", "/priority/search", "/priority/search", None),
    ("GET", "/issue/BOT-1/editmeta", "/issue/{issueIdOrKey}/editmeta", None),
]
DATACENTER_ONLY: list[tuple[str, str, str, Any]] = [
    ("POST", "/issue/BOT-1/comment", "/issue/{issueIdOrKey}/comment", {"body": "x"}),
    ("PUT", "/issue/BOT-1/comment/10000", "/issue/{issueIdOrKey}/comment/{id}", {"body": "y"}),
    ("PUT", "/issue/BOT-1/assignee", "/issue/{issueIdOrKey}/assignee", {"name": "agent"}),
    ("PUT", "/issue/BOT-1/assignee", "/issue/{issueIdOrKey}/assignee", {"name": "nobody"}),
    ("GET", "/search?jql=project=BOT", "/search", None),
    ("POST", "/search", "/search", {"jql": "project = BOT", "fields": ["summary"]}),
    ("GET", "/search?jql=nope", "/search", None),
    ("POST", "/screens/addToDefault/creator", "/screens/addToDefault/{fieldId}", None),
    ("GET", "/user/search?username=ada", "/user/search", None),
]


@pytest.mark.parametrize(("method", "path", "template", "body"), BOTH)
def test_both_flavours_answer_as_documented(
    lived: Simulator,
    serve: Callable[..., Ask],
    method: str,
    path: str,
    template: str,
    body: Any,
) -> None:
    answer = serve(lived)(method, path, json=body)
    if lived.cloud:
        check(CLOUD, method, f"/rest/api/3{template}", answer)
    else:
        check(DATACENTER, method, f"/api/2{template}", answer)


@pytest.mark.parametrize("sim", ["cloud"], indirect=True)
@pytest.mark.parametrize(("method", "path", "template", "body"), CLOUD_ONLY)
def test_cloud_answers_as_documented(
    lived: Simulator,
    serve: Callable[..., Ask],
    method: str,
    path: str,
    template: str,
    body: Any,
) -> None:
    answer = serve(lived)(method, path, json=body)
    check(CLOUD, method, f"/rest/api/3{template}", answer)


@pytest.mark.parametrize("sim", ["datacenter"], indirect=True)
@pytest.mark.parametrize(("method", "path", "template", "body"), DATACENTER_ONLY)
def test_data_center_answers_as_documented(
    lived: Simulator,
    serve: Callable[..., Ask],
    method: str,
    path: str,
    template: str,
    body: Any,
) -> None:
    answer = serve(lived)(method, path, json=body)
    check(DATACENTER, method, f"/api/2{template}", answer)
