"""The loop around the core: whatever is heard, in whatever order, the tables end up the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from sla.lanes import Call
from sla.store import inbox, issues, schema
from sla.store.database import Database
from sla.timeline import Created
from tests.sla.engine.desk import ISSUE, SITE, Desk, Said, creation, telling
from tests.sla.example import CUSTOMER, NINE, at, change, reply

STORY = (
    creation(priority="High"),
    telling(change(at(0.5), "priority", "High", "Highest")),
    telling(change(at(0.7), "customfield_1", None, "Gold")),
    telling(change(at(1.2), "resolution", None, "Done")),
    telling(change(at(2.2), "resolution", "Done", None)),
    telling(reply(at(2.3), CUSTOMER, id_="1")),
    telling(reply(at(2.5), public=False, id_="2")),
    telling(reply(at(3.5), id_="3")),
    telling(reply(at(4), id_="4")),
)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    story=st.permutations(STORY),
    again=st.lists(st.sampled_from(STORY), max_size=3),
    batches=st.lists(st.integers(0, len(STORY)), max_size=3),
)
def test_deliveries_in_any_order_end_in_the_same_rows(
    shared: Database, story: list[Said], again: list[Said], batches: list[int]
) -> None:
    in_order = Desk(shared, at(9), site="in order")
    if not in_order.cycles():
        in_order.hear(*STORY)
    count = shared.read(lambda c: len(c.execute(select(schema.issues.c.site)).all()))
    shuffled = Desk(shared, at(9), site=f"shuffled {count}")
    heard = [*story, *again]
    ends = [*sorted(batches), len(heard)]
    for start, end in zip([0, *ends], ends, strict=False):
        shuffled.hear(*heard[start:end])
    assert shuffled.judgement() == in_order.judgement()
    assert shuffled.fields()["state"] == "breached"
    assert set(shuffled.states()) == {"done"}


def test_a_delivery_that_tells_nothing_new_writes_nothing(desk: Desk) -> None:
    desk.hear(creation())
    desk.database.write(lambda c: issues.change(c, SITE, ISSUE, write_at=None))
    desk.now = at(0.5)
    desk.hear(creation())
    assert desk.row().write_at is None


def never_promised(desk: Desk) -> None:
    """Answered while no rule covered it, then raised: there never was a promise."""
    assert desk.cycles() == []
    assert set(desk.fields().values()) <= {None}


def test_an_answer_from_before_there_was_a_promise(desk: Desk) -> None:
    desk.now = at(3)
    raised = telling(change(at(2), "priority", "Trivial", "Highest"))
    desk.hear(creation(priority="Trivial"), telling(reply(at(1))), raised)
    never_promised(desk)


def test_the_same_answer_heard_late(desk: Desk) -> None:
    desk.now = at(3)
    raised = telling(change(at(2), "priority", "Trivial", "Highest"))
    desk.hear(creation(priority="Trivial"), raised, telling(reply(at(1))))
    never_promised(desk)


def test_a_new_issue_is_judged_and_every_lane_told(desk: Desk) -> None:
    desk.hear(creation())
    assert desk.fields() == {
        "policy": "acme", "severity": "Urgent", "due": at(2).isoformat(), "responded": None,
        "state": "running", "level": 0, "next_due": at(2).isoformat(),
        "next_metric": "first response",
        "link": ["running", *["First response due Wed 10 Jul 2024 11:00 EDT"] * 2],
    }  # fmt: skip
    assert (desk.row().write_at, desk.wake_at()) == (NINE, at(1.5))
    key = (SITE, ISSUE)
    assert desk.told == [Call("dispatch", key, NINE), Call("decide", key, at(1.5))]
    assert desk.row().policy_version == "v1"


def test_what_cannot_be_understood_is_kept_with_its_reason(desk: Desk) -> None:
    desk.hear(Said(None, None, not_understood="The body is not JSON."))
    assert (desk.states(), desk.notes()) == (["not_understood"], ["The body is not JSON."])
    assert desk.cycles() == []


def test_what_says_nothing_about_an_issue_is_done(desk: Desk) -> None:
    desk.hear(Said(None, None))
    assert desk.states() == ["done"]


def naive() -> Said:
    """A delivery whose translation broke its word: an instant without a zone."""
    return telling(Created(NINE.replace(tzinfo=None)), issue="10001")


def test_a_delivery_that_fails_is_recorded_and_holds_up_no_other(desk: Desk) -> None:
    with capture_logs() as logs:
        desk.hear(creation(issue="10000"), naive(), creation(issue="10002"))
    assert desk.states() == ["done", "failed", "done"]
    [_, note, _] = desk.notes()
    assert note is not None
    assert "offset-naive" in note
    assert [line["event"] for line in logs] == [
        "deliveries failed together", "issue could not be decided",
    ]  # fmt: skip
    assert desk.fields("10000") == desk.fields("10002")
    # Nothing of it was stored, not even that there is such an issue.
    assert desk.database.read(lambda c: issues.get(c, SITE, "10001")) is None


def test_what_failed_or_was_not_understood_is_tried_again_on_replay(desk: Desk) -> None:
    with capture_logs():
        desk.hear(Said(None, None, not_understood="An unknown event."), naive(), creation())
    desk.heard[b"0"] = creation(issue="10003")
    desk.heard[b"1"] = creation(issue="10001")
    assert desk.work() == 0
    assert desk.database.write(inbox.replay) == 2
    assert desk.work() > 0
    assert (desk.states(), desk.notes()) == (["done"] * 3, [None] * 3)
    assert desk.fields("10001") == desk.fields("10003") == desk.fields("10000")


def test_when_the_disk_is_full_the_delivery_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.keep(creation())
    with monkeypatch.context() as patched:
        patched.setattr(desk.database, "write", _disk_full)
        with pytest.raises(OperationalError):
            desk.work()
    assert desk.states() == ["new"]
    assert desk.work() == 1
    assert desk.states() == ["done"]


def _disk_full(work: Callable[[Any], Any]) -> None:
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


def test_more_deliveries_than_one_batch_are_all_handled(desk: Desk) -> None:
    desk.keep(*(Said(None, None) for _ in range(250)))
    desk.work()
    assert desk.states() == ["done"] * 250
    assert desk.work() == 0


def test_deliveries_of_a_site_that_is_not_known_wait(desk: Desk) -> None:
    desk.keep(creation(), site="unknown")
    desk.keep(creation())
    assert desk.work() == 1
    assert desk.states() == ["new", "done"]
    desk.engine.sites["unknown"] = desk.engine.sites[SITE]
    assert desk.work() == 1
    assert desk.states() == ["done", "done"]


def test_however_many_wait_for_an_unknown_site_the_others_go_on(desk: Desk) -> None:
    desk.keep(*(Said(None, None) for _ in range(100)), site="unknown")
    desk.keep(creation())
    assert desk.work() == 1


def test_an_issue_that_cannot_be_judged_is_pushed_on_and_holds_up_no_other(desk: Desk) -> None:
    desk.hear(creation(issue="10000"), creation(issue="10001"))
    desk.database.write(lambda c: issues.change(c, SITE, "10000", policy_version="lost"))
    with capture_logs() as logs:
        assert desk.wake(at(2)) == 2
    assert [line["event"] for line in logs] == ["issue could not be decided"]
    assert desk.wake_at("10000") == at(2) + timedelta(minutes=5)
    assert set(desk.said("10001")) == {"warning-75%", "breach"}
    assert desk.wake(at(2)) == 0

    desk.policies["lost"] = desk.policies["v1"]
    assert desk.wake(at(2) + timedelta(minutes=5)) == 1
    assert set(desk.said("10000")) == {"warning-75%", "breach"}
