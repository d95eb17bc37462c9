"""A worker: it does what those who hear Jira leave to it, on as many machines as wanted."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from config.settings import Settings
from sla.errors import StoreError

if TYPE_CHECKING:
    from sla.wakeups import Clock


def need_shared(settings: Settings) -> None:
    """Refuse where nobody else could do the work, or hand it over.

    Raises:
        StoreError: the database is a file.
    """
    if settings.database_url.reveal().startswith("sqlite"):
        raise StoreError(
            "workers share a PostgreSQL database: set DUELINE_DATABASE_URL to one; "
            "with SQLite `dueline serve` does all the work itself"
        )


def work(settings: Settings, clock: Clock) -> None:
    """Work until SIGTERM or SIGINT; what runs then is finished.

    Raises:
        ConfigError: the configuration is faulty, and nothing was ever published.
        StoreError: the database cannot be used, or cannot be shared.
        TellingError: it cannot listen where it is to tell how it is.
    """
    from webhooks.logs import set_up_logs
    from webhooks.publishing import DEFAULT_SITE, configuration_in_force
    from webhooks.service import Service
    from webhooks.tracing import trace

    set_up_logs()
    need_shared(settings)
    asked = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked.set())
    service = Service(settings, configuration_in_force(settings, DEFAULT_SITE), clock)
    with ExitStack() as stack:
        stack.callback(service.close)
        trace(service, os.environ)
        if settings.worker_port:
            # Only where somebody asks: an HTTP server is 20 ms of a start.
            from webhooks.telling import telling

            stack.enter_context(telling(service, settings.host, settings.worker_port))
        running = service.start(hears=False)
        stack.callback(running.stop)
        asked.wait()
