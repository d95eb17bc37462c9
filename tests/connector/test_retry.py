"""What is done after each failure: every status, every pause that Jira asks for, every limit."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import requests
import responses
from urllib3.exceptions import NewConnectionError, ProtocolError

from connector.client import ApiToken, connect
from connector.errors import (
    Blocked,
    Call,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
    NotJira,
    NotPermitted,
)
from connector.retry import ATTEMPTS, WAITS, Kind, verdict
from sla.store.holds import LONGEST
from tests.connector.answering import answering

SITE = "https://demo.atlassian.net"
COMMENT = f"{SITE}/rest/api/3/issue/DEMO-1/comment"
REQUEST = requests.Request("POST", COMMENT).prepare()
CLIENT: Any = connect(SITE, ApiToken("dueline@example.com", "token"), flavour="cloud")
CALL = Call("adding a comment", "DEMO-1", "POST /rest/api/3/issue/DEMO-1/comment")

# For each status: what is done, and the first pause in seconds where Jira asks for none.
VERDICTS: dict[tuple[int, int], tuple[Kind, float]] = {
    # An answer without the data that was due, a redirect, a page: the address is not that of Jira.
    (100, 199): ("wait", 60),
    (200, 299): ("wait", 2),
    (300, 399): ("wait", 60),
    (400, 400): ("give_up", 0),
    # Credentials: Jira locks an account that tries again and again.
    (401, 401): ("wait", 60),
    (402, 406): ("give_up", 0),
    (407, 407): ("wait", 60),
    # Time-out, conflict, too early: the same call may succeed in a moment.
    (408, 409): ("retry", 2),
    (410, 424): ("give_up", 0),
    (425, 425): ("retry", 2),
    (426, 428): ("give_up", 0),
    # Too many calls; see LIMITS.
    (429, 429): ("wait", 2),
    (430, 499): ("give_up", 0),
    (500, 501): ("retry", 2),
    # A gateway's answer is an outage, which is over when it is over.
    (502, 504): ("wait", 2),
    (505, 599): ("retry", 2),
}

# Retry-After, and the pause that is asked for with it, in seconds; None: nothing is.
ASKED: dict[str | None, float | None] = {
    None: None,
    "0": 0,
    "5": 5,
    "4000": 3600,
    "9223372036854775807": 3600,
    "1.5": 1.5,
    "12.": 12,
    " 7 ": 7,
    "-5": None,
    "1e9": None,
    "٣": None,
    "soon": None,
    "": None,
    "9" * 5000: 3600,
    "Fri, 20 Nov 2026 10:01:30 GMT": 90,
    "Fri, 20 Nov 2026 09:00:00 GMT": 0,
    "Fri, 99 Nov 2026 09:00:00 GMT": None,
}

# RateLimit-Reason of a 429: whether one issue waits, or every call to the site.
LIMITS: dict[str | None, Kind] = {
    "jira-per-issue-on-write": "retry",
    "Jira-Per-Issue-On-Write ": "retry",
    "jira-quota-global-based": "wait",
    "jira-quota-tenant-based": "wait",
    "jira-burst-based": "wait",
    "something-new": "wait",
    None: "wait",
}


def expected(status: int, limit: str | None = None) -> tuple[Kind, float]:
    [found] = [found for (low, high), found in VERDICTS.items() if low <= status <= high]
    return (LIMITS[limit], found[1]) if status == 429 else found


def answer(status: int, **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code, made._content = status, b"{" if status < 300 else b"{}"
    made.headers.update({"Date": "Fri, 20 Nov 2026 10:00:00 GMT", **headers})
    made.request = REQUEST
    return made


def error_of(answered: Callable[[], requests.Response]) -> JiraError:
    """What a write becomes that is answered so."""
    with pytest.raises(JiraError) as caught:
        CLIENT._rest.tell("adding a comment", "DEMO-1", lambda _: answered())
    return caught.value


def headers_of(asked: str | None, limit: str | None) -> dict[str, str]:
    found = {"Retry-After": asked, "RateLimit-Reason": limit}
    return {name: value for name, value in found.items() if value is not None}


def test_the_table_has_each_status_once() -> None:
    listed = [status for low, high in VERDICTS for status in range(low, high + 1)]
    assert listed == list(range(100, 600))


def beside(status: int) -> Iterator[tuple[str | None, str | None]]:
    """What may stand beside a status: both together where a line of the table begins and ends.

    Within a line nothing that reads the one or the other tells statuses apart, but for a few that
    have words of their own.
    """
    if status in (403, 404, 503) or any(status in line for line in VERDICTS):
        yield from product(ASKED, LIMITS)
    else:
        yield from ((asked, None) for asked in ASKED)
        yield from ((None, limit) for limit in LIMITS)


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_one_verdict_whatever_stands_beside_it(status: int) -> None:
    for asked, limit in beside(status):
        error = error_of(lambda a=asked, x=limit: answer(status, **headers_of(a, x)))  # type: ignore[misc]
        found = verdict(error, 1, jitter=0.5)
        kind, pause = expected(status, limit)
        longest = max(pause, ASKED[asked] or 0) if kind != "give_up" else 0
        assert (found.kind, found.after.total_seconds()) == (kind, longest), (asked, limit)
        assert str(status) in found.reason
        assert "DEMO-1" in found.reason


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
def test_the_encoding_of_a_page_is_guessed_once(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    guessed: list[str] = []

    def guess(_: requests.Response) -> str:
        guessed.append("latin-1")
        return guessed[-1]

    monkeypatch.setattr(requests.Response, "apparent_encoding", property(guess))
    page = answer(status)
    page._content = "<html><title>Zugang für Mitarbeiter</title>".encode("latin-1")
    assert "Zugang für Mitarbeiter" in str(error_of(lambda: page))
    assert len(guessed) == 1


@pytest.mark.parametrize(
    ("failure", "kind"),
    [
        (requests.ConnectionError(NewConnectionError(None, "refused")), JiraUnreachable),  # type: ignore[arg-type]
        (requests.ConnectTimeout("x"), JiraUnreachable),
        (requests.exceptions.ProxyError("x"), JiraUnreachable),
        (requests.exceptions.SSLError(ssl.SSLCertVerificationError("x")), JiraUnreachable),
        (requests.exceptions.InvalidURL("x"), JiraUnreachable),
        (requests.exceptions.SSLError(ssl.SSLEOFError("x")), JiraUncertain),
        (requests.ConnectionError(ProtocolError("x", ConnectionResetError())), JiraUncertain),
        (requests.ReadTimeout("x"), JiraUncertain),
        (requests.exceptions.ChunkedEncodingError("x"), JiraUncertain),
        (requests.exceptions.ContentDecodingError("x"), JiraUncertain),
    ],
)
def test_no_answer_is_an_outage(failure: Exception, kind: type[JiraError]) -> None:
    def fail() -> requests.Response:
        raise failure

    error = error_of(fail)
    assert type(error) is kind
    assert verdict(error, 1, jitter=0.5).kind == "wait"
    assert verdict(error, 100_000, jitter=0.5).after == timedelta(minutes=5)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n"
MOVED = b"HTTP/1.1 302 Found\r\nLocation: http://x.example/\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        pytest.param(b"", JiraUncertain, id="nothing"),
        pytest.param(HEAD + b'{"id": ', JiraUncertain, id="half a body"),
        pytest.param(HEAD + b"<html>Sign in</html>", JiraUncertain, id="a page"),
        pytest.param(HEAD + b'{"id": "1"          ', JiraUncertain, id="no JSON"),
        pytest.param(MOVED, JiraRefused, id="a redirect"),
        pytest.param(b"nonsense\r\n\r\n", JiraUncertain, id="no HTTP"),
    ],
)
def test_what_really_comes_over_a_connection(sent: bytes, kind: type[JiraError]) -> None:
    with answering(sent) as address:
        client = connect(address, ApiToken("a@example.com", "token"), flavour="cloud", timeout=1)
        with pytest.raises(JiraError) as caught:
            client.add_comment("D-1", "x", key="k", internal=False, role=None)
    assert type(caught.value) is kind
    assert verdict(caught.value, 1, jitter=0.5).kind == "wait"


@pytest.mark.parametrize(
    ("sent", "comment_id"),
    [(HEAD + b'{"id": "1"}         ', "1"), (HEAD[:14], ""), (HEAD.replace(b"20\r", b"0\r"), "")],
    ids=["all", "half a head", "nothing"],
)
def test_an_answer_without_an_id_names_no_comment(sent: bytes, comment_id: str) -> None:
    with answering(sent) as address:
        client = connect(address, ApiToken("a@example.com", "token"), flavour="cloud", timeout=1)
        added = client.add_comment("D-1", "x", key="k", internal=False, role=None)
    assert added == comment_id


def test_an_empty_answer_to_a_question_is_none() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{SITE}/rest/api/3/field", body=b"")
        with pytest.raises(JiraRefused, match="an empty answer") as caught:
            connect(SITE, ApiToken("a@example.com", "token"), flavour="cloud").fields()
    assert verdict(caught.value, 1, jitter=0.5).kind == "wait"


# --- pauses ---------------------------------------------------------------------------------------


def refused(status: int, sentence: str = "No.", **parts: Any) -> JiraRefused:
    return JiraRefused(CALL, sentence, status=status, **parts)


def seconds(error: JiraError, attempt: int = 1, jitter: float = 0.5) -> float:
    return verdict(error, attempt, jitter=jitter).after.total_seconds()


@pytest.mark.parametrize(
    ("status", "pauses"),
    [
        (429, [2, 4, 8, 16, 30, 30, 30, 30, 30]),
        (500, [2, 4, 8, 16, 32, 64, 128, 256, 300]),
        (503, [2, 4, 8, 16, 32, 64, 128, 256, 300]),
        (401, [60, 120, 240, 300, 300, 300, 300, 300, 300]),
    ],
)
def test_pauses_double_up_to_a_cap(status: int, pauses: list[float]) -> None:
    assert [seconds(refused(status), attempt) for attempt in range(1, 10)] == pauses


@pytest.mark.parametrize("status", [500, 409])
def test_an_unexplained_failure_is_given_up_after_a_day(status: int) -> None:
    uncertain = JiraUncertain(CALL, status=500)
    pauses = sum(seconds(refused(status), attempt) for attempt in range(1, ATTEMPTS))
    assert 24 < pauses / 3600 < 25
    assert verdict(refused(status), ATTEMPTS - 1, jitter=0.5).kind == "retry"
    assert verdict(refused(status), ATTEMPTS, jitter=0.5).kind == "give_up"
    assert verdict(uncertain, ATTEMPTS, jitter=0.5).kind == "give_up"


def test_a_long_outage_brings_no_call_near_its_end() -> None:
    remembered = 0
    for _ in range(10_000):
        remembered = verdict(refused(503), remembered + 1, jitter=0.5).attempts
    assert remembered == WAITS
    assert verdict(refused(503), 41, jitter=0.5).attempts == 40
    assert verdict(refused(500), 41, jitter=0.5).attempts == 41


def test_a_sign_in_that_is_switched_off_concerns_everything() -> None:
    sentence = "Basic Authentication has been disabled on this instance."
    assert verdict(refused(403, sentence), 1, jitter=0.5).kind == "wait"


def test_a_call_that_is_stopped_alone_is_made_again_by_the_minute_for_a_day() -> None:
    blocked = Blocked(CALL, "a page", status=403)
    assert [seconds(blocked, attempt) for attempt in (1, 2, 3, 4)] == [60, 120, 240, 300]
    assert verdict(blocked, ATTEMPTS - 1, jitter=0.5).kind == "retry"
    assert verdict(blocked, ATTEMPTS, jitter=0.5).kind == "give_up"
    assert verdict(NotJira(CALL, "a page", status=403), ATTEMPTS, jitter=0.5).kind == "wait"


def test_a_right_that_is_missing_is_that_calls_own_matter() -> None:
    assert verdict(NotPermitted(CALL, "No.", status=401), 1, jitter=0.5).kind == "give_up"


def test_jitter_spreads_and_never_comes_before_what_jira_asked_for() -> None:
    assert seconds(refused(500), jitter=0) == pytest.approx(1.4)
    assert seconds(refused(500), jitter=1) == pytest.approx(2.6)
    asked = refused(429, retry_after=timedelta(seconds=100))
    assert seconds(asked, jitter=0) == 100
    assert seconds(asked, jitter=1) == pytest.approx(130)


def test_no_pause_is_longer_than_what_is_believed_of_one() -> None:
    asked = refused(429, retry_after=timedelta(days=1))
    assert verdict(asked, 100, jitter=1).after < LONGEST
