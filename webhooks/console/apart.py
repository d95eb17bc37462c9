"""What is made when it is first asked, and the console, which is kept apart from the receiver."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sla.store.faults import storage_fault
from webhooks.service import Service

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from flask import Flask


class WhenAsked:
    """An application that is imported and made when it is first asked.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], Flask]) -> None:
        self._make, self._making = make, threading.Lock()
        self._made: Flask | None = None

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        return self.application()(environ, start_response)

    def application(self) -> Flask:
        """What answers."""
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made


class Console:
    """Keeps what the receiver answers itself apart from the pages, which are made when needed.

    To import and make the console takes longer than all the rest of the start; whoever only hears
    webhooks never waits for it.

    Args:
        receiver: answers the paths that it knows.
        receivers_paths: the first segments of those.
        service: the running service.
    """

    def __init__(
        self, receiver: WSGIApplication, receivers_paths: frozenset[str], service: Service
    ) -> None:
        self._receiver, self._paths, self._service = receiver, receivers_paths, service
        self._pages = WhenAsked(self._made)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        first = environ.get("PATH_INFO", "").split("/", 2)[1:2]
        if first and first[0] in self._paths:
            return self._receiver(environ, start_response)
        try:
            pages = self.pages()
        except Exception as error:
            if not storage_fault(error):
                raise
            start_response("503 Service Unavailable", [("Retry-After", "30")])
            return [b"503 Service Unavailable: The database cannot be used at present.\n"]
        return pages(environ, start_response)

    def pages(self) -> Flask:
        """The application behind the pages."""
        return self._pages.application()

    def _made(self) -> Flask:
        from webhooks.console.application import create_console
        from webhooks.console.standing import Standing

        return create_console(Standing(self._service))
