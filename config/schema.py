"""What the documents may say, file by file; also published as JSON Schema for editors."""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from config import lengths
from config.errors import closest, nearest
from config.wording import BREACH, CORRECTION, ESCALATION, WARNING, check_template
from sla.contract import Binding, ClauseKind, Reading
from sla.errors import SlaError
from sla.opening import Opening, WallTime
from sla.zones import check_zone

Observed = Literal["nearest_weekday", "next_monday"]

METRICS = ("first_response",)
"""What Dueline measures so far."""

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_T = TypeVar("_T")


def fault(message: str, kind: str = "fault") -> PydanticCustomError:
    """A fault whose sentence is shown as it stands, after the place."""
    # Braces in the sentence would be read as places to fill in, so it is itself filled in.
    return PydanticCustomError(kind, "{message}", {"message": message})


class Model(BaseModel):
    """A mapping of the documents: no key beyond those named, no value of another kind."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, use_attribute_docstrings=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _name_valid_keys(cls, data: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            lines = [cls._explained(line) for line in error.errors()]
            raise ValidationError.from_exception_data(error.title, lines) from None

    @classmethod
    def _explained(cls, line: Any) -> InitErrorDetails:
        kind, loc = line["type"], line["loc"]
        if kind == "extra_forbidden" and len(loc) == 1:
            advice = nearest(str(loc[0]), cls.model_fields)
            kind = fault(f"is a key that means nothing here; {advice}", "unknown_key")
        elif kind == "missing" and len(loc) == 1:
            meaning = cls.model_fields[str(loc[0])].description
            kind = fault("is missing; write it" + (f": {meaning}" if meaning else ""), kind)
        elif kind in {"fault", "unknown_key", "missing"}:
            kind = fault(line["msg"], kind)
        details = InitErrorDetails(type=kind, loc=loc, input=line["input"])
        if isinstance(kind, str) and "ctx" in line:
            details["ctx"] = line["ctx"]
        return details


def _number_as_text(value: Any) -> Any:
    """A level called `1` is a name too; nobody should have to quote it."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _some_text(value: str) -> str:
    if not value.strip():
        raise fault("is empty; write some text")
    return value.strip()


def _list_of_one(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """Keep the text as written, once `check` can read it."""

    def validate(value: str) -> str:
        try:
            check(value)
        except (ValueError, SlaError) as error:
            raise fault(str(error)) from None
        return value

    return AfterValidator(validate)


def _iso_date(value: Any) -> Any:
    if type(value) is date:
        return value.isoformat()
    try:
        if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise fault(f"is `{value}`, which is no date ({error}); write it like 2026-12-24") from None
    raise fault(f"is `{value}`, which is no date; write it like 2026-12-24")


def _two_times(value: list[str]) -> list[str]:
    if len(value) != 2:
        raise fault('is no opening; write [from, to], such as ["09:00", "17:00"]')
    try:
        Opening(WallTime.parse(value[0]), WallTime.parse(value[1]))
    except SlaError as error:
        raise fault(str(error)) from None
    return value


def _zone_with_advice(name: str) -> None:
    try:
        check_zone(name)
    except SlaError:
        from zoneinfo import available_timezones

        meant = closest(name, available_timezones())
        advice = f"did you mean `{meant}`?" if meant else "use an IANA name such as Europe/Berlin"
        raise ValueError(f"is `{name}`, which is no time zone; {advice}") from None


Text = Annotated[
    str,
    BeforeValidator(_number_as_text, json_schema_input_type=str | int),
    AfterValidator(_some_text),
]
Length = Annotated[Text, _checked(lengths.length)]
TargetText = Annotated[Text, _checked(lengths.target)]
Share = Annotated[Text, _checked(lengths.share)]
Template = Annotated[str, _checked(check_template)]
Zone = Annotated[str, _checked(_zone_with_advice)]
IsoDate = Annotated[str, BeforeValidator(_iso_date, json_schema_input_type=str)]
Texts = Annotated[
    list[Text],
    BeforeValidator(_list_of_one, json_schema_input_type=Text | list[Text]),
    Field(min_length=1),
]
"""One, or a list of at least one."""
Dates = Annotated[
    list[IsoDate],
    BeforeValidator(_list_of_one, json_schema_input_type=IsoDate | list[IsoDate]),
    Field(min_length=1),
]
Times = Annotated[list[str], AfterValidator(_two_times)]


class ParameterReference(Model):
    """In place of a value that the text leaves open: the site sets it in projects.yaml."""

    parameter: Text


def _by_shape(value: Any) -> str:
    return "<parameter>" if isinstance(value, (dict, ParameterReference)) else "<value>"


OrParameter = Annotated[
    Annotated[_T, Tag("<value>")] | Annotated[ParameterReference, Tag("<parameter>")],
    Discriminator(_by_shape),
]


# --- calendars/*.yaml ---------------------------------------------------------------------------


class NamedDate(Model):
    """One holiday on one date."""

    date: IsoDate
    name: Text = "Holiday"


class Library(Model):
    """The public holidays of a country, as the `holidays` library knows them."""

    country: Text
    """ISO 3166 code: US, DE, GB."""
    subdivision: Text | None = None
    """Such as BY for Bavaria, or SCT for Scotland."""
    categories: list[Text] | None = None
    """Such as public or bank; left out: what the library gives for the country."""
    observed: bool = True
    """Whether a holiday on a weekend is observed on a weekday near it, where the law says so."""
    language: Text | None = None
    """Of the names, such as en_US; left out: the country's own."""


class FromLibrary(Model):
    """Holidays from the library."""

    library: Library


class Rule(Model):
    """What all rules have."""

    name: Text = "Holiday"
    observed: Observed | None = None
    """Where it moves to from a weekend; left out: it stays."""


class EveryYear(Rule):
    """The same date each year."""

    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]

    @model_validator(mode="after")
    def _some_year_has_it(self) -> Self:
        last = monthrange(2000, self.month)[1]
        if self.day > last:
            raise fault(f"is a date that no year has; month {self.month} ends with day {last}")
        return self


