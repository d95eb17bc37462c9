"""A story drawn and told: pauses, long waits, hundreds of cycles, and promises far away."""

from __future__ import annotations

import dataclasses
import random
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from xml.etree import ElementTree as ET

import pytest
from msgspec.structs import replace

from sla.calendar import Calendar
from sla.condition import Condition
from sla.contract import CLOCKS, Goal, OpenTime
from sla.decide import Decision, Ledger, decide
from sla.explain import explain, explanation_of
from sla.mapping import Policy
from sla.timeline import Event, Timeline
from tests.sla.example import (
    ALWAYS,
    CUSTOMER,
    always,
    at,
    change,
    contract,
    hours,
    made,
    measured,
    of,
    office,
    policy,
    reply,
    two_hours,
)
from webhooks.console.drawing.story import Window, draw, scale_of
from webhooks.console.questions.issue import by_metric
from webhooks.console.questions.story import Entry, story_of

_ZONE = "America/New_York"
_BY_STATUS = policy(contract(Goal(two_hours(), office()), pause_statuses=("Waiting",)))


def told(
    events: Sequence[Event], under: Policy, now: datetime, window: Window = "all"
) -> tuple[Decision, list[Entry], str]:
    """An issue judged, told, and drawn; the drawing is well-formed."""
    timeline = Timeline.of(events)
    decision = decide(timeline, under, Ledger(), now)
    entries = story_of(timeline, under, decision.cycles, [])
    dues = [cycle.due_at for cycle in decision.cycles if cycle.due_at]
    instants = [*(entry.at for entry in entries), *dues]
    scale = scale_of(window, instants, max(dues, default=None), now)
    story = draw("A story", by_metric(decision.cycles), entries, scale, _ZONE, now)
    for drawn in (story.plot, story.labels):
        ET.fromstring(drawn)  # noqa: S314 - our own text
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    return decision, entries, str(story.plot)


def test_a_clock_that_rests_has_an_open_end() -> None:
    waits = [*made(), change(at(1), "status", "To Do", "Waiting")]
    _, entries, plot = told(waits, _BY_STATUS, at(5))
    assert 'class="cycle paused"' in plot
    assert 'class="paused-time"' in plot
    assert 'class="open-end"' in plot
    assert "due: unknown" in plot
    assert [e.words for e in entries if e.kind == "paused"] == [
        "First response: paused; the due instant is unknown meanwhile"
    ]
    assert not [e for e in entries if e.kind == "due"]


def test_a_holiday_has_its_name_and_open_hours_are_shaded() -> None:
    closed = dataclasses.replace(office(), holidays={date(2024, 7, 11): "Founders' Day"})
    under = policy(contract(Goal(OpenTime(hours(20), "20h"), closed)))
    _, _, plot = told(made(), under, at(3))
    assert "Holiday: Founders&#39; Day" in plot
    assert plot.count('class="open-hours"') == 3


def test_weeks_in_which_nothing_happened_are_folded() -> None:
    replies = [reply(at(1)), reply(at(24 * 40), id_="2")]
    _, _, plot = told([*made(), *replies], _BY_STATUS, at(24 * 41))
    assert "39 days" in plot
    assert float(re.findall(r'<svg[^>]* width="([\d.]+)"', plot)[0]) < 1_300


def test_a_promise_due_in_2199_is_drawn_and_told() -> None:
    far = Goal(OpenTime(datetime(2199, 11, 1, tzinfo=UTC) - at(0), "long"), ALWAYS)
    decision, _, plot = told(made(), policy(contract(far)), at(1))
    assert "175 years" in plot
    [cycle] = explanation_of(decision, longest=timedelta(days=60)).cycles
    assert [step.kind for step in cycle.promises[0].steps] == ["open", "not shown"]
    hours_in_office = Goal(OpenTime(hours(8 * 260 * 175), "long"), office())
    decision, _, _ = told(made(), policy(contract(hours_in_office)), at(1))
    [cycle] = explanation_of(decision, longest=timedelta(days=60)).cycles
    steps = cycle.promises[0].steps
    assert len(steps) < 100
    assert steps[-1].kind == "not shown"
    assert steps[-1].to_at == decision.cycles[0].promise.due_at
    used = sum((step.used for step in steps), timedelta(0))
    assert steps[-1].left + used == hours(8 * 260 * 175)


@pytest.mark.parametrize("window", ["all", "week", "due"])
def test_hundreds_of_cycles_on_a_grid_stay_readable(window: Window) -> None:
    clock = replace(CLOCKS["periodic_update"], grid=True)
    under = of(measured("periodic_update", always(1), clock=clock))
    decision, _, plot = told([*made(), reply(at(0.5))], under, at(24 * 30), window)
    assert len(decision.cycles) > 700
    assert plot.count('class="cycle') <= 400
    assert len(plot) < 400_000


def test_a_calendar_without_an_opening_is_drawn_blank() -> None:
    """A promise by such a calendar cannot be reckoned; a level's own hours may be of one."""
    blank = Calendar("closed", _ZONE)
    assert blank.open_intervals(at(0), at(99)) == ()
    _, entries, plot = told(made(priority="Trivial"), policy(), at(1))
    assert [entry.kind for entry in entries] == ["created"]
    assert 'class="open-hours"' not in plot


def _any_story(chance: random.Random) -> list[Event]:
    """A history that nobody thought up."""
    events: list[Event] = made(at(0), priority=chance.choice(["Highest", "High", "Trivial"]))
    when = 0.0
    status, priority = "To Do", "High"
    for number in range(chance.randint(0, 12)):
        when += chance.choice([0.1, 1, 5, 30, 400]) * chance.random()
        match chance.randint(0, 3):
            case 0:
                events.append(reply(at(when), id_=str(number)))
            case 1:
                events.append(reply(at(when), CUSTOMER, id_=str(number)))
            case 2:
                new = chance.choice(["To Do", "Waiting", "Done"])
                events.append(change(at(when), "status", status, new))
                status = new
            case _:
                new = chance.choice(["Highest", "High", "Low"])
                events.append(change(at(when), "priority", priority, new))
                priority = new
    return events


@pytest.mark.parametrize("seed", range(60))
def test_whatever_happened_is_drawn_and_told(seed: int) -> None:
    chance = random.Random(seed)
    under = of(
        measured("first_response", Goal(two_hours(), office()), clock=replace(
            CLOCKS["first_response"], pauses=(Condition({"status": ("Waiting",)}),)
        )),
        measured("next_response", always(4)),
        measured("periodic_update", always(24)),
    )  # fmt: skip
    events = _any_story(chance)
    now = at(chance.choice([1, 10, 100, 1000]))
    decision, _, _ = told(events, under, now, chance.choice(["all", "week", "due"]))
    whole = explanation_of(decision)
    assert list(whole.lines()) == explain(decision)
    for cycle in whole.cycles:
        for promise in cycle.promises:
            assert all(one.to_at == two.from_at for one, two in pairwise(promise.steps))
