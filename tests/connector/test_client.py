"""Each call as it goes over the wire: method, path, query, body, for both flavours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from responses import matchers

from connector.base import Transition
from connector.client import ApiToken, Field, Flavour, JiraClient, Webhook, connect, to_jira_value
from connector.errors import JiraRefused, JiraUncertain, NotPermitted
from sla.timeline import CommentSeen, Linked, Seen

SITE = "https://jira.example"
FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")
TEXTS = f"{SITE}/rest/api/2"
"""Where both flavours give texts as their webhooks do."""
API = {"cloud": f"{SITE}/rest/api/3", "datacenter": f"{SITE}/rest/api/2"}
TYPES = "com.atlassian.jira.plugin.system.customfieldtypes"
ME = {"cloud": {"accountId": "712020:me"}, "datacenter": {"key": "JIRAUSER1", "name": "dueline"}}


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    found: Flavour = request.param
    return found


@pytest.fixture
def client(flavour: Flavour) -> JiraClient:
    return connect(SITE, ApiToken("me@example.com", "token"), flavour=flavour)


def made(flavour: Flavour) -> JiraClient:
    return connect(SITE, ApiToken("me@example.com", "token"), flavour=flavour)


def sent(jira: responses.RequestsMock, index: int = -1) -> tuple[str, dict[str, list[str]], Any]:
    """Of one call the method with the path, the query and the body."""
    request = jira.calls[index].request
    parts = urlsplit(request.url or "")
    body = json.loads(request.body) if request.body else None
    return f"{request.method} {parts.path}", parse_qs(parts.query), body


class TestEditing:
    def test_one_put_that_notifies_nobody(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.put(f"{API[flavour]}/issue/10001", status=204)
        client.edit_fields("10001", {"customfield_1": "met", "customfield_2": None})
        _, query, body = sent(jira)
        assert query == {"notifyUsers": ["false"]}
        assert body == {"fields": {"customfield_1": "met", "customfield_2": None}}

    def test_a_refused_silence_is_done_without_once(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        sentence = "To discard the user notification either admin or project admin is required."
        jira.put(f"{API[flavour]}/issue/A-1", status=403, json={"errorMessages": [sentence]})
        jira.put(f"{API[flavour]}/issue/A-1", status=204)
        client.edit_fields("A-1", {"customfield_1": "met"})
        assert sent(jira)[1:] == ({}, {"fields": {"customfield_1": "met"}})

    @pytest.mark.parametrize("status", [400, 403, 404])
    def test_any_other_refusal_is_one(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, status: int
    ) -> None:
        message = {"errors": {"customfield_1": "Field 'customfield_1' cannot be set."}}
        jira.put(f"{API[flavour]}/issue/A-1", status=status, json=message)
        with pytest.raises(JiraRefused, match="writing fields of A-1"):
            client.edit_fields("A-1", {"customfield_1": "met"})
        assert len(jira.calls) == 1

    def test_a_strange_key_stays_one_segment_of_the_address(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.put(f"{API[flavour]}/issue/..%2F..%2Fx%3Fy", status=204)
        client.edit_fields("../../x?y", {})
        assert sent(jira)[0].endswith("/issue/..%2F..%2Fx%3Fy")


class TestValues:
    @pytest.mark.parametrize(
        ("kind", "value", "wanted"),
        [
            ("datetime", datetime(2026, 9, 23, 0, 18, 35, 652_999, UTC),
             "2026-09-23T00:18:35.652+0000"),
            ("datetime", datetime(2026, 9, 23, 5, 48, tzinfo=timezone(timedelta(minutes=330))),
             "2026-09-23T00:18:00.000+0000"),
            ("datetime", "2026-09-23T00:18:35+00:00", "2026-09-23T00:18:35.000+0000"),
            ("float", 2, 2.0),
            ("textfield", "met", "met"),
            ("textfield", "x" * 256, "x" * 254 + "…"),
            ("select", "Gold", {"value": "Gold"}),
            ("float", None, None),
            ("datetime", None, None),
        ],
    )  # fmt: skip
    def test_as_jira_wants_them(self, kind: str, value: object, wanted: object) -> None:
        assert to_jira_value(Field("customfield_1", "F", custom=True, type=kind), value) == wanted

    @pytest.mark.parametrize("value", ["tomorrow", datetime(2026, 9, 23), 5.5])  # noqa: DTZ001
    def test_an_instant_needs_its_offset(self, value: object) -> None:
        if value == 5.5:
            value = object()
        with pytest.raises(ValueError, match="no instant with an offset"):
            to_jira_value(Field("customfield_1", "F", custom=True, type="datetime"), value)


class TestComments:
    def test_written_with_its_key(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.post(f"{API[flavour]}/issue/A-1/comment", status=201, json={"id": "77"})
        assert client.add_comment("A-1", "*Hi*", key="k/1", internal=False, role=None) == "77"
        body = sent(jira)[2]
        assert body["properties"] == [{"key": "dueline", "value": {"key": "k/1"}}]
        assert "visibility" not in body
        if flavour == "datacenter":
            assert body["body"] == "_Hi_"
        else:
            assert body["body"]["content"][0]["content"][0]["marks"] == [{"type": "em"}]

    def test_internal_and_for_a_role(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.post(f"{API[flavour]}/issue/A-1/comment", status=201, json={"id": "77"})
        client.add_comment("A-1", "x", key="k", internal=True, role="Administrators")
        body = sent(jira)[2]
        assert {"key": "sd.public.comment", "value": {"internal": True}} in body["properties"]
        assert body["visibility"] == {"type": "role", "value": "Administrators"}

    @pytest.mark.parametrize("role", [None, "Administrators"])
    def test_edited_by_one_put_that_says_again_who_may_read_it(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, role: str | None
    ) -> None:
        jira.put(f"{API[flavour]}/issue/A-1/comment/77", json={"id": "77"})
        client.edit_comment("A-1", "77", "*Bye*", internal=role is not None, role=role)
        _, asked, body = sent(jira)
        assert asked == ({"notifyUsers": ["false"]} if flavour == "cloud" else {})
        words = body.pop("body")
        assert words == "_Bye_" if flavour == "datacenter" else words["type"] == "doc"
        restricted = {
            "visibility": {"type": "role", "value": "Administrators"},
            "properties": [{"key": "sd.public.comment", "value": {"internal": True}}],
        }
        assert body == (restricted if role else {})

    def test_an_edit_is_not_silent_where_jira_refuses_that(
        self, jira: responses.RequestsMock
    ) -> None:
        path = f"{API['cloud']}/issue/A-1/comment/77"
        refusal = {"errorMessages": ["To discard the user notification admin is required."]}
        jira.put(path, status=403, json=refusal)
        jira.put(path, json={"id": "77"})
        made("cloud").edit_comment("A-1", "77", "Bye", internal=False, role=None)
        assert sent(jira)[1] == {}

    @pytest.mark.parametrize(("status", "error"), [(404, JiraRefused), (502, JiraUncertain)])
    def test_an_edit_may_come_to_nothing(
        self,
        jira: responses.RequestsMock,
        client: JiraClient,
        flavour: Flavour,
        status: int,
        error: type[Exception],
    ) -> None:
        jira.put(f"{API[flavour]}/issue/A-1/comment/77", status=status, json={})
        with pytest.raises(error, match="editing a comment of A-1"):
            client.edit_comment("A-1", "77", "Bye", internal=False, role=None)
        assert len(jira.calls) == 1

    def test_data_center_mentions_by_user_name(self, jira: responses.RequestsMock) -> None:
        api = API["datacenter"]
        jira.get(f"{api}/user", json={"name": "ada"}, match=[query(key="JIRAUSER5")])
        jira.get(f"{api}/user", status=404, json={}, match=[query(key="bob")])
        jira.post(f"{api}/issue/A-1/comment", status=201, json={"id": "77"})
        text = "[@a](mention:JIRAUSER5) [@b](mention:bob)"
        made("datacenter").add_comment("A-1", text, key="k", internal=False, role=None)
        assert sent(jira)[2]["body"] == "[~ada] [~bob]"

    def test_found_again_among_our_own_newest_first(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        api, me = API[flavour], ME[flavour]
        other = {"accountId": "712020:ada", "key": "JIRAUSER5"}
        comments = [
            {"id": "5", "author": other, "properties": [{"key": "dueline", "value": {"key": "k"}}]},
            {"id": "4", "author": None},
            {"id": "3", "author": me, "properties": []},
            {"id": "2", "author": me},
            {"id": "1", "author": me},
        ]
        page = {"startAt": 0, "maxResults": 100, "total": 5, "comments": comments}
        jira.get(f"{api}/myself", json=me)
        jira.get(f"{TEXTS}/issue/A-1/comment", json=page)
        jira.get(f"{api}/comment/2/properties/dueline", status=404, json={})
        value = {"key": "dueline", "value": {"key": "k"}}
        jira.get(f"{api}/comment/1/properties/dueline", json=value)
        assert client.find_comment("A-1", "k") == "1"
        assert sent(jira, 1)[1]["orderBy"] == ["-created"]

    def test_not_found(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.get(f"{API[flavour]}/myself", json=ME[flavour])
        jira.get(f"{TEXTS}/issue/A-1/comment", json={"total": 0, "comments": []})
        assert client.find_comment("A-1", "k") is None

    def test_whether_a_property_is_there_must_be_known(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        page = {"total": 1, "comments": [{"id": "1", "author": ME[flavour]}]}
        jira.get(f"{API[flavour]}/myself", json=ME[flavour])
        jira.get(f"{TEXTS}/issue/A-1/comment", json=page)
        jira.get(f"{API[flavour]}/comment/1/properties/dueline", status=403, json={})
        with pytest.raises(JiraRefused):
            client.find_comment("A-1", "k")


class TestAssigning:
    def test_cloud_by_account_id(self, jira: responses.RequestsMock) -> None:
        jira.put(f"{API['cloud']}/issue/A-1/assignee", status=204)
        made("cloud").assign("A-1", "712020:ada")
        assert sent(jira)[1:] == ({}, {"accountId": "712020:ada"})

    @pytest.mark.parametrize(("status", "name"), [(200, "ada"), (404, "JIRAUSER5")])
    def test_data_center_by_user_name(
        self, jira: responses.RequestsMock, status: int, name: str
    ) -> None:
        api = API["datacenter"]
        found = {"key": "JIRAUSER5", "name": "ada"} if status == 200 else {}
        jira.get(f"{api}/user", status=status, json=found, match=[query(key="JIRAUSER5")])
        jira.put(f"{api}/issue/A-1/assignee", status=204)
        made("datacenter").assign("A-1", "JIRAUSER5")
        assert sent(jira)[1:] == ({}, {"name": name})

    @pytest.mark.parametrize(("status", "error"), [(403, JiraRefused), (500, JiraUncertain)])
    def test_it_may_come_to_nothing(
        self, jira: responses.RequestsMock, status: int, error: type[Exception]
    ) -> None:
        jira.put(f"{API['cloud']}/issue/A-1/assignee", status=status, json={})
        with pytest.raises(error, match="assigning of A-1"):
            made("cloud").assign("A-1", "712020:ada")


class TestReading:
    def test_who_and_what(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.get(f"{API[flavour]}/myself", json=ME[flavour])
        found = {"version": "10.3.4", "baseUrl": SITE, "deploymentType": "Data Center"}
        jira.get(f"{API[flavour]}/serverInfo", json=found)
        assert client.myself() == client.myself()
        assert client.myself() == ("712020:me" if flavour == "cloud" else "JIRAUSER1")
        info = client.server_info()
        assert (info.flavour, info.version, info.major, info.base_url) == (
            "datacenter", "10.3.4", 10, SITE,
        )  # fmt: skip
        assert client.server_info() is info

    def test_fields(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.get(
            f"{API[flavour]}/field",
            json=[
                {"id": "summary", "name": "Summary", "custom": False, "schema": {"type": "string"}},
                {"id": "customfield_1", "name": "Due", "custom": True,
                 "schema": {"type": "datetime", "custom": f"{TYPES}:datetime"}},
                {"id": "thumbnail", "name": "Images", "custom": False},
            ],
        )  # fmt: skip
        assert client.fields() == (
            Field("summary", "Summary", custom=False, type="string"),
            Field("customfield_1", "Due", custom=True, type="datetime"),
            Field("thumbnail", "Images", custom=False, type=""),
        )

    def test_members_of_a_group_page_by_page(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        path = f"{API[flavour]}/group/member"
        jira.get(path, json={"values": [ME[flavour]], "isLast": False}, match=[start_at(0)])
        jira.get(path, json={"values": [{"name": "bob"}], "isLast": True}, match=[start_at(1)])
        assert client.group_members("support")[1] == "bob"
        assert sent(jira)[1]["groupname"] == ["support"]
        assert sent(jira)[1]["includeInactiveUsers"] == ["false"]

    def test_a_history_reads_as_webhooks_do(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        issue = {
            "id": "10001", "key": "A-1",
            "fields": {
                "created": "2026-11-20T09:00:00Z", "updated": "2026-11-20T10:00:00Z",
                "summary": "Down", "description": "It is *down*.",
                "issuelinks": [{"id": "9", "inwardIssue": {"id": "10002", "key": "A-2"}}],
            },
            "changelog": {"histories": [HISTORY]},
        }  # fmt: skip
        jira.get(f"{TEXTS}/issue/A-1", json=issue)
        if flavour == "cloud":
            page = {"values": [HISTORY], "isLast": True}
            jira.get(f"{API[flavour]}/issue/10001/changelog", json=page)
        said = {"id": "5", "created": "2026-11-20T09:10:00Z", "body": "*Hi*", "properties": []}
        jira.get(f"{TEXTS}/issue/10001/comment", json={"comments": [said], "total": 1})
        history = client.read_history("A-1")
        assert (history.issue_id, history.issue_key) == ("10001", "A-1")
        assert [event.identity for event in history.events][:2] == ["created", "change:7:status"]
        at = datetime(2026, 11, 20, 10, tzinfo=UTC)
        shown = {"key": "A-1", "summary": "Down", "description": "It is *down*."}
        assert Seen(at, shown, "history") in history.events
        assert Linked(at, "9", "10002") in history.events
        assert [event.text for event in history.events if isinstance(event, CommentSeen)] == [
            "*Hi*"
        ]
        asked = sent(jira, 0)[1]["fields"][0].split(",")
        assert not {"-description", "-issuelinks"} & set(asked)

    @pytest.mark.parametrize(
        ("kind", "marks"),
        [("software", {}), ("service_desk", {"jsdPublic": True}), (None, {"properties": []})],
    )
    def test_an_issue_that_shows_all_of_its_past_is_read_by_one_call(
        self,
        jira: responses.RequestsMock,
        client: JiraClient,
        kind: str | None,
        marks: dict[str, Any],
    ) -> None:
        said = {"id": "5", "created": "2026-11-20T09:10:00Z", "body": "*Hi*", **marks}
        fields = {
            "updated": "2026-11-20T10:00:00Z",
            "project": {"key": "A", "projectTypeKey": kind},
            "comment": {"comments": [said], "total": 1},
        }
        changelog = {"histories": [HISTORY], "total": 1}
        issue = {"id": "10001", "key": "A-1", "fields": fields, "changelog": changelog}
        jira.get(f"{TEXTS}/issue/A-1", json=issue)
        events = client.read_history("A-1").events
        assert [event.identity for event in events if not isinstance(event, Seen)] == [
            "change:7:status", "comment:5:2026-11-20T09:10:00+00:00",
        ]  # fmt: skip
        assert len(jira.calls) == 1

    @pytest.mark.parametrize(
        "shown",
        [
            None,
            {"comments": [], "total": 2},
            {"comments": [{"id": "5", "created": "2026-11-20T09:10:00Z"}]},
            # In a service project it may be internal.
            {"comments": [{"id": "5", "created": "2026-11-20T09:10:00Z"}], "total": 1},
            {"comments": None, "total": 0},
        ],
    )
    def test_comments_that_an_issue_does_not_show_in_full_are_asked_for(
        self, jira: responses.RequestsMock, client: JiraClient, shown: Any
    ) -> None:
        project = {"key": "A", "projectTypeKey": "service_desk"}
        fields = {"updated": "2026-11-20T10:00:00Z", "project": project, "comment": shown}
        changelog = {"histories": [], "total": 0}
        issue = {"id": "10001", "key": "A-1", "fields": fields, "changelog": changelog}
        jira.get(f"{TEXTS}/issue/A-1", json=issue)
        usual: dict[str, Any] = {"created": "2026-11-20T09:10:00Z", "properties": []}
        said = [{**usual, "id": number} for number in ("5", "6")]
        jira.get(f"{TEXTS}/issue/10001/comment", json={"comments": said, "total": 2})
        events = client.read_history("A-1").events
        known = [event.comment_id for event in events if isinstance(event, CommentSeen)]
        assert known == ["5", "6"]

    @pytest.mark.parametrize(
        ("kind", "public"), [("service_desk", [False, True]), ("software", [True, True])]
    )
    def test_data_center_says_only_when_asked_that_a_comment_is_internal(
        self, jira: responses.RequestsMock, kind: str, public: list[bool]
    ) -> None:
        api = API["datacenter"]
        fields = {
            "project": {"key": "A", "projectTypeKey": kind},
            "updated": "2026-11-20T10:00:00Z",
        }
        jira.get(f"{api}/issue/A-1", json={"id": "10001", "key": "A-1", "fields": fields})
        comments = [{"id": str(n), "created": "2026-11-20T10:00:00Z"} for n in (1, 2)]
        jira.get(f"{api}/issue/10001/comment", json={"comments": comments, "total": 2})
        if kind == "service_desk":
            found = {"key": "sd.public.comment", "value": {"internal": True}}
            jira.get(f"{api}/comment/1/properties/sd.public.comment", json=found)
            jira.get(f"{api}/comment/2/properties/sd.public.comment", status=404, json={})
        events = made("datacenter").read_history("A-1").events
        assert [event.public for event in events if hasattr(event, "public")] == public

    @pytest.mark.parametrize(
        ("answer", "internal"),
        [
            ({"json": {"value": {"internal": True}}}, True),
            ({"json": {"value": {"internal": False}}}, False),
            ({"status": 404, "json": {"errorMessages": ["No property sd.public.comment."]}}, False),
            ({"status": 404, "json": {"errorMessages": ["There is no comment 7."]}}, None),
            ({"status": 404, "json": {"message": "null for uri: /x/sd.public.comment"}}, None),
        ],
    )
    def test_of_a_comment_that_is_gone_its_mark_tells_nothing(
        self,
        jira: responses.RequestsMock,
        client: JiraClient,
        flavour: Flavour,
        answer: dict[str, Any],
        internal: bool | None,
    ) -> None:
        jira.get(f"{API[flavour]}/comment/7/properties/sd.public.comment", **answer)
        assert client.is_internal("10001", "7") is internal


class TestSettingUp:
    def test_a_field_is_made_with_its_searcher(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        answer = {
            "id": "customfield_9", "name": "Due", "custom": True,
            "schema": {"type": "datetime", "custom": f"{TYPES}:datetime"},
        }  # fmt: skip
        jira.post(f"{API[flavour]}/field", status=201, json=answer)
        field = client.create_field("Due", "datetime")
        assert field == Field("customfield_9", "Due", custom=True, type="datetime")
        assert sent(jira)[2] == {
            "name": "Due",
            "type": f"{TYPES}:datetime",
            "searcherKey": f"{TYPES}:datetimerange",
        }

    def test_cloud_shows_it_everywhere(self, jira: responses.RequestsMock) -> None:
        api = API["cloud"]
        jira.get(f"{api}/field/customfield_9/context", json={"values": [], "isLast": True})
        jira.post(f"{api}/field/customfield_9/context", status=201, json={"id": "1"})
        jira.post(f"{api}/screens/addToDefault/customfield_9", status=200, json={})
        made("cloud").show_field("customfield_9")
        assert sent(jira, 1)[2]["projectIds"] == []

    def test_cloud_leaves_alone_what_shows_already(self, jira: responses.RequestsMock) -> None:
        api = API["cloud"]
        jira.get(f"{api}/field/customfield_9/context", json={"values": [{"id": "1"}]})
        there = {"errorMessages": ["The field with id customfield_9 already exists on the screen."]}
        jira.post(f"{api}/screens/addToDefault/customfield_9", status=400, json=there)
        made("cloud").show_field("customfield_9")

    @pytest.mark.parametrize("status", [400, 404])
    @pytest.mark.parametrize("screens", [[{"id": 1}], []])
    def test_cloud_asks_where_it_shows_when_it_is_refused_in_other_words(
        self, jira: responses.RequestsMock, status: int, screens: list[Any]
    ) -> None:
        api = API["cloud"]
        jira.get(f"{api}/field/customfield_9/context", json={"values": [{"id": "1"}]})
        refused = {"errorMessages": ["Invalid field."]}
        jira.post(f"{api}/screens/addToDefault/customfield_9", status=status, json=refused)
        jira.get(f"{api}/field/customfield_9/screens", json={"values": screens})
        if screens:
            made("cloud").show_field("customfield_9")
        else:
            with pytest.raises(JiraRefused, match="Invalid field"):
                made("cloud").show_field("customfield_9")

    def test_data_center_puts_it_on_every_screen_once(self, jira: responses.RequestsMock) -> None:
        api = API["datacenter"]
        for start, screens in ((0, [{"id": 1}, {"id": 2}]), (2, [{"id": 3}]), (3, [])):
            asked = matchers.query_param_matcher({"startAt": start, "maxResults": 1000})
            jira.get(f"{api}/screens", json=screens, match=[asked])
        jira.get(f"{api}/screens/1/tabs", json=[{"id": 10}, {"id": 11}])
        jira.get(f"{api}/screens/1/tabs/10/fields", json=[{"id": "summary"}])
        jira.get(f"{api}/screens/1/tabs/11/fields", json=[{"id": "customfield_9"}])
        jira.get(f"{api}/screens/2/tabs", json=[{"id": 20}])
        jira.get(f"{api}/screens/2/tabs/20/fields", json=[])
        jira.post(f"{api}/screens/2/tabs/20/fields", json={})
        jira.get(f"{api}/screens/3/tabs", json=[])
        made("datacenter").show_field("customfield_9")


class TestWebhooks:
    EVENTS = ("jira:issue_created", "comment_created")

    def register(self, client: JiraClient) -> Webhook:
        return client.register_webhook(
            "Dueline", "https://d.example/jira", self.EVENTS, "hush", "project = A"
        )

    @pytest.mark.parametrize(("kind", "version"), [("cloud", ""), ("datacenter", "9.12.1")])
    def test_the_old_interface(
        self, jira: responses.RequestsMock, kind: Flavour, version: str
    ) -> None:
        if version:
            jira.get(f"{API[kind]}/serverInfo", json={"version": version})
        path = f"{SITE}/rest/webhooks/1.0/webhook"
        answer = {
            "name": "Dueline", "url": "https://d.example/jira", "enabled": True,
            "events": list(self.EVENTS), "self": f"{path}/5",
            "filters": {"issue-related-events-section": "project = A"},
        }  # fmt: skip
        jira.post(path, status=201, json=answer)
        jira.get(path, json=[answer])
        client = made(kind)
        webhook = self.register(client)
        assert sent(jira)[2] == {
            "name": "Dueline",
            "url": "https://d.example/jira",
            "events": list(self.EVENTS),
            "filters": {"issue-related-events-section": "project = A"},
            "excludeBody": False,
            "enabled": True,
            "secret": "hush",
        }
        assert client.webhooks() == (webhook,)
        assert (client.webhooks()[0].id, client.webhooks()[0].jql) == ("5", "project = A")
        jira.put(f"{path}/5", json={**answer, "events": ["issuelink_created"]})
        client.renew_webhook(webhook, ("issuelink_created",), "new")
        body = sent(jira)[2]
        assert (body["events"], body["secret"]) == (["issuelink_created"], "new")
        assert body["filters"] == {"issue-related-events-section": "project = A"}

    def test_data_center_since_ten(self, jira: responses.RequestsMock) -> None:
        jira.get(f"{API['datacenter']}/serverInfo", json={"version": "10.3.4"})
        path = f"{SITE}/rest/jira-webhook/1.0/webhooks"
        answer = {
            "id": 7, "name": "Dueline", "url": "https://d.example/jira", "active": True,
            "events": list(self.EVENTS), "configuration": {"FILTERS": "project = A"},
        }  # fmt: skip
        jira.post(path, status=201, json=answer)
        jira.get(path, json=[answer])
        client = made("datacenter")
        webhook = self.register(client)
        assert sent(jira)[2] == {
            "name": "Dueline",
            "url": "https://d.example/jira",
            "events": list(self.EVENTS),
            "active": True,
            "scopeType": "global",
            "configuration": {"SECRET": "hush", "EXCLUDE_BODY": "false", "FILTERS": "project = A"},
        }
        assert client.webhooks() == (webhook,)
        assert client.webhooks()[0].id == "7"
        jira.put(f"{path}/7", json={**answer, "events": ["issuelink_created"]})
        renewed = client.renew_webhook(webhook, ("issuelink_created",), "new")
        assert renewed.events == ("issuelink_created",)
        body = sent(jira)[2]
        assert (body["id"], body["events"]) == (7, ["issuelink_created"])
        assert body["configuration"] == {
            "SECRET": "new", "EXCLUDE_BODY": "false", "FILTERS": "project = A",
        }  # fmt: skip


HISTORY = {
    "id": "7",
    "created": "2026-11-20T09:30:00.000+0000",
    "items": [{"field": "status", "fieldtype": "jira", "fromString": "Open", "toString": "Done"}],
}


def query(**wanted: str) -> Any:
    return responses.matchers.query_param_matcher(wanted)


def start_at(number: int) -> Any:
    return responses.matchers.query_param_matcher({"startAt": str(number)}, strict_match=False)


class TestActing:
    def test_labels_are_added_and_nobody_is_notified(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.put(f"{API[flavour]}/issue/10001", status=204)
        client.add_labels("10001", ("late", "look"))
        _, query, body = sent(jira)
        assert query == {"notifyUsers": ["false"]}
        assert body == {"update": {"labels": [{"add": "late"}, {"add": "look"}]}}

    def test_labels_are_added_aloud_where_jira_insists(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        refusal = {"errorMessages": ["To discard the user notification admin is required."]}
        jira.put(f"{API[flavour]}/issue/10001", status=403, json=refusal)
        jira.put(f"{API[flavour]}/issue/10001", status=204)
        client.add_labels("10001", ("late",))
        assert [sent(jira, index)[1] for index in (0, 1)] == [{"notifyUsers": ["false"]}, {}]

    def test_transitions_are_read_with_the_status_that_they_leave(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        issue = f"{API[flavour]}/issue/10001"
        jira.get(issue, json={"id": "10001", "fields": {"status": {"name": "To Do"}}})
        escalate = {"id": "31", "name": "Escalate", "to": {"name": "Escalated", "id": "5"}}
        jira.get(f"{issue}/transitions", json={"transitions": [escalate, {"id": "41"}, None]})
        status, (first, second, third) = client.transitions("10001")
        assert (status, first) == ("To Do", Transition("31", "Escalate", "Escalated"))
        assert (second, third) == (Transition("41", "", ""), Transition("", "", ""))

    def test_an_issue_is_moved(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour
    ) -> None:
        jira.post(f"{API[flavour]}/issue/10001/transitions", status=204)
        client.transition("10001", "31")
        assert sent(jira)[2] == {"transition": {"id": "31"}}

    @pytest.mark.parametrize("status", [200, 201])
    def test_a_link_is_posted_as_it_is(
        self, jira: responses.RequestsMock, client: JiraClient, flavour: Flavour, status: int
    ) -> None:
        jira.post(f"{API[flavour]}/issue/10001/remotelink", status=status, json={"id": 1})
        client.set_remote_link("10001", {"globalId": "x", "object": {"url": "u", "title": "t"}})
        request, query, body = sent(jira)
        assert request.endswith("/issue/10001/remotelink")
        assert (query, body["globalId"]) == ({}, "x")

    @pytest.mark.parametrize(("myself", "told"), [(200, NotPermitted), (401, JiraRefused)])
    def test_data_center_is_asked_whether_401_means_the_permission_to_assign(
        self, jira: responses.RequestsMock, myself: int, told: type[JiraRefused]
    ) -> None:
        jira.get(f"{TEXTS}/user", json=ME["datacenter"])
        jira.put(f"{TEXTS}/issue/10001/assignee", status=401, json={"errors": {"assignee": "No."}})
        jira.get(f"{TEXTS}/myself", status=myself, json=ME["datacenter"])
        with pytest.raises(JiraRefused) as refused:
            made("datacenter").assign("10001", "JIRAUSER1")
        assert type(refused.value) is told
