"""Builds a contract from its plain values, as a published configuration holds them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from config import lengths
from sla.availability import Availability, Basis, Credit, DowntimeFields, Maintenance, Term
from sla.calendar import Calendar
from sla.condition import Condition
from sla.contract import (
    CLOCKS,
    Acknowledgement,
    Act,
    ActKind,
    Audience,
    BusinessDays,
    Checklist,
    Choice,
    Clause,
    Clock,
    Contact,
    Contract,
    Duty,
    Goal,
    Item,
    Limit,
    Metric,
    Notice,
    OpenTime,
    Refusal,
    Request,
    Scope,
    Step,
    Target,
)
from sla.timeline import SYSTEM_FIELDS

Plain = Mapping[str, Any]
Calendars = Mapping[str, Calendar]
Roles = Mapping[str, Audience]

NAMED_ACTS: Mapping[str, ActKind] = MappingProxyType({
    "reported": "reported",
    "first_response": "first response",
    "response": "response",
    "customer_comment": "customer comment",
    "customer_reply": "customer reply",
    "resolved": "resolved",
    "reopened": "reopened",
})  # fmt: skip
_CONDITIONS = {"type": "issuetype", "priority": "priority", "status": "status"}
_ALSO_CALLED = {"type": "issuetype", "issue type": "issuetype"}


def contract(
    id_: str, plain: Plain, built: Calendars, roles: Roles, customer: str | None = None
) -> Contract:
    """The contract, from the values that `load` froze.

    Args:
        id_: its name.
        plain: as `contracts/ID.yaml`, with parameters filled in and choices settled.
        built: the calendars by the keys that goals name.
        roles: who is meant by the roles that it names.
        customer: whose order form is filled in.
    """
    return Contract(
        id=id_,
        title=plain["title"],
        metrics=tuple(_metric(name, each, built) for name, each in plain["metrics"].items()),
        severities={name: text or "" for name, text in plain["severities"].items()},
        clauses=tuple(
            Clause(it["id"], it["gist"], tuple(it["became"]), it.get("by", ""))
            for it in plain["clauses"]
        ),
        choices=tuple(_choice(each) for each in plain["choices"]),
        source=_source(plain["source"]),
        customer=customer,
        limits=tuple(_limit(each) for each in plain["coverage"]),
        duties=tuple(_duty(each) for each in plain["duties"]),
        acknowledgement=_acknowledgement(plain.get("acknowledgement")),
        contacts=tuple(_contact(each, built) for each in plain["contacts"]),
        checklist=_checklist(plain.get("required_information")),
        notices=tuple(_notice(each, roles) for each in plain["notices"]),
        requests=tuple(_request(each, roles) for each in plain["escalations"]),
        availability=_availability(plain.get("availability"), built),
        field_names=frozenset(_field_names(plain)),
    )


def condition(rule: Plain | None) -> Condition:
    """A rule's condition, with Jira's own names of the fields."""
    if rule is None:
        return Condition()
    own = {name: tuple(rule[key]) for key, name in _CONDITIONS.items() if rule.get(key)}
    others = {field_name(name): tuple(wanted) for name, wanted in rule.get("fields", {}).items()}
    return Condition(own | others, _named(rule, "filled"), _named(rule, "empty"))


def upgraded(plain: dict[str, Any]) -> dict[str, Any]:
    """A configuration of the first format as the present one has it: what was unknown is absent."""
    for each in plain["contracts"].values():
        for name in ("coverage", "duties", "contacts", "notices", "escalations"):
            each.setdefault(name, [])
        for metric in each["metrics"].values():
            metric.update(pause=[], until=[], grid="rolling")
        for clause in each["clauses"]:
            clause["became"] = [clause["became"]]
    return {"order_forms": {}, "roles": {}, **plain}


def downtime_fields(plain: Plain) -> DowntimeFields | None:
    """Which issues are entries of the downtime ledger of a contract; None where none are."""
    found = (plain.get("availability") or {}).get("downtime")
    if found is None:
        return None
    return DowntimeFields(
        found["type"],
        found["confirmed_at"],
        found["restored_at"],
        found["kind"],
        found["customers"],
    )


def field_name(name: str) -> str:
    """A field by the name under which Jira's own are known, however people write them."""
    folded = _ALSO_CALLED.get(name.casefold(), name.casefold())
    return folded if folded in SYSTEM_FIELDS else name


