"""Runs of a metric's clock over an issue's history: started, paused, stopped, due, state.

The clock walks over the spans in which one promise held. Used time stays used when severity,
tier, contract or project changes; the goal is picked anew, and every promise stays on record.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain, dropwhile, zip_longest
from operator import attrgetter, itemgetter
from typing import Literal

import msgspec

from sla.acts import History, Moment, given
from sla.calendar import Calendar
from sla.condition import RESOLVED, Condition, while_holding, while_true, without_repetition
from sla.contract import Act, BusinessDays, Checklist, Clock, Duty, Goal
from sla.interval import merged
from sla.mapping import Coverage, Policy, Terms
from sla.timeline import FieldValue, Spans, Timeline

State = Literal["running", "paused", "met", "breached", "cancelled"]
Interval = tuple[datetime, datetime]
_NOTHING = timedelta(0)
_TICK = timedelta(microseconds=1)
_NEVER = datetime.max.replace(tzinfo=UTC)
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_AT = attrgetter("at")


# Structs and not dataclasses: see `sla.timeline.Version`.
class Span(msgspec.Struct, frozen=True, gc=False):
    """From `since_at` on, until the next span, the issue had this coverage."""

    since_at: datetime
    coverage: Coverage


class Promise(msgspec.Struct, frozen=True, gc=False):
    """What was promised from an instant on, and why; the first is what the customer was told."""

    since_at: datetime
    coverage: Coverage
    goal: Goal
    used_before: timedelta
    """Open time that was used up when this promise began to hold."""
    goal_time: timedelta
    """The whole goal as open time of its calendar, the time used before included."""
    due_at: datetime

    def when_used(self, amount: timedelta, pauses: Sequence[Interval]) -> datetime:
        """The instant at which `amount` of open time, counted from the clock's start, is used."""
        left = amount - self.used_before
        return due_around(self.goal.calendar, self.since_at, left, pauses)


class Ending(msgspec.Struct, frozen=True, gc=False):
    """The clock stopped for good at this instant."""

    at: datetime
    met_the_metric: bool
    reason: str
    by: str | None = None
    """Whose act stopped it: Jira's id of the account; None where that is not known."""


class Rest(msgspec.Struct, frozen=True, gc=False):
    """When the clock rested: the pauses that are over, and since when it rests now, if it does."""

    over: tuple[Interval, ...] = ()
    since_at: datetime | None = None

    def until(self, at: datetime) -> tuple[Interval, ...]:
        """Every pause as a definite interval, judged at an instant after which nothing counts."""
        known = tuple((start, min(end, at)) for start, end in self.over if start < at)
        lasting = self.since_at is not None and self.since_at < at
        return (*known, (self.since_at, at)) if lasting and self.since_at else known


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
    return tuple(_Run(metric, spans, history, now).cycles())


def run_all(spans: Sequence[Span], history: History, now: datetime) -> tuple[Cycle, ...]:
    """The same for every metric that was ever promised, in the order of the contract."""
    found: list[Cycle] = []
    if _is_quiet(spans, history.timeline):
        for terms in spans[0].coverage.all_terms:
            found += _quiet(terms, spans, history, now)
        return tuple(found)
    for name in dict.fromkeys([each.name for span in spans for each in span.coverage.metrics]):
        found += _Run(name, spans, history, now).cycles()
    return tuple(found)


# --- many cycles at once --------------------------------------------------------------------------


