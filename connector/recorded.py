"""One write to an issue that is recorded before it leaves: its fields, or its link."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal

import msgspec
import structlog
from msgspec.structs import replace

from connector.attempt import Attempt, may_follow
from connector.errors import ConnectorError, JiraUncertain, TakenOver
from connector.leaving import asking_before
from sla.steps import Step
from sla.store import outbox
from sla.store.database import Database
from sla.store.issues import IssueRow
from sla.store.outbox import Written

_log = structlog.get_logger(__name__)
_GATEWAY = frozenset({502, 503, 504})


class Outcome(msgspec.Struct, frozen=True):
    """What came of a write that left."""

    row: IssueRow
    """With the instant at which it left."""
    written: Written
    """What Jira has, or may have, by now."""
    in_flight_since: datetime | None
    """When a write of the same values left that may follow yet."""
    error: ConnectorError | None
    """Why it failed; None where Jira took it."""


def send(
    database: Database,
    now: Callable[[], datetime],
    monotonic: Callable[[], float],
    row: IssueRow,
    written: Written,
    values: Mapping[str, Any],
    request: Callable[[], None],
    *,
    kind: Literal["fields", "link"],
) -> Outcome | None:
    """Send a write, if it is still ours to send.

    Args:
        database: where it is recorded.
        now: the clock.
        monotonic: seconds of real time from any start.
        row: the issue's.
        written: what Jira has.
        values: what is written, by role.
        request: sends it.
        kind: what is written, for those who look on.

    Returns:
        None where another process has it by now.
    """
    # What is known to be on its way says the same: it may follow, and does no harm.
    earlier = row.write_attempted_at if may_follow(row.write_attempted_at, now()) else None
    leaving = written.leaving(values)

    def record(before: datetime | None, at: datetime) -> bool:
        mine = replace(row, write_attempted_at=before)
        return database.write(lambda c: outbox.fields_leave(c, mine, leaving, at))

    attempt = Attempt(record, now, monotonic, row.write_attempted_at)
    if not attempt.may_leave():
        return None
    step = Step("write", site=row.site, issue_id=row.issue_id, kind=kind)
    try:
        with step, asking_before(attempt.may_leave):
            request()
    except TakenOver as error:
        _log.warning("not written", site=row.site, reason=str(error))
        return None
    except ConnectorError as error:
        follows = isinstance(error, JiraUncertain)
        since = attempt.at if follows and not _is_over(error) else earlier
        left = replace(row, write_attempted_at=attempt.at)
        return Outcome(left, leaving if follows else written, since, error)
    return Outcome(replace(row, write_attempted_at=attempt.at), leaving, earlier, None)


def _is_over(error: ConnectorError) -> bool:
    """Whether Jira itself is done with a request; a gateway answers while Jira goes on."""
    status = getattr(error, "status", None)
    return status is not None and status >= 500 and status not in _GATEWAY
