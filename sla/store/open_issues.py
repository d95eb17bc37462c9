"""Every open issue of a site with its history, in ranges that several processes can share.

Read for a preview, which folds all of them at once: one issue at a time would be a statement each.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import compress, groupby, pairwise
from operator import attrgetter, itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType
from msgspec.structs import astuple, replace
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Select,
    bindparam,
    func,
    select,
    type_coerce,
)
from sqlalchemy.types import NullType

from sla import timeline as facts
from sla.errors import UnreadableFactError
from sla.mapping import Policy
from sla.preview import Judged
from sla.recalculated import Earlier
from sla.store.issues import UNREADABLE, earlier_of
from sla.store.schema import cycles, events, issues
from sla.timeline import (
    SYSTEM_FIELDS,
    Changed,
    CommentSeen,
    Event,
    FieldValue,
    Seen,
    Timeline,
)

AT_ONCE = 1_000
"""How many issues a range has: neither a statement nor the memory grows with the site."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LOOKED_AT = frozenset({
    "project", "issuetype", "priority", "status", "resolution", "reporter", "summary",
    "description",
})  # fmt: skip
"""What a fold looks at by itself, or what conditions name by a word of their own; a policy's
`field_names` are all others."""
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_MAPPED = "PRAGMA mmap_size = 1073741824"


_AT = attrgetter("at")
_ID = itemgetter(0)

Row = tuple[str, str, bytes]
"""A fact as the table has it: the issue's id, the kind, the content."""
_Values = tuple[FieldValue | UnsetType, ...]


class Range(NamedTuple):
    """The issues whose id comes after the first and not after the last; None: no limit."""

    after: str | None = None
    last: str | None = None

    def limit(self, statement: Select[Any], issue_id: ColumnElement[str]) -> Select[Any]:
        """The same statement for these issues alone."""
        if self.after is not None:
            statement = statement.where(issue_id > self.after)
        return statement if self.last is None else statement.where(issue_id <= self.last)


class OpenIssue(NamedTuple):
    """An issue that is not known to be over, with what is held of it."""

    issue_id: str
    key: str | None
    policy_version: str | None
    """Under which its clocks run; None while none ever ran."""
    wake_at: datetime | None
    """From then on what was recorded may not hold any more."""
    is_running: bool
    """Whether a clock of it has not ended."""
    recorded: Sequence[Judged]
    """Its cycles, those of one metric in order."""
    facts: Sequence[Row]
    earlier: Sequence[Earlier] = ()
    """The versions that judged it before, oldest first."""
    reason: str = ""
    """Why it has its promises, or none; empty while it was never judged."""
    quiet_before: datetime | None = None
    """What lies before is not announced, beside what lies before the installation."""
    fields_wanted: str | None = None
    """The SLA fields as they should stand, as JSON by role; None: they are not touched."""
    is_straight: bool = False
    """Whether its clocks are known to follow from their starts and stops, see `sla.straight`."""
    starts: Sequence[int] = ()
    """When each clock of `recorded` started, in microseconds since the epoch."""
    steady: str | None = None
    """What its fields were all along, as `sla.steady` notes it."""

    @property
    def name(self) -> str:
        """How people call it: by its key, or by Jira's id of it where no key was heard."""
        return self.key or self.issue_id


