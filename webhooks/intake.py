"""Keeping what Jira sends: named, stored once, and asked for again where it cannot be stored."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec
import structlog

from sla.steps import Step, following, short_name
from sla.store import faults, inbox
from sla.store.database import Database
from webhooks.rush import Rush
from webhooks.signatures import hex_digest

_log = structlog.get_logger(__name__)
# Jira stops trying again at any 4xx, so a larger payload would be lost: allow what Jira may send.
LARGEST_BODY: Final = 25 * 1024 * 1024
_LONGEST_IDENTIFIER = 200


class Taken(msgspec.Struct, frozen=True):
    """A delivery that is to be kept."""

    site: str
    name: str
    """What tells it apart, see `delivery_id`."""
    body: bytes
    received_at: datetime
    issue_id: str | None
    began: float
    """When it was taken, as `time.perf_counter` shows it."""

    @property
    def row(self) -> tuple[Any, ...]:
        """As `sla.store.inbox` is given it."""
        return self.site, self.name, self.body, self.received_at, self.issue_id


@dataclass(frozen=True)
class Intake:
    """Where deliveries are kept, and who is told of them."""

    database: Database
    now: Callable[[], datetime]
    heard: Callable[[str, str | None], None]
    """Told after a delivery was kept, with the site and the issue that it is about."""
    subject_of: Callable[[bytes], str | None]
    """Tells the issue from a body; must not raise."""
    rush: Rush
    """Told of each delivery while it is taken in."""

    def keep(self, site: str, body: bytes, delivery: str) -> bool:
        """Keep a delivery under its name; False where it must come again."""
        taken = self.taken(site, body, delivery)
        number, failure = 0, None
        with self.rush.one():
            try:
                number = int(self.database.write(lambda c: inbox.keep(c, *taken.row)))
            except Exception as error:  # noqa: BLE001 - logged, and answered
                failure = error
        self.settle([taken], number, failure)
        return failure is None

    def taken(self, site: str, body: bytes, delivery: str) -> Taken:
        """A delivery of now, with its name."""
        issue_id = self.subject_of(body)
        return Taken(site, delivery, body, self.now(), issue_id, time.perf_counter())

    def settle(self, group: Sequence[Taken], number: int, failure: Exception | None) -> None:
        """Tell whom it concerns of deliveries that went the same way.

        Args:
            group: the deliveries.
            number: how many of them are new. Where some are not, all pass for new: to be looked
                for once too often does no issue any harm.
            failure: why none of them is stored; whatever it is, Jira must come again.
        """
        ended = time.perf_counter()
        if number:
            for site, issue_id in {(each.site, each.issue_id): None for each in group}:
                self.heard(site, issue_id)
        outcome = type(failure).__name__ if failure else "kept" if number else "known already"
        for each in group:
            with following(short_name(each.name)):
                step = Step("receive", outcome, site=each.site, issue_id=each.issue_id)
                step.tell(each.began, ended)
                if failure:
                    _tell_failure(each.site, failure)


def _tell_failure(site: str, failure: Exception) -> None:
    if faults.storage_fault(failure):
        # A full disk is not to be filled with tracebacks.
        _log.error("delivery could not be stored", site=site, reason=faults.reason(failure))
    else:
        _log.error("delivery could not be stored", site=site, exc_info=failure)


def delivery_id(identifier: str | None, body: bytes) -> str:
    """What tells deliveries apart: the body, together with Jira's identifier where there is one.

    Jira keeps its identifier over retries, but no signature covers it: alone it would let a
    delivery be taken for the repetition of another one, and be lost. A repetition whose body
    differs is kept beside the first; its facts change nothing.
    """
    digest = hex_digest(hashlib.sha256(), body)
    # PostgreSQL refuses NUL in a text, and nobody could read the rest in a log.
    usable = identifier and identifier.isascii() and identifier.isprintable()
    if usable and len(identifier or "") <= _LONGEST_IDENTIFIER:
        return f"{identifier} sha256:{digest}"
    return f"sha256:{digest}"
