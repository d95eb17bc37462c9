"""The way in: every delivery is kept as it came, once, before anybody looks into it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

import msgspec
from sqlalchemy import (
    Connection,
    Integer,
    Select,
    String,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    text,
    true,
    union_all,
    update,
)
from sqlalchemy.sql.dml import ReturningUpdate

from sla.store.schema import counters, inbox, microseconds
from sla.store.upsert import insert, insert_for

Handled = Literal["done", "not_understood", "failed"]
_GIVEN = ("site", "delivery", "body", "received_at", "issue_id")
_AT_ONCE = 100
_BYTES_AT_ONCE = 8_000_000


class Delivery(msgspec.Struct, frozen=True):
    """One webhook delivery, as stored."""

    id: int
    site: str
    body: bytes
    behind: int = 0
    """How many wait behind it that were not given with it; one where there may be many."""
    name: str = ""
    """As stored; see `sla.steps.short_name`."""


def keep(
    connection: Connection,
    site: str,
    delivery: str,
    body: bytes,
    received_at: datetime,
    issue_id: str | None = None,
) -> bool:
    """Store a delivery; False when it is known already (Jira repeats what it doubts).

    Args:
        connection: to the database.
        site: which Jira sent it.
        delivery: what tells it apart from others of the site.
        body: as it came.
        received_at: when.
        issue_id: the issue that it is about, as far as that could be told from its body.
    """
    row = dict(zip(_GIVEN, (site, delivery, body, received_at, issue_id), strict=True))
    return connection.execute(_new(connection.dialect.name), row).first() is not None


@cache
def _new(dialect: str) -> Any:
    # Built once: building it took three times as long as running it.
    new = insert_for(dialect, inbox).values(state="new").on_conflict_do_nothing()
    return new.returning(inbox.c.id)


def keep_all(connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """Store deliveries, each given as the arguments of `keep`; how many were new."""
    if connection.dialect.name != "sqlite":
        named = [dict(zip(_GIVEN, row, strict=True)) for row in rows]
        return len(connection.execute(_new(connection.dialect.name), named).all())
    return connection.exec_driver_sql(_all_new(len(rows)), _values(rows)).rowcount


def keep_all_at_once(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> int:
    """The same by one statement, on the connection of SQLite's driver."""
    return connection.execute(_all_new(len(rows)), _values(rows)).rowcount


def _values(rows: Sequence[tuple[Any, ...]]) -> tuple[object, ...]:
    values: list[object] = []
    for site, delivery, body, received_at, issue_id in rows:
        values += (site, delivery, body, microseconds(received_at), issue_id)
    return tuple(values)


@cache
def _all_new(number: int) -> str:
    # In the driver's own words: SQLAlchemy took 40 us for each row, and SQLite 12.
    rows = ", ".join(["(?, ?, ?, ?, ?, 'new')"] * number)
    columns = ", ".join((*_GIVEN, "state"))
    return f"INSERT INTO inbox ({columns}) VALUES {rows} ON CONFLICT DO NOTHING"  # noqa: S608 - of our own names


def waiting(
    connection: Connection, sites: Sequence[str], limit: int
) -> Sequence[tuple[datetime, str, str]]:
    """Since when deliveries wait for which issue of these sites, the longest waiting first.

    Returns:
        Instant, site and issue id; an empty id stands for deliveries that name no issue.
    """
    rows = connection.execute(_waiting(), {"sites": list(sites), "most": limit})
    return [(at, site, issue_id) for at, site, issue_id in rows]


def of_issue(connection: Connection, site: str, issue_id: str) -> Sequence[Delivery]:
    """The oldest deliveries that wait for an issue, in order, as many as are handled at once.

    Args:
        connection: to the database.
        site: the site.
        issue_id: the issue's; empty for deliveries that name none.
    """
    statement = _waiting_of(named=bool(issue_id))
    rows = connection.execute(statement, {"site": site, "issue_id": issue_id})
    return [Delivery(*row) for row in rows]


def has_nameless(connection: Connection, sites: Sequence[str]) -> bool:
    """Whether a delivery waits of which it is not known what issue it is about."""
    return connection.execute(_nameless(), {"sites": list(sites)}).first() is not None


def heard_of(connection: Connection, site: str, issue_ids: Collection[str]) -> set[str]:
    """Those of some issues about which a delivery waits."""
    return set(connection.execute(_heard_of(), {"site": site, "ids": list(issue_ids)}).scalars())


# What is asked at every look is built once (see `sla.store.outbox`), and with the first look: a
# service hears before it decides, and building these had been a hundredth of its start.


