"""The rules of a project's mapping: as documents hold them, as forms do, and in words."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from config.positions import Plain
from config.severity_matrix import Cell
from webhooks.drafting import Refused


class NotUnderstood(Refused):
    """What is wanted of a project cannot be written down; the message says why."""


class Condition(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Each one that is given must hold; of several values any. Case does not count."""

    type: list[str] = []
    priority: list[str] = []
    status: list[str] = []
    fields: dict[str, list[str]] = {}
    """Any other field, by its name or its id."""
    filled: list[str] = []
    """Fields that must have some value."""
    empty: list[str] = []
    """Fields that must have none."""

    @property
    def is_of_the_table(self) -> bool:
        """Whether it looks at nothing but type and priority."""
        return not (self.status or self.fields or self.filled or self.empty)


class ContractRule(Condition, kw_only=True, omit_defaults=True):
    """Under this condition an issue has that contract and tier."""

    contract: str
    tier: str | None = None


class SeverityRule(Condition, kw_only=True, omit_defaults=True):
    """Under this condition an issue has that severity, and is that kind of work."""

    severity: str
    kind: str | None = None


def _listed(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return [str(each) for each in listed]


def _condition(plain: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: _texts(plain.get(name)) for name in _LISTS}
    fields = plain.get("fields")
    named = fields if isinstance(fields, Mapping) else {}
    return {**lists, "fields": {name: _texts(values) for name, values in named.items()}}


_LISTS = ("type", "priority", "status", "filled", "empty")


def contract_rules(project: Mapping[str, Any]) -> list[ContractRule]:
    """Those of a project as the document has them; what is no rule is left out."""
    return [
        ContractRule(
            contract=str(each["contract"]), tier=text_or_none(each.get("tier")), **_condition(each)
        )
        for each in _listed(project.get("contracts"))
        if isinstance(each, Mapping) and each.get("contract")
    ]


def severities_of(project: Mapping[str, Any]) -> list[SeverityRule]:
    """Those of a project as the document has them; what is no rule is left out."""
    return [
        SeverityRule(
            severity=str(each["severity"]), kind=text_or_none(each.get("kind")),
            **_condition(each),
        )
        for each in _listed(project.get("severities"))
        if isinstance(each, Mapping) and each.get("severity")
    ]  # fmt: skip


def text_or_none(value: Any) -> str | None:
    """A value as text; a level called 1 is a name, too."""
    return None if value is None else str(value)


def in_words(rule: Condition) -> str:
    """A rule's condition, such as `type Bug or Task, Support plan Enterprise`."""
    parts = [
        f"{name} {' or '.join(values)}"
        for name, values in (
            ("type", rule.type), ("priority", rule.priority), ("status", rule.status),
            *rule.fields.items(),
        )
        if values
    ]  # fmt: skip
    parts += [f"{name} filled in" for name in rule.filled]
    parts += [f"{name} empty" for name in rule.empty]
    return ", ".join(parts)


class Parts(msgspec.Struct):
    """The severity rules: those of the table, and those before and behind that look at more."""

    before: list[SeverityRule]
    table: list[SeverityRule]
    behind: list[SeverityRule]


def in_parts(rules: Sequence[SeverityRule]) -> Parts | None:
    """The rules, where those of the table stand together; None: others stand between them."""
    of_table = [number for number, rule in enumerate(rules) if rule.is_of_the_table]
    if not of_table:
        return Parts(list(rules), [], [])
    first, last = of_table[0], of_table[-1] + 1
    if len(of_table) != last - first:
        return None
    return Parts(list(rules[:first]), list(rules[first:last]), list(rules[last:]))


def plain_contract(rule: ContractRule) -> Plain:
    """As the document has it."""
    tier: dict[str, Plain] = {"tier": rule.tier} if rule.tier else {}
    return {"contract": rule.contract, **tier, **_plain_condition(rule)}


def plain_severity(rule: SeverityRule) -> Plain:
    """As the document has it."""
    kind: dict[str, Plain] = {"kind": rule.kind} if rule.kind else {}
    return {**_plain_condition(rule), "severity": rule.severity, **kind}


def _plain_condition(rule: Condition) -> dict[str, Plain]:
    lists: dict[str, Plain] = {
        name: _one_or_several(getattr(rule, name)) for name in ("type", "priority", "status")
    }
    fields: Plain = {name: _one_or_several(values) for name, values in rule.fields.items()}
    rest: dict[str, Plain] = {
        "fields": fields,
        "filled": _one_or_several(rule.filled),
        "empty": _one_or_several(rule.empty),
    }
    return {name: each for name, each in {**lists, **rest}.items() if each}


def _one_or_several(values: Sequence[str]) -> Plain:
    return values[0] if len(values) == 1 else list(values)


def as_key(cell: Cell | None) -> str:
    """A cell as a form holds it; empty: not covered."""
    return json.dumps(list(cell)) if cell else ""


def of_key(text: str) -> Cell | None:
    """The other way round.

    Raises:
        NotUnderstood: it is none.
    """
    if not text:
        return None
    try:
        severity, kind = msgspec.json.decode(text, type=tuple[str, str | None])
    except msgspec.MsgspecError:
        raise NotUnderstood("Severities: a cell of the table holds no severity.") from None
    return Cell(severity, kind)
