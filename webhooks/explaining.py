"""What is held of one issue, for people: promises as made and as judged now, and what was said."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from config.configuration import Configuration
from config.settings import Settings
from sla.decide import Ledger, decide
from sla.explain import explain
from sla.known_sites import remembered_site
from sla.mapping import Policy
from sla.recalculated import kept_of
from sla.store import issues, outbox, sites
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.timeline import (
    Changed,
    CommentDeleted,
    CommentSeen,
    Created,
    Event,
    Linked,
    Seen,
    Timeline,
)
from sla.words import utc
from webhooks import hindsight
from webhooks.console.questions.story import shown
from webhooks.databases import opened
from webhooks.hindsight import Then
from webhooks.questions import QuestionError
from webhooks.serve import clock_from
from webhooks.service import DEFAULT_SITE

_SHOWN = ("project", "issuetype", "priority", "status")


def explain_issue(settings: Settings, key: str, at: str | None = None) -> list[str]:
    """Everything that led to an issue's instants, a line each.

    Args:
        settings: with the database's address.
        key: the issue's.
        at: as of which instant, ISO 8601 with an offset; None: now.

    Raises:
        QuestionError: nothing was ever heard of such an issue, or there was none at that instant.
    """
    now = clock_from(os.environ).now()
    asked_at = _instant(at, now) if at is not None else None
    with opened(settings) as database:
        row = database.read(lambda c: issues.by_key(c, DEFAULT_SITE, key))
        if row is None:
            raise QuestionError(
                f"{key}: nothing was heard of this issue; check the key and the webhook"
            )
        if asked_at is not None:
            return list(explained_then(database, row, asked_at))
        return list(explained(database, row, now))


def _instant(text: str, now: datetime) -> datetime:
    """A past instant from what was typed."""
    shown = text.strip()[:40]
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise QuestionError(
            f"--at {shown}: is no instant; one reads like 2026-11-20T15:00Z"
        ) from None
    if at.tzinfo is None:
        raise QuestionError(
            f"--at {shown}: names no offset; write 2026-11-20T15:00Z, or 2026-11-20T10:00-05:00"
        )
    try:
        at = at.astimezone(UTC)
    except OverflowError:
        raise QuestionError(f"--at {shown}: is beyond what can be reckoned with") from None
    if at > now:
        raise QuestionError(
            f"--at {shown}: has not come yet, it is {utc(now)}; what would hold then is told by"
            " *What if* on the issue's page"
        )
    return at


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


def explained_then(database: Database, row: IssueRow, at: datetime) -> Iterator[str]:
    """What was known and promised at a past instant, aware UTC; a line each.

    Raises:
        QuestionError: there was no issue yet.
    """
    facts = remembered_site(database, DEFAULT_SITE)
    if facts is None:
        raise QuestionError("Nothing was ever judged: Jira was never reached.")
    then = hindsight.then(database, row, facts, at)
    in_force = hindsight.in_force_at(database, at)
    yield f"{row.key or 'An issue'} (Jira id {row.issue_id}) as of {utc(at)}"
    newer = f"; for new issues {in_force} was in force" if in_force != then.version else ""
    yield f"Judged by policy version {then.version}{newer}"
    yield from ["", "What had happened, as Jira tells it:"]
    yield from _happenings(then, facts.own_account, at)
    if then.known.cycles != then.told.cycles:
        yield from ["", "As Dueline had heard it by then:"]
        yield from explain(then.known)
        yield from ["", "As Jira tells it, what came late included:"]
    else:
        yield ""
    yield from explain(then.told)
    promised = [
        each
        for each in database.read(lambda c: issues.promises_of(c, DEFAULT_SITE, row.issue_id))
        if each["promised_at"] <= at
    ]
    if promised:
        yield from ["", "As promised by then:"]
        yield from (_promise(promise) for promise in promised)
    said = [
        each
        for each in database.read(lambda c: outbox.announced(c, DEFAULT_SITE, row.issue_id))
        if each["decided_at"] <= at
    ]
    if said:
        yield from ["", "Decided to be said by then, with what became of it since:"]
        yield from (_said(saying) for saying in said)


def _happenings(then: Then, own_account: str, at: datetime) -> Iterator[str]:
    shown_first = True
    for event in then.timeline.events:
        if isinstance(event, Seen):
            # Later ones show what changes have told.
            words, shown_first = _as_shown(event) if shown_first else "", False
        else:
            words = _in_words(event, own_account)
        if words:
            yield f"  {utc(event.at)}: {words} ({_heard(then.heard.get(event.identity), at)})"


def _heard(came_at: datetime | None, at: datetime) -> str:
    if came_at is None:
        return "when it was heard is not kept"
    return f"heard at {utc(came_at)}" if came_at <= at else f"not heard before {utc(came_at)}"


def _as_shown(event: Seen) -> str:
    values = [f"{name} {shown(event.fields[name])}" for name in _SHOWN if event.fields.get(name)]
    return f"as Jira showed it: {', '.join(values)}"


def _in_words(event: Event, own_account: str) -> str:
    match event:
        case Created():
            return "reported"
        case Changed():
            return f"{event.field}: {shown(event.before)} -> {shown(event.after)}"
        case CommentSeen():
            author = event.author.id if event.author else "somebody"
            who = "Dueline" if author == own_account else author
            readers = "everybody" if event.public else "the team"
            edited = ", edited" if event.version_at > event.at else ""
            return f"comment {event.comment_id} by {who}, for {readers}{edited}"
        case CommentDeleted():
            return f"comment {event.comment_id} deleted"
        case Linked():
            return f"linked to the issue with Jira's id {event.other}"
        case _:
            return "deleted"


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
    over = kept_of(row.earlier, row.policy_version, policy_of, timeline_of)
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
