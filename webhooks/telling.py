"""How a worker tells monitoring how it is: it hears nobody else, so a small server will do."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from sla.errors import SlaError
from webhooks.monitoring import PATHS, Monitoring
from webhooks.refusals import Refusals

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from webhooks.service import Service

_SECONDS_A_REQUEST = 10


class TellingError(SlaError):
    """A worker cannot answer where it was told to."""


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind, without asking for the machine's whole name: that may take as long as DNS likes."""
        socketserver.TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), int(port)
        self.setup_environ()


class _Handler(WSGIRequestHandler):
    timeout = _SECONDS_A_REQUEST

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing: monitoring asks every few seconds."""


@contextmanager
def telling(service: Service, host: str, port: int) -> Iterator[int]:
    """Answer `/healthz`, `/readyz` and `/metrics` until the block ends; on which port.

    Raises:
        TellingError: nothing can listen there.
    """
    application = Monitoring(_nothing_else, service, Refusals(service.clock.now))
    try:
        server = _Server((host, port), _Handler)
    except OSError as error:
        raise TellingError(
            f"cannot listen on {host}:{port} ({error.strerror}); set DUELINE_HOST and "
            "DUELINE_WORKER_PORT to an address of this machine that is free"
        ) from error
    server.set_app(application)
    thread = threading.Thread(target=server.serve_forever, name="telling", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def _nothing_else(_: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("404 NOT FOUND", [("Content-Type", "text/plain; charset=utf-8")])
    return [f"404 Not Found: A worker answers {', '.join(sorted(PATHS))}.\n".encode()]
