"""A backtest of what a live Jira tells: changelogs and comments are read, nothing is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from config.compiled import load
from config.configuration import Configuration
from config.settings import Settings
from connector.base import History
from connector.client import JiraClient
from connector.errors import ConnectorError, JiraError, JiraRefused, NotJira, SignInRefused
from connector.retry import verdict
from connector.setup import find_fields
from sla.backtest import Period, Stand, stand
from sla.clock.run import cycles_of
from sla.errors import StoreError
from sla.known_sites import SiteFacts
from sla.mapping import Policy
from sla.store.issues import named
from sla.timeline import Timeline
from webhooks.backtesting import Backtest, Days, Part, Whole, asked, documents_of, tried
from webhooks.databases import looked_into
from webhooks.jira import client_for
from webhooks.progress import Told
from webhooks.publishing import DEFAULT_SITE, last_published
from webhooks.questions import QuestionError
from webhooks.reconciling import patiently

_READERS = 4
_AT_ONCE = 100
_TRIES = 8
_NO_WAY_IN = frozenset({401, 403, 407})
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)
_T = TypeVar("_T")


def backtest_jira(
    settings: Settings,
    contract: Path,
    days: Days,
    now: datetime,
    told: Told = lambda _done, _whole: None,
    *,
    jql: str | None = None,
    wait: Callable[[float], object] = patiently,
) -> Backtest:
    """Replay what Jira tells of a period under the contract in force and under another.

    Args:
        settings: with Jira's address and how to sign in; a database is not needed.
        contract: a configuration directory, or one contract's document.
        days: which promises count.
        now: the instant of judgement, aware UTC.
        told: how many histories were read.
        jql: only these issues.
        wait: waits for some seconds, where Jira asks for patience.

    Raises:
        ConfigurationError: the directory or the document is faulty; with every error.
        QuestionError: the days or the query are none, or Jira refuses.
    """
    if jql and _ORDERED.search(jql):
        raise QuestionError("--jql: a condition alone, without ORDER BY")
    before = _in_force(settings)
    after = tried(contract, before, lambda: documents_of(settings))
    question = asked(before, days, now)
    projects = before.policy.projects.keys() | after.policy.projects.keys()
    try:
        jira = _Jira(client_for(settings.require_jira(webhook=False)), before, now, wait)
        found = jira.found(projects, question.period, jql)
        both = tuple(_Judge(jira.site, each.policy) for each in (before, after))
        whole = Whole(question)
        told(0, len(found))
        for done, history in enumerate(jira.histories(found), 1):
            if history is not None:
                comparison = question.comparison()
                today, other = (judge.stands(history, now) for judge in both)
                comparison.add(history.issue_key, today, other)
                whole.add(Part.of(1, comparison))
            told(done, len(found))
    except ConnectorError as error:
        raise QuestionError(str(error)) from error
    return whole.result(before, after, "jira", jira.gone)


def _in_force(settings: Settings) -> Configuration:
    """What is in force as far as a database says; else what the directory holds."""
    try:
        with looked_into(settings) as database, closing(database):
            published = last_published(database, DEFAULT_SITE)
    except StoreError:
        # A backtest of Jira's own histories needs none.
        published = None
    return published or load(settings.config)


@dataclass(frozen=True)
class _Judge:
    """One version."""

    site: SiteFacts
    policy: Policy

    def stands(self, history: History, now: datetime) -> list[Stand]:
        """An issue's cycles by it."""
        policy = self.site.applied_to(self.policy)
        names = self.site.names_for(self.policy)
        timeline = Timeline.of(named(event, names) for event in history.events)
        return [stand(cycle) for cycle in cycles_of(timeline, policy, now)]


class _Jira:
    """Asks, and waits where Jira asks for patience."""

    def __init__(
        self,
        client: JiraClient,
        in_force: Configuration,
        now: datetime,
        wait: Callable[[float], object],
    ) -> None:
        self.gone = 0
        """How many issues were found and could not be read any more."""
        self._client, self._wait = client, wait
        account, fields = self._patiently(client.myself), self._patiently(client.fields)
        custom = {field.id: field.name for field in fields if field.custom}
        # Nothing is said here, so that it does not matter since when it would be.
        self.site = SiteFacts(account, custom, quiet_before=now)
        own, _ = find_fields(fields, in_force.site.fields)
        self._own_fields = frozenset(
            [*in_force.site.fields.values(), *(field.id for field in own.values())]
        )

    def found(self, projects: Collection[str], period: Period, jql: str | None) -> list[str]:
        """The ids of the issues that were open in a period."""
        ids: dict[str, None] = {}
        for project in sorted(projects):
            if self._patiently(partial(self._client.has_project, project)):
                ids |= dict.fromkeys(self._patiently(partial(self._of, project, period, jql)))
        return list(ids)

    def histories(self, ids: Collection[str]) -> Iterator[History | None]:
        """The history of each, a few read at once; None: it is gone meanwhile."""
        with ThreadPoolExecutor(_READERS) as readers:
            rest = iter(ids)
            while some := list(islice(rest, _AT_ONCE)):
                for history in readers.map(self._history, some):
                    self.gone += history is None
                    yield history

    def _of(self, project: str, period: Period, jql: str | None) -> list[str]:
        pages = self._client.issues_of(project, period.from_at, period.to_at, jql)
        return [found.issue_id for page in pages for found in page]

    def _history(self, issue_id: str) -> History | None:
        def read() -> History:
            return self._client.read_history(issue_id, ignored_fields=self._own_fields)

        try:
            return self._patiently(read)
        except JiraRefused as refused:
            if refused.status != 404 or isinstance(refused, NotJira):
                raise
            return None

    def _patiently(self, call: Callable[[], _T]) -> _T:
        attempts = 0
        while True:
            try:
                return call()
            except JiraError as error:
                found = verdict(error, attempts + 1, jitter=0.5)
                attempts += 1
                # Who waits mends what is refused, and each further try may lock the account.
                is_over = found.kind == "give_up" or error.status in _NO_WAY_IN
                if is_over or isinstance(error, SignInRefused) or attempts >= _TRIES:
                    raise
                self._wait(found.after.total_seconds())
