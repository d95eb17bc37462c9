"""The way in for a rule of Jira automation: its secret in a header, whatever its body."""

from __future__ import annotations

import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from structlog.testing import capture_logs

from tests.sla.store.conftest import new_database
from tests.webhooks.conftest import TOKENS, Door, opened
from webhooks.receive import receiver
from webhooks.refusals import PATIENCE

PATH = "/webhooks/automation"
SECRETS = ("planted-rule-secret-0123456789-older", "planted-rule-secret-0123456789-newer")
BODY = b'{"issue": {"id": "10001", "key": "DEMO-1"}}'


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    ways = {
        "secrets": {"default": ()},
        "tokens": {"default": TOKENS},
        "automation": {"default": SECRETS},
    }
    with opened(Door, tmp_path, lambda _door: ways) as made:
        yield made


def post(door: Door, **headers: str) -> Any:
    return door.client.post(PATH, data=BODY, headers=headers)


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("form", ["X-Dueline-Secret", "Authorization"])
def test_each_secret_is_good_in_either_header(door: Door, secret: str, form: str) -> None:
    value = secret if form == "X-Dueline-Secret" else f"Bearer {secret}"
    answer = post(door, **{form: value})
    assert (answer.status_code, answer.data) == (202, b"")
    assert door.kept() == [("default", BODY)]
    assert door.kicks == ["default"]


def test_two_that_read_the_same_are_two(door: Door) -> None:
    """The body of a rule says nothing that differs from one event to the next."""
    for _ in range(2):
        assert post(door, **{"X-Dueline-Secret": SECRETS[0]}).status_code == 202
    assert len(door.kept()) == 2


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Dueline-Secret": ""},
        {"X-Dueline-Secret": SECRETS[0][:-1]},
        {"X-Dueline-Secret": SECRETS[0].upper()},
        {"X-Dueline-Secret": f"{SECRETS[0]},{SECRETS[1]}"},
        {"X-Dueline-Secret": "\xff" * 40},
        {"X-Dueline-Secret": TOKENS[0]},
        {"Authorization": f"Basic {SECRETS[0]}"},
        {"Authorization": SECRETS[0]},
        {"Authorization": "Bearer"},
    ],
)
def test_without_it_nothing_is_taken(door: Door, headers: dict[str, str]) -> None:
    answer = post(door, **headers)
    assert answer.status_code == 401
    assert "X-Dueline-Secret" in answer.text
    assert "planted" not in answer.text
    assert (door.kept(), door.counted()) == ([], {"signature_refused": 1})


def test_guessing_is_told_to_wait_and_a_good_one_is_let_in(door: Door) -> None:
    with capture_logs() as logs:
        statuses = [post(door).status_code for _ in range(PATIENCE + 2)]
    assert statuses[-1] == 429
    assert "planted" not in repr(logs)
    assert post(door, **{"X-Dueline-Secret": SECRETS[0]}).status_code == 202


def test_it_opens_no_other_door(door: Door) -> None:
    headers = {"X-Dueline-Secret": SECRETS[0], "Authorization": f"Bearer {SECRETS[0]}"}
    for path in ("/webhooks/jira", f"/webhooks/jira/token/{SECRETS[0]}", "/webhooks/forge"):
        assert door.client.post(path, data=BODY, headers=headers).status_code in (401, 404)
    assert door.kept() == []


def test_a_door_without_secrets_is_no_page(tmp_path: Path) -> None:
    database = new_database(tmp_path)
    app = Flask("test")
    made = Door(database, app.test_client())
    app.register_blueprint(
        receiver(
            database,
            secrets={"default": ("s",)},
            automation={"default": ()},
            default_site="default",
            now=lambda: made.at,
            heard=lambda _site, _issue: None,
        )
    )
    assert post(made, **{"X-Dueline-Secret": ""}).status_code == 404
    database.close()


def test_every_secret_is_compared_in_constant_time(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[bytes] = []

    def compare(ours: bytes, given: bytes) -> bool:
        compared.append(ours)
        return ours == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for secret in (SECRETS[0], "x"):
        compared.clear()
        post(door, **{"X-Dueline-Secret": secret})
        assert compared == [each.encode() for each in SECRETS]


def test_what_cannot_be_stored_is_to_be_sent_again(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> bool:
        raise OSError("disk full")

    monkeypatch.setattr("sla.store.inbox.keep", fail)
    answer = post(door, **{"X-Dueline-Secret": SECRETS[0]})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
