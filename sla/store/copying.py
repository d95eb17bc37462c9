"""From one database into another of either kind: all of it or nothing, and held against it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from typing import Any

import psycopg
from sqlalchemy import Connection, Table, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from sla.store.checksums import TABLES, Sum, rows_of, sums
from sla.store.database import Database, StoreError
from sla.store.migrate import migrate, require_own_tables

Told = Callable[[str, int], None]
"""Told of a table and how many more of its rows were copied."""
_TOLD_EVERY = 100
_DRIVERS_OWN = (sqlite3.Error, psycopg.Error)


def copy(source: Database, target: Database, told: Told = lambda _table, _rows: None) -> list[Sum]:
    """Copy everything into an empty database, which is given this version's tables first.

    The source is read as it is at one instant, also while others write to it. What is in memory at
    a time is a row. Whatever fails leaves the target empty.

    Returns:
        What both hold now, table by table.

    Raises:
        StoreError: the source was made by another version of Dueline, the target holds something,
            either cannot be used, or they differ after all.
    """
    require_own_tables(source, "run `dueline migrate` for it first")
    migrate(target)
    try:
        with snapshot(source) as reading, target.engine.begin() as writing:
            _require_room(writing, target)
            for table in TABLES:
                _copy_table(reading, writing, table, told)
            found = _compared(sums(reading), sums(writing))
            _move_on(writing, _last_numbers(reading))
            return found
    except (SQLAlchemyError, *_DRIVERS_OWN) as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(
            f"{source.name} could not be copied to {target.name}, which is left empty: {cause}"
        ) from error


@contextmanager
def snapshot(database: Database) -> Iterator[Connection]:
    """A connection that sees the database as it is at one instant, and holds up nobody."""
    options: dict[str, Any] = (
        {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        if database.is_shared
        else {"reads_only": True}
    )
    with database.engine.connect() as connection:
        connection.execution_options(**options)
        with connection.begin():
            yield connection


def size(database: Database) -> Mapping[str, int]:
    """How many rows each table has."""
    return database.read(
        lambda c: {
            table.name: c.execute(select(func.count()).select_from(table)).scalar_one()
            for table in TABLES
        }
    )


def others(database: Database) -> int:
    """How many other connections of Dueline there are to a server's database; none to a file's.

    A file is claimed by whoever serves from it.
    """
    if not database.is_shared:
        return 0
    query = text(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = current_setting('application_name') AND pid <> pg_backend_pid()"
    )
    return int(database.read(lambda c: c.execute(query).scalar_one()))


def _require_room(connection: Connection, target: Database) -> None:
    if target.is_shared:
        encoding = connection.execute(text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise StoreError(
                f"{target.name}: keeps texts as {encoding}, which cannot hold every one: make the "
                "database with ENCODING 'UTF8' TEMPLATE template0"
            )
    held = [table.name for table in TABLES if connection.execute(select(table).limit(1)).first()]
    if held:
        raise StoreError(
            f"{target.name}: holds data already ({', '.join(held)}): name an empty database"
        )


def _copy_table(reading: Connection, writing: Connection, table: Table, told: Told) -> None:
    # A driver that is left in the midst of an answer lets nobody end the transaction.
    with closing(rows_of(reading, table)) as rows:
        _write(writing, table, _counted(rows, table.name, told))


def _write(connection: Connection, table: Table, rows: Iterator[Sequence[Any]]) -> None:
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    cursor: Any = connection.connection.cursor()
    try:
        if connection.dialect.name == "postgresql":
            with cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as arriving:
                for row in rows:
                    _check(table, row)
                    arriving.write_row(row)
        else:
            marks = ", ".join("?" for _ in table.columns)
            cursor.executemany(f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})', rows)  # noqa: S608 - our own names
    finally:
        cursor.close()


def _counted(rows: Iterator[Sequence[Any]], name: str, told: Told) -> Iterator[Sequence[Any]]:
    number = 0
    for row in rows:
        yield row
        number += 1
        if number == _TOLD_EVERY:
            told(name, number)
            number = 0
    told(name, number)


def _check(table: Table, row: Sequence[Any]) -> None:
    """Refuse what a server cannot hold, by its name: its own message would tell only the line.

    Jira sends no such text, and another one in its place would be another key.
    """
    values = dict(zip(table.columns.keys(), row, strict=True))
    for name, value in values.items():
        if isinstance(value, str) and "\0" in value:
            key = ", ".join(
                f"{column.name} {values[column.name]!r}" for column in table.primary_key
            )
            raise StoreError(
                f"table {table.name}, {key}: {name} holds a NUL character, which PostgreSQL "
                "cannot store: remove the row, or the character, from the source"
            )


def _compared(before: Sequence[Sum], after: Sequence[Sum]) -> list[Sum]:
    differing = [
        f"{old.table} ({old.rows} rows {old.checksum[:12]}, {new.rows} rows {new.checksum[:12]})"
        for old, new in zip(before, after, strict=True)
        if old != new
    ]
    if differing:
        raise StoreError(f"the copy differs in {', '.join(differing)}: nothing was kept of it")
    return list(after)


_NUMBERED = tuple(table for table in TABLES if table.autoincrement_column is not None)
"""Those whose rows are numbered, and no number is given twice, even that of a removed row."""


def _last_numbers(connection: Connection) -> dict[str, int]:
    """The last number that was given in each of them; 0 where none was."""
    if connection.dialect.name != "postgresql":
        found = dict.fromkeys((table.name for table in _NUMBERED), 0)
        for name, number in connection.execute(text("SELECT name, seq FROM sqlite_sequence")):
            found[name] = number
        return found
    found = {}
    for table in _NUMBERED:
        query = text(f"SELECT last_value, is_called FROM {_sequence(connection, table)}")  # noqa: S608 - the server's own name
        last, is_called = connection.execute(query).one()
        found[table.name] = last if is_called else 0
    return found


def _move_on(connection: Connection, last: Mapping[str, int]) -> None:
    """Have the next rows numbered after these."""
    for table in _NUMBERED:
        number = last[table.name]
        if not number:
            continue
        if connection.dialect.name == "postgresql":
            moved = text("SELECT setval(CAST(:sequence AS regclass), :number, true)")
            sequence = _sequence(connection, table)
            connection.execute(moved, {"sequence": sequence, "number": number})
        else:
            told = {"name": table.name, "number": number}
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), told)
            connection.execute(text("INSERT INTO sqlite_sequence VALUES (:name, :number)"), told)


def _sequence(connection: Connection, table: Table) -> str:
    query = text("SELECT pg_get_serial_sequence(:table, 'id')")
    return str(connection.execute(query, {"table": table.name}).scalar_one())
