"""What real Jiras sent, of every version: understood, looked up, or set aside with a reason."""

from __future__ import annotations

import copy
import csv
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector import facts
from connector.facts import PROSE
from connector.subject import subject_of
from connector.translate import IRRELEVANT, Translation, translate
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

CAPTURES = Path(__file__).parents[3] / "shared" / "jira" / "webhooks"
needs_captures = pytest.mark.skipif(not CAPTURES.is_dir(), reason="no ../shared/jira/webhooks")
pytestmark = [pytest.mark.shared, needs_captures]


@cache
def rows() -> tuple[dict[str, str], ...]:
    if not CAPTURES.is_dir():
        return ()
    with (CAPTURES / "INDEX.tsv").open(encoding="utf-8", newline="") as index:
        return tuple(csv.DictReader(index, delimiter="\t"))


@cache
def body(file: str) -> bytes:
    return (CAPTURES / file).read_bytes()


def read(file: str) -> Translation:
    return translate(body(file))


def of_kind(found: Translation, kind: type[Event]) -> list[Any]:
    return [event for event in found.events if isinstance(event, kind)]


def class_of(found: Translation) -> str:
    """What becomes of a delivery, in one word, or the reason why nothing does."""
    if found.not_understood:
        return found.not_understood
    if found.unclear:
        return "looked up"
    return "understood" if found.events else "says nothing"


# --- what becomes of each -------------------------------------------------------------------------

LOOKED_UP = {
    # Comments of Data Center without a word on whether they are internal.
    "BrotherWarrior+jira-to-matrix/5.json",
    "BrotherWarrior+jira-to-matrix/comment-create-1.json",
    "BrotherWarrior+jira-to-matrix/comment-create-2.json",
    "PieterCK+zulip/comment_created_no_issue_details.json",
    "PieterCK+zulip/comment_edited_v2.json",
    "PieterCK+zulip/commented_markup_v1.json",
    "PieterCK+zulip/commented_markup_v2.json",
    "PieterCK+zulip/commented_v1.json",
    "PieterCK+zulip/commented_v2.json",
    "PieterCK+zulip/commented_v2_with_two_full_links.json",
    "agramian+jira-slack/updated.json",
    "malavsky+jira-slack/issue_commented.json",
    "malavsky+jira-slack/issue_updated_with_comment.json",
    "mobitel-ltd+jira-to-matrix/commented.json",
    "mobitel-ltd+jira-to-matrix/created.json",
    "padewitte-talend+jira-to-slack/webhook_comment_created.json",
    "padewitte-talend+jira-to-slack/webhook_comment_updated.json",
    "padewitte-talend+jira-to-slack/webhook_doc_jira.json",
    # A comment is spoken of, and is not there, or under an event of no known name.
    "BrotherWarrior+jira-to-matrix/comment-create-3.json",
    "PieterCK+zulip/unknown_v1.json",
    "PieterCK+zulip/unknown_v2.json",
    "discourse+discourse-jira/issues_controller_spec.1.json",
    "mobitel-ltd+jira-to-matrix/commented-changed.json",
    # An issue is named, and nothing of it is shown.
    "BrotherWarrior+jira-to-matrix/redis-data-handle.test.1.json",
    "BrotherWarrior+jira-to-matrix/redis-data-handle.test.2.json",
    # The instant was lost on its way through somebody's log.
    "mobitel-ltd+jira-to-matrix/created-4.json",
    "mobitel-ltd+jira-to-matrix/created_relates.json",
    "mobitel-ltd+jira-to-matrix/deleted.json",
    # Changes in the documentation's examples that stand where no Jira puts them.
    "padewitte-talend+jira-to-slack/webhook_comment_deleted.json",
}
SET_ASIDE = {"PieterCK+zulip/example_anomalous_payload.json": "It names no issue by its id."}


def expected(row: dict[str, str]) -> str:
    file = row["file"]
    if file in SET_ASIDE:
        return SET_ASIDE[file]
    if file in LOOKED_UP:
        return "looked up"
    return "says nothing" if row["webhookEvent"].startswith(IRRELEVANT) else "understood"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_each_capture_has_its_class(row: dict[str, str]) -> None:
    assert class_of(read(row["file"])) == expected(row)


