"""What the documentation shows works as written."""

from __future__ import annotations

import re
from pathlib import Path

from click.testing import CliRunner

from config.loader import load
from config.settings import Settings
from webhooks.cli import main

ROOT = Path(__file__).parent.parent


def test_the_examples_of_the_configuration_page_are_a_configuration(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    projects, contract, calendar, site = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    for name, example in {
        "projects.yaml": projects,
        "contracts/acme.yaml": contract,
        "calendars/acme-hours.yaml": calendar,
        "calendars/office.ics": "BEGIN:VCALENDAR\nEND:VCALENDAR\n",
        "site.yaml": site,
    }.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(example, encoding="utf-8")
    configuration = load(tmp_path)
    assert set(configuration.policy.projects) == {"HLP"}
    assert "overdue since" in configuration.site.wording["breach"]


def test_the_readme_names_every_command_and_setting() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = main.commands.keys() - {"run"}
    assert {name for name in commands if f"`dueline {name}" not in readme} == set()
    code = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    settings = set(re.findall(r"\"(DUELINE_[A-Z_]+)\"", code))
    assert {name for name in settings if name not in readme} == set()
    assert Settings.from_environment({}).port == 8090


def test_the_question_that_the_readme_asks_is_answered() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (arguments,) = re.findall(r"^    \.venv/bin/dueline (deadline .*)$", readme, re.MULTILINE)
    answer = CliRunner().invoke(main, arguments.split())
    assert answer.exit_code == 0
    assert "due: Thu 11 Jul 2024 09:00 EDT = 2024-07-11T13:00:00Z" in answer.output
