"""What the figures were measured on: nothing that tells whose machine it is."""

from __future__ import annotations

import os
import platform
import shutil
import sqlite3
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """Hardware and interpreter."""

    python: str
    cpu: str
    cores: int
    memory_gb: float
    system: str
    sqlite: str


def this_machine() -> Machine:
    """The machine at hand."""
    return Machine(
        python=f"{platform.python_implementation()} {platform.python_version()}",
        cpu=_cpu(),
        cores=len(os.sched_getaffinity(0)),
        memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        system=platform.system(),
        sqlite=sqlite3.sqlite_version,
    )


def load() -> float:
    """How many processes wanted to run over the last minute, on average."""
    return round(os.getloadavg()[0], 1)


def commit() -> str:
    """The commit at hand, with a `+` where files differ from it; empty outside a checkout."""
    name = _git("rev-parse", "--short=10", "HEAD")
    return name + "+" * bool(name and _git("status", "--porcelain", "--untracked-files=no"))


def _cpu() -> str:
    told = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = (line.partition(":")[2].strip() for line in told if line.startswith("model name"))
    return next(names, platform.machine())


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        return ""
    done = subprocess.run(  # noqa: S603 - fixed words
        [git, "--no-optional-locks", *arguments],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() if done.returncode == 0 else ""