class NthWeekday(Rule):
    """The n-th (1 to 5) or, counted from the end, the n-th last (-1 to -5) weekday of a month."""

    month: Annotated[int, Field(ge=1, le=12)]
    weekday: Day
    nth: Literal[1, 2, 3, 4, 5, -1, -2, -3, -4, -5]


class FromEaster(Rule):
    """So many days after Easter Sunday, or before it when negative: Good Friday is -2."""

    easter: Annotated[int, Field(ge=-200, le=200)]
    church: Literal["western", "orthodox"] = "western"


class FromFile(Model):
    """All-day events of an iCalendar file beside the document."""

    icalendar: Text


class Removed(Model):
    """Dates that some other item gives, and that are working days after all."""

    remove: Dates


_ITEM_KEYS = {
    "date": "date",
    "library": "library",
    "weekday": "weekday",
    "nth": "weekday",
    "easter": "easter",
    "icalendar": "icalendar",
    "remove": "remove",
    "parameter": "parameter",
    "month": "month",
    "day": "month",
}


def _holiday_kind(value: Any) -> str | None:
    if isinstance(value, Model):
        value = value.model_dump(exclude_none=True)
    if not isinstance(value, dict):
        return "<each>"
    return next((f"<{tag}>" for key, tag in _ITEM_KEYS.items() if key in value), None)


HolidayItem = Annotated[
    Annotated[IsoDate, Tag("<each>")]
    | Annotated[NamedDate, Tag("<date>")]
    | Annotated[FromLibrary, Tag("<library>")]
    | Annotated[EveryYear, Tag("<month>")]
    | Annotated[NthWeekday, Tag("<weekday>")]
    | Annotated[FromEaster, Tag("<easter>")]
    | Annotated[FromFile, Tag("<icalendar>")]
    | Annotated[Removed, Tag("<remove>")]
    | Annotated[ParameterReference, Tag("<parameter>")],
    Discriminator(
        _holiday_kind,
        custom_error_type="fault",
        custom_error_message=(
            "is no kind of holiday; write a date, or a mapping with one of: date, library, "
            "month and day, month and weekday and nth, easter, icalendar, remove, parameter"
        ),
    ),
]