@cache
def _heard_of() -> Select[Any]:
    return (
        select(inbox.c.issue_id)
        .distinct()
        .where(
            inbox.c.state == literal_column("'new'"),
            inbox.c.site == bindparam("site", type_=String),
            inbox.c.issue_id.in_(bindparam("ids", expanding=True, type_=String)),
        )
    )


@cache
def _nameless() -> Select[Any]:
    return (
        select(inbox.c.id)
        .where(
            inbox.c.state == literal_column("'new'"),
            inbox.c.site.in_(bindparam("sites", expanding=True)),
            inbox.c.issue_id.is_(None),
        )
        .limit(1)
    )


@cache
def _waiting() -> Select[Any]:
    return (
        select(func.min(inbox.c.received_at), inbox.c.site, func.coalesce(inbox.c.issue_id, ""))
        .where(inbox.c.state == "new", inbox.c.site.in_(bindparam("sites", expanding=True)))
        .group_by(inbox.c.site, inbox.c.issue_id)
        .order_by(func.min(inbox.c.id))
        .limit(bindparam("most", type_=Integer))
    )


@cache
def _waiting_of(*, named: bool) -> Select[Any]:
    """The deliveries to be handled at once; by their sizes, so that no other body is read."""
    its = inbox.c.issue_id
    mine = its == bindparam("issue_id", type_=String) if named else its.is_(None)
    waiting = (
        select(inbox.c.id, func.length(inbox.c.body).label("size"))
        .where(inbox.c.state == "new", inbox.c.site == bindparam("site", type_=String), mine)
        .order_by(inbox.c.id)
        .limit(_AT_ONCE + 1)
        .subquery()
    )
    counted = select(
        waiting.c.id,
        waiting.c.size,
        func.sum(waiting.c.size).over(order_by=waiting.c.id).label("so_far"),
        func.row_number().over(order_by=waiting.c.id).label("nth"),
        func.count().over().label("number"),
    ).subquery()
    fits = or_(counted.c.so_far <= _BYTES_AT_ONCE, counted.c.nth == 1)
    return (
        select(
            inbox.c.id,
            inbox.c.site,
            inbox.c.body,
            counted.c.number - counted.c.nth,
            inbox.c.delivery,
        )
        .join(counted, counted.c.id == inbox.c.id)
        .where(fits, counted.c.nth <= _AT_ONCE)
        .order_by(inbox.c.id)
    )


@cache
def _take() -> ReturningUpdate[Any]:
    return (
        update(inbox)
        .where(inbox.c.id.in_(bindparam("ids", expanding=True)), inbox.c.state == "new")
        .values(state="done")
        .returning(inbox.c.id)
    )


def take(connection: Connection, ids: Collection[int]) -> frozenset[int]:
    """Note these deliveries as done, but for those that somebody else has handled.

    Returns:
        The ids of those that are this transaction's; nobody else has them before the commit.
    """
    return frozenset(connection.execute(_take(), {"ids": list(ids)}).scalars())


def handled(
    connection: Connection,
    inbox_id: int,
    state: Handled,
    note: str | None,
    issue_id: str | None,
) -> None:
    """Record what became of a delivery."""
    connection.execute(
        update(inbox)
        .where(inbox.c.id == inbox_id)
        .values(state=state, note=note, issue_id=issue_id)
    )


def replay(connection: Connection) -> int:
    """Put back what was not understood or failed, to be tried again; returns how many."""
    again = update(inbox).where(inbox.c.state.in_(("not_understood", "failed")))
    return connection.execute(again.values(state="new", note=None)).rowcount


def replay_one(connection: Connection, site: str, inbox_id: int) -> bool:
    """Put back one delivery that was not understood or failed; False: it is none of those."""
    return _see_to(connection, site, inbox_id, state="new", note=None)


def dismiss(connection: Connection, site: str, inbox_id: int, note: str) -> bool:
    """Leave one that was not understood or failed as it is, for good; False: it is none of those.

    It is forgotten with those that were handled.
    """
    return _see_to(connection, site, inbox_id, state="done", note=note)


def _see_to(connection: Connection, site: str, inbox_id: int, **values: str | None) -> bool:
    one = update(inbox).where(
        inbox.c.site == site,
        inbox.c.id == inbox_id,
        inbox.c.state.in_(("not_understood", "failed")),
    )
    return connection.execute(one.values(**values)).rowcount == 1


def trim(connection: Connection, before: datetime, limit: int) -> int:
    """Forget deliveries that were handled and came before an instant, some at a time; how many.

    What was not understood or failed stays until somebody has dealt with it.
    """
    # Ids grow with time: nothing behind the first that is new enough has to be looked at.
    kept = select(inbox.c.id).where(inbox.c.received_at >= before).order_by(inbox.c.id).limit(1)
    first_kept = connection.execute(kept).scalar()
    older = true() if first_kept is None else inbox.c.id < first_kept
    oldest = (
        select(inbox.c.id).where(inbox.c.state == "done", older).order_by(inbox.c.id).limit(limit)
    )
    return connection.execute(delete(inbox).where(inbox.c.id.in_(oldest))).rowcount


