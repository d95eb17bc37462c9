"""How promises were kept, counted in the database."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    and_,
    case,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)

from sla.store.board import NOBODY
from sla.store.distinct import values_of
from sla.store.issues import unindexed
from sla.store.schema import cycles, issues, microseconds, promises, sayings

Outcome = Literal["met", "breached", "cancelled"]


@dataclass(frozen=True, slots=True)
class Line:
    """The cycles of one contract, metric, severity, binding and condition."""

    contract: str
    metric: str
    severity: str | None
    binding: str
    conditional: bool
    """Whether they depend on a duty that nobody did."""
    met: int
    breached: int
    open: int
    """Running or paused, and not overdue."""
    cancelled: int

    @property
    def share(self) -> Fraction | None:
        """Of those that are decided, the part that was kept; None while none is."""
        decided = self.met + self.breached
        return Fraction(self.met, decided) if decided else None


def counted(
    connection: Connection, site: str, span: tuple[datetime, datetime] | None
) -> list[Line]:
    """Count the cycles of a site.

    Args:
        connection: to the database.
        site: the site.
        span: only those that started in `[from, to)`; None: all.

    Returns:
        Commitments first, then goals; within them by contract, metric and severity.
    """
    groups = [
        cycles.c[name] for name in ("contract", "metric", "severity", "binding", "conditional")
    ]
    states = [("met",), ("breached",), ("running", "paused"), ("cancelled",)]
    counts = [func.sum(case((cycles.c.state.in_(each), 1), else_=0)) for each in states]
    statement = select(*groups, *counts).where(cycles.c.site == site).group_by(*groups)
    if span:
        statement = statement.where(cycles.c.started_at >= span[0], cycles.c.started_at < span[1])
    lines = [Line(*row) for row in connection.execute(statement)]
    return sorted(
        lines,
        key=lambda it: (it.binding, it.contract, it.metric, it.severity or "", it.conditional),
    )


# --- what was decided in a span of time -----------------------------------------------------------


@dataclass(frozen=True)
class Wanted:
    """Which promises; nothing named means all of them, `-` those that lack it."""

    from_at: datetime
    to_at: datetime
    """Those count that were kept, missed or cancelled in `[from_at, to_at)`."""
    contract: str = ""
    project: str = ""
    customer: str = ""
    metric: str = ""
    severity: str = ""
    by: frozenset[str] | None = None
    """Only what these accounts answered, or is assigned to them and nobody answered."""
    by_others_than: frozenset[str] | None = None
    """Only what these did not."""


class Group(NamedTuple):
    """Promises that are alike in everything that reports tell apart."""

    week: int
    """Which of the weeks that were asked for, from 0 on."""
    contract: str
    metric: str
    severity: str | None
    tier: str | None
    project: str | None
    customer: str | None
    account: str | None
    """Whose act met the metric; where nobody's did, to whom the issue is assigned."""
    responder: str | None
    """The name of that account; None where none was heard."""
    binding: str
    conditional: bool
    outcome: Outcome
    number: int


class Answered(NamedTuple):
    """How much of the goal one cycle used until it was answered."""

    severity: str | None
    binding: str
    conditional: bool
    in_time: bool
    used: int | None
    """Open time in microseconds; None where it ended before that was recorded."""
    goal: int | None


class Missed(NamedTuple):
    """A cycle that was not kept."""

    due_at: datetime
    issue_id: str
    metric: str
    number: int
    started_at: datetime
    stopped_at: datetime | None
    ended_at: datetime | None
    contract: str
    severity: str | None
    binding: str
    conditional: bool
    used: int | None
    goal: int | None
    key: str | None
    summary: str | None
    project: str | None
    customer: str | None
    assignee: str | None
    answered_by: str | None
    """Who met the metric after all, by name where it was heard, else the account."""


Place = tuple[int, str, str, int]
"""Where a page of missed cycles ended: due instant in microseconds, issue, metric, number."""

_DUE = type_coerce(cycles.c.due_at, BigInteger)
_ENDED = type_coerce(cycles.c.ended_at, BigInteger)
_CUSTOMER = func.coalesce(func.nullif(cycles.c.named_customer, ""), cycles.c.customer)
_ASSIGNEE = func.coalesce(cycles.c.assignee, cycles.c.assignee_id)
_ANSWERED_BY = func.coalesce(cycles.c.answered_name, cycles.c.answered_by)
_ACCOUNT = func.coalesce(cycles.c.answered_by, cycles.c.assignee_id)
_RESPONDER: ColumnElement[str] = case(
    (or_(cycles.c.answered_by.is_(None), cycles.c.answered_by == cycles.c.assignee_id),
     func.coalesce(cycles.c.answered_name, cycles.c.assignee)),
    else_=cycles.c.answered_name,
)  # fmt: skip
# A promise that is missed is so from its due instant on, whenever it is answered then.
_DECIDED: ColumnElement[int] = case((cycles.c.state.in_(("met", "cancelled")), _ENDED), else_=_DUE)
_OUTCOME: ColumnElement[str] = case(
    (cycles.c.state == "met", "met"), (cycles.c.state == "cancelled", "cancelled"),
    else_="breached",
)  # fmt: skip


