"""A search over real HTTP while people work: no issue is missed that was there all the while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.base import Found
from connector.client import ApiToken, Flavour, JiraClient, connect
from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator, running
from connector.simulator.model import Issue
from sla.timeline import Changed, CommentSeen

FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")
START = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)
"""Half an hour before the clocks of Berlin are put back."""


class Clock:
    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at


class Place:
    """A Jira with people at work, and Dueline's client."""

    def __init__(self, sim: Simulator, clock: Clock, client: JiraClient) -> None:
        self.sim, self.clock, self.client = sim, clock, client

    def wait(self, **length: float) -> None:
        self.clock.at += timedelta(**length)

    def create(self, number: int, project: str = "BOT") -> list[Issue]:
        return [self.sim.create_issue(project=project, summary=str(n)) for n in range(number)]


@contextmanager
def place(flavour: Flavour, page_size: int = 100) -> Iterator[Place]:
    clock = Clock()
    sim = Simulator(now=clock, flavour=flavour)
    with running(sim) as url:
        client = connect(url, ApiToken(DUELINE, "simulator"), flavour=flavour, timeout=10)
        client._page_size = page_size
        yield Place(sim, clock, client)


@pytest.fixture(params=FLAVOURS)
def jira(request: pytest.FixtureRequest) -> Iterator[Place]:
    with place(request.param, 3) as found:
        yield found


def keys(pages: Iterator[list[Found]]) -> list[str]:
    return [found.issue_key for page in pages for found in page]


def read_while(pages: Iterator[list[Found]], work: Callable[[], object]) -> list[str]:
    """The issues of the first page, then, after some work, of all the others."""
    first = [found.issue_key for found in next(pages)]
    work()
    return first + keys(pages)


