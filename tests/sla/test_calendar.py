"""Each rule of the calendar at its boundary, in literal instants."""

from __future__ import annotations

import copy
import pickle
import random
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from importlib.resources import files
from unittest.mock import Mock, patch
from zoneinfo import ZoneInfo, available_timezones

import dateutil.tz
import pytest

from sla.calendar import Calendar, HolidayMode, Opening, Step, WallTime
from sla.errors import CalendarError, NaiveInstant, NeverOpens, OutOfRange, SlaError
from sla.weekly_spans import Week
from tests.sla.span_reference import SpanReference

H = timedelta(hours=1)
NEW_YORK = "America/New_York"


def hours(*pairs: str) -> tuple[Opening, ...]:
    """`hours("09:00-12:00", "05:00 America/Los_Angeles-20:00 America/New_York")`."""
    ends = (pair.split("-", 1) for pair in pairs)
    return tuple(Opening(WallTime.parse(opens), WallTime.parse(closes)) for opens, closes in ends)


def weekdays(*pairs: str) -> dict[int, tuple[Opening, ...]]:
    return dict.fromkeys(range(5), hours(*pairs))


def every_day(*pairs: str) -> dict[int, tuple[Opening, ...]]:
    return dict.fromkeys(range(7), hours(*pairs))


def calendar(
    weekly: dict[int, tuple[Opening, ...]],
    zone: str = "UTC",
    holidays: tuple[str, ...] = (),
    extra_days: dict[str, tuple[Opening, ...]] | None = None,
    holiday_mode: HolidayMode = "civil",
) -> Calendar:
    return Calendar(
        "test",
        zone,
        weekly,
        {date.fromisoformat(day): f"Holiday {day}" for day in holidays},
        {date.fromisoformat(day): openings for day, openings in (extra_days or {}).items()},
        holiday_mode,
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def local(text: str, zone: str = NEW_YORK, fold: int = 0) -> datetime:
    # As UTC, since Python calls no instant of another zone equal to one in a repeated hour.
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


def open_on(cal: Calendar, day: str) -> list[str]:
    """The open spans within a local day, in local time."""
    start = local(f"{day}T00:00", cal.time_zone)
    end = local(f"{date.fromisoformat(day) + timedelta(days=1)}T00:00", cal.time_zone)
    zone = ZoneInfo(cal.time_zone)
    return [
        f"{from_at.astimezone(zone):%d %H:%M}-{to_at.astimezone(zone):%d %H:%M}"
        for from_at, to_at in cal.open_intervals(start, end)
    ]


@pytest.fixture
def built() -> Iterator[Mock]:
    """Counts the tables that calendars build."""
    with patch.object(Calendar, "_build", autospec=True, side_effect=Calendar._build) as counted:
        yield counted


OFFICE = calendar(weekdays("09:00-17:00"))  # 1 January 2024 was a Monday


class TestHalfOpen:
    def test_open_at_the_opening_and_closed_at_the_closing_instant(self) -> None:
        assert not OFFICE.is_open(utc("2024-01-02T08:59:59.999999"))
        assert OFFICE.is_open(utc("2024-01-02T09:00"))
        assert OFFICE.is_open(utc("2024-01-02T16:59:59.999999"))
        assert not OFFICE.is_open(utc("2024-01-02T17:00"))

    def test_openings_that_touch_are_one(self) -> None:
        cal = calendar(weekdays("09:00-12:00", "12:00-17:00"))
        assert open_on(cal, "2024-01-02") == ["02 09:00-02 17:00"]

    def test_openings_that_overlap_count_once(self) -> None:
        cal = calendar(weekdays("09:00-15:00", "12:00-17:00"))
        assert cal.elapsed(utc("2024-01-02T00:00"), utc("2024-01-03T00:00")) == 8 * H

    def test_a_lunch_break_does_not_count(self) -> None:
        cal = calendar(weekdays("13:00-17:00", "09:00-12:00"))
        assert cal.due(utc("2024-01-02T11:00"), 2 * H) == utc("2024-01-02T14:00")

    def test_nothing_lies_between_an_instant_and_itself(self) -> None:
        at = utc("2024-01-02T10:00")
        assert OFFICE.open_intervals(at, at) == ()
        assert OFFICE.elapsed(at, at) == timedelta(0)


class TestDayEnds:
    def test_24_00_is_midnight_and_touches_the_next_day(self) -> None:
        cal = calendar(every_day("00:00-24:00"))
        assert cal.due(utc("2024-01-02T12:00"), 24 * H) == utc("2024-01-03T12:00")

    def test_23_59_is_a_minute_before_midnight(self) -> None:
        cal = calendar(every_day("00:00-23:59"))
        assert not cal.is_open(utc("2024-01-02T23:59"))
        assert cal.due(utc("2024-01-02T12:00"), 24 * H) == utc("2024-01-03T12:01")

    def test_a_closing_before_the_opening_is_the_next_days(self) -> None:
        cal = calendar({0: hours("22:00-06:00")})
        assert open_on(cal, "2024-01-01") == ["01 22:00-02 00:00"]
        assert open_on(cal, "2024-01-02") == ["02 00:00-02 06:00"]

    def test_the_same_time_twice_is_a_whole_day(self) -> None:
        cal = calendar({0: hours("09:00-09:00")})
        assert cal.elapsed(utc("2024-01-01T00:00"), utc("2024-01-03T00:00")) == 24 * H

    def test_00_00_closes_like_24_00(self) -> None:
        assert open_on(calendar({0: hours("09:00-00:00")}), "2024-01-01") == ["01 09:00-02 00:00"]
        assert open_on(calendar({0: hours("09:00-24:00")}), "2024-01-01") == ["01 09:00-02 00:00"]

    def test_a_night_shift_belongs_to_the_day_it_starts_on(self) -> None:
        cal = calendar({4: hours("22:00-06:00")})  # Friday's, though most of it is on Saturday
        assert cal.is_open(utc("2024-01-06T03:00"))
        assert cal.is_business_day(date(2024, 1, 5))
        assert not cal.is_business_day(date(2024, 1, 6))


class TestTwoZones:
    COASTS = calendar(
        weekdays("05:00 America/Los_Angeles-20:00 America/New_York"), zone="America/Chicago"
    )

    def test_both_ends_belong_to_the_same_date(self) -> None:
        # 05:00 in Los Angeles is 08:00 in New York: 12 hours, not 15.
        assert open_on(self.COASTS, "2024-01-02") == ["02 07:00-02 19:00"]
        assert self.COASTS.regular_day == 12 * H

    def test_a_closing_that_is_not_after_the_opening_is_the_next_dates(self) -> None:
        cal = calendar({0: hours("20:00 America/Los_Angeles-22:00 America/New_York")}, NEW_YORK)
        # 20:00 in Los Angeles is 23:00 in New York, an hour after 22:00.
        assert open_on(cal, "2024-01-01") == ["01 23:00-02 00:00"]
        assert open_on(cal, "2024-01-02") == ["02 00:00-02 22:00"]
        assert cal.regular_day == 23 * H

    def test_the_same_instant_in_two_zones_is_a_whole_day(self) -> None:
        cal = calendar({0: hours("09:00 America/Los_Angeles-12:00 America/New_York")}, NEW_YORK)
        assert cal.elapsed(local("2024-01-01T00:00"), local("2024-01-04T00:00")) == 24 * H

    def test_an_end_in_the_calendars_own_zone_is_no_second_zone(self) -> None:
        cal = calendar({0: hours(f"22:00-06:00 {NEW_YORK}")}, NEW_YORK)
        assert open_on(cal, "2024-01-01") == ["01 22:00-02 00:00"]

    def test_across_the_date_line(self) -> None:
        cal = calendar({0: hours("23:00 Pacific/Honolulu-01:00 Pacific/Kiritimati")})
        # Opens Tuesday 09:00 UTC; Monday's, Tuesday's 01:00 on Kiritimati are past by then.
        assert cal.open_intervals(utc("2024-01-01T00:00"), utc("2024-01-06T00:00")) == (
            (utc("2024-01-02T09:00"), utc("2024-01-02T11:00")),
        )


class TestClockChanges:
    NIGHTS = calendar(every_day("00:00-08:00"), NEW_YORK)

    @pytest.mark.parametrize(
        ("day", "length"), [("2024-03-09", 8), ("2024-03-10", 7), ("2024-11-03", 9)]
    )
    def test_lengths_are_real(self, day: str, length: int) -> None:
        start = local(f"{day}T00:00")
        assert self.NIGHTS.elapsed(start, local(f"{day}T12:00")) == length * H
        assert self.NIGHTS.due(start, length * H) == local(f"{day}T08:00")

    def test_lord_howe_changes_by_half_an_hour(self) -> None:
        cal = calendar(every_day("00:00-08:00"), "Australia/Lord_Howe")
        for day, length in (("2024-10-06", 7.5), ("2024-04-07", 8.5)):
            noon = local(f"{day}T12:00", cal.time_zone)
            assert cal.elapsed(local(f"{day}T00:00", cal.time_zone), noon) == length * H

    def test_a_missing_opening_time_is_read_with_the_offset_before(self) -> None:
        cal = calendar(every_day("02:30-08:00"), NEW_YORK)
        assert open_on(cal, "2024-03-10") == ["10 03:30-10 08:00"]

    def test_a_missing_closing_time_likewise(self) -> None:
        cal = calendar(every_day("01:00-02:30"), NEW_YORK)
        assert open_on(cal, "2024-03-10") == ["10 01:00-10 03:30"]
        start = local("2024-03-10T00:00")
        assert cal.elapsed(start, local("2024-03-10T12:00")) == 1.5 * H

    def test_an_opening_that_the_gap_swallows_is_empty_that_day(self) -> None:
        cal = calendar(every_day("02:30-03:00"), NEW_YORK)
        assert open_on(cal, "2024-03-09") == ["09 02:30-09 03:00"]
        assert open_on(cal, "2024-03-10") == []
        assert not cal.is_business_day(date(2024, 3, 10))

    def test_a_time_that_happens_twice_is_the_first(self) -> None:
        cal = calendar(every_day("01:30-08:00"), NEW_YORK)
        assert cal.next_opening(local("2024-11-03T00:00")) == local("2024-11-03T01:30", fold=0)
        closing = calendar(every_day("00:00-01:30"), NEW_YORK)
        start = local("2024-11-03T00:00")
        assert closing.due(start, 1.5 * H) == local("2024-11-03T01:30", fold=0)
        assert not closing.is_open(local("2024-11-03T01:00", fold=1))

    def test_a_day_that_begins_at_one_in_the_morning(self) -> None:
        # Sao Paulo's clocks went from 23:59 to 01:00 on 4 November 2018.
        cal = calendar(every_day("00:00-08:00"), "America/Sao_Paulo")
        assert open_on(cal, "2018-11-04") == ["04 01:00-04 08:00"]

    def test_a_holiday_is_as_long_as_its_day(self) -> None:
        cal = calendar(every_day("00:00-24:00"), NEW_YORK, holidays=("2024-03-10", "2024-11-03"))
        for day, length in (("2024-03-10", 23), ("2024-11-03", 25)):
            start = local(f"{day}T00:00")
            assert cal.next_opening(start) - start == length * H

    def test_always_open_is_real_time(self) -> None:
        cal = Calendar("always", NEW_YORK, always_open=True)
        assert cal.due(local("2024-03-09T12:00"), 24 * H) == local("2024-03-10T13:00")


class TestHolidays:
    NIGHTS = every_day("22:00-06:00")

    def test_civil_closes_the_local_day_whatever_runs_into_it(self) -> None:
        cal = calendar(self.NIGHTS, NEW_YORK, holidays=("2024-07-04",))
        assert open_on(cal, "2024-07-03") == ["03 00:00-03 06:00", "03 22:00-04 00:00"]
        assert open_on(cal, "2024-07-04") == []
        assert open_on(cal, "2024-07-05") == ["05 00:00-05 06:00", "05 22:00-06 00:00"]

    def test_start_day_drops_the_shifts_that_start_on_it(self) -> None:
        cal = calendar(self.NIGHTS, NEW_YORK, ("2024-07-04",), holiday_mode="start_day")
        assert open_on(cal, "2024-07-04") == ["04 00:00-04 06:00"]
        assert open_on(cal, "2024-07-05") == ["05 22:00-06 00:00"]

    def test_the_local_day_counts_not_utcs(self) -> None:
        cal = calendar(every_day("00:00-24:00"), "Asia/Tokyo", holidays=("2024-01-08",))
        assert cal.is_open(utc("2024-01-07T14:59"))
        assert not cal.is_open(utc("2024-01-07T15:00"))
        assert cal.next_opening(utc("2024-01-07T15:00")) == utc("2024-01-08T15:00")

    def test_extra_days_win_over_a_holiday(self) -> None:
        extra = {"2024-07-04": hours("10:00-12:00")}
        cal = calendar(weekdays("09:00-17:00"), NEW_YORK, ("2024-07-04",), extra)
        assert open_on(cal, "2024-07-04") == ["04 10:00-04 12:00"]
        assert cal.is_business_day(date(2024, 7, 4))

    def test_an_extra_day_is_no_holiday_for_the_shift_before_either(self) -> None:
        extra = {"2024-07-04": hours("10:00-12:00")}
        cal = calendar(self.NIGHTS, NEW_YORK, ("2024-07-04",), extra)
        assert open_on(cal, "2024-07-04") == ["04 00:00-04 06:00", "04 10:00-04 12:00"]

    def test_extra_days_replace_what_starts_on_a_date(self) -> None:
        cal = calendar(self.NIGHTS, extra_days={"2024-01-03": hours("09:00-10:00")})
        assert open_on(cal, "2024-01-03") == ["03 00:00-03 06:00", "03 09:00-03 10:00"]
        assert open_on(cal, "2024-01-04") == ["04 22:00-05 00:00"]

    def test_an_extra_day_without_openings_is_closed(self) -> None:
        cal = calendar(weekdays("09:00-17:00"), extra_days={"2024-01-03": ()})
        assert open_on(cal, "2024-01-03") == []
        assert not cal.is_business_day(date(2024, 1, 3))

    def test_an_extra_day_that_runs_into_a_holiday_ends_at_midnight(self) -> None:
        extra = {"2024-07-03": hours("20:00-04:00")}
        cal = calendar(weekdays("09:00-17:00"), NEW_YORK, ("2024-07-04",), extra)
        assert cal.due(local("2024-07-03T20:00"), 4 * H) == local("2024-07-04T00:00")
        assert cal.due(local("2024-07-03T20:00"), 5 * H) == local("2024-07-05T10:00")

    @pytest.mark.parametrize(
        ("zone", "skipped"), [("Pacific/Apia", "2011-12-30"), ("Pacific/Kwajalein", "1993-08-21")]
    )
    def test_a_holiday_on_a_date_that_was_skipped_holds_no_time(
        self, zone: str, skipped: str
    ) -> None:
        """Where the date line was moved, a whole day is missing."""
        midnight = utc(f"{skipped}T00:00")
        week = midnight - 72 * H, midnight + 72 * H
        for openings in (every_day("00:00-24:00"), every_day("22:00-06:00")):
            cal = calendar(openings, zone, holidays=(skipped,))
            plain = calendar(openings, zone)
            assert cal.open_intervals(*week) == plain.open_intervals(*week)
            assert cal.trace(week[0], 30 * H) == plain.trace(week[0], 30 * H)
        assert len(calendar(every_day("00:00-24:00"), zone, (skipped,)).open_intervals(*week)) == 1

    def test_a_night_shift_runs_over_a_skipped_holiday(self) -> None:
        cal = calendar(every_day("22:00-06:00"), "Pacific/Apia", holidays=("2011-12-30",))
        # Local midnight of the 29th is that of the 31st: 10:00 UTC on the 30th.
        assert cal.due(utc("2011-12-30T08:00"), 8 * H) == utc("2011-12-30T16:00")
        night = (utc("2011-12-30T08:00"), utc("2011-12-30T16:00"))
        assert night in cal.open_intervals(utc("2011-12-29T00:00"), utc("2012-01-02T00:00"))

    @pytest.mark.parametrize(
        "zone",
        [NEW_YORK, "America/Havana", "Africa/Cairo", "America/Sao_Paulo", "Pacific/Apia"],
    )
    @pytest.mark.parametrize("mode", ["civil", "start_day"])
    def test_holidays_around_changes_of_the_clocks_close_what_the_rules_say(
        self, zone: str, mode: HolidayMode
    ) -> None:
        """Each day is a holiday once; some of the clocks change at midnight."""
        years = datetime(2011, 1, 1, tzinfo=UTC), datetime(2012, 1, 15, tzinfo=UTC)
        for opens in ("00:00-24:00", "00:00-01:00", "23:15-24:00", "09:00-17:00", "20:00-04:00"):
            for nth in range(5):
                days = range(years[0].toordinal() + nth, years[1].toordinal(), 5)
                holidays = tuple(f"{date.fromordinal(day)}" for day in days)
                cal = calendar(every_day(opens), zone, holidays, holiday_mode=mode)
                assert list(cal.open_intervals(*years)) == SpanReference(cal, *years).spans

    def test_always_open_knows_no_holidays(self) -> None:
        cal = Calendar("always", "UTC", holidays={date(2024, 1, 3): "X"}, always_open=True)
        assert cal.is_open(utc("2024-01-03T12:00"))
        assert cal.is_business_day(date(2024, 1, 3))


class TestDue:
    def test_used_up_at_closing_is_due_at_closing(self) -> None:
        assert OFFICE.due(utc("2024-01-02T10:00"), 7 * H) == utc("2024-01-02T17:00")
        later = 7 * H + timedelta(microseconds=1)
        assert OFFICE.due(utc("2024-01-02T10:00"), later) == utc("2024-01-03T09:00:00.000001")

    def test_over_a_weekend(self) -> None:
        assert OFFICE.due(utc("2024-01-05T16:00"), 2 * H) == utc("2024-01-08T10:00")

    def test_zero_is_now_when_open_else_the_next_opening(self) -> None:
        zero = timedelta(0)
        assert OFFICE.due(utc("2024-01-02T10:00"), zero) == utc("2024-01-02T10:00")
        assert OFFICE.due(utc("2024-01-02T17:00"), zero) == utc("2024-01-03T09:00")

    def test_zero_while_paused_is_the_first_open_instant_after(self) -> None:
        pauses = [
            (utc("2024-01-02T09:30"), utc("2024-01-02T17:00")),
            (utc("2024-01-03T08:00"), utc("2024-01-03T09:15")),
        ]
        start = utc("2024-01-02T10:00")
        assert OFFICE.due(start, timedelta(0), pauses) == utc("2024-01-03T09:15")

    def test_negative_amounts_mirror(self) -> None:
        assert OFFICE.due(utc("2024-01-03T10:00"), -H) == utc("2024-01-03T09:00")
        assert OFFICE.due(utc("2024-01-03T10:00"), -2 * H) == utc("2024-01-02T16:00")
        assert OFFICE.due(utc("2024-01-06T12:00"), -H) == utc("2024-01-05T16:00")

    def test_elapsed_is_signed(self) -> None:
        early, late = utc("2024-01-02T10:00"), utc("2024-01-03T10:00")
        assert OFFICE.elapsed(early, late) == 8 * H
        assert OFFICE.elapsed(late, early) == -8 * H

    def test_any_zone_in_utc_out(self) -> None:
        due = OFFICE.due(datetime(2024, 1, 2, 15, 30, tzinfo=timezone(timedelta(hours=5.5))), H)
        assert due == utc("2024-01-02T11:00")
        assert due.tzinfo is UTC


class TestPauses:
    START = utc("2024-01-02T10:00")

    def test_a_pause_outside_hours_costs_nothing(self) -> None:
        pauses = [(utc("2024-01-02T17:00"), utc("2024-01-03T09:00"))]
        assert OFFICE.due(self.START, 10 * H, pauses) == OFFICE.due(self.START, 10 * H)

    def test_a_pause_that_starts_at_the_due_instant_does_not_move_it(self) -> None:
        due = utc("2024-01-02T12:00")
        assert OFFICE.due(self.START, 2 * H, [(due, utc("2024-01-02T15:00"))]) == due

    def test_a_pause_that_starts_just_before_does(self) -> None:
        pauses = [(utc("2024-01-02T11:59"), utc("2024-01-02T15:00"))]
        assert OFFICE.due(self.START, 2 * H, pauses) == utc("2024-01-02T15:01")

    def test_unsorted_overlapping_and_empty_pauses(self) -> None:
        pauses = [
            (utc("2024-01-02T13:00"), utc("2024-01-02T14:00")),
            (utc("2024-01-02T10:30"), utc("2024-01-02T11:30")),
            (utc("2024-01-02T11:00"), utc("2024-01-02T12:00")),
            (utc("2024-01-02T10:15"), utc("2024-01-02T10:15")),
        ]
        assert OFFICE.due(self.START, 2 * H, pauses) == utc("2024-01-02T14:30")
        assert OFFICE.elapsed(self.START, utc("2024-01-02T15:00"), pauses) == 2.5 * H

    def test_a_pause_before_the_start_does_not_count(self) -> None:
        pauses = [(utc("2024-01-01T09:00"), utc("2024-01-02T10:00"))]
        assert OFFICE.due(self.START, H, pauses) == utc("2024-01-02T11:00")

    def test_backwards(self) -> None:
        pauses = [(utc("2024-01-02T09:30"), utc("2024-01-02T10:30"))]
        assert OFFICE.due(utc("2024-01-02T11:00"), -H, pauses) == utc("2024-01-02T09:00")
        assert OFFICE.due(utc("2024-01-02T11:00"), -0.5 * H, pauses) == utc("2024-01-02T10:30")

    def test_a_pause_without_an_end_needs_no_two_centuries(self) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        due = cal.due(self.START, H, [(self.START, utc("2199-01-01T00:00"))])
        assert due == utc("2199-01-01T10:00")
        assert sum((t.last - t.first for t in cal._tables), timedelta(0)) < timedelta(days=20 * 366)

    def test_a_pause_that_ends_before_it_begins_is_refused(self) -> None:
        with pytest.raises(CalendarError, match="ends before it begins"):
            OFFICE.due(self.START, H, [(utc("2024-01-03T09:00"), self.START)])


class TestRegularDay:
    def test_the_most_frequent_length(self) -> None:
        cal = calendar(weekdays("09:00-18:00") | {4: hours("09:00-15:00")})
        assert cal.regular_day == 9 * H

    def test_the_longest_of_equally_frequent_ones(self) -> None:
        assert calendar({0: hours("09:00-15:00"), 1: hours("09:00-18:00")}).regular_day == 9 * H

    def test_breaks_and_overlaps(self) -> None:
        assert calendar(weekdays("09:00-12:00", "13:00-17:00")).regular_day == 7 * H
        assert calendar(weekdays("09:00-13:00", "12:00-17:00")).regular_day == 8 * H

    def test_round_the_clock(self) -> None:
        assert calendar(every_day("00:00-24:00"), NEW_YORK).regular_day == 24 * H
        assert Calendar("always", NEW_YORK, always_open=True).regular_day == 24 * H

    def test_two_zones_by_their_standard_times(self) -> None:
        cal = calendar({0: hours("09:00 Europe/London-17:00 Australia/Sydney")}, "UTC")
        # 09:00 in London to 17:00 in Sydney (07:00 UTC) of the next day: 22 hours.
        assert cal.regular_day == 22 * H

    def test_without_weekly_hours_there_is_none(self) -> None:
        cal = calendar({}, extra_days={"2024-01-03": hours("09:00-10:00")})
        with pytest.raises(NeverOpens, match="no regular day"):
            _ = cal.regular_day


class TestOpenHours:
    def test_a_business_day_is_a_regular_day_of_open_time(self) -> None:
        assert OFFICE.business_days(utc("2024-01-05T12:00"), 1) == utc("2024-01-08T12:00")
        assert OFFICE.business_days(utc("2024-01-05T12:00"), -1) == utc("2024-01-04T12:00")

    def test_a_short_friday_takes_its_rest_from_monday(self) -> None:
        cal = calendar(weekdays("09:00-17:00") | {4: hours("09:00-13:00")})
        assert cal.business_days(utc("2024-01-05T09:00"), 1) == utc("2024-01-08T13:00")


class TestSameClock:
    def due(self, start: str, days: int, cal: Calendar = OFFICE) -> datetime:
        return cal.business_days(utc(start), days, "same_clock")

    def test_the_same_time_on_the_nth_business_day(self) -> None:
        assert self.due("2024-01-04T10:15", 3) == utc("2024-01-09T10:15")
        assert self.due("2024-01-09T10:15", -3) == utc("2024-01-04T10:15")

    def test_a_start_outside_hours_counts_from_the_next_opening(self) -> None:
        assert self.due("2024-01-06T12:00", 1) == utc("2024-01-09T09:00")
        assert self.due("2024-01-04T17:00", 1) == utc("2024-01-08T09:00")

    def test_backwards_it_counts_from_the_closing_before(self) -> None:
        assert self.due("2024-01-06T12:00", -1) == utc("2024-01-04T17:00")
        assert self.due("2024-01-05T17:00", -1) == utc("2024-01-04T17:00")

    def test_closed_at_that_time_moves_to_the_next_opening(self) -> None:
        cal = calendar(weekdays("09:00-17:00") | {4: hours("10:00-13:00")})
        assert self.due("2024-01-04T15:00", 1, cal) == utc("2024-01-08T09:00")
        assert self.due("2024-01-04T09:00", 1, cal) == utc("2024-01-05T10:00")
        assert self.due("2024-01-08T15:00", -1, cal) == utc("2024-01-05T13:00")

    def test_holidays_are_no_business_days_and_extra_days_are(self) -> None:
        extra = {"2024-01-06": hours("10:00-12:00")}
        cal = calendar(weekdays("09:00-17:00"), "UTC", ("2024-01-04",), extra)
        assert self.due("2024-01-03T11:00", 2, cal) == utc("2024-01-06T11:00")

    def test_zero_days(self) -> None:
        assert self.due("2024-01-04T10:15", 0) == utc("2024-01-04T10:15")
        assert self.due("2024-01-06T10:15", 0) == utc("2024-01-08T09:00")

    def test_the_wall_clock_counts_across_a_change(self) -> None:
        cal = calendar(every_day("00:00-24:00"), NEW_YORK)
        due = cal.business_days(local("2024-03-09T12:00"), 1, "same_clock")
        assert due == local("2024-03-10T12:00")
        missing = cal.business_days(local("2024-03-09T02:30"), 1, "same_clock")
        assert missing == local("2024-03-10T03:30")

    def test_always_open_counts_every_date(self) -> None:
        cal = Calendar("always", "UTC", always_open=True)
        assert self.due("2024-01-05T10:15", 2, cal) == utc("2024-01-07T10:15")

    def test_pauses_move_on_by_the_open_time_they_cover(self) -> None:
        start = utc("2024-01-04T10:00")
        day_off = [(utc("2024-01-04T16:00"), utc("2024-01-05T09:30"))]
        due = OFFICE.business_days(start, 1, "same_clock", day_off)
        assert due == utc("2024-01-05T11:30")  # 10:00, and the 1.5 h that the pause took
        outside = [(utc("2024-01-04T17:00"), utc("2024-01-05T09:00"))]
        assert OFFICE.business_days(start, 1, "same_clock", outside) == utc("2024-01-05T10:00")

    def test_a_pause_over_the_result_is_waited_out(self) -> None:
        pause = [(utc("2024-01-05T09:30"), utc("2024-01-05T12:00"))]
        due = OFFICE.business_days(utc("2024-01-04T10:00"), 1, "same_clock", pause)
        assert due == utc("2024-01-05T12:30")

    def test_backwards_pauses_move_further_back(self) -> None:
        pause = [(utc("2024-01-04T16:00"), utc("2024-01-05T09:30"))]
        due = OFFICE.business_days(utc("2024-01-05T10:00"), -1, "same_clock", pause)
        assert due == utc("2024-01-03T16:30")


class TestEndOfDay:
    def due(self, start: str, days: int, cal: Calendar = OFFICE) -> datetime:
        return cal.business_days(utc(start), days, "end_of_day")

    def test_the_close_of_the_nth_business_day_after_the_day_of_the_start(self) -> None:
        assert self.due("2024-01-04T10:15", 1) == utc("2024-01-05T17:00")
        assert self.due("2024-01-04T10:15", 2) == utc("2024-01-08T17:00")

    def test_the_start_is_not_moved_into_hours(self) -> None:
        assert self.due("2024-01-04T23:00", 1) == utc("2024-01-05T17:00")
        assert self.due("2024-01-06T12:00", 1) == utc("2024-01-08T17:00")

    def test_zero_is_the_close_of_the_same_day_or_of_the_next_business_day(self) -> None:
        assert self.due("2024-01-04T10:15", 0) == utc("2024-01-04T17:00")
        assert self.due("2024-01-04T23:00", 0) == utc("2024-01-04T17:00")
        assert self.due("2024-01-06T12:00", 0) == utc("2024-01-08T17:00")

    def test_the_last_opening_that_starts_on_the_day_closes_it(self) -> None:
        cal = calendar(weekdays("09:00-12:00", "22:00-06:00"))
        assert self.due("2024-01-04T10:15", 1, cal) == utc("2024-01-06T06:00")

    def test_a_holiday_cuts_the_close_of_the_day_before(self) -> None:
        cal = calendar(weekdays("22:00-06:00"), holidays=("2024-01-06",))
        assert self.due("2024-01-04T10:15", 1, cal) == utc("2024-01-06T00:00")

    def test_the_local_day_of_the_start_counts(self) -> None:
        cal = calendar(weekdays("09:00-17:00"), "Asia/Tokyo")
        due = self.due("2024-01-04T15:00", 1, cal)  # Friday 00:00 in Tokyo
        assert due == local("2024-01-08T17:00", "Asia/Tokyo")

    def test_always_open_closes_at_midnight(self) -> None:
        cal = Calendar("always", NEW_YORK, always_open=True)
        due = cal.business_days(local("2024-01-05T10:15"), 1, "end_of_day")
        assert due == local("2024-01-07T00:00")

    def test_negative_days_are_refused(self) -> None:
        with pytest.raises(CalendarError, match=r"use 0 or more"):
            self.due("2024-01-04T10:15", -1)

    def test_pauses(self) -> None:
        pause = [(utc("2024-01-04T16:00"), utc("2024-01-05T09:30"))]
        due = OFFICE.business_days(utc("2024-01-04T10:00"), 1, "end_of_day", pause)
        assert due == utc("2024-01-08T10:30")
        after = OFFICE.business_days(utc("2024-01-04T23:00"), 0, "end_of_day", pause)
        assert after == utc("2024-01-04T17:00")


def test_an_unknown_reading_is_refused() -> None:
    with pytest.raises(CalendarError, match="open_hours, same_clock or end_of_day"):
        OFFICE.business_days(utc("2024-01-04T10:15"), 1, "calendar_days")  # type: ignore[arg-type]


class TestTrace:
    CAL = Calendar(
        "support",
        NEW_YORK,
        weekdays("08:00-20:00"),
        {date(2024, 7, 4): "Independence Day", date(2024, 7, 6): "A Saturday"},
    )

    def steps(self, steps: tuple[Step, ...]) -> list[str]:
        zone = ZoneInfo(NEW_YORK)
        return [
            f"{step.kind} {step.from_at.astimezone(zone):%a %H:%M}-"
            f"{step.to_at.astimezone(zone):%a %H:%M} {step.used / H:g} {step.note}".strip()
            for step in steps
        ]

    def test_what_lies_between_the_start_and_the_due_instant(self) -> None:
        assert self.steps(self.CAL.trace(local("2024-07-03T19:00"), 2 * H)) == [
            "open Wed 19:00-Wed 20:00 1",
            "closed Wed 20:00-Thu 00:00 0",
            "holiday Thu 00:00-Fri 00:00 0 Independence Day",
            "closed Fri 00:00-Fri 08:00 0",
            "open Fri 08:00-Fri 09:00 1",
        ]

    def test_a_holiday_that_changes_nothing_is_just_closed(self) -> None:
        assert self.steps(self.CAL.trace(local("2024-07-05T19:00"), 2 * H)) == [
            "open Fri 19:00-Fri 20:00 1",
            "closed Fri 20:00-Mon 08:00 0",
            "open Mon 08:00-Mon 09:00 1",
        ]

    def test_a_holiday_that_cuts_only_a_shift_of_the_day_before(self) -> None:
        cal = calendar({4: hours("22:00-06:00")}, NEW_YORK, ("2024-07-06",))
        assert self.steps(cal.trace(local("2024-07-05T23:00"), 2 * H)) == [
            "open Fri 23:00-Sat 00:00 1",
            "holiday Sat 00:00-Sun 00:00 0 Holiday 2024-07-06",
            "closed Sun 00:00-Fri 22:00 0",
            "open Fri 22:00-Fri 23:00 1",
        ]

    def test_pauses_show_as_such_in_and_out_of_hours(self) -> None:
        pauses = [(local("2024-07-01T19:00"), local("2024-07-02T09:00"))]
        assert self.steps(self.CAL.trace(local("2024-07-01T18:00"), 2 * H, pauses)) == [
            "open Mon 18:00-Mon 19:00 1",
            "paused Mon 19:00-Tue 09:00 0",
            "open Tue 09:00-Tue 10:00 1",
        ]

    def test_neighbours_of_the_same_kind_and_note_are_one(self) -> None:
        shutdown = dict.fromkeys((date(2024, 7, 4), date(2024, 7, 5)), "Shutdown")
        cal = Calendar("support", NEW_YORK, weekdays("00:00-24:00"), shutdown)
        assert self.steps(cal.trace(local("2024-07-03T23:00"), 2 * H)) == [
            "open Wed 23:00-Thu 00:00 1",
            "holiday Thu 00:00-Sat 00:00 0 Shutdown",
            "closed Sat 00:00-Mon 00:00 0",
            "open Mon 00:00-Mon 01:00 1",
        ]

    def test_start_day_calls_a_holiday_what_it_took_away(self) -> None:
        cal = calendar(every_day("22:00-06:00"), NEW_YORK, ("2024-07-04",), None, "start_day")
        assert self.steps(cal.trace(local("2024-07-04T05:00"), 2 * H)) == [
            "open Thu 05:00-Thu 06:00 1",
            "holiday Thu 06:00-Fri 00:00 0 Holiday 2024-07-04",
            "closed Fri 00:00-Fri 22:00 0",
            "open Fri 22:00-Fri 23:00 1",
        ]

    def test_nothing_to_explain(self) -> None:
        assert self.CAL.trace(local("2024-07-03T19:00"), timedelta(0)) == ()

    def test_backwards_in_the_order_of_time(self) -> None:
        assert self.steps(self.CAL.trace(local("2024-07-02T09:00"), -2 * H)) == [
            "open Mon 19:00-Mon 20:00 1",
            "closed Mon 20:00-Tue 08:00 0",
            "open Tue 08:00-Tue 09:00 1",
        ]


class TestLimits:
    SPARSE = calendar({}, extra_days={"2150-05-05": hours("09:00-11:00")})

    def test_the_horizon_grows_on_demand(self) -> None:
        cal = calendar({0: hours("09:00-10:00")})
        assert cal.due(utc("2024-01-01T00:00"), 3000 * H) == utc("2081-06-23T10:00")
        assert cal.due(utc("2024-01-01T00:00"), -2000 * H) == utc("1985-09-02T09:00")

    def test_a_thousand_questions_build_one_table(self, built: Mock) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        for n in range(1000):
            cal.due(utc("2024-01-02T10:00") + n * H, 40 * H)
        assert built.call_count == 1

    def test_questions_in_any_order_build_few_tables(self, built: Mock) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        years = list(range(1970, 2201))
        random.Random(3).shuffle(years)
        for year in years:
            cal.due(datetime(year, 6, 1, tzinfo=UTC), 8 * H)
        assert built.call_count <= 20
        in_order = calendar(weekdays("09:00-17:00"))
        built.reset_mock()
        for year in range(1970, 2201):
            in_order.due(datetime(year, 6, 1, tzinfo=UTC), 8 * H)
        assert built.call_count <= 8  # each at least twice as long as the one before

    def test_a_table_worked_out_beforehand_is_the_only_one(self, built: Mock) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        table = cal.open_table(utc("2020-01-01T00:00"), utc("2035-01-01T00:00"))
        assert (table.first, table.last) == (utc("2020-01-01T00:00"), utc("2035-01-01T00:00"))
        for year in range(2020, 2034):
            cal.elapsed(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
        assert cal.open_table(utc("2026-01-01T00:00"), utc("2021-01-01T00:00")) is table
        assert built.call_count == 1

    @pytest.mark.parametrize(
        ("openings", "mode", "most"),
        [
            (weekdays("09:00-17:00"), "civil", 13),
            (weekdays("20:00-04:00"), "civil", 15),
            (weekdays("20:00-04:00"), "start_day", 13),
            (every_day("06:00-14:00", "14:00-22:00", "22:00-06:00"), "civil", 45),
            (every_day(*(f"{hour:02}:00-{hour:02}:50" for hour in range(24))), "civil", 41),
        ],
    )
    def test_weeks_that_are_alike_are_made_once(
        self, openings: dict[int, tuple[Opening, ...]], mode: HolidayMode, most: int
    ) -> None:
        """Fifteen years with 134 holidays, one every six weeks: few kinds of week."""
        first = date(2020, 1, 1)
        holidays = tuple(f"{first + timedelta(days=41 * n)}" for n in range(134))
        cal = calendar(openings, NEW_YORK, holidays, holiday_mode=mode)
        with patch.object(Week, "__init__", autospec=True, side_effect=Week.__init__) as made:
            cal.open_table(utc("2020-01-01T00:00"), utc("2035-01-01T00:00"))
        assert made.call_count <= most

    def test_elapsed_of_either_order_needs_one_look_at_the_table(self) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        first, last = utc("2020-01-01T00:00"), utc("2021-01-01T00:00")
        there = cal.elapsed(first, last)
        with patch.object(Calendar, "_table_over", side_effect=AssertionError):
            assert cal.elapsed(last, first) == -there

    def test_a_table_beforehand_takes_aware_instants_of_the_years_there_are(self) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        with pytest.raises(NaiveInstant):
            cal.open_table(datetime(2020, 1, 1), utc("2035-01-01T00:00"))  # noqa: DTZ001
        with pytest.raises(OutOfRange):
            cal.open_table(utc("1969-01-01T00:00"), utc("2035-01-01T00:00"))
        with pytest.raises(OutOfRange):
            cal.open_table(utc("2020-01-01T00:00"), utc("2201-01-01T00:01"))

    def test_few_weeks_of_many_years_differ(self) -> None:
        holidays = tuple(f"{year}-07-04" for year in range(2020, 2035))
        cal = calendar(weekdays("08:00-20:00"), NEW_YORK, holidays)
        table = cal.open_table(utc("2020-01-01T00:00"), utc("2035-01-01T00:00"))
        # Summer, winter, summer without each of five weekdays, the first, the last, and after that.
        assert len(set(table.weeks)) <= 10 < 780 < len(table.weeks)

    def test_no_week_cuts_what_is_open_without_end(self) -> None:
        cal = calendar(every_day("00:00-24:00"), NEW_YORK, ("2024-07-04",))
        assert cal.open_intervals(utc("2024-03-01T00:00"), utc("2024-08-01T00:00")) == (
            (utc("2024-03-01T00:00"), utc("2024-07-04T04:00")),
            (utc("2024-07-05T04:00"), utc("2024-08-01T00:00")),
        )
        assert cal.due(utc("2024-03-01T00:00"), 10_000 * H) == utc("2025-04-22T16:00")

    def test_an_extra_day_runs_into_the_next_week(self) -> None:
        cal = calendar(weekdays("09:00-17:00"), extra_days={"2024-01-07": hours("20:00-06:00")})
        assert cal.open_intervals(utc("2024-01-06T00:00"), utc("2024-01-08T12:00")) == (
            (utc("2024-01-07T20:00"), utc("2024-01-08T06:00")),
            (utc("2024-01-08T09:00"), utc("2024-01-08T12:00")),
        )
        assert cal.elapsed(utc("2024-01-05T16:00"), utc("2024-01-08T10:00")) == 12 * H

    def test_instants_of_two_zones_in_the_wrong_order_on_the_wall(self) -> None:
        start = local("2024-01-02T10:00").astimezone(ZoneInfo(NEW_YORK))
        end = utc("2024-01-02T16:00").astimezone(ZoneInfo("Pacific/Honolulu"))
        for _ in range(2):  # before there is a table, and with one
            assert OFFICE.elapsed(start, end) == H
            assert OFFICE.elapsed(end, start) == -H

    def test_a_single_extra_day_is_found_from_far_away(self) -> None:
        assert self.SPARSE.due(utc("1971-01-01T00:00"), 2 * H) == utc("2150-05-05T11:00")
        assert self.SPARSE.due(utc("2199-01-01T00:00"), -H) == utc("2150-05-05T10:00")
        due = self.SPARSE.business_days(utc("2150-01-01T00:00"), 0, "same_clock")
        assert due == utc("2150-05-05T09:00")

    @pytest.mark.parametrize("amount", [3 * H, -3 * H])
    def test_a_calendar_that_never_opens_again_says_so(self, amount: timedelta) -> None:
        with pytest.raises(NeverOpens, match="'test' has no weekly hours"):
            self.SPARSE.due(utc("2150-05-05T10:00"), amount)

    def test_no_further_opening_and_no_further_business_day(self) -> None:
        with pytest.raises(NeverOpens):
            self.SPARSE.next_opening(utc("2150-05-05T11:00"))
        for reading in ("same_clock", "end_of_day"):
            with pytest.raises(NeverOpens):
                self.SPARSE.business_days(utc("2150-05-05T10:00"), 1, reading)

    def test_too_much_for_any_calendar(self) -> None:
        for cal in (OFFICE, Calendar("always", "UTC", always_open=True)):
            with pytest.raises(OutOfRange, match="after 2200"):
                cal.due(utc("2024-01-01T00:00"), timedelta(days=300 * 365))
            with pytest.raises(OutOfRange, match="before 1970"):
                cal.due(utc("2024-01-01T00:00"), timedelta(days=-300 * 365))
            with pytest.raises(OutOfRange):
                cal.business_days(utc("2200-12-31T12:00"), 9, "end_of_day")

    @pytest.mark.parametrize("pauses", [[], [(utc("2024-01-01T00:00"), utc("2024-01-03T00:00"))]])
    def test_the_longest_lengths_there_are(self, pauses: list[tuple[datetime, datetime]]) -> None:
        with pytest.raises(OutOfRange, match="after 2200"):
            OFFICE.due(utc("2024-01-01T00:00"), timedelta.max, pauses)
        with pytest.raises(OutOfRange, match="before 1970"):
            OFFICE.due(utc("2024-01-01T00:00"), timedelta.min, pauses)

    def test_the_longest_length_of_several_starts(self) -> None:
        OFFICE.is_open(utc("2024-01-01T00:00"))  # that there is a table
        with pytest.raises(OutOfRange, match="after 2200"):
            OFFICE.dues([utc("2024-01-01T00:00")] * 2, timedelta.max)

    @pytest.mark.parametrize(
        "at", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)]
    )
    @pytest.mark.parametrize("zone", [UTC, timezone(H), timezone(-H), ZoneInfo(NEW_YORK)])
    def test_the_first_and_the_last_datetime_there_are(
        self, at: datetime, zone: timezone | ZoneInfo
    ) -> None:
        with pytest.raises(OutOfRange):
            OFFICE.elapsed(at.replace(tzinfo=zone), at.replace(tzinfo=zone))

    def test_a_zone_that_does_not_know_is_none(self) -> None:
        class Nowhere(tzinfo):
            def utcoffset(self, _: datetime | None) -> None:
                return None

            dst = tzname = utcoffset

        with pytest.raises(NaiveInstant):
            OFFICE.is_open(datetime(2024, 1, 1, tzinfo=Nowhere()))

    def test_instants_of_zones_that_are_not_those_of_their_names(self) -> None:
        class Double(ZoneInfo):
            def utcoffset(self, dt: datetime | None) -> timedelta | None:
                offset = super().utcoffset(dt)
                return offset and 2 * offset

        with files("tzdata").joinpath("zoneinfo", NEW_YORK).open("rb") as file:
            nameless = ZoneInfo.from_file(file)
            file.seek(0)
            elsewhere = ZoneInfo.from_file(file, key="Mars/Base")
            file.seek(0)
            disguised = ZoneInfo.from_file(file, key="Europe/Berlin")
        kinds = [nameless, elsewhere, disguised, ZoneInfo.no_cache(NEW_YORK), Double(NEW_YORK)]
        # Its zones have no hash.
        for zone in [*kinds, dateutil.tz.gettz(NEW_YORK), timezone(H)]:
            for _ in range(2):  # before there is a table, and with one
                start = utc("2024-03-08T15:00").astimezone(zone)
                end = utc("2024-03-11T14:00").astimezone(zone)
                assert OFFICE.elapsed(start, end) == OFFICE.elapsed(
                    start.astimezone(UTC), end.astimezone(UTC)
                )
                assert OFFICE.due(start, 9 * H) == OFFICE.due(start.astimezone(UTC), 9 * H)

    def test_instants_of_more_zones_than_a_table_keeps(self) -> None:
        names = sorted(name for name in available_timezones() if name.startswith("Europe/"))
        for zone in map(ZoneInfo, names):
            start, end = utc("2024-03-29T15:00"), utc("2024-04-02T14:00")
            assert OFFICE.elapsed(start.astimezone(zone), end.astimezone(zone)) == 15 * H
            assert OFFICE.due(start.astimezone(zone), 15 * H) == end

    def test_a_kind_of_datetime_gives_plain_ones(self) -> None:
        class Moment(datetime):
            pass

        at = Moment(2024, 1, 2, 10, tzinfo=UTC)
        assert type(OFFICE.due(at, timedelta(0))) is datetime
        assert OFFICE.due(at, H) == utc("2024-01-02T11:00")

    def test_instants_out_of_range(self) -> None:
        with pytest.raises(OutOfRange, match="before 1970"):
            OFFICE.is_open(utc("1969-12-31T23:59:59"))
        with pytest.raises(OutOfRange, match="after 2200"):
            OFFICE.elapsed(utc("2024-01-01T00:00"), utc("2201-01-01T00:00:01"))
        assert OFFICE.is_open(utc("1970-01-01T12:00"))
        assert OFFICE.is_open(utc("2200-12-31T12:00"))

    def test_naive_datetimes_are_refused(self) -> None:
        naive = datetime(2024, 1, 2, 10)  # noqa: DTZ001
        for ask in (
            lambda: OFFICE.is_open(naive),
            lambda: OFFICE.due(naive, H),
            lambda: OFFICE.elapsed(utc("2024-01-02T10:00"), naive),
            lambda: OFFICE.due(utc("2024-01-02T10:00"), H, [(naive, utc("2024-01-02T10:00"))]),
        ):
            with pytest.raises(NaiveInstant, match="no time zone"):
                ask()


