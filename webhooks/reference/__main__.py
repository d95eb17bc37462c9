"""Writes the reference pages into the documentation."""

from __future__ import annotations

from pathlib import Path

from webhooks.reference import pages

_DOCS = Path(__file__).parents[2] / "docs"

if __name__ == "__main__":
    for path, text in pages().items():
        (_DOCS / path).parent.mkdir(parents=True, exist_ok=True)
        (_DOCS / path).write_text(text, encoding="utf-8")
