"""Which statuses, priorities and types the issues of a site have, for people to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import Connection, func, select

from sla.store.schema import issues

_COLUMNS = MappingProxyType({
    "status": issues.c.status,
    "priority": issues.c.priority,
    "issuetype": issues.c.issue_type,
})  # fmt: skip
_LOOKED_AT = 2_000
"""So many issues are looked at for a list, however many a site has."""


def values_seen(connection: Connection, site: str) -> Mapping[str, tuple[str, ...]]:
    """The values of each field that some issues of a site have, by Jira's name of the field."""
    some = select(*_COLUMNS.values()).where(issues.c.site == site).limit(_LOOKED_AT).subquery()
    rows = connection.execute(select(*some.c).distinct()).all()
    return {
        name: tuple(sorted({row[number] for row in rows if row[number]}))
        for number, name in enumerate(_COLUMNS)
    }


def spelt_as_seen(connection: Connection, site: str, name: str, value: str) -> str | None:
    """A value as some issue of the site has it, whatever its case; None where none has it."""
    column = _COLUMNS.get(name)
    # PostgreSQL takes no NUL, and no issue has one.
    if column is None or "\0" in value:
        return None
    found: str | None = connection.execute(
        select(column).where(issues.c.site == site, func.lower(column) == value.lower()).limit(1)
    ).scalar()
    return found
