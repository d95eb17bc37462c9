"""The way out to Jira: what differs in the fields in one PUT, each comment once, issue by issue.

An issue that Jira refuses holds up no other. A Jira that cannot be reached, or that asks for fewer
calls, holds up its own site only; what is to be written stays in the tables meanwhile.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypedDict

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from connector.client import Field, JiraClient, to_jira_value
from connector.errors import (
    ConnectorError,
    JiraError,
    JiraRefused,
    JiraUncertain,
    WordingError,
)
from connector.retry import Verdict, verdict
from connector.wording import mention, plain, render
from sla.contract import Audience
from sla.effects import Saying
from sla.engine import Engine
from sla.store import issues, outbox
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import Pending

_log = structlog.get_logger(__name__)
_BATCH = 100
_MOST_MENTIONED = 20
_SIDE_BY_SIDE = 4
# What fails by a fault of ours is looked at again after this.
_AFTER_A_FAULT = timedelta(minutes=5)
# So long a request without an answer may still be on its way to Jira; the client waits for 20 s.
_IN_FLIGHT = timedelta(seconds=30)
_HOLD = timedelta(seconds=30)
# Credentials refused, or too many calls: trying others of the site would make it worse.
# The fields that show an instant.
_INSTANTS = frozenset({"due", "responded", "next_due"})
_TOLD_TO_WAIT = frozenset({401, 403, 407, 429})


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
    """

    client: JiraClient
    fields: Mapping[str, Field]
    wording: Mapping[str, str]
    fallback: Mapping[str, str]
    internal: bool = True
    role: str | None = None
    own_fields: frozenset[str] = frozenset()


