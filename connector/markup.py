"""One Markdown text, shown by Cloud as a document and by Data Center as wiki markup.

A text that came from an issue goes through `escape` first: then it is only ever text, whatever it
holds. Sources: CommonMark 0.31; Atlassian Document Format; the list of characters that Jira's wiki
renderer lets a backslash escape (BackslashEscapeRendererComponent of atlassian-renderer).
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote, unquote

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

Json = dict[str, Any]

_MENTION = "mention:"
_PUNCTUATION = frozenset(string.punctuation)
_WIKI_ACTIVE = re.compile(
    r"""
      [-#*_+?^~|%{}\[\]()!@]   # what a backslash makes plain
    | \\                      # a backslash itself, which nothing but a reference makes plain
    | &(?=\#?\w+;)            # the beginning of a reference
    | (?<!\d):(?=\S)|:(?=[^\s\d])  # an emoticon (`:D`) or an address (`http://`); 09:30 is neither
    | \n                      # the end of a line
    """,
    re.VERBOSE,
)
_LINE_START = re.compile(r"^(\s*)(h[1-6]|bq)\.", re.IGNORECASE)
_LINE_ENDS = re.compile("\r\n|[\r\u2028\u2029]")
"""What ends a line beside a line feed, for Jira's renderer as well."""
_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Marks that turn the direction of all that follows, even of what is not part of the text."""
_WIKI_BREAK = "\\\\ "
_WIKI_PLAIN = {"\\": "&#92;", "&": "&amp;", ":": "&#58;", "\n": _WIKI_BREAK}

_markdown = MarkdownIt("commonmark", {"html": False}).disable(
    ["html_block", "html_inline", "image", "code", "fence", "hr", "reference"]
)


def escape(text: str) -> str:
    """Any text as Markdown that shows just that text, in one line of source.

    Control characters and halves of surrogate pairs, which show as nothing, are dropped, and so are
    marks that turn the direction of writing; a line break stays one.
    """
    return "".join(_escaped(_printable(text)))


def mention(account_id: str, name: str = "") -> str:
    """Markdown that addresses a person and notifies them; `name` is what shows meanwhile."""
    return f"[@{escape(name or account_id)}]({_MENTION}{quote(account_id, safe=':')})"


def to_adf(markdown: str) -> Json:
    """A Markdown text as an Atlassian document."""
    return {"type": "doc", "version": 1, "content": _adf_blocks(_tree(markdown).children)}


def to_wiki(markdown: str, user_name: Callable[[str], str] = str) -> str:
    """A Markdown text as Jira's wiki markup.

    Args:
        markdown: the text.
        user_name: from the id in a mention to the name by which wiki markup mentions a user.
    """
    return "\n\n".join(_wiki_blocks(_tree(markdown).children, user_name))


def to_text(markdown: str) -> str:
    """A Markdown text as plain text: mentions as names, links with their addresses."""
    return "\n\n".join(_text_blocks(_tree(markdown).children))


def _tree(markdown: str) -> SyntaxTreeNode:
    return SyntaxTreeNode(_markdown.parse(_without_surrogates(markdown)))


def _printable(text: str) -> str:
    return "".join(filter(_is_shown, _LINE_ENDS.sub("\n", text)))


def _is_shown(char: str) -> bool:
    return char in "\n\t" or (char not in _TURNS and unicodedata.category(char) not in ("Cc", "Cs"))


def _without_surrogates(text: str) -> str:
    return text.encode("utf-8", "ignore").decode("utf-8")


def _escaped(text: str) -> Iterator[str]:
    for index, char in enumerate(text):
        if char in _PUNCTUATION:
            yield "\\" + char
        elif char.isspace() and not _is_inner_space(text, index):
            # As a reference no white space is ever stripped, nor does it end a line or indent one.
            yield f"&#{ord(char)};"
        else:
            yield char


def _is_inner_space(text: str, index: int) -> bool:
    before, after = text[max(0, index - 1) : index], text[index + 1 : index + 2]
    return text[index] == " " and not (before or " ").isspace() and not (after or " ").isspace()


# --- documents ----------------------------------------------------------------------------------


def _adf_blocks(nodes: Sequence[SyntaxTreeNode]) -> list[Json]:
    return [block for block in map(_adf_block, nodes) if block is not None]


def _adf_block(node: SyntaxTreeNode) -> Json | None:
    if node.type in ("paragraph", "heading"):
        inline = [part for child in node.children for part in _adf_inline(child, ())]
        block: Json = {"type": node.type, "content": inline}
        if node.type == "heading":
            block["attrs"] = {"level": int(node.tag[1:])}
        return block
    kinds = {
        "bullet_list": "bulletList",
        "ordered_list": "orderedList",
        "list_item": "listItem",
        "blockquote": "blockquote",
    }
    # An empty item or quote is no valid one without a paragraph.
    content = _adf_blocks(node.children) or [{"type": "paragraph", "content": []}]
    return {"type": kinds[node.type], "content": content}


def _adf_inline(node: SyntaxTreeNode, marks: tuple[Json, ...]) -> Iterator[Json]:
    if node.type in ("text", "code_inline"):
        own = ({"type": "code"},) if node.type == "code_inline" else ()
        # Inside code Jira allows no other mark but a link.
        kept = tuple(mark for mark in marks if not own or mark["type"] == "link")
        yield from _adf_text(node.content, (*kept, *own))
    elif node.type == "softbreak":
        yield from _adf_text(" ", marks)
    elif node.type == "hardbreak":
        yield {"type": "hardBreak"}
    elif node.type == "link" and _target(node).startswith(_MENTION):
        account_id = unquote(_target(node).removeprefix(_MENTION))
        yield {"type": "mention", "attrs": {"id": account_id, "text": _plain(node)}}
    else:
        inner = marks + _adf_marks(node)
        for child in node.children:
            yield from _adf_inline(child, inner)


def _adf_marks(node: SyntaxTreeNode) -> tuple[Json, ...]:
    if node.type in ("strong", "em"):
        return ({"type": node.type},)
    if node.type == "link" and _is_web(_target(node)):
        return ({"type": "link", "attrs": {"href": _target(node)}},)
    return ()


def _adf_text(text: str, marks: tuple[Json, ...]) -> Iterator[Json]:
    for number, line in enumerate(text.split("\n")):
        if number:
            yield {"type": "hardBreak"}
        if line:
            yield {"type": "text", "text": line, **({"marks": list(marks)} if marks else {})}


# --- wiki markup --------------------------------------------------------------------------------


def _wiki_blocks(nodes: Sequence[SyntaxTreeNode], name: Callable[[str], str]) -> Iterator[str]:
    for node in nodes:
        if node.type == "heading":
            yield f"{node.tag}. {_wiki_line(node, name)}"
        elif node.type == "blockquote":
            inner = "\n\n".join(_wiki_blocks(node.children, name))
            yield f"{{quote}}\n{inner}\n{{quote}}"
        elif node.type in ("bullet_list", "ordered_list"):
            yield "\n".join(_wiki_items(node, name, ""))
        else:
            yield _wiki_line(node, name)


def _wiki_items(node: SyntaxTreeNode, name: Callable[[str], str], above: str) -> Iterator[str]:
    bullets = above + ("*" if node.type == "bullet_list" else "#")
    for item in node.children:
        lists = [child for child in item.children if child.type.endswith("_list")]
        texts = [child for child in item.children if not child.type.endswith("_list")]
        yield f"{bullets} {_WIKI_BREAK.join(_wiki_flat(text, name) for text in texts)}"
        for inner in lists:
            yield from _wiki_items(inner, name, bullets)


def _wiki_flat(node: SyntaxTreeNode, name: Callable[[str], str]) -> str:
    """A block inside a list's item, which in wiki markup is one line."""
    if node.type in ("paragraph", "heading"):
        return _wiki_line(node, name)
    return _WIKI_BREAK.join(_wiki_flat(child, name) for child in node.children)


def _wiki_line(node: SyntaxTreeNode, name: Callable[[str], str]) -> str:
    line = "".join(_wiki_inline(child, name) for child in node.children)
    return _LINE_START.sub(r"\1\2&#46;", line)


def _wiki_inline(node: SyntaxTreeNode, name: Callable[[str], str]) -> str:
    if node.type == "text":
        return _wiki_text(node.content)
    if node.type == "code_inline":
        return f"{{{{{_wiki_text(node.content)}}}}}"
    if node.type in ("softbreak", "hardbreak"):
        return " " if node.type == "softbreak" else _WIKI_BREAK
    target = _target(node) if node.type == "link" else ""
    if target.startswith(_MENTION):
        return f"[~{_wiki_name(name(unquote(target.removeprefix(_MENTION))))}]"
    inner = "".join(_wiki_inline(child, name) for child in node.children)
    if _is_web(target):
        return f"[{inner}|{_wiki_target(target)}]"
    mark = {"strong": "*", "em": "_"}.get(node.type, "")
    return f"{mark}{inner}{mark}"


def _wiki_text(text: str) -> str:
    """Text as wiki markup that shows just that text."""
    return _WIKI_ACTIVE.sub(lambda found: _WIKI_PLAIN.get(found[0], f"\\{found[0]}"), text)


def _wiki_name(user_name: str) -> str:
    # In a mention these would end it, or begin a macro.
    return re.sub(r"[\[\]{}|\\\s]", "", user_name)


def _wiki_target(target: str) -> str:
    return re.sub(r"[\[\]{}|\\^\s]", lambda match: quote(match[0]), target)


# --- plain text ---------------------------------------------------------------------------------


def _text_blocks(nodes: Sequence[SyntaxTreeNode]) -> Iterator[str]:
    for node in nodes:
        if node.type in ("bullet_list", "ordered_list"):
            items = ("\n  ".join(_text_blocks(item.children)) for item in node.children)
            yield "\n".join(f"- {item}" for item in items)
        elif node.type in ("paragraph", "heading"):
            yield "".join(map(_text_inline, node.children)).strip()
        else:
            yield "\n\n".join(_text_blocks(node.children))


def _text_inline(node: SyntaxTreeNode) -> str:
    if node.type in ("text", "code_inline"):
        return node.content
    if node.type in ("softbreak", "hardbreak"):
        return " " if node.type == "softbreak" else "\n"
    inner = "".join(map(_text_inline, node.children))
    target = _target(node) if node.type == "link" else ""
    return f"{inner} ({target})" if _is_web(target) and target != inner else inner


# --- both ---------------------------------------------------------------------------------------


def _target(node: SyntaxTreeNode) -> str:
    return str(node.attrs.get("href", ""))


def _is_web(target: str) -> bool:
    return target.startswith(("http://", "https://"))


def _plain(node: SyntaxTreeNode) -> str:
    if node.type == "text":
        return node.content
    return "".join(_plain(child) for child in node.children)
