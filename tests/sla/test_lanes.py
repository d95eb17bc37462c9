"""Working a lane off: everything once, and nothing without end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pytest

from sla.lanes import BATCH, GivingWay, Key, drain


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


@pytest.mark.parametrize("side_by_side", [1, 4])
@pytest.mark.parametrize("stuck", [1, BATCH, 2 * BATCH + 1])
def test_what_stays_due_has_one_run_and_keeps_nobody_back(stuck: int, side_by_side: int) -> None:
    lane = Work(BATCH, stuck)
    assert drain(lane, side_by_side) == stuck + BATCH
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


@pytest.mark.parametrize("side_by_side", [1, 4])
def test_what_is_due_again_is_done_again_however_long_the_others_take(side_by_side: int) -> None:
    again = ("site", "0")

    class Refilled(Work):
        def run(self, key: Key) -> None:
            super().run(key)
            if key == ("site", str(BATCH + 50)):
                self.waiting.insert(0, again)

    lane = Refilled(4 * BATCH)
    drain(lane, side_by_side)
    ran_at = [nth for nth, key in enumerate(lane.ran) if key == again]
    assert len(ran_at) == 2
    assert ran_at[1] < 3 * BATCH


def test_what_presses_goes_before_each_run() -> None:
    pressing: list[Key] = []

    class Alarmed(Work):
        def run(self, key: Key) -> None:
            super().run(key)
            if key == ("site", "8"):
                self.waiting.append(("site", "pressing"))
                pressing.append(("site", "pressing"))
            if key in pressing:
                pressing.remove(key)

    lane = Alarmed(BATCH)
    assert drain(lane, 1, lambda: tuple(pressing)) == BATCH + 1
    assert lane.ran.index(("site", "pressing")) == 9


def test_what_goes_on_pressing_keeps_nobody_back() -> None:
    lane = Work(BATCH, stuck=1)
    drain(lane, 1, lambda: tuple(lane.stuck))
    assert set(lane.waiting) == lane.stuck
    assert len(lane.ran) <= BATCH + 3


def test_what_presses_gives_way_to_nothing() -> None:
    lane, gave_way = Work(3), list[Key]()
    pressing = ("site", "1")
    giving = GivingWay(lane, lambda: gave_way.append(lane.waiting[0]), lambda: {pressing})
    assert drain(giving) == 3
    assert gave_way == [("site", "0"), ("site", "2")]
