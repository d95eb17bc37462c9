"""Runs of a metric's clock over an issue's history: started, paused, stopped, due, state.

The clock walks over the spans in which one promise held. Used time stays used when severity,
tier, contract or project changes; the goal is picked anew, and every promise stays on record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import zip_longest
from operator import attrgetter
from typing import ClassVar, Literal

import msgspec
from msgspec.structs import replace

from sla.acts import History, Moment, given
from sla.condition import RESOLVED, Condition, while_holding, while_true, without_repetition
from sla.contract import Act, Checklist, Clock, Duty, Goal
from sla.mapping import Coverage, Policy, Terms
from sla.promise import NOTHING, Kept, Promise, elapsed, promised
from sla.resting import NEVER, NO_REST, Interval, Rest, Resting
from sla.timeline import FieldValue, Spans, Timeline

State = Literal["running", "paused", "met", "breached", "cancelled"]
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_AT = attrgetter("at")


# Structs and not dataclasses: see `sla.timeline.Version`.
class Span(msgspec.Struct, frozen=True, gc=False):
    """From `since_at` on, until the next span, the issue had this coverage."""

    since_at: datetime
    coverage: Coverage


class GivenUp(msgspec.Struct, frozen=True, gc=False):
    """The clock stopped at this instant without what it waited for."""

    met_the_metric: ClassVar[bool] = False
    by: ClassVar[None] = None

    at: datetime
    reason: str


# The moment itself, and nothing made of it: a fold has as many of them as replies.
Ending = Moment | GivenUp
"""The clock stopped for good at this instant: by the act that met the metric, or unmet."""


class Cycle(msgspec.Struct, frozen=True, gc=False):
    """One run of a metric as judged at an instant; instants are aware UTC."""

    metric: str
    number: int
    started_at: datetime
    ending: Ending | None
    state: State
    due_at: datetime | None
    """None while nothing can be due: paused or cancelled."""
    until_at: datetime
    """The clock's end, or the instant of judgement."""
    promises: tuple[Promise, ...]
    rest: Rest
    conditional_on: tuple[Duty, ...] = ()
    """The duties that the promise depends on and that nobody did by its end, or by now."""

    @property
    def promise(self) -> Promise:
        """The promise that holds, or that held at the end."""
        return self.promises[-1]

    @property
    def words(self) -> str:
        """What is measured, in words."""
        return self.promises[-1].coverage.words(self.metric)

    @property
    def elapsed(self) -> timedelta:
        """Open time used until the clock's end, or until the instant of judgement."""
        # Only explanations ask for it: to work it out for every cycle took a sixth of the time.
        last = self.promise
        end, pauses = max(self.until_at, last.since_at), self.rest.until(self.until_at)
        return last.used_before + last.goal.calendar.elapsed(last.since_at, end, pauses)

    @property
    def answered_by(self) -> str | None:
        """Whose act met the metric, in time or late; None while it was not, or nobody knows."""
        return self.ending.by if self.ending and self.ending.met_the_metric else None

    @property
    def stopped_at(self) -> datetime | None:
        """When the metric was met, in time or late; None while it was not."""
        return self.ending.at if self.ending and self.ending.met_the_metric else None

    def comes_to(self, instant: datetime) -> bool:
        """Whether the clock is still going when it gets to that instant."""
        resting = self.rest.since_at is not None and self.rest.since_at < instant
        ended = self.ending is not None and self.ending.at <= instant
        return not resting and not ended


def spans_of(timeline: Timeline, policy: Policy) -> list[Span]:
    """What coverage the issue had from when on; neighbours differ in what is promised.

    The first span starts when the issue was reported: at its creation, or at the earlier instant
    that the policy's "reported at" field names.
    """
    created_at = timeline.created_at
    if created_at is None:
        return []
    spans: list[Span] = []
    for at in timeline.changes(policy.changing_fields, created_at):
        coverage = policy.coverage_at(timeline, at)
        if not spans or coverage.identity != spans[-1].coverage.identity:
            since_at = at if spans else _started_at(timeline, policy, created_at)
            spans.append(Span(since_at, coverage))
    return spans


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


