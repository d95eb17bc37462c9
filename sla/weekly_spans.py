"""The open spans of many years at once, by weeks: weeks that are alike are one object.

Between two changes of the clocks each week's spans are those of the week before, seven days later.
So only the days on which a change falls between openings and closings, and the dates with hours of
their own, are converted; and a span costs nothing by itself, as the 784 weeks of fifteen years of
office hours with 188 holidays are about 15 objects.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import accumulate, chain, pairwise
from operator import ge, sub

from sla.interval import Span, merged
from sla.opening import Shift
from sla.zones import DAY, FIRST_AT, LAST, LAST_AT, MINUTE, NOTHING, ZoneClock, from_micros

DAYS = 7
"""Of a week."""
WEEK = timedelta(days=DAYS)

# So long before their first opening weeks begin, or in the middle of the closed time before it if
# that is shorter. Then hardly a change of the clocks moves an opening into another week, and hardly
# do the hours of a single date reach into one. Where they do, spans are cut: see `_carried`.
_LEAD = 6 * 60 * MINUTE

_NEVER_READ = LAST + 9 * DAY
"""A reading of a clock later than any holiday's."""

_LONG_BEFORE, _LONG_AFTER = FIRST_AT - LAST_AT, LAST_AT - FIRST_AT

DAYS_AFTER, DAYS_BEFORE = 4, 2
"""No shift ends more days than this after the date that names it, nor begins more before it, even
with ends in zones on both sides of the date line."""

SpanIn = tuple[timedelta, timedelta]
"""From (included) to (excluded), counted from the beginning of a week."""
_Spans = tuple[SpanIn, ...]
_Days = tuple[Sequence[SpanIn], ...]


class Week:
    """The open spans of a week, or of any stretch, counted from its beginning; never changed.

    Args:
        opens, closes: the ends of spans in order, which neither overlap nor touch.
        days: the same spans by the day that names them, where someone will ask for that.
    """

    __slots__ = ("closes", "days", "opens", "total", "totals")

    def __init__(self, opens: list[timedelta], closes: list[timedelta], days: _Days = ()) -> None:
        self.days = days
        self.opens = opens
        self.closes = [_LONG_BEFORE, *closes]
        """The closing before each opening, long ago for the first, and the last closing."""
        self.totals: list[timedelta] = list(accumulate(map(sub, closes, opens), initial=NOTHING))
        """Open time before each opening, and in all."""
        self.total = self.totals[-1]

    @classmethod
    def of(cls, days: _Days) -> Week:
        """A week of spans in any order, which may overlap or touch."""
        spans = list(chain.from_iterable(days))
        opens, closes = [from_ for from_, _ in spans], [to for _, to in spans]
        if any(map(ge, closes, opens[1:])):
            spans = merged(spans)
            opens, closes = [from_ for from_, _ in spans], [to for _, to in spans]
        return cls(opens, closes, days)

    @property
    def overlong(self) -> bool:
        """Whether a span lies outside of seven days."""
        return bool(self.opens) and (self.opens[0] < NOTHING or self.closes[-1] > WEEK)

    def within(self, from_: timedelta, to: timedelta) -> tuple[SpanIn, ...]:
        """The part of its spans within `[from_, to)`."""
        opens, closes = self.opens, self.closes
        first, last = bisect_right(closes, from_) - 1, bisect_left(opens, to)
        if first >= last:
            return ()
        spans = list(zip(opens[first:last], closes[first + 1 : last + 1], strict=True))
        spans[0] = max(spans[0][0], from_), spans[0][1]
        spans[-1] = spans[-1][0], min(spans[-1][1], to)
        return tuple(spans)

    def without(self, from_: timedelta, to: timedelta) -> Week:
        """What is left of it when a hole is cut out: itself where there is nothing to cut."""
        opens, closes = self.opens, self.closes
        first, last = bisect_right(closes, from_) - 1, bisect_left(opens, to)
        if first >= last:
            return self
        opens_left, closes_left = opens[:first], closes[1 : first + 1]
        if opens[first] < from_:
            opens_left.append(opens[first])
            closes_left.append(from_)
        if closes[last] > to:
            opens_left.append(to)
            closes_left.append(closes[last])
        return Week(opens_left + opens[last:], closes_left + closes[last + 1 :])


