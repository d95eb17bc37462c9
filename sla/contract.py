"""What was promised: one immutable version of a support policy, with its calendars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from sla.calendar import Calendar

Reading = Literal["open_hours", "same_clock", "end_of_day"]
Binding = Literal["commitment", "goal"]
ClauseKind = Literal["rule", "manual duty", "out of scope", "open parameter", "ambiguity"]


@dataclass(frozen=True, slots=True)
class OpenTime:
    """A goal in open time of the calendar."""

    amount: timedelta
    text: str
    """As the contract writes it, such as `2h`."""


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """A goal in business days, under a named reading."""

    days: int
    reading: Reading

    @property
    def text(self) -> str:
        """As people write it: `1 business day`."""
        return f"{self.days} business day{'' if self.days == 1 else 's'}"


Target = OpenTime | BusinessDays


@dataclass(frozen=True, slots=True)
class Goal:
    """The target of a metric for some severities and tiers; none named means all of them."""

    target: Target
    calendar: Calendar
    severities: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()
    binding: Binding = "commitment"
    clause: str = ""

    def applies(self, severity: str | None, tier: str | None) -> bool:
        """Whether this goal speaks of that severity and tier."""
        return (not self.severities or severity in self.severities) and (
            not self.tiers or tier in self.tiers
        )


@dataclass(frozen=True, slots=True)
class Metric:
    """What is measured. The clock stops by an act of a responder, and rests in some statuses."""

    name: str
    goals: tuple[Goal, ...]
    clause: str = ""
    pause_statuses: tuple[str, ...] = ()

    def goal(self, severity: str | None, tier: str | None) -> Goal | None:
        """The first goal that speaks of that severity and tier; None where nothing was promised."""
        return next((goal for goal in self.goals if goal.applies(severity, tier)), None)


@dataclass(frozen=True, slots=True)
class Audience:
    """Whom a comment addresses: people and groups by Jira's own names, or the issue's assignee."""

    assignee: bool = False
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Warning:  # noqa: A001 - the field's own word for it
    """Speak up before the due instant: at a share of the goal, or with so much open time left."""

    id: str
    used: float | None = None
    """Share of the goal used up, between 0 and 1; or None, and then `left` is set."""
    left: timedelta | None = None
    audience: Audience = Audience(assignee=True)
    wording: str | None = None


@dataclass(frozen=True, slots=True)
class Level:
    """One step of the ladder after a breach."""

    number: int
    name: str
    after: timedelta
    """Open time after the due instant, on `hours`."""
    hours: Calendar | None = None
    """The level's own hours; None: those of the goal."""
    audience: Audience = Audience(assignee=True)
    wording: str | None = None


@dataclass(frozen=True, slots=True)
class Alerts:
    """Who hears of a promise in danger, and when: the team's practice, not the policy's text."""

    warnings: tuple[Warning, ...] = ()
    breach: Audience = Audience(assignee=True)
    breach_wording: str | None = None
    levels: tuple[Level, ...] = ()


@dataclass(frozen=True, slots=True)
class Clause:
    """A sentence of the published text, and what it became here."""

    id: str
    gist: str
    kind: ClauseKind


@dataclass(frozen=True, slots=True)
class Choice:
    """An ambiguity of the text, settled by name, with what else it could have meant."""

    id: str
    question: str
    chosen: str
    readings: Mapping[str, str]
    example: str


@dataclass(frozen=True, slots=True)
class Contract:
    """A support policy as it runs: immutable once published."""

    id: str
    title: str
    metrics: tuple[Metric, ...]
    severities: Mapping[str, str]
    """Each level with its definition in the policy's words."""
    clauses: tuple[Clause, ...] = ()
    choices: tuple[Choice, ...] = ()
    source: str = ""
