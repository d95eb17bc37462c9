"""What webhooks lost is found again: Jira is asked what was updated, and what is open.

A poll holds what the search shows of each issue against what is known, and only notes which
histories are to be read: those of which something is missing. Reading them is the lane of
`HistoryReader`, with its pauses, its retries and its list of what was given up. The notes of a page
are committed before the next page is asked for, and the watermark moves after the last: a poll that
breaks off is made again from where the last whole one began.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

import structlog

from connector.errors import ConnectorError, JiraError
from connector.outlet import Judge, Outlet
from sla.engine import catching_up
from sla.engine.engine import Engine
from sla.store import issues, sites
from sla.store.database import Database

if TYPE_CHECKING:
    from connector.base import Found

_log = structlog.get_logger(__name__)
OVERLAP = timedelta(minutes=10)
"""How far a poll reaches back before the last one began: Jira's search lags behind, by minutes
after bulk changes."""
LOOK_FOR_THE_LOST = timedelta(days=1)
"""How often what should be open is compared with what is: a deletion is in no search."""
_WATERMARK, _POLL, _LOST = "reconciled_at", "reconcile_next_at", "lost_next_at"
_INSTALLED, _POLLED, _MISSED = "installed_at", "polled_at", "missed_at"
_AT_ONCE = 500
# Credentials refused, too many calls, or a Jira that is away: a smaller answer is none either.
_NOT_NOW = frozenset({401, 403, 407, 429, 503})
_JUST_NOW = timedelta(minutes=1)


class Turns(NamedTuple):
    """When a Jira was asked what was missed, and when it will be; None: never."""

    polled_at: datetime | None
    next_poll_at: datetime | None
    missed_at: datetime | None
    """When it was last found that Jira knew more than webhooks had told."""
    next_comparison_at: datetime | None
    """When what should be open is next compared with what is."""


@dataclass
class Reconciler:
    """Asks each Jira what was missed.

    Attributes:
        outlets: for each site that was reached.
        judge: what is done after a failed call.
        every: how often a site is polled; None: only when somebody asks for it.
    """

    database: Database
    engine: Engine
    now: Callable[[], datetime]
    outlets: dict[str, Outlet]
    judge: Judge
    every: timedelta | None
    _begun: set[str] = field(default_factory=set, init=False, repr=False)

    def run(self) -> None:
        """Do for each site whose turn it is what is due; of several processes one does it."""
        if self.every is None:
            return
        for site in self.judge.holds.open(self.outlets):
            try:
                if self._turn(site, _POLL, self.every) or self._begins(site):
                    self.poll(site)
                self._begun.add(site)
                if self._turn(site, _LOST, LOOK_FOR_THE_LOST):
                    self._look_or_give_back(site)
            except ConnectorError as error:
                # The watermark stands where it stood: the next poll reaches back as far.
                self.judge.judge(site, error, 0)

    def poll(self, site: str) -> int:
        """Have read again what was updated since the last poll began; how many issues.

        Raises:
            ConnectorError: Jira did not answer; nothing is missed by that.
        """
        began_at, watermark = self.now(), self.watermark(site)
        since, found, latest = watermark - OVERLAP, 0, watermark
        for page in self._updated_since(site, since):
            found += catching_up.look_again(self.engine, site, page)
            # By Jira's own clock, which ours may be ahead of.
            latest = max([latest, *(each.updated_at for each in page if each.updated_at)])
        self._remember(site, _WATERMARK, latest)
        self._remember(site, _POLLED, began_at)
        if found:
            self._remember(site, _MISSED, began_at)
        _log.info("reconciled", site=site, since=since.isoformat(), to_read=found)
        return found

    def _updated_since(self, site: str, since: datetime) -> Iterator[Sequence[Found]]:
        """What was updated, with its past where Jira can show the pasts of so many at once."""
        outlet = self.outlets[site]
        try:
            yield from outlet.client.updates_since(since, ignored_fields=outlet.own_fields)
        except JiraError as error:
            if error.status in _NOT_NOW:
                raise
            # One issue whose past cannot be shown must not keep all others from being found.
            _log.warning("pasts not shown", site=site, reason=str(error))
            yield from outlet.client.updated_since(since)

    def _look_or_give_back(self, site: str) -> None:
        try:
            self.look_for_the_lost(site)
        except ConnectorError:
            # It is not done: the turn is there for the next run.
            self._remember(site, _LOST, self.now())
            raise

    def look_for_the_lost(self, site: str) -> int:
        """Have looked at what should be open in Jira and is not; how many issues.

        Raises:
            ConnectorError: Jira did not answer.
        """
        client = self.outlets[site].client
        # Taken before Jira is asked: what opens meanwhile is not missing.
        should_be = self.database.read(lambda c: issues.open_ids(c, site))
        projects = self.engine.projects
        there = {found.issue_id for page in client.open_issues(projects) for found in page}
        missing = sorted(should_be - there)
        for start in range(0, len(missing), _AT_ONCE):
            catching_up.look_for(self.engine, site, missing[start : start + _AT_ONCE])
        return len(missing)

    def take_over(
        self, site: str, projects: Collection[str], tell: Callable[[int], None] = lambda _: None
    ) -> int:
        """Have the histories of open issues read that were never heard of; how many issues.

        Args:
            site: the site.
            projects: by their keys.
            tell: told after each page how many issues were looked at so far.

        Raises:
            ConnectorError: Jira did not answer; asked again, it goes on where it broke off.
        """
        looked_at = new = 0
        for page in self.outlets[site].client.open_issues(projects):
            new += catching_up.look_again(self.engine, site, page, taken_over=True)
            looked_at += len(page)
            tell(looked_at)
        return new

    def watermark(self, site: str) -> datetime:
        """The latest update that a poll found; before the first, when this installation began."""
        known = self._known(site, _WATERMARK)
        if known is None:
            known = self._known(site, _INSTALLED)
            # By our clock, which may be ahead of Jira's.
            return (known or self.now()) - LOOK_FOR_THE_LOST
        return known

    def turns(self, site: str) -> Turns:
        """When Jira was asked what was missed, and when it will be."""
        return Turns(
            self._known(site, _POLLED),
            self._known(site, _POLL) if self.every else None,
            self._known(site, _MISSED),
            self._known(site, _LOST) if self.every else None,
        )

    def _known(self, site: str, name: str) -> datetime | None:
        found = self.database.read(lambda c: sites.known(c, site, name))
        return datetime.fromisoformat(found) if found else None

    def _begins(self, site: str) -> bool:
        """Whether this process was not there before, and nobody polled just now."""
        polled_at = self._known(site, _POLLED)
        just_now = polled_at is not None and self.now() - polled_at <= _JUST_NOW
        return site not in self._begun and not just_now

    def _turn(self, site: str, name: str, every: timedelta) -> bool:
        now = self.now()
        return self.database.write(lambda c: sites.take_turn(c, site, name, now, every))

    def _remember(self, site: str, name: str, at: datetime) -> None:
        self.database.write(lambda c: sites.learn(c, site, name, at.isoformat()))
