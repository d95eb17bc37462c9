"""Jira says no in a handful of set phrases; this is where each of them is worded once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class JiraError(Exception):
    """A refusal, as Jira would answer it.

    `status` is the HTTP status; `messages` and `errors` make Jira's error body, unless `body`
    holds a body of another shape.
    """

    def __init__(
        self,
        status: int,
        messages: Sequence[str] = (),
        errors: Mapping[str, str] | None = None,
        *,
        body: Any = None,
    ) -> None:
        self.status = status
        self.messages = list(messages)
        self.errors = dict(errors or {})
        self.body: Any = body or {"errorMessages": self.messages, "errors": self.errors}
        super().__init__(f"{status}: {self.body}")


class FieldError(Exception):
    """A value that does not fit its field; the message is what Jira says about that field."""


def field_errors(errors: Mapping[str, str]) -> JiraError:
    """Return the 400 that names each faulty field."""
    return JiraError(400, errors=errors)


def cannot_be_set(field: str) -> str:
    """Return Jira's words for a field that is unknown, off screen, or not permitted."""
    return f"Field '{field}' cannot be set. It is not on the appropriate screen, or unknown."


def cannot_be_updated(field: str) -> str:
    """Return Jira's words for a field that takes single operations, and never a whole value."""
    return f"Field does not support update '{field}'"


def no_issue() -> JiraError:
    """Return the 404 for an issue that is missing or hidden: Jira does not say which."""
    return JiraError(404, ["Issue does not exist or you do not have permission to see it."])


def no_comment(comment_id: str) -> JiraError:
    """Return the 404 for a comment that is not there."""
    return JiraError(404, [f"Can not find a comment for the id: {comment_id}."])


def no_link(link_id: str) -> JiraError:
    """Return the 404 for a link that is not there; an id is a number, or a 400."""
    if not link_id.isdecimal():
        return JiraError(400, [f"The issue link id '{link_id}' is invalid."])
    return JiraError(404, [f"No issue link with id '{link_id}' exists."])


def may_not_link(key: str) -> JiraError:
    """Return the 401 (sic) of a caller who may not link the issue."""
    return JiraError(401, [f"No Link Issue Permission for issue '{key}'"])


def may_not_comment(errors: Mapping[str, str] | None = None) -> JiraError:
    """Return the 400 (sic) of a caller who may not comment."""
    return JiraError(400, ["You do not have the permission to comment on this issue."], errors)


def removed_search() -> JiraError:
    """Return the 410 that Cloud's old search answers since 2025."""
    words = (
        "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
        " A full migration guideline is available at"
        " https://developer.atlassian.com/changelog/#CHANGE-2046"
    )
    return JiraError(410, [words])


def unbounded() -> JiraError:
    """Return the 400 for a Cloud search without any restriction."""
    words = (
        "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
    )
    return JiraError(400, [words])


def invalid_payload() -> JiraError:
    """Return Cloud's 400 for a body with unknown keys; it carries no `errors`."""
    words = "Invalid request payload. Refer to the REST API documentation and try again."
    return JiraError(400, body={"errorMessages": [words]})


def unknown_member(flavour: str, name: str) -> JiraError:
    """Return the 400 for a body with a member that Jira does not know."""
    if flavour == "cloud":
        return invalid_payload()
    return JiraError(400, [f'Unrecognized field "{name}", not marked as ignorable'])


def not_signed_in(flavour: str) -> JiraError:
    """Return the 401 for a caller without valid credentials."""
    if flavour == "cloud":
        words = "Client must be authenticated to access this resource."
        return JiraError(401, body={"message": words, "status-code": 401})
    words = "You are not authenticated. Authentication required to perform this operation."
    return JiraError(401, [words])


def no_bearer() -> JiraError:
    """Return the 403 of a site on Cloud for a token that comes alone."""
    return JiraError(403, body={"error": "Failed to parse Connect Session Auth Token"})


def no_passwords() -> JiraError:
    """Return the 403 of a Data Center where basic authentication is switched off."""
    words = "Basic Authentication has been disabled on this instance."
    return JiraError(403, body={"message": words})


def not_admin(status: int = 403) -> JiraError:
    """Return the refusal of what only an administrator may do."""
    return JiraError(status, ["Only Jira administrators can access this resource."])


def not_silent() -> JiraError:
    """Return Data Center's 403 for an edit that is to notify nobody, and is no administrator's."""
    words = (
        "To discard the user notification either admin or project admin permissions are required."
    )
    return JiraError(403, [words])


def already_shown(field_id: str, status: int = 400) -> JiraError:
    """Return the refusal to show a field twice; for the default screen Cloud has a 404."""
    return JiraError(status, [f"The field with id {field_id} already exists on the screen."])


def not_open(transition_id: str, key: str) -> JiraError:
    """Return the 400 for a transition that does not start where the issue is."""
    words = (
        f"It seems that you have tried to perform a workflow operation ({transition_id}) that is"
        f" not valid for the current state of this issue ({key}). The likely cause is that"
        " somebody has changed the issue recently, please look at the issue history for details."
    )
    return JiraError(400, [words])


def no_route(flavour: str, method: str, path: str, url: str) -> JiraError:
    """Return the 404 for a path that Jira does not know."""
    if flavour == "cloud":
        return JiraError(404, body={"errorMessage": f"No endpoint {method} {path}."})
    return JiraError(404, body={"message": f"null for uri: {url}", "status-code": 404})
