"""A copy holds the same as its source, row for row, whichever kind of database each of them is."""

from __future__ import annotations

import hashlib
import sqlite3
import tracemalloc
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, event, insert, select, text

from sla.store import checksums, copying, inbox, schema
from sla.store.checksums import Sum, canonical, sums
from sla.store.copying import copy
from sla.store.database import Database, StoreError
from tests.postgres import PostgresServer
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from tests.sla.store.filled import fill


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Where nothing is yet, not even a table."""
    address = f"sqlite:///{tmp_path / 'target.sqlite3'}"
    if request.param == "postgresql":
        address = request.getfixturevalue("postgres").empty_database()
    with closing(Database(address)) as opened:
        yield opened


def held(database: Database) -> list[Sum]:
    return database.read(sums)


def test_a_copy_of_either_kind_holds_the_same(database: Database, target: Database) -> None:
    database.write(fill)
    assert all(each.rows for each in held(database))
    assert copy(database, target) == held(database) == held(target)


def test_there_and_back_again(sqlite: Database, postgres: PostgresServer, tmp_path: Path) -> None:
    sqlite.write(fill)
    with (
        closing(Database(postgres.empty_database())) as server,
        closing(Database(f"sqlite:///{tmp_path / 'back.sqlite3'}")) as back,
    ):
        assert copy(sqlite, server) == copy(server, back) == held(sqlite)


def test_the_next_row_is_numbered_as_it_would_have_been(
    database: Database, target: Database
) -> None:
    database.write(fill)
    copy(database, target)
    given_anew = []
    newest = select(schema.inbox.c.id).where(schema.inbox.c.delivery == "next")
    for each in (database, target):
        each.write(lambda c: inbox.keep(c, "acme", "next", b"{}", NINE))
        given_anew.append(each.read(lambda c: c.execute(newest).scalar_one()))
    # A file remembers the number that was removed; a server gives out what its sequence says.
    assert given_anew == ([12, 12] if database.is_shared else [78, 78])


def test_an_empty_database_can_be_copied(database: Database, target: Database) -> None:
    found = copy(database, target)
    assert {each.rows for each in found} == {0}
    target.write(lambda c: inbox.keep(c, "acme", "first", b"{}", NINE))
    assert target.read(lambda c: c.execute(select(schema.inbox.c.id)).scalar_one()) == 1


def test_what_is_written_meanwhile_is_not_in_the_copy(database: Database, target: Database) -> None:
    database.write(fill)
    before = held(database)

    def told(table: str, rows: int) -> None:
        database.write(lambda c: inbox.keep(c, "acme", f"while {table}", b"{}", NINE))

    assert copy(database, target, told) == before == held(target)
    assert held(database) != before


def test_it_tells_of_every_row(database: Database, target: Database) -> None:
    database.write(fill)
    told: dict[str, int] = {}

    def tell(table: str, rows: int) -> None:
        told[table] = told.get(table, 0) + rows

    copy(database, target, tell)
    assert told == copying.size(database)


# -- refusals --------------------------------------------------------------------------------------


def test_a_target_that_holds_anything_is_refused(database: Database, target: Database) -> None:
    copy(database, target)
    target.write(
        lambda c: c.execute(insert(schema.counters), [{"site": "", "name": "", "value": 1}])
    )
    before = held(target)
    with pytest.raises(StoreError, match=r"holds data already \(counters\): name an empty"):
        copy(database, target)
    assert held(target) == before


def test_a_source_of_another_version_is_refused(database: Database, target: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0002'"))
    with pytest.raises(StoreError, match=r"version 0002, .*: run `dueline migrate` for it first"):
        copy(database, target)


def test_a_source_without_tables_is_refused(target: Database, tmp_path: Path) -> None:
    with (
        closing(Database(f"sqlite:///{tmp_path / 'bare.sqlite3'}")) as bare,
        pytest.raises(StoreError, match="version none"),
    ):
        copy(bare, target)


def test_a_nul_that_a_server_cannot_hold_is_named(
    sqlite: Database, postgres: PostgresServer
) -> None:
    sqlite.write(lambda c: inbox.keep(c, "acme", "1", b"\0", NINE, issue_id="4\0"))
    with closing(Database(postgres.empty_database())) as server:
        with pytest.raises(StoreError, match=r"table inbox, id 1: issue_id holds a NUL character"):
            copy(sqlite, server)
        assert {each.rows for each in held(server)} == {0}


@pytest.mark.parametrize("fault", ["source", "target", "interrupted"])
def test_what_fails_leaves_the_target_empty(
    database: Database, target: Database, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write(fill)
    real = checksums.rows_of

    def rows_of(connection: Connection, table: Table) -> Generator[Any, None, None]:
        for number, row in enumerate(real(connection, table)):
            if number == 3 and table is schema.sayings:
                if fault == "interrupted":
                    raise KeyboardInterrupt
                if fault == "source":
                    raise sqlite3.OperationalError("disk I/O error")
                row = (row[0], None, *row[2:])
            yield row

    monkeypatch.setattr(copying, "rows_of", rows_of)
    with pytest.raises(KeyboardInterrupt if fault == "interrupted" else StoreError):
        copy(database, target)
    assert {each.rows for each in held(target)} == {0}
    monkeypatch.undo()
    assert copy(database, target) == held(database)


def test_a_copy_that_differs_is_not_kept(
    database: Database, target: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.write(fill)

    real = copying._copy_table

    def copy_table(
        reading: Connection, writing: Connection, table: Table, told: copying.Told
    ) -> None:
        real(reading, writing, table, told)
        if table is schema.issues:
            writing.execute(schema.issues.update().values(reason="spoiled"))

    monkeypatch.setattr(copying, "_copy_table", copy_table)
    with pytest.raises(StoreError, match=r"the copy differs in issues \(11 rows \w+, 11 rows"):
        copy(database, target)
    assert {each.rows for each in held(target)} == {0}


# -- memory ----------------------------------------------------------------------------------------


def test_what_is_in_memory_is_one_row(database: Database, target: Database) -> None:
    size, number = 1_000_000, 30
    for each in range(number):
        body = bytes([each]) * size
        database.write(lambda c, d=str(each), b=body: inbox.keep(c, "acme", d, b, NINE))  # type: ignore[misc]
    tracemalloc.start()
    try:
        copy(database, target)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * size


# -- checksums -------------------------------------------------------------------------------------

values = st.none() | st.integers() | st.text(st.characters(codec="utf-8")) | st.binary()


@given(st.lists(values), st.lists(values))
def test_rows_that_differ_differ_as_bytes(
    one: list[checksums.Value], other: list[checksums.Value]
) -> None:
    same = [(type(value), value) for value in one] == [(type(value), value) for value in other]
    joined = [b"".join(map(canonical, row)) for row in (one, other)]
    assert (joined[0] == joined[1]) is same


def test_true_and_one_are_alike() -> None:
    assert canonical(True) == canonical(1) == b"i1;"
    assert canonical("é") == b"t2:\xc3\xa9"
    assert canonical(None) == b"n"
    assert canonical(b"a") == b"b1:a"


def test_the_checksum_is_what_its_description_says(sqlite: Database) -> None:
    def count(connection: Connection) -> None:
        rows = [{"site": "b", "name": "x", "value": 2}, {"site": "a", "name": "x", "value": 1}]
        connection.execute(insert(schema.counters), rows)

    sqlite.write(count)
    told = b"t4:sitet4:namet5:valuet1:at1:xi1;t1:bt1:xi2;"
    found = {each.table: each for each in held(sqlite)}["counters"]
    assert found == Sum("counters", 2, hashlib.sha256(told).hexdigest())


@pytest.mark.parametrize("table", schema.metadata.sorted_tables, ids=lambda table: table.name)
def test_every_change_of_a_row_changes_its_table_alone(sqlite: Database, table: Table) -> None:
    sqlite.write(fill)
    before = held(sqlite)
    only_keys = len(table.primary_key) == len(table.columns)
    name = next(column.name for column in table.columns if only_keys or not column.primary_key)
    change = text(f"UPDATE {table.name} SET {name} = 'x' WHERE rowid = 1")  # noqa: S608
    sqlite.write(lambda c: c.execute(change))
    after = held(sqlite)
    assert [old.table for old, new in zip(before, after, strict=True) if old != new] == [table.name]


def test_a_copy_is_one_transaction(sqlite: Database, tmp_path: Path) -> None:
    sqlite.write(fill)
    with closing(new_database(tmp_path_of(tmp_path))) as target:
        commits: list[object] = []
        event.listen(target.engine, "commit", commits.append)
        copy(sqlite, target)
        # The migration, which had nothing to do, and the copy.
        assert len(commits) == 2


def tmp_path_of(parent: Path) -> Path:
    made = parent / "target"
    made.mkdir()
    return made
