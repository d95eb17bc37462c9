"""What it takes to fold an issue's history to a decision, in deadline calls of the same run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from msgspec.structs import replace

from bench.office import calendar
from bench.row import Context, Curve, Figure, Result, Row, interleaved
from config.loader import load
from config.settings import SHIPPED
from sla.clock.run import cycles_of
from sla.condition import Condition
from sla.contract import (
    CLOCKS,
    Alerts,
    Audience,
    Contract,
    Goal,
    Level,
    Metric,
    OpenTime,
)
from sla.contract import Warning as EarlyWarning
from sla.decide import Decision, Ledger, decide
from sla.mapping import ContractRule, Policy, ProjectRules, SeverityRule
from sla.timeline import CREATION, Account, Changed, CommentSeen, Created, Event, Seen, Timeline

EVENTS, AT_MOST = 50, 100
SMALL = 6
"""So many events an open issue has typically: those that a preview folds by the thousand."""
LENGTHS = (10, 20, 50, 100, 200, 500, 1_000, 2_000)
# A turn takes about four milliseconds of either: short enough for some turns to be left alone by
# whatever else the machine does, and long enough for the first call of a turn not to matter. It
# finds the processor's caches empty, since the collector has just gone through everything: then a
# decision takes twice as long, and a deadline call 25 times.
_CALLS, _FOLDS = 5_000, 30
PROMISES = {"first_response": 2, "next_response": 8, "periodic_update": 16, "resolution": 40}
"""Each metric's goal in hours of the office."""

_REPORTED_AT = datetime(2026, 3, 10, 14, 0, tzinfo=UTC)
_STEP = timedelta(minutes=37)
_AGENT, _CUSTOMER = Account("agent"), Account("customer", "customer")
_STATUSES = ("To Do", "In Progress", "Waiting for customer")
_DISTURBANCES = (
    ("priority", "High", "Highest"),
    ("resolution", None, "Fixed"),
    ("resolution", "Fixed", None),
    ("priority", "Highest", "High"),
)
_LADDER = Alerts(
    warnings=(EarlyWarning("warning-75%", used=0.75, audience=Audience(groups=("support",))),),
    levels=tuple(
        Level(number, name, timedelta(minutes=after), audience=Audience(groups=("managers",)))
        for number, (name, after) in enumerate(
            (("Team lead", 30), ("Department manager", 120), ("Executive management", 240)), 1
        )
    ),
)


def policy() -> Policy:
    """One contract with four metrics on office hours, each with a warning and three levels."""
    office = calendar()
    metrics = tuple(
        Metric(name, (Goal(OpenTime(timedelta(hours=hours), f"{hours}h"), office),), "1",
               CLOCKS[name])
        for name, hours in PROMISES.items()
    )  # fmt: skip
    contract = Contract("acme", "Acme Support", metrics, {"Urgent": "down", "Normal": "else"})
    rules = ProjectRules(
        "ACME",
        (ContractRule("acme"),),
        (
            SeverityRule("Urgent", Condition({"priority": ("Highest",)})),
            SeverityRule("Normal"),
        ),
        _LADDER,
    )
    return Policy("v1", {"ACME": rules}, {"acme": contract})


def history(number: int, project: str = "ACME") -> list[Event]:
    """An issue's first so many events: of five, two comments and three changes of fields."""
    fields = {
        "project": project, "key": f"{project}-1", "issuetype": "Bug", "priority": "High",
        "status": _STATUSES[0], "resolution": None, "reporter": _CUSTOMER.id, "labels": (),
        "summary": "It fails", "description": "Since this morning nobody can sign in.",
    }  # fmt: skip
    events: list[Event] = [Created(_REPORTED_AT), Seen(_REPORTED_AT, fields, CREATION)]
    return events + [_event(turn) for turn in range(1, number - 1)]


