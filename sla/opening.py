"""One line of a calendar: from when to when it is open, as people write it and as instants.

The rules that are decided here (design, *Time*):

- `24:00` closes a day; nothing opens at it. `23:59` is a minute before midnight, not midnight.
- Ends in one zone: a closing time that is not later than the opening time is the next day's, so
  that a night shift needs no date, and `09:00` to `09:00` is a whole day.
- Ends in two zones: both are times of the same named date, and by standard time the closing is the
  first one after the opening. Policies write such hours ("5am Pacific to 8pm Eastern"), and which
  end comes first depends on the zones, not on the figures.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

import msgspec

from sla.errors import CalendarError
from sla.interval import Span, length, merged
from sla.zones import DAY, MINUTE, ZoneClock, check_zone, standard_offset

_WALL_TIME = re.compile(r"(?P<hour>\d\d):(?P<minute>\d\d)(?:\s+(?P<zone>\S+))?")
_DAY_MINUTES = 24 * 60


class WallTime(msgspec.Struct, frozen=True):
    """A time of day on a wall clock, to the minute.

    Raises:
        CalendarError: the minute is not 0 to 1440, or there is no such zone.
    """

    minute: int
    """Since midnight; 1440 is the end of the day."""
    zone: str | None = None
    """IANA name; None means the zone of the calendar."""

    def __post_init__(self) -> None:
        if not 0 <= self.minute <= _DAY_MINUTES:
            raise CalendarError(
                f"minute {self.minute} is no time of day; it runs from 0 to {_DAY_MINUTES} (24:00)"
            )
        if self.zone is not None:
            check_zone(self.zone)

    @classmethod
    def parse(cls, text: str) -> WallTime:
        """Read `09:00`, `24:00` or `05:00 America/Los_Angeles`.

        Raises:
            CalendarError: the text is none of these; the message says what would be right.
        """
        found = _WALL_TIME.fullmatch(text.strip())
        if found is None:
            raise CalendarError(f"{text!r} is no time of day; {_advice(text)}")
        hour, minute = int(found["hour"]), int(found["minute"])
        if minute > 59 or hour * 60 + minute > _DAY_MINUTES:
            raise CalendarError(
                f"{text!r} is no time of day: it runs from 00:00 to 24:00;"
                ' a shift that ends the next morning closes at "01:00", not "25:00"'
            )
        return cls(hour * 60 + minute, found["zone"])

    def __str__(self) -> str:
        text = f"{self.minute // 60:02}:{self.minute % 60:02}"
        return text if self.zone is None else f"{text} {self.zone}"


def _advice(text: str) -> str:
    if re.fullmatch(r"\d\d?:\d\d:\d\d(\s.*)?", text.strip()):
        return 'leave out the seconds; the end of a day is "24:00"'
    return 'write two digits each for hour and minute, such as "09:00" or "17:30 Europe/Berlin"'


class Opening(msgspec.Struct, frozen=True):
    """Open from a time of day (included) to another (excluded); it belongs to the date it opens on.

    Raises:
        CalendarError: it would open at 24:00, which is no time at which anything starts.
    """

    opens: WallTime
    closes: WallTime

    def __post_init__(self) -> None:
        if self.opens.minute == _DAY_MINUTES:
            raise CalendarError(
                'nothing opens at 24:00, which only ends a day; open at "00:00" of the next day'
            )

    def __str__(self) -> str:
        return f"{self.opens}-{self.closes}"


class Shift(msgspec.Struct, frozen=True):
    """An opening within a calendar: its zones are known, its ends are microseconds.

    Both ends count on the wall from midnight of the date that names the shift.
    """

    opens: int
    opens_zone: str
    closes: int
    closes_zone: str

    def on(self, midnight: int, clocks: Mapping[str, ZoneClock]) -> Span:
        """The span of instants of this shift on a date, given as the wall reading of its midnight.

        Empty or inverted (`to <= from`) on a day whose missing hour swallows it.
        """
        opens_at = clocks[self.opens_zone].instant(midnight + self.opens)
        return opens_at, clocks[self.closes_zone].instant(midnight + self.closes)

    def nominal(self) -> Span:
        """The span on a day on which no clock changes, in microseconds from some midnight.

        Two zones are taken by their standard times, whose difference is the usual one.
        """
        opens = self.opens - standard_offset(self.opens_zone)
        return opens, self.closes - standard_offset(self.closes_zone)


@lru_cache(maxsize=4096)
def shift(opening: Opening, calendar_zone: str) -> Shift:
    """An opening as a shift of a calendar in that zone.

    Whether it runs into the next day is settled here, by standard times: decided anew on each
    date, an opening of half an hour would last a day while only one of its zones has summer time.
    """
    opens_zone = opening.opens.zone or calendar_zone
    closes_zone = opening.closes.zone or calendar_zone
    opens, closes = opening.opens.minute * MINUTE, opening.closes.minute * MINUTE
    late = opens - standard_offset(opens_zone) - (closes - standard_offset(closes_zone))
    # More than one day only for zones on both sides of the date line.
    days_later = max(0, late // DAY + 1)
    return Shift(opens, opens_zone, closes + days_later * DAY, closes_zone)


def nominal_length(shifts: Iterable[Shift]) -> int:
    """Microseconds that the shifts of one date hold together on a day without clock change."""
    return length(merged(each.nominal() for each in shifts))
