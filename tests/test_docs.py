"""What the documentation shows works as written."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from config.configuration import Configuration
from config.loader import load
from config.settings import Settings
from connector.setup import EVENTS
from sla.contract import CLOCKS
from sla.effects import FACTS
from sla.store.schema import metadata
from tests.shown import PAGES, ROOT, as_shown, examples, name_of, read, with_output
from webhooks.cli import main
from webhooks.clock import FastClock
from webhooks.reference import pages

GENERATED = ("docs/reference/", "docs/policies/")


def write(directory: Path, files: dict[str, str]) -> Path:
    for name, example in files.items():
        file = directory / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(example, encoding="utf-8")
    return directory


# --- configuration ----------------------------------------------------------------------------


def test_the_examples_of_the_configuration_page_are_a_configuration(tmp_path: Path) -> None:
    projects, contract, calendar, site = examples("docs/configuration.md")
    configuration = load(
        write(
            tmp_path,
            {
                "projects.yaml": projects,
                "contracts/acme.yaml": contract,
                "calendars/acme-hours.yaml": calendar,
                "calendars/office.ics": "BEGIN:VCALENDAR\nEND:VCALENDAR\n",
                "site.yaml": site,
            },
        )
    )
    assert set(configuration.policy.projects) == {"HLP", "ACM"}
    assert "overdue since" in configuration.site.wording["breach"]


def test_the_configuration_page_names_every_fact_that_wording_may_use() -> None:
    page = read("docs/configuration.md")
    assert {name for name in FACTS if f"`{name}`" not in page} == set()


# --- contracts --------------------------------------------------------------------------------


def halden(directory: Path) -> dict[str, str]:
    """The example's files, each named by its first line."""
    found = examples("docs/contracts.md")
    return {f"{directory}/{each.splitlines()[0].removeprefix('# ')}": each for each in found}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory to type commands in, on a Sunday in November 2026."""
    monkeypatch.chdir(tmp_path)
    for name in ("DUELINE_CONFIG", "DUELINE_JIRA_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DUELINE_DATABASE_URL", f"sqlite:///{tmp_path}/ledger.sqlite3")
    clock = FastClock.starting(datetime(2026, 11, 22, 12, tzinfo=UTC), 1)
    monkeypatch.setenv("DUELINE_DEMO_CLOCK", str(clock))
    return write(tmp_path, halden(Path("halden")))


@pytest.fixture
def example(here: Path) -> Configuration:
    """The invented company's contract, as it is loaded."""
    return load(here / "halden")


def test_the_example_contract_uses_every_section(example: Configuration) -> None:
    contract = example.policy.contracts["halden"]
    assert {metric.name for metric in contract.metrics} == {
        "first_response", "next_response", "periodic_update", "work_around", "resolution",
    }  # fmt: skip
    parts = (
        contract.limits, contract.duties, contract.acknowledgement, contract.contacts,
        contract.checklist, contract.notices, contract.requests, contract.availability,
        contract.choices,
    )  # fmt: skip
    assert all(parts)


def test_every_sentence_of_the_example_policy_is_a_clause_of_its_contract(
    example: Configuration,
) -> None:
    policy = "".join(re.findall(r"^> (.*\n)", read("docs/contracts.md"), re.MULTILINE))
    # A sentence starts with its number; 3.2 is also referred to.
    numbers = dict.fromkeys(re.findall(r"(?:^|\. )(\d\.\d) ", policy.replace("\n", " ")))
    clauses = example.policy.contracts["halden"].clauses
    assert list(numbers) == [clause.id for clause in clauses]


def test_the_contracts_page_names_every_metric_known_by_name() -> None:
    page = read("docs/contracts.md")
    assert {name for name in CLOCKS if f"| `{name}` |" not in page} == set()


def test_the_availability_example_can_stand_in_a_contract(here: Path) -> None:
    (section,) = examples("docs/availability.md")
    file = here / "halden/contracts/halden.yaml"
    text = file.read_text(encoding="utf-8")
    before, rest = text.split("availability:\n")
    replaced = f"{before}{section}\nclauses:\n{rest.split('clauses:' + chr(10))[1]}"
    assert replaced != text
    file.write_text(replaced, encoding="utf-8")
    availability = load(here / "halden").policy.contracts["halden"].availability
    assert availability
    assert availability.maintenance
    assert availability.maintenance.binding == "goal"


# --- commands ---------------------------------------------------------------------------------

FOLLOWED = ROOT / "docs/own-policy.md"
"""It is followed step by step beside a service, see `test_following_docs.py`."""
CONSOLES = [page for page in PAGES if page != FOLLOWED and examples(name_of(page), "console")]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("page", CONSOLES, ids=lambda page: page.name)
def test_every_command_prints_what_is_shown(page: Path) -> None:
    shown = list(with_output(name_of(page)))
    assert shown
    for command, output in shown:
        words = shlex.split(command)
        settings = dict(word.split("=", 1) for word in words[: words.index("dueline")])
        answer = CliRunner().invoke(main, words[words.index("dueline") + 1 :], env=settings)
        assert answer.exit_code == 0, answer.output
        assert as_shown(output).fullmatch(answer.output), f"{command}\n{answer.output}"


