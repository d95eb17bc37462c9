"""Whether a call to Jira that failed is made again, and when: a pure verdict with its reason."""

from __future__ import annotations

from datetime import timedelta
from typing import Literal

import msgspec

from connector.errors import (
    Blocked,
    JiraError,
    JiraRefused,
    JiraUncertain,
    JiraUnreachable,
    NotJira,
    NotPermitted,
)

Kind = Literal["retry", "wait", "give_up"]

BASE = timedelta(seconds=2)
"""The first pause; each one doubles the last. With 30 s and the spread: Atlassian's own advice."""
LONGEST_PAUSE = timedelta(seconds=30)
OUTAGE_PAUSE = timedelta(minutes=5)
"""How often at least a Jira is tried that is down, that fails, or that takes no credentials."""
LOGIN_PAUSE = timedelta(minutes=1)
"""The first pause after refused credentials: Jira locks an account that tries again and again."""
BLOCKED_PAUSE = timedelta(minutes=1)
"""The first pause of a call that a firewall stops: people have to let it through."""
ASKED_PAUSE = timedelta(hours=1)
"""The longest pause that Jira can ask for."""
ATTEMPTS = 300
"""After so many unexplained failures of one call, about a day, it is the call that is wrong."""
WAITS = 8
"""So many waits at most count as failures: a long outage brings no call near its end."""

_GATEWAY = frozenset({502, 503, 504})
_CONFLICT = frozenset({408, 409, 425})


class Verdict(msgspec.Struct, frozen=True):
    """What to do after a failure.

    Attributes:
        kind: `retry` this call after the pause; `wait` with every call to the site; or `give_up`.
        after: how long to pause; zero when giving up.
        reason: for people; it holds the error's own words.
        attempts: how many failures of the call are to be remembered.
    """

    kind: Kind
    after: timedelta
    reason: str
    attempts: int


def verdict(error: JiraError, attempt: int, *, jitter: float) -> Verdict:
    """Judge a failure.

    Args:
        error: what came of the call.
        attempt: one more than what the last verdict had remembered; 1 at first.
        jitter: a number from 0 to 1; it spreads pauses from 0.7 to 1.3 of their length, so that
            many calls do not come back at once.
    """
    pauses = _Pauses(error.retry_after, attempt, 0.7 + 0.6 * jitter)
    kind, after = _judge(error, attempt, pauses)
    remembered = max(attempt - 1, min(attempt, WAITS)) if kind == "wait" else attempt
    return Verdict(kind, after, str(error), remembered)


def _judge(error: JiraError, attempt: int, pauses: _Pauses) -> tuple[Kind, timedelta]:
    if isinstance(error, JiraUnreachable):
        return "wait", pauses.doubling(BASE, OUTAGE_PAUSE)
    status = error.status or 0
    if status in _GATEWAY or (isinstance(error, JiraUncertain) and status < 500):
        # No answer, or a gateway's: an outage, which is over when it is over.
        return "wait", pauses.doubling(BASE, OUTAGE_PAUSE)
    blocked = isinstance(error, Blocked)
    if status >= 500 or status in _CONFLICT or blocked:
        if attempt >= ATTEMPTS:
            return "give_up", timedelta(0)
        return "retry", pauses.doubling(BLOCKED_PAUSE if blocked else BASE, OUTAGE_PAUSE)
    if status == 429:
        # Too many writes to one issue are that issue's own matter; every other limit is the site's.
        own = (error.reason or "").strip().lower() == "jira-per-issue-on-write"
        return "retry" if own else "wait", pauses.doubling(BASE, LONGEST_PAUSE)
    if _concerns_everything(error, status):
        return "wait", pauses.doubling(LOGIN_PAUSE, OUTAGE_PAUSE)
    return "give_up", timedelta(0)


def _concerns_everything(error: JiraError, status: int) -> bool:
    """Whether no call to the site can succeed before somebody sets something right."""
    if not isinstance(error, JiraRefused) or isinstance(error, NotPermitted):
        return False
    barred = status == 403 and "basic auth" in error.sentence.lower()
    return status < 400 or status in (401, 407) or barred or isinstance(error, NotJira)


class _Pauses(msgspec.Struct, frozen=True):
    asked: timedelta | None
    attempt: int
    spread: float

    def doubling(self, base: timedelta, longest: timedelta) -> timedelta:
        """The own pause of this attempt, or what Jira asks for where that is longer."""
        # Beyond 2**20 every pause is the longest one, and a larger power would overflow.
        own = min(base * (1 << min(self.attempt - 1, 20)), longest) * self.spread
        asked = min(self.asked or timedelta(0), ASKED_PAUSE)
        return max(own, timedelta(seconds=asked.total_seconds() * max(self.spread, 1.0)))
