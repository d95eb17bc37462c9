"""A clock that several processes read and one moves: so that two runs see the very same instants.

It lies in a file of eight bytes that every process maps, and stands still until it is moved.
"""

from __future__ import annotations

import mmap
from datetime import UTC, datetime, timedelta
from pathlib import Path

from webhooks.clock import SystemClock

VARIABLE = "DUELINE_CHAOS_CLOCK"
"""Names the file for the processes under test."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
# Nobody knows when it will be moved, so whoever waits for an instant looks again after this.
_GLANCE = timedelta(milliseconds=20)
_real = SystemClock()


class SharedClock:
    """The clock in a file that is there already; see `SharedClock.made`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("r+b") as file:
            self._shown = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")

    @classmethod
    def made(cls, path: Path, at: datetime) -> SharedClock:
        """A new clock that shows an instant."""
        path.write_bytes(bytes(8))
        clock = cls(path)
        clock.move(at)
        return clock

    def move(self, at: datetime) -> None:
        """Have it show another instant, to every process at once."""
        self._shown[0] = (at - _EPOCH) // _MICROSECOND

    def now(self) -> datetime:
        """The instant that it shows, aware UTC."""
        return _EPOCH + self._shown[0] * _MICROSECOND

    def real_time(self, at: datetime) -> datetime:
        """When to look whether it shows `at`."""
        return _real.now() + (_GLANCE if at > self.now() else timedelta(0))
