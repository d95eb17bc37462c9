"""The way out: what Jira should show and hear, until it is known that it does.

More than one process may come to write the same thing, after one hung and another took over. So
before a request leaves, its row says when, on condition that the row is as it was read; and what
became of it is noted only where the row still says the same.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    String,
    Subquery,
    and_,
    bindparam,
    case,
    func,
    literal,
    literal_column,
    or_,
    select,
    true,
    union_all,
    update,
)

from sla.contract import NO_ACTIONS
from sla.effects import URGENT, Saying
from sla.store import leaving, notifications, restored
from sla.store import schema as tables
from sla.store.holds import LONGEST
from sla.store.issues import IssueRow, unindexed
from sla.store.schema import Instant, issues, sayings
from sla.store.upsert import insert_for

AFTER_A_FAULT = timedelta(minutes=5)
"""What fails by a fault of ours is looked at again after this."""


def is_due(at: datetime, attempts: int, now: datetime) -> bool:
    """Whether what was put off until an instant is to be done now.

    An instant that no pause explains was written before the clock was set back: it is over.
    """
    return at <= now or at > now + (LONGEST if attempts else AFTER_A_FAULT)


# What is asked at every look is built once: looking through all lanes takes 2.1 ms of Python,
# and took 8.8 while each statement was built anew.
_NOW, _SOON, _FAR = (bindparam(name, type_=Instant()) for name in ("now", "soon", "far"))
_SITES = bindparam("sites", expanding=True, type_=String)
_LIMIT = bindparam("most", type_=Integer)


def _instants(now: datetime, sites: Sequence[str]) -> dict[str, Any]:
    """The parameters of a look: the instants that `is_due` knows, and the sites."""
    return {"now": now, "soon": now + AFTER_A_FAULT, "far": now + LONGEST, "sites": list(sites)}


def _due(asked: Select[Any], at: ColumnElement[Any], attempts: ColumnElement[int]) -> Subquery:
    """Those of the asked rows that are due, range by range: each range has an index of its own.

    With one condition for all of them SQLite goes through every row that waits: 6 of its
    instructions for each, where it takes none now.
    """
    untried = and_(attempts == literal_column("0"), at > _SOON, at <= _FAR)
    return union_all(*(asked.where(each) for each in (at <= _NOW, at > _FAR, untried))).subquery()


def _sayings_due() -> Select[Any]:
    said = sayings.c
    sayable = select(
        said.site, said.issue_id, said.attempts, said.urgent, said.try_at, said.at
    ).where(said.state == literal_column("'pending'"), unindexed(said.site).in_(_SITES))
    due = _due(sayable, said.try_at, said.attempts).c
    # What waits behind a saying that failed would only bring that one to be tried first again.
    failed = func.max(due.attempts) > 0
    return (
        select(due.site, due.issue_id)
        .group_by(due.site, due.issue_id)
        .order_by(
            failed,
            func.min(case((due.urgent, 0), else_=1)),
            case((failed, func.min(due.try_at)), else_=func.min(due.at)),
            due.issue_id,
        )
        .limit(_LIMIT)
    )


def _fields_due() -> Select[Any]:
    row = issues.c
    writable = select(row.site, row.issue_id, row.write_attempts, row.wake_at, row.write_at).where(
        unindexed(row.site).in_(_SITES)
    )
    due = _due(writable, row.write_at, row.write_attempts).c
    return (
        select(due.site, due.issue_id)
        .order_by(due.write_attempts > 0, due.wake_at.is_(None), due.wake_at, due.write_at)
        .limit(_LIMIT)
    )


def _next() -> Select[Any]:
    """The first of each by its index: a field that no issue has keeps every issue waiting."""
    row, said = issues.c, sayings.c
    fields = (
        select(row.write_at.label("at"))
        .where(row.write_at <= _FAR, unindexed(row.site).in_(_SITES))
        .order_by(row.write_at)
        .limit(1)
        .subquery()
    )
    pending = said.state == literal_column("'pending'")
    comments = (
        select(said.try_at.label("at"))
        .where(pending, said.try_at <= _FAR, unindexed(said.site).in_(_SITES))
        .order_by(said.try_at)
        .limit(1)
        .subquery()
    )
    either = union_all(select(fields), select(comments)).subquery()
    return select(func.min(either.c.at))


_SAYINGS_DUE, _FIELDS_DUE, _NEXT = _sayings_due(), _fields_due(), _next()
_URGENT_DUE = (
    select(sayings.c.site, sayings.c.issue_id)
    .distinct()
    .where(
        sayings.c.state == literal_column("'pending'"),
        sayings.c.attempts == literal_column("0"),
        sayings.c.try_at <= _NOW,
        sayings.c.urgent,
        unindexed(sayings.c.site).in_(_SITES),
    )
    .limit(_LIMIT)
)

# Building a statement takes as long as running it: what every event needs is built once.
_STATES = select(sayings.c.issue_id, sayings.c.key, sayings.c.state).where(
    sayings.c.site == bindparam("of_site", type_=String),
    sayings.c.issue_id.in_(bindparam("ids", expanding=True, type_=String)),
)
_WITHDRAW = (
    update(sayings)
    .where(
        sayings.c.site == bindparam("of_site", type_=String),
        sayings.c.issue_id == bindparam("of_issue", type_=String),
        sayings.c.state == "pending",
        sayings.c.attempted_at.is_(None),
        sayings.c.key == bindparam("of_key", type_=String),
    )
    .values(
        # What was said before, and was only to be brought up to date, stays said.
        state=case((sayings.c.comment_id.is_not(None), "sent"), else_="withdrawn"),
        try_at=None,
    )
)


class Pending(msgspec.Struct, frozen=True):
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
    acted: int = 0
    """How many of its actions were carried out, or refused for good."""
    refused: str | None = None
    """What of them Jira refused."""
    delivery: str | None = None
    """The short name of the delivery from which it follows; None: a clock brought it."""


class Written(msgspec.Struct, frozen=True):
    """The SLA fields as Jira has them, by role; of a role that is in neither, nothing is known."""

    known: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What Jira took."""
    sent: Mapping[str, Any] = msgspec.field(default_factory=dict)
    """What left and was not answered: Jira has it, or will have it in a moment, or never."""

    @classmethod
    def of(cls, row: IssueRow) -> Written:
        """As an issue's row has it."""
        stored = json.loads(row.fields_written or "{}")
        sent = {role: value["sent"] for role, value in stored.items() if isinstance(value, dict)}
        return cls({role: stored[role] for role in stored if role not in sent}, sent)

    @property
    def text(self) -> str:
        """As it is stored: a value that is in doubt stands in an object, as `sent`."""
        in_doubt = {role: {"sent": value} for role, value in self.sent.items()}
        return json.dumps({**self.known, **in_doubt}, sort_keys=True)

    def leaving(self, values: Mapping[str, Any]) -> Written:
        """When these values are on their way."""
        return Written(_without(self.known, values), {**self.sent, **values})

    def taken(self, values: Mapping[str, Any], refused: Collection[str] = ()) -> Written:
        """When Jira took these values, and not those of the roles that it refused."""
        changed = {*values, *refused}
        return Written({**_without(self.known, changed), **values}, _without(self.sent, changed))

    def differing(self, wanted: Mapping[str, Any]) -> dict[str, Any]:
        """Those of the wanted values that Jira does not certainly have."""
        return {
            role: value
            for role, value in wanted.items()
            if role not in self.known or self.known[role] != value
        }

    def contradicts(self, values: Mapping[str, Any]) -> bool:
        """Whether a value that may be on its way yet is another one."""
        last = {**self.known, **self.sent}
        return any(role in last and last[role] != value for role, value in values.items())


