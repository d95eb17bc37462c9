"""Takes in what deliveries say: facts join the timeline, and what only Jira can tell is asked."""

from __future__ import annotations

from collections.abc import Callable, Container
from datetime import datetime

from sqlalchemy import Connection

from sla.engine.heard import Heard
from sla.lanes import Key
from sla.steps import short_name
from sla.store import inbox, issues, schema
from sla.store.inbox import Delivery
from sla.store.issues import IssueRow
from sla.timeline import Deleted, Event


class TakingIn:
    """Takes in what deliveries say, within one transaction.

    Attributes:
        touched: the ids of the issues that they speak of, in order.
        rows: those that this transaction has locked and not changed, by issue; kept up here, so
            that a row is not read again for each delivery and for the decision.
        assigned: by issue the account to which it was assigned last, and its name.
        people: the accounts that did what they tell of, each with its name.
    """

    def __init__(
        self, connection: Connection, key: Key, now: datetime, covered: Callable[[], Container[str]]
    ) -> None:
        """Begin with nothing.

        Args:
            connection: to the database.
            key: the issue under which they waited.
            now: the present instant.
            covered: gives the projects of which the version in force speaks.
        """
        self._connection, self._key, self._now, self._covered = connection, key, now, covered
        self.touched: dict[str, None] = dict.fromkeys([key[1]] if key[1] else [])
        self.rows: dict[str, IssueRow] = {}
        self.assigned: dict[str | None, tuple[str, str]] = {}
        self.people: dict[str, str] = {}

    def take(self, delivery: Delivery, heard: Heard) -> None:
        """Store what a delivery says, which was taken with the state of one that is done."""
        if heard.assignee:
            self.assigned[heard.issue_id] = heard.assignee
        self.people |= heard.people
        connection = self._connection
        if heard.not_understood or (heard.issue_id or "") != self._key[1]:
            state: inbox.Handled = "not_understood" if heard.not_understood else "done"
            inbox.handled(connection, delivery.id, state, heard.not_understood, heard.issue_id)
        if heard.not_understood or heard.issue_id is None:
            return
        site, issue_id = delivery.site, heard.issue_id
        if self._is_elsewhere(site, issue_id, heard):
            return
        row = self.rows.get(issue_id) or issues.get(connection, site, issue_id, locked=True)
        is_new = row is None and issues.hear_of(connection, site, issue_id, heard.issue_key)
        row = row or issues.get(connection, site, issue_id, locked=True)
        issues.add_facts(connection, site, issue_id, heard.events)
        if self._asks_of(delivery, issue_id, row, heard, is_new=is_new):
            self.rows.pop(issue_id, None)
        elif row:
            self.rows[issue_id] = row
        for other, events in heard.also.items():
            self._hear_beside(delivery, other, events)
            self.rows.pop(other, None)
        self.touched |= dict.fromkeys([issue_id, *heard.also])

    def _asks_of(
        self,
        delivery: Delivery,
        issue_id: str,
        row: IssueRow | None,
        heard: Heard,
        *,
        is_new: bool,
    ) -> bool:
        """Note on an issue's row whether Jira has to be asked; False when that stays so."""
        connection, site, now = self._connection, delivery.site, self._now
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

    def _is_elsewhere(self, site: str, issue_id: str, heard: Heard) -> bool:
        """Whether a notice is of an issue that no rule speaks of, so that it is not worth a look.

        Some ways in cannot be kept to the projects that matter.
        """
        if heard.events or heard.also or not heard.unclear:
            return False
        row = issues.get(self._connection, site, issue_id)
        keys = {key for key in (heard.issue_key, row.key if row else None) if key}
        covered = self._covered()
        if not keys or any(key.rpartition("-")[0] in covered for key in keys):
            return False
        # One with a clock keeps the policy that started it, and others may depend on what it says.
        return row is None or not (
            row.policy_version or issues.relatives(self._connection, row, keys)
        )

    def _hear_beside(self, delivery: Delivery, issue_id: str, events: tuple[Event, ...]) -> None:
        connection, site = self._connection, delivery.site
        if issues.hear_of(connection, site, issue_id, None) or not events:
            issues.ask_for_history(
                connection, site, issue_id, self._now,
                lacks_creation=bool(events), delivery=short_name(delivery.name),
            )  # fmt: skip
        issues.get(connection, site, issue_id, locked=True)
        issues.add_facts(connection, site, issue_id, events)
