"""Several processes share a queue: one issue at a time over all of them, and a dead one's work."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from sla.lanes import Key
from sla.queue import LARGEST_WAIT, SharedWakeups
from sla.store.database import Database
from tests.postgres import PostgresServer
from tests.waiting import PATIENCE, eventually
from webhooks.clock import SystemClock

CLOCK = SystemClock()


class Work:
    """A lane whose work stands in a table, as the real ones have it."""

    def __init__(self, database: Database, gate: Callable[[Key], None] = lambda _key: None) -> None:
        self.database, self.gate = database, gate
        self.next: datetime | None = None

    def due(self, limit: int) -> Sequence[Key]:
        found = text("SELECT DISTINCT issue FROM work WHERE NOT done LIMIT :limit")
        return self.database.read(
            lambda c: [("acme", issue) for issue in c.execute(found, {"limit": limit}).scalars()]
        )

    def run(self, key: Key) -> None:
        note = text("INSERT INTO runs (issue, what, process) VALUES (:issue, :what, :process)")
        mine = {"issue": key[1], "process": os.getpid()}
        self.database.write(lambda c: c.execute(note, {**mine, "what": "begins"}) and None)
        self.gate(key)
        done = text("UPDATE work SET done = true WHERE issue = :issue")
        self.database.write(lambda c: c.execute(done, {"issue": key[1]}) and None)
        self.database.write(lambda c: c.execute(note, {**mine, "what": "ends"}) and None)

    def next_run(self) -> datetime | None:
        return self.next


@pytest.fixture
def database(postgres: PostgresServer) -> Iterator[Database]:
    opened = Database(postgres.database())
    with opened.engine.begin() as connection:
        connection.execute(text("CREATE TABLE work (issue TEXT, done BOOL DEFAULT false)"))
        connection.execute(
            text("CREATE TABLE runs (id SERIAL, issue TEXT, what TEXT, process INT)")
        )
    yield opened
    opened.close()


@contextmanager
def at_work(
    database: Database, lane: Work, side_by_side: int = 4, **beside: Callable[[], None]
) -> Iterator[SharedWakeups]:
    wakeups = SharedWakeups(database, CLOCK, {"lane": (lane, side_by_side)}, beside)
    wakeups.start()
    try:
        yield wakeups
    finally:
        wakeups.stop()


def add(database: Database, *issues: str) -> None:
    rows = [{"issue": issue} for issue in issues]
    database.write(
        lambda c: c.execute(text("INSERT INTO work (issue) VALUES (:issue)"), rows) and None
    )


def runs(database: Database) -> list[tuple[str, str]]:
    query = text("SELECT issue, what FROM runs ORDER BY id")
    return database.read(lambda c: [(row[0], row[1]) for row in c.execute(query)])


def left(database: Database) -> int:
    query = text("SELECT count(*) FROM work WHERE NOT done")
    return int(database.read(lambda c: c.execute(query).scalar_one()))


def test_a_kick_brings_the_issue_to_its_lane(database: Database) -> None:
    with at_work(database, Work(database)) as wakeups:
        add(database, "1")
        wakeups.kick("lane", ("acme", "1"))
        eventually("0 left", lambda: left(database) == 0)
        eventually("run", lambda: runs(database) == [("1", "begins"), ("1", "ends")])


def test_what_piled_up_is_found_at_the_start_and_without_a_kick(database: Database) -> None:
    add(database, *map(str, range(30)))
    with at_work(database, Work(database)) as wakeups:
        eventually("0 left", lambda: left(database) == 0)
        add(database, "lost")
        # As the sweep does.
        wakeups.kick("lane")
        eventually("0 left", lambda: left(database) == 0)


def test_a_process_without_crews_hands_over_what_is_due(database: Database) -> None:
    add(database, "1", "2")
    with at_work(database, Work(database), side_by_side=0):
        waiting = text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        eventually("jobs", lambda: database.read(lambda c: c.execute(waiting).scalar_one()) == 2)
    assert left(database) == 2
    with at_work(database, Work(database)):
        eventually("0 left", lambda: left(database) == 0)


def test_one_issue_is_never_run_twice_at_a_time_and_others_run_beside_it(
    database: Database,
) -> None:
    running: Counter[str] = Counter()
    most: Counter[str] = Counter()
    lock = threading.Lock()
    together = threading.Event()

    def gate(key: Key) -> None:
        with lock:
            running[key[1]] += 1
            running["all"] += 1
            most[key[1]] = max(most[key[1]], running[key[1]])
            if running["all"] > 1:
                together.set()
        together.wait(1.0)
        with lock:
            running[key[1]] -= 1
            running["all"] -= 1

    lane = Work(database, gate)
    with at_work(database, lane) as one, at_work(database, lane) as other:
        for number in range(60):
            issue = str(number % 5)
            add(database, issue)
            (one if number % 2 else other).kick("lane", ("acme", issue))
        eventually("0 left", lambda: left(database) == 0)
    assert together.is_set()
    assert all(most[str(issue)] == 1 for issue in range(5)), most


def test_kicks_of_an_issue_that_waits_already_are_one_job(database: Database) -> None:
    go, begun = threading.Event(), threading.Event()

    def gate(_key: Key) -> None:
        begun.set()
        assert go.wait(PATIENCE)

    with at_work(database, Work(database, gate)) as wakeups:
        add(database, "1")
        wakeups.kick("lane", ("acme", "1"))
        assert begun.wait(PATIENCE)
        for _ in range(20):
            wakeups.kick("lane", ("acme", "1"))
        go.set()
        eventually("run", lambda: runs(database).count(("1", "ends")) == 2)
        jobs = text("SELECT count(*) FROM procrastinate_jobs")
        eventually("jobs", lambda: database.read(lambda c: c.execute(jobs).scalar_one()) == 0)
    assert runs(database).count(("1", "begins")) == 2


def test_a_timer_hands_over_what_is_due_by_then(database: Database) -> None:
    lane = Work(database)
    with at_work(database, lane) as wakeups:
        add(database, "1")
        wakeups.wake_at("lane", CLOCK.now() + timedelta(milliseconds=200))
        eventually("0 left", lambda: left(database) == 0)


def test_a_failing_lane_does_not_stop_the_crew(database: Database) -> None:
    def gate(key: Key) -> None:
        if key[1] == "bad":
            raise LookupError("not today")

    with at_work(database, Work(database, gate)) as wakeups:
        add(database, "bad", "good")
        wakeups.kick("lane", ("acme", "bad"))
        wakeups.kick("lane", ("acme", "good"))
        eventually("1 left", lambda: left(database) == 1)


def test_each_process_does_for_itself_what_is_beside(database: Database) -> None:
    done = threading.Event()
    with at_work(database, Work(database), contact=done.set) as wakeups:
        wakeups.kick("contact")
        assert done.wait(PATIENCE)


def test_the_work_of_a_killed_process_is_taken_over_within_ten_seconds(
    database: Database,
) -> None:
    add(database, "1")
    context = multiprocessing.get_context("spawn")
    address = database.engine.url.render_as_string(hide_password=False)
    stuck = context.Process(target=_work_for_ever, args=(address,), daemon=True)
    stuck.start()
    eventually("run", lambda: runs(database) == [("1", "begins")])
    assert stuck.pid is not None
    os.kill(stuck.pid, signal.SIGKILL)
    stuck.join(PATIENCE)
    killed_at = CLOCK.now()
    with at_work(database, Work(database)):
        eventually("0 left", lambda: left(database) == 0)
    assert LARGEST_WAIT < 10
    assert CLOCK.now() - killed_at < timedelta(seconds=10)


def _work_for_ever(address: str) -> None:
    database = Database(address)
    never = threading.Event()
    wakeups = SharedWakeups(
        database, CLOCK, {"lane": (Work(database, lambda _: _wait(never)), 1)}, {}
    )
    wakeups.start()
    never.wait()


def _wait(event: threading.Event) -> None:
    event.wait()


def test_a_server_that_restarts_is_survived(postgres: PostgresServer, database: Database) -> None:
    with at_work(database, Work(database)) as wakeups:
        add(database, "1")
        wakeups.kick("lane", ("acme", "1"))
        eventually("0 left", lambda: left(database) == 0)
        postgres.stop()
        with pytest.raises(Exception, match=r"connect|closed|terminat"):
            add(database, "2")
        # Nothing is raised: the sweep finds it when the server is back.
        wakeups.kick("lane", ("acme", "2"))
        postgres.start()
        eventually("added", lambda: _added(database, "2"))
        # As the service sweeps: a kick that comes while the queue connects again is lost.
        wakeups.every("sweep", 0.5, partial(wakeups.kick, "lane"))
        eventually("0 left", lambda: left(database) == 0)


_REFUSING = """
CREATE TABLE refusing (who INT);
INSERT INTO refusing VALUES (1);
CREATE FUNCTION refuse() RETURNS trigger AS $$
BEGIN
    IF EXISTS (SELECT FROM refusing) THEN RAISE EXCEPTION 'the end cannot be told'; END IF;
    RETURN OLD;