def test_the_classes_in_numbers() -> None:
    found = Counter(class_of(read(row["file"])) for row in rows())
    assert len(rows()) == 137
    assert found == {
        "understood": 83,
        "looked up": 29,
        "says nothing": 24,
        "It names no issue by its id.": 1,
    }


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_its_issue_is_told_before_it_is_read(row: dict[str, str]) -> None:
    found = read(row["file"])
    if class_of(found) in ("understood", "looked up"):
        assert subject_of(body(row["file"])) == found.issue_id


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_only_a_creation_is_complete(row: dict[str, str]) -> None:
    found = read(row["file"])
    made = row["webhookEvent"] == "jira:issue_created" and class_of(found) == "understood"
    # The examples of the documentation show no reporter.
    assert found.complete is (made and row["realism"] == "capture")


# --- which event ---------------------------------------------------------------------------------

KINDS: dict[str, set[type[Event]]] = {
    "jira:issue_created": {Created, Seen},
    "jira:issue_updated": {Created, Seen, Changed, CommentSeen, Linked},
    "jira:issue_deleted": {Created, Seen, Deleted},
    "comment_created": {Seen, CommentSeen},
    "comment_updated": {Seen, CommentSeen},
    "comment_deleted": {Seen, CommentDeleted},
    "issuelink_created": {Linked},
}
NEEDED: dict[str, type[Event]] = {
    "jira:issue_created": Created,
    "jira:issue_updated": Seen,
    "jira:issue_deleted": Deleted,
    "comment_created": CommentSeen,
    "comment_updated": CommentSeen,
    "comment_deleted": CommentDeleted,
    "issuelink_created": Linked,
}


@pytest.mark.parametrize(
    "row",
    [
        row
        for row in rows()
        if row["webhookEvent"] in KINDS
        and row["realism"] == "capture"
        and expected(row) == "understood"
    ],
    ids=lambda row: row["file"],
)
def test_each_event_becomes_its_kinds_of_facts(row: dict[str, str]) -> None:
    kinds = {type(event) for event in read(row["file"]).events}
    assert kinds <= KINDS[row["webhookEvent"]]
    assert NEEDED[row["webhookEvent"]] in kinds


@pytest.mark.parametrize(
    ("file", "event", "kinds"),
    [
        # Jira 5 and 6 name no kind of update.
        ("PieterCK+zulip/reassigned_v1.json", "jira:issue_updated", {Created, Changed, Seen}),
        ("malavsky+jira-slack/issue_updated.json", "jira:issue_updated", {Created, Changed, Seen}),
        # The same update with its kind's name, and without.
        ("PieterCK+zulip/updated_priority_v1.json", "jira:issue_updated", {Created, Changed, Seen}),
        ("PieterCK+zulip/updated_priority_v2.json", "jira:issue_updated", {Created, Changed, Seen}),
        # A comment that is gone from Data Center comes as an update that does not name it.
        ("PieterCK+zulip/comment_deleted_v2.json", "jira:issue_updated", {Created, Seen}),
        ("luisfernandezbr+jira/jira_issue_deleted.json", "jira:issue_deleted",
         {Created, Seen, Deleted}),
        # Before that it named no event at all: a step of a workflow had the issue posted.
        ("PieterCK+zulip/change_status_v1.json", "", {Created, Seen}),
        ("luisfernandezbr+jira/sprint_updated.json", "sprint_updated", set()),
        ("luisfernandezbr+jira/issuelink_deleted.json", "issuelink_deleted", set()),
    ],
)  # fmt: skip
def test_which_event(file: str, event: str, kinds: set[type[Event]]) -> None:
    found = read(file)
    assert (found.event, {type(each) for each in found.events}) == (event, kinds)


# --- which actor ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "author"),
    [
        # With account ids alone, since 2019; with names and keys beside them; and without.
        ("luisfernandezbr+jira/comment_created.json", "accountId"),
        ("PieterCK+zulip/comment_created.json", "accountId"),
        ("BrotherWarrior+jira-to-matrix/comment-create-2.json", "key"),
        ("PieterCK+zulip/commented_v1.json", "name"),
    ],
)
def test_the_actor_of_a_comment_is_known_by_jira_s_own_id(file: str, author: str) -> None:
    said = json.loads(body(file))["comment"]["author"]
    expected_id = said[author]
    version = facts.comment(json.loads(body(file))["comment"])
    assert version
    assert version.author == Account(expected_id)
    assert "@" not in expected_id


