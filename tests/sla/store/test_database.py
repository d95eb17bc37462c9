"""One writer: what waits shares a commit, what fails fails alone, what is told is on disk."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, select, text
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from sla.store import inbox
from sla.store.database import Database, StoreError
from sla.store.group_commit import GroupCommit
from sla.store.migrate import migrate
from sla.store.schema import Instant
from sla.store.schema import inbox as inbox_table
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database

PATIENCE = 10.0
Work = Callable[[Connection], Any]


def keep(delivery: str) -> Work:
    return lambda connection: inbox.keep(connection, "acme", delivery, b"{}", NINE)


def kept(database: Database) -> set[str]:
    return database.read(lambda c: set(c.execute(select(inbox_table.c.delivery)).scalars()))


def fail(connection: Connection) -> None:
    keep("half-done")(connection)
    raise LookupError("not today")


def disk_full(connection: Connection) -> None:
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


@contextmanager
def held(database: Database, *jobs: Work) -> Iterator[list[Future[Any]]]:
    """While the block runs the writer is busy, and the jobs wait behind it, in their order."""
    busy, go = threading.Event(), threading.Event()

    def occupy(connection: Connection) -> None:
        busy.set()
        assert go.wait(PATIENCE)

    with ThreadPoolExecutor(len(jobs) + 1) as pool:
        occupied = pool.submit(database.write, occupy)
        try:
            assert busy.wait(PATIENCE)
            outcomes = [_queued(database, pool, job) for job in jobs]
            yield outcomes
        finally:
            go.set()
        occupied.result(PATIENCE)


def _queued(database: Database, pool: ThreadPoolExecutor, job: Work) -> Future[Any]:
    """Submit a write, and wait until it stands in the queue."""
    writer = database._writer
    assert isinstance(writer, GroupCommit)
    size = writer._jobs.qsize()
    outcome = pool.submit(database.write, job)
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.002)):
        if writer._jobs.qsize() > size:
            return outcome
        pause.wait(0.002)
    raise AssertionError("the write never reached the queue")


def test_waiting_writes_share_one_commit(sqlite: Database) -> None:
    commits: list[object] = []
    event.listen(sqlite.engine, "commit", commits.append)
    with held(sqlite, *(keep(str(number)) for number in range(20))) as outcomes:
        pass
    assert [outcome.result(PATIENCE) for outcome in outcomes] == [True] * 20
    # One for the write that kept the writer busy, one for all that waited behind it.
    assert len(commits) == 2
    assert kept(sqlite) == set(map(str, range(20)))


def written_soon(database: Database, work: Work) -> Future[Any]:
    """What is told of a write that nobody waits for."""
    outcome: Future[Any] = Future()

    def tell(result: Any, failure: Exception | None) -> None:
        if failure:
            outcome.set_exception(failure)
        else:
            outcome.set_result((result, threading.current_thread()))

    database.write_soon(work, tell)
    return outcome


def test_whoever_does_not_wait_is_told_in_another_thread_once_it_is_there(
    database: Database,
) -> None:
    result, teller = written_soon(database, lambda c: (keep("1")(c), "said")[1]).result(PATIENCE)
    assert result == "said"
    assert teller is not threading.current_thread()
    assert kept(database) == {"1"}


def test_whoever_does_not_wait_is_told_why_it_failed(database: Database) -> None:
    with pytest.raises(LookupError, match="not today"):
        written_soon(database, fail).result(PATIENCE)
    troubles = [database.trouble]
    with pytest.raises(OperationalError):
        written_soon(database, disk_full).result(PATIENCE)
    troubles.append(database.trouble)
    written_soon(database, keep("1")).result(PATIENCE)
    assert [*troubles, database.trouble] == [None, "database or disk is full", None]
    assert kept(database) == {"1"}


def test_what_nobody_waits_for_shares_a_commit_and_is_finished_at_the_end(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    with held(database, keep("waited for")) as outcomes:
        soon = [written_soon(database, keep(str(number))) for number in range(5)]
        failed = written_soon(database, fail)
        closing = threading.Thread(target=database.close)
        closing.start()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert [outcome.result(PATIENCE) for outcome in outcomes] == [True]
    assert [each.result(PATIENCE)[0] for each in soon] == [True] * 5
    assert isinstance(failed.exception(PATIENCE), LookupError)
    with pytest.raises(StoreError, match="the database is closed"):
        written_soon(database, keep("late"))


def rows(*deliveries: str) -> list[tuple[Any, ...]]:
    return [("acme", each, each.encode(), NINE, None) for each in deliveries]


def kept_soon(database: Database, ways: list[str], *deliveries: str) -> Future[Any]:
    """The number of new ones; `ways` is told which way they were written."""

    def work(connection: Connection) -> int:
        ways.append("with others")
        return inbox.keep_all(connection, rows(*deliveries))

    def at_once(connection: sqlite3.Connection) -> int:
        ways.append("at once")
        return inbox.keep_all_at_once(connection, rows(*deliveries))

    outcome: Future[Any] = Future()

    def tell(result: int | None, failure: Exception | None) -> None:
        if failure:
            outcome.set_exception(failure)
        else:
            outcome.set_result(result)

    database.write_soon(work, tell, at_once)
    return outcome


def test_a_write_of_one_statement_that_waits_alone_is_made_at_once(sqlite: Database) -> None:
    ways: list[str] = []
    # The first commit notes which file it is.
    assert kept_soon(sqlite, ways, "1").result(PATIENCE) == 1
    assert kept_soon(sqlite, ways, "1", "2", "3").result(PATIENCE) == 2
    assert kept_soon(sqlite, ways, "3").result(PATIENCE) == 0
    with held(sqlite, keep("beside")):
        beside = kept_soon(sqlite, ways, "4", "1")
    assert beside.result(PATIENCE) == 1
    assert ways == ["with others", "at once", "at once", "with others"]
    assert kept(sqlite) == {"1", "2", "3", "4", "beside"}


def test_what_is_made_at_once_is_stored_whole_or_not_at_all(sqlite: Database) -> None:
    ways: list[str] = []
    kept_soon(sqlite, ways, "1").result(PATIENCE)
    with pytest.raises(UnicodeEncodeError):
        kept_soon(sqlite, ways, "2", "\ud800").result(PATIENCE)
    assert ways[1:] == ["at once", "with others"]
    sqlite.write(lambda c: c.exec_driver_sql(_REFUSES_FOUR))
    with pytest.raises(IntegrityError, match="no four"):
        kept_soon(sqlite, ways, "3", "4").result(PATIENCE)
    assert kept(sqlite) == {"1"}
    assert sqlite.trouble is None
    assert kept_soon(sqlite, ways, "5").result(PATIENCE) == 1


_REFUSES_FOUR = """
CREATE TRIGGER refuses BEFORE INSERT ON inbox WHEN NEW.delivery = '4'
BEGIN SELECT RAISE(ABORT, 'no four'); END
"""


def test_a_fault_of_the_storage_is_told_of_what_is_made_at_once(sqlite: Database) -> None:
    kept_soon(sqlite, [], "1").result(PATIENCE)

    def full(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    outcome: Future[Any] = Future()
    sqlite.write_soon(keep("2"), lambda _, failure: outcome.set_result(failure), full)
    assert isinstance(outcome.result(PATIENCE), OperationalError)
    assert (sqlite.trouble, kept(sqlite)) == ("database or disk is full", {"1"})
    assert kept_soon(sqlite, [], "2").result(PATIENCE) == 1
    assert sqlite.trouble is None


def test_nothing_is_made_at_once_in_a_file_that_was_taken_away(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    ways: list[str] = []
    kept_soon(database, ways, "1").result(PATIENCE)
    path = Path(database.name)
    path.rename(path.with_name("elsewhere"))
    with pytest.raises(StoreError, match="the database file is gone"):
        kept_soon(database, ways, "2").result(PATIENCE)
    path.with_name("elsewhere").rename(path)
    assert ways == ["with others"]
    assert kept_soon(database, ways, "3").result(PATIENCE) == 1
    assert kept(database) == {"1", "3"}
    database.close()


def test_whoever_is_told_holds_up_no_write(sqlite: Database) -> None:
    told, go = threading.Event(), threading.Event()

    def tell(_result: object, _failure: Exception | None) -> None:
        told.set()
        assert go.wait(PATIENCE)

    sqlite.write_soon(keep("1"), tell)
    assert told.wait(PATIENCE)
    assert sqlite.write(keep("2")) is True
    go.set()


def test_whoever_cannot_be_told_keeps_no_other_from_being_told(sqlite: Database) -> None:
    def tell(_result: object, _failure: Exception | None) -> None:
        raise ValueError("nobody listens")

    sqlite.write_soon(keep("1"), tell)
    assert written_soon(sqlite, keep("2")).result(PATIENCE)[0] is True


def test_a_write_that_fails_takes_no_other_with_it(sqlite: Database) -> None:
    with held(sqlite, keep("before"), fail, keep("after")) as (before, failed, after):
        pass
    assert (before.result(PATIENCE), after.result(PATIENCE)) == (True, True)
    with pytest.raises(LookupError, match="not today"):
        failed.result(PATIENCE)
    assert kept(sqlite) == {"before", "after"}


def test_a_statement_that_the_database_refuses_fails_alone(sqlite: Database) -> None:
    def nothing_where_something_must_be(connection: Connection) -> None:
        connection.execute(inbox_table.insert().values(site=None))

    with held(sqlite, nothing_where_something_must_be, keep("after")) as (refused, after):
        pass
    with pytest.raises(IntegrityError):
        refused.result(PATIENCE)
    assert after.result(PATIENCE) is True


def test_when_the_disk_is_full_nobody_hears_of_success(sqlite: Database) -> None:
    with held(sqlite, keep("before"), disk_full, keep("after")) as outcomes:
        pass
    for outcome in outcomes:
        with pytest.raises(OperationalError, match="disk is full"):
            outcome.result(PATIENCE)
    assert kept(sqlite) == set()
    assert sqlite.write(keep("later")) is True


def test_when_the_commit_itself_fails_nobody_hears_of_success(sqlite: Database) -> None:
    def refuse(connection: Connection) -> None:
        raise OperationalError("COMMIT", {}, Exception("disk I/O error"))

    event.listen(sqlite.engine, "commit", refuse)
    with held(sqlite, keep("1"), keep("2")) as outcomes:
        event.remove(sqlite.engine, "commit", refuse)
        event.listen(sqlite.engine, "commit", once(refuse, after=1))
    for outcome in outcomes:
        with pytest.raises(OperationalError, match="disk I/O error"):
            outcome.result(PATIENCE)
    assert kept(sqlite) == set()


def once(act: Callable[[Connection], None], *, after: int) -> Callable[[Connection], None]:
    """Do it at one call only, after so many others."""
    calls: list[object] = []

    def maybe(connection: Connection) -> None:
        calls.append(connection)
        if len(calls) == after + 1:
            act(connection)

    return maybe


def test_what_is_told_can_be_read_by_others(database: Database) -> None:
    def writes_and_looks(connection: Connection) -> set[str]:
        keep("1")(connection)
        # Another connection does not see it before the commit.
        return kept(database)

    assert database.write(writes_and_looks) == set()
    assert kept(database) == {"1"}


def test_many_threads_write_and_read_at_once(database: Database) -> None:
    def write_and_read(number: int) -> bool:
        database.write(keep(str(number)))
        return str(number) in kept(database)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(write_and_read, range(100)))


def test_close_finishes_what_is_queued(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path / 'dueline.sqlite3'}"
    database = Database(address)
    migrate(database)
    with held(database, *(keep(str(number)) for number in range(5))) as outcomes:
        closing = threading.Thread(target=database.close)
        closing.start()
    closing.join(PATIENCE)
    assert not closing.is_alive()
    assert [outcome.result(PATIENCE) for outcome in outcomes] == [True] * 5
    opened_again = Database(address)
    assert kept(opened_again) == set(map(str, range(5)))
    opened_again.close()


def test_after_close_a_write_is_refused(database: Database) -> None:
    database.close()
    database.close()
    with pytest.raises(StoreError, match="the database is closed"):
        database.write(keep("1"))


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 2), ("foreign_keys", 1), ("busy_timeout", 10_000)],
)
def test_pragmas_hold_on_the_writer_and_on_readers(
    sqlite: Database, pragma: str, value: object
) -> None:
    def ask(connection: Connection) -> object:
        return connection.exec_driver_sql(f"PRAGMA {pragma}").scalar()

    assert (sqlite.write(ask), sqlite.read(ask)) == (value, value)


def test_a_reader_writes_nothing(database: Database) -> None:
    database.read(keep("1"))
    assert kept(database) == set()


@pytest.mark.parametrize(
    ("address", "message"),
    [
        (
            "no address",
            "is not a database address; expected the address of a file, such as sqlite:///",
        ),
        ("mysql://user:hunter2@host/name", "keeps its data in SQLite or PostgreSQL"),
        ("sqlite:////no/such/directory/x.sqlite3", "there is no such directory"),
    ],
)
def test_an_address_that_cannot_be_used(address: str, message: str) -> None:
    with pytest.raises(StoreError, match=message) as raised:
        Database(address)
    assert "hunter2" not in str(raised.value)


instants = st.datetimes(
    min_value=datetime(1, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.sampled_from(
        [UTC, timezone(timedelta(hours=-14)), timezone(timedelta(hours=5, minutes=45))]
    ),
)


@settings(derandomize=True, deadline=None, max_examples=120)
@given(instants)
def test_instants_come_back_exactly(at: datetime) -> None:
    column = Instant()
    stored = column.process_bind_param(at, None)  # type: ignore[arg-type]
    assert stored is not None
    assert -(2**63) <= stored < 2**63
    back = column.process_result_value(stored, None)  # type: ignore[arg-type]
    assert back == at
    assert back is not None
    assert back.tzinfo is UTC


@settings(derandomize=True, deadline=None, max_examples=120)
@given(instants, instants)
def test_instants_are_ordered_as_numbers(one: datetime, other: datetime) -> None:
    column = Instant()
    stored = [column.process_bind_param(at, None) or 0 for at in (one, other)]  # type: ignore[arg-type]
    assert (stored[0] < stored[1]) == (one < other)


def test_an_instant_goes_through_the_database_to_the_microsecond(database: Database) -> None:
    exact = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    database.write(lambda c: inbox.keep(c, "acme", "1", b"", exact))
    assert database.read(lambda c: c.execute(select(inbox_table.c.received_at)).scalar()) == exact


def test_a_naive_instant_is_refused_and_nothing_is_stored(database: Database) -> None:
    naive = NINE.replace(tzinfo=None)
    with pytest.raises((TypeError, StatementError), match="offset-naive"):
        database.write(lambda c: inbox.keep(c, "acme", "1", b"", naive))
    assert kept(database) == set()


def test_the_file_is_whole_after_the_last_commit(sqlite: Database) -> None:
    sqlite.write(keep("1"))
    check = text("PRAGMA integrity_check")
    assert sqlite.read(lambda c: c.execute(check).scalar()) == "ok"


def test_one_process_at_a_time_serves_from_a_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'claimed.sqlite3'}"
    first = Database(url)
    first.claim()
    first.claim()
    holder = tmp_path / "claimed.sqlite3.lock"
    with holder.open() as probe, pytest.raises(OSError, match=r"temporarily unavailable"):
        fcntl.flock(probe, fcntl.LOCK_EX | fcntl.LOCK_NB)
    first.close()
    second = Database(url)
    second.claim()
    second.close()


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        database = Database(f"sqlite:///{tmp_path / 'new.sqlite3'}")
        migrate(database)
        kept = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.glob("new.sqlite3*")}
        database.close()
    finally:
        os.umask(before)
    assert {kept[f"new.sqlite3{end}"] for end in ("", "-wal", "-shm")} == {0o600}
