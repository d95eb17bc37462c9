"""What a decision costs, counted and not timed: calls, objects, deadlines. A clock would not do.

The bounds leave room for a quarter more than there was when they were set.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest

from bench.rows.fold import disturbed, history, judged_at, pausing, policy
from sla import decide as decide_module
from sla.calendar import Calendar
from sla.clock.run import cycles_of
from sla.decide import Decision, Ledger, decide
from sla.mapping import Policy
from sla.timeline import Event, Timeline

CALLS, CALLS_OF_SIX, OBJECTS = 600, 340, 140
"""Of one decision over 50 events, over 6, and the objects that are left of the former."""


def decided(events: Sequence[Event], by: Policy) -> Decision:
    return decide(Timeline(tuple(events)), by, Ledger(), judged_at(events))


def calls(work: Callable[[], object]) -> int:
    """How many functions a piece of work calls, those of Python itself included."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    work()
    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(("events", "most"), [(50, CALLS), (6, CALLS_OF_SIX)])
def test_a_decision_takes_few_calls(events: int, most: int) -> None:
    story, by = history(events), policy()
    assert most / 2 < calls(lambda: decided(story, by)) <= most


def test_the_calls_grow_with_the_events_and_not_faster() -> None:
    by = policy()
    stories = [history(number) for number in (100, 200, 400)]
    short, middle, long = (calls(partial(decided, story, by)) for story in stories)
    assert long - middle <= 2.2 * (middle - short)


def test_a_severity_that_changes_again_and_again_costs_the_same_each_time() -> None:
    """To go through all earlier promises for each would be eight times as much for three times."""
    by = pausing()
    short, long = (calls(partial(decided, disturbed(number), by)) for number in (400, 1_200))
    assert long <= 3.3 * short


def test_a_deadline_goes_around_few_of_an_issues_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """All pauses for each cycle would be nine times as many for three times the events.

    Each question to the calendar counts, and each pause that it is given.
    """
    given, due, elapsed = 0, Calendar.due, Calendar.elapsed

    def counted(work: Callable[..., Any]) -> Callable[..., Any]:
        def asked(self: Calendar, at: datetime, to: Any, pauses: Sequence[Any] = ()) -> Any:
            nonlocal given
            given += 1 + len(pauses)
            return work(self, at, to, pauses)

        return asked

    monkeypatch.setattr(Calendar, "due", counted(due))
    monkeypatch.setattr(Calendar, "elapsed", counted(elapsed))
    by, counts = pausing(), []
    for number in (400, 1_200):
        given = 0
        changed = disturbed(number)
        story = [each for each in changed if getattr(each, "field", "") != "priority"]
        cycles_of(Timeline(tuple(story)), by, judged_at(story))
        counts.append(given)
    assert 0 < counts[1] <= 4 * counts[0]


def test_a_pause_that_begins_soon_costs_no_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """One for each promise; to see whether it lies before each pause would be twice as many."""
    asked, due = 0, Calendar.due

    def counted(self: Calendar, start: datetime, amount: timedelta, *more: Any) -> datetime:
        nonlocal asked
        asked += 1
        return due(self, start, amount, *more)

    monkeypatch.setattr(Calendar, "due", counted)
    story = disturbed(50)
    cycles = cycles_of(Timeline(tuple(story)), pausing(), judged_at(story))
    assert any(cycle.rest.over for cycle in cycles)
    assert asked == sum(len(cycle.promises) for cycle in cycles)


def test_a_decision_is_made_of_few_objects() -> None:
    story, by = history(50), policy()
    kept = [decided(story, by)]
    gc.collect()
    gc.disable()
    try:
        before = sys.getallocatedblocks()
        kept += [decided(story, by) for _ in range(10)]
        made = (sys.getallocatedblocks() - before) / 10
    finally:
        gc.enable()
    assert len(kept) == 11
    assert OBJECTS / 2 < made <= OBJECTS


def test_each_cycle_asks_for_one_deadline_and_few_warnings_for_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    together, alone, dues, due = 0, 0, Calendar.dues, Calendar.due

    def counted(self: Calendar, starts: Sequence[datetime], amount: timedelta) -> list[datetime]:
        nonlocal together, alone
        together += len(starts)
        alone -= len(starts) == 1  # `dues` asks for it in turn
        return dues(self, starts, amount)

    def counted_alone(self: Calendar, start: datetime, amount: timedelta, *more: Any) -> datetime:
        nonlocal alone
        alone += 1
        return due(self, start, amount, *more)

    monkeypatch.setattr(Calendar, "dues", counted)
    monkeypatch.setattr(Calendar, "due", counted_alone)
    story, by = history(50), policy()
    decision = decided(story, by)
    running = [cycle for cycle in decision.cycles if cycle.ending is None]
    assert (together, alone) == (len(decision.cycles), len(running))
    together = alone = 0
    assert cycles_of(Timeline(tuple(story)), by, judged_at(story)) == decision.cycles
    assert (together, alone) == (len(decision.cycles), 0)
    # Of two that run, one is due before the other can have used up the share that warns.
    story, alone = history(6), 0
    decision = decided(story, by)
    running = [cycle for cycle in decision.cycles if cycle.ending is None]
    assert 0 < alone < len(running)
    warnings = [cycle.promise.when_used(cycle.promise.goal_time * 0.75, ()) for cycle in running]
    assert decision.wake_at == min(warnings)


def test_once_something_was_said_the_promises_that_were_kept_are_still_passed_over() -> None:
    story, by = history(50), policy()
    timeline, later = Timeline.of(story), judged_at(story) + timedelta(days=60)
    first = decide(timeline, by, Ledger(), later)
    with patch.object(decide_module, "announce") as announced:
        again = decide(timeline, by, Ledger(first.standing), later)
        told = [call.args[0] for call in announced.call_args_list]
    assert first.sayings
    assert told == [cycle for cycle in again.cycles if cycle.state != "met"]
    assert 0 < len(told) < len(again.cycles) / 4
    with patch.object(decide_module, "announce") as announced:
        decide(timeline, by, Ledger(frozenset({"next_response/3/level-1"})), later)
        told = [call.args[0] for call in announced.call_args_list]
    assert [(each.metric, each.number) for each in told if each.state == "met"] == [
        ("next_response", 3)
    ]


def test_issues_with_the_same_fields_share_their_coverage() -> None:
    by = policy()
    one, other = (decided(history(number), by) for number in (6, 50))
    assert one.coverage is other.coverage
