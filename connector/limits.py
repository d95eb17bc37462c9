"""What a Jira last said of how much it may be asked: for people and for monitoring.

Nothing is decided by it. Jira says when to come again in an answer that refuses, and that answer is
obeyed (`connector.retry`). Cloud tells of its limits where one is near or was hit; Data Center with
every answer, and each of its nodes counts for itself.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

# In the order in which people read them; Cloud's structured ones had another name before.
HEADERS = (
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-RateLimit-NearLimit",
    "X-RateLimit-FillRate",
    "X-RateLimit-Interval-Seconds",
    "RateLimit-Reason",
    "RateLimit",
    "RateLimit-Policy",
    "Beta-RateLimit",
    "Beta-RateLimit-Policy",
    "Retry-After",
)
_LONGEST = 200
_NUMBER = re.compile(r"\d{1,18}(\.\d{1,9})?", re.ASCII)


class Told(NamedTuple):
    """The limits in one answer."""

    status: int
    headers: Mapping[str, str]
    """By the names in `HEADERS`."""


@dataclass
class Limits:
    """The limits in the last answer of a site that told any. Safe to use from any thread."""

    _told: Told | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, status: int, headers: Mapping[str, str]) -> None:
        """Keep what an answer tells, if it tells anything."""
        found = {name: headers[name][:_LONGEST] for name in HEADERS if name in headers}
        if found:
            with self._lock:
                self._told = Told(status, found)

    def take(self) -> Told | None:
        """What was told since the last time; None: nothing."""
        with self._lock:
            told, self._told = self._told, None
        return told


def remaining(headers: Mapping[str, str]) -> float | None:
    """How many calls, or points, are left; None where that was not told."""
    return _number(headers, "X-RateLimit-Remaining", "r", "RateLimit", "Beta-RateLimit")


def most(headers: Mapping[str, str]) -> float | None:
    """How many there are before any is used; None where that was not told."""
    policies = ("RateLimit-Policy", "Beta-RateLimit-Policy")
    return _number(headers, "X-RateLimit-Limit", "q", *policies)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """In how many seconds to come again; None where that was not told as a number."""
    return _number(headers, "Retry-After", "t", "RateLimit", "Beta-RateLimit")


def resets_at(headers: Mapping[str, str]) -> datetime | None:
    """When what is left is filled up, aware; None where that was not told as an instant."""
    try:
        at = datetime.fromisoformat(headers.get("X-RateLimit-Reset", ""))
    except ValueError:
        return None
    return at if at.tzinfo else None


def _number(
    headers: Mapping[str, str], plain: str, parameter: str, *structured: str
) -> float | None:
    """A number from a header that is one, or else from a parameter of a structured one."""
    texts = [headers.get(plain, "")]
    for name in structured:
        texts += re.findall(rf";\s*{parameter}=([^;,\s]+)", headers.get(name, ""))
    return next((float(text) for text in texts if _NUMBER.fullmatch(text.strip())), None)
