"""Backtests that were kept: what a period would have come to under another contract."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec
from msgspec.structs import replace

from sla.backtest import Sums
from sla.contract import in_words
from sla.store import backtests as stored
from webhooks import backtests
from webhooks.backtesting import Backtest, Line
from webhooks.console.questions.reports import kind_of, title_of
from webhooks.console.standing import Standing

MOST = 200
"""How many are listed."""
PAGE = 50
_AT_ONCE = 1_000


class BacktestKept(msgspec.Struct):
    """A backtest in short."""

    id: int
    name: str
    made_at: datetime
    period: str
    """Its days, and the zone in which they begin."""
    before: str
    """The version in force."""
    after: str
    """The version that was tried."""
    cost: str
    """What the other promise would have asked for."""


class BacktestQuery(msgspec.Struct, kw_only=True):
    """Which of the promises that differ."""

    page: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)] = 1
    """A thousand are on each."""


class Compared(NamedTuple):
    """Promises that are alike in one respect, by both versions."""

    name: str
    kind: str
    today: Sums
    other: Sums


class Seen(NamedTuple):
    """A backtest as the page shows it."""

    kept: BacktestKept
    result: Backtest
    by: Sequence[tuple[str, Sequence[Compared]]]
    """By severity, metric and contract."""


def listed(standing: Standing) -> list[BacktestKept]:
    """The newest ones, newest first."""
    found = standing.database.read(lambda c: stored.listed(c, standing.site, MOST))
    return [_kept(each) for each in found]


def seen(standing: Standing, id_: int) -> Seen:
    """One of them, with its sums.

    Raises:
        LookupError: there is none of that number.
    """
    kept, found = _read(standing, id_)
    policy = standing.configuration.policy
    by = (
        ("Severity", _summed(found.lines, lambda line: line.severity or "No severity")),
        ("Metric", _summed(found.lines, lambda line: in_words(line.metric).capitalize())),
        ("Contract", _summed(found.lines, lambda line: title_of(policy, line.contract))),
    )
    return Seen(kept, found, by)


def told(standing: Standing, id_: int, page: int) -> Backtest:
    """One of them for programs: all counts, and a page of the promises that differ.

    Raises:
        LookupError: there is none of that number.
    """
    _, found = _read(standing, id_)
    some = found.differing[(page - 1) * _AT_ONCE : page * _AT_ONCE]
    return replace(found, differing=some)


def _read(standing: Standing, id_: int) -> tuple[BacktestKept, Backtest]:
    found = backtests.read(standing.database, standing.site, id_)
    if found is None:
        raise LookupError(f"There is no backtest {id_}.")
    return _kept(found[0]), found[1]


def _kept(each: stored.Kept) -> BacktestKept:
    return BacktestKept(each.id, each.name, each.made_at, **each.summary)


def _summed(lines: Iterable[Line], name: Callable[[Line], str]) -> list[Compared]:
    """Commitments before goals; of each those with the most that would be breached first."""
    found: dict[tuple[str, bool, str], Compared] = {}
    for line in lines:
        words = name(line)
        place = (line.binding, line.conditional, words)
        kind = kind_of(line.binding, conditional=line.conditional)
        sums = found.setdefault(place, Compared(words, kind, Sums(), Sums()))
        sums.today.add(line.today)
        sums.other.add(line.other)
    return [
        found[place]
        for place in sorted(found, key=lambda it: (it[:2], -found[it].other.breached, it[2]))
    ]
