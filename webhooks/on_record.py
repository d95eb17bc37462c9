"""Judges issues by what is recorded of them, where that tells all that another version changes.

Of most issues it does: one coverage is all that they ever had, and no clock of them ever rested.
When their clocks start and stop no goal has a say in, nor who hears of them. So their histories,
which take longer to read than all the rest, are left where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from sla.acts import History
from sla.cycle import Cycle, Span, history_of
from sla.decide import Folded
from sla.mapping import Coverage, Policy
from sla.preview import judged
from sla.store.open_issues import OpenIssue
from sla.straight import goals_alone_differ, goes_straight, rejudged
from sla.timeline import Timeline

NO_HISTORY = Timeline(())
"""Nothing is known of it, nor asked."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Alike(NamedTuple):
    """What two versions say alike, as far as it may be made use of."""

    mapping: bool
    """Whether they give each issue the same contract, tier and severity."""
    contracts: frozenset[str]
    """The contracts that are the same."""
    said: frozenset[str]
    """Those of which all that is said beside their clocks is the same."""
    alerts: frozenset[str]
    """The projects of which the same people hear the same things."""


class Kind(NamedTuple):
    """What issues have in common that have their promises for one reason."""

    before: Coverage
    """By the version in force."""
    after: Coverage
    """By the other one."""
    is_untouched: bool
    """Whether nothing differs for them."""
    goes_straight: bool
    """Whether goals alone differ, and tell with what is recorded of a straight issue all of it."""
    spans: Sequence[Span]
    """The other version's one coverage; since when, nobody asks."""
    history: History
    """One of which nothing is known."""

    def is_of(self, issue: OpenIssue) -> bool:
        """Whether the contract is the one by which all of an issue's clocks are recorded.

        A release before this one may have decided it last, and left the note as it was that its
        clocks go straight.
        """
        own = self.before.contract.id if self.before.contract else ""
        return all(each.contract == own for each in issue.recorded)

    def would_be(self, runs: Runs, now: datetime) -> Folded:
        """What the other version makes of an issue's starts and stops."""
        return Folded(self.spans, self.history, _rejudged(self.after, runs, now))


Runs = dict[str, list[tuple[datetime, datetime | None]]]
"""By metric when each of an issue's clocks started and ended, in order."""


class Record(NamedTuple):
    """An issue of which its record tells all that matters, see `sla.straight`."""

    issue: OpenIssue
    kind: Kind
    runs: Runs
    by_now: tuple[Cycle, ...]
    """What the version in force makes of its starts and stops."""


class Kinds:
    """The kinds of issues that two versions know.

    Args:
        in_force, after: the versions, as they judge the issues of a site.
        alike: what they say alike.
    """

    def __init__(self, in_force: Policy, after: Policy, alike: Alike) -> None:
        self._in_force, self._after, self._alike = in_force, after, alike
        self._by_reason = cache(self._of_reason)

    def of(self, issue: OpenIssue) -> Kind | None:
        """That of an issue, where its reason tells by both versions what it is promised."""
        return self._by_reason(issue.reason) if self._alike.mapping else None

    def _of_reason(self, reason: str) -> Kind | None:
        before, after = (
            policy.covered_by_reason.get(reason) for policy in (self._in_force, self._after)
        )
        return self._kind(before, after) if before and after else None

    def _kind(self, before: Coverage, after: Coverage) -> Kind | None:
        if not (before.contract and after.contract):
            return None
        id_ = after.contract.id
        spans = [Span(_EPOCH, after)]
        return Kind(
            before,
            after,
            id_ in self._alike.contracts and after.project in self._alike.alerts,
            id_ in self._alike.said
            and goals_alone_differ(before.contract, after.contract)
            and goes_straight(after),
            spans,
            history_of(spans, NO_HISTORY, self._after),
        )


def record_of(issue: OpenIssue, kind: Kind, now: datetime) -> Record | None:
    """An issue's record, if that proves itself; None: its history has to be looked at.

    What the version in force makes of its starts and stops has to be what is recorded.
    """
    runs: Runs = {}
    for each, started in zip(issue.recorded, issue.starts, strict=True):
        run = _EPOCH + timedelta(0, 0, started), each.ended_at
        runs.setdefault(each.metric, []).append(run)
    cycles = _rejudged(kind.before, runs, now)
    is_proof = {*map(judged, cycles)} == {*issue.recorded}
    return Record(issue, kind, runs, cycles) if is_proof else None


def _rejudged(coverage: Coverage, runs: Runs, now: datetime) -> tuple[Cycle, ...]:
    return tuple(
        [
            cycle
            for terms in coverage.all_terms
            if terms.metric in runs
            for cycle in rejudged(coverage, terms.metric, runs[terms.metric], now)
        ]
    )
