"""Writing to Jira issue by issue: the most urgent first, each once, and nobody behind another."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connector.attempt import IN_FLIGHT
from connector.base import Field, Transition
from connector.dispatch import Dispatcher
from connector.errors import (
    Blocked,
    Call,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
    NotJira,
    NotPermitted,
)
from connector.outlet import Holds, Outlet
from connector.remote_link import RemoteLinks
from connector.rest import Rest
from sla.contract import Actions, Audience
from sla.effects import Saying
from sla.lanes import drain
from sla.store import issues, outbox
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import Entered
from tests.sla.example import NINE
from tests.sla.store.conftest import new_database

SITE = "acme"
CALL = Call("asking", "1", "POST /x")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
FIELDS = {
    "state": Field("cf_1", "SLA state", True, "textfield"),
    "severity": Field("cf_2", "SLA severity", True, "textfield"),
    "level": Field("cf_3", "SLA level", True, "float"),
}


class Killed(BaseException):
    """The process is gone; nothing after it is noted."""


def works(what: str, issue: str) -> None:
    """Nothing is wrong with the call."""


class Jira:
    """What the dispatcher asks of a client, on a Jira that fails as it is told."""

    def __init__(self) -> None:
        self.rest = Rest(lambda: None)
        self.fields: dict[str, dict[str, object]] = {}
        self.comments: dict[str, list[tuple[str, str]]] = {}
        self.links: dict[str, Any] = {}
        self.may_link = False
        self.history: list[Any] = []
        """An issue's changelog, as Jira shows it."""
        self.status = "To Do"
        self.calls: list[tuple[str, str]] = []
        self.before: Callable[[str, str], None] = works
        """Told of each call before it takes effect."""
        self.after: Callable[[str, str], None] = works

    def edit_fields(self, issue: str, values: Mapping[str, object]) -> None:
        with self._called("fields", issue):
            self.fields.setdefault(issue, {}).update(values)

    def add_comment(self, issue: str, text: str, *, key: str, **_: Any) -> str:
        with self._called("comment", issue):
            self.comments.setdefault(issue, []).append((key, text))
        return str(len(self.comments[issue]))

    def edit_comment(self, issue: str, comment_id: str, text: str, **_: Any) -> None:
        with self._called("edit", issue):
            ...

    def find_comment(self, issue: str, key: str) -> str | None:
        with self._called("find", issue):
            keys = [found for found, _ in self.comments.get(issue, [])]
        return str(keys.index(key) + 1) if key in keys else None

    def assign(self, issue: str, account: str) -> None:
        with self._called("assign", issue):
            ...

    def add_labels(self, issue: str, labels: tuple[str, ...]) -> None:
        with self._called("labels", issue):
            ...

    def transitions(self, issue: str) -> tuple[str, tuple[Transition, ...]]:
        with self._called("reading", issue):
            return self.status, (Transition("31", "Escalate", "Escalated"),)

    def transition(self, issue: str, transition_id: str) -> None:
        with self._called("transition", issue):
            assert transition_id == "31"
            self.status = "Escalated"

    def set_remote_link(self, issue: str, link: Any) -> None:
        with self._called("link", issue):
            self.links[issue] = link

    def rights(self, keys: list[str], project: str) -> dict[str, bool]:
        assert project == "ACME"
        return dict.fromkeys(keys, self.may_link)

    def myself(self) -> str:
        return "dueline"

    def ask(self, what: str, path: str, params: dict[str, str]) -> Any:
        assert (path, params["expand"]) == ("issue/1", "changelog")
        return {"changelog": {"histories": self.history}}

    def made(self, what: str) -> list[str]:
        return [issue for called, issue in self.calls if called == what]

    def _called(self, what: str, issue: str) -> Any:
        jira = self

        class Called:
            def __enter__(self) -> None:
                jira.calls.append((what, issue))
                jira.before(what, issue)

            def __exit__(self, kind: object, *_: object) -> None:
                if kind is None:
                    jira.after(what, issue)

        return Called()


