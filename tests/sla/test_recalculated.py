"""What was over stays as it was judged; what runs is judged by the version that was published."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from sla import recalculated
from sla.cycle import Cycle, cycles_of
from sla.decide import Ledger, decide
from sla.mapping import Policy
from sla.recalculated import Earlier, is_withdrawn, joined, kept, kept_of
from sla.timeline import Timeline
from tests.sla.example import (
    always,
    at,
    change,
    contract,
    made,
    measured,
    of,
    policy,
    reply,
)


def replies_within(number: float) -> Policy:
    """A policy that promises a first and a next response within so many hours."""
    return of(measured("first_response", always(number)), measured("next_response", always(number)))


def versions(**policies: Policy) -> recalculated.Fold:
    """Judges this file's issue by one of them."""

    def fold(version: str, until_at: datetime) -> tuple[Cycle, ...]:
        return cycles_of(TIMELINE, policies[version], until_at)

    return fold


TIMELINE = Timeline.of([*made(), reply(at(3))])


def test_an_answer_that_was_in_time_stays_so_under_a_shorter_goal() -> None:
    generous, strict = replies_within(4), replies_within(1)
    assert [each.state for each in cycles_of(TIMELINE, strict, at(5))] == ["breached"]
    over = kept([Earlier("generous", at(4))], versions(generous=generous))
    assert [each.state for each in over] == ["met"]
    decision = decide(TIMELINE, strict, Ledger(), at(5), over=over)
    assert [each.state for each in decision.cycles] == ["met"]
    assert not decision.sayings


def test_what_was_not_over_by_then_is_judged_anew() -> None:
    generous, strict = replies_within(4), replies_within(1)
    over = kept([Earlier("generous", at(2))], versions(generous=generous))
    assert over == ()
    (cycle,) = decide(TIMELINE, strict, Ledger(), at(5), over=over).cycles
    assert (cycle.state, cycle.due_at) == ("breached", at(1))


def test_each_of_several_versions_keeps_what_was_over_in_its_time() -> None:
    fold = versions(first=replies_within(4), second=replies_within(1), third=replies_within(2))
    chain = [Earlier("first", at(4)), Earlier("second", at(6))]
    (cycle,) = joined(kept(chain, fold), fold("third", at(9)))
    assert (cycle.state, cycle.due_at) == ("met", at(4))


def test_a_clock_that_was_given_up_runs_again_where_something_is_owed_after_all() -> None:
    timeline = Timeline.of([*made(), change(at(1), "priority", "Highest", "Low")])
    urgent_only = of(measured("first_response", always(4, "Urgent")))
    given_up = cycles_of(timeline, urgent_only, at(2))
    assert [each.state for each in given_up] == ["cancelled"]
    (cycle,) = joined(given_up, cycles_of(timeline, replies_within(6), at(3)))
    assert (cycle.state, cycle.number, cycle.due_at) == ("running", 1, at(6))
    assert joined(given_up, cycles_of(timeline, urgent_only, at(3))) == given_up


@given(
    st.lists(st.integers(1, 200), max_size=6, unique=True),
    st.integers(0, 210),
    st.integers(1, 40),
    st.integers(1, 40),
)
def test_whatever_was_over_is_as_before_and_the_rest_is_counted_on(
    answers: list[int], moved: int, before: int, after: int
) -> None:
    timeline = Timeline.of([
        *made(),
        *(reply(at(n / 10), id_=f"r{n}") for n in answers),
    ])  # fmt: skip
    rolling = {n: of(
        measured("first_response", always(n / 10)), measured("periodic_update", always(n / 10)),
    ) for n in (before, after)}  # fmt: skip
    until_at, now = at(moved / 10), at(22)
    text = recalculated.written([Earlier("old", until_at)])
    assert recalculated.read(text) == (Earlier("old", until_at),)
    over = kept_of(text, lambda _: rolling[before], lambda _: timeline)
    old = cycles_of(timeline, rolling[before], until_at)
    ended = [each for each in over if not is_withdrawn(each)]
    assert ended == [each for each in old if each.ending and each.ending.at <= until_at]
    whole = joined(over, cycles_of(timeline, rolling[after], now))
    assert [each for each in whole if each in over] == ended
    for metric in {each.metric for each in whole}:
        numbers = [each.number for each in whole if each.metric == metric]
        assert numbers == list(range(1, len(numbers) + 1))
    if before == after:
        assert list(whole) == list(cycles_of(timeline, rolling[after], now))
    # A version that promises nothing leaves each as it stood, if it was over or broken.
    stood = cycles_of(timeline.until(until_at), rolling[before], until_at)
    assert [(each.metric, each.number, each.state, each.due_at) for each in joined(over, ())] == [
        (each.metric, each.number, each.state, each.due_at)
        for each in stood
        if each.ending or each.state == "breached"
    ]


def test_what_was_broken_stays_so_where_nothing_is_promised_for_it_any_more() -> None:
    """As long as that is so: a version that has its clock go on judges it anew."""
    strict, gone = replies_within(1), replace(replies_within(1), projects={})
    fold = versions(strict=strict, gone=gone, generous=replies_within(4))
    (broken,) = joined(kept([Earlier("strict", at(2))], fold), fold("gone", at(5)))
    assert (broken.state, broken.due_at, broken.until_at) == ("breached", at(1), at(2))
    assert broken.stopped_at is None
    assert is_withdrawn(broken)
    chain = [Earlier("strict", at(2)), Earlier("gone", at(2.5))]
    (met,) = joined(kept(chain, fold), fold("generous", at(5)))
    assert (met.state, met.due_at) == ("met", at(4))
    # What was in time by then, or rested before it was due, was not broken: nothing stays of it.
    assert joined(kept([Earlier("strict", at(0.5))], fold), fold("gone", at(5))) == ()
    waiting = Timeline.of([*made(), change(at(0.5), "status", "To Do", "Waiting")])
    pausing = policy(contract(always(1), pause_statuses=("Waiting",)))
    (paused,) = cycles_of(waiting, pausing, at(2))
    assert paused.state == "paused"
    assert kept([Earlier("pausing", at(2))], lambda _, now: cycles_of(waiting, pausing, now)) == ()


def test_an_issue_that_was_never_moved_keeps_nothing() -> None:
    def never(_: object) -> Policy:
        raise AssertionError("asked in vain")

    assert kept_of(None, never, lambda _: TIMELINE) == ()
    assert joined((), cycles_of(TIMELINE, replies_within(1), at(5))) == cycles_of(
        TIMELINE, replies_within(1), at(5)
    )
