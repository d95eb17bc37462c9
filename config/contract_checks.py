"""What no single value of a contract or calendar shows: names that lead nowhere, contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from config import calendars, lengths
from config.errors import nearest
from config.library import Entry, Library
from config.positions import Document, Place
from config.schema import (
    METRICS,
    CalendarDocument,
    ContractDocument,
    GoalDocument,
    ParameterReference,
    Times,
)
from sla.opening import Opening, WallTime, nominal_length, shift

BUSINESS_DAY = "business-day"
"""The choice that speaks of the reading of business days."""


def check_contract(entry: Entry[ContractDocument], library: Library) -> None:
    """Let a contract's document complain about what does not fit together."""
    model, document = entry.model, entry.document
    if model is None:
        return
    if model.contract != entry.id:
        document.complain(
            ("contract",),
            f"is `{model.contract}` in a file named {entry.path.name}; make them agree",
        )
    for name in ("clauses", "choices"):
        _check_once(document, (name,), [each.id for each in getattr(model, name)])
    clauses = [clause.id for clause in model.clauses]
    for place, clause in _cited(model):
        if clause not in clauses:
            document.complain(
                place, f"is `{clause}`, which `clauses` does not list; {nearest(clause, clauses)}"
            )
    for name in model.metrics:
        if name not in METRICS:
            message = f"is no metric that Dueline measures; {nearest(name, METRICS)}"
            document.complain(("metrics", name), message, at_key=True)
    for place, goal in goals_of(model):
        _check_goal(goal, place, model, document)
        _check_goal_calendar(goal, place, model, document, library)
    _check_told_apart(model, document)


def goals_of(model: ContractDocument) -> Iterator[tuple[Place, GoalDocument]]:
    """Every goal with its place."""
    for name, metric in model.metrics.items():
        for index, goal in enumerate(metric.goals):
            yield ("metrics", name, "goals", index), goal


def check_calendar(entry: Entry[CalendarDocument]) -> None:
    """Let a calendar's document complain about hours that make no sense together."""
    model, document = entry.model, entry.document
    if model is None:
        return
    if model.always_open and (model.weekly or model.extra_days):
        document.complain(("always_open",), "is true beside named hours; keep one of the two")
    if not (model.always_open or any(model.weekly.values()) or any(model.extra_days.values())):
        document.complain((), "never opens; give `weekly` hours, or `always_open: true`")
    for name in ("weekly", "extra_days"):
        for day, times in getattr(model, name).items():
            if _overlap(times, model.time_zone):
                document.complain(
                    (name, day), "has openings that overlap; let each end before the next"
                )


def _check_once(document: Document, place: Place, ids: Iterable[str]) -> None:
    seen: set[str] = set()
    for index, each in enumerate(ids):
        if each in seen:
            document.complain(
                (*place, index, "id"), f"is `{each}` for the second time; name it otherwise"
            )
        seen.add(each)


def _cited(model: ContractDocument) -> Iterator[tuple[Place, str]]:
    for name, parameter in model.parameters.items():
        yield ("parameters", name, "clause"), parameter.clause
    for name, metric in model.metrics.items():
        yield ("metrics", name, "clause"), metric.clause
    for place, goal in goals_of(model):
        yield (*place, "clause"), goal.clause


def _check_goal(
    goal: GoalDocument, place: Place, model: ContractDocument, document: Document
) -> None:
    for severity in goal.severity or []:
        if severity not in model.severities:
            advice = nearest(severity, model.severities)
            document.complain(
                (*place, "severity"),
                f"is `{severity}`, which `severities` does not define; {advice}",
            )
    if isinstance(goal.target, ParameterReference):
        _check_reference(goal.target, "target", (*place, "target"), model, document)
        return
    choice = next((each for each in model.choices if each.id == BUSINESS_DAY), None)
    reading = goal.reading or "open_hours"
    if choice and lengths.business_days(goal.target) and reading != choice.chosen:
        document.complain(
            (*place, "reading"),
            f"is {reading}, and the choice `{BUSINESS_DAY}` is {choice.chosen}; make them agree",
        )


def _check_goal_calendar(
    goal: GoalDocument, place: Place, model: ContractDocument, document: Document, library: Library
) -> None:
    here = (*place, "calendar")
    if isinstance(goal.calendar, ParameterReference):
        _check_reference(goal.calendar, "calendar", here, model, document)
        return
    calendar = library.calendars.get(goal.calendar)
    if calendar is None:
        advice = nearest(goal.calendar, library.calendars.ids())
        document.complain(here, f"is `{goal.calendar}`, and no calendar has that name; {advice}")
    elif calendar.model:
        for name in calendars.parameters_of(calendar.model):
            if name not in model.parameters or model.parameters[name].kind != "holidays":
                document.complain(
                    here,
                    f"is {goal.calendar}, whose holidays are the parameter `{name}`; "
                    f"declare it under `parameters` with the kind holidays",
                )


def _check_reference(
    reference: ParameterReference,
    kind: str,
    place: Place,
    model: ContractDocument,
    document: Document,
) -> None:
    name = reference.parameter
    parameter = model.parameters.get(name)
    if parameter is None:
        advice = nearest(name, model.parameters)
        document.complain(
            place, f"is the parameter `{name}`, which `parameters` does not declare; {advice}"
        )
    elif parameter.kind != kind:
        document.complain(
            place, f"is the parameter `{name}`, of the kind {parameter.kind}; it must be a {kind}"
        )


def _check_told_apart(model: ContractDocument, document: Document) -> None:
    """A goal of whose severities and tiers an earlier goal speaks too would never matter."""
    for name, metric in model.metrics.items():
        for index, goal in enumerate(metric.goals):
            earlier = metric.goals[:index]
            number = next((n for n, one in enumerate(earlier, 1) if _speaks_for(one, goal)), None)
            if number:
                document.complain(
                    ("metrics", name, "goals", index),
                    f"never matters, since goal {number} speaks of the same; take one of them out",
                )


def _speaks_for(one: GoalDocument, other: GoalDocument) -> bool:
    return all(
        mine is None or (theirs is not None and set(theirs) <= set(mine))
        for mine, theirs in ((one.severity, other.severity), (one.tier, other.tier))
    )


def _overlap(times: list[Times], zone: str) -> bool:
    shifts = [shift(Opening(WallTime.parse(a), WallTime.parse(b)), zone) for a, b in times]
    return nominal_length(shifts) < sum(nominal_length([each]) for each in shifts)