def _without(values: Mapping[str, Any], roles: Collection[str]) -> dict[str, Any]:
    return {role: value for role, value in values.items() if role not in roles}


class Entries(NamedTuple):
    """The ledger's keys for an issue."""

    said: frozenset[str]
    """Every key that was decided and not withdrawn unsent."""
    pending: frozenset[str]
    """Those of them that Jira has not confirmed."""


def ledger(connection: Connection, site: str, issue_id: str) -> Entries:
    """What was decided for an issue."""
    return ledgers(connection, site, [issue_id])[issue_id]


def ledgers(connection: Connection, site: str, issue_ids: Collection[str]) -> Mapping[str, Entries]:
    """What was decided for each of some issues: one statement, however many."""
    found: dict[str, list[tuple[str, str]]] = {issue_id: [] for issue_id in issue_ids}
    asked = {"of_site": site, "ids": list(found)}
    for issue_id, key, state in connection.execute(_STATES, asked):
        found[issue_id].append((key, state))
    return {
        issue_id: Entries(
            frozenset(key for key, state in rows if state != "withdrawn"),
            frozenset(key for key, state in rows if state == "pending"),
        )
        for issue_id, rows in found.items()
    }


def announced(connection: Connection, site: str, issue_id: str) -> Sequence[Mapping[str, Any]]:
    """Every saying of an issue with what became of it, oldest first."""
    rows = connection.execute(
        select(sayings)
        .where(sayings.c.site == site, sayings.c.issue_id == issue_id)
        .order_by(sayings.c.at, sayings.c.id)
    )
    return [dict(row) for row in rows.mappings()]


