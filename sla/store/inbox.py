"""The way in: every delivery is kept as it came, once, before anybody looks into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import Connection, func, select, true, update

from sla.store.schema import counters, inbox
from sla.store.upsert import insert

Handled = Literal["done", "not_understood", "failed"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook delivery, as stored."""

    id: int
    site: str
    body: bytes


def keep(
    connection: Connection, site: str, delivery: str, body: bytes, received_at: datetime
) -> bool:
    """Store a delivery; False when it is known already (Jira repeats what it doubts)."""
    result = connection.execute(
        insert(connection, inbox)
        .values(site=site, delivery=delivery, body=body, received_at=received_at, state="new")
        .on_conflict_do_nothing()
    )
    return result.rowcount == 1


def latest(connection: Connection) -> int:
    """The number of the latest delivery; 0 when there was none."""
    return connection.execute(select(func.max(inbox.c.id))).scalar() or 0


def waiting(
    connection: Connection, sites: Sequence[str], limit: int, up_to: int | None = None
) -> Sequence[Delivery]:
    """The deliveries of these sites that were not handled yet, oldest first, up to a number."""
    last = true() if up_to is None else inbox.c.id <= up_to
    rows = connection.execute(
        select(inbox.c.id, inbox.c.site, inbox.c.body)
        .where(inbox.c.state == "new", inbox.c.site.in_(sites), last)
        .order_by(inbox.c.id)
        .limit(limit)
    )
    return [Delivery(*row) for row in rows]


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


def tally(connection: Connection) -> dict[str, int]:
    """How many deliveries are in which state."""
    rows = connection.execute(select(inbox.c.state, func.count()).group_by(inbox.c.state))
    return {row[0]: row[1] for row in rows}


def set_aside(connection: Connection, limit: int) -> Sequence[tuple[int, datetime, str, str]]:
    """The latest deliveries that were not understood or failed: id, when, state, why."""
    rows = connection.execute(
        select(inbox.c.id, inbox.c.received_at, inbox.c.state, inbox.c.note)
        .where(inbox.c.state.in_(("not_understood", "failed")))
        .order_by(inbox.c.id.desc())
        .limit(limit)
    )
    return [tuple(row) for row in rows]


def count(connection: Connection, site: str, name: str) -> None:
    """Add one to a counter, such as that of deliveries refused for their signature."""
    statement = insert(connection, counters).values(site=site, name=name, value=1)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "name"], set_={"value": counters.c.value + 1}
        )
    )


def counted(connection: Connection) -> dict[str, int]:
    """Every counter, summed over the sites."""
    rows = connection.execute(
        select(counters.c.name, func.sum(counters.c.value)).group_by(counters.c.name)
    )
    return {name: int(value) for name, value in rows}
