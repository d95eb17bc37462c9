"""One row measured in a process of its own, so that no row's leftovers slow down the next.

    .venv/bin/python -m bench.measure deadline_8h --quick

Its result goes to standard output as JSON; the whole table is `python -m bench`.
"""

from __future__ import annotations

import argparse
import importlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec

from bench.row import Context, Result, Row

# A row that has not ended by then never will.
_PATIENCE = 900.0


class NotMeasured(Exception):  # noqa: N818 - a finding, not a mistake
    """A row could not be measured; the message says why."""


def row_of(row_id: str) -> Row:
    """The row of `bench/rows/<id>.py`."""
    row: Row = importlib.import_module(f"bench.rows.{row_id}").ROW
    return row


def apart(row_id: str, context: Context, patience: float = _PATIENCE) -> Result:
    """What a row found, measured in another process.

    Args:
        row_id: which row.
        context: how to measure.
        patience: seconds after which the process and all its children are ended.

    Raises:
        NotMeasured: it failed, died, or did not end in time.
    """
    command = [sys.executable, "-m", "bench.measure", row_id, *_options(context)]
    with subprocess.Popen(  # noqa: S603 - our own
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            said, complaint = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            raise NotMeasured(f"not done after {patience:.0f} s") from None
        finally:
            # The servers and workers that a row has started, also where it could not end them.
            _end(process.pid)
    if process.returncode != 0:
        raise NotMeasured(_last_line(complaint) or f"ended with status {process.returncode}")
    return msgspec.json.decode(said, type=Result)


def _end(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def _last_line(complaint: bytes) -> str:
    lines = complaint.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else ""


def _options(context: Context) -> list[str]:
    quick = ["--quick"] if context.quick else []
    peers = ["--peers", str(context.peers)] if context.peers else []
    return [*quick, *peers, "--seed", str(context.seed)]


def main() -> None:
    """Measure one row and tell its result."""
    parser = argparse.ArgumentParser(prog="python -m bench.measure")
    parser.add_argument("row")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--peers", type=Path)
    parser.add_argument("--seed", type=int, default=1)
    told = parser.parse_args()
    # Whatever else the measured code prints is not the result.
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        result = row_of(told.row).measure(Context(told.quick, told.peers, told.seed))
        out.write(msgspec.json.encode(result))


if __name__ == "__main__":
    main()
