"""Which open issues another configuration would move, before it comes into force."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from subprocess import run
from typing import Any
from unittest.mock import Mock

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, event, func, select, text, update

from config.loader import load
from config.settings import SHIPPED
from connector.simulator import AGENT
from sla.decide import Ledger, decide, folded
from sla.store import consequences, issues, open_issues
from sla.store.database import Database
from sla.store.migrate import migrate
from sla.store.open_issues import Facts
from sla.store.schema import issues as issues_table
from tests.scenarios.conftest import Story
from tests.scenarios.world import World, a_site, utc, world
from webhooks import foreseeing
from webhooks.cli import main
from webhooks.clock import FastClock
from webhooks.foreseeing import Foreseeing
from webhooks.planning import NOTHING_MOVES, SOMETHING_BREAKS, SOMETHING_MOVES, Plan, plan

HOUR = timedelta(hours=1)
SEVERITIES = [
    {"priority": ["Highest", "High"], "severity": "High"},
    {"priority": "Medium", "severity": "Medium"},
    {"priority": ["Low", "Lowest"], "severity": "Low"},
]
NOBODYS, REPORTED_AT = "responders: {only: [nobody]}\n", "reported_at: Reported at\n"
DUTY = """
duties:
  - id: logs
    who: customer
    clause: "Standard: may vary"
    text: Send the logs.
    done:
      - { fields: { Logs: Sent } }
    effect: conditional
    metrics: [first_response]
"""
CHANGED = issues_table.c.steady.contains('["priority"]')
"""Of whose priority it is noted that it changed."""


def shipped_but(directory: Path, **changes: Any) -> Path:
    directory.mkdir()
    return a_site(directory, **changes)


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """Medium is High, and nothing of Bitumio's is covered."""
    high = {"priority": ["Highest", "High", "Medium"], "severity": "High"}
    low = {"priority": ["Low", "Lowest"], "severity": "Low"}
    rules = {
        "contracts": [
            {"contract": "enterprise", "tier": "Enterprise"},
        ],
        "severities": [high, low],
    }
    return shipped_but(tmp_path / "stricter", projects={"HLP": rules, "BIT": None})


@pytest.fixture
def populated(after: Callable[[Story], World]) -> World:
    """A world that has them."""
    return after(populate)


def populate(cloud: World) -> None:
    """Issues at every stage of their lives."""
    for project in ("HLP", "BIT", "BOT", "BAL"):
        for priority in ("Highest", "Medium", "Low"):
            cloud.report(project, priority=priority)
            cloud.clock.at += timedelta(minutes=7)
    keys = {name: cloud.report("HLP", priority="High") for name in "abcd"}
    cloud.report("HLP", {"Support plan": "Enterprise"}, priority="High")
    cloud.jira.add_comment(keys["a"], "We look into it.", account=AGENT)
    cloud.jira.transition(keys["b"], "Done", account=AGENT)
    cloud.jira.delete_issue(keys["c"])
    cloud.jira.edit(keys["d"], {"priority": "Low"}, account=AGENT)
    cloud.advance(3 * HOUR)


def planned(place: World, directory: Path, **how: Any) -> Plan:
    return plan(place.settings, directory, place.clock.now(), **how)


def decided(place: World, directory: Path) -> dict[tuple[str, str], tuple[Any, Any]]:
    """For each issue and metric the latest running clock by a directory: its state, its due."""
    policy = place.service.engine.sites["default"].applied_to(load(directory).policy)
    names = place.service.engine.sites["default"].names_for(policy)
    database, now = place.service.database, place.clock.now()
    rows = database.read(
        lambda c: c.execute(select(issues_table.c.issue_id, issues_table.c.key)).all()
    )
    found = {}
    for issue_id, key in rows:
        timeline = database.read(
            lambda c, id_=issue_id: issues.timeline_of(c, "default", id_, names)  # type: ignore[misc]
        )
        for cycle in decide(timeline, policy, Ledger(), now).cycles:
            found[key, cycle.metric] = (
                (cycle.state, cycle.due_at) if cycle.ending is None else (None, None)
            )
    return {which: stands for which, stands in found.items() if stands != (None, None)}


def test_what_is_in_force_moves_nothing(populated: World) -> None:
    found = planned(populated, populated.settings.config)
    assert found.moves == []
    assert found.changes == []
    assert found.exit_status == NOTHING_MOVES
    assert found.looked_at == 15


