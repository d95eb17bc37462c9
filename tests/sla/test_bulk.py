"""Many questions at once: the answers of the calendar itself, in the shape of what came in."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla import bulk, columns
from sla.bulk import due_many, elapsed_many
from sla.calendar import Calendar, Opening, WallTime
from sla.errors import CalendarError, NaiveInstant, NeverOpens, OutOfRange
from sla.zones import to_micros
from tests.sla.test_calendar import OFFICE, calendar, every_day, hours, utc, weekdays
from tests.sla.test_calendar_laws import calendars, instants

H = timedelta(hours=1)
HOUR = 3_600_000_000
NEVER = calendar({})
NO_MORE = calendar({}, extra_days={"2024-01-02": hours("09:00-17:00")})
STARTS = [utc("2024-01-02T10:00"), utc("2024-01-05T16:30"), utc("2024-01-06T00:00")]
DUE = [utc("2024-01-02T12:00"), utc("2024-01-08T10:30"), utc("2024-01-08T11:00")]


@pytest.fixture(autouse=True, scope="module")
def as_many() -> Iterator[None]:
    """The few questions of these tests are answered as many are."""
    with patch.object(columns, "FEW_QUESTIONS", 0):
        yield


@pytest.fixture(params=["numpy", "without numpy"])
def installed(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both with numpy and as where it is not installed."""
    if request.param == "numpy":
        yield
        return
    with patch.dict(sys.modules, {"sla.columns": None}):
        assert bulk._columns_for([1]) is None
        yield


def integers(starts: list[datetime]) -> list[int]:
    return [to_micros(start) for start in starts]


def array(starts: list[datetime]) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.array(integers(starts), np.int64).view("M8[us]")


@pytest.mark.usefixtures("installed")
class TestShapes:
    def test_datetimes_in_any_zone_give_datetimes_in_utc(self) -> None:
        local = [start.astimezone(ZoneInfo("Asia/Tokyo")) for start in STARTS]
        found = due_many(OFFICE, local, 2 * H)
        assert found == DUE
        assert {at.tzinfo for at in found} == {UTC}
        assert elapsed_many(OFFICE, local, found) == [2 * H] * 3

    def test_integers_give_integers(self) -> None:
        found = due_many(OFFICE, integers(STARTS), 2 * H)
        assert found == integers(DUE)
        assert elapsed_many(OFFICE, integers(STARTS), found) == [2 * HOUR] * 3
        assert {type(each) for each in found} == {int}

    def test_one_amount_for_each(self) -> None:
        amounts = [2 * H, timedelta(0), -H]
        expected = [DUE[0], STARTS[1], utc("2024-01-05T16:00")]
        assert due_many(OFFICE, STARTS, amounts) == expected
        assert due_many(OFFICE, integers(STARTS), amounts) == integers(expected)
        assert due_many(OFFICE, integers(STARTS), [2 * HOUR, 0, -HOUR]) == integers(expected)

    def test_nothing_asked_is_nothing_answered(self) -> None:
        assert due_many(OFFICE, [], H) == []
        assert elapsed_many(OFFICE, [], []) == []


