"""The demo's parts: what it asks for, what its children are told, what it tells of Jira."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from config.loader import load
from config.settings import SHIPPED, Settings
from connector.simulator import AGENT, DUELINE, Simulator, running
from tests.conftest import free_port
from tests.sla.example import NINE
from webhooks import demo
from webhooks.clock import FastClock
from webhooks.demo import DemoError, run_demo
from webhooks.set_up import set_up_jira

CLOCK = FastClock(NINE, datetime(2026, 1, 1, tzinfo=UTC), 120.0)


@pytest.fixture
def untouched_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    """The demo listens to signals; this test run shall go on listening to its own."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)


@pytest.fixture
def jira() -> Iterator[Simulator]:
    sim = Simulator(now=lambda: NINE)
    with running(sim):
        yield sim


@pytest.mark.usefixtures("untouched_signals")
@pytest.mark.parametrize("text", ["now", "2026-11-20", "2026-11-20T15:00", "15:00Z"])
def test_an_instant_that_is_none_is_refused_before_anything_starts(text: str) -> None:
    with pytest.raises(DemoError, match=f"--at {text}: not an instant; expected ISO 8601"):
        run_demo(text, 120.0, 8080)


def test_its_children_know_nothing_of_the_settings_around_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DUELINE_JIRA_TOKEN_FILE", "/run/secrets/the-real-one")
    monkeypatch.setenv("DUELINE_CONFIG", "/somewhere/else")
    environment = demo._environment("http://jira.test", "/tmp/demo", CLOCK, Settings(port=9999))  # noqa: S108
    told = Settings.from_environment(environment)
    assert (told.jira_url, told.port, told.config) == ("http://jira.test", 9999, SHIPPED)
    assert FastClock.parse(environment["DUELINE_DEMO_CLOCK"]) == CLOCK
    assert environment["PATH"] == os.environ["PATH"]
    assert told.require_jira().user == DUELINE


def test_each_demo_has_a_secret_of_its_own() -> None:
    secrets = {
        demo._environment("http://jira.test", "/tmp/demo", CLOCK, Settings())[  # noqa: S108
            "DUELINE_WEBHOOK_SECRET"
        ]
        for _ in range(2)
    }
    assert len(secrets) == 2


@pytest.mark.usefixtures("untouched_signals")
def test_a_port_that_is_taken_is_told_before_anything_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("DUELINE_PORT", str(free_port()))
        with pytest.raises(DemoError, match=rf"127\.0\.0\.1:{port} .* with --jira-port"):
            run_demo(None, 120.0, port)
        monkeypatch.setenv("DUELINE_PORT", str(port))
        with pytest.raises(DemoError, match=rf"127\.0\.0\.1:{port} .* set DUELINE_PORT"):
            run_demo(None, 120.0, free_port())
    # Both at one port would find that out once all is set up.
    with pytest.raises(DemoError, match=rf"127\.0\.0\.1:{port} .* set DUELINE_PORT"):
        run_demo(None, 120.0, port)


def test_a_simulator_whose_port_is_taken_says_so_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(  # noqa: S603 - our own
            [sys.executable, "-m", "webhooks.cli", "simulator", "--port", str(port)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"cannot listen on 127.0.0.1:{port} (Address already in use); "
        "set --host and --port to an address of this machine that is free\n"
    )


def test_a_child_that_ended_is_not_waited_for() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait(20)
        with pytest.raises(
            DemoError, match=r"the service did not come up at http://127\.0\.0\.1:9/"
        ):
            demo._await(process, "http://127.0.0.1:9/readyz", "the service")


def test_the_story_makes_its_issues_and_tells_what_changed(
    jira: Simulator, capsys: pytest.CaptureFixture[str]
) -> None:
    environment = demo._environment(jira.base_url, "/tmp/demo", CLOCK, Settings())  # noqa: S108
    fields = load(SHIPPED).site.fields
    list(set_up_jira(Settings.from_environment(environment), fields, None))
    story = demo._Story(jira.base_url, CLOCK)
    story.begin()
    told = capsys.readouterr().out.splitlines()
    made = [line for line in told if "made by the customer" in line]
    assert [re.sub(r".*  (\S+)  made.*", r"\1", line) for line in made] == [
        "BOT-1", "BIT-1", "BIT-2", "HLP-1", "HLP-2", "HLP-3", "BTL-1", "BAL-1",
    ]  # fmt: skip
    assert [line for line in told if line.endswith("HLP-2  answered by the agent")]

    story.tell()
    assert capsys.readouterr().out == ""
    jira.edit(
        "BIT-1",
        {"SLA state": "breached", "First response due": NINE, "SLA escalation level": 1},
        account=DUELINE,
    )
    account = jira.account(AGENT).account_id
    jira.add_comment(
        "BIT-1", f"[~accountid:{account}], [~accountid:gone]: *overdue*.\n\nLook.", account=DUELINE
    )
    jira.add_comment("BIT-1", "We are on it.", account=AGENT)
    story.tell()
    first, second = capsys.readouterr().out.splitlines()
    assert "BIT-1  breached, due 2024-07-10T13:00:00" in first
    assert first.endswith("level 1")
    assert second.split("BIT-1  says: ")[1] == "@Ada Agent, @gone: overdue. Look."
    # What did not change is not told again.
    story.tell()
    assert capsys.readouterr().out == ""
