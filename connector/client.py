"""How to get hold of a Jira: its flavour is asked for, and the right client handed out."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from atlassian.jira import Jira, JiraCloud

from connector.base import (
    Field,
    Flavour,
    History,
    JiraClient,
    ServerInfo,
    Webhook,
    info_of,
    to_jira_value,
)
from connector.cloud import CloudClient
from connector.datacenter import DataCenterClient
from connector.errors import ConnectorError
from connector.rest import Rest, Session

__all__ = [
    "CloudClient",
    "DataCenterClient",
    "Field",
    "Flavour",
    "History",
    "JiraClient",
    "ServerInfo",
    "Webhook",
    "connect",
    "to_jira_value",
]


def connect(
    url: str,
    user: str | None,
    token: str,
    *,
    flavour: Flavour | None = None,
    timeout: int = 20,
) -> JiraClient:
    """Get hold of a site.

    Args:
        url: the address of Jira, with the path under which it is served, if any; for a scoped token
            https://api.atlassian.com/ex/jira/<cloudId>.
        user: the account's e-mail address or user name; None or empty when the token stands alone
            (a personal access token, or one of OAuth).
        token: the API token or password.
        flavour: what the site is; None: it is asked.
        timeout: seconds to wait for a connection, and again for an answer.

    Raises:
        ConnectorError: the address or the credentials cannot be such.
        JiraRefused, JiraUnreachable: the site was asked what it is, and did not say.
    """
    address = _checked_address(url)
    secret = _checked_token(token)
    secrets = _as_sent(user, secret)
    options = _options(user, secret, timeout)

    def cloud() -> JiraCloud:
        return JiraCloud(address, session=Session(), **options)

    def datacenter() -> Jira:
        return Jira(address, session=Session(), **options)

    if flavour is None:
        flavour = _flavour_of(datacenter, secrets)
    if flavour == "cloud":
        return CloudClient(Rest(cloud, secrets))
    return DataCenterClient(Rest(datacenter, secrets))


def _flavour_of(make: Callable[[], Jira], secrets: tuple[str, ...]) -> Flavour:
    # Cloud serves version 2 as well.
    answer = Rest(make, secrets).ask(
        "reading about the server", None, lambda client: client.get("rest/api/2/serverInfo")
    )
    return info_of(answer).flavour


def _as_sent(user: str | None, token: str) -> tuple[str, ...]:
    """The token in each form that an answer may repeat of the request, the longest first."""
    if not user:
        return (token,)
    credentials = f"{user.strip()}:{token}"
    return (base64.b64encode(credentials.encode()).decode(), credentials, token)


def _options(user: str | None, token: str, timeout: int) -> Mapping[str, Any]:
    credentials = {"username": user.strip(), "password": token} if user else {"token": token}
    return {
        **credentials,
        "timeout": timeout,
        "advanced_mode": True,
        "retry_with_header": False,
        "backoff_and_retry": False,
    }


def _checked_address(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConnectorError(
            f"{url!r} is no address of a Jira; https://example.atlassian.net would be one."
        )
    if parts.username or parts.password:
        raise ConnectorError(
            f"The address of {parts.hostname} holds credentials; give the account and its token "
            "on their own."
        )
    return url.strip().rstrip("/")


def _checked_token(token: str) -> str:
    found = token.strip()
    if not found or not found.isascii() or not found.isprintable():
        raise ConnectorError(
            "The token is empty or holds characters that no token has; copy it anew from the "
            "account's settings."
        )
    return found
