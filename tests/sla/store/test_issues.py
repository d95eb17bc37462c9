"""What is held of an issue: facts whichever way they came, promises as made, when to look again."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Row, select

from sla.mapping import Policy
from sla.store import issues, schema
from sla.store.database import Database
from sla.store.issues import Judgement
from sla.timeline import (
    Account,
    Changed,
    CommentDeleted,
    CommentSeen,
    Created,
    Deleted,
    Event,
    Seen,
    Timeline,
)
from tests.sla.example import AGENT, CUSTOMER, NINE, at, change, made, policy, reply, runs
from tests.sla.store.conftest import new_database

SITE, ISSUE = "acme", "10000"
STORY: list[Event] = [
    *made(priority="High", labels=("red", "blue"), customfield_1="Gold", customfield_2=None),
    change(at(1), "priority", "High", "Highest"),
    change(at(1), "customfield_1", "Gold", "Silver"),
    reply(at(2), CUSTOMER),
    reply(at(3), id_="2"),
    CommentSeen(at(4), "2", at(4), AGENT, public=False),
    CommentSeen(at(4.5), "3", at(4.5), None, public=True),
    CommentSeen(at(5), "4", at(5), Account("bot", "app"), public=True),
    CommentDeleted(at(6), "2"),
    # The same facts as a slower source tells them: later instants, the same identities.
    Created(at(0.5)),
    Changed(at(2), str(int(at(1).timestamp())), "priority", "High", "Highest"),
    CommentDeleted(at(7), "2"),
    Deleted(at(8)),
    Deleted(at(9)),
]


@pytest.fixture(scope="module")
def shared() -> Iterator[Database]:
    """A database for Hypothesis: every example uses an issue of its own."""
    with tempfile.TemporaryDirectory() as directory:
        opened = new_database(Path(directory))
        yield opened
        opened.close()


def add(database: Database, *events: Event, issue: str = ISSUE) -> None:
    database.write(lambda c: issues.add_facts(c, SITE, issue, events))


def stored(database: Database, issue: str = ISSUE, **names: str) -> Timeline:
    return database.read(lambda c: issues.timeline_of(c, SITE, issue, names))


def hear(database: Database, issue: str = ISSUE, key: str | None = "ACME-1", **values: Any) -> None:
    database.write(lambda c: issues.hear_of(c, SITE, issue, key))
    if values:
        database.write(lambda c: issues.change(c, SITE, issue, **values))


def save(
    database: Database, events: list[Event], now: datetime, under: Policy, version: str = "v1"
) -> None:
    timeline = Timeline.of(events)
    (cycle,) = runs(timeline, under, now)
    judged = [Judgement(ISSUE, [cycle], version)]
    database.write(lambda c: issues.save_cycles(c, SITE, judged, now))


def cycles(database: Database) -> list[Row[Any]]:
    return database.read(lambda c: list(c.execute(select(schema.cycles))))


@settings(
    derandomize=True,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    story=st.permutations(STORY),
    again=st.lists(st.sampled_from(STORY), max_size=5),
    cuts=st.lists(st.integers(0, len(STORY)), max_size=4),
)
def test_facts_in_any_order_and_any_number_give_the_same_timeline(
    shared: Database, story: list[Event], again: list[Event], cuts: list[int]
) -> None:
    heard = [*story, *again]
    issue = f"issue-{len(shared.read(lambda c: c.execute(select(schema.events.c.issue_id)).all()))}"
    ends = [*sorted(cuts), len(heard)]
    for start, end in zip([0, *ends], ends, strict=False):
        add(shared, *heard[start:end], issue=issue)
    assert stored(shared, issue) == Timeline.of(STORY)


def test_every_kind_of_fact_comes_back_as_it_was(database: Database) -> None:
    add(database, *STORY)
    back = stored(database)
    assert {type(event) for event in back.events} == {
        Created, Seen, Changed, CommentSeen, CommentDeleted, Deleted,
    }  # fmt: skip
    assert back.value("labels", NINE) == ("red", "blue")
    assert [comment.author for comment in back.comments] == [
        CUSTOMER, AGENT, None, Account("bot", "app"),
    ]  # fmt: skip


TWINS: list[tuple[Event, Event]] = [
    # One webhook shows all fields, the other was registered to leave some out.
    (
        Seen(NINE, {"priority": "Highest", "project": "ACME"}, "jira:issue_updated"),
        Seen(NINE, {"project": "ACME"}, "jira:issue_updated"),
    ),
    # A webhook shows a comment as public, the history as internal.
    (CommentSeen(NINE, "1", NINE, AGENT, True), CommentSeen(NINE, "1", NINE, AGENT, False)),
]


@pytest.mark.parametrize("twins", TWINS, ids=lambda twins: type(twins[0]).__name__)
def test_two_reports_of_one_fact_and_one_instant_that_differ(
    database: Database, twins: tuple[Event, Event]
) -> None:
    one, other = twins
    for issue, first, second in (("1", one, other), ("2", other, one)):
        add(database, first, issue=issue)
        add(database, second, issue=issue)
    assert (
        stored(database, "1").events
        == stored(database, "2").events
        == Timeline.of([one, other]).events
    )


def test_no_facts_are_no_error(database: Database) -> None:
    add(database)
    assert stored(database).events == ()


def test_facts_belong_to_one_issue_of_one_site(database: Database) -> None:
    add(database, *made())
    assert stored(database, "10001").events == ()
    assert database.read(lambda c: issues.timeline_of(c, "other", ISSUE, {})).events == ()


def test_custom_fields_go_by_their_names_in_sightings_and_changes(database: Database) -> None:
    add(database, *STORY)
    named = stored(database, customfield_1="Support plan")
    assert named.values("Support plan") == [(NINE, "Gold"), (at(1), "Silver")]
    assert "customfield_1" not in named.field_names
    # One whose name is not known, or not unique, keeps its id.
    assert "customfield_2" in named.field_names


def test_a_field_that_is_renamed_takes_its_history_along(database: Database) -> None:
    add(database, *STORY)
    before, after = (stored(database, customfield_1=name) for name in ("Plan", "Support plan"))
    assert before.values("Plan") == after.values("Support plan")


def test_the_assignee_is_the_last_one_heard_of(database: Database) -> None:
    def who() -> str | None:
        return database.read(lambda c: issues.assignee(c, SITE, ISSUE))

    assert who() is None
    add(database, *made(assignee="agent"))
    assert who() == "agent"
    add(database, change(at(2), "assignee", "lead", None))
    assert who() is None
    add(database, change(at(1), "assignee", "agent", "lead"))
    assert who() is None


def test_an_issue_is_new_once(database: Database) -> None:
    def hear_of(key: str | None) -> bool:
        return database.write(lambda c: issues.hear_of(c, SITE, ISSUE, key))

    assert [hear_of("ACME-1"), hear_of("MOVED-7"), hear_of(None)] == [True, False, False]
    row = database.read(lambda c: issues.by_key(c, SITE, "ACME-1"))
    assert row is not None
    assert (row.issue_id, row.key) == (ISSUE, "ACME-1")
    assert database.read(lambda c: issues.get(c, "other", ISSUE)) is None


def test_a_promise_is_never_changed_and_a_new_one_stands_beside_it(database: Database) -> None:
    story = made(priority="High")
    save(database, story, at(0), policy())
    [first] = database.read(lambda c: issues.promises_of(c, SITE, ISSUE))
    assert (first["severity"], first["target"], first["promised_at"]) == (
        "Normal", "1 business day", at(0),
    )  # fmt: skip

    # Recomputed under another version, with another due instant: the old row stays as it is.
    save(database, [*story, change(at(1), "status", "To Do", "Done")], at(2), policy(), "v2")
    raised = [*story, change(at(3), "priority", "High", "Highest")]
    save(database, raised, at(4), policy(), "v2")
    kept, second = database.read(lambda c: issues.promises_of(c, SITE, ISSUE))
    assert kept == first
    assert (second["severity"], second["since_at"], second["promised_at"]) == (
        "Urgent", at(3), at(4),
    )  # fmt: skip
    assert second["policy_version"] == "v2"


def test_a_cycle_is_as_it_was_judged_last(database: Database) -> None:
    save(database, made(), at(0), policy())
    save(database, [*made(), reply(at(1))], at(2), policy())
    [cycle] = cycles(database)
    assert (cycle.state, cycle.started_at, cycle.due_at) == ("met", at(0), at(2))
    assert (cycle.stopped_at, cycle.ended_at) == (at(1), at(1))


def test_a_cycle_given_up_ended_but_did_not_stop(database: Database) -> None:
    save(database, [*made(), Deleted(at(1))], at(2), policy())
    [cycle] = cycles(database)
    assert (cycle.state, cycle.due_at) == ("cancelled", None)
    assert (cycle.stopped_at, cycle.ended_at) == (None, at(1))


def test_the_longest_overdue_is_woken_first_and_only_sites_that_are_asked_for(
    database: Database,
) -> None:
    for issue, wake in (("1", at(3)), ("2", at(1)), ("3", at(2)), ("4", at(9)), ("5", None)):
        hear(database, issue, key=None, wake_at=wake)
    database.write(lambda c: issues.hear_of(c, "other", "6", None))
    database.write(lambda c: issues.change(c, "other", "6", wake_at=at(0)))

    def to_wake(now: float, limit: int, *sites: str) -> list[str]:
        return [issue for _, _, issue in database.read(
            lambda c: issues.to_wake(c, at(now), sites, limit)
        )]  # fmt: skip

    assert to_wake(3, 10, SITE) == ["2", "3", "1"]
    assert to_wake(3, 2, SITE) == ["2", "3"]
    # Its instant has come exactly now; a microsecond earlier it had not.
    assert to_wake(1, 10, SITE) == ["2"]
    assert to_wake(0.999, 10, SITE) == []
    assert to_wake(3, 1, SITE, "other") == ["6"]
    assert to_wake(3, 10) == []


def test_the_next_wake_is_the_earliest(database: Database) -> None:
    def next_wake(*sites: str) -> datetime | None:
        return database.read(lambda c: issues.next_wake(c, sites))

    assert next_wake(SITE) is None
    hear(database, "1", None, wake_at=at(2), read_at=at(9))
    hear(database, "2", None, wake_at=at(1))
    hear(database, "3", None, wake_at=None)
    assert (next_wake(SITE), next_wake("other"), next_wake()) == (at(1), None, None)
    assert database.read(lambda c: issues.next_wake(c, [SITE], after=at(1))) == at(2)
    assert database.read(lambda c: issues.next_wake(c, [SITE], after=at(2))) is None
    assert database.read(lambda c: issues.next_read(c, [SITE])) == at(9)


def test_a_timeline_is_compared_by_its_facts_alone() -> None:
    """What the tests above rest on: an equal timeline is one with the same facts, in order."""
    whole = Timeline.of(STORY)
    assert whole != Timeline.of(STORY[:-3])
    assert whole == Timeline(whole.events)
