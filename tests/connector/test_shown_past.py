"""What the issues of a search show of their past, and when that is too little to go by."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from connector.client import ApiToken, Flavour, connect
from connector.history import shown_in
from sla.timeline import Changed, CommentSeen, Created, Linked

SITE = "https://jira.example"
NONE: frozenset[str] = frozenset()
AT = datetime(2026, 11, 20, 10, 5, tzinfo=UTC)


def entry(number: int, hour: int, field: str = "priority") -> dict[str, Any]:
    item = {"field": field, "fieldId": field, "fromString": "Low", "toString": "High"}
    return {"id": str(number), "created": f"2026-11-20T{hour:02}:00:00.000+0000", "items": [item]}


def issue(*entries: dict[str, Any], total: int | None = None, **fields: Any) -> dict[str, Any]:
    said = {"id": "5", "created": "2026-11-20T09:10:00Z", "body": "Hi", "author": None}
    usual = {
        "project": {"key": "BOT"},
        "created": "2026-11-20T08:00:00.000+0000",
        "updated": "2026-11-20T11:00:00.000+0000",
        "comment": {"comments": [said], "total": 1},
        "issuelinks": [{"id": "9", "outwardIssue": {"id": "10002"}}],
    }
    changelog = {"histories": [*entries], "total": len(entries) if total is None else total}
    return {"id": "10001", "key": "BOT-1", "fields": usual | fields, "changelog": changelog}


def hour(number: int) -> datetime:
    return datetime(2026, 11, 20, number, tzinfo=UTC)


def test_all_facts_are_shown_but_what_the_fields_say_now() -> None:
    shown = shown_in(issue(entry(7, 10)), NONE)
    assert shown is not None
    assert [type(fact) for fact in shown.facts] == [Created, Changed, Linked, CommentSeen]
    assert (shown.latest_at, shown.whole_since) == (hour(10), None)


def test_a_change_of_our_own_fields_is_no_fact_and_explains_the_update() -> None:
    shown = shown_in(issue(entry(7, 10, "customfield_1")), frozenset({"customfield_1"}))
    assert shown is not None
    assert not [fact for fact in shown.facts if isinstance(fact, Changed)]
    assert shown.latest_at == hour(10)


def test_of_a_long_changelog_the_newest_entries_are_shown() -> None:
    shown = shown_in(issue(entry(8, 11), entry(7, 10), total=40), NONE)
    assert shown is not None
    assert shown.whole_since == hour(10)


@pytest.mark.parametrize(
    "too_little",
    [
        {"fields": {}, "changelog": {"histories": [], "total": 0}},
        {**issue(), "changelog": None},
        # The oldest first: the newest may be those that are left out.
        issue(entry(7, 10), entry(8, 11), total=40),
        issue(total=40),
        issue(comment={"comments": [], "total": 30}),
        issue(comment=None),
        issue({"id": "7", "created": "?", "items": []}),
    ],
)
def test_what_is_shown_in_part_is_too_little(too_little: dict[str, Any]) -> None:
    assert shown_in(too_little, NONE) is None


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.mark.parametrize("flavour", ["cloud", "datacenter"])
def test_the_past_is_asked_for_in_the_search_itself(
    jira: responses.RequestsMock, flavour: Flavour
) -> None:
    version = 3 if flavour == "cloud" else 2
    jira.get(f"{SITE}/rest/api/{version}/myself", json={"accountId": "a", "timeZone": "Etc/UTC"})
    answer = {"issues": [issue(entry(7, 10))], "isLast": True, "startAt": 0, "total": 1}
    if flavour == "cloud":
        jira.post(f"{SITE}/rest/api/3/search/jql", json=answer)
    else:
        jira.get(f"{SITE}/rest/api/2/search", json=answer)
    client = connect(SITE, ApiToken("me@example.com", "token"), flavour=flavour)
    ((found,),) = client.updates_since(AT, ignored_fields=NONE)
    assert found.shown == shown_in(issue(entry(7, 10)), NONE)
    request = jira.calls[-1].request
    query = parse_qs(urlsplit(str(request.url)).query)
    asked = json.loads(request.body) if request.body else {name: query[name][0] for name in query}
    assert asked["expand"] == "changelog"
    assert int(asked["maxResults"]) == 50
    wanted = asked["fields"]
    fields = wanted if isinstance(wanted, list) else wanted.split(",")
    assert set(fields) == {"project", "updated", "created", "comment", "issuelinks"}
