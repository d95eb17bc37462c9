"""Two versions of a period side by side: what counts when, and which promise is which."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sla.backtest import Comparison, Fate, Period, Stand, fate, pairs
from sla.cycle import State
from tests.sla.example import at

PERIOD = Period(at(10), at(20), at(30))


def stand(
    state: State,
    *,
    started: float = 0,
    due: float | None = None,
    ended: float | None = None,
    severity: str = "High",
    late: int | None = None,
) -> Stand:
    """A first response; hours after nine."""

    def instant(hour: float | None) -> datetime | None:
        return None if hour is None else at(hour)

    stopped = ended if state in ("met", "breached") else None
    return Stand(
        "first_response", state, at(started), instant(due), instant(stopped), instant(ended),
        "acme", severity, "commitment", conditional=False, late=late,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given_stand", "wanted"),
    [
        (None, "not promised"),
        (stand("met", due=25, ended=10), "met"),
        (stand("met", due=25, ended=20), "outside the period"),
        (stand("met", due=15, ended=9.99), "outside the period"),
        # Breached when it fell due, however late it was answered.
        (stand("breached", due=10, ended=25), "breached"),
        (stand("breached", due=9.99, ended=15), "outside the period"),
        (stand("breached", due=15), "breached"),
        (stand("cancelled", ended=15), "cancelled"),
        # Nobody was woken: by now it is breached all the same.
        (stand("running", due=15), "breached"),
        (stand("running", due=29), "outside the period"),
        (stand("running", due=31), "open"),
        (stand("paused"), "open"),
        (stand("running", started=19.99, due=31), "open"),
        (stand("running", started=20, due=31), "outside the period"),
    ],
)
def test_a_promise_counts_when_it_was_decided(given_stand: Stand | None, wanted: Fate) -> None:
    assert fate(given_stand, PERIOD) == wanted


def test_the_one_promise_is_the_other_one_wherever_it_starts() -> None:
    old, new = stand("met", started=1), stand("met", started=2)
    assert list(pairs([old], [new])) == [(old, new)]


def test_of_several_those_are_the_same_that_start_together() -> None:
    first, second, third = (stand("met", started=hour) for hour in (1, 2, 3))
    other = stand("breached", started=2)
    assert list(pairs([first, second], [other, third])) == [
        (first, None), (second, other), (None, third)
    ]  # fmt: skip


def test_a_difference_says_how_much_sooner_the_answer_was_needed() -> None:
    comparison = Comparison(PERIOD, [at(10)])
    comparison.add(
        "HLP-1",
        [stand("met", due=19, ended=15)],
        [stand("breached", due=13, ended=15, severity="Highest", late=7_200_000_000)],
    )
    comparison.add("HLP-2", [stand("met", due=19, ended=15)], [stand("met", due=18, ended=15)])
    (found,) = comparison.differing
    assert (found.issue, found.outcome_from, found.outcome_to) == ("HLP-1", "met", "breached")
    assert (found.severity_from, found.severity_to) == ("High", "Highest")
    assert (found.due_from, found.due_to, found.answered_at) == (at(19), at(13), at(15))
    assert (found.sooner_seconds, comparison.moved) == (7200, 1)


HOURS = st.integers(0, 40)
STANDS = st.lists(
    st.builds(
        lambda state, started, due, ended: stand(
            state,
            started=started,
            due=None if state in ("paused", "cancelled") else due,
            ended=ended if state in ("met", "cancelled") else None,
        ),
        st.sampled_from(["met", "breached", "cancelled", "running", "paused"]),
        HOURS, HOURS, HOURS,
    ),
    max_size=4,
)  # fmt: skip


@given(STANDS, STANDS)
def test_the_differences_explain_the_counts(today: list[Stand], other: list[Stand]) -> None:
    comparison = Comparison(PERIOD, [at(10)])
    comparison.add("HLP-1", today, other)
    moved: Counter[str] = Counter()
    for each in comparison.differing:
        moved[each.outcome_to] += 1
        moved[each.outcome_from] -= 1
    for outcome in ("met", "breached", "cancelled"):
        counted = sum(
            getattr(each.other, outcome) - getattr(each.today, outcome)
            for each in comparison.counted
        )
        assert counted == moved[outcome]
    assert len(list(pairs(today, other))) >= max(len(today), len(other))
