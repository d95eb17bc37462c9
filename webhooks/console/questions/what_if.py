"""What would hold if an issue had other values, or at another instant: folded, and never saved."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from typing import NamedTuple

import msgspec

from sla.condition import Condition, Fields, has_one_of
from sla.cycle import Cycle, State
from sla.decide import Decision, Ledger, decide
from sla.errors import SlaError
from sla.mapping import Coverage, Policy, ProjectRules, cover
from sla.store.values_seen import spelt_as_seen, values_seen
from sla.timeline import Changed, FieldValue, Timeline
from sla.words import local, utc, whole_minutes
from webhooks import hindsight
from webhooks.console.questions import instants
from webhooks.console.questions.folding import Folded
from webhooks.console.questions.issue import by_metric
from webhooks.console.questions.story import shown
from webhooks.console.standing import Standing
from webhooks.questions import QuestionError

SYSTEM = {"status": "status", "priority": "priority", "type": "issuetype",
          "resolution": "resolution"}  # fmt: skip
"""Of the question's members: the fields of every Jira, whose values are known."""
_TITLES = {name: title for title, name in SYSTEM.items()}
_LONGEST = 255
_FURTHEST = timedelta(days=366)
"""A promise of an update every hour has thousands of cycles in a year."""
_MOST_KNOWN = 40
NONE = "none"
"""How an empty field is written in a question."""


