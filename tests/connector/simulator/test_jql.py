from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from connector.simulator import AGENT, CUSTOMER, DUELINE, JiraError, Simulator


@pytest.fixture
def site(cloud: Simulator, wait: Callable[..., None]) -> Simulator:
    """Three issues, an hour apart: BOT-1 (10:00), BIT-1 (11:00), BOT-2 (12:00); now is 13:00."""
    cloud.create_issue(project="BOT", summary="Engine stalls", priority="High", labels=["engine"])
    wait(hours=1)
    cloud.create_issue(
        {"Support plan": "Enterprise"},
        project="BIT",
        summary="Ledger is off",
        issuetype="Question",
        assignee=AGENT,
    )
    wait(hours=1)
    cloud.create_issue(project="BOT", summary="Wheel squeaks", account=AGENT, priority="Low")
    cloud.transition("BOT-2", "Done")
    wait(hours=1)
    return cloud


def found(site: Simulator, query: str) -> str:
    return " ".join(issue.key for issue in site.search(query))


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("project = BOT", "BOT-2 BOT-1"),
        ("project = botron ORDER BY key", "BOT-1 BOT-2"),
        ("project != BOT", "BIT-1"),
        ("project in (BOT, BIT) order by created asc", "BOT-1 BIT-1 BOT-2"),
        ("project not in (BOT)", "BIT-1"),
        ("key = BOT-2", "BOT-2"),
        ("issueKey in (BOT-1, bit-1)", "BIT-1 BOT-1"),
        ("key > BOT-1 and project = BOT", "BOT-2"),
        ("id = 10001", "BIT-1"),
        ("status = Done", "BOT-2"),
        ("status = 'to do'", "BIT-1 BOT-1"),
        ("statusCategory != Done", "BIT-1 BOT-1"),
        ("statusCategory = done", "BOT-2"),
        ("statusCategory in (new, 4)", "BIT-1 BOT-1"),
        ("issuetype = Question", "BIT-1"),
        ("type in (Bug)", "BOT-2 BOT-1"),
        ("priority = High", "BOT-1"),
        ("priority > Low order by priority desc", "BOT-1 BIT-1"),
        ("priority <= Low", "BOT-2"),
        ("assignee is empty", "BOT-2 BOT-1"),
        ("assignee IS NOT EMPTY", "BIT-1"),
        ("assignee = EMPTY", "BOT-2 BOT-1"),
        ("assignee != null", "BIT-1"),
        (f"assignee = '{AGENT}'", "BIT-1"),
        (f"reporter = '{CUSTOMER}'", "BIT-1 BOT-1"),
        ("reporter = 'Ada Agent'", "BOT-2"),
        ("assignee in membersOf(support)", "BIT-1"),
        ("resolution = Unresolved", "BIT-1 BOT-1"),
        ("resolution = Done", "BOT-2"),
        ("resolved >= '2026-11-21 12:00'", "BOT-2"),
        ("resolved is empty", "BIT-1 BOT-1"),
        ('created >= "2026-11-21 11:00"', "BOT-2 BIT-1"),
        ('created < "2026/11/21 11:00"', "BOT-1"),
        ("created >= 2026-11-22", ""),
        ("created >= -125m", "BOT-2 BIT-1"),
        ("updated <= now() and updated > -1d", "BOT-2 BIT-1 BOT-1"),
        ("created >= startOfDay()", "BOT-2 BIT-1 BOT-1"),
        ("created <= 2h", "BOT-2 BIT-1 BOT-1"),
        ("created > +1h", ""),
        ("created > 1m", ""),
        ("created <= endOfDay()", "BOT-2 BIT-1 BOT-1"),
        ("created > endOfDay(-1) and created < startOfDay('+1d')", "BOT-2 BIT-1 BOT-1"),
        ("created <= endOfDay('-1')", ""),
        ("created >= startOfDay(1w)", ""),
        ("summary is not empty and summary !~ wheel", "BIT-1 BOT-1"),
        ("created >= 1795258800000", "BOT-2 BIT-1"),
        ('"Support plan" = Enterprise', "BIT-1"),
        ("cf[10100] = enterprise", "BIT-1"),
        ("cf[10100] is empty", "BOT-2 BOT-1"),
        ("labels = engine", "BOT-1"),
        ("summary ~ wheel", "BOT-2"),
        ("text ~ 'stalls'", "BOT-1"),
        ("project = BOT and status = Done or key = BIT-1", "BOT-2 BIT-1"),
        ("project = BOT and (status = Done or key = BIT-1)", "BOT-2"),
        ("not project = BOT", "BIT-1"),
        ("NOT (project = BOT AND status = Done)", "BIT-1 BOT-1"),
        ("", "BOT-2 BIT-1 BOT-1"),
        ("order by created", "BOT-1 BIT-1 BOT-2"),
        ("project = BOT order by priority desc, key asc", "BOT-1 BOT-2"),
    ],
)
def test_a_query_finds(site: Simulator, query: str, keys: str) -> None:
    assert found(site, query) == keys


