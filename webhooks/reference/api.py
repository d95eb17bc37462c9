"""Every answer of the JSON API, from the types that also make its OpenAPI document."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from webhooks.console.api import blueprints
from webhooks.console.api.described import ENDPOINTS, Endpoint
from webhooks.console.api.document import parameters_of
from webhooks.reference.markdown import code, joined, prose, table

_INTRODUCTION = """\
# JSON API

Everything that the [console](../console.md) shows and does, as JSON. A running service describes
it as OpenAPI 3.1 at `/api/openapi.json`, with the types of everything that is sent and answered;
from that document clients can be generated.

A program sends a token with each request: `Authorization: Bearer TOKEN`. An administrator makes
tokens on the page *API tokens*. Instants are ISO 8601 in UTC, lengths are seconds. What is refused
is answered with a sentence in `error` that says what would be right."""


def page() -> str:
    """The page of all answers, by the part of the API to which they belong."""
    list(blueprints())  # Each module describes its answers when it is imported.
    ordered = sorted(ENDPOINTS, key=lambda each: (each.part, each.path, each.method))
    parts = [_INTRODUCTION]
    for part, endpoints in groupby(ordered, key=lambda each: each.part):
        parts.append(f"## {part.replace('_', ' ').capitalize()}")
        for each in endpoints:
            parts += _endpoint(each)
    return joined(parts)


def _endpoint(endpoint: Endpoint) -> Iterator[str]:
    yield f"### {code(f'{endpoint.method} {endpoint.path}')}"
    whose = " For administrators." if endpoint.role == "administrator" else ""
    yield f"{prose(endpoint.summary).rstrip('.')}.{whose}"
    yield from (prose(each) for each in endpoint.description.split("\n\n"))
    yield table(
        ("parameter", "in", "what"),
        [
            (code(each["name"]), each["in"], prose(each.get("description", "")))
            for each in parameters_of(endpoint)
        ],
    )
