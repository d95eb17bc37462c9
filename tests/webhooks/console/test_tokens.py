"""The API's tokens: made, used, ended, revoked; and what they do not open."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from sqlalchemy import event, select
from werkzeug.test import TestResponse

from sla.store.schema import api_tokens, metadata
from tests.webhooks.console.desk import Desk, words

SHOWN = re.compile(r'<pre class="secret"[^>]*>([^<]+)</pre>')


def make(desk: Desk, **values: str) -> str:
    given = {"name": "Weekly report", "role": "viewer", "days": "90", **values}
    answer = desk.post("/tokens", given)
    assert answer.status_code == 200, answer.text
    return str(SHOWN.findall(answer.text)[0])


def ask(
    desk: Desk, token: str, path: str = "/api/audit", method: str = "GET", **more: Any
) -> TestResponse:
    """As a program asks, which has no cookie."""
    program = desk.world.receiver.application.test_client()
    headers = {"Authorization": f"Bearer {token}"}
    return program.open(path, method=method, headers=headers, **more)


def test_a_token_is_shown_once_and_kept_as_a_hash(desk: Desk) -> None:
    token = make(desk, name="Weekly <b>report</b>")
    assert len(token) >= 43
    assert ask(desk, token).status_code == 200
    pages = desk.get("/tokens").text + desk.get("/audit").text + desk.get("/audit.csv").text
    assert token not in pages
    assert "<b>report" not in desk.get("/tokens").text + desk.get("/audit").text
    with desk.world.service.database.engine.connect() as connection:
        stored = [str(connection.execute(select(table)).all()) for table in metadata.sorted_tables]
    assert token not in "".join(stored)
    assert "Weekly <b>report</b>" in desk.page("/tokens")
    assert "token made" in desk.page("/audit")


def test_a_viewer_s_token_reads_and_an_administrator_s_changes(desk: Desk) -> None:
    reads, changes = make(desk), make(desk, role="administrator")
    assert ask(desk, reads).status_code == 200
    for method, path in (("GET", "/api/tokens"), ("DELETE", "/api/tokens/1")):
        refused = ask(desk, reads, path, method)
        assert (refused.status_code, refused.content_type) == (403, "application/json")
    assert [each["role"] for each in ask(desk, changes, "/api/tokens").get_json()["tokens"]] == [
        "administrator", "viewer",
    ]  # fmt: skip
    # It needs no mark against forgery: no browser sends a token by itself.
    assert ask(desk, changes, "/api/tokens/1", "DELETE").status_code == 204
    assert ask(desk, reads).status_code == 401
    assert ask(desk, changes, "/api/tokens/1", "DELETE").status_code == 404
    assert ask(desk, changes, f"/api/tokens/{2**64}", "DELETE").status_code == 404
    assert "token:2" in desk.page("/audit", action="token revoked")


def test_a_token_makes_no_tokens(desk: Desk) -> None:
    token = make(desk, role="administrator")
    refused = ask(desk, token, "/api/tokens", "POST", json={"name": "another"})
    assert refused.status_code == 403
    assert "sign in" in refused.get_json()["error"]
    assert len(ask(desk, token, "/api/tokens").get_json()["tokens"]) == 1


def test_a_token_ends_on_its_day(desk: Desk) -> None:
    month, ever = make(desk, days="30"), make(desk, days="")
    desk.world.clock.at += timedelta(days=30) - timedelta(seconds=1)
    assert ask(desk, month).status_code == 200
    desk.world.clock.at += timedelta(seconds=1)
    assert ask(desk, month).status_code == 401
    assert ask(desk, ever).status_code == 200
    desk.sign_in()
    assert "ended" in desk.page("/tokens")


def test_a_revoked_token_is_refused_at_once(desk: Desk) -> None:
    token = make(desk)
    assert desk.post("/tokens/1/revoke", {}, form="/tokens").status_code == 302
    assert "opens nothing any more" in desk.page("/tokens")
    refused = ask(desk, token)
    assert refused.status_code == 401
    assert refused.headers["WWW-Authenticate"] == 'Bearer realm="dueline", error="invalid_token"'
    assert "revoked" in refused.get_json()["error"]
    assert desk.post("/tokens/1/revoke", {}, form="/tokens").status_code == 302
    assert "revoked already" in desk.page("/tokens")
    assert desk.post(f"/tokens/{2**70}/revoke", {}, form="/tokens").status_code == 302
    assert desk.page("/audit").count("token revoked") == 1 + 1  # and once in the filter


BAD = ("Bearer {}x", "Bearer x{}", "Bearer", "Bearer ", "Token {}", "Basic {}", "{}",
       "Bearer \xff", "bearer: {}")  # fmt: skip


def test_what_is_no_good_token_is_told_so_as_json(outside: Desk) -> None:
    client = outside.world.receiver.application.test_client()
    for scheme in BAD:
        headers = {"Authorization": scheme.format("dla_guessed")}
        answer = client.get("/api/audit", headers=headers)
        assert (answer.status_code, answer.content_type) == (401, "application/json"), scheme
        assert answer.headers["WWW-Authenticate"].startswith('Bearer realm="dueline"')
        assert set(answer.get_json()) == {"error"}


def test_a_bad_token_is_refused_even_beside_a_good_session(desk: Desk) -> None:
    headers = {"Authorization": "Bearer nonsense"}
    assert desk.client.get("/api/audit", headers=headers).status_code == 401
    assert desk.client.get("/api/audit").status_code == 200


def test_a_token_in_the_address_opens_nothing(desk: Desk) -> None:
    """Addresses stand in logs."""
    token = make(desk)
    program = desk.world.receiver.application.test_client()
    for name in ("token", "access_token", "bearer", "Authorization"):
        answer = program.get("/api/audit", query_string={name: token})
        assert answer.status_code == 401
        assert token not in answer.text


def test_a_token_opens_no_page(desk: Desk) -> None:
    token = make(desk, role="administrator")
    for path in ("/audit", "/tokens", "/audit.csv"):
        assert ask(desk, token, path).status_code == 302
    refused = ask(desk, token, "/tokens/sign-everybody-out", "POST")
    assert refused.status_code == 401
    assert desk.get("/audit").status_code == 200


def test_a_use_is_noted_once_a_minute(desk: Desk) -> None:
    token = make(desk)
    written: list[str] = []

    def hear(_c: object, _cursor: object, statement: str, *_: object) -> None:
        written.extend([statement] if statement.startswith("UPDATE api_tokens") else [])

    event.listen(desk.world.service.database.engine, "before_cursor_execute", hear)
    for _ in range(3):
        assert ask(desk, token).status_code == 200
        for _ in range(3):
            assert ask(desk, token).status_code == 200
        desk.world.clock.at += timedelta(minutes=1)
    assert len(written) == 3
    with desk.world.service.database.engine.connect() as connection:
        (used_at,) = connection.execute(select(api_tokens.c.used_at)).scalars()
    assert used_at == desk.world.clock.at - timedelta(minutes=1)


def test_what_was_typed_wrongly_stays_in_the_form(desk: Desk) -> None:
    for values in (
        {"name": " ", "role": "viewer", "days": "30"},
        {"name": "x" * 101, "role": "viewer", "days": "30"},
        {"name": "Report", "role": "owner", "days": "30"},
        {"name": "Report", "role": "viewer", "days": "-1"},
        {"name": "Report", "role": "viewer", "days": "soon"},
        {"name": "Report", "role": "viewer", "days": "1" * 5000},
        {},
    ):
        answer = desk.post("/tokens", values)
        assert answer.status_code == 400, values
        assert "Give it a name" in words(answer.text)
        assert f'value="{str(values.get("name", "")).strip()}"' in answer.text
    assert "No token was made yet" in desk.page("/tokens")


def test_the_api_makes_them_too_for_whoever_signed_in(desk: Desk) -> None:
    csrf = re.findall(r'name="csrf_token" value="([^"]+)"', desk.get("/tokens").text)[0]
    headers = {"X-CSRFToken": csrf}
    body = {"name": "Bot", "role": "viewer", "days": None}
    made = desk.client.post("/api/tokens", json=body, headers=headers)
    assert made.status_code == 200
    assert ask(desk, made.get_json()["token"]).status_code == 200
    wrong: Any
    for wrong in ({}, {"name": ""}, {"name": "x", "role": "owner"}, {"name": "x", "x": 1}, [], 7):
        assert desk.client.post("/api/tokens", json=wrong, headers=headers).status_code == 400
