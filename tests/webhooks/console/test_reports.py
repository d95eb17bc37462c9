"""Reports as a manager reads them: counted, timed, explained, and as a statement for a customer."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from connector.simulator import AGENT
from sla.errors import StoreError
from sla.store import downtimes
from sla.store.reports import Answered
from sla.store.schema import cycles, issues
from tests.scenarios.world import utc
from tests.sla.store.decided import put
from tests.webhooks.console.desk import Desk, words
from webhooks.console.pages.reports import EXPORTS, percent
from webhooks.console.questions import breaches
from webhooks.console.questions.reports import Tally, ninety, quarter_of

AT = utc("2024-07-09 12:00")
HOSTILE = '<script>alert("x")</script>' + "é" * 273


def seed(desk: Desk, *rows: Mapping[str, Any]) -> None:
    desk.world.service.database.write(lambda c: put(c, *map(dict, rows)))


def told(desk: Desk, path: str, **query: str) -> Any:
    """What the API answers."""
    answer = desk.get(path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json


def table(desk: Desk, name: str, **query: str) -> list[dict[str, str]]:
    answer = desk.get("/reports.csv", table=name, **query)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_an_answer_in_time_and_one_that_came_late_are_told_with_their_times(desk: Desk) -> None:
    world = desk.world
    kept, late = (
        world.report("BIT", {"issuetype": "Bug", "priority": "Highest"}) for _ in range(2)
    )
    world.advance(timedelta(minutes=30))
    world.jira.add_comment(kept, "We are looking at it.", account=AGENT)
    world.settle()
    world.advance(timedelta(hours=2))
    world.jira.add_comment(late, "Sorry.", account=AGENT)
    world.settle()

    times = table(desk, "times", contract="bitumio")
    assert [(row["severity"], row["answers"], row["late"]) for row in times] == [
        ("Severity 1", "2", "1")
    ]
    assert float(times[0]["nine_of_ten_within_open_seconds"]) == 2.5 * 3600
    missed = [row for row in table(desk, "breaches") if row["metric"] == "first_response"]
    assert [row["issue"] for row in missed] == [late]
    assert missed[0]["why"] == "answered late"
    goal = told(desk, "/api/reports/breaches", metric="first_response")["rows"][0]
    assert goal["late_open_seconds"] == goal["late_seconds"] > 0
    assert goal["clause"]
    assert goal["goal"]
    page = desk.page("/reports", contract="bitumio")
    assert "answered late" in page
    assert "America/New_York" in page
    assert f'href="/issues/{late}"' in desk.get("/reports").text


def test_a_pause_does_not_count_and_a_raised_severity_is_named(desk: Desk) -> None:
    world = desk.world
    key = world.report("BIT", {"issuetype": "Bug", "priority": "Low"})
    world.advance(timedelta(minutes=90))
    world.jira.edit(key, {"priority": "Highest"})
    world.settle()
    world.advance(timedelta(hours=4))
    row = next(r for r in table(desk, "breaches") if r["metric"] == "first_response")
    assert "not answered yet" in row["why"]
    assert "became Severity 1 on Wed 10 Jul 2024" in row["why"]
    assert "earlier" in row["why"]


def test_who_was_away_says_so(desk: Desk) -> None:
    world = desk.world
    world.report("BIT", {"issuetype": "Bug", "priority": "Highest"})
    world.stop()
    world.clock.at += timedelta(hours=5)
    world.start()
    world.advance(timedelta(minutes=10))
    desk = Desk(world)
    desk.sign_in()
    whys = [row["why"] for row in table(desk, "breaches") if row["metric"] == "first_response"]
    assert len(whys) == 1
    assert "Dueline was away when it fell due" in whys[0]


def test_commitments_goals_and_conditional_ones_are_never_added(desk: Desk) -> None:
    seed(
        desk,
        *[{"at": AT, "state": "met"}] * 3,
        {"at": AT, "state": "breached", "binding": "goal"},
        {"at": AT, "state": "breached", "conditional": True},
        {"at": AT, "state": "cancelled"},
    )
    totals = told(desk, "/api/reports")["totals"]
    counted = [
        (t["binding"], t["conditional"], t["met"], t["breached"], t["cancelled"]) for t in totals
    ]
    assert counted == [
        ("commitment", False, 3, 0, 1), ("commitment", True, 0, 1, 0), ("goal", False, 0, 1, 0),
    ]  # fmt: skip
    page = desk.page("/reports")
    assert "100.0 % met, of 3 (commitment)" in page
    assert "0.0 % met, of 1 (commitment, conditional)" in page
    for name in ("weeks", "contracts", "severities", "metrics", "projects", "customers"):
        rows = table(desk, name)
        assert sum(int(row["breached"]) for row in rows if row["promised_as"] == "goal") == 1
        assert sum(int(row["met"]) for row in rows) == 3


def test_a_period_begins_and_ends_where_it_says(desk: Desk) -> None:
    first, second = utc("2024-06-30 23:59"), utc("2024-07-01 00:00")
    seed(desk, {"at": first, "state": "met"}, {"at": second, "state": "breached"})

    def counted(**query: str) -> tuple[int, int]:
        totals = told(desk, "/api/reports", **query)["totals"]
        return sum(t["met"] for t in totals), sum(t["breached"] for t in totals)

    assert counted(period="last-month") == (1, 0)
    assert counted(period="this-month") == (0, 1)
    assert counted() == (1, 1)
    assert counted(since="2024-06-30", until="2024-06-30") == (1, 0)
    # A contract whose calendars agree on a zone is reported in it: there it was June still.
    assert counted(period="last-month", contract="bitumio") == (1, 1)
    assert table(desk, "weeks", since="2024-12-23", until="2025-01-05") == []
    seed(desk, {"at": utc("2023-12-31 12:00"), "state": "met", "issue_id": "old"})
    weeks = table(desk, "weeks", since="2023-12-20", until="2024-01-03")
    shown = [(row["week"], row["whole"], row["met"]) for row in weeks]
    assert shown == [("2023-W51", "no", "0"), ("2023-W52", "yes", "1"), ("2024-W01", "no", "0")]


def test_what_is_hostile_is_shown_and_defused(desk: Desk) -> None:
    seed(
        desk,
        {"at": AT, "state": "breached", "customer": HOSTILE, "summary": "=HYPERLINK(1)"},
        {"at": AT, "state": "met", "customer": "+1", "assignee": "@me", "contract": "vanished"},
    )
    for path in ("/reports", f"/reports?customer={HOSTILE}", "/reports?contract=vanished"):
        answer = desk.get(path)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
    assert "vanished" in desk.page("/reports", contract="vanished")
    assert table(desk, "breaches")[0]["summary"] == "'=HYPERLINK(1)"
    assert {row["customer"] for row in table(desk, "customers")} == {HOSTILE, "'+1"}
    assert "'@me" in {row["responder"] for row in table(desk, "responders")}
    statement = desk.get("/reports/statement", customer=HOSTILE, month="2024-07")
    assert statement.status_code == 200
    assert "<script>alert" not in statement.text
    assert HOSTILE in words(statement.text)


def test_nothing_decided_is_said(desk: Desk) -> None:
    assert "no promise was decided yet" in desk.page("/reports")
    assert "that fits the filters" in desk.page("/reports", customer="Nobody")
    assert "No promise is known that names a customer" in desk.page("/reports/statement")
    for name in EXPORTS:
        assert desk.get("/reports.csv", table=name).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/reports?contract=nope", "/reports?project=NOPE", "/api/reports?severity=nope",
        "/reports?period=week", "/reports?since=yesterday",
        "/reports?since=2024-07-02&until=2024-07-01",
        "/reports?until=0001-01-01", "/reports?since=1980-01-01", "/reports?nonsense=1",
        "/reports?after=x", "/reports?after=[1,%22a%22,%22b%22,99999999999]",
        "/reports?customer=%00",
        "/reports?after=[99999999999999999999999,%22a%22,%22b%22,1]",
        "/reports.csv?table=passwords", "/reports.csv?since=x", "/reports/uptime?month=13",
        "/reports/uptime?contract=bitumio", "/reports/statement?customer=x&month=2024-13",
        "/api/reports?since=x", "/api/reports/breaches?after=x", "/api/reports/uptime?month=x",
        "/api/reports/statement?customer=%00&month=2024-06",
    ],
)  # fmt: skip
def test_what_means_nothing_is_refused_with_what_was_typed(desk: Desk, path: str) -> None:
    seed(desk, {"at": AT, "state": "met", "customer": "x"})
    answer = desk.get(path)
    assert answer.status_code == 400, answer.text
    if path == "/reports?since=yesterday":
        assert 'value="yesterday"' in answer.text
        assert "such as 2026-10-31" in answer.text


def test_of_breaches_that_cannot_be_read_to_their_end_there_is_no_half_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed(desk, *({"at": AT, "state": "breached"} for _ in range(3)))
    assert len(table(desk, "breaches")) == 3

    def missed_in(*asked: Any) -> breaches.Breaches:
        if asked[2] is not None:
            raise StoreError("away")
        return as_it_is(*asked)

    as_it_is = breaches.missed_in
    monkeypatch.setattr(breaches, "_AT_ONCE", 2)
    monkeypatch.setattr(breaches, "missed_in", missed_in)
    with capture_logs() as logs:
        answer = desk.get("/reports.csv", table="breaches")
    assert (answer.status_code, answer.content_type) == (503, "text/html; charset=utf-8")
    assert [line["endpoint"] for line in logs] == ["reports.as_csv"]


def test_nobody_who_did_not_sign_in_reads_a_report(outside: Desk) -> None:
    for path in ("/reports", "/reports/uptime", "/reports/statement", "/reports.csv"):
        assert outside.get(path).status_code == 302
    assert outside.get("/api/reports").status_code == 401


def test_a_statement_holds_what_is_the_customers_own_and_nothing_for_the_team(desk: Desk) -> None:
    seed(
        desk,
        {"at": AT, "state": "breached", "customer": "Acme", "key": "A-1", "assignee": "Ada"},
        {"at": AT, "state": "met", "customer": "Acme", "key": "A-2", "contract": "vanished"},
        {"at": AT, "state": "cancelled", "customer": "Acme", "key": "A-3", "binding": "goal"},
        {"at": AT, "state": "met", "customer": "Acme", "contract": "balto", "key": "A-4"},
        {"at": AT, "state": "breached", "customer": "Rival", "key": "R-1", "summary": "secret"},
    )

    def down(connection: Any) -> None:
        for customers, hours in (("Acme",), 1), (("Rival",), 8), ((), 2):
            begins = AT + timedelta(hours=4 * hours)
            downtimes.add(
                connection, "default", "balto", confirmed_at=begins, now=AT, customers=customers,
                restored_at=begins + timedelta(hours=1), note="internal remark", kind="Outage",
            )  # fmt: skip

    desk.world.service.database.write(down)
    found = told(desk, "/api/reports/statement", customer="Acme", month="2024-07")
    assert [each["key"] for each in found["breached"]] == ["A-1"]
    assert [len(each["downtime"]) for each in found["uptime"]] == [2]
    assert Decimal(found["uptime"][0]["down_minutes"]) == 120
    assert any("vanished" in each for each in found["left_out"])
    assert any("nothing was owed any more" in each for each in found["left_out"])
    bitumio = next(each for each in found["promises"] if each["contract"] == "bitumio")
    assert bitumio["clause"].startswith("4.1")
    assert bitumio["goal"] == "2 h"
    page = desk.get("/reports/statement", customer="Acme", month="2024-07")
    for foreign in ("Rival", "secret", "R-1", "internal remark", "Ada"):
        assert foreign not in page.text.partition("<article")[2].partition("</article>")[0]
    assert "July 2024" in page.text
    assert desk.get("/reports/statement", customer="Nobody", month="2024-07").status_code == 404
    early = desk.get("/reports/statement", customer="Acme", month="2024-08")
    assert early.status_code == 400
    assert "has not begun" in early.text


def test_what_was_answered_before_it_was_recorded_is_left_out_and_said(desk: Desk) -> None:
    seed(desk, *[{"at": AT, "state": "met"}] * 2)
    gone = update(cycles).where(cycles.c.issue_id == "9000000").values(used=None, goal=None)
    desk.world.service.database.write(lambda c: c.execute(gone))
    found = told(desk, "/api/reports")
    assert (found["untimed"], found["times"][0]["answers"]) == (1, 1)
    assert "1 older answer is left out" in desk.page("/reports")


def test_a_cycle_recorded_before_its_time_was_is_timed_when_it_is_decided_again(desk: Desk) -> None:
    world = desk.world
    key = world.report("BIT", {"issuetype": "Bug", "priority": "Highest"})
    world.advance(timedelta(minutes=10))
    world.jira.add_comment(key, "Yes?", account=AGENT)
    world.settle()
    forget = update(cycles).values(used=None, goal=None)
    world.service.database.write(lambda c: c.execute(forget))
    assert told(desk, "/api/reports")["untimed"] == 1
    world.jira.edit(key, {"summary": "Another"})
    world.settle()
    assert told(desk, "/api/reports")["untimed"] == 0


def test_what_is_missed_comes_in_pages(desk: Desk) -> None:
    seed(desk, *({"at": AT - timedelta(minutes=n), "state": "breached"} for n in range(120)))
    seen: list[str] = []
    after = ""
    while True:
        page = told(desk, "/api/reports/breaches", **({"after": after} if after else {}))
        seen += [row["key"] for row in page["rows"]]
        if not page["next"]:
            break
        after = page["next"]
    assert seen == [f"OLD-{n + 1}" for n in range(120)]
    assert len(table(desk, "breaches")) == 120
    first = desk.get("/reports").text
    assert "Show more" in first
    assert "OLD-50" in first
    assert "OLD-51" not in first


def test_quarters_shares_and_ninetieths_at_their_edges() -> None:
    def quarter(used: int, goal: int = 100, *, in_time: bool = True) -> int:
        return quarter_of(Answered(None, "goal", False, in_time, used, goal))

    assert [quarter(used) for used in (0, 25, 26, 50, 51, 75, 76, 100)] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert quarter(100, in_time=False) == 4
    assert quarter(0, 0) == 0
    assert [ninety(range(1, n + 1)) for n in (1, 2, 9, 10, 11, 100)] == [1, 2, 9, 9, 10, 90]
    shares = [
        percent(Tally("goal", False, *each)) for each in ((0, 0), (9999, 1), (1, 9999), (1, 2))
    ]
    assert shares == ["–", "99.9 %", "0.1 %", "33.3 %"]


def test_the_plots_tell_their_figures_to_those_who_do_not_see_them(desk: Desk) -> None:
    seed(desk, {"at": AT, "state": "met"}, {"at": AT, "state": "breached", "binding": "goal"})
    desk.world.service.database.write(lambda c: c.execute(update(issues).values(customer="Z")))
    shown = desk.get("/reports").text
    assert 'role="img" aria-label="Part that was met, by week' in shown
    assert "2024-W28: 100.0 % of 1 met (commitment)" in shown
    assert 'aria-label="Severity 1, commitment: of 1 answers 0 up to 25 %, 1 25 to 50 %' in shown
    assert "style=" not in shown
