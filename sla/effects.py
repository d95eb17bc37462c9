"""What Jira should show and hear because of a cycle: fields as they should stand, sayings once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from operator import attrgetter
from types import MappingProxyType
from typing import Literal

import msgspec

from sla.contract import NO_ACTIONS, Actions, Alerts, Audience, Level
from sla.contract import Warning as EarlyWarning
from sla.cycle import Cycle
from sla.mapping import Coverage
from sla.promise import due_around
from sla.words import iso, minute

Occasion = Literal[
    "warning", "breach", "escalation", "correction", "acknowledgement", "checklist", "notice",
    "request", "requested",
]  # fmt: skip
URGENT: frozenset[Occasion] = frozenset({"warning", "breach", "escalation"})
"""What a clock brings: it is said before anything else."""
Fact = str | int | float | list[str] | None

FACTS: Mapping[str, str] = MappingProxyType({
    "issue": "the issue's key",
    "metric": "what is measured, in words: first response",
    "contract": "the contract's title",
    "severity": "the contract's own level",
    "target": "the goal as the contract writes it: 2h, 1 business day",
    "clause": "the clause of the policy that promises it",
    "due": "the due instant in the calendar's zone, as people write it",
    "due_utc": "the due instant in UTC, ISO 8601",
    "responded": "when the response came, as people write it; empty while there is none",
    "late": "how late this is said, as a length; empty when it is said in time",
    "since": "since when the version of the policy is in force that says so of a time before it; "
    "empty elsewhere",
    "left": "open time left until the due instant, as a length; empty when none is",
    "level": "the number of the escalation level; empty elsewhere",
    "level_name": "the name of the escalation level; empty elsewhere",
    "mentions": "the people and groups addressed, as mentions; may be empty",
    "binding": "commitment or goal, as the policy promises it",
    "conditional": "the duties on which the promise depends and which nobody did; may be empty",
    "customer": "the customer whose order form holds; empty where it is everybody's",
    "text": "of a notice: its sentence in the contract",
    "status": "the issue's status in Jira",
    "promises": "what is promised, a sentence for each metric",
    "duties": "what the customer has to do, a sentence each",
    "contacts": "other ways to reach the support, a sentence each",
    "missing": "the information that is missing, an item each; empty when all is there",
    "given": "the information that was asked for and is there, an item each",
    "other": "the key of the issue that asks for the escalation, or that is to be escalated",
    "problems": "what keeps a request from being carried out, a sentence each",
})  # fmt: skip
"""What the words of a saying may name, with what stands there."""

FILTERS = frozenset(
    {"capitalize", "default", "d", "first", "int", "last", "length", "lower", "round", "title"}
    | {"trim", "upper"}
)
"""The Jinja filters that the words may use: none that could make a text without end."""


_FIRST = "first_response"
_NOTHING = timedelta(0)
StandingState = Literal["running", "paused", "breached", "met", "late", "none"]


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How all promises of an issue stand, in a few words where somebody reads them.

    To put them together takes a twentieth of a decision, and a fold that is only looked at, as for
    a backtest or a page, needs none.
    """

    state: StandingState
    """The worst that runs; where nothing does, `late` if anything ever was."""
    leading: Cycle | str
    """The cycle that speaks for all, or what does where there is none."""
    all: tuple[Cycle, ...] | str
    """Of each metric the last cycle, or what there is to say without any."""

    @property
    def title(self) -> str:
        """What matters most."""
        return self.leading if isinstance(self.leading, str) else _standing_of(self.leading)

    @property
    def summary(self) -> str:
        """What became of each metric."""
        return self.all if isinstance(self.all, str) else ". ".join(map(_standing_of, self.all))

    @property
    def words(self) -> tuple[StandingState, str, str]:
        """All of it: state, title and summary."""
        return self.state, self.title, self.summary

    def reads(self, words: Sequence[str]) -> bool:
        """Whether these are its words; what comes after the first that differs is not made."""
        state, title, summary = words
        return self.state == state and self.title == title and self.summary == summary


