"""What `dueline plan` says: which open issues another configuration would move, and how."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from operator import attrgetter
from pathlib import Path

import msgspec
from msgspec.structs import asdict, replace

from config.calendar_changes import AHEAD, CalendarChange, Window, calendar_changes, told
from config.changes import Change, changes, unchanged
from config.compiled import load
from config.configuration import Configuration
from config.settings import Settings
from sla.contract import in_words
from sla.preview import Move, moved_before_in_words
from sla.store import consequences, open_issues, publications, sites
from sla.store.consequences import Effects, Written
from sla.store.database import Database
from sla.words import many, utc
from webhooks.databases import looked_into
from webhooks.folding import in_force, side_by_side
from webhooks.foreseeing import Asked, Foreseeing, Found
from webhooks.publishing import DEFAULT_SITE, MOVING, numbered
from webhooks.zone_record import clocks_on_record

NOTHING_MOVES, SOMETHING_MOVES, SOMETHING_BREAKS = 0, 3, 4
"""The exit statuses; 1 is a failure, and 2 a command line that cannot be understood."""
_SHOWN, _FIELDS_SHOWN = 40, 10
"""How many moves people are shown, and how many issues of which fields alone change; a program gets
them all."""
_FINDINGS = ("newly_breached", "newly_safe", "newly_promised", "no_longer_promised")
_OTHERWISE = {True: "with_keep", False: "with_recalculate"}
"""What the other way of publishing is called, by whether open issues are to be recalculated."""
_HOW = {
    True: "With --recalculate (open issues are judged by it)",
    False: "With --keep (a promise that was made stays)",
}
_NUMBER = re.compile(r"(\d+)")
_urgency, _issue = attrgetter("urgency"), attrgetter("issue")
_states = attrgetter("state_from", "state_to")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What would become of the open issues."""

    moves: Sequence[Move]
    """In order of urgency."""
    effects: Sequence[Effects]
    """What would be written to Jira, an entry for each issue, by its key."""

    @property
    def counts(self) -> Mapping[str, int]:
        """How many issues and clocks move, and how many of those which way."""
        return _counted(self.moves)

    @property
    def written(self) -> Written:
        """How much would be written to Jira: fields and links by issue, comments by kind."""
        return consequences.counted(self.effects)

    def of(self, issues: Collection[str]) -> Outcome:
        """The same of some issues alone."""
        return Outcome(
            [each for each in self.moves if each.issue in issues],
            [each for each in self.effects if each.issue in issues],
        )

    def in_words(self) -> Iterator[str]:
        """Both for people, a line each."""
        yield _in_words(self.counts)
        yield _written_in_words(self.written)


NOTHING = Outcome((), ())