class Entered(NamedTuple):
    """Sayings that are decided for an issue."""

    issue_id: str
    new: Sequence[Saying]
    quiet_before: datetime
    """The instant from which this installation answers for the site."""
    delivery: str | None = None
    """The short name of the one from which they follow; None: a clock brought them."""


def put(connection: Connection, site: str, entered: Sequence[Entered], now: datetime) -> None:
    """Enter sayings in the ledger, to be sent now.

    What lies before an issue's `quiet_before` is recorded and never sent: old breaches are shown,
    not shouted. What was said and can be brought up to date is sent again where it reads otherwise
    now. On a database that was put back from a copy, what may have been said before is entered as
    in doubt: Jira is asked for it first.
    """
    entered = [each for each in entered if each.new]
    if not entered:
        return
    doubt = restored.doubt(connection)
    # In the order in which they were decided, since that is the order in which those of an issue
    # are said; what is the first of several issues is entered together.
    runs = [
        [list(some) for _, some in groupby(each.new, key=lambda saying: saying.revisable)]
        for each in entered
    ]
    for nth in range(max(map(len, runs))):
        alike: dict[bool, list[dict[str, Any]]] = {}
        for each, its in zip(entered, runs, strict=True):
            for saying in its[nth] if nth < len(its) else ():
                row = _row(site, each, saying, now, doubt)
                alike.setdefault(saying.revisable, []).append(row)
        for revisable, rows in alike.items():
            _enter(connection, rows, revisable=revisable)
    for each in entered:
        _notify(connection, site, each, now, doubt)


def _notify(
    connection: Connection, site: str, entered: Entered, now: datetime, doubt: restored.Doubt | None
) -> None:
    told = [
        saying
        for saying in entered.new
        if saying.actions.notify and saying.at >= entered.quiet_before
    ]
    since = {saying.key: _in_doubt_since(saying, doubt) for saying in told}
    notifications.enter(connection, site, entered.issue_id, told, now, since)


def _in_doubt_since(saying: Saying, doubt: restored.Doubt | None) -> datetime | None:
    return doubt.since if doubt and saying.at < doubt.until else None


def _row(
    site: str, entered: Entered, saying: Saying, now: datetime, doubt: restored.Doubt | None
) -> dict[str, Any]:
    return {
        "site": site,
        "issue_id": entered.issue_id,
        "key": saying.key,
        "at": saying.at,
        "decided_at": now,
        "saying": encoded(saying),
        "state": "quiet" if saying.at < entered.quiet_before else "pending",
        "try_at": now,
        "attempted_at": _in_doubt_since(saying, doubt),
        "urgent": saying.occasion in URGENT,
        "delivery": entered.delivery,
    }


def encoded(saying: Saying) -> bytes:
    """A saying as it is stored."""
    plain = msgspec.to_builtins(saying)
    if saying.actions == NO_ACTIONS:
        # As versions that knew no actions wrote it, so that nothing they said reads as changed.
        del plain["actions"]
    return msgspec.json.encode(plain)


def _enter(connection: Connection, rows: list[dict[str, Any]], *, revisable: bool) -> None:
    connection.execute(_entered(connection.dialect.name, revisable=revisable), rows)


@cache
def _entered(dialect: str, *, revisable: bool) -> Any:
    statement = insert_for(dialect, sayings)
    new_row = statement.excluded
    columns = ("at", "decided_at", "saying", "state", "try_at", "delivery")
    taken_back = sayings.c.state == "withdrawn"
    again = {
        **{name: new_row[name] for name in columns},
        "attempts": 0,
        "attempted_at": case((taken_back, new_row.attempted_at), else_=sayings.c.attempted_at),
    }
    # Not as a list, which no statement for many rows takes.
    may_be_out = or_(*(sayings.c.state == each for each in ("sent", "pending", "given_up")))
    outdated = and_(may_be_out, sayings.c.saying != new_row.saying)
    return statement.on_conflict_do_update(
        index_elements=["site", "issue_id", "key"],
        set_=again,
        where=or_(taken_back, outdated) if revisable else taken_back,
    )