class Fields(msgspec.Struct, frozen=True, gc=False):
    """The SLA fields of an issue as they should stand; None shows as empty."""

    policy: str
    severity: str | None
    due: datetime | None
    responded: datetime | None
    state: str
    level: int
    next_due: datetime | None = None
    """The earliest instant at which anything is due: a reply, an update, the resolution."""
    next_metric: str | None = None
    """What is due then, in words."""
    link: Standing | None = None
    """What the link to the explanation shows, where there is one."""


def as_stored(value: datetime | Standing | str | int | None) -> str | int | list[str] | None:
    """What a field shows as the tables have it: an instant in ISO 8601, the link in words."""
    if isinstance(value, datetime):
        return iso(value)
    return [*value.words] if isinstance(value, Standing) else value


class Saying(msgspec.Struct, frozen=True):
    """One comment that an issue should carry, once.

    `facts` are plain values for the wording: instants as ISO 8601 UTC text, lengths in seconds.
    """

    key: str
    """Unique within the issue: metric, cycle and rule, such as `first_response/1/breach`."""
    occasion: Occasion
    at: datetime
    """The instant at which it became true (a breach: the due instant), however late it is said."""
    audience: Audience
    wording: str | None = None
    """The rule's own template, if it has one."""
    facts: dict[str, Fact] = msgspec.field(default_factory=dict)
    public: bool = False
    """Whether the customer is to read it."""
    revisable: bool = False
    """Whether the comment is brought up to date when its facts change."""
    assign: bool = False
    """Whether the issue goes to the first of those addressed."""
    actions: Actions = NO_ACTIONS
    """What else is done to the issue, once it is said."""


class Announced:
    """What is true to say about an issue by an instant, gathered.

    Most of what could be said lies ahead, or was said before: of that only the instant or the key
    is worked out. To make every saying that an issue could ever need, with its facts, took two
    thirds of the time of a decision.

    Attributes:
        spoken_of: the cycles of which something was said before, such as `first_response/1`.
        sayings: what is to be said now, in no order.
        standing: the keys of all that is true to say by now, said before or not.
        level: the highest escalation level reached.
        next_at: the next instant at which there is more to say, if time alone brings it.
    """

    __slots__ = (
        "_facts", "_told", "level", "next_at", "now", "said", "sayings", "spoken_of", "standing",
    )  # fmt: skip

    def __init__(self, said: frozenset[str], now: datetime, *, looks_ahead: bool = True) -> None:
        self.said, self.now = said, now
        self.sayings: list[Saying] = []
        self.standing: set[str] = set()
        self.level = 0
        # Then nothing that lies ahead comes next.
        self.next_at: datetime | None = None if looks_ahead else now
        self.spoken_of = (
            frozenset(["/".join(key.split("/", 2)[:2]) for key in said]) if said else said
        )
        self._told: Cycle | None = None
        self._facts: Mapping[str, Fact] = {}

    def facts_of(self, cycle: Cycle) -> Mapping[str, Fact]:
        """What every saying of a cycle knows, gathered once for all that is said of it."""
        if self._told is not cycle:
            self._told, self._facts = cycle, _facts(cycle)
        return self._facts

    def await_(self, at: datetime) -> bool:
        """Whether an instant has come; one that has not is waited for."""
        if at <= self.now:
            return True
        if self.next_at is None or at < self.next_at:
            self.next_at = at
        return False

    def is_beyond(self, earliest: datetime) -> bool:
        """Whether an instant from that one on is known not to be the next that is waited for."""
        return self.next_at is not None and self.now < earliest and self.next_at <= earliest

    def stands(self, key: str, *, revisable: bool = False) -> bool:
        """Record what is true to say; True when it is to be said, for the first time or anew."""
        self.standing.add(key)
        return revisable or key not in self.said


