from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import requests

from connector.simulator import Simulator
from connector.simulator.faults import Faults, Rule, read_rule

Ask = Callable[..., requests.Response]


@pytest.fixture
def key(cloud: Simulator) -> str:
    return cloud.create_issue(project="BOT", summary="x").key


@pytest.fixture
def cloudy(cloud: Simulator, serve: Callable[..., Ask]) -> Ask:
    return serve(cloud)


def comment(ask: Ask, key: str) -> requests.Response:
    return ask("POST", f"/rest/api/2/issue/{key}/comment", json={"body": "x"})


def test_an_error_before_the_effect(cloudy: Ask, cloud: Simulator, key: str) -> None:
    cloud.faults.error(503, method="POST", path="/comment$")
    assert cloudy("GET", "/myself").status_code == 200
    assert comment(cloudy, key).status_code == 503
    assert cloud.issue(key).comments == []
    assert comment(cloudy, key).status_code == 201


def test_an_error_after_the_effect(cloudy: Ask, cloud: Simulator, key: str) -> None:
    cloud.faults.error(502, when="after", times=2)
    assert [comment(cloudy, key).status_code for _ in range(3)] == [502, 502, 201]
    assert len(cloud.issue(key).comments) == 3


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("during", 1), ("after", 1)])
def test_a_dropped_connection(
    cloudy: Ask, cloud: Simulator, key: str, when: Any, made: int
) -> None:
    cloud.faults.drop(when, method="POST")
    with pytest.raises(requests.RequestException):
        comment(cloudy, key)
    assert len(cloud.issue(key).comments) == made
    assert comment(cloudy, key).status_code == 201
    assert [request.status for request in cloud.requests] == [0, 201]


def test_a_connection_dropped_within_an_answer_that_has_no_body(
    cloudy: Ask, cloud: Simulator, key: str
) -> None:
    cloud.faults.drop("during", method="PUT")
    with pytest.raises(requests.ConnectionError):
        cloudy("PUT", f"/rest/api/3/issue/{key}", json={"fields": {"summary": "y"}})
    assert cloud.issue(key).values["summary"] == "y"


@pytest.mark.parametrize(("when", "made"), [("before", 0), ("after", 1)])
def test_an_answer_that_comes_too_late(
    cloudy: Ask, cloud: Simulator, key: str, when: Any, made: int
) -> None:
    cloud.faults.slow(0.5, when, method="POST")
    with pytest.raises(requests.Timeout):
        cloudy("POST", f"/rest/api/2/issue/{key}/comment", json={"body": "x"}, timeout=0.1)
    assert len(cloud.issue(key).comments) == made


def test_the_weather_is_asked_where_no_rule_is_left(
    cloudy: Ask, cloud: Simulator, key: str
) -> None:
    class Foul:
        def over_request(self, method: str, path: str) -> Rule | None:
            return Rule(status=502) if method == "POST" else None

        def over_delivery(self, event: str) -> Literal["drop", "double"] | None:
            return "drop"

        def over_batch(self, size: int) -> bool:
            return True

    cloud.faults.weather = Foul()
    cloud.faults.error(418, method="POST")
    assert [comment(cloudy, key).status_code for _ in range(2)] == [418, 502]
    assert cloudy("GET", "/myself").status_code == 200
    assert cloud.faults.for_delivery("comment_created") == "drop"
    assert cloud.faults.for_batch(2)


def test_rate_limits_carry_jiras_headers(cloudy: Ask, cloud: Simulator) -> None:
    cloud.faults.rate_limit(7, "jira-per-issue-on-write")
    cloud.faults.rate_limit(None, None)
    limited, bare = cloudy("GET", "/myself"), cloudy("GET", "/myself")
    assert (limited.status_code, limited.headers["Retry-After"]) == (429, "7")
    assert limited.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
    assert bare.status_code == 429
    assert not {"Retry-After", "RateLimit-Reason"} & set(bare.headers)


