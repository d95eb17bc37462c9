"""Calendars: a year at a glance, what is ahead, who uses them, and a tester of due instants."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from config import lengths, looking
from config.configuration import Configuration
from config.positions import said_in
from config.settings import SHIPPED
from config.summary import plain_of, whom
from sla.calendar import Calendar, Opening, Reading
from sla.contract import Contract, Goal
from sla.errors import SlaError
from sla.explain import way
from sla.words import DAYS, length
from sla.zones import FIRST_YEAR, LAST_YEAR, from_micros, zone_clock
from webhooks.console.questions import instants
from webhooks.console.questions.looked_at import LookedAt
from webhooks.questions import QuestionError

DayKind = Literal["open", "closed", "holiday", "extra"]
FIRST, LAST = FIRST_YEAR + 1, LAST_YEAR - 1
"""The years that can be looked at."""
_AHEAD = 6
_CHANGES_AHEAD = 4
_DAY = timedelta(days=1)
_WEEK = timedelta(days=7)
_NOTHING = timedelta(0)
_STEPS = timedelta(days=60)
_MOST_PAUSES = 20


class CalendarInShort(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar among others."""

    id: str
    time_zone: str
    title: str = ""
    hours: Sequence[str] = ()
    """Weekly hours in words."""
    is_used: bool = True
    is_open: bool = False
    """At the present instant."""
    never_opens: bool = False
    next_holiday: HolidaySeen | None = None
    used_by: Sequence[str] = ()
    """Contracts, and ladders of alerts, in words."""


class HolidaySeen(msgspec.Struct, frozen=True):
    """A holiday."""

    date: date
    name: str
    closes: bool
    """Whether the day would be open but for it."""


class DaySeen(msgspec.Struct, frozen=True, kw_only=True):
    """A local day."""

    date: date
    kind: DayKind
    open_seconds: float
    """Within the local day, from midnight to midnight."""
    name: str = ""
    """The holiday's."""
    change: str = ""
    """What the clocks do on it; empty: nothing."""


class ClockChange(msgspec.Struct, frozen=True, kw_only=True):
    """A day on which the clocks change, and what it does to the open hours."""

    date: date
    at: datetime
    time_zone: str
    words: str
    """What the clocks do."""
    open_seconds: float
    """Of the calendar's local day."""
    usual_seconds: float
    """Of the same weekday a week before, holidays aside."""
    effect: str


class Use(msgspec.Struct, frozen=True):
    """What uses a calendar."""

    contract: str | None
    """Null: a ladder of alerts."""
    what: str


class Hours(msgspec.Struct, frozen=True):
    """Days of the week that are open alike."""

    days: str
    openings: str


class CalendarSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar, with one of its years."""

    id: str
    title: str
    note: str
    clause: str
    time_zone: str
    is_used: bool
    always_open: bool
    never_opens: bool
    is_open: bool
    """At the present instant."""
    opens_at: datetime | None
    """When it opens next; null: it is open, or never opens again."""
    hours: Sequence[Hours]
    regular_day_seconds: float | None
    """What one business day is worth in open hours; null: it has no weekly hours."""
    holiday_mode: str
    holiday_source: str
    """Where the holidays come from, with its version."""
    holidays: int
    """How many are known, over all years."""
    next_holidays: Sequence[HolidaySeen]
    changes: Sequence[ClockChange]
    """The next days on which clocks change."""
    used_by: Sequence[Use]
    year: int
    days: Sequence[DaySeen]
    """Every day of that year."""
    document: str
    """The path of its document."""

    @property
    def months(self) -> list[list[DaySeen]]:
        """The days month by month."""
        return [list(days) for _, days in groupby(self.days, key=lambda day: day.date.month)]

    @property
    def special(self) -> list[DaySeen]:
        """The days of the year that are not like others."""
        return [day for day in self.days if day.name or day.change or day.kind == "extra"]

    @property
    def open_days(self) -> int:
        """How many days of the year have open time."""
        return sum(day.open_seconds > 0 for day in self.days)

    @property
    def open_hours(self) -> float:
        """The year's open time in hours."""
        return sum(day.open_seconds for day in self.days) / 3600


