"""The plain answers that judge Dueline and its peers are right themselves."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from bench import office
from bench.office import BY_DAY, BY_NIGHT, Office, Question, right
from tests.sla.minute_reference import MinuteReference

HOURS = timedelta(hours=1)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("start", "due"),
    [
        ("2026-11-20 15:00", "2026-11-20 23:00"),
        ("2026-11-20 21:00", "2026-11-23 17:00"),  # Friday 16:00 in New York: four hours are left
        ("2026-11-25 23:00", "2026-11-27 19:00"),  # the day before Thanksgiving
    ],
)
def test_due(start: str, due: str) -> None:
    assert right(Question("due", 8 * HOURS), _utc(start)) == _utc(due)


def test_elapsed_leaves_out_holidays_and_weekends() -> None:
    week = Question("elapsed", timedelta(days=7))
    assert right(week, _utc("2026-11-23 13:00")) == 4 * 12 * HOURS
    assert right(week, _utc("2026-11-09 13:00")) == 4 * 12 * HOURS
    assert right(week, _utc("2026-11-30 13:00")) == 5 * 12 * HOURS


def test_business_days_skip_what_is_closed() -> None:
    assert right(Question("day", days=2), _utc("2026-11-25 15:00")) == date(2026, 11, 30)


@pytest.mark.parametrize("hours", [BY_DAY, BY_NIGHT])
def test_it_agrees_with_a_count_of_minutes(hours: Office) -> None:
    counted = MinuteReference(office.calendar(hours))
    due = Question("due", 8 * HOURS, office=hours)
    elapsed = Question("elapsed", timedelta(days=5), office=hours)
    for start in office.starts(due, 6, seed=3):
        at = start.replace(second=0)
        assert right(due, at) == counted.due(at, due.amount)
        assert right(elapsed, at) == counted.elapsed(at, at + elapsed.amount)


def test_starts_are_the_same_for_a_seed_and_hold_the_hard_days() -> None:
    due = Question("due", HOURS)
    starts = office.starts(due, 300, seed=1)
    assert starts == office.starts(due, 300, seed=1)
    assert starts != office.starts(due, 300, seed=2)
    local = [start.astimezone(NEW_YORK) for start in starts]
    assert any(at.date() in BY_DAY.holidays for at in local)
    assert any(at.hour < 8 or at.hour >= 20 for at in local)
    offsets = [at.replace(hour=0).utcoffset() == at.replace(hour=23).utcoffset() for at in local]
    assert not all(offsets), "no day on which clocks change"


def test_starts_of_business_days_are_within_hours() -> None:
    calendar = office.calendar()
    starts = office.starts(Question("day", days=5), 100, seed=1)
    assert all(calendar.is_open(start) for start in starts)


def _utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
