"""A run: the script is played to a service, which is left alone or not, step by step.

The clock stands still but for the moves that are made here, and no issue is touched before all
that was decided of it is said. So what Jira shows at the end follows from the script alone.
"""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import Engine, NullPool, create_engine, func, select, text

from config.loader import load
from config.settings import SHIPPED, Settings
from connector.setup import EVENTS
from connector.simulator import running
from sla.store import holds
from sla.store.database import address_of
from sla.store.schema import inbox, issues, sayings
from tests.chaos import plant as plants
from tests.chaos.clock import SharedClock
from tests.chaos.jira import Jira, Shown
from tests.chaos.plant import Plant
from tests.chaos.script import BEGIN, Script, Step
from tests.chaos.sky import Sky
from webhooks.set_up import set_up_jira

_GLANCE = 0.01
# So long nothing may happen at all until an instant counts as over while something still waits:
# a process that lost Jira when it started asks again later, and knows of no site until then.
_STILL = 4.0
_PATIENCE = 30.0
# A process asks Jira at its own time what it missed. Between the answer and its record nothing
# seems to be left; what it then finds is not left over, it has just begun.
_LOOKS = 5

# The moves within a step. Before it time alone does its work: what fell due meanwhile is said, some
# of it under fire, then the rest in peace.
_FIRST_UNDER_FIRE = (timedelta(0), timedelta(seconds=35))
_THEN_IN_PEACE = timedelta(seconds=70)
_JUST_BEFORE = timedelta(microseconds=-500)
# Within these nothing can fall due (see `script.Step`), and all that Jira tells is heard by the
# last of them.
_UNDER_FIRE = tuple(timedelta(seconds=seconds) for seconds in range(4))
_HEARD = timedelta(seconds=4)
_FURTHER = timedelta(seconds=35)
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Pace:
    """How the clock is moved around a step; the same for two runs that are compared.

    Attributes:
        lead: how long before a step the clock stops, so that what fell due by then is said.
        again: how long after it there is fire again; what is in doubt is looked up after 30 s.
    """

    lead: timedelta = timedelta(minutes=4)
    again: tuple[timedelta, ...] = (timedelta(seconds=39),)


USUAL = Pace()
# Jira can ask for an hour, which is spread to 78 minutes.
_REST_AFTER_HARSH = timedelta(hours=3)


class Trouble(Protocol):
    """What is done to the service at an instant under fire.

    Attributes:
        count: how often what was done to its processes.
    """

    count: Counter[str]

    def strike(self, run: Run) -> None:
        """Do it, and leave the service running."""

    def prepare(self, run: Run, rest: timedelta) -> None:
        """Told how long nothing will happen in Jira afterwards."""

    def relent(self, run: Run) -> None:
        """Leave the service whole, since peace begins."""


class Calm:
    """Nothing is done to it."""

    def __init__(self) -> None:
        self.count: Counter[str] = Counter()

    def strike(self, run: Run) -> None:
        """See `Trouble`."""
        run.settle()

    def prepare(self, run: Run, rest: timedelta) -> None:
        """See `Trouble`."""

    def relent(self, run: Run) -> None:
        """See `Trouble`."""


@dataclass
class Kills:
    """SIGKILL at random instants.

    Args:
        draw: when, and whom.
        most: how often at most at each instant under fire.
    """

    draw: random.Random
    most: int
    latency: float = 0.02
    count: Counter[str] = field(default_factory=Counter)

    def strike(self, run: Run) -> None:
        """See `Trouble`."""
        pause = threading.Event()
        for _ in range(self.draw.randint(1, self.most)):
            pause.wait(self.draw.uniform(*run.plant.moments))
            victim = self.draw.choice(run.plant.victims)
            run.plant.kill(victim)
            self.count[victim] += 1
            run.plant.start()

    def prepare(self, run: Run, rest: timedelta) -> None:
        """See `Trouble`."""
        run.jira.sky.latency = self.latency

    def relent(self, run: Run) -> None:
        """See `Trouble`."""


@dataclass
class Faults:
    """Foul weather at the instants under fire; of the harsh kind before a long rest only."""

    rate: float
    count: Counter[str] = field(default_factory=Counter)
    _harsh: bool = False

    def strike(self, run: Run) -> None:
        """See `Trouble`."""
        sky = run.jira.sky
        sky.rate, sky.webhooks = self.rate, self.rate / 4
        sky.harsh = self._harsh
        run.await_stillness()
        sky.clear()

    def prepare(self, run: Run, rest: timedelta) -> None:
        """See `Trouble`."""
        self._harsh = rest >= _REST_AFTER_HARSH

    def relent(self, run: Run) -> None:
        """See `Trouble`."""


