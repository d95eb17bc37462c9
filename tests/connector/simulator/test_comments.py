from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, CUSTOMER, LEAD, Simulator

Ask = Callable[..., requests.Response]


def body(sim: Simulator, text: str) -> Any:
    if not sim.cloud:
        return text
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": text}]}
    return {"type": "doc", "version": 1, "content": [paragraph]}


@pytest.fixture
def key(sim: Simulator) -> str:
    return sim.create_issue(project="BOT", summary="x").key


def test_a_comment_is_added_read_edited_and_deleted(
    ask: Ask, sim: Simulator, key: str, wait: Callable[..., None]
) -> None:
    made = ask("POST", f"/issue/{key}/comment", json={"body": body(sim, "one")}, account=AGENT)
    assert made.status_code == 201
    assert made.json()["body"] == body(sim, "one")
    path = f"/issue/{key}/comment/{made.json()['id']}"
    assert ask("GET", path).json() == made.json()
    wait(minutes=1)
    edited = ask("PUT", path, json={"body": body(sim, "two")})
    assert edited.status_code == 200
    assert edited.json()["created"] == "2026-11-21T10:00:00.123+0000"
    assert edited.json()["updated"] == "2026-11-21T10:01:00.123+0000"
    assert edited.json()["author"]["displayName"] == "Ada Agent"
    assert edited.json()["updateAuthor"]["displayName"] == "Dueline"
    assert ask("DELETE", path).status_code == 204
    answer = ask("GET", path)
    assert answer.status_code == 404
    assert answer.json()["errorMessages"] == ["Can not find a comment for the id: 10000."]


def test_comments_come_in_pages_oldest_first(ask: Ask, sim: Simulator, key: str) -> None:
    for number in range(5):
        sim.add_comment(key, f"c{number}")
    page = ask("GET", f"/issue/{key}/comment?startAt=1&maxResults=2").json()
    assert [page["startAt"], page["maxResults"], page["total"]] == [1, 2, 5]
    assert [c["body"] for c in page["comments"]] == [body(sim, "c1"), body(sim, "c2")]
    newest = ask("GET", f"/issue/{key}/comment?orderBy=-created&maxResults=1").json()
    assert newest["comments"][0]["body"] == body(sim, "c4")
    inside = ask("GET", f"/issue/{key}?fields=comment").json()["fields"]["comment"]
    assert inside["total"] == 5


def test_properties_know_the_comment_again(ask: Ask, sim: Simulator, key: str) -> None:
    marked = {
        "body": body(sim, "due soon"),
        "properties": [{"key": "dueline.effect", "value": {"key": "w-1"}}],
    }
    comment_id = ask("POST", f"/issue/{key}/comment", json=marked).json()["id"]
    path = f"/comment/{comment_id}/properties"
    assert [k["key"] for k in ask("GET", path).json()["keys"]] == ["dueline.effect"]
    answer = ask("GET", f"{path}/dueline.effect")
    assert answer.json() == {"key": "dueline.effect", "value": {"key": "w-1"}}
    assert ask("GET", f"{path}/other").status_code == 404
    assert ask("PUT", f"{path}/other", json=[1, 2]).status_code == 201
    assert ask("PUT", f"{path}/other", json=[3]).status_code == 200
    assert ask("DELETE", f"{path}/other").status_code == 204
    ask("PUT", f"/issue/{key}/comment/{comment_id}", json={"body": body(sim, "edited")})
    assert ask("GET", f"{path}/dueline.effect").status_code == 200
    assert ask("GET", "/comment/99999/properties").status_code == 404


def test_internal_comments_are_not_public(ask: Ask, sim: Simulator, key: str) -> None:
    mark = [{"key": "sd.public.comment", "value": {"internal": True}}]
    given = {"body": body(sim, "for us"), "properties": mark}
    made = ask("POST", f"/issue/{key}/comment", json=given).json()
    assert not sim.issue(key).comments[0].public
    assert made.get("jsdPublic") is (False if sim.cloud else None)
    assert sim.add_comment(key, "for all").public
    assert not sim.add_comment(key, "for us", internal=True).public


