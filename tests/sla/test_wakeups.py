"""Lanes run when kicked, when an instant comes, and every so often; a failure stops none."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from sla.lanes import Key
from sla.wakeups import LocalWakeups
from tests.sla.example import NINE, at
from webhooks.clock import SystemClock

PATIENCE = 10.0
# So long until something that must not happen during a test.
FAR = 1000.0


class Clock:
    """Shows nine o'clock; an hour of it passes in a millisecond of the machine's time."""

    def __init__(self) -> None:
        self.asked: list[datetime] = []

    def now(self) -> datetime:
        return NINE

    def real_time(self, when: datetime) -> datetime:
        self.asked.append(when)
        return SystemClock().now() + (when - NINE) / timedelta(hours=1) * timedelta(milliseconds=1)


class Work:
    """Counts its runs, and lets a test wait for them."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self.runs = 0
        self.gate = threading.Event()
        self.gate.set()
        self.fails = False

    def __call__(self) -> None:
        with self._changed:
            self.runs += 1
            self._changed.notify_all()
        assert self.gate.wait(PATIENCE)
        if self.fails:
            raise LookupError("not today")

    def came_to(self, runs: int) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: self.runs >= runs, PATIENCE)


Start = Callable[..., LocalWakeups]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def start(clock: Clock) -> Iterator[Start]:
    """Starts wake-ups with these lanes, and stops them at the end."""
    started: list[LocalWakeups] = []

    def begin(**lanes: Callable[[], None]) -> LocalWakeups:
        wakeups = LocalWakeups(clock, lanes)
        wakeups.start()
        started.append(wakeups)
        return wakeups

    yield begin
    for wakeups in started:
        if wakeups._scheduler.running:
            stop(wakeups)


def stop(wakeups: LocalWakeups) -> None:
    """Stop, but not while the scheduler is about an instant that has come (see the last test)."""
    with wakeups._scheduler._jobstores_lock:
        pass
    wakeups.stop()


def test_every_lane_runs_once_at_the_start(start: Start) -> None:
    one, other = Work(), Work()
    start(one=one, other=other)
    assert one.came_to(1)
    assert other.came_to(1)


def test_a_kick_runs_its_lane_and_no_other(start: Start) -> None:
    one, other = Work(), Work()
    wakeups = start(one=one, other=other)
    assert one.came_to(1)
    assert other.came_to(1)
    wakeups.kick("one")
    assert one.came_to(2)
    wakeups.stop()
    assert (one.runs, other.runs) == (2, 1)


def test_kicked_while_it_runs_it_runs_once_more(start: Start) -> None:
    work = Work()
    work.gate.clear()
    wakeups = start(lane=work)
    assert work.came_to(1)
    for _ in range(5):
        wakeups.kick("lane")
    work.gate.set()
    assert work.came_to(2)
    wakeups.stop()
    assert work.runs == 2


def test_a_lane_never_runs_twice_at_a_time(start: Start) -> None:
    inside, most, lock = [0], [0], threading.Lock()
    ran = threading.Event()

    def work() -> None:
        with lock:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
        ran.set()
        done.wait(0.001)
        with lock:
            inside[0] -= 1

    done = threading.Event()
    wakeups = start(lane=work)

    def kick_often() -> None:
        for _ in range(50):
            wakeups.kick("lane")

    kickers = [threading.Thread(target=kick_often) for _ in range(4)]
    for kicker in kickers:
        kicker.start()
    for kicker in kickers:
        kicker.join(PATIENCE)
    assert ran.wait(PATIENCE)
    wakeups.stop()
    assert most == [1]


def test_a_lane_that_is_busy_holds_up_no_other(start: Start) -> None:
    busy, free = Work(), Work()
    busy.gate.clear()
    wakeups = start(busy=busy, free=free)
    assert busy.came_to(1)
    wakeups.kick("free")
    assert free.came_to(1)
    busy.gate.set()


def test_stop_lets_it_finish_what_it_is_doing(start: Start) -> None:
    work = Work()
    work.gate.clear()
    wakeups = start(lane=work)
    assert work.came_to(1)
    stopping = threading.Thread(target=wakeups.stop)
    stopping.start()
    work.gate.set()
    stopping.join(PATIENCE)
    assert not stopping.is_alive()
    wakeups.kick("lane")
    assert work.runs == 1


def test_an_instant_wakes_its_lane(start: Start) -> None:
    work = Work()
    wakeups = start(lane=work)
    assert work.came_to(1)
    wakeups.wake_at("lane", at(20))
    assert work.came_to(2)


@pytest.mark.parametrize("hours", [0, -1, -24 * 365 * 50])
def test_an_instant_in_the_past_wakes_at_once(start: Start, hours: float) -> None:
    work = Work()
    wakeups = start(lane=work)
    assert work.came_to(1)
    wakeups.wake_at("lane", at(hours))
    assert work.came_to(2)


def test_the_earliest_instant_wins_whichever_was_named_first(start: Start, clock: Clock) -> None:
    far = at(FAR * 1000)
    for instants in ([at(20), far], [far, at(20)]):
        work = Work()
        wakeups = start(lane=work)
        assert work.came_to(1)
        for instant in instants:
            wakeups.wake_at("lane", instant)
        assert work.came_to(2)
        stop(wakeups)
        assert work.runs == 2
    # A later one than is waited for is not even put down.
    assert clock.asked == [at(20), far, at(20)]


def test_once_it_fired_a_later_instant_counts_again(start: Start) -> None:
    work = Work()
    wakeups = start(lane=work)
    assert work.came_to(1)
    for number in (2, 3, 4):
        wakeups.wake_at("lane", at(5 * number))
        assert work.came_to(number)


