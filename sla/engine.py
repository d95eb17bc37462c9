"""The loop around the core: load an issue's history, decide, and save all of it in one transaction.

No HTTP happens here, and nothing is concluded here: `decide` does that. What the engine needs from
outside (how a payload reads, which policy is in force) is handed in, so that this package knows
neither Jira nor YAML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import msgspec
import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sla import recalculated
from sla.cycle import Cycle
from sla.danger import dangers
from sla.decide import Decision, Ledger, decide, folded
from sla.effects import URGENT, Fields, as_stored
from sla.gaps import Shown, certain_until, is_behind
from sla.known_sites import SiteFacts
from sla.lanes import BATCH, Key, LaneName
from sla.mapping import Policy
from sla.notices import Relative, asks_for_another
from sla.steady import noted
from sla.steps import Step, following, short_name
from sla.steps import delivery as followed
from sla.store import inbox, issues, outbox, publications, schema, sites
from sla.store.database import Database
from sla.store.inbox import Delivery
from sla.store.issues import IssueRow, Judgement
from sla.store.outbox import Entered
from sla.straight import is_straight
from sla.timeline import CommentSeen, Deleted, Event, Timeline

_log = structlog.get_logger(__name__)
# A row that cannot be decided is looked at again after this, and holds up no other meanwhile.
_AFTER_A_FAULT = timedelta(minutes=5)
# So many issues whose instant has come are decided in one transaction: with more the writer of a
# database file would be kept from deliveries for longer, and hardly take less time for each.
_TOGETHER = 50
_APART = timedelta(seconds=5)
_CLEARED = json.dumps(dict.fromkeys(Fields.__struct_fields__), sort_keys=True)

People = Mapping[str, str]
"""Accounts of Jira's, each with its name for people."""
_NOBODY: People = MappingProxyType({})


class Heard(Protocol):
    """What a delivery says, once read."""

    @property
    def issue_id(self) -> str | None:
        """Jira's id of the issue, if the delivery is about one."""

    @property
    def issue_key(self) -> str | None:
        """Its key, if shown."""

    @property
    def events(self) -> tuple[Event, ...]:
        """The facts in it."""

    @property
    def also(self) -> Mapping[str, tuple[Event, ...]]:
        """What it says of further issues, by their ids; without facts, that something happened."""

    @property
    def not_understood(self) -> str | None:
        """Why nothing could be made of it, in a sentence."""

    @property
    def complete(self) -> bool:
        """Whether it tells of the issue's making, so that no earlier fact can be missing."""

    @property
    def unclear(self) -> bool:
        """Whether something happened that only Jira can tell."""

    @property
    def assignee(self) -> tuple[str, str] | None:
        """The account that it shows the issue assigned to, and its name for people."""

    @property
    def people(self) -> Mapping[str, str]:
        """The accounts that did what it tells of, each with its name for people."""

    @property
    def unmarked(self) -> tuple[CommentSeen, ...]:
        """The comments whose readers are all that is unclear, as if everybody might read them."""


class Call(NamedTuple):
    """That a lane has work for an issue from an instant on."""

    lane: LaneName
    key: Key
    at: datetime
    urgent: bool = False
    """Whether something is to be said, and not only shown."""


class Known(Protocol):
    """What a Jira says of one of its issues without being asked for more."""

    @property
    def issue_id(self) -> str:
        """Jira's id."""

    @property
    def issue_key(self) -> str:
        """Its key at present."""

    @property
    def project_key(self) -> str:
        """That of its project."""

    @property
    def updated_at(self) -> datetime | None:
        """When it was last updated, by Jira's clock."""

    @property
    def shown(self) -> Shown | None:
        """Its past, as far as it is shown."""


