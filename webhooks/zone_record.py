"""What the clocks were known to do, by the zone data of the last start, and whether that holds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec
import structlog

from config.calendar_changes import CalendarChange, Window, calendar_changes, told, zones_of
from config.configuration import Configuration
from config.zone_data import Clocks, clocks_here, compared, release
from sla.store import audit, publications, sites
from sla.store.database import Database
from webhooks.publishing import (
    Program,
    days_by_this_release,
    note_for_open_issues,
    numbered,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = structlog.get_logger(__name__)
_KEPT = "zone_data"
"""The site's fact that holds it."""
_ZONE_DATA = Program("zone data", "the zone data of this machine")
_MOST_LINES = 200


def clocks_on_record(
    database: Database, site: str, configuration: Configuration
) -> tuple[Clocks, Clocks] | None:
    """What the clocks were known to do, and what they do by the zone data here; None: not known.

    Args:
        database: where it is kept.
        site: the site.
        configuration: whose zones are of interest.
    """
    noted = database.read(lambda c: sites.known(c, site, _KEPT))
    if noted is None:
        return None
    was = msgspec.convert(noted, Clocks)
    return was, compared(was, zones_of(configuration))


def drifted(database: Database, site: str, now: datetime) -> Sequence[CalendarChange]:
    """What the libraries here give calendars otherwise than is in force, from today on as days.

    Args:
        database: where versions, and what clocks were known to do, are kept.
        site: the site.
        now: the present instant, aware UTC.
    """
    there = database.read(lambda c: publications.last(c, site))
    if there is None:
        return ()
    published = numbered(database, site, there.id)
    window = Window(now.date(), date.max)
    clocks = clocks_on_record(database, site, published)
    found = [
        *days_by_this_release(database, site, there, published, window),
        *calendar_changes(published, published, window, clocks),
    ]
    return [each for each in found if each.is_of_days]


def take_zone_data(
    database: Database, site: str, configuration: Configuration, now: datetime
) -> None:
    """At a start, say what clocks do otherwise than at the last one, and judge open issues by it.

    When clocks change is no choice of a policy: what another release of the zone data says holds
    from the start on. It is told in the log and the audit log, by the days, and every open issue
    is decided anew, so that none goes on showing an instant that does not hold any more.
    """
    zones = zones_of(configuration)
    noted = database.read(lambda c: sites.known(c, site, _KEPT))
    was = msgspec.convert(noted, Clocks) if noted else None
    if was and was.source == release() and zones <= was.zones.keys() and now.year <= was.last_year:
        # Most starts find what the one before found.
        return
    here = clocks_here(zones, now)
    found = _differing(configuration, was) if was else []
    lines = list(told(found))

    def work(connection: Connection) -> None:
        publications.lock(connection, site)
        if sites.known(connection, site, _KEPT) != noted:
            # Another process, which started at the same time, was faster.
            return
        sites.learn(connection, site, _KEPT, msgspec.to_builtins(here))
        last = publications.last(connection, site)
        if not lines or was is None or last is None:
            return
        note_for_open_issues(connection, site, last, now, everything=True)
        detail = {"was": was.source, "is": here.source, "calendars": lines[:_MOST_LINES]}
        audit.record(connection, site, now, _ZONE_DATA, "zone data changed", here.source, detail)
        _log.warning("clocks change otherwise than they did", **detail)

    database.write(work)


def _differing(configuration: Configuration, was: Clocks) -> list[CalendarChange]:
    clocks = was, compared(was, zones_of(configuration))
    return calendar_changes(configuration, configuration, Window(date.min, date.max), clocks)
