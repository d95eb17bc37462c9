"""How pages tell lengths, goals and severities: one form for each, wherever it stands."""

from __future__ import annotations

from datetime import timedelta

import pytest

from config import lengths
from sla.contract import BusinessDays, OpenTime, severity_in_words
from sla.words import whole_minutes
from tests.scenarios.world import utc
from webhooks.console.words import ago, exact, goal, seconds, with_comments


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (0, "0 min"), (22, "under 1 min"), (-22, "under 1 min"), (60, "1 min"), (1343, "22 min"),
        (5439, "1 h 30 min"), (-5439, "-1 h 30 min"),
    ],
)  # fmt: skip
def test_a_length_is_told_in_whole_minutes(amount: int, told: str) -> None:
    assert whole_minutes(timedelta(seconds=amount)) == told
    assert seconds(amount) == told.replace(" ", "\xa0")


def test_a_step_is_told_to_the_second() -> None:
    assert exact(1343) == "22\xa0min\xa023\xa0s"


def test_how_long_ago_something_was_is_not_cut_to_hours() -> None:
    now = utc("2024-07-10 19:00")
    assert ago(now - timedelta(hours=2, minutes=58, seconds=40), now) == "2\xa0h\xa058\xa0min ago"
    assert ago(now + timedelta(seconds=40), now) == "in 40 s"
    assert ago(now + timedelta(days=3), now) == "in 3 days"


@pytest.mark.parametrize(
    ("written", "told"),
    [("30m", "30 min"), ("1h 30m", "1 h 30 min"), ("1 business day", "1 business day"), ("?", "?")],
)
def test_a_goal_is_told_as_every_other_length(written: str, told: str) -> None:
    assert lengths.in_words(written) == told
    assert goal(written) == told.replace(" ", "\xa0")
    assert OpenTime(timedelta(minutes=30), "30m").words == "30 min"
    assert BusinessDays(2, "open_hours").words == "2 business days"


@pytest.mark.parametrize(
    ("name", "told"),
    [("Severity 2", "Severity 2"), ("High", "severity High"), (None, "no severity")],
)
def test_a_severity_is_not_called_so_twice(name: str | None, told: str) -> None:
    assert severity_in_words(name) == told


def test_a_comment_leads_to_jira_and_nothing_else_is_let_through() -> None:
    told = with_comments("public comment 17 <b> by", "https://jira.test", "A-1")
    assert str(told) == (
        'public <a href="https://jira.test/browse/A-1?focusedCommentId=17" rel="noreferrer">'
        "comment 17</a> &lt;b&gt; by"
    )
    assert str(with_comments("comment 17", "", "A-1")) == "comment 17"
