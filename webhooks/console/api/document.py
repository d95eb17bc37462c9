"""The OpenAPI document: made of the same types that check requests and encode answers."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.metadata import version
from itertools import pairwise
from textwrap import dedent
from typing import Any, get_args

import msgspec

from webhooks.console.api.described import LARGEST, Endpoint, Nothing, Refusal

_JSON = "application/json"
_REF = "#/components/schemas/{name}"
_ABOUT = """\
Everything that Dueline's pages show and do, as JSON.

A program sends a token with each request: `Authorization: Bearer TOKEN`. An administrator makes
tokens on the page *API tokens*. A viewer's token reads everything; what changes something wants an
administrator's, as its description says. A browser's session is good as well; a request of it that
changes something also brings the header `X-CSRFToken`.

Instants are ISO 8601 in UTC, lengths are seconds. What is refused is answered with a sentence in
`error` that says what would be right. Unknown members of a query are refused.
"""
_SECURITY: Mapping[str, Mapping[str, str]] = {
    "token": {"type": "http", "scheme": "bearer", "description": "A token of the page API tokens."},
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": "dueline",
        "description": "A signed-in browser; `__Host-dueline` where Dueline is served by https.",
    },
}


def document(endpoints: Iterable[Endpoint], url: str) -> dict[str, Any]:
    """The description of these answers as OpenAPI 3.1.

    Args:
        endpoints: all that were described.
        url: where the API is; empty: where the document came from.
    """
    listed = sorted(endpoints, key=lambda each: (each.path, each.method))
    schemas = _Schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for each in listed:
        paths.setdefault(each.path, {})[each.method.lower()] = _operation(each, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Dueline", "version": version("dueline"), "description": _ABOUT},
        "servers": [{"url": url or "/"}],
        "security": [{name: []} for name in _SECURITY],
        "tags": [{"name": part} for part in sorted({each.part for each in listed})],
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": dict(_SECURITY)},
    }


def parameters_of(endpoint: Endpoint) -> list[dict[str, Any]]:
    """The parameters of the path and of the query, as OpenAPI describes them."""
    whole = {"type": "integer", "minimum": 0, "maximum": LARGEST}
    in_path = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": whole if name in endpoint.numbers else {"type": "string", "minLength": 1},
        }
        for name in endpoint.parameters
    ]
    return [*in_path, *_in_query(endpoint.query)]


def _in_query(kind: type[msgspec.Struct]) -> Iterator[dict[str, Any]]:
    if kind is Nothing:
        return
    schema = _Schemas([]).of(kind)
    for name, member in schema["properties"].items():
        value = _without_null(member)
        about = value.pop("description", "")
        described = {"description": about} if about else {}
        required = name in schema.get("required", ())
        yield {"name": name, "in": "query", "required": required, **described, "schema": value}


def _without_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A member of a query, which is left out rather than null."""
    kinds = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    if not kinds:
        return dict(schema)
    others = {name: value for name, value in schema.items() if name not in ("anyOf", "default")}
    return {**others, **(kinds[0] if len(kinds) == 1 else {"anyOf": kinds})}


def _operation(endpoint: Endpoint, schemas: _Schemas) -> dict[str, Any]:
    # A docstring's lines are wrapped; a paragraph of the description is not.
    about = "\n\n".join(" ".join(part.split()) for part in endpoint.description.split("\n\n"))
    whose = "For administrators." if endpoint.role == "administrator" else ""
    operation: dict[str, Any] = {
        "operationId": f"{endpoint.part}_{endpoint.name}",
        "summary": endpoint.summary,
        "description": "\n\n".join(filter(None, (about, whose))),
        "tags": [endpoint.part],
        "parameters": parameters_of(endpoint),
        "responses": dict(_responses(endpoint, schemas)),
    }
    if endpoint.body is not Nothing:
        operation["requestBody"] = {"required": True, "content": _json(schemas[endpoint.body])}
    return operation


def _responses(endpoint: Endpoint, schemas: _Schemas) -> Iterator[tuple[str, Any]]:
    if endpoint.answer is Nothing:
        yield "204", {"description": "Done."}
    else:
        yield "200", {"description": "The answer.", "content": _json(schemas[endpoint.answer])}
    for status, why in sorted(endpoint.refusals.items()):
        yield str(status), {"description": why, "content": _json(schemas[Refusal])}


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {_JSON: {"schema": schema}}


class _Schemas:
    """The schemas of all types that the API takes and answers with.

    `components` are those that have a name; the others stand where they are used.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        kinds = [Refusal, *(each.answer for each in endpoints), *(each.body for each in endpoints)]
        self._kinds = [kind for kind in kinds if kind is not Nothing]
        self._schemas, self.components = _described(self._kinds)

    def __getitem__(self, kind: Any) -> Mapping[str, Any]:
        """Of a type of an answer or of a body."""
        return self._schemas[self._kinds.index(kind)]

    @staticmethod
    def of(kind: type[msgspec.Struct]) -> Mapping[str, Any]:
        """Of a query, with all that it names in its place."""
        described: Mapping[str, Any] = _described([kind])[1][kind.__name__]
        return described


def _described(kinds: Sequence[Any]) -> tuple[tuple[dict[str, Any], ...], dict[str, Any]]:
    """Schemas and components, each member with what its type says of it."""
    schemas, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    for struct in _structs(kinds, set()):
        schema = components.get(struct.__name__, {})
        for name, about in _about_members(struct).items():
            if name in schema.get("properties", {}):
                schema["properties"][name] = {**schema["properties"][name], "description": about}
        for field in msgspec.structs.fields(struct):
            if datetime in (field.type, *get_args(field.type)):
                _note_instant(schema.get("properties", {}).get(field.encode_name, {}))
    return schemas, components


def _note_instant(schema: dict[str, Any]) -> None:
    """Say that a text is an instant, which msgspec says of those alone that must be aware."""
    for each in (schema, *schema.get("anyOf", ())):
        if each.get("type") == "string":
            each["format"] = "date-time"


def _structs(kinds: Iterable[Any], seen: set[type]) -> Iterator[type[msgspec.Struct]]:
    """All structs that types are made of."""
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
            yield from _structs(get_args(kind), seen)
        elif kind not in seen:
            seen.add(kind)
            yield kind
            yield from _structs([each.type for each in msgspec.structs.fields(kind)], seen)


@cache
def _about_members(struct: type[msgspec.Struct]) -> Mapping[str, str]:
    """The text below each member where the struct is written; Python itself keeps none of them."""
    (written,) = ast.parse(dedent(inspect.getsource(struct))).body
    lines = written.body if isinstance(written, ast.ClassDef) else []
    return {
        member.target.id: " ".join(str(text.value.value).split())
        for member, text in pairwise(lines)
        if isinstance(member, ast.AnnAssign)
        and isinstance(member.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
