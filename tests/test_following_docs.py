"""Whoever follows the documentation gets where it says: its commands, typed beside a service."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from connector.simulator import AGENT
from tests.scenarios.world import World, utc, world
from tests.shown import (
    PAGES,
    ROOT,
    as_shown,
    examples,
    name_of,
    named_in_text,
    read,
    typed,
    with_output,
)
from webhooks.cli import main
from webhooks.clock import FastClock

NOT_RUN = {
    r"dueline (run|serve|worker|demo|simulator)\b": "goes on until it is stopped; "
    "tests/webhooks/test_serve.py and test_demo.py start them",
    r"dueline init\b": "asks a Jira at a public address; tests/webhooks/test_init.py follows it",
    r"postgresql://": "needs a PostgreSQL server; tests/sla/store copies to one",
    r"^dueline doctor$": "wants the address of Dueline to be reached from outside; "
    "tests/webhooks/test_doctor.py asks it",
    r"^(docker|kubectl|helm)\b": "needs an engine or a cluster; tests/test_deploying.py reads "
    "what they are given",
    r"^(systemctl|chown|chmod|mkdir|python3|pip|\S+/bin/pip|cd)\b": "changes the machine",
    r"^(curl|export|OTEL_\w+=\S+)": "is for a service or a shell of the reader's own",
}
"""By pattern the commands that are shown and not run here, each with the reason."""
_STARTS = re.compile(rf"(\w+=\S+ )*(\.venv/bin/)?dueline\b|make\b|{'|'.join(NOT_RUN)}")
_MADE = re.compile(r"(?:\w+=\S+ )*(?:\.venv/bin/)?(dueline .*)")
_ANSWERED = {0, 3, 4, 5}
"""1 is a failure, 2 a command line that is not understood; the others are answers."""
MONDAY = utc("2026-11-02 15:00")


def commands(name: str) -> list[str]:
    """The commands of a page, in order, each once."""
    lines = [re.sub(r"^\.venv/bin/", "", line) for line in typed(name)]
    return [line for line in dict.fromkeys(lines) if _STARTS.match(line)]


def is_run(command: str) -> bool:
    return "dueline" in command and not any(re.search(each, command) for each in NOT_RUN)


def run_here(name: str) -> list[str]:
    """The commands of a page that are run whatever they print; the others are compared as well."""
    compared = {command for command, _ in with_output(name)}
    return [line for line in commands(name) if is_run(line) and line not in compared]


FOLLOWED = [page for page in PAGES if run_here(name_of(page))]


def run(command: str, made: World) -> Result:
    """A command as a shell would have it, at the world's instant."""
    variables, line = command.split("dueline ", 1)
    line = line.partition(" || ")[0]
    line, _, file = line.partition(" > ")
    settings = dict(each.split("=", 1) for each in variables.split())
    settings["DUELINE_DEMO_CLOCK"] = str(FastClock.starting(made.clock.at, 0.001))
    answer = CliRunner(env=settings).invoke(main, shlex.split(os.path.expandvars(line)))
    if file:
        Path(file).write_text(answer.stdout, encoding="utf-8")
    return answer


@contextmanager
def a_world(
    directory: Path, config: Path, patch: pytest.MonkeyPatch, at: datetime
) -> Iterator[World]:
    """A service with settings that commands find in the environment, and a directory to type in."""
    with world(
        directory, at, config=config, DUELINE_EDITS="apply", DUELINE_RECONCILE_MINUTES="0"
    ) as made:
        patch.chdir(directory)
        settings = made.settings
        for name, value in {
            "DATABASE_URL": settings.database_url.reveal(),
            "CONFIG": str(config),
            "EDITS": "apply",
            "RECONCILE_MINUTES": "0",
            "JIRA_URL": made.url,
            "JIRA_USER": "dueline@example.com",
            "JIRA_TOKEN": "simulator",
            "WEBHOOK_SECRET": "shared-with-jira",
        }.items():
            patch.setenv(f"DUELINE_{name}", value)
        yield made


