"""How late a timer fires while 100,000 of them are armed, in a running service on one file."""

from __future__ import annotations

import logging
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from sqlalchemy import Connection, text

from bench.row import Context, Figure, Result, Row
from connector.simulator import Simulator, running
from sla.lanes import Call
from sla.store import absence
from tests.scenarios.world import Clock, World, utc

if TYPE_CHECKING:
    from collections.abc import Iterator

ARMED, FALLING_DUE, EVERY = 100_000, 200, timedelta(seconds=0.2)
AT_MOST_MS = 250.0
_SITE = "default"
# Wednesday in New York, 10:00: every calendar of the example site is open.
_BEGAN = utc("2024-07-10 14:00")
_REPORTED = {"summary": "Help", "Support plan": "Enterprise"}
# Until then its first poll of the simulated Jira, which shares its process, is over.
_BEFORE = timedelta(seconds=10)
_PATIENCE_SECONDS = 30.0


class RunningClock(Clock):
    """Stands still and is moved, and runs from a moment on."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at)
        self._since: float | None = None

    def run(self) -> None:
        """Run from now on, as fast as time does."""
        self._since = time.monotonic()

    def now(self) -> datetime:
        """What it shows."""
        gone = time.monotonic() - self._since if self._since is not None else 0.0
        return self.at + timedelta(seconds=gone)

    def real_time(self, at: datetime) -> datetime:
        """The machine's own instant at which it will show `at`."""
        return datetime.now(UTC) + (at - self.now())  # noqa: TID251 - this is a clock


def measure(context: Context) -> Result:
    """Let some issues fall due in turn, and note when each decision was committed."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    armed, due = (2_000, 10) if context.quick else (ARMED, FALLING_DUE)
    before = _BEFORE / 5 if context.quick else _BEFORE
    with tempfile.TemporaryDirectory() as directory, _world(Path(directory)) as made:
        awaited = _fall_due(made, due)
        made.service.database.write(lambda c: _arm(c, armed, made.clock.at + timedelta(days=1)))
        late_ms = _lateness(made, awaited, before)
    p99 = statistics.quantiles(late_ms, n=100, method="inclusive")[98]
    return Result(
        (
            Figure("armed", armed + due, "timers"),
            Figure("fell due", len(late_ms), "timers"),
            Figure("median", statistics.median(late_ms), "ms"),
            Figure("99th percentile", p99, "ms"),
            Figure("latest", max(late_ms), "ms"),
        ),
        p99 <= AT_MOST_MS and len(late_ms) == due,
        f"99th percentile {p99:.0f} ms",
        notes=(
            "Late: from the instant that was armed until its decision is committed.",
            "The service writes them to a simulated Jira meanwhile, which shares its process.",
        ),
    )


@contextmanager
def _world(directory: Path) -> Iterator[World]:
    from config.settings import SHIPPED

    clock = RunningClock(_BEGAN)
    there: list[World] = []
    jira = Simulator(now=clock.now, post=lambda *call: there[0].post(*call))
    with running(jira) as url:
        made = World(jira, url, clock, directory, SHIPPED)
        there.append(made)
        try:
            yield made
        finally:
            made.stop()


def _fall_due(made: World, number: int) -> dict[str, datetime]:
    """Have issues made one after another, so that they fall due so; ids and instants armed."""
    for _ in range(number):
        made.jira.create_issue(_REPORTED, project="HLP")
        made.jira.deliver()
        made.clock.at += EVERY
    made.settle()
    rows = made.service.database.read(
        lambda c: c.execute(text("SELECT issue_id, wake_at FROM issues")).all()
    )
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    return {issue_id: epoch + timedelta(microseconds=at) for issue_id, at in rows}


def _arm(connection: Connection, number: int, first_at: datetime) -> None:
    """Issues whose instant comes later, one each tenth of a second."""
    connection.execute(
        text(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :number) "
            "INSERT INTO issues (site, issue_id, key, reason, covered, policy_version, wake_at) "
            "SELECT :site, CAST(1000000 + i AS TEXT), 'HLP-' || (1000000 + i), 'armed', true, "
            "(SELECT policy_version FROM issues LIMIT 1), :first + i * 100000 FROM n"
        ),
        {"number": number, "site": _SITE, "first": int(first_at.timestamp() * 1_000_000)},
    )


def _lateness(made: World, awaited: dict[str, datetime], before: timedelta) -> Sequence[float]:
    """Milliseconds from each instant to the commit of what it brought."""
    clock, service = made.clock, made.service
    decided: dict[str, datetime] = {}
    all_decided = threading.Event()
    clock.at = min(awaited.values()) - before
    real_now = datetime.now(UTC)  # noqa: TID251 - it says that Jira was heard all the while
    service.database.write(lambda c: absence.note_alive(c, _SITE, real_now))
    clock.run()  # type: ignore[attr-defined]
    wakeups = service.start()
    pass_on = service.engine.after_commit

    def note(call: Call) -> None:
        issue_id = call.key[1]
        if call.lane == "dispatch" and call.at >= awaited.get(issue_id, call.at) > _BEGAN:
            decided.setdefault(issue_id, clock.now())
            if len(decided) == len(awaited):
                all_decided.set()
        pass_on(call)

    service.engine.after_commit = note
    try:
        lasts = (max(awaited.values()) - clock.now()).total_seconds()
        all_decided.wait(lasts + _PATIENCE_SECONDS)
    finally:
        wakeups.stop()
    return [(at - awaited[id_]).total_seconds() * 1000 for id_, at in decided.items()]


ROW = Row(
    "timers",
    "timers: lateness with 100,000 armed",
    "99th percentile 250 ms",
    "the instant that was armed",
    measure,
)
