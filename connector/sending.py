"""One message to one address beyond Jira, by apprise, and what is known of it afterwards.

apprise says only whether a message went out. Whether a failure leaves that open, because the answer
did not come in time, is told by what it logs meanwhile; that is looked at and not kept, since it
names addresses, which are secrets.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import unquote, urlsplit

Outcome = Literal["sent", "failed", "in_doubt"]

_SECONDS: Final = 15
"""To connect, and again until the answer: a service that takes longer holds up others."""
_UNANSWERED = re.compile(r"read timed out|connection aborted|remote end closed|timeout\('timed out",
                         re.IGNORECASE)  # fmt: skip
_LONGEST_REASON = 300
_SHORTEST_SECRET = 4


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody is told."""

    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Sent:
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
    service = apprise.Apprise.instantiate(_in_time(address), suppress_exceptions=True)
    if service is None:
        return Sent("failed", "apprise cannot read the address: look its form up there")
    with apprise.LogCapture(level=logging.DEBUG, fmt="%(levelname)s %(message)s") as log:  # type: ignore[no-untyped-call]
        try:
            done = service.notify(
                title=_harmless(message.title.replace("\n", " ")),
                body=_harmless(message.text),
                body_format=apprise.NotifyFormat.TEXT,
            )
        except Exception as error:  # noqa: BLE001 - of one of a hundred plugins; told by its kind,
            # since its words may hold the address.
            return Sent("in_doubt", f"apprise failed: {type(error).__name__}")
        told = log.getvalue()
    if done:
        return Sent("sent")
    outcome: Outcome = "in_doubt" if _UNANSWERED.search(told) else "failed"
    return Sent(outcome, _without_secrets(_reason(told), address))


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


def _reason(told: str) -> str:
    grave = [line for line in told.splitlines() if line.startswith(("WARN", "ERR"))]
    return " ".join(line.partition(" ")[2] for line in grave) or "apprise did not say why"


def _without_secrets(text: str, address: str) -> str:
    parts = urlsplit(address)
    pieces = re.split(r"[/?&=:@,;]+", f"{parts.netloc}/{parts.path}?{parts.query}")
    for piece in sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True):
        if len(piece) >= _SHORTEST_SECRET:
            text = text.replace(piece, "***")
    return text[:_LONGEST_REASON]
