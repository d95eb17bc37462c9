"""The tokens of the API: which there are, and what a new one is to be like."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Literal, cast

import msgspec

from sla.store import api_tokens
from webhooks.console.access.people import Role
from webhooks.console.standing import Standing

LONGEST_NAME = 100
LIFETIMES = (30, 90, 365)
"""Days, of which the form offers one; the API takes any number."""
_NAME = r"^[^\x00]*[^\s\x00][^\x00]*$"
"""Not only spaces; and PostgreSQL keeps no NUL."""
Holds = Literal["nothing", "viewer", "administrator"]
_MOST_SHOWN = 500
_MOST_DAYS = 3650


class Token(msgspec.Struct):
    """A token, without what is secret about it."""

    id: int
    name: str
    role: Role
    made_by: str
    made_at: datetime
    expires_at: datetime | None
    used_at: datetime | None
    """When it was last used, to the minute."""
    revoked_at: datetime | None
    is_good: bool
    """Whether it was neither revoked nor has ended."""
    holds: Holds
    """What it may do: never more than whoever made it might when they last tried to sign in."""


class Tokens(msgspec.Struct):
    """The newest tokens, newest first."""

    tokens: list[Token]


class NewToken(msgspec.Struct, forbid_unknown_fields=True):
    """What a token is to be like."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME, pattern=_NAME)]
    """What uses it, for people."""
    role: Role = "viewer"
    days: Annotated[int, msgspec.Meta(ge=1, le=_MOST_DAYS)] | None = 90
    """After how many days it ends; null: never."""


class MadeToken(msgspec.Struct):
    """A token, told this once."""

    token: str


def listed(standing: Standing, now: datetime) -> Tokens:
    """The tokens.

    Args:
        now: aware, by the machine's clock.
    """
    found = standing.database.read(lambda c: api_tokens.listed(c, standing.site, _MOST_SHOWN))
    return Tokens([
        Token(
            each.id, each.name, cast("Role", each.role),
            each.made_by, each.made_at, each.expires_at, each.used_at, each.revoked_at,
            each.is_good(now), cast("Holds", each.holds),
        )
        for each in found
    ])  # fmt: skip


def ends_at(wanted: NewToken, now: datetime) -> datetime | None:
    """When a new token is to end."""
    return now + timedelta(days=wanted.days) if wanted.days else None
