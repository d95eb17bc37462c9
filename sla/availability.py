"""How long a service was down in a month, and whether that is more than was promised.

Rules decided here, each with its reason:

- Downtime runs from the instant at which it was confirmed to the one at which the service was
  restored (Balto, "Downtime"): the time before somebody confirmed it does not count.
- Lengths are real time, to the microsecond. A minute that was only half down counts half: the
  texts speak of minutes and of no rounding.
- What several entries report for the same time counts once, with the earliest of them: the service
  cannot be down twice.
- Each entry is judged by itself: an outage that is confirmed while maintenance goes on is an
  outage, and an entry of a kind that does not count takes nothing away from another one.
- An uptime is never rounded before it is compared: 99.4999 % falls short of 99.5 %.

Everything is pure: months, entries and `now` are handed in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from sla.calendar import Calendar
from sla.contract import Binding
from sla.errors import CalendarError, OutOfRange, SlaError
from sla.interval import Span, gaps, length, merged, subtracted
from sla.timeline import FieldValue, Timeline
from sla.zones import (
    FIRST_YEAR,
    LAST_YEAR,
    MINUTE,
    check_range,
    check_zone,
    from_micros,
    micros_of,
    to_micros,
)

__all__ = [
    "Availability",
    "AvailabilityError",
    "Basis",
    "Credit",
    "Downtime",
    "DowntimeError",
    "DowntimeFields",
    "Entry",
    "Found",
    "Maintenance",
    "Part",
    "Term",
    "Uptime",
    "downtimes_of",
    "minutes_of",
    "month_of",
    "uptime",
]

Basis = Literal["business", "all"]
_EXAMPLE = "2026-10-10T14:05:00-05:00"


class AvailabilityError(SlaError):
    """What a contract says of availability makes no sense; the message names the clause."""


class DowntimeError(AvailabilityError):
    """An entry of the ledger is wrong; the message names it and what would be right."""


# Structs, since the class of a frozen dataclass takes 0.5 ms of each start to make, and this 0.01.
class Term(msgspec.Struct, frozen=True):
    """A sentence that bears on a credit: a condition to be met, or a mere statement."""

    id: str
    words: str
    """As a sentence that is true when the condition is met."""
    clause: str = ""
    settled_by: Literal["fact", "ledger"] = "fact"
    """`fact`: somebody must say so. `ledger`: met when the customer has downtime that counts."""


class Credit(msgspec.Struct, frozen=True):
    """What a customer gets when the commitment was missed.

    Raises:
        AvailabilityError: the multiple or the cap is no sensible number.
    """

    clause: str
    multiple: Decimal
    """Of the amount paid for the time in excess of what was allowed."""
    cap: Decimal | None = None
    """Percent of the month's fee; None: without a cap."""
    conditions: tuple[Term, ...] = ()
    statements: tuple[Term, ...] = ()
    """Said with every credit; they decide nothing."""

    def __post_init__(self) -> None:
        if not self.multiple.is_finite() or self.multiple <= 0:
            raise AvailabilityError(
                f"credit {self.clause!r}: multiple {self.multiple} is not above 0, such as 10"
            )
        if self.cap is not None and not (self.cap.is_finite() and 0 <= self.cap <= 100):
            raise AvailabilityError(
                f"credit {self.clause!r}: cap {self.cap} is no percentage from 0 to 100"
            )


class Maintenance(msgspec.Struct, frozen=True):
    """Scheduled maintenance: the time set aside for it, in which it is no downtime."""

    clause: str
    windows: Calendar
    binding: Binding = "commitment"
    """Of keeping to the windows; what is outside them counts as downtime in either case."""
    kind: str = "Scheduled maintenance"
    """The kind of downtime that is such maintenance."""


