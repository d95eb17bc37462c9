"""The administrator's token: made where Dueline runs, shown once, kept as a hash.

A token of ours is 32 random bytes, so that nobody finds it by trying, whoever reads its hash: one
round of SHA-256 is enough. Slow hashes such as scrypt are for what people think up.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from sla.errors import SlaError
from sla.store import audit, sites
from webhooks.console.access.people import COMMAND_LINE

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.settings import Settings

_KEPT = "console_token"
_PREFIX = "dlc_"
"""By which people and programs that look for leaked secrets know what it is."""


class TokenError(SlaError):
    """No token can be made; the message says why."""


class Kept(msgspec.Struct):
    """What is known of the token."""

    hash: str
    made_at: datetime


def hash_of(token: str) -> str:
    """As a random token is stored: SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def is_same(token: str, hash_: str) -> bool:
    """Whether it is the token of that hash; it takes as long for every wrong one."""
    return hmac.compare_digest(hash_of(token), hash_)


def kept(connection: Connection, site: str) -> Kept | None:
    """The token that was made; None: none was."""
    known = sites.known(connection, site, _KEPT)
    return msgspec.convert(known, Kept) if known else None


def make_first(connection: Connection, site: str, settings: Settings, now: datetime) -> str | None:
    """A token where there is none and none is set; None where there is one."""
    if settings.console_token or kept(connection, site):
        return None
    return make(connection, site, settings, now)


def make(connection: Connection, site: str, settings: Settings, now: datetime) -> str:
    """A new token: the one before opens nothing any more, and who came in by it is out.

    Raises:
        TokenError: the token is set in the environment.
    """
    if settings.console_token:
        raise TokenError(
            "DUELINE_CONSOLE_TOKEN is set, and is the token: give it another value and restart "
            "Dueline, or take it out and ask again"
        )
    token = _PREFIX + secrets.token_urlsafe(32)
    sites.learn(connection, site, _KEPT, msgspec.to_builtins(Kept(hash_of(token), now)))
    audit.record(connection, site, now, COMMAND_LINE, "console token made", "administrator")
    return token
