"""Every kind of metric over a history: what starts a cycle, what stops it, what it rests for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.condition import Condition
from sla.contract import (
    CLOCKS,
    RESPONSE,
    Act,
    Alerts,
    BusinessDays,
    Clock,
    Contract,
    Duty,
    DutyEffect,
    Goal,
    Level,
    Limit,
    Metric,
    OpenTime,
    Refusal,
    Scope,
)
from sla.contract import Warning as EarlyWarning
from sla.cycle import Cycle
from sla.decide import Decision, Ledger, decide
from sla.mapping import AlertRule, Policy, SeverityRule
from sla.timeline import Account, Changed, CommentDeleted, Deleted, Event, Timeline
from tests.sla.example import (
    CUSTOMER,
    NINE,
    always,
    at,
    change,
    hours,
    made,
    measured,
    of,
    office,
    policy,
    reply,
    runs,
    says,
)

FIRST, NEXT, UPDATE = "first_response", "next_response", "periodic_update"
SUBSTANTIVE, RESOLUTION = "substantive_response", "resolution"
WORKAROUND = Condition(filled=("Workaround",))
WAITING = Condition({"status": ("Waiting",)})
GRID = replace(CLOCKS[UPDATE], grid=True, starts=(Act("first response"),))


def cycles(
    events: Sequence[Event], now: float, promised: Metric | Policy, name: str = ""
) -> tuple[Cycle, ...]:
    judged_by = of(promised) if isinstance(promised, Metric) else promised
    named = promised.name if isinstance(promised, Metric) else name
    return runs(Timeline.of(events), judged_by, at(now), named)


def told(found: Sequence[Cycle]) -> list[tuple[float, float | None, str]]:
    """Of each cycle its start, its end and its state."""
    return [(hour(c.started_at), hour(c.ending.at) if c.ending else None, c.state) for c in found]


def hour(instant: datetime) -> float:
    return (instant - NINE) / hours(1)


def decided(events: Sequence[Event], now: float, judged_by: Policy) -> Decision:
    return decide(Timeline.of(events), judged_by, Ledger(), at(now))


def customer(when: float) -> Event:
    return reply(at(when), CUSTOMER, id_=f"c{when}")


def agent(when: float) -> Event:
    return reply(at(when), id_=f"a{when}")


def resolved(when: float) -> Event:
    return change(at(when), "resolution", None, "Done")


def reopened(when: float) -> Event:
    return change(at(when), "resolution", "Done", None)


def lowered(when: float) -> Event:
    return change(at(when), "priority", "Highest", "High")


def raised(when: float) -> Event:
    return change(at(when), "priority", "High", "Highest")


# --- first response -------------------------------------------------------------------------------

ASSESSED = replace(
    CLOCKS[FIRST], stops=((RESPONSE, Act("fields", when=Condition(filled=("Assessment",)))),)
)


@pytest.mark.parametrize(("answered", "assessed"), [(1, 3), (3, 1), (3, 0), (3, 3)])
def test_response_and_assessment_are_there_at_the_later_of_the_two(
    answered: float, assessed: float
) -> None:
    story = [*made(), agent(answered), change(at(assessed), "Assessment", None, "bug")]
    metric = measured(FIRST, always(2), clock=ASSESSED)
    assert told(cycles(story, 4, metric)) == [(0, 3, "breached")]
    assert told(cycles(story[:-1], 1, metric))[0][1:] == (None, "running")


def test_any_of_several_stops_is_enough() -> None:
    either = replace(CLOCKS[FIRST], stops=((RESPONSE,), (Act("fields", when=WAITING),)))
    story = [*made(), change(at(1), "status", "To Do", "Waiting"), agent(2)]
    assert told(cycles(story, 4, measured(FIRST, always(2), clock=either))) == [(0, 1, "met")]


def test_a_stop_that_was_so_before_the_start_is_so_at_the_start() -> None:
    clock = Clock((Act("first response"),), ((Act("fields", when=WORKAROUND),),))
    story = [*made(Workaround="restart"), agent(1)]
    found = cycles(story, 4, measured("work_around", always(2), clock=clock))
    assert told(found) == [(1, 1, "met")]


# --- next response --------------------------------------------------------------------------------

ANSWERED = measured(NEXT, always(2))


def test_the_oldest_unanswered_message_counts() -> None:
    story = [*made(), agent(1), customer(2), customer(3), customer(3.5), agent(3.75), customer(5)]
    assert told(cycles(story, 8, ANSWERED)) == [(2, 3.75, "met"), (5, None, "breached")]


def test_what_is_said_before_the_first_response_starts_nothing() -> None:
    story = [*made(), customer(1), agent(2)]
    assert cycles(story, 9, ANSWERED) == ()
    assert cycles([*story[:-1]], 9, ANSWERED) == ()


def test_an_unnamed_author_neither_starts_nor_answers() -> None:
    nobody = [reply(at(2), None, id_="x"), reply(at(4), None, id_="y")]
    assert told(cycles([*made(), agent(1), *nobody, customer(3)], 4, ANSWERED)) == [
        (3, None, "running")
    ]


@pytest.mark.parametrize("author", [CUSTOMER, Account("bot", "app"), Account("dueline")])
def test_only_a_responder_answers(author: Account) -> None:
    story = [*made(), agent(1), customer(2), reply(at(3), author, id_="x")]
    assert told(cycles(story, 3.5, ANSWERED)) == [(2, None, "running")]


def test_a_message_on_a_resolved_issue_owes_nothing_until_it_is_opened_again() -> None:
    story = [*made(), agent(1), resolved(2), customer(3)]
    assert cycles(story, 99, ANSWERED) == ()
    (again,) = cycles([*story, reopened(10)], 10, ANSWERED)
    assert (again.state, again.elapsed, again.due_at) == ("running", hours(0), at(12))


def test_unanswered_and_resolved_it_is_cancelled_and_opened_again_the_message_still_counts() -> (
    None
):
    story = [*made(), agent(1), customer(2), resolved(3)]
    assert told(cycles(story, 99, ANSWERED)) == [(2, 3, "cancelled")]
    later = [*story, reopened(5), customer(5.5)]
    assert told(cycles(later, 6, ANSWERED)) == [(2, None, "breached")]


def test_thanks_on_a_resolved_issue_answered_there_was_never_owed() -> None:
    story = [*made(), agent(1), resolved(2), customer(3), agent(50)]
    assert cycles(story, 99, ANSWERED) == ()


# --- substantive response -------------------------------------------------------------------------

QUESTION = measured(SUBSTANTIVE, always(2))


def test_it_starts_at_the_first_response_and_ends_at_a_question() -> None:
    story = [*made(), agent(1), says(at(2), "Ok.", id_="2"), says(at(3), "Since when?", id_="3")]
    assert cycles(story[:2], 0.5, QUESTION) == ()
    assert told(cycles(story, 9, QUESTION)) == [(1, 3, "met")]
    assert told(cycles([*made(), says(at(1), "Since when?")], 9, QUESTION)) == [(1, 1, "met")]


def test_the_customers_question_does_not_count() -> None:
    story = [*made(), agent(1), says(at(2), "Any news?", CUSTOMER, id_="2")]
    assert told(cycles(story, 2, QUESTION)) == [(1, None, "running")]


def test_edited_into_a_question_the_clock_stops_at_the_edit() -> None:
    story = [*made(), says(at(1), "Ok."), says(at(1), "Since when?", edited=at(2))]
    assert told(cycles(story, 9, QUESTION)) == [(1, 2, "met")]
    out = [*made(), agent(1), says(at(2), "Why?", id_="2"), says(at(2), "-", id_="2", edited=at(4))]
    assert told(cycles([*out, CommentDeleted(at(5), "2")], 9, QUESTION)) == [(1, 2, "met")]


def test_a_mark_on_the_issue_stops_it_at_the_reply_that_was_meant() -> None:
    marks = (Condition({"labels": ("substantive",)}),)
    clock = replace(CLOCKS[SUBSTANTIVE], stops=((Act("response", marks=marks),),))
    metric = measured(SUBSTANTIVE, always(2), clock=clock)
    story = [*made(), agent(1), agent(2.5), change(at(9), "labels", (), ("substantive",))]
    assert told(cycles(story, 8, metric)) == [(1, 2.5, "met")]
    assert told(cycles([*made(labels=("substantive",)), agent(1)], 8, metric)) == [(1, 1, "met")]


# --- periodic update ------------------------------------------------------------------------------

ROLLING = measured(UPDATE, always(2), clock=replace(CLOCKS[UPDATE], until=(WORKAROUND,)))
SLOTS = measured(UPDATE, always(2), clock=replace(GRID, until=(WORKAROUND,)))


def test_each_reply_starts_the_next_update() -> None:
    story = [*made(), agent(1), agent(2), customer(3), agent(5)]
    assert told(cycles(story, 6, ROLLING)) == [
        (1, 2, "met"), (2, 5, "breached"), (5, None, "running"),
    ]  # fmt: skip


ENDS = [resolved(2), change(at(2), "Workaround", None, "restart"), Deleted(at(2))]


@pytest.mark.parametrize("metric", [ROLLING, SLOTS], ids=["rolling", "grid"])
@pytest.mark.parametrize("end", ENDS, ids=["resolved", "work-around", "deleted"])
def test_updates_end_when_nothing_more_is_owed(metric: Metric, end: Event) -> None:
    (only,) = cycles([*made(), agent(1), end], 99, metric)
    assert told([only]) == [(1, 2, "cancelled")]
    assert (only.elapsed, only.due_at) == (hours(1), None)


@pytest.mark.parametrize("metric", [ROLLING, SLOTS], ids=["rolling", "grid"])
def test_opened_again_or_without_a_work_around_updates_go_on(metric: Metric) -> None:
    dropped = change(at(20), "Workaround", "restart", None)
    for pair in ([resolved(2), reopened(20)], [ENDS[1], dropped]):
        (only,) = cycles([*made(), agent(1), *pair], 20.5, metric)
        assert (only.state, only.due_at) == ("running", at(21))


@pytest.mark.parametrize("end", ENDS[:2], ids=["resolved", "work-around"])
def test_replies_after_the_end_of_the_updates_start_none(end: Event) -> None:
    story = [*made(), agent(1), end, agent(50), agent(60)]
    assert [start for start, _, _ in told(cycles(story, 70, ROLLING))] == [1]


def test_on_a_grid_each_slot_is_met_by_a_reply_within_it_and_else_breached() -> None:
    # Slots from one to three, to five, to seven, to nine.
    story = [*made(), agent(1), agent(2), agent(2.5), agent(7)]
    assert told(cycles(story, 8, SLOTS)) == [
        (1, 2, "met"), (3, 7, "breached"), (5, 7, "met"), (7, None, "running"),
    ]  # fmt: skip


def test_on_a_grid_the_slots_go_on_without_any_reply_up_to_now() -> None:
    for now in (1, 2.9, 3, 5, 8.5):
        found = cycles([*made(), agent(1)], now, SLOTS)
        assert [start for start, _, _ in told(found)] == [s for s in (1, 3, 5, 7) if s <= now]
        assert [c.state for c in found] == ["breached"] * (len(found) - 1) + ["running"]


def test_on_a_grid_a_pause_moves_the_slots() -> None:
    clock = replace(GRID, pauses=(WAITING,))
    story = [
        *made(),
        agent(1),
        change(at(2), "status", "To Do", "Waiting"),
        change(at(10), "status", "Waiting", "To Do"),
    ]
    found = cycles(story, 12, measured(UPDATE, always(2), clock=clock))
    assert told(found) == [(1, None, "breached"), (11, None, "running")]
    paused = cycles(story[:-1], 9, measured(UPDATE, always(2), clock=clock))
    assert told(paused) == [(1, None, "paused")]


def test_on_a_grid_a_slot_follows_where_the_one_before_is_due() -> None:
    story = [*made(), agent(0), lowered(1), raised(2)]
    found = cycles(story, 6, measured(UPDATE, always(2, "Urgent"), clock=GRID))
    assert [c.started_at for c in found[1:]] == [c.promise.due_at for c in found[:-1]]


@pytest.mark.parametrize("replies", [(1, 3), (2.5,)], ids=["a slot in between", "a slot given up"])
def test_on_a_grid_lowered_answered_and_raised_again_the_slots_go_on(
    replies: tuple[float, ...],
) -> None:
    story = [*made(), agent(0), *map(agent, replies), lowered(1.5), raised(4)]
    found = cycles(story, 9, measured(UPDATE, always(2, "Urgent"), clock=GRID))
    assert found[-1].state == "running"


def test_on_a_grid_lowered_and_raised_again_without_a_reply_the_slots_go_on() -> None:
    story = [*made(), agent(0), agent(1), lowered(1.5), raised(4)]
    found = cycles(story, 5, measured(UPDATE, always(2, "Urgent"), clock=GRID))
    assert told(found) == [(0, 1, "met"), (4, None, "running")]


# --- resolution -----------------------------------------------------------------------------------

FIXED = measured(
    RESOLUTION,
    always(4),
    clock=replace(CLOCKS[RESOLUTION], pauses=(WAITING, Condition(filled=("Vendor",)))),
)


def test_resolved_in_time_it_is_met_and_opened_again_the_clock_goes_on() -> None:
    assert told(cycles([*made(), resolved(4)], 9, FIXED)) == [(0, 4, "met")]
    assert told(cycles([*made(), resolved(4.1)], 9, FIXED)) == [(0, 4.1, "breached")]
    story = [*made(), resolved(3), reopened(10)]
    (again,) = cycles(story, 10.5, FIXED)
    assert (again.state, again.elapsed, again.due_at) == ("running", hours(3.5), at(11))
    twice = change(at(10.75), "resolution", None, "Done")
    assert told(cycles([*story, twice], 12, FIXED)) == [(0, 10.75, "met")]


def test_another_kind_of_resolution_is_still_the_first_one() -> None:
    story = [*made(), resolved(3), change(at(9), "resolution", "Done", "Duplicate")]
    assert told(cycles(story, 10, FIXED)) == [(0, 3, "met")]


def test_it_rests_by_status_or_field_and_where_both_hold_once() -> None:
    story = [
        *made(),
        change(at(1), "status", "To Do", "Waiting"),
        change(at(2), "Vendor", None, "ACME"),
        change(at(5), "status", "Waiting", "To Do"),
        change(at(8), "Vendor", "ACME", None),
    ]
    for now, due in [(4, None), (7, None), (8, at(11))]:
        found = cycles([each for each in story if each.at <= at(now)], now, FIXED)[0]
        assert (found.due_at, found.elapsed) == (due, hours(1))


# --- custom ---------------------------------------------------------------------------------------


def test_a_metric_of_ones_own_by_acts() -> None:
    clock = Clock(
        (Act("reopened"),),
        ((Act("fields", when=Condition({"status": ("Doing",)})),),),
        repeats=True,
    )
    story = [
        *made(),
        resolved(1),
        reopened(2),
        change(at(3), "status", "To Do", "Doing"),
        change(at(3.5), "status", "Doing", "To Do"),
        resolved(4),
        reopened(5),
    ]
    found = cycles(story, 6, measured("taken_up", always(2), clock=clock))
    assert told(found) == [(2, 3, "met"), (5, None, "running")]


# --- severity -------------------------------------------------------------------------------------

BOTH = measured(RESOLUTION, always(4, "Urgent"), always(10, "Normal"))
ONLY_URGENT = measured(RESOLUTION, always(4, "Urgent"))


def test_changed_twice_used_time_is_kept_and_each_promise_is_on_record() -> None:
    (found,) = cycles([*made(), lowered(1), raised(3)], 3.5, BOTH)
    assert [(hour(p.since_at), p.used_before, hour(p.due_at)) for p in found.promises] == [
        (0, hours(0), 4), (1, hours(1), 10), (3, hours(3), 4),
    ]  # fmt: skip
    assert (found.elapsed, found.due_at) == (hours(3.5), at(4))


def test_promised_for_one_severity_only_it_rests_while_lowered() -> None:
    story = [*made(), lowered(1), raised(3)]
    (found,) = cycles(story, 3.5, ONLY_URGENT)
    assert (found.state, found.elapsed, found.due_at) == ("running", hours(1.5), at(6))
    assert [hour(promise.due_at) for promise in found.promises] == [4, 6]


def test_promised_for_one_severity_only_it_is_cancelled_while_lowered() -> None:
    (found,) = cycles([*made(), lowered(1)], 99, ONLY_URGENT)
    assert (told([found]), found.elapsed) == ([(0, 1, "cancelled")], hours(1))
    assert found.ending
    assert "promises no resolution for severity Normal" in found.ending.reason
    (late,) = cycles([*made(), lowered(5)], 99, ONLY_URGENT)
    assert told([late]) == [(0, 5, "breached")]


def test_raised_only_later_it_starts_then() -> None:
    assert told(cycles([*made(priority="High"), raised(3)], 4, ONLY_URGENT)) == [
        (3, None, "running")
    ]


def test_lowered_and_changed_once_more_it_ended_when_it_was_lowered() -> None:
    judged_by = of(ONLY_URGENT)
    rules = judged_by.projects["ACME"]
    low = SeverityRule("Low", Condition({"priority": ("Lowest",)}))
    rules = replace(rules, severities=(*rules.severities, low))
    judged_by = replace(judged_by, projects={"ACME": rules})
    story = [*made(), lowered(1), change(at(5), "priority", "High", "Lowest")]
    (found,) = cycles(story, 9, judged_by, RESOLUTION)
    assert (told([found]), found.elapsed) == ([(0, 1, "cancelled")], hours(1))


def test_a_change_after_it_was_given_up_changes_nothing() -> None:
    metric = measured(FIRST, always(0.5, "Urgent"), always(4, "Normal"))
    (found,) = cycles([*made(priority="High"), resolved(1), raised(5)], 9, metric)
    assert (told([found]), found.elapsed) == ([(0, 1, "cancelled")], hours(1))
    assert len(found.promises) == 1


def test_an_issue_that_came_under_the_contract_when_it_was_resolved_has_no_cycle() -> None:
    story = [*made(project="OTHER"), resolved(1), change(at(3), "project", "OTHER", "ACME")]
    assert cycles(story, 9, measured(FIRST, always(2))) == ()


def test_a_change_while_it_rests_uses_up_nothing() -> None:
    story = [*made(priority="High"), change(at(1), "status", "To Do", "Waiting"), raised(3)]
    (found,) = cycles(story, 9, replace(BOTH, clock=FIXED.clock))
    assert (found.state, found.elapsed) == ("paused", hours(1))


# --- figures that nobody gave ---------------------------------------------------------------------


def test_without_its_figures_a_metric_is_refused_and_the_others_go_on() -> None:
    missing = Refusal(("Parameter response is not set: name it in projects.yaml.",))
    judged_by = of(measured(FIRST, missing), measured(RESOLUTION, always(4)))
    decision = decided(made(), 1, judged_by)
    assert [(c.metric, c.state) for c in decision.cycles] == [(RESOLUTION, "running")]
    assert decision.coverage.why_not(FIRST) == f"not promised: {missing.missing[0]}"
    assert decision.coverage.goal(FIRST) is None


def test_refused_for_one_severity_only_the_clock_is_cancelled_there() -> None:
    missing = Refusal(("Parameter normal is not set.",), Scope(("Normal",)))
    (found,) = cycles([*made(), lowered(1)], 9, measured(FIRST, always(2, "Urgent"), missing))
    assert told([found]) == [(0, 1, "cancelled")]
    assert found.ending
    assert "Parameter normal is not set." in found.ending.reason


def test_where_everything_is_refused_the_fields_say_so() -> None:
    fields = decided(made(), 1, of(measured(FIRST, Refusal(("Nothing is set.",))))).fields
    assert fields
    assert (fields.state, fields.due, fields.next_due) == ("not promised", None, None)


# --- limits ---------------------------------------------------------------------------------------

SELF_BUILT = Limit("self-built", "7.2", "self-built", excludes=Condition({"Build": ("own",)}))
SUPPORTED = Limit("version", "7.3", "an old version", requires=Condition({"Version": ("9", "8")}))


def limited(*metrics: Metric) -> Policy:
    promised = of(*metrics).contracts["acme"]
    return policy(replace(promised, limits=(SELF_BUILT, SUPPORTED)), alerts=Alerts())


@pytest.mark.parametrize(
    ("name", "value", "clause"),
    [("Build", "own", "7.2"), ("Version", "7", "7.3"), ("Version", "9", None), ("Build", "", None)],
)
def test_a_limit_leaves_an_issue_uncovered_with_its_clause(
    name: str, value: str, clause: str | None
) -> None:
    decision = decided(made(NINE, **{name: value}), 1, limited(measured(FIRST, always(2))))
    assert decision.coverage.covered is (clause is None)
    assert bool(decision.cycles) is (clause is None)
    assert clause is None or f"(clause {clause})" in decision.coverage.why_not(FIRST)


@pytest.mark.parametrize(("found_out", "state"), [(1, "cancelled"), (3, "breached")])
def test_found_out_later_the_clock_stops_and_what_happened_stays(
    found_out: float, state: str
) -> None:
    story = [*made(), change(at(found_out), "Build", None, "own")]
    decision = decided(story, 9, limited(measured(FIRST, always(2))))
    (cycle,) = decision.cycles
    assert told([cycle]) == [(0, found_out, state)]
    assert cycle.ending
    assert "(clause 7.2)" in cycle.ending.reason
    assert [hour(promise.due_at) for promise in cycle.promises] == [2]
    assert {"first_response/1/breach"} & decision.standing == (
        {"first_response/1/breach"} if state == "breached" else set()
    )


def test_a_limit_that_no_longer_applies_lets_the_clock_go_on() -> None:
    story = [
        *made(),
        change(at(1), "Build", None, "own"),
        change(at(9), "Build", "own", None),
    ]
    (cycle,) = cycles(story, 9.5, limited(measured(FIRST, always(2))), FIRST)
    assert (cycle.state, cycle.elapsed, cycle.due_at) == ("running", hours(1.5), at(10))


# --- duties ---------------------------------------------------------------------------------------

DONE = (Act("fields", when=Condition(filled=("Log",))), Act("customer comment", ("#done",)))


def with_duty(effect: DutyEffect, scope: Scope | None = None) -> Policy:
    duty = Duty("log", "customer", "5", "send the log", scope or Scope(), DONE, effect, (FIRST,))
    goals = (always(2, "Urgent"), always(4))
    promised = of(measured(FIRST, *goals), measured(RESOLUTION, *goals)).contracts["acme"]
    return policy(replace(promised, duties=(duty,)), alerts=Alerts())


DOING = [
    change(at(1), "Log", None, "log.txt"),
    says(at(1), "It is there, #done", CUSTOMER, id_="c"),
]


@pytest.mark.parametrize("act", DOING, ids=["field", "phrase"])
def test_a_promise_is_conditional_until_the_duty_is_done(act: Event) -> None:
    owed = with_duty("conditional")
    (before,) = cycles(made(), 0.5, owed, FIRST)
    assert [duty.id for duty in before.conditional_on] == ["log"]
    assert (before.state, before.due_at) == ("running", at(2))
    (after,) = cycles([*made(), act], 1, owed, FIRST)
    assert (after.conditional_on, after.due_at) == ((), at(2))
    (answered,) = cycles([*made(), agent(0.5), act], 1, owed, FIRST)
    assert [duty.id for duty in answered.conditional_on] == ["log"]


@pytest.mark.parametrize("act", DOING, ids=["field", "phrase"])
def test_a_clock_that_waits_for_a_duty_rests_from_the_start_until_it_is_done(act: Event) -> None:
    owed = with_duty("pauses")
    (before,) = cycles(made(), 99, owed, FIRST)
    assert (before.state, before.due_at, before.elapsed) == ("paused", None, hours(0))
    (after,) = cycles([*made(), act], 1, owed, FIRST)
    assert (after.state, after.due_at) == ("running", at(3))


@pytest.mark.parametrize("effect", ["conditional", "pauses", "none"])
def test_a_duty_touches_only_its_metrics_and_its_scope(effect: DutyEffect) -> None:
    for name, scope in [(RESOLUTION, None), (FIRST, Scope(("Normal",)))]:
        (found,) = cycles(made(), 1, with_duty(effect, scope), name)
        assert (found.state, found.due_at, found.conditional_on) == ("running", at(2), ())


def test_a_duty_without_effect_is_only_shown() -> None:
    (found,) = cycles(made(), 1, with_duty("none"), FIRST)
    assert (found.state, found.conditional_on) == ("running", ())


def test_a_duty_that_comes_with_a_severity_rests_the_clock_from_then() -> None:
    owed = with_duty("pauses", Scope(("Urgent",)))
    story = [*made(priority="High"), raised(1), change(at(3), "Log", None, "log.txt")]
    (found,) = cycles(story, 3, owed, FIRST)
    assert (found.elapsed, found.due_at) == (hours(1), at(4))


def test_a_duty_that_goes_with_a_severity_rests_the_clock_until_then() -> None:
    owed = with_duty("pauses", Scope(("Urgent",)))
    (found,) = cycles([*made(), lowered(1)], 2, owed, FIRST)
    assert (found.state, found.elapsed, found.due_at) == ("running", hours(1), at(5))


# --- laws over random histories -------------------------------------------------------------------

TICK = timedelta(minutes=15)
KINDS = (
    "reply", "reply", "reply", "customer", "customer", "resolve", "wait", "internal", "bot",
    "nobody", "severity",
)  # fmt: skip


@dataclass(frozen=True)
class Story:
    """Things that happen one after another, each at a tick of its own."""

    acts: tuple[tuple[int, str], ...]
    now: int

    def events(self) -> Iterator[Event]:
        yield from made()
        states = {"resolve": False, "wait": False, "severity": False}
        fields = {
            "resolve": ("resolution", None, "Done"),
            "wait": ("status", "To Do", "Waiting"),
            "severity": ("priority", "Highest", "High"),
        }
        authors = {"customer": CUSTOMER, "bot": Account("bot", "app"), "nobody": None}
        for tick, kind in self.acts:
            when = NINE + tick * TICK
            if kind in fields:
                name, *values = fields[kind]
                before, after = reversed(values) if states[kind] else values
                states[kind] = not states[kind]
                yield Changed(when, str(tick), name or "", before, after)
            elif kind in authors:
                yield reply(when, authors[kind], id_=str(tick))
            else:
                yield reply(when, public=kind == "reply", id_=str(tick))

    def held(self, kind: str, tick: int) -> bool:
        """Whether it was resolved, waiting, or lowered."""
        return sum(each == kind and when <= tick for when, each in self.acts) % 2 == 1

    def rests(self, tick: int) -> bool:
        return self.held("resolve", tick) or self.held("wait", tick)

    def owed(self, start: int, end: int | None) -> bool:
        """Whether some of a cycle's time lay outside of the time when it was resolved."""
        last = self.now + 1 if end is None else end
        return any(not self.held("resolve", tick) for tick in range(start, last))


