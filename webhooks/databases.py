"""The database for a command that needs it for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import make_url

from config.settings import Settings
from sla.store.database import Database, StoreError
from sla.store.migrate import migrate


@contextmanager
def opened(settings: Settings, *, must_exist: bool = False) -> Iterator[Database]:
    """The database with this version's tables, closed at the end.

    Args:
        settings: with its address.
        must_exist: refuse to make one, for commands that only look.

    Raises:
        StoreError: it cannot be used.
    """
    path = make_url(settings.database_url.reveal()).database
    if must_exist and path and not Path(path).exists():
        raise StoreError(f"{path}: there is no database; DUELINE_DATABASE_URL names it")
    database = Database(settings.database_url.reveal())
    try:
        migrate(database)
        yield database
    finally:
        database.close()
