"""Draws an issue's story: a lane for each metric, with what happened above, over one scale of time.

Hours are shaded only where a day is wide enough to see them, and what falls on one spot is drawn
together: so the picture never grows with the number of events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup

from sla.calendar import Calendar
from sla.cycle import Cycle
from sla.words import local, whole_minutes
from webhooks.console.drawing import svg
from webhooks.console.drawing.svg import TimeScale
from webhooks.console.questions.story import Entry, Kind

Window = Literal["all", "week", "due"]
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_NARROWEST, _WIDEST, _EDGE = 1040, 3600, 16
_PER_DAY = 96
_LABELS = 148
_AXIS, _HOLIDAYS, _EVENTS, _LANE = 26, 18, 26, 46
_QUIET, _MARGIN = timedelta(days=7), timedelta(hours=12)
"""A stretch without anything is folded where it is longer than a week, so that a weekend and the
holidays beside it are seen; on either side some of it stays."""
_DAY_SEEN = 22
"""Hours are shaded where a day is at least so many pixels wide."""
_SPOT = 12
"""Marks of one kind that are nearer than this are drawn as one."""
_TOLD = 4
"""So many of those that are drawn as one are told under the pointer."""
_MOST = 400
"""So many cycles of a metric are drawn, the latest ones."""
_LETTER = 6.4

_ROWS: tuple[tuple[str, tuple[Kind, ...]], ...] = (
    ("Customer", ("customer",)),
    ("Replies", ("reply",)),
    ("Issue", ("created", "change", "severity", "said", "deleted")),
)


class Story(NamedTuple):
    """The picture, in two pieces: the names of the lanes stay in sight while the rest is moved."""

    labels: Markup
    plot: Markup
    left_out: int
    """How many cycles were too many to be drawn."""


class _Lane(NamedTuple):
    title: str
    cycles: Sequence[Cycle]
    top: float


def scale_of(
    window: Window, instants: Iterable[datetime], due_at: datetime | None, now: datetime
) -> TimeScale:
    """What part of a story is drawn, and how wide.

    Args:
        window: all of it, with its quiet stretches folded; the last seven days; or the days around
            a due instant.
        instants: everything that has one.
        due_at: around which; None: around now.
        now: the present instant.
    """
    if window == "week":
        return TimeScale.straight(now - 7 * _DAY, now + _DAY, _EDGE, _NARROWEST - _EDGE)
    if window == "due":
        middle = due_at or now
        return TimeScale.straight(middle - _DAY, middle + _DAY / 2, _EDGE, _NARROWEST - _EDGE)
    known = sorted({*instants, now})
    gaps = [later - earlier for earlier, later in pairwise(known)]
    unfolded = sum((2 * _MARGIN if gap > _QUIET else gap for gap in gaps), timedelta(0))
    edge = max(_HOUR, unfolded / 40)
    width = min(max(unfolded / _DAY * _PER_DAY, _NARROWEST), _WIDEST)
    return TimeScale.folding(
        [_back(known[0], edge), *known, known[-1] + edge],
        _EDGE,
        width - _EDGE,
        longest=_QUIET,
        margin=_MARGIN,
    )


def _back(at: datetime, by: timedelta) -> datetime:
    return max(at - by, datetime(1970, 1, 2, tzinfo=UTC))


def draw(
    name: str, metrics: Mapping[str, Sequence[Cycle]], entries: Sequence[Entry],
    scale: TimeScale, zone: str, now: datetime,
) -> Story:  # fmt: skip
    """Draw a story.

    Args:
        name: what the picture shows.
        metrics: the cycles of each metric, oldest first.
        entries: what happened.
        scale: where instants go.
        zone: IANA name of the zone that the axis shows.
        now: the present instant.
    """
    width = scale.places[-1] + _EDGE
    first = _AXIS + _HOLIDAYS + _EVENTS * len(_ROWS)
    lanes = [
        _Lane(its[-1].words, its[-_MOST:], first + _LANE * number)
        for number, its in enumerate(metrics.values())
    ]
    height = first + _LANE * len(lanes) + 4
    visible = [entry for entry in entries if scale.shows(entry.at)]
    parts = [
        _hatch(),
        *(part for lane in lanes for part in _hours(lane, scale)),
        *_holidays(lanes, scale),
        *_axis(scale, zone, height),
        *_folds(scale, height),
        *_rows(visible, scale, zone, width),
        *(part for lane in lanes for part in _lane(lane, scale, zone, now, width)),
        *(part for lane in lanes for part in _notices(lane, visible, scale, zone)),
        *_present(scale, now, height),
    ]
    left_out = sum(max(0, len(its) - _MOST) for its in metrics.values())
    return Story(
        _labels(lanes, height),
        svg.picture(width, height, *parts, name=name, class_="story-plot"),
        left_out,
    )


def _hatch() -> Markup:
    stripes = svg.line(0, 0, 0, 6, class_="hatch")
    return svg.element(
        "defs",
        svg.element(
            "pattern", stripes, id="paused-time", width=6.0, height=6.0,
            patternUnits="userSpaceOnUse", patternTransform="rotate(45)",
        ),
    )  # fmt: skip


def _labels(lanes: Sequence[_Lane], height: float) -> Markup:
    top = _AXIS + _HOLIDAYS
    names = [(title, top + _EVENTS * number + 17) for number, (title, _) in enumerate(_ROWS)]
    words = [svg.text(0, y, title, class_="lane-name") for title, y in names]
    for lane in lanes:
        last = lane.cycles[-1]
        words.append(svg.text(0, lane.top + 19, _capital(lane.title), class_="lane-name"))
        words.append(svg.text(0, lane.top + 34, last.state, class_="lane-state"))
    return svg.picture(_LABELS, height, *words, name="Names of the lanes", class_="story-labels")


def _capital(words: str) -> str:
    shown = words if len(words) <= 22 else f"{words[:21]}…"
    return f"{shown[:1].upper()}{shown[1:]}"


# --- behind everything: the scale, the hours, the holidays ----------------------------------------


def _axis(scale: TimeScale, zone: str, height: float) -> Iterator[Markup]:
    for tick in svg.time_ticks(scale, zone, apart=100):
        yield svg.line(tick.x, _AXIS - 4, tick.x, height, class_="grid")
        yield svg.text(tick.x + 3, 15, tick.label, class_="axis major" if tick.major else "axis")


def _folds(scale: TimeScale, height: float) -> Iterator[Markup]:
    for fold in scale.folds:
        left, right = scale.x(fold.from_at), scale.x(fold.to_at)
        words = _roughly(fold.to_at - fold.from_at)
        title = f"{words} in which nothing happened, folded"
        yield svg.rectangle(left, _AXIS, right - left, height, class_="fold", title=title)
        if right - left >= _LETTER * len(words):
            yield svg.text((left + right) / 2, _AXIS + 13, words, class_="axis", anchor="middle")


def _roughly(amount: timedelta) -> str:
    days = round(amount / _DAY)
    return f"{days // 365} years" if days >= 730 else f"{days} days"


def _spans(lane: _Lane, scale: TimeScale) -> Iterator[tuple[datetime, datetime, Calendar]]:
    """Which calendar counted from when to when, in sight."""
    promises = [promise for cycle in lane.cycles for promise in cycle.promises]
    since = scale.start_at
    for promise, following in zip(promises, [*promises[1:], None], strict=True):
        until = following.since_at if following else scale.end_at
        same = following and following.goal.calendar is promise.goal.calendar
        if same or until <= since:
            continue
        for from_at, to_at in scale.stretches():
            if from_at < until and to_at > since:
                yield max(from_at, since), min(to_at, until), promise.goal.calendar
        since = until


def _hours(lane: _Lane, scale: TimeScale) -> Iterator[Markup]:
    top, tall = lane.top + 3, _LANE - 6
    if scale.day < _DAY_SEEN:
        return
    for from_at, to_at, calendar in _spans(lane, scale):
        for opens, closes in calendar.open_intervals(from_at, to_at):
            left = scale.x(opens)
            yield svg.rectangle(left, top, scale.x(closes) - left, tall, class_="open-hours")


def _holidays(lanes: Sequence[_Lane], scale: TimeScale) -> Iterator[Markup]:
    known: dict[tuple[datetime, datetime], str] = {}
    for lane in lanes:
        for calendar in {id(each[2]): each[2] for each in _spans(lane, scale)}.values():
            known |= _closed_days(calendar, scale)
    free_from = 0.0
    for (from_at, to_at), name in sorted(known.items()):
        left, right = scale.x(from_at), scale.x(to_at)
        title = f"Holiday: {name}"
        yield svg.rectangle(
            left, _AXIS, max(right - left, 3), _HOLIDAYS - 4, class_="holiday", title=title
        )
        if left >= free_from and right - left >= _DAY_SEEN:
            yield svg.text(left + 3, _AXIS + 11, name, class_="holiday-name")
            free_from = left + _LETTER * len(name)


def _closed_days(calendar: Calendar, scale: TimeScale) -> dict[tuple[datetime, datetime], str]:
    if calendar.always_open:
        return {}
    zone = ZoneInfo(calendar.time_zone)
    first, last = (each.astimezone(zone).date() for each in (scale.start_at, scale.end_at))
    found = {}
    for day, name in calendar.holidays.items():
        if first <= day <= last:
            midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
            from_at, to_at = midnight.astimezone(UTC), (midnight + _DAY).astimezone(UTC)
            if scale.shows(from_at) or scale.shows(to_at):
                found[from_at, to_at] = name
    return found


def _present(scale: TimeScale, now: datetime, height: float) -> Iterator[Markup]:
    if scale.shows(now):
        x = scale.x(now)
        yield svg.line(x, _AXIS, x, height, class_="now", title="now")
        yield svg.rectangle(x - 15, _AXIS, 30, 14, class_="now-flag", radius=3)
        yield svg.text(x, _AXIS + 11, "now", class_="now-name", anchor="middle")


# --- what happened --------------------------------------------------------------------------------


def _rows(entries: Sequence[Entry], scale: TimeScale, zone: str, width: float) -> Iterator[Markup]:
    for number, (_, kinds) in enumerate(_ROWS):
        middle = _AXIS + _HOLIDAYS + _EVENTS * number + _EVENTS / 2
        yield svg.line(0, middle, width, middle, class_="thread")
        for kind in kinds:
            # What is said of a metric stands in its lane.
            its = [entry for entry in entries if entry.kind == kind and not entry.metric]
            yield from _marks(its, scale, zone, middle)
        others = [e for e in entries if e.kind == "escalation" and not e.metric]
        if kinds[0] == "created":
            yield from _marks(others, scale, zone, middle)


def _notices(
    lane: _Lane, entries: Sequence[Entry], scale: TimeScale, zone: str
) -> Iterator[Markup]:
    metric = lane.cycles[-1].metric
    its = [entry for entry in entries if entry.metric == metric]
    for kind in ("warning", "escalation", "said", "breached"):
        yield from _marks([e for e in its if e.kind == kind], scale, zone, lane.top + 9)
    for kind in ("promised",):
        yield from _marks([e for e in its if e.kind == kind], scale, zone, lane.top + 38)


def _marks(entries: Sequence[Entry], scale: TimeScale, zone: str, y: float) -> Iterator[Markup]:
    """A mark for each spot, with what is there under the pointer."""
    spot: list[Entry] = []
    for entry in sorted(entries, key=attrgetter("at")):
        if spot and scale.x(entry.at) - scale.x(spot[0].at) >= _SPOT:
            yield _mark(spot, scale, zone, y)
            spot = []
        spot.append(entry)
    if spot:
        yield _mark(spot, scale, zone, y)


def _mark(spot: Sequence[Entry], scale: TimeScale, zone: str, y: float) -> Markup:
    first = spot[0]
    x = (scale.x(first.at) + scale.x(spot[-1].at)) / 2
    title = "\n".join(f"{local(each.at, zone)}: {each.words}" for each in spot[:_TOLD])
    if len(spot) > _TOLD:
        title += f"\nand {len(spot) - _TOLD:,} more until {local(spot[-1].at, zone)}"
    shape = _SHAPES[first.kind](x, y, first.kind)
    count = svg.text(x + 7, y + 4, str(len(spot)), class_="mark-count")
    return svg.group(shape, *([count] if len(spot) > 1 else []), title=title)


def _circle(x: float, y: float, kind: Kind) -> Markup:
    return svg.element("circle", cx=x, cy=y, r=4.5, class_=f"mark {kind}")


def _shape(*corners: tuple[float, float]) -> Callable[[float, float, Kind], Markup]:
    def drawn(x: float, y: float, kind: Kind) -> Markup:
        return svg.path([(x + dx, y + dy) for dx, dy in corners], class_=f"mark {kind}")

    return drawn


_TICK = _shape((0, -6), (0, 6))
_DIAMOND = _shape((0, -6), (6, 0), (0, 6), (-6, 0), (0, -6))
_UP = _shape((0, -5.5), (6, 5), (-6, 5), (0, -5.5))
_ARROW = _shape((0, 6), (0, -6), (-5, -1), (0, -6), (5, -1))
_CROSS = _shape((-4.5, -4.5), (4.5, 4.5), (0, 0), (4.5, -4.5), (-4.5, 4.5))
_SQUARE = _shape((-4, -4), (4, -4), (4, 4), (-4, 4), (-4, -4))
_START = _shape((-4, -6), (6, 0), (-4, 6), (-4, -6))
_SHAPES: Mapping[Kind, Callable[[float, float, Kind], Markup]] = {
    "created": _START, "customer": _circle, "reply": _circle, "severity": _DIAMOND,
    "change": _TICK, "deleted": _CROSS, "warning": _UP, "breached": _CROSS, "escalation": _ARROW,
    "said": _SQUARE, "promised": _DIAMOND,
}  # fmt: skip


# --- the cycles -----------------------------------------------------------------------------------


def _lane(
    lane: _Lane, scale: TimeScale, zone: str, now: datetime, width: float
) -> Iterator[Markup]:
    yield svg.line(0, lane.top, width, lane.top, class_="thread")
    for cycle in lane.cycles:
        reaches_to = max(cycle.until_at, cycle.promise.due_at)
        if reaches_to >= scale.start_at and cycle.started_at <= scale.end_at:
            yield _cycle(cycle, lane.top, scale, zone, now)


def _cycle(cycle: Cycle, top: float, scale: TimeScale, zone: str, now: datetime) -> Markup:
    y, tall = top + 17, 14
    start, end = scale.x(cycle.started_at), scale.x(cycle.until_at)
    due_at = None if cycle.due_at is None else cycle.promise.due_at
    parts = [svg.rectangle(start, y, max(end - start, 1.5), tall, class_=f"cycle {cycle.state}")]
    if due_at and due_at > cycle.until_at:
        parts.append(svg.rectangle(end, y + 4, scale.x(due_at) - end, tall - 8, class_="to-due"))
    elif due_at and cycle.state == "breached":
        x = scale.x(due_at)
        parts.append(svg.rectangle(x, y, max(end - x, 1.5), tall, class_="overtime"))
    for from_at, to_at in cycle.rest.until(cycle.until_at):
        left = scale.x(from_at)
        parts.append(
            svg.rectangle(left, y, max(scale.x(to_at) - left, 1), tall, class_="paused-time")
        )
    if cycle.state == "paused" and scale.shows(now):
        parts += _open_end(end, y + tall / 2)
    if due_at and scale.shows(due_at):
        parts.append(svg.line(scale.x(due_at), y - 4, scale.x(due_at), y + tall + 4, class_="due"))
    return svg.group(*parts, title=_words(cycle, due_at, zone))


def _open_end(x: float, y: float) -> list[Markup]:
    """The due instant is unknown: the way goes on, nobody knows how far."""
    return [
        svg.line(x, y, x + 34, y, class_="open-end"),
        svg.text(x + 38, y + 4, "?", class_="axis major"),
    ]


def _words(cycle: Cycle, due_at: datetime | None, zone: str) -> str:
    words = f"{_capital(cycle.words)} {cycle.number}: {cycle.state}, goal "
    words += f"{cycle.promise.goal.target.words}, {whole_minutes(cycle.elapsed)} used"
    words += f"\nfrom {local(cycle.started_at, zone)}"
    if cycle.ending:
        words += f"\nto {local(cycle.ending.at, zone)}: {cycle.ending.reason}"
    return words + (f"\ndue {local(due_at, zone)}" if due_at else "\ndue: unknown")
