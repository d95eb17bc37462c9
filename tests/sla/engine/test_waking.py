"""Time alone: what has come is said, each once, however many issues wake together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event, update
from structlog.testing import capture_logs

from sla.engine.engine import Engine
from sla.store import issues, outbox, schema
from sla.store.database import Database
from sla.timeline import Deleted, Linked
from tests.postgres import PostgresServer
from tests.sla.engine.desk import (
    ISSUE,
    SITE,
    Desk,
    Said,
    creation,
    escalating,
    many,
    telling,
    waits,
)
from tests.sla.example import at, reply


def test_each_wake_says_what_has_come_and_asks_for_the_next(desk: Desk) -> None:
    desk.hear(creation())
    seen = []
    while (wake := desk.engine.next_run()) is not None:
        desk.wake(wake)
        seen.append((desk.now, list(desk.said())[-1]))
    assert seen == [
        (at(1.5), "warning-75%"), (at(2), "breach"), (at(3), "level-1"), (at(6), "level-2"),
    ]  # fmt: skip
    assert (desk.fields()["state"], desk.fields()["level"]) == ("breached", 2)


def test_what_is_due_and_not_decided_yet_hides_no_later_instant(desk: Desk) -> None:
    desk.hear(creation(), creation(issue="10001"))
    desk.database.write(lambda c: issues.change(c, SITE, "10001", wake_at=at(7)))
    desk.now = at(2)
    assert desk.engine.next_run() == at(7)


def test_waking_too_early_or_twice_does_no_harm(desk: Desk) -> None:
    desk.hear(creation())
    assert desk.wake(at(1.4)) == 0
    assert desk.wake(at(1.5)) == 1
    assert desk.wake(at(1.5)) == 0
    assert desk.said() == {"warning-75%": "pending"}


def test_what_fell_due_goes_before_all_that_was_heard_of_others(desk: Desk) -> None:
    desk.hear(creation())
    for number in range(20):
        waits(desk, f"9{number}", number)
    desk.now = at(1.5)
    assert desk.engine.due(3) == [(SITE, ISSUE), (SITE, "90"), (SITE, "91")]
    assert desk.engine.pressing() == [(SITE, ISSUE)]


def test_those_whose_instant_has_come_are_decided_together_as_if_each_were_alone(
    desk: Desk, shared: Database
) -> None:
    alone = Desk(shared, site="alone")
    ids = many(desk, 60)
    assert many(alone, 60) == ids
    statements: list[str] = []
    event.listen(
        desk.database.engine, "before_cursor_execute", lambda *of: statements.append(of[2])
    )
    for now in (at(1.5), at(2), at(6)):
        statements.clear()
        # Four looks and two batches.
        assert desk.wake(now) == 60
        assert len(statements) <= 40
        alone.now = now
        for id_ in ids:
            alone.engine._handle((alone.site, id_), [])
        assert desk.judgement() == alone.judgement()
        assert [desk.said(id_) for id_ in ids] == [alone.said(id_) for id_ in ids]
    kept = {call.key[1] for call in desk.told if call.lane == "dispatch" and call.urgent}
    assert kept == set(ids)


def test_an_answer_that_waits_is_overtaken_by_no_batch(desk: Desk) -> None:
    desk.hear(creation(), creation(issue="10001"), creation(issue="10002"))
    desk.hear(Said("10002", None, (Linked(at(1), "5", "10003"),)))
    desk.now = at(2)
    desk.keep(telling(reply(at(1)), issue="10001"))
    # Of one something was heard, and what was heard may matter to one that is tied to another.
    assert desk.engine.run((SITE, "10000")) == [(SITE, "10000")]
    assert [desk.wake_at(id_) for id_ in ("10001", "10002")] == [at(1.5), at(1.5)]
    waits(desk, None, 1)
    assert desk.engine.run((SITE, "10002")) == [(SITE, "10002")]
    desk.work()
    assert not desk.said("10001")


def test_a_batch_that_failed_is_decided_one_by_one_and_a_fault_of_all_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = many(desk, 3)
    decide_all = Engine._decide_all

    def fails(engine: Engine, connection: Connection, site: str, asked: Any, **how: Any) -> Any:
        calls = decide_all(engine, connection, site, asked, **how)
        if len(asked) > 1:
            raise ValueError("only together")
        return calls

    monkeypatch.setattr(Engine, "_decide_all", fails)
    with capture_logs() as logs:
        assert desk.wake(at(1.5)) == 3
    assert [line["event"] for line in logs] == ["issues failed together"]
    assert [desk.said(id_) for id_ in ids] == [{"warning-75%": "pending"}] * 3


def test_processes_that_decide_side_by_side_share_what_is_due(postgres: PostgresServer) -> None:
    database = Database(postgres.database())
    desks = [Desk(database, policies={"v1": escalating()}) for _ in range(3)]
    ids = many(desks[0], 120)
    for nth, id_ in enumerate(ids[:40]):
        # Whoever hears of one of these wakes the other, whose row a batch may hold.
        other = ids[119 - nth]
        ends = {other: (Linked(at(0.1), id_, id_),)}
        desks[0].hear(Said(id_, None, (Linked(at(0.1), id_, other),), also=ends))
    for desk in desks:
        desk.now, desk.heard = at(2), desks[0].heard
    desks[2].keep(*(telling(reply(at(1), id_=id_), issue=id_) for id_ in ids[:40]))
    with capture_logs() as logs, ThreadPoolExecutor(3) as beside:
        assert all(each > 0 for each in beside.map(lambda desk: desk.work(), desks))
    desks[0].work()
    assert not [line for line in logs if line["log_level"] == "error"]
    said = [set(desks[0].said(id_)) for id_ in ids]
    assert said[:40] == [set()] * 40
    assert [each for each in said[40:] if not {"warning-75%", "breach"} <= each] == []
    database.close()


def test_what_the_release_before_decided_is_filled_in_once(desk: Desk) -> None:
    ids = many(desk, 3)
    as_decided = desk.cycles()
    beside = dict.fromkeys(("key", "project", "assignee_id", "named_customer", "in_danger_at"))
    two = schema.cycles.c.issue_id.in_(ids[:2])
    desk.database.write(lambda c: c.execute(update(schema.cycles).where(two).values(**beside)))
    assert desk.cycles() != as_decided
    fill_in = partial(issues.fill_in, site=SITE, now=desk.now)
    assert desk.database.write(lambda c: fill_in(c, limit=1)) == 1
    assert desk.work() == 1
    assert desk.database.write(lambda c: fill_in(c, limit=9)) == 1
    assert desk.work() == 1
    assert desk.cycles() == as_decided
    assert desk.database.write(lambda c: fill_in(c, limit=9)) == 0
    assert not any(desk.said(id_) for id_ in ids)


def test_what_names_no_issue_goes_before_what_fell_due(desk: Desk) -> None:
    desk.hear(creation())
    waits(desk, "90", 1)
    waits(desk, None, 2)
    desk.now = at(1.5)
    assert desk.engine.due(3) == [(SITE, ""), (SITE, ISSUE), (SITE, "90")]
    assert not desk.engine.pressing()


def test_after_a_long_absence_everything_is_said_once_with_its_own_instant(desk: Desk) -> None:
    desk.hear(creation())
    assert desk.wake(at(1000)) == 1
    rows = desk.database.read(lambda c: outbox.announced(c, SITE, ISSUE))
    assert [row["at"] for row in rows] == [at(1.5), at(2), at(3), at(6)]
    assert {row["decided_at"] for row in rows} == {at(1000)}


def test_sites_that_are_not_known_are_not_woken(desk: Desk) -> None:
    desk.hear(creation())
    site = desk.engine.sites.pop(SITE)
    assert (desk.engine.next_run(), desk.wake(at(9))) == (None, 0)
    desk.engine.sites[SITE] = site
    assert desk.wake(at(9)) == 1


def test_a_deleted_issue_is_left_alone(desk: Desk) -> None:
    desk.hear(creation())
    desk.now = at(1)
    desk.hear(telling(Deleted(at(1))))
    assert (desk.row().write_at, desk.wake_at()) == (None, None)
    assert desk.wake(at(9)) == 0
