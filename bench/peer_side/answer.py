"""The peers' side of a comparison: answers questions with libraries that Dueline does not have.

It runs in the peers' environment, imports nothing of Dueline's, and talks JSON, one object a line.
A request wants `versions`, which says what peers there are; or it names a peer, an office (zone,
hours, workdays, holidays), a question, its starts (seconds since the epoch), and wants `answers` or
one of the ways to be timed, which gives `seconds` per answer. Whatever fails is answered as an
error, in words.
"""

from __future__ import annotations

import gc
import json
import sys
import time as clock
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib import metadata
from typing import Any, TextIO
from zoneinfo import ZoneInfo

# A peer that needs 50 ms an answer is asked fewer questions.
_ANSWERING, _TIMING = 3.0, 0.15


@dataclass(frozen=True)
class Asking:
    """One way to ask a peer: `ask` alone is timed."""

    prepare: Callable[[datetime], Any]
    """Makes of a start, aware UTC, what the peer takes."""
    ask: Callable[[Any], Any]
    read: Callable[[Any], float | str]
    """Makes of the peer's answer seconds (since the epoch, or of a length), or a date."""
    forget: Callable[[], object] | None = None
    """Empties what the peer remembers from earlier calls."""
    together: Callable[[list[Any]], object] | None = None
    """Asks for many at once, where the peer can."""


@dataclass(frozen=True)
class Office:
    """The calendar in question."""

    zone: str
    opens: time
    closes: time
    workdays: tuple[int, ...]
    holidays: tuple[date, ...]

    @property
    def tz(self) -> ZoneInfo:
        """Its zone as `zoneinfo` has it."""
        return ZoneInfo(self.zone)

    def local(self, start: datetime) -> datetime:
        """Wall time without a zone, for peers that know none."""
        return start.astimezone(self.tz).replace(tzinfo=None)


def django_bizcal(office: Office, kind: str, amount: float) -> Asking:
    """The one Python peer with zones, night shifts and overrides."""
    calendar = _bizcal_calendar(office)

    def forget() -> None:
        # It offers no other way to forget the days that it has worked out.
        calendar._local_day_window_cache.clear()  # noqa: SLF001
        calendar._clipped_day_window_cache.clear()  # noqa: SLF001

    length, days = timedelta(seconds=amount), int(amount)
    if kind == "due":
        return Asking(_same, lambda s: calendar.add_business_time(s, length), _epoch, forget)
    if kind == "elapsed":
        return Asking(
            lambda s: (s, s + length),
            lambda both: calendar.business_time_between(*both),
            timedelta.total_seconds,
            forget,
        )
    return Asking(
        _same,
        lambda s: calendar.add_business_days(s, days),
        lambda at: at.astimezone(office.tz).date().isoformat(),
        forget,
    )


@cache
def _bizcal_calendar(office: Office) -> Any:
    from django.conf import settings

    if not settings.configured:
        settings.configure()
    from django_bizcal.calendars import WorkingCalendar
    from django_bizcal.providers import SetHolidayProvider

    ends_on_next_day = int(office.closes <= office.opens)
    opens, closes = (each.isoformat("minutes") for each in (office.opens, office.closes))
    return WorkingCalendar(
        tz=office.zone,
        weekly_schedule={day: [(opens, closes, ends_on_next_day)] for day in office.workdays},
        holiday_provider=SetHolidayProvider(office.holidays),
    )


def businesstimedelta(office: Office, kind: str, amount: float) -> Asking:
    """Rules that are walked block by block."""
    import businesstimedelta as library
    import pytz

    zone = pytz.timezone(office.zone)
    working = library.WorkDayRule(
        start_time=office.opens,
        end_time=office.closes,
        working_days=list(office.workdays),
        tz=zone,
    )
    # A rule of no holidays would look for the next one in vain.
    off = [library.HolidayRule(frozenset(office.holidays), tz=zone)] if office.holidays else []
    rules = library.Rules([working, *off])
    length = timedelta(seconds=amount)
    if kind == "due":
        delta = library.BusinessTimeDelta(rules, timedelta=length)
        return Asking(_same, lambda s: s + delta, _epoch)
    if kind == "elapsed":
        return Asking(
            lambda s: (s, s + length),
            lambda both: rules.difference(*both),
            lambda found: found.timedelta.total_seconds(),
        )
    raise NotImplementedError


def business_duration(office: Office, kind: str, amount: float) -> Asking:
    """Knows no zones: it is asked in local wall time."""
    from business_duration import businessDuration

    if kind != "elapsed":
        raise NotImplementedError
    weekend = [day for day in range(7) if day not in office.workdays]
    off = frozenset(office.holidays)
    length = timedelta(seconds=amount)
    return Asking(
        lambda s: (office.local(s), office.local(s + length)),
        lambda both: businessDuration(*both, office.opens, office.closes, weekend, off, "sec"),
        float,
    )