class _Stretch(msgspec.Struct, frozen=True, gc=False):
    """Time in which nothing moves a clock but its starts and stops."""

    until_at: datetime
    coverage: Coverage
    terms: Terms
    rest: Rest
    """The pauses before it."""
    history: History
    now: datetime

    def cycles(
        self, starts: Sequence[Moment], stops: Sequence[Moment], number: int = 1
    ) -> list[Cycle]:
        """The cycles that lie within it, by starts and stops alone.

        Nine of ten cycles lie within one span, stop by one kind of act, and nothing rests or frees
        their clock meanwhile. One walk over the starts and the stops finds all of these, and what
        `_stop`, `_cycle` and `_start` work out for each comes to this: 60 us and not 222 for a fold
        to 21 cycles.

        Args:
            starts: those of the clock, from the first one's on.
            stops: what stops the clock, likewise.
            number: the first one's.
        """
        terms, coverage, rest, until_at = self.terms, self.coverage, self.rest, self.until_at
        metric, clock, goal, duties = terms.metric, terms.clock, terms.goal, terms.duties
        goal_time, due = goal.plain_time, goal.calendar.due
        repeats, begun_by_stops = clock.repeats, clock.stopped_by_its_start
        is_limited = until_at is not _NEVER
        upcoming = iter(stops)
        stop = next(upcoming, None)
        began, end = None, starts[0].at
        found: list[Cycle] = []
        state: State
        for each in starts:
            at = each.at
            # What would start the clock while it runs starts nothing, nor does its very stop.
            if at < end or at == began:
                continue
            while stop is not None and (stop.at < at or (begun_by_stops and stop.at == at)):
                stop = next(upcoming, None)
            if is_limited and (stop is None or stop.at >= until_at):
                break
            if goal_time:
                due_at = due(at, goal_time)
                promise = Promise(at, coverage, goal, _NOTHING, goal_time, due_at)
            else:
                promise = _promise(at, coverage, goal, _NOTHING, at, _Kept())
                due_at = promise.due_at
            if stop is not None:
                end = stop.at
                ending = Ending(end, True, stop.reason, stop.by)
                state = "met" if end <= due_at else "breached"
            else:
                end, ending = self.now, None
                state = "breached" if due_at <= end else "running"
            undone = _undone(duties, min(end, due_at), self.history) if duties else ()
            found.append(
                Cycle(metric, number, at, ending, state, due_at, end, (promise,), rest, undone)
            )
            if stop is None or not repeats:
                break
            began, number = at, number + 1
        return found


def _is_quiet(spans: Sequence[Span], timeline: Timeline) -> bool:
    """Whether nothing ever interferes with an issue's clocks: one coverage, and no clock rests.

    Of most issues that is so. To find it out first saves working out what only others need.
    """
    if len(spans) > 1 or timeline.deleted_at is not None:
        return False
    return not any(while_holding(timeline, each) for each in spans[0].coverage.rests)


def _quiet(terms: Terms, spans: Sequence[Span], history: History, now: datetime) -> Sequence[Cycle]:
    """The cycles of a clock with which nothing ever interferes."""
    if terms.may_go_straight:
        clock, span = terms.clock, spans[0]
        starts = _any_of(clock.started_by, history)
        if not starts:
            return ()
        # In its own zone an instant can be later than the last one of UTC: it has no due.
        if span.since_at <= starts[0].at < _NEVER:
            stretch = _Stretch(_NEVER, span.coverage, terms, _NO_REST, history, now)
            return stretch.cycles(starts, _only_stops(clock, history))
    return _Run(terms.metric, spans, history, now).cycles()


class _Rule:
    """Between two instants the metric's clock ran by this rule."""

    __slots__ = ("_history", "_stops", "clock", "since_at", "starts", "until_at")

    def __init__(
        self, since_at: datetime, until_at: datetime | None, clock: Clock, history: History
    ) -> None:
        self.since_at, self.until_at, self.clock = since_at, until_at, clock
        self.starts = _any_of(clock.started_by, history)
        self._history = history
        self._stops: list[list[_Stop]] | None = None

    @property
    def stops(self) -> list[list[_Stop]]:
        """The acts of each way to stop, looked for once something started."""
        if self._stops is None:
            self._stops = [
                [_Stop(act, self.clock, self._history) for act in acts] for acts in self.clock.stops
            ]
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

    def first_stop(self, start: datetime) -> Ending | None:
        """The first instant since a start at which all acts of one of the ways had happened."""
        first: Ending | None = None
        for stops in self.stops:
            moments = [moment for stop in stops if (moment := stop.since(start))]
            if len(moments) == len(stops):
                at = max([moment.at for moment in moments])
                if first is None or at < first.at:
                    reason = " and ".join([moment.reason for moment in moments])
                    by = next(moment.by for moment in moments if moment.at == at)
                    first = Ending(at, True, reason, by)
        return first


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


def _only_stops(clock: Clock, history: History) -> Sequence[Moment]:
    """The moments that alone stop a clock that stops by one kind of act."""
    act = clock.only_stop
    if act is None:
        return ()
    return history.moments(act) if act.kind != "resolved" else _stops(act, clock, history)


