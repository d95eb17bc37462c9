"""What is known and held of each issue: its facts, its cycles, its promises, when to look again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    RowMapping,
    Select,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    union_all,
    update,
)

from sla import timeline as facts
from sla.cycle import Cycle
from sla.errors import UnreadableFactError, UnreadableRowError
from sla.gaps import Held
from sla.recalculated import Earlier
from sla.recalculated import read as read_earlier
from sla.store.holds import LONGEST
from sla.store.schema import Instant, cycles, events, issue_keys, issues, promises, refers
from sla.store.upsert import insert, insert_for
from sla.timeline import Changed, CommentSeen, Event, Seen, Timeline
from sla.zones import micros_of

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        facts.Created,
        facts.Seen,
        facts.Changed,
        facts.CommentSeen,
        facts.CommentDeleted,
        facts.Linked,
        facts.Deleted,
    )
}


UNREADABLE = (ValueError, TypeError, KeyError)
"""What decoding a fact raises that is none, or of a kind that nobody knows."""


class IssueRow(msgspec.Struct, frozen=True):
    """An issue's row, as far as deciding and writing need it."""

    site: str
    issue_id: str
    key: str | None
    policy_version: str | None
    earlier_versions: str | None
    reason: str
    read_at: datetime | None
    reads_asked: int
    incomplete: bool
    lacks_creation: bool
    unmarked_from: int | None
    read_error: str | None
    read_delivery: str | None
    updated_at: datetime | None
    covered: bool
    straight: bool | None
    steady: str | None
    wake_at: datetime | None
    quiet_before: datetime | None
    fields_wanted: str | None
    fields_written: str | None
    write_at: datetime | None
    write_attempts: int
    write_error: str | None
    write_attempted_at: datetime | None
    write_delivery: str | None
    project: str | None
    issue_type: str | None
    priority: str | None
    status: str | None
    summary: str | None
    assignee_id: str | None
    assignee: str | None
    customer: str | None

    @property
    def earlier(self) -> tuple[Earlier, ...]:
        """The versions that judged it before its own, oldest first.

        Raises:
            UnreadableRowError: what is kept of them was altered.
        """
        return earlier_of(self.issue_id, self.earlier_versions)

    @property
    def fields_shown(self) -> Mapping[str, Any]:
        """The SLA fields as they should stand, plain values by role; empty: none is touched.

        Raises:
            UnreadableRowError: what is kept of them was altered.
        """
        try:
            return msgspec.json.decode(self.fields_wanted or "{}", type=dict[str, Any])
        except ValueError as error:
            raise UnreadableRowError(self.issue_id, "fields_wanted", error) from error


def earlier_of(issue_id: str, text: str | None) -> tuple[Earlier, ...]:
    """The versions that judged an issue before its own, from what its row keeps of them.

    Raises:
        UnreadableRowError: that was altered.
    """
    try:
        return read_earlier(text)
    except ValueError as error:
        raise UnreadableRowError(issue_id, "earlier_versions", error) from error


Beside = Mapping[str, str | None]
"""What of an issue stands with each of its cycles, by column."""

_COLUMNS = [issues.c[name] for name in IssueRow.__struct_fields__]

_LISTED = (
    ("key", "key"), ("issue_type", "issuetype"), ("priority", "priority"), ("status", "status"),
    ("summary", "summary"), ("assignee_id", "assignee"),
)  # fmt: skip
_LONGEST_LISTED = 500
"""Jira's summaries have 255 characters at most."""
LONGEST_NAME = 255
"""Of a person or a customer, as it stands with a cycle: what is longer is cut, since no entry of an
index can hold much more."""

WHOLE: Mapping[str, Any] = MappingProxyType({
    "read_at": None,
    "incomplete": False,
    "unmarked_from": None,
    "read_attempts": 0,
    "read_error": None,
})  # fmt: skip
"""The columns of an issue of which Jira has nothing more to tell."""

# Building a statement takes as long as running it: what every event needs is built once.
_SITE, _ISSUE = bindparam("site", type_=String), bindparam("issue_id", type_=String)
_FOUND = select(*_COLUMNS).where(issues.c.site == _SITE, issues.c.issue_id == _ISSUE)
_LOCKED = _FOUND.with_for_update()
_FACTS = select(events.c.kind, events.c.data).where(
    events.c.site == _SITE, events.c.issue_id == _ISSUE
)