@dataclass(frozen=True, slots=True)
class Availability:
    """What a contract promises of being up.

    Raises:
        AvailabilityError: a credit without a commitment, a percentage that is none, or a kind that
            is left out both as such and as maintenance.
    """

    clause: str
    calendar: Calendar
    """While it is open, downtime counts."""
    commitment: Decimal | None = None
    """Percent of the month's minutes, such as 99.5; None: no percentage was promised."""
    basis: Basis = "business"
    """Which minutes a month has: the open ones of the calendar, or all."""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Kinds of downtime that do not count, each with its reason in the contract's words."""
    maintenance: Maintenance | None = None
    credit: Credit | None = None

    def __post_init__(self) -> None:
        # A copy, so that nobody changes the terms after the fact.
        object.__setattr__(self, "excluded", dict(self.excluded))
        if self.basis not in ("business", "all"):
            raise self._error(f"basis {self.basis!r} is neither business nor all")
        if self.commitment is None and self.credit:
            raise self._error("a credit needs a commitment; give one, such as 99.5")
        if self.commitment is not None and not (
            self.commitment.is_finite() and 0 < self.commitment <= 100
        ):
            raise self._error(f"commitment {self.commitment} is no percentage above 0 up to 100")
        if self.maintenance and self.reason_against(self.maintenance.kind):
            raise self._error(
                f"kind {self.maintenance.kind!r} is both excluded and scheduled maintenance; "
                "it can be only one of them"
            )

    @property
    def time_zone(self) -> str:
        """Where the month begins and ends: the calendar's zone."""
        return self.calendar.time_zone

    def reason_against(self, kind: str | None) -> str | None:
        """Why a kind of downtime does not count, or None where it does; case does not matter."""
        folded = None if kind is None else kind.casefold()
        return next((why for name, why in self.excluded.items() if name.casefold() == folded), None)

    def is_maintenance(self, kind: str | None) -> bool:
        """Whether a kind of downtime is scheduled maintenance; case does not matter."""
        if self.maintenance is None or kind is None:
            return False
        return kind.casefold() == self.maintenance.kind.casefold()

    def _error(self, what: str) -> AvailabilityError:
        return AvailabilityError(f"availability {self.clause!r}: {what}")


@dataclass(frozen=True, slots=True)
class Downtime:
    """An entry of the ledger; its instants are kept in UTC.

    Raises:
        DowntimeError: an instant has no zone or is before 1970 or after 2200, or the service was
            restored before its failure was confirmed.
    """

    source: str
    """Where it is written: an issue's key, or `entered 3`."""
    confirmed_at: datetime
    restored_at: datetime | None = None
    """None: still down."""
    kind: str | None = None
    customers: tuple[str, ...] = ()
    """Whom it affected; none named: all."""
    note: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "confirmed_at", self._utc("confirmed_at", self.confirmed_at))
        if self.restored_at is None:
            return
        object.__setattr__(self, "restored_at", self._utc("restored_at", self.restored_at))
        if self.restored_at < self.confirmed_at:
            raise DowntimeError(
                f"{self.source}: restored at {self.restored_at:%Y-%m-%d %H:%M:%S} UTC, before it "
                f"was confirmed at {self.confirmed_at:%Y-%m-%d %H:%M:%S} UTC; correct one of the "
                "two instants"
            )

    def affects(self, customer: str | None) -> bool:
        """Whether a customer was affected; None, for the service as such, always is."""
        if customer is None or not self.customers:
            return True
        return customer.casefold() in {name.casefold() for name in self.customers}

    def _utc(self, name: str, at: datetime) -> datetime:
        try:
            instant = to_micros(at)
            check_range(instant)
        except CalendarError as error:
            raise DowntimeError(f"{self.source}: {name}: {error}") from None
        return from_micros(instant)


class Part(msgspec.Struct, frozen=True):
    """Some of an entry's time, and what it is taken for."""

    length: timedelta
    counts: bool
    reason: str


class Entry(msgspec.Struct, frozen=True):
    """An entry of the ledger, as judged for one month and customer."""

    downtime: Downtime
    parts: tuple[Part, ...]
    """All its time until it was restored, or until now, by reason; what counts comes last."""
    inside_windows: timedelta | None = None
    """Of scheduled maintenance: its time in this month inside the windows set aside for it."""
    outside_windows: timedelta | None = None
    """The same outside of them."""

    @property
    def counted(self) -> timedelta:
        """What it adds to the month's downtime."""
        return sum((part.length for part in self.parts if part.counts), timedelta())


