"""How promises were kept, counted: commitments apart from goals."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from connector.simulator import AGENT
from tests.scenarios.world import utc, world
from webhooks.cli import main


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """After a Severity 1 answered in time, an Enterprise request answered late, and an open one."""
    directory = tmp_path_factory.mktemp("report")
    with world(directory, utc("2024-07-10 13:00")) as there:
        in_time = there.report("BIT", priority="Medium")
        late = there.report("HLP", {"Support plan": "Enterprise"}, priority="High")
        there.advance(timedelta(hours=1))
        for key in (in_time, late):
            there.jira.add_comment(key, "We are on it.", account=AGENT)
        there.settle()
        there.report("HLP", {"Support plan": "Enterprise"}, priority="Low")
    return {"DUELINE_DATABASE_URL": f"sqlite:///{directory / 'dueline.sqlite3'}"}


def report(environment: dict[str, str], *arguments: str) -> str:
    result = CliRunner().invoke(main, ["report", *arguments], env=environment)
    assert (result.exit_code, result.stderr) == (0, "")
    return result.stdout


def counted(environment: dict[str, str], *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(report(environment, "--json", *arguments))
    return found


def test_commitments_come_apart_from_goals(environment: dict[str, str]) -> None:
    lines = [
        (line["binding"], line["contract"], line["severity"], line["met"], line["breached"])
        for line in counted(environment)
    ]
    assert lines == [
        ("commitment", "bitumio", "Severity 2", 1, 0),
        ("goal", "enterprise", "High", 0, 1),
        ("goal", "enterprise", "Low", 0, 0),
    ]
    assert [line["open"] for line in counted(environment)] == [0, 0, 1]


def test_a_month_holds_what_started_in_it(environment: dict[str, str]) -> None:
    assert counted(environment, "--month", "2024-07") == counted(environment)
    assert counted(environment, "--month", "2024-08") == []


def test_a_table_for_people(environment: dict[str, str]) -> None:
    shown = report(environment)
    assert "enterprise" in shown
    assert "100.0" in shown
    assert report(environment, "--month", "2024-08") == "No promise was made in that time.\n"


def test_a_month_that_is_none(environment: dict[str, str]) -> None:
    result = CliRunner().invoke(main, ["report", "--month", "July"], env=environment)
    assert (result.exit_code, result.stderr[:22]) == (1, "month: 'July' is not o")