_SITES_OF = bindparam("sites", expanding=True, type_=String)
_OTHERS = select(refers.c.other).where(refers.c.site == _SITE, refers.c.issue_id == _ISSUE)
_TIES = union_all(
    select(literal_column("'key'"), issue_keys.c.key).where(
        issue_keys.c.site == _SITE, issue_keys.c.key.in_(bindparam("own", expanding=True))
    ),
    select(literal_column("'other'"), refers.c.other).where(
        refers.c.site == _SITE, refers.c.issue_id == _ISSUE
    ),
    select(literal_column("'issue'"), issues.c.issue_id).where(
        issues.c.site == _SITE, issues.c.issue_id.in_(_OTHERS)
    ),
    select(literal_column("'issue'"), issue_keys.c.issue_id).where(
        issue_keys.c.site == _SITE, issue_keys.c.key.in_(_OTHERS)
    ),
    select(literal_column("'issue'"), refers.c.issue_id).where(
        refers.c.site == _SITE, refers.c.other.in_(bindparam("names", expanding=True))
    ),
)
_AMONG = bindparam("ids", expanding=True, type_=String)
_FOUND_AMONG = select(*_COLUMNS).where(issues.c.site == _SITE, issues.c.issue_id.in_(_AMONG))
_LOCKED_AMONG = _FOUND_AMONG.order_by(issues.c.issue_id).with_for_update()
_FACTS_AMONG = select(events.c.issue_id, events.c.kind, events.c.data).where(
    events.c.site == _SITE, events.c.issue_id.in_(_AMONG)
)
_TIED = union_all(
    select(refers.c.site, refers.c.issue_id).where(
        refers.c.site.in_(_SITES_OF), refers.c.issue_id.in_(_AMONG)
    ),
    select(refers.c.site, refers.c.other).where(
        refers.c.site.in_(_SITES_OF), refers.c.other.in_(_AMONG)
    ),
    select(issues.c.site, issues.c.issue_id).where(
        issues.c.site.in_(_SITES_OF),
        issues.c.issue_id.in_(_AMONG),
        exists().where(refers.c.site == issues.c.site, refers.c.other == issues.c.key),
    ),
)
_NAMES = bindparam("names", expanding=True, type_=String)
_RECORDED_KEYS = select(issue_keys.c.key).where(
    issue_keys.c.site == _SITE, issue_keys.c.key.in_(_NAMES)
)
_REFERRING = select(refers.c.issue_id).where(refers.c.site == _SITE, refers.c.issue_id.in_(_AMONG))
_REFERRED = select(refers.c.other).where(refers.c.site == _SITE, refers.c.other.in_(_NAMES))
_RECORDED = (
    select(cycles, promises.c.since_at)
    .outerjoin(
        promises,
        and_(*(promises.c[column.name] == column for column in cycles.primary_key)),
    )
    .where(cycles.c.site == _SITE, cycles.c.issue_id.in_(_AMONG))
)
_OF_ROW = update(issues).where(
    issues.c.site == bindparam("of_site"), issues.c.issue_id == bindparam("of_issue")
)
_CHECKED = _OF_ROW.values(updated_at=bindparam("until"))


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column to be compared or grouped by in rows that another condition has found.

    An index that begins with the site or the issue is no way to the few rows that are due, since a
    site has all of them; the bare column would tempt SQLite to take it.
    """
    return column.concat(literal_column("''"))


# What is asked at every look is built once as well: see `sla.store.outbox`.
_SITES = bindparam("sites", expanding=True, type_=String)
_OF_SITES = unindexed(issues.c.site).in_(_SITES)
_LIMIT = bindparam("most", type_=Integer)
_NOW, _FAR = bindparam("now", type_=Instant()), bindparam("far", type_=Instant())
_TO_WAKE = (
    select(issues.c.wake_at, issues.c.site, issues.c.issue_id)
    .where(issues.c.wake_at <= _NOW, _OF_SITES)
    .order_by(issues.c.wake_at)
    .limit(_LIMIT)
)
_WOKEN = (
    select(*_COLUMNS)
    .where(issues.c.wake_at <= _NOW, unindexed(issues.c.site) == _SITE)
    .order_by(issues.c.wake_at)
    .limit(_LIMIT)
    .with_for_update(skip_locked=True)
)
_TO_READ = (
    select(issues.c.site, issues.c.issue_id)
    # Nothing is put off for longer: what lies further ahead is from before the clock was set back.
    # With another condition on the instant SQLite would go through all that wait for theirs.
    .where(or_(issues.c.read_at <= _NOW, issues.c.read_at > _FAR), _OF_SITES)
    .order_by(issues.c.read_at)
    .limit(_LIMIT)
)


def _earliest(column: ColumnElement[Any]) -> Select[Any]:
    return select(column).where(column.is_not(None), _OF_SITES).order_by(column).limit(1)


_NEXT_WAKE, _NEXT_READ = _earliest(issues.c.wake_at), _earliest(issues.c.read_at)
_NEXT_WAKE_AFTER = _NEXT_WAKE.where(issues.c.wake_at > _NOW)


@cache
def _new_issue(dialect: str) -> Any:
    return insert_for(dialect, issues).on_conflict_do_nothing().returning(issues.c.issue_id)


@cache
def _new_facts(dialect: str) -> Any:
    statement = insert_for(dialect, events)
    arriving = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["site", "issue_id", "identity"],
        set_={"at": arriving.at, "data": arriving.data},
        where=or_(
            arriving.at < events.c.at,
            and_(arriving.at == events.c.at, arriving.data < events.c.data),
        ),
    )


@cache
def _new_promises(dialect: str) -> Any:
    return insert_for(dialect, promises).on_conflict_do_nothing()


@cache
def _judged_cycles(dialect: str) -> Any:
    statement = insert_for(dialect, cycles)
    arriving = statement.excluded
    judged = [column for column in cycles.c if not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=list(cycles.primary_key),
        set_={column.name: arriving[column.name] for column in judged},
    )


def get(
    connection: Connection, site: str, issue_id: str, *, locked: bool = False
) -> IssueRow | None:
    """An issue's row, if the issue is known.

    Args:
        connection: to the database.
        site: the site.
        issue_id: Jira's id of the issue.
        locked: nobody else decides for the issue until the transaction ends.
    """
    row = connection.execute(
        _LOCKED if locked else _FOUND, {"site": site, "issue_id": issue_id}
    ).first()
    return IssueRow(*row) if row else None


def locked(connection: Connection, site: str, issue_ids: Collection[str]) -> list[IssueRow]:
    """The rows of those of some issues that are known; nobody else decides for them meanwhile."""
    # In an order: two that lock the same issues would wait for each other.
    rows = connection.execute(_LOCKED_AMONG, {"site": site, "ids": list(issue_ids)})
    return [IssueRow(*row) for row in rows]


def woken(connection: Connection, site: str, now: datetime, limit: int) -> list[IssueRow]:
    """The rows of issues of a site that want to be woken by now, earliest first.

    Nobody else decides for them meanwhile; those for which somebody does are passed over.
    """
    rows = connection.execute(_WOKEN, {"site": site, "now": now, "most": limit})
    return [IssueRow(*row) for row in rows]


def by_key(connection: Connection, site: str, key: str) -> IssueRow | None:
    """The same, by the key that people use."""
    statement = select(*_COLUMNS).where(issues.c.site == site, issues.c.key == key)
    row = connection.execute(statement).first()
    return IssueRow(*row) if row else None


def listed(
    row: IssueRow,
    timeline: Timeline,
    customer_field: str | None,
    assignee: tuple[str, str] | None,
) -> Mapping[str, str | None]:
    """The columns of an issue that lists show and filter by, as they should stand.

    Args:
        row: the issue's.
        timeline: what happened to it.
        customer_field: the field that names the customer, where the policy knows one.
        assignee: an account to which it was assigned, and its name, where they were heard now.
    """
    found: dict[str, str | None] = {}
    for column, name in (*_LISTED, ("customer", customer_field or "")):
        values = timeline.values(name)
        last = values[-1][1] if values else None
        told = ", ".join(last) if isinstance(last, tuple) else last
        found[column] = told[:_LONGEST_LISTED] if told else None
    key, account = found.pop("key") or row.key, found["assignee_id"]
    found["project"] = key.rpartition("-")[0] if key else None
    if assignee and assignee[0] == account:
        found["assignee"] = assignee[1]
    elif account != row.assignee_id:
        # Assigned anew by something that told the account alone.
        found["assignee"] = None
    return found


def beside_cycles(row: IssueRow, listed: Mapping[str, str | None], key: str | None) -> Beside:
    """What stands with each cycle of an issue.

    Args:
        row: the issue's, as it was.
        listed: its columns as `listed` has them.
        key: its key at present.
    """
    assignee, customer = listed.get("assignee", row.assignee), listed["customer"]
    return {
        "project": listed["project"],
        "key": key,
        "assignee_id": listed["assignee_id"],
        "assignee": assignee and assignee[:LONGEST_NAME],
        "named_customer": customer and customer[:LONGEST_NAME],
    }


def fields_sent_at(connection: Connection, site: str, issue_id: str) -> datetime | None:
    """When a write of the issue's fields left last; None: none did, as far as known."""
    found: datetime | None = connection.execute(
        select(issues.c.fields_sent_at).where(issues.c.site == site, issues.c.issue_id == issue_id)
    ).scalar()
    return found


