"""What a Jira has, and what it is: also of one that answers half of what is asked."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
import responses
from hypothesis import given
from hypothesis import strategies as st

from connector.client import ApiToken, Flavour, JiraClient, connect
from connector.errors import ConnectorError, JiraRefused, JiraUnreachable
from connector.simulator import CUSTOMER, DUELINE, Simulator, running
from connector.survey import (
    ADMINISTER,
    RIGHTS,
    ProjectSeen,
    addresses,
    is_site_name,
    look,
    makings,
    rights,
    survey,
)
from tests.sla.example import NINE

SITE = "https://jira.example"
FLAVOURS: tuple[Flavour, ...] = ("cloud", "datacenter")
API = {"cloud": f"{SITE}/rest/api/3", "datacenter": f"{SITE}/rest/api/2"}
INFO = f"{SITE}/rest/api/2/serverInfo"
REFUSALS = (400, 403, 404, 405, 410, 500, 501)


@pytest.fixture
def jira() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture(params=FLAVOURS)
def flavour(request: pytest.FixtureRequest) -> Flavour:
    found: Flavour = request.param
    return found


def client_of(flavour: Flavour, url: str = SITE, user: str = DUELINE) -> JiraClient:
    return connect(url, ApiToken(user, "simulator"), flavour=flavour)


# --- where it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("acme", ["https://acme.atlassian.net"]),
        ("acme.atlassian.net", ["https://acme.atlassian.net"]),
        (" https://ACME.atlassian.net/ ", ["https://acme.atlassian.net"]),
        ("https://acme.atlassian.net/browse/HLP-1?focusedId=1#c", ["https://acme.atlassian.net"]),
        (
            "<https://acme.atlassian.net/jira/software/projects/HLP/boards/1>",
            ["https://acme.atlassian.net"],
        ),
        (
            "https://api.atlassian.com/ex/jira/11-22/rest",
            ["https://api.atlassian.com/ex/jira/11-22"],
        ),
        ("localhost:8080", ["http://localhost:8080"]),
        ("http://127.0.0.1:8080/browse/BOT-1", ["http://127.0.0.1:8080"]),
        ("jira.acme.example", ["https://jira.acme.example"]),
        (
            "https://acme.example/jira/browse/HLP-1",
            ["https://acme.example/jira", "https://acme.example"],
        ),
        (
            "https://acme.example/tools/jira/secure/Dashboard.jspa",
            [
                "https://acme.example/tools/jira",
                "https://acme.example/tools",
                "https://acme.example",
            ],
        ),
    ],
)
def test_what_people_type_or_paste(typed: str, meant: list[str]) -> None:
    assert list(addresses(typed)) == meant


def test_one_bare_word_may_be_anybodys() -> None:
    assert all(map(is_site_name, ("acme", " 'jira' ", "JIRA-1")))
    assert not any(map(is_site_name, ("", "localhost", "acme.example", "https://jira", "jira:80")))


@pytest.mark.parametrize(
    "typed",
    ["", "http://", "two words", "ftp://acme.example", "https://acme.example:port", "https://[::1"],
)
def test_what_is_no_address(typed: str) -> None:
    with pytest.raises(ConnectorError, match=r"would be one"):
        addresses(typed)


def test_credentials_in_an_address_are_not_repeated() -> None:
    with pytest.raises(ConnectorError) as raised:
        addresses("https://me:planted@acme.example")
    assert "planted" not in str(raised.value)


@given(st.text())
def test_any_text_is_an_address_or_refused(typed: str) -> None:
    try:
        found = addresses(typed)
    except ConnectorError:
        return
    assert all(each.startswith(("http://", "https://")) for each in found)


# --- which it is ----------------------------------------------------------------------------------


def test_it_is_asked_without_credentials(jira: responses.RequestsMock) -> None:
    # Data Center says whom it takes the caller for.
    jira.get(
        INFO,
        json={"version": "9.12.4", "deploymentType": "Server", "baseUrl": SITE},
        headers={"X-AUSERNAME": "anonymous"},
    )
    found = look(SITE)
    assert found is not None
    assert (found.flavour, found.version, found.major) == ("datacenter", "9.12.4", 9)
    assert "Authorization" not in jira.calls[0].request.headers


@pytest.mark.parametrize("status", [401, 403])
def test_one_that_wants_a_sign_in_first(jira: responses.RequestsMock, status: int) -> None:
    jira.get(INFO, status=status, json={"message": "Unauthorized"})
    assert look(SITE) is None


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 404, "json": {}},
        {"status": 200, "body": "<html>Sign in</html>"},
        {"status": 200, "json": {"hello": "world"}},
        {"status": 302, "headers": {"Location": "https://login.example/"}},
        {"status": 503, "body": "maintenance"},
    ],
)
def test_something_else_than_jira(jira: responses.RequestsMock, answer: dict[str, Any]) -> None:
    jira.get(INFO, **answer)
    with pytest.raises(JiraRefused):
        look(SITE)


def test_nothing_at_all(jira: responses.RequestsMock) -> None:
    jira.get(INFO, body=requests.ConnectionError("no"))
    with pytest.raises(JiraUnreachable):
        look(SITE)


# --- what it has ----------------------------------------------------------------------------------


def test_the_simulator_tells_all(flavour: Flavour) -> None:
    sim = Simulator(now=lambda: NINE, flavour=flavour)
    with running(sim) as url:
        client = client_of(flavour, url)
        seen = survey(client)
        assert [project.key for project in seen.projects] == ["BAL", "BIT", "BOT", "BTL", "HLP"]
        assert seen.projects[4] == ProjectSeen("HLP", "Help", "service_desk")
        assert seen.priorities == ("Highest", "High", "Medium", "Low", "Lowest")
        assert seen.untold == ()
        made = makings(client, "HLP")
        assert "Question" in made.issue_types
        assert "Waiting for customer" in made.statuses
        assert rights(client, "HLP") == dict.fromkeys(RIGHTS, True)
        assert rights(client, None) == {ADMINISTER: True}
        sim.deny(CUSTOMER, "EDIT_ISSUES")
        other = client_of(flavour, url, CUSTOMER)
        assert rights(other, "HLP")["EDIT_ISSUES"] is False
        assert rights(other, None) == {ADMINISTER: False}


def test_projects_and_priorities_page_by_page(jira: responses.RequestsMock) -> None:
    def page(names: list[str], start: int, *, last: bool) -> dict[str, Any]:
        values = [{"key": name, "name": name.title()} for name in names]
        return {"startAt": start, "total": 3, "isLast": last, "values": values}

    jira.get(f"{API['cloud']}/project/search", json=page(["ONE", "TWO"], 0, last=False))
    jira.get(f"{API['cloud']}/project/search", json=page(["THREE"], 2, last=True))
    urgent = {"name": "Urgent"}
    usual = {"name": "Usual", "isDefault": True}
    jira.get(f"{API['cloud']}/priority/search", json={"values": [urgent, usual], "isLast": True})
    seen = survey(client_of("cloud"))
    assert [project.key for project in seen.projects] == ["ONE", "THREE", "TWO"]
    assert (seen.priorities, seen.usual_priority) == (("Urgent", "Usual"), "Usual")


def test_a_cloud_without_the_newer_lists(jira: responses.RequestsMock) -> None:
    jira.get(f"{API['cloud']}/project/search", status=404, json={})
    jira.get(f"{API['cloud']}/priority/search", status=405, json={})
    jira.get(f"{API['cloud']}/project", json=[{"key": "HLP"}, {"key": "OLD", "archived": True}, 7])
    jira.get(f"{API['cloud']}/priority", json=[{"name": "P1"}, {"nameless": True}, {"name": "P1"}])
    seen = survey(client_of("cloud"))
    assert seen.projects == (ProjectSeen("HLP", "HLP", ""),)
    assert seen.priorities == ("P1",)
    assert seen.untold == ()


@pytest.mark.parametrize("status", REFUSALS)
def test_one_that_tells_nothing(
    jira: responses.RequestsMock, flavour: Flavour, status: int
) -> None:
    for path in (
        "project/search", "project", "priority/search", "priority", "project/HLP",
        "project/HLP/statuses", "issuetype", "mypermissions",
    ):  # fmt: skip
        jira.get(f"{API[flavour]}/{path}", status=status, json={})
    client = client_of(flavour)
    seen = survey(client)
    assert (seen.projects, seen.priorities, seen.usual_priority) == ((), (), None)
    assert len(seen.untold) == 2
    made = makings(client, "HLP")
    assert (made.issue_types, made.statuses, len(made.untold)) == ((), (), 1)
    assert rights(client, "HLP") == dict.fromkeys(RIGHTS, None)
    assert rights(client, None) == {ADMINISTER: None}


def test_answers_of_another_shape(jira: responses.RequestsMock, flavour: Flavour) -> None:
    for path in ("project/search", "project", "priority/search", "priority", "mypermissions"):
        jira.get(f"{API[flavour]}/{path}", json={"values": {"key": "HLP"}, "permissions": [1]})
    client = client_of(flavour)
    assert survey(client).projects == ()
    assert rights(client, None) == {ADMINISTER: None}


def test_credentials_that_are_refused_are_no_gap(
    jira: responses.RequestsMock,
) -> None:
    jira.get(f"{API['datacenter']}/project", status=401, json={})
    with pytest.raises(ConnectorError, match="401"):
        survey(client_of("datacenter"))