def test_what_moves_is_what_each_history_comes_to(populated: World, stricter: Path) -> None:
    before = decided(populated, populated.settings.config)
    after = decided(populated, stricter)
    wanted = {
        which: (before.get(which, (None, None)), after.get(which, (None, None)))
        for which in before.keys() | after.keys()
        if before.get(which) != after.get(which)
    }
    for at_once in (1, 5, 1_000):
        found = planned(populated, stricter, at_once=at_once)
        assert {
            (move.issue, move.metric): (
                (move.state_from, move.due_from),
                (move.state_to, move.due_to),
            )
            for move in found.moves
        } == wanted
        assert found.exit_status == SOMETHING_BREAKS
        assert list(found.moves) == sorted(found.moves, key=lambda move: move.urgency)


def test_a_due_instant_may_move_without_anything_being_broken(cloud: World, tmp_path: Path) -> None:
    key = cloud.report("HLP", priority="Low")
    rules = {"contracts": [{"contract": "bitumio"}], "severities": [{"severity": "Severity 1"}]}
    found = planned(cloud, shipped_but(tmp_path / "other", projects={"HLP": rules}))
    (move,) = found.moves
    assert (move.issue, move.contract, move.state_from, move.state_to) == (
        key, "bitumio", "running", "running",
    )  # fmt: skip
    assert move.due_from != move.due_to
    assert "project HLP changed: contracts, severities" in map(str, found.changes)
    assert found.exit_status == SOMETHING_MOVES


@pytest.mark.one_database("sqlite")
def test_issues_of_which_fields_alone_change_are_named_the_first_ten(
    cloud: World, tmp_path: Path
) -> None:
    """Standard Support promises the same whether Medium is Medium or High."""
    keys = [cloud.report("HLP", priority="Medium") for _ in range(12)]
    high = {"priority": ["Highest", "High", "Medium"], "severity": "High"}
    rules = {"contracts": [{"contract": "standard"}], "severities": [high]}
    target = shipped_but(tmp_path / "high", projects={"HLP": rules})
    found = planned(cloud, target)
    lines = list(found.lines())
    at = lines.index(
        "Would be written to Jira: the fields of 12 issues. Nothing that was said is said again."
    )
    assert found.moves == []
    assert lines[at + 1 : at + 12] == [
        *(f"  {key} fields: severity Medium -> High" for key in keys[:10]),
        "  and 2 more; --json has all of them",
    ]


def test_time_counts_though_nobody_was_woken(cloud: World, stricter: Path) -> None:
    """Recorded as running, and broken since: what is in force moves nothing of it."""
    cloud.report("HLP", priority="High")
    cloud.clock.at += timedelta(days=9)
    assert planned(cloud, cloud.settings.config).moves == []


@pytest.mark.one_database("sqlite")
def test_an_issue_is_open_until_it_is_resolved(cloud: World, stricter: Path) -> None:
    """With or without a clock: what a new contract would promise has to be found."""
    answered, reopened, done = (cloud.report("HLP", priority="High") for _ in range(3))
    for key in (answered, reopened, done):
        cloud.jira.add_comment(key, "We look into it.", account=AGENT)
    for key in (reopened, done):
        cloud.jira.transition(key, "Done", account=AGENT)
    cloud.settle()
    cloud.jira.transition(reopened, "To Do", account=AGENT)
    cloud.settle()
    assert planned(cloud, stricter).looked_at == 2


@pytest.mark.one_database("sqlite")
def test_what_is_still_to_be_read_is_counted_apart(cloud: World, stricter: Path) -> None:
    key = cloud.report("HLP", priority="High")
    issue_id = cloud.jira.issue(key).id
    cloud.service.database.write(
        lambda c: issues.ask_for_history(c, "default", issue_id, cloud.clock.now())
    )
    found = planned(cloud, stricter)
    assert (found.looked_at, found.unread) == (0, 1)
    assert "1 more is not" in "\n".join(found.lines())


def test_statements_grow_with_the_ranges_alone(populated: World, stricter: Path) -> None:
    def asked(at_once: int) -> int:
        statements: list[str] = []

        def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
            if (
                "FROM events" in statement
                or "FROM issues" in statement
                or "FROM cycles" in statement
            ):
                statements.append(statement)

        event.listen(Engine, "before_cursor_execute", note)
        try:
            planned(populated, stricter, at_once=at_once)
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        return len(statements)

    # The ranges, the unread, and of each range: its issues, their clocks, what is over, which
    # fields changed, the facts.
    assert asked(1_000) == 2 + 5
    assert asked(6) <= 2 + 5 * 3


