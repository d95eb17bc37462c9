"""The commands that copy, back up, migrate and forget: what they say, and what they refuse."""

from __future__ import annotations

from contextlib import closing
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from config.settings import Secret, Settings
from sla.store import database as databases
from sla.store import inbox, restored, sites
from sla.store.checksums import sums
from sla.store.database import Database, StoreError
from sla.store.migrate import newest
from tests.postgres import PostgresServer
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from tests.sla.store.filled import fill
from webhooks.backing_up import back_up, note_restored
from webhooks.copying import copy_database, show
from webhooks.forgetting import forget_account
from webhooks.migrating import migrated

PERSON = "712020:6f1c1a0e-8a55-4d57-9e4f-0b7a1f7a2c11"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "_CLAIM_TRIES", 1)
    monkeypatch.setattr(databases, "_CLAIM_PAUSE", 0)


@pytest.fixture
def there(tmp_path: Path) -> Settings:
    """A database with something in it."""
    with closing(new_database(tmp_path)) as database:
        database.write(fill)
    return of(tmp_path / "dueline.sqlite3")


def of(path: Path) -> Settings:
    return Settings(database_url=Secret(f"sqlite:///{path}"))


def console(*, terminal: bool = False) -> Console:
    return Console(file=StringIO(), force_terminal=terminal, width=120)


def printed(to: Console) -> str:
    assert isinstance(to.file, StringIO)
    return to.file.getvalue()


# -- copy-database ---------------------------------------------------------------------------------


def test_what_was_copied_is_shown(there: Settings, postgres: PostgresServer) -> None:
    quiet, bar = console(), console(terminal=True)
    found = copy_database(there, postgres.empty_database(), quiet)
    assert printed(quiet) == ""
    show(found, quiet)
    assert all(each.checksum in printed(quiet) for each in found)
    copy_database(there, postgres.empty_database(), bar)
    assert "copying" in printed(bar) or "sayings" in printed(bar)


def test_a_copy_onto_itself_is_refused(there: Settings, tmp_path: Path) -> None:
    link = tmp_path / "link.sqlite3"
    link.symlink_to(tmp_path / "dueline.sqlite3")
    for path in (tmp_path / "dueline.sqlite3", link):
        with pytest.raises(StoreError, match="the very database that DUELINE_DATABASE_URL names"):
            copy_database(there, f"sqlite:///{path}", console())


@pytest.mark.parametrize("which", ["dueline.sqlite3", "target.sqlite3"])
def test_no_copy_while_a_service_runs(there: Settings, tmp_path: Path, which: str) -> None:
    with closing(Database(f"sqlite:///{tmp_path / which}")) as serving:
        serving.claim()
        with pytest.raises(StoreError, match=f"{which}: another Dueline is serving from"):
            copy_database(there, f"sqlite:///{tmp_path / 'target.sqlite3'}", console())


def test_no_copy_of_a_server_that_is_used(tmp_path: Path, postgres: PostgresServer) -> None:
    address, target = postgres.database(), f"sqlite:///{tmp_path / 'target.sqlite3'}"
    settings = Settings(database_url=Secret(address))
    with closing(Database(address)) as serving:
        serving.read(inbox.tally)
        with pytest.raises(StoreError, match="1 other connections of Dueline are open; stop"):
            copy_database(settings, target, console())
    copy_database(settings, target, console())


def test_addresses_that_cannot_be_used(there: Settings, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="--to is not a database address"):
        copy_database(there, "nonsense", console())
    with pytest.raises(StoreError, match="keeps its data in SQLite or PostgreSQL") as raised:
        copy_database(there, "mysql://user:hunter2@host/name", console())
    assert "hunter2" not in str(raised.value)
    with pytest.raises(StoreError, match="there is no database"):
        copy_database(of(tmp_path / "none.sqlite3"), f"sqlite:///{tmp_path / 'x'}", console())
    with pytest.raises(StoreError, match=r"postgresql://u:\*\*\*@127.0.0.1:1/none: cannot be used"):
        copy_database(there, "postgresql://u:hunter2@127.0.0.1:1/none", console())


# -- backup ----------------------------------------------------------------------------------------


def test_a_backup_while_the_service_runs(there: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.sqlite3"
    with closing(Database(there.database_url.reveal())) as serving:
        serving.claim()
        said = back_up(there, file, NINE, console())
    assert said.startswith(f"{tmp_path / 'dueline.sqlite3'} copied to {file}: ")
    with pytest.raises(StoreError, match="is there already"):
        back_up(there, file, NINE, console())


def test_a_backup_of_a_server(tmp_path: Path, postgres: PostgresServer) -> None:
    address = postgres.database()
    with closing(Database(address)) as serving:
        serving.write(fill)
        said = back_up(
            Settings(database_url=Secret(address)), tmp_path / "b.sqlite3", NINE, console()
        )
        assert "looked through and whole" in said
        with closing(Database(f"sqlite:///{tmp_path / 'b.sqlite3'}")) as copy:
            tables = {each.table: each for each in copy.read(sums)}
            assert tables["inbox"] == {each.table: each for each in serving.read(sums)}["inbox"]


def test_a_copy_of_other_means_can_be_told_of(there: Settings) -> None:
    assert "taken for a copy of 2024-07-10 13:00 UTC" in note_restored(there, NINE, NINE)
    with closing(Database(there.database_url.reveal())) as database:
        assert database.write(lambda c: restored.recognise(c, NINE)) == NINE


# -- migrate ---------------------------------------------------------------------------------------


def test_migrating_says_from_where_to_where(tmp_path: Path) -> None:
    settings = of(tmp_path / "new.sqlite3")
    assert migrated(settings).endswith(f"migrated from an empty database to version {newest()}")
    assert migrated(settings).endswith(f"has the tables of version {newest()} already")


# -- forget ----------------------------------------------------------------------------------------


def test_forgetting_says_what_was_done(there: Settings) -> None:
    assert list(forget_account(there, PERSON)) == [f"nothing names {PERSON}"]
    with closing(Database(there.database_url.reveal())) as database:
        database.write(lambda c: sites.publish(c, "v9", f'{{"only": ["{PERSON}"]}}', NINE))
        database.write(lambda c: inbox.keep(c, "acme", "named", PERSON.encode(), NINE))
        number = 78
        database.write(lambda c: inbox.handled(c, number, "failed", None, None))
    deleted, published, advice = forget_account(there, PERSON)
    assert deleted == "inbox: 1 deliveries deleted that were failed"
    assert "still names" in published
    assert "v9" in published
    assert "backups made before" in advice


@pytest.mark.parametrize("account", ["", " ", f"{PERSON} "])
def test_what_is_no_account(there: Settings, account: str) -> None:
    with pytest.raises(StoreError, match="give the account as Jira names it"):
        list(forget_account(there, account))
