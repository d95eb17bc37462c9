"""Reports: what was kept and missed in a period, how fast answers came, and why some came late."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from operator import attrgetter
from statistics import median
from typing import Any, Literal
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection

from config.errors import nearest
from sla.contract import Goal, in_words
from sla.errors import SlaError
from sla.mapping import Policy
from sla.store import reports
from sla.store.board import NOBODY
from sla.store.reports import Answered, Group, Wanted
from webhooks.console.questions.board import NONE, configured, is_recorded
from webhooks.console.standing import Standing
from webhooks.downtime import Month, uptime_in
from webhooks.questions import QuestionError

Period = Literal["this-month", "last-month", "12-weeks", "dates"]
PERIODS: tuple[tuple[Period, str], ...] = (
    ("12-weeks", "Last 12 weeks"), ("this-month", "This month"), ("last-month", "Last month"),
    ("dates", "From and to"),
)  # fmt: skip
_WEEKS = 12
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_DAY = timedelta(days=1)
_LONGEST = timedelta(days=10 * 366)
_SECOND = 1_000_000
QUARTERS = ("up to 25 %", "25 to 50 %", "50 to 75 %", "75 to 100 %", "late")
"""How much of the goal was used, as answers are counted; what came late is apart."""


class NotUnderstood(ValueError):  # noqa: N818 - named by meaning
    """A question that means nothing; the message says what would be right."""


class ReportQuery(msgspec.Struct, kw_only=True):
    """Which promises to report on; a filter that is empty does not matter, `-` means none."""

    period: Period = "12-weeks"
    """`dates`: from `since` to `until`; also where one of these is given."""
    since: str = ""
    """The first day, such as 2026-10-01."""
    until: str = ""
    """The last day; it is counted as well. Empty: today."""
    contract: str = ""
    """A contract's id."""
    project: str = ""
    customer: str = ""
    """As the customer field or the order form says."""
    metric: str = ""
    """Such as `first_response`."""
    severity: str = ""
    group: str = ""
    """A group of responders, as `site.yaml` names it: what its people answered, and what is
    assigned to them and nobody answered."""

    def filters(self) -> dict[str, str]:
        """All that is asked, by name, without what is usual."""
        usual = ReportQuery()
        named = {name: str(getattr(self, name)) for name in ReportQuery.__struct_fields__}
        return {name: value for name, value in named.items() if value != getattr(usual, name)}


def kind_of(binding: str, *, conditional: bool) -> str:
    """What a promise was made as, in words."""
    return f"{binding}, conditional" if conditional else binding


class Tally(msgspec.Struct):
    """How many promises of one kind were met; commitments and goals are never added together."""

    binding: str
    """commitment or goal."""
    conditional: bool
    """Whether they hold only if somebody did their part first, and nothing shows that they did."""
    met: int = 0
    breached: int = 0
    cancelled: int = 0
    """Nothing was owed any more before the due instant: neither met nor breached."""

    @property
    def kind(self) -> str:
        """What they were promised as, in words."""
        return kind_of(self.binding, conditional=self.conditional)

    @property
    def share(self) -> float | None:
        """Of those met or breached, the part that was met, 0 to 1; None while there is none."""
        decided = self.met + self.breached
        return self.met / decided if decided else None

    def add(self, group: Group) -> None:
        """Count some more."""
        setattr(self, group.outcome, getattr(self, group.outcome) + group.number)


class Line(Tally, kw_only=True):
    """The same for one contract, severity, metric, project, customer, responder or group."""

    name: str
    """`-` for none."""
    title: str


class Week(Tally, kw_only=True):
    """The same for one ISO week."""

    week: str
    """Such as `2026-W45`."""
    begins: date
    """Its Monday."""
    whole: bool
    """Whether all of it lies in the period, and is over."""


class Times(msgspec.Struct):
    """How fast answers of one severity and kind came."""

    severity: str
    binding: str
    conditional: bool
    answers: int
    used: list[int]
    """How many used up to 25, 50, 75, 100 % of their goal in open time; how many were late."""
    median_seconds: float
    """Open time until the answer of the middle one."""
    ninety_seconds: float
    """Open time within which nine of ten were answered."""

    @property
    def kind(self) -> str:
        """What they were promised as, in words."""
        return kind_of(self.binding, conditional=self.conditional)


