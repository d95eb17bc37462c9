"""How values are written for Jira: in fields, and within addresses."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from connector import facts

if TYPE_CHECKING:
    from connector.base import Field


def in_path(text: object) -> str:
    """A text as one segment of an address."""
    return quote(str(text), safe="")


def to_jira_value(field: Field, value: object) -> object:
    """A value as Jira wants it for a field of that type; None clears the field.

    Raises:
        ValueError: the value does not fit the type.
    """
    if value is None:
        return None
    if field.type == "datetime":
        return _jira_instant(value)
    if field.type == "float":
        return float(str(value))
    text = str(value)
    if field.type == "select":
        return {"value": text}
    # A text field holds no more, and Jira refuses the whole edit for one character beyond.
    longest = facts.LONGEST_TEXT
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _jira_instant(value: object) -> str:
    at = value if isinstance(value, datetime) else facts.instant(value)
    if at is None or at.tzinfo is None:
        raise ValueError(f"{value!r} is no instant with an offset, such as 2026-09-23T00:18:35Z.")
    utc = at.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"