class TestArrays:
    def test_datetime64_gives_datetime64(self) -> None:
        found = due_many(OFFICE, array(STARTS), np.timedelta64(2, "h"))
        assert found.dtype == "M8[us]"
        assert (found == array(DUE)).all()
        lengths = elapsed_many(OFFICE, array(STARTS), found)
        assert lengths.dtype == "m8[us]"
        assert (lengths == np.timedelta64(2, "h")).all()

    @pytest.mark.parametrize("unit", ["s", "ms", "ns"])
    def test_any_unit(self, unit: str) -> None:
        starts = array(STARTS).astype(f"M8[{unit}]")
        amounts = np.array([2, 2, 2], "m8[h]").astype(f"m8[{unit}]")
        assert (due_many(OFFICE, starts, amounts) == array(DUE)).all()

    def test_int64_gives_int64(self) -> None:
        starts = np.array(integers(STARTS))
        found = due_many(OFFICE, starts, np.full(3, 2 * HOUR))
        assert found.dtype == np.int64
        assert found.tolist() == integers(DUE)
        assert elapsed_many(OFFICE, found, starts).tolist() == [-2 * HOUR] * 3
        assert starts.tolist() == integers(STARTS)  # what came in is left as it was

    def test_no_starts(self) -> None:
        assert due_many(OFFICE, np.array([], "M8[s]"), H).size == 0
        assert elapsed_many(OFFICE, np.array([], np.int64), np.array([], np.int64)).size == 0

    def test_more_than_go_through_together(self) -> None:
        begin, count = to_micros(utc("2024-01-01T00:00")), 40_000
        starts = begin + np.arange(count) * 60_000_000
        found = due_many(OFFICE, starts, H)
        for n in (0, 16_383, 16_384, 32_768, count - 1):
            start = utc("2024-01-01T00:00") + n * timedelta(minutes=1)
            assert found[n] == to_micros(OFFICE.due(start, H))

    def test_openings_that_crowd_are_found_by_bisection(self) -> None:
        # A thousand spans within two centuries all lie in a few buckets.
        days = {date(2024, 1, 1) + n * timedelta(days=1): hours("09:00-10:00") for n in range(1000)}
        cal = Calendar("crowd", "UTC", {}, {}, days)
        starts = array([utc("2024-01-01T09:30") + n * 7 * H for n in range(2000)])
        expected = [cal.due(utc("2024-01-01T09:30") + n * 7 * H, 5 * H) for n in range(2000)]
        assert (due_many(cal, starts, 5 * H) == array(expected)).all()

    def test_a_table_is_made_once(self) -> None:
        cal = calendar(weekdays("09:00-17:00"))
        starts = array([utc("2001-01-01T00:00") + n * timedelta(days=1) for n in range(9000)])
        with patch.object(Calendar, "_build", autospec=True, side_effect=Calendar._build) as built:
            due_many(cal, starts, 2000 * H)
            assert built.call_count <= 3  # one for each end of the starts, one over both
            due_many(cal, starts, 8 * H)
            elapsed_many(cal, starts, starts + np.timedelta64(1, "h"))
            assert built.call_count <= 3


@pytest.mark.usefixtures("installed")
class TestRefused:
    @pytest.mark.parametrize("form", [list, integers])
    def test_a_calendar_that_never_opens_names_the_start(self, form: type) -> None:
        with pytest.raises(NeverOpens, match=r"^start 0: calendar 'test' has no weekly hours"):
            due_many(NEVER, form(STARTS), H)
        with pytest.raises(NeverOpens, match=r"^start 1: "):
            due_many(NO_MORE, form(STARTS), H)
        with pytest.raises(NeverOpens, match=r"^start 1: "):
            due_many(NO_MORE, form(STARTS), timedelta(0))
        with pytest.raises(NeverOpens, match=r"^start 2: "):
            due_many(NO_MORE, form(STARTS), [H, -H, -9 * H])

    def test_an_answer_out_of_range_names_the_start(self) -> None:
        starts = [*STARTS, utc("2200-12-30T00:00")]
        for form in (starts, integers(starts)):
            with pytest.raises(OutOfRange, match=r"^start 3: .* after 2200"):
                due_many(OFFICE, form, 100 * H)
        with pytest.raises(OutOfRange, match=r"^start 0: .* after 2200"):
            due_many(OFFICE, integers(STARTS), timedelta.max)
        with pytest.raises(OutOfRange, match=r"^start 0: .* before 1970"):
            due_many(OFFICE, integers(STARTS), timedelta.min)

    def test_an_instant_out_of_range_names_the_start(self) -> None:
        early = [to_micros(STARTS[0]), -1]
        with pytest.raises(OutOfRange, match=r"^start 1: an instant before 1970"):
            due_many(OFFICE, early, H)
        with pytest.raises(OutOfRange, match=r"^start 1: an instant before 1970"):
            elapsed_many(OFFICE, early, early)

    def test_a_naive_datetime_names_the_start(self) -> None:
        naive = [STARTS[0], STARTS[1].replace(tzinfo=None)]
        with pytest.raises(NaiveInstant, match=r"^start 1: .* has no time zone"):
            due_many(OFFICE, naive, H)
        with pytest.raises(NaiveInstant, match=r"^start 1: .* has no time zone"):
            elapsed_many(OFFICE, STARTS[:2], naive)

    def test_lengths_that_differ(self) -> None:
        for form in (STARTS, integers(STARTS)):
            with pytest.raises(CalendarError, match="2 amounts for 3 starts"):
                due_many(OFFICE, form, [H, H])
        with pytest.raises(CalendarError, match="2 ends for 3 starts"):
            elapsed_many(OFFICE, STARTS, STARTS[:2])
        with pytest.raises(CalendarError, match="2 ends for 3 starts"):
            elapsed_many(OFFICE, integers(STARTS), integers(STARTS[:2]))


