"""Which scope a token needs for a call, as Atlassian's description of the REST API has it."""

from __future__ import annotations

import re
from typing import Final

_CONFIGURATION: Final = "manage:jira-configuration"
_PROJECT: Final = "manage:jira-project"
_GATEWAY = re.compile(r"^/ex/jira/[^/]+")
# The first that fits; a question is told from a change by its method alone.
_RULES: tuple[tuple[str, str, str], ...] = (
    (r"/rest/servicedeskapi/", "read:servicedesk-request", "write:servicedesk-request"),
    (r"/rest/webhooks/", "manage:jira-webhook", "manage:jira-webhook"),
    (r"/rest/api/\w+/webhook", "manage:jira-webhook", "manage:jira-webhook"),
    (r"/rest/api/\w+/group/member", _CONFIGURATION, _CONFIGURATION),
    (r"/rest/api/\w+/(myself|users?|groups?)(/|$)", "read:jira-user", _CONFIGURATION),
    (r"/rest/api/\w+/field/[^/]+/(contexts|screens)(/|$)", _PROJECT, _PROJECT),
    (r"/rest/api/\w+/field/[^/]+/(context(/|$)|option$)", _CONFIGURATION, _CONFIGURATION),
    (r"/rest/api/\w+/screens(/|$)", _PROJECT, _PROJECT),
    (r"/rest/api/\w+/(field|issuetype|priority)(/|$)", "read:jira-work", _CONFIGURATION),
    (r"/rest/api/\w+/issue/[^/]+/changelog/list", "read:jira-work", "read:jira-work"),
    (r"/rest/api/\w+/(search|jql|changelog|comment/list)(/|$)", "read:jira-work", "read:jira-work"),
    (r"/rest/", "read:jira-work", "write:jira-work"),
)


def needed_for(method: str, path: str) -> str | None:
    """Return the scope that a call needs; None for what needs none.

    Args:
        method: such as `GET`.
        path: of the address, at a site or at Atlassian's gateway.
    """
    below = _GATEWAY.sub("", path)
    if below.endswith(("/serverInfo", "/permissions/check")):
        return None
    for pattern, to_read, to_change in _RULES:
        if re.match(pattern, below):
            return to_read if method == "GET" else to_change
    return None