def pandas(office: Office, kind: str, amount: float) -> Asking:
    """CustomBusinessHour, which adds whole hours."""
    import pandas as pd

    if kind != "due" or amount % 3600:
        raise NotImplementedError
    offset = pd.tseries.offsets.CustomBusinessHour(
        n=int(amount // 3600),
        start=office.opens.isoformat("minutes"),
        end=office.closes.isoformat("minutes"),
        weekmask=_weekmask(office),
        holidays=list(office.holidays),
    )
    return Asking(lambda s: pd.Timestamp(s).tz_convert(office.zone), lambda at: at + offset, _epoch)


def workalendar(office: Office, kind: str, amount: float) -> Asking:
    """Knows dates alone."""
    from workalendar.core import CoreCalendar

    if kind != "day":
        raise NotImplementedError

    class Days(CoreCalendar):  # type: ignore[misc]  # it has no types
        def get_weekend_days(self) -> tuple[int, ...]:
            return tuple(day for day in range(7) if day not in office.workdays)

        def get_calendar_holidays(self, year: int) -> list[tuple[date, str]]:
            return [(day, "holiday") for day in office.holidays if day.year == year]

    calendar, days = Days(), int(amount)
    return Asking(
        lambda s: office.local(s).date(),
        lambda day: calendar.add_working_days(day, days),
        date.isoformat,
    )


def numpy(office: Office, kind: str, amount: float) -> Asking:
    """busday_offset knows dates alone; it takes one or an array of them."""
    import numpy as np

    if kind != "day":
        raise NotImplementedError
    calendar = np.busdaycalendar(_weekmask(office), list(office.holidays))
    days = int(amount)

    def ask(day: Any) -> Any:
        return np.busday_offset(day, days, roll="backward", busdaycal=calendar)

    return Asking(
        lambda s: np.datetime64(office.local(s).date()),
        ask,
        str,
        together=lambda starts: ask(np.array(starts)),
    )


PEERS: dict[str, Callable[[Office, str, float], Asking]] = {
    "django-bizcal": django_bizcal,
    "businesstimedelta": businesstimedelta,
    "business-duration": business_duration,
    "pandas": pandas,
    "workalendar": workalendar,
    "numpy": numpy,
}


def _same(start: datetime) -> datetime:
    return start


def _epoch(at: datetime) -> float:
    return at.timestamp()


def _weekmask(office: Office) -> str:
    return "".join("1" if day in office.workdays else "0" for day in range(7))


# --- answering and timing -------------------------------------------------------------------------


def answers(asking: Asking, starts: list[datetime]) -> Iterator[float | str | None]:
    """One answer a start, None where the peer failed, until the time for answering is over."""
    # Not of that time: what a library imports when it is first asked.
    _answer(asking, starts[0])
    ends = clock.perf_counter() + _ANSWERING
    for start in starts:
        if clock.perf_counter() > ends:
            return
        yield _answer(asking, start)


def _answer(asking: Asking, start: datetime) -> float | str | None:
    try:
        return asking.read(asking.ask(asking.prepare(start)))
    except Exception as error:  # noqa: BLE001 - any failure of a peer is a finding
        sys.stderr.write(f"{start}: {error!r}\n")
        return None


def seconds(asking: Asking, starts: list[datetime], how: str) -> float:
    """Seconds per call, over as many starts as the time for it allows.

    `cold`: nothing is remembered from earlier calls. `warm`: the very question was asked just
    before. `each`: one call after the other. `together`: all starts in one call.
    """
    prepared = [asking.prepare(start) for start in starts]
    gc.collect()
    gc.disable()
    try:
        if how == "together" and asking.together:
            began = clock.perf_counter()
            asking.together(prepared)
            return (clock.perf_counter() - began) / len(prepared)
        return _one_by_one(asking, prepared, how)
    finally:
        gc.enable()


def _one_by_one(asking: Asking, prepared: list[Any], how: str) -> float:
    ask, spent, made = asking.ask, 0.0, 0
    for each in prepared:
        if how == "cold" and asking.forget:
            asking.forget()
        if how == "warm":
            ask(each)
        began = clock.perf_counter()
        ask(each)
        spent += clock.perf_counter() - began
        made += 1
        if spent > _TIMING:
            break
    return spent / made


def ways(asking: Asking) -> list[str]:
    """How a peer can be timed: cold and warm where it remembers anything, else just each."""
    return (["cold", "warm"] if asking.forget else ["each"]) + ["together"] * bool(asking.together)


@cache
def asking_for(office: Office, peer: str, kind: str, amount: float) -> Asking:
    """How to put a question to a peer, which is then ready for it."""
    return PEERS[peer](office, kind, amount)


def reply(request: dict[str, Any]) -> dict[str, Any]:
    """What a request is answered with."""
    if request["want"] == "versions":
        return {"versions": {name: metadata.version(name) for name in PEERS}}
    office = office_of(request["office"])
    try:
        asking = asking_for(office, request["peer"], request["kind"], request["amount"])
    except NotImplementedError:
        return {"ways": []}
    starts = [datetime.fromtimestamp(start, UTC) for start in request["starts"]]
    if request["want"] == "answers":
        return {"ways": ways(asking), "answers": list(answers(asking, starts))}
    return {"seconds": seconds(asking, starts, request["want"])}


def office_of(told: dict[str, Any]) -> Office:
    """The office that a request is about."""
    return Office(
        told["zone"],
        time.fromisoformat(told["opens"]),
        time.fromisoformat(told["closes"]),
        tuple(told["workdays"]),
        tuple(date.fromisoformat(str(day)) for day in told["holidays"]),
    )


def main() -> None:
    """Answer until there are no more requests."""
    # What a library prints must not get between the answers.
    out, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        try:
            answer = reply(json.loads(line))
        except Exception as error:  # noqa: BLE001 - told to the other side
            answer = {"error": repr(error)}
        _tell(out, answer)


def _tell(out: TextIO, answer: dict[str, Any]) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