def history_of(spans: Sequence[Span], timeline: Timeline, policy: Policy) -> History:
    """The history as acts look at it; of an issue whose spans are known."""
    return History(timeline, policy.responders, spans[0].since_at)


def run(metric: str, spans: Sequence[Span], history: History, now: datetime) -> tuple[Cycle, ...]:
    """Run one metric's clock over an issue, from its first start to the instant of judgement.

    Args:
        metric: its name.
        spans: the issue's coverage, as `spans_of` gives it.
        history: what happened to the issue.
        now: the instant of judgement, aware UTC.

    Returns:
        The cycles, oldest first; none when no contract ever promised this metric for the issue.
    """
    return tuple(_Run(metric, spans, _Common(history), now).cycles())


def run_all(spans: Sequence[Span], history: History, now: datetime) -> tuple[Cycle, ...]:
    """The same for every metric that was ever promised, in the order of the contract."""
    found: list[Cycle] = []
    if _is_quiet(spans, history.timeline):
        for terms in spans[0].coverage.all_terms:
            found += _quietly(terms, spans, history, now)
        return tuple(found)
    common = _Common(history)
    names = [metric.name for span in spans for metric in span.coverage.metrics]
    for name in dict.fromkeys(names):
        found += _Run(name, spans, common, now).cycles()
    return tuple(found)


def _is_quiet(spans: Sequence[Span], timeline: Timeline) -> bool:
    """Whether nothing ever interferes with an issue's clocks: one coverage, and no clock rests.

    Of most issues that is so. To find it out first saves working out what only others need.
    """
    if len(spans) > 1 or timeline.deleted_at is not None:
        return False
    return not any(while_holding(timeline, each) for each in spans[0].coverage.rests)


# --- many cycles at once --------------------------------------------------------------------------


class _Common:
    """What several metrics of one issue ask for, worked out once."""

    __slots__ = ("_rested", "history")

    def __init__(self, history: History) -> None:
        self.history = history
        self._rested: dict[tuple[int, ...], Resting | None] = {}

    def while_(self, conditions: Sequence[Condition]) -> Resting | None:
        """When one of some conditions held; None: never."""
        # By what they are, and not what they say: a policy's conditions stay where they are.
        key = tuple([id(each) for each in conditions])
        if key not in self._rested:
            timeline = self.history.timeline
            held = [span for each in conditions for span in while_holding(timeline, each)]
            self._rested[key] = Resting(held) if held else None
        return self._rested[key]


class Stretch(msgspec.Struct, frozen=True, gc=False):
    """Time in which nothing moves a clock but its starts and stops."""

    until_at: datetime
    coverage: Coverage
    terms: Terms
    rest: Rest
    """The pauses before it."""


def _quietly(
    terms: Terms, spans: Sequence[Span], history: History, now: datetime
) -> Sequence[Cycle]:
    """A metric's cycles, where one coverage held all the time and no clock rests."""
    (span,) = spans
    clock = terms.clock
    starts = _any_of(clock.started_by, history)
    if not starts:
        return ()
    # In its own zone an instant can be later than the last one of UTC: it has no due.
    if not terms.may_go_straight or not span.since_at <= starts[0].at < NEVER:
        return _Run(terms.metric, spans, _Common(history), now).cycles()
    begun, stops = _paired(starts, clock, history)
    found: list[Cycle] = []
    walk(begun, stops, Stretch(NEVER, span.coverage, terms, NO_REST), history, now, found)
    return found


def _paired(
    starts: Sequence[Moment], clock: Clock, history: History
) -> tuple[list[datetime], list[Moment | None]]:
    """The starts that begin a cycle, and what stops each: of a clock that one kind of act stops."""
    begun: list[datetime] = []
    stopped: list[Moment | None] = []
    repeats, begun_by_stops = clock.repeats, clock.stopped_by_its_start
    upcoming = iter(_stops(clock.only_stop, clock, history) if clock.only_stop else ())
    stop = next(upcoming, None)
    began, end = None, starts[0].at if starts else NEVER
    for each in starts:
        at = each.at
        # What would start the clock while it runs starts nothing, nor does its very stop.
        if at < end or at == began:
            continue
        while stop is not None and (stop.at < at or (begun_by_stops and stop.at == at)):
            stop = next(upcoming, None)
        begun.append(at)
        stopped.append(stop)
        if stop is None or not repeats:
            break
        began, end = at, stop.at
    return begun, stopped


