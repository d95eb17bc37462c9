"""A project's mapping as a form: filled from the documents, read as typed, changed by its buttons.

What is typed is kept as text until it is saved, so that nothing of it is lost where it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from werkzeug.datastructures import MultiDict

from config.mapping_edits import NotByForm, in_one_line, read
from config.severity_matrix import OTHER, Cell, Matrix
from webhooks.console.questions import mapping as asked
from webhooks.console.questions import mapping_rules as rules_
from webhooks.console.questions.mapping import Around, Source, Value
from webhooks.console.questions.mapping_rules import (
    ContractRule,
    NotUnderstood,
    Parts,
    SeverityRule,
)
from webhooks.console.questions.mapping_saving import Wanted

IS, FILLED, EMPTY = "is", "filled", "empty"
TESTS = ((IS, "is one of"), (FILLED, "has some value"), (EMPTY, "has no value"))
MOST_ROWS = 30
"""Of more issue types a row is shown for those alone that are unlike the others."""
_MOST = 500
_OWN = ("type", "priority", "status")
_Named = tuple[str, str]
"""A contract and one of its parameters or choices."""


class FieldRefused(NotUnderstood):
    """What was typed in one field cannot be; the message says what would be right."""

    def __init__(self, field: str, message: str) -> None:
        self.field = field
        """The field's name."""
        super().__init__(message)


@dataclass(frozen=True)
class ConditionLine:
    """One field that a contract rule looks at."""

    field: str = ""
    test: str = IS
    values: str = ""
    """One on each line."""


@dataclass(frozen=True)
class ContractLine:
    """One contract rule."""

    contract: str = ""
    tier: str = ""
    conditions: tuple[ConditionLine, ...] = ()


@dataclass(frozen=True)
class CustomerLines:
    """The order forms of one customer."""

    name: str = ""
    values: Mapping[_Named, str] | None = None


@dataclass(frozen=True)
class MappingForm:
    """All of it."""

    contracts: tuple[ContractLine, ...]
    table: Matrix | None
    """None: the rules do not fit into one."""
    alerts: str
    parameters: Mapping[_Named, str]
    customers: tuple[CustomerLines, ...]
    choices: Mapping[_Named, str]

    @property
    def used(self) -> list[str]:
        """The contracts that are chosen, each once."""
        return list(dict.fromkeys(line.contract for line in self.contracts if line.contract))


# --- from the documents ---------------------------------------------------------------------------


def filled(at: Source, key: str, where: Around) -> MappingForm:
    """The form as the documents have it; for a project without a mapping an empty one."""
    project = asked.project_of(at.data, key)
    rules = rules_.contract_rules(project)
    used = list(dict.fromkeys(rule.contract for rule in rules))
    parts = rules_.in_parts(rules_.severities_of(project))
    names = dict.fromkeys(form.customer for form in asked.order_forms(used, at))
    return MappingForm(
        contracts=tuple(map(_contract_line, rules)) or (ContractLine(),),
        table=shortened(asked.table_of(parts.table, where), parts.table) if parts else None,
        alerts=asked.alerts_named(project, at.data),
        parameters={
            (each.contract, each.name): written_out(each.value)
            for each in asked.parameters(used, at, where)
        },
        customers=tuple(CustomerLines(name, _form_values(name, used, at)) for name in names),
        choices={
            (each.contract, each.id): each.chosen or ""
            for each in asked.choices(used, at, where)
        },
    )  # fmt: skip


def shortened(table: Matrix, rules: Sequence[SeverityRule], more: Sequence[str] = ()) -> Matrix:
    """Of a long table the rows that are unlike the last, that rules name, or that are asked for."""
    if len(table.types) <= MOST_ROWS:
        return table
    named = {name.casefold() for name in more} | {
        name.casefold() for rule in rules for name in rule.type
    }
    last = table.row(OTHER)
    types = tuple(
        each for each in table.types if each.casefold() in named or table.row(each) != last
    )
    return Matrix(types, table.priorities, _within(table, (*types, OTHER)))


def written_out(value: Value | None) -> str:
    """A parameter's value as a form shows it: holidays with a line for each."""
    if isinstance(value, list):
        return "\n".join(f"- {in_one_line(each)}" for each in value) or "[]"
    return value or ""


def _contract_line(rule: ContractRule) -> ContractLine:
    lines = [
        ConditionLine(name, IS, "\n".join(values))
        for name, values in (*((n, getattr(rule, n)) for n in _OWN), *rule.fields.items())
        if values
    ]
    lines += [ConditionLine(name, FILLED) for name in rule.filled]
    lines += [ConditionLine(name, EMPTY) for name in rule.empty]
    return ContractLine(rule.contract, rule.tier or "", tuple(lines))


