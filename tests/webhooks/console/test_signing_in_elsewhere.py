"""Signing in by a provider of OpenID Connect, and by Atlassian's accounts; and attacks on both."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from msgspec.structs import replace
from werkzeug.test import TestResponse

from config.settings import AtlassianSignIn, OpenIdConnect, Secret
from sla.store import audit
from tests.scenarios.world import World, utc, world
from tests.webhooks.console import provider as providers
from tests.webhooks.console.desk import TOKEN, Desk, words
from tests.webhooks.console.provider import CLIENT, SECRET, Provider, ec_key, rsa_key
from webhooks.console.access import away, oidc

START = utc("2024-07-10 19:00")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Provider]]:
    """A console that takes the provider's people and Atlassian's; making one takes a second."""
    with (
        world(tmp_path_factory.mktemp("console"), START) as made,
        providers.provider(made.clock.now) as there,
    ):
        made.stop()
        made.settings = replace(
            made.settings,
            public_url="http://dueline.test",
            console_token=Secret(TOKEN),
            oidc=OpenIdConnect(
                there.url, CLIENT, Secret(SECRET), frozenset({"ada@acme.example", "sla-admins"})
            ),
            atlassian_sign_in=AtlassianSignIn(CLIENT, Secret(SECRET), frozenset({"712020:ada"})),
            atlassian_auth=there.url,
            atlassian_gateway=there.url,
        )
        made.start()
        yield made, there


@pytest.fixture
def desk(made: tuple[World, Provider]) -> Desk:
    """Somebody whom nobody knows yet."""
    made[0].clock.at = START
    return Desk(made[0])


@pytest.fixture
def there(made: tuple[World, Provider]) -> Provider:
    """The provider, which does everything right as long as the test says nothing else."""
    right = Provider(made[0].clock.now, made[1].url)
    right.sites = [{"id": "c-1", "url": made[0].url, "name": "acme", "scopes": ["read:jira-user"]}]
    vars(made[1]).update(vars(right))
    return made[1]


def settings_with(desk: Desk, patch: pytest.MonkeyPatch, **more: Any) -> None:
    """Another provider in the settings, as after a restart with others."""
    before = desk.standing.settings
    assert before.oidc
    changed = replace(before, oidc=replace(before.oidc, **more))
    patch.setattr(desk.standing.service, "settings", changed)


def come_back(desk: Desk, there: Provider, way: str = "oidc", **changed: str) -> TestResponse:
    """Go there, sign in, and come back; what is changed about the address is another's doing."""
    left = desk.get(f"/sign-in/{way}", next="/audit?actor=x")
    assert left.status_code == 302, left.text
    return desk.client.get(
        f"/sign-in/{way}/callback", query_string={**there.sign_in(left.location), **changed}
    )


def who(desk: Desk) -> str:
    """Who the console says that is signed in; empty: nobody."""
    answer = desk.get("/audit")
    return words(answer.text).split("Sign out")[0] if answer.status_code == 200 else ""


def recorded(desk: Desk) -> list[tuple[str, str, str]]:
    standing = desk.standing
    found = standing.database.read(lambda c: audit.listed(c, standing.site, audit.Wanted(), 10))
    return [(each.action, each.actor, each.actor_name) for each in found]


def test_an_administrator_signs_in_and_goes_on_to_the_page_they_wanted(
    desk: Desk, there: Provider
) -> None:
    assert f"Sign in at {urlsplit(there.url).hostname}" in desk.page("/sign-in")
    answer = come_back(desk, there)
    assert (answer.status_code, answer.location) == (302, "/audit?actor=x")
    assert "Ada Lovelace" in who(desk)
    assert "viewer" not in who(desk)
    assert recorded(desk)[0] == ("signed in", "oidc:ada-1", "Ada Lovelace")


def test_the_request_is_as_the_standard_asks(desk: Desk, there: Provider) -> None:
    left = desk.get("/sign-in/oidc").location
    asked = parse_qs(urlsplit(left).query)
    assert left.startswith(f"{there.url}/authorize?")
    assert asked["redirect_uri"] == ["http://dueline.test/sign-in/oidc/callback"]
    assert asked["scope"] == ["openid email profile"]
    assert asked["code_challenge_method"] == ["S256"]
    again = parse_qs(urlsplit(desk.get("/sign-in/oidc").location).query)
    assert not {*asked["state"], *asked["nonce"], *asked["code_challenge"]} & {
        *again["state"], *again["nonce"], *again["code_challenge"]
    }  # fmt: skip


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80"])
def test_nobody_is_sent_where_a_request_says(desk: Desk, there: Provider, host: str) -> None:
    headers = {"Host": host, "X-Forwarded-Host": host}
    left = desk.client.get("/sign-in/oidc", headers=headers).location
    assert "evil" not in left
    assert "evil" not in desk.client.get("/sign-in/atlassian", headers=headers).location


