"""How Dueline is, for monitoring; and what was set aside or given up, put back by a program."""

from __future__ import annotations

from werkzeug.exceptions import NotFound

from webhooks.console.access import asking
from webhooks.console.api.described import Nothing, Part
from webhooks.console.questions import health
from webhooks.console.questions.health import Health, RawDelivery, SeenTo
from webhooks.console.standing import here

blueprint = Part("health", __name__)

NO_DELIVERY = "There is no delivery of this number; handled ones are forgotten after a while."
NOT_SET_ASIDE = "This delivery is not among those that were not understood or failed."
NOT_GIVEN_UP = "Nothing of this name is given up; it may have been tried again already."


@blueprint.answers("GET", "/health", summary="What waits, and what needs a person", answer=Health)
def state() -> Health:
    """Inbox, timers, outbox, each Jira, the database and versions.

    `needs` is empty while nobody has to do anything. For a probe that asks every few seconds there
    is `/readyz`, which needs no token.
    """
    return health.state(here())


@blueprint.answers(
    "GET", "/inbox/<int:number>", summary="A delivery as it came",
    answer=RawDelivery, refusals={404: NO_DELIVERY},
)  # fmt: skip
def delivery(number: int) -> RawDelivery:
    """Its body as text, of a large one the beginning; what is called a secret is left out."""
    found = health.delivery(here(), number)
    if found is None:
        raise NotFound(NO_DELIVERY)
    return found


@blueprint.answers(
    "POST", "/inbox/<int:number>/replay", summary="Handle a delivery again",
    answer=Nothing, role="administrator", refusals={404: NOT_SET_ASIDE},
)  # fmt: skip
def replay(number: int) -> Nothing:
    """One that was not understood or failed, after what was in its way is mended."""
    if not health.replay(here(), asking.person(), number):
        raise NotFound(NOT_SET_ASIDE)
    return Nothing()


@blueprint.answers(
    "POST", "/inbox/<int:number>/dismiss", summary="Leave a delivery as it is",
    answer=Nothing, role="administrator", refusals={404: NOT_SET_ASIDE},
)  # fmt: skip
def dismiss(number: int) -> Nothing:
    """One that was not understood or failed: it is not listed any more, and never handled."""
    if not health.dismiss(here(), asking.person(), number):
        raise NotFound(NOT_SET_ASIDE)
    return Nothing()


@blueprint.answers(
    "POST", "/inbox/replay", summary="Handle all deliveries again that were set aside",
    answer=SeenTo, role="administrator",
)  # fmt: skip
def replay_all() -> SeenTo:
    """As `dueline inbox --replay` does."""
    return health.replay_all(here(), asking.person())


@blueprint.answers(
    "POST", "/outbox/<effect>/retry", summary="Try an effect again that was given up",
    answer=Nothing, role="administrator", refusals={404: NOT_GIVEN_UP},
)  # fmt: skip
def retry(effect: str) -> Nothing:
    """By its `id`, as `GET /api/health` lists it.

    A comment of which it is not known whether Jira has it is looked up before it is sent.
    """
    if not health.retry(here(), asking.person(), effect):
        raise NotFound(NOT_GIVEN_UP)
    return Nothing()


@blueprint.answers(
    "POST", "/outbox/retry", summary="Try everything again that was given up",
    answer=SeenTo, role="administrator",
)  # fmt: skip
def retry_all() -> SeenTo:
    """As `dueline outbox --retry` does."""
    return health.retry_all(here(), asking.person())
