"""Whether what is recorded of an issue follows from its history: folded again, and compared.

What holds now has to follow from all that is known. What was promised or said once has to follow
from what was known then: from what had happened by that instant as Jira tells it, or, since news
may come late, from what had been heard by then, as far as the deliveries are still kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Connection, Table, select

from sla import recalculated
from sla.clock.run import cycles_of
from sla.cycle import Cycle
from sla.danger import dangers
from sla.decide import Decision, Ledger, decide, folded
from sla.effects import URGENT
from sla.engine.decided import as_json
from sla.errors import SlaError, UnreadableFactError
from sla.known_sites import SiteFacts
from sla.mapping import Policy
from sla.notices import Relative
from sla.steady import noted
from sla.store import inbox, issues, open_issues, publications, sites
from sla.store.issues import IssueRow
from sla.store.open_issues import Range
from sla.store.publications import IN_FORCE
from sla.store.schema import cycles, promises, sayings
from sla.store.schema import issues as issue_rows
from sla.straight import is_straight
from sla.timeline import Event, Timeline
from sla.words import utc

_TICK = timedelta(microseconds=1)
_NONE = "nothing"
_WORDS = {
    "started_at": "start", "due_at": "due instant", "stopped_at": "stop", "ended_at": "end",
    "in_danger_at": "instant of danger", "used": "open time used", "goal": "goal's open time",
    "conditional": "condition", "wake_at": "next look", "policy_version": "version",
}  # fmt: skip
_BESIDE = {
    "project": "project", "key": "key", "assignee_id": "assignee_id", "assignee": "assignee",
    "named_customer": "customer",
}  # fmt: skip
"""What of an issue's row stands with each of its cycles, too, by the column there."""
_LISTED = frozenset(
    {"key", "project", "issue_type", "priority", "summary", "assignee_id", "customer"}
)
Row = Mapping[str, Any]


class Finding(msgspec.Struct, frozen=True, order=True):
    """Something that is recorded and does not follow, or follows and is not recorded."""

    issue: str
    """Its key, or Jira's id of it; empty where it is of no issue."""
    subject: str
    """Such as `first_response 1`, or `audit row 3`."""
    what: str
    """Such as `due instant`."""
    recorded: str
    follows: str
    certain: bool = True
    """False: it may have followed from what was heard then, and those deliveries are not kept."""
    issue_id: str = ""
    """Jira's id of the issue."""

    def __str__(self) -> str:
        where = " ".join(filter(None, (self.issue, self.subject)))
        doubt = "" if self.certain else " (not certain: the deliveries of that time are gone)"
        return f"{where}, {self.what}: recorded {self.recorded}; follows {self.follows}{doubt}"


class Held(NamedTuple):
    """An issue with all that is recorded of it, as of one instant."""

    row: IssueRow
    events: Sequence[Event]
    cycles: Sequence[Row]
    promises: Sequence[Row]
    sayings: Sequence[Row]

    @property
    def name(self) -> str:
        """How people call it."""
        return self.row.key or self.row.issue_id


class Looked(NamedTuple):
    """What was looked at, and what was found."""

    issues: int
    unread: int
    """Issues of which facts are missing: nothing was concluded of them."""
    cycles: int
    promises: int
    sayings: int
    findings: list[Finding]


class _Book(NamedTuple):
    """A version, and the names that its rules have for custom fields, by their ids."""

    policy: Policy
    names: Mapping[str, str]

    def timeline(self, events: Sequence[Event]) -> Timeline:
        """Facts by the names of its rules."""
        return Timeline.of(issues.named(event, self.names) for event in events)


