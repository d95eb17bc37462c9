"""The short way in: what Jira rightly signed is kept and answered before Flask is asked.

Around its view Flask takes 0.1 ms of a request: finding the route, a request, a response, their
contexts; and a thread for each request as much again. Checking and naming a delivery of 10 kB takes
0.03, on the event loop. Whatever is not plainly a good delivery goes on to Flask, as if nobody had
looked at it, and is refused there.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from webhooks.in_threads import BROKEN_OFF, TEXT
from webhooks.intake import delivery_id
from webhooks.signatures import is_signed, may_be_signature

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol, Scope  # type: ignore[attr-defined]

    from webhooks.in_threads import InThreads

BADLY_SIGNED = "dueline.badly_signed"
"""In the environment of a request that goes on: whether its signature does not fit its body."""
COME_AGAIN = "The delivery could not be stored; please send it again."
LARGEST: Final = 100_000
"""Bytes: a larger body would hold up the event loop for as long as its hashing takes."""
MOST: Final = 256
"""So many deliveries at once; what comes beyond waits for a thread, and its body with Jira."""
_TAKEN = [TEXT, ("content-length", "0")]
_NOT_TAKEN = [TEXT, ("retry-after", "30")]


class ShortWay:
    """An RSGI application in front of a WSGI application.

    Args:
        further: asks that one.
        sites: the path of each address that signed deliveries come to, with its site.
        secrets: for each site the webhook secrets that are good at present.
        keep: keeps a delivery, given its site, its body and its name; returns whether it could be
            kept.
    """

    def __init__(
        self,
        further: InThreads,
        sites: Mapping[str, str],
        secrets: Mapping[str, tuple[str, ...]],
        keep: Callable[[str, bytes, str], Awaitable[bool]],
    ) -> None:
        self._further, self._sites, self._secrets, self._keep = further, sites, secrets, keep
        self._inside = 0

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        """Answer a request."""
        site = self._sites.get(scope.path)
        if site is None or self._inside >= MOST or not _is_worth_reading(scope):
            await self._further(scope, protocol)
            return
        self._inside += 1
        try:
            await self._take(site, scope, protocol)
        finally:
            self._inside -= 1

    def __rsgi_del__(self, _loop: AbstractEventLoop) -> None:
        """Called by the server once its event loop has ended, for good."""
        self._further.close()

    async def _take(self, site: str, scope: Scope, protocol: HTTPProtocol) -> None:
        headers = scope.headers
        try:
            body = await protocol()
        except BROKEN_OFF:
            body = b""
        is_whole = len(body) == int(headers.get("content-length"))
        if not is_whole or not is_signed(body, headers.get("x-hub-signature"), self._secrets[site]):
            # Hashed once.
            await self._further(scope, protocol, body, {BADLY_SIGNED: is_whole})
            return
        name = delivery_id(headers.get("x-atlassian-webhook-identifier"), body)
        if await self._keep(site, body, name):
            protocol.response_empty(202, _TAKEN)
        else:
            protocol.response_str(503, _NOT_TAKEN, COME_AGAIN)


def _is_worth_reading(scope: Scope) -> bool:
    headers = scope.headers
    length = headers.get("content-length", "")
    return (
        scope.method == "POST"
        and length.isascii()
        and length.isdecimal()
        and len(length) <= len(str(LARGEST))
        and int(length) <= LARGEST
        and may_be_signature(headers.get("x-hub-signature", ""))
    )
