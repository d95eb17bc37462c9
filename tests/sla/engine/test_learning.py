"""An issue is decided for once its history was read, and not by half a story."""

from __future__ import annotations

from sla.store import issues
from sla.timeline import Seen
from tests.sla.engine.desk import ISSUE, SITE, Desk, creation, history, telling
from tests.sla.example import at, change, reply


def test_an_issue_from_before_our_time_waits_for_its_history(desk: Desk) -> None:
    desk.now = at(3)
    desk.hear(telling(change(at(3), "status", "To Do", "Doing")))
    assert (desk.row().read_at, desk.cycles(), desk.wake_at()) == (at(3), [], None)
    # A second delivery does not ask again, and nothing is concluded from half a story.
    desk.now = at(4)
    desk.hear(telling(change(at(4), "status", "Doing", "To Do")))
    assert (desk.row().read_at, desk.cycles()) == (at(3), [])

    desk.learn(history(reply(at(1))))
    assert desk.row().read_at is None
    assert (desk.fields()["state"], desk.fields()["responded"]) == ("met", at(1).isoformat())


def test_an_issue_of_which_only_the_history_tells(desk: Desk) -> None:
    desk.learn(history())
    assert desk.fields()["state"] == "running"
    assert desk.row().key == "ACME-1"


def test_while_its_history_is_asked_for_an_issue_is_not_woken(desk: Desk) -> None:
    desk.hear(creation())
    desk.now = at(1)
    desk.hear(telling(Seen(at(1), {}, "comment_created/1"), unclear=True))
    assert (desk.row().read_at, desk.wake_at()) == (at(1), None)
    assert desk.wake(at(9)) == 0
    assert desk.said() == {}
    desk.learn(history(reply(at(1), public=False)))
    assert desk.fields()["state"] == "breached"


def test_a_history_that_comes_late_changes_no_promise_that_was_made(desk: Desk) -> None:
    desk.hear(creation(priority="High"))
    [before] = desk.database.read(lambda c: issues.promises_of(c, SITE, ISSUE))
    desk.now = at(5)
    raised = history(change(at(1), "priority", "High", "Highest"), priority="High")
    desk.learn(raised)
    first, second = desk.database.read(lambda c: issues.promises_of(c, SITE, ISSUE))
    assert first == before
    assert (second["severity"], second["promised_at"], second["due_at"]) == (
        "Urgent", at(5), at(2),
    )  # fmt: skip
