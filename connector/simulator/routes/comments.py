"""Comments over REST, and the properties by which a service knows its own comments again."""

from __future__ import annotations

from connector.simulator import comments, issues
from connector.simulator.errors import JiraError, invalid_payload
from connector.simulator.model import Comment
from connector.simulator.routes.call import CLOUD, Answer, Call, Route

_COMMENT = (
    "body",
    "visibility",
    "properties",
    # What only Jira says is overlooked, so that a comment can be sent back as it was read.
    "author",
    "created",
    "id",
    "renderedBody",
    "self",
    "updateAuthor",
    "updated",
)
_ORDERS = {"", "created", "-created", "+created", " created"}


def add_comment(call: Call, key: str) -> Answer:
    """POST /issue/{key}/comment."""
    issue = issues.visible(call.sim, key, call.account)
    given = call.only(*_COMMENT, open_on_cloud=True)
    comment = comments.add(call.sim, issue, given, account=call.account, documents=call.documents)
    return 201, call.show.comment(issue, comment)


def get_comments(call: Call, key: str) -> Answer:
    """GET /issue/{key}/comment: oldest first, or newest first with `orderBy=-created`."""
    issue = issues.visible(call.sim, key, call.account)
    readable = comments.visible(call.sim, issue, call.account)
    if call.sim.cloud and call.arg("orderBy") not in _ORDERS:
        raise JiraError(400, [f"Unsupported order: {call.arg('orderBy')}"])
    if call.arg("orderBy").startswith("-"):
        readable.reverse()
    page = call.page(readable, 100 if call.sim.cloud else 50)
    return 200, {
        "startAt": page["startAt"],
        "maxResults": page["maxResults"],
        "total": page["total"],
        "comments": [call.show.comment(issue, comment) for comment in page["values"]],
    }


def get_comment(call: Call, key: str, comment_id: str) -> Answer:
    """GET /issue/{key}/comment/{id}."""
    issue = issues.visible(call.sim, key, call.account)
    found = comments.find(call.sim, issue, comment_id, call.account)
    return 200, call.show.comment(issue, found)


def edit_comment(call: Call, key: str, comment_id: str) -> Answer:
    """PUT /issue/{key}/comment/{id}."""
    issue = issues.visible(call.sim, key, call.account)
    comment = comments.find(call.sim, issue, comment_id, call.account)
    given = call.only(*_COMMENT, open_on_cloud=True)
    comments.edit(call.sim, issue, comment, given, account=call.account, documents=call.documents)
    return 200, call.show.comment(issue, comment)


def delete_comment(call: Call, key: str, comment_id: str) -> Answer:
    """DELETE /issue/{key}/comment/{id}."""
    issue = issues.visible(call.sim, key, call.account)
    comment = comments.find(call.sim, issue, comment_id, call.account)
    comments.delete(call.sim, issue, comment, account=call.account)
    return 204, None


def list_comments(call: Call) -> Answer:
    """POST /comment/list: comments by their ids."""
    ids = call.body.get("ids")
    if not isinstance(ids, list):
        raise invalid_payload()
    wanted = {str(comment_id) for comment_id in ids}
    shown = [
        call.show.comment(issue, comment)
        for issue in call.sim.issues.values()
        for comment in comments.visible(call.sim, issue, call.account)
        if comment.id in wanted
    ]
    return 200, call.page(shown, 1048576)


def get_properties(call: Call, comment_id: str) -> Answer:
    """GET /comment/{id}/properties."""
    comment = _comment(call, comment_id)
    address = call.show.url(f"comment/{comment.id}/properties")
    names = sorted(comment.properties)
    return 200, {"keys": [{"self": f"{address}/{name}", "key": name} for name in names]}


def get_property(call: Call, comment_id: str, name: str) -> Answer:
    """GET /comment/{id}/properties/{name}."""
    comment = _comment(call, comment_id)
    if name not in comment.properties:
        raise JiraError(404, [f"The property with key '{name}' does not exist."])
    return 200, {"key": name, "value": comment.properties[name]}


def put_property(call: Call, comment_id: str, name: str) -> Answer:
    """PUT /comment/{id}/properties/{name}."""
    comment = _comment(call, comment_id)
    known = name in comment.properties
    comment.properties[name] = call.payload
    return (200 if known else 201), {}


def delete_property(call: Call, comment_id: str, name: str) -> Answer:
    """DELETE /comment/{id}/properties/{name}."""
    get_property(call, comment_id, name)
    del _comment(call, comment_id).properties[name]
    return 204, None


def _comment(call: Call, comment_id: str) -> Comment:
    return comments.find_anywhere(call.sim, comment_id, call.account)


ROUTES = [
    Route("GET", "/issue/<key>/comment", get_comments),
    Route("POST", "/issue/<key>/comment", add_comment),
    Route("GET", "/issue/<key>/comment/<comment_id>", get_comment),
    Route("PUT", "/issue/<key>/comment/<comment_id>", edit_comment),
    Route("DELETE", "/issue/<key>/comment/<comment_id>", delete_comment),
    Route("POST", "/comment/list", list_comments, CLOUD),
    Route("GET", "/comment/<comment_id>/properties", get_properties),
    Route("GET", "/comment/<comment_id>/properties/<name>", get_property),
    Route("PUT", "/comment/<comment_id>/properties/<name>", put_property),
    Route("DELETE", "/comment/<comment_id>/properties/<name>", delete_property),
]
