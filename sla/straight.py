"""Judges clocks by their starts and stops alone, where nothing else ever mattered to them.

Of most issues that is so. Then what other goals make of them follows from what is recorded, and no
history has to be read for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sla.acts import Moment
from sla.clock.stretches import Stretch, walk
from sla.contract import Contract, Metric
from sla.cycle import Cycle
from sla.decide import Folded
from sla.mapping import Coverage, Terms
from sla.promise import NOTHING, Kept, promised
from sla.resting import NEVER, NO_REST


def is_straight(found: Folded | None) -> bool:
    """Whether an issue's clocks follow from their starts and stops by its one coverage.

    No other one ever held, and no clock rested before its end, or was given up.
    """
    if found is None or len(found.spans) > 1:
        return False
    for each in found.cycles:
        if each.rest != NO_REST or (each.ending and not each.ending.met_the_metric):
            return False
    return bool(found.cycles)


def goals_alone_differ(one: Contract, other: Contract) -> bool:
    """Whether two versions of a contract measure the same, and promise it for the same issues."""
    return len(one.metrics) == len(other.metrics) and all(
        map(_measure_alike, one.metrics, other.metrics)
    )


def measures_no_more(before: Coverage, after: Coverage) -> bool:
    """Whether a coverage promises nothing whose starts and stops another one did not look for."""
    known = {each.metric: each.clock for each in before.all_terms}
    return all(known.get(each.metric) == each.clock for each in after.all_terms)


def _measure_alike(one: Metric, other: Metric) -> bool:
    scopes = [[(type(goal), goal.scope) for goal in each.goals] for each in (one, other)]
    words = [(each.name, each.title, each.clock) for each in (one, other)]
    return scopes[0] == scopes[1] and words[0] == words[1]


def goes_straight(coverage: Coverage) -> bool:
    """Whether no clock of a coverage depends on more than starts, stops and rests.

    The slots of a grid follow from their goals, and duties are looked for in the history.
    """
    return not (coverage.on_grid or coverage.may_wait or coverage.duties())


def dues_of(coverage: Coverage, terms: Terms, starts: Sequence[datetime]) -> Sequence[datetime]:
    """When the cycles are due that `rejudged` gives for these starts; it takes half the time."""
    goal = terms.goal
    if goal.plain_time is not None:
        return goal.calendar.dues(starts, goal.plain_time)
    return [promised(at, coverage, goal, NOTHING, at, Kept()).due_at for at in starts]


def rejudged(
    coverage: Coverage,
    terms: Terms,
    starts: Sequence[datetime],
    met: Sequence[datetime | None],
    now: datetime,
) -> list[Cycle]:
    """A metric's cycles as a coverage that goes straight judges them, of an issue that is straight.

    Args:
        coverage: the only one that it ever had.
        terms: what it promises of the metric; on no duty.
        starts: when each cycle started, in order, aware UTC.
        met: when it was met, if it was.
        now: the instant of judgement, aware UTC.

    Returns:
        What the fold of its history comes to, but for whose act it was that met the metric.
    """
    if terms.duties:
        raise AssertionError("whether a duty was done is told by the history alone")
    found: list[Cycle] = []
    stops = [None if met_at is None else Moment(met_at, "", "") for met_at in met]
    walk(starts, stops, Stretch(NEVER, coverage, terms, NO_REST), None, now, found)
    return found