def withdraw(connection: Connection, site: str, outdated: Sequence[tuple[str, str]]) -> None:
    """Take back what was decided, does not stand any more, and certainly did not leave yet.

    Args:
        connection: to the database.
        site: the site.
        outdated: the sayings, by the id of the issue and the key in its ledger.
    """
    if outdated:
        rows = [{"of_site": site, "of_issue": id_, "of_key": key} for id_, key in outdated]
        connection.execute(_WITHDRAW, rows)


def to_dispatch(
    connection: Connection, now: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """The issues (site, id) of these sites with something to write now, the most urgent first.

    What a clock brings comes first, then what else is to be said, by the instant at which it became
    true; then fields, by the next deadline. What failed before comes after what was not tried,
    those that wait longest first, so that what fails again and again keeps nobody back.
    """
    asked = {**_instants(now, sites), "most": limit}
    comments = connection.execute(_SAYINGS_DUE, asked)
    fields = connection.execute(_FIELDS_DUE, asked)
    # An issue that has both comes by what it has to say.
    found = dict.fromkeys((site, issue_id) for site, issue_id in (*comments, *fields))
    return list(found)[:limit]


def urgent(
    connection: Connection, now: datetime, sites: Sequence[str], limit: int
) -> Sequence[tuple[str, str]]:
    """The issues (site, id) of these sites of which something is to be said that a clock brought.

    Only what was not tried yet.
    """
    asked = {"now": now, "sites": list(sites), "most": limit}
    return [(site, issue_id) for site, issue_id in connection.execute(_URGENT_DUE, asked)]


def next_dispatch(connection: Connection, sites: Sequence[str], now: datetime) -> datetime | None:
    """The earliest instant at which something is to be written to one of these sites."""
    earliest: datetime | None = connection.execute(_NEXT, _instants(now, sites)).scalar()
    return earliest


def fields_leave(connection: Connection, row: IssueRow, sent: Written, at: datetime) -> bool:
    """Record that a write of an issue's fields leaves now; False when another process does so.

    Args:
        connection: to the database.
        row: as it was read, or as this wrote it before.
        sent: what is on its way from now on.
        at: the present instant.
    """
    values = {"write_attempted_at": at, "fields_sent_at": at, "fields_written": sent.text}
    return _change_own(connection, row, values)


def fields_tried(
    connection: Connection,
    row: IssueRow,
    written: Written,
    *,
    in_flight_since: datetime | None,
    again_at: datetime | None,
    error: str | None,
    attempts: int,
) -> None:
    """Record what became of a write; what is wanted anew by now is written at once.

    Args:
        connection: to the database.
        row: as it was when the write left.
        written: what Jira has.
        in_flight_since: when an earlier write of the same values left that may follow yet.
        again_at: when to see to what is missing; None where nothing is, or never.
        error: what is missing, and why.
        attempts: how often that was refused; what never was is put off by minutes at most.
    """
    _change_own(
        connection,
        row,
        {
            "fields_written": written.text,
            "write_attempted_at": in_flight_since,
            "write_at": _unless_newer(row, again_at),
            "write_attempts": attempts,
            "write_error": error,
        },
    )


def put_fields_off(
    connection: Connection, row: IssueRow, until: datetime, error: str | None
) -> None:
    """Leave an issue's fields as they are until an instant."""
    values = {"write_at": _unless_newer(row, until), "write_error": error}
    _change_own(connection, row, values)


def fields_are_there(connection: Connection, site: str, now: datetime) -> int:
    """Write again what waited for a field, or was refused: Jira has other fields now; how many."""
    waiting = update(issues).where(issues.c.site == site, issues.c.write_error.is_not(None))
    return connection.execute(waiting.values(write_at=now, write_attempts=0)).rowcount


def _change_own(connection: Connection, row: IssueRow, values: Mapping[str, Any]) -> bool:
    """Change an issue's row unless another process has begun to write since it was read."""
    changed = connection.execute(
        update(issues)
        .where(
            issues.c.site == row.site,
            issues.c.issue_id == row.issue_id,
            issues.c.write_attempted_at.is_not_distinct_from(row.write_attempted_at),
        )
        .values(**values)
    )
    return changed.rowcount == 1


def _unless_newer(row: IssueRow, at: datetime | None) -> ColumnElement[Any]:
    same = issues.c.fields_wanted.is_not_distinct_from(row.fields_wanted)
    return case((same, literal(at, Instant())), else_=issues.c.write_at)


@cache
def _pending() -> Select[Any]:
    said = sayings.c
    return (
        select(
            said.id,
            said.key,
            said.saying,
            said.try_at,
            said.attempts,
            said.attempted_at,
            said.error,
            said.comment_id,
            said.acted,
            said.refused,
            said.delivery,
        )
        .where(
            said.site == bindparam("of_site", type_=String),
            said.issue_id == bindparam("of_issue", type_=String),
            said.state == "pending",
        )
        .order_by(said.at, said.id)
    )


def pending(connection: Connection, site: str, issue_id: str) -> Sequence[Pending]:
    """An issue's unsent sayings, in the order of their instants."""
    rows = connection.execute(_pending(), {"of_site": site, "of_issue": issue_id})
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
            acted=row.acted,
            refused=row.refused,
            delivery=row.delivery,
        )
        for row in rows
    ]


