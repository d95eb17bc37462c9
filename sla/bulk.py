"""A million questions to a calendar at once, for previews and reports over whole sites.

The answers are those of `Calendar.due` and `Calendar.elapsed`, without pauses: a pause belongs to
one issue, and an issue that has one is asked about by itself. What comes in comes out:

- aware datetimes give datetimes in UTC and timedeltas, in lists;
- integers, microseconds since the epoch (UTC) as the database keeps them, give integers;
- numpy arrays, of `datetime64` (UTC) or of such integers, give arrays of the same length, with
  `datetime64[us]`, `timedelta64[us]` or `int64`.

Integers and arrays go through numpy where it is installed (the extra `numpy`): 20 ns a deadline in
an array, 80 in a list, and not 2.5 us. Without it, or where they are few, no columns are made of
the calendar; nor are they for datetimes in any case: to make numbers of them and datetimes again
takes as long as the answer. Then each is asked about by itself, but for deadlines that share one
amount, which are asked about together, see `Calendar.dues`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from importlib import import_module
from itertools import repeat
from operator import index
from typing import TYPE_CHECKING, Any, overload

from sla.calendar import Calendar
from sla.errors import CalendarError
from sla.zones import check_range, from_micros, micros_of, to_micros

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Amounts = timedelta | int | np.timedelta64 | Sequence[timedelta] | Sequence[int] | NDArray[Any]

_LENGTHS = "hand in timedeltas or integers, microseconds, one for all or one for each"


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
        amounts: open time, one for all or one for each start, as timedeltas or microseconds, or as
            numpy's: a `timedelta64`, an array of them or of microseconds, whatever the starts are.
            Zero and negative ones as in `due`. Years and months of numpy's are no length.

    Raises:
        CalendarError: the lengths differ, or something is neither an instant nor a length (NaT).
        NaiveInstant, NeverOpens, OutOfRange: as `due`, naming a start that has no answer.
    """
    columns = _columns_for(starts)
    if columns is not None:
        return columns.due_many(calendar, starts, amounts)
    if isinstance(amounts, timedelta | int) and starts:
        # One by one they tell which has no answer.
        with suppress(CalendarError):
            return _together(calendar, starts, timedelta_of(amounts))
    return each_alone(starts, many(amounts, len(starts)), calendar.due, timedelta_of)


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

    Args:
        calendar: any.
        starts: as in `due_many`.
        ends: in the same form as the starts: no array where those are datetimes, and no datetimes
            where those are integers or an array.

    Raises:
        CalendarError: the lengths or the forms differ, or something is no instant (NaT).
        NaiveInstant, OutOfRange: as `elapsed`, naming a start that has no answer.
    """
    columns = _columns_for(starts)
    if columns is not None:
        return columns.elapsed_many(calendar, starts, ends)
    if not isinstance(ends, Sequence):
        raise CalendarError(f"the ends are {_kind(ends)}; hand in a list, as the starts are")
    if len(ends) != len(starts):
        raise CalendarError(f"{len(ends)} ends for {len(starts)} starts; hand in one for each")
    return each_alone(starts, ends, calendar.elapsed, instant_of)


def _columns_for(starts: Any) -> Any:
    """The module that asks by numpy; None where it is not installed, or datetimes are asked for."""
    if isinstance(starts, Sequence) and (not starts or isinstance(starts[0], datetime)):
        return None
    try:
        # Not at the top: numpy is an extra, and takes 0.1 s to import.
        return import_module("sla.columns")
    except ImportError:
        return None


def _together(calendar: Calendar, starts: Sequence[Any], amount: timedelta) -> list[Any]:
    """The dues of one amount; integers answer integers."""
    if isinstance(starts[0], datetime):
        return calendar.dues(starts, amount)
    return [*map(to_micros, calendar.dues([*map(instant_of, starts)], amount))]


def each_alone(
    starts: Sequence[Any],
    others: Iterable[Any],
    ask: Callable[[datetime, Any], datetime | timedelta],
    read: Callable[[Any], Any],
) -> list[Any]:
    """Each question by itself; integers answer integers."""
    as_integers = bool(starts) and isinstance(starts[0], int)
    answers: list[Any] = []
    for n, (start, other) in enumerate(zip(starts, others, strict=True)):
        try:
            answer = ask(instant_of(start), read(other))
        except CalendarError as error:
            raise named(error, n) from None
        answers.append(integer_of(answer) if as_integers else answer)
    return answers


def many(amounts: Any, count: int) -> Iterable[Any]:
    """One amount for each.

    Raises:
        CalendarError: there are more or fewer, or they are no lengths.
    """
    if hasattr(amounts, "dtype"):
        # Whoever has something of numpy's has numpy.
        amounts = import_module("sla.columns").amounts_of(amounts, count)
    if isinstance(amounts, timedelta | int):
        return repeat(amounts, count)
    if not isinstance(amounts, Sequence):
        raise CalendarError(f"the amounts are {_kind(amounts)}; {_LENGTHS}")
    if len(amounts) != count:
        raise CalendarError(
            f"{len(amounts)} amounts for {count} starts; hand in one for all or one for each"
        )
    each: Iterable[Any] = amounts
    return each


def named(error: CalendarError, place: int) -> CalendarError:
    """The same error, telling which start it is about."""
    return type(error)(f"start {place}: {error}")


def instant_of(start: datetime | int) -> datetime:
    """An instant as a datetime.

    Raises:
        CalendarError: it is neither of the two.
        OutOfRange: before 1970 or after 2200.
    """
    if isinstance(start, datetime):
        return start
    instant = _integer(start, "instant", "hand in aware datetimes or integers, microseconds")
    check_range(instant)
    return from_micros(instant)


def timedelta_of(amount: timedelta | int) -> timedelta:
    """A length as a timedelta; one that is too long for that as the longest.

    Raises:
        CalendarError: it is neither of the two.
    """
    if isinstance(amount, timedelta):
        return amount
    micros = _integer(amount, "length", _LENGTHS)
    try:
        return timedelta(0, 0, micros)
    except OverflowError:
        return timedelta.max if micros > 0 else timedelta.min


def _integer(given: Any, what: str, advice: str) -> int:
    try:
        return index(given)
    except TypeError:
        raise CalendarError(f"{given!r} is no {what}; {advice}") from None


def _kind(given: Any) -> str:
    return type(given).__name__


def integer_of(answer: datetime | timedelta) -> int:
    """An instant or a length in microseconds."""
    return to_micros(answer) if isinstance(answer, datetime) else micros_of(answer)
