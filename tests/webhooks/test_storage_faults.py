"""What was acknowledged is there after every fault of the storage, and then everything goes on."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from sla.store import database as databases
from sla.store import inbox
from sla.store.database import Database, StoreError
from sla.store.migrate import migrate
from sla.store.schema import inbox as inbox_table
from tests.postgres import PostgresServer
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from tests.webhooks.conftest import PATH, SECRETS, signature
from webhooks.receive import receiver

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


@dataclass
class Intake:
    """A receiver on a database, and what it acknowledged."""

    database: Database
    client: FlaskClient
    acknowledged: list[bytes] = field(default_factory=list)
    number: int = 0

    def post(self, size: int = 100) -> int:
        """Post another delivery; the answer's status."""
        self.number += 1
        body = b'{"number": %d, "text": "%b"}' % (self.number, b"x" * size)
        headers = {"X-Hub-Signature": signature(body)}
        # Printing what went wrong takes a second each time.
        with capture_logs():
            answer = self.client.post(PATH, data=body, headers=headers)
        if answer.status_code == 202:
            self.acknowledged.append(body)
        else:
            assert answer.status_code == 503
            assert answer.headers["Retry-After"] == "30"
            assert self.database.trouble
        return answer.status_code

    def kept(self) -> list[bytes]:
        """What is there for somebody who opens the database anew."""
        address = self.database.engine.url.render_as_string(hide_password=False)
        with closing(Database(address)) as again:
            query = select(inbox_table.c.body).order_by(inbox_table.c.id)
            return again.read(lambda c: list(c.execute(query).scalars()))

    def goes_on(self) -> None:
        """The fault is over: what comes is stored, and nothing of what was acknowledged is gone."""
        assert self.post() == 202
        assert self.database.trouble is None
        assert self.kept() == self.acknowledged


@contextmanager
def intake(database: Database, now: Callable[[], datetime] = lambda: NINE) -> Iterator[Intake]:
    app = Flask("test")
    app.register_blueprint(
        receiver(
            database,
            secrets={"default": SECRETS},
            default_site="default",
            now=now,
            heard=lambda _site, _issue: None,
        )
    )
    with closing(database):
        yield Intake(database, app.test_client())


@pytest.fixture
def on_file(tmp_path: Path) -> Iterator[Intake]:
    with intake(new_database(tmp_path)) as made:
        yield made


def path_of(made: Intake) -> Path:
    return Path(made.database.name)


# -- disk full -------------------------------------------------------------------------------------


def _run(*command: str) -> int:
    return subprocess.run(command, check=False, capture_output=True).returncode  # noqa: S603


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if _run("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)):
        pytest.skip("no disk can be mounted here")
    try:
        yield disk
    finally:
        assert _run("umount", "-l", str(disk)) == 0


@as_root
def test_a_full_disk(small_disk: Path) -> None:
    with intake(new_database(small_disk)) as made:
        filler = small_disk / "filler"
        filler.write_bytes(bytes(200_000))
        statuses = [made.post(20_000) for _ in range(60)]
        assert 202 in statuses
        assert statuses[-1] == 503
        assert "full" in str(made.database.trouble)
        assert made.kept() == made.acknowledged
        filler.unlink()
        made.goes_on()


def test_a_file_that_may_not_grow(on_file: Intake) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        assert on_file.post() == 202
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, before[1]))
        statuses = [on_file.post(50_000) for _ in range(12)]
        assert statuses[-1] == 503
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        on_file.goes_on()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)


# -- read-only, locked -----------------------------------------------------------------------------


