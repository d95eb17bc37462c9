"""An issue for programs: how its promises stand, why, and what would change them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from werkzeug.exceptions import BadRequest, Conflict, NotFound

from sla.cycle import Cycle
from sla.explain import Fact, PromiseTold, StepTold, explanation_of
from webhooks.console.api.described import Part
from webhooks.console.questions.issue import (
    SlaAnswer,
    Subject,
    by_metric,
    found,
    sla_of,
    subject,
    unknown,
)
from webhooks.console.questions.what_if import Question, WhatIfAnswer, choices_of, suppose
from webhooks.console.standing import here
from webhooks.questions import QuestionError

blueprint = Part("issue", __name__)

_UNKNOWN = {404: "Nothing was ever heard of this issue; the message says what to check."}
_NOT_YET = {409: "The issue cannot be judged yet; the message says why."}
_STEPS = timedelta(days=60)
_LATEST = 3


class Reason(msgspec.Struct):
    """One thing that is so."""

    name: str
    text: str


class StepAnswer(msgspec.Struct):
    """One span of the way to a due instant."""

    kind: str
    """`open`, `closed`, `holiday`, `paused`, `moved`, or `not shown` for what is too long."""
    from_at: datetime
    to_at: datetime
    used_seconds: float
    left_seconds: float
    words: str


class PromiseAnswer(msgspec.Struct):
    """How one promise came to its due instant."""

    heading: str
    reasons: list[Reason]
    steps: list[StepAnswer]
    due: str | None
    """In the calendar's zone and in UTC; null while nobody can know."""


class ExplainedCycle(msgspec.Struct):
    """One run of a metric."""

    metric: str
    number: int
    promises: list[PromiseAnswer]
    reasons: list[Reason]


class ExplanationAnswer(msgspec.Struct):
    """The reasoning behind every instant."""

    key: str
    judged_at: datetime
    policy_version: str
    reasons: list[Reason]
    cycles: list[ExplainedCycle]


class WhichCycles(msgspec.Struct):
    """Which cycles are explained: those of a metric, or one of them; else the latest three."""

    metric: str = ""
    number: int = 0


@blueprint.answers(
    "GET", "/issues/<key>/sla", summary="How an issue's promises stand",
    answer=SlaAnswer, refusals=_UNKNOWN,
)  # fmt: skip
def sla(key: str) -> SlaAnswer:
    """Contract, severity, tier and customer of an issue, and every cycle of every metric.

    For an automation rule in Jira or for a bot. The key may be one that the issue had before it was
    moved, or Jira's id. Instants are ISO 8601 in UTC, lengths are seconds of the calendar's open
    time. Nothing is concluded, and `problem` says why, while facts are missing.
    """
    return sla_of(_asked(key))


@blueprint.answers(
    "GET", "/issues/<key>/explanation", summary="Why an issue's instants are what they are",
    query=WhichCycles, answer=ExplanationAnswer, refusals={**_UNKNOWN, **_NOT_YET},
)  # fmt: skip
def explanation(key: str, query: WhichCycles) -> ExplanationAnswer:
    """Clause by clause and step by step, as `dueline explain` tells it.

    Of a way to a due instant that is longer than 60 days only the beginning has its steps.
    """
    asked = _asked(key)
    if asked.folded is None or asked.row.incomplete:
        raise Conflict(asked.problem)
    told = explanation_of(
        asked.folded.decision, _which(asked.folded.decision.cycles, query), _STEPS
    )
    return ExplanationAnswer(
        asked.row.key or "",
        asked.now,
        asked.folded.version,
        _reasons(told.facts),
        [
            ExplainedCycle(
                cycle.metric,
                cycle.number,
                [_promise(each) for each in cycle.promises],
                _reasons(cycle.facts),
            )
            for cycle in told.cycles
        ],
    )


@blueprint.answers(
    "POST", "/issues/<key>/what-if", summary="How they would stand otherwise",
    body=Question, answer=WhatIfAnswer, refusals={**_UNKNOWN, **_NOT_YET},
)  # fmt: skip
def what_if(key: str, body: Question) -> WhatIfAnswer:
    """The same issue with another status, priority, severity, tier, or at another instant.

    Nothing is saved and nothing is written to Jira. For an instant that lies ahead: if nobody does
    anything until then.
    """
    asked = _asked(key)
    if asked.folded is None or asked.row.incomplete:
        raise Conflict(asked.problem)
    choices = choices_of(asked.folded, here(), asked.now, asked.zone)
    try:
        return suppose(asked.folded, body, choices, asked.now).answer
    except QuestionError as error:
        raise BadRequest(str(error)) from None


def _asked(key: str) -> Subject:
    row = found(here(), key)
    if row is None:
        raise NotFound(unknown(here(), key))
    return subject(here(), row)


def _which(cycles: Sequence[Cycle], query: WhichCycles) -> list[Cycle]:
    if not query.metric:
        return [each for its in by_metric(cycles).values() for each in its[-_LATEST:]]
    its = by_metric(cycles).get(query.metric, [])
    chosen = [each for each in its if query.number in (0, each.number)]
    if not chosen:
        there = ", ".join(by_metric(cycles)) or "none"
        raise BadRequest(f"metric: no such cycle; the issue has cycles of: {there}")
    return chosen if query.number else chosen[-_LATEST:]


def _reasons(facts: Sequence[Fact]) -> list[Reason]:
    return [Reason(fact.name, fact.text) for fact in facts]


def _promise(promise: PromiseTold) -> PromiseAnswer:
    return PromiseAnswer(
        promise.heading,
        _reasons(promise.facts),
        [_step(step) for step in promise.steps],
        promise.due.text if promise.due else None,
    )


def _step(step: StepTold) -> StepAnswer:
    return StepAnswer(
        step.kind, step.from_at, step.to_at, step.used.total_seconds(), step.left.total_seconds(),
        step.words,
    )  # fmt: skip
