"""Every line is JSON where a machine reads it, whoever wrote it, and no line stops the work."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
import threading
from collections.abc import Iterator
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from sla import steps
from sla.steps import Step, following
from webhooks import logs
from webhooks.logs import set_up_logs, written_together


@pytest.fixture(autouse=True)
def afterwards() -> Iterator[None]:
    """Leave the process as it was."""
    level = logging.root.level
    yield
    steps.unwatch(logs._STEPS)
    structlog.reset_defaults()
    logging.root.setLevel(level)


def begin(
    monkeypatch: pytest.MonkeyPatch, form: str | None, level: str | None = None,
    usual: Literal["info", "warning"] = "info",
) -> None:  # fmt: skip
    for name, value in (("DUELINE_LOG", form), ("DUELINE_LOG_LEVEL", level)):
        monkeypatch.delenv(name, raising=False)
        if value:
            monkeypatch.setenv(name, value)
    # Without those by which pytest listens.
    monkeypatch.setattr(logging.root, "handlers", [])
    set_up_logs(usual)
    structlog.configure(cache_logger_on_first_use=False)


def written(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_line_of_a_library_is_as_ours(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(monkeypatch, None)
    with following("a-delivery"):
        structlog.get_logger().warning("ours", site="acme")
        logging.getLogger("granian").error("theirs: %s", "busy")
        logging.getLogger("apscheduler").error("a job", exc_info=ValueError("planted"))
    ours, theirs, fault = written(capsys)
    assert list(ours) == ["timestamp", "level", "event", "delivery", "site"]
    assert (theirs["event"], theirs["level"]) == ("theirs: busy", "error")
    assert ours["delivery"] == theirs["delivery"] == fault["delivery"] == "a-delivery"
    assert "ValueError: planted" in fault["exception"]


@pytest.mark.parametrize(
    ("level", "usual", "told"),
    [("warning", "info", ["told"]), (None, "warning", ["told"]),
     ("info", "warning", ["not told", "issue decided", "told"])],
)  # fmt: skip
def test_only_what_is_grave_enough_is_written(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    level: str | None, usual: Literal["info", "warning"], told: list[str],
) -> None:  # fmt: skip
    begin(monkeypatch, "json", level, usual)
    with Step("decide", why="time"):
        structlog.get_logger().info("not told")
    structlog.get_logger().warning("told")
    assert [line["event"] for line in written(capsys)] == told


def test_for_people_it_is_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    begin(monkeypatch, "text")
    with Step("decide", why="time"):
        pass
    text = capsys.readouterr().err
    assert "issue decided" in text
    assert "{" not in text


def test_a_line_that_cannot_be_written_stops_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Full:
        """A disk without room."""

        def write(self, _: str) -> int:
            raise OSError(28, "No space left on device")

        def flush(self) -> None:
            raise OSError(28, "No space left on device")

        def isatty(self) -> bool:
            return False

    begin(monkeypatch, "json")
    monkeypatch.setattr(sys, "stderr", Full())
    with Step("receive", "kept") as step:
        pass
    assert step.outcome == "kept"
    structlog.get_logger().error("nobody hears")


def test_lines_that_are_written_together_are_one_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Noting(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.flushes: list[str] = []

        def flush(self) -> None:
            self.flushes.append(self.getvalue())

    begin(monkeypatch, "json")
    seen = Noting()
    monkeypatch.setattr(sys, "stderr", seen)
    with written_together():
        for name in ("a", "b"):
            with following(name), Step("receive", "kept"):
                pass
        # Another thread's lines are not held back.
        other = threading.Thread(target=structlog.get_logger().warning, args=("another's",))
        other.start()
        other.join()
    structlog.get_logger().warning("afterwards")
    lines = [[json.loads(line) for line in each.splitlines()] for each in seen.flushes]
    assert [len(each) for each in lines] == [1, 3, 4]
    assert [each.get("delivery", each["event"]) for each in lines[-1]] == [
        "another's", "a", "b", "afterwards",
    ]  # fmt: skip


@given(st.dictionaries(st.text(), st.one_of(st.text(), st.floats(), st.none(), st.just(object()))))
def test_a_line_reads_as_the_library_writes_it(event: dict[str, Any]) -> None:
    theirs = structlog.processors.JSONRenderer()
    assert logs._as_json(event) == theirs(None, "info", event)


# Names that the line of a step has already, or that mean something to the library.
_TAKEN = frozenset({
    "self", "name", "timestamp", "level", "event", "delivery", "outcome", "ms", "exc_info",
    "stack_info", "stack", "exception",
})  # fmt: skip
_FACT = st.one_of(st.text(), st.integers(), st.none(), st.just(object()))


@given(
    st.dictionaries(st.text().filter(lambda name: name not in _TAKEN), _FACT),
    st.one_of(st.none(), st.text()),
    st.text(),
    st.floats(0, 10),
)
def test_a_step_reads_as_the_library_writes_it(
    facts: dict[str, Any], delivery: str | None, outcome: str, took: float
) -> None:
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        begin(patch, "json")
        for as_text in (False, True):
            # As text it goes the library's way, which here ends in JSON.
            patch.setattr(logs._STEPS, "as_text", as_text)
            said = io.StringIO()
            patch.setattr(sys, "stderr", said)
            with following(delivery):
                Step("receive", outcome, **facts).tell(1.0, 1.0 + took)
            lines.append(said.getvalue())
    ours, theirs = (re.sub(r"\d{4}-[\d-]+T[\d:.]+Z", "", line, count=1) for line in lines)
    assert ours == theirs
