"""What is due is found by its own index, however many issues a site has."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from itertools import cycle

import pytest
from sqlalchemy import Connection, event, insert, update

from bench.meter import instructions
from sla.store import inbox, issues, outbox, schema
from sla.store.database import Database
from tests.sla.example import NINE

SITES = ("acme",)
ASKED: dict[str, Callable[[Connection], object]] = {
    "inbox.waiting": lambda c: inbox.waiting(c, SITES, 10),
    "inbox.of_issue": lambda c: inbox.of_issue(c, "acme", "10000"),
    "issues.to_wake": lambda c: issues.to_wake(c, NINE, SITES, 10),
    "issues.next_wake": lambda c: issues.next_wake(c, SITES),
    "issues.next_wake, later": lambda c: issues.next_wake(c, SITES, after=NINE),
    "issues.to_read": lambda c: issues.to_read(c, NINE, SITES, 10),
    "issues.next_read": lambda c: issues.next_read(c, SITES),
    "issues.to_be_read": lambda c: issues.to_be_read(c, "acme"),
    "inbox.left": inbox.left,
    "outbox.to_dispatch": lambda c: outbox.to_dispatch(c, NINE, SITES, 10),
    "outbox.next_dispatch": lambda c: outbox.next_dispatch(c, SITES, NINE),
}
# Each holds only rows that wait for something.
OF_WHAT_WAITS = (
    "ix_inbox_waiting", "ix_inbox_set_aside", "ix_issues_wake_at", "ix_issues_read_at",
    "ix_issues_write_at", "ix_issues_write_untried", "ix_sayings_pending", "ix_sayings_untried",
    "ix_sayings_given_up", "INTEGER PRIMARY KEY",
)  # fmt: skip


def plan(database: Database, ask: Callable[[Connection], object]) -> list[str]:
    """How SQLite gets at the rows of each table."""
    asked: list[tuple[str, object]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: object, *_: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", note)
    database.read(ask)
    event.remove(database.engine, "before_cursor_execute", note)
    steps = [
        str(row[3])
        for statement, parameters in asked
        if statement.startswith("SELECT")
        for row in database.read(
            lambda c, s=statement, p=parameters: c.exec_driver_sql(  # type: ignore[misc]
                f"EXPLAIN QUERY PLAN {s}", p
            ).all()
        )
    ]
    tables = (" inbox", " issues", " sayings")
    return [step for step in steps if any(table in step for table in tables)]


@pytest.mark.parametrize("name", ASKED)
def test_what_is_due_is_found_by_its_index(database: Database, name: str) -> None:
    if database.is_shared:
        pytest.skip("PostgreSQL chooses by what the tables hold")
    steps = plan(database, ASKED[name])
    assert steps
    assert [step for step in steps if not any(each in step for each in OF_WHAT_WAITS)] == []


@pytest.mark.parametrize("name", ASKED)
def test_what_waits_costs_no_look(database: Database, name: str) -> None:
    """Counted in instructions of SQLite's machine, with ten times as much waiting."""
    if database.is_shared:
        pytest.skip("only SQLite counts its instructions")
    if name == "issues.to_be_read":
        pytest.skip("it counts what waits")
    database.write(lambda c: wait(c, range(50)))
    few = instructions(database, ASKED[name])
    database.write(lambda c: wait(c, range(50, 500)))
    assert instructions(database, ASKED[name]) <= few + 10


def wait(connection: Connection, numbers: Iterable[int]) -> None:
    """Have everything there is of some issues, and nothing of it due."""
    later = NINE + timedelta(minutes=20)
    for number in map(str, numbers):
        inbox.keep(connection, "acme", number, b"{}", NINE, number)
        issues.hear_of(connection, "acme", number, None)
        issues.change(
            connection, "acme", number,
            wake_at=later, read_at=later, write_at=later, write_attempts=1,
        )  # fmt: skip
    connection.execute(update(schema.inbox).values(state="done"))
    connection.execute(
        insert(schema.sayings),
        [
            {
                "site": "acme", "issue_id": str(number), "key": "said", "at": NINE,
                "decided_at": NINE, "saying": b"{}", "state": state, "try_at": later,
                "attempts": 1,
            }
            for number, state in zip(numbers, cycle(("pending", "sent")), strict=False)
        ],
    )  # fmt: skip
