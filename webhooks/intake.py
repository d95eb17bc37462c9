"""Keeping what Jira sends: named, stored once, and asked for again where it cannot be stored."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from sla.steps import Step, following, short_name
from sla.store import faults, inbox
from sla.store.database import Database, Entry
from webhooks.rush import Rush
from webhooks.short_way import ShortWay
from webhooks.signatures import hex_digest, is_signed

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_log = structlog.get_logger(__name__)
# Jira stops trying again at any 4xx, so a larger payload would be lost: allow what Jira may send.
LARGEST_BODY: Final = 25 * 1024 * 1024
_LONGEST_IDENTIFIER = 200


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
        received_at, issue_id = self.now(), self.subject_of(body)
        row = (site, delivery, body, received_at, issue_id)
        with following(short_name(delivery)):
            return self._keep(site, issue_id, row)

    def _keep(self, site: str, issue_id: str | None, row: tuple[object, ...]) -> bool:
        step = Step("receive", "kept", site=site, issue_id=issue_id)
        try:
            with step, self.rush.one():
                is_new = self.database.write(Entry(inbox.keep, inbox.keep_all, row))
                if not is_new:
                    step.outcome = "known already"
        except Exception as error:  # noqa: BLE001 - logged, and answered
            # Whatever the reason, it is not safely stored: Jira must come again.
            if faults.storage_fault(error):
                # A full disk is not to be filled with tracebacks.
                _log.error("delivery could not be stored", site=site, reason=faults.reason(error))
            else:
                _log.exception("delivery could not be stored", site=site)
            return False
        if is_new:
            self.heard(site, issue_id)
        return True

    def in_front_of(
        self,
        further: WSGIApplication,
        secrets: Mapping[str, tuple[str, ...]],
        default_site: str,
        largest: Callable[[], int | None] = lambda: LARGEST_BODY,
    ) -> ShortWay:
        """Take what is rightly signed before an application is asked.

        Args:
            further: is asked for all else.
            secrets: for each site the webhook secrets that are good at present.
            default_site: the site that `/webhooks/jira` stands for.
            largest: tells how many bytes a delivery may have; None: as many as it likes.
        """
        signed_at = {f"/webhooks/jira/{site}": site for site in secrets}
        if default_site in secrets:
            signed_at["/webhooks/jira"] = default_site
        return ShortWay(
            further,
            signed_at,
            largest=largest,
            is_signed=lambda site, body, header: is_signed(body, header, secrets[site]),
            take=lambda site, body, name: self.keep(site, body, delivery_id(name, body)),
        )


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
