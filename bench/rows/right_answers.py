"""How many answers are right where it is hard: night shifts on the nights the clocks change."""

from __future__ import annotations

from datetime import timedelta

from bench import office
from bench.office import BY_NIGHT, Question
from bench.peers import NOT_THERE, Judged, compared, one_by_one
from bench.row import Context, Figure, Result, Row

_OFFICE = office.calendar(BY_NIGHT)
_AMOUNT, _WEEK = timedelta(hours=5), timedelta(days=7)
_ASKED = {
    "due": (
        Question("due", _AMOUNT, office=BY_NIGHT),
        one_by_one(lambda start: _OFFICE.due(start, _AMOUNT)),
    ),
    "elapsed": (
        Question("elapsed", _WEEK, office=BY_NIGHT),
        one_by_one(lambda start: _OFFICE.elapsed(start, start + _WEEK)),
    ),
}


def measure(context: Context) -> Result:
    """Everybody is asked for deadlines and for elapsed time; nothing is said about speed."""
    judged = [
        (kind, peer)
        for kind, (question, way) in _ASKED.items()
        for peer in compared(context, question, {"dueline": way}).peers
    ]
    # Where one answer of Dueline's is wrong, the comparison itself has ended with it.
    ours = (Figure(f"dueline, {kind}", 100.0, "% right") for kind in _ASKED)
    theirs = (Figure(f"{peer.peer}, {kind}", _percent(peer), "% right") for kind, peer in judged)
    wrong = sorted({peer.peer for _, peer in judged if peer.right < peer.asked})
    return Result(
        (*ours, *theirs),
        reached=True,
        said=f"all are right; {_listed(wrong)}" if context.peers else f"all are right; {NOT_THERE}",
        notes=tuple(f"{kind}: {peer.said()}" for kind, peer in judged),
    )


def _percent(peer: Judged) -> float:
    return 100 * peer.right / peer.asked


def _listed(wrong: list[str]) -> str:
    return f"not all are of {', '.join(wrong)}" if wrong else "those of the peers as well"


ROW = Row(
    id="right_answers",
    title="answers on night shifts, around changes of the clocks",
    to_reach="all right",
    against="a plain list of all days, converted by zoneinfo",
    measure=measure,
)
