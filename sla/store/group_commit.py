"""SQLite's one writer: whatever waits is committed together, each write with its own savepoint."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

from sla.errors import StoreError

T = TypeVar("T")
_Job = tuple[Callable[[Connection], Any], "Future[Any]"]
_BATCH = 256


class GroupCommit:
    """Writes from any thread, one transaction at a time; one that fails takes no other with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "")
        self._file: tuple[int, int] | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the next transaction; returns when that is on disk."""
        outcome: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise StoreError("the database is closed")
            self._jobs.put((work, outcome))
        return outcome.result()

    def close(self) -> None:
        """Finish what is queued."""
        with self._gate:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()

    def _write_all(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first, *self._waiting()]
            self._commit([job for job in batch if job is not None])
            if None in batch:
                return

    def _waiting(self) -> list[_Job | None]:
        waiting: list[_Job | None] = []
        while len(waiting) < _BATCH:
            try:
                waiting.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return waiting

    def _commit(self, batch: list[_Job]) -> None:
        outcomes: list[tuple[Future[Any], Any, BaseException | None]] = []
        try:
            with self._engine.begin() as connection:
                for work, outcome in batch:
                    outcomes.append((outcome, *_attempt(connection, work)))
                self._check_file()
        except Exception as error:  # noqa: BLE001 - whoever waits for this commit must hear why
            for _, outcome in batch:
                outcome.set_exception(error)
            return
        # Only now is anything durable; only now may anybody hear of success.
        for outcome, result, failure in outcomes:
            if failure is None:
                outcome.set_result(result)
            else:
                outcome.set_exception(failure)

    def _check_file(self) -> None:
        """Refuse to commit into a file that was taken away: nobody would find it again."""
        try:
            found = self._path.stat()
        except OSError as error:
            raise StoreError(
                f"{self._path}: the database file is gone ({error.strerror}); put it back, or "
                "restart the service to begin with an empty one"
            ) from error
        file = (found.st_dev, found.st_ino)
        self._file = self._file or file
        if file != self._file:
            raise StoreError(
                f"{self._path}: another file was put in the place of the open database; "
                "restart the service to use it"
            )


def _attempt(
    connection: Connection, work: Callable[[Connection], Any]
) -> tuple[Any, BaseException | None]:
    try:
        with connection.begin_nested():
            return work(connection), None
    except OperationalError:
        # Not the job's fault: the disk is full, or the file locked. The whole commit is in doubt.
        raise
    except Exception as error:  # noqa: BLE001 - handed to the one who asked
        return None, error
