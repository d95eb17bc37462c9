"""Which promise an issue has: project, issue type, priority and fields to contract, tier, severity.

First match wins, and the reason is kept in words.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import msgspec
from msgspec.structs import replace

from sla.condition import ALWAYS, Condition, Fields, without_repetition
from sla.contract import (
    Alerts,
    Clock,
    Contract,
    Duty,
    Goal,
    Limit,
    Metric,
    Refusal,
    Scope,
    in_words,
    severity_in_words,
)
from sla.timeline import SYSTEM_FIELDS, FieldValue, Timeline

__all__ = [
    "AlertRule", "Condition", "ContractRule", "Coverage", "Fields", "Policy", "ProjectRules",
    "Responders", "SeverityRule", "cover",
]  # fmt: skip

_Rule = TypeVar("_Rule", "ContractRule", "SeverityRule")
_SHOWN = {"issuetype": "type", "priority": "priority"}
_NO_ALERTS = Alerts()
_MOST_COVERAGES = 4096
_LONGEST_VALUES = 1_000
"""So many coverages are kept, of values that are no longer together: far more than a site's issues
differ in, and no more than a few megabytes. Of a description, each would keep its own."""


class ContractRule(msgspec.Struct, frozen=True):
    """Under this condition the issue has that contract and tier."""

    contract: str
    tier: str | None = None
    when: Condition = ALWAYS


class SeverityRule(msgspec.Struct, frozen=True):
    """Under this condition the issue has that severity, and is that kind of work."""

    severity: str
    when: Condition = ALWAYS
    kind: str | None = None


class AlertRule(msgspec.Struct, frozen=True):
    """For these metrics and issues, these alerts in place of the project's."""

    alerts: Alerts
    metrics: tuple[str, ...] = ()
    """None named: every metric."""
    scope: Scope = Scope()


class ProjectRules(msgspec.Struct, frozen=True):
    """How one Jira project's issues find their promise."""

    key: str
    contracts: tuple[ContractRule, ...]
    severities: tuple[SeverityRule, ...]
    alerts: Alerts = Alerts()
    alert_rules: tuple[AlertRule, ...] = ()

    @property
    def conditions(self) -> list[Condition]:
        """Those by which its issues get a contract and a severity."""
        contracts = [rule.when for rule in self.contracts]
        return contracts + [rule.when for rule in self.severities]

    @property
    def all_alerts(self) -> list[Alerts]:
        """All that may hold for one of its issues."""
        return [self.alerts, *(rule.alerts for rule in self.alert_rules)]

    def alerts_for(self, metric: str, coverage: Coverage) -> Alerts:
        """Who hears of a promise, and when: by the first rule that speaks of it."""
        for rule in self.alert_rules:
            spoken_of = not rule.metrics or metric in rule.metrics
            if spoken_of and coverage.within(rule.scope):
                return rule.alerts
        return self.alerts


class Responders(msgspec.Struct, frozen=True):
    """Whose public reply counts: anyone, or only those named; never those ruled out."""

    only: frozenset[str] | None = None
    """Account ids; None: anyone but the reporter, customers, apps and those in `never`."""
    never: frozenset[str] = frozenset()
    """Account ids; Dueline's own account belongs here."""
    groups: Mapping[str, frozenset[str]] = msgspec.field(default_factory=dict)
    """By name account ids, of which reports count what they answered; no account is in two."""


