"""The way out: what Jira should show and hear, until it is known that it does."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, case, func, literal, or_, select, union, union_all, update

from sla.effects import Saying
from sla.store.schema import Instant, issues, sayings
from sla.store.upsert import insert


@dataclass(frozen=True, slots=True)
class Pending:
    """A saying that Jira has not confirmed yet."""

    id: int
    key: str
    saying: Saying
    try_at: datetime
    attempts: int
    attempted_at: datetime | None
    """Set: a request left, and it is not known whether it took effect."""
    error: str | None
    """What came of the last try."""
    comment_id: str | None = None
    """The comment that is to be brought up to date, where there is one."""
    encoded: bytes = b""
    """The saying as it is stored."""

    @property
    def answered(self) -> bool:
        """Whether the last try is over; else the process that made it is gone."""
        return self.error is not None


def said(connection: Connection, site: str, issue_id: str) -> frozenset[str]:
    """The ledger: every key that was decided for an issue and not withdrawn unsent."""
    rows = connection.execute(
        select(sayings.c.key).where(
            sayings.c.site == site,
            sayings.c.issue_id == issue_id,
            sayings.c.state != "withdrawn",
        )
    )
    return frozenset(key for (key,) in rows)


def announced(connection: Connection, site: str, issue_id: str) -> Sequence[Mapping[str, Any]]:
    """Every saying of an issue with what became of it, oldest first."""
    rows = connection.execute(
        select(sayings)
        .where(sayings.c.site == site, sayings.c.issue_id == issue_id)
        .order_by(sayings.c.at, sayings.c.id)
    )
    return [dict(row) for row in rows.mappings()]


def put(
    connection: Connection,
    site: str,
    issue_id: str,
    new: Iterable[Saying],
    *,
    now: datetime,
    quiet_before: datetime,
) -> None:
    """Enter sayings in the ledger, to be sent now.

    What lies before `quiet_before`, the instant from which this installation answers for the
    site, is recorded and never sent: old breaches are shown, not shouted. What was said and can be
    brought up to date is sent again where it reads otherwise now.
    """
    rows = [
        {
            "site": site,
            "issue_id": issue_id,
            "key": saying.key,
            "at": saying.at,
            "decided_at": now,
            "saying": msgspec.json.encode(saying),
            "state": "quiet" if saying.at < quiet_before else "pending",
            "try_at": now,
            "revisable": saying.revisable,
        }
        for saying in new
    ]
    # In the order in which they were decided, since that is the order in which they are said.
    for revisable, some in groupby(rows, key=lambda row: bool(row["revisable"])):
        _enter(connection, list(some), revisable=revisable)


def _enter(connection: Connection, rows: list[dict[str, Any]], *, revisable: bool) -> None:
    if not rows:
        return
    plain = [{name: row[name] for name in row if name != "revisable"} for row in rows]
    statement = insert(connection, sayings)
    new_row = statement.excluded
    again = {name: new_row[name] for name in ("at", "decided_at", "saying", "state", "try_at")}
    taken_back = sayings.c.state == "withdrawn"
    outdated = and_(
        sayings.c.state.in_(["sent", "pending", "given_up"]), sayings.c.saying != new_row.saying
    )
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["site", "issue_id", "key"],
            set_=again,
            where=or_(taken_back, outdated) if revisable else taken_back,
        ),
        plain,
    )


def withdraw(
    connection: Connection, site: str, issue_id: str, *, standing: Collection[str]
) -> None:
    """Take back what was decided, does not stand any more, and certainly did not leave yet."""
    connection.execute(
        update(sayings)
        .where(
            sayings.c.site == site,
            sayings.c.issue_id == issue_id,
            sayings.c.state == "pending",
            sayings.c.attempted_at.is_(None),
            sayings.c.key.not_in(standing),
        )
        .values(
            # What was said before, and was only to be brought up to date, stays said.
            state=case((sayings.c.comment_id.is_not(None), "sent"), else_="withdrawn"),
            try_at=None,
        )
    )


def to_dispatch(
    connection: Connection, now: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """The issues (site, id) of these sites with something to write now."""
    fields = select(issues.c.site, issues.c.issue_id).where(
        issues.c.write_at <= now, issues.c.site.in_(sites)
    )
    comments = select(sayings.c.site, sayings.c.issue_id).where(
        sayings.c.state == "pending", sayings.c.try_at <= now, sayings.c.site.in_(sites)
    )
    rows = connection.execute(union(fields, comments).limit(limit))
    return [(site, issue_id) for site, issue_id in rows]


def next_dispatch(connection: Connection, sites: Sequence[str]) -> datetime | None:
    """The earliest instant at which something is to be written to one of these sites."""
    fields = select(issues.c.write_at.label("at")).where(
        issues.c.write_at.is_not(None), issues.c.site.in_(sites)
    )
    comments = select(sayings.c.try_at.label("at")).where(
        sayings.c.state == "pending", sayings.c.site.in_(sites)
    )
    either = union_all(fields, comments).subquery()
    earliest: datetime | None = connection.execute(select(func.min(either.c.at))).scalar()
    return earliest


def fields_written(
    connection: Connection,
    site: str,
    issue_id: str,
    *,
    wanted: str | None,
    written: Mapping[str, Any],
) -> None:
    """Record what Jira took; unless something else is wanted by now, nothing differs any more."""
    _change_unless_newer(
        connection,
        site,
        issue_id,
        wanted,
        write_at=None,
        fields_written=json.dumps(written, sort_keys=True),
        write_attempts=0,
        write_error=None,
    )


def fields_not_written(
    connection: Connection,
    site: str,
    issue_id: str,
    *,
    wanted: str | None,
    attempts: int,
    try_at: datetime | None,
    error: str,
) -> None:
    """Record a failure, and when to try again (None: never); what is newer is tried at once."""
    _change_unless_newer(
        connection,
        site,
        issue_id,
        wanted,
        write_at=try_at,
        write_attempts=attempts,
        write_error=error,
    )


def _change_unless_newer(
    connection: Connection,
    site: str,
    issue_id: str,
    wanted: str | None,
    *,
    write_at: datetime | None,
    **values: Any,
) -> None:
    same = issues.c.fields_wanted == wanted
    then = case((same, literal(write_at, Instant())), else_=issues.c.write_at)
    connection.execute(
        update(issues)
        .where(issues.c.site == site, issues.c.issue_id == issue_id)
        .values(write_at=then, **values)
    )


def pending(connection: Connection, site: str, issue_id: str) -> Sequence[Pending]:
    """An issue's unsent sayings, in the order of their instants."""
    rows = connection.execute(
        select(
            sayings.c.id,
            sayings.c.key,
            sayings.c.saying,
            sayings.c.try_at,
            sayings.c.attempts,
            sayings.c.attempted_at,
            sayings.c.error,
            sayings.c.comment_id,
        )
        .where(
            sayings.c.site == site,
            sayings.c.issue_id == issue_id,
            sayings.c.state == "pending",
        )
        .order_by(sayings.c.at, sayings.c.id)
    )
    return [
        Pending(
            id=row.id,
            key=row.key,
            saying=msgspec.json.decode(row.saying, type=Saying),
            try_at=row.try_at,
            attempts=row.attempts,
            attempted_at=row.attempted_at,
            error=row.error,
            comment_id=row.comment_id,
            encoded=row.saying,
        )
        for row in rows
    ]


