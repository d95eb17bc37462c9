"""A timeline is a function of the set of facts: order, doubling and delay change nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.timeline import (
    Account,
    Changed,
    CommentDeleted,
    CommentSeen,
    Created,
    Deleted,
    Event,
    FieldValue,
    Linked,
    Seen,
    Timeline,
)

T0 = datetime(2024, 7, 10, 12, 0, tzinfo=UTC)
AGENT = Account("agent")


def at(minutes: int) -> datetime:
    return T0 + timedelta(minutes=minutes)


STORY: list[Event] = [
    Created(at(0)),
    Seen(at(0), {"priority": "Low", "status": "To Do", "project": "BIT"}, "jira:issue_created"),
    Changed(at(5), "100", "priority", "Low", "High"),
    Changed(at(5), "101", "status", "To Do", "In Progress"),
    Seen(at(5), {"priority": "High", "status": "In Progress"}, "jira:issue_updated"),
    CommentSeen(at(7), "1", at(7), AGENT, public=False),
    CommentSeen(at(7), "1", at(9), AGENT, public=True),
    CommentSeen(at(8), "2", at(8), AGENT, public=True),
    CommentDeleted(at(10), "2"),
    Changed(at(11), "102", "priority", "High", "Highest"),
    Deleted(at(20)),
]


@settings(derandomize=True, deadline=None, max_examples=100)
@given(st.permutations(STORY), st.lists(st.sampled_from(STORY), max_size=4))
def test_order_and_doubling_change_nothing(story: list[Event], doubled: list[Event]) -> None:
    assert Timeline.of([*story, *doubled]) == Timeline.of(STORY)


def test_of_two_reports_of_one_fact_the_earlier_instant_holds() -> None:
    by_webhook = Changed(at(6), "100", "priority", "Low", "High")
    by_history = Changed(at(5), "100", "priority", "Low", "High")
    for order in ([by_webhook, by_history], [by_history, by_webhook]):
        assert Timeline.of(order).events == (by_history,)


def test_a_field_has_the_value_of_its_latest_change() -> None:
    timeline = Timeline.of(STORY)
    assert [timeline.value("priority", at(m)) for m in (0, 4, 5, 10, 11, 99)] == [
        "Low", "Low", "High", "High", "Highest", "Highest",
    ]  # fmt: skip


def test_without_the_creation_a_change_tells_what_was_before() -> None:
    timeline = Timeline.of([Changed(at(5), "100", "priority", "Low", "High")])
    assert timeline.value("priority", at(0)) == "Low"
    assert timeline.created_at is None


def test_a_sighting_reveals_a_change_that_was_never_heard_of() -> None:
    later = Seen(at(30), {"priority": "Medium"}, "comment_created")
    timeline = Timeline.of([STORY[0], STORY[1], later])
    assert timeline.value("priority", at(29)) == "Low"
    assert timeline.value("priority", at(30)) == "Medium"


def test_a_comment_is_public_from_the_version_that_was() -> None:
    first, second = Timeline.of(STORY).comments
    assert (first.at, first.public_from) == (at(7), at(9))
    assert (second.at, second.public_from) == (at(8), at(8))


def test_a_comment_heard_of_by_its_edit_alone_counts_from_its_beginning() -> None:
    (comment,) = Timeline.of([CommentSeen(at(7), "1", at(9), AGENT, public=True)]).comments
    assert comment.public_from == at(7)


def test_changelog_entries_of_one_instant_follow_their_numbers() -> None:
    timeline = Timeline.of(
        [
            Changed(at(5), "100", "priority", "High", "Low"),
            Changed(at(5), "99", "priority", "Low", "High"),
        ]
    )
    assert timeline.value("priority", at(5)) == "Low"


def test_what_changes_within_the_instant_of_the_creation_has_changed() -> None:
    timeline = Timeline.of(
        [
            *STORY[:2],
            Changed(at(0), "99", "priority", "Low", "High"),
            Seen(at(0), {"priority": "High"}, "jira:issue_updated/99"),
            Changed(at(0), "100", "priority", "High", "Highest"),
            Seen(at(0), {"priority": "Highest"}, "jira:issue_updated/100"),
        ]
    )
    assert timeline.value("priority", at(0)) == "Highest"


def test_a_snapshot_from_within_the_instant_of_a_change_does_not_undo_it() -> None:
    change = Changed(at(5), "100", "status", "To Do", "Waiting")
    for shown, expected in [("To Do", "Waiting"), ("Waiting", "Waiting"), ("Done", "Done")]:
        snapshot = Seen(at(5), {"status": shown}, "history")
        timeline = Timeline.of([Created(at(0)), snapshot, change])
        assert timeline.value("status", at(6)) == expected


def test_an_issue_refers_to_those_it_is_linked_to_and_those_its_words_name() -> None:
    words = {"key": "ACME-2", "summary": "ACME-2: see ACME-1", "description": "and BIT-12, not A-0"}
    timeline = Timeline.of([
        Created(at(0)),
        Seen(at(0), words, "jira:issue_created"),
        Linked(at(3), "7", "10009"),
        Changed(at(4), "100", "description", "and BIT-12, not A-0", None),
    ])  # fmt: skip
    assert timeline.references == ((at(0), "ACME-1"), (at(0), "BIT-12"), (at(3), "10009"))


NAMES, VALUES = ("priority", "status"), ("a", "b", None)
TOLD = st.one_of(
    st.builds(
        lambda minute, number, name, before, after: Changed(
            at(minute), str(number), name, before, after
        ),
        st.integers(0, 4), st.integers(1, 9), st.sampled_from(NAMES),
        st.sampled_from(VALUES), st.sampled_from(VALUES),
    ),
    st.builds(
        lambda minute, fields, source: Seen(at(minute), fields, source),
        st.integers(0, 4),
        st.dictionaries(st.sampled_from(NAMES), st.sampled_from(VALUES)),
        st.sampled_from(["jira:issue_created", "jira:issue_updated"]),
    ),
)  # fmt: skip


def told(events: tuple[Event, ...]) -> dict[str, list[tuple[datetime, FieldValue]]]:
    """What each field was, by going through all that is told, one fact after the other."""
    fields: dict[str, list[tuple[datetime, FieldValue]]] = {}
    for place, event in enumerate(events):
        if isinstance(event, Changed):
            values = fields.setdefault(event.field, [(event.at, event.before)])
            if values[-1][1] != event.after:
                values.append((event.at, event.after))
        elif isinstance(event, Seen):
            for name, shown in event.fields.items():
                values = fields.setdefault(name, [(event.at, shown)])
                within = [
                    each
                    for each in events[:place]
                    if isinstance(each, Changed) and (each.at, each.field) == (event.at, name)
                ]
                taken_before = bool(within) and within[-1].before == shown
                if values[-1][1] != shown and not taken_before:
                    values.append((event.at, shown))
    return fields


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.lists(TOLD, max_size=8), st.integers(0, 5))
def test_what_is_asked_of_one_field_is_what_all_facts_together_tell(
    story: list[Event], minute: int
) -> None:
    timeline = Timeline.of(story)
    expected = told(timeline.events)
    assert timeline.field_names == frozenset(expected)
    for name in NAMES:
        values = expected.get(name, [])
        begun = [value for when, value in values if when <= at(minute)]
        latest = begun[-1] if begun else values[0][1] if values else None
        assert timeline.value(name, at(minute)) == latest
        assert timeline.values(name) == values
    changes = {when for values in expected.values() for when, _ in values[1:]}
    later = sorted(when for when in changes if when > at(minute))
    assert timeline.changes(NAMES, at(minute)) == [at(minute), *later]
