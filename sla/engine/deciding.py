"""Decides for several issues of a site at once: what they are read by, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection

from sla import recalculated
from sla.decide import Ledger, decide, folded
from sla.engine.decided import Decided
from sla.engine.heard import NOBODY, People
from sla.engine.judge import Book, Judge
from sla.mapping import Policy
from sla.notices import Relative, asks_for_another
from sla.steady import noted
from sla.store import issues, outbox
from sla.store.issues import IssueRow
from sla.straight import is_straight
from sla.timeline import Timeline


class Asked(NamedTuple):
    """An issue that is to be decided."""

    row: IssueRow
    """Locked, and not changed since it was read."""
    assignee: tuple[str, str] | None = None
    """An account to which it was assigned, and its name, where they were heard now."""
    cause: str | None = None
    """The short name of the delivery that it is decided for; None: none is."""
    people: People = NOBODY
    """The names of accounts that were heard now."""


def work_out(
    connection: Connection, judge: Judge, asked: Sequence[Asked], now: datetime
) -> list[Decided]:
    """What holds for issues by now, each by the version under which its clock started.

    Their facts and ledgers are read in a few statements, however many they are. Nothing is
    saved but to which others each of them refers.

    Args:
        connection: to the database.
        judge: by what the site's issues are judged.
        asked: which issues; nothing of them is missing.
        now: the instant of judgement, aware UTC.
    """
    site, ids = judge.site, [each.row.issue_id for each in asked]
    facts = issues.facts_of(connection, site, ids)
    in_force = ""
    if any(each.row.policy_version is None for each in asked):
        in_force = judge.in_force(connection)
    books = {
        version: judge.book(version)
        for version in {each.row.policy_version or in_force for each in asked}
    }
    read = [
        (each, book, book.timeline(facts[each.row.issue_id]))
        for each in asked
        for book in [books[each.row.policy_version or in_force]]
    ]
    tied = _tied(connection, site, [(a.row, b.policy, t) for a, b, t in read])
    ledgers = outbox.ledgers(connection, site, ids)
    found = []
    for each, book, timeline in read:
        issue_id = each.row.issue_id
        over = judge.over(each.row, facts[issue_id])
        by_version = folded(timeline, book.policy, now)
        decision = decide(
            timeline, book.policy, Ledger(ledgers[issue_id].said), now, issue_id=issue_id,
            relatives=[_relative(connection, site, it, book) for it in tied[issue_id]],
            over=over,
            since=recalculated.judged_since(each.row.earlier),
            found=by_version,
        )  # fmt: skip
        found.append(
            Decided(
                *each, book, timeline, ledgers[issue_id], decision, tied[issue_id],
                not over and is_straight(by_version), noted(facts[issue_id]),
            )
        )  # fmt: skip
    return found


def _relative(connection: Connection, site: str, issue_id: str, book: Book) -> Relative:
    return Relative(issue_id, issues.timeline_of(connection, site, issue_id, book.names))


def _tied(
    connection: Connection,
    site: str,
    read: Sequence[tuple[IssueRow, Policy, Timeline]],
) -> Mapping[str, list[str]]:
    """By issue the ids of those it refers to, or that refer to it, where it matters."""
    own_keys: dict[str, set[str]] = {}
    others: dict[str, set[str]] = {}
    for row, policy, timeline in read:
        if policy.looks_at_others:
            own_keys[row.issue_id] = {str(key) for _, key in timeline.values("key")}
            # Only what asks for something has to know to whom it refers.
            if asks_for_another(policy, timeline):
                others[row.issue_id] = {other for _, other in timeline.references}
    quiet = {issue_id: own_keys[issue_id] for issue_id in own_keys.keys() - others.keys()}
    # Of one issue to look for its ties is no more than to look whether it has any.
    untied = issues.untied(connection, site, quiet) if len(quiet) > 1 else frozenset()
    found: dict[str, list[str]] = {}
    for row, _, _ in read:
        id_ = row.issue_id
        has_none = id_ in untied or id_ not in own_keys
        found[id_] = (
            [] if has_none else issues.refer(connection, row, own_keys[id_], others.get(id_, ()))
        )
    return found
