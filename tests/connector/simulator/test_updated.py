"""What makes an issue new for a poll over `updated`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from connector.simulator import AGENT, DUELINE, Simulator

ACTS: dict[str, Callable[[Simulator], object]] = {
    "a field": lambda sim: sim.edit("BOT-1", {"summary": "y"}),
    "an assignee": lambda sim: sim.assign("BOT-1", AGENT),
    "a status": lambda sim: sim.transition("BOT-1", "Done"),
    "a comment": lambda sim: sim.add_comment("BOT-1", "Hello"),
    "an internal comment": lambda sim: sim.add_comment("BOT-1", "Hello", internal=True),
    "an edited comment": lambda sim: sim.edit_comment("BOT-1", "10000", "Hi", account=DUELINE),
    "a deleted comment": lambda sim: sim.delete_comment("BOT-1", "10000", account=DUELINE),
    "a link from it": lambda sim: sim.link("BOT-1", "BOT-3"),
    "a link to it": lambda sim: sim.link("BOT-3", "BOT-1"),
    "a link taken away": lambda sim: sim.unlink(next(iter(sim.links))),
    "a move": lambda sim: sim.move_issue("BOT-1", project="BIT"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS.keys())
def test_a_change_is_an_update(
    sim: Simulator, wait: Callable[..., None], act: Callable[[Simulator], object]
) -> None:
    issue = sim.create_issue(project="BOT", summary="x")
    for _ in range(2):
        sim.create_issue(project="BOT", summary="x")
    sim.add_comment("BOT-1", "First", account=DUELINE)
    sim.link("BOT-1", "BOT-2")
    wait(minutes=5)
    at = sim.now()
    act(sim)
    assert issue.updated == at
    assert issue in sim.search(f"updated >= {int(at.timestamp() * 1000)}")


def test_what_changes_nothing_is_none(sim: Simulator, wait: Callable[..., None]) -> None:
    issue = sim.create_issue(project="BOT", summary="x")
    before = issue.updated
    wait(minutes=5)
    sim.edit("BOT-1", {"summary": "x"})
    sim.assign("BOT-1", None)
    assert issue.updated == before