@pytest.mark.one_database("sqlite")
def test_what_a_change_cannot_touch_is_not_worked_out_again(
    populated: World, stricter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that is nobody's touches none, a goal the issues of its contract, the site all."""
    decided, ledgers = Mock(wraps=decide), Mock(wraps=consequences.ledgers)
    monkeypatch.setattr(foreseeing, "decide", decided)
    monkeypatch.setattr(consequences, "ledgers", ledgers)

    def work(directory: Path) -> tuple[int, int]:
        decided.reset_mock()
        ledgers.reset_mock()
        assert planned(populated, directory).looked_at == 15
        return decided.call_count, ledgers.call_count

    unmatched = {"type": "Nobody has it", "severity": "High"}
    enterprise = {"contracts": [{"contract": "enterprise"}], "severities": [unmatched]}
    rule = shipped_but(tmp_path / "rule", projects={"NEW": enterprise})
    goal, site = (shipped_but(tmp_path / name) for name in ("goal", "site"))
    (goal / "contracts").mkdir()
    text = (SHIPPED / "contracts" / "bitumio.yaml").read_text("utf-8")
    (goal / "contracts" / "bitumio.yaml").write_text(text.replace("target: 1h", "target: 3h"))
    with (site / "site.yaml").open("a") as file:
        file.write("\nremote_link: false\n")
    statement = select(func.count()).where(issues_table.c.policy_version.is_(None))
    uncovered = populated.service.database.read(lambda c: c.execute(statement).scalar_one())
    assert uncovered == 3
    # What nothing covers may be covered by whatever comes: it is worked out each time.
    assert work(rule) == (uncovered, 1)
    assert work(goal) == (uncovered + 3, 1)
    # Those that are over and not resolved, too: something may wait to be said of them.
    read = populated.service.database.read(
        lambda c: len([*open_issues.read(c, "default", open_issues.Range())])
    )
    assert work(site) == (read, 1)


@pytest.mark.parametrize(
    ("contracts", "read_of"), [(("standard", "bitumio", "botron"), 7), (("botron",), 6)]
)
def test_where_goals_alone_differ_no_history_is_read_of_what_follows_from_the_record(
    populated: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    contracts: tuple[str, ...], read_of: int,
) -> None:  # fmt: skip
    """Only of what nothing covers, what no clock runs for, and what was lowered of their own."""
    lowered = populated.report("HLP", priority="High")
    populated.advance(HOUR)
    populated.jira.edit(lowered, {"priority": "Low"}, account=AGENT)
    populated.settle()
    sooner = shipped_but(tmp_path / "sooner")
    (sooner / "contracts").mkdir()
    for contract in contracts:
        text = (SHIPPED / "contracts" / f"{contract}.yaml").read_text("utf-8")
        doubled = re.sub(r"(?<=target: )1(?=h| business)", "2", text)
        (sooner / "contracts" / f"{contract}.yaml").write_text(doubled, "utf-8")
    looked_at = Mock(wraps=Facts.timeline)
    monkeypatch.setattr(Facts, "timeline", lambda self, rows: looked_at(self, rows))
    found = planned(populated, sooner)
    assert looked_at.call_count == read_of
    monkeypatch.setattr(Foreseeing, "_by_record", lambda *_: None)
    whole = planned(populated, sooner)
    assert whole.moves
    assert found.as_json() == whole.as_json()
    assert looked_at.call_count == read_of + 18


@pytest.mark.parametrize(
    "severities",
    [
        # A rule that is nobody's; one by a field that no rule has looked at so far.
        [{"type": "Nobody has it", "severity": "High"}, *SEVERITIES],
        [{"fields": {"Impact": "Extensive"}, "severity": "High"}, *SEVERITIES],
        # All of one severity, or most of none.
        [{"severity": "High"}],
        SEVERITIES[:1],
    ],
)
def test_where_another_mapping_gives_the_same_clocks_no_history_is_read(
    populated: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    severities: list[dict[str, Any]],
) -> None:  # fmt: skip
    """Only of what nothing covers, what no clock runs for, and what was lowered."""
    contracts = [
        {"contract": "enterprise", "tier": "Enterprise", "fields": {"Support plan": "Enterprise"}},
        {"contract": "standard", "tier": "Standard"},
    ]
    rules = {"contracts": contracts, "severities": severities}
    target = shipped_but(tmp_path / "target", projects={"HLP": rules})
    looked_at = Mock(wraps=Facts.timeline)
    monkeypatch.setattr(Facts, "timeline", lambda self, rows: looked_at(self, rows))

    def found() -> tuple[Plan, int]:
        looked_at.reset_mock()
        return planned(populated, target), looked_at.call_count

    by_note, histories = found()
    assert histories == 7
    database = populated.service.database
    # As a release before this one leaves it that has heard of a change.
    stale = update(issues_table).values(
        steady=func.replace(issues_table.c.steady, '["priority"]', "[]")
    )
    assert database.write(lambda c: c.execute(stale.where(CHANGED)).rowcount) == 1
    assert found()[0].as_json() == by_note.as_json()
    database.write(lambda c: c.execute(update(issues_table).values(steady=None)))
    whole, histories = found()
    assert histories == 17
    assert by_note.as_json() == whole.as_json()


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize(
    ("in_force", "target"),
    [(NOBODYS + REPORTED_AT, REPORTED_AT), (NOBODYS, NOBODYS + REPORTED_AT)],
)
def test_a_site_that_counts_other_replies_or_another_start_is_looked_up_in_the_histories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_force: str, target: str
) -> None:
    """The clocks on record are those that the version in force started and stopped."""
    sites = {"in force": in_force, "target": target}
    for name, document in sites.items():
        (made := shipped_but(tmp_path / name) / "site.yaml").write_text(document, "utf-8")
        sites[name] = str(made.parent)
    with world(tmp_path, utc("2024-07-10 19:00"), config=Path(sites["in force"])) as place:
        reported = (
            (place.clock.now() - HOUR).isoformat(timespec="milliseconds").replace("+00:00", "+0000")
        )
        for priority in ("High", "Low"):
            key = place.report("HLP", {"Reported at": reported}, priority=priority)
            place.jira.add_comment(key, "We look into it.", account=AGENT)
        place.advance(HOUR)
        found = planned(place, Path(sites["target"]))
        monkeypatch.setattr(Foreseeing, "_by_record", lambda *_: None)
        assert planned(place, Path(sites["target"])).as_json() == found.as_json()
        assert len(found.moves) == 2


