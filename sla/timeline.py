"""What happened to an issue, as facts that stay the same however often and in whatever order heard.

Each event has an `identity` made of Jira's own ids, so that a webhook and a later reading of the
history meet in the same fact. A timeline is a function of the *set* of its events: doubling,
delaying or reordering deliveries changes nothing.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from itertools import compress, count
from operator import attrgetter, eq, itemgetter
from typing import Literal

import msgspec

from sla.words import iso

FieldValue = str | tuple[str, ...] | None
"""A field as plain text: an option's or priority's name, an account, several labels, or nothing."""

SYSTEM_FIELDS = frozenset({
    "issuetype", "priority", "status", "resolution", "assignee", "reporter", "creator", "project",
    "labels", "key", "summary", "description",
})  # fmt: skip
"""What every Jira has, under these names; every other field is a custom one, known by its id."""

AccountKind = Literal["person", "customer", "app"]


# Of these an issue's fold makes dozens: a frozen struct is made ten times faster than a frozen
# dataclass (0.04 against 0.43 us), and is the same to whoever reads it; and the class itself is
# made in 0.01 and not 0.5 ms of each start. Nothing that they hold can hold them in turn, so the
# collector of garbage need not follow them (`gc=False`): without it, a fold spent a fifth of its
# time in the collector.
class Account(msgspec.Struct, frozen=True, gc=False):
    """Who did something: Jira's own id (accountId on Cloud, user key on Data Center), no name."""

    id: str
    kind: AccountKind = "person"


class Created(msgspec.Struct, frozen=True, gc=False):
    """The issue was made in Jira."""

    at: datetime

    @property
    def identity(self) -> str:
        """One per issue."""
        return "created"


class Seen(msgspec.Struct, frozen=True, gc=False):
    """At this instant a payload showed these values; it need not show every field."""

    at: datetime
    fields: Mapping[str, FieldValue]
    source: str

    @property
    def identity(self) -> str:
        """Two payloads of one instant, one slim and one full, are two sightings."""
        return f"seen:{iso(self.at)}:{self.source}"


