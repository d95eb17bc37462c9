"""Every contract as its policy reads: its promises, what is open in it, what each clause became."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from itertools import product
from typing import Any, Literal

import msgspec

from config import looking
from config.configuration import Configuration
from config.document_sets import Documents
from config.examples import Example
from config.positions import said_in
from config.settings import SHIPPED
from config.summary import (
    beside_the_clocks,
    carried_out,
    coverage,
    decided,
    order_form,
    plain_of,
    rests,
    speaks,
    whom,
)
from sla.contract import (
    Actions,
    Alerts,
    Audience,
    BusinessDays,
    Contract,
    Goal,
    Metric,
    Refusal,
    Scope,
)
from sla.mapping import ProjectRules
from sla.words import length
from webhooks.console.questions.looked_at import LookedAt

Use = Literal["in force", "not used"]


class ContractInShort(msgspec.Struct, frozen=True, kw_only=True):
    """A contract among others."""

    id: str
    title: str
    use: Use
    """`not used`: no project is mapped to it."""
    severities: Sequence[str] = ()
    metrics: Sequence[str] = ()
    """In words."""
    projects: Sequence[str] = ()
    """Keys of the Jira projects whose issues may have it."""
    open_parameters: Sequence[str] = ()
    """Figures that the text leaves open, nobody set, and some promise waits for."""
    ambiguities: int = 0
    undecided: int = 0
    """Of those, how many nobody has settled."""


class PromiseSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What one metric has for some issues."""

    metric: str
    target: str | None
    """Null: a figure is missing."""
    reading: str | None = None
    """How business days are counted."""
    calendar: str | None = None
    binding: str | None = None
    """`commitment` or `goal`."""
    clause: str = ""
    missing: Sequence[str] = ()
    """What nobody set, a sentence each."""


class GoalRow(msgspec.Struct, frozen=True, kw_only=True):
    """Issues of one kind, with what is promised to them."""

    severity: str
    tier: str | None
    kind: str | None
    promises: Sequence[PromiseSeen | None]
    """In the order of the contract's metrics; null: nothing is promised."""


class MetricSeen(msgspec.Struct, frozen=True):
    """What is measured."""

    id: str
    title: str
    clause: str
    rests: Sequence[str]
    """While what its clock rests, and while what nothing is owed."""


class AlertStep(msgspec.Struct, frozen=True, kw_only=True):
    """One time at which somebody is told."""

    what: str
    when: str
    whom: str
    public: bool
    """Whether the customer reads it, too."""
    does: str
    """What is done to the issue; empty: nothing."""


class Ladder(msgspec.Struct, frozen=True):
    """Who hears of a promise in danger, and when."""

    projects: Sequence[str]
    of: str
    """Of which metrics and issues; empty: of all for which no other ladder speaks."""
    steps: Sequence[AlertStep]


class RequestStep(msgspec.Struct, frozen=True):
    """One level that a customer's own request for escalation reaches."""

    request: str
    level: int
    name: str
    whom: str
    clause: str


class ParameterSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that the text leaves open."""

    name: str
    what: str
    clause: str
    is_set: bool
    """For every customer; an order form may say otherwise."""
    customers: Sequence[str]
    """Whose order forms set it."""
    waiting: Sequence[str]
    """The promises that wait for it."""


class ReadingSeen(msgspec.Struct, frozen=True):
    """One way to read an ambiguity."""

    name: str
    meaning: str
    is_chosen: bool


class Worth(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of one reading in an example."""

    reading: str
    is_chosen: bool
    due_at: datetime | None
    """Null: nothing is promised under it."""
    later_seconds: float | None
    """Than by the reading that holds, in real time; null where the two cannot be compared."""


class ExampleSeen(msgspec.Struct, frozen=True, kw_only=True):
    """One promise from one start, by each reading."""

    metric: str
    whom: str
    customer: str | None
    time_zone: str
    start_at: datetime | None
    """Null: no start was found at which the readings differ, or something is missing."""
    missing: Sequence[str]
    worth: Sequence[Worth]


class ChoiceSeen(msgspec.Struct, frozen=True, kw_only=True):
    """An ambiguity of the text, with its readings."""

    id: str
    question: str
    clause: str
    chosen: str | None
    decided: str
    """By whom and when."""
    why: str
    drives: bool
    """Whether some value depends on it; else people follow it."""
    readings: Sequence[ReadingSeen]
    example: str


class ClauseSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence of the policy, and what it became."""

    id: str
    gist: str
    became: Sequence[str]
    by: str
    carried_out_by: Sequence[str]


class FormSeen(msgspec.Struct, frozen=True):
    """What the order form of a customer changes."""

    customer: str
    changes: Sequence[str]


class ContractSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A contract, whole."""

    id: str
    title: str
    use: Use
    source: str
    """Who published the policy, and when."""
    accounted: str
    """How many clauses became what, and whether any is unaccounted for."""
    projects: Sequence[str]
    severities: Mapping[str, str]
    """Each with its definition in the policy's words."""
    metrics: Sequence[MetricSeen]
    goals: Sequence[GoalRow]
    forms: Sequence[FormSeen]
    beside: Sequence[str]
    """What it says beside its clocks: limits, duties, notices, contacts, availability."""
    ladders: Sequence[Ladder]
    requests: Sequence[RequestStep]
    parameters: Sequence[ParameterSeen]
    open_parameters: Sequence[str]
    """Those that nobody set and some promise waits for."""
    choices: Sequence[ChoiceSeen]
    clauses: Sequence[ClauseSeen]
    calendars: Sequence[str]
    document: str
    """The path of its document."""

    @property
    def has_tiers(self) -> bool:
        """Whether any promise tells tiers apart."""
        return any(row.tier for row in self.goals)

    @property
    def has_kinds(self) -> bool:
        """Whether any promise tells kinds of work apart."""
        return any(row.kind for row in self.goals)


# --- the questions --------------------------------------------------------------------------------


def listed(at: LookedAt) -> list[ContractInShort]:
    """The contracts in force, then those that no project uses, the shipped ones among them."""
    configuration, documents = at.configuration, at.documents
    policy = configuration.policy
    found = [_in_short(policy.contracts[id_], configuration) for id_ in sorted(policy.contracts)]
    own = [path for path in documents if path.startswith("contracts/")]
    shipped = [f"contracts/{path.name}" for path in (SHIPPED / "contracts").glob("*.yaml")]
    for path in sorted({*own, *shipped}):
        id_ = path.removeprefix("contracts/").removesuffix(".yaml")
        if id_ not in policy.contracts:
            text = documents.get(path) or (SHIPPED / path).read_text(encoding="utf-8")
            found.append(_unused(id_, text))
    return found


def seen(at: LookedAt, id_: str) -> ContractSeen | None:
    """A contract as it holds; one that no project uses as it would; None: there is none."""
    configuration: Configuration | None = at.configuration
    if id_ not in at.configuration.policy.contracts:
        configuration = looking.alone(at.documents, id_) if at.documents else None
    return seen_in(configuration, id_, at.documents) if configuration else None


def worked_examples(at: LookedAt, id_: str) -> dict[str, list[ExampleSeen]]:
    """As `examples_in` says, for starts in the present year."""
    return examples_in(at.documents, id_, at.standing.now().year) if at.documents else {}


def examples_in(documents: Documents, id_: str, year: int) -> dict[str, list[ExampleSeen]]:
    """By ambiguity, what each reading is worth on a promise; it may take a second or two.

    Args:
        documents: the set that has the contract.
        id_: the contract.
        year: where starts are tried.
    """
    found: dict[str, list[ExampleSeen]] = {}
    for each in looking.examples(documents, id_, year):
        found.setdefault(each.choice, []).append(_example(each))
    return found


def calendar_keys(configuration: Configuration) -> Mapping[int, str]:
    """The name under which each calendar is known, by the calendar itself.

    Those with a parameter's holidays share an id; there is one for each contract and customer.
    """
    return {id(calendar): key for key, calendar in configuration.calendars.items()}


# --- one contract ---------------------------------------------------------------------------------