def leaves(connection: Connection, pending: Pending, at: datetime) -> bool:
    """Record that a comment leaves now; False when another process has seen to it meanwhile."""
    return note(connection, pending, attempted_at=at)


def note(connection: Connection, pending: Pending, **values: Any) -> bool:
    """See `sla.store.leaving.note`."""
    return leaving.note(connection, sayings, pending, **values)


def put_off(connection: Connection, pending: Pending, until: datetime, error: str) -> None:
    """Leave a saying as it is until an instant, whoever tried it meanwhile."""
    leaving.put_off(connection, sayings, pending, try_at=until, error=error)


def commented(connection: Connection, pending: Pending, comment_id: str) -> None:
    """Record a saying's comment, while something else is still to be done for it."""
    connection.execute(
        update(sayings)
        .where(sayings.c.id == pending.id)
        .values(comment_id=comment_id, attempted_at=None)
    )


def acted(connection: Connection, pending: Pending, number: int, refused: str | None) -> None:
    """Record that so many of a saying's actions are behind us, and what Jira refused of them."""
    connection.execute(
        update(sayings)
        .where(sayings.c.id == pending.id)
        .values(acted=number, refused=refused, attempted_at=None)
    )


def sent(connection: Connection, pending: Pending, comment_id: str) -> None:
    """Record that Jira has the comment; it stays pending if it reads otherwise by now."""
    same = sayings.c.saying == pending.encoded
    connection.execute(
        update(sayings)
        .where(sayings.c.id == pending.id)
        .values(
            state=case((same, "sent"), else_=sayings.c.state),
            try_at=case((same, None), else_=sayings.c.try_at),
            comment_id=comment_id,
            # Nothing is in doubt any more; an edit that follows is a request of its own.
            attempted_at=None,
            attempts=0,
            error=None,
        )
    )


def give_up(connection: Connection, pending: Pending, **values: Any) -> None:
    """Record that Jira refused for good; what reads otherwise by now is tried all the same."""
    same = sayings.c.saying == pending.encoded
    state = case((same, "given_up"), else_=sayings.c.state)
    try_at = case((same, None), else_=sayings.c.try_at)
    note(connection, pending, state=state, try_at=try_at, **values)


class Waiting(msgspec.Struct, frozen=True):
    """Something that Jira should show, hear or tell, and did not yet, or was never to."""

    site: str
    issue: str
    """The issue's key, or its id where the key is not known."""
    what: str
    """`fields`, `history`, the key of a saying, or that after the channel that is to hear it, as in
    `on-call: first_response/1/breach`."""
    since: datetime | None
    """When it became true, for a saying."""
    again_at: datetime | None
    """When it is tried next; None: it was given up."""
    attempts: int
    error: str | None
    id: str
    """A saying's number, or the issue's id: with `kind` it names this and nothing else."""
    kind: str = "comment"
    """`comment`, `fields`, `history` or `notification`."""


def waiting(connection: Connection, limit: int) -> Sequence[Waiting]:
    """What was given up, then what waits; each by site and issue, up to a number of each kind."""
    return [
        *_sayings_in(connection, "given_up", limit),
        *_columns_with(connection, "fields", limit, given_up=True),
        *_columns_with(connection, "history", limit, given_up=True),
        *_notifications_in(connection, "given_up", limit),
        *_sayings_in(connection, "pending", limit),
        *_columns_with(connection, "fields", limit, given_up=False),
        *_columns_with(connection, "history", limit, given_up=False),
        *_notifications_in(connection, "pending", limit),
    ]


