"""What one event costs, stage by stage, on either database; the figures of docs/scaling.md.

    .venv/bin/python -m bench.costs
    .venv/bin/python -m bench.costs --only postgresql

It takes about two minutes. Processor time is that of Dueline's own threads, and of the PostgreSQL
server's processes apart; the simulated Jira is not in it. Wall time is a median, and that of a
machine that may have more to do. The server is the tests' own, with `fsync=off`, so that no figure
holds the time of a disk.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import requests
import structlog
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select, text
from werkzeug.test import EnvironBuilder, run_wsgi_app

from bench.meter import Cost, Meter, tree_seconds
from connector.simulator import AGENT, CUSTOMER, DUELINE
from connector.subject import subject_of
from sla.decide import Ledger, decide
from sla.lanes import Key, Lane
from sla.queue import SharedWakeups
from sla.store import inbox, issues
from sla.store.database import Database
from sla.store.schema import events
from sla.store.schema import inbox as inbox_table
from sla.timeline import Event
from tests.postgres import PostgresServer, postgres_server
from tests.scenarios import world as worlds
from tests.scenarios.world import SECRET, World, signature, utc, world
from webhooks.app import create_app

T = TypeVar("T")
SITE = "default"
# Wednesday in New York, 10:00: every calendar of the example site is open.
_BEGAN = utc("2024-07-10 14:00")
_REAL_SIZE = 10_000
_FACTS = (5, 50, 200)
_MANY, _SOME, _LIVES = 400, 40, 20
_PATIENCE = 30.0
_TICK = 0.01
# Copies of issues are numbered from here, far from those that the simulator makes.
_COPIES = 500_000


@dataclass
class Lives:
    """What whole lives of issues come to, for one of them."""

    deliveries: float
    by_event: dict[str, float]
    calls: dict[str, float]
    facts: float
    body_bytes: float
    statements: float
    writes: float
    reads: float
    log_bytes: float | None
    grown: dict[str, float]


# --- deliveries ---------------------------------------------------------------------------------


class Bodies:
    """Deliveries of a real issue in the simulator, told again of others."""

    def __init__(self, made: World) -> None:
        key = made.report("HLP")
        made.jira.add_comment(key, "We are on it.", account=AGENT)
        made.jira.add_comment(key, "And by when?", account=CUSTOMER)
        made.settle()
        kept = made.service.database.read(
            lambda c: (
                c.execute(select(inbox_table.c.body).order_by(inbox_table.c.id)).scalars().all()
            )
        )
        payloads = [json.loads(body) for body in kept]
        self._created = next(p for p in payloads if p["webhookEvent"] == "jira:issue_created")
        self._comments = [p for p in payloads if p["webhookEvent"] == "comment_created"]

    def created(self, number: int, size: int = 0) -> bytes:
        """An issue's making, filled up to a size by what nobody reads."""
        return _encoded(self._created | {"issue": self._issue(self._created, number)}, size)

    def comment(self, number: int, nth: int, at: datetime) -> bytes:
        """The nth comment on an issue, by the agent and the customer in turn."""
        payload = self._comments[nth % len(self._comments)]
        written = f"{at:%Y-%m-%dT%H:%M:%S}.000+0000"
        comment = payload["comment"] | {
            "id": str(number * 1000 + nth), "created": written, "updated": written,
        }  # fmt: skip
        return _encoded(
            payload
            | {
                "timestamp": int(at.timestamp() * 1000),
                "issue": self._issue(payload, number),
                "comment": comment,
            }
        )

    def _issue(self, payload: dict[str, Any], number: int) -> dict[str, Any]:
        issue: dict[str, Any] = payload["issue"]
        return issue | {"id": str(number), "key": f"HLP-{number}"}


