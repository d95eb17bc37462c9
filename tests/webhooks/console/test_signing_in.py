"""Signing in with the administrator's token."""

from __future__ import annotations

from datetime import timedelta

from tests.webhooks.console.desk import TOKEN, Desk, words


def test_whoever_has_not_signed_in_is_led_to_the_form_and_back(outside: Desk) -> None:
    asked = outside.get("/audit?page=2")
    assert asked.status_code == 302
    assert asked.location == "/sign-in?next=/audit?page%3D2"
    answer = outside.post("/sign-in", {"token": TOKEN, "next": "/audit?page=2"})
    assert answer.location == "/audit?page=2"


def test_a_wrong_token_is_refused(outside: Desk) -> None:
    answer = outside.sign_in("guessed")
    assert answer.status_code == 403
    assert "not right" in words(answer.text)
    assert outside.get("/nowhere").status_code == 302


ELSEWHERE = (
    "https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)",
    "/\t/evil.example", "/\n/evil.example", "\t//evil.example", "\\\\evil.example",
    "/audit\r\nSet-Cookie: a=b", "///evil.example", "http:evil.example", "/\x00/evil.example",
    " //evil.example", "/ /evil.example", "/a\\b",
)  # fmt: skip


def test_signing_in_leads_to_no_other_site(outside: Desk) -> None:
    for onwards in ELSEWHERE:
        assert outside.post("/sign-in", {"token": TOKEN, "next": onwards}).location == "/", onwards


def test_a_form_from_elsewhere_is_refused(outside: Desk) -> None:
    assert outside.client.post("/sign-in", data={"token": TOKEN}).status_code == 400
    assert outside.get("/nowhere").status_code == 302


def test_a_page_that_is_not_there_is_told_as_a_page(desk: Desk) -> None:
    answer = desk.get("/nowhere")
    assert answer.status_code == 404
    assert "To the first page" in words(answer.text)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


def test_the_receiver_answers_as_before(outside: Desk) -> None:
    assert outside.get("/healthz").json == {"status": "ok"}
    assert outside.get("/webhooks/nothing").content_type == "text/plain; charset=utf-8"


def test_signing_in_leads_to_the_page_that_was_wanted(outside: Desk) -> None:
    for onwards in ("/", "/audit?actor=a%20b&x=/", "/issue/HLP-1#story"):
        assert outside.post("/sign-in", {"token": TOKEN, "next": onwards}).location == onwards


def test_a_name_that_would_end_the_header_is_sent_in_none(outside: Desk) -> None:
    for path in ("/audit?a=%0d%0aSet-Cookie:%20x=y", "/%0d%0aX: y"):
        answer = outside.client.get(path)
        assert answer.status_code == 302
        assert "\n" not in answer.location
        assert set(answer.headers.keys()) == set(outside.client.get("/audit").headers.keys())


def test_whoever_goes_on_guessing_has_to_wait(outside: Desk) -> None:
    clock = outside.world.clock
    for _ in range(10):
        assert outside.sign_in("guessed").status_code == 403
    answer = outside.sign_in(TOKEN)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "5")
    assert "Try again in 5 s" in words(answer.text)
    clock.at += timedelta(seconds=5)
    assert outside.sign_in("guessed").status_code == 403
    assert outside.sign_in("guessed").status_code == 429
    clock.at += timedelta(seconds=5)
    assert outside.sign_in(TOKEN).status_code == 302
    # The first ten stand in the log; whoever goes on does not fill it.
    assert outside.page("/audit").count("sign-in refused") == 10 + 1
    clock.at += timedelta(minutes=10)
    assert outside.sign_in("guessed").status_code == 403
    assert outside.sign_in("guessed").status_code == 403


def test_nothing_but_the_token_opens(outside: Desk) -> None:
    for token in ("", " ", TOKEN[:-1], TOKEN + "x", "x" * 100_000, "\x00", "é\ud800"):
        given = token.encode("utf-8", "surrogatepass")
        assert outside.post("/sign-in", {"token": given}).status_code == 403
        assert outside.get("/audit").status_code == 302