@st.composite
def stories(draw: st.DrawFn, kinds: Sequence[str] = KINDS) -> Story:
    gaps = draw(st.lists(st.integers(1, 12), max_size=16))
    ticks = [sum(gaps[: count + 1]) for count in range(len(gaps))]
    acts = tuple((tick, draw(st.sampled_from(kinds))) for tick in ticks)
    return Story(acts, (ticks[-1] if ticks else 0) + draw(st.integers(0, 20)))


Run = tuple[int, int | None, str, int, int | None]
"""Start, end, state, ticks used, due."""


def reference(story: Story, metric: str, goal: int) -> list[Run]:
    """The rolling metrics as a plain loop over the replies, every tick of each counted."""
    pairs: list[tuple[int, int | None]] = []
    begun, answered = None, False
    resolved = [tick for tick, kind in story.acts if kind == "resolve"]
    closed = resolved[-1] if story.held("resolve", story.now) else None
    for tick, kind in story.acts:
        if closed is not None and tick > closed:
            # Once it is closed for good nothing is owed, and nothing answered.
            break
        if kind == "reply":
            if begun is not None:
                pairs.append((begun, tick))
            begun, answered = tick if metric == UPDATE else None, True
        elif kind == "customer" and metric == NEXT and answered and begun is None:
            begun = tick
    if begun is not None:
        pairs.append((begun, None))
    return [judge(story, goal, *pair) for pair in pairs if story.owed(*pair)]


