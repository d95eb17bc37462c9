"""Nothing names a forgotten person any more, and nothing is concluded otherwise for that."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, func, select

from sla.contract import Audience
from sla.decide import Decision, Ledger, decide
from sla.effects import Saying
from sla.engine.decided import as_json
from sla.store import (
    audit,
    drafts,
    inbox,
    issues,
    outbox,
    publications,
    schema,
    sign_ins,
    sites,
)
from sla.store.checksums import TABLES, rows_of, sums
from sla.store.database import Database, StoreError
from sla.store.forgetting import Forgotten, Naming, forget
from sla.timeline import Account, Changed, CommentSeen, Event, Seen, Timeline
from tests.sla.example import NINE, at, change, made, policy, says
from tests.sla.store.decided import put

CLOUD = "712020:6f1c1a0e-8a55-4d57-9e4f-0b7a1f7a2c11"
OLD = "bob"
SITE = ("acme", "1")


def story(person: str) -> list[Event]:
    """A history in which somebody reports, is assigned, answers and is mentioned."""
    return [
        *made(reporter=person, customfield_1=(person, "x"), summary=f"From [~accountid:{person}]"),
        change(at(0.25), "assignee", None, person),
        says(at(0.5), f"Is that you, [~{person}]? It is {person}.", Account(person)),
        says(at(1), "Yes", Account("agent"), id_="2"),
    ]


def saying(person: str, state: str) -> dict[str, Any]:
    told = Saying("k" + state, "breach", NINE, Audience(users=(person, "lead")), facts={
        "text": f"[~accountid:{person}] waits",
    })  # fmt: skip
    return {
        "site": "acme", "issue_id": "1", "key": told.key, "at": NINE, "decided_at": NINE,
        "saying": msgspec.json.encode(told), "state": state,
    }  # fmt: skip


def store(database: Database, person: str, *events: Event) -> None:
    def work(connection: Connection) -> None:
        issues.hear_of(connection, *SITE, "ACME-1")
        issues.add_facts(connection, *SITE, events or story(person))

    database.write(work)


def timeline(database: Database) -> Timeline:
    return database.read(lambda c: issues.timeline_of(c, *SITE, {}))


def everything(database: Database) -> bytes:
    """All that the tables hold, as it would be printed."""
    return database.read(
        lambda c: repr([row for table in TABLES for row in list(rows_of(c, table))]).encode()
    )


def deliver(database: Database, person: str, state: str | None, body: bytes | None = None) -> None:
    def work(connection: Connection) -> None:
        told = body or json.dumps({"user": {"accountId": person}}).encode()
        known = connection.execute(select(func.count()).select_from(schema.inbox)).scalar_one()
        inbox.keep(connection, "acme", str(known), told, NINE)
        number = connection.execute(select(func.max(schema.inbox.c.id))).scalar_one()
        if state:
            inbox.handled(connection, number, state, None, None)  # type: ignore[arg-type]

    database.write(work)


@pytest.mark.parametrize("person", [CLOUD, "JIRAUSER10100"])
def test_nothing_names_the_person_any_more(database: Database, person: str) -> None:
    store(database, person)
    for state in ("done", "failed", "not_understood"):
        deliver(database, person, state)
    deliver(database, "somebody else", "done")
    reason = {"reason": f"reporter {person}", "write_error": f"{person} may not"}
    database.write(lambda c: issues.change(c, *SITE, **reason))
    rows = [saying(person, "pending"), saying(person, "sent")]
    database.write(lambda c: c.execute(schema.sayings.insert(), rows))
    told = {"site": "acme", "issue_id": "1", "key": "k", "channel": "team", "at": NINE}
    gone = {**told, "state": "given_up", "error": f"nobody is called {person}"}
    database.write(lambda c: c.execute(schema.notifications.insert().values(gone)))
    assert person.encode() in everything(database)
    found = forget(database, person)
    assert person.encode() not in everything(database)
    assert found.changed == {"events": 3, "sayings": 2, "notifications": 1, "issues": 2}
    assert found.deleted == {"done": 1, "failed": 1, "not_understood": 1}
    assert database.read(inbox.tally) == {"done": 1}


def test_what_lists_show_names_the_person_no_more(database: Database) -> None:
    store(database, CLOUD)
    listed = {
        "assignee_id": CLOUD, "assignee": "Bob Builder", "customer": f"{CLOUD}, Acme",
        "summary": f"From {CLOUD}",
    }  # fmt: skip
    database.write(lambda c: issues.change(c, *SITE, **listed))
    answered = {"answered_by": CLOUD, "answered_name": "Bob Builder"}
    database.write(lambda c: put(c, {"at": NINE, "state": "met", **answered}, site="acme"))
    database.write(lambda c: c.execute(schema.cycles.update().values(issue_id=SITE[1])))
    database.write(
        lambda c: issues.add_facts(c, *SITE, [Changed(NINE, "7", "status", "Open", "Done", CLOUD)])
    )
    forget(database, CLOUD)
    shown = everything(database)
    assert b"Bob Builder" not in shown
    assert CLOUD.encode() not in shown
    row = database.read(lambda c: issues.get(c, *SITE))
    assert row is not None
    assert row.assignee is None
    assert row.assignee_id is not None
    assert row.assignee_id.startswith("-forgotten-")
    assert CLOUD not in f"{row.summary} {row.customer}"


def test_who_is_forgotten_is_not_addressed_any_more(database: Database) -> None:
    store(database, CLOUD)
    rows = [saying(CLOUD, "pending"), saying(CLOUD, "sent")]
    database.write(lambda c: c.execute(schema.sayings.insert(), rows))
    forget(database, CLOUD)
    (pending,) = database.read(lambda c: outbox.pending(c, *SITE))
    assert pending.saying.audience.users == ("lead",)
    assert str(pending.saying.facts["text"]).startswith("[~accountid:-forgotten-")


def test_a_plain_word_is_a_person_only_where_people_stand(database: Database) -> None:
    person = Account(OLD)
    told = says(NINE, "bob said [~bob] and Bobby", person)
    shown = Seen(NINE, {"priority": OLD, "labels": (OLD,), "assignee": OLD}, "x")
    store(database, OLD, told, shown)
    forget(database, OLD)
    comment, seen = timeline(database).events[1], timeline(database).events[0]
    assert isinstance(comment, CommentSeen)
    assert isinstance(seen, Seen)
    assert comment.author
    name = comment.author.id
    assert name.startswith("-forgotten-")
    assert comment.text == f"bob said [~{name}] and Bobby"
    assert seen.fields == {"priority": OLD, "labels": (OLD,), "assignee": name}


def test_another_account_that_begins_alike_is_left_alone(database: Database) -> None:
    longer = f"{CLOUD}2"
    store(database, longer)
    deliver(database, longer, "done")
    before = database.read(sums)
    assert forget(database, CLOUD).is_nothing
    assert database.read(sums) == before


def test_again_there_is_nothing_to_forget(database: Database) -> None:
    assert forget(database, CLOUD).is_nothing
    store(database, CLOUD)
    assert not forget(database, CLOUD).is_nothing
    before = database.read(sums)
    assert forget(database, CLOUD) == Forgotten()
    assert database.read(sums) == before


@pytest.mark.parametrize("person", [CLOUD, OLD])
def test_what_jira_tells_again_brings_nobody_back(database: Database, person: str) -> None:
    store(database, person)
    forget(database, person)
    before = timeline(database)
    store(database, person)
    assert timeline(database) == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"accountId": "712020\\u003a6f1c1a0e-8a55-4d57-9e4f-0b7a1f7a2c11"}',
        b'{"body": "first\\n712020:6f1c1a0e-8a55-4d57-9e4f-0b7a1f7a2c11\\nlast"}',
        b"not JSON 712020:6f1c1a0e-8a55-4d57-9e4f-0b7a1f7a2c11 \xff",
    ],
    ids=["escaped", "between lines", "no JSON"],
)
def test_a_delivery_is_found_however_it_is_written(database: Database, body: bytes) -> None:
    deliver(database, CLOUD, "failed", body)
    assert forget(database, CLOUD).deleted == {"failed": 1}


def test_what_still_waits_is_handled_first(database: Database) -> None:
    store(database, CLOUD)
    deliver(database, CLOUD, None)
    before = database.read(sums)
    with pytest.raises(StoreError, match=r"1 deliveries that name .* still wait to be handled"):
        forget(database, CLOUD)
    assert database.read(sums) == before


def test_duelines_own_account_is_no_person(database: Database) -> None:
    database.write(lambda c: sites.learn(c, "acme", "own_account", CLOUD))
    with pytest.raises(StoreError, match="is Dueline's own account"):
        forget(database, CLOUD)


def test_versions_that_name_the_person_are_told_and_stay(database: Database) -> None:
    for version, named in (("v1", CLOUD), ("v2", f"{CLOUD}2"), ("v3", CLOUD)):
        told = json.dumps({"responders": [named]})
        database.write(lambda c, v=version, t=told: sites.publish(c, v, t, NINE))  # type: ignore[misc]
    before = database.read(sums)
    assert set(forget(database, CLOUD).published) == {"v1", "v3"}
    assert database.read(sums) == before


def test_who_used_the_console_is_signed_out_and_what_stays_is_told(database: Database) -> None:
    def work(connection: Connection) -> None:
        for hash_, id_ in (("a", f"atlassian:{CLOUD}"), ("b", f"atlassian:{CLOUD}2")):
            person = json.dumps({"id": id_, "name": "Bob", "role": "viewer", "via": "atlassian"})
            later = NINE + timedelta(days=1)
            sign_ins.begin(connection, "acme", hash_, person, "door", now=NINE, expires_at=later)
            audit.record(connection, "acme", NINE, _Actor(id_, "Bob"), "signed in", "console")
        document = {"site.yaml": f"# by\n{CLOUD}\n"}
        drafts.add(
            connection, "acme", base=1, title="", author="Bob", documents=document, now=NINE
        )  # fmt: skip
        publications.add(
            connection, "acme", "v1", "{}", document,
            now=NINE, author="Bob", reason="", source="console",
        )  # fmt: skip

    database.write(work)
    found = forget(database, CLOUD)
    assert (found.signed_out, found.audited) == (1, 1)
    assert (found.drafts, found.published) == ((1,), ("v1",))
    assert database.read(lambda c: sign_ins.found(c, "acme", "a")) is None
    assert database.read(lambda c: sign_ins.found(c, "acme", "b")) is not None
    assert database.read(lambda c: audit.check(c, "acme")).broken is None


@dataclass(frozen=True)
class _Actor:
    id: str
    name: str


def test_nothing_is_left_in_the_file(sqlite: Database) -> None:
    store(sqlite, CLOUD)
    deliver(sqlite, CLOUD, "done", json.dumps({"a": CLOUD, "b": "x" * 20_000}).encode())
    rows = [saying(CLOUD, "sent")]
    sqlite.write(lambda c: c.execute(schema.sayings.insert(), rows))
    forget(sqlite, CLOUD)
    path = Path(sqlite.name)
    files = [path, *path.parent.glob(f"{path.name}-*")]
    assert not [file.name for file in files if CLOUD.encode() in file.read_bytes()]


# -- what is concluded stays the same --------------------------------------------------------------

people = st.sampled_from([CLOUD, "JIRAUSER10100", "agent", "customer"])


@st.composite
def histories(draw: st.DrawFn) -> list[Event]:
    """Reports, answers and changes by a few people, who may be one another."""
    found = made(reporter=draw(people), customfield_1=draw(people))
    for number in range(draw(st.integers(0, 6))):
        when = at(draw(st.sampled_from([0.25, 0.5, 1, 2, 3])))
        who = draw(people)
        text = draw(st.sampled_from(["Hello", f"Dear [~accountid:{who}]", f"{who}?", who]))
        found.append(says(when, text, Account(who), id_=str(number), public=draw(st.booleans())))
        if draw(st.booleans()):
            found.append(Changed(when, str(number), "assignee", who, draw(people), draw(people)))
    return found


@settings(derandomize=True, deadline=None, max_examples=100)
@given(histories(), people, st.integers(0, 8))
def test_decisions_are_the_same_before_and_after(
    history: list[Event], person: str, later: int
) -> None:
    def decided(events: list[Event]) -> Decision:
        now = NINE + timedelta(hours=later)
        return decide(Timeline.of(events), policy(), Ledger(), now, issue_id="1")

    naming = Naming.of(person)
    before = decided(history)
    for number, cycle in enumerate(before.cycles):
        if cycle.ending and cycle.ending.by == person:
            renamed = replace(cycle, ending=replace(cycle.ending, by=naming.instead))
            cycles = (*before.cycles[:number], renamed, *before.cycles[number + 1 :])
            before = replace(before, cycles=cycles)
    after = [
        msgspec.json.decode(
            naming.in_fact(type(event).__name__, msgspec.json.encode(event)), type=type(event)
        )
        for event in history
    ]
    forgotten = decided(after)
    assert forgotten.fields
    assert before.fields
    assert replace(forgotten, fields=None) == replace(before, fields=None)
    # The link holds the cycles, and is put into words where it is kept.
    assert as_json(forgotten.fields) == as_json(before.fields)
    assert [event.identity for event in after] == [event.identity for event in history]
