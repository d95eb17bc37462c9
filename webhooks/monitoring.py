"""What tells monitoring how the service is, answered before Flask is asked."""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog

from sla.store import inbox
from webhooks.refusals import Refusals

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from sqlalchemy import Connection

    from sla.store.database import Database
    from webhooks.metrics import Metrics
    from webhooks.service import Service

_log = structlog.get_logger(__name__)
HEALTH, READINESS, METRICS = "/healthz", "/readyz", "/metrics"
PATHS: Final = frozenset({HEALTH, READINESS, METRICS})
_TEXT = "text/plain; charset=utf-8"
_CLOSED = "404 Not Found: Metrics are closed; set DUELINE_METRICS_TOKEN to open them.\n"
_NOT_YOURS = "401 Unauthorized: Send DUELINE_METRICS_TOKEN as a bearer token.\n"
FAULT: Final = "503 Service Unavailable: This cannot be answered at present.\n"


class Monitoring:
    """In front of a WSGI application.

    Args:
        further: the application.
        service: the running service.
        refusals: what was refused at the door.
    """

    def __init__(self, further: WSGIApplication, service: Service, refusals: Refusals) -> None:
        self._further, self._service, self._refusals = further, service, refusals
        token = service.settings.metrics_token
        self._bearer = f"Bearer {token.reveal()}".encode() if token else b""
        self._metrics = _metrics_of(service) if token else None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        path = environ["PATH_INFO"]
        if path not in PATHS:
            return self._further(environ, start_response)
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 METHOD NOT ALLOWED", [("Content-Type", _TEXT), ("Allow", "GET")])
            return [f"405 Method Not Allowed: {path} is asked by GET.\n".encode()]
        try:
            status, content_type, text = self._answer(path, environ)
        except Exception:  # noqa: BLE001 - logged, and answered
            _log.exception("request failed", endpoint=path.strip("/"))
            start_response(
                "503 SERVICE UNAVAILABLE", [("Content-Type", _TEXT), ("Retry-After", "30")]
            )
            return [FAULT.encode()]
        start_response(status, [("Content-Type", content_type)])
        return [text]

    def _answer(self, path: str, environ: WSGIEnvironment) -> tuple[str, str, bytes]:
        if path == METRICS:
            return self._shown(environ)
        status, health = self.health(path)
        return status, "application/json", msgspec.json.encode(health, order="sorted") + b"\n"

    def _shown(self, environ: WSGIEnvironment) -> tuple[str, str, bytes]:
        """Metrics, for whoever has the token: who may post webhooks here is not to see them."""
        if self._metrics is None:
            return "404 NOT FOUND", _TEXT, _CLOSED.encode()
        given = environ.get("HTTP_AUTHORIZATION", "").encode("utf-8", "replace")
        if not hmac.compare_digest(given, self._bearer):
            return "401 UNAUTHORIZED", _TEXT, _NOT_YOURS.encode()
        # The last ones of a burst are followed by none that would tell of them.
        tell_refusals(self._service.database, self._refusals)
        text, content_type = self._metrics.shown(environ.get("HTTP_ACCEPT", ""))
        return "200 OK", content_type, text

    def health(self, path: str) -> tuple[str, dict[str, Any]]:
        """Whether the process answers at all; or whether it can do its work, and what waits."""
        if path == HEALTH:
            return "200 OK", {"status": "ok"}
        tell_refusals(self._service.database, self._refusals)
        health = _with_untold(self._service.health(), self._refusals.untold)
        return "200 OK" if self._service.ready else "503 SERVICE UNAVAILABLE", health


def _metrics_of(service: Service) -> Metrics:
    # Where nobody asks for them, nothing is counted, and the library is not imported.
    from webhooks.metrics import Metrics

    metrics = Metrics(service)
    service.be_watched_by(metrics)
    return metrics


def tell_refusals(database: Database, refusals: Refusals) -> None:
    """Log and count the refusals that nobody was told of, unless others were told just before."""
    numbers = refusals.to_be_told()
    if not numbers:
        return
    for site, times in numbers.items():
        _log.warning("signature refused", site=site, times=times)
    try:
        database.write(lambda connection: _count(connection, numbers))
    except Exception:  # noqa: BLE001 - refused all the same
        refusals.not_told(numbers)
        _log.exception("refusals could not be counted")


def _count(connection: Connection, numbers: Mapping[str, int]) -> None:
    for site, times in numbers.items():
        inbox.count(connection, site, "signature_refused", times)


def _with_untold(health: dict[str, Any], number: int) -> dict[str, Any]:
    """Health with the refusals that the database does not know of yet."""
    if not number:
        return health
    counters = dict(health.get("counters", {}))
    counters["signature_refused"] = counters.get("signature_refused", 0) + number
    return {**health, "counters": counters}
