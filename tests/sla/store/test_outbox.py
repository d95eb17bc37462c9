"""The ledger and the way out: each thing is decided once, and sent until Jira has it."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace
from sqlalchemy import Connection

from sla.contract import Actions, Audience
from sla.effects import Saying
from sla.store import issues, outbox
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import Entered, Written
from sla.store.schema import sayings
from tests.sla.example import NINE, at

SITE, ISSUE = "acme", "10000"


def saying(key: str, when: datetime = NINE, **facts: Any) -> Saying:
    audience = Audience(assignee=True, users=("agent",), groups=("managers",))
    return Saying(key, "breach", when, audience, None, facts)


def put(
    database: Database, *new: Saying, now: datetime = NINE, quiet_before: datetime = NINE,
    issue: str = ISSUE,
) -> None:  # fmt: skip
    entered = [Entered(issue, new, quiet_before)]
    database.write(lambda c: outbox.put(c, SITE, entered, now))


def taken(connection: Connection, row: IssueRow, written: Written) -> None:
    """Jira took all of a write."""
    outbox.fields_tried(
        connection, row, written, in_flight_since=None, again_at=None, error=None, attempts=0
    )


def pending(database: Database) -> list[str]:
    return [each.key for each in database.read(lambda c: outbox.pending(c, SITE, ISSUE))]


def to_dispatch(database: Database, now: datetime, *sites: str) -> list[tuple[str, str]]:
    return sorted(database.read(lambda c: outbox.to_dispatch(c, now, sites, 10)))


def next_dispatch(database: Database, *sites: str, now: datetime = NINE) -> datetime | None:
    return database.read(lambda c: outbox.next_dispatch(c, sites, now))


def change_saying(database: Database, number: int, **values: Any) -> None:
    database.write(
        lambda c: c.execute(sayings.update().where(sayings.c.id == number).values(values))
    )


def hear(database: Database, **values: Any) -> None:
    database.write(lambda c: issues.hear_of(c, SITE, ISSUE, "ACME-1"))
    database.write(lambda c: issues.change(c, SITE, ISSUE, **values))


def row(database: Database) -> issues.IssueRow:
    found = database.read(lambda c: issues.get(c, SITE, ISSUE))
    assert found is not None
    return found


def test_a_saying_comes_back_as_it_was_decided(database: Database) -> None:
    decided = saying("first_response/1/breach", at(2), level=2, left=0.5, metric="x", late=None)
    put(database, decided, now=at(3))
    [found] = database.read(lambda c: outbox.pending(c, SITE, ISSUE))
    assert found.saying == decided
    assert (found.try_at, found.attempts, found.attempted_at) == (at(3), 0, None)


def test_a_saying_without_actions_is_stored_as_it_was_before_there_were_any(
    database: Database,
) -> None:
    older = msgspec.to_builtins(replace(saying("list"), revisable=True))
    del older["actions"]
    put(database, replace(saying("list"), revisable=True))
    change_saying(database, 1, state="sent", saying=msgspec.json.encode(older))
    put(database, replace(saying("list"), revisable=True))
    assert pending(database) == []
    acts = Actions(assignee="somebody", labels=("late",))
    put(database, replace(saying("list"), revisable=True, actions=acts))
    [found] = database.read(lambda c: outbox.pending(c, SITE, ISSUE))
    assert found.saying.actions == acts


def test_actions_that_are_behind_us_are_remembered(database: Database) -> None:
    put(database, saying("level"))
    [first] = database.read(lambda c: outbox.pending(c, SITE, ISSUE))
    assert (first.acted, first.refused) == (0, None)
    database.write(lambda c: outbox.leaves(c, first, at(1)))
    database.write(lambda c: outbox.acted(c, first, 1, "No such priority."))
    [again] = database.read(lambda c: outbox.pending(c, SITE, ISSUE))
    assert (again.acted, again.refused, again.attempted_at) == (1, "No such priority.", None)


def test_what_is_in_the_ledger_is_never_entered_again(database: Database) -> None:
    put(database, saying("a", at(1)))
    put(database, saying("a", at(2)), saying("b"))
    assert database.read(lambda c: outbox.ledger(c, SITE, ISSUE).said) == {"a", "b"}
    announced = database.read(lambda c: outbox.announced(c, SITE, ISSUE))
    assert [(each["key"], each["at"]) for each in announced] == [("b", NINE), ("a", at(1))]


def test_the_ledger_is_the_issues_own(database: Database) -> None:
    put(database, saying("a"), issue="other")
    put(database, saying("a"))
    assert pending(database) == ["a"]
    assert database.read(lambda c: outbox.ledger(c, "other", ISSUE).said) == frozenset()


def test_nothing_to_enter_is_no_error(database: Database) -> None:
    put(database)
    assert database.read(outbox.tally) == {}


def test_what_lies_before_our_time_is_recorded_and_never_sent(database: Database) -> None:
    put(database, saying("old", at(-0.001)), saying("at once", NINE), quiet_before=NINE)
    assert pending(database) == ["at once"]
    assert database.read(lambda c: outbox.ledger(c, SITE, ISSUE).said) == {"old", "at once"}
    assert database.read(outbox.tally) == {"quiet": 1, "pending": 1}


def test_sayings_go_out_in_the_order_of_their_instants(database: Database) -> None:
    put(database, saying("later", at(2)))
    put(database, saying("earlier", at(1)), saying("same", at(1)))
    assert pending(database) == ["earlier", "same", "later"]


def test_what_was_sent_or_given_up_is_pending_no_more(database: Database) -> None:
    put(database, saying("a"), saying("b"), saying("c"))
    for number, state in ((1, "sent"), (2, "given_up")):
        change_saying(database, number, state=state)
    assert pending(database) == ["c"]


def test_an_issue_with_fields_and_sayings_is_dispatched_once(database: Database) -> None:
    hear(database, write_at=at(1))
    put(database, saying("a"), now=at(1))
    assert to_dispatch(database, at(0.95), SITE) == []
    assert to_dispatch(database, at(1), SITE) == [(SITE, ISSUE)]
    assert to_dispatch(database, at(1), "other") == []


def test_the_next_dispatch_is_the_earliest_of_fields_and_sayings(database: Database) -> None:
    assert next_dispatch(database, SITE) is None
    hear(database, write_at=at(1))
    assert next_dispatch(database, SITE) == at(1)
    put(database, saying("a"), now=at(0.5))
    assert next_dispatch(database, SITE) == at(0.5)
    assert next_dispatch(database, "other") is None
    change_saying(database, 1, state="sent")
    assert next_dispatch(database, SITE) == at(1)


@pytest.mark.parametrize(
    ("wanted_meanwhile", "write_at"), [('{"state": "running"}', None), ('{"state": "met"}', NINE)]
)
def test_fields_written_are_done_unless_something_else_is_wanted_by_now(
    database: Database, wanted_meanwhile: str, write_at: datetime | None
) -> None:
    hear(database, fields_wanted='{"state": "running"}', write_at=NINE, write_attempts=3)
    before = row(database)
    hear(database, fields_wanted=wanted_meanwhile)
    written = Written({"state": "running", "due": None})
    database.write(lambda c: taken(c, before, written))
    after = row(database)
    assert (after.write_at, after.write_attempts) == (write_at, 0)
    assert json.loads(after.fields_written or "") == {"due": None, "state": "running"}


# --- what comes first -----------------------------------------------------------------------------


def order(database: Database, now: datetime = NINE, limit: int = 10) -> list[str]:
    return [
        issue for _, issue in database.read(lambda c: outbox.to_dispatch(c, now, [SITE], limit))
    ]


def show(database: Database, issue: str, wake_at: datetime | None) -> None:
    database.write(lambda c: issues.hear_of(c, SITE, issue, None))
    database.write(lambda c: issues.change(c, SITE, issue, write_at=NINE, wake_at=wake_at))


def test_what_is_said_comes_before_what_is_shown_and_each_by_its_instant(
    database: Database,
) -> None:
    show(database, "no deadline", None)
    show(database, "due late", at(9))
    show(database, "due soon", at(3))
    put(database, saying("a", at(2)), issue="second")
    put(database, saying("a", at(5)), saying("b", at(1)), issue="first")
    show(database, "second", None)
    everything = ["first", "second", "due soon", "due late", "no deadline"]
    assert order(database) == everything
    assert order(database, limit=3) == everything[:3]


def test_what_failed_keeps_nobody_back_who_comes_with_something_new_to_say(
    database: Database,
) -> None:
    put(database, saying("a"))
    change_saying(database, 1, attempts=3)
    put(database, saying("b", at(1)))
    put(database, saying("c", at(2)), issue="other")
    assert order(database) == ["other", ISSUE]


def test_what_lies_too_far_ahead_is_from_before_the_clock_was_set_back(database: Database) -> None:
    put(database, saying("a"), now=at(0.2))
    hear(database, write_at=at(1.4), write_attempts=1)
    assert order(database, NINE) == [ISSUE]
    change_saying(database, 1, attempts=1)
    assert order(database, NINE) == []
    assert next_dispatch(database, SITE) == at(0.2)
    change_saying(database, 1, try_at=at(1000))
    assert order(database, NINE) == [ISSUE]
    assert next_dispatch(database, SITE) == at(1.4)


# --- two processes --------------------------------------------------------------------------------


def test_of_two_that_would_send_a_comment_one_may(database: Database) -> None:
    put(database, saying("a"))
    seen = only(database)
    assert database.write(lambda c: outbox.leaves(c, seen, at(1)))
    assert not database.write(lambda c: outbox.leaves(c, seen, at(2)))
    # What the slower one has to tell is of no interest any more.
    database.write(lambda c: outbox.give_up(c, seen, error="400"))
    assert (state(database), only(database).attempted_at) == ("pending", at(1))


def test_of_two_that_would_write_fields_one_may(database: Database) -> None:
    hear(database, write_at=NINE, fields_wanted='{"state": "met"}')
    seen = row(database)
    leaving = Written().leaving({"state": "met"})
    assert database.write(lambda c: outbox.fields_leave(c, seen, leaving, at(1)))
    assert not database.write(lambda c: outbox.fields_leave(c, seen, leaving, at(2)))
    database.write(lambda c: taken(c, seen, Written({"state": "met"})))
    assert Written.of(row(database)) == Written({}, {"state": "met"})


# --- what is known of the fields ------------------------------------------------------------------


def test_what_was_sent_is_in_doubt_until_it_is_taken() -> None:
    before = Written({"state": "running", "due": None})
    leaving = before.leaving({"state": "met"})
    assert leaving.differing({"state": "running", "due": None}) == {"state": "running"}
    assert leaving.contradicts({"state": "running"})
    assert not leaving.contradicts({"state": "met", "level": 1})
    assert leaving.taken({"state": "met"}) == Written({"state": "met", "due": None})
    assert leaving.taken({}, {"state"}) == Written({"due": None})


# --- given up -------------------------------------------------------------------------------------


def test_what_was_given_up_is_listed_and_put_back(database: Database) -> None:
    hear(database, write_error="404", read_error="410", fields_wanted="{}")
    put(database, saying("a"), saying("b"))
    change_saying(database, 1, state="given_up", try_at=None, error="403", attempts=300)
    listed = database.read(lambda c: outbox.waiting(c, 10))
    assert [(each.what, each.error, each.again_at) for each in listed] == [
        ("a", "403", None),
        ("fields", "404", None),
        ("history", "410", None),
        ("b", None, NINE),
    ]
    assert {each.issue for each in listed} == {"ACME-1"}
    counts = database.read(outbox.counts)
    assert counts["sayings"] == {"given_up": 1, "pending": 1}
    assert counts["fields"] == counts["history"] == {"pending": 0, "given_up": 1}
    assert database.write(lambda c: outbox.try_again(c, "ACME-2", at(1))) == 0
    assert database.write(lambda c: outbox.try_again(c, "ACME-1", at(1))) == 3
    assert database.write(lambda c: outbox.try_again(c, None, at(2))) == 0
    after = row(database)
    assert (after.write_at, after.read_at, pending(database)) == (at(1), at(1), ["a", "b"])


def test_of_an_issue_without_a_row_a_saying_is_put_back_too(database: Database) -> None:
    put(database, saying("a"))
    change_saying(database, 1, state="given_up", try_at=None)
    assert [each.issue for each in database.read(lambda c: outbox.waiting(c, 10))] == [ISSUE]
    assert database.write(lambda c: outbox.try_again(c, None, at(1))) == 1


def test_a_field_that_is_there_again_is_written(database: Database) -> None:
    hear(database, write_error="no such field", write_at=at(1))
    assert database.write(lambda c: outbox.fields_are_there(c, SITE, NINE)) == 1
    assert row(database).write_at == NINE


# --- what is brought up to date -------------------------------------------------------------------


def checklist(*missing: str) -> Saying:
    return Saying(
        "list", "checklist", NINE, Audience(), None, {"missing": list(missing)}, revisable=True
    )


def only(database: Database) -> outbox.Pending:
    [found] = database.read(lambda c: outbox.pending(c, SITE, ISSUE))
    return found


def send(database: Database, sent: outbox.Pending, comment_id: str = "77") -> None:
    database.write(lambda c: outbox.sent(c, sent, comment_id))


def state(database: Database) -> str:
    [found] = database.read(lambda c: outbox.announced(c, SITE, ISSUE))
    return str(found["state"])


def test_what_reads_otherwise_is_sent_again_as_the_same_comment(database: Database) -> None:
    put(database, checklist("a log", "a name"))
    send(database, only(database))
    put(database, checklist("a log", "a name"), now=at(1))
    assert state(database) == "sent"
    put(database, checklist("a log"), now=at(2))
    again = only(database)
    assert (again.saying, again.comment_id, again.try_at) == (checklist("a log"), "77", at(2))
    send(database, again)
    assert (state(database), pending(database)) == ("sent", [])


def test_what_changes_while_it_is_sent_is_sent_once_more(database: Database) -> None:
    put(database, checklist("a log"))
    on_its_way = only(database)
    put(database, checklist(), now=at(1))
    send(database, on_its_way)
    again = only(database)
    assert (again.saying, again.comment_id) == (checklist(), "77")


def test_what_was_said_stays_said_when_it_stops_being_true(database: Database) -> None:
    put(database, checklist("a log"))
    send(database, only(database))
    put(database, checklist(), now=at(1))
    # The request for the edit never left: nothing is in doubt.
    change_saying(database, only(database).id, attempted_at=None)
    database.write(lambda c: outbox.withdraw(c, SITE, [(ISSUE, checklist().key)]))
    assert state(database) == "sent"


def test_what_is_from_before_our_time_is_not_brought_up_to_date(database: Database) -> None:
    put(database, checklist("a log"), quiet_before=at(1))
    put(database, checklist(), quiet_before=at(1), now=at(2))
    assert (state(database), pending(database)) == ("quiet", [])
