"""Databases that are measured hold as many open issues as they should, all of them decided."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from bench.costs import world_of
from bench.filled import fill
from sla.store import open_issues
from sla.store.database import Database
from sla.store.schema import issues
from tests.postgres import PostgresServer
from tests.sla.example import NINE


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of a database in which nothing is, not even tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'dueline.sqlite3'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.empty_database()


@pytest.fixture
def filled(address: str) -> Iterator[Database]:
    fill(address, 12, at=NINE)
    database = Database(address)
    yield database
    database.close()


def test_each_issue_is_open_and_decided(filled: Database) -> None:
    (whole,) = filled.read(lambda c: open_issues.ranges(c, "default"))
    found = filled.read(lambda c: list(open_issues.read(c, "default", whole)))
    assert len({each.issue_id for each in found}) == 12
    for each in found:
        assert each.policy_version
        assert each.recorded
        assert each.facts
    instants = filled.read(lambda c: c.execute(select(issues.c.wake_at)).scalars().all())
    assert all(_is_ahead(at) for at in instants)


def _is_ahead(at: datetime | None) -> bool:
    return at is None or at > NINE


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_costs_are_measured_in_a_world_that_decides(
    request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    server = request.getfixturevalue("postgres") if kind == "postgresql" else None
    with world_of(kind, tmp_path / "world", server) as made:
        key = made.report("BOT")
        assert made.fields(key)["SLA policy"] == "botron"
