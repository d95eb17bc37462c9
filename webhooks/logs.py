"""Logs on standard error: a line an event, for people or as JSON, each with the delivery's name."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal, TextIO

from sla.bare_package import without

with without("rich"):
    # It would colour tracebacks, which are shown plainly: its import takes 40 ms of a start.
    import structlog
    from structlog.contextvars import get_contextvars

    from sla.steps import Name, Step, watch
    from webhooks.clock import SystemClock

_INDISCREET = ("atlassian", "http.client", "requests", "sqlalchemy", "urllib3")
"""Libraries that log bodies, rows or addresses at their lower levels."""
EVENTS: Final[dict[Name, str]] = {
    "receive": "delivery received",
    "translate": "delivery translated",
    "decide": "issue decided",
    "write": "jira written",
    "call": "jira called",
    "notify": "channel told",
}
"""What the line of each step is called."""


def set_up_logs(usual: Literal["info", "warning"] = "info") -> None:
    """Write logs as `DUELINE_LOG` and `DUELINE_LOG_LEVEL` say; once a process is enough.

    A value that will do for neither is told by `Settings`; here it counts as none.

    Args:
        usual: what is logged at least where no level is set; people who type a command wait for
            its answer, and not for a line for each call.
    """
    form, level = os.environ.get("DUELINE_LOG"), os.environ.get("DUELINE_LOG_LEVEL", "")
    as_text = form == "text" or (form != "json" and sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        *([] if as_text else [structlog.processors.format_exc_info]),
        _in_order,
    ]
    # A traceback with local variables, as the console has it by default, would show secrets.
    as_lines = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer: structlog.typing.Processor = (
        as_lines if as_text else structlog.processors.JSONRenderer(_as_json)
    )
    lowest = getattr(logging, (level or usual).upper(), logging.INFO)
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(lowest),
        logger_factory=lambda *_: _Lines(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Libraries speak through the standard library's logging; only their warnings matter here.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(lowest, logging.WARNING), handlers=[handler])
    # Whoever asks for more of all of them does not ask for what customers wrote and who signed in.
    for name in _INDISCREET:
        logging.getLogger(name).setLevel(logging.WARNING)
    if lowest <= logging.INFO:
        _STEPS.as_text = as_text
        watch(_STEPS)


class _Held(threading.local):
    """The lines of this thread that are held back; None: none are."""

    lines: list[str] | None = None


_held = _Held()


@contextmanager
def written_together() -> Iterator[None]:
    """Within it, this thread's lines are held back, and written at the end all at once.

    Around each writing the thread lets others run, and has to wait until they let it run again.
    """
    lines: list[str] = []
    _held.lines = lines
    try:
        yield
    finally:
        _held.lines = None
        if lines:
            _write("\n".join(lines))


def _write(line: str) -> None:
    _Lines(sys.stderr).msg(line)


class _Lines(structlog.PrintLogger):
    """Writes lines; one that cannot be written is nobody's fault who was doing something else."""

    def __init__(self, file: TextIO) -> None:
        super().__init__(file)

    def msg(self, message: str) -> None:
        """Write a line."""
        if _held.lines is not None:
            _held.lines.append(message)
            return
        # The disk behind standard error is full, or its reader is gone.
        with suppress(OSError, ValueError):
            super().msg(message)

    log = debug = info = warn = warning = fatal = failure = err = error = critical = exception = msg


class _Steps:
    """A line for each step of the work.

    JSON is made without structlog, whose processors took four fifths of the 50 us of a line: in a
    rush each delivery has one.
    """

    def __init__(self) -> None:
        self._log = structlog.get_logger("dueline")
        self.as_text = False

    def began(self, step: Step) -> None:
        """Nothing is told of what only began."""

    def ended(self, step: Step) -> None:
        """Tell what it was and what came of it."""
        ms = round(step.seconds * 1000, 1)
        if self.as_text:
            self._log.info(EVENTS[step.name], outcome=step.outcome, ms=ms, **step.facts)
            return
        line = {
            "timestamp": _CLOCK.now().isoformat().replace("+00:00", "Z"),
            "level": "info",
            "event": EVENTS[step.name],
            "delivery": None,
            **get_contextvars(),
            "outcome": step.outcome,
            "ms": ms,
            **step.facts,
        }
        _write(_encode({name: value for name, value in line.items() if value is not None}))


_STEPS = _Steps()
_CLOCK = SystemClock()
# Made once: `json.dumps` makes one for each line, which takes as long as the line.
_encode = json.JSONEncoder(default=repr).encode


def _as_json(event: structlog.typing.EventDict, **_: Any) -> str:
    return _encode(event)


def _in_order(
    _logger: Any, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """When, how grave, what and because of which delivery, then all else that is known."""
    first = {name: event.pop(name, None) for name in ("timestamp", "level", "event", "delivery")}
    return {name: value for name, value in {**first, **event}.items() if value is not None}
