"""Which project has which promise: all projects at a glance, and one project's mapping to change.

What is changed goes into a draft, `webhooks.drafting`; the rules and tables are those of
`config.mapping_edits` and `config.severity_matrix`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, cast

import msgspec

from config import looking, mapping_edits
from config.contract_schema import ContractDocument
from config.mapping_edits import FILE, NotByForm, edited, even
from config.positions import Place, Plain
from config.proposing import severity_rules
from config.severity_matrix import Cell, Matrix, NotAsRules, Rule, matrix_of, rules_of
from connector.catalogue import Read
from connector.survey import Makings, ProjectSeen, Survey
from sla.store import mapping as store
from webhooks.console.access.people import Person
from webhooks.console.standing import Standing
from webhooks.drafting import Draft, Publication, Publishing, Refused

PAGE = 50
Value = str | list[Any]
"""Of a parameter: a text, or a list of holidays."""


class NotUnderstood(Refused):
    """What is wanted of a project cannot be written down; the message says why."""


class ChangedMeanwhile(Refused):
    """A version came into force that has another mapping of the project than the one seen."""


class Unchanged(Refused):
    """Nothing differs from what is there."""


# --- rules ----------------------------------------------------------------------------------------


class Condition(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Each one that is given must hold; of several values any; names of Jira, whatever their case."""

    type: list[str] = []
    priority: list[str] = []
    status: list[str] = []
    fields: dict[str, list[str]] = {}
    """Any other field, by its name or its id."""
    filled: list[str] = []
    """Fields that must have some value."""
    empty: list[str] = []
    """Fields that must have none."""

    @property
    def is_of_the_table(self) -> bool:
        """Whether it looks at nothing but type and priority."""
        return not (self.status or self.fields or self.filled or self.empty)


class ContractRule(Condition, kw_only=True, omit_defaults=True):
    """Under this condition an issue has that contract and tier."""

    contract: str
    tier: str | None = None


class SeverityRule(Condition, kw_only=True, omit_defaults=True):
    """Under this condition an issue has that severity, and is that kind of work."""

    severity: str
    kind: str | None = None