class DueQuestion(msgspec.Struct, kw_only=True):
    """A start and a target."""

    start: str
    """Local time in the calendar's zone, such as 2026-07-01T15:00, or ISO 8601 with an offset."""
    target: str
    """Such as `8h`, `1h 30m` or `1 business day`."""
    reading: Reading = "open_hours"
    """How business days are counted."""
    pause: list[str] = []
    """Spans that do not count, each `START/END`."""


class StepSeen(msgspec.Struct, frozen=True):
    """One span of the way."""

    kind: str
    """`open`, `closed`, `holiday`, `paused`, `moved`, or `not shown` for what is too long."""
    from_at: datetime
    to_at: datetime
    used_seconds: float
    left_seconds: float
    span: str
    """The two instants in the calendar's zone."""
    words: str


class DueAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The instant, and how it comes about."""

    calendar: str
    time_zone: str
    start_at: datetime
    due_at: datetime
    target: str
    reading: str | None
    """Null: the target is a length."""
    open_seconds: float
    """Open time between the two, without the pauses."""
    notes: Sequence[str]
    """What was chosen where the question left a choice, and why."""
    steps: Sequence[StepSeen]


class _Found(NamedTuple):
    calendar: Calendar
    plain: Mapping[str, Any]
    is_used: bool


# --- looking --------------------------------------------------------------------------------------


def listed(at: LookedAt) -> list[CalendarInShort]:
    """The calendars that something uses, then the others, the shipped ones among them."""
    configuration, documents, now = at.configuration, at.documents, at.standing.now()
    found = [
        _in_short(configuration, key, calendar, now)
        for key, calendar in configuration.calendars.items()
    ]
    used = {key.rpartition("/")[2] for key in configuration.calendars}
    paths = [path for path in documents if re.fullmatch(r"calendars/.*\.yaml", path)]
    paths += [f"calendars/{path.name}" for path in (SHIPPED / "calendars").glob("*.yaml")]
    for path in sorted(set(paths)):
        id_ = path.removeprefix("calendars/").removesuffix(".yaml")
        if id_ not in used:
            text = documents.get(path) or (SHIPPED / path).read_text(encoding="utf-8")
            found.append(_unused(id_, text))
    return found


def seen(at: LookedAt, key: str, year: int | None = None) -> CalendarSeen | None:
    """A calendar, with a year of it; None where there is none of that name.

    Args:
        at: what is in force, or a draft.
        key: its id; of one with a contract's holidays `contract/id`.
        year: from `FIRST` to `LAST`; None: the present one.
    """
    found = _found(at, key)
    return _seen(found, key, at, year) if found else None


def calendar_of(at: LookedAt, key: str) -> Calendar | None:
    """The calendar of that name alone."""
    found = _found(at, key)
    return found.calendar if found else None


def _found(at: LookedAt, key: str) -> _Found | None:
    configuration = at.configuration
    if key in configuration.calendars:
        plain = plain_of(configuration)["calendars"][key]
        return _Found(configuration.calendars[key], plain, is_used=True)
    found = looking.lone_calendar(at.documents, key) if at.documents else None
    return _Found(*found, is_used=False) if found else None


def _seen(found: _Found, key: str, at: LookedAt, year: int | None) -> CalendarSeen:
    calendar, plain, now = found.calendar, found.plain, at.standing.now()
    zone = ZoneInfo(calendar.time_zone)
    today = now.astimezone(zone).date()
    shown = today.year if year is None else year
    is_open, opens_at = _opening(calendar, now)
    return CalendarSeen(
        id=key,
        title=plain.get("title") or "",
        note=plain.get("note") or "",
        clause=plain.get("clause") or "",
        time_zone=calendar.time_zone,
        is_used=found.is_used,
        always_open=calendar.always_open,
        never_opens=never_opens(calendar),
        is_open=is_open,
        opens_at=opens_at,
        hours=weekly_hours(calendar),
        regular_day_seconds=_regular_day(calendar),
        holiday_mode=calendar.holiday_mode,
        holiday_source=plain.get("holiday_source") or "",
        holidays=len(calendar.holidays),
        next_holidays=_holidays_from(calendar, today)[:_AHEAD],
        changes=_changes_ahead(calendar, now)[:_CHANGES_AHEAD],
        used_by=list(_uses(at.configuration, calendar)),
        year=shown,
        days=_days(calendar, shown),
        document=f"calendars/{key.rpartition('/')[2]}.yaml",
    )


def never_opens(calendar: Calendar) -> bool:
    """Whether nothing in it ever opens."""
    opens = any(calendar.weekly.values()) or any(calendar.extra_days.values())
    return not (calendar.always_open or opens)


def _opening(calendar: Calendar, now: datetime) -> tuple[bool, datetime | None]:
    """Whether it is open, and when it opens next if not."""
    if calendar.is_open(now):
        return True, None
    try:
        return False, calendar.next_opening(now)
    except SlaError:
        return False, None


def _regular_day(calendar: Calendar) -> float | None:
    try:
        return calendar.regular_day.total_seconds()
    except SlaError:
        return None


def _in_short(
    configuration: Configuration, key: str, calendar: Calendar, now: datetime
) -> CalendarInShort:
    today = now.astimezone(ZoneInfo(calendar.time_zone)).date()
    uses = _uses(configuration, calendar)
    return CalendarInShort(
        id=key,
        time_zone=calendar.time_zone,
        title=plain_of(configuration)["calendars"][key].get("title") or "",
        hours=[f"{each.days} {each.openings}" for each in weekly_hours(calendar)],
        is_open=calendar.is_open(now),
        never_opens=never_opens(calendar),
        next_holiday=next(iter(_holidays_from(calendar, today)), None),
        used_by=list(dict.fromkeys(use.contract or use.what for use in uses)),
    )


# Whoever looks at the list looks at it again; to read a document takes some milliseconds.
@lru_cache(maxsize=128)
def _unused(id_: str, text: str) -> CalendarInShort:
    try:
        plain = said_in(text)
        zone, title = str(plain["time_zone"]), str(plain.get("title") or "")
    except (LookupError, TypeError, AttributeError):
        zone, title = "", ""
    return CalendarInShort(id=id_, time_zone=zone, title=title, is_used=False)


def weekly_hours(calendar: Calendar) -> list[Hours]:
    """Weekly hours; neighbouring days that are open alike are told together."""
    if calendar.always_open:
        return [Hours("every day", "round the clock")]
    by_day = [(number, _openings(calendar.weekly.get(number, ()))) for number in range(7)]
    found = []
    for openings, group in groupby(by_day, key=lambda each: each[1]):
        numbers = [number for number, _ in group]
        first, last = DAYS[numbers[0]], DAYS[numbers[-1]]
        joined = first if first == last else f"{first} to {last}"
        found.append(Hours(joined, openings or "closed"))
    return found


def _openings(openings: Sequence[Opening]) -> str:
    return ", ".join(_in_words(each) for each in openings)


def _in_words(opening: Opening) -> str:
    opens, closes = opening.opens, opening.closes
    over_midnight = opens.zone == closes.zone and closes.minute <= opens.minute
    return f"{opens} to {closes}{' the next day' if over_midnight else ''}"


def _uses(configuration: Configuration, calendar: Calendar) -> Iterator[Use]:
    """Each promise, contact and ladder whose hours these are."""
    policy = configuration.policy
    for id_, everybody in policy.contracts.items():
        for contract in (everybody, *policy.order_forms.get(id_, {}).values()):
            form = f" (order form of {contract.customer})" if contract.customer else ""
            yield from (Use(id_, f"{what}{form}") for what in _uses_in(contract, calendar))
    for project in policy.projects.values():
        for level in {each for alerts in project.all_alerts for each in alerts.levels}:
            if level.hours is calendar:
                yield Use(None, f"level {level.number} {level.name} of {project.key}")


def _uses_in(contract: Contract, calendar: Calendar) -> Iterator[str]:
    for metric in contract.metrics:
        for goal in metric.goals:
            if isinstance(goal, Goal) and goal.calendar is calendar:
                yield f"{metric.words}, {whom(goal.scope)}: {goal.target.words}"
    for contact in contract.contacts:
        if contact.hours is calendar:
            yield f"contact {contact.id}"
    availability = contract.availability
    maintenance = availability.maintenance if availability else None
    if availability and availability.calendar is calendar:
        yield "availability"
    if maintenance and maintenance.windows is calendar:
        yield "maintenance windows"


# --- days -----------------------------------------------------------------------------------------


def _days(calendar: Calendar, year: int) -> list[DaySeen]:
    first = date(year, 1, 1)
    dates = [first + number * _DAY for number in range((date(year + 1, 1, 1) - first).days)]
    open_ = _open_time(calendar, dates)
    changes: dict[date, str] = {}
    for change in _changes(calendar, year):
        changes[change.date] = f"{change.words} ({change.time_zone})"
    return [
        DaySeen(
            date=day,
            kind=_kind(calendar, day, open_[day]),
            open_seconds=open_[day].total_seconds(),
            name="" if day in calendar.extra_days else calendar.holidays.get(day, ""),
            change=changes.get(day, ""),
        )
        for day in dates
    ]


def _kind(calendar: Calendar, day: date, open_: timedelta) -> DayKind:
    if not calendar.always_open:
        if day in calendar.extra_days:
            return "extra"
        if day in calendar.holidays:
            return "holiday"
    return "open" if open_ else "closed"


def _open_time(calendar: Calendar, dates: Sequence[date]) -> dict[date, timedelta]:
    """By local day its open time; the days follow one another."""
    clock = zone_clock(calendar.time_zone, dates[0].year - 1, dates[-1].year + 1)
    spans = [clock.whole_day(day) for day in dates]
    # Open spans and days both follow one another, so one walk over both is enough.
    open_ = iter(calendar.open_intervals(spans[0][0], spans[-1][1]))
    span = next(open_, None)
    found = {}
    for day, (from_at, to_at) in zip(dates, spans, strict=True):
        total = _NOTHING
        while span and span[0] < to_at:
            total += max(min(span[1], to_at) - max(span[0], from_at), _NOTHING)
            if span[1] > to_at:
                break
            span = next(open_, None)
        found[day] = total
    return found


def _holidays_from(calendar: Calendar, today: date) -> list[HolidaySeen]:
    """The next ones; none of a calendar that is always open, which keeps none."""
    if calendar.always_open:
        return []
    ahead = [day for day in calendar.holidays if day >= today and day not in calendar.extra_days]
    return [
        HolidaySeen(day, calendar.holidays[day], bool(calendar.weekly.get(day.weekday())))
        for day in ahead[:_AHEAD]
    ]


def _changes_ahead(calendar: Calendar, now: datetime) -> list[ClockChange]:
    years = range(now.year, min(now.year + 3, LAST + 1))
    return [each for year in years for each in _changes(calendar, year) if each.at > now]


def _changes(calendar: Calendar, year: int) -> list[ClockChange]:
    """The days of a year on which the clocks of one of the calendar's zones change."""
    openings = [each for its in calendar.weekly.values() for each in its]
    openings += [each for its in calendar.extra_days.values() for each in its]
    named = {end.zone for each in openings for end in (each.opens, each.closes) if end.zone}
    found = [
        change
        for zone in sorted({calendar.time_zone, *named})
        for change in _changes_of(zone, calendar, year)
    ]
    return sorted(found, key=lambda each: each.at)