def judge(story: Story, goal: int, start: int, stop: int | None) -> Run:
    end = stop
    if stop is None and story.held("resolve", story.now):
        end = max(tick for tick, kind in story.acts if kind == "resolve")
    used, due = 0, None
    for tick in range(start, story.now if end is None else end):
        used += not story.rests(tick)
        if used == goal and due is None:
            due = tick + 1
    if due is not None and (stop is None or due < stop):
        state = "breached"
    elif stop is not None:
        state = "met"
    elif end is not None:
        state = "cancelled"
    else:
        state = "paused" if story.rests(story.now) else "running"
    return start, end, state, used, due


def as_run(cycle: Cycle) -> Run:
    end = ticks(cycle.ending.at) if cycle.ending else None
    due = ticks(cycle.due_at) if cycle.state == "breached" and cycle.due_at else None
    return ticks(cycle.started_at), end, cycle.state, cycle.elapsed // TICK, due


def ticks(instant: datetime) -> int:
    return (instant - NINE) // TICK


NO_SEVERITY = tuple(kind for kind in KINDS if kind != "severity")
lawful = settings(derandomize=True, deadline=None, max_examples=300)


@lawful
@given(stories(NO_SEVERITY), st.integers(1, 12), st.sampled_from([NEXT, UPDATE]))
def test_the_rolling_metrics_are_what_a_plain_loop_finds(
    story: Story, goal: int, name: str
) -> None:
    clock = replace(CLOCKS[name], pauses=(WAITING,))
    found = cycles(
        list(story.events()), story.now / 4, measured(name, always(goal / 4), clock=clock)
    )
    runs_found = [as_run(cycle) for cycle in found]
    expected = reference(story, name, goal)
    owed = [each for each in runs_found if story.owed(*each[:2])]
    assert [(*each[:4], each[4] if each[2] == "breached" else None) for each in expected] == owed


