"""A simulator of each flavour with a clock that the test moves, and a receiver for its webhooks."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
import requests

from connector.simulator import DUELINE, Simulator, running

Flavour = Literal["cloud", "datacenter"]
START = datetime(2026, 11, 21, 10, 0, 0, 123456, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.instant = START

    def __call__(self) -> datetime:
        return self.instant


class Receiver:
    """Takes deliveries; `answers` holds what it will answer next, 202 when it is empty."""

    def __init__(self) -> None:
        self.received: list[tuple[str, Any, dict[str, str]]] = []
        self.bodies: list[bytes] = []
        self.answers: deque[int | None] = deque()

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.bodies.append(body)
        self.received.append((url, json.loads(body) if body else None, dict(headers)))
        answer = self.answers.popleft() if self.answers else 202
        if answer is None:
            raise ConnectionRefusedError("nobody there")
        return answer

    @property
    def events(self) -> list[str]:
        return [body["webhookEvent"] for _, body, _ in self.received]


@pytest.fixture
def asks_what_jira_refuses() -> bool:
    """A request that Jira's documents do not allow must be refused here, and may be made."""
    return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wait(clock: Clock) -> Callable[..., None]:
    """Move the clock: `wait(minutes=5)`."""

    def move(**length: float) -> None:
        clock.instant += timedelta(**length)

    return move


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
def cloud(clock: Clock, receiver: Receiver) -> Simulator:
    return Simulator(now=clock, post=receiver)


@pytest.fixture
def datacenter(clock: Clock, receiver: Receiver) -> Simulator:
    return Simulator(now=clock, flavour="datacenter", post=receiver)


@pytest.fixture(params=["cloud", "datacenter"])
def sim(request: pytest.FixtureRequest) -> Simulator:
    """Return a simulator of each flavour in turn."""
    found: Simulator = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def serve() -> Iterator[Callable[..., Callable[..., requests.Response]]]:
    """Serve a simulator; the result asks it: `ask("GET", "/issue/BOT-1", account=AGENT)`.

    A path is one of the newest REST version, unless it starts with /rest or //.
    """
    stack = ExitStack()

    def start(sim: Simulator, **options: Any) -> Callable[..., requests.Response]:
        base = stack.enter_context(running(sim, **options))
        session = stack.enter_context(requests.Session())
        session.trust_env = False

        def ask(
            method: str, path: str, *, account: str | None = DUELINE, **more: Any
        ) -> requests.Response:
            auth = (account, "simulator") if account else None
            prefix = "" if path.startswith(("/rest", "//")) else "/rest/api/"
            version = (3 if sim.cloud else 2) if prefix else ""
            url = f"{base}{prefix}{version}{path.removeprefix('/') if path[:2] == '//' else path}"
            return session.request(method, url, **{"auth": auth, "timeout": 10, **more})

        return ask

    with stack:
        yield start


@pytest.fixture
def ask(
    sim: Simulator, serve: Callable[..., Callable[..., requests.Response]]
) -> Callable[..., requests.Response]:
    """Ask the simulator of each flavour in turn over HTTP."""
    return serve(sim)
