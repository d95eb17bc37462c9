"""Migrations give exactly the tables that the code speaks of, however often they run."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from sla.store import inbox, issues, queue_tables, schema
from sla.store.database import Database, StoreError
from sla.store.migrate import _config, migrate
from sla.timeline import Account
from tests.postgres import PostgresServer
from tests.sla.example import NINE, at, says
from tests.sla.store.decided import put
from webhooks import moving


def differences(database: Database) -> list[object]:
    def compare(connection: object) -> list[object]:
        context = MigrationContext.configure(
            connection,  # type: ignore[arg-type]
            opts={"compare_type": True, "include_name": _is_ours},
        )
        return list(compare_metadata(context, schema.metadata))

    return database.read(compare)


def _is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """All but the queue's own tables, which procrastinate describes."""
    return kind != "table" or name is None or name in schema.metadata.tables


def definitions(database: Database) -> list[tuple[object, ...]]:
    """What SQLite itself says of the tables and indexes."""
    query = text("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    return database.read(lambda c: [tuple(row) for row in c.execute(query)])


def test_the_migrations_give_exactly_the_schema(database: Database) -> None:
    assert differences(database) == []


def test_each_index_covers_only_what_waits_as_the_schema_says(
    sqlite: Database, tmp_path: Path
) -> None:
    """Partial indexes are what `compare_metadata` does not look into."""
    fresh = Database(f"sqlite:///{tmp_path / 'from-schema.sqlite3'}")
    with fresh.engine.begin() as connection:
        schema.metadata.create_all(connection)
    try:
        assert _indexes(sqlite) == _indexes(fresh)
    finally:
        fresh.close()


def test_nothing_but_our_tables_and_the_mark_of_the_version(sqlite: Database) -> None:
    names = sqlite.read(lambda c: set(inspect(c).get_table_names()))
    assert names == {*schema.metadata.tables, "alembic_version"}


def test_running_again_changes_nothing_and_loses_nothing(sqlite: Database) -> None:
    sqlite.write(lambda c: inbox.keep(c, "acme", "1", b"{}", NINE))
    before = definitions(sqlite)
    migrate(sqlite)
    migrate(sqlite)
    assert definitions(sqlite) == before
    assert sqlite.read(inbox.tally) == {"new": 1}


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


def test_what_an_older_release_knew_of_issues_is_shown_in_lists(database: Database) -> None:
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0006")
        facts = "INSERT INTO site_facts (site, name, value) VALUES ('default', :name, :value)"
        connection.execute(text(facts), {"name": "policy_in_force", "value": '"abc"'})
        issue = "INSERT INTO issues (site, issue_id, key) VALUES ('default', :id, :key)"
        for id_, key in (("1", "HLP-12"), ("2", "A2_B-7"), ("3", None)):
            connection.execute(text(issue), {"id": id_, "key": key})
    migrate(database)
    rows = "SELECT project FROM issues ORDER BY issue_id"
    assert database.read(lambda c: c.execute(text(rows)).scalars().all()) == ["HLP", "A2_B", None]
    (job,) = moving.left(database, "default")
    assert (job.version, job.recalculate, job.everything) == ("abc", False, True)


def test_who_wrote_the_answer_is_found_for_what_an_older_release_decided(
    database: Database,
) -> None:
    answers = [
        says(at(1), "Internal", Account("bob"), id_="1", public=False),
        says(at(1), "Hello", Account("ada"), id_="2"),
        says(at(2), "Later", Account("eve"), id_="3"),
    ]
    rows = [
        {"at": at(1), "state": "met"}, {"at": at(3), "state": "met"},
        {"at": at(2), "state": "breached", "ended_at": at(2)}, {"at": at(1), "state": "cancelled"},
    ]  # fmt: skip

    def fill(connection: Connection) -> None:
        put(connection, *rows)
        for nth in range(len(rows)):
            issues.add_facts(connection, "default", f"9{nth:06}", answers)

    database.write(fill)
    with database.engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.downgrade(config, "0012")
    migrate(database)
    found = "SELECT answered_by FROM cycles ORDER BY issue_id"
    assert database.read(lambda c: c.execute(text(found)).scalars().all()) == [
        "ada", None, "eve", None,
    ]  # fmt: skip


def test_a_database_of_a_newer_version_is_refused(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="made by a newer version of Dueline"):
        migrate(database)


def test_on_a_server_those_who_start_at_once_take_turns(postgres: PostgresServer) -> None:
    address = postgres.empty_database()
    databases = [Database(address) for _ in range(4)]
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(migrate, databases)) == [None] * 4
        assert differences(databases[0]) == []
        with databases[0].engine.begin() as connection:
            queue_tables.upgrade(connection)
        names = databases[0].read(lambda c: set(inspect(c).get_table_names()))
        assert names > {*schema.metadata.tables, "procrastinate_jobs"}
    finally:
        for database in databases:
            database.close()


def test_on_a_server_one_that_fails_leaves_everything_as_it_was(postgres: PostgresServer) -> None:
    database = Database(postgres.empty_database())
    with database.engine.begin() as connection:
        connection.execute(text("CREATE TABLE sayings (something TEXT)"))
    try:
        with pytest.raises(StoreError, match="cannot be used as Dueline's database") as raised:
            migrate(database)
        assert "dueline@127.0.0.1" in str(raised.value)
        assert database.read(lambda c: inspect(c).get_table_names()) == ["sayings"]
    finally:
        database.close()


def _indexes(database: Database) -> dict[str, str]:
    query = text("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    rows = database.read(lambda c: c.execute(query).all())
    return {name: " ".join(sql.split()) for name, sql in rows}


def test_a_file_with_the_newest_tables_is_found_so_without_alembic(
    sqlite: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "upgrade", None)
    migrate(sqlite)


def test_a_file_with_older_tables_is_not(sqlite: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    with sqlite.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    asked: list[object] = []
    monkeypatch.setattr(command, "upgrade", lambda *given: asked.append(given))
    migrate(sqlite)
    assert len(asked) == 1


# The tables of the last release: whoever works on them goes on while the next one starts.
RELEASED = "0007"


def test_a_release_only_adds_so_that_the_one_before_can_go_on(tmp_path: Path) -> None:
    """What an older process reads is there, and what it does not write may be left out."""
    database = Database(f"sqlite:///{tmp_path / 'dueline.sqlite3'}")
    config = _config()

    def columns_at(version: str) -> dict[tuple[str, str], tuple[str, bool]]:
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, version)
            looked = inspect(connection)
            return {
                (table, column["name"]): (
                    str(column["type"]), column["nullable"] or column["default"] is not None,
                )
                for table in looked.get_table_names()
                for column in looked.get_columns(table)
            }  # fmt: skip

    before = columns_at(RELEASED)
    after = columns_at("head")
    database.close()
    assert {name: after.get(name) for name in before} == before
    tables = {table for table, _ in before}
    needed = {name for name in after.keys() - before.keys() if not after[name][1]}
    assert {name for name in needed if name[0] in tables} == set()
