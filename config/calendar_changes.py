"""What differs between two versions of a calendar, as days: holidays, hours, and the clocks."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

import msgspec

from config.configuration import Configuration
from config.zone_data import Clocks, clock_days
from sla.words import DAYS

AHEAD = timedelta(days=2 * 365)
"""How far ahead of the present day differences are told by name."""
_SHORT = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SETTINGS = ("time_zone", "holiday_mode", "always_open")
_LIBRARY = re.compile(r"holidays (\S+):")


class Window(NamedTuple):
    """The days of interest, both included."""

    first: date
    last: date

    def has(self, day: date) -> bool:
        """Whether a day is among them."""
        return self.first <= day <= self.last


class Difference(msgspec.Struct, frozen=True):
    """Something that is one thing before and another afterwards; None: nothing."""

    what: str
    """A date, a weekday, a setting, or a date and a zone."""
    was: str | None
    becomes: str | None


class CalendarChange(msgspec.Struct, frozen=True, kw_only=True):
    """What a calendar has otherwise than before."""

    calendar: str
    holidays: Sequence[Difference] = ()
    """By date: the holiday's name."""
    hours: Sequence[Difference] = ()
    """By weekday: the openings that start on it."""
    days: Sequence[Difference] = ()
    """By date: the openings of an extra day."""
    settings: Sequence[Difference] = ()
    clocks: Sequence[Difference] = ()
    """By date and zone: what the clocks do."""
    source: Sequence[str] = ()
    """Where the holidays came from, and where they come from; empty: it is the same."""
    beyond: int = 0
    """How many more holidays differ, before or after the days of interest."""
    deadlines: int = 0
    """How many clocks of open issues that run by it would move."""
    issues: Sequence[str] = ()
    """Whose they are."""

    @property
    def is_of_days(self) -> bool:
        """Whether a day differs, and not only where the holidays are said to come from."""
        return bool(
            self.holidays or self.hours or self.days or self.settings or self.clocks or self.beyond
        )

    def lines(self) -> Iterator[str]:
        """The same for people."""
        yield from (_holiday(each) for each in self.holidays)
        yield from map(_from_to, (*self.hours, *self.days, *self.settings, *self.clocks))
        if self.beyond:
            yield f"{self.beyond} further holidays differ, before or after those days"
        if self.source and self.source[0] != self.source[1]:
            no_day = "" if self.is_of_days else "; no day differs"
            yield f"source: {self.source[0] or 'none'} becomes {self.source[1] or 'none'}{no_day}"


def calendar_changes(
    before: Configuration,
    after: Configuration,
    window: Window,
    clocks: tuple[Clocks, Clocks] | None = None,
) -> list[CalendarChange]:
    """What calendars that both versions have do otherwise, in the order of their names.

    Args:
        before: as it was frozen.
        after: as it would be.
        window: the days of interest.
        clocks: what the clocks of zones were known to do, and what they do by the zone data here.
    """
    old, new = _calendars(before), _calendars(after)
    found = []
    for name in sorted(old.keys() & new.keys()):
        of_clocks = _clocks(after, name, window, *clocks) if clocks else ()
        change = _changed(name, old[name], new[name], window, of_clocks)
        if change.is_of_days or change.source:
            found.append(change)
    return found


def told(changes: Sequence[CalendarChange]) -> Iterator[str]:
    """Every difference on a line of its own, with the calendar that it is of."""
    for change in changes:
        yield from (f"calendar {change.calendar}: {line}" for line in change.lines())


class _Source(msgspec.Struct, frozen=True):
    holiday_source: str = ""


class _Sources(msgspec.Struct, frozen=True):
    """Of a published version where its calendars' holidays come from."""

    calendars: Mapping[str, _Source]


