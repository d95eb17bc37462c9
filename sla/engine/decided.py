"""What was decided for an issue, and what the tables keep of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection

from sla.danger import dangers
from sla.decide import Decision
from sla.effects import URGENT, Fields, as_stored
from sla.engine.heard import People
from sla.engine.judge import Book
from sla.lanes import Call
from sla.store import issues, outbox, publications
from sla.store.issues import IssueRow, Judgement
from sla.store.outbox import Entered
from sla.timeline import Timeline

_CLEARED = json.dumps(dict.fromkeys(Fields.__struct_fields__), sort_keys=True)


class Decided(NamedTuple):
    """An issue that was decided, with what it was decided by."""

    row: IssueRow
    assignee: tuple[str, str] | None
    cause: str | None
    people: People
    book: Book
    timeline: Timeline
    ledger: outbox.Entries
    decision: Decision
    tied: list[str]
    is_straight: bool
    """Whether its clocks follow from their starts and stops, as `sla.straight` has it."""
    steady: str | None
    """What its fields were all along, as `sla.steady` notes it."""

    @property
    def key(self) -> str | None:
        """Its key at present."""
        keys = self.timeline.values("key")
        # Moved: a late delivery from before must not bring the old key back.
        return str(keys[-1][1]) if keys and keys[-1][1] else self.row.key

    @property
    def wanted(self) -> str | None:
        """The SLA fields as they should stand."""
        return wanted_fields(self.decision, self.row.fields_wanted)

    def judgement(self, listed: Mapping[str, str | None]) -> Judgement:
        """What is to be recorded of its cycles."""
        return Judgement(
            self.row.issue_id,
            self.decision.cycles,
            self.book.version,
            dangers(self.decision.cycles, self.book.policy),
            issues.beside_cycles(self.row, listed, self.key),
            self.people,
        )

    def changes(self, listed: Mapping[str, str | None], now: datetime) -> dict[str, Any]:
        """The columns of its row, as they should stand."""
        coverage, wanted = self.decision.coverage, self.wanted
        values: dict[str, Any] = {
            "covered": coverage.covered,
            "reason": coverage.reason,
            "straight": self.is_straight,
            "steady": self.steady,
            # An issue keeps the version under which its clock started.
            "policy_version": self.book.version if self.decision.cycles else None,
            "wake_at": self.decision.wake_at,
            "key": self.key,
            **listed,
        }
        if wanted != self.row.fields_wanted:
            values |= {
                "fields_wanted": wanted,
                "write_at": now,
                "write_attempts": 0,
                "write_delivery": self.cause,
            }
        if self.timeline.deleted_at:
            values["write_at"] = None
        return values

    def calls(self, now: datetime) -> Iterator[Call]:
        """What is to be done about it next."""
        key = (self.row.site, self.row.issue_id)
        if self.wanted != self.row.fields_wanted or self.decision.sayings:
            urgent = any(saying.occasion in URGENT for saying in self.decision.sayings)
            yield Call("dispatch", key, now, urgent=urgent)
        if any(saying.actions.notify for saying in self.decision.sayings):
            yield Call("notify", key, now)
        if self.decision.wake_at:
            yield Call("decide", key, self.decision.wake_at)


def save(
    connection: Connection,
    site: str,
    found: Sequence[Decided],
    now: datetime,
    *,
    quiet_before: datetime,
) -> list[Call]:
    """Store what was decided, and withdraw what is not true any more.

    Args:
        connection: to the database.
        site: the site.
        found: what was decided for its issues.
        now: the instant by which it holds, aware UTC.
        quiet_before: since when this installation answers for the site; what lies before is shown,
            and not announced.

    Returns:
        What is to be written to Jira, and when to look again.
    """
    outdated = [
        (each.row.issue_id, key)
        for each in found
        for key in sorted(each.ledger.pending - each.decision.standing)
    ]
    outbox.withdraw(connection, site, outdated)
    listed = [
        issues.listed(each.row, each.timeline, each.book.policy.customer_field, each.assignee)
        for each in found
    ]
    issues.save_cycles(
        connection,
        site,
        [each.judgement(its) for each, its in zip(found, listed, strict=True)],
        now,
    )
    quiet = _quiet_before(connection, site, found, quiet_before)
    entered = [
        Entered(each.row.issue_id, each.decision.sayings, before, each.cause)
        for each, before in zip(found, quiet, strict=True)
    ]
    outbox.put(connection, site, entered, now)
    for each in found:
        keys = each.timeline.values("key")
        if len(keys) > 1:
            had = [str(key) for _, key in keys if key]
            issues.remember_keys(connection, each.row, dict.fromkeys(had))
    changes = [(each.row, each.changes(its, now)) for each, its in zip(found, listed, strict=True)]
    issues.change_rows(connection, changes)
    return [call for each in found for call in each.calls(now)]


def _quiet_before(
    connection: Connection, site: str, found: Sequence[Decided], installed_at: datetime
) -> list[datetime]:
    """Before when what is said of each of them is shown, and not announced."""
    began_at: dict[str, datetime | None] = {}
    quiet = []
    for each in found:
        row, version = each.row, each.book.version
        before = max(installed_at, row.quiet_before or installed_at)
        if row.reason and row.policy_version is None:
            # It was judged before, and had no clock: what this version adds to its past is
            # shown, not shouted.
            if version not in began_at:
                began_at[version] = publications.began_at(connection, site, version)
            before = max(before, began_at[version] or before)
        quiet.append(before)
    return quiet


def wanted_fields(decision: Decision, before: str | None) -> str | None:
    """The SLA fields as they should stand by a decision, and stood before, as in the tables."""
    # What was shown and holds no longer is cleared; what was never shown is not touched.
    return as_json(decision.fields) if decision.fields else before and _CLEARED


def as_json(fields: Fields) -> str:
    """The fields as they stand in the tables, by role."""
    shown = msgspec.structs.asdict(fields).items()
    return json.dumps({role: as_stored(value) for role, value in shown}, sort_keys=True)
