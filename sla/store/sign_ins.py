"""Who is signed in to the console: a row for each session, which ends with the row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, or_, select, update

from sla.store.schema import sign_ins


@dataclass(frozen=True, slots=True)
class SignIn:
    """A session."""

    person: str
    """Who it is, as JSON."""
    door: str
    """A hash of what let them in, such as the token of that time."""
    seen_at: datetime
    expires_at: datetime
    """When it ends whatever happens."""


def begin(
    connection: Connection,
    site: str,
    hash_: str,
    person: str,
    door: str,
    *,
    now: datetime,
    expires_at: datetime,
) -> None:
    """Somebody signed in.

    Args:
        hash_: of the session's random id, which is stored nowhere.
        person: who it is, as JSON.
        door: a hash of what let them in.
        now: aware, as is `expires_at`.
    """
    connection.execute(
        insert(sign_ins).values(
            site=site, hash=hash_, person=person, door=door,
            signed_in_at=now, seen_at=now, expires_at=expires_at,
        )
    )  # fmt: skip


def found(connection: Connection, site: str, hash_: str) -> SignIn | None:
    """The session with an id of that hash."""
    row = connection.execute(
        select(sign_ins).where(sign_ins.c.site == site, sign_ins.c.hash == hash_)
    ).one_or_none()
    return SignIn(row.person, row.door, row.seen_at, row.expires_at) if row else None


def seen(connection: Connection, hash_: str, now: datetime) -> None:
    """They did something."""
    connection.execute(update(sign_ins).where(sign_ins.c.hash == hash_).values(seen_at=now))


def end(connection: Connection, hash_: str) -> None:
    """They signed out."""
    connection.execute(delete(sign_ins).where(sign_ins.c.hash == hash_))


def end_all(connection: Connection, site: str) -> int:
    """Sign everybody out; how many sessions that ended."""
    ended = delete(sign_ins).where(sign_ins.c.site == site).returning(sign_ins.c.hash)
    return len(connection.execute(ended).all())


def forget_ended(connection: Connection, site: str, now: datetime, idle_since: datetime) -> None:
    """Remove the sessions that are over: past their end, or not seen since an instant."""
    is_over = or_(sign_ins.c.expires_at <= now, sign_ins.c.seen_at <= idle_since)
    connection.execute(delete(sign_ins).where(sign_ins.c.site == site, is_over))
