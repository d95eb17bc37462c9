"""What the check finds, and what it lets pass, on exchanges written out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract import documents
from tests.contract.documents import Flavour
from tests.contract.exchange import Exchange, Violation, violations

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not documents.here(), reason="the reference material is not here"),
]

ISSUE = "/rest/api/3/issue/BOT-1"
COMMENT = f"{ISSUE}/comment"


def exchange(
    method: str,
    path: str,
    body: Any = None,
    answer: Any = None,
    *,
    flavour: Flavour = "cloud",
    **more: Any,
) -> Exchange:
    path, _, query = path.partition("?")
    sent = b"" if body is None else json.dumps(body).encode()
    told = b"" if answer is None else json.dumps(answer).encode()
    return Exchange(flavour, method, path, query, sent, answer=told, **more)


def places(found: Exchange) -> set[tuple[str, str, str]]:
    return {(wrong.part, wrong.place, wrong.rule) for wrong in violations(found)}


@pytest.mark.parametrize(
    "right",
    [
        exchange("GET", f"{ISSUE}?fields=a,b&updateHistory=false", answer={"id": "10000"}),
        exchange("GET", f"{ISSUE}?fields=a&fields=b", answer={"id": "10000"}),
        exchange("GET", f"{ISSUE}?fields=a", status=401),
        exchange("PUT", f"{ISSUE}?notifyUsers=false", {"fields": {"any": [1]}}, status=204),
        exchange("POST", COMMENT, {"body": {"type": "doc"}}, {"id": "1"}, status=201),
        exchange("GET", f"{COMMENT}?orderBy=-created&startAt=0", answer={"comments": []}),
        exchange("GET", "/rest/api/2/issue/BOT-1", answer={"fields": {"description": "wiki"}}),
        exchange("GET", "/rest/webhooks/1.0/webhook", answer="anything"),
        exchange("GET", "/rest/api/2/field", answer=[], flavour="datacenter", status=500),
    ],
    ids=lambda right: f"{right.method} {right.path}",
)
def test_what_is_right_passes(right: Exchange) -> None:
    assert violations(right) == {}


@pytest.mark.parametrize(
    ("wrong", "found"),
    [
        (exchange("GET", "/rest/api/3/isue/BOT-1"), ("request", "path", "unknown")),
        (exchange("PATCH", ISSUE), ("request", "path", "unknown")),
        (exchange("GET", f"{ISSUE}?colour=1", answer={}), ("request", "?colour", "unknown")),
        (
            exchange("PUT", f"{ISSUE}?notifyUsers=False", {}, status=204),
            ("request", "?notifyUsers", "type"),
        ),
        (
            exchange("GET", f"{COMMENT}?startAt=few", answer={}),
            ("request", "?startAt", "type"),
        ),
        (
            exchange("GET", f"{COMMENT}?orderBy=newest", answer={}),
            ("request", "?orderBy", "type"),
        ),
        (
            exchange("GET", "/rest/api/3/screens/first/tabs", answer=[]),
            ("request", "{screenId}", "type"),
        ),
        (
            exchange("DELETE", "/rest/api/3/issueLink/1", {}, status=204),
            ("request", "", "unknown"),
        ),
        (exchange("PUT", ISSUE, status=204), ("request", "", "required")),
        (
            exchange("PUT", ISSUE, {}, status=204, body_type="text/plain"),
            ("request", "Content-Type", "type"),
        ),
        (
            exchange("PUT", ISSUE, {"feilds": {}}, status=204),
            ("request", "feilds", "unknown"),
        ),
        (
            exchange("PUT", ISSUE, {"properties": [{"kay": 1}]}, status=204),
            ("request", "properties[].kay", "unknown"),
        ),
        (
            exchange("POST", COMMENT, {"jsdPublic": True}, {}, status=201),
            ("request", "jsdPublic", "readOnly"),
        ),
        (
            exchange("POST", COMMENT, {"visibility": {"type": "all"}}, {}, status=201),
            ("request", "visibility.type", "enum"),
        ),
        (exchange("GET", ISSUE, status=418), ("answer 418", "status", "unknown")),
        (exchange("GET", ISSUE, answer={"id": 10000}), ("answer 200", "id", "type")),
        (exchange("GET", ISSUE, answer={"idd": "1"}), ("answer 200", "idd", "unknown")),
        (exchange("GET", ISSUE), ("answer 200", "", "json")),
        (
            exchange("GET", ISSUE, answer={}, answer_type="text/html"),
            ("answer 200", "Content-Type", "type"),
        ),
        (
            exchange(
                "GET", "/rest/api/2/screens/1/tabs", answer=[{"id": "1"}], flavour="datacenter"
            ),
            ("answer 200", "id", "type"),
        ),
    ],
    ids=lambda each: each.path if isinstance(each, Exchange) else "-".join(each),
)
def test_what_is_wrong_is_found(wrong: Exchange, found: tuple[str, str, str]) -> None:
    assert found in places(wrong)


def test_a_parameter_that_is_needed_is_missed() -> None:
    found = violations(exchange("GET", "/rest/api/3/user", status=200, answer={}))
    operation = "GET /rest/api/3/user/assignable/multiProjectSearch"
    asked = exchange("GET", operation.partition(" ")[2], answer=[])
    assert Violation(operation, "request", "?projectKeys", "required") in violations(asked)
    assert found == {}


def test_the_path_that_names_more_is_meant() -> None:
    assert documents.operation_of("cloud", "GET", "/rest/api/3/field/search").name == (  # type: ignore[union-attr]
        "GET /rest/api/3/field/search"
    )
