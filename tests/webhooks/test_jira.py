"""From the settings to a client: each way to sign in, as an administrator gives it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from config.settings import Flavour, Settings
from connector.simulator import DUELINE, Simulator, running
from webhooks.jira import client_for

SCOPES = ("read:jira-work", "write:jira-work", "read:jira-user")
PERSON = {"DUELINE_JIRA_USER": DUELINE}
CLIENT = {"DUELINE_JIRA_CLIENT_ID": "c1", "DUELINE_JIRA_CLIENT_SECRET": "s1"}
WAYS: tuple[tuple[Flavour, dict[str, str]], ...] = (
    ("cloud", PERSON | {"DUELINE_JIRA_TOKEN": "cl4ss1c"}),
    ("cloud", PERSON | {"DUELINE_JIRA_TOKEN": "sc0ped"}),
    ("cloud", {"DUELINE_JIRA_TOKEN": "sc0ped"}),
    ("cloud", CLIENT),
    ("datacenter", {"DUELINE_JIRA_TOKEN": "cl4ss1c"}),
    ("datacenter", {"DUELINE_JIRA_USER": "dueline", "DUELINE_JIRA_TOKEN": "simulator"}),
    ("datacenter", CLIENT),
)


@pytest.mark.parametrize(("flavour", "way"), WAYS)
def test_signing_in(flavour: Flavour, way: dict[str, str]) -> None:
    sim = Simulator(now=lambda: datetime(2026, 11, 20, tzinfo=UTC), flavour=flavour)
    sim.make_token(DUELINE, "cl4ss1c")
    sim.make_token(DUELINE, "sc0ped", scopes=SCOPES)
    sim.make_client(DUELINE, "c1", "s1", scopes=SCOPES if sim.cloud else ["WRITE"])
    issue = sim.create_issue(project="BOT", summary="Broken")
    with running(sim) as url:
        settings = Settings.from_environment(
            {
                "DUELINE_JIRA_URL": url,
                "DUELINE_ATLASSIAN_GATEWAY": url,
                "DUELINE_ATLASSIAN_AUTH": url,
                **way,
            }
        )
        client = client_for(settings.require_jira(webhook=False))
        me = sim.account(DUELINE)
        assert client.myself() == (me.account_id if sim.cloud else me.key)
        client.add_comment(issue.key, "Hello", key="k", internal=False, role=None)
    assert issue.comments[-1].author == DUELINE
