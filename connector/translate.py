"""What a webhook says about an issue: payload in, timeline events out, and never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from connector import facts
from connector.facts import Json
from sla.timeline import Changed, CommentSeen, Created, Deleted, Event

IRRELEVANT = (
    "worklog_",
    "jira:worklog_",
    "issuelink_deleted",
    "attachment_",
    "issue_property_",
    "comment_property_",
    "project_",
    "version_",
    "jira:version_",
    "user_",
    "board_",
    "sprint_",
    "option_",
)
"""How the events begin that say nothing about a promise."""

_LINKED = "issuelink_created"
_TIMELESS = "It says nowhere when it happened."
_NOT_JSON = "The body is not JSON."
_TOO_DEEP = "The body is nested too deeply."
_DEEPEST = 200
"""Levels of a body; the most deeply nested document that people write takes some dozens."""
_ESCAPE = re.compile(
    rb"""(?:\\[^u])++                                             # of no interest, in one go
    | \\(?:
      u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}   # both halves of a pair
    | (?P<unusable>u[dD][89a-fA-F][0-9a-fA-F]{2}|u0000)          # one half alone, or NUL
    | .
    )""",
    re.VERBOSE | re.DOTALL,
)
_COMMENT_ADDRESS = re.compile(r"/issue/(\d+)/comment/(\d+)")


@dataclass(frozen=True, slots=True)
class Translation:
    """What was understood of one delivery."""

    issue_id: str | None
    issue_key: str | None
    event: str
    """Jira's name of it, such as `jira:issue_updated`; empty where it gives none."""
    events: tuple[Event, ...] = ()
    complete: bool = False
    """Whether it tells of the issue's making, with its reporter: no earlier fact can be missing."""
    unclear: bool = False
    """Whether it holds a comment that may be internal without saying so; the history would tell.

    Data Center's webhooks leave out the mark that Jira Service Management puts on a comment.
    """
    not_understood: str | None = None
    """Why nothing could be made of it, in a sentence."""
    also: Mapping[str, tuple[Event, ...]] = field(default_factory=dict)
    """What it says of further issues, by their ids: a link is told once for both its ends."""


def translate(body: bytes, *, ignored_fields: frozenset[str] = frozenset()) -> Translation:
    """Read one delivery.

    Args:
        body: the raw bytes of the request.
        ignored_fields: ids and names of fields of which nothing is kept: Dueline's own.

    Returns:
        The events with Jira's own ids and instants; `not_understood` says why there are none.
    """
    try:
        payload = decoded(body)
    except ValueError as error:
        return Translation(None, None, "", not_understood=str(error))
    if not isinstance(payload, dict):
        return Translation(None, None, "", not_understood="The body is not a JSON object.")
    if payload.get("webhookEvent") == _LINKED:
        return _link(payload)
    return _Reader(payload, ignored_fields).translation()


def issue_of_comment(address: Json) -> str | None:
    """The id of the issue that a comment belongs to, from the comment's own address."""
    match = _COMMENT_ADDRESS.search(address) if isinstance(address, str) else None
    return match[1] if match else None


def decoded(body: bytes) -> Json:
    """A body as JSON, with a sign in place of each character that no database can keep.

    Raises:
        ValueError: it is none, or nested too deeply; the message is a sentence about it.
    """
    try:
        payload = msgspec.json.decode(_usable(body))
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ValueError(_NOT_JSON) from None
    if _is_too_deep(payload):
        raise ValueError(_TOO_DEEP)
    return payload


def _usable(body: bytes) -> bytes:
    # Jira cuts texts in the middle of a character now and then, and half of one is no text.
    if b"\\u0000" not in body and b"\\ud" not in body and b"\\uD" not in body:
        return body
    return _ESCAPE.sub(lambda found: rb"\ufffd" if found["unusable"] else found[0], body)


def _is_too_deep(payload: Json) -> bool:
    level = [payload] if isinstance(payload, dict | list) else []
    for _ in range(_DEEPEST):
        # Level by level instead of by recursion: whoever sends a body decides how deep it goes.
        level = [
            part
            for value in level
            for part in (value.values() if isinstance(value, dict) else value)
            if isinstance(part, dict | list)
        ]
        if not level:
            return False
    return True


def _link(payload: dict[str, Json]) -> Translation:
    """Read the one delivery that names no issue as its own, but two by their ids alone."""
    link = payload.get("issueLink")
    if facts.is_system_link(link):
        return Translation(None, None, _LINKED)
    at = facts.instant(payload.get("timestamp"))
    if at is None:
        return Translation(None, None, _LINKED, not_understood=_TIMELESS)
    ends = facts.link_ends(link, at)
    if not ends:
        sentence = "The link lacks its own id or that of an issue."
        return Translation(None, None, _LINKED, not_understood=sentence)
    (source, linked), *others = ends.items()
    also = {issue_id: (event,) for issue_id, event in others}
    return Translation(source, None, _LINKED, (linked,), also=also)


