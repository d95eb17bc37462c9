"""Forge's invocation tokens: which are taken, which refused, and how often keys are asked for."""

from __future__ import annotations

import base64
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
import responses
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.sla.example import NINE
from tests.webhooks.conftest import Door, opened
from webhooks.invocation import (
    ASKED_EVERY,
    ISSUER,
    KEPT_AT_MOST,
    KEPT_FOR,
    LEEWAY,
    InvocationTokens,
    fetched,
)

PATH = "/webhooks/forge"
KEYS = "https://keys.example/jwks.json"
APP_ID = "3f9a1c52-0d4e-4b3a-9b57-0f5a2f0f7c11"
ARI = f"ari:cloud:ecosystem::app/{APP_ID}"
BODY = b'{"eventType": "avi:jira:updated:issue", "issue": {"id": "10001", "key": "DEMO-1"}}'
SECOND = timedelta(seconds=1)


@cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def public(name: str) -> dict[str, Any]:
    shown = jwt.algorithms.RSAAlgorithm.to_jwk(private_key(name).public_key(), as_dict=True)
    return {**shown, "kid": name, "alg": "RS256", "use": "sig"}


def token(
    key: str = "one", *, algorithm: str = "RS256", head: dict[str, Any] | None = None, **claims: Any
) -> str:
    known = {
        "iss": ISSUER, "aud": ARI, "iat": NINE.timestamp(), "nbf": NINE.timestamp(),
        "exp": (NINE + timedelta(minutes=5)).timestamp(), "app": {"id": ARI},
    }  # fmt: skip
    given = {name: value for name, value in (known | claims).items() if value is not None}
    headers = {"kid": key} | (head or {})
    return jwt.encode(given, private_key(key), algorithm=algorithm, headers=headers)


@dataclass
class Keys:
    """Where the key set is, and how often it was asked for."""

    document: Any = field(default_factory=lambda: {"keys": [public("one")]})
    asked: int = 0

    def fetch(self, url: str) -> Any:
        assert url == KEYS
        self.asked += 1
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


@dataclass
class Gate(Door):
    """The receiver with a Forge app."""

    keys: Keys = field(default_factory=Keys)

    def call(self, given: str, body: bytes = BODY) -> Any:
        headers = {"Authorization": f"Bearer {given}"}
        return self.client.post(PATH, data=body, headers=headers)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    def ways(made: Gate) -> dict[str, Any]:
        forge = InvocationTokens(APP_ID, KEYS, lambda: made.at, made.keys.fetch)
        return {"secrets": {"default": ()}, "forge": forge}

    with opened(Gate, tmp_path, ways) as made:
        yield made


def judge(given: str, *, keys: Keys | None = None, app: str = APP_ID, at: datetime = NINE) -> str:
    return InvocationTokens(app, KEYS, lambda: at, (keys or Keys()).fetch).judge(given)


def test_a_good_one_is_kept_and_answered_as_forge_wants_it(gate: Gate) -> None:
    answer = gate.call(token())
    assert (answer.status_code, answer.json) == (200, {})
    assert gate.kept() == [("default", BODY)]
    assert gate.kicks == ["default"]


def test_two_that_read_the_same_are_two(gate: Gate) -> None:
    for _ in range(2):
        assert gate.call(token()).status_code == 200
    assert len(gate.kept()) == 2


@pytest.mark.parametrize("app", [APP_ID, ARI])
@pytest.mark.parametrize("audience", [ARI, [ARI, "another"]])
def test_the_app_by_its_id_or_ari(app: str, audience: Any) -> None:
    assert judge(token(aud=audience), app=app) == "good"


def unsigned() -> str:
    return f"{_unsigned_part('none')}."


def _unsigned_part(algorithm: str) -> str:
    parts = [{"alg": algorithm, "kid": "one"}, {"iss": ISSUER, "aud": ARI, "exp": 4e9}]
    return ".".join(_encoded(json.dumps(part).encode()) for part in parts)


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().strip("=")