@as_root
def test_a_disk_that_only_reads(small_disk: Path) -> None:
    with intake(new_database(small_disk)) as made:
        assert made.post() == 202
        # While it runs, a disk with open files cannot be made to; who starts then is refused.
        made.database.close()
        assert _run("mount", "-o", "remount,ro", str(small_disk)) == 0
        with (
            closing(Database(f"sqlite:///{path_of(made)}")) as again,
            pytest.raises(
                StoreError, match=r"cannot be used .*(readonly|read-only|unable to open)"
            ),
        ):
            migrate(again)
        assert _run("mount", "-o", "remount,rw", str(small_disk)) == 0
        with closing(Database(f"sqlite:///{path_of(made)}")) as again:
            migrate(again)
            assert again.read(inbox.tally) == {"new": 1}


def test_a_file_that_another_process_keeps_locked(
    on_file: Intake,
) -> None:
    def impatient(connection: object, _record: object, _proxy: object) -> None:
        connection.execute("PRAGMA busy_timeout = 50")  # type: ignore[attr-defined]

    event.listen(on_file.database.engine, "checkout", impatient)
    assert on_file.post() == 202
    other = Database(f"sqlite:///{path_of(on_file)}")
    with closing(other), other.engine.begin():
        assert [on_file.post(), on_file.post()] == [503, 503]
        assert on_file.database.trouble == "database is locked"
    on_file.goes_on()


# -- damage ----------------------------------------------------------------------------------------


def damage(path: Path) -> None:
    """Write over some pages in the midst of a file."""
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xde\xad\xbe\xef" * 2048)


def test_a_damaged_file_is_refused_at_the_start(on_file: Intake) -> None:
    for _ in range(100):
        on_file.post(3000)
    on_file.database.check()
    on_file.database.close()
    damage(path_of(on_file))
    with (
        closing(Database(f"sqlite:///{path_of(on_file)}")) as again,
        pytest.raises(StoreError, match=r"the file is damaged .*put a backup in its place"),
    ):
        again.check()


def test_damage_that_is_met_is_nobody_elses_success(on_file: Intake) -> None:
    """What is committed together with what met the damage is refused, not acknowledged."""
    for _ in range(100):
        on_file.post(3000)
    on_file.database.close()
    damage(path_of(on_file))
    with intake(Database(f"sqlite:///{path_of(on_file)}")) as made:
        everything = select(inbox_table.c.id).order_by(inbox_table.c.body)
        with pytest.raises(OperationalError, match="malformed"):
            made.database.write(lambda c: c.execute(everything).all())
        assert "malformed" in str(made.database.trouble)


def test_what_is_no_database_at_all(tmp_path: Path) -> None:
    path = tmp_path / "dueline.sqlite3"
    path.write_bytes(b"\x00\xff" * 5000)
    with closing(Database(f"sqlite:///{path}")) as database:
        for ask in (database.check, partial(migrate, database)):
            with pytest.raises(StoreError, match="file is not a database"):
                ask()


# -- taken away while it runs ----------------------------------------------------------------------


def test_a_file_that_was_removed(on_file: Intake) -> None:
    path = path_of(on_file)
    assert on_file.post() == 202
    hidden = path.rename(path.with_name("hidden"))
    assert on_file.post() == 503
    assert "the database file is gone" in str(on_file.database.trouble)
    hidden.rename(path)
    on_file.goes_on()


def test_a_file_that_was_replaced(on_file: Intake, tmp_path: Path) -> None:
    path = path_of(on_file)
    assert on_file.post() == 202
    (tmp_path / "other").mkdir()
    with closing(new_database(tmp_path / "other")) as other:
        other.write(lambda c: inbox.keep(c, "acme", "1", b"another's", NINE))
    hidden = path.rename(path.with_name("hidden"))
    path.write_bytes(Path(other.name).read_bytes())
    assert on_file.post() == 503
    assert "another file was put in the place" in str(on_file.database.trouble)
    hidden.rename(path)
    on_file.goes_on()


