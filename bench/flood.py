"""A flood of deliveries while Jira answers slowly: `python -m bench.flood --database postgresql`.

README: in a checkout after `make install`, with nothing else running:
`.venv/bin/python -m bench.flood` sends 10,000 deliveries within a minute to a real `dueline serve`
on SQLite and prints how long intake took beside `/healthz`, the memory, the queues, how many writes
Jira saw, and how late what fell due meanwhile was said. It ends when all is settled, or after
`--patience` seconds.
"""

from __future__ import annotations

import argparse
import http.client
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import requests
from sqlalchemy import Engine, create_engine, text

from bench.meter import children
from bench.waiting import WAITING, counted
from config.loader import load
from config.settings import SHIPPED, Settings
from connector.base import PROPERTY
from connector.setup import EVENTS
from connector.simulator import AGENT, CUSTOMER, DUELINE, Rule, Simulator, running
from connector.simulator.deliveries import Delivery, headers
from sla.store.database import address_of
from tests.chaos.plant import ROOT, free_port
from tests.postgres import postgres_server
from webhooks.clock import FastClock, SystemClock
from webhooks.set_up import set_up_jira

_SECRET = "flood-webhook-secret"  # noqa: S105 - of a simulated Jira
# A Tuesday on which every calendar is open.
_BEGIN = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)
_WARM_UP = timedelta(seconds=20)
# The shipped Enterprise contract's, for what is urgent.
_PROMISED = timedelta(minutes=30)
_SENDERS = 24
_EACH_HEALTH = 20
_JOBS = {"jobs": "SELECT count(*) FROM procrastinate_jobs"}
_SAID = (
    "SELECT sayings.key, sayings.at, sayings.state, issues.key FROM sayings JOIN issues "
    "ON issues.issue_id = sayings.issue_id AND issues.site = sayings.site"
)


@dataclass(frozen=True)
class Asked:
    """What the command line says."""

    database: str
    deliveries: int
    seconds: float
    issues: int
    due: int
    slowness: float
    patience: float
    workers: int


@dataclass
class SlowJira:
    """The weather: every answer takes its time."""

    seconds: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)

    def over_request(self, method: str, path: str) -> Rule | None:
        """See `connector.simulator.faults.Weather`."""
        self.calls[_kind(method, path)] += 1
        return Rule(status=0, delay=self.seconds) if self.seconds else None

    def over_delivery(self, event: str) -> Literal["drop", "double"] | None:  # noqa: ARG002
        """See `connector.simulator.faults.Weather`."""
        return None

    def over_batch(self, size: int) -> bool:  # noqa: ARG002
        """See `connector.simulator.faults.Weather`."""
        return False


@dataclass
class Shifting:
    """Jira's clock: it shows what is told while the flood is made, and then runs."""

    at: datetime = _BEGIN
    running: FastClock | None = None

    def now(self) -> datetime:
        """The present instant there."""
        return self.running.now() if self.running else self.at


@dataclass(frozen=True)
class Sent:
    """What the sender measured, in seconds."""

    intake: Sequence[float]
    health: Sequence[float]
    refused: int
    took: float


@dataclass
class Watch:
    """What was seen from outside, second by second."""

    engine: Engine
    process_id: int
    shared: bool
    rows: list[tuple[float, dict[str, int]]] = field(default_factory=list)

    def look(self, since: float) -> dict[str, int]:
        """Note what waits and how much memory there is."""
        queries = {**WAITING, **(_JOBS if self.shared else {})}
        with self.engine.connect() as connection:
            seen = counted(connection, queries)
        ids = (self.process_id, *children(self.process_id))
        seen["MB"] = sum(_resident(each) for each in ids) // 1024
        self.rows.append((time.monotonic() - since, seen))
        return seen

    def most(self, name: str) -> int:
        """The largest number seen."""
        return max(seen[name] for _, seen in self.rows)


