"""A stretch of a calendar worked out once: when it is open, and how much so far, for bisection.

With running totals, *elapsed* and *due* are the same function read in two directions: `used` gives
the open time before an instant, `earliest` and `latest` the instant for an amount of open time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import accumulate

from sla.interval import Span, clipped


class OpenTable:
    """The open spans within `[first, last]`, microseconds since the epoch; never changed.

    Args:
        first, last: the range for which the table is exact.
        spans: the open time, merged and sorted, within that range.
    """

    __slots__ = ("closes", "first", "last", "opens", "total", "totals")

    def __init__(self, first: int, last: int, spans: Sequence[Span]) -> None:
        self.first = first
        self.last = last
        self.opens = [from_ for from_, _ in spans]
        self.closes = [to for _, to in spans]
        self.totals = list(accumulate((to - from_ for from_, to in spans), initial=0))
        """Open time before each span; the last figure is that of the whole table."""
        self.total = self.totals[-1]

    def used(self, instant: int) -> int:
        """Open time from the table's beginning to an instant."""
        index = bisect_right(self.opens, instant) - 1
        if index < 0:
            return 0
        if instant >= self.closes[index]:
            return self.totals[index + 1]
        return self.totals[index] + instant - self.opens[index]

    def earliest(self, used: int) -> int:
        """The first instant by which that much was used, 0 < used <= total.

        A span that is used up exactly gives its closing instant.
        """
        index = bisect_left(self.totals, used) - 1
        return self.opens[index] + used - self.totals[index]

    def latest(self, used: int) -> int:
        """The last instant until which no more was used, 0 <= used < total: mirrors `earliest`."""
        index = bisect_right(self.totals, used) - 1
        return self.opens[index] + used - self.totals[index]

    def open_from(self, instant: int) -> int | None:
        """The instant itself when open, else the next opening; None when the table has none."""
        index = bisect_right(self.closes, instant)
        return max(self.opens[index], instant) if index < len(self.opens) else None

    def open_until(self, instant: int) -> int | None:
        """The instant itself when open just before it, else the closing before; mirrors the above.

        None when the table has none.
        """
        index = bisect_left(self.opens, instant) - 1
        return min(self.closes[index], instant) if index >= 0 else None

    def between(self, from_: int, to: int) -> list[Span]:
        """The open spans within `[from_, to)`."""
        low, high = bisect_right(self.closes, from_), bisect_left(self.opens, to)
        return clipped(zip(self.opens[low:high], self.closes[low:high], strict=True), from_, to)
