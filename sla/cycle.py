"""Runs of a metric's clock over an issue's history: started, paused, stopped, due, state.

The clock walks over the spans in which one promise held. Used time stays used when severity,
tier, contract or project changes; the goal is picked anew, and every promise stays on record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, zip_longest
from typing import Literal

from sla.acts import History, Moment, given
from sla.condition import Condition, Spans, while_holding, while_true
from sla.contract import RESPONSE, Act, Checklist, Clock, Duty, Goal, OpenTime, in_words
from sla.mapping import Coverage, Policy, cover
from sla.timeline import FieldValue, Timeline

State = Literal["running", "paused", "met", "breached", "cancelled"]
Interval = tuple[datetime, datetime]
_NOTHING = timedelta(0)
_TICK = timedelta(microseconds=1)
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)
_RESOLVED = Condition(filled=("resolution",))


@dataclass(frozen=True, slots=True)
class Span:
    """From `since_at` on, until the next span, the issue had this coverage."""

    since_at: datetime
    coverage: Coverage


@dataclass(frozen=True, slots=True)
class Promise:
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
        return self.goal.calendar.due(self.since_at, amount - self.used_before, pauses)


@dataclass(frozen=True, slots=True)
class Ending:
    """The clock stopped for good at this instant."""

    at: datetime
    met_the_metric: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Rest:
    """When the clock rested: the pauses that are over, and since when it rests now, if it does."""

    over: tuple[Interval, ...] = ()
    since_at: datetime | None = None

    def until(self, at: datetime) -> tuple[Interval, ...]:
        """Every pause as a definite interval, judged at an instant after which nothing counts."""
        known = tuple((start, min(end, at)) for start, end in self.over if start < at)
        lasting = self.since_at is not None and self.since_at < at
        return (*known, (self.since_at, at)) if lasting and self.since_at else known


@dataclass(frozen=True, slots=True)
class Cycle:
    """One run of a metric as judged at an instant; instants are aware UTC."""

    metric: str
    number: int
    started_at: datetime
    ending: Ending | None
    state: State
    due_at: datetime | None
    """None while nothing can be due: paused or cancelled."""
    elapsed: timedelta
    """Open time used until the clock's end, or until the instant of judgement."""
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
        metric = self.promise.coverage.metric(self.metric)
        return metric.words if metric else in_words(self.metric)

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
    names = {"project", *policy.coverage_fields} & timeline.field_names
    changes = {since for name in names for since, _ in timeline.values(name) if since > created_at}
    shown = names | ({"issuetype", "priority"} & timeline.field_names)
    spans: list[Span] = []
    for at in [created_at, *sorted(changes)]:
        coverage = cover(policy, {name: timeline.value(name, at) for name in shown})
        if not spans or _promised(coverage) != _promised(spans[-1].coverage):
            since_at = at if spans else _started_at(timeline, policy, created_at)
            spans.append(Span(since_at, coverage))
    return spans


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
    return tuple(
        replace(cycle, number=number)
        for number, cycle in enumerate(_Run(metric, spans, history, now).cycles(), 1)
    )


@dataclass(frozen=True, slots=True)
class _Rule:
    """Between two instants the metric's clock ran by this rule."""

    since_at: datetime
    until_at: datetime | None
    clock: Clock


