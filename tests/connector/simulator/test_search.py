from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from connector.simulator import CUSTOMER, Simulator

Ask = Callable[..., requests.Response]
UNBOUNDED = (
    "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
)
REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full "
    "migration guideline is available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)


@pytest.fixture
def on_cloud(cloud: Simulator, serve: Callable[..., Ask]) -> Ask:
    for number in range(5):
        cloud.create_issue(project="BOT", summary=f"s{number}")
    return serve(cloud)


@pytest.fixture
def on_data_center(datacenter: Simulator, serve: Callable[..., Ask]) -> Ask:
    for number in range(5):
        datacenter.create_issue(project="BOT", summary=f"s{number}")
    return serve(datacenter)


def test_cloud_gives_ids_unless_asked_for_more(on_cloud: Ask) -> None:
    answer = on_cloud("GET", "/search/jql", params={"jql": "key = BOT-1"})
    assert answer.json() == {"issues": [{"id": "10000"}], "isLast": True}
    query = {"jql": "key = BOT-1", "fields": ["summary"], "expand": "changelog"}
    (issue,) = on_cloud("POST", "/search/jql", json=query).json()["issues"]
    assert (issue["key"], issue["fields"]) == ("BOT-1", {"summary": "s0"})
    assert issue["changelog"]["total"] == 1


def test_cloud_pages_by_token(on_cloud: Ask) -> None:
    query: dict[str, Any] = {"jql": "project = BOT order by key", "maxResults": 2}
    keys: list[str] = []
    while True:
        page = on_cloud("POST", "/search/jql", json={**query, "fields": ["key"]}).json()
        keys += [issue["key"] for issue in page["issues"]]
        if page["isLast"]:
            break
        query["nextPageToken"] = page["nextPageToken"]
    assert keys == ["BOT-1", "BOT-2", "BOT-3", "BOT-4", "BOT-5"]
    assert "nextPageToken" not in page


def test_a_token_points_behind_an_issue_not_at_a_position(
    cloud: Simulator, serve: Callable[..., Ask]
) -> None:
    for number in range(6):
        cloud.create_issue(project="BOT", summary=f"s{number}")
    ask = serve(cloud)
    jql = "project = BOT and statusCategory != Done order by created desc, key asc"
    query = {"jql": jql, "maxResults": 3, "fields": ["key"]}
    first = ask("POST", "/search/jql", json=query).json()
    cloud.transition("BOT-1", "Done")
    cloud.delete_issue("BOT-3")
    cloud.create_issue(project="BOT", summary="s6")
    query["nextPageToken"] = first["nextPageToken"]
    rest = ask("POST", "/search/jql", json=query).json()
    assert [issue["key"] for issue in first["issues"]] == ["BOT-1", "BOT-2", "BOT-3"]
    assert [issue["key"] for issue in rest["issues"]] == ["BOT-4", "BOT-5", "BOT-6"]
    assert not rest["isLast"]


@pytest.mark.parametrize("token", ["nonsense", "WzIsICJrZXkgPSBCT1QtMSJd"])
def test_a_token_of_something_else_is_refused(on_cloud: Ask, token: str) -> None:
    query = {"jql": "project = BOT", "nextPageToken": token}
    assert on_cloud("POST", "/search/jql", json=query).status_code == 400


def test_unbounded_queries_are_refused_as_recorded(on_cloud: Ask) -> None:
    answer = on_cloud("GET", "/search/jql", params={"jql": "order by key"})
    assert answer.status_code == 400
    assert answer.json() == {
        "errorMessages": [UNBOUNDED],
        "errors": {},
    }


@pytest.mark.parametrize(
    "body",
    [
        {"jql": "project = BOT", "colour": 1},
        {"jql": "project = BOT", "fields": "summary"},
        {"jql": "project = BOT", "maxResults": "5"},
    ],
)
def test_unknown_payloads_are_refused_as_recorded(on_cloud: Ask, body: Any) -> None:
    answer = on_cloud("POST", "/search/jql", json=body)
    assert answer.status_code == 400
    assert answer.json() == {
        "errorMessages": [
            "Invalid request payload. Refer to the REST API documentation and try again."
        ]
    }


@pytest.mark.parametrize("account", ["dueline@example.com", None])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_old_search_is_gone_from_cloud_as_recorded(
    on_cloud: Ask, method: str, account: str | None
) -> None:
    answer = on_cloud(method, "/search", account=account)
    assert answer.status_code == 410
    assert answer.json() == {
        "errorMessages": [REMOVED],
        "errors": {},
    }


def test_data_center_pages_by_offset(on_data_center: Ask) -> None:
    query = {"jql": "project = BOT order by key", "startAt": 1, "maxResults": 2}
    page = on_data_center("POST", "/search", json={**query, "fields": ["summary"]}).json()
    assert [page["startAt"], page["maxResults"], page["total"]] == [1, 2, 5]
    assert [issue["key"] for issue in page["issues"]] == ["BOT-2", "BOT-3"]
    same = on_data_center("GET", "/search", params={**query, "fields": "summary"}).json()
    assert same == page
    everything = on_data_center("GET", "/search").json()
    assert everything["total"] == 5
    assert "comment" not in everything["issues"][0]["fields"]
    assert on_data_center("GET", "/search/jql").status_code == 404


def test_a_bad_query_is_answered_with_400(on_cloud: Ask, on_data_center: Ask) -> None:
    for ask, path in ((on_cloud, "/search/jql"), (on_data_center, "/search")):
        answer = ask("GET", path, params={"jql": "project = NOPE"})
        assert answer.status_code == 400
        words = "The value 'NOPE' does not exist for the field 'project'."
        assert answer.json() == {"errorMessages": [words], "errors": {}}


def test_who_may_not_browse_finds_nothing(cloud: Simulator, serve: Callable[..., Ask]) -> None:
    ask = serve(cloud)
    key = cloud.create_issue(project="BOT", summary="x").key
    cloud.deny(CUSTOMER, "BROWSE_PROJECTS")
    query = {"jql": "project = BOT"}
    assert ask("GET", "/search/jql", params=query, account=CUSTOMER).json()["issues"] == []
    assert ask("GET", f"/issue/{key}", account=CUSTOMER).status_code == 404
