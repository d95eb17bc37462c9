"""Payloads in, facts out: what each form of webhook says, and what it may not say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.history import events_of
from connector.translate import Translation, translate
from sla.timeline import (
    Account,
    Changed,
    CommentDeleted,
    CommentSeen,
    Created,
    Deleted,
    FieldValue,
    Linked,
    Seen,
    Timeline,
)

ADA = {"accountId": "712020:ada", "displayName": "Ada", "accountType": "atlassian"}
CARL = {"accountId": "qm:carl", "displayName": "Carl", "accountType": "customer"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def issue(**fields: Any) -> dict[str, Any]:
    return {"id": "10001", "key": "DEMO-1", "fields": fields}


def read(event: str, /, **payload: Any) -> Translation:
    return translate(json.dumps({"webhookEvent": event, **payload}).encode())


def updated(**fields: Any) -> dict[str, Any]:
    return issue(updated="2026-11-20T10:00:00.000+0000", **fields)


def shown(**fields: Any) -> dict[str, FieldValue]:
    """What one payload makes known of an issue's fields."""
    (seen,) = read("jira:issue_updated", issue=updated(**fields)).events
    assert isinstance(seen, Seen)
    return {name: value for name, value in seen.fields.items() if name != "key"}


def change(**item: Any) -> list[tuple[str, FieldValue, FieldValue]]:
    """What one item of a changelog says."""
    found = read(
        "jira:issue_updated", issue=updated(), changelog={"id": "77", "items": [item]}
    ).events
    return [(e.field, e.before, e.after) for e in found if isinstance(e, Changed)]


def document(*paragraphs: str) -> dict[str, Any]:
    texts = [{"type": "paragraph", "content": [{"type": "text", "text": p}]} for p in paragraphs]
    return {"type": "doc", "version": 1, "content": texts}


def comment(**parts: Any) -> dict[str, Any]:
    return {
        "id": "31",
        "self": "https://jira.example/rest/api/2/issue/10001/comment/31",
        "author": ADA,
        "created": "2026-11-20T10:00:00.000+0000",
        "body": "A *plain* text",
        "properties": [],
    } | parts


def comments_in(translation: Translation) -> list[CommentSeen]:
    return [event for event in translation.events if isinstance(event, CommentSeen)]


class TestCreation:
    def test_a_new_issue_is_complete(self) -> None:
        made = read(
            "jira:issue_created",
            timestamp=1_800_000_000_000,
            issue=issue(
                created="2026-11-20T15:30:00.000+0530",
                updated="2026-11-20T15:30:02.000+0530",
                reporter=CARL,
                project={"key": "DEMO", "projectTypeKey": "software"},
                priority={"name": "High"},
            ),
        )
        at = utc("2026-11-20T10:00:00Z")
        fields = {"key": "DEMO-1", "reporter": "qm:carl", "project": "DEMO", "priority": "High"}
        assert made == Translation(
            "10001",
            "DEMO-1",
            "jira:issue_created",
            (Created(at), Seen(at, fields, "jira:issue_created")),
            complete=True,
        )

    def test_its_first_values_are_no_changes(self) -> None:
        first = {"field": "Статус", "fieldId": "status", "from": None, "toString": "Open"}
        made = read(
            "jira:issue_created",
            issue=issue(created="2026-11-20T10:00:00.000+0000", status={"name": "Open"}),
            changelog={"id": "1", "items": [first]},
        )
        assert [type(event) for event in made.events] == [Created, Seen]

    def test_an_update_shows_the_creation_but_not_what_came_between(self) -> None:
        found = read(
            "jira:issue_updated", issue=updated(created="2026-11-20T09:00:00Z", reporter=CARL)
        )
        assert found.events[0] == Created(utc("2026-11-20T09:00:00Z"))
        assert not found.complete