class Facts:
    """Makes an issue's timeline of its rows, as far as a policy looks at it.

    A payload shows every field of its Jira, most of them empty for good, and the others mostly as
    the payload before showed them; and a policy looks at few. To file the few alone brought an
    issue's timeline and fold from 137 to 100 us, to leave out what is known by then from 77 to 69.
    Fields that the policy does not look at are skipped as the payload is decoded: 10 and not 14 us
    an issue.

    Args:
        policy: the one that is to be folded.
        names: custom field ids and their names, as its rules spell them.
        also: further fields to file, for another policy that calls them by the same names.
    """

    def __init__(
        self, policy: Policy, names: Mapping[str, str], also: frozenset[str] = frozenset()
    ) -> None:
        wanted = policy.field_names | also | _LOOKED_AT
        custom = {id_: names[id_] for id_ in sorted(names) if names[id_] in wanted}
        by_name = sorted(wanted - names.keys(), key=lambda name: (name not in SYSTEM_FIELDS, name))
        own = [name for name in by_name if name in SYSTEM_FIELDS]
        # More or less in the order of a payload: the decoder looks for a field from the place of
        # the one before on, which saves it a tenth.
        ids = dict.fromkeys([*own, *custom, *by_name])
        self._wanted = {id_: custom.get(id_, id_) for id_ in ids}
        first = {name: id_ for id_, name in reversed(self._wanted.items())}
        once = [id_ for id_, name in self._wanted.items() if first[name] == id_]
        self._names = tuple(self._wanted[id_] for id_ in once)
        self._place = {name: place for place, name in enumerate(self._names)}
        # By another id, or by its name, a payload hardly ever shows what it may show by the first.
        otherwise = [id_ for id_ in self._wanted if id_ not in once]
        self._otherwise = tuple(self._place[self._wanted[id_]] for id_ in otherwise)
        self._not_otherwise = (UNSET,) * len(otherwise)
        self._never = policy.responders.never
        self._decode = {**_DECODE, Seen.__name__: _sighting([*once, *otherwise])}

    def looks_at_what(self, other: Facts) -> bool:
        """Whether it makes the same timelines as another."""
        return self is other or (self._wanted == other._wanted and self._never == other._never)

    def timeline(self, rows: Iterable[Row]) -> Timeline:
        """The timeline of an issue from its facts.

        Raises:
            UnreadableFactError: one of them is none.
        """
        decode, wanted, never = self._decode, self._wanted, self._never
        events: list[Event] = []
        sightings: list[Any] = []
        changing: set[str] = set()
        for issue_id, kind, data in rows:
            try:
                event = decode[kind](data)
            except UNREADABLE as error:
                raise UnreadableFactError(issue_id, kind, error) from error
            if kind == "Seen":
                sightings.append(event)
            elif kind == "Changed":
                # By the policy's names; what it does not look at is left out.
                name = wanted.get(event.field)
                if name is not None:
                    changing.add(name)
                    events.append(event if name == event.field else replace(event, field=name))
            # As each acknowledgement of ours: it neither starts nor stops anything.
            elif kind != "CommentSeen" or not (event.author and event.author.id in never):
                events.append(event)
        if sightings:
            events += self._told(sightings, changing)
        return Timeline.of_distinct(events)

    def _told(self, sightings: list[Any], changing: set[str]) -> Iterator[Seen]:
        """The sightings without what is known without them.

        What was empty whenever it was shown, and never changed, is as if nobody had shown it. What
        was the same whenever it was shown, and never changed, is told by the first that showed it.
        """
        sightings.sort(key=_AT)
        shown = [self._shown(each.fields) for each in sightings]
        told: list[dict[str, FieldValue]] = [{} for _ in sightings]
        for name in changing.union(*[compress(self._names, values) for values in shown]):
            place = self._place[name]
            column = [values[place] for values in shown]
            first = column[0]
            if name not in changing and first is not UNSET and _is_one(column):
                told[0][name] = first
                continue
            for fields, value in zip(told, column, strict=True):
                if value is not UNSET:
                    fields[name] = value
        for event, fields in zip(sightings, told, strict=True):
            if fields:
                yield Seen(event.at, fields, event.source)

    def _shown(self, fields: Any) -> _Values:
        """What a sighting showed of each name."""
        values = astuple(fields)
        otherwise = values[len(self._names) :]
        if otherwise == self._not_otherwise:
            return values
        found = [*values]
        for place, value in zip(self._otherwise, otherwise, strict=True):
            if value is not UNSET:
                found[place] = value
        return tuple(found)


def _is_one(column: Sequence[FieldValue | UnsetType]) -> bool:
    """Whether a field is whenever it is shown what it was shown as first."""
    shown = column.count(column[0])
    return shown == len(column) or shown + column.count(UNSET) == len(column)


def _sighting(fields: Sequence[str]) -> Callable[[bytes], Any]:
    """Decodes a payload's values of these fields in their order, and skips all others."""
    kinds = [(f"field_{n}", FieldValue | UnsetType, UNSET) for n in range(len(fields))]
    own = {f"field_{n}": name for n, name in enumerate(fields)}
    shown = msgspec.defstruct("Shown", kinds, rename=own, frozen=True, gc=False)
    parts = [("at", datetime), ("source", str), ("fields", shown)]
    sighting = msgspec.defstruct("Sighting", parts, frozen=True, gc=False)
    return msgspec.json.Decoder(sighting).decode


