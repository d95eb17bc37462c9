"""The open time of a year, as reports and credits ask for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from zoneinfo import ZoneInfo

from bench import office
from bench.office import Question
from bench.peers import Way, against_peers
from bench.row import Context, Result, Row, number

_YEAR = timedelta(days=365)
_WANTED = 2000
_CONVERTED = "dueline, instants of another zone"
_OFFICE = office.calendar()


def measure(context: Context) -> Result:
    """Instants in UTC, as the service has them, are judged; the line tells of others as well."""
    result = against_peers(
        context,
        Question("elapsed", _YEAR),
        {
            "dueline": partial(_in_zone, UTC),
            _CONVERTED: partial(_in_zone, ZoneInfo(office.ZONE)),
        },
        _WANTED,
    )
    if result.ratio is None:
        return result
    times = {figure.name: figure.value for figure in result.figures}
    converted = result.ratio * times["dueline"] / times[_CONVERTED]
    return replace(result, said=f"{result.said}; {number(converted)} from another zone")


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
