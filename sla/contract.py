"""What was promised: one immutable version of a support policy, with its calendars."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import msgspec

from sla.calendar import Calendar
from sla.condition import ALWAYS, RESOLVED, Condition, without_repetition
from sla.words import length

if TYPE_CHECKING:
    from sla.availability import Availability

Reading = Literal["open_hours", "same_clock", "end_of_day"]
Binding = Literal["commitment", "goal"]
ClauseKind = Literal["rule", "manual duty", "out of scope", "open parameter", "ambiguity"]
ActKind = Literal[
    "reported",
    "first response",
    "response",
    "customer comment",
    "customer reply",
    "resolved",
    "reopened",
    "fields",
    "changed",
]


# Structs, as all that is imported before the first delivery can be taken: the class of a frozen
# dataclass takes 0.5 ms of each start to make, that of a struct 0.01.
class OpenTime(msgspec.Struct, frozen=True):
    """A goal in open time of the calendar."""

    amount: timedelta
    text: str
    """As the contract writes it, such as `2h`."""

    @property
    def words(self) -> str:
        """As people read it: `2 h`."""
        return length(self.amount)


class BusinessDays(msgspec.Struct, frozen=True):
    """A goal in business days, under a named reading."""

    days: int
    reading: Reading

    @property
    def text(self) -> str:
        """As people write it: `1 business day`."""
        return f"{self.days} business day{'' if self.days == 1 else 's'}"

    words = text


Target = OpenTime | BusinessDays


class Scope(msgspec.Struct, frozen=True):
    """Which issues of a contract something speaks of; nothing named means all of them."""

    severities: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()

    def holds(self, severity: str | None, tier: str | None, kind: str | None) -> bool:
        """Whether it speaks of that severity, tier and kind of work."""
        return (
            (not self.severities or severity in self.severities)
            and (not self.tiers or tier in self.tiers)
            and (not self.kinds or kind in self.kinds)
        )


class Goal(msgspec.Struct, frozen=True, dict=True):
    """The target of a metric for some severities and tiers; none named means all of them."""

    target: Target
    calendar: Calendar
    scope: Scope = Scope()
    binding: Binding = "commitment"
    clause: str = ""

    @cached_property
    def plain_time(self) -> timedelta | None:
        """The open time from a start to its due instant; None where it is not so simple."""
        if isinstance(self.target, BusinessDays) and self.target.reading != "open_hours":
            return None
        return self.open_time if self.open_time > timedelta(0) else None

    @cached_property
    def open_time(self) -> timedelta:
        """The target as open time of the calendar: so many regular days, where it is in days.

        Raises:
            NeverOpens: it is in days, and the calendar has no regular day.
        """
        if isinstance(self.target, OpenTime):
            return self.target.amount
        return self.target.days * self.calendar.regular_day


class Refusal(msgspec.Struct, frozen=True):
    """Where a goal would stand if somebody had set the figures that the text leaves open."""

    missing: tuple[str, ...]
    """Each a sentence that names the parameter and says where to set it."""
    scope: Scope = Scope()
    clause: str = ""


class Act(msgspec.Struct, frozen=True):
    """Something in an issue's history that starts or stops a clock, or is answered by a notice.

    A reply may have to be of some kind to count: with any of these phrases in it, a question, or
    marked by the issue's fields (a label, an option). None of the three named: any reply counts.
    """

    kind: ActKind
    phrases: tuple[str, ...] = ()
    question: bool = False
    marks: tuple[Condition, ...] = ()
    when: Condition = ALWAYS
    """For `fields`: what the fields must come to be."""
    names: tuple[str, ...] = ()
    """For `changed`: whose every change counts."""
    to: tuple[str, ...] = ()
    """For `changed`: only a change to one of these; none named: any."""

    @property
    def any_reply(self) -> bool:
        """Whether any reply counts, whatever it says."""
        return not (self.phrases or self.question or self.marks)


class Clock(msgspec.Struct, frozen=True, dict=True):
    """How a metric's clock runs: the acts that start and stop it, and when it rests or ends."""

    starts: tuple[Act, ...]
    stops: tuple[tuple[Act, ...], ...]
    """Any of these; of each, every act must have happened since the start."""
    pauses: tuple[Condition, ...] = ()
    until: tuple[Condition, ...] = ()
    """While one of these holds nothing is owed any more. A resolved issue owes nothing either, but
    for what starts with its resolution."""
    repeats: bool = False
    """Whether a start after a stop begins a new cycle."""
    grid: bool = False
    """Whether the next cycle starts when the goal is used up, reply or no reply."""

    @cached_property
    def frees(self) -> tuple[Condition, ...]:
        """While one of these holds nothing is owed; what the resolution starts is owed after."""
        after_resolution = any(start.kind == "resolved" for start in self.starts)
        return self.until if after_resolution else (RESOLVED, *self.until)

    @cached_property
    def rests(self) -> tuple[Condition, ...]:
        """While one of these holds the clock rests: its pauses, and while nothing is owed."""
        return tuple(without_repetition((*self.pauses, *self.frees)))

    @cached_property
    def started_by(self) -> tuple[Act, ...]:
        """Its starts, without the first response where every response is one."""
        if RESPONSE not in self.starts:
            return self.starts
        # To bring both together in order took a fifth of such a clock's time.
        return tuple(act for act in self.starts if act.kind != "first response")

    @cached_property
    def only_stop(self) -> Act | None:
        """The act that alone stops it; None where there are several, or where a state does."""
        acts = [act for together in self.stops for act in together]
        return acts[0] if len(acts) == 1 and acts[0].kind != "fields" else None

    @cached_property
    def stopped_by_its_start(self) -> bool:
        """Whether a reply that starts the clock would at once stop it too."""
        replies = any(start.kind in ("first response", "response") for start in self.starts)
        return replies and any(RESPONSE in acts for acts in self.stops)

    @cached_property
    def counts_from_its_start(self) -> bool:
        """Whether time counts from before anything was promised: "within 3 days of the response".

        A first response that is promised only later counts from then, as does each update.
        """
        return not self.repeats and all(start.kind != "reported" for start in self.starts)