class Desk:
    """A dispatcher with its database, a clock, and real time beside it."""

    def __init__(self, database: Database) -> None:
        self.database, self.at, self.seconds = database, NINE, 0.0
        self.jira = Jira()
        self.start()

    def start(self) -> None:
        """A process of its own on the same database."""
        now: Callable[[], datetime] = lambda: self.at  # noqa: E731
        client: Any = self.jira
        wording = {"warning": "{{ metric }}", "breach": "{{ metric }}"}
        self.outlet = Outlet(client, dict(FIELDS), wording, wording)
        outlets = {SITE: self.outlet}
        self.holds = Holds(self.database, now)
        self.lane = Dispatcher(
            self.database, now, outlets, lambda: 0.5, self.holds, lambda: self.seconds
        )

    def want(self, issue: str, wake_at: datetime | None = None, **fields: Any) -> None:
        text = json.dumps(fields, sort_keys=True)
        values = {"fields_wanted": text, "write_at": self.at, "write_attempts": 0}

        def work(connection: Any) -> None:
            issues.hear_of(connection, SITE, issue, f"ACME-{issue}")
            issues.change(connection, SITE, issue, wake_at=wake_at, **values)

        self.database.write(work)

    def decide(self, issue: str, key: str = "breach", **more: Any) -> None:
        at = more.pop("at", NINE)
        saying = Saying(key, "breach", at, Audience(), None, {"metric": key}, **more)
        entered = [Entered(issue, [saying], NINE)]
        self.database.write(lambda c: outbox.put(c, SITE, entered, self.at))

    def advance(self, until: timedelta) -> None:
        end = self.at + until
        drain(self.lane)
        while (due := self.lane.next_run()) and due <= end:
            assert due > self.at, "nothing is due that was just done"
            self.at = due
            drain(self.lane)
        self.at = end

    def row(self, issue: str) -> IssueRow:
        found = self.database.read(lambda c: issues.get(c, SITE, issue))
        assert found
        return found

    def states(self, issue: str) -> list[str]:
        return [each["state"] for each in self.announced(issue)]

    def announced(self, issue: str) -> Any:
        return self.database.read(lambda c: outbox.announced(c, SITE, issue))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    database = new_database(tmp_path)
    yield Desk(database)
    database.close()


def failing(error: BaseException, what: str, issue: str | None = None, times: int = 10**6) -> Any:
    left = [times]

    def fail(called: str, of: str) -> None:
        if called == what and issue in (None, of) and left[0] > 0:
            left[0] -= 1
            raise error

    return fail


def refused(status: int, **more: Any) -> JiraRefused:
    return JiraRefused(CALL, "No.", status=status, **more)


# --- what comes first, and who waits --------------------------------------------------------------


def test_deadlines_come_first(desk: Desk) -> None:
    desk.want("4", state="running")
    desk.want("3", wake_at=NINE + MINUTE, state="running")
    desk.decide("2", at=NINE + SECOND)
    desk.decide("1", at=NINE)
    assert [issue for _, issue in desk.lane.due(10)] == ["1", "2", "3", "4"]
    assert [issue for _, issue in desk.lane.due(2)] == ["1", "2"]
    assert drain(desk.lane) == 4
    assert [issue for _, issue in desk.jira.calls] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    "error",
    [
        *map(refused, (400, 403, 404, 410, 500)),
        Blocked(CALL, "a page", status=403),
        NotPermitted(CALL, "No.", status=401),
        RuntimeError("ours"),
    ],
)
def test_a_poisoned_issue_holds_up_no_other_and_its_fields_not_its_words(
    desk: Desk, error: Exception
) -> None:
    desk.jira.before = failing(error, "fields", "1")
    for issue in ("1", "2"):
        desk.want(issue, state="breached")
        desk.decide(issue)
    drain(desk.lane)
    assert desk.jira.fields == {"2": {"cf_1": "breached"}}
    assert desk.states("1") == desk.states("2") == ["sent"]
    assert desk.row("1").write_error


def test_one_that_cannot_be_said_holds_up_no_other(desk: Desk) -> None:
    calls = iter([refused(400), RuntimeError("ours")])

    def fail(what: str, issue: str) -> None:
        if what == "comment" and (error := next(calls, None)):
            raise error

    desk.jira.before = fail
    for key in ("a", "b", "c"):
        desk.decide("1", key)
    drain(desk.lane)
    assert desk.states("1") == ["given_up", "pending", "sent"]
    assert [each["error"] is None for each in desk.announced("1")] == [False, False, True]
    desk.advance(IN_FLIGHT + 6 * MINUTE)
    assert desk.states("1") == ["given_up", "sent", "sent"]


