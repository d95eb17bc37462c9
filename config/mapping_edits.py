"""Changes single values of a `projects.yaml`; every other line stays as a person wrote it.

What is to change is found by the lines on which it stands; all others are copied as they are, with
their comments. The new text is read again, and must say what was meant: where a document is written
so that this cannot be done (anchors, mappings in one line), it is refused and a person edits it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, SequenceNode

from config.errors import ConfigurationError
from config.positions import Document, Place, Plain, composed, parse, written
from config.writing import scalar

FILE = "projects.yaml"
_STEP = 2


class NotByForm(ConfigurationError):  # noqa: N818 - a document may be written so
    """The document cannot be changed but as text; the message says why."""


def read(text: str) -> dict[str, Plain]:
    """What a `projects.yaml` says, as plain values.

    Raises:
        NotByForm: it is no YAML; the message has the line.
    """
    document = parse(text, Document(FILE))
    if document.problems:
        first = document.problems[0]
        raise NotByForm(f"{first}; mend it as text first")
    return document.data


def edited(text: str, changes: Mapping[Place, Plain]) -> str:
    """The text with other values at some places.

    Args:
        text: of a `projects.yaml`.
        changes: by place, such as `("projects", "BIT", "alerts")`, the value that is to stand
            there; None: nothing is. A mapping that is left empty goes, too.

    Returns:
        The same text wherever no value changes. In a list that changes, an item that was there
        before keeps its line and its comments.

    Raises:
        NotByForm: it is no YAML, or is written so that only a person can change it.
    """
    meant = read(text)
    for place, value in changes.items():
        if even(_at(meant, place)) == even(value):
            continue
        text = _Text(text).with_value(place, value)
        meant = _with(meant, place, value)
    if even(read(text)) != even(meant):
        raise NotByForm(
            f"{FILE} is written so that it can only be changed as text: with anchors, or with "
            "several keys in one line"
        )
    return text


def even(value: Plain) -> Plain:
    """The same for all ways to write it: one name and a list of it mean the same."""
    if isinstance(value, dict):
        return {key: even(each) for key, each in value.items() if each not in (None, {})}
    if isinstance(value, list):
        items = [even(each) for each in value]
        return items[0] if len(items) == 1 and isinstance(items[0], str) else items
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def in_one_line(value: Plain) -> str:
    """A value as YAML in one line."""
    if isinstance(value, dict):
        pairs = [f"{scalar(key)}: {in_one_line(each)}" for key, each in value.items()]
        return f"{{ {', '.join(pairs)} }}" if pairs else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(in_one_line, value))}]"
    if isinstance(value, bool):
        return str(value).lower()
    return "null" if value is None else str(value) if isinstance(value, int) else scalar(value)


def _at(data: Plain, place: Place) -> Plain:
    for part in place:
        data = data.get(str(part)) if isinstance(data, dict) else None
    return data


def _with(data: dict[str, Plain], place: Place, value: Plain) -> dict[str, Plain]:
    key, rest = str(place[0]), place[1:]
    if rest:
        below = data.get(key)
        value = _with(below if isinstance(below, dict) else {}, rest, value) or None
    found = {**data, key: value}
    return {name: each for name, each in found.items() if each is not None}


@dataclass(frozen=True, slots=True)
class _Entry:
    """A key with its value, by lines from 0."""

    column: int
    first: int
    end: int
    """The line behind it."""
    value: Node


class _Text:
    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()
        try:
            root = composed(text)
        except YAMLError as error:
            raise NotByForm(f"{FILE} is no YAML: {error}") from None
        if not isinstance(root, MappingNode) or root.flow_style:
            raise NotByForm(f"{FILE} is no mapping over several lines; edit it as text")
        self._root = root

    def with_value(self, place: Place, value: Plain) -> str:
        """The text with that value; None: with nothing there."""
        found = list(self._entries(place))
        if value is None:
            self._take_out(found)
        elif len(found) == len(place):
            entry = found[-1]
            self._put(entry.first, entry.end, self._replaced(entry, str(place[-1]), value))
        else:
            self._add(place, found, value)
        return "\n".join(self._lines) + "\n"

    def _entries(self, place: Place) -> Iterator[_Entry]:
        """Those on the way to a place, as far as the document goes."""
        node: Node = self._root
        end = len(self._lines)
        for part in place:
            if not isinstance(node, MappingNode):
                return
            if node.flow_style or node.anchor:
                above = written(place[: place.index(part)])
                raise NotByForm(f"`{above}` stands in one line, or has an anchor; edit it as text")
            entry = self._entry(node, str(part), end)
            if entry is None:
                return
            yield entry
            node, end = entry.value, entry.end

    def _entry(self, node: MappingNode, key: str, end: int) -> _Entry | None:
        pairs = list(node.value)
        for number, (name, value) in enumerate(pairs):
            if name.value != key:
                continue
            follows = pairs[number + 1][0].start_mark.line if number + 1 < len(pairs) else end
            first, column = name.start_mark.line, name.start_mark.column
            return _Entry(column, first, self._trimmed(first, follows, column), value)
        return None

    def _trimmed(self, first: int, end: int, column: int) -> int:
        """Without the lines at the end that belong to what follows: comments no deeper, blanks."""
        while end > first + 1:
            line = self._lines[end - 1]
            bare = line.lstrip()
            if bare and not (bare.startswith("#") and len(line) - len(bare) <= column):
                break
            end -= 1
        return end

    def _put(self, first: int, end: int, lines: Sequence[str]) -> None:
        self._lines[first:end] = lines

    def _take_out(self, found: Sequence[_Entry]) -> None:
        while len(found) > 1 and isinstance(found[-2].value, MappingNode):
            if len(found[-2].value.value) > 1:
                break
            # Nothing would be left of what it stands in.
            found = found[:-1]
        if found:
            self._put(found[-1].first, found[-1].end, [])

    def _add(self, place: Place, found: Sequence[_Entry], value: Plain) -> None:
        for part in reversed(place[len(found) + 1 :]):
            value = {str(part): value}
        name = str(place[len(found)])
        if not found:
            self._put(len(self._lines), len(self._lines), ["", *_block(name, value, 0)])
            return
        above = found[-1]
        node = above.value
        if isinstance(node, MappingNode) and node.value and not node.flow_style:
            column = node.value[0][0].start_mark.column
            lines = _block(name, value, column)
            spaced = len(found) == 1 and str(place[0]) == "projects"
            self._put(above.end, above.end, ["", *lines] if spaced else lines)
            return
        # It is there and empty: `customers:`, or `{}`.
        lines = [_line(above.column, str(place[len(found) - 1])), *_block(
            name, value, above.column + _STEP
        )]  # fmt: skip
        self._put(above.first, above.end, lines)

    def _replaced(self, entry: _Entry, name: str, value: Plain) -> list[str]:
        if isinstance(value, list) and any(isinstance(each, dict) for each in value):
            return self._list(entry, name, value)
        before = self._lines[entry.first]
        lines = _block(name, value, entry.column)
        # One line stays one line, with its comment.
        note = _comment(before, entry.value) if entry.end == entry.first + 1 else ""
        return [lines[0] + note, *lines[1:]]

    def _list(self, entry: _Entry, name: str, items: Sequence[Plain]) -> list[str]:
        node = entry.value
        if not isinstance(node, SequenceNode) or node.flow_style or not node.value:
            return _block(name, list(items), entry.column)
        starts = [each.start_mark.line for each in node.value]
        dash = self._lines[starts[0]]
        column = len(dash) - len(dash.lstrip())
        known = self._plain_items(entry, name)
        heads, pieces, tail = self._pieces(entry, starts)
        lines = [self._lines[entry.first]]
        unused = list(range(len(known)))
        for item in items:
            same = next((number for number in unused if known[number] == even(item)), None)
            if same is None:
                lines.append(f"{' ' * column}- {in_one_line(item)}")
                continue
            unused.remove(same)
            lines += [*heads[same], *pieces[same]]
        return [*lines, *tail]

    def _plain_items(self, entry: _Entry, name: str) -> list[Plain]:
        own = "\n".join(line[entry.column :] for line in self._lines[entry.first : entry.end])
        found = _at(parse(own, Document(FILE)).data, (name,))
        return [even(each) for each in found] if isinstance(found, list) else []

    def _pieces(
        self, entry: _Entry, starts: Sequence[int]
    ) -> tuple[list[list[str]], list[list[str]], list[str]]:
        """The items of a list, the comments above each, and what stands below the last."""
        heads, pieces = [], []
        above = entry.first + 1
        for number, start in enumerate(starts):
            end = starts[number + 1] if number + 1 < len(starts) else entry.end
            last = end
            while last > start + 1 and _is_aside(self._lines[last - 1]):
                last -= 1
            heads.append(self._lines[above:start])
            pieces.append(self._lines[start:last])
            above = last
        return heads, pieces, self._lines[above : entry.end]


def _is_aside(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _comment(line: str, value: Node) -> str:
    """What stands behind the value on its line."""
    if value.start_mark.line != value.end_mark.line:
        return ""
    behind = line[value.end_mark.column :]
    return behind if behind.lstrip().startswith("#") else ""


def _line(column: int, name: str, value: str = "") -> str:
    return f"{' ' * column}{scalar(name)}:{' ' + value if value else ''}"


def _block(name: str, value: Plain, column: int) -> list[str]:
    """A key with its value, a line for each key and for each rule of a list."""
    if isinstance(value, dict) and value:
        return [
            _line(column, name),
            *(line for key, each in value.items() for line in _block(key, each, column + _STEP)),
        ]
    if isinstance(value, list) and any(isinstance(each, dict) for each in value):
        inner = " " * (column + _STEP)
        return [_line(column, name), *(f"{inner}- {in_one_line(each)}" for each in value)]
    return [_line(column, name, in_one_line(value))]
