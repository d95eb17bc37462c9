"""How long `dueline serve` takes until it is ready for Jira."""

from __future__ import annotations

import tempfile
from functools import partial
from itertools import count
from pathlib import Path

from bench.row import Context, Result, Row, taking_turns
from bench.starting import PYTHON, Place, judged, rounds, served, simulated_jira

_SECONDS, _TIMES = 2.0, 30


def measure(context: Context) -> Result:
    """On a database that was served before, and, for the first time, on none."""
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory))
        with simulated_jira(place) as told:
            numbers = count()

            def ready(*, anew: bool) -> float:
                name = f"{next(numbers)}.sqlite3" if anew else "kept.sqlite3"
                with served(place, told, place.directory / name) as (_, seconds):
                    return seconds

            found = taking_turns(
                {
                    "python -c pass": partial(place.run, PYTHON),
                    "dueline serve": partial(ready, anew=False),
                    "the same, without a database": partial(ready, anew=True),
                },
                rounds(context, 11),
            )
    return judged(
        found,
        "dueline serve",
        _SECONDS,
        _TIMES,
        "until /readyz answers 200; the simulated Jira runs in a process of its own",
        "without a database its tables are made first, and Jira is asked who Dueline is",
    )


ROW = Row(
    id="start_serve",
    title="start of `dueline serve` until ready",
    to_reach="2 s, with compiled bytecode",
    against="30 times the interpreter's own start",
    measure=measure,
)
