"""One issue: how it is found, how its promises stand, and why nothing is promised where none is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal, NamedTuple

import msgspec

from sla.cycle import Cycle, State
from sla.errors import SlaError
from sla.mapping import Coverage
from sla.store import issues
from sla.store.issues import IssueRow
from sla.timeline import FieldValue, Timeline
from sla.words import utc
from webhooks.console.questions.folding import Folded, folded
from webhooks.console.standing import Standing


class Contract(msgspec.Struct):
    """The contract that an issue has."""

    id: str
    title: str
    customer: str | None = None
    """Whose order form holds; null where it is everybody's."""


class Goal(msgspec.Struct):
    """What was promised last for a cycle."""

    text: str
    """As the contract writes it: `2h`, `1 business day`."""
    seconds: float
    """The same as open time of the calendar."""
    binding: Literal["commitment", "goal"]
    clause: str
    calendar: str
    time_zone: str


class CycleAnswer(msgspec.Struct):
    """One run of a metric."""

    number: int
    state: State
    started_at: datetime
    due_at: datetime | None
    """Null while nothing can be due: paused or cancelled."""
    ended_at: datetime | None
    stopped_at: datetime | None
    """When the metric was met, in time or late."""
    because: str
    """What ended it, in words."""
    goal: Goal
    elapsed_seconds: float
    """Open time used."""
    remaining_seconds: float
    """Open time left; negative once the goal is exceeded."""
    open_now: bool
    """Whether the clock runs at this instant: the cycle is ongoing, not paused, in open hours."""
    promised: int
    """How many promises were made for it, because severity, tier or contract changed."""


class MetricAnswer(msgspec.Struct):
    """A metric, with all its cycles."""

    metric: str
    title: str
    state: State
    """Of the latest cycle."""
    due_at: datetime | None
    cycles: list[CycleAnswer]


class NotPromised(msgspec.Struct):
    """A metric that the contract has and does not promise here."""

    metric: str
    title: str
    because: str
    missing: list[str] = []
    """Which figures nobody gave, a sentence each; empty where that is not the reason."""


class Due(msgspec.Struct):
    """What is due first."""

    metric: str
    title: str
    due_at: datetime
    calendar: str
    time_zone: str


class SlaAnswer(msgspec.Struct):
    """How everything that was promised for an issue stands."""

    key: str
    issue_id: str
    project: str
    judged_at: datetime
    policy_version: str
    problem: str
    """Why nothing is concluded yet; empty once it is."""
    deleted_at: datetime | None
    covered: bool
    because: str
    """The rules that led to it."""
    contract: Contract | None
    severity: str | None
    tier: str | None
    customer: str | None
    next_due: Due | None
    metrics: list[MetricAnswer]
    not_promised: list[NotPromised]


class Subject(NamedTuple):
    """An issue that was found; without `folded` nothing can be concluded of it yet."""

    row: IssueRow
    folded: Folded | None
    problem: str
    """Why nothing is concluded, or what keeps it from being certain; empty where nothing does."""
    now: datetime

    @property
    def name(self) -> str:
        """How people call it."""
        return self.row.key or f"issue {self.row.issue_id}"

    @property
    def timeline(self) -> Timeline:
        """What is known of it."""
        return self.folded.timeline if self.folded else Timeline(())

    @property
    def zone(self) -> str:
        """The time zone in which its instants are shown: that of the first calendar that counts."""
        return zone_of(self.folded.decision.cycles if self.folded else ())


def zone_of(cycles: Sequence[Cycle]) -> str:
    """That of the calendar of what is due next, else of what ended last; UTC for nothing."""
    if not cycles:
        return "UTC"
    first = next((cycle for cycle in cycles if cycle.ending is None), cycles[-1])
    return first.promise.goal.calendar.time_zone


def found(standing: Standing, key: str) -> IssueRow | None:
    """The issue that people mean by its key, by one that it had before it was moved, or by its id.

    None: nothing was ever heard of such an issue.
    """
    database, site, asked = standing.database, standing.site, key.strip()
    if asked.isascii() and asked.isdecimal():
        return database.read(lambda c: issues.get(c, site, asked))
    row = database.read(lambda c: issues.by_key(c, site, asked.upper()))
    if row is not None:
        return row
    issue_id = database.read(lambda c: issues.once_known_as(c, site, asked.upper()))
    return database.read(lambda c: issues.get(c, site, issue_id)) if issue_id else None


def unknown(standing: Standing, key: str) -> str:
    """What to check when nothing was ever heard of an issue, in sentences."""
    project, dash, number = key.strip().upper().rpartition("-")
    if not (dash and project and number.isdecimal()):
        return f"{key!r} is not a key of an issue; one reads like HLP-12."
    if project not in standing.configuration.policy.projects:
        return (
            f"Project {project} is in no mapping, so nothing is listened to and nothing promised "
            "there. Check the key, or map the project."
        )
    return (
        f"Nothing was heard of {key.upper()}. Check the key; check that the issue exists in Jira "
        "and that Dueline's account may see it; and check that Jira's webhook arrives here."
    )