class Policy(msgspec.Struct, frozen=True, dict=True):
    """One published version of everything that decides: mapping, contracts, responders."""

    version: str
    projects: Mapping[str, ProjectRules]
    contracts: Mapping[str, Contract]
    responders: Responders = Responders()
    reported_at_field: str | None = None
    customer_field: str | None = None
    """The field that names the customer, whose order form may differ."""
    order_forms: Mapping[str, Mapping[str, Contract]] = msgspec.field(default_factory=dict)
    """By contract and customer, in lower case: the contract with that customer's figures."""

    @cached_property
    def coverage_fields(self) -> frozenset[str]:
        """Every field on which an issue's coverage depends."""
        conditions: list[Condition] = []
        for project in self.projects.values():
            conditions += project.conditions
        for contract in self.contracts.values():
            for limit in contract.limits:
                conditions += [each for each in (limit.excludes, limit.requires) if each]
        named = {name for condition in conditions for name in condition.names}
        return frozenset(named | ({self.customer_field} if self.customer_field else set()))

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Every field that any of it looks at."""
        reported = {self.reported_at_field} if self.reported_at_field else set()
        of_contracts = {name for each in self.contracts.values() for name in each.field_names}
        return self.coverage_fields | reported | of_contracts

    @cached_property
    def looks_at_others(self) -> bool:
        """Whether some contract asks what other issues an issue is tied to."""
        return any(
            request.by_issue for each in self.contracts.values() for request in each.requests
        )

    def coverage_at(self, timeline: Timeline, at: datetime) -> Coverage:
        """What coverage an issue has by the values that its fields had at an instant.

        Equal values give the same object: the issues of a site share a few dozen coverages, and to
        look one up takes a twentieth of the time of finding it by the rules.
        """
        return self.coverage_of(timeline.values_at(self.shown_fields, at))

    def coverage_of(self, values: tuple[FieldValue, ...]) -> Coverage:
        """The same by the values of `shown_fields`."""
        found = self._coverages.get(values)
        if found is None:
            found = cover(self, dict(zip(self.shown_fields, values, strict=True)))
            if _length(values) <= _LONGEST_VALUES:
                if len(self._coverages) >= _MOST_COVERAGES:
                    self._coverages.clear()
                self._coverages[values] = found
        return found

    @cached_property
    def covered_by_reason(self) -> Mapping[str, Coverage]:
        """The coverages that their reason alone tells, by that: no field has to be known.

        Where a contract has single metrics ruled out, more than its rules decides.
        """
        found = [
            _covered(key, rules, contract_index, severity_index, contract)
            for key, rules in self.projects.items()
            for contract_index, rule in enumerate(rules.contracts, 1)
            for contract in self._forms_of(rule.contract)
            if not any(limit.metrics for limit in contract.limits)
            for severity_index in range(1, len(rules.severities) + 1)
        ]
        times = Counter(each.reason for each in found)
        return {each.reason: each for each in found if times[each.reason] == 1}

    def _forms_of(self, contract: str) -> list[Contract]:
        """A contract as it holds for everybody, and for each customer."""
        return [self.contracts[contract], *self.order_forms.get(contract, {}).values()]

    def alerts_for(self, metric: str, coverage: Coverage) -> Alerts:
        """Who hears of a promise, and when; nobody where the project is in the mapping no more."""
        project = self.projects.get(coverage.project)
        if project is None or not project.alert_rules:
            return project.alerts if project else _NO_ALERTS
        return project.alerts_for(metric, coverage)

    def never_counting(self, account: str) -> Policy:
        """The same where one more account's comments never count; each time the same object."""
        found = self._without.get(account)
        if found is None:
            never = self.responders.never | {account}
            found = replace(self, responders=replace(self.responders, never=never))
            self._without[account] = found
        return found

    @cached_property
    def changing_fields(self) -> tuple[str, ...]:
        """The fields whose changes can bring another coverage."""
        return tuple(sorted({"project", *self.coverage_fields}))

    @cached_property
    def shown_fields(self) -> tuple[str, ...]:
        """Those and the ones that the reason of a coverage names."""
        return tuple(sorted({*self.changing_fields, *_SHOWN}))

    @cached_property
    def speaks_early(self) -> bool:
        """Whether some escalation level may speak before a breach."""
        alerts = [alerts for each in self.projects.values() for alerts in each.all_alerts]
        return any(each.early_levels for each in alerts)

    @cached_property
    def _coverages(self) -> dict[tuple[FieldValue, ...], Coverage]:
        return {}

    @cached_property
    def _without(self) -> dict[str, Policy]:
        return {}

    def contract(self, id_: str, customer: str | None) -> Contract:
        """A contract as it holds for a customer."""
        forms = self.order_forms.get(id_, {})
        return forms.get((customer or "").casefold(), self.contracts[id_])

    def spelling(self, name: str) -> str:
        """A custom field's name as the rules spell it, whatever its case; else the name itself."""
        return self._spellings.get(name.casefold(), name)

    @cached_property
    def _spellings(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.field_names - SYSTEM_FIELDS}