class TestWallTime:
    def test_parse(self) -> None:
        assert WallTime.parse("09:00") == WallTime(540)
        assert WallTime.parse(" 24:00 ") == WallTime(1440)
        assert WallTime.parse("05:00 America/Los_Angeles") == WallTime(300, "America/Los_Angeles")

    @pytest.mark.parametrize("text", ["00:00", "24:00", "05:30 Asia/Kolkata"])
    def test_a_wall_time_prints_as_it_is_written(self, text: str) -> None:
        assert str(WallTime.parse(text)) == text

    @pytest.mark.parametrize(
        ("text", "advice"),
        [
            ("25:00", 'closes at "01:00", not "25:00"'),
            ("24:01", "00:00 to 24:00"),
            ("09:60", "00:00 to 24:00"),
            ("9", 'such as "09:00"'),
            ("9:00", 'such as "09:00"'),
            ("", 'such as "09:00"'),
            ("9am", 'such as "09:00"'),
            ("23:59:59", 'the end of a day is "24:00"'),
            ("09:00 Mars/Base", "IANA database"),
            ("09:00 Europe", "IANA database"),
            ("09:00 ../etc/passwd", "IANA database"),
        ],
    )
    def test_what_is_none_is_refused_with_advice(self, text: str, advice: str) -> None:
        with pytest.raises(CalendarError, match=advice):
            WallTime.parse(text)

    def test_nothing_opens_at_24_00(self) -> None:
        with pytest.raises(CalendarError, match='open at "00:00" of the next day'):
            hours("24:00-06:00")

    def test_a_minute_out_of_range(self) -> None:
        with pytest.raises(CalendarError, match="0 to 1440"):
            WallTime(1441)