@dataclass(frozen=True, slots=True)
class Plan:
    """What would become of the open issues, if a configuration came into force."""

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
    recalculated: Outcome
    """If all of them were judged by it."""
    uncovered: frozenset[str]
    """Those of the issues there that nothing covers by now: they are judged by it either way."""
    calendars: Sequence[CalendarChange] = ()
    """What calendars have otherwise, as days."""
    hearing: Sequence[int] = ()
    """The numbers of versions of which not every open issue has heard yet."""
    recalculate: bool = True
    """Whether it is planned to recalculate the open issues, or to keep what was promised."""
    of_what: str = "The directory"
    anyway: Outcome = NOTHING
    """What becomes of issues that keep their version, since clocks go otherwise."""
    moved_before: int = 0
    """How many moves of a recalculation the version in force would make, too: it or one before it
    let those issues stay as promised."""
    site: str = ""
    """Tells it from every other one: Dueline's account there, and since when it answers for it."""
    publication: int = 0
    """The number under which the version in force came."""

    @property
    def kept(self) -> Outcome:
        """If issues with a promise kept it: what clocks do otherwise moves them all the same."""
        uncovered = self.recalculated.of(self.uncovered)
        if not (self.anyway.moves or self.anyway.effects):
            return uncovered
        return Outcome(
            sorted([*uncovered.moves, *self.anyway.moves], key=_urgency),
            sorted([*uncovered.effects, *self.anyway.effects], key=_in_order),
        )

    @property
    def outcome(self) -> Outcome:
        """What is planned."""
        return self.recalculated if self.recalculate else self.kept

    @property
    def moves(self) -> Sequence[Move]:
        """What is planned to move, in order of urgency."""
        return self.outcome.moves

    @property
    def effects(self) -> Sequence[Effects]:
        """What would be written to Jira for it."""
        return self.outcome.effects

    @property
    def counts(self) -> Mapping[str, int]:
        """How many issues and clocks move, and how many of those which way."""
        return self.outcome.counts

    @property
    def exit_status(self) -> int:
        """For a check before a change is merged."""
        if any(move.newly_breached for move in self.moves):
            return SOMETHING_BREAKS
        return SOMETHING_MOVES if self.moves else NOTHING_MOVES

    @property
    def does_nothing(self) -> bool:
        """Whether it is in force already, and no issue would hear of it."""
        return self.before == self.after and not (self.moves or self.effects)

    def as_json(self) -> str:
        """One object, with every move and every effect."""
        outcome, other = self.outcome, self.kept if self.recalculate else self.recalculated
        return msgspec.json.encode({
            "at": self.at,
            "site": self.site,
            "publication": self.publication,
            "before": self.before,
            "after": self.after,
            "recalculate": self.recalculate,
            "changes": [str(change) for change in self.changes],
            "calendars": self.calendars,
            "looked_at": self.looked_at,
            "unread": self.unread,
            "hearing": self.hearing,
            **outcome.counts,
            "moved_before": self.moved_before if self.recalculate else 0,
            "contracts": dict(self.by_contract()),
            "moves": outcome.moves,
            "effects": {**asdict(outcome.written), "issues": outcome.effects},
            _OTHERWISE[self.recalculate]: {**other.counts, "effects": other.written},
        }).decode()  # fmt: skip

    def lines(self) -> Iterator[str]:
        """The same for people, with the most urgent moves."""
        yield f"In force: {self.before}. {self.of_what}: {self.after}. Judged at {utc(self.at)}."
        yield from (f"  {change}" for change in self.changes)
        yield from (f"  {line}" for line in told(self.calendars))
        yield from (f"  {line}" for line in _by_calendar(self.calendars))
        moving, writing = self.outcome.in_words()
        how, other = _HOW[self.recalculate], _HOW[not self.recalculate]
        yield f"{many(self.looked_at, 'open issue')} looked at. {how}: {moving}"
        if self.unread:
            verb = "is" if self.unread == 1 else "are"
            yield f"{self.unread:,} more {verb} not: what happened is still to be read from Jira."
        if self.recalculate and self.moved_before:
            yield f"  {moved_before_in_words(self.moved_before)}"
        if self.hearing:
            numbers = ", ".join(map(str, self.hearing))
            yield f"Not every open issue has heard of version {numbers} yet: each counts as it is."
        yield from (f"  {name}: {_in_words(counts)}" for name, counts in self.by_contract())
        yield from _cut([_line(move) for move in self.moves])
        yield writing
        yield from self._fields_alone()
        said = [each for each in self.effects if each.comments or each.withdrawn]
        yield from _cut([_said_line(each) for each in said])
        otherwise = self.kept if self.recalculate else self.recalculated
        yield " ".join([f"{other} instead:", *otherwise.in_words()])

    def _fields_alone(self) -> Iterator[str]:
        """What changes where no clock moves, and nothing is said: fields and links alone."""
        moving = {move.issue for move in self.moves}
        alone = [
            each
            for each in self.effects
            if each.fields and each.issue not in moving and not (each.comments or each.withdrawn)
        ]
        yield from _cut([_fields_line(each) for each in alone], _FIELDS_SHOWN)

    def by_contract(self) -> Iterator[tuple[str, Mapping[str, int]]]:
        """What moves by contract, in the order of their names."""
        of: dict[str, list[Move]] = {}
        for move in self.moves:
            of.setdefault(move.contract, []).append(move)
        yield from ((name, _counted(of[name])) for name in sorted(of))