def test_every_command_of_the_scaling_page_is_one() -> None:
    page = read("docs/scaling.md")
    shown = [
        *re.findall(r"`(dueline [^`]+)`", page),
        *re.findall(r"^\w+=\S+ (dueline .+)$", page, re.MULTILINE),
    ]
    assert {"dueline migrate", "dueline worker", "dueline serve --receive-only"} < set(shown)
    # Under its parent: a command remembers how its help is asked for from the first time.
    parent = main.make_context("dueline", ["serve"])
    for line in shown:
        name, *arguments = line.split()[1:]
        if line != "dueline copy-database":  # which is named without its target in the text
            main.commands[name].make_context(name, arguments, parent=parent)


def test_the_figures_of_the_worked_example_are_shown() -> None:
    page = read("docs/availability.md")
    assert ": 223.33, due" in page
    assert ": 83.33, due" in page


def test_the_example_of_many_questions_is_answered(example: Configuration) -> None:
    (code,) = examples("docs/time.md", "python")
    calendar = example.calendars["halden-office"]
    monday = datetime(2026, 11, 23, 8, tzinfo=UTC)
    told = {"calendar": calendar, "timedelta": timedelta, "starts": [monday], "ends": [monday]}
    # What the example shows are answers that it does nothing with: each becomes the last one.
    exec(re.sub(r"^(?=\w+_many)", "answer = ", code, flags=re.MULTILINE), told)  # noqa: S102
    assert told["answer"] == [timedelta(0)]


# --- README -----------------------------------------------------------------------------------


def test_the_readme_names_every_command_and_setting() -> None:
    readme = read("README.md")
    names = main.commands.keys() - {"run"}
    assert {name for name in names if f"`dueline {name}" not in readme} == set()
    code = read("config/settings.py")
    settings = set(re.findall(r"\"(DUELINE_[A-Z_]+)\"", code))
    assert {name for name in settings if name not in readme} == set()
    assert Settings.from_environment({}).port == 8090


def test_the_readme_names_every_field() -> None:
    readme = read("README.md")
    named = load(ROOT / "config").site.fields
    assert {name for name in named.values() if f"| {name} |" not in readme} == set()


def test_the_readme_names_every_event_of_a_webhook_made_by_hand() -> None:
    assert "issuelink_created" in EVENTS["cloud"]
    assert "*issue link created*" in re.sub(r"\s+", " ", read("README.md"))


def test_the_question_that_the_readme_asks_is_answered() -> None:
    readme = read("README.md")
    (arguments,) = re.findall(r"^    \.venv/bin/dueline (deadline .*)$", readme, re.MULTILINE)
    answer = CliRunner().invoke(main, arguments.split())
    assert answer.exit_code == 0
    assert "due: Thu 11 Jul 2024 09:00 EDT = 2024-07-11T13:00:00Z" in answer.output


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file(page: Path) -> None:
    targets = re.findall(r"[^\\]\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))
    assert [each for each in targets if not (page.parent / each).exists()] == []


# --- the site ---------------------------------------------------------------------------------


def test_the_pages_made_of_the_code_are_current() -> None:
    made = {f"docs/{path}": text for path, text in pages().items()}
    there = [name for name in map(name_of, PAGES) if name.startswith(GENERATED)]
    assert set(there) == set(made)
    assert [name for name, text in made.items() if read(name) != text] == [], "try `make reference`"


def test_the_site_leads_to_every_page() -> None:
    with (ROOT / "zensical.toml").open("rb") as file:
        found = list(_leaves(tomllib.load(file)["project"]["nav"]))
    assert sorted(found) == sorted(set(found))
    assert {f"docs/{path}" for path in found} == {*map(name_of, PAGES)} - {"README.md"}


def _leaves(entry: Any) -> Iterator[str]:
    """The paths of a navigation, whatever they are nested in."""
    if isinstance(entry, str):
        yield entry
    else:
        for each in entry.values() if isinstance(entry, dict) else entry:
            yield from _leaves(each)


def test_the_site_is_built_of_nothing_but_itself(tmp_path: Path) -> None:
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    built = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)  # noqa: S603
    assert built.returncode == 0, built.stdout
    elsewhere = re.compile(r"<(?:script|img|iframe)[^>]+src=\"?(?:https?:)?//|<link[^>]+//[^>]+>")
    made = list((tmp_path / "docs-site").rglob("*.html"))
    assert len(made) > len(PAGES) - 1
    assert [page for page in made if elsewhere.search(page.read_text(encoding="utf-8"))] == []


def test_the_picture_of_the_tables_has_every_table() -> None:
    picture = read("docs/pictures/tables.svg")
    assert {name for name in metadata.tables if f">{name}<" not in picture} == set()
