"""Search over REST: by token on Cloud, by offset on Data Center; and what was removed."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import Any

from connector.simulator import jql
from connector.simulator.errors import JiraError, invalid_payload, removed_search, unbounded
from connector.simulator.model import Issue
from connector.simulator.present import Json
from connector.simulator.routes.call import CLOUD, DATACENTER, Answer, Call, Route
from connector.simulator.routes.issues import show_issue

_LIMIT = 5000
_OFFSET_LIMIT = 1000
_RECONCILED = 50
_CLOUD_KEYS = (
    "jql",
    "fields",
    "expand",
    "fieldsByKeys",
    "maxResults",
    "nextPageToken",
    "properties",
    "reconcileIssues",
)
_DATACENTER_KEYS = ("jql", "startAt", "maxResults", "validateQuery", "fields", "expand")


def search_by_query(call: Call) -> Answer:
    """GET /search/jql."""
    return _search_by_token(
        call,
        call.arg("jql"),
        call.listed("fields"),
        call.listed("expand"),
        call.number("maxResults", 50),
        call.arg("nextPageToken"),
    )


def search_by_body(call: Call) -> Answer:
    """POST /search/jql."""
    body = call.only(*_CLOUD_KEYS)
    if not isinstance(body.get("fields", []), list) or not isinstance(body.get("jql", ""), str):
        raise invalid_payload()
    if len(body.get("reconcileIssues") or []) > _RECONCILED:
        raise JiraError(400, [f"At most {_RECONCILED} issues can be reconciled."])
    size = _whole(body.get("maxResults", 50))
    expand = [part.strip() for part in str(body.get("expand") or "").split(",")]
    return _search_by_token(
        call,
        str(body.get("jql") or ""),
        [str(name) for name in body.get("fields") or []],
        expand,
        size,
        str(body.get("nextPageToken") or ""),
    )


def removed(_call: Call) -> Answer:
    """Answer the search that Cloud took away."""
    raise removed_search()


def search_by_offset(call: Call) -> Answer:
    """GET or POST /search on Data Center."""
    body = call.only(*_DATACENTER_KEYS) if call.payload is not None else {}
    query = jql.parse(call.sim, str(body.get("jql") or call.arg("jql")), call.account)
    start = _whole(body.get("startAt", call.number("startAt", 0)))
    size = min(_whole(body.get("maxResults", call.number("maxResults", 50))), _OFFSET_LIMIT)
    names = [str(name) for name in body.get("fields") or []] or call.listed("fields")
    expand = [str(part) for part in body.get("expand") or []] or call.listed("expand")
    found = query.run(_browsable(call))
    shown = found[start : start + size]
    return 200, {
        "expand": "schema,names",
        "startAt": start,
        "maxResults": size,
        "total": len(found),
        "issues": [show_issue(call, issue, names or ["*navigable"], expand) for issue in shown],
    }


def _search_by_token(
    call: Call, text: str, names: list[str], expand: list[str], size: int, token: str
) -> Answer:
    query = jql.parse(call.sim, text, call.account)
    if not query.bounded:
        raise unbounded()
    size = max(1, min(size, _LIMIT))
    found = _from(query, token, text, query.run(_browsable(call)))
    page = found[:size]
    answer: Json = {"issues": [_found(call, issue, names or ["id"], expand) for issue in page]}
    answer["isLast"] = size >= len(found)
    if not answer["isLast"]:
        answer["nextPageToken"] = _token(query.place(page[-1]), text)
    return 200, answer


def _whole(given: Any) -> int:
    if isinstance(given, bool) or not isinstance(given, int):
        raise invalid_payload()
    return given


def _found(call: Call, issue: Issue, names: list[str], expand: list[str]) -> Any:
    if names == ["id"] and not any(expand):
        return {"id": issue.id}
    return show_issue(call, issue, names, expand)


def _browsable(call: Call) -> list[Issue]:
    if not call.sim.allows(call.account, "BROWSE_PROJECTS"):
        return []
    return list(call.sim.issues.values())


def _from(query: jql.Query, token: str, text: str, found: list[Issue]) -> list[Issue]:
    """Return what comes after the issue for which a token was given; everything without one."""
    if not token:
        return found
    last = _last_place(token, text)
    if len(last) != len(query.order) + 1:
        raise _bad_token()
    return [issue for issue in found if query.comes_after(query.place(issue), last)]


def _token(last: jql.Place, text: str) -> str:
    """Return a token that holds the last issue's sort values and the query.

    So do those of Jira that people have published: base64 of a page's last project key and issue
    number, its size, an instant and the JQL.
    """
    shown = json.dumps([last, text], default=lambda at: {"at": at.isoformat()})
    return base64.urlsafe_b64encode(shown.encode()).decode()


def _last_place(token: str, text: str) -> jql.Place:
    try:
        last, asked = json.loads(base64.urlsafe_b64decode(token), object_hook=_instant)
    except (binascii.Error, ValueError, TypeError, KeyError) as error:
        raise _bad_token() from error
    if asked != text or not isinstance(last, list):
        raise _bad_token()
    return tuple(_tuples(value) for value in last)


def _instant(shown: dict[str, str]) -> datetime:
    return datetime.fromisoformat(shown["at"])


def _tuples(value: Any) -> Any:
    return tuple(_tuples(part) for part in value) if isinstance(value, list) else value


def _bad_token() -> JiraError:
    return JiraError(400, ["The provided next page token is invalid or expired."])


ROUTES = [
    Route("GET", "/search/jql", search_by_query, CLOUD),
    Route("POST", "/search/jql", search_by_body, CLOUD),
    Route("GET", "/search", removed, CLOUD, anonymous=True),
    Route("POST", "/search", removed, CLOUD, anonymous=True),
    Route("GET", "/search", search_by_offset, DATACENTER),
    Route("POST", "/search", search_by_offset, DATACENTER),
]