def _changes_of(zone: str, calendar: Calendar, year: int) -> Iterator[ClockChange]:
    clock = zone_clock(zone, year - 1, year + 1)
    for number, micros in enumerate(clock.changes):
        at = from_micros(micros)
        before, after = clock.ahead[number], clock.ahead[number + 1]
        day = (at + after).date()
        if day.year == year:
            yield _change(calendar, zone, at, before, after)


def _change(
    calendar: Calendar, zone: str, at: datetime, before: timedelta, after: timedelta
) -> ClockChange:
    day = (at + after).date()
    moved = after - before
    way_ = "forward" if moved > _NOTHING else "back"
    open_ = _open_time(calendar, [day])[day]
    plain = replace(calendar, holidays={}, extra_days={})
    usual = _open_time(plain, [day - _WEEK])[day - _WEEK]
    return ClockChange(
        date=day,
        at=at,
        time_zone=zone,
        words=f"clocks go {way_} {length(abs(moved))}, from {at + before:%H:%M} to "
        f"{at + after:%H:%M}",
        open_seconds=open_.total_seconds(),
        usual_seconds=usual.total_seconds(),
        effect=_effect(calendar, day, open_, usual),
    )


def _effect(calendar: Calendar, day: date, open_: timedelta, usual: timedelta) -> str:
    if not calendar.always_open and day in calendar.extra_days:
        return f"{length(open_)} open, as its extra day says"
    if not calendar.always_open and day in calendar.holidays:
        return f"none: it is {calendar.holidays[day]}"
    if open_ == usual:
        return f"none: {length(open_)} open as usual" if open_ else "none: closed that day"
    more = "more" if open_ > usual else "less"
    return f"{length(open_)} open, {length(abs(open_ - usual))} {more} than usual"


