"""The Flask application: the receiver, and what tells monitoring how the service is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from flask import Flask, Response, jsonify, request
from werkzeug.exceptions import HTTPException

from connector.subject import subject_of
from webhooks.console.apart import Console
from webhooks.explanation_page import explanation_pages
from webhooks.receive import LARGEST_BODY, receiver, tell_refusals
from webhooks.refusals import Refusals
from webhooks.service import DEFAULT_SITE, Service

if TYPE_CHECKING:
    from webhooks.invocation import InvocationTokens

_log = structlog.get_logger(__name__)
_UNSIGNED = (
    "deliveries are taken without signature from whoever knows the address with the token in it; "
    "when Jira can sign, set DUELINE_WEBHOOK_SECRET and remove DUELINE_WEBHOOK_TOKEN"
)


def create_app(service: Service) -> Flask:
    """The application around a service, which must outlive it."""
    app = Flask("dueline")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    # The address of a webhook may hold a token, which a redirect or an error page would repeat.
    app.url_map.merge_slashes = False
    secrets = tuple(secret.reveal() for secret in service.access.webhook_secrets)
    tokens = tuple(token.reveal() for token in service.access.webhook_tokens)
    automation = tuple(secret.reveal() for secret in service.access.automation_secrets)
    refusals = Refusals(service.clock.now)
    if tokens:
        service.troubles["webhooks"] = _UNSIGNED
        _log.warning("deliveries are taken without signature", reason=_UNSIGNED)
    app.register_blueprint(
        receiver(
            service.database,
            secrets={DEFAULT_SITE: secrets},
            tokens={DEFAULT_SITE: tokens},
            automation={DEFAULT_SITE: automation},
            forge=_forge(service),
            default_site=DEFAULT_SITE,
            now=service.clock.now,
            heard=service.heard,
            subject_of=subject_of,
            refusals=refusals,
            rush=service.rush,
        )
    )
    app.register_blueprint(explanation_pages(service.database, DEFAULT_SITE, service.clock.now))

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the process answers at all."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Whether it can do its work (else 503), what is wrong, and what waits."""
        tell_refusals(service.database, refusals)
        health = _with_untold(service.health(), refusals.untold)
        return jsonify(health), 200 if service.ready else 503

    @app.errorhandler(HTTPException)
    def plainly(error: HTTPException) -> Response:
        """Errors as one sentence of text, not as a page."""
        text = f"{error.code} {error.name}: {error.description}\n"
        return Response(text, error.code, content_type="text/plain; charset=utf-8")

    @app.errorhandler(Exception)
    def unexpectedly(_: Exception) -> Response:
        """Any fault of ours, told without the request's path: a token may stand there."""
        _log.exception("request failed", endpoint=request.endpoint)
        text = "503 Service Unavailable: This cannot be answered at present.\n"
        response = Response(text, 503, content_type="text/plain; charset=utf-8")
        response.headers["Retry-After"] = "30"
        return response

    # The console has what this application does not answer itself.
    paths = frozenset(rule.rule.split("/", 2)[1] for rule in app.url_map.iter_rules())
    app.wsgi_app = Console(app.wsgi_app, paths - {"static"}, service)  # type: ignore[method-assign]
    return app


def _forge(service: Service) -> InvocationTokens | None:
    access = service.access
    if not access.forge_app:
        return None
    # Only Forge signs with keys: the import of cryptography takes 70 ms.
    from webhooks.invocation import InvocationTokens

    return InvocationTokens(access.forge_app, access.forge_keys, service.clock.now)


def _with_untold(health: dict[str, Any], number: int) -> dict[str, Any]:
    """Health with the refusals that the database does not know of yet."""
    if not number:
        return health
    counters = dict(health.get("counters", {}))
    counters["signature_refused"] = counters.get("signature_refused", 0) + number
    return {**health, "counters": counters}
