"""One command says what is wrong with an installation, for people and for monitoring."""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import responses
from click.testing import CliRunner
from rich.console import Console
from sqlalchemy import Connection, update
from werkzeug.serving import make_server

from config.configuration import Configuration
from config.loader import load
from config.settings import SHIPPED, Settings
from connector.examination.finding import Check, Finding, conclusions, passed
from connector.facts import Json
from connector.simulator import CUSTOMER, DUELINE, Rule, Simulator, running
from sla.store import holds, inbox, issues
from sla.store.database import Database
from sla.store.holds import Hold
from sla.store.migrate import migrate
from sla.store.outbox import Written
from sla.store.schema import inbox as inbox_table
from tests.sla.example import NINE
from webhooks import doctor, round_trip
from webhooks.app import create_app
from webhooks.cli import main
from webhooks.doctor import Report, examined
from webhooks.publishing import InForce
from webhooks.service import Service
from webhooks.set_up import set_up_jira

PROJECTS = """\
projects:
  BOT:
    contracts: [{contract: botron}]
    severities: [{severity: All}]
  BIT:
    contracts: [{contract: botron}]
    severities: [{severity: All}]
"""
ROOT = Path(__file__).parent.parent.parent


@lru_cache
def _configuration(projects: str) -> Configuration:
    """What a directory with this mapping alone means."""
    with TemporaryDirectory() as directory:
        (Path(directory) / "projects.yaml").write_text(projects, encoding="utf-8")
        return load(Path(directory))


class Clock:
    def __init__(self) -> None:
        self.at = NINE

    def now(self) -> datetime:
        return self.at

    def real_time(self, at: datetime) -> datetime:
        return at


@dataclass
class Installation:
    """A Dueline that runs beside a Jira; nothing is delivered but by `jira.deliver`."""

    jira: Simulator
    env: dict[str, str]
    clock: Clock
    database: Database
    pauses: list[float] = field(default_factory=list)

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.jira.deliver()

    def report(self, issue: str | None = None, **env: str) -> Report:
        return examined({**self.env, **env}, self.clock.now, issue=issue, pause=self.pause)

    def findings(self, issue: str | None = None, **env: str) -> dict[str, Finding]:
        return {each.id: each.finding for each in self.report(issue, **env).conclusions}


@pytest.fixture(params=["cloud", "datacenter"])
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    clock = Clock()
    jira = Simulator(now=clock.now, flavour=request.param)
    with running(jira) as url:
        env = {
            "DUELINE_JIRA_URL": url,
            "DUELINE_JIRA_USER": DUELINE,
            "DUELINE_JIRA_TOKEN": "simulator",
            "DUELINE_WEBHOOK_SECRET": "planted-older,planted-newest",
            "DUELINE_DATABASE_URL": f"sqlite:///{tmp_path}/ledger.sqlite3",
            "DUELINE_CONFIG": str(tmp_path / "config"),
        }
        (tmp_path / "config").mkdir()
        (tmp_path / "config" / "projects.yaml").write_text(PROJECTS, encoding="utf-8")
        with _serving(Settings.from_environment(env), clock) as (port, database):
            env["DUELINE_PORT"] = str(port)
            env["DUELINE_PUBLIC_URL"] = f"http://127.0.0.1:{port}"
            hook = f"http://127.0.0.1:{port}/webhooks/jira"
            settings, configuration = Settings.from_environment(env), _configuration(PROJECTS)
            list(set_up_jira(settings, configuration.site.fields, hook))
            for project in configuration.policy.projects:
                jira.create_issue(project=project, summary="Help", account=CUSTOMER)
            jira.deliver()
            yield Installation(jira, env, clock, database)