def test_issues_that_always_time_out_starve_nobody(desk: Desk) -> None:
    poisoned = [str(number) for number in range(40)]
    error = JiraUncertain(CALL, "no answer in time")

    def fail(what: str, issue: str) -> None:
        if what == "comment" and issue in poisoned:
            raise error

    desk.jira.before = fail
    for issue in poisoned:
        desk.decide(issue, at=NINE)
    for issue in ("a", "b", "c"):
        desk.decide(issue, at=NINE + SECOND)
    desk.advance(25 * MINUTE)
    assert [desk.states(issue) for issue in ("a", "b", "c")] == [["sent"]] * 3


# --- a site that is to be left alone --------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (refused(429, retry_after=timedelta(seconds=100)), 115),
        (refused(429), 2),
        (refused(401), 60),
        (JiraUnreachable(CALL, "no connection to its address"), 2),
    ],
)
def test_a_site_is_left_alone_also_after_a_restart(
    desk: Desk, error: JiraError, seconds: float
) -> None:
    desk.jira.before = failing(error, "fields", times=1)
    desk.want("1", state="running")
    desk.want("2", state="running")
    drain(desk.lane)
    assert len(desk.jira.calls) == 1
    desk.start()
    assert desk.lane.due(10) == []
    assert desk.lane.next_run() is not None
    drain(desk.lane)
    assert len(desk.jira.calls) == 1
    desk.advance(timedelta(seconds=seconds))
    assert desk.jira.fields.keys() == {"1", "2"}


def test_refused_credentials_are_tried_ever_less_often_whoever_tries(desk: Desk) -> None:
    desk.jira.before = failing(refused(401), "fields")
    for number in range(50):
        desk.want(str(number), state="running")
    desk.advance(30 * MINUTE)
    assert len(desk.jira.calls) < 10


def test_credentials_that_were_put_right_are_used_at_once(desk: Desk) -> None:
    desk.jira.before = failing(refused(401), "fields", times=1)
    desk.want("1", state="running")
    drain(desk.lane)
    desk.holds.let_in(SITE)
    drain(desk.lane)
    assert desk.jira.fields == {"1": {"cf_1": "running"}}


def test_taking_the_credentials_ends_no_other_hold(desk: Desk) -> None:
    desk.jira.before = failing(refused(429), "fields", times=1)
    desk.want("1", state="running")
    drain(desk.lane)
    desk.holds.let_in(SITE)
    assert desk.lane.due(10) == []


def test_the_limit_of_one_issue_is_its_own(desk: Desk) -> None:
    limit = refused(429, reason="jira-per-issue-on-write", retry_after=30 * SECOND)
    desk.jira.before = failing(limit, "fields", "1", times=1)
    desk.want("1", state="running")
    desk.want("2", state="running")
    drain(desk.lane)
    assert desk.jira.fields.keys() == {"2"}
    desk.advance(MINUTE)
    assert desk.jira.fields.keys() == {"1", "2"}


def test_an_outage_of_an_hour_is_followed_by_one_500_and_nothing_is_given_up(desk: Desk) -> None:
    desk.jira.before = failing(refused(503), "comment")
    desk.decide("1")
    desk.advance(60 * MINUTE)
    desk.jira.before = failing(refused(500), "comment", times=20)
    desk.advance(120 * MINUTE)
    assert desk.states("1") == ["sent"]


# --- a comment in doubt ---------------------------------------------------------------------------


def killed_at(desk: Desk, what: str, *, after: bool) -> None:
    """Let the process die around a request, and another one start."""
    kill = failing(Killed(), what, times=1)
    if after:
        desk.jira.after = kill
    else:
        desk.jira.before = kill
    with pytest.raises(Killed):
        drain(desk.lane)
    desk.jira.before = desk.jira.after = works
    desk.start()


def test_killed_after_it_was_said_it_is_found_at_once(desk: Desk) -> None:
    desk.decide("1")
    killed_at(desk, "comment", after=True)
    drain(desk.lane)
    assert desk.jira.made("find") == ["1"]
    assert (desk.states("1"), len(desk.jira.comments["1"])) == (["sent"], 1)


def test_killed_before_it_is_looked_for_again_and_again_and_then_said(desk: Desk) -> None:
    desk.decide("1")
    killed_at(desk, "comment", after=False)
    desk.advance(IN_FLIGHT - SECOND)
    assert len(desk.jira.made("find")) >= 4
    assert desk.jira.comments == {}
    desk.advance(2 * SECOND)
    assert (desk.states("1"), len(desk.jira.comments["1"])) == (["sent"], 1)


