"""A million deadlines at once, in no order: with numpy, and by the fallback in plain Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from bench import office
from bench.office import Answer, Question
from bench.peers import MakesWay, Way, against_peers
from bench.row import Context, Result, Row
from sla.bulk import due_many
from sla.zones import from_micros, to_micros

_AMOUNT = timedelta(hours=8)
_WANTED = 500
_MANY, _QUICK_MANY = 1_000_000, 20_000
# The fallback takes as long for each however many there are.
_FEW = 20_000
_FIRST = to_micros(datetime(office.YEARS[0], 1, 1, tzinfo=UTC))
_LAST = to_micros(datetime(office.YEARS[-1], 12, 1, tzinfo=UTC))
_OFFICE = office.calendar()


def measure(context: Context) -> Result:
    """The array is judged. Datetimes are answered one by one, with or without numpy."""
    try:
        import numpy as np
    except ImportError:
        return Result((), reached=False, said="not measured: the extra numpy is not installed")
    many = _QUICK_MANY if context.quick else _MANY
    return against_peers(
        context,
        Question("due", _AMOUNT),
        {
            "dueline, numpy array": _filled_up(many, context.seed, np.array),
            "dueline, list of integers": _filled_up(many, context.seed, list),
            "dueline, integers without numpy": _filled_up(_FEW, context.seed, list, _without_numpy),
            "dueline, list of datetimes": _datetimes,
        },
        _WANTED,
    )


def _filled_up(
    count: int,
    seed: int,
    form: Callable[[list[int]], Any],
    ask: Callable[[Any], Any] = lambda starts: due_many(_OFFICE, starts, _AMOUNT),
) -> MakesWay:
    """The given starts and as many others of the same years as make up the number."""

    def make(starts: Sequence[datetime]) -> Way:
        choice = Random(seed)  # noqa: S311 - a measurement is no secret
        given = [to_micros(start) for start in starts]
        others = (choice.randrange(_FIRST, _LAST) for _ in range(count - len(given)))
        asked = form([*given, *others])
        return Way(lambda: ask(asked), count, lambda answers: _instants(answers[: len(given)]))

    return make


def _datetimes(starts: Sequence[datetime]) -> Way:
    return Way(lambda: due_many(_OFFICE, list(starts), _AMOUNT), len(starts), list)


def _instants(answers: Any) -> Sequence[Answer]:
    return [from_micros(int(answer)) for answer in answers]


def _without_numpy(starts: list[int]) -> list[int]:
    with _numpy_hidden():
        return due_many(_OFFICE, starts, _AMOUNT)


@contextmanager
def _numpy_hidden() -> Iterator[None]:
    """As where numpy is not installed: what needs it cannot be imported."""
    there = sys.modules.pop("sla.columns", None)
    sys.modules["sla.columns"] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules["sla.columns"]
        if there is not None:
            sys.modules["sla.columns"] = there


ROW = Row(
    id="bulk_deadlines",
    title="a million deadlines at once, each",
    to_reach="500 times faster",
    against="django-bizcal, cold",
    measure=measure,
)
