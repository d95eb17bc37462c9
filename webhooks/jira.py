"""The one way from the settings to a client of Jira."""

from __future__ import annotations

from typing import TYPE_CHECKING

from config.settings import JiraAccess

if TYPE_CHECKING:
    from connector.client import Credentials, JiraClient


def client_for(access: JiraAccess, *, timeout: int = 20) -> JiraClient:
    """Get hold of the Jira that the settings name, as whom they name.

    Args:
        access: its address and how to sign in.
        timeout: seconds to wait for a connection, and again for an answer.

    Raises:
        ConnectorError: the address or the credentials cannot be such.
        JiraRefused, JiraUnreachable: the site was asked what it is, and did not say.
    """
    # What makes calls is a fifth of all that a service imports, and hearing Jira needs none of it.
    from connector.client import Atlassian, connect

    return connect(
        access.url,
        credentials_of(access),
        flavour=access.flavour,
        timeout=timeout,
        atlassian=Atlassian(access.atlassian_gateway, access.atlassian_auth),
    )


def credentials_of(access: JiraAccess) -> Credentials:
    """How the settings say to sign in."""
    from connector.client import ApiToken, BearerToken, ClientCredentials

    if access.client_secret is not None:
        return ClientCredentials(access.client_id, access.client_secret.reveal())
    if access.token is None:
        raise TypeError("JiraAccess holds a token or a client's secret; see require_jira.")
    token = access.token.reveal()
    return ApiToken(access.user, token) if access.user else BearerToken(token)
