"""Calendar questions as JSON lines: due instants, elapsed time, business days."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, get_args

from config.calendars import calendar_from_document
from config.errors import ConfigurationError
from sla.calendar import Calendar, Reading
from sla.errors import SlaError
from sla.words import utc
from webhooks.questions import QuestionError, instant, parse_object, refuse_unknown

_MICROSECOND = timedelta(microseconds=1)
# Beyond this no calendar reaches, and a float would no longer tell one second from the next.
_MOST_SECONDS = 10**11
_MOST_DAYS = 100_000
_MEMBERS = ("id", "op", "calendar", "start", "seconds", "end", "days", "reading", "pauses")


class Calendars:
    """Calendars by id, each built when it is first asked for; a bad one spoils no other."""

    def __init__(self, documents: Mapping[str, Any]) -> None:
        self._documents = documents
        self._built: dict[str, Calendar] = {}

    def get(self, name: Any) -> Calendar:
        """A calendar by its id.

        Raises:
            QuestionError: there is none of that id, or its document is faulty.
        """
        if name is None:
            raise QuestionError("calendar: is missing; expected an id of the calendars file")
        if not isinstance(name, str) or name not in self._documents:
            raise QuestionError(f"calendar: there is no {name!r} in the calendars file")
        if name not in self._built:
            document = self._documents[name]
            if not isinstance(document, dict):
                raise QuestionError(
                    f"calendar {name}: expected an object with time_zone and weekly"
                )
            try:
                self._built[name] = calendar_from_document(name, document)
            except (ConfigurationError, SlaError) as error:
                raise QuestionError(str(error)) from None
        return self._built[name]


def read_calendars(path: Path) -> Calendars:
    """The calendars of a JSON file, which maps an id to a calendar's document.

    Raises:
        QuestionError: the file is not such a mapping.
    """
    try:
        documents = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError, RecursionError) as error:
        raise QuestionError(f"{path}: not a JSON file: {error}") from None
    if not isinstance(documents, dict):
        raise QuestionError(f"{path}: expected an object that maps an id to a calendar")
    return Calendars(documents)


def answer_lines(calendars: Calendars, lines: Iterable[str]) -> Iterator[str]:
    """Answer each question with `{"id", "result"}` or `{"id", "error"}`, in order."""
    for line in lines:
        if not line.strip():
            continue
        name = None
        try:
            question = parse_object(line)
            name = question.get("id")
            refuse_unknown(question, _MEMBERS)
            answer = {"id": name, "result": _result(calendars, question)}
        except (QuestionError, SlaError) as error:
            answer = {"id": name, "error": str(error)}
        yield json.dumps(answer)


def _result(calendars: Calendars, question: Mapping[str, Any]) -> str | int | float:
    calendar = calendars.get(question.get("calendar"))
    start = instant("start", question.get("start"))
    pauses = list(_pauses(question.get("pauses", [])))
    operation = question.get("op")
    if not isinstance(operation, str) or operation not in _OPERATIONS:
        raise QuestionError(f"op: {operation!r}; expected {', '.join(_OPERATIONS)}")
    return _OPERATIONS[operation](calendar, start, pauses, question)


_Pauses = list[tuple[datetime, datetime]]


def _due(calendar: Calendar, start: datetime, pauses: _Pauses, question: Mapping[str, Any]) -> str:
    seconds = question.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise QuestionError(f"seconds: {seconds!r}; expected a number of open seconds")
    if not -_MOST_SECONDS <= seconds <= _MOST_SECONDS:
        raise QuestionError(f"seconds: {seconds!r} is out of every calendar's range")
    return utc(calendar.due(start, timedelta(seconds=seconds), pauses))


def _elapsed(
    calendar: Calendar, start: datetime, pauses: _Pauses, question: Mapping[str, Any]
) -> int | float:
    open_time = calendar.elapsed(start, instant("end", question.get("end")), pauses)
    micros = open_time // _MICROSECOND
    return micros // 1_000_000 if micros % 1_000_000 == 0 else micros / 1_000_000


def _business_days(
    calendar: Calendar, start: datetime, pauses: _Pauses, question: Mapping[str, Any]
) -> str:
    days = question.get("days")
    reading: Any = question.get("reading", "open_hours")
    if isinstance(days, bool) or not isinstance(days, int):
        raise QuestionError(f"days: {days!r}; expected a whole number of business days")
    if abs(days) > _MOST_DAYS:
        raise QuestionError(f"days: {days!r} is out of every calendar's range")
    if reading not in get_args(Reading):
        raise QuestionError(f"reading: {reading!r}; expected {', '.join(get_args(Reading))}")
    return utc(calendar.business_days(start, days, reading, pauses))


_Operation = Callable[[Calendar, datetime, _Pauses, Mapping[str, Any]], str | int | float]
_OPERATIONS: dict[str, _Operation] = {
    "due": _due,
    "elapsed": _elapsed,
    "business_days": _business_days,
}


def _pauses(listed: Any) -> Iterator[tuple[datetime, datetime]]:
    if not isinstance(listed, list):
        raise QuestionError("pauses: expected a list of [from, to]")
    for index, pause in enumerate(listed):
        if not isinstance(pause, list) or len(pause) != 2:
            raise QuestionError(f"pauses[{index}]: expected [from, to], two instants")
        if pause[1] is None:
            raise QuestionError(f"pauses[{index}]: while a pause lasts, no due instant is known")
        start, end = (instant(f"pauses[{index}]", part) for part in pause)
        if end < start:
            raise QuestionError(f"pauses[{index}]: ends before it starts")
        yield start, end
