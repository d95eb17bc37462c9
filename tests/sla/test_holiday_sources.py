"""Holidays frozen from a library, from rules, from dates and from iCalendar files."""

from __future__ import annotations

from datetime import date
from importlib.metadata import version

import pytest

from sla.errors import CalendarError
from sla.holiday_sources import (
    FixedDate,
    FromEaster,
    HolidaySet,
    NthWeekday,
    Observed,
    Rule,
    combine,
    from_dates,
    from_icalendar,
    from_library,
    from_rules,
)

MONDAY, THURSDAY, FRIDAY = 0, 3, 4


def days(*texts: str) -> list[date]:
    return [date.fromisoformat(text) for text in texts]


class TestLibrary:
    def test_us_federal_holidays(self) -> None:
        found = from_library("US", years=[2026]).days
        # https://www.opm.gov/policy-data-oversight/pay-leave/federal-holidays/ for 2026
        federal = days(
            "2026-01-01",
            "2026-01-19",
            "2026-02-16",
            "2026-05-25",
            "2026-06-19",
            "2026-07-03",  # observed: the 4th is a Saturday
            "2026-07-04",
            "2026-09-07",
            "2026-10-12",
            "2026-11-11",
            "2026-11-26",
            "2026-12-25",
        )
        assert list(found) == federal
        assert found[date(2026, 7, 3)] == "Independence Day (observed)"

    def test_new_years_day_observed_in_the_year_before(self) -> None:
        found = from_library("US", years=[2021]).days
        assert found[date(2021, 12, 31)] == "New Year's Day (observed)"
        assert all(day.year == 2021 for day in found)
        assert date(2021, 12, 31) not in from_library("US", years=range(2022, 2024)).days

    def test_not_observed(self) -> None:
        assert date(2026, 7, 3) not in from_library("US", observed=False, years=[2026]).days

    def test_subdivision_category_and_language(self) -> None:
        found = from_library("DE", "BY", years=[2026], language="en_US")
        assert found.days[date(2026, 1, 6)] == "Epiphany"
        assert date(2026, 1, 6) not in from_library("DE", years=[2026]).days
        both = from_library("US", categories=("public", "unofficial"), years=[2026]).days
        assert "Halloween" in both.values()

    @pytest.mark.parametrize("locale", ["C.UTF-8", "en_US.UTF-8", "de_DE.UTF-8"])
    def test_names_are_the_countrys_own_wherever_they_are_asked_for(
        self, monkeypatch: pytest.MonkeyPatch, locale: str
    ) -> None:
        for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.setenv(name, locale)
        german = from_library("DE", years=[2026]).days
        assert german[date(2026, 10, 3)] == "Tag der Deutschen Einheit"
        assert from_library("US", years=[2026]).days[date(2026, 12, 25)] == "Christmas Day"

    def test_the_source_names_the_librarys_version(self) -> None:
        known = version("holidays")
        assert from_library("US", years=[2026]).source == f"holidays {known}: US, public, observed"
        source = from_library("DE", "BY", observed=False, years=[2026], language="en_US").source
        assert source == f"holidays {known}: DE-BY, public, not observed, en_US"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"country": "XX"}, "Country XX not available"),
            ({"country": "US", "subdivision": "ZZ"}, "does not have subdivision ZZ"),
            ({"country": "US", "categories": ("nope",)}, "Category is not supported: nope"),
            ({"country": "US", "language": "tlh"}, "known: en_US"),
        ],
    )
    def test_what_it_does_not_know(self, arguments: dict[str, str], message: str) -> None:
        with pytest.raises(CalendarError, match=message):
            from_library(**arguments, years=[2026])  # type: ignore[arg-type]

    def test_no_years(self) -> None:
        with pytest.raises(CalendarError, match="name at least one"):
            from_library("US", years=[])


