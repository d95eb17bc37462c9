"""The database for a command that needs it for a moment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from config.settings import Settings
from sla.store.database import Database, StoreError
from sla.store.faults import reason, storage_fault
from sla.store.migrate import migrate, require_own_tables


@contextmanager
def opened(settings: Settings, *, make: bool = False) -> Iterator[Database]:
    """The database with this version's tables, closed at the end.

    Args:
        settings: with its address.
        make: make one that is not there. Only what a service begins with does so: any other
            command was run in the wrong directory then, and would answer as if nothing had
            happened.

    Raises:
        StoreError: it is not there, or cannot be used.
    """
    with not_migrated(settings, make=make) as database:
        migrate(database)
        yield database


@contextmanager
def not_migrated(settings: Settings, *, make: bool = False) -> Iterator[Database]:
    """The database with the tables that it has, whichever version made them.

    Args:
        settings: with its address.
        make: make one that is not there.

    Raises:
        StoreError: it is not there, or cannot be used.
    """
    file = settings.database_file
    if not make and file and not file.exists():
        raise StoreError(f"{file}: there is no database; DUELINE_DATABASE_URL names it")
    with at(settings.database_url.reveal()) as database:
        yield database


@contextmanager
def looked_into(settings: Settings) -> Iterator[Database]:
    """The database for a command that changes nothing in it, not even the version of its tables.

    Args:
        settings: with its address.

    Raises:
        StoreError: it is not there, cannot be used, or has another version's tables.
    """
    with not_migrated(settings) as database:
        need_own_tables(database)
        yield database


def need_own_tables(database: Database) -> None:
    """Refuse another version's tables, for commands that change nothing in them.

    Raises:
        StoreError: naming both versions.
    """
    require_own_tables(
        database,
        "run the program that the service runs, or start the service with this one first",
    )


@contextmanager
def at(url: str) -> Iterator[Database]:
    """The database at an address, whatever is in it, closed at the end.

    Raises:
        StoreError: it cannot be used, now or in the midst of it.
    """
    database = Database(url)
    try:
        with faults_told(database):
            yield database
    finally:
        database.close()


@contextmanager
def faults_told(database: Database) -> Iterator[None]:
    """Say in a sentence why a database cannot be used.

    Raises:
        StoreError: it cannot be, now or in the midst of it.
    """
    try:
        yield
    except Exception as error:
        fault = storage_fault(error)
        if fault is None or isinstance(fault, StoreError):
            raise
        raise StoreError(f"{database.name}: cannot be used: {reason(fault)}") from error