@dataclass(frozen=True)
class Prover:
    """Folds histories again, and holds what is recorded against what follows.

    Attributes:
        site: the site.
        facts: what was learned of its Jira.
        policy: gives a published version; raises `LookupError` where there is none.
        read_delivery: gives the facts in a raw delivery.
        now: the present instant, aware UTC; asked once the histories of a range are read.
        moving: the site's fact that is there while open issues still have to hear of a version.
    """

    site: str
    facts: SiteFacts
    policy: Callable[[str], Policy]
    read_delivery: Callable[[bytes], Collection[Event]]
    now: Callable[[], datetime]
    moving: str
    _books: dict[str, _Book] = field(default_factory=dict)

    def book(self, version: str) -> _Book:
        """A version as it decides for the site; made once, since each makes much of itself.

        Raises:
            LookupError: it was never published.
        """
        if version not in self._books:
            policy = self.policy(version)
            self._books[version] = _Book(
                self.facts.applied_to(policy), self.facts.names_for(policy)
            )
        return self._books[version]

    def range(self, connection: Connection, within: Range) -> Looked:
        """Look at the issues of a range, all as of one instant."""
        open_issues.begin(connection)
        in_force = str(sites.known(connection, self.site, IN_FORCE))
        held, unreadable = _held(connection, self.site, within)
        now = self.now()
        whole = [each for each in held if not each.row.incomplete]
        found = [
            finding for each in whole for finding in self._of_issue(connection, each, in_force, now)
        ]
        return Looked(
            len(held), len(held) - len(whole), sum(len(each.cycles) for each in whole),
            sum(len(each.promises) for each in whole), sum(len(each.sayings) for each in whole),
            [*unreadable, *found],
        )  # fmt: skip

    def _of_issue(
        self, connection: Connection, held: Held, in_force: str, now: datetime
    ) -> list[Finding]:
        try:
            return list(_Case(self, connection, held, in_force, now).findings())
        except SlaError as error:
            # Its row holds JSON, too, which somebody may have altered.
            return [_no_judgement(held.name, held.row.issue_id, error)]


def _no_judgement(name: str, issue_id: str, why: object) -> Finding:
    told = f"none, since it cannot be judged: {why}"
    return Finding(name, "", "judgement", "one", told, issue_id=issue_id)


def _held(connection: Connection, site: str, within: Range) -> tuple[list[Held], list[Finding]]:
    """The issues of a range, and a finding for each of which no history can be read."""
    names = within.limit(
        select(issue_rows.c.issue_id, issue_rows.c.key).where(issue_rows.c.site == site),
        issue_rows.c.issue_id,
    )
    known, unreadable = _known(
        connection, site, {id_: key or id_ for id_, key in connection.execute(names)}
    )
    beside = [_by_issue(connection, table, site, within) for table in (cycles, promises, sayings)]
    held = [
        Held(row, events, *(rows.get(issue_id, []) for rows in beside))
        for issue_id, (row, events) in known.items()
    ]
    return held, unreadable


def _known(
    connection: Connection, site: str, names: Mapping[str, str]
) -> tuple[Mapping[str, tuple[IssueRow, list[Event]]], list[Finding]]:
    try:
        return issues.several(connection, site, names.keys()), []
    except UnreadableFactError:
        pass  # Whose fact it is, and of whom else, is found one by one.
    known: dict[str, tuple[IssueRow, list[Event]]] = {}
    found: list[Finding] = []
    for issue_id, name in names.items():
        try:
            known |= issues.several(connection, site, [issue_id])
        except UnreadableFactError as error:
            found.append(_no_judgement(name, issue_id, error))
    return known, found


def _by_issue(
    connection: Connection, table: Table, site: str, within: Range
) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    asked = within.limit(select(table).where(table.c.site == site), table.c.issue_id)
    for row in connection.execute(asked).mappings():
        found.setdefault(row["issue_id"], []).append(dict(row))
    return found


@dataclass(frozen=True)
class _Fold:
    """An issue as a version judges it at an instant, by some of its facts."""

    timeline: Timeline
    decision: Decision
    promised: Mapping[tuple[str, int, datetime], Row]
    is_straight: bool
    steady: str | None


