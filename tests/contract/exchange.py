"""A request with its answer, and where the two depart from what Atlassian's documents say."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from tests.contract.documents import (
    Flavour,
    Json,
    Operation,
    answer_validator,
    operation_of,
    request_validator,
)
from tests.contract.undocumented import is_undocumented

_INTEGER = re.compile(r"-?[0-9]+", re.ASCII)
# What any resource may answer: a caller that is not signed in, one that asks too often, and faults
# of the server itself; see the status codes of
# https://developer.atlassian.com/cloud/jira/platform/rest/v3/intro/.
_ANYWHERE = frozenset({401, 429, *range(500, 600)})
# What is answered before a resource is reached, in other words than a resource's: a way to sign in
# that is not taken here, a body that nothing here reads.
_AT_THE_GATE = frozenset({403, 415})
# How Python says what Jira reads as `true`, `false`, or not at all.
_PYTHONS = frozenset({"True", "False", "None"})


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request as it came in, and the answer that it got."""

    flavour: Flavour
    method: str
    path: str
    query: str = ""
    body: bytes = b""
    body_type: str = "application/json"
    status: int = 200
    answer: bytes = b""
    answer_type: str = "application/json"


class Violation(NamedTuple):
    """Something that is not as a document says."""

    operation: str
    """Such as `GET /rest/api/3/issue/{issueIdOrKey}`."""
    part: str
    """`request`, or `answer` and its status."""
    place: str
    """Such as `author.name`, or `?maxResults`; an element of a list is `[]`."""
    rule: str
    """The keyword of the schema that does not hold, or what else is wrong."""


Found = Mapping[Violation, str]
"""What is wrong, each with the words of the first of its kind."""


def violations(exchange: Exchange) -> Found:
    """Whatever in an exchange is not as the documents say."""
    operation = operation_of(exchange.flavour, exchange.method, exchange.path)
    if operation is None:
        if is_undocumented(exchange.path):
            return {}
        nowhere = Violation(f"{exchange.method} {exchange.path}", "request", "path", "unknown")
        return {nowhere: "no document has it"}
    found: dict[Violation, str] = {}
    for part, faults in (
        ("request", _in_request(operation, exchange)),
        (f"answer {exchange.status}", _in_answer(operation, exchange)),
    ):
        for place, rule, words in faults:
            found.setdefault(Violation(operation.name, part, place, rule), words)
    return found


_Faults = Iterator[tuple[str, str, str]]
"""Where, which rule, and what is wrong with it."""


def _in_request(operation: Operation, exchange: Exchange) -> _Faults:
    yield from _in_path(operation, exchange.path)
    yield from _in_query(operation, exchange.query)
    yield from _in_body(operation, exchange)


def _in_path(operation: Operation, path: str) -> _Faults:
    schemas = {f"{{{p['name']}}}": p["schema"] for p in _parameters(operation, "path")}
    for own, given in zip(operation.segments, path.strip("/").split("/"), strict=True):
        if own in schemas and not _fits(given, schemas[own]):
            yield own, "type", f"{given!r} is no {schemas[own]['type']}"


def _in_query(operation: Operation, query: str) -> _Faults:
    given = parse_qs(query, keep_blank_values=True)
    declared = {p["name"]: p for p in _parameters(operation, "query")}
    for name, values in given.items():
        if name not in declared:
            yield f"?{name}", "unknown", f"no such parameter; there are {sorted(declared)}"
            continue
        for value in values:
            if value in _PYTHONS or not _fits(value, declared[name]["schema"]):
                yield f"?{name}", "type", f"{value!r} does not fit"
    for name, parameter in declared.items():
        if parameter.get("required") and name not in given:
            yield f"?{name}", "required", "it is missing"


def _parameters(operation: Operation, where: str) -> Iterable[Json]:
    return (p for p in operation.parameters if p["in"] == where)


def _fits(text: str, schema: Json) -> bool:
    """Whether the text of a parameter can be read as its schema says."""
    kind = schema.get("type")
    if kind == "array":
        # Jira takes names that are separated by commas as well as a parameter that is repeated.
        return all(_fits(part, schema["items"]) for part in text.split(","))
    if kind == "integer":
        return _INTEGER.fullmatch(text) is not None
    if kind == "boolean":
        return text in {"true", "false"}
    return "enum" not in schema or text in schema["enum"]


def _in_body(operation: Operation, exchange: Exchange) -> _Faults:
    validator = request_validator(operation)
    if not exchange.body:
        if operation.stated.get("requestBody", {}).get("required"):
            yield "", "required", "there is no body"
        return
    if validator is None:
        yield "", "unknown", "it takes no body"
        return
    if not _is_json(exchange.body_type):
        yield "Content-Type", "type", f"{exchange.body_type!r} is not declared"
        return
    yield from _in_json(validator, _decoded(exchange.body))


def _in_answer(operation: Operation, exchange: Exchange) -> _Faults:
    status = exchange.status
    if not operation.declares(status):
        if status not in _ANYWHERE and not _is_of_the_gate(exchange):
            yield "status", "unknown", f"{status} is not declared: {exchange.answer[:200]!r}"
        return
    validator = answer_validator(operation, status)
    if validator is None:
        return
    if not _is_json(exchange.answer_type):
        yield "Content-Type", "type", f"{exchange.answer_type!r} is not declared"
        return
    body = _decoded(exchange.answer)
    if isinstance(body, list) and operation.names_no_list(status):
        yield "", "list", "a list, where the schema is that of one element"
        elements = body
    else:
        elements = [body]
    for element in elements:
        yield from _in_json(validator, element)


def _is_of_the_gate(exchange: Exchange) -> bool:
    return exchange.status in _AT_THE_GATE and b"errorMessages" not in exchange.answer


def _is_json(content_type: str) -> bool:
    return content_type.partition(";")[0].strip().lower() == "application/json"


def _decoded(text: bytes) -> Json:
    try:
        return json.loads(text)
    except ValueError:
        return _NOT_JSON


_NOT_JSON = object()


def _in_json(validator: Any, body: Json) -> _Faults:
    if body is _NOT_JSON:
        yield "", "json", "it is not JSON"
        return
    for error in validator.iter_errors(body):
        place, rule = _place(error.absolute_schema_path), str(error.validator)
        if rule == "additionalProperties":
            for name in error.instance.keys() - error.schema.get("properties", {}).keys():
                yield _below(place, name), "unknown", "the schema has no such member"
        else:
            yield place, rule, error.message[:300]


def _place(schema_path: Iterable[str | int]) -> str:
    """Where in a body something is wrong, as its schema sees it: `values[].items[].from`."""
    *above, _keyword = schema_path
    place, steps = "", iter(above)
    for step in steps:
        if step == "properties":
            place = _below(place, str(next(steps)))
        elif step == "items":
            place += "[]"
        elif step == "additionalProperties":
            place = _below(place, "*")
    return place


def _below(place: str, name: str) -> str:
    return f"{place}.{name}" if place else name
