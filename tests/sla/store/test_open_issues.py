"""Reading every open issue at once: ranges, what is open, and histories cut to what matters."""

from __future__ import annotations

from copy import copy
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, update

from config.loader import load
from config.settings import SHIPPED
from sla.clock.run import cycles_of
from sla.contract import Goal
from sla.errors import UnreadableFactError
from sla.mapping import Policy
from sla.preview import judged
from sla.resting import Rest
from sla.store import issues
from sla.store.database import Database
from sla.store.issues import Judgement, named
from sla.store.open_issues import Facts, OpenIssue, Range, Row, ranges, read, unread
from sla.store.schema import events as fact_rows
from sla.timeline import Account, Changed, CommentSeen, Created, Event, FieldValue, Seen, Timeline
from tests.sla.example import ALWAYS, at, contract, made, policy, reply, two_hours

SITE = "acme"
NAMES = {
    "customfield_1": "Support plan",
    "customfield_2": "Deployment",
    "customfield_3": "Channel",
    "customfield_4": "Bug found",
    "customfield_5": "Reported at",
    "customfield_6": "Nobody asks for it",
}
START = datetime(2026, 3, 4, 9, 30, tzinfo=UTC)
NOW = START + timedelta(days=3)
VALUES: dict[str, tuple[FieldValue, ...]] = {
    "project": ("HLP", "BIT", "BTL", "BAL"),
    "issuetype": ("Bug", "Question"),
    "priority": ("Highest", "Medium", "Low"),
    "status": ("To Do", "In Progress", "Waiting for customer"),
    "resolution": (None, "Done"),
    "reporter": ("customer", "agent"),
    "labels": ((), ("production",)),
    "customfield_1": (None, "Enterprise"),
    "customfield_2": (None, "Production", "Test"),
    "Deployment": (None, "Production"),
    "customfield_3": (None, "Email"),
    "customfield_4": (None, ("Yes",)),
    "customfield_5": (None, "2026-03-04T08:00:00+00:00"),
    "customfield_6": (None, "x"),
}


@cache
def shipped() -> Policy:
    return load(SHIPPED).policy.never_counting("dueline")


# Few instants, so that several things happen at one.
instants = st.integers(0, 12).map(lambda number: START + timedelta(hours=5 * number))


@st.composite
def shown(draw: st.DrawFn) -> dict[str, FieldValue]:
    names = draw(st.lists(st.sampled_from(sorted(VALUES)), unique=True))
    return {name: draw(st.sampled_from(VALUES[name])) for name in names}


@st.composite
def changes(draw: st.DrawFn) -> Changed:
    name = draw(st.sampled_from(sorted(VALUES)))
    values = st.sampled_from(VALUES[name])
    number = str(draw(st.integers(1, 40)))
    return Changed(draw(instants), number, name, draw(values), draw(values))


@st.composite
def comments(draw: st.DrawFn) -> CommentSeen:
    when, author = draw(instants), draw(st.sampled_from(["agent", "customer", "dueline"]))
    # Nobody takes over another's comment.
    id_ = f"{author}/{draw(st.integers(1, 2))}"
    return CommentSeen(when, id_, when, Account(author), draw(st.booleans()), "When?")


sightings = st.builds(Seen, instants, shown(), st.sampled_from(["comment", "issue", "search"]))
histories = st.lists(st.one_of(sightings, changes(), comments()), max_size=14)


def rows_of(events: list[Event]) -> list[Row]:
    """As the table has them: no fact twice."""
    return [
        ("7", type(event).__name__, msgspec.json.encode(event))
        for event in Timeline.of(events).events
    ]


@settings(deadline=None)
@given(histories)
def test_what_is_left_out_of_a_history_changes_no_cycle(found: list[Event]) -> None:
    project = Seen(START, {"project": "HLP", "priority": "Medium"}, "jira:issue_created")
    events = [Created(START), project, *found]
    rows = rows_of(events)
    whole = Timeline.of(named(event, NAMES) for event in Timeline.of(events).events)
    known = Facts(shipped(), NAMES).timeline(rows)
    assert cycles_of(known, shipped(), NOW) == cycles_of(whole, shipped(), NOW)
    assert known.field_names <= whole.field_names


def test_a_field_that_nobody_asks_for_is_left_out() -> None:
    shown: dict[str, FieldValue] = {
        "customfield_1": "Enterprise",
        "customfield_6": "x",
        "customfield_2": None,
    }
    events: list[Event] = [
        Created(START),
        Seen(START, shown, "s"),
        Changed(START, "1", "customfield_6", "", "y"),
    ]
    known = Facts(shipped(), NAMES).timeline(rows_of(events))
    assert known.field_names == {"Support plan"}


