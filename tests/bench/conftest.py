"""What tests of the measurements share."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def little_to_collect() -> Iterator[None]:
    """Have nothing of the other tests looked through each time something is measured."""
    gc.freeze()
    yield
    gc.unfreeze()
