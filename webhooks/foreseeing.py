"""Folds the open issues under another version: which clocks move, and what Jira would be told.

It comes to what moving the issues to that version would come to at the same instant, and writes
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import NamedTuple

import msgspec
from msgspec.structs import replace as with_others
from sqlalchemy import Connection

from config.changes import Unchanged
from sla import recalculated
from sla.clock.spans import Span, spans_of
from sla.condition import Condition
from sla.contract import Contract
from sla.cycle import Cycle
from sla.decide import Decision, Folded, Ledger, decide, folded
from sla.engine.decided import wanted_fields
from sla.known_sites import SiteFacts
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
from sla.straight import goals_alone_differ
from sla.timeline import Timeline
from webhooks.databases import faults_told
from webhooks.folding import Rules, Versions
from webhooks.on_record import NO_HISTORY, Alike, Kinds, Record, record_of
from webhooks.publishing import DEFAULT_SITE

_HISTORIES = 64
"""So many are looked into together."""
_NOTHING_SAID: consequences.Ledger = {}


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
    clocks_differ: bool = False
    """Whether clocks go otherwise than at the last start: that moves issues by any version."""


class Found(msgspec.Struct):
    """What was found of some issues."""

    looked_at: int = 0
    """How many of them are open."""
    oldest: datetime | None = None
    """When the first of those was made; where calendars differ."""
    moves: list[Move] = []
    effects: list[Effects] = []
    uncovered: list[str] = []
    """Those of which something was found, and which nothing covers by now."""
    by_calendar: dict[str, list[str]] = {}
    """For each calendar that differs the issues with a clock that runs by it and moves."""
    moves_anyway: list[Move] = []
    """What moves although the issue keeps its version: the clocks go otherwise."""
    effects_anyway: list[Effects] = []
    moved_before: int = 0
    """How many of the moves the version in force would make, too: an earlier version let those
    issues stay by what they had."""

    def is_open(self, made_at: datetime | None) -> None:
        """Note that one more issue is open, and when it was made."""
        self.looked_at += 1
        if made_at and (self.oldest is None or made_at < self.oldest):
            self.oldest = made_at

    def add(self, other: Found) -> None:
        """Take in what was found of others."""
        self.looked_at += other.looked_at
        self.oldest = min(filter(None, (self.oldest, other.oldest)), default=None)
        self.moves += other.moves
        self.effects += other.effects
        self.uncovered += other.uncovered
        self.moves_anyway += other.moves_anyway
        self.effects_anyway += other.effects_anyway
        self.moved_before += other.moved_before
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
    created: Callable[[], Mapping[str, datetime]]
    """When each was made."""
    promised: Callable[[], frozenset[str]]
    """Those to which a contract that differs ever promised anything."""
    changed: Callable[[], Mapping[str, set[str]]]
    """Of each the fields that ever changed."""


def _earlier(issue: OpenIssue) -> Sequence[Earlier]:
    """The versions before an issue's own of which something may stay."""
    return recalculated.leaving(issue.earlier, issue.policy_version)


class _Looked:
    """An issue that is looked at, with what it comes to by each version: found once."""

    __slots__ = ("_folded", "_kept", "_spans", "_timelines", "issue")

    def __init__(self, issue: OpenIssue) -> None:
        self.issue = issue
        self._timelines: list[tuple[Facts, Timeline]] = []
        self._spans: list[tuple[Rules, Sequence[Span]]] = []
        self._folded: list[tuple[Rules, datetime, Folded | None]] = []
        self._kept: dict[Sequence[Earlier], Sequence[Cycle]] = {}

    @property
    def earlier(self) -> Sequence[Earlier]:
        """The versions before its own of which something may stay."""
        return _earlier(self.issue)

    def timeline(self, facts: Facts) -> Timeline:
        """Its timeline as a version looks at it; most versions look at the same."""
        for known, timeline in self._timelines:
            if facts.looks_at_what(known):
                return timeline
        timeline = facts.timeline(self.issue.facts)
        self._timelines.append((facts, timeline))
        return timeline

    def spans(self, rules: Rules) -> Sequence[Span]:
        """Its coverage by a version."""
        for known, spans in self._spans:
            if known is rules:
                return spans
        spans = spans_of(self.timeline(rules.facts), rules.policy)
        self._spans.append((rules, spans))
        return spans

    def folded(self, rules: Rules, at: datetime) -> Folded | None:
        """What its history comes to by a version at an instant."""
        beside = None
        for known, known_at, found in self._folded:
            if known is rules and known_at == at:
                return found
            beside = found
        spans, timeline = self.spans(rules), self.timeline(rules.facts)
        found = folded(timeline, rules.policy, at, spans=spans, beside=beside)
        self._folded.append((rules, at, found))
        return found

    def kept(
        self, earlier: Sequence[Earlier], published: Callable[[str], Rules]
    ) -> Sequence[Cycle]:
        """Its cycles that stay as earlier versions judged them."""

        def fold(version: str, at: datetime) -> Sequence[Cycle]:
            found = self.folded(published(version), at)
            return found.cycles if found else ()

        if earlier not in self._kept:
            self._kept[earlier] = recalculated.kept(earlier, fold)
        return self._kept[earlier]


