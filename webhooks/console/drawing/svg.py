"""Writes SVG that escapes whatever it is given, and puts instants and figures in their places.

A picture never stands alone: the page shows the same facts as a table or in words beside it. Looks
come from classes, since the console allows no inline styles.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import floor, log10
from operator import attrgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from sla.words import DAYS, MONTHS

Value = str | float | None
_DAY = timedelta(days=1)
_FOLD_START = attrgetter("from_at")


def element(tag: str, *children: str, **attributes: Value) -> Markup:
    """An element.

    Args:
        tag: such as `rect`.
        children: texts, which are escaped, and elements, which are `Markup`.
        attributes: `class_` is `class`, `stroke_width` is `stroke-width`; one that is None is left
            out, figures are rounded to hundredths.
    """
    written = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    inside = "".join(escape(child) for child in children)
    whole = f"<{tag}{written}>{inside}</{tag}>" if inside else f"<{tag}{written}/>"
    # Every part was escaped above; to have `Markup` do it took four times as long.
    return Markup(whole)  # noqa: S704


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


def rectangle(
    x: float, y: float, width: float, height: float, *, class_: str, title: str = "",
    radius: float | None = None,
) -> Markup:  # fmt: skip
    """A rectangle, with a title that shows under the pointer where there is one."""
    shape = {"x": x, "y": y, "width": max(width, 0), "height": max(height, 0), "rx": radius}
    return element("rect", *_titled(title), class_=class_, **shape)


def line(
    x1: float, y1: float, x2: float, y2: float, *, class_: str, title: str = ""
) -> Markup:  # fmt: skip
    """A straight line."""
    return element("line", *_titled(title), class_=class_, x1=x1, y1=y1, x2=x2, y2=y2)


def text(x: float, y: float, words: str, *, class_: str, anchor: str | None = None) -> Markup:
    """A word or two, at their base line; `anchor` is `start`, `middle` or `end`."""
    return element("text", words, class_=class_, x=x, y=y, text_anchor=anchor)


def path(points: Iterable[tuple[float, float]], *, class_: str, title: str = "") -> Markup:
    """A line through some points."""
    steps = " ".join(
        f"{'L' if number else 'M'}{_text(float(x))} {_text(float(y))}"
        for number, (x, y) in enumerate(points)
    )
    return element("path", *_titled(title), class_=class_, d=steps)


def group(*children: Markup, class_: str | None = None, title: str = "") -> Markup:
    """Elements that belong together."""
    return element("g", *_titled(title), *children, class_=class_)


def _titled(title: str) -> tuple[Markup, ...]:
    return (element("title", title),) if title else ()


def picture(
    width: float, height: float, *children: Markup, name: str, class_: str = "picture"
) -> Markup:
    """A whole picture for a page.

    Args:
        width, height: in pixels; the page may show it smaller, in proportion.
        children: what is drawn, back to front.
        name: what it shows, for those who do not see it.
        class_: for the style sheet.
    """
    return element(
        "svg", *children, class_=class_, width=width, height=height,
        viewBox=f"0 0 {_text(float(width))} {_text(float(height))}", role="img", aria_label=name,
    )  # fmt: skip


# --- instants in their places ---------------------------------------------------------------------


class Fold(NamedTuple):
    """A quiet stretch that is drawn as a narrow strip."""

    from_at: datetime
    to_at: datetime


@dataclass(frozen=True)
class TimeScale:
    """Where instants are drawn: along knots, each an instant and its place, both growing."""

    instants: Sequence[datetime]
    places: Sequence[float]
    folds: Sequence[Fold] = ()

    @classmethod
    def straight(cls, start: datetime, end: datetime, left: float, right: float) -> TimeScale:
        """The same room for each hour, from `start` at `left` to `end` at `right`."""
        return cls((start, max(end, start + timedelta(seconds=1))), (left, right))

    @classmethod
    def folding(
        cls,
        marks: Iterable[datetime],
        left: float,
        right: float,
        *,
        longest: timedelta = timedelta(days=4),
        margin: timedelta = timedelta(hours=12),
        strip: float = 48,
    ) -> TimeScale:
        """A scale from the first mark to the last in which long stretches without any are folded.

        Args:
            marks: the instants of interest; at least one.
            left, right: the places of the first and the last.
            longest: no stretch without a mark is folded that is not longer.
            margin: so much of it stays unfolded on either side.
            strip: how wide a fold is drawn, less where there are many.
        """
        known = sorted(set(marks))
        start, end = known[0], max(known[-1], known[0] + timedelta(seconds=1))
        folds = [
            Fold(before + margin, after - margin)
            for before, after in pairwise(known)
            if after - before > longest
        ]
        if folds:
            strip = min(strip, (right - left) / 2 / len(folds))
        shown = end - start - sum((to - from_ for from_, to in folds), timedelta(0))
        per_second = (right - left - strip * len(folds)) / shown.total_seconds()
        instants, places = [start], [left]
        for from_, to in folds:
            x = places[-1] + (from_ - instants[-1]).total_seconds() * per_second
            instants += [from_, to]
            places += [x, x + strip]
        return cls((*instants, end), (*places, right), tuple(folds))

    @property
    def start_at(self) -> datetime:
        """The first instant."""
        return self.instants[0]

    @property
    def end_at(self) -> datetime:
        """The last instant."""
        return self.instants[-1]

    def x(self, at: datetime) -> float:
        """The place of an instant; one outside lies at the near end."""
        if at <= self.instants[0]:
            return self.places[0]
        if at >= self.instants[-1]:
            return self.places[-1]
        index = bisect_right(self.instants, at) - 1
        from_at, to_at = self.instants[index : index + 2]
        left, right = self.places[index : index + 2]
        return left + (at - from_at) / (to_at - from_at) * (right - left)

    def shows(self, at: datetime) -> bool:
        """Whether an instant lies on it, and in no fold."""
        if not self.start_at <= at <= self.end_at:
            return False
        index = bisect_left(self.folds, at, key=_FOLD_START) - 1
        return index < 0 or at >= self.folds[index].to_at

    def stretches(self) -> Iterator[tuple[datetime, datetime]]:
        """The spans between the folds."""
        since = self.start_at
        for from_, to in self.folds:
            yield since, from_
            since = to
        yield since, self.end_at

    @property
    def day(self) -> float:
        """How wide a day is, outside folds."""
        from_at, to_at = max(self.stretches(), key=lambda each: each[1] - each[0])
        return (self.x(to_at) - self.x(from_at)) / ((to_at - from_at) / _DAY)


class Tick(NamedTuple):
    """A place on an axis, with its words."""

    x: float
    label: str
    major: bool = False
    """Whether a new day, month or year begins here."""


_STEPS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 5, 15, 30, 60, 180, 360, 720)
)  # fmt: skip
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 3, 6, 12, 60, 120, 300)


def time_ticks(scale: TimeScale, zone: str, apart: float = 70) -> list[Tick]:
    """Where an axis of time is marked: at round readings of the clock in a zone.

    Args:
        scale: where instants are drawn; nothing is marked in its folds.
        zone: IANA name.
        apart: at least so many pixels lie between two marks.
    """
    local = ZoneInfo(zone)
    found: list[Tick] = []
    for start, end in scale.stretches():
        at, until = start.astimezone(local), end.astimezone(local)
        for label, major, reading in _readings(at, until, apart / max(scale.day, 1e-9)):
            x = scale.x(reading.astimezone(UTC))
            if reading >= at and (not found or x - found[-1].x >= apart * 0.75):
                # The first reading says its day, where it is not the beginning of one.
                words = label if found or major else f"{_date(reading)} {label}"
                found.append(Tick(x, words, major))
    return found


def _readings(start: datetime, end: datetime, days: float) -> Iterator[tuple[str, bool, datetime]]:
    """Round readings of a wall clock from one to another, at least so many days apart."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    step = next((step for step in _STEPS if step / _DAY >= days), None)
    if step:
        # By the clock on the wall: hours of a day on which the clocks change are no matter here.
        at = midnight
        while at <= end:
            is_midnight = not (at.hour or at.minute)
            yield (_date(at) if is_midnight else f"{at:%H:%M}"), is_midnight, at
            at += step
        return
    each = next((count for count in _DAY_STEPS if count >= days), None)
    if each:
        # Weeks begin on Monday, wherever the scale does.
        at = midnight - timedelta(days=midnight.weekday() if each > 2 else 0)
        while at <= end:
            yield _date(at), True, at
            at += timedelta(days=each)
        return
    months = next((count for count in _MONTH_STEPS if count * 30 >= days), _MONTH_STEPS[-1])
    month = midnight.year * 12 + (midnight.month - 1) // months * months
    while (at := midnight.replace(year=month // 12, month=month % 12 + 1, day=1)) <= end:
        yield f"{MONTHS[at.month - 1]} {at.year}", True, at
        month += months


def _date(at: datetime) -> str:
    return f"{DAYS[at.weekday()]} {at.day} {MONTHS[at.month - 1]}"


# --- figures in their places ----------------------------------------------------------------------


@dataclass(frozen=True)
class Scale:
    """Where figures are drawn: from zero at one place to `highest` at another."""

    highest: float
    zero: float
    top: float

    def at(self, value: float) -> float:
        """The place of a figure."""
        return self.zero + (self.top - self.zero) * value / self.highest

    def ticks(self, most: int = 5) -> list[tuple[float, float]]:
        """Round figures up to the highest, at most so many beside zero, each with its place."""
        return [(value, self.at(value)) for value in round_figures(self.highest, most)]


def round_figures(highest: float, most: int = 5) -> list[float]:
    """0 and steps of 1, 2 or 5 times a power of ten, the last not above `highest`."""
    if highest <= 0:
        return [0.0]
    size = 10.0 ** floor(log10(highest / most))
    step = next(size * each for each in (1, 2, 5, 10) if size * each * most >= highest * 0.999)
    return [round(step * number, 9) for number in range(floor(highest / step + 1e-9) + 1)]
