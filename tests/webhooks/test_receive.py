"""The way in: only what is rightly signed is kept, once, and Jira is told the truth about it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import timedelta
from io import BytesIO
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from sla.store.database import StoreError
from sla.store.schema import inbox as inbox_table
from tests.webhooks.conftest import SECRETS, Door, signature
from webhooks.receive import delivery_id, is_signed, may_be_signature
from webhooks.refusals import PATIENCE, TOLD_EVERY, WINDOW

BODY = b'{"webhookEvent": "jira:issue_updated"}'
DIGEST = signature(BODY).partition("=")[2]

# -- signatures ------------------------------------------------------------------------------------


def test_the_example_of_the_documentation() -> None:
    """Atlassian's and GitHub's own example of a WebSub signature."""
    header = "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"
    assert is_signed(b"Hello World!", header, ["It's a Secret to Everybody"])


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("method", ["sha256", "sha384", "sha512"])
def test_each_secret_and_each_method_is_good(secret: str, method: str) -> None:
    assert is_signed(BODY, signature(BODY, secret, method), SECRETS)


@pytest.mark.parametrize(
    "header",
    [
        f"sha256={DIGEST.upper()}",
        f"SHA256={DIGEST}",
        f" sha256={DIGEST} ",
        f"sha256 = {DIGEST}",
    ],
    ids=["capital digits", "capital method", "spaces around", "spaces within"],
)
def test_ways_of_writing_the_same_signature(header: str) -> None:
    assert may_be_signature(header)
    assert is_signed(BODY, header, SECRETS)


def hub(method: str) -> str:
    return signature(BODY, method=method)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "=",
        "sha256",
        "sha256=",
        DIGEST,
        f"={DIGEST}",
        f"sha256:{DIGEST}",
        f"sha256=={DIGEST}",
        f"sha256={DIGEST}=",
        f"sha256={DIGEST}={DIGEST}",
        f"sha256={DIGEST},sha256={DIGEST}",
        f"sha256={DIGEST[:-1]}",
        f"sha256={DIGEST}0",
        f"sha256={DIGEST[:32]} {DIGEST[32:]}",
        f"sha256=0x{DIGEST}",
        f"sha512={DIGEST}",
        f"sha3_256={DIGEST}",
        f"HS256={DIGEST}",
        f"sha256={DIGEST[:-1]}٣",
        f"sha256={DIGEST}ÿ",
        "sha256=" + "\udcff" * 64,
        "sha256=\ud800",
        "sha256=" + "\x00" * 64,
        "sha256=" + "=" * 10_000,
        hub("sha1"),
        hub("md5"),
        hub("sha224"),
        signature(BODY, "someone else's"),
        signature(BODY, ""),
        signature(BODY + b"\n"),
        signature(b""),
    ],
)
def test_what_is_no_signature_of_ours(header: str) -> None:
    assert not is_signed(BODY, header, SECRETS)


def test_without_secrets_nothing_is_signed() -> None:
    assert not is_signed(BODY, signature(BODY, ""), [])


def test_every_secret_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever fits: how long it takes tells nobody which, or how far the guess was right."""
    compared: list[bytes] = []

    def compare(ours: bytes, given: bytes) -> bool:
        compared.append(ours)
        return ours == given

    monkeypatch.setattr(hmac, "compare_digest", compare)
    expected = [hmac.new(s.encode(), BODY, "sha256").hexdigest().encode() for s in SECRETS]
    for header in (signature(BODY, SECRETS[0]), "sha256=", f"sha256={'0' * 64}"):
        compared.clear()
        is_signed(BODY, header, SECRETS)
        assert compared == expected


@settings(derandomize=True, deadline=None, max_examples=120)
@given(st.text(st.characters() | st.characters(categories=["Cs"]), max_size=140), st.binary())
def test_no_header_makes_it_fail(header: str, body: bytes) -> None:
    for written in (header, f"sha256={header}"):
        may_be_signature(written)
        assert not is_signed(body, written, SECRETS)