def _form_values(customer: str, used: Sequence[str], at: Source) -> dict[_Named, str]:
    return {
        (form.contract, name): written_out(value)
        for form in asked.order_forms(used, at)
        if form.customer == customer
        for name, value in form.values.items()
    }


def _within(table: Matrix, rows: Sequence[str]) -> dict[tuple[str, str], Cell]:
    return {place: cell for place, cell in table.cells.items() if place[0] in rows}


# --- as typed -------------------------------------------------------------------------------------


def typed(form: MultiDict[str, str]) -> MappingForm:
    """The form as it was sent.

    Raises:
        NotUnderstood: it is not one that this page made.
    """
    return MappingForm(
        contracts=tuple(_typed_contract(form, number) for number in _numbers(form, "contracts")),
        table=_typed_table(form),
        alerts=form.get("alerts", ""),
        parameters=_named(form, "parameter"),
        customers=tuple(
            CustomerLines(form.get(f"customer-{number}", ""), _named(form, f"form-{number}"))
            for number in _numbers(form, "customers")
        ),
        choices=_named(form, "choice"),
    )


def _numbers(form: MultiDict[str, str], name: str) -> range:
    text = form.get(name, "0")
    number = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else -1
    if not 0 <= number <= _MOST:
        raise NotUnderstood(f"{name}: expected up to {_MOST} of them; load the page anew.")
    return range(number)


def _typed_contract(form: MultiDict[str, str], number: int) -> ContractLine:
    prefix = f"contract-{number}"
    lines = [
        ConditionLine(
            form.get(f"{prefix}-{each}-field", "").strip(),
            form.get(f"{prefix}-{each}-test", IS),
            form.get(f"{prefix}-{each}-values", ""),
        )
        for each in _numbers(form, f"{prefix}-conditions")
    ]
    return ContractLine(
        form.get(prefix, "").strip(),
        form.get(f"{prefix}-tier", "").strip(),
        tuple(line for line in lines if line.field or line.values.strip()),
    )


def _typed_table(form: MultiDict[str, str]) -> Matrix | None:
    if "has-table" not in form:
        return None
    types, priorities = tuple(form.getlist("row")), tuple(form.getlist("column"))
    found = {
        (type_, priority): rules_.of_key(form.get(f"cell-{row}-{column}", ""))
        for row, type_ in enumerate((*types, OTHER))
        for column, priority in enumerate((*priorities, OTHER))
    }
    cells = {place: cell for place, cell in found.items() if cell is not None}
    return Matrix(types, priorities, cells)


def _named(form: MultiDict[str, str], prefix: str) -> dict[_Named, str]:
    found = {}
    for name, value in form.items():
        head, _, rest = name.partition(":")
        contract, colon, own = rest.partition(":")
        if head == prefix and colon:
            found[contract, own] = value
    return found


# --- buttons --------------------------------------------------------------------------------------


def pressed(form: MappingForm, button: str, where: Around, row: str) -> MappingForm:
    """The form after one of its buttons that save nothing.

    Args:
        form: as typed.
        button: what is to be done, and to which line: `up:1`.
        where: for the proposal.
        row: the issue type that is to have a row of its own.
    """
    what, _, number = button.partition(":")
    at = int(number) if number.isdecimal() and len(number) < 6 else 0
    lines = list(form.contracts)
    match what:
        case "up" if 0 < at < len(lines):
            lines[at - 1], lines[at] = lines[at], lines[at - 1]
        case "down" if at + 1 < len(lines):
            lines[at], lines[at + 1] = lines[at + 1], lines[at]
        case "drop" if at < len(lines):
            del lines[at]
        case "contract":
            lines.append(ContractLine())
        case "condition" if at < len(lines):
            line = lines[at]
            more = (*line.conditions, ConditionLine())
            lines[at] = replace(line, conditions=more)
        case "customer":
            return replace(form, customers=(*form.customers, CustomerLines()))
        case "row" if row and form.table:
            return replace(form, table=_with_row(form.table, row))
        case "propose":
            rules = asked.proposed(form.used, where)
            table = shortened(asked.table_of(rules, where), rules)
            return replace(form, table=table)
    return replace(form, contracts=tuple(lines))


def _with_row(table: Matrix, row: str) -> Matrix:
    if row.casefold() in {each.casefold() for each in table.types}:
        return table
    as_last = {
        (row, priority): table.cells[OTHER, priority]
        for priority in table.columns
        if (OTHER, priority) in table.cells
    }
    return Matrix((*table.types, row), table.priorities, {**table.cells, **as_last})


# --- what is to be saved --------------------------------------------------------------------------


