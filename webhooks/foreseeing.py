"""Folds the open issues under another version: which clocks move, and what Jira would be told.

It comes to what moving the issues to that version would come to at the same instant, and writes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as with_others
from datetime import datetime
from functools import cache, partial
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from config.changes import Unchanged
from sla import recalculated
from sla.condition import Condition
from sla.contract import Contract
from sla.cycle import Cycle, Span, cycles_of, spans_of
from sla.decide import Decision, Ledger, decide
from sla.engine import SiteFacts, wanted_fields
from sla.mapping import Policy
from sla.notices import Relative, asks_for_another
from sla.preview import Judged, Move, judged, moves
from sla.recalculated import Earlier
from sla.store import consequences, open_issues
from sla.store import issues as stored
from sla.store.consequences import Effects, Said, Standing, effects, said
from sla.store.database import Database
from sla.store.open_issues import Facts, OpenIssue, Range
from sla.store.outbox import encoded
from sla.timeline import Timeline
from webhooks.databases import faults_told
from webhooks.folding import Rules, Versions
from webhooks.publishing import DEFAULT_SITE


@dataclass(frozen=True, slots=True)
class Asked:
    """What every process has to know."""

    url: str
    site: SiteFacts
    in_force: Policy
    after: Policy
    now: datetime
    calendars: frozenset[str]
    """The ids of those that differ."""
    unchanged: Unchanged
    """What both versions say alike."""


class Found(msgspec.Struct):
    """What was found of some issues."""

    looked_at: int = 0
    """How many of them are open."""
    oldest: datetime | None = None
    """When the first of those was made."""
    moves: list[Move] = []
    effects: list[Effects] = []
    uncovered: list[str] = []
    """Those of which something was found, and which nothing covers by now."""
    by_calendar: dict[str, list[str]] = {}
    """For each calendar that differs the issues with a clock that runs by it and moves."""

    def add(self, other: Found) -> None:
        """Take in what was found of others."""
        self.looked_at += other.looked_at
        self.oldest = min(filter(None, (self.oldest, other.oldest)), default=None)
        self.moves += other.moves
        self.effects += other.effects
        self.uncovered += other.uncovered
        for calendar, moved in other.by_calendar.items():
            self.by_calendar.setdefault(calendar, []).extend(moved)


class _Stands(NamedTuple):
    """How an issue stands now."""

    cycles: Sequence[Judged]
    record: Standing


class _OnRecord(NamedTuple):
    """What is on record of the issues of a range, each read when it is first asked for."""

    ledgers: Callable[[], Mapping[str, consequences.Ledger]]
    waiting: Callable[[], frozenset[str]]
    """Those of which something may still leave."""


class Foreseeing:
    """Folds ranges of issues, in one process."""

    def __init__(self, asked: Asked) -> None:
        self.database = Database(asked.url)
        self._asked, self._now, self._site = asked, asked.now, asked.site
        self._versions = Versions(self.database, asked.site)
        self._after = self._versions.rules(asked.after)
        self._latest: tuple[OpenIssue, Facts, Timeline] | None = None
        self._ties: Mapping[str, frozenset[str]] = {}
        if asked.after.looks_at_others or asked.in_force.looks_at_others:
            self._ties = self.database.read(lambda c: consequences.ties(c, DEFAULT_SITE))
        # Then it is on record who refers to whom; to find it out anew takes a tenth of the time.
        self._asks_alike = _requests(asked.after) == _requests(asked.in_force)
        may_skip = self._asks_alike and _spells_alike(asked.in_force, asked.after)
        self._alike = asked.unchanged if may_skip else Unchanged()
        self._said_alike = frozenset(_speaking_by_clocks_alone(asked, self._alike))
        # A checklist is said under one key, whichever contract has it.
        self._all_say_alike = self._alike.mapping and not any(
            contract.checklist
            for id_, contract in asked.after.contracts.items()
            if id_ not in self._said_alike
        )
        may_be_untouched = bool(self._alike.contracts and self._alike.alerts)
        self._may_be_alike = may_be_untouched or bool(self._said_alike and not self._all_say_alike)
        policy = _without_words(self._after.policy, self._said_alike)
        self._clocks_after = self._after._replace(policy=policy)

    def range(self, within: Range) -> Found:
        """What is found of the open issues of a range."""
        with faults_told(self.database):
            return self.database.read(lambda c: self._fold(c, within))

    def _fold(self, connection: Connection, within: Range) -> Found:
        found = Found()
        # Once the first issue was read it is settled as of when the database is looked at.
        on_record = _OnRecord(
            cache(lambda: consequences.ledgers(connection, DEFAULT_SITE, within)),
            cache(lambda: consequences.waiting(connection, DEFAULT_SITE, within)),
        )
        for issue in open_issues.read(connection, DEFAULT_SITE, within):
            timeline = self._timeline(issue, self._after.facts)
            is_open = issue.is_running or _is_open(timeline)
            if is_open:
                found.looked_at += 1
                found.oldest = min(filter(None, (found.oldest, timeline.created_at)), default=None)
            rules = self._to_be_decided_by(issue, timeline, on_record)
            if rules:
                ledger = on_record.ledgers().get(issue.issue_id, {})
                self._look(connection, issue, ledger, rules, found, is_open=is_open)
        return found

    def _to_be_decided_by(
        self, issue: OpenIssue, timeline: Timeline, on_record: _OnRecord
    ) -> Rules | None:
        """By what an issue is to be decided; None: the other version cannot touch it.

        What an issue has on record is what its version decided. Where the other one gives it the
        same promises at the same instants, and all that is said of these reads alike, it comes to
        the same, cycle by cycle and word by word: it need not be worked out. That holds for what
        rests alone: not for what time has changed and nobody was woken for, nor while something
        that was decided waits to be said, nor for what depends on other issues.
        """
        is_settled = (
            issue.policy_version == self._asked.in_force.version
            and (issue.wake_at is None or issue.wake_at > self._now)
            and issue.issue_id not in self._ties
        )
        if not is_settled or issue.issue_id in on_record.waiting():
            return self._after
        spans = self._spans_alike(issue, timeline) if self._may_be_alike else ()
        used = {span.coverage.contract.id for span in spans if span.coverage.contract}
        projects = {span.coverage.project for span in spans}
        if spans and used <= self._alike.contracts and projects <= self._alike.alerts:
            return None
        says_alike = self._all_say_alike or (spans and used <= self._said_alike)
        return self._clocks_after if says_alike else self._after

    def _spans_alike(self, issue: OpenIssue, timeline: Timeline) -> Sequence[Span]:
        """An issue's coverage, where the version in force gives it the same; else nothing."""
        after = spans_of(timeline, self._after.policy)
        if self._alike.mapping:
            return after
        rules = self._versions.published(self._asked.in_force.version)
        before = spans_of(self._timeline(issue, rules.facts), rules.policy)
        return after if [*map(_promised, before)] == [*map(_promised, after)] else ()

    def _look(
        self, connection: Connection, issue: OpenIssue, ledger: consequences.Ledger, rules: Rules,
        found: Found, *, is_open: bool,
    ) -> None:  # fmt: skip
        name = issue.key or issue.issue_id
        timeline, decision, stands = self._decided(connection, issue, ledger, rules)
        moved = moves(name, stands.cycles, decision.cycles) if is_open else []
        written = effects(name, decision, stands.record, deleted=timeline.deleted_at is not None)
        found.moves += moved
        if written:
            found.effects.append(written)
        if issue.policy_version is None and (moved or written):
            found.uncovered.append(name)
        if moved and self._asked.calendars:
            self._note_calendars(moved, decision, found)

    def _decided(
        self, connection: Connection, issue: OpenIssue, ledger: consequences.Ledger, rules: Rules
    ) -> tuple[Timeline, Decision, _Stands]:
        """What the other version would decide, as though the issue were moved to it now."""
        stands = self._stands(connection, issue, ledger)
        earlier = [*recalculated.read(issue.earlier_versions)]
        version = issue.policy_version
        # As is noted when an issue is moved: by whom what is over or broken then was judged.
        moves_on = version and version != self._asked.after.version
        if version and moves_on and any(self._may_stay(each) for each in stands.cycles):
            earlier.append(Earlier(version, self._now))
        timeline, decision = self._decide(connection, issue, rules, stands.record.ledger, earlier)
        return timeline, decision, stands

    def _may_stay(self, cycle: Judged) -> bool:
        """Whether a cycle is over or broken by now."""
        return bool(cycle.ended_at or (cycle.due_at and cycle.due_at <= self._now))

    def _stands(
        self, connection: Connection, issue: OpenIssue, ledger: consequences.Ledger
    ) -> _Stands:
        """What holds now: as recorded, unless time has changed it since and nobody was woken.

        What time alone brings is no doing of the other version, and is taken as done.
        """
        quiet = [self._site.quiet_before, issue.quiet_before]
        if issue.reason and issue.policy_version is None:
            # It was judged before, and had no clock: what lies in its past is not announced.
            quiet.append(self._now)
        record = Standing(ledger, issue.fields_wanted, max(filter(None, quiet)))
        if issue.wake_at is None or issue.wake_at > self._now:
            return _Stands(issue.recorded, record)
        version = issue.policy_version or self._asked.in_force.version
        _, decision = self._decide(
            connection, issue, self._versions.published(version), ledger,
            recalculated.read(issue.earlier_versions),
        )  # fmt: skip
        done = {each.key: Said("sent", False, encoded(each)) for each in decision.sayings}
        return _Stands(
            [judged(each) for each in decision.cycles],
            Standing(
                {**ledger, **done},
                wanted_fields(decision, issue.fields_wanted),
                record.quiet_before,
            ),
        )

    def _decide(
        self, connection: Connection, issue: OpenIssue, rules: Rules,
        ledger: consequences.Ledger, earlier: Sequence[Earlier],
    ) -> tuple[Timeline, Decision]:  # fmt: skip
        timeline, relatives = self._with_relatives(connection, issue, rules)
        decision = decide(
            timeline, rules.policy, Ledger(said(ledger)), self._now,
            issue_id=issue.issue_id, relatives=relatives,
            over=recalculated.kept(earlier, partial(self._judged_by, issue)) if earlier else (),
        )  # fmt: skip
        return timeline, decision

    def _judged_by(self, issue: OpenIssue, version: str, at: datetime) -> Sequence[Cycle]:
        rules = self._versions.published(version)
        return cycles_of(self._timeline(issue, rules.facts), rules.policy, at)

    def _timeline(self, issue: OpenIssue, facts: Facts) -> Timeline:
        """An issue's timeline as a version looks at it; most versions look at the same."""
        if self._latest and self._latest[0] is issue and facts.looks_at_what(self._latest[1]):
            return self._latest[2]
        timeline = facts.timeline(issue.facts)
        self._latest = issue, facts, timeline
        return timeline

    def _with_relatives(
        self, connection: Connection, issue: OpenIssue, rules: Rules
    ) -> tuple[Timeline, Sequence[Relative]]:
        """An issue's timeline, and those of the issues that it is tied to, where it matters."""
        timeline = self._timeline(issue, rules.facts)
        if not rules.policy.looks_at_others:
            return timeline, ()
        tied = set(self._ties.get(issue.issue_id, ()))
        if not self._asks_alike and asks_for_another(rules.policy, timeline):
            named = {other for _, other in timeline.references}
            tied.update(*consequences.named_by(connection, DEFAULT_SITE, named).values())
        tied.discard(issue.issue_id)
        if not tied:
            return timeline, ()
        names = self._site.names_for(rules.policy)

        def whole(issue_id: str) -> Timeline:
            # Who refers to whom depends on keys, too, of which no policy speaks.
            return stored.timeline_of(connection, DEFAULT_SITE, issue_id, names)

        return whole(issue.issue_id), [Relative(other, whole(other)) for other in sorted(tied)]

    def _note_calendars(self, moved: Sequence[Move], decision: Decision, found: Found) -> None:
        runs_by = {each.metric: each.promise.goal.calendar.id for each in decision.cycles}
        for move in moved:
            calendar = runs_by.get(move.metric)
            if calendar in self._asked.calendars:
                found.by_calendar.setdefault(calendar, []).append(move.issue)