@dataclass
class Outcome:
    """What a run leaves behind."""

    shown: Mapping[str, Shown]
    steps: int
    actions: int
    deliveries: int
    tries: int
    requests: int
    starts: int
    troubles: Mapping[str, int]
    faults: Mapping[str, int]
    unsettled: list[str]
    given_up: list[str]
    lookups: int
    together: list[str]
    tracebacks: int
    seconds: float


@dataclass
class Run:
    """One service, one Jira, one clock."""

    clock: SharedClock
    jira: Jira
    plant: Plant
    engine: Engine
    trouble: Trouble
    pace: Pace
    unsettled: list[str] = field(default_factory=list)

    def play(self, step: Step, next_at: datetime) -> None:
        """Play a step, and see to it that all of it is said before the next."""
        begin = step.at - self.pace.lead
        self.trouble.prepare(self, self.pace.lead)
        for move in _FIRST_UNDER_FIRE:
            self._under_fire(begin + move)
        self._in_peace(begin + _THEN_IN_PEACE)
        self.say_the_rest(step.at + _JUST_BEFORE)
        self._in_peace(step.at + _JUST_BEFORE)
        self._note_what_is_left()
        self.trouble.prepare(self, next_at - self.pace.lead - step.at)
        self._move(step.at)
        self.jira.act(step.actions)
        for move in _UNDER_FIRE:
            self._under_fire(step.at + move)
        self._in_peace(step.at + _HEARD)
        if self.jira.sky.lost_any:
            # Before anything can fall due that would not, had it been heard.
            self.plant.reconcile()
            self.settle()
        for move in self.pace.again:
            self._under_fire(step.at + move)
        self._in_peace(self.clock.now() + _FURTHER)
        self.say_the_rest(next_at - self.pace.lead)
        self._note_what_is_left()

    def _under_fire(self, at: datetime) -> None:
        self._move(at)
        self.trouble.strike(self)
        self.plant.await_ready()

    def _in_peace(self, at: datetime) -> None:
        self._move(at)
        self.settle()
        self.trouble.relent(self)
        self.settle()

    def _note_what_is_left(self) -> None:
        for _ in range(_LOOKS):
            if not (left := self._left()):
                return
            self.settle()
        self.unsettled.append(f"{self.clock.now():%d %H:%M:%S}: {left}")

    def say_the_rest(self, until: datetime) -> None:
        """Move on, ever faster, until nothing is left to be said."""
        further = _FURTHER
        while self._left() and (at := self.clock.now() + further) < until:
            further *= 2
            self._in_peace(at)

    def settle(self) -> None:
        """Let everything happen that happens at this instant, in peace."""
        self.plant.await_ready()
        self.await_stillness()

    def await_stillness(self) -> None:
        """Return when nothing is to be done at this instant, or when nothing happens any more."""
        pause = threading.Event()
        begun = still_since = time.monotonic()
        traffic = self.jira.traffic
        while time.monotonic() - begun < _PATIENCE:
            if self._done():
                return
            if traffic != (traffic := self.jira.traffic) or not self.jira.at_rest:
                still_since = time.monotonic()
            if self._undecided() or self._queued():
                still_since = time.monotonic()
            elif time.monotonic() - still_since > _STILL:
                return
            pause.wait(_GLANCE)
        raise RuntimeError(f"it does not come to rest: {self._left()}; see {self.plant.log}")

    def _move(self, at: datetime) -> None:
        self.clock.move(at)
        self.jira.look()

    def _done(self) -> bool:
        """Whether nothing waits for this instant; what is under way counts as waiting."""
        before = self.jira.at_rest, self.jira.traffic
        if not before[0] or self._undecided() or self._unsaid(self._open_until()):
            return False
        if self._queued():
            return False
        return before == (self.jira.at_rest, self.jira.traffic)

    def _left(self) -> str:
        """What waits for this instant or a later one, in words; empty: nothing."""
        waits = {"to be decided": self._undecided(), "to be said": self._unsaid(None)}
        return ", ".join(f"{number} {what}" for what, number in waits.items() if number)

    def _undecided(self) -> int:
        now = self.clock.now()
        heard = select(func.count()).where(inbox.c.state == "new")
        due = select(func.count()).where(issues.c.wake_at <= now)
        return self._count(heard) + self._count(due)

    def _queued(self) -> int:
        """How many jobs the processes have or wait for; also those of the dead."""
        if self.engine.dialect.name == "sqlite":
            return 0
        return self._count(text("SELECT count(*) FROM procrastinate_jobs"))

    def _open_until(self) -> datetime:
        """Until when what is due can be said: now, unless Jira asked for patience."""
        with self.engine.connect() as connection:
            held = holds.held(connection, self.clock.now())
        return LONG_AGO if held else self.clock.now()

    def _unsaid(self, by: datetime | None) -> int:
        comments = select(func.count()).where(sayings.c.state == "pending")
        fields = select(func.count()).where(issues.c.write_at.is_not(None))
        reads = select(func.count()).where(issues.c.read_at.is_not(None))
        if by is not None:
            comments = comments.where(sayings.c.try_at <= by)
            fields = fields.where(issues.c.write_at <= by)
            reads = reads.where(issues.c.read_at <= by)
        return self._count(comments) + self._count(fields) + self._count(reads)

    def _count(self, query: object) -> int:
        with self.engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)  # type: ignore[call-overload]

    def given_up(self) -> list[str]:
        """What Jira refused for good, according to the service."""
        comments = select(issues.c.key, sayings.c.key, sayings.c.error).where(
            sayings.c.state == "given_up",
            sayings.c.site == issues.c.site,
            sayings.c.issue_id == issues.c.issue_id,
        )
        fields = select(issues.c.key, issues.c.write_error).where(
            issues.c.write_error.is_not(None), issues.c.write_at.is_(None)
        )
        with self.engine.connect() as connection:
            rows = [*connection.execute(comments), *connection.execute(fields)]
        return [": ".join(str(part) for part in row) for row in rows]


