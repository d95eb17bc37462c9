"""Webhook registrations: of administrators, in the old form and Data Center 10's, and of apps."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connector.simulator.errors import JiraError
from connector.simulator.model import Account, Webhook
from connector.simulator.present import Json
from connector.simulator.world import World

EVENTS = frozenset(
    {
        "jira:issue_created",
        "jira:issue_updated",
        "jira:issue_deleted",
        "comment_created",
        "comment_updated",
        "comment_deleted",
        "issuelink_created",
        "issuelink_deleted",
        # Known to Jira, never sent by the simulator.
        "worklog_created",
        "worklog_updated",
        "worklog_deleted",
        "issue_property_set",
        "issue_property_deleted",
    }
)
APP_EVENTS = frozenset(
    {
        *(f"jira:issue_{what}" for what in ("created", "updated", "deleted")),
        *(f"comment_{what}" for what in ("created", "updated", "deleted")),
        *(f"issue_property_{what}" for what in ("set", "deleted")),
        *(f"sprint_{what}" for what in ("created", "updated", "closed", "deleted", "started")),
        *(
            f"jira:version_{what}"
            for what in (
                "released", "unreleased", "created", "moved", "updated", "merged", "deleted",
            )
        ),
    }
)  # fmt: skip
"""What an app may ask for with a webhook of its own."""
_FILTER = "issue-related-events-section"
_APP_LIFE = timedelta(days=30)
_MOST_OF_AN_APP = 5
_APP_FIELDS = frozenset(
    {"issuekey", "project", "issuetype", "status", "assignee", "reporter", "issue.property"}
)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_CLAUSE = re.compile(
    r"(?P<field>[a-z][\w.\[\]]*) \s* "
    r"(?P<operator>!?=|!?~|[<>]=?|\bnot\s+in\b|\bin\b|\bis\b|\bwas\b|\bchanged\b)",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a registration asks for, whichever form it came in."""

    name: str
    url: str
    events: list[str]
    jql: str
    exclude_body: bool
    enabled: bool
    secret: str | None


def read_classic(given: Mapping[str, Any]) -> Wanted:
    """Read the form of /rest/webhooks/1.0/webhook."""
    filters = given.get("filters") or {}
    return Wanted(
        name=str(given.get("name") or ""),
        url=str(given.get("url") or ""),
        events=list(given.get("events") or []),
        jql=str(filters.get(_FILTER) or ""),
        exclude_body=bool(given.get("excludeBody", False)),
        enabled=bool(given.get("enabled", True)),
        secret=given.get("secret"),
    )


def read_configured(given: Mapping[str, Any]) -> Wanted:
    """Read the form of /rest/jira-webhook/1.0/webhooks.

    Secret and filter count only inside `configuration`; elsewhere Data Center ignores them.
    """
    configuration = given.get("configuration") or {}
    return Wanted(
        name=str(given.get("name") or ""),
        url=str(given.get("url") or ""),
        events=list(given.get("events") or []),
        jql=str(configuration.get("FILTERS") or ""),
        exclude_body=str(configuration.get("EXCLUDE_BODY", "false")).lower() == "true",
        enabled=bool(given.get("active", True)),
        secret=configuration.get("SECRET"),
    )


def show_classic(world: World, webhook: Webhook) -> Json:
    """Show a registration as the old path does: never its secret."""
    account = world.account(webhook.updated_by)
    return {
        "name": webhook.name,
        "url": webhook.url,
        "excludeBody": webhook.exclude_body,
        "filters": {_FILTER: webhook.jql},
        "events": list(webhook.events),
        "enabled": webhook.enabled,
        "isSigned": bool(webhook.secret),
        "self": f"{world.base_url}/rest/webhooks/1.0/webhook/{webhook.id}",
        "lastUpdatedUser": world.user_id(account.email),
        "lastUpdatedDisplayName": account.display_name,
        "lastUpdated": int(webhook.updated.timestamp() * 1000),
    }


def show_configured(world: World, webhook: Webhook) -> Json:
    """Show a registration as Data Center 10 does: never its secret."""
    return {
        "id": int(webhook.id),
        "name": webhook.name,
        "url": webhook.url,
        "events": list(webhook.events),
        "active": webhook.enabled,
        "scopeType": "global",
        "configuration": {
            "EXCLUDE_BODY": str(webhook.exclude_body).lower(),
            "FILTERS": webhook.jql,
        },
        "isSigned": bool(webhook.secret),
        "self": f"{world.base_url}/rest/jira-webhook/1.0/webhooks/{webhook.id}",
    }


