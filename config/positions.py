"""Reads YAML 1.2 and remembers where each value stands, so that every fault can be pointed at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from config.errors import Problem

Place = tuple[str | int, ...]
"""The way to a value: keys and list indexes from the document's top."""

Plain = str | int | bool | list["Plain"] | dict[str, "Plain"] | None

_DEEPEST = 100
"""Levels of a document; the time to read it grows with their square."""
_MOST = 100_000
"""Values of a document. By aliases to aliases a few lines come to any number."""
_DIGITS = 4_300
"""So many of a number Python reads."""
_HALF = "has an escape for half of a character, such as \\ud83d; write the character itself"
_TOO_DEEP = "nests too deeply to be read; no document needs more than ten levels"
_LONGEST_KEPT = 32_768
"""Characters: few documents have more. 64 of that length take 50 MB as most are written."""


class _Mark(Protocol):
    line: int
    column: int


@dataclass
class Document:
    """One file as plain values, with the line and column of each key and value."""

    file: str
    data: dict[str, Plain] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    origin: tuple[int, int] = (1, 1)
    """Where faults are that stand nowhere; (0, 0) for a document that is no file."""
    _keys: dict[Place, tuple[int, int]] = field(default_factory=dict)
    _values: dict[Place, tuple[int, int]] = field(default_factory=dict)

    def has(self, place: Place) -> bool:
        """Whether the document says anything there."""
        return place in self._values

    def problem(self, place: Place, message: str, *, at_key: bool = False) -> Problem:
        """A fault at a value or its key; what is not written is shown at what it would be in."""
        shown = self._nearest(place)
        marks = self._keys if (at_key or shown != place) and shown in self._keys else self._values
        line, column = marks.get(shown, self.origin)
        return Problem(self.file, line, column, written(place), message)

    def complain(self, place: Place, message: str, *, at_key: bool = False) -> None:
        """Keep a fault."""
        self.problems.append(self.problem(place, message, at_key=at_key))

    def _nearest(self, place: Place) -> Place:
        while place and place not in self._values:
            place = place[:-1]
        return place

    def _fill(self, root: Node) -> None:
        try:
            plain = self._plain(root, (), ())
        except _TooLargeError as error:
            self.complain(error.place, f"comes to more than {_MOST:,} values with all aliases")
            return
        if isinstance(plain, dict):
            self.data = plain
        elif not self.problems:
            self.complain((), f"is {kind(plain)}; a document is a mapping, `key: value`")

    def _plain(self, node: Node, place: Place, above: tuple[Node, ...]) -> Plain:
        self._values[place] = _position(node.start_mark)
        if len(self._values) > _MOST:
            raise _TooLargeError(place[:1])
        if any(node is parent for parent in above):
            self.complain(place, "is an alias to itself; write the value out")
            return None
        if len(above) > _DEEPEST:
            # By aliases, each of which stands for one that is not deep.
            self.complain(place[:1], _TOO_DEEP)
            return None
        if node.tag and not node.tag.startswith("tag:yaml.org,2002:"):
            self.complain(place, f"has the tag {node.tag}, which means nothing here; leave it out")
        if isinstance(node, MappingNode):
            return dict(self._pairs(node, place, above))
        if isinstance(node, SequenceNode):
            return [
                self._plain(item, (*place, index), (*above, node))
                for index, item in enumerate(node.value)
            ]
        if _is_broken(node):
            self.complain(place, _HALF)
            return None
        return _scalar(node)

    def _pairs(
        self, node: MappingNode, place: Place, above: tuple[Node, ...]
    ) -> Iterator[tuple[str, Plain]]:
        first: dict[str, int] = {}
        for key_node, value_node in node.value:
            line, column = _position(key_node.start_mark)
            if not isinstance(key_node, ScalarNode):
                message = "has a key that is no plain text; write `key: value`"
                self.problems.append(Problem(self.file, line, column, written(place), message))
                continue
            if _is_broken(key_node):
                self.problems.append(Problem(self.file, line, column, written(place), _HALF))
                continue
            key = str(key_node.value)
            here = (*place, key)
            if key in first:
                message = f"is written twice, first in line {first[key]}; keep one of them"
                self.problems.append(Problem(self.file, line, column, written(here), message))
                continue
            first[key] = line
            self._keys[here] = (line, column)
            yield key, self._plain(value_node, here, (*above, node))