def announce(cycle: Cycle, alerts: Alerts, announced: Announced) -> None:
    """Gather what a cycle has caused to be said, and when it will cause more.

    What the clock never comes to, because it ended or rests before, is not said.

    Args:
        cycle: one run of a metric.
        alerts: whom to tell, when; the team's practice for the issue's project.
        announced: where it is gathered.
    """
    # A call to act is not worth saying any more once the clock has ended.
    asks_to_act = cycle.ending is None
    if cycle.ending is None or cycle.ending.at > announced.now:
        for warning in _still_worth_saying(alerts.warnings, cycle, announced.said):
            at = _warned_at(warning, cycle, announced)
            if at and cycle.comes_to(at) and announced.await_(at) and asks_to_act:
                _warn(cycle, warning, at, announced)
    breach_at = _breach_at(cycle)
    broken = cycle.comes_to(breach_at)
    if not broken:
        _correct(cycle, alerts, announced)
    elif announced.await_(breach_at) and announced.stands(key := _key(cycle, "breach")):
        audience, wording = alerts.breach, alerts.breach_wording
        _say(
            announced, cycle, "breach", key, breach_at, audience, wording,
            actions=alerts.breach_actions, public=alerts.breach_public,
        )  # fmt: skip
    late = broken and breach_at <= announced.now
    # A level that follows the breach is of no interest before the breach has come.
    for level in alerts.levels if late else alerts.early_levels:
        if _changes_nothing(level, cycle, breach_at, announced):
            continue
        at = _level_at(level, cycle, breach_at)
        if cycle.comes_to(at) and announced.await_(at):
            announced.level = max(announced.level, level.number)
            if asks_to_act:
                _escalate(cycle, level, at, announced)


def _changes_nothing(level: Level, cycle: Cycle, breach_at: datetime, announced: Announced) -> bool:
    """Whether a level after the breach is known not to matter without asking any calendar.

    So much open time is at least so much time: what the clock did not come to by then it never came
    to, and what lies beyond the next instant is not waited for yet. Of a ladder of three levels
    that spares two to three of three deadlines.
    """
    if level.may_be_early:
        return False
    earliest, ending = breach_at + level.after, cycle.ending
    if ending and ending.at <= announced.now:
        return ending.at <= earliest or level.number <= announced.level
    return announced.is_beyond(earliest)


def _still_worth_saying(
    warnings: Sequence[EarlyWarning], cycle: Cycle, said: frozenset[str]
) -> Sequence[EarlyWarning]:
    """The warnings that are said or may be: none begins once the breach itself was said."""
    if not said or not warnings or _key(cycle, "breach") not in said:
        return warnings
    return [warning for warning in warnings if _key(cycle, warning.id) in said]


def _warn(cycle: Cycle, warning: EarlyWarning, at: datetime, announced: Announced) -> None:
    key = _key(cycle, warning.id)
    if announced.stands(key):
        goal_time = cycle.promise.goal_time
        left = goal_time - _used_at(warning, goal_time)
        _say(
            announced, cycle, "warning", key, at, warning.audience, warning.wording,
            {"left": left.total_seconds()}, actions=warning.actions, public=warning.public,
        )  # fmt: skip


def _escalate(cycle: Cycle, level: Level, at: datetime, announced: Announced) -> None:
    key = _key(cycle, f"level-{level.number}")
    if announced.stands(key):
        _say(
            announced, cycle, "escalation", key, at, level.audience, level.wording,
            {"level": level.number, "level_name": level.name},
            actions=level.actions, public=level.public,
        )  # fmt: skip


def _correct(cycle: Cycle, alerts: Alerts, announced: Announced) -> None:
    """Take back a breach that was announced before Jira told that the clock had stopped in time."""
    at = cycle.ending.at if cycle.ending else cycle.rest.since_at
    if at is None or not announced.said or not _was_called_broken(cycle, alerts, announced.said):
        return
    key = _key(cycle, "correction")
    if announced.await_(at) and announced.stands(key):
        audience = Audience() if alerts.breach_public else alerts.breach
        public = alerts.breach_public
        _say(announced, cycle, "correction", key, at, audience, public=public)


def _was_called_broken(cycle: Cycle, alerts: Alerts, said: frozenset[str]) -> bool:
    """Whether a breach was announced, be it by a level alone, as in hindsight."""
    after = (f"level-{each.number}" for each in alerts.levels if each not in alerts.early_levels)
    return _key(cycle, "breach") in said or any(_key(cycle, rule) in said for rule in after)


