"""One issue: its story drawn and told, why each instant is what it is, and what would change it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast, get_args
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, NotFound
from werkzeug.wrappers import Response

from sla.cycle import Cycle
from sla.explain import Explanation, explanation_of
from webhooks.console.drawing import story as drawing
from webhooks.console.drawing.story import Story, Window
from webhooks.console.questions import records
from webhooks.console.questions.issue import (
    Subject,
    by_metric,
    found,
    next_due,
    sla_of,
    subject,
    unknown,
)
from webhooks.console.questions.story import Entry, story_of
from webhooks.console.questions.what_if import (
    Choices,
    Question,
    Supposed,
    choices_of,
    suppose,
)
from webhooks.console.standing import here
from webhooks.hindsight import recalculations
from webhooks.questions import QuestionError

blueprint = Blueprint("issue", __name__)

_WINDOWS = (
    ("all", "Whole story"),
    ("week", "Last 7 days"),
    ("due", "Around the due instant"),
)  # fmt: skip
_ROWS = 200
"""So many entries of the story and rows of the record are shown at once."""
_EXPLAINED = 2
"""So many of each metric's latest cycles are explained unless others are asked for."""
_STEPS = timedelta(days=60)
"""So long a way to a due instant is told step by step."""
_FIELD = "f."


@dataclass(frozen=True)
class _Told:
    """A page's part that may be cut: what is shown, and how much is not."""

    rows: Sequence[object]
    left_out: int


@blueprint.get("/issues/<key>")
def page(key: str) -> str | Response | tuple[str, int]:
    """An issue by its key; an old key leads on to the present one."""
    standing = here()
    row = found(standing, key)
    if row is None:
        return _unknown(key)
    if row.key and row.key != key:
        query = request.query_string.decode("ascii", "replace")
        return redirect(f"{url_for('.page', key=row.key)}?{query}".rstrip("?"))
    asked = subject(standing, row)
    what_if = _what_if(asked)
    if request.headers.get("HX-Request") and not request.headers.get("HX-History-Restore-Request"):
        piece = make_response(render_template("issue_what_if.html", subject=asked, **what_if))
        # The address to share names only what was asked.
        given = {name: value for name, value in request.args.items() if value.strip()}
        query = f"?{urlencode(given)}" if given else ""
        piece.headers["HX-Push-Url"] = f"{url_for('.page', key=key)}{query}"
        return piece
    sla, said = sla_of(asked, latest=True), records.rows_said(standing, row.issue_id)
    return render_template(
        "issue.html",
        subject=asked,
        sla=sla,
        version=records.publication_of(standing, sla.policy_version),
        mapped=sla.project in standing.configuration.policy.projects,
        **_story(asked, said),
        **_explained(asked),
        **_on_record(asked, said),
        **what_if,
    )


@blueprint.get("/issues")
def jump() -> Response:
    """Lead on to the issue whose key was typed."""
    key = request.args.get("key", "").strip()
    if not key:
        raise BadRequest("key: is missing; an issue's key reads like HLP-12.")
    return redirect(url_for(".page", key=key.upper()))


def _unknown(key: str) -> tuple[str, int]:
    project = key.strip().upper().rpartition("-")[0]
    is_mapped = project in here().configuration.policy.projects
    what = unknown(here(), key)
    page = render_template("issue_unknown.html", key=key, what=what, is_mapped=is_mapped)
    return page, 404


# --- the story ------------------------------------------------------------------------------------