def test_a_request_that_arrives_late_is_found(desk: Desk) -> None:
    desk.decide("1")
    killed_at(desk, "comment", after=False)
    drain(desk.lane)
    desk.at += 10 * SECOND
    desk.jira.comments["1"] = [(f"{SITE}/1/breach", "late")]
    desk.advance(IN_FLIGHT)
    assert (desk.states("1"), len(desk.jira.comments["1"])) == (["sent"], 1)


def test_an_attempt_in_the_future_does_not_wait_for_hours(desk: Desk) -> None:
    desk.decide("1")
    desk.at += 10 * timedelta(hours=1)
    killed_at(desk, "comment", after=False)
    desk.at = NINE
    desk.advance(IN_FLIGHT + SECOND)
    assert desk.states("1") == ["sent"]


@pytest.mark.parametrize("comment_id", ["", None])
def test_an_answer_that_names_no_comment_leaves_it_in_doubt(
    desk: Desk, comment_id: str | None
) -> None:
    add_comment = desk.jira.add_comment

    def without_id(*call: Any, **more: Any) -> Any:
        add_comment(*call, **more)
        return comment_id

    desk.jira.add_comment = without_id  # type: ignore[method-assign]
    desk.decide("1")
    desk.advance(MINUTE)
    assert (desk.states("1"), len(desk.jira.comments["1"])) == (["sent"], 1)
    [row] = desk.announced("1")
    assert row["comment_id"] == "1"


# --- a process that hung --------------------------------------------------------------------------


def test_a_process_that_hung_before_it_sent_leaves_it_to_the_other(desk: Desk) -> None:
    desk.decide("1")
    slow, add_comment = desk.lane, desk.jira.add_comment

    def hang(issue: str, text: str, **more: Any) -> str:
        desk.jira.add_comment = add_comment  # type: ignore[method-assign]
        desk.start()
        desk.advance(MINUTE)
        desk.seconds += 60
        return str(desk.jira.rest.tell("adding", issue, lambda _: add_comment(issue, text, **more)))

    desk.jira.add_comment = hang  # type: ignore[method-assign]
    drain(slow)
    assert (desk.states("1"), len(desk.jira.comments["1"])) == (["sent"], 1)


def test_what_took_long_to_prepare_is_recorded_anew_and_sent(desk: Desk) -> None:
    desk.decide("1")
    add_comment = desk.jira.add_comment
    seen: list[datetime] = []

    def prepare(issue: str, text: str, **more: Any) -> str:
        desk.at += 40 * SECOND
        desk.seconds += 40

        def send(_: object) -> Any:
            seen.append(desk.announced(issue)[0]["attempted_at"])
            raise Sent(add_comment(issue, text, **more))

        try:
            desk.jira.rest.tell("adding", issue, send)
        except Sent as sent:
            return str(sent)
        return ""

    desk.jira.add_comment = prepare  # type: ignore[method-assign]
    drain(desk.lane)
    assert seen == [NINE + 40 * SECOND]
    assert desk.states("1") == ["sent"]


class Sent(Exception):  # noqa: N818 - a way out of the library
    """A request that was made; with what came of it."""


def test_an_old_value_does_not_come_after_a_new_one(desk: Desk) -> None:
    desk.want("1", state="running")
    slow, edit_fields = desk.lane, desk.jira.edit_fields

    def hang(issue: str, values: Any) -> None:
        desk.jira.edit_fields = edit_fields  # type: ignore[method-assign]
        desk.start()
        desk.want("1", state="met")
        desk.advance(MINUTE)
        desk.seconds += 60
        desk.jira.rest.tell("writing", issue, lambda _: edit_fields(issue, values))

    desk.jira.edit_fields = hang  # type: ignore[method-assign]
    drain(slow)
    assert desk.jira.fields == {"1": {"cf_1": "met"}}
    assert json.loads(desk.row("1").fields_written or "") == {"state": "met"}


# --- fields ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", [True, False])
def test_the_same_values_are_written_at_once_after_a_kill(desk: Desk, after: bool) -> None:
    desk.want("1", state="running")
    killed_at(desk, "fields", after=after)
    drain(desk.lane)
    assert desk.jira.made("fields") == ["1", "1"]
    assert desk.jira.fields == {"1": {"cf_1": "running"}}


