"""The calendars that everybody is asked about, the questions, and their answers worked out plainly.

The answers come from a list of all days with their ends converted by `zoneinfo` and from nothing of
Dueline's, so that they can judge Dueline and its peers alike.
"""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays

from sla.calendar import Calendar, Opening, WallTime

ZONE = "America/New_York"
YEARS = range(2020, 2035)

# Starts end well before the holidays do, so that a year after each is still covered.
_FIRST, _LAST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2033, 11, 30, tzinfo=UTC)
_ONE_DAY = timedelta(days=1)
_AROUND = (-6 * 3600, 18 * 3600)
_ZONE = ZoneInfo(ZONE)

Answer = datetime | timedelta | date
_Spans = list[tuple[datetime, datetime]]


@dataclass(frozen=True)
class Office:
    """Opening hours in New York; those that end before they begin end on the next day."""

    opens: str
    closes: str
    workdays: tuple[int, ...]
    """0 is Monday."""
    holidays: tuple[date, ...] = ()


BY_DAY = Office(
    "08:00", "20:00", tuple(range(5)), tuple(sorted(holidays.country_holidays("US", years=YEARS)))
)
"""What all times are measured with: office hours without the United States' federal holidays."""

BY_NIGHT = Office("22:00", "06:00", tuple(range(7)))
"""Every night, so that each change of the clocks falls into a shift: for answers, not for times."""


@dataclass(frozen=True)
class Question:
    """What is asked of each start.

    `due`: the instant at which `amount` of open time is used up. `elapsed`: the open time from the
    start until `amount` later. `day`: the local date of the `days`-th business day after the start,
    which lies within opening hours; outside them libraries differ in where they begin to count.
    """

    kind: Literal["due", "elapsed", "day"]
    amount: timedelta = timedelta(0)
    days: int = 0
    office: Office = BY_DAY


def calendar(office: Office = BY_DAY) -> Calendar:
    """The office as a calendar of Dueline's."""
    opening = Opening(WallTime.parse(office.opens), WallTime.parse(office.closes))
    weekly = dict.fromkeys(office.workdays, (opening,))
    return Calendar("office", ZONE, weekly, dict.fromkeys(office.holidays, "holiday"))


def starts(question: Question, number: int, seed: int) -> list[datetime]:
    """So many random instants of whole seconds, aware UTC, in no order.

    Every third lies between the evening before and the evening of a holiday or of a day on which
    the clocks change.
    """
    choice = random.Random(seed)  # noqa: S311 - a measurement is no secret
    special = [*_days_of_change(), *question.office.holidays]
    special = [day for day in special if _FIRST.date() < day < _LAST.date()]
    found: list[datetime] = []
    while len(found) < number:
        if choice.randrange(3) == 0:
            midnight = _instant(choice.choice(special), "00:00")
            at = midnight + timedelta(seconds=choice.randrange(*_AROUND))
        else:
            at = _FIRST + timedelta(seconds=choice.randrange(int((_LAST - _FIRST).total_seconds())))
        if question.kind != "day" or _is_open(question.office, at):
            found.append(at)
    return found


def right(question: Question, start: datetime) -> Answer:
    """The answer, worked out plainly: aware UTC, a length, or a date."""
    match question.kind:
        case "due":
            return _due(question.office, start, question.amount)
        case "elapsed":
            return _elapsed(question.office, start, start + question.amount)
        case "day":
            days = [opens.astimezone(_ZONE).date() for opens, _ in _spans(question.office)]
            return days[bisect_right(days, start.astimezone(_ZONE).date()) + question.days - 1]


def _due(office: Office, start: datetime, amount: timedelta) -> datetime:
    for opens, closes in _spans_from(office, start):
        begins = max(opens, start)
        if closes - begins >= amount:
            return begins + amount
        amount -= closes - begins
    raise AssertionError("due after the last day of the office")


def _elapsed(office: Office, start: datetime, end: datetime) -> timedelta:
    passed = timedelta(0)
    for opens, closes in _spans_from(office, start):
        if opens >= end:
            break
        passed += min(closes, end) - max(opens, start)
    return passed


def _is_open(office: Office, at: datetime) -> bool:
    opens, closes = next(_spans_from(office, at))
    return opens <= at < closes


def _spans_from(office: Office, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The opening hours that end after an instant, in order."""
    spans = _spans(office)
    yield from spans[bisect_right(spans, start, key=lambda span: span[1]) :]


@cache
def _spans(office: Office) -> _Spans:
    into_next_day = timedelta(days=office.closes <= office.opens)
    closed = set(office.holidays)
    return [
        (_instant(day, office.opens), _instant(day + into_next_day, office.closes))
        for day in _days()
        if day.weekday() in office.workdays and day not in closed
    ]


def _days() -> Iterator[date]:
    first, last = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
    yield from (first + n * _ONE_DAY for n in range((last - first).days + 1))


def _days_of_change() -> list[date]:
    midnights = {day: _instant(day, "00:00") for day in _days()}
    return [
        day
        for day, midnight in midnights.items()
        if midnights.get(day + _ONE_DAY, midnight + _ONE_DAY) - midnight != _ONE_DAY
    ]


def _instant(day: date, wall: str) -> datetime:
    return datetime.combine(day, time.fromisoformat(wall), tzinfo=_ZONE).astimezone(UTC)
