"""What Jira should show and hear because of a cycle: fields as they should stand, sayings once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

from sla.contract import Alerts, Audience, Level
from sla.contract import Warning as EarlyWarning
from sla.cycle import Cycle

Occasion = Literal["warning", "breach", "escalation", "correction"]
Fact = str | int | float | None

FACTS: Mapping[str, str] = MappingProxyType({
    "issue": "the issue's key",
    "metric": "what is measured, in words: first response",
    "contract": "the contract's title",
    "severity": "the contract's own level",
    "target": "the goal as the contract writes it: 2h, 1 business day",
    "clause": "the clause of the policy that promises it",
    "due": "the due instant in the calendar's zone, as people write it",
    "due_utc": "the due instant in UTC, ISO 8601",
    "responded": "when the response came, as people write it; empty while there is none",
    "late": "how late this is said, as a length; empty when it is said in time",
    "left": "open time left until the due instant, as a length; empty when none is",
    "level": "the number of the escalation level; empty elsewhere",
    "level_name": "the name of the escalation level; empty elsewhere",
    "mentions": "the people and groups addressed, as mentions; may be empty",
})  # fmt: skip
"""What the words of a saying may name, with what stands there."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The SLA fields of an issue as they should stand; None shows as empty."""

    policy: str
    severity: str | None
    due: datetime | None
    responded: datetime | None
    state: str
    level: int


@dataclass(frozen=True, slots=True)
class Saying:
    """One comment that an issue should carry, once.

    `facts` are plain values for the wording: instants as ISO 8601 UTC text, lengths in seconds.
    """

    key: str
    """Unique within the issue: metric, cycle and rule, such as `first_response/1/breach`."""
    occasion: Occasion
    at: datetime
    """The instant it is about (a breach: its due instant), however late it is said."""
    audience: Audience
    wording: str | None = None
    """The rule's own template, if it has one."""
    facts: dict[str, Fact] = field(default_factory=dict)


def sayings_of(cycle: Cycle, alerts: Alerts) -> tuple[Saying, ...]:
    """Everything that a cycle has caused or will cause to be said, if nothing more happens.

    Args:
        cycle: one run of a metric.
        alerts: whom to tell, when; the team's practice for the issue's project.

    Returns:
        The sayings in the order of their instants, those in the future included. An instant that
        the clock never comes to, because it ended or rests before, causes none.
    """
    planned = [*_warnings(cycle, alerts), *_breach(cycle, alerts), *_levels(cycle, alerts)]
    return tuple(
        sorted(
            (saying for saying in planned if cycle.comes_to(saying.at)),
            key=lambda saying: (saying.at, saying.key),
        )
    )


def correction_of(cycle: Cycle, alerts: Alerts, said: frozenset[str]) -> Saying | None:
    """Take back a breach that was announced before Jira told of an answer in time."""
    if cycle.state != "met" or cycle.stopped_at is None or _key(cycle, "breach") not in said:
        return None
    return _saying(cycle, "correction", "correction", cycle.stopped_at, alerts.breach)


def fields_of(cycles: Sequence[Cycle], sayings: Sequence[Saying], now: datetime) -> Fields | None:
    """The SLA fields for an issue's cycles; None when it never had one.

    Args:
        cycles: every cycle of the issue; the fields speak of the first response.
        sayings: all that the cycles cause to be said, for the escalation level reached.
        now: the instant of judgement, aware UTC.
    """
    cycle = next(iter(cycles), None)
    if cycle is None:
        return None
    coverage = cycle.promise.coverage
    reached = [
        int(saying.facts["level"] or 0)
        for saying in sayings
        if saying.occasion == "escalation" and saying.at <= now
    ]
    return Fields(
        policy=coverage.contract.id if coverage.contract else "",
        severity=coverage.severity,
        due=cycle.due_at,
        responded=cycle.stopped_at,
        state=cycle.state,
        level=max(reached, default=0),
    )


def _warnings(cycle: Cycle, alerts: Alerts) -> Iterator[Saying]:
    promise = cycle.promise
    for warning in alerts.warnings:
        amount = _used_at(warning, promise.goal_time)
        # Asked for before the clock even starts, a warning would say nothing that is not known.
        if amount <= timedelta(0):
            continue
        at = promise.when_used(amount, cycle.rest.over)
        # A goal picked anew may have used up that share already: then now is the time.
        at = max(at, promise.since_at)
        if at < promise.due_at:
            left = promise.goal_time - amount
            yield _saying(
                cycle,
                "warning",
                warning.id,
                at,
                warning.audience,
                warning.wording,
                left=left.total_seconds(),
            )


def _breach(cycle: Cycle, alerts: Alerts) -> Iterator[Saying]:
    due_at = cycle.promise.due_at
    yield _saying(cycle, "breach", "breach", due_at, alerts.breach, alerts.breach_wording)


def _levels(cycle: Cycle, alerts: Alerts) -> Iterator[Saying]:
    for level in alerts.levels:
        yield _saying(
            cycle,
            "escalation",
            f"level-{level.number}",
            _level_at(level, cycle),
            level.audience,
            level.wording,
            level=level.number,
            level_name=level.name,
        )


def _level_at(level: Level, cycle: Cycle) -> datetime:
    due_at = cycle.promise.due_at
    if level.hours is None and not level.after:
        return due_at
    hours = level.hours or cycle.promise.goal.calendar
    return hours.due(due_at, level.after, cycle.rest.over)


def _used_at(warning: EarlyWarning, goal_time: timedelta) -> timedelta:
    return (
        goal_time * warning.used
        if warning.used is not None
        else goal_time - (warning.left or timedelta(0))
    )


def _key(cycle: Cycle, rule: str) -> str:
    return f"{cycle.metric}/{cycle.number}/{rule}"


def _saying(
    cycle: Cycle,
    occasion: Occasion,
    rule: str,
    at: datetime,
    audience: Audience,
    wording: str | None = None,
    **facts: Fact,
) -> Saying:
    promise = cycle.promise
    contract = promise.coverage.contract
    return Saying(
        key=_key(cycle, rule),
        occasion=occasion,
        at=at,
        audience=audience,
        wording=wording,
        facts={
            "metric": cycle.metric.replace("_", " "),
            "contract": contract.title if contract else None,
            "severity": promise.coverage.severity,
            "target": promise.goal.target.text,
            "clause": promise.goal.clause,
            "due_at": promise.due_at.isoformat(),
            "responded_at": cycle.stopped_at.isoformat() if cycle.stopped_at else None,
            "time_zone": promise.goal.calendar.time_zone,
            **facts,
        },
    )