def walk(
    begun: Sequence[datetime],
    stops: Sequence[Moment | None],
    stretch: Stretch,
    history: History | None,
    now: datetime,
    found: list[Cycle],
) -> None:
    """Find a metric's cycles that begin and end within a stretch.

    Nine of ten cycles do. What `_Run._cycle` works out for each, whatever comes between, takes
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
    undone: tuple[Duty, ...] = ()
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
            undone = _undone(duties, min(end, due_at), history)
        number += 1
        found.append(Cycle(metric, number, at, stop, state, due_at, end, (promise,), rest, undone))


def _following(stops: Sequence[Moment | None], first: int, until_at: datetime) -> int:
    """The first of some pairs from one on that does not end before an instant."""
    if until_at is NEVER:
        return len(stops)
    return bisect_left(stops, until_at, first, key=_stopped_at)


def _stopped_at(stop: Moment | None) -> datetime:
    return stop.at if stop else NEVER


class _Rule:
    """Between two instants the metric's clock ran by this rule."""

    __slots__ = ("_history", "_stops", "clock", "free", "resting", "since_at", "starts", "until_at")

    def __init__(
        self, since_at: datetime, until_at: datetime | None, clock: Clock, common: _Common
    ) -> None:
        self.since_at, self.until_at, self.clock = since_at, until_at, clock
        self.starts = _any_of(clock.started_by, common.history)
        self.resting = common.while_(clock.rests)
        """When the clock rests, if it ever does."""
        self.free = common.while_(clock.frees)
        """When nothing is owed, if that ever is so."""
        self._history = common.history
        self._stops: list[list[_Stop]] | None = None

    def covers(self, legs: Sequence[_Leg]) -> bool:
        """Whether it holds through all of them."""
        return self.until_at is None and self.since_at == legs[0].since_at

    @property
    def stops(self) -> list[list[_Stop]]:
        """The acts of each way to stop, looked for once something started."""
        if self._stops is None:
            history, clock = self._history, self.clock
            self._stops = [[_Stop(act, clock, history) for act in acts] for acts in clock.stops]
        return self._stops

    def first_start(self, after: datetime | None, *, past: bool) -> datetime | None:
        """The first start that is not before an instant, or that is past it."""
        index = 0
        if after is not None:
            # By bisection: a walk from the first moment on for every cycle is quadratic.
            bisect = bisect_right if past else bisect_left
            index = bisect(self.starts, after, key=_AT)
        if index == len(self.starts):
            return None
        at = self.starts[index].at
        return at if self.until_at is None or at < self.until_at else None

    def first_stop(self, start: datetime) -> Moment | None:
        """The first instant since a start at which all acts of one of the ways had happened."""
        first: Moment | None = None
        for stops in self.stops:
            moments = [moment for stop in stops if (moment := stop.since(start))]
            if len(moments) == len(stops):
                found = moments[0] if len(moments) == 1 else _together(moments)
                first = found if first is None or found.at < first.at else first
        return first


def _together(moments: Sequence[Moment]) -> Moment:
    """Several acts as one, which happens with the last of them."""
    last = max(moments, key=_AT)
    reason = " and ".join([moment.reason for moment in moments])
    return Moment(last.at, reason, last.key, last.by)


class _Stop:
    """An act that stops a clock, or is one of those that do so together."""

    __slots__ = ("_bisect", "_held", "_moments", "_reason")

    def __init__(self, act: Act, clock: Clock, history: History) -> None:
        self._moments = _stops(act, clock, history)
        self._bisect = bisect_right if clock.stopped_by_its_start else bisect_left
        by_state = act.kind == "fields"
        self._held: Spans = while_holding(history.timeline, act.when) if by_state else []
        self._reason = str(act.when)

    def since(self, start: datetime) -> Moment | None:
        """When it first happened since a start, or was so already."""
        for since, end in self._held:
            if since < start and (end is None or start < end):
                return Moment(start, self._reason, "")
        index = self._bisect(self._moments, start, key=_AT)
        return self._moments[index] if index < len(self._moments) else None


