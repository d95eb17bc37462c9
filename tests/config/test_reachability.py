"""Rules over fields that are filled in or empty: which can matter, and which meet."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from config.reachability import contradictory, matters, meet
from sla.condition import Condition

_VALUES = st.lists(st.sampled_from("ABC"), min_size=1, max_size=3, unique=True).map(tuple)
_NAMES = st.lists(st.sampled_from("pqr"), max_size=2, unique=True).map(tuple)
_CONDITIONS = st.builds(
    Condition,
    st.dictionaries(st.sampled_from("pqr"), _VALUES, max_size=2),
    _NAMES,
    _NAMES,
)
_RULES = st.lists(_CONDITIONS, min_size=1, max_size=5)
_ISSUES = [
    dict(zip("pqr", values, strict=True))
    for values in product(["a", "B", "C", "something else", None], repeat=3)
]


def _first(found: list[Condition], issue: dict[str, str | None]) -> int | None:
    return next((n for n, rule in enumerate(found) if rule.holds(issue)), None)


@given(_RULES)
def test_a_rule_matters_just_when_some_issue_gets_it(found: list[Condition]) -> None:
    got = {_first(found, issue) for issue in _ISSUES}
    assert {n for n in range(len(found)) if matters(found, n)} == got - {None}


@given(_RULES, _RULES)
def test_two_rules_meet_just_when_some_issue_gets_both(
    one: list[Condition], other: list[Condition]
) -> None:
    got = {(_first(one, issue), _first(other, issue)) for issue in _ISSUES}
    for i, j in product(range(len(one)), range(len(other))):
        assert meet(one, i, other, j) == ((i, j) in got)


@given(_CONDITIONS)
def test_a_contradiction_is_met_by_no_issue(condition: Condition) -> None:
    assert contradictory(condition) == (not any(condition.holds(issue) for issue in _ISSUES))


def test_an_issue_without_the_field_gets_past_and_one_with_it_too() -> None:
    filled, empty, any_ = Condition(filled=("Plan",)), Condition(empty=("Plan",)), Condition()
    assert [matters([filled, any_], n) for n in range(2)] == [True, True]
    assert [matters([empty, any_], n) for n in range(2)] == [True, True]
    assert [matters([empty, filled, any_], n) for n in range(3)] == [True, True, False]
    assert not meet([empty], 0, [filled], 0)
    assert meet([empty, any_], 1, [any_], 0)
