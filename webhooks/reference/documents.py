"""Every key of the four kinds of documents, from the JSON Schemas that check them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from config.documents import DOCUMENTS, json_schema
from webhooks.reference.markdown import code, joined, prose, table

Schema = Mapping[str, Any]

_FILES = {
    "contract": "`contracts/ID.yaml`. How a policy becomes one is told in "
    "[From a policy to a contract](../contracts.md).",
    "calendar": "`calendars/ID.yaml`. What hours mean on odd days is told in [Time](../time.md).",
    "projects": "`projects.yaml`. It is explained with an example in "
    "[Configuration](../configuration.md#projectsyaml).",
    "site": "`site.yaml`. It is explained with an example in "
    "[Configuration](../configuration.md#siteyaml).",
}
_SCHEMA = """\
`dueline schema {}` prints the same as JSON Schema, with which an editor completes and checks while
you type. An unknown key is an error."""
_CHOICES = """\
Any value below may also be `{choice: ID, readings: {NAME: value}}`: then it is the value of the
reading that the choice settled on."""
_LINE = 60
_WORDS = {"string": "text", "integer": "number", "boolean": "true or false", "null": "nothing"}


def pages() -> dict[str, str]:
    """One page for each kind of document."""
    return {f"reference/{name}.md": _page(name) for name in DOCUMENTS}


def _page(name: str) -> str:
    schema = json_schema(name)
    kinds: Mapping[str, Schema] = schema.get("$defs", {})
    parts = [
        f"# The {name} document",
        f"Every key of {_FILES[name]}",
        _SCHEMA.format(name),
        _CHOICES if name == "contract" else "",
        _keys(schema, kinds),
        *_long_defaults(schema),
    ]
    for kind in _reached(schema, kinds):
        about = " ".join(kinds[kind].get("description", "").split())
        parts += [f"## {_words(kind)}", prose(about), _keys(kinds[kind], kinds)]
        parts += _long_defaults(kinds[kind])
    return joined(parts)


def _reached(schema: Schema, kinds: Mapping[str, Schema]) -> Iterator[str]:
    """The kinds of objects, in the order in which a reader meets them."""
    seen: set[str] = set()
    waiting = [schema]
    while waiting:
        new = [kind for kind in _named(waiting.pop(0)) if kind not in seen]
        for kind in dict.fromkeys(new):
            seen.add(kind)
            waiting.append(kinds[kind])
            if "properties" in kinds[kind]:
                yield kind


def _named(schema: Any) -> Iterator[str]:
    """The kinds that a schema refers to, without those of the choices, which may stand anywhere."""
    if isinstance(schema, Mapping):
        if reference := schema.get("$ref"):
            kind = reference.rpartition("/")[2]
            yield from () if kind == "ChoiceReference" else (kind,)
        for key, below in schema.items():
            yield from () if key == "$defs" else _named(below)
    elif isinstance(schema, list):
        for each in schema:
            yield from _named(each)


def _keys(schema: Schema, kinds: Mapping[str, Schema]) -> str:
    required = schema.get("required", ())
    return table(
        ("key", "value", "what it means"),
        [
            (code(key), _form(value, kinds), _meaning(value, required=key in required))
            for key, value in schema.get("properties", {}).items()
        ],
    )


def _meaning(value: Schema, *, required: bool) -> str:
    about = prose(value.get("description", ""))
    default = value.get("default")
    left_out = ""
    if _is_long(default):
        left_out = "Left out: the text below."
    elif default is not None and not isinstance(default, (list, dict)):
        left_out = f"Left out: {code(json.dumps(default))}."
    return " ".join(filter(None, (about, "**Needed.**" if required else left_out)))


def _is_long(default: object) -> bool:
    return isinstance(default, str) and len(default) > _LINE


def _long_defaults(schema: Schema) -> Iterator[str]:
    """What holds where a key is left out, if that is more than a word or two."""
    for key, value in schema.get("properties", {}).items():
        if _is_long(value.get("default")):
            yield f"{code(key)}, left out:"
            yield f"```jinja\n{value['default']}\n```"


def _form(schema: Schema, kinds: Mapping[str, Schema]) -> str:
    """What may stand there, in words, with links to the objects."""
    forms = dict.fromkeys(_forms(schema, kinds))
    if "text" in forms:  # which may be written as a bare number
        forms.pop("number", None)
    several = [each for each in forms if each.startswith("list of ")]
    one = " or ".join(each for each in forms if each not in several)
    if several == [f"list of {one}"]:
        return f"{one}, or a list of such"
    return " or ".join([*filter(None, [one]), *several]) or "anything"


def _forms(schema: Schema, kinds: Mapping[str, Schema]) -> Iterator[str]:
    if reference := schema.get("$ref"):
        kind = reference.rpartition("/")[2]
        if kind != "ChoiceReference":
            yield _link(kind) if "properties" in kinds[kind] else _form(kinds[kind], kinds)
    elif several := schema.get("anyOf") or schema.get("oneOf"):
        for each in several:
            yield from () if each == {"type": "null"} else _forms(each, kinds)
    elif "const" in schema or "enum" in schema:
        yield from (code(each) for each in schema.get("enum", [schema.get("const")]))
    else:
        yield from _of_type(schema, kinds)


def _of_type(schema: Schema, kinds: Mapping[str, Schema]) -> Iterator[str]:
    match schema.get("type"):
        case "array":
            items = schema.get("items") or {"anyOf": schema.get("prefixItems", [])}
            yield f"list of {_form(items, kinds)}"
        case "object":
            values = schema.get("additionalProperties")
            yield f"names, each with {_form(values, kinds)}" if values else "names with values"
        case str() as name:
            yield _WORDS.get(name, name)
        case _:
            yield "anything"


def _link(kind: str) -> str:
    words = _words(kind)
    return f"[{words.lower()}](#{words.lower().replace(' ', '-')})"


def _words(kind: str) -> str:
    """`RequestIssueDocument` as `Request issue`."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removesuffix("Document"))
    return words.capitalize()
