"""What programs can ask, for people who write them: the API's description as a page."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import groupby
from operator import attrgetter
from typing import Any

from flask import Blueprint, render_template
from markupsafe import Markup

from webhooks.console.api.described import ENDPOINTS
from webhooks.console.api.document import document
from webhooks.console.standing import here

blueprint = Blueprint("described", __name__)


@blueprint.get("/api")
def page() -> str:
    """Every answer with its parameters, of the same registry as the OpenAPI document."""
    made = document(ENDPOINTS, here().settings.public_url)
    listed = sorted(ENDPOINTS, key=attrgetter("part", "path", "method"))
    parts = [
        (part, [(each, made["paths"][each.path][each.method.lower()]) for each in some])
        for part, some in groupby(listed, attrgetter("part"))
    ]
    return render_template("described.html", parts=parts, schemas=made["components"]["schemas"])


@blueprint.app_template_filter("marked")
def marked(text: str) -> Markup:
    """A description with what stands between backticks as code."""
    plain, code = Markup("{}"), Markup("<code>{}</code>")
    pieces = enumerate(text.split("`"))
    return Markup("").join((code if n % 2 else plain).format(piece) for n, piece in pieces)


@blueprint.app_template_filter("in_short")
def in_short(schema: Mapping[str, Any]) -> Markup:
    """A schema in a few words, with links to the types that it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return Markup('<a href="#type-{0}">{0}</a>').format(name)
    if "anyOf" in schema:
        return Markup(" or ").join(map(in_short, schema["anyOf"]))
    if "enum" in schema:
        return Markup(" or ").join(
            Markup("<code>{}</code>").format(json.dumps(each)) for each in schema["enum"]
        )
    kind = schema.get("type", "anything")
    if kind == "array":
        return Markup("list of {}").format(in_short(schema.get("items", {})))
    if kind == "object" and isinstance(schema.get("additionalProperties"), Mapping):
        return Markup("object of {}").format(in_short(schema["additionalProperties"]))
    return Markup("{}").format(_FORMATS.get(schema.get("format", ""), kind))


_FORMATS: Mapping[str, str] = {"date-time": "instant", "date": "date", "byte": "base64"}
