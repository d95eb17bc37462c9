"""Half-open spans of time as plain integers: what every question about open time comes down to.

A span is `(from, to)` in microseconds since the epoch, with `from < to`: it holds `from`, not `to`,
so that two spans which touch share no instant and leave no gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int]
"""From (included) to (excluded), microseconds since the epoch, UTC."""


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same time as sorted spans that neither overlap nor touch; empty ones vanish.

    Args:
        spans: in any order, overlapping or not; one whose end is not after its start is empty.
    """
    result: list[Span] = []
    last_from = last_to = None
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


def clipped(spans: Iterable[Span], from_: int, to: int) -> list[Span]:
    """The part of each span within `[from_, to)`; spans outside vanish."""
    return [(max(a, from_), min(b, to)) for a, b in spans if a < to and b > from_]


def subtracted(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """What is left of `spans` when `holes` are cut out; both merged, as `merged` gives them."""
    result: list[Span] = []
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


def gaps(spans: Iterable[Span], from_: int, to: int) -> Iterator[Span]:
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
