"""When a channel beyond Jira, such as a chat or a pager, may be told of a promise in danger.

A channel has hours of its own; the rest are its quiet hours. What falls into them waits for their
end, unless the channel may be woken for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec

from sla.calendar import Calendar
from sla.effects import Occasion, Saying

InDoubt = Literal["repeat", "drop"]
"""What becomes of a notification of which nobody knows whether it went out: none of the media can
be asked. `repeat` says it once more, and that it may be the second time."""
GIVE_UP_AFTER: Final = timedelta(hours=24)
"""So long after it was to be told something is no news any more, unless a channel has its own."""
CALLS_TO_ACT: frozenset[Occasion] = frozenset({"warning", "escalation"})
"""What nobody needs to hear any more once the clock has ended; a breach is told all the same."""


class Waking(msgspec.Struct, frozen=True):
    """What a channel is told in its quiet hours too: all that is asked for has to hold."""

    occasions: frozenset[str] = frozenset()
    """Empty: any."""
    severities: frozenset[str] = frozenset()
    """By their names in the contracts; empty: any."""

    def holds(self, saying: Saying) -> bool:
        """Whether it asks for this saying."""
        severity = saying.facts.get("severity")
        return (not self.occasions or saying.occasion in self.occasions) and (
            not self.severities or severity in self.severities
        )


class Channel(msgspec.Struct, frozen=True):
    """A way to tell people something; where it leads is no part of the configuration."""

    name: str
    hours: Calendar | None = None
    """When it may be told; None: at any hour."""
    at_any_hour: Waking | None = None
    """What it is told outside them, too."""
    in_doubt: InDoubt = "repeat"
    give_up_after: timedelta = GIVE_UP_AFTER
    """What it could not be told for so long, quiet hours aside, it is not told any more."""

    def told_at(self, saying: Saying, now: datetime) -> datetime:
        """The instant from `now` on at which it may be told.

        Args:
            saying: what it is told.
            now: the present instant, aware UTC; also where it became true long ago.

        Raises:
            CalendarError: its hours never come again.
        """
        woken = self.at_any_hour is not None and self.at_any_hour.holds(saying)
        if self.hours is None or woken or self.hours.is_open(now):
            return now
        return self.hours.next_opening(now)


class Clock(NamedTuple):
    """How the cycle that caused a saying stands by now."""

    ended: bool
    broken: bool
    """Whether its promise is broken, by what is known now."""


def is_moot(saying: Saying, clock: Clock, *, withdrawn: bool) -> bool:
    """Whether a notification that waited has nothing to say any more.

    Args:
        saying: what it would say.
        clock: of the cycle that caused it.
        withdrawn: whether the saying itself was taken back unsaid.
    """
    untrue = saying.occasion == "breach" and not clock.broken
    return withdrawn or untrue or (clock.ended and saying.occasion in CALLS_TO_ACT)


def clock_of(saying: Saying) -> tuple[str, int] | None:
    """The metric and the number of the cycle that caused a saying; None: none did."""
    metric, _, rest = saying.key.partition("/")
    number = rest.partition("/")[0]
    return (metric, int(number)) if number.isdecimal() else None
