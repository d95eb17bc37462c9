"""How long `dueline --help` takes, from nothing to its last line."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from bench.row import Context, Result, Row, taking_turns
from bench.starting import COMMAND, PYTHON, Place, judged, rounds

_SECONDS, _TIMES = 0.3, 5


def measure(context: Context) -> Result:
    """In turn with an interpreter that does nothing."""
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory))
        found = taking_turns(
            {
                "python -c pass": partial(place.run, PYTHON),
                "dueline --help": partial(place.run, [*COMMAND, "--help"]),
            },
            rounds(context, 31),
        )
    return judged(found, "dueline --help", _SECONDS, _TIMES)


ROW = Row(
    id="start_help",
    title="start of `dueline --help`",
    to_reach="0.3 s, with compiled bytecode",
    against="5 times the interpreter's own start",
    measure=measure,
)