def _stops(act: Act, clock: Clock, history: History) -> Sequence[Moment]:
    """When an act happened that stops a clock."""
    moments = history.moments(act)
    if act.kind != "resolved" or clock.repeats:
        return moments
    # What was opened again was not resolved after all.
    resolved = while_holding(history.timeline, RESOLVED)
    return moments[-1:] if resolved and resolved[-1][1] is None else ()


class _Resting:
    """When some conditions rest a clock or free it, over an issue's whole life."""

    __slots__ = ("_rested", "joined", "lasting", "lasts_from", "over")

    def __init__(self, spans: Spans) -> None:
        self.over = sorted([(start, until) for start, until in spans if until is not None])
        self.lasting = [start for start, until in spans if until is None]
        self.lasts_from = min(self.lasting, default=_NEVER)
        """Since when some of it has no end."""
        self.joined = merged(self.over)
        self._rested = _NO_REST

    def next_at(self, at: datetime) -> datetime:
        """Since when the clock rests that rests first from an instant on, or rests by then."""
        index = bisect_right(self.joined, at, key=_TO)
        if index == len(self.joined):
            return self.lasts_from
        return min(self.joined[index][0], self.lasts_from)

    def owed_from(self, at: datetime) -> datetime:
        """An instant, or the end of the rest in which it lies if that has an end."""
        index = bisect_right(self.joined, at, key=_TO)
        rests = index < len(self.joined) and self.joined[index][0] <= at
        return self.joined[index][1] if rests else at

    def before(self, at: datetime) -> Rest:
        """The pauses before an instant at which the clock does not rest."""
        index = bisect_left(self.over, at, key=_FROM)
        if index != len(self._rested.over):
            # Kept: all cycles between one pause and the next have the same ones behind them.
            self._rested = Rest(tuple(self.over[:index]))
        return self._rested

    @property
    def spans(self) -> Spans:
        """All of it."""
        return [*self.over, *((start, None) for start in self.lasting)]

    def following(self, rest: Rest, ending: Ending | None, at: datetime) -> list[Interval]:
        """The pauses of a cycle that ended so and that are not over by an instant, joined."""
        if self.lasting:
            first = bisect_left(rest.over, self.next_at(at), key=_FROM)
            return _joined(rest.over[first:], at)
        index = bisect_right(self.joined, at, key=_TO)
        if ending is None:
            return self.joined[index:]
        end = ending.at
        found = self.joined[index : bisect_left(self.joined, end, key=_FROM)]
        if found and found[-1][1] > end:
            found[-1] = (found[-1][0], end)
        return found

    def until(self, ending: Ending | None) -> Rest:
        """The pauses of a cycle that ended so; after its end nothing rests."""
        over, lasting = self.over, self.lasting
        if ending is None:
            return Rest(tuple(over), self.lasts_from if lasting else None)
        # What lasted counts up to the end. Only a pause that reaches beyond the end is cut off
        # there: to look at every pause for every cycle is quadratic.
        end = ending.at
        known = over[: bisect_left(over, end, key=_FROM)]
        index = bisect_right(self.joined, end, key=_TO)
        if index < len(self.joined) and self.joined[index][0] < end:
            first = bisect_left(known, self.joined[index][0], key=_FROM)
            known[first:] = [(start, min(until, end)) for start, until in known[first:]]
        elif not lasting:
            return Rest(tuple(known))
        known += [(start, end) for start in lasting if start < end]
        return Rest(tuple(sorted(known)))


