"""What tells that two databases hold the same, whichever kind each is."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Connection, String, Table, collate, select

from sla.store.schema import metadata

TABLES: tuple[Table, ...] = tuple(metadata.sorted_tables)
"""Every table that holds something of its own; the queue's are only hints to these."""
Value = int | str | bytes | None


@dataclass(frozen=True, slots=True)
class Sum:
    """What a table holds."""

    table: str
    rows: int
    checksum: str
    """SHA-256 over the names of its columns and all of its rows, by primary key, in hexadecimal."""


def sums(connection: Connection) -> list[Sum]:
    """Every table's number of rows and checksum, as this connection sees them."""
    return [_sum(connection, table) for table in TABLES]


def rows_of(connection: Connection, table: Table) -> Generator[Sequence[Any], None, None]:
    """A table's rows by primary key, as the database stores them; one at a time is in memory.

    Until the last row was taken, or this was closed, nothing else can be asked on this connection.
    """
    cursor = connection.connection.cursor()
    query = str(_in_order(connection, table).compile(dialect=connection.dialect))
    try:
        if connection.dialect.name == "postgresql":
            # A row may hold a body of many megabytes: the driver would else take them all at once.
            yield from cursor.stream(query, binary=True)
        else:
            cursor.execute(query)
            yield from cursor  # type: ignore[misc]
    finally:
        cursor.close()


def canonical(value: Value) -> bytes:
    """A value as bytes that no other value has, alike for both kinds of database.

    Nothing is `n`, a number `i7;`, a text `t3:abc` with the length of its UTF-8, bytes `b3:...`.
    What one database calls true and false is 1 and 0 in the other.
    """
    if value is None:
        return b"n"
    if isinstance(value, int):
        return b"i%d;" % value
    if isinstance(value, str):
        encoded = value.encode("utf-8")
        return b"t%d:%b" % (len(encoded), encoded)
    return b"b%d:%b" % (len(value), value)


def _sum(connection: Connection, table: Table) -> Sum:
    digest = hashlib.sha256()
    for name in table.columns.keys():  # noqa: SIM118 - a collection of columns, not a mapping
        digest.update(canonical(name))
    number = 0
    with closing(rows_of(connection, table)) as rows:
        for row in rows:
            number += 1
            for value in row:
                digest.update(canonical(value))
    return Sum(table.name, number, digest.hexdigest())


def _in_order(connection: Connection, table: Table) -> Any:
    shared = connection.dialect.name == "postgresql"
    return select(*table.columns).order_by(
        *(_by_bytes(column) if shared else column for column in table.primary_key)
    )


def _by_bytes(column: Column[Any]) -> Any:
    # A server sorts text as its language does, a file by its bytes.
    return collate(column, "C") if isinstance(column.type, String) else column
