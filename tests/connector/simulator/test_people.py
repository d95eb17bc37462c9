from __future__ import annotations

from collections.abc import Callable

import pytest
import requests

from connector.simulator import AGENT, CUSTOMER, DUELINE, Simulator

Ask = Callable[..., requests.Response]


def test_everybody_is_who_they_say(ask: Ask, sim: Simulator) -> None:
    for email in (DUELINE, AGENT, CUSTOMER):
        me = ask("GET", "/myself", account=email).json()
        assert me["emailAddress"] == email
        assert ("accountId" in me) == sim.cloud
        assert ("name" in me) != sim.cloud


@pytest.mark.parametrize(
    "auth", [None, ("agent@example.com", "wrong"), ("stranger@example.com", "simulator")]
)
def test_strangers_are_not_let_in(ask: Ask, sim: Simulator, auth: tuple[str, str] | None) -> None:
    for method, path in (("GET", "/myself"), ("POST", "/issue"), ("PUT", "/issue/BOT-1")):
        answer = ask(method, path, auth=auth)
        assert answer.status_code == 401
        if sim.cloud:
            assert answer.json() == {
                "message": "Client must be authenticated to access this resource.",
                "status-code": 401,
            }
        else:
            assert answer.json()["errorMessages"] == [
                "You are not authenticated. Authentication required to perform this operation."
            ]


@pytest.mark.parametrize("header", ["Basic !!!", "Basic /w==", "Digest x", "Bearer wrong"])
def test_odd_credentials_are_not_let_in(ask: Ask, sim: Simulator, header: str) -> None:
    answer = ask("GET", "/myself", account=None, headers={"Authorization": header})
    alone = sim.cloud and header.startswith("Bearer")
    assert answer.status_code == (403 if alone else 401)
    if alone:
        assert answer.json() == {"error": "Failed to parse Connect Session Auth Token"}


def test_data_center_takes_user_names_and_personal_tokens(ask: Ask, sim: Simulator) -> None:
    by_name = ask("GET", "/myself", auth=("agent", "simulator"))
    token = {"Authorization": "Bearer simulator-agent"}
    by_token = ask("GET", "/myself", account=None, headers=token)
    expected = (401, 403) if sim.cloud else (200, 200)
    assert (by_name.status_code, by_token.status_code) == expected
    if not sim.cloud:
        assert by_token.json()["name"] == by_token.headers["X-AUSERNAME"] == "agent"


def test_groups_have_members(ask: Ask) -> None:
    page = ask("GET", "/group/member?groupname=support").json()
    assert [user["displayName"] for user in page["values"]] == ["Ada Agent", "Lena Lead"]
    assert page["isLast"]
    second = ask("GET", "/group/member?groupname=support&startAt=1&maxResults=1").json()
    assert [user["displayName"] for user in second["values"]] == ["Lena Lead"]
    assert ask("GET", "/group/member?groupname=nobody").status_code == 404
    assert ask("GET", "/group/member").status_code == 400
    picked = ask("GET", "/groups/picker?query=supp").json()
    assert [group["name"] for group in picked["groups"]] == ["support", "support-leads"]


def test_cloud_lists_groups(cloud: Simulator, serve: Callable[..., Ask]) -> None:
    ask = serve(cloud)
    names = [group["name"] for group in ask("GET", "/group/bulk").json()["values"]]
    assert names == ["jira-administrators", "jira-users", "managers", "support", "support-leads"]
    one = ask("GET", "/group/bulk?groupName=support").json()["values"]
    by_id = ask("GET", f"/group/member?groupId={one[0]['groupId']}").json()
    assert by_id["total"] == 2
    assert ask("GET", "/group?groupname=support").json()["users"]["size"] == 2


def test_users_are_found(ask: Ask, sim: Simulator) -> None:
    name = "query" if sim.cloud else "username"
    (found,) = ask("GET", "/user/search", params={name: "ada"}).json()
    assert found["emailAddress"] == AGENT
    reference = {"accountId": found["accountId"]} if sim.cloud else {"username": found["name"]}
    assert ask("GET", "/user", params=reference).json() == found
    assert ask("GET", "/user", params=dict.fromkeys(reference, "nobody")).status_code == 404
    assert ask("GET", "/user/search").status_code == 400
    assert len(ask("GET", "/user/assignable/search?project=BOT").json()) == 6


def test_permissions_are_told(ask: Ask, sim: Simulator) -> None:
    sim.deny(AGENT, "ADD_COMMENTS")
    asked = ["ADMINISTER", "ADD_COMMENTS", "BROWSE_PROJECTS"]
    path = f"/mypermissions?permissions={','.join(asked)}" if sim.cloud else "/mypermissions"
    told = {}
    for email in (DUELINE, AGENT):
        shown = ask("GET", path, account=email).json()["permissions"]
        told[email] = [shown[name]["havePermission"] for name in asked]
        assert (list(shown) == asked) == sim.cloud
    assert told == {DUELINE: [True, True, True], AGENT: [False, False, True]}
    if sim.cloud:
        assert ask("GET", "/mypermissions?permissions=FLY").status_code == 400
        assert ask("GET", "/mypermissions").status_code == 400


def test_who_is_in_a_group_is_not_for_everybody(ask: Ask, sim: Simulator) -> None:
    path = "/group/member?groupname=support"
    assert ask("GET", path).status_code == 200
    # On Data Center it takes an administrator.
    assert ask("GET", path, account=AGENT).status_code == (200 if sim.cloud else 403)
    sim.deny(AGENT, "USER_PICKER")
    assert ask("GET", path, account=AGENT).status_code == 403


def test_the_catalogue(ask: Ask, sim: Simulator) -> None:
    assert [p["key"] for p in ask("GET", "/project").json()] == ["BOT", "BIT", "HLP", "BTL", "BAL"]
    assert ask("GET", "/project/BOT").json()["name"] == "Botron"
    assert ask("GET", "/project/BAL").json()["projectTypeKey"] == "software"
    assert ask("GET", "/project/NOPE").status_code == 404
    kinds = {"Bug", "Task", "Question", "Improvement", "Story"}
    kinds |= {"Escalation", "Outage", "Maintenance"}
    assert {kind["name"] for kind in ask("GET", "/issuetype").json()} == kinds
    ranked = [p["name"] for p in ask("GET", "/priority").json()]
    assert ranked == ["Highest", "High", "Medium", "Low", "Lowest"]
    steps = ["To Do", "In Progress", "Waiting for customer", "Done"]
    assert [s["name"] for s in ask("GET", "/status").json()] == steps
    assert {k["name"] for k in ask("GET", "/project/HLP/statuses").json()} == kinds
    assert "Done" in [r["name"] for r in ask("GET", "/resolution").json()]
    info = ask("GET", "/serverInfo", account=None).json()
    assert info["deploymentType"] == ("Cloud" if sim.cloud else "Server")
    assert info["serverTime"] == "2026-11-21T10:00:00.123+0000"
