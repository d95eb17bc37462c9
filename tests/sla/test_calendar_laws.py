"""Laws that hold for every calendar, and agreement with the minute-by-minute reference.

`due` and `elapsed` are asked in every way: by the calendar, in bulk with and without numpy, and of
the list of spans whose ends are converted one by one.
"""

from __future__ import annotations

import copy
import random
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sla.calendar import Calendar, Opening, WallTime
from sla.errors import CalendarError, NeverOpens
from sla.zones import FIRST, LAST, ahead_by_day, from_micros, to_micros, zone_clock
from tests.sla import every_way
from tests.sla.minute_reference import MinuteReference, TooFar
from tests.sla.span_reference import SpanReference

# Zones with the days worth looking at: each changes its clocks on them (or never does).
CHANGES = {
    "Australia/Lord_Howe": [date(2024, 4, 7), date(2024, 10, 6)],  # by half an hour
    "Africa/Casablanca": [date(2024, 3, 10), date(2024, 4, 14)],  # twice around Ramadan
    "Asia/Kolkata": [date(2024, 5, 1)],  # never; 5:30
    "America/Chicago": [date(2024, 3, 10), date(2024, 11, 3)],
    "Europe/London": [date(2024, 3, 31), date(2024, 10, 27)],
    "America/Sao_Paulo": [date(2018, 2, 18), date(2018, 11, 4)],  # at midnight
    "America/New_York": [date(2024, 3, 10), date(2024, 11, 3), date(2025, 1, 1)],
}
NEAR = timedelta(days=4)
HALF_HOUR = timedelta(minutes=30)

law = settings(deadline=None, derandomize=True, max_examples=150)
against_reference = settings(
    deadline=None,
    derandomize=True,
    max_examples=120,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)

half_hours = st.integers(0, 47).map(lambda n: n * 30)


@st.composite
def openings(draw: st.DrawFn, zones: st.SearchStrategy[str | None]) -> Opening:
    closing = st.integers(0, 48).map(lambda n: n * 30)
    return Opening(WallTime(draw(half_hours), draw(zones)), WallTime(draw(closing), draw(zones)))


WORKDAY = (Opening(WallTime(8 * 60), WallTime(18 * 60)),)
NIGHT = (Opening(WallTime(22 * 60), WallTime(6 * 60)),)
SPLIT = (
    Opening(WallTime(0), WallTime(2 * 60 + 30)),
    Opening(WallTime(9 * 60), WallTime(12 * 60)),
    Opening(WallTime(13 * 60), WallTime(1440)),
)
COAST_TO_COAST = (
    Opening(WallTime(5 * 60, "America/Los_Angeles"), WallTime(20 * 60, "America/New_York")),
)
ALL_DAY = (Opening(WallTime(0), WallTime(1440)),)


@st.composite
def calendars(draw: st.DrawFn, centre_of: dict[str, list[date]] = CHANGES) -> tuple[Calendar, date]:
    """A calendar, and a day near which its clocks change and its special days lie."""
    zone = draw(st.sampled_from(sorted(centre_of)))
    centre = draw(st.sampled_from(centre_of[zone]))
    ends = st.sampled_from([None, None, None, None, zone, "Europe/London", "America/Los_Angeles"])
    hours = st.one_of(
        st.sampled_from([WORKDAY, NIGHT, SPLIT, COAST_TO_COAST, ALL_DAY, ()]),
        st.lists(openings(ends), max_size=2).map(tuple),
    )
    near = st.integers(-3, 3).map(lambda n: centre + timedelta(days=n))
    holidays = draw(st.lists(near, max_size=2))
    regular = draw(st.booleans())
    usual = draw(hours)
    calendar = Calendar(
        id="any",
        time_zone=zone,
        weekly={n: usual if regular and n < 5 else draw(hours) for n in range(7)},
        holidays=dict.fromkeys(holidays, "Holiday"),
        extra_days=draw(st.dictionaries(st.sampled_from([*holidays, centre]), hours, max_size=1)),
        holiday_mode=draw(st.sampled_from(["civil", "start_day"])),
        always_open=draw(st.integers(0, 11)) == 0,
    )
    return calendar, centre


