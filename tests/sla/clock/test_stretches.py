"""Cycles with which nothing interferes are found quickly, and as the general way finds them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.clock import run
from sla.clock.course import Course
from sla.clock.one_cycle import one_cycle
from sla.clock.run import cycles_of
from sla.condition import Condition
from sla.contract import CLOCKS, BusinessDays, Goal
from sla.cycle import Cycle
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

ON_HOLD = Condition({"status": ("Waiting",)})
FOUR = of(
    measured("first_response", Goal(two_hours(), office())),
    measured("next_response", always(1, "Urgent"), always(3)),
    measured(
        "periodic_update", always(2), clock=replace(CLOCKS["periodic_update"], pauses=(ON_HOLD,))
    ),
    measured("resolution", always(9, "Urgent"), Goal(BusinessDays(1, "end_of_day"), office())),
)
TURNS: Mapping[str, Callable[[float, str], Event]] = {
    "reply": lambda hour, id_: reply(at(hour), id_=id_),
    "question": lambda hour, id_: reply(at(hour), CUSTOMER, id_=id_),
    "waits": lambda hour, _: change(at(hour), "status", "To Do", "Waiting"),
    "goes on": lambda hour, _: change(at(hour), "status", "Waiting", "To Do"),
    "resolved": lambda hour, _: change(at(hour), "resolution", None, "Done"),
    "opened again": lambda hour, _: change(at(hour), "resolution", "Done", None),
    "lowered": lambda hour, _: change(at(hour), "priority", "Highest", "High"),
    "raised": lambda hour, _: change(at(hour), "priority", "High", "Highest"),
    "deleted": lambda hour, _: Deleted(at(hour)),
}
SAYS = ["reply", "question"] * 4
"""Most of what happens are words, so that clocks start and stop often."""


@settings(derandomize=True, deadline=None, max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.sampled_from([*SAYS, *TURNS])), max_size=14),
    st.integers(0, 32),
)
def test_the_straight_way_comes_to_what_the_general_way_comes_to(
    turns: list[tuple[int, str]], now: int
) -> None:
    told = [TURNS[kind](hour / 2, str(n)) for n, (hour, kind) in enumerate(turns)]
    timeline = Timeline.of([*made(), *told])
    straight = cycles_of(timeline, FOUR, at(now / 2))
    with patch.object(Course, "stretch", lambda *_: None):
        halfway = cycles_of(timeline, FOUR, at(now / 2))
        with patch.object(run, "_is_quiet", lambda _spans, _timeline: False):
            assert cycles_of(timeline, FOUR, at(now / 2)) == halfway == straight


def test_a_cycle_with_which_nothing_interferes_goes_the_straight_way() -> None:
    story = [*made(), reply(at(1)), reply(at(2), CUSTOMER, id_="2"), reply(at(3), id_="3")]
    with patch.object(run, "one_cycle", side_effect=AssertionError):
        assert len(cycles_of(Timeline.of(story), FOUR, at(4))) == 5


def test_between_two_pauses_it_goes_the_straight_way_again() -> None:
    story = [
        *made(),
        change(at(1), "status", "To Do", "Waiting"),
        change(at(2), "status", "Waiting", "To Do"),
        reply(at(3)),
        reply(at(4), CUSTOMER, id_="2"),
        reply(at(5), id_="3"),
        change(at(6), "status", "To Do", "Waiting"),
        change(at(7), "status", "Waiting", "To Do"),
        reply(at(8), id_="4"),
        reply(at(9), id_="5"),
    ]
    waiting = replace(CLOCKS["periodic_update"], pauses=(ON_HOLD,))
    waits = of(measured("periodic_update", always(2), clock=waiting))
    singly = []

    def counted(course: Course, number: int, start: datetime, *more: Any) -> Cycle | None:
        singly.append(start)
        return one_cycle(course, number, start, *more)

    with patch.object(run, "one_cycle", counted):
        found = cycles_of(Timeline.of(story), waits, at(10))
    assert [each.started_at for each in found] == [at(3), at(5), at(8), at(9)]
    assert singly == [at(5)]
    assert [len(each.rest.over) for each in found] == [1, 2, 2, 2]