def signed_with_the_public_key() -> str:
    """As the old trick has it: the published key taken for a shared secret."""
    part = _unsigned_part("HS256")
    mac = hmac.new(json.dumps(public("one")).encode(), part.encode(), "sha256")
    return f"{part}.{_encoded(mac.digest())}"


BAD: dict[str, Callable[[], str]] = {
    "nothing": lambda: "",
    "no token": lambda: "x.y.z",
    "half a token": lambda: token()[:-20],
    "another key's": lambda: token("two", head={"kid": "one"}),
    "unknown key": lambda: token("two"),
    "another algorithm": lambda: token(algorithm="RS512"),
    "padded algorithm": lambda: token(algorithm="PS256"),
    "unsigned": unsigned,
    "public key as secret": signed_with_the_public_key,
    "another issuer": lambda: token(iss="somebody"),
    "no issuer": lambda: token(iss=None),
    "another app": lambda: token(aud="ari:cloud:ecosystem::app/other"),
    "bare audience": lambda: token(aud=APP_ID),
    "no audience": lambda: token(aud=None),
    "expired": lambda: token(exp=(NINE - LEEWAY - SECOND).timestamp()),
    "for ever": lambda: token(exp=None),
    "not yet": lambda: token(nbf=(NINE + LEEWAY + SECOND).timestamp()),
    "too long": lambda: token(filler="x" * 20_000),
    "keys of its own": lambda: token("two", head={"jku": KEYS, "jwk": public("two")}),
}


@pytest.mark.parametrize("name", list(BAD))
def test_a_bad_one_is_refused_and_counted(gate: Gate, name: str) -> None:
    given = BAD[name]()
    with capture_logs() as logs:
        answer = gate.call(given)
    assert answer.status_code == 401
    assert "DUELINE_FORGE_APP" in answer.text
    assert (gate.kept(), gate.counted()) == ([], {"signature_refused": 1})
    assert not given or given not in answer.text + repr(logs)


def test_without_a_header_too(gate: Gate) -> None:
    assert gate.client.post(PATH, data=BODY).status_code == 401


def test_clocks_may_differ_a_little() -> None:
    assert judge(token(exp=(NINE - LEEWAY + SECOND).timestamp())) == "good"
    assert judge(token(nbf=(NINE + LEEWAY - SECOND).timestamp())) == "good"


def test_it_is_judged_by_the_one_clock() -> None:
    later = NINE + timedelta(days=400)
    assert judge(token(), at=later) == "bad"
    assert judge(token(nbf=None, exp=(later + SECOND).timestamp()), at=later) == "good"


@pytest.mark.parametrize(
    "trouble",
    [
        requests.ConnectionError("down"),
        ValueError("no JSON"),
        {"keys": []},
        {},
        [],
        None,
        {"keys": 7},
        {"keys": [{"kty": "oct", "kid": "one", "k": "c2VjcmV0"}]},
    ],
)
def test_without_keys_it_is_to_be_sent_again(gate: Gate, trouble: Any) -> None:
    gate.keys.document = trouble
    answer = gate.call(token())
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    assert (gate.kept(), gate.counted()) == ([], {})
    gate.keys.document = {"keys": [public("one")]}
    gate.at += timedelta(seconds=30)
    assert gate.call(token()).status_code == 200


def test_what_cannot_be_a_token_of_forge_s_asks_for_no_keys(gate: Gate) -> None:
    gate.call("x.y.z")
    gate.call(unsigned())
    assert gate.keys.asked == 0


def test_keys_are_asked_for_once_an_hour(gate: Gate) -> None:
    tokens = InvocationTokens(APP_ID, KEYS, lambda: gate.at, gate.keys.fetch)
    good = token(exp=(NINE + timedelta(days=9)).timestamp())
    for _ in range(10):
        assert tokens.judge(good) == "good"
    assert gate.keys.asked == 1
    gate.at += KEPT_FOR
    assert tokens.judge(good) == "good"
    assert gate.keys.asked == 2


