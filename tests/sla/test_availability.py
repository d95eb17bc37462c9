"""How long a service was down: what counts, what does not and why, and months of every length."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.availability import (
    Availability,
    AvailabilityError,
    Credit,
    Downtime,
    DowntimeError,
    DowntimeFields,
    Entry,
    Maintenance,
    Uptime,
    downtimes_of,
    month_of,
    uptime,
)
from sla.calendar import Calendar, Opening, WallTime
from sla.errors import CalendarError, NaiveInstant, OutOfRange
from sla.timeline import Changed, Created, Deleted, Event, FieldValue, Seen, Timeline
from tests.sla.minute_reference import MinuteReference, instant_of, minute_of

CHICAGO = "America/Chicago"
PILOT = "Any downtime for products or features we identify as pilot, alpha, beta or similar"
JUNE = (2026, 6)
LATER = datetime(2027, 1, 1, tzinfo=UTC)
law = settings(deadline=None, derandomize=True, max_examples=60)


def opening(opens: str, closes: str) -> tuple[Opening, ...]:
    return (Opening(WallTime.parse(opens), WallTime.parse(closes)),)


BUSINESS = Calendar("balto-business", CHICAGO, dict.fromkeys(range(7), opening("06:00", "21:00")))
NIGHTS = Calendar("balto-nights", CHICAGO, dict.fromkeys(range(7), opening("21:00", "06:00")))
ALWAYS = Calendar("always", "America/New_York", always_open=True)
OFF_HOURS = Calendar(
    "bitumio-maintenance",
    "America/New_York",
    dict.fromkeys(range(5), opening("00:00", "08:00"))
    | dict.fromkeys((5, 6), opening("00:00", "24:00")),
)


def balto(**changes: Any) -> Availability:
    terms: dict[str, Any] = {
        "calendar": BUSINESS,
        "commitment": Decimal("99.5"),
        "excluded": {"Pilot": PILOT},
        "maintenance": Maintenance("Business Hours", NIGHTS, "goal", "Maintenance"),
    }
    return Availability("Uptime Commitment", **(terms | changes))


def bitumio() -> Availability:
    maintenance = Maintenance("2.2", OFF_HOURS, kind="Maintenance")
    return Availability("2.1", ALWAYS, basis="all", maintenance=maintenance)


def local(text: str) -> datetime:
    """`10 20:00` of June 2026 in Chicago."""
    day, clock = text.split()
    return datetime.fromisoformat(f"2026-06-{day}T{clock}-05:00")


def down(from_: str, to: str | None, source: str = "OPS-1", **more: Any) -> Downtime:
    return Downtime(source, local(from_), local(to) if to else None, **more)


def june(
    *downtimes: Downtime,
    terms: Availability | None = None,
    customer: str | None = "Acme",
    now: datetime = LATER,
) -> Uptime:
    return uptime(terms or balto(), downtimes, JUNE, customer, now)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def parts(entry: Entry) -> list[tuple[float, bool, str]]:
    return [(part.length / minutes(1), part.counts, part.reason) for part in entry.parts]


OUTSIDE = "outside the hours of calendar balto-business"
OVERNIGHT = down("10 20:00", "11 10:36")


# -- the worked example ---------------------------------------------------------------------------


def test_the_business_minutes_of_the_worked_example() -> None:
    found = june(OVERNIGHT)
    assert (found.total, found.down) == (minutes(27_000), minutes(336))
    assert (found.allowed, found.excess, found.met) == (Fraction(135), Fraction(201), False)
    assert found.percent == Fraction(100 * (27_000 - 336), 27_000)


def test_all_minutes_of_the_worked_example() -> None:
    found = june(OVERNIGHT, terms=balto(basis="all"))
    assert (found.total, found.down) == (minutes(43_200), minutes(336))
    assert (found.allowed, found.excess, found.met) == (Fraction(216), Fraction(120), False)


def test_a_month_without_downtime() -> None:
    found = june()
    assert (found.down, found.percent) == (minutes(0), Fraction(100))
    assert (found.excess, found.met) == (Fraction(0), True)
    assert found.entries == ()


def test_what_is_allowed_is_no_excess_and_a_microsecond_more_is() -> None:
    allowed = down("10 06:00", "10 08:15")
    more = Downtime("OPS-2", local("12 06:00"), local("12 06:00") + timedelta(0, 0, 1))
    assert (june(allowed).excess, june(allowed).met) == (Fraction(0), True)
    assert (june(allowed, more).excess, june(allowed, more).met) == (Fraction(1, 60_000_000), False)


def test_without_a_percentage_nothing_is_met_or_missed() -> None:
    found = june(down("10 06:00", "10 08:00"), terms=bitumio())
    assert (found.allowed, found.excess, found.met) == (None, None, None)
    assert found.down == minutes(120)
    assert found.percent == 100 * (1 - Fraction(120, 43_200))


def test_a_month_in_which_the_calendar_never_opens() -> None:
    closed = Calendar("closed", CHICAGO)
    found = june(OVERNIGHT, terms=balto(calendar=closed, maintenance=None))
    assert (found.total, found.percent) == (minutes(0), None)
    assert (found.excess, found.met) == (Fraction(0), True)


# -- what counts, and what does not ---------------------------------------------------------------


def test_time_outside_business_hours_does_not_count() -> None:
    [entry] = june(OVERNIGHT).entries
    assert parts(entry) == [(540, False, OUTSIDE), (336, True, "downtime")]
    assert entry.counted == minutes(336)


def test_a_kind_that_is_left_out_does_not_count_and_gives_the_words() -> None:
    found = june(down("10 20:00", "10 21:30", kind="pilot"))
    assert parts(found.entries[0]) == [(90, False, f"pilot: {PILOT}")]
    assert found.down == minutes(0)


def test_a_kind_that_is_not_left_out_counts_and_says_so() -> None:
    [entry] = june(down("10 08:00", "10 09:00", kind="Pilto")).entries
    assert parts(entry) == [(60, True, "downtime: Pilto is no kind that is left out")]


@pytest.mark.parametrize(
    ("customers", "customer", "counted"),
    [
        ((), "Acme", 60),
        (("acme", "Duff"), "Acme", 60),
        (("Duff",), "Acme", 0),
        (("Duff",), None, 60),
    ],
)
def test_only_who_was_affected(
    customers: tuple[str, ...], customer: str | None, counted: int
) -> None:
    found = june(down("10 08:00", "10 09:00", customers=customers), customer=customer)
    assert found.down == minutes(counted)
    if not counted:
        assert parts(found.entries[0]) == [(60, False, "affected Duff, not Acme")]


def test_what_two_entries_report_counts_once_with_the_earlier_one() -> None:
    first = down("10 08:00", "10 10:00")
    second = down("10 09:00", "10 11:00", "OPS-2")
    found = june(second, first)
    assert found.down == minutes(180)
    assert [parts(entry) for entry in found.entries] == [
        [(120, True, "downtime")],
        [(60, False, "counted already with OPS-1"), (60, True, "downtime")],
    ]


def test_entries_confirmed_at_one_instant_have_an_order_too() -> None:
    alike: list[dict[str, Any]] = [
        {"source": "OPS-1", "to": "10 09:00"},
        {"source": "OPS-2", "to": "10 09:00"},
        {"source": "OPS-2", "to": "10 10:00"},
        {"source": "OPS-2", "to": None},
        {"source": "OPS-2", "to": "10 09:00", "kind": "Other"},
        {"source": "OPS-2", "to": "10 09:00", "customers": ("Acme",)},
        {"source": "OPS-2", "to": "10 09:00", "note": "again"},
    ]
    entries = [down("10 08:00", **each) for each in alike]
    assert june(*entries) == june(*reversed(entries))


def test_an_entry_that_does_not_count_takes_nothing_from_one_that_does() -> None:
    pilot = down("10 08:00", "10 10:00", kind="Pilot")
    assert june(pilot, down("10 09:00", "10 11:00", "OPS-2")).down == minutes(120)


def test_downtime_across_the_ends_of_the_month_is_cut_there() -> None:
    ends = Downtime("OPS-1", local("30 20:00"), local("30 20:00") + timedelta(days=1))
    found = june(ends)
    assert parts(found.entries[0]) == [
        (20 * 60, False, "in another month"),
        (180, False, OUTSIDE),
        (60, True, "downtime"),
    ]
    july = uptime(balto(), [ends], (2026, 7), "Acme", LATER)
    assert (found.down, july.down) == (minutes(60), minutes(14 * 60))


def test_entries_of_other_months_are_passed_over() -> None:
    before = Downtime("OPS-1", local("01 00:00") - timedelta(hours=9), local("01 00:00"))
    after = Downtime("OPS-2", local("30 00:00") + timedelta(days=1))
    assert june(before, after).entries == ()


def test_an_entry_without_length_is_shown() -> None:
    for at in ("10 08:00", "01 00:00"):
        [entry] = june(down(at, at)).entries
        assert (entry.parts, entry.counted) == ((), minutes(0))


# -- a month that goes on -------------------------------------------------------------------------


def test_downtime_that_goes_on_counts_until_now() -> None:
    found = june(down("10 08:00", None), now=local("10 08:45"))
    assert (found.down, found.so_far, found.until) == (minutes(45), True, local("10 08:45"))
    assert found.total == minutes(27_000)
    assert found.passed == minutes(9 * 900 + 165)
    by_all = june(terms=balto(basis="all"), now=local("10 08:45"))
    assert by_all.passed == minutes(9 * 1_440 + 525)


def test_downtime_that_goes_on_counts_no_longer_than_the_month() -> None:
    found = june(down("30 20:00", None))
    assert (found.down, found.so_far, found.passed) == (minutes(60), False, found.total)


def test_what_is_still_to_come_does_not_count_yet() -> None:
    planned = down("10 08:00", "10 10:00")
    [entry] = june(planned, now=local("10 09:00")).entries
    assert parts(entry) == [(60, False, "still to come"), (60, True, "downtime")]


def test_a_month_that_has_not_begun() -> None:
    found = june(
        down("10 08:00", "10 10:00"), down("11 08:00", None), now=local("01 00:00") - minutes(1)
    )
    assert (found.down, found.passed, found.until) == (minutes(0), minutes(0), found.from_at)
    assert [entry.counted for entry in found.entries] == [minutes(0), minutes(0)]


# -- scheduled maintenance ------------------------------------------------------------------------


def test_maintenance_after_business_hours_is_no_downtime() -> None:
    found = june(down("10 22:00", "11 02:00", kind="Maintenance"))
    assert (found.down, found.inside_windows, found.outside_windows) == (
        minutes(0), minutes(240), minutes(0),
    )  # fmt: skip
    assert parts(found.entries[0]) == [(240, False, "scheduled maintenance inside its windows")]


def test_maintenance_in_business_hours_is_downtime() -> None:
    found = june(down("10 20:00", "10 22:00", kind="maintenance"))
    assert (found.down, found.inside_windows, found.outside_windows) == (minutes(60),) * 3
    assert found.entries[0].outside_windows == minutes(60)
    assert parts(found.entries[0]) == [
        (60, False, "scheduled maintenance inside its windows"),
        (60, True, "downtime: scheduled maintenance outside its windows"),
    ]


def test_maintenance_at_night_and_at_weekends_where_the_service_is_up_around_the_clock() -> None:
    """Bitumio 2.2: 00:00 to 08:00 in New York, and Saturday 13 June 2026."""
    friday = down("11 22:00", "12 08:00", kind="Maintenance")
    saturday = down("13 10:00", "13 12:00", "OPS-2", kind="Maintenance")
    found = june(friday, saturday, terms=bitumio())
    assert (found.down, found.inside_windows, found.outside_windows) == (
        minutes(120), minutes(480 + 120), minutes(120),
    )  # fmt: skip


def test_an_outage_during_maintenance_is_an_outage() -> None:
    maintenance = down("13 10:00", "13 12:00", kind="Maintenance")
    found = june(maintenance, down("13 11:00", "13 13:00", "OPS-2"), terms=bitumio())
    assert found.down == minutes(120)


def test_maintenance_that_affects_others_is_not_the_customers() -> None:
    found = june(down("10 20:00", "10 22:00", kind="Maintenance", customers=("Duff",)))
    assert (found.inside_windows, found.outside_windows) == (minutes(0), minutes(0))
    assert found.entries[0].outside_windows == minutes(0)


def test_overlapping_maintenance_is_measured_once() -> None:
    entries = [down("10 20:00", "10 22:00", source, kind="Maintenance") for source in ("A", "B")]
    found = june(*entries)
    assert (found.inside_windows, found.outside_windows) == (minutes(60), minutes(60))


# -- months ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("month", "zone", "hours"),
    [
        ((2026, 6), CHICAGO, 30 * 24),
        ((2026, 3), CHICAGO, 31 * 24 - 1),
        ((2026, 11), CHICAGO, 30 * 24 + 1),
        ((2028, 2), CHICAGO, 29 * 24),
        ((2026, 12), "Europe/Berlin", 31 * 24),
        ((2024, 4), "Australia/Lord_Howe", 30 * 24 + Fraction(1, 2)),
        ((2005, 4), "Asia/Amman", 30 * 24 - 1),  # at midnight, as the month begins
    ],
)
def test_a_month_is_as_long_as_it_really_is(
    month: tuple[int, int], zone: str, hours: Fraction
) -> None:
    from_at, to_at = month_of(*month, zone)
    assert Fraction((to_at - from_at) // timedelta(microseconds=1)) == hours * 3_600_000_000
    assert from_at.tzinfo is to_at.tzinfo is UTC


def test_a_month_whose_first_midnight_is_skipped_begins_at_the_change() -> None:
    """On 1 April 2005 the clocks of Amman went from 00:00 to 01:00."""
    from_at, _ = month_of(2005, 4, "Asia/Amman")
    assert from_at == datetime(2005, 3, 31, 22, tzinfo=UTC)


@pytest.mark.parametrize(("month", "all_minutes"), [((2026, 3), 44_580), ((2026, 11), 43_260)])
def test_a_change_of_the_clocks_at_night_lengthens_all_minutes_but_no_business_ones(
    month: tuple[int, int], all_minutes: int
) -> None:
    days = 31 if month[1] == 3 else 30
    business, every = (
        uptime(balto(basis=basis), [], month, "Acme", LATER) for basis in ("business", "all")
    )
    assert (business.total, every.total) == (minutes(900 * days), minutes(all_minutes))


def test_downtime_over_a_change_of_the_clocks_is_real_time() -> None:
    night = Downtime(
        "OPS-1",
        datetime.fromisoformat("2026-11-01T00:00-05:00"),
        datetime.fromisoformat("2026-11-01T06:00-06:00"),
    )
    found = uptime(balto(calendar=ALWAYS, maintenance=None), [night], (2026, 11), None, LATER)
    assert found.down == minutes(7 * 60)


@pytest.mark.parametrize("month", [0, 13, -1])
def test_no_such_month(month: int) -> None:
    with pytest.raises(CalendarError, match=r"is no month; expected 1 \(January\)"):
        month_of(2026, month, CHICAGO)


@pytest.mark.parametrize("year", [0, 1969, 2201, 99_999])
def test_no_such_year(year: int) -> None:
    with pytest.raises(OutOfRange, match="from 1970 to 2200"):
        month_of(year, 1, CHICAGO)


def test_no_such_zone() -> None:
    with pytest.raises(CalendarError, match="no time zone"):
        month_of(2026, 1, "Mars/Olympus")


# -- what makes no sense --------------------------------------------------------------------------


def test_restored_before_it_was_confirmed() -> None:
    with pytest.raises(DowntimeError) as raised:
        down("10 09:00", "10 08:00")
    assert str(raised.value) == (
        "OPS-1: restored at 2026-06-10 13:00:00 UTC, before it was confirmed at 2026-06-10 "
        "14:00:00 UTC; correct one of the two instants"
    )


@pytest.mark.parametrize("which", ["confirmed_at", "restored_at"])
@pytest.mark.parametrize(
    ("at", "what"),
    [
        (datetime(2026, 6, 10), "has no time zone"),  # noqa: DTZ001
        (datetime(1969, 6, 10, tzinfo=UTC), "before 1970"),
        (datetime.max.replace(tzinfo=UTC), "after 2200"),
    ],
)
def test_an_instant_that_is_none(which: str, at: datetime, what: str) -> None:
    instants = {"confirmed_at": local("10 09:00"), "restored_at": None} | {which: at}
    with pytest.raises(DowntimeError, match=f"^OPS-1: {which}: .*{what}"):
        Downtime("OPS-1", **instants)  # type: ignore[arg-type]


def test_instants_are_kept_in_utc() -> None:
    entry = down("10 09:00", "10 10:00")
    assert entry.confirmed_at.tzinfo is UTC
    assert entry.restored_at == datetime(2026, 6, 10, 15, tzinfo=UTC)


def test_now_needs_a_zone() -> None:
    with pytest.raises(NaiveInstant):
        june(now=datetime(2026, 6, 10))  # noqa: DTZ001


CREDIT = Credit("Service Credits", Decimal(10), Decimal(30))


@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"commitment": Decimal(0)}, "commitment 0 is no percentage above 0 up to 100"),
        ({"commitment": Decimal("100.1")}, "commitment 100.1 is no percentage"),
        ({"commitment": Decimal("NaN")}, "commitment NaN is no percentage"),
        ({"commitment": None, "credit": CREDIT}, "a credit needs a commitment"),
        ({"basis": "weekly"}, "basis 'weekly' is neither business nor all"),
        ({"excluded": {"MAINTENANCE": "why"}}, "'Maintenance' is both excluded and scheduled"),
    ],
)
def test_terms_that_make_no_sense(changes: dict[str, Any], what: str) -> None:
    with pytest.raises(AvailabilityError, match=f"availability 'Uptime Commitment': .*{what}"):
        balto(**changes)


@pytest.mark.parametrize(
    ("multiple", "cap", "what"),
    [
        ("0", "30", "multiple 0 is not above 0"),
        ("Infinity", "30", "multiple Infinity is not above 0"),
        ("10", "-1", "cap -1 is no percentage"),
        ("10", "101", "cap 101 is no percentage"),
    ],
)
def test_credits_that_make_no_sense(multiple: str, cap: str, what: str) -> None:
    with pytest.raises(AvailabilityError, match=f"credit '1': {what}"):
        Credit("1", Decimal(multiple), Decimal(cap))


# -- laws -----------------------------------------------------------------------------------------

KINDS = [None, "Pilot", "Maintenance", "Other"]
CUSTOMERS = [(), ("Acme",), ("Duff",), ("Acme", "Duff")]


@st.composite
def downtimes(draw: st.DrawFn, month: tuple[int, int] = JUNE) -> Downtime:
    """Whole minutes, from a day before the month to a day after it; some still go on."""
    from_at, to_at = month_of(*month, CHICAGO)
    first, last = minute_of(from_at) - 1_440, minute_of(to_at) + 1_440
    begins = draw(st.integers(first, last))
    ends = draw(st.none() | st.integers(begins, min(begins + 3_000, last)))
    return Downtime(
        f"OPS-{draw(st.integers(1, 99))}",
        instant_of(begins),
        None if ends is None else instant_of(ends),
        draw(st.sampled_from(KINDS)),
        draw(st.sampled_from(CUSTOMERS)),
    )


ledgers = st.lists(downtimes(), max_size=5)
terms_of_some = st.sampled_from([balto(), balto(basis="all"), balto(calendar=ALWAYS), bitumio()])
nows = st.integers(-3_000, 46_000).map(lambda minute: local("01 00:00") + minutes(minute))


def totals(found: Uptime) -> tuple[object, ...]:
    return found.total, found.down, found.percent, found.inside_windows, found.outside_windows


@law
@given(
    terms_of_some,
    ledgers.flatmap(lambda each: st.tuples(st.just(each), st.permutations(each))),
    nows,
)
def test_the_order_of_entries_changes_nothing(
    terms: Availability, orders: tuple[list[Downtime], list[Downtime]], now: datetime
) -> None:
    one, other = (june(*order, terms=terms, now=now) for order in orders)
    assert one == other


@law
@given(terms_of_some, ledgers, downtimes(), st.fractions(0, 1, max_denominator=100), nows)
def test_splitting_an_entry_changes_no_total(
    terms: Availability, others: list[Downtime], whole: Downtime, share: Fraction, now: datetime
) -> None:
    ends = whole.restored_at or max(now, whole.confirmed_at)
    at = whole.confirmed_at + (ends - whole.confirmed_at) * share.numerator / share.denominator
    halves = [
        Downtime("A", whole.confirmed_at, at, whole.kind, whole.customers),
        Downtime("B", at, whole.restored_at, whole.kind, whole.customers),
    ]
    unsplit = june(*others, whole, terms=terms, now=now)
    assert totals(june(*others, *halves, terms=terms, now=now)) == totals(unsplit)


@law
@given(terms_of_some, ledgers, nows)
def test_every_minute_of_an_entry_has_its_reason(
    terms: Availability, ledger: list[Downtime], now: datetime
) -> None:
    found = june(*ledger, terms=terms, now=now)
    for entry in found.entries:
        begins, ends = entry.downtime.confirmed_at, entry.downtime.restored_at or now
        wall = max(ends - begins, timedelta())
        assert sum((part.length for part in entry.parts), timedelta()) == wall
        assert entry.counted <= wall
    assert sum((entry.counted for entry in found.entries), timedelta()) == found.down
    assert found.down <= found.passed <= found.total


@law
@given(terms_of_some, ledgers, downtimes(), nows, st.integers(0, 5_000))
def test_more_entries_and_more_time_never_make_it_less(
    terms: Availability, ledger: list[Downtime], more: Downtime, now: datetime, later: int
) -> None:
    found = june(*ledger, terms=terms, now=now)
    assert june(*ledger, more, terms=terms, now=now).down >= found.down
    assert june(*ledger, terms=terms, now=now + minutes(later)).down >= found.down


@cache
def open_minutes(month: tuple[int, int], calendar: str) -> frozenset[int]:
    """The minutes of a month in Chicago in which a calendar is open, one by one."""
    reference = MinuteReference({"business": BUSINESS, "nights": NIGHTS}[calendar])
    first, last = map(minute_of, month_of(*month, CHICAGO))
    return frozenset(minute for minute in range(first, last) if reference.is_open(minute))


def counted_one_by_one(
    month: tuple[int, int], ledger: Sequence[Downtime], now: datetime
) -> set[int]:
    found: set[int] = set()
    for each in ledger:
        if each.kind == "Pilot" or (each.customers and "Acme" not in each.customers):
            continue
        ends = min(each.restored_at or now, now)
        reported = set(range(minute_of(each.confirmed_at), minute_of(ends)))
        if each.kind == "Maintenance":
            reported -= open_minutes(month, "nights")
        found |= reported & open_minutes(month, "business")
    return found


@settings(law, max_examples=40)
@given(
    st.sampled_from([JUNE, (2026, 3), (2026, 11)]).flatmap(
        lambda month: st.tuples(st.just(month), st.lists(downtimes(month), max_size=5))
    ),
    st.integers(-60, 46_000),
)
def test_it_agrees_with_a_count_of_single_minutes(
    case: tuple[tuple[int, int], list[Downtime]], passed: int
) -> None:
    month, ledger = case
    now = month_of(*month, CHICAGO)[0] + minutes(passed)
    found = uptime(balto(), ledger, month, "Acme", now)
    assert found.total == minutes(len(open_minutes(month, "business")))
    assert found.down == minutes(len(counted_one_by_one(month, ledger, now)))


# -- reading issues -------------------------------------------------------------------------------

FIELDS = DowntimeFields("Downtime")
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


def issue(*later: Event, **values: FieldValue) -> Timeline:
    shown: dict[str, FieldValue] = {
        "issuetype": "Downtime",
        "Confirmed at": "2026-06-10T08:00:00.000-0500",
        **{name.replace("_", " "): value for name, value in values.items()},
    }
    return Timeline.of([Created(NOON), Seen(NOON, shown, "jira:issue_created"), *later])


def read(*timelines: Timeline, now: datetime = LATER) -> tuple[list[Downtime], list[str]]:
    named = [(f"OPS-{number}", timeline) for number, timeline in enumerate(timelines, 1)]
    found = downtimes_of(named, FIELDS, now)
    return list(found.downtimes), list(found.problems)


def test_an_issue_that_reports_downtime() -> None:
    timeline = issue(
        Restored_at="2026-06-10T09:30:00-05:00",
        Downtime_kind="Pilot",
        Affected_customers=("Acme", "Duff"),
    )
    [found], problems = read(timeline)
    assert found == down("10 08:00", "10 09:30", kind="Pilot", customers=("Acme", "Duff"))
    assert problems == []


def test_empty_fields_mean_still_down_for_everybody() -> None:
    [found], _ = read(issue(Restored_at=None, Downtime_kind="", Affected_customers=()))
    assert found == down("10 08:00", None)


def test_fields_are_read_as_they_stand_now() -> None:
    at = NOON + timedelta(hours=3)
    timeline = issue(Changed(at, "7", "Restored at", None, "2026-06-10T09:30:00-05:00"))
    assert read(timeline)[0] == [down("10 08:00", "10 09:30")]
    assert read(timeline, now=at - minutes(1))[0] == [down("10 08:00", None)]


def test_issues_of_other_types_and_deleted_ones_report_nothing() -> None:
    deleted = issue(Deleted(NOON + minutes(1)), Confirmed_at="nonsense")
    assert read(issue(issuetype="Bug"), issue(issuetype=None), deleted) == ([], [])
    assert len(read(issue(issuetype="downtime"))[0]) == 1


def test_an_issue_reports_until_it_is_deleted() -> None:
    deleted = issue(Deleted(NOON + minutes(1)))
    assert len(read(deleted, now=NOON)[0]) == 1
    assert read(deleted, now=NOON + minutes(1)) == ([], [])


@pytest.mark.parametrize("text", ["yesterday", "2026-06-10", "2026-06-10T09:30:00"])
@pytest.mark.parametrize("name", ["Confirmed at", "Restored at"])
def test_an_instant_that_cannot_be_read_is_a_problem(name: str, text: str) -> None:
    found, [problem] = read(issue(**{name: text}), issue())
    assert [each.source for each in found] == ["OPS-2"]
    assert problem == (
        f"OPS-1: {name}: {text!r} is not an instant; expected ISO 8601 with an offset, such as "
        "2026-10-10T14:05:00-05:00"
    )


def test_an_issue_that_was_not_confirmed_is_a_problem_to_look_at() -> None:
    found, [problem] = read(issue(Confirmed_at=None))
    assert found == []
    assert problem.startswith("OPS-1: Confirmed at: is empty, so it is not counted; expected an")


def test_an_issue_that_contradicts_itself_is_a_problem() -> None:
    _, [problem] = read(issue(Restored_at="2026-06-10T07:00:00-05:00"))
    assert problem.startswith("OPS-1: restored at 2026-06-10 12:00:00 UTC, before it was confirmed")
    _, [problem] = read(issue(Downtime_kind=("Pilot", "Other")))
    assert problem == "OPS-1: Downtime kind: expected one kind, not Pilot, Other"
