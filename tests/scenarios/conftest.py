"""The worlds in which the stories take place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.postgres import PostgresServer
from tests.scenarios import world as worlds
from tests.scenarios.world import Past, World, file_in, utc, world

Story = Callable[[World], None]


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


@pytest.fixture(scope="module")
def pasts() -> dict[tuple[Story, str], Past]:
    """What was told, on which kind of database."""
    return {}


@pytest.fixture
def after(
    pasts: dict[tuple[Story, str], Past],
    database: str,
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Iterator[Callable[[Story], World]]:
    """The world of `cloud` after a story, a new one for each test; the story is told once.

    To tell it anew took most of the time of tests that only look at what it came to.
    """

    def told(story: Story) -> Past:
        directory = tmp_path / "told"
        directory.mkdir()
        with world(directory, utc("2024-07-10 19:00")) as left:
            story(left)
        if database == "sqlite":
            whole = (directory / "dueline.sqlite3").read_bytes()
            return Past(left, lambda into: file_in(into, whole))
        server: PostgresServer = request.getfixturevalue("postgres")
        address = left.settings.database_url.reveal()
        return Past(left, lambda _into: server.copy(address))

    with ExitStack() as begun:

        def world_after(story: Story) -> World:
            if (story, database) not in pasts:
                pasts[story, database] = told(story)
            past = pasts[story, database]
            return begun.enter_context(world(tmp_path, past.at, past=past))

        yield world_after
