"""Bring a database to this version's tables, in one transaction, before anything else uses it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import SQLAlchemyError

from sla.store.database import Database, StoreError

_SCRIPTS = Path(__file__).parent / "migrations"
_VERSION = "SELECT version_num FROM alembic_version"
# Any number that no other program on the server locks by.
_TURN = 0x6475656C696E65
# Whoever waits to change a table holds up all that come to it later.
_LOCK_TIMEOUT = "3s"
_LOCKED = "55P03"


def migrate(database: Database) -> None:
    """Apply every migration that the database does not have yet; those who start at once wait.

    Raises:
        StoreError: it is no database, a newer version of Dueline made it, or a migration fails; it
            is then as it was before.
    """
    if _is_up_to_date(database):
        return
    # Alembic takes a tenth of a second to import, and a start with the newest tables none of it.
    from alembic import command
    from alembic.util.exc import CommandError

    config = _config()
    try:
        with database.engine.begin() as connection:
            if database.is_shared:
                _take_turns(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if database.is_shared:
                # Only a server has the queue.
                from sla.store import queue_tables

                queue_tables.upgrade(connection)
    except CommandError as error:
        raise StoreError(
            f"{database.name}: was made by a newer version of Dueline; run that one, or go back to "
            f"a backup ({error})"
        ) from error
    except SQLAlchemyError as error:
        raise StoreError(_reason(database, error)) from error
    except Exception as error:
        raise StoreError(
            f"{database.name}: a migration failed, and the database is as it was before: "
            f"{type(error).__name__}: {error}"
        ) from error


def require_own_tables(database: Database, advice: str) -> None:
    """Make sure that a database has this program's tables.

    Args:
        database: which.
        advice: what to do where it has not.

    Raises:
        StoreError: it has another version's; both are named.
    """
    found, wanted = version_of(database), newest()
    if found != wanted:
        raise StoreError(
            f"{database.name}: has the tables of version {found or 'none'}, and this program those "
            f"of version {wanted}: {advice}"
        )


def _is_up_to_date(database: Database) -> bool:
    """Whether a file has the newest tables; what is wrong with it the migration says."""
    if database.is_shared:
        # The queue has tables of its own, to be looked at under the same lock.
        return False
    try:
        # As a writer, like a migration: a file that cannot be written to is refused as early.
        with database.engine.begin() as connection:
            # Not asked first whether there is such a table: what tells that takes 3 ms of a start.
            return connection.exec_driver_sql(_VERSION).scalar() == newest()
    except SQLAlchemyError:
        return False


def version_of(database: Database) -> str | None:
    """Which version's tables a database has; None where it has none of Dueline's.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        return database.read(_version)
    except SQLAlchemyError as error:
        raise StoreError(_reason(database, error)) from error


def newest() -> str:
    """The version of the tables that this program works with."""
    latest = max(path.name for path in (_SCRIPTS / "versions").glob("[0-9]*.py"))
    return latest.partition("_")[0]


def _version(connection: Connection) -> str | None:
    # As Alembic would tell it, whose import takes as long as to plan for a thousand issues.
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.exec_driver_sql(_VERSION).scalar()


def _config() -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    return config


def _reason(database: Database, error: SQLAlchemyError) -> str:
    cause = getattr(error, "orig", None) or error
    if getattr(cause, "sqlstate", None) == _LOCKED:
        return (
            f"{database.name}: was not migrated, since others are using its tables; nothing was "
            f"changed: try again at a quieter time, or stop them first ({cause})"
        )
    return f"{database.name}: cannot be used as Dueline's database: {cause}"


def _take_turns(connection: Connection) -> None:
    # However long the one before takes: waiting for it holds up nobody else.
    connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
    connection.execute(text("SELECT set_config('lock_timeout', :longest, true)"), {
        "longest": _LOCK_TIMEOUT,
    })  # fmt: skip
