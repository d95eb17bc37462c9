"""Time in which nobody heard Jira: what fell due meanwhile may have been answered meanwhile.

Jira tells again what was not taken, but later than a service that was away decides, and not for
ever. So what fell due in an absence is judged only after the issue's history was read.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, exists, or_, update

from sla.store import sites
from sla.store.issues import read_first
from sla.store.schema import issues, notifications

_ALIVE_AT = "alive_at"
NOTED_EVERY: Final = timedelta(seconds=15)
"""How often a process notes that it is there."""
ABSENCE: Final = timedelta(minutes=1)
"""A shorter gap is a restart, in which senders wait."""


def note_alive(connection: Connection, site: str, real_now: datetime) -> None:
    """Note that somebody hears this site, by the machine's own clock."""
    sites.learn(connection, site, _ALIVE_AT, real_now.isoformat())


def noted_at(connection: Connection, site: str) -> datetime | None:
    """When somebody who hears this site last noted it, by the machine's own clock; None: never."""
    known = sites.known(connection, site, _ALIVE_AT)
    return datetime.fromisoformat(known) if known else None


def come_back(
    connection: Connection, site: str, now: datetime, real_now: datetime, *, hears: bool
) -> timedelta | None:
    """Have the histories read of the issues in which something fell due while nobody was there.

    That is also what a channel was to be told when its quiet hours ended.

    Args:
        connection: to the database.
        site: the site.
        now: the present instant.
        real_now: the same by the machine's own clock, which no demo makes faster.
        hears: whether this process hears Jira, which ends the absence.

    Returns:
        How long nobody was there; None where it was no longer than a restart, or not at all.
    """
    known = sites.known(connection, site, _ALIVE_AT)
    if hears:
        note_alive(connection, site, real_now)
    away = real_now - datetime.fromisoformat(known) if known else timedelta(0)
    if away < ABSENCE:
        return None
    to_be_told = exists().where(
        notifications.c.site == issues.c.site,
        notifications.c.issue_id == issues.c.issue_id,
        notifications.c.state == "pending",
        notifications.c.try_at <= now,
    )
    fell_due = or_(issues.c.wake_at <= now, to_be_told)
    connection.execute(
        update(issues)
        .where(issues.c.site == site, fell_due, issues.c.incomplete.is_(False))
        .values(read_first(now))
    )
    return away