class CalendarDocument(Model):
    """When it is open: `calendars/ID.yaml`."""

    title: Text | None = None
    note: Text | None = None
    clause: Text | None = None
    """Where the text gives these hours."""
    time_zone: Zone
    """IANA name, such as Europe/Berlin."""
    weekly: dict[Day, list[Times]] = {}
    """For each day the openings that start on it; a day that is left out is closed."""
    holidays: list[HolidayItem] = []
    """All of them together, less those to `remove`, wherever in the list that stands."""
    extra_days: dict[IsoDate, list[Times]] = {}
    """Replaces what starts on a date, holiday or not; an empty list closes it."""
    holiday_mode: Literal["civil", "start_day"] = "civil"
    """civil: closed from midnight to midnight; start_day: no shift starts on it."""
    always_open: bool = False
    """Round the clock, whatever weekly hours and holidays say."""


# --- contracts/*.yaml ---------------------------------------------------------------------------


class Source(Model):
    """The published text that the contract carries out."""

    publisher: Text
    title: Text
    url: Text | None = None
    modified: Text | None = None
    """As the text itself says when it was last changed."""
    note: Text | None = None


class Parameter(Model):
    """A figure that the text leaves open, so that whoever uses the contract has to set it."""

    kind: Literal["holidays", "target", "calendar"]
    clause: Text
    what: Text
    """What to give, in words."""


class GoalDocument(Model):
    """One line of the table of promises; without severity or tier it speaks of all of them."""

    severity: Texts | None = None
    tier: Texts | None = None
    target: OrParameter[TargetText]
    """Open time such as 2h, or business days such as 1 business day."""
    reading: Reading | None = None
    """How a business day is read; open_hours unless it is said."""
    calendar: OrParameter[Text]
    binding: Binding = "commitment"
    clause: Text

    @model_validator(mode="after")
    def _reading_needs_days(self) -> Self:
        if self.reading and isinstance(self.target, str) and not lengths.business_days(self.target):
            raise fault("has a reading, which only business days need; leave it out for open time")
        return self


class MetricDocument(Model):
    """What is measured."""

    clause: Text
    goals: Annotated[list[GoalDocument], Field(min_length=1)]
    pause_statuses: list[Text] = []
    """Jira statuses in which the clock rests."""


class ClauseDocument(Model):
    """A sentence of the text, and what it became here."""

    id: Text
    gist: Text
    became: ClauseKind


class ChoiceDocument(Model):
    """An ambiguity of the text, settled by name."""

    id: Text
    question: Text
    readings: Annotated[dict[Text, Text], Field(min_length=2)]
    chosen: Text
    example: Text

    @model_validator(mode="after")
    def _chosen_is_a_reading(self) -> Self:
        if self.chosen not in self.readings:
            raise fault(
                f"chose `{self.chosen}`, which is no reading; {nearest(self.chosen, self.readings)}"
            )
        return self


class ContractDocument(Model):
    """A support policy: `contracts/ID.yaml`."""

    contract: Text
    title: Text
    source: Source
    severities: Annotated[dict[Text, Text | None], Field(min_length=1)]
    """Each level with its definition in the text's words; empty where the text gives none."""
    parameters: dict[Text, Parameter] = {}
    metrics: Annotated[dict[Text, MetricDocument], Field(min_length=1)]
    clauses: Annotated[list[ClauseDocument], Field(min_length=1)]
    choices: list[ChoiceDocument] = []


# --- projects.yaml ------------------------------------------------------------------------------


class Conditions(Model):
    """Each one that is given must hold; names of Jira, in which case does not count."""

    type: Texts | None = None
    priority: Texts | None = None
    status: Texts | None = None
    fields: dict[Text, Texts] = {}
    """Any other field, by its name or its id such as customfield_10050."""


class ContractRuleDocument(Conditions):
    """Under these conditions an issue has that contract and tier."""

    contract: Text
    tier: Text | None = None


class SeverityRuleDocument(Conditions):
    """Under these conditions an issue has that severity."""

    severity: Text


