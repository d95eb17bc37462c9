"""The page of health, what a person can do there, and the banner of every page."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from sla.store import health as counted
from sla.store import holds
from sla.store.holds import Hold
from sla.words import utc
from tests.scenarios.world import HOOK, SECRET, signature
from tests.webhooks.console.desk import Desk, words

NO_ISSUE = b'{"timestamp": 1, "note": "<script>alert(1)</script>"}'


def told(desk: Desk, path: str = "/api/health") -> Any:
    """What the API answers."""
    return desk.get(path).json


def hear(desk: Desk, body: bytes = NO_ISSUE) -> int:
    """Have a webhook come of which nothing can be made; its number."""
    desk.world.post(HOOK, body, {"X-Hub-Signature": signature(body)})
    desk.world.settle()
    return int(told(desk)["inbox"]["set_aside"][0]["id"])


def needs(desk: Desk) -> list[str]:
    """What the API says that a person is needed for."""
    found: list[str] = told(desk)["needs"]
    return found


def banner(desk: Desk, path: str = "/audit") -> str:
    """The line at the top of a page; empty where there is none."""
    shown = desk.get(path).text.partition('<aside class="banner"')[2].partition("</aside>")[0]
    return words(f"<aside{shown}>")


def audited(desk: Desk) -> tuple[str, str]:
    """What was recorded last, and of what."""
    newest = told(desk, "/api/audit")["entries"][0]
    return newest["action"], newest["subject"]


def as_viewer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on whoever asks may change nothing."""
    from webhooks.console.access.people import Person

    monkeypatch.setattr(Person, "may_change", property(lambda _: False))


def test_a_service_at_rest_needs_nobody(desk: Desk) -> None:
    desk.world.report("BIT")
    shown = desk.page("/health")
    assert "All is well: nothing needs a person." in shown
    assert "1 timers set" in shown
    assert not banner(desk)
    answer = told(desk)
    assert (answer["needs"], answer["ready"], answer["outbox"]["given_up"]) == ([], True, [])
    assert answer["sites"][0]["heard_at"] == answer["now"]
    assert answer["timers"]["armed"] == 1
    assert answer["database"]["bytes"] > 0
    assert answer["versions"].keys() == {"Dueline", "Python", "holidays", "tzdata"}
    assert answer["policy_version"] == desk.standing.service.engine.in_force


def test_what_jira_refused_for_good_is_named_in_its_words_and_tried_again(desk: Desk) -> None:
    faults = desk.world.jira.faults
    faults.error(400, method="PUT", path="/issue/10000$", times=10_000)
    key = desk.world.report("BIT")
    (given_up,) = told(desk)["outbox"]["given_up"]
    assert (given_up["id"], given_up["issue"]) == ("fields-10000", key)
    assert "400" in given_up["error"]
    assert given_up["error"] in desk.page("/health")
    assert needs(desk) == ["Jira refused the SLA fields of 1 issue for good."]
    assert needs(desk)[0] in banner(desk)

    again = desk.post("/health/outbox/fields-10000/retry", {}, form="/health")
    assert again.location == "/health"
    assert audited(desk) == ("tried again", "fields-10000")
    desk.world.settle()
    assert told(desk)["outbox"]["given_up"] == [given_up]

    faults.clear()
    assert desk.client.post("/api/outbox/retry").status_code == 400  # no token of a form
    assert "1 are tried again" in desk.client.post(
        "/health/outbox/retry", data=_form(desk), follow_redirects=True
    ).get_data(as_text=True)
    assert audited(desk) == ("tried again", "everything that was given up")
    desk.world.settle()
    assert needs(desk) == []
    assert desk.world.fields(key)["SLA state"] == "running"


def test_a_comment_and_a_history_are_tried_again_by_their_names(desk: Desk) -> None:
    world = desk.world
    world.report("BIT")
    world.jira.faults.error(403, method="POST", path="/comment", times=10_000)
    world.advance(timedelta(hours=30))
    desk.sign_in()
    comments = [e for e in _given_up(desk) if e["id"].startswith("comment-")]
    assert comments
    assert all(each["what"].endswith(": first response") for each in comments)
    world.jira.faults.clear()
    for each in comments:
        desk.post(f"/health/outbox/{each['id']}/retry", {}, form="/health")
        answer = desk.post(f"/health/outbox/{each['id']}/retry", {}, form="/health")
        assert answer.status_code == 302
        assert "Nothing of this name is given up" in desk.page("/health")
    world.settle()
    assert _given_up(desk) == []
    assert len(world.said("BIT-1")) >= len(comments)


@pytest.mark.parametrize("effect", [
    "comment-0", "comment-99999999999999999999", "comment-1e3", "comment-", "fields-", "fields-no",
    "history-10000", "saying-1", "comment-١", "fields-10000%0A", "-",
])  # fmt: skip
def test_an_effect_that_is_not_there_is_said_so(desk: Desk, effect: str) -> None:
    desk.world.report("BIT")
    answer = desk.client.post(
        f"/api/outbox/{effect}/retry", headers={"X-CSRFToken": _form(desk)["csrf_token"]}
    )
    assert answer.status_code == 404
    assert answer.json is not None
    assert "may have been tried again already" in answer.json["error"]


