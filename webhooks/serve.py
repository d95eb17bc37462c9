"""Serving over HTTP: one process holds granian, the receiver and the lanes alike."""

from __future__ import annotations

import asyncio
import atexit
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from sla.bare_package import without
from webhooks.clock import FastClock, SystemClock
from webhooks.to_stay import made_to_stay
from webhooks.woken_once import WokenOnce

if TYPE_CHECKING:
    from granian.server.embed import Server

    from config.settings import Settings
    from sla.store.database import Database
    from sla.wakeups import Clock, Running
    from webhooks.in_threads import InThreads
    from webhooks.publishing import InForce
    from webhooks.service import Service
    from webhooks.short_way import ShortWay

# Seconds from when the application is there: granian takes a tenth of that until it listens.
_UNTIL_HEARD = 0.1
# Connections that wait, and requests at once: as granian has it where it starts processes.
_BACKLOG = 1024
_ENDING = (signal.SIGTERM, signal.SIGINT)


class ServeError(Exception):
    """The service cannot be started here; the message says why and what to set."""


def clock_from(environment: os._Environ[str] | dict[str, str]) -> Clock:
    """Real time, or the fast clock that `dueline demo` sets up for itself and its children."""
    text = environment.get("DUELINE_DEMO_CLOCK")
    return FastClock.parse(text) if text else SystemClock()


def _begin_soon(service: Service, *, works: bool) -> Callable[[], None]:
    """Have the work begin once Jira is heard; returns what ends it.

    Each lane looks at once for what piled up, and imports what its work needs. Beside that the
    first answer would wait for the processor: a start took a fifth longer. Before that the database
    file is looked through, which takes the longer the larger it is: with 60,000 open issues Jira
    was heard after 1.5 s where it waited for that. Nothing is decided by a damaged file.
    """
    import structlog

    from sla.errors import StoreError

    begun: list[Running] = []

    def begin() -> None:
        log = structlog.get_logger(__name__)
        try:
            service.database.check()
            begun.append(service.start(works=works))
        except BaseException as error:  # noqa: BLE001 - logged, and the end
            # It must not go on hearing as if it worked.
            tell = log.error if isinstance(error, StoreError) else log.exception
            tell("the work could not be begun", reason=str(error))
            os._exit(1)

    beginning = threading.Timer(_UNTIL_HEARD, begin)
    beginning.start()

    def stop() -> None:
        beginning.cancel()
        beginning.join()
        for running in begun:
            running.stop()

    return stop


@contextmanager
def kept_address(
    host: str,
    port: int,
    remedy: str = "set DUELINE_HOST and DUELINE_PORT to an address of this machine that is free",
) -> Iterator[str]:
    """The IP address to listen on; on Linux nobody else gets the port until the block ends.

    Args:
        host: its name or address.
        port: the port there.
        remedy: what helps where it cannot be had.

    Raises:
        ServeError: the host is unknown, or the port is taken.
    """
    with ExitStack() as stack:
        try:
            family, kind, _, _, address = _listened_at(host, port)
            # Alone first: one that is to be shared could be bound beside another service's.
            with socket.socket(family, kind) as alone:
                alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                alone.bind(address)
            if sys.platform == "linux":
                # Granian binds it anew, twice, and somebody who came between would end the process
                # with Rust's own words. Bound and not listening this takes no connection; only who
                # asks to share a port can bind it now, as granian does, and nobody of another user.
                kept = stack.enter_context(socket.socket(family, kind))
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                kept.bind(address)
                kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        except OSError as error:
            told = f"cannot listen on {host}:{port} ({error.strerror}); {remedy}"
            raise ServeError(told) from error
        yield str(address[0])


def _listened_at(host: str, port: int) -> tuple[Any, ...]:
    # As bytes, where it can be: for text the codec of international names is imported, 3 ms long.
    named = host.encode() if host.isascii() else host
    return socket.getaddrinfo(named, port, type=socket.SOCK_STREAM)[0]


def new_server(application: ShortWay | InThreads, address: str, port: int) -> Server:
    """The HTTP server, not started yet.

    Args:
        application: what answers.
        address: the IP address to listen on.
        port: the port there.
    """
    # Granian looks for them for what is not asked of it here, such as files of settings.
    with without("anyio"), without("dotenv"):
        from granian.constants import Interfaces
        from granian.log import LogLevels
        from granian.server.embed import Server

    return Server(
        application,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        websockets=False,
        backlog=_BACKLOG,
        log_level=LogLevels.error,
        # Its lines as all others: by the root's handler, see `webhooks.logs`.
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
    )


def answer(server: Server) -> None:
    """Answer requests until SIGTERM or SIGINT; those in flight are finished.

    A signal that comes later is not heard: what is being finished is not cut off.

    Raises:
        ServeError: nobody asked it to end.
    """
    loop = WokenOnce()
    # It is never closed, nor is what it has left cancelled: signals then go to a loop that does
    # nothing any more, and would end the process else.
    asyncio.set_event_loop(loop)
    for number in _ENDING:
        loop.add_signal_handler(number, server.stop)
    loop.add_signal_handler(signal.SIGHUP, _say_how_to_read_anew)
    loop.run_until_complete(server.serve())
    if not server.interrupt_signal:
        raise ServeError("granian has stopped answering by itself; the log has what it said")


def end_without_python() -> None:
    """Have the process end with 0 behind its last thread, and Python not be taken down.

    Threads of granian's outlive their event loop. One that asks for Python's lock while Python is
    taken down is ended from there, which Rust does not allow: 3 of 100 ends on a busy machine were
    an abort (SIGABRT). PyO3 knows it (PyO3/pyo3#6084). To be called where nothing is left to fail:
    what was to be done at the process's end before is not, and no other status is given.
    """
    atexit.register(_end)


def _end() -> None:
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        # Also where whoever read it is gone, or nobody ever did.
        os._exit(0)


def _say_how_to_read_anew() -> None:
    print("Restart the service to have it read its configuration anew.", file=sys.stderr)  # noqa: T201


def serve(
    settings: Settings,
    database: Database,
    in_force: InForce,
    clock: Clock,
    address: str,
    *,
    works: bool = True,
) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished.

    Args:
        settings: the environment.
        database: with this version's tables, and this process's alone where it is a file; it is
            closed at the end.
        in_force: the configuration that decides.
        clock: the one clock.
        address: the IP address to listen on, which is kept for this process.
        works: whether this process decides and writes back, too.

    Raises:
        ServeError: answering stopped though nobody asked for it.
    """
    with ExitStack() as stack:
        with made_to_stay():
            from webhooks.app import answering
            from webhooks.service import Service
            from webhooks.tracing import trace

            service = Service(settings, in_force, clock, database=database)
            stack.callback(service.close)
            trace(service, os.environ)
            server = new_server(answering(service), address, settings.port)
        # Done after the last request: each lane finishes its work.
        stack.callback(_begin_soon(service, works=works))
        answer(server)
    end_without_python()
