"""The tokens by which programs ask the console's API; only their hashes are kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sla.store.schema import api_tokens

_RANKS = ("nothing", "viewer", "administrator")


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token, without what is secret about it."""

    id: int
    name: str
    role: str
    made_by: str
    made_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    """When it was last used, to the minute; None: never."""
    revoked_at: datetime | None
    owner_role: str | None = None
    """What its owner might do when they last tried to sign in; None: they did not since."""

    @property
    def holds(self) -> str:
        """What it may do: never more than its owner might when they last tried to sign in."""
        ranks = [self.role, *([self.owner_role] if self.owner_role else [])]
        return min(ranks, key=_RANKS.index)

    def is_good(self, now: datetime) -> bool:
        """Whether it opens anything: neither revoked nor past its end."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def make(
    connection: Connection,
    site: str,
    hash_: str,
    name: str,
    role: str,
    *,
    made_by: str,
    owner: str,
    now: datetime,
    expires_at: datetime | None,
) -> ApiToken:
    """Keep a new token by its hash; `owner` is who made it, as the audit log knows them."""
    row = connection.execute(
        insert(api_tokens)
        .values(
            site=site, hash=hash_, name=name, role=role,
            made_by=made_by, owner=owner, made_at=now, expires_at=expires_at,
        )
        .returning(*api_tokens.c)
    ).one()  # fmt: skip
    return _token(row)


def found(connection: Connection, site: str, hash_: str) -> ApiToken | None:
    """The token of that hash, good or not."""
    row = connection.execute(
        select(api_tokens).where(api_tokens.c.hash == hash_, api_tokens.c.site == site)
    ).one_or_none()
    return _token(row) if row else None


def used(connection: Connection, number: int, now: datetime) -> None:
    """Somebody asked with it."""
    connection.execute(update(api_tokens).where(api_tokens.c.id == number).values(used_at=now))


def revoke(connection: Connection, site: str, number: int, now: datetime) -> ApiToken | None:
    """Make a token good for nothing from now on; None: there is none, or it was revoked already."""
    row = connection.execute(
        update(api_tokens)
        .where(
            api_tokens.c.site == site, api_tokens.c.id == number, api_tokens.c.revoked_at.is_(None)
        )
        .values(revoked_at=now)
        .returning(*api_tokens.c)
    ).one_or_none()
    return _token(row) if row else None


def hold_owner_to(connection: Connection, site: str, owner: str, role: str) -> None:
    """Somebody signed in, or was refused: their tokens may do no more than they.

    Args:
        owner: as the audit log knows them.
        role: `viewer`, `administrator`, or `nothing` for somebody who may not come in.
    """
    connection.execute(
        update(api_tokens)
        .where(
            api_tokens.c.site == site,
            api_tokens.c.owner == owner,
            api_tokens.c.owner_role.is_distinct_from(role),
        )
        .values(owner_role=role)
    )


def listed(connection: Connection, site: str, limit: int) -> list[ApiToken]:
    """The newest tokens, newest first."""
    rows = connection.execute(
        select(api_tokens)
        .where(api_tokens.c.site == site)
        .order_by(api_tokens.c.id.desc())
        .limit(limit)
    )
    return [_token(row) for row in rows]


def _token(row: Row[Any]) -> ApiToken:
    return ApiToken(
        row.id, row.name, row.role, row.made_by,
        row.made_at, row.expires_at, row.used_at, row.revoked_at, row.owner_role,
    )  # fmt: skip
