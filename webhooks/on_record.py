"""Judges issues by what is recorded of them, where that tells all that another version changes.

Of most issues it does: one coverage is all that they ever had, and no clock of them ever rested.
When their clocks start and stop no goal has a say in, nor who hears of them. So their histories,
which take longer to read than all the rest, are left where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import NamedTuple

from msgspec.structs import replace

from sla import steady
from sla.acts import History
from sla.clock.spans import Span, history_of
from sla.cycle import Cycle
from sla.decide import Folded
from sla.known_sites import SiteFacts
from sla.mapping import Coverage, Policy
from sla.store.open_issues import OpenIssue
from sla.straight import dues_of, goes_straight, measures_no_more, rejudged
from sla.timeline import FieldValue, Timeline

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
    """What issues have in common that each version gives one coverage."""

    before: Coverage
    """By the version in force."""
    after: Coverage
    """By the other one."""
    is_untouched: bool
    """Whether nothing differs for them."""
    goes_straight: bool
    """Whether what is recorded of a straight issue tells what the other version makes of it."""
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
        return {each.contract for each in issue.recorded} <= {own}


class Run(NamedTuple):
    """What is recorded of the cycles of one metric, in order; instants are aware UTC."""

    starts: list[datetime]
    ends: list[datetime | None]
    dues: list[datetime | None]


Runs = dict[str, Run]
"""By metric."""


class Record(NamedTuple):
    """An issue of which its record tells all that matters, see `sla.straight`."""

    issue: OpenIssue
    kind: Kind
    runs: Runs

    def by_now(self, now: datetime) -> tuple[Cycle, ...]:
        """What the version in force makes of its starts and stops."""
        return _rejudged(self.kind.before, self.runs, now)

    def would_be(self, now: datetime) -> Folded:
        """What the other version makes of them."""
        kind = self.kind
        return Folded(kind.spans, kind.history, _rejudged(kind.after, self.runs, now))


class Kinds:
    """The kinds of issues that two versions know.

    Args:
        in_force: the version that judges them.
        after: the other one; of the contracts of which all is said alike it says nothing.
        alike: what they say alike.
        site: what was learned of the Jira.
    """

    def __init__(self, in_force: Policy, after: Policy, alike: Alike, site: SiteFacts) -> None:
        self._in_force, self._after, self._alike = in_force, after, alike
        self._hears_alike = (in_force.responders, in_force.reported_at_field) == (
            after.responders, after.reported_at_field,
        )  # fmt: skip
        """Whether by both the same comments are replies, and issues are as old."""
        self._ids = [_ids_of(policy, site.names_for(policy)) for policy in (in_force, after)]
        self._by_reason, self._by_values = cache(self._of_reason), cache(self._kind_of_values)

    def of_reason(self, reason: str) -> Kind | None:
        """That of an issue, where its reason tells by both versions what it is promised."""
        return self._by_reason(reason) if self._alike.mapping else None

    def of_note(
        self, issue: OpenIssue, changed: Callable[[], Mapping[str, Collection[str]]]
    ) -> Kind | None:
        """That of an issue to which each version gives one coverage for all its life; None: it is
        not known to.

        Args:
            issue: what is held of it.
            changed: which fields of which issue ever changed, as far as known by now.
        """
        note = steady.read(issue.steady)
        # A release before this one may have decided it last, and left the note as it was.
        if note is None or not note.knows_of(changed().get(issue.issue_id, ())):
            return None
        before, after = (note.at_all_times(ids) if ids else None for ids in self._ids)
        kind = self._by_values(before, after) if before and after else None
        return kind if kind and kind.before.reason == issue.reason else None

    def _kind_of_values(
        self, before: tuple[FieldValue, ...], after: tuple[FieldValue, ...]
    ) -> Kind | None:
        return self._kind(self._in_force.coverage_of(before), self._after.coverage_of(after))

    def _of_reason(self, reason: str) -> Kind | None:
        before, after = (
            policy.covered_by_reason.get(reason) for policy in (self._in_force, self._after)
        )
        return self._kind(before, after) if before and after else None

    def _kind(self, before: Coverage, after: Coverage) -> Kind | None:
        spans = [Span(_EPOCH, after)]
        is_same = before.identity == after.identity
        contract = after.contract
        return Kind(
            before,
            after,
            is_same
            and contract is not None
            and contract.id in self._alike.contracts
            and after.project in self._alike.alerts,
            self._hears_alike
            and goes_straight(before)
            and goes_straight(after)
            and measures_no_more(before, after)
            and self._says(before, after),
            spans,
            history_of(spans, NO_HISTORY, self._after),
        )

    def _says(self, before: Coverage, after: Coverage) -> bool:
        """Whether an issue would hear no more than it did, beside its clocks, where another
        coverage is all that differs for it."""
        own, its = before.contract, after.contract
        if its is None or its.id not in self._alike.said:
            return not after.speaks
        if own is None or (own.id, own.customer) != (its.id, its.customer):
            return not replace(after, contract=self._in_force.contract(its.id, its.customer)).speaks
        # What is asked for names the severity, and a notice may be for some severities alone.
        return before.identity == after.identity or (
            own.checklist is None
            and all(before.within(each.scope) == after.within(each.scope) for each in own.notices)
        )


def _ids_of(policy: Policy, names: Mapping[str, str]) -> Sequence[str]:
    """By which id Jira shows each field that a mapping looks at; nothing where one has several.

    Args:
        policy: the version.
        names: custom field ids and their names, as its rules spell them.
    """
    found = []
    for name in policy.shown_fields:
        ids = [id_ for id_, spelt in names.items() if spelt == name]
        if not ids and name not in names:
            ids = [name]
        found += ids if len(ids) == 1 else []
    return found if len(found) == len(policy.shown_fields) else ()


def record_of(issue: OpenIssue, kind: Kind) -> Record | None:
    """An issue's record, if that proves itself; None: its history has to be looked at.

    Of its starts the version in force has to make the due instants that are recorded.
    """
    if not kind.is_of(issue):
        return None
    runs: Runs = {}
    for each, started in zip(issue.recorded, issue.starts, strict=True):
        run = runs.get(each.metric)
        if run is None:
            run = runs[each.metric] = Run([], [], [])
        run.starts.append(_EPOCH + timedelta(0, 0, started))
        run.ends.append(each.ended_at)
        run.dues.append(each.due_at)
        if each.number != len(run.starts):
            return None
    for metric, run in runs.items():
        terms = kind.before.terms(metric)
        if terms is None or run.dues != dues_of(kind.before, terms, run.starts):
            return None
    return Record(issue, kind, runs)


def _rejudged(coverage: Coverage, runs: Runs, now: datetime) -> tuple[Cycle, ...]:
    return tuple(
        [
            cycle
            for terms in coverage.all_terms
            if terms.metric in runs
            for cycle in rejudged(coverage, terms, *runs[terms.metric][:2], now)
        ]
    )