class TestInstants:
    @pytest.mark.parametrize(
        "text",
        [
            "2026-11-20T15:30:00.250+0530",
            "2026-11-20T02:00:00.250-0800",
            "2026-11-20T10:00:00.250+00:00",
            "2026-11-20T10:00:00.250Z",
        ],
    )
    def test_every_offset_is_the_same_instant(self, text: str) -> None:
        (seen,) = read("jira:issue_updated", issue=issue(updated=text)).events
        assert seen.at == utc("2026-11-20T10:00:00.250Z")

    @pytest.mark.parametrize("timestamp", [1_795_168_800_250, "1795168800250"])
    def test_milliseconds_as_number_or_text(self, timestamp: object) -> None:
        (seen,) = read("jira:issue_updated", issue=issue(), timestamp=timestamp).events
        assert seen.at == utc("2026-11-20T10:00:00.250Z")

    @pytest.mark.parametrize(
        "nonsense",
        ["2026-11-20T10:00:00", "2019-2-27 13:30:21,620", "9" * 400, 1e300, True, -5, 10**16, "²"],
    )
    def test_what_is_no_instant_is_not_taken_for_one(self, nonsense: object) -> None:
        found = read("jira:issue_updated", issue=issue(updated=nonsense), timestamp=nonsense)
        assert (found.events, found.unclear, found.issue_id) == ((), True, "10001")

    def test_a_payload_made_late_does_not_make_the_change_late(self) -> None:
        found = read(
            "jira:issue_updated",
            timestamp=1_795_168_790_000,
            issue=updated(status={"name": "Done"}),
            changelog={"id": "5", "items": [{"field": "status", "toString": "Done"}]},
        )
        assert [event.at for event in found.events] == [
            utc("2026-11-20T09:59:50Z"),
            utc("2026-11-20T10:00:00Z"),
        ]


class TestFields:
    def test_system_fields_by_key_name_and_account(self) -> None:
        assert shown(
            project={"id": "1", "key": "DEMO", "name": "Demonstration"},
            issuetype={"id": "2", "name": "Bug"},
            status={"name": "Open"},
            priority="Minor",
            resolution=None,
            assignee=None,
            reporter=CARL,
            creator={"key": "JIRAUSER10100", "name": "ada", "displayName": "Ada"},
            labels=["a", "b"],
        ) == {
            "project": "DEMO",
            "issuetype": "Bug",
            "status": "Open",
            "priority": "Minor",
            "resolution": None,
            "assignee": None,
            "reporter": "qm:carl",
            "creator": "JIRAUSER10100",
            "labels": ("a", "b"),
        }

    def test_an_update_does_not_repeat_the_prose(self) -> None:
        assert shown(summary="x", description="y", environment="z", duedate="2026-11-20") == {}

    def test_of_a_long_custom_text_the_beginning_is_kept(self) -> None:
        assert shown(customfield_1="p" * 256, customfield_2=["q" * 300]) == {
            "customfield_1": "p" * 255,
            "customfield_2": ("q" * 255,),
        }

    @pytest.mark.parametrize(
        ("text", "kept"),
        [
            ("h1. Down\n\nSince *noon*", "h1. Down\n\nSince *noon*"),
            (document("Down", "Since noon"), "Down\nSince noon"),
            ("p" * 40_000, "p" * 32_767),
            ("", None),
            (None, None),
            (7, None),
        ],
    )
    def test_at_its_creation_an_issue_shows_its_prose(self, text: object, kept: str | None) -> None:
        fields = {"created": "2026-11-20T10:00:00Z", "summary": text, "description": text}
        made = read("jira:issue_created", issue=issue(**fields), changelog={"id": "1", "items": []})
        (seen,) = (event for event in made.events if isinstance(event, Seen))
        assert seen.fields == {"key": "DEMO-1", "summary": kept, "description": kept}

    def test_and_so_does_its_history(self) -> None:
        fields = {"updated": "2026-11-20T10:00:00Z", "summary": "Down"}
        (seen,) = events_of(issue(**fields), [], [])
        assert isinstance(seen, Seen)
        assert seen.fields == {"key": "DEMO-1", "summary": "Down"}

    @pytest.mark.parametrize(
        ("value", "kept"),
        [
            ("Gold", "Gold"),
            (2.0, "2"),
            (2.5, "2.5"),
            (True, "true"),
            (None, None),
            ([], None),
            ("", None),
            ({"type": "doc", "content": []}, None),
            ({"id": "10", "value": "Gold"}, "Gold"),
            ([{"value": "A"}, {"value": "B"}], ("A", "B")),
            (["one", "two"], ("one", "two")),
            (ADA, "712020:ada"),
            ({"name": "1.0", "id": "7"}, "1.0"),
            ("2026-11-20T15:30:00.000+0530", "2026-11-20T10:00:00+00:00"),
        ],
    )
    def test_custom_fields_as_text(self, value: object, kept: FieldValue) -> None:
        assert shown(customfield_10010=value) == {"customfield_10010": kept}

    @pytest.mark.parametrize(
        "value", [{"type": "panel", "content": []}, {"progress": 1}, [{"x": 1}], 1e300, [[1]]]
    )
    def test_custom_fields_that_hold_no_value_are_left_out(self, value: object) -> None:
        assert shown(customfield_10010=value) == {}

    def test_ignored_fields_by_id_and_by_name(self) -> None:
        payload = {
            "webhookEvent": "jira:issue_updated",
            "issue": updated(customfield_1="met", customfield_2="Gold"),
            "changelog": {
                "id": "9",
                "items": [
                    {"field": "SLA state", "fieldtype": "custom", "toString": "met"},
                    {"field": "X", "fieldId": "customfield_1", "toString": "met"},
                    {"field": "Plan", "fieldtype": "custom", "toString": "Gold"},
                ],
            },
        }
        ignored = frozenset({"customfield_1", "SLA state"})
        found = translate(json.dumps(payload).encode(), ignored_fields=ignored).events
        assert [event.field for event in found if isinstance(event, Changed)] == ["Plan"]
        (seen,) = (event for event in found if isinstance(event, Seen))
        assert seen.fields == {"key": "DEMO-1", "customfield_2": "Gold"}


