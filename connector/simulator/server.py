"""The simulator on a real socket, with connections that stay open, and webhooks that go by
themselves when asked to.
"""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flask import Flask
from werkzeug.routing import Rule
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler, select_address_family
from werkzeug.wrappers import Response

from connector.simulator import control, gateway, pages, rest
from connector.simulator.simulator import Simulator
from connector.simulator.wire import CutShortError, Wire

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

# The clock is handed in, and may jump: how often the sender looks at it again, in seconds.
_GLANCE = 0.1
_WITHIN_THE_FIRST_LINE = len("HTTP/1")


class _Path(Rule):
    """A path that is only ever matched: no address is built from it.

    What builds one is compiled for each path. Without it an application is made in 7 ms instead of
    44, and tests make thousands. Should werkzeug compile it otherwise, only that is lost.
    """

    def _compile_builder(
        self,
        append_unknown: bool = True,  # noqa: ARG002 - werkzeug asks for two of them
    ) -> Callable[..., tuple[str, str]]:
        return _no_address


def _no_address(path: Rule, **_parts: Any) -> tuple[str, str]:
    raise LookupError(f"no address is built from {path.rule}")


class _App(Flask):
    url_rule_class = _Path


def create_app(sim: Simulator) -> Flask:
    """Return the WSGI application of a simulator."""
    app = _App("connector.simulator", static_folder=None)
    rest.mount(app, sim)
    gateway.mount(app, sim)
    control.mount(app, sim)
    pages.mount(app, sim)
    app.wsgi_app = Wire(app.wsgi_app, sim)  # type: ignore[method-assign]
    return app


@contextmanager
def running(
    sim: Simulator,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    deliver_in_background: bool = False,
) -> Iterator[str]:
    """Serve the simulator from a thread; yield its base URL, and stop when the block ends.

    With `deliver_in_background` webhooks are sent as soon as they are due, retries too.

    Raises:
        OSError: nothing can listen there.
    """
    # Werkzeug ends the process where it cannot bind.
    with socket.socket(select_address_family(host, port)) as bound:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(_Server.request_queue_size)
        server = _Server(host, port, create_app(sim), handler=_Handler, fd=bound.fileno())
    sim.base_url = f"http://{host}:{server.port}"
    serving = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="simulator", daemon=True
    )
    serving.start()
    sender = _Sender(sim) if deliver_in_background else None
    try:
        yield sim.base_url
    finally:
        if sender:
            sender.stop()
        server.shutdown()
        serving.join()
        server.server_close()
        server.hang_up()


class _Handler(WSGIRequestHandler):
    """Keeps connections alive, as Jira does; werkzeug by itself closes each after one answer."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        """Read the whole request, answer it whole: so the connection stays in step."""
        environ = self.make_environ()
        if not environ.get("wsgi.input_terminated"):
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            if len(body) < length:
                # Whoever sent it is gone: half a request has no effect.
                self.close_connection = True
                return
            environ["wsgi.input"] = io.BytesIO(body)
        try:
            response = Response.from_app(self.server.app, environ, buffered=True)
        except CutShortError as cut:
            self.close_connection = True
            self._send_half(cut.response, environ)
            return
        except ConnectionAbortedError:
            self.close_connection = True
            return
        self._send(response, environ)

    def _send(self, response: Response, environ: WSGIEnvironment) -> None:
        head, body = self._parts(response, environ)
        self.wfile.write(head + body)

    def _send_half(self, response: Response, environ: WSGIEnvironment) -> None:
        head, body = self._parts(response, environ)
        # Without a body it is cut within the first line: half of a head passes for a whole one.
        self.wfile.write(head + body[: len(body) // 2] if body else head[:_WITHIN_THE_FIRST_LINE])

    def _parts(self, response: Response, environ: WSGIEnvironment) -> tuple[bytes, bytes]:
        parts, status, headers = response.get_wsgi_response(environ)
        stated = [("Server", self.version_string()), ("Date", self.date_time_string()), *headers]
        lines = [f"{self.protocol_version} {status}", *(f"{n}: {v}" for n, v in stated)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1"), b"".join(parts)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing: requests are recorded by the simulator."""


class _Server(ThreadedWSGIServer):
    """Knows its open connections, so that none outlives it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients still hold open."""
        with self._guard:
            left = list(self._open)
        for connection in left:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Sender:
    """A thread that sends whatever is due."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="simulator webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop after the delivery that is under way."""
        with self._sim.something_pending:
            self._stopped = True
            self._sim.something_pending.notify_all()
        self._thread.join(timeout=30)

    def _run(self) -> None:
        while True:
            with self._sim.something_pending:
                while not self._stopped and not self._sim.due():
                    self._sim.something_pending.wait(_GLANCE)
                if self._stopped:
                    return
            self._sim.deliver()
