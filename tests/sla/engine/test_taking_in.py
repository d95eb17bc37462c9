"""What is stored of a delivery, and when only Jira can tell more."""

from __future__ import annotations

import dataclasses

import pytest

from sla.timeline import Seen
from tests.sla.engine.desk import ISSUE, OTHER, Desk, Said, asking, creation, link, telling
from tests.sla.example import NINE, at, change, made


def test_a_comment_whose_privacy_is_unclear_is_looked_up_in_whatever_order(desk: Desk) -> None:
    """The history must still be asked for: without it the agent's answer never counts."""
    desk.hear(telling(Seen(at(1), {"status": "To Do"}, "comment_created/1"), unclear=True))
    assert desk.row().read_at == NINE
    desk.hear(creation())
    assert desk.row().read_at == NINE


def test_a_link_to_an_issue_that_nobody_heard_of_has_its_history_read(pair: Desk) -> None:
    pair.hear(creation(key="ACME-1"), link())
    assert pair.row(OTHER).read_at == at(1)


ELSEWHERE = Said(ISSUE, "ELSE-1", tuple(made(project="ELSE", key="ELSE-1")), complete=True)


@pytest.mark.parametrize("key", [None, "ELSE-1"])
def test_a_notice_of_an_issue_that_no_rule_speaks_of_has_nothing_read(
    desk: Desk, key: str | None
) -> None:
    desk.hear(ELSEWHERE)
    desk.hear(Said(ISSUE, key, unclear=True))
    assert (desk.row().read_at, desk.row().reads_asked) == (None, 0)


@pytest.mark.parametrize(
    "said",
    [
        Said(ISSUE, "ACME-1", unclear=True),
        Said(ISSUE, None, unclear=True, also={"10001": ()}),
    ],
    ids=["moved to where one does", "linked to another"],
)
def test_it_has_when_it_may_matter_now(desk: Desk, said: Said) -> None:
    desk.hear(ELSEWHERE)
    desk.hear(said)
    assert desk.row().reads_asked == 1


def test_one_that_was_moved_away_from_its_clock_is_read(desk: Desk) -> None:
    desk.hear(creation(key="ACME-1"))
    moved = [("project", "ACME", "ELSE"), ("key", "ACME-1", "ELSE-1")]
    desk.now = at(2)
    desk.hear(telling(*(change(at(1 + number), *each) for number, each in enumerate(moved))))
    assert desk.row().key == "ELSE-1"
    desk.hear(Said(ISSUE, "ELSE-1", unclear=True))
    assert desk.row().reads_asked == 1


def test_one_that_speaks_of_another_issue_is_read(pair: Desk) -> None:
    asks = asking(project="ELSE", key="ELSE-2", description="About ACME-1, please.")
    pair.hear(creation(key="ACME-1"), dataclasses.replace(asks, issue_key="ELSE-2"))
    pair.hear(Said(OTHER, "ELSE-2", unclear=True))
    assert pair.row(OTHER).reads_asked == 1
