"""What no single rule of the mapping shows: unknown names, dead rules, parameters left unset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from config import calendars, lengths
from config.configuration import warning_id
from config.contract_checks import goals_of
from config.contract_schema import ContractDocument, money
from config.contracts import condition
from config.errors import nearest
from config.library import Library
from config.model import Conditions, ParameterReference
from config.positions import Document, Place
from config.reachability import contradictory, matters, meet
from config.site_schema import (
    AlertsDocument,
    BreachDocument,
    ChannelDocument,
    ContractRuleDocument,
    FieldNames,
    LevelDocument,
    ProjectDocument,
    ProjectsDocument,
    SettledDocument,
    SeverityRuleDocument,
    SiteDocument,
    WarningDocument,
)
from sla.mapping import Condition

Step = WarningDocument | BreachDocument | LevelDocument
"""What speaks up, and may act."""


def steps_of(alerts: AlertsDocument) -> Iterator[tuple[Place, Step]]:
    """All that a set of alerts says, each with its place in the set."""
    yield from ((("warnings", index), each) for index, each in enumerate(alerts.warnings))
    yield ("breach",), alerts.breach
    yield from ((("levels", index), each) for index, each in enumerate(alerts.levels))


def used_contracts(projects: ProjectsDocument) -> list[str]:
    """The ids of the contracts that some project uses."""
    rules = (rule for project in projects.projects.values() for rule in project.contracts)
    return sorted({rule.contract for rule in rules})


def conditions(rules: Sequence[Conditions]) -> list[Condition]:
    """The conditions of a list of rules."""
    return [condition(rule.model_dump()) for rule in rules]


def check_site(model: SiteDocument, document: Document, library: Library) -> None:
    """Let the site's document complain about one Jira field that shall show two things, and about
    channels that could never be told."""
    shown: dict[str, str] = {}
    for name in FieldNames.model_fields:
        field = getattr(model.fields, name)
        first = shown.setdefault(field.casefold(), name)
        if first != name:
            message = f"is `{field}`, which already shows `{first}`; give each a field of its own"
            document.complain(("fields", name), message)
    if model.reported_at and model.reported_at.casefold() in shown:
        document.complain(
            ("reported_at",), "is a field that Dueline writes; give one that people fill in"
        )
    for name, channel in (model.channels or {}).items():
        _check_channel(channel, ("channels", name), document, library)


def _check_channel(
    channel: ChannelDocument, place: Place, document: Document, library: Library
) -> None:
    if channel.hours:
        _check_hours(channel.hours, (*place, "hours"), document, library)
    asked = (channel.at_any_hour and channel.at_any_hour.severity) or ()
    projects = library.projects.model
    models = [
        entry.model
        for id_ in (used_contracts(projects) if projects else ())
        if (entry := library.contracts.get(id_)) and entry.model
    ]
    known = {severity: None for model in models for severity in model.severities}
    for severity in asked:
        if known and severity not in known:
            document.complain(
                (*place, "at_any_hour", "severity"),
                f"is `{severity}`, and no contract of a project has it; {nearest(severity, known)}",
            )


def _check_hours(name: str, place: Place, document: Document, library: Library) -> None:
    entry = library.calendars.get(name)
    if entry is None:
        advice = nearest(name, library.calendars.ids())
        document.complain(place, f"is `{name}`, and no calendar has that name; {advice}")
    elif entry.model and calendars.parameters_of(entry.model):
        document.complain(
            place,
            f"is {name}, whose holidays are a contract's parameter; "
            "give one that has its own holidays",
        )


class ProjectChecks:
    """Lets `projects.yaml` complain about what is wrong with it among the other documents."""

    def __init__(self, library: Library, model: ProjectsDocument) -> None:
        self._library = library
        self._model = model
        self._document = library.projects.document

    def run(self) -> None:
        """Check projects, parameters and alerts."""
        for key, project in self._model.projects.items():
            self._check_project(key, project)
        for contract_id, values in self._model.parameters.items():
            self._check_parameters(contract_id, values, ("parameters", contract_id))
        for customer, forms in self._model.customers.items():
            for contract_id, values in forms.items():
                self._check_parameters(contract_id, values, ("customers", customer, contract_id))
        for contract_id, choices in self._model.choices.items():
            self._check_choices(contract_id, choices)
        self._check_customers()
        for name, alerts in self._model.alerts.items():
            self._check_warnings(("alerts", name, "warnings"), alerts.warnings)
            self._check_levels(("alerts", name, "levels"), alerts)
            for place, step in steps_of(alerts):
                self._check_assign(step, ("alerts", name, *place))
                self._check_notify(step, ("alerts", name, *place))

    # --- projects ---------------------------------------------------------------------------

    def _check_project(self, key: str, project: ProjectDocument) -> None:
        place: Place = ("projects", key)
        if not _is_project_key(key):
            message = "is no project key; Jira writes them in capital letters, such as BIT"
            self._complain(place, message, at_key=True)
        for index, rule in enumerate(project.contracts):
            self._check_contract_rule(rule, (*place, "contracts", index))
        for name, rules in (("contracts", project.contracts), ("severities", project.severities)):
            self._check_each_matters(rules, (*place, name))
        self._check_severities(project, (*place, "severities"))
        for index, each in enumerate(project.alerts_for):
            if each.alerts not in self._model.alerts:
                advice = nearest(each.alerts, self._model.alerts)
                message = f"is `{each.alerts}`, which `alerts` does not have; {advice}"
                self._complain((*place, "alerts_for", index, "alerts"), message)
        if project.alerts and project.alerts not in self._model.alerts:
            advice = nearest(project.alerts, self._model.alerts)
            self._complain(
                (*place, "alerts"), f"is `{project.alerts}`, which `alerts` does not have; {advice}"
            )

    def _check_contract_rule(self, rule: ContractRuleDocument, place: Place) -> None:
        entry = self._library.contracts.get(rule.contract)
        if entry is None:
            advice = nearest(rule.contract, self._library.contracts.ids())
            self._complain(
                (*place, "contract"),
                f"is `{rule.contract}`, and no contract has that name; {advice}",
            )
        elif entry.model:
            self._check_tier(rule, entry.model, place)

    def _check_tier(
        self, rule: ContractRuleDocument, contract: ContractDocument, place: Place
    ) -> None:
        tiers = [goal.tier for _, goal in goals_of(contract)]
        named = {tier for each in tiers for tier in each or ()}
        some_goal = any(each is None or rule.tier in each for each in tiers)
        # A contract that tells no tiers apart leaves it to the site what to call them.
        if some_goal and (rule.tier is None or not named or rule.tier in named):
            return
        known = nearest(rule.tier or "", named)
        if rule.tier is None:
            self._complain(
                place, f"names no tier, and every goal of {rule.contract} is for one; {known}"
            )
        else:
            message = f"is `{rule.tier}`, for which {rule.contract} has no goal; {known}"
            self._complain((*place, "tier"), message)

    def _check_each_matters(self, rules: Sequence[Conditions], place: Place) -> None:
        found = conditions(rules)
        for index, each in enumerate(found):
            if contradictory(each):
                message = f"contradicts itself ({each}); keep one of the two"
                self._complain((*place, index), message)
            elif not matters(found, index):
                message = (
                    f"never matters: every issue that meets it ({each}) meets a rule above it; "
                    "move it up or take it out"
                )
                self._complain((*place, index), message)

    def _check_severities(self, project: ProjectDocument, place: Place) -> None:
        by_contract, by_severity = conditions(project.contracts), conditions(project.severities)
        for j, rule in enumerate(project.severities):
            for i, contract in self._known_contracts(project):
                if not meet(by_contract, i, by_severity, j):
                    continue
                self._check_kind(rule, contract, (*place, j))
                if rule.severity in contract.severities:
                    continue
                advice = nearest(rule.severity, contract.severities)
                self._complain(
                    (*place, j, "severity"),
                    f"is `{rule.severity}`, which the contract {contract.contract} does not "
                    f"define; {advice}",
                )

    def _check_kind(
        self, rule: SeverityRuleDocument, contract: ContractDocument, place: Place
    ) -> None:
        """Where a contract tells kinds of work apart, each rule says which it means."""
        kinds = contract.kinds
        if not kinds:
            return
        if rule.kind is None:
            message = f"names no kind of work, which {contract.contract} asks for"
            self._complain(place, f"{message}; add `kind`: {', '.join(kinds)}")
        elif rule.kind not in kinds:
            advice = nearest(rule.kind, kinds)
            message = f"is `{rule.kind}`, which is no kind of work of {contract.contract}; {advice}"
            self._complain((*place, "kind"), message)
        elif rule.severity not in kinds[rule.kind].severities:
            known = ", ".join(kinds[rule.kind].severities)
            self._complain(
                (*place, "severity"),
                f"is `{rule.severity}`, which {contract.contract} does not have for the kind "
                f"`{rule.kind}`; there are {known}",
            )

    def _known_contracts(self, project: ProjectDocument) -> Iterator[tuple[int, ContractDocument]]:
        for index, rule in enumerate(project.contracts):
            entry = self._library.contracts.get(rule.contract)
            if entry and entry.model:
                yield index, entry.model

    # --- parameters -------------------------------------------------------------------------

    def _check_customers(self) -> None:
        seen: dict[str, str] = {}
        for customer in self._model.customers:
            first = seen.setdefault(customer.casefold(), customer)
            if first != customer:
                message = f"is the same customer as `{first}`, since case does not count"
                self._complain(("customers", customer), f"{message}; keep one", at_key=True)

    def _check_choices(self, contract_id: str, choices: Mapping[str, SettledDocument]) -> None:
        place: Place = ("choices", contract_id)
        entry = self._library.contracts.get(contract_id)
        if entry is None:
            advice = nearest(contract_id, self._library.contracts.ids())
            self._complain(place, f"is the name of no contract; {advice}", at_key=True)
            return
        declared = {choice.id: choice for choice in entry.model.choices} if entry.model else {}
        for name, settled in choices.items() if entry.model else ():
            if name not in declared:
                advice = nearest(name, declared)
                message = f"is no choice of {contract_id}; {advice}"
                self._complain((*place, name), message, at_key=True)
            elif settled.chosen not in declared[name].readings:
                advice = nearest(settled.chosen, declared[name].readings)
                message = f"is `{settled.chosen}`, which is no reading; {advice}"
                self._complain((*place, name, "chosen"), message)

    def _check_parameters(
        self, contract_id: str, values: Mapping[str, object], place: Place
    ) -> None:
        entry = self._library.contracts.get(contract_id)
        if entry is None:
            advice = nearest(contract_id, self._library.contracts.ids())
            self._complain(place, f"is the name of no contract; {advice}", at_key=True)
            return
        declared = entry.model.parameters if entry.model else {}
        for name, value in values.items() if entry.model else ():
            parameter = declared.get(name)
            if parameter is None:
                advice = nearest(name, declared)
                self._complain(
                    (*place, name), f"is no parameter of {contract_id}; {advice}", at_key=True
                )
            else:
                self._check_value(parameter.kind, value, (*place, name))

    def _check_value(self, kind: str, value: object, place: Place) -> None:
        if isinstance(value, list) != (kind == "holidays"):
            wanted = "a list of holidays" if kind == "holidays" else f"one {kind}, as text"
            self._complain(place, f"is of another kind than the contract asks for; write {wanted}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ParameterReference):
                    self._complain((*place, index), "is a parameter itself; write the holidays out")
        elif kind in ("target", "money"):
            self._check_text(lengths.target if kind == "target" else money, str(value), place)
        elif kind == "calendar" and self._library.calendars.get(str(value)) is None:
            advice = nearest(str(value), self._library.calendars.ids())
            self._complain(place, f"is `{value}`, and no calendar has that name; {advice}")

    def _check_text(self, read: Callable[[str], object], value: str, place: Place) -> None:
        try:
            read(value)
        except ValueError as error:
            self._complain(place, str(error))

    # --- alerts -----------------------------------------------------------------------------

    def _check_warnings(self, place: Place, warnings: Sequence[WarningDocument]) -> None:
        seen: set[str] = set()
        for index, warning in enumerate(warnings):
            name = warning_id(warning.model_dump())
            if name in seen:
                self._complain((*place, index), f"is the second {name}; keep one of them")
            seen.add(name)

    def _check_levels(self, place: Place, alerts: AlertsDocument) -> None:
        for index, level in enumerate(alerts.levels):
            here = (*place, index)
            if index:
                self._check_ladder(alerts.levels[index - 1], level, here)
            if level.hours:
                _check_hours(level.hours, (*here, "hours"), self._document, self._library)

    def _check_assign(self, step: Step, place: Place) -> None:
        audience = step.audience
        if not step.actions or step.actions.assign is not True:
            return
        if audience is None or not (audience.users or audience.groups):
            self._complain(
                (*place, "actions", "assign"),
                "is for the first of those addressed, and nobody is but the assignee; "
                "name `users` or `groups` in the audience, or give an account",
            )
        elif audience.assignee:
            self._complain(
                (*place, "actions", "assign"),
                "is for the first of those addressed, which is the assignee; take `assignee` out "
                "of the audience, or give an account",
            )

    def _check_notify(self, step: Step, place: Place) -> None:
        site = self._library.site.model
        channels = (site and site.channels) or {}
        for name in (step.actions and step.actions.notify) or ():
            if name not in channels:
                known = nearest(name, channels) if channels else "it has none yet"
                self._complain(
                    (*place, "actions", "notify"),
                    f"is `{name}`, which is no channel of site.yaml; {known}",
                )

    def _check_ladder(self, earlier: LevelDocument, level: LevelDocument, place: Place) -> None:
        if level.level <= earlier.level:
            message = f"is {level.level} after {earlier.level}; number the levels upwards"
            self._complain((*place, "level"), message)
        elif (
            level.hours == earlier.hours
            and level.after
            and earlier.after
            and lengths.delay(level.after) < lengths.delay(earlier.after)
        ):
            self._complain(
                (*place, "after"),
                f"is {level.after}, before level {earlier.level} ({earlier.after}); "
                "let it come later",
            )

    def _complain(self, place: Place, message: str, *, at_key: bool = False) -> None:
        self._document.complain(place, message, at_key=at_key)


def _is_project_key(key: str) -> bool:
    return key.isascii() and key.isupper() and key[0].isalpha() and key.replace("_", "").isalnum()
