"""A burst while Jira asks for patience: its events are taken in together, and written once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import event, select, text

from sla.lanes import Key, drain
from sla.store import holds
from sla.store.holds import Hold
from sla.store.schema import inbox
from tests.scenarios.world import World

ISSUES, EVENTS = 20, 300
PATIENCE = timedelta(minutes=10)
URGENT = {"summary": "Help", "priority": "Low", "Support plan": "Enterprise"}
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")


def burst(world: World) -> list[str]:
    """Jira makes issues and changes them again and again, and Dueline hears of all of it."""
    keys = [world.jira.create_issue(URGENT, project="HLP").key for _ in range(ISSUES)]
    for number in range(EVENTS - ISSUES):
        key = keys[number % ISSUES]
        if number // ISSUES % 2:
            world.jira.add_comment(key, f"Is there any news? {number}")
        else:
            world.jira.edit(key, priority=PRIORITIES[number // ISSUES % len(PRIORITIES)])
    assert world.jira.deliver() == EVENTS
    return keys


def hold(world: World) -> None:
    until = world.clock.now() + PATIENCE
    world.service.database.write(
        lambda c: holds.hold(c, "default", Hold(until, "burst", 429), world.clock.now())
    )


@contextmanager
def counted(world: World) -> Iterator[Counter[str]]:
    """How many statements and transactions the database was given."""
    counts: Counter[str] = Counter()
    engine = world.service.database.engine

    def statement(*_: object) -> None:
        counts["statements"] += 1

    def commit(*_: object) -> None:
        counts["transactions"] += 1

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        yield counts
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


def waiting(world: World) -> int:
    query = select(inbox.c.id).where(inbox.c.state == "new")
    return world.service.database.read(lambda c: len(c.execute(query).all()))


def test_what_came_in_a_burst_is_written_to_each_issue_once(cloud: World) -> None:
    hold(cloud)
    keys = burst(cloud)
    for lane in cloud.service.lanes.values():
        drain(lane)
    assert waiting(cloud) == 0
    cloud.jira.requests.clear()
    cloud.advance(2 * PATIENCE)
    puts = Counter(each.path for each in cloud.jira.requests if each.method == "PUT")
    # The names of the fields and whose they are may be asked for anew; nothing is written twice.
    assert len(puts) <= ISSUES
    assert set(puts.values()) == {1}, puts
    assert all(cloud.fields(key)["SLA policy"] for key in keys)


def test_what_the_database_is_given_grows_with_the_issues_more_than_with_the_events(
    cloud: World,
) -> None:
    hold(cloud)
    with counted(cloud) as taken:
        burst(cloud)
    assert taken["statements"] <= 5 * EVENTS
    assert taken["transactions"] <= EVENTS
    with counted(cloud) as decided:
        drain(cloud.service.engine)
    assert waiting(cloud) == 0
    assert decided["statements"] <= 8 * EVENTS
    assert decided["transactions"] <= 2 * ISSUES


def test_of_an_issue_that_waits_the_queue_holds_two_jobs_at_most(
    cloud: World, database: str
) -> None:
    if database != "postgresql":
        pytest.skip("a file has no queue")
    running = cloud.service.start(works=False)
    try:
        waits: list[Key] = [("default", cloud.jira.issue(key).id) for key in burst(cloud)]
        for issue in 3 * waits:
            running.kick("dispatch", issue)
            running.kick("dispatch", issue, urgent=True)
        running.kick("decide")
        running.kick("dispatch")
    finally:
        running.stop()
    query = text("SELECT lock FROM procrastinate_jobs")
    jobs = Counter(cloud.service.database.read(lambda c: c.execute(query).scalars().all()))
    assert {f"{lane}:{site}:{id_}" for lane in ("decide", "dispatch") for site, id_ in waits} <= {
        *jobs
    }
    assert max(jobs.values()) == 2


def test_what_falls_due_in_a_rush_is_said_before_the_rush_is_worked_off(
    cloud: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    urgent = cloud.report("HLP", {**URGENT, "priority": "Highest"})
    service, ran = cloud.service, list[str]()
    due_at = service.engine.next_run()
    assert due_at is not None
    cloud.clock.at = due_at - timedelta(seconds=1)
    burst(cloud)
    cloud.clock.at = due_at - timedelta(seconds=1)
    run = service.engine.run

    def running(key: Key) -> None:
        ran.append(key[1])
        if len(ran) == 3:
            # In the midst of it the instant comes.
            cloud.clock.at = due_at
        run(key)

    gave_way: list[int] = []
    monkeypatch.setattr(service.engine, "run", running)
    monkeypatch.setattr(service.rush, "give_way", lambda: gave_way.append(len(ran)))
    with ExitStack() as deliveries:
        for _ in range(8):
            deliveries.enter_context(service.rush.one())
        service._drain("decide")
        assert ran[3] == cloud.jira.issue(urgent).id
        # Each other run gave way, and so did the look before all of them.
        assert len(gave_way) == len(ran)
        assert 3 not in gave_way
        gave_way.clear()
        service._drain("dispatch")
    assert len(cloud.said(urgent)) == 1
    # The look did not give way, nor did the one issue that has something urgent to say.
    assert len(gave_way) == ISSUES
