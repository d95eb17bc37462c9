"""How long one question on the command line takes, from nothing to the answer."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from bench.row import Context, Result, Row, taking_turns
from bench.starting import COMMAND, PYTHON, Place, judged, rounds

_SECONDS, _TIMES = 0.6, 10
_QUESTION = [
    *COMMAND, "deadline", "--project", "HLP", "--priority", "High",
    "--created", "2024-07-10T19:00:00-04:00",
]  # fmt: skip


def measure(context: Context) -> Result:
    """Of the shipped site, as people ask again and again; and where nothing could be kept."""
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory))
        found = taking_turns(
            {
                "python -c pass": partial(place.run, PYTHON),
                "dueline deadline": partial(place.run, _QUESTION),
                "the same, every document read": partial(
                    place.run, _QUESTION, XDG_CACHE_HOME="", HOME=""
                ),
            },
            rounds(context, 31),
        )
    return judged(
        found,
        "dueline deadline",
        _SECONDS,
        _TIMES,
        "what the configuration came to was kept from the round that does not count; where there "
        "is no cache directory, every document is read each time",
    )


ROW = Row(
    id="start_deadline",
    title="start of `dueline deadline`, with its answer",
    to_reach="0.6 s, with compiled bytecode",
    against="10 times the interpreter's own start",
    measure=measure,
)