def subject(standing: Standing, row: IssueRow) -> Subject:
    """An issue as it stands at the instant of the question."""
    now = standing.now()
    if standing.facts is None:
        return Subject(row, None, "Jira was never reached, so nothing can be judged yet.", now)
    try:
        fold = folded(standing, row.issue_id)
    except (LookupError, SlaError) as error:
        return Subject(row, None, f"It cannot be judged: {error}.", now)
    return Subject(row, fold, _problem(row, fold.timeline), now)


def _problem(row: IssueRow, timeline: Timeline) -> str:
    if row.incomplete:
        tried = f" It is asked for next at {utc(row.read_at)}." if row.read_at else ""
        failed = f" Last time Jira said: {row.read_error}." if row.read_error else ""
        return (
            "Not judged yet: facts are missing that only the issue's history in Jira can give, and "
            f"it is being read.{tried}{failed}"
        )
    if row.read_error:
        return f"Its history could not be read, and that was given up: {row.read_error}."
    if timeline.created_at is None:
        return "Not judged yet: the issue's creation is not known."
    return ""


def sla_of(asked: Subject, *, latest: bool = False) -> SlaAnswer:
    """The whole answer about an issue; `latest` leaves out all cycles of a metric but the last."""
    row, fold = asked.row, asked.folded
    if fold is None or row.incomplete:
        return SlaAnswer(
            row.key or "", row.issue_id, project_of(asked), asked.now, row.policy_version or "",
            asked.problem, asked.timeline.deleted_at, covered=False, because=asked.problem,
            contract=None, severity=None, tier=None, customer=None, next_due=None, metrics=[],
            not_promised=[],
        )  # fmt: skip
    decision = fold.decision
    coverage = decision.coverage
    return SlaAnswer(
        key=row.key or "",
        issue_id=row.issue_id,
        project=coverage.project,
        judged_at=asked.now,
        policy_version=fold.version,
        problem=asked.problem,
        deleted_at=fold.timeline.deleted_at,
        covered=coverage.covered,
        because=coverage.reason,
        contract=_contract(coverage),
        severity=coverage.severity,
        tier=coverage.tier,
        customer=_customer(fold, asked.now),
        next_due=next_due(decision.cycles),
        metrics=list(_metrics(decision.cycles, asked.now, latest=latest)),
        not_promised=list(not_promised(coverage)),
    )


def project_of(asked: Subject) -> str:
    """The key of an issue's project, as far as known."""
    named = asked.timeline.value("project", asked.now)
    return str(named or (asked.row.key or "").rpartition("-")[0])


def next_due(cycles: Iterable[Cycle]) -> Due | None:
    """What is due first of all that is ongoing; None where nothing is due."""
    owed = [(each.due_at, each.metric, each) for each in cycles if not each.ending and each.due_at]
    if not owed:
        return None
    due_at, metric, cycle = min(owed, key=lambda each: each[:2])
    calendar = cycle.promise.goal.calendar
    return Due(metric, cycle.words, due_at, calendar.id, calendar.time_zone)


def not_promised(coverage: Coverage) -> Iterator[NotPromised]:
    """The metrics of the issue's contract that are not promised for it, each with the reason."""
    for metric in coverage.metrics:
        if coverage.goal(metric.name) is None:
            refusal = coverage.refusal(metric.name)
            yield NotPromised(
                metric.name, metric.words, coverage.why_not(metric.name),
                list(refusal.missing) if refusal else [],
            )  # fmt: skip


def _contract(coverage: Coverage) -> Contract | None:
    contract = coverage.contract
    return Contract(contract.id, contract.title, contract.customer) if contract else None


def _customer(fold: Folded, now: datetime) -> str | None:
    """Who the customer is, as the field says that the policy names."""
    field = fold.policy.customer_field
    value: FieldValue = fold.timeline.value(field, now) if field else None
    return ", ".join(value) if isinstance(value, tuple) else value


def _metrics(cycles: Sequence[Cycle], now: datetime, *, latest: bool) -> Iterator[MetricAnswer]:
    for metric, its in by_metric(cycles).items():
        last = its[-1]
        told = [answer_of(each, now) for each in (its[-1:] if latest else its)]
        yield MetricAnswer(metric, last.words, last.state, last.due_at, told)


def by_metric(cycles: Iterable[Cycle]) -> dict[str, list[Cycle]]:
    """Cycles by metric, in the order of the contract, the oldest of each first."""
    found: dict[str, list[Cycle]] = {}
    for cycle in cycles:
        found.setdefault(cycle.metric, []).append(cycle)
    return found


def answer_of(cycle: Cycle, now: datetime) -> CycleAnswer:
    """A cycle as programs are told of it."""
    goal, elapsed = cycle.promise.goal, cycle.elapsed
    calendar = goal.calendar
    ticks = cycle.ending is None and cycle.state != "paused"
    return CycleAnswer(
        cycle.number,
        cycle.state,
        cycle.started_at,
        cycle.due_at,
        cycle.ending.at if cycle.ending else None,
        cycle.stopped_at,
        cycle.ending.reason if cycle.ending else "",
        Goal(
            goal.target.text, cycle.promise.goal_time.total_seconds(), goal.binding, goal.clause,
            calendar.id, calendar.time_zone,
        ),
        elapsed.total_seconds(),
        (cycle.promise.goal_time - elapsed).total_seconds(),
        ticks and calendar.is_open(now),
        len(cycle.promises),
    )  # fmt: skip
