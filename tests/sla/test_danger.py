"""When a running promise comes into danger: by its own warnings, in open time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.clock.run import cycles_of
from sla.contract import Alerts, Goal
from sla.contract import Warning as EarlyWarning
from sla.danger import dangers, left_in_danger
from sla.mapping import Policy
from sla.timeline import Event, Timeline
from tests.sla.example import at, change, contract, hours, made, office, policy, reply, two_hours

FIRST = ("first_response", 1)


def judged(judged_by: Policy, now: float, *events: Event) -> dict[tuple[str, int], float]:
    """From when on each promise is in danger, in hours after nine o'clock."""
    timeline = Timeline.of([*made(), *events])
    found = dangers(cycles_of(timeline, judged_by, at(now)), judged_by)
    return {number: (instant - at(0)) / hours(1) for number, instant in found.items()}


@pytest.mark.parametrize(
    ("warnings", "from_hour"),
    [
        ((), 1.5),
        ((EarlyWarning("w", used=0.5),), 1.0),
        ((EarlyWarning("w", left=hours(0.25)),), 1.75),
        ((EarlyWarning("late", used=0.9), EarlyWarning("early", left=hours(1))), 1.0),
        # What is asked for before the clock starts says nothing.
        ((EarlyWarning("w", left=hours(3)),), 1.5),
    ],
)
def test_the_first_warning_counts_else_the_last_quarter(
    warnings: tuple[EarlyWarning, ...], from_hour: float
) -> None:
    assert judged(policy(alerts=Alerts(warnings)), 0.5) == {FIRST: from_hour}


def test_a_night_between_is_no_danger() -> None:
    """Two hours from 16:00, closed from 17:00 to 9:00: the last half hour begins at 9:30."""
    judged_by = policy(alerts=Alerts())
    found = dangers(cycles_of(Timeline.of(made(at(7))), judged_by, at(8)), judged_by)
    assert found == {FIRST: at(24.5)}


def test_a_pause_moves_it_and_while_it_lasts_there_is_none() -> None:
    waits = contract(Goal(two_hours(), office()), pause_statuses=("Waiting",))
    judged_by = policy(waits, alerts=Alerts())
    begins = change(at(1), "status", "To Do", "Waiting")
    assert judged(judged_by, 2, begins) == {}
    assert judged(judged_by, 3.2, begins, change(at(3), "status", "Waiting", "To Do")) == {
        FIRST: 3.5
    }


def test_what_is_over_or_missed_is_in_no_danger() -> None:
    judged_by = policy(alerts=Alerts())
    assert judged(judged_by, 1, reply(at(0.5))) == {}
    assert judged(judged_by, 3) == {}


@given(
    goal=st.timedeltas(timedelta(minutes=1), timedelta(days=30)),
    used=st.lists(st.floats(0.01, 0.99), max_size=3),
    left=st.lists(st.timedeltas(timedelta(0), timedelta(days=40)), max_size=3),
)
def test_some_of_the_goal_is_used_and_no_warning_comes_earlier(
    goal: timedelta, used: list[float], left: list[timedelta]
) -> None:
    warnings = [EarlyWarning("used", used=share) for share in used]
    warnings += [EarlyWarning("left", left=amount) for amount in left]
    found = left_in_danger(goal, Alerts(tuple(warnings)))
    assert timedelta(0) <= found < goal
    for warning in warnings:
        alone = left_in_danger(goal, Alerts((replace(warning),)))
        spoken = warning.left is None or warning.left < goal
        assert not spoken or alone <= found
