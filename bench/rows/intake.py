"""Durable intake: deliveries a second that are on disk and answered, beside a bare view."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from bench.bare import KINDS, Kind
from bench.posting import CONNECTIONS, Posted, servers
from bench.row import Context, Figure, Result, Row

_HALF = 0.5


def measure(context: Context) -> Result:
    """Post to both in turn, which of them first changes; the ratio is the median over the turns."""
    rounds, number = (2, 600) if context.quick else (5, 4000)
    bare: dict[Kind, list[Posted]] = {kind: [] for kind in KINDS}
    stored = []
    with servers(context.seed) as there:
        for each in (*there.bare.values(), there.stored):
            each(200, CONNECTIONS)
        for nth in range(rounds):
            if nth % 2:
                stored.append(there.stored(number, CONNECTIONS))
            # Else Dueline would still be deciding what the turn before had brought.
            with there.held_up():
                for kind, post in there.bare.items():
                    bare[kind].append(post(number, CONNECTIONS))
            if not nth % 2:
                stored.append(there.stored(number, CONNECTIONS))
    for one in stored:
        if set(one.statuses) != {"202"}:
            raise RuntimeError(f"not all were taken: {one.statuses}")
    faster = max(bare.values(), key=_rate)
    ratio = statistics.median(s.rate / b.rate for s, b in zip(stored, faster, strict=True))
    return Result(
        (
            Figure("bare view, in the server's threads", _rate(bare["threads"]), "/s"),
            Figure("bare view, behind the event loop", _rate(bare["loop"]), "/s"),
            Figure("stored", _rate(stored), "/s"),
        ),
        ratio >= _HALF,
        f"{ratio:.2f} of the throughput of a bare view",
        ratio,
        notes=(
            "Deciding and writing to Jira go on meanwhile; they give way while deliveries rush in.",
            "The bare view has both processors to itself: Dueline is held up meanwhile.",
            "The bare view is Flask's; Dueline keeps a good delivery before Flask is asked.",
            "Judged by the faster of the two ways to serve the bare view.",
            "One delivery in twenty is of a new issue; the others are comments and changes.",
            "The sender is a process of its own, and shares the processors with the server.",
        ),
    )


def _rate(turns: Sequence[Posted]) -> float:
    return statistics.median(each.rate for each in turns)


ROW = Row(
    "intake",
    "durable intake: signed 10 kB deliveries, 32 connections, synced before the 202",
    "half the throughput of a bare 204",
    "the same server with an empty view",
    measure,
)
