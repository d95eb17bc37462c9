"""The Jira that is looked at: what is expected of it, and what it said already."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Literal

from connector import facts
from connector.base import Field, Flavour, Found, JiraClient, ServerInfo
from connector.errors import JiraError, JiraUnreachable
from connector.facts import Json
from connector.rest import Answer
from connector.survey import statuses_of
from connector.values import in_path
from sla.mapping import Policy

NO_ANSWER = 0
"""In place of a status."""
Way = Literal["client", "bearer", "basic"]
"""How Dueline signs in: as an OAuth client, by a token alone, by an account with a token."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What came in of Jira's deliveries."""

    since: datetime | None
    """When this installation began; None: it never did."""
    newest: datetime | None
    """When the newest delivery about an issue came; None: there is none."""
    refused: int = 0
    """How many were refused ever, since they did not bear the secret."""


@dataclass
class Subject:
    """A Jira under examination. What it was asked once it is not asked again."""

    url: str
    """As Dueline was given it."""
    sign_in: Callable[[Flavour | None], JiraClient]
    """Gets hold of it, told what it is where that is known; raises `ConnectorError`."""
    way: Way
    policy: Policy
    fields: Mapping[str, str]
    """By role the name or id of the field, as the site's configuration has them."""
    internal: bool
    """Whether comments in service projects are for agents alone."""
    role: str | None
    """The project role that alone reads comments elsewhere."""
    hook: str | None
    """The address to which Jira's webhook shall post; None: not known."""
    by_webhook: bool
    """Whether deliveries come by a webhook of an administrator."""
    links: bool
    """Whether issues get a link that leads to the explanation."""
    now: Callable[[], datetime]
    heard: Callable[[], Heard | None]
    """Asks the inbox; gives None where there is none to be asked."""
    flavour: Flavour | None = None
    """As it was configured; None: to be found out."""
    server: ServerInfo | None = None
    """As it was found, before anybody signed in."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds of real time from any start: how long the examination took so far."""
    found: Mapping[str, Field] = field(default_factory=dict)
    """By role the field, as far as it was found."""
    _projects: dict[str, Answer] = field(default_factory=dict, init=False)
    _statuses: dict[str, tuple[str, ...]] = field(default_factory=dict, init=False)
    _latest: dict[str, Found | JiraError | None] = field(default_factory=dict, init=False)
    _editable: dict[str, frozenset[str] | None] = field(default_factory=dict, init=False)

    @cached_property
    def client(self) -> JiraClient:
        """Signed in.

        Raises:
            ConnectorError: it cannot be.
        """
        return self.sign_in(self.flavour or (self.server.flavour if self.server else None))

    @cached_property
    def myself(self) -> Answer:
        """What Jira says of the account."""
        return self.client.look("reading the account", f"{self.client.api}/myself")

    @cached_property
    def known(self) -> tuple[Field, ...]:
        """Every field of Jira."""
        return self.client.fields()

    @property
    def keys(self) -> tuple[str, ...]:
        """The projects of the mapping."""
        return tuple(sorted(self.policy.projects))

    @property
    def visible(self) -> tuple[str, ...]:
        """Those of them that the account can see."""
        return tuple(key for key in self.keys if facts.member(self.project(key).data, "id"))

    def project(self, key: str) -> Answer:
        """What Jira says of a project."""
        if key not in self._projects:
            path = f"{self.client.api}/project/{in_path(key)}"
            unanswered = (each for each in self._projects.values() if each.status == NO_ANSWER)
            what = f"reading the project {key}"
            # Time runs: where one question was in vain, the same of the next project would be.
            told = next(unanswered, None) or self._looked(what, path)
            self._projects[key] = told
            # Who was asked too much, or does not answer, is not asked for more.
            silent = told.status in (NO_ANSWER, 429)
            if not silent and not facts.member(told.data, "id") and key in self._listed:
                self._projects[key] = told._replace(status=200, data=self._listed[key])
        return self._projects[key]

    @cached_property
    def _listed(self) -> Mapping[str, Json]:
        """Projects by key, for a Jira that lists them and shows none by itself."""
        listed = self._looked("reading the projects", f"{self.client.api}/project").data
        keys = ((facts.identifier(facts.member(each, "key")), each) for each in facts.items(listed))
        return {key: each for key, each in keys if key}

    def statuses(self, key: str) -> tuple[str, ...]:
        """The statuses of a project; none where Jira does not say.

        Raises:
            JiraError: Jira refuses, or does not answer.
        """
        if key not in self._statuses:
            self._statuses[key] = statuses_of(self.client, key)
        return self._statuses[key]

    def _looked(self, what: str, path: str) -> Answer:
        try:
            return self.client.look(what, path)
        except JiraError as error:
            return Answer(error.status or NO_ANSWER, {}, None, path)

    def latest(self, key: str) -> Found | None:
        """The issue of a project that was updated last.

        Raises:
            JiraError: Jira does not say.
        """
        if key not in self._latest:
            errors = (each for each in self._latest.values() if isinstance(each, JiraUnreachable))
            self._latest[key] = next(errors, None) or self._searched(key)
        found = self._latest[key]
        if isinstance(found, JiraError):
            raise found
        return found

    def _searched(self, key: str) -> Found | JiraError | None:
        try:
            return self.client.latest(key)
        except JiraError as error:
            return error

    def editable(self, key: str) -> frozenset[str] | None:
        """The ids of the fields that a recent issue of a project lets the account edit.

        None where there is no issue to look at, or where Jira does not say.
        """
        if key not in self._editable:
            self._editable[key] = self._editable_in(key)
        return self._editable[key]

    def _editable_in(self, key: str) -> frozenset[str] | None:
        try:
            issue = self.latest(key)
        except JiraError:
            # The check of the search says why.
            return None
        if issue is None:
            return None
        path = f"{self.client.api}/issue/{in_path(issue.issue_id)}/editmeta"
        shown = facts.member(self.client.look("reading what can be edited", path).data, "fields")
        return frozenset(shown) if isinstance(shown, dict) else None
