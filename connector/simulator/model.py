"""The nouns of a Jira site, as plain records: what is remembered, not how it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from connector.simulator.adf import RichText

Flavour = Literal["cloud", "datacenter"]


@dataclass(frozen=True, slots=True)
class Account:
    """A person or a robot that can sign in with `email` (or `name`) and `token`."""

    email: str
    display_name: str
    account_id: str
    name: str
    key: str
    token: str = "simulator"  # noqa: S105 -- the well-known token of the example site
    time_zone: str = "Etc/UTC"
    account_type: str = "atlassian"


@dataclass(frozen=True, slots=True)
class Token:
    """A token that somebody made, beside the well-known one of the account.

    One with `scopes` is good at Atlassian's gateway only, one without is a classic token; on Data
    Center each is a personal access token. After `ends_at` it is none.
    """

    text: str
    email: str
    scopes: frozenset[str] | None = None
    ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """The OAuth 2.0 client of a service account; the tokens that it gets last for `lasting`."""

    client_id: str
    client_secret: str
    email: str
    scopes: frozenset[str]
    lasting: timedelta


@dataclass(slots=True)
class Group:
    """A named set of accounts, by e-mail address."""

    name: str
    group_id: str
    members: list[str]


@dataclass(frozen=True, slots=True)
class Project:
    """A project; `screen_id` names the screen on which its fields are created and edited."""

    id: str
    key: str
    name: str
    lead: str
    screen_id: int = 1
    project_type: str = "software"


@dataclass(frozen=True, slots=True)
class IssueType:
    """A kind of issue."""

    id: str
    name: str
    description: str
    avatar_id: int


@dataclass(frozen=True, slots=True)
class Priority:
    """A priority; the order in which the site lists them is their rank, highest first."""

    id: str
    name: str
    description: str
    color: str


@dataclass(frozen=True, slots=True)
class StatusCategory:
    """One of Jira's three fixed categories of statuses."""

    id: int
    key: str
    name: str
    color: str


@dataclass(frozen=True, slots=True)
class Status:
    """A step of the workflow, and the transition that leads into it from anywhere else."""

    id: str
    name: str
    category: StatusCategory
    transition_id: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """A way in which an issue was settled."""

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Option:
    """A choice of a select field."""

    id: str
    value: str


@dataclass(slots=True)
class Context:
    """Where a custom field applies: no project means every project."""

    id: str
    name: str
    description: str
    project_ids: list[str] = field(default_factory=list)
    issue_type_ids: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Field:
    """A field, of the system or custom; `kind` names its entry in `values.KINDS`."""

    id: str
    name: str
    kind: str
    schema: Mapping[str, Any]
    custom: bool = False
    settable: bool = True
    orderable: bool = True
    navigable: bool = True
    searchable: bool = True
    clause_names: list[str] = field(default_factory=list)
    description: str = ""
    contexts: list[Context] = field(default_factory=list)
    options: list[Option] = field(default_factory=list)

    def applies_to(self, project_id: str) -> bool:
        """Tell whether issues of the project have this field at all."""
        return not self.custom or any(
            not context.project_ids or project_id in context.project_ids
            for context in self.contexts
        )


@dataclass(slots=True)
class Tab:
    """A tab of a screen, with the ids of the fields on it."""

    id: int
    name: str
    fields: list[str]


@dataclass(slots=True)
class Screen:
    """What a person sees when creating or editing an issue."""

    id: int
    name: str
    description: str
    tabs: list[Tab]

    def shows(self, field_id: str) -> bool:
        """Tell whether the field is on any tab."""
        return any(field_id in tab.fields for tab in self.tabs)


@dataclass(slots=True)
class Comment:
    """A comment; `visibility` narrows its readers to a role or a group.

    Without an author somebody anonymous wrote it, or somebody who was deleted since.
    """

    id: str
    author: str | None
    body: RichText
    created: datetime
    updated: datetime
    update_author: str | None
    properties: dict[str, Any] = field(default_factory=dict)
    visibility: dict[str, Any] | None = None

    @property
    def public(self) -> bool:
        """Return false for what a service project shows to its agents only."""
        mark = self.properties.get("sd.public.comment")
        return not (isinstance(mark, Mapping) and mark.get("internal") in {True, "true"})


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change within one history entry."""

    field: str
    field_id: str | None
    custom: bool
    old: str | None
    old_text: str | None
    new: str | None
    new_text: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What one person changed at one instant: an entry of the changelog."""

    id: str
    author: str
    created: datetime
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True)
class LinkType:
    """A kind of link, with its words as read from either end."""

    id: str
    name: str
    outward: str
    inward: str


@dataclass(frozen=True, slots=True, eq=False)
class IssueLink:
    """A link: the `source` does to the `destination` what the type's outward words say."""

    id: str
    link_type: LinkType
    source: Issue
    destination: Issue


@dataclass(slots=True)
class Issue:
    """An issue; `values` holds what can be edited, by field id, in canonical form."""

    id: str
    key: str
    project: Project
    creator: str
    created: datetime
    updated: datetime
    status: Status
    category_changed: datetime
    values: dict[str, Any]
    resolved: datetime | None = None
    comments: list[Comment] = field(default_factory=list)
    history: list[History] = field(default_factory=list)
    properties: dict[str, Any] = field(default_factory=dict)
    remote_links: list[dict[str, Any]] = field(default_factory=list)
    # Left out of comparisons, since each end of a link knows the other.
    links: list[IssueLink] = field(default_factory=list, repr=False, compare=False)

    @property
    def number(self) -> int:
        """Return the number at the end of the key."""
        return int(self.key.rpartition("-")[2])


@dataclass(frozen=True, slots=True)
class Event:
    """Something a webhook may tell; `type_name` is Jira's `issue_event_type_name`.

    An anonymous `actor` is None. The event of a `link` has the link's source as its issue.
    """

    name: str
    type_name: str | None
    issue: Issue
    actor: str | None
    at: datetime
    history: History | None = None
    comment: Comment | None = None
    link: IssueLink | None = None


@dataclass(slots=True)
class Webhook:
    """A registration: which events of which issues are told to which address.

    One that `expires_at` some instant is an app's own, that of the account `updated_by`.
    """

    id: str
    name: str
    url: str
    events: list[str]
    jql: str
    exclude_body: bool
    enabled: bool
    secret: str | None
    updated_by: str
    updated: datetime
    expires_at: datetime | None = None