def _event(turn: int) -> Event:
    at, change = _REPORTED_AT + turn * _STEP, str(10_000 + turn)
    before, after = _STATUSES[turn // 5 % 3], _STATUSES[(turn // 5 + 1) % 3]
    match turn % 5:
        case 0:
            return Changed(at, change, "status", before, after)
        case 1:
            return Changed(at, change, "assignee", None, f"agent-{turn}")
        case 2:
            return Changed(at, change, "Root cause", None, f"cause {turn}")
        case kind:
            author = _AGENT if kind == 3 else _CUSTOMER
            return CommentSeen(at, change, at, author, True, "We see it on the second node too.")


def disturbed(number: int) -> list[Event]:
    """The same, but with all that comes between a clock's start and its stop.

    In place of the assignees the severity changes, the issue is resolved and opened again; while
    it is in the status of waiting, the clocks of `pausing` rest.
    """
    events = history(number)
    turns = [at for at, event in enumerate(events) if getattr(event, "field", "") == "assignee"]
    for turn, at in enumerate(turns):
        name, before, after = _DISTURBANCES[turn % len(_DISTURBANCES)]
        events[at] = Changed(events[at].at, str(10_000 + at), name, before, after)
    return events


def pausing() -> Policy:
    """As `policy`, with clocks that rest while the issue waits for the customer."""
    plain = policy()
    waiting = (Condition({"status": (_STATUSES[-1],)}),)
    (contract,) = plain.contracts.values()
    metrics = tuple(
        replace(metric, clock=replace(metric.clock, pauses=waiting)) for metric in contract.metrics
    )
    return replace(plain, contracts={contract.id: replace(contract, metrics=metrics)})


def judged_at(events: Sequence[Event]) -> datetime:
    """Some time after the last event."""
    return events[-1].at + _STEP


def measure(context: Context) -> Result:
    """Time decisions beside deadline calls, and how a decision grows with its history."""
    rounds = 5 if context.quick else 40
    judged_by, events = policy(), history(EVENTS)
    calendar_, at = calendar(), history(EVENTS)[9].at
    works: dict[str, Callable[[], object]] = {
        "decision": _decision(events, judged_by),
        "decision, events put in order": lambda: _decide(Timeline.of(events), judged_by, events),
        "cycles only": _cycles(events, judged_by),
        "decision, disturbed": _decision(disturbed(EVENTS), pausing()),
        f"decision, {SMALL} events": _decision(history(SMALL), judged_by),
        f"cycles only, {SMALL} events": _cycles(history(SMALL), judged_by),
    }
    site = load(SHIPPED).policy
    for project, rules in site.projects.items():
        named = ", ".join(each.contract for each in rules.contracts)
        works[f"decision by {named}"] = _decision(history(EVENTS, project), site)
    turns = {name: _repeated(work, _FOLDS) for name, work in works.items()}
    due = partial(calendar_.due, at, timedelta(hours=8))
    turns["deadline call"] = _repeated(due, _CALLS)
    seconds = {
        name: each / (_CALLS if name == "deadline call" else _FOLDS)
        for name, each in interleaved(turns, rounds).items()
    }
    ratio = seconds["decision"] / seconds["deadline call"]
    cycles = len(_decide(Timeline.of(events), judged_by, events).cycles)
    disturbed_ratio = seconds["decision, disturbed"] / seconds["deadline call"]
    within = "under" if disturbed_ratio < AT_MOST else "not under"
    curve = _growth(context)
    return Result(
        figures=tuple(Figure(name, each * 1e6, "us") for name, each in seconds.items()),
        reached=ratio < AT_MOST,
        said=f"{ratio:.0f} deadline calls",
        ratio=ratio,
        curves=(curve,),
        notes=(
            f"{EVENTS} events of which two in five are comments come to {cycles} cycles.",
            "Disturbed: clocks pause in a status, severities change, a resolution comes and goes.",
            f"Disturbed, it takes {disturbed_ratio:.0f} deadline calls, {within} {AT_MOST}.",
            f"Disturbed, by length: {_per_event(curve.lines['disturbed'])}.",
            "Each decision is of a timeline of which nothing was asked before.",
            f"Every cycle has a due instant, so {cycles} of the deadline calls are deadline calls.",
        ),
    )


def _growth(context: Context) -> Curve:
    lengths = LENGTHS[:4] if context.quick else LENGTHS
    plain, paused = policy(), pausing()
    works: dict[str, Callable[[], object]] = {}
    for number in lengths:
        works[f"decision {number}"] = _decision(history(number), plain)
        works[f"disturbed {number}"] = _decision(disturbed(number), paused)
    seconds = interleaved(works, 3 if context.quick else 9)
    return Curve(
        "fold",
        "One decision, by the length of the issue's history",
        "events",
        "us",
        {
            line: [(number, seconds[f"{line} {number}"] * 1e6) for number in lengths]
            for line in ("decision", "disturbed")
        },
    )


def _per_event(line: Sequence[tuple[float, float]]) -> str:
    return ", ".join(f"{us / events:.1f} us an event at {events:,.0f}" for events, us in line[2:])


def _decision(events: Sequence[Event], judged_by: Policy) -> Callable[[], Decision]:
    ordered = Timeline.of(events).events
    # A timeline remembers what it was asked: each time another one.
    return lambda: _decide(Timeline(ordered), judged_by, events)


def _cycles(events: Sequence[Event], judged_by: Policy) -> Callable[[], object]:
    ordered, now = Timeline.of(events).events, judged_at(events)
    return lambda: cycles_of(Timeline(ordered), judged_by, now)


def _decide(timeline: Timeline, judged_by: Policy, events: Sequence[Event]) -> Decision:
    return decide(timeline, judged_by, Ledger(), judged_at(events))


def _repeated(work: Callable[[], object], number: int) -> Callable[[], None]:
    def repeated() -> None:
        for _ in range(number):
            work()

    return repeated


ROW = Row(
    "fold",
    f"Fold of one issue with {EVENTS} events and {len(PROMISES)} metrics to a decision",
    f"under {AT_MOST} deadline calls",
    "one deadline call",
    measure,
)
