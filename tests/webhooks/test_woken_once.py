"""The event loop does all that other threads hand it, and is woken no oftener than it rests."""

from __future__ import annotations

import asyncio
import select
import threading
from collections.abc import Iterator

import pytest

from tests.webhooks import rsgi
from webhooks.woken_once import WokenOnce

PATIENCE = 20.0


class Counting(WokenOnce):
    """Counts how often it is woken."""

    woken = 0

    def _write_to_self(self) -> None:
        self.woken += not self._is_woken
        super()._write_to_self()


@pytest.fixture
def loop() -> Iterator[Counting]:
    loop = Counting()
    yield loop
    loop.close()


def in_a_thread(loop: Counting, numbers: range, done: list[int]) -> threading.Thread:
    def hand_over() -> None:
        for number in numbers:
            loop.call_soon_threadsafe(done.append, number)

    return threading.Thread(target=hand_over)


def test_what_comes_while_it_is_awake_wakes_it_once(loop: Counting) -> None:
    done: list[int] = []

    async def busy() -> None:
        other = in_a_thread(loop, range(100), done)
        other.start()
        # The loop does nothing else meanwhile.
        other.join(PATIENCE)
        assert (done, loop.woken) == ([], 1)
        await asyncio.sleep(0)
        assert done == [*range(100)]

    rsgi.run(busy(), loop)


def test_it_is_woken_again_after_it_rested(loop: Counting) -> None:
    done: list[int] = []
    for nth in range(1, 4):
        for number in range(5):
            loop.call_soon_threadsafe(done.append, number)
        assert loop.woken == nth
        rsgi.run(asyncio.sleep(0), loop)
    assert done == [*range(5)] * 3


def test_what_comes_while_it_reads_what_woke_it_does_not_leave_it_asleep() -> None:
    done: list[int] = []

    class HandedMore(WokenOnce):
        def _process_self_data(self, data: bytes) -> None:
            self.call_soon_threadsafe(done.append, len(data))

    loop = HandedMore()
    loop.call_soon_threadsafe(done.append, 0)
    rsgi.run(asyncio.sleep(0), loop)
    rsgi.run(asyncio.sleep(0), loop)
    assert done == [0, 1]
    loop.call_soon_threadsafe(done.append, 2)
    assert select.select([loop._ssock], [], [], 0)[0]  # type: ignore[attr-defined]
    loop.close()


def test_nothing_is_lost_however_many_threads_hand_it_over(loop: Counting) -> None:
    done: list[int] = []
    threads = [in_a_thread(loop, range(n, 20_000, 4), done) for n in range(4)]

    async def until_all_are_done() -> None:
        for thread in threads:
            thread.start()
        for thread in threads:
            await asyncio.to_thread(thread.join, PATIENCE)

    rsgi.run(until_all_are_done(), loop)
    assert sorted(done) == [*range(20_000)]
