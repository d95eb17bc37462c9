"""A comment that is brought up to date and an issue that is given to somebody, come what may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connector.simulator import AGENT, LEAD, Simulator
from sla.lanes import drain
from tests.scenarios.world import World

# What Jira shows or refuses, and what is said then; that either database keeps it is told by the
# other stories here.
about_jira_alone = pytest.mark.one_database("sqlite")

MINUTE = timedelta(minutes=1)
EDIT: dict[str, Any] = {"method": "PUT", "path": r"/comment/\d+$"}
ALL = {
    "Product version": "4.2",
    "Company": "Acme",
    "Contact": "carl@example.com",
    "Product license": "4711",
    "Steps to reproduce": "Open it.",
    "description": "Build 77. An error message: E1. Nothing was changed.",
}
FAULTS: dict[str, Callable[[Simulator], Any]] = {
    "500 before": lambda jira: jira.faults.error(500, times=2, **EDIT),
    "500 after": lambda jira: jira.faults.error(500, when="after", times=2, **EDIT),
    "dropped before": lambda jira: jira.faults.drop("before", times=2, **EDIT),
    "dropped after": lambda jira: jira.faults.drop("after", times=2, **EDIT),
    "429": lambda jira: jira.faults.rate_limit(30, times=2, **EDIT),
    "a page": lambda jira: jira.faults.html(times=2, **EDIT),
    "401": lambda jira: jira.faults.error(401, **EDIT),
}


def ask(place: World) -> str:
    """An inquiry that lacks something, and is asked for it."""
    key = place.report("BOT", {"description": "It crashes."})
    assert len(place.said(key)) == 2
    assert "license number" in place.said(key)[1].split("Already there:")[0]
    return key


def check(place: World, key: str) -> None:
    """There is one list, and it says that nothing is missing."""
    place.advance(10 * MINUTE)
    acknowledged, asked = place.said(key)
    assert "We have received" in acknowledged
    assert asked == f"Thank you: everything that {key} needs is there."
    before = len(place.jira.requests)
    place.advance(timedelta(hours=2))
    assert [r for r in list(place.jira.requests)[before:] if r.method != "GET"] == []


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("fault", FAULTS)
def test_through_every_fault_one_list_says_what_is_true(anywhere: World, fault: str) -> None:
    key = ask(anywhere)
    FAULTS[fault](anywhere.jira)
    anywhere.jira.edit(key, {"Product license": "4711"}, account=AGENT)
    anywhere.settle()
    # What is in doubt is overtaken by what is newer.
    anywhere.advance(timedelta(seconds=5))
    anywhere.jira.edit(key, ALL, account=AGENT)
    anywhere.settle()
    check(anywhere, key)


def test_stopped_between_the_decision_and_the_edit(anywhere: World) -> None:
    key = ask(anywhere)
    anywhere.advance(MINUTE)
    anywhere.jira.edit(key, ALL, account=AGENT)
    anywhere.jira.deliver()
    drain(anywhere.service.engine)
    anywhere.stop()
    anywhere.start()
    check(anywhere, key)


@pytest.mark.parametrize("took_effect", [True, False])
def test_killed_in_the_middle_of_the_edit(anywhere: World, took_effect: bool) -> None:
    key = ask(anywhere)
    client = anywhere.service.dispatcher.outlets["default"].client
    edit_comment = client.edit_comment

    def killed(*given: Any, **more: Any) -> None:
        if took_effect:
            edit_comment(*given, **more)
        raise SystemExit

    client.edit_comment = killed  # type: ignore[method-assign]
    anywhere.advance(MINUTE)
    anywhere.jira.edit(key, ALL, account=AGENT)
    with pytest.raises(SystemExit):
        anywhere.settle()
    anywhere.stop()
    anywhere.start()
    check(anywhere, key)


def test_brought_up_to_date_before_it_was_ever_made(anywhere: World) -> None:
    """The first comment is in doubt when the words change: it is found, and then edited."""
    anywhere.jira.faults.drop("after", method="POST", path="/comment$", times=2)
    key = anywhere.report("BOT", {"description": "It crashes."})
    anywhere.advance(timedelta(seconds=45))
    (_, asked) = anywhere.said(key)
    assert "license number" in asked
    anywhere.jira.edit(key, ALL, account=AGENT)
    anywhere.settle()
    check(anywhere, key)


@about_jira_alone
def test_a_list_that_somebody_deleted_is_not_made_again(cloud: World) -> None:
    key = ask(cloud)
    listed = [each for each in cloud.jira.issue(key).comments if "add" in str(each.body)][-1]
    cloud.jira.delete_comment(key, listed.id, account="dueline@example.com")
    cloud.advance(MINUTE)
    cloud.jira.edit(key, ALL, account=AGENT)
    cloud.advance(timedelta(hours=1))
    assert len(cloud.said(key)) == 1
    # Nothing else of the issue suffers.
    cloud.jira.add_comment(key, "Fixed.", account=AGENT)
    cloud.settle()
    assert cloud.fields(key)["SLA state"] == "met"


@about_jira_alone
@pytest.mark.parametrize("status", [400, 403, 404])
def test_an_issue_that_cannot_be_given_is_still_told_of(cloud: World, status: int) -> None:
    cloud.jira.faults.error(status, method="PUT", path="/assignee$", times=1000)
    old = cloud.report("BTL", {"Deployment": "Production"}, priority="Highest")
    words = f"Again {old}. My mobile: 555 010 0199"
    key = cloud.report("BTL", {"description": words}, issuetype="Escalation")
    cloud.advance(10 * MINUTE)
    assert cloud.jira.issue(key).values.get("assignee") is None
    said = cloud.said(key)
    assert len(said) == 2
    assert any(cloud.assigned_to(LEAD) in words for words in said)
    assert key in cloud.said(old)[-1]


@about_jira_alone
def test_given_once_though_the_answers_are_lost(anywhere: World) -> None:
    anywhere.jira.faults.drop("after", method="PUT", path="/assignee$", times=1)
    anywhere.jira.faults.error(503, method="PUT", path="/assignee$", times=1)
    old = anywhere.report("BTL", {"Deployment": "Production"}, priority="Highest")
    words = f"Again {old}. My mobile: 555 010 0199"
    key = anywhere.report("BTL", {"description": words}, issuetype="Escalation")
    anywhere.advance(10 * MINUTE)
    assert anywhere.jira.issue(key).values["assignee"] == LEAD
    assert (len(anywhere.said(key)), len(anywhere.said(old))) == (2, 2)


@about_jira_alone
def test_whom_a_person_gave_the_issue_afterwards_keeps_it(cloud: World) -> None:
    """Dueline gives it away once, though the comment had to be looked up."""
    old = cloud.report("BTL", {"Deployment": "Production"}, priority="Highest")
    cloud.jira.faults.drop("after", method="POST", path="/comment$", times=2)
    words = f"Again {old}. My mobile: 555 010 0199"
    key = cloud.report("BTL", {"description": words}, issuetype="Escalation")
    cloud.advance(10 * MINUTE)
    assert cloud.jira.issue(key).values["assignee"] == LEAD
    cloud.jira.assign(key, AGENT, account=LEAD)
    cloud.settle()
    cloud.advance(timedelta(hours=1))
    assert len(cloud.said(key)) == 2
    assert cloud.jira.issue(key).values["assignee"] == AGENT
    given = [each for each in cloud.jira.requests if each.path.endswith("/assignee")]
    assert len(given) == 1
