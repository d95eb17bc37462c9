"""Draws how something grows: both axes logarithmic, so that a straight rise by one is linear."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape

from bench.row import Curve

_NAMESPACE = "http://www.w3.org/2000/svg"
_WIDTH, _HEIGHT = 640, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 24, 44, 56
_LEGEND = 18
# Colours told apart by most eyes, for light and for dark paper; dashes for those who cannot.
_LIGHT = ("#0b62a4", "#b6480b", "#23733b", "#8a3b8f", "#5f5f5f")
_DARK = ("#6cb8f0", "#f0a06c", "#79cf92", "#d79bdb", "#b8b8b8")
_DASHES = ("none", "7 4", "2 3", "10 3 2 3", "4 2")
_FEW_DECADES = 2.5

Point = tuple[float, float]


def drawn(curve: Curve) -> str:
    """The curve as SVG text: the same for the same curve, and readable on light and dark paper.

    Raises:
        ValueError: there is no point, or one that is not above zero.
    """
    points = [point for line in curve.lines.values() for point in line]
    if not points or min(min(point) for point in points) <= 0:
        raise ValueError(f"{curve.id}: logarithms need points above zero")
    height = _HEIGHT + _LEGEND * len(curve.lines)
    x_axis = _Axis([x for x, _ in points], _LEFT, _WIDTH - _RIGHT)
    y_axis = _Axis([y for _, y in points], _HEIGHT - _BOTTOM, _TOP)
    size = f'viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join(
        [
            f'<svg xmlns="{_NAMESPACE}" {size} role="img" aria-labelledby="title desc">',
            f'<title id="title">{escape(curve.title)}</title>',
            f'<desc id="desc">{escape(_described(curve))}</desc>',
            f"<style>{_style(len(curve.lines))}</style>",
            f'<rect class="paper" width="{_WIDTH}" height="{height}"/>',
            f'<text class="head" x="{_LEFT}" y="24">{escape(curve.title)}</text>',
            *_grid(x_axis, y_axis),
            *_labels(curve),
            *_lines(curve, x_axis, y_axis),
            *_legend(curve),
            "</svg>\n",
        ]
    )


class _Axis:
    """Places values on a logarithmic axis that begins and ends at round numbers."""

    def __init__(self, values: Sequence[float], low: float, high: float) -> None:
        self._first = _round_down(min(values))
        self._last = _round_up(max(values))
        if self._first == self._last:
            self._last *= 10
        self._low, self._high = low, high

    def place(self, value: float) -> float:
        part = math.log(value / self._first) / math.log(self._last / self._first)
        return round(self._low + part * (self._high - self._low), 1)

    def ticks(self) -> list[float]:
        """The powers of ten in sight; where there are few, twice and five times each as well."""
        exponents = range(math.floor(math.log10(self._first)), math.ceil(math.log10(self._last)))
        few = self._last / self._first <= 10**_FEW_DECADES
        steps = (1, 2, 5) if few else (1,)
        marks = [step * 10.0**n for n in [*exponents, exponents.stop] for step in steps]
        slack = 1e-9
        return [m for m in marks if self._first * (1 - slack) <= m <= self._last * (1 + slack)]


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return max(step * power for step in (1, 2, 5) if step * power <= value)


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return min(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _style(lines: int) -> str:
    return (
        "svg{font:12px system-ui,sans-serif}"
        ".paper{fill:#fff}text{fill:#222}.head{font-size:15px;font-weight:600}"
        ".grid{stroke:#ddd}.line{fill:none;stroke-width:2}"
        f"{_colours(_LIGHT, lines)}"
        "@media(prefers-color-scheme:dark){"
        ".paper{fill:#16181c}text{fill:#e6e6e6}.grid{stroke:#3a3d42}"
        f"{_colours(_DARK, lines)}}}"
    )


def _colours(colours: Sequence[str], lines: int) -> str:
    return "".join(
        f".l{n}{{stroke:{colour}}}.p{n}{{fill:{colour}}}"
        for n, colour in ((n, colours[n % len(colours)]) for n in range(lines))
    )


def _grid(x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    for value in x_axis.ticks():
        x = x_axis.place(value)
        yield f'<line class="grid" x1="{x}" y1="{_TOP}" x2="{x}" y2="{bottom}"/>'
        yield f'<text x="{x}" y="{bottom + 18}" text-anchor="middle">{short(value)}</text>'
    for value in y_axis.ticks():
        y = y_axis.place(value)
        yield f'<line class="grid" x1="{_LEFT}" y1="{y}" x2="{right}" y2="{y}"/>'
        yield f'<text x="{_LEFT - 8}" y="{y + 4}" text-anchor="end">{short(value)}</text>'


def _labels(curve: Curve) -> Iterator[str]:
    middle = (_LEFT + _WIDTH - _RIGHT) / 2
    yield f'<text x="{middle}" y="{_HEIGHT - 16}" text-anchor="middle">{escape(curve.x)}</text>'
    height = (_TOP + _HEIGHT - _BOTTOM) / 2
    yield (
        f'<text x="18" y="{height}" text-anchor="middle" transform="rotate(-90 18 {height})">'
        f"{escape(curve.y)}</text>"
    )


def _lines(curve: Curve, x_axis: _Axis, y_axis: _Axis) -> Iterator[str]:
    for n, line in enumerate(curve.lines.values()):
        places = [(x_axis.place(x), y_axis.place(y)) for x, y in line]
        path = " ".join(f"{x},{y}" for x, y in places)
        yield f'<polyline class="line l{n}" {_dashes(n)} points="{path}"/>'
        for (x, y), (_, value) in zip(places, line, strict=True):
            yield f'<circle class="p{n}" cx="{x}" cy="{y}" r="3.5">'
            yield f"<title>{short(value)}</title></circle>"


def _legend(curve: Curve) -> Iterator[str]:
    for n, name in enumerate(curve.lines):
        y = _HEIGHT + _LEGEND * n
        ends = f'x1="{_LEFT}" y1="{y}" x2="{_LEFT + 32}" y2="{y}"'
        yield f'<line class="line l{n}" {_dashes(n)} {ends}/>'
        yield f'<text x="{_LEFT + 40}" y="{y + 4}">{escape(name)}</text>'


def _dashes(n: int) -> str:
    return f'stroke-dasharray="{_DASHES[n % len(_DASHES)]}"'


def _described(curve: Curve) -> str:
    """The points in words, for who cannot see them."""
    lines = (
        f"{name}: " + ", ".join(f"{short(y)} at {short(x)}" for x, y in line)
        for name, line in curve.lines.items()
    )
    return f"{curve.y} by {curve.x}. " + "; ".join(lines) + "."


def short(value: float) -> str:
    """A number for people: 100 k, 2.5 M, 0.05."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g} {letter}"
    return f"{value:.3g}"
