"""`python -m tests.chaos`: the suites for a chosen time, and what was counted."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from config.settings import SHIPPED
from tests.chaos.fleet import Commands, Fleet, Forks, Role
from tests.chaos.harness import (
    USUAL,
    Calm,
    Faults,
    Kills,
    Outcome,
    Pace,
    Setting,
    Trouble,
    play,
)
from tests.chaos.oracle import Findings, compare
from tests.chaos.plant import Forked, ForkServer, Plant, Served, free_port
from tests.chaos.script import Script
from tests.chaos.troubles import Hangs, Losses, Outages
from tests.postgres import PostgresServer, postgres_server

MakePlant = Callable[[Mapping[str, str], Path], Plant]
# Of the time of a suite the rest is for the calm run.
_SHARE = 0.7
# A pause after a fault is six minutes and a half at most, but for those of the harsh kind.
_PACE_OF_FAULTS = Pace(
    lead=timedelta(minutes=25),
    again=tuple(timedelta(seconds=seconds) for seconds in (39, 75, 120, 200, 320)),
)
_SUITES = {
    "sqlite": ("kills", "faults", "drops", "serve"),
    "postgresql": ("kills", "hangs", "outages", "faults", "drops", "serve", "serve-hangs"),
}
_OTHER_STRIKES = ("hangs", "outages")
_LONG = frozenset({"serve", "serve-hangs"})
_TOGETHER: tuple[Role, ...] = ("serve", "serve", "worker")
_APART: tuple[Role, ...] = ("receive", "worker", "worker")
# Longer than after which the others take it for dead and take over; of forked ones that is a fifth.
_HUNG_SECONDS = {"hangs": 2.5, "serve-hangs": 10.0}


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    seconds: float
    steps: int | None
    seed: int
    issues: int
    kills: int
    rate: float
    drops: float
    database: tuple[str, ...]
    suites: tuple[str, ...] | None
    keep: bool

    def chosen(self) -> Iterator[tuple[str, str]]:
        """Each suite with its database; the real commands take longer, and only when asked for."""
        for database in self.database:
            for suite in _SUITES[database]:
                if suite in self.suites if self.suites else suite not in _LONG:
                    yield database, suite


@dataclass(frozen=True)
class Suite:
    """One kind of trouble, for one kind of process.

    Attributes:
        gaps: minutes between the steps; after a fault Jira is left alone for some of them.
    """

    name: str
    plant: MakePlant
    trouble: Trouble
    gaps: tuple[int, ...]
    pace: Pace = USUAL


@dataclass(frozen=True)
class Means:
    """What the suites of a run share."""

    asked: Asked
    directory: Path
    forks: ForkServer
    server: PostgresServer | None

    def suite(self, database: str, name: str) -> Suite:
        """A suite by its name."""
        shared = database == "postgresql"
        plant: MakePlant = (
            partial(Fleet, Forks(self.forks), _TOGETHER) if shared else partial(Forked, self.forks)
        )
        mixed = (7, 8, 10, 15, 20, 45, 90, 240)
        if name == "faults":
            faults = Faults(self.asked.rate)
            return Suite(name, plant, faults, (50, 60, 90, 300), _PACE_OF_FAULTS)
        if name in _LONG:
            plant = partial(Fleet, Commands(), _APART) if shared else Served
        return Suite(name, plant, self._trouble(name), mixed)

    def _trouble(self, name: str) -> Trouble:
        asked = self.asked
        draw = random.Random(asked.seed)
        if name in _HUNG_SECONDS:
            return Hangs(draw, _HUNG_SECONDS[name])
        if name == "outages" and self.server:
            return Outages(draw, self.server)
        if name == "drops":
            return Losses(asked.drops)
        return Kills(draw, 2 if name in _LONG else asked.kills)

    def calm_plant(self, database: str) -> MakePlant:
        """What the calm run is held on: one process; both databases are to come to the same."""
        return partial(Forked, self.forks)

    def setting(self, directory: Path, plant: MakePlant, database: str) -> Setting:
        """Where a run takes place."""
        url = self.server.database() if database == "postgresql" and self.server else None
        return Setting(directory, plant, database_url=url)


def main() -> int:
    """Run what is asked for; 1 when anything was lost, doubled or different."""
    asked = _asked()
    chosen = list(asked.chosen())
    broken = False
    directory = Path(tempfile.mkdtemp(prefix="dueline-chaos-"))
    with ExitStack() as stack:
        forks = stack.enter_context(ForkServer(SHIPPED, directory / "log"))
        shared = any(database == "postgresql" for database, _ in chosen)
        server = stack.enter_context(postgres_server(free_port())) if shared else None
        means = Means(asked, directory, forks, server)
        for database, name in chosen:
            broken |= _run(means, database, name, asked.seconds / len(chosen))
    if asked.keep or broken:
        _print(f"Databases and logs: {directory}")
    else:
        shutil.rmtree(directory)
    return int(broken)


def _run(means: Means, database: str, name: str, seconds: float) -> bool:
    asked, suite = means.asked, means.suite(database, name)
    directory = means.directory / f"{database}-{name}"

    def script() -> Script:
        return Script(asked.seed, asked.issues, suite.gaps)

    until = time.monotonic() + seconds * _SHARE

    def goes_on(done: int) -> bool:
        return done < asked.steps if asked.steps else time.monotonic() < until

    tried = play(
        script(),
        means.setting(directory / "tried", suite.plant, database),
        suite.trouble,
        goes_on,
        seed=asked.seed,
        pace=suite.pace,
    )
    calm = play(
        script(),
        Setting(directory / "calm", means.calm_plant(database)),
        Calm(),
        lambda done: done < tried.steps,
        pace=suite.pace,
    )
    found = compare(calm.shown, tried.shown)
    for line in _report(f"{name} on {database}", asked.seed, calm, tried, found):
        _print(line)
    return found.broken or bool(tried.unsettled or calm.unsettled)


def _report(name: str, seed: int, calm: Outcome, tried: Outcome, found: Findings) -> Iterator[str]:
    yield f"{name}, seed {seed}: {tried.steps} steps, {tried.actions} actions in Jira"
    yield f"  deliveries  {tried.deliveries}, sent {tried.tries} times"
    yield (
        f"  requests    {tried.requests} (calm: {calm.requests}), of which {tried.lookups} asked "
        f"for an issue's comments (calm: {calm.lookups})"
    )
    struck = next((what for what in _OTHER_STRIKES if what in name), "kills")
    yield f"  {struck:<12}{sum(tried.troubles.values())}{_each(tried.troubles)}"
    yield f"  faults      {sum(tried.faults.values())}{_each(tried.faults)}"
    yield (
        f"  compared    {len(calm.shown)} issues, {found.compared} comments, of which "
        f"{found.allowed} differ in how late they are or how much time was left, as they may"
    )
    yield f"  lost        {len(found.lost)}"
    yield f"  doubled     {len(found.doubled)}"
    yield f"  more        {len(found.more)}"
    yield f"  differing   {len(found.differing)}"
    yield f"  together    {len(tried.together)} writes to an issue while another was under way"
    yield f"  took        {tried.seconds:.0f} s, and {calm.seconds:.0f} s for the calm run"
    for line in (*found.lines(), *(f"together: {each}" for each in tried.together)):
        yield f"  {line}"
    for what, outcome in (("tried", tried), ("calm", calm)):
        for each in outcome.unsettled:
            yield f"  not at rest before the next step ({what}): {each}"
        for each in outcome.given_up:
            yield f"  given up ({what}): {each}"
        if outcome.tracebacks:
            yield f"  tracebacks in the log ({what}): {outcome.tracebacks}"


def _each(counted: Mapping[str, int]) -> str:
    parts = ", ".join(f"{name}: {times}" for name, times in sorted(counted.items()))
    return f" ({parts})" if parts else ""


def _asked() -> Asked:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="about so long, all in all")
    parser.add_argument("--steps", type=int, help="so many steps a suite, instead of --seconds")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--issues", type=int, default=40, help="so many are alive at a time")
    parser.add_argument("--kills", type=int, default=4, help="at most so many at an instant")
    parser.add_argument("--rate", type=float, default=0.25, help="the share of faulty answers")
    parser.add_argument(
        "--drops", type=float, default=0.1, help="the share of webhooks lost for good, in `drops`"
    )
    parser.add_argument("--database", choices=[*_SUITES, "both"], default="both")
    every = dict.fromkeys(suite for suites in _SUITES.values() for suite in suites)
    parser.add_argument("--suites", help=f"of {','.join(every)}; left out: all but serve…")
    parser.add_argument("--keep", action="store_true", help="keep databases and logs")
    given = vars(parser.parse_args())
    suites = tuple(given["suites"].split(",")) if given["suites"] else None
    if suites and (unknown := set(suites) - set(every)):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(every)}")
    database = tuple(_SUITES) if given["database"] == "both" else (given["database"],)
    return Asked(**{**given, "suites": suites, "database": database})


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