class _Run:
    """One metric over one issue."""

    __slots__ = (
        "_rested",
        "found",
        "history",
        "metric",
        "now",
        "rules",
        "spans",
        "timeline",
    )

    def __init__(self, metric: str, spans: Sequence[Span], history: History, now: datetime) -> None:
        self.metric, self.spans, self.history, self.now = metric, spans, history, now
        self.timeline = history.timeline
        self.found: list[Cycle] = []

    def cycles(self) -> list[Cycle]:
        self.rules = self._rules()
        self._rested: dict[int | frozenset[int], _Resting | None] = {}
        following = self._start(None)
        while following is not None:
            start, rule = following
            stretch = self._stretch(start, rule)
            together = self._together(start, rule, stretch) if stretch else []
            if together:
                self.found += together
                last = together[-1]
                stopped_at = last.ending.at if last.ending else None
                following = self._after(last.started_at, stopped_at, rule)
            else:
                following = self._singly(start, rule)
        return self.found

    def _together(self, start: datetime, rule: _Rule, stretch: _Stretch) -> list[Cycle]:
        """The cycles of a stretch from a start on; none where not even the first lies within."""
        stops = _only_stops(stretch.terms.clock, self.history)
        starts, stops = (_between(each, start, stretch.until_at) for each in (rule.starts, stops))
        return stretch.cycles(starts, stops, len(self.found) + 1)

    def _after(
        self, start: datetime, stopped_at: datetime | None, rule: _Rule
    ) -> tuple[datetime, _Rule] | None:
        """The start of the cycle after one that lasted from a start to a stop."""
        if stopped_at is None or not rule.clock.repeats:
            return None
        return self._start(stopped_at, past=stopped_at == start)

    def _singly(self, start: datetime, rule: _Rule) -> tuple[datetime, _Rule] | None:
        """Find the one cycle from a start on, whatever comes between; the start after it."""
        stop = self._stop(start)
        cycle = self._cycle(start, stop, rule)
        if cycle:
            self.found.append(cycle)
        if rule.clock.grid:
            return self._next_on_grid(start, cycle, rule)
        return self._after(start, stop.at if stop else None, rule)

    def _stretch(self, start: datetime, rule: _Rule) -> _Stretch | None:
        """The time from a start on in which nothing interferes; None where something does then."""
        spans, following = self.spans, None
        index = len(spans) - 1
        if index:
            index = bisect_right(spans, start, key=_SINCE) - 1
            following = spans[index + 1] if index + 1 < len(spans) else None
        span = spans[index]
        terms = span.coverage.terms(self.metric)
        if terms is None or not terms.may_go_straight or start < max(span.since_at, rule.since_at):
            return None
        until_at = following.since_at if following else _NEVER
        if self.timeline.deleted_at:
            until_at = min(until_at, self.timeline.deleted_at)
        rest, resting = _NO_REST, self._while(terms.clock.rests)
        if resting:
            until_at = min(until_at, resting.next_at(start))
            rest = resting.before(start)
        if start >= until_at:
            return None
        return _Stretch(until_at, span.coverage, terms, rest, self.history, self.now)

    def _next_on_grid(
        self, start: datetime, cycle: Cycle | None, rule: _Rule
    ) -> tuple[datetime, _Rule] | None:
        """The next slot begins where this one is used up, replied or not, once that has come."""
        if cycle is None or (cycle.ending and not cycle.ending.met_the_metric):
            # Nothing is owed from here on: the next slot is for when something is again.
            after = cycle.ending.at if cycle and cycle.ending else start
            later = [s.since_at for s in self.spans if s.since_at > after and self._goal(s)]
            following = min(later, default=start)
        elif cycle.state == "paused":
            return None
        else:
            following = cycle.promise.due_at
        return (following, rule) if start < following <= self.now else None

    def _rules(self) -> list[_Rule]:
        """How the clock ran from when on; neighbours differ."""
        if len(self.spans) == 1:
            metric = self.spans[0].coverage.metric(self.metric)
            since_at = self.spans[0].since_at
            return [_Rule(since_at, None, metric.clock, self.history)] if metric else []
        rules: list[_Rule] = []
        for span, until_at in _until(self.spans):
            metric = span.coverage.metric(self.metric)
            if metric and rules and _goes_on(rules[-1], span, metric.clock):
                rules[-1].until_at = until_at
            elif metric:
                rules.append(_Rule(span.since_at, until_at, metric.clock, self.history))
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
                ending = Ending(rule.since_at, ending.met_the_metric, ending.reason, ending.by)
            if rule.until_at is None or ending.at < rule.until_at:
                return ending
        return None

    # --- one cycle --------------------------------------------------------------------------------

    def _cycle(self, start: datetime, stop: Ending | None, rule: _Rule) -> Cycle | None:
        """The run from a start to a stop; None where nothing was owed for it."""
        owed_from = self._owed_from(start)
        if owed_from is None or (stop and stop.at < owed_from):
            return None
        if stop and rule.clock.repeats and self._free_for_good(stop.at):
            stop = None
        spans = self._promised(_within(self.spans, start, stop.at if stop else None))
        if not spans:
            return None
        ending = stop if stop and self._goal(spans[-1]) else self._given_up(spans)
        if ending and ending.at < spans[0].since_at:
            return None
        if ending and len(spans) > 1:
            # Once nothing is owed for good, no promise is made any more.
            free = self._free(ending.at)
            lasting = free.lasting if free else ()
            last = min([ending.at, *(since for since in lasting if since > spans[0].since_at)])
            spans = [span for span in spans if span.since_at <= last]
        resting = self._rests(spans)
        rest = resting.until(ending) if resting else _NO_REST
        gapless_from = start if rule.clock.counts_from_its_start else None
        started_at = gapless_from or spans[0].since_at
        pauses = resting.following(rest, ending, started_at) if resting else []
        promises = self._promises(spans, rest.since_at, pauses, gapless_from)
        return self._judge(promises, rest, ending)

    def _promised(self, spans: list[Span]) -> list[Span]:
        """From the first span on for which there is a goal."""
        if spans and self._goal(spans[0]):
            return spans
        return list(dropwhile(lambda span: self._goal(span) is None, spans))

    def _owed_from(self, start: datetime) -> datetime | None:
        """From when on something is owed for a start: none is while the issue is resolved."""
        if start == self.spans[0].since_at:
            # What the report itself starts is on record, even if it was closed at once.
            return start
        free = self._free(start)
        if free is None:
            return start
        start = free.owed_from(start)
        return None if free.lasts_from <= start else start

    def _free_for_good(self, at: datetime) -> bool:
        """Whether nothing was owed by an instant, and never was again."""
        free = self._free(at)
        return free is not None and free.lasts_from < at

    def _free(self, at: datetime) -> _Resting | None:
        """When nothing was owed, by the contract at an instant; None: never.

        Kept, since every cycle asks for it a few times.
        """
        number = bisect_right(self.spans, at, key=_SINCE) - 1
        metric = self.spans[number].coverage.metric(self.metric) if number >= 0 else None
        return self._while(metric.clock.frees if metric else _RESOLVED_ONLY)

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
        spans: Sequence[Span],
        resting_since: datetime | None,
        pauses: Sequence[Interval],
        gapless_from: datetime | None,
    ) -> tuple[Promise, ...]:
        kept = _Kept(pauses)
        used, counted_to = _NOTHING, gapless_from
        started_at = gapless_from or spans[0].since_at
        for span, until in _until(spans):
            goal = self._goal(span)
            if goal is None:
                continue
            if counted_to and counted_to != span.since_at:
                # Time in which nothing was promised counts too.
                used += _elapsed(goal.calendar, counted_to, span.since_at, pauses, resting_since)
            kept.promises.append(
                _promise(span.since_at, span.coverage, goal, used, started_at, kept)
            )
            if until:
                counted_to = until if gapless_from else None
                used += _elapsed(goal.calendar, span.since_at, until, pauses, resting_since)
        return tuple(kept.promises)

    def _goal(self, span: Span) -> Goal | None:
        return span.coverage.goal(self.metric)

    def _given_up(self, spans: Sequence[Span]) -> Ending | None:
        """The clock stops unmet when the issue is deleted, closed, or nothing is owed any more."""
        endings = []
        if self.timeline.deleted_at:
            endings.append(Ending(self.timeline.deleted_at, False, "the issue was deleted"))
        promised = max(number for number, span in enumerate(spans) if self._goal(span))
        last = spans[promised]
        for span in spans[promised + 1 : promised + 2]:
            reason = span.coverage.why_not(self.metric)
            endings.append(Ending(span.since_at, False, reason))
        for condition, reason in self._ends(last.coverage):
            holding = while_holding(self.timeline, condition)
            if holding and holding[-1][1] is None:
                endings.append(Ending(holding[-1][0], False, reason))
        return min(endings, key=lambda ending: ending.at, default=None)

    def _ends(self, coverage: Coverage) -> Iterator[tuple[Condition, str]]:
        metric = coverage.metric(self.metric)
        for condition in metric.clock.frees if metric else (RESOLVED,):
            resolved = condition is RESOLVED
            reason = "the issue was resolved unanswered"
            yield condition, reason if resolved else f"nothing more was owed: {condition}"

    def _rests(self, spans: Sequence[Span]) -> _Resting | None:
        """Pauses by the metric's conditions and duties, and the time in which nothing was owed."""
        resting = self._by_conditions(spans)
        waiting: Spans = []
        for span, until in _until(spans):
            if span.coverage.may_wait:
                waiting += self._waiting(span, until)
        if not waiting:
            return resting
        return _Resting([*waiting, *(resting.spans if resting else ())])

    def _by_conditions(self, spans: Sequence[Span]) -> _Resting | None:
        """The pauses by the conditions of all these spans' clocks."""
        rests = {id(each): each for each in map(self._pausing, spans)}
        if len(rests) == 1:  # as in most cycles, and in those whose severity alone changes
            return self._while(*rests.values())
        key = frozenset(rests)
        if key not in self._rested:
            each_once = without_repetition(chain.from_iterable(rests.values()))
            self._rested[key] = self._resting(each_once)
        return self._rested[key]

    def _pausing(self, span: Span) -> Sequence[Condition]:
        metric = span.coverage.metric(self.metric)
        return metric.clock.rests if metric else ()

    def _while(self, conditions: Sequence[Condition]) -> _Resting | None:
        """When one of a clock's conditions held; None: never. Kept, since every cycle asks."""
        key = id(conditions)
        if key not in self._rested:
            self._rested[key] = self._resting(conditions)
        return self._rested[key]

    def _resting(self, conditions: Iterable[Condition]) -> _Resting | None:
        spans: Spans = []
        for condition in conditions:
            spans += while_holding(self.timeline, condition)
        return _Resting(spans) if spans else None

    def _waiting(
        self, span: Span, until: datetime | None
    ) -> Iterator[tuple[datetime, datetime | None]]:
        """Pauses while the customer owes a duty, or information that the contract waits for."""
        for duty in span.coverage.duties(self.metric):
            done_at = done(duty, self.history)
            if duty.effect == "pauses" and (done_at is None or done_at > span.since_at):
                ends = [each for each in (done_at, until) if each]
                yield span.since_at, min(ends, default=None)
        contract = span.coverage.contract
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
    high = len(moments) if until_at is _NEVER else bisect_left(moments, until_at, low, key=_AT)
    return moments[low:high] if low or high < len(moments) else moments