def once_known_as(connection: Connection, site: str, key: str) -> str | None:
    """The id of the issue that had a key before it was moved."""
    found: str | None = connection.execute(
        select(issue_keys.c.issue_id).where(issue_keys.c.site == site, issue_keys.c.key == key)
    ).scalar()
    return found


def remember_keys(connection: Connection, row: IssueRow, keys: Iterable[str]) -> None:
    """Keep every key that an issue ever had: people go on naming it by the old one."""
    identity = {"site": row.site, "issue_id": row.issue_id}
    rows = [{**identity, "key": key} for key in keys]
    connection.execute(insert(connection, issue_keys).on_conflict_do_nothing(), rows)


def hear_of(connection: Connection, site: str, issue_id: str, key: str | None) -> bool:
    """Make sure that an issue has a row; True when it is new here."""
    row = {"site": site, "issue_id": issue_id, "key": key}
    return connection.execute(_new_issue(connection.dialect.name), row).first() is not None


class Checked(NamedTuple):
    """How far an issue was compared with Jira."""

    until: datetime | None
    """The last update by which nothing is missing, by Jira's clock."""
    sound: bool
    """Whether its facts are whole; else only its history can tell what is missing."""


def known(connection: Connection, site: str, issue_ids: Collection[str]) -> Mapping[str, Checked]:
    """Which of these issues have a row, each with how far it was compared with Jira."""
    rows = connection.execute(
        select(
            issues.c.issue_id, issues.c.updated_at, issues.c.incomplete, issues.c.read_error
        ).where(issues.c.site == site, issues.c.issue_id.in_(issue_ids))
    )
    return {id_: Checked(at, not incomplete and not error) for id_, at, incomplete, error in rows}


