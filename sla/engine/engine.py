"""The loop around the core: takes in what was heard of an issue, decides, and saves it at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sla.engine.decided import save
from sla.engine.deciding import Asked, work_out
from sla.engine.heard import NOBODY, Heard, People
from sla.engine.judge import Judge
from sla.engine.taking_in import TakingIn
from sla.engine.waking import woken_with
from sla.known_sites import SiteFacts
from sla.lanes import BATCH, Call, Key
from sla.mapping import Policy
from sla.steps import Step, following, short_name
from sla.store import inbox, issues
from sla.store.database import Database
from sla.store.inbox import Delivery
from sla.store.issues import IssueRow

_log = structlog.get_logger(__name__)
# A row that cannot be decided is looked at again after this, and holds up no other meanwhile.
_AFTER_A_FAULT = timedelta(minutes=5)
_APART = timedelta(seconds=5)


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

    @property
    def projects(self) -> Collection[str]:
        """The projects of which the version in force speaks."""
        return self.policy(self.in_force).projects

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

        def work(connection: Connection) -> list[Call]:
            rows = woken_with(connection, key, self.now())
            # A transaction may be tried again.
            batch[:] = [(row.site, row.issue_id) for row in rows]
            asked = [Asked(row) for row in rows]
            return self._decide_all(connection, key[0], asked, alone=True)

        try:
            self.have_decided(key, "time", work, batch=batch)
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
            taken = TakingIn(connection, key, self.now(), lambda: self.projects)
            for delivery, said in heard:
                if delivery.id in mine:
                    taken.take(delivery, said)
            calls: list[Call] = []
            for issue_id in taken.touched:
                calls += self.decide(
                    connection, key[0], issue_id, taken.rows.get(issue_id), alone=not heard,
                    assignee=taken.assigned.get(issue_id), people=taken.people, cause=cause,
                )  # fmt: skip
            return calls

        with following(cause):
            self.have_decided(key, "delivery" if heard else "time", work, names[:-1])

    def have_decided(
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

    def decide(
        self,
        connection: Connection,
        site: str,
        issue_id: str,
        row: IssueRow | None = None,
        *,
        alone: bool = False,
        assignee: tuple[str, str] | None = None,
        people: People = NOBODY,
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
        asked = [Asked(row, assignee, cause, people)]
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
        calls = self._decide_all(connection, site, [Asked(row) for row in rows], alone=True)
        return [*calls, *(Call("decide", (site, issue_id), now) for issue_id in sorted(later))]

    def _decide_all(
        self, connection: Connection, site: str, asked: Sequence[Asked], *, alone: bool
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
        facts = self.sites[site]
        judge = Judge(site, facts, self.policy, self.in_force, self.database.is_shared)
        found = work_out(connection, judge, whole, now)
        calls += save(connection, site, found, now, quiet_before=facts.quiet_before)
        if not alone:
            # Decided for themselves, so that a fault in one of them does not take this one with it.
            tied = list(dict.fromkeys(other for each in found for other in each.tied))
            issues.wake(connection, site, tied, now)
            calls += [Call("decide", (site, other), now) for other in tied]
        return calls
