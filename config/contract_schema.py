"""A support policy as a document: what `contracts/*.yaml` may say."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from config import lengths
from config.errors import nearest
from config.model import (
    Conditions,
    IsoDate,
    Model,
    Names,
    OrParameter,
    TargetText,
    Template,
    Text,
    Texts,
    checked,
    fault,
)
from sla.contract import CLOCKS, Binding, ClauseKind, DutyEffect, Reading

METRICS = tuple(CLOCKS)
"""The metrics that need no start and stop of their own."""

ParameterKind = Literal["holidays", "target", "calendar", "text", "money"]


def _phrase(text: str) -> None:
    if len(text) > 1 and text.startswith("/") and text.endswith("/"):
        import re2

        quietly = re2.Options()
        quietly.log_errors = False
        try:
            re2.compile(text[1:-1], quietly)
        except re2.error as error:
            said = error.args[0].decode() if isinstance(error.args[0], bytes) else error
            message = f"is `{text}`, which RE2 cannot read as a regular expression ({said})"
            raise ValueError(f"{message}; mend it, or leave out the slashes") from None


def money(text: str) -> Decimal:
    """Read an amount such as `3000` or `2999.95`.

    Raises:
        ValueError: it is none, or less than nothing.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal(-1)
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"is `{text}`, which is no amount of money; write it like 3000.00")
    return amount


def _multiple(text: str) -> None:
    if not re.fullmatch(r"\d+(\.\d+)?", text) or not Decimal(text):
        raise ValueError(f"is `{text}`; write how many times, such as 10")


Phrase = Annotated[Text, checked(_phrase)]
Percentage = Annotated[Text, checked(lengths.percentage)]
Multiple = Annotated[Text, checked(_multiple)]


class Source(Model):
    """The published text that the contract carries out."""

    publisher: Text
    """Who made the promise."""
    title: Text
    """As the text is called."""
    url: Text | None = None
    """Where it stands."""
    modified: Text | None = None
    """As the text itself says when it was last changed."""
    note: Text | None = None
    """What else is to be known of it."""


class Parameter(Model):
    """A figure that the text leaves open, so that whoever uses the contract has to set it."""

    kind: ParameterKind
    """What its value has to be."""
    clause: Text
    """The clause that leaves it open."""
    what: Text
    """What to give, in words."""


class ScopeDocument(Model):
    """Which issues of the contract are meant; what is left out means all of them."""

    severity: Texts | None = None
    """Only these; left out: all."""
    tier: Texts | None = None
    """Only these; left out: all."""
    kind: Texts | None = None
    """Kinds of work, as `kinds` names them."""


class GoalDocument(ScopeDocument):
    """One line of the table of promises; without severity or tier it speaks of all of them."""

    target: OrParameter[TargetText]
    """Open time such as 2h, or business days such as 1 business day."""
    reading: Reading | None = None
    """How a business day is read; open_hours unless it is said."""
    calendar: OrParameter[Text]
    """In whose open time the target is counted."""
    binding: Binding = "commitment"
    """`goal` where the text only aims at it; the two are counted apart."""
    clause: Text
    """The clause that promises it."""

    @model_validator(mode="after")
    def _reading_needs_days(self) -> Self:
        if self.reading and isinstance(self.target, str) and not lengths.business_days(self.target):
            raise fault("has a reading, which only business days need; leave it out for open time")
        return self


# --- acts -----------------------------------------------------------------------------------------


class ReplyDocument(Model):
    """Of which kind a comment must be to count: any of these."""

    phrases: list[Phrase] = []
    """Words in it, in any case; a regular expression stands between slashes."""
    question: bool = False
    """It asks something."""
    marked: Conditions | None = None
    """The issue is marked so, by a label or an option; the mark means the reply before it."""

    @model_validator(mode="after")
    def _says_which(self) -> Self:
        if not (self.phrases or self.question or self.marked):
            raise fault("says not which comments count; give phrases, question: true, or marked")
        return self


