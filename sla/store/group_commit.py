"""SQLite's one writer: whatever waits is committed together, and one that fails fails alone."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Connection, Engine

from sla.errors import StoreError
from sla.store.faults import storage_fault

T = TypeVar("T")
_Outcome = tuple[Any, BaseException | None]
_Done = Sequence[_Outcome]
_BATCH = 256


class Entry(msgspec.Struct, frozen=True):
    """A write of one row, independent of all else: it may be made together with others like it.

    It tells whether the row is new. Made together with others it may say so without its being so,
    where one of those is.
    """

    alone: Callable[..., bool]
    """Enters the row, given as arguments; tells whether it is new."""
    together: Callable[[Connection, Sequence[tuple[Any, ...]]], int]
    """Enters rows as one statement; tells how many are new."""
    row: tuple[Any, ...]

    def __call__(self, connection: Connection) -> bool:
        """Enter it by itself."""
        return self.alone(connection, *self.row)


class _Job(Generic[T]):
    """One write, and what came of it.

    A lock that is let go hands the outcome over: that takes a tenth of what a `Future` takes, whose
    condition is made for many who wait.
    """

    __slots__ = ("_behind", "_done", "_failure", "_result", "passes_on", "work")

    def __init__(self, work: Callable[[Connection], T]) -> None:
        self.work = work
        # A signal is raised in the main thread: whoever waits there may leave before it is told.
        self.passes_on = isinstance(work, Entry) and current_thread() is not main_thread()
        self._behind: _Job[Any] | None = None
        self._result: T | None = None
        self._failure: BaseException | None = None
        self._done = threading.Lock()
        self._done.acquire()

    def end(
        self, result: T | None, failure: BaseException | None, behind: _Job[Any] | None = None
    ) -> None:
        """Note what came of it.

        Args:
            result: of the write.
            failure: why there is none.
            behind: is told by whoever waits for this one; only where `passes_on`.
        """
        self._result, self._failure, self._behind = result, failure, behind

    def tell(self) -> None:
        """Let whoever waits go on, once it has ended."""
        self._done.release()

    def outcome(self) -> T:
        """Wait for it; raises what the write failed with."""
        self._done.acquire()
        if self._behind is not None:
            self._behind.tell()
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
        self._closed = False
        self._gate = threading.Lock()
        self._thread = threading.Thread(target=self._write_all, name="writer", daemon=True)
        self._thread.start()

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in the next transaction; returns when that is on disk.

        It may be run again, after all that it did was taken back.
        """
        job = _Job(work)
        with self._gate:
            if self._closed:
                raise StoreError("the database is closed")
            self._jobs.put(job)
        return job.outcome()

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
        _tell(batch, outcomes)

    def _committed(self, batch: Sequence[_Job[Any]]) -> _Done:
        """What came of each write; raises where none of them is stored."""
        # Hardly any write fails: a savepoint for each, 0.1 ms, is taken only after one did.
        try:
            return self._transaction(batch, _all_at_once)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, StoreError) or storage_fault(error) is not None:
                raise
            return self._transaction(batch, _each_by_itself)

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


def _tell(batch: Sequence[_Job[Any]], outcomes: _Done) -> None:
    """Let all who waited go on, of the deliveries one after the other: each tells the next.

    Python runs one thread at a time. Had the writer told 32 threads at once, all of them would
    stand before it when it comes back from the disk: on a busy machine the receiver alone, nothing
    being decided beside it, took 2,000 deliveries a second, and takes 2,900 so.
    """
    behind: _Job[Any] | None = None
    for job, (result, failure) in zip(reversed(batch), reversed(outcomes), strict=True):
        if job.passes_on:
            job.end(result, failure, behind)
            behind = job
        else:
            job.end(result, failure)
            job.tell()
    if behind is not None:
        behind.tell()


def _all_at_once(connection: Connection, batch: Sequence[_Job[Any]]) -> _Done:
    """Run writes that all succeed; raises where one does not.

    Rows of one kind are one statement. Around each statement the driver lets other threads run, and
    has to wait until they let it run again: with one for each delivery the writer waited for most
    of its time.
    """
    alike: dict[object, list[Entry]] = {}
    for job in batch:
        if isinstance(job.work, Entry):
            alike.setdefault(job.work.together, []).append(job.work)
    new = {kind: _entered(connection, entries) for kind, entries in alike.items()}
    return [
        (new[job.work.together] if isinstance(job.work, Entry) else job.work(connection), None)
        for job in batch
    ]


def _entered(connection: Connection, entries: Sequence[Entry]) -> bool:
    first = entries[0]
    if len(entries) == 1:
        return first(connection)
    return first.together(connection, [each.row for each in entries]) > 0


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
