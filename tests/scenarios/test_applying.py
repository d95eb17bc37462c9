"""What a plan says is what happens: planned, applied, moved, and compared issue by issue."""

from __future__ import annotations

import getpass
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select, update

from config.loader import load
from config.settings import SHIPPED
from connector.simulator import AGENT, CUSTOMER
from connector.simulator.errors import JiraError
from sla.effects import URGENT
from sla.lanes import drain
from sla.store import audit, outbox
from sla.store.schema import cycles, issues, sayings
from tests.scenarios.world import World, a_site, utc, world
from webhooks import moving
from webhooks.applying import MOVED_ON, Applying, WorldMovedOnError
from webhooks.cli import main
from webhooks.clock import FastClock
from webhooks.foreseeing import Foreseeing
from webhooks.planning import Plan, plan
from webhooks.publishing import configuration_in_force

HOUR = timedelta(hours=1)
APPLY = ("apply", "--recalculate", "--yes", "--reason", "Sooner")
PRIORITIES = ("Highest", "Medium", "Low")
SEEDS = (4,)
"""Each takes seconds; on a day with time more of them are worth the wait."""
_FIGURES = {"30m": "1h", "1h": "20m", "2h": "45m", "4h": "3h", "8h": "6h", "24h": "30h"}
ALERTS = {
    "warnings": [{"used": "10%"}, {"left": "1h"}],
    "levels": [
        {"level": 1, "name": "Lead", "after": "10m"},
        {"level": 2, "name": "CTO", "after": "9h"},
    ],
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """A world whose configuration is changed by the command line alone, at a fixed instant."""
    with a_world(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world in which nothing happens, for questions that are refused."""
    directory = tmp_path_factory.mktemp("quiet")
    with pytest.MonkeyPatch.context() as patch, a_world(directory, patch) as made:
        yield made


@contextmanager
def a_world(directory: Path, patch: pytest.MonkeyPatch) -> Iterator[World]:
    (directory / "first").mkdir()
    first = a_site(directory / "first", projects={"BOT": None})
    at = utc("2024-07-10 13:00")
    with world(directory, at, config=first, DUELINE_EDITS="apply") as made:
        patch.setenv("DUELINE_DATABASE_URL", made.settings.database_url.reveal())
        patch.setenv("DUELINE_CONFIG", str(first))
        patch.setenv("DUELINE_EDITS", "apply")
        yield made


@pytest.fixture
def stricter(tmp_path: Path) -> Path:
    """Medium is High, nothing of Bitumio's is covered, and whoever is late is told sooner."""
    return changed(tmp_path / "stricter")


def changed(directory: Path, **more: Any) -> Path:
    directory.mkdir()
    high = {"priority": ["Highest", "High", "Medium"], "severity": "High"}
    low = {"priority": ["Low", "Lowest"], "severity": "Low"}
    rules = {"contracts": [{"contract": "enterprise"}], "severities": [high, low]}
    projects = {"HLP": rules, "BIT": None}
    return a_site(directory, **{"projects": projects, "alerts": {"default": ALERTS}, **more})


def populate(made: World) -> list[str]:
    """Issues at every stage of their lives; their keys."""
    keys = []
    for project in ("HLP", "BIT", "BOT", "BAL", "BTL"):
        for priority in ("Highest", "Medium", "Low"):
            keys.append(made.report(project, priority=priority))
            made.clock.at += timedelta(minutes=7)
    tied = made.report("BTL", {"Deployment": "Production"}, priority="High")
    words = f"Nothing happens on {tied}. My mobile: 555 010 0199"
    keys += [tied, made.report("BTL", {"description": words}, issuetype="Escalation")]
    told, done, gone, less = (made.report("HLP", priority="High") for _ in range(4))
    made.jira.add_comment(told, "We look into it.", account=AGENT)
    made.jira.transition(done, "Done", account=AGENT)
    made.jira.delete_issue(gone)
    made.jira.edit(less, {"priority": "Low"}, account=AGENT)
    made.advance(3 * HOUR)
    return [*keys, told, done, less]


def run(made: World, *arguments: str) -> Result:
    """A command, at the world's instant; the clock does not go on in between."""
    clock = FastClock.starting(made.clock.now(), 1e-9)
    return CliRunner(env={"DUELINE_DEMO_CLOCK": str(clock)}).invoke(main, list(arguments))


def moved(made: World) -> None:
    """Let a running service take over what is in force, and let every open issue hear of it."""
    made.settle()
    while moving.left(made.service.database, "default"):
        made.settle()
    made.settle()


_CLOCK = ("metric", "state", "due_at", "ended_at", "stopped_at")


def recorded(made: World) -> dict[str, Any]:
    """What is on record of every issue, by key: clocks, fields, and what was said."""
    with made.service.database.engine.connect() as connection:
        rows = connection.execute(
            select(issues.c.issue_id, issues.c.key, issues.c.fields_wanted)
        ).all()
        found: dict[str, Any] = {}
        for issue_id, key, wanted in rows:
            clocks = connection.execute(
                select(*(cycles.c[name] for name in _CLOCK))
                .where(cycles.c.issue_id == issue_id)
                .order_by(cycles.c.metric, cycles.c.number)
            ).all()
            states = connection.execute(
                select(sayings.c.key, sayings.c.state).where(sayings.c.issue_id == issue_id)
            ).all()
            found[key] = (
                {row[0]: tuple(row[1:4]) for row in clocks},
                json.loads(wanted or "{}"),
                {saying for saying, state in states if state == "sent"},
                [tuple(row) for row in clocks if row[3] is not None],
            )
    return found


def in_jira(made: World, keys: list[str]) -> dict[str, tuple[Mapping[str, Any], int]]:
    """What people see: the fields of each issue, and how many comments are ours."""
    return {key: (made.fields(key), len(made.said(key))) for key in keys}


def compare(made: World, found: Plan, before: Any, seen: Any, keys: list[str]) -> None:
    """Hold the world against the plan, issue by issue."""
    after, shown = recorded(made), in_jira(made, keys)
    moves = {(each.issue, each.metric): each for each in found.moves}
    effects = {each.issue: each for each in found.effects}
    roles = made.service.configuration.site.fields
    for key, (clocks, wanted, said, over) in after.items():
        was_clocks, was_wanted, was_said, was_over = before[key]
        for metric in clocks.keys() | was_clocks.keys():
            state, due, ended = clocks.get(metric, (None, None, None))
            was_state, was_due, was_ended = was_clocks.get(metric, (None, None, None))
            move = moves.pop((key, metric), None)
            # What would be over before it was ever promised is no move.
            over_by_then = ended and (was_ended or was_state is None)
            if move and ended and state == was_state == "breached" and move.state_to is None:
                assert move.due_from == due, "what was broken and is promised no more stays broken"
            elif move is None:
                assert (state, due) == (was_state, was_due) or over_by_then, (key, metric)
            elif state != "cancelled" or move.state_to is not None:
                assert (move.state_to, move.due_to) == (state, due), move
        for lost in set(was_over) - set(over):
            metric, was_state, _, _, answered = lost
            assert (was_state, answered) == ("breached", None), "what was over stays as it was"
            assert clocks[metric][2] is None, "what was withdrawn goes on where it is promised"
        effect = effects.pop(key, None)
        differing = {role for role in wanted if wanted[role] != was_wanted.get(role)} - {"link"}
        assert differing == set(effect.fields if effect else ()), key
        if effect:
            assert [wanted[role] for role in effect.fields] == [
                e[1] for e in effect.fields.values()
            ]
        new = {each.key for each in effect.comments if each.is_new} if effect else set()
        assert said - was_said == new, key
        assert was_said <= said
        if key in shown:
            names = {name for name, value in shown[key][0].items() if value != seen[key][0][name]}
            assert names == {roles[role] for role in differing if roles[role] in shown[key][0]}, key
            assert shown[key][1] - seen[key][1] == len(new), key
    assert not moves
    assert not effects


def assert_told_once(told: dict[str, Any]) -> None:
    """What lies behind is one comment an issue and metric, however much of it is true at once."""
    past = [
        (issue["issue"], comment["key"].partition("/")[0])
        for issue in told["effects"]["issues"]
        for comment in issue["comments"]
        if comment["occasion"] in URGENT and comment["at"] <= told["at"]
    ]
    assert past
    assert len(past) == len(set(past))


@pytest.mark.one_database("sqlite")
def test_an_issue_whose_earlier_versions_were_altered_is_named(
    place: World, stricter: Path
) -> None:
    populate(place)
    issue = place.jira.issue("BOT-1").id
    altered = update(issues).where(issues.c.issue_id == issue).values(earlier_versions="[")
    place.service.database.write(lambda c: c.execute(altered))
    told = f"the stored earlier_versions of Jira id {issue} cannot be read: "
    for arguments in (
        ["plan", str(stricter), "--recalculate"],
        ["apply", str(stricter), "--reason", "x", "--yes", "--recalculate"],
        ["explain", "BOT-1"],
    ):
        refused = run(place, *arguments)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert refused.stderr.startswith(told)


@pytest.mark.parametrize(
    "how",
    ["--recalculate", pytest.param("--keep", marks=pytest.mark.one_database("sqlite"))],
)
def test_what_was_planned_is_what_happens(
    place: World, stricter: Path, tmp_path: Path, how: str
) -> None:
    """Planned, applied, moved; and so the way back, on which nothing is said twice."""
    keys = populate(place)
    printed = run(place, "plan", str(stricter), how, "--json")
    file = tmp_path / "plan.json"
    file.write_text(printed.output)
    told = json.loads(printed.output)
    for target, planned in ((stricter, ["apply", str(stricter)]), (1, ["rollback", "1"])):
        found = plan(place.settings, target, place.clock.now(), recalculate=how == "--recalculate")
        before, seen = recorded(place), in_jira(place, keys)
        agreed = ["--plan", str(file)] if target == stricter else ["--yes"]
        applied = run(place, *planned, how, *agreed, "--reason", "Sooner", "--author", "Ada")
        assert applied.exit_code == 0, applied.output
        moved(place)
        compare(place, found, before, seen, keys)
        place.advance(HOUR)
    assert told["moved"] == len(told["moves"])
    if how == "--recalculate":
        assert told["effects"]["comments"].keys() == {"escalation"}
        assert_told_once(told)
        assert told["newly_promised"]
        assert told["no_longer_promised"]
        assert told["with_keep"]["moved_issues"] == told["newly_promised"]
    else:
        assert {move["issue"].partition("-")[0] for move in told["moves"]} == {"BOT"}
        assert told["with_recalculate"]["newly_breached"]
    listed = json.loads(run(place, "history", "--json").output)
    assert [(each["id"], each["source"], each["author"]) for each in listed] == [
        (3, "restored", "Ada"), (2, "applied", "Ada"), (1, "directory", "the directory"),
    ]  # fmt: skip
    assert listed[0]["version"] == listed[2]["version"]
    rows = place.service.database.read(
        lambda c: audit.listed(c, "default", audit.Wanted(action="published"), 9)
    )
    assert [(row.actor_name, row.detail.get("restored")) for row in rows[:2]] == [
        ("Ada", 1), ("Ada", None),
    ]  # fmt: skip
    assert place.service.database.read(lambda c: audit.check(c, "default")).broken is None


def live(made: World, dice: Random, keys: list[str]) -> None:
    """Something happens to some issue, and time goes on."""
    # Where it is already no transition leads.
    with suppress(JiraError):
        happen(made, dice, keys)
    made.settle()
    made.advance(timedelta(minutes=dice.choice((1, 9, 40, 200))))


def happen(made: World, dice: Random, keys: list[str]) -> None:
    key = dice.choice(keys)
    match dice.randrange(7):
        case 0:
            project = dice.choice(("HLP", "BIT", "BOT", "BAL", "BTL"))
            plan_ = dice.choice(({}, {"Support plan": "Enterprise"}))
            keys.append(made.report(project, plan_, priority=dice.choice(PRIORITIES)))
        case 1:
            made.jira.add_comment(key, "We will have it by noon.", account=AGENT)
        case 2:
            made.jira.add_comment(key, "Any news?", account=CUSTOMER)
        case 3:
            made.jira.edit(key, {"priority": dice.choice(PRIORITIES)}, account=AGENT)
        case 4:
            made.jira.transition(key, dice.choice(("Waiting for customer", "In Progress")))
        case 5:
            made.jira.transition(key, dice.choice(("Done", "To Do")), account=AGENT)
        case _:
            made.jira.edit(key, {"Support plan": dice.choice(("Enterprise", None))}, account=AGENT)


def _other_figure(target: re.Match[str]) -> str:
    return _FIGURES.get(target[0], target[0])


def any_rules(dice: Random, *contracts: str) -> dict[str, Any]:
    """A project's mapping by fields that change and such as do not, and by some that none has."""
    conditions: list[dict[str, Any]] = [
        {"priority": list(dice.sample(PRIORITIES, 2))},
        {"type": dice.choice(("Bug", "Question", "Task"))},
        {"fields": {"Support plan": "Enterprise"}},
        {"fields": {"Impact": "Extensive"}},
        {},
    ]
    levels = {"bitumio": [f"Severity {n}" for n in (1, 2, 3)]}
    severities = levels.get(contracts[0], ["High", "Medium", "Low"])

    def some() -> list[dict[str, Any]]:
        return [*dice.sample(conditions[:-1], dice.randrange(3)), conditions[-1]]

    return {
        "contracts": [{"contract": dice.choice(contracts), **each} for each in some()],
        "severities": [{"severity": dice.choice(severities), **each} for each in some()],
    }


def any_change(dice: Random, directory: Path) -> Path:
    """Another mapping, other alerts, other goals, another calendar: some of them."""
    mapped = {"contracts": [{"contract": "enterprise"}], "severities": [{"severity": "High"}]}
    some = {"HLP": mapped, "BIT": None, "BOT": None, "BAL": mapped, "BTL": None}
    if dice.random() < 0.5:
        some |= {
            "HLP": any_rules(dice, "standard", "enterprise"),
            "BIT": any_rules(dice, "bitumio"),
        }
    # With all of them left the goals alone differ, which is then found without the histories.
    share = dice.choice((0.6, 1.0))
    left_as_they_are = [name for name in some if dice.random() < share]
    projects = {name: some[name] for name in some if name not in left_as_they_are}
    alerts = {"default": ALERTS} if dice.random() < 0.5 else {}
    directory.mkdir()
    made = a_site(directory, projects=projects, alerts=alerts)
    (made / "contracts").mkdir()
    for contract in ("enterprise", "bitumio", "standard", "botron"):
        text = (SHIPPED / "contracts" / f"{contract}.yaml").read_text("utf-8")
        if dice.random() < 0.5:
            text = re.sub(r"(?<=target: )\w+\b", _other_figure, text)
        (made / "contracts" / f"{contract}.yaml").write_text(text, "utf-8")
    calendar = (SHIPPED / "calendars" / "bitumio-business.yaml").read_text("utf-8")
    hours = dice.choice(("08:00", "12:00", "14:30"))
    (made / "calendars" / "bitumio-business.yaml").write_text(
        calendar.replace('["08:00", "20:00"]', f'["{hours}", "20:00"]'), "utf-8"
    )
    return made


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_is_changed_whatever_happened(place: World, tmp_path: Path, seed: int) -> None:
    """Version upon version, while issues live on: each plan is what happens."""
    dice = Random(seed)
    keys = [place.report(project, priority="High") for project in ("HLP", "BIT", "BTL")]
    for turn in range(3):
        for _ in range(12):
            live(place, dice, keys)
        how = dice.choice(("--recalculate", "--recalculate", "--keep"))
        target = any_change(dice, tmp_path / f"turn-{turn}") if turn < 2 else 1
        now, recalculate = place.clock.now(), how == "--recalculate"
        found = plan(place.settings, target, now, recalculate=recalculate)
        with pytest.MonkeyPatch.context() as patch:
            # As if no issue were seen to be out of a change's reach.
            patch.setattr(Foreseeing, "_to_be_decided_by", lambda self, *_: self._after)
            patch.setattr(Foreseeing, "_by_record", lambda *_: None)
            whole = plan(place.settings, target, now, recalculate=recalculate, processes=1)
        assert found.as_json() == whole.as_json()
        before, seen = recorded(place), in_jira(place, keys)
        what = ["rollback", "1"] if turn == 2 else ["apply", str(target)]
        applied = run(place, *what, how, "--yes", "--reason", f"Turn {turn}")
        assert applied.exit_code == 0, applied.output
        moved(place)
        compare(place, found, before, seen, keys)


@pytest.mark.one_database("sqlite")
def test_what_is_taken_back_at_once_reaches_nobody(place: World, stricter: Path) -> None:
    """Applied, and rolled back before an open issue has heard of it: nothing was ever said."""
    key = place.report("HLP", priority="Medium")
    place.clock.at += HOUR
    place.settle()
    assert run(place, *APPLY, str(stricter)).exit_code == 0
    back = run(place, "rollback", "1", *APPLY[1:])
    assert "Not every open issue has heard of version 2 yet" in back.output
    before = place.said(key), place.fields(key)
    moved(place)
    assert (place.said(key), place.fields(key)) == before
    assert recorded(place)[key][0]["first_response"][0] == "running"


@pytest.mark.one_database("sqlite")
def test_what_waits_to_be_said_and_stops_being_true_is_withdrawn(
    place: World, tmp_path: Path
) -> None:
    key = place.jira.create_issue({"summary": "Help"}, project="BTL", priority="High").key
    while place.jira.deliver() + drain(place.service.lanes["decide"]):
        pass
    issue_id, database = place.jira.issue(key).id, place.service.database
    waiting = database.read(lambda c: outbox.ledger(c, "default", issue_id)).pending
    assert waiting
    without = changed(tmp_path / "without", projects={"BTL": None, "BOT": None}, alerts={})
    (effect,) = plan(place.settings, without, place.clock.now()).effects
    assert (effect.issue, set(effect.withdrawn), [*effect.comments]) == (key, {*waiting}, [])
    asked = ["--recalculate", "--yes", "--reason", "No more"]
    assert run(place, "apply", str(without), *asked).exit_code == 0
    moved(place)
    states = database.read(lambda c: outbox.announced(c, "default", issue_id))
    assert {(each["key"], each["state"]) for each in states} == {
        (each, "withdrawn") for each in waiting
    }  # fmt: skip
    assert place.said(key) == []


@pytest.mark.one_database("sqlite")
def test_a_world_that_moved_on_is_refused_by_name(
    place: World, stricter: Path, tmp_path: Path
) -> None:
    place.report("HLP", priority="Medium")
    file = tmp_path / "plan.json"
    file.write_text(run(place, "plan", str(stricter), "--json").output)
    apply = ["apply", str(stricter), "--recalculate", "--plan", str(file), "--reason", "Sooner"]

    def refused() -> str:
        answer = run(place, *apply)
        assert answer.exit_code == MOVED_ON, answer.output
        assert len(json.loads(run(place, "history", "--json").output)) == 1
        return answer.output

    other = place.report("HLP", priority="Medium")
    assert "what the plan says: something else would happen by now:" in refused()
    assert f"{other} first response: does not move in the plan, running, due" in refused()
    assert f"{other} field due: none in the plan" in refused()
    place.jira.delete_issue(other)
    place.settle()
    assert run(place, *apply[:-1], " ").exit_code == 1
    keep = run(place, *["--keep" if each == "--recalculate" else each for each in apply])
    assert keep.exit_code == MOVED_ON
    assert "made for --recalculate" in keep.output
    # The directory is another one; so is what is in force.
    site = stricter / "site.yaml"
    text = site.read_text()
    site.write_text(text + "remote_link: false\n")
    assert "to come into force" in refused()
    site.write_text(text)
    assert run(place, *apply).exit_code == 0
    moved(place)
    again = run(place, *apply)
    assert (again.exit_code, "in force already" in again.output) == (0, True), again.output
    assert run(place, "rollback", "1", "--keep", "--yes", "--reason", "Back").exit_code == 0
    late = run(place, *apply)
    told = late.stderr.splitlines()
    assert late.exit_code == MOVED_ON
    at = place.clock.now().isoformat().replace("+00:00", "Z")
    assert told[0].endswith(
        f"what the plan says: version 2 by {getpass.getuser()} at {at}, version 3 by "
        f"{getpass.getuser()} at {at} came into force since:"
    )
    # A reason, ten differences at most, how many more, and what to do.
    for _ in range(6):
        place.report("HLP", priority="Medium")
    many = run(place, *apply).stderr.splitlines()
    assert (len(many), many[-2].strip()[:4]) == (13, "and ")
    elsewhere = json.loads(file.read_text())
    assert elsewhere["site"].endswith(" since 2024-07-10T13:00:00Z")
    file.write_text(json.dumps({**elsewhere, "site": "somebody since 2020-01-01T00:00:00Z"}))
    (why, then) = run(place, *apply).stderr.splitlines()
    assert "the plan is of another site: it was made where Dueline is somebody since 2020" in why
    assert then == "Nothing was changed: make the plan here."


@pytest.mark.one_database("sqlite")
def test_promises_in_hindsight_are_told_once_by_the_version_that_makes_them(
    place: World, tmp_path: Path
) -> None:
    """Medium becomes the highest severity: hourly updates, which nobody had promised, are owed."""
    keys = [place.report("BIT", priority="Medium") for _ in range(3)]
    for key in keys[1:]:
        place.jira.add_comment(key, "We look into it.", account=AGENT)
    place.advance(timedelta(days=2))
    rules = {"contracts": [{"contract": "bitumio"}], "severities": [{"severity": "Severity 1"}]}
    target = changed(tmp_path / "hourly", projects={"BIT": rules, "BOT": None}, alerts={})
    found = plan(place.settings, target, place.clock.now())
    before, seen = recorded(place), in_jira(place, keys)
    assert_told_once(json.loads(found.as_json()))
    since = place.clock.now()
    assert run(place, *APPLY[:1], str(target), *APPLY[1:]).exit_code == 0
    moved(place)
    compare(place, found, before, seen, keys)
    new = [text for key in keys for text in place.said(key)[seen[key][1] :]]
    assert len(new) >= len(keys[1:])
    by_version = f"This holds only by the version of the policy in force since {since:%a %-d %b %Y}"
    assert all(by_version in text and "could not write" not in text for text in new), new
    # Back again: what had been said of the old promises by then is neither said nor called late.
    before, seen = recorded(place), in_jira(place, keys)
    found = plan(place.settings, 1, place.clock.now())
    assert run(place, "rollback", "1", *APPLY[1:]).exit_code == 0
    moved(place)
    compare(place, found, before, seen, keys)
    later = [text for key in keys for text in place.said(key)[seen[key][1] :]]
    assert not any("could not write" in text for text in later)


@pytest.mark.one_database("sqlite")
def test_what_a_version_that_let_issues_stay_would_have_moved_is_told_apart(
    place: World, stricter: Path, tmp_path: Path
) -> None:
    stays = place.report("HLP", priority="Medium")
    keep = ["apply", str(stricter), "--keep", "--yes", "--reason", "Only for new ones"]
    assert run(place, *keep).exit_code == 0
    moved(place)
    again = shutil.copytree(stricter, tmp_path / "again")
    (again / "site.yaml").write_text((again / "site.yaml").read_text() + "remote_link: false\n")
    place.report("HLP", priority="Medium")
    answer = run(place, "plan", str(again))
    assert "With --recalculate (open issues are judged by it): 1 clock of 1 issue moves: 0" in (
        answer.output
    )
    assert (
        "1 of these moves by the version in force already: when it or one before" in answer.output
    )
    told = json.loads(run(place, "plan", str(again), "--json").output)
    assert ([each["issue"] for each in told["moves"]], told["moved_before"]) == ([stays], 1)
    kept = json.loads(run(place, "plan", str(again), "--json", "--keep").output)
    assert (kept["moves"], kept["moved_before"]) == ([], 0)


@pytest.mark.one_database("sqlite")
def test_whoever_takes_time_to_agree_agrees_to_what_he_saw(place: World, stricter: Path) -> None:
    place.report("HLP", priority="Medium")
    applying = Applying(
        place.settings, stricter, place.clock.now, "Sooner", "Ada", recalculate=True
    )
    seen = applying.plan()
    assert applying.again(seen).moves == seen.moves
    place.report("HLP", priority="Medium")
    with pytest.raises(WorldMovedOnError, match="HLP-2 first response"):
        applying.again(seen)
    # Somebody else was faster, in the instant after the second look.
    other = applying.again(applying.plan())
    assert applying.put_in_force(other).id == 2
    with pytest.raises(WorldMovedOnError, match="came into force meanwhile"):
        applying.put_in_force(other)


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["apply", "{}", "--keep", "--reason", "x"], "nobody can be asked here"),
        (["apply", "{}", "--yes", "--reason", "x"], "open issues: --recalculate or --keep"),
        (["apply", "{}", "--keep", "--yes"], "--reason"),
        (["apply", "{}", "--keep", "--yes", "--reason", " "], "--reason is empty"),
        (["apply", "{}", "--keep", "--yes", "--reason", "x", "--author", ""], "--author is empty"),
        (["apply", "{}", "--keep", "--reason", "x", "--plan", "{}/site.yaml"], "is no plan"),
        (["apply", "{}", "--keep", "--reason", "x", "--plan", "{}/none"], "cannot be read"),
        (["apply", "{}/none", "--keep", "--yes", "--reason", "x"], "is no directory"),
        (["rollback", "7", "--keep", "--yes", "--reason", "x"], "there is no version 7"),
        (["rollback", "1", "--keep", "--yes", "--reason", "x"], "in force already"),
        (["plan"], "name a directory"),
        (["plan", "{}", "--version", "1"], "name a directory"),
        (["plan", "--version", "9"], "there is no version 9"),
        (["history", "1"], "is the first"),
        (["history", "1", "2"], "there is no version 2"),
        (["history", "9" * 23], "there is no version 9999"),
        (["history", "--", "-" + "9" * 23], "there is no version -9999"),
        (["history", "1", "2", "3"], "two versions at most"),
        (["history", "--limit", "9" * 23], "--limit"),
        (["downtime", "remove", "9" * 23], "is not in the range"),
        (["downtime", "close", "9" * 23, "--restored", "2026-11-20T15:00Z"], "not in the range"),
        (["export"], "name a directory"),
        (["export", "{}"], "has other documents there: projects.yaml"),
        (["export", "--zip", "{}/projects.yaml"], "is there already"),
        (["export", "--version", "4", "{}/new"], "there is no version 4"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    quiet: World, stricter: Path, asked: list[str], said: str
) -> None:
    answer = run(quiet, *[each.replace("{}", str(stricter)) for each in asked])
    assert answer.exit_code in (1, 2), answer.output
    assert said in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.one_database("sqlite")
def test_where_files_decide_only_they_can_be_applied(
    place: World, stricter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DUELINE_EDITS", "files")
    asked = ["--keep", "--yes", "--reason", "Sooner"]
    answer = run(place, "apply", str(stricter), *asked)
    assert answer.exit_code == 1
    assert "would take version" in answer.output
    assert "DUELINE_EDITS=apply" in answer.output
    # What the directory holds is put in force without a restart, and stays so after one.
    monkeypatch.setenv("DUELINE_CONFIG", str(stricter))
    assert run(place, "apply", str(stricter), *asked).exit_code == 0
    assert run(place, "rollback", "1", *asked).exit_code == 1


@pytest.mark.one_database("sqlite")
def test_what_was_applied_survives_a_restart(place: World, stricter: Path, tmp_path: Path) -> None:
    """And what is exported is what was applied: it comes to the same version."""
    assert (
        run(place, "apply", str(stricter), "--keep", "--yes", "--reason", "Sooner").exit_code == 0
    )
    in_force = configuration_in_force(place.settings, "default")
    assert in_force.is_on_record
    assert in_force.configuration.text == load(stricter).text
    assert in_force.differs
    assert "DUELINE_EDITS=apply" in in_force.differs
    said = run(place, "export", str(tmp_path / "out"), "--zip", str(tmp_path / "out.zip"))
    assert said.exit_code == 0, said.output
    assert "With this release" not in said.output
    assert load(tmp_path / "out").policy.version == in_force.configuration.policy.version
    back = run(place, "export", str(tmp_path / "out"), "--version", "1", "--overwrite")
    assert back.exit_code == 0, back.output
    assert load(tmp_path / "out").text == load(place.settings.config).text
    difference = run(place, "history", "1", "2")
    assert "project BIT removed" in difference.output
    assert json.loads(run(place, "history", "2", "--json").output)["changes"]


@pytest.mark.one_database("sqlite")
def test_an_export_changes_nothing_that_is_there_unasked(place: World, tmp_path: Path) -> None:
    """Neither what is no text in UTF-8 nor line ends of another system."""
    out = tmp_path / "out"
    assert run(place, "export", str(out)).exit_code == 0
    its = out / "projects.yaml"
    for line_ends in (its.read_bytes().replace(b"\n", b"\r\n"), its.read_bytes()):
        its.write_bytes(line_ends)
        assert run(place, "export", str(out)).exit_code == 0
        assert its.read_bytes() == line_ends
    its.write_bytes(b"projects: {}  # caf\xe9\n")
    answer = run(place, "export", str(out))
    assert answer.exit_code == 1
    assert "has other documents there: projects.yaml" in answer.output
    assert its.read_bytes() == b"projects: {}  # caf\xe9\n"
    assert run(place, "export", str(out), "--overwrite").exit_code == 0
    assert its.read_bytes() != b"projects: {}  # caf\xe9\n"


@pytest.mark.one_database("sqlite")
def test_the_same_version_is_put_in_force_once_more_for_those_it_does_not_judge(
    place: World, stricter: Path
) -> None:
    """Kept first, recalculated later: the configuration is the same, and issues move."""
    key = place.report("HLP", priority="Medium")
    asked = ["apply", str(stricter), "--yes", "--reason", "Sooner"]
    assert run(place, *asked, "--keep").exit_code == 0
    moved(place)
    found = plan(place.settings, stricter, place.clock.now())
    assert (found.before, [move.issue for move in found.moves]) == (found.after, [key])
    assert run(place, *asked, "--recalculate").exit_code == 0
    moved(place)
    assert not plan(place.settings, stricter, place.clock.now()).moves
    assert "nothing was changed" in run(place, *asked, "--recalculate").output