class Foreseeing:
    """Folds ranges of issues, in one process."""

    def __init__(self, asked: Asked) -> None:
        self.database = Database(asked.url)
        self._asked, self._now, self._site = asked, asked.now, asked.site
        self._versions = Versions(self.database, asked.site)
        self._in_force = self._versions.rules(asked.in_force)
        self._after = _sharing(self._versions.rules(asked.after), self._in_force)
        facts = _facts_of_both(asked.in_force, asked.after, asked.site)
        if facts and self._in_force.policy.responders.never == self._after.policy.responders.never:
            self._in_force = self._in_force._replace(facts=facts)
            self._after = self._after._replace(facts=facts)
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
        self._differing = asked.after.contracts.keys() - self._alike.contracts
        self._goals_alone_differ = (
            self._alike.mapping
            and self._alike.alerts >= asked.in_force.projects.keys()
            and all(map(self._differs_in_goals, self._differing))
        )
        alike = Alike(
            self._alike.mapping, self._alike.contracts, self._said_alike, self._alike.alerts
        )
        self._kinds = Kinds(self._in_force.policy, self._clocks_after.policy, alike, self._site)

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
            cache(lambda: open_issues.created(connection, DEFAULT_SITE, within)),
            cache(lambda: consequences.promised(connection, DEFAULT_SITE, within, self._differing)),
            cache(lambda: open_issues.changed(connection, DEFAULT_SITE, within)),
        )
        records: dict[str, Record] = {}

        def suffices(issue: OpenIssue) -> bool:
            record = self._by_record(issue, on_record)
            if record:
                records[issue.issue_id] = record
            return record is not None

        others: list[OpenIssue] = []
        for issue in open_issues.read(connection, DEFAULT_SITE, within, suffices=suffices):
            if issue.issue_id not in records:
                others.append(issue)
                if len(others) == _HISTORIES:
                    self._look_into_histories(connection, others, on_record, found)
                    others.clear()
                continue
            made_at = on_record.created().get(issue.issue_id) if self._asked.calendars else None
            found.is_open(made_at)
        self._look_into_histories(connection, others, on_record, found)
        touched = [each for each in records.values() if not each.kind.is_untouched]
        if touched:
            self._look_at_records(touched, on_record.ledgers(), found)
        return found

    def _look_into_histories(
        self, connection: Connection, issues: Sequence[OpenIssue], on_record: _OnRecord,
        found: Found,
    ) -> None:  # fmt: skip
        """What is found of some issues in their histories, step by step as of records."""
        all_looked = [_Looked(issue) for issue in issues]
        timelines = [each.timeline(self._after.facts) for each in all_looked]
        all_rules = [self._to_be_decided_by(each, on_record) for each in all_looked]
        for looked, rules in zip(all_looked, all_rules, strict=True):
            if rules and looked.issue.issue_id not in self._ties:
                # It is kept there for `_look`; beside others an issue is folded anew.
                looked.folded(rules, self._now)
        for looked, timeline, rules in zip(all_looked, timelines, all_rules, strict=True):
            is_open = looked.issue.is_running or _is_open(timeline)
            if is_open:
                found.is_open(timeline.created_at)
            if rules:
                ledger = on_record.ledgers().get(looked.issue.issue_id, _NOTHING_SAID)
                self._look(connection, looked, ledger, rules, found, is_open=is_open)

    def _look_at_records(
        self, records: Sequence[Record], ledgers: Mapping[str, consequences.Ledger], found: Found
    ) -> None:
        """What is found of some issues by their records.

        Step by step, each for all of them: what a step works with stays in the processor's cache.
        To take one issue after the other through all steps took 111 and not 85 us an issue.
        """
        all_would_be = [each.would_be(self._now) for each in records]
        all_over = [*map(self._over, records, all_would_be)]
        its_ledgers = [ledgers.get(each.issue.issue_id, _NOTHING_SAID) for each in records]
        decisions = [*map(self._decided, records, all_would_be, all_over, its_ledgers)]
        for record, decision in zip(records, decisions, strict=True):
            moved = moves(record.issue.name, record.issue.recorded, decision.cycles)
            found.moves += moved
            if moved and self._asked.calendars:
                self._note_calendars(moved, decision, found)
        for record, decision, ledger in zip(records, decisions, its_ledgers, strict=True):
            issue = record.issue
            standing = Standing(ledger, issue.fields_wanted, self._quiet_before(issue))
            written = effects(issue.name, decision, standing, deleted=False)
            if written:
                found.effects.append(written)

    def _over(self, record: Record, would_be: Folded) -> Sequence[Cycle]:
        """What stays of an issue as the version in force judged it."""
        if not self._may_stay(record.issue.recorded, would_be.cycles):
            return ()
        earlier = Earlier(self._asked.in_force.version, self._now)
        return recalculated.kept([earlier], lambda *_: record.by_now(self._now))

    def _decided(
        self, record: Record, would_be: Folded, over: Sequence[Cycle], ledger: consequences.Ledger
    ) -> Decision:
        return decide(
            NO_HISTORY, self._clocks_after.policy, Ledger(said(ledger)), self._now,
            issue_id=record.issue.issue_id, over=over, since=self._now, found=would_be,
            looks_ahead=False,
        )  # fmt: skip

    def _to_be_decided_by(self, looked: _Looked, on_record: _OnRecord) -> Rules | None:
        """By what an issue is to be decided; None: the other version cannot touch it.

        What an issue has on record is what its version decided. Where the other one gives it the
        same promises at the same instants, and all that is said of these reads alike, it comes to
        the same, cycle by cycle and word by word: it need not be worked out. That holds for what
        rests alone: not for what time has changed and nobody was woken for, nor while something
        that was decided waits to be said, nor for what depends on other issues.
        """
        if not self._is_settled(looked.issue, on_record):
            return self._after
        spans = self._spans_alike(looked) if self._may_be_alike else ()
        used = {span.coverage.contract.id for span in spans if span.coverage.contract}
        projects = {span.coverage.project for span in spans}
        if spans and used <= self._alike.contracts and projects <= self._alike.alerts:
            return None
        says_alike = self._all_say_alike or (spans and used <= self._said_alike)
        return self._clocks_after if says_alike else self._after

    def _is_settled(self, issue: OpenIssue, on_record: _OnRecord) -> bool:
        """Whether all that is on record is what the version in force says of an issue by now."""
        return (
            issue.policy_version == self._asked.in_force.version
            and (issue.wake_at is None or issue.wake_at > self._now)
            and issue.issue_id not in self._ties
            and not self._asked.clocks_differ
            and issue.issue_id not in on_record.waiting()
        )

    def _by_record(self, issue: OpenIssue, on_record: _OnRecord) -> Record | None:
        """An issue that can be judged by what is recorded; None: its history has to be looked at.

        Where goals alone differ, all else that was found in its history stays: what covers it, and
        when its clocks start and stop. And goals of which none was ever promised touch nothing.
        """
        if not (issue.is_running and self._is_settled(issue, on_record)):
            return None
        kind = self._kinds.of_reason(issue.reason)
        by_one = issue.is_straight and kind is not None and kind.is_of(issue)
        if not by_one and (noted := self._kinds.of_note(issue, on_record.changed)):
            kind, by_one = noted, True
        if kind is None:
            return None
        if kind.is_untouched:
            # What was promised stays on record as it was promised: where another version judged
            # then, it does not tell by which contract time is counted now.
            is_spared = by_one or (
                self._goals_alone_differ
                and not issue.earlier
                and issue.issue_id not in on_record.promised()
            )
            return Record(issue, kind, {}) if is_spared else None
        if not (issue.is_straight and kind.goes_straight) or _earlier(issue):
            return None
        return record_of(issue, kind)

    def _differs_in_goals(self, contract: str) -> bool:
        """Whether nothing but goals differs in a contract and its order forms."""
        before, after = (
            {None: policy.contracts[contract], **policy.order_forms.get(contract, {})}
            for policy in (self._asked.in_force, self._asked.after)
        )
        return contract in self._said_alike and all(
            goals_alone_differ(before[form], after[form]) for form in after
        )

    def _spans_alike(self, looked: _Looked) -> Sequence[Span]:
        """An issue's coverage, where the version in force gives it the same; else nothing."""
        # What a contract says beside its clocks is no part of a coverage's identity.
        after = looked.spans(self._clocks_after)
        if self._alike.mapping:
            return after
        before = looked.spans(self._in_force)
        return after if [*map(_promised, before)] == [*map(_promised, after)] else ()

    def _look(
        self, connection: Connection, looked: _Looked, ledger: consequences.Ledger, rules: Rules,
        found: Found, *, is_open: bool,
    ) -> None:  # fmt: skip
        issue = looked.issue
        name = issue.name
        stands = self._stands(connection, looked, ledger)
        decision = self._moved_to(connection, looked, rules, stands)
        deleted = looked.timeline(rules.facts).deleted_at is not None
        moved = moves(name, stands.cycles, decision.cycles) if is_open else []
        written = effects(name, decision, stands.record, deleted=deleted)
        found.moves += moved
        if written:
            found.effects.append(written)
        if issue.policy_version is None and (moved or written):
            found.uncovered.append(name)
        if moved and self._asked.calendars:
            self._note_calendars(moved, decision, found)
        if issue.policy_version not in (None, self._asked.in_force.version) and moved:
            by_now = self._moved_to(connection, looked, self._in_force, stands)
            sooner = moves(name, stands.cycles, by_now.cycles)
            found.moved_before += sum(each in sooner for each in moved)
        if self._asked.clocks_differ and issue.policy_version:
            own = self._published(issue.policy_version)
            stays = self._moved_to(connection, looked, own, stands)
            found.moves_anyway += moves(name, stands.cycles, stays.cycles) if is_open else []
            anyway = effects(name, stays, stands.record, deleted=deleted)
            found.effects_anyway += [anyway] if anyway else []

    def _moved_to(
        self, connection: Connection, looked: _Looked, rules: Rules, stands: _Stands
    ) -> Decision:
        """What a version would decide, as though the issue were moved to it now."""
        ledger, version = stands.record.ledger, looked.issue.policy_version
        if not version or version == rules.policy.version:
            return self._stays(connection, looked, rules, ledger)
        timeline, relatives, found = self._folded(connection, looked, rules)
        over: Sequence[Cycle] = ()
        if self._may_stay(stands.cycles, found.cycles if found else ()):
            earlier = *looked.earlier, Earlier(version, self._now)
            over = looked.kept(earlier, self._published)
        # As is noted when an issue is moved: by whom what is over or broken then was judged.
        return decide(
            timeline, rules.policy, Ledger(said(ledger)), self._now,
            issue_id=looked.issue.issue_id, relatives=relatives, over=over, since=self._now,
            found=found, looks_ahead=False,
        )  # fmt: skip

    def _may_stay(self, cycles: Sequence[Judged], others: Sequence[Cycle]) -> bool:
        """Whether a cycle may stay as it is judged by now, whatever another version finds.

        Only what is over or broken does; and of what is broken and goes on nothing is left where it
        goes on by the other version, too. Where nothing stays, nothing has to be folded for it.
        """
        now = self._now
        for each in cycles:
            if each.ended_at:
                return True
            if each.due_at and each.due_at <= now:
                its = [cycle for cycle in others if cycle.metric == each.metric]
                if not recalculated.goes_on(its, now):
                    return True
        return False

    def _stands(
        self, connection: Connection, looked: _Looked, ledger: consequences.Ledger
    ) -> _Stands:
        """What holds now: as recorded, unless time has changed it since and nobody was woken.

        What time alone brings is no doing of the other version, and is taken as done.
        """
        issue = looked.issue
        quiet_before = self._quiet_before(issue)
        if issue.reason and issue.policy_version is None:
            # It was judged before, and had no clock: what lies in its past is not announced.
            quiet_before = max(quiet_before, self._now)
        record = Standing(ledger, issue.fields_wanted, quiet_before)
        if issue.wake_at is None or issue.wake_at > self._now:
            return _Stands(issue.recorded, record)
        version = issue.policy_version or self._asked.in_force.version
        decision = self._stays(connection, looked, self._published(version), ledger)
        done = {each.key: Said("sent", False, encoded(each)) for each in decision.sayings}
        return _Stands(
            [judged(each) for each in decision.cycles],
            Standing(
                {**ledger, **done},
                wanted_fields(decision, issue.fields_wanted),
                record.quiet_before,
            ),
        )

    def _quiet_before(self, issue: OpenIssue) -> datetime:
        """Before when what is said of an issue is shown, and not announced."""
        installed_at = self._site.quiet_before
        return max(installed_at, issue.quiet_before or installed_at)

    def _stays(
        self, connection: Connection, looked: _Looked, rules: Rules, ledger: consequences.Ledger
    ) -> Decision:
        """What a version decides that judges the issue already, or is the first that does."""
        timeline, relatives, found = self._folded(connection, looked, rules)
        return decide(
            timeline, rules.policy, Ledger(said(ledger)), self._now,
            issue_id=looked.issue.issue_id, relatives=relatives,
            over=looked.kept(looked.earlier, self._published),
            since=recalculated.judged_since(looked.issue.earlier), found=found, looks_ahead=False,
        )  # fmt: skip

    def _folded(
        self, connection: Connection, looked: _Looked, rules: Rules
    ) -> tuple[Timeline, Sequence[Relative], Folded | None]:
        """An issue's timeline with those that matter to it, and what it comes to by a version."""
        timeline, relatives = self._with_relatives(connection, looked, rules)
        if relatives:
            return timeline, relatives, folded(timeline, rules.policy, self._now)
        return timeline, relatives, looked.folded(rules, self._now)

    def _published(self, version: str) -> Rules:
        if version == self._asked.in_force.version:
            return self._in_force
        return self._versions.published(version)

    def _with_relatives(
        self, connection: Connection, looked: _Looked, rules: Rules
    ) -> tuple[Timeline, Sequence[Relative]]:
        """An issue's timeline, and those of the issues that it is tied to, where it matters."""
        issue, timeline = looked.issue, looked.timeline(rules.facts)
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