class Wanted(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What a project's mapping is to be; what is null or not named stays as it is."""

    mapped: bool = True
    """False: the project is to have no promise."""
    contracts: list[ContractRule] | None = None
    """The first that matches wins."""
    severities: list[SeverityRule] | None = None
    alerts: str | None = None
    """The name of a set of alerts; empty: the default one."""
    parameters: dict[str, dict[str, Value | None]] = {}
    """By contract and name; null: not set any more. They hold for every project."""
    customers: dict[str, dict[str, dict[str, Value | None]]] = {}
    """By customer, contract and name: what the order form says."""
    choices: dict[str, dict[str, str | None]] = {}
    """By contract and choice the reading; null: the contract's own. They hold for every project."""


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


class ParameterSeen(msgspec.Struct, frozen=True):
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


class ChoiceSeen(msgspec.Struct, frozen=True):
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
    parameters: Sequence[ParameterSeen]
    customers: Sequence[OrderForm]
    choices: Sequence[ChoiceSeen]
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


class Saved(msgspec.Struct, frozen=True):
    """Where a mapping was saved."""

    draft: int
    revision: int
    faults: Sequence[str]
    """What is wrong with the draft as a whole; it cannot be published with any."""


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
        return _data(self.text)


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
    """The draft in which a person goes on: the last of theirs that is based on what is in force."""
    newest = publishing.in_force().id
    return next(
        (
            each.id
            for each in publishing.drafts()
            if each.author == person.name and each.base == newest and FILE in each.documents
        ),
        None,
    )


# A page is looked at more often than a document changes, and reading a large one takes a second.
@lru_cache(maxsize=8)
def _data(text: str) -> Mapping[str, Any]:
    return mapping_edits.read(text)


def _part(data: Any, *place: str) -> Any:
    for part in place:
        data = data.get(part) if isinstance(data, Mapping) else None
    return data


def _mappings(data: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, each in data.items() if isinstance(data, Mapping) else ():
        yield name, each if isinstance(each, Mapping) else {}


def _texts(value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [] if value is None else [value]
    return [str(each) for each in listed]


def _condition(plain: Mapping[str, Any]) -> dict[str, Any]:
    lists = {name: _texts(plain.get(name)) for name in _LISTS}
    return {**lists, "fields": {n: _texts(v) for n, v in (plain.get("fields") or {}).items()}}


_LISTS = ("type", "priority", "status", "filled", "empty")


def contract_rules(project: Mapping[str, Any]) -> list[ContractRule]:
    """Those of a project as the document has them; what is no rule is left out."""
    return [
        ContractRule(
            contract=str(each["contract"]), tier=_text_or_none(each.get("tier")), **_condition(each)
        )
        for each in project.get("contracts") or ()
        if isinstance(each, Mapping) and each.get("contract")
    ]


def severities_of(project: Mapping[str, Any]) -> list[SeverityRule]:
    """Those of a project as the document has them; what is no rule is left out."""
    return [
        SeverityRule(
            severity=str(each["severity"]), kind=_text_or_none(each.get("kind")),
            **_condition(each),
        )
        for each in project.get("severities") or ()
        if isinstance(each, Mapping) and each.get("severity")
    ]  # fmt: skip


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def in_words(rule: Condition) -> str:
    """A rule's condition, such as `type Bug or Task, Support plan Enterprise`."""
    parts = [
        f"{name} {' or '.join(values)}"
        for name, values in (
            ("type", rule.type), ("priority", rule.priority), ("status", rule.status),
            *rule.fields.items(),
        )
        if values
    ]  # fmt: skip
    parts += [f"{name} filled in" for name in rule.filled]
    parts += [f"{name} empty" for name in rule.empty]
    return ", ".join(parts)


# --- all projects ---------------------------------------------------------------------------------


def projects(standing: Standing, asked: ProjectsAsked) -> Projects:
    """A page of all projects: those of Jira, and those that only the mapping or an issue names.

    Raises:
        NotThere: there is no such draft.
        NotByForm: the mapping is no YAML.
    """
    seen = standing.catalogue.site()
    at = source(standing.publishing, asked.draft)
    written = dict(_mappings(_part(at.data, "projects")))
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


def alerts_named(project: Mapping[str, Any], data: Mapping[str, Any]) -> str:
    """The set of alerts that a project has; empty: none."""
    default = "default" if _part(data, "alerts", "default") is not None else ""
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
            DraftNote(
                draft.id, draft.title, draft.author, draft.revision, draft.base, keys, others
            )
        )
    return found


def _changed(before: str, after: str) -> tuple[list[str], list[str]]:
    """The keys of the projects that differ between two texts, and what else does."""
    try:
        old, new = _data(before), _data(after)
    except NotByForm:
        return [], ["its text, which is no YAML"]
    mine, theirs = dict(_mappings(_part(old, "projects"))), dict(_mappings(_part(new, "projects")))
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
    return key in (_part(at.data, "projects") or {}) or where.is_there(key) is not False


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
    written = _part(at.data, "projects", key)
    project = written if isinstance(written, Mapping) else {}
    contracts, severities = contract_rules(project), severities_of(project)
    parts = in_parts(severities)
    table = table_of(parts.table, where) if parts else None
    seen = where.seen(key)
    used = list(dict.fromkeys(rule.contract for rule in contracts))
    return ProjectMapping(
        key=key,
        name=seen.name if seen else "",
        in_jira=where.is_there(key),
        mapped=written is not None,
        contracts=contracts,
        severities=severities,
        table=(
            [TableCell(*place, *cell) for place, cell in table.cells.items()] if table else None
        ),
        alerts=alerts_named(project, at.data),
        alerts_for=project.get("alerts_for") or [],
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


class Parts(msgspec.Struct):
    """The severity rules: those of the table, and those before and behind that look at more."""

    before: list[SeverityRule]
    table: list[SeverityRule]
    behind: list[SeverityRule]


def in_parts(rules: Sequence[SeverityRule]) -> Parts | None:
    """The rules, where those of the table stand together; None: others stand between them."""
    of_table = [number for number, rule in enumerate(rules) if rule.is_of_the_table]
    if not of_table:
        return Parts(list(rules), [], [])
    first, last = of_table[0], of_table[-1] + 1
    if len(of_table) != last - first:
        return None
    return Parts(list(rules[:first]), list(rules[first:last]), list(rules[last:]))


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


def parameters(contracts: Iterable[str], at: Source, where: Around) -> Iterator[ParameterSeen]:
    """What some contracts leave open, with what is set for everybody."""
    for id_ in contracts:
        model = where.models.get(id_)
        for name, each in model.parameters.items() if model else ():
            value = _part(at.data, "parameters", id_, name)
            yield ParameterSeen(id_, name, each.kind, each.clause, each.what, _value(value))


def order_forms(contracts: Iterable[str], at: Source) -> Iterator[OrderForm]:
    """What the order forms of customers say of some contracts."""
    used = set(contracts)
    for customer, forms in _mappings(_part(at.data, "customers")):
        for contract, values in _mappings(forms):
            if contract in used:
                given = {name: _value(value) for name, value in values.items()}
                kept = {name: value for name, value in given.items() if value is not None}
                yield OrderForm(customer, contract, kept)


def choices(contracts: Iterable[str], at: Source, where: Around) -> Iterator[ChoiceSeen]:
    """The ambiguities of some contracts, and how they are settled."""
    for id_ in contracts:
        model = where.models.get(id_)
        for each in model.choices if model else ():
            settled = _part(at.data, "choices", id_, each.id)
            mine = settled if isinstance(settled, Mapping) else {}
            yield ChoiceSeen(
                id_, each.id, each.clause, each.question, each.readings, each.chosen,
                _text_or_none(mine.get("chosen")), str(mine.get("by") or ""),
                str(mine.get("on") or ""), each.example,
            )  # fmt: skip


def _value(value: Any) -> Value | None:
    return value if value is None or isinstance(value, list) else str(value)


# --- saving ---------------------------------------------------------------------------------------


def save(
    standing: Standing, person: Person, key: str, wanted: Wanted, *,
    draft: int | None = None, revision: int | None = None, base: int | None = None,
) -> Saved:  # fmt: skip
    """Save a project's mapping in a draft.

    Args:
        standing: the console's.
        person: who does it.
        key: the project's.
        wanted: what is to be.
        draft: the draft; None: a new one, on what is in force.
        revision: that of the draft which was seen.
        base: without a draft the version that was seen; None: whichever is in force.

    Raises:
        Unchanged: nothing differs.
        ChangedMeanwhile: another version came into force, with another mapping of this project.
        SavedMeanwhile: somebody else saved the draft since.
        NotUnderstood: what is wanted is incomplete.
        NotByForm: the document can only be changed as text.
    """
    publishing = standing.publishing
    at = source(publishing, draft)
    _refuse_what_was_not_seen(publishing, at, key, base)
    text = edited(at.text, _changes(at, key, wanted, person, standing.now()))
    if text == at.text:
        raise Unchanged("Nothing differs from what is there: nothing was saved.")
    if at.draft is None:
        saved = publishing.begin(person, f"Mapping of {key}", {FILE: text})
        if saved.base != at.base.id:
            # Between looking and saving something came into force: this draft would undo it.
            publishing.discard(person, saved.id, saved.revision)
            raise ChangedMeanwhile(_MEANWHILE.format(saved.base))
    else:
        saved = publishing.save(person, at.draft.id, revision or 0, {FILE: text})
    return Saved(saved.id, saved.revision, publishing.checked(saved).problems)


_MEANWHILE = (
    "Version {} came into force since this page was made, with another mapping of this project. "
    "What you set is kept below; compare it with what holds now, and save again."
)


def _refuse_what_was_not_seen(
    publishing: Publishing, at: Source, key: str, base: int | None
) -> None:
    if at.draft is not None or base in (None, at.base.id):
        return
    assert base is not None  # noqa: S101 - as the line above says
    seen = _data(publishing.documents(base).get(FILE, ""))
    same = even(_part(seen, "projects", key)) == even(_part(at.data, "projects", key))
    others = ("parameters", "customers", "choices")
    if not same or any(even(seen.get(each)) != even(at.data.get(each)) for each in others):
        raise ChangedMeanwhile(_MEANWHILE.format(at.base.id))


def _changes(
    at: Source, key: str, wanted: Wanted, person: Person, now: datetime
) -> dict[Place, Plain]:
    found: dict[Place, Plain] = {}
    written = _part(at.data, "projects", key)
    if not wanted.mapped:
        if written is None:
            raise Unchanged(f"{key} is not mapped as it is: nothing was saved.")
        return {("projects", key): None}
    parts: dict[str, Plain] = {}
    if wanted.contracts is not None:
        parts["contracts"] = [_plain_contract(rule) for rule in wanted.contracts]
    if wanted.severities is not None:
        parts["severities"] = [_plain_severity(rule) for rule in wanted.severities]
    _refuse_half_a_project(key, parts, written)
    if wanted.alerts is not None and wanted.alerts != alerts_named(written or {}, at.data):
        parts["alerts"] = wanted.alerts or None
    if written is None:
        found["projects", key] = {name: each for name, each in parts.items() if each is not None}
    else:
        found.update((("projects", key, name), each) for name, each in parts.items())
    for contract, values in wanted.parameters.items():
        found.update((("parameters", contract, name), each) for name, each in values.items())
    for customer, forms in wanted.customers.items():
        for contract, values in forms.items():
            found.update(
                (("customers", customer, contract, name), each) for name, each in values.items()
            )
    for contract, chosen in wanted.choices.items():
        for name, reading in chosen.items():
            before = _part(at.data, "choices", contract, name)
            if reading == _part(before, "chosen"):
                continue
            found["choices", contract, name] = reading and {
                "chosen": reading, "by": person.name, "on": now.date().isoformat(),
            }  # fmt: skip
    return found


def _refuse_half_a_project(key: str, parts: Mapping[str, Plain], written: Any) -> None:
    for name, words in (("contracts", "contract"), ("severities", "severity")):
        if name in parts or written is None:
            if not parts.get(name):
                raise NotUnderstood(
                    f"{key} needs at least one {words} rule: choose "
                    f"{'a contract' if name == 'contracts' else 'a severity in the table'}, or "
                    "take the project out of the mapping."
                )


def _plain_contract(rule: ContractRule) -> Plain:
    tier: dict[str, Plain] = {"tier": rule.tier} if rule.tier else {}
    return {"contract": rule.contract, **tier, **_plain_condition(rule)}


def _plain_severity(rule: SeverityRule) -> Plain:
    kind: dict[str, Plain] = {"kind": rule.kind} if rule.kind else {}
    return {**_plain_condition(rule), "severity": rule.severity, **kind}


def _plain_condition(rule: Condition) -> dict[str, Plain]:
    lists: dict[str, Plain] = {
        name: _one_or_several(getattr(rule, name)) for name in ("type", "priority", "status")
    }
    fields: Plain = {name: _one_or_several(values) for name, values in rule.fields.items()}
    rest: dict[str, Plain] = {
        "fields": fields,
        "filled": _one_or_several(rule.filled),
        "empty": _one_or_several(rule.empty),
    }
    return {name: each for name, each in {**lists, **rest}.items() if each}


def _one_or_several(values: Sequence[str]) -> Plain:
    return values[0] if len(values) == 1 else list(values)


def as_key(cell: Cell | None) -> str:
    """A cell as a form holds it; empty: not covered."""
    return json.dumps(list(cell)) if cell else ""


def of_key(text: str) -> Cell | None:
    """The other way round.

    Raises:
        NotUnderstood: it is none.
    """
    if not text:
        return None
    try:
        severity, kind = msgspec.json.decode(text, type=tuple[str, str | None])
    except msgspec.MsgspecError:
        raise NotUnderstood("Severities: a cell of the table holds no severity.") from None
    return Cell(severity, kind)


__all__ = [
    "PAGE", "Around", "Cell", "ChangedMeanwhile", "ChoiceSeen", "ContractRule", "Matrix", "NotByForm",
    "NotUnderstood", "OrderForm", "ParameterSeen", "Parts", "ProjectAsked", "ProjectMapping",
    "Projects", "ProjectsAsked", "Saved", "SeverityRule", "Source", "Unchanged", "Value", "Wanted",
    "around", "as_key", "as_severities", "choices", "contract_rules", "drafts", "in_parts",
    "in_words", "is_known", "mapping", "of_key", "options", "order_forms", "own_draft",
    "parameters", "projects", "proposed", "save", "severities_of", "source", "table_of",
    "unknown",
]  # fmt: skip