def test_a_webhook_nobody_understands_is_shown_as_it_came_and_seen_to(desk: Desk) -> None:
    first = hear(desk)
    second = hear(desk, b"<html>")
    assert needs(desk) == ["2 webhooks from Jira were not understood."]
    assert "<script>alert" not in desk.get(f"/health/inbox/{first}").text
    assert '"note": "<script>alert(1)</script>"' in desk.page(f"/health/inbox/{first}")
    assert "The body is not JSON." in desk.page("/health")

    desk.post(f"/health/inbox/{first}/replay", {}, form="/health")
    assert audited(desk) == ("replayed", f"delivery {first}")
    assert told(desk, f"/api/inbox/{first}")["state"] == "new"
    assert told(desk)["inbox"]["waiting"] == 1
    desk.world.settle()
    assert told(desk, f"/api/inbox/{first}")["state"] == "not_understood"

    desk.post(f"/health/inbox/{second}/dismiss", {}, form="/health")
    assert audited(desk) == ("dismissed", f"delivery {second}")
    assert needs(desk) == ["1 webhook from Jira was not understood."]
    dismissed = told(desk, f"/api/inbox/{second}")
    assert (dismissed["state"], dismissed["why"]) == ("done", "dismissed by Administrator")
    desk.post(f"/health/inbox/{second}/replay", {}, form="/health")
    assert "not among those" in desk.page("/health")

    desk.post("/health/inbox/replay", {}, form="/health")
    assert audited(desk) == ("replayed", "every delivery that was set aside")
    desk.world.settle()
    assert needs(desk) == ["1 webhook from Jira was not understood."]


def test_what_is_called_a_secret_is_not_shown(desk: Desk) -> None:
    planted = {"sharedSecret": "planted \\ \" one", "deep": [{"access_token": "planted two"}],
               "Password": "planted three", "echo": f"planted {SECRET}", "tokens": 7}  # fmt: skip
    number = hear(desk, json.dumps(planted).encode())
    broken = hear(desk, b'{"clientSecret": "planted four", "api-token":"planted five')
    large = hear(desk, b'{"secret": "planted six", "rest": "' + b"x" * 300_000 + b'"}')
    for each in (number, broken, large):
        answer = told(desk, f"/api/inbox/{each}")
        assert SECRET not in answer["text"]
        assert "(not shown)" in answer["text"]
        assert "planted" not in answer["text"].replace("planted (not shown)", "")
        assert answer["is_whole"] is (each != large)
        assert len(answer["text"]) <= 200_100
    assert '"tokens": 7' in desk.page(f"/health/inbox/{number}")
    assert "only the beginning is shown" in desk.page(f"/health/inbox/{large}")


@pytest.mark.parametrize(
    "body", [b"\xff\xfe\x00", b"[" * 50_000, b'"\\ud800"', b"", b'"secret' * 20_000]
)
def test_any_body_can_be_shown(desk: Desk, body: bytes) -> None:
    number = hear(desk, body)
    assert desk.get(f"/health/inbox/{number}").status_code == 200
    assert told(desk, f"/api/inbox/{number}")["size"] == len(body)


def test_a_number_that_is_not_there_is_said_so(desk: Desk) -> None:
    for number in (0, 12345, 2**63, 2**200):
        assert desk.get(f"/health/inbox/{number}").status_code == 404
        assert desk.get(f"/api/inbox/{number}").status_code == 404
        again = desk.post(f"/health/inbox/{number}/replay", {}, form="/health")
        assert again.status_code == 302


def test_a_viewer_sees_all_and_changes_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    number = hear(desk)
    form = _form(desk)
    as_viewer(desk, monkeypatch)
    for path in ("/health", f"/health/inbox/{number}"):
        assert 'action="/health/' not in desk.get(path).text
    for path in (
        "inbox/replay", f"inbox/{number}/replay", f"inbox/{number}/dismiss", "outbox/retry",
        "outbox/fields-10000/retry",
    ):  # fmt: skip
        assert desk.client.post(f"/health/{path}", data=form).status_code == 403
        headers = {"X-CSRFToken": form["csrf_token"]}
        assert desk.client.post(f"/api/{path}", headers=headers).status_code == 403
    assert told(desk)["inbox"]["not_understood"] == 1


def test_nobody_reads_it_who_has_not_signed_in(outside: Desk) -> None:
    assert outside.get("/health").status_code == 302
    assert outside.get("/health/inbox/1").status_code == 302
    assert outside.get("/api/health").status_code == 401
    assert not banner(outside, "/sign-in")


