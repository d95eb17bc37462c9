"""Every issue of a site, closed ones too, with its history and what is recorded of its clocks.

Read for a backtest, which folds all of them at once: two statements for each range of issues.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Column, Connection, select, type_coerce

from sla.backtest import Stand
from sla.store import open_issues
from sla.store.open_issues import Range, Row
from sla.store.schema import cycles, issues

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Recorded(NamedTuple):
    """An issue with all that is held of it."""

    name: str
    """Its key, or Jira's id of it where no key was heard."""
    cycles: Sequence[Stand]
    """As they are recorded."""
    facts: Sequence[Row]


def _plain(column: Column[Any]) -> Any:
    # The instants' own type would make each of them anew: most are never looked at.
    return type_coerce(column, BigInteger)


_LISTED = select(issues.c.issue_id, issues.c.key)
_CYCLES = select(
    cycles.c.issue_id, cycles.c.metric, cycles.c.state, _plain(cycles.c.started_at),
    _plain(cycles.c.due_at), _plain(cycles.c.stopped_at), _plain(cycles.c.ended_at),
    cycles.c.contract, cycles.c.severity, cycles.c.binding, cycles.c.conditional, cycles.c.used,
    cycles.c.goal,
)  # fmt: skip


def every(connection: Connection, site: str, within: Range) -> Iterator[Recorded]:
    """The issues of a range but those of which facts are missing, in no order."""
    open_issues.begin(connection)
    whole = within.limit(
        _LISTED.where(issues.c.site == site, issues.c.incomplete.is_(False)), issues.c.issue_id
    )
    names = {id_: key or id_ for id_, key in connection.execute(whole)}
    recorded: dict[str, list[Stand]] = {}
    asked = within.limit(
        _CYCLES.where(cycles.c.site == site).order_by(
            cycles.c.issue_id, cycles.c.metric, cycles.c.number
        ),
        cycles.c.issue_id,
    )
    for row in connection.execute(asked):
        recorded.setdefault(row[0], []).append(_stand(row))
    for id_, facts in open_issues.all_facts(connection, site, within):
        name = names.pop(id_, None)
        if name is not None:
            yield Recorded(name, recorded.get(id_, ()), list(facts))


def _stand(row: Sequence[Any]) -> Stand:
    _, metric, state, started, due, stopped, ended, contract, severity, *rest = row
    binding, conditional, used, goal = rest
    late = None
    if state == "breached" and stopped is not None and used is not None and goal is not None:
        late = max(used - goal, 0)
    return Stand(
        metric, state, _EPOCH + timedelta(0, 0, started), _instant(due), _instant(stopped),
        _instant(ended), contract, severity, binding, bool(conditional), late,
    )  # fmt: skip


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(0, 0, micros)
