"""What is said beside the clocks: acknowledgement, checklist, notices, escalation on request."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from sla.acts import History, Moment, given
from sla.clock.spans import Span, history_of, spans_of
from sla.condition import Condition, while_holding
from sla.contract import Act, Audience, Checklist, Contract, Duty, Notice, Request, Step
from sla.cycle import Cycle
from sla.duties import done
from sla.effects import Announced, Fact, Occasion, Saying
from sla.mapping import Coverage, Policy
from sla.timeline import Timeline
from sla.words import minute

Facts = Mapping[str, Fact]
_INSTANT = timedelta(microseconds=1)
_BROUGHT_UP_TO_DATE = frozenset({"checklist", "requested"})
"""Occasions whose comments are written anew when a fact of theirs changes: they hold no others."""


class Relative(msgspec.Struct, frozen=True):
    """Another issue that refers to this one, or that this one refers to."""

    issue_id: str
    timeline: Timeline


class Case(msgspec.Struct, frozen=True):
    """One issue with everything that notices depend on."""

    issue_id: str
    timeline: Timeline
    policy: Policy
    spans: Sequence[Span]
    history: History
    cycles: Sequence[Cycle] = ()
    relatives: Sequence[Relative] = ()
    now: datetime | None = None

    def coverage(self, at: datetime) -> Coverage:
        """What coverage the issue had at an instant; before the first, the first."""
        held = [span.coverage for span in self.spans if span.since_at <= at]
        return held[-1] if held else self.spans[0].coverage

    @property
    def contracts(self) -> list[Contract]:
        """Every contract that the issue ever had, in order; of order forms the latest."""
        found = {each.id: each for each in (span.coverage.contract for span in self.spans) if each}
        return list(found.values())


class Planned(msgspec.Struct, frozen=True):
    """Something to be said beside the clocks; its facts are gathered only where it is said."""

    case: Case
    coverage: Coverage
    occasion: Occasion
    key: str
    at: datetime
    facts: Callable[[], Facts] = dict
    """What only this occasion knows."""
    audience: Audience = Audience()
    wording: str | None = None
    public: bool = False
    revisable: bool = False
    assign: bool = False
    level: int = 0
    """The escalation level that it means, if it means one."""

    def announce(self, announced: Announced) -> None:
        """Have it said, if its instant has come."""
        if self.at > announced.now:
            return
        announced.level = max(announced.level, self.level)
        if announced.stands(self.key, revisable=self.revisable):
            announced.sayings.append(self._saying())

    def _saying(self) -> Saying:
        return Saying(
            key=self.key,
            occasion=self.occasion,
            at=self.at,
            audience=self.audience,
            wording=self.wording,
            facts={**_facts(self.case, self.coverage, self.occasion, self.at), **self.facts()},
            public=self.public,
            revisable=self.revisable,
            assign=self.assign,
        )


def notices_of(case: Case) -> list[Planned]:
    """Everything that an issue's history causes to be said beside its clocks.

    Args:
        case: the issue, of which some coverage is known.

    Returns:
        What is to be said, in no order; what is brought up to date holds what is true by now.
    """
    planned = [*_acknowledgement(case), *_checklist(case), *_as_request(case)]
    for contract in case.contracts:
        for notice in contract.notices:
            planned += _notice(case, contract, notice)
        for request in contract.requests:
            planned += _requested(case, contract, request)
    return planned


# --- acknowledgement ------------------------------------------------------------------------------


def _acknowledgement(case: Case) -> Iterator[Planned]:
    for span in case.spans:
        contract = span.coverage.contract
        if contract and contract.acknowledgement and span.coverage.covered:
            at = max(span.since_at, case.timeline.created_at or span.since_at)
            wording = contract.acknowledgement.wording
            yield Planned(
                case, span.coverage, "acknowledgement", "acknowledgement", at,
                public=True, wording=wording,
            )  # fmt: skip
            return


def _promised(case: Case, coverage: Coverage, *, kept_too: bool) -> Iterator[str]:
    """What is promised, a sentence for each metric; the ones whose clock has not started too."""
    for metric in coverage.metrics:
        goal = coverage.goal(metric.name)
        latest = [cycle for cycle in case.cycles if cycle.metric == metric.name][-1:]
        over = any(cycle.ending for cycle in latest)
        if goal is None and any(metric.name in each.metrics for each in coverage.waivers):
            yield f"{coverage.heading(metric.name)}: {coverage.why_not(metric.name)}"
        if goal is None or (over and not kept_too):
            continue
        first = next((cycle for cycle in case.cycles if cycle.metric == metric.name), None)
        words = f"{coverage.heading(metric.name)}: within {goal.target.text}"
        owed = list(_owed(case, coverage, metric.name))
        pausing = any(duty.effect == "pauses" for duty in owed)
        made = [each for each in first.promises if each.goal == goal] if first else []
        if made and not pausing:
            words += f", by {minute(made[0].due_at, goal.calendar.time_zone)}"
        if goal.binding == "goal":
            words += " (our goal; times may vary)"
        if any(duty.effect != "none" for duty in owed):
            words += ", provided that you do your part"
        yield words


def _owed(case: Case, coverage: Coverage, metric: str | None = None) -> Iterator[Duty]:
    for duty in coverage.duties(metric):
        if duty.who == "customer" and not done(duty, case.history):
            yield duty


def _contacts(coverage: Coverage, at: datetime) -> Iterator[str]:
    for contact in coverage.contract.contacts if coverage.contract else ():
        open_now = contact.hours is None or contact.hours.is_open(at)
        if coverage.within(contact.scope) and open_now:
            yield contact.text


# --- checklist ------------------------------------------------------------------------------------


def _checklist(case: Case) -> Iterator[Planned]:
    for span in case.spans:
        contract = span.coverage.contract
        if not (contract and contract.checklist and span.coverage.covered):
            continue
        checklist = contract.checklist
        at = max(span.since_at, case.timeline.created_at or span.since_at)
        if all(given(item, case.timeline, at) for item in checklist.items):
            return
        facts = partial(_brought, checklist, case.timeline, case.now or at)
        yield Planned(
            case, span.coverage, "checklist", "required-information", at, facts,
            public=True, revisable=True, wording=checklist.wording,
        )  # fmt: skip
        return


def _brought(checklist: Checklist, timeline: Timeline, at: datetime) -> Facts:
    """What of a checklist an issue brings at an instant, and what it lacks."""
    there = [item.text for item in checklist.items if given(item, timeline, at)]
    missing = [item.text for item in checklist.items if item.text not in there]
    return {"missing": missing, "given": there, "clause": checklist.clause}


# --- notices --------------------------------------------------------------------------------------


def _notice(case: Case, contract: Contract, notice: Notice) -> Iterator[Planned]:
    moments = [
        moment
        for moment in _moments(case, notice.on)
        # What takes an issue out of a severity is still a change of one that had it.
        if _had(case, contract, moment.at).within(notice.scope)
        or _had(case, contract, moment.at - _INSTANT).within(notice.scope)
    ]
    for moment in moments if notice.each else moments[:1]:
        key = f"notice/{notice.id}/{moment.key}" if notice.each else f"notice/{notice.id}"
        facts: Facts = {"text": notice.text, "clause": notice.clause}
        yield Planned(
            case, case.coverage(moment.at), "notice", key, moment.at, partial(dict, facts),
            public=notice.public, audience=notice.audience, wording=notice.wording,
        )  # fmt: skip


def _moments(case: Case, acts: Sequence[Act]) -> list[Moment]:
    found: dict[str, Moment] = {}
    for act in acts:
        for moment in case.history.moments(act):
            found.setdefault(moment.key, moment)
    return sorted(found.values(), key=lambda moment: (moment.at, moment.key))


def _had(case: Case, contract: Contract, at: datetime) -> Coverage:
    """The coverage at an instant if it was by this contract, else none."""
    coverage = case.coverage(at)
    same = coverage.contract is not None and coverage.contract.id == contract.id
    return coverage if same else Coverage("another contract held", coverage.project)


# --- escalation on request ------------------------------------------------------------------------


def _requested(case: Case, contract: Contract, request: Request) -> Iterator[Planned]:
    """Each request climbs a step; those beyond the last one reach the last one again."""
    asked = [(moment, "") for moment in _moments(case, request.on)] if request.on else []
    asked = [each for each in asked if _had(case, contract, each[0].at).within(request.scope)]
    if request.by_issue:
        asked += _by_issues(case, contract, request)
    for count, (moment, other) in enumerate(
        sorted(asked, key=lambda each: (each[0].at, each[0].key)), 1
    ):
        step = request.steps[min(count, len(request.steps)) - 1]
        again = f"/again-{moment.key}" if count > len(request.steps) else ""
        key = f"escalation/{request.id}/level-{step.number}{again}"
        # Of two issues the new one goes to those addressed.
        assign = request.assign and not other
        yield _climbed(case, request, step, key, moment.at, {"other": other}, assign=assign)


def _climbed(
    case: Case,
    request: Request,
    step: Step,
    key: str,
    at: datetime,
    facts: Facts,
    *,
    assign: bool,
) -> Planned:
    named: Facts = {"level": step.number, "level_name": step.name, "clause": request.clause}
    return Planned(
        case, case.coverage(at), "request", key, at, partial(dict, {**named, **facts}),
        audience=step.audience, wording=request.wording, assign=assign, level=step.number,
    )  # fmt: skip


def _by_issues(case: Case, contract: Contract, request: Request) -> Iterator[tuple[Moment, str]]:
    """The valid requests that other issues make of this one."""
    for relative in case.relatives:
        referred_at = _referred_at(case.policy, relative.timeline, case.issue_id, case.timeline)
        if referred_at is None or not _is_request(request, relative.timeline, referred_at):
            continue
        asked = _Asked(case, contract, request, relative.timeline)
        at = asked.valid_at(referred_at)
        if at:
            yield Moment(at, "requested", relative.issue_id), _key(relative.timeline)


def _as_request(case: Case) -> Iterator[Planned]:
    """What is said on an issue that itself asks for the escalation of another one."""
    created_at = case.timeline.created_at
    contract = case.spans[-1].coverage.contract
    if created_at is None or contract is None:
        return
    for request in contract.requests:
        if not (request.by_issue and _is_request(request, case.timeline, created_at)):
            continue
        found = _escalated(case, contract, request)
        at: datetime | None = None
        other, problems = "", ["it refers to no issue that is known; link it, or name its key"]
        if found:
            asked = found[0]
            other = _key(asked.asked.timeline)
            at = asked.valid_at(found[1])
            problems = [] if at else list(asked.problems(case.now or found[1]))
        wanted = [
            item.text
            for item in request.wants
            if not given(item, case.timeline, case.now or created_at)
        ]
        facts: Facts = {
            "other": other, "problems": problems, "clause": request.clause, "missing": wanted,
        }  # fmt: skip
        coverage = case.spans[-1].coverage
        key = f"escalation/{request.id}"
        yield Planned(
            case, coverage, "requested", f"{key}/request", created_at, partial(dict, facts),
            public=True, revisable=True,
        )  # fmt: skip
        if at:
            key, assign = f"{key}/routed", request.assign
            yield _climbed(case, request, request.steps[0], key, at, facts, assign=assign)


def asks_for_another(policy: Policy, timeline: Timeline) -> bool:
    """Whether an issue is, or ever was, of the kind that asks for another one's escalation."""
    return any(
        request.by_issue and while_holding(timeline, request.by_issue)
        for contract in policy.contracts.values()
        for request in contract.requests
    )


