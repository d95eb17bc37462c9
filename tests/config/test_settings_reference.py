"""The documented settings are those that the code reads, no more and no fewer."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from config.settings import Settings
from config.settings_reference import SECRETS, Variable, pages, settings, with_tables

ROOT = Path(__file__).parents[2]
NOT_FOR_PEOPLE = {
    # How the demo tells its own child processes.
    "DUELINE_DEMO_CLOCK",
    # Told of in the text above the tables.
    "DUELINE_ENV_FILE",
    # Names of an option, and of the beginning of other names.
    "DUELINE_COPY_TO", "DUELINE_ENV", "DUELINE_JIRA_CLIENT",
}  # fmt: skip
TOGETHER = {
    "DUELINE_OIDC_": ("ISSUER", "CLIENT_ID", "CLIENT_SECRET"),
    "DUELINE_ATLASSIAN_": ("CLIENT_ID", "CLIENT_SECRET"),
}
VARIABLES = [variable for setting in settings() for variable in setting.variables]
EXAMPLES = {variable.name: variable.example for variable in VARIABLES}


class Asked(Mapping[str, str]):
    """An empty environment that notes which variables are asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def test_they_are_those_that_are_read() -> None:
    asked = Asked()
    Settings.from_environment(asked)
    files = {name for name in asked.names if name.endswith("_FILE")}
    assert {name.removesuffix("_FILE") for name in files} == SECRETS
    assert set(EXAMPLES) == asked.names - files


def test_no_module_reads_one_that_is_not_documented() -> None:
    code = "".join(
        file.read_text("utf-8")
        for room in ("config", "connector", "sla", "webhooks")
        for file in (ROOT / room).rglob("*.py")
    )
    named = set(re.findall(r"\"(DUELINE_[A-Z_]+[A-Z])\"", code))
    undocumented = {name.removesuffix("_FILE") for name in named} - set(EXAMPLES)
    assert undocumented - NOT_FOR_PEOPLE == set()


@pytest.mark.parametrize("variable", VARIABLES, ids=lambda each: str(each.name))
def test_each_example_is_taken_and_each_default_changes_nothing(variable: Variable) -> None:
    given = {"DUELINE_PUBLIC_URL": "https://dueline.acme.example"}
    bare = Settings.from_environment(given)
    needed = {
        f"{start}{end}": EXAMPLES[f"{start}{end}"]
        for start, ends in TOGETHER.items()
        for end in ends
        if variable.name.startswith(start)
    }
    assert Settings.from_environment(given | needed | {variable.name: variable.example}) != (
        bare if variable.name != "DUELINE_PUBLIC_URL" else Settings.from_environment({})
    )
    if variable.default:
        assert Settings.from_environment(given | {variable.name: variable.default}) == bare


def test_the_pages_show_them_as_they_are() -> None:
    for page, text in pages().items():
        assert page.read_text("utf-8") == text, "run: python -m config.settings_reference"


def test_a_page_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="does not say where"):
        with_tables("# Settings\n", "| a |")
