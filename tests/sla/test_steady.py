"""What is noted of an issue's fields is what its history tells of them, or nothing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sla.steady import noted, read
from sla.timeline import Changed, Event, FieldValue, Seen, Timeline
from tests.sla.example import CUSTOMER, at, made, reply

NAMES = ("project", "issuetype", "priority", "labels", "customfield_10001", "customfield_10002")
VALUES: st.SearchStrategy[FieldValue] = st.sampled_from([None, "", "a", "b", (), ("a", "b")])
HOURS = st.integers(0, 9)
SIGHTINGS: st.SearchStrategy[Event] = st.builds(
    lambda hour, fields, n: Seen(at(hour), fields, str(n)),
    HOURS,
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    st.integers(),
)
CHANGES: st.SearchStrategy[Event] = st.builds(
    lambda hour, n, name, was, becomes: Changed(at(hour), str(n), name, was, becomes),
    HOURS,
    st.integers(),
    st.sampled_from(NAMES),
    VALUES,
    VALUES,
)


@settings(derandomize=True, deadline=None, max_examples=500)
@given(st.lists(st.one_of(SIGHTINGS, SIGHTINGS, CHANGES), max_size=6))
def test_what_is_noted_held_at_all_times(told: list[Event]) -> None:
    timeline = Timeline.of([*made(customfield_10001="x"), *told, reply(at(1))])
    facts = timeline.events
    note = read(noted(facts))
    assert note
    for name in NAMES:
        shown = {
            each.fields[name] for each in facts if isinstance(each, Seen) and name in each.fields
        }
        was_changed = any(isinstance(each, Changed) and each.field == name for each in facts)
        known = note.at_all_times([name])
        if len(shown) > 1 or was_changed:
            assert known is None
        else:
            assert known == (*shown, None)[:1]
            assert [value for _, value in timeline.values(name)] == [*shown]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # Prose, and people, who may be forgotten.
        ("summary", "Help"),
        ("reporter", CUSTOMER.id),
        # Nothing is chosen by so many characters, be they of one value or of several.
        ("customfield_10001", "x" * 101),
        ("labels", ("x" * 60, "y" * 60)),
        # A rule may know a field by a name that Jira has for it, or by this.
        ("Support plan", "Enterprise"),
    ],
)
def test_of_some_fields_nothing_is_noted(name: str, value: FieldValue) -> None:
    note = read(noted([*made(), Seen(at(1), {name: value}, "later")]))
    assert note
    assert note.at_all_times([name]) is None
    assert note.at_all_times(["project", "priority"]) == ("ACME", "Highest")


def test_a_note_stays_short() -> None:
    fields: dict[str, FieldValue] = {f"customfield_{n}": "x" * 90 for n in range(50)}
    assert noted([Seen(at(0), dict([*fields.items()][:5]), "few")])
    assert noted([Seen(at(0), fields, "many")]) is None


def test_a_note_tells_with_which_changes_it_was_written() -> None:
    change = Changed(at(1), "7", "priority", "Highest", "Low")
    note = read(noted([*made(), change]))
    assert note
    assert note.knows_of(["priority", "status"])
    assert not note.knows_of(["priority", "issuetype"])


@pytest.mark.parametrize("text", [None, "", "no note", "[]", '[{"project":1},[]]'])
def test_what_cannot_be_read_is_no_note(text: str | None) -> None:
    assert read(text) is None
