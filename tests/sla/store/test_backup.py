"""A backup is whole, of one instant, and says of itself that it is one."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, func, select

from sla.store import backup as backing_up
from sla.store import copying, inbox, restored, schema, sites
from sla.store.backup import backup
from sla.store.checksums import sums
from sla.store.copying import copy
from sla.store.database import Database, StoreError
from tests.postgres import PostgresServer
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from tests.sla.store.filled import fill

PATIENCE = 10.0


@contextmanager
def opened(file: Path) -> Iterator[Database]:
    with closing(Database(f"sqlite:///{file}")) as found:
        yield found


def test_a_backup_holds_what_the_database_does(database: Database, tmp_path: Path) -> None:
    database.write(fill)
    file = tmp_path / "backup.sqlite3"
    assert backup(database, file, NINE) == file.stat().st_size
    with opened(file) as found:
        before, after = database.read(sums), found.read(sums)
        differing = [old.table for old, new in zip(before, after, strict=True) if old != new]
        assert differing == ["site_facts"]
        assert found.write(lambda c: restored.recognise(c, NINE)) == NINE
    # Nothing else lies about, and nobody else may read it.
    assert not [path.name for path in tmp_path.iterdir() if path.name.endswith(".part")]
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_backup_is_one_file_that_can_be_read_where_nobody_may_write(
    database: Database, tmp_path: Path
) -> None:
    database.write(fill)
    backup(database, tmp_path / "backup.sqlite3", NINE)
    with closing(sqlite3.connect(f"file:{tmp_path}/backup.sqlite3?immutable=1", uri=True)) as found:
        assert found.execute("PRAGMA journal_mode").fetchone() == ("delete",)
        assert found.execute("SELECT count(*) FROM inbox").fetchone() == (11,)


def write_two(database: Database, number: int) -> None:
    """A delivery and a count, together or not at all."""

    def work(connection: Connection) -> None:
        inbox.keep(connection, "acme", str(number), bytes(5000), NINE)
        inbox.count(connection, "acme", "written")

    database.write(work)


def test_a_writer_that_never_rests_neither_waits_nor_spoils_it(
    database: Database, tmp_path: Path
) -> None:
    for number in range(200):
        write_two(database, number)
    done, written = threading.Event(), threading.Event()
    numbers: list[int] = []

    def write_on() -> None:
        while not done.is_set() and len(numbers) < 20_000:
            write_two(database, 1000 + len(numbers))
            numbers.append(1)
            written.set()

    writer = threading.Thread(target=write_on)
    writer.start()
    try:
        assert written.wait(PATIENCE)
        backup(database, tmp_path / "backup.sqlite3", NINE)
    finally:
        done.set()
        writer.join(PATIENCE)
    with opened(tmp_path / "backup.sqlite3") as found:
        count = select(func.count()).select_from(schema.inbox)
        kept = found.read(lambda c: c.execute(count).scalar_one())
        assert found.read(inbox.counted) == {"written": kept}
        assert 200 < kept <= 200 + len(numbers)


def test_what_was_deleted_is_not_in_it(sqlite: Database, tmp_path: Path) -> None:
    sqlite.write(lambda c: inbox.keep(c, "acme", "1", b"planted-person" * 100, NINE))
    sqlite.write(lambda c: c.execute(schema.inbox.delete()))
    backup(sqlite, tmp_path / "backup.sqlite3", NINE)
    assert b"planted-person" not in (tmp_path / "backup.sqlite3").read_bytes()


# -- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_nothing_is_overwritten(database: Database, tmp_path: Path, kind: str) -> None:
    file = tmp_path / "backup.sqlite3"
    if kind == "file":
        file.write_bytes(b"yesterday")
    elif kind == "directory":
        file.mkdir()
    else:
        file.symlink_to(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="is there already; name a new file"):
        backup(database, file, NINE)
    assert kind != "file" or file.read_bytes() == b"yesterday"


def test_a_name_that_was_taken_meanwhile_is_left_alone(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "backup.sqlite3"
    monkeypatch.setattr(backing_up, "_check", lambda _: file.write_bytes(b"another"))
    with pytest.raises(StoreError, match="somebody made it meanwhile"):
        backup(sqlite, file, NINE)
    assert file.read_bytes() == b"another"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".part") == []


def test_a_disk_without_second_names_will_do(
    sqlite: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", link)
    backup(sqlite, tmp_path / "backup.sqlite3", NINE)
    assert (tmp_path / "backup.sqlite3").exists()


def test_a_directory_that_is_not_there(sqlite: Database, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be made there: No such file or directory"):
        backup(sqlite, tmp_path / "no" / "backup.sqlite3", NINE)


def test_a_damaged_database_gives_no_backup(sqlite: Database, tmp_path: Path) -> None:
    for number in range(200):
        sqlite.write(lambda c, n=number: inbox.keep(c, "acme", str(n), bytes(4000), NINE))  # type: ignore[misc]
    sqlite.close()
    path = Path(sqlite.name)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\xde\xad" * 20_000)
    with opened(path) as damaged, pytest.raises(StoreError, match="malformed"):
        backup(damaged, tmp_path / "backup.sqlite3", NINE)
    assert not (tmp_path / "backup.sqlite3").exists()


# -- restoring -------------------------------------------------------------------------------------


def test_from_a_backup_onto_a_server(
    sqlite: Database, postgres: PostgresServer, tmp_path: Path
) -> None:
    sqlite.write(fill)
    backup(sqlite, tmp_path / "backup.sqlite3", NINE)
    with (
        opened(tmp_path / "backup.sqlite3") as found,
        closing(Database(postgres.empty_database())) as server,
    ):
        copy(found, server)
        assert server.write(lambda c: restored.recognise(c, NINE)) == NINE


def test_of_those_that_start_on_a_copy_one_is_told(database: Database) -> None:
    def start(hours: int) -> object:
        at = NINE + timedelta(hours=hours)
        return database.write(lambda c: restored.recognise(c, at))

    assert start(0) is None
    assert database.read(restored.doubt) is None
    database.write(lambda c: restored.mark(c, NINE))
    assert start(3) == NINE
    assert start(4) is None
    until = NINE + timedelta(hours=3)
    assert database.read(restored.doubt) == restored.Doubt(NINE, until)
    # Put back once more, from a copy that was made before, with a clock that was set back.
    database.write(lambda c: restored.mark(c, NINE - timedelta(hours=1)))
    assert start(2) == NINE - timedelta(hours=1)
    assert database.read(restored.doubt) == restored.Doubt(NINE - timedelta(hours=1), until)


def test_what_a_start_on_a_copy_has_looked_at_again(database: Database) -> None:
    waiting: dict[str, Any] = {"state": "pending", "try_at": NINE}

    def work(connection: Connection) -> None:
        issue: dict[str, Any] = {
            "site": "acme",
            "fields_wanted": '{"a": 1}',
            "fields_written": '{"a": 1}',
        }
        rows: dict[str, dict[str, Any]] = {
            "clock": {"wake_at": NINE},
            "rests": {},
            "says": {},
            "writes": {"write_at": NINE},
            "unknown": {"fields_wanted": None, "fields_written": None},
        }
        for name, more in rows.items():
            connection.execute(schema.issues.insert().values(issue | {"issue_id": name} | more))
        saying: dict[str, Any] = {
            "site": "acme",
            "issue_id": "says",
            "at": NINE,
            "decided_at": NINE,
        }
        for key, more in {
            "never left": waiting,
            "in doubt": {**waiting, "attempted_at": NINE},
            "to be edited": {**waiting, "comment_id": "1"},
            "said": {"state": "sent", "comment_id": "2"},
        }.items():
            row = {**saying, "key": key, "saying": b"{}", **more}
            connection.execute(schema.sayings.insert().values(row))
        restored.mark(connection, NINE)
        restored.recognise(connection, NINE)

    database.write(work)
    rows = database.read(lambda c: {r.issue_id: r for r in c.execute(select(schema.issues))})
    asked = {name for name, row in rows.items() if row.read_at == NINE and row.incomplete}
    assert asked == {"clock", "says", "writes"}
    assert {row.wake_at for row in rows.values()} == {None}
    assert rows["unknown"].fields_wanted is None
    assert {rows[name].fields_wanted for name in ("clock", "rests")} == {"{}"}
    assert {row.fields_written for row in rows.values()} == {None}
    columns = schema.sayings.c.key, schema.sayings.c.state
    states = database.read(lambda c: {row.key: row.state for row in c.execute(select(*columns))})
    assert states == {
        "never left": "withdrawn", "in doubt": "pending", "to be edited": "pending", "said": "sent",
    }  # fmt: skip


def test_a_backup_of_a_restored_database_knows_of_both(sqlite: Database, tmp_path: Path) -> None:
    sqlite.write(lambda c: restored.mark(c, NINE))
    sqlite.write(lambda c: restored.recognise(c, NINE))
    later = NINE + timedelta(days=1)
    backup(sqlite, tmp_path / "backup.sqlite3", later)
    with opened(tmp_path / "backup.sqlite3") as found:
        assert found.read(lambda c: sites.known(c, "", "copied_at")) == later.isoformat()
        assert found.read(restored.doubt) == restored.Doubt(NINE, NINE)


def test_a_snapshot_sees_one_instant(database: Database, tmp_path: Path) -> None:
    with copying.snapshot(database) as connection:
        before = sums(connection)
        database.write(lambda c: inbox.keep(c, "acme", "1", b"{}", NINE))
        assert sums(connection) == before


def test_the_new_file_is_used_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    """Restoring by hand: what lies beside the old file goes with it."""
    with closing(new_database(tmp_path)) as database:
        database.write(lambda c: inbox.keep(c, "acme", "before", b"{}", NINE))
        backup(database, tmp_path / "backup.sqlite3", NINE)
        database.write(lambda c: inbox.keep(c, "acme", "after", b"{}", NINE))
    path = tmp_path / "dueline.sqlite3"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    (tmp_path / "backup.sqlite3").rename(path)
    with opened(path) as found:
        columns = select(schema.inbox.c.delivery)
        assert found.read(lambda c: c.execute(columns).scalars().all()) == ["before"]
        assert found.write(lambda c: inbox.keep(c, "acme", "anew", b"{}", NINE))
