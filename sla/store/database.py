"""One way to write and one to read, whichever database keeps the tables.

SQLite allows one writer at a time, and a commit costs a disk flush: writes queue for one thread
that commits together whatever is waiting (`sla.store.group_commit`). PostgreSQL orders writers
itself: each write is a transaction of its own on a pooled connection.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError

from sla.errors import StoreError
from sla.store.faults import reason, storage_fault
from sla.store.group_commit import AtOnce, GroupCommit, Told

__all__ = ["Database", "StoreError", "Told", "address_of", "shown"]

T = TypeVar("T")
_CLAIM_TRIES = 50
_CLAIM_PAUSE = 0.1
_ROLLED_BACK = frozenset({"40001", "40P01", "25P03"})
"""What PostgreSQL calls a transaction that it took back for another's sake: made again, it goes."""
# A process that hangs within a transaction keeps its rows locked: whoever takes over its work would
# wait for as long as it hangs.
_AWAKE = "SET LOCAL idle_in_transaction_session_timeout = '4s'"
_TRIES = 10
_CONNECTIONS = 24

_EXPECTED = (
    "expected the address of a file, such as sqlite:///dueline.sqlite3, or of a server, such as "
    "postgresql://dueline@db.example.com/dueline"
)


class _Writer(Protocol):
    def write(self, work: Callable[[Connection], T]) -> T: ...

    def write_soon(
        self, work: Callable[[Connection], T], tell: Told[T], at_once: AtOnce[T] | None = None
    ) -> None: ...

    def close(self) -> None: ...


