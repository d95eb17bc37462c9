"""The slowest of many deliveries at once, beside a lone one."""

from __future__ import annotations

import statistics
import threading

from bench.posting import CONNECTIONS, servers
from bench.row import Context, Figure, Result, Row

_TIMES = 50
# A lone request comes to a service that rests.
_REST = 3.0


def measure(context: Context) -> Result:
    """First lone requests, one after another; then as many as are taken, on all connections."""
    rounds, number, alone = (2, 600, 30) if context.quick else (5, 4000, 200)
    with servers() as there:
        there.stored(50, 1)
        threading.Event().wait(_REST)
        lone = there.stored(alone, 1)
        many = [there.stored(number, CONNECTIONS) for _ in range(rounds)]
    slowest = statistics.median(one.p99 for one in many)
    times = slowest / lone.median
    return Result(
        (
            Figure("a lone request, median", lone.median * 1000, "ms"),
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
