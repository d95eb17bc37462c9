"""What the tests of the store share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sla.store.database import Database
from sla.store.migrate import migrate


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """An empty database with this version's tables."""
    opened = Database(f"sqlite:///{tmp_path / 'dueline.sqlite3'}")
    migrate(opened)
    yield opened
    opened.close()
