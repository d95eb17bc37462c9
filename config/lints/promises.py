"""Promises of a contract that can never come to bear."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import product

from config.contract_schema import ContractDocument, ScopeDocument
from config.contracts import condition
from config.lints.checked import Checked, Finding
from config.model import Conditions, Model
from config.positions import Place
from config.reachability import contradictory
from sla.contract import Contract, Goal, OpenTime, severity_in_words
from sla.errors import SlaError


def rules_that_never_match(checked: Checked) -> Iterator[Finding]:
    """Conditions and scopes of a contract that no issue can meet."""
    for used in checked.contracts:
        for place, each in _models(used.model):
            if isinstance(each, Conditions) and contradictory(condition(each.model_dump())):
                yield used.finding(
                    place,
                    "can never hold: a field would have to be empty and filled in at once; "
                    "take one of the two out",
                )
            if isinstance(each, ScopeDocument) and not _some_kind_has(each, used.model):
                yield used.finding(
                    place,
                    f"speaks of nothing: {' or '.join(each.kind or ())} is never "
                    f"{' or '.join(each.severity or ())}, as `kinds` has it; change one of them",
                )


def _some_kind_has(scope: ScopeDocument, model: ContractDocument) -> bool:
    if not scope.kind or not scope.severity:
        return True
    known = [model.kinds[kind].severities for kind in scope.kind if kind in model.kinds]
    return any(severity in each for each in known for severity in scope.severity)


def _models(value: object, place: Place = ()) -> Iterator[tuple[Place, Model]]:
    """Every part of a document, at any depth."""
    if isinstance(value, Model):
        yield place, value
        for name in type(value).model_fields:
            yield from _models(getattr(value, name), (*place, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _models(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _models(inner, (*place, index))


def slow_updates(checked: Checked) -> Iterator[Finding]:
    """Updates that are never due before the resolution is."""
    starts = [checked.now + number * timedelta(hours=5) for number in range(68)]
    for used in checked.contracts:
        for contract in checked.variants(used.key):
            update, resolution = contract.metric("periodic_update"), contract.metric("resolution")
            if not update or not resolution:
                continue
            for whom in _everybody(contract):
                often, by = update.promised(*whom), resolution.promised(*whom)
                if (
                    isinstance(often, Goal)
                    and isinstance(by, Goal)
                    and all(_due(often, start) > _due(by, start) for start in starts)
                ):
                    index = update.goals.index(often)
                    yield used.finding(
                        ("metrics", "periodic_update", "goals", index, "target"),
                        f"is {often.target.text}, longer than the resolution goal of "
                        f"{by.target.text} for {severity_in_words(whom[0])}, so that no update "
                        "ever falls due before it; give less",
                    )


def _everybody(contract: Contract) -> Iterator[tuple[str, str | None, str | None]]:
    scopes = [goal.scope for metric in contract.metrics for goal in metric.goals]
    tiers = dict.fromkeys(name for scope in scopes for name in scope.tiers)
    kinds = dict.fromkeys(name for scope in scopes for name in scope.kinds)
    yield from product(contract.severities, tiers or [None], kinds or [None])


def _due(goal: Goal, start: datetime) -> datetime:
    try:
        if isinstance(goal.target, OpenTime):
            return goal.calendar.due(start, goal.target.amount)
        return goal.calendar.business_days(start, goal.target.days, goal.target.reading)
    except SlaError:
        return datetime.max.replace(tzinfo=UTC)
