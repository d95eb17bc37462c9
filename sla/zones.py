"""The edge between wall clocks and the line of instants: conversions, and the offsets of a zone.

Inside the calendar an instant is an integer, microseconds since the epoch in UTC, and so is a wall
clock reading: the microseconds that a clock in UTC would need to show the same date and time. Only
the zone's offset lies between the two, and it changes a few times a year. Those changes are found
once; after that a conversion is a bisection and a subtraction.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import compress, count, pairwise
from operator import ne
from zoneinfo import ZoneInfo

import msgspec

from sla.errors import CalendarError, NaiveInstant, OutOfRange
from sla.interval import SpanAt

SECOND = 1_000_000
MINUTE = 60 * SECOND
DAY = 24 * 60 * MINUTE

NOTHING = timedelta(0)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL = EPOCH.toordinal()

FIRST_YEAR, LAST_YEAR = 1970, 2200
FIRST = 0
LAST = (datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC) - EPOCH).days * DAY
"""The instants supported are FIRST <= instant <= LAST."""
FIRST_AT, LAST_AT = EPOCH, datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
"""The same as datetimes."""

# No zone has changed its offset twice within 6.9 days since 1970 (Cambridge Bay in 2000 holds the
# record; a test watches the installed tzdata): clocks change on the same weekday, so a week apart.
# A probe every sixth day misses no change.
_PROBE_DAYS = 6

# Nearly all changes come on the hour, and mostly at two or three. Before each hour stands its last
# second, so that one search among the likely ones tells the second: five looks at the zone.
_EDGES, _LIKELY_EDGES = (
    [
        timedelta(day, hour * 3_600 - before)
        for day in range(_PROBE_DAYS)
        for hour in hours
        for before in (1, 0)
    ]
    for hours in (range(1, 25), (2, 3))
)

_STANDARD_YEAR = 2025

_ONE_DAY = timedelta(days=1)
_MIDNIGHT = time(tzinfo=UTC)


def as_utc(at: datetime) -> datetime:
    """An aware datetime in any zone as a plain one in UTC.

    Raises:
        NaiveInstant: the datetime has no time zone.
        OutOfRange: in UTC it lies before the year 1 or after the year 9999.
    """
    if type(at) is not datetime:
        return from_micros(to_micros(at))
    zone = at.tzinfo
    if zone is UTC:
        return at
    try:
        if type(zone) is ZoneInfo:
            return at.astimezone(UTC)
        # `astimezone` would take a time without zone for one of this machine's zone. Without it the
        # way takes a sixth longer.
        return EPOCH + (at - EPOCH)
    except TypeError:
        raise _naive(at) from None
    except OverflowError:
        raise _out_of_range(early=at.year < FIRST_YEAR) from None


def to_micros(at: datetime) -> int:
    """An aware datetime in any zone as microseconds since the epoch, UTC.

    Raises:
        NaiveInstant: the datetime has no time zone.
    """
    try:
        since = at - EPOCH
    except TypeError:
        raise _naive(at) from None
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds


def _naive(at: datetime) -> NaiveInstant:
    return NaiveInstant(
        f"{at!r} has no time zone, so it is no instant;"
        " hand in an aware datetime such as 2026-07-01T09:00:00+00:00"
    )


def from_micros(instant: int) -> datetime:
    """Microseconds since the epoch as an aware datetime in UTC."""
    return EPOCH + timedelta(0, 0, instant)


def micros_of(amount: timedelta) -> int:
    """A length in microseconds, exactly (`total_seconds` is a float)."""
    return (amount.days * 86_400 + amount.seconds) * SECOND + amount.microseconds


def day_number(day: date) -> int:
    """Days since 1970-01-01, so that `day_number(d) * DAY` is the wall clock's midnight of `d`."""
    return day.toordinal() - EPOCH_ORDINAL


def day_of(number: int) -> date:
    """The date with that day number."""
    return date.fromordinal(number + EPOCH_ORDINAL)


def year_start(year: int) -> int:
    """Midnight UTC of 1 January."""
    return day_number(date(year, 1, 1)) * DAY


def check_range(instant: int) -> None:
    """Refuse an instant beyond the years for which calendars answer.

    Raises:
        OutOfRange: before 1970-01-01 or after 2201-01-01, UTC.
    """
    if not FIRST <= instant <= LAST:
        raise _out_of_range(early=instant < FIRST)


def _out_of_range(*, early: bool) -> OutOfRange:
    where = "before 1970" if early else "after 2200"
    return OutOfRange(f"an instant {where} was asked for; calendars answer from 1970 to 2200")