_NO_REST = Rest()
_RESOLVED_ONLY = (RESOLVED,)
_SINCE, _FROM, _TO = attrgetter("since_at"), itemgetter(0), itemgetter(1)
_PAUSES = 8
"""So many are tried first: few deadlines are beyond more of them."""


def _until(spans: Sequence[Span]) -> Iterable[tuple[Span, datetime | None]]:
    """Each span with the beginning of the one after it, if there is one."""
    if len(spans) == 1:
        return ((spans[0], None),)
    return zip_longest(spans, [span.since_at for span in spans[1:]])


def _within(spans: Sequence[Span], start: datetime, end: datetime | None) -> list[Span]:
    """The spans that reach into `[start, end)`, the first one from the start on.

    What changes at the very instant of the end comes after it.
    """
    first = bisect_right(spans, start, key=_SINCE) - 1
    last = len(spans) if end is None else bisect_left(spans, end, first + 1, key=_SINCE)
    found = list(spans[max(first, 0) : last])
    if found and found[0].since_at < start:
        found[0] = Span(start, found[0].coverage)
    return found


def _goes_on(rule: _Rule, span: Span, clock: Clock) -> bool:
    return rule.until_at == span.since_at and rule.clock == clock


def _started_at(timeline: Timeline, policy: Policy, created_at: datetime) -> datetime:
    """When the clock may start: creation, or the "reported at" field where it is earlier."""
    if policy.reported_at_field is None:
        return created_at
    values = timeline.values(policy.reported_at_field)
    reported = _instant(values[-1][1]) if values else None
    # An instant that no calendar reaches was mistyped.
    plausible = reported is not None and reported >= _EARLIEST
    return min(created_at, reported) if reported and plausible else created_at


