"""What a level does to its issue beside speaking: each once, after the comment, come what may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, DUELINE, LEAD, Simulator
from tests.scenarios.world import Flavour, World, a_site, utc, world

# What Jira shows or refuses, and what is said then; that either database keeps it is told by the
# other stories here.
about_jira_alone = pytest.mark.one_database("sqlite")

MINUTE = timedelta(minutes=1)
LEVEL = {
    "level": 1,
    "name": "Lead",
    "after": "30m",
    "audience": {"groups": ["support-leads"]},
    "actions": {
        "assign": True,
        "labels": ["sla-breached", "look"],
        "priority": "Highest",
        "transition": "In Progress",
    },
}


def acting(tmp_path: Path, flavour: Flavour, **alerts: Any) -> Any:
    config = a_site(tmp_path, alerts={"default": {"levels": [LEVEL], **alerts}})
    return world(tmp_path, utc("2024-07-10 19:00"), flavour, config=config)


@pytest.fixture(params=["cloud", "datacenter"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with acting(tmp_path, request.param) as made:
        yield made


def late(place: World) -> str:
    """An issue that nobody answers, until its first level."""
    key = place.report("HLP", {"Support plan": "Enterprise"}, priority="High", labels=["mine"])
    place.advance(utc("2024-07-10 20:00"))
    return key


def done(place: World, key: str) -> tuple[Any, ...]:
    issue = place.jira.issue(key)
    values = issue.values
    return (
        values.get("assignee"),
        set(values["labels"]),
        values["priority"].name,
        issue.status.name,
    )


ALL = (LEAD, {"mine", "sla-breached", "look"}, "Highest", "In Progress")
ACTS = r"/issue/\d+(/assignee|/transitions)?$"


def acts(place: World, key: str) -> list[tuple[str, str]]:
    """The changes other than comments and SLA fields, and the notice given of them."""
    return [
        (each.method, each.path.rpartition("/")[2])
        for each in place.jira.requests
        if each.method in {"PUT", "POST"}
        and (b"labels" in each.body or b"priority" in each.body or b"transition" in each.body)
        and f"/issue/{place.jira.issue(key).id}" in each.path
    ]


def test_a_level_does_what_it_is_asked_to(place: World) -> None:
    key = late(place)
    assert done(place, key) == ALL
    assert "Level 1, Lead" in place.said(key)[-1]
    quiet = [r for r in place.jira.requests if b'"labels"' in r.body or b'"priority"' in r.body]
    ours = [r for r in quiet if r.account == DUELINE]
    assert len(ours) == 2
    assert all("notifyUsers=false" in r.query for r in ours)
    order = [r.path.rsplit("/", 1)[-1] for r in place.jira.requests if r.method in {"PUT", "POST"}]
    assert order.index("comment") < order.index("assignee") < order.index("transitions")


def test_what_people_undo_stays_undone(place: World) -> None:
    key = late(place)
    place.jira.edit(key, {"priority": "Low", "labels": []}, account=AGENT)
    place.jira.assign(key, AGENT)
    place.jira.transition(key, "To Do")
    place.advance(timedelta(days=2))
    place.stop()
    place.start()
    place.advance(timedelta(days=2))
    assert done(place, key) == (AGENT, set(), "Low", "To Do")


STEPS = {
    "assignee": {"method": "PUT", "path": r"/assignee$"},
    "edits": {"method": "PUT", "path": r"/issue/\d+$"},
    "transitions": {"method": "POST", "path": r"/transitions$"},
    "reading": {"method": "GET", "path": r"/transitions$"},
}
FAULTS: dict[str, Callable[[Simulator, dict[str, Any]], Any]] = {
    "500 before": lambda jira, step: jira.faults.error(500, times=2, **step),
    "500 after": lambda jira, step: jira.faults.error(500, when="after", times=2, **step),
    "dropped before": lambda jira, step: jira.faults.drop("before", times=2, **step),
    "dropped after": lambda jira, step: jira.faults.drop("after", times=2, **step),
    "429": lambda jira, step: jira.faults.rate_limit(30, times=2, **step),
    "a page": lambda jira, step: jira.faults.html(times=2, **step),
}


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("place", ["cloud"], indirect=True)
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("fault", FAULTS)
def test_through_every_fault_each_is_done_once(place: World, step: str, fault: str) -> None:
    key = place.report("HLP", {"Support plan": "Enterprise"}, priority="High", labels=["mine"])
    place.advance(utc("2024-07-10 19:59"))
    FAULTS[fault](place.jira, dict(STEPS[step]))
    place.advance(15 * MINUTE)
    assert done(place, key) == ALL
    changed = [
        change.field
        for entry in place.jira.issue(key).history
        for change in entry.changes
        if entry.author == DUELINE and change.field in {"assignee", "labels", "priority", "status"}
    ]
    assert changed == ["assignee", "labels", "priority", "status"]
    assert len([words for words in place.said(key) if "Level 1" in words]) == 1


@about_jira_alone
@pytest.mark.parametrize(
    ("denied", "left"),
    [
        ("ASSIGN_ISSUES", (None, *ALL[1:])),
        ("TRANSITION_ISSUES", (*ALL[:3], "To Do")),
    ],
)
def test_what_is_refused_is_noted_and_holds_up_nothing(
    place: World, denied: str, left: tuple[Any, ...]
) -> None:
    place.jira.deny(DUELINE, denied)
    key = late(place)
    assert done(place, key) == left
    assert len(place.said(key)) == 2
    assert " (sent, comment" in explained(place, key)
    words = "assign" if denied == "ASSIGN_ISSUES" else "No transition “In Progress” is open"
    assert words in explained(place, key)
    other = place.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    assert place.fields(other)["SLA state"] == "running", "nothing else is held up"


def explained(place: World, key: str) -> str:
    from sla.store import issues
    from webhooks.explaining import explained as lines

    database = place.service.database
    row = database.read(lambda c: issues.by_key(c, "default", key))
    assert row is not None
    return "\n".join(lines(database, row, place.clock.now()))


@about_jira_alone
def test_where_it_is_already_it_is_not_moved_again(place: World) -> None:
    key = place.report("HLP", {"Support plan": "Enterprise"}, priority="High", labels=["mine"])
    place.jira.transition(key, "In Progress")
    place.advance(utc("2024-07-10 20:00"))
    assert done(place, key) == ALL
    assert ("POST", "transitions") not in acts(place, key)
    assert "No transition" not in explained(place, key)


@about_jira_alone
@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_what_customers_are_to_read_they_can_read(tmp_path: Path, flavour: Flavour) -> None:
    breach = {"public": True, "audience": {"assignee": True}}
    with acting(tmp_path, flavour, breach=breach, warnings=[{"used": "75%"}]) as place:
        key = late(place)
        (told,) = place.read_by_customers(key)
        assert "We promised the first response" in told
        assert "mention" not in told
        assert len(place.said(key)) == 3


@about_jira_alone
@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_of_a_large_group_twenty_are_mentioned_and_the_group_is_named(
    tmp_path: Path, flavour: Flavour
) -> None:
    with acting(tmp_path, flavour, breach={"audience": {"groups": ["support"]}}) as place:
        group = place.jira.site.groups["support"]
        people = [f"person-{number}@acme.example" for number in range(30)]
        for address in people:
            place.jira.site.accounts[address] = type(place.jira.account(AGENT))(
                address, address.partition("@")[0], f"id-{address}", f"KEY-{address}",
                f"name-{address}", token="simulator",
            )  # fmt: skip
            group.members.append(address)
        key = late(place)
        body = place.jira.issue(key).comments[0].body
        text = str(body.document if flavour == "cloud" else body.wiki)
        mentions = text.count("'type': 'mention'") if flavour == "cloud" else text.count("[~")
        assert mentions == 20
        assert "support" in text


@about_jira_alone
def test_the_account_of_a_webhook_of_our_own_change_is_no_response(place: World) -> None:
    key = late(place)
    fields = place.fields(key)
    assert fields["First responded"] is None
    answer = requests.get(
        f"{place.url}/rest/api/2/issue/{key}", auth=(AGENT, "simulator"), timeout=10
    )
    assert answer.json()["fields"]["status"]["name"] == "In Progress"
