"""Why an instant is what it is, in words: the rules that led to a promise, each step to its due."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from sla.calendar import Calendar, Step
from sla.contract import BusinessDays, in_words
from sla.cycle import Cycle
from sla.decide import Decision
from sla.mapping import Coverage
from sla.promise import Promise
from sla.words import length, local, utc

_KINDS = {"open": "open", "closed": "closed", "paused": "paused"}


class Fact(NamedTuple):
    """One thing that is so: `state`, `running`."""

    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


class StepTold(NamedTuple):
    """One span of the way to a due instant; instants are aware UTC."""

    kind: Literal["open", "closed", "holiday", "paused", "moved", "not shown"]
    from_at: datetime
    to_at: datetime
    used: timedelta
    """Open time used in it."""
    left: timedelta
    """Of the goal, at its end."""
    span: str
    """The two instants in the calendar's zone."""
    words: str
    """What it is."""


class PromiseTold(NamedTuple):
    """How one promise came to its due instant."""

    heading: str
    facts: tuple[Fact, ...]
    """Contract and clause, severity and tier, and from when on what counts."""
    steps: tuple[StepTold, ...]
    due: Fact | None
    """None while nobody can know."""


class CycleTold(NamedTuple):
    """A run of a metric: each promise that was made for it, and how it stands."""

    metric: str
    number: int
    promises: tuple[PromiseTold, ...]
    facts: tuple[Fact, ...]


class Explanation(NamedTuple):
    """The whole reasoning behind a decision."""

    facts: tuple[Fact, ...]
    """Whether the issue is covered and why, what is not promised, who has to do what."""
    cycles: tuple[CycleTold, ...]

    def lines(self) -> Iterator[str]:
        """The same as plain text."""
        yield from map(str, self.facts)
        for cycle in self.cycles:
            yield ""
            for promise in cycle.promises:
                yield promise.heading
                yield from (f"  {fact}" for fact in promise.facts)
                yield from (f"    {step.span}: {step.words}" for step in promise.steps)
                if promise.due:
                    yield f"  {promise.due}"
            yield from (f"  {fact}" for fact in cycle.facts)


def explain(decision: Decision) -> list[str]:
    """The whole reasoning behind a decision, a line each.

    Instants are shown in the calendar's zone; each due instant also in UTC.
    """
    return list(explanation_of(decision).lines())


def explanation_of(
    decision: Decision, cycles: Sequence[Cycle] | None = None, longest: timedelta | None = None
) -> Explanation:
    """The same in its parts.

    Args:
        decision: what is to be explained.
        cycles: only these of its cycles; None: all.
        longest: of a longer way to a due instant only the beginning is told step by step; None:
            all of it, though a promise due in two hundred years has a hundred thousand steps.
    """
    told = decision.cycles if cycles is None else cycles
    return Explanation(tuple(_opening(decision)), tuple(_cycle(cycle, longest) for cycle in told))


def _opening(decision: Decision) -> Iterator[Fact]:
    yield Fact("Covered", "yes" if decision.coverage.covered else "no")
    yield Fact("Because", decision.coverage.reason)
    yield from _not_promised(decision.coverage)
    for duty, done_at in decision.duties:
        state = f"done {utc(done_at)}" if done_at else "not done yet"
        yield Fact(f"Duty of the {duty.who} (clause {duty.clause}), {state}", duty.text)


def _not_promised(coverage: Coverage) -> Iterator[Fact]:
    for metric in coverage.metrics:
        if coverage.refusal(metric.name) or any(
            metric.name in waiver.metrics for waiver in coverage.waivers
        ):
            yield Fact(metric.words.capitalize(), coverage.why_not(metric.name))


def _cycle(cycle: Cycle, longest: timedelta | None) -> CycleTold:
    name = cycle.words.capitalize() + (f" {cycle.number}" if cycle.number > 1 else "")
    promises = tuple(
        _promise(name if number == 0 else f"{name}, promised anew", promise, cycle, longest)
        for number, promise in enumerate(cycle.promises)
    )
    return CycleTold(cycle.metric, cycle.number, promises, tuple(_standing(cycle)))


def _standing(cycle: Cycle) -> Iterator[Fact]:
    yield Fact("state", cycle.state)
    for duty in cycle.conditional_on:
        yield Fact(f"on condition (clause {duty.clause})", duty.text)
    yield Fact("open time used", f"{length(cycle.elapsed)} of {length(cycle.promise.goal_time)}")
    zone = cycle.promise.goal.calendar.time_zone
    if cycle.ending:
        yield Fact("ended", f"{local(cycle.ending.at, zone)}: {cycle.ending.reason}")
    elif cycle.state == "paused" and cycle.rest.since_at:
        yield Fact(f"paused since {local(cycle.rest.since_at, zone)}", "the due instant is unknown")


