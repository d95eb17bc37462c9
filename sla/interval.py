"""Half-open spans of time: what every question about open time comes down to.

A span is `(from, to)` with `from < to`: it holds `from`, not `to`, so that two spans which touch
share no instant and leave no gap. Its ends are datetimes in UTC, integers, microseconds since the
epoch, or timedeltas since some beginning; nothing here asks which.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

Instant = TypeVar("Instant", int, datetime, timedelta)
_Ends = tuple[Instant, Instant]

Span = tuple[int, int]
"""From (included) to (excluded), microseconds since the epoch, UTC."""

SpanAt = tuple[datetime, datetime]
"""The same as datetimes in UTC."""


def merged(spans: Iterable[_Ends[Instant]]) -> list[_Ends[Instant]]:
    """The same time as sorted spans that neither overlap nor touch; empty ones vanish.

    Args:
        spans: in any order, overlapping or not; one whose end is not after its start is empty.
    """
    result: list[_Ends[Instant]] = []
    last_from: Instant | None = None
    last_to: Instant | None = None
    for from_, to in sorted(spans):
        if to <= from_:
            continue
        if last_to is None or last_from is None:
            last_from, last_to = from_, to
        elif from_ > last_to:
            result.append((last_from, last_to))
            last_from, last_to = from_, to
        elif to > last_to:
            last_to = to
    if last_to is not None and last_from is not None:
        result.append((last_from, last_to))
    return result


def clipped(spans: Iterable[_Ends[Instant]], from_: Instant, to: Instant) -> list[_Ends[Instant]]:
    """The part of each span within `[from_, to)`; spans outside vanish."""
    return [(max(a, from_), min(b, to)) for a, b in spans if a < to and b > from_]


def subtracted(
    spans: Sequence[_Ends[Instant]], holes: Sequence[_Ends[Instant]]
) -> list[_Ends[Instant]]:
    """What is left of `spans` when `holes` are cut out; both merged, as `merged` gives them."""
    result: list[_Ends[Instant]] = []
    following = iter(holes)
    hole = next(following, None)
    for from_, to in spans:
        while hole is not None and hole[1] <= from_:
            hole = next(following, None)
        rest = from_
        while hole is not None and hole[0] < to:
            if hole[0] > rest:
                result.append((rest, hole[0]))
            rest = hole[1]
            if rest >= to:  # the hole may reach into the next span: keep it
                break
            hole = next(following, None)
        if rest < to:
            result.append((rest, to))
    return result


def gaps(spans: Iterable[_Ends[Instant]], from_: Instant, to: Instant) -> Iterator[_Ends[Instant]]:
    """The time of `[from_, to)` that none of the spans holds; spans merged."""
    for span_from, span_to in spans:
        if span_from > from_:
            yield from_, min(span_from, to)
        from_ = max(from_, span_to)
        if from_ >= to:
            return
    if from_ < to:
        yield from_, to


def length(spans: Iterable[Span]) -> int:
    """The microseconds that the spans hold together; spans merged."""
    return sum(to - from_ for from_, to in spans)