def _escalated(case: Case, contract: Contract, request: Request) -> tuple[_Asked, datetime] | None:
    """The issue that this one asks for: the first that may be escalated, else the first at all."""
    found: list[tuple[datetime, _Asked]] = []
    for relative in case.relatives:
        at = _referred_at(case.policy, case.timeline, relative.issue_id, relative.timeline)
        spans = spans_of(relative.timeline, case.policy)
        if at and any(span.coverage.covered for span in spans):
            timeline, policy = relative.timeline, case.policy
            history = history_of(spans, timeline, policy)
            other = Case(relative.issue_id, timeline, policy, spans, history, now=case.now)
            found.append((at, _Asked(other, contract, request, case.timeline)))
    found.sort(
        key=lambda each: (each[1].valid_at(each[0]) is None, each[0], each[1].asked.issue_id)
    )
    return (found[0][1], found[0][0]) if found else None


class _Asked(msgspec.Struct, frozen=True):
    """A request that one issue makes of another."""

    asked: Case
    contract: Contract
    request: Request
    asking: Timeline

    def valid_at(self, referred_at: datetime) -> datetime | None:
        """The first instant at which nothing kept the request from being carried out.

        What happens afterwards does not undo it.
        """
        looked_at = {"summary", "description", *self.request.condition.names}
        looked_at |= {name for item in self.request.requires for name in item.fields}
        changes = {
            at
            for timeline in (self.asking, self.asked.timeline)
            for name in looked_at & timeline.field_names
            for at, _ in timeline.values(name)
        }
        changes |= {span.since_at for span in self.asked.spans}
        later = {at for at in changes if at > referred_at}
        instants = [referred_at, *sorted(later)]
        return next((at for at in instants if not list(self.problems(at))), None)

    def problems(self, at: datetime) -> Iterator[str]:
        """Why the request cannot be carried out at an instant, a sentence each."""
        coverage = _had(self.asked, self.contract, at)
        if not coverage.within(self.request.scope):
            wanted = " or ".join(self.request.scope.severities) or "covered"
            # The customer is told what is needed, and not what another issue was judged to be.
            yield f"only {wanted} issues can be escalated, and {_key(self.asked.timeline)} is none"
        condition = self.request.condition
        fields = [
            {name: timeline.value(name, at) for name in condition.names}
            for timeline in (self.asking, self.asked.timeline)
        ]
        if not any(condition.holds(each) for each in fields):
            yield f"neither of the two issues says: {condition}"
        for item in self.request.requires:
            if not given(item, self.asking, at):
                yield f"it lacks {item.text}"


