"""The one idea: what holds for an issue is a pure function of its history.

    decide(timeline, policy, ledger, now) -> Decision

Nothing is concluded anywhere else. Asking twice, late, or with the deliveries in another order
gives the same answer; `wake_at` is only a hint when to ask again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

import msgspec

from sla.contract import Duty
from sla.cycle import Cycle, done, history_of, run_all, spans_of
from sla.effects import Announced, Fields, Saying, announce, fields_of
from sla.mapping import Coverage, Policy
from sla.notices import Case, Relative, notices_of
from sla.recalculated import joined
from sla.timeline import Timeline


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was already decided for this issue, so that nothing is said twice."""

    said: frozenset[str] = frozenset()
    """Keys of sayings."""


class Decision(msgspec.Struct, frozen=True):
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
    over: Sequence[Cycle] = (),
) -> Decision:
    """Work out everything that holds for one issue.

    Args:
        timeline: what happened to it, as far as known.
        policy: the published version to judge by.
        ledger: what was said about it before.
        now: the instant of judgement, aware UTC.
        issue_id: Jira's id of it, by which others may refer to it.
        relatives: the issues that it refers to or that refer to it.
        over: the cycles that stay as versions before this one judged them.

    Returns:
        The decision. An issue whose creation is unknown, that was deleted, or that no rule ever
        covered touches no field and says nothing; its coverage names the reason.
    """
    spans = spans_of(timeline, policy)
    if not spans:
        return Decision(Coverage("the issue's creation is not known yet", project=""))
    history = history_of(spans, timeline, policy)
    cycles = run_all(spans, history, now)
    if over:
        cycles = joined(over, cycles)
    coverage = spans[-1].coverage
    if timeline.deleted_at:
        return Decision(coverage, cycles)
    announced = Announced(ledger.said, now)
    on_grid = any(span.coverage.on_grid for span in spans)
    _announce(_speaking(cycles) if on_grid else cycles, policy, announced)
    if any(span.coverage.speaks for span in spans):
        case = Case(issue_id, timeline, policy, spans, history, cycles, relatives, now)
        for notice in notices_of(case):
            notice.announce(announced)
    owed = _awaited(cycles, announced, on_grid=on_grid)
    return Decision(
        coverage,
        cycles,
        fields_of(coverage, cycles, owed, announced.level),
        tuple(sorted(announced.sayings, key=_IN_ORDER)),
        frozenset(announced.standing),
        tuple([(duty, done(duty, history)) for duty in coverage.duties()]),
        announced.next_at,
    )


_IN_ORDER = attrgetter("at", "key")


def _speaking(cycles: Sequence[Cycle]) -> Iterator[Cycle]:
    """Those of which something is said: on a grid the slot that runs and the one before it.

    Whoever missed a hundred hours in a row is told of the last one, not of each.
    """
    latest = {cycle.metric: cycle.number for cycle in cycles}
    for cycle in cycles:
        on_grid = cycle.metric in cycle.promise.coverage.on_grid
        if not on_grid or cycle.number >= latest[cycle.metric] - 1:
            yield cycle


def _announce(cycles: Iterable[Cycle], policy: Policy, announced: Announced) -> None:
    # Most cycles hold one promise, which was kept, and nothing was said that could be taken back:
    # to see that takes a fifth of the time of working out that there is nothing to say.
    may_be_settled, now = not (announced.said or policy.speaks_early), announced.now
    for cycle in cycles:
        is_kept = cycle.state == "met" and len(cycle.promises) == 1 and cycle.until_at <= now
        if not (is_kept and may_be_settled):
            alerts = policy.alerts_for(cycle.metric, cycle.promises[-1].coverage)
            announce(cycle, alerts, announced)


def _awaited(cycles: Sequence[Cycle], announced: Announced, *, on_grid: bool) -> list[Cycle]:
    """The cycles that run towards a due instant, which is waited for."""
    found: list[Cycle] = []
    for cycle in cycles:
        if cycle.ending is None and cycle.due_at:
            found.append(cycle)
            announced.await_(cycle.due_at)
        if on_grid and cycle.metric in cycle.promise.coverage.on_grid:
            # On a grid the next cycle begins when this one is used up, even if it was met.
            announced.await_(cycle.promise.due_at)
    return found
