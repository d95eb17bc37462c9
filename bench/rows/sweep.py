"""What it costs to look for what is due, while more and more waits that is not."""

from __future__ import annotations

import json
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event, text

from bench.meter import instructions
from bench.row import Context, Curve, Figure, Result, Row, interleaved
from sla.store import holds, inbox, issues, outbox
from sla.store.database import Database
from sla.store.migrate import migrate
from tests.postgres import postgres_server
from tests.scenarios.world import utc

SIZES = (1_000, 10_000, 100_000, 1_000_000)
DUE = 10
_SITES = ("default",)
_NOW = utc("2024-07-10 14:00")
_LATER = timedelta(minutes=4)
_BATCH = 100
# Trees grow a level now and then, which is not what waits.
_GROWTH_AT_MOST = 1.5
_QUESTIONS: Mapping[str, Callable[[Connection], object]] = {
    "decide": lambda c: (
        inbox.waiting(c, _SITES, _BATCH),
        issues.to_wake(c, _NOW, _SITES, _BATCH),
        issues.next_wake(c, _SITES),
    ),
    "histories": lambda c: (
        issues.to_read(c, _NOW, _SITES, _BATCH),
        issues.next_read(c, _SITES),
        holds.held(c, _NOW),
    ),
    "dispatch": lambda c: (
        outbox.to_dispatch(c, _NOW, _SITES, _BATCH),
        outbox.next_dispatch(c, _SITES, _NOW),
        holds.held(c, _NOW),
    ),
    "health": inbox.left,
}
"""What the lanes ask at every sweep, and a monitor at every look."""
_FILLING = (
    # Every clock armed, and every history and field put off, as when Jira lacks a field.
    """
    INSERT INTO issues (site, issue_id, key, wake_at, read_at, write_at)
    {numbers}
    SELECT 'default', CAST(i AS TEXT), 'HLP-' || i, {at}, {at}, {at} FROM n
    """,
    """
    INSERT INTO inbox (site, delivery, received_at, body, state, issue_id)
    {numbers}
    SELECT 'default', CAST(i AS TEXT), {at}, :body,
        CASE WHEN i <= :due THEN 'new' ELSE 'done' END, CAST(i AS TEXT) FROM n
    """,
    # Half of what was to be said is over, and half is put off.
    """
    INSERT INTO sayings (
        site, issue_id, key, at, decided_at, saying, state, try_at, attempts
    )
    {numbers}
    SELECT 'default', CAST(i AS TEXT), 'key', {at}, {at}, :body,
        CASE WHEN i <= :due OR i % 2 = 0 THEN 'pending' ELSE 'sent' END, {at}, 1 FROM n
    """,
)


def measure(context: Context) -> Result:
    """Ask the same questions of ever larger tables, with as much due in each."""
    sizes, rounds = (SIZES[:2], 3) if context.quick else (SIZES, 21)
    steps: dict[int, float] = {}
    pages: dict[int, float] = {}
    wall: dict[str, list[tuple[float, float]]] = {}
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(postgres_server(_free_port()))
        for size in sizes:
            with _filled(f"sqlite:///{directory / str(size)}.sqlite3", size) as database:
                steps[size] = _steps(database)
                wall.setdefault("SQLite", []).append((size, _milliseconds(database, rounds)))
            with _filled(server.database(), size) as database:
                pages[size] = _pages(database)
                wall.setdefault("PostgreSQL", []).append((size, _milliseconds(database, rounds)))
    growth = max(_growth(steps), _growth(pages))
    counted = {"SQLite, steps": [*steps.items()], "PostgreSQL, pages": [*pages.items()]}
    return Result(
        (
            *_figures("SQLite", steps, "steps"),
            *_figures("PostgreSQL", pages, "pages"),
            *(Figure(f"{name}, {size:,.0f}", ms, "ms") for name in wall for size, ms in wall[name]),
        ),
        growth <= _GROWTH_AT_MOST,
        f"{growth:.2f} times as much with {sizes[-1] // sizes[0]:,} times as much waiting",
        ratio=growth,
        curves=(
            Curve("sweep_counted", "A sweep, counted", "rows waiting", "steps or pages", counted),
            Curve("sweep_wall", "A sweep, wall time", "rows waiting", "ms", wall),
        ),
        notes=(
            f"In each table {DUE} rows are due; so many wait: clocks, histories, fields, sayings.",
            "Counted are the instructions of SQLite's machine, and the pages PostgreSQL looks at.",
        ),
    )


def _figures(name: str, counts: Mapping[int, float], unit: str) -> Iterator[Figure]:
    return (Figure(f"{name}, {size:,}", count, unit) for size, count in counts.items())


def _growth(counts: Mapping[int, float]) -> float:
    return max(counts.values()) / counts[min(counts)]


@contextmanager
def _filled(address: str, size: int) -> Iterator[Database]:
    database = Database(address)
    try:
        migrate(database)
        database.write(lambda c: _fill(c, size))
        if database.is_shared:
            # As the server does by itself after a while.
            database.write(lambda c: c.execute(text("ANALYZE")))
        yield database
    finally:
        database.close()


def _fill(connection: Connection, size: int) -> None:
    numbers = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :size)"
    at = "CASE WHEN i <= :due THEN :now ELSE :later + i END"
    values = {
        "size": size, "due": DUE, "now": _micro(_NOW), "later": _micro(_NOW + _LATER),
        "body": b"{}",
    }  # fmt: skip
    for filling in _FILLING:
        statement = filling.format(numbers=numbers, at=at)
        names = {name: value for name, value in values.items() if f":{name}" in statement}
        connection.execute(text(statement), names)


def _micro(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


def _milliseconds(database: Database, rounds: int) -> float:
    def sweep() -> None:
        for ask in _QUESTIONS.values():
            database.read(ask)

    return interleaved({"sweep": sweep}, rounds)["sweep"] * 1000


def _steps(database: Database) -> float:
    """The instructions that SQLite's machine carries out for all questions."""
    return instructions(database, lambda c: [ask(c) for ask in _QUESTIONS.values()])


def _pages(database: Database) -> float:
    """The pages that PostgreSQL looks at for all questions, in its memory or not."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    for ask in _QUESTIONS.values():
        database.read(ask)
    event.remove(database.engine, "before_cursor_execute", note)
    return sum(_looked_at(database, statement, values) for statement, values in asked)


def _looked_at(database: Database, statement: str, values: Any) -> float:
    explained = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}"
    rows: Sequence[Any] = database.read(lambda c: c.exec_driver_sql(explained, values).all())
    found = rows[0][0]
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return float(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


ROW = Row(
    "sweep",
    "timers: cost of a sweep",
    "grows with what is due, not with what waits",
    "itself with 1,000 rows waiting",
    measure,
)
