"""From a calendar's document to its plain, frozen form, and from that to the calendar itself.

Frozen, the holidays are dates and names: a published version stays what it was even when the
library or a file changes. What they came from, and in which version, is kept beside them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from os.path import normpath, realpath
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from sla.calendar import Calendar
from sla.errors import SlaError
from sla.opening import Opening, WallTime
from sla.zones import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from config import calendar_schema
    from config.positions import Document, Place
    from sla.holiday_sources import HolidaySet, Rule

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)
"""The years for which holidays are frozen: all those for which a calendar answers."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Listed(msgspec.Struct, frozen=True):
    """Holiday items where they are written, so that each can be pointed at."""

    items: Sequence[calendar_schema.HolidayItem]
    document: Document
    place: Place
    path: Path | None = None
    """The document's file; None where there is none, and then no file can be named."""
    root: Path | None = None
    """The directory within which named files must lie."""

    def complain(self, index: int, message: str) -> None:
        """Keep a fault of one item."""
        self.document.complain((*self.place, index), message)


Parameters = Mapping[str, Listed]
"""Holidays that the site sets for a contract, by the parameter's name."""


@dataclass
class _Harvest:
    """What the items of one list come to, before it is put together."""

    sources: list[HolidaySet] = field(default_factory=list)
    rules: list[Rule] = field(default_factory=list)
    dates: dict[date, str] = field(default_factory=dict)
    removed: dict[date, int] = field(default_factory=dict)
    """Each with the number of the item that removes it."""


def calendar_from_document(
    id: str,  # noqa: A002
    document: Mapping[str, Any],
    folder: Path | None = None,
) -> Calendar:
    """One calendar from one plain mapping with the keys of `calendars/*.yaml`.

    Args:
        id: the calendar's name.
        document: as YAML or JSON gives it.
        folder: where iCalendar files that it names are; None: it may name none.

    Raises:
        ConfigError: with a sentence for everything that is wrong with it.
    """
    from config.calendar_schema import CalendarDocument
    from config.errors import ConfigError
    from config.positions import Document
    from config.validation import validated

    written = Document(f"calendar {id}", dict(document), origin=(0, 0))
    model = validated(CalendarDocument, written)
    if model:
        for name in parameters_of(model):
            message = (
                f"has the parameter `{name}`, which only a contract can set; list the holidays"
            )
            written.complain(("holidays",), message)
        path = folder / "calendar" if folder else None
        plain = frozen(model, Listed(model.holidays, written, ("holidays",), path, folder), {})
    if written.problems:
        raise ConfigError(written.problems)
    return built(id, plain)


def frozen(
    model: calendar_schema.CalendarDocument, listed: Listed, parameters: Parameters
) -> dict[str, Any]:
    """The calendar as plain values, its holidays as dates.

    Args:
        model: the document.
        listed: its holiday items; the documents that hold them hear of what is wrong with them.
        parameters: what the site set for the contract that uses the calendar.
    """
    found = holidays_of(listed, parameters)
    plain = model.model_dump(exclude_none=True, exclude={"holidays"})
    plain["holidays"] = {day.isoformat(): name for day, name in found.days.items()}
    return plain | {"holiday_source": found.source}


def parameters_of(model: calendar_schema.CalendarDocument) -> list[str]:
    """The parameters that a calendar's holidays refer to."""
    from config.model import ParameterReference

    return [item.parameter for item in model.holidays if isinstance(item, ParameterReference)]


def built(id: str, plain: Mapping[str, Any]) -> Calendar:  # noqa: A002
    """The calendar from its frozen form."""
    weekly = plain.get("weekly", {})
    return Calendar(
        id=id,
        time_zone=plain["time_zone"],
        weekly={_DAYS.index(day): _openings(times) for day, times in weekly.items()},
        holidays={date.fromisoformat(day): name for day, name in plain["holidays"].items()},
        extra_days={
            date.fromisoformat(day): _openings(times)
            for day, times in plain.get("extra_days", {}).items()
        },
        holiday_mode=plain["holiday_mode"],
        always_open=plain["always_open"],
    )


def _openings(times: Sequence[Sequence[str]]) -> tuple[Opening, ...]:
    return tuple(Opening(WallTime.parse(opens), WallTime.parse(closes)) for opens, closes in times)


def holidays_of(listed: Listed, parameters: Parameters) -> HolidaySet:
    """All holidays of a list, as dates; what cannot be read is complained of and left out.

    A parameter that is not set gives none; whether it has to be is asked elsewhere.
    """
    # Worth a third of a second, and many calendars have no holidays at all.
    if not listed.items:
        return _none()
    from sla import holiday_sources as sources

    harvest = _Harvest()
    for index, item in enumerate(listed.items):
        try:
            _gather(item, index, listed, parameters, harvest)
        except SlaError as error:
            listed.complain(index, str(error))
    found = list(harvest.sources)
    if harvest.rules:
        found.append(_by_rules(tuple(harvest.rules)))
    if harvest.dates:
        found.append(sources.from_dates(harvest.dates))
    return sources.combine(found, remove=_removable(found, harvest.removed, listed))


