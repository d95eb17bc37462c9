"""What the lints look at, and what they find."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cached_property
from typing import Generic, TypeVar

from config.calendar_schema import CalendarDocument
from config.configuration import Configuration
from config.contract_schema import ContractDocument
from config.errors import Problem
from config.library import Entry, Library
from config.model import Model
from config.positions import Place
from config.site_schema import ContractRuleDocument, ProjectsDocument
from sla.calendar import Calendar
from sla.contract import Contract, Goal, Refusal

Finding = Problem
"""Something to look at; its sentence says what is wrong and what to do."""

_YEARS = 10
_M = TypeVar("_M", bound=Model)


@dataclass(frozen=True)
class Used(Generic[_M]):
    """A document that is in use."""

    key: str
    """Its id; of a calendar with a contract's holidays that of the contract before it."""
    entry: Entry[_M]
    model: _M

    def finding(self, place: Place, message: str) -> Finding:
        """A finding in it."""
        return self.entry.document.problem(place, message)


@dataclass(frozen=True)
class Checked:
    """What is looked at."""

    library: Library
    projects: ProjectsDocument
    configuration: Configuration
    today: date

    @property
    def now(self) -> datetime:
        """The day's first instant."""
        return datetime.combine(self.today, time(), UTC)

    @property
    def years(self) -> range:
        """Those that are looked ahead."""
        return range(self.today.year, self.today.year + _YEARS)

    @cached_property
    def contracts(self) -> list[Used[ContractDocument]]:
        """The contracts that some project uses."""
        ids = self.configuration.policy.contracts
        found = [(id_, self.library.contracts.get(id_)) for id_ in ids]
        return [Used(id_, entry, entry.model) for id_, entry in found if entry and entry.model]

    @cached_property
    def calendars(self) -> list[tuple[Used[CalendarDocument], Calendar]]:
        """The calendars that something uses."""
        found = []
        for key, calendar in self.configuration.calendars.items():
            entry = self.library.calendars.get(key.rpartition("/")[2])
            if entry and entry.model:
                found.append((Used(key, entry, entry.model), calendar))
        return found

    def in_projects(self, place: Place, message: str, *, at_key: bool = False) -> Finding:
        """A finding in projects.yaml."""
        return self.library.projects.document.problem(place, message, at_key=at_key)

    def variants(self, contract_id: str) -> list[Contract]:
        """A contract for everybody, and with each order form."""
        policy = self.configuration.policy
        forms = policy.order_forms.get(contract_id, {})
        return [policy.contracts[contract_id], *forms.values()]

    def rules(self) -> Iterator[tuple[Place, ContractRuleDocument]]:
        """Every rule by which some project's issues have a contract."""
        for key, project in self.projects.projects.items():
            for index, rule in enumerate(project.contracts):
                yield ("projects", key, "contracts", index), rule


def goals_for(contract: Contract, tier: str | None) -> Iterator[tuple[str, Goal | Refusal]]:
    """What a contract promises to a tier, with the metric's name."""
    for metric in contract.metrics:
        for goal in metric.goals:
            if not goal.scope.tiers or tier in goal.scope.tiers:
                yield metric.name, goal