RESPONSE = Act("response")
CLOCKS: Mapping[str, Clock] = MappingProxyType({
    "first_response": Clock((Act("reported"),), ((RESPONSE,),)),
    "next_response": Clock((Act("customer reply"),), ((RESPONSE,),), repeats=True),
    "substantive_response": Clock(
        (Act("first response"),), ((Act("response", question=True),),)
    ),
    "periodic_update": Clock((Act("first response"), RESPONSE), ((RESPONSE,),), repeats=True),
    "resolution": Clock((Act("reported"),), ((Act("resolved"),),)),
})  # fmt: skip
"""The metrics that the field knows by name, each with the clock it has unless a contract says so.

A first response is the first public reply by a responder; a next response answers the customer's
oldest unanswered message; an update follows the reply before it; an issue that is resolved and not
opened again is resolved.
"""


def in_words(metric: str) -> str:
    """A metric's name as people say it: `first response`."""
    return metric.replace("_", " ")


def severity_in_words(name: str | None) -> str:
    """A severity within a sentence: `severity High`; but `Severity 2`, which says so itself."""
    if not name:
        return "no severity"
    return name if name.casefold().startswith("severity") else f"severity {name}"


class Metric(msgspec.Struct, frozen=True, dict=True):
    """What is measured."""

    name: str
    goals: tuple[Goal | Refusal, ...]
    clause: str = ""
    clock: Clock = CLOCKS["first_response"]
    title: str = ""
    """As people call it; left empty: its name."""

    @cached_property
    def words(self) -> str:
        """What is measured, in words: `first response`."""
        return self.title or in_words(self.name)

    def promised(
        self, severity: str | None, tier: str | None, kind: str | None = None
    ) -> Goal | Refusal | None:
        """The first that speaks of that severity, tier and kind; None where nothing is promised."""
        return next((goal for goal in self.goals if goal.scope.holds(severity, tier, kind)), None)


