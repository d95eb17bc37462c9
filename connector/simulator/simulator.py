"""The simulator as a test or a demo holds it: a site that also records, fails, and sends webhooks.

Its methods take what Jira's REST API takes, and shorter words where they are plain: a project by
key, a priority by name, a custom field by its display name, a text instead of a document.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import msgspec

from connector.simulator import comments, deliveries, issues, jql, links, moves, registrations
from connector.simulator import fields as custom_fields
from connector.simulator.deliveries import Attempt, Delivery, Post
from connector.simulator.errors import JiraError, field_errors
from connector.simulator.faults import Faults
from connector.simulator.model import (
    Account,
    Client,
    Comment,
    Event,
    Field,
    Flavour,
    History,
    Issue,
    IssueLink,
    Token,
    Webhook,
)
from connector.simulator.payloads import payload
from connector.simulator.registrations import Wanted
from connector.simulator.site import AGENT, CUSTOM_TYPES, CUSTOMER, DUELINE
from connector.simulator.values import jira_time
from connector.simulator.world import World

_REMEMBERED = 10_000
_BY_NAME = {"issuetype", "priority", "resolution"}


@dataclass(frozen=True, slots=True)
class RecordedRequest:
    """A REST request that came in; `status` is 0 when the connection was dropped."""

    method: str
    path: str
    query: str
    body: bytes
    status: int
    account: str | None


class Simulator(World):
    """A Jira site in memory, with the example site already in it.

    `now` is the only clock it has. `post` sends a webhook and returns the answer's status; it
    raises `OSError` when nothing answers. Every method is safe to call from any thread.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        flavour: Flavour = "cloud",
        base_url: str = "http://127.0.0.1:8080",
        post: Post | None = None,
    ) -> None:
        super().__init__(now=now, flavour=flavour, base_url=base_url)
        self.faults = Faults()
        self.requests: deque[RecordedRequest] = deque(maxlen=_REMEMBERED)
        self.attempts: deque[Attempt] = deque(maxlen=_REMEMBERED)
        self.webhooks: dict[str, Webhook] = {}
        self.something_pending = threading.Condition(self.lock)
        self._pending: list[Delivery] = []
        self._post = post or deliveries.post
        self._sending = threading.RLock()

    # Acting on issues

    def create_issue(
        self, fields: Mapping[str, Any] | None = None, *, account: str = CUSTOMER, **more: Any
    ) -> Issue:
        """Create an issue; fields can be given as keywords too.

        `create_issue(project="BOT", summary="Broken", priority="High", account=CUSTOMER)`;
        the issue type is Bug unless said. Raises `JiraError`.
        """
        with self.lock:
            given = self._plain({"issuetype": "Bug", **(fields or {}), **more})
            return issues.create(self, given, account=self.account(account), documents=False)

    def edit(
        self,
        key: str,
        fields: Mapping[str, Any] | None = None,
        update: issues.Operations | None = None,
        *,
        account: str = AGENT,
        **more: Any,
    ) -> History | None:
        """Change fields of an issue; return the new history entry, if anything changed."""
        with self.lock:
            given = self._plain({**(fields or {}), **more})
            who = self.account(account)
            return issues.edit(self, self.issue(key), given, update, account=who, documents=False)

    def transition(self, key: str, to: str, *, account: str = AGENT, **fields: Any) -> History:
        """Move an issue to a status, named by the status or by the transition's id."""
        with self.lock:
            ids = {status.name.casefold(): status.transition_id for status in self.site.statuses}
            return issues.transition(
                self,
                self.issue(key),
                ids.get(to.casefold(), to),
                self._plain(fields),
                account=self.account(account),
                documents=False,
            )

    def assign(self, key: str, to: str | None, *, account: str = AGENT) -> History | None:
        """Assign an issue to an account, by its e-mail address, or to nobody."""
        with self.lock:
            return issues.assign(
                self, self.issue(key), self._user(to), account=self.account(account)
            )

    def move_issue(
        self, key: str, *, project: str, issuetype: str | None = None, account: str = AGENT
    ) -> History:
        """Move an issue to another project, by its key; the old key goes on to find the issue.

        It keeps its issue type unless told. Raises `JiraError`.
        """
        with self.lock:
            target = self.site.projects.get(project)
            if target is None:
                raise field_errors({"project": "valid project is required"})
            kinds = {kind.name: kind for kind in self.site.issue_types}
            if issuetype is not None and issuetype not in kinds:
                raise field_errors({"issuetype": "The issue type selected is invalid."})
            return moves.move(
                self,
                self.issue(key),
                target,
                account=self.account(account),
                issue_type=kinds[issuetype] if issuetype else None,
            )

    def link(
        self, key: str, to: str, link_type: str = "Relates", *, account: str = AGENT
    ) -> IssueLink:
        """Link two issues by their keys; `link("BOT-1", "BIT-1", "Blocks")`: BOT-1 blocks BIT-1.

        Two issues that are linked so already stay as they are.
        """
        given = {
            "type": {"name": link_type},
            "inwardIssue": {"key": key},
            "outwardIssue": {"key": to},
        }
        with self.lock:
            return links.add(self, given, account=self.account(account), documents=False)

    def unlink(self, link_id: str, *, account: str = AGENT) -> None:
        """Take a link away."""
        with self.lock:
            who = self.account(account)
            links.remove(self, links.find(self, link_id, who), account=who)

    def delete_issue(self, key: str, *, account: str = DUELINE) -> None:
        """Delete an issue."""
        with self.lock:
            issues.delete(self, self.issue(key), account=self.account(account))

    def add_comment(
        self,
        key: str,
        body: str | Mapping[str, Any],
        *,
        account: str | None = AGENT,
        internal: bool = False,
        properties: Mapping[str, Any] | None = None,
        visibility: Mapping[str, Any] | None = None,
    ) -> Comment:
        """Comment on an issue; `internal` marks it as a service project marks its own.

        `account=None` is somebody anonymous, or deleted since: Jira then names no author.
        """
        marks = dict(properties or {})
        if internal:
            marks["sd.public.comment"] = {"internal": True}
        given = {
            "body": body,
            "properties": [{"key": k, "value": v} for k, v in marks.items()],
            "visibility": visibility,
        }
        with self.lock:
            return comments.add(
                self,
                self.issue(key),
                given,
                account=None if account is None else self.account(account),
                documents=isinstance(body, Mapping),
            )

    def edit_comment(
        self,
        key: str,
        comment_id: str,
        body: str | Mapping[str, Any],
        *,
        account: str = AGENT,
        internal: bool | None = None,
    ) -> Comment:
        """Change the text of a comment, and with `internal` whether customers may read it."""
        given: dict[str, Any] = {"body": body}
        if internal is not None:
            mark = {"key": "sd.public.comment", "value": {"internal": internal}}
            given["properties"] = [mark]
        with self.lock:
            issue, who = self.issue(key), self.account(account)
            comment = comments.find(self, issue, comment_id, who)
            documents = isinstance(body, Mapping)
            return comments.edit(self, issue, comment, given, account=who, documents=documents)

    def delete_comment(self, key: str, comment_id: str, *, account: str = AGENT) -> None:
        """Delete a comment."""
        with self.lock:
            issue, who = self.issue(key), self.account(account)
            comment = comments.find(self, issue, comment_id, who)
            comments.delete(self, issue, comment, account=who)

    def search(self, query: str, *, account: str = DUELINE) -> list[Issue]:
        """Return the issues that a JQL query finds."""
        with self.lock:
            return jql.parse(self, query, self.account(account)).run(list(self.issues.values()))

    # Setting the site up

    def create_field(self, name: str, type_name: str, *, on_screens: bool = True) -> Field:
        """Create a custom field (`datetime`, `textfield`, ...), and put it on every screen."""
        with self.lock:
            given = {"name": name, "type": f"{CUSTOM_TYPES}:{type_name}"}
            field = custom_fields.create(self, given)
            for screen in self.site.screens.values() if on_screens else ():
                custom_fields.show(self, screen, screen.tabs[0], field.id)
            return field

    def deny(self, account: str, permission: str) -> None:
        """Take a permission (Jira's key, such as ADD_COMMENTS) away from an account."""
        with self.lock:
            self.denied.add((self.account(account).email, permission))

    def make_token(
        self,
        account: str,
        text: str,
        *,
        scopes: Iterable[str] | None = None,
        ends_at: datetime | None = None,
    ) -> Token:
        """Make a token for an account: with scopes, classic, or a Data Center's personal one."""
        limited = None if scopes is None else frozenset(scopes)
        with self.lock:
            token = Token(text, self.account(account).email, limited, ends_at)
            self.tokens.append(token)
            return token

    def make_client(
        self,
        account: str,
        client_id: str,
        client_secret: str,
        *,
        scopes: Iterable[str],
        lasting: timedelta = timedelta(hours=1),
    ) -> Client:
        """Make an OAuth 2.0 client for a service account; its access tokens last that long."""
        with self.lock:
            email = self.account(account).email
            client = Client(client_id, client_secret, email, frozenset(scopes), lasting)
            self.clients[client_id] = client
            return client

    def set_time_zone(self, account: str, zone: str) -> None:
        """Let an account live in another zone, by its IANA name; its JQL is then read in that."""
        with self.lock:
            known = self.account(account)
            self.site.accounts[known.email] = replace(known, time_zone=zone)

    def register_webhook(
        self,
        url: str,
        *,
        events: Sequence[str] | None = None,
        jql: str = "",
        secret: str | None = None,
        name: str = "Webhook",
        exclude_body: bool = False,
        account: str = DUELINE,
    ) -> Webhook:
        """Register a webhook, for every event of the simulator unless said."""
        told = list(events) if events is not None else sorted(registrations.EVENTS)
        wanted = Wanted(name, url, told, jql, exclude_body, enabled=True, secret=secret)
        return self.keep_webhook(str(self.next_number("webhook")), wanted, account)

    def keep_webhook(self, webhook_id: str, wanted: Wanted, account: str) -> Webhook:
        """Store a registration under an id; raises `JiraError` when it will not do."""
        with self.lock:
            registrations.check(wanted)
            who = self.account(account)
            if wanted.jql:
                jql.parse(self, wanted.jql, who)
            webhook = registrations.registration(self, webhook_id, wanted, who)
            self.webhooks[webhook_id] = webhook
            return webhook

    # Webhooks on their way

    def emit(self, event: Event) -> None:
        """Queue a delivery of the event for every webhook that asked for it."""
        told = [w for w in self.webhooks.values() if self._wants(w, event)]
        if not told:
            return
        said = payload(self, event)
        body = msgspec.json.encode(said)
        for webhook in (each for each in told if each.expires_at is None):
            self._queue(webhook, event, body)
        for mine in deliveries.of_apps(told):
            # An app hears of an event once, whichever of its webhooks ask for it.
            ids = [int(each.id) for each in mine]
            self._queue(mine[0], event, msgspec.json.encode({**said, "matchedWebhookIds": ids}))
        self.something_pending.notify_all()

    def _queue(self, webhook: Webhook, event: Event, body: bytes) -> None:
        number = self.next_number("delivery")
        self._pending.append(deliveries.delivery(number, webhook, event, body))

    def _wants(self, webhook: Webhook, event: Event) -> bool:
        if not webhook.enabled or event.name not in webhook.events:
            return False
        if webhook.expires_at is not None and webhook.expires_at <= self.now():
            return False
        # In the words of Jira's own form the filter is for events of issues and of comments alone.
        if not webhook.jql or event.link is not None:
            return True
        try:
            query = jql.parse(self, webhook.jql, self.account(webhook.updated_by))
        except JiraError:
            # What the filter named is gone: Jira then sends nothing.
            return False
        return query.test is None or query.test(event.issue)

    def pending_deliveries(self) -> list[Delivery]:
        """Return what is waiting to be sent, retries too, in the order of events."""
        with self.lock:
            return list(self._pending)

    def due(self) -> bool:
        """Tell whether a delivery could be sent now; call it with the lock held."""
        now = self.now()
        return any(delivery.due_at <= now for delivery in self._pending)

    def deliver(self) -> int:
        """Send every due delivery on the calling thread; return how many were answered 2xx.

        What a receiver causes meanwhile is sent too; a failed try waits for its time.
        """
        answered = 0
        with self._sending:
            while batch := self._take_due():
                for delivery in batch:
                    answered += self._send(delivery)
        return answered

    def _take_due(self) -> list[Delivery]:
        with self.lock:
            now = self.now()
            due = [d for d in self._pending if d.due_at <= now]
            self._pending = [d for d in self._pending if d.due_at > now]
        return due[::-1] if self.faults.for_batch(len(due)) else due

    def _send(self, delivery: Delivery) -> int:
        fault = self.faults.for_delivery(delivery.event)
        if fault == "drop":
            return 0
        if fault == "double":
            self._try(delivery)
        status = self._try(delivery)
        wait = deliveries.next_try(self.flavour, delivery, status)
        if wait is not None:
            with self.lock:
                delivery.attempt += 1
                delivery.due_at = self.now() + wait
                self._pending.append(delivery)
                self.something_pending.notify_all()
        return int(status is not None and 200 <= status < 300)

    def _try(self, delivery: Delivery) -> int | None:
        try:
            status: int | None = self._post(
                delivery.url, delivery.body, deliveries.headers(self.flavour, delivery)
            )
        except OSError:
            status = None
        with self.lock:
            self.attempts.append(
                Attempt(
                    delivery.identifier,
                    delivery.webhook_id,
                    delivery.event,
                    delivery.issue_key,
                    delivery.attempt,
                    status,
                    self.now(),
                )
            )
        return status

    # Plain words into REST form

    def _plain(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        plain: dict[str, Any] = {}
        for name, value in fields.items():
            field = self.field_named(name)
            plain[field.id if field else name] = self._plain_value(field, value)
        return plain

    def _plain_value(self, field: Field | None, value: Any) -> Any:
        if field is not None and field.kind == "options" and isinstance(value, list | tuple):
            return [{"value": part} if isinstance(part, str) else part for part in value]
        if field is None or not isinstance(value, str | date):
            return value
        if isinstance(value, datetime):
            return jira_time(value)
        if isinstance(value, date):
            return value.isoformat()
        if field.id == "project":
            return {"key": value}
        if field.id in _BY_NAME:
            return {"name": value}
        if field.kind == "option":
            return {"value": value}
        return self._user(value) if field.kind == "user" else value

    def _user(self, name: str | None) -> dict[str, str] | None:
        if name is None:
            return None
        account: Account = self.account(name)
        return {"accountId": account.account_id} if self.cloud else {"name": account.name}
