"""What is open, as the board lists it: a page of cycles in an order, and how many of each kind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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

from sla.store.issues import LONGEST_NAME, unindexed
from sla.store.open_issues import resolved
from sla.store.schema import cycles, issues, microseconds

State = Literal["running", "danger", "breached", "paused"]
Order = Literal["due", "overdue", "newest", "severity"]
NOBODY = "-"
"""Stands for what an issue lacks: an assignee, a customer, a severity."""
_UNPROMISED = '"state": "not '
"""So the fields say of an issue that it is `not promised` or `not covered`."""
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
    breached: int
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
    """Whether the index of what is open has them in that order: the walk ends with the page."""


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
    conditions = [*_conditions(wanted), *_of_states(wanted, now)]
    found: list[Open] = []
    begins = after.stretch if after else 0
    place: Place | None = None
    if begins not in range(len(stretches)):
        raise ValueError("no such place")
    for nth, stretch in list(enumerate(stretches))[begins:]:
        behind = after.values if after and nth == begins else None
        statement = _rows(site, stretch, conditions, behind, limit + 1 - len(found))
        for row in connection.execute(statement):
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
            return (_Stretch(everything, (_STARTED, *_NAMED), descending=True, indexed=False),)
        case "severity":
            rank = _rank(severities)
            resting = rests._replace(by=(rank, *_NAMED), indexed=False)
            return (_Stretch(_DUE.is_not(None), (rank, *by_due), indexed=False), resting)


def _rank(severities: Sequence[str]) -> ColumnElement[Any]:
    ranks = {name: literal(nth, Integer) for nth, name in enumerate(severities[:_RANKS])}
    last = literal(_RANKS, Integer)
    return case(ranks, value=cycles.c.severity, else_=last) if ranks else last


def _rows(
    site: str,
    stretch: _Stretch,
    conditions: Iterable[ColumnElement[bool]],
    after: tuple[str | int, ...] | None,
    limit: int,
) -> Select[Any]:
    """The rows of a stretch, each with its place.

    Which ones they are the index tells by itself; only those of the page are looked up.
    """
    by, descending = stretch.by, stretch.descending
    names = [f"by_{nth}" for nth in range(len(by))]
    told = [column.label(name) for column, name in zip(by, names, strict=True)]
    named = [column.label(f"of_{column.name}") for column in _NAMED]
    of_site = cycles.c.site == site if stretch.indexed else _of_open(site)
    which = select(*named, *told).where(of_site, stretch.condition, *conditions)
    if after is not None:
        which = which.where(_behind(by, after, descending=descending))
    which = which.order_by(*_ordered(by, descending=descending)).limit(limit)
    page = which.subquery()
    of_page = and_(
        cycles.c.site == site, *(column == page.c[f"of_{column.name}"] for column in _NAMED)
    )
    places = [page.c[name] for name in names]
    return (
        select(*_COLUMNS, *places)
        # Outer joins, though nothing is ever missing: SQLite then begins with the page, and not
        # with all issues.
        .select_from(page.outerjoin(cycles, of_page).outerjoin(issues, _OF_ISSUE))
        .order_by(*_ordered(places, descending=descending))
    )


def _behind(
    by: tuple[ColumnElement[Any], ...], after: tuple[str | int, ...], *, descending: bool
) -> ColumnElement[bool]:
    if [type(value) for value in after] != [_kind(column) for column in by]:
        raise ValueError("no such place")
    values = [literal(value, c.type) for value, c in zip(after, by, strict=True)]
    here, place = tuple_(*by), tuple_(*values)
    return here < place if descending else here > place


def _ordered(by: Iterable[ColumnElement[Any]], *, descending: bool) -> Iterator[ColumnElement[Any]]:
    return (column.desc() if descending else column for column in by)


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
    )  # fmt: skip
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
    c = cycles.c
    found = {
        **_told(connection, site, ("project", "contract", "severity", "metric"), ()),
        **_told(connection, site, ("assignee_id",), (func.max(c.assignee),)),
        **_told(connection, site, ("named_customer",), ()),
    }
    return {
        name: (_most(found[column], most), len(found[column])) for name, column in _OPTIONS.items()
    }


_OPTIONS = {
    "project": "project", "contract": "contract", "severity": "severity", "metric": "metric",
    "assignee": "assignee_id", "customer": "named_customer",
}  # fmt: skip


def _told(
    connection: Connection,
    site: str,
    names: Sequence[str],
    called: Sequence[ColumnElement[str]],
) -> dict[str, dict[str, tuple[str, int]]]:
    """By column and value: how people call it, and how many open cycles have it.

    Each group of columns stands in an index of its own, alike next to each other: one walk over
    what is open that sorted them took ten times as long.
    """
    by = [cycles.c[name] for name in names]
    asked = (
        select(*by, *(called or by[:1]), func.count())
        .where(cycles.c.site == site, cycles.c.ended_at.is_(None))
        .group_by(*by)
    )
    found: dict[str, dict[str, tuple[str, int]]] = {name: {} for name in names}
    for *values, title, number in connection.execute(asked):
        for name, value in zip(names, values, strict=True):
            shown = value or NOBODY
            _, before = found[name].get(shown, ("", 0))
            found[name][shown] = ((called and title) or shown, before + number)
    return found


def _most(found: Mapping[str, tuple[str, int]], most: int) -> list[Option]:
    all_of_it = [(value, title, number) for value, (title, number) in found.items()]
    largest = sorted(all_of_it, key=lambda each: (-each[2], each[0]))[:most]
    return sorted(largest, key=lambda each: (each[0] == NOBODY, each[0].casefold()))


def is_recorded(connection: Connection, site: str, name: str, value: str) -> bool:
    """Whether any cycle, open or not, has that contract, severity or metric, or that project."""
    table = issues if name == "project" else cycles
    asked = select(exists().where(table.c.site == site, table.c[name] == value))
    return bool(connection.execute(asked).scalar())


def has_issues(connection: Connection, site: str) -> bool:
    """Whether any issue was ever heard of."""
    return bool(connection.execute(select(exists().where(issues.c.site == site))).scalar())


def unpromised(connection: Connection, site: str, projects: Sequence[str], limit: int) -> list[str]:
    """The ids of open issues that have a contract, and no promise so far.

    Args:
        connection: to the database.
        site: the site.
        projects: only those in one of these; none: all.
        limit: how many issues are looked at; those that are resolved are taken out of them.

    Returns:
        By project, the oldest first.
    """
    # The conditions are those of the index, word for word; in the order of the bare project SQLite
    # would take that one's index, with every issue in it.
    asked = select(issues.c.issue_id).where(
        issues.c.site == site, issues.c.policy_version.is_(None),
        issues.c.fields_wanted.is_not(None), issues.c.fields_wanted.contains(_UNPROMISED),
    )  # fmt: skip
    project = unindexed(issues.c.project)
    if projects:
        asked = asked.where(project.in_(projects))
    asked = asked.order_by(project, func.length(issues.c.issue_id), issues.c.issue_id)
    found = connection.execute(asked.limit(limit)).scalars().all()
    over = resolved(connection, site, found)
    return [issue_id for issue_id in found if issue_id not in over]


def _of_open(site: str) -> ColumnElement[bool]:
    """Whether a cycle is of a site, where all that are open are looked at.

    An index begins with the site, and a site has every cycle that ever was: by the bare column
    SQLite took the one by the start, with all that is over in it.
    """
    return unindexed(cycles.c.site) == site


def _of_states(wanted: Wanted, now: datetime) -> Iterator[ColumnElement[bool]]:
    if wanted.states:
        yield or_(*(_is(state, now) for state in wanted.states))


def _is(state: State, now: datetime) -> ColumnElement[bool]:
    moment = literal(microseconds(now), BigInteger)
    danger = type_coerce(cycles.c.in_danger_at, BigInteger) <= moment
    match state:
        case "running":
            return moment < _DUE
        case "danger":
            return and_(moment < _DUE, danger)
        case "breached":
            return moment >= _DUE
        case "paused":
            return cycles.c.due_at.is_(None)


def _conditions(wanted: Wanted) -> Iterator[ColumnElement[bool]]:
    yield cycles.c.ended_at.is_(None)
    among = (
        (cycles.c.project, wanted.projects),
        (cycles.c.contract, wanted.contracts),
        (cycles.c.severity, wanted.severities),
        (cycles.c.metric, wanted.metrics),
        (cycles.c.named_customer, [each[:LONGEST_NAME] for each in wanted.customers]),
    )
    yield from (_among(column, values) for column, values in among if values)
    if wanted.assignees:
        by_account = _among(cycles.c.assignee_id, wanted.assignees)
        names = [each[:LONGEST_NAME] for each in wanted.assignees]
        yield or_(by_account, unindexed(cycles.c.assignee).in_(names))
    if wanted.key:
        yield func.upper(cycles.c.key).contains(wanted.key.upper(), autoescape=True)


def _among(column: ColumnElement[Any], values: Sequence[str]) -> ColumnElement[bool]:
    given = [value for value in values if value != NOBODY]
    # Not along an index that knows this filter alone: its rows would have to be looked up.
    column = unindexed(column)
    found = column.in_(given)
    # Nothing is told as a value that is not there, or as an empty one.
    return or_(found, column.is_(None), column == "") if len(given) < len(values) else found
