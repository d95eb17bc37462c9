"""When a metric's clock starts and when it stops, by the acts that its contract names."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from sla.acts import History, Moment
from sla.condition import RESOLVED, Condition, while_holding
from sla.contract import Act, Clock
from sla.resting import NEVER, Resting
from sla.timeline import Spans

_AT = attrgetter("at")


class Common:
    """What several metrics of one issue ask for, worked out once."""

    __slots__ = ("_rested", "history")

    def __init__(self, history: History) -> None:
        self.history = history
        self._rested: dict[tuple[int, ...], Resting | None] = {}

    def while_(self, conditions: Sequence[Condition]) -> Resting | None:
        """When one of some conditions held; None: never."""
        # By what they are, and not what they say: a policy's conditions stay where they are.
        key = tuple([id(each) for each in conditions])
        if key not in self._rested:
            timeline = self.history.timeline
            held = [span for each in conditions for span in while_holding(timeline, each)]
            self._rested[key] = Resting(held) if held else None
        return self._rested[key]


class Rule:
    """Between two instants the metric's clock ran by this rule."""

    __slots__ = ("_history", "_stops", "clock", "free", "resting", "since_at", "starts", "until_at")

    def __init__(
        self, since_at: datetime, until_at: datetime | None, clock: Clock, common: Common
    ) -> None:
        self.since_at, self.until_at, self.clock = since_at, until_at, clock
        self.starts = any_of(clock.started_by, common.history)
        self.resting = common.while_(clock.rests)
        """When the clock rests, if it ever does."""
        self.free = common.while_(clock.frees)
        """When nothing is owed, if that ever is so."""
        self._history = common.history
        self._stops: list[list[_Stop]] | None = None

    def holds_all_from(self, since_at: datetime) -> bool:
        """Whether it holds from an instant on for good."""
        return self.until_at is None and self.since_at == since_at

    @property
    def stops(self) -> list[list[_Stop]]:
        """The acts of each way to stop, looked for once something started."""
        if self._stops is None:
            history, clock = self._history, self.clock
            self._stops = [[_Stop(act, clock, history) for act in acts] for acts in clock.stops]
        return self._stops

    def first_start(self, after: datetime | None, *, past: bool) -> datetime | None:
        """The first start that is not before an instant, or that is past it."""
        index = 0
        if after is not None:
            # By bisection: a walk from the first moment on for every cycle is quadratic.
            bisect = bisect_right if past else bisect_left
            index = bisect(self.starts, after, key=_AT)
        if index == len(self.starts):
            return None
        at = self.starts[index].at
        return at if self.until_at is None or at < self.until_at else None

    def first_stop(self, start: datetime) -> Moment | None:
        """The first instant since a start at which all acts of one of the ways had happened."""
        first: Moment | None = None
        for stops in self.stops:
            moments = [moment for stop in stops if (moment := stop.since(start))]
            if len(moments) == len(stops):
                found = moments[0] if len(moments) == 1 else _together(moments)
                first = found if first is None or found.at < first.at else first
        return first


def _together(moments: Sequence[Moment]) -> Moment:
    """Several acts as one, which happens with the last of them."""
    last = max(moments, key=_AT)
    reason = " and ".join([moment.reason for moment in moments])
    return Moment(last.at, reason, last.key, last.by)


class _Stop:
    """An act that stops a clock, or is one of those that do so together."""

    __slots__ = ("_bisect", "_held", "_moments", "_reason")

    def __init__(self, act: Act, clock: Clock, history: History) -> None:
        self._moments = _stops(act, clock, history)
        self._bisect = bisect_right if clock.stopped_by_its_start else bisect_left
        by_state = act.kind == "fields"
        self._held: Spans = while_holding(history.timeline, act.when) if by_state else []
        self._reason = str(act.when)

    def since(self, start: datetime) -> Moment | None:
        """When it first happened since a start, or was so already."""
        for since, end in self._held:
            if since < start and (end is None or start < end):
                return Moment(start, self._reason, "")
        index = self._bisect(self._moments, start, key=_AT)
        return self._moments[index] if index < len(self._moments) else None


def paired(
    starts: Sequence[Moment], clock: Clock, history: History
) -> tuple[list[datetime], list[Moment | None]]:
    """The starts that begin a cycle, and what stops each: of a clock that one kind of act stops."""
    begun: list[datetime] = []
    stopped: list[Moment | None] = []
    repeats, begun_by_stops = clock.repeats, clock.stopped_by_its_start
    upcoming = iter(_stops(clock.only_stop, clock, history) if clock.only_stop else ())
    stop = next(upcoming, None)
    began, end = None, starts[0].at if starts else NEVER
    for each in starts:
        at = each.at
        # What would start the clock while it runs starts nothing, nor does its very stop.
        if at < end or at == began:
            continue
        while stop is not None and (stop.at < at or (begun_by_stops and stop.at == at)):
            stop = next(upcoming, None)
        begun.append(at)
        stopped.append(stop)
        if stop is None or not repeats:
            break
        began, end = at, stop.at
    return begun, stopped


def _stops(act: Act, clock: Clock, history: History) -> Sequence[Moment]:
    """When an act happened that stops a clock."""
    moments = history.moments(act)
    if not _is_for_good(act, clock):
        return moments
    resolved = while_holding(history.timeline, RESOLVED)
    return moments[-1:] if resolved and resolved[-1][1] is None else ()


def _is_for_good(act: Act, clock: Clock) -> bool:
    """Whether only the last of it counts: what was opened again was not resolved after all."""
    return act.kind == "resolved" and not clock.repeats


def any_of(acts: Sequence[Act], history: History) -> list[Moment]:
    """When any of some acts happened, oldest first."""
    if len(acts) == 1:
        return history.moments(acts[0])
    return sorted([each for act in acts for each in history.moments(act)], key=_AT)
