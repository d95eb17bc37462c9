"""Comments: each once, brought up to date where it may be, and the issue given to whom it names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Literal, TypedDict

import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from connector.acting import Step, is_done, is_refused_for_good, steps_of
from connector.attempt import Attempt, may_follow, next_look
from connector.errors import (
    Call,
    ConnectorError,
    JiraRefused,
    JiraUncertain,
    TakenOver,
)
from connector.leaving import asking_before
from connector.outlet import Held, Judge, Outlet
from sla import steps
from sla.contract import Audience
from sla.effects import Saying
from sla.store import issues, outbox
from sla.store.database import Database
from sla.store.outbox import Pending

_log = structlog.get_logger(__name__)
_MOST_MENTIONED = 20


@dataclass
class Speaker:
    """Says what is pending.

    Attributes:
        monotonic: seconds of real time from any start.
    """

    database: Database
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    judge: Judge

    def say(self, outlet: Outlet, site: str, issue_id: str, pending: Pending) -> None:
        """Say one thing, unless it was said; raises `Held` when the site is to be left alone."""
        pending = self._not_from_the_future(pending)
        # Where the comment is there, it may be an action whose answer was lost.
        in_doubt = pending.comment_id is not None and pending.attempted_at is not None
        try:
            comment_id = pending.comment_id or self._found(outlet, site, issue_id, pending)
            if (comment_id is None or pending.comment_id) and self._may_follow(pending):
                # What is on its way may still make the comment, or give it older words.
                return
            text, addressed = self._words(outlet, site, issue_id, pending.saying)
        except ConnectorError as error:
            # Nothing new was said now, so that what was in doubt before is in doubt still.
            self._not_said(site, pending, error, pending.attempted_at)
            return
        if comment_id is None:
            comment_id = self._added(outlet, site, issue_id, pending, text)
            if comment_id is None:
                return
        elif pending.saying.revisable:
            readers = _readers(outlet, pending.saying)
            edit = partial(outlet.client.edit_comment, issue_id, comment_id, text, **readers)
            if not self._sent(site, issue_id, pending, edit, "comment"):
                return
        steps = steps_of(outlet.client, issue_id, pending.saying, addressed)
        if steps and (pending.comment_id is None or pending.saying.revisable):
            # What was said is said; only the issue itself is still to be seen to.
            pending = self._said(pending, comment_id)
        done = self._all_acted(outlet, site, issue_id, pending, steps, in_doubt=in_doubt)
        if done is not None:
            self.judge.holds.answered(site)
            self.database.write(lambda c: outbox.sent(c, done, comment_id))

    def put_off(self, pending: Pending, fault: str) -> None:
        """After a fault of ours: leave a saying as it is for a while."""
        until = self.now() + outbox.AFTER_A_FAULT
        self.database.write(lambda c: outbox.put_off(c, pending, until, fault))

    def _not_from_the_future(self, pending: Pending) -> Pending:
        """A saying whose attempt was before now: the clock may have been set back since."""
        now = self.now()
        if pending.attempted_at is None or pending.attempted_at <= now:
            return pending
        self.database.write(lambda c: outbox.note(c, pending, attempted_at=now))
        return replace(pending, attempted_at=now)

    def _found(self, outlet: Outlet, site: str, issue_id: str, pending: Pending) -> str | None:
        """The comment that an uncertain request made after all; None where none was in doubt."""
        if pending.attempted_at is None:
            return None
        found = outlet.client.find_comment(issue_id, _key(site, issue_id, pending))
        self.judge.holds.answered(site)
        return found

    def _may_follow(self, pending: Pending) -> bool:
        """Whether the request that was not found may still take effect; then it is looked for."""
        now, attempted_at = self.now(), pending.attempted_at
        if attempted_at is None or not may_follow(attempted_at, now):
            return False
        look_at = next_look(attempted_at, now)
        self.database.write(lambda c: outbox.note(c, pending, try_at=look_at))
        return True

    def _added(
        self, outlet: Outlet, site: str, issue_id: str, pending: Pending, text: str
    ) -> str | None:
        """A new comment's id; None where there is none, which is recorded."""
        made: list[str] = []

        def add() -> None:
            made.append(self._add(outlet, site, issue_id, pending, text))

        return made[0] if self._sent(site, issue_id, pending, add, "comment") else None

    def _sent(
        self,
        site: str,
        issue_id: str,
        pending: Pending,
        request: Callable[[], None],
        kind: Literal["comment", "action"],
    ) -> bool:
        """Send a change, if it is still ours to send; False where it failed, which is recorded."""

        def record(before: datetime | None, at: datetime) -> bool:
            mine = replace(pending, attempted_at=before)
            return self.database.write(lambda c: outbox.leaves(c, mine, at))

        # From here on a crash leaves the question open whether Jira has it.
        attempt = Attempt(record, self.now, self.monotonic, pending.attempted_at)
        if not attempt.may_leave():
            return False
        step = steps.Step("write", site=site, issue_id=issue_id, kind=kind, key=pending.key)
        try:
            with step, asking_before(attempt.may_leave):
                request()
        except TakenOver as error:
            _log.warning("not sent", site=site, issue_id=issue_id, reason=str(error))
            return False
        except ConnectorError as error:
            left = replace(pending, attempted_at=attempt.at)
            in_doubt = attempt.at if isinstance(error, JiraUncertain) else None
            self._not_said(site, left, error, in_doubt)
            return False
        return True

    def _add(self, outlet: Outlet, site: str, issue_id: str, pending: Pending, text: str) -> str:
        key = _key(site, issue_id, pending)
        comment_id = outlet.client.add_comment(
            issue_id, text, key=key, **_readers(outlet, pending.saying)
        )
        if not comment_id:
            call = Call("adding a comment", issue_id, "POST")
            raise JiraUncertain(call, "the answer names no comment", status=200)
        return comment_id

    def _said(self, pending: Pending, comment_id: str) -> Pending:
        """Record the comment of a saying that asks for more than to be said."""
        self.database.write(lambda c: outbox.commented(c, pending, comment_id))
        return replace(pending, comment_id=comment_id, attempted_at=None)

    def _all_acted(
        self,
        outlet: Outlet,
        site: str,
        issue_id: str,
        pending: Pending,
        steps: Sequence[Step],
        *,
        in_doubt: bool,
    ) -> Pending | None:
        """A saying with its actions behind it; None where one failed, which is recorded."""
        for step in steps[pending.acted :]:
            done = self._looked_up(outlet, site, issue_id, pending, step) if in_doubt else pending
            if done is not None and done.acted == pending.acted:
                done = self._acted(site, issue_id, done, step)
            if done is None:
                return None
            pending, in_doubt = done, False
        return pending

    def _acted(self, site: str, issue_id: str, pending: Pending, step: Step) -> Pending | None:
        """A saying with one more of its actions behind it; None where that failed, recorded."""
        refusals = [pending.refused] if pending.refused else []

        def act() -> None:
            refused = step.do()
            refusals.extend([refused] if refused else [])

        if not self._sent(site, issue_id, pending, act, "action"):
            return None
        return self._one_more(pending, " ".join(refusals) or None)

    def _looked_up(
        self, outlet: Outlet, site: str, issue_id: str, pending: Pending, step: Step
    ) -> Pending | None:
        """A saying with an action behind it that was done though its answer was lost.

        It is not done over what people changed meanwhile. The saying as it was where Jira knows
        nothing of it; None where that could not be looked up, recorded.
        """
        try:
            done = is_done(outlet.client, issue_id, step, pending.saying.at)
        except ConnectorError as error:
            self._not_said(site, pending, error, pending.attempted_at)
            return None
        return self._one_more(pending, pending.refused) if done else pending

    def _one_more(self, pending: Pending, refused: str | None) -> Pending:
        """Record that another action is behind us, and what was refused of all."""
        number = pending.acted + 1
        self.database.write(lambda c: outbox.acted(c, pending, number, refused))
        return replace(pending, acted=number, refused=refused, attempted_at=None)

    def _not_said(
        self, site: str, pending: Pending, error: ConnectorError, in_doubt_since: datetime | None
    ) -> None:
        """Record a failure, and since when it is not known whether Jira has the comment."""
        found = self.judge.judge(site, error, pending.attempts)
        again_at = self.judge.again_at(error, found)

        def work(connection: Connection) -> None:
            values = {
                "attempts": found.attempts,
                "error": found.reason,
                "attempted_at": in_doubt_since,
            }
            if again_at is None:
                outbox.give_up(connection, pending, **values)
            else:
                outbox.note(connection, pending, try_at=again_at, **values)

        self.database.write(work)
        if found.kind == "wait":
            raise Held

    def _words(
        self, outlet: Outlet, site: str, issue_id: str, saying: Saying
    ) -> tuple[str, list[str]]:
        """A saying in words, and the accounts that it addresses."""
        # Templates are for who speaks: a start that has nothing to say does without them.
        from connector.wording import mention, plain, worded

        row = self.database.read(lambda c: issues.get(c, site, issue_id))
        assignee = self.database.read(lambda c: issues.assignee(c, site, issue_id))
        accounts, groups = _addressed(outlet, saying.audience, assignee)
        mentions = [*map(mention, accounts[:_MOST_MENTIONED]), *map(plain, groups)]
        text = worded(
            saying, outlet.wording, outlet.fallback, issue=row.key if row else None,
            mentions=mentions, now=self.now(),
        )  # fmt: skip
        return text, accounts


