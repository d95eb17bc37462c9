"""What must hold of an issue's fields for a rule to apply, at one instant or over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from functools import cached_property

import msgspec

from sla.timeline import FieldValue, Spans, Timeline

Fields = Mapping[str, FieldValue]
_WORDS = {"issuetype": "type", "priority": "priority"}


class Condition(msgspec.Struct, frozen=True, dict=True):
    """Every part must hold; no part: always true. Case does not count."""

    fields: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    """Each of these must have one of its values."""
    filled: tuple[str, ...] = ()
    """Each of these must have some value."""
    empty: tuple[str, ...] = ()
    """Each of these must have none."""

    @cached_property
    def names(self) -> frozenset[str]:
        """Every field that it looks at."""
        return frozenset((*self.fields, *self.filled, *self.empty))

    @cached_property
    def _wanted(self) -> tuple[tuple[str, frozenset[str]], ...]:
        """The values wanted of each field, in the case in which they are compared."""
        return tuple(
            (name, frozenset(each.casefold() for each in wanted))
            for name, wanted in self.fields.items()
        )

    def holds(self, fields: Fields) -> bool:
        """Whether the issue's fields meet every part."""
        # Plain loops: a condition is asked a dozen times for each issue, and a generator for each
        # part made that three times as long.
        for name, wanted in self._wanted:
            if not _is_among(fields.get(name), wanted):
                return False
        for name in self.filled:
            if not fields.get(name):
                return False
        return not self.empty or not any(fields.get(name) for name in self.empty)

    def contradicted(self, fields: Fields) -> bool:
        """Whether some part is known not to hold: a field that nobody filled in says nothing."""
        return any(
            fields.get(name) and not has_one_of(fields.get(name), wanted)
            for name, wanted in self.fields.items()
        ) or not Condition(filled=self.filled, empty=self.empty).holds(fields)

    def __str__(self) -> str:
        """Such as `priority High or Medium, Support plan Enterprise`; `always` when it is empty."""
        parts = [
            f"{_WORDS.get(name, name)} {' or '.join(wanted)}"
            for name, wanted in self.fields.items()
        ]
        parts += [f"{name} filled in" for name in self.filled]
        parts += [f"{name} empty" for name in self.empty]
        return ", ".join(parts) or "always"


ALWAYS = Condition()
RESOLVED = Condition(filled=("resolution",))


def _is_among(value: FieldValue, wanted: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value.casefold() in wanted
    return value is not None and any(each.casefold() in wanted for each in value)


def has_one_of(value: FieldValue, wanted: Iterable[str]) -> bool:
    """Whether a field has one of these values, or among its several values one of them."""
    present = value if isinstance(value, tuple) else (value,)
    folded = {item.casefold() for item in present if item is not None}
    return any(item.casefold() in folded for item in wanted)


def without_repetition(conditions: Iterable[Condition]) -> list[Condition]:
    """Each condition once, in order."""
    found: list[Condition] = []
    for condition in conditions:
        if condition not in found:
            found.append(condition)
    return found


def while_holding(timeline: Timeline, condition: Condition) -> Spans:
    """The spans of an issue's life in which a condition held; not to be changed by the caller."""
    known = timeline.held.get(id(condition))
    # In a copy of a timeline, the number is that of an object that may be gone.
    if known is None or known[0] is not condition:
        # Kept, the condition stays where it is, by which it is known again.
        known = timeline.held[id(condition)] = (condition, _held(timeline, condition))
    return known[1]


def _held(timeline: Timeline, condition: Condition) -> Spans:
    changing, values = [], {}
    for name in condition.names:
        found = timeline.values(name)
        if found:
            values[name] = found[0][1]
            if len(found) > 1:
                changing.append(name)
    if not changing:
        # As of most issues; to walk over their lives for it took twice as long.
        made_at = timeline.created_at
        return [(made_at, None)] if made_at and condition.holds(values) else []

    def holds(at: datetime) -> bool:
        return condition.holds({name: timeline.value(name, at) for name in values})

    return while_true(timeline, changing, holds)


def while_true(timeline: Timeline, names: Iterable[str], test: Callable[[datetime], bool]) -> Spans:
    """The spans of an issue's life in which a test was met that looks at these fields only."""
    created_at = timeline.created_at
    if created_at is None:
        return []
    spans: Spans = []
    for at in timeline.changes(names, created_at):
        met = test(at)
        lasts = bool(spans) and spans[-1][1] is None
        if met and not lasts:
            spans.append((at, None))
        elif lasts and not met:
            spans[-1] = (spans[-1][0], at)
    return spans
