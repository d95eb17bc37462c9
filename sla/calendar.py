"""When a promise's clock runs: due instants, elapsed open time and business days of a calendar.

Rules decided here, each with its reason (the ends of one opening: `sla.opening`):

- Open spans are half-open: at its closing instant a calendar is closed, so that no instant counts
  twice where two spans touch.
- A length is real seconds: 00:00 to 08:00 is 7 or 9 hours on the days the clocks change, because
  that is how long people had.
- An amount used up exactly at closing time is due at closing time, not at the next opening: the
  promise was for that day. `due` gives the earliest instant at which the amount is used, and so
  `elapsed(s, due(s, n)) == n` for every calendar.
- A holiday closes the local day from midnight to midnight whatever shift runs into it (`civil`),
  since that is what a list of holidays says; a calendar of named shifts can say `start_day`
  instead: the shifts that start on the holiday do not take place, those of the day before run on.
- Extra days replace what starts on their date, and such a date is no holiday: the calendar's author
  spoke about that very date.
- A pause removes its time from the open time, so one outside hours costs nothing.

Everything is pure. Instants are datetimes in UTC inside, whatever zone they come in; wall clock
readings are integers, see `sla.zones`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from typing import Literal

import msgspec

from sla.errors import CalendarError, NeverOpens, OutOfRange
from sla.interval import SpanAt, clipped, gaps, merged, subtracted
from sla.open_table import OpenTable
from sla.opening import Opening, Shift, WallTime, nominal_length, shift
from sla.weekly_spans import DAYS, DAYS_AFTER, DAYS_BEFORE, WeeklySpans, trimmed, weekday_of
from sla.zones import (
    DAY,
    EPOCH_ORDINAL,
    FIRST,
    FIRST_AT,
    FIRST_YEAR,
    LAST,
    LAST_AT,
    LAST_YEAR,
    NOTHING,
    ZoneClock,
    as_utc,
    check_range,
    check_zone,
    day_number,
    day_of,
    from_micros,
    to_micros,
    zone_clock,
)

__all__ = ["Calendar", "HolidayMode", "Opening", "Reading", "Step", "StepKind", "WallTime"]

HolidayMode = Literal["civil", "start_day"]
Reading = Literal["open_hours", "same_clock", "end_of_day"]
StepKind = Literal["open", "closed", "holiday", "paused"]
Pauses = Sequence[tuple[datetime, datetime]]
_Spanned = tuple[StepKind, str, SpanAt]
"""A step in the making: its kind, its note, its span."""

# A table first reaches from the year before over five years; most promises never need more.
_YEARS_BEFORE, _YEARS = 1, 4

# A stretch of table further away than this is worked out apart from the others: a pause without an
# end is written as one that ends around 2199, and the centuries between are of no interest.
_APART = timedelta(days=20 * 366)

_PLAIN = {datetime}

# More than there is in all years, and little enough to be added up.
_TOO_MUCH = LAST_AT - FIRST_AT + timedelta.resolution


class Step(msgspec.Struct, frozen=True):
    """One span of the way from a start to its due instant, for people to follow."""

    kind: StepKind
    from_at: datetime
    to_at: datetime
    used: timedelta
    """Open time used in it: its length when open, else zero."""
    note: str = ""
    """The holiday's name."""