class TestUpdatedSince:
    def test_each_once_when_nothing_changes(self, jira: Place) -> None:
        made = jira.create(10)
        found = [issue for page in jira.client.updated_since(START) for issue in page]
        assert found == [Found(i.id, i.key, "BOT", i.updated) for i in made]

    def test_only_what_changed(self, jira: Place) -> None:
        made = jira.create(4)
        jira.wait(minutes=2)
        since = jira.clock.at
        jira.sim.add_comment(made[2].key, "Hello")
        assert keys(jira.client.updated_since(since)) == [made[2].key]
        assert keys(jira.client.updated_since(since + timedelta(minutes=1))) == []

    @pytest.mark.parametrize(
        "zone", ["Etc/UTC", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata"]
    )
    def test_in_every_zone_also_when_its_clocks_change(self, jira: Place, zone: str) -> None:
        jira.sim.set_time_zone(DUELINE, zone)
        for _ in range(15):
            jira.wait(minutes=13, seconds=7)
            (issue,) = jira.create(1)
            assert issue.key in keys(jira.client.updated_since(jira.clock.at))
        jira.wait(hours=3)
        assert keys(jira.client.updated_since(jira.clock.at)) == []

    def test_in_a_zone_that_nobody_knows(self, jira: Place) -> None:
        jira.sim.set_time_zone(DUELINE, "America/Los_Angeles")
        answer = {"accountId": "712020:me", "key": "JIRAUSER1", "timeZone": "Mars/Olympus"}
        jira.sim.faults.add(path="/myself", status=200, body=answer)
        (issue,) = jira.create(1)
        assert keys(jira.client.updated_since(jira.clock.at)) == [issue.key]

    def test_issues_that_leave_hide_no_others(self, jira: Place) -> None:
        made = jira.create(10)

        def delete() -> None:
            for issue in made[:3]:
                jira.sim.delete_issue(issue.key)

        found = read_while(jira.client.updated_since(START), delete)
        assert set(found) == {issue.key for issue in made}

    def test_issues_that_come_in_front_hide_no_others(self, jira: Place) -> None:
        old = jira.create(6)
        jira.wait(minutes=5)
        since = jira.clock.at
        new = jira.create(8)

        def comment() -> None:
            for issue in old:
                jira.sim.add_comment(issue.key, "Hello")

        found = read_while(jira.client.updated_since(since), comment)
        assert set(found) >= {issue.key for issue in new}


class TestOpenIssues:
    def test_what_is_not_done_in_these_projects(self, jira: Place) -> None:
        made = jira.create(5) + jira.create(2, "BIT") + jira.create(2, "HLP")
        jira.sim.transition("BOT-2", "Done")
        jira.sim.transition("BOT-3", "Waiting for customer")
        found = keys(jira.client.open_issues({"BOT", "BIT", "GONE", "Help"}))
        assert found == ["BIT-1", "BIT-2", "BOT-1", "BOT-3", "BOT-4", "BOT-5"]
        assert len(made) == 9

    def test_issues_that_are_done_meanwhile_hide_no_others(self, jira: Place) -> None:
        made = jira.create(12)

        def finish() -> None:
            for issue in made[:3]:
                jira.sim.transition(issue.key, "Done")

        found = read_while(jira.client.open_issues(["BOT"]), finish)
        assert set(found) >= {issue.key for issue in made[3:]}


WORK = st.lists(
    st.lists(
        st.tuples(
            st.sampled_from(["done", "reopen", "delete", "comment", "edit", "create", "move"]),
            st.integers(0, 11),
        ),
        max_size=6,
    ),
    max_size=8,
)
"""What happens after each page."""


def do(jira: Place, made: list[Issue], what: str, number: int) -> None:
    issue = made[number]
    if what == "create":
        jira.create(1)
    elif issue not in jira.sim.issues.values():
        return
    elif what in ("done", "reopen"):
        status = "Done" if what == "done" else "To Do"
        if issue.status.name != status:
            jira.sim.transition(issue.key, status)
    elif what == "delete":
        jira.sim.delete_issue(issue.key)
    elif what == "comment":
        jira.sim.add_comment(issue.key, "Hello")
    elif what == "edit":
        jira.sim.edit(issue.key, {"summary": f"{issue.values['summary']}!"})
    elif issue.project.key != "BIT":
        jira.sim.move_issue(issue.key, project="BIT")


@pytest.mark.parametrize("flavour", FLAVOURS)
@given(work=WORK, page_size=st.integers(2, 4), at_once=st.booleans(), since=st.booleans())
@settings(max_examples=40, deadline=None)
def test_nothing_is_missed(
    flavour: Flavour,
    work: list[list[tuple[str, int]]],
    page_size: int,
    at_once: bool,
    since: bool,
) -> None:
    with place(flavour, page_size) as jira:
        made: list[Issue] = []
        for _ in range(12):
            made += jira.create(1)
            jira.wait(seconds=0 if at_once else 1)
        jira.sim.transition("BOT-5", "Done")
        there = {issue.id for issue in made if since or is_open(issue)}
        pages = jira.client.updated_since(START) if since else jira.client.open_issues(["BOT"])
        found, jobs = set[str](), iter(work)
        for page in pages:
            found |= {issue.issue_id for issue in page}
            jira.wait(seconds=1)
            for what, number in next(jobs, []):
                do(jira, made, what, number)
            # An issue that is moved takes another place in the order; the move makes it new again.
            left = [issue for issue in jira.sim.issues.values() if issue.project.key == "BOT"]
            there &= {issue.id for issue in left if since or is_open(issue)}
        assert found >= there


def is_open(issue: Issue) -> bool:
    return issue.status.name != "Done"


class TestLongHistories:
    @pytest.mark.parametrize("flavour", FLAVOURS)
    def test_are_read_whole(self, flavour: Flavour) -> None:
        with place(flavour) as jira:
            (issue,) = jira.create(1)
            for number in range(230):
                jira.wait(seconds=1)
                jira.sim.edit(issue.key, {"labels": [f"n{number}"]})
                account = CUSTOMER if number % 2 else AGENT
                jira.sim.add_comment(issue.key, f"Text {number}", account=account)
            events = jira.client.read_history(issue.key).events
            labels = [
                event.after
                for event in events
                if isinstance(event, Changed) and event.field == "labels"
            ]
            assert labels == [(f"n{number}",) for number in range(230)]
            texts = [event.text for event in events if isinstance(event, CommentSeen)]
            assert texts == [f"Text {number}" for number in range(230)]
            calls = [request.path for request in jira.sim.requests]
            pages = 3 if flavour == "cloud" else 0
            assert sum(path.endswith("/changelog") for path in calls) == pages
            # An issue shows all of its comments by itself.
            assert sum(path.endswith("/comment") for path in calls) == 0
            jira.sim.requests.clear()
            assert jira.client.find_comment(issue.key, "no such key") is None
            calls = [request.path for request in jira.sim.requests]
            assert sum(path.endswith("/comment") for path in calls) == 3
