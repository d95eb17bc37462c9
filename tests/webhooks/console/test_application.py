"""What is refused before any page is asked, and how: addresses, methods and bodies."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest
from sqlalchemy.exc import OperationalError

from tests.webhooks.console.desk import Desk


def by_a_form(desk: Desk) -> dict[str, str]:
    """With what a form brings against forgery."""
    _, _, token = desk.get("/tokens").text.partition('name="csrf_token" value="')
    return {"X-CSRFToken": token.partition('"')[0]}


@pytest.mark.parametrize(
    "address", ["/audit?actor=%00", "/issues/%00", "/board?a%00=1", "/sign-in?next=%00"]
)
def test_no_address_holds_what_is_no_character(desk: Desk, address: str) -> None:
    answer = desk.get(address)
    assert (answer.status_code, "%00" in answer.text) == (400, True)
    assert desk.get(f"/api{address}").status_code == 400


@pytest.mark.parametrize("path", ["/board", "/issues/HLP-1", "/sign-in", "/api/board"])
def test_an_address_is_written_in_utf_8(desk: Desk, path: str) -> None:
    # As a server hands on the bytes of an address.
    raw = {"QUERY_STRING": b"x=\xff".decode("latin-1")}
    answer = desk.client.get(path, environ_overrides=raw)
    assert (answer.status_code, "UTF-8" in answer.text) == (400, True)


@pytest.mark.parametrize("name", ["a\0b", "\0", " "])
def test_a_token_s_name_can_be_kept(desk: Desk, name: str) -> None:
    answer = desk.post("/tokens", {"name": name, "role": "viewer", "days": "30"})
    assert answer.status_code == 400
    assert desk.json("/api/tokens")["tokens"] == []


@pytest.mark.parametrize("path", ["/board", "/api/board"])
def test_who_asks_by_another_method_is_told_those_that_are_right(desk: Desk, path: str) -> None:
    answer = desk.client.put(path, headers=by_a_form(desk))
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b'{"title": "caf\xe9"}', "UTF-8"),
        (b'{"other": ' + b'{"a":' * 100_000, "nested too deeply"),
        (b"{", "truncated"),
    ],
)
def test_a_body_that_is_no_json_is_refused_in_words(desk: Desk, body: bytes, told: str) -> None:
    headers = {**by_a_form(desk), "Content-Type": "application/json"}
    answer = desk.client.post("/api/drafts", data=body, headers=headers)
    assert (answer.status_code, told in answer.text) == (400, True), answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/sign-out"])
def test_an_old_page_sent_while_the_database_is_away_is_answered_by_that(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    def fail(*_: Any) -> NoReturn:
        raise OperationalError(None, None, Exception("away"))

    monkeypatch.setattr(desk.standing.database, "read", fail)
    answer = desk.client.post(path, data={"csrf_token": "of an older page"})
    assert answer.status_code == 503
    assert "The database cannot be used at present" in answer.text


def test_who_asks_for_a_part_of_no_page_signs_in_and_comes_to_the_first(outside: Desk) -> None:
    headers = {"HX-Request": "true", "HX-Current-URL": "http://[half"}
    answer = outside.client.get("/board", headers=headers)
    assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, "/sign-in?next=/")
