"""The downtime ledger and the month's credit, by the commands that people type."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from webhooks.cli import main

# 336 business minutes: 06:00 to 11:36 in Chicago, in summer five hours behind UTC.
DOWN = "2026-09-01T06:00-05:00/2026-09-01T11:36-05:00"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A directory in which a service has been."""
    there = {"DUELINE_DATABASE_URL": f"sqlite:///{tmp_path / 'dueline.sqlite3'}"}
    assert run(there, "migrate").exit_code == 0
    return there


def run(environment: dict[str, str], *arguments: str) -> Result:
    return CliRunner().invoke(main, arguments, env=environment, catch_exceptions=False)


def uptime(environment: dict[str, str], *more: str) -> dict[str, object]:
    result = run(environment, "uptime", "--month", "2026-09", "--json", *more)
    assert (result.exit_code, result.stderr) == (0, "")
    found: dict[str, object] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    "command",
    [
        "uptime --month 2026-09",
        "downtime list",
        "downtime add --confirmed 2026-09-08T08:00-05:00",
        "downtime close 1 --restored 2026-09-08T13:36-05:00",
        "downtime remove 1",
        "report",
        "outbox",
        "inbox",
        "explain HLP-1",
        "history",
        "forget somebody",
    ],
)
def test_where_no_service_has_been_nothing_is_answered_and_no_database_made(
    tmp_path: Path, command: str
) -> None:
    file = tmp_path / "dueline.sqlite3"
    result = run({"DUELINE_DATABASE_URL": f"sqlite:///{file}"}, *command.split())
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == f"{file}: there is no database; DUELINE_DATABASE_URL names it\n"
    assert not file.exists()


@pytest.mark.parametrize(("basis", "amount"), [((), "223.33"), (("--basis", "all"), "83.33")])
def test_the_credit_of_the_worked_example(
    environment: dict[str, str], basis: tuple[str, ...], amount: str
) -> None:
    asked = ("uptime", "--month", "2026-09", "--customer", "Acme", "--fee", "3000", "--down", DOWN)
    result = run(environment, *asked, *basis)
    assert result.exit_code == 0
    assert amount in result.stdout
    assert "336" in result.stdout


def test_what_is_entered_counts_until_it_is_taken_away(environment: dict[str, str]) -> None:
    before = uptime(environment)
    start, end = DOWN.split("/")
    entered = run(environment, "downtime", "add", "--confirmed", start, "--note", "no dial tone")
    assert entered.stdout.startswith(
        "entered 1: balto; 2026-09-01T11:00:00Z to still down; no dial"
    )
    closed = run(environment, "downtime", "close", "1", "--restored", end)
    assert "2026-09-01T16:36:00Z" in closed.stdout
    assert run(environment, "downtime", "list").stdout == closed.stdout
    assert uptime(environment)["down_minutes"] == "336"
    assert run(environment, "downtime", "remove", "1").stdout.startswith("removed entered 1")
    assert uptime(environment) == before


def test_a_customer_that_was_not_hit_gets_nothing(environment: dict[str, str]) -> None:
    start, end = DOWN.split("/")
    run(environment, "downtime", "add", "--confirmed", start, "--restored", end,
        "--customer", "Globex")  # fmt: skip
    assert uptime(environment, "--customer", "Globex")["down_minutes"] == "336"
    assert uptime(environment, "--customer", "Acme")["down_minutes"] == "0"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("uptime", "--month", "2026-13"), "month: '2026-13' is not one"),
        (("uptime", "--month", "2026-09", "--contract", "botron"), "contract: botron is not one"),
        (("uptime", "--month", "2026-09", "--fee", "much"), "fee: 'much' is no amount"),
        (("uptime", "--month", "2026-09", "--down", "now"), "down 'now': expected FROM/TO"),
        (("uptime", "--month", "2026-09", "--fact", "rich=yes"), "fact 'rich=yes': no such"),
        (
            ("uptime", "--month", "2026-09", "--contract", "bitumio", "--fact", "a=yes"),
            "fact: bitumio gives no credit",
        ),
        (("downtime", "add", "--confirmed", "yesterday"), "confirmed: 'yesterday' is not an"),
        (("downtime", "close", "7", "--restored", "2026-09-01T10:00Z"), "entered 7: there is no"),
        (("downtime", "remove", "7"), "entered 7: there is no such entry"),
    ],
)
def test_what_cannot_be_done_is_refused(
    environment: dict[str, str], arguments: tuple[str, ...], said: str
) -> None:
    result = run(environment, *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(said)