END $$ LANGUAGE plpgsql;
CREATE TRIGGER refuse BEFORE DELETE ON procrastinate_jobs FOR EACH ROW EXECUTE FUNCTION refuse();
"""


def test_a_job_whose_end_cannot_be_told_does_not_block_its_issue(database: Database) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(_REFUSING))
    with at_work(database, Work(database)) as wakeups:
        add(database, "1")
        wakeups.kick("lane", ("acme", "1"))
        eventually("run", lambda: ("1", "ends") in runs(database))
        add(database, "1")
        wakeups.kick("lane", ("acme", "1"))
        database.write(lambda c: c.execute(text("DELETE FROM refusing")) and None)
        eventually("0 left", lambda: left(database) == 0)
        jobs = text("SELECT count(*) FROM procrastinate_jobs")
        eventually("no job", lambda: database.read(lambda c: c.execute(jobs).scalar_one()) == 0)


def test_a_process_that_hangs_within_a_transaction_holds_nobody_up(database: Database) -> None:
    add(database, "1")
    go_on, begun = threading.Event(), threading.Event()
    mine = text("UPDATE work SET done = true WHERE issue = '1'")
    tries: list[str] = []

    def hang(connection: Connection) -> None:
        tries.append("begins")
        connection.execute(mine)
        if len(tries) == 1:
            begun.set()
            assert go_on.wait(PATIENCE)
        connection.execute(mine)

    hanging = threading.Thread(target=lambda: database.write(hang))
    hanging.start()
    assert begun.wait(PATIENCE)
    begun_at = CLOCK.now()
    database.write(lambda c: c.execute(mine) and None)
    assert CLOCK.now() - begun_at < timedelta(seconds=LARGEST_WAIT)
    go_on.set()
    hanging.join(PATIENCE)
    # What was taken back is done anew.
    assert tries == ["begins", "begins"]


def _added(database: Database, issue: str) -> bool:
    try:
        add(database, issue)
    except OperationalError:
        return False
    return True


class Passing:
    """A clock that the test moves on."""

    def __init__(self) -> None:
        self.at = CLOCK.now()

    def now(self) -> datetime:
        return self.at

    def real_time(self, at: datetime) -> datetime:
        return CLOCK.now() + (at - self.at)


class Piled(Work):
    """A lane of which much is due, and one issue more at an instant that comes meanwhile."""

    HEARD, COMES_AFTER = 60, 5

    def __init__(self, database: Database, clock: Passing) -> None:
        super().__init__(database)
        self.clock, self.due_at = clock, clock.at + timedelta(seconds=1)

    def due(self, limit: int) -> list[Key]:
        return [("acme", str(number)) for number in range(self.HEARD)][:limit]

    def next_run(self) -> datetime | None:
        return self.due_at

    def pressing(self) -> list[Key]:
        return [("acme", "pressing")] if self.clock.at >= self.due_at else []


def test_what_falls_due_while_others_are_handed_over_goes_before_the_rest_of_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, hurried = Passing(), list[int]()
    lane = Piled(database, clock)
    lanes = {"lane": (lane, 0)}
    wakeups = SharedWakeups(
        database, clock, lanes, {}, {"lane": lane.pressing}, lambda: hurried.append(1)
    )
    query = text("SELECT args->>'issue_id' FROM procrastinate_jobs ORDER BY id")
    defer, queued = SharedWakeups._defer, list[str]()

    def handing_over(self: SharedWakeups, lane: str, key: Key, *, urgent: bool = False) -> None:
        defer(self, lane, key, urgent=urgent)
        queued.append(key[1])
        if len(queued) == Piled.COMES_AFTER:
            clock.at += timedelta(seconds=1)

    monkeypatch.setattr(SharedWakeups, "_defer", handing_over)
    wakeups.start()
    try:
        eventually("handed over", lambda: len(queued) > Piled.HEARD)
    finally:
        wakeups.stop()
    jobs = database.read(lambda c: list(c.execute(query).scalars()))
    assert len(jobs) == Piled.HEARD + 1
    assert jobs[Piled.COMES_AFTER] == "pressing"
    assert hurried


def test_what_presses_goes_before_all_that_waits_in_the_queue(database: Database) -> None:
    going_on, pressing = threading.Event(), list[Key]()

    def wait(_: Key) -> None:
        assert going_on.wait(PATIENCE)

    lane = (Work(database, wait), 1)
    wakeups = SharedWakeups(database, CLOCK, {"lane": lane}, {}, {"lane": lambda: tuple(pressing)})
    wakeups.start()
    try:
        add(database, *map(str, range(20)))
        for number in range(20):
            wakeups.kick("lane", ("acme", str(number)))
        eventually("one begun", lambda: len(runs(database)) == 1)
        add(database, "pressing")
        pressing.append(("acme", "pressing"))
        # As at the instant at which something falls due.
        wakeups.kick("lane")
        urgent = text("SELECT count(*) FROM procrastinate_jobs WHERE priority > 0")
        eventually(
            "handed over", lambda: database.read(lambda c: c.execute(urgent).scalar_one()) == 1
        )
        pressing.clear()
        going_on.set()
        eventually("0 left", lambda: left(database) == 0)
    finally:
        wakeups.stop()
    begun = [issue for issue, what in runs(database) if what == "begins"]
    assert begun[1] == "pressing"