def _named(rule: Plain, key: str) -> tuple[str, ...]:
    return tuple(field_name(name) for name in rule.get(key, ()))


# --- metrics --------------------------------------------------------------------------------------


def _metric(name: str, plain: Plain, built: Calendars) -> Metric:
    return Metric(
        name=name,
        goals=tuple(_goal(goal, built) for goal in plain["goals"]),
        clause=plain["clause"],
        clock=_clock(name, plain),
        title=plain.get("title", ""),
    )


def _goal(plain: Plain, built: Calendars) -> Goal | Refusal:
    if plain.get("missing"):
        return Refusal(tuple(plain["missing"]), scope(plain), plain["clause"])
    return Goal(
        target=_target(plain),
        calendar=built[plain["calendar"]],
        scope=scope(plain),
        binding=plain["binding"],
        clause=plain["clause"],
    )


def _target(plain: Plain) -> Target:
    amount = lengths.target(plain["target"])
    if isinstance(amount, int):
        return BusinessDays(amount, plain.get("reading", "open_hours"))
    return OpenTime(amount, plain["target"])


def scope(plain: Plain) -> Scope:
    """Which issues something speaks of."""
    return Scope(*(tuple(plain.get(key, ())) for key in ("severity", "tier", "kind")))


def _clock(name: str, plain: Plain) -> Clock:
    standard = CLOCKS.get(name)
    pauses = [condition(each) for each in plain["pause"]]
    if plain["pause_statuses"]:
        pauses.append(Condition({"status": tuple(plain["pause_statuses"])}))
    starts = tuple(_act(each) for each in plain.get("start", ()))
    stops = tuple(tuple(_together(each)) for each in plain.get("stop", ()))
    repeats = plain.get("repeats")
    return Clock(
        starts=starts or (standard.starts if standard else ()),
        stops=stops or (standard.stops if standard else ()),
        pauses=tuple(pauses),
        until=tuple(condition(each) for each in plain["until"]),
        repeats=bool(standard and standard.repeats) if repeats is None else repeats,
        grid=plain["grid"] == "fixed",
    )


def _together(plain: Plain | str) -> Iterator[Act]:
    if isinstance(plain, str) or "all" not in plain:
        yield _act(plain)
    else:
        yield from (_act(each) for each in plain["all"])


def _act(plain: Plain | str) -> Act:
    if isinstance(plain, str):
        return Act(NAMED_ACTS[plain])
    for name in ("response", "customer_comment", "customer_reply"):
        if plain.get(name):
            reply = plain[name]
            marked = reply.get("marked")
            return Act(
                NAMED_ACTS[name],
                phrases=tuple(reply["phrases"]),
                question=reply["question"],
                marks=(condition(marked),) if marked else (),
            )
    if plain.get("changed"):
        return Act("changed", names=_named(plain, "changed"), to=tuple(plain.get("to", ())))
    return Act("fields", when=condition(plain))


# --- beside the clocks ----------------------------------------------------------------------------


def _limit(plain: Plain) -> Limit:
    excludes, requires = plain.get("excludes"), plain.get("requires")
    return Limit(
        id=plain["id"],
        clause=plain["clause"],
        text=plain["text"],
        excludes=condition(excludes) if excludes else None,
        requires=condition(requires) if requires else None,
        metrics=tuple(plain["metrics"]),
    )


def _duty(plain: Plain) -> Duty:
    phone = plain.get("phone")
    text = plain["text"]
    return Duty(
        id=plain["id"],
        who=plain["who"],
        clause=plain["clause"],
        text=f"{text} Telephone: {phone}." if phone else text,
        scope=scope(plain),
        done=tuple(_act(each) for each in plain["done"]),
        effect=plain["effect"],
        metrics=tuple(plain["metrics"]),
    )


def _item(plain: Plain) -> Item:
    return Item(
        plain["id"],
        plain["text"],
        _named(plain, "fields"),
        tuple(plain["phrases"]),
    )


def _checklist(plain: Plain | None) -> Checklist | None:
    if plain is None:
        return None
    items = tuple(_item(each) for each in plain["items"])
    return Checklist(plain["clause"], items, tuple(plain["pauses"]), plain.get("wording"))


def _acknowledgement(plain: Plain | None) -> Acknowledgement | None:
    return Acknowledgement(plain["clause"], plain.get("wording")) if plain else None