def seen_in(configuration: Configuration, id_: str, documents: Documents) -> ContractSeen:
    """A contract of a configuration, which was made of these documents."""
    contract = configuration.policy.contracts[id_]
    plain = plain_of(configuration)["contracts"][id_]
    keys = calendar_keys(configuration)
    projects = _projects(configuration, id_)
    goals = list(_goals(contract, keys))
    carried = carried_out(configuration, id_)
    return ContractSeen(
        id=id_,
        title=contract.title,
        use="in force" if projects else "not used",
        source=contract.source,
        accounted=coverage(configuration, contract),
        projects=[each.key for each in projects],
        severities=contract.severities,
        metrics=[_metric(each) for each in contract.metrics],
        goals=goals,
        forms=[
            FormSeen(form.customer or "", [line.strip() for line in order_form(form, contract)][1:])
            for form in configuration.policy.order_forms.get(id_, {}).values()
        ],
        beside=[line.strip() for line in beside_the_clocks(contract)],
        ladders=list(_ladders(projects)),
        requests=[
            RequestStep(request.id, step.number, step.name, _people(step.audience), request.clause)
            for request in contract.requests
            for step in request.steps
        ],
        parameters=list(_parameters(contract, plain, documents)),
        open_parameters=list(_waited_for(contract)),
        choices=[
            ChoiceSeen(
                id=choice.id,
                question=choice.question,
                clause=choice.clause,
                chosen=choice.chosen,
                decided=decided(choice).removeprefix(", "),
                why=written.get("why") or "",
                drives=choice.drives,
                readings=[
                    ReadingSeen(name, meaning, name == choice.chosen)
                    for name, meaning in choice.readings.items()
                ],
                example=choice.example,
            )
            for choice, written in zip(contract.choices, plain["choices"], strict=True)
        ],
        clauses=[
            ClauseSeen(
                id=each.id, gist=each.gist, became=each.kinds, by=each.by,
                carried_out_by=carried.get(each.id, []),
            )
            for each in contract.clauses
        ],
        calendars=list(_calendars(contract, keys)),
        document=f"contracts/{id_}.yaml",
    )  # fmt: skip


def _in_short(contract: Contract, configuration: Configuration) -> ContractInShort:
    return ContractInShort(
        id=contract.id,
        title=contract.title,
        use="in force",
        severities=list(contract.severities),
        metrics=[metric.words for metric in contract.metrics],
        projects=[each.key for each in _projects(configuration, contract.id)],
        open_parameters=list(_waited_for(contract)),
        ambiguities=len(contract.choices),
        undecided=sum(choice.chosen is None for choice in contract.choices),
    )


# A contract that nobody uses is listed by what its document says; to check it takes 0.2 s each.
@lru_cache(maxsize=64)
def _unused(id_: str, text: str) -> ContractInShort:
    try:
        plain = said_in(text)
        return ContractInShort(
            id=id_,
            title=str(plain["title"]),
            use="not used",
            severities=[str(each) for each in plain.get("severities", ())],
            metrics=[str(each).replace("_", " ") for each in plain.get("metrics", ())],
            ambiguities=len(plain.get("choices") or ()),
        )
    except (LookupError, TypeError, AttributeError):
        return ContractInShort(id=id_, title=id_, use="not used")


def _projects(configuration: Configuration, id_: str) -> list[ProjectRules]:
    return [
        each
        for each in configuration.policy.projects.values()
        if any(rule.contract == id_ for rule in each.contracts)
    ]


def _metric(metric: Metric) -> MetricSeen:
    return MetricSeen(metric.name, metric.words, metric.clause, list(rests(metric)))


def _goals(contract: Contract, keys: Mapping[int, str]) -> Iterator[GoalRow]:
    """A row for each kind of issue to which anything is promised."""
    scopes = [goal.scope for metric in contract.metrics for goal in metric.goals]
    tiers = dict.fromkeys(name for scope in scopes for name in scope.tiers)
    kinds = dict.fromkeys(name for scope in scopes for name in scope.kinds)
    for kind, tier, severity in product(kinds or [None], tiers or [None], contract.severities):
        promises = [_promise(each, severity, tier, kind, keys) for each in contract.metrics]
        if any(promises):
            yield GoalRow(severity=severity, tier=tier, kind=kind, promises=promises)


def _promise(
    metric: Metric, severity: str, tier: str | None, kind: str | None, keys: Mapping[int, str]
) -> PromiseSeen | None:
    goal = metric.promised(severity, tier, kind)
    if goal is None:
        return None
    if isinstance(goal, Refusal):
        return PromiseSeen(
            metric=metric.name, target=None, clause=goal.clause, missing=goal.missing
        )
    target = goal.target
    return PromiseSeen(
        metric=metric.name,
        target=target.text,
        reading=target.reading if isinstance(target, BusinessDays) else None,
        calendar=keys.get(id(goal.calendar), goal.calendar.id),
        binding=goal.binding,
        clause=goal.clause,
    )


def _calendars(contract: Contract, keys: Mapping[int, str]) -> dict[str, None]:
    used = [
        goal.calendar
        for metric in contract.metrics for goal in metric.goals if isinstance(goal, Goal)
    ]  # fmt: skip
    used += [each.hours for each in contract.contacts if each.hours]
    if contract.availability:
        used += [contract.availability.calendar]
        if contract.availability.maintenance:
            used += [contract.availability.maintenance.windows]
    return dict.fromkeys(keys.get(id(each), each.id) for each in used)


