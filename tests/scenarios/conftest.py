"""The worlds in which the stories take place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.scenarios import world as worlds
from tests.scenarios.world import World, utc, world


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tell on one database what would be the same on the other."""
    items[:] = [item for item in items if not _is_told_twice(item)]


def _is_told_twice(item: pytest.Item) -> bool:
    if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
        return False
    # The kind of Jira and the kind of database have nothing to do with each other: each is met by
    # each story, but not every pair.
    if item.callspec.params.get("anywhere") == "datacenter" and _is_on(item, "postgresql"):
        return True
    mark = item.get_closest_marker("one_database")
    return mark is not None and not _is_on(item, mark.args[0])


def _is_on(item: pytest.Function, kind: str) -> bool:
    return bool(item.callspec.params.get("database", kind) == kind)


@pytest.fixture(params=["sqlite", "postgresql"], autouse=True)
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Every story is told on either kind of database, unless it is marked otherwise."""
    kind = str(request.param)
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        monkeypatch.setattr(worlds, "database_in", lambda _directory: server.database())
    return kind


@pytest.fixture(params=["cloud", "datacenter"])
def anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """Wednesday 10 July 2024, 15:00 in New York, on either kind of Jira."""
    with world(tmp_path, utc("2024-07-10 19:00"), request.param) as made:
        yield made


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[World]:
    """The same instant, on Jira Cloud."""
    with world(tmp_path, utc("2024-07-10 19:00")) as made:
        yield made
