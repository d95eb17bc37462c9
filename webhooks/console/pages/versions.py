"""What came into force when, by whom and why; any two side by side; any one restored or taken."""

from __future__ import annotations

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Response as AnyResponse

from webhooks import moving
from webhooks.console.access import asking
from webhooks.console.pages.files import zip_file
from webhooks.console.questions import publishing as asked
from webhooks.console.standing import here
from webhooks.drafting import NotThere

blueprint = Blueprint("versions", __name__)
_ROWS = 50
_MOST = 2**53


@blueprint.get("/versions")
def page() -> str | AnyResponse:
    """Every version, newest first, and the drafts that are open."""
    standing = here()
    publishing = standing.publishing
    if request.args.get("from") or request.args.get("to"):
        before, after = _number("from"), _number("to")
        if before == after:
            flash("Mark two different versions to compare them.", "warning")
            return redirect(url_for(".page"))
        return redirect(url_for(".compare", before=before, after=after))
    earlier_than = _number("before") if "before" in request.args else None
    listed = publishing.publications(_ROWS + 1, earlier_than)
    return render_template(
        "versions.html",
        versions=listed[:_ROWS],
        goes_on=len(listed) > _ROWS,
        first_page=earlier_than is None,
        newest=publishing.publications(1),
        drafts=publishing.drafts(),
        hearing=moving.left(standing.database, standing.site),
        differs=standing.service.differs,
        edits=publishing.edits,
    )


@blueprint.get("/versions/<int:id_>")
def one(id_: int) -> str:
    """One version: what it changed, and its documents."""
    publishing = here().publishing
    version = publishing.publication(id_)
    before = asked.publication_before(publishing, id_)
    return render_template(
        "version.html",
        version=version,
        documents=publishing.documents(id_),
        compared=asked.comparison(publishing, before.id, id_) if before else None,
        in_force=publishing.in_force(),
        edits=publishing.edits,
    )


@blueprint.get("/versions/<int:before>/to/<int:after>")
def compare(before: int, after: int) -> str:
    """Two versions side by side."""
    return render_template(
        "version_comparison.html", compared=asked.comparison(here().publishing, before, after)
    )


@blueprint.get("/versions/<int:id_>/documents/<path:path>")
def document(id_: int, path: str) -> str:
    """A document of a version as it was written."""
    publishing = here().publishing
    documents = publishing.documents(id_)
    if path not in documents:
        raise NotThere(f"Version {id_} has no document of that name.")
    return render_template(
        "version_document.html",
        version=publishing.publication(id_), path=path, text=documents[path],
    )  # fmt: skip


@blueprint.get("/versions/<int:id_>.zip")
def export(id_: int) -> Response:
    """The documents of a version, to be unpacked where files are kept."""
    return zip_file(here().publishing.documents(id_), f"dueline-version-{id_}.zip")


@blueprint.post("/versions/<int:id_>/restore")
@asking.administrators
def restore(id_: int) -> AnyResponse:
    """Begin a draft that puts a version in force again; it is previewed and published as any."""
    draft = here().publishing.restore(asking.person(), id_)
    flash(f"Draft {draft.id} restores version {id_}. Look at its preview, then publish it.")
    return redirect(url_for("drafts.one", id_=draft.id))


def _number(name: str) -> int:
    given = request.args.get(name, "")
    if not (given.isascii() and given.isdecimal() and int(given[:17]) < _MOST):
        raise BadRequest(f"{name}: expected the number of a version, such as 3")
    return int(given[:17])
