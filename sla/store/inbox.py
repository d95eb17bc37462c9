"""The way in: every delivery is kept as it came, once, before anybody looks into it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import accumulate
from typing import Literal

from sqlalchemy import Connection, delete, func, select, true, update

from sla.store.schema import counters, inbox
from sla.store.upsert import insert

Handled = Literal["done", "not_understood", "failed"]
_AT_ONCE = 100
_BYTES_AT_ONCE = 8_000_000


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook delivery, as stored."""

    id: int
    site: str
    body: bytes


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
    statement = insert(connection, inbox).values(
        site=site,
        delivery=delivery,
        body=body,
        received_at=received_at,
        state="new",
        issue_id=issue_id,
    )
    new = statement.on_conflict_do_nothing().returning(inbox.c.id)
    return connection.execute(new).first() is not None


def waiting(
    connection: Connection, sites: Sequence[str], limit: int
) -> Sequence[tuple[datetime, str, str]]:
    """Since when deliveries wait for which issue of these sites, the longest waiting first.

    Returns:
        Instant, site and issue id; an empty id stands for deliveries that name no issue.
    """
    since = func.min(inbox.c.received_at)
    rows = connection.execute(
        select(since, inbox.c.site, func.coalesce(inbox.c.issue_id, ""))
        .where(inbox.c.state == "new", inbox.c.site.in_(sites))
        .group_by(inbox.c.site, inbox.c.issue_id)
        .order_by(func.min(inbox.c.id))
        .limit(limit)
    )
    return [(at, site, issue_id) for at, site, issue_id in rows]


def of_issue(connection: Connection, site: str, issue_id: str) -> Sequence[Delivery]:
    """The oldest deliveries that wait for an issue, in order, as many as are handled at once.

    Args:
        connection: to the database.
        site: the site.
        issue_id: the issue's; empty for deliveries that name none.
    """
    mine = inbox.c.issue_id == issue_id if issue_id else inbox.c.issue_id.is_(None)
    sizes = connection.execute(
        select(inbox.c.id, func.length(inbox.c.body))
        .where(inbox.c.state == "new", inbox.c.site == site, mine)
        .order_by(inbox.c.id)
        .limit(_AT_ONCE)
    ).all()
    total = accumulate(size for _, size in sizes)
    chosen = [
        id_
        for (id_, size), so_far in zip(sizes, total, strict=True)
        if so_far <= _BYTES_AT_ONCE or so_far == size
    ]
    if not chosen:
        return []
    rows = connection.execute(
        select(inbox.c.id, inbox.c.site, inbox.c.body)
        .where(inbox.c.id.in_(chosen))
        .order_by(inbox.c.id)
    )
    return [Delivery(*row) for row in rows]


def still_waiting(connection: Connection, ids: Collection[int]) -> frozenset[int]:
    """Which of these deliveries nobody else has handled; nobody else will before the commit."""
    rows = connection.execute(
        select(inbox.c.id)
        .where(inbox.c.id.in_(ids), inbox.c.state == "new")
        .order_by(inbox.c.id)
        .with_for_update()
    )
    return frozenset(id_ for (id_,) in rows)


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
    """The deliveries about an issue that came after the one of a number."""
    rows = connection.execute(
        select(inbox.c.id, inbox.c.site, inbox.c.body).where(
            inbox.c.site == site, inbox.c.issue_id == issue_id, inbox.c.id > than
        )
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
