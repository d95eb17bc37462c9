"""Which project has which contract, tier and severities; changes go into a draft."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, Conflict, NotFound
from werkzeug.wrappers import Response

from config.document_sets import line_by_line
from config.mapping_edits import FILE, NotByForm, in_one_line
from sla.store.drafts import Draft
from webhooks.console.access import asking
from webhooks.console.pages import mapping_faults, mapping_form
from webhooks.console.pages.mapping_faults import FieldFault
from webhooks.console.pages.mapping_form import MappingForm
from webhooks.console.pages.numbers import positive
from webhooks.console.questions import mapping as asked
from webhooks.console.questions import mapping_rules, mapping_saving
from webhooks.console.questions.mapping import ProjectsAsked, Source
from webhooks.console.questions.mapping_rules import NotUnderstood
from webhooks.console.questions.mapping_saving import ChangedMeanwhile, Unchanged, Wanted
from webhooks.console.standing import here

blueprint = Blueprint("mapping", __name__)
_IN_FORCE = "in-force"
_Answer = str | Response | tuple[str, int]
STATES = (
    ("", "All"), ("mapped", "Mapped"), ("unmapped", "Not mapped"), ("gone", "Gone from Jira"),
)  # fmt: skip


@blueprint.get("/mapping")
def page() -> str:
    """All projects of Jira, and those that only the mapping names."""
    try:
        wanted = msgspec.convert(_given(), ProjectsAsked, strict=False)
    except msgspec.ValidationError as error:
        raise BadRequest(f"{error}. Clear the filters, and ask again.") from None
    standing = here()
    found = asked.projects(standing, wanted)
    return render_template(
        "mapping.html", found=found, asked=wanted, states=STATES, now=standing.now(),
        edits=standing.settings.edits, directory=standing.settings.config,
    )  # fmt: skip


@blueprint.get("/mapping/<key>")
def project(key: str) -> _Answer:
    """One project's mapping, as it is in force or as a draft has it."""
    standing = here()
    at = asked.source(standing.publishing, _draft())
    try:
        where = asked.around(standing, key, at)
        if not asked.is_known(key, at, where):
            return render_template("mapping_unknown.html", key=key), NotFound.code
        return _shown(key, at, mapping_form.filled(at, key, where))
    except NotByForm as error:
        return render_template(
            "mapping_as_text.html", key=key, at=at, message=str(error), path=FILE
        ), Conflict.code  # fmt: skip


@blueprint.post("/mapping/<key>")
@asking.administrators
def change(key: str) -> _Answer:
    """Save what was typed in a draft, or do what another button of the form asks for."""
    standing, form = here(), request.form
    at = asked.source(standing.publishing, _number("draft"))
    where = asked.around(standing, key, at)
    if not asked.is_known(key, at, where):
        return render_template("mapping_unknown.html", key=key), NotFound.code
    try:
        typed = mapping_form.typed(form)
    except NotUnderstood as error:
        raise BadRequest(str(error)) from None
    button = form.get("do", "save")
    if button not in ("save", "take-out"):
        after = mapping_form.pressed(typed, button, where, form.get("new-row", ""))
        return _shown(key, at, after, is_typed=True)
    try:
        wanted = Wanted(mapped=False)
        if button == "save":
            wanted = mapping_form.wanted(typed, at, key, where)
        saved = mapping_saving.save(
            standing, asking.person(), key, wanted,
            draft=at.draft.id if at.draft else None, revision=_number("revision"),
            base=_number("base"),
        )  # fmt: skip
    except (ChangedMeanwhile, NotUnderstood, NotByForm, Unchanged) as error:
        return _shown(key, at, typed, is_typed=True, refusal=error), Conflict.code
    flash(f"Saved in draft {saved.draft}, revision {saved.revision}.", "success")
    return redirect(url_for(".project", key=key, draft=saved.draft))


