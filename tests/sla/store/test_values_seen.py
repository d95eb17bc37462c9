"""What the issues of a site have, for people to choose from; and the keys that they had."""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from sla.store import issues
from sla.store.database import Database
from sla.store.values_seen import spelt_as_seen, values_seen

_ISSUES = (
    ("acme", "1", {"status": "To Do", "priority": "High", "issue_type": "Bug"}),
    ("acme", "2", {"status": "Waiting", "priority": "High", "issue_type": None}),
    ("other", "3", {"status": "Elsewhere", "priority": None, "issue_type": "Task"}),
)


def filled(database: Database) -> Database:
    def work(connection: Connection) -> None:
        for site, issue_id, values in _ISSUES:
            issues.hear_of(connection, site, issue_id, f"ACME-{issue_id}")
            issues.change(connection, site, issue_id, **values)

    database.write(work)
    return database


def test_a_sites_values_are_listed_each_once(database: Database) -> None:
    found = filled(database).read(lambda c: values_seen(c, "acme"))
    assert found == {
        "status": ("To Do", "Waiting"), "priority": ("High",), "issuetype": ("Bug",),
    }  # fmt: skip


def test_a_value_is_found_whatever_its_case(database: Database) -> None:
    filled(database)
    for name, value, expected in (
        ("status", "wAITING", "Waiting"),
        ("status", "Elsewhere", None),
        ("priority", "%", None),
        ("labels", "High", None),
    ):
        found = database.read(partial(spelt_as_seen, site="acme", name=name, value=value))
        assert found == expected


def test_an_issue_is_found_by_every_key_that_it_had(database: Database) -> None:
    filled(database)
    row = database.read(lambda c: issues.get(c, "acme", "1"))
    assert row
    for _ in range(2):
        database.write(lambda c: issues.remember_keys(c, row, ["OLD-7", "ACME-1"]))
    assert database.read(lambda c: issues.once_known_as(c, "acme", "OLD-7")) == "1"
    assert database.read(lambda c: issues.once_known_as(c, "other", "OLD-7")) is None
