"""The service under test as real processes: started, killed at any instant, and started again."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

import requests

from connector.simulator import DUELINE
from tests.chaos import clock as chaos_clock

SECRET = "chaos-webhook-secret"
ROOT = Path(__file__).parents[2]
_CLOCKWORK = Path(__file__).parent / "clockwork"
PATIENCE = 30.0


class PlantError(Exception):
    """The service does not start or does not die; the message says which."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(
    *, jira_url: str, database_url: str, config: Path, port: int, clock: Path
) -> dict[str, str]:
    """What the service is told, whichever way it is started; the database is any that it takes."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("DUELINE_")}
    return others | {
        "DUELINE_JIRA_URL": jira_url,
        "DUELINE_JIRA_USER": DUELINE,
        "DUELINE_JIRA_TOKEN": "simulator",
        "DUELINE_JIRA_FLAVOUR": "cloud",
        "DUELINE_WEBHOOK_SECRET": SECRET,
        "DUELINE_DATABASE_URL": database_url,
        "DUELINE_PORT": str(port),
        "DUELINE_CONFIG": str(config),
        "PYTHONPATH": os.pathsep.join([str(_CLOCKWORK), str(ROOT)]),
        chaos_clock.VARIABLE: str(clock),
    }


class Plant(ABC):
    """Some processes that together are one Dueline.

    Attributes:
        victims: the ways in which they can be killed.
        moments: between which numbers of seconds after a start a kill does most harm.
    """

    victims: Sequence[str]
    moments: tuple[float, float]

    def __init__(self, told: Mapping[str, str], log: Path) -> None:
        self.told = dict(told)
        self.log = log
        self.url = f"http://127.0.0.1:{self.told['DUELINE_PORT']}"
        self.starts = 0

    @abstractmethod
    def start(self) -> None:
        """Start what does not run; returns at once."""

    @abstractmethod
    def kill(self, victim: str) -> None:
        """SIGKILL; returns when all that has to go is gone."""

    def reconcile(self) -> None:
        """Have Jira asked for what was lost, by the command; returns when all of it is read."""
        with self.log.open("ab") as log:
            subprocess.run(
                [sys.executable, "-m", "webhooks.cli", "reconcile", "--all"],
                cwd=ROOT,
                env=self.told,
                stdout=log,
                stderr=log,
                timeout=PATIENCE,
                check=True,
            )

    @abstractmethod
    def close(self) -> None:
        """Kill whatever is left."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it runs, ready or not."""

    @property
    def urls(self) -> Sequence[str]:
        """Where it hears Jira; several: behind a balancer."""
        return [self.url]

    @property
    def ready(self) -> bool:
        """Whether it can do its work."""
        return self.answers(self.url)

    def answers(self, url: str) -> bool:
        """Whether a process says that it is ready."""
        try:
            return requests.get(f"{url}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    def await_ready(self) -> None:
        """Return when it can do its work."""
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.02)):
            if not self.alive:
                raise PlantError(f"the service ended by itself; see {self.log}")
            if self.ready:
                return
            pause.wait(0.02)
        raise PlantError(f"the service is not ready after {PATIENCE:g} s; see {self.log}")


class ForkServer:
    """Forks services out of a process that has everything imported; see `fork_server`."""

    def __init__(self, config: Path, log: Path) -> None:
        self.log = log
        self._guard = threading.Lock()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "tests.chaos.fork_server", str(config)],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait(PATIENCE)

    def tell(self, *words: object) -> int:
        """Have something done, and return what came of it."""
        with self._guard:
            if self._process.stdin is None:
                raise PlantError("the fork server has no standard input")
            self._process.stdin.write(f"{json.dumps(words)}\n")
            self._process.stdin.flush()
            return int(self._answer())

    def _answer(self) -> Any:
        said = self._process.stdout.readline() if self._process.stdout else ""
        if not said:
            raise PlantError(f"the fork server is gone; see {self.log}")
        return json.loads(said)


class Forked(Plant):
    """What `dueline serve` runs, in a process that is forked with everything imported before.

    A start takes a tenth of a second, so that hundreds of kills fit into a minute.
    """

    victims = ("process",)
    moments = (0.02, 0.3)

    def __init__(self, server: ForkServer, told: Mapping[str, str], log: Path) -> None:
        super().__init__(told, log)
        self._server = server
        self._child: int | None = None

    def start(self) -> None:
        """See `Plant`."""
        if self._child is None:
            self._child = self._server.tell("start", self.told, str(self.log), "serve")
            self.starts += 1

    def kill(self, victim: str) -> None:
        """See `Plant`."""
        if self._child is not None:
            self._server.tell("kill", self._child)
        self._child = None

    @property
    def alive(self) -> bool:
        """See `Plant`."""
        return self._child is not None and bool(self._server.tell("alive", self._child))

    def close(self) -> None:
        """See `Plant`."""
        self.kill("process")


class Served(Plant):
    """`dueline serve` itself."""

    victims = ("process",)
    moments = (0.5, 4.5)

    def __init__(self, told: Mapping[str, str], log: Path) -> None:
        super().__init__(told, log)
        self._process: subprocess.Popen[bytes] | None = None
        self._log: IO[bytes] | None = None

    def start(self) -> None:
        if self.alive:
            return
        self._log = self._log or self.log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "webhooks.cli", "serve"],
            cwd=ROOT,
            env=self.told,
            stdout=self._log,
            stderr=self._log,
        )
        self.starts += 1

    def kill(self, victim: str) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def close(self) -> None:
        self.kill("process")
        if self._log:
            self._log.close()


def send(process_id: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Send a signal to a process, if it is there."""
    try:
        os.kill(process_id, number)
    except ProcessLookupError:
        return
