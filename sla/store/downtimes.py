"""The downtime that people entered by hand, beside what issues report."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from sla.availability import Downtime, DowntimeError
from sla.store.schema import downtimes


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry as stored."""

    id: int
    scope: str
    """What was down: a contract's id, or a project's key."""
    downtime: Downtime
    entered_at: datetime


def add(
    connection: Connection,
    site: str,
    scope: str,
    *,
    confirmed_at: datetime,
    now: datetime,
    restored_at: datetime | None = None,
    kind: str | None = None,
    customers: Sequence[str] = (),
    note: str = "",
) -> Entered:
    """Enter a downtime.

    Args:
        scope: what was down, a contract's id or a project's key.
        confirmed_at: aware, any zone, as are the other instants.
        now: when it is entered.
        restored_at: None while it is still down.
        customers: whom it affected; none named: all.

    Raises:
        DowntimeError: an instant has no zone, or it was restored before it was confirmed.
    """
    checked = Downtime("this entry", confirmed_at, restored_at, kind, tuple(customers), note)
    statement = insert(downtimes).values(
        site=site,
        scope=scope,
        confirmed_at=checked.confirmed_at,
        restored_at=checked.restored_at,
        kind=kind,
        customers=json.dumps(checked.customers, ensure_ascii=False),
        note=note,
        entered_at=now,
    )
    result = connection.execute(statement.returning(*downtimes.c))
    return _entered(result.one())


def close(connection: Connection, site: str, number: int, restored_at: datetime) -> Entered:
    """Say when the service was restored.

    Raises:
        DowntimeError: there is no such entry, it is closed already, or that would be before it was
            confirmed.
    """
    entry = get(connection, site, number)
    known = entry.downtime
    if known.restored_at is not None:
        raise DowntimeError(
            f"{known.source}: was closed already, as restored at "
            f"{known.restored_at:%Y-%m-%d %H:%M:%S} UTC; to correct it, remove it and enter it anew"
        )
    checked = Downtime(known.source, known.confirmed_at, restored_at)
    statement = (
        update(downtimes)
        .where(*_is(site, number))
        .values(restored_at=checked.restored_at)
        .returning(*downtimes.c)
    )
    return _entered(connection.execute(statement).one())


def remove(connection: Connection, site: str, number: int) -> Entered:
    """Take an entry away; returns what it was.

    Raises:
        DowntimeError: there is no such entry.
    """
    entry = get(connection, site, number)
    connection.execute(delete(downtimes).where(*_is(site, number)))
    return entry


def get(connection: Connection, site: str, number: int) -> Entered:
    """An entry by its number.

    Raises:
        DowntimeError: there is no such entry.
    """
    row = connection.execute(select(downtimes).where(*_is(site, number))).one_or_none()
    if row is None:
        raise DowntimeError(f"entered {number}: there is no such entry; list those that there are")
    return _entered(row)


def listed(
    connection: Connection, site: str, scopes: Collection[str] | None = None
) -> list[Entered]:
    """The entries of a site in the order of their confirmation.

    Args:
        scopes: only those about one of these; None: all.
    """
    statement = select(downtimes).where(downtimes.c.site == site)
    if scopes is not None:
        statement = statement.where(downtimes.c.scope.in_(scopes))
    rows = connection.execute(statement.order_by(downtimes.c.confirmed_at, downtimes.c.id))
    return [_entered(row) for row in rows]


def _is(site: str, number: int) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return downtimes.c.site == site, downtimes.c.id == number


def _entered(row: Row[Any]) -> Entered:
    downtime = Downtime(
        f"entered {row.id}",
        row.confirmed_at,
        row.restored_at,
        row.kind,
        tuple(json.loads(row.customers)),
        row.note,
    )
    return Entered(row.id, row.scope, downtime, row.entered_at)
