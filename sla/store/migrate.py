"""Bring a database to this version's tables, in one transaction, before anything else uses it."""

from __future__ import annotations

from pathlib import Path

from sla.store.database import Database

_SCRIPTS = Path(__file__).parent / "migrations"


def migrate(database: Database) -> None:
    """Apply every migration that the database does not have yet.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: when one fails; the database is then as it was before.
    """
    # Alembic takes a tenth of a second to import; commands without a database do not pay for it.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    with database.engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
