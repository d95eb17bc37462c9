"""Bring a database to this version's tables, in one transaction, before anything else uses it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from sla.store.database import Database, StoreError

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Apply every migration that the database does not have yet.

    Raises:
        StoreError: it is no database, or a migration fails; it is then as it was before.
    """
    # Alembic takes a tenth of a second to import; commands without a database do not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    try:
        with database.engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        path = database.engine.url.database
        raise StoreError(f"{path}: cannot be used as Dueline's database: {cause}") from error
