"""Serving over HTTP: granian's one worker process holds the receiver and the lanes alike."""

from __future__ import annotations

import ctypes
import multiprocessing
import multiprocessing.util
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from sla.bare_package import without
from webhooks.clock import FastClock, SystemClock
from webhooks.to_stay import made_to_stay

if TYPE_CHECKING:
    # The command that waits for its worker imports nothing of what the worker runs: 50 MB less.
    from granian.server.mp import MPServer

    from config.settings import Settings
    from sla.wakeups import Clock, Running
    from webhooks.publishing import InForce
    from webhooks.service import Service
    from webhooks.short_way import ShortWay

# Seconds from when the application is there: granian takes a tenth of that until it listens.
_UNTIL_HEARD = 0.1
_PR_SET_PDEATHSIG = 1
# How the command tells granian's worker, which is a process of its own.
_RECEIVE_ONLY = "DUELINE_RECEIVE_ONLY"
# What the command found to be in force, where its worker is a copy of it; else the worker looks.
_found_in_force: InForce | None = None


class ServeError(Exception):
    """The service cannot be started here; the message says why and what to set."""


def clock_from(environment: os._Environ[str] | dict[str, str]) -> Clock:
    """Real time, or the fast clock that `dueline demo` sets up for itself and its children."""
    text = environment.get("DUELINE_DEMO_CLOCK")
    return FastClock.parse(text) if text else SystemClock()


def belong_to_parent() -> None:
    """Have this process end by its parent alone: asked by it to stop, killed when it is gone.

    Granian's worker is a child process. Were the parent killed, an orphan would go on holding the
    port and the database beside the service that is started next; so the kernel kills it then
    (Linux only). And Ctrl-C goes to a whole process group: in a group of its own the worker is
    asked once, by its parent, and finishes the requests in flight.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    parent = multiprocessing.parent_process()
    if parent is not None and os.getppid() != parent.pid:
        # It died before the kernel was told.
        os._exit(1)
    os.setpgid(0, 0)


@made_to_stay()
def application() -> ShortWay:
    """What granian's worker loads: the service started, and its application."""
    belong_to_parent()

    # Before all that logs: it decides what logging imports.
    from webhooks.logs import set_up_logs

    set_up_logs()

    from config.settings import Settings
    from webhooks.app import answering
    from webhooks.publishing import configuration_in_force
    from webhooks.service import DEFAULT_SITE, Service
    from webhooks.tracing import trace

    settings = Settings.from_environment(os.environ)
    in_force = _found_in_force or configuration_in_force(settings, DEFAULT_SITE)
    service = Service(settings, in_force, clock_from(os.environ))
    service.database.claim()
    trace(service, os.environ)
    stop = _begin_soon(service, works=not os.environ.get(_RECEIVE_ONLY))
    # Run when the worker ends of itself, after the last request: each lane finishes its work.
    multiprocessing.util.Finalize(None, stop, exitpriority=100)
    return answering(service)


def _begin_soon(service: Service, *, works: bool) -> Callable[[], None]:
    """Have the work begin once Jira is heard; returns what ends it and closes the service.

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
            # It must not go on hearing as if it worked: the command ends with its worker.
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
        service.close()

    return stop


def check_address(settings: Settings) -> str:
    """The IP address to listen on, which must be free.

    Raises:
        ServeError: the host is unknown, or the port is taken.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise ServeError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
            "set DUELINE_HOST and DUELINE_PORT to an address of this machine that is free"
        ) from error
    return str(address[0])


def new_server(factory: str, address: str, port: int) -> MPServer:
    """The HTTP server, not started yet.

    Args:
        factory: names the function that makes the application, as `module:name`.
        address: the IP address to listen on.
        port: the port there.
    """
    # Granian looks for them for what is not asked of it here, such as files of settings.
    with without("anyio"), without("dotenv"):
        from granian import loops
        from granian.constants import Interfaces
        from granian.log import LogLevels
        from granian.server.mp import MPServer

    from webhooks.woken_once import woken_once

    # What granian takes where none is named, as here.
    loops.register("auto")(woken_once)
    return MPServer(
        factory,
        factory=True,
        address=address,
        port=port,
        interface=Interfaces.RSGI,
        websockets=False,
        workers=1,
        log_level=LogLevels.error,
        # Its lines as all others: by the root's handler, see `webhooks.logs`.
        log_dictconfig={"loggers": {"_granian": {"handlers": [], "propagate": True}}},
    )


def serve(settings: Settings, *, in_force: InForce | None = None, works: bool = True) -> None:
    """Serve until SIGTERM or SIGINT; requests in flight are finished.

    Args:
        settings: the environment.
        in_force: the configuration that decides, where it was looked for already.
        works: whether this process decides and writes back, too.
    """
    # A fork hands it to the worker.
    global _found_in_force
    _found_in_force = in_force
    os.environ[_RECEIVE_ONLY] = "" if works else "yes"
    server = new_server("webhooks.serve:application", check_address(settings), settings.port)

    def interrupt(*_: object) -> None:
        # Granian sets its event within the signal handler, where a second signal deadlocks it.
        server.interrupt_signal = True
        threading.Thread(target=server.main_loop_interrupt.set).start()

    def reload(*_: object) -> None:
        # Granian would start a second worker beside the first; two must never speak at once.
        print("Restart the service to have it read its configuration anew.", file=sys.stderr)  # noqa: T201

    server.signal_handler_interrupt = interrupt  # type: ignore[method-assign]
    server.signal_handler_reload = reload  # type: ignore[method-assign]
    server.serve()
