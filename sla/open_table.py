"""A stretch of a calendar worked out once: when it is open, and how much so far, for bisection.

With running totals, *elapsed* and *due* are the same function read in two directions: `used` gives
the open time before an instant, `earliest` and `latest` the instant for an amount of open time.

The totals are kept by weeks and, within a week, by spans. Weeks that are alike are one object: a
table of fifteen years holds 784 totals and 15 weeks or so, and takes half the time of one that has
an opening and a total for each of 3,750 spans. Questions win, too: a division tells the week of an
instant, so that `elapsed` takes 0.75 us, where it took 1.2 with searches among all spans.

The lists hold timedeltas, not integers. Those are compared and added in C as fast as integers
(20 ns), while the way from a datetime to an integer and back took 0.6 us, as long as the question.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import accumulate, repeat
from zoneinfo import ZoneInfo

from sla.interval import SpanAt, clipped
from sla.weekly_spans import DAYS, Week
from sla.zones import NOTHING, ahead_by_day, is_named

# Of so many zones a table keeps the clocks, if it is no longer than that: one of each day of two
# centuries took 14 ms and 0.8 MB. Instants of any other are asked for their offsets.
_ZONES, _LONGEST = 8, timedelta(days=20 * 366)

_Clock = tuple[datetime, Sequence[timedelta | None]]
"""A reading of a zone's clock, and how far ahead of UTC it is on each day after: see `_since`."""


@lru_cache(maxsize=16)
def _begins(count: int, days: int) -> Sequence[timedelta]:
    """The multiples of so many days from none on: those of one table serve all of its length."""
    return list(accumulate(repeat(timedelta(days), count - 1), initial=NOTHING))


