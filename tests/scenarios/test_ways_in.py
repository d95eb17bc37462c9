"""The ways in beside an administrator's webhook: what they tell too briefly is read, once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from msgspec.structs import replace

from config.settings import Secret
from connector.simulator import AGENT, DUELINE
from sla.store import inbox
from tests.scenarios.world import World, a_site, jira_time, signature, utc, world
from webhooks import invocation
from webhooks.app import create_app

pytestmark = pytest.mark.one_database("sqlite")

ENTERPRISE = {"Support plan": "Enterprise"}
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HIGH = jira_time("2024-07-10 19:30")
RULE = "planted-rule-secret-0123456789-abcdef"
APP = "ari:cloud:ecosystem::app/3f9a1c52"
# As docs/webhooks.md has it pasted into the rule.
PASTED = '{"issue": {"id": "{{issue.id}}", "key": "{{issue.key}}"}}'


@cache
def forge_s_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Way:
    """How a place hears of what happens to an issue; Jira's own webhooks are all lost."""

    place: World
    path: str
    body: Callable[[str, str, str], Any]
    headers: Callable[[World], dict[str, str]]

    def tell(self, what: str, key: str, issue_id: str | None = None) -> None:
        """Have it told that something happened to an issue."""
        number = issue_id or self.place.jira.issue(key).id
        told = self.body(what, key, number)
        body = told if isinstance(told, str) else json.dumps(told)
        answer = self.place.receiver.post(
            self.path, data=body.encode(), headers=self.headers(self.place)
        )
        assert answer.status_code in (200, 202), answer.text

    def report(self, project: str, *_: Any, **more: Any) -> str:
        key = self.place.report(project, ENTERPRISE if project == "HLP" else None, **more)
        self.tell("created", key)
        self.place.settle()
        return key


def pasted(_what: str, key: str, issue_id: str) -> str:
    return PASTED.replace("{{issue.id}}", issue_id).replace("{{issue.key}}", key)


def issue_data(_what: str, key: str, issue_id: str) -> dict[str, Any]:
    """As automation sends an issue in its own format; what it shows is not believed."""
    histories = {"startAt": 0, "maxResults": 0, "total": 0, "histories": None}
    fields = {"created": "2001-01-01T00:00:00.000+0000", "priority": {"name": "Lowest"}}
    return {"id": int(issue_id), "key": key, "changelog": histories, "fields": fields}


def forge_event(what: str, key: str, issue_id: str) -> dict[str, Any]:
    verb, thing = {"commented": ("commented", "issue")}.get(what, (what, "issue"))
    return {
        "eventType": f"avi:jira:{verb}:{thing}",
        "issue": {"id": issue_id, "key": key, "fields": {"summary": "Help"}},
        "atlassianId": "4ad9aa0c52dc1b420a791d12",
    }


def secret(_place: World) -> dict[str, str]:
    return {"X-Dueline-Secret": RULE}


def token(place: World) -> dict[str, str]:
    claims = {"iss": invocation.ISSUER, "aud": APP, "exp": place.clock.at + HOUR}
    signed = jwt.encode(claims, forge_s_key(), "RS256", headers={"kid": "one"})
    return {"Authorization": f"Bearer {signed}"}


