"""The loop around the core: load an issue's history, decide, and save all of it in one transaction.

No HTTP happens here, and nothing is concluded here: `decide` does that. What the engine needs from
outside (how a payload reads, which policy is in force) is handed in, so that this package knows
neither Jira nor YAML.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from sla import recalculated
from sla.cycle import Cycle
from sla.danger import dangers
from sla.decide import Decision, Ledger, decide
from sla.effects import URGENT, Fields
from sla.gaps import Shown, certain_until, is_behind
from sla.lanes import BATCH, Key, LaneName
from sla.mapping import Policy
from sla.notices import Relative, asks_for_another
from sla.store import inbox, issues, outbox, publications, schema, sites
from sla.store.database import Database
from sla.store.inbox import Delivery
from sla.store.issues import IssueRow
from sla.timeline import SYSTEM_FIELDS, CommentSeen, Deleted, Event, Timeline

_log = structlog.get_logger(__name__)
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
        return policy.never_counting(self.own_account)

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

    def run(self, key: Key) -> None:
        """Take in what was heard of an issue, all at once, and decide for it."""
        deliveries = self._waiting(key)
        self._handle(key, deliveries)
        # What comes meanwhile has a wake-up of its own.
        while deliveries and deliveries[-1].behind:
            deliveries = self._waiting(key)
            self._handle(key, deliveries)

    def _waiting(self, key: Key) -> Sequence[Delivery]:
        return self.database.read(lambda c: inbox.of_issue(c, *key))

    def _handle(self, key: Key, deliveries: Sequence[Delivery]) -> None:
        heard = [(each, self.read_delivery(each.body)) for each in deliveries]
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
        """
        found = tuple(facts)

        def work(connection: Connection) -> list[Call]:
            issues.hear_of(connection, site, issue_id, key)
            row = issues.get(connection, site, issue_id, locked=True)
            issues.add_facts(connection, site, issue_id, found)
            if row and row.reads_asked == reads_asked:
                # What can be read is there: it only was out of sight.
                issues.forget_deletion(connection, site, issue_id)
                issues.change(connection, site, issue_id, **issues.WHOLE, updated_at=updated_at)
            return self._decide(connection, site, issue_id, assignee=assignee)

        self._tell(self.database.write(work))

    def learn_readers(
        self, site: str, issue_id: str, comments: Iterable[CommentSeen], *, reads_asked: int
    ) -> None:
        """Take in who may read comments of which nothing else was unclear, and decide.

        Args:
            site: the site.
            issue_id: Jira's id of the issue, which has a row.
            comments: each as it is known now.
            reads_asked: as for `learn_history`.
        """
        found = tuple(comments)

        def work(connection: Connection) -> list[Call]:
            row = issues.get(connection, site, issue_id, locked=True)
            issues.add_facts(connection, site, issue_id, found)
            if row and row.reads_asked == reads_asked:
                issues.change(connection, site, issue_id, **issues.WHOLE)
            return self._decide(connection, site, issue_id)

        self._tell(self.database.write(work))

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
        self._tell(calls)
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

        self._tell(self.database.write(work))

    def go_on(self, site: str, issue_id: str) -> None:
        """Decide for an issue by what is known, though its history could not be read."""

        def work(connection: Connection) -> list[Call]:
            issues.change(connection, site, issue_id, incomplete=False)
            return self._decide(connection, site, issue_id)

        self._tell(self.database.write(work))

    def learn_gone(self, site: str, issue_id: str) -> None:
        """Take in that Jira has an issue no more, though its project can be seen."""

        def work(connection: Connection) -> list[Call]:
            issues.change(connection, site, issue_id, **issues.WHOLE)
            issues.add_facts(connection, site, issue_id, [Deleted(self.now())])
            return self._decide(connection, site, issue_id)

        self._tell(self.database.write(work))

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
        def work(connection: Connection) -> list[Call]:
            ids = [delivery.id for delivery, _ in heard]
            mine = inbox.take(connection, ids) if ids else frozenset()
            if ids and not mine:
                # Somebody else was faster, and decided as well.
                return []
            touched = dict.fromkeys([key[1]] if key[1] else [])
            rows: dict[str, IssueRow] = {}
            assigned: dict[str | None, tuple[str, str]] = {}
            for delivery, said in heard:
                if delivery.id in mine:
                    if said.assignee:
                        assigned[said.issue_id] = said.assignee
                    touched |= dict.fromkeys(self._take_in(connection, delivery, said, key, rows))
            calls: list[Call] = []
            for issue_id in touched:
                row = rows.get(issue_id)
                calls += self._decide(
                    connection, key[0], issue_id, row,
                    alone=not heard, assignee=assigned.get(issue_id),
                )  # fmt: skip
            return calls

        self._tell(self.database.write(work))

    def _tell(self, calls: Iterable[Call]) -> None:
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
            self._hear_beside(connection, site, other, events)
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
            issues.ask_for_readers(connection, row, delivery.id, now)
        elif heard.unclear or (is_new and not heard.complete):
            # An issue from before our time: what was answered then, only its history knows.
            lacks_creation = not heard.unclear
            issues.ask_for_history(connection, site, issue_id, now, lacks_creation=lacks_creation)
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
        self, connection: Connection, site: str, issue_id: str, events: tuple[Event, ...]
    ) -> None:
        if issues.hear_of(connection, site, issue_id, None) or not events:
            lacks_creation = bool(events)
            now = self.now()
            issues.ask_for_history(connection, site, issue_id, now, lacks_creation=lacks_creation)
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
    ) -> list[Call]:
        """Decide for an issue, and, unless `alone`, have those that are tied to it decided too.

        Args:
            connection: to the database.
            site: the site.
            issue_id: Jira's id of the issue.
            row: its row, where this transaction has locked it and not changed it; else it is read.
            alone: whether no other issue is to be decided because of this one.
            assignee: an account to which it was assigned, and its name, where they were heard now.

        Returns:
            What is to be done about them next.
        """
        row = row or issues.get(connection, site, issue_id, locked=True)
        if row is None:
            return []
        key, now = (site, issue_id), self.now()
        calls = [Call("histories", key, row.read_at)] if row.read_at else []
        if row.incomplete:
            return calls
        version = row.policy_version or self._in_force(connection, site)
        policy = self.sites[site].applied_to(self.policy(version))
        timeline = self._timeline(connection, site, issue_id, policy)
        tied = self._tied(connection, row, policy, timeline)
        relatives = [
            Relative(other, self._timeline(connection, site, other, policy)) for other in tied
        ]
        ledger = outbox.ledger(connection, site, issue_id)
        decision = decide(
            timeline, policy, Ledger(ledger.said), now,
            issue_id=issue_id, relatives=relatives, over=self._over(connection, row),
        )  # fmt: skip
        if not ledger.pending <= decision.standing:
            outbox.withdraw(connection, site, issue_id, standing=decision.standing)
        listed = issues.listed(row, timeline, policy.customer_field, assignee)
        danger = dangers(decision.cycles, policy)
        calls += self._save(connection, row, version, timeline, decision, now, listed, danger)
        if decision.wake_at:
            calls.append(Call("decide", key, decision.wake_at))
        if not alone:
            # Decided for themselves, so that a fault in one of them does not take this one with it.
            issues.wake(connection, site, tied, now)
            calls += [Call("decide", (site, other), now) for other in tied]
        return calls

    def _in_force(self, connection: Connection, site: str) -> str:
        """The version for an issue without a clock.

        Where several processes share the database another one may have published since this one
        looked: an issue that starts by what was before would be passed over by a recalculation.
        """
        if not self.database.is_shared:
            return self.in_force
        return str(sites.known(connection, site, publications.IN_FORCE) or self.in_force)

    def _over(self, connection: Connection, row: IssueRow) -> tuple[Cycle, ...]:
        """What stays as the versions before the issue's own judged it."""
        return recalculated.kept_of(
            row.earlier_versions,
            lambda version: self.sites[row.site].applied_to(self.policy(version)),
            lambda policy: self._timeline(connection, row.site, row.issue_id, policy),
        )

    def _tied(
        self, connection: Connection, row: IssueRow, policy: Policy, timeline: Timeline
    ) -> list[str]:
        """The ids of the issues that an issue refers to, or that refer to it, where it matters."""
        if not policy.looks_at_others:
            return []
        own_keys = {str(key) for _, key in timeline.values("key")}
        # Only what asks for something has to know to whom it refers.
        asks = asks_for_another(policy, timeline)
        others = {other for _, other in timeline.references} if asks else set()
        return issues.refer(connection, row, own_keys, others)

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
        timeline: Timeline,
        decision: Decision,
        now: datetime,
        listed: Mapping[str, str | None],
        danger: Mapping[tuple[str, int], datetime],
    ) -> list[Call]:
        """Store what was decided; returns whether there is something to write to Jira."""
        site, issue_id = row.site, row.issue_id
        issues.save_cycles(connection, site, issue_id, decision.cycles, version, now, danger)
        installed_at = self.sites[site].quiet_before
        quiet_before = max(installed_at, row.quiet_before or installed_at)
        if row.reason and row.policy_version is None:
            # It was judged before, and had no clock: what this version adds to its past is shown,
            # not shouted.
            quiet_before = max(
                quiet_before, publications.began_at(connection, site, version) or quiet_before
            )
        outbox.put(connection, site, issue_id, decision.sayings, now=now, quiet_before=quiet_before)
        values: dict[str, Any] = {
            "covered": decision.coverage.covered,
            "reason": decision.coverage.reason,
            # An issue keeps the version under which its clock started.
            "policy_version": version if decision.cycles else None,
            "wake_at": decision.wake_at,
            **listed,
        }
        # What was shown and holds no longer is cleared; what was never shown is not touched.
        wanted = as_json(decision.fields) if decision.fields else row.fields_wanted and _CLEARED
        if wanted != row.fields_wanted:
            values |= {"fields_wanted": wanted, "write_at": now, "write_attempts": 0}
        if timeline.deleted_at:
            values["write_at"] = None
        keys = timeline.values("key")
        if keys:
            # Moved: a late delivery from before must not bring the old key back.
            values["key"] = keys[-1][1]
            if len(keys) > 1:
                had = [str(key) for _, key in keys if key]
                issues.remember_keys(connection, row, dict.fromkeys(had))
        issues.change_row(connection, row, values)
        if wanted == row.fields_wanted and not decision.sayings:
            return []
        urgent = any(saying.occasion in URGENT for saying in decision.sayings)
        return [Call("dispatch", (site, issue_id), now, urgent=urgent)]


def _is_news(each: Known, known: Mapping[str, issues.Checked]) -> bool:
    """Whether Jira's last update of a known issue is later than what it was checked for."""
    if each.issue_id not in known:
        return False
    until = known[each.issue_id].until
    return until is None or each.updated_at is None or each.updated_at > until


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


def as_json(fields: Fields) -> str:
    """The fields as they stand in the tables: by role, instants in ISO 8601."""
    plain = {
        role: value.isoformat() if isinstance(value, datetime) else value
        for role, value in asdict(fields).items()
    }
    return json.dumps(plain, sort_keys=True)