class _Run:
    """One metric over one issue."""

    def __init__(self, metric: str, spans: Sequence[Span], history: History, now: datetime) -> None:
        self.metric, self.spans, self.history, self.now = metric, spans, history, now
        self.timeline = history.timeline
        self.rules = self._rules()
        self._moments: dict[int, list[Moment]] = {}

    def cycles(self) -> Iterator[Cycle]:
        found = self._start(None)
        while found is not None:
            start, rule = found
            stop = self._stop(start)
            cycle = self._cycle(start, stop, rule)
            if cycle:
                yield cycle
            if rule.clock.grid:
                found = self._next_on_grid(start, cycle, rule)
            else:
                again = rule.clock.repeats and stop is not None
                found = self._start(stop.at, past=stop.at == start) if again and stop else None

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
        rules: list[_Rule] = []
        for span, following in zip_longest(self.spans, self.spans[1:]):
            metric = span.coverage.metric(self.metric)
            until_at = following.since_at if following else None
            if metric and rules and _goes_on(rules[-1], span, metric.clock):
                rules[-1] = replace(rules[-1], until_at=until_at)
            elif metric:
                rules.append(_Rule(span.since_at, until_at, metric.clock))
        return rules

    def _start(
        self, after: datetime | None, *, past: bool = False
    ) -> tuple[datetime, _Rule] | None:
        """The first start that is not before an instant, or, where asked for, that is past it."""
        for rule in self.rules:
            for moment in self._of(rule.clock.starts):
                if after is not None and (moment.at < after or (past and moment.at == after)):
                    continue
                if rule.until_at is None or moment.at < rule.until_at:
                    return moment.at, rule
        return None

    def _stop(self, start: datetime) -> Ending | None:
        """The first instant at which the rule then in force says that the metric is met."""
        before: _Rule | None = None
        for rule in self.rules:
            changed = before is not None and before.until_at == rule.since_at
            before = rule
            if rule.until_at is not None and rule.until_at <= start:
                continue
            found = [self._together(acts, start, rule.clock) for acts in rule.clock.stops]
            ending = min((each for each in found if each), key=lambda e: e.at, default=None)
            if ending is None:
                continue
            # By another rule it may have been enough before: then it is from the change on.
            at = max(ending.at, rule.since_at) if changed else ending.at
            if rule.until_at is None or at < rule.until_at:
                return replace(ending, at=at)
        return None

    def _together(self, acts: Sequence[Act], start: datetime, clock: Clock) -> Ending | None:
        """When all of these had happened since the start; None while one is missing."""
        firsts = [self._first_since(act, start, clock) for act in acts]
        moments = [moment for moment in firsts if moment]
        if len(moments) < len(acts):
            return None
        return Ending(
            max(moment.at for moment in moments),
            True,
            " and ".join(moment.reason for moment in moments),
        )

    def _first_since(self, act: Act, start: datetime, clock: Clock) -> Moment | None:
        moments = self._of((act,))
        if act.kind == "resolved" and not clock.repeats:
            # What was opened again was not resolved after all.
            lasting = while_holding(self.timeline, _RESOLVED)
            moments = moments if lasting and lasting[-1][1] is None else []
            moments = moments[-1:]
        elif act.kind == "fields":
            spans = while_holding(self.timeline, act.when)
            if any(since < start and (end is None or start < end) for since, end in spans):
                return Moment(start, str(act.when), "")
        if _stopped_by_its_start(clock):
            return next((each for each in moments if each.at > start), None)
        return next((each for each in moments if each.at >= start), None)

    def _of(self, acts: Sequence[Act]) -> list[Moment]:
        found: list[Moment] = []
        for act in acts:
            if id(act) not in self._moments:
                self._moments[id(act)] = self.history.moments(act)
            found += self._moments[id(act)]
        return sorted(found, key=lambda moment: moment.at)

    # --- one cycle --------------------------------------------------------------------------------

    def _cycle(self, start: datetime, stop: Ending | None, rule: _Rule) -> Cycle | None:
        """The run from a start to a stop; None where nothing was owed for it."""
        owed_from = self._owed_from(start)
        if owed_from is None or (stop and stop.at < owed_from):
            return None
        if stop and rule.clock.repeats and self._free_for_good(stop.at):
            stop = None
        within = _within(self.spans, start, stop.at if stop else None)
        spans = list(dropwhile(lambda span: self._goal(span) is None, within))
        if not spans:
            return None
        ending = stop if stop and self._goal(spans[-1]) else self._given_up(spans)
        if ending and ending.at < spans[0].since_at:
            return None
        if ending:
            # Once nothing is owed for good, no promise is made any more.
            free = [since for since, until in self._free(ending.at) if until is None]
            last = min([ending.at, *(since for since in free if since > spans[0].since_at)])
            spans = [span for span in spans if span.since_at <= last]
        rest = self._rest(spans, ending)
        gapless = _counts_from_its_start(rule.clock)
        promises = self._promises(spans, rest, start if gapless else None)
        return self._judge(promises, rest, ending)

    def _owed_from(self, start: datetime) -> datetime | None:
        """From when on something is owed for a start: none is while the issue is resolved."""
        if start == self.spans[0].since_at:
            # What the report itself starts is on record, even if it was closed at once.
            return start
        for since, until in sorted(self._free(start), key=lambda span: span[0]):
            if since <= start and (until is None or start < until):
                if until is None:
                    return None
                start = until
        return start

    def _free_for_good(self, at: datetime) -> bool:
        """Whether nothing was owed by an instant, and never was again."""
        return any(until is None and since < at for since, until in self._free(at))

    def _free(self, at: datetime) -> Spans:
        """When nothing was owed, by the contract at an instant."""
        covered = [span.coverage for span in self.spans if span.since_at <= at]
        metric = covered[-1].metric(self.metric) if covered else None
        conditions = _frees(metric.clock) if metric else (_RESOLVED,)
        return [span for each in conditions for span in while_holding(self.timeline, each)]

    def _judge(self, promises: tuple[Promise, ...], rest: Rest, ending: Ending | None) -> Cycle:
        due_at: datetime | None = promises[-1].due_at
        end = ending.at if ending else self.now
        held = rest.since_at is not None and rest.since_at < promises[-1].due_at
        state: State
        if ending and ending.met_the_metric:
            state = "met" if ending.at <= promises[-1].due_at else "breached"
        elif not held and promises[-1].due_at <= end:
            state = "breached"
        else:
            state = "cancelled" if ending else "paused" if held else "running"
            due_at = due_at if state == "running" else None
        last = promises[-1]
        used = last.goal.calendar.elapsed(last.since_at, max(end, last.since_at), rest.until(end))
        return Cycle(
            metric=self.metric,
            number=0,
            started_at=promises[0].since_at,
            ending=ending,
            state=state,
            due_at=due_at,
            elapsed=last.used_before + used,
            promises=promises,
            rest=rest,
            # What was not done when the time was up is not made good by doing it later.
            conditional_on=tuple(self._conditions(last.coverage, min(end, last.due_at))),
        )

    def _conditions(self, coverage: Coverage, end: datetime) -> Iterator[Duty]:
        for duty in coverage.duties(self.metric):
            done_at = done(duty, self.history)
            if duty.effect == "conditional" and (done_at is None or done_at > end):
                yield duty

    def _promises(
        self, spans: Sequence[Span], rest: Rest, gapless_from: datetime | None
    ) -> tuple[Promise, ...]:
        promises: list[Promise] = []
        used, counted_to = _NOTHING, gapless_from
        started_at = gapless_from or spans[0].since_at
        for span, following in zip_longest(spans, spans[1:]):
            goal = self._goal(span)
            if goal is None:
                continue
            if counted_to:
                # Time in which nothing was promised counts too.
                until = span.since_at
                used += goal.calendar.elapsed(counted_to, until, rest.until(until))
            promises.append(_promise(span, goal, used, started_at, promises, rest.over))
            if following:
                until = following.since_at
                counted_to = until if gapless_from else None
                used += goal.calendar.elapsed(span.since_at, until, rest.until(until))
        return tuple(promises)

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
        for condition in _frees(metric.clock) if metric else (_RESOLVED,):
            resolved = condition is _RESOLVED
            reason = "the issue was resolved unanswered"
            yield condition, reason if resolved else f"nothing more was owed: {condition}"

    def _rest(self, spans: Sequence[Span], ending: Ending | None) -> Rest:
        """Pauses by the metric's conditions and duties, and the time in which nothing was owed."""
        pauses = [
            span
            for condition in self._resting(spans)
            for span in while_holding(self.timeline, condition)
        ]
        for span, following in zip_longest(spans, spans[1:]):
            pauses += self._waiting(span, following.since_at if following else None)
        over = [(start, end) for start, end in pauses if end is not None]
        lasting = [start for start, end in pauses if end is None]
        if ending is None:
            return Rest(tuple(sorted(over)), min(lasting, default=None))
        # After its end nothing rests: what lasted counts up to the end.
        over += [(start, ending.at) for start in lasting]
        return Rest(
            tuple(sorted((start, min(end, ending.at)) for start, end in over if start < ending.at))
        )

    def _resting(self, spans: Sequence[Span]) -> list[Condition]:
        found: list[Condition] = []
        for span in spans:
            metric = span.coverage.metric(self.metric)
            for condition in (*metric.clock.pauses, *_frees(metric.clock)) if metric else ():
                if condition not in found:
                    found.append(condition)
        return found

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


