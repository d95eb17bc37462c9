"""What is open, as the board lists it: a page of cycles in an order, and how many of each kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    tuple_,
    type_coerce,
)

from sla.store.issues import unindexed
from sla.store.schema import cycles, issues, microseconds

State = Literal["running", "danger", "missed", "paused"]
Order = Literal["due", "overdue", "newest", "severity"]
NOBODY = "-"
"""Stands for what an issue lacks: an assignee, a customer, a severity."""
_RANKS = 100
"""Severities beyond are as one; a statement takes no more."""


class Open(NamedTuple):
    """A cycle that has not ended, with its issue, as recorded when the issue was last decided."""

    issue_id: str
    metric: str
    number: int
    state: str
    started_at: datetime
    due_at: datetime | None
    in_danger_at: datetime | None
    contract: str
    severity: str | None
    binding: str
    key: str | None
    project: str | None
    summary: str | None
    assignee_id: str | None
    assignee: str | None
    customer: str | None


class Counts(NamedTuple):
    """How many open cycles there are; those in danger are among the running ones."""

    open: int
    running: int
    danger: int
    missed: int
    paused: int


@dataclass(frozen=True)
class Wanted:
    """Which of the open cycles; nothing named means all of them."""

    projects: Sequence[str] = ()
    contracts: Sequence[str] = ()
    severities: Sequence[str] = ()
    metrics: Sequence[str] = ()
    states: Sequence[State] = ()
    assignees: Sequence[str] = ()
    """Accounts, or names of people."""
    customers: Sequence[str] = ()
    key: str = ""
    """A part of the issue's key."""


class Place(NamedTuple):
    """Where a page ended: the next one begins behind it, whatever came or went meanwhile."""

    stretch: int
    """Which part of the order."""
    values: tuple[str | int, ...]


_COLUMNS = [
    *(cycles.c[name] for name in Open._fields[:10]),
    *(issues.c[name] for name in Open._fields[10:]),
]
_OF_ISSUE = and_(issues.c.site == cycles.c.site, issues.c.issue_id == cycles.c.issue_id)
_NAMED = (cycles.c.issue_id, cycles.c.metric, cycles.c.number)
# An instant as the number that is stored, for places.
_DUE = type_coerce(cycles.c.due_at, BigInteger)
_STARTED = type_coerce(cycles.c.started_at, BigInteger)


class _Stretch(NamedTuple):
    """A part of an order: which cycles, by what, from which end."""

    condition: ColumnElement[bool]
    by: tuple[ColumnElement[Any], ...]
    descending: bool = False
    indexed: bool = True
    """Whether an index has them in that order, so that no more are looked at than are shown."""


def page(
    connection: Connection,
    site: str,
    wanted: Wanted,
    order: Order,
    *,
    now: datetime,
    limit: int,
    after: Place | None = None,
    severities: Sequence[str] = (),
) -> tuple[list[Open], Place | None]:
    """Some open cycles in an order, a statement for each of its stretches that is come to.

    Args:
        connection: to the database.
        site: the site.
        wanted: which of them.
        order: `due`: what is missed next goes first, then what was missed last, then what rests;
            `overdue`: the longest overdue first; `newest`: what began last; `severity`: by the
            rank of the severity, then by what is due first.
        now: the present instant, aware UTC.
        limit: how many at most.
        after: the place at which the page before ended.
        severities: all that there are, the worst first.

    Returns:
        The cycles, and the place at which they end; None where nothing follows.

    Raises:
        ValueError: the place is none of this order.
    """
    stretches = _stretches(order, now, severities)
    base = _rows(wanted, now)
    found: list[Open] = []
    begins = after.stretch if after else 0
    place: Place | None = None
    if begins not in range(len(stretches)):
        raise ValueError("no such place")
    for nth, stretch in list(enumerate(stretches))[begins:]:
        of_site = cycles.c.site == site if stretch.indexed else _of_open(site)
        statement = _within(base, stretch, after.values if after and nth == begins else None)
        statement = statement.where(of_site)
        for row in connection.execute(statement.limit(limit + 1 - len(found))):
            if len(found) == limit:
                return found, place
            found.append(Open(*row[: len(_COLUMNS)]))
            place = Place(nth, tuple(row[len(_COLUMNS) :]))
    return found, None


def _stretches(order: Order, now: datetime, severities: Sequence[str]) -> Sequence[_Stretch]:
    moment = literal(microseconds(now), BigInteger)
    rests = _Stretch(cycles.c.due_at.is_(None), _NAMED)
    by_due = (_DUE, *_NAMED)
    match order:
        case "due":
            return (
                _Stretch(moment < _DUE, by_due),
                _Stretch(moment >= _DUE, by_due, descending=True),
                rests,
            )
        case "overdue":
            return (_Stretch(_DUE.is_not(None), by_due), rests)
        case "newest":
            everything = cycles.c.started_at.is_not(None)
            return (_Stretch(everything, (_STARTED, *_NAMED), descending=True),)
        case "severity":
            rank = _rank(severities)
            resting = rests._replace(by=(rank, *_NAMED), indexed=False)
            return (_Stretch(_DUE.is_not(None), (rank, *by_due), indexed=False), resting)


def _rank(severities: Sequence[str]) -> ColumnElement[Any]:
    ranks = {name: literal(nth, Integer) for nth, name in enumerate(severities[:_RANKS])}
    last = literal(_RANKS, Integer)
    return case(ranks, value=cycles.c.severity, else_=last) if ranks else last