@dataclass
class Engine:
    """Decides for every issue of an installation; the lane of deciding.

    Attributes:
        read_delivery: makes facts of a raw delivery; must not raise.
        policy: gives a published version of the policy.
        in_force: the version for issues whose clock has not started yet.
        sites: what is known of each site; one that is missing waits, its deliveries are kept.
        after_commit: told which lane has work for which issue, and from when on.
        before_waking: called before time alone is to change anything: whether Jira was heard.
    """

    database: Database
    now: Callable[[], datetime]
    read_delivery: Callable[[bytes], Heard]
    policy: Callable[[str], Policy]
    in_force: str
    sites: dict[str, SiteFacts] = field(default_factory=dict)
    after_commit: Callable[[Call], None] = lambda _call: None
    before_waking: Callable[[], None] = lambda: None

    def due(self, limit: int) -> Sequence[Key]:
        """The issues whose instant has come, then those about which something was heard.

        An answer that waits must not be overtaken by a breach: what was heard of an issue is taken
        in with its instant. What names no issue goes first, since it may be about any; and an issue
        that is tied to others goes by instant among what was heard.
        """
        self.before_waking()
        sites = tuple(self.sites)
        heard = self.database.read(lambda c: inbox.waiting(c, sites, limit))
        woken = self._woken(limit)
        pressing = self._not_tied(woken) if heard else []
        nameless = [(site, "") for _, site, issue_id in heard if not issue_id]
        by_instant = sorted([*heard, *woken], key=itemgetter(0))
        keys = [*nameless, *pressing, *((site, issue_id) for _, site, issue_id in by_instant)]
        return list(dict.fromkeys(keys))[:limit]

    def pressing(self) -> Collection[Key]:
        """The issues that are to be decided by time alone, however much was heard of others."""
        self.before_waking()
        if self.database.read(lambda c: inbox.has_nameless(c, tuple(self.sites))):
            return ()
        return self._not_tied(self._woken(BATCH))

    def _woken(self, limit: int) -> Sequence[tuple[datetime, str, str]]:
        now, sites = self.now(), tuple(self.sites)
        return self.database.read(lambda c: issues.to_wake(c, now, sites, limit))

    def _not_tied(self, woken: Sequence[tuple[datetime, str, str]]) -> list[Key]:
        """Those of the woken issues that neither refer to another nor are referred to."""
        keys = [(site, issue_id) for _, site, issue_id in woken]
        tied = self.database.read(lambda c: issues.tied(c, keys)) if keys else frozenset()
        return [key for key in keys if key not in tied]

    def next_run(self) -> datetime | None:
        """The earliest later instant at which time alone changes an answer.

        What is due already, and perhaps being decided just now, is not to hide what comes next.
        """
        now = self.now()
        return self.database.read(lambda c: issues.next_wake(c, tuple(self.sites), after=now))

    def run(self, key: Key) -> Collection[Key]:
        """Take in what was heard of an issue, all at once, and decide for it.

        Where nothing was heard its instant has come. That is so of many issues at a time, as when
        an office opens, and those that wait for it are decided with it.

        Returns:
            The issues that were decided because of time alone.
        """
        deliveries = self._waiting(key)
        if not deliveries and key[1]:
            return self._wake(key)
        self._handle(key, deliveries)
        # What comes meanwhile has a wake-up of its own.
        while deliveries and deliveries[-1].behind:
            deliveries = self._waiting(key)
            self._handle(key, deliveries)
        return ()

    def _wake(self, key: Key) -> Collection[Key]:
        """Decide for an issue because of time alone, and for others whose instant has come."""
        batch: list[Key] = []
        try:
            self._have_decided(key, "time", partial(self._decide_woken, key, batch), batch=batch)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and repaired below
            self._decide_apart(key[0], batch, error)
        if key not in batch and self._is_due(key):
            # Another process has it in hand, which is waited for, or more wake than go together.
            self._handle(key, [])
        return batch

    def _is_due(self, key: Key) -> bool:
        """Whether an issue's instant has come, by the clock of any machine: clocks differ a bit."""
        row = self.database.read(lambda c: issues.get(c, *key))
        return row is not None and row.wake_at is not None and row.wake_at <= self.now() + _APART

    def _decide_apart(self, site: str, batch: Sequence[Key], error: Exception) -> None:
        """Decide for each of a batch that failed by itself: a fault is then that issue's alone."""
        if len(batch) == 1:
            self._set_aside(batch[0], [], error)
            return
        decided = [self._handle(key, []) for key in batch]
        if all(decided):
            _log.error("issues failed together", site=site, exc_info=error)

    def _decide_woken(self, key: Key, batch: list[Key], connection: Connection) -> list[Call]:
        """Decide for an issue whose instant has come, and for those that may go with it.

        Args:
            key: of the issue.
            batch: made to hold those that are decided here; a transaction may be tried again.
            connection: to the database.

        Returns:
            What is to be done about them next.
        """
        site, own = key
        # Nobody is waited for: whoever holds one of them may be waiting for another.
        rows = issues.woken(connection, site, self.now(), _TOGETHER)
        if [row.issue_id for row in rows] != [own]:
            along = self._may_go_along(connection, site, [row.issue_id for row in rows])
            rows = [row for row in rows if row.issue_id == own or row.issue_id in along]
        batch[:] = [(site, row.issue_id) for row in rows]
        return self._decide_all(connection, site, [_Asked(row) for row in rows], alone=True)

    def _may_go_along(
        self, connection: Connection, site: str, issue_ids: Collection[str]
    ) -> Collection[str]:
        """Those of the woken issues that overtake nothing that was heard."""
        if inbox.has_nameless(connection, [site]):
            return ()
        if not inbox.waiting(connection, [site], 1):
            return issue_ids
        tied = {issue_id for _, issue_id in issues.tied(connection, [(site, i) for i in issue_ids])}
        return set(issue_ids) - tied - inbox.heard_of(connection, site, issue_ids)

    def _waiting(self, key: Key) -> Sequence[Delivery]:
        return self.database.read(lambda c: inbox.of_issue(c, *key))

    def _handle(self, key: Key, deliveries: Sequence[Delivery]) -> bool:
        """Take in deliveries and decide; whether that could be done, all at once."""
        heard = [(each, self._read(each)) for each in deliveries]
        try:
            self._settle(key, heard)
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and repaired below
            if len(heard) < 2:
                self._set_aside(key, heard, error)
            else:
                # One of them may be at fault: the others are not to wait behind it.
                _log.exception("deliveries failed together", site=key[0], issue_id=key[1])
                self._run_one_by_one(key, heard)
            return False
        return True

    def _read(self, delivery: Delivery) -> Heard:
        with following(short_name(delivery.name)), Step("translate", site=delivery.site) as step:
            heard = self.read_delivery(delivery.body)
            step.facts["issue_id"] = heard.issue_id
            if heard.not_understood:
                step.outcome = "not understood"
        return heard

    def learn_history(
        self,
        site: str,
        issue_id: str,
        key: str,
        facts: Iterable[Event],
        *,
        reads_asked: int,
        updated_at: datetime | None = None,
        assignee: tuple[str, str] | None = None,
        people: People = _NOBODY,
    ) -> None:
        """Take in what Jira's own history says of an issue, and decide.

        Args:
            site: the site.
            issue_id: Jira's id of the issue, which has a row.
            key: its key at present.
            facts: what the history says.
            reads_asked: the row's count when the reading began. If it was asked for again since,
                something happened that this history may not show: then it is read once more.
            updated_at: Jira's own instant of the last update that the history shows.
            assignee: the account that the issue is assigned to, and its name for people.
            people: the accounts that changed it or wrote on it, each with its name.
        """
        found, cause = tuple(facts), followed()

        def work(connection: Connection) -> list[Call]:
            issues.hear_of(connection, site, issue_id, key)
            row = issues.get(connection, site, issue_id, locked=True)
            issues.add_facts(connection, site, issue_id, found)
            if row and row.reads_asked == reads_asked:
                # What can be read is there: it only was out of sight.
                issues.forget_deletion(connection, site, issue_id)
                issues.change(connection, site, issue_id, **issues.WHOLE, updated_at=updated_at)
            return self._decide(
                connection, site, issue_id, assignee=assignee, people=people, cause=cause
            )

        self._have_decided((site, issue_id), "history", work)

    def learn_readers(
        self,
        site: str,
        issue_id: str,
        comments: Iterable[CommentSeen],
        *,
        reads_asked: int,
        people: People = _NOBODY,
    ) -> None:
        """Take in who may read comments of which nothing else was unclear, and decide.

        Args:
            site: the site.
            issue_id: Jira's id of the issue, which has a row.
            comments: each as it is known now.
            reads_asked: as for `learn_history`.
            people: likewise.
        """
        found, cause = tuple(comments), followed()

        def work(connection: Connection) -> list[Call]:
            row = issues.get(connection, site, issue_id, locked=True)
            issues.add_facts(connection, site, issue_id, found)
            if row and row.reads_asked == reads_asked:
                issues.change(connection, site, issue_id, **issues.WHOLE)
            return self._decide(connection, site, issue_id, people=people, cause=cause)

        self._have_decided((site, issue_id), "history", work)

    def look_again(self, site: str, found: Iterable[Known], *, taken_over: bool = False) -> int:
        """Have the histories read of those issues of which Jira knows more than was heard.

        An issue that was never heard of counts when its project is in the mapping.

        Args:
            site: the site.
            found: what Jira says of its issues.
            taken_over: only those that were never heard of, as from before this installation's
                time: what lies before now is shown, and not announced.

        Returns:
            How many are to be read.
        """
        listed, now = tuple(found), self.now()
        projects = self.policy(self.in_force).projects

        def work(connection: Connection) -> list[Call]:
            known = issues.known(connection, site, [each.issue_id for each in listed])
            new = [
                each
                for each in listed
                if each.issue_id not in known and each.project_key in projects
            ]
            for each in new:
                issues.hear_of(connection, site, each.issue_id, each.issue_key)
                issues.ask_for_history(connection, site, each.issue_id, now)
                if taken_over:
                    issues.change(connection, site, each.issue_id, quiet_before=now)
            changed = [] if taken_over else [each for each in listed if _is_news(each, known)]
            behind = self._behind(connection, site, changed, known)
            for each in behind:
                issues.ask_for_history(connection, site, each.issue_id, now, incomplete=False)
            return [Call("histories", (site, each.issue_id), now) for each in [*new, *behind]]

        calls = self.database.write(work)
        self.tell(calls)
        return len(calls)

    def _behind(
        self,
        connection: Connection,
        site: str,
        changed: Sequence[Known],
        known: Mapping[str, issues.Checked],
    ) -> list[Known]:
        """Those of the changed issues of which something is missing; the others are noted so."""
        held = issues.held(connection, site, [each.issue_id for each in changed])
        own_account = self.sites[site].own_account if site in self.sites else ""
        behind, checked = [], {}
        for each in changed:
            before = known[each.issue_id]
            mine = held.get(each.issue_id)
            if (
                mine is None
                or not before.sound
                or is_behind(mine, each.shown, each.updated_at, before.until, own_account)
            ):
                behind.append(each)
            elif each.updated_at:
                checked[each.issue_id] = certain_until(each.updated_at, self.now())
        issues.nothing_missing(connection, site, checked)
        return behind

    def look_for(self, site: str, missing: Iterable[str]) -> None:
        """Have the histories read of issues that should be open in Jira and were not found there.

        Args:
            site: the site.
            missing: their ids.
        """
        ids, now = tuple(missing), self.now()

        def work(connection: Connection) -> list[Call]:
            for issue_id in ids:
                issues.ask_for_history(connection, site, issue_id, now, incomplete=False)
            return [Call("histories", (site, issue_id), now) for issue_id in ids]

        self.tell(self.database.write(work))

    def go_on(self, site: str, issue_id: str) -> None:
        """Decide for an issue by what is known, though its history could not be read."""
        cause = followed()

        def work(connection: Connection) -> list[Call]:
            issues.change(connection, site, issue_id, incomplete=False)
            return self._decide(connection, site, issue_id, cause=cause)

        self._have_decided((site, issue_id), "history", work)

    def learn_gone(self, site: str, issue_id: str) -> None:
        """Take in that Jira has an issue no more, though its project can be seen."""

        def work(connection: Connection) -> list[Call]:
            issues.change(connection, site, issue_id, **issues.WHOLE)
            issues.add_facts(connection, site, issue_id, [Deleted(self.now())])
            return self._decide(connection, site, issue_id)

        self._have_decided((site, issue_id), "history", work)

    def _run_one_by_one(self, key: Key, heard: list[tuple[Delivery, Heard]]) -> None:
        for each in heard:
            try:
                self._settle(key, [each])
            except OperationalError:
                raise
            except Exception as error:  # noqa: BLE001 - logged, and repaired below
                self._set_aside(key, [each], error)

    def _set_aside(
        self, key: Key, heard: Sequence[tuple[Delivery, Heard]], error: Exception
    ) -> None:
        """Keep what cannot be handled, and do not try it again at once."""
        site, issue_id = key
        _log.error("issue could not be decided", site=site, issue_id=issue_id, exc_info=error)
        # PostgreSQL refuses NUL in a text.
        note = f"{type(error).__name__}: {error}".replace("\0", "\N{REPLACEMENT CHARACTER}")
        later = self.now() + _AFTER_A_FAULT

        def work(connection: Connection) -> None:
            for delivery, _ in heard:
                inbox.handled(connection, delivery.id, "failed", note, issue_id or None)
            if not heard:
                issues.change(connection, site, issue_id, wake_at=later)

        self.database.write(work)

    def _settle(self, key: Key, heard: list[tuple[Delivery, Heard]]) -> None:
        names = [short_name(delivery.name) for delivery, _ in heard]
        cause = names[-1] if names else None

        def work(connection: Connection) -> list[Call]:
            ids = [delivery.id for delivery, _ in heard]
            mine = inbox.take(connection, ids) if ids else frozenset()
            if ids and not mine:
                # Somebody else was faster, and decided as well.
                return []
            touched = dict.fromkeys([key[1]] if key[1] else [])
            rows: dict[str, IssueRow] = {}
            assigned: dict[str | None, tuple[str, str]] = {}
            people: dict[str, str] = {}
            for delivery, said in heard:
                if delivery.id in mine:
                    if said.assignee:
                        assigned[said.issue_id] = said.assignee
                    people |= said.people
                    touched |= dict.fromkeys(self._take_in(connection, delivery, said, key, rows))
            calls: list[Call] = []
            for issue_id in touched:
                row = rows.get(issue_id)
                calls += self._decide(
                    connection, key[0], issue_id, row,
                    alone=not heard, assignee=assigned.get(issue_id), people=people, cause=cause,
                )  # fmt: skip
            return calls

        with following(cause):
            self._have_decided(key, "delivery" if heard else "time", work, names[:-1])

    def _have_decided(
        self,
        key: Key,
        why: str,
        work: Callable[[Connection], list[Call]],
        others: Sequence[str] = (),
        batch: Sequence[Key] = (),
    ) -> None:
        """Decide in one transaction, as one step, then tell which lanes have work.

        Args:
            key: of the issue.
            why: what it is decided for: a `delivery`, a `history`, or `time`.
            work: decides.
            others: the names of the further deliveries that it follows from.
            batch: once decided, all issues that were.
        """
        facts: dict[str, Any] = {"together_with": list(others)} if others else {}
        with Step("decide", site=key[0], issue_id=key[1], why=why, **facts) as step:
            calls = self.database.write(work)
            step.facts["writes"] = any(call.lane == "dispatch" for call in calls)
            if len(batch) > 1:
                step.facts["issue_ids"] = [issue_id for _, issue_id in batch]
        self.tell(calls)

    def tell(self, calls: Iterable[Call]) -> None:
        """Tell which lanes have work, once what gave it to them is committed."""
        for call in calls:
            self.after_commit(call)

    def _take_in(
        self,
        connection: Connection,
        delivery: Delivery,
        heard: Heard,
        key: Key,
        rows: dict[str, IssueRow],
    ) -> list[str]:
        """Store what a delivery says.

        Args:
            connection: to the database.
            delivery: as taken, with the state of one that is done.
            heard: what it says.
            key: the issue under which it waited.
            rows: those that this transaction has locked and not changed, by issue; kept up here, so
                that a row is not read again for each delivery and for the decision.

        Returns:
            The ids of the issues that it speaks of.
        """
        if heard.not_understood or (heard.issue_id or "") != key[1]:
            state: inbox.Handled = "not_understood" if heard.not_understood else "done"
            inbox.handled(connection, delivery.id, state, heard.not_understood, heard.issue_id)
        if heard.not_understood or heard.issue_id is None:
            return []
        site, issue_id = delivery.site, heard.issue_id
        if self._is_elsewhere(connection, site, issue_id, heard):
            return []
        row = rows.get(issue_id) or issues.get(connection, site, issue_id, locked=True)
        is_new = row is None and issues.hear_of(connection, site, issue_id, heard.issue_key)
        row = row or issues.get(connection, site, issue_id, locked=True)
        issues.add_facts(connection, site, issue_id, heard.events)
        if self._asks_of(connection, delivery, issue_id, row, heard, is_new=is_new):
            rows.pop(issue_id, None)
        elif row:
            rows[issue_id] = row
        for other, events in heard.also.items():
            self._hear_beside(connection, delivery, other, events)
            rows.pop(other, None)
        return [issue_id, *heard.also]

    def _asks_of(
        self,
        connection: Connection,
        delivery: Delivery,
        issue_id: str,
        row: IssueRow | None,
        heard: Heard,
        *,
        is_new: bool,
    ) -> bool:
        """Note on an issue's row whether Jira has to be asked; False when that stays so."""
        site, now = delivery.site, self.now()
        deleted = any(isinstance(event, Deleted) for event in heard.events)
        if deleted:
            # A history that is being read just now knows nothing of it.
            issues.change(connection, site, issue_id, reads_asked=schema.issues.c.reads_asked + 1)
        if heard.unmarked and row and not is_new:
            # Data Center tells of a comment twice.
            if issues.knows(connection, site, issue_id, heard.unmarked):
                return deleted
            name = short_name(delivery.name)
            issues.ask_for_readers(connection, row, delivery.id, now, name=name)
        elif heard.unclear or (is_new and not heard.complete):
            # An issue from before our time: what was answered then, only its history knows.
            issues.ask_for_history(
                connection, site, issue_id, now,
                lacks_creation=not heard.unclear, delivery=short_name(delivery.name),
            )  # fmt: skip
        elif heard.complete and row and row.lacks_creation and row.incomplete:
            issues.change(connection, site, issue_id, read_at=None, incomplete=False)
        else:
            return deleted
        return True

    def _is_elsewhere(self, connection: Connection, site: str, issue_id: str, heard: Heard) -> bool:
        """Whether a notice is of an issue that no rule speaks of, so that it is not worth a look.

        Some ways in cannot be kept to the projects that matter.
        """
        if heard.events or heard.also or not heard.unclear:
            return False
        row = issues.get(connection, site, issue_id)
        keys = {key for key in (heard.issue_key, row.key if row else None) if key}
        covered = self.policy(self.in_force).projects
        if not keys or any(key.rpartition("-")[0] in covered for key in keys):
            return False
        # One with a clock keeps the policy that started it, and others may depend on what it says.
        return row is None or not (row.policy_version or issues.relatives(connection, row, keys))

    def _hear_beside(
        self, connection: Connection, delivery: Delivery, issue_id: str, events: tuple[Event, ...]
    ) -> None:
        site = delivery.site
        if issues.hear_of(connection, site, issue_id, None) or not events:
            issues.ask_for_history(
                connection, site, issue_id, self.now(),
                lacks_creation=bool(events), delivery=short_name(delivery.name),
            )  # fmt: skip
        issues.get(connection, site, issue_id, locked=True)
        issues.add_facts(connection, site, issue_id, events)

    def _decide(
        self,
        connection: Connection,
        site: str,
        issue_id: str,
        row: IssueRow | None = None,
        *,
        alone: bool = False,
        assignee: tuple[str, str] | None = None,
        people: People = _NOBODY,
        cause: str | None = None,
    ) -> list[Call]:
        """Decide for an issue, and, unless `alone`, have those that are tied to it decided too.

        Args:
            connection: to the database.
            site: the site.
            issue_id: Jira's id of the issue.
            row: its row, where this transaction has locked it and not changed it; else it is read.
            alone: whether no other issue is to be decided because of this one.
            assignee: an account to which it was assigned, and its name, where they were heard now.
            people: the names of accounts that were heard now.
            cause: the short name of the delivery that it is decided for; None: none is.

        Returns:
            What is to be done about them next.
        """
        row = row or issues.get(connection, site, issue_id, locked=True)
        if row is None:
            return []
        asked = [_Asked(row, assignee, cause, people)]
        return self._decide_all(connection, site, asked, alone=alone)

    def decide_together(
        self, connection: Connection, site: str, issue_ids: Collection[str]
    ) -> list[Call]:
        """Decide for issues of which nothing was heard, by time alone, in one transaction.

        Their rows, facts and ledgers are read in a few statements, and what is decided is saved in
        a few. Of whom something waits to be heard, an answer perhaps, is woken instead: it is taken
        in first. A fault in one of them takes the others with it.

        Args:
            connection: to the database.
            site: the site, which was reached.
            issue_ids: which.

        Returns:
            What is to be done about them next, after the commit.
        """
        now = self.now()
        waits_for_all = inbox.has_nameless(connection, [site])
        later = set(issue_ids) if waits_for_all else inbox.heard_of(connection, site, issue_ids)
        issues.wake(connection, site, later, now)
        rows = issues.locked(connection, site, set(issue_ids) - later)
        calls = self._decide_all(connection, site, [_Asked(row) for row in rows], alone=True)
        return [*calls, *(Call("decide", (site, issue_id), now) for issue_id in sorted(later))]

    def _decide_all(
        self, connection: Connection, site: str, asked: Sequence[_Asked], *, alone: bool
    ) -> list[Call]:
        """Decide for issues with locked rows; of one with missing facts nothing is concluded."""
        now = self.now()
        calls = [
            Call("histories", (site, row.issue_id), row.read_at)
            for row in (each.row for each in asked)
            if row.read_at
        ]
        whole = [each for each in asked if not each.row.incomplete]
        if not whole:
            return calls
        found = self._worked_out(connection, site, whole, now)
        outdated = [
            (each.row.issue_id, key)
            for each in found
            for key in sorted(each.ledger.pending - each.decision.standing)
        ]
        outbox.withdraw(connection, site, outdated)
        calls += self._save(connection, site, found, now)
        if not alone:
            # Decided for themselves, so that a fault in one of them does not take this one with it.
            tied = list(dict.fromkeys(other for each in found for other in each.tied))
            issues.wake(connection, site, tied, now)
            calls += [Call("decide", (site, other), now) for other in tied]
        return calls

    def _worked_out(
        self, connection: Connection, site: str, asked: Sequence[_Asked], now: datetime
    ) -> list[_Decided]:
        ids = [each.row.issue_id for each in asked]
        facts = issues.facts_of(connection, site, ids)
        in_force = ""
        if any(each.row.policy_version is None for each in asked):
            in_force = self._in_force(connection, site)
        books = {
            version: self._book(site, version)
            for version in {each.row.policy_version or in_force for each in asked}
        }
        read = [
            (each, book, book.timeline(facts[each.row.issue_id]))
            for each in asked
            for book in [books[each.row.policy_version or in_force]]
        ]
        tied = self._tied(connection, site, [(a.row, b.policy, t) for a, b, t in read])
        ledgers = outbox.ledgers(connection, site, ids)
        found = []
        for each, book, timeline in read:
            issue_id = each.row.issue_id
            over = self._over(each.row, facts[issue_id])
            by_version = folded(timeline, book.policy, now)
            decision = decide(
                timeline, book.policy, Ledger(ledgers[issue_id].said), now, issue_id=issue_id,
                relatives=[self._relative(connection, site, it, book) for it in tied[issue_id]],
                over=over,
                since=recalculated.judged_since(each.row.earlier_versions),
                found=by_version,
            )  # fmt: skip
            found.append(
                _Decided(
                    *each, book, timeline, ledgers[issue_id], decision, tied[issue_id],
                    not over and is_straight(by_version), noted(facts[issue_id]),
                )
            )  # fmt: skip
        return found

    def _book(self, site: str, version: str) -> _Book:
        policy = self.sites[site].applied_to(self.policy(version))
        return _Book(version, policy, self.sites[site].names_for(policy))

    def _relative(self, connection: Connection, site: str, issue_id: str, book: _Book) -> Relative:
        return Relative(issue_id, issues.timeline_of(connection, site, issue_id, book.names))

    def _in_force(self, connection: Connection, site: str) -> str:
        """The version for an issue without a clock.

        Where several processes share the database another one may have published since this one
        looked: an issue that starts by what was before would be passed over by a recalculation.
        """
        if not self.database.is_shared:
            return self.in_force
        return str(sites.known(connection, site, publications.IN_FORCE) or self.in_force)

    def _over(self, row: IssueRow, facts: Sequence[Event]) -> tuple[Cycle, ...]:
        """What stays as the versions before the issue's own judged it."""

        def timeline_of(policy: Policy) -> Timeline:
            names = self.sites[row.site].names_for(policy)
            return Timeline.of(issues.named(event, names) for event in facts)

        return recalculated.kept_of(
            row.earlier_versions,
            row.policy_version,
            lambda version: self.sites[row.site].applied_to(self.policy(version)),
            timeline_of,
        )

    def _tied(
        self,
        connection: Connection,
        site: str,
        read: Sequence[tuple[IssueRow, Policy, Timeline]],
    ) -> Mapping[str, list[str]]:
        """By issue the ids of those it refers to, or that refer to it, where it matters."""
        own_keys: dict[str, set[str]] = {}
        others: dict[str, set[str]] = {}
        for row, policy, timeline in read:
            if policy.looks_at_others:
                own_keys[row.issue_id] = {str(key) for _, key in timeline.values("key")}
                # Only what asks for something has to know to whom it refers.
                if asks_for_another(policy, timeline):
                    others[row.issue_id] = {other for _, other in timeline.references}
        quiet = {issue_id: own_keys[issue_id] for issue_id in own_keys.keys() - others.keys()}
        # Of one issue to look for its ties is no more than to look whether it has any.
        untied = issues.untied(connection, site, quiet) if len(quiet) > 1 else frozenset()
        found: dict[str, list[str]] = {}
        for row, _, _ in read:
            id_ = row.issue_id
            has_none = id_ in untied or id_ not in own_keys
            found[id_] = (
                []
                if has_none
                else issues.refer(connection, row, own_keys[id_], others.get(id_, ()))
            )
        return found

    def _save(
        self, connection: Connection, site: str, found: Sequence[_Decided], now: datetime
    ) -> list[Call]:
        """Store what was decided; returns what is to be written to Jira, and when to look again."""
        listed = [
            issues.listed(each.row, each.timeline, each.book.policy.customer_field, each.assignee)
            for each in found
        ]
        issues.save_cycles(
            connection,
            site,
            [each.judgement(its) for each, its in zip(found, listed, strict=True)],
            now,
        )
        quiet = self._quiet_before(connection, site, found)
        entered = [
            Entered(each.row.issue_id, each.decision.sayings, quiet_before, each.cause)
            for each, quiet_before in zip(found, quiet, strict=True)
        ]
        outbox.put(connection, site, entered, now)
        for each in found:
            keys = each.timeline.values("key")
            if len(keys) > 1:
                had = [str(key) for _, key in keys if key]
                issues.remember_keys(connection, each.row, dict.fromkeys(had))
        changes = [
            (each.row, each.changes(its, now)) for each, its in zip(found, listed, strict=True)
        ]
        issues.change_rows(connection, changes)
        return [call for each in found for call in each.calls(now)]

    def _quiet_before(
        self, connection: Connection, site: str, found: Sequence[_Decided]
    ) -> list[datetime]:
        """Before when what is said of each of them is shown, and not announced."""
        installed_at = self.sites[site].quiet_before
        began_at: dict[str, datetime | None] = {}
        quiet = []
        for each in found:
            row, version = each.row, each.book.version
            before = max(installed_at, row.quiet_before or installed_at)
            if row.reason and row.policy_version is None:
                # It was judged before, and had no clock: what this version adds to its past is
                # shown, not shouted.
                if version not in began_at:
                    began_at[version] = publications.began_at(connection, site, version)
                before = max(before, began_at[version] or before)
            quiet.append(before)
        return quiet


