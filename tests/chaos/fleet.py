"""Several processes that share a PostgreSQL database and together are one Dueline.

Each can be killed, started again, or stopped for a while and continued, as a machine that hangs.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tests.chaos.plant import PATIENCE, ROOT, ForkServer, Plant, free_port, send

Role = Literal["serve", "receive", "worker"]
"""What a process does: hear and work, hear only, or work only."""
_COMMANDS: Mapping[Role, Sequence[str]] = {
    "serve": ("serve",),
    "receive": ("serve", "--receive-only"),
    "worker": ("worker",),
}


class Launcher(Protocol):
    """A way to have processes."""

    moments: tuple[float, float]

    def start(self, role: Role, told: Mapping[str, str], log: Path) -> int:
        """Start one; its process id."""

    def runs(self, process_id: int) -> bool:
        """Whether it does."""

    def kill(self, process_id: int) -> None:
        """SIGKILL; returns when it is gone."""

    def signal(self, process_id: int, number: signal.Signals) -> None:
        """Send another signal."""


class Forks:
    """Processes forked with everything imported, which look for the dead five times as often."""

    moments = (0.02, 0.4)

    def __init__(self, server: ForkServer) -> None:
        self._server = server

    def start(self, role: Role, told: Mapping[str, str], log: Path) -> int:
        """See `Launcher`."""
        return self._server.tell("start", dict(told), str(log), role)

    def runs(self, process_id: int) -> bool:
        """See `Launcher`."""
        return bool(self._server.tell("alive", process_id))

    def kill(self, process_id: int) -> None:
        """See `Launcher`."""
        self._server.tell("kill", process_id)

    def signal(self, process_id: int, number: signal.Signals) -> None:
        """See `Launcher`."""
        send(process_id, number)


class Commands:
    """The commands themselves, as people start them."""

    moments = (0.5, 6.0)

    def __init__(self) -> None:
        self._started: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, role: Role, told: Mapping[str, str], log: Path) -> int:
        """See `Launcher`."""
        with log.open("ab") as written:
            process = subprocess.Popen(  # noqa: S603 - our own
                [sys.executable, "-m", "webhooks.cli", *_COMMANDS[role]],
                cwd=ROOT,
                env=dict(told),
                stdout=written,
                stderr=written,
            )
        self._started[process.pid] = process
        return process.pid

    def runs(self, process_id: int) -> bool:
        """See `Launcher`."""
        return self._started[process_id].poll() is None

    def kill(self, process_id: int) -> None:
        """See `Launcher`."""
        process = self._started.pop(process_id)
        process.kill()
        process.wait(PATIENCE)

    def signal(self, process_id: int, number: signal.Signals) -> None:
        """See `Launcher`."""
        send(process_id, number)


@dataclass
class _Member:
    role: Role
    told: Mapping[str, str]
    process_id: int | None = None
    hangs: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.told['DUELINE_PORT']}"


class Fleet(Plant):
    """Processes of several roles on one database."""

    def __init__(
        self, launcher: Launcher, roles: Sequence[Role], told: Mapping[str, str], log: Path
    ) -> None:
        super().__init__(told, log)
        self._launcher = launcher
        self.moments = launcher.moments
        self._members = {
            f"{role} {number}": _Member(role, {**told, "DUELINE_PORT": str(free_port())})
            for number, role in enumerate(roles, 1)
        }
        self.victims = tuple(self._members)

    @property
    def urls(self) -> Sequence[str]:
        """See `Plant`."""
        return [each.url for each in self._members.values() if each.role != "worker"]

    def start(self) -> None:
        """See `Plant`."""
        for each in self._members.values():
            if each.process_id is None:
                each.process_id = self._launcher.start(each.role, each.told, self.log)
                each.hangs = False
                self.starts += 1

    def kill(self, victim: str) -> None:
        """See `Plant`."""
        member = self._members[victim]
        if member.process_id is not None:
            self._launcher.kill(member.process_id)
        member.process_id = None

    def hang(self, victim: str) -> None:
        """Have a process do nothing at all from now on, and not know of it."""
        self._signal(victim, signal.SIGSTOP)

    def go_on(self, victim: str) -> None:
        """Have it go on as if nothing had been."""
        self._signal(victim, signal.SIGCONT)

    def _signal(self, victim: str, number: signal.Signals) -> None:
        member = self._members[victim]
        if member.process_id is not None:
            self._launcher.signal(member.process_id, number)
            member.hangs = number == signal.SIGSTOP

    @property
    def alive(self) -> bool:
        """See `Plant`."""
        ids = [each.process_id for each in self._members.values()]
        return all(each is not None and self._launcher.runs(each) for each in ids)

    @property
    def ready(self) -> bool:
        """See `Plant`."""
        return all(
            self.answers(each.url)
            for each in self._members.values()
            if each.role != "worker" and not each.hangs
        )

    def close(self) -> None:
        """See `Plant`."""
        for victim in self.victims:
            self.kill(victim)