class OpenTable:
    """The open spans within `[first, last]`; never changed. Instants are datetimes in UTC.

    `elapsed` and `due` take aware datetimes of any zone.

    Args:
        first, last: the range for which the table is exact.
        begin: when the first week begins, not after `first`.
        weeks: one after the other until after `last`, each with the open time within its days.
        days: how long each of them is.
    """

    __slots__ = (
        "_clocks",
        "_days",
        "_first",
        "_last",
        "_totals",
        "_week",
        "begin",
        "begins",
        "first",
        "last",
        "total",
        "weeks",
    )

    def __init__(
        self,
        first: datetime,
        last: datetime,
        begin: datetime,
        weeks: Sequence[Week],
        days: int = DAYS,
    ) -> None:
        self.first = first
        self.last = last
        self._days, self._week = days, timedelta(days=days)
        self._first, self._last = first - begin, last - begin
        self.weeks = weeks
        self.begin = begin
        self.begins = _begins(len(weeks), days)
        """From the beginning of the first week to that of each."""
        self._totals = list(accumulate([week.total for week in weeks], initial=NOTHING))
        """Open time before each week; the last figure is that of the whole table."""
        self.total = self._totals[-1]
        self._clocks: dict[ZoneInfo, _Clock] = {}

    @classmethod
    def of(cls, first: datetime, last: datetime, spans: Iterable[SpanAt]) -> OpenTable:
        """A table of few spans, without weeks."""
        within = [(from_ - first, to - first) for from_, to in clipped(spans, first, last)]
        return cls(first, last, first, [Week.of((within,))], (last - first).days + 1)

    @property
    def length(self) -> timedelta:
        """From its first instant to its last."""
        return self.last - self.first

    def used(self, at: datetime) -> timedelta:
        """Open time from the table's beginning to an instant."""
        since = at - self.begin
        place = since.days // self._days
        week = self.weeks[place]
        since -= self.begins[place]
        index = bisect_right(week.opens, since)
        used = self._totals[place] + week.totals[index]
        if (closes := week.closes[index]) > since:
            used -= closes - since
        return used

    # The two questions of nearly all callers are `used` and `earliest` put together, written out: a
    # call or two less, and `due` searches for no week when it is the same. Together that is a fifth
    # of their time. Of an instant they need nothing but how long it is after the first week's
    # beginning, whatever its zone: to see first whether the table holds it, and in UTC, took them a
    # tenth longer.

    def elapsed(self, from_: datetime, to: datetime) -> timedelta | None:
        """Open time between two instants of any zones: `used(to) - used(from_)`.

        Below zero when they are in the other order; None unless the table holds both.
        """
        if type(zone := from_.tzinfo) is ZoneInfo and to.tzinfo is zone:
            since, until = self._both_since(from_, to, zone)
        else:
            since, until = from_ - self.begin, to - self.begin
        if not (
            self._first <= since <= until <= self._last
            or self._first <= until <= since <= self._last
        ):
            return None
        place = since.days // self._days
        week = self.weeks[place]
        since -= self.begins[place]
        index = bisect_right(week.opens, since)
        before = self._totals[place] + week.totals[index]
        if (closes := week.closes[index]) > since:
            before -= closes - since
        place = until.days // self._days
        week = self.weeks[place]
        until -= self.begins[place]
        index = bisect_right(week.opens, until)
        used = self._totals[place] + week.totals[index]
        if (closes := week.closes[index]) > until:
            used -= closes - until
        return used - before

    def due(self, at: datetime, amount: timedelta) -> datetime | None:
        """The first instant by which an amount above zero was used: `earliest(used(at) + amount)`.

        None when the table does not hold the instant, of any zone, or not that much.
        """
        begins, totals = self.begins, self._totals
        zone = at.tzinfo
        since = self._since(at, zone) if type(zone) is ZoneInfo else at - self.begin
        if not self._first <= since <= self._last:
            return None
        place = since.days // self._days
        week = self.weeks[place]
        since -= begins[place]
        index = bisect_right(week.opens, since)
        used = totals[place] + week.totals[index]
        if (closes := week.closes[index]) > since:
            used -= closes - since
        if amount > totals[place + 1] - used:
            if amount > self.total - used:
                return None
            place = bisect_left(totals, used + amount, place + 2) - 1
            week = self.weeks[place]
        used += amount - totals[place]
        index = bisect_left(week.totals, used) - 1
        return self.begin + (begins[place] + (week.opens[index] + (used - week.totals[index])))

    def dues(self, starts: Iterable[datetime], amount: timedelta) -> list[datetime]:
        """`due` for each start, until the first for which that gives None.

        Starts that follow one another lie in one week as a rule: it is looked up once, and what is
        asked of it is at hand. So ten of a few days take half the time of ten calls of `due`. To
        work out beforehand how far ahead the due is from each part of a week took a third off that,
        but would have to be done for each week and each amount.
        """
        found: list[datetime] = []
        place, week, begin = 0, self.weeks[0], self.begin
        opens, closes, totals = week.opens, week.closes, week.totals
        low = high = NOTHING
        for at in starts:
            since = at - begin
            if not low <= since < high:
                since = at - self.begin
                if not self._first <= since <= self._last:
                    break
                place = since.days // self._days
                week, week_begins = self.weeks[place], self.begins[place]
                opens, closes, totals = week.opens, week.closes, week.totals
                begin = self.begin + week_begins
                low = max(self._first - week_begins, NOTHING)
                high = min(self._last - week_begins, self._week)
                since -= week_begins
            index = bisect_right(opens, since)
            used = totals[index]
            if (left := closes[index] - since) > NOTHING:
                if left >= amount:
                    found.append(begin + (since + amount))
                    continue
                used -= left
            used += amount
            if used > week.total:
                used += self._totals[place]
                if used > self.total:
                    break
                found.append(self.earliest(used))
                continue
            index = bisect_left(totals, used) - 1
            found.append(begin + (opens[index] + (used - totals[index])))
        return found

    # To tell an offset takes `ZoneInfo` as long as a fifth of an answer. Between two readings of
    # one zone Python counts on the wall, without offsets: so the table's beginning, read in that
    # zone, tells the day, and the day the offset. With it `elapsed` takes a quarter less.

    def _since(self, at: datetime, zone: ZoneInfo) -> timedelta:
        """`at - self.begin`, of an instant of a zone."""
        clock = self._clocks.get(zone) or self._clock_of(zone)
        if clock is None:
            return at - self.begin
        begin, ahead_on = clock
        since = at - begin
        try:
            ahead = ahead_on[since.days]
        except IndexError:
            ahead = None
        return at - self.begin if ahead is None else since - ahead

    def _both_since(
        self, from_: datetime, to: datetime, zone: ZoneInfo
    ) -> tuple[timedelta, timedelta]:
        """`_since` of two instants of one zone, which takes two calls less."""
        clock = self._clocks.get(zone) or self._clock_of(zone)
        if clock is None:
            return from_ - self.begin, to - self.begin
        begin, ahead_on = clock
        since, until = from_ - begin, to - begin
        try:
            before, after = ahead_on[since.days], ahead_on[until.days]
        except IndexError:
            before = after = None
        if before is None or after is None:
            return from_ - self.begin, to - self.begin
        return since - before, until - after

    def _clock_of(self, zone: ZoneInfo) -> _Clock | None:
        if len(self._clocks) >= _ZONES or self.length > _LONGEST or not is_named(zone):
            return None
        ahead_on = ahead_by_day(zone.key, self.begin, len(self.weeks) * self._days)
        # Python counts a day before the first from the end: nothing is known of it. Two days before
        # and more, whatever is read there leaves the instant outside of the table.
        clock = self._clocks[zone] = self.begin.replace(tzinfo=zone), [*ahead_on, None]
        return clock

    def earliest(self, used: timedelta) -> datetime:
        """The first instant by which that much was used, 0 < used <= total.

        A span that is used up exactly gives its closing instant.
        """
        place = bisect_left(self._totals, used) - 1
        week = self.weeks[place]
        used -= self._totals[place]
        index = bisect_left(week.totals, used) - 1
        since = self.begins[place] + week.opens[index]
        return self.begin + (since + (used - week.totals[index]))

    def latest(self, used: timedelta) -> datetime:
        """The last instant until which no more was used, 0 <= used < total: mirrors `earliest`."""
        place = bisect_right(self._totals, used) - 1
        week = self.weeks[place]
        used -= self._totals[place]
        index = bisect_right(week.totals, used) - 1
        since = self.begins[place] + week.opens[index]
        return self.begin + (since + (used - week.totals[index]))

    def is_open(self, at: datetime) -> bool:
        """Whether it is open at an instant; at closing time it is not."""
        since = at - self.begin
        place = since.days // self._days
        week = self.weeks[place]
        since -= self.begins[place]
        return week.closes[bisect_right(week.opens, since)] > since

    def open_from(self, at: datetime) -> datetime | None:
        """The instant itself when open, else the next opening; None when the table has none."""
        if self.is_open(at):
            return at
        used = self.used(at)
        return self.latest(used) if used < self.total else None

    def open_until(self, at: datetime) -> datetime | None:
        """The instant itself when open just before it, else the closing before; mirrors the above.

        None when the table has none.
        """
        used = self.used(at)
        return self.earliest(used) if used else None

    def between(self, from_: datetime, to: datetime) -> list[SpanAt]:
        """The open spans within `[from_, to)`."""
        low, high = (from_ - self.begin).days // self._days, (to - self.begin).days // self._days
        found: list[SpanAt] = []
        for place in range(low, high + 1):
            begin, week = self.begin + self.begins[place], self.weeks[place]
            first = max(bisect_right(week.opens, from_ - begin) - 1, 0)
            last = bisect_left(week.opens, to - begin)
            ends = zip(week.opens[first:last], week.closes[first + 1 : last + 1], strict=True)
            spans = [(begin + opens, begin + closes) for opens, closes in ends]
            if found and spans and found[-1][1] == spans[0][0]:
                # One that is open from one week to the next lies in both.
                spans[0] = found.pop()[0], spans[0][1]
            found += spans
        return clipped(found, from_, to)
