"""SQLite's one writer: whatever waits is committed together, and one that fails fails alone."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from sla.errors import StoreError
from sla.store.faults import storage_fault

_log = structlog.get_logger(__name__)
T = TypeVar("T")
Told = Callable[[T | None, Exception | None], None]
"""Told the result of a write, or else why there is none; must not raise."""
AtOnce = Callable[[sqlite3.Connection], T]
"""Does by one statement, on the driver's own connection, what a write does."""
_Outcome = tuple[Any, Exception | None]
_Done = Sequence[_Outcome]
_BATCH = 256


class _Job(Generic[T]):
    """One write, and who is told what came of it."""

    __slots__ = ("at_once", "tell", "work")

    def __init__(
        self, work: Callable[[Connection], T], tell: Told[T], at_once: AtOnce[T] | None = None
    ) -> None:
        self.work, self.tell, self.at_once = work, tell, at_once


class _Awaited(Generic[T]):
    """What comes of a write for which a thread waits.

    A lock that is let go hands it over: that takes a tenth of what a `Future` takes, whose
    condition is made for many who wait.
    """

    __slots__ = ("_done", "_failure", "_result")

    def __init__(self) -> None:
        self._result: T | None = None
        self._failure: Exception | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def tell(self, result: T | None, failure: Exception | None) -> None:
        """Let whoever waits go on."""
        self._result, self._failure = result, failure
        self._done.release()

    def outcome(self) -> T:
        """Wait for it; raises what the write failed with."""
        self._done.acquire()
        if self._failure is not None:
            try:
                raise self._failure
            finally:
                # Its traceback holds this frame: neither is to keep the other.
                self._failure = None
        return self._result  # type: ignore[return-value]


class GroupCommit:
    """Writes from any thread, one transaction at a time; one that fails takes no other with it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = Path(engine.url.database or "")
        self._journal_path = self._path.with_name(f"{self._path.name}-wal")
        self._connection: Connection | None = None
        self._file: tuple[int, int] | None = None
        self._journal: tuple[int, int] | None = None
        self._jobs: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._tellings: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="writer", daemon=True)
        self._teller = threading.Thread(target=self._tell_all, name="teller", daemon=True)
        for thread in (self._thread, self._teller):
            thread.start()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the next transaction; returns when that is on disk.

        It may be run again, after all that it did was taken back.
        """
        awaited: _Awaited[T] = _Awaited()
        self._queue(_Job(work, awaited.tell))
        return awaited.outcome()

    def write_soon(
        self, work: Callable[[Connection], T], tell: Told[T], at_once: AtOnce[T] | None = None
    ) -> None:
        """Run `work` as `write` does; what came of it is told by a thread that does nothing else.

        Whoever is told may wake another thread, and Python's lock goes over to that one: the writer
        lost a seventh of its time until it had the lock back and could begin the next commit.

        Args:
            work: as in `write`.
            tell: called with what came of it.
            at_once: does the same; run instead where no other write waits beside this one.
        """

        def tell_soon(result: T | None, failure: Exception | None) -> None:
            self._tellings.put(lambda: tell(result, failure))

        self._queue(_Job(work, tell_soon, at_once))

    def _queue(self, job: _Job[Any]) -> None:
        with self._gate:
            if self._closed:
                raise StoreError("the database is closed")
            self._jobs.put(job)

    def close(self) -> None:
        """Finish what is queued."""
        with self._gate:
            self._closed = True
            self._jobs.put(None)
        self._thread.join()
        self._tellings.put(None)
        self._teller.join()

    def _tell_all(self) -> None:
        while (tell := self._tellings.get()) is not None:
            try:
                tell()
            except Exception:  # noqa: BLE001 - told
                # The others wait to be told, too.
                _log.exception("nobody could be told what came of a write")

    def _write_all(self) -> None:
        while (first := self._jobs.get()) is not None:
            batch = [first, *self._waiting()]
            self._commit([job for job in batch if job is not None])
            if None in batch:
                break
        self._let_go()

    def _waiting(self) -> list[_Job[Any] | None]:
        waiting: list[_Job[Any] | None] = []
        while len(waiting) < _BATCH:
            try:
                waiting.append(self._jobs.get_nowait())
            except queue.Empty:
                break
        return waiting

    def _commit(self, batch: Sequence[_Job[Any]]) -> None:
        try:
            outcomes = self._committed(batch)
        except Exception as error:  # noqa: BLE001 - whoever waits for this commit must hear why
            if isinstance(error, _JournalGoneError):
                self._rescue()
            outcomes = [(None, error)] * len(batch)
        # Only now is anything durable; only now may anybody hear of success.
        for job, outcome in zip(batch, outcomes, strict=True):
            job.tell(*outcome)

    def _committed(self, batch: Sequence[_Job[Any]]) -> _Done:
        """What came of each write; raises where none of them is stored."""
        if len(batch) == 1 and batch[0].at_once and self._connection is not None and self._file:
            try:
                return [(self._by_one_statement(self._connection, batch[0].at_once), None)]
            except Exception as error:
                # Nothing of it is stored. What else is wrong with it is found out, and told, below.
                if isinstance(error, StoreError) or storage_fault(error) is not None:
                    raise
        # Hardly any write fails: a savepoint for each, 0.1 ms, is taken only after one did.
        try:
            return self._transaction(batch, _all_at_once)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, StoreError) or storage_fault(error) is not None:
                raise
            return self._transaction(batch, _each_by_itself)

    def _by_one_statement(self, connection: Connection, at_once: AtOnce[T]) -> T:
        """Run a write that SQLite itself begins and commits, within its one statement.

        Each call of SQLite lets go of Python's lock, and while others hurry has to wait for it
        afterwards: BEGIN, the statement and COMMIT, each by itself, took the writer a fifth longer.
        That the file is still there is looked at before it all: to commit is within the statement.
        """
        try:
            self._check_file()
            return at_once(connection.connection.driver_connection)  # type: ignore[arg-type]
        except sqlite3.OperationalError as error:
            self._let_go()
            raise OperationalError(None, None, error, hide_parameters=True) from error
        except BaseException:
            self._let_go()
            raise

    def _transaction(
        self, batch: Sequence[_Job[Any]], run: Callable[[Connection, Sequence[_Job[Any]]], _Done]
    ) -> _Done:
        try:
            if self._connection is None:
                # Kept: to have the pool give it out and take it back takes as long as a statement.
                self._connection = self._engine.connect()
            with self._connection.begin():
                outcomes = run(self._connection, batch)
                self._check_file()
        except BaseException:
            self._let_go()
            raise
        return outcomes

    def _let_go(self) -> None:
        """Give the connection back, which ends what it had begun; the next commit asks for one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

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
        with (
            suppress(sqlite3.Error, SQLAlchemyError),
            closing(self._engine.raw_connection()) as connection,
        ):
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


def _all_at_once(connection: Connection, batch: Sequence[_Job[Any]]) -> _Done:
    """Run writes that all succeed; raises where one does not."""
    return [(job.work(connection), None) for job in batch]


def _each_by_itself(connection: Connection, batch: Sequence[_Job[Any]]) -> _Done:
    return [_attempt(connection, job) for job in batch]


def _attempt(connection: Connection, job: _Job[Any]) -> _Outcome:
    try:
        with connection.begin_nested():
            return job.work(connection), None
    except Exception as error:
        # The disk is full, the file locked or damaged: the whole commit is in doubt.
        if storage_fault(error) is not None:
            raise
        return None, error
