"""Jira fails, answers are lost, deliveries come late, twice, in disorder: the end is the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from connector.simulator import AGENT, Simulator
from sla.lanes import drain
from sla.store.issues import ask_for_history
from sla.store.schema import cycles, events, issues
from tests.scenarios.world import World, jira_time, signature, utc, world

ENTERPRISE = {"Support plan": "Enterprise"}
HOUR = timedelta(hours=1)

FAULTS: dict[str, Callable[[Simulator], Any]] = {
    "dropped before": lambda jira: jira.faults.drop("before", path="/issue/", times=2),
    "dropped after": lambda jira: jira.faults.drop("after", path="/issue/", times=2),
    "500 before": lambda jira: jira.faults.error(500, path="/issue/", times=2),
    "500 after": lambda jira: jira.faults.error(500, path="/issue/", when="after", times=2),
    "503": lambda jira: jira.faults.error(503, path="/issue/", times=3),
    "429": lambda jira: jira.faults.rate_limit(30, "jira-burst-based", path="/issue/", times=2),
    "429, 0 seconds": lambda jira: jira.faults.rate_limit(0, None, path="/issue/", times=2),
    "a page": lambda jira: jira.faults.html(path="/issue/", times=2),
    "401": lambda jira: jira.faults.error(401, path="/issue/", times=1),
}


@pytest.mark.one_database("sqlite")
@pytest.mark.parametrize("fault", FAULTS)
def test_through_every_fault_each_thing_is_written_once(anywhere: World, fault: str) -> None:
    FAULTS[fault](anywhere.jira)
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(timedelta(minutes=29))
    assert anywhere.fields(key)["SLA state"] == "running"
    FAULTS[fault](anywhere.jira)
    anywhere.advance(timedelta(minutes=30))
    FAULTS[fault](anywhere.jira)
    anywhere.advance(6 * HOUR)
    assert len(anywhere.said(key)) == 5
    fields = anywhere.fields(key)
    assert (fields["SLA state"], fields["SLA escalation level"]) == ("breached", 3)


def test_comments_of_an_issue_keep_their_order_when_one_is_refused_for_a_while(
    anywhere: World,
) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    calm = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.faults.error(500, path=f"/issue/{anywhere.jira.issue(key).id}/comment", times=2)
    # Both fall due in one go, as after a pause.
    anywhere.clock.at += timedelta(minutes=40)
    anywhere.settle()
    anywhere.advance(timedelta(minutes=5))
    assert [words.split(key)[-1][:12] for words in anywhere.said(key)] == [
        words.split(calm)[-1][:12] for words in anywhere.said(calm)
    ]


def test_while_jira_is_down_clocks_go_on_and_nothing_is_lost(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.faults.error(503, times=10_000)
    anywhere.advance(HOUR)
    anywhere.jira.faults.clear()
    assert anywhere.fields(key)["SLA state"] == "running"
    anywhere.advance(10 * timedelta(minutes=1))
    assert anywhere.fields(key)["SLA state"] == "breached"
    assert len(anywhere.said(key)) == 3


def test_an_issue_that_jira_refuses_holds_up_no_other(cloud: World) -> None:
    cloud.jira.faults.error(400, method="PUT", path="/issue/10000$", times=10_000)
    refused = cloud.report("HLP", ENTERPRISE)
    other = cloud.report("HLP", ENTERPRISE)
    assert cloud.fields(refused)["SLA state"] is None
    assert cloud.fields(other)["SLA state"] == "running"
    row = cloud.service.database.read(lambda c: c.execute(select(issues.c.write_error)).scalars())
    assert "400" in str(list(row))


def test_an_issue_that_a_firewall_hides_is_not_gone_and_holds_up_no_other(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    issue = cloud.jira.issue(key).id
    page = {"body": "<html>Blocked</html>", "headers": {"Content-Type": "text/html"}}
    cloud.jira.faults.add(status=404, **page, times=10**6, method="GET", path=rf"/issue/{issue}$")
    cloud.jira.faults.add(status=403, **page, times=10**6, method="POST", path=rf"/{issue}/comment")
    now = cloud.clock.now()
    ask = partial(ask_for_history, site="default", issue_id=issue, now=now, incomplete=False)
    cloud.service.database.write(ask)
    calm = cloud.report("HLP", ENTERPRISE)
    cloud.advance(HOUR)
    assert [cloud.fields(each)["SLA state"] for each in (key, calm)] == ["breached"] * 2
    assert (len(cloud.said(key)), len(cloud.said(calm))) == (0, 3)


def test_after_a_restart_nothing_is_written_again(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.advance(HOUR)
    anywhere.stop()
    before = len(anywhere.jira.requests)
    anywhere.start()
    writes = [r for r in list(anywhere.jira.requests)[before:] if r.method != "GET"]
    assert writes == []
    assert len(anywhere.said(key)) == 3


def test_killed_between_sending_and_noting_it_the_comment_is_looked_up(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    # Sent, answered with a lost connection, and then the process is gone.
    cloud.jira.faults.drop("after", method="POST", path="/comment", times=1)
    cloud.advance(timedelta(minutes=23))
    cloud.stop()
    cloud.start()
    cloud.advance(timedelta(minutes=5))
    assert len(cloud.said(key)) == 1


def test_an_issue_first_heard_of_in_mid_life_is_read_once(anywhere: World) -> None:
    anywhere.jira.faults.webhook("drop", times=100)
    key = anywhere.report("BIT", priority="Highest")
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.settle()
    anywhere.jira.faults.clear()
    anywhere.advance(timedelta(days=1))
    anywhere.jira.edit(key, labels=["late"], account=AGENT)
    anywhere.settle()
    fields = anywhere.fields(key)
    answered_at = jira_time("2024-07-10 19:00")
    assert (fields["SLA state"], fields["First responded"]) == ("met", answered_at)


def test_breaches_from_before_the_installation_are_shown_not_shouted(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-10 19:00")) as old:
        old.stop()
        old.begin_anew(tmp_path / "anew")
        summary = {"summary": "Old", "Support plan": "Enterprise"}
        key = old.jira.create_issue(summary, project="HLP", account=AGENT).key
        old.jira.faults.webhook("drop", times=100)
        old.clock.at += timedelta(days=2)
        old.jira.faults.clear()
        old.start()
        old.jira.edit(key, labels=["old"], account=AGENT)
        old.settle()
        assert old.fields(key)["SLA state"] == "breached"
        assert old.said(key) == []


Told = list[tuple[bytes, dict[str, str]]]


@pytest.fixture(scope="module", params=["cloud", "datacenter"])
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Every delivery of one issue's day, as Jira sent it."""
    deliveries: Told = []
    directory = tmp_path_factory.mktemp("told")
    with world(directory, utc("2024-07-10 19:00"), request.param) as made:
        receive = made.post

        def post(url: str, body: bytes, headers: Any) -> int:
            deliveries.append((body, dict(headers)))
            return receive(url, body, headers)

        made.post = post  # type: ignore[method-assign]
        key = made.report("BIT", priority="High")
        steps: list[Callable[[], object]] = [
            lambda: made.jira.edit(key, priority="Highest", account=AGENT),
            lambda: made.jira.transition(key, "In Progress", account=AGENT),
            lambda: made.jira.edit(key, priority="Low", account=AGENT),
            lambda: made.jira.add_comment(key, "Just us.", account=AGENT, internal=True),
            lambda: made.jira.add_comment(key, "We are on it.", account=AGENT),
            lambda: made.jira.edit(key, priority="Highest", account=AGENT),
        ]
        for step in steps:
            made.advance(timedelta(minutes=10))
            step()
            made.settle()
    return deliveries


