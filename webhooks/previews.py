"""How far the preview of a draft has come, and what it found, as it is kept with the draft."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import sys
import threading
import zlib
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
import structlog
from msgspec.structs import replace
from sqlalchemy import Connection

from config.calendar_changes import CalendarChange
from sla.preview import Move
from sla.store import drafts
from sla.store.consequences import Written
from sla.store.database import Database
from sla.store.drafts import Draft

_log = structlog.get_logger(__name__)

LOST_AFTER = timedelta(seconds=60)
"""A preview that gave no sign of life for so long is not being worked out any more."""
_SIGN_EVERY = timedelta(seconds=1)
_SIGN_WHILE_WAITING = LOST_AFTER / 4
_LONGEST_SECONDS = 900.0


class Preview(msgspec.Struct, frozen=True, kw_only=True):
    """What would become of the open issues, if a draft came into force for all of them now."""

    revision: int
    """Of the draft; another one was not previewed."""
    base: int
    """The publication that was in force."""
    state: Literal["working", "done", "failed"]
    asked_at: datetime
    sign_at: datetime
    """The last sign of life of who works it out, by the machine's clock."""
    run: str = ""
    """Tells a preview from an earlier one of the same revision."""
    done: int = 0
    """How many parts of the open issues were looked at."""
    parts: int = 0
    """How many there are; 0: not known yet."""
    why: str = ""
    """Why it failed."""
    before: str = ""
    after: str = ""
    """The version that the draft would be."""
    changes: Sequence[str] = ()
    """A line for each contract, calendar and project that would be another."""
    looked_at: int = 0
    """How many open issues there are."""
    unread: int = 0
    """How many further issues' histories are still to be read."""
    counts: Mapping[str, int] = {}
    """How many issues and clocks would move, and how many of those which way."""
    contracts: Mapping[str, Mapping[str, int]] = {}
    """The same by contract."""
    written: Written = Written()
    """How much would be written to Jira."""
    calendars: Sequence[CalendarChange] = ()
    """What calendars would do otherwise, as days."""
    kept: Mapping[str, int] = {}
    """How many issues and clocks would move, if those with a promise kept it."""
    kept_written: Written = Written()
    """How much would be written to Jira then."""
    moved_before: int = 0
    """How many of the moves the version in force would make, too: open issues were left as
    promised when it, or one before it, came."""

    @classmethod
    def of(cls, noted: Mapping[str, Any]) -> Preview:
        """As it was noted."""
        return msgspec.convert(noted, cls)

    def noted(self) -> dict[str, Any]:
        """Plain values to be kept."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def is_of(self, draft: Draft) -> bool:
        """Whether it is done, and of exactly this revision on this base."""
        return self.state == "done" and self.of_same(draft)

    def of_same(self, draft: Draft) -> bool:
        """Whether this revision on this base was asked about."""
        return (self.revision, self.base) == (draft.revision, draft.base)

    def is_worked_at(self, real_now: datetime) -> bool:
        """Whether somebody works it out, by the machine's clock; else it is done, or was lost."""
        return self.state == "working" and real_now - self.sign_at <= LOST_AFTER


def moves(packed: bytes) -> list[Move]:
    """What was found to move, in order of urgency."""
    return msgspec.msgpack.decode(zlib.decompress(packed), type=list[Move])


