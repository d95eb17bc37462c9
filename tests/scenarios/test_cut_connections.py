"""The connection to Jira is cut before, during and after each request: the end is the same.

A story is told through a gate between Dueline and Jira. Of each kind of request every other one is
cut, from the first or from the second on, until some were: so what repairs a cut is cut as well.
"""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, get_args
from urllib.parse import urlsplit

import pytest

from config.settings import SHIPPED
from connector.simulator import AGENT, DUELINE, Simulator, running
from tests.scenarios.world import Clock, Flavour, World, utc

Cut = Literal["before", "half the request", "half the answer", "after"]
HOUR = timedelta(hours=1)
EVERY = 2
AT_MOST = 3
"""So many of each kind: what takes several requests in a row would never come to its end."""


@pytest.fixture
def asks_what_jira_refuses() -> bool:
    """What is left of a request that was cut is no request of ours."""
    return True


class Gate:
    """Passes requests on to Jira, one to a connection, and cuts those that it is told to cut."""

    def __init__(self, url: str) -> None:
        to = urlsplit(url)
        self._to = (to.hostname or "", to.port or 80)
        self._server = socket.create_server(("127.0.0.1", 0))
        self._lock = threading.Lock()
        self.cut: Callable[[str], Cut | None] = lambda kind: None  # noqa: ARG005 - a calm day
        self.passed: list[str] = []
        """What was asked, as a method and a path without ids."""
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.getsockname()[1]}"

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._pass, args=(connection,), daemon=True).start()

    def _pass(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            request = _message(connection)
            if not request:
                return
            with self._lock:
                self.passed.append(_kind(request))
                cut = self.cut(self.passed[-1])
            if cut == "before":
                return
            with socket.create_connection(self._to) as jira:
                if cut == "half the request":
                    jira.sendall(request[: len(request) // 2])
                    return
                jira.sendall(request)
                answer = _once_only(_to_the_end(jira))
            if cut == "half the answer":
                connection.sendall(answer[: len(answer) // 2])
            elif cut is None:
                connection.sendall(answer)


def _message(connection: socket.socket) -> bytes:
    """A request, changed so that Jira closes the connection behind its answer."""
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := connection.recv(65536)):
            return b""
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    while length and len(body) < int(length[1]) and (more := connection.recv(65536)):
        body += more
    head = re.sub(rb"(?i)\r\nconnection: [^\r]*", b"", head)
    return head + b"\r\nConnection: close\r\n\r\n" + body


def _once_only(answer: bytes) -> bytes:
    """An answer that keeps the client from using the connection again."""
    status, _, rest = answer.partition(b"\r\n")
    return status + b"\r\nConnection: close\r\n" + rest


def _to_the_end(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(65536):
        data += more
    return data


def _kind(request: bytes) -> str:
    method, path, _ = request.split(b"\r\n", 1)[0].decode().split(" ")
    return f"{method} {re.sub(r'[0-9]{2,}', 'N', path.split('?')[0])}"


@contextmanager
def gated(directory: Path, flavour: Flavour) -> Iterator[tuple[World, Gate]]:
    """A world whose Dueline reaches Jira through a gate."""
    clock = Clock(utc("2024-07-10 19:00"))
    there: list[World] = []
    jira = Simulator(now=clock.now, flavour=flavour, post=lambda *call: there[0].post(*call))
    with running(jira) as url:
        gate = Gate(url)
        try:
            made = World(jira, gate.url, clock, directory, SHIPPED)
            # The test itself looks past the gate.
            made.url = url
            there.append(made)
            try:
                yield made, gate
            finally:
                made.stop()
        finally:
            gate.close()


def story(made: World) -> list[tuple[object, ...]]:
    """A day of three issues; what Jira shows in the end."""
    urgent = made.report("HLP", {"Support plan": "Enterprise"})
    asked = made.report("BOT", {"description": "It crashes."})
    made.jira.faults.webhook("drop", times=1)
    old = made.jira.create_issue({"summary": "Old"}, project="BIT", priority="Highest").key
    made.jira.add_comment(old, "Hello?", account=AGENT)
    made.advance(timedelta(minutes=10))
    made.jira.edit(asked, {"Product license": "4711"}, account=AGENT)
    made.jira.edit(old, labels=["late"], account=AGENT)
    made.advance(2 * HOUR)
    made.jira.add_comment(urgent, "We are on it.", account=AGENT)
    made.advance(2 * HOUR)
    return [
        (made.fields(key), _said(made, key), made.jira.issue(key).values.get("assignee"))
        for key in (urgent, asked, old)
    ]


def _said(made: World, key: str) -> list[str]:
    """The keys of Dueline's comments, which say what each is for."""
    ours = [each for each in made.jira.issue(key).comments if each.author == DUELINE]
    return sorted(str(each.properties.get("dueline")) for each in ours)


@cache
def calm(flavour: Flavour) -> tuple[list[tuple[object, ...]], frozenset[str]]:
    """The end of the story when nothing is cut, and which kinds of request it makes."""
    with TemporaryDirectory() as directory, gated(Path(directory), flavour) as (made, gate):
        end = story(made)
        return end, frozenset(gate.passed)


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_the_story_makes_each_kind_of_request(flavour: Flavour) -> None:
    _, kinds = calm(flavour)
    api = 3 if flavour == "cloud" else 2
    issue = f"/rest/api/{api}/issue/N"
    wanted = {f"PUT {issue}", f"POST {issue}/comment", f"PUT {issue}/comment/N"}
    assert wanted <= kinds


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("first", range(EVERY))
@pytest.mark.parametrize("cut", get_args(Cut))
@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_wherever_it_is_cut_the_end_is_the_same(
    tmp_path: Path, flavour: Flavour, cut: Cut, first: int
) -> None:
    seen: Counter[str] = Counter()

    def choose(kind: str) -> Cut | None:
        seen[kind] += 1
        before = seen[kind] - 1
        return cut if before % EVERY == first and before < EVERY * AT_MOST else None

    with gated(tmp_path, flavour) as (made, gate):
        gate.cut = choose
        assert story(made) == calm(flavour)[0]