@pytest.mark.one_database("sqlite")
@settings(derandomize=True, deadline=None, max_examples=6)
@given(data=st.data())
def test_told_in_any_order_and_twice_the_end_is_the_same(
    told: Told, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(len(told))))
    again = data.draw(st.lists(st.sampled_from(range(len(told))), max_size=4))
    expected = _state_after(told, range(len(told)), tmp_path_factory.mktemp("straight"))
    assert _state_after(told, [*order, *again], tmp_path_factory.mktemp("mixed")) == expected


def _state_after(told: Told, order: Iterable[int], directory: Path) -> tuple[Any, ...]:
    with world(directory, utc("2024-07-10 20:00")) as made:
        # This Jira does not know the issue, so that nothing can be read: deliveries must do.
        made.service.histories.outlets = {}
        for index in order:
            body, headers = told[index]
            made.receiver.post("/webhooks/jira", data=body, headers=headers)
            drain(made.service.engine)
        read = made.service.database.read
        return (
            # A table has no order of its own; a cycle is known by its metric and number.
            read(lambda c: c.execute(select(cycles).order_by(*cycles.primary_key)).all()),
            read(lambda c: c.execute(select(issues.c.fields_wanted)).all()),
            read(lambda c: sorted(c.execute(select(events.c.identity, events.c.data)).all())),
        )