def test_other_values_wait_until_those_in_doubt_can_have_no_effect(desk: Desk) -> None:
    desk.want("1", state="running", severity="S1")
    killed_at(desk, "fields", after=False)
    drain(desk.lane)
    # Written again, and answered; yet the first request may still come.
    desk.at += 10 * SECOND
    desk.want("1", state="met", severity="S1")
    drain(desk.lane)
    assert desk.jira.fields["1"]["cf_1"] == "running"
    desk.advance(IN_FLIGHT - 11 * SECOND)
    assert desk.jira.fields["1"]["cf_1"] == "running"
    desk.advance(2 * SECOND)
    assert desk.jira.fields == {"1": {"cf_1": "met", "cf_2": "S1"}}
    assert desk.row("1").write_attempted_at is None


def test_what_jira_refused_changed_nothing(desk: Desk) -> None:
    desk.want("1", state="running")
    drain(desk.lane)
    desk.jira.before = failing(refused(500), "fields", times=1)
    desk.want("1", state="met")
    drain(desk.lane)
    desk.want("1", state="running")
    drain(desk.lane)
    assert desk.jira.made("fields") == ["1", "1"]
    assert desk.row("1").write_at is None


GONE = refused(400, fields={"cf_2": "Field 'cf_2' cannot be set."})


def taken_away(desk: Desk, field: str) -> None:
    edit_fields = desk.jira.edit_fields

    def edit(issue: str, values: Mapping[str, object]) -> None:
        if field in values:
            desk.jira.calls.append(("refused", issue))
            raise refused(400, fields={field: "It is not on the appropriate screen, or unknown."})
        edit_fields(issue, values)

    desk.jira.edit_fields = edit  # type: ignore[method-assign]


def test_a_field_that_was_removed_is_named_and_the_others_are_written(desk: Desk) -> None:
    edit_fields = desk.jira.edit_fields
    taken_away(desk, "cf_2")
    desk.want("1", state="running", severity="S1", level=0)
    drain(desk.lane)
    assert desk.jira.fields == {"1": {"cf_1": "running", "cf_3": 0.0}}
    assert "SLA severity: It is not on" in (desk.row("1").write_error or "")
    assert desk.outlet.refused.keys() == {"SLA severity"}
    # A change that concerns nothing but what is not there is not the end of it.
    desk.want("1", state="running", severity="S2", level=0)
    drain(desk.lane)
    assert desk.row("1").write_at is not None
    desk.jira.edit_fields = edit_fields  # type: ignore[method-assign]
    desk.advance(61 * MINUTE)
    assert desk.jira.fields["1"]["cf_2"] == "S2"
    assert (desk.row("1").write_at, desk.row("1").write_error) == (None, None)


def test_a_field_that_is_there_again_is_written_as_soon_as_that_is_known(desk: Desk) -> None:
    fields = dict(FIELDS)
    del desk.outlet.fields["severity"]  # type: ignore[attr-defined]
    desk.want("1", state="running", severity="S1")
    drain(desk.lane)
    assert "no field for severity" in (desk.row("1").write_error or "")
    assert desk.lane.due(10) == []
    FIELDS.update(fields)
    desk.start()
    desk.database.write(lambda c: outbox.fields_are_there(c, SITE, desk.at))
    drain(desk.lane)
    assert desk.jira.fields["1"]["cf_2"] == "S1"


# --- actions --------------------------------------------------------------------------------------

ACTIONS = Actions(assignee="lead", labels=("late",), priority="Highest", transition="escalate")
STEPS = ["comment", "assign", "labels", "fields", "reading", "transition"]


def test_actions_follow_the_comment_each_once(desk: Desk) -> None:
    desk.decide("1", actions=ACTIONS)
    desk.advance(timedelta(days=1))
    assert [called for called, _ in desk.jira.calls] == STEPS
    assert desk.jira.fields == {"1": {"priority": {"name": "Highest"}}}
    assert desk.states("1") == ["sent"]


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("what", STEPS[1:])
def test_what_is_behind_us_is_not_done_again_after_a_kill(
    desk: Desk, what: str, after: bool
) -> None:
    desk.decide("1", actions=ACTIONS)
    killed_at(desk, what, after=after)
    desk.advance(timedelta(days=1))
    for step in STEPS:
        mended = what if what != "transition" else "reading"
        # Of what was under way this Jira's changelog knows nothing: it is asked for again.
        again = step == mended or (step == "transition" == what and not after)
        assert len(desk.jira.made(step)) == 1 + again, step
    assert (desk.states("1"), desk.jira.status) == (["sent"], "Escalated")


