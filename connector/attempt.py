"""A request that is about to leave, as the tables know it.

Who takes over from a process that is gone waits until its last request can have no effect any more.
A process that only hung, and comes back, must therefore not send what it had recorded long ago.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

IN_FLIGHT: Final = timedelta(seconds=30)
"""So long after it was recorded a request may still take effect; the client waits for 20 s."""
_FRESH_SECONDS = 5.0
_TRIES = 3
_SOONEST_LOOK = timedelta(seconds=2)


@dataclass
class Attempt:
    """One request.

    Attributes:
        record: enters in the tables that the request leaves at an instant, provided that they say
            what was entered before (None: nothing); False when they say something else.
        now: the clock.
        monotonic: seconds of real time from any start, also while the clock runs faster.
        at: what the tables say.
    """

    record: Callable[[datetime | None, datetime], bool]
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    at: datetime | None
    _recorded: float | None = None

    def may_leave(self) -> bool:
        """Record that it leaves now, unless that was just done.

        Returns:
            False when another process has it by now, or the machine is too slow to say so in time.
        """
        for _ in range(_TRIES):
            started = self.monotonic()
            if self._recorded is not None and started - self._recorded <= _FRESH_SECONDS:
                return True
            at = self.now()
            if not self.record(self.at, at):
                return False
            self.at, self._recorded = at, started
        return False


def may_follow(attempted_at: datetime | None, now: datetime) -> bool:
    """Whether a request that was recorded then may still take effect."""
    return attempted_at is not None and now - attempted_at < IN_FLIGHT


def next_look(attempted_at: datetime, now: datetime) -> datetime:
    """When to look next whether it took effect: soon at first, and when it is certain."""
    certain_at = attempted_at + IN_FLIGHT
    return min(certain_at, now + max(now - attempted_at, _SOONEST_LOOK))
