"""Whether deliveries come in: one that Dueline sends to itself, and one that Jira sends."""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import requests
from sqlalchemy import Connection

from connector import facts
from connector.base import Field, JiraClient
from connector.errors import ConnectorError, JiraRefused, JiraUnreachable
from connector.examination.finding import Finding, failed, passed, unknown
from connector.facts import Json
from connector.values import in_path, to_jira_value
from sla.store import inbox, issues, outbox
from sla.store.database import Database
from sla.store.inbox import Delivery
from sla.store.outbox import Written

Pause = Callable[[float], None]
"""Waits for so many seconds."""

PATH: Final = "/webhooks/jira"
"""Where the receiver listens, below the service's address."""
EVENT: Final = "dueline:test"
"""What a test delivery calls itself; it tells of no issue, so that nothing follows from it."""
_PATIENCE = 10
"""Seconds to wait for a connection, and again for an answer; Jira waits no longer than 20."""
_LONGEST = 30.0
"""Seconds within which Jira's own delivery is to arrive."""
_STEP = 0.5
_MARK = "Dueline looks whether it hears of this"
_TEXT_ROLES = ("next_metric", "state", "severity", "policy")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a test delivery."""

    arrived: bool
    sentence: str
    remedy: str = ""
    """What to do where it did not arrive."""


def wait(seconds: float) -> None:
    """Let time pass."""
    threading.Event().wait(seconds)


def send_test_delivery(url: str, secret: str) -> Outcome:
    """Post a signed delivery as Jira would, and tell what came of it.

    Args:
        url: the address of the receiver, such as https://dueline.example.com/webhooks/jira.
        secret: that of the webhook, which signs it.
    """
    # Each is another one, so that none is taken for the repetition of the one before.
    body = json.dumps({"webhookEvent": EVENT, "nonce": secrets.token_hex(8)}).encode()
    headers = {
        "Content-Type": "application/json",
        "X-Hub-Signature": f"sha256={hmac.new(secret.encode(), body, 'sha256').hexdigest()}",
    }
    try:
        answer = requests.post(
            url, data=body, headers=headers, timeout=_PATIENCE, allow_redirects=False
        )
    except requests.RequestException as error:
        return _unanswered(url, error)
    return _outcome(url, answer.status_code)


def _outcome(url: str, status: int) -> Outcome:
    if status == 202:
        return Outcome(True, f"A signed delivery to {url} was taken.")
    if 300 <= status < 400:
        return Outcome(
            False,
            f"{url} answers {status} and sends the delivery elsewhere, where Jira does not follow.",
            "Give the address at which the delivery is taken without a detour.",
        )
    said, remedy = _SAID.get(status, _SOMETHING_ELSE)
    return Outcome(False, f"{url} answered {status}: {said}.", remedy)


_SAID = {
    401: (
        "the service there has another secret",
        "Give the service and this command the same DUELINE_WEBHOOK_SECRET, and restart it.",
    ),
    404: (
        "nothing takes deliveries there",
        "Let the proxy pass /webhooks/jira on to the service, or correct DUELINE_PUBLIC_URL.",
    ),
    413: ("the proxy refuses the delivery's size", "Let the proxy take bodies of 25 MB."),
    429: (
        "too many deliveries from here were refused just now",
        "Wait for a minute, and try again.",
    ),
    502: ("the proxy cannot reach the service", "Start it with `dueline serve`."),
    503: (
        "the service cannot store a delivery at present",
        "Look at its log and at the database with `dueline doctor`.",
    ),
    504: ("the service did not answer its proxy in time", "Look at its log."),
}
_SOMETHING_ELSE = (
    "something else than Dueline takes it",
    "Let DUELINE_PUBLIC_URL be the address at which the service itself is reached.",
)


def _unanswered(url: str, error: requests.RequestException) -> Outcome:
    if isinstance(error, requests.exceptions.SSLError):
        return Outcome(
            False,
            f"The certificate at {url} is not trusted here.",
            "Renew it, or give the proxy one that is publicly trusted: Jira checks it as well.",
        )
    if isinstance(error, requests.exceptions.Timeout):
        return Outcome(
            False,
            f"{url} gave no answer within {_PATIENCE} seconds.",
            "Look whether a firewall drops the connection.",
        )
    return Outcome(
        False,
        f"Nothing answers at {url}.",
        "Start the service with `dueline serve`, and let DUELINE_PUBLIC_URL be its address.",
    )


def through_jira(
    client: JiraClient,
    fields: Mapping[str, Field],
    issue: str,
    database: Database,
    site: str,
    pause: Pause,
    now: Callable[[], datetime],
) -> Finding:
    """Change one of Dueline's own fields and put it back, and see whether Jira tells of it.

    Args:
        client: signed in.
        fields: by role the SLA fields of the site.
        issue: its key.
        database: to which the running service writes what comes in.
        site: the name of the Jira in it.
        pause: waits for so many seconds.
        now: the clock.

    Raises:
        ConnectorError: Jira does not take the change; or it took it, and does not take it back.
    """
    role = next((role for role in _TEXT_ROLES if _is_text(fields.get(role))), None)
    if role is None:
        return unknown(
            "No SLA field is a text that could be changed and put back.",
            "Change an issue by hand, and look at the check of the deliveries.",
        )
    field = fields[role]
    path = f"{client.api}/issue/{in_path(issue)}"
    found = client.look("reading the issue", path, {"fields": field.id}).data
    issue_id = facts.issue_number(facts.member(found, "id"))
    if issue_id is None:
        return failed(
            f"Jira has no issue {issue}, or the account does not see it.",
            "Name another issue, in a project that Dueline serves.",
        )
    before = facts.member(facts.member(found, "fields"), field.id)
    trip = _Trip(client, database, site, issue_id, role, field, now)
    last = database.read(lambda c: inbox.newest_of(c, site, issue_id))

    def arrived() -> bool:
        return any(map(_tells, database.read(lambda c: inbox.newer(c, site, issue_id, last))))

    try:
        with trip.marked(before if isinstance(before, str) else None):
            waited = _until(arrived, pause)
    except _NotPutBackError as error:
        return failed(f"{field.name} of {issue} could not be put back: {error}", error.remedy)
    if waited is None:
        return failed(
            f"{field.name} of {issue} was changed and put back, and no delivery of it came within "
            f"{_LONGEST:.0f} s.",
            "Look at the checks of the webhook and of the way to the service, whether deliveries "
            "are refused (`signature_refused` at /readyz: the webhook has another secret), and "
            "whether Jira's machine may reach that address.",
        )
    return passed(
        f"{field.name} of {issue} was changed and put back; Jira told it after {waited:.0f} s."
    )


class _NotPutBackError(ConnectorError):
    """Jira took the change, or may have, and does not take it back."""

    def __init__(self, reason: ConnectorError, remedy: str) -> None:
        super().__init__(str(reason))
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class _Trip:
    """A change of a field and its end.

    The service may write the same field meanwhile, or be the only one that is left to put it back.
    So each change is noted in the database as the service notes its own: as one that may be on its
    way, after which what is wanted by then is written.
    """

    client: JiraClient
    database: Database
    site: str
    issue_id: str
    role: str
    field: Field
    now: Callable[[], datetime]

    @contextmanager
    def marked(self, before: str | None) -> Iterator[None]:
        """Show the mark for as long as the block lasts; then what is wanted, or was there before.

        Raises:
            ConnectorError: Jira does not take the mark, or did and does not take it back.
        """
        self._note(_MARK)
        try:
            self._write(_MARK)
        except (JiraRefused, JiraUnreachable):
            # Nothing was changed.
            raise
        except BaseException:
            self._put_back(before)
            # The mark may arrive after that: once it cannot, the service writes what is wanted.
            self._note(_MARK)
            raise
        try:
            yield
        finally:
            self._put_back(before)

    def _put_back(self, before: str | None) -> None:
        noted = self._note()
        try:
            self._write(noted.get(self.role, before))
        except ConnectorError as error:
            there = f"{before!r} there" if before else "nothing there"
            by_hand = f"Put {there} by hand, if it still reads {_MARK!r}."
            by_itself = "The service puts it back by itself, once Jira takes it."
            raise _NotPutBackError(error, by_itself if noted else by_hand) from error
        if not noted:
            # The service may have heard of the issue just now, and have written before we did.
            self._note()

    def _note(self, mark: str | None = None) -> dict[str, Any]:
        """Note that the mark, or what is wanted, is on its way.

        Returns:
            What is on its way, by role; empty where the service wants nothing in the field.
        """

        def note(connection: Connection) -> dict[str, Any]:
            row = issues.get(connection, self.site, self.issue_id, locked=True)
            wanted = json.loads(row.fields_wanted or "{}") if row else {}
            if row is None or self.role not in wanted:
                return {}
            at, leaving = self.now(), {self.role: mark or wanted[self.role]}
            outbox.fields_leave(connection, row, Written.of(row).leaving(leaving), at)
            issues.change(connection, self.site, self.issue_id, write_at=at)
            return leaving

        return self.database.write(note)

    def _write(self, value: Json) -> None:
        self.client.edit_fields(self.issue_id, {self.field.id: to_jira_value(self.field, value)})


def _is_text(field: Field | None) -> bool:
    return field is not None and field.custom and field.type == "textfield"


def _tells(delivery: Delivery) -> bool:
    """Whether a delivery is of our change, or a rule's, which may tell no more than the issue."""
    return _MARK.encode() in delivery.body or b'"webhookEvent"' not in delivery.body


def _until(arrived: Callable[[], bool], pause: Pause) -> float | None:
    """After how many seconds something was so; None: it was not within `_LONGEST`."""
    waited = 0.0
    while waited < _LONGEST:
        pause(_STEP)
        waited += _STEP
        if arrived():
            return waited
    return None
