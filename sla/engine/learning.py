"""Takes in what Jira said when it was asked for an issue's history, and has it decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection

from sla.engine.engine import Engine
from sla.engine.heard import NOBODY, People
from sla.lanes import Call
from sla.steps import delivery as followed
from sla.store import issues
from sla.timeline import CommentSeen, Deleted, Event


def learn_history(
    engine: Engine,
    site: str,
    issue_id: str,
    key: str,
    facts: Iterable[Event],
    *,
    reads_asked: int,
    updated_at: datetime | None = None,
    assignee: tuple[str, str] | None = None,
    people: People = NOBODY,
) -> None:
    """Take in what Jira's own history says of an issue, and decide.

    Args:
        engine: decides.
        site: the site.
        issue_id: Jira's id of the issue, which has a row.
        key: its key at present.
        facts: what the history says.
        reads_asked: the row's count when the reading began. If it was asked for again since,
            something happened that this history may not show: then it is read once more.
        updated_at: Jira's own instant of the last update that the history shows.
        assignee: the account that the issue is assigned to, and its name for people.
        people: the accounts that changed it or wrote on it, each with its name.
    """
    found, cause = tuple(facts), followed()

    def work(connection: Connection) -> list[Call]:
        issues.hear_of(connection, site, issue_id, key)
        row = issues.get(connection, site, issue_id, locked=True)
        issues.add_facts(connection, site, issue_id, found)
        if row and row.reads_asked == reads_asked:
            # What can be read is there: it only was out of sight.
            issues.forget_deletion(connection, site, issue_id)
            issues.change(connection, site, issue_id, **issues.WHOLE, updated_at=updated_at)
        return engine.decide(
            connection, site, issue_id, assignee=assignee, people=people, cause=cause
        )

    engine.have_decided((site, issue_id), "history", work)


def learn_readers(
    engine: Engine,
    site: str,
    issue_id: str,
    comments: Iterable[CommentSeen],
    *,
    reads_asked: int,
    people: People = NOBODY,
) -> None:
    """Take in who may read comments of which nothing else was unclear, and decide.

    Args:
        engine: decides.
        site: the site.
        issue_id: Jira's id of the issue, which has a row.
        comments: each as it is known now.
        reads_asked: as for `learn_history`.
        people: likewise.
    """
    found, cause = tuple(comments), followed()

    def work(connection: Connection) -> list[Call]:
        row = issues.get(connection, site, issue_id, locked=True)
        issues.add_facts(connection, site, issue_id, found)
        if row and row.reads_asked == reads_asked:
            issues.change(connection, site, issue_id, **issues.WHOLE)
        return engine.decide(connection, site, issue_id, people=people, cause=cause)

    engine.have_decided((site, issue_id), "history", work)


def go_on(engine: Engine, site: str, issue_id: str) -> None:
    """Decide for an issue by what is known, though its history could not be read."""
    cause = followed()

    def work(connection: Connection) -> list[Call]:
        issues.change(connection, site, issue_id, incomplete=False)
        return engine.decide(connection, site, issue_id, cause=cause)

    engine.have_decided((site, issue_id), "history", work)


def learn_gone(engine: Engine, site: str, issue_id: str) -> None:
    """Take in that Jira has an issue no more, though its project can be seen."""

    def work(connection: Connection) -> list[Call]:
        issues.change(connection, site, issue_id, **issues.WHOLE)
        issues.add_facts(connection, site, issue_id, [Deleted(engine.now())])
        return engine.decide(connection, site, issue_id)

    engine.have_decided((site, issue_id), "history", work)
