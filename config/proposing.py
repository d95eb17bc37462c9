"""Which severity each priority of a Jira probably means, until somebody says otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.contract_schema import ContractDocument

_FAULTS = frozenset({"bug", "incident", "problem", "fault", "error", "defect", "outage"})
_USUAL = frozenset({"medium", "normal", "major"})


@dataclass(frozen=True, slots=True)
class SeverityRule:
    """Issues of these types and priorities have that severity; left empty: whatever they have."""

    severity: str
    priorities: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    kind: str | None = None
    """Of work, where a contract tells kinds apart."""


def severity_of_each(priorities: Sequence[str], severities: Sequence[str]) -> dict[str, str]:
    """Spread priorities over severities.

    A priority that is called like a severity means that one; those between two such are spread
    over what lies between, and where no name is shared, all over all.

    Args:
        priorities: the most urgent first.
        severities: the same.
    """
    ranks = _anchors(priorities, severities)
    last = len(priorities) - 1
    ranks.setdefault(0, 0)
    ranks.setdefault(last, len(severities) - 1)
    known = sorted(ranks)
    found: dict[str, str] = {}
    for number, priority in enumerate(priorities):
        before = max(each for each in known if each <= number)
        after = min(each for each in known if each >= number)
        steps, rise = max(1, after - before), ranks[after] - ranks[before]
        # Half a step is a step: of two neighbours the less urgent severity is the safer promise.
        rank = ranks[before] + (2 * rise * (number - before) + steps) // (2 * steps)
        found[priority] = severities[rank]
    return found


def severity_rules(
    contract: ContractDocument,
    priorities: Sequence[str],
    issue_types: Sequence[str],
    usual: str | None = None,
) -> tuple[SeverityRule, ...]:
    """The rules by which every issue of a project finds its severity under a contract.

    Args:
        contract: whose severities they are.
        priorities: of the Jira, the most urgent first.
        issue_types: of the project; they tell kinds of work apart, where the contract does.
        usual: the priority of an issue for which nobody chose one.
    """
    if not contract.kinds:
        return _rules(list(contract.severities), priorities, usual)
    kinds = {name: list(kind.severities) for name, kind in contract.kinds.items()}
    *faults, rest = kinds
    types = tuple(each for each in issue_types if set(each.lower().split()) & _FAULTS) or ("Bug",)
    return tuple(
        SeverityRule(rule.severity, rule.priorities, () if kind == rest else types, kind)
        for kind in [*faults[:1], rest]
        for rule in _rules(kinds[kind], priorities, usual)
    )


def as_rules(
    chosen: Mapping[str, str], severities: Sequence[str], otherwise: str
) -> tuple[SeverityRule, ...]:
    """One rule for each severity that priorities were given, and one for every other issue.

    Args:
        chosen: by priority its severity.
        severities: the most urgent first.
        otherwise: the severity of issues with another priority, or none.
    """
    named = {
        severity: tuple(each for each, meant in chosen.items() if meant == severity)
        for severity in severities
    }
    # Where all have the same, one rule says it.
    used = {severity: each for severity, each in named.items() if each}
    if set(used) <= {otherwise}:
        return (SeverityRule(otherwise),)
    rules = [SeverityRule(severity, each) for severity, each in used.items()]
    return (*rules, SeverityRule(otherwise))


def severity_otherwise(chosen: Mapping[str, str], usual: str | None, severities: list[str]) -> str:
    """The severity of issues whose priority no rule names: that of the usual priority."""
    if usual in chosen:
        return chosen[str(usual)]
    known = [chosen[each] for each in chosen if each.lower() in _USUAL]
    return known[0] if known else severities[len(severities) // 2]


def _rules(
    severities: list[str], priorities: Sequence[str], usual: str | None
) -> tuple[SeverityRule, ...]:
    chosen = severity_of_each(priorities, severities) if priorities else {}
    return as_rules(chosen, severities, severity_otherwise(chosen, usual, severities))


def _anchors(priorities: Sequence[str], severities: Sequence[str]) -> dict[int, int]:
    """By position the severities that priorities are called like; none where the orders differ."""
    names = {name.casefold(): rank for rank, name in enumerate(severities)}
    found = {
        number: names[each.casefold()]
        for number, each in enumerate(priorities)
        if each.casefold() in names
    }
    ranks = list(found.values())
    return found if ranks == sorted(ranks) else {}
