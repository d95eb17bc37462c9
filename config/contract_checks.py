"""What no single value of a contract or calendar shows: names that lead nowhere, contradictions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import get_args

from config import calendars, lengths
from config.calendar_schema import CalendarDocument
from config.contract_schema import METRICS, ContractDocument, GoalDocument, ScopeDocument
from config.errors import nearest
from config.library import Entry, Library
from config.model import Model, ParameterReference, Times
from config.positions import Document, Place
from sla.contract import CLOCKS, Reading
from sla.opening import Opening, WallTime, nominal_length, shift

_LISTED = (
    "clauses", "choices", "coverage", "duties", "contacts", "notices", "escalations",
)  # fmt: skip
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
    for name in _LISTED:
        _check_once(document, (name,), [each.id for each in getattr(model, name)])
    _check_metrics(model, document)
    for place, goal in goals_of(model):
        _check_goal(goal, place, model, document, library)
        _check_goal_calendar(goal, place, model, document, library)
    _check_told_apart(model, document)
    for place, scope in _scopes(model):
        _check_scope(scope, place, model, document)
    _check_names(model, document, library)
    _check_clauses(model, document, library)


def _check_metrics(model: ContractDocument, document: Document) -> None:
    for name, metric in model.metrics.items():
        lacking = [key for key in ("start", "stop") if getattr(metric, key) is None]
        if name not in METRICS and lacking:
            message = (
                f"is no metric that Dueline knows by name, so it needs `{lacking[0]}`; "
                f"{nearest(name, METRICS)}"
            )
            document.complain(("metrics", name), message, at_key=True)
        standard = CLOCKS.get(name)
        repeats = bool(standard and standard.repeats) if metric.repeats is None else metric.repeats
        if metric.grid == "fixed" and not repeats:
            message = "is fixed, which only what repeats can be; add `repeats: true`, or leave it"
            document.complain(("metrics", name, "grid"), message)
        for index, act in enumerate(metric.stop or []):
            if act == "reported":
                message = "is reported, which comes before everything; name what stops the clock"
                document.complain(("metrics", name, "stop", index), message)


def _check_names(model: ContractDocument, document: Document, library: Library) -> None:
    """Metrics, parameters and calendars that the rest of the contract names."""
    for place, names in _metrics_named(model):
        for name in names:
            if name not in model.metrics:
                advice = nearest(name, model.metrics)
                document.complain(place, f"is `{name}`, which `metrics` does not have; {advice}")
    for place, parameter, kind in _other_references(model):
        if isinstance(parameter, ParameterReference):
            _check_reference(parameter, kind, place, model, document)
    for place, calendar in _other_calendars(model):
        if library.calendars.get(calendar) is None:
            advice = nearest(calendar, library.calendars.ids())
            document.complain(place, f"is `{calendar}`, and no calendar has that name; {advice}")


def _check_clauses(model: ContractDocument, document: Document, library: Library) -> None:
    clauses = [clause.id for clause in model.clauses]
    cited = list(_cited(model))
    for place, clause in cited:
        if clause not in clauses:
            document.complain(
                place, f"is `{clause}`, which `clauses` does not list; {nearest(clause, clauses)}"
            )
    carried = {clause for place, clause in cited if place[0] not in ("choices", "parameters")}
    # By now every calendar that the contract names was read.
    carried |= {each.model.clause or "" for each in library.calendars.read() if each.model}
    for index, each in enumerate(model.clauses):
        if "rule" in each.became and each.by is None and each.id not in carried:
            document.complain(
                ("clauses", index, "became"),
                "is a rule that nothing above cites; cite it where it is carried out, or say in "
                "`by` what carries it out",
            )


def _scopes(model: ContractDocument) -> Iterator[tuple[Place, ScopeDocument]]:
    yield from goals_of(model)
    for name in ("duties", "contacts", "notices", "escalations"):
        for index, each in enumerate(getattr(model, name)):
            yield (name, index), each


def _check_scope(
    scope: ScopeDocument, place: Place, model: ContractDocument, document: Document
) -> None:
    for key, known in (("severity", model.severities), ("kind", model.kinds)):
        for name in getattr(scope, key) or []:
            if name not in known:
                plural = "severities" if key == "severity" else "kinds"
                document.complain(
                    (*place, key),
                    f"is `{name}`, which `{plural}` does not define; {nearest(name, known)}",
                )


def _metrics_named(model: ContractDocument) -> Iterator[tuple[Place, list[str]]]:
    for index, duty in enumerate(model.duties):
        yield ("duties", index, "metrics"), duty.metrics
    for index, limit in enumerate(model.coverage):
        yield ("coverage", index, "metrics"), limit.metrics
    if model.required_information:
        yield ("required_information", "pauses"), model.required_information.pauses


def _other_references(model: ContractDocument) -> Iterator[tuple[Place, object, str]]:
    for index, duty in enumerate(model.duties):
        yield ("duties", index, "phone"), duty.phone, "text"
    if model.availability and model.availability.credit:
        yield ("availability", "credit", "fee"), model.availability.credit.fee, "money"


def _other_calendars(model: ContractDocument) -> Iterator[tuple[Place, str]]:
    for index, contact in enumerate(model.contacts):
        if contact.hours:
            yield ("contacts", index, "hours"), contact.hours
    availability = model.availability
    if availability:
        yield ("availability", "calendar"), availability.calendar
        if availability.maintenance:
            yield ("availability", "maintenance", "windows"), availability.maintenance.windows


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
    """Every clause that some part of the contract names, wherever it stands."""
    exclude = {"clauses", "source", "severities"}
    for name in type(model).model_fields.keys() - exclude:
        yield from _cited_in(getattr(model, name), (name,))


def _cited_in(value: object, place: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(value, Model):
        for name in type(value).model_fields:
            inner = getattr(value, name)
            if name == "clause" and isinstance(inner, str):
                yield (*place, name), inner
            else:
                yield from _cited_in(inner, (*place, name))
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _cited_in(inner, (*place, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _cited_in(inner, (*place, index))


def _check_goal(
    goal: GoalDocument, place: Place, model: ContractDocument, document: Document, library: Library
) -> None:
    if isinstance(goal.target, ParameterReference):
        _check_reference(goal.target, "target", (*place, "target"), model, document)
        return
    choice = next((each for each in model.choices if each.id == BUSINESS_DAY), None)
    here = library.contracts.chosen.get(model.contract, {})
    chosen = here.get(BUSINESS_DAY, choice.chosen) if choice else None
    reading = goal.reading or "open_hours"
    named = chosen in get_args(Reading) and lengths.business_days(goal.target)
    if named and reading != chosen:
        document.complain(
            (*place, "reading"),
            f"is {reading}, and the choice `{BUSINESS_DAY}` is {chosen}; make them agree",
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
        for mine, theirs in (
            (one.severity, other.severity),
            (one.tier, other.tier),
            (one.kind, other.kind),
        )
    )


def _overlap(times: list[Times], zone: str) -> bool:
    shifts = [shift(Opening(WallTime.parse(a), WallTime.parse(b)), zone) for a, b in times]
    return nominal_length(shifts) < sum(nominal_length([each]) for each in shifts)