@dataclass
class Previews:
    """Works previews out beside a service, one after the other.

    Args:
        database: where drafts are kept.
        site: the site.
        url: the database's address.
        now: gives the present instant, aware UTC.
        real_now: the same by the machine's own clock, which no demo makes faster.
    """

    database: Database
    site: str
    url: str
    now: Callable[[], datetime]
    real_now: Callable[[], datetime]
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _threads: list[threading.Thread] = field(default_factory=list)

    def begin(self, draft: Draft, text: str) -> Preview:
        """Have a draft's preview worked out; returns at once.

        Args:
            draft: as it was seen.
            text: the configuration that it comes to.

        Returns:
            The preview as far as it is; one that is being worked out already is not begun anew.
        """
        now, real_now = self.now(), self.real_now()
        run = secrets.token_hex(8)
        new = Preview(
            revision=draft.revision, base=draft.base, run=run, state="working", asked_at=now,
            sign_at=real_now,
        )  # fmt: skip

        def work(connection: Connection) -> Preview:
            drafts.get(connection, self.site, draft.id, locked=True)
            noted = drafts.preview(connection, self.site, draft.id)
            there = Preview.of(noted) if noted else None
            if there and there.of_same(draft) and there.is_worked_at(real_now):
                return there
            drafts.note_preview(connection, self.site, draft.id, new.noted())
            return new

        begun = self.database.write(work)
        if begun.run == run:
            thread = threading.Thread(
                target=self._work_out, args=(draft.id, begun, text), name="preview", daemon=True
            )
            self._threads = [each for each in self._threads if each.is_alive()] + [thread]
            thread.start()
        return begun

    def wait(self) -> None:
        """Return when all that was begun is done."""
        for thread in self._threads:
            thread.join()

    def _work_out(self, draft: int, preview: Preview, text: str) -> None:
        try:
            if self._comes_to_its_turn(draft, preview):
                try:
                    self._ask(draft, preview, text)
                finally:
                    self._turn.release()
        except Exception as error:  # noqa: BLE001 - told to who asked, and logged
            _log.exception("preview failed", draft=draft)
            why = f"It could not be worked out ({type(error).__name__}); the log says why."
            with suppress(Exception):
                self._note(draft, replace(preview, state="failed", why=why))

    def _comes_to_its_turn(self, draft: int, preview: Preview) -> bool:
        """Wait behind others, with a sign of life now and then; False: nobody wants it any more."""
        while not self._turn.acquire(timeout=_SIGN_WHILE_WAITING.total_seconds()):
            if not self._note(draft, replace(preview, sign_at=self.real_now())):
                return False
        return True

    def _ask(self, draft: int, preview: Preview, text: str) -> None:
        """Ask a process of its own, and note how far it is."""
        from webhooks.working_out import Asked, Told

        asked = msgspec.json.encode(Asked(self.url, text, preview.asked_at))
        with subprocess.Popen(
            [sys.executable, "-m", "webhooks.working_out"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True,
        ) as process:  # fmt: skip
            too_long = threading.Timer(_LONGEST_SECONDS, _end, [process.pid])
            too_long.daemon = True
            too_long.start()
            try:
                if process.stdin is None or process.stdout is None:
                    raise AssertionError("both were asked for")
                process.stdin.write(asked)
                process.stdin.close()
                for line in process.stdout:
                    told = msgspec.json.decode(line, type=Told)
                    if told.found or told.error:
                        self._conclude(draft, preview, told)
                        return
                    at = self.real_now()
                    if at - preview.sign_at >= _SIGN_EVERY or not preview.parts:
                        preview = replace(preview, done=told.done, parts=told.parts, sign_at=at)
                        if not self._note(draft, preview):
                            # The draft has changed, and another preview was asked for.
                            return
            finally:
                too_long.cancel()
                _end(process.pid)
        raise ChildProcessError(f"it ended with status {process.returncode}")

    def _conclude(self, draft: int, preview: Preview, told: Any) -> None:
        found = told.found
        if found is None:
            failed = replace(preview, state="failed", why=told.error)
            self._note(draft, failed)
            return
        done = replace(
            preview, state="done", done=preview.parts, before=found.before,
            after=found.after, changes=found.changes, looked_at=found.looked_at,
            unread=found.unread, counts=found.counts, contracts=found.contracts,
            written=found.written, calendars=found.calendars, kept=found.kept,
            kept_written=found.kept_written, moved_before=found.moved_before,
        )  # fmt: skip
        self._note(draft, done, b64decode(found.moves))

    def _note(self, draft: int, preview: Preview, moved: bytes | None = None) -> bool:
        """Keep how far a preview is; False when another one was asked for meanwhile."""

        def work(connection: Connection) -> bool:
            drafts.get(connection, self.site, draft, locked=True)
            noted = drafts.preview(connection, self.site, draft)
            if not noted or Preview.of(noted).run != preview.run:
                return False
            drafts.note_preview(connection, self.site, draft, preview.noted(), moved)
            return True

        return self.database.write(work)


def _end(process: int) -> None:
    """End a process and those that it started."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process, signal.SIGKILL)


__all__ = ["LOST_AFTER", "Preview", "Previews", "moves"]
