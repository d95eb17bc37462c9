"""What decides, for commands that ask and change nothing: what is in force, or the directory.

A question on the command line starts in a tenth of a second: what a database needs is imported once
there is one to be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec

from config.compiled import load
from config.configuration import Configuration
from config.settings import Settings


class Deciding(msgspec.Struct, frozen=True):
    """A configuration, and where it stands."""

    configuration: Configuration
    what: str
    """In words: `version 3 (61f03634eab1), which is in force`, or `the directory support`."""
    documents: Mapping[str, str] | None = None
    """Of what is in force, by path; None: the directory holds it."""


def deciding(settings: Settings) -> Deciding:
    """What decides about issues by these settings.

    That is what was published last, unless the directory decides at each start, or nothing was ever
    published.

    Raises:
        ConfigError: the directory decides, and holds faults.
        StoreError: the database is there and cannot be used, or has another version's tables.
    """
    return in_force(settings) or of_directory(settings.config)


def of_directory(directory: Path) -> Deciding:
    """What a directory comes to.

    Raises:
        ConfigError: with every fault in any of the documents.
    """
    return Deciding(load(directory), f"the directory {directory}")


def in_force(settings: Settings) -> Deciding | None:
    """What was published last; None where the directory decides, as before the first start.

    Raises:
        StoreError: the database is there and cannot be used, or has another version's tables.
    """
    file = settings.database_file
    if settings.edits == "files" or (file and not file.exists()):
        return None

    from sla.store import publications
    from sla.store.migrate import version_of
    from webhooks.databases import need_own_tables, not_migrated
    from webhooks.publishing import DEFAULT_SITE, numbered

    with not_migrated(settings) as database:
        if version_of(database) is None:
            return None
        need_own_tables(database)
        there = database.read(lambda c: publications.last(c, DEFAULT_SITE))
        if there is None:
            return None
        # By its number: another one may be published meanwhile.
        published = numbered(database, DEFAULT_SITE, there.id)
        documents = database.read(lambda c: publications.documents_of(c, DEFAULT_SITE, there.id))
        what = f"version {there.id} ({there.version}), which is in force"
        return Deciding(published, what, documents or {})
