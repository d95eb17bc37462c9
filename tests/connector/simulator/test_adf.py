from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.simulator.adf import RichText, from_wiki, is_document, rich_text, to_wiki


def document(*blocks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "doc", "version": 1, "content": list(blocks)}


def paragraph(*nodes: dict[str, Any]) -> dict[str, Any]:
    return {"type": "paragraph", "content": list(nodes)}


def text(words: str, *marks: str) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": words}
    if marks:
        node["marks"] = [{"type": mark} for mark in marks]
    return node


@pytest.mark.parametrize(
    "wiki",
    [
        "one line",
        "two\nlines",
        "two paragraphs\n\nof text",
        "h2. A heading\n\nand text",
        "* one\n* two",
        "# first\n# second",
        "a *strong* and _soft_ and {{typed}} word",
        "see [the policy|https://example.com/sla]",
        "hello [~accountid:712020:agent], look",
        "{noformat}\ncode *as is*\n{noformat}",
        "before\n\n----\n\nafter",
    ],
)
def test_wiki_text_survives_the_way_into_a_document_and_back(wiki: str) -> None:
    assert to_wiki(from_wiki(wiki)) == wiki


def test_marks_and_breaks_become_wiki_text() -> None:
    nodes = [text("due "), text("soon", "strong"), {"type": "hardBreak"}, text("x=1", "code")]
    assert to_wiki(document(paragraph(*nodes))) == "due *soon*\n{{x=1}}"


def test_unknown_blocks_keep_their_text() -> None:
    panel = {"type": "panel", "attrs": {"panelType": "info"}, "content": [paragraph(text("Mind"))]}
    assert to_wiki(document(panel)) == "Mind"


def test_nested_lists_deepen() -> None:
    inner = {
        "type": "bulletList",
        "content": [{"type": "listItem", "content": [paragraph(text("b"))]}],
    }
    outer = {
        "type": "bulletList",
        "content": [{"type": "listItem", "content": [paragraph(text("a")), inner]}],
    }
    assert to_wiki(document(outer)) == "* a\n** b"


def test_a_text_given_as_a_document_is_shown_as_it_came() -> None:
    given_document = document(paragraph(text("as it came", "underline")))
    kept = rich_text(given_document)
    assert kept.adf() == given_document
    assert kept == RichText("as it came")


@pytest.mark.parametrize("value", [None, 1, [], {"type": "doc"}, {"type": "doc", "version": 2}])
def test_neither_text_nor_document_is_refused(value: object) -> None:
    assert not is_document(value)
    with pytest.raises(ValueError, match="neither"):
        rich_text(value)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=200))
def test_every_text_makes_a_document(wiki: str) -> None:
    assert is_document(from_wiki(wiki))