CHANGES = {
    "assign": ("assignee", "The Lead"),
    "labels": ("labels", "mine late"),
    "fields": ("priority", "Highest"),
    "transition": ("status", "Escalated"),
}


def change(desk: Desk, field: str, value: str, *, by: str = "dueline", at: datetime = NINE) -> None:
    item = {"field": field, "toString": value}
    entry = {"created": at.isoformat(), "author": {"accountId": by}, "items": [item]}
    desk.jira.history.append(entry)


@pytest.mark.parametrize("what", CHANGES)
def test_what_was_done_without_an_answer_is_not_done_over_what_people_did(
    desk: Desk, what: str
) -> None:
    desk.decide("1", actions=ACTIONS)
    killed_at(desk, what, after=True)
    change(desk, *CHANGES[what])
    # A person undoes it meanwhile.
    change(desk, CHANGES[what][0], "", by="agent", at=NINE + SECOND)
    desk.jira.status = "To Do"
    desk.advance(timedelta(days=1))
    assert [called for called, _ in desk.jira.calls if called != "reading"] == [
        step for step in STEPS if step != "reading"
    ]
    assert (desk.states("1"), desk.announced("1")[0]["refused"]) == (["sent"], None)


@pytest.mark.parametrize(
    "entry",
    [
        {"by": "agent"},
        {"at": NINE - 2 * MINUTE},
        {"value": "other"},
        {"field": "priority"},
    ],
)
def test_what_others_did_or_what_was_done_before_is_no_answer(
    desk: Desk, entry: dict[str, Any]
) -> None:
    desk.decide("1", actions=ACTIONS)
    killed_at(desk, "labels", after=False)
    change(desk, **{"field": "labels", "value": "late", **entry})
    desk.advance(timedelta(days=1))
    assert desk.jira.made("labels") == ["1", "1"]
    assert desk.states("1") == ["sent"]


def test_where_it_is_already_it_is_not_moved_and_that_is_noted(desk: Desk) -> None:
    desk.jira.status = "Escalated"
    desk.decide("1", actions=Actions(transition="escalate"))
    desk.advance(MINUTE)
    assert desk.jira.made("transition") == []
    words = "It was in the status Escalated already, and was not moved."
    assert desk.announced("1")[0]["refused"] == words


@pytest.mark.parametrize("what", STEPS[1:])
def test_an_action_that_is_refused_is_noted_and_the_others_are_done(desk: Desk, what: str) -> None:
    desk.decide("1", actions=ACTIONS)
    desk.decide("1", "later")
    desk.jira.before = failing(refused(403), what)
    desk.advance(MINUTE)
    assert {called for called, _ in desk.jira.calls} >= set(STEPS) - {"transition"}
    assert desk.states("1") == ["sent", "sent"]
    first, later = desk.announced("1")
    assert "Jira answered 403" in str(first["refused"])
    assert later["refused"] is None


def test_nobody_to_assign_is_noted(desk: Desk) -> None:
    desk.decide("1", assign=True, actions=Actions(assign=True, labels=("late",)))
    desk.advance(MINUTE)
    assert [called for called, _ in desk.jira.calls] == ["comment", "labels"]
    assert desk.announced("1")[0]["refused"] == "There is nobody to give the issue to."


@pytest.mark.parametrize("wanted", ["31", "ESCALATE", "escalated", "nowhere"])
def test_a_transition_goes_by_its_id_its_name_or_where_it_leads(desk: Desk, wanted: str) -> None:
    desk.decide("1", actions=Actions(transition=wanted))
    desk.advance(MINUTE)
    moved = wanted != "nowhere"
    assert desk.jira.made("transition") == (["1"] if moved else [])
    note = desk.announced("1")[0]["refused"]
    words = "No transition “nowhere” is open to Dueline from the status To Do."
    assert note == (None if moved else words)


# --- the link -------------------------------------------------------------------------------------

LINK = ["running", "First response due today", "First response due today"]


def links(desk: Desk) -> None:
    """Have the site's issues linked."""
    ways = RemoteLinks(lambda issue: f"https://d/{issue}", lambda state: f"https://d/{state}.png")
    desk.lane.outlets[SITE] = replace(desk.outlet, links=ways)


