"""Sessions: how they begin and end, what a stolen or made-up one is good for, and forged forms."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import product

import pytest
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from msgspec.structs import replace
from sqlalchemy import event, select

from config.settings import Secret
from sla.errors import StoreError
from sla.store.schema import sign_ins
from tests.webhooks.console.desk import TOKEN, Desk, words
from webhooks.console.access import local_token
from webhooks.console.access.people import Person

HOURS = timedelta(hours=1)


def is_in(desk: Desk) -> bool:
    return desk.get("/audit").status_code == 200


def cookie(client: FlaskClient, name: str = "dueline") -> str:
    found = client.get_cookie(name)
    assert found
    return found.value


def as_viewer(desk: Desk) -> Desk:
    """The same desk for somebody who may only look."""
    with desk.world.service.database.engine.begin() as connection:
        (row,) = connection.execute(select(sign_ins)).all()
        person = row.person.replace('"administrator"', '"viewer"')
        connection.execute(sign_ins.update().values(person=person))
    return desk


# --- their end --------------------------------------------------------------------------------


def test_whoever_does_nothing_for_eight_hours_is_out(desk: Desk) -> None:
    for _ in range(3):
        desk.world.clock.at += 8 * HOURS - timedelta(minutes=1)
        assert is_in(desk)
    desk.world.clock.at += 8 * HOURS
    answer = desk.get("/audit", actor="ada")
    assert answer.location == "/sign-in?next=/audit?actor%3Dada"
    assert "Your session has ended" in desk.page("/sign-in")
    assert desk.post("/sign-in", {"token": TOKEN, "next": "/audit?actor=ada"}).status_code == 302
    assert is_in(desk)


def test_nobody_stays_for_longer_than_a_week(desk: Desk) -> None:
    for _ in range(27):
        desk.world.clock.at += 6 * HOURS
        assert is_in(desk)
    desk.world.clock.at += 6 * HOURS
    assert not is_in(desk)


def test_the_settings_say_how_long(outside: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    service = outside.standing.service
    monkeypatch.setattr(service, "settings", replace(service.settings, session_idle=HOURS))
    outside.sign_in()
    outside.world.clock.at += HOURS - timedelta(seconds=1)
    assert is_in(outside)
    outside.world.clock.at += HOURS
    assert not is_in(outside)


def test_that_somebody_is_there_is_written_once_a_minute(desk: Desk) -> None:
    written: list[str] = []

    def hear(_c: object, _cursor: object, statement: str, *_: object) -> None:
        if not statement.startswith(("SELECT", "BEGIN", "PRAGMA")):
            written.append(statement)

    event.listen(desk.world.service.database.engine, "before_cursor_execute", hear)
    for _ in range(5):
        assert is_in(desk)
    assert written == []
    desk.world.clock.at += timedelta(minutes=1)
    for _ in range(5):
        assert is_in(desk)
    assert len([each for each in written if each.startswith("UPDATE sign_ins")]) == 1


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(desk: Desk) -> None:
    kept = cookie(desk.client)
    assert desk.post("/sign-out", {}, form="/audit").location == "/sign-in"
    assert not is_in(desk)
    desk.client.set_cookie("dueline", kept)
    assert not is_in(desk)
    desk.sign_in()
    shown = desk.page("/audit")
    assert "signed out" in shown


def test_signing_out_twice_does_no_harm(desk: Desk) -> None:
    form = desk.get("/audit").text
    token = re.findall(r'name="csrf_token" value="([^"]+)"', form)[0]
    desk.world.clock.at += 9 * HOURS
    assert desk.client.post("/sign-out", data={"csrf_token": token}).location == "/sign-in"


def test_another_token_in_the_settings_ends_what_the_old_one_began(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert is_in(desk)
    service = desk.standing.service
    other = Secret("another-token-0123456789abcdef")
    monkeypatch.setattr(service, "settings", replace(service.settings, console_token=other))
    assert not is_in(desk)
    assert desk.sign_in().status_code == 403
    assert desk.sign_in(other.reveal()).status_code == 302
    assert is_in(desk)


def test_everybody_can_be_signed_out(desk: Desk) -> None:
    beside = Desk(desk.world)
    beside.sign_in()
    assert desk.post("/tokens/sign-everybody-out", {}, form="/tokens").location == "/sign-in"
    assert not is_in(desk)
    assert not is_in(beside)
    desk.sign_in()
    assert "everybody signed out" in desk.page("/audit")


# --- what is stolen or made up ------------------------------------------------------------------


def test_the_id_is_another_one_after_signing_in(outside: Desk) -> None:
    """Whoever planted a cookie in somebody's browser does not get in with it."""
    outside.get("/sign-in")
    planted = cookie(outside.client)
    outside.sign_in()
    held = cookie(outside.client)
    assert held != planted
    attacker = outside.world.receiver.application.test_client()
    attacker.set_cookie("dueline", planted)
    assert attacker.get("/audit").status_code == 302
    outside.sign_in()
    assert cookie(outside.client) != held


