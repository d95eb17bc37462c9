"""The command line as people type it: what it prints, how it ends, and what it never prints."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from config.settings import SHIPPED
from connector.simulator import AGENT, DUELINE, Simulator, running
from sla.store import audit, inbox
from sla.store.audit import Wanted
from sla.store.database import Database
from tests.scenarios.world import utc, world
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database
from webhooks import cli, demo
from webhooks import serve as serving

COMMANDS = ("serve", "demo", "simulator", "setup", "check", "deadline", "clock", "explain", "run")
PLANTED = {
    "DUELINE_JIRA_TOKEN": "planted-t0ken",
    "DUELINE_WEBHOOK_SECRET": "planted-secret",
}
ASKED = ["deadline", "--project", "BOT", "--created", "2024-07-10T12:00:00Z"]


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings but the test's own, and no file left behind in the checkout."""
    for name in [name for name in os.environ if name.startswith("DUELINE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def run(*arguments: str, env: Mapping[str, str] | None = None, given: str | None = None) -> Result:
    return CliRunner().invoke(cli.main, arguments, env=dict(env or {}), input=given)


def failed(result: Result) -> str:
    """The message of a command that failed in an orderly way."""
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit), result.exception
    assert result.stdout == ""
    return result.stderr


def test_help_lists_every_command() -> None:
    result = run("--help")
    assert result.exit_code == 0
    listed = {line.split()[0] for line in result.stdout.partition("Commands:")[2].splitlines()[1:]}
    assert listed >= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    for flag in ("-h", "--help"):
        result = run(command, flag)
        assert result.exit_code == 0
        assert result.stdout.startswith(f"Usage: main {command}")


def test_a_command_that_there_is_not() -> None:
    assert run("chekc").exit_code == 2


# -- check -----------------------------------------------------------------------------------------


def test_check_of_the_shipped_directory_is_a_summary() -> None:
    result = run("check", str(SHIPPED))
    assert (result.exit_code, result.stderr) == (0, "")
    assert "contract 1: enterprise, tier Enterprise (Support plan Enterprise)" in result.stdout
    assert "39 clauses:" in result.stdout
    assert "not in force: the parameter `support-hours` of balto is not set" in result.stdout
    # Without a directory, the one in the settings; without those, the shipped one.
    assert run("check").stdout == result.stdout
    assert run("check", env={"DUELINE_CONFIG": str(SHIPPED)}).stdout == result.stdout


def test_check_of_a_faulty_directory_names_every_place(tmp_path: Path) -> None:
    projects = "projects:\n  BOT:\n    contracts: [{ contract: botrom }]\n    severities: []\n"
    (tmp_path / "projects.yaml").write_text(projects, encoding="utf-8")
    (tmp_path / "site.yaml").write_text("fields: 1\n", encoding="utf-8")
    said = failed(run("check", str(tmp_path))).splitlines()
    places = [line.partition(": ")[0] for line in said]
    assert all(place.startswith(f"{tmp_path}/") for place in places)
    assert {place.rpartition("/")[2].split(":")[0] for place in places} == {
        "projects.yaml", "site.yaml",
    }  # fmt: skip
    assert all(number.isdecimal() for place in places for number in place.split(":")[-2:])


def test_check_of_no_directory(tmp_path: Path) -> None:
    assert "is no directory" in failed(run("check", str(tmp_path / "nowhere")))


# -- deadline --------------------------------------------------------------------------------------


def test_deadline_as_json() -> None:
    result = run(*ASKED, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "project": "BOT",
        "contract": "botron",
        "tier": None,
        "severity": "All",
        "covered": True,
        "reason": (
            "project BOT: contract rule 1 (always) gives botron, severity rule 1 (always) gives All"
        ),
        "metrics": [
            {
                "metric": "first_response",
                "target": "1 business day",
                "calendar": "botron",
                "due_at": "2024-07-11T12:00:00Z",
            }
        ],
    }


def test_deadline_in_words() -> None:
    result = run(*ASKED)
    assert result.exit_code == 0
    assert "  due: Thu 11 Jul 2024 12:00 GMT = 2024-07-11T12:00:00Z\n" in result.stdout


def test_deadline_of_a_project_in_no_mapping_names_the_nearest() -> None:
    result = run("deadline", "--project", "BITT", "--created", "2024-07-10T12:00:00Z")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-2:] == [
        "Because: project BITT is in no mapping",
        "The mapping has no BITT: did you mean `BIT`? there are: BAL, BIT, BOT, BTL, HLP",
    ]


