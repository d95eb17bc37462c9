"""Being woken on several machines: which issue has work goes through a queue on PostgreSQL.

A job says no more than "look at this issue in this lane"; what is to be done stands in the tables.
procrastinate keeps jobs of one lane and issue in order, one at a time over all machines. Timers are
rows and never jobs: each process keeps the next instant in mind (`LocalWakeups`), and hands over
what is due when it comes, so that no far-away job slows the queue down or blocks an issue.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

import structlog
from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.jobs import Status
from sqlalchemy import Connection, bindparam, text

from sla.lanes import Key, Lane
from sla.store.database import Database
from sla.wakeups import Clock, LocalWakeups

_log = structlog.get_logger(__name__)
# So many jobs of a lane at most are handed over at once; the tables keep the rest.
_HANDED_OVER = 500
_HEARTBEAT_SECONDS = 2.0
# A worker that was silent for so long is taken for dead, and its jobs are given to others.
_STALE_SECONDS = 6.0
_TAKE_OVER_SECONDS = 2.0
# Where no notification comes through, as behind a pooler, the queue is asked this often.
_POLL_SECONDS = 0.25
_GRACE_SECONDS = 20.0
_PAUSE_SECONDS = 1.0
# A pooler between us and the server may hand each transaction another connection.
_POOLED = {"prepare_threshold": None}
_TASK = "dueline"
_URGENT = 10

LARGEST_WAIT: Final = _STALE_SECONDS + _TAKE_OVER_SECONDS
"""Seconds until the work of a process that was killed is taken over."""


class SharedWakeups:
    """Wake-ups over all processes that share a PostgreSQL database.

    Args:
        database: the shared one.
        clock: the one clock.
        lanes: each with how many of its issues this process works on side by side; with 0 it only
            hands over what is due, and leaves the work to others.
        beside: what each process does for itself when it is kicked.
        pressing: for a lane, what of it goes before all that waits in the queue.
        hurry: called when something urgent was queued, which may find every place in its lane
            taken by what is waiting.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        lanes: Mapping[str, tuple[Lane, int]],
        beside: Mapping[str, Callable[[], None]],
        pressing: Mapping[str, Callable[[], Collection[Key]]] = MappingProxyType({}),
        hurry: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._clock, self._pressing = database, clock, pressing
        self._hurry = hurry
        self._lanes = {name: lane for name, (lane, _) in lanes.items()}
        hand_over = {name: partial(self._hand_over, name) for name in lanes}
        self._local = LocalWakeups(clock, {**hand_over, **beside})
        address = database.engine.url.set(drivername="postgresql")
        dsn = address.render_as_string(hide_password=False)
        self._deferring = App(
            connector=SyncPsycopgConnector(
                conninfo=dsn, min_size=1, max_size=8, timeout=_PAUSE_SECONDS, kwargs=_POOLED
            )
        )
        self._crews = [
            _Crew(name, dsn, side_by_side, lane, partial(self.kick, name))
            for name, (lane, side_by_side) in lanes.items()
            if side_by_side
        ]

    def start(self) -> None:
        """Work from now on; what piled up while nobody was there is handed over at once."""
        self._deferring.open()
        for crew in self._crews:
            crew.start()
        self._local.start()

    def stop(self) -> None:
        """Let what runs finish, and start nothing new; can be called again."""
        self._local.stop()
        for crew in self._crews:
            crew.ask_to_stop()
        for crew in self._crews:
            crew.join(_GRACE_SECONDS)
        self._deferring.close()

    def kick(self, lane: str, key: Key | None = None, *, urgent: bool = False) -> None:
        """See `Wakeups`. What cannot be handed over now is found by the sweep."""
        if key is None:
            self._local.kick(lane)
            return
        try:
            self._defer(lane, key, urgent=urgent)
        except Exception as error:  # noqa: BLE001 - logged; the sweep repairs it
            _log.warning("not handed over", lane=lane, issue_id=key[1], reason=str(error))

    def wake_at(self, lane: str, at: datetime) -> None:
        """See `Wakeups`."""
        self._local.wake_at(lane, at)

    def every(self, name: str, seconds: float, work: Callable[[], None]) -> None:
        """See `Wakeups`."""
        self._local.every(name, seconds, work)

    def _hand_over(self, name: str) -> None:
        """Queue what is due in a lane and is not queued yet, and note when something is next."""
        pressing, next_at = self._press(name)
        for key in self._not_queued(name, self._lanes[name].due(_HANDED_OVER)):
            # Some hundred take seconds in a rush: what falls due meanwhile goes before the rest.
            if next_at is not None and next_at <= self._clock.now():
                more, next_at = self._press(name)
                pressing |= more
            if key not in pressing:
                self._defer(name, key)
        if next_at is not None:
            self._local.wake_at(name, next_at)

    def _press(self, name: str) -> tuple[set[Key], datetime | None]:
        """Queue what presses in a lane before all else; returns it, and when to look again."""
        now = self._clock.now()
        pressing = set(self._pressing[name]() if name in self._pressing else ())
        for key in pressing:
            self._defer(name, key, urgent=True)
        next_run = self._lanes[name].next_run()
        # What is due already is queued by now, or found by the sweep.
        return pressing, next_run if next_run is not None and next_run > now else None

    def _not_queued(self, name: str, keys: Sequence[Key]) -> list[Key]:
        if not keys:
            return []
        locks = [_lock(name, key) for key in keys]
        queued = self._database.read(lambda c: _queued(c, locks))
        return [key for key in keys if _lock(name, key) not in queued]

    def _defer(self, lane: str, key: Key, *, urgent: bool = False) -> None:
        lock = _lock(lane, key)
        job = self._deferring.configure_task(
            _TASK,
            queue=lane,
            lock=lock,
            # One waiting job is enough: it will see whatever was committed before it starts.
            queueing_lock=f"{lock}:urgent" if urgent else lock,
            priority=_URGENT if urgent else 0,
        )
        with suppress(AlreadyEnqueued):
            job.defer(site=key[0], issue_id=key[1])
        if urgent:
            self._hurry()


