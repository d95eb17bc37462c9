"""The audit log: one chain, whoever writes, and nobody alters it without being found out."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, event, insert, update

from sla.store.audit import FIRST, Wanted, actions, check, last_hash, listed, record
from sla.store.database import Database
from sla.store.schema import audit

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SITE = "here"


@dataclass(frozen=True)
class Somebody:
    id: str = "ada"
    name: str = "Ada Lovelace"


ADA, EVE = Somebody(), Somebody("eve", "Eve")


def fill(database: Database, number: int, site: str = SITE) -> None:
    def write(connection: Connection) -> None:
        for minute in range(number):
            at = NOW + timedelta(minutes=minute)
            person = EVE if minute % 3 else ADA
            record(
                connection, site, at, person, f"did {minute % 2}", f"thing {minute}", {"n": minute}
            )

    database.write(write)


def test_an_empty_log_holds(database: Database) -> None:
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.last, found.broken) == (0, FIRST, None)
    assert database.read(lambda c: listed(c, SITE, Wanted(), 10)) == []


def test_each_row_holds_the_hash_of_the_one_before(database: Database) -> None:
    fill(database, 5)
    fill(database, 2, "elsewhere")
    rows = database.read(lambda c: listed(c, SITE, Wanted(), 10))
    assert [row.subject for row in rows] == [f"thing {n}" for n in (4, 3, 2, 1, 0)]
    assert [row.previous for row in rows] == [row.hash for row in rows[1:]] + [FIRST]
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.last, found.broken) == (5, rows[0].hash, None)
    assert database.read(lambda c: check(c, "elsewhere")).rows == 2


def test_a_long_chain_is_walked_along_whole(database: Database) -> None:
    fill(database, 1100)
    assert database.read(lambda c: check(c, SITE)).rows == 1100
    hit = update(audit).where(audit.c.subject == "thing 1050").values(subject="nothing")
    database.write(lambda c: c.execute(hit))
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.broken is not None) == (1050, True)


CHANGES = {
    "at": NOW - timedelta(days=1), "actor": "ada ", "actor_name": "Eve", "action": "did nothing",
    "subject": "", "detail": '{"n":8}', "previous": "x" * 64, "hash": "x" * 64,
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_whoever_alters_a_row_is_found_out(database: Database, name: str) -> None:
    fill(database, 6)
    fourth = database.read(lambda c: listed(c, SITE, Wanted(), 6))[2]
    hit = update(audit).where(audit.c.id == fourth.id).values({name: CHANGES[name]})
    database.write(lambda c: c.execute(hit))
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.broken) == (3, fourth.id)


@pytest.mark.parametrize("number", [0, 2, 4])
def test_whoever_takes_a_row_out_is_found_out(database: Database, number: int) -> None:
    fill(database, 6)
    rows = database.read(lambda c: listed(c, SITE, Wanted(), 6))[::-1]
    database.write(lambda c: c.execute(delete(audit).where(audit.c.id == rows[number].id)))
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.broken) == (number, rows[number + 1].id)


def test_whoever_cuts_the_end_off_is_told_by_the_hash_of_before(database: Database) -> None:
    """The chain alone cannot tell; that is why exports carry the hash."""
    fill(database, 6)
    before = database.read(lambda c: last_hash(c, SITE))
    newest = database.read(lambda c: listed(c, SITE, Wanted(), 1))[0]
    database.write(lambda c: c.execute(delete(audit).where(audit.c.id == newest.id)))
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.broken) == (5, None)
    assert found.last != before


def test_a_row_that_is_put_in_between_cannot_be(database: Database) -> None:
    fill(database, 3)
    row = database.read(lambda c: listed(c, SITE, Wanted(), 3))[1]
    again = insert(audit).values(
        site=SITE, at=NOW, actor="x", actor_name="x", action="x", subject="x", detail="{}",
        previous=row.previous, hash="y" * 64,
    )  # fmt: skip
    with pytest.raises(Exception, match=r"(?i)unique|duplicate"):
        database.write(lambda c: c.execute(again))
    assert database.read(lambda c: check(c, SITE)).rows == 3


def _did(subject: str, connection: Connection) -> None:
    record(connection, SITE, NOW, ADA, "did", subject)


def test_many_writers_at_once_make_one_chain(database: Database) -> None:
    writers, each = 8, 15
    begin, faults = threading.Barrier(writers), []

    def write(writer: int) -> None:
        begin.wait()
        try:
            for number in range(each):
                subject = f"{writer}.{number}"
                database.write(partial(_did, subject))
        except Exception as error:  # noqa: BLE001 - told below
            faults.append(error)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.broken) == (writers * each, None)
    assert len(database.read(lambda c: listed(c, SITE, Wanted(), 1000))) == writers * each


def test_what_was_taken_back_is_not_in_it(database: Database) -> None:
    fill(database, 2)

    def fails(connection: Connection) -> None:
        record(connection, SITE, NOW, ADA, "did", "in vain")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        database.write(fails)
    fill(database, 1)
    found = database.read(lambda c: check(c, SITE))
    assert (found.rows, found.broken) == (3, None)


WANTED: list[tuple[Wanted, Callable[[int], bool]]] = [
    (Wanted(actor="EVE"), lambda n: n % 3 != 0),
    (Wanted(actor="lovelace"), lambda n: n % 3 == 0),
    (Wanted(actor="%"), lambda _: False),
    (Wanted(action="did 1"), lambda n: n % 2 == 1),
    (Wanted(since=NOW + timedelta(minutes=5)), lambda n: n >= 5),
    (Wanted(until=NOW + timedelta(minutes=5)), lambda n: n < 5),
    (Wanted(actor="eve", action="did 0", since=NOW), lambda n: n % 3 != 0 and n % 2 == 0),
]


@pytest.mark.parametrize(("wanted", "is_one"), WANTED)
def test_what_is_wanted_is_listed(
    database: Database, wanted: Wanted, is_one: Callable[[int], bool]
) -> None:
    fill(database, 20)
    found = database.read(lambda c: listed(c, SITE, wanted, 100))
    assert [row.detail["n"] for row in found] == [n for n in range(19, -1, -1) if is_one(n)]
    assert database.read(lambda c: actions(c, SITE)) == ["did 0", "did 1"]


def test_page_after_page_lists_all(database: Database) -> None:
    fill(database, 17)
    seen: list[int] = []
    before = None
    while page := database.read(partial(listed, site=SITE, wanted=Wanted(before=before), limit=5)):
        seen += [row.detail["n"] for row in page]
        before = page[-1].id
    assert seen == list(range(16, -1, -1))


_ANY = st.text(st.characters(), max_size=20)


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=_ANY, subject=_ANY, detail=st.dictionaries(_ANY, _ANY | st.integers() | st.none()))
def test_whatever_a_name_holds_can_be_recorded_and_holds(
    database: Database, name: str, subject: str, detail: dict[str, object]
) -> None:
    """Names come from others' providers: NUL, half pairs, anything."""
    given_ = Somebody(name, name)
    database.write(lambda c: record(c, SITE, NOW, given_, "did", subject, detail))
    row = database.read(lambda c: listed(c, SITE, Wanted(), 1))[0]
    assert dict(row.detail) == json.loads(json.dumps(detail))
    assert database.read(lambda c: check(c, SITE)).broken is None


def test_a_long_log_costs_no_more_to_add_to(sqlite: Database) -> None:
    """Every row asks for the one before it: by an index, with nothing to sort."""
    asked: list[tuple[str, Any]] = []

    def hear(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(sqlite.engine, "before_cursor_execute", hear)
    fill(sqlite, 1)
    sqlite.read(lambda c: listed(c, SITE, Wanted(action="did 1"), 10))
    event.remove(sqlite.engine, "before_cursor_execute", hear)
    looks = [each for each in asked if each[0].startswith("SELECT")]
    assert len(looks) == 2
    with sqlite.engine.connect() as connection:
        for statement, parameters in looks:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert "USING" in str(plan)
            assert "TEMP B-TREE" not in str(plan), plan
