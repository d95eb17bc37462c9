"""Keeps the collector of garbage away from what stays: modules, the policy, what a plan finds."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def made_to_stay() -> Iterator[None]:
    """Have the collector leave alone, for good, what is made within.

    Looking through the modules again and again takes a tenth of a start; and frozen they are not
    looked through later, while requests wait.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
