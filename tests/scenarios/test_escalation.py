"""An issue that nobody answers: warned, breached, escalated, each once, come what may."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from connector.simulator import AGENT
from connector.simulator import LEAD as LEADER
from tests.scenarios.world import World, jira_time

pytestmark = pytest.mark.one_database("sqlite")

ENTERPRISE = {"Support plan": "Enterprise"}
# Thirty minutes around the clock from 19:00: three quarters are gone at 19:22:30.
WARNED, DUE, LEAD, MANAGER, EXECUTIVE = (
    datetime.fromisoformat(f"2024-07-10T{time}+00:00")
    for time in ("19:22:30", "19:30", "20:00", "21:30", "23:30")
)
MOMENT = timedelta(seconds=1)


def test_it_is_warned_breached_and_escalated(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE, priority="High", assignee=AGENT)
    told = []
    for at, state, level in [
        (WARNED - MOMENT, "running", 0),
        (WARNED, "running", 0),
        (DUE - MOMENT, "running", 0),
        (DUE, "breached", 0),
        (LEAD, "breached", 1),
        (MANAGER, "breached", 2),
        (EXECUTIVE, "breached", 3),
    ]:
        anywhere.advance(at)
        fields = anywhere.fields(key)
        assert (fields["SLA state"], fields["SLA escalation level"]) == (state, level)
        told.append(len(anywhere.said(key)))
    assert told == [0, 1, 1, 2, 3, 4, 5]
    anywhere.advance(timedelta(days=30))
    assert len(anywhere.said(key)) == 5


def test_the_words_name_the_promise_and_address_the_assignee(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE, priority="High", assignee=AGENT)
    anywhere.advance(LEAD)
    warning, breach, level = anywhere.said(key)
    assert "8 min of open time left" in warning
    for words in (warning, breach, level):
        addressed = LEADER if words is level else AGENT
        assert anywhere.assigned_to(addressed) in words
        assert "Enterprise Support, High: 30m." in words
    assert "is overdue. It was due Wed 10 Jul 2024 14:30 CDT." in breach
    assert "Level 1, Team lead" in level


def test_the_comments_are_for_agents_only(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(DUE)
    for comment in anywhere.jira.issue(key).comments:
        assert comment.properties["sd.public.comment"] == {"internal": True}


@pytest.mark.parametrize("down_from", [WARNED - MOMENT, DUE - MOMENT, LEAD - MOMENT, EXECUTIVE])
def test_what_fell_due_while_the_service_was_down_is_caught_up(
    anywhere: World, down_from: datetime
) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(down_from)
    before = anywhere.said(key)
    anywhere.stop()
    anywhere.clock.at = EXECUTIVE + timedelta(hours=2)
    anywhere.start()
    said = anywhere.said(key)
    assert said[: len(before)] == before
    assert len(said) == 5
    assert all("late, because Dueline could not write before" in w for w in said[len(before) :])
    # A breach is stamped with its due instant, not with that of its discovery.
    assert anywhere.fields(key)["First response due"] == jira_time("2024-07-10 19:30")


def test_an_answer_while_the_service_was_down_counts_when_it_was_given(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(WARNED)
    anywhere.stop()
    anywhere.clock.at = DUE - MOMENT
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.clock.at = EXECUTIVE
    anywhere.start()
    fields = anywhere.fields(key)
    assert (fields["SLA state"], fields["SLA escalation level"]) == ("met", 0)
    assert len(anywhere.said(key)) == 1


def test_an_answer_heard_of_after_the_breach_was_announced_takes_it_back(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    cloud.clock.at = DUE - MOMENT
    cloud.jira.add_comment(key, "We are on it.", account=AGENT)
    cloud.deaf = True
    cloud.advance(DUE + 5 * MOMENT)
    assert cloud.fields(key)["SLA state"] == "breached"
    # Jira tries again later, and tells of an answer in time.
    cloud.deaf = False
    cloud.advance(timedelta(minutes=1))
    assert cloud.fields(key)["SLA state"] == "met"
    assert "was not overdue" in cloud.said(key)[-1]


def test_a_late_answer_ends_the_ladder(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(LEAD + MOMENT)
    anywhere.jira.add_comment(key, "Sorry.", account=AGENT)
    anywhere.advance(timedelta(days=3))
    fields = anywhere.fields(key)
    assert (fields["SLA state"], fields["SLA escalation level"]) == ("breached", 1)
    assert fields["First responded"] == jira_time("2024-07-10 20:00:01")
    assert len(anywhere.said(key)) == 3


def test_script_and_markup_in_an_issue_reach_no_comment(anywhere: World) -> None:
    nasty = "*x* {code} [~admin] <script>alert(1)</script> {{ due }}"
    key = anywhere.report("HLP", ENTERPRISE | {"summary": nasty})
    anywhere.advance(DUE)
    assert not any("script" in words or "admin" in words for words in anywhere.said(key))