class _Case:
    """One issue."""

    def __init__(
        self, prover: Prover, connection: Connection, held: Held, in_force: str, now: datetime
    ) -> None:
        self._prover, self._connection, self._held = prover, connection, held
        self._row = held.row
        self._version = held.row.policy_version or in_force
        decided = [each["decided_at"] for each in held.sayings]
        # A clock that was set back since shows less than what was decided by it.
        now = max([now, *decided, *(each["promised_at"] for each in held.promises)])
        self._now = now
        wake_at = held.row.wake_at
        self._is_due = wake_at is not None and wake_at <= now
        # What is due was not looked at yet: recorded is what held right before.
        self._at = wake_at - _TICK if wake_at and self._is_due else now
        self._earlier = held.row.earlier
        self._said = {each["key"]: each for each in held.sayings if each["state"] != "withdrawn"}

    def findings(self) -> Iterator[Finding]:
        """All that does not follow."""
        found = list(self._of(self._version))
        if found and (self._is_due or self._is_unsettled):
            # Published just now: until it is decided anew it stands as the version before had it.
            others = self._versions_until(self._now)
            if any(not list(self._of(version)) for version in others):
                return
        yield from found

    def _of(self, version: str) -> Iterator[Finding]:
        """The same, if an issue is judged by a version."""
        try:
            fold = self._fold(version, self._at, self._held.events)
            yield from self._of_cycles(fold.decision, version)
            yield from self._of_row(fold, version)
            yield from self._of_ledger(fold.decision)
            yield from self._of_promises(fold, version)
        except (LookupError, SlaError) as error:
            yield _no_judgement(self._held.name, self._row.issue_id, error)

    @cached_property
    def _is_unsettled(self) -> bool:
        """Whether open issues are still to hear of a version."""
        return bool(sites.known(self._connection, self._prover.site, self._prover.moving))

    # --- what holds now ---

    def _of_cycles(self, decision: Decision, version: str) -> Iterator[Finding]:
        recorded = {(each["metric"], each["number"]): each for each in self._held.cycles}
        danger = dangers(decision.cycles, self._prover.book(version).policy)
        for cycle in decision.cycles:
            place = (cycle.metric, cycle.number)
            subject = f"{cycle.metric} {cycle.number}"
            row = recorded.pop(place, None)
            if row is None:
                yield self._finding(subject, "cycle", _NONE, _cycle_told(issues.as_judged(cycle)))
                continue
            follows = issues.as_judged(cycle)
            if row["in_danger_at"] is not None:
                # Older releases did not record it.
                follows["in_danger_at"] = danger.get(place)
            if row["used"] is not None:
                follows |= issues.lengths_of(cycle)
            beside = {"answered_by": cycle.answered_by} | {
                column: getattr(self._row, name) for column, name in _BESIDE.items()
            }
            # Older releases did not record these either.
            follows |= {name: beside[name] for name in beside if row[name] is not None}
            yield from self._differing(subject, row, follows)
        for (metric, number), row in recorded.items():
            yield self._finding(f"{metric} {number}", "cycle", _cycle_told(row), _NONE)

    def _of_row(self, fold: _Fold, version: str) -> Iterator[Finding]:
        row, decision = self._row, fold.decision
        follows: dict[str, Any] = {
            "covered": decision.coverage.covered,
            "reason": decision.coverage.reason,
        }
        if version == self._version:
            follows["policy_version"] = version if decision.cycles else None
        if not self._is_due:
            follows["wake_at"] = decision.wake_at
        if row.straight is not None:
            # Older releases did not look.
            follows["straight"] = fold.is_straight
        if row.steady is not None:
            follows["steady"] = fold.steady
        follows |= self._listed(fold.timeline, self._prover.book(version).policy)
        held = {name: getattr(row, name) for name in follows}
        yield from self._differing("", held, follows)
        shown = row.fields_shown
        wanted = json.loads(as_json(decision.fields)) if decision.fields else {}
        # An older release knew fewer fields; a database that was put back forgot what it showed.
        names = shown or (wanted if row.fields_wanted is None else ())
        yield from self._differing(
            "fields in Jira",
            {name: shown.get(name) for name in names},
            {name: wanted.get(name) for name in names},
        )

    def _listed(self, timeline: Timeline, policy: Policy) -> dict[str, Any]:
        """What lists show and filter by; where an older release left it out it is not looked at."""
        row = self._row
        found = dict(issues.listed(row, timeline, policy.customer_field, None))
        keys = timeline.values("key")
        found["key"] = str(keys[-1][1]) if keys and keys[-1][1] else row.key
        return {
            name: value
            for name, value in found.items()
            if name in _LISTED and getattr(row, name) is not None
        }

    def _of_ledger(self, decision: Decision) -> Iterator[Finding]:
        for saying in decision.sayings:
            if saying.key not in self._said:
                yield self._finding(
                    saying.key, "ledger", _NONE, f"said, since it is true from {utc(saying.at)} on"
                )
        for key, row in self._said.items():
            yield from self._of_text(key, row)
            if key not in decision.standing:
                told = f"said at {utc(row['decided_at'])}"
                yield from self._once(
                    key, "ledger", row["decided_at"], row["at"], told,
                    partial(_stands, key),
                    self._versions_until(row["decided_at"]),
                )  # fmt: skip

    def _of_text(self, key: str, row: Row) -> Iterator[Finding]:
        """What is stored to be said, held against its row, and what it names against the promises.

        The rest of it are the words of that release, and of the people who were there to hear them.
        """
        try:
            plain = msgspec.json.decode(row["saying"])
            stored = {
                "key": plain["key"], "at": datetime.fromisoformat(plain["at"]),
                "urgent": plain["occasion"] in URGENT,
            }  # fmt: skip
            facts = msgspec.convert(plain["facts"], dict[str, Any])
        except (ValueError, LookupError, TypeError):
            yield self._finding(key, "text", "what cannot be read", "a saying")
            return
        yield from self._differing(key, stored, {name: row[name] for name in stored})
        if self._earlier:
            # Promises stand as they were made: what another version said of them is not there.
            return
        metric = key.partition("/")[0]
        promised = [each for each in self._held.promises if each["metric"] == metric]
        for name in ("target", "severity", "binding"):
            known = list(dict.fromkeys(each[name] for each in promised))
            if known and name in facts and facts[name] not in known:
                told = " or ".join(sorted(map(in_words_of, known)))
                yield self._finding(key, name, in_words_of(facts[name]), told)

    # --- what was promised ---

    def _of_promises(self, fold: _Fold, judged_by: str) -> Iterator[Finding]:
        recorded = {
            (each["metric"], each["number"], each["since_at"]) for each in self._held.promises
        }
        for place, row in fold.promised.items():
            if place not in recorded:
                yield self._finding(
                    f"{place[0]} {place[1]}", "promise", _NONE, f"due {utc(row['due_at'])}"
                )
        for row in self._held.promises:
            place = _place(row)
            version, at = row["policy_version"], row["promised_at"]
            if version == judged_by and _is_as(row, fold.promised.get(place)):
                continue
            told = f"{row['target']}, due {utc(row['due_at'])}, as promised at {utc(at)}"
            yield from self._once(
                f"{row['metric']} {row['number']}", "promise", at, at, told,
                partial(_was_promised, row, place),
                [version],
            )  # fmt: skip

    def _once(
        self,
        subject: str,
        what: str,
        decided_at: datetime,
        true_at: datetime,
        told: str,
        holds: Callable[[_Fold], bool],
        versions: Sequence[str],
    ) -> Iterator[Finding]:
        """A finding, unless something followed once from what was known then.

        Args:
            subject, what, told: for the finding.
            decided_at: when it was decided.
            true_at: since when it was true.
            holds: whether it follows from a fold.
            versions: by which it may have been judged.
        """
        events = self._held.events
        for version in versions:
            for at in dict.fromkeys((decided_at, true_at)):
                if holds(self._fold(version, at, _by(events, at))):
                    return
            for heard in self._as_heard(decided_at):
                if holds(self._fold(version, decided_at, heard)):
                    return
        gone = any(event.identity not in self._arrivals for event in events)
        yield self._finding(
            subject, what, told, "from nothing that was known then", certain=not gone
        )

    def _as_heard(self, at: datetime) -> Iterator[list[Event]]:
        """What had been heard by an instant; of what is not known when it was heard, as it came."""
        if self._arrivals:
            yield [
                event
                for event in self._held.events
                if self._arrivals.get(event.identity, event.at) <= at
            ]

    @cached_property
    def _arrivals(self) -> Mapping[str, datetime]:
        return heard_at(
            self._connection, self._prover.site, self._row.issue_id, self._prover.read_delivery
        )

    def _versions_until(self, at: datetime) -> list[str]:
        """The versions by which something may have been decided at an instant, likeliest first."""
        judged = [each.version for each in self._earlier if at <= each.until_at]
        promised = [each["policy_version"] for each in self._held.promises]
        # By the others it was judged before its first clock started, or between two moves.
        published = publications.since(self._connection, self._prover.site, 0)
        others = [each.version for each in reversed(published) if each.published_at <= at]
        return list(dict.fromkeys([*judged, self._version, *promised, *others]))

    # --- folding ---

    def _fold(self, version: str, at: datetime, events: Sequence[Event]) -> _Fold:
        book = self._prover.book(version)
        moved = [each for each in self._earlier if each.until_at <= at]

        def judged(earlier: str, until_at: datetime) -> tuple[Cycle, ...]:
            by = self._prover.book(earlier)
            return cycles_of(by.timeline(events), by.policy, until_at)

        timeline = book.timeline(events)
        over = recalculated.kept(recalculated.leaving(moved, version), judged)
        found = folded(timeline, book.policy, at)
        decision = decide(
            timeline, book.policy, Ledger(frozenset(self._said)), at,
            issue_id=self._row.issue_id, relatives=self._relatives(book, at), over=over,
            since=moved[-1].until_at if moved else None, found=found,
        )  # fmt: skip
        promised = {
            _place(row): row for cycle in decision.cycles for row in issues.as_promised(cycle)
        }
        is_plain = not over and is_straight(found)
        return _Fold(timeline, decision, promised, is_plain, noted(events))

    def _relatives(self, book: _Book, at: datetime) -> list[Relative]:
        if not book.policy.looks_at_others:
            return []
        return [
            Relative(other, timeline if at == self._at else timeline.until(at))
            for other in self._tied
            for timeline in [
                issues.timeline_of(self._connection, self._prover.site, other, book.names)
            ]
        ]

    @cached_property
    def _tied(self) -> list[str]:
        keys = {
            str(value)
            for _, value in Timeline.of(self._held.events).values("key")
        }  # fmt: skip
        return issues.relatives(self._connection, self._row, keys)

    # --- telling ---

    def _differing(self, subject: str, recorded: Row, follows: Row) -> Iterator[Finding]:
        for name, value in follows.items():
            if recorded[name] != value:
                what = _WORDS.get(name, name.replace("_", " "))
                yield self._finding(subject, what, in_words_of(recorded[name]), in_words_of(value))

    def _finding(
        self, subject: str, what: str, recorded: str, follows: str, *, certain: bool = True
    ) -> Finding:
        return Finding(
            self._held.name, subject, what, recorded, follows, certain, self._row.issue_id
        )


