"""What happened to an issue, as facts that stay the same however often and in whatever order heard.

Each event has an `identity` made of Jira's own ids, so that a webhook and a later reading of the
history meet in the same fact. A timeline is a function of the *set* of its events: doubling,
delaying or reordering deliveries changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

import msgspec

FieldValue = str | tuple[str, ...] | None
"""A field as plain text: an option's or priority's name, an account, several labels, or nothing."""

SYSTEM_FIELDS = frozenset({
    "issuetype", "priority", "status", "resolution", "assignee", "reporter", "creator", "project",
    "labels", "key", "summary", "description",
})  # fmt: skip
"""What every Jira has, under these names; every other field is a custom one, known by its id."""

AccountKind = Literal["person", "customer", "app"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who did something: Jira's own id (accountId on Cloud, user key on Data Center), no name."""

    id: str
    kind: AccountKind = "person"


@dataclass(frozen=True, slots=True)
class Created:
    """The issue was made in Jira."""

    at: datetime

    @property
    def identity(self) -> str:
        """One per issue."""
        return "created"


@dataclass(frozen=True, slots=True)
class Seen:
    """At this instant a payload showed these values; it need not show every field."""

    at: datetime
    fields: Mapping[str, FieldValue]
    source: str

    @property
    def identity(self) -> str:
        """Two payloads of one instant, one slim and one full, are two sightings."""
        return f"seen:{self.at.isoformat()}:{self.source}"


@dataclass(frozen=True, slots=True)
class Changed:
    """One field went from one value to another, as Jira's changelog has it."""

    at: datetime
    change_id: str
    field: str
    before: FieldValue
    after: FieldValue

    @property
    def identity(self) -> str:
        """Jira's changelog id; one entry may change several fields."""
        return f"change:{self.change_id}:{self.field}"


@dataclass(frozen=True, slots=True)
class CommentSeen:
    """One version of a comment: as written (`version_at` is its creation) or as last edited."""

    at: datetime
    comment_id: str
    version_at: datetime
    author: Account | None
    public: bool
    text: str = ""
    """The words, as Jira's plain or wiki text; a promise may depend on what they say."""

    @property
    def identity(self) -> str:
        """A comment has as many versions as edits were heard of."""
        return f"comment:{self.comment_id}:{self.version_at.isoformat()}"


@dataclass(frozen=True, slots=True)
class CommentDeleted:
    """A comment was taken away; it happened all the same."""

    at: datetime
    comment_id: str

    @property
    def identity(self) -> str:
        """One per comment."""
        return f"comment-deleted:{self.comment_id}"


@dataclass(frozen=True, slots=True)
class Linked:
    """The issue was tied to another one by a link, whichever way the link points."""

    at: datetime
    link_id: str
    other: str
    """Jira's id of the other issue."""

    @property
    def identity(self) -> str:
        """Jira's id of the link; what was linked once was referred to, even if unlinked later."""
        return f"link:{self.link_id}"


@dataclass(frozen=True, slots=True)
class Deleted:
    """The issue was deleted."""

    at: datetime

    @property
    def identity(self) -> str:
        """One per issue."""
        return "deleted"


Event = Created | Seen | Changed | CommentSeen | CommentDeleted | Linked | Deleted


