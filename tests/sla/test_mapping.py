"""Which promise an issue has: the first rule that matches, and the reason in words."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from msgspec.structs import replace

from sla import mapping
from sla.contract import BusinessDays, Contract, Goal, Limit, Metric, Scope
from sla.mapping import Condition, ContractRule, Policy, ProjectRules, SeverityRule, cover
from sla.timeline import FieldValue, Timeline
from tests.sla.example import ALWAYS, NINE, made, office, two_hours

SEVERITIES = {"High": "", "Low": ""}
GOLD = Contract(
    "gold", "Gold", (Metric("first_response", (Goal(two_hours(), ALWAYS),)),), SEVERITIES
)
PLAIN = Contract(
    "plain",
    "Plain",
    (
        Metric(
            "first_response",
            (
                Goal(two_hours(), office(), scope=Scope(("High",), ("Premium",))),
                Goal(BusinessDays(1, "open_hours"), office(), scope=Scope(("High",))),
            ),
        ),
    ),
    SEVERITIES,
)
RULES = ProjectRules(
    "ACME",
    contracts=(
        ContractRule("gold", "Gold", Condition({"Support plan": ("Gold", "Gold plus")})),
        ContractRule("plain", "Premium", Condition({"labels": ("premium",)})),
        ContractRule("plain", None, Condition({"issuetype": ("Bug", "Question")})),
    ),
    severities=(
        SeverityRule("High", Condition({"priority": ("Highest",), "issuetype": ("Bug",)})),
        SeverityRule("Low", Condition({"priority": ("Highest", "Low")})),
    ),
)
POLICY = Policy("v1", {"ACME": RULES}, {"gold": GOLD, "plain": PLAIN})


def fields(**more: FieldValue) -> dict[str, FieldValue]:
    return {"project": "ACME", "issuetype": "Bug", "priority": "Highest"} | more


@pytest.mark.parametrize(
    ("given", "found"),
    [
        # Both the first and the last contract rule match: the first wins.
        ({"Support plan": "Gold"}, ("gold", "Gold", "High")),
        ({"Support plan": "gold PLUS"}, ("gold", "Gold", "High")),
        ({"Support plan": "Golden"}, ("plain", None, "High")),
        ({"Support plan": None}, ("plain", None, "High")),
        ({"labels": ("x", "PREMIUM")}, ("plain", "Premium", "High")),
        ({"labels": ()}, ("plain", None, "High")),
        ({"priority": "highest"}, ("plain", None, "High")),
        # Both parts of a condition must hold.
        ({"issuetype": "QUESTION"}, ("plain", None, "Low")),
    ],
)
def test_the_first_rule_that_matches_wins_and_case_does_not_count(
    given: dict[str, FieldValue], found: tuple[str, str | None, str]
) -> None:
    coverage = cover(POLICY, fields() | given)
    assert coverage.contract is not None
    assert (coverage.contract.id, coverage.tier, coverage.severity) == found


def test_sharp_s_and_dotless_i_are_folded_as_words_are() -> None:
    assert Condition({"priority": ("STRASSE",)}).holds({"priority": "straße"})


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, ("project ACME: contract rule 3 (type Bug or Question) gives plain, severity rule 1 "
              "(priority Highest, type Bug) gives High")),
        ({"Support plan": "Gold", "priority": "Low"},
         ("project ACME: contract rule 1 (Support plan Gold or Gold plus) gives gold, severity "
          "rule 2 (priority Highest or Low) gives Low")),
        ({"project": "OTHER"}, "project OTHER is in no mapping"),
        ({"project": None}, "project (unknown) is in no mapping"),
        ({"issuetype": "Task"}, "no contract rule of project ACME matches"),
        ({"priority": None}, "no severity rule of project ACME matches (type Bug, priority none)"),
    ],
)  # fmt: skip
def test_the_reason_in_words(given: dict[str, FieldValue], reason: str) -> None:
    coverage = cover(POLICY, fields() | given)
    assert coverage.reason == reason
    assert coverage.covered == ("gives" in reason)


def test_an_empty_condition_always_holds_and_says_so() -> None:
    assert Condition().holds({})
    assert str(Condition()) == "always"


def test_a_condition_on_a_field_that_is_not_there() -> None:
    assert not Condition({"Support plan": ("",)}).holds({})


def test_the_goal_is_the_first_that_speaks_of_severity_and_tier() -> None:
    def target(**more: FieldValue) -> str | None:
        goal = cover(POLICY, fields(**more)).goal("first_response")
        return goal.target.text if goal else None

    assert target(labels=("premium",)) == "2h"
    assert target() == "1 business day"
    # Covered, but nothing was promised for the severity.
    assert target(priority="Low") is None
    assert cover(POLICY, fields(priority="Low")).covered


def test_a_metric_that_the_contract_does_not_measure() -> None:
    coverage = cover(POLICY, fields())
    assert [metric.name for metric in coverage.metrics] == ["first_response"]
    assert (coverage.metric("resolution"), coverage.goal("resolution")) == (None, None)


def test_without_a_contract_there_is_no_metric() -> None:
    coverage = cover(POLICY, fields(project="OTHER"))
    assert (coverage.metrics, coverage.goal("first_response")) == ((), None)


def test_issues_with_equal_fields_share_one_coverage_that_the_rules_give() -> None:
    one, same, other = (
        Timeline.of(made(summary=text, priority=priority))
        for text, priority in (("It fails", "Highest"), ("Help", "Highest"), ("Help", "Low"))
    )
    found = [POLICY.coverage_at(each, NINE) for each in (one, same, other)]
    assert found[0] is found[1]
    assert found == [cover(POLICY, each.fields(NINE)) for each in (one, same, other)]


def test_only_so_many_coverages_are_kept() -> None:
    judged_by = Policy("v1", POLICY.projects, POLICY.contracts)
    with patch.object(mapping, "_MOST_COVERAGES", 3):
        for number in range(10):
            timeline = Timeline.of(made(priority=f"P{number}"))
            fields_ = timeline.fields(NINE)
            assert judged_by.coverage_at(timeline, NINE) == cover(judged_by, fields_)
            assert len(judged_by._coverages) <= 3


def test_a_coverage_found_by_long_values_is_not_kept() -> None:
    judged_by = Policy("v1", POLICY.projects, POLICY.contracts)
    short, long = "Gold", "Gold" * 500
    plans: list[FieldValue] = [long, (short, long), (short,) * 500]
    for plan in plans:
        found: dict[str, FieldValue] = {"Support plan": plan}
        timeline = Timeline.of(made(NINE, **found))
        assert judged_by.coverage_at(timeline, NINE) == cover(judged_by, timeline.fields(NINE))
        assert not judged_by._coverages
    found = {"Support plan": short}
    judged_by.coverage_at(Timeline.of(made(NINE, **found)), NINE)
    assert len(judged_by._coverages) == 1


def test_a_coverage_is_known_by_its_reason_alone() -> None:
    known = POLICY.covered_by_reason
    assert len(known) == len(RULES.contracts) * len(RULES.severities)
    for values in (
        {"Support plan": "gold"},
        {"labels": ("premium", "urgent")},
        {"priority": "Low", "issuetype": "Question"},
    ):
        coverage = cover(POLICY, fields(**values))
        assert coverage.covered
        assert known[coverage.reason] == coverage


def test_where_a_reason_does_not_tell_all_no_coverage_is_known_by_it() -> None:
    """A limit of single metrics is told by other fields; two order forms may have one name."""
    late = Limit(
        "late", "2", "Not at night.", Condition({"Late": ("Yes",)}), metrics=("first_response",)
    )
    acme = replace(PLAIN, customer="Acme")
    judged_by = Policy(
        "v1",
        POLICY.projects,
        {"gold": replace(GOLD, limits=(late,)), "plain": PLAIN},
        order_forms={
            "plain": {"acme": acme, "acme ltd": acme, "other": replace(PLAIN, customer="O")}
        },
    )
    known = judged_by.covered_by_reason
    assert {(each.contract and each.contract.customer) for each in known.values()} == {None, "O"}
    assert {each.contract and each.contract.id for each in known.values()} == {"plain"}


def test_a_policy_that_never_counts_an_account_is_made_once() -> None:
    judged_by = POLICY.never_counting("dueline")
    assert judged_by.responders.never == {"dueline"}
    assert POLICY.never_counting("dueline") is judged_by
    assert POLICY.responders.never == frozenset()