class TestChanges:
    @pytest.mark.parametrize(
        ("item", "known"),
        [
            (
                {"field": "État", "fieldId": "status", "from": "1", "fromString": "Open",
                 "to": "2", "toString": "Done"},
                ("status", "Open", "Done"),
            ),
            (
                {"field": "assignee", "from": "ada", "fromString": "Ada", "to": None},
                ("assignee", "ada", None),
            ),
            (
                {"field": "reporter", "from": None, "to": "login", "toString": "Ada",
                 "tmpFromAccountId": None, "tmpToAccountId": "712020:ada"},
                ("reporter", None, "712020:ada"),
            ),
            (
                {"field": "labels", "fromString": "", "toString": "a b"},
                ("labels", (), ("a", "b")),
            ),
            (
                {"field": "Plan", "fieldId": "customfield_1", "fieldtype": "custom",
                 "from": "10100", "fromString": "Gold", "to": "10101", "toString": "Silver"},
                ("customfield_1", "Gold", "Silver"),
            ),
            (
                {"field": "Story Points", "fieldtype": "custom", "from": None, "fromString": "2",
                 "to": None, "toString": "1"},
                ("Story Points", "2", "1"),
            ),
            (
                {"field": "Owner", "fieldtype": "custom", "from": None, "fromString": None,
                 "to": "JIRAUSER10100", "toString": "Ada Agent"},
                ("Owner", None, "JIRAUSER10100"),
            ),
            (
                {"field": "Start", "fieldtype": "custom", "from": "2018-03-30",
                 "fromString": "30/Mar/18", "to": "2018-03-19", "toString": "19/Mar/18"},
                ("Start", "2018-03-30", "2018-03-19"),
            ),
            (
                {"field": "Areas", "fieldId": "customfield_2", "from": "[1]", "fromString": "A",
                 "to": "[1, 2]", "toString": "A, B"},
                ("customfield_2", ("A",), ("A", "B")),
            ),
        ],
    )  # fmt: skip
    def test_values_read_as_a_sighting_shows_them(
        self, item: dict[str, Any], known: tuple[str, FieldValue, FieldValue]
    ) -> None:
        assert change(**item) == [known]

    @pytest.mark.parametrize("field", ["summary", "description"])
    def test_prose_as_written(self, field: str) -> None:
        item = {"fieldtype": "jira", "fromString": None, "toString": "*new* " + "x" * 40_000}
        assert change(field=field, **item) == [(field, None, "*new* " + "x" * 32_761)]
        assert change(field="Тема", fieldId=field, fromString="old", toString="") == [
            (field, "old", None)
        ]
        assert change(field=field, fieldtype="custom", toString="x") == []

    def test_a_long_custom_text_is_cut_as_in_a_sighting(self) -> None:
        item = {"fieldId": "customfield_1", "fromString": None, "toString": "p" * 256}
        assert change(field="Notes", fieldtype="custom", **item) == [
            ("customfield_1", None, "p" * 255)
        ]

    @pytest.mark.parametrize("field", ["environment", "Comment", "Workflow", "duedate", "Link"])
    def test_inner_matters_are_not_kept(self, field: str) -> None:
        assert change(field=field, fieldtype="jira", fromString="old", toString="new") == []

    def test_a_custom_field_is_never_taken_for_the_system_field_of_its_name(self) -> None:
        assert change(field="Status", fieldtype="custom", toString="x") == []
        assert change(
            field="Status", fieldId="customfield_7", fieldtype="custom", toString="x"
        ) == [("customfield_7", None, "x")]

    def test_a_move_gives_the_projects_by_their_keys(self) -> None:
        assert change(field="project", fieldId="project", toString="Internal") == []
        assert change(field="Key", fromString="TCP-2", toString="INDEV-130") == [
            ("key", "TCP-2", "INDEV-130"),
            ("project", "TCP", "INDEV"),
        ]


