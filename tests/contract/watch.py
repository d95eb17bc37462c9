"""Listens to the simulator's REST traffic during the tests, and judges it by the documents."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request, Response

from connector.simulator import Simulator
from connector.simulator.gateway import PATHS
from tests.contract.exchange import Exchange, Found, violations

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_DIGITS = re.compile(rb"[0-9]+")


class Ear:
    """Takes note of exchanges; those that differ in digits alone are judged once per process."""

    def __init__(self) -> None:
        self._heard: dict[tuple[object, ...], Exchange] = {}
        self._judged: dict[tuple[object, ...], Found] = {}

    def hear(self, exchange: Exchange) -> None:
        """Take note of an exchange; cheap, and safe to call from any thread."""
        self._heard.setdefault(_likeness(exchange), exchange)

    def judge(self) -> list[tuple[Exchange, Found]]:
        """Everything that broke the contract since this was asked last."""
        heard, self._heard = self._heard, {}
        for likeness in heard.keys() - self._judged.keys():
            self._judged[likeness] = violations(heard[likeness])
        return [(heard[each], self._judged[each]) for each in heard if self._judged[each]]


class Overheard:
    """A WSGI application around the simulator's own, within the layer that makes the faults."""

    def __init__(self, inner: WSGIApplication, sim: Simulator, ear: Ear) -> None:
        self.inner = inner
        self.sim = sim
        self.ear = ear

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, and let it be heard."""
        request = Request(environ)
        if not request.path.startswith(PATHS):
            return self.inner(environ, start_response)
        body = request.get_data()
        environ["wsgi.input"] = io.BytesIO(body)
        response = Response.from_app(self.inner, environ, buffered=True)
        self.ear.hear(
            Exchange(
                self.sim.flavour,
                request.method,
                request.path,
                request.query_string.decode(),
                body,
                request.content_type or "",
                response.status_code,
                response.get_data(),
                response.content_type or "",
            )
        )
        return response(environ, start_response)


def _likeness(exchange: Exchange) -> tuple[object, ...]:
    texts = (exchange.path.encode(), exchange.query.encode(), exchange.body, exchange.answer)
    return (
        exchange.flavour,
        exchange.method,
        exchange.status,
        exchange.body_type,
        exchange.answer_type,
        *(_DIGITS.sub(b"0", text) for text in texts),
    )
