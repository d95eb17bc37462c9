"""The short form of `make chaos`: a few dozen kills and faults, and nothing lost or said twice."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from config.settings import SHIPPED
from tests.chaos.fleet import Fleet, Forks
from tests.chaos.harness import Calm, Faults, Kills, Outcome, Pace, Setting, Trouble, play
from tests.chaos.jira import Comment, Shown
from tests.chaos.oracle import compare
from tests.chaos.plant import Forked, ForkServer, Plant
from tests.chaos.script import Script
from tests.postgres import PostgresServer

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="what is known of a process is read from /proc"
)
MakePlant = Callable[[Mapping[str, str], Path], Plant]
STEPS, SEED, ISSUES = 3, 4, 32
# A pause after a fault is over before the clock stops for the next step.
PACE = Pace(lead=timedelta(minutes=20), again=(timedelta(seconds=39), timedelta(seconds=150)))
GAPS = (45, 60, 90)


def test_killed_and_under_faults_jira_hears_all_of_it_once(tmp_path: Path) -> None:
    def outcome(name: str, trouble: Trouble) -> Outcome:
        return play(
            Script(SEED, ISSUES, GAPS),
            Setting(tmp_path / name, partial(Forked, server)),
            trouble,
            lambda done: done < STEPS,
            seed=SEED,
            pace=PACE,
        )

    with ForkServer(SHIPPED, tmp_path / "log") as server, ThreadPoolExecutor() as pool:
        running = [
            pool.submit(outcome, "calm", Calm()),
            pool.submit(outcome, "killed", Kills(random.Random(SEED), 2)),
            pool.submit(outcome, "faulted", Faults(0.3)),
        ]
        calm, killed, faulted = (each.result() for each in running)
    assert calm.unsettled == killed.unsettled == faulted.unsettled == []
    assert list(compare(calm.shown, killed.shown).lines()) == []
    assert list(compare(calm.shown, faulted.shown).lines()) == []
    assert sum(len(issue.said) for issue in calm.shown.values()) > 20
    assert killed.troubles["process"] > 10
    assert faulted.faults
    assert calm.tracebacks == killed.tracebacks == faulted.tracebacks == 0


def test_of_several_processes_any_may_be_killed(tmp_path: Path, postgres: PostgresServer) -> None:
    draw = random.Random(SEED)

    def outcome(name: str, plant: MakePlant, trouble: Trouble, url: str | None) -> Outcome:
        return play(
            Script(SEED, ISSUES, GAPS),
            Setting(tmp_path / name, plant, database_url=url),
            trouble,
            lambda done: done < 1,
            seed=SEED,
        )

    with ForkServer(SHIPPED, tmp_path / "log") as server, ThreadPoolExecutor() as pool:
        fleet = partial(Fleet, Forks(server), ("serve", "serve", "worker"))
        running = [
            pool.submit(outcome, "calm", partial(Forked, server), Calm(), None),
            pool.submit(outcome, "killed", fleet, Kills(draw, 1), postgres.database()),
        ]
        calm, killed = (each.result() for each in running)
    assert calm.unsettled == killed.unsettled == []
    assert list(compare(calm.shown, killed.shown).lines()) == []
    assert sum(killed.troubles.values()) > 5
    assert killed.together == []


def test_what_differs_is_found_and_named() -> None:
    def issue(*said: tuple[str, str], due: str = "9:00") -> dict[str, Shown]:
        comments: dict[str, list[Comment]] = {}
        for key, words in said:
            comments.setdefault(key, []).append(Comment(words, public=False))
        return {"BOT-1": Shown({"First response due": due}, comments)}

    calm = issue(("breach", "Overdue."), ("warning", "Due: 5 min of open time left."))
    late = " This comes 9 min late, because Dueline could not write before."
    same = issue(("breach", "Overdue." + late), ("warning", "Due: 0 min of open time left."))
    assert not compare(calm, same).broken
    assert compare(calm, same).allowed == 2

    other = issue(("breach", "Overdue."), ("breach", "Overdue."), ("level-1", "!"), due="9:01")
    assert list(compare(calm, other).lines()) == [
        "lost: BOT-1: warning",
        "doubled: BOT-1: breach, 2 times",
        "more: BOT-1: level-1: '!'",
        "differing: BOT-1: First response due: 9:00 became 9:01",
    ]
    assert list(compare(calm, issue(("breach", "Late."), ("warning", "Due."))).lines()) != []