class _Readers(TypedDict):
    internal: bool
    role: str | None


def _readers(outlet: Outlet, saying: Saying) -> _Readers:
    """Who may read a comment: the customer too where it is for them."""
    if saying.public:
        return {"internal": False, "role": None}
    return {"internal": outlet.internal, "role": outlet.role}


def _key(site: str, issue_id: str, pending: Pending) -> str:
    return f"{site}/{issue_id}/{pending.key}"


def _addressed(
    outlet: Outlet, audience: Audience, assignee: str | None
) -> tuple[list[str], list[str]]:
    """The accounts of those addressed, as far as they can be known, and groups to be named."""
    accounts = [assignee] if audience.assignee and assignee else []
    accounts = list(dict.fromkeys([*accounts, *audience.users]))
    named: list[str] = []
    for group in audience.groups:
        try:
            members = outlet.client.group_members(group)
        except JiraRefused as error:
            if not is_refused_for_good(error):
                raise
            # A group that is not there, or not to be seen, is no reason to say nothing.
            _log.warning("group cannot be read", group=group, reason=str(error))
            members = ()
        accounts = list(dict.fromkeys([*accounts, *members]))
        if not members or len(accounts) > _MOST_MENTIONED:
            # Jira mentions no groups: those of its members who are not mentioned are meant too.
            named.append(group)
    return accounts, named
