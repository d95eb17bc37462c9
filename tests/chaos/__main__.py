"""`python -m tests.chaos`: the suites for a chosen time, and what was counted."""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from config.settings import SHIPPED
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
from tests.chaos.plant import Forked, ForkServer, Plant, Served
from tests.chaos.script import Script

MakePlant = Callable[[Mapping[str, str], Path], Plant]
# Of the time of a suite the rest is for the calm run.
_SHARE = 0.7
# A pause after a fault is six minutes and a half at most, but for those of the harsh kind.
_PACE_OF_FAULTS = Pace(
    lead=timedelta(minutes=25),
    again=tuple(timedelta(seconds=seconds) for seconds in (39, 75, 120, 200, 320)),
)
_SUITES = ("kills", "serve", "faults")


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
    suites: tuple[str, ...]
    keep: bool


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


def main() -> int:
    """Run what is asked for; 1 when anything was lost, doubled or different."""
    asked = _asked()
    broken = False
    directory = Path(tempfile.mkdtemp(prefix="dueline-chaos-"))
    with ForkServer(SHIPPED, directory / "log") as server:
        for name in asked.suites:
            broken |= _run(_suite(name, server, asked), server, asked, directory / name)
    if asked.keep or broken:
        _print(f"Databases and logs: {directory}")
    else:
        shutil.rmtree(directory)
    return int(broken)


def _suite(name: str, server: ForkServer, asked: Asked) -> Suite:
    forked = partial(Forked, server)
    draw = random.Random(asked.seed)
    mixed = (7, 8, 10, 15, 20, 45, 90, 240)
    match name:
        case "kills":
            return Suite(name, forked, Kills(draw, asked.kills), mixed)
        case "serve":
            return Suite(name, Served, Kills(draw, 2), mixed)
    return Suite(name, forked, Faults(asked.rate, asked.drops), (50, 60, 90, 300), _PACE_OF_FAULTS)


def _run(suite: Suite, server: ForkServer, asked: Asked, directory: Path) -> bool:
    def script() -> Script:
        return Script(asked.seed, asked.issues, suite.gaps)

    until = time.monotonic() + asked.seconds * _SHARE / len(asked.suites)

    def goes_on(done: int) -> bool:
        return done < asked.steps if asked.steps else time.monotonic() < until

    tried = play(
        script(),
        Setting(directory / "tried", suite.plant),
        suite.trouble,
        goes_on,
        seed=asked.seed,
        pace=suite.pace,
    )
    calm = play(
        script(),
        Setting(directory / "calm", partial(Forked, server)),
        Calm(),
        lambda done: done < tried.steps,
        pace=suite.pace,
    )
    found = compare(calm.shown, tried.shown)
    for line in _report(suite.name, asked.seed, calm, tried, found):
        _print(line)
    return found.broken or bool(tried.unsettled or calm.unsettled)


def _report(name: str, seed: int, calm: Outcome, tried: Outcome, found: Findings) -> Iterator[str]:
    yield f"{name}, seed {seed}: {tried.steps} steps, {tried.actions} actions in Jira"
    yield f"  deliveries  {tried.deliveries}, sent {tried.tries} times"
    yield (
        f"  requests    {tried.requests} (calm: {calm.requests}), of which {tried.lookups} asked "
        f"for an issue's comments (calm: {calm.lookups})"
    )
    yield f"  kills       {sum(tried.kills.values())}{_each(tried.kills)}"
    yield f"  faults      {sum(tried.faults.values())}{_each(tried.faults)}"
    yield (
        f"  compared    {len(calm.shown)} issues, {found.compared} comments, of which "
        f"{found.allowed} differ in how late they are or how much time was left, as they may"
    )
    yield f"  lost        {len(found.lost)}"
    yield f"  doubled     {len(found.doubled)}"
    yield f"  more        {len(found.more)}"
    yield f"  differing   {len(found.differing)}"
    yield f"  took        {tried.seconds:.0f} s, and {calm.seconds:.0f} s for the calm run"
    for line in found.lines():
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
        "--drops", type=float, default=0.0, help="the share of webhooks that Jira loses for good"
    )
    parser.add_argument("--suites", default="kills,faults", help=", ".join(_SUITES))
    parser.add_argument("--keep", action="store_true", help="keep databases and logs")
    given = parser.parse_args()
    suites = tuple(given.suites.split(","))
    if unknown := set(suites) - set(_SUITES):
        parser.error(f"no suite {', '.join(sorted(unknown))}; there are {', '.join(_SUITES)}")
    return Asked(**{**vars(given), "suites": suites})


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
