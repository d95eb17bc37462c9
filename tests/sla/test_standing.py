"""How all promises of an issue stand, in a few words, for the link on it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sla.contract import Actions, Alerts, Audience, Level
from sla.contract import Warning as EarlyWarning
from sla.decide import Ledger, decide
from sla.effects import Saying, StandingState
from sla.mapping import Policy
from sla.timeline import Event, Timeline
from tests.sla.example import (
    CUSTOMER,
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
    says,
)

BOTH = of(measured("first_response", always(2)), measured("resolution", always(8)))
DONE = change(at(3), "resolution", None, "Done")


def standing(
    events: list[Event], hour: float, judged_by: Policy = BOTH
) -> tuple[StandingState, str, str]:
    fields = decide(Timeline.of(events), judged_by, Ledger(), at(hour)).fields
    assert fields is not None
    assert fields.link is not None
    words = fields.link.words
    assert fields.link.reads([*words])
    for place, word in enumerate(words):
        assert not fields.link.reads([*words[:place], f"{word}?", *words[place + 1 :]])
    return words


def test_what_is_due_first_is_the_title() -> None:
    assert standing(made(), 0) == (
        "running",
        "First response due Wed 10 Jul 2024 15:00 UTC",
        "First response due Wed 10 Jul 2024 15:00 UTC. Resolution due Wed 10 Jul 2024 21:00 UTC",
    )


def test_what_was_answered_leaves_the_title_to_what_is_left() -> None:
    assert standing([*made(), reply(at(1))], 4) == (
        "running",
        "Resolution due Wed 10 Jul 2024 21:00 UTC",
        "First response came in time. Resolution due Wed 10 Jul 2024 21:00 UTC",
    )


def test_what_is_overdue_goes_first() -> None:
    assert standing(made(), 3)[:2] == (
        "breached", "First response was due Wed 10 Jul 2024 15:00 UTC",
    )  # fmt: skip


def test_all_kept_and_one_of_them_late() -> None:
    assert standing([*made(), reply(at(1)), DONE], 4)[:2] == ("met", "Every promise was kept")
    late = standing([*made(), reply(at(2.5)), DONE], 4)
    assert late == (
        "late", "First response came late", "First response came late. Resolution came in time",
    )  # fmt: skip


def test_an_earlier_answer_that_was_late_is_not_forgotten() -> None:
    answers = of(measured("next_response", always(1)))
    story: list[Event] = [
        *made(),
        reply(at(0.5)),
        says(at(1), "And?", CUSTOMER, id_="2"),
        reply(at(3), id_="3"),
        says(at(4), "Thanks. And?", CUSTOMER, id_="4"),
        reply(at(4.5), id_="5"),
    ]
    assert standing(story, 5, answers)[:2] == ("late", "Next response came late")


def test_what_was_never_answered_was_missed() -> None:
    story = [*made(), change(at(5), "resolution", None, "Done")]
    one = of(measured("first_response", always(2)))
    assert standing(story, 6, one)[:2] == ("late", "First response was missed")


def test_a_clock_that_rests_and_one_that_ended_unanswered() -> None:
    waiting = policy(contract(always(2), pause_statuses=("Waiting",)))
    rests = [*made(), change(at(1), "status", "To Do", "Waiting")]
    assert standing(rests, 4, waiting)[:2] == ("paused", "First response paused")
    closed = [*made(), change(at(1), "resolution", None, "Done")]
    one = of(measured("first_response", always(2)))
    assert standing(closed, 4, one)[:2] == ("none", "Nothing is owed any more")


@given(st.lists(st.floats(0, 20), min_size=2, max_size=8))
def test_time_alone_changes_it_only_where_something_falls_due(instants: list[float]) -> None:
    shown = {standing(made(), hour) for hour in instants}
    spans = {sum(hour >= due for due in (2, 8)) for hour in instants}
    # The later promise falls due unseen in the title, and is seen in the summary.
    assert len(shown) == len(spans)


# --- what goes with a saying ----------------------------------------------------------------------

ESCALATE = Actions(assign=True, labels=("late",), priority="Highest")
ALERTS = Alerts(
    warnings=(EarlyWarning("warning-50%", used=0.5, public=True),),
    breach_public=True,
    breach_actions=Actions(labels=("breached",)),
    levels=(Level(1, "Lead", hours(1), actions=ESCALATE),),
)


def sayings(events: list[Event], hour: float, *said: str) -> dict[str, Saying]:
    judged_by = of(measured("first_response", always(2)), alerts=ALERTS)
    decision = decide(Timeline.of(events), judged_by, Ledger(frozenset(said)), at(hour))
    return {saying.key.rpartition("/")[2]: saying for saying in decision.sayings}


def test_each_step_carries_its_actions_and_its_readers() -> None:
    told = sayings(made(), 4)
    assert [(each.public, each.assign, each.actions) for each in told.values()] == [
        (True, False, Actions()),
        (True, False, Actions(labels=("breached",))),
        (False, True, ESCALATE),
    ]


def test_who_was_told_of_a_breach_is_told_of_the_correction() -> None:
    told = sayings([*made(), reply(at(1))], 4, "first_response/1/breach")
    assert told["correction"].public
    assert told["correction"].audience == Audience()
    private = replace(ALERTS, breach_public=False)
    judged_by = of(measured("first_response", always(2)), alerts=private)
    ledger = Ledger(frozenset({"first_response/1/breach"}))
    decision = decide(Timeline.of([*made(), reply(at(1))]), judged_by, ledger, at(4))
    assert [each.public for each in decision.sayings if each.occasion == "correction"] == [False]