def held(connection: Connection, site: str, issue_ids: Collection[str]) -> Mapping[str, Held]:
    """What is known of each of these issues, without what it says."""
    if not issue_ids:
        return {}
    rows = connection.execute(
        select(events.c.issue_id, events.c.identity, events.c.kind, events.c.at).where(
            events.c.site == site, events.c.issue_id.in_(issue_ids)
        )
    ).all()
    found: dict[str, list[tuple[str, str, datetime]]] = {}
    for issue_id, *fact in rows:
        found.setdefault(issue_id, []).append(tuple(fact))
    return {issue_id: _held(its) for issue_id, its in found.items()}


def _held(rows: Sequence[tuple[str, str, datetime]]) -> Held:
    kinds = {kind for _, kind, _ in rows}
    sightings = [at for _, kind, at in rows if kind == Seen.__name__]
    return Held(
        {identity: at for identity, _, at in rows},
        max(sightings, default=None),
        gone=facts.Deleted.__name__ in kinds,
    )


def readers_told(connection: Connection, site: str, issue_id: str) -> Mapping[str, bool]:
    """The known versions of an issue's comments: whether everybody may read each."""
    rows = connection.execute(
        _FACTS.where(events.c.kind == CommentSeen.__name__), {"site": site, "issue_id": issue_id}
    )
    versions = [msgspec.json.decode(data, type=CommentSeen) for _, data in rows]
    return {version.identity: version.public for version in versions}


def knows(
    connection: Connection, site: str, issue_id: str, comments: Collection[CommentSeen]
) -> bool:
    """Whether it is known of each of these versions of comments who may read it."""
    identities = [version.identity for version in comments]
    found = connection.execute(
        select(func.count()).where(
            events.c.site == site,
            events.c.issue_id == issue_id,
            events.c.identity.in_(identities),
        )
    )
    return found.scalar_one() == len(set(identities))


def nothing_missing(connection: Connection, site: str, until: Mapping[str, datetime]) -> None:
    """Note up to which update of Jira's nothing is missing of which issue."""
    rows = [{"of_site": site, "of_issue": id_, "until": at} for id_, at in until.items()]
    if rows:
        connection.execute(_CHECKED, rows)


def open_ids(connection: Connection, site: str) -> frozenset[str]:
    """The ids of the issues with a clock that has not ended."""
    rows = connection.execute(
        select(cycles.c.issue_id)
        .where(cycles.c.site == site, cycles.c.ended_at.is_(None))
        .distinct()
    )
    return frozenset(issue_id for (issue_id,) in rows)


def to_be_read(connection: Connection, site: str, tries: int | None = None) -> int:
    """How many histories of a site are still to be read.

    Args:
        connection: to the database.
        site: the site.
        tries: only those that failed less often; None: all.
    """
    waiting = select(func.count()).where(
        unindexed(issues.c.site) == site, issues.c.read_at.is_not(None)
    )
    if tries is not None:
        waiting = waiting.where(issues.c.read_attempts < tries)
    return connection.execute(waiting).scalar_one()


def unread(connection: Connection, site: str) -> int:
    """How many histories of a site could not be read, and are not tried again."""
    given_up = (issues.c.read_at.is_(None), issues.c.read_error.is_not(None))
    found = select(func.count()).where(issues.c.site == site, *given_up)
    return connection.execute(found).scalar_one()


def change(connection: Connection, site: str, issue_id: str, **values: Any) -> None:
    """Set columns of an issue's row."""
    connection.execute(
        update(issues).where(issues.c.site == site, issues.c.issue_id == issue_id).values(**values)
    )


