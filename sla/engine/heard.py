"""What the outside tells, as the engine takes it in: how a delivery reads, and what Jira knows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Protocol

from sla.gaps import Shown
from sla.timeline import CommentSeen, Event

People = Mapping[str, str]
"""Accounts of Jira's, each with its name for people."""
NOBODY: People = MappingProxyType({})


class Heard(Protocol):
    """What a delivery says, once read."""

    @property
    def issue_id(self) -> str | None:
        """Jira's id of the issue, if the delivery is about one."""

    @property
    def issue_key(self) -> str | None:
        """Its key, if shown."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The facts in it."""

    @property
    def also(self) -> Mapping[str, tuple[Event, ...]]:
        """What it says of further issues, by their ids; without facts, that something happened."""

    @property
    def not_understood(self) -> str | None:
        """Why nothing could be made of it, in a sentence."""

    @property
    def complete(self) -> bool:
        """Whether it tells of the issue's making, so that no earlier fact can be missing."""

    @property
    def unclear(self) -> bool:
        """Whether something happened that only Jira can tell."""

    @property
    def assignee(self) -> tuple[str, str] | None:
        """The account that it shows the issue assigned to, and its name for people."""

    @property
    def people(self) -> Mapping[str, str]:
        """The accounts that did what it tells of, each with its name for people."""

    @property
    def unmarked(self) -> tuple[CommentSeen, ...]:
        """The comments whose readers are all that is unclear, as if everybody might read them."""


class Known(Protocol):
    """What a Jira says of one of its issues without being asked for more."""

    @property
    def issue_id(self) -> str:
        """Jira's id."""

    @property
    def issue_key(self) -> str:
        """Its key at present."""

    @property
    def project_key(self) -> str:
        """That of its project."""

    @property
    def updated_at(self) -> datetime | None:
        """When it was last updated, by Jira's clock."""

    @property
    def shown(self) -> Shown | None:
        """Its past, as far as it is shown."""
