"""Which rules of a first-match list can ever matter, and which of two lists meet in an issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from sla.mapping import Condition

_Issue = Mapping[str, str]


def matters(rules: Sequence[Condition], number: int) -> bool:
    """Whether some issue gets as far as that rule (from 0) and meets it."""
    return any(_first(rules, issue) == number for issue in _issues(rules[number]))


def meet(one: Sequence[Condition], i: int, other: Sequence[Condition], j: int) -> bool:
    """Whether some issue gets rule i of one list and rule j of the other."""
    return any(
        _first(one, issue) == i and _first(other, issue) == j for issue in _issues(one[i], other[j])
    )


def _issues(*conditions: Condition) -> Iterator[_Issue]:
    """Every issue that meets the conditions and has nothing else that a rule could ask for.

    They are the ones to look at: what an issue has beyond that can only make earlier rules match.
    """
    wanted: dict[str, list[str]] = {}
    for condition in conditions:
        for name, values in condition.fields.items():
            folded = [value.casefold() for value in values]
            known = wanted.get(name)
            wanted[name] = folded if known is None else [v for v in known if v in folded]
    for values in product(*wanted.values()):
        yield dict(zip(wanted, values, strict=True))


def _first(rules: Sequence[Condition], issue: _Issue) -> int | None:
    return next((index for index, rule in enumerate(rules) if rule.holds(issue)), None)