@lawful
@given(stories(("reply", "customer", "internal", "reply")), st.integers(1, 12))
def test_on_a_grid_every_slot_is_what_a_plain_loop_finds(story: Story, goal: int) -> None:
    replies = [tick for tick, kind in story.acts if kind == "reply"]
    found = cycles(
        list(story.events()), story.now / 4, measured(UPDATE, always(goal / 4), clock=GRID)
    )
    starts = range(replies[0], story.now + 1, goal) if replies else range(0)
    assert [ticks(cycle.started_at) for cycle in found] == list(starts)
    for start, cycle in zip(starts, found, strict=True):
        answer = next((tick for tick in replies if tick > start), None)
        in_time = answer is not None and answer <= start + goal
        late = start + goal <= story.now
        assert cycle.state == ("met" if in_time else "breached" if late else "running")
        assert (ticks(cycle.stopped_at) if cycle.stopped_at else None) == answer


@lawful
@given(
    stories(),
    st.sampled_from([*CLOCKS]),
    st.sampled_from([(always(1, "Urgent"), always(3)), (always(2, "Urgent"),)]),
    st.sampled_from([CLOCKS[UPDATE], GRID]),
)
def test_the_laws_of_cycles(
    story: Story, name: str, goals: tuple[Goal, ...], updates: Clock
) -> None:
    clock = replace(updates if name == UPDATE else CLOCKS[name], pauses=(WAITING,))
    grid = clock.grid
    now = NINE + story.now * TICK
    found = cycles(list(story.events()), story.now / 4, measured(name, *goals, clock=clock))
    assert [cycle.number for cycle in found] == list(range(1, len(found) + 1))
    for cycle in found:
        assert cycle.promises
        assert cycle.started_at == cycle.promises[0].since_at <= now
        assert [p.since_at for p in cycle.promises] == sorted(p.since_at for p in cycle.promises)
        assert cycle.stopped_at is None or cycle.started_at <= cycle.stopped_at <= now
        in_time = cycle.stopped_at is not None and cycle.stopped_at <= cycle.promise.due_at
        assert (cycle.state == "met") is in_time
        assert (cycle.state in ("running", "paused")) <= (cycle.ending is None)
        assert (cycle.state == "cancelled") <= (cycle.ending is not None)
        assert (cycle.due_at is None) is (cycle.state in ("paused", "cancelled"))
        if cycle.state == "running":
            assert cycle.due_at
            assert cycle.due_at > now
    if not grid:
        for earlier, later in pairwise(found):
            assert earlier.ending
            assert earlier.ending.at <= later.started_at


