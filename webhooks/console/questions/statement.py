"""A customer's month: what was promised, kept and missed, in words that the customer may read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import Connection

from sla.availability import month_of
from sla.contract import Goal, in_words
from sla.mapping import Policy
from sla.store import reports
from sla.store.reports import Group, Wanted
from webhooks.console.questions.breaches import Breach, missed_in
from webhooks.console.questions.reports import (
    NotUnderstood,
    Tally,
    UptimeQuery,
    measured,
    month_in_words,
    title_of,
    uptimes,
    zone_of,
)
from webhooks.console.standing import Standing
from webhooks.questions import QuestionError
from webhooks.uptime import month_from

_MOST_MISSED = 500
OFFERED = 500
"""So many customers can be chosen from; any other can be typed."""


class StatementQuery(msgspec.Struct, kw_only=True):
    """Whose month."""

    customer: str
    """Exactly as the customer field or the order form says."""
    month: str
    """Such as 2026-10."""


class Promised(Tally, kw_only=True):
    """One promise of a contract, and how often it was kept in the month."""

    contract: str
    contract_title: str
    metric: str
    metric_title: str
    severity: str | None
    tier: str | None
    goal: str
    """As the contract says it now; empty where it is not there any more."""
    clause: str


class StatementBreach(msgspec.Struct):
    """One promise that was breached."""

    key: str | None
    summary: str | None
    contract_title: str
    metric_title: str
    severity: str | None
    kind: str
    goal: str
    clause: str
    time_zone: str
    due_at: datetime
    done_at: datetime | None
    late_open_seconds: float | None
    """Open time by which it came late, or by which it is late so far."""
    became: str
    """What it was answered like, in words."""


class Down(msgspec.Struct):
    """Some downtime that affected the customer."""

    confirmed_at: datetime
    restored_at: datetime | None
    minutes: str
    """As counted, decimal."""
    reason: str


class StatedUptime(msgspec.Struct):
    """A contract's availability and credit; figures are decimal text."""

    contract_title: str
    time_zone: str
    clause: str
    so_far: bool
    total_minutes: str
    down_minutes: str
    uptime_percent: str | None
    commitment_percent: str | None
    met: bool | None
    downtime: list[Down]
    credit: dict[str, Any] | None
    """As `dueline uptime --json` tells it; null where none is worked out."""


class Statement(msgspec.Struct):
    """A customer's month."""

    customer: str
    month: str
    title: str
    """The month in words."""
    at: datetime
    from_at: datetime
    to_at: datetime
    zone: str
    """In which the month begins and ends."""
    so_far: bool
    """Whether the month is not over."""
    totals: list[Tally]
    promises: list[Promised]
    breached: list[StatementBreach]
    uptime: list[StatedUptime]
    left_out: list[str]
    """What is not counted above, and why; a sentence each."""


def customers(standing: Standing) -> list[str]:
    """Those of whom any promise is known."""
    return standing.database.read(lambda c: reports.customers(c, standing.site, OFFERED))


def statement(standing: Standing, query: StatementQuery) -> Statement:
    """Put together a customer's month.

    Raises:
        NotUnderstood: the month is none, or has not begun.
        LookupError: nothing was ever promised to a customer of that name.
    """
    now, site, policy = standing.now(), standing.site, standing.configuration.policy
    customer = query.customer.strip()
    if not customer or "\0" in customer:
        raise NotUnderstood("Name a customer, as the customer field of the issues does.")
    ids = standing.database.read(lambda c: reports.contracts_of(c, site, customer))
    forms = _order_forms(policy, customer)
    if not (ids or forms):
        raise LookupError(f'Nothing was ever promised to a customer called "{customer[:300]}".')
    zone = zone_of(policy, ids or forms)
    from_at, to_at = _month(query.month, zone)
    if now < from_at:
        raise NotUnderstood(f"month: {query.month} has not begun.")
    asked = Wanted(from_at, to_at, customer=customer)

    def work(connection: Connection) -> tuple[list[Group], int]:
        return (
            reports.grouped(connection, site, asked, now, [from_at]),
            reports.undecided(connection, site, asked, now),
        )

    groups, undecided = standing.database.read(work)
    totals = _tallied(groups)
    missed = missed_in(standing, asked, None, _MOST_MISSED)
    concerned = [id_ for id_ in measured(policy) if id_ in {*ids, *forms}]
    uptime, problems = _uptimes(standing, concerned, query.month, customer)
    left_out = [
        *_left_out(totals, undecided, so_far=now < to_at),
        *_gone(policy, groups),
        *problems,
    ]
    if missed.next:
        left_out.append(f"Only the latest {_MOST_MISSED} breached promises are listed one by one.")
    return Statement(
        customer=customer, month=query.month, title=month_in_words(query.month), at=now,
        from_at=from_at, to_at=to_at, zone=zone, so_far=now < to_at, totals=totals,
        promises=_promises(groups, policy, customer),
        breached=[_told(each) for each in missed.rows], uptime=uptime, left_out=left_out,
    )  # fmt: skip


def _order_forms(policy: Policy, customer: str) -> list[str]:
    return [id_ for id_, forms in policy.order_forms.items() if customer.casefold() in forms]


def _month(text: str, zone: str) -> tuple[datetime, datetime]:
    try:
        return month_of(*month_from(text), zone)
    except QuestionError as error:
        raise NotUnderstood(str(error)) from None


def _tallied(groups: Sequence[Group]) -> list[Tally]:
    found: dict[tuple[str, bool], Tally] = {}
    for group in groups:
        kind = group.binding, bool(group.conditional)
        found.setdefault(kind, Tally(*kind)).add(group)
    return [found[kind] for kind in sorted(found)]


