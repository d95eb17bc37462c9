"""What was promised, and by when: due instants around pauses, goals picked anew."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from operator import itemgetter

import msgspec

from sla.calendar import Calendar
from sla.contract import BusinessDays, Goal
from sla.interval import merged
from sla.mapping import Coverage
from sla.resting import Interval, joined

NOTHING = timedelta(0)
_TICK = timedelta(microseconds=1)
_FROM, _TO = itemgetter(0), itemgetter(1)
_PAUSES = 8
"""So many are tried first: few deadlines are beyond more of them."""


class Promise(msgspec.Struct, frozen=True, gc=False):
    """What was promised from an instant on, and why; the first is what the customer was told."""

    since_at: datetime
    coverage: Coverage
    goal: Goal
    used_before: timedelta
    """Open time that was used up when this promise began to hold."""
    goal_time: timedelta
    """The whole goal as open time of its calendar, the time used before included."""
    due_at: datetime

    def when_used(self, amount: timedelta, pauses: Sequence[Interval]) -> datetime:
        """The instant at which `amount` of open time, counted from the clock's start, is used."""
        left = amount - self.used_before
        return due_around(self.goal.calendar, self.since_at, left, pauses)


class Kept:
    """The promises of one cycle so far, and the pauses after its start, joined."""

    __slots__ = ("_used", "pauses", "promises")

    def __init__(self, pauses: Sequence[Interval] = ()) -> None:
        self.pauses = pauses
        self.promises: list[Promise] = []
        self._used: list[timedelta] = []
        """The most that was used by the end of each, once somebody asked."""

    def used_up_at(self, goal_time: timedelta, picked_at: datetime) -> datetime | None:
        """When a goal was used up that is used up as it is picked: on the hours of those before it.

        None where no earlier promise held while its time was used. What each promise used is
        counted once: to ask all of them again for each goal that is picked was quadratic, 102 us
        an event at 2,000 events with a change of severity in each ten.
        """
        promises, used = self.promises, self._used
        for number in range(len(used), len(promises)):
            promise = promises[number]
            end = promises[number + 1].since_at if number + 1 < len(promises) else picked_at
            by_end = elapsed(promise.goal.calendar, promise.since_at, end, self.pauses)
            used.append(max([promise.used_before + by_end, *used[-1:]]))
        number = bisect_left(used, goal_time)
        if number == len(used) or promises[number].used_before >= goal_time:
            return None
        promise = promises[number]
        left = goal_time - promise.used_before
        return due(promise.goal.calendar, promise.since_at, left, self.pauses)


def promised(
    since_at: datetime,
    coverage: Coverage,
    goal: Goal,
    used: timedelta,
    started_at: datetime,
    earlier: Kept,
) -> Promise:
    """The promise of a goal that is picked at an instant, when some of its time was used already.

    Args:
        since_at: when it is picked.
        coverage: that it belongs to.
        goal: what is promised.
        used: the open time used before.
        started_at: when the clock started.
        earlier: the promises before it in the same cycle, and the cycle's pauses.
    """
    calendar, target, pauses = goal.calendar, goal.target, earlier.pauses
    if isinstance(target, BusinessDays) and target.reading != "open_hours":
        # These readings name a day, not an amount: they count from the clock's own start.
        ask = partial(calendar.business_days, started_at, target.days, target.reading)
        due_at = _without(pauses, started_at, ask)
        goal_time = used + elapsed(calendar, since_at, due_at, pauses)
        return Promise(since_at, coverage, goal, used, goal_time, due_at)
    goal_time = goal.open_time
    if goal_time > used:
        due_at = due(calendar, since_at, goal_time - used, pauses)
    elif used_up_at := earlier.used_up_at(goal_time, since_at):
        due_at = used_up_at
    else:
        # What was used was counted on this goal's own hours, from the clock's start on.
        before = due(calendar, since_at, goal_time - used - _TICK, pauses) + _TICK
        due_at = max(before, started_at)
    return Promise(since_at, coverage, goal, used, goal_time, due_at)


# An issue may rest hundreds of times, and those pauses that cannot matter are left out: all pauses
# for each promise of each cycle made a fold quadratic, 48 us an event at 6,000 events and 9 at 333.
# Forwards, a calendar is asked around each pause without being given any: that takes half the time
# of its own walk around pauses that it has to put in order first.


def due_around(
    calendar: Calendar, start: datetime, amount: timedelta, pauses: Sequence[Interval]
) -> datetime:
    """When an amount of open time is used up from a start on, whatever pauses there are."""
    if not pauses:  # as of most issues
        return calendar.due(start, amount)
    around = joined(pauses, start) if amount > NOTHING else merged(pauses)
    return due(calendar, start, amount, around)


def due(
    calendar: Calendar, start: datetime, amount: timedelta, joined: Sequence[Interval]
) -> datetime:
    """When an amount of open time is used up, without the joined pauses."""
    if amount < NOTHING:
        return _due_before(calendar, start, amount, joined)
    if not (amount and joined):
        return calendar.due(start, amount, joined)
    for paused_at, until_at in islice(joined, bisect_right(joined, start, key=_TO), None):
        # So much open time is at least so much time: of most pauses that tells, without asking for
        # a deadline, that they begin before it is used up. Of an issue that rests now and then half
        # of the deadlines were asked for only to see that. (In one zone that changes its clocks,
        # Python takes the times on the wall from one another.)
        may_be_used = start.tzinfo is not UTC or amount <= paused_at - start
        if may_be_used and (at := calendar.due(start, amount)) <= paused_at:
            return at
        amount += calendar.elapsed(max(paused_at, start), until_at)
    return calendar.due(start, amount)


def _due_before(
    calendar: Calendar, start: datetime, amount: timedelta, joined: Sequence[Interval]
) -> datetime:
    """The same backwards, of a negative amount."""
    last, many = bisect_right(joined, start, key=_FROM), _PAUSES
    while True:
        first = max(last - many, 0)
        at = calendar.due(start, amount, joined[first:last])
        if first == 0 or at > joined[first - 1][1]:
            return at
        many *= 4


def _without(
    joined: Sequence[Interval], start: datetime, ask: Callable[[Sequence[Interval]], datetime]
) -> datetime:
    """What a calendar says about the time from a start on; later pauses are left out."""
    first, many = bisect_right(joined, start, key=_TO), _PAUSES
    while True:
        at = ask(joined[first : first + many])
        if first + many >= len(joined) or at <= joined[first + many][0]:
            return at
        many *= 4


def elapsed(
    calendar: Calendar,
    start: datetime,
    end: datetime,
    joined: Sequence[Interval],
    resting_since: datetime | None = None,
) -> timedelta:
    """Open time between two instants, without the pauses and the rest that lasts since then."""
    if end < start:
        return -elapsed(calendar, end, start, joined)
    if resting_since is not None and resting_since < end:
        end = max(start, resting_since)
    used = calendar.elapsed(start, end)
    if joined:
        first, last = bisect_right(joined, start, key=_TO), bisect_left(joined, end, key=_FROM)
        for paused_at, until_at in joined[first:last]:
            used -= calendar.elapsed(max(paused_at, start), min(until_at, end))
    return used