def _none() -> HolidaySet:
    from sla.holiday_sources import HolidaySet

    return HolidaySet({}, "")


def _removable(
    found: Sequence[HolidaySet], removed: Mapping[date, int], listed: Listed
) -> list[date]:
    """The dates to remove; one that is no holiday anyway is a fault of its item."""
    known = {day for source in found for day in source.days}
    for day, index in removed.items():
        # A list with another fault may lack the very source that has the date.
        if day not in known and not listed.document.problems:
            listed.complain(index, f"removes {day}, which is no holiday here; leave it out")
    return [day for day in removed if day in known]


def _gather(
    item: calendar_schema.HolidayItem,
    index: int,
    listed: Listed,
    parameters: Parameters,
    harvest: _Harvest,
) -> None:
    from config import calendar_schema, model

    match item:
        case str():
            harvest.dates[date.fromisoformat(item)] = "Holiday"
        case calendar_schema.NamedDate():
            harvest.dates[date.fromisoformat(item.date)] = item.name
        case calendar_schema.Removed():
            harvest.removed |= {date.fromisoformat(day): index for day in item.remove}
        case calendar_schema.FromLibrary():
            harvest.sources.append(_from_library(item.library))
        case calendar_schema.FromFile():
            harvest.sources.append(_from_file(item.icalendar, listed))
        case model.ParameterReference():
            if item.parameter in parameters:
                harvest.sources.append(holidays_of(parameters[item.parameter], {}))
        case _:
            harvest.rules.append(_rule(item))


def _from_library(library: calendar_schema.Library) -> HolidaySet:
    return _read_library(
        library.country,
        library.subdivision,
        tuple(library.categories or ("public",)),
        library.observed,
        library.language,
    )


@lru_cache(maxsize=256)
def _read_library(
    country: str,
    subdivision: str | None,
    categories: tuple[str, ...],
    observed: bool,
    language: str | None,
) -> HolidaySet:
    from sla.holiday_sources import from_library

    return from_library(country, subdivision, categories, observed, years=YEARS, language=language)


# Each document is read twice, to be checked and to be frozen, and again with the next draft.
@lru_cache(maxsize=256)
def _by_rules(rules: tuple[Rule, ...]) -> HolidaySet:
    from sla.holiday_sources import from_rules

    return from_rules(rules, YEARS)


def _from_file(name: str, listed: Listed) -> HolidaySet:
    from config.document_sets import is_path

    if listed.path is None or listed.root is None:
        raise SlaError("names a file, which a calendar on its own cannot; list its dates instead")
    try:
        path = Path(realpath(listed.path.parent / name))
    except ValueError:  # It holds a NUL.
        raise SlaError(f"names {name!r}, which leads to no file; name one") from None
    if not path.is_relative_to(listed.root.resolve()):
        raise SlaError(f"names {name}, which lies outside {listed.root}; put a copy inside")
    beside = listed.path.parent.relative_to(listed.root)
    if not is_path(normpath(beside / name)):
        raise SlaError(
            f"names {name}, a file that no version can keep; put it beside the calendar or into a"
            " folder beside projects.yaml, as NAME.ics with A-Z, a-z, 0-9, ., - and _ in the name,"
            " the first a letter or digit"
        )
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SlaError(f"names {name}, which cannot be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise SlaError(f"names {name}, which is not UTF-8 text; save it as UTF-8") from None
    return _read_icalendar(text, name)


# A rule that never holds is tried for eight thousand years, in up to 6 s: once, not at each look.
@lru_cache(maxsize=16)
def _read_icalendar(text: str, name: str) -> HolidaySet:
    from sla.holiday_sources import from_icalendar

    return from_icalendar(text, YEARS, name)


def _rule(item: calendar_schema.Rule) -> Rule:
    from config import calendar_schema
    from sla.holiday_sources import FixedDate, FromEaster, NthWeekday

    if isinstance(item, calendar_schema.EveryYear):
        return FixedDate(item.month, item.day, item.name, item.observed)
    if isinstance(item, calendar_schema.NthWeekday):
        weekday = _DAYS.index(item.weekday)
        return NthWeekday(item.month, weekday, item.nth, item.name, item.observed)
    if isinstance(item, calendar_schema.FromEaster):
        return FromEaster(item.easter, item.name, item.church, item.observed)
    raise TypeError(f"{item!r} is no rule")