@pytest.mark.parametrize(
    ("person", "beside", "viewers", "role"),
    [
        ({"email": "Ada@ACME.example"}, None, None, "administrator"),
        ({"email": "ada@acme.example", "email_verified": False}, None, None, "viewer"),
        ({"email": "ada@acme.example", "email_verified": "no"}, None, None, "viewer"),
        ({"email": "eve@acme.example"}, None, None, "viewer"),
        ({"groups": ["SLA-admins"]}, None, None, "administrator"),
        ({"roles": ["sla-admins", 3]}, None, None, "administrator"),
        # Neither stands in for the other.
        ({"groups": ["ada@acme.example"]}, None, None, "viewer"),
        ({"email": "sla-admins"}, None, None, "viewer"),
        ({"name": "ada@acme.example", "preferred_username": "sla-admins"}, None, None, "viewer"),
        ({"groups": "sla-admins"}, None, None, "viewer"),
        # What the ID token does not tell, userinfo may; what it tells holds.
        ({}, {"sub": "ada-1", "groups": ["sla-admins"]}, None, "administrator"),
        ({"email": "eve@x"}, {"sub": "ada-1", "email": "ada@acme.example"}, None, "viewer"),
        ({}, {"sub": "somebody", "groups": ["sla-admins"]}, None, None),
        ({"email": "eve@acme.example"}, None, {"support"}, None),
        ({"groups": ["support"]}, None, {"support"}, "viewer"),
        ({"groups": ["sla-admins"]}, None, set(), "administrator"),
    ],
)  # fmt: skip
def test_a_role_comes_from_address_and_groups(
    desk: Desk, there: Provider, monkeypatch: pytest.MonkeyPatch, person: dict[str, Any],
    beside: dict[str, Any] | None, viewers: set[str] | None, role: str | None,
) -> None:  # fmt: skip
    there.person = {"sub": "ada-1", **person}
    there.told_beside = beside
    settings_with(desk, monkeypatch, viewers=None if viewers is None else frozenset(viewers))
    answer = come_back(desk, there)
    assert (answer.status_code == 302) == (role is not None), answer.text
    assert ("(viewer)" in who(desk)) == (role == "viewer")
    assert bool(who(desk)) == (role is not None)


