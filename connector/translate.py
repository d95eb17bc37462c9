"""What a webhook says about an issue: payload in, timeline events out, and never an exception."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime

import msgspec

from connector import facts
from connector.facts import Json
from connector.thin import Notice, notice_of
from sla.timeline import Changed, CommentSeen, Created, Deleted, Event, Seen

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
    "dueline:",
)
"""How the events begin that say nothing about a promise."""

_ISSUE = "jira:issue_"
_LINKED = "issuelink_created"
_COMMENTED = ("issue_commented", "issue_comment_edited")
_NAMELESS = "It names no issue by its id."
_BY_KEY_ALONE = "It names its issue by the key alone: let the rule send the id too."
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


class Translation(msgspec.Struct, frozen=True):
    """What was understood of one delivery."""

    issue_id: str | None
    issue_key: str | None
    event: str
    """Jira's name of it, such as `jira:issue_updated`; empty where it gives none."""
    events: tuple[Event, ...] = ()
    complete: bool = False
    """Whether it tells of the issue's making, with its reporter: no earlier fact can be missing."""
    unclear: bool = False
    """Whether something happened that it does not tell, or not in full; the history would.

    So it is with the notices of Forge and of automation, with an issue that is named and not shown,
    and with a comment that may be internal: Data Center's webhooks leave out the mark that Jira
    Service Management puts on it.
    """
    unmarked: tuple[CommentSeen, ...] = ()
    """The comments that may be internal, where nothing else is unclear, as if they were public."""
    not_understood: str | None = None
    """Why nothing could be made of it, in a sentence."""
    also: Mapping[str, tuple[Event, ...]] = msgspec.field(default_factory=dict)
    """What it says of further issues, by their ids: a link is told once for both its ends.

    Of one without facts only the history tells what happened.
    """
    assignee: tuple[str, str] | None = None
    """The account that it shows the issue assigned to, and its name for people."""
    people: Mapping[str, str] = msgspec.field(default_factory=dict)
    """The accounts that did what it tells of, each with its name for people."""


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
    notice = notice_of(payload, ignored_fields)
    if notice:
        return _noticed(notice)
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


def _noticed(notice: Notice) -> Translation:
    """What comes of a notice: the histories of its issues are read."""
    issue_id, key, event = notice.issue_id, notice.issue_key, notice.event
    if not notice.matters:
        return Translation(issue_id, key, event)
    if issue_id is None:
        lack = _BY_KEY_ALONE if key else _NAMELESS
        return Translation(None, key, event, not_understood=lack)
    also: dict[str, tuple[Event, ...]] = {notice.other_id: ()} if notice.other_id else {}
    return Translation(issue_id, key, event, unclear=True, also=also)


def _link(payload: dict[str, Json]) -> Translation:
    """Read the one delivery that names no issue as its own, but two by their ids alone."""
    link = payload.get("issueLink")
    if facts.is_system_link(link):
        return Translation(None, None, _LINKED)
    source, other = facts.linked_issues(link)
    if not (source and other):
        sentence = "The link lacks the id of an issue."
        return Translation(None, None, _LINKED, not_understood=sentence)
    ends = facts.link_ends(link, facts.instant(payload.get("timestamp")))
    told = {issue_id: (ends[issue_id],) if ends else () for issue_id in (source, other)}
    also = {issue_id: events for issue_id, events in told.items() if issue_id != source}
    return Translation(source, None, _LINKED, told[source], unclear=not ends, also=also)


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
        issue_id, key = self.issue_id, facts.issue_key(self.issue.get("key"))
        if self.event.startswith(IRRELEVANT):
            return Translation(issue_id, key, self.event)
        if issue_id is None:
            return Translation(None, key, self.event, not_understood=_NAMELESS)
        events = tuple(self.events())
        unclear = self.leaves_out(events)
        unmarked: tuple[CommentSeen, ...] = ()
        if self.may_be_internal(events):
            if not unclear:
                unmarked = tuple(event for event in events if isinstance(event, CommentSeen))
            events = tuple(event for event in events if not isinstance(event, CommentSeen))
            unclear = True
        complete = not unclear and self.is_complete(events)
        return Translation(
            issue_id, key, self.event, events, complete=complete, unclear=unclear,
            unmarked=unmarked, assignee=facts.assignee(self.fields), people=self.people,
        )  # fmt: skip

    @property
    def people(self) -> Mapping[str, str]:
        shown = (self.payload.get("user"), self.comment.get("author"))
        return dict(filter(None, map(facts.named, shown)))

    def is_complete(self, events: tuple[Event, ...]) -> bool:
        made = any(isinstance(event, Created) for event in events)
        return made and self.event == "jira:issue_created" and "reporter" in self.fields

    def leaves_out(self, events: tuple[Event, ...]) -> bool:
        """Whether something happened of which the payload shows no fact."""
        if not any(_is_news(event) for event in events):
            return True
        kinds = {type(event) for event in events}
        if self.event == "jira:issue_deleted" and Deleted not in kinds:
            return True
        if self.tells_of_comment and CommentSeen not in kinds:
            return True
        return self.leaves_out_changes

    @property
    def tells_of_comment(self) -> bool:
        """Whether a comment was written or edited, as far as can be told."""
        kind = self.payload.get("issue_event_type_name")
        if self.event == "comment_deleted" or kind == "issue_comment_deleted":
            return False
        return bool(self.payload.get("comment")) or kind in _COMMENTED

    @property
    def leaves_out_changes(self) -> bool:
        """Whether there are changes without what makes facts of them: their id and instant."""
        changelog = self.payload.get("changelog")
        told = facts.identifier(facts.member(changelog, "id")) and self.changed_at
        known = told and self.event.startswith(_ISSUE)
        return bool(facts.items(facts.member(changelog, "items"))) and not known

    def may_be_internal(self, events: tuple[Event, ...]) -> bool:
        """Whether there is a comment without any mark, from where marks may be left out."""
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
        if at and self.event.startswith(_ISSUE):
            created_at = self.created.at if self.created else None
            changelog, who = self.payload.get("changelog"), self.payload.get("user")
            yield from facts.changes(changelog, at, created_at, self.ignored, who)

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


def _is_news(event: Event) -> bool:
    """Whether a fact says more than which issue it is, and since when there is one."""
    if isinstance(event, Seen):
        return bool(event.fields.keys() - {"key"})
    return not isinstance(event, Created)