class TestCalendarAsAValue:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"time_zone": "Mars/Base"}, "'x': 'Mars/Base' is no time zone"),
            ({"weekly": {7: ()}}, "weekday 7"),
            ({"holiday_mode": "both"}, "neither civil nor start_day"),
            ({"holidays": {datetime(2024, 1, 1, tzinfo=UTC): "X"}}, "not a plain date"),
        ],
    )
    def test_nonsense_is_refused(self, fields: dict[str, object], message: str) -> None:
        valid: dict[str, object] = {"id": "x", "time_zone": "UTC", "weekly": {}}
        with pytest.raises(SlaError, match=message):
            Calendar(**(valid | fields))  # type: ignore[arg-type]

    def test_equal_by_its_fields_whatever_was_worked_out(self) -> None:
        one, other = (calendar(weekdays("09:00-17:00")) for _ in range(2))
        one.due(utc("2024-01-01T00:00"), H)
        assert one == other
        assert hash(one) == hash(other)
        assert one != replace(other, holiday_mode="start_day")

    def test_later_changes_of_what_it_was_made_from_do_not_reach_it(self) -> None:
        weekly = weekdays("09:00-17:00")
        cal = Calendar("x", "UTC", weekly)
        weekly.clear()
        assert cal.is_open(utc("2024-01-02T10:00"))

    def test_copies_and_pickles_leave_the_tables_behind(self) -> None:
        OFFICE.is_open(utc("2024-01-02T10:00"))
        for twin in (copy.deepcopy(OFFICE), pickle.loads(pickle.dumps(OFFICE))):  # noqa: S301
            assert twin == OFFICE
            assert twin._tables == ()
            assert twin.due(utc("2024-01-05T16:00"), 2 * H) == utc("2024-01-08T10:00")

    def test_threads_may_share_it(self) -> None:
        cal = calendar(weekdays("09:00-17:00"), NEW_YORK)
        wrong: list[int] = []

        def ask(year: int) -> None:
            for shift in (0, 40, -30):
                start = local(f"{year + shift}-01-01T00:00")
                if cal.elapsed(start, cal.due(start, 100 * H)) != 100 * H:
                    wrong.append(year + shift)

        threads = [threading.Thread(target=ask, args=(2005 + 5 * n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wrong == []


def test_whether_two_zones_run_into_the_next_day_is_settled_once() -> None:
    """By standard time it lasts half an hour; while only New York has summer time, not at all."""
    opening = Opening(
        WallTime.parse("09:30 Europe/London"), WallTime.parse("05:00 America/New_York")
    )
    calendar = Calendar("handover", "Europe/London", dict.fromkeys(range(7), (opening,)))
    for day, minutes in [("2024-01-10", 30), ("2024-03-12", 0), ("2024-07-10", 30)]:
        start = datetime.fromisoformat(f"{day}T00:00+00:00")
        assert calendar.elapsed(start, start + timedelta(days=1)) == timedelta(minutes=minutes)
