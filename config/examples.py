"""Shows what an ambiguity is worth: one start, the due instant by each reading, the hours between.

Nothing here is written by hand: every reading is put into the contract and the same calendars
answer. Where the readings never differ on a promise, that is said too.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from config import calendars, contracts
from config.choices import readings_used, settled
from config.configuration import Configuration
from config.contract_checks import check_contract
from config.contract_schema import ContractDocument
from config.library import Entry, Library, Shelf
from config.loader import Frozen
from config.positions import Document, read
from config.site_schema import ContractRuleDocument, ProjectDocument, ProjectsDocument
from config.validation import validated
from sla.calendar import Calendar
from sla.contract import Contract, Goal, OpenTime, Refusal, severity_in_words
from sla.errors import SlaError
from sla.words import length, local, utc

_HOUR = timedelta(hours=1)
_OFFICE_HOURS = range(9, 17)
_MOST_HOLIDAYS = 12
_YEARS = 10
"""How far ahead a holiday is looked for on which readings differ: some do in few years only."""


@dataclass(frozen=True, slots=True)
class Example:
    """One promise of a contract under every reading of a choice, from one start."""

    choice: str
    metric: str
    whom: str
    """Of which issues it is promised, such as `severity High, tier Gold`."""
    chosen: str | None
    start_at: datetime | None = None
    """None: no start shows a difference, or there is nothing to compare."""
    due_at: Mapping[str, datetime | None] = field(default_factory=dict)
    """By reading; None where nothing is promised under it."""
    time_zone: str = "UTC"
    missing: tuple[str, ...] = ()
    """Why nothing can be worked out: parameters that are not set, or faults of a reading."""
    customer: str | None = None
    """Whose order form it is worked out with."""

    def differences(self) -> dict[str, timedelta]:
        """By reading, how much later it is due than by the one chosen, in real time.

        Empty where nothing is promised by the one chosen.
        """
        base = self.due_at.get(self.chosen or "")
        if base is None:
            return {}
        return {name: at - base for name, at in self.due_at.items() if at is not None}

    def lines(self) -> list[str]:
        """For people; the due instants in the calendar's zone and in UTC."""
        form = f", with the order form of {self.customer}" if self.customer else ""
        heading = f"{self.metric.replace('_', ' ')}, {self.whom}{form}"
        if self.missing:
            return [f"{heading}: not in force:", *(f"  {each}" for each in self.missing)]
        if self.start_at is None:
            return [f"{heading}: no difference found"]
        return [
            f"{heading}, from {local(self.start_at, self.time_zone)} ({utc(self.start_at)}):",
            *(f"  {line}" for line in self._readings()),
        ]

    def _readings(self) -> Iterator[str]:
        differences = self.differences()
        for name, at in self.due_at.items():
            chosen = " (chosen)" if name == self.chosen else ""
            if at is None:
                yield f"{name}{chosen}: nothing is promised"
                continue
            shown = f"{name}{chosen}: due {local(at, self.time_zone)} ({utc(at)})"
            later = differences.get(name) if name != self.chosen else None
            yield shown if later is None else f"{shown}, {_difference(later)}"


@dataclass(frozen=True, slots=True)
class _Reading:
    """A contract as it would be under one reading."""

    name: str
    contract: Contract | None
    """None where that reading makes no contract that could be used."""
    forms: Mapping[str, Contract] = field(default_factory=dict)
    """By customer, with the order form."""
    faults: tuple[str, ...] = ()

    def of(self, customer: str | None) -> Contract | None:
        """The contract for a customer, or for everybody."""
        return self.forms.get(customer) if customer else self.contract


@dataclass(frozen=True, slots=True)
class _Whom:
    """Issues of one kind, as goals tell them apart."""

    severity: str | None
    tier: str | None
    kind: str | None

    def __str__(self) -> str:
        parts = [severity_in_words(self.severity)] if self.severity else []
        parts += [f"tier {self.tier}"] if self.tier else []
        parts += [f"kind {self.kind}"] if self.kind else []
        return ", ".join(parts) or "every issue"


def worked(
    library: Library, configuration: Configuration, contract_id: str, year: int
) -> list[Example]:
    """An example for each promise that depends on a choice of a contract.

    Args:
        library: the directory, as it was read and found sound.
        configuration: what was frozen from it.
        contract_id: a contract that some project uses.
        year: where starts are tried, such as 2026: two weeks in July, two in January, and the days
            around the holidays; around those that only some readings have, for ten years.

    Returns:
        In the order of the choices and metrics. Choices on which no goal's target, reading or
        calendar depends have none.
    """
    entry, projects = library.contracts.get(contract_id), library.projects.model
    if entry is None or entry.model is None or projects is None:
        return []
    if contract_id not in configuration.policy.contracts:
        return []
    raw = read(entry.path, str(entry.path))
    chosen = {
        choice.id: choice.chosen
        for choice in configuration.policy.contracts[contract_id].choices
        if choice.chosen
    }
    found: list[Example] = []
    used = readings_used(raw)
    for choice in entry.model.choices:
        if choice.id in used:
            readings = [
                _read(library, projects, entry, raw, {**chosen, choice.id: name}, name)
                for name in choice.readings
            ]
            found += _examples(choice.id, chosen.get(choice.id), readings, year)
    return found


