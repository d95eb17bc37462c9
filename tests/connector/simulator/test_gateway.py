"""Who is let in where: tokens with scopes at the gateway alone, and tokens that are given out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import requests

from connector.simulator import AGENT, DUELINE, Simulator

Ask = Callable[..., requests.Response]
SCOPES = ("read:jira-work", "read:jira-user")
FORM = {"grant_type": "client_credentials", "client_id": "c1", "client_secret": "s1"}


def at(sim: Simulator, path: str) -> str:
    return f"///ex/jira/{sim.cloud_id}/rest/api/3{path}"


def token(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


class TestGateway:
    def test_a_site_tells_its_cloud_id_to_anybody(self, cloud: Simulator, serve: Any) -> None:
        answer = serve(cloud)("GET", "///_edge/tenant_info", account=None)
        assert answer.json() == {"cloudId": cloud.cloud_id}

    def test_a_data_center_has_none(self, datacenter: Simulator, serve: Any) -> None:
        ask = serve(datacenter)
        assert ask("GET", "///_edge/tenant_info").status_code == 404
        assert ask("GET", at(datacenter, "/myself")).status_code == 404

    def test_a_token_with_scopes_is_good_there_alone(self, cloud: Simulator, serve: Any) -> None:
        ask = serve(cloud)
        cloud.make_token(AGENT, "sc0ped", scopes=SCOPES)
        assert ask("GET", "/myself", auth=(AGENT, "sc0ped")).status_code == 401
        for credentials in ({"auth": (AGENT, "sc0ped")}, {"headers": token("sc0ped")}):
            answer = ask("GET", at(cloud, "/myself"), **{"account": None, **credentials})
            assert answer.json()["emailAddress"] == AGENT
        assert ask("GET", at(cloud, "/myself"), auth=(DUELINE, "sc0ped")).status_code == 401

    def test_beyond_its_scopes_it_is_refused(self, cloud: Simulator, serve: Any) -> None:
        ask = serve(cloud)
        cloud.make_token(AGENT, "sc0ped", scopes=SCOPES)
        issue = cloud.create_issue(project="BOT", summary="Broken")
        change = {"json": {"fields": {"summary": "Whole"}}, "auth": (AGENT, "sc0ped")}
        answer = ask("PUT", at(cloud, f"/issue/{issue.key}"), **change)
        assert answer.status_code == 401
        assert answer.json() == {"code": 401, "message": "Unauthorized; scope does not match"}
        assert issue.values["summary"] == "Broken"

    def test_a_classic_token_is_good_at_both(self, cloud: Simulator, serve: Any) -> None:
        ask = serve(cloud)
        cloud.make_token(AGENT, "cl4ss1c")
        for path in ("/myself", at(cloud, "/myself")):
            assert ask("GET", path, auth=(AGENT, "cl4ss1c")).status_code == 200

    def test_strangers_are_told_so_by_the_gateway(self, cloud: Simulator, serve: Any) -> None:
        answer = serve(cloud)("GET", at(cloud, "/serverInfo"), auth=(AGENT, "wr0ng"))
        assert (answer.status_code, answer.json()) == (
            401,
            {"code": 401, "message": "Unauthorized"},
        )

    def test_a_cloud_id_of_nobody(self, cloud: Simulator, serve: Any) -> None:
        answer = serve(cloud)("GET", "///ex/jira/0000/rest/api/3/myself")
        assert answer.status_code == 404
        assert answer.json()["path"] == "/ex/jira/0000/rest/api/3/myself"
        assert answer.json()["message"] == "No message available"

    def test_requests_are_remembered_as_they_came(self, cloud: Simulator, serve: Any) -> None:
        cloud.make_token(AGENT, "sc0ped", scopes=SCOPES)
        serve(cloud)("GET", at(cloud, "/myself"), auth=(AGENT, "sc0ped"))
        (seen,) = cloud.requests
        assert (seen.path[:9], seen.account, seen.status) == ("/ex/jira/", AGENT, 200)


class TestTokens:
    def test_one_that_ends(self, sim: Simulator, ask: Ask, wait: Callable[..., None]) -> None:
        sim.make_token(AGENT, "t0ken", ends_at=sim.now() + timedelta(days=1))
        signed: dict[str, Any] = {"auth": (AGENT, "t0ken")}
        if not sim.cloud:
            signed = {"account": None, "headers": token("t0ken")}
        assert ask("GET", "/myself", **signed).status_code == 200
        wait(days=1)
        assert ask("GET", "/myself", **signed).status_code == 401

    def test_a_data_center_without_passwords(self, datacenter: Simulator, serve: Any) -> None:
        ask = serve(datacenter)
        datacenter.takes_passwords = False
        answer = ask("GET", "/serverInfo")
        assert answer.status_code == 403
        words = "Basic Authentication has been disabled on this instance."
        assert answer.json() == {"message": words}
        by_token = ask("GET", "/myself", account=None, headers=token("simulator-agent"))
        assert by_token.status_code == 200


class TestAccessTokens:
    @pytest.fixture
    def path(self, sim: Simulator) -> str:
        scopes = SCOPES if sim.cloud else ("WRITE",)
        sim.make_client(AGENT, "c1", "s1", scopes=scopes, lasting=timedelta(minutes=5))
        return "///oauth/token" if sim.cloud else "/rest/oauth2/latest/token"

    @pytest.mark.parametrize("how", ["data", "json"])
    def test_one_is_given_and_ends(
        self, sim: Simulator, ask: Ask, wait: Callable[..., None], path: str, how: str
    ) -> None:
        given = ask("POST", path, account=None, **{how: FORM}).json()
        assert (given["expires_in"], given["token_type"]) == (300, "Bearer")
        myself = at(sim, "/myself") if sim.cloud else "/myself"
        signed = {"account": None, "headers": token(given["access_token"])}
        assert ask("GET", myself, **signed).json()["emailAddress"] == AGENT
        wait(minutes=5)
        assert ask("GET", myself, **signed).status_code == 401

    @pytest.mark.parametrize(
        ("change", "status", "error"),
        [
            ({"client_secret": "s2"}, 401, "access_denied"),
            ({"client_id": "c2"}, 401, "access_denied"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ],
    )
    def test_none_is_given(
        self, ask: Ask, path: str, change: dict[str, str], status: int, error: str
    ) -> None:
        answer = ask("POST", path, account=None, data=FORM | change)
        assert (answer.status_code, answer.json()["error"]) == (status, error)

    def test_a_data_center_knows_two_scopes(self, datacenter: Simulator, serve: Any) -> None:
        datacenter.make_client(AGENT, "c1", "s1", scopes=["WRITE"])
        path, form = "/rest/oauth2/latest/token", FORM | {"scope": "ADMIN"}
        answer = serve(datacenter)("POST", path, account=None, data=form)
        assert answer.json()["error"] == "invalid_scope"