class ActDocument(Conditions):
    """A comment of some kind, a field's change, or fields that come to have these values."""

    response: ReplyDocument | None = None
    """A public reply by a responder, of this kind."""
    customer_comment: ReplyDocument | None = None
    """A public comment of the customer, of this kind."""
    customer_reply: ReplyDocument | None = None
    """The same, after the first response."""
    changed: Texts | None = None
    """Fields whose every change counts."""
    to: Texts | None = None
    """Of a change: only to one of these values."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        named = [self.response, self.customer_comment, self.customer_reply, self.changed]
        conditions = self.model_dump(include=set(Conditions.model_fields), exclude_none=True)
        if self.to and not self.changed:
            raise fault("says `to` what nothing changes; add `changed`, or leave it out")
        if sum(map(bool, [*named, any(conditions.values())])) != 1:
            raise fault(
                "is no single act; give one of response, customer_comment, customer_reply, "
                "changed, or conditions such as status and fields"
            )
        return self


class TogetherDocument(Model):
    """Every one of these acts."""

    all: Annotated[list[OneAct], Field(min_length=2)]
    """It has happened when each of them has."""


def _act_shape(value: Any) -> str:
    if isinstance(value, dict | Model):
        return "<all>" if isinstance(value, TogetherDocument) or "all" in value else "<act>"
    return "<name>"


ActName = Literal[
    "reported", "first_response", "response", "customer_comment", "customer_reply", "resolved",
    "reopened",
]  # fmt: skip
OneAct = Annotated[
    Annotated[ActName, Tag("<name>")] | Annotated[ActDocument, Tag("<act>")],
    Discriminator(lambda value: "<name>" if _act_shape(value) == "<name>" else "<act>"),
]
ActOrAll = Annotated[
    Annotated[ActName, Tag("<name>")]
    | Annotated[ActDocument, Tag("<act>")]
    | Annotated[TogetherDocument, Tag("<all>")],
    Discriminator(_act_shape),
]


def _listed(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


Acts = Annotated[
    list[OneAct],
    BeforeValidator(_listed, json_schema_input_type=OneAct | list[OneAct]),
    Field(min_length=1),
]
Stops = Annotated[
    list[ActOrAll],
    BeforeValidator(_listed, json_schema_input_type=ActOrAll | list[ActOrAll]),
    Field(min_length=1),
]
"""Any of these stops the clock."""


SomeConditions = Annotated[
    list[Conditions],
    BeforeValidator(_listed, json_schema_input_type=Conditions | list[Conditions]),
]


class MetricDocument(Model):
    """What is measured. A metric with a name of its own says what starts and what stops it."""

    clause: Text
    """The clause that says what is measured."""
    title: Text | None = None
    """As people call it in comments; left out: its name."""
    goals: Annotated[list[GoalDocument], Field(min_length=1)]
    """The first that speaks of the issue's severity, tier and kind holds."""
    start: Acts | None = None
    """Any of these acts starts the clock; a metric known by name has its own."""
    stop: Stops | None = None
    """Any of these stops it; the same."""
    pause_statuses: Names = []
    """Jira statuses in which the clock rests."""
    pause: SomeConditions = []
    """While one of these holds the clock rests."""
    until: SomeConditions = []
    """While one of these holds nothing is owed. A resolved issue owes nothing either, but for what
    starts with its resolution."""
    repeats: bool | None = None
    """Whether a start after a stop begins a new cycle."""
    grid: Literal["rolling", "fixed"] = "rolling"
    """Of what repeats: from the reply on, or one goal after the other."""


# --- beside the clocks ----------------------------------------------------------------------------


class KindDocument(Model):
    """A kind of work, as the contract tells them apart."""

    text: Text | None = None
    """What it is, in words."""
    severities: Texts
    """The only ones that this kind of work can have."""


