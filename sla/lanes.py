"""Work issue by issue: what a lane is, and how it is worked off.

Deciding, reading histories and writing to Jira are lanes. Each asks the tables what is due, so that
whoever runs it, and however often, the same is done. One issue is never in the same lane twice at
a time; different issues run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Key = tuple[str, str]
"""A site, and Jira's id of an issue there (empty for deliveries that name no issue)."""
LaneName = Literal["decide", "histories", "dispatch"]
BATCH = 100


class Lane(Protocol):
    """One kind of work."""

    def due(self, limit: int) -> Sequence[Key]:
        """The issues with something to do now, the most urgent first, each once."""

    def run(self, key: Key) -> None:
        """Do what is due for an issue; a fault of that issue is logged and put off, not raised."""

    def next_run(self) -> datetime | None:
        """The earliest later instant at which something is due."""


@dataclass(frozen=True)
class GivingWay:
    """A lane whose runs each give way first to what has precedence."""

    lane: Lane
    give_way: Callable[[], None]
    """Returns when it is time to go on."""

    def due(self, limit: int) -> Sequence[Key]:
        """See `Lane`."""
        return self.lane.due(limit)

    def run(self, key: Key) -> None:
        """See `Lane`."""
        self.give_way()
        self.lane.run(key)

    def next_run(self) -> datetime | None:
        """See `Lane`."""
        return self.lane.next_run()


def drain(lane: Lane, side_by_side: int = 1) -> int:
    """Do all that is due, also what becomes due meanwhile; returns how many runs it took.

    An issue that is still due after its run has to wait for the next time.
    """
    done: set[Key] = set()
    stuck: set[Key] = set()
    running: dict[Future[None], Key] = {}
    alone = side_by_side == 1
    # Where others are waited for, what becomes urgent meanwhile is next: no batch goes before it.
    at_once = BATCH if alone else side_by_side
    with ThreadPoolExecutor(side_by_side, "drain") as pool:
        while True:
            due = lane.due(BATCH + len(stuck) + len(running))
            more = len(stuck)
            stuck.update(done.intersection(due))
            fresh = [key for key in due if key not in done and key not in running.values()]
            # Each issue is there once, so that its own work stays in order.
            for key in fresh[: at_once - len(running)]:
                running[pool.submit(lane.run, key)] = key
            if not running and len(stuck) == more:
                return len(done)
            finished, _ = wait(running, return_when=ALL_COMPLETED if alone else FIRST_COMPLETED)
            for each in finished:
                done.add(running.pop(each))
                each.result()
