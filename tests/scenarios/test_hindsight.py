"""What was known of an issue, and promised, at an instant that is past."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from connector.simulator import AGENT, CUSTOMER
from sla.store import issues
from tests.scenarios.test_planning import environment
from tests.scenarios.world import World, utc, world
from tests.webhooks.console.desk import Desk
from tests.webhooks.console.test_publishing import enterprise_issue, published
from webhooks.cli import main
from webhooks.clock import FastClock
from webhooks.explaining import explained_then

HOUR = timedelta(hours=1)


def told(place: World, key: str, at: str) -> str:
    """What `dueline explain KEY --at` says."""
    row = place.service.database.read(lambda c: issues.by_key(c, "default", key))
    assert row is not None
    return "\n".join(explained_then(place.service.database, row, utc(at)))


def test_what_came_later_is_not_known_yet(cloud: World) -> None:
    """Raised at ten past, answered at half past; seen from between."""
    key = cloud.report("BIT", priority="Low")
    cloud.advance(HOUR / 6)
    cloud.jira.edit(key, {"priority": "Highest"}, account=CUSTOMER)
    cloud.settle()
    cloud.advance(HOUR / 3)
    cloud.jira.add_comment(key, "We look into it.", account=AGENT)
    cloud.settle()
    before = told(cloud, key, "2024-07-10 19:05")
    assert "priority:" not in before.split("Covered")[0]
    assert "severity: Severity 3" in before
    assert "(heard at 2024-07-10T19:00:00Z)" in before
    between = told(cloud, key, "2024-07-10 19:20")
    assert "priority: Low -> Highest (heard at 2024-07-10T19:10:00Z)" in between
    assert "severity: Severity 1" in between
    assert "comment 10001" not in between.split("Covered")[0]
    assert "state: running" in between
    after = told(cloud, key, "2024-07-10 19:31")
    assert "for everybody (heard at 2024-07-10T19:30:00Z)" in after
    assert "state: met" in after
    # Said so far: nothing but what was decided by then.
    assert before.count("As promised by then:") == 1
    assert "Severity 1" not in before


def test_late_news_is_told_apart(cloud: World) -> None:
    """Jira knew of the answer in time, and Dueline heard of it after it had called it late."""
    key = cloud.report("BIT", priority="Highest")
    cloud.advance(HOUR)
    cloud.deaf = True
    cloud.jira.add_comment(key, "We look into it.", account=AGENT)
    cloud.advance(1.5 * HOUR)
    cloud.deaf = False
    cloud.advance(HOUR)
    then = told(cloud, key, "2024-07-10 21:15")
    assert "for everybody (not heard before 2024-07-10T22:30:00Z)" in then
    as_heard, as_told = then.split("As Jira tells it, what came late included:")
    as_heard = as_heard.split("As Dueline had heard it by then:")[1]
    assert ("state: breached" in as_heard, "state: met" in as_heard) == (True, False)
    assert "state: met" in as_told
    assert "first_response/1/breach (sent" in as_told
    assert "correction" not in as_told
    assert "not heard before" not in told(cloud, key, "2024-07-10 22:45")


@pytest.mark.one_database("sqlite")
def test_each_instant_has_the_version_of_its_time(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-10 14:00"), DUELINE_EDITS="console") as made:
        first = made.service.engine.in_force
        key = enterprise_issue(made)
        made.advance(HOUR / 4)
        second = published(Desk(made), "2h", recalculate=True).version
        made.advance(HOUR / 4)
        before, after = (told(made, key, f"2024-07-10 14:{minute}") for minute in (10, 20))
        assert f"Judged by policy version {first}\n" in before
        assert f"Judged by policy version {second}\n" in after
        assert "30 min on calendar" in before
        assert "2 h on calendar" in after
        assert "within 30m (enterprise, Medium, Enterprise)" in after


@pytest.mark.one_database("sqlite")
def test_an_instant_that_means_nothing_is_refused(
    cloud: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = cloud.report("BIT", priority="Highest")
    cloud.advance(HOUR)
    for name, value in environment(cloud).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DUELINE_DEMO_CLOCK", str(FastClock.starting(cloud.clock.now(), 1)))
    for at, sentence in (
        ("2024-07-10T19:30", "names no offset; write 2026-11-20T15:00Z"),
        ("yesterday", "is no instant"),
        ("2031-01-01T00:00Z", "has not come yet"),
        ("2024-07-10T18:59Z", "the issue was created Wed 10 Jul 2024 19:00 UTC"),
        ("0001-01-01T00:00+14:00", "beyond what can be reckoned with"),
    ):
        refused = CliRunner().invoke(main, ["explain", key, "--at", at])
        assert (refused.exit_code, sentence in refused.output) == (1, True), refused.output
    answer = CliRunner().invoke(main, ["explain", key, "--at", "2024-07-10T15:30-04:00"])
    assert (answer.exit_code, "as of 2024-07-10T19:30:00Z" in answer.output) == (0, True)