class Audience(msgspec.Struct, frozen=True):
    """Whom a comment addresses: people and groups by Jira's own names, or the issue's assignee."""

    assignee: bool = False
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Actions(msgspec.Struct, frozen=True):
    """What is done to the issue when something is said; nothing, unless it is asked for."""

    assign: bool = False
    """Give it to the first of those addressed."""
    assignee: str | None = None
    """Give it to this account."""
    labels: tuple[str, ...] = ()
    """Labels that it gets beside those that it has."""
    priority: str | None = None
    transition: str | None = None
    """By its name or id in Jira, or by the status that it leads to."""
    notify: tuple[str, ...] = ()
    """The channels beyond Jira that are told, by their names."""


NO_ACTIONS = Actions()


class Warning(msgspec.Struct, frozen=True):  # noqa: A001 - the field's own word for it
    """Speak up before the due instant: at a share of the goal, or with so much open time left."""

    id: str
    used: float | None = None
    """Share of the goal used up, between 0 and 1; or None, and then `left` is set."""
    left: timedelta | None = None
    audience: Audience = Audience(assignee=True)
    wording: str | None = None
    public: bool = False
    """Whether the customer is to read it."""
    actions: Actions = NO_ACTIONS


class Level(msgspec.Struct, frozen=True):
    """One step of the ladder: so much open time after the due instant, or, proactively, before."""

    number: int
    name: str
    after: timedelta
    """Open time after the due instant, on `hours`; not looked at where `used` or `left` is set."""
    hours: Calendar | None = None
    """The level's own hours; None: those of the goal."""
    audience: Audience = Audience(assignee=True)
    wording: str | None = None
    used: float | None = None
    """Share of the goal used up at which the level speaks, between 0 and 1."""
    left: timedelta | None = None
    """Open time left at which the level speaks."""
    public: bool = False
    """Whether the customer is to read it."""
    actions: Actions = NO_ACTIONS

    @property
    def may_be_early(self) -> bool:
        """Whether it may speak before the breach."""
        return self.used is not None or self.left is not None or self.after < timedelta(0)


class Alerts(msgspec.Struct, frozen=True, dict=True):
    """Who hears of a promise in danger, and when: the team's practice, not the policy's text."""

    warnings: tuple[Warning, ...] = ()
    breach: Audience = Audience(assignee=True)
    breach_wording: str | None = None
    breach_public: bool = False
    breach_actions: Actions = NO_ACTIONS
    levels: tuple[Level, ...] = ()

    @cached_property
    def early_levels(self) -> tuple[Level, ...]:
        """The levels that may speak before the breach."""
        return tuple(level for level in self.levels if level.may_be_early)


class Limit(msgspec.Struct, frozen=True):
    """What the support does not cover: when this holds, or when this does not."""

    id: str
    clause: str
    text: str
    """In words, after "not covered: "."""
    excludes: Condition | None = None
    requires: Condition | None = None
    """A field that nobody filled in breaks no precondition."""
    metrics: tuple[str, ...] = ()
    """Only these are not promised then; none named: the issue is not covered at all."""

    def applies(self, fields: Mapping[str, str | tuple[str, ...] | None]) -> bool:
        """Whether an issue with these fields is ruled out."""
        return bool(
            (self.excludes and self.excludes.holds(fields))
            or (self.requires and self.requires.contradicted(fields))
        )


DutyEffect = Literal["conditional", "pauses", "none"]


class Duty(msgspec.Struct, frozen=True):
    """What somebody has to do beside the clock, shown to them and ticked off."""

    id: str
    who: Literal["customer", "company"]
    clause: str
    text: str
    scope: Scope = Scope()
    done: tuple[Act, ...] = ()
    effect: DutyEffect = "none"
    """Until it is done the metrics are promised conditionally, or their clocks rest."""
    metrics: tuple[str, ...] = ()


