"""Deliveries posted as fast as they are taken, from a process of its own.

What the rows of intake share: what people do in a simulated Jira, as it tells of it, signed and
filled up to the size that Jira sends; a sender that costs little, so that it is not what limits;
`dueline serve` on a database of its own beside that Jira; and an empty view on the same server.
"""

from __future__ import annotations

import hmac
import json
import multiprocessing
import os
import random
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle, islice

import requests
from sqlalchemy import Engine, create_engine

from bench.bare import KINDS, Kind
from bench.meter import children
from bench.waiting import WAITING, counted
from config.loader import load
from config.settings import SHIPPED, Settings
from connector.setup import EVENTS
from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator, running
from connector.simulator.deliveries import Delivery, headers
from sla.store.database import address_of
from tests.chaos.plant import ROOT, free_port
from webhooks.set_up import set_up_jira

SECRET = "bench-webhook-secret"  # noqa: S105 - of a simulated Jira
SIZE = 10_000
CONNECTIONS = 32
_PATIENCE = 60.0
# On a slow machine an issue takes a tenth of a second, and a turn tells of thousands of things.
_SETTLED_WITHIN = 600.0
_END = b"\r\n\r\n"
# Issues that are there before anything is measured.
_OPEN = 400
_PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
_STATUSES = ("To Do", "In Progress", "Done")
# Of twenty deliveries one tells of a new issue, the others of those that there are.
_ACTS = ("create", *["comment"] * 8, *["edit"] * 5, *["transition"] * 4, *["assign"] * 2)


@dataclass(frozen=True)
class Posted:
    """What the sender saw."""

    seconds: float
    took: Sequence[float]
    """Of each request, in seconds."""
    statuses: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.took) / self.seconds

    @property
    def median(self) -> float:
        """Seconds."""
        return statistics.median(self.took)

    @property
    def p99(self) -> float:
        """Seconds."""
        return statistics.quantiles(self.took, n=100)[98]


@dataclass(frozen=True)
class Servers:
    """A bare view, served in both ways, and Dueline; all of them there."""

    bare: Mapping[Kind, Callable[[int, int], Posted]]
    """Each posts so many deliveries on so many connections."""
    stored: Callable[[int, int], Posted]
    held_up: Callable[[], AbstractContextManager[None]]
    """Within it Dueline's processes stand still."""
    settle: Callable[[], None]
    """Waits until Dueline has decided all that was posted, and written what follows to Jira."""


@contextmanager
def servers(seed: int) -> Iterator[Servers]:
    """The servers, each taken by itself and asked in turn; what is posted is of a seed."""
    with simulated() as (jira, told), _sender() as post, ExitStack() as stack:
        traffic = Traffic(jira, random.Random(seed))  # noqa: S311 - for no secret
        dueline, port = stack.enter_context(_serving(told)), int(told["DUELINE_PORT"])
        ports = {kind: stack.enter_context(_bare(kind)) for kind in KINDS}
        opening = traffic.opening()
        post(port, opening, CONNECTIONS)
        engine = create_engine(address_of(told["DUELINE_DATABASE_URL"]))

        def posting_to(bare_port: int) -> Callable[[int, int], Posted]:
            # To the bare view they are all alike, and none is to be lost there.
            return lambda number, connections: post(
                bare_port, list(islice(cycle(opening), number)), connections
            )

        yield Servers(
            {kind: posting_to(each) for kind, each in ports.items()},
            lambda number, connections: post(port, traffic.next(number), connections),
            lambda: _held_up(dueline.pid),
            lambda: _await(lambda: _is_settled(engine), _SETTLED_WITHIN),
        )


@contextmanager
def simulated() -> Iterator[tuple[Simulator, dict[str, str]]]:
    """A Jira with Dueline's fields, and what Dueline is told of it."""
    jira = Simulator(now=lambda: datetime.now(UTC))  # noqa: TID251 - Jira's own clock
    jira.register_webhook("http://unused/webhooks/jira", events=EVENTS["cloud"], secret=SECRET)
    with running(jira) as url, tempfile.TemporaryDirectory(prefix="dueline-bench-") as directory:
        told = {
            "DUELINE_JIRA_URL": url,
            "DUELINE_JIRA_USER": DUELINE,
            "DUELINE_JIRA_TOKEN": "simulator",
            "DUELINE_JIRA_FLAVOUR": "cloud",
            "DUELINE_WEBHOOK_SECRET": SECRET,
            "DUELINE_DATABASE_URL": f"sqlite:///{directory}/dueline.sqlite3",
            "DUELINE_PORT": str(free_port()),
        }
        list(set_up_jira(Settings.from_environment(told), load(SHIPPED).site.fields, None))
        yield jira, told