def _facts_of_both(one: Policy, other: Policy, site: SiteFacts) -> Facts | None:
    """Makes timelines of what either policy looks at: an issue's is then made once, and not twice.

    None: they call a field by different names.
    """
    if not _spells_alike(one, other):
        return None
    names, its = site.names_for(one), site.names_for(other)
    spelt = {id_: its[id_] if its[id_] in other.field_names else names[id_] for id_ in names}
    return Facts(site.applied_to(one), spelt, other.field_names)


def _promised(span: Span) -> tuple[object, ...]:
    return span.since_at, span.coverage.project, *span.coverage.identity


def _speaking_by_clocks_alone(asked: Asked, alike: Unchanged) -> Iterator[str]:
    """The contracts of which all but their metrics read alike, and move no clock nor level."""
    for id_ in alike.but_for_metrics & asked.after.contracts.keys():
        forms = asked.after.order_forms.get(id_, {}).values()
        if not any(_moves_clocks(each) for each in (asked.after.contracts[id_], *forms)):
            yield id_


def _sharing(rules: Rules, other: Rules) -> Rules:
    """The same version, where what it has alike is the other's own object.

    A history knows an act, and a timeline a condition, by the very object that asked for it: what
    both look for is looked for once in each issue.
    """

    def sharing(contract: Contract, known: Contract | None) -> Contract:
        clocks = {metric.name: metric.clock for metric in known.metrics} if known else {}
        metrics = tuple(
            with_others(each, clock=clocks[each.name])
            if clocks.get(each.name) == each.clock
            else each
            for each in contract.metrics
        )
        return with_others(contract, metrics=metrics)

    policy, its = rules.policy, other.policy
    facts = other.facts if rules.facts.looks_at_what(other.facts) else rules.facts
    alike = policy.responders == its.responders
    shared = with_others(
        policy,
        responders=its.responders if alike else policy.responders,
        contracts={
            id_: sharing(each, its.contracts.get(id_)) for id_, each in policy.contracts.items()
        },
        order_forms={
            id_: {
                customer: sharing(each, its.order_forms.get(id_, {}).get(customer))
                for customer, each in forms.items()
            }
            for id_, forms in policy.order_forms.items()
        },
    )
    return Rules(shared, facts)


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