class _Kept:
    """The promises of one cycle so far, and the pauses after its start."""

    __slots__ = ("_used", "pauses", "promises")

    def __init__(self, pauses: Sequence[Interval] = ()) -> None:
        self.pauses = pauses
        self.promises: list[Promise] = []
        self._used: list[timedelta] = []
        """The most that was used by the end of each, once somebody asked."""

    def used_up_at(self, goal_time: timedelta, picked_at: datetime) -> datetime | None:
        """When a goal was used up that is used up as it is picked: on the hours of those before it.

        None where no earlier promise held while its time was used. What each promise used is
        counted once: to ask all of them again for each goal that is picked was quadratic, 102 us
        an event at 2,000 events with a change of severity in each ten.
        """
        promises, used = self.promises, self._used
        for number in range(len(used), len(promises)):
            promise = promises[number]
            end = promises[number + 1].since_at if number + 1 < len(promises) else picked_at
            hours = promise.goal.calendar
            by_end = _elapsed(hours, promise.since_at, end, self.pauses, None)
            used.append(max([promise.used_before + by_end, *used[-1:]]))
        number = bisect_left(used, goal_time)
        if number == len(used) or promises[number].used_before >= goal_time:
            return None
        promise = promises[number]
        left = goal_time - promise.used_before
        return _due(promise.goal.calendar, promise.since_at, left, self.pauses)


