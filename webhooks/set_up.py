"""Preparing a Jira for Dueline: the SLA fields, and the webhook when an address is given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from config.errors import ConfigurationError
from config.settings import Settings
from connector.client import connect
from connector.setup import set_up, set_up_webhook

_ABOUT_SECRETS = {
    "there already": (
        "; Jira does not tell its secret, so delete it there first to have it made anew"
    )
}


def set_up_jira(
    settings: Settings, fields: Mapping[str, str], webhook_url: str | None
) -> Iterator[str]:
    """Find or make the SLA fields, and register the webhook; a line for each thing done.

    Args:
        settings: where Jira is and who Dueline is there.
        fields: by role the name or the id of the field, as `site.yaml` has them.
        webhook_url: where Jira shall post to; None leaves webhooks alone.

    Raises:
        ConfigurationError: a setting is missing.
        ConnectorError: Jira cannot be reached or refuses.
    """
    access = settings.require_jira(webhook=webhook_url is not None)
    client = connect(access.url, access.user, access.token.reveal(), flavour=access.flavour)
    server = client.server_info()
    yield f"{server.base_url}: Jira {server.flavour} {server.version}, as {client.myself()}"
    yield from set_up(client, fields).lines()
    if webhook_url is None:
        return
    if not access.webhook_secrets:
        raise ConfigurationError("DUELINE_WEBHOOK_SECRET is not set: a webhook must be signed")
    # The newest of several secrets: the older ones are on their way out.
    outcome = set_up_webhook(client, webhook_url, access.webhook_secrets[-1].reveal())
    yield f"webhook to {webhook_url}: {outcome}{_ABOUT_SECRETS.get(outcome, ', signed')}"
