"""One trace for each delivery, whichever process does the next step of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from structlog.testing import capture_logs

from sla.steps import Step, following, unwatch, watch
from tests.scenarios.world import World, utc, world
from tests.webhooks.test_app import serving
from webhooks.span_sender import SpanSender
from webhooks.tracing import Traces, trace


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, utc("2024-07-10 19:00")) as made:
        yield made


class Seen:
    """What one process would send to a collector."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.traces = Traces(SimpleSpanProcessor(self._exporter))

    def take(self) -> list[ReadableSpan]:
        """The spans that ended since the last time."""
        found = self._exporter.get_finished_spans()
        self._exporter.clear()
        return list(found)


@pytest.fixture
def seen() -> Iterator[Seen]:
    made = Seen()
    watch(made.traces)
    yield made
    unwatch(made.traces)


def names(spans: list[ReadableSpan]) -> list[str]:
    return [span.name for span in spans]


def test_a_delivery_is_one_trace_from_the_receiver_to_jira(seen: Seen, cloud: World) -> None:
    seen.take()
    cloud.report("BIT", priority="Highest")
    spans = seen.take()
    first = spans[0]
    assert (first.name, first.kind, first.parent) == ("receive", SpanKind.SERVER, None)
    mine = [each for each in spans if each.context.trace_id == first.context.trace_id]
    assert names(mine)[:5] == ["receive", "translate", "decide", "call", "write"]
    call, write = mine[3], mine[4]
    for each in (*mine[1:3], write):
        assert each.parent is not None
        assert each.parent.span_id == first.context.span_id
    assert call.parent is not None
    assert call.parent.span_id == write.context.span_id
    assert call.kind == SpanKind.CLIENT
    assert call.attributes is not None
    assert call.attributes["http.response.status_code"] == 204
    delivered = {(each.attributes or {}).get("dueline.delivery") for each in mine}
    assert len(delivered) == 1
    # What follows from nobody's delivery is a trace of its own.
    cloud.advance(timedelta(hours=3))
    woken = next(
        each for each in seen.take() if (each.attributes or {}).get("dueline.why") == "time"
    )
    assert woken.parent is None


def test_another_process_knows_the_parent_without_being_told(seen: Seen) -> None:
    with following("a-delivery"), Step("receive", "kept"):
        pass
    (first,) = seen.take()
    unwatch(seen.traces)
    other = Seen()
    watch(other.traces)
    with following("a-delivery"), Step("decide"):
        pass
    unwatch(other.traces)
    (span,) = other.take()
    assert span.parent is not None
    assert span.parent.is_remote
    assert (span.parent.trace_id, span.parent.span_id) == (
        first.context.trace_id, first.context.span_id,
    )  # fmt: skip


def test_a_span_has_its_length_also_where_it_is_told_of_afterwards(seen: Seen) -> None:
    now = time.perf_counter()
    with following("a-delivery"):
        Step("receive", "kept").tell(now - 20.0, now - 5.0)
    (span,) = seen.take()
    assert span.end_time is not None
    assert span.start_time is not None
    assert round((span.end_time - span.start_time) / 1e9, 1) == 15.0


def test_what_failed_is_marked(seen: Seen) -> None:
    with Step("call", what="writing fields") as step:
        step.outcome = "503"
    with pytest.raises(ValueError, match="no"), Step("decide"):
        raise ValueError("no")
    with Step("translate") as step:
        step.outcome = "not understood"
    call, decided, translated = seen.take()
    assert call.status.status_code == decided.status.status_code == StatusCode.ERROR
    assert decided.status.description == "ValueError"
    assert translated.status.status_code == StatusCode.UNSET
    assert all("no" not in str(value) for value in (decided.attributes or {}).values())


def test_what_is_not_sampled_at_the_receiver_is_not_at_the_worker(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    seen = Seen()
    watch(seen.traces)
    both = []
    for number in range(40):
        with following(f"delivery {number}"):
            with Step("receive", "kept"):
                pass
            with Step("decide"):
                pass
        both.append(len(seen.take()))
    unwatch(seen.traces)
    assert set(both) == {0, 2}


@pytest.mark.parametrize(
    ("environment", "traced"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}, False),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_EXPORTER": "none"},
            False,
        ),
    ],
)
def test_nothing_is_traced_unless_a_collector_is_named(
    environment: dict[str, str], traced: bool, tmp_path: Path
) -> None:
    service = serving(tmp_path)
    trace(service, environment)
    assert bool(service._watchers) is traced
    service.close()


def test_a_collector_that_is_away_is_told_of_once_each_time(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library = logging.getLogger("opentelemetry.exporter.otlp.any")
    well = [True]

    class Exporter(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            if well[0]:
                return super().export(spans)
            library.warning("refused, to be tried again")
            library.error("given up")
            return SpanExportResult.FAILURE

    sender = SpanSender(Exporter())
    with capture_logs() as logs:
        for well[0] in (True, False, False, False, True, True, False, False):
            sender.export([])
    assert [each["event"] for each in logs] == ["spans are sent again"]
    assert caplog.messages == ["refused, to be tried again"] * 2
    sender.shutdown()
    library.warning("as before")
    assert caplog.messages[2:] == ["as before"]


def test_without_the_extra_it_is_said_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    service = serving(tmp_path)
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http.trace_exporter", None)
    with capture_logs() as logs:
        trace(service, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert [each["event"] for each in logs] == ["nothing is traced"]
    assert "dueline[otel]" in logs[0]["reason"]
    service.close()
