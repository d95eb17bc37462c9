"""A calendar as the plain list of its open spans, each end converted by `zoneinfo` on its own.

Slow where `sla.calendar` is fast, exact to the microsecond where `MinuteReference` knows minutes
only. It takes its reading of the rules from that one, and no code of the engine's.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from sla.calendar import Calendar
from tests.sla.minute_reference import MinuteReference, TooFar, instant_of

Span = tuple[datetime, datetime]


class SpanReference:
    """A calendar between two instants."""

    def __init__(self, calendar: Calendar, first: datetime, last: datetime) -> None:
        self.first = first
        self.last = last
        self.spans = [
            (max(from_, self.first), min(to, self.last))
            for from_, to in self._open_spans(calendar)
            if from_ < self.last and to > self.first
        ]

    def _open_spans(self, calendar: Calendar) -> list[Span]:
        """Open while a shift runs and no holiday, seen in one pass over all ends."""
        if calendar.always_open:
            return [(self.first, self.last)]
        rules = MinuteReference(calendar)
        ends: list[tuple[int, int, int]] = []
        for number in range(self.first.toordinal() - 7, self.last.toordinal() + 7):
            day = date.fromordinal(number)
            for opens, closes in rules._started_on(day):
                if opens < closes:
                    ends += [(opens, 1, 0), (closes, -1, 0)]
            if (closed := rules._closed_by_holiday(day)) is not None:
                ends += [(closed[0], 0, 1), (closed[1], 0, -1)]
        return _swept(ends)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        if start > end:
            return -self.elapsed(end, start)
        self._check(start, end)
        parts = (min(to, end) - max(from_, start) for from_, to in self.spans)
        return sum((part for part in parts if part > timedelta(0)), timedelta(0))

    def due(self, start: datetime, amount: timedelta) -> datetime:
        self._check(start, start)
        if amount < timedelta(0):
            return self._back(start, -amount)
        for from_, to in self.spans:
            begins = max(from_, start)
            if to <= start or (amount == timedelta(0) and to <= begins):
                continue
            if to - begins >= amount:
                return begins + amount
            amount -= to - begins
        raise TooFar

    def _back(self, start: datetime, amount: timedelta) -> datetime:
        for from_, to in reversed(self.spans):
            ends = min(to, start)
            if from_ >= start:
                continue
            if ends - from_ >= amount:
                return ends - amount
            amount -= ends - from_
        raise TooFar

    def _check(self, *instants: datetime) -> None:
        if not all(self.first <= at <= self.last for at in instants):
            raise TooFar


def _swept(ends: list[tuple[int, int, int]]) -> list[Span]:
    spans: list[Span] = []
    shifts = holidays = 0
    opened: int | None = None
    instants = sorted({minute for minute, _, _ in ends})
    by_instant: dict[int, list[tuple[int, int]]] = {}
    for minute, shift, holiday in ends:
        by_instant.setdefault(minute, []).append((shift, holiday))
    for minute in instants:
        shifts += sum(shift for shift, _ in by_instant[minute])
        holidays += sum(holiday for _, holiday in by_instant[minute])
        is_open = shifts > 0 and holidays == 0
        if is_open and opened is None:
            opened = minute
        elif not is_open and opened is not None:
            spans.append((instant_of(opened), instant_of(minute)))
            opened = None
    return spans


@lru_cache(maxsize=4)
def span_reference(calendar: Calendar, month: date) -> SpanReference:
    """The months around one, as far as most questions of the tests go."""
    first = datetime(month.year, month.month, 1, tzinfo=UTC)
    return SpanReference(calendar, first - timedelta(days=40), first + timedelta(days=70))
