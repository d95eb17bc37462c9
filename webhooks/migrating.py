"""Bringing the database to this version's tables when somebody asks for it, and saying so."""

from __future__ import annotations

from config.settings import Settings
from sla.store.migrate import migrate, version_of
from webhooks.databases import not_migrated


def migrated(settings: Settings) -> str:
    """Apply what the database does not have yet; what was done, in a sentence.

    Raises:
        StoreError: it cannot be used or migrated; it is then as it was before.
    """
    with not_migrated(settings, make=True) as database:
        before = version_of(database)
        migrate(database)
        after = version_of(database)
        if before == after:
            return f"{database.name}: has the tables of version {after} already"
        return f"{database.name}: migrated from {before or 'an empty database'} to version {after}"
