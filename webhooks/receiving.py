"""The Flask application of the receiver: the ways in that need more than a signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
from flask import Flask, Response, request
from werkzeug.exceptions import HTTPException

from connector.subject import subject_of
from webhooks.explanation_page import explanation_pages
from webhooks.intake import LARGEST_BODY
from webhooks.monitoring import FAULT
from webhooks.receive import receiver
from webhooks.refusals import Refusals
from webhooks.service import DEFAULT_SITE, Service

if TYPE_CHECKING:
    from webhooks.invocation import InvocationTokens

_log = structlog.get_logger(__name__)


def receiving(service: Service, refusals: Refusals) -> Flask:
    """The application.

    Args:
        service: the running service.
        refusals: where what is refused at the door is taken down.
    """
    access = service.access
    tokens = tuple(token.reveal() for token in access.webhook_tokens)
    automation = tuple(secret.reveal() for secret in access.automation_secrets)
    app = Flask("dueline")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    # The address of a webhook may hold a token, which a redirect or an error page would repeat.
    app.url_map.merge_slashes = False
    app.register_blueprint(
        receiver(
            service.database,
            secrets=service.secrets,
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

    @app.errorhandler(HTTPException)
    def plainly(error: HTTPException) -> Response:
        """Errors as one sentence of text, not as a page."""
        text = f"{error.code} {error.name}: {error.description}\n"
        # Among its headers are the methods that would be right.
        headers, plain = error.get_headers(), "text/plain; charset=utf-8"
        return Response(text, error.code, headers=headers, content_type=plain)

    @app.errorhandler(Exception)
    def unexpectedly(_: Exception) -> Response:
        """Any fault of ours, told without the request's path: a token may stand there."""
        _log.exception("request failed", endpoint=request.endpoint)
        response = Response(FAULT, 503, content_type="text/plain; charset=utf-8")
        response.headers["Retry-After"] = "30"
        return response

    return app


def _forge(service: Service) -> InvocationTokens | None:
    access = service.access
    if not access.forge_app:
        return None
    # Only Forge signs with keys: the import of cryptography takes 70 ms.
    from webhooks.invocation import InvocationTokens

    return InvocationTokens(access.forge_app, access.forge_keys, service.clock.now)
