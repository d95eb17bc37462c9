"""Refusals: told now and then, in bounded memory, whatever the clock does."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.sla.example import NINE
from webhooks.refusals import MOST_ADDRESSES, PATIENCE, TOLD_EVERY, WINDOW, Refusals


class Clock:
    def __init__(self) -> None:
        self.at = NINE

    def __call__(self) -> datetime:
        return self.at


def test_an_address_is_told_to_wait_until_its_window_ends() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    assert [refusals.note("s", "a") for _ in range(PATIENCE)] == [None] * PATIENCE
    clock.at += timedelta(seconds=45)
    assert refusals.note("s", "a") == timedelta(seconds=15)
    assert refusals.note("s", "b") is None
    clock.at += timedelta(seconds=15)
    assert refusals.note("s", "a") is None


def test_a_clock_that_is_set_back_locks_nobody_out() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    for _ in range(PATIENCE + 1):
        refusals.note("s", "a")
    refusals.to_be_told()
    clock.at -= timedelta(days=1)
    assert refusals.note("s", "a") is None
    assert refusals.to_be_told() == {"s": 1}


def test_any_number_of_addresses_takes_bounded_memory() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    waits = [refusals.note("s", f"10.0.{number}") for number in range(20 * MOST_ADDRESSES)]
    assert len(refusals._windows) <= MOST_ADDRESSES + 1
    # Those for whom there was no room share one window.
    assert waits[-1] == WINDOW
    assert refusals.note("s", "10.0.0") is None
    clock.at += WINDOW
    assert refusals.note("s", "new") is None
    assert len(refusals._windows) == 1


def test_they_are_told_together_and_none_is_lost() -> None:
    clock = Clock()
    refusals = Refusals(clock)
    assert refusals.to_be_told() == {}
    refusals.note("one", "a")
    assert refusals.to_be_told() == {"one": 1}
    for site in ("one", "other", "one"):
        refusals.note(site, "a")
    assert refusals.to_be_told() == {}
    assert refusals.untold == 3
    clock.at += TOLD_EVERY
    told = refusals.to_be_told()
    assert told == {"one": 2, "other": 1}
    assert refusals.untold == 0
    # The database did not take them.
    refusals.not_told(told)
    refusals.note("one", "a")
    assert refusals.untold == 4
