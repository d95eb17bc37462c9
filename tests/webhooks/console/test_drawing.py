"""What the drawing writes is well-formed whatever it is given, and puts things in their places."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.console.drawing import svg

_WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=40)
_START = datetime(2024, 7, 1, 15, tzinfo=UTC)
_INSTANTS = st.integers(2, 365 * 229).map(
    lambda hours: (
        datetime(1970, 1, 2, tzinfo=UTC) + timedelta(hours=hours * 24, minutes=hours % 999)
    )
)


@given(words=_WORDS, title=_WORDS)
def test_words_are_words_and_never_marks(words: str, title: str) -> None:
    drawn = svg.picture(
        100, 50, svg.text(1, 2, words, class_=title), svg.rectangle(0, 0, 5, 5, class_="x"),
        name=title,
    )  # fmt: skip
    read = ET.fromstring(drawn)  # noqa: S314 - our own text
    assert read.attrib["aria-label"] == title
    assert [(each.tag, each.text or "") for each in read] == [("text", words), ("rect", "")]
    assert read[0].attrib["class"] == title


@given(marks=st.lists(_INSTANTS, min_size=1, max_size=30))
def test_a_folding_scale_keeps_the_order_and_the_ends(marks: list[datetime]) -> None:
    scale = svg.TimeScale.folding(marks, 10, 900)
    places = [scale.x(at) for at in sorted(marks)]
    assert places == sorted(places)
    assert places[0] == 10
    assert places[-1] <= 900 + 1e-6
    assert all(scale.shows(at) for at in marks)
    assert all(later > earlier for earlier, later in pairwise(scale.places))


def test_two_weeks_without_anything_are_a_narrow_strip() -> None:
    marks = [_START, _START + timedelta(days=1), _START + timedelta(days=15)]
    scale = svg.TimeScale.folding(marks, 0, 1000)
    [fold] = scale.folds
    assert scale.x(fold.to_at) - scale.x(fold.from_at) == 48
    assert not scale.shows(_START + timedelta(days=8))


@given(start=_INSTANTS, hours=st.integers(1, 24 * 365 * 20), width=st.integers(100, 4000))
def test_ticks_lie_on_the_scale_in_order_and_apart(start: datetime, hours: int, width: int) -> None:
    scale = svg.TimeScale.straight(start, start + timedelta(hours=hours), 0, width)
    ticks = svg.time_ticks(scale, "America/New_York")
    assert all(0 <= tick.x <= width for tick in ticks)
    assert all(later.x - earlier.x >= 50 for earlier, later in pairwise(ticks))
    assert len(ticks) <= width / 50 + 1


def test_ticks_read_the_clock_on_the_wall_across_the_night_it_is_put_back() -> None:
    before = datetime(2024, 11, 3, 4, tzinfo=UTC)
    scale = svg.TimeScale.straight(before, before + timedelta(days=1, hours=1), 0, 800)
    labels = [tick.label for tick in svg.time_ticks(scale, "America/New_York")]
    assert labels[0] == "Sun 3 Nov"
    assert labels[-1] == "Mon 4 Nov"
    assert "12:00" in labels


@given(highest=st.floats(0.001, 1e9))
def test_round_figures_reach_up_to_the_highest(highest: float) -> None:
    figures = svg.round_figures(highest)
    assert 2 <= len(figures) <= 6
    assert figures[-1] <= highest * 1.000001
    assert svg.Scale(highest, 100, 0).at(highest) == pytest.approx(0, abs=1e-9)
