"""Cycles that were decided, as rows of both databases: what reports count."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, insert

from sla.store.schema import cycles, issues

HOUR = timedelta(hours=1)


def put(connection: Connection, *rows: dict[str, Any], site: str = "default") -> None:
    """Each row as an issue of its own with one cycle; what is not given is usual.

    A row needs `state`, and the instant at which it was decided as `at`: the due instant of one
    that was missed, the end of any other. `open=True`: nobody answered it yet.
    """
    made = [_made(nth, dict(row), site) for nth, row in enumerate(rows)]
    if made:
        connection.execute(insert(issues), [issue for issue, _ in made])
        connection.execute(insert(cycles), [cycle for _, cycle in made])


def _made(nth: int, row: dict[str, Any], site: str) -> tuple[dict[str, Any], dict[str, Any]]:
    at: datetime = row.pop("at")
    state, is_open = row.pop("state"), row.pop("open", False)
    issue_id = row.pop("issue_id", f"9{nth:06}")
    issue = {
        "site": site,
        "issue_id": issue_id,
        "key": row.pop("key", f"OLD-{nth + 1}"),
        "project": row.pop("project", "OLD"),
        "customer": row.pop("customer", None),
        "assignee": row.pop("assignee", None),
        "summary": row.pop("summary", "Help"),
    }
    beside = {name: issue[name] for name in ("key", "project", "assignee")}
    missed = state == "breached"
    ended_at = None if is_open else row.pop("ended_at", at + HOUR if missed else at)
    goal = row.get("goal", HOUR // timedelta(microseconds=1))
    usual = {
        "metric": "first_response",
        "number": 1,
        "contract": "bitumio",
        "severity": "Severity 1",
        "tier": None,
        "binding": "commitment",
        "conditional": False,
        "started_at": at - HOUR,
        "due_at": None if state == "cancelled" else at if missed else at + HOUR,
        "stopped_at": None if state == "cancelled" else ended_at,
        "goal": None if is_open else goal,
        "used": None if is_open else 2 * goal if missed else goal // 2,
    }
    usual |= {**beside, "named_customer": issue["customer"]}
    cycle = {**usual, "site": site, "issue_id": issue_id, "state": state, "ended_at": ended_at}
    return issue, {**cycle, **row}
