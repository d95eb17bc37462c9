"""A WSGI application behind an event loop: each request is answered in a thread."""

from __future__ import annotations

import io
import sys
import threading
from asyncio import AbstractEventLoop, get_running_loop, run_coroutine_threadsafe
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]

    Headers = list[tuple[str, str]]
    _Wait = Callable[[Coroutine[Any, Any, Any]], Any]

BROKEN_OFF: Final = (RuntimeError,)
"""What granian raises where a connection breaks before the end of a body."""
TWO_HOSTS: Final = "A request names one host.\n"
# As many pages, refusals and large deliveries are answered at one time; the others wait.
_THREADS = 32
TEXT: Final = ("content-type", "text/plain; charset=utf-8")


class InThreads:
    """Asks a WSGI application.

    Args:
        application: what is asked.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._threads = ThreadPoolExecutor(_THREADS, "request")
        self._bridge = _Bridge()

    def close(self) -> None:
        """Have no thread wait for the event loop, which has ended.

        Each finishes what it does, which nobody waits for here: what else ends need not come after
        the slowest page.
        """
        self._bridge.end()
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def __call__(
        self,
        scope: Scope,
        protocol: HTTPProtocol,
        body: bytes | None = None,
        more: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """Answer a request.

        Args:
            scope: what it asks.
            protocol: holds its body, and takes its answer.
            body: its body, where that was read already.
            more: what its environment is to hold besides.
        """
        if sum(name.lower() == "host" for name, _ in scope.headers.items()) > 1:
            # RFC 9112, section 3.2: who is in front of us may have looked at the other one.
            protocol.response_str(400, [TEXT], TWO_HOSTS)
            return
        loop = get_running_loop()
        wait: _Wait = partial(self._bridge.wait, loop)
        given = _Body(protocol, wait) if body is None else io.BytesIO(body)
        environ = {**environment(scope), "wsgi.input": io.BufferedReader(given), **more}
        await loop.run_in_executor(self._threads, self._answer, environ, protocol)

    def _answer(self, environ: WSGIEnvironment, protocol: HTTPProtocol) -> None:
        answer = _Answer()
        parts = self._application(environ, answer.start)
        try:
            # All of it at once. Of pieces granian lets no one say that no more can be had: it ends
            # the answer as if it were whole. And each waits 0.2 ms for the event loop.
            body = b"".join(parts)
            protocol.response_bytes(answer.status, answer.headers, body)
        finally:
            close: Callable[[], None] | None = getattr(parts, "close", None)
            if close:
                close()


class _Answer:
    """The beginning of an answer."""

    status: int
    headers: Headers

    def start(self, status: str, headers: Headers, _fault: object = None, /) -> Any:
        """See `start_response` of WSGI; what it returns is of an older time, and never called."""
        self.status, self.headers = int(status.partition(" ")[0]), headers


class _Bridge:
    """Has threads wait for what an event loop does, until that has ended."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._waited_for: set[Future[Any]] = set()
        self._has_ended = False

    def wait(self, loop: AbstractEventLoop, work: Coroutine[Any, Any, Any]) -> Any:
        """Have it done there; raises LoopEndedError where it never will be."""
        with self._gate:
            if self._has_ended:
                work.close()
                raise LoopEndedError
            done = run_coroutine_threadsafe(work, loop)
            self._waited_for.add(done)
        try:
            return done.result()
        except CancelledError as error:
            raise LoopEndedError from error
        finally:
            with self._gate:
                self._waited_for.discard(done)

    def end(self) -> None:
        """Have nobody wait any more."""
        with self._gate:
            self._has_ended = True
            waited_for = [*self._waited_for]
        for each in waited_for:
            each.cancel()


class LoopEndedError(Exception):
    """The event loop has ended: there is nobody left who asks."""


class _Body(io.RawIOBase):
    """A request's body, read in a thread as it comes; it ends where the connection breaks."""

    def __init__(self, protocol: HTTPProtocol, wait: _Wait) -> None:
        self._protocol, self._wait = protocol, wait
        self._chunks: Any = None
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """See `io.RawIOBase`."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """See `io.RawIOBase`."""
        if not self._rest:
            with suppress(LoopEndedError):
                self._rest = memoryview(self._wait(self._next()))
        into = memoryview(buffer)
        size = min(len(into), len(self._rest))
        into[:size], self._rest = self._rest[:size], self._rest[size:]
        return size

    async def _next(self) -> bytes:
        self._chunks = self._chunks or aiter(self._protocol)
        # Not `anext` with a default: CPython 3.11 dies of it where an iterator gives what can be
        # awaited and is no coroutine, as granian's does.
        try:
            chunk: bytes = await anext(self._chunks)
        except (StopAsyncIteration, *BROKEN_OFF):
            return b""
        return chunk


def environment(scope: Scope) -> WSGIEnvironment:
    """What WSGI says of a request, but for its body."""
    server, _, port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode().decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": server.strip("[]"),
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0].strip("[]"),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        # Werkzeug's own: a body without a length can be read, since it has an end.
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        # It would pass for another one, past whoever looks at that one's own name.
        if "_" in name:
            continue
        key = name.upper().replace("-", "_")
        if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            key = f"HTTP_{key}"
        if key in environ and key != "HTTP_HOST":
            value = f"{environ[key]}{';' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    return environ