# --- the contract under another reading -----------------------------------------------------------


class _OneContract(Shelf[ContractDocument]):
    """The contracts, one of them under another reading."""

    def __init__(self, shelf: Shelf[ContractDocument], entry: Entry[ContractDocument]) -> None:
        super().__init__(shelf.name, shelf.kind, shelf.root, shelf.chosen)
        self._entry_read = entry

    def get(self, id_: str) -> Entry[ContractDocument] | None:
        return self._entry_read if id_ == self._entry_read.id else super().get(id_)


def _read(
    library: Library,
    projects: ProjectsDocument,
    entry: Entry[ContractDocument],
    raw: Document,
    chosen: Mapping[str, str],
    name: str,
) -> _Reading:
    # The faults of a reading that nobody chose are no faults of the directory.
    document = settled(raw, chosen)
    document.problems = []
    choices = document.data["choices"]
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and choice.get("id") in chosen:
            choice["chosen"] = chosen[str(choice["id"])]
            choice["decided"] = {"by": "this example", "on": "1970-01-01"}
    model = validated(ContractDocument, document)
    other = Entry(entry.id, entry.path, entry.root, document, model)
    alternative = copy.copy(library)
    alternative.contracts = _OneContract(library.contracts, other)
    check_contract(other, alternative)
    if document.problems:
        return _Reading(name, None, faults=tuple(map(str, document.problems)))
    return _frozen(alternative, projects, entry.id, name)


def _frozen(library: Library, projects: ProjectsDocument, id_: str, name: str) -> _Reading:
    rule = ContractRuleDocument(contract=id_)
    only = ProjectDocument.model_construct(contracts=[rule], severities=[], alerts=None)
    alone = projects.model_copy(update={"projects": {"ONLY": only}, "alerts": {}})
    plain = Frozen(library).contracts_and_calendars(alone)
    built = {
        key: calendars.built(key.rpartition("/")[2], each)
        for key, each in plain["calendars"].items()
    }
    forms = {
        customer: contracts.contract(id_, each, built, {}, customer)
        for customer, each in plain["order_forms"][id_].items()
    }
    return _Reading(name, contracts.contract(id_, plain["contracts"][id_], built, {}), forms)


# --- the search for a difference ------------------------------------------------------------------


_Promised = dict[str, Goal | Refusal | None]
"""By reading."""


def _examples(
    choice: str, chosen: str | None, readings: list[_Reading], year: int
) -> Iterator[Example]:
    faults = tuple(fault for reading in readings for fault in reading.faults)
    if faults:
        yield Example(choice, "contract", "every issue", chosen, missing=faults)
        return
    metrics = dict.fromkeys(
        metric.name for each in readings if each.contract for metric in each.contract.metrics
    )
    for metric in metrics:
        found = [
            _example(choice, chosen, metric, whom, readings, year)
            for whom in _told_apart(metric, readings)
        ]
        # One case shows what the choice is worth; a promise that is not in force shows less.
        found.sort(key=lambda each: (each.start_at is None, bool(each.missing)))
        yield from found[:1]


def _told_apart(metric: str, readings: list[_Reading]) -> Iterator[_Whom]:
    """The issues whose promise is not the same under every reading; each promise once."""
    seen: list[list[Goal | Refusal | None]] = []
    for whom in _everybody([each.contract for each in readings if each.contract]):
        promised = list(_promised(metric, whom, readings, None).values())
        driven = any(_terms(each) != _terms(promised[0]) for each in promised)
        refused = any(isinstance(each, Refusal) for each in promised)
        driven = driven or (refused and _driven_for_somebody(metric, whom, readings))
        if driven and promised not in seen:
            seen.append(promised)
            yield whom


def _driven_for_somebody(metric: str, whom: _Whom, readings: list[_Reading]) -> bool:
    """Whether the promise of some customer, whose order form is complete, depends on it."""
    return any(
        len({_terms(each) for each in _promised(metric, whom, readings, customer).values()}) > 1
        for customer in readings[0].forms
    )


def _terms(promised: Goal | Refusal | None) -> tuple[object, ...] | None:
    if isinstance(promised, Goal):
        return promised.target, promised.calendar
    return promised.missing if promised else None


