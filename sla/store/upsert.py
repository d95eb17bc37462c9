"""An INSERT that may meet a row which is there already, as the database at hand writes it."""

from __future__ import annotations

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`, alike in both."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> sqlite.Insert | postgresql.Insert:
    """The same, for statements that are built once and kept."""
    if dialect == "postgresql":
        return postgresql.insert(table)
    return sqlite.insert(table)