def _requests(policy: Policy) -> Sequence[Condition]:
    """By what an issue is known to ask for another one's escalation."""
    return [
        request.by_issue
        for contract in policy.contracts.values()
        for request in contract.requests
        if request.by_issue
    ]


def _spells_alike(one: Policy, other: Policy) -> bool:
    """Whether two policies call the fields that both look at by the same names."""
    both = one.field_names & other.field_names
    return all(one.spelling(name) == other.spelling(name) for name in both)


def _promised(span: Span) -> tuple[object, ...]:
    return span.since_at, span.coverage.project, *span.coverage.identity


def _speaking_by_clocks_alone(asked: Asked, alike: Unchanged) -> Iterator[str]:
    """The contracts of which all but their metrics read alike, and move no clock nor level."""
    for id_ in alike.but_for_metrics & asked.after.contracts.keys():
        forms = asked.after.order_forms.get(id_, {}).values()
        if not any(_moves_clocks(each) for each in (asked.after.contracts[id_], *forms)):
            yield id_


def _moves_clocks(contract: Contract) -> bool:
    checklist = contract.checklist
    return bool(contract.requests or (checklist and checklist.pauses))


def _without_words(policy: Policy, contracts: frozenset[str]) -> Policy:
    """A policy of which some contracts have nothing said beside their clocks."""

    def silent(id_: str, contract: Contract) -> Contract:
        if id_ not in contracts:
            return contract
        return with_others(contract, acknowledgement=None, checklist=None, notices=())

    return with_others(
        policy,
        contracts={id_: silent(id_, each) for id_, each in policy.contracts.items()},
        order_forms={
            id_: {customer: silent(id_, each) for customer, each in forms.items()}
            for id_, forms in policy.order_forms.items()
        },
    )


def _is_open(timeline: Timeline) -> bool:
    resolution = timeline.values("resolution")
    return timeline.deleted_at is None and not (resolution and resolution[-1][1])