def fields_of(
    coverage: Coverage, cycles: Sequence[Cycle], owed: Sequence[Cycle], level: int
) -> Fields | None:
    """The SLA fields of an issue; None when no contract ever had to do with it.

    Args:
        coverage: as it is now.
        cycles: every cycle of the issue. The fields speak of the first response; where the contract
            promises none, the state is that of its first metric.
        owed: those that run towards a due instant.
        level: the escalation level reached.
    """
    latest = {cycle.metric: cycle for cycle in cycles}
    following = min(owed, key=_DUE) if owed else None
    next_due = following.due_at if following else None
    next_metric = following.words if following else None
    shown = _shown(coverage, latest)
    if shown is None:
        return _without_promise(coverage, level, next_due, next_metric)
    # A severity that changed once the clock had stopped is the issue's own all the same.
    held = coverage if coverage.covered else shown.promise.coverage
    answers = shown.metric == _FIRST
    return Fields(
        policy=held.contract.id if held.contract else "",
        severity=held.severity,
        due=shown.due_at if answers else None,
        responded=shown.stopped_at if answers else None,
        state=shown.state,
        level=level,
        next_due=next_due,
        next_metric=next_metric,
        link=_standing(cycles, latest, following),
    )


_DUE = attrgetter("due_at", "metric")


def _shown(coverage: Coverage, latest: Mapping[str, Cycle]) -> Cycle | None:
    """The cycle of which the fields speak: the first response, else the first metric's latest."""
    if _FIRST in latest or coverage.metric(_FIRST):
        return latest.get(_FIRST)
    return next(iter(latest.values()), None)


def _without_promise(
    coverage: Coverage, level: int, next_due: datetime | None, next_metric: str | None
) -> Fields | None:
    """The fields where nothing was ever promised, because of a limit or of figures not set."""
    contract = coverage.contract
    refused = any(coverage.refusal(metric.name) for metric in coverage.metrics) or coverage.waivers
    if contract is None or not (refused or coverage.limit):
        return None
    state = "not promised" if refused else "not covered"
    standing = Standing("none", state.capitalize(), contract.title)
    return Fields(
        contract.id, coverage.severity, None, None, state, level, next_due, next_metric, standing
    )


def _standing(
    cycles: Sequence[Cycle], latest: Mapping[str, Cycle], following: Cycle | None
) -> Standing:
    """How all promises stand.

    Args:
        cycles: at least one.
        latest: of each metric the last one.
        following: the one that is due first, if any is due.
    """
    every = tuple(latest.values())
    running = [cycle for cycle in every if cycle.ending is None]
    if running:
        is_latest = following is not None and latest[following.metric] is following
        worst = following if following and is_latest else min(running, key=_urgency)
        state: StandingState = "paused" if worst.due_at is None else "running"
        state = "breached" if worst.state == "breached" else state
        return Standing(state, worst, every)
    late = next((cycle for cycle in cycles if cycle.state == "breached"), None)
    if late:
        return Standing("late", late, every)
    if any(cycle.state == "met" for cycle in cycles):
        return Standing("met", "Every promise was kept", every)
    return Standing("none", "Nothing is owed any more", every)


def _urgency(cycle: Cycle) -> tuple[bool, datetime, str]:
    """What is due first goes first, overdue or not; what rests goes last."""
    return cycle.due_at is None, cycle.due_at or cycle.started_at, cycle.metric


def _standing_of(cycle: Cycle) -> str:
    last = cycle.promises[-1]
    words = last.coverage.heading(cycle.metric)
    if cycle.ending is not None:
        return f"{words} {_became(cycle)}"
    if cycle.due_at is None:
        return f"{words} paused"
    due = minute(cycle.due_at, last.goal.calendar.time_zone)
    return f"{words} {'was due' if cycle.state == 'breached' else 'due'} {due}"


