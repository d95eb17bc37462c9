"""Open tables as numpy columns: what answers a million questions at once; see `sla.bulk`.

Needs the extra `numpy`. All columns are microseconds, instants since the epoch in UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sla.bulk import each_alone, instant_of, many, named, timedelta_of
from sla.calendar import Calendar
from sla.errors import CalendarError, NeverOpens, OutOfRange
from sla.open_table import OpenTable
from sla.zones import FIRST, FIRST_AT, LAST, LAST_AT, check_range, from_micros, micros_of, to_micros

Micros = NDArray[np.int64]

# So many questions go through all steps together: their columns then stay in the processor's
# second cache; where a whole million went through memory at each step, it took twice as long.
_TOGETHER = 1 << 14

# A search that would look at more places of a bucket than this is left to bisection.
_FEW = 8

# Up to so many questions are answered one by one: columns first have to be made of the calendar's
# table, 4 ms for fifteen years of three shifts a day, in which 1,500 single answers are given.
FEW_QUESTIONS = 128

_TOO_MUCH = 1 << 62

_ADVICE = "hand in datetime64 (UTC) or int64, microseconds since the epoch"


def due_many(calendar: Calendar, starts: Any, amounts: Any) -> Any:
    """See `sla.bulk.due_many`; starts an array or integers."""
    at, answered = _instants(starts, "start")
    wanted = _amounts(amounts, at.shape)
    if at.size <= FEW_QUESTIONS:
        amount_of_each = many(wanted.tolist(), at.size)
        dues = each_alone(at.tolist(), amount_of_each, calendar.due, timedelta_of)
        return answered(np.array(dues, np.int64))
    columns = _columns(_table_for(calendar, at, wanted))
    found = np.empty_like(at)
    for few in _slices(at.size):
        amount = wanted[few] if wanted.ndim else wanted
        found[few], missing = columns.due(at[few], amount)
        if missing.any():
            index = few.start + int(missing.argmax())
            _refuse(calendar, index, at[index], wanted[index] if wanted.ndim else wanted)
    return answered(found)


def elapsed_many(calendar: Calendar, starts: Any, ends: Any) -> Any:
    """See `sla.bulk.elapsed_many`; starts an array or integers."""
    from_, _ = _instants(starts, "start")
    to, _ = _instants(ends, "end")
    if from_.shape != to.shape:
        raise CalendarError(f"{to.size} ends for {from_.size} starts; hand in one for each")
    used = np.zeros_like(from_)
    if from_.size <= FEW_QUESTIONS:
        used[:] = each_alone(from_.tolist(), to.tolist(), calendar.elapsed, instant_of)
    else:
        both = (from_, to)
        first, last = min(int(each.min()) for each in both), max(int(each.max()) for each in both)
        columns = _columns(calendar.open_table(from_micros(first), from_micros(last)))
        for few in _slices(from_.size):
            used[few] = columns.used(to[few]) - columns.used(from_[few])
    if isinstance(starts, np.ndarray):
        return used.view("m8[us]") if starts.dtype.kind == "M" else used
    return used.tolist()


# -- what comes in and goes out -------------------------------------------------------------------


def _instants(given: Any, what: str) -> tuple[Micros, Callable[[Micros], Any]]:
    """Instants as integers within the years that calendars answer for, and the way back."""
    array = np.asarray(given)
    if array.ndim != 1:
        raise CalendarError(f"the {what}s have {array.ndim} dimensions; hand in one of them")
    at = _micros(array, what, "M") if array.size else array.astype(np.int64)
    if at.size and not FIRST <= at.min() <= at.max() <= LAST:
        index = int(((at < FIRST) | (at > LAST)).argmax())
        try:
            check_range(int(at[index]))
        except OutOfRange as error:
            raise named(error, index) from None
    if not isinstance(given, np.ndarray):
        return at, lambda answers: answers.tolist()
    if array.dtype.kind == "M":
        return at, lambda answers: answers.view("M8[us]")
    return at, lambda answers: answers


def amounts_of(given: Any, count: int) -> Any:
    """Lengths as numpy has them, as integers: one for all, or a list with one for each start."""
    return _amounts(given, (count,)).tolist()


def _amounts(given: Any, shape: tuple[int, ...]) -> Micros:
    """Lengths as integers: one for all, without dimension, or one for each start."""
    array = np.asarray(given)
    if array.dtype.kind == "O" and all(isinstance(each, timedelta) for each in array.flat):
        # The longest timedelta is too much for 64 bits, and much less is too much for any calendar.
        micros = [min(max(micros_of(each), -_TOO_MUCH), _TOO_MUCH) for each in array.flat]
        array = np.array(micros, np.int64).reshape(array.shape)
    if array.ndim and array.shape != shape:
        raise CalendarError(
            f"{array.size} amounts for {shape[0]} starts; hand in one for all or one for each"
        )
    if not array.size:
        return array.astype(np.int64)
    return _micros(array, "amount", "m").clip(-_TOO_MUCH, _TOO_MUCH)


def _micros(array: NDArray[Any], what: str, kind: Literal["M", "m"]) -> Micros:
    """Instants (`M`) or lengths (`m`) as integers, exactly."""
    if array.dtype.kind == "i":
        return array.astype(np.int64, copy=False)
    if array.dtype.kind != kind:
        advice = _ADVICE if kind == "M" else "hand in timedelta64 or int64, microseconds"
        raise CalendarError(f"the {what}s are {array.dtype}; {advice}")
    missing = np.isnat(array)
    if missing.any():
        raise CalendarError(f"{what} {int(missing.argmax())} is not there (NaT)")
    if kind == "m" and np.datetime_data(array.dtype)[0] in ("Y", "M"):
        raise CalendarError(f"the {what}s are years or months, which are no length; use days")
    in_micros = np.dtype(f"{kind}8[us]")
    if array.dtype == in_micros:
        return array.view(np.int64)
    if np.promote_types(array.dtype, in_micros) == in_micros:
        # A coarser unit reaches further than microseconds do. Of what lies there numpy 2.4 makes
        # something else, and 2.5 raises an error: it is brought to where no calendar answers.
        units = array.astype(np.int64)
        reach = np.array([_TOO_MUCH], in_micros).astype(array.dtype).astype(np.int64)[0]
        near = units.clip(-reach, reach)
        found = near.astype(array.dtype).astype(in_micros).view(np.int64)
        return np.where(near == units, found, np.where(units < 0, -_TOO_MUCH, _TOO_MUCH))
    micros = array.astype(in_micros)
    split = micros.astype(array.dtype) != array
    if split.any():
        index = int(split.argmax())
        raise CalendarError(f"{what} {index} has parts of a microsecond; round it first")
    return micros.view(np.int64)


def _slices(size: int) -> list[slice]:
    return [slice(n, min(n + _TOGETHER, size)) for n in range(0, size, _TOGETHER)]


def _table_for(calendar: Calendar, at: Micros, wanted: Micros) -> OpenTable:
    """A table that holds all starts and all answers that there are.

    No answer is later than that to the latest start with the greatest amount, nor earlier than that
    to the earliest start with the least; so two single questions tell how far it has to reach.
    """
    first, last = from_micros(int(at.min())), from_micros(int(at.max()))
    latest = _answer(calendar, last, max(int(wanted.max()), 0), LAST_AT)
    earliest = _answer(calendar, first, min(int(wanted.min()), 0), FIRST_AT)
    return calendar.open_table(min(first, earliest), max(last, latest))


def _answer(calendar: Calendar, start: datetime, amount: int, otherwise: datetime) -> datetime:
    try:
        return calendar.due(start, timedelta(0, 0, amount))
    except (NeverOpens, OutOfRange):
        return otherwise


def _refuse(calendar: Calendar, index: int, at: np.int64, amount: Any) -> None:
    """Raise what `Calendar.due` raises, and name the start."""
    try:
        calendar.due(from_micros(int(at)), timedelta(0, 0, int(amount)))
    except CalendarError as error:
        raise named(error, index) from None
    raise AssertionError(f"start {index} has an answer after all")


# -- the table ------------------------------------------------------------------------------------


class _Columns:
    """`OpenTable` for many instants at once; the names are the same."""

    def __init__(self, table: OpenTable) -> None:
        opens, lengths = _opens_and_lengths(table)
        self.totals = np.concatenate(([0], np.cumsum(lengths)))
        self.total = self.totals[-1]
        # A place more at one end, so that no instant needs a case of its own: before the first
        # opening the last closing was long ago, after the last closing nothing opens.
        self.closes_before = np.concatenate(([FIRST - 1], opens + lengths))
        self.opens_next = np.append(opens, LAST + 1)
        self.bases = np.append(opens, LAST + 1) - self.totals
        first, last = to_micros(table.first), to_micros(table.last)
        self._opened_by = _Finder(opens, "right", first, last)
        self._used_before = _Finder(self.totals, "left", 0, int(self.total))
        self._used_by = _Finder(self.totals, "right", 0, int(self.total))

    def used(self, at: Micros) -> Micros:
        """Open time from the table's beginning to each instant."""
        index = self._opened_by(at)
        left = self.closes_before.take(index)
        left -= at
        np.maximum(left, 0, out=left)
        return self.totals.take(index) - left

    def due(self, at: Micros, amounts: Micros) -> tuple[Micros, NDArray[np.bool_]]:
        """The due instants, and for which there is none in the table."""
        signs = np.sign(amounts)
        if (signs == signs.flat[0]).all():
            return self._way(int(signs.flat[0]))(at, amounts)
        found, missing = np.empty_like(at), np.zeros(at.shape, np.bool_)
        for sign in (-1, 0, 1):
            chosen = signs == sign
            found[chosen], missing[chosen] = self._way(sign)(at[chosen], amounts[chosen])
        return found, missing

    def _way(self, sign: int) -> Callable[[Micros, Micros], tuple[Micros, NDArray[np.bool_]]]:
        return {1: self._earliest, 0: self._open_from, -1: self._latest}[sign]

    def _earliest(self, at: Micros, amounts: Micros) -> tuple[Micros, NDArray[np.bool_]]:
        used = self.used(at) + amounts
        missing = used > self.total
        np.minimum(used, self.total, out=used)
        return self.bases.take(self._used_before(used) - 1) + used, missing

    def _latest(self, at: Micros, amounts: Micros) -> tuple[Micros, NDArray[np.bool_]]:
        used = self.used(at) + amounts
        missing = used < 0
        np.maximum(used, 0, out=used)
        return self.bases.take(self._used_by(used) - 1) + used, missing

    def _open_from(self, at: Micros, _amounts: Micros) -> tuple[Micros, NDArray[np.bool_]]:
        index = self._opened_by(at)
        found = np.where(self.closes_before.take(index) > at, at, self.opens_next.take(index))
        return found, found > LAST


