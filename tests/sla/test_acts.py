"""What happened in an issue's history that a contract speaks of, and who did it."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.acts import History, Moment, asks, is_of_customer, is_response
from sla.acts import given as brings
from sla.acts import says as has_phrase
from sla.condition import Condition
from sla.contract import CLOCKS, RESPONSE, Act, Item
from sla.mapping import Responders
from sla.timeline import Account, Changed, CommentDeleted, Event, Timeline
from tests.sla.example import AGENT, CUSTOMER, NINE, OWN, at, change, made, reply, says

RESPONDERS = Responders(never=frozenset({OWN.id}))
SUBSTANTIVE = Condition({"labels": ("substantive",)})


def history(*events: Event, responders: Responders = RESPONDERS) -> History:
    return History(Timeline.of([*made(), *events]), responders, NINE)


def moments(act: Act, *events: Event, responders: Responders = RESPONDERS) -> list[Moment]:
    return history(*events, responders=responders).moments(act)


def when(act: Act, *events: Event) -> list[datetime]:
    return [moment.at for moment in moments(act, *events)]


# --- who ------------------------------------------------------------------------------------------

PEOPLE: list[Account | None] = [
    AGENT, CUSTOMER, OWN, Account("bot", "app"), Account("other", "customer"), Account("x"), None,
]  # fmt: skip


@pytest.mark.parametrize(
    ("author", "support", "customer"),
    [
        (AGENT, True, False),
        (CUSTOMER, False, True),
        (OWN, False, False),
        (Account("bot", "app"), False, False),
        (Account("other", "customer"), False, True),
        (Account("x"), True, False),
        (None, False, False),
    ],
    ids=["agent", "reporter", "dueline", "app", "customer", "somebody", "not named"],
)
def test_whose_comment_it_is(author: Account | None, *, support: bool, customer: bool) -> None:
    (comment,) = Timeline.of([reply(at(1), author)]).comments
    timeline = Timeline.of(made())
    assert is_response(comment, timeline, RESPONDERS) is support
    assert is_of_customer(comment, timeline, RESPONDERS) is customer


@settings(derandomize=True, deadline=None, max_examples=100)
@given(
    st.sampled_from(PEOPLE),
    st.sampled_from([None, frozenset({"agent"}), frozenset({"agent", "other", "bot"})]),
    st.sampled_from(["agent", "customer", None]),
)
def test_nobody_is_both_the_support_and_the_customer(
    author: Account | None, only: frozenset[str] | None, reporter: str | None
) -> None:
    responders = Responders(only, frozenset({OWN.id}))
    timeline = Timeline.of([*made(reporter=reporter), reply(at(1), author)])
    (comment,) = timeline.comments
    both = [judge(comment, timeline, responders) for judge in (is_response, is_of_customer)]
    assert both != [True, True]
    if author is None or author.kind == "app" or author == OWN:
        assert both == [False, False]


def test_where_responders_are_named_every_other_person_is_the_customer() -> None:
    named = Responders(only=frozenset({"lead"}))
    found = moments(Act("customer comment"), reply(at(1)), responders=named)
    assert [moment.at for moment in found] == [at(1)]


def test_a_reporter_who_is_a_responder_speaks_as_the_customer() -> None:
    story = [*made(reporter=AGENT.id), reply(at(1)), reply(at(2), Account("lead"), id_="2")]
    told = History(Timeline.of(story), Responders(only=frozenset({"agent", "lead"})), NINE)
    assert [moment.at for moment in told.moments(Act("response"))] == [at(2)]
    assert [moment.at for moment in told.moments(Act("customer comment"))] == [at(1)]


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "phrase", "found"),
    [
        ("We have a WORK  around\nfor you", "work around", True),
        ("workaround", "work around", False),
        ("rework around", "work around", False),
        ("please #escalate.", "#escalate", True),
        ("please #escalated", "#escalate", False),
        ("case 12345 is known", r"/case \d+/", True),
        ("a (b) c", "(b)", True),
    ],
)
def test_a_phrase_is_found_as_whole_words(text: str, phrase: str, *, found: bool) -> None:
    assert has_phrase(text, phrase) is found


@given(
    st.lists(st.sampled_from(["log", "logs", "send", "v12", "(b)"]), max_size=4),
    st.lists(st.sampled_from(["log", "send the log", r"/v\d+/", "(b)", "/^send/"]), max_size=4),
)
def test_several_phrases_are_found_where_one_of_them_is(said: list[str], wanted: list[str]) -> None:
    text = " ".join(said)
    assert has_phrase(text, *wanted) is any(has_phrase(text, each) for each in wanted)


def test_a_clock_started_by_any_response_is_not_asked_for_the_first() -> None:
    update = CLOCKS["periodic_update"]
    assert (len(update.starts), update.started_by) == (2, (RESPONSE,))
    for clock in (CLOCKS["substantive_response"], CLOCKS["resolution"]):
        assert clock.started_by == clock.starts


@pytest.mark.parametrize(
    "text",
    [
        "Which version do you use?",
        "Could you (please?) send the log",
        "Is it *urgent?* Thanks.",
        "What?? No.",
        'He asked "why?"',
        "{quote}It fails?{quote}\nSince when?",
        "Since when?\n> It fails.",
        "bq. It fails?\n\nSince when?",
        "> It fails.\n\nSince when?",
        "> It fails.\n> Again.\n\nHello,\nsince when?",
        "Really?!",
    ],
)
def test_these_ask_something(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "It works.",
        "See https://example.com/?id=3 for more.",
        "> Does it work?\nYes.",
        "bq. Does it work?",
        "  > Does it work?",
        "{quote}Does it work?\nSince when?{quote} Yes.",
        "",
    ],
)
def test_these_ask_nothing(text: str) -> None:
    assert not asks(text)


# --- replies --------------------------------------------------------------------------------------


def test_the_first_response_is_the_first_public_reply_by_a_responder() -> None:
    found = history(
        reply(at(1), CUSTOMER, id_="1"),
        reply(at(2), public=False, id_="2"),
        reply(at(3), None, id_="3"),
        reply(at(4), id_="4"),
        reply(at(5), id_="5"),
    ).first_response()
    assert found == Moment(at(4), "public comment", "4", AGENT.id, "by a responder")
    assert found.reason == "public comment 4 by a responder"


def test_what_the_customer_says_before_the_first_response_is_no_reply() -> None:
    story = [
        reply(at(1), CUSTOMER, id_="1"),
        reply(at(2), id_="2"),
        reply(at(3), CUSTOMER, id_="3"),
    ]
    assert when(Act("customer reply"), *story) == [at(3)]
    assert when(Act("customer comment"), *story) == [at(1), at(3)]


def test_somebody_who_is_not_named_neither_replies_nor_answers() -> None:
    story = [reply(at(1)), reply(at(2), None, id_="2")]
    for kind in ("customer reply", "customer comment"):
        assert when(Act(kind), *story) == []
    assert when(Act("response"), *story) == [at(1)]


def test_a_deleted_comment_happened_all_the_same() -> None:
    assert when(Act("response"), reply(at(1)), CommentDeleted(at(2), "1")) == [at(1)]


PHRASE = Act("response", phrases=("root cause",))


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (PHRASE, "The root cause is known."),
        (Act("response", question=True), "Since when?"),
        (Act("response", phrases=("root cause",), question=True), "Since when?"),
        (Act("response", question=True, marks=(SUBSTANTIVE,)), "Since when?"),
    ],
    ids=["phrase", "question", "either", "or a mark"],
)
def test_a_reply_of_some_kind_is_known_by_its_words(act: Act, words: str) -> None:
    story = [says(at(1), "We look into it."), says(at(2), words, id_="2")]
    assert when(act, *story) == [at(2)]
    assert when(act, says(at(1), words, public=False)) == []
    assert when(act, says(at(1), words, CUSTOMER)) == []


def test_edited_into_its_kind_a_reply_counts_from_the_edit_on() -> None:
    story = [says(at(1), "Hello."), says(at(1), "The root cause is known.", edited=at(3))]
    assert when(PHRASE, *story) == [at(3)]


def test_edited_out_of_its_kind_what_was_read_stays_read() -> None:
    story = [says(at(1), "The root cause is known."), says(at(1), "Hello.", edited=at(3))]
    assert when(PHRASE, *story) == [at(1)]
    assert when(PHRASE, *story, CommentDeleted(at(4), "1")) == [at(1)]


def test_words_that_only_the_team_could_read_count_when_everybody_can() -> None:
    story = [
        says(at(1), "The root cause is known.", public=False),
        says(at(1), "The root cause is known.", edited=at(2)),
    ]
    assert when(PHRASE, *story) == [at(2)]


MARKED = Act("response", marks=(SUBSTANTIVE,))


@pytest.mark.parametrize(
    ("marked", "unmarked", "counts"),
    [
        (2.5, None, [2]),
        (2, None, [2]),
        (9, 9.5, [4]),
        (0.5, None, [1]),
        (0.5, 1, []),
        (0.5, 0.75, []),
        (3, 3.1, [2]),
    ],
    ids=[
        "the last one before", "of that instant", "long after", "else the next", "not while held",
        "not held any more", "what it meant stays",
    ],
)  # fmt: skip
def test_a_mark_means_the_last_reply_before_it_else_the_next(
    marked: float, unmarked: float | None, counts: list[float]
) -> None:
    story = [reply(at(1), id_="1"), reply(at(2), id_="2"), reply(at(4), id_="4")]
    story += [reply(at(2.4), CUSTOMER, id_="c"), reply(at(2.3), public=False, id_="i")]
    story.append(change(at(marked), "labels", (), ("substantive",)))
    if unmarked is not None:
        story.append(change(at(unmarked), "labels", ("substantive",), ()))
    assert when(MARKED, *story) == [at(hour) for hour in counts]


def test_each_time_a_mark_is_set_it_means_a_reply() -> None:
    story = [reply(at(1), id_="1"), reply(at(4), id_="4")]
    story += [
        change(at(2), "labels", (), ("substantive",)),
        change(at(3), "labels", ("substantive",), ()),
        change(at(5), "labels", (), ("substantive",)),
    ]
    assert when(MARKED, *story) == [at(1), at(4)]


# --- fields ---------------------------------------------------------------------------------------

STORY = [
    change(at(1), "resolution", None, "Done"),
    change(at(2), "resolution", "Done", "Duplicate"),
    change(at(3), "resolution", "Duplicate", None),
    change(at(4), "resolution", None, "Done"),
]


def test_resolved_and_opened_again() -> None:
    assert when(Act("resolved"), *STORY) == [at(1), at(4)]
    assert when(Act("reopened"), *STORY) == [at(3)]


def test_fields_come_to_be_so_once_for_each_time() -> None:
    act = Act("fields", when=Condition({"resolution": ("Done", "Duplicate")}))
    assert when(act, *STORY) == [at(1), at(4)]


def test_fields_that_are_so_from_the_beginning_were_so_at_the_creation() -> None:
    assert when(Act("fields", when=Condition({"priority": ("highest",)}))) == [NINE]


def test_every_change_of_a_field_counts_but_not_its_first_value() -> None:
    found = moments(Act("changed", names=("resolution", "priority")), *STORY)
    assert [moment.at for moment in found] == [at(1), at(2), at(3), at(4)]
    assert [moment.reason for moment in found][2:] == [
        "resolution became empty", "resolution became Done",
    ]  # fmt: skip
    assert len({moment.key for moment in found}) == len(found)


def test_reported_is_when_the_clock_may_start() -> None:
    told = History(Timeline.of(made()), RESPONDERS, at(-3))
    assert told.moments(Act("reported")) == [Moment(at(-3), "reported", "reported")]


def test_information_is_brought_by_a_field_or_by_words_of_the_report() -> None:
    item = Item("version", "the version", ("Version",), ("version", r"/\bv\d+/"))
    for fields in (
        {"Version": "3"},
        {"summary": "Fails with VERSION 3"},
        {"description": "since\nv3 it fails"},
    ):
        assert brings(item, Timeline.of(made(NINE, **fields)), at(0))
    for fields in ({"Version": ""}, {"summary": "versions"}, {"environment": "version 3"}):
        assert not brings(item, Timeline.of(made(NINE, **fields)), at(0))
    added = Timeline.of([*made(), change(at(2), "Version", None, "3")])
    assert [brings(item, added, at(hour)) for hour in (1.9, 2)] == [False, True]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(st.permutations([*STORY, *(reply(at(n), who, id_=str(n)) for n, who in enumerate(PEOPLE))]))
def test_acts_are_found_in_order_and_whatever_was_heard_first(heard: list[Event]) -> None:
    for act in (
        Act("reported"), Act("first response"), Act("response"), Act("customer comment"),
        Act("customer reply"), Act("resolved"), Act("reopened"),
        Act("fields", when=Condition(filled=("resolution",))),
        Act("changed", names=("resolution",)),
    ):  # fmt: skip
        found = moments(act, *heard)
        assert found == moments(act, *sorted(heard, key=lambda event: event.at))
        assert [moment.at for moment in found] == sorted(moment.at for moment in found)
        assert len({moment.key for moment in found}) == len(found)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Please #escalate", True),
        ("> Please #escalate\nNo, thanks.", False),
        ("{quote}#escalate{quote} was never asked for", False),
        ("{code:java}#escalate{code}", False),
        ("{code}an open fence, then #escalate", True),
        ("Thanks.\n-- \n#escalate now!", False),
    ],
)
def test_a_phrase_counts_in_the_writers_own_words_only(text: str, *, found: bool) -> None:
    act = Act("response", phrases=("#escalate",))
    events = [*made(), says(at(1), text)]
    assert bool(moments(act, *events)) is found


@pytest.mark.parametrize(
    ("phrase", "text"),
    [("/(a+)+$/", "a" * 60 + "b"), ("/x.*y.*z/", "xy" * 20_000), ("a b", "a " * 16_000)],
)
def test_no_phrase_and_no_text_takes_long(phrase: str, text: str) -> None:
    # Backtracking would not come back from the first one.
    assert not has_phrase(text, phrase)


def test_an_act_is_its_authors() -> None:
    by_phone = Condition({"Way": ("phone",)})
    events = [
        *made(),
        Changed(at(1), "7", "status", "Open", "Done", "ada"),
        Changed(at(1), "7", "resolution", None, "Fixed", "ada"),
        Changed(at(2), "8", "resolution", "Fixed", None, "customer"),
        Changed(at(3), "9", "Way", None, "phone", "eve"),
        change(at(4), "Way", "phone", "mail"),
        says(at(5), "Why?", CUSTOMER, id_="5"),
        says(at(6), "So.", AGENT, id_="6"),
    ]
    expected: list[tuple[Act, list[str | None]]] = [
        (Act("resolved"), ["ada"]), (Act("reopened"), ["customer"]),
        (Act("changed", names=("Way",)), ["eve", None]), (Act("customer comment"), [CUSTOMER.id]),
        (Act("response"), [AGENT.id]), (Act("fields", when=by_phone), ["eve"]),
        (Act("reported"), [None]),
    ]  # fmt: skip
    for act, by in expected:
        assert [each.by for each in moments(act, *events)] == by


def test_many_fences_are_one_pass() -> None:
    assert asks("{code:a}" * 4_000 + "Why?")
