"""Which configuration is in force: the directory's, or the last good one where that is faulty."""

from __future__ import annotations

from dataclasses import dataclass

from config.compiled import load
from config.configuration import Configuration
from config.errors import ConfigError
from config.settings import Settings
from sla.store import sites
from sla.store.database import Database
from webhooks.databases import opened

DEFAULT_SITE = "default"
"""The one site, as the database calls it."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides from now on."""

    configuration: Configuration
    refused: str | None = None
    """Every fault of the directory, if it was refused and an earlier version stays in force."""


def configuration_in_force(settings: Settings, site: str) -> InForce:
    """Read the configuration directory; while it is faulty the version in force stays in force.

    Raises:
        ConfigError: the directory is faulty, and nothing was ever published.
        StoreError: the database cannot be used.
    """
    try:
        return InForce(load(settings.config))
    except ConfigError as error:
        with opened(settings) as database:
            published = last_published(database, site)
        if published is None:
            raise
        return InForce(published, refused=str(error))


def configuration_published(settings: Settings, site: str) -> InForce:
    """The version in force, for what works beside a service; before the first, the directory's.

    Raises:
        ConfigError: nothing was ever published, and the directory is faulty.
        StoreError: the database cannot be used.
    """
    with opened(settings) as database:
        return InForce(last_published(database, site) or load(settings.config))


def last_published(database: Database, site: str) -> Configuration | None:
    """The version in force, as it was published; None before the first."""
    version = database.read(lambda c: sites.known(c, site, "policy_in_force"))
    text = database.read(lambda c: sites.published(c, version or ""))
    return Configuration.from_text(text) if text else None
