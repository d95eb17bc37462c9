"""The configuration as text: every document can be read, checked, and saved into a draft."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest, Conflict
from werkzeug.wrappers import Response as AnyResponse

from config.document_sets import line_by_line
from config.errors import ConfigurationError
from webhooks.console.access import asking
from webhooks.console.pages.numbers import asked_number, number
from webhooks.console.questions import documents
from webhooks.console.standing import here
from webhooks.drafting import NotThere, Refused, SavedMeanwhile

blueprint = Blueprint("documents", __name__)
_Answer = str | AnyResponse | tuple[str, int]


@blueprint.get("/documents")
def page() -> str | AnyResponse:
    """The documents of a draft, or of the version in force."""
    draft = asked_number("draft")
    if path := request.args.get("path", "").strip():
        return redirect(url_for(".one", path=path, draft=draft))
    standing = here()
    return render_template(
        "documents.html",
        found=documents.listed(standing, draft),
        edits=standing.publishing.edits,
    )


@blueprint.get("/documents/<path:path>")
def one(path: str) -> str:
    """One document."""
    return _shown(path, asked_number("draft"))


@blueprint.post("/documents/<path:path>")
@asking.administrators
def save(path: str) -> _Answer:
    """Save a document into a draft, a new one where none is named; or only check it."""
    form = request.form
    draft, text = number(form.get("draft", ""), "draft"), _even(form.get("text", ""))
    action = form.get("action", "save")
    try:
        if action == "check":
            return _shown(path, draft, text, checked=True)
        return _saved(path, draft, None if action == "remove" else text)
    except (SavedMeanwhile, NotThere):
        raise
    except Refused as error:
        # The draft is no longer open: what was typed can still go into a new one.
        return _shown(path, None, text, refused=str(error)), Conflict.code
    except ConfigurationError as error:
        return _not_saved(path, draft, text, str(error))


def _saved(path: str, draft_id: int | None, text: str | None) -> _Answer:
    standing, form, person = here(), request.form, asking.person()
    publishing = standing.publishing
    if draft_id is None:
        base = number(form.get("base", ""), "base")
        theirs = documents.changed_since(standing, path, base) if base is not None else None
        if theirs is not None and theirs != text:
            return _shown(path, None, text or "", theirs=theirs), Conflict.code
        draft = publishing.begin(person, form.get("title", "") or f"Edit {path}", {path: text})
    else:
        revision = number(form.get("revision", ""), "revision")
        draft = publishing.save(person, draft_id, revision or 0, {path: text})
    what = "Removed" if text is None else "Saved"
    flash(f"{what} in draft {draft.id}, revision {draft.revision}.", "success")
    if text is None:
        return redirect(url_for("drafts.one", id_=draft.id))
    return redirect(url_for(".one", path=path, draft=draft.id))


def _shown(
    path: str, draft: int | None, typed: str | None = None, *,
    theirs: str | None = None, refused: str = "", checked: bool = False,
) -> str:  # fmt: skip
    standing, form = here(), request.form
    document = documents.opened(standing, path, draft, typed)
    # What was typed was typed over the revision that was seen: it stays that of the form.
    seen = number(form.get("revision", ""), "revision") if typed is not None else None
    base = number(form.get("base", ""), "base") if typed is not None and theirs is None else None
    return render_template(
        "document.html",
        document=document,
        revision=seen or (document.draft.revision if document.draft else None),
        base=base or document.base.id,
        title=form.get("title", ""),
        theirs=theirs,
        against_theirs=line_by_line(theirs, typed or "") if theirs is not None else (),
        refused=refused,
        checked=checked,
        edits=standing.publishing.edits,
    )


def _not_saved(path: str, draft: int | None, text: str, message: str) -> tuple[str, int]:
    """What was typed once more, with why no document can be that."""
    return render_template(
        "document_refused.html", path=path, draft=draft, text=text, message=message,
        revision=request.form.get("revision", ""), base=request.form.get("base", ""),
        title=request.form.get("title", ""),
    ), BadRequest.code  # fmt: skip


def _even(text: str) -> str:
    """As files are written: a browser sends a form with line ends of its own."""
    return text.replace("\r\n", "\n").replace("\r", "\n")
