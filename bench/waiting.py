"""What a service has still to do, as its tables tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection, text

WAITING: Final[Mapping[str, str]] = {
    "inbox": "SELECT count(*) FROM inbox WHERE state = 'new'",
    "comments": "SELECT count(*) FROM sayings WHERE state = 'pending'",
    "fields": "SELECT count(*) FROM issues WHERE write_at IS NOT NULL",
    "histories": "SELECT count(*) FROM issues WHERE read_at IS NOT NULL",
}
"""By kind, how many wait: to be decided, to be written to Jira, to be asked of it."""


def counted(connection: Connection, queries: Mapping[str, str]) -> dict[str, int]:
    """What each query counts."""
    return {name: int(connection.execute(text(q)).scalar() or 0) for name, q in queries.items()}
