"""What Jira serves and no OpenAPI document of Atlassian describes: each path with its source."""

from __future__ import annotations

import re
from collections.abc import Mapping

UNDOCUMENTED: Mapping[str, str] = {
    r"/rest/webhooks/1\.0/webhook(/[^/]+)?": (
        "Administrators' webhooks: what other clients of it send, and Atlassian's page on webhooks."
    ),
    r"/rest/jira-webhook/1\.0/webhooks(/[^/]+)?": (
        "The same since Data Center 10: JRASERVER-78733, and working code."
    ),
    r"/rest/servicedeskapi/request/[^/]+/comment(/[^/]+)?": (
        "Service projects of Data Center: only Cloud's document is at hand."
    ),
    r"/_edge/tenant_info": "A site's cloud id, as Atlassian's page on scoped tokens has it.",
    r"/oauth/token": "A service account's client credentials: Atlassian's page on OAuth 2.0.",
    r"/rest/oauth2/latest/token": "The same on Data Center: its release notes.",
}


def is_undocumented(path: str) -> bool:
    """Whether a path that no document has is one that Jira serves all the same."""
    return any(re.fullmatch(pattern, path) for pattern in UNDOCUMENTED)
