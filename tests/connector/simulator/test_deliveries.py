from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from connector.simulator import AGENT, CUSTOMER, Simulator
from connector.simulator.deliveries import RETRY_DELAYS, signature

COMMENTS = ["comment_created", "comment_updated", "comment_deleted"]
ISSUES = ["jira:issue_created", "jira:issue_updated", "jira:issue_deleted"]
URL = "https://dueline.example.com/webhook"


def test_the_signature_is_jiras_test_vector() -> None:
    assert signature("It's a Secret to Everybody", b"Hello World!") == (
        "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    )


def live_through(sim: Simulator) -> None:
    key = sim.create_issue(project="BOT", summary="x", description="h1. Why").key
    sim.edit(key, priority="High", customfield_10100="Enterprise")
    sim.assign(key, AGENT)
    comment = sim.add_comment(key, "*on it*")
    sim.edit_comment(key, comment.id, "done")
    sim.delete_comment(key, comment.id)
    sim.transition(key, "Done")
    sim.delete_issue(key)


def test_cloud_tells_each_event_once(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL, secret="s3cret")
    live_through(cloud)
    assert len(cloud.pending_deliveries()) == 8
    assert cloud.deliver() == 8
    told = [(b["webhookEvent"], b.get("issue_event_type_name")) for _, b, _ in receiver.received]
    assert told == [
        ("jira:issue_created", "issue_created"),
        ("jira:issue_updated", "issue_updated"),
        ("jira:issue_updated", "issue_assigned"),
        ("comment_created", None),
        ("comment_updated", None),
        ("comment_deleted", None),
        ("jira:issue_updated", "issue_generic"),
        ("jira:issue_deleted", None),
    ]
    identifiers = {h["X-Atlassian-Webhook-Identifier"] for _, _, h in receiver.received}
    assert len(identifiers) == 8
    for body, (_, _, headers) in zip(receiver.bodies, receiver.received, strict=True):
        digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
        assert headers["X-Hub-Signature"] == f"sha256={digest}"
        assert headers["X-Atlassian-Webhook-Flow"] == "Primary"
        assert headers["Content-Type"].startswith("application/json")
        assert "X-Atlassian-Webhook-Retry" not in headers


def test_clouds_comment_events_are_slim(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL, events=COMMENTS)
    live_through(cloud)
    cloud.deliver()
    for _, body, _ in receiver.received:
        assert set(body) == {"timestamp", "webhookEvent", "comment", "issue"}
        assert set(body["issue"]["fields"]) == {
            "summary",
            "issuetype",
            "project",
            "assignee",
            "priority",
            "status",
        }
        assert body["issue"]["self"].endswith("/rest/api/2/10000")
        assert body["comment"]["jsdPublic"] is True
    assert receiver.received[0][1]["comment"]["body"] == "*on it*"
    assert receiver.received[0][1]["timestamp"] == 1795255200123


def test_the_changelog_of_an_event_is_that_of_the_history(sim: Simulator, receiver: Any) -> None:
    sim.register_webhook(URL, events=["jira:issue_updated"])
    key = sim.create_issue(project="BOT", summary="x").key
    history = sim.edit(key, priority="High")
    sim.deliver()
    changelog = receiver.received[0][1]["changelog"]
    assert history is not None
    assert changelog["id"] == history.id
    (item,) = changelog["items"]
    assert item["toString"] == "High"
    assert ("fieldId" in item) == sim.cloud


def test_clouds_assignments_carry_temporary_ids(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL, events=["jira:issue_updated"])
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.assign(key, AGENT)
    cloud.deliver()
    (item,) = receiver.received[0][1]["changelog"]["items"]
    assert item["tmpFromAccountId"] is None
    assert item["tmpToAccountId"] == item["to"] == cloud.account(AGENT).account_id


def test_data_center_tells_a_comment_twice(datacenter: Simulator, receiver: Any) -> None:
    datacenter.register_webhook(URL)
    live_through(datacenter)
    datacenter.deliver()
    told = [
        (b["webhookEvent"], b.get("issue_event_type_name"), "comment" in b, "issue" in b)
        for _, b, _ in receiver.received
        if "comment" in b["webhookEvent"] or "comment" in str(b.get("issue_event_type_name"))
    ]
    assert told == [
        ("jira:issue_updated", "issue_commented", True, True),
        ("comment_created", None, True, False),
        ("jira:issue_updated", "issue_comment_edited", True, True),
        ("comment_updated", None, True, False),
        ("jira:issue_updated", "issue_comment_deleted", False, True),
        ("comment_deleted", None, True, False),
    ]
    assert all(
        "/issue/10000/comment/" in b["comment"]["self"]
        for _, b, _ in receiver.received
        if "comment" in b
    )
    assert all("jsdPublic" not in b["comment"] for _, b, _ in receiver.received if "comment" in b)


def test_data_center_names_no_delivery_and_tries_once(
    datacenter: Simulator, receiver: Any, wait: Callable[..., None]
) -> None:
    datacenter.register_webhook(URL)
    receiver.answers.append(503)
    datacenter.create_issue(project="BOT", summary="x")
    assert datacenter.deliver() == 0
    assert datacenter.pending_deliveries() == []
    wait(hours=1)
    assert datacenter.deliver() == 0
    headers = receiver.received[0][2]
    assert not [name for name in headers if name.startswith("X-Atlassian")]
    assert receiver.received[0][1]["issue"]["self"].endswith("/rest/api/2/issue/10000")
    assert "changelog" not in receiver.received[0][1]


@pytest.mark.parametrize("answer", [None, 408, 409, 425, 429, 500, 503])
def test_cloud_tries_again_with_growing_delay(
    cloud: Simulator, receiver: Any, clock: Any, answer: int | None
) -> None:
    cloud.register_webhook(URL)
    receiver.answers.extend([answer] * 6)
    cloud.create_issue(project="BOT", summary="x")
    assert cloud.deliver() == 0
    for number, delay in enumerate(RETRY_DELAYS, 1):
        clock.instant += delay - timedelta(seconds=1)
        cloud.deliver()
        assert len(receiver.received) == number
        clock.instant += timedelta(seconds=1)
        cloud.deliver()
        assert len(receiver.received) == number + 1
    assert cloud.pending_deliveries() == []
    retries = [h.get("X-Atlassian-Webhook-Retry") for _, _, h in receiver.received]
    assert retries == [None, "1", "2", "3", "4", "5"]
    assert len({h["X-Atlassian-Webhook-Identifier"] for _, _, h in receiver.received}) == 1
    assert [attempt.status for attempt in cloud.attempts] == [answer] * 6
    assert list(RETRY_DELAYS) == sorted(RETRY_DELAYS)


@pytest.mark.parametrize("answer", [301, 400, 401, 403, 404, 410, 422])
def test_other_answers_are_final(cloud: Simulator, receiver: Any, answer: int) -> None:
    cloud.register_webhook(URL)
    receiver.answers.append(answer)
    cloud.create_issue(project="BOT", summary="x")
    assert cloud.deliver() == 0
    assert cloud.pending_deliveries() == []


def test_a_failing_delivery_does_not_hold_up_the_next(
    cloud: Simulator, receiver: Any, wait: Callable[..., None]
) -> None:
    cloud.register_webhook(URL, events=ISSUES)
    receiver.answers.append(503)
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.transition(key, "Done")
    assert cloud.deliver() == 1
    wait(seconds=10)
    assert cloud.deliver() == 1
    assert receiver.events == ["jira:issue_created", "jira:issue_updated", "jira:issue_created"]


def test_filters_choose_the_issues(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL, events=ISSUES, jql="project = BOT and priority = High")
    cloud.create_issue(project="BIT", summary="x", priority="High")
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.edit(key, priority="High")
    cloud.delete_issue(key)
    cloud.deliver()
    assert receiver.events == ["jira:issue_updated", "jira:issue_deleted"]


def test_the_address_can_name_the_issue(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL + "?k=${issue.key}&c={comment.id}&p={project.key}&x={other.thing}")
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.add_comment(key, "x", account=CUSTOMER)
    cloud.deliver()
    assert [url.partition("?")[2] for url, _, _ in receiver.received] == [
        "k=BOT-1&c=&p=BOT&x={other.thing}",
        "k=BOT-1&c=10000&p=BOT&x={other.thing}",
    ]


def test_a_body_can_be_left_out(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL, exclude_body=True, secret="s")
    cloud.create_issue(project="BOT", summary="x")
    cloud.deliver()
    assert receiver.bodies == [b""]
    assert receiver.received[0][2]["X-Hub-Signature"] == signature("s", b"")


def test_an_event_is_told_as_it_was(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL, events=ISSUES)
    key = cloud.create_issue(project="BOT", summary="before").key
    cloud.edit(key, summary="after")
    cloud.deliver()
    told = [body["issue"]["fields"]["summary"] for _, body, _ in receiver.received]
    assert told == ["before", "after"]


def test_what_the_receiver_causes_is_delivered_too(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook(URL)

    def reply(url: str, body: bytes, headers: Any) -> int:
        status: int = receiver(url, body, headers)
        if receiver.events == ["jira:issue_created"]:
            cloud.add_comment("BOT-1", "due at noon", account="dueline@example.com")
        return status

    cloud._post = reply
    cloud.create_issue(project="BOT", summary="x")
    assert cloud.deliver() == 2
    assert receiver.events == ["jira:issue_created", "comment_created"]
