"""What is known and held of each issue: its facts, its cycles, its promises, when to look again."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    and_,
    bindparam,
    delete,
    func,
    literal_column,
    or_,
    select,
    union,
    update,
)

from sla import timeline as facts
from sla.cycle import Cycle
from sla.store.holds import LONGEST
from sla.store.schema import cycles, events, issue_keys, issues, promises, refers
from sla.store.upsert import insert, insert_for
from sla.timeline import Changed, Event, Seen, Timeline

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


@dataclass(frozen=True, slots=True)
class IssueRow:
    """An issue's row, as far as deciding and writing need it."""

    site: str
    issue_id: str
    key: str | None
    policy_version: str | None
    reason: str
    read_at: datetime | None
    reads_asked: int
    incomplete: bool
    lacks_creation: bool
    read_error: str | None
    updated_at: datetime | None
    quiet_before: datetime | None
    fields_wanted: str | None
    fields_written: str | None
    write_at: datetime | None
    write_attempts: int
    write_error: str | None
    write_attempted_at: datetime | None


_COLUMNS = [issues.c[name] for name in IssueRow.__dataclass_fields__]

# Building a statement takes as long as running it: what every event needs is built once.
_SITE, _ISSUE = bindparam("site", type_=String), bindparam("issue_id", type_=String)
_FOUND = select(*_COLUMNS).where(issues.c.site == _SITE, issues.c.issue_id == _ISSUE)
_LOCKED = _FOUND.with_for_update()
_FACTS = select(events.c.kind, events.c.data).where(
    events.c.site == _SITE, events.c.issue_id == _ISSUE
)


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
        # Most are as they were, and a row that is written anew is work for the whole database.
        where=or_(*(column.is_distinct_from(arriving[column.name]) for column in judged)),
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


def by_key(connection: Connection, site: str, key: str) -> IssueRow | None:
    """The same, by the key that people use."""
    statement = select(*_COLUMNS).where(issues.c.site == site, issues.c.key == key)
    row = connection.execute(statement).first()
    return IssueRow(*row) if row else None


def hear_of(connection: Connection, site: str, issue_id: str, key: str | None) -> bool:
    """Make sure that an issue has a row; True when it is new here."""
    row = {"site": site, "issue_id": issue_id, "key": key}
    return connection.execute(_new_issue(connection.dialect.name), row).first() is not None


def known(
    connection: Connection, site: str, issue_ids: Collection[str]
) -> Mapping[str, datetime | None]:
    """Which of these issues have a row, each with the last update that a history was read for."""
    rows = connection.execute(
        select(issues.c.issue_id, issues.c.updated_at).where(
            issues.c.site == site, issues.c.issue_id.in_(issue_ids)
        )
    )
    return {row.issue_id: row.updated_at for row in rows}


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


def ask_for_history(
    connection: Connection,
    site: str,
    issue_id: str,
    now: datetime,
    *,
    incomplete: bool = True,
    lacks_creation: bool = False,
) -> None:
    """Have an issue's history read.

    Args:
        connection: to the database.
        site: the site.
        issue_id: Jira's id of the issue.
        now: the present instant.
        incomplete: facts are missing, so that nothing is concluded until it was read.
        lacks_creation: nothing but the creation is missing, so that it may turn up by itself.
    """
    asked: dict[str, Any] = {"read_at": now, "reads_asked": issues.c.reads_asked + 1}
    if incomplete:
        asked |= {"incomplete": True, "lacks_creation": lacks_creation, "wake_at": None}
    change(connection, site, issue_id, **asked)


