"""Curves are drawn alike every time, readable for all, and true to their points."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from bench.drawing import drawn, short
from bench.row import Curve

SVG = "{http://www.w3.org/2000/svg}"
LINEAR = [(1_000.0, 2.0), (10_000.0, 20.0), (100_000.0, 200.0)]


def curve(**lines: list[tuple[float, float]]) -> Curve:
    return Curve("growth", "Time & size", "open issues", "ms", lines)


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314 - our own


def places(svg: str) -> list[list[tuple[float, float]]]:
    """The points of each line as they were drawn."""
    return [
        [tuple(map(float, each.split(","))) for each in line.attrib["points"].split()]  # type: ignore[misc]
        for line in parsed(svg).iter(f"{SVG}polyline")
    ]


def test_what_grows_linearly_is_drawn_straight() -> None:
    ((first, middle, last),) = places(drawn(curve(dueline=LINEAR)))
    assert middle[0] == pytest.approx((first[0] + last[0]) / 2)
    assert middle[1] == pytest.approx((first[1] + last[1]) / 2)
    assert first[0] < last[0]
    assert first[1] > last[1]


def test_nothing_is_drawn_outside_the_paper() -> None:
    svg = drawn(curve(small=[(1.0, 0.003), (7.0, 0.09)], large=[(3.0, 40_000.0)]))
    _, _, width, height = map(float, parsed(svg).attrib["viewBox"].split())
    seen = [point for line in places(svg) for point in line]
    assert len(seen) == 3
    assert all(0 < x < width and 0 < y < height for x, y in seen)


def test_one_point_alone_can_be_drawn() -> None:
    assert places(drawn(curve(dueline=[(10.0, 10.0)])))


def test_the_same_curve_gives_the_same_drawing() -> None:
    assert drawn(curve(dueline=LINEAR)) == drawn(curve(dueline=list(LINEAR)))


def test_a_drawing_can_be_read_aloud_and_in_the_dark() -> None:
    svg = drawn(curve(dueline=LINEAR, **{"a < b": [(1_000.0, 5.0)]}))
    drawing = parsed(svg)
    assert drawing.attrib["role"] == "img"
    assert [drawing.find(f"{SVG}{name}") is not None for name in ("title", "desc")] == [True, True]
    assert drawing.findtext(f"{SVG}title") == "Time & size"
    assert drawing.findtext(f"{SVG}desc") == (
        "ms by open issues. dueline: 2 at 1 k, 20 at 10 k, 200 at 100 k; a < b: 5 at 1 k."
    )
    assert "prefers-color-scheme:dark" in svg


def test_lines_differ_by_more_than_their_colour() -> None:
    svg = drawn(curve(one=LINEAR, two=LINEAR))
    lines = parsed(svg).iter(f"{SVG}polyline")
    assert len({line.attrib["stroke-dasharray"] for line in lines}) == 2


def test_decades_are_ticked_and_few_of_them_more_finely() -> None:
    def ticks(*line: tuple[float, float]) -> set[str]:
        return set(re.findall(r">([^<>]+)</text>", drawn(curve(dueline=list(line)))))

    wide = ticks((1_000.0, 1.0), (1_000_000.0, 1.0))
    assert {"1 k", "10 k", "100 k", "1 M"} <= wide
    assert "2 k" not in wide
    assert {"10", "20", "50"} <= ticks((10.0, 1.0), (40.0, 1.0))


@pytest.mark.parametrize("line", [[], [(0.0, 1.0)], [(1.0, -1.0)]])
def test_what_has_no_logarithm_is_refused(line: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="growth"):
        drawn(curve(dueline=line))


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.05, "0.05"), (12.0, "12"), (2_500.0, "2.5 k"), (100_000.0, "100 k"), (1e6, "1 M")],
)
def test_numbers_are_short(value: float, said: str) -> None:
    assert short(value) == said
