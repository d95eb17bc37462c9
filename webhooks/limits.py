"""What a Jira last said of how much it may be asked, kept for whichever process is asked for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from sqlalchemy import Connection

from connector.limits import Told
from sla.store import sites

_NAME = "limits"


class Heard(msgspec.Struct, frozen=True):
    """The limits in one answer."""

    at: datetime
    """When it was noted, a few seconds after it came."""
    status: int
    headers: Mapping[str, str]
    """In the order of `connector.limits.HEADERS`."""


def keep(connection: Connection, site: str, told: Told, now: datetime) -> None:
    """Keep what an answer told, in place of what an earlier one did."""
    value = {"at": now.isoformat(), "status": told.status, "headers": list(told.headers.items())}
    sites.learn(connection, site, _NAME, value)


def last_heard(connection: Connection, site: str) -> Heard | None:
    """What a site told last; None: nothing yet."""
    known = sites.known(connection, site, _NAME)
    if known is None:
        return None
    return Heard(datetime.fromisoformat(known["at"]), known["status"], dict(known["headers"]))
