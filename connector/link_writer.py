"""The link on an issue: written when all else is, since nobody may be kept waiting for it.

A Jira that takes no links is asked ever less often, and no other call to the site waits for that.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import structlog
from msgspec.structs import replace

from connector import recorded
from connector.acting import is_refused_for_good
from connector.attempt import IN_FLIGHT, may_follow
from connector.errors import (
    ConnectorError,
    JiraError,
    JiraRefused,
    NotJira,
)
from connector.outlet import Held, Judge, Outlet
from connector.remote_link import ROLE
from connector.retry import verdict
from sla.effects import Standing
from sla.steps import following
from sla.store import issues, outbox
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import Written

_log = structlog.get_logger(__name__)
_FORBIDDEN = 403
_TOO_MANY = 429
# The first pause after a failure that may pass; each one doubles the last.
_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=1)


class _Rest(NamedTuple):
    """A time in which a site's links are left alone."""

    until: datetime
    failures: int
    """How many failed one after the other."""
    words: str


@dataclass
class LinkWriter:
    """Writes the links of issues, after their fields and what is to be said.

    Attributes:
        monotonic: seconds of real time from any start.
    """

    database: Database
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    judge: Judge
    _rests: dict[str, _Rest] = field(default_factory=dict)

    def write(self, outlet: Outlet, before: IssueRow) -> None:
        """Write an issue's link, if it differs.

        Args:
            outlet: the issue's site.
            before: the row for which fields were written; what is wanted anew since has its own
                turn.

        Raises:
            Held: Jira asks for fewer calls.
        """
        row = self.database.read(lambda c: issues.get(c, before.site, before.issue_id))
        if row is None or row.write_at is None or row.fields_wanted != before.fields_wanted:
            return
        written = Written.of(row)
        value = owed(outlet, row, written)
        if value is None:
            return
        with following(row.write_delivery):
            self._write(outlet, row, written, value)

    def _write(
        self, outlet: Outlet, row: IssueRow, written: Written, value: dict[str, Any]
    ) -> None:
        now, in_flight = self.now(), row.write_attempted_at
        known = self._known_to_fail(outlet, row, now)
        if in_flight and may_follow(in_flight, now) and written.contradicts(value):
            # An older one that may be on its way must not undo this one.
            self.database.write(
                lambda c: outbox.put_fields_off(c, row, in_flight + IN_FLIGHT, row.write_error)
            )
        elif known:
            # Nothing was tried, so that it does not count; a longer pause needs one failure though.
            mine = replace(row, write_attempts=max(row.write_attempts - 1, 0))
            self._put_off(mine, written, in_flight, *known)
        else:
            self._send(outlet, row, written, value)

    def _known_to_fail(
        self, outlet: Outlet, row: IssueRow, now: datetime
    ) -> tuple[datetime, str] | None:
        """When to try again, where Jira's answer is known by another issue; and its words."""
        words = outlet.refused_links.get(_project(row))
        if words is not None:
            return now + _LONGEST_PAUSE, words
        rest = self._rests.get(row.site)
        if rest and timedelta(0) < rest.until - now <= _LONGEST_PAUSE:
            return rest.until, rest.words
        return None

    def _send(self, outlet: Outlet, row: IssueRow, written: Written, value: dict[str, Any]) -> None:
        sent = recorded.send(
            self.database, self.now, self.monotonic, row, written, value,
            lambda: _set(outlet, row), kind="link",
        )  # fmt: skip
        if sent is None:
            return
        if sent.error:
            self._failed(outlet, sent.row, sent.written, sent.error, sent.in_flight_since)
            return
        self.judge.holds.answered(row.site)
        self._rests.pop(row.site, None)
        self._done(sent.row, sent.written.taken(value), sent.in_flight_since)

    def _done(self, row: IssueRow, written: Written, in_flight_since: datetime | None) -> None:
        # What keeps a field from being written is seen to at the instant that was found for it.
        again_at = row.write_at if row.write_error else None
        self.database.write(
            lambda c: outbox.fields_tried(
                c,
                row,
                written,
                in_flight_since=in_flight_since,
                again_at=again_at,
                error=row.write_error,
                attempts=row.write_attempts if row.write_error else 0,
            )
        )

    def _failed(
        self,
        outlet: Outlet,
        row: IssueRow,
        written: Written,
        error: ConnectorError,
        in_flight_since: datetime | None,
    ) -> None:
        words = error.sentence if isinstance(error, JiraError) else ""
        words = words or str(error)
        _log.warning("link not written", site=row.site, issue_id=row.issue_id, reason=str(error))
        if isinstance(error, JiraError) and error.status == _TOO_MANY:
            found = self.judge.judge(row.site, error, row.write_attempts)
            until = self.judge.again_at(error, found) or self.now() + _LONGEST_PAUSE
            self._put_off(row, written, in_flight_since, until, words)
            if found.kind == "wait":
                raise Held
            return
        if _is_forbidden(error) and _may_not_link(outlet, _project(row)):
            outlet.refused_links[_project(row)] = words
        until = self.now() + self._pause(row, error, words)
        self._put_off(row, written, in_flight_since, until, words)

    def _pause(self, row: IssueRow, error: ConnectorError, words: str) -> timedelta:
        """How long to leave a link alone that failed; the site's other links too, if need be."""
        if not isinstance(error, JiraError):
            return _LONGEST_PAUSE
        rest = self._rests.get(row.site)
        failures = max(row.write_attempts, rest.failures if rest else 0) + 1
        found = verdict(error, failures, jitter=self.judge.jitter())
        if found.kind == "give_up":
            return _LONGEST_PAUSE
        doubled = _PAUSE * (1 << min(failures - 1, 6))
        pause = min(max(doubled, found.after), _LONGEST_PAUSE)
        if found.kind == "wait" or isinstance(error, NotJira):
            self._rests[row.site] = _Rest(self.now() + pause, failures, words)
        return pause

    def _put_off(
        self,
        row: IssueRow,
        written: Written,
        in_flight_since: datetime | None,
        until: datetime,
        words: str,
    ) -> None:
        """Leave the link until an instant, and what else of the issue waits until its own."""
        said = [*filter(None, [row.write_error]), f"Jira does not take the link: {words}"]
        at = min(row.write_at or until, until) if row.write_error else until
        self.database.write(
            lambda c: outbox.fields_tried(
                c,
                row,
                written,
                in_flight_since=in_flight_since,
                attempts=row.write_attempts + 1,
                again_at=at,
                error=" ".join(said),
            )
        )


