"""The contracts as their policies read: promises, alerts, what is open, every clause."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from werkzeug.exceptions import NotFound

from config.errors import nearest
from webhooks.console.pages.numbers import asked_number
from webhooks.console.questions import contracts
from webhooks.console.questions.looked_at import looked_at
from webhooks.console.standing import here

blueprint = Blueprint("contracts", __name__)


@blueprint.get("/contracts")
def page() -> str:
    """Every contract in short."""
    return render_template("contracts.html", contracts=contracts.listed(looked_at(here())))


@blueprint.get("/contracts/<id_>")
def one(id_: str) -> str:
    """One contract, as a draft would have it with `draft`.

    With `worked=1` also what each reading of an ambiguity is worth.
    """
    at = looked_at(here(), asked_number("draft"))
    found = contracts.seen(at, id_)
    if found is None:
        known = [each.id for each in contracts.listed(at)]
        raise NotFound(f"There is no contract {id_}; {nearest(id_, known)}.")
    # Worked out after the page is shown: it takes a second or two for a text with many readings.
    worked = contracts.worked_examples(at, id_) if request.args.get("worked") else None
    return render_template("contract.html", contract=found, worked=worked, draft=at.draft)
