"""Calendars from plain mappings: every key, every kind of holiday, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from config.calendars import calendar_from_document
from config.errors import ConfigError
from sla.calendar import Calendar, Opening, WallTime

WEEK = {day: [["09:00", "17:00"]] for day in ("mon", "tue", "wed", "thu", "fri")}


def calendar(folder: Path | None = None, **keys: Any) -> Calendar:
    document = {"time_zone": "Europe/Berlin", "weekly": WEEK} | keys
    return calendar_from_document("office", document, folder)


def holidays(*items: Any, folder: Path | None = None) -> dict[date, str]:
    return dict(calendar(folder, holidays=list(items)).holidays)


def test_every_key_arrives() -> None:
    found = calendar(
        title="Office",
        note="Closed in August",
        clause="2.1",
        weekly={"mon": [["05:00 America/Los_Angeles", "20:00 America/New_York"]]},
        holidays=["2026-12-24"],
        extra_days={"2026-12-23": [["09:00", "24:00"]], "2026-12-22": []},
        holiday_mode="start_day",
    )
    assert found == Calendar(
        "office",
        "Europe/Berlin",
        weekly={
            0: (
                Opening(
                    WallTime.parse("05:00 America/Los_Angeles"),
                    WallTime.parse("20:00 America/New_York"),
                ),
            )
        },
        holidays={date(2026, 12, 24): "Holiday"},
        extra_days={
            date(2026, 12, 22): (),
            date(2026, 12, 23): (Opening(WallTime.parse("09:00"), WallTime.parse("24:00")),),
        },
        holiday_mode="start_day",
    )


def test_always_open() -> None:
    found = calendar_from_document("all", {"time_zone": "Etc/UTC", "always_open": True})
    start = datetime(2024, 12, 25, tzinfo=UTC)
    assert found.due(start, timedelta(hours=1)) == start + timedelta(hours=1)


def test_openings_that_overlap_have_a_meaning_all_the_same() -> None:
    """A directory's own calendars are held to more: see `faulty/calendar-openings-overlap`."""
    found = calendar(weekly={"mon": [["09:00", "13:00"], ["12:00", "17:00"]]})
    assert found.regular_day == timedelta(hours=8)


def test_dates_may_be_dates_and_times_may_be_tuples_of_yaml() -> None:
    assert holidays(date(2026, 12, 24)) == {date(2026, 12, 24): "Holiday"}
    found = calendar(extra_days={date(2026, 12, 24): []})
    assert found.extra_days == {date(2026, 12, 24): ()}


def test_named_dates() -> None:
    found = holidays({"date": "2026-12-24", "name": "Christmas Eve"})
    assert found == {date(2026, 12, 24): "Christmas Eve"}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ({"month": 12, "day": 25, "name": "Christmas"}, "2026-12-25"),
        ({"month": 11, "weekday": "thu", "nth": -1}, "2026-11-26"),
        ({"month": 11, "weekday": "thu", "nth": 1}, "2026-11-05"),
        ({"easter": -2, "name": "Good Friday"}, "2026-04-03"),
        ({"easter": 0, "church": "orthodox"}, "2026-04-12"),
        # 4 July 2026 is a Saturday.
        ({"month": 7, "day": 4, "observed": "nearest_weekday"}, "2026-07-03"),
    ],
)
def test_rules_hold_for_every_year_that_a_calendar_answers_for(
    rule: dict[str, Any], expected: str
) -> None:
    found = holidays(rule)
    assert date.fromisoformat(expected) in found
    assert {day.year for day in found} == set(range(1970, 2201))
    assert len(found) == 231


def test_the_library() -> None:
    observed = holidays({"library": {"country": "US"}})
    as_dated = holidays({"library": {"country": "US", "observed": False}})
    bavarian = holidays({"library": {"country": "DE", "subdivision": "BY", "language": "en_US"}})
    assert observed[date(2026, 7, 3)] == "Independence Day (observed)"
    assert date(2026, 7, 3) not in as_dated
    assert bavarian[date(2026, 1, 6)] == "Epiphany"


def test_categories_of_the_library() -> None:
    found = holidays({"library": {"country": "GB", "subdivision": "ENG", "categories": ["public"]}})
    assert date(2026, 12, 28) in found


def test_removed_dates_wherever_they_stand() -> None:
    remove = {"remove": ["2026-12-25", "2026-12-26"]}
    german = {"library": {"country": "DE"}}
    for items in ((remove, german), (german, remove)):
        found = holidays(*items)
        assert date(2026, 12, 25) not in found
        assert date(2025, 12, 25) in found


def test_an_icalendar_file(tmp_path: Path) -> None:
    lines = ["BEGIN:VCALENDAR", "BEGIN:VEVENT", "DTSTART;VALUE=DATE:20260814", "SUMMARY:Outing"]
    lines += ["END:VEVENT", "END:VCALENDAR", ""]
    (tmp_path / "closed.ics").write_text("\r\n".join(lines), encoding="utf-8")
    found = holidays({"icalendar": "closed.ics"}, folder=tmp_path)
    assert found == {date(2026, 8, 14): "Outing"}


def test_a_link_that_leads_outside(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.ics").write_text("BEGIN:VCALENDAR", encoding="utf-8")
    (inside / "closed.ics").symlink_to(tmp_path / "secret.ics")
    with pytest.raises(ConfigError, match="which lies outside"):
        holidays({"icalendar": "closed.ics"}, folder=inside)


@pytest.mark.parametrize(
    ("name", "told"),
    [("a\0.ics", "which leads to no file"), ("loop.ics", r"cannot be read \(Too many levels")],
)
def test_a_name_that_leads_to_no_file(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "loop.ics").symlink_to("loop.ics")
    with pytest.raises(ConfigError, match=told):
        holidays({"icalendar": name}, folder=tmp_path)


def test_what_only_a_directory_can_give() -> None:
    with pytest.raises(ConfigError) as raised:
        holidays({"icalendar": "closed.ics"}, {"parameter": "holidays"})
    assert [problem.message for problem in raised.value.problems] == [
        "has the parameter `holidays`, which only a contract can set; list the holidays",
        "names a file, which a calendar on its own cannot; list its dates instead",
    ]
    assert str(raised.value).startswith("calendar office: holidays: has the parameter")


def test_every_fault_of_a_plain_mapping() -> None:
    with pytest.raises(ConfigError) as raised:
        calendar(time_zone=1, weekly={"mon": "09:00"}, color="red")
    assert [problem.path for problem in raised.value.problems] == [
        "color",
        "time_zone",
        "weekly.mon",
    ]
