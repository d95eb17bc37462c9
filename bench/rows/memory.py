"""What `dueline serve` takes of memory, by the number of open issues."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

from bench.filled import fill
from bench.row import Context, Curve, Figure, Result, Row
from bench.starting import Place, memory_of, served, simulated_jira
from webhooks.clock import SystemClock

_ALLOWED = 200
_MEGABYTE = 1e6
# Until what a start finds to do is done: it signs in, reconciles, sweeps twice.
_SETTLED = 15.0


def measure(context: Context) -> Result:
    """Of the process, after the start and two sweeps."""
    sizes = (100, 1_000) if context.quick else (1_000, 10_000, 100_000)
    found: dict[int, tuple[float, float]] = {}
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory))
        with simulated_jira(place) as told:
            for size in sizes:
                database = place.directory / f"{size}.sqlite3"
                fill(f"sqlite:///{database}", size, at=SystemClock().now())
                # Once more, since the first start may read the configuration anew.
                with served(place, told, database):
                    pass
                with served(place, told, database) as (process_id, _):
                    threading.Event().wait(1.0 if context.quick else _SETTLED)
                    once, each = memory_of(process_id)
                found[size] = once / _MEGABYTE, each / _MEGABYTE
                database.unlink()
    once, each = found[sizes[-1]]
    return Result(
        (
            *(Figure(f"{size:,} open issues", found[size][0], "MB") for size in sizes),
            Figure("the same, shared pages counted for each process", each, "MB"),
        ),
        reached=once <= _ALLOWED and each <= _ALLOWED,
        said=f"{once:.0f} MB with {sizes[-1]:,} open issues",
        curves=(
            Curve(
                "memory",
                "memory of `dueline serve`",
                "open issues",
                "MB",
                {
                    "each page once": [(size, found[size][0]) for size in sizes],
                    "for each process": [(size, found[size][1]) for size in sizes],
                },
            ),
        ),
        notes=("a page that other processes have too counts by its share, or whole",),
    )


ROW = Row(
    id="memory",
    title="memory of `dueline serve` with 100,000 open issues",
    to_reach="200 MB",
    against="counted",
    measure=measure,
)
