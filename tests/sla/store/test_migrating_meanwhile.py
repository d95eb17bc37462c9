"""A migration that cannot be carried out changes nothing, and who works on goes on working."""

from __future__ import annotations

import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from sla.store import inbox, schema
from sla.store import migrate as migrating
from sla.store.checksums import sums
from sla.store.database import Database, StoreError
from sla.store.migrate import migrate, newest, version_of
from tests.postgres import PostgresServer
from tests.sla.example import NINE
from tests.sla.store.filled import fill

PATIENCE = 10.0
SCRIPT = '''"""The next version."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("issues", schema=None) as batch_op:
        batch_op.add_column(sa.Column("added", sa.Text(), nullable=True))
    op.create_table("added", sa.Column("id", sa.Integer()))
    {fault}
'''
FAULTS = {
    "sql": 'op.execute("UPDATE no_such_table SET x = 1")',
    "python": 'raise LookupError("something unforeseen")',
    "none": "",
}


def keep(delivery: str, connection: Connection) -> bool:
    return inbox.keep(connection, "acme", delivery, b"{}", NINE)


@pytest.fixture
def next_version(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> str:
    """The program of the next version, whose migration has the fault that a test asks for."""
    scripts = tmp_path / "migrations"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(migrating._SCRIPTS, scripts, ignore=ignored)
    script = SCRIPT.format(before=newest(), fault=FAULTS[request.param])
    (scripts / "versions" / "9999_next.py").write_text(script, encoding="utf-8")
    monkeypatch.setattr(migrating, "_SCRIPTS", scripts)
    return str(request.param)


@pytest.mark.parametrize("next_version", ["sql", "python"], indirect=True)
def test_one_that_fails_leaves_everything_as_it_was(database: Database, next_version: str) -> None:
    database.write(fill)
    before, version = database.read(sums), version_of(database)
    with pytest.raises(StoreError, match=r"no_such_table|something unforeseen"):
        migrate(database)
    assert version_of(database) == version != newest()
    assert database.read(sums) == before
    tables = database.read(lambda c: inspect(c).get_table_names())
    assert "added" not in tables
    columns = database.read(lambda c: [each["name"] for each in inspect(c).get_columns("issues")])
    assert "added" not in columns
    # The old version goes on.
    assert database.write(lambda c: inbox.keep(c, "acme", "after", b"{}", NINE)) is True


@pytest.mark.parametrize("next_version", ["none"], indirect=True)
def test_one_that_succeeds_keeps_what_is_there(database: Database, next_version: str) -> None:
    database.write(fill)
    before = {each.table: each for each in database.read(sums)}
    migrate(database)
    assert version_of(database) == newest() == "9999"
    after = {each.table: each for each in database.read(sums)}
    assert after == before


@pytest.mark.parametrize("next_version", ["sql"], indirect=True)
def test_who_reads_and_writes_meanwhile_goes_on(database: Database, next_version: str) -> None:
    """The old version runs while the new one tries, again and again, in vain."""
    written: list[int] = []
    done, started = threading.Event(), threading.Event()

    def work_on(other: Database) -> None:
        while not done.is_set():
            number = len(written)
            assert other.write(partial(keep, str(number)))
            other.read(lambda c: c.execute(schema.issues.select()).all())
            written.append(number)
            started.set()

    with closing(Database(database.engine.url.render_as_string(hide_password=False))) as other:
        with ThreadPoolExecutor(1) as pool:
            working = pool.submit(work_on, other)
            try:
                assert started.wait(PATIENCE)
                for _ in range(3):
                    with pytest.raises(StoreError, match="no_such_table"):
                        migrate(database)
            finally:
                done.set()
            working.result(PATIENCE)
        assert other.read(inbox.tally) == {"new": len(written)}


@pytest.mark.parametrize("next_version", ["none"], indirect=True)
def test_on_a_server_it_does_not_wait_for_ever_behind_a_reader(
    postgres: PostgresServer, next_version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "_LOCK_TIMEOUT", "100ms")
    with closing(Database(postgres.database())) as database:
        with database.engine.connect() as reader:
            reader.execute(text("SELECT * FROM issues"))
            with pytest.raises(StoreError, match="others are using its tables; nothing was"):
                migrate(database)
            reader.execute(text("SELECT * FROM issues"))
        assert version_of(database) != "9999"
        migrate(database)
        assert version_of(database) == "9999"


def test_a_database_without_tables_has_no_version(tmp_path: Path) -> None:
    with closing(Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")) as database:
        assert version_of(database) is None
        migrate(database)
        assert version_of(database) == newest()


def test_what_is_no_database_has_no_version_to_tell(tmp_path: Path) -> None:
    path = tmp_path / "letter.sqlite3"
    path.write_text("Dear Sir or Madam, " * 100, encoding="utf-8")
    with closing(Database(f"sqlite:///{path}")) as database:
        for ask in (version_of, migrate):
            with pytest.raises(StoreError, match="file is not a database"):
                ask(database)