def owed(outlet: Outlet, row: IssueRow, written: Written) -> dict[str, Any] | None:
    """The link as it should stand, by its role, where Jira does not have it so; else None.

    Where none ever was, none says that all is over.
    """
    wanted = json.loads(row.fields_wanted or "{}")
    if outlet.links is None or ROLE not in wanted:
        return None
    value = wanted[ROLE]
    if not value and not {**written.known, **written.sent}.get(ROLE):
        return None
    if value:
        # So that links lead on where the service is to be found under another address.
        value = [*value, outlet.links.digest(row.issue_id)]
    return written.differing({ROLE: value}) or None


def _set(outlet: Outlet, row: IssueRow) -> None:
    value = json.loads(row.fields_wanted or "{}")[ROLE]
    if outlet.links is not None:
        standing = Standing(*value) if value else None
        link = outlet.links.link(row.site, row.issue_id, standing)
        outlet.client.set_remote_link(row.issue_id, link)


def _project(row: IssueRow) -> str:
    return (row.key or "").rpartition("-")[0]


def _is_forbidden(error: ConnectorError) -> bool:
    if not isinstance(error, JiraRefused) or error.status != _FORBIDDEN:
        return False
    return is_refused_for_good(error)


def _may_not_link(outlet: Outlet, project: str) -> bool:
    """Whether the account may write no link in a whole project, as far as Jira says."""
    if not project:
        return False
    try:
        return outlet.client.rights(["LINK_ISSUES"], project).get("LINK_ISSUES") is False
    except ConnectorError:
        return False
