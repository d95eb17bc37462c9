"""What was missed in a period, and why: each promise with what became of it after all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import NoReturn

import msgspec
from sqlalchemy import Connection

from sla.clock.run import cycles_of
from sla.contract import in_words, severity_in_words
from sla.cycle import Cycle
from sla.errors import SlaError
from sla.interval import merged
from sla.mapping import Policy
from sla.recalculated import joined
from sla.store import reports
from sla.store.absence import ABSENCE
from sla.store.reports import Heard, Missed, Place, Wanted
from sla.words import minute, whole_minutes
from webhooks.console.questions.folding import Read, read_all
from webhooks.console.questions.reports import (
    NotUnderstood,
    ReportQuery,
    kind_of,
    span,
    title_of,
    wanted,
)
from webhooks.console.standing import Standing

ROWS = 50
"""Missed promises on a page."""
_AT_ONCE = 500
_LARGEST = 2**62
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DONE: Mapping[str, str] = {"periodic_update": "updated", "resolution": "resolved"}
_ANSWERS = ("first_response", "next_response", "substantive_response")


class Breach(msgspec.Struct):
    """A promise that was missed; lengths in seconds."""

    issue_id: str
    key: str | None
    summary: str | None
    project: str | None
    customer: str | None
    assignee: str | None
    answered_by: str | None
    """Who answered or did it after all; null where nobody did, or that is not known."""
    contract: str
    contract_title: str
    severity: str | None
    metric: str
    metric_title: str
    number: int
    binding: str
    conditional: bool
    goal: str
    """As the contract says it."""
    clause: str
    time_zone: str
    started_at: datetime
    due_at: datetime
    done_at: datetime | None
    """When it was answered, or done, after all."""
    late_open_seconds: float | None
    """Open time after the due instant, until it was done or given up, or until now."""
    late_seconds: float
    """The same by the wall clock."""
    paused_seconds: float
    """For how long its clock rested, by the wall clock."""
    reasons: list[str]
    """What it was answered like, and what made it so; in words."""

    @property
    def kind(self) -> str:
        """What it was promised as, in words."""
        return kind_of(self.binding, conditional=self.conditional)


class BreachQuery(ReportQuery, kw_only=True):
    """The same with a page of what was missed."""

    after: str = ""
    """The `next` of the page before."""


class Breaches(msgspec.Struct):
    """Missed promises, the latest due instant first."""

    rows: list[Breach]
    next: str | None
    """What to give as `after` for the next page; null where there is none."""


def breaches(standing: Standing, query: BreachQuery, rows: int = ROWS) -> Breaches:
    """A page of what was missed, each with why.

    What is told of each is worked out from its issue's history, for the rows of the page alone.

    Raises:
        NotUnderstood: the period or the place means nothing.
    """
    from_at, to_at, _ = span(standing, query)
    return missed_in(standing, wanted(standing, query, from_at, to_at), _place(query.after), rows)


def missed_in(standing: Standing, asked: Wanted, after: Place | None, rows: int) -> Breaches:
    """The same of a span that is known already."""
    now, site = standing.now(), standing.site

    def work(connection: Connection) -> tuple[list[Missed], Heard]:
        found = reports.missed(connection, site, asked, now, limit=rows + 1, after=after)
        return found, reports.heard(connection, site, {each.issue_id for each in found[:rows]})

    found, heard = standing.database.read(work)
    shown = found[:rows]
    reads = read_all(standing, {each.issue_id for each in shown})
    runs = {issue_id: _cycles(read, now) for issue_id, read in reads.items()}
    policy = standing.configuration.policy
    made = [
        _breach(each, _run(runs[each.issue_id], each), reads[each.issue_id], heard, policy, now)
        for each in shown
    ]
    return Breaches(made, _after(shown[-1]) if len(found) > rows else None)


def all_breaches(standing: Standing, query: ReportQuery) -> Iterator[Breach]:
    """Everything that was missed, page after page.

    Raises:
        NotUnderstood: the period means nothing; told before the first one is asked for.
    """
    from_at, to_at, _ = span(standing, query)
    return _all_of(standing, wanted(standing, query, from_at, to_at))


def _all_of(standing: Standing, asked: Wanted) -> Iterator[Breach]:
    page = missed_in(standing, asked, None, _AT_ONCE)
    yield from page.rows
    while page.next:
        page = missed_in(standing, asked, _place(page.next), _AT_ONCE)
        yield from page.rows


def _cycles(read: Read | LookupError, now: datetime) -> Sequence[Cycle]:
    if isinstance(read, LookupError):
        return ()
    try:
        return joined(read.over, cycles_of(read.timeline, read.policy, now))
    except SlaError:
        return ()


def _run(cycles: Sequence[Cycle], row: Missed) -> Cycle | None:
    """The cycle of a row; None where it cannot be worked out any more."""
    return next((c for c in cycles if (c.metric, c.number) == (row.metric, row.number)), None)


def _breach(
    row: Missed,
    cycle: Cycle | None,
    read: Read | LookupError,
    heard: Heard,
    policy: Policy,
    now: datetime,
) -> Breach:
    goal = cycle.promise.goal if cycle else None
    until = row.stopped_at or row.ended_at or now
    return Breach(
        issue_id=row.issue_id, key=row.key, summary=row.summary, project=row.project,
        customer=row.customer, assignee=row.assignee, answered_by=row.answered_by,
        contract=row.contract,
        contract_title=title_of(policy, row.contract), severity=row.severity, metric=row.metric,
        metric_title=cycle.words if cycle else in_words(row.metric), number=row.number,
        binding=row.binding, conditional=bool(row.conditional),
        goal=goal.target.text if goal else "",
        clause=goal.clause if goal else "",
        time_zone=goal.calendar.time_zone if goal else "UTC",
        started_at=row.started_at, due_at=row.due_at, done_at=row.stopped_at,
        late_open_seconds=_late(row, cycle),
        late_seconds=max((until - row.due_at).total_seconds(), 0.0),
        paused_seconds=_paused(cycle).total_seconds() if cycle else 0.0,
        reasons=list(_reasons(row, cycle, read, heard)),
    )  # fmt: skip


def _late(row: Missed, cycle: Cycle | None) -> float | None:
    if cycle is not None:
        late = (cycle.elapsed - cycle.promise.goal_time).total_seconds()
    elif row.used is not None and row.goal is not None:
        late = (row.used - row.goal) * _MICROSECOND / _SECOND
    else:
        return None
    return max(late, 0.0)


def _paused(cycle: Cycle) -> timedelta:
    spans = merged(cycle.rest.until(cycle.until_at))
    rested = (max(to - max(from_, cycle.started_at), timedelta(0)) for from_, to in spans)
    return sum(rested, timedelta(0))


def _reasons(
    row: Missed, cycle: Cycle | None, read: Read | LookupError, heard: Heard
) -> Iterator[str]:
    yield became(row, cycle)
    if isinstance(read, LookupError):
        yield f"why it was due then cannot be worked out: {read}"
        return
    if cycle is None:
        yield "why it was due then cannot be worked out any more"
        return
    yield from _changes(cycle)
    yield from _away(row, read, heard)


def became(row: Missed, cycle: Cycle | None) -> str:
    """What became of a promise that was missed, in words."""
    done = _DONE.get(row.metric, "answered" if row.metric in _ANSWERS else "done")
    if row.stopped_at:
        return f"{done} late"
    if row.ended_at is None:
        return f"not {done} yet"
    reason = cycle.ending.reason if cycle and cycle.ending else ""
    return f"never {done}: {reason}" if reason else f"never {done}"


def _changes(cycle: Cycle) -> Iterator[str]:
    """Whatever made it due earlier than it was at first."""
    for before, after in pairwise(cycle.promises):
        if after.due_at >= before.due_at:
            continue
        zone = after.goal.calendar.time_zone
        at = minute(after.since_at, zone)
        earlier = f"which made it due {whole_minutes(before.due_at - after.due_at)} earlier"
        was, became = before.coverage, after.coverage
        if was.severity != became.severity:
            change = f"{severity_in_words(was.severity)} became {became.severity or 'none'}"
        elif was.tier != became.tier:
            change = f"tier {was.tier or 'none'} became {became.tier or 'none'}"
        else:
            change = "another goal held"
        yield f"{change} on {at}, {earlier}"


def _away(row: Missed, read: Read, heard: Heard) -> Iterator[str]:
    """Whether nobody could have been warned, since the service did not know."""
    if read.row.quiet_before and row.due_at < read.row.quiet_before:
        yield "it was due before Dueline was installed"
        return
    promised_at = heard.promised.get((row.issue_id, row.metric, row.number))
    if promised_at and promised_at - row.due_at > ABSENCE:
        yield f"Dueline heard of it {whole_minutes(promised_at - row.due_at)} after it was due"
        return
    noticed_at = heard.noticed.get((row.issue_id, row.due_at))
    if noticed_at and noticed_at - row.due_at > ABSENCE:
        later = whole_minutes(noticed_at - row.due_at)
        yield f"Dueline was away when it fell due, and said so {later} later"


def _after(row: Missed) -> str:
    due = (row.due_at - _EPOCH) // _MICROSECOND
    return msgspec.json.encode((due, row.issue_id, row.metric, row.number)).decode()


def _place(after: str) -> Place | None:
    if not after:
        return None
    try:
        place: Place = msgspec.json.decode(after.encode("utf-8", "replace"), type=Place)
    except msgspec.MsgspecError:
        _refused_place()
    if not (-_LARGEST < place[0] < _LARGEST and 0 <= place[3] < 2**31 and "\0" not in after):
        _refused_place()
    return place


def _refused_place() -> NoReturn:
    raise NotUnderstood(
        "The next page cannot be found: `after` is not what a page gave. Begin without it."
    ) from None


__all__ = [
    "ROWS", "Breach", "BreachQuery", "Breaches", "all_breaches", "became", "breaches", "missed_in",
]  # fmt: skip