@lawful
@given(stories())
def test_used_time_is_every_tick_in_which_the_clock_ran(story: Story) -> None:
    """Whatever the severity was; its changes while the clock rests apart."""
    steady = tuple(each for each in story.acts if each[1] != "severity" or not story.rests(each[0]))
    story = dataclasses.replace(story, acts=steady)
    metric = measured(
        FIRST,
        always(1, "Urgent"),
        always(3),
        clock=replace(CLOCKS[FIRST], pauses=(WAITING,)),
    )
    (cycle,) = cycles(list(story.events()), story.now / 4, metric)
    end = ticks(cycle.ending.at) if cycle.ending else story.now
    assert cycle.elapsed // TICK == sum(not story.rests(tick) for tick in range(end))


@lawful
@given(stories(), st.sampled_from([*CLOCKS]), st.integers(0, 40))
def test_only_now_moves_on_and_what_ended_stays_as_it_was(
    story: Story, name: str, later: int
) -> None:
    metric = measured(name, always(1, "Urgent"), always(3))
    events = list(story.events())
    before = cycles(events, story.now / 4, metric)
    after = cycles(events, (story.now + later) / 4, metric)
    assert len(before) == len(after)
    for one, two in zip(before, after, strict=True):
        assert one == two or one.ending is None
        assert (one.started_at, one.promises, one.rest) == (
            two.started_at, two.promises, two.rest,
        )  # fmt: skip
        assert one.state == two.state or (one.state, two.state) == ("running", "breached")