def test_the_database_holds_nothing_to_sign_in_with(desk: Desk) -> None:
    database = desk.world.service.database
    with database.engine.connect() as connection:
        stored = str(connection.execute(select(sign_ins)).all())
    held = cookie(desk.client)
    id_ = _content(desk, held)["id"]
    assert len(id_) >= 43
    assert id_ not in stored
    assert TOKEN not in stored


def _signer(desk: Desk) -> URLSafeTimedSerializer:
    app = desk.world.receiver.application.wsgi_app.pages()  # type: ignore[attr-defined]
    found = app.session_interface.get_signing_serializer(app)
    assert isinstance(found, URLSafeTimedSerializer)
    return found


def _content(desk: Desk, value: str) -> dict[str, str]:
    content: dict[str, str] = _signer(desk).loads(value)
    return content


def test_a_cookie_that_was_tampered_with_is_none(desk: Desk) -> None:
    value = cookie(desk.client)
    for at in range(0, len(value), 7):
        altered = value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :]
        desk.client.set_cookie("dueline", altered)
        # A last character may stand for the same bits as another one.
        assert not is_in(desk) or at >= len(value) - 2
    for made_up in ("", ".", "x" * 3000, "eyJpZCI6Im5vIn0.x.y", "\x00"):
        desk.client.set_cookie("dueline", made_up)
        assert not is_in(desk)
    desk.client.set_cookie("dueline", value)
    assert is_in(desk)


def test_not_even_the_signing_key_makes_a_session(outside: Desk) -> None:
    """Whoever reads the database has the key, and no id that is in it as a hash."""
    outside.get("/sign-in")
    person = {"id": "local", "name": "x", "role": "administrator", "via": "local"}
    for id_ in ("", "guessed", 7, None, ["x"], {"a": 1}, "x" * 2000, "\ud800"):
        outside.client.set_cookie("dueline", _signer(outside).dumps({"id": id_, "person": person}))
        assert not is_in(outside)


