"""A world in which every page of the console has something to show, served to a real browser."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Connection, func, select, update
from werkzeug.serving import WSGIRequestHandler, make_server

from config.settings import SHIPPED
from connector.limits import Told
from connector.simulator import AGENT, CUSTOMER
from sla.store import api_tokens, downtimes, issues
from sla.store.schema import issues as rows_of_issues
from sla.store.schema import sayings
from tests.scenarios.world import HOOK, World, signature, utc, world
from tests.sla.store.decided import put
from webhooks import limits
from webhooks.backtesting import Days, backtest
from webhooks.backtests import keep
from webhooks.console.access.people import Person
from webhooks.console.questions.publishing import begin_preview
from webhooks.console.standing import Standing
from webhooks.demo import SAMPLES

TOKEN = "showcase-token-0123456789abcdefghij"
_STORIES = (
    *SAMPLES,
    (
        "HLP",
        "Bug",
        "Highest",
        {"Support plan": "Enterprise"},
        '<script>alert("no")</script> & more',
    ),
)


class _Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def fill(made: World) -> None:
    """A week and a half of a support team, on the world's clock: kept, missed, paused, open."""
    storied = _begin_a_long_story(made)
    for day in range(9):
        for number, (project, kind, priority, extra, summary) in enumerate(_STORIES):
            if (day + number) % 3 and day < 8:
                continue
            fields = {"summary": summary, "issuetype": kind, "priority": priority, **extra}
            key = made.report(project, fields)
            if (day * 7 + number) % 4 and day < 8:
                late = timedelta(hours=(day * 5 + number * 3) % 11, minutes=7)
                made.advance(made.clock.at + late / 4)
                made.jira.add_comment(key, "We are looking at it.", account=AGENT)
                made.jira.assign(key, AGENT)
                made.settle()
                if day % 3 == 0:
                    made.jira.transition(key, "Done")
                elif day % 2:
                    made.jira.add_comment(key, "Thank you, it still happens.", account=CUSTOMER)
                    made.settle()
        made.advance(timedelta(days=1))
    _go_on_with_it(made, storied)
    _of_today(made)
    _make_tokens(made)
    _change_versions(made)
    _have_something_fail(made)
    _keep_a_backtest(made)
    # Last: their histories are not known, so that a decision would find no cycle.
    _remember_a_season(made)


def _keep_a_backtest(made: World) -> None:
    """Bitumio's most urgent issues answered within half an hour, in place of two."""
    text = (SHIPPED / "contracts" / "bitumio.yaml").read_text("utf-8")
    with TemporaryDirectory() as scratch:
        tighter = Path(scratch, "bitumio.yaml")
        tighter.write_text(text.replace("target: 2h", "target: 20m", 1), "utf-8")
        today = made.clock.at.date()
        days = Days(today - timedelta(days=40), today)
        found = backtest(made.settings, tighter, days, made.clock.at)
    keep(made.settings, "Twenty minutes for Severity 1", found, made.clock.at)


def _begin_a_long_story(made: World) -> str:
    """An issue to which everything happens that its page can show; its key is BIT-1."""
    fields = {"summary": "Exports are empty", "issuetype": "Bug", "priority": "Medium"}
    key = made.report("BIT", fields)
    made.advance(timedelta(minutes=25))
    made.jira.add_comment(key, "Which export do you use?", account=AGENT)
    made.advance(timedelta(minutes=20))
    made.jira.add_comment(key, "The weekly one.", account=CUSTOMER)
    made.settle()
    return key


def _go_on_with_it(made: World, key: str) -> None:
    made.jira.edit(key, {"priority": "Highest"}, account=CUSTOMER)
    made.advance(timedelta(minutes=10))
    made.jira.add_comment(key, "Now all exports are empty.", account=CUSTOMER)
    made.advance(timedelta(minutes=30))
    made.jira.add_comment(key, "We found the cause.", account=AGENT)
    made.advance(timedelta(hours=3))


def _of_today(made: World) -> None:
    """What the board is about: just begun, soon to be missed, and waiting for the customer."""
    for nth, (project, kind, priority, extra, summary) in enumerate(_STORIES[:7]):
        fields = {"summary": summary, "issuetype": kind, "priority": priority, **extra}
        key = made.report(project, fields)
        if nth % 2:
            made.jira.assign(key, AGENT)
        if project == "BTL":
            made.jira.transition(key, "Waiting for customer")
        made.advance(timedelta(minutes=24) if nth == 4 else timedelta(minutes=1))