def main() -> None:
    """Make the flood, let it come, wait until all is settled, and print what was seen."""
    asked = _asked()
    clock = Shifting()
    weather = SlowJira()
    jira = Simulator(now=clock.now)
    jira.faults.weather = weather
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dueline-flood-")))
        url = f"sqlite:///{directory / 'dueline.sqlite3'}"
        if asked.database == "postgresql":
            url = stack.enter_context(postgres_server(free_port())).database()
        told = _environment(stack.enter_context(running(jira)), url)
        list(set_up_jira(Settings.from_environment(told), load(SHIPPED).site.fields, None))
        first, flood = _made(jira, clock, asked)
        weather.calls.clear()
        clock.running = FastClock(_BEGIN - _WARM_UP, SystemClock().now(), 1.0)
        told["DUELINE_DEMO_CLOCK"] = str(clock.running)
        process_id = stack.enter_context(_served(told, directory / "log", ["serve"]))
        for _ in range(asked.workers):
            stack.enter_context(_served(told, directory / "log", ["worker"]))
        port = int(told["DUELINE_PORT"])
        _await_ready(port)
        _send(first, port, 5.0)
        watch = Watch(create_engine(address_of(url)), process_id, asked.database == "postgresql")
        _await(lambda: not any(watch.look(time.monotonic())[name] for name in WAITING), 60)
        watch.rows.clear()
        _await(lambda: clock.now() >= _BEGIN, 60)
        weather.seconds = asked.slowness
        weather.calls.clear()
        begun = time.monotonic()
        sent = _flooded(flood, port, asked, watch, begun)
        settled = _settled(watch, begun, asked.patience)
        weather.seconds = 0.0
        _report(asked, sent, watch, weather, settled, _lateness(watch.engine, jira))


def _made(
    jira: Simulator, clock: Shifting, asked: Asked
) -> tuple[list[tuple[bytes, dict[str, str]]], list[tuple[bytes, dict[str, str]]]]:
    """The deliveries: of issues that fall due within the flood, and the flood itself."""
    jira.register_webhook("http://unused/webhooks/jira", events=EVENTS["cloud"], secret=_SECRET)
    urgent = {"project": "HLP", "priority": "Highest", "Support plan": "Enterprise"}
    draw = random.Random(1)  # noqa: S311 - for no secret
    for number in range(asked.due):
        share = timedelta(seconds=asked.seconds * number / asked.due)
        clock.at = _BEGIN - _PROMISED + share
        jira.create_issue({**urgent, "summary": f"Urgent {number}"}, account=CUSTOMER)
    first = _taken(jira)
    clock.at = _BEGIN
    keys = [
        jira.create_issue(
            {"project": draw.choice(("BOT", "BIT")), "summary": f"Trouble {number}"},
            account=CUSTOMER,
        ).key
        for number in range(asked.issues)
    ]
    while len(jira.pending_deliveries()) < asked.deliveries:
        clock.at = _BEGIN + timedelta(
            seconds=asked.seconds * len(jira.pending_deliveries()) / asked.deliveries
        )
        _act(jira, draw.choice(keys), draw)
    return first, _taken(jira)[: asked.deliveries]


def _act(jira: Simulator, key: str, draw: random.Random) -> None:
    match draw.choice(("ask", "reply", "edit", "status")):
        case "ask":
            jira.add_comment(key, "Is there any news?", account=CUSTOMER)
        case "reply":
            jira.add_comment(key, "We are on it.", account=AGENT)
        case "edit":
            jira.edit(key, priority=draw.choice(("Highest", "High", "Medium", "Low", "Lowest")))
        case _:
            now = jira.issue(key).status.name
            jira.transition(key, draw.choice([s for s in ("To Do", "In Progress") if s != now]))