@dataclass(frozen=True, slots=True)
class Version:
    """What a comment said from an instant on, and whether everybody could read it."""

    at: datetime
    public: bool
    text: str


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment over its life: when it was written, by whom, and what it said when."""

    id: str
    at: datetime
    author: Account | None
    versions: tuple[Version, ...]
    """At least one, oldest first; the earliest one heard of speaks for the beginning."""

    @property
    def public_from(self) -> datetime | None:
        """The first instant at which it was known to be public; None while it never was."""
        return next((version.at for version in self.versions if version.public), None)


@dataclass(frozen=True)
class Timeline:
    """The facts known of one issue."""

    events: tuple[Event, ...]
    _values: dict[str, list[tuple[datetime, FieldValue]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def of(cls, events: Iterable[Event]) -> Timeline:
        """Put facts in order; of two reports of one fact the one with the earlier instant holds."""
        facts: dict[str, Event] = {}
        for event in events:
            known = facts.get(event.identity)
            if known is None or _precedence(event) < _precedence(known):
                facts[event.identity] = event
        return cls(tuple(sorted(facts.values(), key=_precedence)))

    @cached_property
    def created_at(self) -> datetime | None:
        """When the issue was made in Jira; None while only later facts are known."""
        return next((event.at for event in self.events if isinstance(event, Created)), None)

    @cached_property
    def deleted_at(self) -> datetime | None:
        """When the issue was deleted, if it was."""
        return next((event.at for event in self.events if isinstance(event, Deleted)), None)

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Every field that some fact speaks of."""
        seen = {name for event in self.events if isinstance(event, Seen) for name in event.fields}
        changed = {event.field for event in self.events if isinstance(event, Changed)}
        return frozenset(seen | changed)

    def values(self, name: str) -> list[tuple[datetime, FieldValue]]:
        """What a field was: (from when, value), in order, neighbours different.

        The first entry holds from the beginning: a value is known backwards to the issue's
        creation as long as no change contradicts it.
        """
        if name not in self._values:
            self._values[name] = self._fold_field(name)
        return self._values[name]

    def value(self, name: str, at: datetime) -> FieldValue:
        """What a field was at an instant (a change counts from its own instant on)."""
        current: FieldValue = None
        for index, (since, value) in enumerate(self.values(name)):
            if index and since > at:
                break
            current = value
        return current

    def fields(self, at: datetime) -> dict[str, FieldValue]:
        """Every known field at an instant."""
        return {name: self.value(name, at) for name in sorted(self.field_names)}

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment that was ever written, oldest first, also those edited or deleted since."""
        versions: dict[str, list[CommentSeen]] = {}
        for event in self.events:
            if isinstance(event, CommentSeen):
                versions.setdefault(event.comment_id, []).append(event)
        comments = [_fold_comment(seen) for seen in versions.values()]
        return tuple(sorted(comments, key=lambda comment: (comment.at, comment.id)))

    @cached_property
    def references(self) -> tuple[tuple[datetime, str], ...]:
        """Other issues that this one refers to, with the instant since when: ids of linked ones,
        keys of those that the summary or description names."""
        found: dict[str, datetime] = {}
        for event in self.events:
            if isinstance(event, Linked):
                found.setdefault(event.other, event.at)
        own = {value for _, value in self.values("key")}
        for name in ("summary", "description"):
            for at, text in self.values(name):
                for key in _ISSUE_KEY.findall(text) if isinstance(text, str) else ():
                    if key not in own:
                        found[key] = min(at, found.get(key, at))
        return tuple(sorted((at, other) for other, at in found.items()))

    def _fold_field(self, name: str) -> list[tuple[datetime, FieldValue]]:
        spans: list[tuple[datetime, FieldValue]] = []
        change: Changed | None = None
        for event in self.events:
            if isinstance(event, Seen) and name in event.fields:
                if change and (change.at, change.before) == (event.at, event.fields[name]):
                    # Taken within the same instant, but before the change.
                    continue
                known = [event.fields[name]]
            elif isinstance(event, Changed) and event.field == name:
                change = event
                # The first thing heard of a field may be its change: until then it was `before`.
                known = [event.after] if spans else [event.before, event.after]
            else:
                continue
            for value in known:
                if not spans or spans[-1][1] != value:
                    spans.append((event.at, value))
        return spans


CREATION = "jira:issue_created"
"""The source of the sighting that shows an issue as it was made."""

_RANK = {Created: 0, Changed: 2, Seen: 3, CommentSeen: 4, CommentDeleted: 5, Linked: 6, Deleted: 7}
_ISSUE_KEY = re.compile(r"\b[A-Z][A-Z0-9_]+-[1-9]\d*\b")


def _precedence(event: Event) -> tuple[datetime, int, str, bytes]:
    """By instant; at one instant the creation, then changes, then the payloads that show them."""
    rank, number = _RANK[type(event)], ""
    if isinstance(event, Changed):
        number = event.change_id
    elif isinstance(event, Seen):
        rank = 1 if event.source.startswith(CREATION) else rank
        number = event.source
    # Changelog ids are numbers that grow: by length, then by text, is by number.
    return (event.at, rank, f"{len(number):04}{number}", msgspec.json.encode(event))


def _fold_comment(seen: list[CommentSeen]) -> Comment:
    seen.sort(key=lambda version: version.version_at)
    first = seen[0]
    versions = tuple(
        Version(first.at if each is first else each.version_at, each.public, each.text)
        for each in seen
    )
    return Comment(first.comment_id, first.at, first.author, versions)