@pytest.mark.parametrize(
    "visibility",
    [
        {"type": "group", "value": "support"},
        {"type": "group", "identifier": "276f955c-63d7-42c8-9520-000000000003"},
        {"type": "role", "value": "Service Desk Team"},
    ],
)
def test_visibility_hides_a_comment(
    ask: Ask, sim: Simulator, key: str, visibility: dict[str, str]
) -> None:
    given = {"body": body(sim, "hush"), "visibility": visibility}
    made = ask("POST", f"/issue/{key}/comment", json=given, account=AGENT)
    if "identifier" in visibility and not sim.cloud:
        # Data Center knows groups by their names alone.
        assert made.status_code == 400
        return
    assert made.json()["visibility"]["type"] == visibility["type"]
    path = f"/issue/{key}/comment"
    assert ask("GET", path, account=LEAD).json()["total"] == 1
    assert ask("GET", path, account=CUSTOMER).json()["total"] == 0
    assert ask("GET", f"{path}/{made.json()['id']}", account=CUSTOMER).status_code == 404


def test_an_unknown_visibility_is_refused(ask: Ask, sim: Simulator, key: str) -> None:
    given = {"body": body(sim, "x"), "visibility": {"type": "group", "value": "nobody"}}
    answer = ask("POST", f"/issue/{key}/comment", json=given)
    assert answer.status_code == 400
    assert "nobody" in answer.json()["errors"]["commentLevel"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "Comment body is not valid!"),
        ({"body": {"type": "doc"}}, "Comment body is not valid!"),
        ({"body": 7}, "Comment body is not valid!"),
    ],
)
def test_a_faulty_body_is_refused(ask: Ask, key: str, given: Any, words: str) -> None:
    answer = ask("POST", f"/issue/{key}/comment", json=given)
    assert answer.status_code == 400
    if given:
        assert answer.json() == {"errorMessages": [], "errors": {"comment": words}}


@pytest.mark.parametrize("text", [" ", "x" * 32768])
def test_an_empty_or_endless_body_is_refused(ask: Ask, sim: Simulator, key: str, text: str) -> None:
    answer = ask("POST", f"/issue/{key}/comment", json={"body": body(sim, text)})
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"comment"}


def test_plain_text_in_v3_is_refused_as_recorded(
    cloud: Simulator, serve: Callable[..., Ask]
) -> None:
    ask = serve(cloud)
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.deny(CUSTOMER, "ADD_COMMENTS")
    path, given = f"/issue/{key}/comment", {"body": "plain"}
    answer = ask("POST", path, json=given, account=CUSTOMER)
    assert answer.status_code == 400
    assert answer.json() == {
        "errorMessages": ["You do not have the permission to comment on this issue."],
        "errors": {"comment": "Comment body is not valid!"},
    }
    assert ask("POST", f"/rest/api/2{path}", json=given, account=AGENT).status_code == 201


def test_comments_are_fetched_by_id_on_cloud(cloud: Simulator, serve: Callable[..., Ask]) -> None:
    ask = serve(cloud)
    key = cloud.create_issue(project="BOT", summary="x").key
    ids = [int(cloud.add_comment(key, text).id) for text in ("a", "b", "c")]
    page = ask("POST", "/comment/list", json={"ids": ids[1:]}).json()
    assert [int(c["id"]) for c in page["values"]] == ids[1:]
    assert ask("POST", "/comment/list", json={}).status_code == 400


def test_python_edits_and_deletes_comments(sim: Simulator, key: str) -> None:
    comment = sim.add_comment(key, "one", account=CUSTOMER)
    sim.edit_comment(key, comment.id, "two", account=CUSTOMER)
    assert sim.issue(key).comments[0].body.wiki == "two"
    sim.delete_comment(key, comment.id)
    assert sim.issue(key).comments == []


