"""The real thing: `dueline serve` as a process of its own, killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import select

from connector.setup import EVENTS
from connector.simulator import AGENT, DUELINE, Simulator, running
from connector.simulator.deliveries import signature
from sla.store import inbox
from sla.store.database import Database
from sla.store.migrate import migrate
from sla.store.schema import issues
from tests.conftest import free_port
from tests.postgres import PostgresServer
from tests.waiting import PATIENCE, eventually
from webhooks.clock import SystemClock
from webhooks.serve import ServeError, kept_address

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="how its processes are looked at is Linux's own"
)
SECRET = "planted-webhook-secret"
TOKEN = "simulator"
PROJECTS = "projects: {BOT: {contracts: [{contract: botron}], severities: [{severity: All}]}}"
FIELDS = {
    "SLA policy": "textfield",
    "SLA severity": "textfield",
    "First response due": "datetime",
    "First responded": "datetime",
    "SLA state": "textfield",
    "SLA escalation level": "float",
}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        # What the last service left behind in TIME_WAIT does not keep the next one from it.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def children(process_id: int) -> list[int]:
    path = Path(f"/proc/{process_id}/task/{process_id}/children")
    return [int(child) for child in path.read_text(encoding="ascii").split()]


class Served:
    """`dueline serve`, on the same port and database whenever it is started."""

    def __init__(self, jira_url: str, directory: Path, database: str | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = directory / "log"
        # The least there can be, since it is read again at every start.
        (directory / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
        others = {k: v for k, v in os.environ.items() if not k.startswith("DUELINE_")}
        self._environment = others | {
            "DUELINE_JIRA_URL": jira_url,
            "DUELINE_JIRA_USER": DUELINE,
            "DUELINE_JIRA_TOKEN": TOKEN,
            "DUELINE_WEBHOOK_SECRET": SECRET,
            "DUELINE_DATABASE_URL": database or f"sqlite:///{directory / 'dueline.sqlite3'}",
            "DUELINE_PORT": str(self.port),
            "DUELINE_CONFIG": str(directory),
        }

    @contextmanager
    def running(self, *options: str) -> Iterator[subprocess.Popen[bytes]]:
        """The process, once it is ready; killed at the end if it still runs then."""
        with self.process("serve", *options) as process:
            eventually("ready", self.is_ready)
            yield process

    @contextmanager
    def worker(self) -> Iterator[subprocess.Popen[bytes]]:
        """A worker on the same database; killed at the end if it still runs then."""
        with self.process("worker") as process:
            yield process

    @contextmanager
    def process(self, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
        """A command; killed at the end if it still runs then."""
        command = [sys.executable, "-m", "webhooks.cli", *arguments]
        with (
            self.log.open("ab") as log,
            subprocess.Popen(command, env=self._environment, stdout=log, stderr=log) as process,  # noqa: S603 - our own
        ):
            try:
                yield process
            finally:
                process.kill()

    def is_at_rest(self) -> bool:
        """Whether every request to Jira that left was answered."""
        database = Database(self._environment["DUELINE_DATABASE_URL"])
        try:
            unanswered = select(issues.c.issue_id).where(issues.c.write_attempted_at.is_not(None))
            return not database.read(lambda c: c.execute(unanswered).all())
        finally:
            database.close()

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False


@pytest.fixture
def jira() -> Iterator[tuple[Simulator, str]]:
    sim = Simulator(now=SystemClock().now)
    with running(sim, deliver_in_background=True) as url:
        for name, kind in FIELDS.items():
            sim.create_field(name, kind)
        yield sim, url


def test_killed_and_started_again_it_goes_on_where_it_was(
    jira: tuple[Simulator, str], tmp_path: Path
) -> None:
    sim, jira_url = jira
    served = Served(jira_url, tmp_path)
    sim.register_webhook(f"{served.url}/webhooks/jira", events=EVENTS["cloud"], secret=SECRET)

    def shown(key: str, name: str) -> Any:
        return shown_in(sim, jira_url, key, name)

    with served.running() as process:
        key = sim.create_issue(project="BOT", summary="Help").key
        eventually("the fields are there", lambda: shown(key, "First response due"))
        assert shown(key, "SLA state") == "running"
        # Of one that is left behind the next start would find port and database taken.
        assert not children(process.pid)

        process.send_signal(signal.SIGKILL)
        process.wait(PATIENCE)
        eventually("the port is free", lambda: is_free(served.port))

    # What happens while it is down is told again by Jira, or asked for.
    with served.running() as process:
        sim.add_comment(key, "We are on it.", account=AGENT)
        eventually("the answer was heard", lambda: shown(key, "SLA state") == "met")

        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert is_free(served.port)

    log = served.log.read_text(encoding="utf-8")
    assert SECRET not in log
    assert "Traceback" not in log


def shown_in(sim: Simulator, jira_url: str, key: str, name: str) -> Any:
    """What Jira shows in a field."""
    answer = requests.get(f"{jira_url}/rest/api/2/issue/{key}", auth=(AGENT, TOKEN), timeout=5)
    field = sim.field_named(name)
    assert field is not None
    return answer.json()["fields"].get(field.id)


def test_workers_do_what_a_receiver_leaves_to_them_and_take_over_from_a_killed_one(
    jira: tuple[Simulator, str], tmp_path: Path, postgres: PostgresServer
) -> None:
    sim, jira_url = jira
    served = Served(jira_url, tmp_path, postgres.empty_database())
    sim.register_webhook(f"{served.url}/webhooks/jira", events=EVENTS["cloud"], secret=SECRET)

    def shown(key: str, name: str) -> Any:
        return shown_in(sim, jira_url, key, name)

    with served.running("--receive-only"), served.worker() as first:
        key = sim.create_issue(project="BOT", summary="Help").key
        eventually("the fields are there", lambda: shown(key, "First response due"))
        # A write that is cut off may still arrive, so that the next one would wait for it.
        eventually("Jira's answer was heard", served.is_at_rest)
        with served.worker() as second:
            first.send_signal(signal.SIGKILL)
            first.wait(PATIENCE)
            sim.add_comment(key, "We are on it.", account=AGENT)
            eventually("the answer was heard", lambda: shown(key, "SLA state") == "met")
            second.send_signal(signal.SIGTERM)
            assert second.wait(PATIENCE) == 0
    log = served.log.read_text(encoding="utf-8")
    assert SECRET not in log
    assert "Traceback" not in log


def test_a_worker_on_a_file_is_refused(tmp_path: Path) -> None:
    served = Served("http://127.0.0.1:9", tmp_path)
    with served.worker() as process:
        assert process.wait(PATIENCE) == 1
    assert "workers share a PostgreSQL database" in served.log.read_text(encoding="utf-8")


def test_a_body_comes_whole_or_is_refused_however_it_is_sent(
    jira: tuple[Simulator, str], tmp_path: Path
) -> None:
    """In pieces without a length, too large for the short way, and broken off in the midst."""
    _, jira_url = jira
    served = Served(jira_url, tmp_path)
    with served.running() as process:
        address = f"{served.url}/webhooks/jira"
        for size in (20, 300_000):
            body = b'{"n": "' + b"x" * size + b'"}'
            signed = {"X-Hub-Signature": signature(SECRET, body)}
            in_pieces = iter([body[:7], body[7:]])
            assert requests.post(address, in_pieces, headers=signed, timeout=5).status_code == 202
            assert requests.post(address, body, headers=signed, timeout=5).status_code == 202
            with socket.create_connection(("127.0.0.1", served.port), PATIENCE) as connection:
                head = f"POST /webhooks/jira HTTP/1.1\r\nHost: dueline\r\nContent-Length: {size}"
                told = f"{head}\r\nX-Hub-Signature: {signed['X-Hub-Signature']}\r\n\r\n"
                connection.sendall(told.encode() + body[:10])
                connection.shutdown(socket.SHUT_WR)
                assert connection.recv(100).startswith(b"HTTP/1.1 400 ")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert "Traceback" not in served.log.read_text(encoding="utf-8")


@contextmanager
def slow_page(log: Path) -> Iterator[tuple[subprocess.Popen[bytes], int, int]]:
    """The process of `tests.webhooks.slow_page`, its port, and where to write that it goes on."""
    port, (gate, opener) = free_port(), os.pipe()
    command = [sys.executable, "-m", "tests.webhooks.slow_page", str(port), str(gate)]
    with (
        log.open("w") as said,
        subprocess.Popen(  # noqa: S603 - our own
            command, stdout=subprocess.PIPE, stderr=said, pass_fds=(gate,)
        ) as process,
    ):
        try:
            eventually("there", lambda: not is_free(port))
            yield process, port, opener
        finally:
            process.kill()
            os.close(gate)
            os.close(opener)


def test_it_ends_though_a_page_is_made_for_somebody_who_has_left(tmp_path: Path) -> None:
    """And does not wait for the page before it ends its work."""
    with slow_page(tmp_path / "log") as (process, port, opener):
        assert process.stdout
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(b"GET / HTTP/1.1\r\nHost: dueline\r\n\r\n")
            assert process.stdout.readline() == b"began\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.readline() == b"loop ended\n"
        assert process.stdout.readline() == b"service ended\n"
        # It is ending: to be asked once more does not cut off what is being finished.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(number)
        os.write(opener, b"!")
        assert process.wait(PATIENCE) == 0
    assert (tmp_path / "log").read_text("utf-8") == ""


def test_half_a_page_does_not_pass_for_all_of_it(tmp_path: Path) -> None:
    with slow_page(tmp_path / "log") as (process, port, opener):
        os.write(opener, b"!?")
        whole, failed = (requests.get(f"http://127.0.0.1:{port}", timeout=5) for _ in range(2))
        assert (whole.status_code, whole.text) == (200, "a page of two parts")
        assert (failed.status_code, failed.text) == (500, "")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert "LookupError: planted" in (tmp_path / "log").read_text("utf-8")


ENDS = """
from webhooks.serve import ServeError, answer

