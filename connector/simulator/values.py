"""What each kind of field accepts, how its value is kept, and how a changelog words it.

A value is read once, strictly, into a canonical form (an instant, an `Option`, an e-mail address);
everything that shows it starts from there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from connector.simulator.adf import RichText, is_document, rich_text
from connector.simulator.errors import FieldError
from connector.simulator.model import Field, IssueType, Option, Priority, Resolution
from connector.simulator.world import World

# The pattern of Jira's parser: milliseconds and an offset are demanded.
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:?\d\d")
_TEXT_LIMIT = 255
_RICH_TEXT_LIMIT = 32767

Worded = tuple[str | None, str | None]


@dataclass(frozen=True, slots=True)
class Reading:
    """What a value is read against: the site, the field, and whether texts come as documents."""

    world: World
    field: Field
    documents: bool


@dataclass(frozen=True, slots=True)
class Kind:
    """How one kind of field reads a value, and how the changelog puts it as (id, text)."""

    read: Callable[[Reading, Any], Any]
    word: Callable[[World, Any], Worded]


def jira_time(instant: datetime) -> str:
    """Return an instant as Jira writes it: milliseconds, an offset without a colon."""
    utc = instant.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}+0000"


def read_value(reading: Reading, raw: Any) -> Any:
    """Return the canonical value of what a caller sent; raises `FieldError`."""
    return KINDS[reading.field.kind].read(reading, raw)


def word_value(world: World, field: Field, value: Any) -> Worded:
    """Return a value as the changelog has it: its id (if it has one) and its text."""
    if value is None:
        return None, None
    return KINDS[field.kind].word(world, value)


def _read_only(reading: Reading, _raw: Any) -> Any:
    raise FieldError(f"Field '{reading.field.id}' cannot be set.")


def _read_summary(_reading: Reading, raw: Any) -> str:
    if raw is None or raw == "":
        raise FieldError("You must specify a summary of the issue.")
    if not isinstance(raw, str):
        raise FieldError("Operation value must be a string")
    if "\n" in raw or "\r" in raw:
        raise FieldError("The summary is invalid because it contains newline characters.")
    if len(raw) > _TEXT_LIMIT:
        raise FieldError("Summary can't exceed 255 characters.")
    return raw.strip()


def _read_text(_reading: Reading, raw: Any) -> str | None:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str):
        raise FieldError("Operation value must be a string")
    if len(raw) > _TEXT_LIMIT:
        raise FieldError(
            "The entered text is too long. It exceeds the allowed limit of 255 characters."
        )
    return raw


def _read_rich_text(reading: Reading, raw: Any) -> RichText | None:
    if raw is None or raw == "":
        return None
    if reading.documents and not is_document(raw):
        raise FieldError(
            "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
        )
    if not reading.documents and not isinstance(raw, str):
        raise FieldError("Operation value must be a string")
    text = rich_text(raw)
    if len(text.wiki) > _RICH_TEXT_LIMIT:
        raise FieldError(
            "The entered text is too long. It exceeds the allowed limit of 32,767 characters."
        )
    return text if text.wiki else None


def _read_datetime(_reading: Reading, raw: Any) -> datetime | None:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str):
        raise FieldError("Operation value must be a string")
    if not _DATETIME.fullmatch(raw):
        raise FieldError(f"Error parsing time: {raw}")
    try:
        return datetime.fromisoformat(raw).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise FieldError(f"Error parsing time: {raw}") from error


def _read_date(_reading: Reading, raw: Any) -> date | None:
    if raw is None or raw == "":
        return None
    if not isinstance(raw, str):
        raise FieldError("Operation value must be a string")
    try:
        return date.fromisoformat(raw)
    except ValueError as error:
        raise FieldError(
            f"Error parsing date string: {raw}. The expected format is yyyy-MM-dd."
        ) from error


def _read_number(_reading: Reading, raw: Any) -> float | None:
    if raw is None:
        return None
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        raise FieldError("Operation value must be a number")
    return float(raw)


def _read_option(reading: Reading, raw: Any) -> Option | None:
    if raw is None:
        return None
    field = reading.field
    if not isinstance(raw, Mapping) or not ({"id", "value"} & set(raw)):
        raise FieldError(f"Specify a valid 'id' or 'name' for {field.name}")
    part = "id" if "id" in raw else "value"
    for option in field.options:
        if raw[part] == getattr(option, part) or str(raw[part]) == "-1":
            return None if str(raw[part]) == "-1" else option
    raise FieldError(f"Option {part} '{raw[part]}' is not valid")


def _read_options(reading: Reading, raw: Any) -> tuple[Option, ...] | None:
    if raw is None or raw == []:
        return None
    if not isinstance(raw, list):
        raise FieldError("data was not an array")
    chosen = (_read_option(reading, item) for item in raw)
    return tuple(dict.fromkeys(option for option in chosen if option))


def _read_labels(_reading: Reading, raw: Any) -> tuple[str, ...]:
    if raw is None:
        return ()
    if not isinstance(raw, list) or not all(isinstance(label, str) for label in raw):
        raise FieldError("data was not an array")
    for label in raw:
        if " " in label:
            raise FieldError(f"The label '{label}' contains spaces which is invalid.")
        if len(label) > _TEXT_LIMIT:
            raise FieldError(f"The label '{label}' exceeds the maximum length for a single label.")
    return tuple(sorted(dict.fromkeys(raw)))


def _read_user(reading: Reading, raw: Any) -> str | None:
    if raw is None:
        return None
    if not isinstance(raw, Mapping):
        raise FieldError("data was not an object")
    keys = ("accountId", "id") if reading.world.cloud else ("name", "key")
    given = {key: raw[key] for key in keys if key in raw}
    if not given:
        raise FieldError("User does not exist or you do not have permission to see it.")
    reference = next(iter(given.values()))
    if reference in {None, "", "-1"}:
        return None
    account = reading.world.find_account(str(reference))
    if account is None:
        raise FieldError(f"User '{reference}' does not exist.")
    return account.email


def _read_listed(what: str, listed: Callable[[World], list[Any]]) -> Callable[[Reading, Any], Any]:
    def read(reading: Reading, raw: Any) -> Any:
        if not isinstance(raw, Mapping):
            raise FieldError("data was not an object")
        for entry in listed(reading.world):
            if str(raw.get("id", "")) == entry.id or raw.get("name") == entry.name:
                return entry
        raise FieldError(f"The {what} selected is invalid.")

    return read


def _word_text(_world: World, value: str) -> Worded:
    return None, value


def _word_rich_text(_world: World, value: RichText) -> Worded:
    return None, value.wiki


def _word_datetime(_world: World, value: datetime) -> Worded:
    clock = value.strftime("%I:%M %p").removeprefix("0")
    return f"{value:%Y-%m-%dT%H:%M:%S}+0000", f"{_day(value)} {clock}"


def _word_date(_world: World, value: date) -> Worded:
    return value.isoformat(), _day(value)


def _day(value: date) -> str:
    return f"{value.day}/{value:%b/%y}"


def _word_number(_world: World, value: float) -> Worded:
    return None, f"{value:g}"


def _word_option(_world: World, value: Option) -> Worded:
    return value.id, value.value


def _word_options(_world: World, value: tuple[Option, ...]) -> Worded:
    return f"[{', '.join(o.id for o in value)}]", ",".join(o.value for o in value)


def _word_labels(_world: World, value: tuple[str, ...]) -> Worded:
    return None, " ".join(value)


def _word_user(world: World, value: str) -> Worded:
    return world.user_id(value), world.account(value).display_name


def _word_listed(_world: World, value: Priority | IssueType | Resolution) -> Worded:
    return value.id, value.name


KINDS: Mapping[str, Kind] = {
    "readonly": Kind(_read_only, _word_text),
    "summary": Kind(_read_summary, _word_text),
    "text": Kind(_read_text, _word_text),
    "richtext": Kind(_read_rich_text, _word_rich_text),
    "datetime": Kind(_read_datetime, _word_datetime),
    "date": Kind(_read_date, _word_date),
    "number": Kind(_read_number, _word_number),
    "option": Kind(_read_option, _word_option),
    "options": Kind(_read_options, _word_options),
    "labels": Kind(_read_labels, _word_labels),
    "user": Kind(_read_user, _word_user),
    "priority": Kind(_read_listed("priority", lambda w: w.site.priorities), _word_listed),
    "issuetype": Kind(_read_listed("issue type", lambda w: w.site.issue_types), _word_listed),
    "resolution": Kind(_read_listed("resolution", lambda w: w.site.resolutions), _word_listed),
}
