"""What follows from starts and stops alone is what the history comes to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby
from operator import attrgetter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.acts import Moment
from sla.condition import Condition
from sla.contract import CLOCKS, BusinessDays, Contract, Duty, Goal, Refusal, Scope
from sla.cycle import Cycle
from sla.decide import Folded, folded
from sla.mapping import Policy
from sla.straight import dues_of, goals_alone_differ, goes_straight, is_straight, rejudged
from sla.timeline import Deleted, Event, Timeline
from tests.sla.example import (
    CUSTOMER,
    always,
    at,
    change,
    made,
    measured,
    of,
    office,
    reply,
    two_hours,
)

WAITING = replace(CLOCKS["periodic_update"], pauses=(Condition({"status": ("Waiting",)}),))
NOW = of(
    measured("first_response", Goal(two_hours(), office())),
    measured("next_response", always(1, "Urgent"), always(3)),
    measured("substantive_response", always(2)),
    measured("periodic_update", always(2), clock=WAITING),
    measured("resolution", always(9, "Urgent"), Goal(BusinessDays(1, "end_of_day"), office())),
)
THEN = of(
    measured("first_response", Goal(BusinessDays(2, "same_clock"), office("13:00"))),
    measured("next_response", always(2, "Urgent"), Goal(two_hours(), office("12:00"))),
    measured("substantive_response", Goal(BusinessDays(1, "end_of_day"), office())),
    measured("periodic_update", Goal(two_hours(), office()), clock=WAITING),
    measured("resolution", always(1, "Urgent"), always(7)),
)
TURNS: Mapping[str, Callable[[float, str], Event]] = {
    "reply": lambda hour, id_: reply(at(hour), id_=id_),
    "question": lambda hour, id_: reply(at(hour), CUSTOMER, id_=id_),
    "waits": lambda hour, _: change(at(hour), "status", "To Do", "Waiting"),
    "resolved": lambda hour, _: change(at(hour), "resolution", None, "Done"),
    "opened again": lambda hour, _: change(at(hour), "resolution", "Done", None),
    "raised": lambda hour, _: change(at(hour), "priority", "High", "Highest"),
    "deleted": lambda hour, _: Deleted(at(hour)),
}


def the_contract(policy: Policy) -> Contract:
    (found,) = policy.contracts.values()
    return found


def by_record(found: Folded, policy: Policy, now: float) -> list[Cycle]:
    """The cycles by a policy, from what is recorded of those of another one."""
    coverage = policy.covered_by_reason[found.spans[0].coverage.reason]
    by_record: list[Cycle] = []
    for metric, cycles in groupby(found.cycles, key=attrgetter("metric")):
        terms, mine = coverage.terms(metric), [*cycles]
        assert terms
        starts = [each.started_at for each in mine]
        met = [each.ending.at if each.ending else None for each in mine]
        judged = rejudged(coverage, terms, starts, met, at(now))
        assert [each.due_at for each in judged] == [*dues_of(coverage, terms, starts)]
        by_record += judged
    return by_record


def nobody_s(cycle: Cycle) -> Cycle:
    """A cycle as though nobody knew whose act stopped it."""
    return replace(cycle, ending=Moment(cycle.ending.at, "", "") if cycle.ending else None)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(["reply", "question"])), max_size=12),
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from([*TURNS])), max_size=1),
    st.sampled_from(["Highest", "Low"]),
    st.integers(0, 200),
)
def test_the_record_of_what_is_straight_comes_to_what_its_history_comes_to(
    words: list[tuple[int, str]], turns: list[tuple[int, str]], priority: str, now: int
) -> None:
    told = [TURNS[kind](hour / 2, str(n)) for n, (hour, kind) in enumerate([*words, *turns])]
    timeline = Timeline.of([*made(priority=priority), *told])
    found = folded(timeline, NOW, at(now / 2))
    if not is_straight(found):
        assert turns
        return
    assert found
    for policy in (NOW, THEN):
        history = folded(timeline, policy, at(now / 2))
        assert history
        assert by_record(found, policy, now / 2) == [*map(nobody_s, history.cycles)]


@pytest.mark.parametrize(
    "turns",
    [
        [change(at(1), "status", "To Do", "Waiting")],
        [change(at(1), "resolution", None, "Done")],
        [change(at(1), "resolution", None, "Done"), change(at(2), "resolution", "Done", None)],
        [change(at(1), "priority", "Highest", "Low")],
        [Deleted(at(1))],
    ],
)
def test_whatever_else_moves_a_clock_is_looked_for_in_the_history(turns: list[Event]) -> None:
    story = [*made(), reply(at(0.5))]
    assert is_straight(folded(Timeline.of(story), NOW, at(3)))
    assert not is_straight(folded(Timeline.of([*story, *turns]), NOW, at(3)))


def test_what_has_no_clock_is_not_straight() -> None:
    assert not is_straight(folded(Timeline.of([]), NOW, at(3)))
    assert not is_straight(folded(Timeline.of(made(project="NONE")), NOW, at(3)))


def test_goals_alone_differ_where_the_same_is_measured_of_the_same_issues() -> None:
    known = the_contract(NOW)
    first, *others = known.metrics
    assert goals_alone_differ(known, the_contract(THEN))
    for metrics in (
        others,
        [replace(first, goals=()), *others],
        [replace(first, goals=(replace(first.goals[0], scope=Scope(("Urgent",))),)), *others],
        [replace(first, goals=(Refusal(("nobody set it",)),)), *others],
        [replace(first, clock=CLOCKS["next_response"]), *others],
        [replace(first, title="Answer"), *others],
    ):
        assert not goals_alone_differ(known, replace(known, metrics=tuple(metrics)))


def test_where_more_than_starts_and_stops_tells_the_history_is_needed() -> None:
    (reason,) = (each for each in NOW.covered_by_reason if each.endswith("Urgent"))
    coverage = NOW.covered_by_reason[reason]
    known = the_contract(NOW)
    slots = replace(CLOCKS["periodic_update"], grid=True)
    grid = replace(known, metrics=(measured("periodic_update", always(1), clock=slots),))
    duty = replace(known, duties=(Duty("log", "customer", "2", "Send the log."),))
    assert goes_straight(coverage)
    for contract in (grid, duty):
        assert not goes_straight(replace(coverage, contract=contract))
