"""What the tests of the store share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from sla.store.database import Database
from sla.store.migrate import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database with this version's tables, of either kind."""
    if request.param == "sqlite":
        opened = new_database(tmp_path)
    else:
        opened = Database(request.getfixturevalue("postgres").database())
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    """The same in a file."""
    opened = new_database(tmp_path)
    yield opened
    opened.close()


def new_database(directory: Path) -> Database:
    """An empty database with this version's tables; whoever asks for it closes it."""
    path = directory / "dueline.sqlite3"
    path.write_bytes(migrated())
    return Database(f"sqlite:///{path}")


@cache
def migrated() -> bytes:
    """A database file as the migrations make it: a copy takes no time, they do."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "template.sqlite3"
        made = Database(f"sqlite:///{path}")
        migrate(made)
        made.close()
        return path.read_bytes()
