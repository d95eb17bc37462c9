"""The spans that a clock walks over: what coverage the issue had, from when on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from sla.acts import History
from sla.mapping import Coverage, Policy
from sla.timeline import FieldValue, Timeline

_EARLIEST = datetime(1970, 1, 2, tzinfo=UTC)


# Structs and not dataclasses: see `sla.timeline.Version`.
class Span(msgspec.Struct, frozen=True, gc=False):
    """From `since_at` on, until the next span, the issue had this coverage."""

    since_at: datetime
    coverage: Coverage


def spans_of(timeline: Timeline, policy: Policy) -> list[Span]:
    """What coverage the issue had from when on; neighbours differ in what is promised.

    The first span starts when the issue was reported: at its creation, or at the earlier instant
    that the policy's "reported at" field names.
    """
    created_at = timeline.created_at
    if created_at is None:
        return []
    spans: list[Span] = []
    for at in timeline.changes(policy.changing_fields, created_at):
        coverage = policy.coverage_at(timeline, at)
        if not spans or coverage.identity != spans[-1].coverage.identity:
            since_at = at if spans else _started_at(timeline, policy, created_at)
            spans.append(Span(since_at, coverage))
    return spans


def history_of(spans: Sequence[Span], timeline: Timeline, policy: Policy) -> History:
    """The history as acts look at it; of an issue whose spans are known."""
    return History(timeline, policy.responders, spans[0].since_at)


def _started_at(timeline: Timeline, policy: Policy, created_at: datetime) -> datetime:
    """When the clock may start: creation, or the "reported at" field where it is earlier."""
    if policy.reported_at_field is None:
        return created_at
    values = timeline.values(policy.reported_at_field)
    reported = _instant(values[-1][1]) if values else None
    # An instant that no calendar reaches was mistyped.
    plausible = reported is not None and reported >= _EARLIEST
    return min(created_at, reported) if reported and plausible else created_at


def _instant(value: FieldValue) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