def read_first(now: datetime) -> dict[str, Any]:
    """The columns of an issue of which nothing is concluded until its history was read."""
    return {
        "read_at": now,
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


def timeline_of(
    connection: Connection, site: str, issue_id: str, field_names: Mapping[str, str]
) -> Timeline:
    """An issue's timeline; custom fields go by their names where `field_names` has their id."""
    rows = connection.execute(_FACTS, {"site": site, "issue_id": issue_id})
    decoded = (msgspec.json.decode(data, type=_KINDS[kind]) for kind, data in rows)
    return Timeline.of(named(event, field_names) for event in decoded)


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


def save_cycles(
    connection: Connection,
    site: str,
    issue_id: str,
    found: Sequence[Cycle],
    policy_version: str,
    now: datetime,
) -> None:
    """Record cycles as judged now, and each promise as it was when it was first made."""
    identity = {"site": site, "issue_id": issue_id}
    # Facts heard late may show that a clock never ran.
    latest = {cycle.metric: cycle.number for cycle in found}
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
    if not found:
        return
    judged = [{**identity, **_judged(cycle)} for cycle in found]
    connection.execute(_judged_cycles(connection.dialect.name), judged)
    made = [
        {**identity, **row, "promised_at": now, "policy_version": policy_version}
        for cycle in found
        for row in _promised(cycle)
    ]
    if made:
        connection.execute(_new_promises(connection.dialect.name), made)


def _judged(cycle: Cycle) -> dict[str, Any]:
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


def _promised(cycle: Cycle) -> Iterator[dict[str, Any]]:
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


def refer(
    connection: Connection, site: str, issue_id: str, keys: Iterable[str], others: Iterable[str]
) -> None:
    """Record under which keys an issue was known, and to which others it refers (ids or keys)."""
    identity = {"site": site, "issue_id": issue_id}
    own = [{**identity, "key": key} for key in keys]
    if own:
        connection.execute(insert(connection, issue_keys).on_conflict_do_nothing(), own)
    rows = [{**identity, "other": other} for other in others]
    if rows:
        connection.execute(insert(connection, refers).on_conflict_do_nothing(), rows)


def relatives(connection: Connection, row: IssueRow, keys: Collection[str]) -> list[str]:
    """The ids of the known issues that refer to an issue, or that it refers to.

    Args:
        connection: to the database.
        row: the issue's.
        keys: every key that it ever had.
    """
    mine = select(refers.c.other).where(
        refers.c.site == row.site, refers.c.issue_id == row.issue_id
    )
    by_id = select(issues.c.issue_id).where(issues.c.site == row.site, issues.c.issue_id.in_(mine))
    by_key = select(issue_keys.c.issue_id).where(
        issue_keys.c.site == row.site, issue_keys.c.key.in_(mine)
    )
    referring = select(refers.c.issue_id).where(
        refers.c.site == row.site, refers.c.other.in_({row.issue_id, *keys})
    )
    found = {id_ for (id_,) in connection.execute(union(by_id, by_key, referring))}
    return sorted(found - {row.issue_id})


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
    rows = connection.execute(
        select(issues.c.wake_at, issues.c.site, issues.c.issue_id)
        .where(issues.c.wake_at <= until, unindexed(issues.c.site).in_(sites))
        .order_by(issues.c.wake_at)
        .limit(limit)
    )
    return [(at, site, issue_id) for at, site, issue_id in rows]


def to_read(
    connection: Connection, now: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """The issues (site, id) of these sites whose history is to be asked for now."""
    # Nothing is put off for longer: what lies further ahead is from before the clock was set back.
    due = or_(issues.c.read_at <= now, issues.c.read_at > now + LONGEST)
    rows = connection.execute(
        select(issues.c.site, issues.c.issue_id)
        .where(issues.c.read_at.is_not(None), due, unindexed(issues.c.site).in_(sites))
        .order_by(issues.c.read_at)
        .limit(limit)
    )
    return [(site, issue_id) for site, issue_id in rows]


def next_wake(connection: Connection, sites: Sequence[str]) -> datetime | None:
    """The earliest instant at which some issue of these sites wants to be woken."""
    return _earliest(connection, issues.c.wake_at, sites)


def next_read(connection: Connection, sites: Sequence[str]) -> datetime | None:
    """The earliest instant at which some history of these sites is to be asked for."""
    return _earliest(connection, issues.c.read_at, sites)


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


def _earliest(connection: Connection, column: Any, sites: Sequence[str]) -> datetime | None:
    found: datetime | None = connection.execute(
        select(column)
        .where(column.is_not(None), unindexed(issues.c.site).in_(sites))
        .order_by(column)
        .limit(1)
    ).scalar()
    return found


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """A column to be compared or grouped by in rows that another condition has found.

    An index that begins with the site or the issue is no way to the few rows that are due, since a
    site has all of them; the bare column would tempt SQLite to take it.
    """
    return column.concat(literal_column("''"))


def named(event: Event, names: Mapping[str, str]) -> Event:
    """A fact in which custom fields go by their names, where `names` has their ids."""
    if isinstance(event, Changed):
        return replace(event, field=names.get(event.field, event.field))
    if isinstance(event, Seen):
        named = {names.get(name, name): value for name, value in event.fields.items()}
        return replace(event, fields=named)
    return event
