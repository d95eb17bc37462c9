"""Reads a directory of documents, reports every fault at once, and freezes what it found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from config import calendars
from config.calendar_schema import CalendarDocument
from config.calendars import Listed, Parameters
from config.configuration import Configuration
from config.contract_checks import check_calendar, check_contract
from config.contract_schema import ContractDocument
from config.errors import ConfigError, Problem
from config.given import Given
from config.library import Entry, Library
from config.model import Model
from config.positions import Place
from config.project_checks import ProjectChecks, check_site, used_contracts
from config.site_schema import ProjectsDocument, SiteDocument


def load(directory: Path) -> Configuration:
    """Read `contracts/*.yaml`, `calendars/*.yaml`, `projects.yaml` and `site.yaml`.

    A contract or calendar that the directory does not have is the shipped one of that name.

    Raises:
        ConfigError: with every fault in any of the documents.
    """
    return read(directory)[1]


def read(directory: Path) -> tuple[Library, Configuration]:
    """The same, with the documents as they stand there.

    Raises:
        ConfigError: as `load`.
    """
    if not directory.is_dir():
        message = (
            "is no directory; name the one that holds projects.yaml, contracts/ and calendars/"
        )
        raise ConfigError([Problem(str(directory), 0, 0, "", message)])
    library = Library(directory)
    _check(library)
    frozen = Frozen(library)
    frozen.check_every_holiday()
    projects, site = library.projects.model, library.site.model
    problems = library.problems()
    if problems or projects is None or site is None:
        raise ConfigError(problems)
    return library, Configuration.from_plain({
        **frozen.contracts_and_calendars(projects, site),
        **projects.model_dump(exclude_none=True, include={"projects", "alerts", "roles"}),
        "site": site.model_dump(exclude_none=True),
    })  # fmt: skip


def _check(library: Library) -> None:
    for contract in _contracts(library):
        check_contract(contract, library)
    if library.projects.model:
        ProjectChecks(library, library.projects.model).run()
    if library.site.model:
        check_site(library.site.model, library.site.document, library)
    # Reading the directory's own brings in those that nothing uses.
    tuple(library.calendars.own())
    for calendar in library.calendars.read():
        check_calendar(calendar)


def _contracts(library: Library) -> Iterator[Entry[ContractDocument]]:
    """The directory's own, and those that its projects use."""
    tuple(library.contracts.own())
    for id_ in used_contracts(library.projects.model) if library.projects.model else ():
        library.contracts.get(id_)
    return library.contracts.read()