# --- every page ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A world two weeks on, with what the pages speak of: issues, a directory, a contract."""
    directory = tmp_path_factory.mktemp("followed")
    with (
        pytest.MonkeyPatch.context() as patch,
        a_world(directory, ROOT / "config", patch, MONDAY) as made,
    ):
        fill(made)
        patch.setenv("MERGE_TITLE", "New terms")
        patch.setenv("MERGE_AUTHOR", "Ada")
        yield made


def fill(made: World) -> None:
    for project, priority in (("BIT", "Highest"), ("HLP", "High"), ("BIT", "Low")):
        key = made.report(project, priority=priority)
    made.jira.add_comment(key, "We look into it.", account=AGENT)
    made.jira.transition("BIT-1", "Done", account=AGENT)
    made.advance(timedelta(days=15))
    for command in ("dueline export support", "dueline plan support --json > plan.json"):
        assert run(command, made).exit_code == 0
    contract = Path("support/contracts/bitumio.yaml").read_text(encoding="utf-8")
    Path("tighter.yaml").write_text(contract.replace("target: 2h", "target: 1h"), encoding="utf-8")
    projects = Path("support/projects.yaml")
    projects.write_text(
        projects.read_text(encoding="utf-8").replace("75%", "70%"), encoding="utf-8"
    )


@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_every_command_of_a_page_does_what_it_is_for(place: World, page: Path) -> None:
    sealed = re.findall(r"the last one is (\w+)", run("dueline verify", place).output)
    for command in run_here(name_of(page)):
        answer = run(command.replace("HASH", *sealed), place)
        assert answer.exit_code in _ANSWERED, f"{command}\n{answer.output}"


def test_every_target_of_make_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):", read("Makefile"), re.MULTILINE))
    shown = {
        command.split()[1]
        for page in PAGES
        for command in commands(name_of(page))
        if command.startswith("make ")
    }
    assert {"run", "test", "docs"} <= shown <= targets


def test_what_is_not_run_is_shown_somewhere() -> None:
    shown = [command for page in PAGES for command in commands(name_of(page))]
    assert [each for each in NOT_RUN if not any(re.search(each, line) for line in shown)] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_command_and_option_that_is_named_is_one(page: Path) -> None:
    made = [found[1] for line in typed(name_of(page)) if (found := _MADE.match(line))]
    unknown = [line for line in [*made, *named_in_text(name_of(page))] if not _is_known(line)]
    assert unknown == []


def _is_known(line: str) -> bool:
    """Whether a line names a command, and only options that it has."""
    words = re.sub(r"[\[\]]", " ", line).split()[1:]
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        if words[0] == "COMMAND":
            return True
        below = command.commands.get(re.split(r"\\?\|", words.pop(0))[0])
        if below is None:
            return False
        command = below
    context = click.Context(command, help_option_names=["-h", "--help"])
    known = {
        name for each in command.get_params(context) for name in (*each.opts, *each.secondary_opts)
    }
    return {each.partition("=")[0] for each in words if each.startswith("--")} <= known


def test_every_script_can_be_read_by_a_shell() -> None:
    scripts = "\n".join(script for page in PAGES for script in examples(name_of(page), "sh"))
    assert subprocess.run(["bash", "-n"], input=scripts, text=True, check=False).returncode == 0  # noqa: S607


# --- a policy of one's own ----------------------------------------------------------------------


def test_a_policy_of_ones_own_comes_into_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = "docs/own-policy.md"
    first = tmp_path / "site"
    write(first, {"projects.yaml": _STANDARD})
    write(tmp_path / "support", {each.splitlines()[0][2:]: each for each in examples(page)})
    with a_world(tmp_path, first, monkeypatch, utc("2026-10-05 12:00")) as made:
        made.advance(timedelta(hours=1))
        key = made.report("HLP", priority="High", issuetype="Bug")
        for command, output in with_output(page):
            answer = run(command, made)
            assert answer.exit_code in _ANSWERED, f"{command}\n{answer.output}"
            assert as_shown(output).fullmatch(answer.output), f"{command}\n{answer.output}"
        made.settle()
        assert made.fields(key)["SLA policy"] == "lumen"


_STANDARD = """\
projects:
  HLP:
    contracts: [{contract: standard}]
    severities: [{severity: Medium}]
parameters:
  standard: {holidays: [{library: {country: US, categories: [public]}}]}
"""


def write(directory: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text(text, encoding="utf-8")