def test_a_metric_that_the_contract_lacks_has_no_cycle() -> None:
    bare = Contract("acme", "Acme Support", (), {})
    assert cycles(made(), 1, policy(bare), FIRST) == ()


# --- what is owed once the issue is resolved ------------------------------------------------------

REPORT = Metric(
    "root_cause",
    (always(4),),
    "1.1",
    Clock((Act("resolved"),), ((Act("fields", when=Condition(filled=("Cause",))),),)),
    title="Root cause report",
)


def test_what_starts_with_the_resolution_is_owed_after_it() -> None:
    story = [*made(), agent(1), resolved(2)]
    assert told(cycles(story, 3, REPORT)) == [(2, None, "running")]
    assert told(cycles(story, 7, REPORT)) == [(2, None, "breached")]
    written = [*story, change(at(5), "Cause", None, "a loose wire")]
    assert told(cycles(written, 7, REPORT)) == [(2, 5, "met")]


def test_a_metric_is_called_by_its_title() -> None:
    decision = decided([*made(), resolved(2)], 7, of(REPORT))
    assert [saying.facts["metric"] for saying in decision.sayings] == ["Root cause report"]
    assert decision.fields
    assert decision.fields.next_metric == "Root cause report"


# --- alerts of their own --------------------------------------------------------------------------