def _is_request(request: Request, timeline: Timeline, at: datetime) -> bool:
    by_issue = request.by_issue or Condition()
    last = timeline.events[-1].at if timeline.events else at
    return any(
        by_issue.holds({name: timeline.value(name, when) for name in by_issue.names})
        for when in (at, last)
    )


def _referred_at(
    policy: Policy, referring: Timeline, issue_id: str, other: Timeline
) -> datetime | None:
    """Since when one issue refers to another: by a link, or by the key of an issue of the same
    customer."""
    names = {issue_id}
    if _same_customer(policy, referring, other):
        names |= {str(value) for _, value in other.values("key")}
    return next((at for at, named in referring.references if named in names), None)


def _same_customer(policy: Policy, one: Timeline, other: Timeline) -> bool:
    """Whether both were reported by the same person, or belong to the same customer."""
    names = ["reporter", *([policy.customer_field] if policy.customer_field else [])]
    for name in names:
        mine, theirs = (timeline.values(name)[-1:] for timeline in (one, other))
        if mine and theirs and mine[0][1] and mine[0][1] == theirs[0][1]:
            return True
    return False


def _key(timeline: Timeline) -> str:
    values = timeline.values("key")
    return str(values[-1][1]) if values else "(no key)"


# --- the words' facts -----------------------------------------------------------------------------


def _facts(case: Case, coverage: Coverage, occasion: Occasion, at: datetime) -> Facts:
    """What every occasion knows."""
    contract = coverage.contract
    status = case.timeline.value("status", at)
    promised: Facts = {
        "contract": contract.title if contract else None,
        "severity": coverage.severity,
        "customer": contract.customer if contract else None,
        "clause": contract.acknowledgement.clause if contract and contract.acknowledgement else "",
        "status": status if isinstance(status, str) else None,
    }
    if occasion in _BROUGHT_UP_TO_DATE:
        return promised
    return {
        **promised,
        "promises": list(_promised(case, coverage, kept_too=occasion == "acknowledgement")),
        "duties": [duty.text for duty in _owed(case, coverage)],
        "contacts": list(_contacts(coverage, at)),
    }
