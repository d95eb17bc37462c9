"""The slowest of many deliveries at once, beside a lone one that comes to a resting service."""

from __future__ import annotations

import statistics

from bench.posting import CONNECTIONS, servers
from bench.row import Context, Figure, Result, Row

_TIMES = 50


def measure(context: Context) -> Result:
    """Lone requests, each once all before it is settled; then 32 at once, as fast as they go."""
    rounds, number, alone = (2, 600, 20) if context.quick else (5, 4000, 100)
    lone = []
    with servers(context.seed) as there:
        for _ in range(alone):
            there.settle()
            lone.append(there.stored(1, 1).median)
        many = [there.stored(number, CONNECTIONS) for _ in range(rounds)]
    slowest = statistics.median(each.p99 for each in many)
    one = statistics.median(lone)
    times = slowest / one
    return Result(
        (
            Figure("a lone request, median", one * 1000, "ms"),
            Figure("of 32 at once, median", statistics.median(m.median for m in many) * 1000, "ms"),
            Figure("of 32 at once, 99th percentile", slowest * 1000, "ms"),
        ),
        times < _TIMES,
        f"{times:.0f} times a lone request",
        times,
    )


ROW = Row(
    "intake_tail",
    "the same, 99th percentile",
    "under 50 times the median of one lone request",
    "itself",
    measure,
)
