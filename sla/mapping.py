"""Which promise an issue has: project, issue type, priority and fields to contract, tier, severity.

First match wins, and the reason is kept in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar

from sla.contract import Alerts, Contract, Goal, Metric
from sla.timeline import SYSTEM_FIELDS, FieldValue

Fields = Mapping[str, FieldValue]

_Rule = TypeVar("_Rule", "ContractRule", "SeverityRule")
_WORDS = {"issuetype": "type", "priority": "priority"}


@dataclass(frozen=True, slots=True)
class Condition:
    """Each named field must have one of its values; no fields: always true. Case does not count."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def holds(self, fields: Fields) -> bool:
        """Whether the issue's fields meet every part."""
        return all(_has_one_of(fields.get(name), wanted) for name, wanted in self.fields.items())

    def __str__(self) -> str:
        """Such as `priority High or Medium, Support plan Enterprise`; `always` when it is empty."""
        parts = [
            f"{_WORDS.get(name, name)} {' or '.join(wanted)}"
            for name, wanted in self.fields.items()
        ]
        return ", ".join(parts) or "always"


@dataclass(frozen=True, slots=True)
class ContractRule:
    """Under this condition the issue has that contract and tier."""

    contract: str
    tier: str | None = None
    when: Condition = Condition()


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """Under this condition the issue has that severity."""

    severity: str
    when: Condition = Condition()


@dataclass(frozen=True, slots=True)
class ProjectRules:
    """How one Jira project's issues find their promise."""

    key: str
    contracts: tuple[ContractRule, ...]
    severities: tuple[SeverityRule, ...]
    alerts: Alerts = field(default_factory=Alerts)


@dataclass(frozen=True, slots=True)
class Responders:
    """Whose public reply counts: anyone, or only those named; never those ruled out."""

    only: frozenset[str] | None = None
    never: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Policy:
    """One published version of everything that decides: mapping, contracts, responders."""

    version: str
    projects: Mapping[str, ProjectRules]
    contracts: Mapping[str, Contract]
    responders: Responders = Responders()
    reported_at_field: str | None = None

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Every field that a rule or the "reported at" setting names."""
        conditions = [
            condition
            for project in self.projects.values()
            for condition in (
                *(rule.when for rule in project.contracts),
                *(rule.when for rule in project.severities),
            )
        ]
        named = {name for condition in conditions for name in condition.fields}
        return frozenset(named | ({self.reported_at_field} if self.reported_at_field else set()))

    def spelling(self, name: str) -> str:
        """A custom field's name as the rules spell it, whatever its case; else the name itself."""
        return self._spellings.get(name.casefold(), name)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.field_names - SYSTEM_FIELDS}


@dataclass(frozen=True, slots=True)
class Coverage:
    """The promise that an issue has, or why it has none."""

    reason: str
    project: str
    contract: Contract | None = None
    tier: str | None = None
    severity: str | None = None

    @property
    def covered(self) -> bool:
        """Whether some contract holds for the issue."""
        return self.contract is not None

    @property
    def metric_names(self) -> tuple[str, ...]:
        """What the contract measures."""
        return tuple(metric.name for metric in self.contract.metrics) if self.contract else ()

    def metric(self, name: str) -> Metric | None:
        """The contract's metric of that name, if there is a contract and it has one."""
        metrics = self.contract.metrics if self.contract else ()
        return next((metric for metric in metrics if metric.name == name), None)

    def goal(self, metric: str) -> Goal | None:
        """What is promised for that metric; None where nothing is."""
        found = self.metric(metric)
        return found.goal(self.severity, self.tier) if found else None


def cover(policy: Policy, fields: Fields) -> Coverage:
    """Find an issue's contract, tier and severity.

    Args:
        policy: the version in force.
        fields: by name; `project` (key), `issuetype`, `priority`, and any others that rules name.

    Returns:
        The coverage, with the rules that led to it, or the reason why none did.
    """
    project = str(fields.get("project") or "")
    rules = policy.projects.get(project)
    if rules is None:
        return Coverage(f"project {project or '(unknown)'} is in no mapping", project)
    chosen = _first(rules.contracts, fields)
    if chosen is None:
        return Coverage(f"no contract rule of project {project} matches", project)
    contract_index, contract_rule = chosen
    found = _first(rules.severities, fields)
    if found is None:
        shown = ", ".join(f"{word} {fields.get(name) or 'none'}" for name, word in _WORDS.items())
        return Coverage(f"no severity rule of project {project} matches ({shown})", project)
    severity_index, severity_rule = found
    reason = (
        f"project {project}: contract rule {contract_index} ({contract_rule.when}) gives "
        f"{contract_rule.contract}, severity rule {severity_index} ({severity_rule.when}) gives "
        f"{severity_rule.severity}"
    )
    return Coverage(
        reason,
        project,
        policy.contracts[contract_rule.contract],
        contract_rule.tier,
        severity_rule.severity,
    )


def _first(rules: Sequence[_Rule], fields: Fields) -> tuple[int, _Rule] | None:
    return next(
        ((number, rule) for number, rule in enumerate(rules, 1) if rule.when.holds(fields)), None
    )


def _has_one_of(value: FieldValue, wanted: tuple[str, ...]) -> bool:
    present = value if isinstance(value, tuple) else (value,)
    folded = {item.casefold() for item in present if item is not None}
    return any(item.casefold() in folded for item in wanted)