def put_off(connection: Connection, site: str, issue_id: str, until: datetime) -> None:
    """Leave an issue alone until an instant."""
    connection.execute(
        update(issues)
        .where(issues.c.site == site, issues.c.issue_id == issue_id, issues.c.write_at.is_not(None))
        .values(write_at=until)
    )
    connection.execute(
        update(sayings)
        .where(sayings.c.site == site, sayings.c.issue_id == issue_id, sayings.c.state == "pending")
        .values(try_at=until)
    )


def mark(connection: Connection, saying_id: int, **values: Any) -> None:
    """Record what became of a saying."""
    connection.execute(update(sayings).where(sayings.c.id == saying_id).values(**values))


def sent(connection: Connection, pending: Pending, comment_id: str) -> None:
    """Record that Jira has the comment; it stays pending if it reads otherwise by now."""
    same = sayings.c.saying == pending.encoded
    mark(
        connection,
        pending.id,
        state=case((same, "sent"), else_=sayings.c.state),
        try_at=case((same, None), else_=sayings.c.try_at),
        comment_id=comment_id,
        # Nothing is in doubt any more; an edit that follows is a request of its own.
        attempted_at=None,
        attempts=0,
        error=None,
    )


def give_up(connection: Connection, pending: Pending, **values: Any) -> None:
    """Record that Jira refused for good; what reads otherwise by now is tried all the same."""
    same = sayings.c.saying == pending.encoded
    state = case((same, "given_up"), else_=sayings.c.state)
    try_at = case((same, None), else_=sayings.c.try_at)
    mark(connection, pending.id, state=state, try_at=try_at, **values)


def tally(connection: Connection) -> dict[str, int]:
    """How many sayings are in which state."""
    rows = connection.execute(select(sayings.c.state, func.count()).group_by(sayings.c.state))
    return {row[0]: row[1] for row in rows}
