"""Answers are judged before times are, whoever gave them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from bench import office, peers
from bench.office import Question, right
from bench.peer_side import answer
from bench.peer_side.answer import Asking, Office
from bench.peers import Peers, Way, against_peers, one_by_one
from bench.peers import peers as in_a_process
from bench.row import Context

HOUR = timedelta(hours=1)
QUESTION = Question("due", 8 * HOUR)
HERE = Path(sys.executable)
QUICK = Context(quick=True, peers=HERE)


OFFICE = office.calendar()


def ours(start: datetime) -> datetime:
    return OFFICE.due(start, 8 * HOUR)


def plainly(start: datetime) -> datetime:
    found = right(QUESTION, start)
    assert isinstance(found, datetime)
    return found


def _peer(ask: Any, forget: Any = None) -> Any:
    def asking(_office: Office, kind: str, _amount: float) -> Asking:
        if kind != "due":
            raise NotImplementedError
        return Asking(lambda start: start, ask, datetime.timestamp, forget)

    return asking


@pytest.fixture
def forgot() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def side(monkeypatch: pytest.MonkeyPatch, forgot: list[str]) -> None:
    """The peers' side in this process, with three peers of our own making."""

    def fails(_start: datetime) -> datetime:
        raise OverflowError

    made = {
        "django-bizcal": _peer(plainly, lambda: forgot.append("all")),
        "late": _peer(lambda start: plainly(start) + HOUR),
        "broken": _peer(fails),
    }
    monkeypatch.setattr(answer, "PEERS", made)
    answer.asking_for.cache_clear()
    monkeypatch.setattr(metadata, "version", lambda _: "1.0")

    def exchange(told: Mapping[str, Any]) -> dict[str, Any]:
        return answer.reply(dict(told))

    @contextmanager
    def here(python: Path) -> Iterator[Peers]:
        assert python == HERE
        yield Peers(exchange)

    monkeypatch.setattr(peers, "peers", here)


def test_a_wrong_answer_is_told_with_an_example() -> None:
    told = against_peers(QUICK, QUESTION, {"dueline": one_by_one(plainly)}, wanted=1)
    good, late, broken = told.notes
    assert good == "django-bizcal 1.0: 60 of 60 answers right"
    assert late.startswith("late 1.0: 0 of 60 answers right; from ")
    start = office.starts(QUESTION, 1, seed=1)[0]
    assert f"from {start:%Y-%m-%dT%H:%M:%SZ} it says" in late
    assert broken.startswith("broken 1.0: 0 of 60 answers right")
    assert "it says nothing, right is" in broken


def test_a_wrong_answer_of_ours_ends_it() -> None:
    with pytest.raises(AssertionError, match=r"dueline: from .* it says"):
        against_peers(QUICK, QUESTION, {"dueline": one_by_one(lambda start: start)}, wanted=1)


def test_a_way_of_many_at_once_is_timed_by_the_answer_and_read_by_the_start() -> None:
    def at_once(starts: Any) -> Way:
        many = [plainly(start) for start in starts]
        return Way(lambda: many, 10**9, list)

    told = against_peers(QUICK, QUESTION, {"dueline": at_once}, wanted=1000)
    assert told.reached
    assert told.ratio
    assert told.ratio > 1000


def test_the_peers_are_timed_cold_and_warm_where_they_remember(forgot: list[str]) -> None:
    told = against_peers(QUICK, QUESTION, {"dueline": one_by_one(plainly)}, wanted=1e9)
    assert {each.name for each in told.figures} >= {
        "dueline", "django-bizcal, cold", "django-bizcal, warm", "late, each",
    }  # fmt: skip
    assert {each.unit for each in told.figures} == {"us"}
    assert not told.reached
    assert len(forgot) >= 60


def test_a_peer_that_fails_while_it_is_timed_stops_no_other() -> None:
    told = against_peers(QUICK, QUESTION, {"dueline": one_by_one(plainly)}, wanted=1)
    assert "broken, each" not in {each.name for each in told.figures}


def test_without_peers_ours_are_still_judged() -> None:
    alone = Context(quick=True, peers=None)
    told = against_peers(alone, QUESTION, {"dueline": one_by_one(ours)}, wanted=1)
    assert (told.reached, told.ratio, told.said) == (False, None, peers.NOT_THERE)
    assert [each.name for each in told.figures] == ["dueline"]


def test_a_question_that_a_peer_does_not_know_is_not_put_to_it() -> None:
    year = timedelta(days=365)
    calendar = office.calendar()
    told = against_peers(
        QUICK,
        Question("elapsed", year),
        {"dueline": one_by_one(lambda start: calendar.elapsed(start, start + year))},
        wanted=1,
    )
    assert told.notes == ()


def test_an_interpreter_without_the_peers_says_so() -> None:
    with pytest.raises(RuntimeError, match="PackageNotFoundError"), in_a_process(HERE):
        pass


def test_instants_and_lengths_are_shown_as_such() -> None:
    late = datetime(2026, 1, 1, tzinfo=UTC)
    assert peers._shown(late.timestamp()) == "2026-01-01T00:00:00Z"
    assert peers._shown(7200.0) == "7,200 s"
