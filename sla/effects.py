"""What Jira should show and hear because of a cycle: fields as they should stand, sayings once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from types import MappingProxyType
from typing import Literal, NamedTuple

from sla.contract import NO_ACTIONS, Actions, Alerts, Audience, Level
from sla.contract import Warning as EarlyWarning
from sla.cycle import Cycle
from sla.mapping import Coverage
from sla.words import minute

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
StandingState = Literal["running", "paused", "breached", "met", "late", "none"]


class Standing(NamedTuple):
    """How all promises of an issue stand, in a few words."""

    state: StandingState
    """The worst that runs; where nothing does, `late` if anything ever was."""
    title: str
    summary: str
    """What became of each metric."""


@dataclass(frozen=True, slots=True)
class Fields:
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


@dataclass(frozen=True, slots=True)
class Saying:
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
    facts: dict[str, Fact] = field(default_factory=dict)
    public: bool = False
    """Whether the customer is to read it."""
    revisable: bool = False
    """Whether the comment is brought up to date when its facts change."""
    assign: bool = False
    """Whether the issue goes to the first of those addressed."""
    actions: Actions = NO_ACTIONS
    """What else is done to the issue, once it is said."""


def sayings_of(cycle: Cycle, alerts: Alerts) -> tuple[Saying, ...]:
    """Everything that a cycle has caused or will cause to be said, if nothing more happens.

    Args:
        cycle: one run of a metric.
        alerts: whom to tell, when; the team's practice for the issue's project.

    Returns:
        The sayings in the order of their instants, those in the future included. An instant that
        the clock never comes to, because it ended or rests before, causes none.
    """
    planned = [*_warnings(cycle, alerts), *_breach(cycle, alerts), *_levels(cycle, alerts)]
    return tuple(
        sorted(
            (saying for saying in planned if cycle.comes_to(saying.at)),
            key=lambda saying: (saying.at, saying.key),
        )
    )


def correction_of(cycle: Cycle, alerts: Alerts, said: frozenset[str]) -> Saying | None:
    """Take back a breach that was announced before Jira told that the clock had stopped in time."""
    at = cycle.ending.at if cycle.ending else cycle.rest.since_at
    if at is None or _key(cycle, "breach") not in said or cycle.comes_to(_breach_at(cycle)):
        return None
    if not alerts.breach_public:
        return _saying(cycle, "correction", "correction", at, alerts.breach)
    return replace(_saying(cycle, "correction", "correction", at, Audience()), public=True)


def matters(saying: Saying, cycle: Cycle) -> bool:
    """Whether something is still worth saying: a call to act is not, once the clock has ended."""
    return cycle.ending is None or saying.occasion in ("breach", "correction")


def fields_of(
    coverage: Coverage, cycles: Sequence[Cycle], sayings: Sequence[Saying], now: datetime
) -> Fields | None:
    """The SLA fields of an issue; None when no contract ever had to do with it.

    Args:
        coverage: as it is now.
        cycles: every cycle of the issue. The fields speak of the first response; where the contract
            promises none, the state is that of its first metric.
        sayings: all that there is to be said, for the escalation level reached.
        now: the instant of judgement, aware UTC.
    """
    reached = [
        int(level)
        for saying in sayings
        if saying.occasion in ("escalation", "request") and saying.at <= now
        if isinstance(level := saying.facts.get("level"), int)
    ]
    level = max(reached, default=0)
    following = min(
        (cycle for cycle in cycles if cycle.due_at and cycle.ending is None),
        key=lambda cycle: (cycle.due_at, cycle.metric),
        default=None,
    )
    next_due = following.due_at if following else None
    next_metric = following.words if following else None
    shown = _shown(coverage, cycles)
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
        link=_standing(cycles),
    )


def _shown(coverage: Coverage, cycles: Sequence[Cycle]) -> Cycle | None:
    """The cycle of which the fields speak: the first response, else the first metric's latest."""
    measured = any(cycle.metric == _FIRST for cycle in cycles) or coverage.metric(_FIRST)
    named = _FIRST if measured else next((cycle.metric for cycle in cycles), None)
    return next((cycle for cycle in reversed(cycles) if cycle.metric == named), None)


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


def _standing(cycles: Sequence[Cycle]) -> Standing:
    """How all promises stand; `cycles` are at least one."""
    latest = {cycle.metric: cycle for cycle in cycles}.values()
    summary = ". ".join(_standing_of(cycle) for cycle in latest)
    running = [cycle for cycle in latest if cycle.ending is None]
    worst = min(running, key=_urgency, default=None)
    if worst:
        state: StandingState = "paused" if worst.due_at is None else "running"
        state = "breached" if worst.state == "breached" else state
        return Standing(state, _standing_of(worst), summary)
    late = next((cycle for cycle in cycles if cycle.state == "breached"), None)
    if late:
        return Standing("late", _standing_of(late), summary)
    if any(cycle.state == "met" for cycle in cycles):
        return Standing("met", "Every promise was kept", summary)
    return Standing("none", "Nothing is owed any more", summary)


