"""A database put back from a backup: nothing is said twice, and nothing that is not true."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from config.settings import Secret
from connector.simulator import AGENT
from sla.store.backup import backup
from sla.store.checksums import sums
from sla.store.copying import copy
from sla.store.database import Database
from tests.postgres import PostgresServer
from tests.scenarios.world import World
from webhooks.service import DEFAULT_SITE

URGENT = {"Support plan": "Enterprise"}


def state(place: World, keys: list[str]) -> dict[str, Any]:
    """What people see of the issues."""
    return {key: (place.said(key), place.fields(key)) for key in keys}


def put_back(place: World, file: Path) -> None:
    """The database is lost, and the backup takes its place; what webhooks do not tell is healed."""
    place.stop()
    place.settings = replace(place.settings, database_url=Secret(f"sqlite:///{file}"))
    place.start()
    place.service.reconciler.poll(DEFAULT_SITE)
    place.settle()
    place.advance(timedelta(minutes=1))


def test_what_was_said_after_the_backup_is_not_said_again(anywhere: World, tmp_path: Path) -> None:
    place = anywhere
    overdue, answered = place.report("HLP", URGENT), place.report("HLP", URGENT)
    place.advance(timedelta(minutes=5))
    backup(place.service.database, tmp_path / "backup.sqlite3", place.clock.at)
    # An answer of which the backup knows nothing, and an issue of which it knows nothing either.
    place.jira.add_comment(answered, "We are on it.", account=AGENT)
    later = place.report("HLP", URGENT)
    place.advance(timedelta(hours=10))
    before = state(place, [overdue, answered, later])
    assert len(before[overdue][0]) > 2
    assert len(before[later][0]) > 2
    put_back(place, tmp_path / "backup.sqlite3")
    assert state(place, [overdue, answered, later]) == before


def test_the_next_deadline_after_that_is_said_once(anywhere: World, tmp_path: Path) -> None:
    place = anywhere
    key = place.report("HLP", URGENT)
    backup(place.service.database, tmp_path / "backup.sqlite3", place.clock.at)
    put_back(place, tmp_path / "backup.sqlite3")
    assert place.said(key) == []
    place.advance(timedelta(hours=10))
    said = place.said(key)
    assert len(said) == len(set(said)) > 2


def test_a_real_history_goes_to_a_server_and_back(
    cloud: World, tmp_path: Path, postgres: PostgresServer
) -> None:
    for _ in range(3):
        cloud.report("HLP", URGENT)
    cloud.advance(timedelta(hours=5))
    source = cloud.service.database
    with (
        closing(Database(postgres.empty_database())) as server,
        closing(Database(f"sqlite:///{tmp_path / 'back.sqlite3'}")) as back,
    ):
        assert copy(source, server) == copy(server, back) == source.read(sums)
