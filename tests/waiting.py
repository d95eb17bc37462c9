"""Waiting for what another thread or process does, with an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

# Far more than anything needs on a machine of its own: only a failing test waits for so long.
PATIENCE = 60.0


def eventually(what: str, holds: Callable[[], Any]) -> Any:
    """The first true answer; looked for every 20 ms."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if found := holds():
            return found
        pause.wait(0.02)
    raise AssertionError(f"in {PATIENCE:g} s: {what}")
