"""One way to write, one to read: a single writer commits together whatever is waiting.

SQLite allows one writer at a time, and a commit costs a disk flush. So writes queue here and share
a commit; each keeps its own savepoint, so that one that fails takes no other with it.
"""

from __future__ import annotations

import fcntl
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, TextIO, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, OperationalError

from sla.errors import SlaError

T = TypeVar("T")
_Job = tuple[Callable[[Connection], Any], "Future[Any]"]
_BATCH = 256
_CLAIM_TRIES = 50
_CLAIM_PAUSE = 0.1


_EXPECTED = "expected the address of a file, such as sqlite:///dueline.sqlite3"


class StoreError(SlaError):
    """The database cannot be used; the message names the address (without password) and why."""


class Database:
    """An open database. Safe to use from any thread."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._readers = self._engine.execution_options(reads_only=True)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._claim: TextIO | None = None
        self._closed = False
        self._gate = threading.Lock()
        self._writer = threading.Thread(target=self._write_all, name="writer", daemon=True)
        self._writer.start()

    @property
    def engine(self) -> Engine:
        """For migrations, which bring their own transaction."""
        return self._engine

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is safely on disk.

        Raises:
            StoreError: when the database is closed.
            Exception: whatever `work` raised; then nothing of it was stored.
        """
        outcome: Future[T] = Future()
        with self._gate:
            if self._closed:
                raise StoreError("the database is closed")
            self._jobs.put((work, outcome))
        return outcome.result()

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection of its own; it sees only what is committed."""
        with self._readers.connect() as connection:
            return work(connection)

    def claim(self) -> None:
        """Make this process the only one that decides and writes from this database.

        The claim ends with the process, however it ends. Two services on one file would each say
        what the other has not noted yet.

        Raises:
            StoreError: another process has it.
        """
        path = self._engine.url.database
        if not path or self._claim:
            return
        self._claim = Path(f"{path}.lock").open("w", encoding="ascii")  # noqa: SIM115 - kept open
        pause = threading.Event()
        for _ in range(_CLAIM_TRIES):
            try:
                fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                # A process that was just killed takes a moment to let go.
                pause.wait(_CLAIM_PAUSE)
            else:
                return
        self._claim.close()
        raise StoreError(
            f"{path}: another Dueline is serving from this database; stop it, or set "
            "DUELINE_DATABASE_URL to another one"
        )

    def close(self) -> None:
        """Finish what is queued, then let go of the file."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._jobs.put(None)
        self._writer.join()
        self._engine.dispose()
        if self._claim:
            self._claim.close()

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


def _engine(url: str) -> Engine:
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"DUELINE_DATABASE_URL is not a database address; {_EXPECTED}") from error
    shown = address.render_as_string()
    if address.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StoreError(f"{shown}: this version keeps its data in SQLite; {_EXPECTED}")
    if not address.database or address.database == ":memory:":
        raise StoreError(f"{shown}: it would be gone with the process; {_EXPECTED}")
    path = Path(address.database)
    if not path.resolve().parent.is_dir():
        raise StoreError(f"{path}: there is no such directory to keep the database in")
    if path.is_dir():
        raise StoreError(f"{path}: is a directory; {_EXPECTED}")
    # An error must not carry what customers wrote into the logs.
    engine = create_engine(address, connect_args={"timeout": 10}, hide_parameters=True)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: they begin where we say so, as writers.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A reader that turns writer half-way fails at once under a second writer: say it beforehand.
    immediate = connection.get_execution_options().get("reads_only") is not True
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
