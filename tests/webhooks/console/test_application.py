"""What is refused before any page is asked: addresses that are no text."""

from __future__ import annotations

import pytest

from tests.webhooks.console.desk import Desk


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
