"""Tells channels beyond Jira what escalations ask to be told: the lane of notifying.

Jira can be asked whether it has a comment. A mail or a chat cannot: so before a message leaves its
row says so, what failed is tried again, and where nobody knows whether it went out, the channel's
own rule decides. A channel that does not answer holds up nothing that is for Jira.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import msgspec
import structlog
from msgspec.structs import replace

from connector.sending import Message, Sent, kind_of
from sla.channels import GIVE_UP_AFTER, Channel, is_moot
from sla.effects import Saying
from sla.errors import CalendarError
from sla.lanes import Key
from sla.steps import Step, following
from sla.store import issues, notifications
from sla.store.database import Database
from sla.store.notifications import Pending
from sla.words import length, minute, whole_minutes

_log = structlog.get_logger(__name__)
_PAUSES: Final = tuple(timedelta(minutes=each) for each in (1, 2, 5, 15, 30, 60, 120, 240))
"""After each failure; when all are used up it is given up, and a person is told."""
_LATE: Final = timedelta(minutes=5)
"""What comes later than this says so."""
_UNDER_WAY: Final = timedelta(minutes=10)
"""What left more recently may be waiting for its answer; far longer than any send takes."""


class Channels(msgspec.Struct, frozen=True):
    """The channels of the version in force, and the words in which they are told."""

    known: Mapping[str, Channel]
    wording: Mapping[str, str]
    fallback: Mapping[str, str]


@dataclass
class Notifier:
    """Tells what is due.

    Attributes:
        channels: of the version in force.
        addresses: for each channel its address, a secret.
        send: sends a message to an address.
        link: the address of an issue for people, by its key.
        sites: the sites that it works for.
        before_telling: called before anything is told that only waited for its time; it may find
            that Jira's history has to be read first.
    """

    database: Database
    now: Callable[[], datetime]
    channels: Callable[[], Channels]
    addresses: Mapping[str, str]
    send: Callable[[str, Message], Sent]
    link: Callable[[str], str]
    sites: Sequence[str]
    before_telling: Callable[[], None]

    def due(self, limit: int) -> Sequence[Key]:
        """The issues of which channels are to be told something."""
        now = self.now()
        return self.database.read(lambda c: notifications.due(c, now, self.sites, limit))

    def next_run(self) -> datetime | None:
        """When a channel is to be told something next, quiet hours considered."""
        return self.database.read(lambda c: notifications.next_at(c, self.sites))

    def run(self, key: Key) -> None:
        """Tell each channel what it is to be told of an issue by now."""
        self.before_telling()
        now = self.now()
        for pending in self.database.read(lambda c: notifications.pending(c, *key, now)):
            with self._noting_a_fault(pending), following(pending.delivery):
                self._see_to(pending)

    def give_up_what_is_too_old(self) -> None:
        """Give up what nobody told for too long, as where no process has an address."""
        limits = [each.give_up_after for each in self.channels().known.values()]
        now = self.now()
        # A channel that is no longer named has no limit of its own.
        before, idle_since = now - min([GIVE_UP_AFTER, *limits]), now - _UNDER_WAY
        page = partial(notifications.old, sites=self.sites, before=before, idle_since=idle_since)
        found = self.database.read(page)
        while found:
            for pending in found:
                self._is_over(pending)
            found = self.database.read(partial(page, after=found[-1]))

    def _see_to(self, pending: Pending) -> None:
        if self._is_over(pending):
            return
        channel = self.channels().known.get(pending.channel)
        address = self.addresses.get(pending.channel)
        if channel is None or address is None:
            where = "site.yaml" if channel is None else "DUELINE_CHANNELS"
            self._give_up(pending, f"{where} has no channel {pending.channel}: name it there")
            return
        told_at = _told_at(channel, pending.saying, self.now())
        if told_at > self.now():
            self._note(pending, try_at=told_at)
            return
        if pending.attempted_at is not None and channel.in_doubt == "drop":
            # That is settled: who has it tried again all the same has it told.
            self._give_up(
                pending, "nobody knows whether it went out; the channel drops such ones",
                attempted_at=None,
            )  # fmt: skip
            return
        self._tell(pending, address)

    def _is_over(self, pending: Pending) -> bool:
        """Whether it is not to be told any more, which is noted."""
        clock = self.database.read(lambda c: notifications.clock(c, pending))
        if is_moot(pending.saying, clock, withdrawn=pending.withdrawn):
            self._note(pending, state="withdrawn", try_at=None, error=None)
            return True
        return self._give_up_too_old(pending)

    def _give_up_too_old(self, pending: Pending) -> bool:
        """Give up what could not be told for so long that it would be taken for news by mistake."""
        channel = self.channels().known.get(pending.channel) or Channel(pending.channel)
        # Each failure put it off. From when on it was to be told: quiet hours do not count, nor
        # what was before a person had it tried again.
        first = pending.try_at - sum(_PAUSES[: pending.attempts], timedelta(0))
        since = _told_at(channel, pending.saying, first)
        if self.now() - since <= channel.give_up_after:
            return False
        waited = length(channel.give_up_after)
        self._give_up(pending, f"not told within {waited} from {minute(since, 'UTC')} on: too old")
        return True

    def _tell(self, pending: Pending, address: str) -> None:
        message = self._message(pending)
        now = self.now()
        if not self.database.write(lambda c: notifications.leaves(c, pending, now)):
            return
        mine = replace(pending, attempted_at=now)
        with self._noting_a_fault(mine):
            self._send(mine, address, message)

    def _send(self, mine: Pending, address: str, message: Message) -> None:
        with Step(
            "notify", site=mine.site, issue_id=mine.issue_id, kind="notification",
            channel=mine.channel, key=mine.saying.key,
        ) as step:  # fmt: skip
            sent = self.send(address, message)
            if sent.outcome != "sent":
                step.outcome = sent.outcome.replace("_", " ")
        if sent.outcome == "sent":
            self._note(
                mine, state="sent", sent_at=self.now(), try_at=None, error=None, attempted_at=None
            )
            return
        _log.warning(
            "channel not told", channel=mine.channel, kind=kind_of(address), reason=sent.reason
        )
        self._failed(mine, sent)

    def _failed(self, mine: Pending, sent: Sent) -> None:
        in_doubt_since = mine.attempted_at if sent.outcome == "in_doubt" else None
        if mine.attempts >= len(_PAUSES):
            self._give_up(mine, sent.reason, attempted_at=in_doubt_since)
            return
        self._note(
            mine, **_after_failure(mine, sent.reason, self.now()), attempted_at=in_doubt_since
        )

    def _message(self, pending: Pending) -> Message:
        # Templates are for who speaks: a start that has nothing to say does without them.
        from connector.markup import to_text
        from connector.wording import worded

        row = self.database.read(lambda c: issues.get(c, pending.site, pending.issue_id))
        name = (row and row.key) or pending.issue_id
        channels = self.channels()
        now, saying = self.now(), pending.saying
        text = to_text(
            worded(
                # That it comes late is told below, since the comment's words are about Jira.
                replace(saying, at=now), channels.wording, channels.fallback,
                issue=name, mentions=(), now=now,
            )
        )  # fmt: skip
        last = f"Reference {_reference(pending)}"
        if now - saying.at >= _LATE and "since_at" not in saying.facts:
            last += f"; this was so {whole_minutes(now - saying.at)} ago"
        if pending.attempted_at is not None:
            last += "; you may have had this before: nobody knows whether it went out"
        return Message(_title(name, pending.saying), f"{text}\n\n{self.link(name)}\n{last}")

    @contextmanager
    def _noting_a_fault(self, last: Pending) -> Iterator[None]:
        """Note a fault of ours, which counts as a failure: it may be there for ever.

        Args:
            last: the row as this process last read or wrote it. Where another one has it in hand
                meanwhile, it is for that one to say what became of it, and is left the time to.
        """
        try:
            yield
        except Exception as error:  # noqa: BLE001 - logged; the others must not wait for it
            _log.exception("channel could not be told", channel=last.channel)
            fault = f"{type(error).__name__}: {error}"
            now = self.now()
            if last.attempts >= len(_PAUSES):
                is_mine = self._give_up(last, fault)
            else:
                is_mine = self._note(last, **_after_failure(last, fault, now))
            if not is_mine:
                until = now + _UNDER_WAY
                self.database.write(lambda c: notifications.put_off(c, last, until, fault))

    def _give_up(self, pending: Pending, reason: str, **values: object) -> bool:
        is_mine = self._note(pending, state="given_up", try_at=None, error=reason, **values)
        if is_mine:
            _log.error(
                "channel not told", channel=pending.channel, reason=reason, verdict="give_up"
            )
        return is_mine

    def _note(self, pending: Pending, **values: object) -> bool:
        return self.database.write(lambda c: notifications.note(c, pending, **values))


def _after_failure(pending: Pending, reason: str, now: datetime) -> dict[str, object]:
    """The columns of what is tried once more."""
    attempts = pending.attempts
    return {"try_at": now + _PAUSES[attempts], "attempts": attempts + 1, "error": reason}


def _told_at(channel: Channel, saying: Saying, now: datetime) -> datetime:
    try:
        return channel.told_at(saying, now)
    except CalendarError:
        # Hours that never come again are no reason to keep what people wait for.
        return now


def _title(issue: str, saying: Saying) -> str:
    metric = saying.facts.get("metric") or saying.occasion
    level = saying.facts.get("level_name")
    what = {"warning": "is in danger", "breach": "is breached"}.get(saying.occasion)
    if what is None:
        what = f"escalated to {level}" if level else saying.occasion
    return f"{issue}: {metric} {what}"


def _reference(pending: Pending) -> str:
    """By which a message that came twice is known to be one."""
    whole = "/".join((pending.site, pending.issue_id, pending.saying.key, pending.channel))
    return hashlib.sha256(whole.encode()).hexdigest()[:10]
