"""The body of a webhook, with the ways in which Cloud and Data Center differ (measured)."""

from __future__ import annotations

from typing import Any

from connector.simulator.model import Event, History, IssueLink
from connector.simulator.present import Json, Presenter
from connector.simulator.world import World

_SLIM = ("summary", "issuetype", "project", "assignee", "priority", "status")
_USERS = {"assignee", "reporter"}


def payload(world: World, event: Event) -> Json:
    """Return what Jira posts about an event; texts are wiki text in every version."""
    show = Presenter(world, 2)
    head: Json = {"timestamp": int(event.at.timestamp() * 1000), "webhookEvent": event.name}
    if event.name.startswith("comment_"):
        return head | _comment_event(show, event)
    if event.link is not None:
        return head | _link_event(event.link)
    return head | _issue_event(show, event)


def _comment_event(show: Presenter, event: Event) -> Json:
    if event.comment is None:
        raise ValueError(f"{event.name} without a comment")
    body: Json = {"comment": show.comment(event.issue, event.comment)}
    if show.world.cloud:
        fields = show.fields(event.issue, ())
        body["issue"] = _malformed(show, event) | {"fields": {k: fields[k] for k in _SLIM}}
    elif event.name != "comment_created":
        body |= _actor(show, event)
    return body


def _link_event(link: IssueLink) -> Json:
    # Nothing but numbers: whoever wants to know more has to ask for both issues.
    kind = link.link_type
    return {
        "issueLink": {
            "id": int(link.id),
            "sourceIssueId": int(link.source.id),
            "destinationIssueId": int(link.destination.id),
            "issueLinkType": {
                "id": int(kind.id),
                "name": kind.name,
                "outwardName": kind.outward,
                "inwardName": kind.inward,
                "isSubTaskLinkType": False,
                "isSystemLinkType": False,
            },
            "systemLink": False,
        }
    }


def _actor(show: Presenter, event: Event) -> Json:
    return {"user": show.user(event.actor)} if event.actor is not None else {}


def _issue_event(show: Presenter, event: Event) -> Json:
    body: Json = {}
    if event.type_name and not (show.world.cloud and event.name == "jira:issue_deleted"):
        body["issue_event_type_name"] = event.type_name
    body |= _actor(show, event)
    body["issue"] = _whole_issue(show, event)
    if event.history:
        body["changelog"] = _changelog(show, event.history)
    if event.comment and event.type_name != "issue_comment_deleted":
        body["comment"] = show.comment(event.issue, event.comment)
    return body


def _whole_issue(show: Presenter, event: Event) -> Json:
    fields = show.fields(event.issue, event.issue.comments)
    if show.world.cloud:
        del fields["comment"], fields["worklog"]
        return _malformed(show, event) | {"fields": fields}
    issue = event.issue
    return {
        "id": issue.id,
        "self": show.url(f"issue/{issue.id}"),
        "key": issue.key,
        "fields": fields,
    }


def _malformed(show: Presenter, event: Event) -> Json:
    # Since 2019 Cloud's address of the issue lacks "/issue/"; nobody should follow it.
    return {"id": event.issue.id, "self": show.url(event.issue.id), "key": event.issue.key}


def _changelog(show: Presenter, history: History) -> Json:
    items: list[dict[str, Any]] = []
    for change in history.changes:
        item = show.change(change)
        if show.world.cloud and change.field_id in _USERS:
            item |= {"tmpFromAccountId": change.old, "tmpToAccountId": change.new}
        items.append(item)
    return {"id": history.id, "items": items}
