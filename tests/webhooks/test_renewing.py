"""An app's own webhooks: registered by the command, and kept alive by the service."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.settings import Settings
from connector.dynamic import EVENTS
from connector.errors import SetupError
from connector.outlet import Holds, Judge, Outlet
from connector.simulator import CUSTOMER, DUELINE, ROBOT, Simulator, running
from sla.store.database import Database
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from webhooks.jira import client_for
from webhooks.renewing import LOOKED_AGAIN, LOOKED_AT_EVERY, WebhookKeeper
from webhooks.set_up import set_up_dynamic

TOKEN = "planted-path-token-0123456789-of-app"
PUBLIC = "https://dueline.example.com"
URL = f"{PUBLIC}/webhooks/jira/token/{TOKEN}"
PROJECTS = ("BOT", "BTL")
FILE = "dueline.sqlite3"
DAY = timedelta(days=1)


@dataclass
class Site:
    """A Jira, a database, and a clock."""

    jira: Simulator
    database: Database
    directory: Path
    at: list[datetime]
    troubles: dict[str, str] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        # As `new_database` names it.
        return settings(self.jira, DUELINE_DATABASE_URL=f"sqlite:///{self.directory}/{FILE}")

    def set_up(self, *projects: str) -> list[str]:
        return list(set_up_dynamic(self.settings, projects or PROJECTS, self.at[0]))

    def keeper(self) -> WebhookKeeper:
        client = client_for(self.settings.require_jira())
        outlets = {"default": Outlet(client, {}, {}, {})}
        judge = Judge(Holds(self.database, self.now), self.now, lambda: 0.5)
        return WebhookKeeper(self.database, self.now, outlets, judge, self.troubles)

    def now(self) -> datetime:
        return self.at[0]

    def asked(self) -> list[str]:
        found = [f"{each.method} {each.path}" for each in self.jira.requests]
        self.jira.requests.clear()
        return [each for each in found if "/webhook" in each]


def settings(jira: Simulator, **more: str) -> Settings:
    return Settings.from_environment({
        "DUELINE_JIRA_URL": jira.base_url,
        "DUELINE_JIRA_USER": ROBOT,
        "DUELINE_JIRA_TOKEN": "simulator",
        "DUELINE_JIRA_FLAVOUR": "cloud",
        "DUELINE_WEBHOOK_TOKEN": TOKEN,
        "DUELINE_PUBLIC_URL": PUBLIC,
        **more,
    })  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    at = [NINE]
    jira = Simulator(now=lambda: at[0])
    known = jira.account(ROBOT)
    jira.site.accounts[known.email] = replace(known, account_type="app")
    database = new_database(tmp_path)
    with running(jira):
        yield Site(jira, database, tmp_path, at)
    database.close()


def test_it_is_made_once_and_its_token_is_not_told(site: Site) -> None:
    (line,) = site.set_up()
    assert line.startswith(f"app's webhook to {PUBLIC}/webhooks/jira/token/***: made")
    (webhook,) = site.jira.webhooks.values()
    assert (webhook.url, webhook.secret, tuple(webhook.events)) == (URL, None, EVENTS)
    assert webhook.jql == 'project in ("BOT", "BTL")'
    assert "there already" in site.set_up()[0]
    assert len(site.jira.webhooks) == 1


def test_one_that_hides_a_project_gives_way_to_another(site: Site) -> None:
    site.set_up("BOT")
    (line,) = site.set_up()
    assert ": mended;" in line
    assert TOKEN not in line
    (webhook,) = site.jira.webhooks.values()
    assert webhook.jql == 'project in ("BOT", "BTL")'


def test_it_is_refused_in_words_that_help(site: Site) -> None:
    with pytest.raises(SetupError, match=r"only apps .* client credentials .* do not count"):
        list(set_up_dynamic(settings(site.jira, DUELINE_JIRA_USER=DUELINE), PROJECTS, NINE))
    site.set_up()
    moved = settings(site.jira, DUELINE_PUBLIC_URL="https://other.example.com")
    with pytest.raises(SetupError, match="Only a single URL per app") as raised:
        list(set_up_dynamic(moved, PROJECTS, NINE))
    assert TOKEN not in str(raised.value)
    with pytest.raises(ConfigurationError, match="DUELINE_PUBLIC_URL and DUELINE_WEBHOOK_TOKEN"):
        list(set_up_dynamic(settings(site.jira, DUELINE_PUBLIC_URL=""), PROJECTS, NINE))
    at_home = settings(site.jira, DUELINE_JIRA_FLAVOUR="datacenter")
    with pytest.raises(SetupError, match="Data Center has no webhooks of apps"):
        list(set_up_dynamic(at_home, PROJECTS, NINE))


def test_it_is_looked_at_daily_and_refreshed_when_half_its_life_is_over(site: Site) -> None:
    site.set_up()
    site.asked()
    keeper = site.keeper()
    refreshed: list[int] = []
    for day in range(40):
        for _ in range(3):
            keeper.run()
        asked = site.asked()
        assert asked[0] == "GET /rest/api/3/webhook"
        if asked[1:] == ["PUT /rest/api/3/webhook/refresh"]:
            refreshed.append(day)
        else:
            assert asked[1:] == []
        site.at[0] += DAY
    assert refreshed == [16, 32]
    (webhook,) = site.jira.webhooks.values()
    assert webhook.expires_at
    assert webhook.expires_at > site.at[0] + 20 * DAY
    assert site.troubles == {}


def test_one_that_ended_is_told_until_it_is_there_again(site: Site) -> None:
    site.set_up()
    keeper = site.keeper()
    keeper.run()
    site.at[0] += 31 * DAY
    keeper.run()
    assert "dueline setup --webhook-kind dynamic" in site.troubles["webhook"]
    # Another process, or the same one after a restart, whose turn it is not.
    site.troubles = {}
    other = site.keeper()
    other.run()
    assert "dueline setup --webhook-kind dynamic" in site.troubles["webhook"]
    site.set_up()
    other.run()
    assert site.troubles == {}


def test_one_that_ended_is_no_matter_of_credentials_that_are_not_an_app_s(site: Site) -> None:
    site.set_up()
    keeper = site.keeper()
    keeper.run()
    site.at[0] += 31 * DAY
    keeper.run()
    assert site.troubles
    known = site.jira.account(ROBOT)
    site.jira.site.accounts[known.email] = replace(known, account_type="atlassian")
    site.at[0] += LOOKED_AT_EVERY
    keeper.run()
    assert site.troubles == {}


def test_an_app_s_webhook_can_be_made_before_there_is_a_database(site: Site) -> None:
    missing = f"sqlite:///{site.directory}/none.sqlite3"
    (line,) = set_up_dynamic(settings(site.jira, DUELINE_DATABASE_URL=missing), PROJECTS, NINE)
    assert ": made;" in line
    assert not (site.directory / "none.sqlite3").exists()


def test_where_there_never_was_one_nothing_is_missed(site: Site) -> None:
    keeper = site.keeper()
    keeper.run()
    assert site.troubles == {}
    known = site.jira.account(ROBOT)
    site.jira.site.accounts[known.email] = replace(known, account_type="atlassian")
    site.at[0] += LOOKED_AT_EVERY
    keeper.run()
    assert site.troubles == {}


def test_when_jira_does_not_answer_it_is_asked_again_soon(site: Site) -> None:
    site.set_up()
    site.asked()
    keeper = site.keeper()
    site.jira.faults.error(503, path="/rest/api/3/webhook", times=1)
    keeper.run()
    keeper.run()
    assert len(site.asked()) == 1
    site.at[0] += LOOKED_AGAIN
    keeper.run()
    assert len(site.asked()) == 1


def test_only_an_app_s_webhooks_are_heard_of_by_it(site: Site) -> None:
    site.set_up()
    key = site.jira.create_issue(project="BOT", summary="x", account=CUSTOMER).key
    site.jira.create_issue(project="BIT", summary="x", account=CUSTOMER)
    assert [(each.url, each.issue_key) for each in site.jira.pending_deliveries()] == [(URL, key)]
