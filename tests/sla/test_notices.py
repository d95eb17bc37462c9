"""What is said beside the clocks, once each: acknowledgement, checklist, notices, requests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.condition import Condition
from sla.contract import (
    CLOCKS,
    RESPONSE,
    Acknowledgement,
    Act,
    Alerts,
    Audience,
    Checklist,
    Contact,
    Contract,
    Duty,
    Item,
    Limit,
    Notice,
    Request,
    Scope,
    Step,
)
from sla.decide import Decision, Ledger, decide
from sla.effects import Fact, Saying
from sla.mapping import Policy
from sla.notices import Relative
from sla.timeline import (
    Account,
    Changed,
    CommentDeleted,
    CommentSeen,
    Deleted,
    Event,
    Linked,
    Timeline,
)
from tests.sla.example import (
    AGENT,
    CUSTOMER,
    LADDER,
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
    says,
)

FIRST, RESOLUTION = "first_response", "resolution"
PROMISED = of(
    measured(FIRST, always(2, "Urgent"), always(4)), measured(RESOLUTION, always(9))
).contracts["acme"]


def judged_by(promised: Contract, alerts: Alerts | None = None) -> Policy:
    return policy(promised, alerts=alerts or Alerts())


def decided(
    events: Sequence[Event],
    now: float,
    promised: Contract | Policy,
    *others: Relative,
    said: frozenset[str] = frozenset(),
    id_: str = "10",
) -> Decision:
    by = promised if isinstance(promised, Policy) else judged_by(promised)
    story = Timeline.of(events)
    return decide(story, by, Ledger(said), at(now), issue_id=id_, relatives=others)


def found(decision: Decision, occasion: str) -> list[Saying]:
    return [saying for saying in decision.sayings if saying.occasion == occasion]


def facts(saying: Saying, *names: str) -> tuple[Fact, ...]:
    return tuple(saying.facts[name] for name in names)


# --- acknowledgement ------------------------------------------------------------------------------

LOG = Duty(
    "log",
    "customer",
    "5",
    "send the log",
    done=(Act("fields", when=Condition(filled=("Log",))),),
    effect="conditional",
    metrics=(FIRST,),
)
ACKNOWLEDGED = replace(
    PROMISED,
    acknowledgement=Acknowledgement("1.2", "Thank you."),
    duties=(LOG, replace(LOG, id="call", who="company", text="call back")),
    contacts=(
        Contact("mail", "1.3", "write to us"),
        Contact("phone", "1.4", "call us", hours=office()),
        Contact("pager", "1.5", "page us", Scope(("Urgent",))),
    ),
)


def acknowledged(events: Sequence[Event], now: float = 99) -> list[Saying]:
    return found(decided(events, now, ACKNOWLEDGED), "acknowledgement")


def test_the_acknowledgement_is_one_public_saying_of_the_creation() -> None:
    story = [*made(), change(at(1), "priority", "Highest", "High"), reply(at(2))]
    (said,) = acknowledged(story)
    assert (said.key, said.at, said.public, said.revisable) == (
        "acknowledgement",
        NINE,
        True,
        False,
    )
    assert (said.wording, said.facts["clause"]) == ("Thank you.", "1.2")
    assert acknowledged(made(at(1)), 0.5) == []


def test_it_names_every_promise_and_what_the_customer_has_to_do() -> None:
    (said,) = acknowledged(made())
    promises = said.facts["promises"]
    assert isinstance(promises, list)
    first, resolution = promises
    assert first.startswith("First response: within 2h, by ")
    assert first.endswith(", provided that you do your part")
    assert resolution.startswith("Resolution: within 9h, by ")
    assert "your part" not in resolution
    assert said.facts["duties"] == ["send the log"]


def test_a_duty_that_is_done_is_not_asked_for() -> None:
    (said,) = acknowledged(made(Log="log.txt"))
    assert said.facts["duties"] == []
    assert "your part" not in str(said.facts["promises"])


@pytest.mark.parametrize(
    ("hour", "priority", "contacts"),
    [
        (0, "Highest", ["write to us", "call us", "page us"]),
        (0, "High", ["write to us", "call us"]),
        (12, "Highest", ["write to us", "page us"]),
        (12, "High", ["write to us"]),
    ],
)
def test_contacts_are_named_in_their_hours_and_for_their_severities(
    hour: float, priority: str, contacts: list[str]
) -> None:
    (said,) = acknowledged(made(at(hour), priority=priority))
    assert said.facts["contacts"] == contacts


def test_it_comes_when_an_issue_is_first_covered() -> None:
    story = [*made(project="OTHER"), change(at(3), "project", "OTHER", "ACME")]
    assert acknowledged(story[:2]) == []
    (said,) = acknowledged(story)
    assert (said.at, said.facts["severity"]) == (at(3), "Urgent")


# --- checklist ------------------------------------------------------------------------------------

ITEMS = (
    Item("version", "the version", ("Version",), ("version",)),
    Item("steps", "the steps", (), ("steps to reproduce",)),
)
ASKED = replace(PROMISED, checklist=Checklist("3.1", ITEMS, wording="Please."))
PAUSING = replace(PROMISED, checklist=Checklist("3.1", ITEMS, pauses=(FIRST,)))
COMPLETE = "Version 3. Steps to reproduce: none."


def test_information_is_asked_for_only_if_some_was_missing_at_the_creation() -> None:
    assert found(decided(made(description=COMPLETE), 1, ASKED), "checklist") == []
    emptied = [*made(description=COMPLETE), change(at(1), "description", COMPLETE, "")]
    assert found(decided(emptied, 2, ASKED), "checklist") == []
    (said,) = found(decided(made(), 1, ASKED), "checklist")
    assert (said.key, said.at, said.public) == ("required-information", NINE, True)
    assert (said.wording, said.facts["clause"]) == ("Please.", "3.1")


def test_the_checklist_is_brought_up_to_date_until_all_is_there() -> None:
    story = [*made(), change(at(1), "Version", None, "3")]
    story.append(change(at(2), "description", "", "Steps to  REPRODUCE: none"))
    for now, missing, there in [
        (0.5, ["the version", "the steps"], []),
        (1, ["the steps"], ["the version"]),
        (2, [], ["the version", "the steps"]),
    ]:
        known = [event for event in story if event.at <= at(now)]
        before = frozenset({"required-information"})
        (said,) = found(decided(known, now, ASKED, said=before), "checklist")
        assert said.revisable
        assert facts(said, "missing", "given") == (missing, there)


def test_what_is_missing_stops_a_clock_only_where_the_contract_says_so() -> None:
    story = [*made(), change(at(1), "description", "", COMPLETE)]
    for promised, before, due in [(ASKED, "running", at(2)), (PAUSING, "paused", at(3))]:
        assert decided(story[:2], 0.5, promised).cycles[0].state == before
        assert decided(story, 1, promised).cycles[0].due_at == due
        assert decided(story, 1, promised).cycles[1].due_at == at(9)


def test_an_issue_without_a_promise_is_neither_acknowledged_nor_asked() -> None:
    promised = replace(ACKNOWLEDGED, checklist=ASKED.checklist)
    limit = Limit("own", "7", "self-built", excludes=Condition({"Build": ("own",)}))
    limited = replace(promised, limits=(limit,))
    assert decided(made(priority="Trivial"), 1, promised).sayings == ()
    assert decided(made(Build="own"), 1, limited).sayings == ()


# --- notices --------------------------------------------------------------------------------------


def noticed(events: Sequence[Event], notice: Notice, now: float = 99) -> list[Saying]:
    return found(decided(events, now, replace(PROMISED, notices=(notice,))), "notice")


def test_a_notice_is_given_each_time_or_only_the_first_time() -> None:
    story = [*made(), reply(at(1)), reply(at(2), id_="2"), reply(at(3), CUSTOMER, id_="3")]
    each = Notice("call", "4", (RESPONSE,), "Call them.", audience=Audience(groups=("leads",)))
    said = noticed(story, each)
    assert [(s.key, s.at) for s in said] == [("notice/call/1", at(1)), ("notice/call/2", at(2))]
    assert facts(said[0], "text", "clause") == ("Call them.", "4")
    assert (said[0].audience.groups, said[0].public) == (("leads",), False)
    once = replace(each, each=False, public=True)
    assert [(s.key, s.at, s.public) for s in noticed(story, once)] == [("notice/call", at(1), True)]
    assert noticed(story, each, 0.5) == []


def test_one_thing_that_is_several_acts_is_said_once() -> None:
    acts = (Act("response"), Act("first response"), Act("response", question=True))
    story = [*made(), says(at(1), "Since when?")]
    assert len(noticed(story, Notice("call", "4", acts, "Call them."))) == 1


def test_a_notice_speaks_of_the_severity_at_that_moment() -> None:
    story = [
        *made(),
        reply(at(1)),
        change(at(2), "priority", "Highest", "High"),
        reply(at(3), id_="2"),
        change(at(4), "priority", "High", "Highest"),
        reply(at(5), id_="3"),
    ]
    urgent = Notice("call", "4", (RESPONSE,), "Call them.", scope=Scope(("Urgent",)))
    assert [(s.at, s.facts["severity"]) for s in noticed(story, urgent)] == [
        (at(1), "Urgent"), (at(5), "Urgent"),
    ]  # fmt: skip
    normal = replace(urgent, scope=Scope(("Normal",)), each=False)
    assert [s.at for s in noticed(story, normal)] == [at(3)]


def test_what_happened_while_nothing_was_promised_is_not_noticed() -> None:
    story = [
        *made(project="OTHER"),
        reply(at(1)),
        change(at(2), "project", "OTHER", "ACME"),
        reply(at(3), id_="2"),
    ]
    assert [s.at for s in noticed(story, Notice("n", "4", (RESPONSE,), "-"))] == [at(3)]


def test_acts_of_every_kind_can_be_noticed() -> None:
    story = [
        *made(),
        change(at(1), "resolution", None, "Done"),
        change(at(2), "resolution", "Done", None),
        change(at(3), "Vendor", None, "x"),
        says(at(4), "It works, thank you", CUSTOMER),
    ]
    acts = (
        Act("resolved"), Act("reopened"), Act("changed", names=("Vendor",)),
        Act("customer comment", ("thank you",)), Act("reported"),
    )  # fmt: skip
    said = noticed(story, Notice("n", "4", acts, "-"))
    assert [s.at for s in said] == [at(hour) for hour in range(5)]
    assert len({s.key for s in said}) == 5


# --- escalation on request, by an act -------------------------------------------------------------

STEPS = (Step(1, "Lead", Audience(groups=("leads",))), Step(2, "Boss", Audience(users=("boss",))))
ASKING = Condition({"issuetype": ("Escalation",)})
BY_WORD = Request(
    "now", "9", STEPS, on=(Act("customer comment", ("#escalate",)),), scope=Scope(("Urgent",))
)
ON_REQUEST = replace(PROMISED, requests=(BY_WORD,))


def asked(*when: float) -> list[Event]:
    return [says(at(each), "Please #escalate", CUSTOMER, id_=f"c{each}") for each in when]


def test_each_request_climbs_a_step_and_beyond_the_last_it_is_the_last_again() -> None:
    said = found(decided([*made(), *asked(1, 2, 3, 4)], 9, ON_REQUEST), "request")
    assert [(s.key, *facts(s, "level", "level_name")) for s in said] == [
        ("escalation/now/level-1", 1, "Lead"),
        ("escalation/now/level-2", 2, "Boss"),
        ("escalation/now/level-2/again-c3", 2, "Boss"),
        ("escalation/now/level-2/again-c4", 2, "Boss"),
    ]
    assert [s.audience for s in said] == [STEPS[0].audience, *[STEPS[1].audience] * 3]


def test_the_level_field_shows_the_step_that_was_reached() -> None:
    for now, level in [(0.5, 0), (1, 1), (2, 2), (9, 2)]:
        fields = decided([*made(), *asked(1, 2, 3)], now, ON_REQUEST).fields
        assert fields
        assert fields.level == level


def test_a_request_counts_only_in_its_scope() -> None:
    story = [*made(), *asked(1, 3), change(at(2), "priority", "Highest", "High")]
    said = found(decided(story, 9, ON_REQUEST), "request")
    assert [(s.at, s.facts["level"]) for s in said] == [(at(1), 1)]


def test_an_escalated_issue_goes_to_those_addressed_where_the_contract_says_so() -> None:
    for assign in (False, True):
        promised = replace(PROMISED, requests=(replace(BY_WORD, assign=assign, wording="Up."),))
        (said,) = found(decided([*made(), *asked(1)], 9, promised), "request")
        assert (said.assign, said.wording) == (assign, "Up.")


# --- escalation on request, by another issue ------------------------------------------------------

REASON = Item("reason", "the reason", ("Reason",), ("because",))
BY_ISSUE = replace(
    BY_WORD,
    by_issue=ASKING,
    requires=(REASON,),
    condition=Condition({"Environment": ("Production",)}),
    assign=True,
)
BY_ISSUES = replace(PROMISED, requests=(BY_ISSUE,))


def asks(number: int, when: float, **fields: str | None) -> Relative:
    """An issue that asks for the escalation of the issue with the id 10, with all that it needs."""
    needed: dict[str, str | None] = {
        "issuetype": "Escalation",
        "Reason": "money",
        "Environment": "Production",
        "key": f"ACME-{number}",
    }
    story = made(at(when), **{**needed, **fields})
    return Relative(str(number), Timeline.of([*story, Linked(at(when), f"l{number}", "10")]))


def escalated(now: float, *others: Relative, events: Sequence[Event] = ()) -> list[Saying]:
    return found(decided([*made(key="ACME-10"), *events], now, BY_ISSUES, *others), "request")


def on_asking(
    other: Relative, *relatives: Relative, now: float = 9, events: Sequence[Event] = ()
) -> Decision:
    target = Relative("10", Timeline.of([*made(key="ACME-10"), *events]))
    return decided(
        other.timeline.events, now, BY_ISSUES, *(relatives or (target,)), id_=other.issue_id
    )


def test_another_issue_asks_and_both_hear_of_it() -> None:
    other = asks(11, 1)
    (said,) = escalated(9, other)
    assert (said.key, said.at, said.assign) == ("escalation/now/level-1", at(1), False)
    assert facts(said, "level", "other") == (1, "ACME-11")
    assert escalated(0.9, other) == []
    heard = on_asking(other)
    (answer,) = found(heard, "requested")
    assert (answer.key, answer.at) == ("escalation/now/request", at(1))
    assert (answer.public, answer.revisable) == (True, True)
    assert facts(answer, "other", "problems") == ("ACME-10", [])
    (routed,) = found(heard, "request")
    assert (routed.key, routed.audience, routed.assign) == (
        "escalation/now/routed", STEPS[0].audience, True,
    )  # fmt: skip


def test_an_issue_may_be_named_by_its_key() -> None:
    story = made(
        at(1),
        issuetype="Escalation",
        key="ACME-11",
        Reason="money",
        Environment="Production",
        summary="Please escalate ACME-10 now",
    )
    other = Relative("11", Timeline.of(story))
    assert len(escalated(9, other)) == 1
    assert facts(found(on_asking(other), "requested")[0], "other") == ("ACME-10",)


@pytest.mark.parametrize(
    ("lacking", "problem"),
    [
        ({"Reason": None}, "it lacks the reason"),
        ({"Environment": "Test"}, "neither of the two issues says: Environment Production"),
    ],
)
def test_a_request_that_lacks_something_says_what_and_escalates_nothing(
    lacking: dict[str, str | None], problem: str
) -> None:
    other = asks(11, 1, **lacking)
    assert escalated(9, other) == []
    heard = on_asking(other)
    assert [facts(said, "problems") for said in found(heard, "requested")] == [([problem],)]
    assert found(heard, "request") == []


def test_only_issues_in_scope_can_be_escalated() -> None:
    lowered = [change(at(0.5), "priority", "Highest", "High")]
    assert escalated(9, asks(11, 1), events=lowered) == []
    (said,) = found(on_asking(asks(11, 1), events=lowered), "requested")
    assert said.facts["problems"] == ["only Urgent issues can be escalated, and ACME-10 is none"]


def test_the_condition_may_hold_on_either_issue() -> None:
    production = [change(at(0.5), "Environment", None, "Production")]
    for events, count in [((), 0), (production, 1)]:
        assert len(escalated(9, asks(11, 1, Environment=None), events=events)) == count


def test_what_was_lacking_can_be_brought_later() -> None:
    other = asks(11, 1, Reason=None)
    late = Timeline.of([*other.timeline.events, change(at(5), "Reason", None, "money")])
    assert len(escalated(6, Relative("11", late))) == 1


def test_an_issue_that_is_no_request_escalates_nothing() -> None:
    bug = asks(11, 1, issuetype="Bug")
    assert escalated(9, bug) == []
    assert found(on_asking(bug), "requested") == []


def test_a_request_that_refers_to_nothing_known_says_so() -> None:
    stranger = Relative("99", Timeline.of(made(project="OTHER", key="OTHER-99")))
    (said,) = found(on_asking(asks(11, 1), stranger), "requested")
    assert said.facts["problems"] == [
        "it refers to no issue that is known; link it, or name its key"
    ]


def test_requests_by_words_and_by_issues_climb_one_ladder() -> None:
    said = escalated(9, asks(11, 2), asks(12, 4), events=asked(1, 3))
    assert [facts(each, "level", "other") for each in said] == [
        (1, ""), (2, "ACME-11"), (2, ""), (2, "ACME-12"),
    ]  # fmt: skip
    assert len({each.key for each in said}) == 4


def test_a_request_that_became_valid_later_is_the_later_one() -> None:
    late, good = asks(11, 1, Reason=None), asks(12, 2)
    first = decided(made(key="ACME-10"), 3, BY_ISSUES, late, good)
    repaired = [*late.timeline.events, change(at(5), "Reason", None, "money")]
    late = Relative("11", Timeline.of(repaired))
    then = decided(made(key="ACME-10"), 6, BY_ISSUES, late, good, said=first.standing)
    assert [facts(said, "level", "other") for said in found(then, "request")] == [(2, "ACME-11")]


def test_lowered_after_its_escalation_an_issue_stays_escalated() -> None:
    lowered = change(at(4), "priority", "Highest", "High")
    decision = decided([*made(key="ACME-10"), lowered], 9, BY_ISSUES, asks(11, 1))
    assert "escalation/now/level-1" in decision.standing
    assert decision.fields
    assert decision.fields.level == 1


# --- one contract in two forms --------------------------------------------------------------------

ORDERED = replace(
    ON_REQUEST,
    requests=(replace(BY_WORD, by_issue=ASKING),),
    notices=(Notice("once", "4", (RESPONSE,), "-", each=False),),
)


def with_order_form(promised: Contract) -> Policy:
    forms = {promised.id: {"big": replace(promised, customer="big")}}
    return replace(judged_by(promised), customer_field="Customer", order_forms=forms)


NAMED_LATER = [*made(Customer=None, key="ACME-10"), change(at(1.5), "Customer", None, "big")]


def test_a_request_after_the_order_form_was_named_climbs_on() -> None:
    said = found(decided([*NAMED_LATER, *asked(1, 2)], 9, with_order_form(ORDERED)), "request")
    assert [s.facts["level"] for s in said] == [1, 2]


@pytest.mark.parametrize("others", [(), (asks(11, 1),)], ids=["a notice", "a request by an issue"])
def test_nothing_is_said_for_each_form_of_the_contract(others: tuple[Relative, ...]) -> None:
    story = NAMED_LATER if others else [*NAMED_LATER, reply(at(1)), reply(at(2), id_="2")]
    decision = decided(story, 9, with_order_form(ORDERED), *others)
    keys = [saying.key for saying in decision.sayings]
    assert len(keys) == len(set(keys))


def test_what_changes_no_promise_breaks_none_again() -> None:
    later = [*NAMED_LATER[:-1], change(at(3), "Customer", None, "big")]
    decision = decided(
        later, 9, with_order_form(PROMISED), said=frozenset({"first_response/1/breach"})
    )
    assert [s.key for s in found(decision, "breach") if FIRST in s.key] == []


# --- a function of the set ------------------------------------------------------------------------

EVERYTHING = replace(
    BY_ISSUES,
    metrics=(
        *PROMISED.metrics,
        measured("next_response", always(1)),
        measured("periodic_update", always(2)),
        measured("substantive_response", always(3)),
        measured("slots", always(2), clock=replace(CLOCKS["periodic_update"], grid=True)),
    ),
    acknowledgement=ACKNOWLEDGED.acknowledgement,
    duties=(replace(LOG, effect="pauses", metrics=(RESOLUTION,)),),
    contacts=ACKNOWLEDGED.contacts,
    checklist=ASKED.checklist,
    limits=(Limit("own", "7", "self-built", excludes=Condition({"Build": ("own",)})),),
    notices=(
        Notice("each", "4", (RESPONSE, Act("reopened")), "-"),
        Notice("once", "4", (Act("customer reply"),), "-", each=False, scope=Scope(("Urgent",))),
    ),
)
POLICY = judged_by(EVERYTHING, LADDER)
OTHERS = (asks(11, 1), asks(12, 2, Reason=None), Relative("20", Timeline.of(made(key="ACME-20"))))
AUTHORS = (AGENT, AGENT, CUSTOMER, Account("bot", "app"), None)
TEXTS = ("Hello.", "Since when?", "#escalate", "see ACME-20")
QUARTERS = st.integers(0, 48).map(lambda quarter: at(quarter / 4))
COMMENTS = st.builds(
    lambda number, written, edited, public, text: CommentSeen(
        at(number), str(number), at(number) + hours(edited) if written else at(number),
        AUTHORS[number % len(AUTHORS)], public, text,
    ),
    st.integers(0, 9), st.booleans(), st.integers(1, 3), st.booleans(), st.sampled_from(TEXTS),
)  # fmt: skip
CHANGES = st.builds(
    lambda when, number, named, after: Changed(when, str(number), named[0], None, named[after]),
    QUARTERS,
    st.integers(0, 30),
    st.sampled_from([
        ("priority", "Highest", "High"), ("resolution", None, "Done"), ("Build", None, "own"),
        ("Log", None, "log.txt"), ("Version", None, "3"), ("description", "", COMPLETE),
    ]),
    st.integers(1, 2),
)  # fmt: skip
EVENTS = st.one_of(
    COMMENTS,
    COMMENTS,
    CHANGES,
    CHANGES,
    st.builds(CommentDeleted, QUARTERS, st.integers(0, 9).map(str)),
    st.builds(Linked, QUARTERS, st.sampled_from(["l1", "l2"]), st.sampled_from(["11", "20"])),
)
HISTORIES = st.lists(EVENTS, max_size=14).map(lambda events: [*made(key="ACME-10"), *events])
lawful = settings(derandomize=True, deadline=None, max_examples=200)


@lawful
@given(HISTORIES, st.randoms(use_true_random=False), st.floats(0, 20))
def test_a_decision_follows_from_the_set_of_what_was_heard(
    events: list[Event], chance: Random, now: float
) -> None:
    heard = [*events, *events]
    chance.shuffle(heard)
    one, two = (decided(each, now, POLICY, *OTHERS) for each in (events, heard))
    assert one == two


@lawful
@given(HISTORIES, st.floats(0, 30), st.floats(0, 30))
def test_asked_again_it_says_nothing_twice_and_takes_nothing_back(
    events: list[Event], earlier: float, later: float
) -> None:
    last = max(13.0, earlier)
    first = decided(events, last, POLICY, *OTHERS)
    keys = [saying.key for saying in first.sayings]
    assert len(keys) == len(set(keys))
    assert first.standing == set(keys)
    again = decided(events, last + later, POLICY, *OTHERS, said=first.standing)
    revisable = {saying.key for saying in again.sayings if saying.revisable}
    assert {saying.key for saying in again.sayings} & first.standing <= revisable
    # Of a grid only the latest slots speak, so that a long silence is not told hour by hour.
    assert off_grid(first.standing) <= again.standing
    assert again.standing == decided(events, last + later, POLICY, *OTHERS).standing


def off_grid(keys: Iterable[str]) -> set[str]:
    return {key for key in keys if not key.startswith("slots/")}


@lawful
@given(HISTORIES, st.lists(st.floats(12, 30), min_size=1, max_size=4))
def test_whenever_it_is_asked_each_thing_is_said_once(
    events: list[Event], instants: list[float]
) -> None:
    said: list[str] = []
    for now in [*sorted(instants), 31]:
        decision = decided(events, now, POLICY, *OTHERS, said=frozenset(said))
        said += [
            each.key for each in decision.sayings if each.key not in said or not each.revisable
        ]
    assert len(said) == len(set(said))
    standing = decided(events, 31, POLICY, *OTHERS).standing
    assert off_grid(said) == off_grid(standing)
    assert standing <= set(said)


@lawful
@given(HISTORIES)
def test_looking_when_told_to_finds_all_that_time_alone_changes(events: list[Event]) -> None:
    now, end = at(13), at(20)
    for _ in range(400):
        decision = decided(events, (now - NINE) / hours(1), POLICY, *OTHERS)
        following = min(decision.wake_at or end, end)
        assert following > now
        just_before = decided(
            events, (now - NINE + (following - now) * 0.999) / hours(1), POLICY, *OTHERS
        )
        assert decision.standing == just_before.standing
        assert [c.state for c in decision.cycles] == [c.state for c in just_before.cycles]
        now = following
        if now == end:
            break


def test_a_deleted_issue_says_nothing_more() -> None:
    story = [*made(key="ACME-10"), *asked(1), Deleted(at(2))]
    assert decided(story, 9, POLICY, *OTHERS).sayings == ()


def test_the_order_of_the_others_changes_nothing() -> None:
    one, two = asks(11, 1), asks(12, 1)
    decisions = [
        decided(made(key="ACME-10"), 9, POLICY, *each) for each in ((one, two), (two, one))
    ]
    assert decisions[0] == decisions[1]
