"""What is held of one issue, for people: promises as made and as judged now, and what was said."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from config.configuration import Configuration
from config.settings import Settings
from sla.decide import Ledger, decide
from sla.engine import remembered_site
from sla.explain import explain
from sla.mapping import Policy
from sla.recalculated import kept_of
from sla.store import issues, outbox, sites
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.timeline import Timeline
from sla.words import utc
from webhooks.databases import opened
from webhooks.questions import QuestionError
from webhooks.serve import clock_from
from webhooks.service import DEFAULT_SITE


def explain_issue(settings: Settings, key: str) -> list[str]:
    """Everything that led to an issue's instants, a line each.

    Raises:
        QuestionError: nothing was ever heard of such an issue.
    """
    with opened(settings, must_exist=True) as database:
        row = database.read(lambda c: issues.by_key(c, DEFAULT_SITE, key))
        if row is None:
            raise QuestionError(
                f"{key}: nothing was heard of this issue; check the key and the webhook"
            )
        return list(explained(database, row, clock_from(os.environ).now()))


def explained(database: Database, row: IssueRow, now: datetime) -> Iterator[str]:
    """The same of an issue that is known, as judged at an instant, aware UTC."""
    yield f"{row.key or 'An issue'} (Jira id {row.issue_id})"
    if row.read_at:
        yield "Its history is being read from Jira; until then nothing is concluded in Jira."
    if row.write_error:
        yield f"Jira does not show all of it: {row.write_error}"
    yield from _judgement(database, row, now)
    promised = database.read(lambda c: issues.promises_of(c, DEFAULT_SITE, row.issue_id))
    if promised:
        yield from ["", "As promised, when it was promised:"]
        yield from (_promise(promise) for promise in promised)
    said = database.read(lambda c: outbox.announced(c, DEFAULT_SITE, row.issue_id))
    if said:
        yield from ["", "Said in Jira:"]
        yield from (_said(saying) for saying in said)


def _judgement(database: Database, row: IssueRow, now: datetime) -> Iterator[str]:
    known = remembered_site(database, DEFAULT_SITE)
    version = row.policy_version or database.read(
        lambda c: sites.known(c, DEFAULT_SITE, "policy_in_force")
    )
    text = database.read(lambda c: sites.published(c, version or ""))
    if known is None or text is None:
        yield "Not judged yet: Jira was never reached."
        return

    def policy_of(version: str) -> Policy:
        text = database.read(lambda c: sites.published(c, version)) or ""
        return known.applied_to(Configuration.from_text(text).policy)

    def timeline_of(policy: Policy) -> Timeline:
        names = known.names_for(policy)
        return database.read(lambda c: issues.timeline_of(c, DEFAULT_SITE, row.issue_id, names))

    policy = known.applied_to(Configuration.from_text(text).policy)
    over = kept_of(row.earlier_versions, policy_of, timeline_of)
    yield f"Judged at {utc(now)} by policy version {version}"
    yield from explain(decide(timeline_of(policy), policy, Ledger(), now, over=over))


def _promise(promise: Mapping[str, Any]) -> str:
    level = ", ".join(filter(None, (promise["severity"], promise["tier"])))
    return (
        f"  {utc(promise['promised_at'])}: {promise['metric']} {promise['number']} within "
        f"{promise['target']} ({promise['contract']}, {level}), due {utc(promise['due_at'])}"
    )


def _said(saying: Mapping[str, Any]) -> str:
    became = saying["state"]
    if saying["comment_id"]:
        became += f", comment {saying['comment_id']}"
    if saying["error"] or saying["refused"]:
        became += f": {saying['error'] or saying['refused']}"
    return f"  {utc(saying['at'])}: {saying['key']} ({became})"