class _Reader:
    """One payload, read member by member."""

    def __init__(self, payload: dict[str, Json], ignored: frozenset[str]) -> None:
        self.payload = payload
        self.ignored = ignored
        event = payload.get("webhookEvent")
        self.event = event if isinstance(event, str) else ""
        issue = payload.get("issue")
        self.issue: dict[str, Json] = issue if isinstance(issue, dict) else {}
        fields = self.issue.get("fields")
        self.fields: dict[str, Json] = fields if isinstance(fields, dict) else {}
        comment = payload.get("comment")
        self.comment: dict[str, Json] = comment if isinstance(comment, dict) else {}
        self.sent_at = facts.instant(payload.get("timestamp"))
        self.updated_at = facts.instant(self.fields.get("updated"))
        self.created = facts.creation(self.fields)

    def translation(self) -> Translation:
        key = self.issue.get("key")
        issue_id = self.issue_id
        events: tuple[Event, ...] = ()
        problem = None
        if not self.event.startswith(IRRELEVANT):
            problem = None if issue_id else "It names no issue by its id."
            events = () if problem else tuple(self.events())
            problem = problem or (None if events else self.problem())
        unclear = self.is_unclear(events)
        if unclear:
            events = tuple(event for event in events if not isinstance(event, CommentSeen))
        return Translation(
            issue_id,
            key if isinstance(key, str) else None,
            self.event,
            events,
            complete=self.is_complete(events),
            unclear=unclear,
            not_understood=problem,
        )

    def is_complete(self, events: tuple[Event, ...]) -> bool:
        made = any(isinstance(event, Created) for event in events)
        return made and self.event == "jira:issue_created" and "reporter" in self.fields

    def is_unclear(self, events: tuple[Event, ...]) -> bool:
        kind = facts.member(self.fields.get("project"), "projectTypeKey")
        return (
            any(isinstance(event, CommentSeen) and event.public for event in events)
            and kind not in ("software", "business")
            and not self.comment.keys() & {"jsdPublic", "properties"}
        )

    @property
    def issue_id(self) -> str | None:
        """The issue's id; of a comment without its issue, from the comment's own address."""
        own = facts.issue_number(self.issue.get("id"))
        return own or issue_of_comment(self.comment.get("self"))

    def events(self) -> Iterator[Event]:
        if self.created:
            yield self.created
        yield from self.changes()
        seen_at = self.seen_at
        if seen_at:
            change_id = facts.identifier(facts.member(self.payload.get("changelog"), "id"))
            comment_id = facts.identifier(self.comment.get("id"))
            source = "/".join(filter(None, (self.event or "webhook", change_id, comment_id)))
            seen = facts.sighting(seen_at, self.issue, source, self.ignored)
            if seen:
                yield seen
            yield from facts.links(self.fields, seen_at)
        yield from self.comment_events()
        ended_at = self.sent_at or self.updated_at
        if self.event == "jira:issue_deleted" and ended_at:
            yield Deleted(ended_at)

    @property
    def seen_at(self) -> datetime | None:
        """To which instant the issue's fields in the payload speak."""
        if self.event == "jira:issue_created" and self.created:
            return self.created.at
        if self.event in ("comment_created", "comment_updated"):
            version = facts.comment(self.comment)
            return version.version_at if version else self.updated_at or self.sent_at
        if self.event in ("comment_deleted", "jira:issue_deleted"):
            return self.sent_at or self.updated_at
        return self.updated_at or self.sent_at

    def changes(self) -> Iterator[Changed]:
        at = self.changed_at
        if at and self.event.startswith("jira:issue_"):
            created_at = self.created.at if self.created else None
            yield from facts.changes(self.payload.get("changelog"), at, created_at, self.ignored)

    @property
    def changed_at(self) -> datetime | None:
        """When the payload's change happened.

        The issue may have changed again by the time the payload was made: then `updated` is later
        than the event, whose own timestamp is nearer.
        """
        if self.event == "jira:issue_created" and self.created:
            return self.created.at
        if not (self.sent_at and self.updated_at):
            return self.updated_at or self.sent_at
        plausible = self.created is None or self.sent_at >= self.created.at
        return min(self.sent_at, self.updated_at) if plausible else self.updated_at

    def comment_events(self) -> Iterator[Event]:
        kind = self.payload.get("issue_event_type_name")
        if self.event == "comment_deleted" or kind == "issue_comment_deleted":
            ended = facts.comment_deleted(self.comment, self.sent_at) if self.sent_at else None
            if ended:
                yield ended
        elif self.event in ("comment_created", "comment_updated", "jira:issue_updated"):
            version = facts.comment(self.comment)
            if version:
                yield version

    def problem(self) -> str:
        if self.event.startswith("comment_"):
            return "The comment lacks its id or its instant."
        if not self.fields:
            return f"{self.event or 'It'} shows no fields of the issue."
        if self.seen_at is None:
            return _TIMELESS
        return "None of the fields shown says anything about a promise."
