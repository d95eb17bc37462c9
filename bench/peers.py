"""Dueline beside its peers: the same questions, answers first, then times taken in turns.

A row that is measured against the peers needs no more than this:

    _EIGHT_HOURS = timedelta(hours=8)
    _OFFICE = office.calendar()

    def measure(context: Context) -> Result:
        return against_peers(
            context,
            Question("due", _EIGHT_HOURS),
            {"dueline": one_by_one(lambda start: _OFFICE.due(start, _EIGHT_HOURS))},
            wanted=15,
        )

The ways are Dueline's; the first is the one that is judged, by its time per answer against that of
django-bizcal with nothing in its caches. A way that answers many at once makes a `Way` of its own:

    def at_once(starts: Sequence[datetime]) -> Way:
        many = as_array(starts * 1000)
        return Way(lambda: due_many(_OFFICE, many, _EIGHT_HOURS), len(many), as_datetimes)

The peers run in a process of their own, in their own environment; `bench/peer_side/answer.py` is
their side. Everybody's answers are held against `bench.office.right`, which is plain and slow. A
wrong answer of a peer is told in the notes; one of Dueline's is an error, for then no time counts.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import IO, Any

from bench import office
from bench.office import Answer, Question, right
from bench.row import Context, Figure, Result, number, seconds_per_call, taking_turns

JUDGE = "django-bizcal"
NOT_THERE = "not compared: the peers are not installed, see `make bench`"
_SCRIPT = Path(__file__).parent / "peer_side" / "answer.py"
_STARTS, _ROUNDS = 1000, 9
_QUICK_STARTS, _QUICK_ROUNDS = 60, 2
# A batch of ours lasts at least so long, for the clock and the scheduler not to matter.
_BATCH = 0.01
_MICROSECONDS = 1e6


@dataclass(frozen=True)
class Way:
    """One of Dueline's ways to answer."""

    work: Callable[[], Any]
    """Answers all questions once; this is what is timed."""
    number: int
    """How many questions that are."""
    read: Callable[[Any], Sequence[Answer]]
    """Makes of what `work` returned the answers to the given starts, which come first."""


MakesWay = Callable[[Sequence[datetime]], Way]


def one_by_one(ask: Callable[[datetime], Answer]) -> MakesWay:
    """A way that asks for each start by a call of its own."""
    return lambda starts: Way(lambda: [ask(start) for start in starts], len(starts), list)


@dataclass(frozen=True)
class Judged:
    """How a peer did: its medians of seconds per answer, and how many answers were right."""

    peer: str
    version: str
    seconds: Mapping[str, float]
    """By way: `cold` and `warm` for one that remembers days, else `each`; and `together`."""
    asked: int
    right: int
    example: str
    """A wrong answer, or nothing."""

    def said(self) -> str:
        """One line about its answers."""
        line = f"{self.peer} {self.version}: {self.right} of {self.asked} answers right"
        return f"{line}; {self.example}" if self.example else line


@dataclass(frozen=True)
class Comparison:
    """Seconds per answer of Dueline's ways, and the peers."""

    ours: Mapping[str, float]
    peers: tuple[Judged, ...]

    def factor(self, way: str) -> float | None:
        """How many times faster than the judge, cold, where that one is there."""
        judge = next((peer for peer in self.peers if peer.peer == JUDGE), None)
        return judge.seconds["cold"] / self.ours[way] if judge and judge.seconds else None

    def figures(self) -> tuple[Figure, ...]:
        """All times, in microseconds."""
        theirs = {
            f"{peer.peer}, {way}": seconds
            for peer in self.peers
            for way, seconds in peer.seconds.items()
        }
        return tuple(
            Figure(name, seconds * _MICROSECONDS, "us")
            for name, seconds in {**self.ours, **theirs}.items()
        )


def against_peers(
    context: Context, question: Question, ways: Mapping[str, MakesWay], wanted: float
) -> Result:
    """A row's result: the first way is to be so many times faster than django-bizcal, cold."""
    found = compared(context, question, ways)
    factor = found.factor(next(iter(ways)))
    return Result(
        found.figures(),
        reached=factor is not None and factor >= wanted,
        said=NOT_THERE if factor is None else f"{number(factor)} times faster",
        ratio=factor,
        notes=tuple(peer.said() for peer in found.peers),
    )


