"""Removing a person from what is stored, so that what is concluded from it stays the same.

In facts another name that means nobody takes the place of the account; the deliveries that it came
in are deleted. What was published never changes, so that versions that name the account are told.
"""

from __future__ import annotations

import json
import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Select,
    Table,
    bindparam,
    delete,
    or_,
    select,
    text,
    update,
)

from sla.store import issues
from sla.store.database import Database, StoreError
from sla.store.schema import (
    audit,
    cycles,
    downtimes,
    drafts,
    events,
    inbox,
    notifications,
    policies,
    promises,
    publications,
    sayings,
    sign_ins,
    site_facts,
)
from sla.store.schema import issues as issue_rows
from sla.timeline import SYSTEM_FIELDS

_SHORTEST = 10
_PEOPLE = frozenset({"assignee", "reporter", "creator"})
_PROSE = frozenset({"summary", "description"})
_TEXTS: Mapping[Table, tuple[Column[Any], ...]] = {
    issue_rows: (
        issue_rows.c.reason,
        issue_rows.c.read_error,
        issue_rows.c.write_error,
        issue_rows.c.fields_wanted,
        issue_rows.c.fields_written,
        issue_rows.c.summary,
        issue_rows.c.customer,
    ),
    sayings: (sayings.c.error,),
    notifications: (notifications.c.error,),
    promises: (promises.c.reason,),
    downtimes: (downtimes.c.note, downtimes.c.customers),
}
"""Where a text may repeat what Jira or somebody wrote; no key, and nothing that is counted by."""
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)


@dataclass(slots=True)
class Forgotten:
    """What was done about an account."""

    changed: Counter[str] = field(default_factory=Counter)
    """Rows in which another name stands now, by table."""
    deleted: Counter[str] = field(default_factory=Counter)
    """Deliveries that are gone, by their state."""
    published: tuple[str, ...] = ()
    """The versions of the configuration that name it, which stay as they are."""
    drafts: tuple[int, ...] = ()
    """The drafts of the console whose documents name it, which are people's own work and stay."""
    audited: int = 0
    """How many rows of the audit log name it: to change one would break the chain."""
    signed_out: int = 0
    """How many sessions of the console it had, which are over."""

    @property
    def is_nothing(self) -> bool:
        """Whether nothing named it."""
        stays = self.published or self.drafts or self.audited
        return not (self.changed or self.deleted or self.signed_out or stays)


