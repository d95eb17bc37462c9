"""Backtests that somebody kept, by number and name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from sla.store.schema import backtests
from sla.store.upsert import insert

_FAR = 1 << 62


class Kept(msgspec.Struct, frozen=True):
    """A backtest in short."""

    id: int
    name: str
    made_at: datetime
    """Aware UTC."""
    summary: Mapping[str, Any]
    """The period, the versions and what it came to, in words."""


_COLUMNS = [backtests.c[name] for name in Kept.__struct_fields__]


def add(
    connection: Connection,
    site: str,
    name: str,
    now: datetime,
    summary: Mapping[str, Any],
    result: bytes,
) -> int:
    """Keep one; its number."""
    statement = insert(connection, backtests).values(
        site=site, name=name, made_at=now, summary=json.dumps(dict(summary)), result=result
    )
    id_: int = connection.execute(statement.returning(backtests.c.id)).scalar_one()
    return id_


def listed(connection: Connection, site: str, limit: int) -> Sequence[Kept]:
    """The newest ones, newest first."""
    rows = connection.execute(
        select(*_COLUMNS)
        .where(backtests.c.site == site)
        .order_by(backtests.c.id.desc())
        .limit(limit)
    )
    return [_kept(row) for row in rows]


def get(connection: Connection, site: str, id_: int) -> tuple[Kept, bytes] | None:
    """One of them, with all that it found."""
    row = connection.execute(
        select(*_COLUMNS, backtests.c.result).where(
            backtests.c.site == site, backtests.c.id == min(id_, _FAR)
        )
    ).first()
    return (_kept(row), row.result) if row else None


def _kept(row: Any) -> Kept:
    return Kept(row.id, row.name, row.made_at, json.loads(row.summary))
