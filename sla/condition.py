"""What must hold of an issue's fields for a rule to apply, at one instant or over time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sla.timeline import FieldValue, Timeline

Fields = Mapping[str, FieldValue]
_WORDS = {"issuetype": "type", "priority": "priority"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Every part must hold; no part: always true. Case does not count."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Each of these must have one of its values."""
    filled: tuple[str, ...] = ()
    """Each of these must have some value."""
    empty: tuple[str, ...] = ()
    """Each of these must have none."""

    @property
    def names(self) -> frozenset[str]:
        """Every field that it looks at."""
        return frozenset((*self.fields, *self.filled, *self.empty))

    def holds(self, fields: Fields) -> bool:
        """Whether the issue's fields meet every part."""
        return (
            all(has_one_of(fields.get(name), wanted) for name, wanted in self.fields.items())
            and all(fields.get(name) for name in self.filled)
            and not any(fields.get(name) for name in self.empty)
        )

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


def has_one_of(value: FieldValue, wanted: Iterable[str]) -> bool:
    """Whether a field has one of these values, or among its several values one of them."""
    present = value if isinstance(value, tuple) else (value,)
    folded = {item.casefold() for item in present if item is not None}
    return any(item.casefold() in folded for item in wanted)


Spans = list[tuple[datetime, datetime | None]]
"""Spans `[from, to)` of an issue's life; None: it lasts."""


def while_holding(timeline: Timeline, condition: Condition) -> Spans:
    """The spans of an issue's life in which a condition held."""
    names = condition.names & timeline.field_names

    def holds(at: datetime) -> bool:
        return condition.holds({name: timeline.value(name, at) for name in names})

    return while_true(timeline, names, holds)


def while_true(timeline: Timeline, names: Iterable[str], test: Callable[[datetime], bool]) -> Spans:
    """The spans of an issue's life in which a test was met that looks at these fields only."""
    created_at = timeline.created_at
    if created_at is None:
        return []
    changes = {since for name in names for since, _ in timeline.values(name)}
    spans: Spans = []
    for at in sorted({created_at, *(change for change in changes if change > created_at)}):
        met = test(at)
        lasts = bool(spans) and spans[-1][1] is None
        if met and not lasts:
            spans.append((at, None))
        elif lasts and not met:
            spans[-1] = (spans[-1][0], at)
    return spans
