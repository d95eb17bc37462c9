"""One clock over one history: what starts it, rests it, moves its due instant, and stops it."""

from __future__ import annotations

from datetime import datetime

import pytest
from msgspec.structs import replace

from sla.clock.run import cycles_of
from sla.condition import Condition
from sla.contract import CLOCKS, Act, BusinessDays, Clock, Goal, Scope
from sla.cycle import Cycle
from sla.mapping import ContractRule, Policy, Responders
from sla.timeline import Account, CommentSeen, Deleted, Event, Seen, Timeline
from tests.sla.example import (
    AGENT,
    ALWAYS,
    CUSTOMER,
    NINE,
    OWN,
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
    runs,
    two_hours,
)


def cycle(events: list[Event], now: datetime, judged_by: Policy | None = None) -> Cycle:
    found = judged(Timeline.of(events), judged_by or policy(), now)
    assert found is not None
    return found


def judged(timeline: Timeline, judged_by: Policy, now: datetime) -> Cycle | None:
    found = runs(timeline, judged_by, now)
    return found[0] if found else None


def test_the_clock_starts_at_creation() -> None:
    running = cycle(made(), at(1))
    assert (running.state, running.started_at, running.due_at) == ("running", NINE, at(2))
    assert running.elapsed == hours(1)


def test_it_starts_earlier_when_the_issue_was_reported_earlier() -> None:
    reported = made(at(3), reported=at(1).isoformat())
    running = cycle(reported, at(3), policy(reported_at_field="reported"))
    assert (running.started_at, running.due_at) == (at(1), at(3))


def test_a_report_later_than_the_creation_or_unreadable_does_not_count() -> None:
    mistyped = "1900-01-01T00:00:00+00:00"
    for value in (at(5).isoformat(), mistyped, "yesterday", "2024-07-10T09:00", None):
        running = cycle(made(reported=value), at(1), policy(reported_at_field="reported"))
        assert running.started_at == NINE


@pytest.mark.parametrize(("answered", "state"), [(1, "met"), (2, "met"), (2.001, "breached")])
def test_a_public_reply_stops_it_in_time_up_to_the_due_instant(answered: float, state: str) -> None:
    stopped = cycle([*made(), reply(at(answered))], at(5))
    assert (stopped.state, stopped.stopped_at) == (state, at(answered))
    assert stopped.due_at == at(2)


@pytest.mark.parametrize(
    "comment",
    [
        reply(at(1), public=False),
        reply(at(1), CUSTOMER),
        reply(at(1), OWN),
        reply(at(1), Account("bot", "app")),
        reply(at(1), Account("other", "customer")),
        reply(at(1), None),
    ],
    ids=["internal", "reporter", "dueline", "app", "another customer", "anonymous"],
)
def test_these_comments_are_no_response(comment: Event) -> None:
    assert cycle([*made(), comment], at(1.5)).state == "running"


def test_only_named_responders_count_where_they_are_named() -> None:
    named = policy(responders=Responders(only=frozenset({"lead"})))
    story = [*made(), reply(at(1)), reply(at(1.5), Account("lead"), id_="2")]
    assert cycle(story, at(2), named).stopped_at == at(1.5)


def test_who_reports_is_judged_at_the_comment() -> None:
    story = [*made(reporter=AGENT.id), reply(at(1)), change(at(1.2), "reporter", "agent", "x")]
    assert cycle(story, at(1.5)).stopped_at is None


def test_an_internal_comment_made_public_counts_from_then() -> None:
    edited = CommentSeen(at(0.5), "1", at(1.5), AGENT, public=True)
    assert cycle([*made(), reply(at(0.5), public=False), edited], at(3)).stopped_at == at(1.5)


def test_past_its_due_instant_it_is_breached() -> None:
    assert cycle(made(), at(1.999)).state == "running"
    late = cycle(made(), at(2))
    assert (late.state, late.due_at, late.ending) == ("breached", at(2), None)


def test_open_time_only() -> None:
    # Six in the evening until Thursday ten o'clock: one hour is used by then.
    assert cycle(made(at(7)), at(25)).due_at == at(25)
    assert cycle(made(at(7)), at(20)).elapsed == hours(1)


def test_used_time_stays_used_when_severity_changes() -> None:
    story = [*made(priority="High"), change(at(1), "priority", "High", "Highest")]
    moved = cycle(story, at(1.5))
    assert moved.due_at == at(2)
    assert [promise.due_at for promise in moved.promises] == [at(8), at(2)]
    assert moved.promise.used_before == hours(1)


def test_a_goal_picked_anew_may_be_used_up_already() -> None:
    story = [*made(priority="High"), change(at(5), "priority", "High", "Highest")]
    assert (cycle(story, at(5)).state, cycle(story, at(5)).due_at) == ("breached", at(2))


def test_lowered_again_the_longer_goal_holds_and_both_promises_stay() -> None:
    story = [
        *made(),
        change(at(1), "priority", "Highest", "High"),
        change(at(1.5), "priority", "High", "Highest"),
        change(at(1.75), "priority", "Highest", "High"),
    ]
    lowered = cycle(story, at(3))
    assert (lowered.state, lowered.due_at, len(lowered.promises)) == ("running", at(8), 4)


def test_a_change_after_the_response_changes_nothing() -> None:
    story = [*made(priority="High"), reply(at(3)), change(at(4), "priority", "High", "Highest")]
    assert (cycle(story, at(5)).state, cycle(story, at(5)).due_at) == ("met", at(8))


def test_a_change_of_other_fields_makes_no_new_promise() -> None:
    story = [*made(), change(at(1), "status", "To Do", "In Progress")]
    assert len(cycle(story, at(1.5)).promises) == 1


