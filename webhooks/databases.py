"""The database for a command that needs it for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import Settings
from sla.store.database import Database, StoreError, address_of
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
    with not_migrated(settings, must_exist=must_exist) as database:
        migrate(database)
        yield database


@contextmanager
def not_migrated(settings: Settings, *, must_exist: bool = True) -> Iterator[Database]:
    """The database with the tables that it has, whichever version made them.

    Args:
        settings: with its address.
        must_exist: refuse to make one.

    Raises:
        StoreError: it cannot be used.
    """
    url = settings.database_url.reveal()
    address = address_of(url)
    path = address.database if address.drivername.startswith("sqlite") else None
    if must_exist and path and not Path(path).exists():
        raise StoreError(f"{path}: there is no database; DUELINE_DATABASE_URL names it")
    database = Database(url)
    try:
        yield database
    finally:
        database.close()