def _stops(act: Act, clock: Clock, history: History) -> Sequence[Moment]:
    """When an act happened that stops a clock."""
    moments = history.moments(act)
    if not _is_for_good(act, clock):
        return moments
    resolved = while_holding(history.timeline, RESOLVED)
    return moments[-1:] if resolved and resolved[-1][1] is None else ()


def _is_for_good(act: Act, clock: Clock) -> bool:
    """Whether only the last of it counts: what was opened again was not resolved after all."""
    return act.kind == "resolved" and not clock.repeats


class _Leg(msgspec.Struct, frozen=True, gc=False):
    """A span as one metric's clock goes through it."""

    since_at: datetime
    coverage: Coverage
    clock: Clock | None
    """None where the contract has no such metric, or does not cover the issue."""
    goal: Goal | None
    """What is promised; None where nothing is."""

    @classmethod
    def of(cls, span: Span, metric: str) -> _Leg:
        coverage = span.coverage
        its = coverage.metric(metric)
        return cls(span.since_at, coverage, its.clock if its else None, coverage.goal(metric))

    def from_(self, at: datetime) -> _Leg:
        """The part of it from an instant on."""
        return _Leg(at, self.coverage, self.clock, self.goal)


class _Run:
    """One metric over one issue."""

    __slots__ = (
        "common", "found", "history", "is_alike", "legs", "may_wait", "metric", "now", "rules",
        "timeline",
    )  # fmt: skip

    def __init__(self, metric: str, spans: Sequence[Span], common: _Common, now: datetime) -> None:
        self.metric, self.common, self.now = metric, common, now
        self.history, self.timeline = common.history, common.history.timeline
        # Each cycle asks for the goals of those it goes through: to ask the coverages each time
        # took a twentieth of a fold in which severities change and clocks pause.
        self.legs = [_Leg.of(span, metric) for span in spans]
        self.may_wait = any(map(_MAY_WAIT, spans))
        """Whether a contract ever waited for somebody."""
        self.found: list[Cycle] = []

    def cycles(self) -> list[Cycle]:
        self.rules = self._rules()
        self.is_alike = len(self.rules) == 1 and self.rules[0].covers(self.legs)
        """Whether one rule held all the time."""
        following = self._start(None)
        while following is not None:
            start, rule = following
            clock = rule.clock
            if clock.only_stop and not clock.grid and start >= rule.since_at:
                following = self._by_stretches(start, rule)
            else:
                following = self._singly(start, rule)
        return self.found

    def _by_stretches(self, start: datetime, rule: _Rule) -> tuple[datetime, _Rule] | None:
        """Find the cycles of a rule by which one kind of act stops the clock; the start after."""
        clock = rule.clock
        begun, stops = _paired(self._owed(rule, start), clock, self.history)
        index, calm_until = 0, start
        while index < len(begun):
            at, stop = begun[index], stops[index]
            stretch = self._stretch(at, stop, rule) if at >= calm_until else None
            if stretch:
                calm_until, first = stretch.until_at, index
                index = _following(stops, first, calm_until)
                walk(
                    begun[first:index], stops[first:index], stretch, self.history, self.now,
                    self.found,
                )  # fmt: skip
                continue
            if rule.until_at and (stop is None or stop.at >= rule.until_at):
                return self._singly(at, rule)
            self._add(at, stop, rule)
            index += 1
        last = stops[-1] if stops else None
        if last is None or not (rule.until_at and clock.repeats):
            return None
        return self._start(last.at, past=last.at == begun[-1])

    def _owed(self, rule: _Rule, start: datetime) -> Sequence[Moment]:
        """A rule's starts from one on, while it is in force and until nothing is owed for good."""
        starts = _between(rule.starts, start, rule.until_at or NEVER)
        free = None if rule.until_at else rule.free
        if free is None or free.lasts_from is NEVER:
            return starts
        # What the report itself starts is on record, even if it was closed at once.
        first = bisect_right(starts, self.legs[0].since_at, key=_AT)
        return starts[: bisect_left(starts, free.lasts_from, first, key=_AT)]

    def _stretch(self, start: datetime, stop: Ending | None, rule: _Rule) -> Stretch | None:
        """Time in which nothing interferes; None where something does between start and stop."""
        legs, index = self.legs, 0
        if len(legs) > 1:
            index = max(bisect_right(legs, start, key=_SINCE) - 1, 0)
        since_at, coverage = legs[index].since_at, legs[index].coverage
        terms = coverage.terms(self.metric)
        if terms is None or coverage.may_wait or start < since_at:
            return None
        until_at = legs[index + 1].since_at if index + 1 < len(legs) else NEVER
        if self.timeline.deleted_at:
            until_at = min(until_at, self.timeline.deleted_at)
        resting = rule.resting
        if resting:
            until_at = min(until_at, resting.next_at(start))
        if until_at is not NEVER and (stop is None or start >= until_at or stop.at >= until_at):
            return None
        rest = resting.before(start) if resting else NO_REST
        return Stretch(until_at, coverage, terms, rest)

    def _add(self, start: datetime, stop: Ending | None, rule: _Rule) -> Cycle | None:
        """Find the one cycle from a start on, whatever comes between."""
        cycle = self._cycle(start, stop, rule)
        if cycle:
            self.found.append(cycle)
        return cycle

    def _singly(self, start: datetime, rule: _Rule) -> tuple[datetime, _Rule] | None:
        """The same, by whatever rules; the start after it."""
        stop = self._stop(start)
        cycle = self._add(start, stop, rule)
        if rule.clock.grid:
            return self._next_on_grid(start, cycle, rule)
        if stop is None or not rule.clock.repeats:
            return None
        return self._start(stop.at, past=stop.at == start)

    def _next_on_grid(
        self, start: datetime, cycle: Cycle | None, rule: _Rule
    ) -> tuple[datetime, _Rule] | None:
        """The next slot begins where this one is used up, replied or not, once that has come."""
        if cycle is None or (cycle.ending and not cycle.ending.met_the_metric):
            # Nothing is owed from here on: the next slot is for when something is again.
            after = cycle.ending.at if cycle and cycle.ending else start
            later = [leg.since_at for leg in self.legs if leg.since_at > after and leg.goal]
            following = min(later, default=start)
        elif cycle.state == "paused":
            return None
        else:
            following = cycle.promise.due_at
        return (following, rule) if start < following <= self.now else None

    def _rules(self) -> list[_Rule]:
        """How the clock ran from when on; neighbours differ."""
        rules: list[_Rule] = []
        for leg, until_at in _until(self.legs):
            if leg.clock and rules and _goes_on(rules[-1], leg, leg.clock):
                rules[-1].until_at = until_at
            elif leg.clock:
                rules.append(_Rule(leg.since_at, until_at, leg.clock, self.common))
        return rules

    def _start(
        self, after: datetime | None, *, past: bool = False
    ) -> tuple[datetime, _Rule] | None:
        """The first start that is not before an instant, or, where asked for, that is past it."""
        for rule in self.rules:
            at = rule.first_start(after, past=past)
            if at:
                return at, rule
        return None

    def _stop(self, start: datetime) -> Ending | None:
        """The first instant at which the rule then in force says that the metric is met."""
        before: _Rule | None = None
        for rule in self.rules:
            changed = before is not None and before.until_at == rule.since_at
            before = rule
            if rule.until_at is not None and rule.until_at <= start:
                continue
            ending = rule.first_stop(start)
            if ending is None:
                continue
            if changed and ending.at < rule.since_at:
                # By another rule it may have been enough before: then it is from the change on.
                ending = replace(ending, at=rule.since_at)
            if rule.until_at is None or ending.at < rule.until_at:
                return ending
        return None

    # --- one cycle --------------------------------------------------------------------------------

    def _cycle(self, start: datetime, stop: Ending | None, rule: _Rule) -> Cycle | None:
        """The run from a start to a stop; None where nothing was owed for it."""
        reported_at = self.legs[0].since_at
        free = self._free(start)
        # What the report itself starts is on record, even if it was closed at once.
        if free and start != reported_at:
            owed_from = free.owed_from(start)
            if free.lasts_from <= owed_from or (stop and stop.at < owed_from):
                return None
        if stop and rule.clock.repeats:
            free = self._free(stop.at)
            # Once nothing is owed for good, nothing answers it.
            stop = None if free and free.lasts_from < stop.at else stop
        legs = self._promised(start, stop.at if stop else None)
        if not legs:
            return None
        ending = stop if stop and legs[-1].goal else self._given_up(legs)
        if ending and ending.at < legs[0].since_at:
            return None
        if ending and len(legs) > 1:
            # Once nothing is owed for good, no promise is made any more.
            free = self._free(ending.at)
            lasting = free.lasting if free else ()
            last = min([ending.at, *[since for since in lasting if since > legs[0].since_at]])
            legs = [leg for leg in legs if leg.since_at <= last]
        resting = self._rests(legs, rule)
        end = ending.at if ending else None
        rest = resting.until(end) if resting else NO_REST
        gapless_from = start if rule.clock.counts_from_its_start else None
        started_at = gapless_from or legs[0].since_at
        pauses = resting.following(rest, end, started_at) if resting else []
        promises = self._promises(legs, rest.since_at, pauses, gapless_from)
        return self._judge(promises, rest, ending)

    def _promised(self, start: datetime, end: datetime | None) -> list[_Leg]:
        """The legs that reach into `[start, end)`, from the first one on that has a goal.

        The first begins at the start. What changes at the very instant of the end comes after it.
        """
        legs = self.legs
        first = bisect_right(legs, start, key=_SINCE) - 1
        last = len(legs) if end is None else bisect_left(legs, end, first + 1, key=_SINCE)
        first = max(first, 0)
        while first < last and not legs[first].goal:
            first += 1
        found = legs[first:last]
        if found and found[0].since_at < start:
            found[0] = found[0].from_(start)
        return found

    def _free(self, at: datetime) -> Resting | None:
        """When nothing was owed, by the contract at an instant; None: never."""
        if self.is_alike:
            return self.rules[0].free
        number = bisect_right(self.legs, at, key=_SINCE) - 1
        clock = self.legs[number].clock if number >= 0 else None
        return self.common.while_(clock.frees if clock else _RESOLVED_ONLY)

    def _judge(self, promises: tuple[Promise, ...], rest: Rest, ending: Ending | None) -> Cycle:
        last = promises[-1]
        end = ending.at if ending else self.now
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
        duties = last.coverage.duties(self.metric)
        return Cycle(
            self.metric,
            len(self.found) + 1,
            promises[0].since_at,
            ending,
            state,
            due_at,
            end,
            promises,
            rest,
            # What was not done when the time was up is not made good by doing it later.
            _undone(duties, min(end, last.due_at), self.history) if duties else (),
        )

    def _promises(
        self,
        legs: Sequence[_Leg],
        resting_since: datetime | None,
        pauses: Sequence[Interval],
        gapless_from: datetime | None,
    ) -> tuple[Promise, ...]:
        kept = Kept(pauses)
        used, counted_to = NOTHING, gapless_from
        started_at = gapless_from or legs[0].since_at
        for leg, until in _until(legs):
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

    def _given_up(self, legs: Sequence[_Leg]) -> Ending | None:
        """The clock stops unmet when the issue is deleted, closed, or nothing is owed any more."""
        endings = []
        if self.timeline.deleted_at:
            endings.append(GivenUp(self.timeline.deleted_at, "the issue was deleted"))
        promised = max(number for number, leg in enumerate(legs) if leg.goal)
        endings += [
            GivenUp(leg.since_at, leg.coverage.why_not(self.metric))
            for leg in legs[promised + 1 : promised + 2]
        ]
        for condition, reason in _ends(legs[promised].clock):
            holding = while_holding(self.timeline, condition)
            if holding and holding[-1][1] is None:
                endings.append(GivenUp(holding[-1][0], reason))
        return min(endings, key=_AT, default=None)

    def _rests(self, legs: Sequence[_Leg], rule: _Rule) -> Resting | None:
        """Pauses by the metric's conditions and duties, and the time in which nothing was owed."""
        resting = rule.resting if self.is_alike else self._by_conditions(legs)
        if not self.may_wait:
            return resting
        waiting: Spans = []
        for leg, until in _until(legs):
            if leg.coverage.may_wait:
                waiting += self._waiting(leg, until)
        if not waiting:
            return resting
        return Resting([*waiting, *(resting.spans if resting else ())])

    def _by_conditions(self, legs: Sequence[_Leg]) -> Resting | None:
        """The pauses by the conditions of all these legs' clocks."""
        conditions = [each for leg in legs if leg.clock for each in leg.clock.rests]
        return self.common.while_(without_repetition(conditions))

    def _waiting(
        self, leg: _Leg, until: datetime | None
    ) -> Iterator[tuple[datetime, datetime | None]]:
        """Pauses while the customer owes a duty, or information that the contract waits for."""
        for duty in leg.coverage.duties(self.metric):
            done_at = done(duty, self.history)
            if duty.effect == "pauses" and (done_at is None or done_at > leg.since_at):
                ends = [each for each in (done_at, until) if each]
                yield leg.since_at, min(ends, default=None)
        contract = leg.coverage.contract
        checklist = contract.checklist if contract else None
        if checklist and self.metric in checklist.pauses:
            yield from while_missing(checklist, self.timeline)