def _story(asked: Subject, said: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    window = request.args.get("window", "all")
    if window not in get_args(Window):
        raise BadRequest(f"window: expected one of {', '.join(get_args(Window))}")
    fold = asked.folded
    if fold is None or fold.timeline.created_at is None:
        return {"drawn": None, "entries": _Told((), 0), "window": window, "windows": _WINDOWS}
    cycles = () if asked.row.incomplete else fold.decision.cycles
    anew = recalculations(here().database, asked.row)
    entries = story_of(fold.timeline, fold.policy, cycles, said, anew)
    drawn, in_sight = _draw(asked, cycles, entries, cast("Window", window))
    shown = in_sight if "rows" in request.args else in_sight[-_ROWS:]
    return {
        "drawn": drawn,
        "entries": _Told(shown, len(in_sight) - len(shown)),
        "window": window,
        "windows": _WINDOWS,
    }


def _draw(
    asked: Subject, cycles: Sequence[Cycle], entries: Sequence[Entry], window: Window
) -> tuple[Story, Sequence[Entry]]:
    """The picture, and the entries that lie in the window."""
    due = next_due(cycles)
    last = max((cycle.promise.due_at for cycle in cycles), default=None)
    due_at = due.due_at if due else last
    instants = [entry.at for entry in entries]
    instants += [each.due_at for each in cycles if each.due_at]
    scale = drawing.scale_of(window, instants, due_at, asked.now)
    name = f"Time line of {asked.name}; the table below tells the same."
    drawn = drawing.draw(name, by_metric(cycles), entries, scale, asked.zone, asked.now)
    return drawn, [entry for entry in entries if scale.shows(entry.at)]


# --- why ------------------------------------------------------------------------------------------


def _explained(asked: Subject) -> dict[str, object]:
    fold = asked.folded
    if fold is None or asked.row.incomplete:
        return {"why": None, "not_explained": {}, "chosen": None}
    chosen = _chosen(fold.decision.cycles, request.args.get("cycle", ""))
    why: Explanation = explanation_of(
        fold.decision, explained(fold.decision.cycles, chosen), _STEPS
    )
    told = {(each.metric, each.number) for each in why.cycles}
    others = {
        metric: [each.number for each in its if (metric, each.number) not in told][-50:]
        for metric, its in by_metric(fold.decision.cycles).items()
    }
    return {
        "why": why,
        "not_explained": {metric: numbers for metric, numbers in others.items() if numbers},
        "chosen": chosen,
    }


def _chosen(cycles: Iterable[Cycle], asked: str) -> Cycle | None:
    """The cycle of which somebody wants to know more."""
    if not asked:
        return None
    metric, _, number = asked.partition("/")
    found = [each for each in cycles if each.metric == metric and str(each.number) == number]
    if not found:
        raise NotFound("cycle: this issue has no such cycle; one reads like next_response/2.")
    return found[0]


def explained(cycles: Sequence[Cycle], chosen: Cycle | None) -> list[Cycle]:
    """The cycles of which the steps are told: the latest of each metric, or the chosen one."""
    if chosen is not None:
        return [chosen]
    return [each for its in by_metric(cycles).values() for each in its[-_EXPLAINED:]]


# --- on record ------------------------------------------------------------------------------------


def _on_record(asked: Subject, rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    fold, standing = asked.folded, here()
    if fold is None:
        return {"promises": _Told((), 0), "fields": [], "said": _Told((), 0), "row": asked.row}
    promises = records.promises_of(standing, fold)
    said = records.said_of(rows, fold.timeline)
    return {
        "promises": _Told(promises[:_ROWS], len(promises) - len(promises[:_ROWS])),
        "fields": records.fields_of(fold.row, standing.configuration),
        "sent_at": records.sent_at(standing, fold.row.issue_id),
        "said": _Told(said[:_ROWS], len(said) - len(said[:_ROWS])),
        "row": fold.row,
    }


# --- what would be --------------------------------------------------------------------------------


def _what_if(asked: Subject) -> dict[str, object]:
    if asked.folded is None or asked.row.incomplete or asked.timeline.created_at is None:
        return {"choices": None, "question": Question(), "supposed": None, "refused": ""}
    choices = choices_of(asked.folded, here(), asked.now, asked.zone)
    question = _question()
    supposed, refused = None, ""
    if not question.is_empty:
        try:
            supposed = suppose(asked.folded, question, choices, asked.now)
        except QuestionError as error:
            refused = str(error)
    return {
        "choices": choices,
        "question": question,
        "supposed": supposed,
        "refused": refused,
        "then_why": _then_why(supposed),
        "around": _around(asked.now, choices),
    }


def _question() -> Question:
    """The question in the address; what is left empty is not asked."""
    given = {name: value.strip() for name, value in request.args.items() if value.strip()}
    members = {name: given.get(name, "") for name in Question.__struct_fields__ if name != "fields"}
    fields = {
        name.removeprefix(_FIELD): value for name, value in given.items() if name.startswith(_FIELD)
    }
    return Question(**members, fields=fields)


def _then_why(supposed: Supposed | None) -> Explanation | None:
    """The steps of those metrics that would stand otherwise."""
    if supposed is None:
        return None
    changed = {each.metric for each in supposed.answer.metrics if each.changes and each.then}
    cycles = [
        its[-1] for name, its in by_metric(supposed.decision.cycles).items() if name in changed
    ]
    return explanation_of(supposed.decision, cycles, _STEPS)


def _around(now: datetime, choices: Choices) -> str:
    """The present minute as the field of an instant shows it."""
    return f"{now.astimezone(ZoneInfo(choices.zone)):%Y-%m-%dT%H:%M}"
