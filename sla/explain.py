"""Why an instant is what it is, in words: the rules that led to a promise, each step to its due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sla.calendar import Step
from sla.contract import BusinessDays
from sla.cycle import Cycle, Promise
from sla.decide import Decision
from sla.mapping import Coverage
from sla.words import length, local, utc

_KINDS = {"open": "open", "closed": "closed", "paused": "paused"}


def explain(decision: Decision) -> list[str]:
    """The whole reasoning behind a decision, a line each.

    Instants are shown in the calendar's zone; each due instant also in UTC.
    """
    lines = [f"Covered: {'yes' if decision.coverage.covered else 'no'}"]
    lines.append(f"Because: {decision.coverage.reason}")
    lines += _not_promised(decision.coverage)
    for duty, done_at in decision.duties:
        state = f"done {utc(done_at)}" if done_at else "not done yet"
        lines.append(f"Duty of the {duty.who} (clause {duty.clause}), {state}: {duty.text}")
    for cycle in decision.cycles:
        lines += ["", *_cycle(cycle)]
    return lines


def _not_promised(coverage: Coverage) -> Iterator[str]:
    for metric in coverage.metrics:
        if coverage.refusal(metric.name) or any(
            metric.name in waiver.metrics for waiver in coverage.waivers
        ):
            yield f"{metric.words.capitalize()}: {coverage.why_not(metric.name)}"


def _cycle(cycle: Cycle) -> Iterator[str]:
    name = cycle.words.capitalize() + (f" {cycle.number}" if cycle.number > 1 else "")
    for number, promise in enumerate(cycle.promises):
        heading = name if number == 0 else f"{name}, promised anew"
        yield from _promise(heading, promise, cycle)
    yield f"  state: {cycle.state}"
    for duty in cycle.conditional_on:
        yield f"  on condition (clause {duty.clause}): {duty.text}"
    yield f"  open time used: {length(cycle.elapsed)} of {length(cycle.promise.goal_time)}"
    if cycle.ending:
        zone = cycle.promise.goal.calendar.time_zone
        yield f"  ended: {local(cycle.ending.at, zone)}: {cycle.ending.reason}"
    elif cycle.state == "paused" and cycle.rest.since_at:
        zone = cycle.promise.goal.calendar.time_zone
        yield f"  paused since {local(cycle.rest.since_at, zone)}: the due instant is unknown"


def _promise(heading: str, promise: Promise, cycle: Cycle) -> Iterator[str]:
    goal, coverage = promise.goal, promise.coverage
    calendar = goal.calendar
    contract = coverage.contract
    yield f"{heading}: {goal.target.text} on calendar {calendar.id} ({goal.binding})"
    if contract:
        clause = f", clause {goal.clause}" if goal.clause else ""
        yield f"  contract: {contract.title}{clause}"
    yield f"  severity: {coverage.severity}" + (f", tier {coverage.tier}" if coverage.tier else "")
    if promise is not cycle.promises[0]:
        yield f"  why: {coverage.reason}"
    yield f"  clock from: {local(promise.since_at, calendar.time_zone)}"
    if promise.used_before:
        yield f"  used before: {length(promise.used_before)}"
    if isinstance(goal.target, BusinessDays):
        yield (
            f"  business days read as {goal.target.reading}: {length(promise.goal_time)} of open "
            f"time, a regular day being {length(calendar.regular_day)}"
        )
    left = promise.goal_time - promise.used_before
    paused = cycle.state == "paused" and promise is cycle.promise
    shown = cycle.elapsed - promise.used_before if paused else left
    at = promise.since_at
    for step in calendar.trace(promise.since_at, shown, cycle.rest.over):
        left -= step.used
        at = step.to_at
        yield f"    {_step(step, calendar.time_zone, left)}"
    if paused:
        return
    if at < promise.due_at:
        moved = f"{local(at, calendar.time_zone)} to {local(promise.due_at, calendar.time_zone)}"
        yield f"    {moved}: closed, moved into opening hours"
    yield f"  due: {local(promise.due_at, calendar.time_zone)} = {utc(promise.due_at)}"


def _step(step: Step, zone: str, left: timedelta) -> str:
    span = f"{local(step.from_at, zone)} to {local(step.to_at, zone)}"
    if step.kind == "open":
        return f"{span}: open, {length(step.used)} used, {length(left)} left"
    if step.kind == "holiday":
        return f"{span}: holiday, {step.note}"
    return f"{span}: {_KINDS[step.kind]}"
