"""No request goes to an address that came in a payload: Dueline calls the one Jira it was given."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from sla.store import inbox
from tests.scenarios.world import SECRET, World, signature

pytestmark = pytest.mark.one_database("sqlite")
assert SECRET  # the payloads below are rightly signed


class Trap:
    """A listener to which nobody has any business to connect."""

    def __init__(self, listener: socket.socket) -> None:
        self.visitors: list[str] = []
        self.address = "http://{}:{}".format(*listener.getsockname())
        self._listener = listener
        threading.Thread(target=self._wait, daemon=True).start()

    def _wait(self) -> None:
        while True:
            try:
                visitor, address = self._listener.accept()
            except OSError:
                return
            with visitor:
                self.visitors.append(f"{address}: {visitor.recv(1000)!r}")


@pytest.fixture
def trap() -> Iterator[Trap]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield Trap(listener)


def person(trap: Trap, account: str) -> dict[str, Any]:
    return {
        "self": f"{trap.address}/user/{account}",
        "accountId": account,
        "name": account,
        "key": account,
        "emailAddress": f"x@{trap.address}",
        "displayName": trap.address,
        "avatarUrls": {"48x48": f"{trap.address}/avatar.png"},
        "url": trap.address,
    }


def payload(trap: Trap, event: str, issue_id: str, key: str, number: int) -> dict[str, Any]:
    text = (
        f"See {trap.address} !{trap.address}/x.png! [x|{trap.address}] {{include:{trap.address}}}"
    )
    at = "2024-07-10T19:00:00.000+0000"
    comment = {
        "self": f"{trap.address}/rest/api/2/issue/{issue_id}/comment/{number}",
        "id": str(number),
        "author": person(trap, "stranger"),
        "updateAuthor": person(trap, "stranger"),
        "body": text,
        "created": at,
        "updated": at,
        "jsdPublic": True,
    }
    fields = {
        "summary": text,
        "description": {"type": "doc", "content": [
            {"type": "inlineCard", "attrs": {"url": trap.address}},
            {"type": "media", "attrs": {"url": trap.address, "type": "external"}},
        ]},
        "created": at,
        "updated": at,
        "reporter": person(trap, "stranger"),
        "assignee": person(trap, "stranger"),
        "priority": {"self": trap.address, "iconUrl": trap.address, "name": trap.address},
        "status": {"self": trap.address, "name": trap.address},
        "project": {"self": trap.address, "key": "BIT", "avatarUrls": {"48x48": trap.address}},
        "customfield_10001": {"self": trap.address, "value": trap.address},
        "attachment": [{"self": trap.address, "content": trap.address, "thumbnail": trap.address}],
        "issuelinks": [{"id": "7", "self": trap.address, "outwardIssue": {
            "id": "99999", "key": "BIT-999", "self": trap.address, "fields": {}}}],
        "comment": {"self": trap.address, "comments": [comment]},
    }  # fmt: skip
    return {
        "webhookEvent": event,
        "timestamp": 1720638000000 + number,
        "baseUrl": trap.address,
        "callback": trap.address,
        "url": trap.address,
        "user": person(trap, "stranger"),
        "comment": comment,
        "issue": {"self": trap.address, "id": issue_id, "key": key, "fields": fields},
        "changelog": {"id": str(number), "self": trap.address, "items": [
            {"field": "summary", "fieldtype": "jira", "fromString": "", "toString": text}]},
        "issueLink": {"self": trap.address, "id": 8, "sourceIssueId": int(issue_id),
                      "destinationIssueId": 99999},
    }  # fmt: skip


EVENTS = (
    "jira:issue_created", "jira:issue_updated", "comment_created", "comment_updated",
    "comment_deleted", "issuelink_created", "attachment_created", "something_else",
)  # fmt: skip


def test_nobody_but_jira_is_called(anywhere: World, trap: Trap) -> None:
    key = anywhere.report("BIT")
    issue_id = anywhere.jira.issue(key).id
    bodies = [payload(trap, event, issue_id, key, n) for n, event in enumerate(EVENTS, 500)]
    # Neither where the issue is known by its comment's address alone.
    bodies += [{**body, "issue": None} for body in bodies]
    bodies += [
        {**payload(trap, EVENTS[1], "1", key, 600), "issue": {"id": odd, "key": odd}}
        for odd in (trap.address, f"//{trap.address[7:]}/", f"@{trap.address[7:]}/", "../..")
    ]
    for body in bodies:
        raw = json.dumps(body).encode()
        headers = {"X-Hub-Signature": signature(raw), "X-Forwarded-Host": trap.address[7:]}
        assert (
            anywhere.receiver.post("/webhooks/jira", data=raw, headers=headers).status_code == 202
        )
    anywhere.settle()
    anywhere.advance(timedelta(days=3))
    states = anywhere.service.database.read(inbox.tally)
    assert states.get("new", 0) == 0
    assert states.get("done", 0) > len(EVENTS)
    # It did go on working: the breach was said, by way of the one Jira that it has.
    assert anywhere.said(key)
    assert trap.visitors == []
