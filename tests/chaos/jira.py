"""The simulated Jira of a run: it acts the script, keeps sending, and can be read at the end."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import requests

from connector.base import PROPERTY
from connector.simulator import AGENT, CUSTOMER, DUELINE, Delivery, RecordedRequest, Simulator
from connector.simulator.model import Issue
from tests.chaos.clock import SharedClock
from tests.chaos.script import Action
from tests.chaos.sky import Sky

SLA_FIELDS = ("SLA ", "First resp")
# Jira tries five times more; the steps between are the simulator's own, and these are over before
# anything can fall due (see `script.Step`).
_RETRY_DELAYS = (*[timedelta(seconds=1)] * 4, timedelta(minutes=10))
_AT_ONCE = 4
# A receiver that hangs is passed over after so many seconds.
_BALANCER_PATIENCE = 2.0
_GLANCE = 0.05
_OF_BOTH = frozenset({"comment", "history"})
# Numbers of what Dueline makes lie far from those of the script, which are the same in each run.
_OF_DUELINE = 5_000_000


@dataclass(frozen=True)
class Comment:
    """One of Dueline's comments."""

    words: str
    public: bool


@dataclass(frozen=True)
class Shown:
    """An issue as it stands in Jira.

    `said` holds, for each key, every comment that carries it.
    """

    fields: Mapping[str, str]
    said: Mapping[str, Sequence[Comment]]


class _Answers(deque[RecordedRequest]):
    """Counts what was answered."""

    def __init__(self, sky: Sky) -> None:
        super().__init__(maxlen=1)
        self._sky = sky
        self.number = 0

    def append(self, answered: RecordedRequest) -> None:
        self._sky.answered()
        self.number += 1
        super().append(answered)


class Balancer:
    """In front of several receivers: each delivery to the next of them that answers."""

    def __init__(self) -> None:
        self._urls: Sequence[str] = ()
        self._turns = count()

    def stand_before(self, urls: Sequence[str]) -> None:
        """Know the receivers by their addresses."""
        self._urls = urls

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Send a delivery; raises `OSError` when nobody answers."""
        first, path = next(self._turns), urlsplit(url).path
        failure: OSError = OSError("there is no receiver")
        for number in range(len(self._urls)):
            receiver = self._urls[(first + number) % len(self._urls)]
            try:
                return requests.post(
                    f"{receiver}{path}", data=body, headers=headers, timeout=_BALANCER_PATIENCE
                ).status_code
            except requests.RequestException as error:
                failure = error
        raise failure


class Jira(Simulator):
    """A simulator whose numbers do not depend on when Dueline writes, and that sends in parallel.

    `sent` counts the events that were to be told, `attempts` each try to tell one.
    """

    def __init__(self, clock: SharedClock, sky: Sky) -> None:
        self.balancer = Balancer()
        super().__init__(now=clock.now, post=self.balancer.post)
        self.faults.weather = self.sky = sky
        self.requests = self._answers = _Answers(sky)
        self.sent = 0
        self.tries = 0
        self._keys: dict[int, str] = {}
        self._scripted = threading.local()
        self._busy = False
        self._stopped = False

    def act(self, actions: Sequence[Action]) -> None:
        """Do what the script says."""
        self._scripted.acting = True
        try:
            for action in actions:
                self._act(action)
        finally:
            self._scripted.acting = False

    def next_number(self, sequence: str) -> int:
        """See `World`."""
        if sequence == "delivery":
            self.sent += 1
        if sequence not in _OF_BOTH or getattr(self._scripted, "acting", False):
            return super().next_number(sequence)
        return _OF_DUELINE + super().next_number(f"{sequence} of Dueline")

    def _act(self, action: Action) -> None:
        how: Mapping[str, Any] = action.how
        if action.what == "create":
            self._keys[action.issue] = self.create_issue(how, account=CUSTOMER).key
            return
        key = self._keys[action.issue]
        match action.what:
            case "reply" | "ask":
                account = AGENT if action.what == "reply" else CUSTOMER
                self.add_comment(key, how["body"], account=account)
            case "note":
                self.add_comment(key, "Looked at it.", account=AGENT, internal=True)
            case "edit" | "rewrite":
                self.edit(key, how)
            case "transition":
                self.transition(key, how["to"])
            case "assign":
                self.assign(key, how["to"])
            case "link":
                self.link(key, self._keys[action.other or 0])
            case "move":
                issue = self.issue(key)
                self.move_issue(key, project=how["project"])
                self._keys[action.issue] = issue.key
            case _:
                self.delete_issue(key)

    @contextmanager
    def sending(self) -> Iterator[None]:
        """Send what is due as soon as it is, several at once as Jira does, until the block ends."""
        thread = threading.Thread(target=self._send_all, name="jira", daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self.something_pending:
                self._stopped = True
                self.something_pending.notify_all()
            thread.join(timeout=30)

    def look(self) -> None:
        """Told that the clock was moved."""
        with self.something_pending:
            self.something_pending.notify_all()

    @property
    def at_rest(self) -> bool:
        """Whether no delivery is under way or due, and no request is being answered."""
        with self.lock:
            return not self._busy and not self.due() and self._answers.number == self.sky.requests

    @property
    def traffic(self) -> tuple[int, int]:
        """Changes with each request and each delivery."""
        return self.sky.requests, self.tries

    def shown(self) -> dict[str, Shown]:
        """Every issue, by its key."""
        with self.lock:
            return {key: self._shown(issue) for key, issue in self.issues.items()}

    def _shown(self, issue: Issue) -> Shown:
        fields = {
            field.name: str(issue.values.get(field.id))
            for field in self.site.fields.values()
            if field.name.startswith(SLA_FIELDS)
        }
        # An escalation may assign; the rest is the script's own, to be sure that it is the same.
        fields["Assignee"] = str(issue.values.get("assignee"))
        fields["Status"] = issue.status.name
        fields["Summary"] = str(issue.values.get("summary"))
        fields["Comments of others"] = str(
            [comment.body.wiki for comment in issue.comments if comment.author != DUELINE]
        )
        said: dict[str, list[Comment]] = {}
        for comment in issue.comments:
            if comment.author == DUELINE:
                key = (comment.properties.get(PROPERTY) or {}).get("key", "without a key")
                said.setdefault(key, []).append(Comment(comment.body.wiki, comment.public))
        return Shown(fields, said)

    def _send_all(self) -> None:
        with ThreadPoolExecutor(_AT_ONCE, "jira") as pool:
            while True:
                with self.something_pending:
                    self._busy = False
                    while not self._stopped and not self.due():
                        self.something_pending.wait(_GLANCE)
                    if self._stopped:
                        return
                    self._busy = True
                while batch := self._take_due():
                    list(pool.map(self._send, batch))

    def _send(self, delivery: Delivery) -> int:
        fault = self.faults.for_delivery(delivery.event)
        if fault == "drop":
            return 0
        if fault == "double":
            self._try(delivery)
        self.tries += 1
        status = self._try(delivery)
        told = status is not None and 200 <= status < 300
        # All that is not told is tried again: what a start refuses as much as silence.
        if not told and delivery.attempt < len(_RETRY_DELAYS):
            with self.lock:
                delivery.due_at = self.now() + _RETRY_DELAYS[delivery.attempt]
                delivery.attempt += 1
                self._pending.append(delivery)
        return int(told)
