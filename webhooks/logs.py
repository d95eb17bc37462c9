"""Logs on standard error: a line an event, `key=value`, or JSON where a machine reads them."""

from __future__ import annotations

import logging
import os
import sys

from sla.bare_package import without

with without("rich"):
    # It would colour tracebacks, which are shown plainly: its import takes 40 ms of a start.
    import structlog

_INDISCREET = ("atlassian", "http.client", "requests", "sqlalchemy", "urllib3")
"""Libraries that log bodies, rows or addresses at their lower levels."""


def set_up_logs() -> None:
    """JSON when standard error is no terminal and `DUELINE_LOG` is not `text`."""
    as_text = os.environ.get("DUELINE_LOG") == "text" or sys.stderr.isatty()
    # A traceback with local variables, as the console has it by default, would show secrets.
    as_lines = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: structlog.typing.Processor = (
        as_lines if as_text else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            *([] if as_text else [structlog.processors.format_exc_info]),
            renderer,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library's logging; only their warnings matter here.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    # Whoever asks for more of all of them does not ask for what customers wrote and who signed in.
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.WARNING)
