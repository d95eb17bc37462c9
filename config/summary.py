"""Shows people what was configured: what is promised to whom, and what became of every clause."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, get_args

from config import contracts
from config.configuration import Configuration
from config.examples import Example
from sla.availability import Availability
from sla.condition import ALWAYS
from sla.contract import (
    Act,
    Alerts,
    BusinessDays,
    Choice,
    Clause,
    ClauseKind,
    Contract,
    Duty,
    Goal,
    Level,
    Metric,
    Notice,
    Refusal,
    Request,
    Scope,
    in_words,
)
from sla.mapping import ProjectRules
from sla.words import length

Plain = Mapping[str, Any]
_PLURALS = {
    "rule": "rules",
    "manual duty": "manual duties",
    "out of scope": "out of scope",
    "open parameter": "open parameters",
    "ambiguity": "ambiguities",
}
_NAMED = {
    "coverage": "limit",
    "duties": "duty",
    "contacts": "contact",
    "notices": "notice",
    "escalations": "escalation",
    "conditions": "condition of the credit",
    "statements": "statement with the credit",
}
"""What an entry of a list with ids is called."""
_UNNAMED = {
    "acknowledgement": "acknowledgement",
    "required_information": "required information",
    "availability": "availability",
    "maintenance": "maintenance",
    "credit": "credit",
}
_NOT_CITING = {"clauses", "choices", "parameters", "metrics"}


def summary(configuration: Configuration) -> list[str]:
    """What holds, line by line, for `dueline check`."""
    lines: list[str] = []
    for project in configuration.policy.projects.values():
        lines += _project(project)
    for contract in configuration.policy.contracts.values():
        lines += ["", *_contract(configuration, contract)]
    return [*lines, "", *_calendars(configuration)]


def contract_page(
    configuration: Configuration, contract_id: str, examples: Sequence[Example] = ()
) -> list[str]:
    """The register of one contract: each clause and what carries it out, each choice.

    Args:
        configuration: what was loaded.
        contract_id: one of its contracts.
        examples: what each choice is worth, as `config.examples.worked` gives it.

    Raises:
        KeyError: no project uses a contract of that name.
    """
    contract = configuration.policy.contracts[contract_id]
    plain = plain_of(configuration)["contracts"][contract_id]
    carried = carried_out(configuration, contract_id)
    lines = [f"contract {contract.id}: {contract.title}", f"  {contract.source}"]
    lines.append(f"  {coverage(configuration, contract)}")
    lines += ["", "Clauses"]
    for clause in contract.clauses:
        lines += _clause(clause, carried.get(clause.id, []))
    lines += ["", "Choices" if contract.choices else "No choices: the text is read in one way."]
    for choice, written in zip(contract.choices, plain["choices"], strict=True):
        of_choice = [each for each in examples if each.choice == choice.id]
        lines += _choice_at_length(choice, written.get("why"), of_choice)
    return lines


def carried_out(configuration: Configuration, contract_id: str) -> dict[str, list[str]]:
    """For each clause of a contract all that cites it, in words."""
    found: dict[str, dict[str, None]] = {}
    for clause, what in _citations(configuration, contract_id):
        found.setdefault(clause, {})[what] = None
    return {clause: list(what) for clause, what in found.items()}


def unaccounted(configuration: Configuration, contract_id: str) -> list[tuple[str, str]]:
    """The clauses of which it is said what they became, but of which nothing shows it.

    Returns:
        Each with what it lacks, in words.
    """
    plain = plain_of(configuration)["contracts"][contract_id]
    carrying = {clause for clause, _ in _carrying(configuration, contract_id)}
    choices = {each["clause"] for each in plain["choices"]}
    parameters = {each["clause"] for each in plain.get("parameters", {}).values()}
    wanted = {
        "rule": (carrying, "a rule that nothing carries out"),
        "ambiguity": (choices, "an ambiguity that no choice cites"),
        "open parameter": (
            parameters | carrying,
            "an open parameter that `parameters` does not have",
        ),
    }
    return [
        (clause.id, wanted[kind][1])
        for clause in configuration.policy.contracts[contract_id].clauses
        for kind in clause.kinds
        # `by` says in words what no citation could.
        if kind in wanted and not clause.by and clause.id not in wanted[kind][0]
    ]


# --- projects -------------------------------------------------------------------------------------


def _project(project: ProjectRules) -> Iterator[str]:
    yield f"project {project.key}"
    for number, rule in enumerate(project.contracts, 1):
        tier = f", tier {rule.tier}" if rule.tier else ""
        yield f"  contract {number}: {rule.contract}{tier} ({rule.when})"
    for number, severity in enumerate(project.severities, 1):
        kind = f", kind {severity.kind}" if severity.kind else ""
        yield f"  severity {number}: {severity.severity}{kind} ({severity.when})"
    yield f"  alerts: {_alerts(project.alerts)}"
    for other in project.alert_rules:
        of = ", ".join([*map(in_words, other.metrics), whom(other.scope)])
        yield f"  alerts for {of}: {_alerts(other.alerts)}"


def _alerts(alerts: Alerts) -> str:
    warnings = [warning.id for warning in alerts.warnings]
    return ", ".join([*warnings, "breach", *map(_level, alerts.levels)])


def _level(level: Level) -> str:
    return f"level {level.number} {level.name} ({speaks(level)})"


def speaks(level: Level) -> str:
    """When a level of the ladder speaks: `30 min after`, `75% used on night-shift`."""
    if level.used is not None:
        when = f"{100 * level.used:g}% used"
    elif level.left is not None:
        when = f"{length(level.left)} left"
    else:
        when = f"{length(level.after)} after" if level.after else "at once"
    return f"{when} on {level.hours.id}" if level.hours else when


# --- contracts ------------------------------------------------------------------------------------


def _contract(configuration: Configuration, contract: Contract) -> Iterator[str]:
    yield f"contract {contract.id}: {contract.title}"
    for metric in contract.metrics:
        yield from _indented(_metric(metric))
    for form in configuration.policy.order_forms.get(contract.id, {}).values():
        yield from _indented(order_form(form, contract))
    yield from _indented(beside_the_clocks(contract))
    yield f"  {coverage(configuration, contract)}"
    for choice in contract.choices:
        yield f"  {_choice(choice)}"


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _metric(metric: Metric) -> Iterator[str]:
    name = metric.name.replace("_", " ")
    said: set[str] = set()
    for goal in metric.goals:
        if isinstance(goal, Goal):
            yield f"{name}: {_goal(goal)}"
            continue
        yield f"{name}: {whom(goal.scope)}: not in force, clause {goal.clause}"
        # What several promises lack is said with the first of them.
        yield from (f"  not in force: {each}" for each in goal.missing if each not in said)
        said.update(goal.missing)
    yield from _indented(rests(metric))


def rests(metric: Metric) -> Iterator[str]:
    """While what its clock rests, and while what nothing is owed."""
    resting = [str(each) for each in metric.clock.pauses]
    if resting:
        yield f"the clock rests while {'; or '.join(resting)}"
    if metric.clock.until:
        yield f"nothing is owed while {'; or '.join(str(each) for each in metric.clock.until)}"


def _goal(goal: Goal) -> str:
    target = goal.target
    reading = f" ({target.reading})" if isinstance(target, BusinessDays) else ""
    return (
        f"{whom(goal.scope)}: {target.text}{reading} on {goal.calendar.id}, {goal.binding}, "
        f"clause {goal.clause}"
    )


def whom(scope: Scope) -> str:
    """Of which issues something speaks: `High or Medium, tier Gold`."""
    severity = " or ".join(scope.severities) or "every severity"
    tiers = f", tier {' or '.join(scope.tiers)}" if scope.tiers else ""
    kinds = f", kind {' or '.join(scope.kinds)}" if scope.kinds else ""
    return f"{severity}{tiers}{kinds}"


def _for(scope: Scope) -> str:
    return f" for {whom(scope)}" if scope != Scope() else ""


def order_form(form: Contract, everybody: Contract) -> Iterator[str]:
    """What an order form changes, line by line."""
    yield f"order form of {form.customer}"
    changed = False
    for metric, usual in zip(form.metrics, everybody.metrics, strict=True):
        if metric.goals != usual.goals:
            changed = True
            yield from _indented(_metric(metric))
    if not changed:
        yield "  promises the same"


def beside_the_clocks(contract: Contract) -> Iterator[str]:
    """What a contract says beside its promises, line by line."""
    for limit in contract.limits:
        if limit.requires == ALWAYS:
            # Under the reading that holds it asks for nothing.
            continue
        only = f" (only {_names(limit.metrics)})" if limit.metrics else ""
        condition = f"when {limit.excludes}" if limit.excludes else f"unless {limit.requires}"
        yield f"not covered{only}: {limit.text}, {condition}, clause {limit.clause}"
    yield from map(_duty, contract.duties)
    if contract.acknowledgement:
        yield f"acknowledgement: a public comment, clause {contract.acknowledgement.clause}"
    for contact in contract.contacts:
        hours = f" on {contact.hours.id}" if contact.hours else ""
        yield f"contact{_for(contact.scope)}{hours}: {contact.text}, clause {contact.clause}"
    checklist = contract.checklist
    if checklist:
        items = f"{len(checklist.items)} item{'' if len(checklist.items) == 1 else 's'}"
        rests = f"; {_names(checklist.pauses)} waits for them" if checklist.pauses else ""
        yield f"required information: {items}{rests}, clause {checklist.clause}"
    yield from map(_notice, contract.notices)
    yield from map(_request, contract.requests)
    if contract.availability:
        yield from _availability(contract.availability)


def _names(metrics: Sequence[str]) -> str:
    return " and ".join(name.replace("_", " ") for name in metrics)


def _duty(duty: Duty) -> str:
    effect = {
        "conditional": f"; until then {_names(duty.metrics)} is conditional",
        "pauses": f"; until then {_names(duty.metrics)} rests",
        "none": "",
    }[duty.effect]
    return (
        f"duty of the {duty.who}{_for(duty.scope)}: {duty.text.rstrip('.')}{effect}, "
        f"clause {duty.clause}"
    )


def _acts(acts: Sequence[Act]) -> str:
    return " or ".join(map(_act, acts))


def _act(act: Act) -> str:
    if act.kind == "changed":
        return f"a change of {' or '.join(act.names)}"
    if act.kind == "fields":
        return str(act.when)
    kinds = [*(["a question"] if act.question else []), *(f"“{each}”" for each in act.phrases)]
    kinds += [f"marked {each}" for each in act.marks]
    return f"{act.kind} ({' or '.join(kinds)})" if kinds else act.kind


def _notice(notice: Notice) -> str:
    public = "public notice" if notice.public else "notice"
    often = "" if notice.each else ", once"
    return (
        f"{public}{_for(notice.scope)} on {_acts(notice.on)}{often}: {notice.text.rstrip('.')}, "
        f"clause {notice.clause}"
    )


def _request(request: Request) -> str:
    by = f"an issue ({request.by_issue}) that refers to it" if request.by_issue else None
    steps = ", ".join(f"level {step.number} {step.name}" for step in request.steps)
    return (
        f"escalation{_for(request.scope)} by {by or _acts(request.on)}: {steps}, "
        f"clause {request.clause}"
    )


def _availability(found: Availability) -> Iterator[str]:
    basis = "of all minutes" if found.basis == "all" else f"of the minutes of {found.calendar.id}"
    promised = f"{_percent(found.commitment)} {basis}" if found.commitment else "no percentage"
    yield f"availability: {promised}, clause {found.clause}"
    for kind, reason in found.excluded.items():
        yield f"  does not count: {kind}: {reason}"
    if found.maintenance:
        windows, binding = found.maintenance.windows.id, found.maintenance.binding
        yield f"  maintenance on {windows}, {binding}, clause {found.maintenance.clause}"
    credit = found.credit
    if credit:
        cap = f", at most {_percent(credit.cap)} of the fee" if credit.cap is not None else ""
        yield (
            f"  credit: {credit.multiple} times the amount paid for the excess{cap}, "
            f"clause {credit.clause}"
        )


# --- clauses and choices --------------------------------------------------------------------------


def coverage(configuration: Configuration, contract: Contract) -> str:
    """How many clauses became what, and whether any is unaccounted for."""
    clauses = contract.clauses
    kinds = Counter(kind for clause in clauses for kind in clause.kinds)
    parts = [_counted(kinds[kind], kind) for kind in get_args(ClauseKind)]
    several = any(len(clause.kinds) > 1 for clause in clauses)
    note = " (some clauses are several of these)" if several else ""
    lacking = unaccounted(configuration, contract.id)
    rest = "; ".join(f"{clause}: {what}" for clause, what in lacking)
    accounted = f"unaccounted for: {rest}" if lacking else "nothing unaccounted for"
    number = f"{len(clauses)} clause{'' if len(clauses) == 1 else 's'}"
    return f"{number}: {', '.join(parts)}{note}; {accounted}"


def _counted(number: int, kind: str) -> str:
    return f"{number} {kind if number == 1 else _PLURALS[kind]}"


def _choice(choice: Choice) -> str:
    if choice.chosen is None:
        readings = ", ".join(choice.readings)
        return f"undecided: {choice.id}: {choice.question} ({readings})"
    people = "" if choice.drives else "; people follow it, no value depends on it"
    return f"choice {choice.id}: {choice.chosen}{decided(choice)}{people}"


def decided(choice: Choice) -> str:
    """By whom and when a choice was settled, to follow another word; empty where nobody said."""
    by = f", by {choice.decided_by}" if choice.decided_by else ""
    return f"{by}, {choice.decided_on}" if choice.decided_on else by


def _clause(clause: Clause, carried: Sequence[str]) -> Iterator[str]:
    yield f"  {clause.id}"
    yield f"    {clause.gist}"
    yield f"    became: {', '.join(clause.kinds)}"
    if clause.by:
        yield f"    by: {clause.by}"
    for what in carried:
        yield f"    carried out by: {what}"


def _choice_at_length(
    choice: Choice, why: str | None, examples: Sequence[Example]
) -> Iterator[str]:
    state = f"decided{decided(choice)}" if choice.chosen else "undecided"
    clause = f", clause {choice.clause}" if choice.clause else ""
    yield f"  {choice.id} ({state}){clause}"
    yield f"    {choice.question}"
    if not choice.drives:
        yield "    people follow the reading; no value of the contract depends on it"
    for name, meaning in choice.readings.items():
        yield f"    {'*' if name == choice.chosen else '-'} {name}: {meaning}"
    if why:
        yield f"    why: {why}"
    yield f"    example: {choice.example}"
    for each in examples:
        yield from (f"    worked out: {line}" if n == 0 else f"    {line}"
                    for n, line in enumerate(each.lines()))  # fmt: skip


def _citations(configuration: Configuration, contract_id: str) -> Iterator[tuple[str, str]]:
    plain = plain_of(configuration)["contracts"][contract_id]
    yield from _carrying(configuration, contract_id)
    for name, parameter in plain.get("parameters", {}).items():
        yield parameter["clause"], f"parameter {name}"
    for choice in plain["choices"]:
        yield choice["clause"], f"choice {choice['id']}"


def _carrying(configuration: Configuration, contract_id: str) -> Iterator[tuple[str, str]]:
    """Every clause that something carries out, with what does; settling it is not enough."""
    plain = plain_of(configuration)["contracts"][contract_id]
    contract = configuration.policy.contracts[contract_id]
    for metric in contract.metrics:
        name = metric.name.replace("_", " ")
        yield metric.clause, f"metric {name}"
        for goal in metric.goals:
            yield goal.clause, f"goal {name}: {_target(goal)}"
    for name, written in plain.items():
        if name not in _NOT_CITING:
            yield from _cited_in(name, written)
    yield from _cited_by_calendars(configuration, plain)


def _target(goal: Goal | Refusal) -> str:
    promised = goal.target.text if isinstance(goal, Goal) else "not in force"
    return f"{whom(goal.scope)}: {promised}"


def _cited_in(name: str, written: Any) -> Iterator[tuple[str, str]]:
    """What one part of a contract cites, at any depth."""
    if isinstance(written, list):
        for each in written:
            yield from _cited_in(name, each)
    elif isinstance(written, Mapping):
        if isinstance(written.get("clause"), str):
            known = f"{_NAMED.get(name, name)} {written.get('id', '')}".strip()
            yield written["clause"], _UNNAMED.get(name, known)
        for key, inner in written.items():
            yield from _cited_in(key, inner)


def _cited_by_calendars(configuration: Configuration, plain: Plain) -> Iterator[tuple[str, str]]:
    used = set(_calendars_of(plain))
    for key, calendar in plain_of(configuration)["calendars"].items():
        if key in used and calendar.get("clause"):
            yield calendar["clause"], f"calendar {key}"


def _calendars_of(plain: Plain) -> Iterator[str]:
    """The keys of the calendars that a frozen contract uses."""
    for metric in plain["metrics"].values():
        yield from (goal["calendar"] for goal in metric["goals"] if goal.get("calendar"))
    yield from (each["hours"] for each in plain.get("contacts", ()) if "hours" in each)
    availability = plain.get("availability") or {}
    if availability:
        yield availability["calendar"]
    if availability.get("maintenance"):
        yield availability["maintenance"]["windows"]


# --- calendars ------------------------------------------------------------------------------------


def _calendars(configuration: Configuration) -> Iterator[str]:
    sources = plain_of(configuration)["calendars"]
    for key, calendar in configuration.calendars.items():
        if calendar.always_open:
            yield f"calendar {key}: {calendar.time_zone}, always open"
            continue
        source, number = sources[key]["holiday_source"], len(calendar.holidays)
        yield (
            f"calendar {key}: {calendar.time_zone}, {number} holiday{'' if number == 1 else 's'}"
            + (f" ({source})" if source else "")
        )


def plain_of(configuration: Configuration) -> Plain:
    """What was frozen, as plain values: what `Configuration.text` says."""
    return _read(configuration.text)


@lru_cache(maxsize=2)
def _read(text: str) -> Plain:
    plain: dict[str, Any] = json.loads(text)
    return contracts.upgraded(plain) if plain["format"] == 1 else plain


def _percent(amount: Decimal) -> str:
    return f"{amount.normalize():f}%"
