"""An issue that asks for the escalation of another one, where the other one is not as expected."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from config.loader import load
from connector.simulator import AGENT
from tests.scenarios.test_days import BUTLR, OFFICE
from tests.scenarios.world import World, a_site, utc, world

# What Jira shows or refuses, and what is said then; that either database keeps it is told by the
# other stories here.
about_jira_alone = pytest.mark.one_database("sqlite")

MINUTE = timedelta(minutes=1)
PRODUCTION = {"Deployment": "Production"}


def ask_for(place: World, other: str) -> str:
    """A customer asks for the escalation of an issue, by its key; the key of the request."""
    words = f"Nothing happens on {other}. My mobile: 555 010 0199"
    key = place.report("BTL", {"description": words}, issuetype="Escalation")
    place.advance(MINUTE)
    return key


def passed_on(key: str, other: str) -> str:
    return f"{key} was passed on as an escalation of {other}."


def test_each_of_two_requests_is_passed_on_once(cloud: World) -> None:
    old = cloud.report("BTL", PRODUCTION, priority="High")
    asked = [ask_for(cloud, old) for _ in range(2)]
    for key in asked:
        assert passed_on(key, old) in cloud.said(key)
        assert sum(key in words for words in cloud.said(old)) == 1
    assert cloud.fields(old)["SLA escalation level"] == 1


@about_jira_alone
def test_without_a_phone_number_the_request_says_what_it_lacks(anywhere: World) -> None:
    old = anywhere.report("BTL", PRODUCTION, priority="Highest")
    key = anywhere.report("BTL", {"description": f"See {old}!"}, issuetype="Escalation")
    (lacks,) = anywhere.read_by_customers(key)
    assert "it lacks a mobile phone number of the Support Contact" in lacks
    assert len(anywhere.said(old)) == 1


@pytest.mark.parametrize("what", ["excluded", "moved"])
def test_what_was_passed_on_stays_so_when_the_other_is_covered_no_more(
    cloud: World, what: str
) -> None:
    old = cloud.report("BTL", PRODUCTION, priority="Highest")
    key = ask_for(cloud, old)
    assert passed_on(key, old) in cloud.said(key)
    if what == "excluded":
        cloud.jira.edit(old, {"Not covered because": "Third party"}, account=AGENT)
    else:
        cloud.jira.move_issue(old, project="HLP", account=AGENT)
    cloud.advance(MINUTE)
    assert any("was passed on as an escalation of" in words for words in cloud.said(key))


@about_jira_alone
def test_an_issue_of_another_policy_is_not_escalated_by_this_one(cloud: World) -> None:
    old = cloud.report("HLP", PRODUCTION, priority="High")
    key = ask_for(cloud, old)
    assert passed_on(key, old) not in cloud.said(key)
    assert cloud.jira.issue(key).values.get("assignee") is None


def test_an_issue_may_be_named_by_the_key_that_it_had_before_it_was_moved(cloud: World) -> None:
    old = cloud.report("HLP", PRODUCTION, priority="Highest")
    cloud.advance(MINUTE)
    cloud.jira.move_issue(old, project="BTL", account=AGENT)
    cloud.advance(MINUTE)
    key = ask_for(cloud, old)
    assert any("was passed on" in words for words in cloud.said(key))


def test_an_issue_from_before_our_time_is_found_by_its_key_once_it_is_heard_of(
    cloud: World,
) -> None:
    cloud.jira.faults.webhook("drop", times=100)
    old = cloud.report("BTL", PRODUCTION, priority="Highest")
    cloud.jira.faults.clear()
    cloud.advance(MINUTE)
    key = ask_for(cloud, old)
    assert any("no issue that is known" in words for words in cloud.said(key))
    cloud.jira.edit(old, {"labels": ["heard"]}, account=AGENT)
    cloud.settle()
    assert passed_on(key, old) in cloud.said(key)


def test_an_issue_from_before_our_time_may_be_linked(cloud: World) -> None:
    cloud.jira.faults.webhook("drop", times=100)
    old = cloud.report("BTL", PRODUCTION, priority="Highest")
    cloud.jira.faults.clear()
    cloud.advance(MINUTE)
    given = {"Mobile phone": "555-0199"}
    key = cloud.report("BTL", given, issuetype="Escalation")
    cloud.jira.link(key, old, account=AGENT)
    cloud.settle()
    assert passed_on(key, old) in cloud.said(key)


@about_jira_alone
def test_moved_to_a_policy_that_acknowledges_the_customer_is_told_by_when(cloud: World) -> None:
    key = cloud.report("HLP")
    cloud.advance(MINUTE)
    cloud.jira.move_issue(key, project="BOT", account=AGENT)
    cloud.settle()
    acknowledged = cloud.said(cloud.jira.issue(key).key)[0]
    assert "within 1 business day, by " in acknowledged


def test_figures_set_later_hold_from_the_next_thing_that_happens_to_an_open_issue(
    tmp_path: Path,
) -> None:
    with world(tmp_path, utc("2024-07-10 13:00"), config=a_site(tmp_path / "unset")) as made:
        key = made.report("BTL", priority="Highest")
        assert made.fields(key)["SLA state"] == "not promised"
        made.stop()
        parameters = {"butlr": BUTLR}
        calendars = {"office": OFFICE}
        made.configuration = load(
            a_site(tmp_path / "set", calendars=calendars, parameters=parameters)
        )
        made.start()
        made.jira.edit(key, {"labels": ["seen"]}, account=AGENT)
        made.advance(timedelta(hours=2))
        assert made.fields(key)["SLA state"] == "breached"
