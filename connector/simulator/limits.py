"""How often an issue may be written to on Cloud: a weather for who wants to see it enforced.

    sim.faults.weather = WriteLimits(sim)

Twenty writes in two seconds and a hundred in thirty, whoever makes them; see
https://developer.atlassian.com/cloud/jira/platform/rate-limiting/.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from datetime import datetime, timedelta
from math import ceil
from typing import Literal

from connector.simulator.errors import JiraError
from connector.simulator.faults import Rule
from connector.simulator.world import World

_LIMITS = ((20, timedelta(seconds=2)), (100, timedelta(seconds=30)))
_LONGEST = max(length for _, length in _LIMITS)
_WRITTEN = re.compile(r"/rest/api/[0-9]/issue/([^/]+)")


class WriteLimits:
    """Answers 429 to a write that comes too soon after others to the same issue."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._writes: defaultdict[str, deque[datetime]] = defaultdict(deque)

    def over_request(self, method: str, path: str) -> Rule | None:
        """Count a write to an issue, or refuse it; what is refused does not count."""
        named = _WRITTEN.search(path)
        if method == "GET" or named is None:
            return None
        with self._world.lock:
            try:
                issue = self._world.issue(named[1])
            except JiraError:
                return None
            now, writes = self._world.now(), self._writes[issue.id]
            while writes and now - writes[0] >= _LONGEST:
                writes.popleft()
            wait = _wait(writes, now)
            if not wait:
                writes.append(now)
                return None
        return Rule(
            status=429,
            headers={
                "Retry-After": str(ceil(wait.total_seconds())),
                "RateLimit-Reason": "jira-per-issue-on-write",
            },
            body={"errorMessages": ["Rate limit exceeded."], "errors": {}},
        )

    def over_delivery(self, _event: str) -> Literal["drop", "double"] | None:
        """Let every delivery pass."""
        return None

    def over_batch(self, _size: int) -> bool:
        """Leave deliveries in their order."""
        return False


def _wait(writes: deque[datetime], now: datetime) -> timedelta:
    """How long until another write is allowed; nothing when it is by now."""
    waits = (writes[-limit] + length - now for limit, length in _LIMITS if len(writes) >= limit)
    return max((wait for wait in waits if wait > timedelta(0)), default=timedelta(0))
