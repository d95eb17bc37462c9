"""A whole world for a story: simulated Jira, receiver, database, and a clock the test moves."""

from __future__ import annotations

import hmac
import html
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import requests
from flask.testing import FlaskClient
from msgspec.structs import replace
from ruamel.yaml import YAML
from sqlalchemy import select

from config.configuration import Configuration
from config.loader import load
from config.settings import SHIPPED, Secret, Settings
from connector.setup import EVENTS, ROLES, WEBHOOK_NAME
from connector.simulator import AGENT, DUELINE, Simulator, running
from connector.simulator import fields as custom_fields
from sla.lanes import drain
from sla.store import absence, issues
from sla.store.database import Database
from sla.store.schema import cycles
from tests.copies import bring, held_by
from tests.sla.store.conftest import migrated
from webhooks.app import create_app
from webhooks.publishing import InForce
from webhooks.service import Service

SECRET = "shared-with-jira"
HOOK = "http://dueline.test/webhooks/jira"
Flavour = Literal["cloud", "datacenter"]


_loaded: dict[frozenset[tuple[str, bytes]], Configuration] = {}


@lru_cache
def _configuration(directory: Path) -> Configuration:
    """What a directory comes to; the same for each that holds the same.

    To read the documents anew for each of a thousand worlds was a twelfth of their time.
    """
    files = frozenset(
        (str(each.relative_to(directory)), each.read_bytes())
        for each in directory.rglob("*")
        if each.is_file() and each.suffix != ".pyc"
    )
    if files not in _loaded:
        _loaded[files] = load(directory)
    return _loaded[files]


def file_in(directory: Path, whole: bytes) -> str:
    """Write a database of which all is known; returns its address."""
    file = directory / "dueline.sqlite3"
    file.write_bytes(whole)
    return f"sqlite:///{file}"


def _empty_in(directory: Path) -> str:
    # To make the tables took a third of the time of a world.
    return file_in(directory, migrated())


def set_up(jira: Simulator, fields: Mapping[str, str]) -> None:
    """Leave a Jira as `dueline setup` does, whose dozen calls took half of the time of a world."""
    everywhere = jira.flavour == "datacenter"
    default = next(iter(jira.site.screens.values()))
    for role, name in fields.items():
        field = jira.create_field(name, ROLES[role][0], on_screens=everywhere)
        if not everywhere:
            custom_fields.show(jira, default, default.tabs[0], field.id)
    jira.register_webhook(HOOK, events=EVENTS[jira.flavour], secret=SECRET, name=WEBHOOK_NAME)


database_in: Callable[[Path], str] = _empty_in
"""Gives a new world the address of its database; a file, unless the story is told on a server."""


