"""What channels beyond Jira are still to be told, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    String,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
)

from sla.channels import Clock, clock_of
from sla.effects import Saying
from sla.store import leaving
from sla.store.issues import unindexed
from sla.store.schema import Instant, cycles, issues, notifications, sayings
from sla.store.upsert import insert

_AT_ONCE = 500
_PENDING = notifications.c.state == literal_column("'pending'")
_NOW = bindparam("now", type_=Instant())
_SITES = bindparam("sites", expanding=True, type_=String)
# Whether there is anything left to say is not known before the history was read.
_AWAITS_HISTORY = exists().where(
    issues.c.site == notifications.c.site,
    issues.c.issue_id == notifications.c.issue_id,
    issues.c.incomplete.is_(True),
)
_DUE = (
    select(notifications.c.site, notifications.c.issue_id)
    .where(
        _PENDING,
        notifications.c.try_at <= _NOW,
        notifications.c.site.in_(_SITES),
        ~_AWAITS_HISTORY,
    )
    .group_by(notifications.c.site, notifications.c.issue_id)
    # What was never tried goes before what fails again and again.
    .order_by(func.min(notifications.c.attempts), func.min(notifications.c.at))
)
_GONE = Clock(ended=True, broken=False)
_NEXT = select(func.min(notifications.c.try_at)).where(_PENDING, notifications.c.site.in_(_SITES))


class Pending(msgspec.Struct, frozen=True):
    """Something that a channel is to be told."""

    id: int
    site: str
    issue_id: str
    channel: str
    saying: Saying
    withdrawn: bool
    """Whether the saying does not stand any more."""
    try_at: datetime
    attempts: int
    attempted_at: datetime | None
    """When it was tried without anybody's noting what became of it."""
    delivery: str | None = None
    """The one from which it follows; None: a clock brought it."""


def enter(
    connection: Connection, site: str, issue_id: str, said: Sequence[Saying], now: datetime,
    in_doubt_since: Mapping[str, datetime | None],
) -> None:  # fmt: skip
    """Have channels told of what is said; each of each saying once, whatever is decided again.

    Args:
        connection: of the transaction that enters the sayings.
        site: the site.
        issue_id: the issue that they are about.
        said: what asks for channels; the rest is passed over.
        now: the present instant.
        in_doubt_since: by key, for what may have been told by a database of which this is a copy.
    """
    rows = [
        {
            "site": site,
            "issue_id": issue_id,
            "key": saying.key,
            "channel": channel,
            "at": saying.at,
            "state": "pending",
            "try_at": now,
            "attempted_at": in_doubt_since.get(saying.key),
        }
        for saying in said
        for channel in dict.fromkeys(saying.actions.notify)
    ]
    if not rows:
        return
    statement = insert(connection, notifications)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "issue_id", "key", "channel"],
            set_={
                "state": "pending",
                "try_at": statement.excluded.try_at,
                "attempts": 0,
                "attempted_at": func.coalesce(
                    notifications.c.attempted_at, statement.excluded.attempted_at
                ),
            },
            # It was taken back untold, and stands again.
            where=notifications.c.state == "withdrawn",
        ),
        rows,
    )


