"""Sends spans to a collector, and says once that it is away instead of with each try again."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_log = structlog.get_logger(__name__)
_LIBRARY: Final = "opentelemetry.exporter"


class SpanSender(SpanExporter):
    """What an exporter sends, and the first of what it logs while nothing can be sent.

    The library logs each try, several of them in ten seconds: an hour without a collector would be
    thousands of lines that say the same.

    Args:
        exporter: makes the requests.
    """

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._first = _First()
        library = logging.getLogger(_LIBRARY)
        library.addHandler(self._first)
        library.propagate = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send spans; those that cannot be sent are lost, and nothing waits for them."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS and self._first.told:
            self._first.told = False
            _log.info("spans are sent again")
        return result

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Send what the exporter itself holds back, within so many milliseconds."""
        return self._exporter.force_flush(timeout_millis)

    def shutdown(self) -> None:
        """Send nothing more."""
        self._exporter.shutdown()
        library = logging.getLogger(_LIBRARY)
        library.removeHandler(self._first)
        library.propagate = True


class _First(logging.Handler):
    """Passes on one line; it says why, and those that follow say no more."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.told = False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.told:
            self.told = True
            logging.getLogger().handle(record)