def test_a_lane_may_ask_for_its_own_next_instant(start: Start) -> None:
    """As the timers do: the run at one instant asks for the next."""
    ready = threading.Event()

    def work() -> None:
        counted()
        assert ready.wait(PATIENCE)
        if counted.runs < 4:
            there[0].wake_at("lane", at(counted.runs))

    counted = Work()
    there = [start(lane=work)]
    ready.set()
    assert counted.came_to(4)


def test_lanes_have_their_own_instants(start: Start) -> None:
    one, other = Work(), Work()
    wakeups = start(one=one, other=other)
    assert one.came_to(1)
    assert other.came_to(1)
    wakeups.wake_at("one", at(FAR * 1000))
    wakeups.wake_at("other", at(5))
    assert other.came_to(2)
    assert one.runs == 1


def test_what_is_done_again_and_again(start: Start) -> None:
    work = Work()
    start().every("sweep", 0.01, work)
    assert work.came_to(3)


def test_a_lane_that_fails_is_logged_and_runs_again(start: Start) -> None:
    work = Work()
    work.fails = True
    with capture_logs() as logs:
        wakeups = start(lane=work)
        assert work.came_to(1)
        wakeups.kick("lane")
        assert work.came_to(2)
        wakeups.stop()
    assert [(line["event"], line["lane"]) for line in logs] == [("lane failed", "lane")] * 2


def test_a_sweep_that_fails_comes_again(start: Start) -> None:
    work = Work()
    work.fails = True
    with capture_logs() as logs:
        wakeups = start()
        wakeups.every("sweep", 0.01, work)
        assert work.came_to(2)
        wakeups.stop()
    assert logs[0]["event"] == "lane failed"


def test_kicks_are_never_lost(start: Start) -> None:
    """Whatever was put down before a kick is seen by a run that begins after it."""
    put, taken = [0], threading.Condition()
    seen = [0]

    def work() -> None:
        with taken:
            seen[0] = put[0]
            taken.notify_all()

    wakeups = start(lane=work)
    for number in range(1, 200):
        put[0] = number
        wakeups.kick("lane")
    with taken:
        assert taken.wait_for(lambda: seen[0] == 199, PATIENCE)


def test_the_system_clock_maps_to_itself() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.real_time(NINE) == NINE


def test_stopping_as_an_instant_comes_leaves_no_error_behind(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: errors.append(args.exc_value))
    work, submitted, stopping = Work(), threading.Event(), threading.Event()
    wakeups = start(lane=work)
    assert work.came_to(1)
    scheduler = wakeups._scheduler
    submit = scheduler._executors["default"].submit_job
    remove_all_jobs = scheduler.remove_all_jobs

    def note_and_remove() -> None:
        # It has to wait until the scheduler has gone on from what it is submitting.
        stopping.set()
        remove_all_jobs()

    def submit_and_wait_for_stop(*args: object) -> None:
        submit(*args)
        submitted.set()
        pause = threading.Event()
        for _ in range(int(PATIENCE / 0.005)):
            if not scheduler.running or stopping.is_set():
                return
            pause.wait(0.005)

    monkeypatch.setattr(scheduler._executors["default"], "submit_job", submit_and_wait_for_stop)
    monkeypatch.setattr(scheduler, "remove_all_jobs", note_and_remove)
    wakeups.wake_at("lane", at(0))
    assert submitted.wait(PATIENCE)
    wakeups.stop()
    assert errors == []


class Directly(Work):
    """A lane that can do one issue's work without a look."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: list[Key] = []
        self.looks = 0

    def look(self) -> None:
        self.looks += 1
        self()

    def one(self, key: Key) -> None:
        self.keys.append(key)
        self()


@pytest.fixture
def direct(clock: Clock) -> Iterator[tuple[LocalWakeups, Directly]]:
    """One such lane, after its first look."""
    work = Directly()
    wakeups = LocalWakeups(clock, {"lane": work.look}, {"lane": work.one})
    wakeups.start()
    assert work.came_to(1)
    yield wakeups, work
    work.gate.set()
    stop(wakeups)


def test_a_lone_issue_is_done_first_and_looked_for_afterwards(
    direct: tuple[LocalWakeups, Directly],
) -> None:
    wakeups, work = direct
    wakeups.kick("lane", ("site", "1"))
    assert work.came_to(3)
    assert (work.keys, work.looks) == ([("site", "1")], 2)


def test_of_several_issues_each_is_found_by_one_look(
    direct: tuple[LocalWakeups, Directly],
) -> None:
    wakeups, work = direct
    work.gate.clear()
    wakeups.kick("lane", ("site", "1"))
    assert work.came_to(2)
    for number in range(2, 50):
        wakeups.kick("lane", ("site", str(number)))
    work.gate.set()
    assert work.came_to(3)
    stop(wakeups)
    assert (work.keys, work.looks) == ([("site", "1")], 2)


def test_after_one_that_failed_there_is_a_look(direct: tuple[LocalWakeups, Directly]) -> None:
    wakeups, work = direct
    work.fails = True
    with capture_logs() as logs:
        wakeups.kick("lane", ("site", "1"))
        assert work.came_to(3)
        stop(wakeups)
    assert [line["event"] for line in logs] == ["lane failed"] * 2
    assert work.looks == 2


def test_a_lone_issue_does_not_hide_that_others_wait(
    direct: tuple[LocalWakeups, Directly],
) -> None:
    wakeups, work = direct
    work.gate.clear()
    wakeups.kick("lane")
    assert work.came_to(2)
    wakeups.kick("lane", ("site", "1"))
    wakeups.kick("lane")
    work.gate.set()
    assert work.came_to(3)
    stop(wakeups)
    assert (work.keys, work.looks) == ([], 3)
