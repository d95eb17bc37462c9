"""The SLA fields of an issue: what differs in one PUT, and never an older value over a newer.

The link on the issue is among what is wanted of them, and is written by `connector.link_writer`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from msgspec.structs import replace

from connector import recorded
from connector.attempt import IN_FLIGHT, may_follow
from connector.errors import ConnectorError, JiraRefused
from connector.link_writer import owed
from connector.outlet import Held, Judge, Outlet
from connector.remote_link import ROLE
from connector.values import to_jira_value
from sla.steps import following
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

    def write(self, outlet: Outlet, site: str, issue_id: str) -> IssueRow | None:
        """Write what differs, if that is due; raises `Held` when the site is to be left alone.

        Returns:
            The row as it was read, where the turn is the link's; None where it is not.
        """
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        now = self.now()
        if row is None or row.write_at is None:
            return None
        if not outbox.is_due(row.write_at, row.write_attempts, now):
            return None
        with following(row.write_delivery):
            return self._write(outlet, self._not_from_the_future(row, now), now)

    def _write(self, outlet: Outlet, row: IssueRow, now: datetime) -> IssueRow | None:
        wanted: dict[str, Any] = json.loads(row.fields_wanted or "{}")
        written = Written.of(row)
        there = {role: value for role, value in wanted.items() if role in outlet.fields}
        missing = wanted.keys() - there.keys() - {ROLE}
        differing = written.differing(there)
        if not differing:
            # What may be on its way is still remembered, and how often the link failed.
            earlier = row.write_attempted_at if may_follow(row.write_attempted_at, now) else None
            return self._done(outlet, row, written, missing, {}, earlier, row.write_attempts)
        if may_follow(row.write_attempted_at, now) and written.contradicts(differing):
            self._wait_for_the_other(row)
            return None
        return self._send(outlet, row, written, differing, missing)

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
    ) -> IssueRow | None:
        shown = {role: _shown(outlet, role, value) for role, value in differing.items()}
        refused: dict[str, str] = {}

        def edit() -> None:
            refused.update(_edit(outlet, row.issue_id, shown))

        sent = recorded.send(
            self.database, self.now, self.monotonic, row, written, differing, edit, kind="fields"
        )
        if sent is None:
            return None
        row, written, earlier = sent.row, sent.written, sent.in_flight_since
        if sent.error:
            return self._failed(outlet, row, written, sent.error, earlier)
        self.judge.holds.answered(row.site)
        taken = {role: value for role, value in differing.items() if role not in refused}
        written, attempts = written.taken(taken, refused), 1 if refused else 0
        return self._done(outlet, row, written, missing, refused, earlier, attempts)

    def _done(
        self,
        outlet: Outlet,
        row: IssueRow,
        written: Written,
        missing: Collection[str],
        refused: Mapping[str, str],
        in_flight_since: datetime | None,
        attempts: int,
    ) -> IssueRow | None:
        error, pause = _what_is_missing(missing, refused)
        again_at = self.now() + pause if pause else None
        left = owed(outlet, row, written) is not None
        if left and again_at is None:
            # The link comes after what is to be said; until then it is due.
            again_at = self.now()
        self.database.write(
            lambda c: outbox.fields_tried(
                c,
                row,
                written,
                in_flight_since=in_flight_since,
                again_at=again_at,
                error=error,
                attempts=attempts,
            )
        )
        return row if left else None

    def _failed(
        self,
        outlet: Outlet,
        row: IssueRow,
        written: Written,
        error: ConnectorError,
        in_flight_since: datetime | None,
    ) -> IssueRow | None:
        found = self.judge.judge(row.site, error, row.write_attempts)
        again_at = self.judge.again_at(error, found)
        some = again_at is None and _concerns_some_fields(outlet, row, error)
        if some:
            again_at = self.now() + _REFUSED_FIELD
        self.database.write(
            lambda c: outbox.fields_tried(
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
        return row if some and owed(outlet, row, written) is not None else None


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


def _shown(outlet: Outlet, role: str, value: Any) -> object:
    instant = role in _INSTANTS and value is not None
    return to_jira_value(outlet.fields[role], datetime.fromisoformat(value) if instant else value)


def _by_field(outlet: Outlet, shown: Mapping[str, object]) -> dict[str, object]:
    return {outlet.fields[role].id: value for role, value in shown.items()}
