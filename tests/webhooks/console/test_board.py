"""The board: what is open by the time that it has left, its filters, and what changes meanwhile."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from sqlalchemy import Connection, delete, insert, select, update

from connector.simulator import AGENT, CUSTOMER
from sla.errors import NeverOpens
from sla.store.schema import cycles, issues, policies
from tests.scenarios.world import utc
from tests.webhooks.console.desk import Desk, words
from webhooks.console.pages.board import beside, due, left
from webhooks.console.questions.board import Row

ENTERPRISE = {"Support plan": "Enterprise", "priority": "Highest"}
_MARK = re.compile(r'name="mark" value="(\w+)"')


def rows(html: str) -> list[str]:
    """What each row of the table says."""
    body = html.partition("<tbody")[2]
    return [words(row) for row in re.findall(r"<tr\b.*?</tr>", body, flags=re.DOTALL)]


def shown(desk: Desk, **query: object) -> list[str]:
    """The keys on the board, in order."""
    return [row.split()[0] for row in rows(desk.get("/board", **query).text)]


def told(desk: Desk, **query: object) -> dict[str, Any]:
    """What the API tells of the board."""
    answer = desk.get("/api/board", **query)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json or {}
    return found


def later(desk: Desk, at: str) -> None:
    """Time goes on, longer than anybody stays signed in."""
    desk.world.advance(utc(at))
    assert desk.sign_in().status_code == 302


@pytest.fixture
def some(desk: Desk) -> Desk:
    """An answer due within half an hour, one due within two, and one that is due in days."""
    world = desk.world
    world.report("HLP", {**ENTERPRISE, "summary": "Orders cannot be shipped"})
    world.report("BIT", {"priority": "Highest", "summary": "Nobody can sign in"})
    world.report("BOT", {"priority": "Medium", "summary": "How do I export?"})
    return desk


def test_the_first_page_is_the_board(desk: Desk) -> None:
    answer = desk.get("/")
    assert (answer.status_code, answer.location) == (302, "/board")


def test_whoever_is_new_is_told_what_to_do_next(desk: Desk) -> None:
    said = desk.page("/board")
    assert "Nothing was heard of any issue yet" in said
    assert "/webhooks/jira" in said
    assert "dueline doctor" in said
    assert "BIT" in said


def test_what_is_due_next_goes_first_and_what_was_missed_is_counted(some: Desk) -> None:
    assert shown(some) == ["HLP-1", "BIT-1", "BOT-1"]
    some.world.advance(timedelta(minutes=45))
    page = some.get("/board").text
    first, second, third = rows(page)
    assert first.startswith("BIT-1")
    assert "1 h 15 min of 2 h" in first
    assert "commitment" in first
    assert "today 21:00 UTC" in first
    assert 'title="today 17:00 EDT on its calendar"' in page
    # What is missed stands out by its word, and behind what can still be kept.
    assert third.startswith("HLP-1")
    assert "breached" in third
    assert "late by 15 min goal 30 min" in third
    assert "Orders cannot be shipped" in third
    counted = "0 about to breach, 1 breached and still open, 2 running in all, 0 paused."
    assert counted in words(page)
    assert shown(some, order="overdue") == ["HLP-1", "BIT-1", "BOT-1"]
    assert shown(some, order="newest") == ["BOT-1", "BIT-1", "HLP-1"]
    assert set(shown(some, order="severity")) == {"HLP-1", "BIT-1", "BOT-1"}
    assert second.startswith("BOT-1")


def test_a_promise_is_in_danger_by_open_time_and_not_by_the_wall(desk: Desk) -> None:
    """Twelve open hours from Friday 15:00, open 8 to 20: due on Monday at 15:00."""
    world = desk.world
    later(desk, "2024-07-12 19:00")
    world.report("BIT", {"priority": "Low", "issuetype": "Question"})
    (friday,) = rows(desk.get("/board").text)
    assert "12 h of 12 h" in friday
    later(desk, "2024-07-14 19:00")
    (sunday,) = rows(desk.get("/board").text)
    assert "7 h of 12 h" in sunday
    assert "closed until tomorrow 08:00 EDT" in sunday
    assert "about to breach" not in sunday
    later(desk, "2024-07-15 17:00")
    (monday,) = rows(desk.get("/board").text)
    assert "2 h of 12 h" in monday
    assert "about to breach" in monday
    assert shown(desk, state="danger") == ["BIT-1"]
    board = told(desk, state="danger")
    assert board["counts"]["danger"] == 1
    assert board["rows"][0]["in_danger"] is True
    assert board["rows"][0]["left_seconds"] == 7200


def test_a_row_says_what_the_record_of_its_issue_says(some: Desk) -> None:
    """What is counted in the tables and what is folded for the page never differ."""
    world = some.world
    for step in range(12):
        world.advance(timedelta(hours=3, minutes=7))
        some.sign_in()
        if step == 4:
            world.jira.assign("BIT-1", AGENT)
            world.jira.add_comment("BIT-1", "We look into it.", account=AGENT)
        if step == 7:
            world.jira.add_comment("BIT-1", "It still happens.", account=CUSTOMER)
            world.report("HLP", {"priority": "Low"})
        world.settle()
        board = told(some)
        open_ = board["rows"]
        counted = {state: sum(row["state"] == state for row in open_) for state in STATES}
        counted["danger"] = sum(row["in_danger"] for row in open_)
        counted["open"] = len(open_)
        assert counted == board["counts"], step
        assert not [row["problem"] for row in open_ if row["problem"]]


STATES = ("running", "breached", "paused")


def test_filters_stand_in_the_address_and_the_counts_follow_them(some: Desk) -> None:
    world = some.world
    world.jira.assign("BIT-1", AGENT)
    world.settle()
    by: dict[str, tuple[object, list[str]]] = {
        "project": ("HLP", ["HLP-1"]),
        "contract": (["bitumio", "botron"], ["BIT-1", "BOT-1"]),
        "severity": ("Severity 1", ["BIT-1"]),
        "metric": ("first_response", ["HLP-1", "BIT-1", "BOT-1"]),
        "state": ("running", ["HLP-1", "BIT-1", "BOT-1"]),
        "assignee": ("Ada Agent", ["BIT-1"]),
        "customer": ("-", ["HLP-1", "BIT-1", "BOT-1"]),
        "key": ("B", ["BIT-1", "BOT-1"]),
    }
    for name, (value, keys) in by.items():
        assert shown(some, **{name: value}) == keys, name
        assert told(some, **{name: value})["counts"]["open"] == len(keys), name
    assert shown(some, assignee="-") == ["HLP-1", "BOT-1"]
    assert shown(some, project=["BIT", "HLP"], assignee="-") == ["HLP-1"]
    account = world.jira.account(AGENT).account_id
    assert shown(some, assignee=account) == ["BIT-1"]
    said = some.page("/board", project="BIT", state="breached")
    assert "No open promise fits these filters" in said
    assert "Remove the filter Project: BIT" in said
    # Empty fields of the form ask for nothing.
    assert shown(some, project="", state="", key="", order="due") == shown(some)


def test_the_filters_offer_what_is_open_with_its_number(some: Desk) -> None:
    page = some.get("/board", filters="1", project="HLP").text
    said = words(page)
    for offered in ("Bitumio Technical Support Policy 1", "Severity 1 1", "First response 3"):
        assert offered in said
    assert "Nobody 3" in said
    assert re.search(r'name="project" value="HLP" checked', page)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("nix=1", "Unknown in the address: nix. Known are: project"),
        ("state=lost", "state cannot be lost. Known are: running, danger, breached, paused."),
        ("order=colour", "order cannot be colour. Known are: due"),
        ("project=NIX", "No project is called NIX. Known are: BAL, BIT"),
        ("contract=nix", "No contract is called nix. Known are:"),
        ("severity=Severity%209", "No severity is called Severity 9"),
        ("metric=nix", "No metric is called nix. Known are: first_response"),
        ("after=nix", "The next page cannot be found"),
        ("after=WzAsInN0YXRlIl0", "The next page cannot be found"),
        ("after=WzksMV0", "The next page cannot be found"),
        ("every=1", "every"),
        ("key=%00", "The address holds %00"),
        ("project=%3Cscript%3E", "No project is called <script>"),
        ("&".join(f"customer={n}" for n in range(101)), "customer can have 100 values at most"),
    ],
)
def test_a_filter_that_nobody_understands_is_named(some: Desk, asked: str, told: str) -> None:
    for path in ("/board", "/board/live"):
        answer = some.get(f"{path}?{asked}")
        assert answer.status_code == 400, answer.text
        assert told in words(answer.text)
        assert "<script>" not in answer.text.split("<main", 1)[1]
    if not asked.startswith(("nix", "every", "key", "customer")):
        answer = some.get(f"/api/board?{asked}")
        assert answer.status_code == 400, answer.text


def test_a_whole_key_leads_to_the_issue(some: Desk) -> None:
    for key in ("BIT-1", "bit-1"):
        assert some.get("/board", key=key).location == "/issues/BIT-1"
    assert "No open promise fits" in some.page("/board", key="BIT-99")


def test_what_stays_the_same_is_not_sent_again(some: Desk) -> None:
    page = some.get("/board", project="BIT").text
    mark = _MARK.search(page)
    assert mark
    again = some.get("/board/live", project="BIT", mark=mark[1])
    assert (again.status_code, again.data) == (204, b"")
    # Time went on, something was told, or another filter asks.
    assert some.get("/board/live", project="HLP", mark=mark[1]).status_code == 200
    some.world.jira.assign("BIT-1", AGENT)
    some.world.settle()
    changed = some.get("/board/live", project="BIT", mark=mark[1])
    assert changed.status_code == 200
    assert "Ada Agent" in words(changed.text)
    assert changed.text.lstrip().startswith('<div id="live">')
    mark = _MARK.search(changed.text)
    assert mark
    some.world.clock.at += timedelta(minutes=1)
    assert some.get("/board/live", project="BIT", mark=mark[1]).status_code == 200


def test_pages_go_on_where_the_last_one_ended(some: Desk) -> None:
    database = some.standing.database
    (row,) = database.read(
        lambda c: c.execute(select(cycles).where(cycles.c.contract == "bitumio")).mappings().all()
    )
    more = [{**row, "number": number} for number in range(2, 62)]
    database.write(lambda c: c.execute(insert(cycles), more))
    page = some.get("/board", project="BIT").text
    following = re.search(r'href="(/board\?project=BIT&amp;after=[^"]+)">Next page', page)
    assert following
    assert "50 of 61 rows" in words(page)
    last = some.get(following[1].replace("&amp;", "&")).text
    assert len(rows(page)) == 50
    assert len(rows(last)) == 11
    assert "Next page" not in last
    assert '<a class="button" href="/board?project=BIT">First page</a>' in last
    second = told(some, project="BIT", after=told(some, project="BIT")["next"])
    assert [each["number"] for each in second["rows"]] == list(range(51, 62))


def test_the_wall_screen_shows_the_next_few_and_no_navigation(some: Desk) -> None:
    page = some.get("/board", wall="1", theme="dark", project="BIT", every="30").text
    assert '<html lang="en" data-theme="dark">' in page
    assert 'class="wall"' in page
    assert "every 30s" in page
    assert '<noscript><meta http-equiv="refresh"' in page
    assert "OUT OF DATE" in page
    assert [row.split()[0] for row in rows(page)] == ["BIT-1"]
    assert "http-equiv" not in some.get("/board").text


def test_whatever_an_issue_holds_is_shown_and_nothing_breaks(some: Desk) -> None:
    world = some.world
    database = some.standing.database
    world.report("BOT", {"priority": "Low"})
    named = select(issues.c.key, issues.c.issue_id)
    ids = {row.key: row.issue_id for row in database.read(lambda c: c.execute(named).all())}

    # As a version left it that knew nothing of lists, under a name that no metric has.
    nameless = {"key": None, "project": None, "summary": None}
    stray = {
        "site": "default", "issue_id": ids["BIT-1"], "metric": "nix", "number": 1,
        "state": "running", "started_at": utc("2024-07-10 12:00"),
        "due_at": utc("2024-07-12 12:00"), "contract": "gone",
    }  # fmt: skip

    def spoil(c: Connection) -> None:
        for key, values in (
            ("HLP-1", nameless),
            ("BOT-2", {"summary": "<script>alert(1)</script>" * 400}),
            ("BOT-1", {"policy_version": "gone"}),
        ):
            c.execute(update(issues).where(issues.c.issue_id == ids[key]).values(values))
        c.execute(insert(cycles).values(stray))

    database.write(spoil)
    page = some.get("/board").text
    said = words(page)
    assert "<script>alert" not in page
    assert "<script>alert(1)</script>" in said
    assert f"id {ids['HLP-1']}" in said
    assert f'href="/issues/{ids["HLP-1"]}"' in page
    assert "cannot be worked out: policy version gone is not in the database" in said
    assert "It is just being judged anew." in said
    assert len(rows(page)) == 5
    assert max(len(row) for row in rows(page)) < 1000
    assert some.get("/board", wall="1").status_code == 200
    assert some.get("/board", filters="1").status_code == 200
    assert [row["key"] for row in told(some)["rows"]].count(None) == 1


def test_what_was_filled_in_stays_as_the_issue_is(some: Desk) -> None:
    """Moved, renamed, assigned to nobody again: as the facts have it."""
    world = some.world

    def listed(key: str) -> tuple[object, ...]:
        asked = select(
            issues.c.project, issues.c.summary, issues.c.assignee, issues.c.assignee_id,
            issues.c.issue_type, issues.c.priority,
        ).where(issues.c.key == key)  # fmt: skip
        return tuple(some.standing.database.read(lambda c: c.execute(asked).one()))

    world.jira.assign("BIT-1", AGENT)
    world.settle()
    account = world.jira.account(AGENT).account_id
    assert listed("BIT-1")[:4] == ("BIT", "Nobody can sign in", "Ada Agent", account)
    world.jira.edit("BIT-1", summary="Nobody at all can sign in", priority="Low")
    world.jira.assign("BIT-1", None)
    world.settle()
    assert listed("BIT-1")[1:4] == ("Nobody at all can sign in", None, None)
    assert listed("BIT-1")[5] == "Low"
    assert "Nobody at all can sign in" in some.page("/board")


def test_a_board_without_what_is_open_says_so(some: Desk) -> None:
    some.standing.database.write(lambda c: c.execute(delete(cycles)))
    some.standing.database.write(lambda c: c.execute(delete(policies)))
    assert "Nothing is open" in some.page("/board")


BEGAN = utc("2024-07-12 19:00")


def row(**values: Any) -> Row:
    """A running promise of four hours, with an hour and a bit left."""
    usual: dict[str, Any] = {
        "issue_id": "1", "key": "A-1", "summary": None, "project": "A", "contract": "c",
        "contract_title": "C", "severity": None, "metric": "m", "metric_title": "m", "number": 1,
        "binding": "goal", "state": "running", "in_danger": False, "started_at": BEGAN,
        "due_at": BEGAN, "time_zone": "America/New_York", "goal_seconds": 14400.0,
        "left_seconds": 4345.0, "open_now": True, "opens_at": None, "assignee_id": None,
        "assignee": None, "customer": None, "problem": "",
    }  # fmt: skip
    return Row(**usual | values)


@pytest.mark.parametrize(
    ("values", "words_left", "words_beside"),
    [
        ({}, "1 h 12 min of 4 h", ""),
        ({"state": "paused", "due_at": None, "open_now": False}, "1 h 12 min of 4 h", ""),
        ({"left_seconds": 59.0}, "under 1 min of 4 h", ""),
        ({"open_now": False, "opens_at": utc("2024-07-15 12:00")},
         "1 h 12 min of 4 h", "closed until Mon 08:00 EDT"),
        ({"open_now": False, "opens_at": utc("2024-12-30 13:00")},
         "1 h 12 min of 4 h", "closed until Mon 30 Dec 2024 08:00 EST"),
        ({"open_now": False},
         "1 h 12 min of 4 h", "closed for good: the calendar has no opening ahead"),
        ({"state": "breached", "left_seconds": -5400.0}, "late by 1 h 30 min", "goal 4 h"),
        ({"state": "breached", "left_seconds": 0.0}, "all of 4 h used up", "goal 4 h"),
        ({"problem": "It is unknown.", "left_seconds": None, "goal_seconds": None},
         "It is unknown.", ""),
    ],
)  # fmt: skip
def test_the_time_left_in_words(values: dict[str, Any], words_left: str, words_beside: str) -> None:
    assert words(left(row(**values))) == words_left
    assert words(beside(row(**values), BEGAN, "America/New_York")) == words_beside


@pytest.mark.parametrize(
    ("at", "told"),
    [
        ("2024-07-10 19:00", "today 15:00 EDT"), ("2024-07-11 05:00", "tomorrow 01:00 EDT"),
        ("2024-07-09 05:00", "yesterday 01:00 EDT"), ("2024-07-15 12:00", "Mon 08:00 EDT"),
        ("2024-07-16 05:00", "Tue 01:00 EDT"), ("2024-07-17 19:00", "Wed 17 Jul 2024 15:00 EDT"),
        ("2024-07-08 19:00", "Mon 8 Jul 2024 15:00 EDT"),
    ],
)  # fmt: skip
def test_an_instant_that_is_past_is_not_taken_for_one_ahead(at: str, told: str) -> None:
    assert due(utc(at), "America/New_York", utc("2024-07-10 19:30")) == told


def test_all_rows_are_told_in_one_zone(some: Desk) -> None:
    assert "Instants in UTC." in some.page("/board")
    assert "Instants in America/New_York." in some.page("/board", project="BIT")
    chosen = some.get("/board", zone="Europe/Berlin").text
    assert "Instants in Europe/Berlin." in chosen
    assert words(chosen).count("CEST") >= 4
    assert "EDT" not in words(chosen)
    assert "zone=Europe%2FBerlin" in chosen
    assert "there is no such time zone" in some.get("/board", zone="Mars/Base").text


def test_the_wall_names_what_is_breached_however_much_runs(desk: Desk) -> None:
    late = desk.world.report("HLP", {"Support plan": "Enterprise"})
    desk.world.advance(timedelta(hours=1))
    running = [desk.world.report("BIT", {"priority": "Low"}) for _ in range(16)]
    on_the_wall = shown(desk, wall="1")
    assert late in on_the_wall
    assert len(on_the_wall) == 15
    assert on_the_wall[:14] == running[:14]
    assert late not in shown(desk, wall="1", state="running")


def test_no_line_ends_within_a_length() -> None:
    shown = left(row(left_seconds=55_800.0, goal_seconds=57_600.0))
    assert shown.split(" ") == ["15\xa0h\xa030\xa0min", "of", "16\xa0h"]


def test_a_calendar_that_never_opens_is_told_in_its_row(some: Desk) -> None:
    fault = NeverOpens("calendar 'closed' has no open time after 2024")
    with patch("webhooks.console.questions.board.cycles_of", side_effect=fault):
        page = some.get("/board").text
        assert len(rows(page)) == 3
        assert words(page).count("cannot be worked out: calendar 'closed' has no open time") == 3
        assert some.get("/board", wall="1").status_code == 200


def test_what_is_not_promised_is_counted_and_listed_with_the_reason(desk: Desk) -> None:
    world = desk.world
    assert "nothing is promised for" not in desk.page("/board")
    first = world.report("BTL", {"priority": "Highest", "summary": "No sensor <b>reports</b>"})
    second = world.report("BTL", {"priority": "Highest"})
    world.report("BIT", {"priority": "Highest"})
    assert "2 open issues are not listed: nothing is promised for them." in desk.page("/board")
    of_project = desk.page("/board", project="BTL")
    assert "2 open issues of BTL are not listed" in of_project
    assert "nothing is promised for" not in desk.page("/board", project="BIT")
    listed = desk.get("/board/not-promised").text
    assert [row.split()[0] for row in rows(listed)] == [first, second]
    assert "No sensor &lt;b&gt;reports&lt;/b&gt;" in listed
    assert "Set it in the mapping of BTL" in listed
    assert 'href="/mapping/BTL"' in listed
    (row, _) = desk.json("/api/board/not-promised", project="BTL")
    assert (row["key"], row["contract"], row["missing"]) == (first, "butlr", True)
    assert row["reasons"]
    # What is resolved waits for nobody any more.
    world.advance(timedelta(minutes=5))
    world.jira.transition(second, "Done", account=AGENT)
    world.settle()
    assert "1 open issue is not listed: nothing is promised for it." in desk.page("/board")
    assert "There is none" in desk.page("/board/not-promised", project="BIT")
    assert desk.json("/api/board/not-promised", project="BIT") == []
