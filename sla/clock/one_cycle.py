"""One cycle from its start to its stop, whatever comes between."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from operator import attrgetter

from sla.clock.course import RESOLVED_ONLY, Course, Leg, with_ends
from sla.clock.rules import Rule
from sla.condition import RESOLVED, Condition, while_holding, without_repetition
from sla.contract import Clock
from sla.cycle import Cycle, Ending, GivenUp, State
from sla.duties import done, undone, while_missing
from sla.promise import NOTHING, Kept, Promise, elapsed, promised
from sla.resting import NO_REST, Interval, Rest, Resting
from sla.timeline import Spans

_AT = attrgetter("at")


def one_cycle(
    course: Course, number: int, start: datetime, stop: Ending | None, rule: Rule
) -> Cycle | None:
    """The run from a start to a stop; None where nothing was owed for it."""
    reported_at = course.legs[0].since_at
    free = course.free(start)
    # What the report itself starts is on record, even if it was closed at once.
    if free and start != reported_at:
        owed_from = free.owed_from(start)
        if free.lasts_from <= owed_from or (stop and stop.at < owed_from):
            return None
    if stop and rule.clock.repeats:
        free = course.free(stop.at)
        # Once nothing is owed for good, nothing answers it.
        stop = None if free and free.lasts_from < stop.at else stop
    legs = course.promised_legs(start, stop.at if stop else None)
    if not legs:
        return None
    ending = stop if stop and legs[-1].goal else _given_up(course, legs)
    if ending and ending.at < legs[0].since_at:
        return None
    if ending and len(legs) > 1:
        # Once nothing is owed for good, no promise is made any more.
        free = course.free(ending.at)
        lasting = free.lasting if free else ()
        last = min([ending.at, *[since for since in lasting if since > legs[0].since_at]])
        legs = [leg for leg in legs if leg.since_at <= last]
    resting = _rests(course, legs, rule)
    end = ending.at if ending else None
    rest = resting.until(end) if resting else NO_REST
    gapless_from = start if rule.clock.counts_from_its_start else None
    started_at = gapless_from or legs[0].since_at
    pauses = resting.following(rest, end, started_at) if resting else []
    promises = _promises(legs, rest.since_at, pauses, gapless_from)
    return _judge(course, number, promises, rest, ending)


def _judge(
    course: Course, number: int, promises: tuple[Promise, ...], rest: Rest, ending: Ending | None
) -> Cycle:
    last = promises[-1]
    end = ending.at if ending else course.now
    held = rest.since_at is not None and rest.since_at < last.due_at
    due_at: datetime | None = last.due_at
    state: State
    if ending and ending.met_the_metric:
        state = "met" if ending.at <= last.due_at else "breached"
    elif not held and last.due_at <= end:
        state = "breached"
    else:
        state = "cancelled" if ending else "paused" if held else "running"
        due_at = due_at if state == "running" else None
    duties = last.coverage.duties(course.metric)
    return Cycle(
        course.metric,
        number,
        promises[0].since_at,
        ending,
        state,
        due_at,
        end,
        promises,
        rest,
        # What was not done when the time was up is not made good by doing it later.
        undone(duties, min(end, last.due_at), course.history) if duties else (),
    )


def _promises(
    legs: Sequence[Leg],
    resting_since: datetime | None,
    pauses: Sequence[Interval],
    gapless_from: datetime | None,
) -> tuple[Promise, ...]:
    kept = Kept(pauses)
    used, counted_to = NOTHING, gapless_from
    started_at = gapless_from or legs[0].since_at
    for leg, until in with_ends(legs):
        goal = leg.goal
        if goal is None:
            continue
        if counted_to and counted_to != leg.since_at:
            # Time in which nothing was promised counts too.
            used += elapsed(goal.calendar, counted_to, leg.since_at, pauses, resting_since)
        kept.promises.append(promised(leg.since_at, leg.coverage, goal, used, started_at, kept))
        if until:
            counted_to = until if gapless_from else None
            used += elapsed(goal.calendar, leg.since_at, until, pauses, resting_since)
    return tuple(kept.promises)


def _given_up(course: Course, legs: Sequence[Leg]) -> Ending | None:
    """The clock stops unmet when the issue is deleted, closed, or nothing is owed any more."""
    endings = []
    if course.timeline.deleted_at:
        endings.append(GivenUp(course.timeline.deleted_at, "the issue was deleted"))
    promised = max(number for number, leg in enumerate(legs) if leg.goal)
    endings += [
        GivenUp(leg.since_at, leg.coverage.why_not(course.metric))
        for leg in legs[promised + 1 : promised + 2]
    ]
    for condition, reason in _ends(legs[promised].clock):
        holding = while_holding(course.timeline, condition)
        if holding and holding[-1][1] is None:
            endings.append(GivenUp(holding[-1][0], reason))
    return min(endings, key=_AT, default=None)


def _ends(clock: Clock | None) -> Iterator[tuple[Condition, str]]:
    """Under which conditions nothing is owed any more, in words."""
    for condition in clock.frees if clock else RESOLVED_ONLY:
        resolved = condition is RESOLVED
        reason = "the issue was resolved unanswered"
        yield condition, reason if resolved else f"nothing more was owed: {condition}"


def _rests(course: Course, legs: Sequence[Leg], rule: Rule) -> Resting | None:
    """Pauses by the metric's conditions and duties, and the time in which nothing was owed."""
    resting = rule.resting if course.is_alike else _by_conditions(course, legs)
    if not course.may_wait:
        return resting
    waiting: Spans = []
    for leg, until in with_ends(legs):
        if leg.coverage.may_wait:
            waiting += _waiting(course, leg, until)
    if not waiting:
        return resting
    return Resting([*waiting, *(resting.spans if resting else ())])


def _by_conditions(course: Course, legs: Sequence[Leg]) -> Resting | None:
    """The pauses by the conditions of all these legs' clocks."""
    conditions = [each for leg in legs if leg.clock for each in leg.clock.rests]
    return course.common.while_(without_repetition(conditions))


def _waiting(
    course: Course, leg: Leg, until: datetime | None
) -> Iterator[tuple[datetime, datetime | None]]:
    """Pauses while the customer owes a duty, or information that the contract waits for."""
    for duty in leg.coverage.duties(course.metric):
        done_at = done(duty, course.history)
        if duty.effect == "pauses" and (done_at is None or done_at > leg.since_at):
            ends = [each for each in (done_at, until) if each]
            yield leg.since_at, min(ends, default=None)
    contract = leg.coverage.contract
    checklist = contract.checklist if contract else None
    if checklist and course.metric in checklist.pauses:
        yield from while_missing(checklist, course.timeline)
