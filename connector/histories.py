"""The histories that webhooks cannot tell: read from Jira, issue by issue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from msgspec.structs import replace
from sqlalchemy.exc import OperationalError

from connector.errors import ConnectorError, JiraRefused, NotJira
from connector.facts import HISTORY
from connector.outlet import Holds, Judge, Outlet
from sla.engine import learning
from sla.engine.engine import Engine
from sla.gaps import certain_until
from sla.lanes import Key
from sla.steps import following
from sla.store import inbox, issues
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import AFTER_A_FAULT
from sla.timeline import Event, Seen

_log = structlog.get_logger(__name__)


@dataclass
class HistoryReader:
    """Reads from Jira the history of issues that were first heard of in mid-life.

    Attributes:
        outlets: for each site that was reached; what another site knows waits.
        jitter: a number from 0 to 1, so that many waits do not end at once.
        holds: the sites that are to be left alone.
    """

    database: Database
    engine: Engine
    now: Callable[[], datetime]
    outlets: dict[str, Outlet]
    jitter: Callable[[], float]
    holds: Holds

    def __post_init__(self) -> None:
        self._judge = Judge(self.holds, self.now, self.jitter)

    def due(self, limit: int) -> Sequence[Key]:
        """The issues whose history is to be asked for, the longest overdue first."""
        sites, now = self.holds.open(self.outlets), self.now()
        return self.database.read(lambda c: issues.to_read(c, now, sites, limit))

    def run(self, key: Key) -> None:
        """Read the history of an issue, and have it decided."""
        site, issue_id = key
        if not self.holds.open([site]) or site not in self.outlets:
            return
        outlet = self.outlets[site]
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        if row is None or row.read_at is None:
            return
        with following(row.read_delivery):
            self._read(outlet, row)

    def _read(self, outlet: Outlet, row: IssueRow) -> None:
        site, issue_id = row.site, row.issue_id
        try:
            told = self.database.read(lambda c: issues.readers_told(c, site, issue_id))
            if row.unmarked_from is None or not self._read_marks(outlet, row, told):
                self._read_history(outlet, row, told)
        except ConnectorError as error:
            self._failed(outlet, row, error)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - logged; others must not wait behind it
            _log.exception("history could not be taken in", site=site, issue_id=issue_id)
            fault = f"{type(error).__name__}: {error}"
            self._change(site, issue_id, read_at=self.now() + AFTER_A_FAULT, read_error=fault)

    def _read_history(self, outlet: Outlet, row: IssueRow, told: Mapping[str, bool]) -> None:
        site, issue_id = row.site, row.issue_id
        history = outlet.client.read_history(issue_id, ignored_fields=outlet.own_fields, told=told)
        self.holds.answered(site)
        learning.learn_history(
            self.engine,
            site,
            issue_id,
            history.issue_key,
            history.events,
            reads_asked=row.reads_asked,
            updated_at=self._read_for(history.events),
            assignee=history.assignee,
            people=history.people,
        )

    def _read_marks(self, outlet: Outlet, row: IssueRow, told: Mapping[str, bool]) -> bool:
        """Ask for the marks of comments that webhooks told without; False where that settles not.

        All else about them stands in the deliveries, so that each comment takes one call, and
        neither its issue nor its changelog is read: with them it took two.
        """
        site, issue_id, first = row.site, row.issue_id, row.unmarked_from or 0
        heard = self.database.read(lambda c: inbox.newer(c, site, issue_id, first - 1))
        if first not in {each.id for each in heard}:
            # Forgotten meanwhile, with what it told.
            return False
        said = [self.engine.read_delivery(each.body) for each in heard]
        versions = {
            version.identity: version
            for each in said
            for version in each.unmarked
            if version.identity not in told
        }
        marked: dict[str, bool] = {}
        for comment_id in dict.fromkeys(version.comment_id for version in versions.values()):
            internal = outlet.client.is_internal(issue_id, comment_id)
            self.holds.answered(site)
            if internal is None:
                return False
            marked[comment_id] = internal
        learning.learn_readers(
            self.engine,
            site,
            issue_id,
            [replace(each, public=not marked[each.comment_id]) for each in versions.values()],
            reads_asked=row.reads_asked,
            people={account: name for each in said for account, name in each.people.items()},
        )
        return True

    def next_run(self) -> datetime | None:
        """When a history is to be asked for next, holds considered."""
        return self.holds.next_call({site: self._next_at(site) for site in tuple(self.outlets)})

    def _next_at(self, site: str) -> datetime | None:
        return self.database.read(lambda c: issues.next_read(c, [site]))

    def _read_for(self, events: Sequence[Event]) -> datetime | None:
        """Which of the issue's updates a history that was just read shows."""
        updated_at = max((each.at for each in events if _shows_all(each)), default=None)
        return certain_until(updated_at, self.now()) if updated_at else None

    def _failed(self, outlet: Outlet, row: IssueRow, error: ConnectorError) -> None:
        site, issue_id = row.site, row.issue_id
        if self._is_gone(outlet, row, error):
            _log.info("issue is gone", site=site, issue_id=issue_id, reason=str(error))
            learning.learn_gone(self.engine, site, issue_id)
            return
        attempts = self.database.read(lambda c: issues.read_attempts(c, site, issue_id))
        found = self._judge.judge(site, error, attempts)
        again_at = self._judge.again_at(error, found)
        values: dict[str, Any] = {"read_attempts": found.attempts, "read_error": found.reason}
        if again_at is None and row.incomplete and not row.reason:
            values |= {"covered": False, "reason": found.reason}
        self._change(site, issue_id, read_at=again_at, **values)
        if again_at is None and row.reason:
            # It was judged before: better by what was known then than never again.
            learning.go_on(self.engine, site, issue_id)

    def _is_gone(self, outlet: Outlet, row: IssueRow, error: ConnectorError) -> bool:
        """Whether Jira has an issue no more: it does not know it, and shows its project."""
        if isinstance(error, NotJira) or not isinstance(error, JiraRefused):
            return False
        if error.status != 404 or not row.key:
            return False
        try:
            # Permissions that were taken away hide whole projects; their clocks go on.
            return outlet.client.has_project(row.key.rpartition("-")[0])
        except ConnectorError:
            return False

    def _change(self, site: str, issue_id: str, **values: Any) -> None:
        self.database.write(lambda c: issues.change(c, site, issue_id, **values))


def _shows_all(event: Event) -> bool:
    return isinstance(event, Seen) and event.source == HISTORY
