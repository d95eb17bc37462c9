"""One question to a calendar asked in every way there is: all have to give the same answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import numpy as np

from sla import bulk, columns
from sla.bulk import due_many, elapsed_many
from sla.calendar import Calendar
from sla.errors import CalendarError
from sla.zones import from_micros, micros_of, to_micros
from tests.sla.minute_reference import TooFar
from tests.sla.span_reference import span_reference

Pauses = Sequence[tuple[datetime, datetime]]


def due(calendar: Calendar, start: datetime, amount: timedelta, pauses: Pauses = ()) -> datetime:
    """`calendar.due`, after all ways have agreed about it without the pauses."""
    _all_say(lambda: calendar.due(start, amount), _dues(calendar, start, amount))
    with suppress(TooFar):
        expected = span_reference(calendar, start.date().replace(day=1)).due(start, amount)
        assert calendar.due(start, amount) == expected
    return calendar.due(start, amount, pauses)


def elapsed(calendar: Calendar, start: datetime, end: datetime, pauses: Pauses = ()) -> timedelta:
    """`calendar.elapsed`, after all ways have agreed about it without the pauses."""
    _all_say(lambda: calendar.elapsed(start, end), _lengths(calendar, start, end))
    with suppress(TooFar):
        expected = span_reference(calendar, start.date().replace(day=1)).elapsed(start, end)
        assert calendar.elapsed(start, end) == expected
    return calendar.elapsed(start, end, pauses)


def _dues(
    calendar: Calendar, start: datetime, amount: timedelta
) -> Iterator[Callable[[], datetime]]:
    at, micros = to_micros(start), micros_of(amount)
    yield lambda: calendar.dues([start, start], amount)[1]
    yield lambda: due_many(calendar, [start], amount)[0]
    yield lambda: from_micros(_plainly(lambda: due_many(calendar, [at], [micros]))[0])
    yield lambda: from_micros(_by_columns(lambda: due_many(calendar, [at], micros))[0])
    both = np.array([at]), np.array([micros])
    yield lambda: from_micros(int(_by_columns(lambda: due_many(calendar, *both))[0]))
    yield lambda: from_micros(int(due_many(calendar, *both)[0]))


def _lengths(
    calendar: Calendar, start: datetime, end: datetime
) -> Iterator[Callable[[], timedelta]]:
    a, b = to_micros(start), to_micros(end)
    yield lambda: elapsed_many(calendar, [start], [end])[0]
    yield lambda: timedelta(0, 0, _plainly(lambda: elapsed_many(calendar, [a], [b]))[0])
    both = np.array([a]), np.array([b])
    yield lambda: timedelta(0, 0, int(_by_columns(lambda: elapsed_many(calendar, *both))[0]))
    yield lambda: timedelta(0, 0, int(elapsed_many(calendar, *both)[0]))


def _plainly(ask: Callable[[], list[int]]) -> list[int]:
    with patch.object(bulk, "_columns_for", return_value=None):
        return ask()


def _by_columns(ask: Callable[[], Any]) -> Any:
    """As many questions are answered, though there is but one."""
    with patch.object(columns, "FEW_QUESTIONS", 0):
        return ask()


def _all_say(ask: Callable[[], object], ways: Iterator[Callable[[], object]]) -> None:
    expected = _told(ask)
    for way in ways:
        assert _told(way) == expected


def _told(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except CalendarError as error:
        return type(error)