def test_the_cookie_is_for_this_service_alone(
    outside: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (given,) = outside.get("/sign-in").headers.getlist("Set-Cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(given.split("; "))
    assert "Secure" not in given
    world = outside.world
    world.stop()
    world.settings = replace(world.settings, public_url="https://dueline.test")
    world.start()
    behind = Desk(world)
    (given,) = behind.get("/sign-in").headers.getlist("Set-Cookie")
    assert given.startswith("__Host-dueline=")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(given.split("; "))
    assert "Domain" not in given


# --- roles --------------------------------------------------------------------------------------


def test_a_viewer_sees_no_button_and_is_refused_all_the_same(desk: Desk) -> None:
    form = desk.get("/tokens").text
    csrf = re.findall(r'name="csrf_token" value="([^"]+)"', form)[0]
    as_viewer(desk)
    shown = desk.get("/audit").text
    assert "(viewer)" in shown
    assert 'href="/tokens"' not in shown
    assert desk.get("/tokens").status_code == 403
    for path in ("/tokens", "/tokens/1/revoke", "/tokens/sign-everybody-out"):
        answer = desk.client.post(path, data={"csrf_token": csrf, "name": "x", "role": "viewer"})
        assert answer.status_code == 403
        assert "Only an administrator" in words(answer.text)
    header = {"X-CSRFToken": csrf}
    assert desk.client.get("/api/tokens").status_code == 403
    made = desk.client.post("/api/tokens", json={"name": "x"}, headers=header)
    assert made.status_code == 403
    assert is_in(desk)


def test_a_viewer_is_one() -> None:
    assert not Person("x", "x", "viewer").may_change


# --- forged forms -------------------------------------------------------------------------------

FORMS = ("/sign-out", "/tokens", "/tokens/1/revoke", "/tokens/sign-everybody-out", "/sign-in")


def test_a_form_of_another_site_does_nothing(desk: Desk) -> None:
    stranger = Desk(desk.world)
    theirs = re.findall(r'value="([^"]+)"', stranger.get("/sign-in").text)[0]
    marks: tuple[dict[str, str], ...] = (
        {}, {"csrf_token": ""}, {"csrf_token": theirs}, {"csrf_token": "x"},
    )  # fmt: skip
    for path, data in product(FORMS, marks):
        sent = {"token": TOKEN, "name": "x", "role": "administrator", **data}
        answer = desk.client.post(path, data=sent, headers={"Sec-Fetch-Site": "cross-site"})
        assert answer.status_code == 400
        assert "Send again" not in answer.text
        assert TOKEN not in answer.text
    assert is_in(desk)
    assert "No token was made yet" in desk.page("/tokens")


def test_the_api_takes_the_cookie_only_with_the_header_against_forgery(desk: Desk) -> None:
    assert desk.client.get("/api/audit").status_code == 200
    refused = desk.client.post("/api/tokens", json={"name": "x"})
    assert (refused.status_code, refused.content_type) == (400, "application/json")
    csrf = re.findall(r'name="csrf_token" value="([^"]+)"', desk.get("/tokens").text)[0]
    made = desk.client.post("/api/tokens", json={"name": "x"}, headers={"X-CSRFToken": csrf})
    assert made.status_code == 200


# --- what was typed -----------------------------------------------------------------------------


def _hidden(html: str) -> dict[str, str]:
    from html import unescape

    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', html)
    return {unescape(name): unescape(value) for name, value in found}


def test_what_was_typed_survives_the_end_of_the_session(desk: Desk) -> None:
    """Sent too late; signed in in another tab; sent again, and again with this session's mark."""
    typed = {"name": 'Weekly "report" <b>\n& more', "role": "viewer", "days": "30"}
    token = _hidden(desk.get("/tokens").text)["csrf_token"]
    desk.world.clock.at += 9 * HOURS
    ours = {"Sec-Fetch-Site": "same-origin"}
    late = desk.client.post("/tokens", data={**typed, "csrf_token": token}, headers=ours)
    assert late.status_code == 401
    assert "Your session has ended" in words(late.text)
    assert "<b>" not in late.text
    kept = _hidden(late.text)
    assert {name: kept[name] for name in typed} == typed
    desk.sign_in()
    again = desk.client.post("/tokens", data=kept, headers=ours)
    assert again.status_code == 400
    assert "Send this once more" in words(again.text)
    kept = _hidden(again.text)
    done = desk.client.post("/tokens", data=kept, headers=ours)
    assert done.status_code == 200
    assert 'Weekly "report"' in words(done.text)


def test_an_origin_does_where_the_browser_says_no_more(desk: Desk) -> None:
    for origin, is_kept in (
        ("http://localhost", True),
        ("http://evil.example", False),
        ("", False),
    ):
        answer = desk.client.post("/tokens", data={"name": "x"}, headers={"Origin": origin})
        assert ("Send again" in answer.text) is is_kept


def test_a_form_is_sent_again_to_this_console_alone(outside: Desk) -> None:
    ours = {"Sec-Fetch-Site": "same-origin"}
    for path, again in (
        ("//evil.example/x", "/evil.example/x"), ("/\\evil.example", "/%5Cevil.example"),
    ):  # fmt: skip
        asked = {"PATH_INFO": path}
        answer = outside.client.post("/", data={"a": "b"}, headers=ours, environ_overrides=asked)
        assert f'action="{again}"' in answer.text
        led = outside.client.get("/", environ_overrides=asked).location
        assert led.startswith("/sign-in?next=/")
    answer = outside.client.post("/a%20b%3Fc/%C3%A9?x=%26y", data={"a": "b"}, headers=ours)
    assert 'action="/a%20b%3Fc/%C3%A9?x=%26y"' in answer.text


def test_a_token_is_never_repeated(outside: Desk) -> None:
    ours = {"Sec-Fetch-Site": "same-origin"}
    answer = outside.client.post("/sign-in", data={"token": TOKEN, "next": "/audit"}, headers=ours)
    assert answer.status_code == 400
    assert TOKEN not in answer.text
    assert _hidden(answer.text)["next"] == "/audit"
    assert "too old" in words(answer.text)


def test_a_part_of_a_page_that_is_asked_for_too_late_has_the_whole_page_go(outside: Desk) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://dueline.test/audit?actor=x"}
    answer = outside.client.get("/audit", headers=headers)
    assert answer.status_code == 401
    assert answer.headers["HX-Redirect"] == "/sign-in?next=/audit?actor%3Dx"
    evil = {**headers, "HX-Current-URL": "//evil.example\\@x"}
    assert outside.client.get("/audit", headers=evil).headers["HX-Redirect"].startswith("/sign-in?")


def test_a_token_that_is_made_anew_ends_what_the_one_before_began(
    outside: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = outside.standing.service
    settings = replace(service.settings, console_token=None)
    monkeypatch.setattr(service, "settings", settings)
    assert "Nobody can sign in yet" in outside.page("/sign-in")
    now = outside.world.clock.at

    def make() -> str:
        return service.database.write(lambda c: local_token.make(c, "default", settings, now))

    first = make()
    assert outside.sign_in(first).status_code == 302
    assert is_in(outside)
    second = make()
    assert not is_in(outside)
    assert outside.sign_in(first).status_code == 403
    assert outside.sign_in(second).status_code == 302
    assert is_in(outside)


def test_a_database_that_is_away_is_told_as_such(
    outside: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first page of all, and at every later one; nobody is taken for somebody else."""

    def away(*_: object) -> None:
        raise StoreError("away")

    database = outside.world.service.database
    with monkeypatch.context() as patch:
        patch.setattr(database, "read", away)
        assert outside.get("/audit").status_code == 503
    outside.sign_in()
    with monkeypatch.context() as patch:
        patch.setattr(database, "read", away)
        for path in ("/audit", "/tokens", "/sign-in", "/nowhere"):
            answer = outside.get(path)
            assert answer.status_code == 503, path
            assert "database cannot be used" in answer.text
        assert outside.get("/api/audit").get_json()["error"].startswith("The database")
    with monkeypatch.context() as patch:
        # Nothing can be stored, and everything still be read.
        patch.setattr(database, "write", away)
        outside.world.clock.at += timedelta(minutes=2)
        assert is_in(outside)
