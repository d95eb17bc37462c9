"""The outermost layer of every request: it records what came in, and carries out the faults."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from connector.simulator import gateway
from connector.simulator.auth import account_of
from connector.simulator.faults import Rule
from connector.simulator.simulator import RecordedRequest, Simulator

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


class CutShortError(ConnectionAbortedError):
    """The connection is to be dropped when half of the answer's body was sent."""

    def __init__(self, response: Response) -> None:
        super().__init__("dropped on purpose, within the answer")
        self.response = response


class Wire:
    """A WSGI application around another one, between it and the network."""

    def __init__(self, inner: WSGIApplication, sim: Simulator) -> None:
        self.inner = inner
        self.sim = sim

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; raises `ConnectionAbortedError` when it is to be dropped."""
        request = Request(environ)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        if not request.path.startswith(gateway.PATHS):
            return self.inner(environ, start_response)
        rule = self.sim.faults.for_request(request.method, request.path)
        response = self._answer(rule, environ)
        self._record(request, body, response, answered=rule is None or rule.drop is None)
        if rule is not None and rule.drop:
            raise (
                CutShortError(response)
                if response
                else ConnectionAbortedError("dropped on purpose")
            )
        if response is None:
            raise AssertionError("only what is dropped has no answer")
        return response(environ, start_response)

    def _answer(self, rule: Rule | None, environ: WSGIEnvironment) -> Response | None:
        """Carry out a request, or not, as a rule says; None when nothing is to be answered."""
        if rule is None:
            return self._carried_out(environ)
        if rule.moment == "before":
            _wait(rule.delay)
            if rule.drop:
                return None
            return _faulty(rule) if rule.status else self._carried_out(environ)
        response = self._carried_out(environ)
        _wait(rule.delay)
        if rule.drop:
            return response if rule.drop == "during" else None
        return _faulty(rule) if rule.status else response

    def _carried_out(self, environ: WSGIEnvironment) -> Response:
        path = environ["PATH_INFO"]
        if path.startswith(gateway.PREFIX):
            behind = gateway.behind(self.sim, path)
            if behind is None:
                return gateway.no_site(self.sim, path)
            environ |= {"PATH_INFO": behind, gateway.AT_GATEWAY: True}
        with self.sim.lock:
            return Response.from_app(self.inner, environ, buffered=True)

    def _record(
        self, request: Request, body: bytes, response: Response | None, *, answered: bool
    ) -> None:
        signed = request.headers.get("Authorization")
        at_gateway = request.path.startswith(gateway.PREFIX)
        account = account_of(self.sim, signed, gateway=at_gateway)
        self.sim.requests.append(
            RecordedRequest(
                request.method,
                request.path,
                request.query_string.decode(),
                body,
                response.status_code if response and answered else 0,
                account.email if account else None,
            )
        )


def _wait(seconds: float) -> None:
    if seconds:
        threading.Event().wait(seconds)


def _faulty(rule: Rule) -> Response:
    body: Any = rule.body
    if body is None:
        body = {"errorMessages": [f"Simulated failure {rule.status}."], "errors": {}}
    text = body if isinstance(body, str) else json.dumps(body)
    response = Response(text, status=rule.status, content_type="application/json;charset=UTF-8")
    response.headers.update(rule.headers)
    return response
