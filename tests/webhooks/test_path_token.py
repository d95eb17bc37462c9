"""The way in for a Jira that cannot sign: closed unless set, and loud when it is open."""

from __future__ import annotations

import hmac
from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.webhooks.conftest import SECRETS, TOKENS, Door, signature
from webhooks.receive import site_of
from webhooks.refusals import PATIENCE

BODY = b'{"webhookEvent": "jira:issue_updated"}'
UNSIGNED = "/webhooks/jira/token"


def post(door: Door, token: str, body: bytes = BODY, **parts: Any) -> Any:
    return door.client.post(f"{UNSIGNED}/{token}", data=body, **parts)


def sent_in_pieces(door: Door, path: str, body: bytes, **headers: str) -> Any:
    """As a server hands on a body without a length, which may have broken off."""
    return door.client.post(
        path,
        input_stream=BytesIO(body),
        headers={"Transfer-Encoding": "chunked", **headers},
        environ_overrides={"wsgi.input_terminated": True},
    )


@pytest.mark.parametrize("token", TOKENS)
def test_each_token_opens_the_door(door: Door, token: str) -> None:
    answer = post(door, token)
    assert (answer.status_code, answer.data) == (202, b"")
    assert door.kept() == [("default", BODY)]
    assert door.kicks == ["default"]


def test_a_signature_is_as_good_beside_them(door: Door) -> None:
    assert door.post(BODY).status_code == 202


def test_a_repeated_delivery_is_kept_once(door: Door) -> None:
    for _ in range(2):
        assert post(door, TOKENS[0]).status_code == 202
    assert len(door.kept()) == 1


@pytest.mark.parametrize(
    "token",
    [
        "x",
        TOKENS[0][:-1],
        TOKENS[0] + "x",
        TOKENS[0].upper(),
        SECRETS[0],
        "%00",
        "%FF",
        "€",
        "token",
    ],
)
def test_a_wrong_token_is_as_a_page_that_is_not_there(door: Door, token: str) -> None:
    answer = post(door, token)
    unknown = door.client.post("/nowhere/at/all", data=BODY)
    assert (answer.status_code, answer.data) == (unknown.status_code, unknown.data)
    assert answer.status_code == 404
    assert (door.kept(), door.counted()) == ([], {"signature_refused": 1})


def test_guessing_is_not_even_told_to_stop(door: Door) -> None:
    with capture_logs() as logs:
        assert {post(door, "x" * 40).status_code for _ in range(PATIENCE + 5)} == {404}
    assert len(logs) == 1
    assert "x" * 40 not in str(logs)


def test_a_signature_does_not_open_another_s_path(door: Door) -> None:
    assert post(door, "x", headers={"X-Hub-Signature": signature(BODY)}).status_code == 404


def test_the_token_alone_is_no_site(door: Door) -> None:
    """Somebody who leaves out a part of the address is not told the token in the answer."""
    answer = door.client.post(f"/webhooks/jira/{TOKENS[0]}", data=BODY)
    assert answer.status_code == 404
    assert TOKENS[0] not in answer.text
    assert door.client.post(UNSIGNED, data=BODY).status_code == 404


def test_a_wrong_token_s_body_is_not_read(door: Door) -> None:
    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

    path = f"{UNSIGNED}/x"
    answer = door.client.post(path, headers={"Content-Length": "2"}, input_stream=Unread(b"{}"))
    assert answer.status_code == 404


def test_a_body_that_broke_off_is_not_kept(door: Door) -> None:
    """No signature tells that something is missing, and Jira repeats it."""
    path = f"{UNSIGNED}/{TOKENS[0]}"
    told = {"CONTENT_LENGTH": str(len(BODY)), "wsgi.input_terminated": True}
    short = BytesIO(BODY[:-5])
    broken = door.client.post(path, input_stream=short, environ_overrides=told)
    assert broken.status_code == 400
    for end in range(len(BODY)):
        assert sent_in_pieces(door, path, BODY[:end]).status_code == 400
    assert door.kept() == []
    assert sent_in_pieces(door, path, BODY).status_code == 202
    assert door.kept() == [("default", BODY)]


def test_a_body_without_a_length_is_no_larger_than_others(door: Door) -> None:
    door.client.application.config["MAX_CONTENT_LENGTH"] = 10
    for body, status in ((b"[1234567]", 202), (b"[12345678]", 202), (b"[123456789]", 413)):
        signed = {"X-Hub-Signature": signature(body)}
        assert sent_in_pieces(door, f"{UNSIGNED}/{TOKENS[0]}", body).status_code == status
        assert sent_in_pieces(door, "/webhooks/jira", body, **signed).status_code == status


def test_every_token_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[bytes] = []

    def compare(ours: bytes, given: bytes) -> bool:
        compared.append(ours)
        return ours == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for token in (TOKENS[0], "x", "\ud800"):
        compared.clear()
        site_of(token, {"one": TOKENS[:1], "two": TOKENS[1:]})
        assert compared == [each.encode() for each in TOKENS]


def test_without_tokens_nothing_fits() -> None:
    assert site_of("", {}) is None
    assert site_of("", {"default": ()}) is None


@settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(st.characters(exclude_characters="/?#%", exclude_categories=["Cs"]), min_size=1))
def test_no_path_makes_it_fail(door: Door, token: str) -> None:
    assert post(door, token).status_code == 404
