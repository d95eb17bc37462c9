"""What is left open: figures nobody gave, readings nobody chose, clauses that became nothing."""

from __future__ import annotations

from collections.abc import Iterator

from config.contract_schema import ContractDocument
from config.given import Given
from config.lints.checked import Checked, Finding
from config.model import ParameterReference
from config.summary import unaccounted
from sla.contract import Contract, Refusal


def parameters(checked: Checked) -> Iterator[Finding]:
    """Promises that are refused because the text leaves a figure open that nobody gave."""
    for place, rule in checked.rules():
        everybody = checked.configuration.policy.contracts[rule.contract]
        for sentence, promises in _refused(everybody, rule.tier).items():
            yield checked.in_projects(
                (*place, "contract"),
                f"is {rule.contract}, which does not promise {promises}: {sentence}",
            )
    for contract_id, forms in checked.configuration.policy.order_forms.items():
        usual = _all_missing(checked.configuration.policy.contracts[contract_id])
        for form in forms.values():
            refused = _refused(form, None, any_tier=True)
            for sentence, promises in refused.items():
                if sentence not in usual:
                    yield checked.in_projects(
                        ("customers", str(form.customer), contract_id),
                        f"leaves {contract_id} without {promises}: {sentence}",
                        at_key=True,
                    )


def _refused(contract: Contract, tier: str | None, *, any_tier: bool = False) -> dict[str, str]:
    """For each parameter that is missing, what is not promised, in words."""
    found: dict[str, dict[str, list[str]]] = {}
    for metric in contract.metrics:
        for goal in metric.goals:
            mine = any_tier or not goal.scope.tiers or tier in goal.scope.tiers
            if not isinstance(goal, Refusal) or not mine:
                continue
            kinds = f" ({' or '.join(goal.scope.kinds)})" if goal.scope.kinds else ""
            whom = f"{' or '.join(goal.scope.severities) or 'every severity'}{kinds}"
            for sentence in goal.missing:
                found.setdefault(sentence, {}).setdefault(metric.name, []).append(whom)
    return {
        sentence: " and ".join(
            f"{name.replace('_', ' ')} for {', '.join(dict.fromkeys(whom))}"
            for name, whom in by_metric.items()
        )
        for sentence, by_metric in found.items()
    }


def _all_missing(contract: Contract) -> set[str]:
    return {
        sentence
        for metric in contract.metrics
        for goal in metric.goals
        if isinstance(goal, Refusal)
        for sentence in goal.missing
    }


def texts(checked: Checked) -> Iterator[Finding]:
    """Parameters beside the promises: a telephone number, a fee."""
    for place, rule in checked.rules():
        used = next(each for each in checked.contracts if each.key == rule.contract)
        customers = [
            name for name, forms in checked.projects.customers.items() if used.key in forms
        ]
        for reference, lost in _references_beside(used.model):
            given = [
                Given(checked.library, checked.projects, used.key, customer)
                for customer in [None, *customers]
            ]
            missing = given[0].missing([reference.parameter])
            if all(each.value(reference.parameter) is None for each in given):
                yield checked.in_projects(
                    (*place, "contract"), f"is {used.key}, which {lost}: {missing[0]}"
                )


def _references_beside(model: ContractDocument) -> Iterator[tuple[ParameterReference, str]]:
    for duty in model.duties:
        if isinstance(duty.phone, ParameterReference):
            yield duty.phone, f"shows the duty `{duty.id}` without a telephone number"
    credit = model.availability.credit if model.availability else None
    if credit and isinstance(credit.fee, ParameterReference):
        yield credit.fee, "cannot work out a credit"


def choices(checked: Checked) -> Iterator[Finding]:
    """Ambiguities of which nobody has said, by name and day, how they are read."""
    for used in checked.contracts:
        here = checked.projects.choices.get(used.key, {})
        for index, choice in enumerate(used.model.choices):
            if choice.chosen is None and choice.id not in here:
                yield used.finding(
                    ("choices", index),
                    f"is undecided: {choice.question} Settle it as one of "
                    f"{', '.join(choice.readings)}: here by `chosen` and `decided`, or under "
                    f"`choices.{used.key}.{choice.id}` in projects.yaml",
                )
            elif choice.decided is None and choice.id not in here:
                yield used.finding(
                    ("choices", index),
                    "is settled by nobody; add who and when, such as "
                    "`decided: { by: Jane Doe, on: 2026-01-31 }`",
                )


def clauses(checked: Checked) -> Iterator[Finding]:
    """Clauses of which it is said what they became, but of which nothing shows it."""
    for used in checked.contracts:
        lacking = dict(unaccounted(checked.configuration, used.key))
        for index, clause in enumerate(used.model.clauses):
            if clause.id in lacking:
                yield used.finding(
                    ("clauses", index, "became"),
                    f"is {lacking[clause.id]}; cite the clause there, or say in `by` what shows it",
                )
