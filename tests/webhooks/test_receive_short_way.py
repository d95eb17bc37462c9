"""A good delivery is taken in before Flask is asked; all else goes Flask's way as if untouched."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from tests.webhooks.conftest import Door, signature
from webhooks import intake, receive

BODY = b'{"webhookEvent": "jira:issue_updated"}'


@pytest.fixture
def asked(door: Door) -> list[str]:
    """The paths of which Flask was asked."""
    paths: list[str] = []
    app: Flask = door.client.application
    app.before_request_funcs.setdefault(None, []).append(lambda: paths.append(request.path))
    return paths


def test_a_good_delivery_does_not_come_to_flask(door: Door, asked: list[str]) -> None:
    answer = door.post(BODY)
    assert (answer.status_code, answer.data, asked) == (202, b"", [])
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Length"] == "0"
    assert door.kept() == [("default", BODY)]


def test_a_site_by_its_name_takes_it_too(door: Door, asked: list[str]) -> None:
    signed = signature(BODY, "other-secret")
    assert door.post(BODY, path="/webhooks/jira/other", signed=signed).status_code == 202
    assert asked == []
    assert door.kept() == [("other", BODY)]


@pytest.mark.parametrize(
    ("signed", "status"), [("sha256=" + "0" * 64, 401), ("sha256=0", 401), ("", 401)]
)
def test_what_is_badly_signed_is_refused_by_flask(
    door: Door, asked: list[str], signed: str, status: int
) -> None:
    assert door.post(BODY, signed=signed).status_code == status
    assert asked == ["/webhooks/jira"]
    assert door.kept() == []
    assert door.counted() == {"signature_refused": 1}


def test_what_is_badly_signed_is_hashed_once(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[bytes] = []

    def refused(body: bytes, *_: object) -> bool:
        hashed.append(body)
        return False

    for looks in (intake, receive):
        monkeypatch.setattr(looks, "is_signed", refused)
    assert door.post(BODY).status_code == 401
    assert hashed == [BODY]


def test_without_a_length_flask_reads_it(door: Door, asked: list[str]) -> None:
    answer = door.client.post(
        "/webhooks/jira",
        headers={"X-Hub-Signature": signature(BODY)},
        input_stream=BytesIO(BODY),
        environ_overrides={"CONTENT_LENGTH": "", "wsgi.input_terminated": True},
    )
    assert (answer.status_code, asked) == (202, ["/webhooks/jira"])
    assert door.kept() == [("default", BODY)]


def test_a_body_that_broke_off_is_no_delivery(door: Door) -> None:
    answer = door.client.post(
        "/webhooks/jira",
        headers={"X-Hub-Signature": signature(BODY)},
        input_stream=BytesIO(BODY),
        environ_overrides={"CONTENT_LENGTH": str(len(BODY) + 10)},
    )
    assert answer.status_code == 400
    assert door.kept() == []


def test_what_is_too_large_is_not_read(door: Door, asked: list[str]) -> None:
    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

    app: Flask = door.client.application
    app.config["MAX_CONTENT_LENGTH"] = 10
    answer = door.client.post(
        "/webhooks/jira",
        headers={"X-Hub-Signature": signature(b"x" * 11), "Content-Length": "11"},
        input_stream=Unread(b"x" * 11),
    )
    assert (answer.status_code, asked) == (413, ["/webhooks/jira"])


def test_what_cannot_be_kept_is_asked_for_again(
    door: Door, monkeypatch: pytest.MonkeyPatch, asked: list[str]
) -> None:
    def refuse(work: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    monkeypatch.setattr(door.database, "write", refuse)
    with capture_logs():
        answer = door.post(BODY)
    assert (answer.status_code, answer.headers["Retry-After"], asked) == (503, "30", [])
    assert answer.text == "The delivery could not be stored; please send it again."
