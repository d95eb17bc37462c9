"""Which project has which promise: all projects at a glance, and one project's mapping to change.

What is changed goes into a draft, `webhooks.drafting`; the rules and tables are those of
`config.mapping_edits` and `config.severity_matrix`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, cast

import msgspec

from config import looking, mapping_edits
from config.contract_schema import ContractDocument
from config.mapping_edits import FILE, NotByForm, even
from config.positions import Plain
from config.proposing import severity_rules
from config.severity_matrix import Cell, Matrix, NotAsRules, Rule, matrix_of, rules_of
from connector.catalogue import Read
from connector.survey import Makings, ProjectSeen, Survey
from sla.store import mapping as store
from webhooks.console.access.people import Person
from webhooks.console.questions.mapping_rules import (
    ContractRule,
    NotUnderstood,
    Parts,
    SeverityRule,
    contract_rules,
    in_parts,
    in_words,
    severities_of,
    text_or_none,
)
from webhooks.console.standing import Standing
from webhooks.drafting import Draft, Publication, Publishing

PAGE = 50
Value = str | list[Any]
"""Of a parameter: a text, or a list of holidays."""


# --- rules ----------------------------------------------------------------------------------------


# --- answers --------------------------------------------------------------------------------------


class JiraSaid(msgspec.Struct, frozen=True):
    """How fresh it is what is shown of Jira."""

    read_at: datetime | None
    """Null: it never answered since the start."""
    trouble: str
    """Why it did not answer the last time; empty: it did."""


class DraftNote(msgspec.Struct, frozen=True):
    """An open draft that changes the mapping."""

    id: int
    title: str
    author: str
    revision: int
    base: int
    projects: Sequence[str]
    """The keys of the projects that it changes."""
    others: Sequence[str]
    """What else of the mapping it changes: `parameters`, `choices`, `alerts` and the like."""


class ProjectRow(msgspec.Struct, frozen=True):
    """One project in the list."""

    key: str
    name: str
    kind: str
    """As Jira calls it; empty where it is not known."""
    mapped: bool
    in_jira: bool | None
    """Null: Jira does not say."""
    contracts: Sequence[str]
    """Each contract rule in words."""
    severities: Sequence[str]
    alerts: str
    open_issues: int
    """With a promise that is open."""
    in_drafts: Sequence[int]


class Projects(msgspec.Struct, frozen=True):
    """A page of the projects."""

    projects: Sequence[ProjectRow]
    total: int
    """How many fit what was asked."""
    mapped: int
    """How many are mapped, of all."""
    page: int
    pages: int
    jira: JiraSaid
    drafts: Sequence[DraftNote]


class ProjectsAsked(msgspec.Struct, frozen=True):
    """Which projects are wanted."""

    q: str = ""
    """Part of a key, a name or a contract's id."""
    state: Literal["", "mapped", "unmapped", "gone"] = ""
    """`gone`: mapped, and Jira does not have it any more."""
    page: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 1
    draft: Annotated[int, msgspec.Meta(ge=1, lt=2**31)] | None = None
    """As this draft has it; null: as it is in force."""


class ProjectAsked(msgspec.Struct, frozen=True):
    """As what a project's mapping is wanted."""

    draft: Annotated[int, msgspec.Meta(ge=1, lt=2**31)] | None = None
    """As this draft has it; null: as it is in force."""


class ParameterOffered(msgspec.Struct, frozen=True):
    """What a contract leaves open."""

    contract: str
    name: str
    kind: str
    clause: str
    what: str
    value: Value | None
    """Null: nobody set it for everybody."""


class OrderForm(msgspec.Struct, frozen=True):
    """What a customer's order form says for a contract."""

    customer: str
    contract: str
    values: Mapping[str, Value]


class ChoiceOffered(msgspec.Struct, frozen=True):
    """An ambiguity of a contract."""

    contract: str
    id: str
    clause: str | None
    question: str
    readings: Mapping[str, str]
    own: str | None
    """The reading that the contract itself settles on."""
    chosen: str | None
    """The site's own; null: the contract's holds."""
    by: str
    on: str
    example: str


