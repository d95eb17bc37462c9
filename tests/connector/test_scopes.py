"""The scopes that calls need, against what Atlassian's description of the REST API says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connector.scopes import needed_for

OPENAPI = Path(__file__).parents[3] / "shared" / "jira" / "openapi"
DESCRIPTION = OPENAPI / "jira-cloud-platform-v3.2026-07-21.json"


@pytest.mark.parametrize(
    ("request_", "scope"),
    [
        ("GET /rest/api/3/issue/A-1", "read:jira-work"),
        ("PUT /rest/api/3/issue/A-1", "write:jira-work"),
        ("GET /rest/api/2/issue/A-1/changelog", "read:jira-work"),
        ("POST /rest/api/3/issue/A-1/comment", "write:jira-work"),
        ("POST /rest/api/3/issue/A-1/remotelink", "write:jira-work"),
        ("POST /ex/jira/0000-1111/rest/api/3/search/jql", "read:jira-work"),
        ("GET /rest/api/3/group/member", "manage:jira-configuration"),
        ("GET /rest/api/3/screens", "manage:jira-project"),
        ("DELETE /rest/api/3/webhook", "manage:jira-webhook"),
        ("GET /rest/servicedeskapi/request/A-1", "read:servicedesk-request"),
        ("GET /rest/api/2/serverInfo", None),
        ("GET /_edge/tenant_info", None),
    ],
)
def test_known_calls(request_: str, scope: str | None) -> None:
    assert needed_for(*request_.split()) == scope


# Whatever begins so and is described must need what `needed_for` says.
_USED = (
    "/myself", "/mypermissions", "/serverInfo", "/user", "/users/search", "/group/", "/groups/",
    "/field", "/screens", "/search/", "/changelog/", "/comment/list", "/comment/{commentId}/prop",
    "/issue/{issueIdOrKey}", "/issueLink", "/issuetype", "/status", "/webhook", "/jql/parse",
    "/project/search", "/priority", "/permissions/check",
)  # fmt: skip
# What the connector never calls, and what needs other scopes than its neighbours.
_UNUSED = (
    "/field/association", "/field/{fieldId}/association", "/group/user", "/issuetype/",
    "/priority/", "/statuses", "/user/permission", "/user/viewissue", "/status/", "/fieldconf",
    "/fields", "/issuetypes", "/prioritysch", "/issueLinkType", "/screenscheme", "/user/properties",
    "/field/{fieldKey}/option/",
)  # fmt: skip


@cache
def described() -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple(_operations(json.loads(DESCRIPTION.read_bytes())))


def _operations(document: Any) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    for path, item in document["paths"].items():
        short = path.removeprefix("/rest/api/3")
        if not short.startswith(_USED) or short.startswith(_UNUSED):
            continue
        for method in ("get", "post", "put", "delete"):
            for way in item.get(method, {}).get("security", []):
                if "OAuth2" in way:
                    yield method.upper(), path, tuple(way["OAuth2"])


@pytest.mark.skipif(not DESCRIPTION.exists(), reason="the reference material is not here")
def test_every_call_as_it_is_described() -> None:
    found = described()
    assert len(found) > 80
    wrong = [
        f"{method} {path} needs {scopes}, not {needed_for(method, path)}"
        for method, path, scopes in found
        if (needed_for(method, path) not in scopes if scopes else needed_for(method, path))
    ]
    assert not wrong, "\n".join(wrong)