@dataclass(frozen=True)
class Calendar:
    """Weekly hours, holidays and extra days in a time zone.

    Raises:
        CalendarError: the zone is unknown, or a field makes no sense.
    """

    id: str
    time_zone: str
    """IANA name."""
    weekly: Mapping[int, Sequence[Opening]] = field(default_factory=dict)
    """By weekday, 0 is Monday; a weekday without openings may be left out."""
    holidays: Mapping[date, str] = field(default_factory=dict)
    """Date to name."""
    extra_days: Mapping[date, Sequence[Opening]] = field(default_factory=dict)
    """Date to the openings that start on it, instead of the weekly ones; none closes the date."""
    holiday_mode: HolidayMode = "civil"
    always_open: bool = False
    """Real time: open without end, whatever weekly hours and holidays say."""
    _tables: tuple[OpenTable, ...] = field(default=(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        # Copies, so that nobody changes a calendar after the fact through a dict he kept.
        object.__setattr__(self, "weekly", {k: tuple(v) for k, v in self.weekly.items()})
        by_date = {day: self.holidays[day] for day in sorted(self.holidays)}
        object.__setattr__(self, "holidays", by_date)
        object.__setattr__(self, "extra_days", {k: tuple(v) for k, v in self.extra_days.items()})
        self._check()

    def __hash__(self) -> int:
        return hash((self.id, self.time_zone, self.holiday_mode, self.always_open))

    def __getstate__(self) -> dict[str, object]:
        # What was worked out is not part of the value, and worked out again where it is needed.
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {"_tables": ()}

    # -- what is asked of a calendar ------------------------------------------------------------

    def due(self, start: datetime, amount: timedelta, pauses: Pauses = ()) -> datetime:
        """The instant at which an amount of open time since `start` is used up.

        Args:
            start: aware, any zone.
            amount: open time. Zero gives `start` itself when open, else the next opening. A
                negative amount counts backwards: the latest instant from which `start` is that far.
            pauses: half-open spans that do not count, in any order, overlapping or not.

        Returns:
            The earliest instant at which `elapsed(start, instant, pauses) == amount`, aware UTC.

        Raises:
            NaiveInstant: a datetime has no zone.
            NeverOpens: the calendar has not that much open time.
            OutOfRange: it would be before 1970 or after 2200.
        """
        if not pauses and amount > NOTHING and (tables := self._tables) and type(start) is datetime:
            # Nearly all questions: the table reaches far enough, and there is no pause to walk by.
            try:
                if (found := tables[0].due(start, amount)) is not None:
                    return found
            except TypeError:
                as_utc(start)
                raise
        at = as_utc(start)
        holes = _holes(pauses) if pauses else ()
        amount = min(max(amount, -_TOO_MUCH), _TOO_MUCH)
        if amount > NOTHING:
            return self._forward(at, amount, holes)
        if amount < NOTHING:
            return self._backward(at, -amount, holes)
        return self._open_from(at, holes)

    def dues(self, starts: Sequence[datetime], amount: timedelta) -> list[datetime]:
        """`due(start, amount)` for each start: the same answers, sooner where starts are in order.

        Args:
            starts: aware, any zones, in any order.
            amount: as for `due`.

        Raises:
            NaiveInstant, NeverOpens, OutOfRange: as `due`.
        """
        if len(starts) == 1:
            return [self.due(starts[0], amount)]
        found: list[datetime] = []
        if amount > NOTHING and self._tables and {*map(type, starts)} == _PLAIN:
            try:
                found = self._tables[0].dues(starts, min(amount, _TOO_MUCH))
            except TypeError:
                found = []  # One has no zone, of which `due` says what is wrong.
        if len(found) < len(starts):
            found += [self.due(at, amount) for at in starts[len(found) :]]
        return found

    def elapsed(self, start: datetime, end: datetime, pauses: Pauses = ()) -> timedelta:
        """Open time between two instants without the pauses; negative when `end` is before `start`.

        Raises:
            NaiveInstant: a datetime has no zone.
            OutOfRange: an instant is before 1970 or after 2200.
        """
        if not pauses and (tables := self._tables) and type(start) is type(end) is datetime:
            try:
                if (found := tables[0].elapsed(start, end)) is not None:
                    return found
            except TypeError:
                as_utc(start), as_utc(end)
                raise
        a, b = as_utc(start), as_utc(end)
        if a > b:
            return -self.elapsed(b, a, pauses)
        table = self._table_over(a, b)
        used = table.used(b) - table.used(a)
        if pauses:
            for from_, to in clipped(_holes(pauses), a, b):
                used -= table.used(to) - table.used(from_)
        return used

    def is_open(self, at: datetime) -> bool:
        """Whether the clock runs at an instant; at closing time it does not."""
        return self._is_open(as_utc(at))

    def next_opening(self, at: datetime) -> datetime:
        """The instant itself when open, else the next opening; aware UTC.

        Raises:
            NeverOpens: there is none.
        """
        return self._open_from(as_utc(at))

    def open_intervals(
        self, start: datetime, end: datetime
    ) -> tuple[tuple[datetime, datetime], ...]:
        """The open spans within `[start, end)`, as half-open pairs, aware UTC."""
        a, b = as_utc(start), as_utc(end)
        return tuple(self._table_over(a, b).between(a, b)) if a < b else ()

    def open_table(self, start: datetime, end: datetime) -> OpenTable:
        """The table of open time over the years from one instant to another, worked out at once.

        Questions work out what they need; to ask for it beforehand saves them the growing, where
        the years are known: before a contract is published, or a hundred thousand issues judged.

        Raises:
            NaiveInstant: a datetime has no zone.
            OutOfRange: an instant is before 1970 or after 2200.
        """
        a, b = sorted((as_utc(start), as_utc(end)))
        return self._table_over(a, b, years_before=0, years=1)

    @cached_property
    def regular_day(self) -> timedelta:
        """What one business day is worth in open hours.

        The most frequent length of an open weekday (of equally frequent ones the longest), by the
        clock on the wall as on a day without clock change: Mon-Thu 9 h and Fri 6 h make it 9 h. A
        calendar that is always open has days of 24 h.

        Raises:
            NeverOpens: there are no weekly hours.
        """
        if self.always_open:
            return timedelta(hours=24)
        lengths = [nominal_length(shifts) for shifts in self._weekly_shifts if shifts]
        if not lengths:
            raise NeverOpens(f"calendar {self.id!r} has no weekly hours, so it has no regular day")
        return timedelta(0, 0, max(lengths, key=lambda each: (lengths.count(each), each)))

    def business_days(
        self,
        start: datetime,
        days: int,
        reading: Reading = "open_hours",
        pauses: Pauses = (),
    ) -> datetime:
        """The instant a number of business days after `start`, under a named reading; aware UTC.

        A business day is a local date that is no holiday and on which an opening takes place;
        every date when always open.

        - `open_hours`: that many times `regular_day` of open time.
        - `same_clock`: the same local time on the N-th next business day; when closed then, the
          next opening. A start outside hours counts as received at the next opening. Negative
          numbers mirror: the closing before.
        - `end_of_day`: when the N-th business day after the local day of the start closes. Zero is
          the start's own day if that is a business day (even when it has already closed), else the
          next one.

        Pauses do not count. `open_hours` leaves them out as `due` does; where they cover open time
        between the start and the result, the other two move on by that much open time.

        Raises:
            CalendarError: `end_of_day` with a negative number, or no such reading.
            NaiveInstant, NeverOpens, OutOfRange: as `due`.
        """
        match reading:
            case "open_hours":
                return self.due(start, days * self.regular_day, pauses)
            case "same_clock":
                result = self._same_clock(as_utc(start), days)
            case "end_of_day":
                result = self._end_of_day(as_utc(start), days)
            case _:
                raise CalendarError(
                    f"{reading!r} is no reading of business days;"
                    " use open_hours, same_clock or end_of_day"
                )
        return self._past_pauses(start, result, pauses, days)

    def is_business_day(self, day: date) -> bool:
        """Whether a local date counts as a business day, see `business_days`."""
        return self._is_business_day(day_number(day))

    def trace(self, start: datetime, amount: timedelta, pauses: Pauses = ()) -> tuple[Step, ...]:
        """The spans between `start` and `due(start, amount, pauses)`, in the order of time.

        They follow one another without gap, and neighbours differ in kind or note. A pause is one
        whether the calendar was open or not. A closed span is a holiday where its local day is one
        that, but for the holiday, would have been open at some time.

        Raises:
            NaiveInstant, NeverOpens, OutOfRange: as `due`.
        """
        a, b = sorted((as_utc(start), self.due(start, amount, pauses)))
        paused = clipped(_holes(pauses), a, b)
        running = list(gaps(paused, a, b))
        open_ = [
            span for from_, to in running for span in self._table_over(from_, to).between(from_, to)
        ]
        closed = self._closed_steps(subtracted(running, open_))
        steps: list[_Spanned] = [("open", "", span) for span in open_]
        steps += [("paused", "", span) for span in paused]
        return _joined_steps(sorted([*steps, *closed], key=lambda step: step[2]))

    # -- walking over open time ---------------------------------------------------------------

    def _forward(self, at: datetime, wanted: timedelta, holes: Sequence[SpanAt]) -> datetime:
        """The earliest instant after `at` with `wanted` > 0 of open time outside the holes."""
        for from_, to in holes:
            if to <= at:
                continue
            if from_ > at:
                table = self._table_over(at, from_)
                before_pause = table.used(from_) - table.used(at)
                if before_pause >= wanted:
                    break
                wanted -= before_pause
            at = to
        table = self._table_over(at, at)
        while (used := table.used(at) + wanted) > table.total:
            table = self._later(table, at)
        return table.earliest(used)

    def _backward(self, at: datetime, wanted: timedelta, holes: Sequence[SpanAt]) -> datetime:
        """The latest instant before `at` with `wanted` > 0 of open time between: a mirror."""
        for from_, to in reversed(holes):
            if from_ >= at:
                continue
            if to < at:
                table = self._table_over(to, at)
                after_pause = table.used(at) - table.used(to)
                if after_pause >= wanted:
                    break
                wanted -= after_pause
            at = from_
        table = self._table_over(at, at)
        while (used := table.used(at) - wanted) < NOTHING:
            table = self._earlier(table, at)
        return table.latest(used)

    def _is_open(self, at: datetime) -> bool:
        return self._table_over(at, at).is_open(at)

    def _open_from(self, at: datetime, holes: Iterable[SpanAt] = ()) -> datetime:
        """The first instant from `at` on that is open and in no hole."""
        table = self._table_over(at, at)
        while (found := table.open_from(at)) is None:
            table = self._later(table, at)
        for from_, to in holes:
            if from_ <= found < to:
                return self._open_from(to, holes)
        return found

    def _open_until(self, at: datetime) -> datetime:
        """The last instant up to `at` that ends open time: `at` itself when open just before it."""
        table = self._table_over(at, at)
        while (found := table.open_until(at)) is None:
            table = self._earlier(table, at)
        return found

    # -- business days ------------------------------------------------------------------------

    def _same_clock(self, at: datetime, days: int) -> datetime:
        into_hours = self._back_into_hours if days < 0 else self._open_from
        received = to_micros(into_hours(at))
        wall = self._clock_at(received).wall(received)
        day = self._nth_business_day(wall // DAY, days)
        return into_hours(from_micros(self._clock_on(day).instant(day * DAY + wall % DAY)))

    def _back_into_hours(self, at: datetime) -> datetime:
        """The instant itself when open, else the closing before it."""
        return at if self._is_open(at) else self._open_until(at)

    def _end_of_day(self, at: datetime, days: int) -> datetime:
        if days < 0:
            raise CalendarError(
                f"{days} business days with the reading end_of_day: the end of a past day is no"
                " promise; use 0 or more, or the reading same_clock or open_hours"
            )
        day = self._local_day(at)
        if days == 0 and not self._is_business_day(day):
            days = 1
        return self._close_of(self._nth_business_day(day, days))

    def _nth_business_day(self, day: int, count: int) -> int:
        """The day number of the count-th business day after (before, if negative) a day."""
        step = 1 if count > 0 else -1
        for _ in range(abs(count)):
            day += step
            while not self._is_business_day(day):
                day += step
        return day

    def _is_business_day(self, day: int) -> bool:
        if day * DAY < FIRST:
            raise self._exhausted("before that", "before 1970")
        if day * DAY >= LAST:
            raise self._exhausted("after that", "after 2200")
        if self.always_open:
            return True
        if not self._shifts_of(day) or day in self._holiday_names:
            return False
        return self._is_plain(day) or bool(self._spans_of(day))

    def _is_plain(self, day: int) -> bool:
        """Whether shifts that start on a day take place just as they are written.

        So it is where no clock changes near: they begin on a day that is no holiday. To work out
        the spans of each day instead makes five business days take three times as long.
        """
        if len(self._zones) > 1:
            return False
        walls = self._clock_on(day).walls
        after = bisect_right(walls, (day - 1) * DAY)
        return after == len(walls) or walls[after] > (day + 2) * DAY

    def _close_of(self, day: int) -> datetime:
        """When a business day closes: the end of the last span that starts on it."""
        if self.always_open:
            return self._whole_day(day)[1]
        return self._spans_of(day)[-1][1]

    def _past_pauses(
        self, start: datetime, result: datetime, pauses: Pauses, days: int
    ) -> datetime:
        """A result moved on by the open time that pauses took between it and the start."""
        if not pauses or (result < start) != (days < 0):
            return result
        paused = self.elapsed(start, result) - self.elapsed(start, result, pauses)
        return self.due(result, paused, pauses) if paused else result

    # -- the rules of one day -----------------------------------------------------------------

    @cached_property
    def _weekly_shifts(self) -> tuple[tuple[Shift, ...], ...]:
        return tuple(self._shifts(self.weekly.get(weekday, ())) for weekday in range(7))

    @cached_property
    def _extra_shifts(self) -> dict[int, tuple[Shift, ...]]:
        """By day number, what starts on the dates to which the weekly hours do not apply."""
        return {day_number(day): self._shifts(hours) for day, hours in self.extra_days.items()}

    @cached_property
    def _holiday_names(self) -> dict[int, str]:
        """By day number, in order; without the dates that are extra days."""
        return {day: self.holidays[day_of(day)] for day in self._holiday_days}

    @cached_property
    def _holiday_days(self) -> list[int]:
        # Without the names, which no table needs: with them it takes three times as long.
        days = [ordinal - EPOCH_ORDINAL for ordinal in map(date.toordinal, self.holidays)]
        special = self._extra_shifts
        return [day for day in days if day not in special] if special else days

    @cached_property
    def _zones(self) -> tuple[str, ...]:
        shifts = [*self._weekly_shifts, *self._extra_shifts.values()]
        ends = {zone for each in shifts for s in each for zone in (s.opens_zone, s.closes_zone)}
        return tuple(sorted(ends | {self.time_zone}))

    def _shifts(self, openings: Iterable[Opening]) -> tuple[Shift, ...]:
        return tuple(shift(opening, self.time_zone) for opening in openings)

    def _shifts_of(self, day: int) -> tuple[Shift, ...]:
        if (extra := self._extra_shifts.get(day)) is not None:
            return extra
        if self.holiday_mode == "start_day" and day in self._holiday_names:
            return ()
        return self._weekly_shifts[weekday_of(day)]

    def _spans_of(self, day: int) -> list[SpanAt]:
        """The open spans that start on a day, as they really are: after gaps and holidays."""
        spans = self._raw_spans(self._shifts_of(day), day)
        if self.holiday_mode == "civil":
            near = self._holidays_between(day - DAYS_BEFORE, day + DAYS_AFTER)
            return subtracted(spans, _whole_days(near, self._clock_on(day)))
        return spans

    def _raw_spans(self, shifts: Iterable[Shift], day: int) -> list[SpanAt]:
        year = day_of(day).year
        clocks = {zone: zone_clock(zone, year - 1, year + 1) for zone in self._zones}
        spans = merged(each.on(day * DAY, clocks) for each in shifts)
        return [(from_micros(from_), from_micros(to)) for from_, to in spans]

    def _holidays_between(self, first_day: int, last_day: int) -> list[int]:
        """The holidays from a day to another, both included."""
        days = self._holiday_days
        return days[bisect_left(days, first_day) : bisect_right(days, last_day)]

    def _whole_day(self, day: int) -> SpanAt:
        return self._clock_on(day).whole_day(day_of(day))

    def _clock_on(self, day: int) -> ZoneClock:
        year = day_of(day).year
        return zone_clock(self.time_zone, year - 1, year + 1)

    def _clock_at(self, instant: int) -> ZoneClock:
        check_range(instant)
        return self._clock_on(instant // DAY)

    def _local_day(self, at: datetime) -> int:
        instant = to_micros(at)
        return self._clock_at(instant).day(instant)

    # -- explaining ---------------------------------------------------------------------------

    def _closed_steps(self, closed: Sequence[SpanAt]) -> Iterator[_Spanned]:
        """Closed spans, told apart into those of holidays, each with its name, and the others."""
        if not closed:
            return
        first, last = (self._local_day(at) for at in (closed[0][0], closed[-1][1]))
        holidays = [day for day in self._holiday_names if first <= day <= last]
        rest = closed
        for day in filter(self._would_be_open, holidays):
            whole_day = [self._whole_day(day)]
            left = subtracted(rest, whole_day)
            for span in subtracted(rest, left):
                yield "holiday", self._holiday_names[day], span
            rest = left
        for span in rest:
            yield "closed", "", span

    def _would_be_open(self, holiday: int) -> bool:
        """Whether the holiday makes a difference: without it, the day would see open time."""
        if self.holiday_mode == "start_day":
            return bool(self._weekly_shifts[weekday_of(holiday)])
        from_, to = self._whole_day(holiday)
        return any(
            clipped(self._raw_spans(self._shifts_of(day), day), from_, to)
            for day in range(holiday - DAYS_AFTER, holiday + DAYS_BEFORE + 1)
        )

    # -- tables -------------------------------------------------------------------------------

    def _table_over(
        self,
        first: datetime,
        last: datetime,
        years_before: int = _YEARS_BEFORE,
        years: int = _YEARS,
    ) -> OpenTable:
        """A table that holds both instants, first <= last; worked out when there is none yet.

        A new one begins so many whole years before the first, and holds so many from it on.

        Tables are only ever replaced as a whole tuple, so threads need no lock: at worst two of
        them do the same work.
        """
        for table in self._tables:
            if table.first <= first and last <= table.last:
                return table
        for at in (first, last):
            check_range(to_micros(at))
        end = max(first.year + years, (last - timedelta.resolution).year + 1)
        return self._reaching(_year_start(first.year - years_before), _year_start(end))

    def _reaching(self, first: datetime, last: datetime) -> OpenTable:
        """A new table over a range, which takes over from those it meets or comes near to.

        It is at least twice as long as each of those: in whatever order instants are asked for,
        the years built over and over stay in proportion to the years that there are.
        """
        others = []
        for table in self._tables:
            if table.first > last + _APART or table.last < first - _APART:
                others.append(table)
                continue
            if first < table.first:
                first = min(first, table.first - min(table.length, table.first - FIRST_AT))
            if last > table.last:
                last = max(last, table.last + min(table.length, LAST_AT - table.last))
            first, last = min(first, table.first), max(last, table.last)
        table = self._build(first, last)
        object.__setattr__(self, "_tables", (table, *others))
        return table

    def _later(self, table: OpenTable, at: datetime) -> OpenTable:
        """A longer table, later; so the work for a far answer stays in proportion."""
        if table.last == LAST_AT:
            raise self._exhausted(f"after {at:%Y-%m-%d %H:%M} UTC", "after 2200")
        return self._reaching(table.first, _year_start(table.last.year + 1))

    def _earlier(self, table: OpenTable, at: datetime) -> OpenTable:
        """The same, earlier."""
        if table.first == FIRST_AT:
            raise self._exhausted(f"before {at:%Y-%m-%d %H:%M} UTC", "before 1970")
        return self._reaching(_year_start(table.first.year - 1), table.last)

    def _exhausted(self, where: str, limit: str) -> CalendarError:
        """The error for open time that is not there, by whether it could be further on."""
        if self.always_open or any(self._weekly_shifts):
            return OutOfRange(f"calendar {self.id!r}: the answer would be {limit}")
        return NeverOpens(
            f"calendar {self.id!r} has no weekly hours, and not enough extra days {where};"
            " give it weekly hours or extra days, or make it always open"
        )

    def _build(self, first: datetime, last: datetime) -> OpenTable:
        if self.always_open:
            return OpenTable.of(FIRST_AT, LAST_AT, [(FIRST_AT, LAST_AT)])
        if not any(self._weekly_shifts):
            # Only a few dates in all: no need to go through the years.
            days = merged(span for day in self._extra_shifts for span in self._spans_of(day))
            return OpenTable.of(FIRST_AT, LAST_AT, days)
        first_day, last_day = day_number(first), day_number(last)
        clocks = {zone: zone_clock(zone, first.year - 1, last.year) for zone in self._zones}
        weekly = WeeklySpans(self._weekly_shifts, self._extra_shifts, clocks)
        begin, weeks = weekly.weeks(
            first_day - DAYS_BEFORE - DAYS,
            last_day + DAYS_BEFORE + DAYS,
            self._holidays_between(first_day - DAYS_BEFORE, last_day + DAYS_BEFORE),
            clocks[self.time_zone] if self.holiday_mode == "civil" else None,
        )
        return OpenTable(first, last, *trimmed(begin, weeks, first, last))

    # -- checks -------------------------------------------------------------------------------

    def _check(self) -> None:
        try:
            check_zone(self.time_zone)
        except CalendarError as error:
            raise CalendarError(f"calendar {self.id!r}: {error}") from None
        if self.holiday_mode not in ("civil", "start_day"):
            raise CalendarError(
                f"calendar {self.id!r}: holiday_mode {self.holiday_mode!r} is neither"
                " civil nor start_day"
            )
        for weekday in self.weekly:
            if weekday not in range(7):
                raise CalendarError(
                    f"calendar {self.id!r}: weekday {weekday!r} is not 0 (Monday) to 6 (Sunday)"
                )
        days = (*self.holidays, *self.extra_days)
        if {*map(type, days)} - {date}:
            odd = next(day for day in days if type(day) is not date)
            raise CalendarError(f"calendar {self.id!r}: {odd!r} is not a plain date")


def _year_start(year: int) -> datetime:
    """Midnight UTC of 1 January, within the years for which calendars answer."""
    return datetime(min(max(year, FIRST_YEAR), LAST_YEAR + 1), 1, 1, tzinfo=UTC)


def _whole_days(days: Iterable[int], clock: ZoneClock) -> list[SpanAt]:
    """The local days, midnight to midnight.

    Without those that a clock leaves out: Samoa, for which the date line was moved, had no
    30 December 2011. They hold no time, and would cut a span in two where they stand.
    """
    spans = (clock.whole_day(day_of(day)) for day in days)
    return [(from_at, to_at) for from_at, to_at in spans if from_at < to_at]


def _holes(pauses: Pauses) -> list[SpanAt]:
    """Pauses as merged spans.

    Raises:
        CalendarError: a pause ends before it begins.
    """
    spans = [(as_utc(from_at), as_utc(to_at)) for from_at, to_at in pauses]
    for from_, to in spans:
        if to < from_:
            raise CalendarError(f"a pause ends before it begins: from {from_} to {to}")
    return merged(spans)


def _joined_steps(steps: Iterable[_Spanned]) -> tuple[Step, ...]:
    """Steps in order, neighbours of the same kind and note as one."""
    result = []
    for (kind, note), group in groupby(steps, key=lambda step: step[:2]):
        spans = [span for _, _, span in group]
        open_ = sum((to - from_ for from_, to in spans), NOTHING)
        used = open_ if kind == "open" else NOTHING
        result.append(Step(kind, spans[0][0], spans[-1][1], used, note))
    return tuple(result)