def test_the_first_rule_that_speaks_of_a_promise_says_who_hears_of_it() -> None:
    loud = Alerts(warnings=(EarlyWarning("warning-50%", used=0.5),))
    judged_by = of(measured(FIRST, always(4)), measured(RESOLUTION, always(8)))
    rules = replace(
        judged_by.projects["ACME"],
        alert_rules=(
            AlertRule(loud, (FIRST,), Scope(("Normal",))),
            AlertRule(Alerts(), (RESOLUTION,)),
        ),
        alerts=Alerts(warnings=(EarlyWarning("warning-25%", used=0.25),)),
    )
    for priority, warned in [("Highest", "warning-25%"), ("High", "warning-50%")]:
        decision = decided(made(priority=priority), 3, replace(judged_by, projects={"ACME": rules}))
        assert [saying.key for saying in decision.sayings] == [f"{FIRST}/1/{warned}"]


# --- a promise that is broken stays broken --------------------------------------------------------

BOTH_IN_OFFICE = Metric(
    FIRST,
    (
        Goal(OpenTime(hours(8), "8h"), office(), Scope(("Urgent",))),
        Goal(OpenTime(hours(8), "8h"), office()),
    ),
)


def test_due_at_closing_time_it_is_broken_whatever_changes_in_the_night() -> None:
    # Eight open hours from nine o'clock are over at 17:00; the change comes at 19:00.
    (found,) = cycles([*made(), lowered(10)], 12, BOTH_IN_OFFICE)
    assert (found.state, [hour(promise.due_at) for promise in found.promises]) == (
        "breached", [8, 8],
    )  # fmt: skip


