"""Instants and lengths as people read them, in English whatever the machine's language is."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import msgspec

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MINUTE = timedelta(minutes=1)
_TWO = tuple(f"{number:02}" for number in range(60))
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def local(at: datetime, zone: str) -> str:
    """An instant for people: `Thu 11 Jul 2024 09:00 EDT` (seconds only where there are some)."""
    shown = at.astimezone(ZoneInfo(zone))
    clock = "%H:%M:%S" if shown.second or shown.microsecond else "%H:%M"
    return f"{_day(shown.toordinal())} {shown:{clock} %Z}"


def minute(at: datetime, zone: str) -> str:
    """The same for comments, in which nobody reads seconds: the minute that has begun."""
    shown = at.astimezone(ZoneInfo(zone))
    # Not by `strftime`, which takes four times as long: every decision has a few of these. To fill
    # up two numbers with zeros took a quarter of it, and to write the day, which is the same for
    # many, a third.
    day = _day(shown.toordinal())
    return f"{day} {_TWO[shown.hour]}:{_TWO[shown.minute]} {shown.tzname()}"


@lru_cache(maxsize=1024)
def _day(ordinal: int) -> str:
    day = date.fromordinal(ordinal)
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"


def utc(at: datetime) -> str:
    """An instant for machines: ISO 8601 in UTC with `Z`, fractions only where there are some."""
    return iso(at).replace("+00:00", "Z")


def iso(at: datetime) -> str:
    """What `isoformat` gives, in a fifth of its time: a decision writes three to ten instants."""
    if at.tzinfo is UTC and type(at) is datetime:
        return f"{_encoded(at)[1:-2].decode()}+00:00"
    return at.isoformat()


_encoded = msgspec.json.Encoder().encode


def length(amount: timedelta) -> str:
    """A length for people: `1 h 30 min`, `45 s`; hours are not folded into days."""
    seconds = int(abs(amount).total_seconds())
    hours, rest = divmod(seconds, 3600)
    minutes, rest = divmod(rest, 60)
    units = ((hours, "h"), (minutes, "min"), (rest, "s"))
    text = " ".join(f"{number} {unit}" for number, unit in units if number)
    return f"{'-' if amount < timedelta(0) else ''}{text or '0 min'}"


def whole_minutes(amount: timedelta) -> str:
    """The same at a glance, where nobody acts by the second: the minutes that are whole.

    Of a length that is not nothing, but less than a minute, that it is: `under 1 min`.
    """
    if timedelta(0) < abs(amount) < _MINUTE:
        return "under 1 min"
    whole = abs(amount) - abs(amount) % _MINUTE
    return length(-whole if amount < timedelta(0) else whole)


def many(count: int, what: str, plural: str = "") -> str:
    """How many of something there are: `1 issue`, `2,000 issues`, `1 is`, `3 are`."""
    return f"{count:,} {what if count == 1 else plural or f'{what}s'}"


def closest(word: str, known: Iterable[str]) -> str | None:
    """The name that was probably meant, if one is close; case does not count."""
    # Only a fault needs it, and a start without one is 2 ms shorter.
    from difflib import get_close_matches

    by_fold = {name.casefold(): name for name in known}
    found = get_close_matches(word.casefold(), by_fold, n=1)
    return by_fold[found[0]] if found else None
