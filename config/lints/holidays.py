"""Days on which a calendar is closed: too many, not listed for long, or not the ones meant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from config import calendars
from config.calendar_schema import FromFile, HolidayItem, NamedDate, NthWeekday, Removed
from config.calendars import Listed
from config.given import Given
from config.lints.checked import Checked, Finding
from config.lints.said import texts_of
from config.model import DAYS, ParameterReference
from config.positions import Document
from sla.calendar import Calendar
from sla.holiday_sources import NthWeekday as NthRule

_SOON_OPEN = timedelta(days=14)
_SOON_OVER = timedelta(days=90)
_GIVES_NOTHING = (ParameterReference, Removed)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_COUNTED_DAY = re.compile(
    rf"\b(last|fourth|4th) ({'|'.join(_WEEKDAYS)}) (?:of|in) ({'|'.join(_MONTHS)})\b"
)


def calendars_that_stay_closed(checked: Checked) -> Iterator[Finding]:
    """Calendars that are used and have no opening in the next two weeks."""
    for used, calendar in checked.calendars:
        if not calendar.open_intervals(checked.now, checked.now + _SOON_OPEN):
            yield used.finding(
                ("weekly",),
                f"has no opening in the 14 days from {checked.today}; look at the weekly hours, "
                "the holidays and the extra days",
            )


def lists_that_run_out(checked: Checked) -> Iterator[Finding]:
    """Lists of holidays whose last date is over, or will be in three months."""
    for listed in _holiday_lists(checked):
        endless = any(_last_of(each, listed) is None for each in listed.items)
        ends = [
            (last, index)
            for index, each in enumerate(listed.items)
            # Beside what goes on for ever single dates are only added; a file is still a list.
            if isinstance(each, FromFile) or not endless
            if (last := _last_of(each, listed)) and last != date.min
        ]
        for last, index in ends if endless else sorted(ends)[-1:]:
            if last <= checked.today + _SOON_OVER:
                verb = "ended" if last < checked.today else "ends"
                yield listed.document.problem(
                    (*listed.place, index),
                    f"is the last of these holidays, and the list {verb} with {last}; add those "
                    "that come after it, or rules, which go on",
                )


def _holiday_lists(checked: Checked) -> Iterator[Listed]:
    """Those of the calendars that are used, and those set for the contracts that are."""
    for used, _ in checked.calendars:
        entry = used.entry
        yield Listed(used.model.holidays, entry.document, ("holidays",), entry.path, entry.root)
    entry_of = checked.library.projects
    for contract_id in checked.configuration.policy.contracts:
        customers = [None, *checked.projects.customers]
        for customer in customers:
            given = Given(checked.library, checked.projects, contract_id, customer)
            place, values = next(iter(given.sources()))
            for name, value in values.items():
                if isinstance(value, list):
                    at = (*place, name)
                    yield Listed(value, entry_of.document, at, entry_of.path, entry_of.root)


def _last_of(item: HolidayItem, listed: Listed) -> date | None:
    """The last date that an item gives; the first date there is where it gives none; None: ever."""
    if isinstance(item, str):
        return date.fromisoformat(item)
    if isinstance(item, NamedDate):
        return date.fromisoformat(item.date)
    if isinstance(item, FromFile):
        aside = Listed([item], Document(""), (), listed.path, listed.root)
        return max(calendars.holidays_of(aside, {}).days, default=date.min)
    return date.min if isinstance(item, _GIVES_NOTHING) else None


def last_and_fourth(checked: Checked) -> Iterator[Finding]:
    """Weekdays counted in a month: the last is not always the fourth, a fifth may be lacking."""
    for listed in _holiday_lists(checked):
        for index, item in enumerate(listed.items):
            if not isinstance(item, NthWeekday):
                continue
            if abs(item.nth) == 5:
                years = [year for year in checked.years if _day(item, item.nth, year) is None]
                message = "is a fifth weekday, which the month does not have in"
                advice = "say which day is meant then, by a rule with nth: -1 or 4"
            elif (item.month, item.weekday, item.nth) == (11, "thu", -1):
                years = [
                    year for year in checked.years if _day(item, -1, year) != _day(item, 4, year)
                ]
                message = "is the last Thursday of November, which is not the fourth in"
                advice = "use nth: 4 if Thanksgiving Day of the United States is meant"
            else:
                continue
            if years:
                settled = _settled_day(checked, listed)
                yield listed.document.problem(
                    (*listed.place, index), f"{message} {_listed(years)}; {advice}{settled}"
                )


def _settled_day(checked: Checked, listed: Listed) -> str:
    for used, _ in checked.calendars:
        if used.entry.document is listed.document:
            for said in texts_of(used, checked, everywhere=True):
                if _COUNTED_DAY.search(said.text):
                    return said.settled(checked)
    return ""


def last_against_fourth(checked: Checked) -> Iterator[Finding]:
    """Texts that say "last" where the calendar has the fourth, or the other way round."""
    for used, calendar in checked.calendars:
        for said in texts_of(used, checked, everywhere=True):
            for found in _COUNTED_DAY.finditer(said.text):
                years = _other_day(found, calendar, checked.years)
                if years:
                    words = found[0]
                    other = "fourth" if found[1] == "last" else "last"
                    yield said.finding(
                        checked,
                        f"says “{words}”, and the calendar {used.key} is closed on the {other} one "
                        f"in {_listed(years)}; make them agree",
                    )


def _other_day(found: re.Match[str], calendar: Calendar, years: range) -> list[int]:
    """The years in which a calendar has the fourth where the text has the last, or vice versa."""
    month, weekday = _MONTHS.index(found[3]) + 1, _WEEKDAYS.index(found[2])
    meant, other = (-1, 4) if found[1] == "last" else (4, -1)
    days = [
        (
            NthRule(month, weekday, meant, "").in_year(year),
            NthRule(month, weekday, other, "").in_year(year),
        )
        for year in years
    ]
    return [
        there.year
        for right, there in days
        if right and there and there in calendar.holidays and right not in calendar.holidays
    ]


def _day(item: NthWeekday, nth: int, year: int) -> date | None:
    return NthRule(item.month, DAYS.index(item.weekday), nth, item.name).in_year(year)


def _listed(years: Sequence[int]) -> str:
    *others, last = map(str, years)
    return f"{', '.join(others)} and {last}" if others else last
