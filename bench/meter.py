"""Instruments: processor time of Dueline's threads and of the server, statements, bytes, calls."""

from __future__ import annotations

import gc
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Connection, event

from sla.store.database import Database

_BRACKETS = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")
_NANOSECONDS = 1e9


@dataclass(frozen=True)
class Cost:
    """What one run of a stage takes, on average; the wall time is the median."""

    stage: str
    own_ms: float
    server_ms: float | None
    wall_ms: float
    statements: float
    writes: float
    reads: float
    log_bytes: float | None
    """What it adds to the server's write-ahead log."""


class Server:
    """A PostgreSQL server on this machine, seen from beside: asking it costs the stage nothing."""

    def __init__(self, database: Database) -> None:
        address = database.engine.url.set(drivername="postgresql")
        self._connection = psycopg.connect(
            address.render_as_string(hide_password=False), autocommit=True
        )
        (first, *_) = str(self._ask("SELECT pg_read_file('postmaster.pid')")).splitlines()
        self._pid = int(first)

    def seconds(self) -> float:
        """Processor time of all its processes so far."""
        return sum(_seconds(pid) for pid in [self._pid, *children(self._pid)])

    def log_position(self) -> float:
        """Bytes of write-ahead log since its beginning."""
        return float(self._ask("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')"))

    def commits(self) -> int:
        """Transactions that wrote, so far."""
        return int(self._ask("SELECT pg_current_xact_id()::text"))

    def so_far(self) -> tuple[float, float, int]:
        """Processor time, log and commits."""
        return self.seconds(), self.log_position(), self.commits()

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()

    def _ask(self, question: str) -> Any:
        row = self._connection.execute(question.encode()).fetchone()
        return row[0] if row else None


class Meter:
    """Measures what work on a database costs."""

    def __init__(self, database: Database) -> None:
        self.statements = self.writes = self.reads = 0
        self.server = Server(database) if database.is_shared else None
        engine = database.engine
        event.listen(engine, "before_cursor_execute", self._executed)
        event.listen(engine, "commit", self._committed)
        event.listen(engine, "rollback", self._rolled_back)

    def close(self) -> None:
        """Let go of the server."""
        if self.server:
            self.server.close()

    def measure(self, stage: str, works: Sequence[Callable[[], object]], warm: int = 3) -> Cost:
        """Do each work once; the first few are not counted."""
        for work in works[:warm]:
            work()
        counted, walls = works[warm:], []
        # What the benchmark itself holds is not to be looked through in a stage's time.
        gc.collect()
        gc.freeze()
        before, own = self._counts(), own_seconds()
        for work in counted:
            started = time.perf_counter()
            work()
            walls.append(time.perf_counter() - started)
        own = own_seconds() - own
        statements, writes, reads, server, log = (
            (after - earlier) / len(counted)
            for after, earlier in zip(self._counts(), before, strict=True)
        )
        return Cost(
            stage,
            own / len(counted) * 1000,
            server * 1000 if self.server else None,
            statistics.median(walls) * 1000,
            statements,
            writes,
            reads,
            log if self.server else None,
        )

    def _counts(self) -> tuple[float, ...]:
        seconds, log = (
            (self.server.seconds(), self.server.log_position()) if self.server else (0.0, 0.0)
        )
        return (self.statements, self.writes, self.reads, seconds, log)

    def _executed(self, _c: object, _cursor: object, statement: str, *_: object) -> None:
        self.statements += not statement.startswith(_BRACKETS)

    def _committed(self, _c: object) -> None:
        self.writes += 1

    def _rolled_back(self, _c: object) -> None:
        # What only reads ends so.
        self.reads += 1


def own_seconds() -> float:
    """Processor time of the calling thread and of SQLite's writer, without the simulated Jira."""
    threads = {threading.current_thread(), *threading.enumerate()}
    ours = [each for each in threads if each.name in ("writer", threading.current_thread().name)]
    return sum(
        time.clock_gettime(time.pthread_getcpuclockid(each.ident)) for each in ours if each.ident
    )


def instructions(database: Database, ask: Callable[[Connection], object]) -> int:
    """How many instructions SQLite's machine carries out for a question; no noise is in them."""
    counted = 0

    def step() -> int:
        nonlocal counted
        counted += 1
        return 0

    def work(connection: Connection) -> None:
        driver: Any = connection.connection.driver_connection
        driver.set_progress_handler(step, 1)
        ask(connection)
        driver.set_progress_handler(None, 1)

    database.read(work)
    return counted


def tree_seconds(pid: int) -> float:
    """Processor time of a process and of its children, all threads."""
    return sum(_all_threads(each) for each in [pid, *children(pid)])


def children(parent: int) -> list[int]:
    """The processes that a process has started and that are there."""
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(word) for word in listed.read_text(encoding="ascii").split()]


def _all_threads(pid: int) -> float:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(_ran(task / "schedstat") for task in tasks)


def _seconds(pid: int) -> float:
    return _ran(Path(f"/proc/{pid}/schedstat"))


def _ran(path: Path) -> float:
    try:
        return int(path.read_text(encoding="ascii").split()[0]) / _NANOSECONDS
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
