"""The way out to Jira: what differs in the fields in one PUT, each comment once, issue by issue.

An issue that Jira refuses holds up no other. A Jira that cannot be reached, or that asks for fewer
calls, holds up its own site only; what is to be written stays in the tables meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from connector.field_writer import FieldWriter
from connector.link_writer import LinkWriter
from connector.outlet import Held, Holds, Judge, Outlet
from connector.speaker import Speaker
from sla.lanes import BATCH, Key
from sla.steps import following
from sla.store import outbox
from sla.store.database import Database
from sla.store.issues import IssueRow

_log = structlog.get_logger(__name__)
# With the pauses between them that is about a minute.
_TRIES_IN_ORDER = 5
_A_WHILE = timedelta(minutes=1)


@dataclass
class Dispatcher:
    """Writes what the tables say is to be written; the lane of writing to Jira.

    Attributes:
        outlets: for each site that was reached; what is for another site waits.
        jitter: a number from 0 to 1, so that many waits do not end at once.
        holds: the sites that are to be left alone.
        monotonic: seconds of real time from any start: how long ago something was recorded, also
            where the clock runs faster.
    """

    database: Database
    now: Callable[[], datetime]
    outlets: dict[str, Outlet]
    jitter: Callable[[], float]
    holds: Holds
    monotonic: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        judge = Judge(self.holds, self.now, self.jitter)
        self._fields = FieldWriter(self.database, self.now, self.monotonic, judge)
        self._links = LinkWriter(self.database, self.now, self.monotonic, judge)
        self._speaker = Speaker(self.database, self.now, self.monotonic, judge)

    def due(self, limit: int) -> Sequence[Key]:
        """The issues with something to write, what is to be said first, by instant."""
        sites, now = self.holds.open(self.outlets), self.now()
        return self.database.read(lambda c: outbox.to_dispatch(c, now, sites, limit))

    def pressing(self) -> Collection[Key]:
        """The issues of which something is to be said that a clock brought."""
        sites, now = self.holds.open(self.outlets), self.now()
        return self.database.read(lambda c: outbox.urgent(c, now, sites, BATCH))

    def run(self, key: Key) -> None:
        """Write what is due of an issue: fields, then each saying in their order, then the link."""
        site, issue_id = key
        if not self.holds.open([site]) or site not in self.outlets:
            return
        outlet = self.outlets[site]
        try:
            row = self._write_fields(outlet, site, issue_id)
            self._say_in_order(outlet, site, issue_id)
            if row is not None:
                self._write_link(outlet, row)
        except Held:
            return

    def next_run(self) -> datetime | None:
        """When something is to be written next, holds considered."""
        return self.holds.next_call({site: self._next_at(site) for site in tuple(self.outlets)})

    def _next_at(self, site: str) -> datetime | None:
        now = self.now()
        return self.database.read(lambda c: outbox.next_dispatch(c, [site], now))

    def _write_fields(self, outlet: Outlet, site: str, issue_id: str) -> IssueRow | None:
        try:
            return self._fields.write(outlet, site, issue_id)
        except (Held, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; what is to be said must not wait for it
            _log.exception("fields could not be written", site=site, issue_id=issue_id)
            self._fields.put_off(site, issue_id, f"{type(error).__name__}: {error}")
            return None

    def _write_link(self, outlet: Outlet, row: IssueRow) -> None:
        try:
            self._links.write(outlet, row)
        except (Held, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; other issues must not wait for it
            _log.exception("link could not be written", site=row.site, issue_id=row.issue_id)
            self._fields.put_off(row.site, row.issue_id, f"{type(error).__name__}: {error}")

    def _say_in_order(self, outlet: Outlet, site: str, issue_id: str) -> None:
        waiting = self.database.read(lambda c: outbox.pending(c, site, issue_id))
        for number, pending in enumerate(waiting, start=1):
            if outbox.is_due(pending.try_at, pending.attempts, self.now()):
                with following(pending.delivery):
                    self._say(outlet, site, issue_id, pending)
            left = self.database.read(lambda c: outbox.pending(c, site, issue_id))
            still = next((each for each in left if each.id == pending.id), None)
            if still and _goes_first(still, self.now()):
                self._put_behind(still, waiting[number:])
                return

    def _put_behind(self, first: outbox.Pending, others: Sequence[outbox.Pending]) -> None:
        """Have the sayings of an issue wait for one that was said before them."""

        def work(connection: Connection) -> None:
            for other in others:
                outbox.note(connection, other, try_at=max(first.try_at, other.try_at))

        self.database.write(work)

    def _say(self, outlet: Outlet, site: str, issue_id: str, pending: outbox.Pending) -> None:
        try:
            self._speaker.say(outlet, site, issue_id, pending)
        except (Held, OperationalError):
            raise
        except Exception as error:  # noqa: BLE001 - logged; the others must not wait for it
            _log.exception("comment could not be written", site=site, issue_id=issue_id)
            self._speaker.put_off(pending, f"{type(error).__name__}: {error}")


def _goes_first(pending: outbox.Pending, now: datetime) -> bool:
    """Whether what is said after it has to wait: shortly, so that one refusal blocks nothing."""
    tried = pending.attempts > 0 or pending.attempted_at is not None
    return tried and pending.attempts < _TRIES_IN_ORDER and pending.try_at <= now + _A_WHILE