# --- who hears of it ------------------------------------------------------------------------------


def _ladders(projects: Sequence[ProjectRules]) -> Iterator[Ladder]:
    """Those of some projects; the ones that are alike told once."""
    found: dict[tuple[str, tuple[AlertStep, ...]], list[str]] = {}
    for project in projects:
        told = [("", project.alerts)]
        for rule in project.alert_rules:
            metrics = [name.replace("_", " ") for name in rule.metrics]
            of = [*metrics, whom(rule.scope)] if rule.scope != Scope() else metrics
            told.append((", ".join(of) or "every promise", rule.alerts))
        for words, alerts in told:
            found.setdefault((words, tuple(_steps(alerts))), []).append(project.key)
    for (words, steps), keys in found.items():
        yield Ladder(keys, words, steps)


def _steps(alerts: Alerts) -> Iterator[AlertStep]:
    for each in alerts.warnings:
        when = f"{100 * each.used:g}% used" if each.used is not None else ""
        when = when or (f"{length(each.left)} left" if each.left is not None else "")
        yield AlertStep(
            what="warning", when=when, whom=_people(each.audience), public=each.public,
            does=_done(each.actions),
        )  # fmt: skip
    yield AlertStep(
        what="breach", when="at the due instant", whom=_people(alerts.breach),
        public=alerts.breach_public, does=_done(alerts.breach_actions),
    )  # fmt: skip
    for level in alerts.levels:
        yield AlertStep(
            what=f"level {level.number}: {level.name}", when=speaks(level),
            whom=_people(level.audience), public=level.public, does=_done(level.actions),
        )  # fmt: skip


def _people(audience: Audience) -> str:
    named = ["the assignee"] if audience.assignee else []
    named += audience.users
    named += [f"group {name}" for name in audience.groups]
    return ", ".join(named) or "nobody by name"


def _done(actions: Actions) -> str:
    done = ["assigned to the first of those told"] if actions.assign else []
    done += [f"assigned to {actions.assignee}"] if actions.assignee else []
    done += [f"label {each}" for each in actions.labels]
    done += [f"priority {actions.priority}"] if actions.priority else []
    done += [f"transition {actions.transition}"] if actions.transition else []
    return ", ".join(done)


# --- what is open ---------------------------------------------------------------------------------


def _waited_for(contract: Contract) -> dict[str, None]:
    """The parameters that nobody set and some promise waits for."""
    return dict.fromkeys(
        sentence.split("`")[1]
        for metric in contract.metrics
        for goal in metric.goals
        if isinstance(goal, Refusal)
        for sentence in goal.missing
    )


def _parameters(
    contract: Contract, plain: Mapping[str, Any], documents: Documents
) -> Iterator[ParameterSeen]:
    everybody, by_customer = _given(documents.get("projects.yaml", ""), contract.id)
    for name, written in (plain.get("parameters") or {}).items():
        yield ParameterSeen(
            name=name,
            what=written["what"],
            clause=written["clause"],
            is_set=name in everybody,
            customers=[who for who, names in by_customer.items() if name in names],
            waiting=[
                f"{metric.words}: {whom(goal.scope)}"
                for metric in contract.metrics
                for goal in metric.goals
                if isinstance(goal, Refusal)
                and any(sentence.split("`")[1] == name for sentence in goal.missing)
            ],
        )


@lru_cache(maxsize=32)
def _given(text: str, contract: str) -> tuple[frozenset[str], Mapping[str, frozenset[str]]]:
    """The parameters that the site sets, and those that each customer's order form sets."""
    plain = said_in(text)
    everybody = (plain.get("parameters") or {}).get(contract) or {}
    forms = {
        str(customer): frozenset(by_contract[contract])
        for customer, by_contract in (plain.get("customers") or {}).items()
        if contract in by_contract
    }
    return frozenset(everybody), forms


def _example(each: Example) -> ExampleSeen:
    later = each.differences()
    return ExampleSeen(
        metric=each.metric.replace("_", " "),
        whom=each.whom,
        customer=each.customer,
        time_zone=each.time_zone,
        start_at=each.start_at,
        missing=each.missing,
        worth=[
            Worth(
                reading=name,
                is_chosen=name == each.chosen,
                due_at=at,
                later_seconds=later[name].total_seconds() if name in later else None,
            )
            for name, at in each.due_at.items()
        ],
    )