def counts(connection: Connection) -> Mapping[str, Mapping[str, int]]:
    """How many sayings are in which state, and how many fields and histories wait or do not."""
    columns = {
        what: {
            "pending": _count(connection, at.is_not(None)),
            "given_up": _count(connection, and_(at.is_(None), error.is_not(None))),
        }
        for what, (at, _, error) in _IN_THE_ROW.items()
    }
    told = notifications.counts(connection)
    # Most sites have no channel: they need not be told that none is told anything.
    beyond = {"notifications": told} if any(told.values()) else {}
    return {"sayings": tally(connection), **columns, **beyond}


def try_again(connection: Connection, key: str | None, now: datetime) -> int:
    """Put back what was given up, of one issue by its key, or of all; returns how much.

    A comment of which it is not known whether Jira has it is looked up before it is sent.
    """
    number = len(leaving.try_again(connection, sayings, now, key=key))
    number += len(leaving.try_again(connection, tables.notifications, now, key=key))
    those = issues.c.key == key if key else true()
    for at, attempts, error in _IN_THE_ROW.values():
        again = update(issues).where(those, at.is_(None), error.is_not(None))
        number += connection.execute(again.values({at: now, attempts: 0})).rowcount
    return number


def try_one_again(connection: Connection, site: str, what: str, id_: str, now: datetime) -> str:
    """Put back one thing that was given up.

    Args:
        connection: to the database.
        site: the site.
        what: `fields` or `history` of an issue, `notification`, or anything else for a saying.
        id_: the issue's id, or the number of the notification or saying.
        now: the present instant.

    Returns:
        The issue's id; empty where nothing of that name is given up.
    """
    if what not in _IN_THE_ROW:
        table = tables.notifications if what == "notification" else sayings
        return next(iter(leaving.try_again(connection, table, now, site=site, id_=int(id_))), "")
    at, attempts, error = _IN_THE_ROW[what]
    mine = (issues.c.site == site, issues.c.issue_id == id_)
    again = update(issues).where(*mine, at.is_(None), error.is_not(None))
    done = connection.execute(again.values({at: now, attempts: 0}).returning(issues.c.issue_id))
    return done.scalar() or ""


_IN_THE_ROW: Mapping[str, tuple[Any, Any, Any]] = {
    "fields": (issues.c.write_at, issues.c.write_attempts, issues.c.write_error),
    "history": (issues.c.read_at, issues.c.read_attempts, issues.c.read_error),
}
"""When it is tried next, how often it failed, and why, of what an issue's row keeps."""


def _count(connection: Connection, condition: ColumnElement[bool]) -> int:
    return connection.execute(
        select(func.count()).select_from(issues).where(condition)
    ).scalar_one()


def _sayings_in(connection: Connection, state: str, limit: int) -> list[Waiting]:
    found = leaving.waiting(
        connection, sayings, state, limit, what=sayings.c.key, kind="comment"
    )  # fmt: skip
    return [Waiting(*each) for each in found]


def _notifications_in(connection: Connection, state: str, limit: int) -> list[Waiting]:
    told = tables.notifications
    what = told.c.channel + ": " + told.c.key
    found = leaving.waiting(connection, told, state, limit, what=what, kind="notification")
    return [Waiting(*each) for each in found]


def _columns_with(
    connection: Connection, what: str, limit: int, *, given_up: bool
) -> list[Waiting]:
    at, attempts, error = _IN_THE_ROW[what]
    those = and_(at.is_(None), error.is_not(None)) if given_up else at.is_not(None)
    # By the bare column SQLite would go through all issues for the few that wait.
    site = issues.c.site if given_up else unindexed(issues.c.site)
    rows = connection.execute(
        select(
            issues.c.site,
            func.coalesce(issues.c.key, issues.c.issue_id),
            literal(what),
            literal(None, Instant()),
            at,
            attempts,
            error,
            issues.c.issue_id,
            literal(what),
        )
        .where(those)
        .order_by(site, issues.c.issue_id)
        .limit(limit)
    )
    return [Waiting(*row) for row in rows]


def tally(connection: Connection) -> dict[str, int]:
    """How many sayings are in which state."""
    rows = connection.execute(select(sayings.c.state, func.count()).group_by(sayings.c.state))
    return {row[0]: row[1] for row in rows}