class Uptime(msgspec.Struct, frozen=True):
    """The availability of one month for one customer, exact."""

    availability: Availability
    month: tuple[int, int]
    """Year and month, by the availability's zone."""
    customer: str | None
    """None: the service as such, whomever its failures affected."""
    from_at: datetime
    """The month's first instant, UTC."""
    to_at: datetime
    """The next month's first instant, UTC."""
    until: datetime
    """Up to where the ledger was read: the end of the month, or now while it goes on."""
    total: timedelta
    """The minutes of the whole month by the basis, whether over or not."""
    passed: timedelta
    """Those of them before `until`."""
    down: timedelta
    entries: tuple[Entry, ...]
    """Those that touch the month, in the order of their confirmation."""
    inside_windows: timedelta
    """Scheduled maintenance inside the windows set aside for it; overlapping entries once."""
    outside_windows: timedelta
    """The same outside of them."""

    @property
    def so_far(self) -> bool:
        """Whether the month is not over, so that the downtime may still grow."""
        return self.until < self.to_at

    @property
    def percent(self) -> Fraction | None:
        """`(total - down) / total x 100`; None for a month without a minute on the calendar.

        Source: Balto, "Uptime Commitment": "the percentage of total possible minutes Balto was
        available during a month"; the formula below that sentence is missing from the text.
        While the month goes on, this is what it comes to if nothing more happens.
        """
        if not self.total:
            return None
        return 100 * (1 - Fraction(micros_of(self.down), micros_of(self.total)))

    @property
    def allowed(self) -> Fraction | None:
        """Minutes that the whole month may be down: `total x (100 - commitment) / 100`."""
        if self.availability.commitment is None:
            return None
        return minutes_of(self.total) * (100 - Fraction(self.availability.commitment)) / 100

    @property
    def excess(self) -> Fraction | None:
        """Minutes down beyond what is allowed, at least 0."""
        if self.allowed is None:
            return None
        return max(minutes_of(self.down) - self.allowed, Fraction(0))

    @property
    def met(self) -> bool | None:
        """Whether the commitment is met (so far); None where no percentage was promised."""
        return None if self.excess is None else self.excess == 0


class DowntimeFields(msgspec.Struct, frozen=True):
    """Which issues report downtime, and by the names of which fields."""

    issue_type: str
    confirmed_at: str = "Confirmed at"
    restored_at: str = "Restored at"
    kind: str = "Downtime kind"
    customers: str = "Affected customers"


class Found(msgspec.Struct, frozen=True):
    """Downtime that issues report, and a sentence for each issue that cannot be counted."""

    downtimes: tuple[Downtime, ...]
    problems: tuple[str, ...]


def minutes_of(amount: timedelta) -> Fraction:
    """A length in minutes, exactly."""
    return Fraction(micros_of(amount), MINUTE)


def month_of(year: int, month: int, zone: str) -> tuple[datetime, datetime]:
    """The instants at which a month begins and ends by the clocks of a zone, aware UTC.

    The month is as long as it really is: an hour less or more where the clocks change. A midnight
    that the clocks skip is the instant of the change, one that they show twice is the first.

    Raises:
        CalendarError: there is no such month or zone.
        OutOfRange: the year is before 1970 or after 2200.
    """
    check_zone(zone)
    if month not in range(1, 13):
        raise CalendarError(f"{month!r} is no month; expected 1 (January) to 12 (December)")
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise OutOfRange(f"the year {year} was asked for; calendars answer from 1970 to 2200")
    following = (year, month + 1) if month < 12 else (year + 1, 1)
    begins, ends = (
        datetime(*first, 1, tzinfo=ZoneInfo(zone)).astimezone(UTC)
        for first in ((year, month), following)
    )
    return begins, ends


def uptime(
    availability: Availability,
    downtimes: Iterable[Downtime],
    month: tuple[int, int],
    customer: str | None,
    now: datetime,
) -> Uptime:
    """Work out a month's availability for a customer.

    Args:
        availability: what was promised.
        downtimes: the ledger, in any order; entries outside the month are passed over.
        month: year and month, in the availability's zone.
        customer: by the name that the entries use; None: every entry, whomever it affected.
        now: aware. Downtime that still goes on counts until now, and never beyond the month; time
            after now does not count yet.

    Raises:
        CalendarError: there is no such month.
        NaiveInstant: `now` has no zone.
        OutOfRange: an instant is before 1970 or after 2200.
    """
    ledger = _Ledger.of(availability, month, customer, now)
    for downtime in sorted(downtimes, key=_order):
        if ledger.touches(downtime):
            ledger.enter(downtime)
    return ledger.result(month)


