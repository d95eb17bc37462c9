"""One process stops while the next one starts, and no delivery is lost meanwhile."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from connector.simulator import Simulator, running
from sla.store.database import Database
from sla.store.schema import inbox
from tests.postgres import PostgresServer
from tests.waiting import PATIENCE, eventually
from tests.webhooks.conftest import signature
from tests.webhooks.test_serve import SECRET, Served
from webhooks.clock import SystemClock


class Sender:
    """Sends delivery after delivery, each until somebody takes it: Jira behind a balancer.

    Attributes:
        urls: who is asked, in order; a test changes it as a balancer learns who is there.
        taken: the names of those that were answered 202.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self.urls = urls
        self.taken: list[str] = []
        self.refused = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._send_all, daemon=True)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """While the block runs, unless it ends it before."""
        self._thread.start()
        try:
            yield
        finally:
            self._stop.set()

    def end(self) -> None:
        """Begin no other; returns when the last one was taken."""
        self._stop.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def await_more(self, number: int = 20) -> None:
        """Return when so many more were taken."""
        enough = len(self.taken) + number
        eventually(f"{number} more", lambda: len(self.taken) >= enough)

    def _send_all(self) -> None:
        for number in itertools.count():
            if self._stop.is_set():
                return
            self._send(f"delivery-{number}", json.dumps({"timestamp": number}).encode())

    def _send(self, name: str, body: bytes) -> None:
        headers = {
            "X-Hub-Signature": signature(body, SECRET), "X-Atlassian-Webhook-Identifier": name,
        }  # fmt: skip
        for turn in itertools.count():
            url = self.urls[turn % len(self.urls)]
            try:
                answer = requests.post(f"{url}/webhooks/jira", body, headers=headers, timeout=10)
            except requests.ConnectionError:
                self.refused += 1
                continue
            assert answer.status_code in (202, 503), answer.text
            if answer.status_code == 202:
                self.taken.append(name)
                return


def kept(address: str) -> list[str]:
    """The names of the deliveries in a database, once all of them are handled."""
    database = Database(address)
    try:
        waiting = select(inbox.c.id).where(inbox.c.state == "new")
        eventually("all handled", lambda: not database.read(lambda c: c.execute(waiting).all()))
        names = database.read(lambda c: c.execute(select(inbox.c.delivery)).scalars().all())
        return [name.partition(" ")[0] for name in names]
    finally:
        database.close()


def stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0


@pytest.fixture
def jira() -> Iterator[str]:
    with running(Simulator(now=SystemClock().now)) as url:
        yield url


def test_on_a_shared_database_the_next_one_starts_before_the_one_before_stops(
    jira: str, tmp_path: Path, postgres: PostgresServer
) -> None:
    address = postgres.empty_database()
    old, new = (Served(jira, made(tmp_path / name), address) for name in ("old", "new"))
    sender = Sender([old.url])
    with old.running() as first, sender.sending():
        sender.await_more()
        with new.running() as second:
            sender.urls = [old.url, new.url]
            sender.await_more()
            stop(first)
            sender.urls = [new.url]
            sender.await_more()
            sender.end()
            assert sorted(kept(address)) == sorted(sender.taken)
            stop(second)


def test_on_a_file_what_comes_meanwhile_comes_again(jira: str, tmp_path: Path) -> None:
    served = Served(jira, tmp_path)
    sender = Sender([served.url])
    with served.running() as first, sender.sending():
        sender.await_more()
        stop(first)
        with served.running() as second:
            sender.await_more()
            sender.end()
            assert sorted(kept(f"sqlite:///{tmp_path / 'dueline.sqlite3'}")) == sorted(sender.taken)
            stop(second)
    assert sender.refused


def made(directory: Path) -> Path:
    directory.mkdir()
    return directory
