"""What is open in each project is counted by issue, on both databases."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from sla.store import mapping
from sla.store.database import Database
from sla.store.schema import cycles, issues
from tests.sla.store.test_board import SITE, fill


def test_an_issue_with_several_open_promises_counts_once(database: Database) -> None:
    database.write(lambda c: fill(c, 60))
    of_site = select(issues.c.project).where(issues.c.site == SITE)
    every = database.read(lambda c: c.execute(of_site).scalars().all())
    expected = {key: every.count(key) for key in ("A", "B")}
    assert database.read(lambda c: mapping.open_by_project(c, SITE)) == expected

    def go_on(connection: Connection) -> None:
        # Its second cycle is open, too; of another issue none is.
        one, other = connection.execute(
            select(issues.c.issue_id).where(issues.c.site == SITE, issues.c.project == "A").limit(2)
        ).scalars()
        both = cycles.c.site == SITE, cycles.c.issue_id == one
        connection.execute(update(cycles).where(*both).values(ended_at=None))
        over = cycles.c.site == SITE, cycles.c.issue_id == other
        connection.execute(update(cycles).where(*over).values(ended_at=cycles.c.started_at))
        connection.execute(insert(issues).values(site=SITE, issue_id="unheard"))

    database.write(go_on)
    found = database.read(lambda c: mapping.open_by_project(c, SITE))
    assert found == {**expected, "A": expected["A"] - 1}
    assert database.read(lambda c: mapping.projects_heard_of(c, SITE)) == {"A", "B"}
