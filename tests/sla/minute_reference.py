"""A calendar decided minute by minute from its rules: too slow for use, too plain to be wrong.

It shares no code with the engine: no table, no found transitions, no interval arithmetic. Every
wall time goes through `zoneinfo`, every amount of open time is a count of open minutes. Its
instants are whole minutes since the epoch, so calendars, pauses and starts must be whole minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sla.calendar import Calendar, Opening, WallTime

Pauses = Sequence[tuple[datetime, datetime]]
_ONE_DAY = timedelta(days=1)
_PATIENCE = 40 * 24 * 60


class TooFar(Exception):  # noqa: N818
    """The walk took more than 40 days: the test should pick a shorter one."""


def minute_of(at: datetime) -> int:
    seconds = at.timestamp()
    assert seconds % 60 == 0, at
    return int(seconds) // 60


def instant_of(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


class MinuteReference:
    def __init__(self, calendar: Calendar, pauses: Pauses = ()) -> None:
        self.calendar = calendar
        self.pauses = [(minute_of(a), minute_of(b)) for a, b in pauses]
        self._started: dict[date, list[tuple[int, int]]] = {}
        self._near: dict[int, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
        self._open: dict[int, bool] = {}

    # -- open or not, by the rules -------------------------------------------------------------

    def is_open(self, minute: int) -> bool:
        """Whether the calendar is open during a minute."""
        if minute not in self._open:
            self._open[minute] = self._is_open(minute)
        return self._open[minute]

    def _is_open(self, minute: int) -> bool:
        if self.calendar.always_open:
            return True
        holidays, started = self._around(minute * 60 // 86_400)
        if any(closed[0] <= minute < closed[1] for closed in holidays):
            return False
        return any(opens <= minute < closes for opens, closes in started)

    def _around(self, day: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Holidays and openings whose minutes a day of UTC may have, by its number since 1970."""
        if day not in self._near:
            date_ = date(1970, 1, 1) + day * _ONE_DAY
            holidays = [self._closed_by_holiday(date_ + n * _ONE_DAY) for n in range(-2, 3)]
            started = [
                each for n in range(-5, 3) for each in self._started_on(date_ + n * _ONE_DAY)
            ]
            self._near[day] = [each for each in holidays if each], started
        return self._near[day]

    def is_paused(self, minute: int) -> bool:
        return any(from_ <= minute < to for from_, to in self.pauses)

    def counts(self, minute: int) -> bool:
        return not self.is_paused(minute) and self.is_open(minute)

    def _closed_by_holiday(self, day: date) -> tuple[int, int] | None:
        calendar = self.calendar
        if calendar.holiday_mode != "civil" or not self._is_holiday(day):
            return None
        zone = calendar.time_zone
        return self._minute(day, 0, zone), self._minute(day + _ONE_DAY, 0, zone)

    def _is_holiday(self, day: date) -> bool:
        return day in self.calendar.holidays and day not in self.calendar.extra_days

    def _started_on(self, day: date) -> list[tuple[int, int]]:
        if day not in self._started:
            self._started[day] = [self._ends(opening, day) for opening in self._openings(day)]
        return self._started[day]

    def _openings(self, day: date) -> Sequence[Opening]:
        calendar = self.calendar
        if day in calendar.extra_days:
            return calendar.extra_days[day]
        if calendar.holiday_mode == "start_day" and day in calendar.holidays:
            return ()
        return calendar.weekly.get(day.weekday(), ())

    def _ends(self, opening: Opening, day: date) -> tuple[int, int]:
        opens_zone = self._zone(opening.opens)
        closes_zone = self._zone(opening.closes)
        opens = self._minute(day, opening.opens.minute, opens_zone)
        ahead = _standard_minutes(opens_zone) - _standard_minutes(closes_zone)
        closing_day, closes = day, opening.closes.minute
        while closes + ahead <= opening.opens.minute:
            closing_day, closes = closing_day + _ONE_DAY, closes + 24 * 60
        return opens, self._minute(closing_day, opening.closes.minute, closes_zone)

    def _zone(self, wall: WallTime) -> str:
        return wall.zone or self.calendar.time_zone

    def _minute(self, day: date, minute: int, zone: str) -> int:
        if minute == 24 * 60:
            day, minute = day + _ONE_DAY, 0
        wall = time(minute // 60, minute % 60, fold=0)
        return minute_of(datetime.combine(day, wall, tzinfo=ZoneInfo(zone)))

    # -- walks, one minute at a time -----------------------------------------------------------

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        a, b = minute_of(start), minute_of(end)
        if a > b:
            return -self.elapsed(end, start)
        return timedelta(minutes=sum(self.counts(minute) for minute in range(a, b)))

    def due(self, start: datetime, amount: timedelta) -> datetime:
        minutes, rest = divmod(amount, timedelta(minutes=1))
        assert not rest
        at = minute_of(start)
        if minutes == 0:
            return instant_of(self._first(at))
        return instant_of(self._forward(at, minutes) if minutes > 0 else self._back(at, -minutes))

    def _first(self, at: int) -> int:
        for minute in range(at, at + _PATIENCE):
            if self.counts(minute):
                return minute
        raise TooFar

    def _forward(self, at: int, minutes: int) -> int:
        for minute in range(at, at + _PATIENCE):
            minutes -= self.counts(minute)
            if minutes == 0:
                return minute + 1
        raise TooFar

    def _back(self, at: int, minutes: int) -> int:
        for minute in range(at - 1, at - 1 - _PATIENCE, -1):
            minutes -= self.counts(minute)
            if minutes == 0:
                return minute
        raise TooFar

    # -- business days -------------------------------------------------------------------------

    def same_clock(self, start: datetime, days: int) -> datetime:
        into_hours = self._first if days >= 0 else self._back_into_hours
        received = instant_of(into_hours(minute_of(start))).astimezone(self._own_zone)
        day = self._business_day(received.date(), days)
        wall = received.time().replace(fold=0)
        target = datetime.combine(day, wall, tzinfo=self._own_zone)
        return instant_of(into_hours(minute_of(target)))

    def end_of_day(self, start: datetime, days: int) -> datetime:
        day = start.astimezone(self._own_zone).date()
        if days == 0 and self._close(day) is None:
            days = 1
        close = self._close(self._business_day(day, days))
        assert close is not None
        return instant_of(close)

    @property
    def _own_zone(self) -> ZoneInfo:
        return ZoneInfo(self.calendar.time_zone)

    def _business_day(self, day: date, count: int) -> date:
        step = _ONE_DAY if count > 0 else -_ONE_DAY
        passed, last = 0, day + 60 * step
        while passed < abs(count):
            day += step
            if day == last:
                raise TooFar
            passed += self._close(day) is not None
        return day

    def _close(self, day: date) -> int | None:
        """The minute after the last open one of those that start on a business day."""
        if self.calendar.always_open:
            return self._minute(day + _ONE_DAY, 0, self.calendar.time_zone)
        if self._is_holiday(day):
            return None
        minutes = (m for opens, closes in self._started_on(day) for m in range(opens, closes))
        return max((m + 1 for m in minutes if self.is_open(m)), default=None)

    def _back_into_hours(self, at: int) -> int:
        if self.is_open(at):
            return at
        for minute in range(at, at - _PATIENCE, -1):
            if self.is_open(minute - 1):
                return minute
        raise TooFar


def _standard_minutes(zone: str) -> int:
    """Minutes east of UTC in winter time."""
    noons = [datetime(2025, month, 1, 12, tzinfo=ZoneInfo(zone)) for month in (1, 7)]
    return min(int((noon.utcoffset() or timedelta(0)).total_seconds()) // 60 for noon in noons)