class TestRules:
    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            (FixedDate(12, 25, "Christmas Day"), ["2026-12-25", "2027-12-25"]),
            (FixedDate(2, 29, "Leap Day"), []),
            (NthWeekday(11, THURSDAY, 4, "Thanksgiving"), ["2026-11-26", "2027-11-25"]),
            (NthWeekday(5, MONDAY, -1, "Memorial Day"), ["2026-05-25", "2027-05-31"]),
            (NthWeekday(5, MONDAY, 1, "Labour Day"), ["2026-05-04", "2027-05-03"]),
            (NthWeekday(5, MONDAY, 5, "Fifth Monday"), ["2027-05-31"]),
            (NthWeekday(5, MONDAY, -5, "Fifth last Monday"), ["2027-05-03"]),
            (FromEaster(-2, "Good Friday"), ["2026-04-03", "2027-03-26"]),
            (FromEaster(0, "Pascha", church="orthodox"), ["2026-04-12", "2027-05-02"]),
        ],
        ids=str,
    )
    def test_the_dates_of_a_rule(self, rule: Rule, expected: list[str]) -> None:
        assert list(from_rules([rule], range(2026, 2028)).days) == days(*expected)

    @pytest.mark.parametrize(
        ("observed", "year", "expected"),
        [
            ("nearest_weekday", 2026, "2026-07-03"),  # from Saturday
            ("nearest_weekday", 2027, "2027-07-05"),  # from Sunday
            ("nearest_weekday", 2028, "2028-07-04"),  # a Tuesday stays
            ("next_monday", 2026, "2026-07-06"),
            ("next_monday", 2027, "2027-07-05"),
            (None, 2026, "2026-07-04"),
        ],
    )
    def test_observed(self, observed: Observed | None, year: int, expected: str) -> None:
        rule = FixedDate(7, 4, "Independence Day", observed)
        assert list(from_rules([rule], [year]).days) == days(expected)

    def test_observance_moves_days_over_new_year(self) -> None:
        rule = FixedDate(1, 1, "New Year's Day", "nearest_weekday")
        found = from_rules([rule], [2021]).days
        assert found == {
            date(2021, 1, 1): "New Year's Day",
            date(2021, 12, 31): "New Year's Day (observed)",
        }
        assert from_rules([rule], [2022]).days == {}

    def test_the_source_tells_the_rules(self) -> None:
        rules: list[Rule] = [
            FixedDate(7, 4, "Fourth", "nearest_weekday"),
            NthWeekday(11, FRIDAY, -1, "Last Friday"),
            NthWeekday(11, FRIDAY, -2, "Friday before"),
            FromEaster(-2, "Good Friday"),
        ]
        assert from_rules(rules, [2026]).source == (
            "rules: Fourth (07-04, nearest weekday), Last Friday (last Friday of month 11),"
            " Friday before (second last Friday of month 11), Good Friday (western Easter -2)"
        )

    def test_rules_that_are_none(self) -> None:
        with pytest.raises(CalendarError, match="'X': month 2, day 30 is no date"):
            FixedDate(2, 30, "X")
        for month, weekday, nth in ((13, 0, 1), (1, 7, 1), (1, 0, 0), (1, 0, 6)):
            with pytest.raises(CalendarError, match="nth 1 to 5 or -1"):
                NthWeekday(month, weekday, nth, "X")


def event(*lines: str) -> str:
    return "\r\n".join(["BEGIN:VEVENT", *lines, "END:VEVENT"])


def file(*events: str) -> str:
    return "\r\n".join(["BEGIN:VCALENDAR", "VERSION:2.0", *events, "END:VCALENDAR", ""])


def read(*events: str, years: range = range(2026, 2028)) -> dict[date, str]:
    return dict(from_icalendar(file(*events), years).days)


