"""Keeps what was over as it was judged, when an issue is moved to another version.

An issue is judged by the version under which its first clock started. An administrator may publish
a version for the issues that are open, too: then what runs is judged by it from its start on, and
what was over by then stays as the versions before it judged that. So does a promise that was broken
by then and that the version does not make at all: it stays missed. Nothing is stored for that but
which versions those were, and until when: it can all be worked out again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec.structs import replace

from sla.cycle import Cycle, Ending, cycles_of
from sla.mapping import Policy
from sla.timeline import Timeline

_WITHDRAWN = "a version was published under which nothing is owed for it any more"

Fold = Callable[[str, datetime], Sequence[Cycle]]
"""Every cycle of an issue by a version, as judged at an instant."""


class Earlier(NamedTuple):
    """A version that judged an issue until an instant."""

    version: str
    until_at: datetime


def read(text: str | None) -> tuple[Earlier, ...]:
    """The versions before the one that an issue has, oldest first, from what is kept of them."""
    if not text:
        return ()
    return tuple(Earlier(version, datetime.fromisoformat(at)) for version, at in json.loads(text))


def written(earlier: Iterable[Earlier]) -> str:
    """The same as it is kept."""
    return json.dumps([[each.version, each.until_at.isoformat()] for each in earlier])


def kept(earlier: Iterable[Earlier], fold: Fold) -> tuple[Cycle, ...]:
    """The cycles that stay as earlier versions judged them.

    Args:
        earlier: those versions, oldest first.
        fold: judges the issue by one of them.
    """
    over: tuple[Cycle, ...] = ()
    for version, until_at in earlier:
        found = joined(over, fold(version, until_at))
        stay = (_over(cycle, until_at) or _withdrawn(cycle, until_at) for cycle in found)
        over = tuple(cycle for cycle in stay if cycle)
    return over


def _over(cycle: Cycle, until_at: datetime) -> Cycle | None:
    return cycle if cycle.ending is not None and cycle.ending.at <= until_at else None


def _withdrawn(cycle: Cycle, until_at: datetime) -> Cycle | None:
    """A cycle that was broken and went on at an instant, as ended then; None: it was not broken.

    What a later version has go on takes its place, see `joined`.
    """
    promises = tuple(each for each in cycle.promises if each.since_at <= until_at)
    if not promises:
        return None
    due_at, rests_since = promises[-1].due_at, cycle.rest.since_at
    if due_at > until_at or (rests_since is not None and rests_since < due_at):
        return None
    return replace(
        cycle, ending=Ending(until_at, False, _WITHDRAWN), state="breached", due_at=due_at,
        until_at=until_at, promises=promises,
    )  # fmt: skip


def is_withdrawn(cycle: Cycle) -> bool:
    """Whether it was broken when a version came into force that has nothing in its place."""
    return cycle.ending is not None and cycle.ending.reason == _WITHDRAWN


def kept_of(
    text: str | None, policy_of: Callable[[str], Policy], timeline_of: Callable[[Policy], Timeline]
) -> tuple[Cycle, ...]:
    """The same of an issue.

    Args:
        text: what is kept of its versions; None: there is nothing, as of nearly all issues.
        policy_of: gives a version as it decides for the issue's site.
        timeline_of: gives what happened to it, by the names of a policy's fields.
    """
    if text is None:
        return ()

    def fold(version: str, until_at: datetime) -> tuple[Cycle, ...]:
        policy = policy_of(version)
        return cycles_of(timeline_of(policy), policy, until_at)

    return kept(read(text), fold)


def joined(over: Sequence[Cycle], found: Sequence[Cycle]) -> tuple[Cycle, ...]:
    """What stays, and what another version finds beyond it.

    Of each metric those cycles count that start no earlier than the last one that stays was over;
    they are counted on from it. A clock that was given up, since nothing was owed any more, does
    not stay where the other version has it go on: then something is owed after all. What was broken
    and went on stays only where the other version promised nothing for that time.

    Args:
        over: the cycles that stay, oldest first of each metric.
        found: every cycle by the other version.
    """
    if not over:
        return tuple(found)
    whole: list[Cycle] = []
    metrics = dict.fromkeys([each.metric for each in (*found, *over)])
    for metric in metrics:
        mine = [each for each in over if each.metric == metric]
        others = [each for each in found if each.metric == metric]
        whole += _of_metric(mine, others)
    return tuple(whole)


def _of_metric(over: list[Cycle], found: list[Cycle]) -> Iterable[Cycle]:
    stay = list(over)
    while stay and _is_taken_over(stay[-1], found):
        stay.pop()
    if not stay:
        return found
    last = stay[-1]
    end = last.until_at if last.ending is None else last.ending.at
    beyond = [
        each for each in found if each.started_at >= end and each.started_at > last.started_at
    ]
    numbered = [replace(each, number=number) for number, each in enumerate(beyond, last.number + 1)]
    return [*stay, *numbered]


def _is_taken_over(last: Cycle, found: Sequence[Cycle]) -> bool:
    """Whether another version judges in place of what was given up, or broken and went on."""
    end = last.until_at if last.ending is None else last.ending.at
    by_then = [each for each in found if each.started_at <= end]
    goes_on = any(each.ending is None or each.ending.at > end for each in by_then)
    if is_withdrawn(last):
        # By the other version it may have been answered, or answered late, before it was withdrawn.
        return goes_on or any(
            each.state != "cancelled" and each.until_at > last.started_at for each in by_then
        )
    return last.state == "cancelled" and goes_on
