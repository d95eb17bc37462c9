"""The table of fifteen years, against the same with each end converted by zoneinfo."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from itertools import accumulate
from zoneinfo import ZoneInfo

from bench import office
from bench.row import Context, Curve, Figure, Result, Row, interleaved, number
from sla import zones
from sla.interval import Span, SpanAt, clipped, merged, subtracted
from sla.open_table import OpenTable
from sla.zones import micros_of, to_micros

_WANTED = 20
# Several in a row, so that the first one's way into the processor's caches does not count.
_BUILDS = 5
_ZONE = ZoneInfo(office.ZONE)
_OPENS, _CLOSES = (time.fromisoformat(each) for each in (office.BY_DAY.opens, office.BY_DAY.closes))
_ONE_DAY = timedelta(days=1)
_MILLISECONDS = 1e3
_Table = tuple[list[int], list[int]]


def measure(context: Context) -> Result:
    """Calendars are new each time; cold, the zone's changes have to be found anew as well.

    The first calendar of a zone in a process is cold, all others are not: those are judged.
    """
    rounds = 3 if context.quick else 25
    years = office.YEARS
    _expect_the_same(_built(years), _converted(years))
    medians = interleaved(
        {
            "dueline": lambda: _built(years),
            "dueline, cold": lambda: _built_cold(years),
            "each end converted": lambda: _converted(years),
        },
        rounds,
        _BUILDS,
    )
    factor, cold = (
        medians["each end converted"] / medians[way] for way in ("dueline", "dueline, cold")
    )
    return Result(
        tuple(Figure(name, each * _MILLISECONDS, "ms") for name, each in medians.items()),
        reached=factor >= _WANTED,
        said=f"{number(factor)} times faster; {number(cold)} with the zone's changes not yet known",
        ratio=factor,
        curves=(_curve(3 if context.quick else 11),),
        notes=(
            f"{len(_spans(_built(years))):,} open spans, {len(office.BY_DAY.holidays)} holidays",
            "both tables are the same; the other way joins spans and cuts out holidays, too",
        ),
    )


def _curve(rounds: int) -> Curve:
    lines: dict[str, list[tuple[float, float]]] = {"dueline": [], "each end converted": []}
    for count in (1, 2, 5, 10, 15):
        years = office.YEARS[:count]
        works: dict[str, Callable[[], object]] = {
            "dueline": partial(_built, years),
            "each end converted": partial(_converted, years),
        }
        for name, seconds in interleaved(works, rounds, _BUILDS).items():
            lines[name].append((count, seconds * _MILLISECONDS))
    return Curve("calendar_build", "Building a calendar's table", "years", "ms", lines)


def _built(years: range) -> OpenTable:
    return office.calendar().open_table(_january(years[0]), _january(years[-1] + 1))


def _built_cold(years: range) -> OpenTable:
    zones.zone_clock.cache_clear()
    zones.changes_in.cache_clear()
    return _built(years)


def _january(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC)


def _converted(years: range) -> _Table:
    """Openings, and open time so far, in microseconds, from conversions alone."""
    first, last = date(years[0], 1, 1) - _ONE_DAY, date(years[-1], 12, 31)
    spans: list[Span] = []
    day = first
    while day <= last:
        if day.weekday() in office.BY_DAY.workdays:
            spans.append((_instant(day, _OPENS), _instant(day, _CLOSES)))
        day += _ONE_DAY
    holidays = [
        (_instant(day, time()), _instant(day + _ONE_DAY, time()))
        for day in office.BY_DAY.holidays
        if first <= day <= last
    ]
    left = subtracted(merged(spans), merged(holidays))
    left = clipped(left, to_micros(_january(years[0])), to_micros(_january(years[-1] + 1)))
    lengths = (to - from_ for from_, to in left)
    return [from_ for from_, _ in left], list(accumulate(lengths, initial=0))


def _instant(day: date, wall: time) -> int:
    return to_micros(datetime.combine(day, wall, tzinfo=_ZONE))


def _expect_the_same(table: OpenTable, converted: _Table) -> None:
    spans = _spans(table)
    opens = [to_micros(from_at) for from_at, _ in spans]
    used = [micros_of(table.used(at)) for at in (table.first, *(to_at for _, to_at in spans))]
    if (opens, used) != converted:
        raise AssertionError("the table differs from that with each end converted")


def _spans(table: OpenTable) -> list[SpanAt]:
    return table.between(table.first, table.last)


ROW = Row(
    id="calendar_build",
    title="a calendar's table of 15 years",
    to_reach="20 times faster",
    against="each end converted by zoneinfo",
    measure=measure,
)
