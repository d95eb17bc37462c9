"""What a run found, for people and for programs: a table, JSON, a page, and the curves."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

from bench.drawing import drawn
from bench.machine import Machine
from bench.row import Curve, Figure, Result, Row, number


@dataclass(frozen=True)
class Found:
    """A row with its result, or with the reason why there is none."""

    row: Row
    result: Result | None
    failure: str
    commit: str
    load: float
    """Of the machine when the row began."""

    @property
    def verdict(self) -> str:
        """In one word."""
        if self.result is None:
            return "failed"
        return "reached" if self.result.reached else "missed"

    @property
    def said(self) -> str:
        """In one line."""
        return self.result.said if self.result else self.failure

    @property
    def ratio(self) -> str:
        """The factor that the row is judged by, or nothing."""
        ratio = self.result.ratio if self.result else None
        return "" if ratio is None else number(ratio)


_COLOURS = {"reached": "green", "missed": "yellow", "failed": "red"}


def table(found: Iterable[Found]) -> Table:
    """All rows, for the terminal."""
    made = Table(show_lines=True)
    for head in ("row", "to reach", "against", "found", "ratio", ""):
        made.add_column(head, justify="right" if head == "ratio" else "left")
    for each in found:
        row, colour = each.row, _COLOURS[each.verdict]
        made.add_row(
            f"{row.title}\n[dim]{row.id}[/dim]",
            row.to_reach,
            row.against,
            each.said,
            each.ratio,
            f"[{colour}]{each.verdict}[/{colour}]",
        )
    return made


def counted(found: Sequence[Found]) -> str:
    """How many rows were reached, in one line, with those that were not."""
    others = (f"{each.row.id} {each.verdict}" for each in found if each.verdict != "reached")
    reached = sum(each.verdict == "reached" for each in found)
    return "; ".join([f"{reached} of {len(found)} reached", *others])


def details(found: Found) -> Iterator[str]:
    """The figures and notes of a row, a line each."""
    if found.result is None:
        return
    for figure in found.result.figures:
        yield f"{figure.name}: {quantity(figure)}"
    yield from found.result.notes


def quantity(figure: Figure) -> str:
    """A figure with its unit."""
    return f"{number(figure.value)} {figure.unit}".strip()


# --- files ----------------------------------------------------------------------------------------


def write(directory: Path, machine: Machine, found: Sequence[Found], order: Sequence[str]) -> None:
    """Bring the results up to date: `results.json`, `results.md`, and a drawing for each curve.

    Rows that were not measured now stay as they are there, unless another machine measured them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / "results.json"
    told = _told_before(file, machine) | {each.row.id: _told(each) for each in found}
    rows = {row_id: told[row_id] for row_id in sorted(told, key=_place(order))}
    text = json.dumps({"machine": asdict(machine), "rows": rows}, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
    for each in found:
        for curve in each.result.curves if each.result else ():
            (directory / f"{curve.id}.svg").write_text(drawn(curve), encoding="utf-8")
    (directory / "results.md").write_text(page(machine, rows), encoding="utf-8")


def _place(order: Sequence[str]) -> Any:
    places = {row_id: place for place, row_id in enumerate(order)}
    return lambda row_id: (places.get(row_id, len(places)), row_id)


def _told_before(file: Path, machine: Machine) -> dict[str, Any]:
    if not file.exists():
        return {}
    told = json.loads(file.read_text(encoding="utf-8"))
    before: dict[str, Any] = told["rows"] if told["machine"] == asdict(machine) else {}
    return before


def _told(found: Found) -> dict[str, Any]:
    row, result = found.row, found.result
    return {
        "title": row.title,
        "to_reach": row.to_reach,
        "against": row.against,
        "verdict": found.verdict,
        "said": found.said,
        "ratio": _rounded(result.ratio) if result and result.ratio is not None else None,
        "figures": [
            asdict(each) | {"value": _rounded(each.value)}
            for each in (result.figures if result else ())
        ],
        "notes": list(result.notes) if result else [],
        "curves": [_told_curve(each) for each in (result.curves if result else ())],
        "commit": found.commit,
        "load": found.load,
    }


def _told_curve(curve: Curve) -> dict[str, Any]:
    lines = {
        name: [[_rounded(x), _rounded(y)] for x, y in line] for name, line in curve.lines.items()
    }
    return {"id": curve.id, "title": curve.title, "x": curve.x, "y": curve.y, "lines": lines}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def page(machine: Machine, rows: Mapping[str, Mapping[str, Any]]) -> str:
    """The results as a page of the documentation."""
    hardware = f"{machine.cpu}, {machine.cores} cores, {machine.memory_gb:g} GB"
    software = f"{machine.system}, {machine.python}, SQLite {machine.sqlite}"
    lines = [
        "# Measured",
        "",
        "Written by `make bench`; [what each row means](../performance.md). Load is how many",
        "processes wanted to run when the row began; a quiet machine shows 0 to 1.",
        "",
        f"{hardware}, {software}.",
        "",
        "| | to reach | against | found | ratio | |",
        "|---|---|---|---|---|---|",
    ]
    for told in rows.values():
        ratio = "" if told["ratio"] is None else number(told["ratio"])
        cells = (
            told["title"], told["to_reach"], told["against"], told["said"], ratio, told["verdict"],
        )  # fmt: skip
        lines.append("| " + " | ".join(_cell(cell) for cell in cells) + " |")
    for row_id, told in rows.items():
        lines += ["", *_section(row_id, told)]
    return "\n".join(lines) + "\n"


def _section(row_id: str, told: Mapping[str, Any]) -> Iterator[str]:
    yield f"## {told['title']}"
    yield ""
    yield f"`{row_id}`, commit {told['commit'] or 'not known'}, load {told['load']:g}."
    if told["figures"]:
        yield from ("", "| figure | |", "|---|---|")
        for each in told["figures"]:
            yield f"| {_cell(each['name'])} | {_cell(quantity(Figure(**each)))} |"
    if told["notes"]:
        yield ""
        yield from (f"- {note}" for note in told["notes"])
    for curve in told["curves"]:
        yield from ("", f"![{curve['title']}]({curve['id']}.svg)")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
