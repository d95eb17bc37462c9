"""The link on an issue that shows how its promises stand, and leads to the explanation."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

import msgspec

from connector.facts import Json
from sla.effects import Standing

ROLE = "link"
"""Among the SLA fields of an issue, the one that is no field of Jira."""
_OVER = frozenset({"met", "late", "none"})
_NOTHING = Standing("none", "Nothing is promised any more", "")
# Jira takes no more of either.
_LONGEST = 255


class RemoteLinks(msgspec.Struct, frozen=True):
    """What links of one site lead to.

    Attributes:
        page: the address of the page that explains an issue, by the issue's id.
        icon: the address of a state's icon.
    """

    page: Callable[[str], str]
    icon: Callable[[str], str]

    def digest(self, issue_id: str) -> str:
        """What tells one address of an issue's page from another, and tells nobody the address."""
        return sha256(self.page(issue_id).encode()).hexdigest()[:12]

    def link(self, site: str, issue_id: str, standing: Standing | None) -> Json:
        """A link as Jira takes it; under its `globalId` it is made once, and then changed.

        See https://developer.atlassian.com/server/jira/platform/using-fields-in-remote-issue-links/
        for its members. What a change leaves out Jira empties, so all of it is said each time.

        Args:
            site: the site, as the tables name it.
            issue_id: Jira's id of the issue.
            standing: what it shows; None: that nothing is promised any more.
        """
        shown = standing or _NOTHING
        icon = {"url16x16": self.icon(shown.state), "title": shown.title[:_LONGEST]}
        return {
            "globalId": f"system=dueline&site={site}&issue={issue_id}",
            "application": {"type": "dueline", "name": "Dueline"},
            "relationship": "SLA",
            "object": {
                "url": self.page(issue_id),
                "title": shown.title[:_LONGEST],
                "summary": shown.summary[:_LONGEST],
                "icon": icon,
                "status": {"resolved": shown.state in _OVER, "icon": icon},
            },
        }
