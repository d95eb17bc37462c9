"""Things that go wrong on purpose: errors, floods, dropped connections, lost and doubled webhooks.

A rule matches requests (by method and path) or webhook deliveries, a number of times.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol, get_args

When = Literal["before", "after"]
Drop = Literal["before", "during", "after"]
WebhookFault = Literal["drop", "double", "reorder"]

_HTML = "<html><head><title>Oops</title></head><body><h1>We'll be right back</h1></body></html>"


@dataclass(slots=True)
class Rule:
    """What goes wrong, where, and how many times more.

    `path` is a regular expression searched in the path. With `when` or `drop` at "after", the
    request takes effect first; with `drop` at "during" half of its answer is sent besides. `delay`
    is a number of seconds that pass before the answer; a `status` of 0 leaves the answer as it is.
    A rule with `webhook` concerns deliveries: "drop" loses one, "double" sends it twice, "reorder"
    sends the next batch of two or more backwards.
    """

    method: str | None = None
    path: str | None = None
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    when: When = "before"
    drop: Drop | None = None
    delay: float = 0.0
    webhook: WebhookFault | None = None
    event: str | None = None
    times: int = 1

    def __post_init__(self) -> None:
        if self.when not in get_args(When) or self.drop not in {None, *get_args(Drop)}:
            raise ValueError("when is 'before' or 'after', drop 'before', 'during' or 'after'")
        if self.webhook not in {None, *get_args(WebhookFault)}:
            raise ValueError("webhook is 'drop', 'double' or 'reorder'")
        if self.times < 1 or self.delay < 0:
            raise ValueError("times is at least 1, and no delay is below 0")
        re.compile(self.path or "")

    @property
    def moment(self) -> When:
        """Return whether the request takes effect before it goes wrong."""
        if self.drop:
            return "before" if self.drop == "before" else "after"
        return self.when

    def meets(self, method: str, path: str) -> bool:
        """Tell whether a request is one of those that go wrong."""
        return (
            self.webhook is None
            and (self.method is None or self.method.upper() == method)
            and (self.path is None or re.search(self.path, path) is not None)
        )


class Weather(Protocol):
    """What goes wrong by chance, asked wherever no rule is left that says what does."""

    def over_request(self, method: str, path: str) -> Rule | None:
        """What befalls a request."""

    def over_delivery(self, event: str) -> Literal["drop", "double"] | None:
        """What befalls a delivery."""

    def over_batch(self, size: int) -> bool:
        """Whether so many deliveries are sent backwards."""


class Faults:
    """The rules that are still to be used, oldest first, and the weather."""

    def __init__(self) -> None:
        self.weather: Weather | None = None
        self._lock = threading.Lock()
        self._rules: list[Rule] = []

    def add(self, rule: Rule | None = None, /, **parts: Any) -> Rule:
        """Queue a rule, given whole or in parts; raises `ValueError` or `TypeError`."""
        rule = rule or Rule(**parts)
        with self._lock:
            self._rules.append(rule)
        return rule

    def error(self, status: int, **parts: Any) -> Rule:
        """Queue an error answer."""
        return self.add(status=status, **parts)

    def rate_limit(
        self,
        retry_after: int | None = 1,
        reason: str | None = "jira-burst-based",
        **parts: Any,
    ) -> Rule:
        """Queue a 429 with Jira Cloud's headers; None leaves a header out."""
        headers = {"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "0"}
        if retry_after is not None:
            headers["Retry-After"] = str(retry_after)
        if reason is not None:
            headers["RateLimit-Reason"] = reason
        body = {"errorMessages": ["Rate limit exceeded."], "errors": {}}
        return self.add(status=429, headers=headers, body=body, **parts)

    def html(self, status: int = 200, **parts: Any) -> Rule:
        """Queue a page of HTML where JSON was due."""
        return self.add(status=status, body=_HTML, headers={"Content-Type": "text/html"}, **parts)

    def drop(self, when: Drop = "before", **parts: Any) -> Rule:
        """Queue a connection that closes before the effect, after it, or within the answer."""
        return self.add(drop=when, **parts)

    def slow(self, seconds: float, when: When = "before", **parts: Any) -> Rule:
        """Queue an answer that is right and late; the effect comes before or after the wait."""
        return self.add(status=0, delay=seconds, when=when, **parts)

    def webhook(self, fault: WebhookFault, **parts: Any) -> Rule:
        """Queue a fault of deliveries."""
        return self.add(webhook=fault, **parts)

    def clear(self) -> None:
        """Forget every rule."""
        with self._lock:
            self._rules.clear()

    def rules(self) -> list[dict[str, Any]]:
        """Return the rules that are still to be used, as JSON."""
        with self._lock:
            return [asdict(rule) for rule in self._rules]

    def for_request(self, method: str, path: str) -> Rule | None:
        """Return the rule for a request, and count it as used."""
        with self._lock:
            rule = self._use(next((r for r in self._rules if r.meets(method, path)), None))
        weather = self.weather
        return rule or (weather.over_request(method, path) if weather else None)

    def for_delivery(self, event: str) -> Literal["drop", "double"] | None:
        """Return what befalls the next delivery, and count it as used."""
        with self._lock:
            for rule in self._rules:
                if rule.webhook in {"drop", "double"} and rule.event in {None, event}:
                    self._use(rule)
                    return "drop" if rule.webhook == "drop" else "double"
        weather = self.weather
        return weather.over_delivery(event) if weather else None

    def for_batch(self, size: int) -> bool:
        """Tell whether the next batch is sent backwards, and count that as used."""
        with self._lock:
            rules = (r for r in self._rules if r.webhook == "reorder" and size > 1)
            if self._use(next(rules, None)) is not None:
                return True
        weather = self.weather
        return weather.over_batch(size) if weather else False

    def _use(self, rule: Rule | None) -> Rule | None:
        if rule is not None:
            rule.times -= 1
            if rule.times <= 0:
                self._rules.remove(rule)
        return rule


def read_rule(given: Mapping[str, Any]) -> Rule:
    """Return the rule that a person sent as JSON; raises `ValueError` with what is wrong."""
    unknown = set(given) - set(Rule.__slots__)
    if unknown:
        raise ValueError(f"unknown keys {sorted(unknown)}; known are {sorted(Rule.__slots__)}")
    try:
        return Rule(**given)
    except (TypeError, re.error) as error:
        raise ValueError(f"not a fault: {error}") from error