class TableCell(msgspec.Struct, frozen=True):
    """What a type and a priority are given; empty names stand for all others."""

    type: str
    priority: str
    severity: str
    kind: str | None


class ProjectMapping(msgspec.Struct, frozen=True, kw_only=True):
    """One project's mapping, and all that may be said in it."""

    key: str
    name: str
    in_jira: bool | None
    mapped: bool
    contracts: Sequence[ContractRule]
    severities: Sequence[SeverityRule]
    table: Sequence[TableCell] | None
    """The severities by type and priority, without what is not covered; null: they do not fit."""
    alerts: str
    alerts_for: Sequence[Mapping[str, Any]]
    parameters: Sequence[ParameterOffered]
    customers: Sequence[OrderForm]
    choices: Sequence[ChoiceOffered]
    issue_types: Sequence[str]
    priorities: Sequence[str]
    unknown: Sequence[str]
    """Types and priorities that rules name and Jira does not have, in words."""
    jira: JiraSaid
    base: int
    """The version on which it stands."""
    draft: int | None
    revision: int | None
    """Of the draft."""


# --- what is looked at ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Source:
    """A set of documents: what is in force, or a draft."""

    documents: Mapping[str, str]
    base: Publication
    draft: Draft | None

    @property
    def text(self) -> str:
        """Of the mapping."""
        return self.documents.get(FILE, "")

    @property
    def data(self) -> Mapping[str, Any]:
        """What the mapping says.

        Raises:
            NotByForm: it is no YAML.
        """
        return data_of(self.text)


def source(publishing: Publishing, draft: int | None) -> Source:
    """What is in force, or a draft.

    Raises:
        NotThere: there is no such draft, or nothing is in force yet.
    """
    if draft is None:
        base = publishing.in_force()
        return Source(publishing.documents(base.id), base, None)
    found = publishing.draft(draft)
    return Source(publishing.whole(found), publishing.publication(found.base), found)


def own_draft(publishing: Publishing, person: Person) -> int | None:
    """The draft in which a person goes on: the last of theirs that is based on what is in force.

    One that restores a version is to stay exactly that: nothing else is put into it unasked.
    """
    newest = publishing.in_force().id
    return next(
        (
            each.id
            for each in publishing.drafts()
            if each.author == person.name
            and each.base == newest
            and each.restores is None
            and FILE in each.documents
        ),
        None,
    )


# A page is looked at more often than a document changes, and reading a large one takes a second.
@lru_cache(maxsize=8)
def data_of(text: str) -> Mapping[str, Any]:
    """What a `projects.yaml` says, as plain values.

    Raises:
        NotByForm: it is no YAML.
    """
    return mapping_edits.read(text)


