"""Each way to sign in, against a Jira that takes it only where Jira does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs

import pytest
import responses

from connector.client import (
    ApiToken,
    Atlassian,
    BearerToken,
    ClientCredentials,
    Credentials,
    Flavour,
    JiraClient,
    connect,
)
from connector.errors import ConnectorError, JiraError, JiraRefused, JiraUnreachable, SignInRefused
from connector.leaving import asking_before
from connector.retry import verdict
from connector.simulator import DUELINE, Simulator, running

WORK = ("read:jira-work", "write:jira-work", "read:jira-user")
CLIENT = ClientCredentials("client-1", "cl13nt-s3cr3t")
NOW = datetime(2026, 11, 20, 10, tzinfo=UTC)


class Site:
    """A simulated Jira with a clock that counts for both sides."""

    def __init__(self, flavour: Flavour) -> None:
        self.at = NOW
        self.sim = Simulator(now=lambda: self.at, flavour=flavour)
        self.url = ""

    def wait(self, **length: float) -> None:
        self.at += timedelta(**length)

    def connect(self, credentials: Credentials, flavour: Flavour | None = None) -> JiraClient:
        return connect(
            self.url,
            credentials,
            flavour=flavour,
            timeout=5,
            atlassian=Atlassian(self.url, self.url),
            monotonic=lambda: self.at.timestamp(),
        )

    def asked(self, *paths: str) -> int:
        """How many requests there were below these paths."""
        return sum(request.path.startswith(paths) for request in self.sim.requests)


Serve = Callable[[Flavour], Site]


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(flavour: Flavour) -> Site:
            site = Site(flavour)
            site.url = stack.enter_context(running(site.sim))
            return site

        yield start


@pytest.fixture
def cloud(serve: Serve) -> Site:
    return serve("cloud")


@pytest.fixture
def datacenter(serve: Serve) -> Site:
    return serve("datacenter")


def works(site: Site, client: JiraClient) -> None:
    """Sign in, edit a field, comment; each as the account of Dueline."""
    me = site.sim.account(DUELINE)
    issue = site.sim.create_issue(project="BOT", summary="Broken")
    assert client.flavour == site.sim.flavour
    assert client.myself() == (me.account_id if site.sim.cloud else me.key)
    client.edit_fields(issue.key, {"summary": "Whole"})
    client.add_comment(issue.key, "Done", key="k", internal=False, role=None)
    assert issue.values["summary"] == "Whole"
    assert issue.comments[-1].author == DUELINE
    assert client.server_info().base_url == site.url


KNOWN = pytest.mark.parametrize("known", [True, False], ids=["flavour known", "flavour asked"])


class TestCloud:
    @KNOWN
    def test_a_classic_token(self, cloud: Site, known: bool) -> None:
        cloud.sim.make_token(DUELINE, "cl4ss1c")
        works(cloud, cloud.connect(ApiToken(DUELINE, "cl4ss1c"), "cloud" if known else None))
        assert not cloud.asked("/_edge", "/ex/")

    @KNOWN
    def test_a_token_with_scopes_finds_its_gateway(self, cloud: Site, known: bool) -> None:
        cloud.sim.make_token(DUELINE, "sc0ped", scopes=WORK)
        works(cloud, cloud.connect(ApiToken(DUELINE, "sc0ped"), "cloud" if known else None))
        refused = [r for r in cloud.sim.requests if r.status == 401]
        assert len(refused) == 1
        assert cloud.asked("/_edge") == 1

    def test_a_site_that_tells_strangers_nothing(self, cloud: Site) -> None:
        cloud.sim.make_token(DUELINE, "sc0ped", scopes=WORK)
        cloud.sim.faults.error(401, path="^/rest/api/2/serverInfo")
        works(cloud, cloud.connect(ApiToken(DUELINE, "sc0ped")))

    @KNOWN
    def test_a_service_accounts_token_alone(self, cloud: Site, known: bool) -> None:
        cloud.sim.make_token(DUELINE, "sc0ped", scopes=WORK)
        works(cloud, cloud.connect(BearerToken("sc0ped"), "cloud" if known else None))

    @KNOWN
    def test_the_gateways_own_address(self, cloud: Site, known: bool) -> None:
        cloud.sim.make_token(DUELINE, "sc0ped", scopes=WORK)
        site, cloud.url = cloud.url, f"{cloud.url}/ex/jira/{cloud.sim.cloud_id}"
        client = connect(
            cloud.url,
            ApiToken(DUELINE, "sc0ped"),
            flavour="cloud" if known else None,
            atlassian=Atlassian(site, site),
        )
        cloud.url = site
        works(cloud, client)
        assert cloud.asked("/rest", "/_edge") == 0

    def test_a_token_without_the_scopes_is_told_which(self, cloud: Site) -> None:
        cloud.sim.make_token(DUELINE, "sc0ped", scopes=["read:jira-work"])
        client = cloud.connect(ApiToken(DUELINE, "sc0ped"))
        with pytest.raises(JiraRefused, match="has the scope read:jira-user too"):
            client.myself()
        assert client.fields()
        issue = cloud.sim.create_issue(project="BOT", summary="Broken")
        with pytest.raises(JiraRefused, match="has the scope write:jira-work too") as caught:
            client.edit_fields(issue.key, {"summary": "Whole"})
        assert verdict(caught.value, 1, jitter=0.5).kind == "give_up"

    def test_a_token_that_ends(self, cloud: Site) -> None:
        cloud.sim.make_token(DUELINE, "cl4ss1c", ends_at=NOW + timedelta(days=1))
        client = cloud.connect(ApiToken(DUELINE, "cl4ss1c"), "cloud")
        client.fields()
        cloud.wait(days=1)
        with pytest.raises(JiraRefused, match="a token ends after a year at the latest") as caught:
            client.fields()
        assert caught.value.status == 401

    def test_threads_that_are_refused_at_once_find_one_gateway(self, cloud: Site) -> None:
        cloud.sim.make_token(DUELINE, "sc0ped", scopes=WORK)
        client = cloud.connect(ApiToken(DUELINE, "sc0ped"), "cloud")
        found: list[object] = []
        threads = [threading.Thread(target=lambda: found.append(client.fields())) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 6
        assert cloud.asked("/_edge") == 1

    def test_a_wrong_token_is_refused_with_what_the_site_said(self, cloud: Site) -> None:
        client = cloud.connect(ApiToken(DUELINE, "wr0ng"), "cloud")
        for _ in range(2):
            with pytest.raises(JiraRefused) as caught:
                client.fields()
            assert caught.value.status == 401
            assert "/ex/jira" not in str(caught.value)
            assert "Client must be authenticated" in caught.value.sentence
        assert cloud.asked("/_edge") == 1, "the cloud id does not change"

    def test_a_bare_classic_token_is_told_to_take_its_account_along(self, cloud: Site) -> None:
        cloud.sim.make_token(DUELINE, "cl4ss1c")
        cloud.sim.faults.error(401, path="^/ex/jira", times=9)
        with pytest.raises(JiraRefused, match="Give the account's e-mail address beside"):
            cloud.connect(BearerToken("cl4ss1c"), "cloud").fields()

    @pytest.mark.parametrize(
        "tenant",
        [
            {"status": 404},
            {"status": 503},
            {"status": 200, "body": {"cloudId": "../../evil"}},
            {"status": 200, "body": {"cloudId": 7}},
            {"status": 200, "body": "<html>"},
            {"drop": "before"},
        ],
    )
    def test_without_a_cloud_id_the_sites_refusal_stands(
        self, cloud: Site, tenant: dict[str, object]
    ) -> None:
        cloud.sim.faults.add(path="/_edge", **tenant)
        with pytest.raises(JiraRefused, match="401"):
            cloud.connect(ApiToken(DUELINE, "wr0ng"), "cloud").fields()
        assert not cloud.asked("/ex/")

    def test_nothing_is_tried_at_atlassians_for_a_site_without_https(self, cloud: Site) -> None:
        client = connect(cloud.url, ApiToken(DUELINE, "wr0ng"), flavour="cloud")
        with pytest.raises(JiraRefused, match="401"):
            client.fields()
        assert not cloud.asked("/_edge")


class TestClientOfAServiceAccount:
    @pytest.fixture(params=["cloud", "datacenter"])
    def site(self, request: pytest.FixtureRequest, serve: Serve) -> Site:
        found = serve(request.param)
        scopes = WORK if request.param == "cloud" else ("WRITE",)
        found.sim.make_client(DUELINE, CLIENT.client_id, CLIENT.client_secret, scopes=scopes)
        return found

    @staticmethod
    def tokens(site: Site) -> int:
        return site.asked("/oauth/token", "/rest/oauth2/")

    @KNOWN
    def test_it_works(self, site: Site, known: bool) -> None:
        works(site, site.connect(CLIENT, site.sim.flavour if known else None))
        assert self.tokens(site) == 1
        at_site = [r for r in site.sim.requests if r.path.startswith("/rest/api")]
        assert bool(at_site) != site.sim.cloud, "on Cloud every call goes through the gateway"

    def test_a_token_is_renewed_before_its_end(self, site: Site) -> None:
        client = site.connect(CLIENT)
        client.fields()
        site.wait(minutes=57)
        client.fields()
        assert self.tokens(site) == 1
        site.wait(minutes=1, seconds=1)
        client.fields()
        assert self.tokens(site) == 2
        assert not [r for r in site.sim.requests if r.status == 401]

    def test_while_no_other_is_to_be_had_a_token_is_used_to_its_end(self, site: Site) -> None:
        client = site.connect(CLIENT)
        client.fields()
        site.sim.faults.error(503, path="token$", times=9)
        site.wait(minutes=58, seconds=1)
        for _ in range(3):
            client.fields()
        assert self.tokens(site) == 2, "it is tried again after some seconds only"
        site.wait(seconds=5)
        client.fields()
        assert self.tokens(site) == 3
        site.wait(minutes=2)
        with pytest.raises(JiraUnreachable, match="signing in"):
            client.fields()
        site.sim.faults.clear()
        client.fields()
        assert not [r for r in site.sim.requests if r.status == 401]

    @pytest.mark.parametrize("lasting", ["3600", 3600, 3600.0])
    def test_how_long_it_lasts_may_be_a_text(self, site: Site, lasting: object) -> None:
        client = site.connect(CLIENT, site.sim.flavour)
        body = {"access_token": "t0ken", "expires_in": lasting}
        site.sim.faults.add(path="token$", status=200, body=body)
        site.sim.make_token(DUELINE, "t0ken", scopes=WORK)
        client.fields()
        site.wait(minutes=58, seconds=1)
        client.fields()
        assert self.tokens(site) == 2

    def test_a_token_that_is_refused_is_renewed_once(self, site: Site) -> None:
        client = site.connect(CLIENT)
        client.fields()
        site.sim.tokens.clear()
        issue = site.sim.create_issue(project="BOT", summary="Broken")
        client.edit_fields(issue.key, {"summary": "Whole"})
        assert issue.values["summary"] == "Whole"
        assert self.tokens(site) == 2

    def test_what_is_sent_again_is_asked_for_again(self, site: Site) -> None:
        client = site.connect(CLIENT)
        client.fields()
        site.sim.tokens.clear()
        issue = site.sim.create_issue(project="BOT", summary="Broken")
        asked: list[int] = []

        def may_leave() -> bool:
            asked.append(self.tokens(site))
            return True

        with asking_before(may_leave):
            client.edit_fields(issue.key, {"summary": "Whole"})
        assert asked == [1, 2]

    def test_one_token_for_all_threads(self, site: Site) -> None:
        client = site.connect(CLIENT, site.sim.flavour)
        threads = [threading.Thread(target=client.fields) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert self.tokens(site) == 1

    def test_a_wrong_secret_is_said_to_be_one(self, site: Site) -> None:
        with pytest.raises(SignInRefused, match="Check the client id and its secret") as caught:
            site.connect(ClientCredentials("client-1", "wr0ng-s3cr3t")).fields()
        assert "wr0ng-s3cr3t" not in str(caught.value)
        assert verdict(caught.value, 1, jitter=0.5).kind == "wait"

    def test_an_endpoint_that_is_down_is_an_outage(self, site: Site) -> None:
        client = site.connect(CLIENT, site.sim.flavour)
        for fault in ({"status": 503}, {"status": 429}, {"drop": "before"}):
            site.sim.faults.add(path="token$", **fault)
            with pytest.raises(JiraUnreachable, match="signing in") as caught:
                client.add_comment("BOT-1", "x", key="k", internal=False, role=None)
            assert verdict(caught.value, 1, jitter=0.5).kind == "wait"
            assert CLIENT.client_secret not in str(caught.value)

    def test_no_access_token_is_shown(self, site: Site) -> None:
        client = site.connect(CLIENT, site.sim.flavour)
        client.fields()
        token = site.sim.tokens[-1].text
        site.sim.faults.error(400, body={"errorMessages": [f"odd {token}"]}, path="field$")
        with pytest.raises(JiraError) as caught:
            client.fields()
        assert "odd ***" in str(caught.value)

    @pytest.mark.parametrize("answer", ["<html>", {}, {"access_token": 7}, []])
    def test_an_answer_that_holds_no_token(self, site: Site, answer: object) -> None:
        client = site.connect(CLIENT, site.sim.flavour)
        site.sim.faults.add(path="token$", status=200, body=answer)
        with pytest.raises(SignInRefused, match="No access tokens are given there"):
            client.fields()


class TestWhichJiraAClientIsOf:
    @pytest.mark.parametrize("flavour", [None, "cloud"])
    def test_a_site_that_is_busy_is_not_taken_for_a_data_center(
        self, cloud: Site, flavour: Flavour | None
    ) -> None:
        cloud.sim.faults.error(503, path="/_edge", headers={"Retry-After": "60"})
        with pytest.raises(JiraUnreachable, match="finding the cloud id") as caught:
            cloud.connect(CLIENT, flavour)
        assert caught.value.retry_after == timedelta(seconds=60)

    def test_what_is_said_to_be_cloud_and_is_not(self, datacenter: Site) -> None:
        with pytest.raises(ConnectorError, match="does not tell its cloud id, as a site on Cloud"):
            datacenter.connect(CLIENT, "cloud")

    def test_an_old_data_center_has_no_service_accounts(self, datacenter: Site) -> None:
        datacenter.sim.faults.error(404, path="oauth2", body="<html>")
        with pytest.raises(SignInRefused, match="takes a personal access token instead"):
            datacenter.connect(CLIENT)


class TestDataCenter:
    @KNOWN
    def test_a_personal_access_token(self, datacenter: Site, known: bool) -> None:
        datacenter.sim.make_token(DUELINE, "p4t")
        client = datacenter.connect(BearerToken("p4t"), "datacenter" if known else None)
        works(datacenter, client)

    def test_a_personal_access_token_that_ends(self, datacenter: Site) -> None:
        datacenter.sim.make_token(DUELINE, "p4t", ends_at=NOW + timedelta(days=1))
        client = datacenter.connect(BearerToken("p4t"))
        client.fields()
        datacenter.wait(days=2)
        with pytest.raises(JiraRefused, match="has ended or was revoked: make a new one"):
            client.fields()

    @KNOWN
    def test_a_password_where_it_is_taken(self, datacenter: Site, known: bool) -> None:
        credentials = ApiToken("dueline", "simulator")
        works(datacenter, datacenter.connect(credentials, "datacenter" if known else None))

    def test_a_password_where_it_is_not(self, datacenter: Site) -> None:
        datacenter.sim.takes_passwords = False
        with pytest.raises(JiraRefused, match="make a personal access token") as caught:
            datacenter.connect(ApiToken("dueline", "simulator"))
        assert verdict(caught.value, 1, jitter=0.5).kind == "wait"
        datacenter.sim.make_token(DUELINE, "p4t")
        works(datacenter, datacenter.connect(BearerToken("p4t")))

    def test_no_data_center_is_looked_for_at_atlassian(self, datacenter: Site) -> None:
        with pytest.raises(JiraRefused):
            datacenter.connect(BearerToken("wr0ng"), "datacenter").fields()
        assert not datacenter.asked("/_edge", "/ex/")

    def test_a_service_account_administers_nothing(self, datacenter: Site) -> None:
        datacenter.sim.make_client(
            DUELINE, CLIENT.client_id, CLIENT.client_secret, scopes=["WRITE"]
        )
        client = datacenter.connect(CLIENT)
        with pytest.raises(JiraRefused) as caught:
            client.create_field("SLA state", "textfield")
        assert caught.value.status == 403


@pytest.mark.parametrize(
    "credentials",
    [ApiToken("me@example.com", "t0ken"), BearerToken("t0ken"), ClientCredentials("id", "t0ken")],
)
def test_no_secret_is_shown_by_the_credentials(credentials: Credentials) -> None:
    assert "t0ken" not in repr(credentials)


def test_an_address_that_cannot_be_read_is_not_shown_with_its_password() -> None:
    with pytest.raises(ConnectorError) as caught:
        connect("https://me:t0ken@[x", BearerToken("t0ken"), flavour="cloud")
    assert "t0ken" not in str(caught.value)


class TestAtAtlassiansOwnAddresses:
    """What leaves for which host, and with which credentials."""

    SITE = "https://acme.atlassian.net"
    GATEWAY = "https://api.atlassian.com/ex/jira/0f1e2d3c-0000-4000-8000-000000000000"
    ME: ClassVar = {"accountId": "712020:me"}

    @pytest.fixture
    def jira(self) -> Iterator[responses.RequestsMock]:
        with responses.RequestsMock() as mock:
            tenant = {"cloudId": self.GATEWAY.rpartition("/")[2]}
            mock.get(f"{self.SITE}/_edge/tenant_info", json=tenant)
            yield mock

    @staticmethod
    def sent(jira: responses.RequestsMock) -> list[tuple[str, str | None]]:
        """Each address that was asked, with the kind of signature."""
        return [
            (
                str(call.request.url),
                (call.request.headers.get("Authorization") or "").split(" ")[0] or None,
            )
            for call in jira.calls
        ]

    @pytest.mark.parametrize("site", [SITE, "HTTPS://ACME.Atlassian.net/", f" {SITE}/ "])
    def test_a_token_with_scopes(self, jira: responses.RequestsMock, site: str) -> None:
        myself = "/rest/api/3/myself"
        jira.get(f"{self.SITE}{myself}", status=401, json={"message": "Unauthorized"})
        jira.get(f"{self.GATEWAY}{myself}", json=self.ME)
        client = connect(site, ApiToken("me@acme.example", "t0ken"), flavour="cloud")
        assert client.myself() == "712020:me"
        assert self.sent(jira) == [
            (f"{self.SITE}{myself}", "Basic"),
            (f"{self.SITE}/_edge/tenant_info", None),
            (f"{self.GATEWAY}{myself}", "Basic"),
            (f"{self.GATEWAY}{myself}", "Basic"),
        ]

    def test_a_client(self, jira: responses.RequestsMock) -> None:
        token = "https://auth.atlassian.com/oauth/token"
        granted = {"access_token": "acc3ss", "expires_in": 3600, "token_type": "Bearer"}
        jira.post(token, json=granted)
        jira.get(f"{self.GATEWAY}/rest/api/2/serverInfo", json={"deploymentType": "Cloud"})
        jira.get(f"{self.GATEWAY}/rest/api/3/myself", json=self.ME)
        client = connect(self.SITE, CLIENT)
        assert client.myself() == "712020:me"
        assert self.sent(jira) == [
            (f"{self.SITE}/_edge/tenant_info", None),
            (token, None),
            (f"{self.GATEWAY}/rest/api/2/serverInfo", "Bearer"),
            (f"{self.GATEWAY}/rest/api/3/myself", "Bearer"),
        ]
        body = jira.calls[1].request.body
        assert parse_qs(str(body)) == {
            "grant_type": ["client_credentials"],
            "client_id": [CLIENT.client_id],
            "client_secret": [CLIENT.client_secret],
        }
        assert jira.calls[-1].request.headers["Authorization"] == "Bearer acc3ss"

    @pytest.mark.parametrize("lasting", [{}, {"expires_in": None}, {"expires_in": "soon"}])
    def test_an_access_token_that_does_not_say_how_long_it_lasts(
        self, jira: responses.RequestsMock, lasting: dict[str, object]
    ) -> None:
        token = jira.post(
            "https://auth.atlassian.com/oauth/token", json={"access_token": "acc3ss", **lasting}
        )
        jira.get(f"{self.GATEWAY}/rest/api/3/field", json=[])
        instants = iter([0.0, 1.0, 1e9, 1e9, 1e9])
        client = connect(self.SITE, CLIENT, flavour="cloud", monotonic=lambda: next(instants))
        client.fields()
        client.fields()
        assert token.call_count == 1

    def test_credentials_in_a_file_of_the_machine_are_not_used(
        self,
        jira: responses.RequestsMock,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        file = tmp_path / "netrc"
        file.write_text("default login somebody password s3cr3t\n", encoding="utf-8")
        monkeypatch.setenv("NETRC", str(file))
        jira.get(f"{self.SITE}/rest/api/3/field", status=401, json={})
        jira.get(f"{self.GATEWAY}/rest/api/3/myself", status=401, json={})
        with pytest.raises(JiraRefused):
            connect(self.SITE, BearerToken("t0ken"), flavour="cloud").fields()
        kinds = [kind for _, kind in self.sent(jira)]
        assert kinds == ["Bearer", None, "Bearer"]
