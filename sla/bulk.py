"""A million questions to a calendar at once, for previews and reports over whole sites.

The answers are those of `Calendar.due` and `Calendar.elapsed`, without pauses: a pause belongs to
one issue, and an issue that has one is asked about by itself. What comes in comes out:

- aware datetimes give datetimes in UTC and timedeltas, in lists;
- integers, microseconds since the epoch (UTC) as the database keeps them, give integers;
- numpy arrays, of `datetime64` (UTC) or of such integers, give arrays of the same length, with
  `datetime64[us]`, `timedelta64[us]` or `int64`.

Integers and arrays go through numpy where it is installed (the extra `numpy`): 20 ns a deadline in
an array, 80 in a list, and not 2.5 us. Without it integers are answered one by one, and so are
datetimes in any case: to make numbers of them and datetimes again takes as long as the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from importlib import import_module
from itertools import repeat
from typing import TYPE_CHECKING, Any, overload

from sla.calendar import Calendar
from sla.errors import CalendarError
from sla.zones import check_range, from_micros, micros_of, to_micros

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Amounts = timedelta | int | np.timedelta64 | Sequence[timedelta] | Sequence[int] | NDArray[Any]


@overload
def due_many(
    calendar: Calendar, starts: Sequence[datetime], amounts: Amounts
) -> list[datetime]: ...
@overload
def due_many(calendar: Calendar, starts: Sequence[int], amounts: Amounts) -> list[int]: ...
@overload
def due_many(calendar: Calendar, starts: NDArray[Any], amounts: Amounts) -> NDArray[Any]: ...
def due_many(calendar: Calendar, starts: Any, amounts: Any) -> Any:
    """`calendar.due(start, amount)` for each start.

    Args:
        calendar: any.
        starts: aware datetimes in any zones, integers or an array, see the module.
        amounts: open time, one for all or one for each start, as timedeltas or microseconds or an
            array of `timedelta64` or microseconds; zero and negative ones as in `due`.

    Raises:
        CalendarError: the lengths differ, or something is neither an instant nor a length (NaT).
        NaiveInstant, NeverOpens, OutOfRange: as `due`, naming a start that has no answer.
    """
    columns = _columns_for(starts)
    if columns is not None:
        return columns.due_many(calendar, starts, amounts)
    return _each(starts, _many(amounts, len(starts)), calendar.due, timedelta_of)


@overload
def elapsed_many(
    calendar: Calendar, starts: Sequence[datetime], ends: Sequence[datetime]
) -> list[timedelta]: ...
@overload
def elapsed_many(calendar: Calendar, starts: Sequence[int], ends: Sequence[int]) -> list[int]: ...
@overload
def elapsed_many(calendar: Calendar, starts: NDArray[Any], ends: NDArray[Any]) -> NDArray[Any]: ...
def elapsed_many(calendar: Calendar, starts: Any, ends: Any) -> Any:
    """`calendar.elapsed(start, end)` for each start and the end in the same place.

    Raises:
        CalendarError: the lengths differ, or something is no instant (NaT).
        NaiveInstant, OutOfRange: as `elapsed`, naming a start that has no answer.
    """
    columns = _columns_for(starts)
    if columns is not None:
        return columns.elapsed_many(calendar, starts, ends)
    if len(ends) != len(starts):
        raise CalendarError(f"{len(ends)} ends for {len(starts)} starts; hand in one for each")
    return _each(starts, ends, calendar.elapsed, instant_of)


def _columns_for(starts: Any) -> Any:
    """The module that asks by numpy; None where it is not installed, or datetimes are asked for."""
    if isinstance(starts, Sequence) and (not starts or isinstance(starts[0], datetime)):
        return None
    try:
        # Not at the top: numpy is an extra, and takes 0.1 s to import.
        return import_module("sla.columns")
    except ImportError:
        return None


def _each(
    starts: Sequence[Any],
    others: Iterable[Any],
    ask: Callable[[datetime, Any], datetime | timedelta],
    read: Callable[[Any], Any],
) -> list[Any]:
    as_integers = bool(starts) and isinstance(starts[0], int)
    answers: list[Any] = []
    for n, (start, other) in enumerate(zip(starts, others, strict=True)):
        try:
            answer = ask(instant_of(start), read(other))
        except CalendarError as error:
            raise named(error, n) from None
        answers.append(integer_of(answer) if as_integers else answer)
    return answers


def _many(amounts: Any, count: int) -> Iterable[Any]:
    """One amount for each."""
    if isinstance(amounts, timedelta | int):
        return repeat(amounts, count)
    if len(amounts) != count:
        raise CalendarError(
            f"{len(amounts)} amounts for {count} starts; hand in one for all or one for each"
        )
    each: Iterable[Any] = amounts
    return each


def named(error: CalendarError, index: int) -> CalendarError:
    """The same error, telling which start it is about."""
    return type(error)(f"start {index}: {error}")


def instant_of(start: datetime | int) -> datetime:
    """An instant as a datetime.

    Raises:
        OutOfRange: before 1970 or after 2200.
    """
    if isinstance(start, datetime):
        return start
    check_range(start)
    return from_micros(start)


def timedelta_of(amount: timedelta | int) -> timedelta:
    """A length as a timedelta."""
    return amount if isinstance(amount, timedelta) else timedelta(0, 0, amount)


def integer_of(answer: datetime | timedelta) -> int:
    """An instant or a length in microseconds."""
    return to_micros(answer) if isinstance(answer, datetime) else micros_of(answer)
