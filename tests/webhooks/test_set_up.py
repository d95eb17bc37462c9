"""Preparing a Jira: the fields and the webhook are made once, and signed with the newest secret."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from config.errors import ConfigurationError
from config.settings import Settings
from connector.errors import ConnectorError
from connector.setup import EVENTS, WEBHOOK_NAME
from connector.simulator import CUSTOMER, DUELINE, Rule, Simulator, running
from tests.scenarios import world as worlds
from tests.sla.example import NINE
from webhooks.set_up import set_up_jira

HOOK = "https://dueline.example.com/webhooks/jira"
FIELDS = {"state": "SLA state", "due": "First response due"}


@pytest.fixture(params=["cloud", "datacenter"])
def jira(request: pytest.FixtureRequest) -> Iterator[Simulator]:
    sim = Simulator(now=lambda: NINE, flavour=request.param)
    with running(sim):
        yield sim


def prepared(
    jira: Simulator, webhook_url: str | None = None, *, user: str = DUELINE, **more: str
) -> list[str]:
    environment = {
        "DUELINE_JIRA_URL": jira.base_url,
        "DUELINE_JIRA_USER": user,
        "DUELINE_JIRA_TOKEN": "simulator",
        "DUELINE_WEBHOOK_SECRET": "planted-older,planted-newest",
    }
    settings = Settings.from_environment(environment | more)
    return list(set_up_jira(settings, FIELDS, webhook_url))


def test_it_makes_what_is_missing_and_says_so(jira: Simulator) -> None:
    first, *fields, hook = prepared(jira, HOOK)
    assert first.startswith(f"{jira.base_url}: Jira {jira.flavour} ")
    assert [line.partition(" (")[0] for line in fields] == [
        "state: SLA state", "due: First response due",
    ]  # fmt: skip
    assert all(line.endswith(", made") for line in fields)
    assert hook == f"webhook to {HOOK}: made, signed"


def test_the_worlds_of_the_stories_begin_with_what_it_makes(jira: Simulator) -> None:
    prepared(jira, worlds.HOOK)
    planted = Simulator(now=lambda: NINE, flavour=jira.flavour)
    worlds.set_up(planted, FIELDS)

    def made(sim: Simulator) -> object:
        fields = [sim.field_named(name) for name in FIELDS.values()]
        hooks = [
            (each.url, each.name, set(each.events), each.jql) for each in sim.webhooks.values()
        ]
        shown = [
            [screen.shows(field.id) for screen in sim.site.screens.values()]
            for field in fields
            if field
        ]
        return fields, hooks, shown

    assert made(planted) == made(jira)


def test_again_it_makes_nothing(jira: Simulator) -> None:
    prepared(jira, HOOK)
    _, *fields, hook = prepared(jira, HOOK)
    assert all(line.endswith(", there already") for line in fields)
    assert hook.startswith(f"webhook to {HOOK}: there already; Jira does not tell")
    assert len(jira.webhooks) == 1


def test_the_webhook_is_signed_with_the_newest_secret(jira: Simulator) -> None:
    lines = prepared(jira, HOOK)
    [webhook] = jira.webhooks.values()
    assert (webhook.name, webhook.url, webhook.secret) == (WEBHOOK_NAME, HOOK, "planted-newest")
    assert set(webhook.events) == set(EVENTS[jira.flavour])
    assert webhook.enabled
    assert not webhook.exclude_body
    assert "planted" not in "\n".join(lines)


def test_without_an_address_webhooks_are_left_alone(jira: Simulator) -> None:
    prepared(jira)
    assert jira.webhooks == {}


def test_an_account_that_may_not(jira: Simulator) -> None:
    with pytest.raises(ConnectorError) as raised:
        prepared(jira, HOOK, user=CUSTOMER)
    assert "simulator" not in str(raised.value)


def test_fields_that_cannot_be_shown_are_said_after_all_else(jira: Simulator) -> None:
    jira.faults.add(Rule(path="/(context|screens)", status=404, body={}, times=1000))
    with pytest.raises(ConnectorError, match=r"docs/rights\.md"):
        prepared(jira, HOOK)
    assert jira.field_named("First response due") is not None
    assert len(jira.webhooks) == 1


def test_what_is_not_set_is_named() -> None:
    with pytest.raises(ConfigurationError) as raised:
        list(set_up_jira(Settings.from_environment({}), FIELDS, HOOK))
    assert [line.split()[0] for line in str(raised.value).splitlines()] == [
        "DUELINE_JIRA_URL", "DUELINE_JIRA_TOKEN", "DUELINE_WEBHOOK_SECRET",
    ]  # fmt: skip


def test_the_secret_is_not_needed_for_the_fields(jira: Simulator) -> None:
    access = {
        "DUELINE_JIRA_URL": jira.base_url,
        "DUELINE_JIRA_USER": DUELINE,
        "DUELINE_JIRA_TOKEN": "simulator",
    }
    assert len(list(set_up_jira(Settings.from_environment(access), FIELDS, None))) == 3