def while_missing(checklist: Checklist, timeline: Timeline) -> Spans:
    """The spans of an issue's life in which some information was missing."""
    names = {"summary", "description", *(name for item in checklist.items for name in item.fields)}

    def missing(at: datetime) -> bool:
        return any(not given(item, timeline, at) for item in checklist.items)

    return while_true(timeline, names, missing)


def _frees(clock: Clock) -> tuple[Condition, ...]:
    """While one of these holds nothing is owed; what starts with the resolution is owed after."""
    after_resolution = any(start.kind == "resolved" for start in clock.starts)
    return clock.until if after_resolution else (_RESOLVED, *clock.until)


def _stopped_by_its_start(clock: Clock) -> bool:
    """Whether a reply that starts the clock would at once stop it too."""
    replies = any(start.kind in ("first response", "response") for start in clock.starts)
    return replies and any(RESPONSE in acts for acts in clock.stops)


def _counts_from_its_start(clock: Clock) -> bool:
    """Whether time counts from before anything was promised: "within 3 days of the response".

    A first response that is promised only later counts from then, as does each update.
    """
    return not clock.repeats and all(start.kind != "reported" for start in clock.starts)


def _within(spans: Sequence[Span], start: datetime, end: datetime | None) -> list[Span]:
    """The spans that reach into `[start, end)`, the first one from the start on.

    What changes at the very instant of the end comes after it.
    """
    return [
        replace(span, since_at=max(span.since_at, start))
        for span, following in zip_longest(spans, spans[1:])
        if (following is None or following.since_at > start)
        and (end is None or span.since_at <= start or span.since_at < end)
    ]


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


