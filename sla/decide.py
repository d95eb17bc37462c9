"""The one idea: what holds for an issue is a pure function of its history.

    decide(timeline, policy, ledger, now) -> Decision

Nothing is concluded anywhere else. Asking twice, late, or with the deliveries in another order
gives the same answer; `wake_at` is only a hint when to ask again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sla.contract import Alerts
from sla.cycle import Cycle, run, spans_of
from sla.effects import Fields, Saying, correction_of, fields_of, matters, sayings_of
from sla.mapping import Coverage, Policy
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
    """What is to be said now and was not said before, in the order of its instants."""
    standing: frozenset[str] = frozenset()
    """The keys of all that is true to say by now, said before or not."""
    wake_at: datetime | None = None
    """The next instant at which time alone can change the answer."""


def decide(timeline: Timeline, policy: Policy, ledger: Ledger, now: datetime) -> Decision:
    """Work out everything that holds for one issue.

    Args:
        timeline: what happened to it, as far as known.
        policy: the published version to judge by.
        ledger: what was said about it before.
        now: the instant of judgement, aware UTC.

    Returns:
        The decision. An issue whose creation is unknown, that was deleted, or that no rule ever
        covered touches no field and says nothing; its coverage names the reason.
    """
    spans = spans_of(timeline, policy)
    if not spans:
        return Decision(Coverage("the issue's creation is not known yet", project=""))
    metrics = dict.fromkeys(name for span in spans for name in span.coverage.metric_names)
    runs = [run(name, spans, timeline, policy, now) for name in metrics]
    cycles = tuple(cycle for cycle in runs if cycle is not None)
    coverage = spans[-1].coverage
    if timeline.deleted_at:
        return Decision(coverage, cycles)
    planned = [(cycle, saying) for cycle in cycles for saying in _sayings(cycle, policy, ledger)]
    sayings = [saying for _, saying in planned]
    standing = [saying for cycle, saying in planned if saying.at <= now and matters(saying, cycle)]
    return Decision(
        coverage,
        cycles,
        fields_of(cycles, sayings, now),
        tuple(saying for saying in standing if saying.key not in ledger.said),
        frozenset(saying.key for saying in standing),
        min((at for at in _instants(cycles, sayings) if at > now), default=None),
    )


def _sayings(cycle: Cycle, policy: Policy, ledger: Ledger) -> list[Saying]:
    project = policy.projects.get(cycle.promise.coverage.project)
    alerts = project.alerts if project else Alerts()
    correction = correction_of(cycle, alerts, ledger.said)
    return [*sayings_of(cycle, alerts), *([correction] if correction else [])]


def _instants(cycles: tuple[Cycle, ...], sayings: list[Saying]) -> list[datetime]:
    due = [cycle.due_at for cycle in cycles if cycle.due_at and cycle.ending is None]
    return [*due, *(saying.at for saying in sayings)]