@lru_cache(maxsize=512)
def check_zone(name: str) -> None:
    """Refuse a name that is no time zone.

    Raises:
        CalendarError: the time zone database has no such zone.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise CalendarError(
            f"{name!r} is no time zone; use a name from the IANA database such as Europe/Berlin"
        ) from None


@lru_cache(maxsize=512)
def standard_offset(zone: str) -> int:
    """Microseconds east of UTC without summer time, as of a recent year.

    It is the lesser of the offsets in January and July: summer time only ever adds.
    """
    return min(
        _offset(datetime(_STANDARD_YEAR, month, 15, tzinfo=ZoneInfo(zone))) for month in (1, 7)
    )


class ZoneClock(msgspec.Struct, frozen=True):
    """The wall clock of one zone over some years; all figures in microseconds."""

    changes: tuple[int, ...]
    """Instants at which the offset changes."""
    walls: tuple[int, ...]
    """Wall readings from which on the offset after that change is the one to read with."""
    offsets: tuple[int, ...]
    """East of UTC is positive; one more than there are changes."""
    ahead: tuple[timedelta, ...]
    """The same as timedeltas."""

    def instant(self, wall: int) -> int:
        """The instant at which the clock shows this.

        One that is skipped is read with the offset before the gap, one that is shown twice is the
        first: PEP 495's `fold=0`.
        """
        return wall - self.offsets[bisect_right(self.walls, wall)]

    def whole_day(self, day: date) -> SpanAt:
        """The local day of a date, from midnight to midnight, in UTC."""
        wall = (day.toordinal() - EPOCH_ORDINAL) * DAY
        index = bisect_right(self.walls, wall)
        from_at = datetime.combine(day, _MIDNIGHT) - self.ahead[index]
        if index == len(self.walls) or self.walls[index] > wall + DAY:
            return from_at, from_at + _ONE_DAY
        return from_at, from_micros(self.instant(wall + DAY))

    def wall(self, instant: int) -> int:
        """What the clock shows at an instant."""
        return instant + self.offsets[bisect_right(self.changes, instant)]

    def day(self, instant: int) -> int:
        """The local day, as a day number, in which an instant lies."""
        return self.wall(instant) // DAY


@lru_cache(maxsize=512)
def zone_clock(zone: str, first_year: int, last_year: int) -> ZoneClock:
    """The clock of a zone, exact for wall readings within these years, both included."""
    before = _offset(datetime(first_year, 1, 1, tzinfo=ZoneInfo(zone)))
    offsets, changes, walls = [before], [], []
    for year in range(first_year, last_year + 1):
        for wall, offset in changes_in(zone, year):
            # Both in a gap and in a repeated hour the offset before the change goes on to be used,
            # up to the reading that the clock shows only after it.
            walls.append(wall)
            changes.append(wall - max(offsets[-1], offset))
            offsets.append(offset)
    ahead = tuple(timedelta(0, 0, offset) for offset in offsets)
    return ZoneClock(tuple(changes), tuple(walls), tuple(offsets), ahead)


def is_named(zone: ZoneInfo) -> bool:
    """Whether it is what `ZoneInfo` gives for its name, and not made of another file."""
    try:
        return zone.key is not None and ZoneInfo(zone.key) is zone
    except (KeyError, ValueError, OSError):
        return False


def ahead_by_day(zone: str, begin: datetime, days: int) -> list[timedelta | None]:
    """How far ahead of UTC a zone's clock is when it shows the days from a reading on.

    Args:
        begin: the reading, as if it were UTC.
        days: so many, each of them 24 hours on the clock.

    Returns:
        At least so many offsets; None where one does not tell: within the day the clock changes.
    """
    clock = zone_clock(zone, begin.year - 1, (begin + timedelta(days)).year)
    first = to_micros(begin)
    found: list[timedelta | None] = []
    steps = zip(clock.walls, pairwise(clock.offsets), clock.ahead, strict=False)
    for wall, (before, after), ahead in steps:
        # Up to the reading from which on the new offset holds, it is the fold that tells.
        unclear = wall - abs(after - before)
        found += [ahead] * ((unclear - first) // DAY - len(found))
        found += [None] * (-((first - wall) // DAY) - len(found))
    return found + [clock.ahead[-1]] * (days - len(found))


@lru_cache(maxsize=8192)
def changes_in(zone: str, year: int) -> tuple[tuple[int, int], ...]:
    """Wall readings of a year from which on another offset is used, each with that offset."""
    offset_at = ZoneInfo(zone).utcoffset
    probes = _probes(year)
    # The probes run in C. A `ZoneInfo` reads the figures and the fold of what it is given, and asks
    # for no zone of it.
    offsets = list(map(offset_at, probes))
    found = []
    for n in compress(count(), map(ne, offsets, offsets[1:])):
        at = _first_second_after_change(offset_at, probes[n], offsets[n])
        found.append((to_micros(at), _micros(offsets[n + 1])))
    return tuple(found)


@lru_cache(maxsize=256)
def _probes(year: int) -> list[datetime]:
    """Readings at which to look at a clock, whatever its zone; to make them is twice the look."""
    first = datetime(year, 1, 1, tzinfo=UTC)
    days = (*range(0, 365 + isleap(year), _PROBE_DAYS), 365 + isleap(year))
    return [first + timedelta(day) for day in days]


def _first_second_after_change(
    offset_at: Callable[[datetime], timedelta | None], probe: datetime, before: timedelta | None
) -> datetime:
    """The first second with another offset than at a probe, before the next one."""

    def changed(later: timedelta) -> bool:
        return offset_at(probe + later) != before

    for edges in (_LIKELY_EDGES, _EDGES):
        edge = bisect_left(edges, True, key=changed)
        if edge % 2:
            return probe + edges[edge]
    hour = _EDGES[edge - 1] if edge else NOTHING
    second = bisect_left(range(3_600), True, key=lambda n: changed(hour + timedelta(0, n)))
    return probe + hour + timedelta(0, second)


def _offset(wall: datetime) -> int:
    return _micros(wall.utcoffset())


def _micros(offset: timedelta | None) -> int:
    assert offset is not None  # noqa: S101 - a ZoneInfo always knows
    return micros_of(offset)