def due(
    connection: Connection, now: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """The issues (site, id) of these sites of which channels are to be told something now.

    One whose history is to be read first is none of them.
    """
    rows = connection.execute(_DUE.limit(limit), {"now": now, "sites": list(sites)})
    return [(site, issue_id) for site, issue_id in rows]


def next_at(connection: Connection, sites: Sequence[str]) -> datetime | None:
    """The earliest instant at which a channel of these sites is to be told something."""
    found: datetime | None = connection.execute(_NEXT, {"sites": list(sites)}).scalar()
    return found


def pending(connection: Connection, site: str, issue_id: str, now: datetime) -> Sequence[Pending]:
    """What channels are to be told of an issue by now, in the order in which it became true."""
    mine = (notifications.c.site == site, notifications.c.issue_id == issue_id)
    found = _these(*mine, notifications.c.try_at <= now, ~_AWAITS_HISTORY)
    return _read(connection, found.order_by(notifications.c.at, notifications.c.id))


def old(
    connection: Connection, sites: Sequence[str], before: datetime, idle_since: datetime,
    after: Pending | None = None,
) -> Sequence[Pending]:  # fmt: skip
    """What was to be told before an instant, and was not: a page of some hundreds.

    Args:
        connection: to the database.
        sites: the sites.
        before: the instant.
        idle_since: what left later is left out: another process may be waiting for its answer.
        after: the last one of the page before.
    """
    own = notifications.c
    idle = or_(own.attempted_at.is_(None), own.attempted_at < idle_since)
    asked = _these(unindexed(own.site).in_(sites), own.try_at < before, idle)
    if after is not None:
        place = tuple_(literal(after.try_at, Instant()), literal(after.id, own.id.type))
        asked = asked.where(tuple_(own.try_at, own.id) > place)
    # In the order of the index of what is pending.
    return _read(connection, asked.order_by(own.try_at, own.id).limit(_AT_ONCE))


def _these(*those: ColumnElement[bool]) -> Select[Any]:
    """What is pending, with what is said."""
    return (
        select(notifications, sayings.c.saying, sayings.c.state.label("said"), sayings.c.delivery)
        .join(
            sayings,
            and_(
                sayings.c.site == notifications.c.site,
                sayings.c.issue_id == notifications.c.issue_id,
                sayings.c.key == notifications.c.key,
            ),
        )
        .where(_PENDING, *those)
    )


def _read(connection: Connection, asked: Select[Any]) -> Sequence[Pending]:
    return [
        Pending(
            id=row.id,
            site=row.site,
            issue_id=row.issue_id,
            channel=row.channel,
            saying=msgspec.json.decode(row.saying, type=Saying),
            withdrawn=row.said == "withdrawn",
            try_at=row.try_at,
            attempts=row.attempts,
            attempted_at=row.attempted_at,
            delivery=row.delivery,
        )
        for row in connection.execute(asked)
    ]


def clock(connection: Connection, pending: Pending) -> Clock:
    """How the cycle that caused a saying stands by now; where it is gone, it is over."""
    site, issue_id = pending.site, pending.issue_id
    gone = select(issues.c.issue_id).where(issues.c.site == site, issues.c.issue_id == issue_id)
    if connection.execute(gone).first() is None:
        return _GONE
    caused_by = clock_of(pending.saying)
    if caused_by is None:
        return Clock(ended=False, broken=False)
    metric, number = caused_by
    asked = select(cycles.c.ended_at, cycles.c.state).where(
        cycles.c.site == site,
        cycles.c.issue_id == issue_id,
        cycles.c.metric == metric,
        cycles.c.number == number,
    )
    found = connection.execute(asked).first()
    return Clock(found.ended_at is not None, found.state == "breached") if found else _GONE


def leaves(connection: Connection, pending: Pending, at: datetime) -> bool:
    """Record that it leaves now; False when another process has seen to it meanwhile."""
    return note(connection, pending, attempted_at=at)


def note(connection: Connection, pending: Pending, **values: Any) -> bool:
    """See `sla.store.leaving.note`."""
    return leaving.note(connection, notifications, pending, **values)


def put_off(connection: Connection, pending: Pending, until: datetime, error: str) -> None:
    """Leave one as it is until an instant, whoever tried it meanwhile."""
    leaving.put_off(connection, notifications, pending, try_at=until, error=error)


def told(connection: Connection, site: str, issue_id: str) -> Sequence[Mapping[str, Any]]:
    """All that channels were or are to be told of an issue, oldest first."""
    rows = connection.execute(
        select(notifications)
        .where(notifications.c.site == site, notifications.c.issue_id == issue_id)
        .order_by(notifications.c.at, notifications.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def counts(connection: Connection) -> dict[str, int]:
    """How many wait, and how many were given up."""
    asked = select(
        func.count(case((notifications.c.state == "pending", 1))),
        func.count(case((notifications.c.state == "given_up", 1))),
    ).where(notifications.c.state.in_(["pending", "given_up"]))
    waiting, given_up = connection.execute(asked).one()
    return {"pending": waiting, "given_up": given_up}
