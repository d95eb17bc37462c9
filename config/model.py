"""What all documents are made of: mappings without unknown keys, names, lengths, conditions."""

from __future__ import annotations

import re
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
from config.errors import nearest
from config.wording import check_template
from sla.errors import SlaError
from sla.opening import Opening, WallTime
from sla.words import closest
from sla.zones import check_zone

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


def checked(check: Callable[[str], object]) -> AfterValidator:
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
Length = Annotated[Text, checked(lengths.length)]
TargetText = Annotated[Text, checked(lengths.target)]
Share = Annotated[Text, checked(lengths.share)]
Template = Annotated[str, checked(check_template)]
Zone = Annotated[str, checked(_zone_with_advice)]
IsoDate = Annotated[str, BeforeValidator(_iso_date, json_schema_input_type=str)]
Texts = Annotated[
    list[Text],
    BeforeValidator(_list_of_one, json_schema_input_type=Text | list[Text]),
    Field(min_length=1),
]
"""One, or a list of at least one."""
Names = Annotated[
    list[Text], BeforeValidator(_list_of_one, json_schema_input_type=Text | list[Text])
]
"""One, or a list of any length."""
Dates = Annotated[
    list[IsoDate],
    BeforeValidator(_list_of_one, json_schema_input_type=IsoDate | list[IsoDate]),
    Field(min_length=1),
]
Times = Annotated[list[str], AfterValidator(_two_times)]


class ParameterReference(Model):
    """In place of a value that the text leaves open: the site sets it in projects.yaml."""

    parameter: Text
    """The contract's name for it."""


def _by_shape(value: Any) -> str:
    return "<parameter>" if isinstance(value, (dict, ParameterReference)) else "<value>"


OrParameter = Annotated[
    Annotated[_T, Tag("<value>")] | Annotated[ParameterReference, Tag("<parameter>")],
    Discriminator(_by_shape),
]


class Conditions(Model):
    """Each one that is given must hold; names of Jira, in which case does not count."""

    type: Texts | None = None
    """Issue types, by name."""
    priority: Texts | None = None
    """Priorities, by name."""
    status: Texts | None = None
    """Statuses, by name."""
    fields: dict[Text, Texts] = Field(default={})
    """Any other field, by its name or its id such as customfield_10050."""
    filled: Names = Field(default=[])
    """Fields that must have some value."""
    empty: Names = Field(default=[])
    """Fields that must have none."""


class AudienceDocument(Model):
    """Whom a comment addresses."""

    assignee: bool = False
    """Whoever has the issue."""
    users: Names = Field(default=[])
    """Account ids (Cloud) or user names (Data Center)."""
    groups: Names = Field(default=[])
    """By name; their members are mentioned."""