class LimitDocument(Model):
    """What the support does not cover."""

    id: Text
    """Its name in reasons."""
    clause: Text
    """The clause that says so."""
    text: Text
    """In words, after "not covered by ...:"."""
    excludes: Conditions | None = None
    """An issue of which this holds is not covered."""
    requires: Conditions | None = None
    """An issue that contradicts this is not covered; a field left empty contradicts nothing."""
    metrics: Names = []
    """Only these are not promised then; left out: the issue is not covered at all."""

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.excludes is None) == (self.requires is None):
            raise fault("needs just one of excludes and requires")
        return self


class DutyDocument(ScopeDocument):
    """What somebody has to do beside the clock."""

    id: Text
    """Its name."""
    who: Literal["customer", "company"]
    """Whose duty it is."""
    clause: Text
    """The clause that says so."""
    text: Text
    """What to do, as the one who is to do it reads it."""
    phone: OrParameter[Text] | None = None
    """A number to call."""
    done: Acts
    """Any of these ticks it off."""
    effect: DutyEffect = "none"
    """Until it is done: the promise is `conditional`, its clock rests (`pauses`), or nothing."""
    metrics: Names = []
    """On which metrics it has that effect."""


class ItemDocument(Model):
    """One piece of information: in one of these fields, or by one of these phrases."""

    id: Text
    """Its name."""
    text: Text
    """What is asked for, in words."""
    fields: Names = []
    """Any of these is filled."""
    phrases: list[Phrase] = []
    """Looked for in the summary and the description."""

    @model_validator(mode="after")
    def _can_be_found(self) -> Self:
        if not (self.fields or self.phrases):
            raise fault("could never be found; give fields or phrases")
        return self


class ChecklistDocument(Model):
    """Information that a request should bring."""

    clause: Text
    """The clause that says so."""
    items: Annotated[list[ItemDocument], Field(min_length=1)]
    """What is looked for."""
    pauses: Names = []
    """Metrics whose clocks rest while something is missing; left out: none."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""


class AcknowledgementDocument(Model):
    """An automatic public comment when the issue is made."""

    clause: Text
    """The clause that says so."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""


class ContactDocument(ScopeDocument):
    """A way to reach the support, shown in the acknowledgement."""

    id: Text
    """Its name."""
    clause: Text
    """The clause that says so."""
    text: Text
    """As the customer reads it."""
    hours: Text | None = None
    """A calendar: shown only to those who ask in these hours."""


class NoticeDocument(ScopeDocument):
    """Something that is said, publicly or to the team, whenever one of some acts happens."""

    id: Text
    """Its name."""
    clause: Text
    """The clause that says so."""
    on: Acts
    """Any of these acts has it said."""
    text: Text
    """What is said."""
    public: bool = False
    """Whether the customer reads it."""
    each: bool = True
    """Each time, or only the first time."""
    roles: Names = []
    """Whom it addresses, as `roles` in projects.yaml names them."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""


class StepDocument(Model):
    """One step of an escalation on request."""

    level: Annotated[int, Field(ge=1)]
    """Its number."""
    name: Text
    """What it is called."""
    role: Text
    """Who is addressed, as `roles` in projects.yaml names them."""


class RequestIssueDocument(Conditions):
    """What a new issue must be to ask for the escalation of the one it refers to."""

    needs: list[ItemDocument] = []
    """What it has to bring."""
    wants: list[ItemDocument] = []
    """What it is asked for, and carried out without."""
    either: Conditions | None = None
    """What must hold of it or of the issue that it refers to."""


class EscalationDocument(ScopeDocument):
    """How a customer asks for an escalation; each further request climbs one step."""

    id: Text
    """Its name."""
    clause: Text
    """The clause that says so."""
    on: Acts | None = None
    """By an act in the issue itself."""
    issue: RequestIssueDocument | None = None
    """By a new issue that links to this one or names its key."""
    levels: Annotated[list[StepDocument], Field(min_length=1)]
    """The steps, from the first request on."""
    assign: bool = False
    """Whether the issue goes to the first of those addressed."""
    wording: Template | None = None
    """Markdown with Jinja; left out: the site's own."""

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if (self.on is None) == (self.issue is None):
            raise fault("needs just one of on and issue: how it is asked for")
        if self.issue and len(self.levels) > 1:
            raise fault("has several levels, and a new issue goes to one; keep one of them")
        return self


