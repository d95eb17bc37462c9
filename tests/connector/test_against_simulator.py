"""The client against a Jira over real HTTP, and the two ways in which a fact is heard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from connector.client import ApiToken, Flavour, JiraClient, connect, to_jira_value
from connector.errors import JiraRefused, JiraUncertain
from connector.history import events_of
from connector.markup import escape, mention
from connector.setup import EVENTS, find_fields, set_up, set_up_webhook
from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator, running
from connector.simulator.present import Presenter
from connector.translate import translate
from sla.timeline import Changed, Comment, CommentSeen, Event, Seen, Timeline

FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")
WANTED = {
    "policy": "SLA policy",
    "severity": "SLA severity",
    "due": "First response due",
    "responded": "First responded",
    "state": "SLA state",
    "level": "SLA escalation level",
}


class Clock:
    def __init__(self) -> None:
        self.at = datetime(2026, 11, 20, 10, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at


@pytest.fixture(params=FLAVOURS)
def sim(request: pytest.FixtureRequest) -> Simulator:
    return Simulator(now=Clock(), flavour=request.param)


@pytest.fixture
def url(sim: Simulator) -> Iterator[str]:
    with running(sim) as found:
        yield found


@pytest.fixture
def client(url: str) -> JiraClient:
    return connect(url, ApiToken(DUELINE, "simulator"), timeout=10)


def say(client: JiraClient, key: str, text: str = "Hi", **parts: Any) -> str:
    return client.add_comment(key, text, key="b/1", **({"internal": False, "role": None} | parts))


class TestCalls:
    def test_the_flavour_is_found(self, sim: Simulator, client: JiraClient) -> None:
        assert client.flavour == client.server_info().flavour == sim.flavour

    def test_a_comment_is_found_again_by_its_key(self, sim: Simulator, client: JiraClient) -> None:
        issue = sim.create_issue(project="BOT", summary="Broken")
        assert client.find_comment(issue.id, "b/1") is None
        comment_id = say(client, issue.id)
        sim.add_comment(issue.key, "Another")
        assert client.find_comment(issue.key, "b/1") == comment_id
        assert client.find_comment(issue.key, "b/2") is None

    def test_a_comment_shows_what_was_meant(self, sim: Simulator, client: JiraClient) -> None:
        issue = sim.create_issue(project="BOT", summary="Broken")
        agent = sim.account(AGENT)
        who = agent.account_id if sim.cloud else agent.key
        say(client, issue.key, f"{mention(who, 'Ada')} **{escape('{code} [~x]')}**")
        shown = issue.comments[-1].body.wiki
        assert shown.startswith("[~accountid:" if sim.cloud else "[~agent] ")

    def test_an_internal_comment_for_a_role(self, sim: Simulator, client: JiraClient) -> None:
        issue = sim.create_issue(project="HLP", summary="Broken")
        say(client, issue.key, internal=True, role="Administrators")
        comment = issue.comments[-1]
        assert not comment.public
        assert comment.visibility
        assert comment.visibility["value"] == "Administrators"

    def test_after_a_lost_answer_the_comment_is_there(
        self, sim: Simulator, client: JiraClient
    ) -> None:
        issue = sim.create_issue(project="BOT", summary="Broken")
        client.myself()
        sim.faults.drop("after", method="POST")
        with pytest.raises(JiraUncertain):
            say(client, issue.key)
        assert client.find_comment(issue.key, "b/1") == issue.comments[-1].id
        sim.faults.drop("before", method="POST")
        with pytest.raises(JiraUncertain):
            say(client, issue.key)
        assert len(issue.comments) == 1

    def test_faults_have_their_meaning(self, sim: Simulator, client: JiraClient) -> None:
        sim.faults.rate_limit(retry_after=7)
        with pytest.raises(JiraRefused) as limited:
            client.fields()
        assert limited.value.retry_after == timedelta(seconds=7)
        sim.faults.html()
        with pytest.raises(JiraRefused, match="not JSON"):
            client.fields()
        assert client.fields()

    def test_wrong_credentials(self, sim: Simulator, url: str) -> None:
        stranger = connect(url, ApiToken(DUELINE, "wrong"), flavour=sim.flavour)
        with pytest.raises(JiraRefused) as caught:
            stranger.myself()
        assert caught.value.status == 401

    def test_members_of_a_group(self, sim: Simulator, client: JiraClient) -> None:
        account = sim.account(AGENT)
        wanted = account.account_id if sim.cloud else account.key
        assert wanted in client.group_members("support")

    @pytest.mark.parametrize("project", ["BOT", "HLP"])
    def test_a_comment_for_everybody(
        self, sim: Simulator, client: JiraClient, project: str
    ) -> None:
        issue = sim.create_issue(project=project, summary="Broken")
        comment_id = say(client, issue.key)
        comment = issue.comments[-1]
        assert comment.public
        assert comment.visibility is None
        assert comment.properties == {"dueline": {"key": "b/1"}}
        assert client.find_comment(issue.key, "b/1") == comment_id
        (heard,) = (e for e in client.read_history(issue.id).events if isinstance(e, CommentSeen))
        assert (heard.public, heard.text) == (True, "Hi")

    @pytest.mark.parametrize(("internal", "role"), [(False, None), (True, "Administrators")])
    def test_an_edited_comment_keeps_its_key_and_its_readers(
        self, sim: Simulator, client: JiraClient, internal: bool, role: str | None
    ) -> None:
        issue = sim.create_issue(project="HLP", summary="Broken")
        comment_id = say(client, issue.key, internal=internal, role=role)
        before = issue.comments[-1]
        restriction = before.visibility
        client.edit_comment(issue.key, comment_id, "**Bye**", internal=internal, role=role)
        (after,) = issue.comments
        assert after.body.wiki == "*Bye*"
        assert (after.public, after.visibility) == (not internal and not role, restriction)
        assert client.find_comment(issue.key, "b/1") == comment_id

    def test_an_issue_is_given_to_somebody(self, sim: Simulator, client: JiraClient) -> None:
        issue = sim.create_issue(project="BOT", summary="Broken")
        agent = sim.account(AGENT)
        client.assign(issue.key, agent.account_id if sim.cloud else agent.key)
        assert issue.values["assignee"] == AGENT

    def test_a_webhook_is_registered_signed(self, sim: Simulator, client: JiraClient) -> None:
        url, events = "https://dueline.example/hooks/jira", ("jira:issue_created",)
        made = client.register_webhook("Dueline", url, events, "hush", "project = BOT")
        (known,) = client.webhooks()
        assert (known.url, known.events, known.jql) == (url, events, "project = BOT")
        assert made.id == known.id
        (kept,) = sim.webhooks.values()
        assert kept.secret == "hush"

    def test_a_webhook_of_an_older_version_is_mended(
        self, sim: Simulator, client: JiraClient
    ) -> None:
        url = "https://dueline.example/hooks/jira"
        old = (*(e for e in EVENTS[client.flavour] if e != "issuelink_created"), "worklog_created")
        client.register_webhook("Ours", url, old, "old", "project = BOT")
        assert set_up_webhook(client, url, "new") == "mended"
        assert set_up_webhook(client, url, "newer") == "there already"
        (known,) = client.webhooks()
        assert (known.name, known.jql, known.enabled) == ("Ours", "project = BOT", True)
        assert known.events == (*old, "issuelink_created")
        (kept,) = sim.webhooks.values()
        assert kept.secret == "new"

    def test_a_webhook_is_made_once(self, sim: Simulator, client: JiraClient) -> None:
        url = "https://dueline.example/hooks/jira"
        assert set_up_webhook(client, url, "hush") == "made"
        assert set_up_webhook(client, url, "hush") == "there already"
        (kept,) = sim.webhooks.values()
        assert tuple(kept.events) == EVENTS[client.flavour]


class TestSettingUp:
    def test_fields_are_made_once_and_can_be_written(
        self, sim: Simulator, client: JiraClient
    ) -> None:
        report = set_up(client, WANTED)
        assert report.made == set(WANTED)
        assert set_up(client, WANTED).made == set()
        assert len(list(report.lines())) == 6
        found, missing = find_fields(client.fields(), WANTED)
        assert not missing
        issue = sim.create_issue(project="BOT", summary="Broken")
        values = {
            "policy": "standard",
            "due": datetime(2026, 11, 20, 18, tzinfo=UTC),
            "responded": None,
            "level": 2,
        }
        client.edit_fields(
            issue.key,
            {found[role].id: to_jira_value(found[role], value) for role, value in values.items()},
        )
        history = issue.history[-1]
        assert {change.field for change in history.changes} == {
            "SLA policy", "First response due", "SLA escalation level",
        }  # fmt: skip
        ignored = frozenset(field.id for field in found.values()) | frozenset(WANTED.values())
        events = client.read_history(issue.key, ignored_fields=ignored).events
        assert not any(event.identity.startswith("change:") for event in events)


VALUES: dict[str, list[Any]] = {
    "Plan": ["Gold", "Silver", None, "2"],
    "Points": [1, 2.5, None, 3.0],
    "Owner": [AGENT, CUSTOMER, None, DUELINE],
    "Support plan": ["Standard", "Enterprise", None, "Standard"],
    "priority": ["Highest", "High", "Medium", "Low"],
    "labels": [[], ["a"], ["a", "b"], ["a", "b", "c"]],
    "summary": ["Broken", "Down", "*Down* since BIT-7", "Broken"],
    "description": [None, "h1. How\n\n* one\n* _two_", "x" * 100, "y"],
    "Notes": ["x" * 300, "y" * 300, None, "x" * 300],
    "Reported at": [datetime(2026, 11, day, 9, 30, tzinfo=UTC) for day in (1, 2, 3)] + [None],
}
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["status", "assign", "link", "comment", "edit", *VALUES]),
        st.integers(0, 3),
    ),
    max_size=8,
)


def act(sim: Simulator, key: str, what: str, number: int) -> None:
    if what == "status":
        here = sim.issue(key).status
        others = [status.name for status in sim.site.statuses if status != here]
        sim.transition(key, others[number % len(others)])
    elif what == "assign":
        sim.assign(key, [AGENT, CUSTOMER, None, DUELINE][number])
    elif what == "link":
        sim.link(*[(key, "BIT-1"), ("BIT-1", key), (key, "BIT-2"), ("BIT-2", key)][number])
    elif what in VALUES:
        sim.edit(key, {what: VALUES[what][number]})
    elif what == "comment":
        sim.add_comment(key, "Text", account=[AGENT, CUSTOMER, DUELINE, AGENT][number])
    elif sim.issue(key).comments:
        sim.edit_comment(key, sim.issue(key).comments[0].id, f"Text {number}", account=DUELINE)


def heard_and_read(flavour: Flavour, acts: list[tuple[str, int]]) -> tuple[Timeline, Timeline]:
    """What the webhooks of a story tell, and what its history tells afterwards."""
    heard: list[Event] = []

    def post(_url: str, body: bytes, _headers: object) -> int:
        said = translate(body)
        heard.extend(said.events if said.issue_id == issue.id else said.also.get(issue.id, ()))
        return 200

    sim = Simulator(now=Clock(), flavour=flavour, post=post)
    for name, kind in (
        ("Plan", "textfield"), ("Points", "float"), ("Owner", "userpicker"), ("Notes", "textarea"),
    ):  # fmt: skip
        sim.create_field(name, kind)
    for summary in ("One", "Two"):
        sim.create_issue(project="BIT", summary=summary)
    sim.register_webhook("http://dueline.example/hooks/jira")
    issue = sim.create_issue(project="BOT", summary="Broken", priority="High")
    for what, number in acts:
        sim.deliver()
        act(sim, issue.key, what, number)
    sim.deliver()
    shown = Presenter(sim, 2)
    read = events_of(
        shown.issue(issue, [], lambda _name: True),
        [shown.history(history) for history in issue.history],
        [shown.comment(issue, comment) for comment in issue.comments],
    )
    names = {field.id: field.name for field in sim.site.fields.values() if field.custom}
    return (
        Timeline.of(named(event, names) for event in heard),
        Timeline.of(named(event, names) for event in read),
    )


def last(comment: Comment) -> tuple[object, ...]:
    """What is known of a comment whose earlier versions are gone."""
    return comment.id, comment.at, comment.author, comment.public_from, comment.versions[-1].text


def named(event: Event, names: dict[str, str]) -> Event:
    """The same fact with custom fields by name, since Data Center's changelog knows no ids."""
    if isinstance(event, Changed):
        return replace(event, field=names.get(event.field, event.field))
    if isinstance(event, Seen):
        fields = {names.get(name, name): value for name, value in event.fields.items()}
        return replace(event, fields=fields)
    return event


@pytest.mark.parametrize("flavour", FLAVOURS)
@given(acts=ACTS)
@settings(max_examples=60, deadline=None)
def test_webhooks_and_history_tell_the_same_story(
    flavour: Flavour, acts: list[tuple[str, int]]
) -> None:
    heard, read = heard_and_read(flavour, acts)
    assert heard.created_at == read.created_at
    assert [last(comment) for comment in heard.comments] == [
        last(comment) for comment in read.comments
    ]
    # Of a link the history does not tell since when it is there.
    assert {other for _, other in heard.references} == {other for _, other in read.references}
    assert heard.field_names == read.field_names
    for name in read.field_names:
        assert [value for _, value in heard.values(name)] == [
            value for _, value in read.values(name)
        ]
        # What changed later did so at the same instant, whichever way it was heard.
        assert heard.values(name)[1:] == read.values(name)[1:]
    identities = {event.identity for event in heard.events if "seen" not in event.identity}
    assert {event.identity for event in read.events if "seen" not in event.identity} <= identities
