"""What was over stays as it was judged; what runs is judged by the version that was published."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sla import recalculated
from sla.clock.run import cycles_of
from sla.contract import Alerts, Level
from sla.contract import Warning as EarlyWarning
from sla.cycle import Cycle
from sla.decide import Ledger, decide
from sla.effects import URGENT, Announced, Saying
from sla.mapping import Policy
from sla.recalculated import Earlier, is_withdrawn, joined, kept, kept_of
from sla.timeline import Timeline
from tests.sla.example import (
    always,
    at,
    change,
    contract,
    hours,
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
    earlier = (Earlier("old", until_at),)
    assert recalculated.read(recalculated.written(earlier)) == earlier
    over = kept_of(earlier, "new", lambda _: rolling[before], lambda _: timeline)
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

    assert kept_of((), "one", never, lambda _: TIMELINE) == ()
    # Moved before anything was over: it is known since when, and no other version is asked.
    earlier = recalculated.moved((), "one", "two", at(1), something_over=False)
    assert recalculated.judged_since(earlier) == at(1)
    assert kept_of(earlier, "two", never, lambda _: TIMELINE) == ()
    # What the second version left counts for the third, and the first is still asked for nothing.
    earlier = recalculated.moved(earlier, "two", "three", at(4), something_over=True)
    assert earlier == (Earlier("two", at(4)),)
    earlier = recalculated.moved(earlier, "three", "two", at(5), something_over=True)
    assert recalculated.leaving(earlier, "two") == (
        Earlier("two", at(4)), Earlier("three", at(5)),
    )  # fmt: skip
    assert joined((), cycles_of(TIMELINE, replies_within(1), at(5))) == cycles_of(
        TIMELINE, replies_within(1), at(5)
    )


SHOUTING = Alerts(
    warnings=(EarlyWarning("warning-50%", used=0.5), EarlyWarning("warning-75%", used=0.75)),
    levels=(Level(1, "Lead", hours(0)), Level(2, "Head", hours(1)), Level(3, "Chief", hours(5))),
)


def shouting(first: float, then: float) -> Policy:
    return of(
        measured("first_response", always(first)), measured("resolution", always(then)),
        measured("periodic_update", always(first)),
        alerts=SHOUTING,
    )  # fmt: skip


def told(policy: Policy, now: datetime, said: set[str], **how: Any) -> dict[str, Saying]:
    """What is said of an urgent issue that nobody answers, by its key."""
    decision = decide(Timeline.of(made()), policy, Ledger(frozenset(said)), now, **how)
    return {each.key: each for each in decision.sayings}


def test_in_hindsight_the_highest_level_is_told_and_nothing_beside_it() -> None:
    generous, strict = shouting(30, 30), shouting(2, 3)
    over = kept(
        [Earlier("old", at(4))], lambda _, now: cycles_of(Timeline.of(made()), generous, now)
    )
    how = {"since": at(4), "over": over}
    found = told(strict, at(4.1), set(), **how)
    assert found.keys() == {"first_response/1/level-2", "resolution/1/level-2"}
    assert {each.facts["since_at"] for each in found.values()} == {at(4).isoformat()}
    # What comes later is told at its time; what was left out is never made up for.
    assert told(strict, at(6), {*found}, **how) == {}
    assert told(strict, at(7), {*found}, **how).keys() == {"first_response/1/level-3"}
    assert "since_at" not in told(strict, at(7), {*found}, **how)["first_response/1/level-3"].facts
    # Where the highest was said by then, by whichever version, there is nothing to add.
    assert not told(strict, at(4.1), {"first_response/1/level-2"}, **how).keys() & {
        "first_response/1/breach", "first_response/1/level-1", "first_response/1/warning-75%",
    }  # fmt: skip
    # Of an issue that was not moved each is told.
    assert told(strict, at(4.1), set()).keys() > found.keys()


def test_what_was_left_out_is_not_made_up_for_once_late_news_undoes_what_was_said() -> None:
    """Neither an older cycle's breach nor a lower rung comes beside the correction."""
    hourly = of(measured("periodic_update", always(2)), alerts=SHOUTING)
    heard = [*made(), reply(at(0.2), id_="first"), reply(at(3), id_="one")]
    late = [*heard, reply(at(4.5), id_="two")]

    def keys(events: list[Any], *said: str) -> set[str]:
        ledger = Ledger(frozenset(said))
        decision = decide(Timeline.of(events), hourly, ledger, at(5.3), since=at(5.2))
        return {each.key for each in decision.sayings}

    (told,) = keys(heard)
    assert told == "periodic_update/2/level-1"
    assert keys(late, told) == {"periodic_update/2/correction"}
    assert keys(late) == {"periodic_update/1/breach"}, "nothing was said: the older one counts"
    # What was said in the same cycle and holds no more is higher, too; a lower one is not.
    second = "periodic_update/2/"
    assert not keys(heard, f"{second}level-2")
    assert not keys(heard, f"{second}breach/again-1")
    assert keys(heard, f"{second}another-warning", f"{second}correction") == {told}
    spoken_of = Announced(frozenset([told, f"{second}breach/again-1"]), at(5)).spoken_of
    assert spoken_of == {"periodic_update/2"}


def test_a_breach_that_the_version_before_would_have_told_is_none_of_hindsight() -> None:
    """Nobody could write, and a version was published meanwhile that has the same due instant."""
    same = replace(shouting(2, 30), version="v2")
    quiet = of(measured("first_response", always(2)), measured("resolution", always(30)),
               alerts=Alerts())  # fmt: skip
    timeline = Timeline.of(made())
    over = kept([Earlier("old", at(3))], lambda _, now: cycles_of(timeline, same, now))
    for version, key in ((quiet, "breach"), (same, "level-2")):
        (saying,) = told(version, at(3), set(), since=at(3), over=over).values()
        assert saying.key == f"first_response/1/{key}"
        assert ("since_at" in saying.facts) == (key != "breach")


@given(
    st.lists(st.integers(1, 200), max_size=5, unique=True),
    st.tuples(*[st.integers(1, 60)] * 4),
    st.integers(0, 150),
    st.lists(st.integers(0, 100), min_size=1, max_size=5),
)
def test_of_what_lies_behind_one_saying_a_metric_comes_whenever_and_however_often_it_is_asked(
    answers: list[int], goals: tuple[int, int, int, int], moved: int, asked: list[int]
) -> None:
    timeline = Timeline.of([*made(), *(reply(at(n / 10), id_=f"r{n}") for n in answers)])
    before, after = (shouting(a / 10, b / 10) for a, b in (goals[:2], goals[2:]))
    since = at(moved / 10)
    by_then = timeline.until(since)
    said = {each.key for each in decide(by_then, before, Ledger(), since).sayings}
    over = kept([Earlier("old", since)], lambda _, now: cycles_of(timeline, before, now))

    def live(instants: list[int]) -> list[Saying]:
        ledger = set(said)
        heard: list[Saying] = []
        for tenths in instants:
            now = since + hours(tenths / 10)
            seen = timeline.until(now)
            decision = decide(
                seen, after, Ledger(frozenset(ledger)), now, over=over, since=since
            )  # fmt: skip
            heard += decision.sayings
            ledger |= {each.key for each in decision.sayings}
            assert not decide(
                seen, after, Ledger(frozenset(ledger)), now, over=over, since=since
            ).sayings
        return [each for each in heard if each.at <= since and each.occasion in URGENT]

    heard = live([0, *sorted(asked)])
    metrics = [each.key.partition("/")[0] for each in heard]
    assert len(metrics) == len(set(metrics))
    assert {each.key for each in heard} == {each.key for each in live([0])}
