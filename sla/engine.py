"""The loop around the core: load an issue's history, decide, and save all of it in one transaction.

No HTTP happens here, and nothing is concluded here: `decide` does that. What the engine needs from
outside (how a payload reads, which policy is in force) is handed in, so that this package knows
neither Jira nor YAML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sla.decide import Decision, Ledger, decide
from sla.effects import Fields
from sla.mapping import Policy
from sla.notices import Relative, asks_for_another
from sla.store import inbox, issues, outbox, sites
from sla.store.database import Database
from sla.store.inbox import Delivery
from sla.store.issues import IssueRow
from sla.timeline import SYSTEM_FIELDS, Event, Timeline

_log = structlog.get_logger(__name__)
_BATCH = 100
# A row that cannot be decided is looked at again after this, and holds up no other meanwhile.
_AFTER_A_FAULT = timedelta(minutes=5)
_CLEARED = json.dumps({field.name: None for field in dataclass_fields(Fields)}, sort_keys=True)


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
        """What it says of further issues, by their ids."""

    @property
    def not_understood(self) -> str | None:
        """Why nothing could be made of it, in a sentence."""

    @property
    def complete(self) -> bool:
        """Whether it tells of the issue's making, so that no earlier fact can be missing."""

    @property
    def unclear(self) -> bool:
        """Whether a fact was left out of it that only the issue's history can tell."""


@dataclass(frozen=True)
class SiteFacts:
    """What must be known of a Jira before its issues can be judged."""

    own_account: str
    """Dueline's own account: its comments never count."""
    field_names: Mapping[str, str]
    """Custom field ids and their names in Jira."""
    quiet_before: datetime
    """From this instant on this installation answers for the site; nothing older is announced."""

    def applied_to(self, policy: Policy) -> Policy:
        """The policy for this site: Dueline's own comments never count as a response."""
        never = policy.responders.never | {self.own_account}
        return replace(policy, responders=replace(policy.responders, never=never))

    def names_for(self, policy: Policy) -> dict[str, str]:
        """Custom field ids and their names, spelt as the policy's rules spell them.

        A name that two fields have, or that Jira's own fields have, is nobody's: such a field goes
        by its id.
        """
        folded = [name.casefold() for name in self.field_names.values()]
        return {
            id_: policy.spelling(name)
            for id_, name in self.field_names.items()
            if folded.count(name.casefold()) == 1 and name.casefold() not in SYSTEM_FIELDS
        }