# What is not known is not stored: of two reports of one fact the one that names the author is less.
class Changed(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One field went from one value to another, as Jira's changelog has it."""

    at: datetime
    change_id: str
    field: str
    before: FieldValue
    after: FieldValue
    by: str | None = None
    """The account that changed it; None where that was not told."""

    @property
    def identity(self) -> str:
        """Jira's changelog id; one entry may change several fields."""
        return f"change:{self.change_id}:{self.field}"


class CommentSeen(msgspec.Struct, frozen=True, gc=False):
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
        return f"comment:{self.comment_id}:{iso(self.version_at)}"


class CommentDeleted(msgspec.Struct, frozen=True, gc=False):
    """A comment was taken away; it happened all the same."""

    at: datetime
    comment_id: str

    @property
    def identity(self) -> str:
        """One per comment."""
        return f"comment-deleted:{self.comment_id}"


class Linked(msgspec.Struct, frozen=True, gc=False):
    """The issue was tied to another one by a link, whichever way the link points."""

    at: datetime
    link_id: str
    other: str
    """Jira's id of the other issue."""

    @property
    def identity(self) -> str:
        """Jira's id of the link; what was linked once was referred to, even if unlinked later."""
        return f"link:{self.link_id}"


class Deleted(msgspec.Struct, frozen=True, gc=False):
    """The issue was deleted."""

    at: datetime

    @property
    def identity(self) -> str:
        """One per issue."""
        return "deleted"


Event = Created | Seen | Changed | CommentSeen | CommentDeleted | Linked | Deleted


class Version(msgspec.Struct, frozen=True, gc=False):
    """What a comment said from an instant on, and whether everybody could read it."""

    at: datetime
    public: bool
    text: str


class Comment(msgspec.Struct, frozen=True, gc=False):
    """A comment over its life: when it was written, by whom, and what it said when."""

    id: str
    at: datetime
    author: Account | None
    versions: tuple[Version, ...]
    """At least one, oldest first; the earliest one heard of speaks for the beginning."""

    @property
    def public_from(self) -> datetime | None:
        """The first instant at which it was known to be public; None while it never was."""
        for version in self.versions:
            if version.public:
                return version.at
        return None


_AT = attrgetter("at")
Spans = list[tuple[datetime, datetime | None]]
"""Spans `[from, to)` of an issue's life; None: it lasts."""
_Values = list[tuple[datetime, FieldValue]]


def _values(values: _Values, facts: Iterable[Changed | Seen], name: str) -> _Values:
    """What a field was, with the facts that tell of it after its first value was shown, if it was;
    they are in order."""
    change: Changed | None = None
    for fact in facts:
        if isinstance(fact, Changed):
            change, value = fact, fact.after
            if not values:
                # The first thing heard of a field may be its change: before, it was `before`.
                values.append((fact.at, fact.before))
        else:
            value = fact.fields[name]
            # What a change of the same instant found was taken within it, before the change.
            if change and change.at == fact.at and change.before == value:
                continue
        if not values or values[-1][1] != value:
            values.append((fact.at, value))
    return values


class Timeline:
    """The facts known of one issue, in order, and what they tell of its fields and comments.

    Two timelines of the same facts are equal.

    Args:
        events: as `of` or `of_distinct` puts them in order.

    Attributes:
        created_at: when the issue was made in Jira; None while only later facts are known.
        deleted_at: when the issue was deleted, if it was.
        first_versions: of each comment by its id the first that was heard of, in order.
        edits: the other versions of those that have more than one.
        held: when which condition held, once somebody asked: each is asked for by several metrics.
    """

    created_at: datetime | None = None
    deleted_at: datetime | None = None
    _shown: Seen | None = None

    def __init__(self, events: tuple[Event, ...]) -> None:
        self.events = events
        self.held: dict[int, tuple[object, Spans]] = {}
        self._links: list[Linked] = []
        # One walk over the events for all that is asked of them, 4 us for 50. Of fields it only
        # says where to look: what became of one is worked out once somebody asks, since that took
        # half of the walk. By their very class: to find that an object is of another one takes
        # `isinstance` 70 ns.
        told: dict[str, list[Changed | Seen]] = {}
        comments: dict[str, CommentSeen] = {}
        self._told, self.first_versions = told, comments
        self._fields: dict[str, _Values] = {}
        self.edits: dict[str, list[CommentSeen]] = {}
        for event in events:
            if type(event) is Changed:
                if (facts := told.get(event.field)) is None:
                    told[event.field] = [event]
                else:
                    facts.append(event)
            elif type(event) is CommentSeen:
                if comments.setdefault(event.comment_id, event) is not event:
                    self.edits.setdefault(event.comment_id, []).append(event)
            else:
                self._file(event)

    def _file(self, event: Event) -> None:
        """An event of the kinds of which an issue has few."""
        if type(event) is Seen:
            if self._shown or self._told:
                for name in event.fields:
                    self._told.setdefault(name, []).append(event)
            else:
                # What an issue was made with, and most of it stays as it was.
                self._shown = event
        elif type(event) is Created:
            self.created_at = self.created_at or event.at
        elif type(event) is Linked:
            self._links.append(event)
        elif type(event) is Deleted:
            self.deleted_at = self.deleted_at or event.at

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Timeline) and self.events == other.events

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Timeline(events={self.events!r})"

    @classmethod
    def of(cls, events: Iterable[Event]) -> Timeline:
        """Put facts in order; of two reports of one fact the one with the earlier instant holds."""
        events = [*events]
        told = {
            (event.change_id, event.field)
            if type(event) is Changed
            else (event.comment_id, event.version_at)
            if type(event) is CommentSeen
            else event.identity
            for event in events
        }
        if len(told) == len(events):
            # No two can be reports of one: to name every fact took a quarter more time.
            return cls.of_distinct(events)
        facts: dict[str, Event] = {}
        for event in events:
            identity = event.identity
            known = facts.get(identity)
            if known is None or _precedence(event) < _precedence(known):
                facts[identity] = event
        return cls.of_distinct(facts.values())

    @classmethod
    def of_distinct(cls, events: Collection[Event]) -> Timeline:
        """Put facts in order of which no two are reports of one, such as those of the tables."""
        ordered = sorted(events, key=_AT)
        instants = [*map(_AT, ordered)]
        # Few share an instant, and of the others nothing else has to be known: to find the place of
        # each took three times as long.
        end = 0
        for first in compress(count(), map(eq, instants, instants[1:])):
            if first >= end:
                end = bisect_right(instants, instants[first], first)
                ordered[first:end] = _of_one_instant(ordered[first:end])
        return cls(tuple(ordered))

    def until(self, at: datetime) -> Timeline:
        """What had happened by an instant, aware: as Jira tells it, whenever it was heard.

        The earliest version of a comment that was heard of speaks for its beginning.
        """
        first: dict[str, datetime] = {}
        is_cut = bool(self.events) and self.events[-1].at > at
        for event in self.events:
            if isinstance(event, CommentSeen):
                known = first.get(event.comment_id, event.version_at)
                first[event.comment_id] = min(known, event.version_at)
                is_cut = is_cut or event.version_at > at
        if not is_cut:
            return self

        def had_happened(event: Event) -> bool:
            if isinstance(event, CommentSeen) and event.version_at > at:
                return event.at <= at and first[event.comment_id] == event.version_at
            return event.at <= at

        return Timeline.of_distinct(list(filter(had_happened, self.events)))

    @cached_property
    def said(self) -> dict[tuple[str, tuple[str, ...]], bool]:
        """Whether which words have one of which phrases in them, once somebody asked."""
        return {}

    @property
    def field_names(self) -> frozenset[str]:
        """Every field that some fact speaks of."""
        return frozenset(self._told).union(self._shown.fields if self._shown else ())

    def values(self, name: str) -> list[tuple[datetime, FieldValue]]:
        """What a field was: (from when, value), in order, neighbours different.

        The first entry holds from the beginning: a value is known backwards to the issue's
        creation as long as no change contradicts it.
        """
        values = self._fields.get(name)
        if values is None:
            shown, facts = self._shown, self._told.get(name)
            values = [(shown.at, shown.fields[name])] if shown and name in shown.fields else []
            if facts:
                values = self._fields[name] = _values(values, facts, name)
        return values

    def value(self, name: str, at: datetime) -> FieldValue:
        """What a field was at an instant (a change counts from its own instant on)."""
        if name not in self._told:  # as of most fields of most issues
            return self._shown.fields.get(name) if self._shown else None
        values = self.values(name)
        return values[bisect_right(values, at, 1, key=_FIRST) - 1][1]

    def changes(self, names: Iterable[str], since: datetime) -> list[datetime]:
        """An instant and every later one at which one of these fields changed, in order."""
        # The first value of a field holds from the beginning on, so it is no change.
        later: set[datetime] = set()
        for name in names:
            if name in self._told:
                values = self.values(name)
                later.update([at for at, _ in values[1:] if at > since])
        return [since, *sorted(later)] if later else [since]

    def values_at(self, names: Iterable[str], at: datetime) -> tuple[FieldValue, ...]:
        """What some fields were at an instant, in the order of their names."""
        return tuple([self.value(name, at) for name in names])

    def fields(self, at: datetime) -> dict[str, FieldValue]:
        """Every known field at an instant."""
        return {name: self.value(name, at) for name in sorted(self.field_names)}

    @cached_property
    def comments(self) -> tuple[Comment, ...]:
        """Every comment that was ever written, oldest first, also those edited or deleted since."""
        edits = self.edits
        comments = [
            comment_of([first, *edits.get(id_, ())]) for id_, first in self.first_versions.items()
        ]
        comments.sort(key=_WRITTEN)
        return tuple(comments)

    @cached_property
    def changed_by(self) -> Mapping[datetime, str]:
        """Who changed some field, by instant, as far as Jira told."""
        return {event.at: event.by for event in self.events if type(event) is Changed and event.by}

    @cached_property
    def references(self) -> tuple[tuple[datetime, str], ...]:
        """Other issues that this one refers to, with the instant since when: ids of linked ones,
        keys of those that the summary or description names."""
        found: dict[str, datetime] = {}
        for link in self._links:
            found.setdefault(link.other, link.at)
        own = {value for _, value in self.values("key")}
        for name in ("summary", "description"):
            for at, text in self.values(name):
                for key in _ISSUE_KEY.findall(text) if isinstance(text, str) else ():
                    if key not in own:
                        found[key] = min(at, found.get(key, at))
        return tuple(sorted((at, other) for other, at in found.items()))