def _promise(
    span: Span,
    goal: Goal,
    used: timedelta,
    started_at: datetime,
    earlier: Sequence[Promise],
    pauses: Sequence[Interval],
) -> Promise:
    calendar, target = goal.calendar, goal.target
    if isinstance(target, OpenTime):
        goal_time = target.amount
    elif target.reading == "open_hours":
        goal_time = target.days * calendar.regular_day
    else:
        # These readings name a day, not an amount: they count from the clock's own start.
        due_at = calendar.business_days(started_at, target.days, target.reading, pauses)
        goal_time = used + calendar.elapsed(span.since_at, due_at, pauses)
        return Promise(span.since_at, span.coverage, goal, used, goal_time, due_at)
    if goal_time > used:
        due_at = calendar.due(span.since_at, goal_time - used, pauses)
    elif used_up_at := _used_up_at(goal_time, earlier, span.since_at, pauses):
        due_at = used_up_at
    else:
        # What was used was counted on this goal's own hours, from the clock's start on.
        before = calendar.due(span.since_at, goal_time - used - _TICK, pauses) + _TICK
        due_at = max(before, started_at)
    return Promise(span.since_at, span.coverage, goal, used, goal_time, due_at)


def _used_up_at(
    goal_time: timedelta,
    earlier: Sequence[Promise],
    picked_at: datetime,
    pauses: Sequence[Interval],
) -> datetime | None:
    """When a goal was used up that is used up as it is picked: on the hours of those before it.

    None where no earlier promise held while its time was used.
    """
    ends = [*(promise.since_at for promise in earlier[1:]), picked_at]
    for promise, end in zip(earlier, ends, strict=False):
        at = promise.when_used(goal_time, pauses)
        if promise.used_before < goal_time and at <= end:
            return at
    return None


def _promised(coverage: Coverage) -> tuple[object, ...]:
    contract = coverage.contract
    limit = coverage.limit.id if coverage.limit else None
    return (
        contract.id if contract else None,
        contract.customer if contract else None,
        coverage.tier,
        coverage.severity,
        coverage.kind,
        limit,
        tuple(waiver.id for waiver in coverage.waivers),
    )


def _instant(value: FieldValue) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