def test_what_is_not_understood_is_kept_and_seen(cloud: World) -> None:
    bodies = [
        b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b'{"webhookEvent": "jira:issue_created"}',
        b'{"webhookEvent": "jira:issue_updated", "issue": {"id": "x"}}', b"[" * 100_000,
        json.dumps({"webhookEvent": "something_new", "issue": {"fields": {}}}).encode(),
    ]  # fmt: skip
    for body in bodies:
        headers = {"X-Hub-Signature": signature(body)}
        assert cloud.receiver.post("/webhooks/jira", data=body, headers=headers).status_code == 202
    cloud.settle()
    assert cloud.service.health()["inbox"] == {"not_understood": len(bodies)}


def test_while_looking_it_up_fails_a_comment_in_doubt_stays_in_doubt(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.faults.drop("after", method="POST", path="/comment", times=1)
    anywhere.jira.faults.error(503, method="GET", path="/comment", times=2)
    anywhere.advance(timedelta(minutes=29))
    assert len(anywhere.said(key)) == 1


def test_a_request_of_a_process_that_is_gone_may_still_arrive(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    late: list[tuple[str, str]] = []
    dispatcher = cloud.service.dispatcher
    client = dispatcher.outlets["default"].client
    add_comment = client.add_comment

    def killed(issue: str, markdown: str, *, key: str, **_: Any) -> str:
        late.append((markdown, key))
        raise SystemExit

    client.add_comment = killed  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        cloud.advance(timedelta(minutes=23))
    cloud.stop()
    cloud.start()
    assert cloud.said(key) == []
    # Jira carries out the old request now, after the restart.
    add_comment("10000", late[0][0], key=late[0][1], internal=True, role=None)
    cloud.advance(timedelta(minutes=5))
    assert len(cloud.said(key)) == 1


def test_fields_in_doubt_are_written_again(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.faults.drop("after", method="PUT", path="/issue/", times=1)
    anywhere.jira.transition(key, "Done", account=AGENT)
    anywhere.settle()
    # Reopened before the lost answer is known: what is wanted is what was certain before.
    anywhere.jira.transition(key, "To Do", account=AGENT)
    anywhere.advance(timedelta(minutes=1))
    assert anywhere.fields(key)["SLA state"] == "running"


def test_what_is_wanted_anew_is_written_though_the_older_write_was_given_up(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    client = cloud.service.dispatcher.outlets["default"].client
    edit_fields = client.edit_fields

    def meanwhile(issue: str, values: Any) -> None:
        client.edit_fields = edit_fields  # type: ignore[method-assign]
        cloud.jira.add_comment(key, "We are on it.", account=AGENT)
        cloud.jira.deliver()
        drain(cloud.service.engine)
        cloud.jira.faults.error(400, method="PUT", path="/issue/", times=1)
        edit_fields(issue, values)

    client.edit_fields = meanwhile  # type: ignore[method-assign]
    cloud.jira.edit(key, priority="Highest", account=AGENT)
    cloud.jira.edit(key, priority="Low", account=AGENT)
    cloud.settle()
    assert cloud.fields(key)["SLA state"] == "met"


@pytest.mark.parametrize("call", ["is_internal", "read_history"])
def test_a_comment_that_comes_while_another_is_read_is_not_lost(tmp_path: Path, call: str) -> None:
    with world(tmp_path, utc("2024-07-10 19:00"), "datacenter") as made:
        key = made.report("HLP")
        client = made.service.histories.outlets["default"].client
        if call == "read_history":
            # Of a comment whose mark Jira does not tell the whole history is read.
            client.is_internal = lambda *_: None  # type: ignore[method-assign]
        read = getattr(client, call)

        def meanwhile(issue: str, *given: Any, **more: Any) -> Any:
            setattr(client, call, read)
            found = read(issue, *given, **more)
            made.jira.add_comment(key, "We are on it.", account=AGENT)
            made.jira.deliver()
            drain(made.service.engine)
            return found

        setattr(client, call, meanwhile)
        made.jira.add_comment(key, "Just us.", account=AGENT, internal=True)
        made.settle()
        assert getattr(client, call) is not meanwhile
        assert made.fields(key)["SLA state"] == "met"


def test_a_mistyped_year_spoils_no_promise(cloud: World) -> None:
    old = utc("1900-01-01 00:00")
    poisoned = cloud.report("HLP", ENTERPRISE | {"Reported at": old})
    assert cloud.fields(poisoned)["First response due"] == jira_time("2024-07-10 19:30")


def test_what_falls_due_before_jira_is_first_reached_is_announced(tmp_path: Path) -> None:
    with world(tmp_path, utc("2024-07-10 19:00")) as made:
        made.stop()
        made.begin_anew(tmp_path / "anew")
        made.jira.faults.error(503, times=10_000)
        made.start()
        made.jira.create_issue({"summary": "Help"} | ENTERPRISE, project="HLP")
        made.settle()
        made.advance(timedelta(hours=1))
        made.jira.faults.clear()
        made.advance(timedelta(minutes=10))
        assert len(made.said("HLP-1")) == 3


def test_an_answer_that_waits_is_not_overtaken_by_the_breach(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.clock.at += timedelta(minutes=10)
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.jira.deliver()
    # The delivery is stored; before anybody looks into it the due instant comes.
    anywhere.clock.at += timedelta(hours=1)
    drain(anywhere.service.engine)
    anywhere.settle()
    assert anywhere.fields(key)["SLA state"] == "met"
    assert anywhere.said(key) == []


def test_what_is_not_true_any_more_is_not_sent(anywhere: World) -> None:
    key = anywhere.report("HLP", ENTERPRISE)
    anywhere.jira.faults.error(503, method="POST", path="/comment", times=10_000)
    anywhere.jira.faults.error(503, method="GET", path="/comment", times=10_000)
    anywhere.advance(timedelta(minutes=23))
    anywhere.jira.add_comment(key, "We are on it.", account=AGENT)
    anywhere.advance(timedelta(minutes=1))
    anywhere.jira.faults.clear()
    anywhere.advance(timedelta(hours=2))
    assert anywhere.fields(key)["SLA state"] == "met"
    assert len(anywhere.said(key)) <= 1


def test_a_late_delivery_does_not_bring_an_old_key_back(cloud: World) -> None:
    def told(key: str, minute: int) -> bytes:
        updated = f"2024-07-10T19:0{minute}:00.000+0000"
        fields = {
            "created": jira_time("2024-07-10 19:00"),
            "updated": updated,
            "project": {"key": key.split("-")[0]},
            "reporter": {"accountId": "c"},
        }
        kind = "jira:issue_created" if minute == 0 else "jira:issue_updated"
        issue = {"id": "77", "key": key, "fields": fields}
        return json.dumps({"webhookEvent": kind, "timestamp": 0, "issue": issue}).encode()

    for body in (told("HLP-1", 0), told("BIT-9", 2), told("HLP-1", 1)):
        headers = {"X-Hub-Signature": signature(body)}
        cloud.receiver.post("/webhooks/jira", data=body, headers=headers)
        drain(cloud.service.engine)
    read = cloud.service.database.read
    assert read(lambda c: c.execute(select(issues.c.key)).scalars().all()) == ["BIT-9"]


def test_a_group_that_is_not_there_is_named_and_nothing_held_back(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    cloud.jira.faults.error(404, method="GET", path="/group", times=10_000)
    cloud.advance(timedelta(minutes=61))
    assert len(cloud.said(key)) == 3
    assert "support-leads" in cloud.said(key)[-1]


def test_words_that_fail_are_replaced_by_plain_ones(cloud: World) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    outlets = cloud.service.dispatcher.outlets
    broken = {"warning": "{{ left + 1 }}", **outlets["default"].wording, "breach": "{{ due + 1 }}"}
    outlets["default"] = replace(outlets["default"], wording=broken)
    cloud.advance(timedelta(minutes=31))
    assert "is overdue" in cloud.said(key)[-1]
