"""The fast clock: where it starts, how it runs, and that processes agree on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sla.example import NINE, at
from webhooks.clock import ClockError, FastClock, SystemClock
from webhooks.serve import clock_from

REAL = datetime(2026, 1, 1, tzinfo=UTC)
instants = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)


def test_it_runs_so_many_times_as_fast() -> None:
    clock = FastClock(NINE, REAL, 120.0)
    assert clock.real_time(NINE) == REAL
    assert clock.real_time(at(2)) == REAL + timedelta(minutes=1)
    assert clock.real_time(at(-2)) == REAL - timedelta(minutes=1)


def test_it_shows_what_real_time_has_come_to() -> None:
    """Between two looks at the machine's clock it shows an instant between theirs."""
    real = SystemClock()
    before = real.now()
    clock = FastClock(NINE, before, 1000.0)
    shown = clock.now()
    after = real.now()
    assert NINE <= shown <= NINE + (after - before) * 1000
    assert shown.tzinfo is UTC


def test_it_starts_at_the_instant_given_in_utc() -> None:
    new_york = timezone(timedelta(hours=-4))
    clock = FastClock.starting(NINE.astimezone(new_york), 1.0)
    assert (clock.shown_at, clock.shown_at.tzinfo) == (NINE, UTC)


def test_it_starts_now_unless_said() -> None:
    clock = FastClock.starting(None, 2.0)
    assert clock.shown_at == clock.real_at


@settings(derandomize=True, deadline=None)
@given(instants, instants, st.floats(0.1, 1e6))
def test_a_child_process_is_told_the_same_clock(
    shown_at: datetime, real_at: datetime, speed: float
) -> None:
    clock = FastClock(shown_at, real_at, speed)
    assert FastClock.parse(str(clock)) == clock
    assert clock_from({"DUELINE_DEMO_CLOCK": str(clock)}) == clock


@settings(derandomize=True, deadline=None)
@given(instants, st.floats(0.1, 10_000))
def test_real_time_is_the_inverse_of_showing(shown: datetime, speed: float) -> None:
    clock = FastClock(NINE, REAL, speed)
    back = clock.shown_at + (clock.real_time(shown) - clock.real_at) * speed
    assert abs(back - shown) <= timedelta(microseconds=speed + 1)


@pytest.mark.parametrize(
    "text",
    [
        "now",
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00+00:00",
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00+00:00 fast",
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00+00:00 0",
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00+00:00 -1",
        "2024-07-10T13:00:00 2026-01-01T00:00:00+00:00 1",
        "2024-07-10T13:00:00-04:00 2026-01-01T00:00:00+00:00 1",
        "today 2026-01-01T00:00:00+00:00 1",
    ],
)
def test_what_describes_no_clock(text: str) -> None:
    with pytest.raises(ClockError, match="DUELINE_DEMO_CLOCK"):
        FastClock.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00 1",
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00+00:00 nan",
        "2024-07-10T13:00:00+00:00 2026-01-01T00:00:00+00:00 inf",
    ],
)
def test_what_looks_like_a_clock_and_cannot_run(text: str) -> None:
    with pytest.raises(ClockError, match="DUELINE_DEMO_CLOCK"):
        FastClock.parse(text)


def test_real_time_unless_said_otherwise() -> None:
    assert isinstance(clock_from({}), SystemClock)
    assert isinstance(clock_from({"DUELINE_DEMO_CLOCK": ""}), SystemClock)