def downtimes_of(
    timelines: Iterable[tuple[str, Timeline]], fields: DowntimeFields, now: datetime
) -> Found:
    """Read the downtime that issues report, as their fields stand now.

    An issue that is deleted or of another type reports none. One that cannot be counted, because
    an instant is missing or cannot be read, becomes a problem.

    Args:
        timelines: each with the issue's key.
        fields: the issue type and the names of the fields; instants are ISO 8601 with an offset.
        now: aware; later facts are passed over.
    """
    downtimes, problems = [], []
    for key, timeline in timelines:
        if not _reports_downtime(timeline, fields, now):
            continue
        try:
            downtimes.append(_downtime_of(key, timeline, fields, now))
        except DowntimeError as error:
            problems.append(str(error))
    return Found(tuple(downtimes), tuple(problems))


# -- judging the entries of a month ---------------------------------------------------------------


class _Ledger(msgspec.Struct):
    """A month in the making, in microseconds: what was counted so far, and with which entry."""

    availability: Availability
    customer: str | None
    now: int
    month: Span
    until: int
    open: list[Span]
    """The calendar's open time of the whole month."""
    windows: list[Span]
    """Maintenance windows of the whole month."""
    entries: list[Entry]
    counted: list[tuple[str, list[Span]]]
    """By source; no time is in it twice."""
    maintenance: list[Span]

    @classmethod
    def of(
        cls, availability: Availability, month: tuple[int, int], customer: str | None, now: datetime
    ) -> _Ledger:
        from_at, to_at = month_of(*month, availability.time_zone)
        from_, to, at = to_micros(from_at), to_micros(to_at), to_micros(now)
        maintenance = availability.maintenance
        return cls(
            availability,
            customer,
            now=at,
            month=(from_, to),
            until=min(max(at, from_), to),
            open=_open_spans(availability.calendar, from_at, to_at),
            windows=_open_spans(maintenance.windows, from_at, to_at) if maintenance else [],
            entries=[],
            counted=[],
            maintenance=[],
        )

    def touches(self, downtime: Downtime) -> bool:
        """Whether some of an entry is in the month; one without length has an instant there."""
        from_, to = self.month
        begins, ends = self._span(downtime)
        return begins < to and (ends > from_ or begins >= from_)

    def enter(self, downtime: Downtime) -> None:
        """Judge an entry; those before it have what they report first."""
        span = self._span(downtime)
        rest, parts = merged([span]), []
        for reason, holes in self._objections(downtime, span):
            parts += _part(_within(rest, holes), reason, counts=False)
            rest = subtracted(rest, holes)
        for source, spans in self.counted:
            parts += _part(_within(rest, spans), f"counted already with {source}", counts=False)
            rest = subtracted(rest, spans)
        parts += _part(rest, self._reason_for(downtime), counts=True)
        self.counted.append((downtime.source, rest))
        self.entries.append(Entry(downtime, tuple(parts), *self._windows_kept(downtime, span)))

    def result(self, month: tuple[int, int]) -> Uptime:
        """The month, once every entry was judged."""
        from_, to = self.month
        minutes = [self.month] if self.availability.basis == "all" else self.open
        maintained = merged(self.maintenance)
        return Uptime(
            self.availability,
            month,
            self.customer,
            from_at=from_micros(from_),
            to_at=from_micros(to),
            until=from_micros(self.until),
            total=_length(minutes),
            passed=_length(_within(minutes, merged([(from_, self.until)]))),
            down=_length(merged(span for _, spans in self.counted for span in spans)),
            entries=tuple(self.entries),
            inside_windows=_length(_within(maintained, self.windows)),
            outside_windows=_length(subtracted(maintained, self.windows)),
        )

    def _span(self, downtime: Downtime) -> Span:
        begins = to_micros(downtime.confirmed_at)
        ends = self.now if downtime.restored_at is None else to_micros(downtime.restored_at)
        return begins, max(begins, ends)

    def _objections(self, downtime: Downtime, span: Span) -> Iterator[tuple[str, list[Span]]]:
        """Why time would not count, in the order asked, each with the time of which it is true."""
        from_, to = self.month
        yield "in another month", list(gaps([self.month], *span))
        yield "still to come", merged([(self.until, to)])
        if not downtime.affects(self.customer):
            yield f"affected {', '.join(downtime.customers)}, not {self.customer}", merged([span])
        if against := self.availability.reason_against(downtime.kind):
            yield f"{downtime.kind}: {against}", merged([span])
        if self.availability.is_maintenance(downtime.kind):
            yield "scheduled maintenance inside its windows", self.windows
        outside = list(gaps(self.open, from_, to))
        yield f"outside the hours of calendar {self.availability.calendar.id}", outside

    def _reason_for(self, downtime: Downtime) -> str:
        if self.availability.is_maintenance(downtime.kind):
            return "downtime: scheduled maintenance outside its windows"
        if downtime.kind is not None:
            return f"downtime: {downtime.kind} is no kind that is left out"
        return "downtime"

    def _windows_kept(
        self, downtime: Downtime, span: Span
    ) -> tuple[timedelta, timedelta] | tuple[None, None]:
        """How much of an entry of scheduled maintenance was inside and outside the windows."""
        if not self.availability.is_maintenance(downtime.kind):
            return None, None
        ours = downtime.affects(self.customer)
        spans = _within(merged([span] if ours else []), merged([(self.month[0], self.until)]))
        self.maintenance += spans
        return _length(_within(spans, self.windows)), _length(subtracted(spans, self.windows))