def _promise(name: str, promise: Promise, cycle: Cycle, longest: timedelta | None) -> PromiseTold:
    goal, zone = promise.goal, promise.goal.calendar.time_zone
    heading = f"{name}: {goal.target.words} on calendar {goal.calendar.id} ({goal.binding})"
    paused = cycle.state == "paused" and promise is cycle.promise
    due = Fact("due", f"{local(promise.due_at, zone)} = {utc(promise.due_at)}")
    return PromiseTold(
        heading,
        tuple(_facts(promise, cycle)),
        tuple(_steps(promise, cycle, longest, paused=paused)),
        None if paused else due,
    )


def _facts(promise: Promise, cycle: Cycle) -> Iterator[Fact]:
    goal, coverage = promise.goal, promise.coverage
    calendar, contract = goal.calendar, promise.coverage.contract
    if contract:
        clause = f", clause {goal.clause}" if goal.clause else ""
        yield Fact("contract", f"{contract.title}{clause}")
    tier = f", tier {coverage.tier}" if coverage.tier else ""
    yield Fact("severity", f"{coverage.severity}{tier}")
    if promise is not cycle.promises[0]:
        yield Fact("why", coverage.reason)
    yield Fact("clock from", local(promise.since_at, calendar.time_zone))
    if promise.used_before:
        used = length(promise.used_before)
        if _was_used_up(promise):
            used += f" of {length(promise.goal_time)}: nothing was left when this was promised"
        yield Fact("used before", used)
    if isinstance(goal.target, BusinessDays):
        yield Fact(
            f"business days read as {in_words(goal.target.reading)}",
            f"{length(promise.goal_time)} of open time, a regular day being "
            f"{length(calendar.regular_day)}",
        )


def _was_used_up(promise: Promise) -> bool:
    """Whether a goal was used up by the time at which it was promised anew."""
    return promise.used_before >= promise.goal_time


def _steps(
    promise: Promise, cycle: Cycle, longest: timedelta | None, *, paused: bool
) -> Iterator[StepTold]:
    if _was_used_up(promise):
        # It was used up by the hours of the promises before it, whose steps are told with them.
        return iter(())
    calendar, since_at, pauses = promise.goal.calendar, promise.since_at, cycle.rest.over
    left = promise.goal_time - promise.used_before
    if paused:
        used = cycle.elapsed - promise.used_before
        return way(calendar, since_at, cycle.until_at, left, pauses, longest, used)
    return way(calendar, since_at, promise.due_at, left, pauses, longest)


def way(
    calendar: Calendar,
    since_at: datetime,
    end_at: datetime,
    left: timedelta,
    pauses: Sequence[tuple[datetime, datetime]] = (),
    longest: timedelta | None = None,
    used: timedelta | None = None,
) -> Iterator[StepTold]:
    """The way from a start to its due instant, step by step.

    Args:
        calendar: whose open time counts.
        since_at: the start.
        end_at: the due instant; or the instant up to which is told.
        left: of the goal at the start.
        pauses: spans that do not count.
        longest: of a longer way only the beginning is told; None: all of it.
        used: open time up to `end_at`, where that is not the due instant.
    """
    zone = calendar.time_zone
    shown = left if used is None else used
    is_cut = longest is not None and end_at - since_at > longest
    if longest is not None and is_cut:
        shown = min(shown, calendar.elapsed(since_at, since_at + longest, pauses))
    at = since_at
    # Of nothing in a stretch that is cut there are no steps to the next opening, however far.
    for step in () if is_cut and not shown else calendar.trace(since_at, shown, pauses):
        left -= step.used
        at = step.to_at
        yield StepTold(
            step.kind, step.from_at, at, step.used, left, _span(step.from_at, at, zone),
            _became(step, left),
        )  # fmt: skip
    if at >= end_at or (used is not None and not is_cut):
        return
    span = _span(at, end_at, zone)
    if is_cut:
        words = f"{length(left)} left at its beginning, too long to show step by step"
        yield StepTold("not shown", at, end_at, timedelta(0), left, span, words)
    else:
        words = "closed, moved into opening hours"
        yield StepTold("moved", at, end_at, timedelta(0), left, span, words)


def _became(step: Step, left: timedelta) -> str:
    if step.kind == "open":
        return f"open, {length(step.used)} used, {length(left)} left"
    if step.kind == "holiday":
        return f"holiday, {step.note}"
    return _KINDS[step.kind]


def _span(from_at: datetime, to_at: datetime, zone: str) -> str:
    return f"{local(from_at, zone)} to {local(to_at, zone)}"
