"""Webhook registrations, in the two forms that Jira knows: the old path, and Data Center 10's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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
_FILTER = "issue-related-events-section"


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