def opened(place: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A place with every door open, that hears nothing of Jira's own webhooks."""
    shown = jwt.algorithms.RSAAlgorithm.to_jwk(forge_s_key().public_key(), as_dict=True)
    keys = {"keys": [{**shown, "kid": "one", "alg": "RS256", "use": "sig"}]}
    monkeypatch.setattr(invocation, "fetched", lambda _url: keys)
    access = replace(place.service.access, automation_secrets=(Secret(RULE),), forge_app=APP)
    place.service.access = access
    place.receiver = create_app(place.service).test_client()
    place.jira.webhooks.clear()
    return place


WAYS = {
    "automation": ("/webhooks/automation", pasted, secret),
    "issue data": ("/webhooks/automation", issue_data, secret),
    "forge": ("/webhooks/forge", forge_event, token),
}


@pytest.fixture(params=list(WAYS))
def way(request: pytest.FixtureRequest, anywhere: World, monkeypatch: pytest.MonkeyPatch) -> Way:
    if request.param == "forge" and anywhere.jira.flavour != "cloud":
        pytest.skip("Forge is on Cloud alone")
    return Way(opened(anywhere, monkeypatch), *WAYS[request.param])


def reads(place: World) -> int:
    """How often Dueline asked for an issue or a part of it since this was last called."""
    found = [
        each
        for each in place.jira.requests
        if each.account == DUELINE
        and each.method == "GET"
        and re.match(r"/rest/api/\d/(issue|comment)/\d", each.path)
    ]
    place.jira.requests.clear()
    return len(found)


def test_an_issue_s_life_is_told(way: Way) -> None:
    place = way.place
    key = way.report("BIT", priority="Low")
    shown = place.fields(key)
    assert (shown["SLA state"], shown["SLA severity"]) == ("running", "Severity 3")
    place.advance(10 * MINUTE)
    place.jira.edit(key, priority="Highest", account=AGENT)
    way.tell("updated", key)
    place.settle()
    assert place.fields(key)["SLA severity"] == "Severity 1"
    assert [severity for severity, _ in place.promised(key)] == ["Severity 3", "Severity 1"]
    place.advance(10 * MINUTE)
    place.jira.add_comment(key, "We are on it.", account=AGENT)
    way.tell("commented", key)
    place.settle()
    assert place.states(key, "first_response")[-1] == "met"


def test_a_comment_among_agents_answers_nobody(way: Way) -> None:
    place = way.place
    key = way.report("HLP")
    place.jira.add_comment(key, "Only among us.", account=AGENT, internal=True)
    way.tell("commented", key)
    place.settle()
    # As Jira's own webhooks would have it.
    shown = place.fields(key)
    assert (shown["SLA state"], shown["First response due"]) == ("running", HIGH)


def test_a_deadline_that_nobody_met_is_told(way: Way) -> None:
    key = way.report("HLP")
    way.place.advance(HOUR)
    assert way.place.fields(key)["SLA state"] == "breached"


def test_a_deletion_ends_the_clocks(way: Way) -> None:
    place = way.place
    key = way.report("HLP")
    issue_id = place.jira.issue(key).id
    place.jira.delete_issue(key)
    way.tell("deleted", key, issue_id)
    place.settle()
    place.jira.requests.clear()
    place.advance(HOUR)
    written = [each for each in place.jira.requests if each.method != "GET"]
    assert written == []


def test_a_deletion_that_did_not_happen_is_not_believed(way: Way) -> None:
    key = way.report("HLP")
    way.tell("deleted", key)
    way.place.settle()
    way.place.advance(HOUR)
    assert way.place.fields(key)["SLA state"] == "breached"


def test_each_notice_has_the_issue_read_once(way: Way) -> None:
    place = way.place
    reads(place)
    key = way.report("HLP")
    assert reads(place) == 1
    place.advance(MINUTE)
    assert reads(place) == 0
    place.jira.add_comment(key, "We are on it.", account=AGENT)
    way.tell("commented", key)
    place.settle()
    # Data Center tells only of each comment by itself whether customers may read it.
    assert reads(place) == (1 if place.jira.flavour == "cloud" else 2)
    place.jira.add_comment(key, "And this is what it was.", account=AGENT)
    way.tell("commented", key)
    place.settle()
    assert reads(place) == (1 if place.jira.flavour == "cloud" else 2)


def test_notices_that_come_together_have_it_read_once(way: Way) -> None:
    key = way.report("HLP")
    reads(way.place)
    for what in ("updated", "commented", "updated"):
        way.tell(what, key)
    way.place.settle()
    assert reads(way.place) == 1


@pytest.mark.parametrize("name", list(WAYS))
def test_an_issue_that_no_rule_speaks_of_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    config = a_site(tmp_path, projects={"HLP": None})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as made:
        way = Way(opened(made, monkeypatch), *WAYS[name])
        reads(made)
        way.report("HLP")
        assert reads(made) == 0
        assert made.service.database.read(inbox.tally) == {"done": 1}


def test_a_rule_that_sends_the_id_alone_has_such_an_issue_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = a_site(tmp_path, projects={"HLP": None})
    with world(tmp_path, utc("2024-07-10 19:00"), config=config) as place:
        alone = Way(
            opened(place, monkeypatch),
            "/webhooks/automation",
            lambda _what, _key, issue_id: {"issue": {"id": issue_id}},
            secret,
        )
        key = alone.report("HLP")
        assert reads(place) == 1
        for way in (alone, Way(place, *WAYS["automation"])):
            way.tell("updated", key)
            place.settle()
        assert reads(place) == 0


# --- webhooks, full and thin ----------------------------------------------------------------------


def test_a_webhook_that_tells_all_has_nothing_read(cloud: World) -> None:
    reads(cloud)
    key = cloud.report("HLP", ENTERPRISE)
    cloud.jira.edit(key, priority="Highest", account=AGENT)
    cloud.jira.add_comment(key, "We are on it.", account=AGENT)
    cloud.settle()
    assert cloud.states(key, "first_response")[-1] == "met"
    assert reads(cloud) == 0


@pytest.mark.parametrize("thin", ["no fields", "no instant", "comment left out"])
def test_a_webhook_that_tells_too_little_has_the_issue_read_once(cloud: World, thin: str) -> None:
    key = cloud.report("HLP", ENTERPRISE)
    issue = cloud.jira.issue(key)
    cloud.jira.webhooks.clear()
    cloud.jira.add_comment(key, "We are on it.", account=AGENT)
    reads(cloud)
    named = {"id": issue.id, "key": key}
    payload: dict[str, Any] = {"webhookEvent": "jira:issue_updated", "timestamp": 1720638000000}
    if thin == "no instant":
        payload = {"webhookEvent": "comment_created", "comment": {"id": "1"}}
    if thin == "comment left out":
        payload["issue_event_type_name"] = "issue_commented"
        named["fields"] = {"status": {"name": "Open"}}  # type: ignore[assignment]
    heard(cloud, {**payload, "issue": named})
    cloud.settle()
    assert reads(cloud) == 1
    assert cloud.states(key, "first_response")[-1] == "met"


def test_a_link_that_forge_tells_has_both_its_issues_read(
    cloud: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = opened(cloud, monkeypatch)
    way = Way(place, *WAYS["forge"])
    one, two = way.report("BTL"), way.report("BTL")
    link = place.jira.link(one, two, account=AGENT)
    reads(place)
    told = {
        "eventType": "avi:jira:created:issuelink", "id": link.id,
        "sourceIssueId": place.jira.issue(one).id,
        "destinationIssueId": place.jira.issue(two).id,
    }  # fmt: skip
    place.receiver.post("/webhooks/forge", data=json.dumps(told), headers=token(place))
    place.settle()
    assert reads(place) == 2


@pytest.mark.parametrize(
    "told",
    [
        {"eventType": "avi:jira:viewed:issue"},
        {"eventType": "avi:jira:created:worklog"},
        # What Dueline itself wrote.
        {"eventType": "avi:jira:updated:issue", "changelog": {"items": [{"field": "SLA state"}]}},
    ],
)
def test_what_says_nothing_has_nothing_read(
    cloud: World, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    place = opened(cloud, monkeypatch)
    key = Way(place, *WAYS["forge"]).report("HLP")
    reads(place)
    body = {**told, "issue": {"id": place.jira.issue(key).id, "key": key}}
    place.receiver.post("/webhooks/forge", data=json.dumps(body), headers=token(place))
    place.settle()
    assert reads(place) == 0
    assert set(place.service.database.read(inbox.tally)) == {"done"}


def heard(place: World, payload: dict[str, Any]) -> None:
    """Have a signed webhook come in."""
    body = json.dumps(payload).encode()
    headers = {"X-Hub-Signature": signature(body)}
    assert place.receiver.post("/webhooks/jira", data=body, headers=headers).status_code == 202
