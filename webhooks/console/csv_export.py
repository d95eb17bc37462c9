"""Tables as CSV for spreadsheets, which take a cell for a formula where it begins like one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
"""With what a cell begins that spreadsheets work out instead of showing it."""


def as_csv(rows: Iterable[Iterable[object]]) -> str:
    """Rows as lines of CSV; a text that could be a formula gets an apostrophe before it.

    None is an empty cell; what is no text is written as Python shows it.
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(map(_cell, row) for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
