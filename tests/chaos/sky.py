"""The weather over the simulated Jira: what befalls its answers and webhooks by chance."""

from __future__ import annotations

import random
import re
import threading
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connector.simulator import Faults, Rule

_ISSUE = re.compile(r"/issue/([^/]+)")
CLIENT_PATIENCE = 1.0
"""Seconds that the service under test waits for an answer, instead of the 20 of every day."""
_REASONS = (
    "jira-burst-based",
    "jira-quota-global-based",
    "jira-quota-tenant-based",
    "jira-per-issue-on-write",
    None,
)


def _menu() -> dict[str, tuple[int, Rule]]:
    """Each fault with its weight."""
    made = Faults()
    menu: dict[str, tuple[int, Rule]] = {
        "dropped before": (3, made.drop("before")),
        "dropped during": (3, made.drop("during")),
        "dropped after": (3, made.drop("after")),
        "500": (2, made.error(500)),
        "500 after the effect": (2, made.error(500, when="after")),
        "502": (1, made.error(502)),
        "502 after the effect": (1, made.error(502, when="after")),
        "503": (1, made.error(503)),
        "503 after the effect": (1, made.error(503, when="after")),
        "401": (1, made.error(401)),
        "HTML": (1, made.html()),
        "HTML after the effect": (1, made.html(when="after")),
        "HTML 503": (1, made.html(503)),
        "late after the effect": (1, made.slow(CLIENT_PATIENCE * 1.5, "after")),
        "late before the effect": (1, made.slow(CLIENT_PATIENCE * 1.5, "before")),
    }
    for seconds in (0, 1, 5, None):
        for reason in _REASONS:
            name = f"429 Retry-After {seconds}, {reason}"
            menu[name] = (1, made.rate_limit(seconds, reason))
    return menu


def _harsh_menu() -> dict[str, tuple[int, Rule]]:
    """Those after which Jira is to be left alone for an hour or so."""
    made = Faults()
    return {
        f"429 Retry-After {seconds}": (1, made.rate_limit(seconds))
        for seconds in (1000, 4000, 2**63 - 1)
    }


_MILD, _HARSH = _menu(), _harsh_menu()


class Writes:
    """Which issues are being written to: two requests at once can only come of two processes.

    The server has a thread for each connection, and a process writes to an issue in one thread.
    """

    def __init__(self) -> None:
        self.together: list[str] = []
        self._under_way: dict[int, str] = {}

    def begin(self, method: str, path: str) -> None:
        """A request came in."""
        found = _ISSUE.search(path)
        if method == "GET" or found is None:
            return
        issue = found.group(1)
        if issue in self._under_way.values():
            self.together.append(f"{method} {path}")
        self._under_way[threading.get_ident()] = issue

    def end(self) -> None:
        """It was answered."""
        self._under_way.pop(threading.get_ident(), None)


@dataclass
class Sky:
    """Draws what happens next.

    Attributes:
        seed: of the draws; which request meets which of them depends on the threads.
        rate: the share of requests that meet a fault; 0: fair weather.
        harsh: whether those are among them that stop everything for an hour.
        latency: the longest time that Jira takes to answer, in seconds.
        webhooks: the share of deliveries that are sent twice, and of batches sent backwards.
        drops: the share of deliveries that are lost for good.
        requests: how many there were so far.
        lookups: how many of them asked for an issue's comments, as where one is in doubt.
        writes: those that are under way.
    """

    seed: int
    rate: float = 0.0
    harsh: bool = False
    latency: float = 0.0
    webhooks: float = 0.0
    drops: float = 0.0
    requests: int = field(default=0, init=False)
    lookups: int = field(default=0, init=False)
    writes: Writes = field(default_factory=lambda: Writes(), init=False)
    injected: Counter[str] = field(default_factory=Counter, init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def clear(self) -> None:
        """Fair weather from now on."""
        self.rate = self.webhooks = self.drops = 0.0
        self.harsh = False

    def over_request(self, method: str, path: str) -> Rule | None:
        """See `Weather`."""
        with self._lock:
            self.requests += 1
            self.lookups += method == "GET" and path.endswith("/comment")
            self.writes.begin(method, path)
            if self._random.random() < self.rate:
                return self._fault()
            if not self.latency:
                return None
            delay = self._random.uniform(0, self.latency)
            return Rule(status=0, delay=delay, when=self._random.choice(("before", "after")))

    @property
    def lost_any(self) -> bool:
        """Whether a delivery was lost for good."""
        return self.injected["webhook dropped"] > 0

    def answered(self) -> None:
        """Told that the request of this thread was answered, or dropped."""
        with self._lock:
            self.writes.end()

    def over_delivery(self, event: str) -> Literal["drop", "double"] | None:
        """See `Weather`."""
        with self._lock:
            drawn = self._random.random()
            if drawn < self.drops:
                self.injected["webhook dropped"] += 1
                return "drop"
            if drawn < self.drops + self.webhooks:
                self.injected["webhook doubled"] += 1
                return "double"
        return None

    def over_batch(self, size: int) -> bool:
        """See `Weather`."""
        with self._lock:
            backwards = size > 1 and self._random.random() < self.webhooks
            self.injected["batch reordered"] += backwards
        return backwards

    def _fault(self) -> Rule:
        # One in ten is of those that stop everything, else little else would happen.
        harsh = self.harsh and self._random.random() < 0.1
        menu: Mapping[str, tuple[int, Any]] = _HARSH if harsh else _MILD
        names = list(menu)
        [name] = self._random.choices(names, [menu[each][0] for each in names])
        self.injected[name] += 1
        rule: Rule = menu[name][1]
        return rule
