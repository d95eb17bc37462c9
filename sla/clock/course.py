"""The course of one metric's clock: the legs of an issue's life, and the rule of each."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import zip_longest
from operator import attrgetter

import msgspec
from msgspec.structs import replace

from sla.acts import Moment
from sla.clock.rules import Common, Rule
from sla.clock.spans import Span
from sla.clock.stretches import Stretch
from sla.condition import RESOLVED
from sla.contract import Clock, Goal
from sla.cycle import Ending
from sla.mapping import Coverage
from sla.resting import NEVER, NO_REST, Resting

_AT, _SINCE, _MAY_WAIT = attrgetter("at"), attrgetter("since_at"), attrgetter("coverage.may_wait")
RESOLVED_ONLY = (RESOLVED,)
"""Under which nothing is owed where no contract says more."""


class Leg(msgspec.Struct, frozen=True, gc=False):
    """A span as one metric's clock goes through it."""

    since_at: datetime
    coverage: Coverage
    clock: Clock | None
    """None where the contract has no such metric, or does not cover the issue."""
    goal: Goal | None
    """What is promised; None where nothing is."""

    @classmethod
    def of(cls, span: Span, metric: str) -> Leg:
        """A span for one metric."""
        coverage = span.coverage
        its = coverage.metric(metric)
        return cls(span.since_at, coverage, its.clock if its else None, coverage.goal(metric))

    def from_(self, at: datetime) -> Leg:
        """The part of it from an instant on."""
        return Leg(at, self.coverage, self.clock, self.goal)


class Course:
    """What one metric's clock goes through over an issue's life."""

    __slots__ = (
        "common", "history", "is_alike", "legs", "may_wait", "metric", "now", "rules", "timeline",
    )  # fmt: skip

    def __init__(self, metric: str, spans: Sequence[Span], common: Common, now: datetime) -> None:
        self.metric, self.common, self.now = metric, common, now
        self.history, self.timeline = common.history, common.history.timeline
        # Each cycle asks for the goals of those it goes through: to ask the coverages each time
        # took a twentieth of a fold in which severities change and clocks pause.
        self.legs = [Leg.of(span, metric) for span in spans]
        self.may_wait = any(map(_MAY_WAIT, spans))
        """Whether a contract ever waited for somebody."""
        self.rules = self._rules()
        self.is_alike = len(self.rules) == 1 and self.rules[0].holds_all_from(self.legs[0].since_at)
        """Whether one rule held all the time."""

    def _rules(self) -> list[Rule]:
        """How the clock ran from when on; neighbours differ."""
        rules: list[Rule] = []
        for leg, until_at in with_ends(self.legs):
            if leg.clock and rules and _goes_on(rules[-1], leg, leg.clock):
                rules[-1].until_at = until_at
            elif leg.clock:
                rules.append(Rule(leg.since_at, until_at, leg.clock, self.common))
        return rules

    def start(self, after: datetime | None, *, past: bool = False) -> tuple[datetime, Rule] | None:
        """The first start that is not before an instant, or, where asked for, that is past it."""
        for rule in self.rules:
            at = rule.first_start(after, past=past)
            if at:
                return at, rule
        return None

    def stop(self, start: datetime) -> Ending | None:
        """The first instant at which the rule then in force says that the metric is met."""
        before: Rule | None = None
        for rule in self.rules:
            changed = before is not None and before.until_at == rule.since_at
            before = rule
            if rule.until_at is not None and rule.until_at <= start:
                continue
            ending = rule.first_stop(start)
            if ending is None:
                continue
            if changed and ending.at < rule.since_at:
                # By another rule it may have been enough before: then it is from the change on.
                ending = replace(ending, at=rule.since_at)
            if rule.until_at is None or ending.at < rule.until_at:
                return ending
        return None

    def owed(self, rule: Rule, start: datetime) -> Sequence[Moment]:
        """A rule's starts from one on, while it is in force and until nothing is owed for good."""
        starts = _between(rule.starts, start, rule.until_at or NEVER)
        free = None if rule.until_at else rule.free
        if free is None or free.lasts_from is NEVER:
            return starts
        # What the report itself starts is on record, even if it was closed at once.
        first = bisect_right(starts, self.legs[0].since_at, key=_AT)
        return starts[: bisect_left(starts, free.lasts_from, first, key=_AT)]

    def stretch(self, start: datetime, stop: Ending | None, rule: Rule) -> Stretch | None:
        """Time in which nothing interferes; None where something does between start and stop."""
        legs, index = self.legs, 0
        if len(legs) > 1:
            index = max(bisect_right(legs, start, key=_SINCE) - 1, 0)
        since_at, coverage = legs[index].since_at, legs[index].coverage
        terms = coverage.terms(self.metric)
        if terms is None or coverage.may_wait or start < since_at:
            return None
        until_at = legs[index + 1].since_at if index + 1 < len(legs) else NEVER
        if self.timeline.deleted_at:
            until_at = min(until_at, self.timeline.deleted_at)
        resting = rule.resting
        if resting:
            until_at = min(until_at, resting.next_at(start))
        if until_at is not NEVER and (stop is None or start >= until_at or stop.at >= until_at):
            return None
        rest = resting.before(start) if resting else NO_REST
        return Stretch(until_at, coverage, terms, rest)

    def promised_legs(self, start: datetime, end: datetime | None) -> list[Leg]:
        """The legs that reach into `[start, end)`, from the first one on that has a goal.

        The first begins at the start. What changes at the very instant of the end comes after it.
        """
        legs = self.legs
        first = bisect_right(legs, start, key=_SINCE) - 1
        last = len(legs) if end is None else bisect_left(legs, end, first + 1, key=_SINCE)
        first = max(first, 0)
        while first < last and not legs[first].goal:
            first += 1
        found = legs[first:last]
        if found and found[0].since_at < start:
            found[0] = found[0].from_(start)
        return found

    def free(self, at: datetime) -> Resting | None:
        """When nothing was owed, by the contract at an instant; None: never."""
        if self.is_alike:
            return self.rules[0].free
        number = bisect_right(self.legs, at, key=_SINCE) - 1
        clock = self.legs[number].clock if number >= 0 else None
        return self.common.while_(clock.frees if clock else RESOLVED_ONLY)


def with_ends(legs: Sequence[Leg]) -> Iterable[tuple[Leg, datetime | None]]:
    """Each leg with the beginning of the one after it, if there is one."""
    if len(legs) == 1:
        return ((legs[0], None),)
    return zip_longest(legs, [leg.since_at for leg in legs[1:]])


def _goes_on(rule: Rule, leg: Leg, clock: Clock) -> bool:
    return rule.until_at == leg.since_at and (rule.clock is clock or rule.clock == clock)


def _between(moments: Sequence[Moment], from_at: datetime, until_at: datetime) -> Sequence[Moment]:
    """Those in `[from_at, until_at)`."""
    low = bisect_left(moments, from_at, key=_AT)
    high = len(moments) if until_at is NEVER else bisect_left(moments, until_at, low, key=_AT)
    return moments[low:high] if low or high < len(moments) else moments