@pytest.mark.parametrize(
    "author",
    [
        None,
        {},
        {"displayName": "Former user"},
        {"accountId": "unknown", "displayName": "Former user"},
        {"accountId": "5b10", "accountType": "unknown"},
        {"self": "https://acme.atlassian.net/rest/api/2/user?accountId=5b10"},
        {"accountId": None, "key": "", "name": None},
        {"accountId": "5b10\x00"},
        "ada",
    ],
)
def test_a_deleted_user_is_nobody(author: Any) -> None:
    payload = json.loads(body("luisfernandezbr+jira/comment_created.json"))
    payload["comment"]["author"] = author
    (version,) = of_kind(translate(json.dumps(payload).encode()), CommentSeen)
    assert version.author is None


def test_a_deleted_reporter_of_an_issue_is_nobody() -> None:
    payload = json.loads(body("luisfernandezbr+jira/jira_issue_created.json"))
    payload["issue"]["fields"]["reporter"] = None
    payload["issue"]["fields"]["creator"] = {"displayName": "Former user"}
    (seen,) = of_kind(translate(json.dumps(payload).encode()), Seen)
    assert seen.fields["reporter"] is None
    assert "creator" not in seen.fields


# --- which comment -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "issue_id", "shown"),
    [
        # Data Center, without its issue: known by the comment's own address.
        ("BrotherWarrior+jira-to-matrix/comment-create-1.json", "26313", 0),
        ("mobitel-ltd+jira-to-matrix/created.json", None, 0),
        ("PieterCK+zulip/comment_created_no_issue_details.json", None, 0),
        # Cloud, with a slim issue: enough.
        ("PieterCK+zulip/comment_created.json", None, 1),
        ("dangersvn+thingbook-jira-integration/comment_created.js.json", None, 1),
        ("padewitte-talend+jira-to-slack/cloud-commentAdd.json", None, 1),
        ("luisfernandezbr+jira/comment_updated.json", None, 1),
    ],
)
def test_a_comment_without_or_with_its_issue(file: str, issue_id: str | None, shown: int) -> None:
    found = read(file)
    payload = json.loads(body(file))
    address = re.search(r"/issue/(\d+)/", payload["comment"]["self"])
    named = payload.get("issue", {}).get("id") or (address and address[1])
    assert found.issue_id == named
    assert len(of_kind(found, CommentSeen)) == shown
    assert found.unclear is not bool(shown)


def test_a_comment_that_comes_doubled_as_an_update_is_one() -> None:
    payload = json.loads(body("mobitel-ltd+jira-to-matrix/commented.json"))
    payload["comment"]["jsdPublic"] = True
    doubled = translate(json.dumps(payload).encode())
    alone = {"webhookEvent": "comment_created", "comment": payload["comment"]}
    single = translate(json.dumps(alone).encode())
    assert doubled.issue_id == single.issue_id
    timeline = Timeline.of([*doubled.events, *single.events])
    assert len(timeline.comments) == 1


def test_an_edit_keeps_the_comment_s_beginning() -> None:
    file = "luisfernandezbr+jira/comment_updated.json"
    said = json.loads(body(file))["comment"]
    (version,) = of_kind(read(file), CommentSeen)
    assert version.at == facts.instant(said["created"])
    assert version.version_at == facts.instant(said["updated"])
    assert version.at < version.version_at