def test_current_user_is_who_asks(site: Simulator) -> None:
    mine = site.search("reporter = currentUser()", account=AGENT)
    assert [issue.key for issue in mine] == ["BOT-2"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("colour = red", "Field 'colour' does not exist"),
        ("project = NOPE", "The value 'NOPE' does not exist for the field 'project'."),
        ("status = Sleeping", "The value 'Sleeping' does not exist for the field 'status'."),
        ("key = BOT-99", "An issue with key 'BOT-99' does not exist for field 'key'."),
        ("assignee = nobody", "The value 'nobody' does not exist for the field 'assignee'."),
        ("'Support plan' = Gold", "The option 'Gold' for field 'support plan' does not exist."),
        ("statusCategory = Open", "The value 'Open' does not exist for the field"),
        ("created >= '2026-11-21 11:00:30'", "Date value '2026-11-21 11:00:30'"),
        ("created >= '2026-11-21T11:00Z'", "Date value '2026-11-21T11:00Z'"),
        ("created > yesterday", "Date value 'yesterday' for field 'created' is invalid."),
        ("created > 2026-13-45", "Date value '2026-13-45'"),
        ("project = BOT status = Done", "Expecting either 'OR' or 'AND' but got 'status'"),
        ("project BOT", "Expecting an operator but got 'BOT'"),
        ("project in BOT", "Expecting '('"),
        ("project in (BOT", "Expecting ',' or ')'"),
        ("(project = BOT", "Expecting ')'"),
        ("assignee is Ada", "Expecting EMPTY"),
        ("project =", "ends too early"),
        ('summary ~ "open', "reserved JQL character"),
        ("created > tomorrow()", "Unable to find JQL function 'tomorrow()'"),
        ("created > endOfDay(soon)", "Duration for function 'endofday' should have the format"),
        ("created > endOfDay(1", "Expecting ')'"),
        ("summary = wheel", "The operator '=' is not supported by the 'summary' field."),
        ("description in (wheel)", "The operator 'in' is not supported"),
        ("text != wheel", "The operator '!=' is not supported by the 'text' field."),
        ("priority ~ High", "The operator '~' is not supported by the 'priority' field."),
        ("assignee in membersOf(nobody)", "no group 'nobody'"),
    ],
)
def test_a_bad_query_is_refused_with_words(site: Simulator, query: str, words: str) -> None:
    with pytest.raises(JiraError) as refused:
        site.search(query)
    assert refused.value.status == 400
    assert words in refused.value.messages[0]


@pytest.mark.parametrize(
    ("zone", "query", "keys"),
    [
        ("Asia/Kolkata", "created >= '2026-11-21 16:30'", "BOT-2 BIT-1"),
        ("Asia/Kolkata", "created >= '2026-11-21 16:31'", "BOT-2"),
        ("America/New_York", "created >= '2026/11/21 06:00'", "BOT-2 BIT-1"),
        ("America/New_York", "updated >= '2026-11-21 07:01'", ""),
        ("Pacific/Auckland", "created >= startOfDay()", "BOT-2 BIT-1"),
        ("Pacific/Auckland", "created >= '2026-11-22'", "BOT-2 BIT-1"),
        ("America/New_York", "created >= 1795258800000", "BOT-2 BIT-1"),
        ("America/New_York", "created >= -125m", "BOT-2 BIT-1"),
        ("America/New_York", "duedate >= 2026-12-01", "BOT-1"),
    ],
)
def test_dates_are_read_in_the_zone_of_who_asks(
    site: Simulator, zone: str, query: str, keys: str
) -> None:
    site.issue("BOT-1").values["duedate"] = date(2026, 12, 1)
    site.set_time_zone(DUELINE, zone)
    assert found(site, query) == keys


def test_the_hour_that_clocks_show_twice_is_its_second_pass(site: Simulator) -> None:
    site.set_time_zone(DUELINE, "Europe/Berlin")
    site.issue("BOT-1").created = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert found(site, "key = BOT-1 and created >= '2026-10-25 02:30'") == ""
    assert found(site, "key = BOT-1 and created >= '2026-10-25 01:59'") == "BOT-1"


def test_a_time_that_clocks_skip_is_refused(site: Simulator) -> None:
    site.set_time_zone(DUELINE, "Europe/Berlin")
    with pytest.raises(JiraError, match="Date value '2026-03-29 02:30'"):
        site.search("created >= '2026-03-29 02:30'")
