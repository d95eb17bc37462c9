"""The loop around the core: whatever is heard, in whatever order, the tables end up the same."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import Connection, event, select, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from sla.contract import Audience, Goal, Refusal, Request, Scope, Step
from sla.engine import Call, Engine
from sla.known_sites import SiteFacts, remember_installation, remember_site, remembered_site
from sla.lanes import drain
from sla.mapping import Condition, ContractRule, Policy
from sla.store import inbox, issues, outbox, schema
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.timeline import Account, CommentSeen, Created, Deleted, Event, Linked, Seen
from tests.postgres import PostgresServer
from tests.sla.example import (
    CUSTOMER,
    NINE,
    OWN,
    at,
    change,
    contract,
    made,
    office,
    policy,
    reply,
    two_hours,
)
from tests.sla.store.conftest import new_database

SITE, ISSUE = "acme", "10000"


@dataclass(frozen=True)
class Said:
    """What a delivery says; the tests' own kind of payload is the name under which it lies here."""

    issue_id: str | None = ISSUE
    issue_key: str | None = "ACME-1"
    events: tuple[Event, ...] = ()
    not_understood: str | None = None
    complete: bool = False
    unclear: bool = False
    unmarked: tuple[CommentSeen, ...] = ()
    assignee: tuple[str, str] | None = None
    people: Mapping[str, str] = field(default_factory=dict)
    also: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)


def creation(*, issue: str = ISSUE, **fields: Any) -> Said:
    return Said(issue, f"ACME-{issue[-1]}", tuple(made(**fields)), complete=True)


def telling(*events: Event, issue: str = ISSUE, unclear: bool = False) -> Said:
    return Said(issue, f"ACME-{issue[-1]}", events, unclear=unclear)


@dataclass
class Desk:
    """An engine with a clock and a policy that the test sets, and deliveries by name."""

    database: Database
    now: datetime = NINE
    site: str = SITE
    heard: dict[bytes, Said] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    asked_for: list[str] = field(default_factory=list)
    told: list[Call] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.policies = self.policies or {"v1": policy()}
        facts = SiteFacts(OWN.id, {"customfield_1": "Support plan"}, quiet_before=at(-1000))
        self.engine = Engine(
            self.database, lambda: self.now, self._read, self._policy, "v1",
            sites={self.site: facts}, after_commit=self.told.append,
        )  # fmt: skip

    def _read(self, body: bytes) -> Said:
        return self.heard[body]

    def _policy(self, version: str) -> Policy:
        self.asked_for.append(version)
        if version not in self.policies:
            raise LookupError(f"policy version {version} is not in the database")
        return self.policies[version]

    def keep(self, *said: Said, site: str | None = None) -> None:
        """Keep deliveries, in this order, without handling them."""
        for each in said:
            name = str(len(self.heard))
            self.heard[name.encode()] = each
            keep = partial(inbox.keep, site=site or self.site, delivery=name, body=name.encode())
            self.database.write(partial(keep, received_at=self.now))

    def hear(self, *said: Said) -> None:
        """Deliveries come in and are handled."""
        self.keep(*said)
        self.work()

    def learn(self, found: list[Event]) -> None:
        """The history is read, to the end."""
        row = self.database.read(lambda c: issues.get(c, SITE, ISSUE))
        asked = row.reads_asked if row else 0
        self.engine.learn_history(SITE, ISSUE, "ACME-1", found, reads_asked=asked)

    def wake(self, now: datetime) -> int:
        """Time goes on, and what is due is decided; how many issues."""
        self.now = now
        return self.work()

    def work(self) -> int:
        """Decide for whatever is due; how many issues."""
        return drain(self.engine)

    def row(self, issue: str = ISSUE) -> IssueRow:
        found = self.database.read(lambda c: issues.get(c, self.site, issue))
        assert found is not None
        return found

    def fields(self, issue: str = ISSUE) -> dict[str, Any]:
        return dict(json.loads(self.row(issue).fields_wanted or "{}"))

    def wake_at(self, issue: str = ISSUE) -> datetime | None:
        where = (schema.issues.c.site == self.site, schema.issues.c.issue_id == issue)
        found: datetime | None = self._all(select(schema.issues.c.wake_at).where(*where))[0][0]
        return found

    def cycles(self) -> list[Any]:
        """What is held of every cycle, but for its site."""
        where = schema.cycles.c.site == self.site
        columns = [column for column in schema.cycles.c if column.name != "site"]
        return [tuple(row) for row in self._all(select(*columns).where(where))]

    def judgement(self) -> tuple[Any, ...]:
        """All that was concluded about the issue, apart from when it was."""
        row = self._all(
            select(
                schema.issues.c.covered,
                schema.issues.c.reason,
                schema.issues.c.policy_version,
                schema.issues.c.wake_at,
                schema.issues.c.read_at,
                schema.issues.c.fields_wanted,
            ).where(schema.issues.c.site == self.site)
        )
        return (*map(tuple, row), *self.cycles())

    def said(self, issue: str = ISSUE) -> dict[str, str]:
        """Every key in the ledger, with what is to become of it."""
        rows = self.database.read(lambda c: outbox.announced(c, self.site, issue))
        return {row["key"].removeprefix("first_response/1/"): row["state"] for row in rows}

    def states(self) -> list[str]:
        return [state for (state,) in self._all(select(schema.inbox.c.state))]

    def notes(self) -> list[str | None]:
        return [note for (note,) in self._all(select(schema.inbox.c.note))]

    def _all(self, query: Any) -> list[Any]:
        return self.database.read(lambda c: list(c.execute(query)))


