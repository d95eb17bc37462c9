"""How Dueline is: what waits, what was given up, and what a person can do about it."""

from __future__ import annotations

from typing import cast

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from werkzeug.exceptions import NotFound

from webhooks.console.access import asking
from webhooks.console.api.health import NO_DELIVERY, NOT_GIVEN_UP, NOT_SET_ASIDE
from webhooks.console.questions import health
from webhooks.console.standing import here

blueprint = Blueprint("health", __name__)


@blueprint.app_template_global("needs")
def needs() -> list[str]:
    """What needs a person, for the banner of every page."""
    return health.needs(here())


@blueprint.get("/health")
def page() -> str:
    """Everything at once."""
    return render_template("health.html", health=health.state(here()), shown=health.SHOWN)


@blueprint.get("/health/inbox/<int:number>")
def delivery(number: int) -> str:
    """A delivery as it came."""
    found = health.delivery(here(), number)
    if found is None:
        raise NotFound(NO_DELIVERY)
    return render_template("health_delivery.html", delivery=found)


@blueprint.post("/health/inbox/<int:number>/replay")
@asking.administrators
def replay(number: int) -> Response:
    """Have a delivery handled again."""
    done = health.replay(here(), asking.person(), number)
    return _back(f"Delivery {number} is handled again within seconds." if done else "")


@blueprint.post("/health/inbox/<int:number>/dismiss")
@asking.administrators
def dismiss(number: int) -> Response:
    """Leave a delivery as it is."""
    done = health.dismiss(here(), asking.person(), number)
    return _back(f"Delivery {number} is dismissed; it stays as it is." if done else "")


@blueprint.post("/health/inbox/replay")
@asking.administrators
def replay_all() -> Response:
    """Have all of them handled again."""
    number = health.replay_all(here(), asking.person()).number
    return _back(f"{number} are handled again within seconds." if number else "")


@blueprint.post("/health/outbox/<effect>/retry")
@asking.administrators
def retry(effect: str) -> Response:
    """Have an effect tried again."""
    done = health.retry(here(), asking.person(), effect)
    return _back("It is tried again within seconds." if done else "", NOT_GIVEN_UP)


@blueprint.post("/health/outbox/retry")
@asking.administrators
def retry_all() -> Response:
    """Have everything tried again."""
    number = health.retry_all(here(), asking.person()).number
    return _back(f"{number} are tried again within seconds." if number else "", NOT_GIVEN_UP)


def _back(done: str, otherwise: str = NOT_SET_ASIDE) -> Response:
    flash(done or otherwise, "success" if done else "warning")
    return cast("Response", redirect(url_for(".page")))