def compared(context: Context, question: Question, ways: Mapping[str, MakesWay]) -> Comparison:
    """Ask everybody the same, judge the answers, then time all in turns.

    Raises:
        AssertionError: an answer of Dueline's is wrong.
    """
    count, rounds = (_QUICK_STARTS, _QUICK_ROUNDS) if context.quick else (_STARTS, _ROUNDS)
    starts = office.starts(question, count, context.seed)
    truth = [_plain(right(question, start)) for start in starts]
    ours = {name: make(starts) for name, make in ways.items()}
    for name, way in ours.items():
        _expect_right(name, way, starts, truth)
    timed: dict[str, Callable[[], float]] = {name: _timed(way) for name, way in ours.items()}
    if context.peers is None:
        return Comparison(taking_turns(timed, rounds), ())
    with peers(context.peers) as side:
        asked = side.answers(question, starts)
        for peer, told in asked.items():
            # A slow peer has answered the first ones, and a broken one not all.
            pairs = zip(starts, told.answers, strict=False)
            able = [start for start, given in pairs if given is not None]
            for how in told.ways if able else ():
                timed[f"{peer}, {how}"] = partial(side.seconds, peer, question, able, how)
        medians = taking_turns(timed, rounds)
    return Comparison(
        {name: medians[name] for name in ours},
        tuple(
            _judged(
                peer,
                side.versions[peer],
                {how: medians[name] for how in told.ways if (name := f"{peer}, {how}") in medians},
                list(zip(starts, told.answers, truth, strict=False)),
            )
            for peer, told in asked.items()
        ),
    )


def _timed(way: Way) -> Callable[[], float]:
    once = seconds_per_call(way.work)
    times = max(1, round(_BATCH / once))
    return lambda: seconds_per_call(way.work, times) / way.number


def _expect_right(
    name: str, way: Way, starts: Sequence[datetime], truth: Sequence[float | str]
) -> None:
    given = way.read(way.work())
    for start, answer, wanted in zip(starts, given, truth, strict=True):
        if _plain(answer) != wanted:
            raise AssertionError(f"{name}: {_wrong(start, _plain(answer), wanted)}")


def _judged(
    peer: str,
    version: str,
    seconds: Mapping[str, float],
    seen: Sequence[tuple[datetime, float | str | None, float | str]],
) -> Judged:
    wrong = [(start, given, wanted) for start, given, wanted in seen if given != wanted]
    example = _wrong(*wrong[0]) if wrong else ""
    return Judged(peer, version, seconds, len(seen), len(seen) - len(wrong), example)


def _wrong(start: datetime, given: float | str | None, wanted: float | str) -> str:
    said = "nothing" if given is None else _shown(given)
    return f"from {start:%Y-%m-%dT%H:%M:%SZ} it says {said}, right is {_shown(wanted)}"


def _shown(plain: float | str) -> str:
    if isinstance(plain, str):
        return plain
    # An instant is of this century; a length that is asked for here is of days.
    if plain > timedelta(days=10_000).total_seconds():
        return f"{datetime.fromtimestamp(plain, UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{plain:,.0f} s"


def _plain(answer: Answer) -> float | str:
    """An answer as the peers' side tells it."""
    if isinstance(answer, datetime):
        return answer.timestamp()
    return answer.total_seconds() if isinstance(answer, timedelta) else answer.isoformat()


# --- the peers' process ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Told:
    """What a peer answers: how it can be timed, and an answer a start as far as time allowed."""

    ways: list[str]
    answers: list[float | str | None]


Exchange = Callable[[Mapping[str, Any]], dict[str, Any]]
"""Tells the peers' side something and gives back its answer."""


class Peers:
    """The peers, waiting to be asked."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self.versions: dict[str, str] = exchange({"want": "versions"})["versions"]
        """Of each peer that is there, by name."""

    def answers(self, question: Question, starts: Sequence[datetime]) -> dict[str, Told]:
        """The answers of each peer that can be asked that."""
        told = {
            peer: self._exchange(_request(peer, question, starts, "answers"))
            for peer in self.versions
        }
        return {
            peer: Told(each["ways"], each["answers"]) for peer, each in told.items() if each["ways"]
        }

    def seconds(self, peer: str, question: Question, starts: Sequence[datetime], way: str) -> float:
        """Seconds per answer of one batch, as the peers' process itself takes them."""
        return float(self._exchange(_request(peer, question, starts, way))["seconds"])


def _request(
    peer: str, question: Question, starts: Sequence[datetime], want: str
) -> dict[str, Any]:
    return {
        "office": asdict(question.office) | {"zone": office.ZONE},
        "peer": peer,
        "kind": question.kind,
        "amount": question.days or question.amount.total_seconds(),
        "starts": [start.timestamp() for start in starts],
        "want": want,
    }


@contextmanager
def peers(python: Path) -> Iterator[Peers]:
    """The peers, ready to be asked, by the interpreter of their environment."""
    with subprocess.Popen(  # noqa: S603 - our own
        [python, "-W", "ignore", _SCRIPT],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        if not process.stdin or not process.stdout:
            raise RuntimeError("the peers' process has no pipes")
        try:
            yield Peers(partial(_exchange, process.stdin, process.stdout))
        finally:
            process.kill()


def _exchange(asks: IO[str], answers: IO[str], told: Mapping[str, Any]) -> dict[str, Any]:
    asks.write(json.dumps(told, default=str) + "\n")
    asks.flush()
    line = answers.readline()
    if not line:
        raise RuntimeError("the peers' process has ended; is their environment complete?")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise RuntimeError(f"the peers' side failed: {answer['error']}")
    return answer
