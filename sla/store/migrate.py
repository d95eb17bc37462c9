"""Bring a database to this version's tables, in one transaction, before anything else uses it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from sla.store import queue_tables
from sla.store.database import Database, StoreError

_SCRIPTS = Path(__file__).parent / "migrations"
# Any number that no other program on the server locks by.
_TURN = 0x6475656C696E65


def migrate(database: Database) -> None:
    """Apply every migration that the database does not have yet; those who start at once wait.

    Raises:
        StoreError: it is no database, a newer version of Dueline made it, or a migration fails; it
            is then as it was before.
    """
    # Alembic takes a tenth of a second to import; commands without a database do not pay for it.
    from alembic import command
    from alembic.config import Config
    from alembic.util.exc import CommandError

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    try:
        with database.engine.begin() as connection:
            if database.is_shared:
                _take_turns(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            if database.is_shared:
                queue_tables.upgrade(connection)
    except CommandError as error:
        raise StoreError(
            f"{database.name}: was made by a newer version of Dueline; run that one, or go back to "
            f"a backup ({error})"
        ) from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise StoreError(
            f"{database.name}: cannot be used as Dueline's database: {cause}"
        ) from error


def _take_turns(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:turn)"), {"turn": _TURN})
