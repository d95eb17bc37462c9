"""Saves what a project's mapping is to be in a draft, and loses nothing of what others saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from config.mapping_edits import FILE, edited, even
from config.positions import Place, Plain
from webhooks.console.access.people import Person
from webhooks.console.questions.mapping import (
    Source,
    Value,
    alerts_named,
    data_of,
    part,
    project_of,
    source,
)
from webhooks.console.questions.mapping_rules import (
    ContractRule,
    NotUnderstood,
    SeverityRule,
    plain_contract,
    plain_severity,
)
from webhooks.console.standing import Standing
from webhooks.drafting import Publishing, Refused


class ChangedMeanwhile(Refused):
    """A version came into force that has another mapping of the project than the one seen."""


class Unchanged(Refused):
    """Nothing differs from what is there."""


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


class Saved(msgspec.Struct, frozen=True):
    """Where a mapping was saved."""

    draft: int
    revision: int
    faults: Sequence[str]
    """What is wrong with the draft as a whole; it cannot be published with any."""


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
    if at.draft is not None and at.draft.restores is not None:
        raise NotUnderstood(
            f"Draft {at.draft.id} puts version {at.draft.restores} in force again, exactly as it "
            "was, and takes nothing else: change the mapping that is in force, in another draft."
        )
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
    seen = data_of(publishing.documents(base).get(FILE, ""))
    same = even(part(seen, "projects", key)) == even(part(at.data, "projects", key))
    others = ("parameters", "customers", "choices")
    if not same or any(even(seen.get(each)) != even(at.data.get(each)) for each in others):
        raise ChangedMeanwhile(_MEANWHILE.format(at.base.id))


def _changes(
    at: Source, key: str, wanted: Wanted, person: Person, now: datetime
) -> dict[Place, Plain]:
    written = part(at.data, "projects", key)
    if not wanted.mapped:
        if written is None:
            raise Unchanged(f"{key} is not mapped as it is: nothing was saved.")
        return {("projects", key): None}
    parts = _parts_of_the_project(at, key, wanted, written)
    if written is None:
        whole: dict[str, Plain] = {name: each for name, each in parts.items() if each is not None}
        found: dict[Place, Plain] = {("projects", key): whole}
    else:
        found = {("projects", key, name): each for name, each in parts.items()}
    found.update(_places(wanted.parameters, "parameters"))
    for customer, forms in wanted.customers.items():
        found.update(_places(forms, "customers", customer))
    found.update(_settled(at, wanted, person, now))
    return found


def _parts_of_the_project(at: Source, key: str, wanted: Wanted, written: Any) -> dict[str, Plain]:
    parts: dict[str, Plain] = {}
    if wanted.contracts is not None:
        parts["contracts"] = [plain_contract(rule) for rule in wanted.contracts]
    if wanted.severities is not None:
        parts["severities"] = [plain_severity(rule) for rule in wanted.severities]
    _refuse_half_a_project(key, parts, written)
    if wanted.alerts is not None and wanted.alerts != alerts_named(
        project_of(at.data, key), at.data
    ):
        parts["alerts"] = wanted.alerts or None
    return parts


def _places(
    values: Mapping[str, Mapping[str, Value | None]], *above: str
) -> Iterator[tuple[Place, Plain]]:
    for contract, each in values.items():
        for name, value in each.items():
            if not _is_plain(value):
                raise NotUnderstood(
                    f"{contract}, {name}: holds a value that YAML cannot hold here."
                )
            yield (*above, contract, name), value


def _is_plain(value: object, depth: int = 6) -> bool:
    """Whether it is made of what documents are made of."""
    if not depth:
        return False
    if isinstance(value, list):
        return all(_is_plain(each, depth - 1) for each in value)
    if isinstance(value, dict):
        return all(_is_plain(each, depth - 1) for each in value.values())
    return value is None or isinstance(value, (str, int))


def _settled(
    at: Source, wanted: Wanted, person: Person, now: datetime
) -> Iterator[tuple[Place, Plain]]:
    """The choices that are settled otherwise than before, each with by whom and when."""
    for contract, chosen in wanted.choices.items():
        for name, reading in chosen.items():
            if reading == part(at.data, "choices", contract, name, "chosen"):
                continue
            day = now.date().isoformat()
            settled: Plain = {"chosen": reading, "by": person.name, "on": day} if reading else None
            yield ("choices", contract, name), settled


def _refuse_half_a_project(key: str, parts: Mapping[str, Plain], written: Any) -> None:
    for name, words in (("contracts", "contract"), ("severities", "severity")):
        if (name in parts or written is None) and not parts.get(name):
            raise NotUnderstood(
                f"{key} needs at least one {words} rule: choose "
                f"{'a contract' if name == 'contracts' else 'a severity in the table'}, or take "
                "the project out of the mapping."
            )
