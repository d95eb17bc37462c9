"""What answers HTTP: good deliveries and monitoring first, the receiver, and the console behind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import structlog

from connector.subject import subject_of
from webhooks.console.apart import Console, WhenAsked
from webhooks.gathering import Gathering
from webhooks.in_threads import InThreads
from webhooks.intake import Intake
from webhooks.monitoring import PATHS, Monitoring
from webhooks.refusals import Refusals
from webhooks.service import DEFAULT_SITE, Service
from webhooks.short_way import ShortWay

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication
    from flask import Flask

_log = structlog.get_logger(__name__)
RECEIVERS_PATHS: Final = frozenset({"webhooks", "explain", "states", *(path[1:] for path in PATHS)})
"""The first segments of what the receiver answers; the console has the others."""
_UNSIGNED = (
    "deliveries are taken without signature from whoever knows the address with the token in it; "
    "when Jira can sign, set DUELINE_WEBHOOK_SECRET and remove DUELINE_WEBHOOK_TOKEN"
)


def create_app(service: Service) -> Flask:
    """All of it as one Flask application, around a service, which must outlive it."""
    from webhooks.receiving import receiving

    refusals = Refusals(service.clock.now)
    app = receiving(service, refusals)
    app.wsgi_app = _with_the_rest(app.wsgi_app, service, refusals)  # type: ignore[method-assign]
    return app


def answering(service: Service) -> ShortWay:
    """The same for an event loop, on which good deliveries are taken; all else is asked in threads.

    Flask's part is made when it is first asked: to import it takes a fifth of a start, and neither
    a good delivery nor monitoring needs it.
    """
    refusals = Refusals(service.clock.now)

    def receiver() -> Flask:
        from webhooks.receiving import receiving

        return receiving(service, refusals)

    intake = Intake(service.database, service.clock.now, service.heard, subject_of, service.rush)
    return ShortWay(
        InThreads(_with_the_rest(WhenAsked(receiver), service, refusals)),
        {"/webhooks/jira": DEFAULT_SITE, f"/webhooks/jira/{DEFAULT_SITE}": DEFAULT_SITE},
        service.secrets,
        Gathering(intake).keep,
    )


def _with_the_rest(receiver: WSGIApplication, service: Service, refusals: Refusals) -> Console:
    if service.access.webhook_tokens:
        service.troubles["webhooks"] = _UNSIGNED
        _log.warning("deliveries are taken without signature", reason=_UNSIGNED)
    return Console(Monitoring(receiver, service, refusals), RECEIVERS_PATHS, service)
