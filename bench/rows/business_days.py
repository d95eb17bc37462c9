"""Five business days on, beside the libraries that know dates alone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from bench import office
from bench.office import Question
from bench.peers import against_peers, one_by_one
from bench.row import Context, Result, Row

_DAYS = 5
_OFFICE = office.calendar()
_ZONE = ZoneInfo(office.ZONE)


def _day(start: datetime) -> date:
    due = _OFFICE.business_days(start, _DAYS, "same_clock")
    return due.astimezone(_ZONE).date()


def measure(context: Context) -> Result:
    """Dueline answers with an instant, which is turned into a date; the peers are given dates."""
    return against_peers(
        context,
        Question("day", days=_DAYS),
        {"dueline, same clock": one_by_one(_day)},
        wanted=1,
    )


ROW = Row(
    id="business_days",
    title="five business days, as an instant",
    to_reach="faster",
    against="django-bizcal, cold",
    measure=measure,
)
