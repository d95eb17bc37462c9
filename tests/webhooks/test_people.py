"""Of people Jira's ids are kept: outside the raw deliveries no address, and one name.

It is the name of an issue's assignee, and of who met a promise, which lists and reports show.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from connector.simulator import AGENT, LEAD
from connector.translate import translate
from sla.store import inbox, issues, schema
from sla.store.checksums import TABLES, rows_of
from sla.store.database import Database
from sla.store.schema import issues as issues_table
from tests.scenarios.world import utc, world
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database

CAPTURES = Path(__file__).parents[3] / "shared" / "jira" / "webhooks"
ASSIGNEE = issues_table.c.assignee
NAMED = {ASSIGNEE, schema.cycles.c.assignee, schema.cycles.c.answered_name}
"""Where the name of an assignee, or of who met a promise, stands for lists and reports."""
PRIVATE = ("displayName", "emailAddress")


def outside_the_deliveries(database: Database) -> str:
    """All that the tables hold, but for the bodies of the deliveries."""
    return database.read(
        lambda c: "\n".join(
            repr(value)
            for table in TABLES
            for row in rows_of(c, table)
            for column, value in zip(table.columns, row, strict=True)
            if column.name != "body" and column not in NAMED
        )
    )


def assignees(database: Database) -> set[str | None]:
    """The names that stand beside issues."""
    return database.read(lambda c: {row.assignee for row in c.execute(select(ASSIGNEE))})


def planted(value: Any, numbers: Iterator[int], found: list[str]) -> Any:
    """A payload in which each user object bears a name and an address of its own."""
    if isinstance(value, list):
        return [planted(each, numbers, found) for each in value]
    if not isinstance(value, dict):
        return value
    made = {name: planted(each, numbers, found) for name, each in value.items()}
    if any(name in value for name in (*PRIVATE, "accountId")):
        for name in PRIVATE:
            made[name] = f"Planted{next(numbers)}Person"
            found.append(made[name])
    return made


def files() -> list[Path]:
    return sorted(CAPTURES.rglob("*.json"))


@pytest.mark.shared
@pytest.mark.skipif(not CAPTURES.is_dir(), reason="no ../shared/jira/webhooks")
def test_no_name_of_a_captured_payload_is_kept(tmp_path: Path) -> None:
    database, numbers, understood = new_database(tmp_path), count(1), 0
    found: list[str] = []
    for file in files():
        try:
            payload = json.loads(file.read_bytes())
        except ValueError:
            continue
        body = json.dumps(planted(payload, numbers, found)).encode()
        heard = translate(body)
        database.write(lambda c, f=file, b=body: inbox.keep(c, "acme", f.stem, b, NINE))  # type: ignore[misc]
        for issue_id, events in ((heard.issue_id, heard.events), *heard.also.items()):
            if issue_id:
                database.write(lambda c, i=issue_id, e=events: issues.add_facts(c, "acme", i, e))  # type: ignore[misc]
                understood += 1
    kept = outside_the_deliveries(database)
    database.close()
    assert understood > 20
    assert len(found) > 100
    assert "Planted" not in kept, [name for name in found if name in kept][:5]


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_of_the_simulators_people_only_the_assignee_s_name_is_kept(
    tmp_path: Path, flavour: Any
) -> None:
    with world(tmp_path, utc("2024-07-10 19:00"), flavour) as place:
        private = [
            text
            for each in (AGENT, LEAD)
            for text in (place.jira.account(each).display_name, place.jira.account(each).email)
        ]
        key = place.report("HLP", {"Support plan": "Enterprise"})
        place.jira.assign(key, LEAD)
        place.jira.add_comment(key, "We are on it.", account=AGENT)
        place.settle()
        assert assignees(place.service.database) == {private[2]}
        place.jira.assign(key, AGENT)
        place.settle()
        place.advance(utc("2024-07-12 19:00"))
        # Whoever had it before is not named any more.
        assert assignees(place.service.database) == {private[0]}
        kept = outside_the_deliveries(place.service.database)
        # The deliveries themselves do name them, so that this looks for something.
        bodies = place.service.database.read(lambda c: repr(list(rows_of(c, TABLES_BY["inbox"]))))
        assert all(text in bodies for text in private[::2])
        assert not [text for text in private if text and text in kept]


TABLES_BY = {table.name: table for table in TABLES}
