"""Which configuration is in force: what was published last, or what the directory holds.

How drafts become the next version is told by `webhooks.drafting`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from config.compiled import load
from config.configuration import Configuration
from config.errors import ConfigError
from config.settings import SHIPPED, Settings
from sla.store import publications, sites
from sla.store.database import Database
from sla.store.publications import IN_FORCE, Publication
from webhooks.databases import opened

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from config.document_sets import Documents

DEFAULT_SITE = "default"
"""The one site, as the database calls it."""
MOVING = "moving_open_issues"
"""The site's fact that lists the publications whose open issues are not all woken yet."""


@dataclass(frozen=True, slots=True)
class InForce:
    """What decides from now on."""

    configuration: Configuration
    refused: str | None = None
    """Every fault of the directory, if it was refused and an earlier version stays in force."""
    differs: str | None = None
    """That the directory holds something else than what was published in the console."""
    is_on_record: bool = False
    """Whether it was read from the database; else the directory holds it."""


@dataclass(frozen=True, slots=True)
class _Program:
    """An author that is no person."""

    id: str
    name: str


THE_DIRECTORY = _Program("directory", "the directory")


def configuration_in_force(settings: Settings, site: str) -> InForce:
    """Read the configuration directory; while it is faulty the version in force stays in force.

    Where changes are made in the console, what was published last is in force, and the directory is
    read only before the first publication.

    Raises:
        ConfigError: the directory is faulty, and nothing was ever published.
        StoreError: the database cannot be used.
    """
    if settings.edits == "console":
        with opened(settings) as database:
            there = database.read(lambda c: publications.last(c, site))
            published = last_published(database, site) if there else None
        if there and published:
            return InForce(published, differs=_differing(settings, there), is_on_record=True)
    try:
        return InForce(load(settings.config))
    except ConfigError as error:
        with opened(settings) as database:
            published = last_published(database, site)
        if published is None:
            raise
        return InForce(published, refused=str(error), is_on_record=True)


def _differing(settings: Settings, there: Publication) -> str | None:
    """A sentence, where somebody may think that the directory that is set decides."""
    if settings.config == SHIPPED:
        return None
    try:
        found = load(settings.config).policy.version
    except ConfigError:
        found = "with faults"
    if found == there.version:
        return None
    return (
        f"{settings.config} holds version {found}, and version {there.version} is in force, which "
        f"{there.author} published; with DUELINE_EDITS=console the directory is only the first "
        "version: set DUELINE_EDITS=files to have it decide, or export what is in force into it"
    )


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
    version = database.read(lambda c: sites.known(c, site, IN_FORCE))
    text = database.read(lambda c: sites.published(c, version or ""))
    return Configuration.from_text(text) if text else None


def take_directory(
    database: Database, settings: Settings, site: str, in_force: InForce, now: datetime
) -> None:
    """At a start, put in force what was found there, if something else was in force before."""
    if in_force.is_on_record:
        # Somebody may have published another one since it was read, which is not taken back.
        return
    configuration = in_force.configuration
    version = configuration.policy.version
    there = database.read(lambda c: publications.last(c, site))
    documents: Documents | None = None
    if there is None or there.version != version:
        # Most starts find what was in force before.
        from config.document_sets import gathered

        documents = gathered(settings.config, configuration)

    def work(connection: Connection) -> None:
        if documents is None:
            # As older releases left it: known by its version alone.
            sites.publish(connection, version, configuration.text, now)
            sites.learn(connection, site, IN_FORCE, version)
            return
        from sla.store import audit

        # Of several processes that start at once the first one publishes.
        publications.lock(connection, site)
        newest = publications.last(connection, site)
        if newest is not None and newest.version == version:
            return
        was_in_force = sites.known(connection, site, IN_FORCE) == version
        added = publications.add(
            connection, site, version, configuration.text, documents,
            now=now, author=THE_DIRECTORY.name, reason="", source="directory",
        )  # fmt: skip
        if not was_in_force:
            note_for_open_issues(connection, site, added, now)
        detail = {"version": version, "number": added.id, "source": "directory"}
        audit.record(
            connection, site, now, THE_DIRECTORY, "published", f"version {added.id}", detail
        )

    database.write(work)


def note_for_open_issues(
    connection: Connection, site: str, added: Publication, now: datetime
) -> None:
    """Note that the open issues are still to hear of a publication: see `webhooks.moving`."""
    waiting = sites.known(connection, site, MOVING) or []
    job = {
        "publication": added.id,
        "version": added.version,
        "recalculate": added.recalculated,
        "at": now.isoformat(),
        "after": None,
    }
    sites.learn(connection, site, MOVING, [*waiting, job])
