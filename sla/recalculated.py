"""Keeps what was over as it was judged, when an issue is moved to another version.

An issue is judged by the version under which its first clock started. An administrator may publish
a version for the issues that are open, too: then what runs is judged by it from its start on, and
what was over by then stays as the versions before it judged that. So does a promise that was broken
by then and that the version does not make at all: it stays missed. Nothing is stored for that but
which versions those were, and until when: it can all be worked out again.

Nor does the version that comes call to act on what lies behind: see `said_in_hindsight`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import lru_cache
from typing import Annotated, NamedTuple

import msgspec
from msgspec.structs import replace

from sla.clock.run import cycles_of
from sla.cycle import Cycle, GivenUp
from sla.effects import URGENT, Announced, Saying, announce
from sla.mapping import Policy
from sla.timeline import Timeline
from sla.words import iso

_WITHDRAWN = "a version was published under which nothing is owed for it any more"

Fold = Callable[[str, datetime], Sequence[Cycle]]
"""Every cycle of an issue by a version, as judged at an instant."""


class Earlier(NamedTuple):
    """A version that judged an issue until an instant."""

    version: str
    until_at: Annotated[datetime, msgspec.Meta(tz=True)]


# All issues that were moved at once have the same.
@lru_cache(maxsize=64)
def read(text: str | None) -> tuple[Earlier, ...]:
    """The versions before the one that an issue has, oldest first, from what is kept of them.

    Raises:
        ValueError: it is no list of versions, each with the instant until which it judged.
    """
    return msgspec.json.decode(text, type=tuple[Earlier, ...]) if text else ()


def written(earlier: Iterable[Earlier]) -> str:
    """The same as it is kept."""
    return json.dumps([[each.version, each.until_at.isoformat()] for each in earlier])


def moved(
    earlier: Sequence[Earlier], before: str, after: str, at: datetime, *, something_over: bool
) -> tuple[Earlier, ...]:
    """What is kept of an issue's versions once it is moved to another one.

    Where nothing was over or broken by then, no version before has left anything: only the instant
    is noted, under the name of the version that judges all of it. To fold such an issue by the
    version before, too, each time that it is decided took half as long again.

    Args:
        earlier: those that were kept.
        before: the version that has judged it.
        after: the one that judges it from now on.
        at: when that came into force.
        something_over: whether a cycle was over or broken by then.
    """
    if not something_over:
        return (Earlier(after, at),)
    return (*leaving(earlier, before), Earlier(before, at))


def leaving(earlier: Sequence[Earlier], version: str | None) -> Sequence[Earlier]:
    """Those of the versions before an issue's own that may have left something."""
    is_note = bool(earlier) and earlier[-1].version == version
    return earlier[:-1] if is_note else earlier


def judged_since(earlier: Sequence[Earlier]) -> datetime | None:
    """Since when its version judges an issue that another one judged before; None: none did."""
    return earlier[-1].until_at if earlier else None


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
        cycle, ending=GivenUp(until_at, _WITHDRAWN), state="breached", due_at=due_at,
        until_at=until_at, promises=promises,
    )  # fmt: skip


def is_withdrawn(cycle: Cycle) -> bool:
    """Whether it was broken when a version came into force that has nothing in its place."""
    return cycle.ending is not None and cycle.ending.reason == _WITHDRAWN


def kept_of(
    earlier: Sequence[Earlier], version: str | None, policy_of: Callable[[str], Policy],
    timeline_of: Callable[[Policy], Timeline],
) -> tuple[Cycle, ...]:  # fmt: skip
    """The same of an issue.

    Args:
        earlier: what is kept of its versions; nothing, as of nearly all issues.
        version: the one that judges it.
        policy_of: gives a version as it decides for the issue's site.
        timeline_of: gives what happened to it, by the names of a policy's fields.
    """
    if not earlier:
        return ()

    def fold(version: str, until_at: datetime) -> tuple[Cycle, ...]:
        policy = policy_of(version)
        return cycles_of(timeline_of(policy), policy, until_at)

    return kept(leaving(earlier, version), fold)


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
    if is_withdrawn(last):
        # By the other version it may have been answered, or answered late, before it was withdrawn.
        return goes_on(found, end) or any(
            each.state != "cancelled" and each.until_at > last.started_at
            for each in found
            if each.started_at <= end
        )
    return last.state == "cancelled" and goes_on(found, end)


def goes_on(found: Iterable[Cycle], at: datetime) -> bool:
    """Whether one of some cycles began by an instant, and had not ended then.

    Args:
        found: those of a metric by one version.
        at: the instant, aware. What was broken and went on by another version is then judged by
            this one, see `joined`.
    """
    return any(each.started_at <= at and (not each.ending or each.ending.at > at) for each in found)


