"""Two changes of one YAML document in one text, so that neither has to be dropped for the other.

A document is cut into its entries, such as `projects.BIT`, each with the lines and comments that a
person wrote. An entry that one side alone changed is taken from that side as it stands; one that
both changed, each in its own way, is left to be chosen. What cannot be cut is not merged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Literal, TypeGuard, TypeVar

from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from config.positions import composed

Side = Literal["mine", "theirs"]
_Place = tuple[str, ...]

_DEPTH = 2
# Several projects share these: what one contract, one customer's order form, one ambiguity says.
_DEPTHS = {"parameters": 3, "customers": 3, "choices": 3}
_END: _Place = ("the comments at its end",)
# Elsewhere the order may decide, as that of a contract's severities does.
_WITHOUT_ORDER = ("projects", *_DEPTHS)
# What ends a line for YAML or for Python, and not for both alike.
_ODD_ENDS = ("\r", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class MergedText:
    """Two changes of one document in one text."""

    text: str
    mine: tuple[str, ...]
    """The entries that only this side changed, such as `projects.BIT`."""
    theirs: tuple[str, ...]
    """Those that only the other side changed."""
    both: tuple[str, ...]
    """Those that both changed, each in its own way; the text has those of the side asked for."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """The lines of a key: its comments above it, itself, and what stands in it."""

    head: str = ""
    """All of it, where nothing in it can be merged by itself."""
    inside: tuple[tuple[str, _Entry], ...] = ()
    tail: str = ""

    @property
    def text(self) -> str:
        return self.head + "".join(each.text for _, each in self.inside) + self.tail


class _CannotBeCutError(Exception):
    """The document is written so that its entries have no lines of their own."""


def merged_text(base: str, mine: str, theirs: str, prefer: Side = "mine") -> MergedText | None:
    """Two changes of a text in one.

    Args:
        base: the document that both have changed.
        mine: what one side made of it.
        theirs: what the other made of it.
        prefer: whose entry the text has where both changed it.

    Returns:
        The text with what either side changed; None: the entries of one of the three cannot be
        told apart (no YAML, one line, a key written twice), or would not be the same in the text.
    """
    try:
        sides = _cut(base), _cut(mine), _cut(theirs)
        merging = _Merging(prefer)
        whole = merging.entry((), *sides) or _Entry()
        if _cut(whole.text) != whole:
            return None
    except _CannotBeCutError:
        return None
    return MergedText(
        whole.text, tuple(merging.mine), tuple(merging.theirs), tuple(merging.both)
    )  # fmt: skip


def changed_entries(before: str, after: str) -> tuple[str, ...]:
    """The entries that differ between two texts of a document; none where they cannot be told."""
    found = merged_text(before, before, after)
    return found.theirs if found else ()


@dataclass
class _Merging:
    prefer: Side
    mine: list[str] = field(default_factory=list)
    theirs: list[str] = field(default_factory=list)
    both: list[str] = field(default_factory=list)

    def entry(
        self, place: _Place, base: _Entry | None, mine: _Entry | None,
        theirs: _Entry | None,
    ) -> _Entry | None:  # fmt: skip
        if mine and theirs and mine.inside and theirs.inside and mine != theirs:
            return self._inside(place, base or _Entry(), mine, theirs)
        return self._one_of(place, base, mine, theirs)

    def _one_of(self, place: _Place, base: _T, mine: _T, theirs: _T) -> _T:
        if mine == theirs:
            return mine
        side: Side = self.prefer
        if theirs == base:
            side = "mine"
            told = self.mine
        elif mine == base:
            side = "theirs"
            told = self.theirs
        else:
            told = self.both
        told.append(".".join(place) or "the order of its parts")
        return mine if side == "mine" else theirs

    def _inside(self, place: _Place, base: _Entry, mine: _Entry, theirs: _Entry) -> _Entry:
        by_key = dict(base.inside), dict(mine.inside), dict(theirs.inside)
        order = _order(place, *map(list, by_key))
        if order is None:
            return self._one_of(place, base, mine, theirs)
        head = self._one_of(place, base.head, mine.head, theirs.head)
        inside = [
            (key, self.entry((*place, key), *(side.get(key) for side in by_key))) for key in order
        ]
        tail = self._one_of(place or _END, base.tail, mine.tail, theirs.tail)
        return _Entry(head, tuple((key, each) for key, each in inside if each), tail)


def _order(
    place: _Place, base: Sequence[str], mine: Sequence[str], theirs: Sequence[str]
) -> list[str] | None:
    """The keys of all three, those that are new behind the one that they stand behind.

    None: a side has put them into another order, or both have added some at one place where the
    order may decide.
    """
    added = [each for side in (mine, theirs) if (each := _added(base, side)) is not None]
    if len(added) < 2:
        return None
    found: dict[str, None] = {}
    for key in (None, *base):
        if key is not None:
            found[key] = None
        ours, others = (side.get(key, []) for side in added)
        if ours and others and ours != others:
            if place and place[0] not in _WITHOUT_ORDER:
                return None
            ours, others = sorted({*ours, *others}), []
        found.update(dict.fromkeys([*ours, *others]))
    return list(found)


def _added(base: Sequence[str], side: Sequence[str]) -> dict[str | None, list[str]] | None:
    """The keys that a side has added, by the one of the base that they stand behind."""
    left = [key for key in side if key in set(base)]
    if left != [key for key in base if key in set(side)]:
        return None
    found: dict[str | None, list[str]] = {}
    last = None
    for key in side:
        if key in set(left):
            last = key
        else:
            found.setdefault(last, []).append(key)
    return found


# --- entries --------------------------------------------------------------------------------------


# A draft is looked at many times, and reading a large document takes a second.
@lru_cache(maxsize=8)
def _cut(text: str) -> _Entry:
    """A document by its entries; their texts are the document's own."""
    if any(each in text for each in _ODD_ENDS):
        raise _CannotBeCutError
    try:
        root = composed(text)
    except YAMLError:
        raise _CannotBeCutError from None
    if not isinstance(root, MappingNode) or root.flow_style:
        raise _CannotBeCutError
    lines = [f"{line}\n" for line in text.removesuffix("\n").split("\n")]
    return _entry_of(lines, root, (), 0, len(lines), 0)


