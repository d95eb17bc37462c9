"""Projects, issue types and priorities of a Jira for a page: read seldom, kept meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from connector.base import JiraClient
from connector.errors import ConnectorError
from connector.survey import Makings, Survey, makings, survey

KEPT = timedelta(minutes=5)
_NOT_ASKED_AGAIN = timedelta(seconds=30)
_MOST_PROJECTS = 500
_T = TypeVar("_T")


@dataclass(frozen=True)
class Read(Generic[_T]):
    """What Jira said, and how it is with it now."""

    found: _T | None
    """None: it never said anything."""
    read_at: datetime | None
    """When it said that, aware UTC."""
    tried_at: datetime
    trouble: str = ""
    """Why it said nothing the last time; empty: it did."""


@dataclass
class Catalogue:
    """What a Jira has, as the service's account sees it.

    Args:
        client: gets hold of Jira; raises ConnectorError where it cannot.
        now: gives the present instant, aware UTC.
        resting: why Jira is to be left alone at present; empty: it is not.
    """

    client: Callable[[], JiraClient]
    now: Callable[[], datetime]
    resting: Callable[[], str] = lambda: ""
    _client: JiraClient | None = None
    _site: Read[Survey] | None = None
    _projects: dict[str, Read[Makings]] = field(default_factory=dict)
    _asking: threading.Lock = field(default_factory=threading.Lock)

    def site(self) -> Read[Survey]:
        """Its projects and priorities; asked for again after five minutes."""
        if not self._is_fresh(self._site):
            with self._turn(has_old=self._site is not None) as mine:
                if mine and not self._is_fresh(self._site):
                    self._site = self._read(self._site, survey)
        return self._site or self._nothing_yet()

    def project(self, key: str) -> Read[Makings]:
        """The issue types of one of its projects."""
        before = self._projects.get(key)
        if not self._is_fresh(before):
            with self._turn(has_old=before is not None) as mine:
                if mine and not self._is_fresh(self._projects.get(key)):
                    if len(self._projects) >= _MOST_PROJECTS:
                        self._projects.clear()
                    self._projects[key] = self._read(before, lambda client: makings(client, key))
        return self._projects.get(key) or self._nothing_yet()

    def _is_fresh(self, read: Read[_T] | None) -> bool:
        if read is None:
            return False
        age = self.now() - read.tried_at
        return timedelta(0) <= age < (_NOT_ASKED_AGAIN if read.trouble else KEPT)

    @contextmanager
    def _turn(self, *, has_old: bool) -> Iterator[bool]:
        """One asks at a time; who has an earlier answer to show does not wait for that one."""
        mine = self._asking.acquire(blocking=not has_old)
        try:
            yield mine
        finally:
            if mine:
                self._asking.release()

    def _read(self, before: Read[_T] | None, ask: Callable[[JiraClient], _T]) -> Read[_T]:
        trouble = self.resting()
        if not trouble:
            try:
                self._client = self._client or self.client()
                found = ask(self._client)
            except ConnectorError as error:
                trouble = str(error)
            else:
                return Read(found, self.now(), self.now())
        old, read_at = (before.found, before.read_at) if before else (None, None)
        return Read(old, read_at, self.now(), trouble)

    def _nothing_yet(self) -> Read[_T]:
        return Read(None, None, self.now(), "Jira is being asked")
