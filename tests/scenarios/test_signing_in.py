"""Tokens that end, that are good elsewhere, that are not to be had for a while: nothing is lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from config.settings import Secret
from connector.simulator import DUELINE
from tests.scenarios.world import World

pytestmark = pytest.mark.one_database("sqlite")

ENTERPRISE = {"Support plan": "Enterprise"}
SCOPES = (
    "read:jira-work", "write:jira-work", "read:jira-user", "manage:jira-configuration",
    "write:servicedesk-request", "read:servicedesk-request",
)  # fmt: skip


def sign_in_anew(world: World, **settings: Any) -> None:
    """Start the service again with another way to sign in."""
    world.stop()
    there: dict[str, Any] = {"atlassian_gateway": world.url, "atlassian_auth": world.url}
    world.settings = replace(world.settings, **there, **settings)
    world.start()


def as_client(world: World) -> None:
    scopes = SCOPES if world.jira.cloud else ("WRITE",)
    world.jira.make_client(DUELINE, "c1", "s1", scopes=scopes)
    sign_in_anew(
        world,
        jira_user="",
        jira_token=None,
        jira_client_id="c1",
        jira_client_secret=Secret("s1"),
    )
    world.jira.requests.clear()


def tokens_asked_for(world: World) -> int:
    ends = ("/oauth/token", "/oauth2/latest/token")
    return sum(request.path.endswith(ends) for request in world.jira.requests)


def test_a_day_on_access_tokens_that_last_an_hour(anywhere: World) -> None:
    as_client(anywhere)
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(timedelta(hours=7))
    assert len(anywhere.said(key)) == 5
    assert anywhere.fields(key)["SLA state"] == "breached"
    refused = [request for request in anywhere.jira.requests if request.status == 401]
    assert tokens_asked_for(anywhere) == len(refused) > 1


def test_while_no_token_is_to_be_had_nothing_is_lost(anywhere: World) -> None:
    as_client(anywhere)
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.tokens.clear()
    anywhere.jira.faults.error(503, path="token$", times=10_000)
    anywhere.advance(timedelta(hours=1))
    assert anywhere.said(key) == []
    assert "signing in" in anywhere.service.troubles["jira"]
    anywhere.jira.faults.clear()
    anywhere.advance(timedelta(minutes=10))
    assert anywhere.fields(key)["SLA state"] == "breached"
    assert len(anywhere.said(key)) == 3
    assert "jira" not in anywhere.service.troubles


@pytest.mark.parametrize("status", [401, 404])
def test_a_site_that_shuts_for_a_while(anywhere: World, status: int) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.faults.html(status, times=10_000)
    anywhere.advance(timedelta(hours=1))
    anywhere.jira.faults.clear()
    anywhere.advance(timedelta(minutes=10))
    assert len(anywhere.said(key)) == 3


def test_links_lead_to_the_site_although_calls_go_to_the_gateway(cloud: World) -> None:
    cloud.jira.make_token(DUELINE, "sc0ped", scopes=SCOPES)
    sign_in_anew(cloud, jira_token=Secret("sc0ped"))
    cloud.jira.requests.clear()
    key = cloud.report("HLP", ENTERPRISE)
    cloud.advance(timedelta(hours=1))
    paths = {request.path for request in cloud.jira.requests if request.account == DUELINE}
    assert paths
    assert all(path.startswith("/ex/jira/") for path in paths)
    written = repr([cloud.jira.issue(key).comments, cloud.fields(key)])
    assert len(cloud.said(key)) == 3
    assert "/ex/jira" not in written