def test_html_where_json_was_due(cloudy: Ask, cloud: Simulator) -> None:
    cloud.faults.html()
    answer = cloudy("GET", "/myself")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/html"
    assert answer.text.startswith("<html>")


def test_a_person_can_set_faults_over_http(cloudy: Ask, cloud: Simulator) -> None:
    rule = {"method": "get", "path": "myself", "status": 500, "body": {"oops": 1}, "times": 2}
    made = cloudy("POST", "//simulator/faults", json=[rule, {"webhook": "drop"}])
    assert made.status_code == 201
    assert len(cloudy("GET", "//simulator/faults").json()) == 2
    answer = cloudy("GET", "/myself")
    assert (answer.status_code, answer.json()) == (500, {"oops": 1})
    assert cloudy("DELETE", "//simulator/faults").status_code == 204
    assert cloudy("GET", "/myself").status_code == 200
    assert cloud.faults.rules() == []


@pytest.mark.parametrize(
    "given",
    [
        {"colour": 1},
        {"when": "never"},
        {"drop": "always"},
        {"webhook": "eat"},
        {"times": 0},
        {"path": "("},
        [1],
    ],
)
def test_a_faulty_fault_is_refused(cloudy: Ask, given: Any) -> None:
    answer = cloudy("POST", "//simulator/faults", json=given)
    assert answer.status_code == 400
    assert answer.json()["error"]


def test_requests_are_recorded(cloudy: Ask, cloud: Simulator, key: str) -> None:
    comment(cloudy, key)
    cloudy("GET", "/myself?expand=groups", account=None)
    first, second = cloud.requests
    assert (first.method, first.path) == ("POST", f"/rest/api/2/issue/{key}/comment")
    assert (first.body, first.status) == (b'{"body": "x"}', 201)
    assert first.account == "dueline@example.com"
    assert (second.query, second.account) == ("expand=groups", None)
    shown = cloudy("GET", "//simulator/requests").json()
    assert [entry["path"] for entry in shown] == [first.path, second.path]
    assert cloudy("DELETE", "//simulator/requests").status_code == 204
    assert not cloud.requests


def test_webhooks_are_lost_doubled_and_reordered(cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook("https://dueline.example.com/webhook")
    cloud.faults.webhook("drop", event="jira:issue_created")
    cloud.faults.webhook("double", event="comment_created")
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.add_comment(key, "x")
    assert cloud.deliver() == 1
    assert receiver.events == ["comment_created", "comment_created"]
    first, second = (h["X-Atlassian-Webhook-Identifier"] for _, _, h in receiver.received)
    assert first == second
    receiver.received.clear()
    cloud.faults.webhook("reorder")
    cloud.transition(key, "Done")
    cloud.deliver()
    cloud.transition(key, "To Do")
    cloud.add_comment(key, "y")
    cloud.deliver()
    assert receiver.events == ["jira:issue_updated", "comment_created", "jira:issue_updated"]
    assert cloud.faults.rules() == []


def test_deliveries_can_be_looked_at(cloudy: Ask, cloud: Simulator, receiver: Any) -> None:
    cloud.register_webhook("https://dueline.example.com/webhook", events=["jira:issue_created"])
    cloud.create_issue(project="BOT", summary="x")
    cloud.deliver()
    cloud.create_issue(project="BOT", summary="y")
    shown = cloudy("GET", "//simulator/deliveries").json()
    assert [entry["issue"] for entry in shown["pending"]] == ["BOT-2"]
    assert [(entry["issue_key"], entry["status"]) for entry in shown["attempts"]] == [
        ("BOT-1", 202)
    ]


def test_rules_are_used_oldest_first() -> None:
    faults = Faults()
    faults.add(read_rule({"status": 500}))
    faults.add(read_rule({"status": 501, "method": "POST"}))
    used = [faults.for_request("POST", "/x") for _ in range(3)]
    assert [rule.status if rule else None for rule in used] == [500, 501, None]