def test_tokens_of_unknown_keys_cannot_have_them_fetched_without_end(gate: Gate) -> None:
    for number in range(20):
        gate.call(token("two", head={"kid": f"made up {number}"}))
    assert gate.keys.asked == 1
    gate.keys.document = {"keys": [public("one"), public("two")]}
    gate.at += ASKED_EVERY
    assert gate.call(token("two")).status_code == 200
    assert gate.call(token("one")).status_code == 200
    assert gate.keys.asked == 2


def test_nobody_waits_while_another_asks_for_keys(gate: Gate) -> None:
    asking, answered = threading.Event(), threading.Event()

    def fetch(url: str) -> Any:
        asking.set()
        assert answered.wait(10)
        return gate.keys.fetch(url)

    gate.keys.document = {"keys": [public("one")]}
    tokens = InvocationTokens(APP_ID, KEYS, lambda: gate.at, fetch)
    verdicts: list[str] = []
    first = threading.Thread(target=lambda: verdicts.append(tokens.judge(token())))
    first.start()
    assert asking.wait(10)
    assert tokens.judge(token()) == "no keys"
    answered.set()
    first.join()
    assert verdicts == ["good"]

    # What is known goes on being good; whether a new key is, cannot be told yet.
    gate.at += ASKED_EVERY
    asking.clear()
    answered.clear()
    gate.keys.document = {"keys": [public("one"), public("two")]}
    second = threading.Thread(target=lambda: verdicts.append(tokens.judge(token("two"))))
    second.start()
    assert asking.wait(10)
    assert tokens.judge(token()) == "good"
    assert tokens.judge(token("two")) == "no keys"
    answered.set()
    second.join()
    assert verdicts == ["good", "good"]


def test_a_key_that_is_published_no_more_is_good_no_more(gate: Gate) -> None:
    long = (NINE + timedelta(days=9)).timestamp()
    assert gate.call(token(exp=long)).status_code == 200
    gate.keys.document = {"keys": [public("two")]}
    gate.at += KEPT_FOR
    assert gate.call(token(exp=long)).status_code == 401


def test_while_nobody_tells_known_keys_hold_for_a_day(gate: Gate) -> None:
    long = (NINE + timedelta(days=9)).timestamp()
    assert gate.call(token(exp=long)).status_code == 200
    gate.keys.document = requests.Timeout()
    gate.at += KEPT_AT_MOST - SECOND
    assert gate.call(token(exp=long)).status_code == 200
    gate.at += timedelta(minutes=1)
    assert gate.call(token(exp=long)).status_code == 503


def test_a_key_set_is_fetched_without_detours(monkeypatch: pytest.MonkeyPatch) -> None:
    with responses.RequestsMock() as web:
        web.get(KEYS, json={"keys": [public("one")]})
        assert fetched(KEYS) == {"keys": [public("one")]}
        web.get(KEYS, status=302, headers={"Location": "https://elsewhere.example/"})
        web.get(KEYS, status=500)
        web.get(KEYS, body=b"<html>")
        web.get(KEYS, body=b"x" * 1_000_001)
        for _ in range(4):
            with pytest.raises((OSError, ValueError)):
                fetched(KEYS)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=80))
def test_no_header_makes_it_fail(gate: Gate, header: str) -> None:
    answer = gate.client.post(PATH, data=BODY, headers={"Authorization": header})
    assert answer.status_code in (401, 429)


@settings(derandomize=True, deadline=None, max_examples=300)
@given(st.data())
def test_no_change_of_a_good_token_is_good(data: st.DataObject) -> None:
    good = token()
    place = data.draw(st.integers(0, len(good) - 1))
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
    letter = data.draw(st.sampled_from([each for each in letters if each != good[place]]))
    changed = good[:place] + letter + good[place + 1 :]
    # The last letter of a part holds bits that decoding drops, so that it may read the same.
    if _decoded(changed) != _decoded(good):
        assert judge(changed) != "good"


def _decoded(given: str) -> Any:
    try:
        return [
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in given.split(".")
        ]
    except ValueError:
        return given
