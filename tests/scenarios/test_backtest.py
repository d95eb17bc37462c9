"""What a period would have come to under another contract, against reports and by hand."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace
from sqlalchemy import select

from config.configuration import Configuration
from config.settings import SHIPPED, Secret
from connector.simulator import AGENT
from sla.decide import Ledger, decide
from sla.store import issues, reports
from sla.store.reports import Wanted
from sla.store.schema import issues as issues_table
from tests.scenarios.conftest import Story
from tests.scenarios.test_planning import environment
from tests.scenarios.world import World
from webhooks.backtesting import Backtest, Days, backtest, documents_of, tried
from webhooks.backtesting_jira import backtest_jira
from webhooks.cli import main
from webhooks.clock import FastClock
from webhooks.questions import QuestionError

HOUR = timedelta(hours=1)
JULY = Days(date(2024, 7, 1), date(2024, 7, 31))


@pytest.fixture
def filled(after: Callable[[Story], World]) -> World:
    """A world with all of that."""
    return after(fill)


def fill(cloud: World) -> None:
    """Answered soon, answered late, not answered; in some projects and severities."""
    keys = [
        cloud.report(project, priority=priority)
        for project in ("BIT", "HLP", "BOT")
        for priority in ("Highest", "Medium", "Low")
    ]
    for nth, key in enumerate(keys):
        cloud.advance(HOUR * (nth % 3 + 1))
        if nth % 4 != 3:
            cloud.jira.add_comment(key, "We look into it.", account=AGENT)
            cloud.settle()
    cloud.jira.transition(keys[0], "Done", account=AGENT)
    cloud.jira.delete_issue(keys[5])
    cloud.advance(timedelta(days=2))


def ran(place: World, contract: Path, days: Days = JULY, at_once: int = 1_000) -> Backtest:
    return backtest(place.settings, contract, days, place.clock.now(), at_once=at_once)


def tighter(directory: Path) -> Path:
    """Bitumio's contract with half an hour in place of two hours."""
    text = (SHIPPED / "contracts" / "bitumio.yaml").read_text("utf-8")
    file = directory / "tighter.yaml"
    file.write_text(text.replace("target: 2h", "target: 30m", 1), "utf-8")
    return file


def test_today_is_what_the_report_counts(filled: World) -> None:
    """And what is in force comes to what is recorded: nothing differs."""
    found = ran(filled, filled.settings.config, at_once=2)
    counted: Counter[tuple[str, ...]] = Counter()
    wanted = Wanted(found.from_at, found.to_at)
    now = filled.clock.now()
    groups = filled.service.database.read(
        lambda c: reports.grouped(c, "default", wanted, now, [found.from_at])
    )
    for group in groups:
        kind = (group.contract, group.metric, group.severity or "", group.binding)
        counted[*kind, group.outcome] += group.number
    assert counted
    for side in ("today", "other"):
        told: Counter[tuple[str, ...]] = Counter()
        for line in found.lines:
            kind = (line.contract, line.metric, line.severity or "", line.binding)
            for outcome in ("met", "breached", "cancelled"):
                told[*kind, outcome] += getattr(getattr(line, side), outcome)
        assert +told == counted
    assert found.differing == []
    assert (found.changes, found.moved, found.looked_at) == ([], 0, 9)


def by_hand(
    place: World, issue_id: str, by: Configuration
) -> dict[str, tuple[str, datetime | None, float | None]]:
    """Of each metric of an issue what became of it, when it was due, how late the answer came."""
    facts, now = place.service.engine.sites["default"], place.clock.now()
    names = facts.names_for(by.policy)
    timeline = place.service.database.read(
        lambda c: issues.timeline_of(c, "default", issue_id, names)
    )
    found: dict[str, tuple[str, datetime | None, float | None]] = {}
    for cycle in decide(timeline, facts.applied_to(by.policy), Ledger(), now).cycles:
        late = None
        if cycle.stopped_at and cycle.state == "breached":
            late = (cycle.elapsed - cycle.promise.goal_time).total_seconds()
        assert cycle.metric not in found
        became = cycle.state if cycle.state in ("met", "breached", "cancelled") else "open"
        found[cycle.metric] = (became, cycle.due_at, late)
    return found


def test_what_differs_is_what_each_history_comes_to(filled: World, tmp_path: Path) -> None:
    contract = tighter(tmp_path)
    after = tried(contract, filled.configuration, lambda: documents_of(filled.settings))
    found = ran(filled, contract)
    wanted = {
        (key, metric): (was, would)
        for key, issue_id in issue_ids(filled)
        for metric, would in by_hand(filled, issue_id, after).items()
        if (was := by_hand(filled, issue_id, filled.configuration)[metric])[0] != would[0]
    }
    assert {
        (each.issue, each.metric): (
            (each.outcome_from, each.due_from, each.sooner_seconds and None),
            (each.outcome_to, each.due_to, each.sooner_seconds),
        )
        for each in found.differing
    } == wanted
    assert found.newly_breached
    assert found.changes == ["contract bitumio changed: metrics"]
    for outcome in ("met", "breached", "cancelled"):
        today, other = (
            sum(getattr(getattr(line, side), outcome) for line in found.lines)
            for side in ("today", "other")
        )
        came = Counter(each.outcome_to for each in found.differing)
        went = Counter(each.outcome_from for each in found.differing)
        assert other - today == came[outcome] - went[outcome]


