"""One message to one address beyond Jira, by apprise, and what is known of it afterwards.

apprise says only whether a message went out. Whether a failure leaves that open, because the answer
did not come in time, is told by what it logs meanwhile; that is looked at and not kept, since it
names addresses, which are secrets.
"""

from __future__ import annotations

import logging
import re
import threading
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

import msgspec

Outcome = Literal["sent", "failed", "in_doubt"]

_SECONDS: Final = 15
"""To connect, and again until the answer: a service that takes longer holds up others."""
_UNANSWERED = re.compile(
    r"read timed out|connection aborted|remote end closed|timeout\('timed out"
    # Of a mail server, also where it had the whole mail.
    r"|connection unexpectedly closed",
    re.IGNORECASE,
)
# A mail server's own words are told as a detail only.
_DETAIL = "Socket Exception: "
_LONGEST_REASON = 300
_SHORTEST_SECRET = 4


class Message(msgspec.Struct, frozen=True):
    """What somebody is told."""

    title: str
    text: str


class Sent(msgspec.Struct, frozen=True):
    """What became of a message."""

    outcome: Outcome
    """`in_doubt`: it left, and nobody said that it came."""
    reason: str = ""
    """Why it failed, without the address."""


def send(address: str, message: Message) -> Sent:
    """Send a message; blocks until the service has answered or its time is over.

    Args:
        address: as apprise reads addresses, such as `slack://...`.
        message: plain text. Whatever calls people or is markup somewhere is taken out of it.
    """
    # Its import takes half a second, and most installations never need it.
    import apprise

    logger = logging.getLogger("apprise")
    logger.propagate = False
    # Timeouts are told at this level; nobody but the handler below gets to see them.
    logger.setLevel(logging.DEBUG)
    service = apprise.Apprise.instantiate(_in_time(address), suppress_exceptions=True)
    if service is None:
        return Sent("failed", "apprise cannot read the address: look its form up there")
    told = _Told()
    logger.addHandler(told)
    try:
        done = service.notify(
            title=_harmless(message.title.replace("\n", " ")),
            body=_harmless(message.text),
            body_format=apprise.NotifyFormat.TEXT,
        )
    except Exception as error:  # noqa: BLE001 - of one of a hundred plugins; told by its kind,
        # since its words may hold the address.
        return Sent("in_doubt", f"apprise failed: {type(error).__name__}")
    finally:
        logger.removeHandler(told)
    if done:
        return Sent("sent")
    outcome: Outcome = "in_doubt" if told.is_unanswered else "failed"
    return Sent(outcome, _without_secrets(told.reason, address))


class _Told(logging.Handler):
    """What apprise logs of one message: of this thread, since others send to other addresses."""

    def __init__(self) -> None:
        super().__init__()
        self._thread = threading.get_ident()
        self._lines: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread == self._thread:
            self._lines.append((record.levelno, record.getMessage()))

    @property
    def is_unanswered(self) -> bool:
        return any(_UNANSWERED.search(line) for _, line in self._lines)

    @property
    def reason(self) -> str:
        grave = [
            line.removeprefix(_DETAIL).partition("\n")[0]
            for level, line in self._lines
            if level >= logging.WARNING or line.startswith(_DETAIL)
        ]
        return " ".join(grave) or "apprise did not say why"


def kind_of(address: str) -> str:
    """What an address leads to, which is all of it that may be shown: `slack`, `mailtos`."""
    return address.partition("://")[0]


def _in_time(address: str) -> str:
    """With an end to waiting, unless the address has one of its own."""
    given = [f"{name}={_SECONDS}" for name in ("cto", "rto") if f"{name}=" not in address]
    return address + ("&" if "?" in address else "?") + "&".join(given) if given else address


def _harmless(text: str) -> str:
    """Without what would call everybody of a chat, or show as something else than it is."""
    return text.replace("@", "@\u200b").replace("<", "\u2039").replace(">", "\u203a")


def _without_secrets(text: str, address: str) -> str:
    parts = urlsplit(address)
    pieces = re.split(r"[/?&=:@,;]+", f"{parts.netloc}/{parts.path}?{parts.query}")
    for piece in sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True):
        if len(piece) >= _SHORTEST_SECRET:
            text = text.replace(piece, "***")
    return text[:_LONGEST_REASON]
