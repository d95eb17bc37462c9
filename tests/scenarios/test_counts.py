"""What a change costs, counted: an increase is made on purpose, by changing the table here."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import pytest
from sqlalchemy import event

from config.loader import load
from connector.simulator import AGENT, CUSTOMER, Simulator
from sla.calendar import Calendar
from sla.lanes import Key
from tests.scenarios.world import World, a_site, signature

# What begins and ends a transaction; on PostgreSQL each has a limit of its own for being idle.
_NO_WORK = ("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET LOCAL")
ENTERPRISE = {"summary": "Help", "Support plan": "Enterprise"}
SITE = "default"


class Count(NamedTuple):
    """What the database and Jira were given."""

    statements: int
    """Without those that begin and end a transaction."""
    transactions: int
    """Those that wrote."""
    reads: int
    """Of Jira."""
    writes: int
    """To Jira."""


class Meter:
    """Counts what is given to the database and to Jira of one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.statements = self.transactions = 0
        engine = world.service.database.engine
        event.listen(engine, "before_cursor_execute", self._statement)
        event.listen(engine, "commit", self._commit)

    def count(self, work: Callable[[], object]) -> Count:
        """What some work gives them."""
        before = self._now()
        work()
        return Count(*(after - earlier for after, earlier in zip(self._now(), before, strict=True)))

    def _now(self) -> Count:
        methods = [each.method for each in self.world.jira.requests]
        reads = methods.count("GET")
        return Count(self.statements, self.transactions, reads, len(methods) - reads)

    def _statement(self, _c: object, _cursor: object, statement: str, *_: object) -> None:
        self.statements += not statement.startswith(_NO_WORK)

    def _commit(self, _c: object) -> None:
        self.transactions += 1


CHANGES: dict[str, Callable[[Simulator], object]] = {
    "made": lambda jira: jira.create_issue(ENTERPRISE, project="HLP"),
    "answered": lambda jira: jira.add_comment("HLP-1", "On it.", account=AGENT),
    "asked again": lambda jira: jira.add_comment("HLP-1", "Any news?", account=CUSTOMER),
    "severity": lambda jira: jira.edit("HLP-1", priority="Highest"),
    "status": lambda jira: jira.transition("HLP-1", "In Progress", account=AGENT),
    "resolved": lambda jira: jira.transition("HLP-1", "Done", account=AGENT),
}
TAKEN_IN = Count(1, 1, 0, 0)
"""The durable row, before Jira is answered."""
SETTLED = {
    # The first time there are promises and keys to record.
    "made": Count(14, 1, 0, 0),
    "answered": Count(10, 1, 0, 0),
    "asked again": Count(8, 1, 0, 0),
    "severity": Count(10, 1, 0, 0),
    "status": Count(8, 1, 0, 0),
    "resolved": Count(10, 1, 0, 0),
}
"""Read, decided and saved."""
STARTED_WHERE_SHARED = 1
"""Which version is in force: another process on the same database may have published one."""
WRITTEN = Count(5, 2, 0, 1)
"""The fields, in one call."""
NOTHING = Count(0, 0, 0, 0)
OWN = Count(8, 1, 0, 0)
"""Jira's webhook about what Dueline wrote."""


@pytest.fixture
def settled(cloud: World) -> World:
    """A world with one issue whose fields are written, and all of whose webhooks were handled."""
    assert cloud.report("HLP", ENTERPRISE) == "HLP-1"
    return cloud


def newest(world: World) -> Key:
    return SITE, max((each.id for each in world.jira.issues.values()), key=int)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_costs(settled: World, name: str) -> None:
    started = STARTED_WHERE_SHARED if settled.service.database.is_shared and name == "made" else 0
    decided = SETTLED[name]._replace(statements=SETTLED[name].statements + started)
    service, meter = settled.service, Meter(settled)
    CHANGES[name](settled.jira)
    assert meter.count(settled.jira.deliver) == TAKEN_IN
    key = newest(settled)
    assert meter.count(lambda: service.engine.run(key)) == decided
    due = key in service.dispatcher.due(10)
    written = meter.count(lambda: service.dispatcher.run(key)) if due else NOTHING
    assert written == (WRITTEN if name in ("made", "answered", "severity", "resolved") else NOTHING)
    if due:
        assert meter.count(settled.jira.deliver) == TAKEN_IN
        assert meter.count(lambda: service.engine.run(key)) == OWN
    assert not [each for each in service.lanes.values() if key in each.due(10)]


def test_a_notice_without_a_word_costs_one_read(settled: World) -> None:
    settled.jira.webhooks.clear()
    settled.jira.add_comment("HLP-1", "On it.", account=AGENT)
    key = newest(settled)
    notice = json.dumps({"issue": {"id": key[1], "key": "HLP-1"}}).encode()
    headers = {"X-Hub-Signature": signature(notice)}
    assert settled.receiver.post("/webhooks/jira", data=notice, headers=headers).status_code == 202
    service, meter = settled.service, Meter(settled)
    assert meter.count(lambda: service.engine.run(key)) == Count(6, 1, 0, 0)
    assert meter.count(lambda: service.histories.run(key)) == Count(15, 1, 1, 0)
    assert meter.count(lambda: service.dispatcher.run(key)) == WRITTEN


def test_an_instant_that_comes_costs(settled: World) -> None:
    service, meter, key = settled.service, Meter(settled), newest(settled)
    wake_at = service.engine.next_run()
    assert wake_at is not None
    settled.clock.at = wake_at
    assert meter.count(lambda: service.engine.run(key)) == Count(9, 1, 0, 0)
    # The comment, and who is in the group that it addresses.
    assert meter.count(lambda: service.dispatcher.run(key)) == Count(8, 2, 1, 1)


def test_a_poll_asks_for_what_was_updated_and_no_issue_by_itself(settled: World) -> None:
    for _ in range(9):
        settled.report("HLP", ENTERPRISE)
    for issue in list(settled.jira.issues.values()):
        settled.jira.add_comment(issue.key, "On it.", account=AGENT)
    settled.settle()
    settled.clock.at += timedelta(minutes=1)
    settled.settle()
    meter = Meter(settled)
    # In whose zone Jira reads a query, and the search, which is a POST.
    polled = meter.count(lambda: settled.service.reconciler.poll(SITE))
    assert polled == Count(7, 3, 1, 1)
    assert meter.count(settled.settle).reads == 0


def test_a_calendar_builds_one_table_for_each_publication(settled: World, tmp_path: Path) -> None:
    with patch.object(Calendar, "_build", autospec=True, side_effect=Calendar._build) as built:
        settled.stop()
        settled.configuration = load(a_site(tmp_path))
        settled.start()
        for number in range(6):
            settled.report("HLP", ENTERPRISE)
            settled.report("BIT", priority="High")
            settled.jira.add_comment(f"BIT-{number + 1}", "On it.", account=AGENT)
            settled.advance(timedelta(hours=1))
    tables = Counter(id(call.args[0]) for call in built.call_args_list)
    assert set(tables.values()) == {1}
    # Enterprise's hours and Bitumio's: no other calendar was asked.
    assert len(tables) == 2