def part(data: Any, *place: str) -> Any:
    """What stands at a place; None: nothing."""
    for part in place:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _mappings(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, each in data.items() if isinstance(data, Mapping) else ():
        yield name, each if isinstance(each, Mapping) else {}


# --- all projects ---------------------------------------------------------------------------------


def projects(standing: Standing, asked: ProjectsAsked) -> Projects:
    """A page of all projects: those of Jira, and those that only the mapping or an issue names.

    Raises:
        NotThere: there is no such draft.
        NotByForm: the mapping is no YAML.
    """
    seen = standing.catalogue.site()
    at = source(standing.publishing, asked.draft)
    written = dict(_mappings(part(at.data, "projects")))
    in_jira = {each.key: each for each in seen.found.projects} if seen.found else {}
    open_ = standing.database.read(lambda c: store.open_by_project(c, standing.site))
    heard = set(open_)
    if not in_jira:
        heard |= standing.database.read(lambda c: store.projects_heard_of(c, standing.site))
    notes = drafts(standing.publishing)
    rows = [
        _row(key, written.get(key), in_jira, open_.get(key, 0), notes, at.data)
        for key in sorted({*in_jira, *written, *heard})
    ]
    fitting = [row for row in rows if _fits(row, asked)]
    pages = max(1, -(-len(fitting) // PAGE))
    page = min(asked.page, pages)
    return Projects(
        projects=fitting[(page - 1) * PAGE : page * PAGE],
        total=len(fitting),
        mapped=sum(row.mapped for row in rows),
        page=page,
        pages=pages,
        jira=_said(seen),
        drafts=notes,
    )


def _row(
    key: str, written: Mapping[str, Any] | None, in_jira: Mapping[str, ProjectSeen], open_: int,
    notes: Sequence[DraftNote], data: Mapping[str, Any],
) -> ProjectRow:  # fmt: skip
    seen = in_jira.get(key)
    rules = contract_rules(written or {})
    severities = dict.fromkeys(rule.severity for rule in severities_of(written or {}))
    return ProjectRow(
        key=key,
        name=seen.name if seen else "",
        kind=seen.kind.replace("_", " ") if seen else "",
        mapped=written is not None,
        in_jira=key in in_jira if in_jira else None,
        contracts=[_contract_in_words(rule) for rule in rules],
        severities=list(severities),
        alerts=alerts_named(written, data) if written is not None else "",
        open_issues=open_,
        in_drafts=[note.id for note in notes if key in note.projects],
    )


def _contract_in_words(rule: ContractRule) -> str:
    name = f"{rule.contract}, tier {rule.tier}" if rule.tier else rule.contract
    condition = in_words(rule)
    return f"{name} ({condition})" if condition else name


def project_of(data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """A project as the document has it; empty where it has none."""
    found = part(data, "projects", key)
    return found if isinstance(found, Mapping) else {}


def other_alerts(project: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rules by which some of a project's promises have other alerts."""
    found = project.get("alerts_for")
    return [each for each in found if isinstance(each, Mapping)] if isinstance(found, list) else []


def alerts_named(project: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """The set of alerts that a project has; empty: none."""
    default = "default" if part(data, "alerts", "default") is not None else ""
    return str(project.get("alerts") or default)


def _fits(row: ProjectRow, asked: ProjectsAsked) -> bool:
    match asked.state:
        case "mapped" if not row.mapped:
            return False
        case "unmapped" if row.mapped:
            return False
        case "gone" if not row.mapped or row.in_jira is not False:
            return False
    sought = asked.q.strip().casefold()
    return any(sought in text.casefold() for text in (row.key, row.name, *row.contracts))


def _said(read: Read[Any]) -> JiraSaid:
    return JiraSaid(read.read_at, read.trouble)


def drafts(publishing: Publishing) -> list[DraftNote]:
    """The open drafts that change the mapping, with what they change in it."""
    bases: dict[int, str] = {}
    found = []
    for draft in publishing.drafts():
        if FILE not in draft.documents:
            continue
        if draft.base not in bases:
            bases[draft.base] = publishing.documents(draft.base).get(FILE, "")
        keys, others = _changed(bases[draft.base], draft.documents[FILE] or "")
        found.append(
            DraftNote(draft.id, draft.title, draft.author, draft.revision, draft.base, keys, others)
        )
    return found


def _changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """The keys of the projects that differ between two texts, and what else does."""
    try:
        old, new = data_of(before), data_of(after)
    except NotByForm:
        return [], ["its text, which is no YAML"]
    mine, theirs = dict(_mappings(part(old, "projects"))), dict(_mappings(part(new, "projects")))
    keys = [
        key
        for key in sorted({*mine, *theirs})
        if even(cast("Plain", mine.get(key))) != even(cast("Plain", theirs.get(key)))
    ]
    parts = sorted({*old, *new} - {"projects"})
    return keys, [each for each in parts if even(old.get(each)) != even(new.get(each))]


# --- one project ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Around:
    """What stands around a project: what Jira has, and what its contracts offer."""

    site: Read[Survey]
    made: Read[Makings]
    models: Mapping[str, ContractDocument]
    calendars: tuple[str, ...]

    @property
    def issue_types(self) -> tuple[str, ...]:
        """Those of the project in Jira."""
        return self.made.found.issue_types if self.made.found else ()

    @property
    def priorities(self) -> tuple[str, ...]:
        """Those of Jira, the most urgent first."""
        return self.site.found.priorities if self.site.found else ()

    def seen(self, key: str) -> ProjectSeen | None:
        """The project as Jira lists it."""
        listed = self.site.found.projects if self.site.found else ()
        return next((each for each in listed if each.key == key), None)

    def is_there(self, key: str) -> bool | None:
        """Whether Jira has the project; None: it does not say."""
        listed = self.site.found.projects if self.site.found else ()
        return any(each.key == key for each in listed) if listed else None


def around(standing: Standing, key: str, at: Source) -> Around:
    """Ask Jira and the contracts; Jira's answers are those of the last minutes."""
    site = standing.catalogue.site()
    listed = site.found.projects if site.found else ()
    gone = bool(listed) and all(each.key != key for each in listed)
    nothing: Read[Makings] = Read(None, None, site.tried_at)
    made = nothing if gone else standing.catalogue.project(key)
    return Around(site, made, *looking.offered(at.documents))


def is_known(key: str, at: Source, where: Around) -> bool:
    """Whether Jira or the mapping has such a project; while Jira is silent any may be one."""
    return part(at.data, "projects", key) is not None or where.is_there(key) is not False


def mapping(standing: Standing, key: str, asked: int | None) -> ProjectMapping | None:
    """One project's mapping; None: neither Jira nor the mapping has it.

    Raises:
        NotThere: there is no such draft.
        NotByForm: the mapping is no YAML.
    """
    at = source(standing.publishing, asked)
    where = around(standing, key, at)
    if not is_known(key, at, where):
        return None
    project = project_of(at.data, key)
    contracts, severities = contract_rules(project), severities_of(project)
    parts = in_parts(severities)
    table = table_of(parts.table, where) if parts else None
    seen = where.seen(key)
    used = list(dict.fromkeys(rule.contract for rule in contracts))
    return ProjectMapping(
        key=key,
        name=seen.name if seen else "",
        in_jira=where.is_there(key),
        mapped=part(at.data, "projects", key) is not None,
        contracts=contracts,
        severities=severities,
        table=(
            [TableCell(*place, *cell) for place, cell in table.cells.items()] if table else None
        ),
        alerts=alerts_named(project, at.data),
        alerts_for=other_alerts(project),
        parameters=list(parameters(used, at, where)),
        customers=list(order_forms(used, at)),
        choices=list(choices(used, at, where)),
        issue_types=where.issue_types,
        priorities=where.priorities,
        unknown=unknown(severities, where),
        jira=_said(where.site if where.site.trouble else where.made),
        base=at.base.id,
        draft=at.draft.id if at.draft else None,
        revision=at.draft.revision if at.draft else None,
    )


def table_of(rules: Sequence[SeverityRule], where: Around) -> Matrix:
    """The table of rules that look at type and priority alone."""
    plain = [
        Rule(Cell(rule.severity, rule.kind), tuple(rule.type), tuple(rule.priority))
        for rule in rules
    ]
    return matrix_of(plain, where.issue_types, where.priorities)


def as_severities(parts: Parts, matrix: Matrix, where: Around) -> list[SeverityRule]:
    """The rules of a table between those that it cannot show.

    A table that says what the rules said leaves them as they are, however they were written.

    Raises:
        NotUnderstood: the table leaves out what rules cannot leave out.
    """
    if _same_effect(matrix, table_of(parts.table, where)):
        return [*parts.before, *parts.table, *parts.behind]
    try:
        rules = rules_of(matrix)
    except NotAsRules as error:
        raise NotUnderstood(f"Severities: {error}.") from None
    made = [
        SeverityRule(
            type=list(rule.types), priority=list(rule.priorities), severity=rule.cell.severity,
            kind=rule.cell.kind,
        )
        for rule in rules
    ]  # fmt: skip
    return [*parts.before, *made, *parts.behind]


def _same_effect(one: Matrix, other: Matrix) -> bool:
    """Whether two tables say the same, even where one has a row that the other lacks."""
    types = dict.fromkeys([*one.types, *other.types])
    priorities = dict.fromkeys([*one.priorities, *other.priorities])
    return all(
        _cell(one, type_, priority) == _cell(other, type_, priority)
        for type_ in (*types, "")
        for priority in (*priorities, "")
    )


def _cell(matrix: Matrix, type_: str, priority: str) -> Cell | None:
    row = type_ if type_ in matrix.types else ""
    column = priority if priority in matrix.priorities else ""
    return matrix.cells.get((row, column))


def options(contracts: Iterable[str], where: Around) -> list[Cell]:
    """What a cell of the table may hold: the severities of the contracts, the worst first."""
    found: dict[Cell, None] = {}
    for id_ in contracts:
        model = where.models.get(id_)
        if model is None:
            continue
        if model.kinds:
            for kind, each in model.kinds.items():
                found.update((Cell(severity, kind), None) for severity in each.severities)
        else:
            found.update((Cell(severity), None) for severity in model.severities)
    return list(found)


def proposed(contracts: Sequence[str], where: Around) -> list[SeverityRule]:
    """What the priorities of this Jira probably mean under a contract; for a new mapping."""
    model = where.models.get(contracts[0]) if contracts else None
    if model is None:
        return []
    usual = where.site.found.usual_priority if where.site.found else None
    return [
        SeverityRule(
            type=list(each.types), priority=list(each.priorities), severity=each.severity,
            kind=each.kind,
        )
        for each in severity_rules(model, where.priorities, where.issue_types, usual)
    ]  # fmt: skip


def unknown(rules: Sequence[SeverityRule], where: Around) -> list[str]:
    """What rules name and Jira does not have; nothing where Jira does not say."""
    said = []
    for name, known, named in (
        ("issue type", where.issue_types, [each for rule in rules for each in rule.type]),
        ("priority", where.priorities, [each for rule in rules for each in rule.priority]),
    ):
        there = {each.casefold() for each in known}
        missing = dict.fromkeys(each for each in named if each.casefold() not in there)
        if there:
            said += [f"{name} {each}" for each in missing]
    return said


def parameters(contracts: Iterable[str], at: Source, where: Around) -> Iterator[ParameterOffered]:
    """What some contracts leave open, with what is set for everybody."""
    for id_ in contracts:
        model = where.models.get(id_)
        for name, each in model.parameters.items() if model else ():
            value = part(at.data, "parameters", id_, name)
            yield ParameterOffered(id_, name, each.kind, each.clause, each.what, _value(value))


def order_forms(contracts: Iterable[str], at: Source) -> Iterator[OrderForm]:
    """What the order forms of customers say of some contracts."""
    used = set(contracts)
    for customer, forms in _mappings(part(at.data, "customers")):
        for contract, values in _mappings(forms):
            if contract in used:
                given = {name: _value(value) for name, value in values.items()}
                kept = {name: value for name, value in given.items() if value is not None}
                yield OrderForm(customer, contract, kept)


def choices(contracts: Iterable[str], at: Source, where: Around) -> Iterator[ChoiceOffered]:
    """The ambiguities of some contracts, and how they are settled."""
    for id_ in contracts:
        model = where.models.get(id_)
        for each in model.choices if model else ():
            settled = part(at.data, "choices", id_, each.id)
            mine = settled if isinstance(settled, Mapping) else {}
            yield ChoiceOffered(
                id_, each.id, each.clause, each.question, each.readings, each.chosen,
                text_or_none(mine.get("chosen")), str(mine.get("by") or ""),
                str(mine.get("on") or ""), each.example,
            )  # fmt: skip


def _value(value: Any) -> Value | None:
    return value if value is None or isinstance(value, list) else str(value)
