"""The demo: the simulated Jira and the service as two real processes, some issues, a fast clock."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import quote

import click
import requests

from config.loader import load
from config.settings import Settings
from webhooks.clock import FastClock
from webhooks.serve import ServeError, clock_from, kept_address
from webhooks.set_up import set_up_jira
from webhooks.with_parent import belong_to_parent

DUELINE, AGENT, CUSTOMER = (f"{name}@example.com" for name in ("dueline", "agent", "customer"))
TOKEN = "simulator"  # noqa: S105 - the simulated accounts' own, and no secret
_STEP = 0.1
_PATIENCE = 30.0
SAMPLES: tuple[tuple[str, str, str, dict[str, str], str], ...] = (
    ("BOT", "Question", "Medium", {}, "How do I export the configuration?"),
    ("BIT", "Bug", "Highest", {}, "Sign-in fails for everyone"),
    ("BIT", "Question", "Low", {}, "Where are the reports?"),
    ("HLP", "Bug", "High", {"Support plan": "Enterprise"}, "Orders cannot be shipped"),
    ("HLP", "Task", "Low", {"Support plan": "Enterprise"}, "Change the logo"),
    ("HLP", "Task", "Medium", {"Support plan": "Standard"}, "Add a colleague"),
    # Their texts leave the response times open, and no figure is made up for them here either.
    ("BTL", "Bug", "Highest", {}, "No sensor reports any more"),
    ("BAL", "Bug", "High", {}, "Playbooks do not load"),
)
"""Project, issue type, priority, further fields and summary of each issue of the demo."""
_OF_WORDS = frozenset({"paragraph", "heading", "codeBlock"})
"""The parts of a document that hold words, with their own blanks between them."""
_ANSWERED = 4
"""Which of the samples the agent answers at once."""


class DemoError(Exception):
    """The demo cannot run here; the message says why."""


def run_simulator(host: str, port: int, flavour: str) -> None:
    """Serve a simulated Jira until SIGTERM or SIGINT.

    Raises:
        DemoError: nothing can listen there.
    """
    from connector.simulator import Simulator, running

    kind = cast("Literal['cloud', 'datacenter']", flavour)
    jira = Simulator(now=clock_from(os.environ).now, flavour=kind)
    stop = _on_signals()
    try:
        with running(jira, host=host, port=port, deliver_in_background=True) as url:
            click.echo(f"Simulated Jira ({flavour}) at {url}")
            click.echo(f"Accounts {DUELINE}, {AGENT}, {CUSTOMER}; token of each: {TOKEN}")
            stop.wait()
    except OSError as error:
        raise DemoError(
            f"cannot listen on {host}:{port} ({error.strerror}); "
            "set --host and --port to an address of this machine that is free"
        ) from None


def run_demo(at: str | None, speed: float, jira_port: int) -> None:
    """Run the demo until SIGTERM or SIGINT.

    Args:
        at: the instant at which the demo's clock starts, ISO 8601 with offset; None: now.
        speed: how many times faster than real time it runs.
        jira_port: where the simulated Jira listens.

    Raises:
        DemoError: the instant does not read as one, a port is taken, or one of the two does not
            come up.
    """
    stop = _on_signals()
    clock = FastClock.starting(_starting_at(at), speed)
    settings = Settings.from_environment(
        {k: v for k, v in os.environ.items() if k in ("DUELINE_HOST", "DUELINE_PORT")}
    )
    _must_be_free(settings, jira_port)
    jira_url = f"http://127.0.0.1:{jira_port}"
    own_url = f"http://{settings.host}:{settings.port}"
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="dueline-demo-"))
        environment = _environment(jira_url, directory, clock, settings)
        jira = stack.enter_context(_child(["simulator", "--port", str(jira_port)], environment))
        _await(jira, f"{jira_url}/rest/api/3/serverInfo", "the simulated Jira")
        for line in set_up_jira(
            Settings.from_environment(environment),
            load(settings.config).site.fields,
            f"{own_url}/webhooks/jira",
        ):
            click.echo(f"  {line}")
        service = stack.enter_context(_child(["serve"], environment))
        _await(service, f"{own_url}/readyz", "the service")
        click.echo("For commands in another terminal, while it runs:")
        for name in ("DUELINE_DATABASE_URL", "DUELINE_DEMO_CLOCK"):
            click.echo(f"  export {name}='{environment[name]}'")
        click.echo(
            _INTRODUCTION.format(
                jira=jira_url,
                own=own_url,
                speed=speed,
                token=TOKEN,
                console=environment["DUELINE_CONSOLE_TOKEN"],
            )
        )
        story = _Story(jira_url, clock)
        story.begin()
        while not stop.wait(_STEP * 5):
            story.tell()


_INTRODUCTION = """
The simulated Jira is at {jira} (open it in a browser), the service at {own}.
Its console is there, too; sign in with the token of this demo, "{console}".
Make an issue as customer@example.com, answer it as agent@example.com; their token is "{token}":

  curl -u customer@example.com:{token} -H 'Content-Type: application/json' \\
    {jira}/rest/api/3/issue \\
    -d '{{"fields": {{"project": {{"key": "HLP"}}, "issuetype": {{"name": "Bug"}},
         "summary": "Help"}}}}'