def test_lost_webhooks_are_noticed_when_jira_knows_more_than_was_heard(desk: Desk) -> None:
    world = desk.world
    key = world.report("BIT")
    heard_at = world.clock.at
    world.jira.faults.webhook("drop", times=10_000)
    world.advance(timedelta(minutes=90))
    world.service.reconciler.poll("default")
    assert needs(desk) == []  # A quiet hour is no loss.
    world.jira.edit(key, {"priority": "Highest"})
    world.service.reconciler.poll("default")
    world.settle()
    (need,) = needs(desk)
    assert need.startswith(f"No webhook came since {utc(heard_at)}, although issues changed")
    site = told(desk)["sites"][0]
    assert site["missed_at"] == site["polled_at"] == utc(world.clock.at)
    world.jira.faults.clear()
    world.report("BIT")
    assert needs(desk) == []


def test_a_jira_that_refuses_us_needs_a_person_and_one_that_is_busy_does_not(desk: Desk) -> None:
    database, now = desk.standing.database, desk.world.clock.at
    for status, reason in (
        (429, "Jira answered 429: too many calls."),
        (401, "Jira answered 401."),
    ):
        hold = Hold(now + timedelta(minutes=status), reason, status)
        hold = Hold(now + timedelta(minutes=30, seconds=status == 401), reason, status)
        database.write(lambda c, h=hold: holds.hold(c, "default", h, now))  # type: ignore[misc]
        answer = told(desk)
        assert answer["sites"][0]["hold"]["reason"] == reason
        assert f"Left alone until {hold.until:%a %-d %b %Y %H:%M}" in desk.page("/health")
    assert answer["needs"] == ["Jira cannot be used: Jira answered 401."]


def test_a_jira_that_does_not_answer_is_told_after_the_second_time(desk: Desk) -> None:
    world = desk.world
    world.service.reconciler.poll("default")
    every = world.service.reconciler.every
    assert every
    world.clock.at += 2 * every
    assert "Jira does not answer" not in desk.page("/health")
    world.clock.at += timedelta(minutes=2)
    assert "Jira does not answer: it was last asked with success at" in desk.page("/health")
    assert "Jira does not answer" in desk.page("/board")
    world.service.reconciler.poll("default")
    assert "Jira does not answer" not in desk.page("/health")


def test_jiras_limits_are_shown_as_it_told_them_last(desk: Desk) -> None:
    assert told(desk)["sites"][0]["limits"] is None
    desk.world.jira.faults.rate_limit(retry_after=90, reason="<i>burst</i>", method="PUT")
    desk.world.report("BIT")
    desk.world.service.note_limits()
    desk.world.clock.at += timedelta(minutes=2)
    limits = told(desk)["sites"][0]["limits"]
    assert limits == {
        "heard_at": utc(desk.world.clock.at - timedelta(minutes=2)),
        "status": 429,
        "headers": {
            "X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0",
            "RateLimit-Reason": "<i>burst</i>", "Retry-After": "90",
        },
    }  # fmt: skip
    page = desk.get("/health").text
    assert "<code>X-RateLimit-Remaining: 0</code>" in page
    assert "&lt;i&gt;burst&lt;/i&gt;" in page
    assert "(status 429, 2 min ago)" in words(page)


def test_troubles_are_named_as_they_are(desk: Desk) -> None:
    troubles = desk.standing.service.troubles
    troubles["configuration"] = "projects.yaml:1:1: <b>wrong</b>\nanother line"
    troubles["fields"] = "Jira has no field SLA due: run `dueline setup` to make it"
    troubles["webhooks"] = "deliveries are taken without signature"
    assert needs(desk) == [
        "The configuration was refused, an earlier one decides: projects.yaml:1:1: <b>wrong</b>.",
        "Jira has no field SLA due: run `dueline setup` to make it.",
    ]
    assert "<b>wrong" not in desk.get("/audit").text
    assert "1 more thing needs a person." in banner(desk)
    shown = desk.page("/health")
    assert "another line" in shown
    assert "deliveries are taken without signature" in shown


def test_a_database_that_cannot_be_read_is_told_on_the_page_that_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: Any) -> Any:
        raise OperationalError(None, None, Exception("disk I/O error"))

    monkeypatch.setattr(counted, "attention", gone)
    assert "The database cannot be read: disk I/O error." in banner(desk)


def test_what_a_browser_is_told_every_time_is_asked_in_a_few_statements(desk: Desk) -> None:
    """The banner stands on every page: it must not slow one down."""
    from sqlalchemy import event

    from webhooks.console.questions import health

    standing, asked = desk.standing, []
    event.listen(
        standing.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2])
    )
    health.needs(standing)
    assert len([each for each in asked if each.startswith("SELECT")]) <= 4


def _given_up(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = told(desk)["outbox"]["given_up"]
    return found


def _form(desk: Desk) -> dict[str, str]:
    """The token against forgery, as a page of this session has it."""
    shown = desk.get("/health").text
    return {"csrf_token": shown.partition('name="csrf_token" value="')[2].partition('"')[0]}