def _taken(jira: Simulator) -> list[tuple[bytes, dict[str, str]]]:
    made: Sequence[Delivery] = jira.pending_deliveries()
    jira._pending.clear()  # noqa: SLF001 - sent by ourselves, at a pace of our own
    return [(each.body, headers("cloud", each)) for each in made]


def _flooded(
    flood: Sequence[tuple[bytes, dict[str, str]]],
    port: int,
    asked: Asked,
    watch: Watch,
    begun: float,
) -> Sent:
    """Have another process send the flood, and watch meanwhile."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        sending = pool.apply_async(_send, (flood, port, asked.seconds))
        while not sending.ready():
            watch.look(begun)
            sending.wait(1.0)
        return sending.get()


def _send(flood: Sequence[tuple[bytes, dict[str, str]]], port: int, seconds: float) -> Sent:
    """Send deliveries at an even pace over connections that stay open, and now and then ask."""
    threads = threading.local()
    intake: list[float] = []
    health: list[float] = []
    refused: list[int] = []
    begun = time.monotonic()

    def ask(method: str, path: str, body: bytes | None, told: dict[str, str]) -> tuple[int, float]:
        started = time.monotonic()
        for last in (False, True):
            if not hasattr(threads, "connection"):
                threads.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            try:
                threads.connection.request(method, path, body, told)
                answer = threads.connection.getresponse()
                answer.read()
                return answer.status, time.monotonic() - started
            except (OSError, http.client.HTTPException):
                del threads.connection
                if last:
                    raise
        raise AssertionError("the last try returns or raises")

    def one(number: int) -> None:
        pause = begun + seconds * number / len(flood) - time.monotonic()
        if pause > 0:
            threading.Event().wait(pause)
        body, told = flood[number]
        status, took = ask("POST", "/webhooks/jira", body, told)
        intake.append(took)
        if status != 202:
            refused.append(status)
        if number % _EACH_HEALTH == 0:
            health.append(ask("GET", "/healthz", None, {})[1])

    with ThreadPoolExecutor(_SENDERS) as pool:
        list(pool.map(one, range(len(flood))))
    return Sent(intake, health, len(refused), time.monotonic() - begun)


def _settled(watch: Watch, begun: float, patience: float) -> float | None:
    """Watch until nothing waits; how long after the begin that was, None: it did not."""
    pause = threading.Event()
    while time.monotonic() - begun < patience:
        seen = watch.look(begun)
        if not any(seen[name] for name in WAITING):
            return time.monotonic() - begun
        pause.wait(1.0)
    return None


def _lateness(engine: Engine, jira: Simulator) -> dict[str, list[float]]:
    """How long after its instant each comment came, by kind: what fell due, and the rest."""
    with engine.connect() as connection:
        rows = list(connection.execute(text(_SAID)))
    with jira.lock:
        came = {
            (issue.key, (comment.properties.get(PROPERTY) or {}).get("key", "").split("/", 2)[-1]):
            comment.created
            for issue in jira.issues.values()
            for comment in issue.comments
            if comment.author == DUELINE
        }  # fmt: skip
    found: dict[str, list[float]] = {"due": [], "heard": []}
    for key, at, _, issue in rows:
        instant = datetime.fromtimestamp(at / 1e6, UTC) if isinstance(at, int) else at
        if (issue, key) in came and instant >= _BEGIN:
            kind = "due" if issue.startswith("HLP") else "heard"
            found[kind].append((came[issue, key] - instant).total_seconds())
    return found


def _report(
    asked: Asked,
    sent: Sent,
    watch: Watch,
    weather: SlowJira,
    settled: float | None,
    late: Mapping[str, Sequence[float]],
) -> None:
    lines = [
        f"{len(sent.intake)} deliveries over {asked.issues} issues in {sent.took:.0f} s",
        f"  {asked.database}, Jira answers after {asked.slowness:g} s",
        f"  load at the end  {os.getloadavg()[0]:.1f}",
        f"  not taken        {sent.refused}",
        f"  intake           {_quantiles(sent.intake)}",
        f"  /healthz         {_quantiles(sent.health)}",
        f"  memory           {watch.rows[0][1]['MB']} MB before, {watch.most('MB')} MB at most",
    ]
    names = [name for name in watch.rows[0][1] if name != "MB"]
    lines.append(f"  at most waiting  {', '.join(f'{n} {watch.most(n)}' for n in names)}")
    step = max(1, len(watch.rows) // 12)
    lines += [
        f"    after {at:4.0f} s   {', '.join(f'{name} {number}' for name, number in seen.items())}"
        for at, seen in watch.rows[::step]
    ]
    calls = ", ".join(f"{name} {number}" for name, number in sorted(weather.calls.items()))
    lines += [
        f"  calls to Jira    {calls}",
        f"  said when due    {_spread(late['due'])}",
        f"  said when heard  {_spread(late['heard'])}",
        f"  all settled      {f'after {settled:.0f} s' if settled else 'not in time'}",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _quantiles(seconds: Sequence[float]) -> str:
    cuts = statistics.quantiles(seconds, n=100)
    shown = {"p50": cuts[49], "p99": cuts[98], "max": max(seconds)}
    return ", ".join(f"{name} {value * 1000:.1f} ms" for name, value in shown.items())


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "none"
    middle, most = statistics.median(seconds), max(seconds)
    return f"{len(seconds)} comments, {middle:.1f} s later (median), {most:.1f} s at most"


def _kind(method: str, path: str) -> str:
    if method == "GET":
        return "GET"
    return f"{method} comment" if "comment" in path else f"{method} issue"


def _resident(process_id: int) -> int:
    """Kilobytes of memory that a process holds."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(r.split()[1]) for r in status.splitlines() if r.startswith("VmRSS")), 0)


