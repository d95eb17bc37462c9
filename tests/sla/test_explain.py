"""The words that lead to a deadline, compared as people read them; each sum was done by hand."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from textwrap import dedent

import pytest
from msgspec.structs import replace

from sla.condition import Condition
from sla.contract import Act, BusinessDays, Duty, Goal, Scope
from sla.decide import Ledger, decide
from sla.explain import explain
from sla.mapping import Policy
from sla.timeline import Event, Timeline
from sla.words import length, local, utc
from tests.sla.example import (
    ALWAYS,
    NINE,
    at,
    change,
    contract,
    made,
    office,
    policy,
    reply,
    two_hours,
)

HOLIDAY = dataclasses.replace(office(), holidays={date(2024, 7, 11): "Founders' Day"})
# One business day as a goal; two hours as a commitment when it is urgent.
BY_SEVERITY = contract(
    Goal(two_hours(), office(), scope=Scope(("Urgent",)), clause="2.1"),
    Goal(BusinessDays(1, "open_hours"), office(), binding="goal"),
    pause_statuses=("Waiting",),
)
PAUSED_AND_RAISED = [
    *made(at(0.5), priority="High"),
    change(at(1), "status", "To Do", "Waiting"),
    change(at(1.25), "status", "Waiting", "To Do"),
    change(at(2), "priority", "High", "Highest"),
    change(at(2.5), "status", "To Do", "Waiting"),
    change(at(3), "status", "Waiting", "To Do"),
]


def explained(events: list[Event], under: Policy, now: datetime) -> list[str]:
    return explain(decide(Timeline.of(events), under, Ledger(), now))


def lines(text: str) -> list[str]:
    return dedent(text).strip().splitlines()


def test_a_holiday_on_the_way() -> None:
    under = policy(contract(Goal(BusinessDays(1, "open_hours"), HOLIDAY, clause="2.3")))
    assert explained(made(at(2)), under, at(3)) == lines("""
        Covered: yes
        Because: project ACME: contract rule 1 (always) gives acme, severity rule 1 (priority Highest) gives Urgent

        First response: 1 business day on calendar office (commitment)
          contract: Acme Support, clause 2.3
          severity: Urgent
          clock from: Wed 10 Jul 2024 11:00 EDT
          business days read as open hours: 8 h of open time, a regular day being 8 h
            Wed 10 Jul 2024 11:00 EDT to Wed 10 Jul 2024 17:00 EDT: open, 6 h used, 2 h left
            Wed 10 Jul 2024 17:00 EDT to Thu 11 Jul 2024 00:00 EDT: closed
            Thu 11 Jul 2024 00:00 EDT to Fri 12 Jul 2024 00:00 EDT: holiday, Founders' Day
            Fri 12 Jul 2024 00:00 EDT to Fri 12 Jul 2024 09:00 EDT: closed
            Fri 12 Jul 2024 09:00 EDT to Fri 12 Jul 2024 11:00 EDT: open, 2 h used, 0 min left
          due: Fri 12 Jul 2024 11:00 EDT = 2024-07-12T15:00:00Z
          state: running
          open time used: 1 h of 8 h
    """)  # noqa: E501


def test_a_goal_that_was_used_up_when_it_was_promised_has_no_way_left() -> None:
    raised = [*made(at(0), priority="High"), change(at(5), "priority", "High", "Highest")]
    told = explained(raised, policy(BY_SEVERITY), at(5.5))
    anew = "First response, promised anew: 2 h on calendar office (commitment)"
    assert told[told.index(anew) :] == lines("""
        First response, promised anew: 2 h on calendar office (commitment)
          contract: Acme Support, clause 2.1
          severity: Urgent
          why: project ACME: contract rule 1 (always) gives acme, severity rule 1 (priority Highest) gives Urgent
          clock from: Wed 10 Jul 2024 14:00 EDT
          used before: 5 h of 2 h: nothing was left when this was promised
          due: Wed 10 Jul 2024 11:00 EDT = 2024-07-10T15:00:00Z
          state: breached
          open time used: 5 h 30 min of 2 h
    """)  # noqa: E501


def test_a_change_of_severity_and_a_pause() -> None:
    story = [*PAUSED_AND_RAISED, reply(at(3.1))]
    assert explained(story, policy(BY_SEVERITY), at(9)) == lines("""
        Covered: yes
        Because: project ACME: contract rule 1 (always) gives acme, severity rule 1 (priority Highest) gives Urgent

        First response: 1 business day on calendar office (goal)
          contract: Acme Support
          severity: Normal
          clock from: Wed 10 Jul 2024 09:30 EDT
          business days read as open hours: 8 h of open time, a regular day being 8 h
            Wed 10 Jul 2024 09:30 EDT to Wed 10 Jul 2024 10:00 EDT: open, 30 min used, 7 h 30 min left
            Wed 10 Jul 2024 10:00 EDT to Wed 10 Jul 2024 10:15 EDT: paused
            Wed 10 Jul 2024 10:15 EDT to Wed 10 Jul 2024 11:30 EDT: open, 1 h 15 min used, 6 h 15 min left
            Wed 10 Jul 2024 11:30 EDT to Wed 10 Jul 2024 12:00 EDT: paused
            Wed 10 Jul 2024 12:00 EDT to Wed 10 Jul 2024 17:00 EDT: open, 5 h used, 1 h 15 min left
            Wed 10 Jul 2024 17:00 EDT to Thu 11 Jul 2024 09:00 EDT: closed
            Thu 11 Jul 2024 09:00 EDT to Thu 11 Jul 2024 10:15 EDT: open, 1 h 15 min used, 0 min left
          due: Thu 11 Jul 2024 10:15 EDT = 2024-07-11T14:15:00Z
        First response, promised anew: 2 h on calendar office (commitment)
          contract: Acme Support, clause 2.1
          severity: Urgent
          why: project ACME: contract rule 1 (always) gives acme, severity rule 1 (priority Highest) gives Urgent
          clock from: Wed 10 Jul 2024 11:00 EDT
          used before: 1 h 15 min
            Wed 10 Jul 2024 11:00 EDT to Wed 10 Jul 2024 11:30 EDT: open, 30 min used, 15 min left
            Wed 10 Jul 2024 11:30 EDT to Wed 10 Jul 2024 12:00 EDT: paused
            Wed 10 Jul 2024 12:00 EDT to Wed 10 Jul 2024 12:15 EDT: open, 15 min used, 0 min left
          due: Wed 10 Jul 2024 12:15 EDT = 2024-07-10T16:15:00Z
          state: met
          open time used: 1 h 51 min of 2 h
          ended: Wed 10 Jul 2024 12:06 EDT: public comment 1 by a responder
    """)  # noqa: E501


def test_an_issue_that_no_rule_covers() -> None:
    assert explained(made(priority="Trivial"), policy(), at(1)) == [
        "Covered: no",
        "Because: no severity rule of project ACME matches (type Bug, priority Trivial)",
    ]


def test_a_clock_that_rests_says_so() -> None:
    text = explained(PAUSED_AND_RAISED[:-1], policy(BY_SEVERITY), at(9))
    assert text[-3:] == [
        "  state: paused",
        "  open time used: 1 h 45 min of 2 h",
        "  paused since Wed 10 Jul 2024 11:30 EDT: the due instant is unknown",
    ]


def test_a_clock_that_rests_has_no_due_instant() -> None:
    text = explained(PAUSED_AND_RAISED[:-1], policy(BY_SEVERITY), at(9))
    in_force = text.index("First response, promised anew: 2 h on calendar office (commitment)")
    assert not [line for line in text[in_force:] if line.startswith("  due: ")]


def test_the_steps_lead_to_the_due_instant_whatever_the_reading() -> None:
    under = policy(contract(Goal(BusinessDays(1, "same_clock"), office())))
    # Received at closing time, so at the next opening; the same time of the next business day.
    text = explained(made(at(8)), under, at(8))
    due = next(line for line in text if line.startswith("  due: "))
    steps = [line for line in text if line.startswith("    ")]
    assert due == "  due: Fri 12 Jul 2024 09:00 EDT = 2024-07-12T13:00:00Z"
    assert "to Fri 12 Jul 2024 09:00 EDT: " in steps[-1]


def test_the_zone_is_the_calendars() -> None:
    text = "\n".join(explained(made(), policy(contract(Goal(two_hours(), ALWAYS))), at(0)))
    assert "due: Wed 10 Jul 2024 15:00 UTC = 2024-07-10T15:00:00Z" in text


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (timedelta(0), "0 min"),
        (timedelta(seconds=45), "45 s"),
        (timedelta(minutes=90), "1 h 30 min"),
        (timedelta(days=2, seconds=1), "48 h 1 s"),
        (timedelta(hours=-3), "-3 h"),
    ],
)
def test_lengths(amount: timedelta, shown: str) -> None:
    assert length(amount) == shown


def test_instants_show_seconds_only_where_there_are_some() -> None:
    assert local(NINE, "America/New_York") == "Wed 10 Jul 2024 09:00 EDT"
    assert local(NINE + timedelta(seconds=5), "America/New_York") == "Wed 10 Jul 2024 09:00:05 EDT"
    assert utc(NINE) == "2024-07-10T13:00:00Z"
    assert utc(NINE + timedelta(microseconds=1)) == "2024-07-10T13:00:00.000001Z"


def test_duties_are_named_with_when_they_were_done() -> None:
    confirmed = Duty(
        "confirm", "company", "1.2", "Confirm the priority.",
        done=(Act("fields", when=Condition(filled=("Confirmed",))),),
    )  # fmt: skip
    under = policy(replace(contract(Goal(two_hours(), ALWAYS)), duties=(confirmed,)))
    words = "Duty of the company (clause 1.2), {}: Confirm the priority."
    assert words.format("not done yet") in explained(made(), under, at(1))
    story = [*made(), change(at(1), "Confirmed", None, "Yes")]
    assert words.format("done 2024-07-10T14:00:00Z") in explained(story, under, at(2))