class TestDatetimesWithNumpysAmounts:
    @pytest.mark.parametrize(
        "amounts",
        [
            np.timedelta64(2, "h"),
            np.array([2, 2, 2], "m8[h]"),
            np.array([2 * HOUR] * 3, "m8[us]"),
            np.array([2 * HOUR] * 3),
            [np.int64(2 * HOUR)] * 3,
        ],
        ids=repr,
    )
    def test_are_answered_with_datetimes(self, amounts: bulk.Amounts) -> None:
        found = due_many(OFFICE, STARTS, amounts)
        assert found == DUE
        assert {type(at) for at in found} == {datetime}

    @pytest.mark.parametrize(
        "amounts",
        [
            np.timedelta64(1, "Y"),
            np.array([1.5, 2.5, 3.5]),
            5.0,
            [5.0] * 3,
            [np.timedelta64(1, "h")] * 3,
        ],
        ids=repr,
    )
    def test_what_is_no_length_is_refused(self, amounts: bulk.Amounts) -> None:
        with pytest.raises(CalendarError, match=r"no length|hand in time"):
            due_many(OFFICE, STARTS, amounts)

    def test_other_forms_of_ends_are_refused(self) -> None:
        with pytest.raises(CalendarError, match="the ends are ndarray"):
            elapsed_many(OFFICE, STARTS, array(DUE))  # type: ignore[call-overload]
        with pytest.raises(CalendarError, match=r"^start 0: .* is no instant"):
            elapsed_many(OFFICE, STARTS, list(array(DUE)))
        with pytest.raises(CalendarError, match="hand in datetime64"):
            elapsed_many(OFFICE, array(STARTS), STARTS)  # type: ignore[call-overload]

    def test_integers_beyond_all_lengths_are_out_of_range(self) -> None:
        for amount in (10**30, -(10**30)):
            with pytest.raises(OutOfRange, match=r"^start 0: "):
                due_many(OFFICE, STARTS, amount)


class TestFewQuestions:
    def test_are_answered_without_columns(self) -> None:
        begin = to_micros(STARTS[0])
        made = patch.object(columns, "_Columns", side_effect=columns._Columns)
        with patch.object(columns, "FEW_QUESTIONS", 4), made as counted:
            few = begin + HOUR * np.arange(4)
            many = begin + HOUR * np.arange(5)
            amounts = np.array([H, -H, 9 * H, timedelta(0)], "m8[us]")
            found = due_many(OFFICE, few, amounts), elapsed_many(OFFICE, few, few[::-1])
            assert counted.call_count == 0
            due_many(calendar(weekdays("09:00-17:00")), many, H)
            assert counted.call_count == 1
        expected = due_many(OFFICE, few, amounts), elapsed_many(OFFICE, few, few[::-1])
        for answers, wanted in zip(found, expected, strict=True):
            assert answers.dtype == wanted.dtype == np.int64
            assert (answers == wanted).all()

    def test_name_a_start_without_an_answer(self) -> None:
        with patch.object(columns, "FEW_QUESTIONS", 128):
            with pytest.raises(NeverOpens, match=r"^start 1: "):
                due_many(NO_MORE, array(STARTS), H)
            with pytest.raises(OutOfRange, match=r"^start 0: .* after 2200"):
                due_many(OFFICE, array(STARTS), timedelta.max)


