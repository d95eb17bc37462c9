"""Open issues hear of a version in batches: each as if it were alone, in a few statements."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import Connection, event, select, update
from structlog.testing import capture_logs

from sla.contract import Audience, Goal, OpenTime
from sla.effects import Saying
from sla.engine import learning
from sla.lanes import drain
from sla.mapping import Policy
from sla.store import inbox, issues, outbox, sites
from sla.store.database import Database
from sla.store.outbox import Entered
from sla.store.schema import cycles, issue_keys, promises, refers, sayings
from sla.store.schema import issues as issue_rows
from sla.timeline import Event, Linked
from tests.sla.engine.desk import Desk, Said, escalating
from tests.sla.example import CUSTOMER, at, change, contract, hours, made, office, policy, reply
from tests.sla.store.conftest import new_database
from webhooks import moving
from webhooks.publishing import MOVING

ALONE, TOGETHER = "alone", "together"
"""The same issues on two sites: one is decided issue by issue, the other in batches."""


def promising(number: float) -> Policy:
    """Like `escalating`, with another goal."""
    goal = Goal(OpenTime(hours(number), f"{number}h"), office())
    return policy(replace(contract(goal), requests=escalating().contracts["acme"].requests))


VERSIONS = {"v1": escalating(), "v2": promising(3), "v3": promising(1)}


def site(database: Database, name: str) -> Desk:
    return Desk(database, at(9), name, policies=dict(VERSIONS))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Any) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = new_database(tmp_path)
    else:
        opened = Database(request.getfixturevalue("postgres").database())
    yield opened
    opened.close()


def story(nth: int, draw: random.Random) -> list[Event]:
    """What happened to an issue; some are over, some were escalated, some moved."""
    urgency = draw.choice(["Highest", "High", "Low"])
    kind = draw.choice(["Bug", "Escalation"])
    events = made(priority=urgency, issuetype=kind, key=f"ACME-{nth}")
    further = [
        change(at(0.5), "priority", urgency, "Highest"),
        change(at(1), "assignee", None, draw.choice(["one", "two"])),
        reply(at(1.5), CUSTOMER, id_="1"),
        reply(at(draw.choice([1.7, 6])), id_="2"),
        change(at(2), "key", f"ACME-{nth}", f"ACME-9{nth}"),
        change(at(3), "summary", "Help", "More help"),
        Linked(at(1), str(nth), str(draw.randrange(30))),
    ]
    return [*events, *(each for each in further if draw.random() < 0.4)]


def tell(desk: Desk, number: int, seed: int = 7) -> None:
    """So many issues, judged by the first version."""
    draw = random.Random(seed)
    for nth in range(number):
        key, told = f"ACME-{nth}", story(nth, draw)
        learning.learn_history(desk.engine, desk.site, str(nth), key, told, reads_asked=0)
    drain(desk.engine)


def publish(desk: Desk, version: str, *, in_batches: bool, at_once: int = 100) -> None:
    """Have every open issue hear of a version, to the end."""
    desk.database.write(partial(_note, desk, version))
    engine = desk.engine if in_batches else None
    step = partial(moving.step, desk.database, desk.site, desk.now, at_once, engine=engine)
    while step():
        drain(desk.engine)
    drain(desk.engine)


def stands(desk: Desk) -> dict[str, list[Any]]:
    """All that is held of a site's issues, but which row was written before which."""
    own = {"site", "id"}

    def work(connection: Connection) -> dict[str, list[Any]]:
        found = {}
        for table in (issue_rows, cycles, promises, sayings, issue_keys, refers):
            # Of an issue what it says stays in its order.
            order = [table.c.issue_id, *(table.c[name] for name in ("id",) if name in table.c)]
            columns = [column for column in table.c if column.name not in own]
            asked = select(*columns).where(table.c.site == desk.site).order_by(*order)
            rows = [tuple(row) for row in connection.execute(asked)]
            found[table.name] = rows if table is sayings else sorted(rows, key=repr)
        return found

    return desk.database.read(work)


def test_a_batch_comes_to_what_each_issue_comes_to_by_itself(database: Database) -> None:
    desks = [site(database, name) for name in (ALONE, TOGETHER)]
    for desk in desks:
        tell(desk, 30)
    alone, together = desks
    assert stands(alone) == stands(together)
    for version, later in (("v2", 10), ("v3", 12)):
        for desk in desks:
            desk.now = at(later)
            database.write(partial(_disturb, desk.site))
            publish(desk, version, in_batches=desk is together, at_once=12)
        before, after = stands(alone), stands(together)
        assert {row[0] for row in after["promises"]} >= {"0", "1"}
        assert after == before


def _disturb(of_site: str, connection: Connection) -> None:
    """One waits for its history, one has something pending that stands no more."""
    issues.change(connection, of_site, "3", incomplete=True, read_at=at(9))
    mine = (sayings.c.site == of_site, sayings.c.issue_id.in_(("5", "6")))
    again = {"state": "pending", "attempted_at": None, "comment_id": None, "try_at": at(9)}
    connection.execute(update(sayings).where(*mine).values(again))


