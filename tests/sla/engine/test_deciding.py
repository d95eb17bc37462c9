"""Issues that have to do with each other: each is decided for itself, and hears of the other."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from sla.store import issues
from tests.sla.engine.desk import ISSUE, OTHER, SITE, Desk, asking, creation, link, telling, waits
from tests.sla.example import at, reply


def test_both_issues_hear_of_an_escalation_by_link(pair: Desk) -> None:
    pair.hear(creation(key="ACME-1"), asking())
    assert "escalation/leadership/level-1" not in pair.said()
    assert list(pair.said(OTHER)) == ["escalation/leadership/request"]
    pair.hear(link())
    pair.wake(pair.now)
    assert pair.said()["escalation/leadership/level-1"] == "pending"
    assert "escalation/leadership/routed" in pair.said(OTHER)
    assert pair.fields()["level"] == 1


def test_the_key_in_the_words_is_enough_whichever_issue_comes_first(pair: Desk) -> None:
    pair.hear(asking(description="About ACME-1, please."), creation(key="ACME-1"))
    pair.wake(pair.now)
    assert "escalation/leadership/level-1" in pair.said()
    assert "escalation/leadership/routed" in pair.said(OTHER)


@pytest.mark.parametrize("named", ["by link", "by key"])
def test_one_that_is_tied_to_another_falls_due_in_its_turn(pair: Desk, named: str) -> None:
    pair.hear(creation(key="ACME-1"), asking(description="ACME-1" if named == "by key" else ""))
    if named == "by link":
        pair.hear(link())
    pair.wake(pair.now)
    waits(pair, OTHER, 1)
    pair.now = at(1.5)
    assert pair.engine.due(3) == [(SITE, OTHER), (SITE, ISSUE)]
    assert not pair.engine.pressing()


def test_a_fault_in_a_tied_issue_does_not_take_this_one_with_it(pair: Desk) -> None:
    pair.hear(creation(key="ACME-1"), asking(description="About ACME-1."))
    pair.database.write(lambda c: issues.change(c, SITE, OTHER, policy_version="gone"))
    with capture_logs() as logs:
        pair.hear(telling(reply(at(1))))
    assert pair.fields()["state"] == "met"
    assert [log["issue_id"] for log in logs if log["log_level"] == "error"] == [OTHER]