def test_a_field_that_conditions_name_by_a_word_of_their_own_is_kept() -> None:
    """A clock pauses by the status, which no rule of a policy has to name as a field."""
    judged_by = policy(contract(Goal(two_hours(), ALWAYS), pause_statuses=("Waiting",)))
    assert "status" not in judged_by.coverage_fields
    changed = ("status", "To Do", "Waiting"), ("status", "Waiting", "To Do")
    turns = [Changed(at(n), str(n), *change) for n, change in enumerate(changed, 1)]
    for events in ([*made(), *turns], [*made(status="Waiting"), turns[1]], [*made(), turns[0]]):
        known = Facts(judged_by, {}).timeline(rows_of(list(events)))
        cycles = cycles_of(known, judged_by, at(4))
        assert cycles == cycles_of(Timeline.of(events), judged_by, at(4))
        assert cycles[0].rest != Rest()


def test_what_never_counts_is_left_out() -> None:
    ours = CommentSeen(START, "1", START, Account("dueline"), True, "Received.")
    events: list[Event] = [Created(START), ours]
    assert Facts(shipped(), NAMES).timeline(rows_of(events)).comments == ()


@pytest.mark.parametrize(
    ("kind", "data"),
    [("Created", b"{"), ("Seen", b'{"at":"late"}'), ("Guessed", b"{}"), ("Changed", b'"\xff"')],
)
def test_a_fact_that_is_none_names_its_issue_in_every_process(kind: str, data: bytes) -> None:
    with pytest.raises(UnreadableFactError) as told:
        Facts(shipped(), NAMES).timeline([*rows_of([Created(START)]), ("8", kind, data)])
    why = f"a stored fact ({kind}) of Jira id 8 cannot be read: "
    assert str(told.value).startswith(why)
    # As it comes out of another process.
    assert str(copy(told.value)) == str(told.value)


# --- ranges ---------------------------------------------------------------------------------------


def known_of(database: Database, issue_id: str, events: list[Event]) -> None:
    """Have an issue decided, as far as its tables go."""
    cycles = cycles_of(Timeline.of(events), policy(), at(3))

    def work(connection: Connection) -> None:
        issues.hear_of(connection, SITE, issue_id, f"ACME-{issue_id}")
        issues.add_facts(connection, SITE, issue_id, events)
        issues.save_cycles(connection, SITE, [Judgement(issue_id, cycles, "v1")], at(3))
        issues.change(connection, SITE, issue_id, wake_at=at(4))

    database.write(work)


def found_in(database: Database, within: Range) -> list[OpenIssue]:
    return database.read(lambda c: list(read(c, SITE, within)))


def test_ranges_hold_every_issue_once(database: Database) -> None:
    ids = [str(number) for number in range(8, 15)]
    for issue_id in ids:
        known_of(database, issue_id, made())
    database.write(lambda c: issues.hear_of(c, "elsewhere", "99", None))
    for size in (1, 2, 3, 7, 100):
        cuts = database.read(lambda c, size=size: ranges(c, SITE, size))  # type: ignore[misc]
        each = [[issue.issue_id for issue in found_in(database, cut)] for cut in cuts]
        assert sorted(chain.from_iterable(each)) == sorted(ids)
        assert max(map(len, each)) <= size


def test_an_issue_comes_with_all_that_is_held_of_it(database: Database) -> None:
    events = [*made(), reply(at(1), None)]
    known_of(database, "7", events)
    (issue,) = found_in(database, Range())
    assert (issue.issue_id, issue.key, issue.policy_version) == ("7", "ACME-7", None)
    assert (issue.wake_at, issue.is_running) == (at(4), True)
    decided = cycles_of(Timeline.of(events), policy(), at(3))
    assert list(issue.recorded) == [judged(cycle) for cycle in decided]
    assert sorted(issue.facts) == sorted(rows_of(events))


@pytest.mark.parametrize(
    ("history", "is_open"),
    [
        ([], True),
        ([("2", None, "Done")], False),
        ([("2", None, "Done"), ("10", "Done", None)], True),
        ([("2", None, "Done"), ("10", "Done", None), ("11", None, "Done")], False),
    ],
)
def test_an_issue_is_over_when_its_last_resolution_holds(
    database: Database, history: list[tuple[str, str | None, str | None]], *, is_open: bool
) -> None:
    resolved = [Changed(at(2), id_, "resolution", was, became) for id_, was, became in history]
    # Answered in time: no clock of it is going.
    known_of(database, "7", [*made(), reply(at(1)), *resolved])
    assert [issue.is_running for issue in found_in(database, Range())] == [False] * is_open


def test_what_is_not_concluded_yet_is_left_out_and_counted(database: Database) -> None:
    known_of(database, "7", made())
    known_of(database, "8", made())
    database.write(lambda c: issues.ask_for_history(c, SITE, "8", at(3)))
    assert [issue.issue_id for issue in found_in(database, Range())] == ["7"]
    assert database.read(lambda c: unread(c, SITE)) == 1


def test_a_resolution_that_is_none_names_its_issue(database: Database) -> None:
    known_of(
        database, "7", [*made(), reply(at(1)), Changed(at(2), "2", "resolution", None, "Done")]
    )
    of_changes = update(fact_rows).where(fact_rows.c.kind == "Changed").values(data=b"{")
    database.write(lambda c: c.execute(of_changes))
    with pytest.raises(UnreadableFactError, match=r"\(Changed\) of Jira id 7 cannot be read"):
        found_in(database, Range())
