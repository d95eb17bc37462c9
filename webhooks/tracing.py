"""Traces for OpenTelemetry: a span for each step, one trace for each delivery.

Receiver and worker may be processes on two machines, and nothing but the tables is between them. So
the ids of a trace and of its first span are worked out from the delivery's name, which every step
knows: whoever goes on with a delivery knows the parent without having been told.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import structlog

from sla import steps
from sla.steps import Step

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.trace import SpanContext

    from webhooks.service import Service

_log = structlog.get_logger(__name__)
_ENDPOINTS: Final = (
    "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
)  # fmt: skip
_WELL: Final = frozenset({"done", "kept", "known already", "not understood"})
_REFUSED = 400


def trace(service: Service, environment: Mapping[str, str]) -> None:
    """Have a service traced, where OpenTelemetry's own variables name whom to tell.

    Args:
        service: told of when it ends, so that the last spans are sent.
        environment: such as `os.environ`.
    """
    if not _is_wanted(environment):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from webhooks.span_sender import SpanSender
    except ImportError:
        _log.warning("nothing is traced", reason="install dueline[otel], or unset OTEL_ variables")
        return
    name = environment.get("OTEL_SERVICE_NAME") or "dueline"
    traces = Traces(BatchSpanProcessor(SpanSender(OTLPSpanExporter())), name)
    service.be_watched_by(traces, traces.close)


def _is_wanted(environment: Mapping[str, str]) -> bool:
    if environment.get("OTEL_SDK_DISABLED", "").casefold() == "true":
        return False
    if environment.get("OTEL_TRACES_EXPORTER", "otlp").casefold() != "otlp":
        return False
    return any(environment.get(name) for name in _ENDPOINTS)


class Traces:
    """A watcher that makes a span of each step.

    Args:
        processor: takes the spans.
        name: under which they are shown.
    """

    def __init__(self, processor: SpanProcessor, name: str = "dueline") -> None:
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        open_spans = self._open = _Open()

        class Ids(RandomIdGenerator):
            """Random ones, but for the first span of a delivery."""

            def generate_span_id(self) -> int:
                name, open_spans.first = open_spans.first, None
                return _ids(name)[1] if name else super().generate_span_id()

            def generate_trace_id(self) -> int:
                name = open_spans.first
                return _ids(name)[0] if name else super().generate_trace_id()

        self._provider: TracerProvider = TracerProvider(
            id_generator=Ids(),
            resource=Resource.create({SERVICE_NAME: name}),
            shutdown_on_exit=False,
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("dueline")

    def began(self, step: Step) -> None:
        """Begin a span: within the one that is open in this thread, or else of its delivery."""
        from opentelemetry.context import Context
        from opentelemetry.trace import NonRecordingSpan, SpanKind, set_span_in_context

        delivery, open_spans = steps.delivery(), self._open
        context = Context()
        if open_spans.spans:
            context = set_span_in_context(open_spans.spans[-1], context)
        elif delivery and step.name == "receive":
            open_spans.first = delivery
        elif delivery:
            context = set_span_in_context(NonRecordingSpan(self._first_of(delivery)), context)
        kinds = {"receive": SpanKind.SERVER, "call": SpanKind.CLIENT}
        kind = kinds.get(step.name, SpanKind.INTERNAL)
        span = self._tracer.start_span(step.name, context, kind, start_time=_at(step.began))
        open_spans.spans.append(span)

    def ended(self, step: Step) -> None:
        """End it, with what is known of the step."""
        from opentelemetry.trace import StatusCode

        span = self._open.spans.pop()
        told = {"delivery": steps.delivery(), "outcome": step.outcome, **step.facts}
        for name, value in told.items():
            if value is not None:
                span.set_attribute(f"dueline.{name}", value)
        status = int(step.outcome) if step.outcome.isdecimal() else None
        if status:
            span.set_attribute("http.response.status_code", status)
        if not (status < _REFUSED if status else step.outcome in _WELL):
            span.set_status(StatusCode.ERROR, step.outcome)
        span.end(_at(step.began + step.seconds))

    def close(self) -> None:
        """Send what was not sent yet."""
        self._provider.shutdown()

    def _first_of(self, delivery: str) -> SpanContext:
        """The first span of a delivery, which another process may have made."""
        from opentelemetry.sdk.trace.sampling import Decision
        from opentelemetry.trace import SpanContext, TraceFlags

        trace_id, span_id = _ids(delivery)
        # Whether it is sampled follows from its id, here as there.
        found = self._provider.sampler.should_sample(None, trace_id, "receive").decision
        sampled = found is Decision.RECORD_AND_SAMPLE
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)


class _Open(threading.local):
    """The spans that are open in this thread, and the delivery whose first one is being made."""

    def __init__(self) -> None:
        from opentelemetry.trace import Span

        self.spans: list[Span] = []
        self.first: str | None = None


def _at(instant: float) -> int:
    """An instant of `time.perf_counter`, in nanoseconds since the epoch."""
    now = time.time_ns()  # noqa: TID251 - a span is dated by the machine's own clock
    return now - round((time.perf_counter() - instant) * 1e9)


def _ids(delivery: str) -> tuple[int, int]:
    """The ids of a delivery's trace and of its first span; never 0, which stands for none."""
    digest = hashlib.sha256(delivery.encode()).digest()
    return int.from_bytes(digest[:16]) or 1, int.from_bytes(digest[16:24]) or 1