def _shown(
    key: str, at: Source, form: MappingForm, *, is_typed: bool = False,
    refusal: Exception | None = None,
) -> str:  # fmt: skip
    standing = here()
    publishing, where = standing.publishing, asked.around(standing, key, at)
    written = asked.project_of(at.data, key)
    severities = mapping_rules.severities_of(written)
    options = asked.options(form.used, where)
    table = form.table
    there = set(table.cells.values()) if table else set()
    offered = [*options, *sorted(there - set(options), key=str)]
    seen = where.seen(key)
    draft = at.draft
    refused = mapping_faults.refused(refusal)
    is_open = draft is not None and draft.state == "open"
    error = publishing.checked(draft).error if draft and is_open else None
    problems = mapping_faults.of_draft(error, key, form)
    return render_template(
        "mapping_project.html",
        key=key, at=at, form=form, where=where, name=seen.name if seen else "",
        in_jira=where.is_there(key), is_mapped=bool(written), is_typed=is_typed,
        refusal=str(refusal) if refusal else "", meanwhile=_meanwhile(refusal, at),
        parts=mapping_rules.in_parts(severities), severities=severities,
        in_words=mapping_rules.in_words, as_key=mapping_rules.as_key,
        options=list(mapping_form.ranks(offered)), foreign=there - set(options),
        tests=mapping_form.TESTS, tiers=_tiers(form.used, where),
        more_types=[each for each in where.issue_types if table and each not in table.types],
        alerts=sorted(asked.part(at.data, "alerts") or {}), alerts_for=asked.other_alerts(written),
        parameters=list(asked.parameters(form.used, at, where)),
        choices=list(asked.choices(form.used, at, where)),
        unknown=asked.unknown(severities, where), one_line=in_one_line,
        notes=[note for note in asked.drafts(publishing) if not draft or note.id != draft.id],
        in_doubt=mapping_faults.severities_in_doubt(error, key, severities),
        problems=problems, faults=_by_field([*refused, *problems]), refused=refused,
        revision=_seen("revision", is_typed=is_typed) or (draft.revision if draft else ""),
        base=_seen("base", is_typed=is_typed and not isinstance(refusal, ChangedMeanwhile))
        or at.base.id,
        newest=publishing.in_force(), edits=standing.settings.edits,
        directory=standing.settings.config, file=FILE,
        may_change=asking.person().may_change and (draft is None or _takes_changes(draft)),
    )  # fmt: skip


def _by_field(faults: Sequence[FieldFault]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in faults:
        found.setdefault(each.field, []).append(each.message)
    return found


def _seen(name: str, *, is_typed: bool) -> int | None:
    """What was typed was typed over the revision that was seen: it stays that of the form."""
    return _number(name) if is_typed else None


def _takes_changes(draft: Draft) -> bool:
    """Whether it is open; one that restores a version stays exactly that."""
    return draft.state == "open" and draft.restores is None


def _meanwhile(refusal: Exception | None, at: Source) -> list[str]:
    """What came into force since the page was made, line by line."""
    base = _number("base") if isinstance(refusal, ChangedMeanwhile) else None
    if base is None:
        return []
    return line_by_line(here().publishing.documents(base).get(FILE, ""), at.text)


def _tiers(used: list[str], where: asked.Around) -> list[str]:
    found: dict[str, None] = {}
    for id_ in used:
        model = where.models.get(id_)
        for metric in model.metrics.values() if model else ():
            for goal in metric.goals:
                found.update(dict.fromkeys(goal.tier or ()))
    return list(found)


def _given() -> dict[str, Any]:
    known = {"q", "state", "page", "draft"}
    return {name: value for name, value in request.args.items() if name in known and value}


def _draft() -> int | None:
    """The draft that is asked for; nobody asked: the one in which this person goes on."""
    given = request.args.get("draft", "")
    if given == _IN_FORCE:
        return None
    if not given:
        person = asking.person()
        return asked.own_draft(here().publishing, person) if person.may_change else None
    return positive(given, "draft")


def _number(name: str) -> int | None:
    given = request.form.get(name, "")
    return positive(given, name) if given else None
