"""Deliveries posted as fast as they are taken, from a process of its own.

What the rows of intake share: payloads of the size that Jira sends, signed, each another one; a
sender that costs little, so that it is not what limits; `dueline serve` on a new database beside a
simulated Jira; and an empty view on the same server.
"""

from __future__ import annotations

import hmac
import json
import multiprocessing
import os
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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count

import requests

from bench.meter import children
from config.loader import load
from config.settings import SHIPPED, Settings
from connector.setup import EVENTS
from connector.simulator import CUSTOMER, DUELINE, Simulator, running
from tests.chaos.plant import ROOT, free_port
from webhooks.set_up import set_up_jira

SECRET = "bench-webhook-secret"  # noqa: S105 - of a simulated Jira
SIZE = 10_000
CONNECTIONS = 32
_PATIENCE = 60.0
_END = b"\r\n\r\n"
# What stands in a payload where each delivery has a number of its own.
_ISSUE, _NUMBER = b"1234567890", b"9876543210"


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
    """A bare view and Dueline, both there."""

    bare: Callable[[int, int], Posted]
    """Posts so many deliveries on so many connections."""
    stored: Callable[[int, int], Posted]
    held_up: Callable[[], AbstractContextManager[None]]
    """Within it Dueline's processes stand still."""


@contextmanager
def servers() -> Iterator[Servers]:
    """Both servers, each taken by itself and asked in turn."""
    with simulated() as (_, told, template), _sender(template) as post:
        bare_port = free_port()
        bare = [sys.executable, "-m", "bench.bare", str(bare_port)]
        with _serving(told) as dueline, started(bare, {}), _reached(bare_port):
            port = int(told["DUELINE_PORT"])
            yield Servers(
                lambda number, connections: post(bare_port, number, connections),
                lambda number, connections: post(port, number, connections),
                lambda: _held_up(dueline.pid),
            )


@contextmanager
def simulated() -> Iterator[tuple[Simulator, dict[str, str], bytes]]:
    """A Jira with Dueline's fields, what Dueline is told of it, and a payload to make others of."""
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
        fields = {"summary": "Help", "priority": "Highest", "Support plan": "Enterprise"}
        jira.create_issue(fields, project="HLP", account=CUSTOMER)
        (delivery,) = jira.pending_deliveries()
        jira._pending.clear()  # noqa: SLF001 - posted by ourselves
        yield jira, told, _template(delivery.body)


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
def _reached(port: int) -> Iterator[None]:
    _await(lambda: _status(f"http://127.0.0.1:{port}/") is not None)
    yield


def _status(url: str) -> int | None:
    try:
        return requests.get(url, timeout=5).status_code
    except requests.RequestException:
        return None


def _await(holds: Callable[[], bool]) -> None:
    pause = threading.Event()
    for _ in range(int(_PATIENCE / 0.1)):
        if holds():
            return
        pause.wait(0.1)
    raise TimeoutError(f"not within {_PATIENCE:g} s")


def _template(body: bytes) -> bytes:
    """A payload, filled up by what nobody reads, in which issue and delivery can be told apart."""
    payload = json.loads(body)
    payload["issue"] |= {"id": _ISSUE.decode(), "key": f"HLP-{_ISSUE.decode()}"}
    payload |= {"number": _NUMBER.decode(), "filler": ""}
    missing = max(0, SIZE - len(json.dumps(payload, separators=(",", ":"))))
    filler = b"".join(sha256(str(n).encode()).digest() for n in range(missing // 64 + 1)).hex()
    payload["filler"] = filler[:missing]
    return json.dumps(payload, separators=(",", ":")).encode()


# --- the sender -----------------------------------------------------------------------------------


@contextmanager
def _sender(template: bytes) -> Iterator[Callable[[int, int, int], Posted]]:
    """A process that posts: to a port, so many deliveries, on so many connections."""
    context = multiprocessing.get_context("spawn")
    numbers = count(0)
    with context.Pool(1) as pool:

        def post(port: int, number: int, connections: int) -> Posted:
            first = 1_000_000_000 + next(numbers) * 1_000_000
            return pool.apply(_post, (template, port, first, number, connections))

        yield post


def _post(template: bytes, port: int, first: int, number: int, connections: int) -> Posted:
    """Make the requests, then post them: whenever one is answered the connection has the next."""
    made = iter([_request(template, each) for each in range(first, first + number)])
    took: list[float] = []
    statuses: dict[str, int] = {}
    sent_at: dict[socket.socket, float] = {}
    with selectors.DefaultSelector() as selector:

        def send(connection: socket.socket) -> None:
            request = next(made, None)
            if request is None:
                selector.unregister(connection)
                connection.close()
            else:
                sent_at[connection] = time.perf_counter()
                connection.sendall(request)

        began = time.perf_counter()
        for _ in range(min(connections, number)):
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


def _request(template: bytes, number: int) -> bytes:
    digits = b"%d" % number
    body = template.replace(_ISSUE, digits).replace(_NUMBER, digits[::-1])
    signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
    head = (
        f"POST /webhooks/jira HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        f"X-Hub-Signature: sha256={signature}\r\nX-Atlassian-Webhook-Identifier: {number}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
