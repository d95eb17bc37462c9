"""The words in an Atlassian document as plain text: a promise may depend on what they say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

Json = Any

_INLINE = frozenset({
    "text", "hardBreak", "mention", "emoji", "inlineCard", "date", "status", "placeholder",
    "mediaInline", "inlineExtension",
})  # fmt: skip
"""What stands within a line; every other node has lines of its own."""
_WORDS = ("text", "shortName", "url")
"""The attributes that hold what a node shows, the best one first."""
_FENCES = {"blockquote": "{quote}", "codeBlock": "{code}"}
"""What is no sentence of the writer's own, as wiki markup fences it."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def is_document(value: Json) -> bool:
    """Whether a value is a text as version 3 of Jira's REST interface writes it."""
    return isinstance(value, dict) and value.get("type") == "doc"


def text_of(document: Json) -> str:
    """Flatten a document: each paragraph, heading, item and cell is a line of its own.

    A mention reads as in wiki markup, by the account's id: its name is not kept.

    Args:
        document: the document; whatever in it is no node says nothing.

    Returns:
        The text, without marks and without empty lines.
    """
    lines: list[list[str]] = [[]]
    # A stack instead of recursion: whoever writes a document decides how deep it goes.
    waiting: list[Json] = [document]
    while waiting:
        node = waiting.pop()
        if node is None:
            lines.append([])
        elif isinstance(node, str):
            lines[-1].append(node)
        elif isinstance(node, dict):
            waiting += reversed(_parts(node))
    return "\n".join(text for text in map("".join, lines) if text)


def _parts(node: dict[str, Json]) -> list[Json]:
    """What a node shows, in order: texts, nodes, and None for the end of a line."""
    kind, content = node.get("type"), node.get("content")
    given = content if isinstance(content, list) else []
    parts = [_own_words(node), *(part for part in given if isinstance(part, dict))]
    if isinstance(kind, str) and kind in _INLINE:
        return parts
    mark = _FENCES.get(kind) if isinstance(kind, str) else None
    return [None, mark, None, *parts, None, mark, None] if mark else [None, *parts, None]


def _own_words(node: dict[str, Json]) -> str:
    kind, text, attrs = node.get("type"), node.get("text"), node.get("attrs")
    given = attrs if isinstance(attrs, dict) else {}
    if kind == "text":
        return text if isinstance(text, str) else ""
    if kind == "hardBreak":
        return "\n"
    if kind == "mention":
        return f"[~accountid:{given.get('id')}]"
    if kind == "date":
        return _day(given.get("timestamp"))
    found = (given.get(name) for name in _WORDS)
    return next((words for words in found if isinstance(words, str)), "")


def _day(timestamp: Json) -> str:
    """The day of a date node, which Jira gives as the milliseconds of its midnight in UTC."""
    try:
        return f"{_EPOCH + timedelta(milliseconds=int(timestamp)):%Y-%m-%d}"
    except (TypeError, ValueError, OverflowError):
        return ""