_DECODE: Mapping[str, Callable[[bytes], Any]] = MappingProxyType({
    kind.__name__: msgspec.json.Decoder(kind).decode
    for kind in (
        facts.Created, Seen, Changed, CommentSeen, facts.CommentDeleted,
        facts.Linked, facts.Deleted,
    )
})  # fmt: skip
_SITE: Any = bindparam("site")
_IDS: Any = bindparam("ids", expanding=True)
_LISTED = (
    select(
        issues.c.issue_id,
        issues.c.key,
        issues.c.policy_version,
        type_coerce(issues.c.wake_at, BigInteger),
        issues.c.earlier_versions,
        issues.c.reason,
        type_coerce(issues.c.quiet_before, BigInteger),
        issues.c.fields_wanted,
        issues.c.straight,
        issues.c.steady,
    )
    .where(issues.c.site == _SITE, issues.c.incomplete.is_(False))
    .order_by(issues.c.issue_id)
)
_CYCLES = (
    select(
        cycles.c.issue_id,
        cycles.c.metric,
        cycles.c.number,
        cycles.c.state,
        type_coerce(cycles.c.due_at, BigInteger),
        type_coerce(cycles.c.ended_at, BigInteger),
        cycles.c.contract,
        type_coerce(cycles.c.started_at, BigInteger),
    )
    .where(cycles.c.site == _SITE)
    .order_by(cycles.c.issue_id, cycles.c.metric, cycles.c.number)
)
_CREATED = select(events.c.issue_id, type_coerce(events.c.at, BigInteger)).where(
    events.c.site == _SITE, events.c.identity == "created"
)
_CHANGES = select(events.c.issue_id, events.c.identity).where(
    events.c.site == _SITE, events.c.identity.like("change:%")
)
_RESOLUTIONS = (
    select(events.c.issue_id, events.c.data)
    .where(
        events.c.site == _SITE,
        events.c.issue_id.in_(_IDS),
        events.c.identity.like("change:%:resolution"),
    )
    .order_by(events.c.at, func.length(events.c.identity), events.c.identity)
)
# The column's own type would copy each content once more: 20 of 50 us an issue.
_FACTS = select(events.c.issue_id, events.c.kind, type_coerce(events.c.data, NullType())).where(
    events.c.site == _SITE
)
_FACTS_OF = _FACTS.where(events.c.issue_id.in_(_IDS))


def ranges(connection: Connection, site: str, size: int = AT_ONCE) -> list[Range]:
    """The site's issues cut into ranges of so many, in order; together they hold every issue."""
    begin(connection)
    place = func.row_number().over(order_by=issues.c.issue_id).label("place")
    numbered = select(issues.c.issue_id, place).where(issues.c.site == site).subquery()
    found = connection.execute(
        select(numbered.c.issue_id)
        .where(numbered.c.place % size == 0)
        .order_by(numbered.c.issue_id)
    )
    cuts = [None, *found.scalars(), None]
    return [Range(after, last) for after, last in pairwise(cuts)]


def unread(connection: Connection, site: str) -> int:
    """Of how many issues nothing is concluded yet, since facts are missing."""
    begin(connection)
    statement = select(func.count()).where(issues.c.site == site, issues.c.incomplete.is_(True))
    return connection.execute(statement).scalar_one()


def read(
    connection: Connection,
    site: str,
    within: Range,
    *,
    suffices: Callable[[OpenIssue], bool] = lambda _issue: False,
) -> Iterator[OpenIssue]:
    """The issues of a range that are not known to be over: three or four statements, however many.

    Those are the issues with a clock that has not ended, and the ones whose resolution was never
    set, or taken back. An issue of which nothing is concluded yet is not among them.

    Args:
        connection: to the database.
        site: the site.
        within: the range.
        suffices: whether what is recorded of an issue will do. Its facts are not read then, which
            takes longer than all the rest.

    Raises:
        UnreadableRowError: what is kept of an issue's earlier versions was altered.
    """
    begin(connection)
    listed = _plain(connection, within.limit(_LISTED, issues.c.issue_id), {"site": site})
    judged: dict[str, list[Judged]] = {}
    starts: dict[str, list[int]] = {}
    running: set[str] = set()
    for id_, cycle, started in _cycles(connection, site, within):
        judged.setdefault(id_, []).append(cycle)
        starts.setdefault(id_, []).append(started)
        if cycle.ended_at is None:
            running.add(id_)
    over = resolved(connection, site, [row[0] for row in listed if row[0] not in running])
    recorded = [_recorded(row, judged, starts, running) for row in listed if row[0] not in over]
    to_read: dict[str, OpenIssue] = {}
    for issue in recorded:
        if suffices(issue):
            yield issue
        else:
            to_read[issue.issue_id] = issue
    if to_read:
        for id_, rows in _facts(connection, site, within, to_read.keys(), among=len(listed)):
            if id_ in to_read:
                yield to_read.pop(id_)._replace(facts=list(rows))
    yield from to_read.values()


def created(connection: Connection, site: str, within: Range) -> Mapping[str, datetime]:
    """When the issues of a range were made in Jira, as far as known."""
    rows = _plain(connection, within.limit(_CREATED, events.c.issue_id), {"site": site})
    return {id_: _EPOCH + timedelta(0, 0, at) for id_, at in rows}


def changed(connection: Connection, site: str, within: Range) -> Mapping[str, set[str]]:
    """Of each issue of a range the fields that ever changed, by Jira's ids of them."""
    found: dict[str, set[str]] = {}
    rows = _plain(connection, within.limit(_CHANGES, events.c.issue_id), {"site": site})
    for issue_id, identity in rows:
        # As the fact itself names it, which need not be read for that.
        found.setdefault(issue_id, set()).add(identity.split(":", 2)[2])
    return found


