"""What Jira should show and hear, and when to look again: a function of the history alone."""

from __future__ import annotations

from datetime import datetime

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.contract import Alerts, Goal, Level, OpenTime
from sla.contract import Warning as EarlyWarning
from sla.decide import Decision, Ledger, decide, folded
from sla.mapping import Responders
from sla.timeline import Created, Deleted, Event, Timeline
from tests.sla.example import (
    ALWAYS,
    LADDER,
    at,
    change,
    contract,
    hours,
    made,
    office,
    policy,
    reply,
    two_hours,
)

WARNING, BREACH, LEVEL_1, LEVEL_2 = (
    f"first_response/1/{rule}" for rule in ("warning-75%", "breach", "level-1", "level-2")
)


def decided(
    events: list[Event],
    now: datetime,
    said: frozenset[str] = frozenset(),
    alerts: Alerts = LADDER,
) -> Decision:
    return decide(Timeline.of(events), policy(alerts=alerts), Ledger(said), now)


def keys(decision: Decision) -> list[str]:
    return [saying.key for saying in decision.sayings]


def test_the_fields_of_a_new_issue() -> None:
    fields = decided(made(), at(0)).fields
    assert fields is not None
    assert (fields.policy, fields.severity, fields.due) == ("acme", "Urgent", at(2))
    assert (fields.responded, fields.state, fields.level) == (None, "running", 0)


def test_each_rule_speaks_at_its_instant_and_the_next_one_is_waited_for() -> None:
    # Level 2 runs around the clock, level 1 in office hours; all on the Wednesday.
    for hour, new, wake in [
        (0, [], 1.5),
        (1.5, [WARNING], 2),
        (2, [WARNING, BREACH], 3),
        (3, [WARNING, BREACH, LEVEL_1], 6),
        (6, [WARNING, BREACH, LEVEL_1, LEVEL_2], None),
    ]:
        decision = decided(made(), at(hour))
        assert keys(decision) == new
        assert decision.wake_at == (None if wake is None else at(wake))


def test_what_was_said_is_not_said_again() -> None:
    assert keys(decided(made(), at(3), frozenset({WARNING, BREACH}))) == [LEVEL_1]


def test_no_warning_begins_once_the_breach_was_said() -> None:
    """As after a recalculation by another threshold; one that was said stays said."""
    assert decided(made(), at(3), frozenset({BREACH})).standing == {BREACH, LEVEL_1}
    both = frozenset({WARNING, BREACH})
    assert decided(made(), at(3), both).standing == {WARNING, BREACH, LEVEL_1}
    # An outage through both instants leaves both to be said.
    assert keys(decided(made(), at(2))) == [WARNING, BREACH]


def test_what_is_said_late_still_names_its_own_instant() -> None:
    assert [saying.at for saying in decided(made(), at(9)).sayings] == [
        at(1.5), at(2), at(3), at(6),
    ]  # fmt: skip


def test_the_level_field_is_the_highest_level_reached() -> None:
    levels = [decided(made(), at(hour)).fields for hour in (2, 3, 6)]
    assert [fields.level for fields in levels if fields] == [0, 1, 2]


def test_an_answer_ends_the_ladder_where_it_is() -> None:
    decision = decided([*made(), reply(at(3.5))], at(9))
    # Heard of only now: the breach is a fact, a call to act would come too late.
    assert keys(decision) == [BREACH]
    assert decision.standing == {BREACH}
    assert decision.wake_at is None
    assert decision.fields is not None
    assert (decision.fields.state, decision.fields.level) == ("breached", 1)


def test_an_answer_in_time_leaves_nothing_to_say() -> None:
    decision = decided([*made(), reply(at(1))], at(9))
    assert (keys(decision), decision.wake_at) == ([], None)


def test_an_answer_heard_of_too_late_takes_the_breach_back() -> None:
    decision = decided([*made(), reply(at(1.8))], at(9), frozenset({WARNING, BREACH}))
    assert keys(decision) == ["first_response/1/correction"]
    assert decision.sayings[0].at == at(1.8)


def test_a_level_with_its_own_hours_waits_for_them() -> None:
    day_shift = Alerts(levels=(Level(1, "Lead", hours(0), hours=office()),))
    around_the_clock = policy(contract(Goal(two_hours(), ALWAYS)), alerts=day_shift)
    # Breached on the Wednesday at 22:00 in New York; the office opens on Thursday at nine.
    timeline = Timeline.of(made(at(11)))
    breached = decide(timeline, around_the_clock, Ledger(), at(13))
    assert (keys(breached), breached.wake_at) == ([BREACH], at(24))


def test_a_warning_by_open_time_left() -> None:
    by_left = Alerts(warnings=(EarlyWarning("warning-30m-left", left=hours(0.5)),))
    assert decided(made(), at(0), alerts=by_left).wake_at == at(1.5)


def test_a_warning_longer_than_the_goal_is_not_given() -> None:
    too_early = Alerts(warnings=(EarlyWarning("warning-2h-left", left=hours(2)),))
    assert decided(made(), at(0), alerts=too_early).wake_at == at(2)


def test_raised_past_its_warning_it_warns_at_once() -> None:
    story = [*made(priority="High"), change(at(1.75), "priority", "High", "Highest")]
    decision = decided(story, at(1.8))
    assert [(saying.key, saying.at) for saying in decision.sayings] == [(WARNING, at(1.75))]


def test_an_issue_that_no_rule_covers_is_left_alone_with_the_reason() -> None:
    decision = decided(made(priority="Trivial"), at(5))
    assert (decision.coverage.covered, decision.fields, decision.wake_at) == (False, None, None)
    assert decision.coverage.reason == (
        "no severity rule of project ACME matches (type Bug, priority Trivial)"
    )
    assert "OTHER is in no mapping" in decided(made(project="OTHER"), at(5)).coverage.reason