# --- which change --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("file", "field", "values"),
    [
        ("mobitel-ltd+jira-to-matrix/move-issue.json", "project", ["TCP", "INDEV"]),
        ("mobitel-ltd+jira-to-matrix/move-issue.json", "key", ["TCP-2", "INDEV-130"]),
        ("mobitel-ltd+jira-to-matrix/generic.json", "project", ["RN", "BBCOM"]),
        ("padewitte-talend+jira-to-slack/cloud-projectmove.json", "issuetype", ["Bug", "Task"]),
        ("luisfernandezbr+jira/jira_issue_updated.tags.json", "labels", [(), ("signal",)]),
        ("PieterCK+zulip/updated_priority_v1.json", "priority", ["Critical", "Major"]),
        ("PieterCK+zulip/updated_priority_v2.json", "priority", ["Critical", "Major"]),
    ],
)
def test_which_change(file: str, field: str, values: list[FieldValue]) -> None:
    timeline = Timeline.of(read(file).events)
    assert [value for _, value in timeline.values(field)] == values


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
def test_each_change_has_jira_s_own_id(row: dict[str, str]) -> None:
    changes = of_kind(read(row["file"]), Changed)
    if changes:
        number = json.loads(body(row["file"]))["changelog"]["id"]
        assert {change.change_id for change in changes} == {str(number)}


# --- when ----------------------------------------------------------------------------------------


def test_timestamps_come_as_text_too() -> None:
    texts = [row for row in rows() if "timestamp-is-str" in row["oddities"]]
    assert len(texts) > 10
    for row in texts:
        # In the log of one team the milliseconds became a date in no form of Jira's; the issue's
        # own instants still hold.
        found = read(row["file"])
        assert found.events or found.unclear or found.event.startswith(IRRELEVANT)


def test_offsets_of_every_form_are_captured_and_read() -> None:
    forms = Counter[str]()
    for row in rows():
        for text in _texts(json.loads(body(row["file"]))):
            if re.match(r"\d{4}-\d\d-\d\dT", text):
                assert facts.instant(text), text
                forms[text[-5:]] += 1
    assert {"+0000", "+0530", "-0800"} <= forms.keys()
    assert len(forms) > 5


# --- captures that are not here ------------------------------------------------------------------

VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30)
    | st.sampled_from(["", "0", "2026-11-20T10:00:00.000+0000", "1795168800000", "\x00", "\u2028"])
    | st.lists(st.none() | st.integers() | st.text(max_size=5), max_size=3)
    | st.dictionaries(
        st.sampled_from(["id", "key", "name", "self"]), st.text(max_size=9), max_size=3
    )
)
DROP = object()


def _texts(value: Any) -> Iterator[str]:
    for part in _parts(value):
        if isinstance(part, str):
            yield part


def _parts(value: Any) -> Iterator[Any]:
    """Each value in a document, however deep."""
    waiting = [value]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, dict | list):
            waiting += part.values() if isinstance(part, dict) else part


def _places(value: Any) -> list[tuple[Any, Any]]:
    """Each member and element, as what holds it and its name or number there."""
    return [
        (part, name)
        for part in _parts(value)
        if isinstance(part, dict | list)
        for name in (part if isinstance(part, dict) else range(len(part)))
    ]


@st.composite
def mutants(draw: st.DrawFn) -> bytes:
    """A capture with up to three of its members dropped or replaced, now and then cut short."""
    raw = body(draw(st.sampled_from([row["file"] for row in rows()])))
    payload = copy.deepcopy(json.loads(raw))
    for _ in range(draw(st.integers(1, 3))):
        # Mostly near the top, where most of the meaning is.
        places = _places(payload)[: draw(st.sampled_from([12, 60, 5000]))]
        if not places:
            break
        holder, name = draw(st.sampled_from(places))
        value = draw(st.just(DROP) | VALUES)
        if value is DROP:
            del holder[name]
        else:
            holder[name] = value
    changed = json.dumps(payload, ensure_ascii=draw(st.booleans())).encode()
    return (
        changed[: draw(st.integers(0, len(changed)))] if draw(st.integers(0, 9)) == 0 else changed
    )


