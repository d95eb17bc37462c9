"""Programs and their tokens: `Authorization: Bearer`, good for the API alone."""

from __future__ import annotations

import secrets
from datetime import datetime

from flask import request
from sqlalchemy import Connection
from werkzeug.exceptions import Unauthorized

from sla.store import api_tokens, audit
from sla.store.api_tokens import ApiToken
from webhooks.console.access import sessions
from webhooks.console.access.local_token import hash_of
from webhooks.console.access.people import Person, Role
from webhooks.console.standing import Standing, here

_LARGEST = 2**63 - 1
_PREFIX = "dla_"
"""By which people and programs that look for leaked secrets know what it is."""


def came_along() -> bool:
    """Whether this request brings a token, good or not.

    Only the API takes them. A page is for people, who are asked for the token of its form.
    """
    authorization = request.authorization
    return (
        request.path.startswith("/api/")
        and authorization is not None
        and authorization.type == "bearer"
    )


def challenge() -> str:
    """What a program is told that may not ask, as `WWW-Authenticate`."""
    return 'Bearer realm="dueline"' + (', error="invalid_token"' if came_along() else "")


def found() -> Person:
    """Whose token this request brings.

    Raises:
        Unauthorized: it opens nothing, or not any more.
    """
    standing, now = here(), sessions.real_now()
    given = request.authorization
    hash_ = hash_of((given.token if given else None) or "")
    token = standing.database.read(lambda c: api_tokens.found(c, standing.site, hash_))
    if token is None or not token.is_good(now):
        raise Unauthorized("This token opens nothing: it is wrong, was revoked or has ended.")
    if token.holds == "nothing":
        raise Unauthorized(f"This token opens nothing: {token.made_by} may not sign in any more.")
    if token.used_at is None or now - token.used_at >= sessions.NOTED_EVERY:
        number = token.id
        with sessions.noted_if_possible("a token"):
            standing.database.write(lambda c: api_tokens.used(c, number, now))
    role: Role = "administrator" if token.holds == "administrator" else "viewer"
    return Person(f"token:{token.id}", token.name, role, "token")


def make(
    standing: Standing, person: Person, name: str, role: Role, expires_at: datetime | None
) -> str:
    """A new token, which is told this once."""
    token, now = _PREFIX + secrets.token_urlsafe(32), sessions.real_now()

    def write(connection: Connection) -> None:
        made = api_tokens.make(
            connection, standing.site, hash_of(token), name, role,
            made_by=person.name, owner=person.id, now=now, expires_at=expires_at,
        )  # fmt: skip
        audit.record(
            connection, standing.site, standing.now(), person, "token made", name,
            {
                "number": made.id,
                "role": role,
                "expires_at": expires_at.isoformat() if expires_at else None,
            },
        )  # fmt: skip

    standing.database.write(write)
    return token


def revoke(standing: Standing, person: Person, number: int) -> ApiToken | None:
    """Take a token back; None: there is none, or it was taken back before."""
    now = sessions.real_now()
    if number > _LARGEST:
        return None

    def write(connection: Connection) -> ApiToken | None:
        token = api_tokens.revoke(connection, standing.site, number, now)
        if token:
            audit.record(
                connection, standing.site, standing.now(), person, "token revoked", token.name,
                {"number": token.id},
            )  # fmt: skip
        return token

    return standing.database.write(write)
