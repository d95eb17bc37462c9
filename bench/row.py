"""What a row of the table is: a promise about speed or size, and the measurement that judges it.

Each file of `bench/rows/` holds one as `ROW`. Its `measure` returns what was seen, also where that
is bad; it raises only where it could not measure.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

_THOUSAND = 1000


@dataclass(frozen=True)
class Figure:
    """One measured number, such as `Figure("dueline", 1.3, "us")`.

    A time is a median and says its unit: "ns", "us", "ms" or "s". Other units are free.
    """

    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Curve:
    """How something grows, drawn with both axes logarithmic into `docs/performance/<id>.svg`.

    `x` and `y` label the axes, with their units. Each line has its points `(x, y)` in order of x;
    both are above zero.
    """

    id: str
    title: str
    x: str
    y: str
    lines: Mapping[str, Sequence[tuple[float, float]]]


@dataclass(frozen=True)
class Result:
    """What a measurement found; `said` is its one line, such as "45 times faster".

    `ratio` is the factor that the row is judged by, where it is judged by one. The notes tell what
    a reader must know to understand the figures: a peer's wrong answers, what was counted and how.
    """

    figures: tuple[Figure, ...]
    reached: bool
    said: str
    ratio: float | None = None
    curves: tuple[Curve, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Context:
    """How to measure: `quick` with small sizes, to see that it runs.

    `peers` is the interpreter of the environment that has the peers, None where there is none.
    """

    quick: bool
    peers: Path | None
    seed: int = 1
    """What random inputs come from."""


@dataclass(frozen=True)
class Row:
    """A row: its target and its opponent as the table words them, and the measurement."""

    id: str
    title: str
    to_reach: str
    against: str
    measure: Callable[[Context], Result]


def interleaved(
    works: Mapping[str, Callable[[], object]], rounds: int, number: int = 1
) -> dict[str, float]:
    """The median of seconds per call for each work, over so many rounds of `number` calls each.

    In every round each work has its turn, so that what else the machine does hits all alike; who
    goes first changes from round to round. One round before the first is not counted. The collector
    of garbage runs between turns and not within them.
    """
    return taking_turns(
        {name: partial(seconds_per_call, work, number) for name, work in works.items()}, rounds
    )


def taking_turns(timed: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """As `interleaved`, of works that take their own time: each returns its seconds per call."""
    names = list(timed)
    seen: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(-1, rounds):
        for name in _rotated(names, turn):
            seconds = timed[name]()
            if turn >= 0:
                seen[name].append(seconds)
    return {name: statistics.median(each) for name, each in seen.items()}


def seconds_per_call(work: Callable[[], object], number: int = 1) -> float:
    """Seconds that a call takes, over so many, without the collector of garbage."""
    gc.collect()
    collecting = gc.isenabled()
    gc.disable()
    try:
        began = time.perf_counter()
        for _ in range(number):
            work()
        return (time.perf_counter() - began) / number
    finally:
        if collecting:
            gc.enable()


def _rotated(names: Sequence[str], by: int) -> Sequence[str]:
    first = by % len(names)
    return [*names[first:], *names[:first]]


def number(value: float) -> str:
    """A number for people: three digits that count, thousands apart."""
    return f"{value:,.0f}" if abs(value) >= _THOUSAND else f"{value:.3g}"