def _order(downtime: Downtime) -> tuple[object, ...]:
    """By confirmation; then by whatever else tells two entries apart, so that order is no luck."""
    ends = downtime.restored_at
    return (
        downtime.confirmed_at,
        downtime.source,
        ends is None,
        ends or downtime.confirmed_at,
        downtime.kind or "",
        downtime.customers,
        downtime.note,
    )


def _open_spans(calendar: Calendar, from_at: datetime, to_at: datetime) -> list[Span]:
    opened = calendar.open_intervals(from_at, to_at)
    return merged((to_micros(begins), to_micros(ends)) for begins, ends in opened)


def _within(spans: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The time that both hold; both merged."""
    return subtracted(spans, subtracted(spans, others))


def _length(spans: Iterable[Span]) -> timedelta:
    return timedelta(0, 0, length(spans))


def _part(spans: Sequence[Span], reason: str, *, counts: bool) -> list[Part]:
    return [Part(_length(spans), counts, reason)] if spans else []


# -- reading issues -------------------------------------------------------------------------------


def _reports_downtime(timeline: Timeline, fields: DowntimeFields, now: datetime) -> bool:
    if timeline.deleted_at is not None and timeline.deleted_at <= now:
        return False
    issue_type = timeline.value("issuetype", now)
    return isinstance(issue_type, str) and issue_type.casefold() == fields.issue_type.casefold()


def _downtime_of(key: str, timeline: Timeline, fields: DowntimeFields, now: datetime) -> Downtime:
    confirmed_at = _instant(key, fields.confirmed_at, timeline.value(fields.confirmed_at, now))
    if confirmed_at is None:
        raise DowntimeError(
            f"{key}: {fields.confirmed_at}: is empty, so it is not counted; expected an instant "
            f"such as {_EXAMPLE}"
        )
    kinds = _texts(timeline.value(fields.kind, now))
    if len(kinds) > 1:
        raise DowntimeError(f"{key}: {fields.kind}: expected one kind, not {', '.join(kinds)}")
    return Downtime(
        key,
        confirmed_at,
        _instant(key, fields.restored_at, timeline.value(fields.restored_at, now)),
        kinds[0] if kinds else None,
        _texts(timeline.value(fields.customers, now)),
    )


def _instant(key: str, name: str, value: FieldValue) -> datetime | None:
    texts = _texts(value)
    if not texts:
        return None
    try:
        at = datetime.fromisoformat(", ".join(texts))
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise DowntimeError(
            f"{key}: {name}: {', '.join(texts)!r} is not an instant; expected ISO 8601 with an "
            f"offset, such as {_EXAMPLE}"
        )
    return at


def _texts(value: FieldValue) -> tuple[str, ...]:
    """A field's texts without surrounding blanks; an empty one is none."""
    several = value if isinstance(value, tuple) else (value or "",)
    return tuple(text.strip() for text in several if text.strip())