def instants(centre: date, odd: timedelta = timedelta(minutes=1)) -> st.SearchStrategy[datetime]:
    """Mostly on the half hour, so that they meet openings and closings exactly."""
    noon = datetime(centre.year, centre.month, centre.day, 12, tzinfo=UTC)
    return st.sampled_from([HALF_HOUR, HALF_HOUR, odd]).flatmap(
        lambda unit: st.integers(-NEAR // unit, NEAR // unit).map(lambda n: noon + n * unit)
    )


def minute_pauses(centre: date) -> st.SearchStrategy[list[tuple[datetime, datetime]]]:
    pair = st.tuples(instants(centre), instants(centre)).map(sorted).map(tuple)
    return st.lists(pair, max_size=3)  # type: ignore[arg-type]


amounts = st.one_of(st.integers(0, 100).map(lambda n: n * 30), st.integers(0, 3000)).map(
    lambda n: timedelta(minutes=n)
)


# -- against the reference ------------------------------------------------------------------------


@against_reference
@given(st.data())
def test_open_minutes_are_those_of_the_rules(data: st.DataObject) -> None:
    calendar, centre = data.draw(calendars())
    reference = MinuteReference(calendar)
    noon = datetime(centre.year, centre.month, centre.day, 12, tzinfo=UTC)
    at = noon - timedelta(days=2)
    while at < noon + timedelta(days=2):
        assert calendar.is_open(at) == reference.is_open(int(at.timestamp()) // 60), at
        at += timedelta(minutes=7)


@against_reference
@given(st.data())
def test_elapsed_is_the_count_of_open_minutes(data: st.DataObject) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start, end = data.draw(instants(centre)), data.draw(instants(centre))
    expected = MinuteReference(calendar, pauses).elapsed(start, end)
    assert every_way.elapsed(calendar, start, end, pauses) == expected


@against_reference
@given(st.data(), st.sampled_from([1, 1, -1]))
def test_due_is_where_the_minutes_have_been_counted(data: st.DataObject, sign: int) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start, amount = data.draw(instants(centre)), sign * data.draw(amounts)
    try:
        expected = MinuteReference(calendar, pauses).due(start, amount)
    except TooFar:
        assume(False)
    assert every_way.due(calendar, start, amount, pauses) == expected


@against_reference
@given(st.data(), st.integers(-4, 6))
def test_business_days_are_counted_on_the_dates(data: st.DataObject, days: int) -> None:
    calendar, centre = data.draw(calendars())
    start = data.draw(instants(centre))
    reference = MinuteReference(calendar)
    try:
        same_clock = reference.same_clock(start, days)
        end_of_day = reference.end_of_day(start, max(days, 0))
    except TooFar:
        assume(False)
    assert calendar.business_days(start, days, "same_clock") == same_clock
    assert calendar.business_days(start, max(days, 0), "end_of_day") == end_of_day


# -- laws -----------------------------------------------------------------------------------------


def due_or_skip(
    calendar: Calendar,
    start: datetime,
    amount: timedelta,
    pauses: list[tuple[datetime, datetime]],
) -> datetime:
    try:
        return every_way.due(calendar, start, amount, pauses)
    except NeverOpens:
        assume(False)
        raise


MICROSECOND = timedelta(microseconds=1)
positive_amounts = st.one_of(
    st.integers(1, 400).map(lambda n: n * HALF_HOUR),
    st.integers(1, 200 * 3_600_000_000).map(lambda n: n * MICROSECOND),
)


@law
@given(st.data(), positive_amounts)
def test_what_is_due_has_elapsed_and_not_an_instant_before(
    data: st.DataObject, amount: timedelta
) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start = data.draw(instants(centre, odd=timedelta(seconds=77, microseconds=13)))
    due = due_or_skip(calendar, start, amount, pauses)
    assert every_way.elapsed(calendar, start, due, pauses) == amount
    assert every_way.elapsed(calendar, start, due - MICROSECOND, pauses) < amount


@law
@given(st.data(), positive_amounts)
def test_a_negative_amount_is_the_mirror(data: st.DataObject, amount: timedelta) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start = data.draw(instants(centre, odd=timedelta(seconds=77, microseconds=13)))
    due = due_or_skip(calendar, start, -amount, pauses)
    assert every_way.elapsed(calendar, start, due, pauses) == -amount
    assert every_way.elapsed(calendar, due + MICROSECOND, start, pauses) < amount


@law
@given(st.data())
def test_nothing_is_due_at_the_first_open_instant(data: st.DataObject) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start = data.draw(instants(centre))
    due = due_or_skip(calendar, start, timedelta(0), pauses)
    assert due >= start
    assert calendar.is_open(due)
    assert not any(from_at <= due < to_at for from_at, to_at in pauses)
    assert every_way.elapsed(calendar, start, due, pauses) == timedelta(0)
    if not pauses:
        assert due == calendar.next_opening(start)


@law
@given(st.data())
def test_elapsed_adds_up_over_a_split(data: st.DataObject) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start, between, end = (data.draw(instants(centre)) for _ in range(3))
    assert every_way.elapsed(calendar, start, end, pauses) == every_way.elapsed(
        calendar, start, between, pauses
    ) + every_way.elapsed(calendar, between, end, pauses)


@law
@given(st.data(), positive_amounts, positive_amounts)
def test_due_in_parts_is_due_at_once(
    data: st.DataObject, amount: timedelta, more: timedelta
) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start = data.draw(instants(centre))
    halfway = due_or_skip(calendar, start, amount, pauses)
    due = due_or_skip(calendar, start, amount + more, pauses)
    assert halfway < due
    assert due == every_way.due(calendar, halfway, more, pauses)


@law
@given(st.data(), positive_amounts)
def test_a_later_start_is_never_due_earlier(data: st.DataObject, amount: timedelta) -> None:
    calendar, centre = data.draw(calendars())
    start, later = sorted((data.draw(instants(centre)), data.draw(instants(centre))))
    due = due_or_skip(calendar, start, amount, [])
    assert due <= due_or_skip(calendar, later, amount, [])


@law
@given(st.data(), st.one_of(positive_amounts, amounts), st.booleans())
def test_many_are_due_when_each_is(data: st.DataObject, amount: timedelta, in_order: bool) -> None:
    calendar, centre = data.draw(calendars())
    starts = data.draw(st.lists(instants(centre), max_size=8))
    local = [at.astimezone(ZoneInfo(calendar.time_zone)) for at in starts]
    asked = sorted(starts + local) if in_order else starts + local
    try:
        expected = [calendar.due(at, amount) for at in asked]
    except CalendarError as error:
        with pytest.raises(type(error)):
            calendar.dues(asked, amount)
    else:
        found = calendar.dues(asked, amount)
        assert found == expected
        assert {at.tzinfo for at in found} <= {UTC}


@law
@given(st.data(), positive_amounts)
def test_pauses_only_count_as_the_time_they_cover(data: st.DataObject, amount: timedelta) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start, end = sorted((data.draw(instants(centre)), data.draw(instants(centre))))
    whole = every_way.elapsed(calendar, start, end)
    assert timedelta(0) <= every_way.elapsed(calendar, start, end, pauses) <= whole
    assert every_way.elapsed(calendar, start, end, [*pauses, (start, end)]) == timedelta(0)
    closed = [
        (a, b)
        for a, b in pairwise([start, *(x for s in calendar.open_intervals(start, end) for x in s)])
        if not calendar.is_open(a)
    ]
    assert every_way.elapsed(calendar, start, end, closed) == whole
    due = due_or_skip(calendar, start, amount, [])
    assert due_or_skip(calendar, start, amount, pauses) >= due
    assert every_way.due(calendar, start, amount, [(due, due + timedelta(days=9))]) == due


@law
@given(st.data(), positive_amounts, st.sampled_from([1, -1]))
def test_a_trace_explains_the_whole_way(data: st.DataObject, amount: timedelta, sign: int) -> None:
    calendar, centre = data.draw(calendars())
    pauses = data.draw(minute_pauses(centre))
    start = data.draw(instants(centre))
    due = due_or_skip(calendar, start, sign * amount, pauses)
    steps = calendar.trace(start, sign * amount, pauses)
    assert (steps[0].from_at, steps[-1].to_at) == tuple(sorted((start, due)))
    for step, following in pairwise(steps):
        assert step.to_at == following.from_at
        assert (step.kind, step.note) != (following.kind, following.note)
    assert sum((step.used for step in steps), timedelta(0)) == amount
    for step in steps:
        length = step.to_at - step.from_at
        assert length > timedelta(0)
        assert step.used == (length if step.kind == "open" else timedelta(0))
        assert (step.note != "") == (step.kind == "holiday")
        if step.kind != "paused":
            assert calendar.elapsed(step.from_at, step.to_at) == step.used


@law
@given(st.data(), st.integers(-6, 6))
def test_same_clock_ends_in_open_time_and_moves_the_right_way(
    data: st.DataObject, days: int
) -> None:
    calendar, centre = data.draw(calendars())
    start = data.draw(instants(centre))
    try:
        due = calendar.business_days(start, days, "same_clock")
    except NeverOpens:
        assume(False)
    assert (
        calendar.is_open(due) or every_way.elapsed(calendar, due - MICROSECOND, due) == MICROSECOND
    )
    assert due >= start if days >= 0 else due <= start


@law
@given(st.data(), st.sampled_from(sorted(CHANGES)), amounts)
def test_a_reading_of_any_zone_is_its_instant(
    data: st.DataObject, zone: str, amount: timedelta
) -> None:
    """Also one that a clock skips or shows twice, within a table that is there or outside of it."""
    calendar, centre = data.draw(calendars())
    calendar.is_open(datetime(centre.year + data.draw(st.integers(-9, 3)), 6, 1, tzinfo=UTC))
    near = instants(data.draw(st.sampled_from([centre, *CHANGES[zone]])), odd=timedelta(seconds=77))
    start, end = (
        data.draw(near).replace(tzinfo=ZoneInfo(zone), fold=data.draw(st.integers(0, 1)))
        for _ in range(2)
    )
    plain_start, plain_end = start.astimezone(UTC), end.astimezone(UTC)
    apart = copy.copy(calendar)  # with a table of its own
    expected = apart.elapsed(plain_start, plain_end)
    assert calendar.elapsed(start, end) == calendar.elapsed(start, plain_end) == expected
    assert calendar.elapsed(end, start) == calendar.elapsed(plain_end, start) == -expected
    try:
        due = apart.due(plain_start, amount)
    except CalendarError as error:
        with pytest.raises(type(error)):
            calendar.due(start, amount)
    else:
        assert calendar.due(start, amount) == due
        assert calendar.dues([start, plain_start, start], amount) == [due] * 3


# -- the table is an implementation detail --------------------------------------------------------


@law
@given(st.data())
def test_answers_do_not_depend_on_what_was_asked_before(data: st.DataObject) -> None:
    fresh, centre = data.draw(calendars())
    used = Calendar(
        fresh.id,
        fresh.time_zone,
        fresh.weekly,
        fresh.holidays,
        fresh.extra_days,
        fresh.holiday_mode,
        fresh.always_open,
    )
    for year in data.draw(st.lists(st.integers(1971, 2199), max_size=3)):
        used.is_open(datetime(year, 6, 1, tzinfo=UTC))
    start = data.draw(instants(centre))
    end = start + timedelta(days=data.draw(st.integers(0, 4000)))
    assert used.elapsed(start, end) == fresh.elapsed(start, end)
    assert used.open_intervals(start, start + NEAR) == fresh.open_intervals(start, start + NEAR)


@law
@given(st.data())
def test_the_table_is_the_list_of_spans_with_each_end_converted(data: st.DataObject) -> None:
    calendar, centre = data.draw(calendars())
    first = datetime(centre.year, 1, 1, tzinfo=UTC)
    last = first + timedelta(days=data.draw(st.integers(1, 900)))
    reference = SpanReference(calendar, first, last)
    assert list(calendar.open_intervals(reference.first, reference.last)) == reference.spans


@law
@given(st.sampled_from(sorted(CHANGES)), st.integers(FIRST, LAST))
def test_a_zone_clock_agrees_with_zoneinfo(zone: str, instant: int) -> None:
    at = from_micros(instant)
    clock = zone_clock(zone, at.year - 1, at.year + 1)
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    assert clock.wall(instant) == to_micros(local)
    # Read as a wall time, the same figures may be skipped or shown twice: PEP 495 decides.
    assert clock.instant(instant) == to_micros(at.replace(tzinfo=ZoneInfo(zone), fold=0))


@pytest.mark.parametrize("zone", [*sorted(CHANGES), "America/Cambridge_Bay", "Asia/Gaza"])
def test_a_zone_clock_agrees_with_zoneinfo_around_each_change(zone: str) -> None:
    clock = zone_clock(zone, 1971, 2100)
    assert clock.changes == tuple(sorted(clock.changes))
    for change in clock.changes:
        for instant in (change - 1, change, change + 1):
            local = from_micros(instant).astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
            assert clock.wall(instant) == to_micros(local)


@pytest.mark.parametrize("zone", [*sorted(CHANGES), "America/St_Johns", "Pacific/Apia"])
def test_a_day_that_has_one_offset_has_it_at_each_reading(zone: str) -> None:
    clock, quarter, first = ZoneInfo(zone), HALF_HOUR / 2, datetime(2010, 1, 1, tzinfo=UTC)
    walls = ((first + n * quarter).replace(tzinfo=clock) for n in range(801 * 96))
    offsets = [{wall.utcoffset(), wall.replace(fold=1).utcoffset()} for wall in walls]
    for hours in (0, 1, 2, 3, 13):
        begin = first + timedelta(hours=hours)
        ahead = ahead_by_day(zone, begin, 800)
        assert len(ahead) >= 800
        unclear = 0
        for n, offset in enumerate(ahead[:800]):
            from_ = hours * 4 + n * 96
            found = set().union(*offsets[from_ : from_ + 96])
            day = begin + timedelta(days=n)
            assert found == {offset} if offset is not None else len(found) > 1, day
            unclear += offset is None
        # Two changes a year at most, and each within a day or, around the edge of one, within two.
        assert unclear <= 14


def test_no_change_of_an_offset_is_missed() -> None:
    """Probing an offset every sixth day finds what probing every hour finds."""
    picked = random.Random(7).sample(range(1972, 2100), 6)
    for zone in sorted({*CHANGES, "America/Cambridge_Bay", "America/Recife"}):
        for year in [*picked, 2000]:
            wall = datetime(year, 1, 1, tzinfo=ZoneInfo(zone))
            offsets = [(wall + timedelta(hours=n)).utcoffset() for n in range(365 * 24)]
            seen = sum(a != b for a, b in pairwise(offsets))
            assert len(zone_clock(zone, year, year).changes) == seen, (zone, year)
