"""Whether a change may still leave: asked right before it is sent, of whoever noted it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from connector.errors import TakenOver

_may_leave: ContextVar[Callable[[], bool] | None] = ContextVar("may_leave", default=None)


@contextmanager
def asking_before(may_leave: Callable[[], bool]) -> Iterator[None]:
    """Within it `may_leave` is asked right before each change is sent, in this thread.

    Where it says no, nothing is sent, and `TakenOver` is raised.
    """
    before = _may_leave.set(may_leave)
    try:
        yield
    finally:
        _may_leave.reset(before)


def leave(what: str, issue: str | None) -> None:
    """Ask, right before a change is sent, whether it is still ours to send.

    Args:
        what: is being done, for the error.
        issue: its id or key, if it is about one.

    Raises:
        TakenOver: it is not.
    """
    may_leave = _may_leave.get()
    if may_leave and not may_leave():
        raise TakenOver(f"{what} of {issue} is another process's work by now; nothing was sent")
