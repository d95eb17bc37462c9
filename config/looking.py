"""What a set of documents says to those who look at it: warnings, worked examples, one contract.

All of it reads the documents with the place of every value, which takes most of a second for the
shipped ones; the console asks for the same again and again, so the last answers are kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from functools import lru_cache
from typing import Any

from config.calendars import Listed, built, frozen
from config.configuration import Configuration
from config.contract_schema import ContractDocument
from config.document_sets import Documents, by_its_path, written_out
from config.errors import ConfigError
from config.examples import Example, worked
from config.library import Library
from config.linter import findings
from config.lints.checked import Finding
from config.loader import Frozen, read
from config.site_schema import ContractRuleDocument, ProjectDocument, ProjectsDocument
from sla.calendar import Calendar

_Set = tuple[tuple[str, str], ...]
_FEW, _MANY = 4, 32


def warnings(documents: Documents, today: date) -> tuple[Finding, ...]:
    """What can be loaded and is still probably a mistake, by the paths of the set.

    Raises:
        ConfigError: the set holds faults.
    """
    found = _warnings(_set(documents), today)
    if isinstance(found, ConfigError):
        raise ConfigError(found.problems)
    return found


def examples(documents: Documents, contract: str, year: int) -> tuple[Example, ...]:
    """What each reading of a contract's ambiguities is worth, as `config.examples.worked` says.

    Args:
        documents: the set.
        contract: any of its contracts, or a shipped one, used or not.
        year: where starts are tried.

    Raises:
        ConfigError: the set or the contract holds faults.
    """
    return _examples(_set(documents), contract, year)


def alone(documents: Documents, contract: str) -> Configuration | None:
    """One contract as it would hold if a project used it; None where there is none of that name.

    Raises:
        ConfigError: the set or the contract holds faults.
    """
    return _alone(_set(documents), contract)


def lone_calendar(documents: Documents, id_: str) -> tuple[Calendar, Mapping[str, Any]] | None:
    """A calendar that nothing uses, with its frozen form; None where there is none of that name.

    Holidays that are a contract's parameter are none here.

    Raises:
        ConfigError: the set holds faults.
    """
    return _lone_calendar(_set(documents), id_)


def offered(documents: Documents) -> tuple[Mapping[str, ContractDocument], tuple[str, ...]]:
    """The contracts that a set can use, by id, and the names of its calendars.

    Shipped ones are among them; a contract that holds faults is not.
    """
    kinds = ("contracts/", "calendars/")
    return _offered(
        _set({path: text for path, text in documents.items() if path.startswith(kinds)})
    )


def _set(documents: Documents) -> _Set:
    return tuple(sorted(documents.items()))


@lru_cache(maxsize=_FEW)
def _warnings(documents: _Set, today: date) -> tuple[Finding, ...] | ConfigError:
    with written_out(dict(documents)) as directory:
        try:
            found = findings(*read(directory), today)
        except ConfigError as error:
            return ConfigError(by_its_path(each, directory) for each in error.problems)
        return tuple(by_its_path(each, directory) for each in found)


@lru_cache(maxsize=_MANY)
def _examples(documents: _Set, contract: str, year: int) -> tuple[Example, ...]:
    with _opened(documents) as library:
        configuration = _only(library, contract)
        return tuple(worked(library, configuration, contract, year)) if configuration else ()


@lru_cache(maxsize=_MANY)
def _alone(documents: _Set, contract: str) -> Configuration | None:
    with _opened(documents) as library:
        return _only(library, contract)


@lru_cache(maxsize=_MANY)
def _lone_calendar(documents: _Set, id_: str) -> tuple[Calendar, Mapping[str, Any]] | None:
    with _opened(documents) as library:
        entry = library.calendars.get(id_)
        if entry is None or entry.model is None:
            return None
        listed = Listed(entry.model.holidays, entry.document, ("holidays",), entry.path, entry.root)
        plain = frozen(entry.model, listed, {})
        return built(id_, plain), plain


@lru_cache(maxsize=_FEW)
def _offered(documents: _Set) -> tuple[Mapping[str, ContractDocument], tuple[str, ...]]:
    with written_out(dict(documents)) as directory:
        library = Library(directory)
        entries = [library.contracts.get(id_) for id_ in sorted(library.contracts.ids())]
        models = {each.id: each.model for each in entries if each and each.model}
        return models, tuple(sorted(library.calendars.ids()))


@contextmanager
def _opened(documents: _Set) -> Iterator[Library]:
    with written_out(dict(documents)) as directory:
        library = Library(directory)
        yield library
        if problems := library.problems():
            raise ConfigError(by_its_path(each, directory) for each in problems)


def _only(library: Library, contract: str) -> Configuration | None:
    entry, projects, site = (
        library.contracts.get(contract), library.projects.model, library.site.model
    )  # fmt: skip
    if entry is None or entry.model is None or projects is None or site is None:
        return None
    one = ProjectDocument.model_construct(
        contracts=[ContractRuleDocument(contract=contract)], severities=[], alerts=None
    )
    plain = Frozen(library).contracts_and_calendars(_with(projects, one))
    written = projects.model_dump(exclude_none=True, include={"roles"})
    return Configuration.from_plain({
        **plain, **written, "projects": {}, "alerts": {},
        "site": site.model_dump(exclude_none=True),
    })  # fmt: skip


def _with(projects: ProjectsDocument, only: ProjectDocument) -> ProjectsDocument:
    return projects.model_copy(update={"projects": {"ONLY": only}, "alerts": {}})
