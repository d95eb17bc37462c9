"""Which rules of a first-match list can ever matter, and which of two lists meet in an issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from sla.condition import Condition

_Issue = Mapping[str, str]
_OTHER = "\0"
"""A value that no rule can ask for: a document's text holds no such character."""


def matters(rules: Sequence[Condition], number: int) -> bool:
    """Whether some issue gets as far as that rule (from 0) and meets it."""
    issues = _issues([rules[number]], rules[:number])
    return any(_first(rules, issue) == number for issue in issues)


def meet(one: Sequence[Condition], i: int, other: Sequence[Condition], j: int) -> bool:
    """Whether some issue gets rule i of one list and rule j of the other."""
    issues = _issues([one[i], other[j]], [*one[:i], *other[:j]])
    return any(_first(one, issue) == i and _first(other, issue) == j for issue in issues)


def contradictory(condition: Condition) -> bool:
    """Whether no issue at all can meet it: a field would have to be empty and filled in."""
    return not any(True for _ in _issues([condition], ()))


def _issues(met: Sequence[Condition], earlier: Sequence[Condition]) -> Iterator[_Issue]:
    """The issues that meet some conditions and are the hardest to catch for those before them.

    A field that no condition speaks of is left empty: having a value can only make earlier rules
    match, except those that ask for it to be empty. So only for these is both tried. A field has
    one value; one that may have several (labels) could meet more rules at once than is seen here.
    """
    choices: dict[str, list[str | None]] = {}
    evaded = {name for condition in earlier for name in condition.empty}
    names = dict.fromkeys(name for condition in met for name in sorted(condition.names))
    for name in [*names, *sorted(evaded - names.keys())]:
        choices[name] = _values(name, met, evaded)
    for values in product(*choices.values()):
        yield {
            name: value for name, value in zip(choices, values, strict=True) if value is not None
        }


def _values(name: str, met: Sequence[Condition], evaded: set[str]) -> list[str | None]:
    """What a field can be while all conditions are met; None: empty."""
    wanted: list[str | None] | None = None
    for condition in met:
        if name in condition.fields:
            folded = [value.casefold() for value in condition.fields[name]]
            wanted = [each for each in folded if wanted is None or each in wanted]
    if any(name in condition.empty for condition in met):
        filled = wanted is not None or any(name in condition.filled for condition in met)
        return [] if filled else [None]
    if wanted is not None:
        return wanted
    if any(name in condition.filled for condition in met):
        return [_OTHER]
    return [None, _OTHER] if name in evaded else [None]


def _first(rules: Sequence[Condition], issue: _Issue) -> int | None:
    return next((index for index, rule in enumerate(rules) if rule.holds(issue)), None)