# --- availability ---------------------------------------------------------------------------------


class TermDocument(Model):
    """A sentence that bears on a credit."""

    id: Text
    """Its name."""
    text: Text
    """The sentence."""
    clause: Text
    """The clause that says so."""
    settled_by: Literal["fact", "ledger"] = "fact"
    """Whether somebody states it, or the ledger of downtime tells."""


class CreditDocument(Model):
    """What a customer gets when the commitment was missed."""

    clause: Text
    """The clause that says so."""
    multiple: Multiple
    """So many times the amount paid for the time in excess."""
    cap: Percentage | None = None
    """Of what was paid for the month."""
    fee: OrParameter[Annotated[Text, checked(money)]]
    """What the customer pays for a month."""
    conditions: list[TermDocument] = []
    """What must be true for the credit to be due."""
    statements: list[TermDocument] = []
    """What is said beside the amount and decides nothing."""


class MaintenanceDocument(Model):
    """When scheduled maintenance may take place."""

    clause: Text
    """The clause that says so."""
    windows: Text
    """A calendar."""
    binding: Binding = "commitment"
    """Of keeping to the windows."""
    kind: Text = "Scheduled maintenance"
    """The kind of downtime that is such maintenance."""


class DowntimeDocument(Model):
    """The issues that are entries of the downtime ledger."""

    type: Text
    """The issues' type."""
    confirmed_at: Text = "Confirmed at"
    """The field with the instant from which it counts."""
    restored_at: Text = "Restored at"
    """The field with the instant until which it counts."""
    kind: Text = "Downtime kind"
    """The field with the kind of downtime."""
    customers: Text = "Affected customers"
    """The field with those who were affected."""


class AvailabilityDocument(Model):
    """What is promised of the service's uptime."""

    clause: Text
    """The clause that says so."""
    calendar: Text
    """The hours over which downtime counts."""
    commitment: Percentage | None = None
    """Such as 99.9%; left out: the month is shown, and nothing judges it."""
    basis: Literal["business", "all"] = "business"
    """Which minutes a month has: those of the calendar, or all of them."""
    excluded: dict[Text, Text] = {}
    """Kinds of downtime that do not count, each with the reason."""
    maintenance: MaintenanceDocument | None = None
    """Left out: none is excepted."""
    credit: CreditDocument | None = None
    """Left out: there is none."""
    downtime: DowntimeDocument | None = None
    """Left out: only what people enter counts."""


# --- what became of the text ----------------------------------------------------------------------


class ClauseDocument(Model):
    """A sentence of the text, and what it became here."""

    id: Text
    """As the text numbers it, or a name for the sentence."""
    gist: Text
    """What it says, in a sentence."""
    passages: Names = []
    """Where it stands in the text: the first words and the last, `…` between them."""
    became: Annotated[
        list[ClauseKind],
        BeforeValidator(_listed, json_schema_input_type=ClauseKind | list[ClauseKind]),
        Field(min_length=1),
    ]
    """One or several of rule, manual duty, out of scope, open parameter, ambiguity."""
    by: Text | None = None
    """What carries it out, or who, where nothing above cites it."""


class DecidedDocument(Model):
    """Who settled a choice, and when."""

    by: Text
    """Who settled it."""
    on: IsoDate
    """The day."""