class Question(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An issue as it would be; what is left out stays as it is."""

    at: str = ""
    """The instant of judgement: ISO 8601 with an offset, or a local time of the calendar's zone."""
    status: str = ""
    priority: str = ""
    type: str = ""
    resolution: str = ""
    """`none` for an issue that is not resolved."""
    severity: str = ""
    """The contract's own level, wherever the rules can lead to it."""
    tier: str = ""
    customer: str = ""
    fields: dict[str, str] = {}
    """Other fields that the rules look at, by name."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is asked."""
        return not any(msgspec.structs.astuple(self))


class Stand(msgspec.Struct):
    """How the latest cycle of a metric stands."""

    number: int
    state: State
    due_at: datetime | None
    time_zone: str


class Difference(msgspec.Struct):
    """A metric as it is, and as it would be."""

    metric: str
    title: str
    now: Stand | None
    then: Stand | None
    changes: bool
    words: str


class CoverageAnswer(msgspec.Struct):
    """What an issue has, and by which rules."""

    covered: bool
    contract: str | None
    severity: str | None
    tier: str | None
    because: str


class WhatIfAnswer(msgspec.Struct):
    """The difference that it would make."""

    key: str
    judged_at: datetime
    """The instant of the other judgement."""
    assumed: list[str]
    """What is taken to be otherwise, in words."""
    now: CoverageAnswer
    then: CoverageAnswer
    metrics: list[Difference]


class Supposed(NamedTuple):
    """The answer, with what it came from."""

    answer: WhatIfAnswer
    decision: Decision


@dataclass(frozen=True)
class Choices:
    """What can be asked of an issue: the values that are known, by field."""

    known: Mapping[str, tuple[str, ...]]
    """Of the fields of every Jira."""
    others: Mapping[str, tuple[str, ...]]
    """Of the fields that this issue's rules look at beside; any value may be asked."""
    severities: tuple[str, ...]
    tiers: tuple[str, ...]
    customer_field: str | None
    customers: tuple[str, ...] = ()
    zone: str = "UTC"
    seen: Callable[[str, str], str | None] = lambda _name, _value: None
    """Of a field and a value: how some issue of the site has it, where any has."""
    current: Mapping[str, FieldValue] = field(default_factory=dict)
    offered: Callable[[str], Sequence[str]] = lambda _name: ()
    """What Jira itself offers of a field; asked only for what nobody here knows."""


def choices_of(fold: Folded, standing: Standing, now: datetime, zone: str) -> Choices:
    """What can be asked of an issue."""
    timeline, policy = fold.timeline, fold.policy
    rules = policy.projects.get(str(timeline.value("project", now)))
    conditions = list(_conditions(policy, rules))
    seen = standing.database.read(lambda c: values_seen(c, standing.site))
    names = {name for each in conditions for name in each.names}
    known = {
        name: _known(name, conditions, timeline, seen.get(name, ())) for name in SYSTEM.values()
    }
    others = {
        name: _known(name, conditions, timeline, ())
        for name in sorted(names - set(known) - {"project", policy.customer_field})
    }
    forms = {name for each in policy.order_forms.values() for name in each}
    return Choices(
        known,
        others,
        tuple(dict.fromkeys(rule.severity for rule in rules.severities)) if rules else (),
        tuple(dict.fromkeys(rule.tier for rule in rules.contracts if rule.tier)) if rules else (),
        policy.customer_field,
        tuple(sorted(forms)),
        zone,
        lambda name, value: standing.database.read(
            lambda c: spelt_as_seen(c, standing.site, name, value)
        ),
        {
            each: timeline.value(each, now)
            for each in (*known, *others, policy.customer_field or "")
        },
        partial(_offered, standing, str(timeline.value("project", now) or "")),
    )


def _offered(standing: Standing, project: str, name: str) -> Sequence[str]:
    """What Jira has of a field in a project; nothing while it does not answer."""
    if name == "priority":
        site = standing.catalogue.site().found
        return site.priorities if site else ()
    makings = standing.catalogue.project(project).found if project else None
    if makings is None or name not in ("status", "issuetype"):
        return ()
    return makings.statuses if name == "status" else makings.issue_types


def _conditions(policy: Policy, rules: ProjectRules | None) -> Iterator[Condition]:
    """Those that decide about the issues of a project."""
    if rules is None:
        return
    yield from (rule.when for rule in rules.contracts)
    yield from (rule.when for rule in rules.severities)
    for id_ in {rule.contract for rule in rules.contracts}:
        contract = policy.contracts[id_]
        for limit in contract.limits:
            yield from filter(None, (limit.excludes, limit.requires))
        for metric in contract.metrics:
            yield from metric.clock.rests


def _known(
    name: str, conditions: Iterable[Condition], timeline: Timeline, seen: Iterable[str]
) -> tuple[str, ...]:
    """The values of a field that the rules name, that this issue had, or that others have."""
    found: dict[str, str] = {}
    of_rules = [value for each in conditions for value in each.fields.get(name, ())]
    had = [value for _, value in timeline.values(name)[-_MOST_KNOWN:]]
    single = [each for value in had for each in _texts(value)]
    for value in (*single, *seen, *of_rules):
        found.setdefault(value.casefold(), value)
    return tuple(sorted(found.values())[: _MOST_KNOWN * 5])


def _texts(value: FieldValue) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return value[:_MOST_KNOWN]
    return (value,) if value else ()


def suppose(fold: Folded, question: Question, choices: Choices, now: datetime) -> Supposed:
    """Answer a question about an issue; nothing is saved.

    Args:
        fold: the issue as it is.
        question: what would be otherwise.
        choices: what can be asked.
        now: the present instant. What would be otherwise is so from now on, or from the asked
            instant where that is past: then the issue is judged by what had happened by then.

    Raises:
        QuestionError: a value makes no sense; the message says what is known.
    """
    at = instants.typed("at", question.at, choices.zone)[0] if question.at else now
    hindsight.check_instant(at, fold.timeline, choices.zone)
    if at > now + _FURTHEST:
        raise QuestionError(f"at: {utc(at)} is more than a year ahead; ask for an earlier instant.")
    since = min(at, now)
    timeline = fold.timeline.until(since)
    fields = {name: timeline.value(name, since) for name in timeline.field_names}
    wanted = _wanted(question, choices, fold.policy, fields)
    changes = [
        Changed(since, "99999999999999999", name, fields.get(name), value)
        for name, value in wanted.items()
        if not _same(fields.get(name), value)
    ]
    changed = Timeline.of_distinct([*timeline.events, *changes])
    # What ended later than the asked instant was not over by then.
    over = hindsight.over_by(fold.over, at)
    try:
        decision = decide(changed, fold.policy, Ledger(), at, issue_id=fold.row.issue_id, over=over)
    except SlaError as error:
        raise QuestionError(f"This cannot be worked out: {error}.") from None
    assumed = [
        f"{_TITLES.get(each.field, each.field)} {shown(each.before)} → {shown(each.after)}"
        for each in changes
    ]
    if at != now:
        assumed.append(f"judged {'as of' if at < now else 'on'} {local(at, choices.zone)}"
                       + ("" if at < now else ", if nobody does anything until then"))  # fmt: skip
    answer = WhatIfAnswer(
        fold.row.key or "",
        at,
        assumed,
        _coverage(fold.decision.coverage),
        _coverage(decision.coverage),
        list(_differences(fold.decision, decision)),
    )
    return Supposed(answer, decision)


# --- the question ---------------------------------------------------------------------------------


def _wanted(
    question: Question, choices: Choices, policy: Policy, fields: Fields
) -> dict[str, FieldValue]:
    """What the fields would be."""
    wanted: dict[str, FieldValue] = {}
    for member, name in SYSTEM.items():
        asked = getattr(question, member).strip()
        if asked:
            wanted[name] = _one_of(member, asked, choices, name)
    for name, value in question.fields.items():
        spelt = policy.spelling(name)
        if spelt not in choices.others:
            there = ", ".join(choices.others) or "none"
            raise QuestionError(
                f"{shown(name)}: no rule of this issue's project looks at such a field; those that "
                f"rules look at: {there}."
            )
        if value.strip():
            wanted[spelt] = _free(name, value)
    if question.customer.strip():
        if not choices.customer_field:
            raise QuestionError("customer: no field of this site names the customer.")
        wanted[choices.customer_field] = _free("customer", question.customer)
    if question.severity.strip() or question.tier.strip():
        wanted |= _leading_to(question, choices, policy, fields, wanted)
    return wanted


def _one_of(member: str, asked: str, choices: Choices, name: str) -> str | None:
    known = choices.known[name]
    if asked.casefold() == NONE and member in ("resolution", "priority"):
        return None
    found = next((value for value in known if value.casefold() == asked.casefold()), None)
    found = found or choices.seen(name, asked)
    if found is None and name == "resolution":
        # Whichever it is: what counts is that there is one.
        return _free(member, asked)
    if found is None:
        offered = choices.offered(name)
        found = next((each for each in offered if each.casefold() == asked.casefold()), None)
        there = ", ".join([*dict.fromkeys([*known, *offered])][:_MOST_KNOWN]) or "nothing yet"
    if found is None:
        raise QuestionError(
            f"{member}: {shown(asked)} is in no rule, was never seen here, and Jira does not offer "
            f"it; known: {there}."
        )
    return found


def _free(name: str, value: str) -> str | None:
    text = value.strip()
    if len(text) > _LONGEST:
        raise QuestionError(f"{shown(name)}: a value has at most {_LONGEST} characters.")
    return None if text.casefold() == NONE else text


def _leading_to(
    question: Question,
    choices: Choices,
    policy: Policy,
    fields: Fields,
    wanted: Mapping[str, FieldValue],
) -> dict[str, FieldValue]:
    """The fewest other values by which the rules give that severity and tier.

    Nobody sets a severity: the rules give it. So the answer names what would have to be set.
    """
    severity = _named("severity", question.severity, choices.severities)
    tier = _named("tier", question.tier, choices.tiers)
    rules = policy.projects.get(str(fields.get("project")))
    if rules is None:
        raise QuestionError("The issue's project is in no mapping; no rule gives a severity.")
    given = {**fields, **wanted}
    values = {**choices.known, **choices.others}
    ways: list[dict[str, FieldValue]] = []
    for of_contract, of_severity in product(
        _aims([r.when for r in rules.contracts], [tier in (None, r.tier) for r in rules.contracts]),
        _aims(
            [r.when for r in rules.severities],
            [severity in (None, r.severity) for r in rules.severities],
        ),
    ):
        way = _way((of_contract, of_severity), given, values)
        if way is None or any(name in wanted for name in way):
            continue
        coverage = cover(policy, {**given, **way})
        if severity in (None, coverage.severity) and tier in (None, coverage.tier):
            ways.append(way)
    if not ways:
        named = " and ".join(
            f"{what} {each}" for what, each in (("severity", severity), ("tier", tier)) if each
        )
        raise QuestionError(
            f"No values of the fields give {named} here, beside what else was asked; by the rules "
            f"the issue has: {cover(policy, given).reason}."
        )
    # Of two ways as short the one that leaves the type: to change that is another kind of issue.
    return min(ways, key=lambda way: (len(way), "issuetype" in way))


def _named(member: str, asked: str, known: Sequence[str]) -> str | None:
    asked = asked.strip()
    if not asked:
        return None
    found = next((value for value in known if value.casefold() == asked.casefold()), None)
    if found is None:
        there = ", ".join(known) or "none"
        raise QuestionError(
            f"{member}: {shown(asked)} is none that the rules of this project give; "
            f"they give: {there}."
        )
    return found


class _Aim(NamedTuple):
    """A rule that is to match."""

    when: Condition
    before: Sequence[Condition]
    """Those of the rules that match first."""


def _aims(conditions: Sequence[Condition], wanted: Sequence[bool]) -> list[_Aim]:
    return [
        _Aim(when, conditions[:number])
        for number, (when, is_wanted) in enumerate(zip(conditions, wanted, strict=True))
        if is_wanted
    ]


def _way(
    aims: Sequence[_Aim], fields: Fields, values: Mapping[str, Sequence[str]]
) -> dict[str, FieldValue] | None:
    """What has to change for rules to match; None where that contradicts itself."""
    way: dict[str, FieldValue] = {}
    if not all(_meet(aim.when, fields, way) for aim in aims):
        return None
    for aim in aims:
        for other in aim.before:
            if other.holds({**fields, **way}):
                _avoid(other, aim.when, way, values)
    return way


def _meet(when: Condition, fields: Fields, way: dict[str, FieldValue]) -> bool:
    """Add to a way what a condition needs; False where it needs another value than it has."""
    for name, wanted in when.fields.items():
        if not has_one_of({**fields, **way}.get(name), wanted):
            if name in way:
                return False
            way[name] = wanted[0]
    needs_some = [name for name in when.filled if not {**fields, **way}.get(name)]
    needs_none = [name for name in when.empty if {**fields, **way}.get(name)]
    way.update(dict.fromkeys(needs_some, "filled in"))
    way.update(dict.fromkeys(needs_none))
    return True


def _avoid(
    other: Condition,
    when: Condition,
    way: dict[str, FieldValue],
    values: Mapping[str, Sequence[str]],
) -> None:
    """Give a field of a rule that matches first another value, or none, as far as one is free."""
    for name, matching in other.fields.items():
        if name in when.names or name in way or name == "project":
            continue
        folded = {each.casefold() for each in matching}
        free = [each for each in values.get(name, ()) if each.casefold() not in folded]
        if free or name != "issuetype":
            way[name] = free[0] if free else None
            return


def _same(one: FieldValue, other: FieldValue) -> bool:
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return one == other


# --- the answer -----------------------------------------------------------------------------------


def _coverage(coverage: Coverage) -> CoverageAnswer:
    contract = coverage.contract
    return CoverageAnswer(
        coverage.covered, contract.id if contract else None, coverage.severity, coverage.tier,
        coverage.reason,
    )  # fmt: skip


def _differences(now: Decision, then: Decision) -> Iterator[Difference]:
    before, after = by_metric(now.cycles), by_metric(then.cycles)
    for metric in dict.fromkeys([*before, *after]):
        old = before[metric][-1] if metric in before else None
        new = after[metric][-1] if metric in after else None
        words = _words(old, new, then.coverage)
        title = (new or old).words if (new or old) else metric  # type: ignore[union-attr]
        yield Difference(metric, title, _stand(old), _stand(new), bool(words), words or "unchanged")


def _stand(cycle: Cycle | None) -> Stand | None:
    if cycle is None:
        return None
    zone = cycle.promise.goal.calendar.time_zone
    return Stand(cycle.number, cycle.state, cycle.due_at, zone)


def _words(old: Cycle | None, new: Cycle | None, then: Coverage) -> str:
    """How a metric would stand otherwise; empty where it would not."""
    if new is None:
        return f"would not be promised: {then.why_not(old.metric) if old else then.reason}"
    if old is None:
        return "would be promised, and is not now"
    parts = []
    if new.number != old.number:
        parts.append(f"cycle {new.number} instead of {old.number}")
    if new.state != old.state:
        parts.append(f"{new.state} instead of {old.state}")
    if new.ending and not old.ending:
        parts.append(f"over: {new.ending.reason}")
    elif old.ending and not new.ending and new.number == old.number:
        parts.append("not over")
    if old.due_at and new.due_at and old.due_at != new.due_at:
        later = new.due_at > old.due_at
        parts.append(
            f"due {whole_minutes(abs(new.due_at - old.due_at))} {'later' if later else 'earlier'}"
        )
    elif bool(old.due_at) != bool(new.due_at):
        parts.append("a due instant" if new.due_at else "no due instant")
    if new.promise.goal.target != old.promise.goal.target:
        goals = f"{new.promise.goal.target.words} instead of {old.promise.goal.target.words}"
        parts.append(f"goal {goals}")
    return "; ".join(parts)
