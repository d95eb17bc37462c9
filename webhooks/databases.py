"""The database for a command that needs it for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from sla.store.database import Database
from sla.store.migrate import migrate


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database with this version's tables, closed at the end.

    Raises:
        StoreError: it cannot be used.
    """
    database = Database(settings.database_url.reveal())
    try:
        migrate(database)
        yield database
    finally:
        database.close()
