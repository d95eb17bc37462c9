"""Working a lane off: everything once, and nothing without end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from sla.lanes import BATCH, Key, drain


class Work:
    """A lane with keys that go away by a run, and some that do not."""

    def __init__(self, keys: int, stuck: int = 0) -> None:
        self.waiting = [("site", str(number)) for number in range(stuck + keys)]
        self.stuck = set(self.waiting[:stuck])
        self.ran: list[Key] = []

    def due(self, limit: int) -> Sequence[Key]:
        return self.waiting[:limit]

    def run(self, key: Key) -> None:
        self.ran.append(key)
        if key not in self.stuck:
            self.waiting.remove(key)

    def next_run(self) -> datetime | None:
        return None


@pytest.mark.parametrize("side_by_side", [1, 4])
def test_everything_is_done_once(side_by_side: int) -> None:
    lane = Work(3 * BATCH)
    everything = list(lane.waiting)
    assert drain(lane, side_by_side) == len(everything)
    assert sorted(lane.ran) == sorted(everything)


@pytest.mark.parametrize("stuck", [1, BATCH, 2 * BATCH + 1])
def test_what_stays_due_has_one_run_and_keeps_nobody_back(stuck: int) -> None:
    lane = Work(BATCH, stuck)
    assert drain(lane) == stuck + BATCH
    assert set(lane.waiting) == lane.stuck


def test_what_becomes_urgent_meanwhile_is_next() -> None:
    urgent = ("site", "urgent")

    class Alarmed(Work):
        def run(self, key: Key) -> None:
            if key == ("site", "8"):
                self.waiting.insert(0, urgent)
            super().run(key)

    lane = Alarmed(BATCH)
    assert drain(lane, 4) == BATCH + 1
    # No more than those that were being done, and those that were handed out beside them.
    assert lane.ran.index(urgent) < 20
