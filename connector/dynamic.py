"""Dynamic webhooks: those that an OAuth app of Jira Cloud registers for itself, for thirty days.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-webhooks/: all of an app go to
one address, are filtered by a part of JQL, carry no signature, and end unless they are refreshed.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from connector import facts
from connector.errors import JiraRefused, SetupError
from connector.facts import Json
from connector.paging import pages
from connector.registrations import hidden_by, only

if TYPE_CHECKING:
    from connector.rest import Rest

EVENTS = (
    "jira:issue_created",
    "jira:issue_updated",
    "jira:issue_deleted",
    "comment_created",
    "comment_updated",
    "comment_deleted",
)
"""What Jira is asked to tell; of links it tells an app only by the issues' own updates."""
REFRESHED_BEFORE = timedelta(days=15)
"""How long before its end a webhook is refreshed: half of its life, so that no short absence of
this service ends it."""
_TOKEN = re.compile(r"/token/[^\s\"']+")
"""What keeps others out of the address, which Jira repeats where it refuses a second one."""
_ONLY_APPS = (
    "Jira lets only apps register dynamic webhooks (OAuth 2.0 with three legs, or Connect), and "
    "these credentials are not an app's; client credentials of a service account do not count. "
    "Register an administrator's webhook instead, or make a rule of Jira automation."
)


@dataclass(frozen=True, slots=True)
class DynamicWebhook:
    """A webhook of the app whose credentials are used."""

    id: int
    url: str
    events: tuple[str, ...]
    jql: str
    expires_at: datetime | None
    """None where Jira does not say."""


class DynamicRegistrations:
    """The part of a client of Cloud that is about an app's own webhooks.

    Every call raises `SetupError` where the credentials are not an app's.
    """

    _rest: Rest

    def dynamic_webhooks(self) -> tuple[DynamicWebhook, ...]:
        """Every webhook of this app."""

        def read(start: int) -> Json:
            return self._rest.ask(
                "reading the app's webhooks",
                None,
                lambda client: client.get_dynamic_webhooks_for_app(start_at=start),
            )

        try:
            return tuple(map(_webhook_of, pages(read, "values")))
        except JiraRefused as refused:
            raise _told(refused) from None

    def register_dynamic_webhook(self, url: str, events: Collection[str], jql: str) -> int:
        """Have Jira post events of the issues that `jql` finds to `url`; the webhook's id."""
        data = {"url": url, "webhooks": [{"events": list(events), "jqlFilter": jql}]}
        try:
            made = self._rest.tell(
                "registering the app's webhook",
                None,
                lambda client: client.register_dynamic_webhooks(data=data),
                secret=url,
            )
        except JiraRefused as refused:
            raise _told(refused) from None
        (result, *_) = [*facts.items(facts.member(made, "webhookRegistrationResult")), None]
        found = facts.identifier(facts.member(result, "createdWebhookId"))
        if found is None or not found.isdecimal():
            reasons = " ".join(map(str, facts.items(facts.member(result, "errors"))))
            said = _TOKEN.sub("/token/***", reasons) or "no reason given"
            raise SetupError(f"Jira did not register the app's webhook: {said}")
        return int(found)

    def refresh_dynamic_webhooks(self, ids: Collection[int]) -> datetime | None:
        """Let webhooks live for another thirty days; until when, if Jira says so."""
        data = {"webhookIds": list(ids)}
        try:
            answer = self._rest.tell(
                "refreshing the app's webhooks",
                None,
                lambda client: client.refresh_webhooks(data=data),
            )
        except JiraRefused as refused:
            raise _told(refused) from None
        return facts.instant(facts.member(answer, "expirationDate"))

    def delete_dynamic_webhooks(self, ids: Collection[int]) -> None:
        """End webhooks of this app."""
        data = {"webhookIds": list(ids)}
        try:
            self._rest.tell(
                "deleting the app's webhooks",
                None,
                lambda client: client.delete_webhook_by_id(data=data),
            )
        except JiraRefused as refused:
            raise _told(refused) from None


def set_up_dynamic_webhook(
    client: DynamicRegistrations, url: str, projects: Collection[str], now: datetime
) -> str:
    """Have Jira tell an app what Dueline needs to hear, of some projects.

    Args:
        client: the site, with an app's credentials.
        url: where Jira shall post to; it holds a secret, since nothing is signed.
        projects: by their keys.
        now: the present instant.

    Returns:
        What became of the webhook: `made`, `mended`, or `there already`.

    Raises:
        SetupError: the credentials are not an app's, or Jira refuses the webhook.
        JiraError: Jira refused.
    """
    mine = [each for each in client.dynamic_webhooks() if each.url == url]
    good = [each for each in mine if _does(each, projects)]
    if good:
        refresh_dynamic_webhooks(client, now)
        return "there already"
    client.register_dynamic_webhook(url, EVENTS, only(projects))
    if not mine:
        return "made"
    # Nothing changes a webhook of an app: the new one is there before the old one goes.
    client.delete_dynamic_webhooks([each.id for each in mine])
    return "mended"


def refresh_dynamic_webhooks(
    client: DynamicRegistrations, now: datetime
) -> tuple[DynamicWebhook, ...]:
    """Refresh those webhooks of an app that would end soon.

    Args:
        client: the site, with an app's credentials.
        now: the present instant.

    Returns:
        All that the app has, as they were found.

    Raises:
        SetupError: the credentials are not an app's.
        JiraError: Jira refused.
    """
    mine = client.dynamic_webhooks()
    soon = now + REFRESHED_BEFORE
    old = [each.id for each in mine if each.expires_at is None or each.expires_at < soon]
    if old:
        client.refresh_dynamic_webhooks(old)
    return mine


def _does(webhook: DynamicWebhook, projects: Collection[str]) -> bool:
    return set(EVENTS) <= set(webhook.events) and not hidden_by(webhook.jql, projects)


def _webhook_of(answer: Json) -> DynamicWebhook:
    number = facts.identifier(facts.member(answer, "id")) or ""
    return DynamicWebhook(
        int(number) if number.isdecimal() else 0,
        str(facts.member(answer, "url") or ""),
        tuple(str(event) for event in facts.items(facts.member(answer, "events"))),
        str(facts.member(answer, "jqlFilter") or ""),
        facts.instant(facts.member(answer, "expirationDate")),
    )


def _told(refused: JiraRefused) -> SetupError | JiraRefused:
    return SetupError(_ONLY_APPS) if refused.status == 403 else refused
