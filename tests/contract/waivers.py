"""Where Atlassian's documents are wrong: each place with the reason, and an exchange that shows it.

A waiver is for one place of one operation. A test holds that its exchange breaks the contract in
that place, so that no waiver outlives the defect that it is for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tests.contract.documents import Flavour, Json
from tests.contract.exchange import Exchange, Violation


@dataclass(frozen=True, slots=True)
class Waiver:
    """A defect of a document."""

    violation: Violation
    reason: str
    example: Exchange
    """What Jira really takes or answers."""


def _answer(
    operation: str, place: str, rule: str, body: Json, reason: str, *, status: int = 200
) -> Waiver:
    sent = b"{}" if operation.startswith("POST") else b""
    answer = json.dumps(body).encode()
    example = _exchange(operation, body=sent, status=status, answer=answer)
    return Waiver(Violation(operation, f"answer {status}", place, rule), reason, example)


def _request(
    operation: str, place: str, rule: str, body: Json, reason: str, *, query: str = ""
) -> Waiver:
    sent = b"" if body is None else json.dumps(body).encode()
    example = _exchange(operation, query=query, body=sent, status=429)
    return Waiver(Violation(operation, "request", place, rule), reason, example)


def _exchange(
    operation: str, *, query: str = "", body: bytes = b"", status: int, answer: bytes = b""
) -> Exchange:
    method, template = operation.split(" ")
    flavour: Flavour = "cloud" if template.startswith("/rest/api/3/") else "datacenter"
    path = re.sub(r"\{[^}]*\}", "10000", template)
    return Exchange(flavour, method, path, query, body, status=status, answer=answer)


def _values_are_objects() -> Iterator[Waiver]:
    reason = "A field's value can be anything, and is null where there is none."
    issue = "/rest/api/2/issue"
    for operation in (f"POST {issue}", f"PUT {issue}/{{issueIdOrKey}}"):
        yield _request(operation, "fields.*", "type", {"fields": {"summary": "x"}}, reason)
    shown = {"fields": {"environment": None}}
    one = f"GET {issue}/{{issueIdOrKey}}"
    yield _answer(one, "fields.*", "type", shown, reason)
    for operation in ("GET /rest/api/2/search", "POST /rest/api/2/search"):
        yield _answer(operation, "issues[].fields.*", "type", {"issues": [shown]}, reason)


def _changes_have_no_nulls() -> Iterator[Waiver]:
    reason = "What was empty before a change, or is after it, is null in every capture."
    for part in ("from", "fromString", "to", "toString"):
        history = {"items": [{part: None}]}
        inside = {"changelog": {"histories": [history]}}
        for version in (2, 3):
            operation = f"GET /rest/api/{version}/issue/{{issueIdOrKey}}"
            place = f"changelog.histories[].items[].{part}"
            yield _answer(operation, place, "type", inside, reason)
        operation = "GET /rest/api/3/issue/{issueIdOrKey}/changelog"
        yield _answer(operation, f"values[].items[].{part}", "type", {"values": [history]}, reason)
        for operation in (
            "GET /rest/api/2/search",
            "GET /rest/api/3/search/jql",
            "POST /rest/api/3/search/jql",
        ):
            place = f"issues[].changelog.histories[].items[].{part}"
            yield _answer(operation, place, "type", {"issues": [inside]}, reason)


def _properties_are_texts() -> Iterator[Waiver]:
    reason = "A property holds any JSON; the schema's own example is an object, written as a text."
    value = {"internal": True}
    sent = {"properties": [{"key": "sd.public.comment", "value": value}]}
    for operation in (
        "POST /rest/api/2/issue/{issueIdOrKey}/comment",
        "PUT /rest/api/2/issue/{issueIdOrKey}/comment/{id}",
    ):
        yield _request(operation, "properties[].value", "type", sent, reason)
    owners = ("comment/{commentId}", "issue/{issueIdOrKey}")
    for owner in owners:
        operation = f"GET /rest/api/2/{owner}/properties/{{propertyKey}}"
        yield _answer(operation, "value", "type", {"key": "k", "value": value}, reason)
    operation = "PUT /rest/api/2/issue/{issueIdOrKey}/properties/{propertyKey}"
    yield _request(operation, "", "type", value, reason)
    operation = "PUT /rest/api/2/comment/{commentId}/properties/{propertyKey}"
    yield _request(operation, "", "unknown", value, "The body is the property; no schema is given.")


def _lists_are_named_by_an_element() -> Iterator[Waiver]:
    reason = "The document names an element where the answer is a list, as its description says."
    for path in (
        "field",
        "issue/{issueIdOrKey}/remotelink",
        "issuetype",
        "priority",
        "project",
        "project/{projectIdOrKey}/statuses",
        "resolution",
        "screens/{screenId}/tabs",
        "screens/{screenId}/tabs/{tabId}/fields",
        "status",
        "user/assignable/search",
        "user/search",
    ):
        yield _answer(f"GET /rest/api/2/{path}", "", "list", [], reason)


def _operations_are_spelled_out() -> Iterator[Waiver]:
    reason = 'Its own example has the operation as the member\'s name: `{"add": ...}`.'
    for verb in ("add", "remove", "set"):
        body = {"update": {"labels": [{verb: "x"}]}}
        for operation in ("POST /rest/api/2/issue", "PUT /rest/api/2/issue/{issueIdOrKey}"):
            yield _request(operation, f"update.*[].{verb}", "unknown", body, reason)


def _statuses_are_left_out() -> Iterator[Waiver]:
    removed = "The resource was removed in 2025: recorded from a site, see CHANGE-2046."
    for operation in ("GET /rest/api/3/search", "POST /rest/api/3/search"):
        yield _answer(operation, "status", "unknown", {}, removed, status=410)
    refused: Json = {"errorMessages": ["Only for administrators."], "errors": {}}
    admins = "No status is given for a caller who is no administrator."
    yield _answer("POST /rest/api/2/field", "status", "unknown", refused, admins, status=403)
    slip = "Its words and its 201 are those of adding a field: a slip of the pen."
    yield _answer("GET /rest/api/2/screens", "status", "unknown", [], slip)
    made = "A new link is answered 201 on Cloud, by the same code."
    operation = "POST /rest/api/2/issue/{issueIdOrKey}/remotelink"
    yield _answer(operation, "status", "unknown", {}, made, status=201)


def _single_slips() -> Iterator[Waiver]:
    named = "Its 400 is for a group whose name is empty; the parameter itself was forgotten."
    yield _request(
        "GET /rest/api/2/group/member", "?groupname", "unknown", None, named, query="groupname=x"
    )
    nobody = "Null takes the assignee away, as Cloud's description says."
    for version, name in ((2, "name"), (3, "accountId")):
        operation = f"PUT /rest/api/{version}/issue/{{issueIdOrKey}}/assignee"
        yield _request(operation, name, "type", {name: None}, nobody)
    gate = "Who is not signed in is turned away before the resource, with a body of the gate's own."
    for member in ("message", "status-code"):
        answer = {member: 401}
        yield _answer("POST /rest/api/3/issue", member, "unknown", answer, gate, status=401)


WAIVERS: tuple[Waiver, ...] = (
    *_values_are_objects(),
    *_changes_have_no_nulls(),
    *_properties_are_texts(),
    *_lists_are_named_by_an_element(),
    *_operations_are_spelled_out(),
    *_statuses_are_left_out(),
    *_single_slips(),
)
WAIVED: Mapping[Violation, Waiver] = {waiver.violation: waiver for waiver in WAIVERS}