def grouped(
    connection: Connection, site: str, wanted: Wanted, now: datetime, weeks: Sequence[datetime]
) -> list[Group]:
    """Count what was kept, missed and cancelled: one walk over all that was decided in the span.

    Args:
        connection: to the database.
        site: the site.
        wanted: which promises.
        now: the present instant: what is open is missed once its due instant has come.
        weeks: when each week begins, in order; the first not after the span's beginning.
    """
    named = (
        week_of(weeks), cycles.c.contract, cycles.c.metric, cycles.c.severity, cycles.c.tier,
        cycles.c.project, _CUSTOMER, _ACCOUNT, _RESPONDER, cycles.c.binding, cycles.c.conditional,
        _OUTCOME,
    )  # fmt: skip
    columns = [column.label(f"c{nth}") for nth, column in enumerate(named)]
    # By their names: to work the expressions out twice for each row took a third longer.
    asked = _found(select(*columns, func.count()), site, wanted, now).group_by(*columns)
    return [Group(*row) for row in connection.execute(asked)]


def week_of(weeks: Sequence[datetime]) -> ColumnElement[int]:
    """The number of the week in which a cycle was decided.

    Weeks are as long as each other but where the clocks change: a division finds it among those
    alike, and a few cases tell which those are. A case for each week took four times as long.
    """
    starts = [microseconds(at) for at in weeks]
    lengths = [after - before for before, after in pairwise(starts)]
    cases = []
    first = 0
    for length, alike in groupby(lengths):
        number = len(list(alike))
        begins = literal(starts[first], BigInteger)
        within = (_DECIDED - begins) // literal(length, BigInteger)
        until = literal(starts[first + number], BigInteger)
        cases.append((until > _DECIDED, literal(first, BigInteger) + within))
        first += number
    last = literal(first, BigInteger)
    return case(*cases, else_=last) if cases else last


def answered(connection: Connection, site: str, wanted: Wanted, now: datetime) -> list[Answered]:
    """How much of its goal each cycle used that was answered, in time or late."""
    asked = select(
        cycles.c.severity, cycles.c.binding, cycles.c.conditional, cycles.c.state == "met",
        cycles.c.used, cycles.c.goal,
    )  # fmt: skip
    found = _found(asked, site, wanted, now).where(cycles.c.stopped_at.is_not(None))
    return [Answered(*row) for row in connection.execute(found)]


def missed(
    connection: Connection,
    site: str,
    wanted: Wanted,
    now: datetime,
    *,
    limit: int,
    after: Place | None = None,
) -> list[Missed]:
    """Cycles that were missed in the span, the latest due instant first.

    Args:
        connection: to the database.
        site: the site.
        wanted: which.
        now: the present instant.
        limit: how many at most.
        after: the place of the last one of the page before.
    """
    by = (_DUE, cycles.c.issue_id, cycles.c.metric, cycles.c.number)
    asked: Select[Any] = select(
        *(cycles.c[name] for name in Missed._fields[:13]),
        cycles.c.key, cycles.c.project, _CUSTOMER.label("by_whom"), _ASSIGNEE.label("to_whom"),
        _ANSWERED_BY.label("by_account"),
    )  # fmt: skip
    asked = _found(asked, site, wanted, now).where(_OUTCOME == "breached")
    if after is not None:
        here = (literal(each, column.type) for each, column in zip(after, by, strict=True))
        asked = asked.where(tuple_(*by) < tuple_(*here))
    found = asked.order_by(*(column.desc() for column in by)).limit(limit).subquery().c
    # Of those alone the issue is looked up: it has the summary.
    of_issue = and_(issues.c.site == site, issues.c.issue_id == found.issue_id)
    with_issue: Select[Any] = (
        select(
            *(found[name] for name in Missed._fields[:13]),
            found.key, issues.c.summary, found.project, found.by_whom, found.to_whom,
            found.by_account,
        )
        .outerjoin(issues, of_issue)
        .order_by(*(found[name].desc() for name in ("due_at", "issue_id", "metric", "number")))
    )  # fmt: skip
    return [Missed(*row) for row in connection.execute(with_issue)]