def _promise(
    since_at: datetime,
    coverage: Coverage,
    goal: Goal,
    used: timedelta,
    started_at: datetime,
    earlier: _Kept,
) -> Promise:
    calendar, target, pauses = goal.calendar, goal.target, earlier.pauses
    if isinstance(target, BusinessDays) and target.reading != "open_hours":
        # These readings name a day, not an amount: they count from the clock's own start.
        ask = partial(calendar.business_days, started_at, target.days, target.reading)
        due_at = _without(pauses, started_at, ask)
        goal_time = used + _elapsed(calendar, since_at, due_at, pauses, None)
        return Promise(since_at, coverage, goal, used, goal_time, due_at)
    goal_time = goal.open_time
    if goal_time > used:
        due_at = _due(calendar, since_at, goal_time - used, pauses)
    elif used_up_at := earlier.used_up_at(goal_time, since_at):
        due_at = used_up_at
    else:
        # What was used was counted on this goal's own hours, from the clock's start on.
        before = _due(calendar, since_at, goal_time - used - _TICK, pauses) + _TICK
        due_at = max(before, started_at)
    return Promise(since_at, coverage, goal, used, goal_time, due_at)


# An issue may rest hundreds of times, and a calendar goes through all the pauses that it is given.
# Those that cannot matter are left out: all pauses for each promise of each cycle made a fold
# quadratic, 48 us an event at 6,000 events and 9 at 333.


def due_around(
    calendar: Calendar, start: datetime, amount: timedelta, pauses: Sequence[Interval]
) -> datetime:
    """When an amount of open time is used up from a start on, whatever pauses there are."""
    if not pauses:  # as of most issues
        return calendar.due(start, amount)
    return _due(
        calendar, start, amount, _joined(pauses, start) if amount > _NOTHING else merged(pauses)
    )


def _joined(pauses: Sequence[Interval], start: datetime) -> list[Interval]:
    """The pauses that are not over by an instant, in order, none of which meets another."""
    return merged([each for each in pauses if each[1] > start]) if pauses else []


def _elapsed(
    calendar: Calendar,
    start: datetime,
    end: datetime,
    joined: Sequence[Interval],
    resting_since: datetime | None,
) -> timedelta:
    """Open time between two instants, without the pauses and the rest that lasts since then."""
    first, last = min(start, end), max(start, end)
    pauses = joined[bisect_right(joined, first, key=_TO) : bisect_left(joined, last, key=_FROM)]
    if resting_since is not None and resting_since < end:
        pauses = [*pauses, (resting_since, end)]
    return calendar.elapsed(start, end, pauses)


def _due(
    calendar: Calendar, start: datetime, amount: timedelta, joined: Sequence[Interval]
) -> datetime:
    """When an amount of open time is used up, without the pauses."""
    if amount < _NOTHING:
        return _due_before(calendar, start, amount, joined)
    if not amount:
        return calendar.due(start, amount, joined)
    return _without(joined, start, partial(calendar.due, start, amount))


def _due_before(
    calendar: Calendar, start: datetime, amount: timedelta, joined: Sequence[Interval]
) -> datetime:
    """The same backwards, of a negative amount."""
    last, many = bisect_right(joined, start, key=_FROM), _PAUSES
    while True:
        first = max(last - many, 0)
        at = calendar.due(start, amount, joined[first:last])
        if first == 0 or at > joined[first - 1][1]:
            return at
        many *= 4


def _without(
    joined: Sequence[Interval], start: datetime, ask: Callable[[Sequence[Interval]], datetime]
) -> datetime:
    """What a calendar says about the time from a start on; later pauses are left out."""
    first, many = bisect_right(joined, start, key=_TO), _PAUSES
    while True:
        at = ask(joined[first : first + many])
        if first + many >= len(joined) or at <= joined[first + many][0]:
            return at
        many *= 4


def _instant(value: FieldValue) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
