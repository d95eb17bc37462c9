"""Deliveries taken on an event loop: all that come while one commit is under way share the next.

A thread for each delivery would wait for the disk and then for Python's lock, behind 31 others.
Here one call hands a whole group to the database's writer, and one brings it back.
"""

from __future__ import annotations

import threading
from asyncio import AbstractEventLoop, Future, get_running_loop
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sla.store import faults, inbox
from webhooks.intake import Intake, Taken
from webhooks.logs import written_together


@dataclass
class _Group:
    """Deliveries that share a commit, and who waits for each."""

    taken: list[Taken]
    kept: list[Future[bool]]


class Gathering:
    """Keeps deliveries, a group at a time; belongs to one event loop.

    Args:
        intake: where they are kept.
    """

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._open: _Group | None = None
        # The writer closes a group while the loop may be putting something in.
        self._gate = threading.Lock()
        self._settling = ThreadPoolExecutor(1, "settling")

    async def keep(self, site: str, body: bytes, delivery: str) -> bool:
        """Keep a delivery under its name; False where it must come again."""
        loop = get_running_loop()
        taken = self._intake.taken(site, body, delivery)
        kept: Future[bool] = loop.create_future()
        self._intake.rush.come()
        with self._gate:
            group = self._open
            if group:
                group.taken.append(taken)
                group.kept.append(kept)
            else:
                group = self._open = _Group([taken], [kept])
                # Not before all that the loop has at hand was put in.
                loop.call_soon(self._hand_over, loop, group)
        return await kept

    def _hand_over(self, loop: AbstractEventLoop, group: _Group) -> None:
        """Give a group to the database, which takes along what comes until it begins."""

        def rows() -> list[tuple[Any, ...]]:
            self._close(group)
            return [each.row for each in group.taken]

        def tell(number: int | None, failure: Exception | None) -> None:
            self._close(group)
            # A loop that has ended has nobody left who waits.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._told, loop, group, number or 0, failure)

        try:
            self._intake.database.write_soon(
                lambda connection: inbox.keep_all(connection, rows()),
                tell,
                lambda connection: inbox.keep_all_at_once(connection, rows()),
            )
        except Exception as error:  # noqa: BLE001 - told
            tell(None, error)

    def _close(self, group: _Group) -> None:
        with self._gate:
            if self._open is group:
                self._open = None

    def _told(
        self, loop: AbstractEventLoop, group: _Group, number: int, failure: Exception | None
    ) -> None:
        if failure and len(group.taken) > 1 and not faults.storage_fault(failure):
            # One of them it is that cannot be stored: it is not to take the others with it.
            for taken, kept in zip(group.taken, group.kept, strict=True):
                self._hand_over(loop, _Group([taken], [kept]))
            return
        self._intake.rush.gone(len(group.kept))
        for kept in group.kept:
            if not kept.cancelled():
                kept.set_result(failure is None)
        # Whoever waits is answered first.
        if self._intake.database.is_shared:
            # To tell that there is work is a write to the server, for each issue: not on the loop.
            loop.run_in_executor(self._settling, self._settle, group.taken, number, failure)
        else:
            loop.call_soon(self._settle, group.taken, number, failure)

    def _settle(self, taken: Sequence[Taken], number: int, failure: Exception | None) -> None:
        with written_together():
            self._intake.settle(taken, number, failure)