def library_releases(configuration: Configuration) -> frozenset[str]:
    """The releases of the holidays library from which a version's calendars were frozen."""
    # Each start asks; to have all of the text as Python's objects takes forty times as long.
    calendars = msgspec.json.decode(configuration.text, type=_Sources).calendars.values()
    return frozenset(
        release for each in calendars for release in _LIBRARY.findall(each.holiday_source)
    )


def zones_of(configuration: Configuration) -> frozenset[str]:
    """The time zones whose clocks a version's calendars go by."""
    return frozenset(
        zone for name in configuration.calendars for zone in _zones(configuration, name)
    )


def _calendars(configuration: Configuration) -> Mapping[str, Mapping[str, Any]]:
    plain: dict[str, Mapping[str, Any]] = json.loads(configuration.text)["calendars"]
    return plain


def _zones(configuration: Configuration, name: str) -> Iterator[str]:
    calendar = configuration.calendars[name]
    yield calendar.time_zone
    for openings in (*calendar.weekly.values(), *calendar.extra_days.values()):
        for each in openings:
            yield from (end.zone for end in (each.opens, each.closes) if end.zone)


def _clocks(
    configuration: Configuration, name: str, window: Window, was: Clocks, becomes: Clocks
) -> Iterator[Difference]:
    for zone in sorted({*_zones(configuration, name)} & was.zones.keys()):
        old, new = clock_days(was, zone), clock_days(becomes, zone)
        for day in sorted(old.keys() | new.keys()):
            # How a zone goes at the beginning of the years that are known is told however early.
            if old.get(day) != new.get(day) and (window.has(day) or day == was.first_day):
                yield Difference(f"{day} {zone}", old.get(day), new.get(day))


def _changed(
    name: str, old: Mapping[str, Any], new: Mapping[str, Any], window: Window,
    clocks: Iterator[Difference] | tuple[()],
) -> CalendarChange:  # fmt: skip
    holidays = [*_by_key(old.get("holidays", {}), new.get("holidays", {}))]
    inside = [each for each in holidays if window.has(date.fromisoformat(each.what))]
    hours = partial(_by_key, text=_openings)
    sources = (old.get("holiday_source", ""), new.get("holiday_source", ""))
    return CalendarChange(
        calendar=name,
        holidays=inside,
        beyond=len(holidays) - len(inside),
        hours=_weekdays(hours(old.get("weekly", {}), new.get("weekly", {}))),
        days=[*hours(old.get("extra_days", {}), new.get("extra_days", {}))],
        settings=[
            Difference(setting, _setting(old.get(setting)), _setting(new.get(setting)))
            for setting in _SETTINGS
            if old.get(setting) != new.get(setting)
        ],
        clocks=[*clocks],
        source=sources if sources[0] != sources[1] else (),
    )


def _by_key(
    old: Mapping[str, Any], new: Mapping[str, Any], text: Any = str
) -> Iterator[Difference]:
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield Difference(
                key,
                text(old[key]) if key in old else None,
                text(new[key]) if key in new else None,
            )


def _weekdays(differences: Iterator[Difference]) -> list[Difference]:
    found = sorted(differences, key=lambda each: _SHORT.index(each.what))
    return [Difference(DAYS[_SHORT.index(each.what)], each.was, each.becomes) for each in found]


def _openings(times: Sequence[Sequence[str]]) -> str:
    return ", ".join(f"{opens}-{closes}" for opens, closes in times) or "closed"


def _setting(value: Any) -> str:
    return "yes" if value is True else "no" if value is False else str(value)


def _holiday(change: Difference) -> str:
    if change.was is None:
        return f"{change.what} becomes a holiday: {change.becomes}"
    if change.becomes is None:
        return f"{change.what} is no holiday any more: {change.was}"
    return f"{change.what} is still a holiday, named {change.becomes} and not {change.was}"


def _from_to(change: Difference) -> str:
    was, becomes = change.was or "nothing", change.becomes or "nothing"
    return f"{change.what.replace('_', ' ')}: {was} becomes {becomes}"
