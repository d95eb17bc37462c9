"""How to get hold of a Jira: its flavour is asked for, and the right client handed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from connector import facts
from connector.advice import elsewhere
from connector.base import (
    Field,
    Flavour,
    History,
    JiraClient,
    ServerInfo,
    info_of,
)
from connector.cloud import CloudClient
from connector.datacenter import DataCenterClient
from connector.errors import Call, JiraRefused
from connector.jira_library import Jira, JiraCloud
from connector.registrations import Webhook
from connector.rest import Rest, Session
from connector.sign_in import (
    ATLASSIAN,
    ApiToken,
    Atlassian,
    BearerToken,
    ClientCredentials,
    Credentials,
    WayIn,
    checked_address,
)
from connector.values import to_jira_value

__all__ = [
    "ApiToken",
    "Atlassian",
    "BearerToken",
    "ClientCredentials",
    "CloudClient",
    "Credentials",
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
    credentials: Credentials,
    *,
    flavour: Flavour | None = None,
    timeout: int = 20,
    atlassian: Atlassian = ATLASSIAN,
    monotonic: Callable[[], float] = time.monotonic,
) -> JiraClient:
    """Get hold of a site.

    Args:
        url: the address of Jira, with the path under which it is served, if any. On Cloud the
            site's own will do for every kind of token: Atlassian's gateway is found where it is
            needed.
        credentials: how to sign in.
        flavour: what the site is; None: it is asked.
        timeout: seconds to wait for a connection, and again for an answer.
        atlassian: where Atlassian's gateway and its access tokens are.
        monotonic: seconds of real time from any start, for the life of access tokens.

    Raises:
        ConnectorError: the address or the credentials cannot be such.
        JiraRefused, JiraUnreachable: the site was asked what it is, and did not say.
    """
    address = checked_address(url)
    way_in = WayIn(
        address,
        credentials,
        flavour=flavour,
        atlassian=atlassian,
        timeout=timeout,
        monotonic=monotonic,
    )

    def cloud() -> JiraCloud:
        return JiraCloud(address, session=Session(way_in), **_options(timeout))

    def datacenter() -> Jira:
        return Jira(address, session=Session(way_in), **_options(timeout))

    if flavour is None:
        flavour = _flavour_of(Rest(datacenter, way_in), address)
    if flavour == "cloud":
        return CloudClient(Rest(cloud, way_in))
    return DataCenterClient(Rest(datacenter, way_in))


def _flavour_of(rest: Rest, address: str) -> Flavour:
    # Cloud serves version 2 as well.
    call = Call("reading about the server", None, "GET /rest/api/2/serverInfo")
    found = rest.ask(call.what, None, lambda client: client.get("rest/api/2/serverInfo"))
    if not facts.member(found, "version") and not facts.member(found, "deploymentType"):
        told = "an answer that is not Jira's"
        raise JiraRefused(call, told, status=200, advice=elsewhere(address))
    return info_of(found).flavour


def _options(timeout: int) -> Mapping[str, Any]:
    return {
        "timeout": timeout,
        "advanced_mode": True,
        "retry_with_header": False,
        "backoff_and_retry": False,
    }
