"""What an Atlassian document says in plain text, whatever its author put into it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.document import is_document, text_of
from connector.markup import escape, to_adf


def node(kind: str, *content: Any, **parts: Any) -> dict[str, Any]:
    return {"type": kind, "content": list(content), **parts}


def text(words: str, **parts: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **parts}


def inline(kind: str, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ([], ""),
        ([node("paragraph", text("a "), text("b", marks=[{"type": "strong"}]))], "a b"),
        ([node("paragraph", text("a")), node("paragraph"), node("heading", text("b"))], "a\nb"),
        ([node("paragraph", text("a"), {"type": "hardBreak"}, text("b"))], "a\nb"),
        ([node("paragraph", inline("mention", id="712020:ada", text="@Ada Lovelace"))],
         "[~accountid:712020:ada]"),
        ([node("paragraph", inline("emoji", shortName=":fire:", text="🔥"))], "🔥"),
        ([node("paragraph", inline("emoji", shortName=":jira:"))], ":jira:"),
        ([node("paragraph", inline("status", text="DONE", color="green"))], "DONE"),
        ([node("paragraph", inline("date", timestamp="1795132800000"))], "2026-11-20"),
        ([node("paragraph", inline("date", timestamp="soon"))], ""),
        ([node("paragraph", text("see "), inline("inlineCard", url="https://x.example/BIT-7"))],
         "see https://x.example/BIT-7"),
        ([node("codeBlock", text("a\n\nb"))], "{code}\na\n\nb\n{code}"),
        ([node("blockquote", node("paragraph", text("a?"))), node("paragraph", text("b"))],
         "{quote}\na?\n{quote}\nb"),
        ([node("bulletList", node("listItem", node("paragraph", text("a"))),
               node("listItem", node("paragraph", text("b"))))], "a\nb"),
        ([node("table", node("tableRow", node("tableCell", node("paragraph", text("a"))),
                             node("tableCell", node("paragraph", text("b")))))], "a\nb"),
        ([node("mediaSingle", inline("media", id="1")), node("paragraph", text("a"))], "a"),
        ([text("a"), None, 7, "b", {"text": "c"}, {"type": ["x"], "content": "y"}], "a"),
    ],
)  # fmt: skip
def test_flattened(content: list[Any], words: str) -> None:
    assert text_of({"type": "doc", "version": 1, "content": content}) == words


def test_a_document_may_be_deep() -> None:
    deep: dict[str, Any] = text("a")
    for _ in range(100_000):
        deep = node("panel", deep)
    assert text_of(deep) == "a"


@pytest.mark.parametrize("value", [None, "doc", [], {}, {"type": "paragraph"}])
def test_what_is_no_document(value: object) -> None:
    assert not is_document(value)


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1))
def test_what_we_write_reads_as_written(words: str) -> None:
    document = to_adf(escape(words))
    assert is_document(document)
    assert text_of(document) == words