@pytest.fixture(scope="module")
def shared() -> Iterator[Database]:
    """A database for all tests here: each desk has a site of its own."""
    with tempfile.TemporaryDirectory() as directory:
        opened = new_database(Path(directory))
        yield opened
        opened.close()


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = new_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


def history(*events: Event, **fields: Any) -> list[Event]:
    return [*made(**fields), *events]


# -- in any order ----------------------------------------------------------------------------------

STORY = (
    creation(priority="High"),
    telling(change(at(0.5), "priority", "High", "Highest")),
    telling(change(at(0.7), "customfield_1", None, "Gold")),
    telling(change(at(1.2), "resolution", None, "Done")),
    telling(change(at(2.2), "resolution", "Done", None)),
    telling(reply(at(2.3), CUSTOMER, id_="1")),
    telling(reply(at(2.5), public=False, id_="2")),
    telling(reply(at(3.5), id_="3")),
    telling(reply(at(4), id_="4")),
)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    story=st.permutations(STORY),
    again=st.lists(st.sampled_from(STORY), max_size=3),
    batches=st.lists(st.integers(0, len(STORY)), max_size=3),
)
def test_deliveries_in_any_order_end_in_the_same_rows(
    shared: Database, story: list[Said], again: list[Said], batches: list[int]
) -> None:
    in_order = Desk(shared, at(9), site="in order")
    if not in_order.cycles():
        in_order.hear(*STORY)
    count = shared.read(lambda c: len(c.execute(select(schema.issues.c.site)).all()))
    shuffled = Desk(shared, at(9), site=f"shuffled {count}")
    heard = [*story, *again]
    ends = [*sorted(batches), len(heard)]
    for start, end in zip([0, *ends], ends, strict=False):
        shuffled.hear(*heard[start:end])
    assert shuffled.judgement() == in_order.judgement()
    assert shuffled.fields()["state"] == "breached"
    assert set(shuffled.states()) == {"done"}


def test_a_delivery_that_tells_nothing_new_writes_nothing(desk: Desk) -> None:
    desk.hear(creation())
    desk.database.write(lambda c: issues.change(c, SITE, ISSUE, write_at=None))
    desk.now = at(0.5)
    desk.hear(creation())
    assert desk.row().write_at is None


def test_a_comment_whose_privacy_is_unclear_is_looked_up_in_whatever_order(desk: Desk) -> None:
    """The history must still be asked for: without it the agent's answer never counts."""
    desk.hear(telling(Seen(at(1), {"status": "To Do"}, "comment_created/1"), unclear=True))
    assert desk.row().read_at == NINE
    desk.hear(creation())
    assert desk.row().read_at == NINE


def never_promised(desk: Desk) -> None:
    """Answered while no rule covered it, then raised: there never was a promise."""
    assert desk.cycles() == []
    assert set(desk.fields().values()) <= {None}


