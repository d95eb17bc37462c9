"""How long it takes to find out which open issues another configuration would move."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bench.filled import fill
from bench.row import Context, Curve, Figure, Result, Row, taking_turns
from bench.starting import COMMAND, NotStartedError, Place
from config.settings import SHIPPED
from webhooks.clock import SystemClock

_SECONDS = 5.0
# An issue more may cost so many times of what it costs among a tenth of them.
_LINEAR = 1.25
_MICROSECOND = 1e-6
_GOAL = re.compile(r"target: (\d+)(h|m| business days?)\b")
_RULE = "    severities:\n"
_UNMATCHED = f"{_RULE}      - {{ type: Nobody has it, severity: Severity 1 }}\n"


@dataclass
class Plans:
    """Runs `dueline plan` on a database, and notes what it found and what that took."""

    place: Place
    directories: Mapping[str, Path]
    issues: int
    cpu_seconds: dict[str, list[float]] = field(default_factory=dict)

    def run(self, which: str) -> float:
        """Seconds from the start of the command to its end.

        Raises:
            NotStartedError: it failed, or did not find what it should.
        """
        cpu, began = _cpu_of_children(), time.perf_counter()
        ended = subprocess.run(  # noqa: S603 - our own
            [*COMMAND, "plan", str(self.directories[which]), "--json"],
            env=self.place.environment(DUELINE_DATABASE_URL=self.url, DUELINE_CONFIG=str(SHIPPED)),
            cwd=self.place.directory,
            capture_output=True,
            check=False,
        )
        seconds = time.perf_counter() - began
        self.cpu_seconds.setdefault(which, []).append(_cpu_of_children() - cpu)
        if ended.returncode not in (0, 3, 4):
            raise NotStartedError(ended.stderr.decode(errors="replace"))
        found: dict[str, Any] = json.loads(ended.stdout)
        moved = self.issues if which == "every issue moves" else 0
        if (found["looked_at"], found["moved_issues"]) != (self.issues, moved):
            raise NotStartedError(f"{found['moved_issues']} of {found['looked_at']} issues move")
        return seconds

    @property
    def url(self) -> str:
        """Where the issues are."""
        return f"sqlite:///{self.place.directory / f'{self.issues}.sqlite3'}"


def measure(context: Context) -> Result:
    """The whole command, from its start to the last line of JSON."""
    sizes = (50, 100, 400) if context.quick else (1_000, 10_000, 100_000)
    names = ("every issue moves", "nothing moves")
    seconds: dict[int, dict[str, float]] = {}
    cpu: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as directory:
        place = Place(Path(directory))
        directories = dict(zip(names, _directories(place.directory), strict=True))
        for size in sizes:
            plans = Plans(place, directories, size)
            fill(plans.url, size, at=SystemClock().now())
            works = {name: partial(plans.run, name) for name in names}
            seconds[size] = taking_turns(works, 1 if context.quick else 3)
            cpu[size] = max(min(each) for each in plans.cpu_seconds.values())
    few, some, last = sizes
    worst = max(seconds[last].values())
    # Of processor time, which what else the machine does changes least; the start is in none.
    among_some, among_all = ((cpu[size] - cpu[few]) / (size - few) for size in (some, last))
    return Result(
        (
            *(
                Figure(f"{size:,} open issues, {name}", seconds[size][name], "s")
                for size in sizes
                for name in names
            ),
            Figure(f"an issue of {some:,}", among_some / _MICROSECOND, "us of processor time"),
            Figure(f"an issue of {last:,}", among_all / _MICROSECOND, "us of processor time"),
            Figure("processors", len(os.sched_getaffinity(0)), ""),
        ),
        reached=worst <= _SECONDS and among_all <= _LINEAR * among_some,
        said=f"{worst:.1f} s for {last:,} open issues",
        curves=(
            Curve(
                "preview",
                "`dueline plan`",
                "open issues",
                "seconds",
                {name: [(size, seconds[size][name]) for size in sizes] for name in names},
            ),
        ),
        notes=(
            "the whole command, its start and its answer as JSON included; SQLite",
            "every goal doubled, so that every issue moves; or a rule more that matches nothing",
        ),
    )


def _directories(directory: Path) -> Sequence[Path]:
    """The shipped configuration with every goal doubled, and with a rule that matches nothing."""
    doubled, as_before = directory / "doubled", directory / "as-before"
    for copy in (doubled, as_before):
        shutil.copytree(SHIPPED, copy, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for contract in (doubled / "contracts").glob("*.yaml"):
        text = contract.read_text("utf-8")
        contract.write_text(_GOAL.sub(_twice, text), "utf-8")
    projects = as_before / "projects.yaml"
    text = projects.read_text("utf-8")
    bitumio = text.index("  BIT:\n")
    changed = text[:bitumio] + text[bitumio:].replace(_RULE, _UNMATCHED, 1)
    projects.write_text(changed, "utf-8")
    return doubled, as_before


def _twice(goal: re.Match[str]) -> str:
    amount, unit = 2 * int(goal[1]), goal[2]
    return f"target: {amount}{' business days' if 'business' in unit else unit}"


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


ROW = Row(
    id="preview",
    title="preview of a contract change over 100,000 open issues",
    to_reach="5 s; grows linearly",
    against="counted at 1 k, 10 k, 100 k",
    measure=measure,
)