def change_rows(
    connection: Connection, changes: Iterable[tuple[IssueRow, Mapping[str, Any]]]
) -> None:
    """Set those columns of rows that differ from them; they were locked when they were read.

    A statement for all that have the same columns to set.
    """
    alike: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row, values in changes:
        differing = {name: value for name, value in values.items() if getattr(row, name) != value}
        # After most events nothing does, and a row that is written anew is work for the whole
        # database: a status, of which most issues have many, is kept up to date beside something
        # else alone.
        if differing.keys() - {"status"}:
            own = {"of_site": row.site, "of_issue": row.issue_id, **differing}
            alike.setdefault(tuple(differing), []).append(own)
    for rows in alike.values():
        connection.execute(_OF_ROW, rows)


def ask_for_history(
    connection: Connection,
    site: str,
    issue_id: str,
    now: datetime,
    *,
    incomplete: bool = True,
    lacks_creation: bool = False,
    unmarked_from: int | None = None,
    delivery: str | None = None,
) -> None:
    """Have an issue's history read.

    Args:
        connection: to the database.
        site: the site.
        issue_id: Jira's id of the issue.
        now: the present instant.
        incomplete: facts are missing, so that nothing is concluded until it was read.
        lacks_creation: nothing but the creation is missing, so that it may turn up by itself.
        unmarked_from: nothing is missing but who may read comments, of which the delivery of this
            number was the first to tell.
        delivery: the short name of the one because of which it is to be read; None: none is.
    """
    asked: dict[str, Any] = {
        "read_at": now,
        "read_delivery": delivery,
        "reads_asked": issues.c.reads_asked + 1,
        "unmarked_from": unmarked_from,
    }
    if incomplete:
        asked |= {"incomplete": True, "lacks_creation": lacks_creation, "wake_at": None}
    change(connection, site, issue_id, **asked)


def ask_for_readers(
    connection: Connection, row: IssueRow, delivery: int, now: datetime, *, name: str
) -> None:
    """Have it asked who may read a comment; where more is to be asked already, the history is read.

    Args:
        connection: to the database.
        row: the issue's, locked.
        delivery: the number of the one that tells of the comment.
        now: the present instant.
        name: that delivery's short name.
    """
    is_whole = row.read_at is None and not row.incomplete and row.read_error is None
    first = delivery if is_whole else row.unmarked_from
    ask_for_history(connection, row.site, row.issue_id, now, unmarked_from=first, delivery=name)


def read_first(now: datetime) -> dict[str, Any]:
    """The columns of an issue of which nothing is concluded until its history was read."""
    return {
        "read_at": now,
        "read_delivery": None,
        "unmarked_from": None,
        "reads_asked": issues.c.reads_asked + 1,
        "read_attempts": 0,
        "incomplete": True,
        "lacks_creation": False,
        "wake_at": None,
    }


def add_facts(connection: Connection, site: str, issue_id: str, new: Iterable[Event]) -> None:
    """Store facts; of one fact reported twice the report stays that `Timeline.of` would take."""
    rows = [
        {
            "site": site,
            "issue_id": issue_id,
            "identity": event.identity,
            "kind": type(event).__name__,
            "at": event.at,
            "data": msgspec.json.encode(event),
        }
        for event in Timeline.of(new).events
    ]
    if not rows:
        return
    connection.execute(_new_facts(connection.dialect.name), rows)


def forget_deletion(connection: Connection, site: str, issue_id: str) -> None:
    """Take back that an issue was deleted."""
    connection.execute(
        delete(events).where(
            events.c.site == site,
            events.c.issue_id == issue_id,
            events.c.kind == facts.Deleted.__name__,
        )
    )


def facts_of(
    connection: Connection, site: str, issue_ids: Collection[str]
) -> Mapping[str, list[Event]]:
    """What is known of some issues, custom fields by their ids: one statement, however many.

    Raises:
        UnreadableFactError: one of them is none.
    """
    found: dict[str, list[Event]] = {issue_id: [] for issue_id in issue_ids}
    rows = connection.execute(_FACTS_AMONG, {"site": site, "ids": list(found)})
    for issue_id, kind, data in rows:
        found[issue_id].append(_fact(issue_id, kind, data))
    return found


def _fact(issue_id: str, kind: str, data: bytes) -> Event:
    try:
        return msgspec.json.decode(data, type=_KINDS[kind])
    except UNREADABLE as error:
        raise UnreadableFactError(issue_id, kind, error) from error


def timeline_of(
    connection: Connection, site: str, issue_id: str, field_names: Mapping[str, str]
) -> Timeline:
    """An issue's timeline; custom fields go by their names where `field_names` has their id."""
    rows = connection.execute(_FACTS, {"site": site, "issue_id": issue_id})
    decoded = (_fact(issue_id, kind, data) for kind, data in rows)
    return Timeline.of(named(event, field_names) for event in decoded)


