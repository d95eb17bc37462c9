"""When a running promise comes into danger: by open time that is left, as its own warnings say."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sla.contract import Alerts
from sla.cycle import Cycle
from sla.mapping import Policy

_SHARE_LEFT = 0.25
"""Where nobody asked to be warned: the last quarter of the goal's open time."""
_NOTHING = timedelta(0)


def dangers(cycles: Iterable[Cycle], policy: Policy) -> dict[tuple[str, int], datetime]:
    """From when on each running cycle is in danger, by metric and number; aware UTC."""
    return {
        (cycle.metric, cycle.number): in_danger_at(
            cycle, policy.alerts_for(cycle.metric, cycle.promise.coverage)
        )
        for cycle in cycles
        if cycle.state == "running" and cycle.ending is None
    }


def in_danger_at(cycle: Cycle, alerts: Alerts) -> datetime:
    """The instant of a running cycle's first warning, said or not; aware UTC.

    Open time counts, not time on the wall: what is due on Monday at nine is not in danger on
    Saturday because of the night and the weekend between.
    """
    promise = cycle.promise
    used = promise.goal_time - left_in_danger(promise.goal_time, alerts)
    at = promise.when_used(used, cycle.rest.over) if used > _NOTHING else promise.since_at
    return max(at, promise.since_at)


def left_in_danger(goal_time: timedelta, alerts: Alerts) -> timedelta:
    """With how much open time left of a goal a promise comes into danger.

    A warning that is asked for before the clock even starts says nothing, and does not count.
    """
    left = [
        goal_time * (1 - warning.used) if warning.used is not None else warning.left or _NOTHING
        for warning in alerts.warnings
    ]
    return max((each for each in left if each < goal_time), default=goal_time * _SHARE_LEFT)


__all__ = ["dangers", "in_danger_at", "left_in_danger"]
