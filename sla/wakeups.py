"""Being woken: lanes that run when kicked, when an instant comes, or every so often.

The tables are the truth; a wake-up is only a hint. A lost or doubled one is harmless, since a
sweep comes by and each lane asks the tables what is to be done.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.date import DateTrigger
from apscheduler.triggers.interval import IntervalTrigger
from sqlalchemy.exc import OperationalError

from sla.lanes import Key

_log = structlog.get_logger(__name__)
# Never fired later than this by the scheduler's own rule; in truth: fire however late it is.
_HOWEVER_LATE = None
# Seconds until a look for the rest, after one issue's work was done without.
_A_MOMENT = 0.05


class Clock(Protocol):
    """The one clock, handed in. It may run faster than real time (in the demo, or in tests)."""

    def now(self) -> datetime:
        """The present instant, aware UTC."""

    def real_time(self, at: datetime) -> datetime:
        """The instant of the machine's own clock at which this clock will show `at`."""


class Wakeups(Protocol):
    """How work gets woken; on one machine in this process, on several through a database."""

    def kick(self, lane: str, key: Key | None = None, *, urgent: bool = False) -> None:
        """Have a lane run soon. Call it after the commit that gave it work.

        Args:
            lane: its name.
            key: the issue that has work; None: whatever is due.
            urgent: before what waits in the lane without being so.
        """

    def wake_at(self, lane: str, at: datetime) -> None:
        """Run a lane at an instant. Only the earliest instant asked for is kept."""

    def every(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        """Run `work` again and again."""


class Running(Wakeups, Protocol):
    """Wake-ups that can be started and stopped."""

    def start(self) -> None:
        """Work from now on."""

    def stop(self) -> None:
        """Finish what is being done, and start nothing new."""


class LocalWakeups:
    """Wake-ups within this process: a thread per lane, and APScheduler's memory store for time.

    Args:
        clock: the one clock.
        lanes: what each lane does: a look for all that is due.
        at_once: what a lane does for one issue that has just got work, where it can do that
            without a look.
        hurry: called when an instant has come or something urgent is to be done, before its lane
            hears of it: whatever keeps that lane waiting is to let it go on.
    """

    def __init__(
        self,
        clock: Clock,
        lanes: Mapping[str, Callable[[], None]],
        at_once: Mapping[str, Callable[[Key], None]] = MappingProxyType({}),
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock, self._hurry = clock, hurry
        self._lanes = {name: _Lane(name, work, at_once.get(name)) for name, work in lanes.items()}
        self._earliest: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._scheduler = BackgroundScheduler(timezone="UTC", daemon=True)

    def start(self) -> None:
        """Start every lane with one run: what piled up while we were away is found now."""
        self._scheduler.start()
        for lane in self._lanes.values():
            lane.start()
            lane.kick()

    def stop(self) -> None:
        """Let each lane finish what it is doing, and start nothing new; can be called again."""
        for lane in self._lanes.values():
            lane.stop()
        if self._scheduler.running:
            # A job that fires while its scheduler goes down would find itself removed.
            self._scheduler.remove_all_jobs()
            self._scheduler.shutdown(wait=False)

    def kick(self, lane: str, key: Key | None = None, *, urgent: bool = False) -> None:
        """See `Wakeups`. What is urgent is what a look begins with."""
        if urgent:
            self._hurry()
        self._lanes[lane].kick(key)

    def wake_at(self, lane: str, at: datetime) -> None:
        """See `Wakeups`."""
        with self._lock:
            if lane in self._earliest and self._earliest[lane] <= at:
                return
            self._earliest[lane] = at
            self._scheduler.add_job(
                self._wake,
                DateTrigger(self._clock.real_time(at)),
                args=[lane],
                id=f"wake:{lane}",
                replace_existing=True,
                misfire_grace_time=_HOWEVER_LATE,
            )

    def every(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        """See `Wakeups`."""
        self._scheduler.add_job(
            _logged(name, work),
            IntervalTrigger(seconds=seconds),
            id=f"every:{name}",
            replace_existing=True,
            coalesce=True,
            misfire_grace_time=_HOWEVER_LATE,
        )

    def _wake(self, lane: str) -> None:
        with self._lock:
            self._earliest.pop(lane, None)
        self.kick(lane, urgent=True)


class _Lane(threading.Thread):
    """One thread that runs one kind of work, never twice at a time, and once more if kicked.

    A lone issue's work is done without a look, which would find that issue and no other: a look
    takes 3 ms, and the next lane waits for the processor meanwhile: from a delivery to its fields
    it was 20 ms with looks and is 13 without, in turn on a busy machine. The look is made a moment
    later, for what was put off, and at once where more came.
    """

    def __init__(
        self, name: str, work: Callable[[], None], at_once: Callable[[Key], None] | None
    ) -> None:
        super().__init__(name=f"lane-{name}", daemon=True)
        self._name, self._work, self._at_once = name, _logged(name, work), at_once
        self._kicked = threading.Event()
        self._gate = threading.Lock()
        self._lone: Key | None = None
        self._looks = False
        self._stopping = False

    def kick(self, key: Key | None = None) -> None:
        with self._gate:
            if key is None or self._at_once is None or self._lone not in (None, key):
                self._looks = True
            else:
                self._lone = key
        self._kicked.set()

    def stop(self) -> None:
        self._stopping = True
        self.kick()
        self.join(timeout=timedelta(seconds=10).total_seconds())

    def run(self) -> None:
        look_by: float | None = None
        while True:
            left = None if look_by is None else max(0.0, look_by - time.monotonic())
            kicked = self._kicked.wait(left)
            self._kicked.clear()
            if self._stopping:
                return
            with self._gate:
                lone, looks = self._lone, self._looks or not kicked
                self._lone, self._looks = None, False
            if lone is not None and self._at_once is not None and not looks:
                _logged(self._name, partial(self._at_once, lone))()
                look_by = look_by or time.monotonic() + _A_MOMENT
            else:
                look_by = None
                self._work()


def _logged(name: str, work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        try:
            work()
        except OperationalError as error:
            # The database is away or full: that needs no traceback every few seconds.
            _log.error("lane failed", lane=name, reason=str(error.orig or error))
        except Exception:  # noqa: BLE001 - logged; the sweep repairs it
            # The tables still say what is to be done; the sweep will come back to it.
            _log.exception("lane failed", lane=name)

    return run
