"""When it is open: what `calendars/*.yaml` may say."""

from __future__ import annotations

from calendar import monthrange
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from config.model import Dates, Day, IsoDate, Model, ParameterReference, Text, Times, Zone, fault

Observed = Literal["nearest_weekday", "next_monday"]


class NamedDate(Model):
    """One holiday on one date."""

    date: IsoDate
    """The day."""
    name: Text = "Holiday"
    """As pages and explanations call it."""


class Library(Model):
    """The public holidays of a country, as the `holidays` library knows them."""

    country: Text
    """ISO 3166 code: US, DE, GB."""
    subdivision: Text | None = None
    """Such as BY for Bavaria, or SCT for Scotland."""
    categories: list[Text] | None = None
    """Such as public or bank; left out: what the library gives for the country."""
    observed: bool = True
    """Whether a holiday on a weekend is observed on a weekday near it, where the law says so."""
    language: Text | None = None
    """Of the names, such as en_US; left out: the country's own."""


class FromLibrary(Model):
    """Holidays from the library."""

    library: Library
    """Which holidays."""


class Rule(Model):
    """What all rules have."""

    name: Text = "Holiday"
    """As pages and explanations call it."""
    observed: Observed | None = None
    """Where it moves to from a weekend; left out: it stays."""


class EveryYear(Rule):
    """The same date each year."""

    month: Annotated[int, Field(ge=1, le=12)]
    """1 to 12."""
    day: Annotated[int, Field(ge=1, le=31)]
    """1 to 31."""

    @model_validator(mode="after")
    def _some_year_has_it(self) -> Self:
        last = monthrange(2000, self.month)[1]
        if self.day > last:
            raise fault(f"is a date that no year has; month {self.month} ends with day {last}")
        return self


class NthWeekday(Rule):
    """The n-th (1 to 5) or, counted from the end, the n-th last (-1 to -5) weekday of a month."""

    month: Annotated[int, Field(ge=1, le=12)]
    """1 to 12."""
    weekday: Day
    """mon to sun."""
    nth: Literal[1, 2, 3, 4, 5, -1, -2, -3, -4, -5]
    """Counted from the first of the month, or, below zero, from its last."""

    @field_validator("nth", mode="before")
    @classmethod
    def _in_words(cls, given: Any) -> Any:
        if isinstance(given, str):
            raise fault(
                f"is `{given}`; write a number: 1 is the first of the month and 2 the second, "
                "-1 is the last and -2 the last but one"
            )
        return given


class FromEaster(Rule):
    """So many days after Easter Sunday, or before it when negative: Good Friday is -2."""

    easter: Annotated[int, Field(ge=-200, le=200)]
    """How many days."""
    church: Literal["western", "orthodox"] = "western"
    """By whose reckoning."""


class FromFile(Model):
    """All-day events of an iCalendar file beside the document."""

    icalendar: Text
    """The file's name."""


class Removed(Model):
    """Dates that some other item gives, and that are working days after all."""

    remove: Dates
    """The dates."""


_ITEM_KEYS = {
    "date": "date",
    "library": "library",
    "weekday": "weekday",
    "nth": "weekday",
    "easter": "easter",
    "icalendar": "icalendar",
    "remove": "remove",
    "parameter": "parameter",
    "month": "month",
    "day": "month",
}


def _holiday_kind(value: Any) -> str | None:
    if isinstance(value, Model):
        value = value.model_dump(exclude_none=True)
    if not isinstance(value, dict):
        return "<each>"
    return next((f"<{tag}>" for key, tag in _ITEM_KEYS.items() if key in value), None)


HolidayItem = Annotated[
    Annotated[IsoDate, Tag("<each>")]
    | Annotated[NamedDate, Tag("<date>")]
    | Annotated[FromLibrary, Tag("<library>")]
    | Annotated[EveryYear, Tag("<month>")]
    | Annotated[NthWeekday, Tag("<weekday>")]
    | Annotated[FromEaster, Tag("<easter>")]
    | Annotated[FromFile, Tag("<icalendar>")]
    | Annotated[Removed, Tag("<remove>")]
    | Annotated[ParameterReference, Tag("<parameter>")],
    Discriminator(
        _holiday_kind,
        custom_error_type="fault",
        custom_error_message=(
            "is no kind of holiday; write a date, or a mapping with one of: date, library, "
            "month and day, month and weekday and nth, easter, icalendar, remove, parameter"
        ),
    ),
]


class CalendarDocument(Model):
    """When it is open: `calendars/ID.yaml`."""

    title: Text | None = None
    """As people call it."""
    note: Text | None = None
    """Why it is as it is."""
    clause: Text | None = None
    """Where the text gives these hours."""
    time_zone: Zone
    """IANA name, such as Europe/Berlin."""
    weekly: dict[Day, list[Times]] = {}
    """For each day the openings that start on it; a day that is left out is closed."""
    holidays: list[HolidayItem] = []
    """All of them together, less those to `remove`, wherever in the list that stands."""
    extra_days: dict[IsoDate, list[Times]] = {}
    """Replaces what starts on a date, holiday or not; an empty list closes it."""
    holiday_mode: Literal["civil", "start_day"] = "civil"
    """civil: closed from midnight to midnight; start_day: no shift starts on it."""
    always_open: bool = False
    """Round the clock, whatever weekly hours and holidays say."""
