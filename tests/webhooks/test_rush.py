"""Deliveries that rush in go before what can wait, and nothing waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from webhooks.rush import Rush


class Ticking:
    """A clock that goes on whenever somebody looks at it."""

    def __init__(self, step: float = 0.0) -> None:
        self.at, self.step = 100.0, step

    def __call__(self) -> float:
        self.at += self.step
        return self.at


@contextmanager
def at_once(rush: Rush, number: int) -> Iterator[None]:
    with ExitStack() as stack:
        for _ in range(number):
            stack.enter_context(rush.one())
        yield


def test_one_after_another_is_no_rush() -> None:
    rush = Rush(Ticking())
    for _ in range(100):
        with rush.one():
            assert not rush.is_on
    assert not rush.is_on


def test_many_at_once_are_one_until_a_moment_after_the_last() -> None:
    clock = Ticking()
    rush = Rush(clock)
    with at_once(rush, 4):
        # As while a disk is slow.
        clock.at += 5
        assert rush.is_on
    assert rush.is_on
    clock.at += 0.11
    assert not rush.is_on


def test_between_two_handfuls_it_goes_on() -> None:
    # As far from each other as they were while four threads decided beside the loop.
    clock = Ticking()
    rush = Rush(clock)
    for _ in range(10):
        with at_once(rush, 4):
            pass
        clock.at += 0.09
        assert rush.is_on


def test_whoever_gives_way_goes_on_in_the_end() -> None:
    clock = Ticking(0.01)
    rush = Rush(clock)
    with at_once(rush, 8):
        began = clock.at
        rush.give_way()
        assert rush.is_on
        assert 0.4 <= clock.at - began < 0.5


def test_what_hurries_waits_behind_nobody_who_gives_way() -> None:
    # Its clock stands still: whoever gives way would do so for ever.
    rush = Rush(Ticking())
    gave_way = [threading.Thread(target=rush.give_way, daemon=True) for _ in range(3)]
    with at_once(rush, 8):
        for each in gave_way:
            each.start()
        while any(each.is_alive() for each in gave_way):
            rush.hurry()
        assert rush.is_on


def test_without_a_rush_nobody_waits() -> None:
    clock = Ticking(0.001)
    rush = Rush(clock)
    began = clock.at
    rush.give_way()
    assert clock.at - began < 0.01


def test_a_delivery_that_fails_is_not_inside_any_more() -> None:
    rush = Rush(Ticking())
    for _ in range(10):
        with pytest.raises(RuntimeError), rush.one():
            raise RuntimeError
    with rush.one():
        assert not rush.is_on


def test_several_lanes_go_on_one_after_another() -> None:
    rush = Rush()
    went_on: list[int] = []

    def lane(number: int) -> None:
        rush.give_way()
        went_on.append(number)

    with at_once(rush, 4):
        lanes = [threading.Thread(target=lane, args=(number,)) for number in range(3)]
        for each in lanes:
            each.start()
        for each in lanes:
            each.join(10)
        assert rush.is_on
    assert sorted(went_on) == [0, 1, 2]
