"""Cycles with which nothing interferes: nine of ten, and found by a few lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec

from sla.acts import History, Moment
from sla.contract import Duty
from sla.cycle import Cycle, State
from sla.duties import undone
from sla.mapping import Coverage, Terms
from sla.promise import NOTHING, Kept, Promise, promised
from sla.resting import Rest


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Time in which nothing moves a clock but its starts and stops."""

    until_at: datetime
    coverage: Coverage
    terms: Terms
    rest: Rest
    """The pauses before it."""


def walk(
    begun: Sequence[datetime],
    stops: Sequence[Moment | None],
    stretch: Stretch,
    history: History | None,
    now: datetime,
    found: list[Cycle],
) -> None:
    """Find a metric's cycles that begin and end within a stretch.

    Nine of ten cycles do. What `one_cycle` works out for each, whatever comes between, takes
    10 us or more; these few lines take 1, of which the deadline is half.

    Args:
        begun: when each starts, aware UTC, in order.
        stops: what stops each, if anything did; only the last may have none.
        stretch: the one in which they lie.
        history: what happened to the issue; None where the promise depends on no duty.
        now: the instant of judgement, aware UTC.
        found: the cycles before, to which these are added.
    """
    coverage, terms, rest = stretch.coverage, stretch.terms, stretch.rest
    metric, goal, duties, goal_time = terms.metric, terms.goal, terms.duties, terms.goal.plain_time
    dues = goal.calendar.dues(begun, goal_time) if goal_time is not None else begun
    number = len(found)
    state: State
    lacking: tuple[Duty, ...] = ()
    for at, stop, due_at in zip(begun, stops, dues, strict=True):
        if goal_time is not None:
            promise = Promise(at, coverage, goal, NOTHING, goal_time, due_at)
        else:
            promise = promised(at, coverage, goal, NOTHING, at, Kept())
            due_at = promise.due_at
        if stop is None:
            end, state = now, "breached" if due_at <= now else "running"
        else:
            end = stop.at
            state = "breached" if due_at < end else "met"
        if duties and history:
            lacking = undone(duties, min(end, due_at), history)
        number += 1
        found.append(Cycle(metric, number, at, stop, state, due_at, end, (promise,), rest, lacking))