class Terms(msgspec.Struct, frozen=True, gc=False):
    """What a coverage promises of one metric."""

    metric: str
    clock: Clock
    goal: Goal
    duties: tuple[Duty, ...]
    """On which the promise depends."""
    may_go_straight: bool
    """Whether a start and a stop are all it takes: nothing is waited for, no slots on a grid."""


class Coverage(msgspec.Struct, frozen=True, dict=True):
    """The promise that an issue has, or why it has none."""

    reason: str
    project: str
    contract: Contract | None = None
    tier: str | None = None
    severity: str | None = None
    """None where the contract, if any, does not hold for the issue after all."""
    kind: str | None = None
    """The contract's own kind of work, where it tells kinds apart."""
    limit: Limit | None = None
    """Why the contract does not cover the issue after all."""
    waivers: tuple[Limit, ...] = ()
    """Why single metrics are not promised for it."""

    @property
    def covered(self) -> bool:
        """Whether some contract holds for the issue."""
        return self.severity is not None

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """What the contract measures; nothing where it does not cover the issue."""
        return self.contract.metrics if self.contract and self.covered else ()

    def metric(self, name: str) -> Metric | None:
        """The contract's metric of that name, if it holds for the issue and has one."""
        return self._metrics.get(name)

    def terms(self, metric: str) -> Terms | None:
        """What is promised for that metric, all together; None where nothing is."""
        return self._terms.get(metric)

    def words(self, metric: str) -> str:
        """What a metric measures, in words."""
        found = self._metrics.get(metric)
        return found.words if found else in_words(metric)

    def heading(self, metric: str) -> str:
        """The same at the beginning of a sentence."""
        return self._headings.get(metric) or _capital(self.words(metric))

    def goal(self, metric: str) -> Goal | None:
        """What is promised for that metric; None where nothing is."""
        return self._goals.get(metric)

    def refusal(self, metric: str) -> Refusal | None:
        """Which figures are missing for that metric to be promised; None where none are."""
        found = self._promised(metric)
        return found if isinstance(found, Refusal) else None

    def within(self, scope: Scope) -> bool:
        """Whether the issue is covered and one of those that a scope speaks of."""
        return self.covered and scope.holds(self.severity, self.tier, self.kind)

    def duties(self, metric: str | None = None) -> tuple[Duty, ...]:
        """What somebody has to do for such an issue: all of it, or what a metric depends on."""
        if not self._duties or metric is None:
            return self._duties
        return tuple(duty for duty in self._duties if metric in duty.metrics)

    @cached_property
    def on_grid(self) -> frozenset[str]:
        """The metrics whose next cycle starts when a goal is used up."""
        return frozenset(metric.name for metric in self.metrics if metric.clock.grid)

    @cached_property
    def speaks(self) -> bool:
        """Whether the contract has anything said beside its clocks."""
        each = self.contract
        return bool(
            each and (each.acknowledgement or each.checklist or each.notices or each.requests)
        )

    @cached_property
    def may_wait(self) -> bool:
        """Whether a clock may rest until the customer did something."""
        checklist = self.contract.checklist if self.contract else None
        return bool(checklist and checklist.pauses) or any(
            duty.effect == "pauses" for duty in self._duties
        )

    # A coverage is shared by many issues and asked by each of their clocks: what it answers is
    # worked out once.

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """What tells one promise from another: two coverages that share it promise the same."""
        return (
            self.contract.id if self.contract else None,
            self.contract.customer if self.contract else None,
            self.tier,
            self.severity,
            self.kind,
            self.limit.id if self.limit else None,
            tuple(waiver.id for waiver in self.waivers),
        )

    @cached_property
    def _metrics(self) -> dict[str, Metric]:
        # Of two with one name the first counts.
        return {metric.name: metric for metric in reversed(self.metrics)}

    @cached_property
    def _headings(self) -> dict[str, str]:
        return {name: _capital(metric.words) for name, metric in self._metrics.items()}

    @cached_property
    def _goals(self) -> dict[str, Goal]:
        promised = {name: self._promised(name) for name in self._metrics}
        return {name: goal for name, goal in promised.items() if isinstance(goal, Goal)}

    @cached_property
    def all_terms(self) -> tuple[Terms, ...]:
        """What is promised for each metric for which something is, in the contract's order."""
        names = dict.fromkeys([metric.name for metric in self.metrics])
        return tuple([self._terms[name] for name in names if name in self._terms])

    @cached_property
    def rests(self) -> tuple[Condition, ...]:
        """While one of these holds some clock may rest."""
        clocks = [each.clock for each in self.all_terms]
        return tuple(without_repetition(each for clock in clocks for each in clock.rests))

    @cached_property
    def _terms(self) -> dict[str, Terms]:
        clocks = {name: self._metrics[name].clock for name in self._goals}
        return {
            name: Terms(
                name,
                clock,
                self._goals[name],
                self.duties(name),
                bool(clock.only_stop) and not clock.grid and not self.may_wait,
            )
            for name, clock in clocks.items()
        }

    @cached_property
    def _duties(self) -> tuple[Duty, ...]:
        duties = self.contract.duties if self.contract else ()
        return tuple(duty for duty in duties if self.within(duty.scope))

    def why_not(self, metric: str) -> str:
        """Why that metric is not promised, in words."""
        waiver = self._waiver(metric)
        if waiver:
            return f"not promised: {waiver.text} (clause {waiver.clause})"
        refusal = self.refusal(metric)
        if refusal:
            return f"not promised: {'; '.join(refusal.missing)}"
        if self.contract and self.covered:
            severity = severity_in_words(self.severity)
            return f"{self.contract.title} promises no {in_words(metric)} for {severity}"
        return self.reason

    def _waiver(self, metric: str) -> Limit | None:
        return next((waiver for waiver in self.waivers if metric in waiver.metrics), None)

    def _promised(self, metric: str) -> Goal | Refusal | None:
        found = None if self._waiver(metric) else self.metric(metric)
        return found.promised(self.severity, self.tier, self.kind) if found else None


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
    contract_rule = chosen[1]
    contract = policy.contract(contract_rule.contract, _customer(policy, fields))
    limits = [each for each in contract.limits if each.applies(fields)]
    limit = next((each for each in limits if not each.metrics), None)
    if limit:
        reason = f"not covered by {contract.id}: {limit.text} (clause {limit.clause})"
        return Coverage(reason, project, contract, contract_rule.tier, limit=limit)
    found = _first(rules.severities, fields)
    if found is None:
        shown = ", ".join(f"{word} {fields.get(name) or 'none'}" for name, word in _SHOWN.items())
        reason = f"no severity rule of project {project} matches ({shown})"
        return Coverage(reason, project, contract, contract_rule.tier)
    contract_index, severity_index = chosen[0], found[0]
    return _covered(project, rules, contract_index, severity_index, contract, tuple(limits))