@pytest.mark.one_database("sqlite")
def test_whether_a_duty_was_done_that_another_version_drops_is_looked_up_in_the_histories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force, target = (shipped_but(tmp_path / name) for name in ("in force", "target"))
    (in_force / "contracts").mkdir()
    text = (SHIPPED / "contracts" / "standard.yaml").read_text("utf-8")
    (in_force / "contracts" / "standard.yaml").write_text(f"{text}\n{DUTY}", "utf-8")
    with world(tmp_path, utc("2024-07-10 19:00"), config=in_force) as place:
        answered = [place.report("HLP", priority=priority) for priority in ("High", "Low")]
        place.advance(HOUR)
        for key in answered:
            place.jira.add_comment(key, "We look into it.", account=AGENT)
        place.report("HLP", priority="High")
        place.advance(HOUR)
        found = planned(place, target)
        monkeypatch.setattr(Foreseeing, "_by_record", lambda *_: None)
        assert planned(place, target).as_json() == found.as_json()
        assert found.looked_at == 3


@pytest.mark.one_database("sqlite")
def test_a_version_before_is_folded_only_where_something_of_it_stays(
    cloud: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not where a clock runs, or is broken and goes on either way; where one was answered."""
    _broken, answered = (cloud.report("HLP", {"Support plan": "Enterprise"}) for _ in range(2))
    cloud.advance(timedelta(minutes=5))
    cloud.jira.add_comment(answered, "We look into it.", account=AGENT)
    cloud.advance(HOUR)
    cloud.report("HLP", {"Support plan": "Enterprise"})
    counted = Mock(wraps=folded)
    monkeypatch.setattr(foreseeing, "folded", counted)
    sooner = shipped_but(tmp_path / "sooner")
    (sooner / "contracts").mkdir()
    goal = (SHIPPED / "contracts" / "enterprise.yaml").read_text("utf-8")
    (sooner / "contracts" / "enterprise.yaml").write_text(
        goal.replace("target: 30m", "target: 20m")
    )
    found = planned(cloud, sooner)
    ways = [(move.state_from, move.state_to) for move in found.moves]
    assert ways == [("breached", "breached"), ("running", "running")]
    by_version = [each.args[1].version for each in counted.call_args_list]
    assert (by_version.count(found.after), by_version.count(found.before)) == (3, 1)


def test_processes_that_share_the_work_find_the_same(populated: World, stricter: Path) -> None:
    # In a process without threads: here the simulator has some, so that nothing may be forked.
    code = f"""
import gc, os, sys
from datetime import datetime
from pathlib import Path
from config.settings import Settings
from webhooks import planning

forked, collects = [], []
os.register_at_fork(before=lambda: forked.append(1))
add = planning.Found.add
planning.Found.add = lambda self, part: (collects.append(gc.isenabled()), add(self, part))
settings = Settings.from_environment(os.environ)
now = datetime.fromisoformat({populated.clock.now().isoformat()!r})
found = planning.plan(settings, Path({str(stricter)!r}), now, processes=2, at_once=3)
assert len(forked) == 2, forked
# What was found is not looked through for garbage again with each part that comes.
assert collects and not any(collects), collects
assert gc.isenabled()
print(found.as_json())
"""
    ran = run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code],
        env=environment(populated),
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    found = planned(populated, stricter)
    assert found.moves
    assert json.loads(ran.stdout) == json.loads(found.as_json())


def test_the_command_answers_people_and_programs(
    populated: World, stricter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment(populated).items():
        monkeypatch.setenv(name, value)
    clock = FastClock.starting(populated.clock.now(), 1)
    monkeypatch.setenv("DUELINE_DEMO_CLOCK", str(clock))
    told = CliRunner().invoke(main, ["plan", str(stricter)])
    answer = CliRunner().invoke(main, ["plan", str(stricter), "--json"])
    faulty = CliRunner().invoke(main, ["plan", str(stricter / "nowhere")])
    assert (told.exit_code, answer.exit_code, faulty.exit_code) == (SOMETHING_BREAKS,) * 2 + (1,)
    assert "project BIT removed" in told.output
    assert "newly breached" in told.output
    plain = json.loads(answer.output)
    assert plain["looked_at"] == 15
    assert plain["no_longer_promised"] == plain["contracts"]["bitumio"]["moved"] == 3
    first = plain["moves"][0]
    assert first["state_to"] == "breached"
    assert set(first) == {
        "issue", "metric", "contract", "due_from", "due_to", "state_from", "state_to"
    }  # fmt: skip


def environment(place: World) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "DUELINE_DATABASE_URL": place.settings.database_url.reveal(),
        "DUELINE_CONFIG": str(place.settings.config),
    }


def refused(settings: dict[str, str], directory: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    answer = CliRunner().invoke(main, ["plan", str(directory)])
    assert answer.exit_code == 1
    return answer.output


def test_a_database_that_is_not_there_is_refused_and_not_made(
    tmp_path: Path, stricter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mistyped.sqlite3"
    url = {"DUELINE_DATABASE_URL": f"sqlite:///{path}"}
    assert "there is no database" in refused(url, stricter, monkeypatch)
    assert not path.exists()


def test_before_the_first_contact_nothing_can_be_known(
    tmp_path: Path, stricter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"sqlite:///{tmp_path / 'empty.sqlite3'}"
    made = Database(url)
    migrate(made)
    made.close()
    said = refused({"DUELINE_DATABASE_URL": url}, stricter, monkeypatch)
    assert "no service ever reached its Jira" in said


@pytest.mark.one_database("sqlite")
def test_tables_of_another_version_are_left_as_they_are(
    populated: World, stricter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with populated.service.database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0004'"))
    assert "version 0004" in refused(environment(populated), stricter, monkeypatch)
    with populated.service.database.engine.begin() as connection:
        found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    assert found == "0004"


def test_a_command_line_that_is_not_understood_is_no_finding(stricter: Path) -> None:
    answer = CliRunner().invoke(main, ["plan", "--nope", str(stricter)])
    assert answer.exit_code not in (NOTHING_MOVES, SOMETHING_MOVES, SOMETHING_BREAKS)