class Reports(msgspec.Struct):
    """What became of promises in a period."""

    at: datetime
    """The instant of the answer."""
    from_at: datetime
    to_at: datetime
    """The first instant that does not count any more."""
    zone: str
    """In which days and weeks begin."""
    totals: list[Tally]
    weeks: list[Week]
    """Each with every kind that there is in the period."""
    contracts: list[Line]
    severities: list[Line]
    metrics: list[Line]
    projects: list[Line]
    customers: list[Line]
    responders: list[Line]
    """Who answered; where nobody did, to whom the issue is assigned, as last heard."""
    groups: list[Line]
    """The same by the groups of responders that `site.yaml` names; empty where it names none."""
    times_metric: str
    times: list[Times]
    untimed: int
    """Answers whose open time was not recorded: they came before it was."""


class UptimeQuery(msgspec.Struct, kw_only=True):
    """A month's availability."""

    month: str = ""
    """Such as 2026-10; empty: the present one, in UTC."""
    contract: str = ""
    """Empty: every contract that promises a percentage."""
    customer: str = ""
    """Empty: the service as such."""


class ContractUptime(msgspec.Struct):
    """A contract's availability and credit in a month."""

    contract: str
    title: str
    report: dict[str, Any]
    """As `dueline uptime --json` tells it; empty where it cannot be worked out."""
    problem: str
    """Why it cannot be worked out; empty where it can."""


def span(
    standing: Standing, query: ReportQuery, zone: str | None = None
) -> tuple[datetime, datetime, str]:
    """From when to when a period is, and the zone in which its days begin.

    Raises:
        NotUnderstood: a date is none, or the last one lies before the first; or nothing was ever
            called what is asked for.
    """
    _check_names(standing, query)
    zone = zone or zone_of(
        standing.configuration.policy, [query.contract] if query.contract else []
    )
    today = standing.now().astimezone(ZoneInfo(zone)).date()
    first, last = _days(query, today)
    if last < first:
        raise NotUnderstood(f"The last day, {last}, lies before the first, {first}.")
    if last - first > _LONGEST:
        raise NotUnderstood("A period can be ten years long at most.")
    return midnight(first, zone), midnight(last + _DAY, zone), zone


def _check_names(standing: Standing, query: ReportQuery) -> None:
    for name, known in configured(standing.configuration.policy).items():
        value = getattr(query, name).strip()
        if value in ("", NOBODY) or value in known or is_recorded(standing, name, value):
            continue
        raise NotUnderstood(f"No {name} is called {value[:100]}; {nearest(value, sorted(known))}.")


def _days(query: ReportQuery, today: date) -> tuple[date, date]:
    if query.period == "dates" or query.since or query.until:
        last = _date(query.until, "until") if query.until else today
        return _date(query.since, "since") if query.since else last.replace(day=1), last
    this_month = today.replace(day=1)
    match query.period:
        case "this-month":
            return this_month, today
        case "last-month":
            last = this_month - _DAY
            return last.replace(day=1), last
        case _:
            monday = today - today.weekday() * _DAY
            return monday - 7 * (_WEEKS - 1) * _DAY, today