def test_a_batch_takes_as_many_statements_as_one_issue_does_and_a_few(tmp_path: Any) -> None:
    database = new_database(tmp_path)
    desk = site(database, TOGETHER)
    for nth in range(40):
        told = made(priority="Highest", key=f"ACME-{nth}")
        learning.learn_history(desk.engine, desk.site, str(nth), f"ACME-{nth}", told, reads_asked=0)
    asked: list[str] = []

    def note(*of: Any) -> None:
        asked.append(of[2])

    database.write(partial(_note, desk, "v2"))
    event.listen(database.engine, "before_cursor_execute", note)
    numbers = []
    for at_once in (4, 30):
        asked.clear()
        assert moving.step(database, desk.site, desk.now, at_once, engine=desk.engine)
        numbers.append(len(asked))
    event.remove(database.engine, "before_cursor_execute", note)
    database.close()
    assert numbers[0] == numbers[1] <= 30, asked


def _note(desk: Desk, version: str, connection: Connection) -> None:
    """Note that open issues are to hear of a version."""
    desk.engine.in_force = version
    job = {"publication": 1, "version": version, "recalculate": True, "after": None}
    sites.learn(connection, desk.site, MOVING, [{**job, "at": desk.now.isoformat()}])


def test_what_was_heard_of_an_issue_is_taken_in_before_it_is_judged_anew(
    database: Database,
) -> None:
    desk = site(database, TOGETHER)
    for nth in range(2):
        told = made(priority="Highest", key=f"ACME-{nth}")
        learning.learn_history(desk.engine, desk.site, str(nth), f"ACME-{nth}", told, reads_asked=0)
    desk.heard[b"answer"] = Said("1", "ACME-1", (reply(at(1), id_="1"),))
    database.write(lambda c: inbox.keep(c, desk.site, "answer", b"answer", at(9), "1"))
    database.write(partial(_note, desk, "v3"))
    assert moving.step(database, desk.site, desk.now, engine=desk.engine)
    assert (desk.row("0").wake_at, desk.row("1").wake_at) == (None, at(9))
    drain(desk.engine)
    states = [row["state"] for row in _cycles(desk)]
    assert sorted(states) == ["breached", "met"]


def _cycles(desk: Desk) -> list[Any]:
    mine = select(cycles).where(cycles.c.site == desk.site)
    return desk.database.read(lambda c: list(c.execute(mine).mappings()))


def test_an_issue_that_cannot_be_decided_holds_up_no_other(database: Database) -> None:
    desk = site(database, TOGETHER)
    for nth in range(5):
        told = made(priority="Highest", key=f"ACME-{nth}")
        learning.learn_history(desk.engine, desk.site, str(nth), f"ACME-{nth}", told, reads_asked=0)
    # Its earlier version is not in the database any more.
    gone = '[["v0", "2024-07-10T14:00:00+00:00"]]'
    database.write(lambda c: issues.change(c, desk.site, "2", earlier_versions=gone))
    with capture_logs() as logged:
        publish(desk, "v2", in_batches=True)
    faults = [entry["event"] for entry in logged if entry["log_level"] == "error"]
    assert faults == ["issues failed together", "issue could not be decided"]
    stamped = [desk.fields(str(nth)) for nth in range(5)]
    assert [fields == stamped[0] for fields in stamped] == [True, True, False, True, True]
    assert moving.left(database, desk.site) == []
    # Looked at again later, as any issue that has a fault.
    assert desk.row("2").wake_at is not None


def test_an_issue_that_was_altered_by_hand_is_left_and_named(database: Database) -> None:
    desk = site(database, TOGETHER)
    for nth in range(3):
        told = [*made(priority="Highest", key=f"ACME-{nth}"), reply(at(0.5))]
        learning.learn_history(desk.engine, desk.site, str(nth), f"ACME-{nth}", told, reads_asked=0)
    database.write(lambda c: issues.change(c, desk.site, "1", earlier_versions="["))
    with capture_logs() as logged:
        publish(desk, "v2", in_batches=True)
    faults = [entry for entry in logged if entry["log_level"] == "error"]
    assert [(each["event"], each["issue_id"]) for each in faults] == [
        ("issue stays as it was judged", "1")
    ]
    assert "the stored earlier_versions of Jira id 1 cannot be read" in faults[0]["why"]
    assert [desk.row(str(nth)).policy_version for nth in range(3)] == ["v2", "v1", "v2"]
    assert moving.left(database, desk.site) == []


def test_several_issues_say_what_each_has_to_say_in_its_order(database: Database) -> None:
    said = outbox.announced
    one, other = ([_saying(f"{issue}{n}", revisable=n == "2") for n in "1234"] for issue in "ab")
    entered = [Entered("1", one, at(0)), Entered("2", other[1:], at(0))]
    database.write(lambda c: outbox.put(c, TOGETHER, entered, at(1)))
    for issue, expected in (("1", ["a1", "a2", "a3", "a4"]), ("2", ["b2", "b3", "b4"])):
        rows = database.read(lambda c, i=issue: said(c, TOGETHER, i))  # type: ignore[misc]
        assert [row["key"] for row in sorted(rows, key=lambda row: row["id"])] == expected


def _saying(key: str, *, revisable: bool) -> Saying:
    return Saying(key, "breach", at(1), Audience(), None, {}, revisable=revisable)