def heard_at(
    connection: Connection,
    site: str,
    issue_id: str,
    read_delivery: Callable[[bytes], Collection[Event]],
) -> dict[str, datetime]:
    """When each fact of an issue came first, by its identity, as far as deliveries are still kept.

    What is not among them was read from Jira, or came in a delivery that was forgotten.
    """
    found: dict[str, datetime] = {}
    for received_at, body in inbox.arrivals(connection, site, issue_id):
        for event in read_delivery(body):
            found.setdefault(event.identity, received_at)
    return found


def _by(events: Sequence[Event], at: datetime) -> Sequence[Event]:
    return Timeline.of(events).until(at).events


def _place(promise: Row) -> tuple[str, int, datetime]:
    return promise["metric"], promise["number"], promise["since_at"]


def _stands(key: str, fold: _Fold) -> bool:
    return key in fold.decision.standing


def _was_promised(row: Row, place: tuple[str, int, datetime], fold: _Fold) -> bool:
    return _is_as(row, fold.promised.get(place))


def _is_as(recorded: Row, follows: Row | None) -> bool:
    return follows is not None and all(
        # The words are those of that release.
        recorded[name] == value for name, value in follows.items() if name != "reason"
    )  # fmt: skip


def _cycle_told(row: Row) -> str:
    return f"{row['state']}, due {in_words_of(row['due_at'])}"


def in_words_of(value: object) -> str:
    """What is recorded, as findings tell it: instants in UTC."""
    if value is None or value == "":
        return _NONE
    return utc(value) if isinstance(value, datetime) else str(value)
