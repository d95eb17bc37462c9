"""Turns what pydantic finds wrong into sentences at their places in the document."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from config.errors import nearest
from config.model import Model
from config.positions import Document, Place, kind

_M = TypeVar("_M", bound=Model)
_Details = Mapping[str, Any]


def validated(model: type[_M], document: Document) -> _M | None:
    """The document as a model; None, and the document complains, when anything in it is wrong."""
    if document.problems:
        return None
    try:
        return model.model_validate(document.data)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            place, at_key = _place(document.data, details["loc"], details["type"])
            document.complain(place, _sentence(details), at_key=at_key)
        return None


def _place(data: Any, loc: tuple[str | int, ...], fault: str) -> tuple[Place, bool]:
    """Where it stands in the document: the way without pydantic's own signposts."""
    place: list[str | int] = []
    for part in loc:
        if part == "[key]":
            return tuple(place), True
        below = _below(data, part)
        if below is not None:
            place.append(part)
            data = below[0]
    if fault == "missing":
        place.append(loc[-1])
    return tuple(place), fault == "unknown_key"


def _below(data: Any, part: str | int) -> tuple[Any] | None:
    """What a step leads to; None where it is a signpost: `<date>`, or 0 of a list of one."""
    if isinstance(data, dict):
        return (data[part],) if part in data else None
    if isinstance(data, list) and isinstance(part, int) and part < len(data):
        return (data[part],)
    return None


def _sentence(details: _Details) -> str:
    explain = _SENTENCES.get(details["type"])
    return explain(details) if explain else str(details["msg"])


def _should_be(what: str) -> Callable[[_Details], str]:
    return lambda details: f"is {kind(details['input'])}; write {what}"


def _not_one_of(details: _Details) -> str:
    known = re.findall(r"'([^']*)'|(-?\d+)", details["ctx"]["expected"])
    advice = nearest(str(details["input"]), ["".join(pair) for pair in known])
    return f"is {kind(details['input'])}, which is not known here; {advice}"


def _too_short(details: _Details) -> str:
    least = details["ctx"]["min_length"]
    return f"has {details['ctx']['actual_length']} entries; give at least {least}"


_SENTENCES: Mapping[str, Callable[[_Details], str]] = {
    "bool_type": _should_be("true or false"),
    "dict_type": _should_be("a mapping, `key: value`"),
    "int_type": _should_be("a whole number"),
    "list_type": _should_be("a list, `[one, another]`"),
    "literal_error": _not_one_of,
    "model_type": _should_be("a mapping, `key: value`"),
    "string_type": _should_be("text"),
    "too_short": _too_short,
    "greater_than_equal": lambda it: f"is {kind(it['input'])}; give at least {it['ctx']['ge']}",
    "less_than_equal": lambda it: f"is {kind(it['input'])}; give at most {it['ctx']['le']}",
}