class Frozen:
    """Contracts with their parameters filled in, calendars with their holidays as dates."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._calendars: dict[str, dict[str, Any]] = {}

    def check_every_holiday(self) -> None:
        """Read every source of holidays, so that one that cannot be read is reported."""
        for entry in self._library.calendars.read():
            if entry.model:
                calendars.holidays_of(_listed(entry, entry.model), {})
        projects = self._library.projects.model
        if projects is None:
            return
        for place, given in _all_parameters(projects):
            for listed in self._holidays(place, given).values():
                calendars.holidays_of(listed, {})

    def contracts_and_calendars(
        self, projects: ProjectsDocument, site: SiteDocument | None = None
    ) -> dict[str, Any]:
        """Those that the projects use, and the calendars of channels, as plain values."""
        used = used_contracts(projects)
        contracts = {id_: self._contract(id_, Given(self._library, projects, id_)) for id_ in used}
        forms: dict[str, dict[str, Any]] = {id_: {} for id_ in used}
        for customer, by_contract in projects.customers.items():
            for id_ in by_contract:
                if id_ in forms:
                    given = Given(self._library, projects, id_, customer)
                    forms[id_][customer] = self._contract(id_, given)
        for alerts in projects.alerts.values():
            for level in alerts.levels:
                if level.hours:
                    self._calendar(level.hours, None)
        for channel in ((site and site.channels) or {}).values():
            if channel.hours:
                self._calendar(channel.hours, None)
        return {
            "calendars": dict(sorted(self._calendars.items())),
            "contracts": contracts,
            "order_forms": forms,
        }

    def _contract(self, id_: str, given: Given) -> dict[str, Any]:
        model = _model(self._library.contracts.get(id_))
        plain = model.model_dump(exclude_none=True)
        # A severity without a definition is still one.
        plain["severities"] = model.severities
        for metric in plain["metrics"].values():
            metric["goals"] = [self._goal(goal, given) for goal in metric["goals"]]
        for duty in plain["duties"]:
            _fill(duty, "phone", given)
        for contact in plain["contacts"]:
            if "hours" in contact:
                contact["hours"] = self._calendar(contact["hours"], given)
        self._freeze_availability(plain.get("availability"), given)
        settled = given.projects.choices.get(id_, {})
        for choice in plain["choices"]:
            choice["drives"] = choice["id"] in self._library.contracts.driving.get(id_, ())
            if choice["id"] in settled:
                here = settled[choice["id"]]
                if choice.get("chosen") != here.chosen:
                    # It argues for the reading that does not hold here.
                    choice.pop("why", None)
                choice["chosen"] = here.chosen
                choice["decided"] = {"by": here.by, "on": here.on}
        return plain

    def _goal(self, goal: dict[str, Any], given: Given) -> dict[str, Any]:
        missing = given.missing(_references(goal, given, self._library))
        if missing:
            return {**goal, "missing": missing, "target": None, "calendar": None}
        for key in ("target", "calendar"):
            _fill(goal, key, given)
        return {**goal, "calendar": self._calendar(goal["calendar"], given)}

    def _freeze_availability(self, plain: dict[str, Any] | None, given: Given) -> None:
        if plain is None:
            return
        plain["calendar"] = self._calendar(plain["calendar"], given)
        maintenance, credit = plain.get("maintenance"), plain.get("credit")
        if maintenance:
            maintenance["windows"] = self._calendar(maintenance["windows"], given)
        if credit:
            _fill(credit, "fee", given)

    def _calendar(self, id_: str, given: Given | None) -> str:
        """Freeze a calendar and give its key."""
        entry = self._library.calendars.get(id_)
        model = _model(entry)
        key = f"{given.owner}/{id_}" if given and calendars.parameters_of(model) else id_
        if key not in self._calendars and entry:
            listed = _listed(entry, model)
            holidays = self._holidays_given(given) if given else {}
            self._calendars[key] = calendars.frozen(model, listed, holidays)
        return key

    def _holidays_given(self, given: Given) -> Parameters:
        found: dict[str, Listed] = {}
        for place, values in given.sources():
            found = {**self._holidays(place, values), **found}
        return found

    def _holidays(self, place: Place, given: Mapping[str, Any]) -> dict[str, Listed]:
        entry = self._library.projects
        return {
            name: Listed(value, entry.document, (*place, name), entry.path, entry.root)
            for name, value in given.items()
            if isinstance(value, list)
        }


def _references(goal: Mapping[str, Any], given: Given, library: Library) -> Iterator[str]:
    """The parameters that a goal needs, its calendar's holidays included."""
    calendar = goal["calendar"]
    for part in (goal["target"], calendar):
        if isinstance(part, dict):
            yield part["parameter"]
    named = given.value(calendar["parameter"]) if isinstance(calendar, dict) else calendar
    entry = library.calendars.get(str(named))
    if entry and entry.model:
        yield from calendars.parameters_of(entry.model)


def _fill(plain: dict[str, Any], key: str, given: Given) -> None:
    """Put a parameter's value where it is named; what nobody set is left out."""
    if isinstance(plain.get(key), dict):
        value = given.value(plain[key]["parameter"])
        plain.pop(key)
        if value is not None:
            plain[key] = value


def _all_parameters(projects: ProjectsDocument) -> Iterator[tuple[Place, Mapping[str, Any]]]:
    for id_, values in projects.parameters.items():
        yield ("parameters", id_), values
    for customer, by_contract in projects.customers.items():
        for id_, values in by_contract.items():
            yield ("customers", customer, id_), values


def _listed(entry: Entry[CalendarDocument], model: CalendarDocument) -> Listed:
    return Listed(model.holidays, entry.document, ("holidays",), entry.path, entry.root)


_M = TypeVar("_M", bound=Model)


def _model(entry: Entry[_M] | None) -> _M:
    """The model of a document that was checked before."""
    if entry is None or entry.model is None:
        raise AssertionError("a document with a fault would have been reported before")
    return entry.model
