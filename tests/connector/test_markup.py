"""One text for both flavours; and no text from an issue ever becomes markup."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.markup import escape, mention, to_adf, to_wiki

# Enough of what either markup makes something of, beside anything else.
TEXTS = st.text(
    st.sampled_from(list("{}[]()*_-+^~?!|#@%\\:;/&<>=`'\".,$ \n\tah1bq.D5")) | st.characters(),
    max_size=40,
)


def printable(text: str) -> str:
    """What of a text shows at all, with every line break as one."""
    joined = re.sub("\r\n|[\r\u2028\u2029]", "\n", text)
    hidden = (
        range(0x20), range(0x7F, 0xA0), range(0xD800, 0xE000),
        range(0x202A, 0x202F), range(0x2066, 0x206A),
    )  # fmt: skip
    return "".join(
        char for char in joined if char in "\n\t" or not any(ord(char) in part for part in hidden)
    )


def adf_text(node: dict[str, Any]) -> str:
    if node["type"] == "hardBreak":
        return "\n"
    return str(node.get("text", "")) + "".join(adf_text(part) for part in node.get("content", []))


def adf_nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for part in node.get("content", []):
        yield from adf_nodes(part)


def wiki_read(wiki: str) -> str:
    """What Jira shows of wiki markup in which nothing is active: the escapes taken back."""
    shown = wiki.replace("\\\\ ", "\n")
    shown = re.sub(r"(?<!\\)\\([-#*_+?^~|%{}\[\]()!@])", r"\1", shown)
    shown = shown.replace("&#58;", ":").replace("&#46;", ".").replace("&#92;", "\\")
    return shown.replace("&amp;", "&")


@given(TEXTS)
def test_escaped_text_shows_as_itself_in_a_document(text: str) -> None:
    document = to_adf(escape(text))
    assert adf_text(document) == printable(text)
    assert {node["type"] for node in adf_nodes(document)} <= {
        "doc", "paragraph", "text", "hardBreak",
    }  # fmt: skip
    assert not any("marks" in node for node in adf_nodes(document))


@given(TEXTS)
def test_escaped_text_shows_as_itself_in_wiki_markup(text: str) -> None:
    # An ampersand before what looks like a reference is written as one; the others stay.
    plain = re.sub(r"&amp;", "&", printable(text))
    assert re.sub(r"&amp;", "&", wiki_read(to_wiki(escape(text)))) == plain


@given(TEXTS)
def test_nothing_in_escaped_text_is_active_in_wiki_markup(text: str) -> None:
    wiki = to_wiki(escape(text)).replace("\\\\ ", " ")
    assert "\n" not in wiki
    assert not re.search(r"(?<!\\)[*_+?^~|%{}\[\]()!@#-]", wiki.replace("&#", "&"))
    assert "://" not in wiki
    assert not re.match(r"\s*(h[1-6]|bq)\.", wiki)


@given(TEXTS, TEXTS)
def test_escaped_texts_stay_so_side_by_side_and_inside_markup(one: str, other: str) -> None:
    document = to_adf(f"x{escape(one)}y **b{escape(other)}b**")
    assert adf_text(document) == f"x{printable(one)}y b{printable(other)}b"


MARKDOWN = """\
# Over*due*

Hi [@Ada](mention:712020:ada), **see [the policy](https://example.com/a|b)** `a_b` <b>now</b>\\
next line
still the same

- one
  1. inner
- two

  more

> quoted
"""


def test_wiki_markup() -> None:
    assert to_wiki(MARKDOWN, {"712020:ada": "ada"}.__getitem__) == (
        "h1. Over_due_\n\n"
        "Hi [~ada], *see [the policy|https://example.com/a%7Cb]* {{a\\_b}} <b>now</b>"
        "\\\\ next line still the same\n\n"
        "* one\n*# inner\n* two\\\\ more\n\n"
        "{quote}\nquoted\n{quote}"
    )


def test_document() -> None:
    document = to_adf(MARKDOWN)
    heading, paragraph, bullets, quote = document["content"]
    assert (document["type"], document["version"]) == ("doc", 1)
    assert heading["attrs"] == {"level": 1}
    assert heading["content"][1] == {"type": "text", "text": "due", "marks": [{"type": "em"}]}
    kinds = [part["type"] for part in paragraph["content"]]
    assert kinds.count("mention") == kinds.count("hardBreak") == 1
    assert paragraph["content"][1] == {
        "type": "mention",
        "attrs": {"id": "712020:ada", "text": "@Ada"},
    }
    linked = next(p for p in paragraph["content"] if p.get("text") == "the policy")
    assert linked["marks"] == [
        {"type": "strong"},
        {"type": "link", "attrs": {"href": "https://example.com/a%7Cb"}},
    ]
    assert [item["type"] for item in bullets["content"]] == ["listItem", "listItem"]
    assert bullets["content"][0]["content"][1]["type"] == "orderedList"
    assert quote["type"] == "blockquote"


@pytest.mark.parametrize("target", ["javascript:alert(1)", "ftp://x/y", "file:///etc", "//x"])
def test_only_web_addresses_become_links(target: str) -> None:
    source = f"[text]({target})"
    assert "link" not in str(to_adf(source))
    assert not re.search(r"(?<!\\)\[", to_wiki(source))


def test_code_inside_bold_is_code_alone() -> None:
    (paragraph,) = to_adf("**`x`**")["content"]
    assert paragraph["content"] == [{"type": "text", "text": "x", "marks": [{"type": "code"}]}]


@given(st.text(min_size=1, max_size=40).filter(lambda text: printable(text) == text))
def test_a_mention_names_exactly_that_account(account: str) -> None:
    (paragraph,) = to_adf(mention(account, "Ada [the] *agent*"))["content"]
    (node,) = paragraph["content"]
    assert node == {"type": "mention", "attrs": {"id": account, "text": "@Ada [the] *agent*"}}


def test_a_mention_cannot_be_broken_out_of() -> None:
    assert to_wiki(mention("x]{code}", "Ada")) == "[~xcode]"
    assert to_wiki(mention("a|b c", "Ada")) == "[~abc]"


def test_nothing_is_an_empty_document() -> None:
    assert to_adf("") == {"type": "doc", "version": 1, "content": []}
    assert to_wiki("") == ""
