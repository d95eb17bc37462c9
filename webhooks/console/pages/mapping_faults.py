"""Where in a mapping's form each fault of the draft is, so that it is told at its field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from config.errors import ConfigError, Problem
from config.mapping_edits import FILE
from config.positions import Place, written
from webhooks.console.pages.mapping_form import FieldRefused, MappingForm
from webhooks.console.questions.mapping_rules import SeverityRule


@dataclass(frozen=True)
class FieldFault:
    """One fault, and the field of the form that it is in."""

    field: str
    """Its name, or the id of the part of the page; empty: it is not in this form."""
    place: str
    """In words or, outside the form, with file and line."""
    message: str


def refused(error: Exception | None) -> list[FieldFault]:
    """What the form itself refused, where it is about one field."""
    return [FieldFault(error.field, "", str(error))] if isinstance(error, FieldRefused) else []


def of_draft(error: ConfigError | None, key: str, form: MappingForm) -> list[FieldFault]:
    """The faults of a draft; those that a field of this form can mend come first, in its order."""
    fields = {written(place): name for place, name in _fields(key, form)}
    found = [_fault(each, fields) for each in (error.problems if error else ())]
    order = list(dict.fromkeys(fields.values()))
    return sorted(found, key=lambda each: order.index(each.field) if each.field else len(order))


def severities_in_doubt(
    error: ConfigError | None, key: str, severities: Sequence[SeverityRule]
) -> frozenset[str]:
    """The severities that a faulty rule gives: the cells of the table that have one are in doubt.

    Args:
        error: the draft's faults.
        key: the project's.
        severities: its rules as the draft has them.
    """
    rules = {written(("projects", key, "severities", n)): each for n, each in enumerate(severities)}
    return frozenset(
        rule.severity
        for problem in (error.problems if error else ())
        for place, rule in rules.items()
        if problem.file == FILE and f"{problem.path}.".startswith(f"{place}.")
    )


def _fault(problem: Problem, fields: dict[str, str]) -> FieldFault:
    path = problem.path if problem.file == FILE else ""
    around = [each for each in fields if path == each or path.startswith((f"{each}.", f"{each}["))]
    if not around:
        shown = str(problem).removesuffix(problem.message).removesuffix(": ")
        return FieldFault("", shown, problem.message)
    return FieldFault(fields[max(around, key=len)], path, problem.message)


def _fields(key: str, form: MappingForm) -> Iterator[tuple[Place, str]]:
    """By place in the document the field that sets it, in the form's order."""
    for number in range(len(form.contracts)):
        rule: Place = ("projects", key, "contracts", number)
        yield rule, f"contract-{number}"
        yield (*rule, "tier"), f"contract-{number}-tier"
    yield ("projects", key, "severities"), "severities"
    yield ("projects", key, "alerts"), "alerts"
    yield from _of("parameters", (), "parameter", form.parameters)
    for number, customer in enumerate(form.customers):
        yield from _of("customers", (customer.name,), f"form-{number}", customer.values or {})
    yield from _of("choices", (), "choice", form.choices)


def _of(
    top: str, within: Place, prefix: str, named: Iterable[tuple[str, str]]
) -> Iterator[tuple[Place, str]]:
    for contract, name in named:
        yield (top, *within, contract, name), f"{prefix}:{contract}:{name}"
