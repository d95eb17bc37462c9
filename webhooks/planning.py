"""What `dueline plan` says: which open issues another configuration would move, and how."""

from __future__ import annotations

import gc
import multiprocessing
import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import msgspec

from config.changes import Change, changes
from config.compiled import load
from config.configuration import Configuration
from config.settings import Settings
from sla.contract import in_words
from sla.cycle import cycles_of
from sla.engine import SiteFacts, remembered_site
from sla.mapping import Policy
from sla.preview import Judged, Move, judged, moves
from sla.store import open_issues, sites
from sla.store.database import Database, StoreError
from sla.store.open_issues import Facts, OpenIssue, Range
from sla.timeline import Timeline
from sla.words import utc
from webhooks.databases import faults_told, looked_into
from webhooks.publishing import DEFAULT_SITE, last_published

NOTHING_MOVES, SOMETHING_MOVES, SOMETHING_BREAKS = 0, 3, 4
"""The exit statuses; 1 is a failure, and 2 a command line that cannot be understood."""
_SHOWN = 40
"""How many moves people are shown; a program gets them all."""
_VERSIONS_IN_MEMORY = 16
_FINDINGS = ("newly_breached", "newly_safe", "newly_promised", "no_longer_promised")

_Folded = tuple[int, list[Move]]
"""How many open issues a range has, and what of them moves."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What would become of the open issues, if a configuration came into force for all of them."""

    at: datetime
    """The instant of judgement."""
    before: str
    """The version in force."""
    after: str
    """The version that the directory would be."""
    changes: Sequence[Change]
    looked_at: int
    """How many open issues there are."""
    unread: int
    """How many further issues' histories are still to be read."""
    moves: Sequence[Move]
    """In order of urgency."""

    @property
    def exit_status(self) -> int:
        """For a check before a change is merged."""
        if any(move.newly_breached for move in self.moves):
            return SOMETHING_BREAKS
        return SOMETHING_MOVES if self.moves else NOTHING_MOVES

    def as_json(self) -> str:
        """One object, with every move."""
        return msgspec.json.encode({
            "at": self.at,
            "before": self.before,
            "after": self.after,
            "changes": [str(change) for change in self.changes],
            "looked_at": self.looked_at,
            "unread": self.unread,
            **_counted(self.moves),
            "contracts": dict(self.by_contract()),
            "moves": self.moves,
        }).decode()  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The same for people, with the most urgent moves."""
        yield f"In force: {self.before}. The directory: {self.after}. Judged at {utc(self.at)}."
        yield from (f"  {change}" for change in self.changes)
        yield f"{self.looked_at:,} open issues looked at. {_in_words(_counted(self.moves))}"
        if self.unread:
            yield f"{self.unread:,} more are not: their histories are still to be read from Jira."
        yield from (f"  {name}: {_in_words(counts)}" for name, counts in self.by_contract())
        yield from (f"  {_line(move)}" for move in self.moves[:_SHOWN])
        if len(self.moves) > _SHOWN:
            yield f"  and {len(self.moves) - _SHOWN:,} more; --json has all of them"

    @property
    def counts(self) -> Mapping[str, int]:
        """How many issues and clocks move, and how many of those which way."""
        return _counted(self.moves)

    def by_contract(self) -> Iterator[tuple[str, Mapping[str, int]]]:
        """The same by contract, in the order of their names."""
        of: dict[str, list[Move]] = {}
        for move in self.moves:
            of.setdefault(move.contract, []).append(move)
        yield from ((name, _counted(of[name])) for name in sorted(of))


def plan(
    settings: Settings,
    directory: Path,
    now: datetime,
    *,
    processes: int = 0,
    at_once: int = open_issues.AT_ONCE,
) -> Plan:
    """Hold a configuration directory against what is in force.

    Args:
        settings: with the database's address.
        directory: the configuration that might come into force.
        now: the instant of judgement, aware UTC.
        processes: how many fold at once; 0: one for each processor.
        at_once: how many issues each takes at a time.

    Raises:
        ConfigurationError: the directory is faulty; with every error.
        StoreError: the database cannot be used, or no service ever reached a Jira with it.
    """
    url = settings.database_url.reveal()
    after = load(directory)
    with looked_into(settings) as database:
        return plan_for(database, url, after, now, processes=processes, at_once=at_once)


def plan_for(
    database: Database,
    url: str,
    after: Configuration,
    now: datetime,
    *,
    processes: int = 0,
    at_once: int = open_issues.AT_ONCE,
    told: Callable[[int, int], None] = lambda _done, _parts: None,
) -> Plan:
    """The same for a configuration, and an open database.

    Args:
        database: it is open, and has this version's tables; it is closed before others fold.
        url: its address, for those.
        after: the configuration that might come into force.
        now, processes, at_once: as for `plan`.
        told: called with the number of parts that are done, and of all of them.
    """
    with closing(database):
        before = last_published(database, DEFAULT_SITE)
        known = remembered_site(database, DEFAULT_SITE)
        if before is None or known is None:
            raise StoreError(
                f"{database.name}: holds no issue yet, since no service ever reached its Jira;"
                " DUELINE_DATABASE_URL names the database of the service"
            )
        cuts = database.read(lambda c: open_issues.ranges(c, DEFAULT_SITE, at_once))
        unread = database.read(lambda c: open_issues.unread(c, DEFAULT_SITE))
    looked_at = 0
    found: list[Move] = []
    asked = _Asked(url, known, before.policy, after.policy, now)
    told(0, len(cuts))
    folded = _folded(asked, cuts, processes or processors())
    for done, (number, moved) in enumerate(folded, 1):
        looked_at += number
        found += moved
        told(done, len(cuts))
    found.sort(key=lambda move: move.urgency)
    return Plan(
        now, before.policy.version, after.policy.version, changes(before, after), looked_at, unread,
        found,
    )  # fmt: skip


# --- folding --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Asked:
    """What every process has to know."""

    url: str
    site: SiteFacts
    in_force: Policy
    after: Policy
    now: datetime


class _Folding:
    """Folds ranges of issues, in one process."""

    def __init__(self, asked: _Asked) -> None:
        self.database = Database(asked.url)
        self._now = asked.now
        self._site, self._in_force = asked.site, asked.in_force
        self._after = self._rules(asked.after)
        self._of_version = lru_cache(maxsize=_VERSIONS_IN_MEMORY)(self._published)

    def range(self, within: Range) -> _Folded:
        """How many open issues a range has, and what of them moves."""
        with faults_told(self.database):
            return self.database.read(
                lambda c: self._fold(open_issues.read(c, DEFAULT_SITE, within))
            )

    def _fold(self, issues: Iterator[OpenIssue]) -> _Folded:
        looked_at = 0
        found: list[Move] = []
        policy, known = self._after
        for issue in issues:
            timeline = known.timeline(issue.facts)
            if not issue.is_running and not _is_open(timeline):
                continue
            looked_at += 1
            after = cycles_of(timeline, policy, self._now)
            found += moves(issue.key or issue.issue_id, self._before(issue), after)
        return looked_at, found

    def _before(self, issue: OpenIssue) -> Sequence[Judged]:
        """What holds now: as recorded, unless time has changed it since and nobody was woken."""
        if issue.wake_at is None or issue.wake_at > self._now:
            return issue.recorded
        policy, known = self._of_version(issue.policy_version or self._in_force.version)
        return [judged(each) for each in cycles_of(known.timeline(issue.facts), policy, self._now)]

    def _published(self, version: str) -> tuple[Policy, Facts]:
        if version == self._in_force.version:
            return self._rules(self._in_force)
        text = self.database.read(lambda c: sites.published(c, version))
        if text is None:
            raise LookupError(f"policy version {version} is not in the database")
        return self._rules(Configuration.from_text(text).policy)

    def _rules(self, policy: Policy) -> tuple[Policy, Facts]:
        for_site = self._site.applied_to(policy)
        return for_site, Facts(for_site, self._site.names_for(policy))


def _is_open(timeline: Timeline) -> bool:
    resolution = timeline.values("resolution")
    return timeline.deleted_at is None and not (resolution and resolution[-1][1])


def _folded(asked: _Asked, cuts: Sequence[Range], processes: int) -> Iterator[_Folded]:
    """What each range holds, folded side by side where that can be."""
    if processes == 1 or len(cuts) < 2 or not _can_fork():
        here = _Folding(asked)
        with closing(here.database):
            yield from map(here.range, cuts)
        return
    # Forked, so that nothing is imported and no policy built a second time: 0.8 s each.
    fork = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(processes, fork, initializer=_begin, initargs=(asked,)) as pool:
        yield from map(_PACKED.decode, pool.map(_fold, cuts))


_PACKED = msgspec.msgpack.Decoder(_Folded)
_here: _Folding


def _begin(asked: _Asked) -> None:
    global _here
    # What is there now stays: to look through it for garbage again and again took 7 %. What is made
    # of an issue refers to nothing in a circle: to look for circles after each few took 4 %, and
    # found none. They are looked for once in each range.
    gc.freeze()
    gc.disable()
    _here = _Folding(asked)


def _fold(within: Range) -> bytes:
    # Packed in a third of the time that pickling takes.
    folded = msgspec.msgpack.encode(_here.range(within))
    gc.collect()
    return folded


def _can_fork() -> bool:
    """A thread that holds a lock while another forks holds it in the child for ever."""
    return "fork" in multiprocessing.get_all_start_methods() and threading.active_count() == 1


def processors() -> int:
    """How many may be used."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# --- for people -----------------------------------------------------------------------------------


def _counted(moved: Sequence[Move]) -> dict[str, int]:
    # What is found of a move follows from its two states: one of each kind is asked, and not each
    # of a hundred thousand.
    kinds = {(move.state_from, move.state_to): move for move in moved}
    numbers = Counter([(move.state_from, move.state_to) for move in moved])
    findings = {
        name: sum(numbers[kind] for kind, move in kinds.items() if getattr(move, name))
        for name in _FINDINGS
    }
    return {"moved_issues": len({move.issue for move in moved}), "moved": len(moved), **findings}


def _in_words(counts: Mapping[str, int]) -> str:
    if not counts["moved"]:
        return "Nothing moves."
    findings = [f"{counts[name]:,} {in_words(name)}" for name in _FINDINGS]
    return f"{counts['moved']:,} clocks of {counts['moved_issues']:,} move: {', '.join(findings)}."


def _line(move: Move) -> str:
    stands = [
        f"{state or 'not promised'}{f', due {utc(due)}' if due else ''}"
        for state, due in (
            (move.state_from, move.due_from), (move.state_to, move.due_to)
        )
    ]  # fmt: skip
    return f"{move.issue} {in_words(move.metric)} ({move.contract}): {' -> '.join(stands)}"