class Holds:
    """The sites that are to be left alone for a while: they ask for it, or do not answer."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}

    def hold(self, site: str, error: JiraError, found: Verdict) -> None:
        """Leave a site alone, as long as the verdict on one of its calls says."""
        # An outage ends when it ends: others of the site are tried sooner than this call is.
        told = error.status in _TOLD_TO_WAIT
        self._until[site] = self._now() + (found.after if told else min(found.after, _HOLD))

    def open(self, sites: Iterable[str]) -> tuple[str, ...]:
        """Those of the sites that may be called at present."""
        now = self._now()
        return tuple(site for site in sites if self._until.get(site, now) <= now)

    def put_off(self, at: datetime | None) -> datetime | None:
        """An instant at which something is to be called, or the end of the next hold if later."""
        ends = [until for until in self._until.values() if until > self._now()]
        return max(at, min(ends)) if at and ends else at


@dataclass
class Dispatcher:
    """Writes what the tables say is to be written.

    Attributes:
        outlets: for each site that was reached; what is for another site waits.
        jitter: a number from 0 to 1, so that many waits do not end at once.
    """

    database: Database
    now: Callable[[], datetime]
    outlets: dict[str, Outlet]
    jitter: Callable[[], float]
    holds: Holds

    def run(self) -> int:
        """Write everything that is due now; returns for how many issues something was tried."""
        total = 0
        with ThreadPoolExecutor(_SIDE_BY_SIDE, "dispatch") as pool:
            while due := self.database.read(self._due):
                # Within a batch each issue comes once, so that its own writes stay in order.
                total += sum(pool.map(self._dispatch, due))
        return total

    def next_run(self) -> datetime | None:
        """When something is to be written next, holds considered."""
        earliest = self.database.read(lambda c: outbox.next_dispatch(c, tuple(self.outlets)))
        return self.holds.put_off(earliest)

    def _due(self, connection: Connection) -> Sequence[tuple[str, str]]:
        return outbox.to_dispatch(connection, self.now(), self._open_sites(), _BATCH)

    def _open_sites(self) -> tuple[str, ...]:
        """The sites that may be written to at present."""
        return self.holds.open(self.outlets)

    def _dispatch(self, issue: tuple[str, str]) -> bool:
        site, issue_id = issue
        if site not in self._open_sites():
            return False
        outlet = self.outlets[site]
        try:
            self._write(outlet, site, issue_id)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - logged; others must not wait behind it
            _log.exception("issue could not be written", site=site, issue_id=issue_id)
            later = self.now() + _AFTER_A_FAULT
            self.database.write(lambda c: outbox.put_off(c, site, issue_id, later))
        return True

    def _write(self, outlet: Outlet, site: str, issue_id: str) -> None:
        try:
            self._write_fields(outlet, site, issue_id)
            for pending in self.database.read(lambda c: outbox.pending(c, site, issue_id)):
                if pending.try_at <= self.now():
                    self._say(outlet, site, issue_id, pending)
        except _Held:
            return

    def _write_fields(self, outlet: Outlet, site: str, issue_id: str) -> None:
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        if row is None or row.write_at is None or row.write_at > self.now():
            return
        wanted = json.loads(row.fields_wanted or "{}")
        written = json.loads(row.fields_written or "{}")
        differing = {
            role: value
            for role, value in wanted.items()
            if role in outlet.fields and (role not in written or written[role] != value)
        }
        if differing:
            # From here on a crash or a lost answer leaves it open what Jira has.
            certain = {role: v for role, v in written.items() if role not in differing}
            in_doubt = json.dumps(certain, sort_keys=True)
            self.database.write(lambda c: issues.change(c, site, issue_id, fields_written=in_doubt))
            try:
                outlet.client.edit_fields(issue_id, _as_jira_has_them(outlet, differing))
            except ConnectorError as error:
                self._fields_failed(row, error)
                return
        # What was wanted may have changed meanwhile: then what differs is written next.
        self.database.write(
            lambda c: outbox.fields_written(
                c, site, issue_id, wanted=row.fields_wanted, written={**written, **differing}
            )
        )
        if not wanted.keys() <= outlet.fields.keys():
            # A field that Jira does not have yet is written when it has it.
            later = self.now() + _HOLD
            self.database.write(lambda c: issues.change(c, site, issue_id, write_at=later))

    def _fields_failed(self, row: IssueRow, error: ConnectorError) -> None:
        found = self._judge(row.site, error, row.write_attempts)
        later = None if found.kind == "give_up" else self.now() + found.after
        self.database.write(
            lambda c: outbox.fields_not_written(
                c,
                row.site,
                row.issue_id,
                wanted=row.fields_wanted,
                attempts=row.write_attempts + 1,
                try_at=later,
                error=found.reason,
            )
        )
        if found.kind == "wait":
            raise _Held

    def _say(self, outlet: Outlet, site: str, issue_id: str, pending: Pending) -> None:
        attempted_at = pending.attempted_at
        if pending.comment_id is None and self._may_be_on_its_way(pending):
            return
        try:
            comment_id = pending.comment_id or self._found(outlet, site, issue_id, pending)
            text, addressed = self._words(outlet, site, issue_id, pending.saying)
            if comment_id and pending.saying.revisable:
                # The same words twice are the same comment: an edit needs no look beforehand.
                outlet.client.edit_comment(
                    issue_id, comment_id, text, **_readers(outlet, pending.saying)
                )
        except ConnectorError as error:
            # Nothing new was said now, so that what was in doubt before is in doubt still.
            self._not_said(site, pending, error, attempted_at)
            return
        if comment_id is None:
            # From here on a crash leaves the question open whether Jira has it.
            attempted_at = self.now()
            self._mark(pending, attempted_at=attempted_at, error=None)
            try:
                comment_id = self._add(outlet, site, issue_id, pending, text)
            except JiraUncertain as error:
                self._not_said(site, pending, error, attempted_at)
                return
            except ConnectorError as error:
                self._not_said(site, pending, error, None)
                return
        if pending.saying.assign and addressed:
            try:
                self._assign(outlet, issue_id, addressed[0])
            except ConnectorError as error:
                # What was said is said; only the issue is still to be given to somebody.
                self._mark(pending, comment_id=comment_id)
                self._not_said(site, pending, error, attempted_at)
                return
        self.database.write(lambda c: outbox.sent(c, pending, comment_id))

    def _may_be_on_its_way(self, pending: Pending) -> bool:
        """Whether the request of a process that is gone may still take effect; then it waits."""
        attempted_at = pending.attempted_at
        if attempted_at is None or pending.answered:
            return False
        waits_until = attempted_at + _IN_FLIGHT
        if self.now() >= waits_until:
            return False
        self._mark(pending, try_at=waits_until)
        return True

    def _found(self, outlet: Outlet, site: str, issue_id: str, pending: Pending) -> str | None:
        """The comment that an uncertain request made after all; None where none was in doubt."""
        if pending.attempted_at is None:
            return None
        return outlet.client.find_comment(issue_id, _key(site, issue_id, pending))

    def _add(self, outlet: Outlet, site: str, issue_id: str, pending: Pending, text: str) -> str:
        key = _key(site, issue_id, pending)
        return outlet.client.add_comment(
            issue_id, text, key=key, **_readers(outlet, pending.saying)
        )

    def _assign(self, outlet: Outlet, issue_id: str, account: str) -> None:
        try:
            outlet.client.assign(issue_id, account)
        except JiraRefused as error:
            if error.status not in (400, 403, 404):
                raise
            # Somebody who cannot be given the issue is still told of it.
            _log.warning("issue cannot be assigned", issue_id=issue_id, reason=str(error))

    def _not_said(
        self, site: str, pending: Pending, error: ConnectorError, attempted_at: datetime | None
    ) -> None:
        """Record a failure; `attempted_at` is when a request left that Jira may have followed."""
        found = self._judge(site, error, pending.attempts)
        values: dict[str, Any] = {
            "attempts": pending.attempts + 1,
            "error": found.reason,
            "attempted_at": attempted_at,
        }
        if found.kind == "give_up":
            self.database.write(lambda c: outbox.give_up(c, pending, **values))
            return
        values["try_at"] = self._again_at(found, error, attempted_at)
        self._mark(pending, **values)
        if found.kind == "wait":
            raise _Held

    def _again_at(
        self, found: Verdict, error: ConnectorError, attempted_at: datetime | None
    ) -> datetime:
        again_at = self.now() + found.after
        unanswered = isinstance(error, JiraUncertain) and error.status is None
        return max(again_at, attempted_at + _IN_FLIGHT) if attempted_at and unanswered else again_at

    def _judge(self, site: str, error: ConnectorError, attempts: int) -> Verdict:
        if not isinstance(error, JiraError):
            return Verdict("give_up", timedelta(0), str(error))
        found = verdict(error, attempts + 1, jitter=self.jitter())
        log = _log.error if found.kind == "give_up" else _log.warning
        log("jira call failed", site=site, verdict=found.kind, reason=found.reason)
        if found.kind == "wait":
            self.holds.hold(site, error, found)
        return found

    def _words(
        self, outlet: Outlet, site: str, issue_id: str, saying: Saying
    ) -> tuple[str, list[str]]:
        """A saying in words, and the accounts that it addresses."""
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        assignee = self.database.read(lambda c: issues.assignee(c, site, issue_id))
        facts = {**saying.facts, "issue": row.key if row else None}
        mentions, accounts = _addressed(outlet, saying.audience, assignee)
        wanted = saying.wording or outlet.wording[saying.occasion]
        try:
            text = render(wanted, facts, mentions, at=saying.at, now=self.now())
        except WordingError as error:
            # Better said in plain words than not at all.
            _log.exception("wording cannot be used", issue_id=issue_id, reason=str(error))
            plainly = outlet.fallback[saying.occasion]
            text = render(plainly, facts, mentions, at=saying.at, now=self.now())
        return text, accounts

    def _mark(self, pending: Pending, **values: Any) -> None:
        self.database.write(lambda c: outbox.mark(c, pending.id, **values))


@dataclass
class HistoryReader:
    """Reads from Jira the history of issues that were first heard of in mid-life."""

    database: Database
    engine: Engine
    now: Callable[[], datetime]
    outlets: dict[str, Outlet]
    jitter: Callable[[], float]
    holds: Holds

    def run(self) -> int:
        """Read every history that is asked for now; returns how many were tried."""
        now, sites = self.now(), self.holds.open(self.outlets)
        wanted = self.database.read(lambda c: issues.to_read(c, now, sites, _BATCH))
        for site, issue_id in wanted:
            if self.holds.open([site]):
                self._read(site, issue_id)
        return len(wanted)

    def next_run(self) -> datetime | None:
        """When a history is to be asked for next, holds considered."""
        earliest = self.database.read(lambda c: issues.next_read(c, tuple(self.outlets)))
        return self.holds.put_off(earliest)

    def _read(self, site: str, issue_id: str) -> None:
        outlet = self.outlets[site]
        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        if row is None:
            return
        try:
            history = outlet.client.read_history(issue_id, ignored_fields=outlet.own_fields)
            self.engine.learn_history(
                site, issue_id, history.issue_key, history.events, reads_asked=row.reads_asked
            )
        except JiraError as error:
            self._failed(site, issue_id, error)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - logged; others must not wait behind it
            _log.exception("history could not be taken in", site=site, issue_id=issue_id)
            later = self.now() + _AFTER_A_FAULT
            self.database.write(lambda c: issues.change(c, site, issue_id, read_at=later))

    def _failed(self, site: str, issue_id: str, error: JiraError) -> None:
        attempts = self.database.read(lambda c: issues.read_attempts(c, site, issue_id)) + 1
        found = verdict(error, attempts, jitter=self.jitter())
        _log.warning("history not read", site=site, issue_id=issue_id, reason=found.reason)
        if found.kind == "wait":
            self.holds.hold(site, error, found)
        values: dict[str, Any] = {"read_attempts": attempts, "read_at": self.now() + found.after}
        if found.kind == "give_up":
            values = {"read_at": None, "covered": False, "reason": found.reason}
        self.database.write(lambda c: issues.change(c, site, issue_id, **values))


class _Held(Exception):  # noqa: N818 - control flow within this module
    """The site is to be left alone for a while."""


def _as_jira_has_them(outlet: Outlet, values: Mapping[str, Any]) -> dict[str, object]:
    shown: dict[str, object] = {}
    for role, value in values.items():
        target = outlet.fields[role]
        instant = role in _INSTANTS and value is not None
        shown[target.id] = to_jira_value(
            target, datetime.fromisoformat(value) if instant else value
        )
    return shown


class _Readers(TypedDict):
    internal: bool
    role: str | None


def _readers(outlet: Outlet, saying: Saying) -> _Readers:
    """Who may read a comment: the customer too where it is for them."""
    if saying.public:
        return {"internal": False, "role": None}
    return {"internal": outlet.internal, "role": outlet.role}


def _key(site: str, issue_id: str, pending: Pending) -> str:
    return f"{site}/{issue_id}/{pending.key}"


def _addressed(
    outlet: Outlet, audience: Audience, assignee: str | None
) -> tuple[list[str], list[str]]:
    """The mentions of those addressed, and their accounts as far as they can be known."""
    accounts = [assignee] if audience.assignee and assignee else []
    accounts += audience.users
    unknown: list[str] = []
    for group in audience.groups:
        try:
            accounts += outlet.client.group_members(group)
        except JiraRefused as error:
            if error.status not in (400, 403, 404):
                raise
            # A group that is not there, or not to be seen, is no reason to say nothing.
            _log.warning("group cannot be read", group=group, reason=str(error))
            unknown.append(plain(group))
    accounts = list(dict.fromkeys(accounts))
    mentions = [mention(account) for account in accounts] + unknown
    return mentions[:_MOST_MENTIONED], accounts
