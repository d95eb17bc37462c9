"""What another contract would have made of a period, side by side with what became of it.

A promise counts as in reports: a met one when it was met, a breached one when it fell due, a
cancelled one when nothing was owed any more. What is open is judged at the present instant.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Literal, NamedTuple

import msgspec

from sla.cycle import Cycle, State
from sla.zones import micros_of

Outcome = Literal["met", "breached", "cancelled"]
Fate = Literal["met", "breached", "cancelled", "open", "outside the period", "not promised"]


class Stand(NamedTuple):
    """A cycle as one of the two versions judges it; instants are aware UTC."""

    metric: str
    state: State
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    ended_at: datetime | None
    contract: str
    severity: str | None
    binding: str
    conditional: bool
    late: int | None
    """Open time by which the answer came after the goal was used up, in microseconds; None where it
    came in time, never came, or that was not recorded."""


class Period(NamedTuple):
    """What is looked at: `[from_at, to_at)`, as judged at `now`; all aware UTC."""

    from_at: datetime
    to_at: datetime
    now: datetime


class Difference(msgspec.Struct, frozen=True, gc=False):
    """A promise that would have had another fate."""

    issue: str
    """The issue's key, or Jira's id of it where no key was heard."""
    metric: str
    contract: str
    """The other version's; where that promises nothing, today's."""
    binding: str
    severity_from: str | None
    severity_to: str | None
    due_from: datetime | None
    due_to: datetime | None
    answered_at: datetime | None
    outcome_from: Fate
    outcome_to: Fate
    sooner_seconds: float | None
    """How much sooner the answer would have had to come, in open time; None where it would have
    been in time, or never came."""


class Sums(msgspec.Struct, gc=False):
    """What became of promises of one kind."""

    met: int = 0
    breached: int = 0
    cancelled: int = 0
    late: int = 0
    """Open time by which answers came late, in microseconds, all added up."""

    @property
    def share(self) -> float | None:
        """Of those met or breached, the part that was met, 0 to 1; None while there is none."""
        decided = self.met + self.breached
        return self.met / decided if decided else None

    def add(self, other: Sums) -> None:
        """Count some more."""
        self.met += other.met
        self.breached += other.breached
        self.cancelled += other.cancelled
        self.late += other.late


class Kind(NamedTuple):
    """Promises that are told apart; commitments and goals are never added together."""

    week: int
    """In which of the weeks that were asked for it was decided, from 0 on."""
    contract: str
    metric: str
    severity: str | None
    binding: str
    conditional: bool


class Counted(msgspec.Struct, frozen=True, gc=False):
    """Promises of one kind, by both versions."""

    kind: Kind
    today: Sums
    other: Sums


@dataclass
class Comparison:
    """Holds issues under two versions against each other, one after another.

    Attributes:
        period: what is looked at.
        weeks: when each week begins, in order; the first not after the period's beginning.
        differing: the promises with another fate.
        moved: how many others would have been due at another instant.
    """

    period: Period
    weeks: Sequence[datetime]
    differing: list[Difference] = field(default_factory=list)
    moved: int = 0
    _sums: dict[Kind, tuple[Sums, Sums]] = field(default_factory=dict)

    def add(self, issue: str, today: Sequence[Stand], other: Sequence[Stand]) -> None:
        """Count an issue.

        Args:
            issue: how people call it.
            today: every cycle of it as it is judged today.
            other: every cycle of it as the other version judges it.
        """
        for side, stands in enumerate((today, other)):
            for stand in stands:
                self._count(stand, side)
        for old, new in pairs(today, other):
            self._compare(issue, old, new)

    @property
    def counted(self) -> list[Counted]:
        """What was counted, by kind."""
        return [Counted(kind, *sums) for kind, sums in self._sums.items()]

    def _count(self, stand: Stand, side: int) -> None:
        outcome, at = _decided(stand, self.period)
        if outcome is None or at is None or not self.period.from_at <= at < self.period.to_at:
            return
        week = bisect_right(self.weeks, at) - 1
        kind = Kind(
            week, stand.contract, stand.metric, stand.severity, stand.binding, stand.conditional
        )
        sums = self._sums.setdefault(kind, (Sums(), Sums()))[side]
        if outcome == "met":
            sums.met += 1
        elif outcome == "breached":
            sums.breached += 1
            sums.late += stand.late or 0
        else:
            sums.cancelled += 1

    def _compare(self, issue: str, old: Stand | None, new: Stand | None) -> None:
        was, would = fate(old, self.period), fate(new, self.period)
        if was == would:
            if was not in ("outside the period", "not promised") and old and new:
                self.moved += old.due_at != new.due_at
            return
        if not _DECIDED & {was, would}:
            return
        known = new or old
        if known is None:
            raise AssertionError("one of a pair is there")
        late = new.late if new and would == "breached" else None
        self.differing.append(
            Difference(
                issue, known.metric, known.contract, known.binding,
                old.severity if old else None, new.severity if new else None,
                old.due_at if old else None, new.due_at if new else None,
                known.stopped_at or (old.stopped_at if old else None), was, would,
                None if late is None else late / 1_000_000,
            )
        )  # fmt: skip


_DECIDED: frozenset[str] = frozenset({"met", "breached", "cancelled"})
_STARTED = attrgetter("started_at")


def stand(cycle: Cycle) -> Stand:
    """A cycle as a version judges it."""
    promise = cycle.promise
    contract = promise.coverage.contract
    stopped_at, late = cycle.stopped_at, None
    if stopped_at and cycle.state == "breached":
        late = micros_of(max(cycle.elapsed - promise.goal_time, _NOTHING))
    return Stand(
        cycle.metric, cycle.state, cycle.started_at, cycle.due_at, stopped_at,
        cycle.ending.at if cycle.ending else None, contract.id if contract else "",
        promise.coverage.severity, promise.goal.binding, bool(cycle.conditional_on), late,
    )  # fmt: skip


_NOTHING = timedelta(0)


def fate(stand: Stand | None, period: Period) -> Fate:
    """What became of a promise, as far as a period tells; None was never made."""
    if stand is None:
        return "not promised"
    outcome, at = _decided(stand, period)
    if outcome is None or at is None:
        # What was promised after the period is none of it, and whoever asks Jira never sees it.
        return "open" if stand.started_at < period.to_at else "outside the period"
    return outcome if period.from_at <= at < period.to_at else "outside the period"


def _decided(stand: Stand, period: Period) -> tuple[Outcome | None, datetime | None]:
    """What became of a promise, and the instant at which it counts; None while it is open."""
    if stand.state == "met":
        return "met", stand.ended_at
    if stand.state == "cancelled":
        return "cancelled", stand.ended_at
    if stand.due_at is None or (stand.ended_at is None and stand.due_at > period.now):
        return None, None
    return "breached", stand.due_at


def pairs(
    today: Sequence[Stand], other: Sequence[Stand]
) -> Iterator[tuple[Stand | None, Stand | None]]:
    """Which promise of one version is which of the other.

    The one promise of a metric is the other's one; where there are several, those that start at the
    same instant are the same. What has no partner is there all the same, alone.
    """
    for metric in dict.fromkeys([each.metric for each in (*today, *other)]):
        mine = [each for each in today if each.metric == metric]
        theirs = [each for each in other if each.metric == metric]
        if len(mine) == len(theirs) == 1:
            yield mine[0], theirs[0]
            continue
        by_start: dict[datetime, list[Stand]] = {}
        for each in reversed(theirs):
            by_start.setdefault(each.started_at, []).append(each)
        for each in mine:
            there = by_start.get(each.started_at)
            yield each, there.pop() if there else None
        for each in sorted(_all(by_start.values()), key=_STARTED):
            yield None, each


def _all(lists: Iterable[list[Stand]]) -> list[Stand]:
    return [each for some in lists for each in some]
