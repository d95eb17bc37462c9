"""Preparing a Jira for Dueline: the SLA fields, and the webhook when an address is given."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from config.errors import ConfigurationError
from config.settings import Settings
from connector.dynamic import DynamicRegistrations, set_up_dynamic_webhook
from connector.errors import SetupError
from connector.setup import set_up, set_up_webhook
from sla.errors import StoreError
from webhooks.databases import opened
from webhooks.jira import client_for
from webhooks.renewing import look_anew
from webhooks.service import DEFAULT_SITE

_ABOUT_SECRETS = {
    "there already": (
        "; Jira does not tell its secret, so delete it there first to have it made anew"
    )
}


def set_up_jira(
    settings: Settings,
    fields: Mapping[str, str],
    webhook_url: str | None,
    *,
    projects: Collection[str] = (),
) -> Iterator[str]:
    """Find or make the SLA fields, and register the webhook; a line for each thing done.

    Args:
        settings: where Jira is and who Dueline is there.
        fields: by role the name or the id of the field, as `site.yaml` has them.
        webhook_url: where Jira shall post to; None leaves webhooks alone.
        projects: the keys of those that the webhook must not hide.

    Raises:
        ConfigurationError: a setting is missing.
        ConnectorError: Jira cannot be reached or refuses; what could be done was done.
    """
    access = settings.require_jira(webhook=webhook_url is not None)
    client = client_for(access)
    server = client.server_info()
    yield f"{server.base_url}: Jira {server.flavour} {server.version}, as {client.myself()}"
    report = set_up(client, fields)
    yield from report.lines()
    if webhook_url is not None:
        if not access.webhook_secrets:
            raise ConfigurationError("DUELINE_WEBHOOK_SECRET is not set: a webhook must be signed")
        # The newest of several secrets: the older ones are on their way out.
        secret = access.webhook_secrets[-1].reveal()
        outcome = set_up_webhook(client, webhook_url, secret, projects=projects)
        yield f"webhook to {webhook_url}: {outcome}{_ABOUT_SECRETS.get(outcome, ', signed')}"
    if report.hidden:
        raise SetupError(
            "Not every field could be put on screens: docs/rights.md says how it is done by hand."
        )


def set_up_dynamic(settings: Settings, projects: Collection[str], now: datetime) -> Iterator[str]:
    """Register an app's own webhook, which needs no administrator; a line for each thing done.

    Args:
        settings: where Jira is, an app's credentials, where Dueline is, and the token in the
            webhook's address, which is what keeps others out: such webhooks are not signed.
        projects: the keys of those that are to be heard.
        now: the present instant.

    Raises:
        ConfigurationError: a setting is missing.
        ConnectorError: Jira cannot be reached or refuses.
    """
    access = settings.require_jira()
    if not (settings.public_url and access.webhook_tokens):
        raise ConfigurationError(
            "DUELINE_PUBLIC_URL and DUELINE_WEBHOOK_TOKEN are needed: an app's webhooks are not "
            "signed, so that they come to an address with a token in it"
        )
    client = client_for(access)
    if not isinstance(client, DynamicRegistrations):
        raise SetupError(
            "Data Center has no webhooks of apps: register an administrator's instead."
        )
    path = f"{settings.public_url}/webhooks/jira/token/"
    url = path + access.webhook_tokens[-1].reveal()
    outcome = set_up_dynamic_webhook(client, url, projects, now)
    # Before the first start there is no database, and nothing was found yet.
    with suppress(StoreError), opened(settings) as database:
        database.write(lambda c: look_anew(c, DEFAULT_SITE))
    yield f"app's webhook to {path}***: {outcome}; refreshed by the service while it runs"