def tally(connection: Connection) -> dict[str, int]:
    """How many deliveries are in which state."""
    rows = connection.execute(select(inbox.c.state, func.count()).group_by(inbox.c.state))
    return {row[0]: row[1] for row in rows}


# The states stand in the statement, so that either database can tell that the index has them all.
_OPEN = union_all(
    select(literal_column("'new'"), func.count())
    .select_from(inbox)
    .where(inbox.c.state == literal_column("'new'")),
    select(inbox.c.state, func.count())
    .where(text("state IN ('not_understood', 'failed')"))
    .group_by(inbox.c.state),
)


def left(connection: Connection) -> dict[str, int]:
    """How many deliveries wait, were not understood or failed: without those that are done."""
    return {state: number for state, number in connection.execute(_OPEN) if number}


def newest_at(connection: Connection, site: str) -> datetime | None:
    """When the newest delivery came that is about an issue; None: there is none."""
    came: datetime | None = connection.execute(
        select(inbox.c.received_at)
        .where(inbox.c.site == site, inbox.c.issue_id.is_not(None))
        .order_by(inbox.c.id.desc())
        .limit(1)
    ).scalar()
    return came


def newest_of(connection: Connection, site: str, issue_id: str) -> int:
    """The number of the newest delivery about an issue; 0: there is none."""
    mine = (inbox.c.site == site, inbox.c.issue_id == issue_id)
    return connection.execute(select(func.max(inbox.c.id)).where(*mine)).scalar() or 0


def newer(connection: Connection, site: str, issue_id: str, than: int) -> Sequence[Delivery]:
    """The deliveries about an issue that came after the one of a number, in order."""
    rows = connection.execute(
        select(inbox.c.id, inbox.c.site, inbox.c.body)
        .where(inbox.c.site == site, inbox.c.issue_id == issue_id, inbox.c.id > than)
        .order_by(inbox.c.id)
    )
    return [Delivery(*row) for row in rows]


def waiting_since(connection: Connection) -> datetime | None:
    """Since when the oldest delivery waits to be handled; None: none does."""
    since: datetime | None = connection.execute(
        select(func.min(inbox.c.received_at)).where(inbox.c.state == "new")
    ).scalar()
    return since


def set_aside(connection: Connection, limit: int) -> Sequence[tuple[int, datetime, str, str]]:
    """The latest deliveries that were not understood or failed: id, when, state, why."""
    rows = connection.execute(
        select(inbox.c.id, inbox.c.received_at, inbox.c.state, inbox.c.note)
        .where(inbox.c.state.in_(("not_understood", "failed")))
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    return [tuple(row) for row in rows]


class Kept(msgspec.Struct, frozen=True):
    """One delivery with what became of it, for people."""

    id: int
    received_at: datetime
    state: str
    note: str | None
    issue_id: str | None
    size: int
    """Bytes of the whole body."""
    beginning: bytes
    """As much of the body as was asked for."""


def one(connection: Connection, site: str, inbox_id: int, most: int) -> Kept | None:
    """A delivery by its number, with so many bytes of its body at most; None: there is none."""
    row = connection.execute(
        select(
            inbox.c.id,
            inbox.c.received_at,
            inbox.c.state,
            inbox.c.note,
            inbox.c.issue_id,
            func.length(inbox.c.body),
            func.substr(inbox.c.body, 1, most),
        ).where(inbox.c.site == site, inbox.c.id == inbox_id)
    ).first()
    # Of no bytes SQLite gives no bytes back, but NULL.
    return Kept(*row[:-1], row[-1] or b"") if row else None


def count(connection: Connection, site: str, name: str, times: int = 1) -> None:
    """Add to a counter, such as that of deliveries refused for their signature."""
    statement = insert(connection, counters).values(site=site, name=name, value=times)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "name"], set_={"value": counters.c.value + times}
        )
    )


def counted(connection: Connection) -> dict[str, int]:
    """Every counter, summed over the sites."""
    rows = connection.execute(
        select(counters.c.name, func.sum(counters.c.value)).group_by(counters.c.name)
    )
    return {name: int(value) for name, value in rows}


def arrivals(connection: Connection, site: str, issue_id: str) -> Sequence[tuple[datetime, bytes]]:
    """When each delivery about an issue came that is still kept, with its body; oldest first."""
    rows = connection.execute(
        select(inbox.c.received_at, inbox.c.body)
        .where(inbox.c.site == site, inbox.c.issue_id == issue_id)
        .order_by(inbox.c.id)
    )
    return [(at, body) for at, body in rows]