class Database:
    """An open database. Safe to use from any thread."""

    def __init__(self, url: str) -> None:
        self._engine = _engine(url)
        self._readers = self._engine.execution_options(reads_only=True)
        self._writer: _Writer = (
            _Transactions(self._engine) if self.is_shared else GroupCommit(self._engine)
        )
        self._claim: TextIO | None = None
        self._closed = False
        self._trouble: str | None = None
        self._gate = threading.Lock()

    @property
    def engine(self) -> Engine:
        """For migrations, which bring their own transaction."""
        return self._engine

    @property
    def is_shared(self) -> bool:
        """Whether several machines can use it at once."""
        return self._engine.dialect.name == "postgresql"

    @property
    def name(self) -> str:
        """What people call it: the file, or the address without its password."""
        return str(shown(self._engine.url))

    def write(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in a transaction and return its result once that is safely on disk.

        It may be run again, after all that it did was taken back.

        Raises:
            StoreError: the database is closed, or its file was taken away.
            OperationalError: it cannot store anything at present; nothing of this was stored.
            Exception: whatever `work` raised; then nothing of it was stored.
        """
        if self._closed:
            raise StoreError("the database is closed")
        try:
            result = self._writer.write(work)
        except Exception as error:
            fault = self._noted(error)
            if fault is error:
                raise
            raise fault from error.__cause__
        self._trouble = None
        return result

    def write_soon(
        self, work: Callable[[Connection], T], tell: Told[T], at_once: AtOnce[T] | None = None
    ) -> None:
        """Run `work` in a transaction as `write` does, without waiting for it.

        Args:
            work: as in `write`.
            tell: called in another thread, once that is safely on disk or failed, with the result
                or what `write` would have raised.
            at_once: does the same by one statement; run instead of `work` where that is quicker,
                which it is on SQLite where no other write waits.

        Raises:
            StoreError: the database is closed.
        """

        def told(result: T | None, failure: Exception | None) -> None:
            if failure is None:
                self._trouble = None
                tell(result, None)
            else:
                tell(None, self._noted(failure))

        if self._closed:
            raise StoreError("the database is closed")
        self._writer.write_soon(work, told, at_once)

    def _noted(self, error: Exception) -> Exception:
        """A write's failure as it is told; where it is the storage's own, that is in trouble."""
        fault = storage_fault(error)
        if fault is None:
            return error
        self._trouble = reason(fault)
        return fault

    @property
    def trouble(self) -> str | None:
        """Why the last write could not be stored; None when it was, or there was none yet."""
        return self._trouble

    def read(self, work: Callable[[Connection], T]) -> T:
        """Run `work` on a connection of its own; it sees only what is committed."""
        with self._readers.connect() as connection:
            return work(connection)

    def check(self) -> None:
        """Look a database file through, which takes about a second for each gigabyte.

        Raises:
            StoreError: it is damaged.
        """
        if self.is_shared:
            return
        try:
            found = self.read(lambda c: c.exec_driver_sql("PRAGMA quick_check(1)").scalar())
        except DatabaseError as error:
            found = reason(error)
        if found != "ok":
            told = " ".join(str(found).split())
            raise StoreError(
                f"{self.name}: the file is damaged ({told}): put a backup in its place, or move "
                "what can be read of it into a new one with sqlite3's .recover"
            )

    def claim(self) -> None:
        """Make this process the only one that decides and writes from a database file.

        The claim ends with the process, however it ends. Two services on one file would each say
        what the other has not noted yet. Processes that share a server agree through its queue.

        Raises:
            StoreError: another process has it.
        """
        path = self._engine.url.database
        if self.is_shared or not path or self._claim:
            return
        try:
            self._claim = Path(f"{path}.lock").open("w", encoding="ascii")  # noqa: SIM115 - kept open
        except OSError as error:
            raise StoreError(
                f"{path}.lock cannot be made ({error.strerror}); the directory of the database "
                "must be writable"
            ) from error
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
            "DUELINE_DATABASE_URL to another one (several need a PostgreSQL server)"
        )

    def close(self) -> None:
        """Finish what is queued, then let go of the database."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
        self._writer.close()
        self._engine.dispose()
        if self._claim:
            self._claim.close()


class _Transactions:
    """Each write in a transaction of its own; the server keeps writers of one row in order."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._soon = ThreadPoolExecutor(1, "writer")

    def write(self, work: Callable[[Connection], T]) -> T:
        for last in (*[False] * (_TRIES - 1), True):
            try:
                with self._engine.begin() as connection:
                    connection.exec_driver_sql(_AWAKE)
                    return work(connection)
            except DBAPIError as error:
                if last or getattr(error.orig, "sqlstate", None) not in _ROLLED_BACK:
                    raise
        raise AssertionError("the last try returns or raises")

    def write_soon(
        self, work: Callable[[Connection], T], tell: Told[T], at_once: AtOnce[T] | None = None
    ) -> None:
        del at_once  # Of use to SQLite alone.

        def run() -> None:
            try:
                result = self.write(work)
            except Exception as error:  # noqa: BLE001 - told
                tell(None, error)
            else:
                tell(result, None)

        self._soon.submit(run)

    def close(self) -> None:
        self._soon.shutdown()


def address_of(url: str, name: str = "DUELINE_DATABASE_URL") -> URL:
    """Where a database is.

    Args:
        url: its address, as people write it.
        name: what people call the place where they wrote it.

    Raises:
        StoreError: the text is no address of a kind of database that can be used.
    """
    try:
        address = make_url(url)
    except ArgumentError as error:
        raise StoreError(f"{name} is not a database address; {_EXPECTED}") from error
    if address.drivername in ("postgres", "postgresql", "postgresql+psycopg"):
        return address.set(drivername="postgresql+psycopg")
    if address.drivername in ("sqlite", "sqlite+pysqlite"):
        return address
    raise StoreError(
        f"{shown(address)}: Dueline keeps its data in SQLite or PostgreSQL; {_EXPECTED}"
    )


def shown(address: URL) -> str:
    """An address as it may be shown: a file by its path, a server without its password."""
    if address.drivername.startswith("sqlite") and address.database:
        return address.database
    return address.render_as_string().replace("+psycopg", "")


def _engine(url: str) -> Engine:
    address = address_of(url)
    if address.drivername.startswith("sqlite"):
        return _sqlite(address)
    return create_engine(
        address,
        pool_size=_CONNECTIONS,
        # A server that was restarted is noticed before a transaction begins, not within it.
        pool_pre_ping=True,
        # A pooler between us and the server may hand each transaction another connection.
        connect_args={
            "connect_timeout": 10,
            "prepare_threshold": None,
            "fallback_application_name": "dueline",
        },
        hide_parameters=True,
    )


def _sqlite(address: URL) -> Engine:
    if not address.database or address.database == ":memory:":
        raise StoreError(
            f"{address.render_as_string()}: it would be gone with the process; {_EXPECTED}"
        )
    path = Path(address.database)
    if not path.resolve().parent.is_dir():
        raise StoreError(f"{path}: there is no such directory to keep the database in")
    if path.is_dir():
        raise StoreError(f"{path}: is a directory; {_EXPECTED}")
    # An error must not carry what customers wrote into the logs.
    engine = create_engine(address, connect_args={"timeout": 10}, hide_parameters=True)
    event.listen(engine, "do_connect", lambda *_: _make_private(path))
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def _make_private(path: Path) -> None:
    """Have a new file be its owner's alone: it holds what customers wrote."""
    with suppress(OSError):  # it is there already, or SQLite says what is wrong
        os.close(os.open(path, os.O_CREAT | os.O_EXCL, 0o600))


def _set_up_sqlite(connection: Any, _record: object) -> None:
    # The driver must not open transactions by itself: they begin where we say so, as writers.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        # Pages of 4 kB until the journal is brought into the file, which the writer waits for: four
        # times as many as SQLite's own, so that pages that change often are written there once.
        # Six turns of intake side by side gave 1.04 of the throughput, hardly more than they
        # differed among themselves; the journal grows to 16 MB.
        "wal_autocheckpoint=4000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    # A reader that turns writer half-way fails at once under a second writer: say it beforehand.
    if connection.get_execution_options().get("reads_only") is not True:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        # It waits for nobody and cannot fail: the driver is told straight away, which a small read
        # takes a seventh less time for.
        connection.connection.cursor().execute("BEGIN")
