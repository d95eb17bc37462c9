"""Where holidays come from, frozen to plain dates: a promise must not change when a library does.

A source is read once, when a contract version is published, for a range of years; the calendar
then holds only dates and names. What was read, and from which version, is kept beside them.

A rule or a library entry is worked out for the years around the range too, because observance moves
days over New Year: 1 January 2022 was a Saturday and was observed on 31 December 2021.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from typing import Literal

import holidays
from dateutil.easter import easter
from dateutil.relativedelta import relativedelta, weekday
from dateutil.rrule import rrulestr

from sla.bare_package import bare
from sla.errors import CalendarError

Observed = Literal["nearest_weekday", "next_monday"]
"""Where a holiday on a weekend goes. nearest_weekday: Saturday to Friday, Sunday to Monday;
next_monday: both to Monday. The holiday moves: the weekend day itself is then none."""

_VERSION = version("holidays")

_SATURDAY, _SUNDAY = 5, 6
_SHIFTS: Mapping[Observed, Mapping[int, int]] = {
    "nearest_weekday": {_SATURDAY: -1, _SUNDAY: 1},
    "next_monday": {_SATURDAY: 2, _SUNDAY: 1},
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}


@dataclass(frozen=True, slots=True)
class HolidaySet:
    """Holidays as plain dates, in order, with a line that says where they come from."""

    days: Mapping[date, str]
    """Date to name; several names of one date are joined by "; "."""
    source: str


# -- the library -------------------------------------------------------------------------------


def from_library(
    country: str,
    subdivision: str | None = None,
    categories: Collection[str] = ("public",),
    observed: bool = True,
    *,
    years: Collection[int],
    language: str | None = None,
) -> HolidaySet:
    """The holidays of a country as the `holidays` library knows them.

    US federal holidays are `from_library("US", years=...)`.

    Args:
        country: ISO 3166 code, such as "US".
        subdivision: the library's code of a state or region, such as "BY" within "DE".
        categories: of the library, such as "public", "bank", "government".
        observed: also the days on which a holiday on a weekend is observed, where the law says so.
        years: the years to freeze.
        language: of the names, such as "en_US"; None is the country's own.

    Raises:
        CalendarError: the library does not know the country, or one of the others within it.
    """
    wanted = _years(years)
    around = range(wanted[0] - 1, wanted[-1] + 2)
    try:
        # Else the first country imports all 250: 0.07 s and 20 MB, and 0.5 s without bytecode.
        with bare("holidays.countries"):
            # Without a language the library asks the process's locale, and the names would depend
            # on where they are asked for.
            own = holidays.country_holidays(country, subdiv=subdivision).default_language
            found = holidays.country_holidays(
                country,
                subdiv=subdivision,
                years=around,
                expand=False,
                observed=observed,
                language=language or own,
                categories=tuple(categories),
            )
    except (NotImplementedError, ValueError) as error:
        raise CalendarError(
            f"holidays {_VERSION} has no such holidays: {error};"
            " see https://holidays.readthedocs.io for countries, subdivisions and categories"
        ) from None
    # The library falls back to its default without a word.
    if language is not None and language not in (known := found.supported_languages):
        raise CalendarError(
            f"holidays {_VERSION} has no names in {language!r} for {country};"
            f" known: {', '.join(known) or 'only its default, so leave the language out'}"
        )
    place = country if subdivision is None else f"{country}-{subdivision}"
    watched = "observed" if observed else "not observed"
    parts = [place, *sorted(categories), watched, *([language] if language else [])]
    return HolidaySet(
        _within(wanted, sorted(found.items())),
        f"holidays {_VERSION}: {', '.join(parts)}",
    )


# -- rules -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FixedDate:
    """The same date every year; 29 February only in leap years.

    Raises:
        CalendarError: no year has such a date.
    """

    month: int
    day: int
    name: str
    observed: Observed | None = None

    def __post_init__(self) -> None:
        try:
            date(2000, self.month, self.day)
        except ValueError:
            raise CalendarError(
                f"holiday {self.name!r}: month {self.month}, day {self.day} is no date"
            ) from None

    def in_year(self, year: int) -> date | None:
        """The date in that year, before observance."""
        try:
            return date(year, self.month, self.day)
        except ValueError:
            return None

    def __str__(self) -> str:
        return f"{self.name} ({self.month:02}-{self.day:02}{_noted(self.observed)})"


@dataclass(frozen=True, slots=True)
class NthWeekday:
    """The n-th weekday of a month, counted from its end when negative: -1 is the last.

    A month without a fifth such weekday has no such holiday that year.

    Raises:
        CalendarError: a figure is out of its range.
    """

    month: int
    weekday: int
    """0 is Monday."""
    nth: int
    """1 to 5, or -1 to -5."""
    name: str
    observed: Observed | None = None

    def __post_init__(self) -> None:
        valid = 1 <= self.month <= 12 and 0 <= self.weekday <= 6 and 1 <= abs(self.nth) <= 5
        if not valid:
            raise CalendarError(
                f"holiday {self.name!r}: month {self.month}, weekday {self.weekday},"
                f" nth {self.nth} is no rule; month is 1 to 12, weekday 0 (Monday) to 6,"
                " nth 1 to 5 or -1 (the last) to -5"
            )

    def in_year(self, year: int) -> date | None:
        """The date in that year, before observance."""
        beginning = relativedelta(day=1 if self.nth > 0 else 31)
        step = relativedelta(weekday=weekday(self.weekday)(self.nth))
        found = date(year, self.month, 1) + beginning + step
        return found if found.month == self.month else None

    def __str__(self) -> str:
        ordinal = _ORDINALS[abs(self.nth)]
        which = ordinal if self.nth > 0 else "last" if self.nth == -1 else f"{ordinal} last"
        return (
            f"{self.name} ({which} {_WEEKDAYS[self.weekday]} of month {self.month}"
            f"{_noted(self.observed)})"
        )


@dataclass(frozen=True, slots=True)
class FromEaster:
    """A number of days after Easter Sunday, before it when negative: Good Friday is -2."""

    easter: int
    name: str
    church: Literal["western", "orthodox"] = "western"
    observed: Observed | None = None

    def in_year(self, year: int) -> date | None:
        """The date in that year, before observance."""
        # dateutil's EASTER_WESTERN is 3, EASTER_ORTHODOX (by today's calendar) is 2.
        sunday = easter(year, 3 if self.church == "western" else 2)
        return sunday + timedelta(days=self.easter)

    def __str__(self) -> str:
        return f"{self.name} ({self.church} Easter {self.easter:+d}{_noted(self.observed)})"


Rule = FixedDate | NthWeekday | FromEaster


def from_rules(rules: Sequence[Rule], years: Collection[int]) -> HolidaySet:
    """The dates that rules give, moved off the weekend where they say so.

    A moved holiday is named "... (observed)".
    """
    wanted = _years(years)
    around = range(wanted[0] - 1, wanted[-1] + 2)
    found = (_observed(rule, day) for rule in rules for day in map(rule.in_year, around) if day)
    return HolidaySet(_within(wanted, found), f"rules: {', '.join(map(str, rules))}")


def _observed(rule: Rule, day: date) -> tuple[date, str]:
    days = _SHIFTS[rule.observed].get(day.weekday(), 0) if rule.observed else 0
    return (day + timedelta(days), f"{rule.name} (observed)") if days else (day, rule.name)


def _noted(observed: Observed | None) -> str:
    return "" if observed is None else f", {observed.replace('_', ' ')}"


# -- dates -------------------------------------------------------------------------------------


def from_dates(days: Mapping[date, str]) -> HolidaySet:
    """Holidays written down one by one."""
    return HolidaySet(dict(sorted(days.items())), f"{_counted(len(days), 'date')} by hand")


# -- iCalendar ---------------------------------------------------------------------------------

# NAME;PARAM=value;PARAM="quoted: value":VALUE  (RFC 5545, 3.1)
_PROPERTY = re.compile(
    r'(?P<name>[\w-]+)(?P<params>(?:;[\w-]+=(?:"[^"]*"|[^";:])*)*):(?P<value>.*)'
)
_DURATION = re.compile(
    r"\+?P(?:(\d{1,12})W)?(?:(\d{1,12})D)?(?:T(?:(\d{1,12})H)?(?:(\d{1,12})M)?(?:(\d{1,12})S)?)?"
)
_UNTIL = re.compile(r"UNTIL=(\d{8})(?:T\d{6}Z?)?")
_FREQUENCY = re.compile(r"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;|$)")
# A rule with an interval of 0 would never get on.
_NOTHING = re.compile(r"(INTERVAL|COUNT)=(?!0*[1-9])")
_TIME_OF_DAY = re.compile(r"BY(HOUR|MINUTE|SECOND)=\d+(;|$)")
_TIMES_OF_DAY = re.compile(r"BY(HOUR|MINUTE|SECOND)=")
_ESCAPES = {r"\n": " ", r"\N": " ", r"\,": ",", r"\;": ";", r"\\": "\\"}


@dataclass(slots=True)
class _Event:
    """The properties of one VEVENT that matter here: (value, number of its line)."""

    line: int
    properties: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def values(self, name: str) -> list[tuple[str, int]]:
        return self.properties.get(name, [])

    def one(self, name: str) -> tuple[str, int] | None:
        return next(iter(self.values(name)), None)

    def text(self, name: str, otherwise: str = "") -> str:
        found = self.one(name)
        return otherwise if found is None else re.sub(r"\\[nN,;\\]", _unescaped, found[0])

    def dates(self, name: str) -> set[date]:
        """The dates of properties whose values are lists of dates or times."""
        return {_day(each, line) for value, line in self.values(name) for each in value.split(",")}


def from_icalendar(text: str, years: Collection[int], name: str = "iCalendar file") -> HolidaySet:
    """The dates that the events of an iCalendar text (RFC 5545) touch.

    An event with times closes every date it touches, as written in its own time zone: a calendar
    of holidays has no half days. `DTEND` is exclusive. `RRULE`, `RDATE`, `EXDATE` and moved
    occurrences (`RECURRENCE-ID`) are followed within the years; cancelled events are left out.

    Args:
        text: the file's contents.
        years: the years to freeze.
        name: of the file, for messages and the source line.

    Raises:
        CalendarError: the text cannot be read; the message names the line and what would be right.
    """
    wanted = _years(years)
    try:
        events = list(_events(text))
        moved = {(e.text("UID"), day) for e in events for day in e.dates("RECURRENCE-ID")}
        found = [pair for event in events for pair in _touched(event, wanted, moved)]
    except CalendarError as error:
        raise CalendarError(f"{name}: {error}") from None
    return HolidaySet(_within(wanted, found), f"{name}: {_counted(len(events), 'event')}")


def _touched(
    event: _Event, years: Sequence[int], moved: Collection[tuple[str, date]]
) -> Iterator[tuple[date, str]]:
    if event.text("STATUS").upper() == "CANCELLED":
        return
    name = event.text("SUMMARY", "Holiday")
    start = _start(event)
    days = _days_touched(event, start)
    first, last = date(years[0], 1, 1), date(years[-1], 12, 31)
    # One that began before the years may reach into them.
    reaching = max(first.toordinal() - days, 1)
    starts = _occurrences(event, start.date(), date.fromordinal(reaching), last)
    if event.one("RECURRENCE-ID") is None:
        starts -= {day for uid, day in moved if uid == event.text("UID")}
    for each in starts:
        # A long event counts only where it meets the years, however long it is.
        for number in range(max((first - each).days, 0), min(days, (last - each).days + 1)):
            yield each + timedelta(number), name


def _occurrences(event: _Event, start: date, first: date, last: date) -> set[date]:
    starts = event.dates("RDATE")
    if not event.values("RRULE"):
        starts.add(start)
    for rule, line in event.values("RRULE"):
        starts |= _recurring(rule, line, start, first, last)
    return starts - event.dates("EXDATE")


def _recurring(rule: str, line: int, start: date, first: date, last: date) -> set[date]:
    if not _FREQUENCY.search(rule.upper()):
        raise CalendarError(
            f"line {line}: RRULE {rule!r} has no frequency of days; use FREQ=DAILY, WEEKLY,"
            " MONTHLY or YEARLY"
        )
    if _NOTHING.search(rule.upper()):
        raise CalendarError(f"line {line}: RRULE {rule!r}: INTERVAL and COUNT are 1 at least")
    # Only dates matter: the rule is run over midnights, and UNTIL closes the day it names.
    in_days = _UNTIL.sub(r"UNTIL=\1T235959Z", _TIME_OF_DAY.sub("", rule.upper()).strip(";"))
    if _TIMES_OF_DAY.search(in_days):
        raise CalendarError(
            f"line {line}: RRULE {rule!r} names several times of a day; a holiday closes the whole"
            " day, so leave BYHOUR, BYMINUTE and BYSECOND out"
        )
    try:
        recurrence = rrulestr(in_days, dtstart=_midnight(start))
        found = recurrence.between(_midnight(first), _midnight(last), inc=True)
    except (ValueError, TypeError, ArithmeticError, LookupError) as error:
        raise CalendarError(f"line {line}: RRULE {rule!r} cannot be read: {error}") from None
    return {at.date() for at in found}


def _start(event: _Event) -> datetime:
    start = event.one("DTSTART")
    if start is None:
        raise CalendarError(f"line {event.line}: this event has no DTSTART, so no date")
    return _moment(*start)


def _days_touched(event: _Event, start: datetime) -> int:
    """How many dates an occurrence touches; its end is exclusive, and it touches at least one."""
    end, duration = event.one("DTEND"), event.one("DURATION")
    if end is not None:
        finish = _moment(*end)
    elif duration is not None:
        try:
            finish = start + _duration(*duration)
        except OverflowError:
            raise CalendarError(
                f"line {duration[1]}: {duration[0]!r} ends after the year 9999; write less, as P1D"
            ) from None
    else:
        return 1
    if finish < start:
        raise CalendarError(f"line {event.line}: this event ends before it begins")
    if finish == start:
        return 1
    return ((finish - timedelta.resolution).date() - start.date()).days + 1


def _day(value: str, line: int) -> date:
    return _moment(value, line).date()


def _moment(value: str, line: int) -> datetime:
    """A date or time as written, labelled UTC whatever its zone: only the figures matter here."""
    # A RDATE may be a period, start/end: what counts is its start.
    text = value.strip().split("/")[0].removesuffix("Z")
    if not re.fullmatch(r"\d{8}(T\d{6})?", text):
        raise CalendarError(f"line {line}: {value!r} is no date; write 20261225 or 20261225T120000")
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError as error:
        raise CalendarError(f"line {line}: {value!r} is no date: {error}") from None


def _duration(value: str, line: int) -> timedelta:
    found = _DURATION.fullmatch(value.strip())
    if found is None or not any(found.groups()):
        raise CalendarError(f"line {line}: {value!r} is no duration; write P1D, P2W or PT12H")
    weeks, days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(days=days, seconds=seconds, minutes=minutes, hours=hours, weeks=weeks)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _events(text: str) -> Iterator[_Event]:
    """The events of a text; what lies inside other components, such as alarms, is left out."""
    inside: list[str] = []
    event = _Event(0)
    lines = list(_unfolded(text))
    if not lines or lines[0][0].upper() != "BEGIN:VCALENDAR":
        raise CalendarError("line 1: this is no iCalendar text; it begins with BEGIN:VCALENDAR")
    for content, line in lines:
        name, value = _property(content, line)
        if name == "BEGIN":
            inside.append(value.upper())
            if value.upper() == "VEVENT":
                event = _Event(line)
        elif name == "END":
            if not inside or inside.pop() != value.upper():
                raise CalendarError(f"line {line}: END:{value} ends nothing that is open here")
            if value.upper() == "VEVENT":
                yield event
        elif inside[-1:] == ["VEVENT"]:
            event.properties.setdefault(name, []).append((value, line))
    if inside:
        raise CalendarError(f"the text stops within {inside[-1]}; END:{inside[-1]} is missing")


def _unfolded(text: str) -> Iterator[tuple[str, int]]:
    """Logical lines with the number of their first: one that begins with a blank continues."""
    content, number = "", 0
    for at, line in enumerate(text.removeprefix("\ufeff").splitlines(), start=1):
        if line[:1] in (" ", "\t") and content:
            content += line[1:]
            continue
        if content.strip():
            yield content, number
        content, number = line, at
    if content.strip():
        yield content, number


def _property(content: str, line: int) -> tuple[str, str]:
    found = _PROPERTY.fullmatch(content)
    if found is None:
        raise CalendarError(f"line {line}: {content[:60]!r} is no property; write NAME:value")
    return found["name"].upper(), found["value"].strip()


def _unescaped(found: re.Match[str]) -> str:
    return _ESCAPES[found[0]]


# -- putting together --------------------------------------------------------------------------


def combine(
    sources: Iterable[HolidaySet],
    add: Mapping[date, str] | None = None,
    remove: Iterable[date] = (),
) -> HolidaySet:
    """All sources as one, with single dates added and removed on top.

    Args:
        sources: on a date of several sources, their names are joined unless they are the same.
        add: replaces what the sources say about a date.
        remove: dates that are no holidays after all; each must be one.

    Raises:
        CalendarError: a date to be removed is no holiday in any source.
    """
    sources = tuple(sources)
    days = _named(pair for source in sources for pair in source.days.items())
    removed = sorted(set(remove))
    for day in removed:
        if days.pop(day, None) is None:
            raise CalendarError(
                f"{day} is to be removed from the holidays, but no source has it;"
                f" sources: {'; '.join(source.source for source in sources) or 'none'}"
            )
    said = [source.source for source in sources]
    said += [f"{_counted(len(add), 'date')} added"] if add else []
    said += [f"{_counted(len(removed), 'date')} removed"] if removed else []
    return HolidaySet(dict(sorted((days | dict(add or {})).items())), "; ".join(said))


def _within(years: Sequence[int], pairs: Iterable[tuple[date, str]]) -> dict[date, str]:
    wanted = frozenset(years)
    return _named(sorted((day, name) for day, name in pairs if day.year in wanted))


def _named(pairs: Iterable[tuple[date, str]]) -> dict[date, str]:
    """Date to name; different names of one date joined."""
    names: dict[date, dict[str, None]] = {}
    for day, name in pairs:
        names.setdefault(day, {}).update(dict.fromkeys(name.split("; ")))
    return {day: "; ".join(each) for day, each in names.items()}


def _years(years: Collection[int]) -> list[int]:
    if not years:
        raise CalendarError("no years to freeze holidays for; name at least one")
    return sorted(years)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
