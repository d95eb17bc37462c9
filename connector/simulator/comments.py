"""What can be done to a comment, and who may read it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from connector.simulator.adf import RichText, is_document, rich_text
from connector.simulator.errors import JiraError, may_not_comment, no_comment, unknown_member
from connector.simulator.model import Account, Comment, Event, Issue
from connector.simulator.site import ROLES
from connector.simulator.world import World

_LIMIT = 32767


def add(
    world: World,
    issue: Issue,
    given: Mapping[str, Any],
    *,
    account: Account | None,
    documents: bool,
) -> Comment:
    """Add a comment given in REST form: `body`, and if wanted `properties` and `visibility`.

    Without an account it comes from nobody that Jira could name.
    Raises `JiraError` with Jira's 400 for a body, property or visibility that will not do.
    """
    refused = _refused_body(given.get("body"), documents)
    if account is not None and not world.allows(account, "ADD_COMMENTS"):
        raise may_not_comment(refused)
    if refused:
        raise JiraError(400, errors=refused)
    properties, visibility = read_properties(given), _visibility(world, given)
    at = world.now(issue.updated)
    author = account.email if account else None
    comment = Comment(
        id=str(world.next_number("comment")),
        author=author,
        body=rich_text(given["body"]),
        created=at,
        updated=at,
        update_author=author,
        properties=properties,
        visibility=visibility,
    )
    issue.comments.append(comment)
    issue.updated = at
    _tell(world, "comment_created", "issue_commented", issue, comment, account, at)
    return comment


def edit(
    world: World,
    issue: Issue,
    comment: Comment,
    given: Mapping[str, Any],
    *,
    account: Account,
    documents: bool,
) -> Comment:
    """Change a comment; what is not given stays, its properties too."""
    _may_touch(world, comment, account, "EDIT")
    if "body" in given:
        if refused := _refused_body(given["body"], documents):
            raise JiraError(400, errors=refused)
        comment.body = rich_text(given["body"])
    comment.properties.update(read_properties(given))
    if "visibility" in given:
        comment.visibility = _visibility(world, given)
    at = world.now(issue.updated)
    comment.updated = issue.updated = at
    comment.update_author = account.email
    _tell(world, "comment_updated", "issue_comment_edited", issue, comment, account, at)
    return comment


def delete(world: World, issue: Issue, comment: Comment, *, account: Account) -> None:
    """Delete a comment."""
    _may_touch(world, comment, account, "DELETE")
    issue.comments.remove(comment)
    at = issue.updated = world.now(issue.updated)
    _tell(world, "comment_deleted", "issue_comment_deleted", issue, comment, account, at)


def visible(world: World, issue: Issue, account: Account) -> list[Comment]:
    """Return the comments of an issue that the account may read, oldest first."""
    return [c for c in issue.comments if world.may_see(account, c.visibility)]


def find(world: World, issue: Issue, comment_id: str, account: Account) -> Comment:
    """Return a comment of the issue; raises the 404 when it is missing or hidden."""
    for comment in visible(world, issue, account):
        if comment.id == comment_id:
            return comment
    raise no_comment(comment_id)


def find_anywhere(world: World, comment_id: str, account: Account) -> Comment:
    """Return a comment by its id alone; raises the 404 when it is missing or hidden."""
    for issue in world.issues.values():
        for comment in visible(world, issue, account):
            if comment.id == comment_id:
                return comment
    raise no_comment(comment_id)


def _refused_body(body: Any, documents: bool) -> dict[str, str]:
    fits = is_document(body) if documents else body is None or isinstance(body, str)
    if not fits:
        return {"comment": "Comment body is not valid!"}
    text = rich_text(body) if body else RichText("")
    if not text.wiki.strip():
        return {"comment": "Comment body can not be empty!"}
    if len(text.wiki) > _LIMIT:
        words = "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
        return {"comment": words}
    return {}


def read_properties(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties in a body by their keys; raises a 400 when they are none."""
    properties = given.get("properties") or []
    if not isinstance(properties, list) or not all(
        isinstance(p, Mapping) and isinstance(p.get("key"), str) and "value" in p
        for p in properties
    ):
        raise JiraError(400, errors={"properties": "Properties must be a list of key and value."})
    return {p["key"]: p["value"] for p in properties}


def _visibility(world: World, given: Mapping[str, Any]) -> dict[str, Any] | None:
    asked = given.get("visibility")
    if not asked:
        return None
    kind = asked.get("type") if isinstance(asked, Mapping) else None
    if kind and "identifier" in asked and not world.cloud:
        raise unknown_member(world.flavour, "identifier")
    name = (asked.get("value") or asked.get("identifier")) if kind else None
    if kind == "role" and name in ROLES:
        return {"type": kind, "value": name, "identifier": name}
    for group in world.site.groups.values():
        if kind == "group" and name in {group.name, group.group_id}:
            return {"type": kind, "value": group.name, "identifier": group.group_id}
    raise JiraError(
        400, errors={"commentLevel": f"{kind or 'Visibility'} level '{name}' does not exist."}
    )


def _may_touch(world: World, comment: Comment, account: Account, verb: str) -> None:
    scope = "OWN" if comment.author == account.email else "ALL"
    if not world.allows(account, f"{verb}_{scope}_COMMENTS"):
        raise JiraError(
            400,
            [f"You do not have permission to {verb.lower()} comment with id: {comment.id}"],
        )


def _tell(
    world: World,
    name: str,
    type_name: str,
    issue: Issue,
    comment: Comment,
    account: Account | None,
    at: datetime,
) -> None:
    actor = account.email if account else None
    # Data Center tells a comment twice; Cloud only by the event of the comment itself.
    if not world.cloud:
        world.emit(Event("jira:issue_updated", type_name, issue, actor, at, comment=comment))
    world.emit(Event(name, None, issue, actor, at, comment=comment))
