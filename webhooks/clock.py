"""The one place that reads the machine's clock; everything else is handed an instant."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import msgspec


class ClockError(ValueError):
    """A clock description does not read as one; the message says what would."""


class SystemClock:
    """Real time."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""
        return datetime.now(UTC)

    def real_time(self, at: datetime) -> datetime:
        """The instant itself."""
        return at


class FastClock(msgspec.Struct, frozen=True):
    """A clock that showed `shown_at` at the real instant `real_at` and runs `speed` times as fast.

    It keeps no state, so processes that were given the same three values agree on the time.
    """

    shown_at: datetime
    real_at: datetime
    speed: float

    def now(self) -> datetime:
        """The present instant on this clock, aware UTC."""
        return self.shown_at + (datetime.now(UTC) - self.real_at) * self.speed

    def real_time(self, at: datetime) -> datetime:
        """When the machine's clock will be, as this clock shows `at`."""
        return self.real_at + (at - self.shown_at) / self.speed

    def __str__(self) -> str:
        return f"{self.shown_at.isoformat()} {self.real_at.isoformat()} {self.speed}"

    @classmethod
    def starting(cls, shown_at: datetime | None, speed: float) -> FastClock:
        """A clock that shows `shown_at` right now (the real time, when None)."""
        real_at = datetime.now(UTC)
        return cls((shown_at or real_at).astimezone(UTC), real_at, speed)

    @classmethod
    def parse(cls, text: str) -> FastClock:
        """The inverse of `str`.

        Raises:
            ClockError: the text is not three parts: instant, instant, number above zero.
        """
        try:
            shown_at, real_at, speed = text.split()
            clock = cls(
                datetime.fromisoformat(shown_at), datetime.fromisoformat(real_at), float(speed)
            )
        except ValueError as error:
            raise ClockError(
                f"DUELINE_DEMO_CLOCK is {text!r}; expected two instants and a speed"
            ) from error
        offsets = {clock.shown_at.utcoffset(), clock.real_at.utcoffset()}
        if not 0 < clock.speed < math.inf or offsets != {timedelta(0)}:
            raise ClockError(
                f"DUELINE_DEMO_CLOCK is {text!r}; expected instants in UTC and a speed above 0"
            )
        return clock
