"""Rows run in processes of their own, and one that fails is told and stops no other."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import __main__ as table_of_rows
from bench.__main__ import ORDER, known_rows, main, measured
from bench.machine import Machine, this_machine
from bench.measure import NotMeasured, apart, row_of
from bench.report import Found, page, write
from bench.row import Context, Curve, Figure, Result, Row
from tests.waiting import eventually

QUICK = Context(quick=True, peers=None)
PURE = ("right_answers", "deadline_8h", "deadline_40h", "elapsed_year", "business_days",
        "bulk_deadlines", "calendar_build", "fold")  # fmt: skip
GROWTH = Curve("growth", "Time", "issues", "s", {"dueline": [(1_000.0, 1.0), (10_000.0, 10.0)]})
FAST = Result(
    (Figure("dueline", 1.25, "us"),), True, "62 times faster", 62.0, (GROWTH,), ("noted",)
)


def row(row_id: str = "fast") -> Row:
    return Row(row_id, f"The {row_id} row", "15 times faster", "a peer", lambda _: FAST)


def found(row_id: str = "fast", result: Result | None = FAST, failure: str = "") -> Found:
    return Found(row(row_id), result, failure, "abc", 0.5)


# --- rows -------------------------------------------------------------------------------------


@pytest.mark.parametrize("row_id", known_rows())
def test_each_file_holds_the_row_of_its_name(row_id: str) -> None:
    assert row_of(row_id).id == row_id
    assert row_id in ORDER


@pytest.mark.parametrize("row_id", [each for each in PURE if each in known_rows()])
def test_a_row_without_a_database_can_be_measured_quickly(row_id: str) -> None:
    result = apart(row_id, QUICK)
    assert result.figures
    assert result.said
    assert all(figure.value > 0 for figure in result.figures)


# --- a process for each -------------------------------------------------------------------------


@pytest.fixture
def python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Has the rows measured by a script instead of an interpreter."""

    def told(script: str) -> None:
        file = tmp_path / "python"
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o700)
        monkeypatch.setattr(sys, "executable", str(file))

    return told


def test_a_row_that_fails_tells_its_last_words(python: Callable[[str], None]) -> None:
    python("echo 'Traceback' >&2; echo 'ValueError: no such thing' >&2; exit 1")
    with pytest.raises(NotMeasured, match=r"^ValueError: no such thing$"):
        apart("any", QUICK)


def test_a_row_that_dies_silently_tells_how(python: Callable[[str], None]) -> None:
    python("kill -9 $$")
    with pytest.raises(NotMeasured, match="status -9"):
        apart("any", QUICK)


def test_a_row_that_never_ends_is_ended_with_all_it_started(
    python: Callable[[str], None], tmp_path: Path
) -> None:
    python(f"sleep 600 & echo $! > {tmp_path}/child; wait")
    with pytest.raises(NotMeasured, match="not done after"):
        apart("any", QUICK, patience=0.5)
    child = (tmp_path / "child").read_text(encoding="ascii").strip()
    # It was told to end; when it does is up to what else the machine does.
    eventually("what the row started has ended", lambda: ended(child))


def ended(process_id: str) -> bool:
    """Gone, or dead and not yet collected by whoever adopted it."""
    status = Path(f"/proc/{process_id}/stat")
    return not status.exists() or status.read_text(encoding="ascii").split()[2] == "Z"


def test_the_row_is_told_how_to_measure(python: Callable[[str], None], tmp_path: Path) -> None:
    python(f'echo "$@" > {tmp_path}/told; echo \'{{"figures":[],"reached":true,"said":"fine"}}\'')
    assert apart("any", Context(True, Path("/p"), seed=7)).said == "fine"
    told = (tmp_path / "told").read_text(encoding="utf-8").split()
    assert told == ["-m", "bench.measure", "any", "--quick", "--peers", "/p", "--seed", "7"]