def test_whoever_has_no_role_is_told_what_to_ask_for(
    desk: Desk, there: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    there.person = {"sub": "eve", "name": "<script>alert(1)</script>", "email": "eve@acme.example"}
    settings_with(desk, monkeypatch, viewers=frozenset({"support"}))
    answer = come_back(desk, there)
    assert answer.status_code == 403
    assert "DUELINE_OIDC_VIEWERS" in words(answer.text)
    assert "eve@acme.example" in answer.text
    assert "<script>alert" not in answer.text
    desk.sign_in()
    assert recorded(desk)[1] == ("sign-in refused", "oidc:eve", "<script>alert(1)</script>")
    shown = desk.get("/audit").text
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert(1)" in shown


Forgery = Callable[[dict[str, Any]], str]


def _unsigned(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, None, "none")  # type: ignore[arg-type]


def _by_another(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, rsa_key("another"), "RS256", headers={"kid": "one"})


def _by_our_secret(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, SECRET * 2, "HS256", headers={"kid": "one"})


def _by_the_key_for_encryption(claims: dict[str, Any]) -> str:
    return jwt.encode(claims, rsa_key("other"), "RS256", headers={"kid": "enc"})


def _by_a_key_of_its_own(claims: dict[str, Any]) -> str:
    key = providers.published("RS256", rsa_key("another"), "one")
    return jwt.encode(claims, rsa_key("another"), "RS256", headers={"kid": "one", "jwk": key})


def _altered(claims: dict[str, Any]) -> str:
    head, _, mark = jwt.encode(claims, rsa_key("provider"), "RS256", {"kid": "one"}).split(".")
    body = json.dumps({**claims, "email": "ada@acme.example"}).encode()
    return f"{head}.{base64.urlsafe_b64encode(body).decode().rstrip('=')}.{mark}"


@pytest.mark.parametrize(
    "forged",
    [
        _unsigned, _by_another, _by_our_secret, _by_the_key_for_encryption, _by_a_key_of_its_own,
        _altered, lambda _: "", lambda _: "a.b.c", lambda _: "x" * 60_000,
    ],
)  # fmt: skip
def test_a_token_that_the_provider_did_not_sign_lets_nobody_in(
    desk: Desk, there: Provider, forged: Forgery
) -> None:
    there.signs = forged
    answer = come_back(desk, there)
    assert answer.status_code == 403
    assert "token does not hold" in words(answer.text)
    assert who(desk) == ""


@pytest.mark.parametrize(
    "changed",
    [
        {"aud": "another"}, {"aud": ["another", "third"]}, {"aud": None},
        {"aud": [CLIENT, "another"]}, {"aud": [CLIENT, "another"], "azp": "another"},
        {"azp": "another"}, {"iss": "https://evil.example"}, {"iss": None},
        {"nonce": "another"}, {"nonce": None}, {"nonce": 7}, {"sub": None}, {"sub": ""},
        {"sub": "x" * 300}, {"sub": 7},
        {"exp": 1}, {"exp": None}, {"exp": "soon"}, {"iat": None}, {"iat": 9_000_000_000},
        {"nbf": 9_000_000_000},
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_this_sign_in_lets_nobody_in(
    desk: Desk, there: Provider, changed: dict[str, Any]
) -> None:
    there.changed = changed
    answer = come_back(desk, there)
    assert answer.status_code == 403, answer.text
    assert "token" in words(answer.text)
    assert who(desk) == ""


def test_the_provider_s_clock_may_be_a_minute_off(desk: Desk, there: Provider) -> None:
    at, leeway = START.timestamp(), oidc.LEEWAY.total_seconds()
    for ends, holds in ((at - leeway + 1, True), (at - leeway, False)):
        there.changed = {"exp": int(ends)}
        assert (come_back(desk, there).status_code == 302) is holds


def test_another_key_and_algorithm_of_the_provider_does_as_well(
    desk: Desk, there: Provider
) -> None:
    there.signs = lambda claims: jwt.encode(claims, ec_key(), "ES256", headers={"kid": "two"})
    assert come_back(desk, there).status_code == 302


@pytest.mark.parametrize("way", ["oidc", "atlassian"])
def test_an_answer_that_this_browser_did_not_ask_for_is_refused(
    desk: Desk, there: Provider, way: str
) -> None:
    assert come_back(desk, there, way, state="another").status_code == 403
    # The journey is over, whatever came of it: its right state comes too late.
    left = desk.get(f"/sign-in/{way}").location
    right = there.sign_in(left)
    callback = f"/sign-in/{way}/callback"
    assert desk.client.get(callback, query_string={**right, "state": ""}).status_code == 403
    assert desk.client.get(callback, query_string=right).status_code == 403
    # An attacker's own code in somebody else's browser.
    stranger = Desk(desk.world)
    theirs = there.sign_in(stranger.get(f"/sign-in/{way}").location)
    assert desk.client.get(callback, query_string=theirs).status_code == 403
    # An answer of the one way at the door of the other.
    other = {"oidc": "atlassian", "atlassian": "oidc"}[way]
    query = there.sign_in(desk.get(f"/sign-in/{way}").location)
    assert desk.client.get(f"/sign-in/{other}/callback", query_string=query).status_code == 403
    assert who(desk) == ""


@pytest.mark.parametrize("way", ["oidc", "atlassian"])
def test_an_answer_is_good_once(desk: Desk, there: Provider, way: str) -> None:
    left = desk.get(f"/sign-in/{way}")
    cookie = left.headers["Set-Cookie"].split(";")[0]
    query = there.sign_in(left.location)
    callback = f"/sign-in/{way}/callback"
    assert desk.client.get(callback, query_string=query).status_code == 302
    assert desk.client.get(callback, query_string=query).status_code == 403
    # Whoever took note of the cookie of that time gets no further: the code is used up.
    fresh = desk.world.receiver.application.test_client()
    name, _, value = cookie.partition("=")
    fresh.set_cookie(name, value)
    assert fresh.get(callback, query_string=query).status_code == 403


def test_signing_in_may_not_take_for_ever(desk: Desk, there: Provider) -> None:
    query = there.sign_in(desk.get("/sign-in/oidc").location)
    desk.world.clock.at += timedelta(minutes=10)
    answer = desk.client.get("/sign-in/oidc/callback", query_string=query)
    assert answer.status_code == 403
    assert "longer than ten minutes" in words(answer.text)


def test_whoever_declines_there_is_told_so_here(desk: Desk, there: Provider) -> None:
    for way in ("oidc", "atlassian"):
        state = parse_qs(urlsplit(desk.get(f"/sign-in/{way}").location).query)["state"][0]
        told = {"state": state, "error": "access_denied", "error_description": "<b>no</b>"}
        answer = desk.client.get(f"/sign-in/{way}/callback", query_string=told)
        assert answer.status_code == 403
        assert "did not let you in" in words(answer.text)
        assert "<b>no</b>" not in answer.text


def test_an_answer_that_names_another_issuer_is_refused(desk: Desk, there: Provider) -> None:
    assert come_back(desk, there, iss="https://evil.example").status_code == 403
    assert come_back(desk, there, iss=there.url).status_code == 302


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"}, {"authorization_endpoint": "javascript:alert(1)"},
        {"token_endpoint": "http://evil.example/token"}, {"jwks_uri": "file:///etc/passwd"},
        {"userinfo_endpoint": "http://10.0.0.1/"}, {"end_session_endpoint": "javascript:1"},
        {"token_endpoint": None}, {"jwks_uri": 7},
    ],
)  # fmt: skip
def test_a_provider_that_describes_itself_wrongly_is_not_asked(
    desk: Desk, there: Provider, described: dict[str, Any]
) -> None:
    there.described = described
    answer = desk.get("/sign-in/oidc")
    assert answer.status_code == 503
    assert "does not answer as it should" in words(answer.text)
    assert [path for path, _, _ in there.heard] == ["/.well-known/openid-configuration"]


@pytest.mark.parametrize("way", ["oidc", "atlassian"])
def test_a_provider_that_is_down_keeps_nobody_from_the_token(
    desk: Desk, there: Provider, way: str
) -> None:
    query = there.sign_in(desk.get(f"/sign-in/{way}").location)
    there.is_down = True
    answer = desk.client.get(f"/sign-in/{way}/callback", query_string=query)
    assert answer.status_code == 503
    assert "Administrator's token" in words(answer.text)
    assert desk.sign_in().status_code == 302


def test_a_provider_that_hangs_holds_a_few_threads_and_no_more(
    desk: Desk, there: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = [away._AT_ONCE.acquire(blocking=False) for _ in range(4)]
    try:
        answer = desk.get("/sign-in/oidc")
    finally:
        for _ in filter(None, taken):
            away._AT_ONCE.release()
    assert all(taken)
    assert answer.status_code == 503
    assert there.heard == []
    assert come_back(desk, there).status_code == 302


def test_no_secret_is_told(
    desk: Desk, there: Provider, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """The provider repeats what it was sent; the answer to the browser does not."""
    caplog.set_level("DEBUG")
    shown = come_back(desk, there, code="wrong").text
    shown += come_back(desk, there, "atlassian", code="wrong").text
    there.is_down = True
    shown += desk.get("/sign-in/oidc").text
    assert shown.count("Begin again here") == 2
    assert "invalid_grant" in shown
    heard = "".join(json.dumps(each) for each in there.heard)
    assert json.dumps(SECRET)[1:-1] in heard
    written = "".join(capfd.readouterr()) + caplog.text
    assert SECRET not in shown + written
    assert SECRET not in repr(desk.world.settings)


def test_an_atlassian_account_with_access_to_this_jira_comes_in(
    desk: Desk, there: Provider
) -> None:
    left = desk.get("/sign-in/atlassian").location
    asked = parse_qs(urlsplit(left).query)
    assert asked["scope"] == ["read:me read:jira-user"]
    assert asked["audience"] == ["api.atlassian.com"]
    assert come_back(desk, there, "atlassian").location == "/audit?actor=x"
    assert "Ada Lovelace" in who(desk)
    assert "(viewer)" not in who(desk)
    there.account = {**there.account, "account_id": "712020:eve", "name": "Eve"}
    assert come_back(desk, there, "atlassian").status_code == 302
    assert "Eve (viewer)" in who(desk)
    actors = [actor for _, actor, _ in recorded(desk)][:2]
    assert actors == ["atlassian:712020:eve", "atlassian:712020:ada"]


@pytest.mark.parametrize(
    "sites",
    [
        [], {}, None, ["x"], [{"id": "c-2", "url": "https://other.atlassian.net"}],
        [{"id": "c-2", "url": "https://other.atlassian.net", "scopes": ["read:jira-user"]}],
        [{"id": "", "url": "", "scopes": ["read:jira-user"]}],
        "ours without jira",
    ],
)  # fmt: skip
def test_an_atlassian_account_without_access_to_this_jira_does_not(
    desk: Desk, there: Provider, sites: Any
) -> None:
    ours = {"id": "c-1", "url": desk.world.url, "scopes": ["read:confluence-user"]}
    there.sites = [ours] if isinstance(sites, str) else sites
    answer = come_back(desk, there, "atlassian")
    assert answer.status_code == 403
    assert "no access to" in words(answer.text)
    assert who(desk) == ""
    desk.sign_in()
    assert recorded(desk)[1][:2] == ("sign-in refused", "atlassian:712020:ada")


def test_an_atlassian_account_that_is_closed_does_not(desk: Desk, there: Provider) -> None:
    there.account = {**there.account, "account_status": "closed"}
    assert come_back(desk, there, "atlassian").status_code == 403
    there.account = {"name": "nobody"}
    assert come_back(desk, there, "atlassian").status_code == 403
    assert who(desk) == ""


def test_a_role_that_is_taken_away_ends_the_session_in_which_it_was_held(
    desk: Desk, there: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    come_back(desk, there)
    assert "Ada" in who(desk)
    settings_with(desk, monkeypatch, administrators=frozenset({"eve@acme.example"}))
    assert who(desk) == ""
    assert "session has ended" in desk.page("/sign-in")


def test_a_token_never_does_more_than_who_made_it(desk: Desk, there: Provider) -> None:
    def change(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        program = desk.world.receiver.application.test_client()
        return program.delete("/api/tokens/999999", headers=headers).status_code

    tokens = {}
    for way in ("oidc", "atlassian"):
        come_back(desk, there, way)
        page = desk.post("/tokens", {"name": way, "role": "administrator", "days": ""}).text
        tokens[way] = page.partition('aria-label="The token">')[2].partition("<")[0]
    assert [change(token) for token in tokens.values()] == [404, 404]
    there.person = {**there.person, "email": "ada@other.example"}
    there.account = {**there.account, "account_status": "closed"}
    assert come_back(desk, there, "oidc").status_code == 302
    assert come_back(desk, there, "atlassian").status_code == 403
    # A viewer by now, and somebody who may not come in at all.
    assert [change(token) for token in tokens.values()] == [403, 401]
    desk.sign_in()
    shown = desk.page("/tokens")
    assert "viewer now, as Ada Lovelace" in shown
    assert "held back" in shown
    there.person = {**there.person, "email": "ada@acme.example"}
    come_back(desk, there, "oidc")
    assert change(tokens["oidc"]) == 404


@pytest.mark.parametrize("ends", ["/logout?x=1", None])
def test_whoever_came_by_the_provider_may_sign_out_there_too(
    desk: Desk, there: Provider, ends: str | None
) -> None:
    there.described = {"end_session_endpoint": f"{there.url}{ends}"} if ends else {}
    come_back(desk, there)
    out = desk.post("/sign-out", {}, form="/tokens")
    assert who(desk) == ""
    shown = desk.get(out.location)
    assert f"Sign out at {urlsplit(there.url).hostname}, too" in words(shown.text)
    left = desk.get("/sign-out/oidc")
    if ends:
        assert left.location == f"{there.url}/logout?x=1&client_id={CLIENT}"
    else:
        assert left.status_code == 404
        assert "sign out there by hand" in words(left.text)
    desk.sign_in()
    assert desk.post("/sign-out", {}, form="/tokens").location == "/sign-in"


def test_a_way_that_is_not_set_up_is_not_there(outside: Desk) -> None:
    for path in ("/sign-in/oidc", "/sign-in/atlassian/callback", "/sign-in/elsewhere"):
        assert outside.get(path).status_code in (302, 404)
    assert "Sign in at" not in outside.page("/sign-in")