@settings(derandomize=True, deadline=None, max_examples=600)
@given(mutants())
def test_a_capture_with_anything_wrong_is_read_or_set_aside_and_nothing_is_invented(
    changed: bytes,
) -> None:
    found = translate(changed)
    subject_of(changed)
    is_system = found.event == "issuelink_created" and found.issue_id is None
    nothing_to_say = found.event.startswith(IRRELEVANT) or is_system
    assert found.events or found.unclear or found.not_understood or nothing_to_say
    if found.not_understood:
        assert (found.events, found.unclear) == ((), False)
        assert found.not_understood.endswith(".")
        return
    said = list(_parts(json.loads(changed)))
    instants = {facts.instant(part) for part in said if isinstance(part, str | int | float)}
    words = {str(part) for part in said if isinstance(part, str | int)}
    for event in [*found.events, *(each for also in found.also.values() for each in also)]:
        assert _instants(event) <= instants
        assert _accounts(event) <= words
    timeline = Timeline.of(found.events)
    for name in timeline.field_names:
        timeline.values(name)


def _instants(event: Event) -> set[datetime | None]:
    return {event.at, event.version_at} if isinstance(event, CommentSeen) else {event.at}


def _accounts(event: Event) -> set[str]:
    if isinstance(event, CommentSeen):
        return {event.author.id} if event.author else set()
    if isinstance(event, Seen):
        people = (event.fields.get(name) for name in facts.PEOPLE)
        return {person for person in people if isinstance(person, str)}
    if isinstance(event, Changed) and event.field in facts.PEOPLE:
        return {each for each in (event.before, event.after) if isinstance(each, str)}
    return set()


def _texts_under(value: object, names: frozenset[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in names and isinstance(inner, str):
                yield inner
            yield from _texts_under(inner, names)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts_under(inner, names)


def without_words(event: Event) -> Event:
    """A fact without what people wrote, in which they may well name each other."""
    if isinstance(event, CommentSeen):
        return replace(event, text="")
    if isinstance(event, Changed) and event.field in PROSE:
        return replace(event, before=None, after=None)
    if isinstance(event, Seen):
        return replace(event, fields={k: v for k, v in event.fields.items() if k not in PROSE})
    return event


class TestCaptures:
    @pytest.mark.parametrize("row", rows(), ids=lambda row: row["file"])
    def test_no_names_are_kept(self, row: dict[str, str]) -> None:
        raw = body(row["file"])
        kept = repr([without_words(event) for event in translate(raw).events])
        forbidden = frozenset({"emailAddress", "summary", "body", "description", "displayName"})
        logins = set(_texts_under(json.loads(raw), frozenset({"name", "key", "to", "from"})))
        for text in _texts_under(json.loads(raw), forbidden):
            # One team keeps a name in an option of a custom field: that is the option's own text.
            if len(text) > 8 and text not in {*logins, "Jonh White"}:
                assert text not in kept

    @pytest.mark.parametrize(
        ("file", "field", "values"),
        [
            ("mobitel-ltd+jira-to-matrix/move-issue.json", "project", ["TCP", "INDEV"]),
            ("mobitel-ltd+jira-to-matrix/move-issue.json", "key", ["TCP-2", "INDEV-130"]),
            ("mobitel-ltd+jira-to-matrix/move-issue.json", "status", ["Backlog", "To Do"]),
            ("mobitel-ltd+jira-to-matrix/generic.json", "project", ["RN", "BBCOM"]),
            ("padewitte-talend+jira-to-slack/cloud-projectmove.json", "issuetype", ["Bug", "Task"]),
            ("luisfernandezbr+jira/jira_issue_updated.tags.json", "labels", [(), ("signal",)]),
            (
                "luisfernandezbr+jira/jira_issue_updated.assignee.json",
                "assignee",
                [None, "557058:8b6b268b-17b3-407b-8974-bed4042fa709"],
            ),
            ("PieterCK+zulip/updated_priority_v2.json", "priority", ["Critical", "Major"]),
            (
                "PieterCK+zulip/created_v2.json",
                "summary",
                ["New bug with hook"],
            ),
        ],
    )
    def test_what_a_capture_says(self, file: str, field: str, values: list[FieldValue]) -> None:
        timeline = Timeline.of(translate(body(file)).events)
        assert [value for _, value in timeline.values(field)] == values

    def test_a_captured_link_is_understood_on_both_sides(self) -> None:
        raw = body("luisfernandezbr+jira/issuelink_created.json")
        found = translate(raw)
        assert found.issue_id == "20192"
        assert [type(event) for event in found.events] == [Linked]
        assert list(found.also) == ["20734"]
