"""Runs the clocks of an issue: every cycle of every metric that was ever promised for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from datetime import datetime

from sla.acts import History, Moment
from sla.clock.course import Course
from sla.clock.one_cycle import one_cycle
from sla.clock.rules import Common, Rule, any_of, paired
from sla.clock.spans import Span, history_of, spans_of
from sla.clock.stretches import Stretch, walk
from sla.condition import while_holding
from sla.cycle import Cycle, Ending
from sla.mapping import Policy, Terms
from sla.resting import NEVER, NO_REST
from sla.timeline import Timeline


def cycles_of(timeline: Timeline, policy: Policy, now: datetime) -> tuple[Cycle, ...]:
    """Every cycle of every metric that was ever promised for an issue, and nothing of what is said.

    Args:
        timeline: what happened to the issue, as far as known.
        policy: the published version to judge by.
        now: the instant of judgement, aware UTC.

    Returns:
        The cycles, as those of a decision; none where the issue's creation is not known.
    """
    spans = spans_of(timeline, policy)
    return run_all(spans, history_of(spans, timeline, policy), now) if spans else ()


def run_all(spans: Sequence[Span], history: History, now: datetime) -> tuple[Cycle, ...]:
    """Every cycle of every metric that was ever promised, in the order of the contract.

    Args:
        spans: the issue's coverage, as `spans_of` gives it.
        history: what happened to the issue.
        now: the instant of judgement, aware UTC.
    """
    found: list[Cycle] = []
    if _is_quiet(spans, history.timeline):
        for terms in spans[0].coverage.all_terms:
            found += _quietly(terms, spans, history, now)
        return tuple(found)
    common = Common(history)
    names = [metric.name for span in spans for metric in span.coverage.metrics]
    for name in dict.fromkeys(names):
        found += _cycles(Course(name, spans, common, now))
    return tuple(found)


def _is_quiet(spans: Sequence[Span], timeline: Timeline) -> bool:
    """Whether nothing ever interferes with an issue's clocks: one coverage, and no clock rests.

    Of most issues that is so. To find it out first saves working out what only others need.
    """
    if len(spans) > 1 or timeline.deleted_at is not None:
        return False
    return not any(while_holding(timeline, each) for each in spans[0].coverage.rests)


def _quietly(
    terms: Terms, spans: Sequence[Span], history: History, now: datetime
) -> Sequence[Cycle]:
    """A metric's cycles, where one coverage held all the time and no clock rests."""
    (span,) = spans
    clock = terms.clock
    starts = any_of(clock.started_by, history)
    if not starts:
        return ()
    # In its own zone an instant can be later than the last one of UTC: it has no due.
    if not terms.may_go_straight or not span.since_at <= starts[0].at < NEVER:
        return _cycles(Course(terms.metric, spans, Common(history), now))
    begun, stops = paired(starts, clock, history)
    found: list[Cycle] = []
    walk(begun, stops, Stretch(NEVER, span.coverage, terms, NO_REST), history, now, found)
    return found


def _cycles(course: Course) -> list[Cycle]:
    """One metric's cycles, whatever comes between them."""
    found: list[Cycle] = []
    following = course.start(None)
    while following is not None:
        start, rule = following
        clock = rule.clock
        if clock.only_stop and not clock.grid and start >= rule.since_at:
            following = _by_stretches(course, start, rule, found)
        else:
            following = _singly(course, start, rule, found)
    return found


def _by_stretches(
    course: Course, start: datetime, rule: Rule, found: list[Cycle]
) -> tuple[datetime, Rule] | None:
    """Find the cycles of a rule by which one kind of act stops the clock; the start after."""
    clock = rule.clock
    begun, stops = paired(course.owed(rule, start), clock, course.history)
    index, calm_until = 0, start
    while index < len(begun):
        at, stop = begun[index], stops[index]
        stretch = course.stretch(at, stop, rule) if at >= calm_until else None
        if stretch:
            calm_until, first = stretch.until_at, index
            index = _following(stops, first, calm_until)
            walk(
                begun[first:index], stops[first:index], stretch, course.history, course.now,
                found,
            )  # fmt: skip
            continue
        if rule.until_at and (stop is None or stop.at >= rule.until_at):
            return _singly(course, at, rule, found)
        _add(course, at, stop, rule, found)
        index += 1
    last = stops[-1] if stops else None
    if last is None or not (rule.until_at and clock.repeats):
        return None
    return course.start(last.at, past=last.at == begun[-1])


def _following(stops: Sequence[Moment | None], first: int, until_at: datetime) -> int:
    """The first of some pairs from one on that does not end before an instant."""
    if until_at is NEVER:
        return len(stops)
    return bisect_left(stops, until_at, first, key=_stopped_at)


def _stopped_at(stop: Moment | None) -> datetime:
    return stop.at if stop else NEVER


def _add(
    course: Course, start: datetime, stop: Ending | None, rule: Rule, found: list[Cycle]
) -> Cycle | None:
    """Find the one cycle between a start and a stop, whatever comes between."""
    cycle = one_cycle(course, len(found) + 1, start, stop, rule)
    if cycle:
        found.append(cycle)
    return cycle


def _singly(
    course: Course, start: datetime, rule: Rule, found: list[Cycle]
) -> tuple[datetime, Rule] | None:
    """Find the one cycle from a start on, by whatever rules; the start after it."""
    stop = course.stop(start)
    cycle = _add(course, start, stop, rule, found)
    if rule.clock.grid:
        return _next_on_grid(course, start, cycle, rule)
    if stop is None or not rule.clock.repeats:
        return None
    return course.start(stop.at, past=stop.at == start)


def _next_on_grid(
    course: Course, start: datetime, cycle: Cycle | None, rule: Rule
) -> tuple[datetime, Rule] | None:
    """The next slot begins where this one is used up, replied or not, once that has come."""
    if cycle is None or (cycle.ending and not cycle.ending.met_the_metric):
        # Nothing is owed from here on: the next slot is for when something is again.
        after = cycle.ending.at if cycle and cycle.ending else start
        later = [leg.since_at for leg in course.legs if leg.since_at > after and leg.goal]
        following = min(later, default=start)
    elif cycle.state == "paused":
        return None
    else:
        following = cycle.promise.due_at
    return (following, rule) if start < following <= course.now else None
