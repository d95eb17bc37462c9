"""What a calendar says around pauses, asked without them, and with them all at once."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.calendar import Calendar
from sla.interval import merged
from sla.promise import due, due_around, elapsed
from sla.resting import Interval
from tests.sla.example import ALWAYS, at, office

HALVES = st.integers(-20, 120).map(lambda half: at(half / 2))
PAUSES = st.lists(st.tuples(HALVES, HALVES), max_size=12).map(
    lambda pairs: merged([(min(pair), max(pair)) for pair in pairs])
)
HOURS = st.integers(-10, 40).map(lambda half: timedelta(hours=half / 2))
CALENDARS = st.sampled_from([office(), office("23:30"), ALWAYS])


@settings(derandomize=True, deadline=None, max_examples=400)
@given(CALENDARS, HALVES, HOURS, PAUSES, st.none() | HALVES, HALVES)
def test_around_pauses_it_is_what_the_calendar_says_of_all_of_them(
    calendar: Calendar,
    start: datetime,
    amount: timedelta,
    pauses: list[Interval],
    since: datetime | None,
    end: datetime,
) -> None:
    assert due(calendar, start, amount, pauses) == calendar.due(start, amount, pauses)
    assert due_around(calendar, start, amount, pauses) == calendar.due(start, amount, pauses)
    assert elapsed(calendar, start, end, pauses) == calendar.elapsed(start, end, pauses)
    if since is not None and start <= since <= end:
        rested = [*pauses, (since, end)]
        assert elapsed(calendar, start, end, pauses, since) == calendar.elapsed(start, end, rested)


def test_a_pause_after_the_clocks_change_begins_later_than_the_wall_tells() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    evening = datetime(2024, 10, 26, 22, tzinfo=berlin)
    pause = datetime(2024, 10, 27, 10, tzinfo=berlin), datetime(2024, 10, 27, 11, tzinfo=berlin)
    # 13 hours lie between them, and 12 on the wall.
    amount = timedelta(hours=12.5)
    assert due(ALWAYS, evening, amount, [pause]) == datetime(2024, 10, 27, 9, 30, tzinfo=berlin)