class Traffic:
    """What people do in a Jira, and what Dueline wrote there meanwhile, as it is told of."""

    def __init__(self, jira: Simulator, draw: random.Random) -> None:
        self._jira, self._draw = jira, draw
        self._keys: list[str] = []

    def opening(self) -> list[bytes]:
        """The requests that tell of the first issues."""
        for _ in range(_OPEN):
            self._create()
        return self._taken(_OPEN)

    def next(self, number: int) -> list[bytes]:
        """So many further requests, in the order in which things happened."""
        while len(self._jira.pending_deliveries()) < number:
            for _ in range(number // 10 + 1):
                self._act()
        return self._taken(number)

    def _taken(self, number: int) -> list[bytes]:
        with self._jira.lock:
            pending = self._jira._pending  # noqa: SLF001 - posted by ourselves
            taken, pending[:] = pending[:number], pending[number:]
        return [_request(each) for each in taken]

    def _create(self) -> None:
        project = self._draw.choice(("HLP", "HLP", "BIT", "BOT"))
        fields = {"summary": "Help", "priority": self._draw.choice(_PRIORITIES)}
        if project == "HLP":
            fields["Support plan"] = self._draw.choice(("Standard", "Enterprise"))
        made = self._jira.create_issue(fields, project=project, account=CUSTOMER)
        self._keys.append(made.key)

    def _act(self) -> None:
        jira, draw, key = self._jira, self._draw, self._draw.choice(self._keys)
        match draw.choice(_ACTS):
            case "create":
                self._create()
            case "comment":
                account = draw.choice((CUSTOMER, AGENT))
                jira.add_comment(key, f"Note {draw.random()}.", account=account)
            case "edit":
                jira.edit(key, account=AGENT, priority=draw.choice(_PRIORITIES))
            case "assign":
                jira.assign(key, draw.choice((AGENT, None)))
            case _:
                now = jira.issue(key).status.name
                others = [status for status in _STATUSES if status != now]
                jira.transition(key, draw.choice(others), account=AGENT)


@contextmanager
def served(told: Mapping[str, str]) -> Iterator[int]:
    """`dueline serve`, ready; its port."""
    with _serving(told):
        yield int(told["DUELINE_PORT"])


@contextmanager
def _serving(told: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    with started([sys.executable, "-m", "webhooks.cli", "serve"], told) as process:
        _await(lambda: _status(f"http://127.0.0.1:{told['DUELINE_PORT']}/readyz") == 200)
        yield process


@contextmanager
def _held_up(pid: int) -> Iterator[None]:
    """A process and its children stand still."""
    processes = [pid, *children(pid)]
    for each in processes:
        os.kill(each, signal.SIGSTOP)
    try:
        yield
    finally:
        for each in processes:
            os.kill(each, signal.SIGCONT)


@contextmanager
def started(command: Sequence[str], told: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A process, ended afterwards."""
    others = {name: v for name, v in os.environ.items() if not name.startswith("DUELINE_")}
    process = subprocess.Popen(  # noqa: S603 - our own
        command,
        cwd=ROOT,
        env={**others, **told, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _bare(kind: Kind) -> Iterator[int]:
    """A bare view, there; its port."""
    port = free_port()
    with started([sys.executable, "-m", "bench.bare", kind, str(port)], {}):
        _await(lambda: _status(f"http://127.0.0.1:{port}/") is not None)
        yield port


def _status(url: str) -> int | None:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.RequestException:
        return None


def _is_settled(engine: Engine) -> bool:
    with engine.connect() as connection:
        return not any(counted(connection, WAITING).values())


def _await(holds: Callable[[], bool], seconds: float = _PATIENCE) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.1)):
        if holds():
            return
        pause.wait(0.1)
    raise TimeoutError(f"not within {seconds:g} s")


def _filled(body: bytes) -> bytes:
    """A payload with the empty fields of other projects that a grown Jira sends along."""
    payload = json.loads(body)
    fields = payload.get("issue", {}).get("fields")
    is_whole = payload.get("webhookEvent", "").startswith("jira:issue_")
    lacking = SIZE - len(json.dumps(payload, separators=(",", ":")))
    if is_whole and isinstance(fields, dict):
        empty = {f"customfield_{number}": None for number in range(20_000, 20_000 + lacking // 25)}
        payload["issue"]["fields"] = {**empty, **fields}
    else:
        # Of a comment's issue Jira sends a few fields only.
        payload["filler"] = "x" * lacking
    return json.dumps(payload, separators=(",", ":")).encode()


# --- the sender -----------------------------------------------------------------------------------


@contextmanager
def _sender() -> Iterator[Callable[[int, list[bytes], int], Posted]]:
    """A process that posts: to a port, these requests, on so many connections."""
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        yield lambda *asked: pool.apply(_post, asked)


def _post(port: int, requests: list[bytes], connections: int) -> Posted:
    """Post requests: whenever one is answered the connection has the next."""
    waiting = iter(requests)
    took: list[float] = []
    statuses: dict[str, int] = {}
    sent_at: dict[socket.socket, float] = {}
    with selectors.DefaultSelector() as selector:

        def send(connection: socket.socket) -> None:
            request = next(waiting, None)
            if request is None:
                selector.unregister(connection)
                connection.close()
            else:
                sent_at[connection] = time.perf_counter()
                connection.sendall(request)

        began = time.perf_counter()
        for _ in range(min(connections, len(requests))):
            connection = socket.create_connection(("127.0.0.1", port), _PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            selector.register(connection, selectors.EVENT_READ, connection)
            send(connection)
        while selector.get_map():
            for key, _ in selector.select(_PATIENCE):
                answered: socket.socket = key.data
                head = answered.recv(65536)
                took.append(time.perf_counter() - sent_at[answered])
                if _END not in head:
                    raise ConnectionError(f"no whole answer: {head[:200]!r}")
                status = head[9:12].decode()
                statuses[status] = statuses.get(status, 0) + 1
                send(answered)
    return Posted(time.perf_counter() - began, took, statuses)


def _request(delivery: Delivery) -> bytes:
    body = _filled(delivery.body)
    told = headers("cloud", delivery)
    told["X-Hub-Signature"] = f"sha256={hmac.digest(SECRET.encode(), body, 'sha256').hex()}"
    told |= {"Host": "127.0.0.1", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in told.items())
    return f"POST /webhooks/jira HTTP/1.1\r\n{head}\r\n".encode() + body