@dataclass(frozen=True)
class Naming:
    """How an account is found in what is stored, and what takes its place."""

    account: str
    instead: str

    @classmethod
    def of(cls, account: str) -> Naming:
        """A new name for an account, which is written down nowhere else.

        It comes before every account in the order of bytes: of two reports of one fact the lesser
        stays, so that Jira's telling it again does not bring the account back.
        """
        return cls(account, f"-forgotten-{secrets.token_hex(8)}")

    @property
    def is_plain_word(self) -> bool:
        """Whether people may write it without meaning the account, as with old user names."""
        return len(self.account) < _SHORTEST or not any(map(str.isdigit, self.account))

    @property
    def needle(self) -> bytes:
        """The account as it stands in stored JSON."""
        return msgspec.json.encode(self.account)[1:-1]

    def in_text(self, written: str) -> str:
        """A text without the account; of a plain word only mentions are taken for it."""
        word = re.escape(self.account)
        found = rf"(?<=\[~){word}(?=\])|(?<=\[~accountid:){word}(?=\])"
        if not self.is_plain_word:
            found = rf"(?<!\w){word}(?!\w)"
        return re.sub(found, lambda _: self.instead, written)

    def in_value(self, name: str, value: Any) -> Any:
        """A field's value without the account."""
        if isinstance(value, list):
            return [self.in_value(name, each) for each in value]
        if not isinstance(value, str):
            return value
        custom = name not in SYSTEM_FIELDS
        if value == self.account and (custom or name in _PEOPLE):
            return self.instead
        # A priority or a label that happens to be such a word is none.
        return self.in_text(value) if custom or name in _PROSE or not self.is_plain_word else value

    def is_person_in(self, kind: str, data: bytes) -> bool:
        """Whether a stored fact names the account where only people are named."""
        fact = msgspec.json.decode(data)
        if kind == "CommentSeen":
            return bool(fact.get("author")) and fact["author"]["id"] == self.account
        if kind == "Seen":
            return any(fact["fields"].get(name) == self.account for name in _PEOPLE)
        if kind != "Changed":
            return False
        people = (fact["before"], fact["after"]) if fact["field"] in _PEOPLE else ()
        return self.account in (fact.get("by"), *people)

    def in_fact(self, kind: str, data: bytes) -> bytes:
        """A stored fact without the account."""
        fact = msgspec.json.decode(data)
        if kind == "CommentSeen":
            author = fact.get("author")
            if author and author["id"] == self.account:
                author["id"] = self.instead
            fact["text"] = self.in_text(fact["text"])
        elif kind == "Seen":
            fact["fields"] = {n: self.in_value(n, each) for n, each in fact["fields"].items()}
        elif kind == "Changed":
            for side in ("before", "after"):
                fact[side] = self.in_value(fact["field"], fact[side])
            if fact.get("by") == self.account:
                fact["by"] = self.instead
        return msgspec.json.encode(fact)

    def in_saying(self, data: bytes, state: str) -> bytes:
        """A stored saying without the account; what is still to be said is not addressed to it."""
        saying = msgspec.json.decode(data)
        users = saying["audience"]["users"]
        saying = self._in_texts(saying)
        saying["audience"]["users"] = [
            self.instead if user == self.account else user
            for user in users
            if user != self.account or state != "pending"
        ]
        return msgspec.json.encode(saying)

    def is_in(self, body: bytes) -> bool:
        """Whether a delivery names the account, however its JSON is written."""
        written = body.decode("utf-8", "replace")
        if "\\" in written:
            written = _ESCAPE.sub(_unescaped, written)
        return re.search(rf"(?<!\w){re.escape(self.account)}(?!\w)", written) is not None

    def _in_texts(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.in_text(value)
        if isinstance(value, list):
            return [self._in_texts(each) for each in value]
        if isinstance(value, dict):
            return {name: self._in_texts(each) for name, each in value.items()}
        return value


def forget(database: Database, account: str) -> Forgotten:
    """Remove an account from what is stored, issue by issue, so that a running service goes on.

    Raises:
        StoreError: a delivery that names it still waits, or it is Dueline's own; then
            nothing is changed.
    """
    naming = Naming.of(account)
    _require_forgettable(database, naming)
    done = Forgotten()
    for site, issue_id in database.read(lambda c: _issues_of(c, naming)):
        done.changed["events"] += _write(database, partial(_in_issue, naming, site, issue_id))
    done.changed["sayings"] += _write(database, partial(_in_sayings, naming))
    for table, columns in _TEXTS.items():
        for column in columns:
            done.changed[table.name] += _write(database, partial(_in_column, naming, column))
    for number, state in database.read(lambda c: list(_deliveries(c, naming))):
        done.deleted[state] += _write(database, partial(_delete, number))
    done.changed, done.deleted = +done.changed, +done.deleted
    done.signed_out = _write(database, partial(_sign_out, naming))
    done.published = database.read(lambda c: _published(c, naming))
    done.drafts = database.read(lambda c: _drafts(c, naming))
    done.audited = database.read(lambda c: _audited(c, naming))
    _scrub(database)
    return done


def _require_forgettable(database: Database, naming: Naming) -> None:
    own = select(site_facts.c.value).where(site_facts.c.name == "own_account")
    accounts = database.read(lambda c: [json.loads(value) for (value,) in c.execute(own)])
    if naming.account in accounts:
        raise StoreError(f"{naming.account} is Dueline's own account in Jira, and no person")
    if naming.is_plain_word and not database.read(lambda c: _names_person(c, naming)):
        raise StoreError(
            f"{naming.account}: nobody who wrote, reported or was assigned is known by that name, "
            "and a word is not taken for a person; give the account as Jira names it. Nothing was "
            "changed"
        )
    waiting = [
        number
        for number, state in database.read(lambda c: list(_deliveries(c, naming)))
        if state == "new"
    ]
    if waiting:
        raise StoreError(
            f"{len(waiting)} deliveries that name {naming.account} still wait to be handled: let "
            "the service handle them, and try again; nothing was changed"
        )


def _names_person(connection: Connection, naming: Naming) -> bool:
    found = select(events.c.kind, events.c.data).where(
        _holds(connection, "events.data", naming.needle)
    )
    return any(naming.is_person_in(kind, data) for kind, data in connection.execute(found))


def _issues_of(connection: Connection, naming: Naming) -> Sequence[tuple[str, str]]:
    found = connection.execute(
        select(events.c.site, events.c.issue_id)
        .where(_holds(connection, "events.data", naming.needle))
        .distinct()
    )
    return [(site, issue_id) for site, issue_id in found]


def _in_issue(naming: Naming, site: str, issue_id: str, connection: Connection) -> int:
    # Nobody decides for the issue while some of its facts name the account and others do not.
    issues.get(connection, site, issue_id, locked=True)
    mine = (events.c.site == site, events.c.issue_id == issue_id)
    rows = connection.execute(
        select(events.c.identity, events.c.kind, events.c.data).where(*mine)
    ).all()
    number = 0
    for identity, kind, data in rows:
        without = naming.in_fact(kind, data)
        if without != data:
            one = update(events).where(*mine, events.c.identity == identity)
            connection.execute(one.values(data=without))
            number += 1
    assigned = update(issue_rows).where(
        issue_rows.c.site == site,
        issue_rows.c.issue_id == issue_id,
        issue_rows.c.assignee_id == naming.account,
    )
    beside = update(cycles).where(
        cycles.c.site == site,
        cycles.c.issue_id == issue_id,
        cycles.c.assignee_id == naming.account,
    )
    for each in (assigned, beside):
        connection.execute(each.values(assignee_id=naming.instead, assignee=None))
    # It repeats what facts tell, and is noted again when the issue is decided.
    noted = update(issue_rows).where(issue_rows.c.site == site, issue_rows.c.issue_id == issue_id)
    connection.execute(noted.values(steady=None))
    answered = update(cycles).where(
        cycles.c.site == site,
        cycles.c.issue_id == issue_id,
        cycles.c.answered_by == naming.account,
    )
    connection.execute(answered.values(answered_by=naming.instead, answered_name=None))
    return number


def _in_sayings(naming: Naming, connection: Connection) -> int:
    rows = connection.execute(
        select(sayings.c.id, sayings.c.saying, sayings.c.state).where(
            _holds(connection, "sayings.saying", naming.needle)
        )
    ).all()
    number = 0
    for id_, data, state in rows:
        without = naming.in_saying(data, state)
        if without != data:
            connection.execute(update(sayings).where(sayings.c.id == id_).values(saying=without))
            number += 1
    return number


def _in_column(naming: Naming, column: Column[Any], connection: Connection) -> int:
    table = column.table
    keys = list(table.primary_key)
    rows = connection.execute(
        select(column, *keys).where(column.contains(naming.account, autoescape=True))
    ).all()
    number = 0
    for written, *identity in rows:
        without = naming.in_text(written)
        if without != written:
            one = [key == value for key, value in zip(keys, identity, strict=True)]
            connection.execute(update(table).where(*one).values({column: without}))
            number += 1
    return number


def _deliveries(connection: Connection, naming: Naming) -> Iterator[tuple[int, str]]:
    """The deliveries that name an account, by id and state; one body is in memory at a time."""
    may_be = or_(
        _holds(connection, "inbox.body", naming.account.encode()),
        # Any character may be written as an escape.
        _holds(connection, "inbox.body", b"\\"),
    )
    found = connection.execute(select(inbox.c.id, inbox.c.state).where(may_be)).all()
    for number, state in found:
        body = connection.execute(select(inbox.c.body).where(inbox.c.id == number)).scalar()
        if body is not None and naming.is_in(body):
            yield number, state


def _delete(number: int, connection: Connection) -> int:
    # One that came since they were looked through waits, and is not lost.
    one = delete(inbox).where(inbox.c.id == number, inbox.c.state != "new")
    # It may have told of a comment whose readers are still to be asked for.
    waits = (issue_rows.c.read_at.is_not(None), issue_rows.c.unmarked_from <= number)
    connection.execute(update(issue_rows).where(*waits).values(unmarked_from=None))
    return connection.execute(one).rowcount


def _write(database: Database, work: Callable[[Connection], int]) -> int:
    def thoroughly(connection: Connection) -> int:
        if not database.is_shared:
            # What was there before is overwritten, too.
            connection.execute(text("PRAGMA secure_delete = ON"))
        return work(connection)

    return database.write(thoroughly)


def _sign_out(naming: Naming, connection: Connection) -> int:
    """End what sessions the account has, each of which keeps who it is."""
    kept = select(sign_ins.c.hash, sign_ins.c.person).where(
        sign_ins.c.person.contains(naming.account, autoescape=True)
    )
    mine = [
        hash_
        for hash_, person in connection.execute(kept)
        if _is_actor(json.loads(person)["id"], naming)
    ]
    connection.execute(delete(sign_ins).where(sign_ins.c.hash.in_(mine)))
    return len(mine)


def _is_actor(id_: str, naming: Naming) -> bool:
    """Whether the console knows the account by that: by the way in and who they are to it."""
    return id_.partition(":")[2] == naming.account


def _published(connection: Connection, naming: Naming) -> tuple[str, ...]:
    frozen = select(policies.c.version, policies.c.text).order_by(policies.c.published_at)
    # A comment in a document is in no frozen configuration.
    written = select(publications.c.version, publications.c.documents).order_by(publications.c.id)
    found = [
        *_naming(connection, frozen, policies.c.text, naming),
        *_naming(connection, written, publications.c.documents, naming),
    ]
    return tuple(dict.fromkeys(found))


def _drafts(connection: Connection, naming: Naming) -> tuple[int, ...]:
    texts = select(drafts.c.id, drafts.c.documents).order_by(drafts.c.id)
    return tuple(_naming(connection, texts, drafts.c.documents, naming))


def _naming(
    connection: Connection, asked: Select[Any], column: Column[Any], naming: Naming
) -> Iterator[Any]:
    """What each row is called whose text names the account; a row has its name and the text."""
    # JSON may begin a word with the `n` of a line's end that it writes as an escape.
    word = re.compile(rf"(?<!\w){re.escape(naming.account)}(?!\w)")
    found = asked.where(column.contains(naming.account, autoescape=True))
    for name, written in connection.execute(found):
        if word.search(_ESCAPE.sub(_unescaped, written)):
            yield name


def _audited(connection: Connection, naming: Naming) -> int:
    columns = (audit.c.actor, audit.c.subject, audit.c.detail)
    named = or_(*(each.contains(naming.account, autoescape=True) for each in columns))
    word = re.compile(rf"(?<!\w){re.escape(naming.account)}(?!\w)")
    return sum(
        _is_actor(actor, naming) or bool(word.search(f"{subject} {detail}"))
        for actor, subject, detail in connection.execute(select(*columns).where(named))
    )


def _holds(connection: Connection, column: str, needle: bytes) -> ColumnElement[bool]:
    if connection.dialect.name == "postgresql":
        found = text(f"position(:needle in {column}) > 0")
    else:
        found = text(f"instr({column}, :needle) > 0")
    return found.bindparams(bindparam("needle", needle, unique=True))  # type: ignore[return-value]


def _scrub(database: Database) -> None:
    """Have a file let go of what was deleted; a server does so by itself in time."""
    if database.is_shared:
        return
    with closing(database.engine.raw_connection()) as connection:
        connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").close()


def _unescaped(match: re.Match[str]) -> str:
    # What stands after any other escape is a control character or itself: it ends a word.
    return chr(int(match[1], 16)) if match[1] else " "
