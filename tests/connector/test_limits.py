"""What Jira's answers say of how much it may be asked, of each kind of Jira."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from requests.structures import CaseInsensitiveDict

from connector import limits
from connector.limits import Limits, Told

CLOUD = {
    "X-RateLimit-Limit": "350", "X-RateLimit-Remaining": "0",
    "X-RateLimit-Reset": "2026-11-20T15:00Z", "RateLimit-Reason": "jira-burst-based",
    "Retry-After": "3",
}  # fmt: skip
DATA_CENTER = {
    "X-RateLimit-Limit": "10", "X-RateLimit-Remaining": "9", "X-RateLimit-FillRate": "10",
    "X-RateLimit-Interval-Seconds": "60", "retry-after": "0",
}  # fmt: skip
STRUCTURED = {
    "Beta-RateLimit-Policy": '"global-app-quota";q=65000;w=3600',
    "Beta-RateLimit": '"global-app-quota";r=12000;t=600',
}


@pytest.mark.parametrize(
    ("headers", "remaining", "most", "retry_after"),
    [
        (CLOUD, 0, 350, 3),
        (DATA_CENTER, 9, 10, 0),
        (STRUCTURED, 12000, 65000, 600),
        (
            {"Retry-After": "Fri, 20 Nov 2026 15:00:00 GMT", "RateLimit": "odd;r=-;"},
            None,
            None,
            None,
        ),
        ({"X-RateLimit-Remaining": "9" * 40}, None, None, None),
    ],
)
def test_numbers_are_read_from_whichever_header_has_them(
    headers: dict[str, str], remaining: float | None, most: float | None, retry_after: float | None
) -> None:
    told = Limits()
    told.note(200, CaseInsensitiveDict(headers))
    found = told.take()
    assert found is not None
    assert limits.remaining(found.headers) == remaining
    assert limits.most(found.headers) == most
    assert limits.retry_after(found.headers) == retry_after


def test_when_it_fills_up_is_an_instant_or_not_told() -> None:
    assert limits.resets_at(CLOUD) == datetime(2026, 11, 20, 15, tzinfo=UTC)
    assert limits.resets_at({"X-RateLimit-Reset": "1700000000"}) is None
    assert limits.resets_at({"X-RateLimit-Reset": "2026-11-20T15:00"}) is None


def test_the_last_that_were_told_stay_until_they_are_taken() -> None:
    told = Limits()
    told.note(429, CaseInsensitiveDict(CLOUD))
    told.note(200, CaseInsensitiveDict({"Content-Type": "text/html", "Set-Cookie": "secret"}))
    assert told.take() == Told(429, CLOUD)
    assert told.take() is None
    told.note(200, CaseInsensitiveDict({"RateLimit-Reason": "x" * 10_000}))
    found = told.take()
    assert found is not None
    assert len(found.headers["RateLimit-Reason"]) == 200
