"""What waits and what needs a person is counted right on either database, along indexes."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection

from sla.contract import Actions, Audience
from sla.effects import Saying
from sla.store import health, inbox, issues, notifications, outbox
from sla.store.database import Database
from sla.store.health import Attention
from sla.store.outbox import Entered
from tests.sla.example import NINE, at
from tests.sla.store.test_plans import plan

SITE = "default"


def fill(database: Database) -> None:
    """Issues of which each kind is given up once or waits; five deliveries, two set aside."""

    def write(c: Connection) -> None:
        for number in range(10):
            issues.hear_of(c, SITE, str(number), f"HLP-{number}")
        issues.change(c, SITE, "1", write_error="400")
        issues.change(c, SITE, "2", read_error="404", read_at=None)
        issues.change(c, SITE, "3", write_at=at(2), write_error="503")
        issues.change(c, SITE, "4", wake_at=at(1))
        issues.change(c, SITE, "5", wake_at=at(-1))

    database.write(write)
    told = Actions(notify=("team",))
    for key in ("a", "b"):
        said = Saying(key, "breach", NINE, Audience(), None, {}, actions=told)
        entered = [Entered("6", [said], NINE)]
        database.write(lambda c, e=entered: outbox.put(c, SITE, e, at(0.5)))  # type: ignore[misc]
    (first, _) = database.read(lambda c: outbox.pending(c, SITE, "6"))
    database.write(lambda c: outbox.give_up(c, first, error="403"))
    (untold, _) = database.read(lambda c: notifications.pending(c, SITE, "6", at(1)))
    database.write(
        lambda c: notifications.note(c, untold, state="given_up", error="500", try_at=None)
    )
    for number in range(5):
        body = b"" if number == 4 else b"{}"
        database.write(lambda c, n=number, b=body: inbox.keep(c, SITE, str(n), b, at(n), str(n)))  # type: ignore[misc]
    database.write(lambda c: inbox.handled(c, 1, "not_understood", "why", None))
    database.write(lambda c: inbox.handled(c, 2, "failed", "our fault", None))


def test_everything_is_counted(database: Database) -> None:
    fill(database)
    assert database.read(lambda c: health.attention(c, SITE)) == Attention(1, 1, 1, 1, 1, 1, at(4))
    assert database.read(lambda c: health.attention(c, "other")) == Attention(
        0, 0, 0, 0, 1, 1, None
    )
    timers = database.read(lambda c: health.timers(c, NINE))
    assert timers == (2, at(1), 1, at(-1))
    assert database.read(lambda c: health.timers(c, at(-2))) == (2, at(-1), 0, None)
    assert database.read(lambda c: health.timers(c, at(3))) == (2, None, 2, at(-1))
    queues = database.read(lambda c: health.queues(c, SITE))
    assert queues["comments"] == (1, 1, NINE)
    assert queues["fields"] == (1, 1, at(2))
    assert queues["histories"].given_up == 1
    assert queues["notifications"] == (1, 1, NINE)
    assert database.read(health.size) > 10_000


def test_one_thing_is_put_back_and_nothing_else(database: Database) -> None:
    fill(database)

    def again(what: str, id_: str, site: str = SITE) -> str:
        return database.write(lambda c: outbox.try_one_again(c, site, what, id_, at(3)))

    given_up = [e for e in database.read(lambda c: outbox.waiting(c, 9)) if e.again_at is None]
    assert {(each.what, each.issue) for each in given_up} == {
        ("a", "HLP-6"), ("fields", "HLP-1"), ("history", "HLP-2"), ("team: a", "HLP-6"),
    }  # fmt: skip
    for each in given_up:
        assert again(each.kind, each.id, "other") == ""
        assert again(each.kind, each.id) == each.issue.removeprefix("HLP-")
        assert again(each.kind, each.id) == ""
    assert again("fields", "3") == ""
    assert again("history", "9") == ""
    assert again("comment", "99") == ""
    assert database.read(lambda c: health.attention(c, SITE))[:4] == (0, 0, 0, 0)


def test_one_delivery_is_put_back_or_left(database: Database) -> None:
    fill(database)
    assert not database.write(lambda c: inbox.replay_one(c, "other", 1))
    assert not database.write(lambda c: inbox.replay_one(c, SITE, 3))
    assert database.write(lambda c: inbox.replay_one(c, SITE, 1))
    assert database.write(lambda c: inbox.dismiss(c, SITE, 2, "dismissed by Ada"))
    assert not database.write(lambda c: inbox.dismiss(c, SITE, 2, "again"))
    shown = database.read(lambda c: inbox.one(c, SITE, 2, 1))
    assert shown
    assert (shown.state, shown.note, shown.size, shown.beginning) == (
        "done", "dismissed by Ada", 2, b"{",
    )  # fmt: skip
    empty = database.read(lambda c: inbox.one(c, SITE, 5, 9))
    assert empty
    assert (empty.size, empty.beginning) == (0, b"")
    assert database.read(lambda c: inbox.one(c, SITE, 6, 9)) is None


def test_what_needs_a_person_is_found_along_indexes(database: Database) -> None:
    if database.is_shared:
        pytest.skip("PostgreSQL chooses by what the tables hold")
    steps = plan(database, lambda c: health.attention(c, SITE))
    for index in (
        "ix_issues_write_given_up", "ix_issues_read_given_up", "ix_sayings_given_up",
        "ix_inbox_set_aside",
    ):  # fmt: skip
        assert any(index in step for step in steps), (index, steps)
    # Besides, the inbox is gone through from its end: its first row is the newest delivery.
    scans = [step for step in steps if step.startswith("SCAN") and "INDEX" not in step]
    assert scans in ([], ["SCAN inbox"]), scans
