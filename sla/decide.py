"""The one idea: what holds for an issue is a pure function of its history.

    decide(timeline, policy, ledger, now) -> Decision

Nothing is concluded anywhere else. Asking twice, late, or with the deliveries in another order
gives the same answer; `wake_at` is only a hint when to ask again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sla.contract import Alerts, Duty
from sla.cycle import Cycle, done, history_of, run, spans_of
from sla.effects import Fields, Saying, correction_of, fields_of, matters, sayings_of
from sla.mapping import Coverage, Policy
from sla.notices import Case, Relative, notices_of
from sla.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was already decided for this issue, so that nothing is said twice."""

    said: frozenset[str] = frozenset()
    """Keys of sayings."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What holds for an issue at an instant, and what Jira should show and hear because of it."""

    coverage: Coverage
    cycles: tuple[Cycle, ...] = ()
    fields: Fields | None = None
    """What the SLA fields should show; None: they are not ours to touch."""
    sayings: tuple[Saying, ...] = ()
    """What is to be said now and was not said before, in the order of its instants; what was said
    and can be brought up to date is among it again, as it should read now."""
    standing: frozenset[str] = frozenset()
    """The keys of all that is true to say by now, said before or not."""
    duties: tuple[tuple[Duty, datetime | None], ...] = ()
    """What somebody has to do beside the clocks, and when it was done, if it was."""
    wake_at: datetime | None = None
    """The next instant at which time alone can change the answer."""


def decide(
    timeline: Timeline,
    policy: Policy,
    ledger: Ledger,
    now: datetime,
    *,
    issue_id: str = "",
    relatives: Sequence[Relative] = (),
) -> Decision:
    """Work out everything that holds for one issue.

    Args:
        timeline: what happened to it, as far as known.
        policy: the published version to judge by.
        ledger: what was said about it before.
        now: the instant of judgement, aware UTC.
        issue_id: Jira's id of it, by which others may refer to it.
        relatives: the issues that it refers to or that refer to it.

    Returns:
        The decision. An issue whose creation is unknown, that was deleted, or that no rule ever
        covered touches no field and says nothing; its coverage names the reason.
    """
    spans = spans_of(timeline, policy)
    if not spans:
        return Decision(Coverage("the issue's creation is not known yet", project=""))
    history = history_of(spans, timeline, policy)
    metrics = dict.fromkeys(each.name for span in spans for each in span.coverage.metrics)
    cycles = tuple(cycle for name in metrics for cycle in run(name, spans, history, now))
    coverage = spans[-1].coverage
    if timeline.deleted_at:
        return Decision(coverage, cycles)
    planned = [
        (cycle, saying) for cycle in _speaking(cycles) for saying in _sayings(cycle, policy, ledger)
    ]
    case = Case(issue_id, timeline, policy, spans, cycles, relatives, now)
    notices = [saying for saying in notices_of(case) if saying.at <= now]
    sayings = [saying for _, saying in planned]
    standing = [saying for cycle, saying in planned if saying.at <= now and matters(saying, cycle)]
    standing = sorted([*standing, *notices], key=lambda saying: (saying.at, saying.key))
    return Decision(
        coverage,
        cycles,
        fields_of(coverage, cycles, [*sayings, *notices], now),
        tuple(saying for saying in standing if saying.revisable or saying.key not in ledger.said),
        frozenset(saying.key for saying in standing),
        tuple((duty, done(duty, history)) for duty in coverage.duties()),
        min((at for at in _instants(cycles, sayings, now) if at > now), default=None),
    )


def _speaking(cycles: Sequence[Cycle]) -> Iterator[Cycle]:
    """Those of which something is said: on a grid the slot that runs and the one before it.

    Whoever missed a hundred hours in a row is told of the last one, not of each.
    """
    latest = {cycle.metric: cycle.number for cycle in cycles}
    for cycle in cycles:
        metric = cycle.promise.coverage.metric(cycle.metric)
        on_grid = metric is not None and metric.clock.grid
        if not on_grid or cycle.number >= latest[cycle.metric] - 1:
            yield cycle


def _sayings(cycle: Cycle, policy: Policy, ledger: Ledger) -> list[Saying]:
    coverage = cycle.promise.coverage
    project = policy.projects.get(coverage.project)
    alerts = project.alerts_for(cycle.metric, coverage) if project else Alerts()
    correction = correction_of(cycle, alerts, ledger.said)
    return [*sayings_of(cycle, alerts), *([correction] if correction else [])]


def _instants(
    cycles: tuple[Cycle, ...], sayings: list[Saying], now: datetime
) -> Iterator[datetime]:
    yield from (cycle.due_at for cycle in cycles if cycle.due_at and cycle.ending is None)
    yield from (saying.at for saying in sayings)
    for cycle in cycles:
        # On a grid the next cycle begins when this one is used up, even if it was met.
        metric = cycle.promise.coverage.metric(cycle.metric)
        if metric and metric.clock.grid and cycle.promise.due_at > now:
            yield cycle.promise.due_at