def test_deadline_of_other_fields() -> None:
    result = run(
        "deadline", "--project", "HLP", "--type", "Bug", "--priority", "High", "--json",
        "--created", "2024-07-10T12:00:00Z", "--field", "Support plan=Enterprise",
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert (found["contract"], found["tier"], found["severity"]) == (
        "enterprise", "Enterprise", "High",
    )  # fmt: skip
    assert found["metrics"][0]["due_at"] == "2024-07-10T12:30:00Z"


def test_deadlines_line_by_line() -> None:
    good = json.dumps({"project": "BOT", "created": "2024-07-10T12:00:00Z"})
    result = run("deadline", "--jsonl", given=f"{good}\nnonsense\n\n{good}\n")
    assert result.exit_code == 0
    answers = [json.loads(line) for line in result.stdout.splitlines()]
    assert [answer.get("contract") for answer in answers] == ["botron", None, "botron"]
    assert answers[1] == {"error": "not JSON: Expecting value: line 1 column 1 (char 0)"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--project and --created are needed (or --jsonl)"),
        (["--project", "BOT"], "--project and --created are needed"),
        ([*ASKED[1:], "--field", "Support plan"], 'write it as "Support plan=Enterprise"'),
        ([*ASKED[1:], "--field", "=Enterprise"], 'write it as "Support plan=Enterprise"'),
    ],
)
def test_deadline_asked_wrongly(arguments: list[str], message: str) -> None:
    result = run("deadline", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


@pytest.mark.parametrize(
    ("created", "message"),
    [
        ("yesterday", "created: 'yesterday' is not an instant; expected ISO 8601 with an offset"),
        ("2024-07-10T12:00:00", "is not an instant; expected ISO 8601 with an offset"),
        ("1900-01-01T00:00:00Z", "calendars answer from 1970 to 2200"),
    ],
)
def test_deadline_of_an_instant_that_cannot_be(created: str, message: str) -> None:
    assert message in failed(run("deadline", "--project", "BOT", "--created", created))


def test_a_question_with_half_a_character_spoils_no_other() -> None:
    """JSON can name half of a surrogate pair; it must not end the stream when it is shown."""
    good = json.dumps({"project": "BOT", "created": "2024-07-10T12:00:00Z"})
    result = run("deadline", "--jsonl", given=f'{{"project": "\\ud800"}}\n{good}\n')
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 2


# -- clock -----------------------------------------------------------------------------------------


@pytest.fixture
def calendars(tmp_path: Path) -> str:
    path = tmp_path / "calendars.json"
    path.write_text('{"always": {"time_zone": "UTC", "always_open": true}}', encoding="utf-8")
    return str(path)


def test_clock_answers_line_by_line(calendars: str) -> None:
    question = {"id": 1, "op": "due", "calendar": "always", "start": "2024-07-10T12:00:00Z"}
    lines = [json.dumps(question | {"seconds": 60}), "nonsense", json.dumps({"id": "\ud800"})]
    result = run("clock", "--calendars", calendars, given="\n".join(lines))
    assert result.exit_code == 0
    first, second, third = map(json.loads, result.stdout.splitlines())
    assert first == {"id": 1, "result": "2024-07-10T12:01:00Z"}
    assert second == {"id": None, "error": "not JSON: Expecting value: line 1 column 1 (char 0)"}
    assert third["id"] == "\ud800"


def test_clock_on_a_file_that_holds_no_calendars(tmp_path: Path) -> None:
    (tmp_path / "c.json").write_text("[]", encoding="utf-8")
    assert "expected an object that maps" in failed(run("clock", "--calendars", "c.json"))


@pytest.mark.parametrize("arguments", [[], ["--calendars", "none.json"]])
def test_clock_without_calendars(arguments: list[str]) -> None:
    assert run("clock", *arguments).exit_code == 2


# -- serve, run, simulator, demo -------------------------------------------------------------------


@pytest.mark.parametrize("command", ["serve", "setup"])
def test_settings_that_are_missing_are_named(command: str) -> None:
    arguments = [command, "--webhook-url", "http://x/"] if command == "setup" else [command]
    said = failed(run(*arguments)).splitlines()
    assert [line.split()[0] for line in said] == [
        "DUELINE_JIRA_URL", "DUELINE_JIRA_TOKEN", "DUELINE_WEBHOOK_SECRET",
    ]  # fmt: skip


def test_a_setting_that_is_wrong_is_named_without_its_value() -> None:
    wrong = {"DUELINE_JIRA_URL": "planted.example.com", "DUELINE_PORT": "http"}
    said = failed(run("serve", env=PLANTED | wrong)).splitlines()
    assert [line.split()[0] for line in said] == ["DUELINE_JIRA_URL", "DUELINE_PORT"]
    assert "planted" not in "\n".join(said)


def test_serve_says_where_jira_shall_post(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Any] = []
    monkeypatch.setattr(serving, "serve", lambda settings, *_, **__: served.append(settings))
    access = PLANTED | {"DUELINE_JIRA_URL": "http://jira.test", "DUELINE_PORT": "9999"}
    result = run("serve", env=access)
    assert result.exit_code == 0
    assert "Webhooks to http://127.0.0.1:9999/webhooks/jira" in result.stderr
    assert "planted" not in result.output
    assert [settings.port for settings in served] == [9999]


def test_run_serves_when_a_jira_is_set_and_else_is_the_demo(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[tuple[str, object]] = []
    monkeypatch.setattr(
        serving, "serve", lambda settings, *_, **__: ran.append(("serve", settings.port))
    )
    monkeypatch.setattr(demo, "run_demo", lambda _at, speed, _port: ran.append(("demo", speed)))
    assert "simulated Jira" in run("run").stdout
    run("run", env=PLANTED | {"DUELINE_JIRA_URL": "http://jira.test"})
    assert ran == [("demo", 120.0), ("serve", 8090)]


def test_the_demo_that_cannot_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    assert "--at now: not an instant" in failed(run("demo", "--at", "now"))
    assert run("demo", "--speed", "0").exit_code == 2


def test_the_simulator_is_told_where_and_which(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[object, ...]] = []
    monkeypatch.setattr(demo, "run_simulator", lambda *told: ran.append(told))
    run("simulator")
    run("simulator", "--host", "0.0.0.0", "--port", "9", "--flavour", "datacenter")  # noqa: S104
    assert ran == [("127.0.0.1", 8080, "cloud"), ("0.0.0.0", 9, "datacenter")]  # noqa: S104
    assert run("simulator", "--port", "0").exit_code == 2
    assert run("simulator", "--flavour", "server").exit_code == 2


# -- setup -----------------------------------------------------------------------------------------


@pytest.fixture
def access() -> Iterator[dict[str, str]]:
    sim = Simulator(now=lambda: NINE)
    with running(sim) as url:
        yield {
            "DUELINE_JIRA_URL": url,
            "DUELINE_JIRA_USER": DUELINE,
            "DUELINE_JIRA_TOKEN": "simulator",
            "DUELINE_WEBHOOK_SECRET": "planted-secret",
        }


def test_setup_can_be_run_again(access: dict[str, str]) -> None:
    hook = "https://dueline.example.com/webhooks/jira"
    first, second = (run("setup", "--webhook-url", hook, env=access) for _ in range(2))
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert first.stdout.count(", made\n") == 8
    assert second.stdout.count(", there already\n") == 8
    assert "planted" not in first.output + second.output


def test_setup_that_jira_refuses(access: dict[str, str]) -> None:
    result = run("setup", env=access | {"DUELINE_JIRA_TOKEN": "planted-wrong"})
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "planted" not in result.output


def test_setup_where_nobody_answers() -> None:
    access = PLANTED | {"DUELINE_JIRA_URL": "http://127.0.0.1:9", "DUELINE_JIRA_USER": "x@y.z"}
    result = run("setup", env=access)
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert "planted" not in result.output


# -- explain ---------------------------------------------------------------------------------------


def test_explain_shows_promise_steps_and_what_was_said(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-10 19:00")) as there:
        key = there.report("BIT", priority="Highest")
        there.advance(utc("2024-07-10 21:30"))
        there.jira.add_comment(key, "We are on it.", account=AGENT)
        there.settle()
        env = {"DUELINE_DATABASE_URL": f"sqlite:///{tmp_path / 'dueline.sqlite3'}"}
        result = run("explain", key, env=env)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "BIT-1 (Jira id 10000)"
    assert "  due: Wed 10 Jul 2024 17:00 EDT = 2024-07-10T21:00:00Z" in lines
    assert "  state: breached" in lines
    assert [line for line in lines if line.startswith("  ended: Wed 10 Jul 2024 17:30 EDT: public")]
    promised = lines[lines.index("As promised, when it was promised:") + 1]
    assert promised == (
        "  2024-07-10T19:00:00Z: first_response 1 within 2h (bitumio, Severity 1), "
        "due 2024-07-10T21:00:00Z"
    )
    said = lines[lines.index("Said in Jira:") + 1 :]
    assert [line.split()[1] for line in said[:4]] == [
        "acknowledgement", "first_response/1/warning-75%", "first_response/1/breach",
        "first_response/1/level-1",
    ]  # fmt: skip
    assert all("(sent, comment " in line for line in said)


def test_explain_of_an_issue_that_was_never_heard_of(tmp_path: Path) -> None:
    path = tmp_path / "dueline.sqlite3"
    environment = {"DUELINE_DATABASE_URL": f"sqlite:///{path}"}
    said = failed(run("explain", "BOT-1", env=environment))
    assert said == f"{path}: there is no database; DUELINE_DATABASE_URL names it\n"
    assert not path.exists()
    new_database(tmp_path).close()
    said = failed(run("explain", "BOT-1", env=environment))
    assert said == "BOT-1: nothing was heard of this issue; check the key and the webhook\n"


@pytest.mark.parametrize(
    "address", ["sqlite:////no/such/directory/x.sqlite3", "postgresql://u:planted@host/name"]
)
@pytest.mark.parametrize("arguments", [["explain", "BOT-1"], ["inbox"]])
def test_a_database_that_cannot_be_used_is_said(arguments: list[str], address: str) -> None:
    said = failed(run(*arguments, env={"DUELINE_DATABASE_URL": address}))
    assert "planted" not in said


def test_schema_prints_a_json_schema() -> None:
    for document in ("contract", "calendar", "projects", "site"):
        shown = json.loads(run("schema", document).output)
        assert shown["$schema"].startswith("https://json-schema.org/")


@pytest.fixture
def set_aside(tmp_path: Path) -> dict[str, str]:
    """Of a database that holds three deliveries which nothing could be made of."""
    database = new_database(tmp_path)
    for number in (1, 2, 3):
        database.write(lambda c, n=number: inbox.keep(c, "default", str(n), b"{", NINE))  # type: ignore[misc]
        database.write(
            lambda c, n=number: inbox.handled(c, n, "not_understood", "The body is no JSON.", None)  # type: ignore[misc]
        )
    database.close()
    return {"DUELINE_DATABASE_URL": f"sqlite:///{tmp_path / 'dueline.sqlite3'}"}


def test_inbox_shows_what_was_set_aside_and_puts_it_back(set_aside: dict[str, str]) -> None:
    assert run("inbox", env=set_aside).output.splitlines() == [
        "3 not_understood",
        *(
            f"{number}  2024-07-10T13:00:00Z  not_understood: The body is no JSON."
            for number in (3, 2, 1)
        ),
    ]
    assert run("inbox", "--replay", "2", env=set_aside).output == (
        "delivery 2 is to be tried again\n"
    )
    assert "2 to be tried again" in run("inbox", "--replay", env=set_aside).output
    assert run("inbox", env=set_aside).output == "3 new\n"


def test_a_delivery_that_is_dismissed_is_left_as_it_is_and_who_did_it_is_recorded(
    set_aside: dict[str, str],
) -> None:
    said = run("inbox", "--dismiss", "1", "3", "1", env=set_aside)
    assert said.output == "delivery 1 is dismissed\ndelivery 3 is dismissed\n"
    assert run("inbox", env=set_aside).output.splitlines() == [
        "2 done, 1 not_understood",
        "2  2024-07-10T13:00:00Z  not_understood: The body is no JSON.",
    ]
    # Of one that is dismissed, or never was, none of the others is touched.
    for number in ("3", "4", str(2**63 - 1)):
        refused = failed(run("inbox", "--dismiss", "2", number, env=set_aside))
        assert f"delivery {number} is not among those that were set aside" in refused
    assert "1 not_understood" in run("inbox", env=set_aside).output
    database = Database(set_aside["DUELINE_DATABASE_URL"])
    try:
        kept = database.read(lambda c: inbox.one(c, "default", 1, 9))
        noted = database.read(lambda c: audit.listed(c, "default", Wanted(), 9))
    finally:
        database.close()
    assert kept
    assert (kept.state, kept.note, kept.beginning) == ("done", "dismissed by Command line", b"{")
    assert [(each.actor, each.action, each.subject, each.detail) for each in noted] == [
        ("command line", "dismissed", f"delivery {number}", {"why": "The body is no JSON."})
        for number in (3, 1)
    ]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--dismiss"], "--dismiss goes with the numbers of deliveries"),
        (["1"], "numbers go with --replay or --dismiss"),
        (["--replay", "--dismiss", "1"], "a delivery is tried again or dismissed: give one"),
        (["--dismiss", "0"], "0 is not in the range"),
    ],
)
def test_what_inbox_is_to_do_with_which_is_said(
    set_aside: dict[str, str], arguments: list[str], told: str
) -> None:
    refused = run("inbox", *arguments, env=set_aside)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert "3 not_understood" in run("inbox", env=set_aside).output