def several(
    connection: Connection, site: str, issue_ids: Collection[str]
) -> Mapping[str, tuple[IssueRow, list[Event]]]:
    """Some issues with their facts, custom fields by their ids: two statements, however many."""
    among = {"site": site, "ids": list(issue_ids)}
    rows = [IssueRow(*row) for row in connection.execute(_FOUND_AMONG, among)]
    known = facts_of(connection, site, [row.issue_id for row in rows])
    return {row.issue_id: (row, known[row.issue_id]) for row in rows}


def timelines(
    connection: Connection, site: str, projects: Iterable[str], field_names: Mapping[str, str]
) -> Iterator[tuple[str, Timeline]]:
    """Every known issue of some projects, with its key."""
    of_projects = [issues.c.key.startswith(f"{project}-", autoescape=True) for project in projects]
    if not of_projects:
        return
    rows = connection.execute(
        select(issues.c.issue_id, issues.c.key).where(issues.c.site == site, or_(*of_projects))
    ).all()
    for issue_id, key in rows:
        yield key, timeline_of(connection, site, issue_id, field_names)


def assignee(connection: Connection, site: str, issue_id: str) -> str | None:
    """The account that the issue is assigned to, as last heard."""
    spans = timeline_of(connection, site, issue_id, {}).values("assignee")
    last = spans[-1][1] if spans else None
    return last if isinstance(last, str) else None


def read_attempts(connection: Connection, site: str, issue_id: str) -> int:
    """How often an issue's history was asked for in vain."""
    found: int | None = connection.execute(
        select(issues.c.read_attempts).where(issues.c.site == site, issues.c.issue_id == issue_id)
    ).scalar()
    return found or 0


class Judgement(NamedTuple):
    """What an issue's cycles were found to be."""

    issue_id: str
    cycles: Sequence[Cycle]
    policy_version: str
    """By which they were judged."""
    danger: Mapping[tuple[str, int], datetime] = MappingProxyType({})
    """From when on somebody should look, by metric and number, as `sla.danger` has it."""
    beside: Beside = MappingProxyType({})
    """What stands with each of them, as `beside_cycles` has it."""
    people: Mapping[str, str] = MappingProxyType({})
    """The names of accounts that were heard now."""


def save_cycles(
    connection: Connection, site: str, judged: Sequence[Judgement], now: datetime
) -> None:
    """Record cycles as judged now, and each promise as it was when it was first made.

    Three statements, however many issues.

    Args:
        connection: to the database.
        site: the site.
        judged: of each issue the cycles.
        now: the instant of judgement, aware UTC.
    """
    # One look instead of three writes: after most events all is as it was.
    among = {"site": site, "ids": [each.issue_id for each in judged]}
    recorded: dict[str, list[RowMapping]] = {}
    for row in connection.execute(_RECORDED, among).mappings():
        recorded.setdefault(row["issue_id"], []).append(row)
    changed: list[dict[str, Any]] = []
    made: list[dict[str, Any]] = []
    for each in judged:
        rows = recorded.get(each.issue_id, ())
        latest = {cycle.metric: cycle.number for cycle in each.cycles}
        if any(row["number"] > latest.get(row["metric"], 0) for row in rows):
            _forget_cycles(connection, site, each.issue_id, latest)
        changed += _changed(site, each, rows)
        made += _made(site, each, rows, now)
    if changed:
        connection.execute(_judged_cycles(connection.dialect.name), changed)
    if made:
        connection.execute(_new_promises(connection.dialect.name), made)


def _changed(site: str, judged: Judgement, rows: Iterable[RowMapping]) -> Iterator[dict[str, Any]]:
    """The rows of the cycles that are not recorded as they were judged."""
    recorded = {(row["metric"], row["number"]): row for row in rows}
    identity = {"site": site, "issue_id": judged.issue_id, **judged.beside}
    for each in judged.cycles:
        number = (each.metric, each.number)
        was = recorded.get(number)
        row = {
            **identity, **as_judged(each), "in_danger_at": judged.danger.get(number),
            **_answered(each.answered_by, judged.people, was),
        }  # fmt: skip
        # What was used is worked out for what ended just now, and where it was never recorded: for
        # every cycle at every event it would be a sixth of a decision's time.
        if not _is_as(was, row) or (each.ending and was and was["used"] is None):
            yield row | lengths_of(each)


def _answered(
    account: str | None, people: Mapping[str, str], recorded: RowMapping | None
) -> dict[str, str | None]:
    """The columns of who met a cycle's metric: a name that is not heard now stays as it was."""
    name = people.get(account) if account else None
    if name is None and recorded is not None and recorded["answered_by"] == account:
        name = recorded["answered_name"]
    return {"answered_by": account, "answered_name": name}