@dataclass
class Engine:
    """Decides for every issue of an installation.

    Attributes:
        read_delivery: makes facts of a raw delivery; must not raise.
        policy: gives a published version of the policy.
        in_force: the version for issues whose clock has not started yet.
        sites: what is known of each site; one that is missing waits, its deliveries are kept.
        after_commit: told which lane has new work (`dispatch`, `timers`, `histories`).
    """

    database: Database
    now: Callable[[], datetime]
    read_delivery: Callable[[bytes], Heard]
    policy: Callable[[str], Policy]
    in_force: str
    sites: dict[str, SiteFacts] = field(default_factory=dict)
    after_commit: Callable[[str], None] = lambda _lane: None
    _one_reader: Lock = field(default_factory=Lock, init=False, repr=False)

    def handle_inbox(self, up_to: int | None = None) -> int:
        """Handle the deliveries that wait, oldest first; returns how many were handled.

        Args:
            up_to: the last one, by its number in the inbox; None: until none waits.
        """
        total = 0
        with self._one_reader:
            while waiting := self.database.read(
                lambda c: inbox.waiting(c, tuple(self.sites), _BATCH, up_to)
            ):
                for delivery in waiting:
                    self._handle(delivery)
                total += len(waiting)
        return total

    def handle_timers(self) -> int:
        """Decide again for the issues whose instant has come, longest overdue first; how many."""
        # What was heard by now comes first: an answer that waits must not be overtaken by a breach.
        self.handle_inbox(up_to=self.database.read(inbox.latest))
        now = self.now()
        due = self.database.read(lambda c: issues.to_wake(c, now, tuple(self.sites), _BATCH))
        for site, issue_id in due:
            self._wake(site, issue_id, now)
        return len(due)

    def next_wake(self) -> datetime | None:
        """When the timers lane wants to run next."""
        return self.database.read(lambda c: issues.next_wake(c, tuple(self.sites)))

    def learn_history(
        self, site: str, issue_id: str, key: str, facts: Iterable[Event], *, reads_asked: int
    ) -> None:
        """Take in what Jira's own history says of an issue, and decide.

        Args:
            site: the site.
            issue_id: Jira's id of the issue, which has a row.
            key: its key at present.
            facts: what the history says.
            reads_asked: the row's count when the reading began. If it was asked for again since,
                something happened that this history may not show: then it is read once more.
        """
        found = tuple(facts)

        def work(connection: Connection) -> None:
            issues.hear_of(connection, site, issue_id, key)
            issues.add_facts(connection, site, issue_id, found)
            row = issues.get(connection, site, issue_id)
            if row and row.reads_asked == reads_asked:
                issues.change(connection, site, issue_id, read_at=None, read_attempts=0)
            self._decide(connection, site, issue_id)

        self.database.write(work)
        self._tell()

    def _handle(self, delivery: Delivery) -> None:
        try:
            heard = self.read_delivery(delivery.body)
            self.database.write(lambda connection: self._take_in(connection, delivery, heard))
        except OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - logged, and repaired below
            _log.exception("delivery failed", site=delivery.site, inbox_id=delivery.id)
            note = f"{type(error).__name__}: {error}"
            self.database.write(
                lambda connection: inbox.handled(connection, delivery.id, "failed", note, None)
            )
        self._tell()

    def _take_in(self, connection: Connection, delivery: Delivery, heard: Heard) -> None:
        if heard.not_understood or heard.issue_id is None:
            state: inbox.Handled = "not_understood" if heard.not_understood else "done"
            inbox.handled(connection, delivery.id, state, heard.not_understood, heard.issue_id)
            return
        site, issue_id = delivery.site, heard.issue_id
        is_new = issues.hear_of(connection, site, issue_id, heard.issue_key)
        issues.add_facts(connection, site, issue_id, heard.events)
        if heard.unclear or (is_new and not heard.complete):
            # An issue from before our time: what was answered then, only its history knows.
            lacks_creation = not heard.unclear
            now = self.now()
            issues.ask_for_history(connection, site, issue_id, now, lacks_creation=lacks_creation)
        elif heard.complete:
            row = issues.get(connection, site, issue_id)
            if row and row.lacks_creation:
                issues.change(connection, site, issue_id, read_at=None)
        self._decide(connection, site, issue_id)
        for other, events in heard.also.items():
            self._hear_beside(connection, site, other, events)
        inbox.handled(connection, delivery.id, "done", None, issue_id)

    def _hear_beside(
        self, connection: Connection, site: str, issue_id: str, events: tuple[Event, ...]
    ) -> None:
        if issues.hear_of(connection, site, issue_id, None):
            issues.ask_for_history(connection, site, issue_id, self.now(), lacks_creation=True)
        issues.add_facts(connection, site, issue_id, events)
        self._decide(connection, site, issue_id)

    def _wake(self, site: str, issue_id: str, now: datetime) -> None:
        try:
            self.database.write(
                lambda connection: self._decide(connection, site, issue_id, alone=True)
            )
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - logged, and repaired below
            _log.exception("issue could not be decided", site=site, issue_id=issue_id)
            later = now + _AFTER_A_FAULT
            self.database.write(lambda c: issues.change(c, site, issue_id, wake_at=later))
        self._tell()

    def _tell(self) -> None:
        for lane in ("dispatch", "timers", "histories"):
            self.after_commit(lane)

    def _decide(
        self, connection: Connection, site: str, issue_id: str, *, alone: bool = False
    ) -> None:
        """Decide for an issue, and, unless `alone`, have those that are tied to it decided too."""
        row = issues.get(connection, site, issue_id)
        if row is None or row.read_at is not None:
            return
        version = row.policy_version or self.in_force
        policy = self.sites[site].applied_to(self.policy(version))
        timeline = self._timeline(connection, site, issue_id, policy)
        now = self.now()
        tied: list[str] = []
        if policy.looks_at_others:
            own_keys = {str(key) for _, key in timeline.values("key")}
            # Only what asks for something has to know to whom it refers.
            asks = asks_for_another(policy, timeline)
            others = {other for _, other in timeline.references} if asks else set()
            issues.refer(connection, site, issue_id, own_keys, others)
            tied = issues.relatives(connection, row, own_keys)
        relatives = [
            Relative(other, self._timeline(connection, site, other, policy)) for other in tied
        ]
        ledger = Ledger(outbox.said(connection, site, issue_id))
        decision = decide(timeline, policy, ledger, now, issue_id=issue_id, relatives=relatives)
        self._save(connection, row, version, decision, now)
        keys = timeline.values("key")
        if keys and keys[-1][1] != row.key:
            # Moved: a late delivery from before must not bring the old key back.
            issues.change(connection, site, issue_id, key=keys[-1][1])
        if timeline.deleted_at:
            issues.change(connection, site, issue_id, write_at=None)
        if not alone:
            # Decided for themselves, so that a fault in one of them does not take this one with it.
            issues.wake(connection, site, tied, now)

    def _timeline(
        self, connection: Connection, site: str, issue_id: str, policy: Policy
    ) -> Timeline:
        names = self.sites[site].names_for(policy)
        return issues.timeline_of(connection, site, issue_id, names)

    def _save(
        self,
        connection: Connection,
        row: IssueRow,
        version: str,
        decision: Decision,
        now: datetime,
    ) -> None:
        site, issue_id = row.site, row.issue_id
        issues.save_cycles(connection, site, issue_id, decision.cycles, version, now)
        outbox.withdraw(connection, site, issue_id, standing=decision.standing)
        quiet_before = self.sites[site].quiet_before
        if row.reason and row.policy_version is None:
            # It was judged before, and had no clock: what this version adds to its past is shown,
            # not shouted.
            quiet_before = max(
                quiet_before, sites.published_at(connection, version) or quiet_before
            )
        outbox.put(connection, site, issue_id, decision.sayings, now=now, quiet_before=quiet_before)
        values: dict[str, Any] = {
            "covered": decision.coverage.covered,
            "reason": decision.coverage.reason,
            # An issue keeps the version under which its clock started.
            "policy_version": version if decision.cycles else None,
            "wake_at": decision.wake_at,
        }
        # What was shown and holds no longer is cleared; what was never shown is not touched.
        wanted = _as_json(decision.fields) if decision.fields else row.fields_wanted and _CLEARED
        if wanted != row.fields_wanted:
            values |= {"fields_wanted": wanted, "write_at": now, "write_attempts": 0}
        issues.change(connection, site, issue_id, **values)