class TestICalendar:
    def test_an_all_day_event(self) -> None:
        found = from_icalendar(
            file(event("DTSTART;VALUE=DATE:20261225", "SUMMARY:Christmas Day")), [2026], "team.ics"
        )
        assert found == HolidaySet({date(2026, 12, 25): "Christmas Day"}, "team.ics: 1 event")

    def test_the_end_is_exclusive(self) -> None:
        found = read(event("DTSTART;VALUE=DATE:20261224", "DTEND;VALUE=DATE:20261227"))
        assert list(found) == days("2026-12-24", "2026-12-25", "2026-12-26")
        assert set(found.values()) == {"Holiday"}

    def test_a_duration(self) -> None:
        found = read(event("DTSTART;VALUE=DATE:20261224", "DURATION:P2D"))
        assert list(found) == days("2026-12-24", "2026-12-25")
        assert len(read(event("DTSTART;VALUE=DATE:20260701", "DURATION:P1W"))) == 7

    def test_an_event_with_times_closes_each_date_it_touches(self) -> None:
        zone = 'DTSTART;TZID="Europe/Berlin":20261224T120000'
        assert list(read(event(zone, "DTEND:20261225T000000"))) == days("2026-12-24")
        assert list(read(event(zone, "DTEND:20261225T000001"))) == days("2026-12-24", "2026-12-25")
        assert list(read(event("DTSTART:20261224T230000Z"))) == days("2026-12-24")

    def test_years_bound_it(self) -> None:
        long = event("DTSTART;VALUE=DATE:19000101", "DTEND;VALUE=DATE:29000101")
        assert len(read(long, years=range(2026, 2027))) == 365
        assert read(event("DTSTART;VALUE=DATE:20251231")) == {}

    def test_an_event_that_runs_over_new_year(self) -> None:
        found = read(event("DTSTART;VALUE=DATE:20251230", "DTEND;VALUE=DATE:20260102"))
        assert list(found) == days("2026-01-01")

    @pytest.mark.parametrize(
        ("rule", "expected"),
        [
            ("FREQ=YEARLY", ["2026-11-25", "2027-11-25"]),
            ("FREQ=YEARLY;BYMONTH=11;BYDAY=4TH", ["2026-11-26", "2027-11-25"]),
            ("FREQ=YEARLY;UNTIL=20261125", ["2026-11-25"]),
            ("FREQ=YEARLY;UNTIL=20261125T000000Z", ["2026-11-25"]),
            ("FREQ=YEARLY;COUNT=3", ["2026-11-25"]),  # 2024, 2025, 2026
            ("FREQ=YEARLY;INTERVAL=3", ["2027-11-25"]),
            ("BYHOUR=9;FREQ=YEARLY;BYMINUTE=0;UNTIL=20261125;BYSECOND=0", ["2026-11-25"]),
            ("freq=yearly;bymonth=5;byday=-1mo", ["2026-05-25", "2027-05-31"]),
        ],
    )
    def test_recurring(self, rule: str, expected: list[str]) -> None:
        found = read(event("DTSTART;VALUE=DATE:20241125", f"RRULE:{rule}", "SUMMARY:X"))
        assert list(found) == days(*expected)

    def test_a_recurring_event_of_several_days_over_new_year(self) -> None:
        found = read(
            event("DTSTART;VALUE=DATE:20201230", "DTEND;VALUE=DATE:20210103", "RRULE:FREQ=YEARLY"),
            years=range(2026, 2027),
        )
        assert list(found) == days("2026-01-01", "2026-01-02", "2026-12-30", "2026-12-31")

    def test_exceptions_and_additions(self) -> None:
        found = read(
            event(
                "DTSTART;VALUE=DATE:20250501",
                "RRULE:FREQ=YEARLY",
                "EXDATE;VALUE=DATE:20250501,20270501",
                "RDATE;VALUE=DATE:20260601,20260602",
            )
        )
        assert list(found) == days("2026-05-01", "2026-06-01", "2026-06-02")

    def test_a_moved_occurrence(self) -> None:
        found = read(
            event("UID:1", "DTSTART;VALUE=DATE:20250501", "RRULE:FREQ=YEARLY", "SUMMARY:May"),
            event(
                "UID:1",
                "RECURRENCE-ID;VALUE=DATE:20270501",
                "DTSTART;VALUE=DATE:20270503",
                "SUMMARY:May (moved)",
            ),
            event("UID:2", "DTSTART;VALUE=DATE:20270501", "SUMMARY:Another"),
        )
        assert found == {
            date(2026, 5, 1): "May",
            date(2027, 5, 1): "Another",
            date(2027, 5, 3): "May (moved)",
        }

    def test_cancelled_events_and_alarms_are_left_out(self) -> None:
        found = read(
            event("DTSTART;VALUE=DATE:20260501", "STATUS:CANCELLED"),
            event(
                "DTSTART;VALUE=DATE:20260601",
                "BEGIN:VALARM",
                "DURATION:PT15M",
                "SUMMARY:Alarm",
                "END:VALARM",
            ),
        )
        assert found == {date(2026, 6, 1): "Holiday"}

    def test_folded_lines_and_escapes(self) -> None:
        found = read(
            event("DTSTART;VALUE=DATE:20261225", "SUMMARY:Christmas\\, 1st", "  day\\; all", "\t!")
        )
        assert found == {date(2026, 12, 25): "Christmas, 1st day; all!"}

    def test_two_events_on_a_date(self) -> None:
        one = event("DTSTART;VALUE=DATE:20261225", "SUMMARY:B")
        other = event("DTSTART;VALUE=DATE:20261225", "SUMMARY:A")
        assert read(one, other, one) == {date(2026, 12, 25): "A; B"}

    def test_unix_line_ends_and_a_byte_order_mark(self) -> None:
        text = "\ufeff" + file(event("DTSTART:20261225")).replace("\r\n", "\n")
        assert list(from_icalendar(text, [2026]).days) == days("2026-12-25")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "x.ics: line 1: this is no iCalendar text"),
            ("<html>", "this is no iCalendar text; it begins with BEGIN:VCALENDAR"),
            (file(event("SUMMARY:X")), "line 3: this event has no DTSTART"),
            (file(event("DTSTART:2026-12-25")), "line 4: '2026-12-25' is no date; write 20261225"),
            (file(event("DTSTART:20260230")), "line 4: '20260230' is no date"),
            (file(event("DTSTART:20261225", "DTEND:20261224")), "ends before it begins"),
            (file(event("DTSTART:20261225", "DURATION:1d")), "line 5: '1d' is no duration"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=HOURLY")), "use FREQ=DAILY, WEEKLY"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=YEARLY;BYDAY=XX")), "invalid 'BYDAY'"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=DAILY;INTERVAL=0")), "are 1 at least"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=DAILY;COUNT=-1")), "are 1 at least"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=DAILY;BYHOUR=9,17")), "several times"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=YEARLY;BYEASTER=9999999")), "be read"),
            (file(event("DTSTART:20261225", "RRULE:FREQ=YEARLY;BYDAY=99MO")), "cannot be read"),
            (file(event("DTSTART:20261225", f"DURATION:P{'9' * 5_000}D")), "is no duration"),
            (file(event("DTSTART:20261225", "DURATION:P99999999W")), "5: 'P99999999W' ends after"),
            (file(event("DTSTART:20261225", "DURATION:P99999999999D")), "ends after the year 9999"),
            (file(event("DTSTART:20261225", "no property")), "line 5: 'no property' is no prop"),
            ("BEGIN:VCALENDAR\nBEGIN:VEVENT\n", "END:VEVENT is missing"),
            ("BEGIN:VCALENDAR\nEND:VEVENT\n", "line 2: END:VEVENT ends nothing"),
        ],
    )
    def test_what_cannot_be_read(self, text: str, message: str) -> None:
        with pytest.raises(CalendarError, match=message):
            from_icalendar(text, [2026], "x.ics")


