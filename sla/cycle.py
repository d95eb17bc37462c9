"""One run of a metric's clock, as judged at an instant: started, paused, stopped, due, state."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Literal

import msgspec

from sla.acts import Moment
from sla.contract import Duty
from sla.promise import Promise
from sla.resting import Rest

State = Literal["running", "paused", "met", "breached", "cancelled"]


# Structs and not dataclasses: see `sla.timeline.Version`.
class GivenUp(msgspec.Struct, frozen=True, gc=False):
    """The clock stopped at this instant without what it waited for."""

    met_the_metric: ClassVar[bool] = False
    by: ClassVar[None] = None

    at: datetime
    reason: str


# The moment itself, and nothing made of it: a fold has as many of them as replies.
Ending = Moment | GivenUp
"""The clock stopped for good at this instant: by the act that met the metric, or unmet."""


class Cycle(msgspec.Struct, frozen=True, gc=False):
    """One run of a metric as judged at an instant; instants are aware UTC."""

    metric: str
    number: int
    started_at: datetime
    ending: Ending | None
    state: State
    due_at: datetime | None
    """None while nothing can be due: paused or cancelled."""
    until_at: datetime
    """The clock's end, or the instant of judgement."""
    promises: tuple[Promise, ...]
    rest: Rest
    conditional_on: tuple[Duty, ...] = ()
    """The duties that the promise depends on and that nobody did by its end, or by now."""

    @property
    def promise(self) -> Promise:
        """The promise that holds, or that held at the end."""
        return self.promises[-1]

    @property
    def words(self) -> str:
        """What is measured, in words."""
        return self.promises[-1].coverage.words(self.metric)

    @property
    def elapsed(self) -> timedelta:
        """Open time used until the clock's end, or until the instant of judgement."""
        # Only explanations ask for it: to work it out for every cycle took a sixth of the time.
        last = self.promise
        end, pauses = max(self.until_at, last.since_at), self.rest.until(self.until_at)
        return last.used_before + last.goal.calendar.elapsed(last.since_at, end, pauses)

    @property
    def answered_by(self) -> str | None:
        """Whose act met the metric, in time or late; None while it was not, or nobody knows."""
        return self.ending.by if self.ending and self.ending.met_the_metric else None

    @property
    def stopped_at(self) -> datetime | None:
        """When the metric was met, in time or late; None while it was not."""
        return self.ending.at if self.ending and self.ending.met_the_metric else None

    def comes_to(self, instant: datetime) -> bool:
        """Whether the clock is still going when it gets to that instant."""
        resting = self.rest.since_at is not None and self.rest.since_at < instant
        ended = self.ending is not None and self.ending.at <= instant
        return not resting and not ended