@dataclass(frozen=True)
class Setting:
    """Where and with what a run takes place.

    Attributes:
        directory: of its own; the database, the clock and the log are there.
        make_plant: the processes under test.
        database_url: any that the service takes; None: a file of its own.
    """

    directory: Path
    make_plant: Callable[[Mapping[str, str], Path], Plant]
    config: Path = SHIPPED
    database_url: str | None = None


def play(
    script: Script,
    setting: Setting,
    trouble: Trouble,
    goes_on: Callable[[int], bool],
    *,
    seed: int = 0,
    pace: Pace = USUAL,
) -> Outcome:
    """Play a script until `goes_on`, asked with the number of steps that are done, says no."""
    begun = time.monotonic()
    steps = script.steps()
    step, done, actions = next(steps), 0, 0
    with _new_run(setting, trouble, Sky(seed), pace) as run:
        run.plant.start()
        run.settle()
        while goes_on(done):
            following = next(steps)
            run.play(step, following.at)
            actions += len(step.actions)
            done += 1
            step = following
        run.jira.sky.clear()
        run.say_the_rest(run.clock.now() + timedelta(hours=6))
        run.settle()
        log = run.plant.log
        sky = run.jira.sky
        return Outcome(
            shown=run.jira.shown(),
            steps=done,
            actions=actions,
            deliveries=run.jira.sent,
            tries=run.jira.tries,
            requests=sky.requests,
            starts=run.plant.starts,
            troubles=trouble.count,
            faults={name: times for name, times in sky.injected.items() if times},
            unsettled=run.unsettled,
            given_up=run.given_up(),
            lookups=sky.lookups,
            together=sky.writes.together,
            tracebacks=log.read_text(encoding="utf-8", errors="replace").count("Traceback"),
            seconds=time.monotonic() - begun,
        )


@contextmanager
def _new_run(setting: Setting, trouble: Trouble, sky: Sky, pace: Pace) -> Iterator[Run]:
    directory = setting.directory
    directory.mkdir(parents=True)
    clock = SharedClock.made(directory / "clock", BEGIN)
    jira = Jira(clock, sky)
    database_url = setting.database_url or f"sqlite:///{directory / 'dueline.sqlite3'}"
    with ExitStack() as stack:
        jira_url = stack.enter_context(running(jira))
        told = plants.environment(
            jira_url=jira_url,
            database_url=database_url,
            config=setting.config,
            port=plants.free_port(),
            clock=clock.path,
        )
        fields = load(setting.config).site.fields
        list(set_up_jira(Settings.from_environment(told), fields, None))
        plant = setting.make_plant(told, directory / "log")
        stack.callback(plant.close)
        jira.register_webhook(
            f"{plant.url}/webhooks/jira", events=EVENTS["cloud"], secret=plants.SECRET
        )
        jira.balancer.stand_before(plant.urls)
        stack.enter_context(jira.sending())
        engine = _onlooker(database_url)
        stack.callback(engine.dispose)
        yield Run(clock, jira, plant, engine, trouble, pace)


def _onlooker(database_url: str) -> Engine:
    """To look into the tables from outside."""
    address = address_of(database_url)
    if address.drivername.startswith("sqlite"):
        # Never the last connection to a file: closing that would tidy up after a killed service.
        return create_engine(address, poolclass=NullPool)
    return create_engine(address, pool_pre_ping=True, isolation_level="AUTOCOMMIT")