WAITING = contract(Goal(two_hours(), office()), pause_statuses=("Waiting",))


def test_a_pause_moves_the_due_instant_by_its_open_time() -> None:
    story = [
        *made(),
        change(at(1), "status", "To Do", "Waiting"),
        change(at(4), "status", "Waiting", "To Do"),
    ]
    assert cycle(story, at(4), policy(WAITING)).due_at == at(5)


def test_while_paused_nothing_is_due() -> None:
    story = [*made(), change(at(1), "status", "To Do", "waiting")]
    paused = cycle(story, at(30), policy(WAITING))
    assert (paused.state, paused.due_at, paused.elapsed) == ("paused", None, hours(1))


def test_a_pause_after_the_breach_saves_nothing() -> None:
    story = [*made(), change(at(3), "status", "To Do", "Waiting")]
    assert cycle(story, at(30), policy(WAITING)).state == "breached"


def test_an_answer_while_paused_is_in_time() -> None:
    story = [*made(), change(at(1), "status", "To Do", "Waiting"), reply(at(30))]
    answered = cycle(story, at(31), policy(WAITING))
    assert (answered.state, answered.elapsed) == ("met", hours(1))


def test_resolved_unanswered_it_is_cancelled_and_reopened_it_goes_on() -> None:
    done = change(at(1), "resolution", None, "Done")
    cancelled = cycle([*made(), done], at(30))
    assert (cancelled.state, cancelled.due_at, cancelled.elapsed) == ("cancelled", None, hours(1))
    reopened = [*made(), done, change(at(4), "resolution", "Done", None)]
    assert (cycle(reopened, at(4)).state, cycle(reopened, at(4)).due_at) == ("running", at(5))


def test_deleted_it_is_cancelled_and_once_breached_it_stays_breached() -> None:
    assert cycle([*made(), Deleted(at(1))], at(9)).state == "cancelled"
    assert cycle([*made(), Deleted(at(3))], at(9)).state == "breached"


def test_moved_out_of_every_contract_it_is_cancelled_and_moved_back_it_goes_on() -> None:
    out = change(at(1), "project", "ACME", "OTHER")
    assert cycle([*made(), out], at(5)).state == "cancelled"
    back = [*made(), out, change(at(5), "project", "OTHER", "ACME")]
    again = cycle(back, at(5))
    assert (again.state, again.due_at) == ("running", at(6))


def test_an_issue_moved_into_a_contract_starts_then() -> None:
    story = [*made(project="OTHER"), change(at(3), "project", "OTHER", "ACME")]
    assert (cycle(story, at(3)).started_at, cycle(story, at(3)).due_at) == (at(3), at(5))


def test_without_a_goal_for_the_severity_there_is_no_cycle() -> None:
    only_urgent = policy(contract(Goal(two_hours(), office(), scope=Scope(("Urgent",)))))
    timeline = Timeline.of(made(priority="High"))
    assert judged(timeline, only_urgent, at(1)) is None


@pytest.mark.parametrize(
    ("reading", "due"), [("open_hours", 24), ("same_clock", 24), ("end_of_day", 32)]
)
def test_business_days_by_each_reading(reading: str, due: float) -> None:
    goal = Goal(BusinessDays(1, reading), office())  # type: ignore[arg-type]
    started = cycle(made(at(0)), at(0), policy(contract(goal)))
    # Used up exactly at closing time: due at closing time, eight hours on.
    assert started.due_at == at(8 if reading == "open_hours" else due)


def test_fields_of_which_nothing_was_heard_change_nothing() -> None:
    slim = Seen(NINE, {"project": "ACME", "priority": "Highest"}, "question")
    story: list[Event] = [made()[0], slim]
    assert cycle(story, at(1)).due_at == at(2)


def test_real_time_on_a_calendar_that_never_closes() -> None:
    assert cycle(made(at(20)), at(20), policy(contract(Goal(two_hours(), ALWAYS)))).due_at == at(22)


def test_what_starts_only_once_nothing_is_owed_any_more_comes_to_no_cycle() -> None:
    asked = Clock((Act("customer comment"),), ((Act("response"),),))
    story = [*made(), change(at(1), "resolution", None, "Done"), reply(at(2), CUSTOMER)]
    by = of(measured("first_response", always(2), clock=asked))
    assert cycles_of(Timeline.of(story), by, at(3)) == ()


def test_from_a_contract_with_slots_to_one_without_the_clock_goes_on() -> None:
    slots = replace(CLOCKS["periodic_update"], grid=True)
    hourly = of(measured("periodic_update", always(1), clock=slots))
    (acme,), (rules,) = hourly.contracts.values(), hourly.projects.values()
    gold = replace(acme, id="gold", metrics=(measured("periodic_update", always(4)),))
    bought = ContractRule("gold", when=Condition({"plan": ("gold",)}))
    by = replace(
        hourly,
        contracts={"acme": acme, "gold": gold},
        projects={"ACME": replace(rules, contracts=(bought, *rules.contracts))},
    )
    story = [*made(plan=None), reply(at(1)), change(at(1.5), "plan", None, "gold")]
    # A reply within the slot answers it; it is not the slot's beginning.
    for told in (story, [*story, reply(at(7), id_="2")]):
        found = cycles_of(Timeline.of(told), by, at(9))
        assert [(each.started_at, each.due_at) for each in found] == [
            (at(1), at(5)), (at(5), at(9)), (at(9), at(13)),
        ]  # fmt: skip
    assert [each.state for each in found] == ["breached", "met", "running"]
