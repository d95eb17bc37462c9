"""The files that `dueline init` writes: they load, and nothing that people wrote is lost."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.contract_schema import ContractDocument
from config.env_file import read_env_file
from config.errors import ConfigurationError
from config.library import Library
from config.loader import load
from config.proposing import SeverityRule, severity_rules
from config.settings import SHIPPED
from config.site_schema import FieldNames
from config.writing import File, ProjectPlan, projects_yaml, settings_file, site_yaml

PRIORITIES = ["Highest", "High", "Medium", "Low", "Lowest"]


def contracts() -> dict[str, ContractDocument]:
    shelf = Library(SHIPPED).contracts
    entries = [shelf.get(id_) for id_ in sorted(shelf.ids())]
    return {entry.id: entry.model for entry in entries if entry and entry.model}


CONTRACTS = contracts()


def plan(id_: str, *, key: str = "HLP", name: str = "Help", **more: object) -> ProjectPlan:
    rules = severity_rules(CONTRACTS[id_], PRIORITIES, ["Bug", "Question"])
    return ProjectPlan(key, name, id_, rules, **more)  # type: ignore[arg-type]


def written(directory: Path, *plans: ProjectPlan, holidays: list[str] | None = None) -> Path:
    directory.mkdir(exist_ok=True)
    File(directory / "projects.yaml", projects_yaml(plans, CONTRACTS, holidays)).write()
    File(directory / "site.yaml", site_yaml({})).write()
    return directory


# --- the configuration ----------------------------------------------------------------------------


@pytest.mark.parametrize("id_", sorted(CONTRACTS))
@pytest.mark.parametrize("holidays", [None, [], ["US"], ["DE-BY", "AT"]])
def test_it_loads(tmp_path: Path, id_: str, holidays: list[str] | None) -> None:
    configuration = load(written(tmp_path, plan(id_), holidays=holidays))
    assert set(configuration.policy.projects) == {"HLP"}
    assert configuration.site.fields == FieldNames().model_dump()


def test_all_contracts_at_once(tmp_path: Path) -> None:
    plans = [plan(id_, key=f"P{number}") for number, id_ in enumerate(CONTRACTS)]
    configuration = load(written(tmp_path, *plans, holidays=["US"]))
    assert len(configuration.policy.projects) == len(CONTRACTS)
    assert any("standard/" in key for key in configuration.calendars)


# Names as Jira has them, with whatever YAML takes for something else.
NAMES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1) | st.sampled_from(
    [
        "No",
        "null",
        "1",
        "P1: urgent",
        "a #b",
        "[x",
        "*",
        "- y",
        "Major, or so",
        "\U0001f525 Hot",
        "'",
    ]
)


@settings(max_examples=60)
@given(NAMES, NAMES, st.lists(st.text()))
def test_names_of_any_kind(
    tmp_path_factory: pytest.TempPathFactory, name: str, priority: str, types: list[str]
) -> None:
    rules = (SeverityRule("Severity 1", (priority,)), SeverityRule("Severity 2"))
    made = ProjectPlan("HLP", name, "botron", rules, tuple(types), ())
    model = Library(written(tmp_path_factory.mktemp("site"), made)).projects.model
    assert model
    [first, _] = model.projects["HLP"].severities
    assert first.priority == [priority]


def test_what_is_left_open_is_named_and_not_made_up(tmp_path: Path) -> None:
    text = projects_yaml([plan("balto")], CONTRACTS, None)
    assert "#    response-severity-1: ... # the response time for Severity 1" in text
    assert "\nparameters:" not in text


def test_other_fields_by_role() -> None:
    text = site_yaml({"due": "customfield_10050", "state": "yes"})
    assert "\n  due: customfield_10050 #" in text
    assert '\n  state: "yes" #' in text


# --- the settings ---------------------------------------------------------------------------------


def test_settings_are_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "DUELINE_JIRA_URL": "https://jira.example/with path",
        "DUELINE_JIRA_USER": "o'hara # no comment \\ here",
        "DUELINE_PORT": "8090",
    }
    text = settings_file(None, {name: (value, "What it is.") for name, value in values.items()})
    (tmp_path / "dueline.env").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert read_env_file({}) == values


def test_what_a_person_added_stays() -> None:
    before = "# mine\nDUELINE_LOG=text\nDUELINE_PORT=1\nDUELINE_JIRA_TOKEN=planted\n"
    after = settings_file(
        before,
        {
            "DUELINE_PORT": ("2", "On which port."),
            "DUELINE_JIRA_TOKEN": (None, ""),
            "DUELINE_HOST": ("::1", "Where."),
        },
    )
    assert after == "# mine\nDUELINE_LOG=text\nDUELINE_PORT=2\n\n# Where.\nDUELINE_HOST=::1\n"
    again = settings_file(after, {"DUELINE_PORT": ("2", ""), "DUELINE_HOST": ("::1", "")})
    assert again == after


# --- a file ---------------------------------------------------------------------------------------


def test_private_files_are_their_owners_alone(tmp_path: Path) -> None:
    file = File(tmp_path / "secrets/token", "planted\n", private=True)
    file.write()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.path.parent.stat().st_mode) == 0o700
    assert file.present() == "planted\n"
    assert "planted" not in repr(file)


def test_other_files_are_as_open_as_the_umask_or_their_owner_has_them(tmp_path: Path) -> None:
    file = File(tmp_path / "site.yaml", "")
    before = os.umask(0o027)
    try:
        file.write()
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o640
        file.path.chmod(0o664)
        file.write()
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o664
    finally:
        os.umask(before)


def test_differences_show_no_secret(tmp_path: Path) -> None:
    path = tmp_path / "dueline.env"
    path.write_text("DUELINE_JIRA_TOKEN=planted\nDUELINE_PORT=1\n", encoding="utf-8")
    shown = "\n".join(File(path, "DUELINE_PORT=2\n").differences())
    assert "planted" not in shown
    assert "-DUELINE_JIRA_TOKEN=***" in shown
    assert "+DUELINE_PORT=2" in shown


def test_broken_off_it_leaves_what_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "projects.yaml"
    path.write_text("before", encoding="utf-8")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        File(path, "after").write()
    assert path.read_text(encoding="utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_to_the_file_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "real.env"
    real.write_text("before", encoding="utf-8")
    link = tmp_path / "dueline.env"
    link.symlink_to(real)
    File(link, "after").write()
    assert link.is_symlink()
    assert real.read_text(encoding="utf-8") == "after"


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "site").write_text("a file", encoding="utf-8")
    file = File(tmp_path / "site" / "projects.yaml", "")
    with pytest.raises(ConfigurationError, match=r"projects\.yaml cannot be written"):
        file.write()