def test_an_edit_keeps_what_it_does_not_name(ask: Ask, sim: Simulator, key: str) -> None:
    marks = {"dueline.effect": {"key": "w-1"}}
    comment = sim.add_comment(key, "hush", internal=True, properties=marks)
    path = f"/issue/{key}/comment/{comment.id}"
    for where in (path, f"/rest/api/2{path}"):
        text = "again" if where.startswith("/rest") else body(sim, "again")
        assert ask("PUT", where, json={"body": text}, account=AGENT).json()["body"] == text
        assert set(comment.properties) == {"dueline.effect", "sd.public.comment"}
        assert not comment.public
    mark = [{"key": "sd.public.comment", "value": {"internal": False}}]
    ask("PUT", path, json={"body": body(sim, "for all"), "properties": mark})
    assert comment.public
    assert comment.properties["dueline.effect"] == {"key": "w-1"}
    assert ask("PUT", path, json={"body": 7}).status_code == 400
    assert comment.body.wiki == "for all"


def test_who_may_not_touch_a_comment(ask: Ask, sim: Simulator, key: str) -> None:
    comment = sim.add_comment(key, "mine", account=AGENT)
    path = f"/issue/{key}/comment/{comment.id}"
    for permission in ("EDIT_ALL_COMMENTS", "DELETE_ALL_COMMENTS"):
        sim.deny(CUSTOMER, permission)
    edited = ask("PUT", path, json={"body": body(sim, "yours")}, account=CUSTOMER)
    deleted = ask("DELETE", path, account=CUSTOMER)
    assert (edited.status_code, deleted.status_code) == (400, 400)
    assert ask("PUT", path, json={"body": body(sim, "ours")}, account=AGENT).status_code == 200
    assert ask("DELETE", path, account=AGENT).status_code == 204


def test_a_comment_without_an_author(ask: Ask, sim: Simulator, key: str, receiver: Any) -> None:
    sim.register_webhook("https://dueline.example.com/webhook")
    comment = sim.add_comment(key, "anybody there?", account=None)
    shown = ask("GET", f"/issue/{key}/comment/{comment.id}").json()
    assert not {"author", "updateAuthor"} & set(shown)
    inside = ask("GET", f"/issue/{key}").json()["fields"]["comment"]["comments"]
    assert inside == [shown]
    assert "Anonymous" in ask("GET", f"//browse/{key}").text
    sim.edit_comment(key, comment.id, "somebody was here", account=AGENT)
    sim.delete_comment(key, comment.id)
    sim.deliver()
    told = [b for _, b, _ in receiver.received if b["webhookEvent"].startswith("comment_")]
    assert [("author" in b["comment"], "updateAuthor" in b["comment"]) for b in told] == [
        (False, False),
        (False, True),
        (False, True),
    ]
    if not sim.cloud:
        first = receiver.received[0][1]
        assert (first["issue_event_type_name"], "user" in first) == ("issue_commented", False)


def test_an_author_can_be_deleted_afterwards(ask: Ask, sim: Simulator, key: str) -> None:
    comment = sim.add_comment(key, "bye", account=CUSTOMER)
    comment.author = comment.update_author = None
    shown = ask("GET", f"/issue/{key}/comment").json()["comments"][0]
    assert not {"author", "updateAuthor"} & set(shown)


def test_python_shows_and_hides_a_comment(sim: Simulator, key: str) -> None:
    comment = sim.add_comment(key, "one")
    sim.edit_comment(key, comment.id, "two", internal=True)
    assert not comment.public
    document = {"type": "doc", "version": 1, "content": []}
    paragraph = {"type": "paragraph", "content": [{"type": "text", "text": "three"}]}
    sim.edit_comment(key, comment.id, {**document, "content": [paragraph]}, internal=False)
    assert (comment.public, comment.body.wiki) == (True, "three")