def test_what_has_no_signature_s_form_is_not_read(door: Door) -> None:
    class Unread(BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")

    for header in ("", "sha256=00", "sha1=" + "0" * 40, "sha512=" + "0" * 64):
        answer = door.client.post(
            "/webhooks/jira",
            headers={"X-Hub-Signature": header, "Content-Length": "2"},
            input_stream=Unread(b"{}"),
        )
        assert answer.status_code == 401


# -- over HTTP -------------------------------------------------------------------------------------


def test_what_is_rightly_signed_is_kept_and_answered_202(door: Door) -> None:
    answer = door.post(BODY)
    assert (answer.status_code, answer.data) == (202, b"")
    assert door.kept() == [("default", BODY)]
    assert door.kicks == ["default"]


@pytest.mark.parametrize("secret", SECRETS)
def test_each_of_several_secrets_opens_the_door(door: Door, secret: str) -> None:
    assert door.post(BODY, signed=signature(BODY, secret)).status_code == 202


def test_what_is_not_is_counted_and_nothing_else(door: Door) -> None:
    for _ in range(3):
        answer = door.post(BODY, signed="sha256=0", identifier="1")
        assert answer.status_code == 401
        door.at += TOLD_EVERY
    assert (door.kept(), door.kicks) == ([], [])
    assert door.counted() == {"signature_refused": 3}
    # The identifier is not burnt by it: the rightful delivery gets through.
    assert door.post(BODY, identifier="1").status_code == 202


def test_without_any_signature(door: Door) -> None:
    assert door.client.post("/webhooks/jira", data=BODY).status_code == 401


def test_a_method_that_is_not_post(door: Door) -> None:
    assert door.client.get("/webhooks/jira").status_code == 405
    assert door.client.put("/webhooks/jira/other", data=BODY).status_code == 405


def test_a_site_has_its_own_address_and_secret(door: Door) -> None:
    other = "/webhooks/jira/other"
    assert door.post(BODY, path=other).status_code == 401
    assert door.post(BODY, path=other, signed=signature(BODY, "other-secret")).status_code == 202
    assert door.kept() == [("other", BODY)]


def test_the_default_site_can_be_named(door: Door) -> None:
    """Jira does not follow a redirect of a webhook: the delivery would be lost."""
    assert door.post(BODY, path="/webhooks/jira/default").status_code == 202
    assert door.kept() == [("default", BODY)]


def test_a_site_that_is_not_known(door: Door) -> None:
    answer = door.post(BODY, path="/webhooks/jira/nowhere")
    assert answer.status_code == 404
    assert answer.text == "There is no such site here."
    assert (door.kept(), door.counted()) == ([], {})


def test_what_is_too_large(door: Door) -> None:
    app: Flask = door.client.application
    app.config["MAX_CONTENT_LENGTH"] = 10
    assert door.post(b"x" * 11).status_code == 413
    assert door.post(b"x" * 10).status_code == 202


@pytest.mark.parametrize(
    "failure",
    [
        OperationalError("INSERT", {}, Exception("database or disk is full")),
        StoreError("the database is closed"),
        RuntimeError("something nobody thought of"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_cannot_be_kept_is_asked_for_again(
    door: Door, monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def refuse(work: Any) -> None:
        raise failure

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(door.database, "write", refuse)
        answer = door.post(BODY, identifier="1")
        refused = door.post(BODY, signed="sha256=0")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    # A counter that cannot be written changes nothing about the refusal.
    assert refused.status_code == 401
    assert [line["event"] for line in logs] == [
        "delivery could not be stored", "signature refused", "refusals could not be counted",
    ]  # fmt: skip
    assert door.kicks == []
    assert door.post(BODY, identifier="1").status_code == 202
    assert door.kept() == [("default", BODY)]


def test_a_closed_database_is_no_500(door: Door) -> None:
    door.database.close()
    with capture_logs():
        assert door.post(BODY).status_code == 503
        assert door.post(BODY, signed="").status_code == 401


# -- once ------------------------------------------------------------------------------------------


def test_a_delivery_that_jira_repeats_is_kept_once(door: Door) -> None:
    answers = [door.post(BODY, identifier="7f3").status_code for _ in range(3)]
    assert answers == [202, 202, 202]
    assert door.kept() == [("default", BODY)]
    assert door.kicks == ["default"]


def test_one_identifier_with_another_body_is_another_delivery(door: Door) -> None:
    """No signature covers the identifier: whoever repeats it must not have a delivery lost."""
    for body in (BODY, b"{}", BODY):
        assert door.post(body, identifier="7f3").status_code == 202
    assert [body for _, body in door.kept()] == [BODY, b"{}"]


def test_without_identifier_the_body_tells_deliveries_apart(door: Door) -> None:
    for body in (BODY, BODY, b"{}"):
        assert door.post(body).status_code == 202
    assert [body for _, body in door.kept()] == [BODY, b"{}"]


def test_two_deliveries_of_the_same_body_are_two(door: Door) -> None:
    for identifier in ("1", "2"):
        door.post(BODY, identifier=identifier)
    assert len(door.kept()) == 2


def test_one_identifier_at_two_sites_is_two_deliveries(door: Door) -> None:
    door.post(BODY, identifier="1")
    other = signature(BODY, "other-secret")
    door.post(BODY, identifier="1", path="/webhooks/jira/other", signed=other)
    assert len(door.kept()) == 2


DIGEST_ID = f"sha256:{hashlib.sha256(BODY).hexdigest()}"


@pytest.mark.parametrize(
    ("identifier", "known_by"),
    [
        ("7f3", f"7f3 {DIGEST_ID}"),
        ("x" * 200, f"{'x' * 200} {DIGEST_ID}"),
        ("x" * 201, DIGEST_ID),
        ("", DIGEST_ID),
        (None, DIGEST_ID),
        ("7\x003", DIGEST_ID),
        ("7\x7f3", DIGEST_ID),
        ("7\t3", DIGEST_ID),
        ("7\xff3", DIGEST_ID),
        ("7\ud8003", DIGEST_ID),
        ("7€3", DIGEST_ID),
    ],
)
def test_what_a_delivery_is_known_by(identifier: str | None, known_by: str) -> None:
    assert delivery_id(identifier, BODY) == known_by


def test_it_is_kept_under_what_it_is_known_by(door: Door) -> None:
    door.post(BODY, identifier="7f3")
    door.post(BODY)
    query = select(inbox_table.c.delivery)
    assert door.database.read(lambda c: list(c.execute(query).scalars())) == [
        f"7f3 {DIGEST_ID}", DIGEST_ID,
    ]  # fmt: skip


# -- too many of them ------------------------------------------------------------------------------


def flood(door: Door, number: int, **parts: Any) -> list[int]:
    return [door.post(BODY, signed="sha256=0", **parts).status_code for _ in range(number)]


def test_whoever_goes_on_is_told_to_wait(door: Door) -> None:
    assert flood(door, PATIENCE + 2) == [401] * PATIENCE + [429, 429]
    door.at += timedelta(seconds=0.5)
    answer = door.post(BODY, signed="sha256=0")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
    # One address among others: they are told what is wrong.
    assert flood(door, 1, address="192.0.2.2") == [401]
    door.at += WINDOW
    assert flood(door, 1) == [401]


def test_what_is_rightly_signed_is_taken_from_there_all_the_same(door: Door) -> None:
    """Behind a proxy all that comes has one address."""
    flood(door, PATIENCE + 1)
    assert door.post(BODY).status_code == 202
    assert door.kept() == [("default", BODY)]


def test_a_flood_is_told_once_in_a_while(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[object] = []
    write = door.database.write

    def counting(work: Any) -> Any:
        writes.append(work)
        return write(work)

    monkeypatch.setattr(door.database, "write", counting)
    with capture_logs() as logs:
        flood(door, 500)
        door.at += TOLD_EVERY
        flood(door, 1)
    assert [line["times"] for line in logs] == [1, 500]
    assert len(writes) == 2
    assert door.counted() == {"signature_refused": 501}


# -- whatever comes --------------------------------------------------------------------------------

latin = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=80)


@settings(
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    body=st.binary(max_size=200),
    header=st.one_of(
        latin, latin.map(lambda text: f"sha256={text}"), st.just("right"), st.just("of another")
    ),
    identifier=st.none() | latin,
)
def test_anything_is_202_when_rightly_signed_else_401(
    door: Door, body: bytes, header: str, identifier: str | None
) -> None:
    signed = {"right": signature(body), "of another": signature(body, "wrong")}.get(header, header)
    before = len(door.kept())
    door.at += WINDOW
    answer = door.post(body, signed=signed, identifier=identifier)
    assert answer.status_code == (202 if header == "right" else 401)
    if answer.status_code == 401:
        assert len(door.kept()) == before
    elif not identifier:
        assert ("default", body) in door.kept()


def test_no_secret_is_logged_or_answered(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(work: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("disk full"))

    with capture_logs() as logs:
        answers = [door.post(BODY), door.post(BODY, signed="sha256=0")]
        answers.append(door.post(BODY, path="/webhooks/jira/nowhere"))
        monkeypatch.setattr(door.database, "write", refuse)
        answers += [door.post(BODY, identifier="9"), door.post(BODY, signed="")]
    assert [answer.status_code for answer in answers] == [202, 401, 404, 503, 401]
    shown = [f"{answer.text} {answer.headers}" for answer in answers] + [repr(logs)]
    for secret in SECRETS:
        assert not [text for text in shown if secret in text]
