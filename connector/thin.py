"""Notices that something happened to an issue, without a trustworthy word about what.

Forge and the rules of Jira automation send such. What happened is in the issue's history, so that
of a notice nothing is kept but which issue it is about. A deletion is believed when Jira has the
issue no more: a rule is written by hand, and a wrong word in it must not end a deadline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from connector import facts
from connector.facts import Json

_FORGE = re.compile(r"avi:jira:(?P<verb>[^:]+):(?P<thing>[^:]+)")
_ABOUT_ISSUES = frozenset({"issue", "comment"})
_LINK = "issuelink"


class Notice(msgspec.Struct, frozen=True):
    """Which issues something happened to."""

    event: str
    """The sender's name of it, such as `avi:jira:updated:issue`, or `automation`."""
    issue_id: str | None = None
    issue_key: str | None = None
    other_id: str | None = None
    """The issue at the other end of a link."""
    matters: bool = True
    """Whether it can have changed anything that a promise depends on."""


def notice_of(payload: Mapping[str, Json], ignored_fields: frozenset[str]) -> Notice | None:
    """Read a notice.

    Args:
        payload: the body of a request.
        ignored_fields: ids and names of fields whose changes say nothing: Dueline's own.

    Returns:
        None where the body is none: it is a webhook's, or that of a Jira too old to name its event.
    """
    event = payload.get("eventType")
    told = _FORGE.match(event) if isinstance(event, str) else None
    if told and isinstance(event, str):
        if told["thing"] == _LINK:
            return _of_link(event, told["verb"], payload)
        return _of_forge(event, told, payload, ignored_fields)
    if "webhookEvent" in payload:
        return None
    return _of_automation(payload)


def _of_link(event: str, verb: str, payload: Mapping[str, Json]) -> Notice:
    source, other = facts.linked_issues(payload)
    # What was linked once was referred to, even if it is unlinked later.
    matters = verb == "created" and not facts.is_system_link(payload)
    return Notice(event, source, None, other, matters=matters)


def _of_forge(
    event: str, told: re.Match[str], payload: Mapping[str, Json], ignored: frozenset[str]
) -> Notice:
    about_issues = told["thing"] in _ABOUT_ISSUES and told["verb"] != "viewed"
    changed = facts.items(facts.member(payload.get("changelog"), "items"))
    own = [{_name(item, "fieldId"), _name(item, "field")} & ignored for item in changed]
    matters = about_issues and not (own and all(own))
    issue = payload.get("issue")
    return Notice(event, *_named(issue), matters=matters)


def _of_automation(payload: Mapping[str, Json]) -> Notice | None:
    issue = payload.get("issue")
    if issue is None and facts.issue_key(payload.get("key")):
        # "Issue data" is the issue itself, in either of its formats.
        return Notice("automation", *_named(payload))
    if not isinstance(issue, dict) or "fields" in issue:
        return None
    return Notice("automation", *_named(issue))


def _named(issue: Json) -> tuple[str | None, str | None]:
    return facts.issue_number(facts.member(issue, "id")), facts.issue_key(
        facts.member(issue, "key")
    )


def _name(item: Json, member: str) -> str | None:
    return facts.identifier(facts.member(item, member))