class ChoiceDocument(Model):
    """An ambiguity of the text, settled by name."""

    id: Text
    """The name by which values refer to it."""
    clause: Text | None = None
    """The sentence that can be read in several ways."""
    question: Text
    """What is to be settled."""
    readings: Annotated[dict[Text, Text], Field(min_length=2)]
    """By name what each means."""
    chosen: Text | None = None
    """Left out: nobody has decided yet."""
    why: Text | None = None
    """The reason for what was chosen."""
    decided: DecidedDocument | None = None
    """Who settled it, and when; `dueline check` asks for it where it is missing."""
    example: Text
    """What it is worth: a case, with the instant under each reading."""

    @model_validator(mode="after")
    def _chosen_is_a_reading(self) -> Self:
        if self.chosen is not None and self.chosen not in self.readings:
            raise fault(
                f"chose `{self.chosen}`, which is no reading; {nearest(self.chosen, self.readings)}"
            )
        return self


class ContractDocument(Model):
    """A support policy: `contracts/ID.yaml`.

    Any value below may also be `{choice: ID, readings: {NAME: value, ...}}`: then it is the value
    of the reading that the choice settled on.
    """

    contract: Text
    """Its id, which is the file's name."""
    title: Text
    """As people call it."""
    source: Source
    """The text that it carries out."""
    severities: Annotated[dict[Text, Text | None], Field(min_length=1)]
    """Each level with its definition in the text's words; empty where the text gives none."""
    kinds: dict[Text, KindDocument] = {}
    """Kinds of work, where the text tells them apart."""
    parameters: dict[Text, Parameter] = {}
    """Figures that the text leaves open, by name."""
    metrics: Annotated[dict[Text, MetricDocument], Field(min_length=1)]
    """What is measured, by name."""
    coverage: list[LimitDocument] = []
    """What is not covered."""
    duties: list[DutyDocument] = []
    """What somebody has to do beside the clock."""
    acknowledgement: AcknowledgementDocument | None = None
    """Left out: nothing is said by itself."""
    contacts: list[ContactDocument] = []
    """Other ways to reach the support."""
    required_information: ChecklistDocument | None = None
    """What a request should bring."""
    notices: list[NoticeDocument] = []
    """What is said when something happens."""
    escalations: list[EscalationDocument] = []
    """How a customer asks for one."""
    availability: AvailabilityDocument | None = None
    """Uptime, maintenance and credits."""
    clauses: Annotated[list[ClauseDocument], Field(min_length=1)]
    """Every sentence of the text, and what it became."""
    choices: list[ChoiceDocument] = []
    """What can be read in several ways."""


_FIXED = frozenset(
    {"contract", "title", "source", "severities", "parameters", "clauses", "choices"}
)
_REFERENCE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["choice", "readings"],
    "properties": {
        "choice": {"type": "string", "description": "The id of one of the choices."},
        "readings": {"type": "object", "description": "A value for each of its readings."},
    },
    "title": "ChoiceReference",
}


def with_choices(schema: dict[str, Any]) -> dict[str, Any]:
    """The contract's JSON Schema, in which a value below may stand by its reading.

    Args:
        schema: as pydantic gives it; it is changed in place.
    """
    fixed = {"Source", "Parameter", "ClauseDocument", "ChoiceDocument", "DecidedDocument"}
    for name, model in schema["$defs"].items():
        if name not in fixed:
            _open(model)
    properties = schema["properties"]
    for key in properties.keys() - _FIXED:
        properties[key] = _or_choice(properties[key])
    schema["$defs"]["ChoiceReference"] = _REFERENCE
    return schema


def _or_choice(value: dict[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for key in ("description", "default"):
        if key in value:
            shown[key] = value.pop(key)
    _open(value)
    return {"anyOf": [value, {"$ref": "#/$defs/ChoiceReference"}], **shown}


def _open(schema: dict[str, Any]) -> None:
    """Let every value within a schema stand by its reading."""
    properties = schema.get("properties", {})
    for key in properties:
        properties[key] = _or_choice(properties[key])
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            schema[key] = _or_choice(schema[key])
    for key in ("anyOf", "oneOf"):
        for each in schema.get(key, []):
            _open(each)