def _urgency(cycle: Cycle) -> tuple[bool, datetime, str]:
    """What is due first goes first, overdue or not; what rests goes last."""
    return cycle.due_at is None, cycle.due_at or cycle.started_at, cycle.metric


def _standing_of(cycle: Cycle) -> str:
    words = f"{cycle.words[:1].upper()}{cycle.words[1:]}"
    if cycle.ending is not None:
        return f"{words} {_became(cycle)}"
    if cycle.due_at is None:
        return f"{words} paused"
    due = minute(cycle.due_at, cycle.promise.goal.calendar.time_zone)
    return f"{words} {'was due' if cycle.state == 'breached' else 'due'} {due}"


def _became(cycle: Cycle) -> str:
    if cycle.state == "breached":
        return "came late" if cycle.stopped_at else "was missed"
    return "came in time" if cycle.state == "met" else "is not owed any more"


def _warnings(cycle: Cycle, alerts: Alerts) -> Iterator[Saying]:
    promise = cycle.promise
    for warning in alerts.warnings:
        amount = _used_at(warning, promise.goal_time)
        # Asked for before the clock even starts, a warning would say nothing that is not known.
        if amount <= timedelta(0):
            continue
        at = promise.when_used(amount, cycle.rest.over)
        # A goal picked anew may have used up that share already: then now is the time.
        at = max(at, promise.since_at)
        if at < promise.due_at:
            left = promise.goal_time - amount
            said = _saying(
                cycle,
                "warning",
                warning.id,
                at,
                warning.audience,
                warning.wording,
                left=left.total_seconds(),
            )
            yield _with(said, warning.actions, public=warning.public)


def _breach(cycle: Cycle, alerts: Alerts) -> Iterator[Saying]:
    at = _breach_at(cycle)
    said = _saying(cycle, "breach", "breach", at, alerts.breach, alerts.breach_wording)
    yield _with(said, alerts.breach_actions, public=alerts.breach_public)


def _breach_at(cycle: Cycle) -> datetime:
    """The due instant; of a goal picked anew that was used up already, the instant of picking.

    A promise that was broken by then stays broken since it was.
    """
    last, *before = reversed(cycle.promises)
    for earlier in before:
        if last.due_at > last.since_at or earlier.due_at > last.since_at:
            break
        last = earlier
    return max(last.due_at, last.since_at)


def _levels(cycle: Cycle, alerts: Alerts) -> Iterator[Saying]:
    for level in alerts.levels:
        said = _saying(
            cycle,
            "escalation",
            f"level-{level.number}",
            _level_at(level, cycle),
            level.audience,
            level.wording,
            level=level.number,
            level_name=level.name,
        )
        yield _with(said, level.actions, public=level.public)


def _with(saying: Saying, actions: Actions, *, public: bool) -> Saying:
    return replace(saying, public=public, assign=actions.assign, actions=actions)


def _level_at(level: Level, cycle: Cycle) -> datetime:
    breach_at = _breach_at(cycle)
    if level.used is not None or level.left is not None:
        promise = cycle.promise
        amount = _used_at(level, promise.goal_time)
        early_at = max(promise.when_used(amount, cycle.rest.over), promise.since_at)
        return min(early_at, breach_at)
    if level.hours is None and not level.after:
        return breach_at
    hours = level.hours or cycle.promise.goal.calendar
    return hours.due(breach_at, level.after, cycle.rest.over)


def _used_at(warning: EarlyWarning | Level, goal_time: timedelta) -> timedelta:
    return (
        goal_time * warning.used
        if warning.used is not None
        else goal_time - (warning.left or timedelta(0))
    )


def _key(cycle: Cycle, rule: str) -> str:
    # A goal that is picked anew after a breach and leaves time can be broken once more.
    broken = sum(
        earlier.due_at <= later.since_at < later.due_at
        for earlier, later in pairwise(cycle.promises)
    )
    again = f"/again-{broken}" if broken else ""
    return f"{cycle.metric}/{cycle.number}/{rule}{again}"


def _saying(
    cycle: Cycle,
    occasion: Occasion,
    rule: str,
    at: datetime,
    audience: Audience,
    wording: str | None = None,
    **facts: Fact,
) -> Saying:
    promise = cycle.promise
    contract = promise.coverage.contract
    return Saying(
        key=_key(cycle, rule),
        occasion=occasion,
        at=at,
        audience=audience,
        wording=wording,
        facts={
            "metric": cycle.words,
            "contract": contract.title if contract else None,
            "severity": promise.coverage.severity,
            "target": promise.goal.target.text,
            "clause": promise.goal.clause,
            "due_at": promise.due_at.isoformat(),
            "responded_at": cycle.stopped_at.isoformat() if cycle.stopped_at else None,
            "time_zone": promise.goal.calendar.time_zone,
            "binding": promise.goal.binding,
            "customer": contract.customer if contract else None,
            "conditional": [duty.text for duty in cycle.conditional_on],
            **facts,
        },
    )
