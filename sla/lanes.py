"""Work issue by issue: what a lane is, and how it is worked off.

Deciding, reading histories and writing to Jira are lanes. Each asks the tables what is due, so that
whoever runs it, and however often, the same is done. One issue is never in the same lane twice at
a time; different issues run side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from datetime import datetime
from typing import Literal, NamedTuple, Protocol

import msgspec

Key = tuple[str, str]
"""A site, and Jira's id of an issue there (empty for deliveries that name no issue)."""
LaneName = Literal["decide", "histories", "dispatch", "notify"]
BATCH = 100


class Call(NamedTuple):
    """That a lane has work for an issue from an instant on."""

    lane: LaneName
    key: Key
    at: datetime
    urgent: bool = False
    """Whether something is to be said, and not only shown."""


class Lane(Protocol):
    """One kind of work."""

    def due(self, limit: int) -> Sequence[Key]:
        """The issues with something to do now, the most urgent first, each once."""

    def run(self, key: Key) -> Collection[Key] | None:
        """Do what is due for an issue; a fault of that issue is logged and put off, not raised.

        Returns:
            The issues for which the same was done along with it, where there are any.
        """

    def next_run(self) -> datetime | None:
        """The earliest later instant at which something is due."""


class GivingWay(msgspec.Struct, frozen=True):
    """A lane whose runs each give way first to what has precedence, unless they press."""

    lane: Lane
    give_way: Callable[[], None]
    """Returns when it is time to go on."""
    pressing: Callable[[], Collection[Key]] = tuple
    """The issues whose runs give way to nothing at present."""

    def due(self, limit: int) -> Sequence[Key]:
        """See `Lane`."""
        return self.lane.due(limit)

    def run(self, key: Key) -> Collection[Key] | None:
        """See `Lane`."""
        if key not in self.pressing():
            self.give_way()
        return self.lane.run(key)

    def next_run(self) -> datetime | None:
        """See `Lane`."""
        return self.lane.next_run()


def drain(
    lane: Lane, side_by_side: int = 1, pressing: Callable[[], Collection[Key]] = tuple
) -> int:
    """Do all that is due, also what becomes due meanwhile; returns how many runs it took.

    An issue that is still due after its run has to wait for the next time. One that was not due any
    more is done again when it is: a drain may take as long as deliveries come.

    Args:
        lane: what is worked off.
        side_by_side: how many issues at once.
        pressing: what goes before each run, asked where one goes after the other.
    """
    if side_by_side == 1:
        # A pool of one thread costs 0.3 ms, a fortieth of the way from a delivery to the fields.
        return _one_by_one(lane, pressing)
    return _side_by_side(lane, side_by_side)


def _one_by_one(lane: Lane, pressing: Callable[[], Collection[Key]]) -> int:
    runs = 0
    stuck: set[Key] = set()
    ran: set[Key] = set()
    while True:
        due = lane.due(BATCH + len(stuck))
        more = len(stuck)
        stuck = (stuck | ran).intersection(due)
        fresh = [key for key in due if key not in stuck]
        if not fresh and len(stuck) <= more:
            return runs
        ran = set()
        for key in fresh:
            # What presses after its run has to wait for the next look, as all else.
            for each in (*pressing(), key):
                if each not in ran:
                    ran |= {each, *(lane.run(each) or ())}
        runs += len(ran)


def _side_by_side(lane: Lane, at_once: int) -> int:
    runs = 0
    stuck: set[Key] = set()
    ended: set[Key] = set()
    running: dict[Future[Collection[Key] | None], Key] = {}
    with ThreadPoolExecutor(at_once, "drain") as pool:
        while True:
            due = lane.due(BATCH + len(stuck) + len(running))
            more = len(stuck)
            stuck = (stuck | ended).intersection(due)
            # Each issue is there once, so that its own work stays in order. What becomes urgent
            # meanwhile is next: no batch goes before it.
            fresh = [key for key in due if key not in stuck and key not in running.values()]
            for key in fresh[: at_once - len(running)]:
                running[pool.submit(lane.run, key)] = key
            if not running and len(stuck) <= more:
                return runs
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            ended = {running.pop(each) for each in finished}
            for each in finished:
                ended |= {*(each.result() or ())}
            runs += len(ended)
