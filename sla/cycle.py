"""One run of one metric's clock over an issue's history: started, paused, stopped, due, state.

The clock walks over the spans in which one promise held. Used time stays used when severity,
tier, contract or project changes; the goal is picked anew, and every promise stays on record.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import dropwhile, zip_longest
from typing import Literal

from sla.contract import Goal, OpenTime
from sla.mapping import Coverage, Policy, Responders, cover
from sla.timeline import Comment, FieldValue, Timeline

State = Literal["running", "paused", "met", "breached", "cancelled"]
Interval = tuple[datetime, datetime]
_NOTHING = timedelta(0)
_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)


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

    @property
    def promise(self) -> Promise:
        """The promise that holds, or that held at the end."""
        return self.promises[-1]

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
    """What coverage the issue had from when on; neighbours differ in contract, tier or severity.

    The first span starts when the issue was reported: at its creation, or at the earlier instant
    that the policy's "reported at" field names.
    """
    created_at = timeline.created_at
    if created_at is None:
        return []
    changes = {
        since
        for name in {"project", *policy.field_names} & timeline.field_names
        for since, _ in timeline.values(name)
        if since > created_at
    }
    spans: list[Span] = []
    for at in [created_at, *sorted(changes)]:
        coverage = cover(policy, timeline.fields(at))
        if not spans or _promised(coverage) != _promised(spans[-1].coverage):
            since_at = at if spans else _started_at(timeline, policy, created_at)
            spans.append(Span(since_at, coverage))
    return spans


def _started_at(timeline: Timeline, policy: Policy, created_at: datetime) -> datetime:
    """When the clock may start: creation, or the "reported at" field where it is earlier."""
    if policy.reported_at_field is None:
        return created_at
    values = timeline.values(policy.reported_at_field)
    reported = _instant(values[-1][1]) if values else None
    # An instant that no calendar reaches was mistyped.
    plausible = reported is not None and reported >= _EARLIEST
    return min(created_at, reported) if reported and plausible else created_at


def first_response(timeline: Timeline, responders: Responders) -> Comment | None:
    """The first public comment by a responder; None while there is none."""
    answers = [
        comment
        for comment in timeline.comments
        if comment.public_from is not None and _is_response(comment, timeline, responders)
    ]
    return min(answers, key=lambda comment: (comment.public_from, comment.id), default=None)


def run(
    metric: str, spans: Sequence[Span], timeline: Timeline, policy: Policy, now: datetime
) -> Cycle | None:
    """Run one metric's clock over an issue.

    Args:
        metric: its name; `first_response` is the one that is known.
        spans: the issue's coverage, as `spans_of` gives it.
        timeline: what happened to the issue.
        policy: the version to judge by.
        now: the instant of judgement, aware UTC.

    Returns:
        The cycle, or None when no contract ever promised this metric for the issue.
    """
    met = _MET_BY[metric](timeline, policy)
    until = [span for span in spans if met is None or span.since_at <= met.at]
    spans = list(dropwhile(lambda span: _goal(span, metric) is None, until))
    if not spans:
        return None
    ending = met if _goal(spans[-1], metric) and met else _given_up(timeline, spans[-1], metric)
    rest = _rest(timeline, spans, metric, ending)
    promises = _promises(spans, metric, rest.over)
    return _judge(metric, promises, rest, ending, now)


def _judge(
    metric: str, promises: tuple[Promise, ...], rest: Rest, ending: Ending | None, now: datetime
) -> Cycle:
    due_at: datetime | None = promises[-1].due_at
    end = ending.at if ending else now
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
        metric=metric,
        number=1,
        started_at=promises[0].since_at,
        ending=ending,
        state=state,
        due_at=due_at,
        elapsed=last.used_before + used,
        promises=promises,
        rest=rest,
    )


def _promises(
    spans: Sequence[Span], metric: str, pauses: Sequence[Interval]
) -> tuple[Promise, ...]:
    promises: list[Promise] = []
    used = _NOTHING
    started_at = spans[0].since_at
    for span, following in zip_longest(spans, spans[1:]):
        goal = _goal(span, metric)
        if goal is None:
            continue
        promises.append(_promise(span, goal, used, started_at, pauses))
        if following:
            used += goal.calendar.elapsed(span.since_at, following.since_at, pauses)
    return tuple(promises)


def _promise(
    span: Span, goal: Goal, used: timedelta, started_at: datetime, pauses: Sequence[Interval]
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
    due_at = calendar.due(span.since_at, goal_time - used, pauses)
    return Promise(span.since_at, span.coverage, goal, used, goal_time, due_at)


def _goal(span: Span, metric: str) -> Goal | None:
    return span.coverage.goal(metric)


def _given_up(timeline: Timeline, last: Span, metric: str) -> Ending | None:
    """The clock stops unmet when the issue is deleted, closed, or no longer under a contract."""
    endings = []
    if timeline.deleted_at:
        endings.append(Ending(timeline.deleted_at, False, "the issue was deleted"))
    if _goal(last, metric) is None:
        endings.append(Ending(last.since_at, False, last.coverage.reason))
    resolved = _while(timeline, "resolution", bool)
    if resolved and resolved[-1][1] is None:
        endings.append(Ending(resolved[-1][0], False, "the issue was resolved unanswered"))
    return min(endings, key=lambda ending: ending.at, default=None)


def _rest(timeline: Timeline, spans: Sequence[Span], metric: str, ending: Ending | None) -> Rest:
    """Pauses: statuses that the metric names, and the time an issue spent resolved."""
    metrics = [span.coverage.metric(metric) for span in spans]
    statuses = {name.casefold() for found in metrics if found for name in found.pause_statuses}
    pauses = [
        *_while(timeline, "resolution", bool),
        *_while(timeline, "status", lambda value: str(value or "").casefold() in statuses),
    ]
    over = [(start, end) for start, end in pauses if end is not None]
    lasting = [start for start, end in pauses if end is None]
    if ending is None:
        return Rest(tuple(sorted(over)), min(lasting, default=None))
    # After its end nothing rests: what lasted counts up to the end.
    over += [(start, ending.at) for start in lasting]
    return Rest(
        tuple(sorted((start, min(end, ending.at)) for start, end in over if start < ending.at))
    )


def _while(
    timeline: Timeline, name: str, holds: Callable[[FieldValue], bool]
) -> list[tuple[datetime, datetime | None]]:
    """The spans in which a field's value meets a test; the last may still last (None)."""
    values = timeline.values(name)
    ends = (following[0] for following in values[1:])
    spans = zip_longest(values, ends)
    return [(since, end) for (since, value), end in spans if holds(value)]


def _answered(timeline: Timeline, policy: Policy) -> Ending | None:
    comment = first_response(timeline, policy.responders)
    if comment is None or comment.public_from is None:
        return None
    return Ending(comment.public_from, True, f"public comment {comment.id} by a responder")


_MET_BY: dict[str, Callable[[Timeline, Policy], Ending | None]] = {"first_response": _answered}
"""How each metric is met: by which act, and when."""


def _is_response(comment: Comment, timeline: Timeline, responders: Responders) -> bool:
    author = comment.author
    if author is None or author.kind != "person" or author.id in responders.never:
        return False
    if responders.only is not None and author.id not in responders.only:
        return False
    return author.id != timeline.value("reporter", comment.at)


def _promised(coverage: Coverage) -> tuple[str | None, str | None, str | None]:
    contract = coverage.contract.id if coverage.contract else None
    return contract, coverage.tier, coverage.severity


def _instant(value: FieldValue) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
