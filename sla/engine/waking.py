"""Which issues whose instant has come are decided together, with one that was picked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import Connection

from sla.lanes import Key
from sla.store import inbox, issues
from sla.store.issues import IssueRow

# So many issues whose instant has come are decided in one transaction: with more the writer of a
# database file would be kept from deliveries for longer, and hardly take less time for each.
_TOGETHER = 50


def woken_with(connection: Connection, key: Key, now: datetime) -> Sequence[IssueRow]:
    """The row of an issue whose instant has come, and those of the others that may go with it.

    Args:
        connection: to the database.
        key: of the issue.
        now: the present instant.

    Returns:
        Their rows, locked. The issue's own is not among them where another process has it in hand,
        or where more are due before it than go together.
    """
    site, own = key
    # Nobody is waited for: whoever holds one of them may be waiting for another.
    rows = issues.woken(connection, site, now, _TOGETHER)
    if [row.issue_id for row in rows] != [own]:
        along = _may_go_along(connection, site, [row.issue_id for row in rows])
        rows = [row for row in rows if row.issue_id == own or row.issue_id in along]
    return rows


def _may_go_along(connection: Connection, site: str, issue_ids: Collection[str]) -> Collection[str]:
    """Those of the woken issues that overtake nothing that was heard."""
    if inbox.has_nameless(connection, [site]):
        return ()
    if not inbox.waiting(connection, [site], 1):
        return issue_ids
    tied = {issue_id for _, issue_id in issues.tied(connection, [(site, i) for i in issue_ids])}
    return set(issue_ids) - tied - inbox.heard_of(connection, site, issue_ids)
