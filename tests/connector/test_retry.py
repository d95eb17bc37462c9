"""What is done after each failure, status by status."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connector.errors import Call, JiraError, JiraRefused, JiraUncertain, JiraUnreachable
from connector.retry import ATTEMPTS, Kind, verdict

CALL = Call("writing fields", "DEMO-1", "PUT /rest/api/3/issue/DEMO-1")
GIVE_UP = {400, 402, 403, 404, 405, 406, *range(410, 425), *range(426, 429), *range(430, 500)}
EXPECTED: dict[int, Kind] = {
    **dict.fromkeys(range(100, 400), "wait"),
    401: "wait",
    407: "wait",
    **dict.fromkeys((408, 409, 425), "retry"),
    429: "wait",
    **dict.fromkeys(GIVE_UP, "give_up"),
    **dict.fromkeys(range(500, 600), "retry"),
    **dict.fromkeys((502, 503, 504), "wait"),
}


def refused(status: int, sentence: str = "No.", **parts: object) -> JiraRefused:
    return JiraRefused(CALL, sentence, status=status, **parts)  # type: ignore[arg-type]


def seconds(error: JiraError, attempt: int = 1, jitter: float = 0.5) -> float:
    return verdict(error, attempt, jitter=jitter).after.total_seconds()


@pytest.mark.parametrize("status", range(100, 600))
def test_every_status_has_its_verdict(status: int) -> None:
    found = verdict(refused(status), 1, jitter=0.5)
    assert found.kind == EXPECTED[status]
    assert (found.after > timedelta(0)) is (found.kind != "give_up")
    assert str(status) in found.reason
    assert "DEMO-1" in found.reason


def test_pauses_double_up_to_thirty_seconds() -> None:
    assert [seconds(refused(500), attempt) for attempt in range(1, 8)] == [2, 4, 8, 16, 30, 30, 30]


def test_an_outage_is_waited_out_however_long() -> None:
    down = JiraUnreachable(CALL, "no connection to its address")
    assert [seconds(down, attempt) for attempt in (1, 2, 8, 9, 100_000)] == [2, 4, 256, 300, 300]
    assert verdict(down, 100_000, jitter=0.5).kind == "wait"


@pytest.mark.parametrize("error", [JiraUncertain(CALL, "no answer in time"), refused(503)])
def test_silence_and_a_bad_gateway_are_outages(error: JiraError) -> None:
    assert verdict(error, 100, jitter=0.5).kind == "wait"


@pytest.mark.parametrize("status", [500, 409])
def test_an_unexplained_failure_is_given_up_after_a_while(status: int) -> None:
    uncertain = JiraUncertain(CALL, status=500)
    assert verdict(refused(status), ATTEMPTS - 1, jitter=0.5).kind == "retry"
    assert verdict(refused(status), ATTEMPTS, jitter=0.5).kind == "give_up"
    assert verdict(uncertain, ATTEMPTS, jitter=0.5).kind == "give_up"


@pytest.mark.parametrize(
    ("asked", "pause"),
    [
        (None, 2),
        (timedelta(0), 2),
        (timedelta(seconds=5), 5),
        (timedelta(seconds=1847), 1847),
        (timedelta(days=100_000), 3600),
    ],
)
def test_what_jira_asks_for_is_kept_within_reason(asked: timedelta | None, pause: float) -> None:
    assert seconds(refused(429, retry_after=asked)) == pause
    assert seconds(refused(503, retry_after=asked)) == pause


@pytest.mark.parametrize(
    ("reason", "kind"),
    [
        ("jira-per-issue-on-write", "retry"),
        ("jira-burst-based", "wait"),
        ("jira-quota-global-based", "wait"),
        ("jira-quota-tenant-based", "wait"),
        (None, "wait"),
    ],
)
def test_only_the_limit_of_one_issue_leaves_the_others_alone(
    reason: str | None, kind: Kind
) -> None:
    assert verdict(refused(429, reason=reason), 50, jitter=0.5).kind == kind


def test_bad_credentials_are_tried_seldom() -> None:
    assert [seconds(refused(401), attempt) for attempt in (1, 2, 3, 4)] == [60, 120, 240, 300]


def test_a_sign_in_that_is_switched_off_concerns_everything() -> None:
    sentence = "Basic Authentication has been disabled on this instance."
    assert verdict(refused(403, sentence), 1, jitter=0.5).kind == "wait"


def test_jitter_spreads_and_never_comes_before_what_jira_asked_for() -> None:
    assert seconds(refused(500), jitter=0) == pytest.approx(1.4)
    assert seconds(refused(500), jitter=1) == pytest.approx(2.6)
    asked = refused(429, retry_after=timedelta(seconds=100))
    assert seconds(asked, jitter=0) == 100
    assert seconds(asked, jitter=1) == pytest.approx(130)
