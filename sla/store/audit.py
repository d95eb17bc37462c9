"""The audit log: who changed what and who came in, each row sealed by a hash of the row before.

Rows are added and never changed. A row that was altered, taken out or put between no longer fits
the next one, and `check` names it. A hash chain cannot tell that rows are missing at its end, nor
that somebody who writes to the database sealed everything anew: for that the hash of the last row
has to be kept somewhere else, which is why exports carry it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, insert, or_, select

from sla.store.schema import audit, microseconds

FIRST = "0" * 64
"""What stands for the row before the first one."""
_AT_ONCE = 1000


class Actor(Protocol):
    """Who did it: a person of the console, or a program's part such as the command line."""

    @property
    def id(self) -> str:
        """What the log knows them by."""

    @property
    def name(self) -> str:
        """For people to read, as it was at that time."""


class Entry(msgspec.Struct, frozen=True):
    """A row of the log."""

    id: int
    at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    detail: Mapping[str, Any]
    previous: str
    hash: str


class Wanted(msgspec.Struct, frozen=True):
    """Which rows are asked for; what is None does not matter."""

    actor: str | None = None
    """A part of the actor's id or name, in any case."""
    action: str | None = None
    since: datetime | None = None
    """Aware; rows of this instant are wanted."""
    until: datetime | None = None
    """Aware; rows of this instant are not wanted any more."""
    before: int | None = None
    """Only rows older than the one with this id: the next page."""


class Checked(msgspec.Struct, frozen=True):
    """What the walk along the chain found."""

    rows: int
    """How many fit, from the first one on."""
    last: str
    """The hash of the last one that fits."""
    broken: int | None = None
    """The id of the first one that does not; None: all fit."""
    why: str = ""


def record(
    connection: Connection,
    site: str,
    now: datetime,
    person: Actor,
    action: str,
    subject: str,
    detail: Mapping[str, Any] | None = None,
) -> str:
    """Add a row, within the transaction of what it tells: both are there, or neither.

    Args:
        connection: of a transaction that writes.
        site: the site.
        now: aware.
        person: who did it.
        action: what was done, in the past: `published`, `token revoked`.
        subject: what it was done to: a version, a token's name, an effect.
        detail: the rest, as JSON; never a secret.

    Returns:
        The row's hash.
    """
    # SQLite has one writer anyway. PostgreSQL has many: each waits here until the one before it is
    # committed and can be seen. The lock ends with the transaction.
    if connection.dialect.name == "postgresql":
        key = func.hashtextextended(f"dueline audit {site}", 0)
        connection.execute(select(func.pg_advisory_xact_lock(key)))
    previous = last_hash(connection, site)
    row: dict[str, Any] = {
        "site": site,
        "at": now,
        "actor": _storable(person.id),
        "actor_name": _storable(person.name),
        "action": _storable(action),
        "subject": _storable(subject),
        "detail": _canonical(detail or {}),
        "previous": previous,
    }
    row["hash"] = _seal(**row)
    connection.execute(insert(audit).values(**row))
    return str(row["hash"])


def last_hash(connection: Connection, site: str) -> str:
    """The hash of the newest row; `FIRST` where there is none."""
    newest = select(audit.c.hash).where(audit.c.site == site).order_by(audit.c.id.desc()).limit(1)
    found: str | None = connection.execute(newest).scalar()
    return FIRST if found is None else found


def listed(connection: Connection, site: str, wanted: Wanted, limit: int) -> list[Entry]:
    """The newest rows of those that are wanted, newest first."""
    rows = connection.execute(
        select(audit).where(*_among(site, wanted)).order_by(audit.c.id.desc()).limit(limit)
    )
    return [_entry(row) for row in rows]


def of_subject(
    connection: Connection, site: str, actions: Collection[str], subject: str
) -> list[Entry]:
    """What of some actions was done to one thing, oldest first."""
    rows = connection.execute(
        select(audit)
        .where(audit.c.site == site, audit.c.action.in_(actions), audit.c.subject == subject)
        .order_by(audit.c.id)
    )
    return [_entry(row) for row in rows]


def actions(connection: Connection, site: str) -> list[str]:
    """Every action that was ever recorded, by name."""
    known = select(audit.c.action).where(audit.c.site == site).distinct()
    return sorted(connection.execute(known).scalars())


def check(connection: Connection, site: str) -> Checked:
    """Walk along the whole chain, oldest first, a thousand rows at a time."""
    previous, rows = FIRST, 0
    for row in _from_the_first(connection, site):
        if row.previous != previous:
            return Checked(
                rows, previous, row.id, "the row before it was altered, taken out or put in"
            )
        if row.hash != _sealed_as(row):
            return Checked(rows, previous, row.id, "what stands in it was altered")
        previous, rows = row.hash, rows + 1
    return Checked(rows, previous)


def _from_the_first(connection: Connection, site: str) -> Iterator[Row[Any]]:
    after = -1
    while True:
        page = (
            select(audit)
            .where(audit.c.site == site, audit.c.id > after)
            .order_by(audit.c.id)
            .limit(_AT_ONCE)
        )
        found = connection.execute(page).all()
        yield from found
        if len(found) < _AT_ONCE:
            return
        after = found[-1].id


def _among(site: str, wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    yield audit.c.site == site
    if wanted.actor:
        text = wanted.actor.casefold()
        named = (audit.c.actor, audit.c.actor_name)
        yield or_(*(func.lower(each).contains(text, autoescape=True) for each in named))
    if wanted.action:
        yield audit.c.action == wanted.action
    if wanted.since:
        yield audit.c.at >= wanted.since
    if wanted.until:
        yield audit.c.at < wanted.until
    if wanted.before is not None:
        yield audit.c.id < wanted.before


def _entry(row: Row[Any]) -> Entry:
    return Entry(
        row.id, row.at, row.actor, row.actor_name, row.action, row.subject,
        json.loads(row.detail), row.previous, row.hash,
    )  # fmt: skip


def _sealed_as(row: Row[Any]) -> str:
    members: dict[str, Any] = dict(row._mapping)  # noqa: SLF001 - the documented way to all of it
    return _seal(**{name: value for name, value in members.items() if name not in ("id", "hash")})


def _seal(*, at: datetime, **texts: str) -> str:
    """The hash over everything in the row but its number, the hash before it included."""
    return hashlib.sha256(_canonical({**texts, "at": microseconds(at)}).encode()).hexdigest()


def _canonical(value: Mapping[str, Any]) -> str:
    """The one way to write it: sorted, without spaces, in plain ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def _storable(text: str) -> str:
    """What is no character of a text is written out: PostgreSQL takes neither NUL nor half pairs.

    Names come from an identity provider, and could hold anything.
    """
    whole = text.encode("utf-8", "backslashreplace").decode()
    return whole.replace("\x00", "\\x00")