def done(duty: Duty, history: History) -> datetime | None:
    """When a duty was done; None while it is not."""
    return min((moment.at for act in duty.done for moment in history.moments(act)), default=None)


def _undone(duties: Sequence[Duty], end: datetime, history: History) -> tuple[Duty, ...]:
    """The duties on which the promise depends and that nobody did by an instant."""
    conditions = [duty for duty in duties if duty.effect == "conditional"]
    done_at = [done(duty, history) for duty in conditions]
    return tuple(
        duty for duty, at in zip(conditions, done_at, strict=True) if at is None or at > end
    )


def while_missing(checklist: Checklist, timeline: Timeline) -> Spans:
    """The spans of an issue's life in which some information was missing."""
    known = timeline.held.get(id(checklist))
    if known is None or known[0] is not checklist:
        names = {"summary", "description"}.union(*(item.fields for item in checklist.items))

        def missing(at: datetime) -> bool:
            return any(not given(item, timeline, at) for item in checklist.items)

        known = timeline.held[id(checklist)] = (checklist, while_true(timeline, names, missing))
    return known[1]


def _any_of(acts: Sequence[Act], history: History) -> list[Moment]:
    """When any of some acts happened, oldest first."""
    if len(acts) == 1:
        return history.moments(acts[0])
    return sorted([each for act in acts for each in history.moments(act)], key=_AT)