def undecided(connection: Connection, site: str, wanted: Wanted, now: datetime) -> int:
    """How many that began before the span's end were neither kept, missed nor cancelled by then."""
    end = literal(min(microseconds(wanted.to_at), microseconds(now) + 1), BigInteger)
    rows = (
        # Not by the index of what began, which has all that ever did.
        type_coerce(cycles.c.started_at, BigInteger) + 0
        < literal(microseconds(wanted.to_at), BigInteger),
        or_(_DUE.is_(None), end <= _DECIDED),
        *_conditions(wanted),
    )
    # Each half by its own index, as in `_found`.
    is_open = (unindexed(cycles.c.site) == site, cycles.c.ended_at.is_(None))
    ended_later = (cycles.c.site == site, cycles.c.ended_at.is_not(None), end <= _ENDED)
    return sum(
        connection.execute(
            select(func.count()).select_from(cycles).where(*half, *rows)
        ).scalar_one()
        for half in (is_open, ended_later)
    )


def customers(connection: Connection, site: str, limit: int) -> list[str]:
    """The customers of whom any promise is known, in order, at most so many."""
    named, by_order_form = cycles.c.named_customer, cycles.c.customer
    # One more of each, since an empty name is nobody's.
    found = set(values_of(connection, named, cycles.c.site == site, limit=limit + 1))
    for unnamed in (named.is_(None), named == ""):
        conditions = (cycles.c.site == site, unnamed)
        found.update(values_of(connection, by_order_form, *conditions, limit=limit + 1))
    return sorted(found - {""})[:limit]


def contracts_of(connection: Connection, site: str, customer: str) -> list[str]:
    """The contracts under which a customer was ever promised anything; none: nobody knows him."""
    named, by_order_form = cycles.c.named_customer, cycles.c.customer
    found: set[str] = set()
    for his in (
        (named == customer,),
        (named.is_(None), by_order_form == customer),
        (named == "", by_order_form == customer),
    ):
        asked = select(cycles.c.contract).where(cycles.c.site == site, *his).distinct()
        found.update(connection.execute(asked).scalars())
    return sorted(found)


class Heard(NamedTuple):
    """When the service knew of a promise, and of what fell due."""

    promised: Mapping[tuple[str, str, int], datetime]
    """By issue, metric and number: when the cycle's first promise was made."""
    noticed: Mapping[tuple[str, datetime], datetime]
    """By issue and instant: when what became true then was decided."""


def heard(connection: Connection, site: str, issue_ids: Collection[str]) -> Heard:
    """When the service knew of what it says of some issues: two statements."""
    of_cycle = (promises.c.issue_id, promises.c.metric, promises.c.number)
    made = connection.execute(
        select(*of_cycle, func.min(promises.c.promised_at))
        .where(promises.c.site == site, promises.c.issue_id.in_(issue_ids))
        .group_by(*of_cycle)
    )
    said = connection.execute(
        select(sayings.c.issue_id, sayings.c.at, func.min(sayings.c.decided_at))
        .where(sayings.c.site == site, sayings.c.issue_id.in_(issue_ids))
        .group_by(sayings.c.issue_id, sayings.c.at)
    )
    return Heard(
        {(issue_id, metric, number): at for issue_id, metric, number, at in made},
        {(issue_id, at): decided_at for issue_id, at, decided_at in said},
    )


def _found(asked: Select[Any], site: str, wanted: Wanted, now: datetime) -> Select[Any]:
    """The cycles that were decided in the span, and that are wanted."""
    begins, ends = microseconds(wanted.from_at), microseconds(wanted.to_at)
    known = min(ends, microseconds(now) + 1)
    from_at, to_at, open_to = (literal(each, BigInteger) for each in (begins, ends, known))
    return (
        asked.select_from(cycles)
        .where(
            # Each half by its own index: what ended before the span began was decided before, too.
            or_(
                and_(
                    cycles.c.site == site, cycles.c.ended_at.is_not(None), from_at <= _ENDED,
                    from_at <= _DECIDED, to_at > _DECIDED,
                ),
                and_(
                    cycles.c.site == site, cycles.c.ended_at.is_(None),
                    from_at <= _DUE, open_to > _DUE,
                ),
            ),
            *_conditions(wanted),
        )
    )  # fmt: skip


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    for column, value in (
        (cycles.c.contract, wanted.contract),
        (cycles.c.project, wanted.project),
        (_CUSTOMER, wanted.customer),
        (cycles.c.metric, wanted.metric),
        (cycles.c.severity, wanted.severity),
    ):
        if value == NOBODY:
            yield func.coalesce(column, "") == ""
        elif value:
            yield column == value
    if wanted.by is not None:
        yield _ACCOUNT.in_(wanted.by)
    if wanted.by_others_than is not None:
        yield func.coalesce(_ACCOUNT, "").not_in(wanted.by_others_than)