@lru_cache(maxsize=16)
def _columns(table: OpenTable) -> _Columns:
    return _Columns(table)


def _opens_and_lengths(table: OpenTable) -> tuple[Micros, Micros]:
    """The spans of a table as columns, in order; one that is open across weeks is two that touch.

    Few weeks differ, and only those are worked out.
    """
    known = {
        week: (_column(week.opens), np.diff(_column(week.totals))) for week in set(table.weeks)
    }
    opens, lengths = zip(*map(known.__getitem__, table.weeks), strict=True)
    begins = to_micros(table.begin) + _column(table.begins)
    counts = [len(each) for each in opens]
    return np.repeat(begins, counts) + np.concatenate(opens), np.concatenate(lengths)


def _column(lengths: Sequence[timedelta]) -> Micros:
    return np.array([micros_of(each) for each in lengths], np.int64)


class _Finder:
    """How many points lie before each value, as `bisect` tells; the values lie within a range.

    The range is cut into twice as many buckets as there are points; each knows how many points lie
    before it, and the few within it are looked at one after the other. That reads two or three
    places next to each other where bisection jumps through the whole column: 10 ns instead of 150.
    """

    def __init__(
        self, points: Micros, side: Literal["left", "right"], first: int, last: int
    ) -> None:
        self._points = points
        self._side = side
        self._first = first
        buckets = 2 * len(points) + 1
        # A width that is a power of two makes the division a shift.
        self._shift = ((last - first) // buckets).bit_length()
        edges = first + (np.arange(((last - first) >> self._shift) + 2) << self._shift)
        self._before = np.searchsorted(points, edges, side)
        self._most = int(np.diff(self._before).max())
        self._padded = np.append(points, np.iinfo(np.int64).max)

    def __call__(self, values: Micros) -> NDArray[np.intp]:
        if self._most > _FEW:
            return np.searchsorted(self._points, values, self._side)
        index = self._before.take((values - self._first) >> self._shift)
        passed = np.less if self._side == "left" else np.less_equal
        for _ in range(self._most):
            index += passed(self._padded.take(index), values)
        return index