def _within(
    base: Select[Any], stretch: _Stretch, after: tuple[str | int, ...] | None
) -> Select[Any]:
    by, descending = stretch.by, stretch.descending
    statement = base.add_columns(*by).where(stretch.condition)
    if after is not None:
        if [type(value) for value in after] != [_kind(column) for column in by]:
            raise ValueError("no such place")
        values = [literal(value, c.type) for value, c in zip(after, by, strict=True)]
        here, place = tuple_(*by), tuple_(*values)
        statement = statement.where(here < place if descending else here > place)
    return statement.order_by(*(column.desc() if descending else column for column in by))


def _kind(column: ColumnElement[Any]) -> type:
    return int if isinstance(column.type, Integer) else str


def counts(connection: Connection, site: str, wanted: Wanted, now: datetime) -> Counts:
    """How many open cycles of each state there are, whatever states are wanted: one statement."""
    moment = literal(microseconds(now), BigInteger)
    ahead = moment < _DUE
    danger = type_coerce(cycles.c.in_danger_at, BigInteger) <= moment

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

    asked = select(
        func.count(), number(ahead), number(and_(ahead, danger)), number(moment >= _DUE),
        number(cycles.c.due_at.is_(None)),
    ).select_from(_table(wanted))  # fmt: skip
    asked = asked.where(_of_open(site), *_conditions(wanted))
    return Counts(*connection.execute(asked).one())


Option = tuple[str, str, int]
"""A value, how people call it, and how many open cycles have it."""


def options(
    connection: Connection, site: str, most: int
) -> Mapping[str, tuple[Sequence[Option], int]]:
    """What open cycles can be filtered by.

    Args:
        connection: to the database.
        site: the site.
        most: how many values of each filter; of more those with the most open cycles.

    Returns:
        By filter: the values, and how many there are altogether.
    """
    by = {
        "project": issues.c.project,
        "contract": cycles.c.contract,
        "severity": cycles.c.severity,
        "metric": cycles.c.metric,
        "assignee": issues.c.assignee_id,
        "customer": issues.c.customer,
    }
    found: dict[str, dict[str, int]] = {name: {} for name in by}
    names: dict[str, str] = {}
    # One walk over all that is open: one for each filter took three times as long.
    asked = (
        select(*by.values(), func.max(issues.c.assignee), func.count())
        .select_from(cycles.join(issues, _OF_ISSUE))
        .where(_of_open(site), *_conditions(Wanted()))
        .group_by(*by.values())
    )
    for *values, called, number in connection.execute(asked):
        for name, value in zip(by, values, strict=True):
            shown = value or NOBODY
            found[name][shown] = found[name].get(shown, 0) + number
        if called:
            names[values[4]] = called
    return {
        name: (
            [(each, names.get(each, each) if name == "assignee" else each, number)
             for each, number in _most(numbers, most)],
            len(numbers),
        )
        for name, numbers in found.items()
    }  # fmt: skip


def _most(numbers: Mapping[str, int], most: int) -> Iterator[tuple[str, int]]:
    largest = sorted(numbers.items(), key=lambda each: (-each[1], each[0]))[:most]
    yield from sorted(largest, key=lambda each: (each[0] == NOBODY, each[0].casefold()))


def is_recorded(connection: Connection, site: str, name: str, value: str) -> bool:
    """Whether any cycle, open or not, has that contract, severity or metric, or that project."""
    table = issues if name == "project" else cycles
    asked = select(exists().where(table.c.site == site, table.c[name] == value))
    return bool(connection.execute(asked).scalar())


def has_issues(connection: Connection, site: str) -> bool:
    """Whether any issue was ever heard of."""
    return bool(connection.execute(select(exists().where(issues.c.site == site))).scalar())


def _of_open(site: str) -> ColumnElement[bool]:
    """Whether a cycle is of a site, where all that are open are looked at.

    An index begins with the site, and a site has every cycle that ever was: by the bare column
    SQLite took the one by the start, with all that is over in it.
    """
    return unindexed(cycles.c.site) == site


def _rows(wanted: Wanted, now: datetime) -> Select[Any]:
    states = [_is(state, now) for state in wanted.states]
    return (
        select(*_COLUMNS)
        .select_from(cycles.join(issues, _OF_ISSUE))
        .where(*_conditions(wanted), *([or_(*states)] if states else []))
    )


def _is(state: State, now: datetime) -> ColumnElement[bool]:
    moment = literal(microseconds(now), BigInteger)
    danger = type_coerce(cycles.c.in_danger_at, BigInteger) <= moment
    match state:
        case "running":
            return moment < _DUE
        case "danger":
            return and_(moment < _DUE, danger)
        case "missed":
            return moment >= _DUE
        case "paused":
            return cycles.c.due_at.is_(None)


def _table(wanted: Wanted) -> Any:
    """What the conditions look at: without the issues where none of theirs is asked for."""
    of_issues = wanted.projects or wanted.assignees or wanted.customers or wanted.key
    return cycles.join(issues, _OF_ISSUE) if of_issues else cycles


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    yield cycles.c.ended_at.is_(None)
    among = (
        (issues.c.project, wanted.projects),
        (cycles.c.contract, wanted.contracts),
        (cycles.c.severity, wanted.severities),
        (cycles.c.metric, wanted.metrics),
        (issues.c.customer, wanted.customers),
    )
    yield from (_among(column, values) for column, values in among if values)
    if wanted.assignees:
        by_account = _among(issues.c.assignee_id, wanted.assignees)
        yield or_(by_account, issues.c.assignee.in_(wanted.assignees))
    if wanted.key:
        yield func.upper(issues.c.key).contains(wanted.key.upper(), autoescape=True)


def _among(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    given = [value for value in values if value != NOBODY]
    found = column.in_(given)
    # Nothing is told as a value that is not there, or as an empty one.
    return or_(found, column.is_(None), column == "") if len(given) < len(values) else found
