"""Reads a directory of documents, reports every fault at once, and freezes what it found."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

from config import calendars
from config.calendars import Listed, Parameters
from config.configuration import Configuration
from config.contract_checks import check_calendar, check_contract
from config.errors import ConfigError, Problem
from config.library import Entry, Library
from config.project_checks import ProjectChecks, check_site, used_contracts
from config.schema import CalendarDocument, ContractDocument, Model, ProjectsDocument


def load(directory: Path) -> Configuration:
    """Read `contracts/*.yaml`, `calendars/*.yaml`, `projects.yaml` and `site.yaml`.

    A contract or calendar that the directory does not have is the shipped one of that name.

    Raises:
        ConfigError: with every fault in any of the documents.
    """
    if not directory.is_dir():
        message = (
            "is no directory; name the one that holds projects.yaml, contracts/ and calendars/"
        )
        raise ConfigError([Problem(str(directory), 0, 0, "", message)])
    library = Library(directory)
    _check(library)
    frozen = _Frozen(library)
    frozen.check_every_holiday()
    projects, site = library.projects.model, library.site.model
    problems = library.problems()
    if problems or projects is None or site is None:
        raise ConfigError(problems)
    return Configuration.from_plain({
        **frozen.contracts_and_calendars(projects),
        **projects.model_dump(exclude_none=True, include={"projects", "alerts"}),
        "site": site.model_dump(exclude_none=True),
    })  # fmt: skip


def _check(library: Library) -> None:
    for contract in _contracts(library):
        check_contract(contract, library)
    if library.projects.model:
        ProjectChecks(library, library.projects.model).run()
    if library.site.model:
        check_site(library.site.model, library.site.document)
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


class _Frozen:
    """Contracts with their parameters filled in, calendars with their holidays as dates."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._calendars: dict[str, dict[str, Any]] = {}

    def check_every_holiday(self) -> None:
        """Read every source of holidays, so that one that cannot be read is reported."""
        for entry in self._library.calendars.read():
            if entry.model:
                calendars.holidays_of(_listed(entry, entry.model), {})
        for id_ in self._library.projects.model.parameters if self._library.projects.model else ():
            for listed in self._parameters(id_).values():
                calendars.holidays_of(listed, {})

    def contracts_and_calendars(self, projects: ProjectsDocument) -> dict[str, Any]:
        """Those that the projects use, as plain values."""
        contracts = {id_: self._contract(id_, projects) for id_ in used_contracts(projects)}
        for alerts in projects.alerts.values():
            for level in alerts.levels:
                if level.hours:
                    self._calendar(level.hours, "")
        return {"calendars": dict(sorted(self._calendars.items())), "contracts": contracts}

    def _contract(self, id_: str, projects: ProjectsDocument) -> dict[str, Any]:
        plain = _model(self._library.contracts.get(id_)).model_dump(exclude_none=True)
        # A severity without a definition is still one.
        plain["severities"] = _model(self._library.contracts.get(id_)).severities
        given = projects.parameters.get(id_, {})
        for metric in plain["metrics"].values():
            for goal in metric["goals"]:
                for key in ("target", "calendar"):
                    if isinstance(goal[key], dict):
                        goal[key] = given[goal[key]["parameter"]]
                goal["calendar"] = self._calendar(goal["calendar"], id_)
        return plain

    def _calendar(self, id_: str, contract: str) -> str:
        """Freeze a calendar and give its key."""
        entry = self._library.calendars.get(id_)
        model = _model(entry)
        key = f"{contract}/{id_}" if calendars.parameters_of(model) else id_
        if key not in self._calendars and entry:
            listed = _listed(entry, model)
            self._calendars[key] = calendars.frozen(model, listed, self._parameters(contract))
        return key

    def _parameters(self, contract: str) -> Parameters:
        entry = self._library.projects
        given = entry.model.parameters.get(contract, {}) if entry.model else {}
        return {
            name: Listed(
                value, entry.document, ("parameters", contract, name), entry.path, entry.root
            )
            for name, value in given.items()
            if isinstance(value, list)
        }


def _listed(entry: Entry[CalendarDocument], model: CalendarDocument) -> Listed:
    return Listed(model.holidays, entry.document, ("holidays",), entry.path, entry.root)


_M = TypeVar("_M", bound=Model)


def _model(entry: Entry[_M] | None) -> _M:
    """The model of a document that was checked before."""
    if entry is None or entry.model is None:
        raise AssertionError("a document with a fault would have been reported before")
    return entry.model
