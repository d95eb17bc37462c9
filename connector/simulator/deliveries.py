"""Webhook deliveries: what is waiting, how it is signed, and when it is tried again."""

from __future__ import annotations

import hashlib
import hmac
import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import requests

from connector.simulator.model import Event, Flavour, Webhook

Post = Callable[[str, bytes, Mapping[str, str]], int]

# Cloud tries five times more, the last of them about half an hour late. The steps are ours.
RETRY_DELAYS = tuple(timedelta(seconds=s) for s in (10, 30, 120, 420, 1200))
_RETRIED = frozenset({408, 409, 425, 429})
_NAMESPACE = uuid.UUID("5f3c1f43-5b0f-4c55-9c14-6a7d3a0f9d11")
_VARIABLE = re.compile(r"\$?\{([a-z]+\.[a-z]+)\}")


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook; `attempt` counts the tries that failed."""

    identifier: str
    webhook_id: str
    url: str
    event: str
    issue_key: str
    body: bytes
    secret: str | None
    due_at: datetime
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try to deliver: `status` is what the receiver answered, or None when nothing came."""

    identifier: str
    webhook_id: str
    event: str
    issue_key: str
    attempt: int
    status: int | None
    at: datetime


def of_apps(webhooks: Iterable[Webhook]) -> list[list[Webhook]]:
    """Return the webhooks that apps registered for themselves, app by app."""
    apps: dict[str, list[Webhook]] = {}
    for webhook in webhooks:
        if webhook.expires_at is not None:
            apps.setdefault(webhook.updated_by, []).append(webhook)
    return list(apps.values())


def delivery(number: int, webhook: Webhook, event: Event, body: bytes) -> Delivery:
    """Return what has to be sent to a webhook about an event."""
    return Delivery(
        identifier=str(uuid.uuid5(_NAMESPACE, f"{webhook.id} {number} {event.at.isoformat()}")),
        webhook_id=webhook.id,
        url=_address(webhook.url, event),
        event=event.name,
        issue_key=event.issue.key,
        body=b"" if webhook.exclude_body else body,
        secret=webhook.secret,
        due_at=event.at,
    )


def _address(url: str, event: Event) -> str:
    known = {
        "issue.key": event.issue.key,
        "issue.id": event.issue.id,
        "project.key": event.issue.project.key,
        "project.id": event.issue.project.id,
        "comment.id": event.comment.id if event.comment else "",
    }
    return _VARIABLE.sub(lambda found: known.get(found[1], found[0]), url)


def headers(flavour: Flavour, sent: Delivery) -> dict[str, str]:
    """Return the headers of the next try; Data Center sends no identifier."""
    named = {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": "Atlassian HttpClient",
    }
    if flavour == "cloud":
        named["User-Agent"] = "Atlassian Webhook HTTP Client"
        named["X-Atlassian-Webhook-Identifier"] = sent.identifier
        named["X-Atlassian-Webhook-Flow"] = "Primary"
        if sent.attempt:
            named["X-Atlassian-Webhook-Retry"] = str(sent.attempt)
    if sent.secret:
        named["X-Hub-Signature"] = signature(sent.secret, sent.body)
    return named


def signature(secret: str, body: bytes) -> str:
    """Return the value of X-Hub-Signature (WebSub) over the raw body."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def next_try(flavour: Flavour, tried: Delivery, status: int | None) -> timedelta | None:
    """Return how long to wait before the next try, or None when there is none.

    Cloud tries again after silence, 408, 409, 425, 429 and 5xx; Data Center never does.
    """
    worth_it = status is None or status in _RETRIED or status >= 500
    if flavour != "cloud" or not worth_it or tried.attempt >= len(RETRY_DELAYS):
        return None
    return RETRY_DELAYS[tried.attempt]


def post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    """Send a delivery as Jira does: 5 s to connect, 20 s to be answered.

    Raises `OSError` (as all of `requests` does) when no answer comes.
    """
    with requests.Session() as session:
        session.trust_env = False
        answer = session.post(
            url, data=body, headers=headers, timeout=(5, 20), allow_redirects=False
        )
        return answer.status_code