def _between(moments: Sequence[Moment], from_at: datetime, until_at: datetime) -> Sequence[Moment]:
    """Those in `[from_at, until_at)`."""
    low = bisect_left(moments, from_at, key=_AT)
    high = len(moments) if until_at is NEVER else bisect_left(moments, until_at, low, key=_AT)
    return moments[low:high] if low or high < len(moments) else moments


_RESOLVED_ONLY = (RESOLVED,)
_SINCE, _MAY_WAIT = attrgetter("since_at"), attrgetter("coverage.may_wait")


def _until(legs: Sequence[_Leg]) -> Iterable[tuple[_Leg, datetime | None]]:
    """Each leg with the beginning of the one after it, if there is one."""
    if len(legs) == 1:
        return ((legs[0], None),)
    return zip_longest(legs, [leg.since_at for leg in legs[1:]])


def _goes_on(rule: _Rule, leg: _Leg, clock: Clock) -> bool:
    return rule.until_at == leg.since_at and (rule.clock is clock or rule.clock == clock)


def _ends(clock: Clock | None) -> Iterator[tuple[Condition, str]]:
    """Under which conditions nothing is owed any more, in words."""
    for condition in clock.frees if clock else _RESOLVED_ONLY:
        resolved = condition is RESOLVED
        reason = "the issue was resolved unanswered"
        yield condition, reason if resolved else f"nothing more was owed: {condition}"


def _started_at(timeline: Timeline, policy: Policy, created_at: datetime) -> datetime:
    """When the clock may start: creation, or the "reported at" field where it is earlier."""
    if policy.reported_at_field is None:
        return created_at
    values = timeline.values(policy.reported_at_field)
    reported = _instant(values[-1][1]) if values else None
    # An instant that no calendar reaches was mistyped.
    plausible = reported is not None and reported >= _EARLIEST
    return min(created_at, reported) if reported and plausible else created_at


def _instant(value: FieldValue) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
