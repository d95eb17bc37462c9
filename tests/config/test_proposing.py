"""What priorities probably mean: spread in order, by name where names are shared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.library import Library
from config.proposing import SeverityRule, as_rules, severity_of_each, severity_rules
from config.settings import SHIPPED

USUAL = ["Highest", "High", "Medium", "Low", "Lowest"]
NAMES = st.lists(st.text(min_size=1), min_size=1, max_size=8, unique_by=str.casefold)


def rules(contract: str, priorities: list[str], usual: str | None = None) -> list[SeverityRule]:
    entry = Library(SHIPPED).contracts.get(contract)
    assert entry
    assert entry.model
    return list(severity_rules(entry.model, priorities, ["Bug", "Question"], usual))


@pytest.mark.parametrize(
    ("severities", "ranks"),
    [
        (["Severity 1", "Severity 2", "Severity 3"], [0, 1, 1, 2, 2]),
        (["High", "Medium", "Low"], [0, 0, 1, 2, 2]),
        (["Urgent", "High", "Normal", "Low"], [0, 1, 2, 3, 3]),
        (["All"], [0, 0, 0, 0, 0]),
        # Called alike, and in the other order: the names are no help.
        (["Low", "High"], [0, 0, 1, 1, 1]),
    ],
)
def test_the_usual_priorities(severities: list[str], ranks: list[int]) -> None:
    found = severity_of_each(USUAL, severities)
    assert found == {name: severities[rank] for name, rank in zip(USUAL, ranks, strict=True)}


@given(NAMES, NAMES)
def test_a_more_urgent_priority_never_has_a_lesser_severity(
    priorities: list[str], severities: list[str]
) -> None:
    found = severity_of_each(priorities, severities)
    ranks = [severities.index(found[priority]) for priority in priorities]
    assert ranks == sorted(ranks)


def test_the_last_rule_is_for_every_other_issue() -> None:
    found = rules("bitumio", USUAL, "Low")
    assert found == [
        SeverityRule("Severity 1", ("Highest",)),
        SeverityRule("Severity 2", ("High", "Medium")),
        SeverityRule("Severity 3", ("Low", "Lowest")),
        # As for the priority that Jira gives by itself.
        SeverityRule("Severity 3"),
    ]
    assert rules("bitumio", USUAL)[-1] == SeverityRule("Severity 2")


def test_without_priorities_all_issues_are_alike() -> None:
    assert rules("bitumio", []) == [SeverityRule("Severity 2")]
    assert rules("botron", USUAL) == [SeverityRule("All")]


def test_kinds_of_work_are_told_apart_by_issue_type() -> None:
    found = rules("butlr", USUAL)
    assert {(rule.kind, rule.types) for rule in found} == {("Error", ("Bug",)), ("Issue", ())}
    assert {rule.severity for rule in found if rule.kind == "Issue"} == {"Normal", "Low"}


def test_a_severity_that_no_priority_means_has_no_rule() -> None:
    assert as_rules({"P1": "B"}, ["A", "B", "C"], "C") == (
        SeverityRule("B", ("P1",)),
        SeverityRule("C"),
    )
