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

from sla.interval import Span, SpanAt, clipped, merged, subtracted
from sla.opening import Shift
from sla.zones import DAY, FIRST_AT, LAST_AT, MINUTE, NOTHING, ZoneClock, from_micros

DAYS = 7
"""Of a week."""
WEEK = timedelta(days=DAYS)

# So long before their first opening weeks begin, or in the middle of the closed time before it if
# that is shorter. Then hardly a change of the clocks moves an opening into another week, and hardly
# do the hours of a single date reach into one. Where they do, spans are cut: see `_carried`.
_LEAD = 6 * 60 * MINUTE

_LONG_BEFORE = FIRST_AT - LAST_AT

SpanIn = tuple[timedelta, timedelta]
"""From (included) to (excluded), counted from the beginning of a week."""
_Days = tuple[Sequence[SpanIn], ...]


class Week:
    """The open spans of a week, or of any stretch, counted from its beginning; never changed.

    Args:
        days: the spans by the day that names them, in any order; they may overlap or touch.
    """

    __slots__ = ("closes", "days", "opens", "total", "totals")

    def __init__(self, days: _Days) -> None:
        spans = list(chain.from_iterable(days))
        opens, closes = [from_ for from_, _ in spans], [to for _, to in spans]
        if any(map(ge, closes, opens[1:])):
            spans = merged(spans)
            opens, closes = [from_ for from_, _ in spans], [to for _, to in spans]
        self.days = days
        self.opens = opens
        self.closes = [_LONG_BEFORE, *closes]
        """The closing before each opening, long ago for the first, and the last closing."""
        self.totals: list[timedelta] = list(accumulate(map(sub, closes, opens), initial=NOTHING))
        """Open time before each opening, and in all."""
        self.total = self.totals[-1]

    @property
    def spans(self) -> list[SpanIn]:
        """Its spans, which neither overlap nor touch."""
        return list(zip(self.opens, self.closes[1:], strict=True))

    @property
    def overlong(self) -> bool:
        """Whether a span lies outside of seven days."""
        return bool(self.opens) and (self.opens[0] < NOTHING or self.closes[-1] > WEEK)


_NEVER = Week(((),) * DAYS)


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
        self._overlong = False

    def apart(self, days: Iterable[int]) -> list[int]:
        """Those of the days whose spans fill no time but that between the day's own midnights, in
        which no other day's spans lie.

        Then to close the day is to leave out its spans, which nothing has to be converted for.
        That is so where all ends are of one zone and their shift's own date; but around a change of
        the clocks, where a time that is skipped is read as a later one, nobody is sure of midnight.
        """
        shifts = chain.from_iterable((*self._weekly, *self._special.values()))
        if len(self._clocks) > 1 or any(each.closes > DAY for each in shifts):
            return []
        changes = [wall // DAY for clock in self._clocks.values() for wall in clock.walls]
        unsure = {day + n for n in (-1, 0, 1) for day in changes}
        return [day for day in days if day not in unsure]

    def weeks(
        self,
        first_day: int,
        last_day: int,
        closed: Iterable[int] = (),
    ) -> tuple[datetime, list[Week]]:
        """When the first week begins, and the weeks, each with the spans within its seven days.

        Args:
            first_day, last_day: day numbers; the spans that start on these days and those between
                are all there, and more until the weeks are whole.
            closed: days, none of them special, whose spans are left out.
        """
        first_day -= self._place(first_day)
        count = -((first_day - last_day - 1) // DAYS)
        begin = first_day * DAY + self._begin
        weeks, alone = self._regular(first_day, count)
        for day in alone:
            index, place = divmod(day - first_day, DAYS)
            spans = self._on(day, begin + index * DAYS * DAY)
            weeks[index] = self._with(weeks[index], place, spans)
        for day in closed:
            index, place = divmod(day - first_day, DAYS)
            week = weeks[index]
            if week.days[place]:
                weeks[index] = self._made.get((week, place)) or self._without(week, place)
        return from_micros(begin), _carried(weeks) if self._overlong else weeks

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

    # Few weeks differ, so they are looked up: a holiday takes 0.2 us, and a week made anew 4.

    def _joined(self, week: Week, later: Week, place: int) -> Week:
        """One week until a day, and from it on another."""
        key = week, later, place
        if key not in self._made:
            self._made[key] = self._new((*week.days[:place], *later.days[place:]))
        return self._made[key]

    def _without(self, week: Week, place: int) -> Week:
        """A week without the spans of one of its days."""
        made = self._made[week, place] = self._with(week, place, ())
        return made

    def _with(self, week: Week, place: int, spans: Sequence[SpanIn]) -> Week:
        """A week with other spans on one of its days."""
        return self._new((*week.days[:place], spans, *week.days[place + 1 :]))

    def _new(self, days: _Days) -> Week:
        week = Week(days)
        self._overlong = self._overlong or week.overlong
        return week

    def _on(self, day: int, begin: int) -> list[SpanIn]:
        """The spans that start on one day, each end converted, in a week that begins then."""
        shifts = self._special.get(day, self._weekly[self._place(day)])
        spans = merged(each.on(day * DAY, self._clocks) for each in shifts)
        return _counted_from(begin, spans)

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


def without(begin: datetime, weeks: Sequence[Week], holes: Iterable[SpanAt]) -> list[Week]:
    """Weeks in a row, the first of which begins at an instant, with holes cut out of them.

    What is left of a week is worked out once for all that lose the same of it.
    """
    left = list(weeks)
    known: dict[tuple[Week, timedelta, timedelta], Week] = {}
    for from_at, to_at in holes:
        low, high = ((at - begin).days // DAYS for at in (from_at, to_at))
        for index in range(max(low, 0), min(high + 1, len(left))):
            begins = begin + index * WEEK
            key = left[index], from_at - begins, to_at - begins
            if key not in known:
                known[key] = _left_of(*key)
            left[index] = known[key]
    return left


def _left_of(week: Week, from_: timedelta, to: timedelta) -> Week:
    if from_ <= NOTHING and to >= WEEK:
        return _NEVER
    return Week((subtracted(week.spans, [(from_, to)]),))


def _counted_from(begin: int, spans: Iterable[Span]) -> list[SpanIn]:
    return [(timedelta(0, 0, from_ - begin), timedelta(0, 0, to - begin)) for from_, to in spans]


def _carried(weeks: Sequence[Week]) -> list[Week]:
    """The same spans, cut where weeks begin, and each part in the week in which it lies."""
    known: dict[tuple[Week, Week, Week], Week] = {}
    carried = []
    for near in zip((_NEVER, *weeks), weeks, (*weeks[1:], _NEVER), strict=False):
        if near not in known:
            known[near] = _within_seven_days(*near)
        carried.append(known[near])
    return carried


def _within_seven_days(before: Week, week: Week, after: Week) -> Week:
    spans = [(from_ - WEEK, to - WEEK) for from_, to in before.spans]
    spans += week.spans
    spans += [(from_ + WEEK, to + WEEK) for from_, to in after.spans]
    return Week((clipped(spans, NOTHING, WEEK),))


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
