"""What a simulated Jira holds, for another one to begin with: to tell it all anew takes long."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from connector.simulator import Simulator

Held = dict[str, Any]

# What no other Jira can have of one: its address, who waits for it, what it was asked, its clock.
_ITS_OWN = frozenset({
    "base_url", "lock", "something_pending", "faults", "requests", "attempts", "_now", "_post",
    "_sending",
})  # fmt: skip


def held_by(jira: Simulator) -> Held:
    """A copy of all that a Jira holds which stands still by now."""
    return deepcopy({name: each for name, each in vars(jira).items() if name not in _ITS_OWN})


def bring(held: Held, jira: Simulator) -> None:
    """Have a Jira hold the same."""
    vars(jira).update(deepcopy(held))