def check(wanted: Wanted) -> None:
    """Refuse a registration without a name, an address or known events."""
    problems = []
    if not wanted.name.strip():
        problems.append("The webhook name must not be empty.")
    if not wanted.url.startswith(("http://", "https://")):
        problems.append(f"The webhook URL '{wanted.url}' is not valid.")
    unknown = sorted(str(e) for e in wanted.events if e not in EVENTS)
    if unknown:
        problems.append(f"Unknown webhook events: {', '.join(unknown)}.")
    if problems:
        raise JiraError(
            400, body={"messages": [{"key": problem, "arguments": []} for problem in problems]}
        )


def merged(webhook: Webhook, given: Mapping[str, Any], wanted: Wanted) -> Wanted:
    """Return what an update leaves: keys that were not given stay, the secret among them."""
    configuration = given.get("configuration") or {}
    filtered = "FILTERS" in configuration or "filters" in given
    excluded = "EXCLUDE_BODY" in configuration or "excludeBody" in given
    return Wanted(
        name=wanted.name or webhook.name,
        url=wanted.url or webhook.url,
        events=wanted.events if "events" in given else webhook.events,
        jql=wanted.jql if filtered else webhook.jql,
        exclude_body=wanted.exclude_body if excluded else webhook.exclude_body,
        enabled=wanted.enabled if {"enabled", "active"} & set(given) else webhook.enabled,
        secret=wanted.secret if wanted.secret is not None else webhook.secret,
    )


def registration(world: World, webhook_id: str, wanted: Wanted, account: Account) -> Webhook:
    """Return the registration as the site keeps it."""
    return Webhook(
        webhook_id,
        wanted.name,
        wanted.url,
        list(wanted.events),
        wanted.jql,
        wanted.exclude_body,
        wanted.enabled,
        wanted.secret or None,
        account.email,
        world.now(),
    )


def of_app(world: World, webhooks: Mapping[str, Webhook], app: Account) -> list[Webhook]:
    """Return the webhooks that an app registered for itself and that are still alive."""
    return [
        webhook
        for webhook in webhooks.values()
        if webhook.expires_at is not None
        and webhook.expires_at > world.now()
        and webhook.updated_by == app.email
    ]


def app_problems(given: Mapping[str, Any], url: str, mine: list[Webhook]) -> Iterator[str]:
    """Say why an app may not have a webhook; events and filter are as it gave them."""
    used = next((webhook.url for webhook in mine if webhook.url != url), None)
    if used:
        yield (
            "Only a single URL per app is allowed to be registered via REST API. "
            f"Currently used URL is {used}"
        )
    if len(mine) >= _MOST_OF_AN_APP:
        yield f"An app may have {_MOST_OF_AN_APP} webhooks of one user at most."
    filter_ = str(given.get("jqlFilter") or "")
    bare = _QUOTED.sub("x", filter_)
    clauses = list(_CLAUSE.finditer(bare))
    if not clauses or re.search(r"\border\s+by\b", bare, re.IGNORECASE):
        yield "The JQL filter must be a condition, without an order."
    for clause in clauses:
        if clause["field"].lower() not in _APP_FIELDS:
            yield f"The clause {clause['field']} is unsupported"
        elif " ".join(clause["operator"].lower().split()) not in {"=", "!=", "in", "not in"}:
            yield f"The operator {clause['operator']} is unsupported"


def app_registration(
    world: World, webhook_id: str, given: Mapping[str, Any], url: str, app: Account
) -> Webhook:
    """Return an app's registration as the site keeps it, for thirty days."""
    events, jql = list(given.get("events") or []), str(given.get("jqlFilter") or "")
    wanted = Wanted("", url, events, jql, exclude_body=False, enabled=True, secret=None)
    made = registration(world, webhook_id, wanted, app)
    refresh(world, made)
    return made


def refresh(world: World, webhook: Webhook) -> None:
    """Let an app's webhook live for thirty days from now."""
    webhook.expires_at = world.now() + _APP_LIFE


def show_app(webhook: Webhook) -> Json:
    """Show an app's registration."""
    return {
        "id": int(webhook.id),
        "url": webhook.url,
        "events": list(webhook.events),
        "jqlFilter": webhook.jql,
        "expirationDate": expiry(webhook),
    }


def expiry(webhook: Webhook) -> int:
    """Return until when an app's webhook lives, in milliseconds."""
    return int(webhook.expires_at.timestamp() * 1000) if webhook.expires_at else 0