class _Crew(threading.Thread):
    """This process's worker for one lane."""

    def __init__(
        self, name: str, dsn: str, side_by_side: int, lane: Lane, kick: Callable[[Key], None]
    ) -> None:
        super().__init__(name=f"crew-{name}", daemon=True)
        self._kick = kick
        self._lane, self._lane_name, self._side_by_side = lane, name, side_by_side
        self._pool = ThreadPoolExecutor(side_by_side, f"crew-{name}")
        # One connection to listen, the others to fetch and finish jobs and to give signs of life.
        self._app = App(
            connector=PsycopgConnector(conninfo=dsn, min_size=1, max_size=4, kwargs=_POOLED)
        )
        self._app.task(name=_TASK, queue=name, pass_context=True)(self._look)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._working: asyncio.Task[None] | None = None
        self._stopping = threading.Event()
        self._running = 0
        # The jobs that ended since the last look, and before that one.
        self._ended: set[int | None] = set()
        self._ended_before: set[int | None] = set()

    def run(self) -> None:
        asyncio.run(self._work())
        self._pool.shutdown()

    def ask_to_stop(self) -> None:
        """Take no further job; those that run are finished."""
        self._stopping.set()
        if self._loop:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._cancel)

    def _cancel(self) -> None:
        # While jobs run the worker must give signs of life, or others would take them over.
        if self._working and not self._running:
            self._working.cancel()

    async def _work(self) -> None:
        self._loop = asyncio.get_running_loop()
        while not self._stopping.is_set():
            try:
                await self._until_stopped()
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                # The server is away: what was to be done stands in its tables.
                _log.warning("queue lost", lane=self._lane_name, reason=str(error))
                await asyncio.sleep(_PAUSE_SECONDS)

    async def _until_stopped(self) -> None:
        async with self._app.open_async():
            if self._stopping.is_set():
                return
            # Nothing but this is ever cancelled: a pool that is just being opened would hang.
            self._working = asyncio.create_task(self._run_worker())
            others = asyncio.create_task(self._take_over())
            try:
                await self._working
            except asyncio.CancelledError:
                return
            finally:
                self._working = None
                others.cancel()

    async def _run_worker(self) -> None:
        await self._app.run_worker_async(
            queues=[self._lane_name],
            name=self.name,
            concurrency=self._side_by_side,
            install_signal_handlers=False,
            listen_notify=True,
            fetch_job_polling_interval=_POLL_SECONDS,
            update_heartbeat_interval=_HEARTBEAT_SECONDS,
            stalled_worker_timeout=_STALE_SECONDS,
            shutdown_graceful_timeout=_GRACE_SECONDS,
            delete_jobs="always",
        )

    async def _look(self, context: JobContext, site: str, issue_id: str) -> None:
        """The one task: do what is due for an issue."""
        if self._stopping.is_set():
            # Others find it in the tables.
            return
        loop = asyncio.get_running_loop()
        self._running += 1
        try:
            await loop.run_in_executor(self._pool, self._lane.run, (site, issue_id))
        except Exception:  # noqa: BLE001 - logged; the sweep repairs it
            _log.exception("lane failed", lane=self._lane_name, issue_id=issue_id)
        finally:
            self._running -= 1
            self._ended.add(context.job.id)
            if self._stopping.is_set():
                # After this job's end was told to the queue.
                loop.call_soon(self._cancel)

    async def _take_over(self) -> None:
        """Queue anew what a worker was at that gives no sign of life any more.

        Its job goes and a new one comes, since another may be waiting by now: the queue would not
        take the old one back beside it.
        """
        jobs, loop = self._app.job_manager, asyncio.get_running_loop()
        while True:
            await asyncio.sleep(_TAKE_OVER_SECONDS)
            try:
                stalled = await jobs.get_stalled_jobs(
                    queue=self._lane_name, seconds_since_heartbeat=_STALE_SECONDS
                )
                doing = await jobs.list_jobs_async(queue=self._lane_name, status="doing")
                # The queue was away when the end of these was to be told: they would block their
                # issue for as long as this worker lives.
                untold = [job for job in doing if job.id in self._ended_before]
                self._ended_before, self._ended = self._ended, set()
                for job in (*stalled, *untold):
                    await jobs.finish_job(job, Status.FAILED, delete_job=True)
                    key = (str(job.task_kwargs["site"]), str(job.task_kwargs["issue_id"]))
                    await loop.run_in_executor(None, self._kick, key)
            except Exception as error:  # noqa: BLE001 - logged, and tried again
                _log.warning("stalled jobs not seen", lane=self._lane_name, reason=str(error))


def _lock(lane: str, key: Key) -> str:
    return ":".join((lane, *key))


def _queued(connection: Connection, locks: Sequence[str]) -> frozenset[str]:
    """Which of these locks have a job waiting already."""
    statement = text(
        "SELECT DISTINCT lock FROM procrastinate_jobs WHERE status = :todo AND lock IN :locks"
    ).bindparams(bindparam("locks", expanding=True))
    values = {"todo": Status.TODO.value, "locks": list(locks)}
    return frozenset(connection.execute(statement, values).scalars())