The clock runs {speed:g} times as fast as yours. Ctrl-C ends the demo.
"""


class _Story:
    """Makes the sample issues, and tells what Dueline writes into them."""

    def __init__(self, jira_url: str, clock: FastClock) -> None:
        self._url = f"{jira_url}/rest/api/3"
        self._clock = clock
        self._told: dict[str, tuple[str, int]] = {}
        self._fields: dict[str, str] = {}
        self._names: dict[str, str] = {}

    def begin(self) -> None:
        """Make the samples; the agent answers one of them."""
        self._fields = {field["name"]: field["id"] for field in self._ask("GET", "field", AGENT)}
        for number, (project, type_, priority, extra, summary) in enumerate(SAMPLES):
            fields: dict[str, Any] = {
                "project": {"key": project},
                "issuetype": {"name": type_},
                "priority": {"name": priority},
                "summary": summary,
            }
            fields |= {self._fields[name]: {"value": value} for name, value in extra.items()}
            key = self._ask("POST", "issue", CUSTOMER, {"fields": fields})["key"]
            click.echo(f"{self._time()}  {key}  made by the customer: {summary}")
            if number == _ANSWERED:
                self._ask("POST", f"issue/{key}/comment", AGENT, {"body": _adf("We are on it.")})
                click.echo(f"{self._time()}  {key}  answered by the agent")

    def tell(self) -> None:
        """Print what changed in the SLA fields and comments since the last time."""
        state, level, due = (
            self._fields[name]
            for name in ("SLA state", "SLA escalation level", "First response due")
        )
        query = {"jql": "project in (BOT, BIT, HLP, BTL, BAL) order by key", "maxResults": 100}
        found = self._ask(
            "POST", "search/jql", AGENT, {**query, "fields": [state, level, due, "comment"]}
        )
        for issue in found["issues"]:
            fields = issue["fields"]
            if not fields.get(state):
                continue
            due_at = f", due {fields[due]}" if fields.get(due) else ""
            line = f"{fields[state]}{due_at}, level {fields.get(level):g}"
            comments = fields["comment"]["comments"]
            before, heard = self._told.get(issue["key"], ("", 0))
            if line != before:
                click.echo(f"{self._time()}  {issue['key']}  {line}")
            for comment in comments[heard:]:
                if comment["author"]["displayName"] == "Dueline":
                    said = _text(comment["body"], self._name)
                    click.echo(f"{self._time()}  {issue['key']}  says: {said}")
            self._told[issue["key"]] = (line, len(comments))

    def _name(self, account_id: str) -> str:
        """What a person is called; the account's id where Jira knows nobody by it."""
        if account_id not in self._names:
            try:
                told = self._ask("GET", f"user?accountId={quote(account_id)}", AGENT)
            except requests.HTTPError:
                told = {}
            self._names[account_id] = told.get("displayName") or account_id
        return self._names[account_id]

    def _ask(self, method: str, path: str, account: str, body: Any = None) -> Any:
        answer = requests.request(
            method, f"{self._url}/{path}", json=body, auth=(account, TOKEN), timeout=10
        )
        answer.raise_for_status()
        return answer.json()

    def _time(self) -> str:
        return self._clock.now().strftime("%a %H:%M:%S")


def _environment(
    jira_url: str, directory: str, clock: FastClock, settings: Settings
) -> dict[str, str]:
    kept = {name: v for name, v in os.environ.items() if not name.startswith("DUELINE_")}
    return {
        **kept,
        "DUELINE_JIRA_URL": jira_url,
        "DUELINE_JIRA_USER": DUELINE,
        "DUELINE_JIRA_TOKEN": TOKEN,
        "DUELINE_WEBHOOK_SECRET": secrets.token_hex(16),
        "DUELINE_CONSOLE_TOKEN": secrets.token_hex(16),
        "DUELINE_DATABASE_URL": f"sqlite:///{Path(directory) / 'dueline.sqlite3'}",
        "DUELINE_HOST": settings.host,
        "DUELINE_PORT": str(settings.port),
        "DUELINE_PUBLIC_URL": f"http://{settings.host}:{settings.port}",
        "DUELINE_DEMO_CLOCK": str(clock),
        # The story is told on the terminal, and not between a line for each step of the work.
        "DUELINE_LOG_LEVEL": os.environ.get("DUELINE_LOG_LEVEL", "warning"),
        "PYTHONUNBUFFERED": "1",
    }


def _must_be_free(settings: Settings, jira_port: int) -> None:
    """Before a child finds out, and what it says stands among all that is begun beside it."""
    # Both at once, since one port does not do for two.
    try:
        with (
            kept_address("127.0.0.1", jira_port, "choose another port with --jira-port"),
            kept_address(settings.host, settings.port, "set DUELINE_PORT to another port"),
        ):
            pass
    except ServeError as error:
        raise DemoError(str(error)) from None


@contextmanager
def _child(
    arguments: list[str], environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "webhooks.cli", *arguments]
    with subprocess.Popen(  # noqa: S603 - our own command
        command,
        env=dict(environment),
        preexec_fn=partial(belong_to_parent, os.getpid()),
    ) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(timeout=_PATIENCE)


def _await(process: subprocess.Popen[bytes], url: str, what: str) -> None:
    pause = threading.Event()
    for _ in range(int(_PATIENCE / _STEP)):
        if process.poll() is not None:
            break
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        pause.wait(_STEP)
    raise DemoError(f"{what} did not come up at {url}")


def _starting_at(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise DemoError(
            f"--at {text}: not an instant; expected ISO 8601 with an offset, "
            "such as 2026-11-20T15:00Z"
        )
    return at


def _on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _adf(text: str) -> dict[str, Any]:
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


def _text(node: Any, name: Callable[[str], str]) -> str:
    """What a document says, in one line.

    Args:
        node: the document, or a part of it.
        name: gives the name of the person who is mentioned, by the account's id.
    """
    kind = node.get("type")
    if kind == "mention":
        return f"@{name(str(node['attrs']['id']))}"
    if kind == "hardBreak":
        return " "
    parts = [_text(each, name) for each in node.get("content", [])]
    between = "" if kind in _OF_WORDS else " "
    return str(node.get("text", "")) + between.join(filter(None, parts))
