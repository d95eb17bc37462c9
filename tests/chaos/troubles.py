"""What befalls several processes on one database: one hangs and comes back; the database goes away;
webhooks are lost."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from tests.chaos.fleet import Fleet
from tests.chaos.harness import Run
from tests.postgres import PostgresServer


@dataclass
class Hangs:
    """A process stops at a random instant, and comes back when another took over.

    Args:
        draw: when, and which.
        seconds: how long it hangs at least, in real time: longer than after which the others take
            it for dead. The run's clock goes on meanwhile, so that what it was at is done.
    """

    draw: random.Random
    seconds: float
    latency: float = 0.02
    count: Counter[str] = field(default_factory=Counter)
    _hanging: tuple[str, float] | None = None

    def strike(self, run: Run) -> None:
        """See `Trouble`."""
        self.relent(run)
        fleet = _fleet(run)
        threading.Event().wait(self.draw.uniform(*fleet.moments))
        victim = self.draw.choice(fleet.victims)
        fleet.hang(victim)
        self.count[victim] += 1
        self._hanging = victim, time.monotonic()

    def prepare(self, run: Run, rest: timedelta) -> None:
        """See `Trouble`."""
        run.jira.sky.latency = self.latency

    def relent(self, run: Run) -> None:
        """See `Trouble`."""
        if self._hanging is None:
            return
        victim, since = self._hanging
        threading.Event().wait(max(0.0, since + self.seconds - time.monotonic()))
        run.settle()
        _fleet(run).go_on(victim)
        self._hanging = None
        run.settle()


@dataclass
class Outages:
    """The database server stops at a random instant, in earnest or as in a crash, and starts."""

    draw: random.Random
    server: PostgresServer
    latency: float = 0.02
    count: Counter[str] = field(default_factory=Counter)

    def strike(self, run: Run) -> None:
        """See `Trouble`."""
        threading.Event().wait(self.draw.uniform(*run.plant.moments))
        if self.draw.random() < 0.5:
            self.server.stop()
            self.count["database stopped"] += 1
        else:
            self.server.crash()
            self.count["database crashed"] += 1
        threading.Event().wait(self.draw.uniform(0, 0.5))
        self.server.start()

    def prepare(self, run: Run, rest: timedelta) -> None:
        """See `Trouble`."""
        run.jira.sky.latency = self.latency

    def relent(self, run: Run) -> None:
        """See `Trouble`."""


@dataclass
class Losses:
    """Deliveries are lost for good, doubled and reordered."""

    drops: float
    count: Counter[str] = field(default_factory=Counter)

    def strike(self, run: Run) -> None:
        """See `Trouble`."""
        sky = run.jira.sky
        sky.drops = sky.webhooks = self.drops
        run.settle()
        sky.clear()

    def prepare(self, run: Run, rest: timedelta) -> None:
        """See `Trouble`."""

    def relent(self, run: Run) -> None:
        """See `Trouble`."""


def _fleet(run: Run) -> Fleet:
    if not isinstance(run.plant, Fleet):
        raise TypeError("only one of several processes can hang without harm")
    return run.plant