class Item(msgspec.Struct, frozen=True):
    """One piece of information that is asked for: found in a field, or by a phrase in the words."""

    id: str
    text: str
    fields: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    """In the summary or the description."""


class Checklist(msgspec.Struct, frozen=True):
    """Information that a request should bring."""

    clause: str
    items: tuple[Item, ...]
    pauses: tuple[str, ...] = ()
    """Metrics whose clocks rest while something is missing."""
    wording: str | None = None


class Contact(msgspec.Struct, frozen=True):
    """A way to reach the support, shown in the acknowledgement."""

    id: str
    clause: str
    text: str
    scope: Scope = Scope()
    hours: Calendar | None = None
    """Shown only to those who ask in these hours; None: always."""


class Acknowledgement(msgspec.Struct, frozen=True):
    """An automatic public comment that says what was promised."""

    clause: str
    wording: str | None = None


class Notice(msgspec.Struct, frozen=True):
    """Something that is said, publicly or to the team, whenever one of some acts happens."""

    id: str
    clause: str
    on: tuple[Act, ...]
    text: str
    public: bool = False
    each: bool = True
    """Each time, or only the first time."""
    scope: Scope = Scope()
    audience: Audience = Audience()
    wording: str | None = None


class Step(msgspec.Struct, frozen=True):
    """One step of an escalation on request."""

    number: int
    name: str
    audience: Audience = Audience()


class Request(msgspec.Struct, frozen=True):
    """How a customer asks for an escalation: by an act, or by a new issue that refers to this."""

    id: str
    clause: str
    steps: tuple[Step, ...]
    """Each further request climbs one step."""
    on: tuple[Act, ...] = ()
    by_issue: Condition | None = None
    """What an issue must be to count as such a request."""
    scope: Scope = Scope()
    """Which issues may be escalated."""
    requires: tuple[Item, ...] = ()
    """What the new issue has to bring, in its fields or in its words."""
    wants: tuple[Item, ...] = ()
    """What it is asked for, and carried out without."""
    condition: Condition = ALWAYS
    """What must hold of the issue or of the new one, such as a production environment."""
    assign: bool = False
    wording: str | None = None


class Clause(msgspec.Struct, frozen=True):
    """A sentence of the published text, and what it became here."""

    id: str
    gist: str
    kinds: tuple[ClauseKind, ...]
    by: str = ""
    """What carries it out, or who, where no promise cites it."""


class Choice(msgspec.Struct, frozen=True):
    """An ambiguity of the text, settled by name, with what else it could have meant."""

    id: str
    question: str
    chosen: str | None
    readings: Mapping[str, str]
    example: str
    clause: str = ""
    drives: bool = False
    """Whether some value of the contract is that of the reading; else people follow it."""
    decided_by: str = ""
    decided_on: str = ""
    """ISO date."""


class Contract(msgspec.Struct, frozen=True):
    """A support policy as it runs: immutable once published."""

    id: str
    title: str
    metrics: tuple[Metric, ...]
    severities: Mapping[str, str]
    """Each level with its definition in the policy's words."""
    clauses: tuple[Clause, ...] = ()
    choices: tuple[Choice, ...] = ()
    source: str = ""
    customer: str | None = None
    """Whose order form is filled in; None: as it holds for everybody."""
    limits: tuple[Limit, ...] = ()
    duties: tuple[Duty, ...] = ()
    acknowledgement: Acknowledgement | None = None
    contacts: tuple[Contact, ...] = ()
    checklist: Checklist | None = None
    notices: tuple[Notice, ...] = ()
    requests: tuple[Request, ...] = ()
    availability: Availability | None = None
    field_names: frozenset[str] = frozenset()
    """Every field of Jira that any of it looks at."""

    def metric(self, name: str) -> Metric | None:
        """The metric of that name, if it has one."""
        return next((metric for metric in self.metrics if metric.name == name), None)
