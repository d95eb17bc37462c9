"""Metrics for Prometheus: how the work stands, read from the tables, and what this process did.

What stands in the tables is the same whichever process is asked; of counters and durations each
process tells its own, and Prometheus adds them up. Imported only where `DUELINE_METRICS_TOKEN` is
set: the client library takes 10 to 50 ms of a start.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from connector import limits
from sla.errors import StoreError
from sla.steps import Step
from sla.store import absence, board, faults, health, holds, inbox
from webhooks.limits import Heard, last_heard
from webhooks.service import DEFAULT_SITE, Service

# Of a delivery that waits for the disk, and of a Jira that takes its time: each doubles, or nearly.
_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)
_WELL = frozenset({"done", "kept", "known already", "not understood"})
_CREDENTIALS = frozenset({401, 403, 407})


# When each counter was made is told by the process's start, once for all.
disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics:
    """All that this process tells; a watcher of its steps.

    Args:
        service: the running service, whose tables are read at each scrape.
    """

    def __init__(self, service: Service) -> None:
        registry = self.registry = CollectorRegistry(auto_describe=False)
        for Kind in (ProcessCollector, PlatformCollector, GCCollector):  # noqa: N806 - classes
            Kind(registry=registry)
        registry.register(_Standing(service))
        self._deliveries = Counter(
            "dueline_deliveries", "Deliveries that came to this process.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._translations = Counter(
            "dueline_translations", "Deliveries of which this process made facts.", ["outcome"],
            registry=registry,
        )  # fmt: skip
        self._decisions = Counter(
            "dueline_decisions", "Times that this process decided an issue.", ["why", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._effects = Counter(
            "dueline_effects", "Changes that this process sent to Jira.", ["kind", "outcome"],
            registry=registry,
        )  # fmt: skip
        self._calls = Counter(
            "dueline_jira_calls", "Requests of this process to Jira.", ["method", "status"],
            registry=registry,
        )  # fmt: skip
        for counter, values in self._known_beforehand():
            for labels in values:
                # From 0, so that the first of its kind is seen as a rise.
                counter.labels(*labels)
        self._seconds = {
            "receive": _histogram(
                registry, "dueline_intake_seconds", "Until a delivery was on disk.", _FAST
            ),
            "decide": _histogram(
                registry, "dueline_decision_seconds", "Until a decision was on disk.", _FAST
            ),
            "write": _histogram(
                registry, "dueline_write_seconds", "Until Jira had taken a change.", _SLOW
            ),
            "call": _histogram(
                registry, "dueline_jira_call_seconds", "Until Jira answered.", _SLOW
            ),
        }

    def _known_beforehand(self) -> Iterator[tuple[Counter, Iterable[tuple[str, ...]]]]:
        yield self._deliveries, [("kept",), ("known_already",), ("failed",)]
        yield self._translations, [("done",), ("not_understood",), ("failed",)]
        ends = ("done", "failed")
        yield self._decisions, product(("delivery", "history", "time"), ends)
        yield self._effects, product(_KINDS, ends)

    def began(self, step: Step) -> None:
        """Only what ended is counted."""

    def ended(self, step: Step) -> None:
        """Count a step, and how long it took."""
        outcome = step.outcome.replace(" ", "_") if step.outcome in _WELL else "failed"
        if step.name == "receive":
            self._deliveries.labels(outcome).inc()
        elif step.name == "translate":
            self._translations.labels(outcome).inc()
        elif step.name == "decide":
            self._decisions.labels(step.facts["why"], outcome).inc()
        elif step.name in ("write", "notify"):
            self._effects.labels(step.facts["kind"], outcome).inc()
        else:
            self._count_call(step)
        if step.name in self._seconds:
            self._seconds[step.name].observe(step.seconds)

    def _count_call(self, step: Step) -> None:
        answered = step.outcome.isdecimal()
        method = step.facts.get("method") or "unknown"
        self._calls.labels(method, step.outcome if answered else "none").inc()

    def shown(self, accept: str) -> tuple[bytes, str]:
        """All of them as text, and its content type, as whoever asks accepts it."""
        encode, content_type = choose_encoder(accept)
        return encode(self.registry), content_type


_KINDS = ("fields", "comment", "action", "link", "notification")


def _histogram(
    registry: CollectorRegistry, name: str, what: str, buckets: tuple[float, ...]
) -> Histogram:
    return Histogram(name, what, buckets=buckets, registry=registry)


@dataclass(eq=False)
class _Standing(Collector):
    """How the work stands, read from the tables when it is asked for."""

    service: Service

    def collect(self) -> Iterable[Metric]:
        """Every gauge; of a database that cannot be read, that."""
        service = self.service
        about = GaugeMetricFamily(
            "dueline_info", "1; what runs, and what decides.", labels=["version", "policy_version"]
        )
        about.add_metric([version("dueline"), service.engine.in_force], 1)
        yield about
        yield _one("dueline_ready", "1: deliveries can be taken and judged.", service.ready)
        try:
            found = [*service.database.read(lambda c: list(self._read(c)))]
        except (SQLAlchemyError, StoreError) as error:
            yield _one("dueline_database_readable", f"0: {faults.reason(error)}.", 0)
            return
        yield _one("dueline_database_readable", "1: the database can be read.", 1)
        yield _one(
            "dueline_database_writable", "0: the last write could not be stored.",
            service.database.trouble is None,
        )  # fmt: skip
        yield from found

    def _read(self, connection: Connection) -> Iterator[Metric]:
        now = self.service.clock.now()
        yield from _inbox(connection, now)
        yield from _timers(connection, now)
        yield from _outbox(connection, now)
        yield from _open(connection, now)
        yield from _jira(connection, now)
        yield from self._heard(connection, now)
        yield _one("dueline_database_bytes", "How large the database is.", health.size(connection))
        yield CounterMetricFamily(
            "dueline_refused_signatures", "Deliveries refused at the door, by all processes.",
            value=inbox.counted(connection).get("signature_refused", 0),
        )  # fmt: skip

    def _heard(self, connection: Connection, now: datetime) -> Iterator[Metric]:
        real_now = self.service.clock.real_time(now)
        alive_at = absence.noted_at(connection, DEFAULT_SITE)
        turns = self.service.reconciler.turns(DEFAULT_SITE)
        since = {
            "webhook": _seconds(inbox.newest_at(connection, DEFAULT_SITE), now),
            "reconcile": _seconds(turns.polled_at, now),
            "missed": _seconds(turns.missed_at, now),
            "receiver": _seconds(alive_at, real_now),
        }
        yield _by(
            "dueline_since_seconds",
            "Since the newest webhook about an issue came, since Jira was last asked what was "
            "missed, since that last found something, and since a receiver noted that it is there.",
            "what",
            {what: seconds for what, seconds in since.items() if seconds is not None},
        )


def _inbox(connection: Connection, now: datetime) -> Iterator[Metric]:
    left = inbox.left(connection)
    states = {"waiting": left.get("new", 0)}
    states |= {state: left.get(state, 0) for state in ("not_understood", "failed")}
    yield _by(
        "dueline_inbox", "Deliveries that wait, were not understood, or failed.", "state", states
    )
    since = inbox.waiting_since(connection) if left.get("new") else None
    yield _one(
        "dueline_inbox_oldest_seconds", "For how long the oldest delivery waits.",
        _seconds(since, now) or 0,
    )  # fmt: skip


def _timers(connection: Connection, now: datetime) -> Iterator[Metric]:
    found = health.timers(connection, now)
    yield _by(
        "dueline_timers", "Instants waited for at which time alone changes an answer.", "state",
        {"armed": found.armed, "overdue": found.overdue},
    )  # fmt: skip
    yield _one(
        "dueline_timers_overdue_seconds",
        "For how long the oldest instant is past and not seen to.",
        _seconds(found.overdue_since, now) or 0,
    )


def _outbox(connection: Connection, now: datetime) -> Iterator[Metric]:
    queues = health.queues(connection, DEFAULT_SITE)
    yield _by(
        "dueline_outbox", "What is to reach Jira, or to be asked of it.", "kind",
        {kind: queue.pending for kind, queue in queues.items()},
    )  # fmt: skip
    yield _by(
        "dueline_outbox_given_up", "What Jira refused for good, or could not be read.", "kind",
        {kind: queue.given_up for kind, queue in queues.items()},
    )  # fmt: skip
    yield _by(
        "dueline_outbox_oldest_seconds",
        "For how long the oldest comment waits, and the oldest fields and history that are due.",
        "kind",
        {kind: max(_seconds(queue.since, now) or 0, 0) for kind, queue in queues.items()},
    )


def _open(connection: Connection, now: datetime) -> Iterator[Metric]:
    found = board.counts(connection, DEFAULT_SITE, board.Wanted(), now)
    yield _by(
        "dueline_open_cycles", "Promises that are open; those in danger are not told as running.",
        "state",
        {
            "running": found.running - found.danger, "in_danger": found.danger,
            "breached": found.breached, "paused": found.paused,
        },
    )  # fmt: skip


def _jira(connection: Connection, now: datetime) -> Iterator[Metric]:
    reasons = dict.fromkeys(("told_to_wait", "credentials_refused", "no_answer"), 0.0)
    hold = holds.held(connection, now).get(DEFAULT_SITE)
    if hold:
        reasons[_kind_of(hold.status)] = (hold.until - now).total_seconds()
    yield _by(
        "dueline_jira_hold_seconds", "For how long Jira is still left alone.", "reason", reasons
    )
    heard = last_heard(connection, DEFAULT_SITE)
    if heard:
        yield from _limits(heard, now)


def _kind_of(status: int | None) -> str:
    if status in _CREDENTIALS:
        return "credentials_refused"
    return "told_to_wait" if status == 429 else "no_answer"


def _limits(heard: Heard, now: datetime) -> Iterator[Metric]:
    resets_at = limits.resets_at(heard.headers)
    told = {
        "remaining": limits.remaining(heard.headers),
        "limit": limits.most(heard.headers),
        "retry_after_seconds": limits.retry_after(heard.headers),
        "resets_in_seconds": None if resets_at is None else (resets_at - now).total_seconds(),
        "heard_seconds_ago": _seconds(heard.at, now),
    }
    yield _by(
        "dueline_jira_rate_limit", "What Jira last said of how much it may be asked.", "what",
        {what: value for what, value in told.items() if value is not None},
    )  # fmt: skip


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else (now - since).total_seconds()


def _one(name: str, what: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, what, value=float(value))


def _by(name: str, what: str, label: str, values: Mapping[str, Any]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, what, labels=[label])
    for value, number in values.items():
        family.add_metric([value], float(number))
    return family
