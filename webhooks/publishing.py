"""Which configuration is in force: what was published last, or what the directory holds.

How drafts become the next version is told by `webhooks.drafting`.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, datetime
from itertools import islice
from typing import TYPE_CHECKING

import msgspec
import structlog

from config.compiled import library_release, load
from config.configuration import Configuration
from config.errors import ConfigError, ConfigurationError
from config.settings import SHIPPED, Settings
from sla.store import publications, sites
from sla.store.database import Database, StoreError
from sla.store.publications import IN_FORCE, Publication
from webhooks.databases import opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from config.calendar_changes import CalendarChange, Window
    from config.document_sets import Documents

_log = structlog.get_logger(__name__)
_TOLD, _MOST_LINES = 5, 200
DEFAULT_SITE = "default"
"""The one site, as the database calls it."""
MOVING = "moving_open_issues"
"""The site's fact that lists the publications whose open issues are not all woken yet."""


class InForce(msgspec.Struct, frozen=True):
    """What decides from now on."""

    configuration: Configuration
    refused: str | None = None
    """Every fault of the directory, if it was refused and an earlier version stays in force."""
    differs: str | None = None
    """That the directory holds something else than what was published in the console."""
    drifted: str | None = None
    """That the documents in force would come to other days by the libraries of this machine."""
    is_on_record: bool = False
    """Whether it was read from the database; else the directory holds it."""


class Program(msgspec.Struct, frozen=True):
    """An author as a program knows it: by the way on which it came, and a name for people."""

    id: str
    name: str


THE_DIRECTORY = Program("directory", "the directory")


def configuration_in_force(
    settings: Settings, site: str, database: Database | None = None
) -> InForce:
    """Read the configuration directory; while it is faulty the version in force stays in force.

    Unless the directory decides at each start, what was published last is in force, and the
    directory is read only before the first publication.

    Args:
        settings: the environment.
        site: the site.
        database: with this version's tables, where it is open already.

    Raises:
        ConfigError: the directory is faulty, and nothing was ever published.
        StoreError: the database cannot be used.
    """
    at_hand = nullcontext(database) if database else None
    if settings.edits != "files":
        with at_hand or opened(settings, make=True) as its:
            there = its.read(lambda c: publications.last(c, site))
            published = last_published(its, site) if there else None
            drifted = _drifted(its, site, there, published) if there and published else None
        if there and published:
            differs = _differing(settings, there)
            return InForce(published, differs=differs, drifted=drifted, is_on_record=True)
    try:
        return InForce(load(settings.config))
    except ConfigError as error:
        with at_hand or opened(settings, make=True) as its:
            published = last_published(its, site)
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
        f"{there.author} published; with DUELINE_EDITS={settings.edits} the directory is only the "
        "first version: set DUELINE_EDITS=files to have it decide at each start, put it in force "
        "with `dueline apply`, or export what is in force into it"
    )


def _drifted(
    database: Database, site: str, there: Publication, published: Configuration
) -> str | None:
    """A sentence, where another release of the holidays library gives other days than are frozen.

    Frozen days stay: it is said so that somebody looks at them, and publishes again.
    """
    from config.calendar_changes import Window, library_releases, told

    window = Window(there.published_at.date(), date.max)
    changed = days_by_this_release(database, site, there, published, window)
    lines = list(told([each for each in changed if each.is_of_days]))
    if not lines:
        return None
    frozen, here = library_releases(published), library_release("holidays")
    more = f"; and {len(lines) - _TOLD} more" if len(lines) > _TOLD else ""
    return (
        f"holidays {here} gives other days than {', '.join(sorted(frozen))}, from which the "
        f"calendars in force were frozen: {'; '.join(lines[:_TOLD])}{more}; what is in force stays "
        "as it was published, and `dueline plan` shows what publishing it again would move"
    )


def days_by_this_release(
    database: Database,
    site: str,
    there: Publication,
    published: Configuration,
    window: Window,
) -> Sequence[CalendarChange]:
    """What calendars would have otherwise, were the documents in force read by this release.

    Args:
        database: where they are kept.
        site: the site.
        there: which publication is in force.
        published: what it put in force.
        window: the days of interest.
    """
    from config.calendar_changes import calendar_changes, library_releases

    if library_releases(published) <= {library_release("holidays")}:
        return ()
    # Reading takes half a second, once in a release of the library.
    from config.document_sets import load as load_documents

    documents = database.read(lambda c: publications.documents_of(c, site, there.id))
    try:
        now_comes_to = load_documents(documents or {})
    except ConfigurationError:
        return ()
    return calendar_changes(published, now_comes_to, window)


def configuration_published(settings: Settings, site: str) -> InForce:
    """The version in force, for what works beside a service; before the first, the directory's.

    Raises:
        ConfigError: nothing was ever published, and the directory is faulty.
        StoreError: the database cannot be used.
    """
    with opened(settings, make=True) as database:
        return InForce(last_published(database, site) or load(settings.config))


def last_published(database: Database, site: str) -> Configuration | None:
    """The version in force, as it was published; None before the first."""
    version = database.read(lambda c: sites.known(c, site, IN_FORCE))
    text = database.read(lambda c: sites.published(c, version or ""))
    return Configuration.from_text(text) if text else None


def numbered(database: Database, site: str, id_: int) -> Configuration:
    """A version by the number that people call it by, exactly as it was frozen.

    Raises:
        StoreError: there is none.
    """
    there = database.read(lambda c: publications.get(c, site, id_))
    text = there and database.read(lambda c: sites.published(c, there.version))
    if not text:
        raise StoreError(f"there is no version {id_}; `dueline history` lists those that there are")
    return Configuration.from_text(text)


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
    before = last_published(database, site) if documents is not None else None
    news = _news(before, configuration, there, now) if before else {}

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
        detail = {"version": version, "number": added.id, "source": "directory", **news}
        audit.record(
            connection, site, now, THE_DIRECTORY, "published", f"version {added.id}", detail
        )
        if news:
            _log.info("the directory holds another version, which is in force now", **detail)

    database.write(work)


def _news(
    before: Configuration, after: Configuration, there: Publication | None, now: datetime
) -> dict[str, list[str]]:
    """What the directory changes, a line for each document, and for each day of a calendar.

    Nobody may have touched it: another release of the holidays library is a change as well.
    """
    from config.calendar_changes import AHEAD, Window, calendar_changes, told
    from config.changes import changes

    since = there.published_at if there else now
    days = told(calendar_changes(before, after, Window(since.date(), now.date() + AHEAD)))
    return {
        "changes": [str(each) for each in changes(before, after)],
        "calendars": [*islice(days, _MOST_LINES)],
    }


def note_for_open_issues(
    connection: Connection, site: str, added: Publication, now: datetime, *,
    everything: bool = False,
) -> None:  # fmt: skip
    """Note that the open issues are still to hear of a publication: see `webhooks.moving`.

    With `everything` all of them are decided anew, by whichever version they have. Where they are
    moved to this one, an earlier one is not to reach any of them first, and be announced: whoever
    takes it back wants just that.
    """
    waiting = [] if added.recalculated else sites.known(connection, site, MOVING) or []
    job = {
        "publication": added.id,
        "version": added.version,
        "recalculate": added.recalculated,
        "at": now.isoformat(),
        "after": None,
        "everything": everything,
    }
    sites.learn(connection, site, MOVING, [*waiting, job])
