"""Dueline's commands started as people start them: new processes, with bytecode that is compiled.

Everything a process keeps goes into a directory of the measurement's own: bytecode, what a
configuration came to, and the database. So it is the same whether or not the environment has
compiled bytecode, and whatever was run before.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.meter import children
from bench.row import Context, Figure, Result, number
from connector.simulator import DUELINE
from tests.chaos.plant import ROOT, free_port

PYTHON = [sys.executable, "-c", "pass"]
COMMAND = [str(Path(sys.executable).with_name("dueline"))]
_PATIENCE = 120.0
_GLANCE = 0.005


class NotStartedError(Exception):
    """A process did not do what is measured; the message says which, and what it said."""


@dataclass(frozen=True)
class Place:
    """Where the processes of a measurement keep what they keep."""

    directory: Path

    def environment(self, **more: str) -> dict[str, str]:
        """What a process is told: nothing of Dueline's but what is said here."""
        left_out = ("DUELINE_", "PYTHONDONTWRITEBYTECODE")
        others = {name: v for name, v in os.environ.items() if not name.startswith(left_out)}
        return others | {
            "PYTHONPATH": str(ROOT),
            "PYTHONPYCACHEPREFIX": str(self.directory / "bytecode"),
            "XDG_CACHE_HOME": str(self.directory / "cache"),
            "DUELINE_ENV_FILE": "",
            **more,
        }

    def run(self, command: Sequence[str], **more: str) -> float:
        """Seconds until a command has ended.

        Raises:
            NotStartedError: it failed.
        """
        began = time.perf_counter()
        ended = subprocess.run(  # noqa: S603 - our own
            command,
            env=self.environment(**more),
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        seconds = time.perf_counter() - began
        if ended.returncode != 0:
            said = ended.stderr.decode(errors="replace").strip()
            raise NotStartedError(f"{' '.join(command)}: status {ended.returncode}: {said}")
        return seconds


@contextmanager
def simulated_jira(place: Place) -> Iterator[dict[str, str]]:
    """A simulated Jira in a process of its own, set up; what a service is told to reach it."""
    port = free_port()
    told = {
        "DUELINE_JIRA_URL": f"http://127.0.0.1:{port}",
        "DUELINE_JIRA_USER": DUELINE,
        "DUELINE_JIRA_TOKEN": "simulator",
        "DUELINE_WEBHOOK_SECRET": "of-a-simulated-jira",
    }
    with _running(place, [*COMMAND, "simulator", "--port", str(port)], {}) as process:
        _await(process, port, "/rest/api/3/serverInfo", status=None)
        place.run([*COMMAND, "setup"], **told)
        yield told


@contextmanager
def served(place: Place, told: Mapping[str, str], database: Path) -> Iterator[tuple[int, float]]:
    """A service that is ready, until the block ends; its process, and how many seconds it took.

    Ready means that it answers `/readyz` with 200: the database is there, and Jira was reached now
    or before.
    """
    port = free_port()
    settings = {
        **told, "DUELINE_DATABASE_URL": f"sqlite:///{database}", "DUELINE_PORT": str(port),
    }  # fmt: skip
    began = time.perf_counter()
    with _running(place, [*COMMAND, "serve"], settings) as process:
        _await(process, port, "/readyz", status=200)
        yield process.pid, time.perf_counter() - began


@contextmanager
def _running(
    place: Place, command: Sequence[str], told: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with (
        (place.directory / "log").open("ab") as log,
        subprocess.Popen(  # noqa: S603 - our own
            command,
            env=place.environment(**told),
            cwd=place.directory,
            stdout=log,
            stderr=log,
        ) as process,
    ):
        try:
            yield process
        finally:
            process.terminate()


def _await(process: subprocess.Popen[bytes], port: int, path: str, *, status: int | None) -> None:
    until = time.perf_counter() + _PATIENCE
    pause = threading.Event()
    while time.perf_counter() < until and process.poll() is None:
        if (found := _status(port, path)) is not None and found == (status or found):
            return
        pause.wait(_GLANCE)
    raise NotStartedError(f"process {process.pid} does not answer {path} as it should")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except OSError:
        return None
    finally:
        connection.close()


def memory_of(process_id: int) -> tuple[float, float]:
    """Bytes of a process and its children: each shared page once, and as each process sees it."""
    shared_once = as_each_sees = 0
    for each in [process_id, *children(process_id)]:
        for line in Path(f"/proc/{each}/smaps_rollup").read_text("ascii").splitlines():
            name, _, rest = line.partition(":")
            kilobytes = int(rest.split()[0]) if name in ("Pss", "Rss") else 0
            shared_once += kilobytes if name == "Pss" else 0
            as_each_sees += kilobytes if name == "Rss" else 0
    return shared_once * 1024, as_each_sees * 1024


def judged(
    found: Mapping[str, float], name: str, seconds: float, times: float, *notes: str
) -> Result:
    """What the start of one command comes to, beside the interpreter's own.

    Args:
        found: medians in seconds, the interpreter's own as `python -c pass`.
        name: which of them is judged.
        seconds: how many are allowed.
        times: how many times the interpreter's own start.
        notes: what a reader must know.
    """
    ratio = found[name] / found["python -c pass"]
    return Result(
        tuple(Figure(each, 1000 * value, "ms") for each, value in found.items()),
        reached=found[name] <= seconds and ratio <= times,
        said=f"{number(1000 * found[name])} ms, {number(ratio)} times the interpreter's own start",
        ratio=ratio,
        notes=notes,
    )


def rounds(context: Context, whole: int) -> int:
    """How many rounds to take."""
    return 3 if context.quick else whole
