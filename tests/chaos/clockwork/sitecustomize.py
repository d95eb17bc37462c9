"""Put on the path of a real `dueline serve`, this gives it the clock of the chaos run.

Python imports a module of this name in each of its processes before anything else, so that the
processes under test run from their own command line, unchanged in all but what time it is.
"""

from __future__ import annotations

import os
from pathlib import Path

if path := os.environ.get("DUELINE_CHAOS_CLOCK"):
    import webhooks.clock
    from tests.chaos.clock import SharedClock

    _clock = SharedClock(Path(path))
    setattr(webhooks.clock, "SystemClock", lambda: _clock)  # noqa: B010 - for mypy it is a class