def _covered(
    project: str,
    rules: ProjectRules,
    contract_index: int,
    severity_index: int,
    contract: Contract,
    waivers: tuple[Limit, ...] = (),
) -> Coverage:
    """What two rules of a project, counted from 1, give together."""
    contract_rule = rules.contracts[contract_index - 1]
    severity_rule = rules.severities[severity_index - 1]
    reason = (
        f"project {project}: contract rule {contract_index} ({contract_rule.when}) gives "
        f"{contract_rule.contract}, severity rule {severity_index} ({severity_rule.when}) gives "
        f"{severity_rule.severity}"
    )
    if contract.customer:
        reason += f", with the order form of {contract.customer}"
    return Coverage(
        reason,
        project,
        contract,
        contract_rule.tier,
        severity_rule.severity,
        severity_rule.kind,
        waivers=waivers,
    )


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _length(values: Iterable[FieldValue]) -> int:
    """How many characters some values have together, several of one field included."""
    return sum(
        len(value) if isinstance(value, str) else sum(map(len, value)) for value in values if value
    )


def _customer(policy: Policy, fields: Fields) -> str | None:
    named = fields.get(policy.customer_field) if policy.customer_field else None
    return next(iter(named), None) if isinstance(named, tuple) else named


def _first(rules: Sequence[_Rule], fields: Fields) -> tuple[int, _Rule] | None:
    return next(
        ((number, rule) for number, rule in enumerate(rules, 1) if rule.when.holds(fields)), None
    )
