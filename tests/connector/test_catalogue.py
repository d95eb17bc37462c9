"""What pages show of Jira is read seldom, kept while it is silent, and never asked in a crowd."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import cast

from connector.base import JiraClient
from connector.catalogue import KEPT, Catalogue
from connector.client import ApiToken, connect
from connector.errors import ConnectorError
from connector.simulator import DUELINE, Simulator, running

START = datetime(2024, 7, 10, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at


def test_it_is_asked_once_in_five_minutes_and_an_old_answer_outlives_an_outage() -> None:
    clock = Clock()
    jira = Simulator(now=clock.now)
    with running(jira) as url:
        catalogue = Catalogue(lambda: connect(url, ApiToken(DUELINE, "simulator")), clock.now)
        found = catalogue.site()
        assert found.found
        assert "HLP" in [each.key for each in found.found.projects]
        assert "Medium" in found.found.priorities
        made = catalogue.project("HLP").found
        assert made
        assert "Bug" in made.issue_types
        jira.faults.drop("before", times=100)
        assert catalogue.site() is found
        clock.at += KEPT
        silent = catalogue.site()
        assert (silent.found, silent.read_at) == (found.found, START)
        assert silent.trouble
        # A Jira that is away is not asked at every look.
        assert catalogue.site() is silent
        jira.faults.clear()
        clock.at += timedelta(seconds=30)
        again = catalogue.site()
        assert (again.read_at, again.trouble) == (clock.at, "")


def test_a_jira_that_asks_for_patience_is_not_asked() -> None:
    def never() -> JiraClient:
        raise AssertionError("it was asked")

    catalogue = Catalogue(never, Clock().now, lambda: "too many requests")
    assert catalogue.site().trouble == catalogue.project("HLP").trouble == "too many requests"


def test_who_comes_while_it_is_asked_gets_what_is_known() -> None:
    clock, asking, go_on = Clock(), threading.Event(), threading.Event()
    calls = []

    def slowly() -> JiraClient:
        calls.append(1)
        if len(calls) > 1:
            asking.set()
            assert go_on.wait(60)
        raise ConnectorError("no answer")

    catalogue = Catalogue(slowly, clock.now)
    first = catalogue.site()
    clock.at += KEPT
    other = threading.Thread(target=catalogue.site)
    other.start()
    assert asking.wait(60)
    # The other one waits for Jira, and nobody for the other one.
    assert catalogue.site() is first
    go_on.set()
    other.join()
    assert len(calls) == 2
    assert cast("object", catalogue.site()) is not first
