"""What is due is found by its own index, however many issues a site has."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, event

from sla.store import inbox, issues, outbox
from sla.store.database import Database
from tests.sla.example import NINE

SITES = ("acme",)
ASKED: dict[str, Callable[[Connection], object]] = {
    "inbox.waiting": lambda c: inbox.waiting(c, SITES, 10),
    "inbox.of_issue": lambda c: inbox.of_issue(c, "acme", "10000"),
    "issues.to_wake": lambda c: issues.to_wake(c, NINE, SITES, 10),
    "issues.next_wake": lambda c: issues.next_wake(c, SITES),
    "issues.to_read": lambda c: issues.to_read(c, NINE, SITES, 10),
    "issues.next_read": lambda c: issues.next_read(c, SITES),
    "issues.to_be_read": lambda c: issues.to_be_read(c, "acme"),
    "outbox.to_dispatch": lambda c: outbox.to_dispatch(c, NINE, SITES, 10),
    "outbox.next_dispatch": lambda c: outbox.next_dispatch(c, SITES, NINE),
}
# Each holds only rows that wait for something.
OF_WHAT_WAITS = (
    "ix_inbox_waiting", "ix_issues_wake_at", "ix_issues_read_at", "ix_issues_write_at",
    "ix_sayings_pending", "INTEGER PRIMARY KEY",
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