def test_the_link_is_written_after_the_fields_and_only_when_it_changes(desk: Desk) -> None:
    links(desk)
    desk.want("1", state="running", link=LINK)
    desk.advance(MINUTE)
    assert desk.jira.calls == [("fields", "1"), ("link", "1")]
    desk.want("1", state="running", level=1, link=LINK)
    desk.advance(MINUTE)
    assert desk.jira.calls[2:] == [("fields", "1")]
    desk.want("1", state="running", level=1, link=["breached", *LINK[1:]])
    desk.advance(MINUTE)
    assert desk.jira.calls[3:] == [("link", "1")]
    assert desk.row("1").write_at is None


def test_without_links_what_they_would_show_is_nothing_to_write(desk: Desk) -> None:
    desk.want("1", link=LINK)
    desk.advance(MINUTE)
    assert desk.jira.calls == []
    assert (desk.row("1").write_at, desk.row("1").write_error) == (None, None)


def test_where_no_link_ever_was_none_is_taken_back(desk: Desk) -> None:
    links(desk)
    desk.want("1", state=None, link=None)
    desk.advance(MINUTE)
    assert desk.jira.calls == [("fields", "1")]
    desk.want("2", state="running", link=LINK)
    desk.advance(MINUTE)
    desk.want("2", state=None, link=None)
    desk.advance(MINUTE)
    assert desk.jira.made("link") == ["2", "2"]
    assert desk.jira.links["2"]["object"]["title"] == "Nothing is promised any more"


def test_an_older_link_never_follows_a_newer_one(desk: Desk) -> None:
    links(desk)
    desk.jira.before = failing(JiraUncertain(CALL, "no answer in time"), "link", times=1)
    desk.want("1", state="running", link=LINK)
    desk.advance(SECOND)
    desk.want("1", state="running", link=["met", *LINK[1:]])
    desk.advance(IN_FLIGHT - 2 * SECOND)
    assert desk.jira.made("link") == ["1"], "the first may still arrive"
    desk.advance(2 * MINUTE)
    assert desk.jira.links["1"]["object"]["icon"]["url16x16"] == "https://d/met.png"


@pytest.mark.parametrize(("status", "tries"), [(403, 1), (404, 2), (400, 2)])
def test_a_link_that_is_refused_is_listed_and_holds_up_nothing(
    desk: Desk, status: int, tries: int
) -> None:
    links(desk)
    desk.jira.before = failing(refused(status), "link", times=99)
    for issue in ("1", "2"):
        desk.want(issue, state="running", link=LINK)
        desk.decide(issue)
    desk.advance(MINUTE)
    assert [desk.jira.fields[issue] for issue in ("1", "2")] == [{"cf_1": "running"}] * 2
    assert desk.states("1") == desk.states("2") == ["sent"]
    assert len(desk.jira.made("link")) == tries
    assert "the link: No." in str(desk.row("2").write_error)
    desk.advance(timedelta(minutes=58))
    assert len(desk.jira.made("link")) == tries
    links(desk)
    desk.jira.before = works
    desk.lane.outlets[SITE].refused_links.clear()
    desk.advance(timedelta(minutes=10))
    assert set(desk.jira.links) == {"1", "2"}
    assert desk.row("2").write_error is None


@pytest.mark.parametrize(
    "error",
    [
        refused(401),
        refused(500),
        JiraUncertain(CALL, "no answer in time", status=504),
        JiraUncertain(CALL, "the connection broke"),
        JiraUnreachable(CALL, "no connection to its address"),
        NotJira(CALL, "a page", status=403),
        Blocked(CALL, "a page", status=403),
        NotPermitted(CALL, "scope does not match", status=401),
    ],
)
def test_a_link_that_always_fails_keeps_nothing_waiting_and_is_asked_for_ever_less_often(
    desk: Desk, error: Exception
) -> None:
    links(desk)
    desk.jira.before = failing(error, "link")
    for issue in ("1", "2"):
        desk.want(issue, state="running", link=LINK)
        desk.decide(issue)
    drain(desk.lane)
    assert desk.states("1") == desk.states("2") == ["sent"]
    assert desk.jira.fields.keys() == {"1", "2"}
    assert desk.holds.ends() == {}
    desk.advance(3 * 60 * MINUTE)
    assert 2 <= len(desk.jira.made("link")) <= 18
    assert desk.jira.made("fields") == ["1", "2"], "what was taken is not written again"
    assert desk.holds.ends() == {}
    desk.jira.before = works
    desk.advance(2 * 60 * MINUTE)
    assert desk.jira.links.keys() == {"1", "2"}
    assert (desk.row("1").write_at, desk.row("1").write_error) == (None, None)