def _promises(groups: Sequence[Group], policy: Policy, customer: str) -> list[Promised]:
    found: dict[tuple[Any, ...], Promised] = {}
    for group in groups:
        kind = group.binding, bool(group.conditional)
        place = (*kind, group.contract, group.metric, group.severity or "", group.tier or "")
        if place not in found:
            goal, clause = _text_of(policy, customer, group)
            found[place] = Promised(
                *kind, contract=group.contract, contract_title=title_of(policy, group.contract),
                metric=group.metric, metric_title=_metric_title(policy, group),
                severity=group.severity, tier=group.tier, goal=goal, clause=clause,
            )  # fmt: skip
        found[place].add(group)
    return [found[place] for place in sorted(found)]


def _metric_title(policy: Policy, group: Group) -> str:
    contract = policy.contracts.get(group.contract)
    metric = contract.metric(group.metric) if contract else None
    return metric.words if metric else in_words(group.metric)


def _text_of(policy: Policy, customer: str, group: Group) -> tuple[str, str]:
    """A promise's goal and clause as the contract reads now; several kinds of work may differ."""
    if group.contract not in policy.contracts:
        return "", ""
    metric = policy.contract(group.contract, customer).metric(group.metric)
    if metric is None:
        return "", ""
    goals = [
        goal
        for goal in metric.goals
        if isinstance(goal, Goal) and goal.binding == group.binding
        and (not goal.scope.severities or group.severity in goal.scope.severities)
        and (not goal.scope.tiers or group.tier in goal.scope.tiers)
    ]  # fmt: skip
    if not any(goal.scope.kinds for goal in goals):
        # The first that speaks of it holds.
        goals = goals[:1]
    texts = dict.fromkeys(goal.target.words for goal in goals)
    clauses = dict.fromkeys(goal.clause or metric.clause for goal in goals)
    return " or ".join(texts), "; ".join(filter(None, clauses))


def _told(breach: Breach) -> StatementBreach:
    return StatementBreach(
        key=breach.key, summary=breach.summary, contract_title=breach.contract_title,
        metric_title=breach.metric_title, severity=breach.severity, kind=breach.kind,
        goal=breach.goal, clause=breach.clause, time_zone=breach.time_zone,
        due_at=breach.due_at, done_at=breach.done_at,
        late_open_seconds=breach.late_open_seconds,
        # What kept the support, and what the service did, are for the team.
        became=breach.reasons[0],
    )  # fmt: skip


def _uptimes(
    standing: Standing, contracts: Sequence[str], month: str, customer: str
) -> tuple[list[StatedUptime], list[str]]:
    found, problems = [], []
    for id_ in contracts:
        asked = UptimeQuery(month=month, contract=id_, customer=customer)
        for each in uptimes(standing, asked):
            if each.problem:
                problems.append(f"The availability by {each.title} could not be worked out.")
                continue
            found.append(_stated(each.title, each.report, customer))
            if each.report["problems"]:
                number = len(each.report["problems"])
                problems.append(
                    f"{number} reported downtime{'s' if number > 1 else ''} could not be read "
                    f"and is not counted ({each.title})."
                )
    return found, problems


def _stated(title: str, report: dict[str, Any], customer: str) -> StatedUptime:
    """What a customer may read: only what affected him, without notes and the issues' keys."""
    affected = [
        each
        for each in report["entries"]
        if not each["customers"]
        or customer.casefold() in {name.casefold() for name in each["customers"]}
    ]
    down = [
        Down(
            datetime.fromisoformat(each["confirmed_at"]),
            datetime.fromisoformat(each["restored_at"]) if each["restored_at"] else None,
            each["counted_minutes"],
            "; ".join(part["reason"] for part in each["parts"] if not part["counts"]),
        )
        for each in affected
    ]
    return StatedUptime(
        contract_title=title, time_zone=report["time_zone"], clause=report["clause"],
        so_far=report["so_far"], total_minutes=report["total_minutes"],
        down_minutes=report["down_minutes"], uptime_percent=report["uptime_percent"],
        commitment_percent=report["commitment_percent"], met=report["met"], downtime=down,
        credit=report["credit"],
    )  # fmt: skip


def _left_out(totals: Sequence[Tally], undecided: int, *, so_far: bool) -> Iterator[str]:
    for tally in totals:
        if tally.cancelled:
            yield (
                f"{tally.cancelled:,} promised as {tally.kind}: "
                "nothing was owed any more before the due instant, since the request was closed or "
                "was not covered. They count neither as met nor as breached."
            )
    if undecided:
        when = "yet" if so_far else "by the end of the month"
        yield f"{undecided:,} not due {when}. They count in the month in which they are decided."
    if any(tally.conditional for tally in totals):
        yield (
            "Conditional promises depend on something that was to be done on your side and was "
            "not. They are listed, and counted apart."
        )
    if any(tally.binding == "goal" for tally in totals):
        yield "Goals are what we aim at, not what we committed to. They are counted apart."


def _gone(policy: Policy, groups: Sequence[Group]) -> Iterator[str]:
    gone = sorted({group.contract for group in groups} - set(policy.contracts))
    if gone:
        yield f"Clauses of {', '.join(gone)}: this contract is not in force any more."


def last_month(now: datetime) -> str:
    """The month before the present one, such as `2026-10`."""
    before = now.astimezone(UTC).replace(day=1) - timedelta(days=1)
    return f"{before:%Y-%m}"


__all__ = ["Statement", "StatementQuery", "customers", "last_month", "statement"]