class ProjectDocument(Model):
    """How one Jira project's issues find their promise; of each list the first match wins."""

    contracts: Annotated[list[ContractRuleDocument], Field(min_length=1)]
    severities: Annotated[list[SeverityRuleDocument], Field(min_length=1)]
    alerts: Text | None = None
    """The name of a set of alerts; left out: `default`, where there is one."""


class AudienceDocument(Model):
    """Whom a comment addresses."""

    assignee: bool = False
    users: list[Text] = []
    """Account ids (Cloud) or user names (Data Center)."""
    groups: list[Text] = []


class WarningDocument(Model):
    """Speak up before the due instant."""

    used: Share | None = None
    """Share of the goal that is used up, such as 75%."""
    left: Length | None = None
    """Open time left, such as 30m."""
    audience: AudienceDocument | None = None
    """Left out: the assignee."""
    wording: Template | None = None

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if (self.used is None) == (self.left is None):
            raise fault("needs just one of used and left, such as `used: 75%` or `left: 30m`")
        return self


class BreachDocument(Model):
    """Speak up at the due instant."""

    audience: AudienceDocument | None = None
    wording: Template | None = None


class LevelDocument(Model):
    """One step of the ladder after a breach."""

    level: Annotated[int, Field(ge=1)]
    name: Text
    after: Annotated[Text, _checked(lengths.delay)]
    """Open time after the due instant."""
    hours: Text | None = None
    """A calendar for the level's own hours; left out: those of the goal."""
    audience: AudienceDocument | None = None
    wording: Template | None = None


class AlertsDocument(Model):
    """Who hears of a promise in danger, when, and in what words."""

    warnings: list[WarningDocument] = []
    breach: BreachDocument = BreachDocument()
    levels: list[LevelDocument] = []


def _parameter_shape(value: Any) -> str:
    return "<holidays>" if isinstance(value, list) else "<text>"


ParameterValue = Annotated[
    Annotated[list[HolidayItem], Tag("<holidays>")] | Annotated[Text, Tag("<text>")],
    Discriminator(_parameter_shape),
]


class ProjectsDocument(Model):
    """Which promise an issue has: `projects.yaml`."""

    projects: Annotated[dict[Text, ProjectDocument], Field(min_length=1)]
    parameters: dict[Text, dict[Text, ParameterValue]] = {}
    """For each contract what its text leaves open."""
    alerts: dict[Text, AlertsDocument] = {}


# --- site.yaml ----------------------------------------------------------------------------------


class FieldNames(Model):
    """The Jira fields that show the promise: each a name, or an id such as customfield_10050."""

    policy: Text = "SLA policy"
    severity: Text = "SLA severity"
    due: Text = "First response due"
    responded: Text = "First responded"
    state: Text = "SLA state"
    level: Text = "SLA escalation level"


class RespondersDocument(Model):
    """Whose public reply counts, by account id (Cloud) or user key (Data Center)."""

    only: list[Text] = []
    """Empty: anyone but the reporter, customers and apps."""
    never: list[Text] = []


class CommentsDocument(Model):
    """Who can read Dueline's comments."""

    internal: bool = True
    """In a service project: hidden from customers."""
    role: Text | None = None
    """In other projects: shown to this project role only."""


class WordingDocument(Model):
    """Markdown with Jinja; a rule of the alerts may have its own."""

    warning: Template = WARNING
    breach: Template = BREACH
    escalation: Template = ESCALATION
    correction: Template = CORRECTION


class SiteDocument(Model):
    """One Jira: `site.yaml`."""

    fields: FieldNames = FieldNames()
    reported_at: Text | None = None
    """A field with the instant at which an issue was reported, when it was typed in later."""
    responders: RespondersDocument = RespondersDocument()
    comments: CommentsDocument = CommentsDocument()
    wording: WordingDocument = WordingDocument()


DOCUMENTS: dict[str, type[Model]] = {
    "contract": ContractDocument,
    "calendar": CalendarDocument,
    "projects": ProjectsDocument,
    "site": SiteDocument,
}


def json_schema(document: str) -> dict[str, Any]:
    """The JSON Schema of one kind of document, for editors.

    Args:
        document: contract, calendar, projects or site.
    """
    schema = DOCUMENTS[document].model_json_schema(mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