def plan(
    settings: Settings,
    target: Path | int,
    now: datetime,
    *,
    recalculate: bool = True,
    processes: int = 0,
    at_once: int = open_issues.AT_ONCE,
) -> Plan:
    """Hold a configuration directory, or an earlier version, against what is in force.

    Args:
        settings: with the database's address.
        target: the directory that might come into force, or the number of a version.
        now: the instant of judgement, aware UTC.
        recalculate: whether the open issues would be recalculated.
        processes: how many fold at once; 0: one for each processor.
        at_once: how many issues each takes at a time.

    Raises:
        ConfigurationError: the directory is faulty; with every error.
        StoreError: the database cannot be used, or no service ever reached a Jira with it.
    """
    url = settings.database_url.reveal()
    after, of_what = configuration_of(settings, target)
    with looked_into(settings) as database:
        return plan_for(
            database, url, after, now, recalculate=recalculate, of_what=of_what,
            processes=processes, at_once=at_once,
        )  # fmt: skip


def configuration_of(settings: Settings, target: Path | int) -> tuple[Configuration, str]:
    """What a directory comes to, or what was published under a number; and what it is, in words."""
    if not isinstance(target, int):
        return load(target), "The directory"
    with looked_into(settings) as database:
        return numbered(database, DEFAULT_SITE, target), f"Version {target}"


def plan_for(
    database: Database,
    url: str,
    after: Configuration,
    now: datetime,
    *,
    recalculate: bool = True,
    of_what: str = "The directory",
    processes: int = 0,
    at_once: int = open_issues.AT_ONCE,
    progress: Callable[[int, int], None] = lambda _done, _parts: None,
) -> Plan:
    """The same for a configuration, and an open database.

    Args:
        database: it is open, and has this version's tables; it is closed before others fold.
        url: its address, for those.
        after: the configuration that might come into force.
        now, recalculate, processes, at_once: as for `plan`.
        of_what: what the configuration is, in words.
        progress: called with the number of parts that are done, and of all of them.
    """
    with closing(database):
        before, known = in_force(database)
        cuts = database.read(lambda c: open_issues.ranges(c, DEFAULT_SITE, at_once))
        unread = database.read(lambda c: open_issues.unread(c, DEFAULT_SITE))
        waiting = database.read(lambda c: sites.known(c, DEFAULT_SITE, MOVING)) or []
        clocks = clocks_on_record(database, DEFAULT_SITE, after)
        last = database.read(lambda c: publications.last(c, DEFAULT_SITE))
    # Which days are of interest is known when the oldest open issue is; which calendars, before.
    whole = calendar_changes(before, after, Window(date.min, date.max), clocks)
    changed = frozenset(_id(each.calendar) for each in whole)
    alike = unchanged(before, after, changed.union(each.calendar for each in whole))
    clocks_differ = any(each.clocks for each in whole)
    asked = Asked(url, known, before.policy, after.policy, now, changed, alike, clocks_differ)
    progress(0, len(cuts))
    found = Found()
    folded = side_by_side(lambda: Foreseeing(asked), cuts, Found, processes)
    for done, part in enumerate(folded, 1):
        found.add(part)
        progress(done, len(cuts))
    found.moves.sort(key=_urgency)
    found.effects.sort(key=_in_order)
    window = Window((found.oldest or now).date(), now.date() + AHEAD)
    uncovered = frozenset(found.uncovered)
    touching = uncovered.union(move.issue for move in found.moves_anyway)
    touched = {
        calendar: [each for each in moved if recalculate or each in touching]
        for calendar, moved in found.by_calendar.items()
    }
    return Plan(
        now, before.policy.version, after.policy.version, changes(before, after),
        found.looked_at, unread, Outcome(found.moves, found.effects), uncovered,
        _with_deadlines(calendar_changes(before, after, window, clocks), touched),
        [job["publication"] for job in waiting], recalculate, of_what,
        Outcome(found.moves_anyway, found.effects_anyway), found.moved_before,
        f"{known.own_account} since {utc(known.quiet_before)}", last.id if last else 0,
    )  # fmt: skip