def _date(text: str, name: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        day = date.min
    if not 1971 <= day.year <= 2199:
        raise NotUnderstood(f'{name}: "{text[:40]}" is no date; expected one such as 2026-10-31.')
    return day


def midnight(day: date, zone: str) -> datetime:
    """The instant at which a day begins by the clocks of a zone, aware UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def zone_of(policy: Policy, contracts: Iterable[str]) -> str:
    """Where the days of a report begin: in the zone of the contracts' calendars if they share one.

    Args:
        policy: the version in force.
        contracts: the ids of those that are meant; none: all.
    """
    ids = list(contracts) or list(policy.contracts)
    zones = {
        goal.calendar.time_zone
        for id_ in ids
        if id_ in policy.contracts
        for metric in policy.contracts[id_].metrics
        for goal in metric.goals
        if isinstance(goal, Goal)
    }
    return zones.pop() if len(zones) == 1 else "UTC"


def wanted(standing: Standing, query: ReportQuery, from_at: datetime, to_at: datetime) -> Wanted:
    """What is asked for, as the database understands it.

    Raises:
        NotUnderstood: a filter is no plain text, or there is no such group.
    """
    values = [
        getattr(query, name).strip()
        for name in ("contract", "project", "customer", "metric", "severity")
    ]
    if any("\0" in value for value in values):
        raise NotUnderstood("A filter is plain text.")
    asked = Wanted(from_at, to_at, *values)
    groups, group = standing.configuration.policy.responders.groups, query.group.strip()
    if not group:
        return asked
    if group == NOBODY:
        return replace(asked, by_others_than=frozenset().union(*groups.values()))
    if group not in groups:
        raise NotUnderstood(
            f'group: no group of responders is called "{group[:100]}"; there are: '
            f"{', '.join(sorted(groups)) or 'none, until site.yaml names some'}."
        )
    return replace(asked, by=groups[group])


# --- kept and missed ------------------------------------------------------------------------------


def kept_and_missed(standing: Standing, query: ReportQuery) -> Reports:
    """Count a period: by week, contract, severity, metric, project, customer, responder and group.

    Raises:
        NotUnderstood: the period means nothing.
    """
    now, site = standing.now(), standing.site
    from_at, to_at, zone = span(standing, query)
    asked = wanted(standing, query, from_at, to_at)
    mondays = mondays_of(from_at, to_at, zone)
    starts = [midnight(day, zone) for day in mondays]
    metric = query.metric or "first_response"

    def work(connection: Connection) -> tuple[list[Group], list[Answered]]:
        return (
            reports.grouped(connection, site, asked, now, starts),
            reports.answered(connection, site, replace(asked, metric=metric), now),
        )

    groups, answers = standing.database.read(work)
    policy = standing.configuration.policy
    known = [each for each in answers if each.used is not None and each.goal is not None]
    return Reports(
        at=now, from_at=from_at, to_at=to_at, zone=zone,
        totals=_totals(groups),
        weeks=_weeks(groups, mondays, starts, (from_at, min(to_at, now))),
        contracts=_lines(groups, "contract", lambda id_: title_of(policy, id_)),
        severities=_lines(groups, "severity"),
        metrics=_lines(groups, "metric", lambda name: in_words(name).capitalize()),
        projects=_lines(groups, "project"),
        customers=_lines(groups, "customer"),
        responders=_by(groups, "assignee", _names_of(groups)),
        groups=_by(groups, "group", _groups_of(policy)) if policy.responders.groups else [],
        times_metric=metric,
        times=_times(known),
        untimed=len(answers) - len(known),
    )  # fmt: skip


def mondays_of(from_at: datetime, to_at: datetime, zone: str) -> list[date]:
    """The Mondays of all weeks of which some lies in a span."""
    local = ZoneInfo(zone)
    first = from_at.astimezone(local).date()
    last = (to_at - timedelta.resolution).astimezone(local).date()
    monday = first - first.weekday() * _DAY
    return [monday + 7 * n * _DAY for n in range((last - monday).days // 7 + 1)]


def _totals(groups: Iterable[Group]) -> list[Tally]:
    found: dict[tuple[str, bool], Tally] = {}
    for group in groups:
        found.setdefault(_kind(group), Tally(*_kind(group))).add(group)
    return [found[kind] for kind in sorted(found)]


def _kind(group: Group | Answered) -> tuple[str, bool]:
    return group.binding, bool(group.conditional)


def _weeks(
    groups: Sequence[Group],
    mondays: Sequence[date],
    starts: Sequence[datetime],
    known: tuple[datetime, datetime],
) -> list[Week]:
    """Every week with every kind of promise that there is, those in which nothing happened too."""
    kinds = sorted({_kind(group) for group in groups})
    ends = [after for _, after in pairwise(starts)] + [starts[-1] + 7 * _DAY]
    found = {}
    for nth, monday in enumerate(mondays):
        year, week, _ = monday.isocalendar()
        whole = known[0] <= starts[nth] and ends[nth] <= known[1]
        for kind in kinds:
            found[nth, kind] = Week(
                *kind, week=f"{year:04}-W{week:02}", begins=monday, whole=whole
            )  # fmt: skip
    for group in groups:
        found[group.week, _kind(group)].add(group)
    return list(found.values())


def _names_of(groups: Iterable[Group]) -> Callable[[Group], str | None]:
    """The name of whoever answered: as heard with that answer or with another, else the account."""
    names = {each.account: each.responder for each in groups if each.responder}
    return lambda each: each.responder or names.get(each.account) or each.account


def _groups_of(policy: Policy) -> Callable[[Group], str | None]:
    """The group of whoever answered."""
    groups = {
        account: name for name, people in policy.responders.groups.items() for account in people
    }
    return lambda each: groups.get(each.account or "")


def _lines(groups: Iterable[Group], name: str, title: Callable[[str], str] = str) -> list[Line]:
    return _by(groups, name, attrgetter(name), title)


def _by(
    groups: Iterable[Group],
    name: str,
    of: Callable[[Group], str | None],
    title: Callable[[str], str] = str,
) -> list[Line]:
    """Commitments before goals; of each those with the most that were missed first."""
    found: dict[tuple[str, bool, str], Line] = {}
    for group in groups:
        value = of(group) or NOBODY
        known = found.get((*_kind(group), value))
        if known is None:
            words = NONE.get(name, "None") if value == NOBODY else title(value)
            known = found[*_kind(group), value] = Line(*_kind(group), name=value, title=words)
        known.add(group)
    return sorted(
        found.values(),
        key=lambda it: (it.binding, it.conditional, -it.breached, -it.met, it.title, it.name),
    )


def title_of(policy: Policy, contract: str) -> str:
    """A contract's title; its id where it is there no more."""
    found = policy.contracts.get(contract)
    return found.title if found else contract


def _times(answers: Iterable[Answered]) -> list[Times]:
    found: dict[tuple[str, bool, str], tuple[list[int], list[int]]] = {}
    for each in answers:
        place = (*_kind(each), each.severity or "")
        seconds, quarters = found.setdefault(place, ([], [0] * len(QUARTERS)))
        seconds.append(each.used or 0)
        quarters[quarter_of(each)] += 1
    return [
        Times(
            severity or NOBODY, binding, conditional, len(used), quarters,
            median(used) / _SECOND, ninety(used) / _SECOND,
        )
        for (binding, conditional, severity), (used, quarters) in sorted(found.items())
    ]  # fmt: skip


def quarter_of(answer: Answered) -> int:
    """Which quarter of the goal was used last: 0 to 3; 4 for what came late."""
    if not answer.in_time:
        return 4
    used, goal = answer.used or 0, answer.goal or 0
    # A quarter that is just used up is not exceeded.
    return min(max(-(-4 * used // goal) - 1, 0), 3) if goal > 0 else 0


def ninety(used: Iterable[int]) -> int:
    """The least of some lengths that at least nine of ten of them do not exceed."""
    ordered = sorted(used)
    return ordered[-(-9 * len(ordered) // 10) - 1]


# --- availability ---------------------------------------------------------------------------------


def uptimes(standing: Standing, query: UptimeQuery) -> list[ContractUptime]:
    """A month's availability and credit by contract.

    Raises:
        NotUnderstood: there is no such contract, or the month is none.
    """
    policy = standing.configuration.policy
    there = measured(policy)
    if query.contract and query.contract not in there:
        raise NotUnderstood(
            f'contract: "{query.contract[:100]}" promises no availability; those that do: '
            f"{', '.join(there) or 'none'}."
        )
    month = query.month or f"{standing.now():%Y-%m}"
    asked = [query.contract] if query.contract else there
    return [_uptime(standing, id_, month, query.customer.strip() or None) for id_ in asked]


def measured(policy: Policy) -> list[str]:
    """The ids of the contracts that promise a percentage."""
    return [
        id_
        for id_, each in policy.contracts.items()
        if each.availability and each.availability.commitment is not None
    ]


def _uptime(standing: Standing, contract: str, month: str, customer: str | None) -> ContractUptime:
    title = standing.configuration.policy.contracts[contract].title
    asked = Month(month, contract, customer)
    try:
        found = uptime_in(standing.database, standing.configuration, asked, standing.now())
    except QuestionError as error:
        raise NotUnderstood(str(error)) from None
    except SlaError as error:
        return ContractUptime(contract, title, {}, str(error))
    return ContractUptime(contract, title, found.as_dict(), "")


def month_in_words(month: str) -> str:
    """`2026-10` as `October 2026`."""
    year, number = month.split("-")
    return f"{_MONTHS[int(number) - 1]} {year}"


__all__ = [
    "PERIODS", "QUARTERS", "ContractUptime", "Line", "NotUnderstood", "Period", "ReportQuery",
    "Reports", "Tally", "Times", "UptimeQuery", "Week", "kept_and_missed", "kind_of", "measured",
    "midnight", "mondays_of", "month_in_words", "span", "title_of", "uptimes", "wanted", "zone_of",
]  # fmt: skip
