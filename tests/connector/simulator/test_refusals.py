"""The simulator refuses what Jira refuses, each in Jira's own words and with its status."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, Simulator
from connector.simulator.adf import from_wiki
from connector.simulator.limits import WriteLimits

Ask = Callable[..., requests.Response]

INVALID_PAYLOAD = "Invalid request payload. Refer to the REST API documentation and try again."
NOT_SETTABLE = "Field 'summary' cannot be set. It is not on the appropriate screen, or unknown."


@pytest.fixture
def key(sim: Simulator) -> str:
    return sim.create_issue(project="BOT", summary="x").key


def fault(answer: requests.Response) -> tuple[int, str]:
    """The status of a refusal, and its first sentence."""
    body = answer.json()
    return answer.status_code, [*body.get("errorMessages", []), *body.get("errors", {}).values()][0]


@pytest.mark.parametrize("sim", ["cloud"], indirect=True)
class TestOnCloud:
    @pytest.mark.parametrize(
        "body",
        [
            {"jql": "project = BOT", "colour": 1},
            {"jql": "project = BOT", "failFast": True},
            {"jql": "project = BOT", "fields": "summary"},
            {"jql": "project = BOT", "maxResults": "50"},
            {"jql": ["project = BOT"]},
        ],
    )
    def test_a_search_with_strange_members(self, ask: Ask, body: Any) -> None:
        assert fault(ask("POST", "/search/jql", json=body)) == (400, INVALID_PAYLOAD)

    def test_a_search_without_any_bound(self, ask: Ask) -> None:
        status, words = fault(ask("POST", "/search/jql", json={"jql": "order by key"}))
        assert (status, words.partition(".")[0]) == (
            400,
            "Unbounded JQL queries are not allowed here",
        )

    def test_more_issues_to_reconcile_than_fifty(self, ask: Ask) -> None:
        body = {"jql": "project = BOT", "reconcileIssues": [*range(51)]}
        assert ask("POST", "/search/jql", json=body).status_code == 400

    def test_the_search_that_is_gone(self, ask: Ask) -> None:
        assert ask("GET", "/search?jql=project=BOT").status_code == 410

    def test_a_comment_in_wiki_text(self, ask: Ask, key: str) -> None:
        answer = ask("POST", f"/issue/{key}/comment", json={"body": "plain"})
        assert fault(answer) == (400, "Comment body is not valid!")

    def test_comments_in_an_order_that_is_none(self, ask: Ask, key: str) -> None:
        assert ask("GET", f"/issue/{key}/comment?orderBy=updated").status_code == 400

    def test_a_field_or_a_context_with_a_strange_member(self, ask: Ask) -> None:
        field = {"name": "x", "type": "t", "projectIds": []}
        assert fault(ask("POST", "/field", json=field)) == (400, INVALID_PAYLOAD)
        context = {"name": "x", "projects": []}
        answer = ask("POST", "/field/customfield_10100/context", json=context)
        assert fault(answer) == (400, INVALID_PAYLOAD)

    def test_silence_is_overlooked_when_others_than_administrators_wish_it(
        self, ask: Ask, key: str
    ) -> None:
        edit = {"fields": {"summary": "y"}}
        path = f"/issue/{key}?notifyUsers=false"
        assert ask("PUT", path, json=edit, account=AGENT).status_code == 204

    def test_many_writes_to_one_issue(
        self, ask: Ask, sim: Simulator, key: str, wait: Callable[..., None]
    ) -> None:
        other = sim.create_issue(project="BOT", summary="other").key
        sim.faults.weather = WriteLimits(sim)

        def write(issue: str) -> requests.Response:
            return ask("PUT", f"/issue/{issue}", json={"fields": {"summary": "y"}})

        for _ in range(20):
            assert write(key).status_code == 204
        refused = write(sim.issue(key).id)
        assert refused.status_code == 429
        assert refused.headers["RateLimit-Reason"] == "jira-per-issue-on-write"
        assert refused.headers["Retry-After"] == "2"
        assert ask("GET", f"/issue/{key}").status_code == 200
        assert write(other).status_code == 204
        for _ in range(4):
            wait(seconds=2)
            for _ in range(20):
                assert write(key).status_code == 204
        wait(seconds=2)
        assert write(key).headers["Retry-After"] == "20"
        wait(seconds=20)
        assert write(key).status_code == 204


@pytest.mark.parametrize("sim", ["datacenter"], indirect=True)
class TestOnDataCenter:
    def test_an_edit_that_is_to_notify_nobody(self, ask: Ask, key: str) -> None:
        path, edit = f"/issue/{key}?notifyUsers=false", {"fields": {"summary": "y"}}
        status, words = fault(ask("PUT", path, json=edit, account=AGENT))
        assert status == 403
        assert "To discard the user notification" in words
        assert ask("PUT", path, json=edit).status_code == 204

    def test_a_field_that_is_on_no_screen(self, ask: Ask, sim: Simulator, key: str) -> None:
        hidden = sim.create_field("Hidden", "float", on_screens=False).id
        answer = ask("PUT", f"/issue/{key}", json={"fields": {hidden: 1}})
        assert answer.status_code == 400
        assert "not on the appropriate screen" in answer.json()["errors"][hidden]

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("POST", "/issue", {"feilds": {}}),
            ("PUT", "/issue/{key}", {"summary": "y"}),
            ("POST", "/issue/{key}/transitions", {"id": "21"}),
            ("POST", "/issue/{key}/comment", {"body": "x", "public": False}),
            ("PUT", "/issue/{key}/comment/{comment}", {"body": "x", "notifyUsers": False}),
            ("POST", "/issue/{key}/remotelink", {"url": "https://example.com"}),
            ("POST", "/search", {"jql": "project = BOT", "nextPageToken": "x"}),
            ("POST", "/field", {"title": "x"}),
        ],
    )
    def test_a_member_that_is_unknown(
        self, ask: Ask, sim: Simulator, key: str, method: str, path: str, body: Any
    ) -> None:
        comment = sim.add_comment(key, "x").id
        status, words = fault(ask(method, path.format(key=key, comment=comment), json=body))
        assert status == 400
        assert "Unrecognized field" in words

    @pytest.mark.parametrize("member", ["startAt", "maxResults"])
    def test_a_page_that_is_no_number(self, ask: Ask, member: str) -> None:
        body = {"jql": "project = BOT", member: "ten"}
        assert ask("POST", "/search", json=body).status_code == 400

    def test_more_than_a_thousand_at_once_are_not_given(self, ask: Ask) -> None:
        assert ask("GET", "/search?jql=project=BOT&maxResults=5000").json()["maxResults"] == 1000


def test_an_edit_without_the_right_is_no_403(ask: Ask, sim: Simulator, key: str) -> None:
    sim.deny(AGENT, "EDIT_ISSUES")
    answer = ask("PUT", f"/issue/{key}", json={"fields": {"summary": "y"}}, account=AGENT)
    assert fault(answer) == (400, NOT_SETTABLE)


def test_a_comment_without_the_right_is_no_403(ask: Ask, sim: Simulator, key: str) -> None:
    sim.deny(AGENT, "ADD_COMMENTS")
    body = from_wiki("x") if sim.cloud else "x"
    answer = ask("POST", f"/issue/{key}/comment", json={"body": body}, account=AGENT)
    assert fault(answer) == (400, "You do not have the permission to comment on this issue.")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Support plan", {"value": "Gold"}),
        ("Support plan", "Standard"),
        ("Company", "x" * 256),
        ("Company", 7),
        ("Reported at", "2026-11-21T12:00:00Z"),
        ("Reported at", "2026-11-21 12:00"),
        ("Reported at", 1795262400000),
        ("Remaining", "2.5"),
        ("Remaining", True),
    ],
)
def test_a_value_that_does_not_fit_its_field(
    ask: Ask, sim: Simulator, key: str, name: str, value: Any
) -> None:
    sim.create_field("Remaining", "float")
    field = sim.field_named(name)
    assert field is not None
    answer = ask("PUT", f"/issue/{key}", json={"fields": {field.id: value}})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {field.id}


@pytest.mark.parametrize("transition", [{"id": "99"}, {"name": "Done"}, "21"])
def test_a_transition_that_is_none(ask: Ask, key: str, transition: Any) -> None:
    answer = ask("POST", f"/issue/{key}/transitions", json={"transition": transition})
    assert answer.status_code == 400


@pytest.mark.parametrize("properties", [{"dueline": 1}, [{"key": "dueline"}], [1]])
def test_properties_that_are_no_list_of_keys_and_values(
    ask: Ask, key: str, properties: Any
) -> None:
    body = {"fields": {"summary": "y"}, "properties": properties}
    assert ask("PUT", f"/issue/{key}", json=body).status_code == 400


def test_a_401_tells_a_known_account_from_a_wrong_token(
    datacenter: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(datacenter)
    known = ask("GET", "/screens", account=AGENT)
    assert (known.status_code, known.headers["X-AUSERNAME"]) == (401, "agent")
    assert "X-Seraph-LoginReason" not in known.headers
    nobody = ask("GET", "/screens", auth=(AGENT, "wrong"))
    assert (nobody.status_code, "X-AUSERNAME" in nobody.headers) == (401, False)
    assert nobody.headers["X-Seraph-LoginReason"] == "AUTHENTICATED_FAILED"