@contextmanager
def _serving(settings: Settings, clock: Clock) -> Iterator[tuple[int, Database]]:
    service = Service(settings, InForce(_configuration(PROJECTS)), clock)
    server = make_server("127.0.0.1", 0, create_app(service), threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        service.keep_contact()
        yield server.server_port, service.database
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        service.close()


# --- the whole --------------------------------------------------------------------------------


def test_an_installation_as_it_should_be(installed: Installation) -> None:
    report = installed.report()
    assert [each.id for each in report.conclusions if each.finding.state == "failed"] == []
    assert (report.state, report.exit_status) == ("passed", 0)


def test_what_failed_is_told_to_monitoring(installed: Installation) -> None:
    report = installed.report(DUELINE_JIRA_TOKEN="planted-wrong")
    told = json.loads(report.as_json())
    assert (told["state"], report.exit_status) == ("failed", 1)
    states = [each["state"] for each in told["checks"]]
    assert {state: states.count(state) for state in ("passed", "failed", "unknown")} == {
        state: told[state] for state in ("passed", "failed", "unknown")
    }
    assert {frozenset(each) for each in told["checks"]} == {
        frozenset({"id", "title", "state", "detail", "remedy"})
    }
    assert all(each["remedy"].endswith(".") for each in told["checks"] if each["state"] == "failed")
    assert "planted" not in report.as_json()


def test_what_is_accepted_does_not_count(installed: Installation) -> None:
    installed.jira.deny(DUELINE, "ADMINISTER")
    installed.jira.deny(DUELINE, "ADMINISTER_PROJECTS")
    report = installed.report()
    assert report.exit_status == 1
    for accepted in ({"notify_users"}, {"notify_users:BOT", "notify_users:BIT"}):
        assert replace(report, accepted=frozenset(accepted)).exit_status == 0
    assert replace(report, accepted=frozenset({"notify_users:BOT"})).exit_status == 1


def test_where_settings_are_missing_it_is_told_all_the_same() -> None:
    ran = CliRunner(env=dict.fromkeys(VARIABLES)).invoke(main, ["doctor", "--json"])
    told = json.loads(ran.stdout)
    assert (told["state"], ran.exit_code) == ("not_run", 2)
    first, *others = told["checks"]
    assert first["id"] == "settings"
    assert "DUELINE_JIRA_URL is not set" in first["detail"]
    assert {each["state"] for each in others} == {"unknown"}
    assert all("“Settings” did not pass" in each["detail"] for each in others)


def test_the_command_shows_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = CliRunner(env=dict.fromkeys(VARIABLES)).invoke(main, ["doctor"])
    assert ran.exit_code == 2
    assert "Settings" in ran.stdout
    assert "dueline init" in ran.stdout


VARIABLES = (
    "DUELINE_JIRA_URL", "DUELINE_JIRA_USER", "DUELINE_JIRA_TOKEN", "DUELINE_WEBHOOK_SECRET",
)  # fmt: skip


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_table_is_no_wider_than_its_terminal(installed: Installation, width: int) -> None:
    out = io.StringIO()
    installed.report().show(Console(file=out, width=width, color_system=None))
    lines = out.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    # What holds for several projects alike stands in one row.
    assert len([line for line in lines if "Edits without e-mails" in line]) <= 1
    assert re.search(r"\d+ passed, 0 failed, \d+ unknown", lines[-1])


def test_what_was_not_looked_at_stands_in_one_row(installed: Installation) -> None:
    out = io.StringIO()
    report = installed.report(DUELINE_JIRA_TOKEN="planted-wrong")
    report.show(Console(file=out, width=140, color_system=None))
    assert out.getvalue().count("Not looked at, since “Account” did not pass.") == 1
    assert all(title in out.getvalue() for title in ("Clock", "Webhook", "Deliveries"))


def test_words_of_jira_are_no_markup() -> None:
    check = Check("a", "A", lambda: [passed("Jira says [red]stop[/nothing].")])
    out = io.StringIO()
    Report(tuple(conclusions([check]))).show(Console(file=out, width=80, color_system=None))
    assert "[red]stop[/nothing]" in out.getvalue()


def test_a_check_that_breaks_is_unknown_and_the_others_are_made() -> None:
    def breaks() -> Iterator[Finding]:
        yield from map(_divide, [0])

    [said] = conclusions([doctor._guarded(Check("a", "A", breaks))])
    assert said.finding.state == "unknown"
    assert "ZeroDivisionError" in said.finding.detail


def _divide(by: int) -> Finding:
    return passed(str(1 // by))


def test_every_check_is_documented(installed: Installation) -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    ids = {each.check.id for each in installed.report().conclusions}
    assert ids == set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))


# --- ourselves --------------------------------------------------------------------------------


def test_a_faulty_configuration_leaves_the_rest_to_be_looked_at(
    installed: Installation, tmp_path: Path
) -> None:
    (tmp_path / "projects.yaml").write_text("projects: []\n", encoding="utf-8")
    found = installed.findings(DUELINE_CONFIG=str(tmp_path))
    assert found["configuration"].state == "failed"
    assert f"dueline check {tmp_path}" in found["configuration"].remedy
    assert found["account"].state == "passed"
    assert found["fields"].state == "unknown"


def test_what_is_in_force_is_looked_at_wherever_the_database_decides(
    installed: Installation, tmp_path: Path
) -> None:
    (tmp_path / "new" / "contracts").mkdir(parents=True)
    shipped = (SHIPPED / "contracts" / "botron.yaml").read_text(encoding="utf-8")
    (tmp_path / "new" / "contracts" / "mine.yaml").write_text(
        shipped.replace("contract: botron", "contract: mine", 1), encoding="utf-8"
    )
    rule = "contracts: [{contract: mine, status: Dnoe, fields: {Plant: North}}]"
    projects = PROJECTS.replace("contracts: [{contract: botron}]", rule, 1)
    (tmp_path / "new" / "projects.yaml").write_text(projects, encoding="utf-8")
    environment = {**installed.env, "DUELINE_EDITS": "apply"}
    runner = CliRunner(env=environment)
    before = runner.invoke(main, ["doctor", "--json"])
    assert "Every field that a rule asks for is there." in before.stdout
    arguments = ["--reason", "more", "--keep", "--yes"]
    applied = runner.invoke(main, ["apply", str(tmp_path / "new"), *arguments])
    assert applied.exit_code == 0, applied.output
    version = load(tmp_path / "new").policy.version

    # By files the directory decides; by the database what was applied, as the service does.
    found = installed.findings(DUELINE_EDITS="apply")
    assert f"Looked at: version 2 ({version}), which is in force" in found["configuration"].detail
    assert "“Plant”" in found["rule_fields"].detail
    assert "“Dnoe” (nearest: “Done”)" in found["statuses:BOT"].detail
    found = installed.findings(DUELINE_EDITS="files")
    assert found["configuration"].detail.startswith(f"{tmp_path}/config can be read")
    assert found["rule_fields"].state == found["statuses:BOT"].state == "passed"
    given = examined(environment, installed.clock.now, directory=tmp_path / "config")
    said = {each.id: each.finding for each in given.conclusions}
    assert said["configuration"].detail == found["configuration"].detail

    question = [
        "deadline", "--project", "BOT", "--created", "2026-10-02T18:00+02:00",
        "--field", "Plant=North", "--field", "status=Dnoe",
    ]  # fmt: skip
    asked = runner.invoke(main, question)
    assert f"By version 2 ({version}), which is in force:" in asked.stderr
    assert "gives mine" in asked.stdout
    asked = runner.invoke(main, [*question, "--directory", str(tmp_path / "config")])
    assert (asked.stderr, "gives botron" in asked.stdout) == ("", True)
    checked = runner.invoke(main, ["check"]).stdout
    assert checked.startswith(f"This is version 2 ({version}), which is in force.\n")
    of_directory = runner.invoke(main, ["check", str(tmp_path / "new")]).stdout
    summed_up = checked.partition("\n\n")[2].partition("warning: ")[0]
    assert summed_up == of_directory.partition("warning: ")[0]
    assert checked.count("warning: ") == of_directory.count("warning: ") > 0
    assert str(tmp_path) not in checked
    register = runner.invoke(main, ["check", "--contract", "mine"]).stdout
    assert (
        register.partition("\n\n")[2]
        == runner.invoke(main, ["check", str(tmp_path / "new"), "--contract", "mine"]).stdout
    )


def test_where_what_is_in_force_cannot_be_read_the_directory_is_said_to_be_looked_at(
    installed: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "text.sqlite3"
    file.write_text("This is no database at all, and never was one.\n" * 50, encoding="utf-8")
    address = f"sqlite:///{file}"
    said = installed.findings(DUELINE_EDITS="apply", DUELINE_DATABASE_URL=address)
    assert said["configuration"].state == "unknown"
    assert said["configuration"].detail.endswith(f"{tmp_path}/config was looked at.")
    assert said["fields"].state == "passed"
    environment = {"DUELINE_EDITS": "apply", "DUELINE_DATABASE_URL": address}
    refused = CliRunner(env=environment).invoke(main, ["check"])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "text.sqlite3" in refused.stderr


def test_a_database_that_is_not_there(installed: Installation, tmp_path: Path) -> None:
    found = installed.findings(DUELINE_DATABASE_URL=f"sqlite:///{tmp_path}/none.sqlite3")
    assert "there is no database" in found["database"].detail
    assert found["database"].state == "failed"
    assert found["migrations"].state == found["backlog"].state == "unknown"
    assert not (tmp_path / "none.sqlite3").exists()
    assert found["deliveries"].state == "unknown"


def test_a_database_without_tables(installed: Installation, tmp_path: Path) -> None:
    file = tmp_path / "empty.sqlite3"
    file.touch()
    found = installed.findings(DUELINE_DATABASE_URL=f"sqlite:///{file}")
    assert (found["database"].state, found["migrations"].state) == ("passed", "failed")
    assert "dueline migrate" in found["migrations"].remedy


def test_something_that_is_no_database(installed: Installation, tmp_path: Path) -> None:
    file = tmp_path / "text.sqlite3"
    file.write_text("This is no database at all, and never was one.\n" * 50, encoding="utf-8")
    found = installed.findings(DUELINE_DATABASE_URL=f"sqlite:///{file}")
    assert found["database"].state == "failed"


def _left_waiting(database: Database, clock: Clock) -> None:
    clock.at += timedelta(minutes=10)


def _one_failed(database: Database, clock: Clock) -> None:
    database.write(lambda c: c.execute(update(inbox_table).values(state="failed")))


def _one_not_understood(database: Database, clock: Clock) -> None:
    database.write(lambda c: c.execute(update(inbox_table).values(state="not_understood")))


def _held(database: Database, clock: Clock) -> None:
    hold = Hold(clock.at + timedelta(minutes=30), "Jira takes no credentials.", 401)
    database.write(lambda c: holds.hold(c, "default", hold, clock.at))


@pytest.mark.parametrize(
    ("trouble", "state", "words"),
    [
        (_left_waiting, "failed", "The oldest waits for 10 min"),
        (_one_failed, "failed", "failed"),
        (_one_not_understood, "passed", "1 not understood"),
        (_held, "failed", "Jira takes no credentials"),
    ],
)
def test_what_waits_and_what_was_given_up(
    tmp_path: Path, trouble: Callable[[Database, Clock], None], state: str, words: str
) -> None:
    clock, database = Clock(), Database(f"sqlite:///{tmp_path}/ledger.sqlite3")
    migrate(database)
    database.write(lambda c: inbox.keep(c, "default", "one", b"{}", clock.at, "10000"))
    trouble(database, clock)
    said = doctor._backlog(database, clock.at)
    database.close()
    assert (said.state, words in said.detail) == (state, True), said
    assert said.remedy.endswith(".")


def test_a_service_that_does_not_run(installed: Installation) -> None:
    said = installed.findings(DUELINE_PORT="9")["service"]
    assert said.state == "failed"
    assert "dueline serve" in said.remedy


@pytest.mark.parametrize(
    ("host", "asked"),
    [("::1", "[::1]"), ("::", "[::1]"), ("0.0.0.0", "127.0.0.1"), ("dueline", "dueline")],  # noqa: S104 - read, not bound
)
def test_the_service_is_asked_where_it_listens(host: str, asked: str) -> None:
    doc = doctor._Doctor(lambda: NINE, None, round_trip.wait, settings=Settings(host=host))
    with responses.RequestsMock() as there:
        there.get(f"http://{asked}:8090/readyz", json={})
        [said] = doc.look_at_service()
    assert said.state == "passed"


def test_a_service_that_cannot_work(installed: Installation) -> None:
    with responses.RequestsMock() as there:
        told = {"troubles": {"database": "the disk is full"}}
        there.get("http://127.0.0.1:8090/readyz", json=told, status=503)
        [said] = doctor._Doctor(installed.clock.now, None, installed.pause).look_at_service()
    assert said.state == "failed"
    assert "the disk is full" in said.detail


# --- the way in -------------------------------------------------------------------------------


def test_a_service_with_another_secret(installed: Installation) -> None:
    said = installed.findings(DUELINE_WEBHOOK_SECRET="planted-other")["reaching"]
    assert said.state == "failed"
    assert "another secret" in said.detail
    assert "planted" not in said.detail


def test_where_jira_reaches_the_service_must_be_known(installed: Installation) -> None:
    del installed.env["DUELINE_PUBLIC_URL"]
    said = installed.findings()["reaching"]
    assert said.state == "unknown"
    assert "DUELINE_PUBLIC_URL" in said.remedy


URL = "https://dueline.example.com/webhooks/jira"


@pytest.mark.parametrize("status", [200, 301, 400, 401, 404, 413, 429, 500, 502, 503, 504])
@responses.activate
def test_a_test_delivery_that_is_not_taken(status: int) -> None:
    responses.post(URL, status=status, headers={"Location": "https://sso.example.com/"})
    outcome = round_trip.send_test_delivery(URL, "planted-secret")
    assert not outcome.arrived
    assert outcome.sentence.endswith(".")
    assert outcome.remedy.endswith(".")
    assert len(responses.calls) == 1


@responses.activate
def test_nothing_takes_a_test_delivery() -> None:
    outcome = round_trip.send_test_delivery(URL, "planted-secret")
    assert not outcome.arrived
    assert outcome.remedy.endswith(".")


def test_a_test_delivery_is_taken_and_changes_nothing(installed: Installation) -> None:
    def tally() -> dict[str, int]:
        return installed.database.read(inbox.tally)

    newest, before = _newest(installed), tally()
    hook = f"{installed.env['DUELINE_PUBLIC_URL']}/webhooks/jira"
    assert round_trip.send_test_delivery(hook, "planted-newest").arrived
    assert tally() == {**before, "new": before["new"] + 1}
    assert _newest(installed) == newest


def _newest(installed: Installation) -> datetime | None:
    return installed.database.read(lambda c: inbox.newest_at(c, "default"))


def test_a_true_round_trip(installed: Installation) -> None:
    said = installed.findings("BOT-1")["round_trip"]
    assert said.state == "passed", said
    assert installed.pauses == [0.5]
    assert _next_metric(installed) is None


def test_a_round_trip_puts_back_what_was_there(installed: Installation) -> None:
    installed.jira.edit("BOT-1", {"SLA next metric": "First response"}, account=DUELINE)
    installed.jira.deliver()
    assert installed.findings("BOT-1")["round_trip"].state == "passed"
    assert _next_metric(installed) == "First response"


def test_a_round_trip_on_which_nothing_comes(installed: Installation) -> None:
    installed.jira.webhooks.clear()
    said = installed.findings("BOT-1")["round_trip"]
    assert said.state == "failed"
    assert "within 30 s" in said.detail
    assert sum(installed.pauses) == 30
    assert _next_metric(installed) is None


def _known(installed: Installation, wanted: str) -> None:
    """Have the service want a text in the field of BOT-1, and believe that it stands there."""
    id_, shown = installed.jira.issue("BOT-1").id, json.dumps({"next_metric": wanted})

    def enter(connection: Connection) -> None:
        issues.hear_of(connection, "default", id_, "BOT-1")
        columns = {"fields_wanted": shown, "fields_written": shown}
        issues.change(connection, "default", id_, **columns)

    installed.database.write(enter)


def _due(installed: Installation) -> tuple[Written, datetime | None]:
    """What of BOT-1 the service takes for written, and when it looks at it next."""
    id_ = installed.jira.issue("BOT-1").id
    row = installed.database.read(lambda c: issues.get(c, "default", id_))
    assert row is not None
    return Written.of(row), row.write_at


def test_what_is_wanted_by_the_end_of_a_round_trip_is_what_stands_there(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    _known(installed, "first response")
    deliver = installed.jira.deliver

    def meanwhile() -> None:
        written, at = _due(installed)
        # Killed now, the doctor would leave the rest to the service.
        assert (written.known, written.sent) == ({}, {"next_metric": round_trip._MARK})
        assert at == installed.clock.at
        _known(installed, "resolution")
        deliver()

    monkeypatch.setattr(installed.jira, "deliver", meanwhile)
    assert installed.findings("BOT-1")["round_trip"].state == "passed"
    assert _next_metric(installed) == "resolution"
    # The service writes it once more, in case it was writing itself just then.
    assert _due(installed) == (Written({}, {"next_metric": "resolution"}), installed.clock.at)


def test_an_issue_of_which_the_service_hears_by_the_round_trip(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_back = round_trip._Trip._write

    def late(trip: round_trip._Trip, value: Json) -> None:
        put_back(trip, value)
        if value != round_trip._MARK:
            _known(installed, "first response")

    monkeypatch.setattr(round_trip._Trip, "_write", late)
    installed.findings("BOT-1")
    assert _due(installed)[1] == installed.clock.at


def test_a_round_trip_whose_first_answer_is_lost_is_put_back(installed: Installation) -> None:
    installed.jira.faults.drop("after", times=1, method="PUT", path=r"/issue/\d+$")
    _known(installed, "first response")
    assert installed.findings("BOT-1")["round_trip"].state == "unknown"
    assert _next_metric(installed) == "first response"
    # The mark may arrive yet.
    assert _due(installed)[0].sent == {"next_metric": round_trip._MARK}


@pytest.mark.parametrize(("known", "remedy"), [(True, "by itself"), (False, "by hand")])
def test_a_round_trip_that_jira_does_not_take_back(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, known: bool, remedy: str
) -> None:
    if known:
        _known(installed, "first response")
    deliver = installed.jira.deliver

    def meanwhile() -> None:
        deliver()
        installed.jira.faults.add(Rule(method="PUT", path="issue", status=400, body={}, times=9))

    monkeypatch.setattr(installed.jira, "deliver", meanwhile)
    said = installed.findings("BOT-1")["round_trip"]
    assert said.state == "failed"
    assert "could not be put back" in said.detail
    assert remedy in said.remedy


def test_a_delivery_of_something_else_is_no_round_trip(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, body = installed.jira.issue("BOT-1").id, b'{"webhookEvent": "jira:issue_updated"}'

    def meanwhile() -> None:
        installed.database.write(
            lambda c: inbox.keep(c, "default", "other", body, installed.clock.at, id_)
        )

    monkeypatch.setattr(installed.jira, "deliver", meanwhile)
    assert installed.findings("BOT-1")["round_trip"].state == "failed"


def test_a_round_trip_on_an_issue_that_is_not_there(installed: Installation) -> None:
    assert "no issue BOT-99" in installed.findings("BOT-99")["round_trip"].detail


def test_without_an_issue_nothing_is_changed(installed: Installation) -> None:
    assert installed.findings()["round_trip"].state == "unknown"
    made = [r for r in installed.jira.requests if r.method == "PUT"]
    assert made == []


def _next_metric(installed: Installation) -> object:
    jira = installed.jira
    field_id = next(f.id for f in jira.site.fields.values() if f.name == "SLA next metric")
    return jira.issue("BOT-1").values.get(field_id)


def test_deliveries_that_were_refused_are_told(installed: Installation) -> None:
    installed.database.write(lambda c: inbox.count(c, "default", "signature_refused", 3))
    assert "3 others" in installed.findings()["deliveries"].detail
