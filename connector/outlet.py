"""What writing to a site needs, and when a site is to be left alone."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import structlog

from connector.errors import ConnectorError, JiraError
from connector.remote_link import RemoteLinks
from connector.retry import Verdict, verdict
from sla.store import holds
from sla.store.database import Database
from sla.store.holds import Hold

if TYPE_CHECKING:
    from connector.base import Field, JiraClient

_log = structlog.get_logger(__name__)
# An outage ends when it ends: others of the site are tried sooner than the call that failed.
_LONGEST_OUTAGE_HOLD = timedelta(seconds=30)
# Too many calls, or credentials refused: trying others of the site would make it worse.
_REFUSED_CREDENTIALS = frozenset({401, 403, 407})
_TOLD_TO_WAIT = _REFUSED_CREDENTIALS | {429}


@dataclass(frozen=True)
class Outlet:
    """All that writing to one site needs.

    Attributes:
        client: the site's REST API.
        fields: Jira's field for each role; a role that has none yet is not written.
        wording: a template for each occasion.
        fallback: the same, known to be good, for a template that fails on some issue's facts.
        internal: whether comments are for agents only, where Jira knows the difference.
        role: the project role that may read them, elsewhere; None: everybody.
        own_fields: names and ids of the SLA fields, of which nothing is read back.
        refused: by name the fields that Jira did not take since this outlet was made, with its
            words: removed, off the screen, or without the option.
        links: what the link on an issue leads to; None: none is written.
        refused_links: the same as `refused` by the project in which no link may be written.
    """

    client: JiraClient
    fields: Mapping[str, Field]
    wording: Mapping[str, str]
    fallback: Mapping[str, str]
    internal: bool = True
    role: str | None = None
    own_fields: frozenset[str] = frozenset()
    refused: dict[str, str] = field(default_factory=dict)
    links: RemoteLinks | None = None
    refused_links: dict[str, str] = field(default_factory=dict)


class Held(Exception):  # noqa: N818 - control flow between the lanes' parts
    """The site is to be left alone for a while."""


class Holds:
    """The sites that are to be left alone for a while: they ask for it, or do not answer."""

    def __init__(self, database: Database, now: Callable[[], datetime]) -> None:
        self._database = database
        self._now = now
        self._lock = threading.Lock()
        self._failures: dict[str, int] = {}

    def open(self, sites: Iterable[str]) -> tuple[str, ...]:
        """Those of the sites that may be called at present."""
        held = self._held()
        return tuple(site for site in sites if site not in held)

    def ends(self) -> Mapping[str, datetime]:
        """When each site that is left alone may be called again."""
        return {site: hold.until for site, hold in self._held().items()}

    def hold(self, site: str, error: JiraError, *, jitter: float) -> None:
        """Leave a site alone; longer each time that it fails again without a success between."""
        held = site in self._held()
        with self._lock:
            # What was under way when the site failed tells nothing new.
            failures = self._failures.get(site, 0) + (0 if held else 1)
            self._failures[site] = max(failures, 1)
        found = verdict(error, max(failures, 1), jitter=jitter)
        told = error.status in _TOLD_TO_WAIT
        after = found.after if told else min(found.after, _LONGEST_OUTAGE_HOLD)
        now = self._now()
        hold = Hold(now + after, found.reason, error.status)
        self._database.write(lambda c: holds.hold(c, site, hold, now))

    def answered(self, site: str) -> None:
        """Note that a site did what it was asked."""
        with self._lock:
            self._failures.pop(site, None)

    def let_in(self, site: str) -> None:
        """Note that a site takes our credentials: no hold on their account stands any more."""
        hold = self._held().get(site)
        if hold and hold.status in _REFUSED_CREDENTIALS:
            self._database.write(lambda c: holds.lift(c, site))
            self.answered(site)

    def next_call(self, earliest: Mapping[str, datetime | None]) -> datetime | None:
        """When the first of the sites is to be called, from when something is due at each."""
        ends = self.ends()
        at = [max(at, ends.get(site, at)) for site, at in earliest.items() if at is not None]
        return min(at, default=None)

    def _held(self) -> Mapping[str, Hold]:
        now = self._now()
        return self._database.read(lambda c: holds.held(c, now))


@dataclass
class Judge:
    """What is done after a failed call.

    Attributes:
        holds: where a site is entered that is to be left alone.
        now: the clock.
        jitter: a number from 0 to 1, so that many waits do not end at once.
    """

    holds: Holds
    now: Callable[[], datetime]
    jitter: Callable[[], float]

    def judge(self, site: str, error: ConnectorError, attempts: int) -> Verdict:
        """The verdict on a failure; where it is to wait, the site is held.

        Args:
            site: the site.
            error: what came of the call.
            attempts: how many failures of it are remembered.
        """
        if not isinstance(error, JiraError):
            return Verdict("give_up", timedelta(0), str(error), attempts + 1)
        jitter = self.jitter()
        found = verdict(error, attempts + 1, jitter=jitter)
        log = _log.error if found.kind == "give_up" else _log.warning
        log("jira call failed", site=site, verdict=found.kind, reason=found.reason)
        if found.kind == "wait":
            self.holds.hold(site, error, jitter=jitter)
        else:
            self.holds.answered(site)
        return found

    def again_at(self, error: ConnectorError, found: Verdict) -> datetime | None:
        """When a call is to be made again; None: never.

        What the whole site is told needs no pause of its own, so that it goes on as soon as the
        site is open again.
        """
        if found.kind == "give_up":
            return None
        told = isinstance(error, JiraError) and error.status in _TOLD_TO_WAIT
        return self.now() + (timedelta(0) if told and found.kind == "wait" else found.after)
