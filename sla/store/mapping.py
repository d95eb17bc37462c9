"""What the mapping asks of the issues: which projects there are, and how much is open."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from sla.store.distinct import values_of
from sla.store.schema import cycles, issues

_PROJECTS = 100_000
"""More than any Jira has."""


def open_by_project(connection: Connection, site: str) -> dict[str, int]:
    """By the key of a project how many of its issues have a promise that is open."""
    # By an index of its own; counted as the rows are grouped, and not of a list without doubles,
    # which would take twice as long.
    rows = connection.execute(
        select(cycles.c.project, func.count(cycles.c.issue_id.distinct()))
        .where(cycles.c.site == site, cycles.c.ended_at.is_(None))
        .group_by(cycles.c.project)
    )
    return {str(project): number for project, number in rows if project is not None}


def projects_heard_of(connection: Connection, site: str) -> set[str]:
    """The keys of the projects of all issues that are known."""
    return set(values_of(connection, issues.c.project, issues.c.site == site, limit=_PROJECTS))
