"""A database that was put back from a copy: what it forgot may have been done all the same.

A copy says of itself that it is one. The service that starts on it is told by that, once: whatever
became true before this start may have been said by the database that was lost, so that Jira is
asked for it first; what had a clock running is judged only after its history was read anew; and
what Jira shows in the SLA fields is not known any more.
"""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import Connection, and_, delete, exists, or_, update

from sla.store import sites
from sla.store.schema import issues, notifications, sayings, site_facts

# No site has an empty name: this is said of the database as a whole.
_EVERYWHERE = ""
_COPIED_AT, _DOUBTED = "copied_at", "restored"


class Doubt(msgspec.Struct, frozen=True):
    """What may have been said already, though the database does not remember it."""

    since: datetime
    """When the copy was made; whatever left was recorded by then."""
    until: datetime
    """What became true before this may have been said; what became true later was not."""


def mark(connection: Connection, now: datetime) -> None:
    """Have a database say of itself that it is a copy of this instant."""
    sites.learn(connection, _EVERYWHERE, _COPIED_AT, now.isoformat())


def recognise(connection: Connection, now: datetime) -> datetime | None:
    """Begin again on a copy; of several processes that start on one, only the first does.

    Returns:
        When the copy was made; None where the database is no copy, or was begun on before.
    """
    copied_at = sites.known(connection, _EVERYWHERE, _COPIED_AT)
    found = delete(site_facts).where(
        site_facts.c.site == _EVERYWHERE, site_facts.c.name == _COPIED_AT
    )
    if copied_at is None or connection.execute(found).rowcount != 1:
        return None
    since, earlier = datetime.fromisoformat(copied_at), doubt(connection)
    until = max(now, earlier.until) if earlier else now
    told = {"since": since.isoformat(), "until": until.isoformat()}
    sites.learn(connection, _EVERYWHERE, _DOUBTED, told)
    _look_again(connection, now)
    _doubt_channels(connection, since, now)
    return since


def doubt(connection: Connection) -> Doubt | None:
    """What may have been said already; None where the database was never put back."""
    told = sites.known(connection, _EVERYWHERE, _DOUBTED)
    if told is None:
        return None
    return Doubt(datetime.fromisoformat(told["since"]), datetime.fromisoformat(told["until"]))


def _look_again(connection: Connection, now: datetime) -> None:
    # Most starts are on no copy.
    from sla.store.issues import read_first

    not_left = and_(sayings.c.state == "pending", sayings.c.attempted_at.is_(None))
    waits = exists().where(
        sayings.c.site == issues.c.site,
        sayings.c.issue_id == issues.c.issue_id,
        sayings.c.state == "pending",
    )
    open_still = or_(
        issues.c.wake_at.is_not(None), issues.c.write_at.is_not(None), issues.c.read_at.is_not(None)
    )
    # Nothing is concluded for an issue whose clock runs until its history was read.
    connection.execute(
        update(issues).where(or_(open_still, waits)).values(**read_first(now), write_at=None)
    )
    # What was to be said is decided anew, if it still stands then, and looked for in Jira.
    connection.execute(
        update(sayings)
        .where(not_left, sayings.c.comment_id.is_(None))
        .values(state="withdrawn", try_at=None)
    )
    # Jira may show something later by now: whatever is decided next is written, all of it.
    connection.execute(
        update(issues)
        .where(issues.c.fields_wanted.is_not(None))
        .values(fields_wanted="{}", fields_written=None, write_attempted_at=None)
    )


def _doubt_channels(connection: Connection, since: datetime, now: datetime) -> None:
    """What channels were to be told by now may have been told; what waits longer was not."""
    connection.execute(
        update(notifications)
        .where(
            notifications.c.state == "pending",
            notifications.c.attempted_at.is_(None),
            notifications.c.try_at <= now,
        )
        .values(attempted_at=since)
    )
