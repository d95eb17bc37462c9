"""The file of settings: it speaks where the environment is silent, and only of settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.env_file import read_env_file
from config.errors import SettingsError
from config.settings import Settings


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str, name: str = "dueline.env") -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_nothing_is_set(here: Path) -> None:
    assert read_env_file({}) == {}


def test_lines_as_people_and_shells_write_them(here: Path) -> None:
    write(
        here,
        """# where Jira is
DUELINE_JIRA_URL=https://acme.atlassian.net

export DUELINE_PORT=8091  # beside the other one
DUELINE_JIRA_USER='me@acme.example'
DUELINE_JIRA_TOKEN="a$b${c}#d"
DUELINE_HOST
""",
    )
    assert read_env_file({}) == {
        "DUELINE_JIRA_URL": "https://acme.atlassian.net",
        "DUELINE_PORT": "8091",
        "DUELINE_JIRA_USER": "me@acme.example",
        "DUELINE_JIRA_TOKEN": "a$b${c}#d",
    }
    assert Settings.from_environment(read_env_file({})).port == 8091


def test_the_environment_goes_before_the_file(here: Path) -> None:
    write(here, "DUELINE_PORT=1\nDUELINE_HOST=::1\n")
    assert read_env_file({"DUELINE_PORT": "2"}) == {"DUELINE_HOST": "::1"}


@pytest.mark.parametrize(
    ("said", "in_file"),
    [
        ("DUELINE_JIRA_TOKEN", "DUELINE_JIRA_TOKEN_FILE"),
        ("DUELINE_JIRA_TOKEN_FILE", "DUELINE_JIRA_TOKEN"),
    ],
)
def test_a_secret_that_the_environment_gives_the_other_way(
    here: Path, said: str, in_file: str
) -> None:
    write(here, f"{in_file}=x\n")
    assert read_env_file({said: "y"}) == {}


def test_another_file_with_what_lies_beside_it(here: Path) -> None:
    (here / "etc").mkdir()
    file = write(
        here / "etc",
        "DUELINE_JIRA_TOKEN_FILE=secrets/token\nDUELINE_CONFIG=sla\n"
        "DUELINE_WEBHOOK_SECRET_FILE=/run/secrets/hook\nDUELINE_DATABASE_URL=sqlite:///a.db\n",
        "other.env",
    )
    assert read_env_file({"DUELINE_ENV_FILE": str(file)}) == {
        "DUELINE_JIRA_TOKEN_FILE": str(here / "etc/secrets/token"),
        "DUELINE_CONFIG": str(here / "etc/sla"),
        "DUELINE_WEBHOOK_SECRET_FILE": "/run/secrets/hook",
        "DUELINE_DATABASE_URL": "sqlite:///a.db",
    }


def test_a_named_file_must_be_there(here: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.env cannot be read: No such file"):
        read_env_file({"DUELINE_ENV_FILE": "none.env"})


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("DUELINE_PORT 8090\n", 1),
        ("# first\n\n  \nDUELINE_PORT: 8090\nDUELINE_HOST=::1\n", 4),
        ("DUELINE_HOST=::1\nDUELINE_JIRA_TOKEN='s3cr3t\nDUELINE_PORT=1\n", 2),
        ("DUELINE_JIRA_TOKEN='s3cr3t\nDUELINE_JIRA_USER='\n", 1),
        ("DUELINE_HOST=::1\nDUELINE_JIRA_TOKEN=s3cr3t\0\n", 2),
    ],
)
def test_a_line_that_cannot_be_read_is_named_by_its_number(
    here: Path, text: str, line: int
) -> None:
    write(here, text)
    with pytest.raises(SettingsError, match="write it as NAME=value") as caught:
        read_env_file({})
    assert f"dueline.env, line {line}, is no setting" in caught.value.problems[0]
    assert "s3cr3t" not in str(caught.value)


def test_what_is_no_text(here: Path) -> None:
    (here / "dueline.env").write_bytes(b"DUELINE_HOST=\xff\n")
    with pytest.raises(SettingsError, match="is not UTF-8 text"):
        read_env_file({})


def test_what_is_no_setting_is_named_without_its_value(here: Path) -> None:
    write(here, "DUELINE_PORT=1\nPATH=s3cr3t\nTOKEN=s3cr3t\n")
    with pytest.raises(SettingsError) as caught:
        read_env_file({})
    assert len(caught.value.problems) == 2
    assert "sets PATH: only names with DUELINE_" in caught.value.problems[0]
    assert "s3cr3t" not in str(caught.value)