def test_an_answer_from_before_there_was_a_promise(desk: Desk) -> None:
    desk.now = at(3)
    raised = telling(change(at(2), "priority", "Trivial", "Highest"))
    desk.hear(creation(priority="Trivial"), telling(reply(at(1))), raised)
    never_promised(desk)


def test_the_same_answer_heard_late(desk: Desk) -> None:
    desk.now = at(3)
    raised = telling(change(at(2), "priority", "Trivial", "Highest"))
    desk.hear(creation(priority="Trivial"), raised, telling(reply(at(1))))
    never_promised(desk)


# -- what becomes of a delivery ----------------------------------------------------------------


def test_a_new_issue_is_judged_and_every_lane_told(desk: Desk) -> None:
    desk.hear(creation())
    assert desk.fields() == {
        "policy": "acme", "severity": "Urgent", "due": at(2).isoformat(), "responded": None,
        "state": "running", "level": 0, "next_due": at(2).isoformat(),
        "next_metric": "first response",
        "link": ["running", *["First response due Wed 10 Jul 2024 11:00 EDT"] * 2],
    }  # fmt: skip
    assert (desk.row().write_at, desk.wake_at()) == (NINE, at(1.5))
    key = (SITE, ISSUE)
    assert desk.told == [Call("dispatch", key, NINE), Call("decide", key, at(1.5))]
    assert desk.row().policy_version == "v1"


def test_what_cannot_be_understood_is_kept_with_its_reason(desk: Desk) -> None:
    desk.hear(Said(None, None, not_understood="The body is not JSON."))
    assert (desk.states(), desk.notes()) == (["not_understood"], ["The body is not JSON."])
    assert desk.cycles() == []


def test_what_says_nothing_about_an_issue_is_done(desk: Desk) -> None:
    desk.hear(Said(None, None))
    assert desk.states() == ["done"]


def naive() -> Said:
    """A delivery whose translation broke its word: an instant without a zone."""
    return telling(Created(NINE.replace(tzinfo=None)), issue="10001")


def test_a_delivery_that_fails_is_recorded_and_holds_up_no_other(desk: Desk) -> None:
    with capture_logs() as logs:
        desk.hear(creation(issue="10000"), naive(), creation(issue="10002"))
    assert desk.states() == ["done", "failed", "done"]
    [_, note, _] = desk.notes()
    assert note is not None
    assert "offset-naive" in note
    assert [line["event"] for line in logs] == [
        "deliveries failed together", "issue could not be decided",
    ]  # fmt: skip
    assert desk.fields("10000") == desk.fields("10002")
    # Nothing of it was stored, not even that there is such an issue.
    assert desk.database.read(lambda c: issues.get(c, SITE, "10001")) is None


def test_what_failed_or_was_not_understood_is_tried_again_on_replay(desk: Desk) -> None:
    with capture_logs():
        desk.hear(Said(None, None, not_understood="An unknown event."), naive(), creation())
    desk.heard[b"0"] = creation(issue="10003")
    desk.heard[b"1"] = creation(issue="10001")
    assert desk.work() == 0
    assert desk.database.write(inbox.replay) == 2
    assert desk.work() > 0
    assert (desk.states(), desk.notes()) == (["done"] * 3, [None] * 3)
    assert desk.fields("10001") == desk.fields("10003") == desk.fields("10000")


