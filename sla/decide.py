"""The one idea: what holds for an issue is a pure function of its history.

    decide(timeline, policy, ledger, now) -> Decision

Nothing is concluded anywhere else. Asking twice, late, or with the deliveries in another order
gives the same answer; `wake_at` is only a hint when to ask again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import attrgetter
from typing import NamedTuple

import msgspec

from sla.acts import History
from sla.clock.run import run_all
from sla.clock.spans import Span, history_of, spans_of
from sla.contract import Duty
from sla.cycle import Cycle
from sla.duties import done
from sla.effects import Announced, Fields, Saying, announce, fields_of
from sla.mapping import Coverage, Policy
from sla.notices import Case, Relative, notices_of
from sla.recalculated import joined, said_in_hindsight
from sla.timeline import Timeline


class Ledger(msgspec.Struct, frozen=True):
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


class Folded(NamedTuple):
    """What an issue's history comes to by a policy, before anything is said of it."""

    spans: Sequence[Span]
    history: History
    cycles: tuple[Cycle, ...]


def folded(
    timeline: Timeline,
    policy: Policy,
    now: datetime,
    *,
    spans: Sequence[Span] | None = None,
    beside: Folded | None = None,
) -> Folded | None:
    """Judge an issue's history, and nothing more.

    Args:
        timeline: what happened to it, as far as known.
        policy: the published version to judge by.
        now: the instant of judgement, aware UTC.
        spans: its coverage by that policy, where `spans_of` was asked before.
        beside: what it comes to by another policy; what both look for is looked for once.

    Returns:
        What it comes to; None where the issue's creation is not known.
    """
    spans = spans_of(timeline, policy) if spans is None else spans
    if not spans:
        return None
    history = beside.history if beside else None
    if not (
        history
        and history.timeline is timeline
        and history.responders is policy.responders
        and history.reported_at == spans[0].since_at
    ):
        history = history_of(spans, timeline, policy)
    return Folded(spans, history, run_all(spans, history, now))


def decide(
    timeline: Timeline,
    policy: Policy,
    ledger: Ledger,
    now: datetime,
    *,
    issue_id: str = "",
    relatives: Sequence[Relative] = (),
    over: Sequence[Cycle] = (),
    since: datetime | None = None,
    found: Folded | None = None,
    looks_ahead: bool = True,
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
        since: when this one came to judge it, if another one did before.
        found: what `folded` gives for the same, where it was asked before.
        looks_ahead: whether to find out when to ask again; else no calendar is asked for it.

    Returns:
        The decision. An issue whose creation is unknown, that was deleted, or that no rule ever
        covered touches no field and says nothing; its coverage names the reason.
    """
    found = found or folded(timeline, policy, now)
    if found is None:
        return Decision(Coverage("the issue's creation is not known yet", project=""))
    spans, history, cycles = found
    if over:
        cycles = joined(over, cycles)
    coverage = spans[-1].coverage
    if timeline.deleted_at:
        return Decision(coverage, cycles)
    announced = Announced(ledger.said, now, looks_ahead=looks_ahead)
    on_grid = any(map(_ON_GRID, spans))
    # First, since of what comes later than a due instant no calendar has to be asked.
    owed = _awaited(cycles, announced, on_grid=on_grid)
    speaking = tuple(_speaking(cycles)) if on_grid else cycles
    _announce(speaking, policy, announced)
    if any(map(_SPEAKS, spans)):
        case = Case(issue_id, timeline, policy, spans, history, cycles, relatives, now)
        for notice in notices_of(case):
            notice.announce(announced)
    sayings: Sequence[Saying] = announced.sayings
    if since and sayings:
        sayings = said_in_hindsight(announced, speaking, policy, since, over)
    return Decision(
        coverage,
        cycles,
        fields_of(coverage, cycles, owed, announced.level),
        tuple(sorted(sayings, key=_IN_ORDER)),
        frozenset(announced.standing),
        tuple([(duty, done(duty, history)) for duty in coverage.duties()]),
        announced.next_at if looks_ahead else None,
    )


_IN_ORDER = attrgetter("at", "key")
_ON_GRID, _SPEAKS = attrgetter("coverage.on_grid"), attrgetter("coverage.speaks")


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
    # Most cycles hold one promise, which was kept, and nothing was said of them that could be taken
    # back: to see that takes a ninth of the time of finding that there is nothing to say.
    spoken_of, now = announced.spoken_of, announced.now
    if not policy.speaks_early:
        cycles = [
            cycle
            for cycle in cycles
            if cycle.state != "met"
            or cycle.until_at > now
            or len(cycle.promises) > 1
            or (spoken_of and f"{cycle.metric}/{cycle.number}" in spoken_of)
        ]
    for cycle in cycles:
        alerts = policy.alerts_for(cycle.metric, cycle.promises[-1].coverage)
        announce(cycle, alerts, announced)


def _awaited(cycles: Sequence[Cycle], announced: Announced, *, on_grid: bool) -> list[Cycle]:
    """The cycles that run towards a due instant, which is waited for."""
    found = []
    for cycle in cycles:
        if cycle.ending is None and cycle.due_at:
            found.append(cycle)
            announced.await_(cycle.promises[-1].due_at)
    if on_grid:
        # There the next cycle begins when this one is used up, even if it was met.
        for cycle in cycles:
            if cycle.metric in cycle.promise.coverage.on_grid:
                announced.await_(cycle.promise.due_at)
    return found
