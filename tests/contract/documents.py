"""Atlassian's OpenAPI documents: which operation a request is, and what the document says of it.

The documents are reference material beside the checkout; they are read once per process, and of
their schemas only those are compiled that are used.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal

from openapi_schema_validator import OAS30ReadValidator, OAS30WriteValidator

Flavour = Literal["cloud", "datacenter"]
Json = Any

OPENAPI = Path(__file__).parents[3] / "shared" / "jira" / "openapi"
# Each document with what stands before its paths on a server.
_DOCUMENTS: Mapping[Flavour, tuple[tuple[str, str], ...]] = {
    "cloud": (("jira-cloud-platform-v3.2026-07-21.json", ""), ("jsm-cloud.2025-10.json", "")),
    "datacenter": (("jira-software-dc-10.3.24.openapi.json", "/rest"),),
}
_METHODS = frozenset({"get", "post", "put", "delete", "patch"})
_JSON = "application/json"


class Components:
    """The named schemas of a document."""

    def __init__(self, stated: Json) -> None:
        self.stated = stated

    @cached_property
    def shut(self) -> Json:
        """The same, with no member let in that is not named."""
        return _shut(self.stated)


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One method of one path, as a document has it."""

    name: str
    """Such as `GET /rest/api/3/issue/{issueIdOrKey}`."""
    segments: tuple[str, ...]
    stated: Json
    parameters: tuple[Json, ...]
    components: Components

    def meets(self, segments: tuple[str, ...]) -> bool:
        """Whether a path of as many segments is one of this operation."""
        return all(
            _is_parameter(own) or own == given
            for own, given in zip(self.segments, segments, strict=True)
        )

    def declares(self, status: int) -> bool:
        """Whether the document lists this status."""
        return str(status) in self.stated["responses"] or "default" in self.stated["responses"]

    def answer_schema(self, status: int) -> Json:
        """The schema of an answer with this status; None where the document has none."""
        responses = self.stated["responses"]
        answer = responses.get(str(status)) or responses.get("default", {})
        return answer.get("content", {}).get(_JSON, {}).get("schema")

    def names_no_list(self, status: int) -> bool:
        """Whether the schema of an answer is plainly no list."""
        schema = self.answer_schema(status)
        if "$ref" in schema:
            schema = self.components.stated["schemas"][schema["$ref"].rpartition("/")[2]]
        return bool(schema.get("type") == "object")

    def request_schema(self) -> Json:
        """The schema of the body; None where the operation takes none."""
        return self.stated.get("requestBody", {}).get("content", {}).get(_JSON, {}).get("schema")


def here() -> bool:
    """Whether the documents are at hand."""
    return OPENAPI.is_dir()


def operation_of(flavour: Flavour, method: str, path: str) -> Operation | None:
    """The operation that a request is; None where no document of the flavour has it.

    Cloud serves version 2 as well, which differs from version 3 in texts alone: strings instead of
    documents. Version 3's schemas leave the form of texts open, so that they hold for both.
    """
    if flavour == "cloud":
        path = path.replace("/rest/api/2/", "/rest/api/3/", 1)
    segments = tuple(path.strip("/").split("/"))
    found = [op for op in _operations(flavour)[method, len(segments)] if op.meets(segments)]
    # Where two paths meet, the one is meant that names more of it: /search/jql, not /search/{id}.
    return min(found, key=lambda op: sum(map(_is_parameter, op.segments)), default=None)


@cache
def answer_validator(operation: Operation, status: int) -> Any:
    """What checks the body of an answer; None where the document does not say what comes."""
    schema = operation.answer_schema(status)
    if not schema:
        return None
    return OAS30ReadValidator({**schema, "components": operation.components.stated})


@cache
def request_validator(operation: Operation) -> Any:
    """What checks the body of a request; None where the operation takes no body.

    A member that a schema does not name is a fault also where the schema leaves the door open: Jira
    ignores it without a word, so that what it should have done is never done.
    """
    schema = operation.request_schema()
    if schema is None:
        return None
    return OAS30WriteValidator({**_shut(schema), "components": operation.components.shut})


@cache
def _operations(flavour: Flavour) -> Mapping[tuple[str, int], list[Operation]]:
    """Every operation, by its method and the number of its path's segments."""
    found: defaultdict[tuple[str, int], list[Operation]] = defaultdict(list)
    for file_name, prefix in _DOCUMENTS[flavour]:
        document = json.loads((OPENAPI / file_name).read_text(encoding="utf-8"))
        for operation in _operations_in(document, prefix):
            found[operation.name.split()[0], len(operation.segments)].append(operation)
    return found


def _operations_in(document: Json, prefix: str) -> Iterator[Operation]:
    components = Components(document["components"])
    for path, methods in document["paths"].items():
        for method in _METHODS & set(methods):
            stated = methods[method]
            yield Operation(
                f"{method.upper()} {prefix}{path}",
                tuple(f"{prefix}{path}".strip("/").split("/")),
                stated,
                (*methods.get("parameters", ()), *stated.get("parameters", ())),
                components,
            )


def _is_parameter(segment: str) -> bool:
    return segment.startswith("{")


def _shut(schema: Json) -> Json:
    """A schema that takes no members beside those that it names."""
    if isinstance(schema, list):
        return [_shut(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: _shut(part) for name, part in schema.items()}
    names_members = isinstance(schema.get("properties"), dict) and "type" in schema
    if names_members and schema.get("additionalProperties", True) in (True, {}):
        shut["additionalProperties"] = False
    return shut