def _became(cycle: Cycle) -> str:
    if cycle.state == "met":
        return "came in time"
    if cycle.state == "breached":
        return "came late" if cycle.stopped_at else "was missed"
    return "is not owed any more"


def _warned_at(warning: EarlyWarning, cycle: Cycle, announced: Announced) -> datetime | None:
    """When a warning speaks up; None where it would say nothing that is not known, or would be
    waited for after what is waited for anyway."""
    promise = cycle.promises[-1]
    amount = _used_at(warning, promise.goal_time)
    if amount <= _NOTHING or announced.is_beyond(promise.since_at + (amount - promise.used_before)):
        # It is asked for before the clock even starts, or no calendar need be asked.
        return None
    # A goal picked anew may have used up that share already: then now is the time.
    at = max(promise.when_used(amount, cycle.rest.over), promise.since_at)
    return at if at < promise.due_at else None


def _breach_at(cycle: Cycle) -> datetime:
    """The due instant; of a goal picked anew that was used up already, the instant of picking.

    A promise that was broken by then stays broken since it was.
    """
    last = cycle.promises[-1]
    if len(cycle.promises) > 1:
        for earlier in cycle.promises[-2::-1]:
            if last.due_at > last.since_at or earlier.due_at > last.since_at:
                break
            last = earlier
    return max(last.due_at, last.since_at)


def _level_at(level: Level, cycle: Cycle, breach_at: datetime) -> datetime:
    if level.used is not None or level.left is not None:
        promise = cycle.promise
        amount = _used_at(level, promise.goal_time)
        early_at = max(promise.when_used(amount, cycle.rest.over), promise.since_at)
        return min(early_at, breach_at)
    if level.hours is None and not level.after:
        return breach_at
    hours = level.hours or cycle.promise.goal.calendar
    return due_around(hours, breach_at, level.after, cycle.rest.over)


def _used_at(warning: EarlyWarning | Level, goal_time: timedelta) -> timedelta:
    if warning.used is not None:
        return _share(goal_time, warning.used)
    return goal_time - (warning.left or _NOTHING)


@lru_cache(maxsize=1024)
def _share(goal_time: timedelta, used: float) -> timedelta:
    """A share of a goal. Kept, since a site has few goals: that takes a fifth of the time."""
    return goal_time * used


def _key(cycle: Cycle, rule: str) -> str:
    if len(cycle.promises) == 1:  # as of most cycles
        return f"{cycle.metric}/{cycle.number}/{rule}"
    # A goal that is picked anew after a breach and leaves time can be broken once more.
    broken = sum(
        [
            earlier.due_at <= later.since_at < later.due_at
            for earlier, later in pairwise(cycle.promises)
        ]
    )
    again = f"/again-{broken}" if broken else ""
    return f"{cycle.metric}/{cycle.number}/{rule}{again}"


def _say(
    announced: Announced,
    cycle: Cycle,
    occasion: Occasion,
    key: str,
    at: datetime,
    audience: Audience,
    wording: str | None = None,
    facts: Mapping[str, Fact] = MappingProxyType({}),
    *,
    actions: Actions = NO_ACTIONS,
    public: bool = False,
) -> None:
    announced.sayings.append(
        Saying(
            key=key,
            occasion=occasion,
            at=at,
            audience=audience,
            wording=wording,
            facts={**announced.facts_of(cycle), **facts},
            public=public,
            assign=actions.assign,
            actions=actions,
        )
    )


def _facts(cycle: Cycle) -> Mapping[str, Fact]:
    """What every saying of a cycle knows."""
    promise = cycle.promise
    contract, goal = promise.coverage.contract, promise.goal
    stopped_at = cycle.stopped_at
    return {
        "metric": cycle.words,
        "contract": contract.title if contract else None,
        "severity": promise.coverage.severity,
        "target": goal.target.text,
        "clause": goal.clause,
        "due_at": iso(promise.due_at),
        "responded_at": iso(stopped_at) if stopped_at else None,
        "time_zone": goal.calendar.time_zone,
        "binding": goal.binding,
        "customer": contract.customer if contract else None,
        "conditional": [duty.text for duty in cycle.conditional_on],
    }