def _entry_of(
    lines: Sequence[str], node: Node, place: _Place, first: int, end: int, key_line: int
) -> _Entry:
    """The entry on the lines from `first` to before `end`, whose value is a node."""
    deepest = _DEPTHS.get(place[0], _DEPTH) if place else _DEPTH
    if len(place) == deepest or not _is_block(node, key_line, is_root=not place):
        return _Entry("".join(lines[first:end]))
    keys = [key for key, _ in node.value]
    names = [str(key.value) for key in keys]
    starts = [key.start_mark.line for key in keys]
    if len(set(names)) < len(names) or any(b <= a for a, b in pairwise(starts)):
        raise _CannotBeCutError
    column = keys[0].start_mark.column
    own_end = key_line + 1 if place else first
    ends = [_trimmed(lines, a, b, column) for a, b in pairwise([*starts, end])]
    inside = [
        (name, _entry_of(lines, value, (*place, name), a, b, start))
        for (name, (_, value), a, b, start) in zip(
            names, node.value, [own_end, *ends], ends, starts, strict=False
        )
    ]
    return _Entry("".join(lines[first:own_end]), tuple(inside), "".join(lines[ends[-1] : end]))


def _is_block(node: Node, key_line: int, *, is_root: bool) -> TypeGuard[MappingNode]:
    """Whether its keys have lines of their own, and nothing refers to it or is referred to."""
    return (
        isinstance(node, MappingNode)
        and not node.flow_style
        and not node.anchor
        and bool(node.value)
        and all(isinstance(key, ScalarNode) for key, _ in node.value)
        and (is_root or node.value[0][0].start_mark.line > key_line)
    )


def _trimmed(lines: Sequence[str], first: int, end: int, column: int) -> int:
    """The end without the lines that belong to what follows: blanks, and comments no deeper."""
    while end > first + 1:
        bare = lines[end - 1].strip()
        indent = len(lines[end - 1]) - len(lines[end - 1].lstrip())
        if bare and not (bare.startswith("#") and indent <= column):
            break
        end -= 1
    return end
