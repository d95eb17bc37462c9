"""What leaves for somewhere that may not answer: the rows of sayings and of notifications alike.

Of either table a row is `pending` until it is known what became of it. Who sends it notes that
beforehand, on condition that the row is as it was read: another process may have been faster.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import (
    Connection,
    String,
    Table,
    and_,
    cast,
    func,
    literal,
    literal_column,
    select,
    true,
    update,
)

from sla.store.schema import issues


class Pending(Protocol):
    """A row as it was read."""

    @property
    def id(self) -> int:
        """Its number."""

    @property
    def attempted_at(self) -> datetime | None:
        """When it left without anybody's noting what became of it."""


def note(connection: Connection, table: Table, row: Pending, **values: Any) -> bool:
    """Note on a row what became of it, unless another process has tried it since it was read.

    Args:
        connection: to the database.
        table: the row's.
        row: as it was read.
        values: of its columns; `attempted_at` alone says that it leaves now.

    Returns:
        Whether it was as it was read.
    """
    as_read = table.c.attempted_at.is_not_distinct_from(row.attempted_at)
    changed = connection.execute(
        update(table).where(_is_pending(table, row.id), as_read).values(**values)
    )
    return changed.rowcount == 1


def put_off(
    connection: Connection, table: Table, row: Pending, *, try_at: datetime, error: str
) -> None:
    """Note that something kept a row from being seen to, whoever tried it meanwhile."""
    connection.execute(
        update(table).where(_is_pending(table, row.id)).values(try_at=try_at, error=error)
    )


def _is_pending(table: Table, id_: int) -> Any:
    return and_(table.c.id == id_, table.c.state == literal_column("'pending'"))


def try_again(
    connection: Connection,
    table: Table,
    now: datetime,
    *,
    key: str | None = None,
    site: str | None = None,
    id_: int | None = None,
) -> Sequence[str]:
    """Put back what was given up, of one issue by its key, one of a site by its number, or all.

    Returns:
        The ids of the issues that it is about, one for each row.
    """
    own = table.c
    keyed = select(issues.c.issue_id).where(
        issues.c.site == own.site, issues.c.issue_id == own.issue_id, issues.c.key == key
    )
    done = connection.execute(
        update(table)
        .where(
            own.state == literal_column("'given_up'"),
            keyed.exists() if key else true(),
            own.site == site if site is not None else true(),
            own.id == id_ if id_ is not None else true(),
        )
        .values(state="pending", try_at=now, attempts=0)
        .returning(own.issue_id)
    )
    return list(done.scalars())


def waiting(
    connection: Connection, table: Table, state: str, limit: int, *, what: Any, kind: str
) -> Sequence[tuple[Any, ...]]:
    """The rows in a state for people, the oldest first, as `sla.store.outbox.Waiting` has them.

    Args:
        connection: to the database.
        table: the rows'.
        state: `pending` or `given_up`.
        limit: how many at most.
        what: the column, or what is made of columns, that names what is to leave.
        kind: what people call such a thing.
    """
    own = table.c
    rows = connection.execute(
        select(
            own.site,
            func.coalesce(issues.c.key, own.issue_id),
            what,
            own.at,
            own.try_at,
            own.attempts,
            own.error,
            cast(own.id, String),
            literal(kind),
        )
        .outerjoin(issues, and_(issues.c.site == own.site, issues.c.issue_id == own.issue_id))
        # It stands in the statement, as in that of the index: nearly all rows are sent.
        .where(own.state == literal_column(f"'{state}'"))
        .order_by(own.at, own.id)
        .limit(limit)
    )
    return [tuple(row) for row in rows]