class Clock:
    """Shows what the test says."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def real_time(self, at: datetime) -> datetime:
        return at


class World:
    """One Jira and one Dueline beside it; nothing moves but by `settle` and `advance`."""

    def __init__(
        self,
        jira: Simulator,
        url: str,
        clock: Clock,
        directory: Path,
        config: Path,
        environment: Mapping[str, str] = MappingProxyType({}),
        past: Past | None = None,
    ) -> None:
        self.jira, self.url, self.clock = jira, url, clock
        self.deaf = False
        """While it is, Jira cannot reach the receiver."""
        self.settings = Settings.from_environment({
            "DUELINE_JIRA_URL": url,
            "DUELINE_JIRA_USER": DUELINE,
            "DUELINE_JIRA_TOKEN": "simulator",
            "DUELINE_WEBHOOK_SECRET": f"older-secret,{SECRET}",
            "DUELINE_DATABASE_URL": (past.database if past else database_in)(directory),
            "DUELINE_CONFIG": str(config),
            **environment,
        })  # fmt: skip
        self.configuration = _configuration(config)
        self._agent = requests.Session()
        self._agent.auth = (AGENT, "simulator")
        if past is None:
            set_up(jira, self.configuration.site.fields)
        self.start()

    def start(self, in_force: InForce | None = None) -> None:
        """Start Dueline, on the database as it is; with what the world's directory came to, or
        with what a process would find in force."""
        in_force = in_force or InForce(self.configuration)
        # Its tables are this version's: that there is nothing to migrate takes long to find out.
        database = Database(self.settings.database_url.reveal())
        self.service = Service(
            self.settings, in_force, self.clock, jitter=lambda: 0.5, database=database
        )
        self.receiver: FlaskClient = create_app(self.service).test_client()
        self.service.engine.before_waking = self.service.look_whether_heard
        self.service.look_whether_heard()
        self.settle()

    def stop(self) -> None:
        """Stop Dueline; Jira goes on."""
        self.service.close()
        self._agent.close()

    def begin_anew(self, directory: Path) -> None:
        """Install Dueline once more, on an empty database in another directory."""
        directory.mkdir()
        self.settings = replace(self.settings, database_url=Secret(database_in(directory)))

    def report(self, project: str, fields: Mapping[str, Any] | None = None, **more: Any) -> str:
        """The customer makes an issue, and Dueline hears of it; its key."""
        given = {"summary": "Help", **(fields or {})}
        key = self.jira.create_issue(given, project=project, **more).key
        self.settle()
        return key

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """How the simulated Jira reaches the receiver."""
        assert url == HOOK
        if self.deaf:
            raise ConnectionError("nobody answers")
        return self.receiver.post("/webhooks/jira", data=body, headers=dict(headers)).status_code

    def settle(self) -> None:
        """Let everything happen that happens at this instant."""
        service = self.service
        # However far the test moves the clock: the receiver was there all the while.
        now = self.clock.now()
        service.database.write(lambda c: absence.note_alive(c, "default", now))
        service.keep_contact()
        service.follow_publications()
        while self.jira.deliver() + sum(drain(lane) for lane in service.lanes.values()):
            pass

    def advance(self, until: datetime | timedelta) -> None:
        """Move the clock on, stopping wherever somebody asked to be woken."""
        end = until if isinstance(until, datetime) else self.clock.at + until
        service = self.service
        while True:
            wakes = [lane.next_run() for lane in service.lanes.values()]
            due = [at for at in wakes if at is not None and self.clock.at < at <= end]
            if not due:
                break
            self.clock.at = min(due)
            self.settle()
        self.clock.at = end
        self.settle()

    def advance_by(self, seconds: float) -> None:
        """Move the clock on as somebody would who waits."""
        self.advance(timedelta(seconds=seconds))

    def fields(self, key: str) -> dict[str, Any]:
        """The SLA fields of an issue, by name, as Jira shows them to an agent."""
        names = {field["name"]: field["id"] for field in self._get("field")}
        shown = self._get(f"issue/{key}")["fields"]
        return {
            name: shown.get(id_)
            for name, id_ in names.items()
            if name.startswith(("SLA ", "First resp"))
        }

    def said(self, key: str) -> list[str]:
        """The words of Dueline's comments on an issue, oldest first."""
        comments = self._get(f"issue/{key}/comment")["comments"]
        return [
            _words(comment["body"])
            for comment in comments
            if comment.get("author", {}).get("displayName") == "Dueline"
        ]

    def read_by_customers(self, key: str) -> list[str]:
        """Those of them that nothing keeps from the customer."""
        ours = [each for each in self.jira.issue(key).comments if each.author == DUELINE]
        return [
            words
            for comment, words in zip(ours, self.said(key), strict=True)
            if not comment.visibility
            and comment.properties.get("sd.public.comment") != {"internal": True}
        ]

    def states(self, key: str, metric: str) -> list[str]:
        """The state of each cycle of a metric, in order."""
        issue_id = self.jira.issue(key).id
        query = (
            select(cycles.c.state)
            .where(cycles.c.issue_id == issue_id, cycles.c.metric == metric)
            .order_by(cycles.c.number)
        )
        return list(self.service.database.read(lambda c: c.execute(query).scalars().all()))

    def promised(self, key: str, metric: str = "first_response") -> list[tuple[str, str]]:
        """Every promise as it was made: the severity, and the instant as Jira writes it."""
        issue_id = self.jira.issue(key).id
        found = self.service.database.read(lambda c: issues.promises_of(c, "default", issue_id))
        return [
            (each["severity"], f"{each['due_at']:%Y-%m-%dT%H:%M:%S}.000+0000")
            for each in found
            if each["metric"] == metric
        ]

    def assigned_to(self, email: str) -> str:
        """An account as a mention of it names it."""
        account = self.jira.account(email)
        return account.account_id if self.jira.flavour == "cloud" else f"[~{account.name}]"

    def _get(self, path: str) -> Any:
        answer = self._agent.get(f"{self.url}/rest/api/2/{path}", timeout=10)
        answer.raise_for_status()
        return answer.json()


def a_site(
    directory: Path, *, calendars: Mapping[str, str] | None = None, **changes: Mapping[str, Any]
) -> Path:
    """A configuration directory: the shipped site with some entries of `projects.yaml` changed.

    `a_site(tmp, parameters={"butlr": {...}})` adds to the parameters; None takes an entry away.
    """
    made = directory / "site"
    (made / "calendars").mkdir(parents=True)
    document = YAML(typ="safe", pure=True).load(SHIPPED / "projects.yaml")
    for part, entries in changes.items():
        merged = document.setdefault(part, {}) | entries
        document[part] = {name: each for name, each in merged.items() if each is not None}
    (made / "projects.yaml").write_text(json.dumps(document), encoding="utf-8")
    (made / "site.yaml").write_text((SHIPPED / "site.yaml").read_text("utf-8"), encoding="utf-8")
    for name, text in (calendars or {}).items():
        (made / "calendars" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return made


class Past:
    """How a story left a world that stands still by now, for others to begin there."""

    def __init__(self, left: World, database: Callable[[Path], str]) -> None:
        self.at = left.clock.at
        self.database = database
        """Gives a world in a directory the address of a copy of what was left."""
        self.jira = held_by(left.jira)


@contextmanager
def world(
    directory: Path,
    at: datetime,
    flavour: Flavour = "cloud",
    *,
    config: Path = SHIPPED,
    past: Past | None = None,
    **environment: str,
) -> Iterator[World]:
    """A world at an instant, closed at the end; further variables of Dueline's environment."""
    clock = Clock(at)
    there: list[World] = []
    jira = Simulator(now=clock.now, flavour=flavour, post=lambda *call: there[0].post(*call))
    if past:
        bring(past.jira, jira)
    with running(jira) as url:
        made = World(jira, url, clock, directory, config, environment, past)
        there.append(made)
        try:
            yield made
        finally:
            made.stop()


def signature(body: bytes) -> str:
    """As Jira signs a delivery."""
    return f"sha256={hmac.new(SECRET.encode(), body, 'sha256').hexdigest()}"


def utc(text: str) -> datetime:
    """An instant from `2024-07-10 19:00` and the like, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def jira_time(text: str) -> str:
    """The same as Jira writes it."""
    return f"{utc(text):%Y-%m-%dT%H:%M:%S}.000+0000"


def _words(body: Any) -> str:
    return html.unescape(body.replace("\\", "")) if isinstance(body, str) else str(body)
