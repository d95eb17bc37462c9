"""Severities that the rules of a project give: to all of its issues, and promised something."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from config.lints.checked import Checked, Finding, goals_for
from config.model import Conditions
from config.project_checks import conditions
from config.reachability import meet
from sla.mapping import cover


def issues_without_one(checked: Checked) -> Iterator[Finding]:
    """Issues that have a contract and are given no severity."""
    policy = checked.configuration.policy
    for key, project in checked.projects.projects.items():
        holes = [
            _issue_in_words(fields)
            for fields in named_issues(key, project.contracts, project.severities)
            if (found := cover(policy, fields)).contract
            if found.severity is None and found.limit is None
        ]
        if holes:
            shown = "; ".join(list(dict.fromkeys(holes))[:6])
            yield checked.in_projects(
                ("projects", key, "severities"),
                f"gives no severity to {shown}, so that nothing is promised there; add a rule for "
                "each, or a last one without conditions",
            )


def named_issues(
    key: str, contracts: Sequence[Conditions], severities: Sequence[Conditions]
) -> Iterator[dict[str, str]]:
    """Each type with each priority that the rules name, with what a contract rule asks for."""
    types = list(
        dict.fromkeys(name for rule in [*contracts, *severities] for name in rule.type or ())
    )
    if not types or any(rule.type is None for rule in severities):
        types.append("")
    priorities = dict.fromkeys(
        name for rule in [*contracts, *severities] for name in rule.priority or ()
    )
    for rule in conditions(contracts):
        asked = {name: wanted[0] for name, wanted in rule.fields.items()}
        asked |= {name: "something" for name in rule.filled if name not in asked}
        for type_, priority in product(types, priorities or [""]):
            named = {"issuetype": type_, "priority": priority}
            fields = asked | {name: value for name, value in named.items() if value}
            if rule.holds(fields):
                yield {"project": key, **fields}


def _issue_in_words(fields: Mapping[str, str]) -> str:
    words = {"issuetype": "type", "priority": "priority"}
    parts = [
        f"{words.get(name, name)} {value}" for name, value in fields.items() if name != "project"
    ]
    if "issuetype" not in fields:
        parts.insert(0, "any other type")
    return " with ".join(parts)


_FOR_EVERYBODY = ("first_response", "next_response", "resolution")
"""Metrics that a text promises for each severity, if for any; updates and the like are for some."""


def without_a_goal(checked: Checked) -> Iterator[Finding]:
    """Severities that a project gives and for which a metric promises nothing."""
    for key, project in checked.projects.projects.items():
        by_contract, by_severity = conditions(project.contracts), conditions(project.severities)
        for (i, rule), (j, severity) in product(
            enumerate(project.contracts), enumerate(project.severities)
        ):
            if not meet(by_contract, i, by_severity, j):
                continue
            contract = checked.configuration.policy.contracts[rule.contract]
            for name in _FOR_EVERYBODY:
                metric = contract.metric(name)
                some = any(each == name for each, _ in goals_for(contract, rule.tier))
                if (
                    metric
                    and some
                    and not metric.promised(severity.severity, rule.tier, severity.kind)
                ):
                    yield checked.in_projects(
                        ("projects", key, "severities", j, "severity"),
                        f"is {severity.severity}, for which {rule.contract} promises no "
                        f"{name.replace('_', ' ')} while it does for others; add a goal, or give "
                        "another severity",
                    )