def remember_site(
    database: Database, site: str, own_account: str, field_names: Mapping[str, str]
) -> None:
    """Keep what a Jira told of itself, so that a later start does not depend on its being up."""

    def work(connection: Connection) -> None:
        sites.learn(connection, site, "own_account", own_account)
        sites.learn(connection, site, "field_names", dict(field_names))

    database.write(work)


def remember_installation(database: Database, site: str, now: datetime) -> None:
    """Keep from when on this installation answers for a site: its first start, for ever."""
    database.write(lambda c: sites.learn_once(c, site, "installed_at", now.isoformat()))


def remembered_site(database: Database, site: str) -> SiteFacts | None:
    """What is known of a site from an earlier contact; None before the first."""

    def work(connection: Connection) -> SiteFacts | None:
        own_account = sites.known(connection, site, "own_account")
        if own_account is None:
            return None
        return SiteFacts(
            own_account=own_account,
            field_names=sites.known(connection, site, "field_names") or {},
            quiet_before=datetime.fromisoformat(sites.known(connection, site, "installed_at")),
        )

    return database.read(work)


def _as_json(fields: Fields) -> str:
    plain = {
        role: value.isoformat() if isinstance(value, datetime) else value
        for role, value in asdict(fields).items()
    }
    return json.dumps(plain, sort_keys=True)
