"""How the work stands: what waits, since when, and what needs a person; counted along indexes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    String,
    bindparam,
    case,
    func,
    literal_column,
    select,
    text,
    union_all,
)
from sqlalchemy.sql.selectable import FromClause

from sla.store.schema import Instant, inbox, issues, notifications, sayings


class Attention(NamedTuple):
    """What somebody should look at."""

    comments: int
    """Given up: Jira refused them for good."""
    fields: int
    """Issues whose fields were given up."""
    histories: int
    """Issues whose history could not be read."""
    untold: int
    """Notifications that were given up."""
    not_understood: int
    failed: int
    heard_at: datetime | None
    """When the newest delivery came that is about an issue."""


class Timers(NamedTuple):
    """The instants at which time alone changes an answer."""

    armed: int
    next_at: datetime | None
    overdue: int
    overdue_since: datetime | None
    """Of the oldest that is past and was not seen to yet."""


class Queue(NamedTuple):
    """One kind of thing that is to reach Jira, or to be asked of it."""

    pending: int
    given_up: int
    since: datetime | None
    """Since when the oldest waits, where that is known; else when the next one is tried."""


def _count(table: FromClause, *conditions: ColumnElement[bool]) -> Any:
    return select(func.count()).select_from(table).where(*conditions).scalar_subquery()


# The conditions are those of the indexes, in their words: see `sla.store.inbox`. Each statement is
# built when it is first asked for: readiness, which a start ends with, asks for the sayings alone.
@cache
def _attention() -> Any:
    site = bindparam("site", type_=String)
    given_up: ColumnElement[str] = literal_column("'given_up'")
    set_aside: Any = text("state IN ('not_understood', 'failed')")
    return select(
        _count(sayings, sayings.c.site == site, sayings.c.state == given_up),
        _count(
            issues,
            issues.c.site == site,
            issues.c.write_at.is_(None),
            issues.c.write_error.is_not(None),
        ),
        _count(
            issues,
            issues.c.site == site,
            issues.c.read_at.is_(None),
            issues.c.read_error.is_not(None),
        ),
        _count(notifications, notifications.c.site == site, notifications.c.state == given_up),
        _count(inbox, inbox.c.state == literal_column("'not_understood'"), set_aside),
        _count(inbox, inbox.c.state == literal_column("'failed'"), set_aside),
        select(inbox.c.received_at)
        .where(inbox.c.site == site, inbox.c.issue_id.is_not(None))
        .order_by(inbox.c.id.desc())
        .limit(1)
        .scalar_subquery(),
    )


@cache
def _timers() -> Any:
    return select(
        func.count(),
        func.min(issues.c.wake_at),
        func.count(case((issues.c.wake_at <= bindparam("now", type_=Instant()), 1))),
    ).where(issues.c.wake_at.is_not(None))


@cache
def _next() -> Any:
    return select(func.min(issues.c.wake_at)).where(
        issues.c.wake_at > bindparam("now", type_=Instant())
    )


_SAYINGS: CompoundSelect[Any] = union_all(
    *(
        select(literal_column(f"'{state}'"), func.count())
        .select_from(sayings)
        .where(sayings.c.state == literal_column(f"'{state}'"))
        for state in ("pending", "given_up")
    )
)


def attention(connection: Connection, site: str) -> Attention:
    """What needs a person: one statement, which touches no row that is in order."""
    return Attention(*connection.execute(_attention(), {"site": site}).one())


def timers(connection: Connection, now: datetime) -> Timers:
    """How many instants are waited for, and what of them is late."""
    armed, earliest, overdue = connection.execute(_timers(), {"now": now}).one()
    next_at = connection.execute(_next(), {"now": now}).scalar() if overdue else earliest
    return Timers(armed, next_at, overdue, earliest if overdue else None)


def queues(connection: Connection, site: str) -> Mapping[str, Queue]:
    """What is to be written to Jira and to be asked of it, by kind."""
    found = attention(connection, site)
    said = select(func.count(), func.min(sayings.c.at)).where(
        sayings.c.state == literal_column("'pending'")
    )
    written = select(func.count(), func.min(issues.c.write_at)).where(
        issues.c.write_at.is_not(None)
    )
    read = select(func.count(), func.min(issues.c.read_at)).where(issues.c.read_at.is_not(None))
    told = select(func.count(), func.min(notifications.c.at)).where(
        notifications.c.state == literal_column("'pending'")
    )
    given_up = {
        "comments": found.comments, "fields": found.fields, "histories": found.histories,
        "notifications": found.untold,
    }  # fmt: skip
    statements = {"comments": said, "fields": written, "histories": read, "notifications": told}
    return {
        kind: Queue(number, given_up[kind], since)
        for kind, statement in statements.items()
        for number, since in connection.execute(statement)
    }


def sayings_left(connection: Connection) -> dict[str, int]:
    """How many sayings wait or were given up: without those that are over."""
    return {state: number for state, number in connection.execute(_SAYINGS) if number}


def size(connection: Connection) -> int:
    """How large the database is, in bytes."""
    if connection.dialect.name == "postgresql":
        asked = select(func.pg_database_size(func.current_database()))
        return int(connection.execute(asked).scalar_one())
    pages = (connection.exec_driver_sql(f"PRAGMA {what}").scalar_one() for what in _PAGES)
    number, each = pages
    return int(number * each)


_PAGES = ("page_count", "page_size")
