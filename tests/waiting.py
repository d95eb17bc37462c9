"""Waiting for what another thread or process does, with an end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

PATIENCE = 20.0


def eventually(what: str, holds: Callable[[], Any]) -> Any:
    """The first true answer; looked for every 20 ms."""
    pause = threading.Event()
    for _ in range(int(PATIENCE / 0.02)):
        if found := holds():
            return found
        pause.wait(0.02)
    raise AssertionError(f"in {PATIENCE:g} s: {what}")
