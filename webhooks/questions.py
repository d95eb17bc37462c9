"""Deadlines asked for without an issue: the same decision, over the history of one creation."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from config.errors import nearest
from sla.decide import Decision, Ledger, decide
from sla.errors import SlaError
from sla.explain import explain
from sla.mapping import Policy
from sla.timeline import Created, FieldValue, Seen, Timeline
from sla.words import utc

_EXAMPLE = "2024-07-10T19:00:00-04:00"


class QuestionError(ValueError):
    """A question cannot be answered as asked; the message names the member and what is right."""


class Question(msgspec.Struct, frozen=True):
    """An issue as it would be: made at an instant, with these values."""

    project: str
    fields: Mapping[str, FieldValue]
    created_at: datetime

    @classmethod
    def read(cls, members: Mapping[str, Any]) -> Question:
        """From `project, type, priority, created, fields`.

        Raises:
            QuestionError: a member is missing, unknown, or not what it should be.
        """
        refuse_unknown(members, ("project", "type", "priority", "created", "fields"))
        project = _text(members, "project")
        extra = members.get("fields", {})
        if not isinstance(extra, dict):
            raise QuestionError("fields: expected an object of names and values")
        fields: dict[str, FieldValue] = {name: _value(name, v) for name, v in extra.items()}
        fields |= {
            "project": project,
            "issuetype": _text(members, "type", optional=True),
            "priority": _text(members, "priority", optional=True),
        }
        return cls(project, fields, instant("created", members.get("created")))

    def answer(self, policy: Policy) -> Answer:
        """Decide for such an issue at the moment of its creation.

        Raises:
            SlaError: no calendar reaches so far.
        """
        fields = {policy.spelling(name): value for name, value in self.fields.items()}
        timeline = Timeline.of(
            [Created(self.created_at), Seen(self.created_at, fields, "question")]
        )
        return Answer(decide(timeline, policy, Ledger(), self.created_at))


class Answer(msgspec.Struct, frozen=True):
    """What was decided for a question."""

    decision: Decision

    def as_json(self) -> str:
        """One line of JSON; instants in UTC with `Z`."""
        coverage = self.decision.coverage
        answer: dict[str, Any] = {
            "project": coverage.project,
            "contract": coverage.contract.id if coverage.contract and self._has_one else None,
            "tier": coverage.tier if self._has_one else None,
            "severity": coverage.severity,
            "covered": coverage.covered,
            "reason": coverage.reason,
            "metrics": [
                {
                    "metric": cycle.metric,
                    "target": cycle.promise.goal.target.text,
                    "calendar": cycle.promise.goal.calendar.id,
                    # While the clock rests nobody can know.
                    "due_at": None if cycle.state == "paused" else utc(cycle.promise.due_at),
                }
                for cycle in self.decision.cycles
            ],
        }
        refused = [
            {"metric": metric.name, "missing": list(refusal.missing)}
            for metric in coverage.metrics
            if (refusal := coverage.refusal(metric.name))
        ]
        return json.dumps({**answer, "refused": refused} if refused else answer)

    @property
    def _has_one(self) -> bool:
        """Whether the contract is the issue's own, or the one that leaves it out by name."""
        return self.decision.coverage.covered or self.decision.coverage.limit is not None


def as_text(answer: Answer) -> str:
    """The answer for people, with the steps that led to each instant."""
    return "\n".join(explain(answer.decision))


def unmapped(answer: Answer, policy: Policy) -> str:
    """Which projects are in the mapping, where the one that was asked for is not; else nothing."""
    project = answer.decision.coverage.project
    if project in policy.projects:
        return ""
    return f"The mapping has no {project}: {nearest(project, policy.projects)}"


def answer_lines(policy: Policy, lines: Iterable[str]) -> Iterator[str]:
    """Answer JSON lines with JSON lines, in order; `{"error": ...}` for one that cannot be."""
    for line in lines:
        if not line.strip():
            continue
        try:
            yield Question.read(parse_object(line)).answer(policy).as_json()
        except (QuestionError, SlaError) as error:
            yield json.dumps({"error": str(error)})


def parse_object(line: str) -> dict[str, Any]:
    """A question as a line of JSON.

    Raises:
        QuestionError: it is not JSON, or not an object.
    """
    try:
        members = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise QuestionError(f"not JSON: {error}") from None
    if not isinstance(members, dict):
        raise QuestionError("a question is a JSON object")
    return members


def refuse_unknown(members: Mapping[str, Any], known: Sequence[str]) -> None:
    """Refuse a question with a member that would be passed over, such as a misspelt one.

    Raises:
        QuestionError: naming it and those that there are.
    """
    unknown = members.keys() - set(known)
    if unknown:
        raise QuestionError(f"{min(unknown)}: no such member; there are {', '.join(known)}")


def instant(name: str, value: Any) -> datetime:
    """An aware instant from ISO 8601 text.

    Raises:
        QuestionError: it is missing, is not one, or has no offset.
    """
    if value is None:
        raise QuestionError(f"{name}: is missing; expected an instant such as {_EXAMPLE}")
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise QuestionError(
            f"{name}: {value!r} is not an instant; expected ISO 8601 with an offset, such as "
            f"{_EXAMPLE}"
        )
    return at


def _text(members: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = members.get(name)
    if value is None and optional:
        return ""
    if value is None:
        raise QuestionError(f"{name}: is missing; expected text")
    if not isinstance(value, str) or (not value and not optional):
        raise QuestionError(f"{name}: expected text, not {value!r}")
    return value


def _value(name: str, value: Any) -> FieldValue:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, dict) and isinstance(found := value.get("value", value.get("name")), str):
        # As Jira itself writes an option or a priority.
        return found
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise QuestionError(f"fields.{name}: expected text, a number, an option, or a list of texts")