def _with_deadlines(
    changed: Sequence[CalendarChange], by_calendar: Mapping[str, Sequence[str]]
) -> list[CalendarChange]:
    """The changes of calendars with the clocks that run by each and would move."""
    moved = {each.calendar: by_calendar.get(_id(each.calendar), ()) for each in changed}
    return [
        replace(
            each, deadlines=len(moved[each.calendar]),
            issues=sorted(set(moved[each.calendar]), key=_by_number),
        )
        for each in changed
    ]  # fmt: skip


# --- for people -----------------------------------------------------------------------------------


def _counted(moved: Sequence[Move]) -> dict[str, int]:
    # What is found of a move follows from its two states: one of each kind is asked, and not each
    # of a hundred thousand.
    kinds = dict(zip(map(_states, moved), moved, strict=True))
    numbers = Counter(map(_states, moved))
    findings = {
        name: sum(numbers[kind] for kind, move in kinds.items() if getattr(move, name))
        for name in _FINDINGS
    }
    return {"moved_issues": len({*map(_issue, moved)}), "moved": len(moved), **findings}


def _in_words(counts: Mapping[str, int]) -> str:
    if not counts["moved"]:
        return "Nothing moves."
    findings = [f"{counts[name]:,} {in_words(name)}" for name in _FINDINGS]
    return f"{_moving(counts['moved'], counts['moved_issues'])}: {', '.join(findings)}."


def _moving(clocks: int, issues: int) -> str:
    verb = "moves" if clocks == 1 else "move"
    return f"{many(clocks, 'clock')} of {many(issues, 'issue')} {verb}"


def way(move: Move) -> str:
    """How a clock would move: its state and due instant now, and then."""
    ends = ((move.state_from, move.due_from), (move.state_to, move.due_to))
    return " -> ".join(
        f"{state or 'not promised'}{f', due {utc(due)}' if due else ''}" for state, due in ends
    )


def _line(move: Move) -> str:
    return f"{move.issue} {in_words(move.metric)} ({move.contract}): {way(move)}"


def _written_in_words(written: Written) -> str:
    """What would be written to Jira, in a sentence."""
    parts = list(written.parts())
    if not parts:
        return "Nothing would be written to Jira."
    return f"Would be written to Jira: {', '.join(parts)}. Nothing that was said is said again."


def _said_line(effects: Effects) -> str:
    words = [
        f"{each.occasion} {each.key}{'' if each.is_new else ' (brought up to date)'}"
        for each in effects.comments
    ]
    words += [f"{key} (withdrawn)" for key in effects.withdrawn]
    return f"{effects.issue}: {', '.join(words)}"


def _fields_line(effects: Effects) -> str:
    changed = [
        f"{in_words(role)} {_shown(was)} -> {_shown(becomes)}"
        for role, (was, becomes) in effects.fields.items()
    ]
    return f"{effects.issue} fields: {', '.join(changed)}"


def _shown(value: object) -> str:
    return "empty" if value is None else str(value)


def _by_calendar(changed: Sequence[CalendarChange]) -> Iterator[str]:
    for each in changed:
        if each.deadlines:
            yield f"calendar {each.calendar}: {_moving(each.deadlines, len(each.issues))}"


def _cut(lines: Sequence[str], shown: int = _SHOWN) -> Iterator[str]:
    """The first lines, and how many more there are."""
    yield from (f"  {line}" for line in lines[:shown])
    if len(lines) > shown:
        yield f"  and {len(lines) - shown:,} more; --json has all of them"


def _id(calendar: str) -> str:
    """The calendar's own name, without that of the contract whose parameters it takes."""
    return calendar.rpartition("/")[2]


def _by_number(key: str) -> list[tuple[int, str]]:
    """Sorts keys as people count: HLP-9 before HLP-10."""
    # By project, since all keys of one begin alike: a third of the time for a hundred thousand.
    project, dash, number = key.rpartition("-")
    if not number.isdecimal():
        return _parts(key)
    return [*_parts(project + dash), (int(number), ""), (0, "")]


@lru_cache(maxsize=1024)
def _parts(key: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (0, part) for part in _NUMBER.split(key)]


def _in_order(effects: Effects) -> list[tuple[int, str]]:
    return _by_number(effects.issue)