class Ended:
    interrupt_signal = False
    def stop(self): pass
    async def serve(self): pass

try:
    answer(Ended())
except ServeError as error:
    print(error)
"""


def test_a_server_that_ends_unasked_is_a_fault() -> None:
    """So that whoever supervises the service starts it again."""
    ended = subprocess.run([sys.executable, "-c", ENDS], capture_output=True, check=True)  # noqa: S603 - our own
    assert b"stopped answering by itself" in ended.stdout


def test_a_damaged_file_ends_it_before_anything_is_decided(tmp_path: Path) -> None:
    """It is looked through once Jira is heard: how long that takes grows with the file."""
    served = Served("http://127.0.0.1:9", tmp_path)
    path = tmp_path / "dueline.sqlite3"
    filled(path)
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xde\xad\xbe\xef" * 2048)
    with served.process("serve") as process:
        assert process.wait(PATIENCE) == 1
    log = served.log.read_text(encoding="utf-8")
    assert "the file is damaged" in log
    assert "put a backup in its place" in log
    assert "Traceback" not in log
    assert "jira called" not in log


def filled(path: Path) -> None:
    """A database with some hundred deliveries that wait."""
    database = Database(f"sqlite:///{path}")
    try:
        migrate(database)
        at = SystemClock().now()
        rows = [("default", f"delivery {n}", b"{}" * 1500, at, None) for n in range(300)]
        database.write(lambda c: inbox.keep_all(c, rows))
    finally:
        database.close()


def test_a_port_that_is_taken_is_said_and_ends_it(tmp_path: Path) -> None:
    served = Served("http://127.0.0.1:9", tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", served.port))
        taken.listen()
        done = subprocess.run(
            [sys.executable, "-m", "webhooks.cli", "serve"],
            env=served._environment,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1
    assert b"(Address already in use); set DUELINE_HOST and DUELINE_PORT" in done.stderr
    assert done.stderr.count(b"\n") == 1


def test_a_port_that_was_free_is_kept_until_it_is_listened_at() -> None:
    """Whoever comes between would have granian end by Rust's own words."""
    port = free_port()
    refused: list[bool] = []
    for is_shared in (False, True):
        with (
            kept_address("127.0.0.1", port),
            pytest.raises(ServeError, match=rf"cannot listen on 127\.0\.0\.1:{port} \(Address"),
            kept_address("127.0.0.1", port, "mend it"),
        ):
            pass
        with kept_address("127.0.0.1", port), socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, is_shared)
            try:
                other.bind(("127.0.0.1", port))
                other.listen()
            except OSError:
                refused.append(True)
            else:
                # As granian does; what was kept takes none of the connections.
                refused.append(False)
                with socket.create_connection(("127.0.0.1", port), PATIENCE):
                    other.accept()[0].close()
    assert refused == [True, False]
