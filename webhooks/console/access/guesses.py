"""Slows down those who try tokens.

Kept in memory: each process counts for itself, and a restart forgets. A token of ours cannot be
found by trying; this is for the one that somebody thought up and put into the environment.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from datetime import datetime, timedelta

WITHIN = timedelta(minutes=10)
MANY = 10
PAUSE = timedelta(seconds=5)


class Guesses:
    """Counts wrong tokens, wherever they came from. Any number of threads may share it."""

    def __init__(self) -> None:
        self._wrong: deque[datetime] = deque(maxlen=MANY)
        self._lock = threading.Lock()

    def wait(self, now: datetime) -> int:
        """How many seconds the next one has to wait; 0: it may be tried."""
        with self._lock:
            if len(self._wrong) < MANY or now - self._wrong[0] >= WITHIN:
                return 0
            rest = PAUSE - (now - self._wrong[-1])
        # A clock that was set back makes nobody wait for longer than the pause.
        return max(0, math.ceil(min(rest, PAUSE).total_seconds()))

    def was_wrong(self, now: datetime) -> bool:
        """One was tried that opens nothing.

        Returns:
            Whether that is worth a row in the audit log. Whoever goes on and on would fill it.
        """
        with self._lock:
            was_many = len(self._wrong) == MANY and now - self._wrong[0] < WITHIN
            self._wrong.append(now)
            return not was_many
