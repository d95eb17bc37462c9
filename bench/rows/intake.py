"""Durable intake: deliveries a second that are on disk and answered, beside a bare view."""

from __future__ import annotations

import statistics

from bench.posting import CONNECTIONS, servers
from bench.row import Context, Figure, Result, Row

_HALF = 0.5


def measure(context: Context) -> Result:
    """Post to both in turn, which of them first changes; the ratio is the median over the turns."""
    rounds, number = (2, 600) if context.quick else (5, 4000)
    bare, stored = [], []
    with servers(context.seed) as there:
        for each in (there.bare, there.stored):
            each(200, CONNECTIONS)
        for nth in range(rounds):
            if nth % 2:
                stored.append(there.stored(number, CONNECTIONS))
            # Else Dueline would still be deciding what the turn before had brought.
            with there.held_up():
                bare.append(there.bare(number, CONNECTIONS))
            if not nth % 2:
                stored.append(there.stored(number, CONNECTIONS))
    for one in stored:
        if set(one.statuses) != {"202"}:
            raise RuntimeError(f"not all were taken: {one.statuses}")
    ratio = statistics.median(s.rate / b.rate for s, b in zip(stored, bare, strict=True))
    return Result(
        (
            Figure("bare view", statistics.median(one.rate for one in bare), "/s"),
            Figure("stored", statistics.median(one.rate for one in stored), "/s"),
        ),
        ratio >= _HALF,
        f"{ratio:.2f} of the throughput of a bare view",
        ratio,
        notes=(
            "Deciding and writing to Jira go on meanwhile; they give way while deliveries rush in.",
            "The bare view has both processors to itself: Dueline is held up meanwhile.",
            "The bare view is Flask's; Dueline keeps a good delivery before Flask is asked.",
            "One delivery in twenty is of a new issue; the others are comments and changes.",
            "The sender is a process of its own, and shares the processors with the server.",
        ),
    )


ROW = Row(
    "intake",
    "durable intake: signed 10 kB deliveries, 32 connections, synced before the 202",
    "half the throughput of a bare 204",
    "the same server with an empty view",
    measure,
)
