"""What is refused at the door: told once in a while, however often it comes, in bounded memory."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

WINDOW = timedelta(minutes=1)
PATIENCE = 20
"""So many refusals of one address within a window are explained; after that it is told to wait."""
TOLD_EVERY = timedelta(seconds=10)
"""How often refusals are logged and counted in the database at most."""
MOST_ADDRESSES = 1000
_THE_OTHERS = "the others"


@dataclass(slots=True)
class _Window:
    since: datetime
    number: int = 0

    def is_over(self, now: datetime) -> bool:
        # A clock that was set back ends it too.
        return not self.since <= now < self.since + WINDOW


class Refusals:
    """The refusals of one process. Any number of threads may share it.

    Behind a proxy all that comes has one address. Whoever uses this must therefore check first
    whether something is to be refused: it never says that something must not be let in.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._lock = threading.Lock()
        self._windows: dict[str, _Window] = {}
        self._untold: Counter[str] = Counter()
        self._told_at: datetime | None = None

    def note(self, site: str, address: str) -> timedelta | None:
        """Take down one refusal.

        Returns:
            How long the address is to wait, once it has been refused too often; else None.
        """
        now = self._now()
        with self._lock:
            self._untold[site] += 1
            window = self._window_of(address, now)
            window.number += 1
            return window.since + WINDOW - now if window.number > PATIENCE else None

    def to_be_told(self) -> Mapping[str, int]:
        """The refusals of each site that nobody was told of yet; none while it is too early."""
        now = self._now()
        with self._lock:
            told_at = self._told_at
            if not self._untold or (told_at and told_at <= now < told_at + TOLD_EVERY):
                return {}
            self._told_at = now
            found, self._untold = self._untold, Counter()
            return found

    def not_told(self, numbers: Mapping[str, int]) -> None:
        """Take back what could not be told after all."""
        with self._lock:
            self._untold.update(numbers)

    @property
    def untold(self) -> int:
        """How many refusals, of all sites, nobody was told of yet."""
        with self._lock:
            return self._untold.total()

    def _window_of(self, address: str, now: datetime) -> _Window:
        window = self._windows.get(address)
        if window is None and len(self._windows) >= MOST_ADDRESSES:
            self._windows = {a: w for a, w in self._windows.items() if not w.is_over(now)}
            if len(self._windows) >= MOST_ADDRESSES:
                address = _THE_OTHERS
                window = self._windows.get(address)
        if window is None or window.is_over(now):
            window = self._windows[address] = _Window(now)
        return window