def _contact(plain: Plain, built: Calendars) -> Contact:
    hours = built[plain["hours"]] if "hours" in plain else None
    return Contact(plain["id"], plain["clause"], plain["text"], scope(plain), hours)


def _notice(plain: Plain, roles: Roles) -> Notice:
    return Notice(
        id=plain["id"],
        clause=plain["clause"],
        on=tuple(_act(each) for each in plain["on"]),
        text=plain["text"],
        public=plain["public"],
        each=plain["each"],
        scope=scope(plain),
        audience=_everybody([roles.get(role, Audience()) for role in plain["roles"]]),
        wording=plain.get("wording"),
    )


def _request(plain: Plain, roles: Roles) -> Request:
    issue = plain.get("issue")
    return Request(
        id=plain["id"],
        clause=plain["clause"],
        steps=tuple(
            Step(each["level"], each["name"], roles.get(each["role"], Audience()))
            for each in plain["levels"]
        ),
        on=tuple(_act(each) for each in plain.get("on", ())),
        by_issue=condition(issue) if issue else None,
        scope=scope(plain),
        requires=tuple(_item(each) for each in issue["needs"]) if issue else (),
        wants=tuple(_item(each) for each in issue["wants"]) if issue else (),
        condition=condition(issue.get("either")) if issue else Condition(),
        assign=plain["assign"],
        wording=plain.get("wording"),
    )


def _everybody(audiences: Sequence[Audience]) -> Audience:
    return Audience(
        any(each.assignee for each in audiences),
        tuple(user for each in audiences for user in each.users),
        tuple(group for each in audiences for group in each.groups),
    )


# --- availability ---------------------------------------------------------------------------------


def _availability(plain: Plain | None, built: Calendars) -> Availability | None:
    if plain is None:
        return None
    basis: Basis = plain["basis"]
    commitment, maintenance, credit = (
        plain.get(key) for key in ("commitment", "maintenance", "credit")
    )
    return Availability(
        clause=plain["clause"],
        calendar=built[plain["calendar"]],
        commitment=lengths.percentage(commitment) if commitment else None,
        basis=basis,
        excluded=plain["excluded"],
        maintenance=_maintenance(maintenance, built) if maintenance else None,
        credit=_credit(credit) if credit else None,
    )


def _maintenance(plain: Plain, built: Calendars) -> Maintenance:
    windows = built[plain["windows"]]
    return Maintenance(plain["clause"], windows, plain["binding"], plain["kind"])


def _credit(plain: Plain) -> Credit:
    return Credit(
        clause=plain["clause"],
        multiple=Decimal(plain["multiple"]),
        cap=lengths.percentage(plain["cap"]) if "cap" in plain else None,
        conditions=tuple(_term(each) for each in plain["conditions"]),
        statements=tuple(_term(each) for each in plain["statements"]),
    )


def _term(plain: Plain) -> Term:
    return Term(plain["id"], plain["text"], plain["clause"], plain["settled_by"])


# --- what became of the text ----------------------------------------------------------------------


def _choice(plain: Plain) -> Choice:
    decided = plain.get("decided") or {}
    return Choice(
        id=plain["id"],
        question=plain["question"],
        chosen=plain.get("chosen"),
        readings=plain["readings"],
        example=plain["example"],
        clause=plain.get("clause", ""),
        drives=plain.get("drives", False),
        decided_by=decided.get("by", ""),
        decided_on=decided.get("on", ""),
    )


def _source(plain: Plain) -> str:
    parts = [f"{plain['publisher']}: {plain['title']}"]
    parts += [f"modified {plain['modified']}"] if "modified" in plain else []
    parts += [plain[key] for key in ("url", "note") if key in plain]
    return "; ".join(parts)


def _field_names(value: Any) -> Iterator[str]:
    """Every field of Jira that a contract's conditions, items and acts name."""
    # Thousands of values are asked, and what kind of class a Mapping is takes three times as long.
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, list):
            waiting += value
        elif isinstance(value, dict):
            waiting += value.values()
            fields = value.get("fields")
            if isinstance(fields, dict | list):
                yield from (field_name(str(name)) for name in fields)
            for key in ("filled", "empty", "changed"):
                if isinstance(value.get(key), list):
                    yield from _named(value, key)
