"""An issue's page and what programs are told of it: drawn, explained, on record, supposed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select

from connector.simulator import AGENT, CUSTOMER
from sla.store import issues
from sla.store.schema import metadata
from sla.timeline import Account, Changed, CommentSeen, Event
from tests.scenarios.world import utc
from tests.webhooks.console.desk import Desk, words

_MARKS = re.compile(r'class="mark ')


def reported(desk: Desk, **fields: Any) -> str:
    """A request of a customer with an Enterprise plan, high, which is due within the hour."""
    given = {"issuetype": "Bug", "priority": "High", "Support plan": "Enterprise", **fields}
    return desk.world.report("HLP", given)


def later(desk: Desk, **amount: float) -> None:
    """Time goes by; whoever was signed in signs in again."""
    desk.world.advance(timedelta(**amount))
    desk.sign_in()


def asked(desk: Desk, path: str, **query: Any) -> Any:
    """What the API answers."""
    answer = desk.get(path, **query)
    assert answer.status_code == 200, answer.text
    return answer.json


def supposed(desk: Desk, key: str, body: dict[str, Any], status: int = 200) -> Any:
    """What the API answers to a question."""
    shown = desk.get("/").text + desk.get(f"/issues/{key}").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', shown)
    assert token
    answer = desk.client.post(
        f"/api/issues/{key}/what-if", json=body, headers={"X-CSRFToken": token.group(1)}
    )
    assert answer.status_code == status, answer.text
    return answer.json


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    """Every statement that reaches the database within the block."""
    from sqlalchemy import Engine

    seen: list[str] = []

    def heard(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", heard)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", heard)


def everything(desk: Desk) -> dict[str, list[Any]]:
    """All that is stored, but for what a request itself leaves: who signed in and when."""
    tables = [each for each in metadata.sorted_tables if each.name not in ("sign_ins", "audit")]
    return desk.world.service.database.read(
        lambda c: {each.name: sorted(map(repr, c.execute(select(each)))) for each in tables}
    )


# --- the story ------------------------------------------------------------------------------------


def test_an_issue_tells_its_story_its_reasons_and_its_record(desk: Desk) -> None:
    key = reported(desk, summary="Orders cannot be shipped")
    later(desk, hours=2)
    desk.world.jira.add_comment(key, "We are on it.", account=AGENT)
    desk.world.jira.edit(key, {"priority": "Medium"}, account=AGENT)
    later(desk, minutes=5)
    page = desk.page(f"/issues/{key}")
    for told in (
        "Orders cannot be shipped",
        "Enterprise Support", "Severity Medium, tier Enterprise",
        "First response: the clock starts",
        "Warning at 75% of the goal: first response", "was due, and breached",
        "Escalation to level 1",
        "Public reply of a responder, comment", "Severity High → Medium",
        "First response: met late: public comment",
        "on calendar enterprise", "open,", "used,",
        "As promised, as recomputed", "as promised",
        "The fields of the issue, last written on",
        "Breach announced: first response", "comment 1",
    ):  # fmt: skip
        assert told in page, told
    html = desk.get(f"/issues/{key}").text
    assert 'class="cycle breached"' in html
    assert 'class="overtime"' in html
    assert f"/browse/{key}?focusedCommentId=" in html


def test_programs_are_told_the_same(desk: Desk) -> None:
    key = reported(desk)
    later(desk, minutes=10)
    told = asked(desk, f"/api/issues/{key}/sla")
    metric = told["metrics"][0]
    [cycle] = metric["cycles"]
    assert (told["key"], told["project"], told["severity"], told["tier"]) == (
        key, "HLP", "High", "Enterprise",
    )  # fmt: skip
    assert told["contract"] == {
        "id": "enterprise", "title": "Enterprise Support", "customer": None,
    }  # fmt: skip
    assert metric["metric"] == "first_response"
    assert (cycle["state"], cycle["started_at"]) == ("running", "2024-07-10T19:00:00Z")
    assert cycle["elapsed_seconds"] == 600
    assert cycle["elapsed_seconds"] + cycle["remaining_seconds"] == cycle["goal"]["seconds"]
    assert cycle["open_now"] is True
    assert told["next_due"]["due_at"] == cycle["due_at"] == metric["due_at"]
    assert cycle["due_at"].endswith("Z")
    issue_id = desk.world.jira.issue(key).id
    assert asked(desk, f"/api/issues/{issue_id}/sla") == told
    why = asked(desk, f"/api/issues/{key}/explanation")
    [explained] = why["cycles"]
    [promise] = explained["promises"]
    assert sum(step["used_seconds"] for step in promise["steps"]) == cycle["goal"]["seconds"]
    assert cycle["due_at"] in promise["due"]
    refused = desk.get(f"/api/issues/{key}/explanation", metric="nothing")
    assert refused.status_code == 400
    assert "first_response" in refused.text


def test_a_promise_that_moved_stands_beside_the_one_that_was_made(desk: Desk) -> None:
    key = reported(desk, priority="Low")
    later(desk, minutes=5)
    desk.world.jira.edit(key, {"priority": "Highest"}, account=CUSTOMER)
    later(desk, minutes=5)
    row = desk.world.service.database.read(lambda c: issues.by_key(c, "default", key))
    assert row
    made = desk.world.service.database.read(
        lambda c: issues.promises_of(c, "default", row.issue_id)
    )
    page = desk.page(f"/issues/{key}")
    assert len(made) == 2
    assert page.count("by version") == 2
    # A fact that comes late: it was answered before it became high.
    at = utc("2024-07-10 19:02")
    reply = CommentSeen(at, "1", at, Account("somebody"), public=True)
    database = desk.world.service.database
    database.write(lambda c: issues.add_facts(c, "default", row.issue_id, [reply]))
    assert "nothing was promised anew at that instant" in desk.page(f"/issues/{key}")


@pytest.mark.parametrize("window", ["all", "week", "due"])
def test_each_window_draws_the_present(desk: Desk, window: str) -> None:
    key = reported(desk)
    html = desk.get(f"/issues/{key}", window=window).text
    assert 'class="now"' in html
    assert 'aria-current="true"' in html
    assert desk.get(f"/issues/{key}", window="year").status_code == 400


# --- what cannot be told --------------------------------------------------------------------------


def test_an_unknown_key_says_what_to_check(desk: Desk) -> None:
    for key, told in (
        ("HLP-999", "check that Jira's webhook arrives here"),
        ("XYZ-1", "Project XYZ is in no mapping"),
        ("<b>nonsense", "is not a key of an issue"),
        ("HLP-" + "9" * 2000, "Nothing was heard"),
    ):
        answer = desk.get(f"/issues/{key}")
        assert answer.status_code == 404
        assert told in words(answer.text)
        assert "<b>nonsense" not in answer.text
        refused = desk.get(f"/api/issues/{key}/sla")
        assert refused.status_code == 404
        assert told in refused.text


def test_an_old_key_leads_on(desk: Desk) -> None:
    key = reported(desk)
    later(desk, minutes=1)
    desk.world.jira.move_issue(key, project="BIT")
    later(desk, minutes=1)
    row = desk.world.service.database.read(
        lambda c: issues.get(c, "default", desk.world.jira.issue(key).id)
    )
    assert row
    assert row.key
    assert row.key != key
    answer = desk.get(f"/issues/{key}?window=due")
    assert answer.status_code == 302
    assert answer.location == f"/issues/{row.key}?window=due"
    assert asked(desk, f"/api/issues/{key}/sla")["key"] == row.key
    assert desk.get(f"/issues/{row.key.lower()}").location == f"/issues/{row.key}"


def test_an_issue_that_was_deleted_shows_what_was(desk: Desk) -> None:
    key = reported(desk)
    later(desk, hours=3)
    desk.world.jira.delete_issue(key)
    later(desk, hours=1)
    page = desk.page(f"/issues/{key}")
    assert "Deleted in Jira on Wed 10 Jul 2024" in page
    assert "Breach announced: first response" in page
    assert asked(desk, f"/api/issues/{key}/sla")["deleted_at"] == "2024-07-10T22:00:00Z"


def test_an_issue_that_is_not_judged_yet_says_why(desk: Desk) -> None:
    key = reported(desk)
    row = desk.world.service.database.read(lambda c: issues.by_key(c, "default", key))
    assert row
    missing = {"incomplete": True, "read_at": utc("2024-07-11 00:00"), "read_error": "HTTP 403"}
    desk.world.service.database.write(
        lambda c: issues.change(c, "default", row.issue_id, **missing)
    )
    page = desk.page(f"/issues/{key}")
    assert "Not judged yet" in page
    assert "HTTP 403" in page
    assert "Created in Jira" in page
    assert "What if" not in page
    told = asked(desk, f"/api/issues/{key}/sla")
    assert (told["covered"], told["metrics"]) == (False, [])
    assert "Not judged yet" in told["problem"]
    assert desk.get(f"/api/issues/{key}/explanation").status_code == 409


def test_an_issue_of_a_project_that_nobody_mapped_says_so(desk: Desk) -> None:
    key = reported(desk)
    row = desk.world.service.database.read(lambda c: issues.by_key(c, "default", key))
    assert row
    moved = Changed(utc("2024-07-10 19:00"), "1", "project", "HLP", "OTHER")
    database = desk.world.service.database
    database.write(lambda c: issues.add_facts(c, "default", row.issue_id, [moved]))
    page = desk.page(f"/issues/{key}")
    assert "project OTHER is in no mapping" in page
    assert "Map the project OTHER" in page


def test_what_stands_in_an_issue_is_never_a_mark(desk: Desk) -> None:
    bad = '"><script>alert(1)</script><svg onload=alert(2)>'
    key = reported(desk, summary=bad)
    database = desk.world.service.database
    row = database.read(lambda c: issues.by_key(c, "default", key))
    assert row
    labels = tuple(f"{bad}{number}" for number in range(10_000))
    facts: list[Event] = [
        Changed(utc("2024-07-10 19:05"), "1", "labels", (), labels),
        Changed(utc("2024-07-10 19:06"), "2", "status", "To Do", bad),
    ]
    database.write(lambda c: issues.add_facts(c, "default", row.issue_id, facts))
    for query in ({}, {"status": bad}, {"f.Support plan": bad}, {"at": bad}, {"cycle": bad}):
        html = desk.get(f"/issues/{key}", **query).text
        assert "<script>alert" not in html
        assert "<svg onload" not in html
        assert len(html) < 100_000


def test_thousands_of_events_are_drawn_together(desk: Desk) -> None:
    key = reported(desk)
    database = desk.world.service.database
    row = database.read(lambda c: issues.by_key(c, "default", key))
    assert row
    start = utc("2024-07-10 19:00")
    agent = Account("somebody")
    facts: list[Event] = []
    for number in range(5_000):
        at = start + timedelta(minutes=20 * number + 5)
        facts.append(CommentSeen(at, str(90_000 + number), at, agent, True, "so it is"))
    database.write(lambda c: issues.add_facts(c, "default", row.issue_id, facts))
    desk.world.clock.at = start + timedelta(minutes=20 * 5_001)
    desk.sign_in()
    html = desk.get(f"/issues/{key}").text
    assert len(_MARKS.findall(html)) < 400
    assert "more until" in html
    page = words(html)
    assert "earlier ones are left out" in page
    everything = desk.page(f"/issues/{key}", rows="all")
    assert everything.count("Public reply of a responder") == 5_000


# --- what would be --------------------------------------------------------------------------------


def test_a_question_changes_nothing_and_tells_the_difference(desk: Desk) -> None:
    key = reported(desk, priority="Low")
    later(desk, minutes=10)
    before = everything(desk)
    with statements(desk) as made:
        page = desk.page(f"/issues/{key}", priority="Highest", at="2024-07-10T16:30")
        answer = supposed(desk, key, {"severity": "High", "at": "2024-07-10T21:00:00Z"})
    writes = [each for each in made if re.match(r"\s*(INSERT|UPDATE|DELETE|REPLACE)", each)]
    assert [each for each in writes if "sign_ins" not in each] == []
    assert everything(desk) == before
    assert "Supposed: priority Low → Highest" in page
    assert "if nobody does anything until then" in page
    assert "Why it would be so" in page
    # Nobody sets a severity: the answer names the value by which the rules give it.
    assert answer["assumed"][0] in ("priority Low → Highest", "priority Low → High")
    assert (answer["now"]["severity"], answer["then"]["severity"]) == ("Low", "High")
    [first] = [each for each in answer["metrics"] if each["metric"] == "first_response"]
    assert first["changes"]
    assert first["then"]["state"] == "breached"
    assert first["words"] == "breached instead of running"
    [first] = [
        each
        for each in supposed(desk, key, {"tier": "Standard"})["metrics"]
        if each["metric"] == "first_response"
    ]
    assert first["then"]["due_at"] > first["now"]["due_at"]
    assert "later; goal 1 business day instead of 30 min" in first["words"]


def test_what_would_be_owed_no_more_is_told(desk: Desk) -> None:
    key = desk.world.report("BIT", {"issuetype": "Bug", "priority": "Highest"})
    later(desk, minutes=10)
    desk.world.jira.add_comment(key, "We are on it.", account=AGENT)
    later(desk, hours=2)
    answer = supposed(desk, key, {"severity": "Severity 3"})
    [update] = [each for each in answer["metrics"] if each["metric"] == "periodic_update"]
    assert update["now"]["state"] == "breached"
    assert update["words"].startswith("over: ")


def test_at_an_earlier_instant_it_stands_as_it_stood_then(desk: Desk) -> None:
    key = reported(desk)
    stood = {}
    for minutes in (1, 20, 30, 90):
        later(desk, minutes=minutes)
        told = asked(desk, f"/api/issues/{key}/sla")
        stood[told["judged_at"]] = [
            (each["metric"], each["state"], each["due_at"]) for each in told["metrics"]
        ]
        if minutes == 20:
            desk.world.jira.edit(key, {"priority": "Medium"}, account=AGENT)
            desk.world.settle()
        if minutes == 30:
            desk.world.jira.add_comment(key, "We are on it.", account=AGENT)
            desk.world.settle()
    for at, expected in stood.items():
        then = supposed(desk, key, {"at": at})["metrics"]
        found = [
            (each["metric"], each["then"]["state"], each["then"]["due_at"])
            for each in then if each["then"]
        ]  # fmt: skip
        assert found == expected, at


def test_a_question_that_changes_nothing_says_so(desk: Desk) -> None:
    key = reported(desk)
    answer = supposed(desk, key, {"priority": "high"})
    assert answer["assumed"] == []
    assert [each["words"] for each in answer["metrics"] if each["changes"]] == []
    assert "That is how it is already" in desk.page(f"/issues/{key}", priority="HIGH")


def test_what_only_jira_knows_can_be_asked_too(desk: Desk) -> None:
    key = reported(desk)
    answer = supposed(desk, key, {"status": "in progress"})
    assert answer["assumed"] == ["status To Do → In Progress"]
    answer = supposed(desk, key, {"resolution": "Fixed at last"})
    assert answer["assumed"] == ["resolution none → Fixed at last"]


@pytest.mark.parametrize(
    ("question", "told"),
    [
        ({"status": "Nirvana"}, "never seen here, and Jira does not offer it; known: "),
        ({"priority": "Nirvana"}, "Highest"),
        ({"severity": "Nirvana"}, "they give: High, Medium, Low"),
        ({"tier": "Gold"}, "they give: Enterprise, Standard"),
        ({"at": "tomorrow"}, "is no instant; write"),
        ({"at": "2001-01-01T00:00:00Z"}, "the issue was created"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "calendars answer from"),
        ({"at": "2290-01-01T00:00:00Z"}, "more than a year ahead"),
        ({"severity": "High", "priority": "Low"}, "No values of the fields give severity High"),
        ({"fields": {"Colour": "red"}}, "Support plan"),
        ({"fields": {"Support plan": "x" * 300}}, "at most 255 characters"),
        ({"colour": "red"}, "unknown field"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_words(
    desk: Desk, question: dict[str, Any], told: str
) -> None:
    key = reported(desk)
    refused = supposed(desk, key, question, 400)
    assert told in refused["error"]
    if "colour" not in question and "fields" not in question:
        html = desk.get(f"/issues/{key}", **question).text
        assert told in words(html)
        # Nothing that was typed is lost.
        assert all(f'value="{value[:16]}' in html for value in question.values())


def test_htmx_gets_the_answer_alone_and_an_address_to_share(desk: Desk) -> None:
    key = reported(desk)
    path = f"/issues/{key}?severity=Low&status=&at="
    piece = desk.client.get(path, headers={"HX-Request": "true"})
    assert "<h1" not in piece.text
    assert "Supposed: priority High → Low" in words(piece.text)
    assert piece.headers["HX-Push-Url"] == f"/issues/{key}?severity=Low"
    back = {"HX-Request": "true", "HX-History-Restore-Request": "true"}
    assert "<h1" in desk.client.get(path, headers=back).text


def test_whoever_may_only_look_may_ask_all_of_it(outside: Desk, tmp_path: Path) -> None:
    assert outside.get("/issues/HLP-1").status_code == 302
    assert outside.get("/api/issues/HLP-1/sla").status_code == 401
    assert tmp_path