def test_a_journal_that_was_removed(on_file: Intake) -> None:
    """It holds what was committed last: without it the file is whole, and older."""
    path = path_of(on_file)
    statuses = [on_file.post() for _ in range(5)]
    path.with_name(f"{path.name}-wal").unlink()
    statuses += [on_file.post(), on_file.post()]
    assert statuses == [202] * 5 + [503] * 2
    assert "-wal: was removed" in str(on_file.database.trouble)
    # As after SIGKILL: only the file itself is left.
    copy = path.with_name("left.sqlite3")
    copy.write_bytes(path.read_bytes())
    with closing(Database(f"sqlite:///{copy}")) as left:
        bodies = select(inbox_table.c.body).order_by(inbox_table.c.id)
        assert left.read(lambda c: list(c.execute(bodies).scalars())) == on_file.acknowledged
    on_file.database.close()
    with intake(Database(f"sqlite:///{path}")) as again:
        again.acknowledged, again.number = on_file.acknowledged, on_file.number
        again.goes_on()


def test_two_services_on_one_file(on_file: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_CLAIM_TRIES", 1)
    monkeypatch.setattr(databases, "_CLAIM_PAUSE", 0)
    on_file.database.claim()
    with (
        closing(Database(f"sqlite:///{path_of(on_file)}")) as second,
        pytest.raises(StoreError, match="another Dueline is serving from this database; stop it"),
    ):
        second.claim()
    on_file.goes_on()


def test_two_writers_on_one_file_lose_nothing(on_file: Intake) -> None:
    """Which only a forgotten claim would allow."""
    with intake(Database(f"sqlite:///{path_of(on_file)}")) as other:
        other.number = 1000
        for _ in range(10):
            assert (on_file.post(), other.post()) == (202, 202)
        assert sorted(on_file.kept()) == sorted(on_file.acknowledged + other.acknowledged)


def test_a_clock_that_was_set_back(tmp_path: Path) -> None:
    times = iter([NINE, NINE - timedelta(days=1), NINE - timedelta(days=1)])
    with intake(new_database(tmp_path), lambda: next(times)) as made:
        assert [made.post(), made.post()] == [202, 202]
        made.goes_on()


# -- a server --------------------------------------------------------------------------------------


@pytest.fixture
def on_server(postgres: PostgresServer) -> Iterator[Intake]:
    with intake(Database(postgres.database())) as made:
        yield made


def test_a_server_that_is_restarted(on_server: Intake, postgres: PostgresServer) -> None:
    assert on_server.post() == 202
    postgres.stop()
    try:
        assert [on_server.post(), on_server.post()] == [503, 503]
    finally:
        postgres.start()
    on_server.goes_on()


def test_a_server_without_a_free_connection(on_server: Intake) -> None:
    assert on_server.post() == 202
    name = on_server.database.engine.url.database
    administrator = on_server.database.engine.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(
        administrator.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT 0')
        connection.execute("CREATE ROLE plain LOGIN")
        try:
            plain = on_server.database.engine.url.set(username="plain")
            with intake(Database(plain.render_as_string(hide_password=False))) as made:
                assert made.post() == 503
                assert "too many connections" in str(made.database.trouble)
                connection.execute(f'ALTER DATABASE "{name}" CONNECTION LIMIT -1')
                connection.execute("ALTER ROLE plain SUPERUSER")
                made.acknowledged += on_server.acknowledged
                made.goes_on()
        finally:
            connection.execute("ALTER ROLE plain NOSUPERUSER")
            connection.execute("DROP ROLE plain")


def test_a_server_that_only_reads(on_server: Intake) -> None:
    assert on_server.post() == 202
    engine = on_server.database.engine
    name = engine.url.database
    only_reads = f'ALTER DATABASE "{name}" SET default_transaction_read_only = {{}}'
    engine.dispose()
    administrator = engine.url.set(drivername="postgresql", database="postgres")
    with psycopg.connect(
        administrator.render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(only_reads.format("on"))
        assert on_server.post() == 503
        assert "read-only transaction" in str(on_server.database.trouble)
        connection.execute(only_reads.format("off"))
    # What a session was told at its beginning holds until its end.
    engine.dispose()
    on_server.goes_on()