def test_without_its_creation_nothing_is_concluded() -> None:
    assert decided([reply(at(1))], at(5)).fields is None


def test_a_deleted_issue_is_not_written_to() -> None:
    decision = decided([*made(), Deleted(at(3))], at(9))
    assert (decision.fields, decision.sayings, decision.wake_at) == (None, (), None)


def test_one_that_lost_its_contract_shows_that_it_is_cancelled() -> None:
    decision = decided([*made(), change(at(1), "project", "ACME", "OTHER")], at(9))
    assert decision.fields is not None
    assert (decision.fields.state, decision.fields.due) == ("cancelled", None)


STORY: list[Event] = [
    *made(priority="High"),
    change(at(1), "priority", "High", "Highest"),
    change(at(1.2), "resolution", None, "Done"),
    change(at(2.2), "resolution", "Done", None),
    reply(at(2.5), public=False),
    reply(at(6), id_="2"),
]


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.permutations(STORY), st.integers(0, len(STORY)), st.floats(0, 12))
def test_hearing_in_any_order_ends_in_the_same_decision(
    story: list[Event], heard: int, hour: float
) -> None:
    """Whatever was decided and said half-way, the end is what one who heard all would decide."""
    now = at(hour)
    early = decided(story[:heard], now)
    ledger = frozenset(keys(early))
    late = decided(story, now, ledger)
    whole = decided(STORY, now)
    assert late.fields == whole.fields
    corrections = {key for key in keys(late) if key.endswith("correction")}
    assert ledger | set(keys(late)) >= set(keys(whole)) | corrections
    assert not ledger & set(keys(late))


@settings(derandomize=True, deadline=None, max_examples=60)
@given(st.lists(st.floats(0, 40), min_size=1, max_size=12))
def test_waking_at_any_instants_says_each_thing_once(moments: list[float]) -> None:
    said: list[str] = []
    for hour in [*sorted(moments), 41]:
        said += keys(decided(made(), at(hour), frozenset(said)))
    assert said == [WARNING, BREACH, LEVEL_1, LEVEL_2]


def test_wake_at_is_enough() -> None:
    """Looking only at `wake_at` finds every change that looking always would."""
    said: list[str] = []
    now, seen = at(0), []
    while True:
        decision = decided(made(), now, frozenset(said))
        said += keys(decision)
        seen.append((now, decision.fields.state if decision.fields else None))
        if decision.wake_at is None:
            break
        now = decision.wake_at
    assert seen == [
        (at(0), "running"), (at(1.5), "running"), (at(2), "breached"), (at(3), "breached"),
        (at(6), "breached"),
    ]  # fmt: skip


@given(
    st.sampled_from([made(), STORY]),
    st.integers(0, 40),
    st.sets(st.sampled_from([WARNING, BREACH, LEVEL_1, LEVEL_2])),
)
def test_who_does_not_ask_again_hears_the_same_but_for_when_to_ask(
    story: list[Event], halves: int, said: set[str]
) -> None:
    timeline, ledger, now = Timeline.of(story), Ledger(frozenset(said)), at(halves / 2)
    judged_by = policy(alerts=LADDER)
    whole = decide(timeline, judged_by, ledger, now)
    once = decide(timeline, judged_by, ledger, now, looks_ahead=False)
    assert once == replace(whole, wake_at=None)


def test_beside_another_version_each_decides_as_it_does_alone() -> None:
    """One look at the history serves both, where both look at it with the same eyes."""
    timeline, now = Timeline.of(STORY), at(12)
    anyone, nobody = Responders(), Responders(only=frozenset())
    longer = contract(Goal(OpenTime(hours(3), "3h"), office()))
    first = folded(timeline, policy(longer, responders=anyone), now)
    assert first
    for responders in (anyone, nobody):
        other = policy(responders=responders)
        found = folded(timeline, other, now, beside=first)
        assert found
        assert (found.history is first.history) is (responders is anyone)
        alone = decide(timeline, other, Ledger(), now)
        assert decide(timeline, other, Ledger(), now, found=found) == alone
        assert alone.cycles != first.cycles
    assert folded(Timeline.of([reply(at(1))]), policy(), now, beside=first) is None


def test_a_creation_of_which_nothing_else_is_known_is_not_covered() -> None:
    assert decided([Created(at(0))], at(1)).coverage.reason.startswith("project (unknown)")


def test_lowered_after_a_breach_the_new_promise_can_be_broken_once_more() -> None:
    story = [*made(), change(at(3), "priority", "Highest", "High")]
    decision = decided(story, at(4), frozenset({WARNING, BREACH, LEVEL_1}))
    assert (keys(decision), decision.wake_at) == ([], at(6))
    anew = decided(story, at(30), frozenset({WARNING, BREACH, LEVEL_1}))
    assert keys(anew)[:2] == [f"{WARNING}/again-1", f"{BREACH}/again-1"]


def test_stopped_in_time_but_heard_of_late_the_breach_is_taken_back() -> None:
    for stop in (change(at(1.5), "resolution", None, "Done"), reply(at(1.5))):
        decision = decided([*made(), stop], at(3), frozenset({WARNING, BREACH}))
        assert keys(decision) == ["first_response/1/correction"]


def test_a_goal_picked_anew_that_is_used_up_is_broken_when_it_is_picked() -> None:
    story = [*made(priority="High"), change(at(5), "priority", "High", "Highest")]
    decision = decided(story, at(5.5))
    assert [(saying.key, saying.at) for saying in decision.sayings] == [(BREACH, at(5))]
    assert decision.sayings[0].facts["due_at"] == at(2).isoformat()
    assert decision.wake_at == at(6)