def begin(connection: Connection) -> None:
    """Have all that is read from now on be of one instant, and be read fast."""
    if connection.dialect.name == "postgresql":
        # An event that is heard between two statements must not look as if the policy moved it.
        connection.exec_driver_sql(_SNAPSHOT)
    else:
        # Without a call for each page: 25 instead of 41 us an issue.
        connection.exec_driver_sql(_MAPPED)


def not_over(connection: Connection, site: str, within: Range) -> Sequence[tuple[str, str | None]]:
    """The same issues without what is held of them: the id, and the version that judges it."""
    listed = _plain(connection, within.limit(_LISTED, issues.c.issue_id), {"site": site})
    judged = _cycles(connection, site, within)
    running = {issue_id for issue_id, cycle, _ in judged if cycle.ended_at is None}
    over = resolved(connection, site, [row[0] for row in listed if row[0] not in running])
    return [(row[0], row[2]) for row in listed if row[0] not in over]


def _recorded(
    row: Sequence[Any],
    judged: Mapping[str, Sequence[Judged]],
    starts: Mapping[str, Sequence[int]],
    running: set[str],
) -> OpenIssue:
    id_, key, version, wake_at, earlier, reason, quiet_before, wanted, straight, steady = row
    return OpenIssue(
        id_, key, version, _instant(wake_at), id_ in running, judged.get(id_, ()), (),
        earlier_of(id_, earlier), reason, _instant(quiet_before), wanted, bool(straight),
        starts.get(id_, ()), steady,
    )  # fmt: skip


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(0, 0, micros)


def _facts(
    connection: Connection, site: str, within: Range, ids: Collection[str], *, among: int
) -> Iterator[tuple[str, Iterable[Row]]]:
    """The facts of each of these issues; of others of the range too, where it has few others."""
    if 2 * len(ids) < among:
        return _by_issue(connection, _FACTS_OF, {"site": site, "ids": list(ids)})
    # One walk over the range takes 15 us an issue, to look up each of them 19.
    return all_facts(connection, site, within)


def all_facts(
    connection: Connection, site: str, within: Range
) -> Iterator[tuple[str, Iterable[Row]]]:
    """The facts of each issue of a range that has any, in order; each to be taken as it comes."""
    return _by_issue(connection, within.limit(_FACTS, events.c.issue_id), {"site": site})


def _by_issue(
    connection: Connection, statement: Select[Any], values: Mapping[str, Any]
) -> Iterator[tuple[str, Iterable[Row]]]:
    # As the driver gives them: another shape for each row would take 6 us an issue.
    if connection.dialect.name == "postgresql":
        # All at once, in the order in which they lie: a server that is to sort whole histories
        # writes them to its disk first, and here only references to them change places.
        yield from groupby(sorted(_plain(connection, statement, values), key=_ID), key=_ID)
    else:
        # Along the key, each when it is asked for: what was just read is still in the processor's
        # cache when it is decoded (22 and not 23.4 us an issue), and no range lies in memory whole.
        result = connection.execute(statement.order_by(events.c.issue_id), values)
        rows: Any = result.cursor
        yield from groupby(rows, key=_ID)


def _cycles(connection: Connection, site: str, within: Range) -> Iterator[tuple[str, Judged, int]]:
    statement = within.limit(_CYCLES, cycles.c.issue_id)
    for id_, metric, number, state, due, ended, contract, started in _plain(
        connection, statement, {"site": site}
    ):
        due_at = None if due is None else _EPOCH + timedelta(0, 0, due)
        ended_at = None if ended is None else _EPOCH + timedelta(0, 0, ended)
        yield id_, Judged(metric, number, state, due_at, ended_at, contract), started


def _plain(
    connection: Connection, statement: Select[Any], values: Mapping[str, Any]
) -> Sequence[tuple[Any, ...]]:
    """The rows as the driver gives them."""
    result = connection.execute(statement, values)
    rows: Sequence[tuple[Any, ...]] = result.cursor.fetchall()
    return rows


def resolved(connection: Connection, site: str, ids: Collection[str]) -> frozenset[str]:
    """Those of the issues whose last change of the resolution set one.

    Most issues of an old installation are over: their histories are not read to find that out.

    Raises:
        UnreadableFactError: one of these changes is none.
    """
    if not ids:
        return frozenset()
    rows = connection.execute(_RESOLUTIONS, {"site": site, "ids": list(ids)})
    change = _DECODE[Changed.__name__]
    became = {}
    for issue_id, data in rows:
        try:
            became[issue_id] = change(data).after
        except UNREADABLE as error:
            raise UnreadableFactError(issue_id, Changed.__name__, error) from error
    return frozenset(issue_id for issue_id, resolution in became.items() if resolution)
