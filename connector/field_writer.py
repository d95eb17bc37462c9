"""The SLA fields of an issue: what differs in one PUT, and never an older value over a newer."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog

from connector.acting import is_refused_for_good
from connector.attempt import IN_FLIGHT, Attempt, may_follow
from connector.client import to_jira_value
from connector.errors import ConnectorError, JiraRefused, JiraUncertain, TakenOver
from connector.outlet import Held, Judge, Outlet
from connector.remote_link import ROLE
from connector.rest import asking_before
from sla.effects import Standing
from sla.store import issues, outbox
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import Written

_log = structlog.get_logger(__name__)
# The fields that show an instant.
_INSTANTS = frozenset({"due", "responded", "next_due"})
# A field that Jira does not have, or does not take, is asked for again after this.
_NO_SUCH_FIELD = timedelta(minutes=5)
_REFUSED_FIELD = timedelta(hours=1)
_FORBIDDEN = 403
_GATEWAY = frozenset({502, 503, 504})


@dataclass
class FieldWriter:
    """Writes the fields of an issue.

    Attributes:
        monotonic: seconds of real time from any start.
    """

    database: Database
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    judge: Judge

    def write(self, outlet: Outlet, site: str, issue_id: str) -> None:
        """Write what differs, if that is due; raises `Held` when the site is to be left alone."""
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        now = self.now()
        if row is None or row.write_at is None:
            return
        if not outbox.is_due(row.write_at, row.write_attempts, now):
            return
        row = self._not_from_the_future(row, now)
        wanted: dict[str, Any] = json.loads(row.fields_wanted or "{}")
        written = Written.of(row)
        there = {
            role: value
            for role, value in wanted.items()
            if role in outlet.fields or (role == ROLE and _has_link(outlet, written, value))
        }
        missing = wanted.keys() - there.keys() - {ROLE}
        differing = written.differing(there)
        if not differing:
            self._done(row, written, missing, {})
        elif may_follow(row.write_attempted_at, now) and written.contradicts(differing):
            self._wait_for_the_other(row)
        else:
            self._send(outlet, row, written, differing, missing)

    def put_off(self, site: str, issue_id: str, fault: str) -> None:
        """After a fault of ours: leave the issue's fields as they are for a while."""
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        if row and row.write_at is not None:
            until = self.now() + outbox.AFTER_A_FAULT
            self.database.write(lambda c: outbox.put_fields_off(c, row, until, fault))

    def _not_from_the_future(self, row: IssueRow, now: datetime) -> IssueRow:
        """A row whose attempt was before now: the clock may have been set back since."""
        if row.write_attempted_at is None or row.write_attempted_at <= now:
            return row
        known = Written.of(row)
        self.database.write(lambda c: outbox.fields_leave(c, row, known, now))
        return replace(row, write_attempted_at=now)

    def _wait_for_the_other(self, row: IssueRow) -> None:
        """Let a request that may be on its way arrive, so that it does not undo a newer one."""
        until = (row.write_attempted_at or self.now()) + IN_FLIGHT
        self.database.write(lambda c: outbox.put_fields_off(c, row, until, row.write_error))

    def _send(
        self,
        outlet: Outlet,
        row: IssueRow,
        written: Written,
        differing: dict[str, Any],
        missing: Collection[str],
    ) -> None:
        shown = {
            role: _shown(outlet, role, value) for role, value in differing.items() if role != ROLE
        }
        # What is known to be on its way says the same: it may follow, and does no harm.
        earlier = row.write_attempted_at if may_follow(row.write_attempted_at, self.now()) else None
        leaving = written.leaving(differing)

        def record(before: datetime | None, at: datetime) -> bool:
            mine = replace(row, write_attempted_at=before)
            return self.database.write(lambda c: outbox.fields_leave(c, mine, leaving, at))

        attempt = Attempt(record, self.now, self.monotonic, row.write_attempted_at)
        if not attempt.may_leave():
            return
        try:
            with asking_before(attempt.may_leave):
                refused = _edit(outlet, row.issue_id, shown) if shown else {}
                if ROLE in differing:
                    refused |= _link(outlet, row, differing[ROLE])
        except TakenOver as error:
            _log.warning("fields not written", site=row.site, reason=str(error))
            return
        except ConnectorError as error:
            row = replace(row, write_attempted_at=attempt.at)
            follows = isinstance(error, JiraUncertain)
            if follows and not _over(error):
                earlier = attempt.at
            self._failed(outlet, row, leaving if follows else written, error, earlier)
            return
        self.judge.holds.answered(row.site)
        row = replace(row, write_attempted_at=attempt.at)
        taken = {role: value for role, value in differing.items() if role not in refused}
        self._done(row, leaving.taken(taken, refused), missing, refused, earlier)

    def _done(
        self,
        row: IssueRow,
        written: Written,
        missing: Collection[str],
        refused: Mapping[str, str],
        in_flight_since: datetime | None = None,
    ) -> None:
        error, pause = _what_is_missing(missing, refused)
        again_at = self.now() + pause if pause else None
        self.database.write(
            lambda c: outbox.fields_written(
                c,
                row,
                written,
                in_flight_since=in_flight_since,
                again_at=again_at,
                error=error,
                attempts=1 if refused else 0,
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
        found = self.judge.judge(row.site, error, row.write_attempts)
        again_at = self.judge.again_at(error, found)
        if again_at is None and _concerns_some_fields(outlet, row, error):
            again_at = self.now() + _REFUSED_FIELD
        self.database.write(
            lambda c: outbox.fields_not_written(
                c,
                row,
                written,
                in_flight_since=in_flight_since,
                attempts=found.attempts,
                again_at=again_at,
                error=found.reason,
            )
        )
        if found.kind == "wait":
            raise Held


def _has_link(outlet: Outlet, written: Written, value: Any) -> bool:
    """Whether the link is to be written; where none ever was, none says that all is over."""
    return outlet.links is not None and bool(value or {**written.known, **written.sent}.get(ROLE))


def _link(outlet: Outlet, row: IssueRow, value: Any) -> dict[str, str]:
    """Write the link; returns what Jira says where it does not take it, which holds up nothing.

    Where the account may write none, the project's other issues are spared the question until the
    site is looked at anew.
    """
    project = (row.key or "").rpartition("-")[0]
    if outlet.links is None or project in outlet.refused_links:
        return {ROLE: f"the link: {outlet.refused_links.get(project, '')}"}
    standing = Standing(*value) if value else None
    link = outlet.links.link(row.site, row.issue_id, standing)
    try:
        outlet.client.set_remote_link(row.issue_id, link)
    except JiraRefused as error:
        if not is_refused_for_good(error):
            raise
        if error.status == _FORBIDDEN:
            outlet.refused_links[project] = error.sentence
        return {ROLE: f"the link: {error.sentence}"}
    return {}


def _edit(outlet: Outlet, issue_id: str, shown: Mapping[str, object]) -> dict[str, str]:
    """Write values by role; returns what Jira says of those that it does not take."""
    try:
        outlet.client.edit_fields(issue_id, _by_field(outlet, shown))
    except JiraRefused as error:
        refused = _named(outlet, shown, error)
        if not refused or len(refused) == len(shown):
            raise
    else:
        return {}
    others = {role: value for role, value in shown.items() if role not in refused}
    outlet.client.edit_fields(issue_id, _by_field(outlet, others))
    return refused


def _named(outlet: Outlet, roles: Collection[str], error: ConnectorError) -> dict[str, str]:
    """The fields that an error names, by role, with Jira's words; noted for people to see."""
    if not isinstance(error, JiraRefused) or error.status != 400:
        return {}
    fields = {role: outlet.fields[role] for role in roles if role in outlet.fields}
    named = {role: field for role, field in fields.items() if field.id in error.fields}
    for field in named.values():
        outlet.refused[field.name] = error.fields[field.id]
    return {role: f"{field.name}: {error.fields[field.id]}" for role, field in named.items()}


def _concerns_some_fields(outlet: Outlet, row: IssueRow, error: ConnectorError) -> bool:
    """Whether Jira refused some fields of an issue; refusing all is about the issue."""
    wanted = json.loads(row.fields_wanted or "{}").keys() & outlet.fields.keys()
    return 0 < len(_named(outlet, wanted, error)) < len(wanted)


def _what_is_missing(
    missing: Collection[str], refused: Mapping[str, str]
) -> tuple[str | None, timedelta | None]:
    """What keeps some roles from being shown, in a sentence, and when to look again."""
    said = [f"Jira has no field for {', '.join(sorted(missing))}."] if missing else []
    said += [f"Jira does not take {words}" for words in refused.values()]
    if not said:
        return None, None
    return " ".join(said), _NO_SUCH_FIELD if missing else _REFUSED_FIELD


def _over(error: ConnectorError) -> bool:
    """Whether Jira itself is done with a request; a gateway answers while Jira goes on."""
    status = getattr(error, "status", None)
    return status is not None and status >= 500 and status not in _GATEWAY


def _shown(outlet: Outlet, role: str, value: Any) -> object:
    instant = role in _INSTANTS and value is not None
    return to_jira_value(outlet.fields[role], datetime.fromisoformat(value) if instant else value)


def _by_field(outlet: Outlet, shown: Mapping[str, object]) -> dict[str, object]:
    return {outlet.fields[role].id: value for role, value in shown.items()}
