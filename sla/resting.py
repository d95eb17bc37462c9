"""When a clock rests: the pauses of an issue's life, and those of one cycle."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import itemgetter

import msgspec

from sla.interval import merged
from sla.timeline import Spans

Interval = tuple[datetime, datetime]
NEVER = datetime.max.replace(tzinfo=UTC)
_FROM, _TO = itemgetter(0), itemgetter(1)


class Rest(msgspec.Struct, frozen=True, gc=False):
    """When the clock rested: the pauses that are over, and since when it rests now, if it does."""

    over: tuple[Interval, ...] = ()
    since_at: datetime | None = None

    def until(self, at: datetime) -> tuple[Interval, ...]:
        """Every pause as a definite interval, judged at an instant after which nothing counts."""
        known = tuple((start, min(end, at)) for start, end in self.over if start < at)
        lasting = self.since_at is not None and self.since_at < at
        return (*known, (self.since_at, at)) if lasting and self.since_at else known


NO_REST = Rest()


class Resting:
    """When some conditions rest a clock or free it, over an issue's whole life.

    Attributes:
        over: the pauses that have an end, in order; they may overlap.
        joined: the same time, of which no two parts meet.
        lasting: since when each of the others lasts.
        lasts_from: the earliest of these; never, where there is none.
    """

    __slots__ = ("_rested", "joined", "lasting", "lasts_from", "over")

    def __init__(self, spans: Spans) -> None:
        self.over = sorted([(start, until) for start, until in spans if until is not None])
        self.lasting = [start for start, until in spans if until is None]
        self.lasts_from = min(self.lasting, default=NEVER)
        self.joined = merged(self.over) if len(self.over) > 1 else self.over
        self._rested = NO_REST

    def next_at(self, at: datetime) -> datetime:
        """Since when the clock rests that rests first from an instant on, or rests by then."""
        index = bisect_right(self.joined, at, key=_TO)
        if index == len(self.joined):
            return self.lasts_from
        return min(self.joined[index][0], self.lasts_from)

    def owed_from(self, at: datetime) -> datetime:
        """An instant, or the end of the rest in which it lies if that has an end."""
        index = bisect_right(self.joined, at, key=_TO)
        rests = index < len(self.joined) and self.joined[index][0] <= at
        return self.joined[index][1] if rests else at

    def before(self, at: datetime) -> Rest:
        """The pauses before an instant at which the clock does not rest."""
        index = bisect_left(self.over, at, key=_FROM)
        if index != len(self._rested.over):
            # Kept: all cycles between one pause and the next have the same ones behind them.
            self._rested = Rest(tuple(self.over[:index]))
        return self._rested

    @property
    def spans(self) -> Spans:
        """All of it."""
        return [*self.over, *((start, None) for start in self.lasting)]

    def following(self, rest: Rest, end: datetime | None, at: datetime) -> list[Interval]:
        """The pauses of a cycle with that rest and end that are not over by an instant, joined."""
        if end is not None and self.lasts_from < end:
            first = bisect_left(rest.over, self.next_at(at), key=_FROM)
            return joined(rest.over[first:], at)
        index = bisect_right(self.joined, at, key=_TO)
        if end is None:
            return self.joined[index:]
        found = self.joined[index : bisect_left(self.joined, end, key=_FROM)]
        if found and found[-1][1] > end:
            found[-1] = (found[-1][0], end)
        return found

    def until(self, end: datetime | None) -> Rest:
        """The pauses of a cycle that ended then, or did not end; after its end nothing rests."""
        over, lasting = self.over, self.lasting
        if end is None:
            return Rest(tuple(over), self.lasts_from if lasting else None)
        # What lasted counts up to the end. Only a pause that reaches beyond the end is cut off
        # there: to look at every pause for every cycle is quadratic.
        known = over[: bisect_left(over, end, key=_FROM)]
        index = bisect_right(self.joined, end, key=_TO)
        if index < len(self.joined) and self.joined[index][0] < end:
            first = bisect_left(known, self.joined[index][0], key=_FROM)
            known[first:] = [(start, min(until, end)) for start, until in known[first:]]
        elif end <= self.lasts_from:
            return Rest(tuple(known))
        known += [(start, end) for start in lasting if start < end]
        return Rest(tuple(sorted(known)))


def joined(pauses: Sequence[Interval], start: datetime) -> list[Interval]:
    """The pauses that are not over by an instant, in order, none of which meets another."""
    return merged([each for each in pauses if each[1] > start]) if pauses else []