class TestComments:
    @pytest.mark.parametrize(
        ("parts", "public"),
        [
            ({}, True),
            ({"jsdPublic": True}, True),
            ({"jsdPublic": False}, False),
            ({"visibility": {"type": "role", "value": "Administrators"}}, False),
            (
                {"properties": [{"key": "sd.public.comment", "value": {"internal": True}}]},
                False,
            ),
            (
                {"properties": [{"key": "sd.public.comment", "value": {"internal": False}}]},
                True,
            ),
        ],
    )
    def test_public_or_not(self, parts: dict[str, Any], public: bool) -> None:
        (seen,) = comments_in(read("comment_created", comment=comment(**parts)))
        assert seen.public is public

    @pytest.mark.parametrize(
        ("author", "account"),
        [
            (ADA, Account("712020:ada")),
            (CARL, Account("qm:carl", "customer")),
            (ADA | {"accountType": "app"}, Account("712020:ada", "app")),
            ({"key": "JIRAUSER1", "name": "ada"}, Account("JIRAUSER1")),
            ({"name": "ada"}, Account("ada")),
            ({"displayName": "Former user"}, None),
            (None, None),
        ],
    )
    def test_authors(self, author: object, account: Account | None) -> None:
        (seen,) = comments_in(read("comment_created", comment=comment(author=author)))
        assert seen.author == account

    @pytest.mark.parametrize(
        ("body", "text"),
        [
            ("A *plain* text\n\n[~accountid:1]", "A *plain* text\n\n[~accountid:1]"),
            (document("One", "Two"), "One\nTwo"),
            ("x" * 40_000, "x" * 32_767),
            (None, ""),
            ({"html": "x"}, ""),
        ],
    )
    def test_their_words(self, body: object, text: str) -> None:
        (seen,) = comments_in(read("comment_created", comment=comment(body=body)))
        assert seen.text == text

    def test_half_a_character_from_rest_can_be_stored(self) -> None:
        (seen,) = events_of(issue(), [], [comment(body="cut \ud83d", properties=[])])
        assert isinstance(seen, CommentSeen)
        assert seen.text == "cut \N{REPLACEMENT CHARACTER}"

    def test_data_center_reports_one_comment_twice(self) -> None:
        slim = read("comment_created", comment=comment())
        full = read(
            "jira:issue_updated",
            issue_event_type_name="issue_commented",
            issue=updated(),
            comment=comment(),
        )
        assert slim.issue_id == full.issue_id == "10001"
        assert comments_in(slim) == comments_in(full)

    def test_an_edit_is_another_version(self) -> None:
        first = read("comment_created", comment=comment(jsdPublic=False))
        later = read("comment_updated", comment=comment(updated="2026-11-20T11:00:00Z"))
        (known,) = Timeline.of([*first.events, *later.events]).comments
        assert known.at == utc("2026-11-20T10:00:00Z")
        assert known.public_from == utc("2026-11-20T11:00:00Z")

    def test_deleted(self) -> None:
        gone = read("comment_deleted", timestamp=1_795_168_800_000, comment=comment())
        assert gone.events == (CommentDeleted(utc("2026-11-20T10:00:00Z"), "31"),)

    def test_deleted_on_data_center_before_its_own_event(self) -> None:
        gone = read(
            "jira:issue_updated",
            timestamp=1_795_168_800_000,
            issue_event_type_name="issue_comment_deleted",
            issue=updated(),
            comment=comment(),
        )
        assert CommentDeleted(utc("2026-11-20T10:00:00Z"), "31") in gone.events
        assert not comments_in(gone)

    @pytest.mark.parametrize(
        ("kind", "parts", "unclear"),
        [
            ("service_desk", {}, True),
            (None, {}, True),
            ("software", {}, False),
            ("service_desk", {"jsdPublic": True}, False),
            ("service_desk", {"visibility": {"value": "Staff"}}, False),
            ("service_desk", {"properties": []}, False),
        ],
    )
    def test_data_center_may_keep_quiet_that_it_is_internal(
        self, kind: str | None, parts: dict[str, Any], unclear: bool
    ) -> None:
        project = {"key": "DEMO", "projectTypeKey": kind}
        said = {name: value for name, value in comment().items() if name != "properties"} | parts
        found = read("jira:issue_updated", issue=updated(project=project), comment=said)
        assert found.unclear is unclear
        # What is unclear is not taken for a fact; Jira tells.
        assert bool(comments_in(found)) is not unclear
        assert bool(found.unmarked) is unclear

    def test_a_mark_is_not_enough_where_more_is_left_out(self) -> None:
        said = {name: value for name, value in comment().items() if name != "properties"}
        changelog = {"items": [{"field": "status", "toString": "Done"}]}
        found = read("jira:issue_updated", issue=updated(), comment=said, changelog=changelog)
        assert (found.unclear, found.unmarked) == (True, ())

    def test_without_its_issue_a_comment_does_not_show_whether_it_is_internal(self) -> None:
        said = {name: value for name, value in comment().items() if name != "properties"}
        slim = read("comment_created", comment=said)
        assert (slim.unclear, slim.events, slim.not_understood) == (True, (), None)


