"""Folds the open issues under another version: which clocks move, and what Jira would be told.

It comes to what moving the issues to that version would come to at the same instant, and writes
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple

import msgspec
from sqlalchemy import Connection

from sla import recalculated
from sla.condition import Condition
from sla.cycle import Cycle, cycles_of
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

    def range(self, within: Range) -> Found:
        """What is found of the open issues of a range."""
        with faults_told(self.database):
            return self.database.read(lambda c: self._fold(c, within))

    def _fold(self, connection: Connection, within: Range) -> Found:
        found = Found()
        ledgers: Mapping[str, consequences.Ledger] | None = None
        for issue in open_issues.read(connection, DEFAULT_SITE, within):
            # Once the first was read it is settled as of when the database is looked at.
            if ledgers is None:
                ledgers = consequences.ledgers(connection, DEFAULT_SITE, within)
            self._look(connection, issue, ledgers.get(issue.issue_id, {}), found)
        return found

    def _look(
        self, connection: Connection, issue: OpenIssue, ledger: consequences.Ledger, found: Found
    ) -> None:
        name = issue.key or issue.issue_id
        timeline, decision, stands = self._decided(connection, issue, ledger)
        if issue.is_running or _is_open(timeline):
            found.looked_at += 1
            found.oldest = min(filter(None, (found.oldest, timeline.created_at)), default=None)
            moved = moves(name, stands.cycles, decision.cycles)
        else:
            moved = []
        wanted = wanted_fields(decision, stands.record.fields)
        written = effects(
            name, decision, wanted, stands.record, deleted=timeline.deleted_at is not None
        )
        found.moves += moved
        if written:
            found.effects.append(written)
        if issue.policy_version is None and (moved or written):
            found.uncovered.append(name)
        if moved and self._asked.calendars:
            self._note_calendars(moved, decision, found)

    def _decided(
        self, connection: Connection, issue: OpenIssue, ledger: consequences.Ledger
    ) -> tuple[Timeline, Decision, _Stands]:
        """What the other version would decide, as though the issue were moved to it now."""
        stands = self._stands(connection, issue, ledger)
        earlier = [*recalculated.read(issue.earlier_versions)]
        version = issue.policy_version
        # As is noted when an issue is moved: by whom what is over or broken then was judged.
        moves_on = version and version != self._asked.after.version
        if version and moves_on and any(self._may_stay(each) for each in stands.cycles):
            earlier.append(Earlier(version, self._now))
        timeline, decision = self._decide(
            connection, issue, self._after, stands.record.ledger, earlier
        )
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


def _is_open(timeline: Timeline) -> bool:
    resolution = timeline.values("resolution")
    return timeline.deleted_at is None and not (resolution and resolution[-1][1])
