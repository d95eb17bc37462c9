"""Deliveries that rush in have precedence: what was heard gives way to them, though not for ever.

Python runs one thread at a time, so that deciding and writing to Jira slow down intake beside them;
what they do can as well be done once the rush is over. What falls due meanwhile cannot: it gives
way to nothing.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_MANY = 4
"""So many deliveries at once are a rush: one after another, as they come on most days, none is."""
_LASTS = 0.1
"""Seconds: between one handful and the next there is a moment without any. It is the longer the
more threads decide beside the loop: with a fifth of this a rush that began while much was being
decided was hardly seen as one, so that deciding went on, and intake kept 0.35 of a bare view's
throughput, where it keeps 0.49."""
_LOOKS = 0.01
"""Seconds between two looks whether it is over."""
_LONGEST = 0.4
"""Seconds that a piece of work gives way: two or three a second go on, over all lanes, come what
may. At ten a second intake kept about 0.28 of a bare view's throughput, where for five seconds
together none went on 0.38."""


class Rush:
    """Knows how many deliveries are being taken in. Safe to use from any thread.

    Args:
        monotonic: seconds of real time from any start.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._gate = threading.Lock()
        self._inside = 0
        self._many_at = -_LASTS
        self._turn = threading.Lock()
        self._hurries = 0
        # Never set: what waits for it waits for a length of time.
        self._pause = threading.Event()

    def come(self) -> None:
        """One delivery is being taken in."""
        with self._gate:
            self._inside += 1
            self._note()

    def gone(self, number: int = 1) -> None:
        """So many are so no longer."""
        with self._gate:
            # However long they were inside, as while a disk is slow.
            self._note()
            self._inside -= number

    def _note(self) -> None:
        if self._inside >= _MANY:
            self._many_at = self._monotonic()

    @contextmanager
    def one(self) -> Iterator[None]:
        """While one delivery is being taken in."""
        self.come()
        try:
            yield
        finally:
            self.gone()

    @property
    def is_on(self) -> bool:
        """Whether deliveries rush in at present."""
        return self._inside >= _MANY or self._monotonic() - self._many_at < _LASTS

    def hurry(self) -> None:
        """Have all that gives way now go on: what falls due would wait for a place behind it."""
        self._hurries += 1

    def give_way(self) -> None:
        """Wait for the end of a rush, or for as long as anything has to wait for it."""
        if not self.is_on:
            return
        hurries = self._hurries
        # One after another, however many lanes there are.
        with self._turn:
            until = self._monotonic() + _LONGEST
            while self.is_on and self._hurries == hurries and self._monotonic() < until:
                self._pause.wait(_LOOKS)