def wanted(form: MappingForm, at: Source, key: str, where: Around) -> Wanted:
    """What the form asks for.

    Raises:
        NotUnderstood: something is missing, or cannot be; the message says what.
    """
    before = filled(at, key, where)
    project = asked.project_of(at.data, key)
    parts = rules_.in_parts(rules_.severities_of(project)) or Parts([], [], [])
    severities = None
    if form.table is not None:
        severities = asked.as_severities(parts, form.table, where)
    return Wanted(
        contracts=[
            _contract_rule(line, number)
            for number, line in enumerate(form.contracts, 1)
            if line.contract or line.conditions
        ],
        severities=severities,
        alerts=form.alerts,
        parameters=_by_contract(form.parameters, before.parameters, where, "parameter"),
        customers=_forms(form, before, where),
        choices=_chosen(form.choices, before.choices),
    )  # fmt: skip


def _contract_rule(line: ContractLine, number: int) -> ContractRule:
    if not line.contract:
        raise FieldRefused(
            f"contract-{number - 1}",
            f"Contract rule {number}: choose a contract, or remove the rule.",
        )
    rule = ContractRule(contract=line.contract, tier=line.tier or None, fields={})
    for nth, each in enumerate(line.conditions):
        condition = f"contract-{number - 1}-{nth}"
        values = [text.strip() for text in each.values.splitlines() if text.strip()]
        if not each.field:
            raise FieldRefused(
                f"{condition}-field",
                f"Contract rule {number}: name the field that is to be looked at.",
            )
        if each.test == IS and not values:
            raise FieldRefused(
                f"{condition}-values",
                f"Contract rule {number}: give the values of {each.field}, one on each line.",
            )
        if each.test == FILLED:
            rule.filled = [*rule.filled, each.field]
        elif each.test == EMPTY:
            rule.empty = [*rule.empty, each.field]
        elif each.field.casefold() in _OWN:
            own = each.field.casefold()
            setattr(rule, own, [*getattr(rule, own), *values])
        else:
            rule.fields = {**rule.fields, each.field: [*rule.fields.get(each.field, []), *values]}
    return rule


def _by_contract(
    given: Mapping[_Named, str], before: Mapping[_Named, str], where: Around, prefix: str
) -> dict[str, dict[str, Value | None]]:
    """The values that differ from what they were; None: there is none any more."""
    found: dict[str, dict[str, Value | None]] = {}
    for (contract, name), text in given.items():
        if _even(text) != _even(before.get((contract, name), "")):
            value = _value(text, contract, name, where, f"{prefix}:{contract}:{name}")
            found.setdefault(contract, {})[name] = value
    return found


def _value(text: str, contract: str, name: str, where: Around, field: str) -> Value | None:
    model = where.models.get(contract)
    declared = model.parameters.get(name) if model else None
    if not text.strip():
        return None
    if declared is None or declared.kind != "holidays":
        return text.strip()
    try:
        lines = "\n".join(f"  {line}" for line in _even(text).splitlines())
        found = read(f"value:\n{lines}\n")["value"]
    except NotByForm as error:
        raise FieldRefused(
            field, f"{contract}, {name}: {_without_place(str(error))}"
        ) from None  # fmt: skip
    if not isinstance(found, list):
        raise FieldRefused(
            field,
            f"{contract}, {name}: expected a list of holidays, one on each line, such as "
            "- 2026-12-24",
        )
    return found


def _without_place(message: str) -> str:
    return message.rpartition(": ")[2].removesuffix("; mend it as text first") or message


def _forms(
    form: MappingForm, before: MappingForm, where: Around
) -> dict[str, dict[str, dict[str, Value | None]]]:
    there = {line.name: line.values or {} for line in before.customers}
    found = {}
    for number, line in enumerate(form.customers):
        name, values = line.name.strip(), line.values or {}
        if not name and any(text.strip() for text in values.values()):
            raise FieldRefused(
                f"customer-{number}", "Order forms: name the customer whose order form it is."
            )
        changed = _by_contract(values, there.get(name, {}), where, f"form-{number}")
        if name and changed:
            found[name] = changed
    return found


def _chosen(
    given: Mapping[_Named, str], before: Mapping[_Named, str]
) -> dict[str, dict[str, str | None]]:
    found: dict[str, dict[str, str | None]] = {}
    for (contract, name), reading in given.items():
        if reading != before.get((contract, name), ""):
            found.setdefault(contract, {})[name] = reading or None
    return found


def _even(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def ranks(options: Sequence[Cell]) -> Iterator[tuple[Cell, str, int]]:
    """The options of a cell with their words and their rank from 0, for their colour."""
    severities = list(dict.fromkeys(cell.severity for cell in options))
    last = max(1, len(severities) - 1)
    for cell in options:
        words = f"{cell.severity} ({cell.kind})" if cell.kind else cell.severity
        yield cell, words, round(4 * severities.index(cell.severity) / last)