# --- the table ----------------------------------------------------------------------------------


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that is fast, one that is slow, and one that cannot be measured."""

    def result_of(row_id: str, _: Context) -> Result:
        if row_id == "broken":
            raise NotMeasured("ValueError: no such thing")
        return replace(FAST, reached=row_id == "fast", curves=())

    monkeypatch.setattr(table_of_rows, "known_rows", lambda: ["broken", "fast", "slow"])
    monkeypatch.setattr(table_of_rows, "row_of", row)
    monkeypatch.setattr(table_of_rows, "apart", result_of)


@pytest.mark.usefixtures("rows")
def test_a_missed_target_is_shown_and_is_no_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fast", "slow", "--results", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert "reached" in shown
    assert "missed" in shown
    assert "62 times faster" in shown
    assert "dueline: 1.25 us" in shown
    assert "noted" in shown


@pytest.mark.usefixtures("rows")
def test_a_row_that_fails_stops_no_other_and_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--results", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "ValueError: no such thing" in shown
    assert "1 of 3 reached; broken failed; slow missed" in shown
    told = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["rows"]
    assert {name: each["verdict"] for name, each in told.items()} == {
        "broken": "failed", "fast": "reached", "slow": "missed",
    }  # fmt: skip


def test_a_row_that_cannot_even_be_read_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    def reads(row_id: str) -> Row:
        if row_id == "broken":
            raise ImportError("no such module")
        return row(row_id)

    monkeypatch.setattr(table_of_rows, "row_of", reads)
    monkeypatch.setattr(table_of_rows, "apart", lambda *_: FAST)
    broken, fast = measured(["broken", "fast"], QUICK)
    assert (broken.row.id, broken.verdict) == ("broken", "failed")
    assert "no such module" in broken.said
    assert fast.verdict == "reached"


@pytest.mark.usefixtures("rows")
def test_a_quick_run_writes_nothing(tmp_path: Path) -> None:
    assert main(["fast", "--quick", "--results", str(tmp_path)]) == 0
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("rows")
def test_a_row_that_is_not_there_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["fats"])
    assert "no such row: fats; there are broken, fast, slow" in capsys.readouterr().err


# --- files --------------------------------------------------------------------------------------

MACHINE = Machine("CPython 3.11.7", "A processor", 2, 8.0, "Linux", "3.40.1")


def rows_in(directory: Path) -> list[str]:
    return list(json.loads((directory / "results.json").read_text(encoding="utf-8"))["rows"])


def test_results_curves_and_page_are_written(tmp_path: Path) -> None:
    write(tmp_path, MACHINE, [found()], ["fast"])
    told = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    assert told["machine"]["cpu"] == "A processor"
    assert told["rows"]["fast"]["ratio"] == 62.0
    assert told["rows"]["fast"]["figures"] == [{"name": "dueline", "value": 1.25, "unit": "us"}]
    assert (tmp_path / "growth.svg").read_text(encoding="utf-8").startswith("<svg")
    shown = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "| The fast row | 15 times faster | a peer | 62 times faster | 62 | reached |" in shown
    assert "| dueline | 1.25 us |" in shown
    assert "- noted" in shown
    assert "![Time](growth.svg)" in shown


def test_rows_that_were_not_measured_stay_in_their_place(tmp_path: Path) -> None:
    order = ["first", "second", "third"]
    write(tmp_path, MACHINE, [found("third"), found("first")], order)
    write(tmp_path, MACHINE, [found("second", None, "it fell over")], order)
    assert rows_in(tmp_path) == order
    assert "it fell over | " in (tmp_path / "results.md").read_text(encoding="utf-8")


def test_figures_of_two_machines_are_not_mixed(tmp_path: Path) -> None:
    write(tmp_path, MACHINE, [found("first")], [])
    write(tmp_path, replace(MACHINE, cores=4), [found("second")], [])
    assert rows_in(tmp_path) == ["second"]


def test_a_bar_in_a_cell_does_not_break_the_table() -> None:
    told: dict[str, Any] = {
        "title": "a|b", "to_reach": "", "against": "", "said": "", "ratio": None,
        "verdict": "missed", "commit": "", "load": 0.0, "figures": [], "notes": [], "curves": [],
    }  # fmt: skip
    assert "| a\\|b |" in page(MACHINE, {"bar": told})


def test_the_machine_is_described_without_its_name() -> None:
    machine = this_machine()
    assert machine.cores >= 1
    assert machine.python.startswith("CPython 3.")
    assert set(machine.__dataclass_fields__) == {
        "python", "cpu", "cores", "memory_gb", "system", "sqlite",
    }  # fmt: skip


def test_whoever_ends_the_table_ends_the_row_at_hand(tmp_path: Path) -> None:
    """In a process of its own, with a row that says who it is and then waits."""
    child = tmp_path / "child"
    script = f"""
import runpy, sys
from pathlib import Path
from bench import measure
waiting = Path({str(tmp_path / "python")!r})
waiting.write_text("#!/bin/sh\\necho $$ > {child}\\nexec sleep 600\\n")
waiting.chmod(0o700)
sys.executable = str(waiting)
sys.argv = ["bench", "business_days", "--quick"]
runpy.run_module("bench", run_name="__main__")
"""
    with subprocess.Popen(  # noqa: S603 - our own
        [sys.executable, "-c", script], stdout=subprocess.DEVNULL, cwd=table_of_rows.ROOT
    ) as process:
        eventually("the row is at hand", lambda: child.exists() and child.read_text("ascii"))
        process.terminate()
        assert process.wait() == 1
    eventually("the row has ended", lambda: ended(child.read_text("ascii").strip()))