class _TooLargeError(Exception):
    """A document comes to too much."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


def read(path: Path, name: str) -> Document:
    """Read one file.

    Args:
        path: where it is.
        name: what to call it in messages.

    Returns:
        The document; its `problems` say what kept it from being read, and its data are then empty.
    """
    document = Document(name)
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        document.complain(
            (), f"cannot be read ({error.strerror}); it must be a file that this user may read"
        )
        return document
    except UnicodeDecodeError as error:
        document.complain((), f"is not UTF-8 text (byte {error.start}); save it as UTF-8")
        return document
    return parse(text, document)


def parse(text: str, document: Document) -> Document:
    """Fill a document from its text, or let it say why that cannot be done."""
    try:
        root = composed(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = _position(mark) if mark else (1, 1)
        document.problems.append(Problem(document.file, line, column, "", _syntax(error)))
    except YAMLError as error:
        document.complain((), f"is not YAML: {error}")
    else:
        if root is None:
            document.complain((), "is empty; a document is a mapping, `key: value`")
        else:
            document._fill(root)  # noqa: SLF001 - the two halves of one class
    return document


def composed(text: str) -> Node | None:
    """The nodes of a document, which nobody may alter; None: it is empty.

    Raises:
        YAMLError: it is no YAML, or nests too deeply.
    """
    # Composing is nine tenths of reading a set of documents, of which a saving changes one: that
    # and what is looked at beside it are composed once. A long text is not kept: its nodes take
    # twenty-five times its room.
    return _kept(text) if len(text) <= _LONGEST_KEPT else _compose(text)


def said_in(text: str) -> dict[str, Any]:
    """What a document says, whatever is wrong with it; nothing where it cannot be read."""
    return parse(text, Document("")).data


def _compose(text: str) -> Node | None:
    yaml = YAML(typ="safe", pure=True)
    yaml.max_depth = _DEEPEST
    try:
        root: Node | None = yaml.compose(text)
    except (OverflowError, ValueError):
        raise YAMLError(
            "an escape such as \\U00110000 stands for no character, or the version of YAML is none"
        ) from None
    return root


_kept = lru_cache(maxsize=64)(_compose)


def written(place: Place) -> str:
    """The way to a value as people write it: `projects.BIT.contracts[0].tier`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return text.removeprefix(".")


def kind(value: object) -> str:
    """What a value is, in the words of someone who writes YAML."""
    if value is None:
        return "empty"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return f"`{value}`"


def _syntax(error: MarkedYAMLError) -> str:
    if isinstance(error, MaxDepthExceededError):
        return _TOO_DEEP
    problem = str(error.problem or error.context or "cannot be understood").replace("\n", " ")
    if "another document" in problem:
        return "holds a second document (after `---`); write one per file"
    if "start any token" in problem and "\\t" in problem:
        return "is not YAML: a tab stands where only spaces may; indent with spaces"
    while_doing = f" {error.context}" if error.context and error.problem else ""
    return f"is not YAML: {problem}{while_doing}"


def _position(mark: _Mark) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _is_broken(node: Node) -> bool:
    """Whether half of a character stands for itself, which no file and no database can hold."""
    text = str(node.value)
    return not text.isascii() and any("\ud800" <= each <= "\udfff" for each in text)


def _scalar(node: Node) -> Plain:
    """As YAML 1.2 reads it, except that dates and decimals stay the text that was written."""
    text = str(node.value)
    tag = str(node.tag).rpartition(":")[2]
    if tag == "null":
        return None
    if tag == "bool":
        return text.casefold() == "true"
    if tag == "int" and len(text) <= _DIGITS and text.lstrip("+-").isdecimal():
        return int(text)
    return text