def test_a_fault_of_ours_in_a_link_keeps_nothing_waiting(desk: Desk) -> None:
    links(desk)
    desk.jira.before = failing(RuntimeError("ours"), "link", times=1)
    desk.want("1", state="running", link=LINK)
    desk.decide("1")
    drain(desk.lane)
    assert desk.states("1") == ["sent"]
    desk.advance(6 * MINUTE)
    assert desk.jira.made("link") == ["1", "1"]
    assert desk.row("1").write_error is None


def test_too_many_calls_for_a_link_are_too_many_for_the_site(desk: Desk) -> None:
    links(desk)
    desk.jira.before = failing(refused(429), "link", times=1)
    desk.want("1", state="running", link=LINK)
    drain(desk.lane)
    assert desk.holds.ends().keys() == {SITE}
    desk.advance(MINUTE)
    assert desk.jira.made("link") == ["1", "1"]


def test_what_keeps_a_field_from_being_written_is_told_beside_the_link(desk: Desk) -> None:
    links(desk)
    taken_away(desk, "cf_2")
    desk.jira.before = failing(refused(404), "link", times=1)
    desk.want("1", state="running", severity="S1", link=LINK)
    drain(desk.lane)
    error = str(desk.row("1").write_error)
    assert "SLA severity: It is not on" in error
    assert "the link: No." in error
    desk.advance(61 * MINUTE)
    assert "link" not in str(desk.row("1").write_error)
    assert desk.row("1").write_at is not None
    assert desk.jira.links.keys() == {"1"}


def test_one_issues_403_is_not_its_projects(desk: Desk) -> None:
    links(desk)
    desk.jira.may_link = True
    desk.jira.before = failing(refused(403), "link", "1")
    for issue in ("1", "2"):
        desk.want(issue, state="running", link=LINK)
    desk.advance(MINUTE)
    assert desk.jira.made("link") == ["1", "2"]
    assert desk.outlet.refused_links == {}
    assert desk.jira.links.keys() == {"2"}


def test_another_address_is_written_with_the_next_change(desk: Desk) -> None:
    links(desk)
    desk.want("1", state="running", link=LINK)
    desk.advance(MINUTE)
    ways = RemoteLinks(lambda issue: f"https://new/{issue}", lambda state: f"https://new/{state}")
    desk.lane.outlets[SITE] = replace(desk.outlet, links=ways)
    desk.advance(MINUTE)
    assert desk.jira.made("link") == ["1"]
    desk.want("1", state="breached", link=LINK)
    desk.advance(MINUTE)
    assert desk.jira.links["1"]["object"]["url"] == "https://new/1"
    assert "https" not in str(desk.row("1").fields_written), "whoever has the address can read it"


def test_an_issue_all_of_whose_fields_are_refused_is_given_up(desk: Desk) -> None:
    every = {field.id: "It is not on the appropriate screen." for field in FIELDS.values()}
    desk.jira.before = failing(refused(400, fields=every), "fields")
    desk.want("1", state="running", severity="S1", level=0)
    desk.advance(600 * MINUTE)
    assert len(desk.jira.calls) == 1
    assert desk.row("1").write_error


# --- comments that people take away ---------------------------------------------------------------


def test_a_comment_that_was_deleted_by_hand_is_not_said_again(desk: Desk) -> None:
    desk.decide("1", revisable=True)
    drain(desk.lane)
    desk.jira.before = failing(refused(404), "edit")
    desk.decide("1", revisable=True, at=NINE + SECOND)
    desk.advance(600 * MINUTE)
    assert desk.jira.calls == [("comment", "1"), ("edit", "1")]
    assert desk.states("1") == ["given_up"]


def test_what_was_given_up_is_looked_for_when_it_was_in_doubt_and_then_said(desk: Desk) -> None:
    desk.jira.before = failing(refused(404), "comment", times=1)
    desk.decide("1")
    drain(desk.lane)
    assert desk.states("1") == ["given_up"]
    desk.database.write(lambda c: outbox.try_again(c, None, desk.at))
    drain(desk.lane)
    assert desk.states("1") == ["sent"]
