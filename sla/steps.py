"""The steps that the work is done in, told to those who look on: logs, metrics and traces.

Whoever does a step knows nothing of who looks on, and nobody does unless `watch` says so. A step
carries the name of the delivery that it follows from: one name runs from the receiver to the call
that changes Jira, through every process that has a part in it.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

from structlog.contextvars import bind_contextvars, get_contextvars, reset_contextvars

Name = Literal["receive", "translate", "decide", "write", "call", "notify"]
NAMES: Final[tuple[Name, ...]] = ("receive", "translate", "decide", "write", "call", "notify")
"""`receive`: a delivery was kept. `translate`: facts were made of it. `decide`: an issue was
decided. `write`: something of an issue was changed in Jira. `call`: one request to Jira. `notify`:
a channel beyond Jira was told."""
_HASH = "sha256:"
_OF_A_HASH = len(_HASH) + 16


class Watcher(Protocol):
    """Somebody who looks on; must not raise."""

    def began(self, step: Step) -> None:
        """A step begins, in this thread."""

    def ended(self, step: Step) -> None:
        """It has ended, the one that began last first."""


_watchers: tuple[Watcher, ...] = ()


def watch(watcher: Watcher) -> None:
    """Have every step of this process told to a watcher from now on."""
    global _watchers
    if watcher not in _watchers:
        _watchers = (*_watchers, watcher)


def unwatch(watcher: Watcher) -> None:
    """Tell it no more."""
    global _watchers
    _watchers = tuple(each for each in _watchers if each is not watcher)


class Step:
    """One step; used as a context.

    Args:
        name: which.
        facts: what is known of it when it begins; no secret, and nothing that a person wrote.

    Attributes:
        outcome: what came of it, in a word; the error's name where it raised one.
        began: when, as `time.perf_counter` shows it.
        seconds: how long it took, once it has ended.
    """

    __slots__ = ("began", "facts", "name", "outcome", "seconds")

    def __init__(self, name: Name, outcome: str = "done", **facts: Any) -> None:
        self.name, self.outcome, self.facts = name, outcome, facts
        self.seconds = self.began = 0.0

    def __enter__(self) -> Self:
        self._begin(time.perf_counter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self.outcome = kind.__name__
        self._end(time.perf_counter())

    def tell(self, began: float, ended: float) -> None:
        """Tell of it once it is over: of many that go on at once in one thread.

        Args:
            began: when, as `time.perf_counter` shows it.
            ended: when, likewise.
        """
        self._begin(began)
        self._end(ended)

    def _begin(self, at: float) -> None:
        self.began = at
        for each in _watchers:
            each.began(self)

    def _end(self, at: float) -> None:
        self.seconds = at - self.began
        for each in reversed(_watchers):
            each.ended(self)


class following:  # noqa: N801 - used as a function
    """Within it, steps and log lines of this thread carry the name of a delivery; None: of none.

    By the tokens of what was bound before: structlog's own `bound_contextvars` looks through all
    that is bound, which took a fifth of what a line of the log takes.
    """

    __slots__ = ("_delivery", "_tokens")

    def __init__(self, delivery: str | None) -> None:
        self._delivery = delivery

    def __enter__(self) -> None:
        self._tokens = bind_contextvars(delivery=self._delivery)

    def __exit__(self, *_: object) -> None:
        reset_contextvars(**self._tokens)


def delivery() -> str | None:
    """The name of the delivery that what is being done follows from."""
    found: str | None = get_contextvars().get("delivery")
    return found


def short_name(stored: str) -> str:
    """A delivery's name as logs say it: Jira's identifier, or the beginning of the body's hash.

    Args:
        stored: as the inbox has it.
    """
    first = stored.partition(f" {_HASH}")[0]
    return first[:_OF_A_HASH] if first.startswith(_HASH) else first
