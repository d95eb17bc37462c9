"""Every time that a version of the configuration came into force: which, when, by whom, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Select, select

from sla.store import sites
from sla.store.schema import publications, site_facts
from sla.store.upsert import insert

Source = Literal["directory", "console", "restored", "applied"]
IN_FORCE = "policy_in_force"
"""The site's fact that names the version in force."""
_FAR = 1 << 62


class Publication(msgspec.Struct, frozen=True):
    """One version put in force."""

    id: int
    """In the order of their instants; what people call a version by."""
    version: str
    """A hash of the configuration with its holidays frozen; one may come into force again."""
    published_at: datetime
    """Aware UTC."""
    author: str
    reason: str
    source: Source
    recalculated: bool
    """Whether the issues that were open then were moved to it."""


_COLUMNS = [publications.c[name] for name in Publication.__struct_fields__]


def lock(connection: Connection, site: str) -> None:
    """Have every other publication of a site wait until this transaction ends.

    Before the first one there is only the note of the installation.
    """
    connection.execute(
        select(site_facts.c.value)
        .where(site_facts.c.site == site, site_facts.c.name.in_((IN_FORCE, "installed_at")))
        .order_by(site_facts.c.name)
        .with_for_update()
    )


def add(
    connection: Connection,
    site: str,
    version: str,
    text: str,
    documents: Mapping[str, str],
    *,
    now: datetime,
    author: str,
    reason: str,
    source: Source,
    recalculated: bool = False,
) -> Publication:
    """Put a version in force, in the transaction that decided so.

    Args:
        connection: of a transaction that writes.
        site: the site.
        version: its name.
        text: the frozen configuration, which is kept once for each version.
        documents: as they were written, by path.
        now: the present instant, aware UTC.
        author: for people to read.
        reason: in the author's words.
        source: where it came from.
        recalculated: whether the open issues are to be moved to it.
    """
    sites.publish(connection, version, text, now)
    sites.learn(connection, site, IN_FORCE, version)
    values: dict[str, Any] = {
        "version": version,
        "published_at": now,
        "author": author,
        "reason": reason,
        "source": source,
        "recalculated": recalculated,
    }
    id_ = connection.execute(
        insert(connection, publications)
        .values(site=site, documents=json.dumps(dict(documents)), **values)
        .returning(publications.c.id)
    ).scalar_one()
    return Publication(id=id_, **values)


def last(connection: Connection, site: str) -> Publication | None:
    """The one in force; None before the first."""
    return _first(connection, _newest(site).limit(1))


def get(connection: Connection, site: str, id_: int) -> Publication | None:
    """One of them."""
    return _first(connection, _newest(site).where(publications.c.id == _within_reach(id_)))


def listed(
    connection: Connection, site: str, limit: int, before: int | None = None
) -> Sequence[Publication]:
    """The newest ones, newest first; those older than `before`, where it is given."""
    statement = _newest(site).limit(limit)
    if before is not None:
        statement = statement.where(publications.c.id < _within_reach(before))
    return [Publication(*row) for row in connection.execute(statement)]


def since(connection: Connection, site: str, id_: int) -> Sequence[Publication]:
    """Those that came after one, oldest first."""
    statement = select(*_COLUMNS).where(publications.c.site == site, publications.c.id > id_)
    return [Publication(*row) for row in connection.execute(statement.order_by(publications.c.id))]


def began_at(connection: Connection, site: str, version: str) -> datetime | None:
    """When a version came into force last; None where it never did.

    Of one that an older release put in force it is the instant at which it was first known.
    """
    found: datetime | None = connection.execute(
        select(publications.c.published_at)
        .where(publications.c.site == site, publications.c.version == version)
        .order_by(publications.c.id.desc())
        .limit(1)
    ).scalar()
    return found or sites.published_at(connection, version)


def documents_of(connection: Connection, site: str, id_: int) -> dict[str, str] | None:
    """The documents of a publication as they were written, by path."""
    text = connection.execute(
        select(publications.c.documents).where(
            publications.c.site == site, publications.c.id == _within_reach(id_)
        )
    ).scalar()
    return None if text is None else dict(json.loads(text))


def _within_reach(id_: int) -> int:
    """A number that databases take, whatever people type: the ends are nobody's."""
    return max(-_FAR, min(id_, _FAR))


def _newest(site: str) -> Select[Any]:
    return (
        select(*_COLUMNS)
        .where(publications.c.site == site)
        .order_by(publications.c.id.desc())
    )  # fmt: skip


def _first(connection: Connection, statement: Select[Any]) -> Publication | None:
    row = connection.execute(statement).first()
    return Publication(*row) if row else None