class TestLinks:
    AT = 1_795_168_800_000
    LINK: ClassVar[dict[str, Any]] = {
        "id": 22768, "sourceIssueId": 10001, "destinationIssueId": 10002, "systemLink": False,
        "issueLinkType": {"id": 10000, "name": "Blocks", "isSubTaskLinkType": False},
    }  # fmt: skip

    def test_a_new_link_concerns_both_its_issues(self) -> None:
        at = utc("2026-11-20T10:00:00Z")
        assert read("issuelink_created", timestamp=self.AT, issueLink=self.LINK) == Translation(
            "10001",
            None,
            "issuelink_created",
            (Linked(at, "22768", "10002"),),
            also={"10002": (Linked(at, "22768", "10001"),)},
        )

    @pytest.mark.parametrize(
        ("parts", "reason"),
        [
            ({"issueLink": None}, "lacks the id of an issue"),
            ({"issueLink": LINK | {"destinationIssueId": None}}, "lacks the id of an issue"),
            ({"issueLink": LINK | {"sourceIssueId": "DEMO-1"}}, "lacks the id of an issue"),
        ],
    )
    def test_one_that_says_too_little(self, parts: dict[str, Any], reason: str) -> None:
        found = read("issuelink_created", **{"timestamp": self.AT, "issueLink": self.LINK} | parts)
        assert reason in (found.not_understood or "")
        assert (found.events, found.also) == ((), {})

    @pytest.mark.parametrize(
        "parts", [{"timestamp": "2018-12-18 11:57:24,746"}, {"issueLink": LINK | {"id": None}}]
    )
    def test_one_that_is_no_fact_has_both_its_issues_looked_at(self, parts: dict[str, Any]) -> None:
        found = read("issuelink_created", **{"timestamp": self.AT, "issueLink": self.LINK} | parts)
        assert found == Translation(
            "10001", None, "issuelink_created", unclear=True, also={"10002": ()}
        )

    @pytest.mark.parametrize(
        "parts", [{"systemLink": True}, {"issueLinkType": {"isSubTaskLinkType": True}}]
    )
    def test_a_sub_task_is_not_linked(self, parts: dict[str, Any]) -> None:
        found = read("issuelink_created", timestamp=self.AT, issueLink=self.LINK | parts)
        assert found == Translation(None, None, "issuelink_created")

    def test_an_issue_shows_its_links(self) -> None:
        shown = [
            {"id": "1", "inwardIssue": {"id": "10002", "key": "DEMO-2"}},
            {"id": "2", "outwardIssue": {"id": 10003}},
            {"id": "3"},
            {"outwardIssue": {"id": "10004"}},
            None,
        ]
        at = utc("2026-11-20T10:00:00Z")
        links = {Linked(at, "1", "10002"), Linked(at, "2", "10003")}
        heard = read("jira:issue_updated", issue=updated(issuelinks=shown)).events
        assert {event for event in heard if isinstance(event, Linked)} == links
        known = events_of(updated(issuelinks=shown), [], [])
        assert {event for event in known if isinstance(event, Linked)} == links

    def test_a_link_is_one_fact_however_heard(self) -> None:
        first = read("issuelink_created", timestamp=self.AT - 5000, issueLink=self.LINK)
        shown = [{"id": "22768", "outwardIssue": {"id": "10002"}}]
        later = read("jira:issue_updated", issue=updated(issuelinks=shown))
        timeline = Timeline.of([*later.events, *first.events])
        assert timeline.references == ((utc("2026-11-20T09:59:55Z"), "10002"),)


