"""What others owe for a promise: when a duty was done, and while information was missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sla.acts import History, given
from sla.condition import while_true
from sla.contract import Checklist, Duty
from sla.timeline import Spans, Timeline


def done(duty: Duty, history: History) -> datetime | None:
    """When a duty was done; None while it is not."""
    return min((moment.at for act in duty.done for moment in history.moments(act)), default=None)


def undone(duties: Sequence[Duty], end: datetime, history: History) -> tuple[Duty, ...]:
    """The duties on which the promise depends and that nobody did by an instant."""
    conditions = [duty for duty in duties if duty.effect == "conditional"]
    done_at = [done(duty, history) for duty in conditions]
    return tuple(
        duty for duty, at in zip(conditions, done_at, strict=True) if at is None or at > end
    )


def while_missing(checklist: Checklist, timeline: Timeline) -> Spans:
    """The spans of an issue's life in which some information was missing."""
    known = timeline.held.get(id(checklist))
    if known is None or known[0] is not checklist:
        names = {"summary", "description"}.union(*(item.fields for item in checklist.items))

        def missing(at: datetime) -> bool:
            return any(not given(item, timeline, at) for item in checklist.items)

        known = timeline.held[id(checklist)] = (checklist, while_true(timeline, names, missing))
    return known[1]
