"""Half-open spans: merging, cutting, clipping, at each way two spans can lie to one another."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.interval import Span, clipped, gaps, length, merged, subtracted

plain = settings(deadline=None, derandomize=True, max_examples=200)
ends = st.integers(0, 30)
spans = st.lists(st.tuples(ends, ends), max_size=6)


def points(some: list[Span]) -> set[int]:
    return {point for from_, to in some for point in range(from_, to)}


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ([], []),
        ([(1, 3), (5, 7)], [(1, 3), (5, 7)]),
        ([(5, 7), (1, 3)], [(1, 3), (5, 7)]),
        ([(1, 3), (3, 7)], [(1, 7)]),  # they touch
        ([(1, 5), (3, 7)], [(1, 7)]),
        ([(1, 9), (3, 7)], [(1, 9)]),
        ([(4, 4), (6, 5)], []),  # empty, inverted
        ([(1, 5), (1, 7), (6, 6)], [(1, 7)]),
    ],
)
def test_merged(given_: list[Span], expected: list[Span]) -> None:
    assert merged(given_) == expected


@pytest.mark.parametrize(
    ("given_", "holes", "expected"),
    [
        ([(1, 9)], [], [(1, 9)]),
        ([(1, 9)], [(3, 5)], [(1, 3), (5, 9)]),
        ([(1, 9)], [(1, 3), (8, 9)], [(3, 8)]),
        ([(1, 9)], [(0, 10)], []),
        ([(1, 9)], [(9, 12)], [(1, 9)]),  # begins where the span ends
        ([(1, 4), (6, 9)], [(3, 7)], [(1, 3), (7, 9)]),  # one hole over two spans
        ([(1, 3), (4, 6), (7, 9)], [(2, 8)], [(1, 2), (8, 9)]),
    ],
)
def test_subtracted(given_: list[Span], holes: list[Span], expected: list[Span]) -> None:
    assert subtracted(given_, holes) == expected


def test_clipped_leaves_out_what_only_touches() -> None:
    assert clipped([(0, 2), (2, 4), (5, 9), (9, 12)], 2, 9) == [(2, 4), (5, 9)]
    assert clipped([(0, 12)], 2, 9) == [(2, 9)]


def test_gaps_are_what_lies_between() -> None:
    assert list(gaps([(2, 4), (6, 9)], 0, 10)) == [(0, 2), (4, 6), (9, 10)]
    assert list(gaps([(2, 4), (6, 9)], 3, 7)) == [(4, 6)]
    assert list(gaps([], 3, 7)) == [(3, 7)]
    assert list(gaps([(0, 9)], 3, 7)) == []


@plain
@given(spans, spans)
def test_the_same_points_as_sets_of_points(some: list[Span], others: list[Span]) -> None:
    a, b = merged(some), merged(others)
    assert points(a) == points(some)
    assert length(a) == len(points(some))
    assert points(subtracted(a, b)) == points(some) - points(others)
    assert points(clipped(a, 7, 21)) == points(some) & set(range(7, 21))
    assert points(list(gaps(a, 7, 21))) == set(range(7, 21)) - points(some)


@plain
@given(spans, spans)
def test_results_are_merged_again(some: list[Span], others: list[Span]) -> None:
    left = subtracted(merged(some), merged(others))
    assert left == merged(left)