class TestOtherEvents:
    def test_a_deleted_issue(self) -> None:
        gone = read("jira:issue_deleted", timestamp=1_795_168_800_000, issue=issue())
        assert gone.events[-1] == Deleted(utc("2026-11-20T10:00:00Z"))

    @pytest.mark.parametrize(
        "event",
        ["worklog_created", "issuelink_deleted", "attachment_created", "jira:version_released"],
    )
    def test_irrelevant_ones_are_understood_to_say_nothing(self, event: str) -> None:
        assert read(event) == Translation(None, None, event)

    def test_an_unknown_event_with_facts_is_used(self) -> None:
        found = read("jira:issue_archived", issue=updated(status={"name": "Done"}))
        assert [type(event) for event in found.events] == [Seen]

    @pytest.mark.parametrize(
        ("body", "reason"),
        [
            (b"", "not JSON"),
            (b"{", "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b"[" * 100_000, "too deeply"),
            (b"[]", "not a JSON object"),
            (b"{}", "names no issue"),
            (b'{"webhookEvent":"jira:issue_created","issue":{"key":"DEMO-1"}}', "names no issue"),
            (b'{"webhookEvent":"comment_created","comment":{"id":"1"}}', "names no issue"),
            (b'{"eventType":"avi:jira:updated:issue"}', "names no issue"),
        ],
    )
    def test_what_cannot_be_understood_says_why(self, body: bytes, reason: str) -> None:
        found = translate(body)
        assert reason in (found.not_understood or "")
        assert found.events == ()


PLAIN = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(["2026-11-20T10:00:00.000+0000", "1", "Done"])
)
JSON = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)

FULL = {
    "timestamp": 1_795_168_800_000,
    "webhookEvent": "jira:issue_updated",
    "issue_event_type_name": "issue_commented",
    "user": ADA,
    "issue": {
        "id": "10001",
        "key": "DEMO-1",
        "fields": {
            "created": "2026-11-20T09:00:00.000+0000",
            "updated": "2026-11-20T10:00:00.000+0000",
            "project": {"key": "DEMO"},
            "status": {"name": "Open"},
            "reporter": CARL,
            "labels": ["a"],
            "customfield_1": [{"value": "A"}],
            "customfield_2": 2.5,
            "description": document("Down"),
            "issuelinks": [{"id": "1", "inwardIssue": {"id": "2"}}],
        },
    },
    "changelog": {
        "id": "77",
        "items": [{"field": "status", "fieldId": "status", "fromString": "A", "toString": "B"}],
    },
    "issueLink": TestLinks.LINK,
    "comment": comment(properties=[{"key": "sd.public.comment", "value": {"internal": True}}]),
}


def _paths(value: object, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = dict(enumerate(value)) if isinstance(value, list) else value
    for name, part in inner.items() if isinstance(inner, dict) else ():
        yield (*above, name)
        yield from _paths(part, (*above, name))


@given(
    event=st.sampled_from(
        ["jira:issue_created", "comment_created", "comment_deleted", "issuelink_created", "x", 7]
    ),
    path=st.sampled_from(list(_paths(FULL))),
    value=JSON,
)
def test_a_payload_with_anything_in_any_place_is_read_or_refused(
    event: object, path: tuple[Any, ...], value: object
) -> None:
    payload = json.loads(json.dumps(FULL)) | {"webhookEvent": event}
    place = payload
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    found = translate(json.dumps(payload).encode())
    system = found.event == "issuelink_created" and found.issue_id is None
    assert found.events or found.unclear or found.not_understood or system
    timeline = Timeline.of(found.events)
    for name in timeline.field_names:
        timeline.values(name)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    assert translate(body).not_understood
