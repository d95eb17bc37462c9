"""The open time of a year, as reports and credits ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

from bench import office
from bench.office import Question
from bench.peers import Way, against_peers
from bench.row import Context, Result, Row

_YEAR = timedelta(days=365)
_WANTED = 2000
_OFFICE = office.calendar()


def measure(context: Context) -> Result:
    """Instants in UTC, as the service has them, are judged; others are converted in addition."""
    return against_peers(
        context,
        Question("elapsed", _YEAR),
        {
            "dueline": partial(_in_zone, UTC),
            "dueline, instants of another zone": partial(_in_zone, ZoneInfo(office.ZONE)),
        },
        _WANTED,
    )


def _in_zone(zone: tzinfo, starts: Sequence[datetime]) -> Way:
    years = [(start.astimezone(zone), (start + _YEAR).astimezone(zone)) for start in starts]
    return Way(lambda: [_OFFICE.elapsed(*year) for year in years], len(years), list)


ROW = Row(
    id="elapsed_year",
    title="elapsed over one year",
    to_reach="2,000 times faster",
    against="django-bizcal, cold",
    measure=measure,
)
