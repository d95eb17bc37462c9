"""What must hold of an issue's fields: at one instant, and the spans in which it held."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.condition import ALWAYS, Condition, Fields, while_holding
from sla.timeline import Changed, Event, FieldValue, Timeline
from tests.sla.example import NINE, at, change, made

VALUES: st.SearchStrategy[FieldValue] = st.sampled_from(
    [None, "", "a", "B", ("a", "c"), ("x",), ()]
)
NAMES = ("one", "two", "three")
TO_DO = Condition({"status": ("To Do",)})
FIELDS = st.dictionaries(st.sampled_from(NAMES), VALUES)
SOME = st.lists(st.sampled_from(NAMES), max_size=2, unique=True).map(tuple)
CONDITIONS = st.builds(
    Condition,
    st.dictionaries(
        st.sampled_from(NAMES), st.sampled_from([("A",), ("b", "c"), ("z",)]), max_size=2
    ),
    SOME,
    SOME,
)
CHANGES = st.lists(st.tuples(st.integers(0, 12), st.sampled_from(NAMES), VALUES), max_size=8)

steady = settings(derandomize=True, deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("fields", "holds"),
    [
        ({"plan": "GOLD"}, True),
        ({"plan": ("silver", "Gold")}, True),
        ({"plan": "silver"}, False),
        ({"plan": None}, False),
        ({}, False),
    ],
    ids=["in another case", "among several", "another one", "nothing", "unheard of"],
)
def test_a_field_has_one_of_its_values(fields: Fields, *, holds: bool) -> None:
    assert Condition({"plan": ("gold", "bronze")}).holds(fields) is holds


@pytest.mark.parametrize("nothing", [None, "", ()])
def test_a_field_without_a_value_is_empty_and_not_filled(nothing: FieldValue) -> None:
    for fields in ({"plan": nothing}, {}):
        assert Condition(empty=("plan",)).holds(fields)
        assert not Condition(filled=("plan",)).holds(fields)


def test_a_condition_without_parts_always_holds_and_says_so() -> None:
    assert ALWAYS.holds({})
    assert not ALWAYS.contradicted({"plan": "Gold"})
    assert str(ALWAYS) == "always"


def test_a_condition_reads_as_words() -> None:
    parts = Condition({"issuetype": ("Bug",), "plan": ("A", "B")}, ("one",), ("two",))
    assert str(parts) == "type Bug, plan A or B, one filled in, two empty"


@steady
@given(CONDITIONS, FIELDS)
def test_every_part_must_hold(condition: Condition, fields: Fields) -> None:
    parts = [Condition({name: wanted}) for name, wanted in condition.fields.items()]
    parts += [Condition(filled=(name,)) for name in condition.filled]
    parts += [Condition(empty=(name,)) for name in condition.empty]
    assert condition.holds(fields) is all(part.holds(fields) for part in parts)


@steady
@given(CONDITIONS, FIELDS)
def test_what_holds_is_not_contradicted(condition: Condition, fields: Fields) -> None:
    assert not (condition.holds(fields) and condition.contradicted(fields))


@steady
@given(st.dictionaries(st.sampled_from(NAMES), st.just(("A",)), min_size=1), FIELDS)
def test_a_field_that_nobody_filled_in_contradicts_no_value(
    wanted: dict[str, tuple[str, ...]], fields: Fields
) -> None:
    asked = Condition(wanted)
    missing = {name: value for name, value in fields.items() if name not in wanted}
    assert not asked.contradicted(missing)
    assert asked.contradicted({**missing, "one": "else"}) is ("one" in wanted)


@steady
@given(CONDITIONS, CHANGES)
def test_the_spans_are_the_instants_at_which_it_held(
    condition: Condition, changes: list[tuple[int, str, FieldValue]]
) -> None:
    timeline = Timeline.of([*made(), *told(changes)])
    spans = while_holding(timeline, condition)
    for hour in range(14):
        held = any(
            since <= at(hour) and (until is None or at(hour) < until) for since, until in spans
        )
        fields = {name: timeline.value(name, at(hour)) for name in NAMES}
        assert held is condition.holds(fields)


@steady
@given(CONDITIONS, CHANGES)
def test_the_spans_follow_one_another_with_gaps_between(
    condition: Condition, changes: list[tuple[int, str, FieldValue]]
) -> None:
    spans = while_holding(Timeline.of([*made(), *told(changes)]), condition)
    ends = [instant for span in spans for instant in span]
    known = [instant for instant in ends if instant is not None]
    assert known == sorted(set(known))
    assert None not in ends[:-1]


def test_a_condition_without_parts_holds_from_the_creation_on() -> None:
    assert while_holding(Timeline.of(made()), ALWAYS) == [(NINE, None)]


def test_of_an_issue_whose_creation_is_unknown_nothing_held() -> None:
    assert while_holding(Timeline.of([change(at(1), "one", None, "a")]), ALWAYS) == []


def told(changes: list[tuple[int, str, FieldValue]]) -> list[Event]:
    """The changes as a changelog tells them: in order, each from the value before."""
    known: dict[str, FieldValue] = {}
    events: list[Event] = []
    ordered = sorted(changes, key=lambda each: each[0])
    for number, (hour, name, value) in enumerate(ordered):
        events.append(Changed(at(hour), str(number), name, known.get(name), value))
        known[name] = value
    return events


def test_a_copied_timeline_takes_no_condition_for_another() -> None:
    # A copy may keep what was found for a condition that is gone, under the place of another now.
    timeline, done, todo = Timeline.of(made()), Condition({"status": ("Done",)}), TO_DO
    timeline.held[id(todo)] = (done, while_holding(timeline, done))
    assert while_holding(timeline, todo) == [(NINE, None)]
    assert while_holding(timeline, todo) is while_holding(timeline, todo)
