"""A small policy and small histories, for the tests of what is decided."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from msgspec.structs import replace

from sla.calendar import Calendar, Opening, WallTime
from sla.clock import run
from sla.clock.run import cycles_of
from sla.contract import (
    CLOCKS,
    Alerts,
    Audience,
    BusinessDays,
    Clock,
    Contract,
    Goal,
    Level,
    Metric,
    OpenTime,
    Refusal,
    Scope,
)
from sla.contract import Warning as EarlyWarning
from sla.cycle import Cycle
from sla.mapping import (
    Condition,
    ContractRule,
    Policy,
    ProjectRules,
    Responders,
    SeverityRule,
)
from sla.timeline import Account, Changed, CommentSeen, Created, Event, FieldValue, Seen, Timeline

AGENT, CUSTOMER, OWN = Account("agent"), Account("customer"), Account("dueline")
# A Wednesday; New York is four hours behind UTC.
NINE = datetime(2024, 7, 10, 13, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """So many hours after nine o'clock on the Wednesday."""
    return NINE + timedelta(hours=hours)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def office(closes: str = "17:00") -> Calendar:
    opening = Opening(WallTime.parse("09:00"), WallTime.parse(closes))
    return Calendar("office", "America/New_York", dict.fromkeys(range(5), (opening,)))


ALWAYS = Calendar("always", "UTC", always_open=True)
LADDER = Alerts(
    warnings=(EarlyWarning("warning-75%", used=0.75),),
    levels=(
        Level(1, "Team lead", hours(1)),
        Level(2, "Management", hours(4), hours=ALWAYS, audience=Audience(groups=("managers",))),
    ),
)


def two_hours() -> OpenTime:
    return OpenTime(hours(2), "2h")


def contract(*goals: Goal | Refusal, pause_statuses: tuple[str, ...] = ()) -> Contract:
    pauses = (Condition({"status": pause_statuses}),) if pause_statuses else ()
    clock = replace(CLOCKS["first_response"], pauses=pauses)
    metric = Metric("first_response", goals, "1.1", clock)
    return Contract("acme", "Acme Support", (metric,), {"Urgent": "down", "Normal": "else"})


def policy(
    promised: Contract | None = None,
    *,
    alerts: Alerts = LADDER,
    responders: Responders | None = None,
    reported_at_field: str | None = None,
) -> Policy:
    promised = promised or contract(
        Goal(two_hours(), office(), scope=Scope(("Urgent",))),
        Goal(BusinessDays(1, "open_hours"), office()),
    )
    rules = ProjectRules(
        "ACME",
        contracts=(ContractRule(promised.id),),
        severities=(
            SeverityRule("Urgent", Condition({"priority": ("Highest",)})),
            SeverityRule("Normal", Condition({"priority": ("High", "Low")})),
        ),
        alerts=alerts,
    )
    return Policy(
        "v1",
        {"ACME": rules},
        {promised.id: promised},
        responders or Responders(never=frozenset({OWN.id})),
        reported_at_field,
    )


def made(when: datetime = NINE, **fields: FieldValue) -> list[Event]:
    """The creation of an issue, urgent unless said otherwise."""
    values: dict[str, FieldValue] = {
        "project": "ACME",
        "issuetype": "Bug",
        "priority": "Highest",
        "status": "To Do",
        "reporter": CUSTOMER.id,
        "resolution": None,
    }
    return [Created(when), Seen(when, values | fields, "jira:issue_created")]


def reply(
    when: datetime, author: Account | None = AGENT, *, public: bool = True, id_: str = "1"
) -> Event:
    return CommentSeen(when, id_, when, author, public)


def change(when: datetime, name: str, before: FieldValue, after: FieldValue) -> Event:
    return Changed(when, str(int(when.timestamp())), name, before, after)


def runs(
    timeline: Timeline, judged_by: Policy, now: datetime, metric: str = "first_response"
) -> tuple[Cycle, ...]:
    """Every cycle of a metric over a history; found the short way it is what the long way finds."""
    found = cycles_of(timeline, judged_by, now)
    with patch.object(run, "_is_quiet", lambda *_: False):
        assert cycles_of(timeline, judged_by, now) == found
    return tuple(each for each in found if each.metric == metric)


def always(number: float, *severities: str) -> Goal:
    """So many hours around the clock, for these severities or for all."""
    return Goal(OpenTime(hours(number), f"{number}h"), ALWAYS, Scope(severities))


def measured(name: str, *goals: Goal | Refusal, clock: Clock | None = None) -> Metric:
    """A metric by its usual clock, unless another is given."""
    return Metric(name, goals, "1.1", clock or CLOCKS[name])


def of(*metrics: Metric, alerts: Alerts | None = None) -> Policy:
    """A policy whose contract promises only this."""
    promised = Contract("acme", "Acme Support", metrics, {"Urgent": "down", "Normal": "else"})
    return policy(promised, alerts=alerts or Alerts())


def says(
    when: datetime,
    text: str,
    author: Account | None = AGENT,
    *,
    id_: str = "1",
    edited: datetime | None = None,
    public: bool = True,
) -> Event:
    """A comment with these words, or, edited at a later instant, its new ones."""
    return CommentSeen(when, id_, edited or when, author, public, text)
