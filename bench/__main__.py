"""The table of what Dueline promises about speed and size, measured here and now.

    make bench
    make bench ARGS="deadline_8h fold"
    .venv/bin/python -m bench deadline_8h --quick

Without names it measures every row of `bench/rows/`. A target that is missed is shown; the exit
status is 1 only where a row could not be measured. Results go to `docs/performance/`, those of a
`--quick` run nowhere.
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console

from bench.machine import commit, load, this_machine
from bench.measure import NotMeasured, apart, row_of
from bench.report import Found, counted, details, table, write
from bench.row import Context, Result, Row

ROOT = Path(__file__).parent.parent
ORDER = (
    "right_answers", "deadline_8h", "deadline_40h", "elapsed_year", "business_days",
    "bulk_deadlines", "calendar_build", "fold", "intake", "intake_tail", "fields_latency",
    "calls_per_change", "timers", "sweep", "preview", "start_help", "start_deadline",
    "start_serve", "memory",
)  # fmt: skip
"""The rows as they are shown; others come after them."""
_WIDE = 140


def known_rows() -> list[str]:
    """The ids of all rows, in the order of the table."""
    there = {file.stem for file in (ROOT / "bench" / "rows").glob("*.py")} - {"__init__"}
    return [*(each for each in ORDER if each in there), *sorted(there - set(ORDER))]


def measured(row_ids: Sequence[str], context: Context) -> Iterator[Found]:
    """One row after the other; one that fails does not stop the others."""
    at = commit()
    for row_id in row_ids:
        busy = load()
        row, result, failure = _outcome(row_id, context)
        yield Found(row, result, failure, at, busy)


def _outcome(row_id: str, context: Context) -> tuple[Row, Result | None, str]:
    try:
        row = row_of(row_id)
    except Exception as error:  # noqa: BLE001 - whatever a file does while it is read
        return Row(row_id, row_id, "", "", _unknown), None, repr(error)
    try:
        return row, apart(row_id, context), ""
    except NotMeasured as why:
        return row, None, str(why)


def _unknown(_: Context) -> Result:
    raise NotMeasured("its file cannot be read")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show, write; returns the exit status."""
    rows = known_rows()
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("rows", nargs="*", metavar="row", help=", ".join(rows))
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that it runs")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-bench/bin/python",
                        help="the interpreter of the peers' environment")  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="what random inputs come from")
    parser.add_argument("--results", type=Path, default=ROOT / "docs/performance",
                        help="where results are written")  # fmt: skip
    told = parser.parse_args(arguments)
    if unknown := set(told.rows) - set(rows):
        parser.error(f"no such row: {', '.join(sorted(unknown))}; there are {', '.join(rows)}")
    context = Context(told.quick, told.peers if told.peers.exists() else None, told.seed)
    # Into a file or a pipe the table is as wide as it needs.
    console = Console() if sys.stdout.isatty() else Console(width=_WIDE)
    seen: list[Found] = []
    with console.status("measuring") as status:
        for each in measured(told.rows or rows, context):
            seen.append(each)
            status.update(f"measuring, {each.row.id} is done")
            console.print(f"[bold]{each.row.title}[/bold]: {each.said}", highlight=False)
            for line in details(each):
                console.print(f"    {line}", highlight=False, markup=False)
    console.print(table(seen))
    console.print(counted(seen), highlight=False)
    if not told.quick:
        write(told.results, this_machine(), seen, ORDER)
    return int(any(each.result is None for each in seen))


def _leave(*_: object) -> None:
    sys.exit(1)


if __name__ == "__main__":
    # Told to end, it first ends the process of the row at hand, with all that this has started.
    signal.signal(signal.SIGTERM, _leave)
    sys.exit(main())