def _made(
    site: str, judged: Judgement, rows: Iterable[RowMapping], now: datetime
) -> Iterator[dict[str, Any]]:
    """The rows of the promises that are not recorded yet."""
    kept = {(row["metric"], row["number"], row["since_at"]) for row in rows}
    identity = {"site": site, "issue_id": judged.issue_id}
    for cycle in judged.cycles:
        for row in as_promised(cycle):
            if (row["metric"], row["number"], row["since_at"]) not in kept:
                version = judged.policy_version
                yield {**identity, **row, "promised_at": now, "policy_version": version}


def _is_as(recorded: RowMapping | None, judged: Mapping[str, Any]) -> bool:
    return recorded is not None and all(recorded[name] == judged[name] for name in judged)


def _forget_cycles(
    connection: Connection, site: str, issue_id: str, latest: Mapping[str, int]
) -> None:
    """Facts heard late may show that a clock never ran."""
    never_ran = [
        and_(cycles.c.metric == metric, cycles.c.number > number)
        for metric, number in latest.items()
    ]
    connection.execute(
        delete(cycles).where(
            cycles.c.site == site,
            cycles.c.issue_id == issue_id,
            or_(cycles.c.metric.not_in(latest), *never_ran),
        )
    )


def as_judged(cycle: Cycle) -> dict[str, Any]:
    """The columns of a cycle that follow from how it is judged."""
    return {
        "metric": cycle.metric,
        "number": cycle.number,
        "state": cycle.state,
        "started_at": cycle.started_at,
        "due_at": cycle.due_at,
        "stopped_at": cycle.stopped_at,
        "ended_at": cycle.ending.at if cycle.ending else None,
        **_counted_by(cycle),
    }


def lengths_of(cycle: Cycle) -> dict[str, int | None]:
    """The columns of a cycle that follow once it has ended, in microseconds of open time."""
    if cycle.ending is None:
        return {"used": None, "goal": None}
    return {"used": micros_of(cycle.elapsed), "goal": micros_of(cycle.promise.goal_time)}


def as_promised(cycle: Cycle) -> Iterator[dict[str, Any]]:
    """The columns of each promise of a cycle that follow from how it is judged."""
    for promise in cycle.promises:
        contract = promise.coverage.contract
        yield {
            "metric": cycle.metric,
            "number": cycle.number,
            "since_at": promise.since_at,
            "contract": contract.id if contract else "",
            "tier": promise.coverage.tier,
            "severity": promise.coverage.severity,
            "target": promise.goal.target.text,
            "binding": promise.goal.binding,
            "calendar": promise.goal.calendar.id,
            "due_at": promise.due_at,
            "reason": promise.coverage.reason,
        }


def wake(connection: Connection, site: str, issue_ids: Collection[str], now: datetime) -> None:
    """Have issues decided soon; one whose history is not known yet will be anyway."""
    if issue_ids:
        connection.execute(
            update(issues)
            .where(
                issues.c.site == site,
                issues.c.issue_id.in_(issue_ids),
                issues.c.incomplete.is_(False),
            )
            .values(wake_at=now)
        )


def fill_in(connection: Connection, site: str, now: datetime, limit: int) -> int:
    """Have issues decided whose clocks lack what lists show: the release before kept it not.

    While one release takes over from another, both decide; what the older one knew nothing of is
    missing of what it decided.

    Returns:
        How many; those with nothing missing are none, so that it can be asked again and again.
    """
    lacking = (
        select(cycles.c.issue_id)
        .distinct()
        .join(issues, and_(issues.c.site == cycles.c.site, issues.c.issue_id == cycles.c.issue_id))
        .where(
            cycles.c.site == site,
            cycles.c.ended_at.is_(None),
            cycles.c.key.is_(None),
            issues.c.key.is_not(None),
            issues.c.incomplete.is_(False),
        )
        .limit(limit)
    )
    found = connection.execute(lacking).scalars().all()
    wake(connection, site, found, now)
    return len(found)


def refer(
    connection: Connection, row: IssueRow, keys: Collection[str], others: Collection[str]
) -> list[str]:
    """Record under which keys an issue was known, and to which others it refers.

    Args:
        connection: to the database.
        row: the issue's.
        keys: every key that it ever had.
        others: ids or keys.

    Returns:
        The ids of the known issues that are tied to it.
    """
    ties = _ties(connection, row, keys)
    identity = {"site": row.site, "issue_id": row.issue_id}
    new_keys = [{**identity, "key": key} for key in keys if key not in ties["key"]]
    if new_keys:
        connection.execute(insert(connection, issue_keys).on_conflict_do_nothing(), new_keys)
    new_others = [{**identity, "other": other} for other in others if other not in ties["other"]]
    if new_others:
        connection.execute(insert(connection, refers).on_conflict_do_nothing(), new_others)
        ties = _ties(connection, row, keys)
    return sorted(ties["issue"] - {row.issue_id})


