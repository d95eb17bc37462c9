"""Draws figures of reports: a share by week, and how much of the goal answers used.

The page has the same figures as a table beside each. What differs by colour differs by the shape
of its marks, its dashes or a hatch, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from webhooks.console.drawing import svg

_WIDTH, _HEIGHT = 960, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 16, 16, 30
_APART = 64
"""So many pixels lie between two words below the axis."""
_MARK = 4


class Point(NamedTuple):
    """One week of one line."""

    label: str
    share: float | None
    """0 to 1; None: nothing was decided."""
    words: str
    """All that the point tells."""


def trend(lines: Mapping[str, Sequence[Point]], *, name: str) -> Markup:
    """The part that was kept, by week, a line for each kind of promise.

    Args:
        lines: by kind; each has the same weeks.
        name: what is shown, for those who do not see it.
    """
    labels = [point.label for point in next(iter(lines.values()))]
    scale = svg.Scale(100, _HEIGHT - _BOTTOM, _TOP)
    places = _places(len(labels))
    return svg.picture(
        _WIDTH, _HEIGHT,
        *_grid(scale),
        *_labels(labels, places),
        *(
            svg.group(*_line(points, places, scale, nth), class_=f"line line-{nth}", title=kind)
            for nth, (kind, points) in enumerate(lines.items())
        ),
        name=name, class_="plot trend",
    )  # fmt: skip


def key(nth: int) -> Markup:
    """The mark and the dashes of a line, for the words that name it."""
    mark = svg.group(
        svg.line(0, 8, 32, 8, class_="thread"), _mark(16, 8, nth, ""), class_=f"line line-{nth}"
    )
    return svg.element(
        "svg", mark, class_="plot plot-key", width=32, height=16, viewBox="0 0 32 16",
        aria_hidden="true",
    )  # fmt: skip


def _places(number: int) -> list[float]:
    room = _WIDTH - _LEFT - _RIGHT - 2 * _MARK
    step = room / max(number - 1, 1)
    return [_LEFT + _MARK + step * nth for nth in range(number)]


def _grid(scale: svg.Scale) -> Iterator[Markup]:
    for value in (0, 25, 50, 75, 100):
        y = scale.at(value)
        yield svg.line(_LEFT, y, _WIDTH - _RIGHT, y, class_="grid")
        yield svg.text(_LEFT - 6, y + 4, f"{value} %", class_="axis", anchor="end")


def _labels(labels: Sequence[str], places: Sequence[float]) -> Iterator[Markup]:
    """Below the axis; the last one is always there, the others as far as there is room."""
    step = (places[-1] - places[0]) / max(len(places) - 1, 1)
    each = max(-(-_APART // max(step, 1)), 1)
    for nth, (label, x) in enumerate(zip(labels, places, strict=True)):
        if (len(labels) - 1 - nth) % each == 0:
            edge = "end" if nth == len(labels) - 1 and nth else "middle"
            right = x + _MARK if edge == "end" else x
            yield svg.text(right, _HEIGHT - 8, label, class_="axis", anchor=edge)


def _line(
    points: Sequence[Point], places: Sequence[float], scale: svg.Scale, nth: int
) -> Iterator[Markup]:
    """Where nothing was decided the line has a gap, not a zero."""
    run: list[tuple[float, float]] = []
    for point, x in zip(points, places, strict=True):
        if point.share is not None:
            run.append((x, scale.at(100 * point.share)))
        elif run:
            yield svg.path(run, class_="thread")
            run = []
    if run:
        yield svg.path(run, class_="thread")
    for point, x in zip(points, places, strict=True):
        if point.share is not None:
            yield _mark(x, scale.at(100 * point.share), nth, point.words)


def _mark(x: float, y: float, nth: int, words: str) -> Markup:
    """A disc, a square, a diamond, a triangle: one for each line."""
    title = (svg.element("title", words),) if words else ()
    size = _MARK
    match nth % 4:
        case 0:
            return svg.element("circle", *title, class_="dot", cx=x, cy=y, r=size)
        case 1:
            corners = [(-size, -size), (size, -size), (size, size), (-size, size)]
        case 2:
            corners = [(0, -size - 1), (size + 1, 0), (0, size + 1), (-size - 1, 0)]
        case _:
            corners = [(0, -size - 1), (size + 1, size), (-size - 1, size)]
    points = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
    return svg.element("polygon", *title, class_="dot", points=points)


_BARS_WIDTH, _BARS_HEIGHT, _BAR = 320, 150, 46


def histogram(numbers: Sequence[int], labels: Sequence[str], *, name: str) -> Markup:
    """Bars with their figures above; the last one, for what came late, is hatched.

    Args:
        numbers: how many of each.
        labels: a word or two below each.
        name: what is shown, for those who do not see it.
    """
    scale = svg.Scale(max(*numbers, 1), _BARS_HEIGHT - 26, 20)
    step = _BARS_WIDTH / len(numbers)
    drawn = [svg.line(0, scale.zero, _BARS_WIDTH, scale.zero, class_="grid")]
    for nth, (number, label) in enumerate(zip(numbers, labels, strict=True)):
        x, y = step * nth + (step - _BAR) / 2, scale.at(number)
        late = nth == len(numbers) - 1
        shape = (x, y, _BAR, scale.zero - y)
        drawn.append(svg.rectangle(*shape, class_="column late" if late else "column"))
        if late and number:
            drawn.append(_hatch(*shape))
        middle = x + _BAR / 2
        drawn.append(svg.text(middle, y - 5, f"{number:,}", class_="value", anchor="middle"))
        drawn.append(svg.text(middle, _BARS_HEIGHT - 10, label, class_="axis", anchor="middle"))
    return svg.picture(_BARS_WIDTH, _BARS_HEIGHT, *drawn, name=name, class_="plot bars")


_SHARES_WIDTH, _SHARES_ROOM, _SHARE, _APART_ROWS = 320, 200, 14, 18


def bars(rows: Sequence[tuple[str, Sequence[tuple[float | None, str]]]], *, name: str) -> Markup:
    """Shares as lying bars, those of a row one below the other; the second one is hatched.

    Args:
        rows: what each is of; its shares, 0 to 1 or None, with the words behind each.
        name: what is shown, for those who do not see it.
    """
    drawn: list[Markup] = []
    y = 0.0
    for words, shares in rows:
        drawn.append(svg.text(0, y + 14, words, class_="axis"))
        y += 20
        for nth, (share, told) in enumerate(shares):
            shape = (0, y, _SHARES_ROOM * (share or 0), _SHARE)
            drawn.append(svg.rectangle(*shape, class_="column other" if nth else "column"))
            if nth and share:
                drawn.append(_hatch(*shape))
            drawn.append(svg.text(shape[2] + 6, y + 12, told, class_="value"))
            y += _APART_ROWS
        y += 8
    return svg.picture(_SHARES_WIDTH, y, *drawn, name=name, class_="plot bars")


def _hatch(x: float, y: float, width: float, height: float) -> Markup:
    """Slanting lines over a rectangle; drawn, since patterns need names that no other has."""
    steps = []
    offset = 6.0
    while offset < width + height:
        # From the left or lower edge to the upper or right one.
        x1, y1 = x + max(offset - height, 0), y + min(offset, height)
        x2, y2 = x + min(offset, width), y + max(offset - width, 0)
        steps.append(f"M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}")
        offset += 8
    return svg.element("path", class_="hatch", d="".join(steps))