def issue_ids(place: World) -> list[tuple[str, str]]:
    """Every issue that was heard of."""
    listed = select(issues_table.c.key, issues_table.c.issue_id)
    return [(key, id_) for key, id_ in place.service.database.read(lambda c: c.execute(listed))]


@pytest.mark.one_database("sqlite")
def test_a_live_jira_tells_the_same(filled: World, tmp_path: Path) -> None:
    """Without a database; what is deleted is gone from Jira, and nothing is written there."""
    contract = tighter(tmp_path)
    recorded = ran(filled, contract)
    bare = replace(filled.settings, database_url=Secret(f"sqlite:///{tmp_path}/none.sqlite3"))
    before = [(issue.updated, len(issue.comments)) for issue in filled.jira.issues.values()]
    live = backtest_jira(bare, contract, JULY, filled.clock.now())
    after = [(issue.updated, len(issue.comments)) for issue in filled.jira.issues.values()]
    assert before == after
    assert not (tmp_path / "none.sqlite3").exists()
    assert live.looked_at == recorded.looked_at - 1
    assert live.differing == recorded.differing
    narrow = backtest_jira(
        bare, contract, JULY, filled.clock.now(), jql="priority = Highest OR priority = Low"
    )
    assert 0 < narrow.looked_at < live.looked_at
    for wrong, told in (
        ("priority = Low ORDER BY key", "without ORDER BY"),
        ("colour = x", "colour"),
    ):
        with pytest.raises(QuestionError, match=told):
            backtest_jira(bare, contract, JULY, filled.clock.now(), jql=wrong)


@pytest.mark.one_database("sqlite")
def test_a_sign_in_that_is_refused_is_told_at_once(cloud: World, tmp_path: Path) -> None:
    """Jira locks an account that tries again and again, and somebody waits for the answer."""
    wrong = replace(cloud.settings, jira_token=Secret("wrong"))
    waited: list[float] = []
    with pytest.raises(QuestionError, match="answered 401") as refused:
        backtest_jira(wrong, tighter(tmp_path), JULY, cloud.clock.now(), wait=waited.append)
    assert "token" in str(refused.value)
    assert waited == []


def test_a_promise_counts_in_the_period_in_which_it_was_decided(
    cloud: World, tmp_path: Path
) -> None:
    """Reported late on Wednesday, answered on Thursday by UTC: due on the one day or the other."""
    cloud.advance(timedelta(hours=4, minutes=20))
    key = cloud.report("BIT", priority="Highest")
    cloud.advance(timedelta(minutes=50))
    cloud.jira.add_comment(key, "We look into it.", account=AGENT)
    cloud.settle()
    contract = tighter(tmp_path)
    wednesday, thursday = (Days(date(2024, 7, day), date(2024, 7, day)) for day in (10, 11))
    (first,) = ran(cloud, contract, wednesday).differing
    assert (first.outcome_from, first.outcome_to) == ("outside the period", "breached")
    (second,) = ran(cloud, contract, thursday).differing
    assert (second.outcome_from, second.outcome_to) == ("met", "outside the period")
    assert (first.due_to, first.answered_at) == (second.due_to, second.answered_at)


def test_the_command_answers_people_and_programs(
    filled: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(filled).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DUELINE_DEMO_CLOCK", str(FastClock.starting(filled.clock.now(), 1)))
    contract = tighter(tmp_path)
    asked = ["backtest", "--contract", str(contract), "--from", "2024-07-01", "--to", "2024-07-31"]
    files = {name: tmp_path / f"{name}.csv" for name in ("csv", "differing")}
    given = [each for name, file in files.items() for each in (f"--{name}", str(file))]
    told = CliRunner().invoke(main, [*asked, *given, "--save", "An hour for all"])
    answer = CliRunner().invoke(main, [*asked, "--json"])
    assert (told.exit_code, answer.exit_code) == (0, 0), told.output
    found = json.loads(answer.stdout)
    assert "contract bitumio changed: metrics" in told.stdout
    assert "of open time sooner in all" in told.stdout
    assert "/backtests/1" in told.stderr
    rows = list(csv.DictReader(io.StringIO(files["differing"].read_text("utf-8"))))
    assert [row["issue"] for row in rows] == [each["issue"] for each in found["differing"]]
    counts = list(csv.DictReader(io.StringIO(files["csv"].read_text("utf-8"))))
    assert [int(row["other_breached"]) for row in counts] == [
        each["other"]["breached"] for each in found["lines"]
    ]
    stranger = tmp_path / "stranger.yaml"
    stranger.write_text("contract: gold\n", "utf-8")
    for more, sentence in (
        (["--to", "2024-06-30"], "lies before --from"),
        (["--from", "2031-01-01", "--to", "2031-01-02"], "has not come yet"),
        (["--contract", str(stranger)], "contract gold, which is not in force"),
        (["--save", " "], "a name has 1 to 200 characters"),
        (["--jql", "project = HLP"], "--jql goes with --from-jira"),
        (["--csv", str(tmp_path / "none" / "x.csv")], f"there is no directory {tmp_path}/none"),
        (["--differing", str(tmp_path / "none" / "x.csv")], "x.csv: cannot be written"),
    ):
        refused = CliRunner().invoke(main, [*asked, *more])
        assert refused.exit_code in (1, 2)
        assert sentence in refused.output
        assert "Traceback" not in refused.output
