"""Drafts: what is to become the next version, its faults, its preview, and publishing it.

The pages that edit (the mapping, contracts, calendars) save into a draft and lead here; here every
document of it can be edited as text, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, Conflict, NotFound
from werkzeug.wrappers import Response as AnyResponse

from config.document_sets import line_by_line
from config.errors import ConfigError, ConfigurationError
from sla.preview import moved_before_in_words
from sla.words import utc
from webhooks.console import csv_export
from webhooks.console.access import asking
from webhooks.console.pages.files import csv_file, zip_file
from webhooks.console.pages.numbers import positive
from webhooks.console.questions import publishing as asked
from webhooks.console.questions.publishing import FINDINGS, PAGE, Finding
from webhooks.console.standing import here
from webhooks.drafting import NotThere, PublishedMeanwhile, ReadOnly, Refused, SavedMeanwhile

blueprint = Blueprint("drafts", __name__)
_MOVED = ("issue", "metric", "contract", "state_from", "due_from", "state_to", "due_to")
_Answer = str | AnyResponse | tuple[str, int]


@blueprint.get("/drafts")
def page() -> str:
    """The drafts that are open."""
    publishing = here().publishing
    return render_template(
        "drafts.html", drafts=publishing.drafts(), in_force=publishing.in_force()
    )


@blueprint.post("/drafts")
@asking.administrators
def begin() -> AnyResponse:
    """Begin an empty draft."""
    draft = here().publishing.begin(asking.person(), request.form.get("title", ""))
    return redirect(url_for(".one", id_=draft.id))


@blueprint.get("/drafts/<int:id_>")
def one(id_: int) -> str:
    """A draft with everything that decides whether it can be published."""
    return _shown(id_)


@blueprint.post("/drafts/<int:id_>/title")
@asking.administrators
def rename(id_: int) -> _Answer:
    """Give it another title."""
    return _done(
        id_, lambda: here().publishing.save(
            asking.person(), id_, _revision(), {}, request.form.get("title", "")
        ), "Saved.",
    )  # fmt: skip


@blueprint.get("/drafts/<int:id_>/edit")
def edit(id_: int) -> AnyResponse:
    """One document of a draft as text."""
    draft, path = here().publishing.draft(id_), request.args.get("path", "").strip()
    if not path:
        return redirect(url_for("documents.page", draft=draft.id))
    return redirect(url_for("documents.one", path=path, draft=draft.id))


@blueprint.post("/drafts/<int:id_>/documents")
@asking.administrators
def save(id_: int) -> _Answer:
    """Save documents as text; with `remove` they go."""
    texts = zip(request.form.getlist("path"), request.form.getlist("text"), strict=False)
    removed = set(request.form.getlist("remove"))
    changes = {path.strip(): None if path in removed else text for path, text in texts}
    try:
        draft = here().publishing.save(asking.person(), id_, _revision(), changes)
    except ConfigurationError as error:
        return _not_saved(id_, changes, str(error))
    flash(f"Saved as revision {draft.revision}.", "success")
    return redirect(url_for(".one", id_=id_))


@blueprint.post("/drafts/<int:id_>/preview")
@asking.administrators
def preview(id_: int) -> _Answer:
    """Have it worked out which open issues would change."""
    return _done(id_, lambda: asked.begin_preview(here(), id_, _revision()), "")


@blueprint.post("/drafts/<int:id_>/rebase")
@asking.administrators
def rebase(id_: int) -> _Answer:
    """Bring a draft up to date with what came into force since it was begun."""
    taken = {
        name.removeprefix("take:"): value
        for name, value in request.form.items()
        if name.startswith("take:")
    }
    return _done(
        id_, lambda: here().publishing.rebase(asking.person(), id_, _revision(), taken),
        "The draft is up to date. Look at a new preview before it is published.",
    )  # fmt: skip


@blueprint.post("/drafts/<int:id_>/publish")
@asking.administrators
def publish(id_: int) -> _Answer:
    """Put a draft in force."""
    form = request.form
    issues = form.get("issues", "")
    if issues not in ("new", "open"):
        return _shown(
            id_, "Choose what becomes of the issues that are open now.", typed=form
        ), Conflict.code
    try:
        version = here().publishing.publish(
            asking.person(), id_, _revision(), form.get("reason", ""), recalculate=issues == "open"
        )
    except NotThere:
        raise
    except (Refused, ConfigError) as error:
        return _shown(id_, str(error), typed=form), Conflict.code
    flash(f"Version {version.id} is in force.", "success")
    if here().service.engine.in_force != version.version:
        flash(
            "This process has not taken it over yet, and judges by the version before until then. "
            "It tries again every five seconds; the log says what was in the way.",
            "warning",
        )
    return redirect(url_for("versions.page"))


@blueprint.post("/drafts/<int:id_>/discard")
@asking.administrators
def discard(id_: int) -> _Answer:
    """Give a draft up."""
    return _done(
        id_, lambda: here().publishing.discard(asking.person(), id_, _revision()),
        "The draft is discarded; nothing has changed.",
    )  # fmt: skip


@blueprint.get("/drafts/<int:id_>.zip")
def export(id_: int) -> Response:
    """All documents as a draft has them, to be committed where files are kept."""
    publishing = here().publishing
    draft = publishing.draft(id_)
    return zip_file(publishing.whole(draft), f"dueline-draft-{id_}-{draft.revision}.zip")


@blueprint.get("/drafts/<int:id_>/moves.csv")
def moves(id_: int) -> Response:
    """Everything that its preview found to move."""
    standing = here()
    draft = standing.publishing.draft(id_)
    rows = [
        (
            move.issue, move.metric, move.contract, move.state_from,
            utc(move.due_from) if move.due_from else None, move.state_to,
            utc(move.due_to) if move.due_to else None,
        )
        for move in asked.every_move(standing, draft, _finding())
    ]  # fmt: skip
    return csv_file(csv_export.as_csv([_MOVED, *rows]), f"dueline-draft-{id_}-preview.csv")


def conflict(error: SavedMeanwhile) -> tuple[str, int]:
    """Both texts of what two people changed at once; nothing of either is lost."""
    publishing = here().publishing
    theirs = publishing.whole(error.draft)
    texts = [
        (path, text, theirs.get(path), line_by_line(theirs.get(path, ""), text or ""))
        for path, text in error.changes.items()
    ]
    return render_template(
        "draft_conflict.html", draft=error.draft, texts=texts, message=str(error)
    ), Conflict.code


@blueprint.app_errorhandler(Refused)
def refused(error: Refused) -> Any:
    """What cannot be done as things stand, wherever it was asked: a page, or JSON for programs."""
    code = NotFound.code if isinstance(error, NotThere) else Conflict.code
    if request.path.startswith("/api/"):
        from webhooks.console.api.described import refused as told

        return told(code, str(error))
    if isinstance(error, SavedMeanwhile) and error.changes:
        return conflict(error)
    if isinstance(error, (SavedMeanwhile, PublishedMeanwhile)):
        return _shown(error.draft.id, str(error)), code
    name = "Not found" if isinstance(error, NotThere) else "Not possible as things stand"
    return render_template("refused.html", name=name, message=str(error)), code


@blueprint.app_errorhandler(ConfigurationError)
def faulty(error: ConfigurationError) -> Any:
    """Documents that cannot be used, wherever that was found."""
    if request.path.startswith("/api/"):
        from webhooks.console.api.described import refused as told

        return told(BadRequest.code, str(error))
    return render_template("refused.html", name="Faulty", message=str(error)), BadRequest.code


def _shown(id_: int, message: str = "", typed: Mapping[str, str] | None = None) -> str:
    standing = here()
    found = asked.seen(standing, id_)
    finding, number = _finding(), _page()
    moved = None
    if found.preview and found.preview.state == "done":
        moved = asked.moved(standing, found.draft, finding, number)
    return render_template(
        "draft.html",
        seen=found,
        draft=found.draft,
        preview=found.preview,
        moved=moved,
        finding=finding,
        findings=FINDINGS,
        number=number,
        pages=-(-moved.total // PAGE) if moved else 0,
        message=message,
        written=list(found.preview.written.parts()) if found.preview else [],
        moved_before=moved_before_in_words(found.preview.moved_before) if found.preview else "",
        kept_written=list(found.preview.kept_written.parts()) if found.preview else [],
        typed=typed or {},
        paths=sorted(standing.publishing.whole(found.draft)),
        edits=standing.publishing.edits,
        now=standing.now(),
    )


def _done(id_: int, work: Any, said: str) -> _Answer:
    """Do something to a draft and show it again; a refusal is shown with it."""
    try:
        work()
    except NotThere:
        raise
    except (Refused, ConfigurationError) as error:
        return _shown(id_, str(error)), Conflict.code
    if said:
        flash(said, "success")
    return redirect(url_for(".one", id_=id_))


def _not_saved(id_: int, changes: Mapping[str, str | None], message: str) -> tuple[str, int]:
    """What was typed, once more, with why it could not be saved."""
    publishing = here().publishing
    draft = publishing.draft(id_)
    theirs = publishing.whole(draft)
    texts = [(path, text, theirs.get(path), None) for path, text in changes.items()]
    return render_template(
        "draft_conflict.html", draft=draft, texts=texts, message=message
    ), BadRequest.code


def _revision() -> int:
    return positive(request.form.get("revision", ""), "revision")


def _page() -> int:
    return positive(request.args.get("page", "1"), "page")


def _finding() -> Finding | None:
    given = request.args.get("finding", "")
    if not given:
        return None
    for known in get_args(Finding):
        if given == known:
            found: Finding = known
            return found
    raise BadRequest(f"finding: expected one of {', '.join(get_args(Finding))}")


__all__ = ["ReadOnly", "blueprint", "conflict"]