class _Asked(NamedTuple):
    """An issue that is to be decided."""

    row: IssueRow
    """Locked, and not changed since it was read."""
    assignee: tuple[str, str] | None = None
    """An account to which it was assigned, and its name, where they were heard now."""
    cause: str | None = None
    """The short name of the delivery that it is decided for; None: none is."""
    people: People = _NOBODY
    """The names of accounts that were heard now."""


class _Book(NamedTuple):
    """A version of the policy, as a site's issues are judged by it."""

    version: str
    policy: Policy
    names: Mapping[str, str]
    """Custom field ids and their names, spelt as its rules spell them."""

    def timeline(self, facts: Iterable[Event]) -> Timeline:
        return Timeline.of(issues.named(event, self.names) for event in facts)


class _Decided(NamedTuple):
    """An issue that was decided, with what it was decided by."""

    row: IssueRow
    assignee: tuple[str, str] | None
    cause: str | None
    people: People
    book: _Book
    timeline: Timeline
    ledger: outbox.Entries
    decision: Decision
    tied: list[str]
    is_straight: bool
    """Whether its clocks follow from their starts and stops, as `sla.straight` has it."""
    steady: str | None
    """What its fields were all along, as `sla.steady` notes it."""

    @property
    def key(self) -> str | None:
        """Its key at present."""
        keys = self.timeline.values("key")
        # Moved: a late delivery from before must not bring the old key back.
        return str(keys[-1][1]) if keys and keys[-1][1] else self.row.key

    @property
    def wanted(self) -> str | None:
        """The SLA fields as they should stand."""
        return wanted_fields(self.decision, self.row.fields_wanted)

    def judgement(self, listed: Mapping[str, str | None]) -> Judgement:
        """What is to be recorded of its cycles."""
        return Judgement(
            self.row.issue_id,
            self.decision.cycles,
            self.book.version,
            dangers(self.decision.cycles, self.book.policy),
            issues.beside_cycles(self.row, listed, self.key),
            self.people,
        )

    def changes(self, listed: Mapping[str, str | None], now: datetime) -> dict[str, Any]:
        """The columns of its row, as they should stand."""
        coverage, wanted = self.decision.coverage, self.wanted
        values: dict[str, Any] = {
            "covered": coverage.covered,
            "reason": coverage.reason,
            "straight": self.is_straight,
            "steady": self.steady,
            # An issue keeps the version under which its clock started.
            "policy_version": self.book.version if self.decision.cycles else None,
            "wake_at": self.decision.wake_at,
            "key": self.key,
            **listed,
        }
        if wanted != self.row.fields_wanted:
            values |= {
                "fields_wanted": wanted,
                "write_at": now,
                "write_attempts": 0,
                "write_delivery": self.cause,
            }
        if self.timeline.deleted_at:
            values["write_at"] = None
        return values

    def calls(self, now: datetime) -> Iterator[Call]:
        """What is to be done about it next."""
        key = (self.row.site, self.row.issue_id)
        if self.wanted != self.row.fields_wanted or self.decision.sayings:
            urgent = any(saying.occasion in URGENT for saying in self.decision.sayings)
            yield Call("dispatch", key, now, urgent=urgent)
        if any(saying.actions.notify for saying in self.decision.sayings):
            yield Call("notify", key, now)
        if self.decision.wake_at:
            yield Call("decide", key, self.decision.wake_at)


def _is_news(each: Known, known: Mapping[str, issues.Checked]) -> bool:
    """Whether Jira's last update of a known issue is later than what it was checked for."""
    if each.issue_id not in known:
        return False
    until = known[each.issue_id].until
    return until is None or each.updated_at is None or each.updated_at > until


def wanted_fields(decision: Decision, before: str | None) -> str | None:
    """The SLA fields as they should stand by a decision, and stood before, as in the tables."""
    # What was shown and holds no longer is cleared; what was never shown is not touched.
    return as_json(decision.fields) if decision.fields else before and _CLEARED


def as_json(fields: Fields) -> str:
    """The fields as they stand in the tables, by role."""
    shown = msgspec.structs.asdict(fields).items()
    return json.dumps({role: as_stored(value) for role, value in shown}, sort_keys=True)
