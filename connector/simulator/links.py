"""Links between issues: made, shown at both ends, and taken away.

As in Jira a link is told by its own event alone: the history entries at both ends, and the newer
`updated`, come without `jira:issue_updated`. So it is in Jira's own code (its link manager writes
them with the dispatch of events switched off); of Cloud nothing else is known, and every captured
`issuelink_created` stands without issue and actor.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.simulator import comments
from connector.simulator.errors import (
    FieldError,
    JiraError,
    cannot_be_set,
    may_not_link,
    no_link,
)
from connector.simulator.history import fieldless, remember
from connector.simulator.model import Account, Event, Issue, IssueLink, LinkType
from connector.simulator.world import World

_TO_ITSELF = "You cannot link an issue to itself."


@dataclass(frozen=True, slots=True)
class Wish:
    """A link that an issue is to have; `outward` says that the issue is its source."""

    link_type: LinkType
    other: Issue
    outward: bool


def add(world: World, given: Mapping[str, Any], *, account: Account, documents: bool) -> IssueLink:
    """Link two issues as `POST issueLink` does: `inwardIssue` is the source (sic).

    A comment goes to the source. The same link again changes nothing.
    Raises `JiraError`: 404 for what is not found, 401 without permission, 400 for a faulty comment.
    """
    link_type = _type(world, given.get("type"))
    source = _issue(world, given.get("inwardIssue"), account)
    destination = _issue(world, given.get("outwardIssue"), account)
    if not world.allows(account, "LINK_ISSUES"):
        raise may_not_link(source.key)
    if source is destination:
        raise JiraError(400, [_TO_ITSELF])
    # The comment goes first: when it is refused, there is to be no link.
    if isinstance(given.get("comment"), Mapping):
        comments.add(world, source, given["comment"], account=account, documents=documents)
    return connect(world, link_type, source, destination, account)


def read_wish(world: World, issue: Issue | None, verb: str, operand: Any, account: Account) -> Wish:
    """Read an operation on `issuelinks` of an issue (None: a new one); Jira knows only "add".

    Raises `FieldError`.
    """
    if verb != "add":
        raise FieldError(f"Field 'issuelinks' does not support operation '{verb}'")
    if not isinstance(operand, Mapping):
        raise FieldError("data was not an object")
    if not world.allows(account, "LINK_ISSUES"):
        raise FieldError(cannot_be_set("issuelinks"))
    outward = "outwardIssue" in operand
    try:
        link_type = _type(world, operand.get("type"))
        reference = operand.get("outwardIssue" if outward else "inwardIssue")
        other = _issue(world, reference, account)
    except JiraError as error:
        raise FieldError(error.messages[0]) from error
    if other is issue:
        raise FieldError(_TO_ITSELF)
    return Wish(link_type, other, outward)


def grant(world: World, issue: Issue, wish: Wish, account: Account) -> IssueLink:
    """Give an issue the link that was read before."""
    ends = (issue, wish.other) if wish.outward else (wish.other, issue)
    return connect(world, wish.link_type, *ends, account)


def connect(
    world: World, link_type: LinkType, source: Issue, destination: Issue, account: Account
) -> IssueLink:
    """Link two issues, unless they are linked so already; return the link."""
    for known in source.links:
        ends = (known.source, known.destination)
        if known.link_type == link_type and ends[0] is source and ends[1] is destination:
            return known
    link = IssueLink(str(world.next_number("link")), link_type, source, destination)
    at = world.now(max(source.updated, destination.updated))
    for issue, key, words in _ends(link):
        issue.links.append(link)
        remember(world, issue, account, at, [fieldless("Link", None, key, new_text=words)])
    world.links[link.id] = link
    _tell(world, "issuelink_created", link, account, at)
    return link


def remove(world: World, link: IssueLink, *, account: Account) -> None:
    """Take a link away; raises the 401 without permission."""
    if not world.allows(account, "LINK_ISSUES"):
        raise may_not_link(link.source.key)
    at = _disconnect(world, link)
    for issue, key, words in _ends(link):
        remember(world, issue, account, at, [fieldless("Link", key, None, old_text=words)])
    _tell(world, "issuelink_deleted", link, account, at)


def remove_all(world: World, issue: Issue, account: Account) -> None:
    """Take away what links an issue that is about to go; histories then keep nothing of it."""
    for link in list(issue.links):
        _tell(world, "issuelink_deleted", link, account, _disconnect(world, link))


def find(world: World, link_id: str, account: Account) -> IssueLink:
    """Return a link; raises the 404 when it is missing or hidden."""
    link = world.links.get(link_id)
    if link is None or not world.allows(account, "BROWSE_PROJECTS"):
        raise no_link(link_id)
    return link


def find_type(world: World, type_id: str) -> LinkType:
    """Return a kind of link by its id; raises the 404 when there is none."""
    return _type(world, {"id": type_id})


def _disconnect(world: World, link: IssueLink) -> datetime:
    del world.links[link.id]
    for issue in (link.source, link.destination):
        issue.links.remove(link)
    return world.now(max(link.source.updated, link.destination.updated))


def _ends(link: IssueLink) -> tuple[tuple[Issue, str, str], ...]:
    source, destination, kind = link.source, link.destination, link.link_type
    return (
        (source, destination.key, f"This issue {kind.outward} {destination.key}"),
        (destination, source.key, f"This issue {kind.inward} {source.key}"),
    )


def _type(world: World, reference: Any) -> LinkType:
    given = reference if isinstance(reference, Mapping) else {}
    part = "id" if "id" in given else "name"
    for known in world.site.link_types:
        if str(given.get(part, "")).casefold() == getattr(known, part).casefold():
            return known
    raise JiraError(404, [f"No issue link type with {part} '{given.get(part)}' found."])


def _issue(world: World, reference: Any, account: Account) -> Issue:
    given = reference if isinstance(reference, Mapping) else {}
    issue = world.issue(str(given.get("id") or given.get("key") or ""))
    if not world.allows(account, "BROWSE_PROJECTS"):
        raise JiraError(404, ["You do not have the permission to see the specified issue."])
    return issue


def _tell(world: World, name: str, link: IssueLink, account: Account, at: datetime) -> None:
    world.emit(Event(name, None, link.source, account.email, at, link=link))