def _everybody(found: Iterable[Contract]) -> Iterator[_Whom]:
    contracts_ = list(found)
    scopes = [goal.scope for each in contracts_ for metric in each.metrics for goal in metric.goals]
    severities = dict.fromkeys(name for each in contracts_ for name in each.severities)
    tiers = dict.fromkeys(name for scope in scopes for name in scope.tiers)
    kinds = dict.fromkeys(name for scope in scopes for name in scope.kinds)
    for each in product(severities, tiers or [None], kinds or [None]):
        yield _Whom(*each)


def _promised(
    metric: str, whom: _Whom, readings: list[_Reading], customer: str | None
) -> _Promised:
    promised: _Promised = {}
    for reading in readings:
        contract = reading.of(customer)
        found = contract.metric(metric) if contract else None
        promised[reading.name] = (
            found.promised(whom.severity, whom.tier, whom.kind) if found else None
        )
    return promised


def _example(
    choice: str,
    chosen: str | None,
    metric: str,
    whom: _Whom,
    readings: list[_Reading],
    year: int,
) -> Example:
    customer, promised = None, _promised(metric, whom, readings, None)
    for name in readings[0].forms:
        if not any(isinstance(each, Refusal) for each in promised.values()):
            break
        customer, promised = name, _promised(metric, whom, readings, name)
    missing = dict.fromkeys(
        sentence
        for each in promised.values()
        if isinstance(each, Refusal)
        for sentence in each.missing
    )
    if missing:
        return Example(choice, metric, str(whom), chosen, missing=tuple(missing))
    goals = {name: each if isinstance(each, Goal) else None for name, each in promised.items()}
    base = goals.get(chosen or "") or next(each for each in goals.values() if each)
    start_at = _telling_start(goals, base.calendar, year)
    return Example(
        choice,
        metric,
        str(whom),
        chosen,
        start_at,
        {name: _due(goal, start_at) for name, goal in goals.items()} if start_at else {},
        base.calendar.time_zone,
        customer=customer,
    )


def _telling_start(
    goals: Mapping[str, Goal | None], calendar: Calendar, year: int
) -> datetime | None:
    """The first start at which the readings differ, one in office hours before any other.

    Of those alike, one at which more of the readings differ comes first.
    """
    best: tuple[int, int] | None = None
    found: datetime | None = None
    most = len(goals)
    around = _holidays_told_apart(goals, year) or [
        day for day in calendar.holidays if day.year == year
    ]
    for start in _starts(calendar.time_zone, around[:_MOST_HOLIDAYS], year):
        rank = _oddness(start, goals, calendar)
        if best is not None and rank > best[0]:
            continue
        apart = len({_due(goal, start) for goal in goals.values()})
        if apart > 1 and (best is None or (rank, -apart) < best):
            best, found = (rank, -apart), start
        if best == (0, -most):
            break
    return found


def _oddness(start: datetime, goals: Mapping[str, Goal | None], calendar: Calendar) -> int:
    """0: when people work anyway; 1: when the contract's clock runs; 2: any other time."""
    shown = start.astimezone(ZoneInfo(calendar.time_zone))
    is_open = all(goal.calendar.is_open(start) for goal in goals.values() if goal)
    if is_open and shown.weekday() < 5 and shown.hour in _OFFICE_HOURS:
        return 0
    return 1 if is_open else 2


def _holidays_told_apart(goals: Mapping[str, Goal | None], year: int) -> list[date]:
    """The next dates that are holidays under some readings only; the others change nothing."""
    found = [goal.calendar.holidays.keys() for goal in goals.values() if goal]
    every = {day for days in found for day in days}
    apart = [day for day in every if not all(day in days for days in found)]
    return sorted(day for day in apart if year <= day.year < year + _YEARS)


def _starts(time_zone: str, around: list[date], year: int) -> Iterator[datetime]:
    """Each hour of two weeks in summer and two in winter, and of the days around some dates."""
    zone = ZoneInfo(time_zone)
    for month in (7, 1):
        yield from _hours(datetime(year, month, 5, tzinfo=zone), 14)
    for day in around:
        midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
        yield from _hours(midnight - timedelta(days=2), 4)


def _hours(first: datetime, days: int) -> Iterator[datetime]:
    # In UTC, so that every step is an hour whatever the clocks do.
    start = first.astimezone(UTC)
    yield from (start + number * _HOUR for number in range(24 * days))


def _due(goal: Goal | None, start: datetime) -> datetime | None:
    if goal is None:
        return None
    try:
        if isinstance(goal.target, OpenTime):
            return goal.calendar.due(start, goal.target.amount)
        return goal.calendar.business_days(start, goal.target.days, goal.target.reading)
    except SlaError:
        return None


def _difference(amount: timedelta) -> str:
    if not amount:
        return "the same here"
    return f"{length(abs(amount))} {'later' if amount > timedelta(0) else 'earlier'}"