class TestCombine:
    US = HolidaySet({date(2026, 7, 4): "Independence Day", date(2026, 10, 12): "Columbus Day"}, "A")
    OWN = HolidaySet({date(2026, 7, 4): "Founders' Day", date(2026, 3, 2): "Spring"}, "B")

    def test_sources_with_days_added_and_removed(self) -> None:
        found = combine(
            [self.US, self.OWN],
            add={date(2026, 11, 27): "Day after Thanksgiving"},
            remove=[date(2026, 10, 12)],
        )
        assert list(found.days.items()) == [
            (date(2026, 3, 2), "Spring"),
            (date(2026, 7, 4), "Independence Day; Founders' Day"),
            (date(2026, 11, 27), "Day after Thanksgiving"),
        ]
        assert found.source == "A; B; 1 date added; 1 date removed"

    def test_the_same_name_is_told_once(self) -> None:
        assert combine([self.US, self.US]).days == self.US.days

    def test_removing_what_is_not_there_is_refused(self) -> None:
        with pytest.raises(CalendarError, match=r"2026-12-24 is to be removed .* sources: A"):
            combine([self.US], remove=[date(2026, 12, 24)])

    def test_dates_by_hand(self) -> None:
        found = from_dates({date(2026, 12, 24): "Christmas Eve", date(2026, 1, 2): "Bridge"})
        assert list(found.days) == days("2026-01-02", "2026-12-24")
        assert found.source == "2 dates by hand"
        assert combine([]) == HolidaySet({}, "")