def test_when_the_disk_is_full_the_delivery_waits(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.keep(creation())
    with monkeypatch.context() as patched:
        patched.setattr(desk.database, "write", _disk_full)
        with pytest.raises(OperationalError):
            desk.work()
    assert desk.states() == ["new"]
    assert desk.work() == 1
    assert desk.states() == ["done"]


def _disk_full(work: Callable[[Any], Any]) -> None:
    raise OperationalError("INSERT", {}, Exception("database or disk is full"))


def test_more_deliveries_than_one_batch_are_all_handled(desk: Desk) -> None:
    desk.keep(*(Said(None, None) for _ in range(250)))
    desk.work()
    assert desk.states() == ["done"] * 250
    assert desk.work() == 0


def test_deliveries_of_a_site_that_is_not_known_wait(desk: Desk) -> None:
    desk.keep(creation(), site="unknown")
    desk.keep(creation())
    assert desk.work() == 1
    assert desk.states() == ["new", "done"]
    desk.engine.sites["unknown"] = desk.engine.sites[SITE]
    assert desk.work() == 1
    assert desk.states() == ["done", "done"]


def test_however_many_wait_for_an_unknown_site_the_others_go_on(desk: Desk) -> None:
    desk.keep(*(Said(None, None) for _ in range(100)), site="unknown")
    desk.keep(creation())
    assert desk.work() == 1


# -- history -----------------------------------------------------------------------------------


def test_an_issue_from_before_our_time_waits_for_its_history(desk: Desk) -> None:
    desk.now = at(3)
    desk.hear(telling(change(at(3), "status", "To Do", "Doing")))
    assert (desk.row().read_at, desk.cycles(), desk.wake_at()) == (at(3), [], None)
    # A second delivery does not ask again, and nothing is concluded from half a story.
    desk.now = at(4)
    desk.hear(telling(change(at(4), "status", "Doing", "To Do")))
    assert (desk.row().read_at, desk.cycles()) == (at(3), [])

    desk.learn(history(reply(at(1))))
    assert desk.row().read_at is None
    assert (desk.fields()["state"], desk.fields()["responded"]) == ("met", at(1).isoformat())


def test_an_issue_of_which_only_the_history_tells(desk: Desk) -> None:
    desk.learn(history())
    assert desk.fields()["state"] == "running"
    assert desk.row().key == "ACME-1"


def test_while_its_history_is_asked_for_an_issue_is_not_woken(desk: Desk) -> None:
    desk.hear(creation())
    desk.now = at(1)
    desk.hear(telling(Seen(at(1), {}, "comment_created/1"), unclear=True))
    assert (desk.row().read_at, desk.wake_at()) == (at(1), None)
    assert desk.wake(at(9)) == 0
    assert desk.said() == {}
    desk.learn(history(reply(at(1), public=False)))
    assert desk.fields()["state"] == "breached"


def test_a_history_that_comes_late_changes_no_promise_that_was_made(desk: Desk) -> None:
    desk.hear(creation(priority="High"))
    [before] = desk.database.read(lambda c: issues.promises_of(c, SITE, ISSUE))
    desk.now = at(5)
    raised = history(change(at(1), "priority", "High", "Highest"), priority="High")
    desk.learn(raised)
    first, second = desk.database.read(lambda c: issues.promises_of(c, SITE, ISSUE))
    assert first == before
    assert (second["severity"], second["promised_at"], second["due_at"]) == (
        "Urgent", at(5), at(2),
    )  # fmt: skip


# -- time --------------------------------------------------------------------------------------


def test_each_wake_says_what_has_come_and_asks_for_the_next(desk: Desk) -> None:
    desk.hear(creation())
    seen = []
    while (wake := desk.engine.next_run()) is not None:
        desk.wake(wake)
        seen.append((desk.now, list(desk.said())[-1]))
    assert seen == [
        (at(1.5), "warning-75%"), (at(2), "breach"), (at(3), "level-1"), (at(6), "level-2"),
    ]  # fmt: skip
    assert (desk.fields()["state"], desk.fields()["level"]) == ("breached", 2)


def test_what_is_due_and_not_decided_yet_hides_no_later_instant(desk: Desk) -> None:
    desk.hear(creation(), creation(issue="10001"))
    desk.database.write(lambda c: issues.change(c, SITE, "10001", wake_at=at(7)))
    desk.now = at(2)
    assert desk.engine.next_run() == at(7)


def test_waking_too_early_or_twice_does_no_harm(desk: Desk) -> None:
    desk.hear(creation())
    assert desk.wake(at(1.4)) == 0
    assert desk.wake(at(1.5)) == 1
    assert desk.wake(at(1.5)) == 0
    assert desk.said() == {"warning-75%": "pending"}


def waits(desk: Desk, issue: str | None, number: int) -> None:
    """A delivery is kept, and not handled."""
    desk.database.write(
        lambda c: inbox.keep(c, SITE, f"waits {number}", b"0", at(1), issue) and None
    )


def test_what_fell_due_goes_before_all_that_was_heard_of_others(desk: Desk) -> None:
    desk.hear(creation())
    for number in range(20):
        waits(desk, f"9{number}", number)
    desk.now = at(1.5)
    assert desk.engine.due(3) == [(SITE, ISSUE), (SITE, "90"), (SITE, "91")]
    assert desk.engine.pressing() == [(SITE, ISSUE)]


def many(desk: Desk, number: int, first: int = 10000) -> list[str]:
    """So many issues with a clock each; their ids."""
    ids = [str(first + n) for n in range(number)]
    for id_ in ids:
        key = f"ACME-{id_}"
        desk.engine.learn_history(desk.site, id_, key, made(key=key), reads_asked=0)
    return ids


def test_those_whose_instant_has_come_are_decided_together_as_if_each_were_alone(
    desk: Desk, shared: Database
) -> None:
    alone = Desk(shared, site="alone")
    ids = many(desk, 60)
    assert many(alone, 60) == ids
    statements: list[str] = []
    event.listen(
        desk.database.engine, "before_cursor_execute", lambda *of: statements.append(of[2])
    )
    for now in (at(1.5), at(2), at(6)):
        statements.clear()
        # Four looks and two batches.
        assert desk.wake(now) == 60
        assert len(statements) <= 40
        alone.now = now
        for id_ in ids:
            alone.engine._handle((alone.site, id_), [])
        assert desk.judgement() == alone.judgement()
        assert [desk.said(id_) for id_ in ids] == [alone.said(id_) for id_ in ids]
    kept = {call.key[1] for call in desk.told if call.lane == "dispatch" and call.urgent}
    assert kept == set(ids)


def test_an_answer_that_waits_is_overtaken_by_no_batch(desk: Desk) -> None:
    desk.hear(creation(), creation(issue="10001"), creation(issue="10002"))
    desk.hear(Said("10002", None, (Linked(at(1), "5", "10003"),)))
    desk.now = at(2)
    desk.keep(telling(reply(at(1)), issue="10001"))
    # Of one something was heard, and what was heard may matter to one that is tied to another.
    assert desk.engine.run((SITE, "10000")) == [(SITE, "10000")]
    assert [desk.wake_at(id_) for id_ in ("10001", "10002")] == [at(1.5), at(1.5)]
    waits(desk, None, 1)
    assert desk.engine.run((SITE, "10002")) == [(SITE, "10002")]
    desk.work()
    assert not desk.said("10001")


def test_a_batch_that_failed_is_decided_one_by_one_and_a_fault_of_all_is_told(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = many(desk, 3)
    decide_all = Engine._decide_all

    def fails(engine: Engine, connection: Connection, site: str, asked: Any, **how: Any) -> Any:
        calls = decide_all(engine, connection, site, asked, **how)
        if len(asked) > 1:
            raise ValueError("only together")
        return calls

    monkeypatch.setattr(Engine, "_decide_all", fails)
    with capture_logs() as logs:
        assert desk.wake(at(1.5)) == 3
    assert [line["event"] for line in logs] == ["issues failed together"]
    assert [desk.said(id_) for id_ in ids] == [{"warning-75%": "pending"}] * 3


def test_processes_that_decide_side_by_side_share_what_is_due(postgres: PostgresServer) -> None:
    database = Database(postgres.database())
    desks = [Desk(database, policies={"v1": escalating()}) for _ in range(3)]
    ids = many(desks[0], 120)
    for nth, id_ in enumerate(ids[:40]):
        # Whoever hears of one of these wakes the other, whose row a batch may hold.
        other = ids[119 - nth]
        ends = {other: (Linked(at(0.1), id_, id_),)}
        desks[0].hear(Said(id_, None, (Linked(at(0.1), id_, other),), also=ends))
    for desk in desks:
        desk.now, desk.heard = at(2), desks[0].heard
    desks[2].keep(*(telling(reply(at(1), id_=id_), issue=id_) for id_ in ids[:40]))
    with capture_logs() as logs, ThreadPoolExecutor(3) as beside:
        assert all(each > 0 for each in beside.map(lambda desk: desk.work(), desks))
    desks[0].work()
    assert not [line for line in logs if line["log_level"] == "error"]
    said = [set(desks[0].said(id_)) for id_ in ids]
    assert said[:40] == [set()] * 40
    assert [each for each in said[40:] if not {"warning-75%", "breach"} <= each] == []
    database.close()


def test_what_the_release_before_decided_is_filled_in_once(desk: Desk) -> None:
    ids = many(desk, 3)
    as_decided = desk.cycles()
    beside = dict.fromkeys(("key", "project", "assignee_id", "named_customer", "in_danger_at"))
    two = schema.cycles.c.issue_id.in_(ids[:2])
    desk.database.write(lambda c: c.execute(update(schema.cycles).where(two).values(**beside)))
    assert desk.cycles() != as_decided
    fill_in = partial(issues.fill_in, site=SITE, now=desk.now)
    assert desk.database.write(lambda c: fill_in(c, limit=1)) == 1
    assert desk.work() == 1
    assert desk.database.write(lambda c: fill_in(c, limit=9)) == 1
    assert desk.work() == 1
    assert desk.cycles() == as_decided
    assert desk.database.write(lambda c: fill_in(c, limit=9)) == 0
    assert not any(desk.said(id_) for id_ in ids)


def test_what_names_no_issue_goes_before_what_fell_due(desk: Desk) -> None:
    desk.hear(creation())
    waits(desk, "90", 1)
    waits(desk, None, 2)
    desk.now = at(1.5)
    assert desk.engine.due(3) == [(SITE, ""), (SITE, ISSUE), (SITE, "90")]
    assert not desk.engine.pressing()


def test_after_a_long_absence_everything_is_said_once_with_its_own_instant(desk: Desk) -> None:
    desk.hear(creation())
    assert desk.wake(at(1000)) == 1
    rows = desk.database.read(lambda c: outbox.announced(c, SITE, ISSUE))
    assert [row["at"] for row in rows] == [at(1.5), at(2), at(3), at(6)]
    assert {row["decided_at"] for row in rows} == {at(1000)}


def test_what_lies_before_the_installation_is_quiet(desk: Desk) -> None:
    desk.engine.sites[SITE] = replace(desk.engine.sites[SITE], quiet_before=at(3))
    desk.now = at(10)
    desk.hear(creation())
    # The instant of the installation itself is ours.
    assert desk.said() == {
        "warning-75%": "quiet", "breach": "quiet", "level-1": "pending", "level-2": "pending",
    }  # fmt: skip
    assert desk.fields()["state"] == "breached"


def test_an_issue_that_cannot_be_judged_is_pushed_on_and_holds_up_no_other(desk: Desk) -> None:
    desk.hear(creation(issue="10000"), creation(issue="10001"))
    desk.database.write(lambda c: issues.change(c, SITE, "10000", policy_version="lost"))
    with capture_logs() as logs:
        assert desk.wake(at(2)) == 2
    assert [line["event"] for line in logs] == ["issue could not be decided"]
    assert desk.wake_at("10000") == at(2) + timedelta(minutes=5)
    assert set(desk.said("10001")) == {"warning-75%", "breach"}
    assert desk.wake(at(2)) == 0

    desk.policies["lost"] = desk.policies["v1"]
    assert desk.wake(at(2) + timedelta(minutes=5)) == 1
    assert set(desk.said("10000")) == {"warning-75%", "breach"}


def test_sites_that_are_not_known_are_not_woken(desk: Desk) -> None:
    desk.hear(creation())
    site = desk.engine.sites.pop(SITE)
    assert (desk.engine.next_run(), desk.wake(at(9))) == (None, 0)
    desk.engine.sites[SITE] = site
    assert desk.wake(at(9)) == 1


def test_a_deleted_issue_is_left_alone(desk: Desk) -> None:
    desk.hear(creation())
    desk.now = at(1)
    desk.hear(telling(Deleted(at(1))))
    assert (desk.row().write_at, desk.wake_at()) == (None, None)
    assert desk.wake(at(9)) == 0


# -- which version -----------------------------------------------------------------------------


def test_an_issue_keeps_the_version_under_which_its_clock_started(desk: Desk) -> None:
    desk.hear(creation())
    desk.policies["v2"] = replace(policy(), projects={}, version="v2")
    desk.engine.in_force = "v2"
    desk.hear(telling(change(at(0.1), "status", "To Do", "Doing")))
    desk.wake(at(2))
    assert set(desk.asked_for) == {"v1"}
    assert (desk.row().policy_version, desk.fields()["state"]) == ("v1", "breached")
    # One whose clock starts now is judged by what is in force now.
    desk.hear(creation(issue="10001"))
    assert desk.asked_for[-1] == "v2"
    assert desk.row("10001").policy_version is None


def test_an_issue_without_a_promise_goes_with_the_version_in_force(desk: Desk) -> None:
    desk.policies["v0"] = replace(policy(), projects={})
    desk.engine.in_force = "v0"
    desk.hear(creation())
    assert desk.row().policy_version is None
    desk.engine.in_force = "v1"
    desk.hear(telling(change(at(0.1), "status", "To Do", "Doing")))
    assert (desk.row().policy_version, desk.fields()["state"]) == ("v1", "running")


# -- what is known of a site -------------------------------------------------------------------


def test_our_own_comments_never_count_whatever_the_policy_says(desk: Desk) -> None:
    assert desk.policies["v1"].responders.never == {OWN.id}
    desk.policies["v1"] = replace(desk.policies["v1"], responders=policy().responders)
    desk.engine.sites[SITE] = replace(desk.engine.sites[SITE], own_account="somebody")
    desk.now = at(0.1)
    desk.hear(creation(), telling(reply(at(0.1), Account("somebody", OWN.kind))))
    assert desk.fields()["state"] == "running"


def test_a_site_is_remembered_and_its_installation_never_moves(desk: Desk) -> None:
    database = desk.database
    assert remembered_site(database, SITE) is None
    for now in (NINE, at(5)):
        remember_installation(database, SITE, now)
    remember_site(database, SITE, "dueline", {"customfield_1": "Plan"})
    remember_site(database, SITE, "renamed", {"customfield_1": "Support plan"})
    assert remembered_site(database, SITE) == SiteFacts(
        "renamed", {"customfield_1": "Support plan"}, quiet_before=NINE
    )


@pytest.mark.parametrize(
    "names",
    [
        {"customfield_1": "PRIORITY"},
        {"customfield_1": "Support plan", "customfield_2": "Support Plan"},
    ],
    ids=["Jira's own field", "another custom field"],
)
def test_a_custom_field_never_takes_the_place_of_another(names: dict[str, str]) -> None:
    gold = Condition({"Support plan": ("Gold",), "priority": ("Highest",)})
    rules = replace(policy().projects["ACME"], contracts=(ContractRule("acme", "Gold", gold),))
    under = replace(policy(), projects={"ACME": rules})
    named = SiteFacts(OWN.id, names, NINE).names_for(under).values()
    assert "priority" not in named
    assert list(named).count("Support plan") <= 1


# --- issues that have to do with each other -------------------------------------------------------

OTHER = "10001"


def escalating() -> Policy:
    """Urgent issues may be escalated by an issue of type Escalation that refers to them."""
    request = Request(
        "leadership",
        "1.4",
        steps=(Step(1, "Leadership", Audience(groups=("leads",))),),
        by_issue=Condition({"issuetype": ("Escalation",)}),
        scope=Scope(("Urgent",)),
    )
    promised = replace(contract(Goal(two_hours(), office())), requests=(request,))
    return policy(promised)


def asking(**fields: Any) -> Said:
    values = {"issuetype": "Escalation", "priority": "Trivial", "key": "ACME-2"}
    return creation(issue=OTHER, **(values | fields))


def link() -> Said:
    """Jira tells of a link once, for both its ends."""
    ends = {OTHER: (Linked(at(1), "5", ISSUE),)}
    return Said(ISSUE, None, (Linked(at(1), "5", OTHER),), also=ends)


@pytest.fixture
def pair(desk: Desk) -> Desk:
    desk.policies["v1"] = escalating()
    desk.now = at(1)
    return desk


def test_both_issues_hear_of_an_escalation_by_link(pair: Desk) -> None:
    pair.hear(creation(key="ACME-1"), asking())
    assert "escalation/leadership/level-1" not in pair.said()
    assert list(pair.said(OTHER)) == ["escalation/leadership/request"]
    pair.hear(link())
    pair.wake(pair.now)
    assert pair.said()["escalation/leadership/level-1"] == "pending"
    assert "escalation/leadership/routed" in pair.said(OTHER)
    assert pair.fields()["level"] == 1


def test_the_key_in_the_words_is_enough_whichever_issue_comes_first(pair: Desk) -> None:
    pair.hear(asking(description="About ACME-1, please."), creation(key="ACME-1"))
    pair.wake(pair.now)
    assert "escalation/leadership/level-1" in pair.said()
    assert "escalation/leadership/routed" in pair.said(OTHER)


@pytest.mark.parametrize("named", ["by link", "by key"])
def test_one_that_is_tied_to_another_falls_due_in_its_turn(pair: Desk, named: str) -> None:
    pair.hear(creation(key="ACME-1"), asking(description="ACME-1" if named == "by key" else ""))
    if named == "by link":
        pair.hear(link())
    pair.wake(pair.now)
    waits(pair, OTHER, 1)
    pair.now = at(1.5)
    assert pair.engine.due(3) == [(SITE, OTHER), (SITE, ISSUE)]
    assert not pair.engine.pressing()


def test_a_link_to_an_issue_that_nobody_heard_of_has_its_history_read(pair: Desk) -> None:
    pair.hear(creation(key="ACME-1"), link())
    assert pair.row(OTHER).read_at == at(1)


# --- notices of issues in projects that have no contract ------------------------------------------

ELSEWHERE = Said(ISSUE, "ELSE-1", tuple(made(project="ELSE", key="ELSE-1")), complete=True)


@pytest.mark.parametrize("key", [None, "ELSE-1"])
def test_a_notice_of_an_issue_that_no_rule_speaks_of_has_nothing_read(
    desk: Desk, key: str | None
) -> None:
    desk.hear(ELSEWHERE)
    desk.hear(Said(ISSUE, key, unclear=True))
    assert (desk.row().read_at, desk.row().reads_asked) == (None, 0)


@pytest.mark.parametrize(
    "said",
    [
        Said(ISSUE, "ACME-1", unclear=True),
        Said(ISSUE, None, unclear=True, also={"10001": ()}),
    ],
    ids=["moved to where one does", "linked to another"],
)
def test_it_has_when_it_may_matter_now(desk: Desk, said: Said) -> None:
    desk.hear(ELSEWHERE)
    desk.hear(said)
    assert desk.row().reads_asked == 1


def test_one_that_was_moved_away_from_its_clock_is_read(desk: Desk) -> None:
    desk.hear(creation(key="ACME-1"))
    moved = [("project", "ACME", "ELSE"), ("key", "ACME-1", "ELSE-1")]
    desk.now = at(2)
    desk.hear(telling(*(change(at(1 + number), *each) for number, each in enumerate(moved))))
    assert desk.row().key == "ELSE-1"
    desk.hear(Said(ISSUE, "ELSE-1", unclear=True))
    assert desk.row().reads_asked == 1


def test_one_that_speaks_of_another_issue_is_read(pair: Desk) -> None:
    asks = asking(project="ELSE", key="ELSE-2", description="About ACME-1, please.")
    pair.hear(creation(key="ACME-1"), dataclasses.replace(asks, issue_key="ELSE-2"))
    pair.hear(Said(OTHER, "ELSE-2", unclear=True))
    assert pair.row(OTHER).reads_asked == 1


def test_what_a_new_version_adds_to_an_issues_past_is_shown_and_not_announced(desk: Desk) -> None:
    desk.policies["v1"] = policy(contract(Refusal(("no figure",))))
    desk.hear(creation())
    assert desk.fields()["state"] == "not promised"
    desk.policies["v2"] = policy()
    desk.engine.in_force = "v2"
    published = schema.policies.insert().values(version="v2", published_at=at(3), text="{}")
    desk.database.write(lambda c: c.execute(published))
    desk.now = at(4)
    desk.hear(telling(change(at(4), "labels", (), ("seen",))))
    assert desk.fields()["state"] == "breached"
    assert desk.said() == {"warning-75%": "quiet", "breach": "quiet", "level-1": "pending"}


def test_a_fault_in_a_tied_issue_does_not_take_this_one_with_it(pair: Desk) -> None:
    pair.hear(creation(key="ACME-1"), asking(description="About ACME-1."))
    pair.database.write(lambda c: issues.change(c, SITE, OTHER, policy_version="gone"))
    with capture_logs() as logs:
        pair.hear(telling(reply(at(1))))
    assert pair.fields()["state"] == "met"
    assert [log["issue_id"] for log in logs if log["log_level"] == "error"] == [OTHER]
