"""Migrations give exactly the tables that the code speaks of, however often they run."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from sla.store import inbox, schema
from sla.store.database import Database, StoreError
from sla.store.migrate import migrate
from tests.sla.example import NINE


def differences(database: Database) -> list[object]:
    def compare(connection: object) -> list[object]:
        context = MigrationContext.configure(connection, opts={"compare_type": True})  # type: ignore[arg-type]
        return list(compare_metadata(context, schema.metadata))

    return database.read(compare)


def definitions(database: Database) -> list[tuple[object, ...]]:
    """What SQLite itself says of the tables and indexes."""
    query = text("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    return database.read(lambda c: [tuple(row) for row in c.execute(query)])


def test_the_migrations_give_exactly_the_schema(database: Database) -> None:
    assert differences(database) == []


def test_each_index_covers_only_what_waits_as_the_schema_says(
    database: Database, tmp_path: Path
) -> None:
    """Partial indexes are what `compare_metadata` does not look into."""
    fresh = Database(f"sqlite:///{tmp_path / 'from-schema.sqlite3'}")
    with fresh.engine.begin() as connection:
        schema.metadata.create_all(connection)
    try:
        assert _indexes(database) == _indexes(fresh)
    finally:
        fresh.close()


def test_nothing_but_our_tables_and_the_mark_of_the_version(database: Database) -> None:
    names = database.read(lambda c: set(inspect(c).get_table_names()))
    assert names == {*schema.metadata.tables, "alembic_version"}


def test_running_again_changes_nothing_and_loses_nothing(database: Database) -> None:
    database.write(lambda c: inbox.keep(c, "acme", "1", b"{}", NINE))
    before = definitions(database)
    migrate(database)
    migrate(database)
    assert definitions(database) == before
    assert database.read(inbox.tally) == {"new": 1}


def test_one_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'foreign.sqlite3'}")
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE sayings (something TEXT)"))
    before = definitions(database)
    try:
        with pytest.raises(StoreError):
            migrate(database)
        assert definitions(database) == before
    finally:
        database.close()


def _indexes(database: Database) -> dict[str, str]:
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    rows = database.read(lambda c: c.execute(query).all())
    return {name: " ".join(sql.split()) for name, sql in rows}