def _environment(jira_url: str, database_url: str) -> dict[str, str]:
    others = {name: v for name, v in os.environ.items() if not name.startswith("DUELINE_")}
    return others | {
        "DUELINE_JIRA_URL": jira_url,
        "DUELINE_JIRA_USER": DUELINE,
        "DUELINE_JIRA_TOKEN": "simulator",
        "DUELINE_JIRA_FLAVOUR": "cloud",
        "DUELINE_WEBHOOK_SECRET": _SECRET,
        "DUELINE_DATABASE_URL": database_url,
        "DUELINE_PORT": str(free_port()),
        "PYTHONPATH": str(ROOT),
    }


@contextmanager
def _served(told: Mapping[str, str], log: Path, command: Sequence[str]) -> Iterator[int]:
    with log.open("ab") as written:
        process = subprocess.Popen(  # noqa: S603 - our own
            [sys.executable, "-m", "webhooks.cli", *command],
            cwd=ROOT,
            env=dict(told),
            stdout=written,
            stderr=written,
        )
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


def _await_ready(port: int) -> None:
    def ready() -> bool:
        try:
            return requests.get(f"http://127.0.0.1:{port}/readyz", timeout=5).status_code == 200
        except requests.RequestException:
            return False

    _await(ready, 30)


def _await(holds: Callable[[], bool], seconds: float) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if holds():
            return
        pause.wait(0.1)
    raise TimeoutError(f"not within {seconds:g} s")


def _asked() -> Asked:
    parser = argparse.ArgumentParser(prog="python -m bench.flood")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=60, help="within which they come")
    parser.add_argument("--issues", type=int, default=400, help="that they are about")
    parser.add_argument("--due", type=int, default=60, help="issues that fall due meanwhile")
    parser.add_argument("--slowness", type=float, default=0.5, help="seconds until Jira answers")
    parser.add_argument("--patience", type=float, default=420, help="seconds until it must end")
    parser.add_argument("--workers", type=int, default=0, help="`dueline worker` beside it")
    return Asked(**vars(parser.parse_args()))


if __name__ == "__main__":
    main()