class WeeklySpans:
    """The spans of weekly hours and of special days, before holidays are cut out.

    Args:
        weekly: by weekday, the shifts that start on it; there are some.
        special: by day number, the shifts that start on the dates to which those do not apply.
        clocks: by name, the clocks of all their zones, exact for the days asked for.
    """

    def __init__(
        self,
        weekly: Sequence[Sequence[Shift]],
        special: Mapping[int, Sequence[Shift]],
        clocks: Mapping[str, ZoneClock],
    ) -> None:
        self._special = special
        self._clocks = clocks
        self._first_weekday, self._begin = _beginning(weekly)
        # From here on the days of a week are counted from that weekday.
        self._weekly = (*weekly[self._first_weekday :], *weekly[: self._first_weekday])
        self._ends = [_first_and_last_end(shifts) for shifts in self._weekly]
        self._next_ends = self._ends_from_each_day()
        self._rounded = [self._round(place) for place in range(DAYS)]
        self._made: dict[tuple[object, ...], Week] = {}
        self._made_near: dict[tuple[object, ...], list[Week]] = {}
        self._overlong = False

    def weeks(
        self,
        first_day: int,
        last_day: int,
        holidays: Sequence[int] = (),
        clock: ZoneClock | None = None,
    ) -> tuple[datetime, list[Week]]:
        """When the first week begins, and the weeks, each with the spans within its seven days.

        Args:
            first_day, last_day: day numbers; the spans that start on these days and those between
                are all there, and more until the weeks are whole.
            holidays: days in order, none of them special, at least a week after the first day and
                before the last one.
            clock: the one from whose midnight to midnight a holiday is closed; without it the
                shifts that start on a holiday are left out.
        """
        first_day -= self._place(first_day)
        count = -((first_day - last_day - 1) // DAYS)
        begin = first_day * DAY + self._begin
        weeks, alone = self._regular(first_day, count)
        for day in sorted(alone):
            index, place = divmod(day - first_day, DAYS)
            spans = self._on(day, begin + index * DAYS * DAY)
            weeks[index] = self._with(weeks[index], place, spans)
        if clock is not None:
            self._cut_out(holidays, clock, first_day, weeks)
        else:
            for day in holidays:
                index, place = divmod(day - first_day, DAYS)
                weeks[index] = self._with(weeks[index], place, ())
        return from_micros(begin), _carried(weeks) if self._overlong else weeks

    def _cut_out(
        self, holidays: Sequence[int], clock: ZoneClock, first_day: int, weeks: list[Week]
    ) -> None:
        """Close local days, in order, from midnight to midnight."""
        alone = self._named_by_one_week()
        closed: dict[int, dict[tuple[Week, int], Week]] = {each: {} for each in clock.offsets}
        others: list[int] = []
        begun = 0
        for offset, wall in zip(clock.offsets, (*clock.walls, _NEVER_READ), strict=True):
            # Between two changes of the clock a week and a place in it tell all that there is to
            # know of a holiday, or that week and those beside it: nobody looks at the clock.
            end = bisect_left(holidays, wall // DAY - 1, begun)
            known = closed[offset]
            for day in holidays[begun:end]:
                index, place = divmod(day - first_day, DAYS)
                if (left := known.get(key := (weeks[index], place))) is not None:
                    weeks[index] = left
                elif place in alone:
                    weeks[index] = known[key] = self._left_of(*key, offset, offset)
                else:
                    near = slice(index - 1, index + 2)
                    weeks[near] = self._left_near(tuple(weeks[near]), place, offset)
            begun = bisect_left(holidays, wall // DAY + 2, end)
            others += holidays[end:begun]
        for day in others:
            index, place = divmod(day - first_day, DAYS)
            midnights = day * DAY, day * DAY + DAY
            offset, next_offset = (clock.offsets[bisect_right(clock.walls, at)] for at in midnights)
            for n in range((place - DAYS_AFTER) // DAYS, (place + DAYS_BEFORE) // DAYS + 1):
                left = self._left_of(weeks[index + n], place - n * DAYS, offset, next_offset)
                weeks[index + n] = left

    def _named_by_one_week(self) -> range:
        """The places of days on which nothing runs but what is named by a day of their own week.

        That is so away from changes of the clocks; around them a time that is skipped is read as
        a later one.
        """
        if len(self._clocks) > 1:
            return range(DAYS_AFTER, DAYS - DAYS_BEFORE)
        shifts = chain.from_iterable((*self._weekly, *self._special.values()))
        return range(max((each.closes - 1) // DAY for each in shifts), DAYS)

    def _left_of(self, week: Week, place: int, offset: int, next_offset: int) -> Week:
        """A week without the local day at a place, whose two midnights have these offsets.

        Samoa, for which the date line was moved, had no 30 December 2011: it holds no time, and
        would cut a span in two where it stands.
        """
        key = week, place, offset, next_offset
        if key not in self._made:
            midnight = place * DAY - self._begin
            from_ = timedelta(0, 0, midnight - offset)
            to = timedelta(0, 0, midnight + DAY - next_offset)
            self._made[key] = week.without(from_, to) if from_ < to else week
        return self._made[key]

    def _left_near(self, near: tuple[Week, ...], place: int, offset: int) -> list[Week]:
        """Three weeks without the local day at a place of the middle one."""
        key = near, place, offset
        if key not in self._made_near:
            self._made_near[key] = [
                self._left_of(week, place - n * DAYS, offset, offset)
                for n, week in enumerate(near, -1)
            ]
        return self._made_near[key]

    def _regular(self, first_day: int, count: int) -> tuple[list[Week], list[int]]:
        """So many weeks, and the days that are not right yet: their hours have to be converted."""
        end = first_day + count * DAYS
        alone = set(self._special)
        cuts = {first_day, end}
        longest = max(last for _, last in self._ends)
        for clock in self._clocks.values():
            low = bisect_left(clock.walls, first_day * DAY)
            for wall in clock.walls[low : bisect_right(clock.walls, end * DAY + longest)]:
                cuts.add(self._cut(wall, longest, alone))
        weeks: list[Week] = []
        begun = 0
        for day, following in pairwise(sorted(day for day in cuts if first_day <= day <= end)):
            week = self._week(day)
            if begun:
                weeks[-1] = self._joined(weeks[-1], week, begun)
            until, begun = self._weeks_until(following - first_day)
            weeks += [week] * (until + (begun > 0) - len(weeks))
        return weeks, [day for day in alone if first_day <= day < end]

    def _place(self, day: int) -> int:
        """The place of a day in its week."""
        return (weekday_of(day) - self._first_weekday) % DAYS

    def _weeks_until(self, days: int) -> tuple[int, int]:
        """So many weeks and days, as whole weeks where nothing opens on the days between.

        Clocks change on Sundays: no week of an office has to be put together of two.
        """
        weeks, rest = divmod(days, DAYS)
        rest = self._rounded[rest]
        return (weeks + 1, 0) if rest == DAYS else (weeks, rest)

    def _round(self, place: int) -> int:
        if not any(self._weekly[:place]):
            return 0
        return place if any(self._weekly[place:]) else DAYS

    # Few weeks differ, so they are looked up: to make one anew takes far longer.

    def _joined(self, week: Week, later: Week, place: int) -> Week:
        """One week until a day, and from it on another."""
        key = week, later, place
        if key not in self._made:
            self._made[key] = self._new((*week.days[:place], *later.days[place:]))
        return self._made[key]

    def _with(self, week: Week, place: int, spans: tuple[Span, ...]) -> Week:
        """A week with other spans, counted from its beginning, on one of its days."""
        key = week, place, spans
        if key not in self._made:
            before, on_day, after = week.days[:place], week.days[place], week.days[place + 1 :]
            other = _counted_from(0, spans)
            self._made[key] = week if other == on_day else self._new((*before, other, *after))
        return self._made[key]

    def _new(self, days: _Days) -> Week:
        week = Week.of(days)
        self._overlong = self._overlong or week.overlong
        return week

    def _on(self, day: int, begin: int) -> tuple[Span, ...]:
        """The spans that start on one day, each end converted, counted from the week's begin."""
        shifts = self._special.get(day, self._weekly[self._place(day)])
        spans = merged(each.on(day * DAY, self._clocks) for each in shifts)
        return tuple([(from_ - begin, to - begin) for from_, to in spans])

    def _week(self, day: int) -> Week:
        """The week of the days from a day on; few in all: one for summer, one for winter."""
        reading = day * DAY + self._next_ends[self._place(day)]
        clocks = self._clocks.values()
        offsets = tuple([clock.offsets[bisect_right(clock.walls, reading)] for clock in clocks])
        if offsets not in self._made:
            self._made[offsets] = self._new_week(dict(zip(self._clocks, offsets, strict=True)))
        return self._made[offsets]

    def _new_week(self, offsets: Mapping[str, int]) -> Week:
        begins = range(self._begin, self._begin - DAYS * DAY, -DAY)
        spans = [merged(_ends(shifts, offsets)) for shifts in self._weekly]
        return self._new(tuple(map(_counted_from, begins, spans)))

    def _ends_from_each_day(self) -> list[int]:
        """For each day of a week the next end of a shift, counted on the wall from its midnight."""
        found = [0] * DAYS
        end = 0
        for day in reversed(range(2 * DAYS)):
            first, _ = self._ends[day % DAYS]
            if first >= 0:
                end = day * DAY + first
            found[day % DAYS] = end - day * DAY
        return found

    def _cut(self, wall: int, longest: int, alone: set[int]) -> int:
        """The first day whose hours are all read with the offset after a change of the clocks.

        The ends of a day's shifts are read with one offset when they are all before the change, or
        none is; they are at most `longest` after its midnight. Days on which some are stand alone.
        """
        day, after = -((longest - wall) // DAY), -(-wall // DAY)
        while day < after:
            first, last = self._ends[self._place(day)]
            if day * DAY + first >= wall:
                break
            if day * DAY + last >= wall:
                alone.add(day)
            day += 1
        return day


def trimmed(
    begin: datetime, weeks: Sequence[Week], first: datetime, last: datetime
) -> tuple[datetime, list[Week]]:
    """Of weeks in a row, the first of which begins at an instant, those that hold `[first, last]`.

    What they hold outside of it is cut out of the first and the last one.
    """
    low, high = (first - begin) // WEEK, (last - begin) // WEEK
    left = list(weeks[low : high + 1])
    left[0] = left[0].without(_LONG_BEFORE, first - begin - low * WEEK)
    left[-1] = left[-1].without(last - begin - high * WEEK, _LONG_AFTER)
    return begin + low * WEEK, left


def _counted_from(begin: int, spans: Iterable[Span]) -> list[SpanIn]:
    return [(timedelta(0, 0, from_ - begin), timedelta(0, 0, to - begin)) for from_, to in spans]


def _carried(weeks: Sequence[Week]) -> list[Week]:
    """The same spans, cut where weeks begin, and each part in the week in which it lies.

    Few kinds of week reach over their edges, and only those and their neighbours are made anew.
    """
    kinds = set(weeks)
    early = {week: week.within(_LONG_BEFORE, NOTHING) for week in kinds}
    late = {week: week.within(WEEK, _LONG_AFTER) for week in kinds}
    from_before = [(), *map(late.__getitem__, weeks[:-1])]
    from_after = [*map(early.__getitem__, weeks[1:]), ()]
    known: dict[tuple[_Spans, Week, _Spans], Week] = {}
    carried = []
    for near in zip(from_before, weeks, from_after, strict=True):
        if near not in known:
            known[near] = _within_seven_days(*near)
        carried.append(known[near])
    return carried


def _within_seven_days(late: _Spans, week: Week, early: _Spans) -> Week:
    """A week with what the one before has after its end and the next one before its beginning."""
    if not (late or early or week.overlong):
        return week
    from_before = [(from_ - WEEK, to - WEEK) for from_, to in late]
    from_after = [(from_ + WEEK, to + WEEK) for from_, to in early]
    return Week.of((from_before, week.within(NOTHING, WEEK), from_after))


def _beginning(weekly: Sequence[Sequence[Shift]]) -> tuple[int, int]:
    """The weekday before whose first opening it is closed the longest, and when weeks begin there.

    The latter in microseconds from midnight UTC of that weekday's date.
    """
    hours = [(day, [each.nominal() for each in weekly[day]]) for day in range(DAYS) if weekly[day]]
    closed_at = max(day * DAY + to for day, spans in hours for _, to in spans) - DAYS * DAY
    longest, found = -DAYS * DAY, (0, 0)
    for day, spans in hours:
        opens = min(spans)[0]
        closed = day * DAY + opens - closed_at
        if closed > longest:
            longest, found = closed, (day, opens - min(max(closed, 0) // 2, _LEAD))
        closed_at = day * DAY + max(to for _, to in spans)
    return found


def _first_and_last_end(shifts: Sequence[Shift]) -> tuple[int, int]:
    """On the wall from midnight, whatever their zones; before midnight where there is none."""
    ends = [end for each in shifts for end in (each.opens, each.closes)]
    return (min(ends), max(ends)) if ends else (-1, -1)


def _ends(shifts: Iterable[Shift], offsets: Mapping[str, int]) -> list[Span]:
    return [
        (each.opens - offsets[each.opens_zone], each.closes - offsets[each.closes_zone])
        for each in shifts
    ]


def weekday_of(day: int) -> int:
    """The weekday, 0 is Monday, of a day number; 1970-01-01 was a Thursday."""
    return (day + 3) % 7