# --- the tester -----------------------------------------------------------------------------------


def when_due(calendar: Calendar, key: str, question: DueQuestion) -> DueAnswer:
    """When a target is used up from a start, and how.

    Raises:
        QuestionError: a part of the question cannot be understood, or has no answer; the message
            names the part and says what would be right.
    """
    notes: list[str] = []
    start_at = _instant("start", question.start, calendar.time_zone, notes)
    pauses = _pauses(question.pause, calendar.time_zone, notes)
    target = _target(question.target)
    try:
        if isinstance(target, int):
            due_at = calendar.business_days(start_at, target, question.reading, pauses)
            # A day by another reading than `open_hours` is whatever open time it comes to.
            goal = calendar.elapsed(start_at, due_at, pauses)
        else:
            due_at, goal = calendar.due(start_at, target, pauses), target
        steps = list(way(calendar, start_at, due_at, goal, pauses, _STEPS))
    except SlaError as error:
        meaning = (
            " It has no opening, so no promise on it has a due instant."
            if never_opens(calendar)
            else ""
        )
        raise QuestionError(f"There is no such instant: {error}.{meaning}") from None
    if isinstance(target, int) and question.reading == "open_hours":
        notes.append(
            f"Read as open hours: {target} × {length(calendar.regular_day)}, a regular day of this "
            "calendar."
        )
    if not calendar.is_open(start_at):
        notes.append("It is closed at the start; the clock runs from the next opening.")
    return DueAnswer(
        calendar=key,
        time_zone=calendar.time_zone,
        start_at=start_at,
        due_at=due_at,
        target=question.target.strip(),
        reading=question.reading if isinstance(target, int) else None,
        open_seconds=goal.total_seconds(),
        notes=notes,
        steps=[
            StepSeen(
                each.kind, each.from_at, each.to_at, each.used.total_seconds(),
                each.left.total_seconds(), each.span, each.words,
            )
            for each in steps
        ],
    )  # fmt: skip


def _target(text: str) -> timedelta | int:
    if not text.strip():
        raise QuestionError("target: is missing; write it like 8h, 45m or 1 business day")
    try:
        return lengths.target(text.strip()[:100])
    except ValueError as error:
        raise QuestionError(f"target: {error}") from None


def _instant(name: str, text: str, zone: str, notes: list[str]) -> datetime:
    at, noted = instants.typed(name, text, zone)
    notes += noted
    return at


def _pauses(
    written: Sequence[str], zone: str, notes: list[str]
) -> list[tuple[datetime, datetime]]:  # fmt: skip
    if len(written) > _MOST_PAUSES:
        raise QuestionError(f"pause: at most {_MOST_PAUSES} are taken")
    found = []
    for text in written:
        start, slash, end = text.partition("/")
        if not slash:
            raise QuestionError(f"pause: {text[:100]!r} is no span; write START/END")
        span = _instant("pause", start, zone, notes), _instant("pause", end, zone, notes)
        if span[1] < span[0]:
            raise QuestionError(f"pause: {text[:100]} ends before it starts")
        found.append(span)
    return found
