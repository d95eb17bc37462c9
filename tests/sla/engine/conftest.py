"""Databases, and an engine over each."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sla.store.database import Database
from tests.sla.engine.desk import Desk, escalating
from tests.sla.example import at
from tests.sla.store.conftest import new_database


@pytest.fixture(scope="module")
def shared() -> Iterator[Database]:
    """A database for all tests here: each desk has a site of its own."""
    with tempfile.TemporaryDirectory() as directory:
        opened = new_database(Path(directory))
        yield opened
        opened.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = new_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


@pytest.fixture
def pair(desk: Desk) -> Desk:
    desk.policies["v1"] = escalating()
    desk.now = at(1)
    return desk