class TestRefusedArrays:
    def test_nat(self) -> None:
        starts = array(STARTS)
        starts[1] = np.datetime64("NaT", "us")
        with pytest.raises(CalendarError, match=r"start 1 is not there \(NaT\)"):
            due_many(OFFICE, starts, H)
        with pytest.raises(CalendarError, match=r"end 1 is not there \(NaT\)"):
            elapsed_many(OFFICE, array(STARTS), starts)
        with pytest.raises(CalendarError, match=r"amount 0 is not there \(NaT\)"):
            due_many(OFFICE, array(STARTS), np.timedelta64("NaT", "us"))

    @pytest.mark.parametrize("away", [2**64 // 64, 15_625 * 2**64 // 10**6, -(2**64) // 64])
    def test_an_instant_too_far_for_microseconds(self, away: int) -> None:
        # Multiplied by a million, these come round to the very start that they are away from.
        starts = array(STARTS).astype("M8[s]")
        starts[1] += np.timedelta64(away, "s")
        with pytest.raises(OutOfRange, match=r"^start 1: an instant (after 2200|before 1970)"):
            due_many(OFFICE, starts, H)

    @pytest.mark.parametrize("unit", ["500000Y", "2000000M", "60000000D"])
    def test_an_instant_in_units_longer_than_all_that_microseconds_count(self, unit: str) -> None:
        for units, where in ((3, "after 2200"), (-3, "before 1970")):
            with pytest.raises(OutOfRange, match=f"^start 0: .* {where}"):
                due_many(OFFICE, np.array([units], f"M8[{unit}]"), H)

    def test_an_amount_too_long_for_microseconds(self) -> None:
        for seconds, where in ((2**58, "after 2200"), (-(2**58), "before 1970")):
            with pytest.raises(OutOfRange, match=f"^start 0: .* {where}"):
                due_many(OFFICE, array(STARTS), np.timedelta64(seconds, "s"))

    def test_years_and_months_are_no_length(self) -> None:
        for unit in ("Y", "M"):
            with pytest.raises(CalendarError, match="years or months"):
                due_many(OFFICE, array(STARTS), np.timedelta64(1, unit))

    def test_parts_of_a_microsecond(self) -> None:
        starts = array(STARTS).astype("M8[ns]")
        starts[2] += np.timedelta64(1, "ns")
        with pytest.raises(CalendarError, match="start 2 has parts of a microsecond"):
            due_many(OFFICE, starts, H)

    @pytest.mark.parametrize(
        "starts", [np.array([1.5]), np.array(["2024"]), np.array([None]), np.array([True])]
    )
    def test_what_is_no_instant(self, starts: np.ndarray[tuple[int], np.dtype[np.generic]]) -> None:
        with pytest.raises(CalendarError, match="hand in datetime64"):
            due_many(OFFICE, starts, H)

    def test_what_is_no_length(self) -> None:
        with pytest.raises(CalendarError, match="hand in timedelta64"):
            due_many(OFFICE, array(STARTS), np.array([1.5, 2.5, 3.5]))

    def test_more_than_one_dimension(self) -> None:
        with pytest.raises(CalendarError, match="2 dimensions"):
            due_many(OFFICE, array(STARTS).reshape(1, 3), H)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.data())
def test_many_are_answered_as_each_alone(data: st.DataObject) -> None:
    cal, centre = data.draw(calendars())
    starts = data.draw(st.lists(instants(centre, timedelta(microseconds=7)), min_size=1))
    some = st.integers(-60 * HOUR, 60 * HOUR) | st.integers(-60, 60).map(lambda n: n * HOUR)
    amounts = [data.draw(some) * timedelta(microseconds=1) for _ in starts]
    ends = data.draw(st.permutations(starts))
    try:
        expected = [cal.due(start, amount) for start, amount in zip(starts, amounts, strict=True)]
    except NeverOpens:
        with pytest.raises(NeverOpens):
            due_many(cal, array(starts), np.array(amounts, "m8[us]"))
    else:
        assert due_many(cal, starts, amounts) == expected
        assert (due_many(cal, array(starts), np.array(amounts, "m8[us]")) == array(expected)).all()
    lengths = [cal.elapsed(a, b) for a, b in zip(starts, ends, strict=True)]
    assert elapsed_many(cal, starts, ends) == lengths
    assert elapsed_many(cal, array(starts), array(ends)).tolist() == lengths


def test_always_open_and_round_the_clock() -> None:
    for cal in (Calendar("always", "UTC", always_open=True), calendar(every_day("00:00-24:00"))):
        assert due_many(cal, integers(STARTS), 5 * H) == integers([at + 5 * H for at in STARTS])


def test_numpy_is_only_imported_where_it_is_needed() -> None:
    """It takes a tenth of a second, which nothing pays that asks one question."""
    asked = (
        "import sys; from datetime import *; from sla.bulk import due_many;"
        "from sla.calendar import *;"
        "cal = Calendar('x', 'UTC', always_open=True);"
        "due_many(cal, [datetime(2024, 1, 1, tzinfo=UTC)], timedelta(1));"
        "sys.exit('numpy' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)  # noqa: S603 - our own


def test_hours_of_two_zones_in_bulk() -> None:
    coasts = Opening(
        WallTime.parse("05:00 America/Los_Angeles"), WallTime.parse("20:00 America/New_York")
    )
    cal = Calendar("coasts", "America/Chicago", dict.fromkeys(range(5), (coasts,)))
    starts = [utc("2024-01-02T10:00") + n * 11 * H for n in range(800)]
    assert due_many(cal, integers(starts), 12 * H) == integers([cal.due(s, 12 * H) for s in starts])