@pytest.mark.parametrize("first", ["Urgent", "Normal"])
def test_a_goal_on_another_calendar_was_used_up_when_its_time_was(first: str) -> None:
    round_the_clock, office_hours = always(6, first), Goal(OpenTime(hours(4), "4h"), office())
    story = made(priority="Highest" if first == "Urgent" else "High")
    changed = lowered(30) if first == "Urgent" else raised(30)
    (found,) = cycles([*story, changed], 31, measured(FIRST, round_the_clock, office_hours))
    assert [hour(promise.due_at) for promise in found.promises] == [6, 4]


def test_what_changes_while_it_is_resolved_for_good_promises_nothing() -> None:
    story = [*made(), resolved(3), lowered(4), agent(5)]
    (found,) = cycles(story, 6, measured(FIRST, always(2, "Urgent"), always(9)))
    assert (found.state, len(found.promises)) == ("breached", 1)


def test_the_level_reached_stays_reached_when_the_severity_changes() -> None:
    ladder = Alerts(levels=(Level(1, "Lead", hours(1)), Level(2, "Head", hours(2))))
    judged_by = of(measured(FIRST, always(2, "Urgent"), always(1)), alerts=ladder)
    decision = decided([*made(), lowered(6)], 6, judged_by)
    assert decision.fields
    assert decision.fields.level == 2


def test_a_named_day_that_is_over_keeps_its_instant_when_the_severity_changes() -> None:
    def day(*severities: str) -> Goal:
        return Goal(BusinessDays(1, "same_clock"), office(), Scope(severities))

    # At nine o'clock of the next day the office opens; the hours before ended at 17:00.
    (found,) = cycles([*made(), lowered(30)], 31, measured(FIRST, day("Urgent"), day()))
    assert [hour(promise.due_at) for promise in found.promises] == [24, 24]
