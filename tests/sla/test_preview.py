"""What another policy would change for an issue's clocks."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from sla.clock.run import cycles_of
from sla.contract import Goal, OpenTime
from sla.cycle import Cycle, State
from sla.decide import Ledger, decide
from sla.mapping import Policy
from sla.preview import Judged, Move, judged, moves
from sla.recalculated import Earlier, kept
from sla.timeline import Changed, Deleted, Event, Timeline
from tests.sla.example import NINE, at, contract, hours, made, office, policy, reply

RESOLVED = Changed(at(3), "9", "resolution", None, "Done")


def promising(amount: float, **more: tuple[str, ...]) -> Policy:
    """A first response within so many hours of office time."""
    return policy(contract(Goal(OpenTime(hours(amount), f"{amount}h"), office()), **more))


def folded(events: list[Event], by: Policy, hour: float) -> tuple[Cycle, ...]:
    return cycles_of(Timeline.of(events), by, at(hour))


def moved(
    events: list[Event], before: Policy, after: Policy, hour: float
) -> list[tuple[str | None, str | None]]:
    """From and to which state the clocks of an issue move."""
    recorded = [judged(cycle) for cycle in folded(events, before, hour)]
    found = moves("ACME-1", recorded, folded(events, after, hour))
    return [(move.state_from, move.state_to) for move in found]


def findings(move: Move) -> list[str]:
    names = ("newly_breached", "newly_safe", "newly_promised", "no_longer_promised")
    return [name for name in names if getattr(move, name)]


@pytest.mark.parametrize(
    "events",
    [made(), [*made(), reply(at(1))], [*made(), RESOLVED], [*made(), Deleted(at(2))], []],
)
def test_cycles_are_those_of_a_decision(events: list[Event]) -> None:
    timeline = Timeline.of(events)
    decision = decide(timeline, promising(2), Ledger(), at(4))
    assert cycles_of(timeline, promising(2), at(4)) == decision.cycles


def test_the_same_promise_moves_nothing() -> None:
    for hour in (1, 2, 5):
        assert moved(made(), promising(2), promising(2), hour) == []


def test_another_goal_moves_the_due_instant() -> None:
    (move,) = moves(
        "ACME-1",
        [judged(cycle) for cycle in folded(made(), promising(4), 1)],
        folded(made(), promising(3), 1),
    )
    assert move == Move("ACME-1", "first_response", "acme", at(4), at(3), "running", "running")
    assert findings(move) == []


@pytest.mark.parametrize(
    ("before", "after", "states", "finding"),
    [
        (4, 1, ("running", "breached"), "newly_breached"),
        (1, 4, ("breached", "running"), "newly_safe"),
    ],
)
def test_what_would_be_broken_or_safe_is_found(
    before: float, after: float, states: tuple[str, str], finding: str
) -> None:
    recorded = [judged(cycle) for cycle in folded(made(), promising(before), 2)]
    (move,) = moves("ACME-1", recorded, folded(made(), promising(after), 2))
    assert (move.state_from, move.state_to) == states
    assert findings(move) == [finding]


def test_a_cycle_that_is_over_stays_as_it_was_judged() -> None:
    answered = [*made(), reply(at(2))]
    assert moved(answered, promising(4), promising(1), 3) == []
    assert moved(answered, promising(1), promising(4), 3) == []


def test_what_is_promised_no_more_and_what_is_newly_promised() -> None:
    nowhere = replace(promising(2), projects={})
    assert moved(made(), promising(4), nowhere, 1) == [("running", None)]
    assert moved(made(), nowhere, promising(4), 1) == [(None, "running")]
    # Broken at once: it counts as both.
    (move,) = moves("ACME-1", [], folded(made(), promising(1), 3))
    assert findings(move) == ["newly_breached", "newly_promised"]


def test_what_would_be_over_before_it_was_promised_is_not_told() -> None:
    nowhere = replace(promising(2), projects={})
    assert moved([*made(), reply(at(1))], nowhere, promising(2), 3) == []
    assert moved([*made(), RESOLVED], nowhere, promising(2), 4) == []


def test_a_clock_that_would_rest() -> None:
    waiting = [*made(), Changed(at(1), "2", "status", "To Do", "Waiting")]
    resting = promising(4, pause_statuses=("Waiting",))
    assert moved(waiting, promising(4), resting, 2) == [("running", "paused")]
    assert moved(waiting, promising(1), resting, 2) == [("breached", "paused")]


def test_a_running_clock_that_would_be_met_moves() -> None:
    only = replace(promising(4).responders, only=frozenset({"lead"}))
    strict = replace(promising(4), responders=only)
    answered = [*made(), reply(at(1))]
    assert moved(answered, strict, promising(4), 2) == [("running", "met")]


def over(state: State) -> Judged:
    return Judged("first_response", 1, state, at(4), at(2), "acme")


def test_a_clock_that_starts_after_the_last_one_is_another_one() -> None:
    (running,) = folded(made(), promising(4), 3)
    (later,) = folded(made(at(2)), promising(4), 3)
    assert moves("ACME-1", [over("met")], [running]) == []
    assert [move.state_from for move in moves("ACME-1", [over("met")], [later])] == [None]


@pytest.mark.parametrize("state", ["cancelled", "breached"])
def test_what_was_given_up_or_withdrawn_may_be_promised_again(state: State) -> None:
    (running,) = folded(made(), promising(4), 3)
    (move,) = moves("ACME-1", [over(state)], [running])
    assert move.newly_promised


def test_what_is_broken_and_promised_no_more_is_told_though_it_stays_broken() -> None:
    broken = folded(made(), promising(1), 2)
    stays = kept([Earlier("before", at(2))], lambda _, __: broken)
    (move,) = moves("ACME-1", [judged(each) for each in broken], stays)
    assert (move.state_from, move.state_to, findings(move)) == (
        "breached", None, ["no_longer_promised"],
    )  # fmt: skip


def test_of_each_metric_the_latest_cycle_counts_in_whatever_order_they_come() -> None:
    (earlier,), (running,) = folded(made(), promising(4), 1), folded(made(), promising(3), 1)
    first, second = over("met"), judged(running)._replace(number=2)
    for recorded in ([first, second], [second, first]):
        assert moves("ACME-1", recorded, [earlier, running]) == []


def test_the_most_urgent_comes_first() -> None:
    def move(issue: str, due: float | None, was: State | None, would: State | None) -> Move:
        return Move(
            issue, "first_response", "acme", at(0), due if due is None else at(due), was, would
        )

    gone = move("A-1", None, "running", None)
    late = move("A-2", 1, "breached", "breached")
    soon = move("A-3", 3, "running", "running")
    broken = move("A-4", 2, "running", "breached")
    found = sorted([gone, soon, late, broken], key=lambda each: each.urgency)
    assert found == [broken, late, soon, gone]
    assert late.due_from == NINE
