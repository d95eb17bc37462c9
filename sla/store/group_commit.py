"""SQLite's one writer: whatever waits is committed together, each write with its own savepoint."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine

from sla.errors import StoreError
from sla.store.faults import storage_fault

T = TypeVar("T")
_Job = tuple[Callable[[Connection], Any], "Future[Any]"]
_BATCH = 256


class GroupCommit:
    """Writes from any thread, one transaction at a time; one that fails takes no other with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "")
        self._journal_path = self._path.with_name(f"{self._path.name}-wal")
        self._file: tuple[int, int] | None = None
        self._journal: tuple[int, int] | None = None
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
            if isinstance(error, _JournalGoneError):
                self._rescue()
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
            file = _identity(self._path)
        except OSError as error:
            raise StoreError(
                f"{self._path}: the database file is gone ({error.strerror}); put it back, or "
                "restart the service to begin with an empty one"
            ) from error
        if self._file is None:
            self._file, self._journal = file, _identity_if_there(self._journal_path)
        if file != self._file:
            raise StoreError(
                f"{self._path}: another file was put in the place of the open database; "
                "restart the service to use it"
            )
        if self._journal and self._journal != _identity_if_there(self._journal_path):
            raise _JournalGoneError(
                f"{self._journal_path}: was removed, and belongs to the open database; "
                "restart the service"
            )

    def _rescue(self) -> None:
        """Bring what was committed before into the file, while its journal is still open here."""
        with suppress(sqlite3.Error), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)").close()


class _JournalGoneError(StoreError):
    """What would be committed would be gone with the process."""


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _identity_if_there(path: Path) -> tuple[int, int] | None:
    try:
        return _identity(path)
    except OSError:
        return None


def _attempt(
    connection: Connection, work: Callable[[Connection], Any]
) -> tuple[Any, BaseException | None]:
    try:
        with connection.begin_nested():
            return work(connection), None
    except Exception as error:
        # The disk is full, the file locked or damaged: the whole commit is in doubt.
        if storage_fault(error) is not None:
            raise
        return None, error
