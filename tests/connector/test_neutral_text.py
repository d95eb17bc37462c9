"""Whatever text goes into a comment, the comment stays as it was made: only its words differ."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from config.wording import DEFAULTS
from connector.markup import escape, mention, to_adf, to_wiki
from connector.wording import render
from sla.effects import FACTS

AT = datetime(2024, 7, 11, 13, tzinfo=UTC)
# Read as data, not shown; the others may hold what somebody wrote.
OURS = {"due", "due_utc", "responded", "late", "left", "mentions", "text"}
LISTS = {"conditional", "promises", "duties", "contacts", "missing", "given", "problems"}
NASTY = (
    "[~admin] [~accountid:557058:x] @admin @[Ada](712020:a) <@U1> @here",
    "{code}x{code} {quote} {color:red}x{color} {noformat} {panel:title=x} {include:x} {html}",
    "{jql-chart} {toc} {{x}} {{ due }} {% raw %} {anchor:x}",
    "!image.png! !http://evil.example/x.png|width=1! ![x](http://evil.example/x.png)",
    "[x|http://evil.example] [x](http://evil.example) <http://evil.example> [^file.doc] [#a]",
    "http://evil.example https://evil.example//x www.evil.example mailto:1@evil.example",
    "ftp://evil.example file:///etc/passwd javascript:alert(1) \\\\server\\share //evil.example",
    "h1. Big", "bq. said", "* one\n** two", "- one\n-- two", "# one\n## two", "1. one\n2) two",
    "|| a || b ||\n| c | d |", "| a | b |\n|---|---|\n| c | d |", "----", "---\n===", "> quoted",
    "x\nh1. Big\nbq. said\n* item", "x\u2028h1. Big\u2029bq. said", "x\r\nh2. Big\rh3. Big",
    "*b* _i_ -s- +u+ ^up^ ~down~ ??cite?? **b** __i__ ~~s~~ `c` ```\nc\n```", "    indented",
    ":) :D ;) (y) (!) (/) :smile: :1:", "a\\\\b \\* \\", "&lt;b&gt; &#42;x&#42; &#x2a; &copy",
    "<b>x</b> <script>alert(1)</script> <img src=x onerror=alert(1)> <!-- x -->",
    "\u202egnp.exe\u2066", "\x00\x1b[31m\x7f", "\ud800x\udfff", "\uff3b\uff5ecode",
)  # fmt: skip
TEXTS = (
    st.text(
        st.sampled_from(list("{}[]()*_-+^~?!|#@%\\:;/&<>=`'\".,$ \n\t\u2028ah1bq.D5"))
        | st.characters()
        | st.characters(categories=["Cs"]),
        max_size=30,
    )
    | st.sampled_from(NASTY)
    | st.lists(st.sampled_from(NASTY), max_size=3).map("".join)
)


def said(template: str, text: str) -> str:
    """The template with the text for every fact that somebody may have written."""
    facts: dict[str, Any] = {name: text for name in FACTS if name not in OURS | LISTS}
    facts |= {name: [text, text] for name in LISTS}
    facts |= {"binding": "goal", "due_at": AT.isoformat(), "time_zone": "UTC", "text": text}
    return render(template, facts, [mention("712020:a", text)], at=AT, now=AT)


def skeleton(node: Mapping[str, Any]) -> Iterator[str]:
    """A document's nodes and marks without its words, however many lines these take."""
    if node["type"] in ("text", "hardBreak"):
        # Words of one kind make one run.
        yield f"words {sorted(mark['type'] for mark in node.get('marks', []))}"
        return
    yield f"{node['type']} {node.get('attrs', {}).get('id')}"
    last = ""
    for part in node.get("content", []):
        for line in skeleton(part):
            if not (line.startswith("words") and line == last):
                yield line
            last = line
    yield f"end of {node['type']}"


def words(node: Mapping[str, Any]) -> str:
    """What a document says, its lines in a row."""
    if node["type"] == "hardBreak":
        return "\n"
    if node["type"] == "mention":
        return ""
    return str(node.get("text", "")) + "".join(words(part) for part in node.get("content", []))


def readable(text: str) -> str:
    """The text as somebody sees it, by an account of its own of what shows as nothing."""
    broken = re.sub("\r\n|[\r\u2028\u2029]", "\n", text)
    return re.sub(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]", "", broken
    )


ACTIVE = re.compile(
    r"""
    \[~ | \[[^\]]*\] | \{[^}]*\} | ![^!\s][^!]*!     # mentions, links, macros, images
    | ^\s*(?:h[1-6]|bq)\. | ^\s*[*\#-]+\s | ^\s*-{4}   # headings, quotes, lists, rules
    | \|                                             # tables
    | \b(?:https?|ftp|file|nntp|news|irc)://\S | \bmailto:\S | www\.\S+://
    | (?<!\w)[*_+^~-](?=\S)[^\n]*?(?<=\S)[*_+^~-](?!\w) | \?\?
    | [:;]-?[)(PD] | \((?:y|n|i|/|x|!|\+|-|\?|on|off|\*[rgby]?)\)
    """,
    re.VERBOSE | re.MULTILINE,
)


def active(wiki: str) -> list[str]:
    """What Jira's renderer would make something of, after the escapes are out of its way."""
    unbroken = wiki.replace("\\\\ ", " ")
    plain = re.sub(r"\\[-#*_+?^~|%{}\[\]()!@]", "·", unbroken)
    return ACTIVE.findall(re.sub(r"&(?:#\d+|\w+);", "·", plain))


@pytest.mark.parametrize("occasion", sorted(DEFAULTS))
@settings(max_examples=60, deadline=None)
@given(TEXTS.filter(lambda text: readable(text).strip() != ""))
def test_a_comment_keeps_its_shape_whatever_its_words(occasion: Any, text: str) -> None:
    plain, nasty = (said(DEFAULTS[occasion], each) for each in ("word", text))
    assert list(skeleton(to_adf(nasty))) == list(skeleton(to_adf(plain)))
    assert active(to_wiki(nasty)) == active(to_wiki(plain))


@pytest.mark.parametrize("text", NASTY)
def test_every_known_trick_alone(text: str) -> None:
    document = to_adf(escape(text))
    kinds = {line.split()[0] for line in skeleton(document)} - {"end"}
    assert kinds <= {"doc", "paragraph", "words"}
    assert words(document) == readable(text)
    assert active(to_wiki(escape(text))) == []


@given(TEXTS)
@example("\n\n\n")
def test_people_read_the_same(text: str) -> None:
    assert words(to_adf(escape(text))) == readable(text)


@given(TEXTS, TEXTS)
def test_a_mention_addresses_nobody_else(name: str, account: str) -> None:
    """The account is what Jira gave as such; its name is what the person chose."""
    marked = to_wiki(mention("712020:a", name), lambda _: account)
    assert re.fullmatch(r"\[~[^\[\]{}|\\\s]*\]", marked)
    shown = list(skeleton(to_adf(mention("712020:a", name))))
    assert shown == [
        "doc None", "paragraph None", "mention 712020:a", "end of mention", "end of paragraph",
        "end of doc",
    ]  # fmt: skip


def test_the_check_itself_sees_what_is_active() -> None:
    for text in (*NASTY[:6], *NASTY[7:11], "|| a ||", "*b*", ":)", "(y)"):
        assert active(text), text