def relatives(connection: Connection, row: IssueRow, keys: Collection[str]) -> list[str]:
    """The ids of the known issues that refer to an issue, or that it refers to.

    Args:
        connection: to the database.
        row: the issue's.
        keys: every key that it ever had.
    """
    return sorted(_ties(connection, row, keys)["issue"] - {row.issue_id})


def untied(
    connection: Connection, site: str, keys: Mapping[str, Collection[str]]
) -> frozenset[str]:
    """Those of some issues that nothing ties to another, and whose keys are all recorded.

    Three statements, however many: of most issues nothing else is to be looked up.

    Args:
        connection: to the database.
        site: the site.
        keys: by the id of each issue every key that it ever had.
    """
    own = {key for its in keys.values() for key in its}
    recorded = set(
        connection.execute(_RECORDED_KEYS, {"site": site, "names": sorted(own)}).scalars()
    )
    referring = set(connection.execute(_REFERRING, {"site": site, "ids": list(keys)}).scalars())
    names = sorted(own.union(keys))
    referred = set(connection.execute(_REFERRED, {"site": site, "names": names}).scalars())
    return frozenset(
        issue_id
        for issue_id, its in keys.items()
        if recorded.issuperset(its)
        and issue_id not in referring
        and referred.isdisjoint([issue_id, *its])
    )


def tied(connection: Connection, keys: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
    """Those of some issues (site, id) that refer to another, or that another refers to.

    One that is named by a key it had before it was moved is not found here.
    """
    asked = {"sites": sorted({site for site, _ in keys}), "ids": [each for _, each in keys]}
    found = {(site, issue_id) for site, issue_id in connection.execute(_TIED, asked)}
    return frozenset(found.intersection(keys))


def _ties(connection: Connection, row: IssueRow, keys: Collection[str]) -> Mapping[str, set[str]]:
    """What is recorded of an issue's keys, of whom it refers to, and which issues that makes."""
    names = [row.issue_id, *sorted(keys)]
    asked = {"site": row.site, "issue_id": row.issue_id, "names": names, "own": sorted(keys)}
    found: dict[str, set[str]] = {"key": set(), "other": set(), "issue": set()}
    for what, value in connection.execute(_TIES, asked):
        found[what].add(value)
    return found


def promises_of(connection: Connection, site: str, issue_id: str) -> Sequence[Mapping[str, Any]]:
    """Every promise as it was made, oldest first."""
    rows = connection.execute(
        select(promises)
        .where(promises.c.site == site, promises.c.issue_id == issue_id)
        .order_by(promises.c.metric, promises.c.number, promises.c.since_at)
    )
    return [dict(row) for row in rows.mappings()]


def to_wake(
    connection: Connection, until: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[datetime, str, str]]:
    """Issues of these sites that want to be woken by an instant: when, site, id; earliest first."""
    rows = connection.execute(_TO_WAKE, {"now": until, "sites": list(sites), "most": limit})
    return [(at, site, issue_id) for at, site, issue_id in rows]


def to_read(
    connection: Connection, now: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """The issues (site, id) of these sites whose history is to be asked for now."""
    asked = {"now": now, "far": now + LONGEST, "sites": list(sites), "most": limit}
    rows = connection.execute(_TO_READ, asked)
    return [(site, issue_id) for site, issue_id in rows]


def next_wake(
    connection: Connection, sites: Sequence[str], after: datetime | None = None
) -> datetime | None:
    """The earliest instant of all issues of these sites; given another, the earliest later one."""
    if after is None:
        found: datetime | None = connection.execute(_NEXT_WAKE, {"sites": list(sites)}).scalar()
    else:
        asked = {"sites": list(sites), "now": after}
        found = connection.execute(_NEXT_WAKE_AFTER, asked).scalar()
    return found


def next_read(connection: Connection, sites: Sequence[str]) -> datetime | None:
    """The earliest instant at which some history of these sites is to be asked for."""
    found: datetime | None = connection.execute(_NEXT_READ, {"sites": list(sites)}).scalar()
    return found


def _counted_by(cycle: Cycle) -> dict[str, Any]:
    coverage = cycle.promise.coverage
    contract = coverage.contract
    return {
        "contract": contract.id if contract else "",
        "severity": coverage.severity,
        "tier": coverage.tier,
        "customer": contract.customer if contract else None,
        "binding": cycle.promise.goal.binding,
        "conditional": bool(cycle.conditional_on),
    }


def named(event: Event, names: Mapping[str, str]) -> Event:
    """A fact in which custom fields go by their names, where `names` has their ids."""
    if isinstance(event, Changed):
        return replace(event, field=names.get(event.field, event.field))
    if isinstance(event, Seen):
        named = {names.get(name, name): value for name, value in event.fields.items()}
        return replace(event, fields=named)
    return event
