"""The administrator's token on the terminal: made once, shown once, and nowhere else."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from config.settings import Secret, Settings
from sla.store.database import Database
from sla.store.schema import metadata
from tests.sla.store.conftest import new_database
from webhooks.cli import main
from webhooks.console.access import local_token
from webhooks.console_token import first_told

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SHOWN = re.compile(r"dlc_[A-Za-z0-9_-]{43}")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = new_database(tmp_path)
    yield opened
    opened.close()


def kept(database: Database) -> local_token.Kept | None:
    return database.read(lambda c: local_token.kept(c, "default"))


def test_the_first_start_at_a_terminal_shows_a_token_once(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    first_told(database, "default", Settings(), NOW)
    (token,) = SHOWN.findall(terminal.getvalue())
    assert "http://127.0.0.1:8090/" in terminal.getvalue()
    found = kept(database)
    assert found
    assert local_token.is_same(token, found.hash)
    with database.engine.connect() as connection:
        stored = [str(connection.execute(select(table)).all()) for table in metadata.sorted_tables]
    assert token not in "".join(stored)
    first_told(database, "default", Settings(), NOW)
    assert len(SHOWN.findall(terminal.getvalue())) == 1
    assert kept(database) == found
    assert capsys.readouterr() == ("", "")


def test_what_becomes_a_log_never_holds_one(
    database: Database, capsys: pytest.CaptureFixture[str]
) -> None:
    first_told(database, "default", Settings(), NOW)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err == (
        "Nobody can sign in to the console yet: `dueline console-token` makes a token.\n"
    )
    assert kept(database) is None


def test_a_terminal_is_found_where_the_log_goes_to_a_file(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    first_told(database, "default", Settings(), NOW)
    assert len(SHOWN.findall(terminal.getvalue())) == 1
    assert capsys.readouterr() == ("", "")


def test_none_is_made_where_one_is_set(
    database: Database, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    first_told(database, "default", Settings(console_token=Secret("x" * 20)), NOW)
    assert (terminal.getvalue(), kept(database)) == ("", None)
    assert capsys.readouterr() == ("", "")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("DUELINE_CONSOLE_TOKEN", "DUELINE_CONSOLE_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DUELINE_DATABASE_URL", f"sqlite:///{tmp_path}/dueline.sqlite3")
    return tmp_path


def test_where_no_database_is_none_is_made(here: Path) -> None:
    refused = CliRunner().invoke(main, ["console-token"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "there is no database; DUELINE_DATABASE_URL names it" in refused.stderr
    assert not [*here.iterdir()]


def test_the_command_prints_the_token_and_for_which_database_it_is(here: Path) -> None:
    new_database(here).close()
    made = [CliRunner().invoke(main, ["console-token"]) for _ in range(2)]
    assert [each.exit_code for each in made] == [0, 0]
    first, second = (each.stdout.strip() for each in made)
    assert SHOWN.fullmatch(first)
    assert SHOWN.fullmatch(second)
    assert first != second
    assert "dueline.sqlite3, and is not shown again" in made[1].stderr
    database = Database("sqlite:///dueline.sqlite3")
    found = kept(database)
    database.close()
    assert found
    assert local_token.is_same(second, found.hash)
    assert not local_token.is_same(first, found.hash)


def test_the_command_makes_none_beside_one_that_is_set(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    new_database(here).close()
    monkeypatch.setenv("DUELINE_CONSOLE_TOKEN", "x" * 32)
    refused = CliRunner().invoke(main, ["console-token"])
    assert refused.exit_code == 1
    assert "DUELINE_CONSOLE_TOKEN is set" in refused.stderr
    assert refused.stdout == ""