def _remember_a_season(made: World) -> None:
    """What was decided in the ten weeks before, for the reports; customers of some issues."""
    now, hour = made.clock.at, 3_600_000_000
    rows: list[dict[str, Any]] = []
    for nth in range(220):
        goal, severity = ((1, "Severity 1"), (2, "Severity 2"), (8, "Severity 3"))[nth % 3]
        state = "cancelled" if nth % 23 == 7 else "breached" if nth * nth % 11 > 7 else "met"
        used = goal * hour * (nth * 7 % 100 + 1) // 100
        rows.append({
            "at": now - timedelta(days=4 + nth * 66 / 220, hours=nth % 5), "state": state,
            "severity": severity, "binding": "goal" if nth % 4 == 1 else "commitment",
            "conditional": nth % 31 == 4, "project": ("BIT", "BAL")[nth % 2],
            "contract": ("bitumio", "balto")[nth % 2],
            "metric": ("first_response", "first_response", "periodic_update")[nth // 3 % 3],
            "customer": ("Acme Ltd", "Zoë & Sons", None)[nth % 5 % 3],
            "assignee": ("Ada Byron", "Grace Hopper", None)[nth % 7 % 3],
            "goal": goal * hour, "used": used + goal * hour if state == "breached" else used,
            "summary": f"Sensor {nth} reports nothing",
        })  # fmt: skip
    customers = {
        "BIT": "Acme Ltd",
        "BAL": "Acme Ltd",
        "BTL": '<script>alert("Zoë")</script> & Sons',
    }

    def write(connection: Connection) -> None:
        put(connection, *rows)
        for project, customer in customers.items():
            connection.execute(
                update(rows_of_issues)
                .where(rows_of_issues.c.project == project, rows_of_issues.c.customer.is_(None))
                .values(customer=customer)
            )
        at = now - timedelta(days=20)
        for nth, affected in enumerate(((), ("Somebody else",))):
            begins = at + nth * timedelta(days=1)
            downtimes.add(
                connection, "default", "balto", confirmed_at=begins, now=now, kind="Outage",
                restored_at=begins + timedelta(hours=3), customers=affected, note="Disk full",
            )  # fmt: skip

    made.service.database.write(write)


def _make_tokens(made: World) -> None:
    """Two that are good, and one that was revoked."""
    at, days = made.clock.at, timedelta(days=1)

    def write(connection: Connection) -> None:
        for name, role in (("Old dashboard", "viewer"), ("Release bot", "administrator")):
            api_tokens.make(
                connection, "default", name, name, role,
                made_by="Administrator", owner="local",
                now=at - 3 * days, expires_at=at + 30 * days,
            )  # fmt: skip
        api_tokens.revoke(connection, "default", 1, at)
        api_tokens.make(
            connection, "default", "weekly", "Weekly report", "viewer",
            made_by="Administrator", owner="local", now=at, expires_at=None,
        )  # fmt: skip
        api_tokens.used(connection, 2, at)

    made.service.database.write(write)


def _change_versions(made: World) -> None:
    """A version of the console's, a draft that was previewed, one with faults, one out of date."""
    standing = Standing(made.service)
    publishing, ada = standing.publishing, Person("ada", "Ada Byron", "administrator")
    first = publishing.documents(1)
    enterprise = first["contracts/enterprise.yaml"]
    hour = enterprise.replace("target: 30m", "target: 1h").replace(
        "to all support requests within 30 minutes", "to all support requests within an hour"
    )
    wrong = first["projects.yaml"].replace("contract: botron", "contrakt: botron")
    publishing.begin(ada, "A new customer", {"projects.yaml": wrong})
    publishing.begin(ada, "Twenty minutes", {
        "contracts/enterprise.yaml": enterprise.replace("target: 30m", "target: 20m"),
    })  # fmt: skip
    draft = publishing.begin(ada, "An hour for Enterprise", {"contracts/enterprise.yaml": hour})
    begin_preview(standing, draft.id, 1)
    standing.previews.wait()
    publishing.publish(ada, draft.id, 1, "As agreed with the customers", recalculate=False)
    minutes = first["contracts/bitumio.yaml"].replace("target: 2h", "target: 15m")
    mapping = first["projects.yaml"].replace("  BOT:\n", "  ELSEWHERE:\n")
    business = first["calendars/bitumio-business.yaml"].replace(
        "holidays:\n", "holidays:\n  - { date: 2024-07-12, name: Summer party }\n"
    )
    last = publishing.begin(ada, "Stricter for Bitumio", {
        "calendars/bitumio-business.yaml": business, "contracts/bitumio.yaml": minutes,
        "projects.yaml": mapping,
    })  # fmt: skip
    begin_preview(standing, last.id, 1)
    standing.previews.wait()


def _have_something_fail(made: World) -> None:
    """Two webhooks of which nothing can be made, and a comment and fields that Jira refused."""
    for body in (b'{"timestamp": 1720000000000, "sharedSecret": "planted"}', b"<html>Not Jira"):
        made.post(HOOK, body, {"X-Hub-Signature": signature(body)})
    made.settle()
    refused = "Jira answered 403: You do not have the permission to comment on this issue."

    def write(connection: Connection) -> None:
        last = select(func.max(sayings.c.id)).scalar_subquery()
        connection.execute(
            update(sayings)
            .where(sayings.c.id == last)
            .values(state="given_up", try_at=None, attempts=1, error=refused)
        )
        unwritable = "Jira answered 400: Field 'SLA due' cannot be set."
        issues.change(connection, "default", "10001", write_at=None, write_error=unwritable)
        told = Told(429, {
            "X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0",
            "RateLimit-Reason": "jira-burst-based", "Retry-After": "7",
        })  # fmt: skip
        limits.keep(connection, "default", told, made.clock.at)

    made.service.database.write(write)


@contextmanager
def showcase(directory: Path) -> Iterator[tuple[World, str]]:
    """The world and the address of its console; it is served until the end of the block."""
    with world(
        directory, utc("2024-07-01 15:00"), DUELINE_CONSOLE_TOKEN=TOKEN, DUELINE_EDITS="console"
    ) as made:
        fill(made)
        with served(made) as url:
            yield made, url


@contextmanager
def workshop(directory: Path) -> Iterator[tuple[World, str]]:
    """A small one, which tests may change: one issue, and whatever fails."""
    with world(
        directory, utc("2024-07-10 19:00"), DUELINE_CONSOLE_TOKEN=TOKEN, DUELINE_EDITS="console"
    ) as made:
        made.report("BIT", {"summary": "Exports are empty"})
        made.report("BIT", {"summary": "Reports are empty"})
        made.advance(timedelta(days=2))
        _have_something_fail(made)
        with served(made) as url:
            yield made, url


@contextmanager
def served(made: World) -> Iterator[str]:
    """The address of a world's console, which is served until the end of the block."""
    app = made.receiver.application
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
