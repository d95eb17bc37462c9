"""Markdown that says what it is told to say, whatever characters a policy or a help text holds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape


def plain(text: object) -> str:
    """Words as they are, on one line: nothing in them is markup."""
    return re.sub(r"([\\`*\[\]<|~^])", r"\\\1", " ".join(str(text).split()))


def prose(text: str) -> str:
    """The same, but for names that stand between backticks."""
    pieces = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(code(each[1:-1]) if each.startswith("`") else _kept(each) for each in pieces)


def _kept(text: str) -> str:
    """Plain words, with the spaces at their ends."""
    ends = re.fullmatch(r"(\s*)(.*?)(\s*)", text, re.DOTALL)
    assert ends is not None  # noqa: S101 - it takes any text
    return f"{ends[1]}{plain(ends[2])}{ends[3]}"


def code(text: object) -> str:
    """A name or a value as it is typed.

    With a bar in it, it is HTML: within a table those who read Markdown do not agree on what a bar
    between backticks is.
    """
    if "|" in str(text):
        return f"<code>{escape(str(text))}</code>".replace("|", "&#124;")
    return f"`{text}`" if str(text) else ""


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; empty where there are no rows."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}", *lines]) + "\n"


def joined(parts: Iterable[str]) -> str:
    """Paragraphs, tables and headings, one below the other; empty ones are left out."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
