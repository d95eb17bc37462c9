"""Cloud's v3 speaks Atlassian Document Format, v2 and webhooks speak wiki text: one comment, both.

The conversion covers what a service writes: paragraphs, headings, lists, code, rules, quotes, line
breaks, strong, emphasis, inline code, links, mentions. Anything else keeps its text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_INLINE = re.compile(
    r"\{\{(?P<code>[^}\n]+)\}\}"
    r"|\[(?P<label>[^|\]\n]+)\|(?P<href>[^\]\s]+)\]"
    r"|\[~accountid:(?P<mention>[^\]]+)\]"
    r"|\[(?P<bare>https?://[^\]\s]+)\]"
    r"|(?<!\w)\*(?P<strong>[^*\n]+)\*(?!\w)"
    r"|(?<!\w)_(?P<em>[^_\n]+)_(?!\w)"
)
_HEADING = re.compile(r"h([1-6])\. (.*)")
_ITEM = re.compile(r"([*#-]) (.*)")
_WRAPS = {"strong": "*{}*", "em": "_{}_", "code": "{{{{{}}}}}", "strike": "-{}-"}


@dataclass(frozen=True, slots=True)
class RichText:
    """A text as Jira keeps it: the wiki form always, the document as well when it came as one."""

    wiki: str
    document: Mapping[str, Any] | None = field(default=None, compare=False)

    def adf(self) -> Mapping[str, Any]:
        """Return the text as an Atlassian document."""
        return self.document if self.document is not None else from_wiki(self.wiki)


def is_document(value: object) -> bool:
    """Tell whether `value` is an Atlassian document at its outermost level."""
    return (
        isinstance(value, Mapping)
        and value.get("type") == "doc"
        and value.get("version") == 1
        and isinstance(value.get("content"), list)
    )


def rich_text(value: object) -> RichText:
    """Return the text of a document or of a wiki string.

    Raises `ValueError` when `value` is neither.
    """
    if isinstance(value, str):
        return RichText(value)
    if isinstance(value, Mapping) and is_document(value):
        return RichText(to_wiki(value), value)
    raise ValueError("neither an Atlassian document nor a string")


def to_wiki(document: Mapping[str, Any]) -> str:
    """Return the wiki text of an Atlassian document."""
    return "\n\n".join(filter(None, (_block(node) for node in _children(document))))


def _children(node: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content: Sequence[Mapping[str, Any]] = node.get("content") or ()
    return content


def _block(node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    if kind == "heading":
        return f"h{(node.get('attrs') or {}).get('level', 1)}. {_inlines(node)}"
    if kind in {"bulletList", "orderedList"}:
        return _list(node, "*" if kind == "bulletList" else "#")
    if kind == "codeBlock":
        return "{noformat}\n" + _inlines(node) + "\n{noformat}"
    if kind == "rule":
        return "----"
    if kind == "blockquote":
        return "{quote}\n" + to_wiki(node) + "\n{quote}"
    if kind == "paragraph":
        return _inlines(node)
    return to_wiki(node) if _children(node) else _inline(node)


def _list(node: Mapping[str, Any], mark: str) -> str:
    lines = []
    for item in _children(node):
        for part in _children(item):
            if part.get("type") in {"bulletList", "orderedList"}:
                inner = "*" if part["type"] == "bulletList" else "#"
                lines += [mark + line for line in _list(part, inner).splitlines()]
            else:
                lines.append(f"{mark} {_block(part)}")
    return "\n".join(lines)


def _inlines(node: Mapping[str, Any]) -> str:
    return "".join(_inline(child) for child in _children(node))


def _inline(node: Mapping[str, Any]) -> str:
    kind = node.get("type")
    attrs = node.get("attrs") or {}
    if kind == "text":
        return _marked(str(node.get("text", "")), node.get("marks") or ())
    if kind == "hardBreak":
        return "\n"
    if kind == "mention":
        return f"[~accountid:{attrs.get('id', '')}]"
    if kind == "inlineCard":
        return f"[{attrs.get('url', '')}]"
    return str(attrs.get("text") or attrs.get("shortName") or _inlines(node))


def _marked(text: str, marks: Sequence[Mapping[str, Any]]) -> str:
    for mark in marks:
        if mark.get("type") == "link":
            text = f"[{text}|{(mark.get('attrs') or {}).get('href', '')}]"
        else:
            text = _WRAPS.get(str(mark.get("type")), "{}").format(text)
    return text


def from_wiki(text: str) -> dict[str, Any]:
    """Return an Atlassian document with the content of a wiki text."""
    blocks: list[dict[str, Any]] = []
    for part in _parts(text):
        blocks += _part_to_blocks(part)
    return {"type": "doc", "version": 1, "content": blocks}


def _parts(text: str) -> list[str]:
    pieces = re.split(
        r"(\{noformat\}\n?.*?\n?\{noformat\})", text.replace("\r\n", "\n"), flags=re.DOTALL
    )
    parts: list[str] = []
    for piece in pieces:
        is_code = piece.startswith("{noformat}")
        parts += [piece] if is_code else [p for p in re.split(r"\n{2,}", piece) if p.strip()]
    return parts


def _part_to_blocks(part: str) -> list[dict[str, Any]]:
    if part.startswith("{noformat}"):
        code = part.removeprefix("{noformat}").removesuffix("{noformat}").strip("\n")
        return [{"type": "codeBlock", "content": [{"type": "text", "text": code}] if code else []}]
    blocks: list[dict[str, Any]] = []
    for line in part.strip("\n").split("\n"):
        _take_line(blocks, line)
    return blocks


def _take_line(blocks: list[dict[str, Any]], line: str) -> None:
    last: dict[str, Any] = blocks[-1] if blocks else {"type": ""}
    if heading := _HEADING.fullmatch(line):
        attrs = {"level": int(heading[1])}
        blocks.append({"type": "heading", "attrs": attrs, "content": _spans(heading[2])})
    elif line == "----":
        blocks.append({"type": "rule"})
    elif item := _ITEM.fullmatch(line):
        kind = "orderedList" if item[1] == "#" else "bulletList"
        entry = {"type": "listItem", "content": [_paragraph(item[2])]}
        if last["type"] == kind:
            last["content"].append(entry)
        else:
            blocks.append({"type": kind, "content": [entry]})
    elif last["type"] == "paragraph":
        last["content"] += [{"type": "hardBreak"}, *_spans(line)]
    else:
        blocks.append(_paragraph(line))


def _paragraph(line: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": _spans(line)}


def _spans(line: str) -> list[dict[str, Any]]:
    spans: list[dict[str, Any]] = []
    at = 0
    for found in _INLINE.finditer(line):
        if found.start() > at:
            spans.append({"type": "text", "text": line[at : found.start()]})
        spans.append(_span(found))
        at = found.end()
    if at < len(line):
        spans.append({"type": "text", "text": line[at:]})
    return spans


def _span(found: re.Match[str]) -> dict[str, Any]:
    kind = str(found.lastgroup)
    if kind == "mention":
        return {"type": "mention", "attrs": {"id": found["mention"]}}
    if kind in {"href", "bare"}:
        href = found["href"] or found["bare"]
        link = {"type": "link", "attrs": {"href": href}}
        return {"type": "text", "text": found["label"] or href, "marks": [link]}
    return {"type": "text", "text": found[kind], "marks": [{"type": kind}]}