_FIRST = itemgetter(0)
_WRITTEN = attrgetter("at", "id")


CREATION = "jira:issue_created"
"""The source of the sighting that shows an issue as it was made."""

_RANK = {Created: 0, Changed: 2, Seen: 3, CommentSeen: 4, CommentDeleted: 5, Linked: 6, Deleted: 7}
_ISSUE_KEY = re.compile(r"\b[A-Z][A-Z0-9_]+-[1-9]\d*\b")


def _place(event: Event) -> tuple[datetime, int, int, str]:
    """By instant; at one instant the creation, then changes, then the payloads that show them."""
    rank, number = _RANK[type(event)], ""
    # By their very class, as a timeline reads them: it took twice as long.
    if type(event) is Changed:
        number = event.change_id
    elif type(event) is Seen:
        rank = 1 if event.source.startswith(CREATION) else rank
        number = event.source
    # Changelog ids are numbers that grow: by length, then by text, is by number.
    return event.at, rank, len(number), number


def _of_one_instant(events: Sequence[Event]) -> list[Event]:
    """In order. Only what no place tells apart is told apart by its whole content."""
    is_clear = len({*map(_place, events)}) == len(events)
    return sorted(events, key=_place if is_clear else _precedence)


def _precedence(event: Event) -> tuple[tuple[datetime, int, int, str], bytes]:
    """By place; what shares one, in an order that is the same each time."""
    return _place(event), msgspec.json.encode(event)


def comment_of(seen: Sequence[CommentSeen]) -> Comment:
    """A comment over its life, from the versions of it that were heard of."""
    if len(seen) == 1:
        only = seen[0]
        version = Version(only.at, only.public, only.text)
        return Comment(only.comment_id, only.at, only.author, (version,))
    seen = sorted(seen, key=attrgetter("version_at"))
    first = seen[0]
    versions = tuple(
        Version(first.at if each is first else each.version_at, each.public, each.text)
        for each in seen
    )
    return Comment(first.comment_id, first.at, first.author, versions)
