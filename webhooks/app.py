"""The Flask application: the receiver, and what tells monitoring how the service is."""

from __future__ import annotations

from flask import Flask, Response, jsonify
from werkzeug.exceptions import HTTPException

from webhooks.receive import LARGEST_BODY, receiver
from webhooks.service import DEFAULT_SITE, Service


def create_app(service: Service) -> Flask:
    """The application around a service, which must outlive it."""
    app = Flask("dueline")
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    secrets = tuple(secret.reveal() for secret in service.access.webhook_secrets)
    app.register_blueprint(
        receiver(
            service.database,
            secrets={DEFAULT_SITE: secrets},
            default_site=DEFAULT_SITE,
            now=service.clock.now,
            kick=service.kick_inbox,
        )
    )

    @app.get("/healthz")
    def healthz() -> Response:
        """Whether the process answers at all."""
        return jsonify(status="ok")

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """Whether it can do its work (else 503), what is wrong, and what waits."""
        return jsonify(service.health()), 200 if service.ready else 503

    @app.errorhandler(HTTPException)
    def plainly(error: HTTPException) -> Response:
        """Errors as one sentence of text, not as a page."""
        text = f"{error.code} {error.name}: {error.description}\n"
        return Response(text, error.code, content_type="text/plain; charset=utf-8")

    return app