# --- what is said of it ---------------------------------------------------------------------------


def said_in_hindsight(
    announced: Announced,
    cycles: Iterable[Cycle],
    policy: Policy,
    since: datetime,
    over: Sequence[Cycle],
) -> Sequence[Saying]:
    """What is to be said once a version judges an issue that another one judged before.

    By the new version a promise may have been broken for days that nobody had given then. Each
    warning, the breach and each level would be due at once, to people who can act once. So of what
    its clocks brought before the version judged, one saying a metric counts: the last that became
    true of its latest cycle. Where that was said, nothing is left to say.

    That is a function of history and ledger alone, asked as often as one likes: by the history it
    is always the same saying, and the ledger knows whether it was said.

    Args:
        announced: what is true, and was not said, by the version.
        cycles: those of which something is said, oldest first of each metric.
        policy: the version.
        since: when it came to judge the issue, aware UTC.
        over: the cycles that stay as versions before it judged them.

    Returns:
        What is left of the sayings, in their order. One of before `since` holds the fact
        `since_at`, unless the version before would have told the same breach.
    """
    sayings = announced.sayings
    if not any(_is_past(each, since) for each in sayings):
        return sayings
    true: dict[str, list[str]] = {}
    for cycle in cycles:
        mine = sorted(_by_then(cycle, policy, since), key=_height, reverse=True)
        # Of two at one height the one that the policy names first counts.
        true.setdefault(cycle.metric, []).extend([each.key for each in reversed(mine)])
    unsaid = {each.key for each in sayings}
    wanted = {_highest(keys, unsaid, announced.said) for keys in true.values()}
    broken = {(each.metric, _text(each.due_at)) for each in over if each.state == "breached"}
    found = []
    for each in sayings:
        if not _is_past(each, since):
            found.append(each)
        elif each.key in wanted:
            told = each.occasion == "breach" and (_metric(each), each.facts["due_at"]) in broken
            facts = each.facts if told else {**each.facts, "since_at": iso(since)}
            found.append(replace(each, facts=facts))
    return found


def _by_then(cycle: Cycle, policy: Policy, since: datetime) -> Sequence[Saying]:
    """What a cycle had brought by an instant or by its end, whether it was said, or still calls.

    So it stays the same whatever becomes of the cycle afterwards.
    """
    by_then = Announced(frozenset(), min(since, cycle.ending.at) if cycle.ending else since)
    alerts = policy.alerts_for(cycle.metric, cycle.promises[-1].coverage)
    announce(replace(cycle, ending=None) if cycle.ending else cycle, alerts, by_then)
    return by_then.sayings


def _highest(keys: Sequence[str], unsaid: AbstractSet[str], said: AbstractSet[str]) -> str | None:
    """The last that can be said, of a metric's keys from the lowest to the highest.

    Nobody is called to act once a clock has ended. None: something as high or of a later cycle was
    said, be it true or, since news came late, true no more.
    """
    key = next((key for key in reversed(keys) if key in said or key in unsaid), None)
    if key is None or key in said:
        return None
    rank, true = _rank(key), frozenset(keys)
    metric = key.partition("/")[0] + "/"
    gone = (_rank(each) for each in said if each.startswith(metric) and each not in true)
    return None if any(each > rank for each in gone) else key


def _rank(key: str) -> tuple[int, int, int, int]:
    """Sorts the keys of a metric without their instants: cycle, goal picked anew, rung.

    A key that calls nobody to act, such as that of a correction, comes before all.
    """
    _, number, rule, anew, *_ = [*key.split("/"), "", "", ""]
    if not number.isdecimal() or rule == "correction":
        return (0, 0, 0, 0)
    picked = anew.removeprefix("again-")
    nth = int(picked) if picked.isdecimal() else 0
    level = rule.removeprefix("level-")
    if level != rule and level.isdecimal():
        return int(number), nth, 1, int(level)
    return int(number), nth, int(rule == "breach"), 0


def _is_past(saying: Saying, since: datetime) -> bool:
    return saying.occasion in URGENT and saying.at <= since


def _height(saying: Saying) -> tuple[datetime, bool, int]:
    """Sorts what a cycle brings: a level that begins with the breach is above it."""
    level = saying.facts.get("level")
    return saying.at, saying.occasion == "escalation", level if isinstance(level, int) else 0


def _metric(saying: Saying) -> str:
    return saying.key.partition("/")[0]


def _text(at: datetime | None) -> str | None:
    return iso(at) if at else None