def _encoded(payload: dict[str, Any], size: int = 0) -> bytes:
    body = json.dumps(payload, separators=(",", ":"))
    missing = max(0, size - len(body) - len(',"filler":""'))
    if not missing:
        return body.encode()
    # Of no use to a database that stores large values compressed.
    filler = b"".join(sha256(str(n).encode()).digest() for n in range(missing // 64 + 1)).hex()[
        :missing
    ]
    return json.dumps(payload | {"filler": filler}, separators=(",", ":")).encode()


# --- stages -------------------------------------------------------------------------------------


def intake(made: World, meter: Meter, bodies: Bodies, size: int) -> Cost:
    """From the request to the durable row, without the HTTP server itself."""
    app = create_app(made.service)
    first = _COPIES + 100_000 + size

    def post(body: bytes) -> Callable[[], object]:
        request = EnvironBuilder(
            "/webhooks/jira", method="POST", data=body, headers=list(_headers(body).items())
        ).get_environ()
        return lambda: _expect(202, int(run_wsgi_app(app, request, buffered=True)[1].split()[0]))

    posts = [post(bodies.created(first + number, size)) for number in range(_MANY)]
    cost = meter.measure(f"intake, {len(bodies.created(first, size)) / 1000:.1f} kB", posts)
    # What was only put there to be stored is not to be handled.
    made.service.database.write(
        lambda c: c.execute(inbox_table.delete().where(inbox_table.c.state == "new")).rowcount
    )
    return cost


def reading(made: World, meter: Meter, body: bytes) -> Iterator[Cost]:
    """Routing and translation, which touch no database."""
    read = made.service.engine.read_delivery
    size = f"{len(body) / 1000:.1f} kB"
    yield meter.measure(f"routing, {size}", [lambda: subject_of(body)] * _MANY)
    yield meter.measure(f"translating, {size}", [lambda: read(body)] * _MANY)


def settling(made: World, meter: Meter, bodies: Bodies, facts: int) -> Iterator[Cost]:
    """One more comment on issues with so many facts: taken in, decided, saved."""
    engine, database = made.service.engine, made.service.database
    copies = [_COPIES + facts * 1000 + number for number in range(_SOME)]
    for number in copies:
        _keep(made, number, bodies.created(number))
        engine.run((SITE, str(number)))
        _fill(made, bodies, number, facts)
        _keep(made, number, bodies.comment(number, 900, made.clock.at))
    policy = engine.sites[SITE].applied_to(engine.policy(engine.in_force))
    names = engine.sites[SITE].names_for(policy)
    timelines = {
        number: database.read(lambda c, n=number: issues.timeline_of(c, SITE, str(n), names))  # type: ignore[misc]
        for number in copies
    }
    held = len(timelines[copies[0]].events)
    yield meter.measure(
        f"settling, {held} facts", [partial(engine.run, (SITE, str(number))) for number in copies]
    )
    yield meter.measure(
        "  of which loading", [partial(_load, database, number, names) for number in copies]
    )
    now = made.clock.now()
    yield meter.measure(
        "  of which deciding",
        [partial(decide, timelines[number], policy, Ledger(frozenset()), now) for number in copies],
    )


def _load(database: Database, number: int, names: dict[str, str]) -> object:
    return database.read(lambda c: issues.timeline_of(c, SITE, str(number), names))


def woken(made: World, meter: Meter, facts: int) -> Cost:
    """The same issues, decided again because of time alone."""
    first = _COPIES + facts * 1000
    keys = [(SITE, str(first + number)) for number in range(_SOME)]
    return meter.measure(
        f"woken by time, {facts} facts", [partial(made.service.engine.run, key) for key in keys]
    )


def _forget_copies(made: World) -> None:
    """Have nothing written of issues that the simulated Jira does not know."""
    for facts in _FACTS:
        for number in range(_SOME):
            copy = str(_COPIES + facts * 1000 + number)
            made.service.database.write(
                lambda c, copy=copy: issues.change(c, SITE, copy, write_at=None, wake_at=None)  # type: ignore[misc]
            )


def looking(made: World, meter: Meter) -> Cost:
    """Asking every lane what is due and when something is next."""

    def look() -> None:
        for lane in made.service.lanes.values():
            lane.due(100)
            lane.next_run()

    return meter.measure("looking for work, all lanes", [look] * _SOME)


def dispatching(made: World, meter: Meter) -> Iterator[Cost]:
    """Writing to Jira and reading from it over HTTP, without Jira's own time."""
    service, jira = made.service, made.jira
    fresh = [jira.create_issue({"summary": "Help"}, project="HLP").id for _ in range(_SOME)]
    jira.deliver()
    _decide_all(made, fresh)
    keys: list[Key] = [(SITE, issue_id) for issue_id in fresh]
    yield meter.measure(
        "dispatching: fields", [partial(service.dispatcher.run, key) for key in keys]
    )
    made.settle()
    made.clock.at = _there(service.engine.next_run())
    _decide_all(made, fresh)
    yield meter.measure(
        "dispatching: a comment", [partial(service.dispatcher.run, key) for key in keys]
    )
    yield meter.measure(
        "dispatching: nothing", [partial(service.dispatcher.run, key) for key in keys]
    )
    now = made.clock.now()
    for issue_id in fresh:
        service.database.write(
            lambda c, one=issue_id: issues.ask_for_history(c, SITE, one, now, incomplete=False)  # type: ignore[misc]
        )
    yield meter.measure(
        "reading a history, deciding", [partial(service.histories.run, key) for key in keys]
    )


def _decide_all(made: World, issue_ids: Sequence[str]) -> None:
    for issue_id in issue_ids:
        made.service.engine.run((SITE, issue_id))


def _headers(body: bytes, identifier: str = "") -> dict[str, str]:
    named = {"X-Atlassian-Webhook-Identifier": identifier} if identifier else {}
    return {"X-Hub-Signature": signature(body), "Content-Type": "application/json", **named}


def _keep(made: World, number: int, body: bytes) -> None:
    made.service.database.write(
        lambda c: inbox.keep(c, SITE, f"{number} {hash(body)}", body, made.clock.at, str(number))
    )


def _fill(made: World, bodies: Bodies, number: int, facts: int) -> None:
    """Give an issue comments until one more makes so many facts."""
    read = made.service.engine.read_delivery
    have = made.service.database.read(
        lambda c: c.execute(
            select(func.count()).where(events.c.site == SITE, events.c.issue_id == str(number))
        ).scalar_one()
    )
    more: list[Event] = []
    for nth in range(facts):
        if have + len(more) >= facts - 2:
            break
        at = _BEGAN + timedelta(minutes=1 + nth)
        more += read(bodies.comment(number, nth, at)).events
    made.service.database.write(lambda c: issues.add_facts(c, SITE, str(number), more))


def _there(found: T | None) -> T:
    if found is None:
        raise AssertionError("it should be there")
    return found


def _expect(wanted: int, status: int) -> None:
    if status != wanted:
        raise AssertionError(f"answered {status}, and not {wanted}")


# --- the queue, and the process that only receives ----------------------------------------------


class _Counting:
    """A lane with nothing to do."""

    def __init__(self) -> None:
        self.runs = 0
        self._lock = threading.Lock()

    def due(self, limit: int) -> Sequence[Key]:  # noqa: ARG002 - a lane's
        return []

    def run(self, key: Key) -> None:  # noqa: ARG002 - a lane's
        with self._lock:
            self.runs += 1

    def next_run(self) -> datetime | None:
        return None


def queue(made: World, meter: Meter) -> Iterator[Cost]:
    """A job: handed over, then fetched, run and finished by workers of this process."""
    database = made.service.database
    handing = SharedWakeups(database, made.clock, {"decide": (_Counting(), 0)}, {})
    handing.start()
    keys = [(SITE, str(number)) for number in range(_MANY)]
    yield meter.measure("queue: handing over", [partial(handing.kick, "decide", k) for k in keys])
    handing.stop()
    lane = _Counting()
    lanes: dict[str, tuple[Lane, int]] = {"decide": (lane, 2)}
    working = SharedWakeups(database, made.clock, lanes, {})
    server = _there(meter.server)
    before = (time.process_time(), *server.so_far())
    began = time.perf_counter()
    working.start()
    _wait_until(lambda: lane.runs == _MANY)
    wall = time.perf_counter() - began
    own, theirs, log, commits = (
        (after - earlier) / _MANY
        for after, earlier in zip((time.process_time(), *server.so_far()), before, strict=True)
    )
    working.stop()
    yield Cost(
        "queue: fetching and finishing", own * 1000, theirs * 1000, wall / _MANY * 1000, 0,
        commits, 0, log,
    )  # fmt: skip


def receiving(made: World, meter: Meter, bodies: Bodies, address: str, directory: Path) -> Cost:
    """A delivery of 10 kB in a process that only receives: HTTP, storing, handing over."""
    port = _free_port()
    environment = {
        "DUELINE_JIRA_URL": made.url,
        "DUELINE_JIRA_USER": DUELINE,
        "DUELINE_JIRA_TOKEN": "simulator",
        "DUELINE_JIRA_FLAVOUR": "cloud",
        "DUELINE_WEBHOOK_SECRET": SECRET,
        "DUELINE_DATABASE_URL": address,
        "DUELINE_PORT": str(port),
    }
    command = Path(sys.executable).with_name("dueline")
    with (directory / "receiver.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own
            [command, "serve", "--receive-only"], env=environment, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_until(lambda: _answers(url))
        session = requests.Session()
        posts = [
            partial(_post, session, f"{url}/webhooks/jira", bodies.created(number, _REAL_SIZE))
            for number in range(_COPIES, _COPIES + _MANY)
        ]
        for each in posts[:20]:
            each()
        server = _there(meter.server)
        before = (
            tree_seconds(process.pid),
            server.seconds(),
            server.log_position(),
            server.commits(),
        )
        began = time.perf_counter()
        for each in posts[20:]:
            each()
        wall, number = time.perf_counter() - began, len(posts) - 20
        after = (tree_seconds(process.pid), *server.so_far())
    finally:
        process.terminate()
        process.wait(_PATIENCE)
    own, theirs, written, commits = (
        (late - early) / number for late, early in zip(after, before, strict=True)
    )
    return Cost(
        "receiving process, 10.0 kB", own * 1000, theirs * 1000, wall / number * 1000, 0, commits,
        0, written,
    )  # fmt: skip


def _post(session: requests.Session, url: str, body: bytes) -> None:
    _expect(202, session.post(url, body, headers=_headers(body), timeout=_PATIENCE).status_code)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/healthz", timeout=1).ok
    except requests.RequestException:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until(true: Callable[[], bool]) -> None:
    pause, tries = threading.Event(), int(_PATIENCE / _TICK)
    for _ in range(tries):
        if true():
            return
        pause.wait(_TICK)
    raise TimeoutError("nothing came of it")


# --- whole lives --------------------------------------------------------------------------------

_DAY: Sequence[tuple[str, Callable[[World, str], object]]] = (
    ("17:30", lambda w, key: w.jira.add_comment(key, "Hello?", account=CUSTOMER)),
    ("warned", lambda w, key: None),  # noqa: ARG005
    ("+10", lambda w, key: w.jira.add_comment(key, "We are on it.", account=AGENT)),
    ("+20", lambda w, key: w.jira.transition(key, "In Progress", account=AGENT)),
    ("+60", lambda w, key: w.jira.add_comment(key, "Which version?", account=AGENT)),
    ("+1", lambda w, key: w.jira.transition(key, "Waiting for customer", account=AGENT)),
    ("+60", lambda w, key: w.jira.add_comment(key, "The newest.", account=CUSTOMER)),
    ("+60", lambda w, key: w.jira.add_comment(key, "Repaired.", account=AGENT)),
    ("+1", lambda w, key: w.jira.transition(key, "Done", account=AGENT, resolution="Done")),
)
"""Until the warning, then so many minutes later each: three replies of an agent, two of the
customer, two transitions, resolved."""


def lives(made: World, meter: Meter, number: int, *, polls: bool) -> Lives:
    """Let issues live from their making to the end.

    Args:
        made: where.
        meter: counts statements.
        number: how many issues.
        polls: whether Jira is asked every ten minutes what was updated.
    """
    service, jira = made.service, made.jira
    service.reconciler.run()
    made.settle()
    first_id = service.database.read(
        lambda c: c.execute(select(func.coalesce(func.max(inbox_table.c.id), 0))).scalar_one()
    )
    sizes = sizes_of(service.database)
    counts = meter.statements, meter.writes, meter.reads
    log = meter.server.log_position() if meter.server else 0.0
    asked = len(jira.requests)
    keys = [made.report("HLP") for _ in range(number)]
    _poll(made, polls=polls)
    for when, act in _DAY:
        until = _instant(made, when)
        made.advance(until)
        for key in keys:
            act(made, key)
        made.settle()
        _poll(made, polls=polls and when != "+1")
    made.settle()
    statements, writes, reads = meter.statements, meter.writes, meter.reads
    grown_log = meter.server.log_position() - log if meter.server else None
    kept = service.database.read(
        lambda c: c.execute(
            select(inbox_table.c.body, inbox_table.c.state).where(inbox_table.c.id > first_id)
        ).all()
    )
    for body, state in kept:
        if state != "done":
            raise AssertionError(f"{state}: {body[:200]!r}")
    facts = service.database.read(
        lambda c: c.execute(
            select(func.count()).where(events.c.issue_id.in_([jira.issue(key).id for key in keys]))
        ).scalar_one()
    )
    calls = Counter(_called(each) for each in list(jira.requests)[asked:])
    grown = sizes_of(service.database)
    return Lives(
        len(kept) / number,
        _each(Counter(json.loads(body)["webhookEvent"] for body, _ in kept), number),
        _each(calls, number),
        facts / number,
        sum(len(body) for body, _ in kept) / len(kept),
        (statements - counts[0]) / number,
        (writes - counts[1]) / number,
        (reads - counts[2]) / number,
        grown_log / number if grown_log is not None else None,
        {name: (grown[name] - sizes.get(name, 0)) / number for name in grown},
    )


def _instant(made: World, when: str) -> datetime:
    if when == "warned":
        return _there(made.service.engine.next_run())
    if when.startswith("+"):
        return made.clock.at + timedelta(minutes=int(when[1:]))
    hour, minute = when.split(":")
    return made.clock.at.replace(hour=int(hour), minute=int(minute), tzinfo=UTC)


def _poll(made: World, *, polls: bool) -> None:
    if not polls:
        return
    made.advance(timedelta(minutes=11))
    made.service.reconciler.run()
    made.settle()


def _called(request: Any) -> str:
    path = re.sub(r"(?<=/issue/)[^/]+", "ID", str(request.path))
    return f"{request.method} {path.removeprefix('/rest')}"


def _each(counted: Counter[str], number: int) -> dict[str, float]:
    return {name: times / number for name, times in sorted(counted.items())}


def sizes_of(database: Database) -> dict[str, float]:
    """Bytes of each table with its indexes."""
    statement = (
        "SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
        if database.is_shared
        else "SELECT m.tbl_name, sum(d.pgsize) FROM dbstat d"
        " JOIN sqlite_master m ON m.name = d.name GROUP BY m.tbl_name"
    )
    rows = database.read(lambda c: c.execute(text(statement)).all())
    return {name: float(size) for name, size in rows}


# --- all of it ----------------------------------------------------------------------------------


def costs_of(made: World, directory: Path, server: PostgresServer | None) -> Iterator[Cost]:
    """Every stage on one database."""
    meter = Meter(made.service.database)
    bodies = Bodies(made)
    created = bodies.created(_COPIES)
    yield intake(made, meter, bodies, 0)
    yield intake(made, meter, bodies, _REAL_SIZE)
    yield from reading(made, meter, created)
    yield from reading(made, meter, bodies.created(_COPIES, _REAL_SIZE))
    made.clock.at = _BEGAN + timedelta(hours=4)
    for facts in _FACTS:
        yield from settling(made, meter, bodies, facts)
    yield woken(made, meter, _FACTS[0])
    _forget_copies(made)
    yield looking(made, meter)
    yield from dispatching(made, meter)
    if server:
        yield from queue(made, meter)
        yield receiving(made, meter, bodies, server.database(), directory)
    meter.close()


@contextmanager
def world_of(kind: str, directory: Path, server: PostgresServer | None) -> Iterator[World]:
    """A world on an empty database of that kind."""
    directory.mkdir()
    address = server.database() if server else worlds.database_in(directory)
    with (
        patch.object(worlds, "database_in", lambda _directory: address),
        world(directory, _BEGAN) as made,
    ):
        if kind == "postgresql" and not made.service.database.is_shared:
            raise AssertionError("another database than was asked for")
        yield made


def show_costs(kind: str, found: Sequence[Cost], console: Console) -> None:
    """The stages as a table for people."""
    table = Table("stage", title=f"One event on {kind}")
    for column in (
        "own CPU ms",
        "server CPU ms",
        "wall ms",
        "statements",
        "writes",
        "reads",
        "WAL B",
    ):
        table.add_column(column, justify="right")
    for each in found:
        table.add_row(
            each.stage, f"{each.own_ms:.3f}", _shown(each.server_ms, 3), f"{each.wall_ms:.3f}",
            f"{each.statements:.1f}", f"{each.writes:.1f}", f"{each.reads:.1f}",
            _shown(each.log_bytes, 0),
        )  # fmt: skip
    console.print(table)


def show_lives(kind: str, found: Lives, console: Console, *, polls: bool) -> None:
    """A life as a table for people."""
    title = f"One issue's life on {kind}, {'with' if polls else 'without'} polls"
    table = Table("what", title=title)
    table.add_column("for one issue", justify="right")
    rows = {
        "deliveries": found.deliveries,
        **{f"  {name}": times for name, times in found.by_event.items()},
        "bytes of a delivery": found.body_bytes,
        "calls to Jira": sum(found.calls.values()),
        **{f"  {name}": times for name, times in found.calls.items()},
        "facts": found.facts,
        "statements": found.statements,
        "writing transactions": found.writes,
        "reading transactions": found.reads,
        "bytes of write-ahead log": found.log_bytes,
        "bytes stored": sum(found.grown.values()),
        **{f"  {name}": size for name, size in sorted(found.grown.items()) if size},
    }
    for name, value in rows.items():
        table.add_row(name, _shown(value, 2 if value and value < 100 else 0))
    console.print(table)


def _shown(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def main() -> None:
    """Measure, and print."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    asked.add_argument("--only", choices=["sqlite", "postgresql"])
    only = asked.parse_args().only
    console = Console(width=110)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for kind in ("sqlite", "postgresql"):
            if only not in (None, kind):
                continue
            server = (
                stack.enter_context(postgres_server(_free_port())) if kind == "postgresql" else None
            )
            with world_of(kind, directory / kind, server) as made:
                show_costs(kind, list(costs_of(made, directory, server)), console)
            for polls in (False, True):
                with world_of(kind, directory / f"{kind}-{polls}", server) as made:
                    meter = Meter(made.service.database)
                    found = lives(made, meter, _LIVES, polls=polls)
                    show_lives(kind, found, console, polls=polls)
                    meter.close()


if __name__ == "__main__":
    main()
